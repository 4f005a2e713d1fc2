//! People whose keys change: lost phones, departures, coordinators who go.

use super::*;

const NEW_LINK: u8 = 140;
const NEW_KEY: u8 = 41;
const NEW_PHONE: u8 = 51;
const TABLET: u8 = 31;

/// The nurse has a tablet too, and lost the phone with her key.
fn lost_phone() -> Practice {
    let mut practice = Practice::staffed();
    practice.say(&added(NURSE, TABLET));
    practice.say(&reinvited(NEW_LINK, NURSE, &[TABLET]));
    practice
}

// proves: I2, I3
#[test]
fn a_new_phone_keeps_the_person_and_revokes_what_the_invitation_does_not_name() {
    let mut practice = lost_phone();
    let before = practice.seq();
    let used = practice.say(&enrolled_with_key(NEW_LINK, NURSE, NEW_KEY));
    practice.say(&added_by_key(NURSE, NEW_KEY, NEW_PHONE));
    let nurse = practice.structure.professional(&person(NURSE));
    let nurse = nurse.expect("the same person");
    assert_eq!(nurse.keys.len(), 2);
    assert_eq!(nurse.keys[0].revoked_seq, Some(used));
    assert_eq!(nurse.present().map(|k| k.key), Some(public(NEW_KEY)));
    assert!(!nurse.is_confirmed());
    // The lost phone counts until the entry and not from it on; the tablet stays.
    assert!(practice.valid(NURSE_PHONE, before));
    assert!(!practice.valid(NURSE_PHONE, used));
    assert!(practice.valid(TABLET, practice.seq()));
    assert!(practice.valid(NEW_PHONE, practice.seq()));
    assert_eq!(practice.structure.revocation_seq(), used);
    practice.say(&confirmed_key(NURSE, NEW_KEY, COORDINATOR));
    practice.now = NOW + 30 * DAY;
    for phone in [TABLET, NEW_PHONE] {
        assert!(practice.valid(phone, practice.seq()));
    }
}

// proves: I3
#[test]
fn the_lost_key_says_nothing_any_more() {
    let mut practice = lost_phone();
    practice.say(&enrolled_with_key(NEW_LINK, NURSE, NEW_KEY));
    for draft in [
        added(NURSE, 32),
        device_invited(141, NURSE, NOW + 1),
        revoked(TABLET, NURSE),
        departed(NURSE, NURSE),
    ] {
        let refused = practice.refuse(draft.signed());
        assert_eq!(
            refused,
            SignatureError::BadSignature.into(),
            "{:?}",
            draft.kind
        );
    }
    let old = confirmed(NURSE).signed();
    assert_eq!(practice.refuse(old), StatementError::Unknown);
}

// proves: I2
#[test]
fn a_re_invitation_works_once_in_time_and_with_a_key_never_used_before() {
    let mut practice = lost_phone();
    let old_key = enrolled(NEW_LINK, NURSE).signed();
    assert_eq!(practice.refuse(old_key), StatementError::AlreadySaid);
    let mut late = practice.clone();
    late.now = NOW + 72 * HOUR;
    let expired = enrolled_with_key(NEW_LINK, NURSE, NEW_KEY).signed();
    assert_eq!(late.refuse(expired), StatementError::InvitationInvalid);
    let mut gone = practice.clone();
    gone.say(&withdrawn(NEW_LINK));
    let void = enrolled_with_key(NEW_LINK, NURSE, NEW_KEY).signed();
    assert_eq!(gone.refuse(void), StatementError::InvitationInvalid);
    let first_link = enrolled_with_key(NURSE_LINK, NURSE, NEW_KEY).signed();
    assert_eq!(
        practice.refuse(first_link),
        StatementError::InvitationInvalid
    );
    practice.say(&enrolled_with_key(NEW_LINK, NURSE, NEW_KEY));
    let again = enrolled_with_key(NEW_LINK, NURSE, 42).signed();
    assert_eq!(practice.refuse(again), StatementError::InvitationInvalid);
}

