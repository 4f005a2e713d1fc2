//! A summary with open work: what somebody who takes over needs on the first day.

use relais_content::v1::{
    HandoverNote, TaskChanged, TaskCreated, WoundAssessed, WoundChanged, WoundOpened, content::Kind,
};
use relais_wire::ids::ChannelId;
use rusqlite::params;
use std::collections::BTreeSet;

use crate::engine::Engine;
use crate::error::{Error, Result};

/// So many of the latest messages, photos and handovers belong to a summary: some days
/// of a busy thread.
const LATEST: u32 = 30;

impl Engine {
    /// Sequences up to `last` of the events that a summary holds: the opening and the
    /// header in force, why each member is in the circle, open tasks and handovers that
    /// somebody has not acknowledged with all that was done about them, and the latest
    /// messages, photos and handovers; all that is known of wounds that are followed, with the
    /// last photo of each.
    pub(super) fn summary(&self, channel: ChannelId, last: u64) -> Result<BTreeSet<u64>> {
        let mut chosen = BTreeSet::new();
        for sql in [
            "SELECT max(seq) FROM shown_events WHERE channel = ?1 AND kind = 1 AND seq <= ?2",
            "SELECT max(seq) FROM shown_events WHERE channel = ?1 AND kind = 2 AND seq <= ?2",
            "SELECT seq FROM circle WHERE channel = ?1 AND seq <= ?2",
            // The last photo of each wound that is followed.
            "SELECT max(p.seq) FROM wound_photos p JOIN wounds w USING (channel, wound)
             WHERE p.channel = ?1 AND p.seq <= ?2 AND w.status = 0 GROUP BY p.wound",
        ] {
            let mut statement = self.db.prepare_cached(sql)?;
            let rows = statement
                .query_map(params![channel.0, last], |row| row.get::<_, Option<u64>>(0))?;
            for seq in rows {
                chosen.extend(seq?);
            }
        }
        let mut statement = self.db.prepare_cached(
            "SELECT seq FROM shown_events WHERE channel = ?1 AND seq <= ?2 AND kind IN (4, 5, 8)
             ORDER BY seq DESC LIMIT ?3",
        )?;
        for seq in statement.query_map(params![channel.0, last, LATEST], |row| row.get(0))? {
            chosen.insert(seq?);
        }
        self.open_work(channel, last, &mut chosen)?;
        Ok(chosen)
    }

    fn open_work(&self, channel: ChannelId, last: u64, chosen: &mut BTreeSet<u64>) -> Result<()> {
        let ids = |sql: &str| -> Result<BTreeSet<Vec<u8>>> {
            let mut statement = self.db.prepare_cached(sql)?;
            let rows = statement.query_map([channel.0], |row| row.get(0))?;
            Ok(rows.collect::<Result<_, _>>()?)
        };
        let tasks = ids("SELECT task FROM tasks WHERE channel = ?1 AND status IN (0, 1)")?;
        let wounds = ids("SELECT wound FROM wounds WHERE channel = ?1 AND status = 0")?;
        let mut handovers = BTreeSet::new();
        let mut statement = self.db.prepare_cached(
            "SELECT seq, event_id, signed FROM shown_events
             WHERE channel = ?1 AND seq <= ?2 AND kind IN (6, 7, 8, 9, 14, 15, 16) ORDER BY seq",
        )?;
        let mut rows = statement.query(params![channel.0, last])?;
        while let Some(row) = rows.next()? {
            let content = crate::content::said_in(&row.get::<_, Vec<u8>>(2)?)?.content;
            let open = match content.and_then(|c| c.kind) {
                Some(Kind::TaskCreated(TaskCreated { task_id, .. }))
                | Some(Kind::TaskChanged(TaskChanged { task_id, .. })) => {
                    tasks.contains(task_id.as_ref())
                }
                Some(Kind::HandoverNote(note)) => {
                    let event: Vec<u8> = row.get(1)?;
                    let open = self.is_unacknowledged(channel, &event, &note)?;
                    if open {
                        handovers.insert(event);
                    }
                    open
                }
                Some(Kind::HandoverAcknowledged(ack)) => handovers.contains(ack.handover.as_ref()),
                Some(Kind::WoundOpened(WoundOpened { wound_id, .. }))
                | Some(Kind::WoundAssessed(WoundAssessed { wound_id, .. }))
                | Some(Kind::WoundChanged(WoundChanged { wound_id, .. })) => {
                    wounds.contains(wound_id.as_ref())
                }
                _ => return Err(Error::Corrupt("event kind")),
            };
            if open {
                chosen.insert(row.get(0)?);
            }
        }
        Ok(())
    }

    fn is_unacknowledged(
        &self,
        channel: ChannelId,
        event: &[u8],
        note: &HandoverNote,
    ) -> Result<bool> {
        let mut statement = self.db.prepare_cached(
            "SELECT professional FROM acknowledgements WHERE channel = ?1 AND handover = ?2",
        )?;
        let rows = statement.query_map(params![channel.0, event], |row| row.get(0))?;
        let acknowledged: BTreeSet<Vec<u8>> = rows.collect::<Result<_, _>>()?;
        let mut receivers = note.receivers.iter();
        Ok(receivers.any(|receiver| !acknowledged.contains(receiver.as_ref())))
    }
}
