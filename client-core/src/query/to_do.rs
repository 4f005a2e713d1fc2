//! What there is to do, across threads: what is urgent and nobody took, what waits for this
//! person, what they have not read.

use std::collections::{BTreeMap, BTreeSet};

use prost::bytes::Bytes;
use relais_content::v1::{PatientHeader, TaskCreated, content::Kind};
use relais_wire::ids::{ChannelId, EventId, ProfessionalId};
use rusqlite::{OptionalExtension, params};

use super::open_tasks::is_untaken;
use super::tasks::{TaskRecord, TaskStatus};
use super::threads::{ThreadRecord, ThreadState};
use super::timeline::Delivered;
use crate::engine::Engine;
use crate::error::Result;
use crate::outbox::intent::{self, Wish};

/// Urgent messages that nobody has taken.
pub(super) const URGENT: &str = "SELECT u.channel, u.event FROM urgent u ORDER BY u.seq";

/// Handovers that wait for a person.
pub(super) const AWAITED: &str =
    "SELECT a.channel, a.handover FROM awaited a WHERE a.professional = ?1";

/// The last thing that somebody said or did in a thread.
pub(super) const LAST: &str = "SELECT event_id FROM shown_events WHERE channel = ?1 AND seq =
     (SELECT max(seq) FROM said_events WHERE channel = ?1)";

/// What there is to do.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ToDo {
    /// Urgent, and nobody has taken it: tasks, and messages of others. Reading does not take
    /// it away.
    pub urgent: Vec<ToDoRow>,
    /// Waits for this person: handovers to acknowledge, tasks that are theirs.
    pub to_answer: Vec<ToDoRow>,
    /// Threads with something unread, by their last event.
    pub rest: Vec<ToDoRow>,
    /// Whether there are more of the rest.
    pub more: bool,
}

/// One thing to do.
#[derive(Debug, Clone, PartialEq)]
pub struct ToDoRow {
    /// Where.
    pub channel: ChannelId,
    /// Title of the thread.
    pub title: String,
    /// Of whom it is, once somebody wrote it.
    pub patient: Option<PatientHeader>,
    /// What it is.
    pub subject: Subject,
    /// Its event, or the one that a task is about.
    pub event: Option<EventId>,
    /// Who asks or says it.
    pub by: ProfessionalId,
    /// Their name.
    pub by_name: String,
    /// Code of their profession; `None` while the card is not here, 0 for a lay person.
    pub by_profession: Option<u32>,
    /// When, server time; the device's own until the log settled it.
    pub time_ms: u64,
    /// Until when, milliseconds since the Unix epoch.
    pub until_ms: Option<u64>,
    /// Of the photo that it is, or is about.
    pub thumbnail: Option<Bytes>,
    /// Other members who have it on a device.
    pub delivered: u32,
    /// Other members who have read so far.
    pub read: u32,
    /// Other members.
    pub of: u32,
    /// What is unread in the thread.
    pub unread: u64,
}

impl ToDoRow {
    /// By its term, then the oldest first.
    fn order(&self) -> (u64, u64) {
        (self.until_ms.unwrap_or(u64::MAX), self.time_ms)
    }
}

/// What there is to do.
#[derive(Debug, Clone, PartialEq)]
pub enum Subject {
    /// A task.
    Task(TaskRecord),
    /// An event; a photo without its thumbnail, which the row has.
    Event(Box<Kind>),
}

/// Threads in which something can be done.
pub(super) type Live = BTreeMap<ChannelId, ThreadRecord>;

pub(super) fn live(threads: Vec<ThreadRecord>) -> Live {
    let is_live = |thread: &ThreadRecord| {
        matches!(
            thread.state,
            ThreadState::Joined | ThreadState::Creating | ThreadState::Rejoining(_)
        )
    };
    let live = threads.into_iter().filter(is_live);
    live.map(|thread| (thread.channel, thread)).collect()
}

fn is_urgent(task: &TaskRecord) -> bool {
    task.priority == relais_content::v1::Priority::Urgent
}

/// What rows share, by thread.
pub(super) type Seen = BTreeMap<ChannelId, Thread>;

/// What the rows of one thread share.
pub(super) struct Thread {
    record: ThreadRecord,
    patient: Option<PatientHeader>,
    delivered: Vec<Delivered>,
    reads: BTreeMap<ProfessionalId, u64>,
}

/// An event, as a row needs it.
struct Said {
    seq: Option<u64>,
    author: ProfessionalId,
    time_ms: u64,
    kind: Kind,
}

