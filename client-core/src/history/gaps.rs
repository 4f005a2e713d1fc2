//! Stretches that this device misses: noted when they are known to be missing, closed
//! as far as an archive fills them.

use relais_content::v1::MembershipNote;
use relais_wire::ids::ChannelId;
use rusqlite::params;

use super::HistoryChoice;
use super::archive::NOT_HELD;
use super::import::Import;
use super::request::{GIVEN_UP, Gap};
use crate::engine::Engine;
use crate::error::Result;
use crate::projection::Folded;

/// Who promised a past shares it by themselves: others are asked only after this.
const PROMISER_MS: u64 = 5 * 60_000;
/// An own device that was there before this one may hold the past: asked after this.
const OWN_DEVICE_MS: u64 = 2_000;
/// Gaps of a channel beyond which single entries are not asked for.
const MISSED_ENTRIES: u64 = 32;

impl Engine {
    /// A manager promised this person a past: should it not come by itself, it is asked
    /// for.
    pub(crate) fn expect_history(
        &mut self,
        event: &Folded<'_>,
        note: &MembershipNote,
    ) -> Result<()> {
        let me = self.identity()?.professional();
        let promised = HistoryChoice::of_note(note) != HistoryChoice::None
            && note.professional_id == me.to_bytes()
            && self.may_promise(event.channel, event.seq, event.time_ms, &event.author, note)?;
        if promised {
            self.want_past(event.channel, true, PROMISER_MS)?;
        }
        Ok(())
    }

    /// A single entry that this device could not read. Somebody who sends garbage to all
    /// must not make all ask all for it: few are asked, for few entries.
    pub(crate) fn miss_entry(&mut self, channel: ChannelId, seq: u64) -> Result<()> {
        let open: u64 = self
            .db
            .prepare_cached("SELECT count(*) FROM gaps WHERE channel = ?1 AND next_ms < ?2")?
            .query_row(params![channel.0, GIVEN_UP], |row| row.get(0))?;
        if open < MISSED_ENTRIES {
            self.note_gap(channel, seq - 1, seq)?;
        }
        Ok(())
    }

    /// After joining: another device of the same person may have been there before, and
    /// what it holds is this person's. Not shown as missing, because nobody said so.
    pub(crate) fn expect_own_past(&mut self, channel: ChannelId) -> Result<()> {
        if self.has_other_devices()? {
            self.want_past(channel, false, OWN_DEVICE_MS)?;
        }
        Ok(())
    }

    /// Wants everything before this device's joining. `shown`: as missing, because it
    /// is known to be this person's.
    pub(crate) fn want_past(
        &mut self,
        channel: ChannelId,
        shown: bool,
        delay_ms: u64,
    ) -> Result<()> {
        self.db
            .prepare_cached(
                "INSERT INTO gaps (channel, after_seq, until_seq, shown, next_ms)
                 SELECT c.channel, 0, c.joined_seq, ?2, ?3 FROM channels c
                 WHERE c.channel = ?1 AND c.joined_seq > 0 AND NOT EXISTS (SELECT 1 FROM entries e
                    WHERE e.channel = ?1 AND e.seq = c.joined_seq AND e.header IS NOT NULL)
                 ON CONFLICT DO UPDATE SET shown = max(shown, excluded.shown)",
            )?
            .execute(params![
                channel.0,
                shown,
                self.now_ms.saturating_add(delay_ms)
            ])?;
        self.dirty = true;
        Ok(())
    }

    /// After an archive: what it brought is missing no more, nor what its sharer says
    /// was never promised; the rest is asked of the next one.
    pub(super) fn close_gaps(&mut self, import: &Import) -> Result<()> {
        let (channel, last) = (import.channel, import.last_seq);
        let first = import.first_seq.min(import.promised_from);
        let gaps: Vec<Gap> = self
            .db
            .prepare_cached(
                "SELECT after_seq, until_seq, shown, tries FROM gaps WHERE channel = ?1
                 AND after_seq < ?3 AND until_seq >= ?2",
            )?
            .query_map(params![channel.0, first, last], |row| {
                Ok(Gap {
                    channel,
                    after_seq: row.get(0)?,
                    until_seq: row.get(1)?,
                    shown: row.get(2)?,
                    tries: row.get(3)?,
                })
            })?
            .collect::<Result<_, _>>()?;
        for gap in gaps {
            self.db
                .prepare_cached("DELETE FROM gaps WHERE channel = ?1 AND after_seq = ?2")?
                .execute(params![channel.0, gap.after_seq])?;
            for (after_seq, until_seq) in self.still_missing(import, &gap)? {
                self.db
                    .prepare_cached(
                        "INSERT OR REPLACE INTO gaps (channel, after_seq, until_seq, shown, tries,
                         next_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                    )?
                    .execute(params![
                        channel.0,
                        after_seq,
                        until_seq,
                        gap.shown,
                        gap.tries,
                        self.now_ms
                    ])?;
            }
        }
        self.dirty = true;
        Ok(())
    }

    /// Stretches of a gap that an archive left open.
    fn still_missing(&self, import: &Import, gap: &Gap) -> Result<Vec<(u64, u64)>> {
        let mut open = Vec::new();
        // Before what was sent, from where on the person may have it.
        let from = gap.after_seq.max(import.promised_from - 1);
        if from < (import.first_seq - 1).min(gap.until_seq) {
            open.push((from, (import.first_seq - 1).min(gap.until_seq)));
        }
        let mut statement = self.db.prepare_cached(
            "SELECT DISTINCT n.seq FROM shown_notices n WHERE n.channel = ?1
             AND n.seq BETWEEN ?2 AND ?3 AND ((n.kind = 'omitted' AND n.detail = ?4)
                OR (n.kind = 'quarantined' AND ?2 = ?3))
             AND NOT EXISTS (SELECT 1 FROM shown_events e WHERE e.channel = n.channel
                AND e.seq = n.seq) ORDER BY n.seq",
        )?;
        let rows = statement.query_map(
            params![
                import.channel.0,
                import.first_seq.max(gap.after_seq + 1),
                import.last_seq.min(gap.until_seq),
                NOT_HELD
            ],
            |row| row.get::<_, u64>(0),
        )?;
        for seq in rows {
            let seq = seq?;
            match open.last_mut() {
                Some((_, until)) if *until + 1 == seq => *until = seq,
                _ => open.push((seq - 1, seq)),
            }
        }
        if import.last_seq < gap.until_seq {
            open.push((import.last_seq.max(gap.after_seq), gap.until_seq));
        }
        Ok(open)
    }
}
