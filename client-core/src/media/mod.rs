//! Photos and files before they leave the device and after they come back.
//!
//! Owns the cleaning of photos and the encryption of blobs. Leaves uploads and downloads to the
//! driver, and the choice of keys and ids to the engine.

pub mod blob;
pub mod photo;
