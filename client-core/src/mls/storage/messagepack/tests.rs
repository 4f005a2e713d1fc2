//! What the library writes is read as it was, and any other bytes are refused or are some value.
#![expect(clippy::unwrap_used, reason = "a failed test may panic")]

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde::{Deserialize, Serialize};

use super::{DEEPEST, DecodeError, from_slice};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Variant {
    Bare,
    Holds(u32),
    Pair(i8, String),
    Named {
        first: Option<bool>,
        second: Vec<u8>,
    },
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Nothing;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Wrapped(u64);

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Both(i64, Wrapped);

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
enum AnyForm {
    Number(i64),
    Text(String),
    List(Vec<bool>),
    Entries(BTreeMap<String, Option<u8>>),
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Everything {
    flag: bool,
    unsigned: (u8, u16, u32, u64),
    signed: (i8, i16, i32, i64),
    letter: char,
    text: String,
    nothing: Nothing,
    unit: (),
    both: Both,
    variants: Vec<Variant>,
    maybe: Option<Box<Everything>>,
    map: BTreeMap<u16, Variant>,
    any: AnyForm,
    /// As bytes of their own kind, which other types write.
    blob: Blob,
}

/// Bytes, not a list of numbers.
#[derive(Debug, Clone, PartialEq)]
struct Blob(Vec<u8>);

impl Serialize for Blob {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Blob {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Bytes;
        impl serde::de::Visitor<'_> for Bytes {
            type Value = Blob;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("bytes")
            }

            fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Blob, E> {
                Ok(Blob(bytes.to_vec()))
            }
        }
        deserializer.deserialize_byte_buf(Bytes)
    }
}

fn variant() -> impl Strategy<Value = Variant> {
    prop_oneof![
        Just(Variant::Bare),
        any::<u32>().prop_map(Variant::Holds),
        any::<(i8, String)>().prop_map(|(number, text)| Variant::Pair(number, text)),
        (
            any::<Option<bool>>(),
            proptest::collection::vec(any::<u8>(), 0..300)
        )
            .prop_map(|(first, second)| Variant::Named { first, second }),
    ]
}

fn any_form() -> impl Strategy<Value = AnyForm> {
    prop_oneof![
        any::<i64>().prop_map(AnyForm::Number),
        any::<String>().prop_map(AnyForm::Text),
        proptest::collection::vec(any::<bool>(), 0..20).prop_map(AnyForm::List),
        proptest::collection::btree_map(any::<String>(), any::<Option<u8>>(), 1..20)
            .prop_map(AnyForm::Entries),
    ]
}

fn flat() -> impl Strategy<Value = Everything> {
    let numbers = any::<(bool, (u8, u16, u32, u64), (i8, i16, i32, i64), char, String)>();
    let variants = proptest::collection::vec(variant(), 0..20);
    let map = proptest::collection::btree_map(any::<u16>(), variant(), 0..20);
    let blob = proptest::collection::vec(any::<u8>(), 0..300);
    let rest = (any::<(i64, u64)>(), variants, map, any_form(), blob);
    (numbers, rest).prop_map(|(numbers, (both, variants, map, any, blob))| {
        let (flag, unsigned, signed, letter, text) = numbers;
        Everything {
            flag,
            unsigned,
            signed,
            letter,
            text,
            nothing: Nothing,
            unit: (),
            both: Both(both.0, Wrapped(both.1)),
            variants,
            maybe: None,
            map,
            any,
            blob: Blob(blob),
        }
    })
}

fn everything() -> impl Strategy<Value = Everything> {
    (flat(), proptest::option::of(flat())).prop_map(|(outer, inner)| Everything {
        maybe: inner.map(Box::new),
        ..outer
    })
}

proptest! {
    #[test]
    fn what_the_library_writes_is_read_as_it_was(value in everything()) {
        let bytes = rmp_serde::to_vec_named(&value).unwrap();
        prop_assert_eq!(from_slice::<Everything>(&bytes).unwrap(), value);
    }

    #[test]
    fn a_part_is_refused_and_so_is_more(value in everything(), place: prop::sample::Index) {
        let mut bytes = rmp_serde::to_vec_named(&value).unwrap();
        from_slice::<Everything>(&bytes[..place.index(bytes.len())]).unwrap_err();
        bytes.push(0xc0);
        let refused = from_slice::<Everything>(&bytes).unwrap_err();
        prop_assert!(matches!(refused, DecodeError::Rest(1)));
    }

    #[test]
    fn changed_bytes_are_another_value_or_refused(
        value in flat(),
        changes in proptest::collection::vec(any::<(prop::sample::Index, u8)>(), 1..8),
    ) {
        let mut bytes = rmp_serde::to_vec_named(&value).unwrap();
        for (place, byte) in changes {
            let at = place.index(bytes.len());
            bytes[at] = byte;
        }
        // What is accepted can be written and read again.
        if let Ok(other) = from_slice::<Everything>(&bytes) {
            let again = rmp_serde::to_vec_named(&other).unwrap();
            prop_assert_eq!(from_slice::<Everything>(&again).unwrap(), other);
        }
    }

    #[test]
    fn any_bytes_are_refused_or_read(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
        let _ = from_slice::<Everything>(&bytes);
        let _ = from_slice::<AnyForm>(&bytes);
        let _ = from_slice::<serde::de::IgnoredAny>(&bytes);
    }
}

#[test]
fn names_that_a_type_does_not_know_are_skipped() {
    #[derive(Debug, PartialEq, Deserialize)]
    struct Later {
        flag: bool,
        #[serde(default)]
        added: u8,
    }
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    runner
        .run(&everything(), |value| {
            let bytes = rmp_serde::to_vec_named(&value).unwrap();
            let (flag, added) = (value.flag, 0);
            prop_assert_eq!(from_slice::<Later>(&bytes).unwrap(), Later { flag, added });
            Ok(())
        })
        .unwrap();
}

#[test]
fn what_is_claimed_takes_no_memory_before_it_is_there() {
    let claims = [
        &[0xdd, 0xff, 0xff, 0xff, 0xff][..],
        &[0xdf, 0xff, 0xff, 0xff, 0xff],
    ];
    for claim in claims {
        from_slice::<Vec<u64>>(claim).unwrap_err();
        from_slice::<BTreeMap<u8, u64>>(claim).unwrap_err();
        from_slice::<serde::de::IgnoredAny>(claim).unwrap_err();
    }
}

#[test]
fn lists_within_lists_end_before_the_stack_does() {
    #[derive(Debug, PartialEq, Deserialize)]
    struct Nest(Vec<Nest>);
    let nested = |depth: u8| [vec![0x91; usize::from(depth)], vec![0x90]].concat();
    from_slice::<Nest>(&nested(DEEPEST - 1)).unwrap();
    let refused = from_slice::<Nest>(&nested(DEEPEST)).unwrap_err();
    assert!(matches!(refused, DecodeError::Not("so deep")));
    from_slice::<serde::de::IgnoredAny>(&nested(u8::MAX)).unwrap();
}
