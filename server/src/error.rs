//! Which refusal a device hears for each inner error, in one place. Whatever is in
//! doubt refuses (requirement W7).

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use prost::Message;
use relais_wire::RefusalCode;
use relais_wire::ids::IdLength;
use relais_wire::label::SignatureError;
use relais_wire::mls::MlsFormatError;
use relais_wire::roster::RuleBroken;
use relais_wire::structure::StatementError;
use relais_wire::v1::Refusal;

use crate::store::StoreError;

/// A request that is not carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refused(pub RefusalCode);

impl From<RefusalCode> for Refused {
    fn from(code: RefusalCode) -> Self {
        Self(code)
    }
}

impl From<IdLength> for Refused {
    fn from(_: IdLength) -> Self {
        Self(RefusalCode::Malformed)
    }
}

impl From<prost::DecodeError> for Refused {
    fn from(_: prost::DecodeError) -> Self {
        Self(RefusalCode::Malformed)
    }
}

impl From<SignatureError> for Refused {
    fn from(_: SignatureError) -> Self {
        Self(RefusalCode::BadSignature)
    }
}

impl From<MlsFormatError> for Refused {
    fn from(_: MlsFormatError) -> Self {
        Self(RefusalCode::InvalidCommit)
    }
}

impl From<RuleBroken> for Refused {
    fn from(error: RuleBroken) -> Self {
        Self(match error {
            RuleBroken::NotMember => RefusalCode::Forbidden,
            _ => RefusalCode::RuleBroken,
        })
    }
}

impl From<StoreError> for Refused {
    fn from(error: StoreError) -> Self {
        // The text names files at most, never a device, channel or payload.
        tracing::error!(%error, "store");
        Self(RefusalCode::Unavailable)
    }
}

impl From<std::io::Error> for Refused {
    fn from(error: std::io::Error) -> Self {
        tracing::error!(kind = ?error.kind(), "blob input/output");
        Self(RefusalCode::Unavailable)
    }
}

impl From<StatementError> for Refused {
    fn from(error: StatementError) -> Self {
        Self(match error {
            StatementError::Malformed(_) => RefusalCode::Malformed,
            StatementError::Signature(_) => RefusalCode::BadSignature,
            StatementError::Foreign | StatementError::NotEntitled => RefusalCode::Forbidden,
            StatementError::Unknown => RefusalCode::NotFound,
            StatementError::AlreadySaid => RefusalCode::AlreadyExists,
            StatementError::InvitationInvalid => RefusalCode::InvitationInvalid,
            StatementError::OutOfOrder => RefusalCode::Unavailable,
            StatementError::TooMany | StatementError::Expired => RefusalCode::RuleBroken,
        })
    }
}

/// HTTP status of a refusal.
pub fn status(code: RefusalCode) -> StatusCode {
    use RefusalCode as R;
    match code {
        R::Unspecified => StatusCode::INTERNAL_SERVER_ERROR,
        R::Malformed | R::RuleBroken | R::InvalidCommit => StatusCode::BAD_REQUEST,
        R::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        R::BadSignature => StatusCode::UNAUTHORIZED,
        R::NotFound => StatusCode::NOT_FOUND,
        R::Forbidden | R::InvitationInvalid | R::DeviceRevoked | R::CloneSuspected => {
            StatusCode::FORBIDDEN
        }
        R::WrongEpoch
        | R::WrongEventCounter
        | R::StaleStructure
        | R::StaleSendCounter
        | R::AlreadyExists
        | R::Replaced
        | R::ChannelFull => StatusCode::CONFLICT,
        R::UnsupportedVersion => StatusCode::UPGRADE_REQUIRED,
        R::TooManyRequests => StatusCode::TOO_MANY_REQUESTS,
        R::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        R::NotYet => StatusCode::TOO_EARLY,
        R::Gone => StatusCode::GONE,
    }
}

/// A protobuf body.
pub fn protobuf(status: StatusCode, message: &impl Message) -> Response {
    let kind = [
        (header::CONTENT_TYPE, "application/x-protobuf"),
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (status, kind, message.encode_to_vec()).into_response()
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let refusal = Refusal {
            code: self.0.into(),
        };
        protobuf(status(self.0), &refusal)
    }
}
