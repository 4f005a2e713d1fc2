//! Why a command failed, and the exit code that says so to a script.

use std::io::ErrorKind;

use relais_core::{Class, Error};
use serde::Serialize;

/// Exit codes, as documented in `relais --help`.
pub mod exit {
    /// Anything else: the disk, the database, another program has the profile open.
    pub const OTHER: u8 = 1;
    /// The command line is wrong.
    pub const USAGE: u8 = 2;
    /// What was asked for cannot be done: unknown, ambiguous, invalid, refused.
    pub const USER: u8 = 3;
    /// This device has not joined, or must be enrolled again.
    pub const NOT_ENROLLED: u8 = 4;
    /// Asked to wait for the server, and it could not be reached in time.
    pub const NETWORK: u8 = 5;
    /// Ended by a signal.
    pub const INTERRUPTED: u8 = 130;
}

/// Something that a name or the beginning of an id could mean.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Candidate {
    /// Whole id, hexadecimal.
    pub id: String,
    /// Name or title; may come from somebody else.
    pub label: String,
}

/// What somebody can do whose enrolment counts no more.
pub const LAPSED: &str = "no coordinator confirmed you within 7 days, or the server was restored \
                          and lost your enrolment: ask one to invite you again (relais people \
                          reinvite), then relais join LINK; nothing here is lost";

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The engine refused.
    #[error(transparent)]
    Engine(#[from] Error),
    /// The command line does not make sense.
    #[error("{0}")]
    Usage(String),
    /// Nothing on this device answers to the text.
    #[error("no {what} here matches {query:?}")]
    NoMatch {
        /// Kind of thing.
        what: &'static str,
        /// As typed.
        query: String,
    },
    /// More than one thing answers to the text.
    #[error("{query:?} could be more than one {what}")]
    Ambiguous {
        /// Kind of thing.
        what: &'static str,
        /// As typed.
        query: String,
        /// What it could be.
        candidates: Vec<Candidate>,
    },
    /// A value that was typed or read from a file is not valid.
    #[error("{field}: {problem}")]
    Value {
        /// Option or field.
        field: String,
        /// What is wrong.
        problem: String,
    },
    /// There is no profile in the folder.
    #[error("this device has not joined a structure yet: relais join LINK")]
    NoProfile,
    /// The device was revoked.
    #[error("this device was revoked and has forgotten everything: relais join LINK")]
    Wiped,
    /// The enrolment lapsed.
    #[error("{LAPSED}")]
    Lapsed,
    /// The server was not reached, or did not answer, within the time given.
    #[error("{0}")]
    Network(String),
    /// Ended by a signal; what was durable stays so.
    #[error("interrupted; what was written is kept on this device")]
    Interrupted,
    /// A file or folder could not be read or written.
    #[error("{path}: {source}")]
    File {
        /// Which one.
        path: String,
        /// Why.
        source: std::io::Error,
    },
}

impl Failure {
    /// A value that is not valid.
    pub fn value(field: impl Into<String>, problem: impl Into<String>) -> Self {
        Self::Value {
            field: field.into(),
            problem: problem.into(),
        }
    }

    /// A file that could not be read or written.
    pub fn file(path: &std::path::Path, source: std::io::Error) -> Self {
        Self::File {
            path: path.display().to_string(),
            source,
        }
    }

    /// Stable code, for scripts.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Engine(error) => error.code(),
            Self::Usage(_) => "usage",
            Self::NoMatch { .. } => "no_match",
            Self::Ambiguous { .. } => "ambiguous",
            Self::Value { .. } => "invalid",
            Self::NoProfile => "not_enrolled",
            Self::Wiped => "wiped",
            Self::Lapsed => "lapsed",
            Self::Network(_) => "network",
            Self::Interrupted => "interrupted",
            Self::File { .. } => "file",
        }
    }

    /// Exit code of the process.
    pub fn exit(&self) -> u8 {
        match self {
            Self::Engine(Error::NotEnrolled) | Self::NoProfile | Self::Wiped | Self::Lapsed => {
                exit::NOT_ENROLLED
            }
            // The person does it again later.
            Self::Engine(Error::NotYet(_)) => exit::USER,
            Self::Engine(error) => match error.class() {
                Class::UserError => exit::USER,
                Class::Reenrol => exit::NOT_ENROLLED,
                Class::Retry | Class::Fatal => exit::OTHER,
            },
            Self::Usage(_) => exit::USAGE,
            Self::NoMatch { .. } | Self::Ambiguous { .. } | Self::Value { .. } => exit::USER,
            Self::Network(_) => exit::NETWORK,
            Self::Interrupted => exit::INTERRUPTED,
            Self::File { source, .. } => match source.kind() {
                ErrorKind::NotFound | ErrorKind::AlreadyExists | ErrorKind::PermissionDenied => {
                    exit::USER
                }
                _ => exit::OTHER,
            },
        }
    }

    /// Whether the answer may be another one once this device is up to date.
    pub fn may_be_stale(&self) -> bool {
        matches!(
            self,
            Self::NoMatch { .. }
                | Self::Engine(Error::Unknown(_) | Error::NotAllowed(_) | Error::NotYet(_))
        )
    }
}

/// Short for results of commands.
pub type Result<T, E = Failure> = std::result::Result<T, E>;
