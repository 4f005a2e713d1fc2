//! Photos: sent at once with a thumbnail, the original as a transfer that resumes.

use relais_core::BlobState;
use relais_core::Engine;
use relais_core::wire::ids::{BlobId, ChannelId, WoundId};

use crate::error::RelaisError;
use crate::records::Id;
use crate::records::content::Laterality;
use crate::relais::Relais;

/// Where the original of a photo is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
#[cfg_attr(
    feature = "web",
    derive(serde::Serialize, serde::Deserialize, ts_rs::TS),
    serde(rename_all = "camelCase")
)]
pub enum PhotoState {
    /// On this device; on its way to the server.
    Sending,
    /// On this device.
    Here,
    /// On its way to this device.
    Fetching,
    /// It cannot be had.
    Failed,
}

/// How far the transfer of an original is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(
    feature = "web",
    derive(serde::Serialize, serde::Deserialize, ts_rs::TS),
    serde(rename_all = "camelCase")
)]
pub struct PhotoProgress {
    /// Where it is.
    pub state: PhotoState,
    /// Bytes that were sent or fetched, encrypted.
    pub done: u64,
    /// Bytes in all, encrypted.
    pub total: u64,
}

fn progress(engine: &Engine, photo: BlobId) -> Result<PhotoProgress, RelaisError> {
    let (done, total) = engine.blob_progress(photo)?;
    Ok(PhotoProgress {
        state: match engine.blob_state(photo)? {
            BlobState::Sending => PhotoState::Sending,
            BlobState::Here => PhotoState::Here,
            BlobState::Fetching => PhotoState::Fetching,
            BlobState::Failed => PhotoState::Failed,
        },
        done,
        total,
    })
}

#[cfg_attr(feature = "uniffi", uniffi::export)]
impl Relais {
    /// Sends a photo (JPEG or PNG) and answers the id of its event. It is scaled to at most
    /// 2048 pixels a side and loses its metadata, places and times too. `body_site` says
    /// where on the body, in words; `wound` is the id of the wound whose series it belongs
    /// to. Fails with `Rejected` and the code
    /// `photo_unsupported`, `photo_too_large` or `photo_damaged`, or as `send_message` does.
    pub async fn send_photo(
        &self,
        thread: String,
        photo: Vec<u8>,
        caption: String,
        body_site: String,
        laterality: Option<Laterality>,
        wound: Option<String>,
    ) -> Result<String, RelaisError> {
        let channel = ChannelId::parse(&thread, "thread")?;
        let laterality = laterality.map(Into::into).unwrap_or_default();
        let wound = wound.map(|id| WoundId::parse(&id, "wound")).transpose()?;
        self.call(move |engine| {
            let event =
                engine.send_photo(channel, &photo, &caption, &body_site, laterality, wound)?;
            Ok(event.to_string())
        })
        .await
    }

    /// How far the transfer of an original is; the event `PhotoChanged` tells of each step.
    /// Fails with `Rejected` for a photo that is not known.
    pub async fn photo_progress(&self, photo: String) -> Result<PhotoProgress, RelaisError> {
        let photo = BlobId::parse(&photo, "photo")?;
        self.call(move |engine| progress(engine, photo)).await
    }
}
