//! Every decoder against random bytes and damaged encodings: whatever arrives is
//! answered, never with a panic, and a refusal changes nothing.

mod samples;

use openmls::prelude::{Credential, CredentialType, Extension, Extensions, UnknownExtension};
use proptest::prelude::*;
use proptest::sample::{Index, select};
use prost::Message;

use crate::ids::{BlobId, ChannelId, DeviceId, EventId, IdLength, ProfessionalId};
use crate::ids::{StructureId, TaskId, ThreadId, WoundId};
use crate::link::Link;
use crate::mls::{CREDENTIAL_TYPE, ROSTER_EXTENSION, group_extensions, read_leaf, roster_of};
use crate::roster::{CheckedRoster, judge_creation};
use crate::structure::Structure;
use crate::testing::*;
use crate::v1::{
    ChannelEntry, ClientFrame, CommitAad, EnrolRequest, EnrolResponse, HelloBody, LeafCredential,
    MessageAad, Roster, ServerFrame, SignedRoster, Statement, StructureEntry, StructureLogRequest,
    StructureLogResponse, StructureRecord,
};

const CASES: u32 = 10_000;

fn config() -> ProptestConfig {
    ProptestConfig {
        cases: CASES,
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

/// Up to 512 bytes of anything.
fn anything() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), 0..512)
}

/// One to three changes: a byte replaced, removed, inserted, or the end cut.
fn damage() -> impl Strategy<Value = Vec<(u8, Index, u8)>> {
    prop::collection::vec((0u8..4, any::<Index>(), any::<u8>()), 1..4)
}

fn damaged(bytes: &[u8], changes: &[(u8, Index, u8)]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for (how, place, byte) in changes {
        if bytes.is_empty() {
            bytes.push(*byte);
            continue;
        }
        let place = place.index(bytes.len());
        match how {
            0 => bytes[place] = *byte,
            1 => drop(bytes.remove(place)),
            2 => bytes.insert(place, *byte),
            _ => bytes.truncate(place),
        }
    }
    bytes
}

/// What decodes is said again in the same words.
fn decode<M: Message + Default + PartialEq>(bytes: &[u8]) -> Option<M> {
    let message = M::decode(bytes).ok()?;
    let again = M::decode(message.encode_to_vec().as_slice()).expect("own encoding");
    assert!(again == message);
    Some(message)
}

/// Every message that arrives from outside on its own.
fn decode_all(bytes: &[u8]) {
    decode::<ClientFrame>(bytes);
    decode::<ServerFrame>(bytes);
    decode::<HelloBody>(bytes);
    decode::<MessageAad>(bytes);
    decode::<CommitAad>(bytes);
    decode::<StructureEntry>(bytes);
    decode::<ChannelEntry>(bytes);
    decode::<EnrolRequest>(bytes);
    decode::<EnrolResponse>(bytes);
    decode::<StructureRecord>(bytes);
    decode::<StructureLogRequest>(bytes);
    decode::<StructureLogResponse>(bytes);
    decode::<Statement>(bytes);
    decode::<SignedRoster>(bytes);
    decode::<Roster>(bytes);
    decode::<LeafCredential>(bytes);
}

/// Appends to a copy: refused means unchanged, accepted means the head has moved.
fn append(before: &Structure, statement: Vec<u8>) -> bool {
    let mut structure = before.clone();
    match structure.append(statement.into(), NOW) {
        Ok(entry) => {
            assert_eq!(structure.head().seq, before.head().seq + 1);
            assert_eq!(entry.seq, structure.head().seq);
            assert_ne!(structure.head().hash, before.head().hash);
            true
        }
        Err(_) => {
            assert!(structure == *before, "a refusal changed something");
            false
        }
    }
}

fn read_roster(structure: &Structure, signed: &SignedRoster) {
    let Ok(roster) = CheckedRoster::read(signed) else {
        return;
    };
    assert_eq!(roster.signed(), signed);
    let head = structure.head().seq;
    let creator = leaf(Some(0), COORDINATOR, COORDINATOR_PHONE);
    let _ = roster.verify_signature(structure);
    let _ = judge_creation(structure, head, NOW, samples::CHANNEL, &roster, &creator);
}

fn read_credential(content: Vec<u8>) -> bool {
    let credential = Credential::new(CredentialType::Other(CREDENTIAL_TYPE), content);
    read_leaf(None, &credential, &public(NURSE_PHONE)).is_ok()
}

fn read_extension(bytes: Vec<u8>) -> Option<SignedRoster> {
    let required = group_extensions(&SignedRoster::default());
    let required = required.iter().next().expect("required capabilities");
    let roster = Extension::Unknown(ROSTER_EXTENSION, UnknownExtension(bytes));
    let list = Extensions::from_vec(vec![required.clone(), roster]).expect("two extensions");
    roster_of(&list).ok()
}

