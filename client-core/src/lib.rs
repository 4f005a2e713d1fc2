//! placeholder

pub mod media;
pub mod mls;
