//! Bearer tokens of the blob routes: `device id ‖ expiry ‖ HMAC-SHA256`, base64url.
//! They carry no right of their own: each request asks the structure log and the
//! channel's spans again.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::Mac;
use relais_wire::ids::DeviceId;
use relais_wire::label::Label;
use relais_wire::limits;

use crate::mac::MacKey;

const TOKEN_BYTES: usize = 16 + 8 + 32;

/// Makes and checks tokens.
pub struct Tokens {
    key: Arc<MacKey>,
}

impl Tokens {
    /// With the server's secret.
    pub fn new(key: Arc<MacKey>) -> Self {
        Self { key }
    }

    /// A token for `device`, and when it expires.
    pub fn issue(&self, device: DeviceId, now_ms: u64) -> (String, u64) {
        let expires_ms = now_ms.saturating_add(limits::TOKEN_MS);
        let mut token = Vec::with_capacity(TOKEN_BYTES);
        token.extend_from_slice(device.as_ref());
        token.extend_from_slice(&expires_ms.to_be_bytes());
        if let Some(mac) = self.key.mac(Label::BearerToken, &[&token]) {
            token.extend_from_slice(&mac.finalize().into_bytes());
        }
        (URL_SAFE_NO_PAD.encode(token), expires_ms)
    }

    /// The device of a token that we made and that has not expired.
    pub fn check(&self, token: &str, now_ms: u64) -> Option<DeviceId> {
        // Longer than any token of ours: not worth decoding.
        if token.len() > TOKEN_BYTES * 2 {
            return None;
        }
        let token = URL_SAFE_NO_PAD.decode(token).ok()?;
        let (claims, tag) = token.split_at_checked(24)?;
        let mac = self.key.mac(Label::BearerToken, &[claims])?;
        mac.verify_slice(tag).ok()?;
        let (device, expires) = claims.split_at_checked(16)?;
        let expires_ms = u64::from_be_bytes(expires.try_into().ok()?);
        let device = DeviceId::try_from(device).ok()?;
        (now_ms < expires_ms).then_some(device)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn new(key: [u8; 32]) -> Tokens {
        Tokens::new(Arc::new(MacKey::new(key)))
    }

    // proves: W1
    #[test]
    fn an_expired_or_forged_token_opens_nothing() {
        let tokens = new([1; 32]);
        let device = DeviceId([7; 16]);
        let (token, expires) = tokens.issue(device, 1_000);
        assert_eq!(expires, 1_000 + limits::TOKEN_MS);
        assert_eq!(tokens.check(&token, expires - 1), Some(device));
        assert_eq!(tokens.check(&token, expires), None);
        assert_eq!(new([2; 32]).check(&token, 1_000), None);
        let mut raw = URL_SAFE_NO_PAD.decode(&token).expect("base64");
        for at in 0..raw.len() {
            raw[at] ^= 1;
            assert_eq!(tokens.check(&URL_SAFE_NO_PAD.encode(&raw), 1_000), None);
            raw[at] ^= 1;
        }
        let cut = URL_SAFE_NO_PAD.encode(&raw[..TOKEN_BYTES - 1]);
        assert_eq!(tokens.check(&cut, 1_000), None);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(10_000))]
        // proves: W2
        #[test]
        fn any_text_is_refused_without_a_panic(text in ".{0,200}") {
            prop_assert_eq!(new([1; 32]).check(&text, 0), None);
        }
    }
}
