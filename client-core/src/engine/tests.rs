//! What the engine does when its own disk fails.

use relais_wire::ids::StructureId;
use relais_wire::link::{Link, LinkKind};
use rusqlite::Connection;

use super::Engine;
use crate::error::Class;
use crate::identity::Enrolment;
use crate::identity::cards::OwnCard;

fn link() -> String {
    Link {
        server_url: "http://relais.invalid".into(),
        kind: LinkKind::SetUp,
        structure: StructureId([1; 16]),
        seed: [2; 32],
        root_fingerprint: [0; 16],
    }
    .to_string()
}

fn card() -> OwnCard {
    OwnCard {
        family_name: "Lefèvre".into(),
        given_name: "Claire".into(),
        profession: 0,
        rpps: String::new(),
    }
}

fn pages(engine: &Engine, limit: u64) {
    engine
        .db
        .query_row(&format!("PRAGMA max_page_count = {limit}"), [], |_| Ok(()))
        .expect("limit");
}

#[test]
fn a_full_disk_refuses_a_command_whole_and_it_works_once_there_is_room() {
    let db = Connection::open_in_memory().expect("database");
    let mut engine = Engine::open(db, 1).expect("engine");
    let used: u64 = engine
        .db
        .query_row("PRAGMA page_count", [], |row| row.get(0))
        .expect("pages");
    pages(&engine, used);
    let padding: String = "x".repeat(4 * 4096);
    let full = engine.transaction(|engine| {
        crate::db::meta::put(&engine.db, "filler", padding.as_bytes())?;
        Ok(())
    });
    let error = full.expect_err("the disk is full");
    assert_eq!(error.class(), Class::Retry, "{error}");
    assert!(engine.db.is_autocommit(), "no transaction is left open");
    assert_eq!(*engine.enrolment(), Enrolment::None);
    pages(&engine, 1_000_000);
    engine
        .join(&link(), Some(card()))
        .expect("there is room again");
    assert_eq!(*engine.enrolment(), Enrolment::Joining);
}

#[test]
fn a_database_of_a_newer_program_is_left_alone() {
    let db = Connection::open_in_memory().expect("database");
    db.execute_batch("PRAGMA user_version = 9999")
        .expect("version");
    let refused = Engine::open(db, 1).err().expect("refused");
    assert_eq!(refused.code(), "too_new");
}
