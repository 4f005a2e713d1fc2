//! The chain from the root to a device: what holds, and everything that does not.

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
    assert_eq!(coordinator.standing, Standing::Coordinator);
    assert_eq!(
        (coordinator.enrolment_key, coordinator.confirmed_seq),
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
        (nurse.key, nurse.standing),
        (public(NURSE), Standing::Professional)
    );
    assert_eq!(
        (nurse.enrolment_key, nurse.confirmed_seq),
        (Some(public(NURSE_LINK)), None)
    );

    let confirmation = practice.say(&confirmed(NURSE));
    let nurse = practice
        .structure
        .professional(&person(NURSE))
        .expect("enrolled");
    assert_eq!(nurse.confirmed_seq, Some(confirmation));
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
    assert_eq!(secretary.expect("enrolled").standing, Standing::Lay);
}

#[test]
fn a_nurse_whom_the_root_appoints_can_invite() {
    let mut practice = Practice::founded();
    practice.enrol(NURSE_LINK, NURSE, NURSE_PHONE);
    let appointed = practice.say(&certified(NURSE));
    assert!(practice.structure.is_coordinator(&person(NURSE)));
    let nurse = practice
        .structure
        .professional(&person(NURSE))
        .expect("known");
    assert_eq!(nurse.confirmed_seq, Some(appointed));
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

// ------------------------------------------------------ signatures and form

// proves: I1
#[test]
fn a_statement_counts_only_with_exactly_the_signatures_of_its_kind() {
    for (mut practice, draft) in one_of_each_kind() {
        let label = draft.label();
        let count = StatementError::Malformed("number of signatures");
        let missing = &draft.keys[1..];
        assert_eq!(practice.refuse(draft.signed_by(missing, label)), count);
        let extra = [&draft.keys[..], &[STRANGER]].concat();
        assert_eq!(practice.refuse(draft.signed_by(&extra, label)), count);
        for at in 0..draft.keys.len() {
            let mut keys = draft.keys.clone();
            keys[at] = STRANGER;
            let refused = practice.refuse(draft.signed_by(&keys, label));
            assert_eq!(
                refused,
                SignatureError::BadSignature.into(),
                "{:?}",
                draft.kind
            );
        }
        if draft.keys.len() == 2 {
            let swapped = [draft.keys[1], draft.keys[0]];
            practice.refuse(draft.signed_by(&swapped, label));
        }
        practice.say(&draft);
    }
}

// proves: I4
#[test]
fn a_signature_for_another_kind_of_statement_does_not_serve() {
    for (mut practice, draft) in one_of_each_kind() {
        for label in Label::ALL.iter().filter(|l| **l != draft.label()) {
            let refused = practice.refuse(draft.signed_by(&draft.keys, *label));
            assert_eq!(refused, SignatureError::BadSignature.into());
        }
        for number in 0..=10 {
            if draft.kind as i32 != number {
                let signed = draft.signed();
                let mut statement = Statement::decode(signed.as_ref()).expect("a statement");
                statement.kind = number;
                practice.refuse(statement.encode_to_vec().into());
            }
        }
    }
}

// proves: I1
#[test]
fn a_changed_byte_of_a_statement_makes_it_void() {
    for (mut practice, draft) in one_of_each_kind() {
        for at in 0..draft.body.len() {
            let mut statement = Statement::decode(draft.signed().as_ref()).expect("a statement");
            let mut body = draft.body.clone();
            body[at] ^= 1;
            statement.body = body.into();
            practice.refuse(statement.encode_to_vec().into());
        }
    }
}

// proves: I1
#[test]
fn statements_of_another_practice_are_foreign() {
    for (practice, draft) in one_of_each_kind() {
        // Field 1 of every body: the structure's id.
        assert_eq!(draft.body[..3], [0x0a, 16, 1]);
        let mut foreign = draft.clone();
        foreign.body[2..18].fill(77);
        let mut founded = if draft.kind == StatementKind::StructureCreated {
            Practice::founded()
        } else {
            practice
        };
        let expected = if draft.kind == StatementKind::StructureCreated {
            StatementError::AlreadySaid
        } else {
            StatementError::Foreign
        };
        assert_eq!(
            founded.refuse(foreign.signed()),
            expected,
            "{:?}",
            draft.kind
        );
        if draft.kind != StatementKind::StructureCreated {
            let refused = Practice::empty().refuse(draft.signed());
            assert_eq!(refused, StatementError::Foreign);
        }
    }
}

// proves: I1
#[test]
fn nobody_founds_the_practice_a_second_time() {
    let mut practice = Practice::founded();
    assert_eq!(
        practice.refuse(created().signed()),
        StatementError::AlreadySaid
    );
    let mut usurped = altered(&created(), |body: &mut StructureCreated| {
        body.root_key = public(STRANGER).to_vec().into();
    });
    usurped.keys = vec![STRANGER];
    assert_eq!(
        practice.refuse(usurped.signed()),
        StatementError::AlreadySaid
    );
    assert_eq!(
        practice.refuse(certified(COORDINATOR).signed()),
        StatementError::AlreadySaid
    );
}

#[test]
fn a_suite_that_relais_does_not_speak_is_refused() {
    for suite in [0, 2, 3, 0x1_0001, u32::MAX] {
        let draft = altered(&created(), |body: &mut StructureCreated| {
            body.ciphersuite = suite;
        });
        assert_eq!(
            Practice::empty().refuse(draft.signed()),
            StatementError::Malformed("cipher suite")
        );
    }
}

// proves: I4
#[test]
fn low_order_keys_are_refused_wherever_a_key_is_introduced() {
    // Canonical encodings of points of order 1, 2, 4 and 8 (RFC 8032).
    let weak = [
        "0100000000000000000000000000000000000000000000000000000000000000",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "0000000000000000000000000000000000000000000000000000000000000000",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    ];
    let bad = StatementError::Signature(SignatureError::BadKey);
    for weak in weak.map(|w| hex::decode(w).expect("hex")) {
        for (mut practice, draft) in one_of_each_kind() {
            // A key stands in a body as field 2, 3 or 4 of 32 bytes.
            let Some(at) = draft
                .body
                .windows(2)
                .position(|w| [[0x12, 32], [0x1a, 32], [0x22, 32]].contains(&[w[0], w[1]]))
            else {
                continue;
            };
            if draft.kind == StatementKind::EnrolmentConfirmed {
                continue; // Names a key that is known already.
            }
            let mut draft = draft;
            draft.body[at + 2..at + 34].copy_from_slice(&weak);
            assert_eq!(practice.refuse(draft.signed()), bad, "{:?}", draft.kind);
        }
    }
}

#[test]
fn an_oversize_or_garbled_statement_is_refused() {
    let mut practice = Practice::founded();
    let huge = added(COORDINATOR, 30);
    let large = altered(&huge, |body: &mut DeviceAdded| {
        body.sealing_key = vec![1; limits::STATEMENT_BYTES].into();
    });
    assert_eq!(
        practice.refuse(large.signed()),
        StatementError::Malformed("too large")
    );
    for len in [0, 4097] {
        let odd = altered(&huge, |body: &mut DeviceAdded| {
            body.sealing_key = vec![1; len].into();
        });
        assert_eq!(
            practice.refuse(odd.signed()),
            StatementError::Malformed("sealing key")
        );
    }
    let short = altered(&huge, |body: &mut DeviceAdded| {
        body.device_id = vec![1; 15].into();
    });
    assert_eq!(
        practice.refuse(short.signed()),
        StatementError::Malformed("identifier")
    );
    let garbled = b"\xff\xff\xff".as_slice().into();
    assert_eq!(
        practice.refuse(garbled),
        StatementError::Malformed("encoding")
    );
    let empty = prost::bytes::Bytes::new();
    assert_eq!(practice.refuse(empty), StatementError::Malformed("kind"));
    let nobody = altered(
        &invited(NURSE_LINK, NURSE, NOW + HOUR),
        |body: &mut InvitationIssued| body.role = 7,
    );
    assert_eq!(
        practice.refuse(nobody.signed()),
        StatementError::Malformed("role")
    );
}

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
    assert_eq!(nurse.key, public(NURSE));
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
    let colleague = invited(115, NURSE, NOW + HOUR).signed();
    assert_eq!(practice.refuse(colleague), StatementError::AlreadySaid);
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
    let labels: Vec<_> = (1..=9)
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
