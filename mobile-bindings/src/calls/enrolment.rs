//! From a link to a device that can be used.

use crate::error::RelaisError;
use crate::records::people::Card;
use crate::records::state::{Enrolment, WhoAmI};
use crate::relais::Relais;

#[cfg_attr(feature = "uniffi", uniffi::export)]
impl Relais {
    /// Begins to join with a set-up, invitation or device link. `card` is for set-up alone:
    /// the coordinator's own. It is durable when this returns and goes on by itself; the
    /// events `Enrolled`, `EnrolmentRefused` and `CompareCode` tell how. Fails with
    /// `Rejected` for a link that cannot be read, a wrong card, or a device that has joined.
    pub async fn join(&self, link: String, card: Option<Card>) -> Result<(), RelaisError> {
        self.call(move |engine| Ok(engine.join(&link, card.map(Into::into))?))
            .await
    }

    /// Asks to be linked by another device of the same person: shows what this answers as
    /// QR code to `accept_device` there, for 15 minutes. `server_url` is the address of the
    /// practice's server. Fails with `Rejected` for an address that is none, or a device
    /// that has joined.
    pub async fn join_by_scan(&self, server_url: String) -> Result<String, RelaisError> {
        self.call(move |engine| Ok(engine.join_by_scan(&server_url)?))
            .await
    }

    /// The request of `join_by_scan`, while it waits to be scanned. Fails with `Fatal` after
    /// closing.
    pub async fn link_request(&self) -> Result<Option<String>, RelaisError> {
        self.call(|engine| Ok(engine.link_request())).await
    }

    /// Goes on after the person typed the code that the other device shows. Fails with
    /// `Rejected` for another code, with `ReEnrol` after the third one.
    pub async fn confirm_link(&self, code: String) -> Result<(), RelaisError> {
        self.call(move |engine| Ok(engine.confirm_link(&code)?))
            .await
    }

    /// How far the enrolment is. Fails with `Fatal` after closing.
    pub async fn enrolment(&self) -> Result<Enrolment, RelaisError> {
        self.call(|engine| Ok(engine.enrolment().into())).await
    }

    /// Who this device is. Fails with `ReEnrol` before it has joined.
    pub async fn whoami(&self) -> Result<WhoAmI, RelaisError> {
        self.call(|engine| Ok(engine.whoami()?.into())).await
    }

    /// Goes on with a restored or copied database: this device comes back under another id,
    /// which ends every other copy. Fails with `Rejected` when it is not frozen, or on a
    /// linked device, which is linked again.
    pub async fn return_device(&self) -> Result<(), RelaisError> {
        self.call(|engine| Ok(engine.return_device()?)).await
    }
}
