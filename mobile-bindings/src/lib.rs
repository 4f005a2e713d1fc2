//! Relais for apps on iOS and Android: one object, [`Relais`], over the client core and its
//! native driver. Conversions only; what happens and when is decided in `relais-core`.
//!
//! # Layout
//! - [`relais`]: opening, closing, synchronisation. [`calls`]: what a person can do and what
//!   a screen shows, by subject. [`records`]: what crosses, as plain values.
//! - [`platform`]: what the app implements. [`events`]: what the app is told.
//! - [`error`]: the few errors that cross. [`log`]: what may be logged. [`push`]: what a
//!   notification shows, without opening anything.
//! - [`runtime`]: where work runs: never on the caller's thread.
//!
//! # Conventions
//! Ids are lower-case hexadecimal text. Times are milliseconds since the Unix epoch. Threads
//! are named by the id of their main channel. Texts of the core itself are codes and
//! parameters; what people wrote is passed as they wrote it.

pub mod calls;
pub mod error;
pub mod events;
pub mod log;
pub mod platform;
pub mod push;
pub mod records;
pub mod relais;
pub mod runtime;

pub use error::RelaisError;
pub use relais::Relais;

uniffi::setup_scaffolding!();
