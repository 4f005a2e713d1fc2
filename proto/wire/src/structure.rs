//! The structure log as a state machine: root → coordinator → professional →
//! device, each link a signed [`Statement`] (architecture D7, D8). Server and
//! clients run the same code over the same entries; nobody trusts the other.
//!
//! Questions are asked *as of* a sequence number, because a commit is judged by
//! exactly the head that it names.

mod again;
mod apply;
mod ended;
mod model;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use crate::chain::{self, GENESIS};
use crate::ids::{DeviceId, IdLength, ProfessionalId, StructureId};
use crate::label::{Label, SignatureError, hash};
use crate::v1::{LogHead, Statement, StatementKind, StructureEntry};

pub use ended::Ended;
pub use model::{
    Card, Device, DeviceInvitation, DirectoryVersion, Invitation, Professional, ProfessionalKey,
    Standing,
};

/// An Ed25519 public key that was checked to be a strong point.
pub type PublicKey = [u8; 32];

/// Why a statement is refused. Nothing of the state has changed then.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StatementError {
    /// The statement or its body does not decode or breaks a limit.
    #[error("malformed statement: {0}")]
    Malformed(&'static str),
    /// A signature is missing, of another key, or over other bytes.
    #[error("statement signature: {0}")]
    Signature(#[from] SignatureError),
    /// It speaks of another structure, or of one whose root another key holds.
    #[error("statement of another structure")]
    Foreign,
    /// The signer is not (or no longer) entitled to this statement.
    #[error("the signer may not say this")]
    NotEntitled,
    /// The professional, device or invitation that it names is not known.
    #[error("unknown subject")]
    Unknown,
    /// It was said before; the first one counts.
    #[error("already said")]
    AlreadySaid,
    /// The invitation was used, has expired or was withdrawn.
    #[error("invitation used, expired or withdrawn")]
    InvitationInvalid,
    /// The entry is not the successor of the head.
    #[error("entry out of order")]
    OutOfOrder,
    /// What was agreed has lapsed.
    #[error("agreed too long ago")]
    Expired,
    /// A limit of devices is reached.
    #[error("too many devices")]
    TooMany,
}

impl From<IdLength> for StatementError {
    fn from(_: IdLength) -> Self {
        Self::Malformed("identifier")
    }
}

impl From<prost::DecodeError> for StatementError {
    fn from(_: prost::DecodeError) -> Self {
        Self::Malformed("encoding")
    }
}

/// Everything that the structure log says, up to [`Structure::head`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Structure {
    id: Option<StructureId>,
    /// Every root key there was, the present one last.
    roots: Vec<PublicKey>,
    ciphersuite: u16,
    /// Of each entry; that of entry n at place n - 1.
    hashes: Vec<[u8; 32]>,
    time_ms: u64,
    professionals: BTreeMap<ProfessionalId, Professional>,
    devices: BTreeMap<DeviceId, Device>,
    invitations: BTreeMap<PublicKey, Invitation>,
    device_invitations: BTreeMap<PublicKey, DeviceInvitation>,
    /// Version n at place n - 1.
    directory: Vec<DirectoryVersion>,
    /// Sequence of the last entry that revoked a device; 0 before any.
    revocation_seq: u64,
    cards: BTreeMap<ProfessionalId, Card>,
    /// Signatures of every card there was: a card has no number of its own, so an
    /// old one could otherwise be said again by anyone who has read the log.
    card_signatures: BTreeSet<prost::bytes::Bytes>,
}

/// The label that signatures of a statement kind are made under.
pub fn statement_label(kind: StatementKind) -> Option<Label> {
    Some(match kind {
        StatementKind::Unspecified => return None,
        StatementKind::StructureCreated => Label::StructureCreated,
        StatementKind::CoordinatorCertified => Label::CoordinatorCertified,
        StatementKind::InvitationIssued => Label::InvitationIssued,
        StatementKind::ProfessionalEnrolled => Label::ProfessionalEnrolled,
        StatementKind::DeviceAdded => Label::DeviceAdded,
        StatementKind::EnrolmentConfirmed => Label::EnrolmentConfirmed,
        StatementKind::CardPublished => Label::CardPublished,
        StatementKind::DeviceRevoked => Label::DeviceRevoked,
        StatementKind::InvitationWithdrawn => Label::InvitationWithdrawn,
        StatementKind::RootReplaced => Label::RootReplaced,
        StatementKind::CoordinatorRevoked => Label::CoordinatorRevoked,
        StatementKind::ProfessionalRevoked => Label::ProfessionalRevoked,
        StatementKind::DeviceInvited => Label::DeviceInvited,
        StatementKind::DeviceLinked => Label::DeviceLinked,
        StatementKind::SealingKeyReplaced => Label::SealingKeyReplaced,
        StatementKind::DirectoryKeyReplaced => Label::DirectoryKeyReplaced,
    })
}

