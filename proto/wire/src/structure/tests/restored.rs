//! Two logs that part: how far they are the same, what one states again of the other, and
//! what must not come back by it.

use super::*;
use crate::structure::Ended;
use crate::v1::LogHead;

const TABLET: u8 = 31;

/// The lost log and the one that took its place, after so many entries that both have.
fn parted(lost: &[Draft], meanwhile: &[Draft]) -> (Practice, Practice, usize) {
    let both = Practice::staffed();
    let (mut before, mut after) = (both.clone(), both.clone());
    for draft in lost {
        before.say(draft);
    }
    after.now += 60_000;
    for draft in meanwhile {
        after.say(draft);
    }
    (before, after, both.entries.len())
}

fn stated_again((before, after, common): (Practice, Practice, usize)) -> (Structure, usize) {
    let (next, entries) = after
        .structure
        .state_again(before.entries[common..].to_vec());
    let mut replayed = after.structure.clone();
    for entry in &entries {
        replayed.apply(entry).expect("an entry like any other");
    }
    assert!(replayed == next);
    (next, entries.len())
}

#[test]
fn landmarks_show_how_far_two_logs_are_the_same() {
    let (before, after, common) = parted(
        &[enrolled(DOCTOR_LINK, DOCTOR), added(DOCTOR, DOCTOR_PHONE)],
        &[added(NURSE, TABLET)],
    );
    let known = before.structure.landmarks();
    assert_eq!(known.first(), Some(&before.structure.head()));
    let seqs: Vec<u64> = known.iter().map(|entry| entry.seq).collect();
    assert_eq!(seqs, [11, 10, 8, 4]);
    let found = known.iter().find(|entry| after.structure.has(entry));
    let found = found.expect("both have it").seq;
    assert!(found as usize <= common && found * 2 > common as u64 / 2);
    // The beginning is common to all logs, and an entry of the same place is not.
    assert!(after.structure.has(&Structure::new().head()));
    let other = LogHead {
        seq: after.seq(),
        hash: before
            .structure
            .hash_at(after.seq())
            .expect("known")
            .to_vec()
            .into(),
    };
    assert!(!after.structure.has(&other));
    assert!(!before.structure.has(&LogHead { seq: 99, ..other }));
    assert!(Structure::new().landmarks().is_empty());
}

// proves: D6
#[test]
fn what_was_lost_is_stated_again_after_what_was_stated_meanwhile() {
    let (next, entries) = stated_again(parted(
        &[
            enrolled(DOCTOR_LINK, DOCTOR),
            added(DOCTOR, DOCTOR_PHONE),
            confirmed(DOCTOR),
            revoked(NURSE_PHONE, COORDINATOR),
        ],
        &[added(NURSE, TABLET)],
    ));
    assert_eq!(entries, 4);
    let head = next.head().seq;
    for (phone, valid) in [(DOCTOR_PHONE, true), (TABLET, true), (NURSE_PHONE, false)] {
        assert_eq!(
            next.valid_device(&device(phone), head, NOW).is_some(),
            valid,
            "{phone}"
        );
    }
}

// proves: I3
#[test]
fn what_does_not_hold_any_more_is_not_stated_again() {
    let (next, entries) = stated_again(parted(
        &[added(NURSE, TABLET), enrolled(DOCTOR_LINK, DOCTOR)],
        &[departed(NURSE, COORDINATOR), withdrawn(DOCTOR_LINK)],
    ));
    assert_eq!(entries, 0);
    assert!(next.device(&device(TABLET)).is_none());
    assert!(next.professional(&person(DOCTOR)).is_none());
}

#[test]
fn a_card_is_stated_again_where_it_can_be_opened_and_undoes_no_newer_one() {
    let lost = || {
        vec![
            card(NURSE, NURSE_PHONE, b"lost"),
            revoked(NURSE_PHONE, COORDINATOR),
            directory_key(2, COORDINATOR_PHONE),
        ]
    };
    let published = |next: &Structure| {
        let cards = next.cards();
        let mut of_the_nurse = cards.filter(|(id, _)| **id == person(NURSE));
        of_the_nurse.next().map(|(_, card)| card.ciphertext.clone())
    };
    let (next, _) = stated_again(parted(&lost(), &[added(NURSE, TABLET)]));
    assert_eq!(published(&next).as_deref(), Some(b"lost".as_slice()));
    let newer = [card(NURSE, NURSE_PHONE, b"newer")];
    let (next, _) = stated_again(parted(&lost(), &newer));
    assert_eq!(published(&next).as_deref(), Some(b"newer".as_slice()));
    // Both logs have a second key: it is not the same one.
    let mut under_the_second = lost();
    under_the_second.push(altered(
        &card(DOCTOR, COORDINATOR_PHONE, b"second"),
        |body: &mut crate::v1::CardPublished| body.directory_version = 2,
    ));
    let other_key = [added(NURSE, TABLET), directory_key(2, COORDINATOR_PHONE)];
    let (next, _) = stated_again(parted(&under_the_second, &other_key));
    assert!(next.cards().all(|(id, _)| *id == person(NURSE)));
}

// proves: I5
#[test]
fn everything_that_a_log_has_ended_is_told_and_stands_by_a_log_that_has_not() {
    let mut both = Practice::staffed();
    both.say(&appointed(NURSE));
    let before = both.structure.clone();
    both.say(&released(NURSE));
    both.say(&revoked(NURSE_PHONE, COORDINATOR));
    both.say(&departed(NURSE, COORDINATOR));
    both.say(&withdrawn(DOCTOR_LINK));
    both.say(&replaced(ROOT, 8, &[]));
    let ended = both.structure.ended();
    let all = [
        Ended::Device(device(NURSE_PHONE)),
        Ended::Key(public(NURSE)),
        Ended::Coordinator(public(NURSE)),
        Ended::Invitation(public(DOCTOR_LINK)),
        Ended::Root(public(ROOT)),
    ];
    assert!(ended.iter().eq(all.iter()), "{ended:?}");
    for one in &all {
        let open = matches!(one, Ended::Invitation(_));
        assert_eq!(before.stands(one), !open, "{one:?}");
        assert!(!both.structure.stands(one), "{one:?}");
        assert!(
            !Structure::new().stands(one),
            "what is not known does not stand"
        );
        assert_eq!(Ended::read(&one.to_bytes()).as_ref(), Some(one));
        assert_eq!(Ended::read(&one.to_bytes()[1..]), None);
    }
    assert!(before.ended().is_empty());
}

// proves: I2
#[test]
fn an_invitation_that_was_withdrawn_stands_for_whoever_used_it() {
    let withdrawn = Ended::Invitation(public(DOCTOR_LINK));
    let mut practice = Practice::staffed();
    assert!(!practice.structure.stands(&withdrawn), "it lets nobody in");
    practice.say(&enrolled(DOCTOR_LINK, DOCTOR));
    assert!(practice.structure.stands(&withdrawn));
    practice.say(&departed(DOCTOR, COORDINATOR));
    assert!(!practice.structure.stands(&withdrawn));
}
