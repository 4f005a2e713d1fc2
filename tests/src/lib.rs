//! Everything that needs two devices or a server: the [`world`] harness, the
//! scenarios in `tests/`, the simulation [`sim`], the demo and the benches.

pub mod lies;
pub mod sim;
pub mod world;
