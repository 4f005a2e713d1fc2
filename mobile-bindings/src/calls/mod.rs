//! What a person can do and what a screen shows: the calls of [`crate::Relais`], by subject.

mod circle;
mod devices;
mod enrolment;
mod people;
mod photos;
mod root;
mod settings;
mod tasks;
mod threads;
