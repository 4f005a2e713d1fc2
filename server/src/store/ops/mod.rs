//! What the store's operations mean, written once over the engine and shared by
//! all backends; one file for each group of operations.
//!
//! An operation reads and checks first and changes last: after its first change
//! nothing in it may fail.

pub mod append;
pub mod blobs;
pub mod idempotency;
pub mod inbox;
pub mod key_packages;
pub mod read;
pub mod retention;
pub mod structure;

use relais_wire::RefusalCode;
use relais_wire::v1::answer;

use super::Effect;

/// How an operation ended.
pub enum Outcome {
    /// Carried out.
    Done(answer::Result, Vec<Effect>),
    /// Nothing changed, except that the refusal is remembered.
    Refused(RefusalCode),
    /// Nothing changed; see [`super::Applied::conflict`].
    Conflict,
}
