//! Devices that a professional links, their sealing keys, and the directory's keys.

use super::*;
use crate::v1::{CardPublished, DeviceLinked};

const LINK: u8 = 130;
const TABLET: u8 = 31;

fn linking() -> Practice {
    let mut practice = Practice::staffed();
    practice.say(&device_invited(LINK, NURSE, NOW + 60_000));
    practice
}

// proves: I2
#[test]
fn a_device_link_works_once_for_its_person_and_the_first_use_wins() {
    let mut practice = linking();
    assert!(practice.structure.is_open(&public(LINK), NOW));
    let others = altered(&linked(LINK, NURSE, TABLET), |b: &mut DeviceLinked| {
        b.professional_id = person(COORDINATOR).to_bytes();
    });
    let refused = practice.refuse(others.signed());
    assert_eq!(refused, StatementError::InvitationInvalid);
    let joined = practice.say(&linked(LINK, NURSE, TABLET));
    assert!(practice.valid(TABLET, joined));
    assert!(!practice.structure.is_open(&public(LINK), NOW));
    let invitation = practice.structure.device_invitation(&public(LINK));
    assert_eq!(invitation.expect("known").used_by, Some(device(TABLET)));
    let second = linked(LINK, NURSE, 32).signed();
    assert_eq!(practice.refuse(second), StatementError::InvitationInvalid);
}

// proves: I2
#[test]
fn a_device_link_lives_15_minutes_at_most_and_ends_at_its_minute() {
    let mut practice = Practice::staffed();
    let too_long = device_invited(LINK, NURSE, NOW + limits::DEVICE_INVITATION_MS + 1);
    let malformed = StatementError::Malformed("invitation lives too long");
    assert_eq!(practice.refuse(too_long.signed()), malformed);
    practice.say(&device_invited(
        LINK,
        NURSE,
        NOW + limits::DEVICE_INVITATION_MS,
    ));
    practice.now = NOW + limits::DEVICE_INVITATION_MS;
    let late = linked(LINK, NURSE, TABLET).signed();
    assert_eq!(practice.refuse(late), StatementError::InvitationInvalid);
}

// proves: I2
#[test]
fn an_enrolment_key_is_one_persons_or_one_devices() {
    let mut practice = linking();
    for draft in [
        device_invited(LINK, NURSE, NOW + 1),
        device_invited(DOCTOR_LINK, NURSE, NOW + 1),
        invited(LINK, 13, NOW + HOUR),
    ] {
        assert_eq!(practice.refuse(draft.signed()), StatementError::AlreadySaid);
    }
    let as_device = linked(DOCTOR_LINK, DOCTOR, TABLET).signed();
    assert_eq!(
        practice.refuse(as_device),
        StatementError::InvitationInvalid
    );
    let as_person = enrolled_with_key(LINK, NURSE, 41).signed();
    assert_eq!(
        practice.refuse(as_person),
        StatementError::InvitationInvalid
    );
    let stranger = device_invited(131, STRANGER, NOW + 1).signed();
    assert_eq!(practice.refuse(stranger), StatementError::Unknown);
}

// proves: I3
#[test]
fn a_link_of_a_replaced_key_is_void() {
    let mut practice = linking();
    practice.say(&reinvited(140, NURSE, &[NURSE_PHONE]));
    practice.say(&enrolled_with_key(140, NURSE, 41));
    let late = linked(LINK, NURSE, TABLET).signed();
    assert_eq!(practice.refuse(late), StatementError::InvitationInvalid);
}

#[test]
fn a_linked_device_counts_like_any_other() {
    let mut practice = linking();
    let taken = linked(LINK, NURSE, NURSE_PHONE).signed();
    assert_eq!(practice.refuse(taken), StatementError::AlreadySaid);
    for phone in 31..36 {
        practice.say(&added(NURSE, phone));
    }
    let seventh = linked(LINK, NURSE, 36).signed();
    assert_eq!(practice.refuse(seventh), StatementError::TooMany);
    practice.say(&revoked(31, NURSE));
    practice.say(&linked(LINK, NURSE, 36));
}

