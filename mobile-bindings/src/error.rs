//! The errors that cross to an app: what to do next, a code and a key for its translation.
//! What lies behind them stays here.

use relais_core::{Class, Error};

/// Why a call failed. Nothing of it was kept, unless it says so. The variant tells what to
/// do next; `code` is stable and names the reason; `key` names the text to show.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Error))]
#[cfg_attr(
    feature = "web",
    derive(serde::Serialize, serde::Deserialize, ts_rs::TS),
    serde(
        tag = "type",
        rename_all = "camelCase",
        rename_all_fields = "camelCase"
    )
)]
pub enum RelaisError {
    /// Trying again later can succeed. After the code `timeout` it is not known yet what
    /// became of the call: read the state again before repeating it.
    #[error("{code}")]
    Retry {
        /// Stable code of the reason.
        code: String,
        /// Key of the text to show.
        key: String,
    },
    /// The person corrects what they entered, or may not do this.
    #[error("{code}")]
    Rejected {
        /// Stable code of the reason.
        code: String,
        /// Key of the text to show.
        key: String,
        /// The field that is wrong, as in the call or its record.
        field: Option<String>,
    },
    /// This device goes on with a new invitation, or returns under another id.
    #[error("{code}")]
    ReEnrol {
        /// Stable code of the reason.
        code: String,
        /// Key of the text to show.
        key: String,
    },
    /// A newer version of the app is needed.
    #[error("{code}")]
    UpdateNeeded {
        /// Stable code of the reason.
        code: String,
        /// Key of the text to show.
        key: String,
    },
    /// The app cannot go on with this object: close it, tell the person, open it again.
    #[error("{code}")]
    Fatal {
        /// Stable code of the reason.
        code: String,
        /// Key of the text to show.
        key: String,
    },
}

fn key(code: &str) -> String {
    format!("error.{code}")
}

impl RelaisError {
    /// The stable code of the reason.
    pub fn code(&self) -> &str {
        match self {
            Self::Retry { code, .. }
            | Self::Rejected { code, .. }
            | Self::ReEnrol { code, .. }
            | Self::UpdateNeeded { code, .. }
            | Self::Fatal { code, .. } => code,
        }
    }

    pub(crate) fn retry(code: &str) -> Self {
        Self::Retry {
            code: code.to_owned(),
            key: key(code),
        }
    }

    pub(crate) fn invalid(field: &str) -> Self {
        Self::Rejected {
            code: "invalid".to_owned(),
            key: key("invalid"),
            field: Some(field.to_owned()),
        }
    }

    pub(crate) fn re_enrol(code: &str) -> Self {
        Self::ReEnrol {
            code: code.to_owned(),
            key: key(code),
        }
    }

    pub(crate) fn fatal(code: &str) -> Self {
        Self::Fatal {
            code: code.to_owned(),
            key: key(code),
        }
    }
}

impl From<Error> for RelaisError {
    fn from(error: Error) -> Self {
        // These reasons are sentences of the program's own: they name nobody.
        match &error {
            Error::NotYet(why) | Error::Unknown(why) => {
                tracing::debug!(code = *why, "a call was refused");
            }
            other => tracing::debug!(code = other.code(), "a call failed"),
        }
        let code = match &error {
            Error::NotEnrolled => return Self::re_enrol(error.code()),
            Error::Recovery(inner) => inner.code().to_owned(),
            Error::Photo(inner) => inner.code().to_owned(),
            Error::NotAllowed(denial) => denial.code().to_owned(),
            _ => error.code().to_owned(),
        };
        let key = key(&code);
        match (error.class(), error) {
            (_, Error::TooNew) => Self::UpdateNeeded { code, key },
            (Class::Retry, _) => Self::Retry { code, key },
            (Class::UserError, Error::Invalid { field, .. }) => Self::Rejected {
                code,
                key,
                field: Some(field),
            },
            (Class::UserError, _) => Self::Rejected {
                code,
                key,
                field: None,
            },
            (Class::Reenrol, _) => Self::ReEnrol { code, key },
            (Class::Fatal, _) => Self::Fatal { code, key },
        }
    }
}

/// Why something that the app implements failed. An exception that is none of these
/// becomes `Unexpected`; its text and stack are dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Error))]
#[cfg_attr(
    feature = "web",
    derive(serde::Serialize, serde::Deserialize, ts_rs::TS),
    serde(rename_all = "camelCase")
)]
pub enum PlatformError {
    /// The store is locked: the person has not unlocked the phone since it started.
    #[error("locked")]
    Locked,
    /// The store is not there or broken.
    #[error("unavailable")]
    Unavailable,
    /// Anything else.
    #[error("unexpected")]
    Unexpected,
}

#[cfg(feature = "uniffi")]
impl From<uniffi::UnexpectedUniFFICallbackError> for PlatformError {
    fn from(_: uniffi::UnexpectedUniFFICallbackError) -> Self {
        Self::Unexpected
    }
}

impl From<PlatformError> for RelaisError {
    fn from(error: PlatformError) -> Self {
        match error {
            PlatformError::Locked => Self::retry("secret_store_locked"),
            PlatformError::Unavailable => Self::retry("secret_store_unavailable"),
            PlatformError::Unexpected => Self::fatal("platform"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_behind_an_error_does_not_cross() {
        let secret = "Mme Durand, talon gauche";
        let invalid = Error::Invalid {
            field: "title".to_owned(),
            problem: secret.to_owned(),
        };
        for error in [
            invalid,
            Error::Mls(secret.to_owned()),
            Error::Link(secret.to_owned()),
        ] {
            let crossed = RelaisError::from(error);
            assert!(
                !format!("{crossed} {crossed:?}").contains("Durand"),
                "{crossed:?}"
            );
        }
    }

    #[test]
    fn the_variant_says_what_to_do_next() {
        let newer = RelaisError::from(Error::TooNew);
        assert!(
            matches!(newer, RelaisError::UpdateNeeded { .. }),
            "{newer:?}"
        );
        let frozen = RelaisError::from(Error::Frozen);
        assert!(matches!(frozen, RelaisError::ReEnrol { .. }), "{frozen:?}");
        let busy = RelaisError::from(Error::Busy);
        assert_eq!(busy, RelaisError::retry("busy"));
        let field = RelaisError::from(Error::Invalid {
            field: "text".to_owned(),
            problem: "is empty".to_owned(),
        });
        assert_eq!(field, RelaisError::invalid("text"));
    }
}
