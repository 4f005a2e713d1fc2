//! The one link that a person receives outside Relais, as text or QR code:
//! `URL/join#1.DATA`. Everything secret is in the fragment, which a browser never
//! sends to a server.
//!
//! `DATA` is base64url without padding over 65 bytes: kind (1), structure id (16),
//! seed (32), root fingerprint (16). The `1.` in front is the version.

mod request;

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use zeroize::Zeroize;

use crate::ids::StructureId;

pub use request::{LinkRequest, comparison_code};

const VERSION: &str = "1.";
const DATA_BYTES: usize = 65;
/// Far above any sensible server URL; a link is pasted by people.
const LINK_BYTES: usize = 2048;

/// What a link is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkKind {
    /// Creates the structure: printed once by `relais-server init`.
    SetUp,
    /// Enrols one professional: made by a coordinator's device.
    Invitation,
    /// Links one device: made by another device of the same professional.
    Device,
}

impl LinkKind {
    fn byte(self) -> u8 {
        match self {
            Self::SetUp => 1,
            Self::Invitation => 2,
            Self::Device => 3,
        }
    }

    fn from_byte(byte: u8) -> Option<Self> {
        [Self::SetUp, Self::Invitation, Self::Device]
            .into_iter()
            .find(|kind| kind.byte() == byte)
    }
}

/// A set-up, invitation or device link. Whoever holds it can use it once.
#[derive(Clone, PartialEq, Eq)]
pub struct Link {
    /// Public URL of the server, without a slash at the end.
    pub server_url: String,
    /// What it is for.
    pub kind: LinkKind,
    /// The structure that it leads into.
    pub structure: StructureId,
    /// Ed25519 seed of the set-up or enrolment key.
    pub seed: [u8; 32],
    /// See [`crate::structure::root_fingerprint`]; zeros in a set-up link.
    pub root_fingerprint: [u8; 16],
}

/// Why a text is not a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    /// No `/join#` after an `http://` or `https://` address.
    #[error("not a Relais link")]
    NotALink,
    /// A link of a newer Relais.
    #[error("a link of another version of Relais")]
    Version,
    /// Cut short or mistyped.
    #[error("the link is damaged")]
    Damaged,
}

impl Drop for Link {
    fn drop(&mut self) {
        self.seed.zeroize();
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link")
            .field("server_url", &self.server_url)
            .field("kind", &self.kind)
            .field("structure", &self.structure)
            .finish_non_exhaustive()
    }
}

/// Writes the whole link, its secret included.
impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut data = [0; DATA_BYTES];
        data[0] = self.kind.byte();
        data[1..17].copy_from_slice(&self.structure.0);
        data[17..49].copy_from_slice(&self.seed);
        data[49..].copy_from_slice(&self.root_fingerprint);
        let text = URL_SAFE_NO_PAD.encode(data);
        data.zeroize();
        write!(f, "{}/join#{VERSION}{text}", self.server_url)
    }
}

impl FromStr for Link {
    type Err = LinkError;

    fn from_str(text: &str) -> Result<Self, LinkError> {
        let text = text.trim();
        if text.len() > LINK_BYTES {
            return Err(LinkError::NotALink);
        }
        let (server_url, fragment) = text.split_once("/join#").ok_or(LinkError::NotALink)?;
        let host = server_url
            .strip_prefix("https://")
            .or_else(|| server_url.strip_prefix("http://"))
            .ok_or(LinkError::NotALink)?;
        let plain = |c: char| !c.is_whitespace() && !c.is_control() && !"#?@\\".contains(c);
        if host.is_empty() || host.starts_with('/') || !host.chars().all(plain) {
            return Err(LinkError::NotALink);
        }
        let data = fragment.strip_prefix(VERSION).ok_or(LinkError::Version)?;
        let data = URL_SAFE_NO_PAD
            .decode(data)
            .map_err(|_| LinkError::Damaged)?;
        let data: zeroize::Zeroizing<[u8; DATA_BYTES]> = data
            .try_into()
            .map(zeroize::Zeroizing::new)
            .map_err(|_| LinkError::Damaged)?;
        let mut link = Self {
            server_url: server_url.to_owned(),
            kind: LinkKind::from_byte(data[0]).ok_or(LinkError::Damaged)?,
            structure: StructureId::try_from(&data[1..17]).map_err(|_| LinkError::Damaged)?,
            seed: [0; 32],
            root_fingerprint: [0; 16],
        };
        link.seed.copy_from_slice(&data[17..49]);
        link.root_fingerprint.copy_from_slice(&data[49..]);
        Ok(link)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn link() -> Link {
        Link {
            server_url: "https://cabinet.example:8443".into(),
            kind: LinkKind::Invitation,
            structure: StructureId([1; 16]),
            seed: [2; 32],
            root_fingerprint: [3; 16],
        }
    }

    // proves: I2
    #[test]
    fn a_link_survives_being_pasted_and_keeps_its_secret_in_the_fragment() {
        let text = link().to_string();
        assert_eq!(format!(" {text}\n").parse(), Ok(link()));
        assert_eq!(
            text.split_once('#').map(|(url, _)| url),
            Some("https://cabinet.example:8443/join")
        );
        assert_eq!(
            text,
            "https://cabinet.example:8443/join#1.AgEBAQEBAQEBAQEBAQEBAQECAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgMDAwMDAwMDAwMDAwMDAwM"
        );
        assert!(!format!("{:?}", link()).contains("2, 2"));
    }

    #[test]
    fn a_damaged_link_says_what_is_wrong() {
        let text = link().to_string();
        let parse = |t: &str| t.parse::<Link>().map(|_| ());
        assert_eq!(parse(&text[..text.len() - 1]), Err(LinkError::Damaged));
        assert_eq!(
            parse(&text.replace("#1.Ag", "#1.CQ")),
            Err(LinkError::Damaged)
        );
        assert_eq!(parse(&text.replace("#1.", "#2.")), Err(LinkError::Version));
        assert_eq!(
            parse(&text.replace("https", "ftp")),
            Err(LinkError::NotALink)
        );
        assert_eq!(
            parse(&text.replace("//cab", "//me@cab")),
            Err(LinkError::NotALink)
        );
        assert_eq!(parse("hello"), Err(LinkError::NotALink));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(10_000))]
        #[test]
        fn any_text_is_read_without_a_panic(text in ".*", cut in 0usize..130, c in any::<char>()) {
            let _ = text.parse::<Link>();
            let mut mutated: Vec<char> = link().to_string().chars().collect();
            let at = cut % mutated.len();
            mutated[at] = c;
            let _ = mutated.into_iter().collect::<String>().parse::<Link>();
        }
    }
}
