//! A small practice for this crate's tests: who signs what, with fixed keys.
//!
//! Key `n` belongs to professional `n` or device `n`; people are below 20,
//! devices from 20, enrolment keys from 100. Everything here is fictitious.

use ed25519_dalek::SigningKey;
use prost::Message;
use prost::bytes::Bytes;

use crate::ids::{DeviceId, ProfessionalId, StructureId};
use crate::label::{self, Label};
use crate::limits;
use crate::mls::{Leaf, SUITE_XWING};
use crate::structure::{StatementError, Structure, statement_label};
use crate::v1::{
    CardPublished, CoordinatorCertified, CoordinatorRevoked, DeviceAdded, DeviceInvited,
    DeviceLinked, DeviceRevoked, DirectoryKeyReplaced, EnrolmentConfirmed, InvitationIssued,
    InvitationWithdrawn, ProfessionalEnrolled, ProfessionalRevoked, RootReplaced,
    SealingKeyReplaced, Statement, StatementKind, StructureCreated, StructureEntry, StructureRole,
};

pub(crate) const STRUCTURE: StructureId = StructureId([1; 16]);
pub(crate) const ROOT: u8 = 9;
pub(crate) const COORDINATOR: u8 = 10;
pub(crate) const NURSE: u8 = 11;
pub(crate) const DOCTOR: u8 = 12;
pub(crate) const COORDINATOR_PHONE: u8 = 20;
pub(crate) const NURSE_PHONE: u8 = 21;
pub(crate) const DOCTOR_PHONE: u8 = 22;
/// The enrolment keys of the nurse's and the doctor's invitations.
pub(crate) const NURSE_LINK: u8 = 111;
pub(crate) const DOCTOR_LINK: u8 = 112;
/// A key that nobody in the practice knows.
pub(crate) const STRANGER: u8 = 99;

/// When everything happens, unless a test says otherwise: 1 March 2026.
pub(crate) const NOW: u64 = 1_772_323_200_000;
pub(crate) const HOUR: u64 = 3_600_000;
pub(crate) const DAY: u64 = 24 * HOUR;

pub(crate) fn key(n: u8) -> SigningKey {
    SigningKey::from_bytes(&[n; 32])
}

pub(crate) fn public(n: u8) -> [u8; 32] {
    key(n).verifying_key().to_bytes()
}

pub(crate) fn person(n: u8) -> ProfessionalId {
    ProfessionalId([n; 16])
}

pub(crate) fn device(n: u8) -> DeviceId {
    DeviceId([n; 16])
}

fn public_bytes(n: u8) -> Bytes {
    public(n).to_vec().into()
}

/// A statement that is not signed yet.
#[derive(Debug, Clone)]
pub(crate) struct Draft {
    pub(crate) kind: StatementKind,
    pub(crate) body: Vec<u8>,
    /// Whose keys sign, in the order of the kind.
    pub(crate) keys: Vec<u8>,
}

impl Draft {
    fn new(kind: StatementKind, body: &impl Message, keys: &[u8]) -> Self {
        Self {
            kind,
            body: body.encode_to_vec(),
            keys: keys.to_vec(),
        }
    }

    pub(crate) fn label(&self) -> Label {
        statement_label(self.kind).expect("a kind")
    }

    pub(crate) fn signed(&self) -> Bytes {
        self.signed_by(&self.keys, self.label())
    }

    pub(crate) fn signed_by(&self, keys: &[u8], label: Label) -> Bytes {
        let sign = |n: &u8| label::sign(&key(*n), label, &self.body);
        Statement {
            kind: self.kind.into(),
            body: self.body.clone().into(),
            signatures: keys.iter().map(sign).collect(),
        }
        .encode_to_vec()
        .into()
    }
}

pub(crate) fn created() -> Draft {
    let body = StructureCreated {
        structure_id: STRUCTURE.to_bytes(),
        root_key: public_bytes(ROOT),
        ciphersuite: SUITE_XWING.into(),
    };
    Draft::new(StatementKind::StructureCreated, &body, &[ROOT])
}

pub(crate) fn certified(who: u8) -> Draft {
    certified_with_key(who, who)
}

