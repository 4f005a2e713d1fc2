//! Whether all is well.

use crate::error::RelaisError;
use crate::records::state::{SyncState, Trouble};
use crate::relais::Relais;

#[cfg_attr(feature = "uniffi", uniffi::export)]
impl Relais {
    /// Whether everything is up to date, and what waits. Fails with `Fatal` after closing.
    pub async fn sync_state(&self) -> Result<SyncState, RelaisError> {
        self.call(|engine| Ok(engine.sync_state()?.into())).await
    }

    /// What needs the person's attention now. Fails with `Fatal` after closing.
    pub async fn troubles(&self) -> Result<Vec<Trouble>, RelaisError> {
        self.call(|engine| {
            Ok(engine
                .troubles()
                .iter()
                .cloned()
                .map(Trouble::from)
                .collect())
        })
        .await
    }
}
