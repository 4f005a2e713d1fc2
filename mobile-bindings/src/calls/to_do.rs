//! What there is to do, across threads.

use relais_core::wire::ids::{ChannelId, EventId};

use crate::error::RelaisError;
use crate::records::Id;
use crate::records::cockpit::Cockpit;
use crate::records::to_do::{PlacedTask, ToDo};
use crate::relais::Relais;

#[cfg_attr(feature = "uniffi", uniffi::export)]
impl Relais {
    /// What there is to do, with at most `limit` rows of the rest. Fails with `Rejected`
    /// before joining.
    pub async fn to_do(&self, limit: u32) -> Result<ToDo, RelaisError> {
        self.call(move |engine| Ok(engine.to_do(limit as usize)?.into()))
            .await
    }

    /// Tasks of all threads that can be used, that are not done: by due date. Fails with
    /// `Rejected` before joining.
    pub async fn open_tasks(&self) -> Result<Vec<PlacedTask>, RelaisError> {
        self.call(|engine| Ok(engine.open_tasks()?.into_iter().map(Into::into).collect()))
            .await
    }

    /// What a coordinator looks after, in the threads that they are in. Fails with `Rejected`
    /// before joining.
    pub async fn cockpit(&self) -> Result<Cockpit, RelaisError> {
        self.call(|engine| Ok(engine.cockpit()?.into())).await
    }

    /// Takes a message: creates a task about it, unless there is one, and takes it; answers
    /// the task's id. Of two people at once, the one whose act the log shows first has it.
    /// Fails with `Rejected` when somebody has taken it, or for a reader.
    pub async fn take_message(&self, thread: String, event: String) -> Result<String, RelaisError> {
        let channel = ChannelId::parse(&thread, "thread")?;
        let event = EventId::parse(&event, "event")?;
        self.call(move |engine| Ok(engine.take_message(channel, event)?.to_string()))
            .await
    }
}