pub(crate) fn certified_with_key(who: u8, own_key: u8) -> Draft {
    let body = CoordinatorCertified {
        structure_id: STRUCTURE.to_bytes(),
        professional_id: person(who).to_bytes(),
        professional_key: public_bytes(own_key),
    };
    Draft::new(StatementKind::CoordinatorCertified, &body, &[ROOT, own_key])
}

/// The root ends a coordinator's standing.
pub(crate) fn released(who: u8) -> Draft {
    let body = CoordinatorRevoked {
        structure_id: STRUCTURE.to_bytes(),
        professional_id: person(who).to_bytes(),
        professional_key: public_bytes(who),
    };
    Draft::new(StatementKind::CoordinatorRevoked, &body, &[ROOT])
}

/// Somebody who enrolled becomes a coordinator.
pub(crate) fn appointed(who: u8) -> Draft {
    appointed_with_key(who, who)
}

pub(crate) fn appointed_with_key(who: u8, own_key: u8) -> Draft {
    Draft {
        keys: vec![ROOT],
        ..certified_with_key(who, own_key)
    }
}

/// `new` replaces the root's key `old`: said by the old one, or by these coordinators.
pub(crate) fn replaced(old: u8, new: u8, coordinators: &[u8]) -> Draft {
    let body = RootReplaced {
        structure_id: STRUCTURE.to_bytes(),
        root_key: public_bytes(new),
        replaces: public_bytes(old),
        coordinators: coordinators.iter().map(|n| person(*n).to_bytes()).collect(),
        expires_at_ms: NOW + limits::ROOT_REPLACEMENT_MS,
    };
    let old_root = [old];
    let signers = if coordinators.is_empty() {
        &old_root
    } else {
        coordinators
    };
    let keys = [&[new], signers].concat();
    Draft::new(StatementKind::RootReplaced, &body, &keys)
}

pub(crate) fn invited(link: u8, who: u8, expires_at_ms: u64) -> Draft {
    let body = InvitationIssued {
        structure_id: STRUCTURE.to_bytes(),
        enrolment_key: public_bytes(link),
        professional_id: person(who).to_bytes(),
        role: StructureRole::Professional.into(),
        expires_at_ms,
        issuer: person(COORDINATOR).to_bytes(),
        remaining_devices: Vec::new(),
    };
    Draft::new(StatementKind::InvitationIssued, &body, &[COORDINATOR])
}

/// A re-invitation that leaves these devices.
pub(crate) fn reinvited(link: u8, who: u8, remaining: &[u8]) -> Draft {
    let mut draft = invited(link, who, NOW + 72 * HOUR);
    let mut body = InvitationIssued::decode(draft.body.as_slice()).expect("a body");
    body.remaining_devices = remaining.iter().map(|n| device(*n).to_bytes()).collect();
    draft.body = body.encode_to_vec();
    draft
}

pub(crate) fn withdrawn(link: u8) -> Draft {
    let body = InvitationWithdrawn {
        structure_id: STRUCTURE.to_bytes(),
        enrolment_key: public_bytes(link),
        coordinator: person(COORDINATOR).to_bytes(),
    };
    Draft::new(StatementKind::InvitationWithdrawn, &body, &[COORDINATOR])
}

pub(crate) fn enrolled(link: u8, who: u8) -> Draft {
    enrolled_with_key(link, who, who)
}

pub(crate) fn enrolled_with_key(link: u8, who: u8, own_key: u8) -> Draft {
    let body = ProfessionalEnrolled {
        structure_id: STRUCTURE.to_bytes(),
        enrolment_key: public_bytes(link),
        professional_id: person(who).to_bytes(),
        professional_key: public_bytes(own_key),
    };
    Draft::new(StatementKind::ProfessionalEnrolled, &body, &[link, own_key])
}

pub(crate) fn added(who: u8, phone: u8) -> Draft {
    added_with_key(who, phone, phone)
}

pub(crate) fn added_with_key(who: u8, phone: u8, phone_key: u8) -> Draft {
    let body = DeviceAdded {
        structure_id: STRUCTURE.to_bytes(),
        professional_id: person(who).to_bytes(),
        device_id: device(phone).to_bytes(),
        device_key: public_bytes(phone_key),
        sealing_key: vec![phone; 1216].into(),
    };
    Draft::new(StatementKind::DeviceAdded, &body, &[who, phone_key])
}

