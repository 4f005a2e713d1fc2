//! What a thread shows, folded from its events in log order. Every device folds
//! the same entries in the same order into the same rows (invariant 3), so a fold
//! reads nothing but the database and the entry: no clock, no own identity.

mod hash;
mod search;
mod waiting;
mod wounds;

pub use hash::ProjectionRow;
pub(crate) use wounds::{wound_after, wound_status};

use prost::Message;
use relais_content::v1::{
    self as content, Content, MembershipNote, TaskChange, TaskChanged, ThreadOpened, content::Kind,
};
use relais_wire::ids::{ChannelId, EventId, ProfessionalId};
use relais_wire::roster::CheckedRoster;
use relais_wire::v1::SignedRoster;
use rusqlite::{OptionalExtension, params};

use crate::engine::{Engine, Event};
use crate::error::Result;

/// An event that was verified, at its place in the log.
pub(crate) struct Folded<'a> {
    pub channel: ChannelId,
    pub id: EventId,
    pub seq: u64,
    pub time_ms: u64,
    pub author: ProfessionalId,
    pub content: &'a Content,
}

/// Status numbers of the tasks table.
pub(crate) mod task_status {
    pub const OPEN: i64 = 0;
    pub const TAKEN: i64 = 1;
    pub const DONE: i64 = 2;
    pub const DECLINED: i64 = 3;
}

/// Whether a task in `status` may change so: the first one in the log wins.
pub(crate) fn task_after(status: i64, change: TaskChange) -> Option<i64> {
    use task_status::{DECLINED, DONE, OPEN, TAKEN};
    match (status, change) {
        (OPEN | DECLINED, TaskChange::Taken) => Some(TAKEN),
        (OPEN | TAKEN, TaskChange::Done) => Some(DONE),
        (OPEN | TAKEN, TaskChange::Declined) => Some(DECLINED),
        _ => None,
    }
}

/// Tables of rows that a channel's events fold into.
const PROJECTIONS: &[&str] = &[
    "headers",
    "circle",
    "tasks",
    "acknowledgements",
    "reads",
    "wounds",
    "wound_assessments",
    "wound_photos",
    "urgent",
    "awaited",
];

impl Engine {
    /// Folds an event at the end of the log, with what follows from it beside the
    /// projections. `of_lost_log`: its author had seen another log, and names what that
    /// one had.
    pub(crate) fn fold(&mut self, event: &Folded<'_>, of_lost_log: bool) -> Result<()> {
        self.fold_rows(event.channel, event)?;
        match &event.content.kind {
            Some(Kind::ThreadOpened(opened)) => {
                self.name_thread(event.channel, opened)?;
                match of_lost_log {
                    true => Ok(()),
                    false => self.learn_rosters(event.channel, opened),
                }
            }
            Some(Kind::MembershipNote(note)) => self.expect_history(event, note),
            Some(Kind::Photo(photo)) => match &photo.original {
                Some(original) => self.expect_blob(event.channel, original),
                None => Ok(()),
            },
            _ => Ok(()),
        }
    }

    /// Folds an event into the projections that are kept under `rows`: those of its
    /// channel, or others that are built beside them.
    pub(crate) fn fold_rows(&self, rows: ChannelId, event: &Folded<'_>) -> Result<()> {
        match &event.content.kind {
            Some(Kind::PatientHeader(header)) => self.fold_header(rows, event, header),
            Some(Kind::MembershipNote(note)) => self.fold_note(rows, event, note),
            Some(Kind::TaskCreated(task)) => self.fold_task(rows, event, task),
            Some(Kind::TaskChanged(change)) => self.fold_task_change(rows, event, change),
            Some(Kind::HandoverAcknowledged(ack)) => self.fold_acknowledgement(rows, event, ack),
            Some(Kind::ReadMarker(marker)) => self.fold_read(rows, event, marker.seq),
            Some(Kind::Message(message)) => self.fold_message(rows, event, message),
            Some(Kind::HandoverNote(note)) => self.fold_handover(rows, event, note),
            Some(Kind::WoundOpened(wound)) => self.fold_wound(rows, event, wound),
            Some(Kind::WoundAssessed(found)) => self.fold_assessment(rows, event, found),
            Some(Kind::WoundChanged(change)) => self.fold_wound_change(rows, event, change),
            Some(Kind::Photo(photo)) => self.fold_wound_photo(rows, event, photo),
            // The events table is their projection.
            Some(
                Kind::ThreadOpened(_)
                | Kind::HistoryShared(_)
                | Kind::Void(_)
                // What they recover is folded in their place.
                | Kind::Recovered(_),
            )
            | None => Ok(()),
        }
    }

