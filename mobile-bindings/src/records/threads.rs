//! Threads and their circles.

use relais_core::commands;
use relais_core::history::{self, HistoryChoice};
use relais_core::query;
use relais_core::schema::v1 as schema;
use relais_core::wire::ids::ProfessionalId;
use relais_core::wire::v1::ChannelRole;

use super::Id;
use super::content::{Basis, Content};
use super::header::{CalendarDate, PatientHeader};
use super::people::Verification;
use crate::error::RelaisError;

/// Whether a thread can be used on this device.
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
pub enum ThreadState {
    /// Opened here; the server does not know it yet.
    Creating,
    /// The person is a member.
    Joined,
    /// The membership is over: nothing written now arrives here.
    Ended,
    /// On its way back into the thread; nothing is lost.
    Rejoining {
        /// Why, in English, for a developer.
        reason: String,
    },
    /// Removed by a manager; what was received stays readable.
    Removed,
    /// The thread cannot go on.
    Stopped {
        /// Why, in English, for a developer.
        reason: String,
    },
}

/// A thread in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(
    feature = "web",
    derive(serde::Serialize, serde::Deserialize, ts_rs::TS),
    serde(rename_all = "camelCase")
)]
pub struct ThreadSummary {
    /// Its id, by which calls name it.
    pub thread: String,
    /// Its title.
    pub title: String,
    /// Whether it can be used.
    pub state: ThreadState,
    /// Last entry of the log that this device read.
    pub seq: u64,
    /// Where this device's knowledge of the log begins.
    pub joined_seq: u64,
    /// Entries of others after the person's read marker.
    pub unread: u64,
    /// Tasks that are open or taken.
    pub open_tasks: u64,
    /// Server time of the last event, milliseconds since the Unix epoch.
    pub last_ms: u64,
}

impl From<query::ThreadRecord> for ThreadSummary {
    fn from(thread: query::ThreadRecord) -> Self {
        Self {
            thread: thread.channel.to_string(),
            title: thread.title,
            state: match thread.state {
                query::ThreadState::Creating => ThreadState::Creating,
                query::ThreadState::Joined => ThreadState::Joined,
                query::ThreadState::Ended => ThreadState::Ended,
                query::ThreadState::Rejoining(reason) => ThreadState::Rejoining { reason },
                query::ThreadState::Removed => ThreadState::Removed,
                query::ThreadState::Stopped(reason) => ThreadState::Stopped { reason },
            },
            seq: thread.seq,
            joined_seq: thread.joined_seq,
            unread: thread.unread,
            open_tasks: thread.open_tasks,
            last_ms: thread.last_ms,
        }
    }
}

/// What a member may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
#[cfg_attr(
    feature = "web",
    derive(serde::Serialize, serde::Deserialize, ts_rs::TS),
    serde(rename_all = "camelCase")
)]
pub enum MemberRole {
    /// Changes the circle, and writes.
    Manager,
    /// Writes.
    Contributor,
    /// Reads.
    Reader,
}

impl MemberRole {
    fn of(role: ChannelRole) -> Option<Self> {
        match role {
            ChannelRole::Manager => Some(Self::Manager),
            ChannelRole::Contributor => Some(Self::Contributor),
            ChannelRole::Reader => Some(Self::Reader),
            ChannelRole::Unspecified => None,
        }
    }
}

impl From<MemberRole> for ChannelRole {
    fn from(role: MemberRole) -> Self {
        match role {
            MemberRole::Manager => Self::Manager,
            MemberRole::Contributor => Self::Contributor,
            MemberRole::Reader => Self::Reader,
        }
    }
}