impl Engine {
    /// What there is to do, with at most `limit` rows of the rest.
    ///
    /// # Errors
    /// [`crate::Error::NotEnrolled`], or of the database.
    pub fn to_do(&self, limit: usize) -> Result<ToDo> {
        let me = self.identity()?.professional();
        let threads = self.threads()?;
        let order: Vec<ChannelId> = threads.iter().map(|thread| thread.channel).collect();
        let live = live(threads);
        let mut seen = BTreeMap::new();
        let tasks = self.open_tasks_of(&live)?;
        let mut to_do = ToDo {
            urgent: self.untaken(&live, &tasks, Some(me), &mut seen)?,
            ..ToDo::default()
        };
        for (channel, task) in tasks {
            let mine = match task.status {
                TaskStatus::Taken => task.actor == Some(me),
                _ => task.owner == Some(me) && task.status == TaskStatus::Open,
            };
            if mine && !(is_urgent(&task) && is_untaken(&task)) {
                let row = self.task_row(&live[&channel], task, &mut seen)?;
                to_do.to_answer.push(row);
            }
        }
        for (channel, event) in self.awaited_handovers(&live, me)? {
            if let Some(said) = self.said_at(channel, event)? {
                let row = self.event_row(&live[&channel], event, said, &mut seen)?;
                to_do.to_answer.push(row);
            }
        }
        to_do.to_answer.sort_by_key(ToDoRow::order);
        let shown = to_do.urgent.iter().chain(&to_do.to_answer);
        let shown: BTreeSet<_> = shown.map(|row| (row.channel, row.event)).collect();
        let unread = order.into_iter().filter_map(|channel| live.get(&channel));
        for thread in unread.filter(|thread| thread.unread > 0) {
            let last: Option<[u8; 16]> = self
                .db
                .prepare_cached(LAST)?
                .query_row([thread.channel.0], |row| row.get(0))
                .optional()?;
            let Some(event) = last.map(EventId) else {
                continue;
            };
            // Nothing that the groups above do not show.
            if thread.unread == 1 && shown.contains(&(thread.channel, Some(event))) {
                continue;
            }
            if to_do.rest.len() == limit {
                to_do.more = true;
                break;
            }
            if let Some(said) = self.said_at(thread.channel, event)? {
                to_do
                    .rest
                    .push(self.event_row(thread, event, said, &mut seen)?);
            }
        }
        Ok(to_do)
    }

    /// What is urgent and nobody has taken, the most urgent first: tasks, and messages of
    /// others than `but`.
    pub(super) fn untaken(
        &self,
        live: &Live,
        tasks: &[(ChannelId, TaskRecord)],
        but: Option<ProfessionalId>,
        seen: &mut Seen,
    ) -> Result<Vec<ToDoRow>> {
        let mut rows = Vec::new();
        let mut represented = BTreeSet::new();
        for (channel, task) in tasks {
            if is_urgent(task) && is_untaken(task) {
                represented.extend(task.linked_event.map(|event| (*channel, event)));
                rows.push(self.task_row(&live[channel], task.clone(), seen)?);
            }
        }
        for (channel, event) in self.untaken_messages(live)? {
            if represented.contains(&(channel, event)) {
                continue; // By its task.
            }
            let said = self.said_at(channel, event)?;
            if let Some(said) = said.filter(|said| Some(said.author) != but) {
                rows.push(self.event_row(&live[&channel], event, said, seen)?);
            }
        }
        rows.sort_by_key(ToDoRow::order);
        Ok(rows)
    }

    /// Urgent messages for which nobody has taken a task, this device included.
    fn untaken_messages(&self, live: &Live) -> Result<Vec<(ChannelId, EventId)>> {
        let mut list: Vec<(ChannelId, EventId)> = self
            .db
            .prepare_cached(URGENT)?
            .query_map([], |row| Ok((ChannelId(row.get(0)?), EventId(row.get(1)?))))?
            .collect::<std::result::Result<_, _>>()?;
        list.retain(|(channel, _)| live.contains_key(channel));
        for channel in self.unsettled_channels()? {
            let taken: BTreeSet<EventId> = self
                .tasks(channel)?
                .into_iter()
                .filter(|task| matches!(task.status, TaskStatus::Taken | TaskStatus::Done))
                .filter_map(|task| task.linked_event)
                .collect();
            list.retain(|(at, event)| *at != channel || !taken.contains(event));
        }
        Ok(list)
    }

    fn awaited_handovers(
        &self,
        live: &Live,
        me: ProfessionalId,
    ) -> Result<Vec<(ChannelId, EventId)>> {
        let mut list: Vec<(ChannelId, EventId)> = self
            .db
            .prepare_cached(AWAITED)?
            .query_map([me.0], |row| {
                Ok((ChannelId(row.get(0)?), EventId(row.get(1)?)))
            })?
            .collect::<std::result::Result<_, _>>()?;
        list.retain(|(channel, _)| live.contains_key(channel));
        for channel in self.unsettled_channels()? {
            for (intent, state, _) in intent::unsettled(&self.db, channel)? {
                if let (Wish::Event { signed, .. }, true) = (&intent.wish, state != "failed")
                    && let Some(content) = crate::content::body_of(signed)?.content
                    && let Some(Kind::HandoverAcknowledged(ack)) = content.kind
                {
                    list.retain(|(_, event)| event.to_bytes() != ack.handover);
                }
            }
        }
        Ok(list)
    }

