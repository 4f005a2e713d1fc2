//! Who may invite, enrol, confirm, add, publish and revoke, and who may not.

use super::*;

// ------------------------------------------------------------- invitations

// proves: I2
#[test]
fn an_invitation_works_once_and_the_first_in_the_log_wins() {
    let mut practice = Practice::founded();
    practice.say(&invited(NURSE_LINK, NURSE, NOW + HOUR));
    // Whoever saw the link too, with a key of their own.
    let thief = enrolled_with_key(NURSE_LINK, NURSE, STRANGER).signed();
    practice.say(&enrolled(NURSE_LINK, NURSE));
    assert_eq!(practice.refuse(thief), StatementError::InvitationInvalid);
    let again = enrolled(NURSE_LINK, NURSE).signed();
    assert_eq!(practice.refuse(again), StatementError::InvitationInvalid);
    let nurse = practice
        .structure
        .professional(&person(NURSE))
        .expect("enrolled");
    assert_eq!(nurse.newest().key, public(NURSE));
}

// proves: I2
#[test]
fn a_second_invitation_for_the_same_person_dies_with_the_first_use() {
    let mut practice = Practice::founded();
    practice.say(&invited(NURSE_LINK, NURSE, NOW + HOUR));
    practice.say(&invited(DOCTOR_LINK, NURSE, NOW + HOUR));
    practice.say(&enrolled(DOCTOR_LINK, NURSE));
    let late = enrolled_with_key(NURSE_LINK, NURSE, STRANGER).signed();
    assert_eq!(practice.refuse(late), StatementError::InvitationInvalid);
}

// proves: I2
#[test]
fn an_invitation_ends_at_its_hour_and_never_lives_over_72_hours() {
    let mut practice = Practice::founded();
    let too_long = invited(NURSE_LINK, NURSE, NOW + limits::INVITATION_MS + 1);
    assert_eq!(
        practice.refuse(too_long.signed()),
        StatementError::Malformed("invitation lives too long")
    );
    practice.say(&invited(NURSE_LINK, NURSE, NOW + limits::INVITATION_MS));
    let mut in_time = practice.clone();
    in_time.now = NOW + limits::INVITATION_MS - 1;
    in_time.say(&enrolled(NURSE_LINK, NURSE));
    practice.now = NOW + limits::INVITATION_MS;
    let late = enrolled(NURSE_LINK, NURSE).signed();
    assert_eq!(practice.refuse(late), StatementError::InvitationInvalid);
}

// proves: I2
#[test]
fn a_withdrawn_invitation_is_void() {
    let mut practice = Practice::staffed();
    practice.say(&withdrawn(DOCTOR_LINK));
    let late = enrolled(DOCTOR_LINK, DOCTOR).signed();
    assert_eq!(practice.refuse(late), StatementError::InvitationInvalid);
    let again = withdrawn(DOCTOR_LINK).signed();
    assert_eq!(practice.refuse(again), StatementError::AlreadySaid);
    let used = withdrawn(NURSE_LINK).signed();
    assert_eq!(practice.refuse(used), StatementError::AlreadySaid);
    let unheard = withdrawn(STRANGER).signed();
    assert_eq!(practice.refuse(unheard), StatementError::Unknown);
    let reissued = invited(DOCTOR_LINK, DOCTOR, NOW + HOUR).signed();
    assert_eq!(practice.refuse(reissued), StatementError::AlreadySaid);
}

// proves: I2
#[test]
fn a_guessed_enrolment_key_opens_nothing() {
    let mut practice = Practice::staffed();
    let guess = enrolled(STRANGER, DOCTOR).signed();
    assert_eq!(practice.refuse(guess), StatementError::InvitationInvalid);
    // Naming the real key without holding it.
    let draft = enrolled(DOCTOR_LINK, DOCTOR);
    let forged = draft.signed_by(&[STRANGER, DOCTOR], draft.label());
    assert_eq!(practice.refuse(forged), SignatureError::BadSignature.into());
}

// proves: I2
#[test]
fn an_invitation_serves_only_the_person_it_was_made_for() {
    let mut practice = Practice::staffed();
    let other = enrolled(DOCTOR_LINK, 13).signed();
    assert_eq!(practice.refuse(other), StatementError::InvitationInvalid);
    let taken = enrolled_with_key(DOCTOR_LINK, NURSE, STRANGER).signed();
    assert_eq!(practice.refuse(taken), StatementError::InvitationInvalid);
}

// proves: I2
#[test]
fn only_a_coordinator_invites_withdraws_and_confirms() {
    let mut practice = Practice::staffed();
    practice.say(&enrolled(DOCTOR_LINK, DOCTOR));
    practice.say(&invited(113, 13, NOW + HOUR));
    for impostor in [NURSE, STRANGER] {
        let id = person(impostor).to_bytes();
        let mut invitation = invited(114, 14, NOW + HOUR);
        invitation = altered(&invitation, |b: &mut InvitationIssued| {
            b.issuer = id.clone()
        });
        let mut withdrawal = withdrawn(113);
        withdrawal = altered(&withdrawal, |b: &mut InvitationWithdrawn| {
            b.coordinator = id.clone();
        });
        for mut draft in [invitation, withdrawal, confirmed_by(DOCTOR, impostor)] {
            draft.keys = vec![impostor];
            assert_eq!(practice.refuse(draft.signed()), StatementError::NotEntitled);
        }
    }
}

// ------------------------------------------------- confirmation and lapsing

