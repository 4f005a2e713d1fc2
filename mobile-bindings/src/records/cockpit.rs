//! What a coordinator looks after.

use relais_core::query;

use super::to_do::{PatientBrief, PlacedTask, ToDoRow};

/// What a coordinator looks after, in the threads that they are in.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(
    feature = "web",
    derive(serde::Serialize, serde::Deserialize, ts_rs::TS),
    serde(rename_all = "camelCase")
)]
pub struct Cockpit {
    /// Urgent, and nobody has taken it; one's own messages too.
    pub urgent: Vec<ToDoRow>,
    /// Tasks that are late, by due date.
    pub overdue: Vec<PlacedTask>,
    /// Threads in which nothing was said for seven days, the longest silent first.
    pub silent: Vec<SilentThread>,
    /// Memberships that end within fourteen days, the first to end first.
    pub ending: Vec<EndingMember>,
    /// Ids of members of these threads who have no device that may read.
    pub without_device: Vec<String>,
}

/// A thread in which nothing is said.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(
    feature = "web",
    derive(serde::Serialize, serde::Deserialize, ts_rs::TS),
    serde(rename_all = "camelCase")
)]
pub struct SilentThread {
    /// Id of the thread.
    pub thread: String,
    /// Title of the thread.
    pub title: String,
    /// Of whom it is, once somebody wrote it.
    pub patient: Option<PatientBrief>,
    /// Server time of the last event, milliseconds since the Unix epoch.
    pub last_ms: u64,
}

/// A membership that ends soon.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(
    feature = "web",
    derive(serde::Serialize, serde::Deserialize, ts_rs::TS),
    serde(rename_all = "camelCase")
)]
pub struct EndingMember {
    /// Id of the thread.
    pub thread: String,
    /// Title of the thread.
    pub title: String,
    /// Of whom it is, once somebody wrote it.
    pub patient: Option<PatientBrief>,
    /// Id of the member.
    pub person: String,
    /// Their name, as far as it is known here.
    pub name: String,
    /// When it ends, milliseconds since the Unix epoch.
    pub until_ms: u64,
}

impl From<query::Cockpit> for Cockpit {
    fn from(cockpit: query::Cockpit) -> Self {
        let silent = |thread: query::SilentThread| SilentThread {
            thread: thread.channel.to_string(),
            title: thread.title,
            patient: thread.patient.map(Into::into),
            last_ms: thread.last_ms,
        };
        let ending = |member: query::EndingMember| EndingMember {
            thread: member.channel.to_string(),
            title: member.title,
            patient: member.patient.map(Into::into),
            person: member.professional.to_string(),
            name: member.name,
            until_ms: member.expires_at_ms,
        };
        let without = cockpit.without_device.iter();
        Self {
            without_device: without.map(ToString::to_string).collect(),
            urgent: cockpit.urgent.into_iter().map(Into::into).collect(),
            overdue: cockpit.overdue.into_iter().map(Into::into).collect(),
            silent: cockpit.silent.into_iter().map(silent).collect(),
            ending: cockpit.ending.into_iter().map(ending).collect(),
        }
    }
}