    /// An event of the log.
    fn said_at(&self, channel: ChannelId, event: EventId) -> Result<Option<Said>> {
        let row: Option<(u64, [u8; 16], u64, Vec<u8>)> = self
            .db
            .prepare_cached(
                "SELECT seq, professional, time_ms, signed FROM shown_events
                 WHERE channel = ?1 AND event_id = ?2",
            )?
            .query_row(params![channel.0, event.0], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
            })
            .optional()?;
        let Some((seq, author, time_ms, signed)) = row else {
            return Ok(None);
        };
        let content = crate::content::said_in(&signed)?.content;
        let kind = content.and_then(|content| content.kind);
        Ok(kind.map(|kind| Said {
            seq: Some(seq),
            author: ProfessionalId(author),
            time_ms,
            kind,
        }))
    }

    fn task_row(
        &self,
        thread: &ThreadRecord,
        task: TaskRecord,
        seen: &mut Seen,
    ) -> Result<ToDoRow> {
        let seq: Option<u64> = self
            .db
            .prepare_cached("SELECT seq FROM tasks WHERE channel = ?1 AND task = ?2")?
            .query_row(params![thread.channel.0, task.task.0], |row| row.get(0))
            .optional()?;
        let photo = match task.linked_event {
            Some(event) => self.photo_record(thread.channel, event)?,
            None => None,
        };
        let said = (seq, task.requester, task.created_ms);
        let mut row = self.row(thread, Subject::Task(task.clone()), said, seen)?;
        row.event = task.linked_event;
        row.until_ms = task.due_ms;
        row.thumbnail = photo.map(|record| record.photo.thumbnail);
        Ok(row)
    }

    fn event_row(
        &self,
        thread: &ThreadRecord,
        event: EventId,
        mut said: Said,
        seen: &mut Seen,
    ) -> Result<ToDoRow> {
        let (mut until_ms, mut thumbnail) = (None, None);
        match &mut said.kind {
            Kind::HandoverNote(note) => {
                until_ms = (note.deadline_ms != 0).then_some(note.deadline_ms);
            }
            Kind::TaskCreated(TaskCreated { due_ms, .. }) => {
                until_ms = (*due_ms != 0).then_some(*due_ms);
            }
            Kind::Photo(photo) => thumbnail = Some(std::mem::take(&mut photo.thumbnail)),
            Kind::WoundAssessed(found) => {
                if let Ok(photo) = EventId::try_from(&found.photo) {
                    let photo = self.photo_record(thread.channel, photo)?;
                    thumbnail = photo.map(|record| record.photo.thumbnail);
                }
            }
            _ => {}
        }
        let place = (said.seq, said.author, said.time_ms);
        let mut row = self.row(thread, Subject::Event(Box::new(said.kind)), place, seen)?;
        (row.event, row.until_ms, row.thumbnail) = (Some(event), until_ms, thumbnail);
        Ok(row)
    }

    fn row(
        &self,
        thread: &ThreadRecord,
        subject: Subject,
        (seq, by, time_ms): (Option<u64>, ProfessionalId, u64),
        seen: &mut Seen,
    ) -> Result<ToDoRow> {
        let channel = thread.channel;
        if let std::collections::btree_map::Entry::Vacant(entry) = seen.entry(channel) {
            entry.insert(Thread {
                record: thread.clone(),
                patient: self.header_record(channel)?.map(|record| record.header),
                delivered: self.delivered_to(channel)?,
                reads: self.reads_of(channel)?,
            });
        }
        let thread = &seen[&channel];
        let others = thread.delivered.iter().filter(|d| d.professional != by);
        let me = self.identity()?.professional();
        let has = |d: &&Delivered| seq.is_some_and(|seq| d.cursor >= seq || d.professional == me);
        let reads = |d: &&Delivered| {
            let read = thread.reads.get(&d.professional);
            seq.is_some_and(|seq| read.is_some_and(|read| *read >= seq))
        };
        let count = |of: usize| u32::try_from(of).unwrap_or(u32::MAX);
        let others = others.filter(|d| seq.is_none_or(|seq| d.since < seq));
        Ok(ToDoRow {
            channel,
            title: thread.record.title.clone(),
            patient: thread.patient.clone(),
            subject,
            event: None,
            by,
            by_name: self.name(&by),
            by_profession: self.card(&by)?.map(|card| card.profession),
            time_ms,
            until_ms: None,
            thumbnail: None,
            delivered: count(others.clone().filter(has).count()),
            read: count(others.clone().filter(reads).count()),
            of: count(others.count()),
            unread: thread.record.unread,
        })
    }

    fn reads_of(&self, channel: ChannelId) -> Result<BTreeMap<ProfessionalId, u64>> {
        let mut statement = self
            .db
            .prepare_cached("SELECT professional, seq FROM reads WHERE channel = ?1")?;
        let rows = statement.query_map([channel.0], |row| {
            Ok((ProfessionalId(row.get(0)?), row.get(1)?))
        })?;
        Ok(rows.collect::<std::result::Result<_, _>>()?)
    }
}
