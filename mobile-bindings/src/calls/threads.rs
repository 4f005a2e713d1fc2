//! Threads, their timelines, and writing in them.

use relais_core::wire::ids::{ChannelId, EventId};

use crate::error::RelaisError;
use crate::records::Id;
use crate::records::content::Priority;
use crate::records::header::PatientHeader;
use crate::records::threads::{HeaderVersion, NewThread, ThreadPast, ThreadSummary};
use crate::records::timeline::{TimelineItem, TimelinePage};
use crate::relais::Relais;

#[cfg_attr(feature = "uniffi", uniffi::export)]
impl Relais {
    /// All threads, the most recent first. Fails with `ReEnrol` before the device joined.
    pub async fn threads(&self) -> Result<Vec<ThreadSummary>, RelaisError> {
        self.call(|engine| Ok(engine.threads()?.into_iter().map(Into::into).collect()))
            .await
    }

    /// One thread. Fails with `Rejected` when this device does not know it.
    pub async fn thread(&self, thread: String) -> Result<ThreadSummary, RelaisError> {
        let channel = ChannelId::parse(&thread, "thread")?;
        self.call(move |engine| Ok(engine.thread(channel)?.into()))
            .await
    }

    /// Opens a thread and answers its id. The person becomes its manager. Fails with
    /// `Rejected` naming the field, or for a lay person who is no coordinator.
    pub async fn create_thread(&self, new: NewThread) -> Result<String, RelaisError> {
        let new = new.core()?;
        self.call(move |engine| Ok(engine.create_thread(&new)?.to_string()))
            .await
    }

    /// A page of the timeline, oldest item first: about the last `limit` entries of the log
    /// before `before_seq`, or those at the end of the thread without it. The page answers
    /// the `before_seq` of the next older one. Fails with `Rejected` for a thread that is
    /// not known.
    pub async fn timeline_before(
        &self,
        thread: String,
        before_seq: Option<u64>,
        limit: u32,
    ) -> Result<TimelinePage, RelaisError> {
        let channel = ChannelId::parse(&thread, "thread")?;
        self.call(move |engine| {
            let (items, before_seq) =
                engine.timeline_before(channel, before_seq, limit as usize)?;
            Ok(TimelinePage {
                items: items.into_iter().map(Into::into).collect(),
                before_seq,
            })
        })
        .await
    }

    /// The items after an entry, at most `limit` settled ones, then what is not settled when
    /// the end is reached: for what is new in a thread that is open. Fails with `Rejected`
    /// for a thread that is not known.
    pub async fn timeline_after(
        &self,
        thread: String,
        after_seq: u64,
        limit: u32,
    ) -> Result<Vec<TimelineItem>, RelaisError> {
        let channel = ChannelId::parse(&thread, "thread")?;
        self.call(move |engine| {
            let items = engine.timeline(channel, after_seq, limit as usize)?;
            Ok(items.into_iter().map(Into::into).collect())
        })
        .await
    }

    /// Sends a text and answers the id of its event. `reply_to` is the id of the event that
    /// it answers. Fails with `Rejected` naming the field, or for a reader.
    pub async fn send_message(
        &self,
        thread: String,
        text: String,
        priority: Priority,
        reply_to: Option<String>,
    ) -> Result<String, RelaisError> {
        let channel = ChannelId::parse(&thread, "thread")?;
        let reply_to = reply_to
            .map(|id| EventId::parse(&id, "reply_to"))
            .transpose()?;
        self.call(move |engine| {
            let event = engine.send_message(channel, &text, priority.into(), reply_to)?;
            Ok(event.to_string())
        })
        .await
    }

    /// Marks a thread as read up to an entry. Fails with `Rejected` for a thread that is
    /// not known.
    pub async fn mark_read(&self, thread: String, seq: u64) -> Result<(), RelaisError> {
        let channel = ChannelId::parse(&thread, "thread")?;
        self.call(move |engine| Ok(engine.mark_read(channel, seq)?))
            .await
    }

    /// The patient header in force; nothing before the first. Fails with `Rejected` for an
    /// id that is none.
    pub async fn patient_header(
        &self,
        thread: String,
    ) -> Result<Option<HeaderVersion>, RelaisError> {
        let channel = ChannelId::parse(&thread, "thread")?;
        self.call(move |engine| Ok(engine.patient_header(channel)?.map(Into::into)))
            .await
    }

    /// Replaces the patient header and answers the id of its event. Fails with `Rejected`
    /// naming the field, or for a reader.
    pub async fn set_patient_header(
        &self,
        thread: String,
        header: PatientHeader,
    ) -> Result<String, RelaisError> {
        let channel = ChannelId::parse(&thread, "thread")?;
        self.call(move |engine| {
            let event = engine.set_patient_header(channel, header.into())?;
            Ok(event.to_string())
        })
        .await
    }

    /// What is missing, arrives and is shared in a thread. Fails with `Rejected` for an id
    /// that is none.
    pub async fn past(&self, thread: String) -> Result<ThreadPast, RelaisError> {
        let channel = ChannelId::parse(&thread, "thread")?;
        self.call(move |engine| Ok(engine.history(channel)?.into()))
            .await
    }

    /// Asks colleagues once more for stretches that are missing, and answers how many there
    /// are. Fails with `Rejected` for a thread that is not known.
    pub async fn ask_past_again(&self, thread: String) -> Result<u32, RelaisError> {
        let channel = ChannelId::parse(&thread, "thread")?;
        self.call(move |engine| {
            let asked = engine.ask_history_again(channel)?;
            Ok(u32::try_from(asked).unwrap_or(u32::MAX))
        })
        .await
    }

    /// Comes back into a thread that stopped. Fails with `Rejected` for one that goes on by
    /// itself.
    pub async fn rejoin_thread(&self, thread: String) -> Result<(), RelaisError> {
        let channel = ChannelId::parse(&thread, "thread")?;
        self.call(move |engine| Ok(engine.rejoin_thread(channel)?))
            .await
    }

    /// Begins a new encrypted group for a thread in which nobody can go on; its history
    /// stays. Fails with `Rejected` unless the person is a manager of it.
    pub async fn reboot_thread(&self, thread: String) -> Result<(), RelaisError> {
        let channel = ChannelId::parse(&thread, "thread")?;
        self.call(move |engine| Ok(engine.reboot_thread(channel)?))
            .await
    }
}
