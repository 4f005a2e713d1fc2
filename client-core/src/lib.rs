//! The client that every Relais app is built on: one engine for phones, browsers,
//! desktops and scripts.
//!
//! # Layout
//! - [`engine`]: the state machine; inputs, outputs, transactions.
//! - [`identity`]: enrolment, the structure log, invitations, cards.
//! - [`commands`]: what a person can do. [`query`]: what a screen shows.
//! - `outbox`: from intents to the log. `inbox`: from the log to the database.
//! - `rejoin`: back into a group by an external commit, or into a new one.
//! - `lost`: what a server that was restored from a backup has forgotten of threads.
//! - `projection`: what a thread's events fold into.
//! - [`history`]: the past, shared with joiners and asked for where it is missing.
//! - [`media`]: photos and encrypted blobs. [`mls`]: OpenMLS's storage.
//! - `sealed`: items from device to device.
//! - [`reconnect`]: when a driver connects.
//! - [`driver`] (feature `native`): sockets, timers and the clock around the engine.
//!
//! The engine is sans-I/O: it never blocks, spawns or reads a clock. Start at
//! [`Engine`]; a program that wants sockets too starts at `driver::Client`.

pub mod commands;
mod content;
mod db;
mod denial;
#[cfg(feature = "native")]
pub mod driver;
pub mod engine;
mod error;
pub mod history;
pub mod identity;
mod inbox;
mod lost;
pub mod media;
pub mod mls;
mod outbox;
mod projection;
pub mod query;
pub mod reconnect;
mod rejoin;
mod sealed;
#[cfg(test)]
mod testing;

pub use denial::Denial;
pub use engine::{Engine, Event};
pub use error::{Class, Error, Result};
pub use outbox::blob_store::BlobState;
pub use relais_content as schema;
pub use relais_wire as wire;

/// Version that this client states to the server and that a roster may require.
pub const CLIENT_VERSION: u32 = 1;
