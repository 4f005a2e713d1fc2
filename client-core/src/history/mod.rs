//! The past of a thread (architecture D9, D13): shared with those who join, asked for
//! where a stretch is missing.

mod choice;

pub use choice::HistoryChoice;
