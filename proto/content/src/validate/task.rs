//! Tasks: their creation and each change. Who may change which task, and from
//! which state, is for the fold.

use super::check::{given, id, optional_id, optional_time, prose, required_line, required_prose};
use super::{Checked, FieldError};
use crate::limits;
use crate::v1::{Priority, TaskChange, TaskChanged, TaskCreated};

pub(super) fn created(task: &TaskCreated) -> Checked {
    id("task_id", &task.task_id)?;
    required_line("title", &task.title, limits::TITLE_CHARS)?;
    prose("detail", &task.detail, limits::DETAIL_CHARS)?;
    optional_id("owner", &task.owner)?;
    given::<Priority>("priority", task.priority)?;
    optional_time("due_ms", task.due_ms)?;
    optional_id("linked_event", &task.linked_event)
}

pub(super) fn changed(changed: &TaskChanged) -> Checked {
    id("task_id", &changed.task_id)?;
    match given("change", changed.change)? {
        TaskChange::Declined => required_prose("reason", &changed.reason, limits::REASON_CHARS),
        _ if !changed.reason.is_empty() => {
            Err(FieldError::new("reason", "belongs to a declined task only"))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::{self, refused_field};
    use super::*;

    #[test]
    fn a_task_has_a_title_and_a_priority() {
        assert_eq!(created(&samples::task_created()), Ok(()));
        let refuse = |field, change: fn(&mut TaskCreated)| {
            refused_field(samples::task_created(), change, created, field);
        };
        refuse("task_id", |t| t.task_id.clear());
        refuse("title", |t| t.title.clear());
        refuse("title", |t| t.title = "a\nb".into());
        refuse("detail", |t| t.detail = "d".repeat(4_001));
        refuse("owner", |t| t.owner = vec![1; 3].into());
        refuse("priority", |t| t.priority = 0);
        refuse("due_ms", |t| t.due_ms = u64::MAX);
        refuse("linked_event", |t| t.linked_event = vec![1; 15].into());

        let mut open_to_anyone = samples::task_created();
        open_to_anyone.owner.clear();
        open_to_anyone.linked_event.clear();
        open_to_anyone.due_ms = 0;
        assert_eq!(created(&open_to_anyone), Ok(()));
    }

    #[test]
    fn who_declines_says_why_and_nobody_else_does() {
        assert_eq!(changed(&samples::task_changed()), Ok(()));
        let refuse = |field, change: fn(&mut TaskChanged)| {
            refused_field(samples::task_changed(), change, changed, field);
        };
        refuse("task_id", |t| t.task_id = vec![1; 32].into());
        refuse("change", |t| t.change = 0);
        refuse("change", |t| t.change = 4);
        refuse("reason", |t| t.reason.clear());
        refuse("reason", |t| t.reason = "r".repeat(501));
        refuse("reason", |t| t.change = TaskChange::Done.into());

        for change in [TaskChange::Taken, TaskChange::Done] {
            let mut plain = samples::task_changed();
            plain.change = change.into();
            plain.reason.clear();
            assert_eq!(changed(&plain), Ok(()));
        }
    }
}
