//! What waits for somebody: urgent messages until a task about them is taken, handovers
//! until each receiver acknowledges.

use relais_content::v1::{HandoverNote, Message, Priority};
use relais_wire::ids::{ChannelId, ProfessionalId};
use rusqlite::params;

use super::Folded;
use crate::engine::Engine;
use crate::error::Result;

impl Engine {
    pub(super) fn fold_message(
        &self,
        rows: ChannelId,
        event: &Folded<'_>,
        message: &Message,
    ) -> Result<()> {
        if message.priority() == Priority::Urgent {
            self.db
                .prepare_cached(
                    "INSERT OR IGNORE INTO urgent (channel, event, seq) VALUES (?1, ?2, ?3)",
                )?
                .execute(params![rows.0, event.id.0, event.seq])?;
        }
        Ok(())
    }

    /// Somebody does what a task asks, and so sees to the message that it is about: that stays
    /// so if the task comes back, which waits by itself then.
    pub(super) fn take_urgent(&self, rows: ChannelId, task: &[u8]) -> Result<()> {
        self.db
            .prepare_cached(
                "DELETE FROM urgent WHERE channel = ?1 AND event =
                 (SELECT linked FROM tasks WHERE channel = ?1 AND task = ?2)",
            )?
            .execute(params![rows.0, task])?;
        Ok(())
    }

    pub(super) fn fold_handover(
        &self,
        rows: ChannelId,
        event: &Folded<'_>,
        note: &HandoverNote,
    ) -> Result<()> {
        for receiver in &note.receivers {
            self.db
                .prepare_cached(
                    "INSERT OR IGNORE INTO awaited (channel, handover, professional, seq)
                     VALUES (?1, ?2, ?3, ?4)",
                )?
                .execute(params![rows.0, event.id.0, receiver.as_ref(), event.seq])?;
        }
        Ok(())
    }

    pub(super) fn end_awaited(
        &self,
        rows: ChannelId,
        receiver: ProfessionalId,
        handover: &[u8],
    ) -> Result<()> {
        self.db
            .prepare_cached(
                "DELETE FROM awaited WHERE channel = ?1 AND handover = ?2 AND professional = ?3",
            )?
            .execute(params![rows.0, handover, receiver.0])?;
        Ok(())
    }

    /// Fills projections and the words to search that a step of the schema has added, from events that were there
    /// before it: at once, with the first opening after an update.
    pub(crate) fn fold_after_migration(&mut self) -> Result<()> {
        use crate::db::meta::{self, keys};
        if meta::get(&self.db, keys::FOLD_ANEW)?.is_none() {
            return Ok(());
        }
        self.transaction(|engine| {
            let channels: Vec<ChannelId> = engine
                .db
                .prepare("SELECT channel FROM channels")?
                .query_map([], |row| row.get(0).map(ChannelId))?
                .collect::<std::result::Result<_, _>>()?;
            for channel in channels {
                engine.fold_anew(channel)?;
                engine.index_channel(channel)?;
            }
            engine
                .db
                .execute("DELETE FROM meta WHERE key = ?1", [keys::FOLD_ANEW])?;
            Ok(())
        })
    }
}
