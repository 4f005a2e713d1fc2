//! The chain from the root to a device: what holds, and everything that does not.

mod form;
mod generations;
mod linking;
mod refused;
mod restored;
mod root;

use prost::Message;

use super::{Standing, StatementError, Structure, root_fingerprint, statement_label};
use crate::chain::{self, GENESIS};
use crate::label::{Label, SignatureError};
use crate::limits;
use crate::testing::*;
use crate::v1::{
    DeviceAdded, EnrolmentConfirmed, InvitationIssued, InvitationWithdrawn, ProfessionalEnrolled,
    Statement, StatementKind, StructureCreated, StructureEntry, StructureRole,
};

/// The same statement with another body, signed by the same keys.
fn altered<M: Message + Default>(draft: &Draft, change: impl FnOnce(&mut M)) -> Draft {
    let mut body = M::decode(draft.body.as_slice()).expect("a body");
    change(&mut body);
    Draft {
        body: body.encode_to_vec(),
        ..draft.clone()
    }
}

// ------------------------------------------------------------ what holds

// proves: I2
#[test]
fn an_invited_nurse_joins_with_her_own_key_and_is_confirmed() {
    let mut practice = Practice::founded();
    let coordinator = practice.structure.professional(&person(COORDINATOR));
    let coordinator = coordinator.expect("certified");
    assert_eq!(coordinator.standing(), Standing::Coordinator);
    assert_eq!(
        (
            coordinator.newest().enrolment_key,
            coordinator.newest().confirmed_seq
        ),
        (None, Some(2))
    );
    assert!(practice.structure.is_coordinator(&person(COORDINATOR)));
    assert_eq!(practice.structure.id(), Some(STRUCTURE));
    assert_eq!(practice.structure.root_key(), &public(ROOT));

    practice.say(&invited(NURSE_LINK, NURSE, NOW + HOUR));
    practice.say(&enrolled(NURSE_LINK, NURSE));
    let invitation = practice.structure.invitation(&public(NURSE_LINK));
    assert!(invitation.expect("known").used);
    let joined = practice.say(&added(NURSE, NURSE_PHONE));
    assert!(practice.valid(NURSE_PHONE, joined));
    let nurse = practice
        .structure
        .professional(&person(NURSE))
        .expect("enrolled");
    assert_eq!(
        (nurse.newest().key, nurse.standing()),
        (public(NURSE), Standing::Professional)
    );
    assert_eq!(
        (nurse.newest().enrolment_key, nurse.newest().confirmed_seq),
        (Some(public(NURSE_LINK)), None)
    );

    let confirmation = practice.say(&confirmed(NURSE));
    let nurse = practice
        .structure
        .professional(&person(NURSE))
        .expect("enrolled");
    assert_eq!(nurse.newest().confirmed_seq, Some(confirmation));
    assert!(!practice.structure.is_coordinator(&person(NURSE)));
}

#[test]
fn a_secretary_is_invited_as_a_lay_person() {
    let mut practice = Practice::founded();
    let draft = invited(NURSE_LINK, NURSE, NOW + HOUR);
    practice.say(&altered(&draft, |body: &mut InvitationIssued| {
        body.set_role(StructureRole::Lay);
    }));
    practice.say(&enrolled(NURSE_LINK, NURSE));
    let secretary = practice.structure.professional(&person(NURSE));
    assert_eq!(secretary.expect("enrolled").standing(), Standing::Lay);
}

#[test]
fn a_nurse_whom_the_root_appoints_can_invite() {
    let mut practice = Practice::founded();
    practice.enrol(NURSE_LINK, NURSE, NURSE_PHONE);
    let appointed = practice.say(&appointed(NURSE));
    assert!(practice.structure.is_coordinator(&person(NURSE)));
    let nurse = practice
        .structure
        .professional(&person(NURSE))
        .expect("known");
    assert_eq!(nurse.newest().confirmed_seq, Some(appointed));
    practice.say(&invited(DOCTOR_LINK, DOCTOR, NOW + HOUR));
    practice.say(&enrolled(DOCTOR_LINK, DOCTOR));
    practice.say(&confirmed_by(DOCTOR, NURSE));
}

#[test]
fn the_latest_card_of_a_person_counts() {
    let mut practice = Practice::staffed();
    practice.say(&card(NURSE, NURSE_PHONE, b"by herself"));
    let by_coordinator = practice.say(&card(NURSE, COORDINATOR_PHONE, b"by the coordinator"));
    practice.say(&card(DOCTOR, COORDINATOR_PHONE, b"of someone invited"));
    let cards: Vec<_> = practice.structure.cards().collect();
    assert_eq!(cards.len(), 2);
    assert_eq!(cards[0].0, &person(NURSE));
    assert_eq!(cards[0].1.ciphertext, b"by the coordinator");
    assert_eq!(cards[0].1.seq, by_coordinator);
}

#[test]
fn an_old_card_that_someone_says_again_does_not_come_back() {
    let mut practice = Practice::staffed();
    let old = card(NURSE, NURSE_PHONE, b"before her wedding");
    practice.say(&old);
    practice.say(&card(NURSE, NURSE_PHONE, b"after it"));
    assert_eq!(practice.refuse(old.signed()), StatementError::AlreadySaid);
    // Nor in another encoding of the same signed bytes.
    let mut padded = old.signed().to_vec();
    padded.extend([0x78, 1]);
    assert_eq!(practice.refuse(padded.into()), StatementError::AlreadySaid);
}

#[test]
fn two_devices_that_read_the_same_log_reach_the_same_state_and_head() {
    let practice = Practice::staffed();
    let mut reader = Structure::new();
    let mut head = GENESIS;
    for entry in &practice.entries {
        reader.apply(entry).expect("the same entries hold");
        head = chain::structure_entry(&head, entry);
        assert_eq!(reader.head().hash.as_ref(), head);
    }
    assert!(reader == practice.structure);
}