/// Added under a professional key of another generation.
pub(crate) fn added_by_key(who: u8, own_key: u8, phone: u8) -> Draft {
    let mut draft = added(who, phone);
    draft.keys = vec![own_key, phone];
    draft
}

pub(crate) fn device_invited(link: u8, who: u8, expires_at_ms: u64) -> Draft {
    let body = DeviceInvited {
        structure_id: STRUCTURE.to_bytes(),
        professional_id: person(who).to_bytes(),
        enrolment_key: public_bytes(link),
        expires_at_ms,
    };
    Draft::new(StatementKind::DeviceInvited, &body, &[who])
}

pub(crate) fn linked(link: u8, who: u8, phone: u8) -> Draft {
    let body = DeviceLinked {
        structure_id: STRUCTURE.to_bytes(),
        professional_id: person(who).to_bytes(),
        device_id: device(phone).to_bytes(),
        device_key: public_bytes(phone),
        sealing_key: vec![phone; 1216].into(),
        enrolment_key: public_bytes(link),
    };
    Draft::new(StatementKind::DeviceLinked, &body, &[link, phone])
}

pub(crate) fn sealing_key(phone: u8, version: u32) -> Draft {
    let body = SealingKeyReplaced {
        structure_id: STRUCTURE.to_bytes(),
        device_id: device(phone).to_bytes(),
        sealing_key: vec![phone.wrapping_add(100); 1216].into(),
        version,
    };
    Draft::new(StatementKind::SealingKeyReplaced, &body, &[phone])
}

pub(crate) fn directory_key(version: u32, phone: u8) -> Draft {
    let body = DirectoryKeyReplaced {
        structure_id: STRUCTURE.to_bytes(),
        version,
        key_hash: vec![phone; 32].into(),
        device_id: device(phone).to_bytes(),
    };
    Draft::new(StatementKind::DirectoryKeyReplaced, &body, &[phone])
}

pub(crate) fn departed(who: u8, signer: u8) -> Draft {
    let body = ProfessionalRevoked {
        structure_id: STRUCTURE.to_bytes(),
        professional_id: person(who).to_bytes(),
        professional_key: public_bytes(who),
        signer: person(signer).to_bytes(),
    };
    Draft::new(StatementKind::ProfessionalRevoked, &body, &[signer])
}

pub(crate) fn confirmed(who: u8) -> Draft {
    confirmed_by(who, COORDINATOR)
}

pub(crate) fn confirmed_by(who: u8, coordinator: u8) -> Draft {
    confirmed_key(who, who, coordinator)
}

pub(crate) fn confirmed_key(who: u8, own_key: u8, coordinator: u8) -> Draft {
    let body = EnrolmentConfirmed {
        structure_id: STRUCTURE.to_bytes(),
        professional_id: person(who).to_bytes(),
        professional_key: public_bytes(own_key),
        coordinator: person(coordinator).to_bytes(),
    };
    Draft::new(StatementKind::EnrolmentConfirmed, &body, &[coordinator])
}

pub(crate) fn card(subject: u8, phone: u8, ciphertext: &[u8]) -> Draft {
    let body = CardPublished {
        structure_id: STRUCTURE.to_bytes(),
        professional_id: person(subject).to_bytes(),
        directory_version: 1,
        ciphertext: ciphertext.to_vec().into(),
        device_id: device(phone).to_bytes(),
        replaces_seq: 0,
    };
    Draft::new(StatementKind::CardPublished, &body, &[phone])
}

pub(crate) fn revoked(phone: u8, signer: u8) -> Draft {
    let body = DeviceRevoked {
        structure_id: STRUCTURE.to_bytes(),
        device_id: device(phone).to_bytes(),
        signer: person(signer).to_bytes(),
    };
    Draft::new(StatementKind::DeviceRevoked, &body, &[signer])
}

/// A structure and the entries that made it.
#[derive(Debug, Clone)]
pub(crate) struct Practice {
    pub(crate) structure: Structure,
    pub(crate) entries: Vec<StructureEntry>,
    pub(crate) now: u64,
}

