//! Who replaces the root's key, and what the old one is worth then.

use super::*;
use crate::v1::RootReplaced;

const SECOND: u8 = 8;
const THIRD: u8 = 7;

/// Three coordinators: the first one, the nurse and the doctor.
fn three() -> Practice {
    let mut practice = Practice::staffed();
    practice.say(&enrolled(DOCTOR_LINK, DOCTOR));
    practice.say(&confirmed(DOCTOR));
    practice.say(&appointed(NURSE));
    practice.say(&appointed(DOCTOR));
    practice
}

const ALL: [u8; 3] = [COORDINATOR, NURSE, DOCTOR];

#[test]
fn the_old_root_names_the_new_one_and_is_worth_nothing_afterwards() {
    let mut practice = Practice::staffed();
    practice.say(&replaced(ROOT, SECOND, &[]));
    assert_eq!(practice.structure.root_key(), &public(SECOND));
    assert_eq!(practice.structure.roots(), [public(ROOT), public(SECOND)]);
    let by_the_old_one = practice.refuse(appointed(NURSE).signed());
    assert_eq!(by_the_old_one, SignatureError::BadSignature.into());
    let appoints = appointed(NURSE);
    let by_the_new_one = appoints.signed_by(&[SECOND], appoints.label());
    practice
        .structure
        .append(by_the_new_one, NOW)
        .expect("the present root");
    assert!(
        practice.structure.is_coordinator(&person(COORDINATOR)),
        "history stays valid"
    );
}

#[test]
fn all_coordinators_together_replace_a_root_that_is_lost() {
    let mut practice = three();
    practice.say(&replaced(ROOT, SECOND, &ALL));
    assert_eq!(practice.structure.root_key(), &public(SECOND));
}

// proves: I1
#[test]
fn some_of_the_coordinators_replace_nothing() {
    let mut practice = three();
    let draft = replaced(ROOT, SECOND, &ALL);
    for signers in [
        &[SECOND, COORDINATOR, NURSE, STRANGER][..],
        &[SECOND, NURSE, NURSE, NURSE],
        &[SECOND, NURSE, COORDINATOR, DOCTOR],
        &[SECOND, COORDINATOR, NURSE],
        &[COORDINATOR, NURSE, DOCTOR],
    ] {
        practice.refuse(draft.signed_by(signers, draft.label()));
    }
    for listed in [
        &[COORDINATOR][..],
        &[COORDINATOR, NURSE],
        &[NURSE, COORDINATOR, DOCTOR],
        &[COORDINATOR, NURSE, DOCTOR, DOCTOR],
        &[COORDINATOR, NURSE, DOCTOR, STRANGER],
    ] {
        let refused = practice.refuse(replaced(ROOT, SECOND, listed).signed());
        assert_eq!(refused, StatementError::NotEntitled, "{listed:?}");
    }
    // The only coordinator cannot do it without the root.
    let alone = replaced(ROOT, SECOND, &[COORDINATOR]).signed();
    assert_eq!(
        Practice::staffed().refuse(alone),
        StatementError::NotEntitled
    );
}

// proves: I1
#[test]
fn nobody_passes_off_a_key_that_is_not_theirs_as_the_new_root() {
    let mut practice = three();
    let draft = replaced(ROOT, SECOND, &[]);
    let stolen = draft.signed_by(&[STRANGER, ROOT], draft.label());
    assert_eq!(practice.refuse(stolen), SignatureError::BadSignature.into());
    let usurped = replaced(STRANGER, SECOND, &[]).signed();
    assert_eq!(practice.refuse(usurped), StatementError::Foreign);
}

#[test]
fn what_was_agreed_of_an_earlier_root_or_other_coordinators_comes_too_late() {
    let mut practice = three();
    let agreed = replaced(ROOT, SECOND, &ALL).signed();
    let other = replaced(ROOT, THIRD, &ALL);
    practice.say(&other);
    assert_eq!(practice.refuse(agreed), StatementError::Foreign);
    assert_eq!(practice.refuse(other.signed()), StatementError::Foreign);
    let back = replaced(THIRD, ROOT, &[]).signed();
    assert_eq!(practice.refuse(back), StatementError::AlreadySaid);

    let mut practice = Practice::staffed();
    practice.say(&appointed(NURSE));
    let agreed = replaced(ROOT, SECOND, &[COORDINATOR, NURSE]).signed();
    practice.say(&enrolled(DOCTOR_LINK, DOCTOR));
    practice.say(&confirmed(DOCTOR));
    practice.say(&appointed(DOCTOR));
    assert_eq!(practice.refuse(agreed), StatementError::NotEntitled);
}

#[test]
fn an_agreement_lapses() {
    let mut practice = three();
    let agreed = replaced(ROOT, SECOND, &ALL);
    let endless = altered(&agreed, |body: &mut RootReplaced| {
        body.expires_at_ms = u64::MAX
    });
    let refused = practice.refuse(endless.signed());
    assert_eq!(
        refused,
        StatementError::Malformed("replacement lives too long")
    );
    let mut in_time = practice.clone();
    in_time.now += limits::ROOT_REPLACEMENT_MS - 1;
    in_time.say(&agreed);
    practice.now += limits::ROOT_REPLACEMENT_MS;
    assert_eq!(practice.refuse(agreed.signed()), StatementError::Expired);
}

// proves: I2
#[test]
fn a_link_of_an_earlier_root_still_names_this_practice() {
    let mut practice = Practice::staffed();
    practice.say(&replaced(ROOT, SECOND, &[]));
    for root in [ROOT, SECOND] {
        assert!(
            practice
                .structure
                .had_root(&root_fingerprint(&public(root)))
        );
    }
    assert!(
        !practice
            .structure
            .had_root(&root_fingerprint(&public(STRANGER)))
    );
    assert!(!Structure::new().had_root(&root_fingerprint(&[0; 32])));
}
