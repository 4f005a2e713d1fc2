//! The rules are total: whatever arrives, they answer, and repeat nothing of it.

use super::altered::{alter, encode, fields, hostile_field};
use super::{card, content, samples};
use crate::kinds::{kind_name, kind_number, needs_write, permitted_content};
use crate::v1::content::Kind;
use crate::v1::{Card, ChannelKind, Content};
use proptest::prelude::*;
use proptest::sample::{Index, select};
use prost::Message as _;

const CASES: u32 = 10_000;

/// Runs every public rule on bytes as they arrive; none may panic.
fn judge(bytes: &[u8]) {
    if let Ok(received) = Content::decode(bytes) {
        let _ = content(&received);
        let number = kind_number(&received);
        assert_eq!(number == 0, received.kind.is_none());
        let _ = (kind_name(number), needs_write(number));
        for channel in [ChannelKind::Main, ChannelKind::Compartment] {
            let _ = permitted_content(channel, &received);
        }
    }
    if let Ok(received) = Card::decode(bytes) {
        let _ = card(&received);
    }
}

/// Damages an encoding: a byte replaced, removed, inserted, or the end cut.
fn damage(encoded: &mut Vec<u8>, how: u8, place: Index, byte: u8) {
    if encoded.is_empty() {
        return encoded.push(byte);
    }
    let place = place.index(encoded.len());
    match how {
        0 => encoded[place] = byte,
        1 => drop(encoded.remove(place)),
        2 => encoded.insert(place, byte),
        _ => encoded.truncate(place),
    }
}

fn encodings() -> Vec<Vec<u8>> {
    let mut encoded: Vec<Vec<u8>> = samples::all().iter().map(Content::encode_to_vec).collect();
    encoded.push(samples::card().encode_to_vec());
    encoded
}

proptest! {
    #![proptest_config(ProptestConfig { cases: CASES, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..512)) {
        judge(&bytes);
    }

    #[test]
    fn random_bytes_inside_a_kind_never_panic(
        tag in 1u8..=16,
        bytes in prop::collection::vec(any::<u8>(), 0..120),
    ) {
        let mut inside = Vec::new();
        prost::encoding::encode_varint(u64::from(tag) << 3 | 2, &mut inside);
        prost::encoding::encode_varint(bytes.len() as u64, &mut inside);
        inside.extend(bytes);
        judge(&inside);
    }

    #[test]
    fn damaged_events_never_panic(
        encoded in select(encodings()),
        changes in prop::collection::vec((0u8..4, any::<Index>(), any::<u8>()), 1..4),
    ) {
        let mut encoded = encoded;
        for (how, place, byte) in changes {
            damage(&mut encoded, how, place, byte);
        }
        judge(&encoded);
    }

    #[test]
    fn well_formed_events_with_hostile_fields_never_panic(
        encoded in select(encodings()),
        changes in prop::collection::vec((any::<Index>(), hostile_field()), 1..4),
    ) {
        let mut event = fields(&encoded).expect("a sample is well formed");
        for (place, change) in changes {
            alter(&mut event, place, change);
        }
        judge(&encode(&event));
    }

    #[test]
    fn any_text_is_judged_and_a_refusal_does_not_repeat_it(
        text in any::<String>(),
        number in any::<i32>(),
        time in any::<u64>(),
    ) {
        let marked = format!("CANARI {text}");
        let mut header = samples::patient_header();
        header.birth_name.clone_from(&marked);
        header.birth_place.clone_from(&marked);
        header.identity_status = number;
        if let Some(ins) = &mut header.ins {
            ins.matricule.clone_from(&marked);
            ins.oid.clone_from(&marked);
        }
        let mut note = samples::handover_note();
        note.situation.clone_from(&marked);
        note.request_kind = number;
        note.deadline_ms = time;
        let mut stranger = samples::card();
        stranger.rpps.clone_from(&marked);

        let refusals = [
            content(&samples::content(Kind::PatientHeader(header))),
            content(&samples::content(Kind::HandoverNote(note))),
            card(&stranger),
        ];
        for refusal in refusals.into_iter().filter_map(Result::err) {
            prop_assert!(!refusal.to_string().contains("CANARI"));
        }
    }
}

#[test]
fn every_sample_is_valid_and_an_empty_content_is_not() {
    for sample in samples::all() {
        assert_eq!(
            content(&sample),
            Ok(()),
            "{}",
            kind_name(kind_number(&sample))
        );
    }
    let error = content(&Content { kind: None }).expect_err("refused");
    assert_eq!(error.to_string(), "kind: is missing or unknown");
}

#[test]
fn a_value_of_defaults_is_refused_unless_it_is_a_void() {
    for number in 1u64..=16 {
        let mut empty = Vec::new();
        prost::encoding::encode_varint(number << 3 | 2, &mut empty);
        empty.push(0);
        let received = Content::decode(empty.as_slice()).expect("decodes");
        assert_eq!(content(&received).is_ok(), number == 11, "{number}");
    }
    assert!(card(&Card::default()).is_err());
}
