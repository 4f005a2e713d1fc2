//! The engine's errors, classified by what to do next.

use relais_wire::RefusalCode;

pub(crate) use crate::denial::Denial;

/// What the caller does about an [`Error`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// Try again; nothing was changed.
    Retry,
    /// The person corrects what they entered.
    UserError,
    /// The device returns with a new invitation.
    Reenrol,
    /// The database or the program is broken; stop.
    Fatal,
}

/// Why a command or input failed. Nothing of it was kept.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A field does not hold what it should.
    #[error("{field}: {problem}")]
    Invalid {
        /// Name of the field, as in the content schema.
        field: String,
        /// What is wrong with it.
        problem: String,
    },
    /// There is no such thread, task, event or person on this device.
    #[error("unknown {0}")]
    Unknown(&'static str),
    /// The author's role or standing does not allow it.
    #[error("not allowed: {0}")]
    NotAllowed(Denial),
    /// Something that it needs has not arrived, or there is no connection.
    #[error("not yet: {0}")]
    NotYet(&'static str),
    /// The device has not joined a structure yet.
    #[error("this device has not joined a structure")]
    NotEnrolled,
    /// The device has joined already.
    #[error("this device has already joined a structure")]
    AlreadyEnrolled,
    /// The link is not one of ours.
    #[error("the link cannot be read: {0}")]
    Link(String),
    /// The server refused the enrolment for good.
    #[error("enrolment refused: {0:?}")]
    EnrolmentRefused(RefusalCode),
    /// The database was restored or cloned; nothing more is sent from it.
    #[error(
        "this device's database was restored or copied; it must return under another id, or be enrolled again"
    )]
    Frozen,
    /// A recovery kit or shares cannot be made or used.
    #[error("recovery: {0}")]
    Recovery(#[from] crate::identity::recovery::RecoveryError),
    /// A photo cannot be used.
    #[error(transparent)]
    Photo(#[from] crate::media::photo::PhotoError),
    /// A blob does not open.
    #[error(transparent)]
    Blob(#[from] crate::media::blob::BlobError),
    /// The database could not be read or written.
    #[error("database: {0}")]
    Database(#[from] rusqlite::Error),
    /// MLS failed where it never should.
    #[error("mls: {0}")]
    Mls(String),
    /// What the database holds does not decode.
    #[error("database content: {0}")]
    Corrupt(&'static str),
    /// The key does not open the database.
    #[error("the key does not open this database")]
    WrongKey,
    /// Another process has the database open.
    #[error("another program has this database open")]
    Busy,
    /// The engine's thread has ended.
    #[error("the client was shut down")]
    Closed,
    /// The database is of a newer version of the program.
    #[error("the database was written by a newer version")]
    TooNew,
}

impl Error {
    /// Stable code, for scripts and translations.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Invalid { .. } => "invalid",
            Self::Unknown(_) => "unknown",
            Self::NotAllowed(_) => "not_allowed",
            Self::NotYet(_) => "not_yet",
            Self::NotEnrolled => "not_enrolled",
            Self::AlreadyEnrolled => "already_enrolled",
            Self::Link(_) => "bad_link",
            Self::EnrolmentRefused(_) => "enrolment_refused",
            Self::Frozen => "frozen",
            Self::Recovery(_) => "recovery",
            Self::Photo(_) => "photo",
            Self::Blob(_) => "blob",
            Self::Database(_) => "database",
            Self::Mls(_) => "mls",
            Self::Corrupt(_) => "corrupt",
            Self::WrongKey => "wrong_key",
            Self::Busy => "busy",
            Self::Closed => "closed",
            Self::TooNew => "too_new",
        }
    }

    /// What to do next.
    pub fn class(&self) -> Class {
        match self {
            Self::Invalid { .. }
            | Self::Unknown(_)
            | Self::NotAllowed(_)
            | Self::NotEnrolled
            | Self::AlreadyEnrolled
            | Self::Link(_)
            | Self::WrongKey
            | Self::Recovery(_)
            | Self::Photo(_) => Class::UserError,
            Self::EnrolmentRefused(_) | Self::Frozen => Class::Reenrol,
            Self::Database(rusqlite::Error::SqliteFailure(e, _))
                if matches!(
                    e.code,
                    rusqlite::ErrorCode::DiskFull
                        | rusqlite::ErrorCode::DatabaseBusy
                        | rusqlite::ErrorCode::DatabaseLocked
                ) =>
            {
                Class::Retry
            }
            Self::Blob(_) | Self::Busy | Self::NotYet(_) => Class::Retry,
            Self::Database(_) | Self::Mls(_) | Self::Corrupt(_) | Self::Closed | Self::TooNew => {
                Class::Fatal
            }
        }
    }

    pub(crate) fn invalid(field: impl Into<String>, problem: impl Into<String>) -> Self {
        Self::Invalid {
            field: field.into(),
            problem: problem.into(),
        }
    }

    pub(crate) fn mls(error: impl std::fmt::Display) -> Self {
        Self::Mls(error.to_string())
    }
}

/// Short for results of the engine.
pub type Result<T, E = Error> = std::result::Result<T, E>;