#[test]
fn of_two_open_re_invitations_the_first_used_voids_the_other() {
    let mut practice = lost_phone();
    practice.say(&reinvited(141, NURSE, &[]));
    practice.say(&enrolled_with_key(NEW_LINK, NURSE, NEW_KEY));
    let other = enrolled_with_key(141, NURSE, 42).signed();
    assert_eq!(practice.refuse(other), StatementError::InvitationInvalid);
    assert!(!practice.structure.is_open(&public(141), NOW));
}

#[test]
fn a_re_invitation_is_of_the_same_role_and_names_own_standing_devices() {
    let mut practice = lost_phone();
    let lay = altered(
        &reinvited(141, NURSE, &[]),
        |body: &mut InvitationIssued| {
            body.set_role(StructureRole::Lay);
        },
    );
    let malformed = StatementError::Malformed;
    assert_eq!(practice.refuse(lay.signed()), malformed("role"));
    for wrong in [[COORDINATOR_PHONE].as_slice(), &[TABLET, TABLET]] {
        let draft = reinvited(141, NURSE, wrong);
        assert_eq!(
            practice.refuse(draft.signed()),
            malformed("remaining device")
        );
    }
    let many = reinvited(141, NURSE, &[TABLET; 7]).signed();
    assert_eq!(practice.refuse(many), StatementError::TooMany);
    let unknown = reinvited(141, NURSE, &[99]).signed();
    assert_eq!(practice.refuse(unknown), StatementError::Unknown);
    let of_nobody = reinvited(141, 13, &[TABLET]).signed();
    assert_eq!(practice.refuse(of_nobody), malformed("remaining device"));
    practice.say(&revoked(TABLET, COORDINATOR));
    let gone = reinvited(141, NURSE, &[TABLET]).signed();
    assert_eq!(practice.refuse(gone), malformed("remaining device"));
}

// proves: I3
#[test]
fn a_device_that_the_thief_adds_meanwhile_does_not_remain() {
    let mut practice = lost_phone();
    practice.say(&added(NURSE, 33));
    let used = practice.say(&enrolled_with_key(NEW_LINK, NURSE, NEW_KEY));
    assert!(!practice.valid(33, used));
}

// proves: I2
#[test]
fn nobody_but_the_root_ends_a_coordinators_standing_by_a_new_key() {
    let mut practice = Practice::staffed();
    practice.say(&reinvited(NEW_LINK, NURSE, &[NURSE_PHONE]));
    practice.say(&appointed(NURSE));
    // The link of before is void, and no coordinator issues another: neither a
    // colleague nor the nurse herself.
    let early = enrolled_with_key(NEW_LINK, NURSE, NEW_KEY).signed();
    assert_eq!(practice.refuse(early), StatementError::InvitationInvalid);
    let herself = altered(&reinvited(141, NURSE, &[]), |b: &mut InvitationIssued| {
        b.issuer = person(NURSE).to_bytes();
    });
    let herself = herself.signed_by(&[NURSE], herself.label());
    for draft in [herself, reinvited(141, NURSE, &[NURSE_PHONE]).signed()] {
        assert_eq!(practice.refuse(draft), StatementError::NotEntitled);
    }
    assert!(practice.structure.is_coordinator(&person(NURSE)));
}

// proves: I2
#[test]
fn a_coordinator_who_lost_the_key_is_released_invited_and_certified_again() {
    let mut practice = Practice::staffed();
    practice.say(&appointed(NURSE));
    let mut by_nurse = altered(&invited(113, 13, NOW + HOUR), |b: &mut InvitationIssued| {
        b.issuer = person(NURSE).to_bytes();
    });
    by_nurse.keys = vec![NURSE];
    practice.say(&by_nurse);
    practice.say(&released(NURSE));
    // What the lost phone had invited is void.
    assert!(!practice.structure.is_open(&public(113), NOW));
    practice.say(&reinvited(NEW_LINK, NURSE, &[NURSE_PHONE]));
    practice.say(&enrolled_with_key(NEW_LINK, NURSE, NEW_KEY));
    assert!(!practice.structure.is_coordinator(&person(NURSE)));
    // The old certificate is the old key's.
    let old = appointed(NURSE).signed();
    assert_eq!(practice.refuse(old), StatementError::AlreadySaid);
    practice.say(&appointed_with_key(NURSE, NEW_KEY));
    assert!(practice.structure.is_coordinator(&person(NURSE)));
}

