//! JSON for scripts: snake_case fields, ids in hexadecimal, times in milliseconds
//! since the Unix epoch, enumerations as words. One object per command.

use serde::Serialize;
use serde_json::{Value, json};

use crate::failure::Failure;

/// A view as JSON.
pub fn value(view: &impl Serialize) -> Value {
    // Invariant: views have string keys and no fallible serialisation.
    serde_json::to_value(view).unwrap_or_else(|error| json!({ "error": error.to_string() }))
}

/// One line for one object. Control characters are escaped by JSON itself.
pub fn line(value: &Value) -> String {
    value.to_string()
}

/// A failure as JSON, for the error output.
pub fn failure(failure: &Failure) -> Value {
    let candidates = match failure {
        Failure::Ambiguous { candidates, .. } => candidates.as_slice(),
        _ => &[],
    };
    json!({ "error": {
        "code": failure.code(),
        "message": failure.to_string(),
        "candidates": candidates,
    }})
}