impl Practice {
    /// Nothing said yet.
    pub(crate) fn empty() -> Self {
        Self {
            structure: Structure::new(),
            entries: Vec::new(),
            now: NOW,
        }
    }

    /// Set up by a coordinator with one device.
    pub(crate) fn founded() -> Self {
        let mut practice = Self::empty();
        practice.say(&created());
        practice.say(&certified(COORDINATOR));
        practice.say(&added(COORDINATOR, COORDINATOR_PHONE));
        practice.say(&directory_key(1, COORDINATOR_PHONE));
        practice
    }

    /// With a nurse who enrolled and was confirmed, and a doctor who was invited.
    pub(crate) fn staffed() -> Self {
        let mut practice = Self::founded();
        practice.enrol(NURSE_LINK, NURSE, NURSE_PHONE);
        practice.say(&confirmed(NURSE));
        practice.say(&invited(DOCTOR_LINK, DOCTOR, NOW + 72 * HOUR));
        practice
    }

    /// Invited, enrolled with one device; not confirmed.
    pub(crate) fn enrol(&mut self, link: u8, who: u8, phone: u8) {
        self.say(&invited(link, who, self.now + limits::INVITATION_MS));
        self.say(&enrolled(link, who));
        self.say(&added(who, phone));
    }

    /// Appends what must hold; answers its sequence.
    pub(crate) fn say(&mut self, draft: &Draft) -> u64 {
        let entry = self
            .structure
            .append(draft.signed(), self.now)
            .unwrap_or_else(|e| panic!("{:?}: {e}", draft.kind));
        self.entries.push(entry);
        self.seq()
    }

    /// Appends what must not hold, and sees that nothing has changed.
    pub(crate) fn refuse(&mut self, statement: Bytes) -> StatementError {
        let before = self.structure.clone();
        let refused = self.structure.append(statement, self.now);
        assert!(self.structure == before, "a refusal changed something");
        refused.expect_err("refused")
    }

    pub(crate) fn seq(&self) -> u64 {
        self.structure.head().seq
    }

    /// Whether the device's chain holds as of an entry, now.
    pub(crate) fn valid(&self, phone: u8, seq: u64) -> bool {
        self.structure
            .valid_device(&device(phone), seq, self.now)
            .is_some()
    }
}

/// A statement of each kind with a practice in which it holds.
pub(crate) fn one_of_each_kind() -> Vec<(Practice, Draft)> {
    let staffed = Practice::staffed();
    let mut waiting = staffed.clone();
    waiting.say(&enrolled(DOCTOR_LINK, DOCTOR));
    let mut linking = staffed.clone();
    linking.say(&device_invited(130, NURSE, NOW + 60_000));
    let mut promoted = staffed.clone();
    promoted.say(&appointed(NURSE));
    vec![
        (Practice::empty(), created()),
        (staffed.clone(), appointed(NURSE)),
        (staffed.clone(), replaced(ROOT, 8, &[])),
        (staffed.clone(), invited(113, 13, NOW + HOUR)),
        (staffed.clone(), withdrawn(DOCTOR_LINK)),
        (staffed.clone(), enrolled(DOCTOR_LINK, DOCTOR)),
        (waiting.clone(), added(DOCTOR, DOCTOR_PHONE)),
        (waiting, confirmed(DOCTOR)),
        (staffed.clone(), card(NURSE, NURSE_PHONE, b"card")),
        (staffed.clone(), revoked(NURSE_PHONE, NURSE)),
        (promoted, released(NURSE)),
        (staffed.clone(), departed(NURSE, COORDINATOR)),
        (staffed.clone(), device_invited(131, NURSE, NOW + 60_000)),
        (linking, linked(130, NURSE, 30)),
        (staffed.clone(), sealing_key(NURSE_PHONE, 2)),
        (staffed, directory_key(2, COORDINATOR_PHONE)),
    ]
}

/// A device's leaf in a tree (or of a key package, without an index).
pub(crate) fn leaf(index: Option<u32>, who: u8, phone: u8) -> Leaf {
    Leaf {
        index,
        structure: STRUCTURE,
        professional: person(who),
        device: device(phone),
        key: public(phone),
    }
}
