//! One hash over everything that a channel's log folded into, by which devices
//! compare what they show (invariant 3).

use relais_wire::ids::{ChannelId, EventId, ProfessionalId};
use relais_wire::label::{Label, hash};
use rusqlite::types::ValueRef;

use crate::engine::Engine;
use crate::error::Result;

/// Every projected row, in an order that does not depend on the device. `?2`: only
/// what came after this sequence, because a joiner holds nothing before.
const ROWS: &[&str] = &[
    EVENTS,
    "SELECT seq, part, time_ms, kind, actor, subject, detail FROM shown_notices
     WHERE channel = ?1 AND seq > ?2 ORDER BY seq, part",
    "SELECT seq, author, time_ms, header FROM headers WHERE channel = ?1 AND seq > ?2",
    "SELECT professional, seq, note FROM circle WHERE channel = ?1 AND seq > ?2
     ORDER BY professional",
    "SELECT task, seq, requester, created_ms, content, status, actor, changed_ms, reason
     FROM tasks WHERE channel = ?1 AND seq > ?2 ORDER BY task",
    ACKNOWLEDGEMENTS,
    "SELECT professional, seq FROM reads WHERE channel = ?1 AND seq > ?2 ORDER BY professional",
    "SELECT wound, seq, author, time_ms, content, status, actor, changed_ms, reason
     FROM wounds WHERE channel = ?1 AND seq > ?2 ORDER BY wound",
    "SELECT wound, seq, event, author, time_ms, content FROM wound_assessments
     WHERE channel = ?1 AND seq > ?2 ORDER BY wound, seq",
    "SELECT event, seq FROM urgent WHERE channel = ?1 AND seq > ?2 ORDER BY event",
    "SELECT handover, professional, seq FROM awaited WHERE channel = ?1 AND seq > ?2
     ORDER BY handover, professional",
    "SELECT wound, seq, event FROM wound_photos WHERE channel = ?1 AND seq > ?2
     ORDER BY wound, seq",
];

const EVENTS: &str = "SELECT seq, event_id, device, professional, counter, time_ms, kind, signed
     FROM shown_events WHERE channel = ?1 AND seq > ?2 ORDER BY seq";

const ACKNOWLEDGEMENTS: &str = "SELECT handover, professional, seq, time_ms, synthesis
     FROM acknowledgements WHERE channel = ?1 AND seq > ?2 ORDER BY handover, professional";

impl Engine {
    /// SHA-256 over the channel's projections that came after `after_seq`.
    ///
    /// # Errors
    /// Of the database.
    pub fn projection_hash(&self, channel: ChannelId, after_seq: u64) -> Result<[u8; 32]> {
        let rows = self.projection_rows(channel, after_seq)?;
        let parts: Vec<&[u8]> = rows
            .iter()
            .flat_map(|row| std::iter::once(row.table.as_bytes()).chain(row.columns()))
            .collect();
        Ok(hash(Label::Projection, &parts))
    }

    /// The channel's projections that came after `after_seq`: what differs between two
    /// devices whose hashes do.
    ///
    /// # Errors
    /// Of the database.
    pub fn projection_rows(
        &self,
        channel: ChannelId,
        after_seq: u64,
    ) -> Result<Vec<ProjectionRow>> {
        let mut found = Vec::new();
        for sql in ROWS {
            let mut statement = self.db.prepare_cached(sql)?;
            let seq = statement.column_index("seq")?;
            let width = statement.column_count();
            let mut rows = statement.query(rusqlite::params![channel.0, after_seq])?;
            while let Some(row) = rows.next()? {
                let mut values = Vec::with_capacity(width);
                for column in 0..width {
                    values.push(match row.get_ref(column)? {
                        ValueRef::Null => Vec::new(),
                        ValueRef::Integer(number) => number.to_be_bytes().to_vec(),
                        ValueRef::Real(number) => number.to_be_bytes().to_vec(),
                        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => bytes.to_vec(),
                    });
                }
                found.push(ProjectionRow {
                    table: sql,
                    seq: row.get(seq)?,
                    values,
                });
            }
        }
        Ok(found)
    }
}

/// One row of a projection.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ProjectionRow {
    /// By which query it was read.
    table: &'static str,
    /// The entry that it follows from.
    pub seq: u64,
    values: Vec<Vec<u8>>,
}

impl ProjectionRow {
    /// The event, of a row that is one; the handover and who acknowledged it, of an
    /// acknowledgement.
    pub fn subject(&self) -> Option<(EventId, Option<ProfessionalId>)> {
        let id = |column: usize| EventId::try_from(self.values.get(column)?.as_slice()).ok();
        let person = || ProfessionalId::try_from(self.values.get(1)?.as_slice()).ok();
        match self.table {
            EVENTS => Some((id(1)?, None)),
            ACKNOWLEDGEMENTS => Some((id(0)?, Some(person()?))),
            _ => None,
        }
    }

    fn columns(&self) -> impl Iterator<Item = &[u8]> {
        self.values.iter().map(Vec::as_slice)
    }
}