/// Makes a statement: `body` signed by each key in the order of its kind.
///
/// # Panics
/// Never for a kind other than `Unspecified`, which has no label.
pub fn sign_statement(
    kind: StatementKind,
    body: &impl prost::Message,
    keys: &[&ed25519_dalek::SigningKey],
) -> Vec<u8> {
    let label = statement_label(kind).expect("a statement of a kind");
    let body = body.encode_to_vec();
    let signatures = keys
        .iter()
        .map(|key| crate::label::sign(key, label, &body))
        .collect();
    let statement = Statement {
        kind: kind.into(),
        body: body.into(),
        signatures,
    };
    prost::Message::encode_to_vec(&statement)
}

/// What an invitation link carries of the root key: 16 bytes.
pub fn root_fingerprint(root_key: &PublicKey) -> [u8; 16] {
    let digest = hash(Label::RootFingerprint, &[root_key]);
    let mut fingerprint = [0; 16];
    fingerprint.copy_from_slice(&digest[..16]);
    fingerprint
}

/// What the log says of a directory key: nobody finds the key by it.
pub fn directory_key_hash(version: u32, key: &[u8; 32]) -> [u8; 32] {
    hash(Label::DirectoryKey, &[&version.to_be_bytes(), key])
}

impl Structure {
    /// Before any statement.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sequence and hash of the last entry; zero before the first.
    pub fn head(&self) -> LogHead {
        let hash = self.hashes.last().unwrap_or(&GENESIS);
        LogHead {
            seq: self.head_seq(),
            hash: hash.to_vec().into(),
        }
    }

    fn head_seq(&self) -> u64 {
        self.hashes.len() as u64
    }

    /// Hash of an entry up to the head; zero before the first.
    pub fn hash_at(&self, seq: u64) -> Option<&[u8; 32]> {
        match usize::try_from(seq).ok()?.checked_sub(1) {
            Some(place) => self.hashes.get(place),
            None => Some(&GENESIS),
        }
    }

    /// Whether this log has that entry.
    pub fn has(&self, entry: &LogHead) -> bool {
        let known = self.hash_at(entry.seq);
        known.is_some_and(|hash| hash.as_slice() == entry.hash.as_ref())
    }

    /// Whether this log has that very entry, not another one in its place.
    pub fn holds(&self, entry: &StructureEntry) -> bool {
        let before = entry.seq.checked_sub(1).and_then(|seq| self.hash_at(seq));
        let known = self.hash_at(entry.seq);
        before.is_some_and(|before| known == Some(&chain::structure_entry(before, entry)))
    }

    /// Entries by which another holder of the log finds how far it is the same: the
    /// last one, then ever longer steps back.
    pub fn landmarks(&self) -> Vec<LogHead> {
        let steps = (0..u64::BITS).map(|n| (1u64 << n) - 1);
        let seqs = steps.map_while(|back| self.head_seq().checked_sub(back));
        let known = seqs.filter_map(|seq| {
            let hash = self.hash_at(seq)?.to_vec().into();
            Some(LogHead { seq, hash })
        });
        known.filter(|head| head.seq > 0).collect()
    }

    /// The structure's id, once it was created.
    pub fn id(&self) -> Option<StructureId> {
        self.id
    }

    /// The root's present public key (zeros before creation).
    pub fn root_key(&self) -> &PublicKey {
        self.roots.last().unwrap_or(&[0; 32])
    }

    /// Every root key there was, in order; the first one founded the structure.
    pub fn roots(&self) -> &[PublicKey] {
        &self.roots
    }

    /// Whether this is the fingerprint of a root, present or past: a link that names
    /// one leads into this structure, since each root was named by its predecessor or
    /// by all coordinators.
    pub fn had_root(&self, fingerprint: &[u8; 16]) -> bool {
        self.roots
            .iter()
            .any(|key| root_fingerprint(key) == *fingerprint)
    }

    /// All coordinators, by ascending id.
    pub fn coordinators(&self) -> impl Iterator<Item = ProfessionalId> {
        let ids = self.professionals.keys().copied();
        ids.filter(|id| self.is_coordinator(id))
    }

    /// MLS cipher suite of every group of this structure.
    pub fn ciphersuite(&self) -> u16 {
        self.ciphersuite
    }

    /// A professional by id.
    pub fn professional(&self, id: &ProfessionalId) -> Option<&Professional> {
        self.professionals.get(id)
    }