// ------------------------------------------------------- as of, order, chain

#[test]
fn a_question_about_the_past_gets_the_answer_of_the_past() {
    let mut practice = Practice::founded();
    practice.enrol(NURSE_LINK, NURSE, NURSE_PHONE);
    let joined = practice.seq();
    let confirmation = practice.say(&confirmed(NURSE));
    let second = practice.say(&added(NURSE, 30));
    let revocation = practice.say(&revoked(NURSE_PHONE, NURSE));

    assert!(!practice.valid(NURSE_PHONE, joined - 1), "added later");
    assert!(practice.valid(NURSE_PHONE, joined));
    assert!(practice.valid(NURSE_PHONE, revocation - 1), "revoked later");
    assert!(!practice.valid(NURSE_PHONE, revocation));
    assert!(!practice.valid(30, second - 1));
    assert!(practice.valid(30, revocation));
    practice.now += limits::UNCONFIRMED_MS;
    assert!(
        !practice.valid(NURSE_PHONE, confirmation - 1),
        "not confirmed yet"
    );
    assert!(practice.valid(NURSE_PHONE, confirmation));
    assert!(!practice.valid(STRANGER, revocation));
}

#[test]
fn an_entry_out_of_order_or_from_the_past_is_refused() {
    let practice = Practice::staffed();
    let good = StructureEntry {
        seq: practice.seq() + 1,
        time_ms: NOW,
        statement: enrolled(DOCTOR_LINK, DOCTOR).signed(),
        seal: Default::default(),
    };
    let shifted = |seq: u64, time_ms: u64| StructureEntry {
        seq,
        time_ms,
        ..good.clone()
    };
    let mut structure = practice.structure.clone();
    for bad in [
        shifted(good.seq - 1, NOW),
        shifted(good.seq + 1, NOW),
        shifted(0, NOW),
        shifted(u64::MAX, NOW),
        shifted(good.seq, NOW - 1),
    ] {
        assert_eq!(structure.apply(&bad), Err(StatementError::OutOfOrder));
    }
    assert!(structure == practice.structure, "nothing has changed");
    assert_eq!(structure.apply(&good), Ok(()));
}

#[test]
fn a_clock_that_falls_back_at_the_server_does_not_stop_the_log() {
    let mut practice = Practice::staffed();
    practice.now = NOW - DAY;
    practice.say(&enrolled(DOCTOR_LINK, DOCTOR));
    assert_eq!(practice.entries.last().expect("said").time_ms, NOW);
}

#[test]
fn an_absurd_server_time_breaks_nothing() {
    let mut practice = Practice::founded();
    practice.now = u64::MAX;
    practice.say(&invited(NURSE_LINK, NURSE, u64::MAX));
    let late = enrolled(NURSE_LINK, NURSE).signed();
    assert_eq!(practice.refuse(late), StatementError::InvitationInvalid);
    practice.say(&certified(NURSE));
    let joined = practice.say(&added(NURSE, NURSE_PHONE));
    assert!(practice.valid(NURSE_PHONE, joined));

    let mut practice = Practice::founded();
    practice.now = u64::MAX - 1;
    practice.say(&invited(NURSE_LINK, NURSE, u64::MAX));
    practice.say(&enrolled(NURSE_LINK, NURSE));
    let joined = practice.say(&added(NURSE, NURSE_PHONE));
    assert!(practice.valid(NURSE_PHONE, joined));
    practice.say(&confirmed(NURSE));
}

#[test]
fn the_chain_shows_any_change_of_an_entry() {
    let entry = Practice::staffed().entries.pop().expect("entries");
    let hash = chain::structure_entry(&GENESIS, &entry);
    let mut changed = vec![chain::structure_entry(&[1; 32], &entry)];
    for (seq, time, statement) in [(1, 0, 0), (0, 1, 0), (0, 0, 1)] {
        let mut other = entry.clone();
        other.seq += seq;
        other.time_ms += time;
        let mut bytes = other.statement.to_vec();
        bytes[5] ^= statement;
        other.statement = bytes.into();
        changed.push(chain::structure_entry(&GENESIS, &other));
    }
    changed.push(hash);
    let all = changed.len();
    changed.sort_unstable();
    changed.dedup();
    assert_eq!(changed.len(), all);
}

#[test]
fn another_root_has_another_fingerprint() {
    assert_ne!(
        root_fingerprint(&public(ROOT)),
        root_fingerprint(&public(STRANGER))
    );
}

// proves: I4
#[test]
fn every_kind_of_statement_has_its_own_label() {
    let labels: Vec<_> = (1..=15)
        .map(|n| StatementKind::try_from(n).expect("a kind"))
        .map(|kind| statement_label(kind).expect("a label").text())
        .collect();
    let mut distinct = labels.clone();
    distinct.sort_unstable();
    distinct.dedup();
    assert_eq!(distinct.len(), labels.len());
    assert_eq!(statement_label(StatementKind::Unspecified), None);
}

// proves: I2
#[test]
fn a_colleagues_key_is_no_enrolment_key() {
    let mut practice = Practice::staffed();
    let mut draft = altered(
        &enrolled(DOCTOR_LINK, DOCTOR),
        |body: &mut ProfessionalEnrolled| body.enrolment_key = public(NURSE).to_vec().into(),
    );
    draft.keys[0] = NURSE;
    // A key that exists in the practice, but is no enrolment key.
    assert_eq!(
        practice.refuse(draft.signed()),
        StatementError::InvitationInvalid
    );
}
