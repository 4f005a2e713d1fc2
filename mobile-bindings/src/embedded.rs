//! The object in a program that drives the engine itself, on one thread: a browser's worker.

use std::cell::RefCell;
use std::rc::Rc;

use relais_core::wire::ids::BlobId;
use relais_core::{BlobState, Engine};

use crate::error::RelaisError;
use crate::records::Id;

/// An engine that is shared with the program that drives it; nothing once it is closed.
pub type Shared = Rc<RefCell<Option<Engine>>>;

/// A device: what it knows and what it does. Calls are done when they return.
pub struct Relais {
    engine: Shared,
}

impl Relais {
    /// The calls of an engine that somebody else drives.
    pub fn new(engine: Shared) -> Self {
        Self { engine }
    }

    /// Runs a command or query.
    ///
    /// # Errors
    /// Those of `work`; `Fatal` with the code `closed` after closing.
    pub(crate) async fn call<T>(
        &self,
        work: impl FnOnce(&mut Engine) -> Result<T, RelaisError>,
    ) -> Result<T, RelaisError> {
        let closed = || RelaisError::fatal("closed");
        let mut engine = self.engine.try_borrow_mut().map_err(|_| closed())?;
        work(engine.as_mut().ok_or_else(closed)?)
    }

    /// The original of a photo, a JPEG, decrypted: at most 2 MB. Fails with `Retry` and the
    /// code `not_here_yet` while it is on its way: the event `PhotoChanged` tells when it has
    /// come; with `Rejected` when it cannot be had.
    pub async fn photo(&self, photo: String) -> Result<Vec<u8>, RelaisError> {
        let photo = BlobId::parse(&photo, "photo")?;
        self.call(move |engine| match engine.blob_state(photo)? {
            BlobState::Fetching => Err(RelaisError::retry("not_here_yet")),
            _ => Ok(engine.blob_bytes(photo)?),
        })
        .await
    }
}
