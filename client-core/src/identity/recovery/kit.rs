//! The recovery kit: the root's seed under a passphrase, as a text for paper.
//!
//! Content: structure id (16), fingerprint of the root key (16), Argon2id memory in
//! KiB (4, big endian), passes (1), salt (16), XChaCha20-Poly1305 of the seed (48),
//! whose associated data is everything before it. The salt is fresh in each kit, so
//! the key encrypts once and its nonce is zero.

use argon2::{Algorithm, Argon2, Params, Version};
use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305, XNonce};
use icu_normalizer::ComposingNormalizerBorrowed;
use relais_wire::label::{Label, hash};
use zeroize::Zeroizing;

use super::armour::Armour;
use super::{Belongs, RecoveryError, Seed};

pub(super) const KIT: Armour = Armour {
    name: "RELAIS-KIT-",
    version: "1",
    length: HEAD + 48,
};
const HEAD: usize = Belongs::BYTES + 4 + 1 + 16;

/// Argon2id (RFC 9106): 64 MiB and 3 passes take 0.2 s on a desktop; a kit is guessed
/// by whoever finds the paper.
const KIB: u32 = 64 * 1024;
const PASSES: u8 = 3;
/// What a kit may ask of the device that opens it: a text is not trusted.
const MOST_KIB: u32 = 256 * 1024;
const MOST_PASSES: u8 = 16;

/// Shortest passphrase, in characters after normalisation: four short words.
pub const PASSPHRASE_CHARACTERS: usize = 16;
/// Fewest different characters in it.
pub const PASSPHRASE_DIFFERENT: usize = 8;

/// Makes the text. Slow on purpose.
pub fn seal(
    belongs: &Belongs,
    seed: &Seed,
    passphrase: &str,
    salt: [u8; 16],
) -> Result<Zeroizing<String>, RecoveryError> {
    let passphrase = normalised(passphrase);
    check_strength(&passphrase)?;
    let mut content = Vec::with_capacity(KIT.length);
    content.extend_from_slice(&belongs.bytes());
    content.extend_from_slice(&KIB.to_be_bytes());
    content.push(PASSES);
    content.extend_from_slice(&salt);
    let payload = Payload {
        msg: seed.as_slice(),
        aad: &associated(&content),
    };
    let sealed = cipher(&passphrase, &salt, KIB, PASSES)?
        .encrypt(&XNonce::default(), payload)
        .map_err(|_| RecoveryError::Parameters)?;
    content.extend_from_slice(&sealed);
    Ok(KIT.write(&content))
}

/// Whose kit it is, without opening it.
pub fn belongs(text: &str) -> Result<Belongs, RecoveryError> {
    Ok(Belongs::read(&KIT.read(text)?))
}

/// The seed. Slow on purpose.
pub fn open(text: &str, passphrase: &str) -> Result<Seed, RecoveryError> {
    let content = KIT.read(text)?;
    let (head, sealed) = content.split_at(HEAD);
    let work = &head[Belongs::BYTES..];
    let kib = u32::from_be_bytes([work[0], work[1], work[2], work[3]]);
    let passes = work[4];
    if kib > MOST_KIB || !(1..=MOST_PASSES).contains(&passes) {
        return Err(RecoveryError::Parameters);
    }
    let payload = Payload {
        msg: sealed,
        aad: &associated(head),
    };
    let opened = cipher(&normalised(passphrase), &work[5..], kib, passes)?
        .decrypt(&XNonce::default(), payload)
        .map(Zeroizing::new)
        .map_err(|_| RecoveryError::WrongPassphrase)?;
    let mut seed = Seed::default();
    seed.copy_from_slice(&opened);
    Ok(seed)
}

fn associated(head: &[u8]) -> Vec<u8> {
    [Label::RecoveryKit.text().as_bytes(), head].concat()
}

fn cipher(
    passphrase: &str,
    salt: &[u8],
    kib: u32,
    passes: u8,
) -> Result<XChaCha20Poly1305, RecoveryError> {
    let impossible = |_| RecoveryError::Parameters;
    let params = Params::new(kib, passes.into(), 1, Some(32)).map_err(impossible)?;
    let mut stretched = Zeroizing::new([0; 32]);
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(passphrase.as_bytes(), salt, stretched.as_mut())
        .map_err(impossible)?;
    let key = Zeroizing::new(hash(Label::RecoveryKit, &[stretched.as_ref()]));
    Ok(XChaCha20Poly1305::new(key.as_ref().into()))
}

/// The same on every keyboard: composed accents (NFKC), single spaces.
fn normalised(passphrase: &str) -> Zeroizing<String> {
    let composed = ComposingNormalizerBorrowed::new_nfkc().normalize(passphrase);
    let words: Vec<&str> = composed.split_whitespace().collect();
    Zeroizing::new(words.join(" "))
}

fn check_strength(passphrase: &str) -> Result<(), RecoveryError> {
    let different: std::collections::BTreeSet<char> = passphrase.chars().collect();
    if passphrase.chars().count() < PASSPHRASE_CHARACTERS || different.len() < PASSPHRASE_DIFFERENT
    {
        return Err(RecoveryError::WeakPassphrase);
    }
    Ok(())
}
