//! How an app hears of events: in batches, in order, on a thread of the library.

use std::sync::Arc;
use std::time::Duration;

use relais_core::Event;
use relais_core::driver::Client;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

use crate::error::{PlatformError, RelaisError};
use crate::events::RelaisEvent;
use crate::runtime::{self, Cancellation, cancelled};

/// Events that arrive within this are one batch.
const TOGETHER: Duration = Duration::from_millis(20);
/// Longest batch.
const BATCH: usize = 256;

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
