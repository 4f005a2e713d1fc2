//! Wounds with their series.

use relais_core::query;
use relais_core::wire::ids::BlobId;

use super::assessment::{Assessment, BodyPlace, BodySite, WoundOrigin};
use super::header::CalendarDate;
use super::optional_id;

/// Whether a wound is followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
#[cfg_attr(
    feature = "web",
    derive(serde::Serialize, serde::Deserialize, ts_rs::TS),
    serde(rename_all = "camelCase")
)]
pub enum WoundStatus {
    /// It is followed.
    Open,
    /// It has healed.
    Healed,
    /// It is followed no more, for another reason.
    Closed,
}

/// The PUSH score (PUSH Tool 3.0): shown to compare a wound with itself, never advice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(
    feature = "web",
    derive(serde::Serialize, serde::Deserialize, ts_rs::TS),
    serde(rename_all = "camelCase")
)]
pub struct PushScore {
    /// Length by width, 0 to 10.
    pub surface: u8,
    /// Amount of exudate, 0 to 3.
    pub exudate: u8,
    /// The worst tissue that is there, 0 to 4.
    pub tissue: u8,
    /// Together, 0 to 17.
    pub total: u8,
}

impl From<query::Push> for PushScore {
    fn from(push: query::Push) -> Self {
        Self {
            surface: push.surface,
            exudate: push.exudate,
            tissue: push.tissue,
            total: push.total(),
        }
    }
}

/// An assessment of a wound.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(
    feature = "web",
    derive(serde::Serialize, serde::Deserialize, ts_rs::TS),
    serde(rename_all = "camelCase")
)]
pub struct WoundAssessment {
    /// Id of its event.
    pub event: String,
    /// Id of who assessed.
    pub author: String,
    /// Milliseconds since the Unix epoch: server time, the device's until it is sent.
    pub time_ms: u64,
    /// What was found.
    pub found: Assessment,
    /// Where length, width, exudate and tissue are given.
    pub push: Option<PushScore>,
    /// Whether it has not been settled yet.
    pub pending: bool,
}

impl From<query::AssessmentRecord> for WoundAssessment {
    fn from(record: query::AssessmentRecord) -> Self {
        Self {
            event: record.event.to_string(),
            author: record.author.to_string(),
            time_ms: record.time_ms,
            found: record.found.into(),
            push: record.push.map(Into::into),
            pending: record.pending,
        }
    }
}

/// A photo of a wound's series.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(
    feature = "web",
    derive(serde::Serialize, serde::Deserialize, ts_rs::TS),
    serde(rename_all = "camelCase")
)]
pub struct WoundPhoto {
    /// Id of its event.
    pub event: String,
    /// Id of who took it.
    pub author: String,
    /// Milliseconds since the Unix epoch: server time, the device's until it is sent.
    pub time_ms: u64,
    /// Id of the original, for `Relais.photo`.
    pub photo: Option<String>,
    /// A small JPEG, long side at most 320 pixels.
    #[cfg_attr(feature = "web", serde(with = "serde_bytes"), ts(type = "Uint8Array"))]
    pub thumbnail: Vec<u8>,
    /// Width of the original in pixels.
    pub width: u32,
    /// Height of the original in pixels.
    pub height: u32,
    /// What it shows, in words; may be empty.
    pub caption: String,
}

impl From<query::PhotoRecord> for WoundPhoto {
    fn from(record: query::PhotoRecord) -> Self {
        let photo = record.photo;
        let original = photo.original.as_ref();
        Self {
            event: record.event.to_string(),
            author: record.author.to_string(),
            time_ms: record.time_ms,
            photo: original.and_then(|blob| optional_id::<BlobId>(&blob.blob_id)),
            thumbnail: photo.thumbnail.into(),
            width: photo.width,
            height: photo.height,
            caption: photo.caption,
        }
    }
}

