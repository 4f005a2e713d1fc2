//! What the fuzz targets share: a practice to judge by, and the two modules of
//! the client that read foreign bytes.
//!
//! The photo and blob modules are compiled from the client's sources and not
//! through `relais-core`, which would bring SQLCipher and OpenSSL into every
//! instrumented build. They depend on nothing else of the client.

use std::sync::LazyLock;

use ed25519_dalek::SigningKey;
use prost::Message;
use prost::bytes::Bytes;
use relais_wire::ids::{DeviceId, ProfessionalId, StructureId};
use relais_wire::label::sign;
use relais_wire::structure::{Structure, sign_statement, statement_label};
use relais_wire::v1::{
    CoordinatorCertified, DeviceAdded, DeviceInvited, DirectoryKeyReplaced, EnrolmentConfirmed,
    InvitationIssued, ProfessionalEnrolled, Statement, StatementKind, StructureCreated, StructureRole,
};

/// Sealed blobs.
#[rustfmt::skip]
#[path = "../../../client-core/src/media/blob.rs"]
pub mod blob;
/// Photos before they leave a device.
#[rustfmt::skip]
#[path = "../../../client-core/src/media/photo.rs"]
pub mod photo;

/// Server time of everything here.
pub const NOW: u64 = 1_772_323_200_000;
/// The practice's id.
pub const STRUCTURE: StructureId = StructureId([1; 16]);
/// The root's key.
pub const ROOT: u8 = 9;
/// The coordinator's id and key.
pub const COORDINATOR: u8 = 10;
/// The coordinator's device and its key.
pub const COORDINATOR_PHONE: u8 = 20;
const NURSE: u8 = 11;
const NURSE_PHONE: u8 = 21;
const NURSE_LINK: u8 = 111;
const TABLET_LINK: u8 = 113;
const DOCTOR: u8 = 12;
const DOCTOR_LINK: u8 = 112;

/// The key with the seed `n`, 32 times.
pub fn key(n: u8) -> SigningKey {
    SigningKey::from_bytes(&[n; 32])
}

fn public(n: u8) -> Bytes {
    Bytes::copy_from_slice(key(n).verifying_key().as_bytes())
}

/// The device with the id `n`, 16 times.
pub fn device(n: u8) -> DeviceId {
    DeviceId([n; 16])
}

/// The person with the id `n`, 16 times.
pub fn person(n: u8) -> ProfessionalId {
    ProfessionalId([n; 16])
}

fn invited(link: u8, who: u8) -> Vec<u8> {
    let body = InvitationIssued {
        structure_id: STRUCTURE.to_bytes(),
        enrolment_key: public(link),
        professional_id: person(who).to_bytes(),
        role: StructureRole::Professional.into(),
        expires_at_ms: NOW + 3_600_000,
        issuer: person(COORDINATOR).to_bytes(),
        remaining_devices: Vec::new(),
    };
    sign_statement(StatementKind::InvitationIssued, &body, &[&key(COORDINATOR)])
}

fn added(who: u8, phone: u8) -> Vec<u8> {
    let body = DeviceAdded {
        structure_id: STRUCTURE.to_bytes(),
        professional_id: person(who).to_bytes(),
        device_id: device(phone).to_bytes(),
        device_key: public(phone),
        sealing_key: vec![phone; 32].into(),
    };
    sign_statement(StatementKind::DeviceAdded, &body, &[&key(who), &key(phone)])
}

