//! Where this device stands.

use relais_core::engine::{self, Phase};
use relais_core::query;

use super::people::Card;

/// Where the connection stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
#[cfg_attr(
    feature = "web",
    derive(serde::Serialize, serde::Deserialize, ts_rs::TS),
    serde(rename_all = "camelCase")
)]
pub enum ConnectionPhase {
    /// None.
    Offline,
    /// The device and the server prove to each other who they are.
    Authenticating,
    /// Everything flows.
    Ready,
}

/// Whether everything is up to date, and what waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(
    feature = "web",
    derive(serde::Serialize, serde::Deserialize, ts_rs::TS),
    serde(rename_all = "camelCase")
)]
pub struct SyncState {
    /// Where the connection stands.
    pub phase: ConnectionPhase,
    /// Whether all logs were read to the end that they had at connection.
    pub caught_up: bool,
    /// Acts of this person that are not in a log yet.
    pub waiting: u64,
    /// Acts that failed and need the person.
    pub failed: u64,
    /// Photos and stretches of the past that are not completely sent or fetched.
    pub transfers: u64,
}

impl From<engine::SyncState> for SyncState {
    fn from(state: engine::SyncState) -> Self {
        Self {
            phase: match state.phase {
                Phase::Offline => ConnectionPhase::Offline,
                Phase::Authenticating => ConnectionPhase::Authenticating,
                Phase::Ready => ConnectionPhase::Ready,
            },
            caught_up: state.caught_up,
            waiting: state.waiting,
            failed: state.failed,
            transfers: state.transfers,
        }
    }
}

/// Something that needs the person's attention. Each is shown until it is resolved.
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
pub enum Trouble {
    /// The database was restored or copied: nothing is sent until the device returned
    /// (`Relais.return_device`) or was enrolled again.
    Frozen,
    /// The server says that this device was revoked; it wipes itself once that is proved.
    Revoked,
    /// The device was revoked and has forgotten everything; it can join again.
    Wiped,
    /// The enrolment counts no more: a coordinator invites again.
    Lapsed,
    /// A newer version of the app is needed.
    UpdateNeeded,
    /// The server showed two versions of the practice's log.
    StructureForked,
    /// A colleague's device says that it has seen another log of the practice.
    StructureDisputed {
        /// Id of that colleague.
        person: String,
    },
    /// Somebody knows more of the practice's log than the server shows.
    StructureWithheld,
    /// The server showed two versions of a thread's log, or a member says so.
    ThreadForked {
        /// Id of the thread.
        thread: String,
    },
    /// A thread cannot go on; its state says why.
    ThreadStopped {
        /// Id of the thread.
        thread: String,
    },
}

impl From<engine::Trouble> for Trouble {
    fn from(trouble: engine::Trouble) -> Self {
        match trouble {
            engine::Trouble::Frozen => Self::Frozen,
            engine::Trouble::Revoked => Self::Revoked,
            engine::Trouble::Wiped => Self::Wiped,
            engine::Trouble::Lapsed => Self::Lapsed,
            engine::Trouble::UpdateNeeded => Self::UpdateNeeded,
            engine::Trouble::StructureForked => Self::StructureForked,
            engine::Trouble::StructureDisputed(person) => Self::StructureDisputed {
                person: person.to_string(),
            },
            engine::Trouble::StructureWithheld => Self::StructureWithheld,
            engine::Trouble::ChannelForked(thread) => Self::ThreadForked {
                thread: thread.to_string(),
            },
            engine::Trouble::ChannelStopped(thread) => Self::ThreadStopped {
                thread: thread.to_string(),
            },
        }
    }
}

/// How far the enrolment is.
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
pub enum Enrolment {
    /// No link was given yet.
    None,
    /// The device waits for the server; everything is kept.
    Joining,
    /// The device was scanned: the person types the code (`Relais.confirm_link`).
    Comparing,
    /// The device can be used.
    Enrolled,
    /// The server refused for good.
    Refused {
        /// Number of the reason, as in the protocol.
        reason: i32,
    },
    /// Nobody confirmed it in time, or the server lost it: a coordinator invites again.
    Lapsed,
}

impl From<&query::Enrolment> for Enrolment {
    fn from(enrolment: &query::Enrolment) -> Self {
        match enrolment {
            query::Enrolment::None => Self::None,
            query::Enrolment::Joining => Self::Joining,
            query::Enrolment::Comparing => Self::Comparing,
            query::Enrolment::Enrolled => Self::Enrolled,
            query::Enrolment::Refused(reason) => Self::Refused { reason: *reason },
            query::Enrolment::Lapsed => Self::Lapsed,
        }
    }
}

/// Who this device is.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(
    feature = "web",
    derive(serde::Serialize, serde::Deserialize, ts_rs::TS),
    serde(rename_all = "camelCase")
)]
pub struct WhoAmI {
    /// Id of the practice.
    pub structure: String,
    /// Id of the person.
    pub person: String,
    /// Id of this device.
    pub device: String,
    /// The person's card, once this device can read it.
    pub card: Option<Card>,
    /// Whether a coordinator has confirmed the enrolment.
    pub confirmed: bool,
    /// Whether the person is a coordinator of the practice.
    pub coordinator: bool,
    /// Address of the server.
    pub server_url: String,
}

impl From<query::WhoAmI> for WhoAmI {
    fn from(me: query::WhoAmI) -> Self {
        Self {
            structure: me.structure.to_string(),
            person: me.professional.to_string(),
            device: me.device.to_string(),
            card: me.card.map(Card::from),
            confirmed: me.confirmed,
            coordinator: me.coordinator,
            server_url: me.server_url,
        }
    }
}
