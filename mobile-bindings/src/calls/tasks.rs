//! Tasks, handovers, and what failed.

use relais_core::wire::ids::{ChannelId, EventId, TaskId};

use crate::error::RelaisError;
use crate::records::Id;
use crate::records::content::{HandoverNote, TaskChange};
use crate::records::tasks::{CareTask, FailedAct, Handover, NewTask};
use crate::relais::Relais;

#[cfg_attr(feature = "uniffi", uniffi::export)]
impl Relais {
    /// All tasks of a thread: open first, by due date. Fails with `Rejected` for an id that
    /// is none.
    pub async fn tasks(&self, thread: String) -> Result<Vec<CareTask>, RelaisError> {
        let channel = ChannelId::parse(&thread, "thread")?;
        self.call(move |engine| Ok(engine.tasks(channel)?.into_iter().map(Into::into).collect()))
            .await
    }

    /// Creates a task and answers its id. Fails with `Rejected` naming the field, or for a
    /// reader.
    pub async fn create_task(&self, thread: String, new: NewTask) -> Result<String, RelaisError> {
        let channel = ChannelId::parse(&thread, "thread")?;
        let new = new.core()?;
        self.call(move |engine| Ok(engine.create_task(channel, &new)?.to_string()))
            .await
    }

    /// Takes a task, ticks it, or declines it with a reason; answers the id of the event.
    /// Of two people at once, the one whose act the log shows first counts. Fails with
    /// `Rejected` for a task that may not change so.
    pub async fn change_task(
        &self,
        thread: String,
        task: String,
        change: TaskChange,
        reason: String,
    ) -> Result<String, RelaisError> {
        let channel = ChannelId::parse(&thread, "thread")?;
        let task = TaskId::parse(&task, "task")?;
        self.call(move |engine| {
            let event = engine.change_task(channel, task, change.into(), &reason)?;
            Ok(event.to_string())
        })
        .await
    }

    /// All handovers of a thread. Fails with `Rejected` for an id that is none.
    pub async fn handovers(&self, thread: String) -> Result<Vec<Handover>, RelaisError> {
        let channel = ChannelId::parse(&thread, "thread")?;
        self.call(move |engine| {
            let handovers = engine.handovers(channel)?;
            Ok(handovers.into_iter().map(Into::into).collect())
        })
        .await
    }

    /// Writes a handover note and answers the id of its event. Fails with `Rejected` naming
    /// the field, or for a reader.
    pub async fn write_handover(
        &self,
        thread: String,
        note: HandoverNote,
    ) -> Result<String, RelaisError> {
        let channel = ChannelId::parse(&thread, "thread")?;
        let note = note.core()?;
        self.call(move |engine| Ok(engine.write_handover(channel, note)?.to_string()))
            .await
    }

    /// Acknowledges a handover, with the receiver's own words (may be empty); answers the id
    /// of the event. Fails with `Rejected` for somebody it is not addressed to.
    pub async fn acknowledge_handover(
        &self,
        thread: String,
        handover: String,
        synthesis: String,
    ) -> Result<String, RelaisError> {
        let channel = ChannelId::parse(&thread, "thread")?;
        let handover = EventId::parse(&handover, "handover")?;
        self.call(move |engine| {
            let event = engine.acknowledge_handover(channel, handover, &synthesis)?;
            Ok(event.to_string())
        })
        .await
    }

    /// Everything that failed, the oldest first. Fails with `Fatal` after closing.
    pub async fn failed_acts(&self) -> Result<Vec<FailedAct>, RelaisError> {
        self.call(|engine| Ok(engine.failed_acts()?.into_iter().map(Into::into).collect()))
            .await
    }

    /// Sends something that failed once more. Fails with `Rejected` when nothing failed
    /// under this number.
    pub async fn retry(&self, number: i64) -> Result<(), RelaisError> {
        self.call(move |engine| Ok(engine.retry(number)?)).await
    }

    /// Forgets something that failed. Fails with `Rejected` when nothing failed under this
    /// number.
    pub async fn discard(&self, number: i64) -> Result<(), RelaisError> {
        self.call(move |engine| Ok(engine.discard(number)?)).await
    }
}
