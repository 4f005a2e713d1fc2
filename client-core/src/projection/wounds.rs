//! Wounds: their opening, their assessments and photos, and whether they are followed.

use prost::Message;
use relais_content::v1::{Photo, WoundAssessed, WoundChange, WoundChanged, WoundOpened};
use relais_wire::ids::{ChannelId, EventId};
use rusqlite::{OptionalExtension, params};

use super::Folded;
use crate::engine::Engine;
use crate::error::Result;

/// Status numbers of the wounds table.
pub(crate) mod wound_status {
    pub const OPEN: i64 = 0;
    pub const HEALED: i64 = 1;
    pub const CLOSED: i64 = 2;
}

/// Whether a wound in `status` may change so: the first one in the log wins.
pub(crate) fn wound_after(status: i64, change: WoundChange) -> Option<i64> {
    use wound_status::{CLOSED, HEALED, OPEN};
    match (status, change) {
        (OPEN, WoundChange::Healed) => Some(HEALED),
        (OPEN, WoundChange::Closed) => Some(CLOSED),
        (HEALED | CLOSED, WoundChange::Reopened) => Some(OPEN),
        _ => None,
    }
}

impl Engine {
    pub(super) fn fold_wound(
        &self,
        rows: ChannelId,
        event: &Folded<'_>,
        wound: &WoundOpened,
    ) -> Result<()> {
        // The first opening of an id counts.
        self.db
            .prepare_cached(
                "INSERT OR IGNORE INTO wounds (channel, wound, seq, author, time_ms, content,
                 status, actor, changed_ms, reason) VALUES (?1, ?2, ?3, ?4, ?5, ?6, 0, x'', 0, '')",
            )?
            .execute(params![
                rows.0,
                wound.wound_id.as_ref(),
                event.seq,
                event.author.0,
                event.time_ms,
                wound.encode_to_vec()
            ])?;
        Ok(())
    }

    /// An assessment counts whatever became of the wound meanwhile: what was seen was seen.
    pub(super) fn fold_assessment(
        &self,
        rows: ChannelId,
        event: &Folded<'_>,
        found: &WoundAssessed,
    ) -> Result<()> {
        self.db
            .prepare_cached(
                "INSERT OR IGNORE INTO wound_assessments (channel, wound, seq, event, author,
                 time_ms, content) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            )?
            .execute(params![
                rows.0,
                found.wound_id.as_ref(),
                event.seq,
                event.id.0,
                event.author.0,
                event.time_ms,
                found.encode_to_vec()
            ])?;
        let photo: Option<u64> = self
            .db
            .prepare_cached(
                "SELECT seq FROM events WHERE channel = ?1 AND event_id = ?2 AND kind = 5",
            )?
            .query_row(params![event.channel.0, found.photo.as_ref()], |row| {
                row.get(0)
            })
            .optional()?;
        match (photo, EventId::try_from(&found.photo)) {
            (Some(seq), Ok(photo)) => self.put_wound_photo(rows, &found.wound_id, seq, photo),
            _ => Ok(()),
        }
    }

    pub(super) fn fold_wound_photo(
        &self,
        rows: ChannelId,
        event: &Folded<'_>,
        photo: &Photo,
    ) -> Result<()> {
        match photo.wound_id.is_empty() {
            true => Ok(()),
            false => self.put_wound_photo(rows, &photo.wound_id, event.seq, event.id),
        }
    }

    fn put_wound_photo(
        &self,
        rows: ChannelId,
        wound: &[u8],
        seq: u64,
        photo: EventId,
    ) -> Result<()> {
        self.db
            .prepare_cached(
                "INSERT OR IGNORE INTO wound_photos (channel, wound, seq, event)
                 VALUES (?1, ?2, ?3, ?4)",
            )?
            .execute(params![rows.0, wound, seq, photo.0])?;
        Ok(())
    }

    pub(super) fn fold_wound_change(
        &self,
        rows: ChannelId,
        event: &Folded<'_>,
        change: &WoundChanged,
    ) -> Result<()> {
        let status: Option<i64> = self
            .db
            .prepare_cached("SELECT status FROM wounds WHERE channel = ?1 AND wound = ?2")?
            .query_row(params![rows.0, change.wound_id.as_ref()], |row| row.get(0))
            .optional()?;
        // A wound of before this device joined, or a change that came too late.
        let Some(next) = status.and_then(|status| wound_after(status, change.change())) else {
            return Ok(());
        };
        self.db
            .prepare_cached(
                "UPDATE wounds SET status = ?3, actor = ?4, changed_ms = ?5, reason = ?6
                 WHERE channel = ?1 AND wound = ?2",
            )?
            .execute(params![
                rows.0,
                change.wound_id.as_ref(),
                next,
                event.author.0,
                event.time_ms,
                change.reason
            ])?;
        Ok(())
    }
}
