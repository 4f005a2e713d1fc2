//! For this crate's tests: a device whose person set a structure up.

use prost::Message;
use relais_wire::ids::StructureId;
use relais_wire::link::{Link, LinkKind};
use relais_wire::v1::EnrolRequest;
use rusqlite::Connection;

use super::Enrolment;
use crate::engine::Engine;

/// The only device of a new structure, as its server would have taken it.
pub(crate) fn founder(ciphersuite: u16, now_ms: u64) -> Engine {
    let db = Connection::open_in_memory().expect("database");
    let mut engine = Engine::open(db, now_ms).expect("engine");
    let link = Link {
        server_url: String::new(),
        kind: LinkKind::SetUp,
        structure: StructureId([1; 16]),
        seed: [2; 32],
        root_fingerprint: [0; 16],
    };
    engine.prepare_set_up(&link, ciphersuite).expect("prepared");
    let request = EnrolRequest::decode(engine.enrolment.request.as_slice()).expect("request");
    for statement in request.statements {
        engine.structure.append(statement, now_ms).expect("said");
    }
    engine.enrolment.state = Enrolment::Enrolled;
    engine
}
