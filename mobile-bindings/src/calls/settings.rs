//! What an app keeps beside the threads, encrypted with them.

use crate::error::RelaisError;
use crate::relais::Relais;

#[cfg_attr(feature = "uniffi", uniffi::export)]
impl Relais {
    /// A setting of the app, like a language or a draft; nothing when it was never made.
    /// Fails with `Rejected` for a name of more than 64 bytes.
    pub async fn setting(&self, name: String) -> Result<Option<String>, RelaisError> {
        self.call(move |engine| Ok(engine.setting(&name)?)).await
    }

    /// Keeps a setting of the app, durable when this returns; nothing removes it. Fails with
    /// `Rejected` for a name of more than 64 bytes or a value of more than 64 KiB.
    pub async fn set_setting(
        &self,
        name: String,
        value: Option<String>,
    ) -> Result<(), RelaisError> {
        self.call(move |engine| Ok(engine.set_setting(&name, value.as_deref())?))
            .await
    }
}
