//! What OpenMLS needs from this device: a place for its state and a source of cryptography.
//!
//! Owns the table of MLS state and the provider handed to every OpenMLS call. Leaves to others what
//! the groups mean: who may be a member, when a commit is sent, what a message holds.

pub mod provider;
pub mod storage;

pub use provider::Provider;
pub use storage::{SqlStorage, StorageError};
