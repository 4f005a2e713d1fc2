//! Everything that needs two devices or a server: the [`world`] harness, the
//! scenarios in `tests/`, the demo and the benches.

pub mod world;
