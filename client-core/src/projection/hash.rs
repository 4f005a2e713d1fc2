//! One hash over everything that a channel's log folded into, by which devices
//! compare what they show (invariant 3).

use relais_wire::ids::ChannelId;
use relais_wire::label::{Label, hash};
use rusqlite::types::ValueRef;

use crate::engine::Engine;
use crate::error::Result;

/// Every projected row, in an order that does not depend on the device. `?2`: only
/// what came after this sequence, because a joiner holds nothing before.
const ROWS: &[&str] = &[
    "SELECT seq, event_id, device, professional, counter, time_ms, kind, signed FROM shown_events
     WHERE channel = ?1 AND seq > ?2 ORDER BY seq",
    "SELECT seq, part, time_ms, kind, actor, subject, detail FROM shown_notices
     WHERE channel = ?1 AND seq > ?2 ORDER BY seq, part",
    "SELECT seq, author, time_ms, header FROM headers WHERE channel = ?1 AND seq > ?2",
    "SELECT professional, seq, note FROM circle WHERE channel = ?1 AND seq > ?2
     ORDER BY professional",
    "SELECT task, seq, requester, created_ms, content, status, actor, changed_ms, reason
     FROM tasks WHERE channel = ?1 AND seq > ?2 ORDER BY task",
    "SELECT handover, professional, seq, time_ms, synthesis FROM acknowledgements
     WHERE channel = ?1 AND seq > ?2 ORDER BY handover, professional",
    "SELECT professional, seq FROM reads WHERE channel = ?1 AND seq > ?2 ORDER BY professional",
];

impl Engine {
    /// SHA-256 over the channel's projections that came after `after_seq`.
    ///
    /// # Errors
    /// Of the database.
    pub fn projection_hash(&self, channel: ChannelId, after_seq: u64) -> Result<[u8; 32]> {
        let mut parts: Vec<Vec<u8>> = Vec::new();
        for sql in ROWS {
            let mut statement = self.db.prepare_cached(sql)?;
            let columns = statement.column_count();
            let mut rows = statement.query(rusqlite::params![channel.0, after_seq])?;
            parts.push(sql.as_bytes().to_vec());
            while let Some(row) = rows.next()? {
                for column in 0..columns {
                    parts.push(match row.get_ref(column)? {
                        ValueRef::Null => Vec::new(),
                        ValueRef::Integer(number) => number.to_be_bytes().to_vec(),
                        ValueRef::Real(number) => number.to_be_bytes().to_vec(),
                        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => bytes.to_vec(),
                    });
                }
            }
        }
        let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
        Ok(hash(Label::Projection, &parts))
    }
}
