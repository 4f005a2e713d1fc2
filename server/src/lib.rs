//! The server of one structure: it orders, keeps and delivers what it cannot read.
//!
//! # Layout
//! - [`config`], [`founding`]: what `init` decides and `serve` is started with.
//! - [`app`]: everything that a running server shares, [`serve()`] and [`embed`]; `accept`: sockets.
//! - [`http`]: enrolment, structure record and log, blobs, health; who may ask from a page.
//! - [`web`]: the web app, for whoever opens the server's address in a browser.
//! - [`ws`]: one connection per device: hello, session, following of logs.
//! - [`operations`]: what a device asks for, from request to durable answer.
//! - [`channels`]: whether a message or commit is acceptable.
//! - [`structure_log`]: the live structure and what it lets in.
//! - [`hub`]: who is connected and is told what was written.
//! - [`store`]: what is durable (one trait, several backends).
//! - [`restored`]: noticing that the store came from a backup.
//! - [`blobs`], [`mac`], [`tokens`], [`limiter`]: blob bytes, the server's own marks, bearer
//!   tokens, rates.
//!
//! It does not link the content schema: there is no code here that could read a
//! message.

mod accept;
pub mod app;
pub mod blobs;
pub mod channels;
pub mod config;
pub mod error;
pub mod founding;
pub mod http;
pub mod hub;
pub mod key_packages;
pub mod limiter;
pub mod mac;
pub mod operations;
pub mod restored;
pub mod store;
pub mod structure_log;
pub mod tokens;
pub mod web;
pub mod ws;

pub use app::{ServeError, Server, embed, serve};
pub use config::{Clock, Config, Random};