    /// Puts the projections built under `beside` in the place of the channel's.
    pub(crate) fn swap_rows(&self, channel: ChannelId, beside: ChannelId) -> Result<()> {
        for table in PROJECTIONS {
            self.db
                .prepare_cached(&format!("DELETE FROM {table} WHERE channel = ?1"))?
                .execute([channel.0])?;
            self.db
                .prepare_cached(&format!(
                    "UPDATE {table} SET channel = ?1 WHERE channel = ?2"
                ))?
                .execute([channel.0, beside.0])?;
        }
        Ok(())
    }

    /// The thread is what its latest opening says.
    pub(crate) fn name_thread(&mut self, channel: ChannelId, opened: &ThreadOpened) -> Result<()> {
        self.db
            .prepare_cached(
                "UPDATE channels SET thread = ?2, kind = ?3, title = ?4 WHERE channel = ?1",
            )?
            .execute(params![
                channel.0,
                opened.thread_id.as_ref(),
                opened.channel_kind,
                opened.title
            ])?;
        self.events.push_back(Event::ThreadsChanged);
        Ok(())
    }

    /// A joiner verifies the rosters back to the creation (architecture D11).
    fn learn_rosters(&mut self, channel: ChannelId, opened: &ThreadOpened) -> Result<()> {
        let known = self.roster(channel)?;
        let mut chain: Vec<CheckedRoster> = Vec::new();
        for bytes in &opened.rosters {
            let roster = SignedRoster::decode(bytes.clone())
                .ok()
                .and_then(|signed| CheckedRoster::read(&signed).ok());
            let follows = |roster: &CheckedRoster| match chain.last() {
                None => roster.version == 1 && roster.predecessor.is_empty(),
                Some(p) => roster.version == p.version + 1 && roster.predecessor == p.hash,
            };
            let Some(roster) = roster.filter(|r| r.channel == channel && follows(r)) else {
                return Ok(()); // The chain is not proved; the roster in force still is.
            };
            chain.push(roster);
        }
        // What leads to the roster in force is proved by its hash. What is said to follow
        // it is of a log that a restored server lost, or somebody's invention.
        let proved = chain.iter().position(|roster| roster.hash == known.hash);
        let proved = proved.map_or(0, |last| last + 1);
        let mut proved = chain.iter().take(proved);
        proved.try_for_each(|roster| self.put_roster(channel, roster, None))
    }

    fn fold_header(
        &self,
        rows: ChannelId,
        event: &Folded<'_>,
        header: &content::PatientHeader,
    ) -> Result<()> {
        self.db
            .prepare_cached(
                "INSERT OR REPLACE INTO headers (channel, seq, author, time_ms, header)
                 VALUES (?1, ?2, ?3, ?4, ?5)",
            )?
            .execute(params![
                rows.0,
                event.seq,
                event.author.0,
                event.time_ms,
                header.encode_to_vec()
            ])?;
        Ok(())
    }

    fn fold_note(&self, rows: ChannelId, event: &Folded<'_>, note: &MembershipNote) -> Result<()> {
        self.db
            .prepare_cached(
                "INSERT OR REPLACE INTO circle (channel, professional, seq, note)
                 VALUES (?1, ?2, ?3, ?4)",
            )?
            .execute(params![
                rows.0,
                note.professional_id.as_ref(),
                event.seq,
                note.encode_to_vec()
            ])?;
        Ok(())
    }

