//! What was quarantined though it only repeats an event that came afterwards.

use relais_wire::ids::ChannelId;
use relais_wire::label::{Label, hash};
use rusqlite::params;

use crate::engine::Engine;
use crate::error::Result;
use crate::inbox::message::{UNREADABLE, named_event};

impl Engine {
    /// An event that a restored server lost is said again. Whoever lacks the event judges
    /// the repetition by itself, and quarantines one whose author may say nothing any more.
    /// Once the event is here it is nothing, as for everybody who had it. What could not be
    /// read stays shown: nobody vouches for what it is.
    pub(super) fn forgive_repetitions(&self, channel: ChannelId) -> Result<()> {
        let parked: Vec<(u64, String, Vec<u8>)> = self
            .db
            .prepare_cached("SELECT seq, reason, payload FROM parked WHERE channel = ?1")?
            .query_map([channel.0], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?))
            })?
            .collect::<Result<_, _>>()?;
        for (seq, reason, payload) in parked {
            if reason.starts_with(UNREADABLE) || !self.is_repetition(channel, seq, &payload)? {
                continue;
            }
            for sql in [
                "DELETE FROM notices WHERE channel = ?1 AND seq = ?2 AND kind = 'quarantined'",
                "DELETE FROM parked WHERE channel = ?1 AND seq = ?2",
            ] {
                self.db
                    .prepare_cached(sql)?
                    .execute(params![channel.0, seq])?;
            }
        }
        Ok(())
    }

    /// Whether an entry names the very event that stands at an earlier place.
    fn is_repetition(&self, channel: ChannelId, seq: u64, payload: &[u8]) -> Result<bool> {
        let Some((id, aad)) = named_event(payload) else {
            return Ok(false);
        };
        match self.event_seq(channel, id)? {
            Some(first) if first < seq => {
                let signed = self.event_at(channel, first)?;
                let signed = hash(Label::SignedEventHash, &[&signed]);
                Ok(signed.as_slice() == aad.signed_event_hash.as_ref())
            }
            _ => Ok(false),
        }
    }
}
