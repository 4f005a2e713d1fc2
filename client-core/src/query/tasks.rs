//! Tasks and handovers, with what this device did and the log has not settled.

use prost::Message;
use relais_content::v1::{HandoverNote, Priority, TaskChange, TaskCreated, content::Kind};
use relais_wire::ids::{ChannelId, EventId, ProfessionalId, TaskId};
use rusqlite::{Row, params};

use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::outbox::intent::{self, Wish};
use crate::projection::{task_after, task_status};

/// Where a task stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TaskStatus {
    /// Nobody has taken it.
    Open,
    /// Somebody does it.
    Taken,
    /// Done.
    Done,
    /// Declined with a reason; somebody else may take it.
    Declined,
}

impl TaskStatus {
    pub(crate) fn number(self) -> i64 {
        match self {
            Self::Open => task_status::OPEN,
            Self::Taken => task_status::TAKEN,
            Self::Done => task_status::DONE,
            Self::Declined => task_status::DECLINED,
        }
    }

    fn from_number(number: i64) -> Self {
        match number {
            task_status::TAKEN => Self::Taken,
            task_status::DONE => Self::Done,
            task_status::DECLINED => Self::Declined,
            _ => Self::Open,
        }
    }
}

/// A task.
#[derive(Debug, Clone, PartialEq)]
pub struct TaskRecord {
    /// Opaque id.
    pub task: TaskId,
    /// In a line.
    pub title: String,
    /// The rest.
    pub detail: String,
    /// Who asked.
    pub requester: ProfessionalId,
    /// Who is to do it, if somebody was named.
    pub owner: Option<ProfessionalId>,
    /// How urgent.
    pub priority: Priority,
    /// By when, milliseconds since the Unix epoch.
    pub due_ms: Option<u64>,
    /// Where it stands.
    pub status: TaskStatus,
    /// What it is about.
    pub linked_event: Option<EventId>,
    /// When it was created, server time; the device's own until the log settled it.
    pub created_ms: u64,
    /// Who changed it last.
    pub actor: Option<ProfessionalId>,
    /// When, server time; the device's own until the log settled it.
    pub changed_ms: u64,
    /// Why it was declined.
    pub reason: String,
    /// Its last change has not left this device or is not settled.
    pub pending: bool,
}

/// A handover note with its acknowledgements.
#[derive(Debug, Clone, PartialEq)]
pub struct HandoverRecord {
    /// The note's event.
    pub event: EventId,
    /// Who hands over.
    pub author: ProfessionalId,
    /// Server time; the device's own until the log settled it.
    pub time_ms: u64,
    /// The note.
    pub note: HandoverNote,
    /// Those whose acknowledgement completes it.
    pub receivers: Vec<ReceiverRecord>,
}

/// One receiver of a handover.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceiverRecord {
    /// Who.
    pub professional: ProfessionalId,
    /// Server time of the acknowledgement.
    pub acknowledged_ms: Option<u64>,
    /// The receiver's own words.
    pub synthesis: String,
}

impl HandoverRecord {
    /// Whether every receiver has acknowledged it.
    pub fn is_complete(&self) -> bool {
        self.receivers.iter().all(|r| r.acknowledged_ms.is_some())
    }
}

impl Engine {
    /// All tasks of a thread: open first, by due date.
    ///
    /// # Errors
    /// Of the database.
    pub fn tasks(&self, channel: ChannelId) -> Result<Vec<TaskRecord>> {
        let mut statement = self.db.prepare_cached(
            "SELECT content, requester, created_ms, status, actor, changed_ms, reason FROM tasks
             WHERE channel = ?1 ORDER BY seq",
        )?;
        let mut rows = statement.query([channel.0])?;
        let mut list = Vec::new();
        while let Some(row) = rows.next()? {
            list.push(settled(row)?);
        }
        self.apply_pending(channel, &mut list)?;
        list.sort_by_key(|task| {
            let open = matches!(task.status, TaskStatus::Open | TaskStatus::Taken);
            (!open, task.due_ms.unwrap_or(u64::MAX))
        });
        Ok(list)
    }