#[test]
fn a_linked_device_lapses_with_its_unconfirmed_professional() {
    let mut practice = Practice::founded();
    practice.enrol(NURSE_LINK, NURSE, NURSE_PHONE);
    practice.say(&device_invited(LINK, NURSE, NOW + 60_000));
    practice.say(&linked(LINK, NURSE, TABLET));
    practice.now = NOW + limits::UNCONFIRMED_MS;
    assert!(!practice.valid(TABLET, practice.seq()));
}

// ------------------------------------------------------------ sealing keys

#[test]
fn a_sealing_key_is_followed_by_the_next_and_an_old_one_never_comes_back() {
    let mut practice = Practice::staffed();
    for wrong in [0, 1, 3, u32::MAX] {
        let refused = practice.refuse(sealing_key(NURSE_PHONE, wrong).signed());
        assert_eq!(refused, StatementError::AlreadySaid, "{wrong}");
    }
    let second = sealing_key(NURSE_PHONE, 2);
    practice.say(&second);
    let phone = practice.structure.device(&device(NURSE_PHONE));
    let phone = phone.expect("known");
    assert_eq!(phone.sealing_key, vec![NURSE_PHONE + 100; 1216]);
    practice.say(&sealing_key(NURSE_PHONE, 3));
    assert_eq!(
        practice.refuse(second.signed()),
        StatementError::AlreadySaid
    );
    practice.say(&revoked(NURSE_PHONE, NURSE));
    let gone = sealing_key(NURSE_PHONE, 4).signed();
    assert_eq!(practice.refuse(gone), StatementError::NotEntitled);
}

// --------------------------------------------------------------- directory

// proves: I3
#[test]
fn of_two_directory_keys_said_at_once_the_first_in_the_log_counts() {
    let mut practice = Practice::staffed();
    practice.say(&appointed(NURSE));
    practice.say(&directory_key(2, NURSE_PHONE));
    let second = directory_key(2, COORDINATOR_PHONE).signed();
    assert_eq!(practice.refuse(second), StatementError::AlreadySaid);
    let skipped = directory_key(4, COORDINATOR_PHONE).signed();
    assert_eq!(practice.refuse(skipped), StatementError::AlreadySaid);
    let directory = practice.structure.directory();
    assert_eq!(directory.len(), 2);
    assert_eq!(directory[1].device, device(NURSE_PHONE));
    assert_eq!(directory[1].key_hash, [NURSE_PHONE; 32]);
}

#[test]
fn only_a_coordinators_device_replaces_the_directory_key() {
    let mut practice = Practice::staffed();
    for phone in [NURSE_PHONE, STRANGER] {
        let refused = practice.refuse(directory_key(2, phone).signed());
        assert_eq!(refused, StatementError::NotEntitled);
    }
}

#[test]
fn a_card_names_a_directory_key_that_exists() {
    let mut practice = Practice::staffed();
    for version in [0, 2] {
        let draft = altered(&card(NURSE, NURSE_PHONE, b"x"), |b: &mut CardPublished| {
            b.directory_version = version;
        });
        let malformed = StatementError::Malformed("directory version");
        assert_eq!(practice.refuse(draft.signed()), malformed);
    }
    // One that was written before the last change still comes.
    practice.say(&directory_key(2, COORDINATOR_PHONE));
    practice.say(&card(NURSE, NURSE_PHONE, b"x"));
}

#[test]
fn a_card_that_is_only_encrypted_anew_does_not_undo_a_newer_one() {
    let mut practice = Practice::staffed();
    let first = practice.say(&card(NURSE, NURSE_PHONE, b"before her wedding"));
    let again = |ciphertext: &[u8]| {
        let draft = card(NURSE, COORDINATOR_PHONE, ciphertext);
        altered(&draft, |b: &mut CardPublished| b.replaces_seq = first)
    };
    let mut meanwhile = practice.clone();
    meanwhile.say(&card(NURSE, NURSE_PHONE, b"after it"));
    let late = again(b"before, under another key").signed();
    assert_eq!(meanwhile.refuse(late), StatementError::AlreadySaid);
    practice.say(&again(b"the same, under another key"));
}
