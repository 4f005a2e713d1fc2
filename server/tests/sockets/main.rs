//! The server over real sockets, on the memory store: what a hostile or unlucky
//! device meets.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod blobs;
mod channels;
mod commits;
mod enrol;
mod hello;
mod origins;
mod support;
mod web;
