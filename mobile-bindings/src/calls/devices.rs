//! Devices of the same person.

use relais_core::wire::ids::DeviceId;

use crate::error::RelaisError;
use crate::records::Id;
use crate::records::people::DeviceLink;
use crate::relais::Relais;

#[cfg_attr(feature = "uniffi", uniffi::export)]
impl Relais {
    /// Makes a link for another device of this person, valid for some 14 minutes. Fails with
    /// `Retry` without a connection, with `Rejected` on a linked device and for a seventh one.
    pub async fn link_device(&self) -> Result<DeviceLink, RelaisError> {
        self.call(|engine| {
            let link = engine.link_device()?;
            Ok(DeviceLink {
                link: link.link,
                expires_at_ms: link.expires_at_ms,
            })
        })
        .await
    }

    /// Lets in a device that shows this request (`join_by_scan`), and answers the code that
    /// the person types there. Fails with `Rejected` for a text that is no request, or as
    /// `link_device` does.
    pub async fn accept_device(&self, request: String) -> Result<String, RelaisError> {
        self.call(move |engine| Ok(engine.accept_device(&request)?))
            .await
    }

    /// Revokes a device, one's own or, as a coordinator, anybody's: it loses its connection
    /// at once and wipes itself at its next contact. Fails with `Rejected` for somebody
    /// else's, and when it is revoked already.
    pub async fn revoke_device(&self, device: String) -> Result<(), RelaisError> {
        let device = DeviceId::parse(&device, "device")?;
        self.call(move |engine| Ok(engine.revoke_device(device)?))
            .await
    }
}
