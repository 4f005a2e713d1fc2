//! Search, and the timeline around what it finds.

use relais_core::wire::ids::ChannelId;

use crate::error::RelaisError;
use crate::records::Id;
use crate::records::search::{SearchPage, place};
use crate::records::timeline::{TimelineAt, TimelineWindow};
use crate::relais::Relais;

#[cfg_attr(feature = "uniffi", uniffi::export)]
impl Relais {
    /// Events that hold words with all the beginnings in `text`, whatever their case and
    /// accents, in all threads or one, the newest first, at most `limit`. `after`: where the
    /// page before said that this one begins. Fails with `Rejected` for an id that is none.
    pub async fn search(
        &self,
        text: String,
        thread: Option<String>,
        after: Option<String>,
        limit: u32,
    ) -> Result<SearchPage, RelaisError> {
        let channel = thread.map(|id| ChannelId::parse(&id, "thread"));
        let channel = channel.transpose()?;
        let after = after.map(|after| place(&after)).transpose()?;
        self.call(move |engine| Ok(engine.search(&text, channel, after, limit as usize)?.into()))
            .await
    }

    /// Some `limit` entries of a thread around a place, half of them before it, or after an
    /// entry. Fails with `Rejected` for a thread or event that is not known.
    pub async fn timeline_around(
        &self,
        thread: String,
        at: TimelineAt,
        limit: u32,
    ) -> Result<TimelineWindow, RelaisError> {
        let channel = ChannelId::parse(&thread, "thread")?;
        let at = at.core()?;
        self.call(move |engine| Ok(engine.timeline_around(channel, at, limit as usize)?.into()))
            .await
    }
}
