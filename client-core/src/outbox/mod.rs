//! From what a person wants to what the log settled (architecture D3).
//!
//! An [`intent`] is durable before anything is sent; [`stage`] turns it into a
//! send in the present epoch; [`answers`] takes the server's word; the log has the
//! last one. [`blobs`] carries photos in pieces, beside the frames.

pub(crate) mod answers;
pub(crate) mod blob_store;
pub(crate) mod blobs;
pub(crate) mod commit;
pub(crate) mod follow;
pub(crate) mod intent;
pub(crate) mod key_packages;
pub(crate) mod stage;
