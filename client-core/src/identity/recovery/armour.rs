//! How a recovery text is written: a prefix that names kind and version, then
//! Crockford's base 32 in groups of five, with a check at the end. It survives
//! paper, a telephone and a QR code in alphanumeric mode.

use std::sync::LazyLock;

use data_encoding::{DecodeKind, Encoding, Specification};
use relais_wire::label::{Label, hash};
use zeroize::Zeroizing;

use super::RecoveryError;

const CHECK_BYTES: usize = 4;
const GROUP: usize = 5;
/// Several times the longest text.
const TEXT_BYTES: usize = 2048;

static ALPHABET: LazyLock<Encoding> = LazyLock::new(|| {
    let mut crockford = Specification::new();
    crockford
        .symbols
        .push_str("0123456789ABCDEFGHJKMNPQRSTVWXYZ");
    crockford
        .translate
        .from
        .push_str("abcdefghjkmnpqrstvwxyzOoIiLl");
    crockford
        .translate
        .to
        .push_str("ABCDEFGHJKMNPQRSTVWXYZ001111");
    crockford.ignore.push_str("- \t\r\n");
    crockford.encoding().expect("Crockford's alphabet")
});

/// A kind of text, with its version.
pub(super) struct Armour {
    /// Capital letters, ends with a hyphen.
    pub name: &'static str,
    /// The only version that this program writes and reads.
    pub version: &'static str,
    /// Bytes of the content.
    pub length: usize,
}

impl Armour {
    pub fn write(&self, content: &[u8]) -> Zeroizing<String> {
        debug_assert_eq!(content.len(), self.length);
        let checked = Zeroizing::new([content, &self.check(content)].concat());
        let digits = Zeroizing::new(ALPHABET.encode(&checked));
        let mut text = Zeroizing::new(String::with_capacity(TEXT_BYTES));
        text.push_str(self.name);
        text.push_str(self.version);
        for (place, digit) in digits.chars().enumerate() {
            let separator = match place {
                0 => ":",
                _ if place % GROUP == 0 => "-",
                _ => "",
            };
            text.push_str(separator);
            text.push(digit);
        }
        text
    }

    /// The content, whatever the case, the spaces and the hyphens.
    pub fn read(&self, text: &str) -> Result<Zeroizing<Vec<u8>>, RecoveryError> {
        let text = text.trim();
        if text.len() > TEXT_BYTES {
            return Err(RecoveryError::NotThis);
        }
        let (head, digits) = text.split_once(':').ok_or(RecoveryError::NotThis)?;
        let head = Zeroizing::new(head.to_ascii_uppercase());
        let version = head.strip_prefix(self.name);
        match version.ok_or(RecoveryError::NotThis)? {
            version if version == self.version => {}
            _ => return Err(RecoveryError::Version),
        }
        let decoded = ALPHABET.decode(digits.as_bytes()).map(Zeroizing::new);
        let decoded = decoded.map_err(|error| match error.kind {
            DecodeKind::Symbol => {
                let before = digits.as_bytes()[..error.position].iter();
                let places = before.filter(|b| !b"- \t\r\n".contains(b));
                RecoveryError::Character(places.count() + 1)
            }
            DecodeKind::Trailing => RecoveryError::Damaged,
            DecodeKind::Length | DecodeKind::Padding => RecoveryError::Length,
        })?;
        if decoded.len() != self.length + CHECK_BYTES {
            return Err(RecoveryError::Length);
        }
        let (content, check) = decoded.split_at(self.length);
        if check != self.check(content) {
            return Err(RecoveryError::Damaged);
        }
        Ok(Zeroizing::new(content.to_vec()))
    }

    fn check(&self, content: &[u8]) -> [u8; CHECK_BYTES] {
        let parts = [self.name.as_bytes(), self.version.as_bytes(), content];
        let digest = hash(Label::RecoveryCheck, &parts);
        let mut check = [0; CHECK_BYTES];
        check.copy_from_slice(&digest[..CHECK_BYTES]);
        check
    }
}
