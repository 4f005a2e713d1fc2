//! Signatures, labels and form: what every kind of statement has in common.

use super::*;

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
        for number in 0..=17 {
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
        practice.refuse(appointed(COORDINATOR).signed()),
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
            if matches!(
                draft.kind,
                StatementKind::EnrolmentConfirmed
                    | StatementKind::CoordinatorRevoked
                    | StatementKind::ProfessionalRevoked
                    | StatementKind::DirectoryKeyReplaced
            ) {
                continue; // Names a key that is known already, or a hash.
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
    // One that is just not too large is judged by what it says.
    let keyed = |len| {
        let draft = altered(&huge, |body: &mut DeviceAdded| {
            body.sealing_key = vec![1; len].into();
        });
        draft.signed()
    };
    let around = limits::STATEMENT_BYTES - keyed(limits::STATEMENT_BYTES / 2).len();
    let largest = keyed(limits::STATEMENT_BYTES / 2 + around);
    assert_eq!(largest.len(), limits::STATEMENT_BYTES);
    assert_eq!(
        practice.refuse(largest),
        StatementError::Malformed("sealing key")
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
