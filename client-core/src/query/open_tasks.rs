//! Tasks that are not done, across threads.

use std::collections::{BTreeMap, BTreeSet};

use relais_content::v1::PatientHeader;
use relais_wire::ids::{ChannelId, EventId, TaskId};

use super::tasks::{TaskRecord, TaskStatus, settled};
use super::to_do::{Live, live};
use crate::engine::Engine;
use crate::error::Result;

/// Tasks that are not done. `?1`: one channel, or all.
pub(super) const OPEN_TASKS: &str = "SELECT content, requester, created_ms, status, actor,
     changed_ms, reason, channel FROM tasks WHERE status IN (0, 1, 3)";

/// A task with its thread.
#[derive(Debug, Clone, PartialEq)]
pub struct PlacedTask {
    /// Where.
    pub channel: ChannelId,
    /// Title of the thread.
    pub title: String,
    /// Of whom it is, once somebody wrote it.
    pub patient: Option<PatientHeader>,
    /// The task.
    pub task: TaskRecord,
}

/// Nobody does it.
pub(super) fn is_untaken(task: &TaskRecord) -> bool {
    matches!(task.status, TaskStatus::Open | TaskStatus::Declined)
}

impl Engine {
    /// Tasks of all threads that can be used, that are not done: by due date.
    ///
    /// # Errors
    /// [`crate::Error::NotEnrolled`], or of the database.
    pub fn open_tasks(&self) -> Result<Vec<PlacedTask>> {
        let live = live(self.threads()?);
        let tasks = self.open_tasks_of(&live)?;
        self.placed(&live, tasks)
    }

    /// Tasks with their threads, by due date.
    pub(super) fn placed(
        &self,
        live: &Live,
        tasks: Vec<(ChannelId, TaskRecord)>,
    ) -> Result<Vec<PlacedTask>> {
        let mut headers = BTreeMap::new();
        let mut list = Vec::new();
        for (channel, task) in tasks {
            if let std::collections::btree_map::Entry::Vacant(entry) = headers.entry(channel) {
                entry.insert(self.header_record(channel)?.map(|record| record.header));
            }
            list.push(PlacedTask {
                channel,
                title: live[&channel].title.clone(),
                patient: headers[&channel].clone(),
                task,
            });
        }
        list.sort_by_key(|placed| {
            (
                placed.task.due_ms.unwrap_or(u64::MAX),
                placed.task.created_ms,
            )
        });
        Ok(list)
    }

    /// Tasks of these threads that are not done, with what this device did about them.
    pub(super) fn open_tasks_of(&self, live: &Live) -> Result<Vec<(ChannelId, TaskRecord)>> {
        let unsettled = self.unsettled_channels()?;
        let mut list = Vec::new();
        let mut statement = self.db.prepare_cached(OPEN_TASKS)?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let channel = ChannelId(row.get(7)?);
            if live.contains_key(&channel) && !unsettled.contains(&channel) {
                list.push((channel, settled(row)?));
            }
        }
        for channel in unsettled.into_iter().filter(|c| live.contains_key(c)) {
            let tasks = self.tasks(channel)?.into_iter();
            let open = tasks.filter(|task| task.status != TaskStatus::Done);
            list.extend(open.map(|task| (channel, task)));
        }
        Ok(list)
    }

    /// Channels in which an event of this device is not settled.
    pub(super) fn unsettled_channels(&self) -> Result<BTreeSet<ChannelId>> {
        let mut statement = self.db.prepare_cached(
            "SELECT DISTINCT channel FROM intents
             WHERE state IN ('waiting', 'sent', 'unplaced') AND kind = 'event'",
        )?;
        let rows = statement.query_map([], |row| row.get(0).map(ChannelId))?;
        Ok(rows.collect::<std::result::Result<_, _>>()?)
    }

    /// A task about a message that nobody has taken: the one that somebody created, or the
    /// one that taking the message creates. Two people who take it at once mean the same.
    pub(crate) fn task_about(
        &self,
        channel: ChannelId,
        event: EventId,
    ) -> Result<(TaskId, Option<TaskStatus>)> {
        let own = TaskId(event.0);
        let tasks = self.tasks(channel)?;
        let about = |task: &&TaskRecord| task.linked_event == Some(event) || task.task == own;
        let taken = |task: &&TaskRecord| !is_untaken(task);
        let found = tasks.iter().filter(about).find(taken);
        let found = found.or_else(|| tasks.iter().find(about));
        Ok(found.map_or((own, None), |task| (task.task, Some(task.status))))
    }
}
