//! Events of others that a restored server lost: said again by whoever holds them when
//! their author does not, and counted as their author's, whose signature they carry.

use std::collections::BTreeSet;

use prost::Message;
use prost::bytes::Bytes;
use relais_content::v1::content::Kind;
use relais_content::v1::{EventBody, Recovered, SignedEvent};
use relais_wire::ids::{ChannelId, DeviceId, EventId, ProfessionalId};
use relais_wire::label::{self, Label};
use rusqlite::params;

use super::Hearing;
use crate::content::{body_of, recovered_in};
use crate::engine::Engine;
use crate::error::{Error, Result};

/// An author has this long to say it themself; each holder waits up to as long again.
pub(super) const AUTHORS_MS: u64 = 60_000;
/// Between two looks at what could not be said.
const AGAIN_MS: u64 = 10 * 60_000;
/// Events said again at a time.
const AT_ONCE: usize = 16;

/// What an event says, and whose it is.
pub(crate) struct Said {
    /// Its id.
    pub id: EventId,
    /// Its author.
    pub author: ProfessionalId,
    /// Their words.
    pub body: EventBody,
}

impl Engine {
    /// What an event of `sender` says: their own words, or those of somebody else, whose
    /// signature is verified. The reason where it does not hold.
    pub(crate) fn said(
        &self,
        channel: ChannelId,
        sender: ProfessionalId,
        body: EventBody,
    ) -> Result<Result<Said, String>> {
        let kind = body.content.as_ref().and_then(|c| c.kind.as_ref());
        let Some(Kind::Recovered(again)) = kind else {
            let id = EventId::try_from(&body.event_id);
            return Ok(id.map_err(|e| e.to_string()).map(|id| Said {
                id,
                author: sender,
                body,
            }));
        };
        Ok(self.recovered(channel, &again.signed_event))
    }

    fn recovered(&self, channel: ChannelId, signed: &Bytes) -> Result<Said, String> {
        let malformed = |_| "malformed event".to_owned();
        let event = SignedEvent::decode(signed.clone()).map_err(malformed)?;
        let body = EventBody::decode(event.body.clone()).map_err(malformed)?;
        let id = EventId::try_from(&body.event_id).map_err(|e| e.to_string())?;
        let device = DeviceId::try_from(&body.device_id).map_err(|e| e.to_string())?;
        let known = self.structure.device(&device).ok_or("unknown device")?;
        label::verify(
            &known.key,
            Label::SignedEvent,
            &event.body,
            &event.signature,
        )
        .map_err(|_| "the author's signature does not verify")?;
        let content = body.content.clone().unwrap_or_default();
        let kind = self.channel_kind(channel, &content);
        let kind = kind.map_err(|_| "unknown channel")?;
        if body.channel_id != channel.to_bytes()
            || !relais_content::kinds::permitted_content(kind, &content)
        {
            return Err("content that this channel does not hold".into());
        }
        Ok(Said {
            id,
            author: known.professional,
            body,
        })
    }

    /// Says again what others said, where they did not and it is this device's turn.
    pub(crate) fn want_recoveries(&mut self, held: &BTreeSet<ChannelId>) -> Result<()> {
        let next: Option<u64> = self
            .db
            .prepare_cached(
                "SELECT min(next_ms) FROM lost_events l JOIN channels c ON c.channel = l.channel
                 WHERE c.state = 'joined' AND NOT silent",
            )?
            .query_row([], |row| row.get(0))?;
        let Some(next) = next else {
            return Ok(());
        };
        if next > self.now_ms {
            self.link.wake_for_lost(next);
            return Ok(());
        }
        let me = self.identity()?.device();
        type Row = ([u8; 16], [u8; 16], [u8; 16], Vec<u8>);
        let due: Vec<Row> = self
            .db
            .prepare_cached(
                "SELECT l.channel, event_id, device, signed FROM lost_events l
                 JOIN channels c ON c.channel = l.channel
                 WHERE c.state = 'joined' AND next_ms <= ?1 AND NOT silent
                 ORDER BY id LIMIT ?2",
            )?
            .query_map(params![self.now_ms, AT_ONCE as u64], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
            })?
            .collect::<Result<_, _>>()?;
        for (channel, event, device, signed) in due {
            let (channel, event) = (ChannelId(channel), EventId(event));
            let ready = self.link.caught_up.contains(&channel) && !held.contains(&channel);
            let heard = ready && matches!(self.hearing(channel, event)?, Hearing::Open);
            if heard && device != me.0 {
                self.recover(channel, signed)?;
            }
            self.db
                .prepare_cached(
                    "UPDATE lost_events SET next_ms = ?3 WHERE channel = ?1 AND event_id = ?2",
                )?
                .execute(params![channel.0, event.0, self.now_ms + AGAIN_MS])?;
        }
        self.dirty = true;
        Ok(())
    }

    fn recover(&mut self, channel: ChannelId, signed: Vec<u8>) -> Result<()> {
        let again = Recovered {
            signed_event: signed.into(),
        };
        match self.write_inside(channel, Kind::Recovered(again)) {
            // Too large with its envelope, or no right to say it: it stays lost here.
            Ok(_) | Err(Error::Invalid { .. } | Error::NotAllowed(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// The lost event that an event says again: its own id, or that of the one within.
    pub(crate) fn lost_id(&self, event: EventId, signed: &[u8]) -> Result<(EventId, bool)> {
        let Some(within) = recovered_in(signed)? else {
            return Ok((event, false));
        };
        let id = EventId::try_from(&body_of(&within)?.event_id);
        Ok((id.map_err(|_| Error::Corrupt("event"))?, true))
    }
}
