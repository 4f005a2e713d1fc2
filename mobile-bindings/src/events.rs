//! What an app is told: that something changed, never what. It then reads what it shows.
//! Events come in batches, in order, one batch at a time, while no lock is held.

use std::sync::Arc;
use std::time::Duration;

use relais_core::Event;
use relais_core::driver::Client;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

use crate::error::{PlatformError, RelaisError};
use crate::records::state::Trouble;
use crate::runtime::{self, Cancellation, cancelled};

/// Events that arrive within this are one batch.
const TOGETHER: Duration = Duration::from_millis(20);
/// Longest batch.
const BATCH: usize = 256;

/// Something that a screen may show otherwise now.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Enum)]
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

/// What an app implements to be told. Called on a thread of the library, one call after
/// the other; a call that takes long holds up the next ones and nothing else.
#[uniffi::export(foreign)]
pub trait EventListener: Send + Sync {
    /// What happened since the last call, in order; what happened several times in a row is
    /// told once. A failure is ignored.
    fn on_events(&self, events: Vec<RelaisEvent>) -> Result<(), PlatformError>;
    /// The last call: the object was closed or cannot go on, or the handle of this listener
    /// was cancelled.
    fn on_closed(&self) -> Result<(), PlatformError>;
}

/// Tells `listener` what happens from now on, until the client ends or `stop` is cancelled.
///
/// # Errors
/// `Fatal` when the system gives no threads.
pub(crate) fn tell(
    client: &Client,
    listener: Arc<dyn EventListener>,
    stop: Arc<Cancellation>,
) -> Result<(), RelaisError> {
    let mut events = client.events();
    runtime::go(async move {
        loop {
            let batch = tokio::select! {
                () = cancelled(Some(stop.clone())) => break,
                batch = next_batch(&mut events) => batch,
            };
            let Some(batch) = batch else { break };
            let listener = listener.clone();
            // The app may take its time: not on a thread that others need.
            let told = tokio::task::spawn_blocking(move || listener.on_events(batch));
            let _ = told.await;
        }
        let _ = tokio::task::spawn_blocking(move || listener.on_closed()).await;
    })
}

/// Waits for an event and takes what comes with it; `None` when there will be none.
async fn next_batch(events: &mut Receiver<Event>) -> Option<Vec<RelaisEvent>> {
    let mut batch = Vec::new();
    take(&mut batch, events.recv().await)?;
    let deadline = tokio::time::Instant::now() + TOGETHER;
    while batch.len() < BATCH {
        let Ok(event) = tokio::time::timeout_at(deadline, events.recv()).await else {
            break;
        };
        if take(&mut batch, event).is_none() {
            break; // The end is told after these.
        }
    }
    Some(batch)
}

fn take(batch: &mut Vec<RelaisEvent>, event: Result<Event, RecvError>) -> Option<()> {
    let event = match event {
        Ok(event) => event.into(),
        Err(RecvError::Lagged(_)) => RelaisEvent::Missed,
        Err(RecvError::Closed) => return None,
    };
    if batch.last() != Some(&event) {
        batch.push(event);
    }
    Some(())
}
