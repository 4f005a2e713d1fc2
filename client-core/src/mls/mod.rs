//! What OpenMLS needs from this device: a place for its state and a source of cryptography.
//!
//! Owns the table of MLS state, the provider handed to every OpenMLS call, and how a channel's
//! group is made and found. Leaves to others what the groups mean: who may be a member, when a
//! commit is sent, what a message holds.

pub mod crypto;
pub(crate) mod group;
pub mod provider;
pub mod storage;

pub use crypto::Crypto;
pub use provider::Provider;
pub use storage::{Refusal, SqlStorage, StorageError};
