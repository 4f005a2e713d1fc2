//! What a proposal must be to be shown, and what a repetition changes.

use super::*;
use crate::identity::{Enrolment, Identity};
use relais_wire::ids::StructureId;
use relais_wire::structure::{Structure, sign_statement};
use relais_wire::v1::{CoordinatorCertified, StructureCreated};

const STRUCTURE: StructureId = StructureId([1; 16]);
const NOW: u64 = 1_772_323_200_000;
const DAY: u64 = 24 * 3_600_000;

fn key(n: u8) -> SigningKey {
    SigningKey::from_bytes(&[n; 32])
}

fn public(n: u8) -> Bytes {
    key(n).verifying_key().to_bytes().to_vec().into()
}

fn person(n: u8) -> ProfessionalId {
    ProfessionalId([n; 16])
}

/// The engine of coordinator 12, beside 10 and 11; the root is 9.
fn engine() -> Engine {
    let db = rusqlite::Connection::open_in_memory().expect("database");
    let mut engine = Engine::open(db, NOW).expect("engine");
    let created = StructureCreated {
        structure_id: STRUCTURE.to_bytes(),
        root_key: public(9),
        ciphersuite: relais_wire::mls::SUITE_XWING.into(),
    };
    let mut structure = Structure::new();
    let mut say = |statement: Vec<u8>| structure.append(statement.into(), NOW).map(drop);
    say(sign_statement(
        StatementKind::StructureCreated,
        &created,
        &[&key(9)],
    ))
    .expect("said");
    for n in [10, 11, 12] {
        let body = CoordinatorCertified {
            structure_id: STRUCTURE.to_bytes(),
            professional_id: person(n).to_bytes(),
            professional_key: public(n),
        };
        let keys = [&key(9), &key(n)];
        let certified = sign_statement(StatementKind::CoordinatorCertified, &body, &keys);
        say(certified).expect("said");
    }
    engine.structure = structure;
    engine.enrolment.state = Enrolment::Enrolled;
    engine.identity = Some(Identity {
        structure: STRUCTURE.0,
        professional: [12; 16],
        device: [22; 16],
        professional_seed: vec![12; 32],
        device_seed: [22; 32],
        sealing_private: Vec::new(),
        sealing_public: Vec::new(),
        sealing_since_ms: NOW,
        next_sealing: None,
        former_sealing: Vec::new(),
    });
    engine
}

fn body(expires_at_ms: u64) -> RootReplaced {
    RootReplaced {
        structure_id: STRUCTURE.to_bytes(),
        root_key: public(8),
        replaces: public(9),
        coordinators: [10, 11, 12].map(|n| person(n).to_bytes()).into(),
        expires_at_ms,
    }
}

fn proposed(engine: &mut Engine, body: &RootReplaced, signer: u8, by: u8) -> usize {
    let encoded: Bytes = body.encode_to_vec().into();
    let proposal = content::RootProposal {
        signature: label::sign(&key(signer), Label::RootReplaced, &encoded),
        body: encoded,
    };
    let by = (person(by), DeviceId([by + 10; 16]));
    engine.root_proposed(&proposal, by).expect("no fault here");
    engine.root_proposals().expect("proposals").len()
}

// proves: I1
#[test]
fn a_proposal_that_does_not_hold_is_never_shown() {
    let mut engine = engine();
    let good = body(NOW + DAY);
    let altered = |change: fn(&mut RootReplaced)| {
        let mut body = good.clone();
        change(&mut body);
        body
    };
    assert_eq!(
        proposed(&mut engine, &good, 9, 11),
        0,
        "the new root has not signed"
    );
    assert_eq!(
        proposed(&mut engine, &good, 8, 13),
        0,
        "by somebody who is not asked"
    );
    assert_eq!(proposed(&mut engine, &good, 8, 12), 0, "by oneself");
    for bad in [
        altered(|b| b.structure_id = vec![2; 16].into()),
        altered(|b| drop(b.coordinators.pop())),
        altered(|b| b.coordinators.clear()),
        altered(|b| b.root_key = vec![0; 32].into()),
        altered(|b| b.expires_at_ms = NOW + 9 * DAY),
    ] {
        assert_eq!(proposed(&mut engine, &bad, 8, 11), 0, "{bad:?}");
    }
    assert_eq!(proposed(&mut engine, &good, 8, 11), 1);
    let other = altered(|b| b.replaces = vec![7; 32].into());
    assert_eq!(
        proposed(&mut engine, &other, 8, 10),
        2,
        "kept, but not open"
    );
    let states = engine.root_proposals().expect("proposals").into_iter();
    let states: Vec<_> = states.map(|p| p.state).collect();
    assert_eq!(states, [ProposalState::Overtaken, ProposalState::Open]);
}

#[test]
fn an_older_proposal_said_again_does_not_push_out_the_newer_one() {
    let mut engine = engine();
    let (older, newer) = (body(NOW + DAY), body(NOW + 2 * DAY));
    proposed(&mut engine, &older, 8, 11);
    proposed(&mut engine, &newer, 8, 11);
    assert_eq!(proposed(&mut engine, &older, 8, 11), 1);
    let known = engine.root_proposals().expect("proposals").remove(0);
    assert_eq!(known.expires_at_ms, NOW + 2 * DAY);
    let unasked = engine.approve_root_replacement(&[0; 32]);
    assert!(matches!(unasked, Err(Error::Unknown(_))));
    let gone = engine.approve_root_replacement(&known.id);
    assert!(
        matches!(gone, Err(Error::NotAllowed(_))),
        "that device is not known"
    );
}
