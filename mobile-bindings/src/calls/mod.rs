//! What a person can do and what a screen shows: the calls of [`crate::Relais`], by subject.

mod circle;
mod devices;
mod enrolment;
#[cfg(feature = "uniffi")]
mod original;
mod people;
pub mod photos;
mod root;
mod search;
mod settings;
mod state;
mod tasks;
mod threads;
mod to_do;
mod wounds;