    fn fold_task(
        &self,
        rows: ChannelId,
        event: &Folded<'_>,
        task: &content::TaskCreated,
    ) -> Result<()> {
        // The first creation of an id counts.
        self.db
            .prepare_cached(
                "INSERT OR IGNORE INTO tasks (channel, task, seq, requester, created_ms, content,
                 status, actor, changed_ms, reason, linked)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, 0, x'', 0, '', ?7)",
            )?
            .execute(params![
                rows.0,
                task.task_id.as_ref(),
                event.seq,
                event.author.0,
                event.time_ms,
                task.encode_to_vec(),
                task.linked_event.as_ref()
            ])?;
        Ok(())
    }

    fn fold_task_change(
        &self,
        rows: ChannelId,
        event: &Folded<'_>,
        change: &TaskChanged,
    ) -> Result<()> {
        let status: Option<i64> = self
            .db
            .prepare_cached("SELECT status FROM tasks WHERE channel = ?1 AND task = ?2")?
            .query_row(params![rows.0, change.task_id.as_ref()], |row| row.get(0))
            .optional()?;
        // A task of before this device joined, or a change that came too late: the
        // event stays in the timeline, the task is as the earlier one left it.
        let Some(next) = status.and_then(|status| task_after(status, change.change())) else {
            return Ok(());
        };
        self.db
            .prepare_cached(
                "UPDATE tasks SET status = ?3, actor = ?4, changed_ms = ?5, reason = ?6
                 WHERE channel = ?1 AND task = ?2",
            )?
            .execute(params![
                rows.0,
                change.task_id.as_ref(),
                next,
                event.author.0,
                event.time_ms,
                change.reason
            ])?;
        if matches!(next, task_status::TAKEN | task_status::DONE) {
            self.take_urgent(rows, &change.task_id)?;
        }
        Ok(())
    }

    fn fold_acknowledgement(
        &self,
        rows: ChannelId,
        event: &Folded<'_>,
        ack: &content::HandoverAcknowledged,
    ) -> Result<()> {
        self.db
            .prepare_cached(
                "INSERT OR IGNORE INTO acknowledgements
                 (channel, handover, professional, seq, time_ms, synthesis)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            )?
            .execute(params![
                rows.0,
                ack.handover.as_ref(),
                event.author.0,
                event.seq,
                event.time_ms,
                ack.synthesis
            ])?;
        self.end_awaited(rows, event.author, &ack.handover)
    }

    fn fold_read(&self, rows: ChannelId, event: &Folded<'_>, seq: u64) -> Result<()> {
        // A marker beyond the head reads as the head; it never goes back.
        self.db
            .prepare_cached(
                "INSERT INTO reads (channel, professional, seq) VALUES (?1, ?2, ?3)
                 ON CONFLICT DO UPDATE SET seq = max(seq, excluded.seq)",
            )?
            .execute(params![rows.0, event.author.0, seq.min(event.seq)])?;
        Ok(())
    }

    /// What a channel is: from its opening, or from the event at hand when that
    /// is the opening.
    pub(crate) fn channel_kind(
        &self,
        channel: ChannelId,
        content: &Content,
    ) -> Result<content::ChannelKind> {
        let number: i32 = self
            .db
            .prepare_cached("SELECT kind FROM channels WHERE channel = ?1")?
            .query_row([channel.0], |row| row.get(0))?;
        let known = content::ChannelKind::try_from(number).unwrap_or_default();
        Ok(match (&content.kind, known) {
            (Some(Kind::ThreadOpened(opened)), content::ChannelKind::Unspecified) => {
                opened.channel_kind()
            }
            // Until its opening arrives a channel is taken for a main one.
            (_, content::ChannelKind::Unspecified) => content::ChannelKind::Main,
            _ => known,
        })
    }
}
