//! What a new device shows to be scanned by one that its person uses already, and
//! the code that both then show: `relais-device#1.DATA`.
//!
//! `DATA` is base64url without padding over 52 bytes: enrolment key (32), secret
//! (16), check digits (4). The secret goes from screen to camera and never to the
//! server, which could otherwise search for a root key whose code is the same.

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::LinkError;
use crate::ids::StructureId;
use crate::label::{Label, hash};
use crate::structure::PublicKey;

const PREFIX: &str = "relais-device#";
const VERSION: &str = "1.";
const DATA_BYTES: usize = 52;
const CHECK_BYTES: usize = 4;
/// Far above the length of a request; it is scanned or pasted by people.
const TEXT_BYTES: usize = 256;

/// A new device asks to be linked.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct LinkRequest {
    /// Public half of the key that the new device made.
    pub enrolment_key: PublicKey,
    /// Known to the two devices alone.
    pub secret: [u8; 16],
}

impl fmt::Debug for LinkRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LinkRequest").finish_non_exhaustive()
    }
}

impl LinkRequest {
    fn check(&self) -> [u8; CHECK_BYTES] {
        let digest = hash(Label::LinkRequest, &[&self.enrolment_key, &self.secret]);
        let mut check = [0; CHECK_BYTES];
        check.copy_from_slice(&digest[..CHECK_BYTES]);
        check
    }
}

/// Writes the whole request, its secret included.
impl fmt::Display for LinkRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut data = [0; DATA_BYTES];
        data[..32].copy_from_slice(&self.enrolment_key);
        data[32..48].copy_from_slice(&self.secret);
        data[48..].copy_from_slice(&self.check());
        let text = URL_SAFE_NO_PAD.encode(data);
        data.zeroize();
        write!(f, "{PREFIX}{VERSION}{text}")
    }
}

impl FromStr for LinkRequest {
    type Err = LinkError;

    fn from_str(text: &str) -> Result<Self, LinkError> {
        let text = text.trim();
        if text.len() > TEXT_BYTES {
            return Err(LinkError::NotALink);
        }
        let versioned = text.strip_prefix(PREFIX).ok_or(LinkError::NotALink)?;
        let data = versioned.strip_prefix(VERSION).ok_or(LinkError::Version)?;
        let data = URL_SAFE_NO_PAD.decode(data).ok();
        let data: [u8; DATA_BYTES] = data
            .and_then(|d| d.try_into().ok())
            .ok_or(LinkError::Damaged)?;
        let mut request = Self {
            enrolment_key: [0; 32],
            secret: [0; 16],
        };
        request.enrolment_key.copy_from_slice(&data[..32]);
        request.secret.copy_from_slice(&data[32..48]);
        match request.check() == data[48..] {
            true => Ok(request),
            false => Err(LinkError::Damaged),
        }
    }
}

/// Eight digits that both devices derive and a person compares: the new device has
/// no fingerprint of the root, and a server that showed it another structure would
/// have to guess them, once.
pub fn comparison_code(
    request: &LinkRequest,
    structure: StructureId,
    root_key: &PublicKey,
) -> String {
    let LinkRequest {
        enrolment_key,
        secret,
    } = request;
    let digest = hash(
        Label::LinkCode,
        &[secret, enrolment_key, structure.as_ref(), root_key],
    );
    let mut number = [0; 8];
    number.copy_from_slice(&digest[..8]);
    let code = u64::from_be_bytes(number) % 100_000_000;
    format!("{:04} {:04}", code / 10_000, code % 10_000)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn request() -> LinkRequest {
        LinkRequest {
            enrolment_key: [2; 32],
            secret: [3; 16],
        }
    }

    // proves: I2
    #[test]
    fn a_request_survives_being_pasted_and_a_wrong_letter_is_noticed() {
        let text = request().to_string();
        assert_eq!(format!(" {text}\n").parse(), Ok(request()));
        for at in PREFIX.len() + VERSION.len()..text.len() - 1 {
            let other = if &text[at..=at] == "A" { "B" } else { "A" };
            let wrong = format!("{}{other}{}", &text[..at], &text[at + 1..]);
            assert_eq!(wrong.parse::<LinkRequest>(), Err(LinkError::Damaged));
        }
        let newer = text.replace("#1.", "#2.");
        assert_eq!(newer.parse::<LinkRequest>(), Err(LinkError::Version));
        let parsed = "https://a.example/join#1.AA".parse::<LinkRequest>();
        assert_eq!(parsed, Err(LinkError::NotALink));
        assert!(!format!("{:?}", request()).contains('3'));
    }

    // proves: I2
    #[test]
    fn another_root_structure_key_or_secret_has_another_code() {
        let structure = StructureId([1; 16]);
        let mut codes = vec![comparison_code(&request(), structure, &[4; 32])];
        codes.push(comparison_code(&request(), structure, &[5; 32]));
        codes.push(comparison_code(&request(), StructureId([2; 16]), &[4; 32]));
        let mut other = request();
        other.secret[0] ^= 1;
        codes.push(comparison_code(&other, structure, &[4; 32]));
        other = request();
        other.enrolment_key[0] ^= 1;
        codes.push(comparison_code(&other, structure, &[4; 32]));
        assert!(codes.iter().all(|c| c.len() == 9 && &c[4..5] == " "));
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), 5);
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_a_panic(text in ".*") {
            let _ = text.parse::<LinkRequest>();
            let _ = format!("{PREFIX}{VERSION}{text}").parse::<LinkRequest>();
        }
    }
}
