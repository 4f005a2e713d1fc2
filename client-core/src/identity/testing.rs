//! For this crate's tests: a device whose person set a structure up, and another's.

use ed25519_dalek::SigningKey;
use prost::Message;
use relais_wire::ids::StructureId;
use relais_wire::link::{Link, LinkKind};
use relais_wire::structure::{root_fingerprint, sign_statement};
use relais_wire::v1::{EnrolRequest, InvitationIssued, StatementKind, StructureRole};
use rusqlite::Connection;

use super::Enrolment;
use crate::engine::Engine;

const STRUCTURE: StructureId = StructureId([1; 16]);

/// The only device of a new structure, as its server would have taken it.
pub(crate) fn founder(ciphersuite: u16, now_ms: u64) -> Engine {
    let mut engine = new_device(now_ms);
    let link = link(LinkKind::SetUp);
    engine.prepare_set_up(&link, ciphersuite).expect("prepared");
    said(&mut engine, now_ms);
    engine
}

/// The device of somebody whom the founder invited; both know of it.
pub(crate) fn colleague(founder: &mut Engine, now_ms: u64) -> Engine {
    let mut link = link(LinkKind::Invitation);
    let coordinator = founder.identity().expect("identity");
    let enrolment_key = SigningKey::from_bytes(&link.seed).verifying_key();
    let issued = InvitationIssued {
        structure_id: STRUCTURE.to_bytes(),
        enrolment_key: enrolment_key.to_bytes().to_vec().into(),
        professional_id: vec![8; 16].into(),
        role: StructureRole::Professional.into(),
        expires_at_ms: now_ms + 3_600_000,
        issuer: coordinator.professional().to_bytes(),
        remaining_devices: Vec::new(),
    };
    let key = coordinator.professional_key().expect("a key");
    let issued = sign_statement(StatementKind::InvitationIssued, &issued, &[&key]);
    let issued = founder.structure.append(issued.into(), now_ms);
    issued.expect("issued");
    let mut engine = new_device(now_ms);
    engine.structure = founder.structure.clone();
    link.root_fingerprint = root_fingerprint(founder.structure.root_key());
    engine.prepare_invitation(&link).expect("prepared");
    said(&mut engine, now_ms);
    founder.structure = engine.structure.clone();
    engine
}

fn new_device(now_ms: u64) -> Engine {
    let db = Connection::open_in_memory().expect("database");
    Engine::open(db, now_ms).expect("engine")
}

fn link(kind: LinkKind) -> Link {
    Link {
        server_url: String::new(),
        kind,
        structure: STRUCTURE,
        seed: [2; 32],
        root_fingerprint: [0; 16],
    }
}

/// The server took what the device asked for.
fn said(engine: &mut Engine, now_ms: u64) {
    let request = EnrolRequest::decode(engine.enrolment.request.as_slice()).expect("request");
    for statement in request.statements {
        engine.structure.append(statement, now_ms).expect("said");
    }
    engine.enrolment.state = Enrolment::Enrolled;
}