#[test]
fn the_samples_hold_before_they_are_damaged() {
    for bytes in samples::client_frames() {
        assert!(decode::<ClientFrame>(&bytes).is_some_and(|f| f.frame.is_some()));
    }
    for bytes in samples::server_frames() {
        assert!(decode::<ServerFrame>(&bytes).is_some_and(|f| f.frame.is_some()));
    }
    for (practice, draft) in one_of_each_kind() {
        assert!(append(&practice.structure, draft.signed().to_vec()));
    }
    let roster = samples::roster();
    assert!(CheckedRoster::read(&roster).is_ok());
    assert_eq!(read_extension(roster.encode_to_vec()), Some(roster));
    assert!(read_credential(samples::credential()));
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn random_bytes_are_read_as_any_message_without_a_panic(bytes in anything()) {
        decode_all(&bytes);
    }

    #[test]
    fn random_bytes_inside_a_frame_are_read_without_a_panic(
        field in 1u8..=8,
        bytes in prop::collection::vec(any::<u8>(), 0..120),
    ) {
        let length = u8::try_from(bytes.len()).expect("below 128");
        decode_all(&[&[field << 3 | 2, length], bytes.as_slice()].concat());
    }

    #[test]
    fn damaged_frames_of_a_device_are_read_without_a_panic(
        frame in select(samples::client_frames()),
        changes in damage(),
    ) {
        decode::<ClientFrame>(&damaged(&frame, &changes));
    }

    #[test]
    fn damaged_frames_of_a_server_are_read_without_a_panic(
        frame in select(samples::server_frames()),
        changes in damage(),
    ) {
        decode::<ServerFrame>(&damaged(&frame, &changes));
    }

    #[test]
    fn damaged_authenticated_data_is_read_without_a_panic(
        (message, commit) in (Just(samples::message_aad()), Just(samples::commit_aad())),
        changes in damage(),
    ) {
        decode::<MessageAad>(&damaged(&message, &changes));
        decode::<CommitAad>(&damaged(&commit, &changes));
    }

    #[test]
    fn random_bytes_are_no_statement(bytes in anything()) {
        let structure = samples::structure();
        prop_assert!(!append(structure, bytes));
    }

    #[test]
    fn random_bodies_of_every_kind_are_no_statement(
        kind in 0i32..12,
        body in prop::collection::vec(any::<u8>(), 0..256),
        signatures in prop::collection::vec(prop::collection::vec(any::<u8>(), 64), 0..3),
    ) {
        let statement = Statement {
            kind,
            body: body.into(),
            signatures: signatures.into_iter().map(Into::into).collect(),
        };
        prop_assert!(!append(samples::structure(), statement.encode_to_vec()));
    }

    // proves: I1
    #[test]
    fn a_damaged_statement_counts_only_if_what_was_signed_is_whole(
        (practice, draft) in select(samples::statements()),
        changes in damage(),
    ) {
        let signed = draft.signed();
        let bytes = damaged(&signed, &changes);
        if append(&practice.structure, bytes.clone()) {
            // A field that nobody reads may stand beside what was signed.
            let said = Statement::decode(bytes.as_slice()).expect("accepted");
            let meant = Statement::decode(signed).expect("a statement");
            prop_assert_eq!(said, meant);
        }
    }

    #[test]
    fn a_damaged_body_that_its_author_signed_breaks_nothing(
        (practice, draft) in select(samples::statements()),
        changes in damage(),
    ) {
        let mut draft = draft;
        draft.body = damaged(&draft.body, &changes);
        append(&practice.structure, draft.signed().to_vec());
    }

    #[test]
    fn random_bytes_are_no_roster(body in anything(), signature in anything()) {
        let signed = SignedRoster { body: body.clone().into(), signature: signature.into() };
        read_roster(samples::structure(), &signed);
        read_extension(body);
    }

    #[test]
    fn a_damaged_roster_is_read_or_refused_without_a_panic(changes in damage()) {
        let encoded = samples::roster().encode_to_vec();
        let bytes = damaged(&encoded, &changes);
        if let Ok(signed) = SignedRoster::decode(bytes.as_slice()) {
            read_roster(samples::structure(), &signed);
        }
        if let Some(signed) = read_extension(bytes.clone()) {
            prop_assert_eq!(signed.encode_to_vec(), bytes, "one roster, one encoding");
        }
    }

    #[test]
    fn a_damaged_roster_that_a_manager_signed_breaks_nothing(changes in damage()) {
        let body = damaged(&samples::roster().body, &changes);
        read_roster(samples::structure(), &samples::sign_roster_body(body));
    }

    #[test]
    fn a_credential_has_one_encoding_only(changes in damage(), bytes in anything()) {
        let good = samples::credential();
        let changed = damaged(&good, &changes);
        if read_credential(changed.clone()) {
            let again = LeafCredential::decode(changed.as_slice()).expect("accepted");
            prop_assert_eq!(again.encode_to_vec(), changed);
        }
        prop_assert!(!read_credential(bytes));
    }

    // proves: M11
    #[test]
    fn only_16_bytes_are_an_id(bytes in prop::collection::vec(any::<u8>(), 0..40), text in ".{0,40}") {
        let length = if bytes.len() == 16 { Ok(()) } else { Err(IdLength(bytes.len())) };
        macro_rules! check {
            ($($id:ident)*) => {$(
                let id = $id::try_from(bytes.as_slice());
                prop_assert_eq!(id.map(|_| ()), length);
                if let Ok(id) = id {
                    prop_assert_eq!(id.as_ref(), bytes.as_slice());
                    prop_assert_eq!($id::from_hex(&id.to_string()), Some(id));
                }
                let _ = $id::from_hex(&text);
            )*};
        }
        check!(StructureId ProfessionalId DeviceId ChannelId EventId BlobId ThreadId TaskId WoundId);
    }

    #[test]
    fn a_damaged_link_is_read_or_refused_without_a_panic(changes in damage(), bytes in anything()) {
        let good = samples::link();
        let text = damaged(good.to_string().as_bytes(), &changes);
        for text in [text, bytes] {
            if let Ok(text) = String::from_utf8(text)
                && let Ok(link) = text.parse::<Link>()
            {
                prop_assert_eq!(link.to_string().parse(), Ok(link), "a link says itself again");
            }
        }
    }
}