// proves: I3
#[test]
fn someone_who_leaves_takes_devices_key_and_open_links_along() {
    for signer in [COORDINATOR, NURSE] {
        let mut practice = lost_phone();
        practice.say(&device_invited(141, NURSE, NOW + 60_000));
        let left = practice.say(&departed(NURSE, signer));
        assert!(practice.valid(NURSE_PHONE, left - 1));
        for phone in [NURSE_PHONE, TABLET] {
            assert!(!practice.valid(phone, left));
        }
        for link in [NEW_LINK, 141] {
            assert!(!practice.structure.is_open(&public(link), NOW));
        }
        let linked = linked(141, NURSE, 52).signed();
        assert_eq!(practice.refuse(linked), StatementError::InvitationInvalid);
        for draft in [added(NURSE, 53), device_invited(142, NURSE, NOW + 1)] {
            assert_eq!(practice.refuse(draft.signed()), StatementError::NotEntitled);
        }
        let again = departed(NURSE, COORDINATOR).signed();
        assert_eq!(practice.refuse(again), StatementError::AlreadySaid);
    }
}

// proves: I2
#[test]
fn someone_who_left_comes_back_by_a_new_invitation_and_stays() {
    let mut practice = Practice::staffed();
    let old = departed(NURSE, COORDINATOR);
    practice.say(&old);
    practice.say(&reinvited(NEW_LINK, NURSE, &[]));
    practice.say(&enrolled_with_key(NEW_LINK, NURSE, NEW_KEY));
    let back = practice.say(&added_by_key(NURSE, NEW_KEY, NEW_PHONE));
    assert!(practice.valid(NEW_PHONE, back));
    assert!(!practice.valid(NURSE_PHONE, back));
    // The old statement is about the old key.
    assert_eq!(practice.refuse(old.signed()), StatementError::Unknown);
}

// proves: I2
#[test]
fn a_coordinators_standing_ends_by_the_root_alone_and_for_good() {
    let mut practice = Practice::staffed();
    practice.say(&appointed(NURSE));
    for signer in [COORDINATOR, NURSE] {
        let refused = practice.refuse(departed(NURSE, signer).signed());
        assert_eq!(refused, StatementError::NotEntitled);
    }
    let release = released(NURSE);
    let forged = release.signed_by(&[COORDINATOR], release.label());
    assert_eq!(practice.refuse(forged), SignatureError::BadSignature.into());
    practice.say(&release);
    assert!(!practice.structure.is_coordinator(&person(NURSE)));
    assert!(practice.valid(NURSE_PHONE, practice.seq()), "still a nurse");
    assert_eq!(
        practice.refuse(release.signed()),
        StatementError::AlreadySaid
    );
    // Said again, the old certificate does not bring it back.
    let old = appointed(NURSE).signed();
    assert_eq!(practice.refuse(old), StatementError::AlreadySaid);
    practice.say(&departed(NURSE, COORDINATOR));
    let nobody = released(13).signed();
    assert_eq!(practice.refuse(nobody), StatementError::Unknown);
}

// proves: I2
#[test]
fn with_a_coordinators_standing_end_the_links_of_that_coordinator_and_no_others() {
    let mut practice = Practice::staffed();
    practice.say(&appointed(NURSE));
    let by_nurse = altered(
        &invited(NEW_LINK, 13, NOW + 72 * HOUR),
        |body: &mut InvitationIssued| body.issuer = person(NURSE).to_bytes(),
    );
    practice.say(&Draft {
        keys: vec![NURSE],
        ..by_nurse
    });
    practice.say(&released(NURSE));
    let late = enrolled(NEW_LINK, 13).signed();
    assert_eq!(practice.refuse(late), StatementError::InvitationInvalid);
    practice.say(&enrolled(DOCTOR_LINK, DOCTOR));
}

#[test]
fn a_stranger_sends_nobody_away() {
    let mut practice = Practice::staffed();
    let colleague = departed(NURSE, DOCTOR).signed();
    assert_eq!(practice.refuse(colleague), StatementError::NotEntitled);
    let unknown = departed(13, COORDINATOR).signed();
    assert_eq!(practice.refuse(unknown), StatementError::Unknown);
}