/// A wound, with the last that is known of it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(
    feature = "web",
    derive(serde::Serialize, serde::Deserialize, ts_rs::TS),
    serde(rename_all = "camelCase")
)]
pub struct Wound {
    /// Its id.
    pub wound: String,
    /// What caused it.
    pub origin: Option<WoundOrigin>,
    /// Since when; month and day may be 0.
    pub onset: Option<CalendarDate>,
    /// Where on the body.
    pub site: Option<BodySite>,
    /// Where it is drawn on the body map.
    pub place: Option<BodyPlace>,
    /// Id of who opened it.
    pub author: String,
    /// When, milliseconds since the Unix epoch.
    pub opened_ms: u64,
    /// Whether it is followed.
    pub status: WoundStatus,
    /// Id of who closed or reopened it last.
    pub actor: Option<String>,
    /// When that was, or it was opened, milliseconds since the Unix epoch.
    pub changed_ms: u64,
    /// Why it was closed without being healed; else empty.
    pub reason: String,
    /// How often it was assessed.
    pub assessments: u64,
    /// The last assessment.
    pub latest: Option<WoundAssessment>,
    /// The last photo of its series: what the next one is laid over.
    pub last_photo: Option<WoundPhoto>,
    /// Whether something of it has not been settled yet.
    pub pending: bool,
}

impl From<query::WoundRecord> for Wound {
    fn from(record: query::WoundRecord) -> Self {
        let opened = record.opened;
        Self {
            wound: record.wound.to_string(),
            origin: WoundOrigin::of(opened.origin()),
            onset: opened.onset.map(Into::into),
            site: opened.site.map(Into::into),
            place: opened.place.and_then(BodyPlace::of),
            author: record.author.to_string(),
            opened_ms: record.opened_ms,
            status: match record.status {
                query::WoundStatus::Open => WoundStatus::Open,
                query::WoundStatus::Healed => WoundStatus::Healed,
                query::WoundStatus::Closed => WoundStatus::Closed,
            },
            actor: record.actor.map(|id| id.to_string()),
            changed_ms: record.changed_ms,
            reason: record.reason,
            assessments: record.assessments,
            latest: record.latest.map(Into::into),
            last_photo: record.last_photo.map(Into::into),
            pending: record.pending,
        }
    }
}

/// A change of area, between two that were found in the same way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(
    feature = "web",
    derive(serde::Serialize, serde::Deserialize, ts_rs::TS),
    serde(rename_all = "camelCase")
)]
pub struct AreaChange {
    /// In mm²; negative when it has become smaller.
    pub mm2: i64,
    /// In per cent of the earlier area; nothing when that was zero.
    pub percent: Option<i64>,
}

impl From<query::AreaChange> for AreaChange {
    fn from(change: query::AreaChange) -> Self {
        let query::AreaChange { mm2, percent } = change;
        Self { mm2, percent }
    }
}

/// One assessment in a wound's series.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(
    feature = "web",
    derive(serde::Serialize, serde::Deserialize, ts_rs::TS),
    serde(rename_all = "camelCase")
)]
pub struct WoundStep {
    /// The assessment.
    pub assessment: WoundAssessment,
    /// The photo that its numbers were taken from, where this device holds it.
    pub photo: Option<WoundPhoto>,
    /// How the area has changed since the assessment before that can be compared.
    pub since_previous: Option<AreaChange>,
    /// How the area has changed since the first assessment that can be compared.
    pub since_first: Option<AreaChange>,
}

/// A wound with everything that was found of it, the oldest first.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(
    feature = "web",
    derive(serde::Serialize, serde::Deserialize, ts_rs::TS),
    serde(rename_all = "camelCase")
)]
pub struct WoundSeries {
    /// The wound.
    pub wound: Wound,
    /// Its assessments.
    pub steps: Vec<WoundStep>,
    /// All of its photos, assessed or not.
    pub photos: Vec<WoundPhoto>,
}

impl From<query::WoundSeries> for WoundSeries {
    fn from(series: query::WoundSeries) -> Self {
        let step = |step: query::SeriesStep| WoundStep {
            assessment: step.assessment.into(),
            photo: step.photo.map(Into::into),
            since_previous: step.since_previous.map(Into::into),
            since_first: step.since_first.map(Into::into),
        };
        Self {
            wound: series.wound.into(),
            steps: series.steps.into_iter().map(step).collect(),
            photos: series.photos.into_iter().map(Into::into).collect(),
        }
    }
}
