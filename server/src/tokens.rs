//! Bearer tokens of the blob routes: `device id ‖ expiry ‖ HMAC-SHA256`, base64url.
//! They carry no right of their own: each request asks the structure log and the
//! channel's spans again.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac};
use relais_wire::ids::DeviceId;
use relais_wire::label::Label;
use relais_wire::limits;
use sha2::Sha256;

const TOKEN_BYTES: usize = 16 + 8 + 32;

/// Makes and checks tokens with the secret of the founding record.
pub struct Tokens {
    key: zeroize::Zeroizing<[u8; 32]>,
}

impl Tokens {
    /// With the founding record's token key.
    pub fn new(key: [u8; 32]) -> Self {
        Self { key: key.into() }
    }

    fn mac(&self, claims: &[u8]) -> Option<Hmac<Sha256>> {
        // HMAC takes keys of any length: this never fails.
        let mut mac = Hmac::<Sha256>::new_from_slice(self.key.as_ref()).ok()?;
        mac.update(Label::BearerToken.text().as_bytes());
        mac.update(claims);
        Some(mac)
    }

    /// A token for `device`, and when it expires.
    pub fn issue(&self, device: DeviceId, now_ms: u64) -> (String, u64) {
        let expires_ms = now_ms.saturating_add(limits::TOKEN_MS);
        let mut token = Vec::with_capacity(TOKEN_BYTES);
        token.extend_from_slice(device.as_ref());
        token.extend_from_slice(&expires_ms.to_be_bytes());
        if let Some(mac) = self.mac(&token) {
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
        self.mac(claims)?.verify_slice(tag).ok()?;
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

    // proves: W1
    #[test]
    fn an_expired_or_forged_token_opens_nothing() {
        let tokens = Tokens::new([1; 32]);
        let device = DeviceId([7; 16]);
        let (token, expires) = tokens.issue(device, 1_000);
        assert_eq!(expires, 1_000 + limits::TOKEN_MS);
        assert_eq!(tokens.check(&token, expires - 1), Some(device));
        assert_eq!(tokens.check(&token, expires), None);
        assert_eq!(Tokens::new([2; 32]).check(&token, 1_000), None);
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
            prop_assert_eq!(Tokens::new([1; 32]).check(&text, 0), None);
        }
    }
}
