//! What is encrypted: the events of a care thread and the items that devices
//! seal to one another, with the rules that make them valid. The server never
//! links this crate. Signatures, encryption and the order of events are the
//! client's: here a value is judged by itself, without state and without a clock.
//!
//! # Layout
//! - [`v1`]: the messages of `proto/content.proto`.
//! - [`validate`]: the rules, field by field.
//! - [`kinds`]: kinds of content, where each is permitted and who may send it.
//! - [`ins`]: the patient's national health identity (matricule, key, OID).
//! - [`professions`]: professions and the RPPS number.
//! - [`limits`]: lengths and counts, each with its reason.

pub mod ins;
pub mod kinds;
pub mod limits;
pub mod professions;
pub mod validate;

/// Messages generated from `proto/content.proto`; their comments are there.
#[expect(missing_docs, reason = "generated; documented in content.proto")]
pub mod v1 {
    include!(concat!(env!("OUT_DIR"), "/relais.content.v1.rs"));
}