#[test]
fn an_enrolment_nobody_confirmed_lapses_after_7_days() {
    let mut practice = Practice::founded();
    practice.enrol(NURSE_LINK, NURSE, NURSE_PHONE);
    let mut in_time = practice.clone();
    in_time.now = NOW + limits::UNCONFIRMED_MS - 1;
    assert!(in_time.valid(NURSE_PHONE, in_time.seq()));
    in_time.say(&confirmed(NURSE));
    in_time.now = NOW + 400 * DAY;
    assert!(in_time.valid(NURSE_PHONE, in_time.seq()));

    practice.now = NOW + limits::UNCONFIRMED_MS;
    assert!(!practice.valid(NURSE_PHONE, practice.seq()));
    let late = confirmed(NURSE).signed();
    assert_eq!(practice.refuse(late), StatementError::InvitationInvalid);
    let own_card = card(NURSE, NURSE_PHONE, b"card").signed();
    assert_eq!(practice.refuse(own_card), StatementError::NotEntitled);
}

// proves: I2
#[test]
fn a_confirmation_names_the_very_key_that_enrolled() {
    let mut practice = Practice::staffed();
    practice.say(&enrolled(DOCTOR_LINK, DOCTOR));
    let other_key = altered(&confirmed(DOCTOR), |body: &mut EnrolmentConfirmed| {
        body.professional_key = public(STRANGER).to_vec().into();
    });
    assert_eq!(practice.refuse(other_key.signed()), StatementError::Unknown);
    assert_eq!(
        practice.refuse(confirmed(13).signed()),
        StatementError::Unknown
    );
    practice.say(&confirmed(DOCTOR));
    let again = confirmed(DOCTOR).signed();
    assert_eq!(practice.refuse(again), StatementError::AlreadySaid);
}

// ------------------------------------------------------- devices and cards

// proves: I1
#[test]
fn nobody_adds_a_device_for_someone_else() {
    let mut practice = Practice::staffed();
    let unknown = added(STRANGER, 30).signed();
    assert_eq!(practice.refuse(unknown), StatementError::Unknown);
    let draft = added(NURSE, 30);
    for signer in [COORDINATOR, ROOT, STRANGER] {
        let forged = draft.signed_by(&[signer, 30], draft.label());
        assert_eq!(practice.refuse(forged), SignatureError::BadSignature.into());
    }
}

#[test]
fn a_device_id_or_key_is_never_used_again() {
    let mut practice = Practice::staffed();
    practice.say(&revoked(NURSE_PHONE, NURSE));
    for draft in [
        added(NURSE, NURSE_PHONE),
        added_with_key(NURSE, NURSE_PHONE, 30),
        added_with_key(NURSE, 30, NURSE_PHONE),
        added_with_key(NURSE, 30, COORDINATOR_PHONE),
        added_with_key(NURSE, COORDINATOR_PHONE, 30),
    ] {
        assert_eq!(practice.refuse(draft.signed()), StatementError::AlreadySaid);
    }
}

#[test]
fn a_seventh_device_waits_until_one_is_revoked() {
    let mut practice = Practice::staffed();
    let limit = u8::try_from(limits::DEVICES_PER_PROFESSIONAL).expect("few");
    for phone in 31..30 + limit {
        practice.say(&added(NURSE, phone));
    }
    let seventh = added(NURSE, 40);
    assert_eq!(practice.refuse(seventh.signed()), StatementError::TooMany);
    practice.say(&added(COORDINATOR, 41));
    practice.say(&revoked(31, NURSE));
    practice.say(&seventh);
}

#[test]
fn a_stranger_publishes_no_card() {
    let mut practice = Practice::staffed();
    practice.say(&invited(113, 13, NOW + HOUR));
    let unknown = card(NURSE, STRANGER, b"card").signed();
    assert_eq!(practice.refuse(unknown), StatementError::NotEntitled);
    for colleague in [COORDINATOR, DOCTOR, 13] {
        let of_another = card(colleague, NURSE_PHONE, b"card").signed();
        assert_eq!(practice.refuse(of_another), StatementError::NotEntitled);
    }
    let of_nobody = card(STRANGER, COORDINATOR_PHONE, b"card").signed();
    assert_eq!(practice.refuse(of_nobody), StatementError::Unknown);
    practice.say(&revoked(NURSE_PHONE, NURSE));
    let from_a_lost_phone = card(NURSE, NURSE_PHONE, b"card").signed();
    assert_eq!(
        practice.refuse(from_a_lost_phone),
        StatementError::NotEntitled
    );
}

#[test]
fn a_device_is_revoked_by_its_owner_or_a_coordinator_only() {
    let mut practice = Practice::staffed();
    let unknown = revoked(30, NURSE).signed();
    assert_eq!(practice.refuse(unknown), StatementError::Unknown);
    for stranger in [STRANGER, DOCTOR] {
        let refused = practice.refuse(revoked(NURSE_PHONE, stranger).signed());
        assert_eq!(refused, StatementError::NotEntitled);
    }
    let of_coordinator = revoked(COORDINATOR_PHONE, NURSE).signed();
    assert_eq!(practice.refuse(of_coordinator), StatementError::NotEntitled);
    let mut by_coordinator = practice.clone();
    by_coordinator.say(&revoked(NURSE_PHONE, COORDINATOR));
    practice.say(&revoked(NURSE_PHONE, NURSE));
    let again = revoked(NURSE_PHONE, COORDINATOR).signed();
    assert_eq!(practice.refuse(again), StatementError::AlreadySaid);
}