/// A member of a thread's circle.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(
    feature = "web",
    derive(serde::Serialize, serde::Deserialize, ts_rs::TS),
    serde(rename_all = "camelCase")
)]
pub struct Member {
    /// Id of the person.
    pub person: String,
    /// Their name, as far as it is known here.
    pub name: String,
    /// What they may do.
    pub role: Option<MemberRole>,
    /// End of the membership, milliseconds since the Unix epoch.
    pub expires_at_ms: Option<u64>,
    /// Why they are in the circle: always a `MembershipNote`.
    pub note: Option<Content>,
    /// Whether a coordinator has confirmed their enrolment.
    pub confirmed: bool,
    /// Whether their keys were compared on this device.
    pub verification: Verification,
    /// Last entry of the log that they have read.
    pub read_seq: u64,
    /// Whether what is written reaches them.
    pub reachability: Reachability,
}

/// Whether what is written reaches a member: as the server said last, so as old as this
/// device's connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
pub enum Reachability {
    /// One of their devices has everything.
    UpToDate,
    /// None of their devices has received anything since.
    Behind {
        /// The last entry of the log that one of them has.
        seq: u64,
        /// Server time of the first item that none of them has, milliseconds since the Unix
        /// epoch.
        since_ms: u64,
    },
    /// They have no device that may read: all were revoked, or nobody confirmed it.
    NoDevice,
}

impl From<query::Reachability> for Reachability {
    fn from(reachability: query::Reachability) -> Self {
        match reachability {
            query::Reachability::UpToDate => Self::UpToDate,
            query::Reachability::Behind { seq, since_ms } => Self::Behind { seq, since_ms },
            query::Reachability::NoDevice => Self::NoDevice,
        }
    }
}

impl From<query::MemberRecord> for Member {
    fn from(member: query::MemberRecord) -> Self {
        let note = |note| Content::from(schema::content::Kind::MembershipNote(note));
        Self {
            person: member.professional.to_string(),
            name: member.name,
            role: MemberRole::of(member.role),
            expires_at_ms: member.expires_at_ms,
            note: member.note.map(note),
            confirmed: member.confirmed,
            verification: member.verification.into(),
            read_seq: member.read_seq,
            reachability: member.reachability.into(),
        }
    }
}

/// How much of a thread's past a newcomer gets; everybody sees it in the thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
pub enum PastShared {
    /// Nothing but title and patient header.
    Nothing,
    /// Everything since a time.
    Since {
        /// Milliseconds since the Unix epoch, by the server's clock.
        since_ms: u64,
    },
    /// The circle, open work and the latest messages.
    Summary,
    /// Everything.
    Everything,
}

impl From<PastShared> for HistoryChoice {
    fn from(past: PastShared) -> Self {
        match past {
            PastShared::Nothing => Self::None,
            PastShared::Since { since_ms } => Self::Since(since_ms),
            PastShared::Summary => Self::Summary,
            PastShared::Everything => Self::All,
        }
    }
}

/// Somebody to be added to a thread, or whose role or end changes.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(
    feature = "web",
    derive(serde::Serialize, serde::Deserialize, ts_rs::TS),
    serde(rename_all = "camelCase")
)]
pub struct NewMember {
    /// Id of the person.
    pub person: String,
    /// What they may do.
    pub role: MemberRole,
    /// End of the membership, milliseconds since the Unix epoch.
    pub expires_at_ms: Option<u64>,
    /// Their role in the circle in words; empty for the name of their profession.
    pub role_text: String,
    /// On what basis they are in the circle.
    pub basis: Basis,
    /// Day of the consent, when that is the basis.
    pub consent_date: Option<CalendarDate>,
    /// What of the past is shared with them.
    pub past: PastShared,
}

impl NewMember {
    pub(crate) fn core(self) -> Result<commands::NewMember, RelaisError> {
        Ok(commands::NewMember {
            professional: ProfessionalId::parse(&self.person, "person")?,
            role: self.role.into(),
            expires_at_ms: self.expires_at_ms,
            role_text: self.role_text,
            basis: self.basis.into(),
            consent_date: self.consent_date.map(Into::into),
            history: self.past.into(),
        })
    }
}

/// A thread to be opened.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(
    feature = "web",
    derive(serde::Serialize, serde::Deserialize, ts_rs::TS),
    serde(rename_all = "camelCase")
)]
pub struct NewThread {
    /// Its title; never leaves the devices unencrypted.
    pub title: String,
    /// The patient, if known already.
    pub header: Option<PatientHeader>,
    /// The circle beside the person who opens it.
    pub members: Vec<NewMember>,
}

