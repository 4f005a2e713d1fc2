//! Tasks, handovers, and what failed.

use relais_core::commands;
use relais_core::query;
use relais_core::schema::v1 as schema;
use relais_core::wire::ids::{EventId, ProfessionalId};

use super::Id;
use super::content::{Content, HandoverNote, Priority};
use crate::error::RelaisError;

/// A task to be created.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(
    feature = "web",
    derive(serde::Serialize, serde::Deserialize, ts_rs::TS),
    serde(rename_all = "camelCase")
)]
pub struct NewTask {
    /// What is to be done, in a line.
    pub title: String,
    /// The rest; may be empty.
    pub detail: String,
    /// Id of the member who is to do it; nothing when anyone may take it.
    pub owner: Option<String>,
    /// How urgent.
    pub priority: Priority,
    /// By when, milliseconds since the Unix epoch.
    pub due_ms: Option<u64>,
    /// Id of the event that it is about.
    pub about: Option<String>,
}

impl NewTask {
    pub(crate) fn core(self) -> Result<commands::NewTask, RelaisError> {
        let owner = self.owner.map(|id| ProfessionalId::parse(&id, "owner"));
        let about = self.about.map(|id| EventId::parse(&id, "about"));
        Ok(commands::NewTask {
            title: self.title,
            detail: self.detail,
            owner: owner.transpose()?,
            priority: self.priority.into(),
            due_ms: self.due_ms,
            linked_event: about.transpose()?,
        })
    }
}

/// Where a task stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
#[cfg_attr(
    feature = "web",
    derive(serde::Serialize, serde::Deserialize, ts_rs::TS),
    serde(rename_all = "camelCase")
)]
pub enum TaskStatus {
    /// Nobody has taken it.
    Open,
    /// Somebody does it.
    Taken,
    /// Done.
    Done,
    /// Declined; somebody else may take it.
    Declined,
}

/// A task.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(
    feature = "web",
    derive(serde::Serialize, serde::Deserialize, ts_rs::TS),
    serde(rename_all = "camelCase")
)]
pub struct CareTask {
    /// Its id.
    pub task: String,
    /// In a line.
    pub title: String,
    /// The rest; may be empty.
    pub detail: String,
    /// Id of who asked.
    pub requester: String,
    /// Id of who is to do it, if somebody was named.
    pub owner: Option<String>,
    /// How urgent.
    pub priority: Option<Priority>,
    /// By when, milliseconds since the Unix epoch.
    pub due_ms: Option<u64>,
    /// Where it stands.
    pub status: TaskStatus,
    /// Id of the event that it is about.
    pub about: Option<String>,
    /// When it was created, milliseconds since the Unix epoch.
    pub created_ms: u64,
    /// Id of who changed it last.
    pub actor: Option<String>,
    /// When, milliseconds since the Unix epoch: server time, the device's until it is sent.
    pub changed_ms: u64,
    /// Why it was declined; else empty.
    pub reason: String,
    /// Whether its last change has not been settled yet.
    pub pending: bool,
}

impl From<query::TaskRecord> for CareTask {
    fn from(task: query::TaskRecord) -> Self {
        Self {
            task: task.task.to_string(),
            title: task.title,
            detail: task.detail,
            requester: task.requester.to_string(),
            owner: task.owner.map(|id| id.to_string()),
            priority: Priority::of(task.priority),
            due_ms: task.due_ms,
            status: match task.status {
                query::TaskStatus::Open => TaskStatus::Open,
                query::TaskStatus::Taken => TaskStatus::Taken,
                query::TaskStatus::Done => TaskStatus::Done,
                query::TaskStatus::Declined => TaskStatus::Declined,
            },
            about: task.linked_event.map(|id| id.to_string()),
            created_ms: task.created_ms,
            actor: task.actor.map(|id| id.to_string()),
            changed_ms: task.changed_ms,
            reason: task.reason,
            pending: task.pending,
        }
    }
}

impl HandoverNote {
    pub(crate) fn core(self) -> Result<schema::HandoverNote, RelaisError> {
        let receiver = |id: &String| Ok(ProfessionalId::parse(id, "receivers")?.to_bytes());
        let receivers = self.receivers.iter().map(receiver);
        Ok(schema::HandoverNote {
            receivers: receivers.collect::<Result<_, RelaisError>>()?,
            request_kind: self
                .request_kind
                .map(|kind| schema::RequestKind::from(kind).into())
                .unwrap_or_default(),
            deadline_ms: self.deadline_ms.unwrap_or_default(),
            situation: self.situation,
            background: self.background,
            assessment: self.assessment,
            request: self.request,
        })
    }
}

/// Somebody whose acknowledgement completes a handover.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(
    feature = "web",
    derive(serde::Serialize, serde::Deserialize, ts_rs::TS),
    serde(rename_all = "camelCase")
)]
pub struct HandoverReceiver {
    /// Id of the person.
    pub person: String,
    /// Server time of the acknowledgement, milliseconds since the Unix epoch.
    pub acknowledged_ms: Option<u64>,
    /// The receiver's own words; may be empty.
    pub synthesis: String,
}

/// A handover with its acknowledgements.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(
    feature = "web",
    derive(serde::Serialize, serde::Deserialize, ts_rs::TS),
    serde(rename_all = "camelCase")
)]
pub struct Handover {
    /// Id of the note's event.
    pub event: String,
    /// Id of who hands over.
    pub author: String,
    /// Milliseconds since the Unix epoch: server time, the device's until it is sent.
    pub time_ms: u64,
    /// The note.
    pub note: HandoverNote,
    /// Those whose acknowledgement completes it.
    pub receivers: Vec<HandoverReceiver>,
    /// Whether everybody has acknowledged it.
    pub complete: bool,
}

impl From<query::HandoverRecord> for Handover {
    fn from(record: query::HandoverRecord) -> Self {
        let complete = record.is_complete();
        let receiver = |receiver: query::ReceiverRecord| HandoverReceiver {
            person: receiver.professional.to_string(),
            acknowledged_ms: receiver.acknowledged_ms,
            synthesis: receiver.synthesis,
        };
        Self {
            event: record.event.to_string(),
            author: record.author.to_string(),
            time_ms: record.time_ms,
            note: record.note.into(),
            receivers: record.receivers.into_iter().map(receiver).collect(),
            complete,
        }
    }
}

/// Something that failed and that the person has not decided on.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(
    feature = "web",
    derive(serde::Serialize, serde::Deserialize, ts_rs::TS),
    serde(rename_all = "camelCase")
)]
pub struct FailedAct {
    /// For `Relais.retry` and `Relais.discard`.
    pub number: i64,
    /// Id of its thread; nothing for invitations and keys.
    pub thread: Option<String>,
    /// `event`, `create`, `members`, `renew`, `statements`, `key_packages` or `sealed`.
    pub act: String,
    /// What it says, when it is an event.
    pub content: Option<Content>,
    /// Why it failed, in English, for a developer.
    pub reason: String,
    /// When the person did it, by this device's clock, milliseconds since the Unix epoch.
    pub created_ms: u64,
}

impl From<query::FailedRecord> for FailedAct {
    fn from(record: query::FailedRecord) -> Self {
        Self {
            number: record.number,
            thread: record.channel.map(|id| id.to_string()),
            act: record.act,
            content: record.event.map(|(_, kind)| (*kind).into()),
            reason: record.reason,
            created_ms: record.created_ms,
        }
    }
}
