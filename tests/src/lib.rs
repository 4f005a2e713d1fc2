//! Everything that needs two devices or a server: the [`world`] harness, the
//! scenarios in `tests/`, what an [`app`] implements, a hostile server ([`lies`]) and a hostile [`member`], the
//! simulation [`sim`], the demo and the benches.

pub mod app;
pub mod lies;
pub mod listener;
pub mod member;
pub mod sim;
pub mod world;
