//! Statements to a practice with staff. The first byte says whether the rest is a
//! statement as it comes, or a body that somebody entitled signs.
#![no_main]

use libfuzzer_sys::fuzz_target;
use prost::bytes::Bytes;
use relais_fuzz::{NOW, PRACTICE, signed};
use relais_wire::structure::Structure;
use relais_wire::v1::StatementKind;

fuzz_target!(|data: &[u8]| {
    let Some((first, rest)) = data.split_first() else {
        return;
    };
    let kind = StatementKind::try_from(i32::from(first % 32)).unwrap_or_default();
    let statement = signed(kind, rest).unwrap_or_else(|| Bytes::copy_from_slice(rest));
    let empty = Structure::new();
    for before in [&empty, &*PRACTICE] {
        let mut structure = before.clone();
        match structure.append(statement.clone(), NOW) {
            Ok(entry) => {
                assert_eq!(entry.seq, before.head().seq + 1);
                assert_eq!(entry.seq, structure.head().seq);
                let mut reader = before.clone();
                assert_eq!(reader.apply(&entry), Ok(()));
                assert!(reader == structure, "a reader reaches the same state");
            }
            Err(_) => assert!(structure == *before, "a refusal changes nothing"),
        }
    }
});