impl NewThread {
    pub(crate) fn core(self) -> Result<commands::NewThread, RelaisError> {
        let members = self.members.into_iter().map(NewMember::core);
        Ok(commands::NewThread {
            title: self.title,
            header: self.header.map(Into::into),
            members: members.collect::<Result<_, _>>()?,
        })
    }
}

/// The patient header in force.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(
    feature = "web",
    derive(serde::Serialize, serde::Deserialize, ts_rs::TS),
    serde(rename_all = "camelCase")
)]
pub struct HeaderVersion {
    /// Id of who wrote this version.
    pub author: String,
    /// Server time of this version, milliseconds since the Unix epoch.
    pub time_ms: u64,
    /// The header.
    pub header: PatientHeader,
}

impl From<query::HeaderRecord> for HeaderVersion {
    fn from(record: query::HeaderRecord) -> Self {
        Self {
            author: record.author.to_string(),
            time_ms: record.time_ms,
            header: record.header.into(),
        }
    }
}

/// A stretch of a thread that this device misses.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(
    feature = "web",
    derive(serde::Serialize, serde::Deserialize, ts_rs::TS),
    serde(rename_all = "camelCase")
)]
pub struct MissingStretch {
    /// Last entry before it.
    pub after_seq: u64,
    /// Its last entry.
    pub until_seq: u64,
    /// Id of the colleague who was asked last.
    pub asked: Option<String>,
    /// Whether everybody was asked and nobody has it.
    pub given_up: bool,
}

/// A stretch of the past on its way here.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(
    feature = "web",
    derive(serde::Serialize, serde::Deserialize, ts_rs::TS),
    serde(rename_all = "camelCase")
)]
pub struct ArrivingStretch {
    /// Id of who shares it.
    pub from: Option<String>,
    /// Its first entry.
    pub first_seq: u64,
    /// Its last entry.
    pub last_seq: u64,
    /// Why nothing of it is shown, if it did not hold; in English, for a developer.
    pub refused: Option<String>,
}

/// A stretch of the past on its way to somebody.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(
    feature = "web",
    derive(serde::Serialize, serde::Deserialize, ts_rs::TS),
    serde(rename_all = "camelCase")
)]
pub struct SharedStretch {
    /// Id of the person.
    pub with: String,
    /// Why it cannot go on; in English, for a developer.
    pub failed: Option<String>,
}

/// What is missing, arrives and is shared in a thread.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(
    feature = "web",
    derive(serde::Serialize, serde::Deserialize, ts_rs::TS),
    serde(rename_all = "camelCase")
)]
pub struct ThreadPast {
    /// What this device misses.
    pub missing: Vec<MissingStretch>,
    /// What is on its way here.
    pub arriving: Vec<ArrivingStretch>,
    /// What is on its way to others.
    pub sharing: Vec<SharedStretch>,
}

impl From<history::HistoryRecord> for ThreadPast {
    fn from(record: history::HistoryRecord) -> Self {
        let missing = |missing: history::Missing| MissingStretch {
            after_seq: missing.after_seq,
            until_seq: missing.until_seq,
            asked: missing.asked.map(|id| id.to_string()),
            given_up: missing.given_up,
        };
        let arriving = |arriving: history::Arriving| ArrivingStretch {
            from: arriving.from.map(|id| id.to_string()),
            first_seq: arriving.first_seq,
            last_seq: arriving.last_seq,
            refused: arriving.refused,
        };
        let sharing = |sharing: history::Sharing| SharedStretch {
            with: sharing.with.to_string(),
            failed: sharing.failed,
        };
        Self {
            missing: record.missing.into_iter().map(missing).collect(),
            arriving: record.arriving.into_iter().map(arriving).collect(),
            sharing: record.sharing.into_iter().map(sharing).collect(),
        }
    }
}
