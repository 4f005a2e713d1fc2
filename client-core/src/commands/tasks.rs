//! Tasks: created, taken, done, or declined with a reason.

use relais_content::v1::{Priority, TaskChange, TaskChanged, TaskCreated, content::Kind};
use relais_wire::ids::{ChannelId, EventId, ProfessionalId, TaskId};

use crate::engine::Engine;
use crate::error::{Denial, Error, Result};
use crate::projection::task_after;

/// A task as it is created.
#[derive(Debug, Clone)]
pub struct NewTask {
    /// What is to be done, in a line.
    pub title: String,
    /// The rest; may be empty.
    pub detail: String,
    /// Who is to do it; `None`: anyone may take it.
    pub owner: Option<ProfessionalId>,
    /// How urgent it is.
    pub priority: Priority,
    /// By when, milliseconds since the Unix epoch.
    pub due_ms: Option<u64>,
    /// What it is about.
    pub linked_event: Option<EventId>,
}

impl Engine {
    /// Creates a task.
    ///
    /// # Errors
    /// [`Error::Invalid`] naming the field, [`Error::Unknown`] thread or event,
    /// [`Error::NotAllowed`] for a reader.
    pub fn create_task(&mut self, channel: ChannelId, new: &NewTask) -> Result<TaskId> {
        if let Some(event) = new.linked_event {
            self.require_event(channel, event)?;
        }
        if let Some(owner) = &new.owner {
            let roster = self.roster(channel)?;
            if !self.will_be_member(channel, &roster, owner) {
                return Err(Error::invalid("owner", "is not a member of this thread"));
            }
        }
        let task = TaskId(self.random()?);
        let created = TaskCreated {
            task_id: task.to_bytes(),
            title: new.title.clone(),
            detail: new.detail.clone(),
            owner: new.owner.map(ProfessionalId::to_bytes).unwrap_or_default(),
            priority: new.priority.into(),
            due_ms: new.due_ms.unwrap_or(0),
            linked_event: new.linked_event.map(EventId::to_bytes).unwrap_or_default(),
        };
        self.write(channel, Kind::TaskCreated(created))?;
        Ok(task)
    }

    /// Takes a task, ticks it, or declines it with a reason. When two people act
    /// at once, the one whose act the log shows first counts.
    ///
    /// # Errors
    /// [`Error::Unknown`] task, [`Error::NotAllowed`] when the task is not in a
    /// state that may change so, and those of [`Engine::create_task`].
    pub fn change_task(
        &mut self,
        channel: ChannelId,
        task: TaskId,
        change: TaskChange,
        reason: &str,
    ) -> Result<EventId> {
        let record = self
            .tasks(channel)?
            .into_iter()
            .find(|t| t.task == task)
            .ok_or(Error::Unknown("task"))?;
        if task_after(record.status.number(), change).is_none() {
            return Err(Error::NotAllowed(Denial::TaskState));
        }
        let changed = TaskChanged {
            task_id: task.to_bytes(),
            change: change.into(),
            reason: reason.to_owned(),
        };
        self.write(channel, Kind::TaskChanged(changed))
    }
}
