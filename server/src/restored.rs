//! A store that was put back from a backup has forgotten what came after it. It
//! cannot know that by itself: a device proves it, by a receipt for a connection or
//! a seal on a structure entry that the store does not have (architecture D6, D10).
//! From then on every device hears a higher number of restores, and looks through
//! its logs for what is missing.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::app::App;
use crate::store::{Store, StoreError};

/// How often the store was restored, as far as anybody noticed.
pub struct Restored {
    count: AtomicU64,
    /// One restore shows in many ways: it is counted once for each time that the
    /// store was opened.
    noticed: AtomicBool,
}

impl Restored {
    /// As the store says.
    pub async fn load(store: &dyn Store) -> Result<Self, StoreError> {
        Ok(Self {
            count: store.restores().await?.into(),
            noticed: AtomicBool::new(false),
        })
    }

    /// See [`relais_wire::v1::Ready::restores`].
    pub fn count(&self) -> u64 {
        self.count.load(Ordering::SeqCst)
    }
}

impl App {
    /// The store was found to be older than what a device saw: counted durably, and
    /// all connections begin again.
    pub async fn found_restored(&self) -> Result<(), StoreError> {
        if self.restored.noticed.swap(true, Ordering::SeqCst) {
            return Ok(());
        }
        match self.store.note_restore().await {
            Ok(count) => {
                self.restored.count.store(count, Ordering::SeqCst);
                tracing::warn!(count, "the store was restored from a backup");
                self.hub.close_all();
                Ok(())
            }
            Err(error) => {
                self.restored.noticed.store(false, Ordering::SeqCst);
                Err(error)
            }
        }
    }
}
