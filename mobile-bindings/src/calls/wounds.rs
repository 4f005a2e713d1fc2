//! Wounds: followed by assessments and photos.

use relais_core::wire::ids::{ChannelId, WoundId};

use crate::error::RelaisError;
use crate::records::Id;
use crate::records::assessment::{Assessment, NewWound, WoundChange};
use crate::records::wounds::{Wound, WoundSeries};
use crate::relais::Relais;

#[cfg_attr(feature = "uniffi", uniffi::export)]
impl Relais {
    /// All wounds of a thread: those that are followed first. Fails with `Rejected` for a
    /// thread that is not known.
    pub async fn wounds(&self, thread: String) -> Result<Vec<Wound>, RelaisError> {
        let channel = ChannelId::parse(&thread, "thread")?;
        self.call(move |engine| {
            Ok(engine
                .wounds(channel)?
                .into_iter()
                .map(Into::into)
                .collect())
        })
        .await
    }

    /// A wound with its assessments and photos, the oldest first. Fails with `Rejected` for a
    /// wound that is not known.
    pub async fn wound(&self, thread: String, wound: String) -> Result<WoundSeries, RelaisError> {
        let channel = ChannelId::parse(&thread, "thread")?;
        let wound = WoundId::parse(&wound, "wound")?;
        self.call(move |engine| Ok(engine.wound(channel, wound)?.into()))
            .await
    }

    /// Opens a wound and answers its id. Fails with `Rejected` naming the field, or for a
    /// reader.
    pub async fn open_wound(&self, thread: String, new: NewWound) -> Result<String, RelaisError> {
        let channel = ChannelId::parse(&thread, "thread")?;
        self.call(move |engine| Ok(engine.open_wound(channel, &new.into())?.to_string()))
            .await
    }

    /// Writes down what was found of a wound and answers the id of the event. Fails with
    /// `Rejected` naming the field, for a photo that is none of the thread's, or for a wound
    /// that is closed.
    pub async fn assess_wound(
        &self,
        thread: String,
        wound: String,
        found: Assessment,
    ) -> Result<String, RelaisError> {
        let channel = ChannelId::parse(&thread, "thread")?;
        let found = found.core(WoundId::parse(&wound, "wound")?)?;
        self.call(move |engine| Ok(engine.assess_wound(channel, found)?.to_string()))
            .await
    }

    /// Closes a wound, with a reason if it has not healed, or reopens it; answers the id of
    /// the event. Of two people at once, the one whose act the log shows first counts. Fails
    /// with `Rejected` for a wound that may not change so.
    pub async fn change_wound(
        &self,
        thread: String,
        wound: String,
        change: WoundChange,
        reason: String,
    ) -> Result<String, RelaisError> {
        let channel = ChannelId::parse(&thread, "thread")?;
        let wound = WoundId::parse(&wound, "wound")?;
        self.call(move |engine| {
            let event = engine.change_wound(channel, wound, change.into(), &reason)?;
            Ok(event.to_string())
        })
        .await
    }
}
