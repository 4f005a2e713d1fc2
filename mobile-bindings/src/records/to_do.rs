//! What there is to do, across threads.

use relais_core::query;
use relais_core::schema::v1 as schema;

use super::content::Content;
use super::header::{CalendarDate, IdentityStatus, PatientHeader};
use super::tasks::CareTask;

/// Of whom something is, in a line.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(
    feature = "web",
    derive(serde::Serialize, serde::Deserialize, ts_rs::TS),
    serde(rename_all = "camelCase")
)]
pub struct PatientBrief {
    /// The name that they use; may be empty.
    pub used_name: String,
    /// Name at birth.
    pub birth_name: String,
    /// Given names at birth.
    pub birth_given_names: Vec<String>,
    /// Date of birth, as far as it is known.
    pub birth_date: Option<CalendarDate>,
    /// How far the identity is established.
    pub identity_status: Option<IdentityStatus>,
}

impl From<schema::PatientHeader> for PatientBrief {
    fn from(header: schema::PatientHeader) -> Self {
        let header = PatientHeader::from(header);
        Self {
            used_name: header.used_name,
            birth_name: header.birth_name,
            birth_given_names: header.birth_given_names,
            birth_date: header.birth_date,
            identity_status: header.identity_status,
        }
    }
}

/// What there is to do.
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
pub enum ToDoSubject {
    /// A task.
    Task {
        /// The task.
        task: CareTask,
    },
    /// An event.
    Event {
        /// What it says; of a photo the row has the thumbnail.
        content: Content,
    },
}

/// One thing to do.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(
    feature = "web",
    derive(serde::Serialize, serde::Deserialize, ts_rs::TS),
    serde(rename_all = "camelCase")
)]
pub struct ToDoRow {
    /// Id of the thread.
    pub thread: String,
    /// Title of the thread.
    pub title: String,
    /// Of whom it is, once somebody wrote it.
    pub patient: Option<PatientBrief>,
    /// What it is.
    pub subject: ToDoSubject,
    /// Id of its event, or of the one that a task is about.
    pub event: Option<String>,
    /// Id of who asks or says it.
    pub by: String,
    /// Their name.
    pub by_name: String,
    /// Code of their profession in TRE_G15; 0 for a lay person, nothing while it is not known.
    pub by_profession: Option<u32>,
    /// When, milliseconds since the Unix epoch.
    pub time_ms: u64,
    /// Until when, milliseconds since the Unix epoch.
    pub until_ms: Option<u64>,
    /// A small JPEG of the photo that it is, or is about.
    #[cfg_attr(
        feature = "web",
        serde(default, with = "serde_bytes"),
        ts(type = "Uint8Array | null")
    )]
    pub thumbnail: Option<Vec<u8>>,
    /// Other members who have it on a device.
    pub delivered: u32,
    /// Other members who have read so far.
    pub read: u32,
    /// Other members.
    pub of: u32,
    /// What is unread in the thread, counted to 1,000.
    pub unread: u64,
}

impl From<query::ToDoRow> for ToDoRow {
    fn from(row: query::ToDoRow) -> Self {
        Self {
            thread: row.channel.to_string(),
            title: row.title,
            patient: row.patient.map(Into::into),
            subject: match row.subject {
                query::Subject::Task(task) => ToDoSubject::Task { task: task.into() },
                query::Subject::Event(kind) => ToDoSubject::Event {
                    content: (*kind).into(),
                },
            },
            event: row.event.map(|id| id.to_string()),
            by: row.by.to_string(),
            by_name: row.by_name,
            by_profession: row.by_profession,
            time_ms: row.time_ms,
            until_ms: row.until_ms,
            thumbnail: row.thumbnail.map(Into::into),
            delivered: row.delivered,
            read: row.read,
            of: row.of,
            unread: row.unread,
        }
    }
}

/// What there is to do, across threads.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(
    feature = "web",
    derive(serde::Serialize, serde::Deserialize, ts_rs::TS),
    serde(rename_all = "camelCase")
)]
pub struct ToDo {
    /// Urgent, and nobody has taken it: tasks, and messages of others. Reading does not take
    /// it away.
    pub urgent: Vec<ToDoRow>,
    /// Waits for this person: handovers to acknowledge, tasks that are theirs.
    pub to_answer: Vec<ToDoRow>,
    /// Threads with something unread, by their last event.
    pub rest: Vec<ToDoRow>,
    /// Whether there are more of the rest.
    pub more: bool,
}

impl From<query::ToDo> for ToDo {
    fn from(to_do: query::ToDo) -> Self {
        let rows = |rows: Vec<query::ToDoRow>| rows.into_iter().map(Into::into).collect();
        Self {
            urgent: rows(to_do.urgent),
            to_answer: rows(to_do.to_answer),
            rest: rows(to_do.rest),
            more: to_do.more,
        }
    }
}

/// A task with its thread.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(
    feature = "web",
    derive(serde::Serialize, serde::Deserialize, ts_rs::TS),
    serde(rename_all = "camelCase")
)]
pub struct PlacedTask {
    /// Id of the thread.
    pub thread: String,
    /// Title of the thread.
    pub title: String,
    /// Of whom it is, once somebody wrote it.
    pub patient: Option<PatientBrief>,
    /// The task.
    pub task: CareTask,
}

impl From<query::PlacedTask> for PlacedTask {
    fn from(placed: query::PlacedTask) -> Self {
        Self {
            thread: placed.channel.to_string(),
            title: placed.title,
            patient: placed.patient.map(Into::into),
            task: placed.task.into(),
        }
    }
}