    fn apply_pending(&self, channel: ChannelId, list: &mut Vec<TaskRecord>) -> Result<()> {
        let me = self.identity()?.professional();
        for (intent, state, _) in intent::unsettled(&self.db, channel)? {
            let Wish::Event { signed, .. } = &intent.wish else {
                continue;
            };
            if state == "failed" {
                continue;
            }
            let content = crate::content::body_of(signed)?.content;
            match content.and_then(|c| c.kind) {
                Some(Kind::TaskCreated(created)) => {
                    let mut record = record(&created, me, intent.created_ms)?;
                    record.pending = true;
                    list.push(record);
                }
                Some(Kind::TaskChanged(change)) => {
                    let task = list
                        .iter_mut()
                        .find(|t| t.task.to_bytes() == change.task_id);
                    let Some(task) = task else { continue };
                    let kind = TaskChange::try_from(change.change).unwrap_or_default();
                    if let Some(next) = task_after(task.status.number(), kind) {
                        task.status = TaskStatus::from_number(next);
                        task.actor = Some(me);
                        task.changed_ms = intent.created_ms;
                        task.reason = change.reason;
                        task.pending = true;
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// All handover notes of a thread, the newest first.
    ///
    /// # Errors
    /// Of the database.
    pub fn handovers(&self, channel: ChannelId) -> Result<Vec<HandoverRecord>> {
        let mut statement = self.db.prepare_cached(
            "SELECT event_id, professional, time_ms, signed FROM shown_events
             WHERE channel = ?1 AND kind = 8 ORDER BY seq DESC",
        )?;
        type Row = ([u8; 16], [u8; 16], u64, Vec<u8>);
        let rows: Vec<Row> = statement
            .query_map([channel.0], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
            })?
            .collect::<Result<_, _>>()?;
        let mut list = Vec::new();
        for (event, author, time_ms, signed) in rows {
            let content = crate::content::said_in(&signed)?.content;
            let Some(Kind::HandoverNote(note)) = content.and_then(|c| c.kind) else {
                continue;
            };
            let mut receivers = Vec::new();
            for receiver in &note.receivers {
                let professional =
                    ProfessionalId::try_from(receiver).map_err(|_| Error::Corrupt("handover"))?;
                receivers.push(self.receiver(channel, EventId(event), professional)?);
            }
            list.push(HandoverRecord {
                event: EventId(event),
                author: ProfessionalId(author),
                time_ms,
                note,
                receivers,
            });
        }
        Ok(list)
    }

    fn receiver(
        &self,
        channel: ChannelId,
        handover: EventId,
        professional: ProfessionalId,
    ) -> Result<ReceiverRecord> {
        use rusqlite::OptionalExtension;
        let found: Option<(u64, String)> = self
            .db
            .prepare_cached(
                "SELECT time_ms, synthesis FROM acknowledgements
                 WHERE channel = ?1 AND handover = ?2 AND professional = ?3",
            )?
            .query_row(params![channel.0, handover.0, professional.0], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })
            .optional()?;
        let (acknowledged_ms, synthesis) =
            found.map_or((None, String::new()), |(t, s)| (Some(t), s));
        Ok(ReceiverRecord {
            professional,
            acknowledged_ms,
            synthesis,
        })
    }
}

/// A row of content, requester, creation, status, actor, change and reason.
pub(super) fn settled(row: &Row<'_>) -> Result<TaskRecord> {
    let (content, created_ms): (Vec<u8>, u64) = (row.get(0)?, row.get(2)?);
    let created = TaskCreated::decode(content.as_slice()).map_err(|_| Error::Corrupt("task"))?;
    let mut record = record(&created, ProfessionalId(row.get(1)?), created_ms)?;
    record.status = TaskStatus::from_number(row.get(3)?);
    record.actor = ProfessionalId::try_from(row.get::<_, Vec<u8>>(4)?.as_slice()).ok();
    record.changed_ms = row.get::<_, u64>(5)?.max(created_ms);
    record.reason = row.get(6)?;
    Ok(record)
}

fn record(task: &TaskCreated, requester: ProfessionalId, created_ms: u64) -> Result<TaskRecord> {
    Ok(TaskRecord {
        task: TaskId::try_from(&task.task_id).map_err(|_| Error::Corrupt("task"))?,
        title: task.title.clone(),
        detail: task.detail.clone(),
        requester,
        owner: ProfessionalId::try_from(&task.owner).ok(),
        priority: task.priority(),
        due_ms: (task.due_ms != 0).then_some(task.due_ms),
        status: TaskStatus::Open,
        linked_event: EventId::try_from(&task.linked_event).ok(),
        created_ms,
        actor: None,
        changed_ms: created_ms,
        reason: String::new(),
        pending: false,
    })
}