    /// All professionals.
    pub fn professionals(&self) -> impl Iterator<Item = (&ProfessionalId, &Professional)> {
        self.professionals.iter()
    }

    /// A device by id, revoked or not.
    pub fn device(&self, id: &DeviceId) -> Option<&Device> {
        self.devices.get(id)
    }

    /// All devices of the structure.
    pub fn devices(&self) -> impl Iterator<Item = (&DeviceId, &Device)> {
        self.devices.iter()
    }

    /// An invitation by its enrolment key.
    pub fn invitation(&self, key: &[u8]) -> Option<&Invitation> {
        self.invitations.get(key)
    }

    /// All invitations.
    pub fn invitations(&self) -> impl Iterator<Item = (&PublicKey, &Invitation)> {
        self.invitations.iter()
    }

    /// All cards.
    pub fn cards(&self) -> impl Iterator<Item = (&ProfessionalId, &Card)> {
        self.cards.iter()
    }

    /// A device that is about to be linked, by its enrolment key.
    pub fn device_invitation(&self, key: &[u8]) -> Option<&DeviceInvitation> {
        self.device_invitations.get(key)
    }

    /// Whether an enrolment key, of a person or of a device, can be used at this
    /// server time.
    pub fn is_open(&self, enrolment_key: &[u8], time_ms: u64) -> bool {
        let person = self.invitation(enrolment_key);
        let device = self.open_device_invitation(enrolment_key, time_ms);
        person.is_some_and(|i| i.is_open(time_ms)) || device.is_some()
    }

    fn open_device_invitation(&self, key: &[u8], time_ms: u64) -> Option<&DeviceInvitation> {
        let invitation = self.device_invitations.get(key)?;
        let owner = self.professionals.get(&invitation.professional)?;
        let present = owner.present().is_some() && invitation.generation + 1 == owner.keys.len();
        let open = invitation.used_by.is_none() && time_ms < invitation.expires_at_ms;
        (present && open).then_some(invitation)
    }

    /// The versions of the directory key, the first one first.
    pub fn directory(&self) -> &[DirectoryVersion] {
        &self.directory
    }

    /// Sequence of the last entry that revoked a device; 0 before any.
    pub fn revocation_seq(&self) -> u64 {
        self.revocation_seq
    }

    /// The device if, as of entry `seq` and server time `time_ms`, its chain
    /// holds: added, not revoked, and the key that certified it confirmed or not
    /// yet lapsed. An entry that revokes a professional revokes their devices.
    pub fn valid_device(&self, id: &DeviceId, seq: u64, time_ms: u64) -> Option<&Device> {
        let device = self.devices.get(id)?;
        let owner = self.professionals.get(&device.professional)?;
        let revoked = device.revoked_seq.is_some_and(|revoked| revoked <= seq);
        let stands = owner.keys.get(device.generation)?.stands(seq, time_ms);
        (device.added_seq <= seq && !revoked && stands).then_some(device)
    }

    /// Whether the professional is a coordinator.
    pub fn is_coordinator(&self, id: &ProfessionalId) -> bool {
        self.professionals
            .get(id)
            .is_some_and(|p| p.standing() == Standing::Coordinator)
    }

    /// Whether the professional was a coordinator as of entry `seq`.
    pub fn was_coordinator(&self, id: &ProfessionalId, seq: u64) -> bool {
        self.professionals
            .get(id)
            .is_some_and(|p| p.coordinated(seq))
    }

    /// Server time of the last entry, milliseconds since the Unix epoch; 0 before any.
    pub fn time_ms(&self) -> u64 {
        self.time_ms
    }

    /// Checks a statement against this state at server time `time_ms` and, if it
    /// holds, makes it the next entry. On an error nothing has changed.
    pub fn append(
        &mut self,
        statement: prost::bytes::Bytes,
        time_ms: u64,
    ) -> Result<StructureEntry, StatementError> {
        let entry = StructureEntry {
            seq: self.head_seq() + 1,
            time_ms: time_ms.max(self.time_ms),
            statement,
            seal: Default::default(),
        };
        self.apply(&entry)?;
        Ok(entry)
    }

    /// Applies an entry that is said to follow the head. On an error nothing has
    /// changed.
    pub fn apply(&mut self, entry: &StructureEntry) -> Result<(), StatementError> {
        if entry.seq != self.head_seq() + 1 || entry.time_ms < self.time_ms {
            return Err(StatementError::OutOfOrder);
        }
        self.apply_statement(entry)?;
        let before = self.hashes.last().unwrap_or(&GENESIS);
        self.hashes.push(chain::structure_entry(before, entry));
        self.time_ms = entry.time_ms;
        Ok(())
    }
}
