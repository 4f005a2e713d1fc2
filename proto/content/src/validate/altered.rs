//! Alters an encoded event field by field and keeps it well formed, so that a
//! hostile value gets past the decoder and meets the rules.

use proptest::prelude::*;
use proptest::sample::Index;
use prost::encoding::{decode_varint, encode_varint};

/// A field of an encoded message: number and value.
pub(super) type Field = (u64, Value);

#[derive(Debug, Clone)]
pub(super) enum Value {
    Number(u64),
    Bytes(Vec<u8>),
    Message(Vec<Field>),
}

/// What happens to one field.
#[derive(Debug, Clone)]
pub(super) enum Change {
    Number(u64),
    Bytes(Vec<u8>),
    Drop,
    Repeat(usize),
}

/// Reads an encoding as a tree; a text that happens to read as a message is one.
pub(super) fn fields(mut encoded: &[u8]) -> Option<Vec<Field>> {
    let mut found = Vec::new();
    while !encoded.is_empty() {
        let tag = decode_varint(&mut encoded).ok()?;
        let value = match tag & 7 {
            0 => Value::Number(decode_varint(&mut encoded).ok()?),
            2 => {
                let length = usize::try_from(decode_varint(&mut encoded).ok()?).ok()?;
                let (bytes, rest) = encoded.split_at_checked(length)?;
                encoded = rest;
                match fields(bytes) {
                    Some(inner) if !inner.is_empty() => Value::Message(inner),
                    _ => Value::Bytes(bytes.to_vec()),
                }
            }
            _ => return None,
        };
        found.push((tag >> 3, value));
    }
    Some(found)
}

pub(super) fn encode(fields: &[Field]) -> Vec<u8> {
    let mut encoded = Vec::new();
    for (number, value) in fields {
        let bytes = match value {
            Value::Number(value) => {
                encode_varint(number << 3, &mut encoded);
                encode_varint(*value, &mut encoded);
                continue;
            }
            Value::Bytes(bytes) => bytes.clone(),
            Value::Message(inner) => encode(inner),
        };
        encode_varint(number << 3 | 2, &mut encoded);
        encode_varint(bytes.len() as u64, &mut encoded);
        encoded.extend(bytes);
    }
    encoded
}

/// Changes one leaf of the tree; a change of another type leaves it as it is.
pub(super) fn alter(fields: &mut Vec<Field>, place: Index, change: Change) {
    let mut left = place.index(leaves(fields).max(1));
    alter_leaf(fields, &mut left, &change);
}

fn leaves(fields: &[Field]) -> usize {
    fields
        .iter()
        .map(|(_, value)| match value {
            Value::Message(inner) => leaves(inner),
            _ => 1,
        })
        .sum()
}

fn alter_leaf(fields: &mut Vec<Field>, left: &mut usize, change: &Change) -> bool {
    for i in 0..fields.len() {
        if let Value::Message(inner) = &mut fields[i].1 {
            if alter_leaf(inner, left, change) {
                return true;
            }
        } else if *left > 0 {
            *left -= 1;
        } else {
            match (change, &mut fields[i].1) {
                (Change::Number(new), Value::Number(value)) => *value = *new,
                (Change::Bytes(new), Value::Bytes(value)) => value.clone_from(new),
                (Change::Drop, _) => drop(fields.remove(i)),
                (Change::Repeat(times), _) => {
                    let copies = vec![fields[i].clone(); *times];
                    fields.splice(i..i, copies);
                }
                _ => {}
            }
            return true;
        }
    }
    false
}

pub(super) fn hostile_field() -> impl Strategy<Value = Change> {
    prop_oneof![
        3 => prop_oneof![any::<u64>(), 0u64..12, any::<i32>().prop_map(|n| n as u64)]
            .prop_map(Change::Number),
        3 => any::<String>().prop_map(|text| Change::Bytes(text.into_bytes())),
        2 => "[0-9AB+ .\u{202E}\u{1B}\u{200B}\n]{0,20}".prop_map(|text| Change::Bytes(text.into_bytes())),
        1 => prop::collection::vec(any::<u8>(), 0..40).prop_map(Change::Bytes),
        1 => (1usize..30_000).prop_map(|length| Change::Bytes(vec![b'a'; length])),
        1 => Just(Change::Drop),
        1 => (1usize..70).prop_map(Change::Repeat),
    ]
}
