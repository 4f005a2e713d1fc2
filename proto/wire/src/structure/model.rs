//! What the structure log speaks of: people, their keys, devices, invitations,
//! cards.

use super::{PublicKey, StatementError};
use crate::ids::{DeviceId, ProfessionalId};
use crate::limits;
use crate::v1::StructureRole;

/// What a professional is in the structure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Certified by the root: invites, confirms, revokes.
    Coordinator,
    /// A health professional.
    Professional,
    /// A secretary or lay coordinator.
    Lay,
}

impl TryFrom<StructureRole> for Standing {
    type Error = StatementError;
    fn try_from(role: StructureRole) -> Result<Self, StatementError> {
        match role {
            StructureRole::Professional => Ok(Self::Professional),
            StructureRole::Lay => Ok(Self::Lay),
            StructureRole::Unspecified => Err(StatementError::Malformed("role")),
        }
    }
}

/// A person of the structure. The id is the identity; keys come and go
/// (architecture D7).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Professional {
    /// What they are without the root's certificate.
    pub role: Standing,
    /// Their keys by generation, the present one last. Never empty.
    pub keys: Vec<ProfessionalKey>,
}

impl Professional {
    /// The newest key, revoked or not.
    pub fn newest(&self) -> &ProfessionalKey {
        // Invariant: a professional is made with a key, and none is ever taken out.
        &self.keys[self.keys.len() - 1]
    }

    pub(super) fn newest_mut(&mut self) -> &mut ProfessionalKey {
        let last = self.keys.len() - 1;
        &mut self.keys[last]
    }

    /// The key that may sign now; `None` for someone who left.
    pub fn present(&self) -> Option<&ProfessionalKey> {
        Some(self.newest()).filter(|key| key.revoked_seq.is_none())
    }

    /// What they are now.
    pub fn standing(&self) -> Standing {
        let certified = |k: &ProfessionalKey| k.certified_seq.is_some() && k.released_seq.is_none();
        match self.present() {
            Some(key) if certified(key) => Standing::Coordinator,
            _ => self.role,
        }
    }

    /// Whether one of their keys had the root's certificate as of entry `seq`.
    pub(super) fn coordinated(&self, seq: u64) -> bool {
        let over = |end: Option<u64>| end.is_some_and(|end| end <= seq);
        self.keys.iter().any(|key| {
            let certified = key.certified_seq.is_some_and(|begin| begin <= seq);
            certified && !over(key.released_seq) && !over(key.revoked_seq)
        })
    }

    /// Whether a coordinator has counter-signed the present key.
    pub fn is_confirmed(&self) -> bool {
        self.newest().confirmed_seq.is_some()
    }
}

/// One generation of a professional's key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProfessionalKey {
    /// Signs this person's devices.
    pub key: PublicKey,
    /// Enrolment key that they used; `None` for a coordinator certified by the root.
    pub enrolment_key: Option<PublicKey>,
    /// Server time of the enrolment.
    pub enrolled_at_ms: u64,
    /// Sequence of the entry that enrolled it.
    pub enrolled_seq: u64,
    /// Sequence of the counter-signature, once there is one.
    pub confirmed_seq: Option<u64>,
    /// Sequence of the root's certificate: a coordinator's key.
    pub certified_seq: Option<u64>,
    /// Sequence at which the root ended that standing.
    pub released_seq: Option<u64>,
    /// Sequence of the entry that replaced or revoked it.
    pub revoked_seq: Option<u64>,
}

impl ProfessionalKey {
    pub(super) fn new(key: PublicKey, enrolment_key: Option<PublicKey>, seq: u64, ms: u64) -> Self {
        Self {
            key,
            enrolment_key,
            enrolled_at_ms: ms,
            enrolled_seq: seq,
            confirmed_seq: None,
            certified_seq: None,
            released_seq: None,
            revoked_seq: None,
        }
    }

    /// Whether, as of entry `seq` and server time `time_ms`, it was enrolled and is
    /// confirmed or not yet lapsed. A device that remains when its professional's
    /// key is replaced keeps the older generation, so revocation is not asked here.
    pub(super) fn stands(&self, seq: u64, time_ms: u64) -> bool {
        let confirmed = self.confirmed_seq.is_some_and(|c| c <= seq);
        let fresh = time_ms < self.enrolled_at_ms.saturating_add(limits::UNCONFIRMED_MS);
        self.enrolled_seq <= seq && (confirmed || fresh)
    }
}

/// One device of a professional.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    /// Whose it is.
    pub professional: ProfessionalId,
    /// Which of the professional's keys certified it, from 0.
    pub generation: usize,
    /// Signs events, commits and the server's challenges.
    pub key: PublicKey,
    /// HPKE public key of its inbox.
    pub sealing_key: Vec<u8>,
    /// Number of that key: 1 for the first.
    pub sealing_version: u32,
    /// Sequence of the entry that added it.
    pub added_seq: u64,
    /// Sequence of the entry that revoked it.
    pub revoked_seq: Option<u64>,
}

/// An invitation, by its enrolment key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invitation {
    /// For whom it is.
    pub professional: ProfessionalId,
    /// What they will be.
    pub standing: Standing,
    /// Judged by the server time of the entry that uses it.
    pub expires_at_ms: u64,
    /// The coordinator who issued it.
    pub issuer: ProfessionalId,
    /// Used by an enrolment.
    pub used: bool,
    /// Withdrawn by a coordinator, or void: the person used another one or left, or
    /// its issuer is no longer a coordinator.
    pub withdrawn: bool,
    /// Devices of an enrolled professional that its use does not revoke.
    pub remaining: Vec<DeviceId>,
}

impl Invitation {
    /// Whether it can be used at this server time.
    pub fn is_open(&self, time_ms: u64) -> bool {
        !self.used && !self.withdrawn && time_ms < self.expires_at_ms
    }
}

/// A device that a professional is about to link, by its enrolment key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceInvitation {
    /// Whose device it will be.
    pub professional: ProfessionalId,
    /// Which of the professional's keys invited it.
    pub generation: usize,
    /// Judged by the server time of the entry that uses it.
    pub expires_at_ms: u64,
    /// The device that used it.
    pub used_by: Option<DeviceId>,
}

/// An encrypted card of the directory: the latest one counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Card {
    /// Version of the directory key.
    pub directory_version: u32,
    /// Opened by whoever holds that key.
    pub ciphertext: Vec<u8>,
    /// Sequence of the entry that published it.
    pub seq: u64,
}

/// One version of the directory key, known by its hash alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DirectoryVersion {
    /// See [`super::directory_key_hash`].
    pub key_hash: [u8; 32],
    /// The coordinator's device that made it and hands it out.
    pub device: DeviceId,
    /// Sequence of the entry that announced it.
    pub seq: u64,
}
