//! Tasks: created, taken, done, or declined with a reason.

use relais_content::limits::TITLE_CHARS;
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

    /// Takes a message: a task about it is created, if there is none, and taken, both at
    /// once. It is then no longer among what is urgent and nobody took.
    ///
    /// # Errors
    /// [`Error::Unknown`] for what is no message of the log, [`Error::NotAllowed`] when
    /// somebody has taken it, and those of [`Engine::create_task`].
    pub fn take_message(&mut self, channel: ChannelId, event: EventId) -> Result<TaskId> {
        let seq = self.event_seq(channel, event)?;
        let seq = seq.ok_or(Error::Unknown("message"))?;
        let content = crate::content::said_in(&self.event_at(channel, seq)?)?.content;
        let Some(Kind::Message(message)) = content.and_then(|content| content.kind) else {
            return Err(Error::Unknown("message"));
        };
        let (task, status) = self.task_about(channel, event)?;
        if status.is_some_and(|s| task_after(s.number(), TaskChange::Taken).is_none()) {
            return Err(Error::NotAllowed(Denial::TaskState));
        }
        let created = TaskCreated {
            task_id: task.to_bytes(),
            title: title_of(&message.text),
            priority: message.priority,
            linked_event: event.to_bytes(),
            ..TaskCreated::default()
        };
        let taken = TaskChanged {
            task_id: task.to_bytes(),
            change: TaskChange::Taken.into(),
            reason: String::new(),
        };
        self.transaction(|engine| {
            if status.is_none() {
                engine.write_inside(channel, Kind::TaskCreated(created))?;
            }
            engine.write_inside(channel, Kind::TaskChanged(taken))?;
            Ok(task)
        })
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

/// The first line of a text that says something, as far as a title goes.
fn title_of(text: &str) -> String {
    let spaced = |c: char| match c {
        '\t' | '\u{2028}' | '\u{2029}' => ' ',
        c => c,
    };
    let lines = text.lines().map(|line| line.chars().map(spaced).collect());
    let says = |line: &String| line.chars().any(char::is_alphanumeric);
    let line: String = lines.clone().find(says).unwrap_or_else(|| text_of(lines));
    let line = line.trim();
    match line.chars().count() > TITLE_CHARS {
        true => line.chars().take(TITLE_CHARS - 1).chain(['…']).collect(),
        false => line.to_owned(),
    }
}

/// Lines as one.
fn text_of(lines: impl Iterator<Item = String>) -> String {
    lines.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_is_the_first_line_that_says_something() {
        assert_eq!(title_of("\n  \nFièvre\t39,2\nDepuis hier"), "Fièvre 39,2");
        assert_eq!(title_of("🆘\n🆘"), "🆘 🆘");
        let long = "é".repeat(200);
        let title = title_of(&long);
        assert_eq!((title.chars().count(), title.ends_with("é…")), (120, true));
        assert_eq!(title_of(&long[..240]), "é".repeat(120));
    }
}
