//! What is encrypted: the events of a care thread and the items that devices
//! seal to one another. The server never links this crate.

/// Messages generated from `proto/content.proto`; their comments are there.
#[expect(missing_docs, reason = "generated; documented in content.proto")]
pub mod v1 {
    include!(concat!(env!("OUT_DIR"), "/relais.content.v1.rs"));
}
