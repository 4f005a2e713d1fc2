//! Whether the server still has the log that this device has read, and where the two
//! part if not: a search over the hashes that both know, in a bounded number of
//! questions.

use std::collections::BTreeMap;

use relais_wire::chain::GENESIS;
use relais_wire::ids::ChannelId;
use relais_wire::limits;
use relais_wire::v1::{CompareLog, LogCompared, LogHead, client_frame};
use rusqlite::{OptionalExtension, params};

use super::roll_back::REASON;
use crate::db::meta::{self, keys};
use crate::engine::{Engine, Trouble};
use crate::error::Result;

/// A comparison that waits for the server's answer.
#[derive(Debug)]
pub(crate) struct Comparison {
    /// Sequences asked for, ascending.
    asked: Vec<u64>,
    /// Highest entry known to be the same, or trimmed by the server and taken for it.
    same: u64,
    /// Highest entry whose hash was the same.
    proved: u64,
    /// Lowest entry known to differ; none of the first question.
    differs: Option<u64>,
}

impl Engine {
    /// Asks whether the server has the entry at the cursor as it is here. The answer
    /// comes before anything that is delivered after the cursor.
    pub(crate) fn compare_log(&mut self, channel: ChannelId) -> Result<()> {
        let known: Option<(u64, Vec<u8>, Vec<u8>)> = self
            .db
            .prepare_cached(
                "SELECT cursor_seq, cursor_hash, cursor_seal FROM channels WHERE channel = ?1",
            )?
            .query_row([channel.0], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?))
            })
            .optional()?;
        let Some((seq, hash, seal)) = known.filter(|(seq, ..)| *seq > 0) else {
            return self.log_is_the_servers(channel); // Nothing was read yet.
        };
        let comparison = Comparison {
            asked: vec![seq],
            same: 0,
            proved: 0,
            differs: None,
        };
        let hash = hash.into();
        self.link.incomparable.remove(&channel);
        self.ask_hashes(channel, comparison, Some((LogHead { seq, hash }, seal)));
        Ok(())
    }

    fn ask_hashes(
        &mut self,
        channel: ChannelId,
        comparison: Comparison,
        proof: Option<(LogHead, Vec<u8>)>,
    ) {
        let (last, seal) = proof.unzip();
        self.push(client_frame::Frame::CompareLog(CompareLog {
            channel_id: channel.to_bytes(),
            seqs: comparison.asked.clone(),
            last,
            seal: seal.unwrap_or_default().into(),
        }));
        self.link.compared.insert(channel, comparison);
    }

    /// Whether the server began a new life since the channel's log was compared.
    pub(crate) fn is_behind(&self, channel: ChannelId) -> Result<bool> {
        Ok(self
            .read_in_another_life(channel)?
            .is_some_and(|seq| seq > 0))
    }

    /// How far the channel was read, if that was in another life of the server.
    fn read_in_another_life(&self, channel: ChannelId) -> Result<Option<u64>> {
        let compared: Option<(u64, u64)> = self
            .db
            .prepare_cached("SELECT cursor_seq, life FROM channels WHERE channel = ?1")?
            .query_row([channel.0], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        let life = meta::get_u64(&self.db, keys::RESTORES)?;
        let another = compared.filter(|(_, compared)| *compared != life);
        Ok(another.map(|(cursor, _)| cursor))
    }

    /// Compares the channel's log first, if the server began a new life since that was
    /// done. `true` while something has to wait for it.
    pub(crate) fn compares_first(&mut self, channel: ChannelId) -> Result<bool> {
        match self.read_in_another_life(channel)? {
            None => return Ok(false),
            Some(0) => {
                self.forget_unread(channel)?;
                return Ok(false);
            }
            Some(_) if self.link.incomparable.contains(&channel) => return Ok(false),
            Some(_) => {}
        }
        if !self.link.compared.contains_key(&channel) {
            self.compare_log(channel)?;
        }
        Ok(true)
    }

    /// Nothing was read of a channel whose group was shown in another life: its roster may
    /// be one that the server has lost.
    fn forget_unread(&self, channel: ChannelId) -> Result<()> {
        self.db
            .prepare_cached("DELETE FROM rosters WHERE channel = ?1")?
            .execute([channel.0])?;
        self.log_is_the_servers(channel)
    }

    /// What was read of the channel is what the server has.
    pub(crate) fn log_is_the_servers(&self, channel: ChannelId) -> Result<()> {
        let life = meta::get_u64(&self.db, keys::RESTORES)?;
        self.db
            .prepare_cached("UPDATE channels SET life = ?2 WHERE channel = ?1")?
            .execute(params![channel.0, life])?;
        Ok(())
    }

    /// The server's hashes.
    pub(crate) fn log_compared(&mut self, told: &LogCompared) -> Result<()> {
        let Ok(channel) = ChannelId::try_from(&told.channel_id) else {
            return Ok(());
        };
        let Some(comparison) = self.link.compared.remove(&channel) else {
            return Ok(()); // Nobody asked.
        };
        // A channel that is being read goes on by itself; a return or a Welcome waited.
        let reading = self.channel_row(channel)?;
        let reading = reading.is_some_and(|row| row.state == "joined");
        self.dirty |= !reading || self.has_welcome(channel)?;
        let Some(head) = &told.head else {
            self.link.incomparable.insert(channel); // Its `Closed` says the rest.
            return Ok(());
        };
        self.transaction(|engine| engine.narrow_down(channel, comparison, head, told))
    }

    fn narrow_down(
        &mut self,
        channel: ChannelId,
        mut comparison: Comparison,
        head: &LogHead,
        told: &LogCompared,
    ) -> Result<()> {
        // The head's hash is known though its entry be trimmed.
        let theirs: BTreeMap<u64, &[u8]> = told
            .known
            .iter()
            .chain([head])
            .map(|entry| (entry.seq, entry.hash.as_ref()))
            .collect();
        let head = head.seq;
        // The server tells what it has of what was asked: this answers an earlier question.
        let has = told.first_seq..=head;
        let untold = |seq: &u64| has.contains(seq) && !theirs.contains_key(seq);
        if comparison.asked.iter().any(untold) {
            self.link.compared.insert(channel, comparison);
            return Ok(());
        }
        let first = comparison.differs.is_none();
        for seq in &comparison.asked {
            // What it has trimmed it once had; what is beyond its head it has not.
            let forgotten = *seq < told.first_seq && *seq <= head;
            let own = match seq {
                0 => Some(GENESIS.to_vec()),
                seq => self.entry_hash(channel, *seq)?,
            };
            let same = theirs
                .get(seq)
                .is_some_and(|hash| own.as_deref() == Some(hash));
            if forgotten || same {
                comparison.same = comparison.same.max(*seq);
            }
            if same {
                comparison.proved = comparison.proved.max(*seq);
            } else if !forgotten {
                comparison.differs = Some(comparison.differs.unwrap_or(*seq).min(*seq));
            }
        }
        let Some(differs) = comparison.differs else {
            if self.is_behind(channel)? {
                // What it had lost was said again in the very same bytes.
                self.fork_is_explained(channel);
                if comparison.proved == 0 {
                    return self.come_back_unproved(channel, comparison.same);
                }
            }
            return self.log_is_the_servers(channel);
        };
        // Nothing is read, sent or caught up there until the two logs are one.
        self.link.parted.insert(channel);
        if first && !self.is_behind(channel)? {
            self.trouble(Trouble::ChannelForked(channel));
            return Ok(());
        }
        comparison.asked = self.between(channel, comparison.same, differs.min(head + 1))?;
        if comparison.asked.is_empty() {
            let last = self.last_known(channel, comparison.same)?;
            self.roll_back(channel, last)?;
            return match comparison.proved {
                0 => self.come_back_unproved(channel, last),
                _ => Ok(()),
            };
        }
        self.ask_hashes(channel, comparison, None);
        Ok(())
    }

    /// The server began a new life, and has trimmed all that this device ever read of what
    /// remains: nobody can tell whether it was the same. What others say of these entries
    /// is not held against them, this device shares none of them, and comes back at the
    /// head of what there is.
    fn come_back_unproved(&mut self, channel: ChannelId, seq: u64) -> Result<()> {
        self.db
            .prepare_cached("DELETE FROM entries WHERE channel = ?1 AND seq <= ?2")?
            .execute(params![channel.0, seq])?;
        self.fail_shares(channel, 0..=seq)?;
        self.log_is_the_servers(channel)?;
        let row = self.channel_row(channel)?;
        match row.is_some_and(|row| row.state == "joined") {
            true => self.begin_rejoin(channel, REASON, 0),
            false => Ok(()),
        }
    }

    /// The server says that it began a new life: a log that was another one is no fork.
    pub(super) fn fork_is_explained(&mut self, channel: ChannelId) {
        self.trouble
            .retain(|trouble| *trouble != Trouble::ChannelForked(channel));
        self.remember_forks();
    }

    /// Entries known here between two others, spread over the distance.
    fn between(&self, channel: ChannelId, after: u64, before: u64) -> Result<Vec<u64>> {
        let count: u64 = self
            .db
            .prepare_cached(
                "SELECT count(*) FROM entries WHERE channel = ?1 AND seq > ?2 AND seq < ?3",
            )?
            .query_row(params![channel.0, after, before], |row| row.get(0))?;
        let step = count.div_ceil(limits::COMPARED as u64).max(1);
        // Invariant: the last one of each stretch is asked for, so that every answer
        // leaves one stretch.
        Ok(self
            .db
            .prepare_cached(
                "SELECT seq FROM (SELECT seq, row_number() OVER (ORDER BY seq) AS place
                 FROM entries WHERE channel = ?1 AND seq > ?2 AND seq < ?3)
                 WHERE place % ?4 = 0 ORDER BY seq",
            )?
            .query_map(params![channel.0, after, before, step], |row| row.get(0))?
            .collect::<Result<_, _>>()?)
    }

    /// The last entry known here up to one that both logs have; 0 for none.
    fn last_known(&self, channel: ChannelId, same: u64) -> Result<u64> {
        Ok(self
            .db
            .prepare_cached(
                "SELECT coalesce(max(seq), 0) FROM entries WHERE channel = ?1 AND seq <= ?2",
            )?
            .query_row(params![channel.0, same], |row| row.get(0))?)
    }
}
