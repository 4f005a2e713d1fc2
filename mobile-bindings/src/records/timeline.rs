//! A thread's timeline.

use relais_core::query::{self, TimelineBody};
use relais_core::wire::ids::EventId;

use super::Id;
use super::content::Content;
use crate::error::RelaisError;

/// The true state of an item.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
#[cfg_attr(
    feature = "web",
    derive(serde::Serialize, serde::Deserialize, ts_rs::TS),
    serde(
        tag = "type",
        rename_all = "camelCase",
        rename_all_fields = "camelCase"
    )
)]
pub enum ItemState {
    /// On this device only; it leaves when it can.
    Waiting,
    /// On its way: the server has not answered yet.
    InFlight,
    /// In the thread's log.
    Sent {
        /// Members who have it on a device.
        to: u32,
        /// Members beside the author.
        of: u32,
    },
    /// The server lost it when it was restored from a backup; it is said again.
    Lost,
    /// Refused or given up: the person sends it again or lets go of it.
    Failed {
        /// For `Relais.retry` and `Relais.discard`.
        number: i64,
        /// Why, in English, for a developer.
        reason: String,
    },
}

/// What an item says.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
#[cfg_attr(
    feature = "web",
    derive(serde::Serialize, serde::Deserialize, ts_rs::TS),
    serde(
        tag = "type",
        rename_all = "camelCase",
        rename_all_fields = "camelCase"
    )
)]
#[expect(
    clippy::large_enum_variant,
    reason = "a box cannot cross; nearly all items are events"
)]
pub enum ItemBody {
    /// Somebody's signed event.
    Event {
        /// Its id.
        event: String,
        /// What it says.
        content: Content,
    },
    /// What the log itself says.
    Notice {
        /// `created`, `added`, `removed`, `role`, `device_added`, `device_removed`, `joined`,
        /// `rejoined`, `rebooted`, `quarantined`, `restored`, `omitted` or `missing`.
        kind: String,
        /// Id of the person whom it concerns.
        person: String,
        /// Role, device or reason, in English.
        detail: String,
    },
    /// A change of the circle that has not been carried out.
    CircleChange {
        /// Ids of people who are being added.
        added: Vec<String>,
        /// Ids of people who are being removed.
        removed: Vec<String>,
    },
}

/// One item of a timeline.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(
    feature = "web",
    derive(serde::Serialize, serde::Deserialize, ts_rs::TS),
    serde(rename_all = "camelCase")
)]
pub struct TimelineItem {
    /// Place in the log; nothing while it is not settled.
    pub seq: Option<u64>,
    /// Server time, milliseconds since the Unix epoch; the device's while it is not settled.
    pub time_ms: u64,
    /// Id of who acted.
    pub author: String,
    /// Their name, as far as it is known here.
    pub author_name: String,
    /// Its true state.
    pub state: ItemState,
    /// What it says.
    pub body: ItemBody,
}

/// A part of a timeline, oldest item first.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(
    feature = "web",
    derive(serde::Serialize, serde::Deserialize, ts_rs::TS),
    serde(rename_all = "camelCase")
)]
pub struct TimelinePage {
    /// The items. Those that are not settled come last, on the last page only.
    pub items: Vec<TimelineItem>,
    /// Where the next older page ends, for `Relais.timeline_before`; nothing when this is the
    /// oldest.
    pub before_seq: Option<u64>,
}

/// Where a window of a timeline is.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
#[cfg_attr(
    feature = "web",
    derive(serde::Serialize, serde::Deserialize, ts_rs::TS),
    serde(
        tag = "type",
        rename_all = "camelCase",
        rename_all_fields = "camelCase"
    )
)]
pub enum TimelineAt {
    /// Around the first entry of somebody else that the person has not read; the end where
    /// there is none.
    FirstUnread,
    /// Around an event.
    Event {
        /// Its id.
        event: String,
    },
    /// After an entry: what comes next.
    After {
        /// Its place in the log.
        seq: u64,
    },
}

impl TimelineAt {
    pub(crate) fn core(self) -> Result<query::TimelineAt, RelaisError> {
        Ok(match self {
            Self::FirstUnread => query::TimelineAt::FirstUnread,
            Self::Event { event } => query::TimelineAt::Event(EventId::parse(&event, "event")?),
            Self::After { seq } => query::TimelineAt::After(seq),
        })
    }
}

/// A part of a timeline around a place, oldest item first.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(
    feature = "web",
    derive(serde::Serialize, serde::Deserialize, ts_rs::TS),
    serde(rename_all = "camelCase")
)]
pub struct TimelineWindow {
    /// The items. Those that are not settled come last, when these reach the end.
    pub items: Vec<TimelineItem>,
    /// The entry that was asked for: the event's, or the first unread one.
    pub at_seq: Option<u64>,
    /// For `Relais.timeline_before`: where the next older page ends; nothing when these are
    /// the oldest.
    pub before_seq: Option<u64>,
    /// For `TimelineAt::After`: where the next newer page begins; nothing when these are the
    /// newest.
    pub after_seq: Option<u64>,
}

impl From<query::TimelineWindow> for TimelineWindow {
    fn from(window: query::TimelineWindow) -> Self {
        Self {
            items: window.items.into_iter().map(Into::into).collect(),
            at_seq: window.at_seq,
            before_seq: window.before_seq,
            after_seq: window.after_seq,
        }
    }
}

impl From<query::EventState> for ItemState {
    fn from(state: query::EventState) -> Self {
        match state {
            query::EventState::Waiting => Self::Waiting,
            query::EventState::InFlight => Self::InFlight,
            query::EventState::Sent { to, of } => Self::Sent { to, of },
            query::EventState::Lost => Self::Lost,
            query::EventState::Failed { number, reason } => Self::Failed { number, reason },
        }
    }
}

impl From<TimelineBody> for ItemBody {
    fn from(body: TimelineBody) -> Self {
        let texts = |ids: Vec<relais_core::wire::ids::ProfessionalId>| {
            ids.iter().map(ToString::to_string).collect()
        };
        match body {
            TimelineBody::Event(event, kind) => Self::Event {
                event: event.to_string(),
                content: (*kind).into(),
            },
            TimelineBody::Notice {
                kind,
                subject,
                detail,
            } => Self::Notice {
                kind,
                person: subject.to_string(),
                detail,
            },
            TimelineBody::CircleChange { added, removed } => Self::CircleChange {
                added: texts(added),
                removed: texts(removed),
            },
        }
    }
}

impl From<query::TimelineItem> for TimelineItem {
    fn from(item: query::TimelineItem) -> Self {
        Self {
            seq: item.seq,
            time_ms: item.time_ms,
            author: item.author.to_string(),
            author_name: item.author_name,
            state: item.state.into(),
            body: item.body.into(),
        }
    }
}
