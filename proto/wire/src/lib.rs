//! What a Relais server and its clients say to one another, and the rules that
//! both judge by. No content: that is `relais-content`, which the server does
//! not link.
//!
//! # Layout
//! - [`v1`]: the protobuf messages, generated from `proto/wire.proto`.
//! - [`ids`]: opaque 16-byte identifiers, one type for each kind of thing.
//! - [`label`]: the one list of labels that signatures and hashes are made under.
//! - [`limits`]: every size, count and interval, with its reason.
//! - [`link`]: the set-up and invitation links.
//! - [`chain`]: the hash chains of the structure log and of a channel's log.
//! - [`structure`]: the structure log as a state machine over signed statements.
//! - [`roster`]: who is in a channel, and the one table of who may do what.
//! - [`mls`]: cipher suite, credential, capabilities and what a commit changes.

/// Messages generated from `proto/wire.proto`; their comments are there.
#[expect(missing_docs, reason = "generated; documented in wire.proto")]
pub mod v1 {
    include!(concat!(env!("OUT_DIR"), "/relais.wire.v1.rs"));
}

pub mod chain;
#[cfg(test)]
mod hostile;
pub mod ids;
pub mod label;
pub mod life;
pub mod limits;
pub mod link;
pub mod mls;
pub mod roster;
pub mod structure;
#[cfg(test)]
mod testing;

pub use v1::RefusalCode;

/// Version of the frames in this crate; a server refuses any other.
pub const PROTOCOL_VERSION: u32 = 1;
