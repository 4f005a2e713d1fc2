//! The root's key outside of the devices (architecture D7): a kit on paper under a
//! passphrase, or shares held by several people. Once one of them is proved to open,
//! the seed leaves the device.

mod armour;
mod kit;
mod shares;
#[cfg(test)]
mod tests;

use ed25519_dalek::SigningKey;
use relais_wire::ids::StructureId;
use relais_wire::structure::{PublicKey, root_fingerprint};
use zeroize::Zeroizing;

pub use kit::{PASSPHRASE_CHARACTERS, PASSPHRASE_DIFFERENT};
pub use shares::SHARES;

/// The root's private key (Ed25519 seed).
pub(super) type Seed = Zeroizing<[u8; 32]>;

/// Why a recovery kit or share cannot be made or used. Nothing has changed then.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RecoveryError {
    /// Neither a kit nor a share, or the one in place of the other.
    #[error("not the text of a recovery kit or share")]
    NotThis,
    /// Made by another version of Relais.
    #[error("made by another version of Relais")]
    Version,
    /// A character that is never used, at this place of the digits, counted from 1.
    #[error("character {0} is not one that is used")]
    Character(usize),
    /// Something is missing or too much.
    #[error("part of the text is missing, or too much")]
    Length,
    /// The check at the end does not hold: mistyped.
    #[error("the text is mistyped or damaged")]
    Damaged,
    /// Of another practice.
    #[error("of another structure")]
    OtherStructure,
    /// Of a root key that is not the present one.
    #[error("not of the present root key")]
    OtherRoot,
    /// The passphrase does not open the kit.
    #[error("the passphrase does not open it")]
    WrongPassphrase,
    /// Shorter than [`PASSPHRASE_CHARACTERS`] or of fewer than
    /// [`PASSPHRASE_DIFFERENT`] characters.
    #[error("the passphrase is too weak: at least 16 characters, 8 of them different")]
    WeakPassphrase,
    /// It asks for more work than any kit does.
    #[error("asks for more work than any kit does")]
    Parameters,
    /// Not 2 to 16 shares, or more needed than there are.
    #[error("shares: at least 2 are needed, and there are at most 16")]
    Threshold,
    /// Not enough different shares.
    #[error("{given} of {needed} shares")]
    TooFewShares {
        /// Different ones given.
        given: usize,
        /// How many it takes.
        needed: usize,
    },
    /// Shares of different sets.
    #[error("these shares were not made together")]
    MixedShares,
    /// What the shares give is not the root's key: one of them was altered.
    #[error("these shares do not give the root's key")]
    NotTheRoot,
}

impl RecoveryError {
    /// Stable code, for scripts and translations.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotThis => "recovery_not_this",
            Self::Version => "recovery_version",
            Self::Character(_) => "recovery_character",
            Self::Length => "recovery_length",
            Self::Damaged => "recovery_damaged",
            Self::OtherStructure => "recovery_other_structure",
            Self::OtherRoot => "recovery_other_root",
            Self::WrongPassphrase => "recovery_wrong_passphrase",
            Self::WeakPassphrase => "recovery_weak_passphrase",
            Self::Parameters => "recovery_parameters",
            Self::Threshold => "recovery_threshold",
            Self::TooFewShares { .. } => "recovery_too_few_shares",
            Self::MixedShares => "recovery_mixed_shares",
            Self::NotTheRoot => "recovery_not_the_root",
        }
    }
}

/// Whose kit or share it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Belongs {
    pub structure: StructureId,
    /// See [`root_fingerprint`].
    pub fingerprint: [u8; 16],
}

impl Belongs {
    const BYTES: usize = 32;

    pub fn to(structure: StructureId, root: &PublicKey) -> Self {
        Self {
            structure,
            fingerprint: root_fingerprint(root),
        }
    }

    fn bytes(&self) -> [u8; Self::BYTES] {
        let mut bytes = [0; Self::BYTES];
        bytes[..16].copy_from_slice(&self.structure.0);
        bytes[16..].copy_from_slice(&self.fingerprint);
        bytes
    }

    /// From the beginning of a content, which is at least this long.
    fn read(content: &[u8]) -> Self {
        let mut belongs = Self {
            structure: StructureId([0; 16]),
            fingerprint: [0; 16],
        };
        belongs.structure.0.copy_from_slice(&content[..16]);
        belongs.fingerprint.copy_from_slice(&content[16..32]);
        belongs
    }

    fn check(&self, expected: &Self) -> Result<(), RecoveryError> {
        if self.structure != expected.structure {
            return Err(RecoveryError::OtherStructure);
        }
        if self.fingerprint != expected.fingerprint {
            return Err(RecoveryError::OtherRoot);
        }
        Ok(())
    }
}

pub(super) fn public_key(seed: &Seed) -> PublicKey {
    SigningKey::from_bytes(seed).verifying_key().to_bytes()
}

/// The seed in a kit of this root.
pub(super) fn open_kit(
    belongs: &Belongs,
    text: &str,
    passphrase: &str,
) -> Result<Seed, RecoveryError> {
    kit::belongs(text)?.check(belongs)?;
    kit::open(text, passphrase)
}

/// The seed in shares of this root.
pub(super) fn open_shares(belongs: &Belongs, texts: &[String]) -> Result<Seed, RecoveryError> {
    let mut read = Vec::new();
    for text in texts {
        let share = shares::read(text)?;
        share.belongs.check(belongs)?;
        read.push(share);
    }
    shares::combine(&read)
}

pub(super) use kit::seal as seal_kit;
pub(super) use shares::split as split_shares;