/// A coordinator, a confirmed nurse, and a doctor who was invited.
pub static PRACTICE: LazyLock<Structure> = LazyLock::new(|| {
    let id = STRUCTURE.to_bytes();
    let created = StructureCreated {
        structure_id: id.clone(),
        root_key: public(ROOT),
        ciphersuite: relais_wire::mls::SUITE_XWING.into(),
    };
    let certified = CoordinatorCertified {
        structure_id: id.clone(),
        professional_id: person(COORDINATOR).to_bytes(),
        professional_key: public(COORDINATOR),
    };
    let enrolled = ProfessionalEnrolled {
        structure_id: id.clone(),
        enrolment_key: public(NURSE_LINK),
        professional_id: person(NURSE).to_bytes(),
        professional_key: public(NURSE),
    };
    let confirmed = EnrolmentConfirmed {
        structure_id: id,
        professional_id: person(NURSE).to_bytes(),
        professional_key: public(NURSE),
        coordinator: person(COORDINATOR).to_bytes(),
    };
    let tablet = DeviceInvited {
        structure_id: STRUCTURE.to_bytes(),
        professional_id: person(NURSE).to_bytes(),
        enrolment_key: public(TABLET_LINK),
        expires_at_ms: NOW + 60_000,
    };
    let directory = DirectoryKeyReplaced {
        structure_id: STRUCTURE.to_bytes(),
        version: 1,
        key_hash: vec![1; 32].into(),
        device_id: device(COORDINATOR_PHONE).to_bytes(),
    };
    let (root, coordinator) = (key(ROOT), key(COORDINATOR));
    let (link, nurse) = (key(NURSE_LINK), key(NURSE));
    use StatementKind as Kind;
    let mut structure = Structure::new();
    for statement in [
        sign_statement(Kind::StructureCreated, &created, &[&root]),
        sign_statement(
            Kind::CoordinatorCertified,
            &certified,
            &[&root, &coordinator],
        ),
        added(COORDINATOR, COORDINATOR_PHONE),
        invited(NURSE_LINK, NURSE),
        sign_statement(Kind::ProfessionalEnrolled, &enrolled, &[&link, &nurse]),
        added(NURSE, NURSE_PHONE),
        sign_statement(Kind::EnrolmentConfirmed, &confirmed, &[&coordinator]),
        invited(DOCTOR_LINK, DOCTOR),
        sign_statement(Kind::DeviceInvited, &tablet, &[&nurse]),
        sign_statement(Kind::DirectoryKeyReplaced, &directory, &[&key(COORDINATOR_PHONE)]),
    ] {
        let said = structure.append(statement.into(), NOW);
        said.expect("a statement of this practice");
    }
    structure
});

/// Any body as a statement of `kind`, signed by those who could say it, so that
/// what stands behind the signatures is reached too.
pub fn signed(kind: StatementKind, body: &[u8]) -> Option<Bytes> {
    let keys: &[u8] = match kind {
        StatementKind::Unspecified => &[],
        StatementKind::StructureCreated => &[ROOT],
        StatementKind::CoordinatorCertified => &[ROOT],
        StatementKind::RootReplaced => &[8, ROOT],
        StatementKind::ProfessionalEnrolled => &[DOCTOR_LINK, DOCTOR],
        StatementKind::DeviceAdded => &[NURSE, 31],
        StatementKind::CardPublished | StatementKind::SealingKeyReplaced => &[NURSE_PHONE],
        StatementKind::DirectoryKeyReplaced => &[COORDINATOR_PHONE],
        StatementKind::DeviceInvited => &[NURSE],
        StatementKind::DeviceLinked => &[TABLET_LINK, 31],
        StatementKind::CoordinatorRevoked => &[ROOT],
        StatementKind::InvitationIssued
        | StatementKind::EnrolmentConfirmed
        | StatementKind::DeviceRevoked
        | StatementKind::ProfessionalRevoked
        | StatementKind::InvitationWithdrawn => &[COORDINATOR],
    };
    let label = statement_label(kind)?;
    let statement = Statement {
        kind: kind.into(),
        body: Bytes::copy_from_slice(body),
        signatures: keys.iter().map(|n| sign(&key(*n), label, body)).collect(),
    };
    Some(statement.encode_to_vec().into())
}

/// Decodes; what decodes must encode to something that decodes to the same.
pub fn decode<M: Message + Default + PartialEq>(bytes: &[u8]) -> Option<M> {
    let message = M::decode(bytes).ok()?;
    let again = M::decode(message.encode_to_vec().as_slice());
    assert!(again.is_ok_and(|again| again == message));
    Some(message)
}
