//! Relais for apps: one object, [`Relais`], over the client core. Conversions only; what
//! happens and when is decided in `relais-core`.
//!
//! On iOS and Android (feature `uniffi`) it has the native driver and is called through
//! uniffi. In a browser (feature `web` without it) `relais-web` drives the engine and calls
//! the same calls with the same records, by name.
//!
//! # Layout
//! - [`relais`]: opening, closing, synchronisation. [`calls`]: what a person can do and what
//!   a screen shows, by subject. [`records`]: what crosses, as plain values.
//! - [`events`]: what the app is told. [`error`]: the few errors that cross.
//! - Phones: `platform`: what the app implements. `listener`: how it is told. `log`: what
//!   may be logged. `push`: what a notification shows, without opening anything. `runtime`:
//!   where work runs: never on the caller's thread.
//! - Browsers: `table`: the calls by name.
//!
//! # Conventions
//! Ids are lower-case hexadecimal text. Times are milliseconds since the Unix epoch. Threads
//! are named by the id of their main channel. Texts of the core itself are codes and
//! parameters; what people wrote is passed as they wrote it.

pub mod calls;
pub mod error;
pub mod events;
#[cfg(feature = "uniffi")]
pub mod listener;
#[cfg(feature = "uniffi")]
pub mod log;
#[cfg(feature = "uniffi")]
pub mod platform;
#[cfg(feature = "uniffi")]
pub mod push;
pub mod records;
#[cfg(feature = "uniffi")]
pub mod relais;
#[cfg(not(feature = "uniffi"))]
#[path = "embedded.rs"]
pub mod relais;
#[cfg(feature = "uniffi")]
pub mod runtime;
#[cfg(feature = "web")]
pub mod table;

pub use error::RelaisError;
pub use relais::Relais;

#[cfg(feature = "uniffi")]
uniffi::setup_scaffolding!();
