//! Everything that needs two devices or a server: the [`world`] harness, the
//! scenarios in `tests/`, the demo and the benches.

#![expect(
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    reason = "a harness that fails a test by panicking"
)]

pub mod world;
