//! What an app is told: that something changed, never what. It then reads what it shows.
//! Events come in batches, in order, one batch at a time, while no lock is held.

use relais_core::Event;

use crate::records::state::Trouble;

/// Something that a screen may show otherwise now.
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
pub enum RelaisEvent {
    /// The practice's log holds this device: it can be used.
    Enrolled,
    /// The server refused the enrolment for good: see `Relais.enrolment`.
    EnrolmentRefused,
    /// A restored device came back under another id.
    Returned,
    /// This device was revoked and has forgotten everything; it can join again.
    Wiped,
    /// The other device accepted this one: the person types the code that it shows.
    CompareCode,
    /// Cards, people or devices changed.
    PeopleChanged,
    /// An invitation was used.
    InvitationUsed {
        /// Id of the person whom it made.
        person: String,
    },
    /// The keys of somebody whose safety code was compared are not those any more.
    VerificationLost {
        /// Id of that person.
        person: String,
    },
    /// A coordinator proposes a new root key and asks this person.
    RootProposed {
        /// Id of the coordinator.
        person: String,
    },
    /// A thread was opened, joined, left or renamed, or a membership ended.
    ThreadsChanged,
    /// Something in this thread changed.
    ThreadChanged {
        /// Id of the thread.
        thread: String,
    },
    /// A photo's original was sent or fetched by another step, is here, or cannot be had.
    PhotoChanged {
        /// Id of the photo's original.
        photo: String,
    },
    /// Connection, what waits or what is under way changed.
    SyncChanged,
    /// The server was restored from a backup, and is given back what it lost.
    ServerRestored,
    /// Something needs the person's attention.
    TroubleBegan {
        /// What it is.
        trouble: Trouble,
    },
    /// More happened than could be told: read everything that is shown again.
    Missed,
}

impl From<Event> for RelaisEvent {
    fn from(event: Event) -> Self {
        match event {
            Event::Enrolled => Self::Enrolled,
            Event::EnrolmentRefused(_) => Self::EnrolmentRefused,
            Event::Returned => Self::Returned,
            Event::Wiped => Self::Wiped,
            Event::CompareCode => Self::CompareCode,
            Event::PeopleChanged => Self::PeopleChanged,
            Event::InvitationUsed(person) => Self::InvitationUsed {
                person: person.to_string(),
            },
            Event::VerificationLost(person) => Self::VerificationLost {
                person: person.to_string(),
            },
            Event::RootProposed(person) => Self::RootProposed {
                person: person.to_string(),
            },
            Event::ThreadsChanged => Self::ThreadsChanged,
            Event::ThreadChanged(thread) => Self::ThreadChanged {
                thread: thread.to_string(),
            },
            Event::BlobChanged(photo) | Event::BlobProgress(photo) => Self::PhotoChanged {
                photo: photo.to_string(),
            },
            Event::SyncChanged => Self::SyncChanged,
            Event::ServerRestored => Self::ServerRestored,
            Event::Trouble(trouble) => Self::TroubleBegan {
                trouble: trouble.into(),
            },
        }
    }
}
