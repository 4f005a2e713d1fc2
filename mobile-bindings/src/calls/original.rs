//! The original of a photo, waited for.

use std::sync::Arc;
use std::time::Duration;

use relais_core::wire::ids::BlobId;
use relais_core::{BlobState, Engine};

use crate::error::RelaisError;
use crate::records::Id;
use crate::relais::Relais;
use crate::runtime::{self, Cancellation, cancelled};

#[uniffi::export]
impl Relais {
    /// The original of a photo, a JPEG, decrypted: at most 2 MB. Waits for it for at most
    /// `timeout_ms` milliseconds. Fails with `Retry` and the code `not_here_yet` when it has
    /// not come by then, or `cancelled`; with `Rejected` when it cannot be had.
    pub async fn photo(
        &self,
        photo: String,
        timeout_ms: u64,
        cancellation: Option<Arc<Cancellation>>,
    ) -> Result<Vec<u8>, RelaisError> {
        let photo = BlobId::parse(&photo, "photo")?;
        let client = self.client()?;
        runtime::run(async move {
            let ended =
                move |engine: &mut Engine| Ok(engine.blob_state(photo)? != BlobState::Fetching);
            let timeout = Duration::from_millis(timeout_ms);
            let ended = tokio::select! {
                () = cancelled(cancellation) => return Err(RelaisError::retry("cancelled")),
                ended = client.wait_until(timeout, ended) => ended?,
            };
            match ended {
                true => Ok(client.call(move |engine| engine.blob_bytes(photo)).await?),
                false => Err(RelaisError::retry("not_here_yet")),
            }
        })
        .await
    }
}
