//! Messages from the log: decrypted, then held against everything that their
//! author signed (architecture D9, requirement M7). Whatever does not agree is
//! quarantined, on every device alike.

use openmls::prelude::tls_codec::Deserialize as _;
use openmls::prelude::{MlsMessageIn, ProcessedMessageContent, ProtocolMessage, Sender};
use prost::Message;
use relais_content::v1::{EventBody, SignedEvent};
use relais_wire::ids::{ChannelId, DeviceId, EventId, ProfessionalId};
use relais_wire::label::{self, Label, hash};
use relais_wire::mls::read_leaf;
use relais_wire::v1::{ChannelEntry, MessageAad};
use rusqlite::{OptionalExtension, params};

use super::entry::{ChannelRow, Fault};
use crate::content::{agrees, verbatim};
use crate::engine::{Engine, Trouble};
use crate::error::Result;
use crate::outbox::intent::{self, Wish};
use crate::projection::Folded;

/// A statement arrives within this, once an event that names it has.
const STATEMENT_MS: u64 = 60_000;

/// Why an event is quarantined whose id stands for an earlier one.
pub(crate) const SHOWN_ALREADY: &str = "an event that was shown already";

/// How the reason begins where it is that nobody here can read it.
pub(crate) const UNREADABLE: &str = "cannot be decrypted";

fn park(reason: impl Into<String>) -> Fault {
    Fault::Park(reason.into())
}

impl Engine {
    pub(super) fn apply_message(
        &mut self,
        channel: ChannelId,
        row: &ChannelRow,
        entry: &ChannelEntry,
        device: DeviceId,
        own: bool,
    ) -> Result<(), Fault> {
        if own {
            return self.apply_own_message(channel, row, entry, device);
        }
        if entry.incarnation != row.incarnation || entry.epoch != row.epoch {
            return Err(park("a message of another epoch"));
        }
        let mut group = self.take_group(channel)?;
        let unreadable =
            |e: &dyn std::fmt::Display| Fault::Unreadable(format!("{UNREADABLE}: {e}"));
        let message: ProtocolMessage = MlsMessageIn::tls_deserialize_exact(entry.payload.as_ref())
            .map_err(|e| unreadable(&e))?
            .try_into_protocol_message()
            .map_err(|e| unreadable(&e))?;
        if !matches!(message, ProtocolMessage::PrivateMessage(_)) {
            return Err(park("a message that is not encrypted"));
        }
        let processed = match group.process_message(&self.provider(), message) {
            Ok(processed) => processed,
            Err(error) => {
                return self.apply_held(channel, row, entry, device, unreadable(&error));
            }
        };
        let Sender::Member(index) = processed.sender() else {
            return Err(park("not sent by a member"));
        };
        let leaf = group
            .public_group()
            .leaf(*index)
            .ok_or_else(|| park("not sent by a member"))?;
        let leaf = read_leaf(
            Some(*index),
            leaf.credential(),
            leaf.signature_key().as_slice(),
        )
        .map_err(|e| park(e.to_string()))?;
        if leaf.device != device {
            return Err(park("the sender is not who the server says"));
        }
        let aad = MessageAad::decode(processed.aad())
            .map_err(|_| park("malformed authenticated data"))?;
        let ProcessedMessageContent::ApplicationMessage(content) = processed.into_content() else {
            return Err(park("not an application message"));
        };
        self.keep_group(channel, group);
        let signed = content.into_bytes();
        self.check_and_fold(channel, row, entry, device, &aad, &signed)
    }

    /// A message that cannot be read, or of this device and settled long ago: where this
    /// device went back to what a restored server knows, it comes again in its first
    /// bytes, and the event is held here or shown already. Nobody vouches for which event
    /// it is, so that anywhere else `fault` stands.
    fn apply_held(
        &mut self,
        channel: ChannelId,
        row: &ChannelRow,
        entry: &ChannelEntry,
        device: DeviceId,
        fault: Fault,
    ) -> Result<(), Fault> {
        // What the database refused comes again: nothing is written after it.
        let fault = self.blame(fault);
        if matches!(fault, Fault::Engine(_)) || self.rollbacks(channel)?.is_empty() {
            return Err(fault);
        }
        let Some((id, aad)) = named_event(&entry.payload) else {
            return Err(fault);
        };
        let held = match self.event_seq(channel, id)? {
            Some(seq) => Some(self.event_at(channel, seq)?),
            None => self.lost_event(channel, id)?,
        };
        match held {
            Some(signed) => self.check_and_fold(channel, row, entry, device, &aad, &signed),
            None => Err(fault),
        }
    }

    fn apply_own_message(
        &mut self,
        channel: ChannelId,
        row: &ChannelRow,
        entry: &ChannelEntry,
        device: DeviceId,
    ) -> Result<(), Fault> {
        let Some(id) = self.intent_of(&entry.payload)? else {
            return self.apply_held(channel, row, entry, device, Fault::Clone);
        };
        let intent = intent::load(&self.db, id)?.ok_or(Fault::Clone)?;
        let Wish::Event { signed, .. } = intent.wish else {
            return Err(Fault::Clone);
        };
        let body = decode(&signed)?.1;
        let aad = MessageAad {
            event_id: body.event_id.clone(),
            event_counter: body.counter,
            signed_event_hash: hash(Label::SignedEventHash, &[&signed]).to_vec().into(),
            said_again: named_event(&entry.payload).is_some_and(|(_, aad)| aad.said_again),
            ..MessageAad::default()
        };
        self.settle(id)?;
        self.settle_void(channel, body.counter)?;
        self.check_and_fold(channel, row, entry, device, &aad, &signed)
    }

    /// An event that was given up is in the log after all: no void takes its counter.
    fn settle_void(&mut self, channel: ChannelId, counter: u64) -> Result<()> {
        for (waiting, _, _) in intent::unsettled(&self.db, channel)? {
            if let Wish::Event { signed, .. } = &waiting.wish
                && crate::content::is_void(signed)
                && crate::content::body_of(signed)?.counter == counter
            {
                self.settle(waiting.id)?;
            }
        }
        Ok(())
    }

    fn check_and_fold(
        &mut self,
        channel: ChannelId,
        row: &ChannelRow,
        entry: &ChannelEntry,
        device: DeviceId,
        aad: &MessageAad,
        signed: &[u8],
    ) -> Result<(), Fault> {
        let (event, body) = decode(signed)?;
        let known = self
            .structure
            .device(&device)
            .ok_or_else(|| park("unknown device"))?;
        let author = known.professional;
        label::verify(
            &known.key,
            Label::SignedEvent,
            &event.body,
            &event.signature,
        )
        .map_err(|_| park("the author's signature does not verify"))?;
        if !agrees(&body, signed, channel, device, aad) {
            return Err(park("the event is not what its envelope says"));
        }
        let id = EventId::try_from(&body.event_id).map_err(|e| park(e.to_string()))?;
        // What a restored server lost names logs that are no more.
        if !aad.said_again {
            self.check_history(channel, row, entry, author, &body)?;
        }
        self.found_again(channel, id)?;
        if let Some(seq) = self.event_seq(channel, id)? {
            // Said twice after a restore, by its author or a colleague too: shown once.
            if self.event_at(channel, seq)? == signed {
                return Ok(());
            }
            // A device that returned says again what its retired one may have said.
            return match self.is_said_again(channel, seq, device, author, &body)? {
                true => Ok(()),
                false => Err(park(SHOWN_ALREADY)),
            };
        }
        if !aad.said_again && body.counter <= self.last_counter(channel, device)? {
            return Err(park("an event out of its author's order"));
        }
        let (counter, known_structure) = (body.counter, body.structure_seq);
        let content = body.content.as_ref();
        self.judge_content(
            channel,
            &self.roster(channel)?,
            &author,
            entry.time_ms,
            content,
        )?
        .map_err(park)?;
        let said = self.said(channel, author, body)?.map_err(|reason| {
            let unknown = known_structure > self.structure.head().seq;
            match unknown && self.statement_may_come(entry.time_ms) {
                true => Fault::Waits(Some(known_structure)),
                false => park(reason),
            }
        })?;
        if said.id != id {
            self.found_again(channel, said.id)?;
            if self.event_seq(channel, said.id)?.is_some() {
                return Ok(()); // Its author was faster, or another member.
            }
        }
        let content = said.body.content.as_ref();
        self.db
            .prepare_cached(
                "INSERT INTO events (channel, seq, event_id, device, professional, counter,
                 time_ms, kind, signed) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
            )?
            .execute(params![
                channel.0,
                entry.seq,
                said.id.0,
                device.0,
                said.author.0,
                counter,
                entry.time_ms,
                content.map_or(0, relais_content::kinds::kind_number),
                signed
            ])?;
        if let Some(content) = content {
            if let Some(kind) = &content.kind {
                self.index_words(channel, said.id, kind)?;
            }
            let event = Folded {
                channel,
                id: said.id,
                seq: entry.seq,
                time_ms: entry.time_ms,
                author: said.author,
                content,
            };
            self.fold(&event, aad.said_again)?;
        }
        Ok(())
    }

    /// Whether a statement that the author of an entry of this server time knew may still be
    /// on its way: the server had it by then. What nobody states does not hold up a thread.
    fn statement_may_come(&mut self, entry_ms: u64) -> bool {
        let now = self.log_now();
        let until = entry_ms.saturating_add(STATEMENT_MS);
        let waits = !self.link.structure_caught_up
            || (now < until && entry_ms <= now.saturating_add(STATEMENT_MS));
        if waits {
            let at_ms = self.now_ms.saturating_add(until.saturating_sub(now));
            self.link.wake_for_statement(at_ms);
        }
        waits
    }

    /// Whether another device of the same person says the very event of an entry.
    pub(crate) fn is_said_again(
        &self,
        channel: ChannelId,
        seq: u64,
        device: DeviceId,
        author: ProfessionalId,
        body: &EventBody,
    ) -> Result<bool> {
        let (by, person, signed): ([u8; 16], [u8; 16], Vec<u8>) = self
            .db
            .prepare_cached(
                "SELECT device, professional, signed FROM events WHERE channel = ?1 AND seq = ?2",
            )?
            .query_row(params![channel.0, seq], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?))
            })?;
        let first = crate::content::said_in(&signed)?;
        Ok(by != device.0 && person == author.0 && first.content == body.content)
    }

    /// What the author says to have seen must be what this device saw: a fork,
    /// a withheld or a rewritten entry shows within one event.
    fn check_history(
        &mut self,
        channel: ChannelId,
        row: &ChannelRow,
        entry: &ChannelEntry,
        author: ProfessionalId,
        body: &EventBody,
    ) -> Result<(), Fault> {
        if body.last_seen_seq >= entry.seq {
            return Err(park("the author saw what did not exist yet"));
        }
        let seen = if body.last_seen_seq == row.cursor_seq {
            Some(row.cursor_hash.clone())
        } else {
            self.entry_hash(channel, body.last_seen_seq)?
        };
        Ok(self.check_seen(channel, seen, author, body)?)
    }

    /// `seen`: the hash known here of the entry that the author saw last.
    pub(crate) fn check_seen(
        &mut self,
        channel: ChannelId,
        seen: Option<Vec<u8>>,
        author: ProfessionalId,
        body: &EventBody,
    ) -> Result<()> {
        if seen.is_some_and(|hash| hash != body.last_seen_hash) {
            self.trouble(Trouble::ChannelForked(channel));
        }
        self.check_structure_seen(author, body)
    }

    fn check_structure_seen(&mut self, author: ProfessionalId, body: &EventBody) -> Result<()> {
        match self.structure.hash_at(body.structure_seq) {
            Some(hash) if hash.as_slice() != body.structure_hash.as_ref() => {
                self.trouble(Trouble::StructureDisputed(author));
            }
            Some(_) => {}
            None => self.claim_structure_head(body.structure_seq)?,
        }
        Ok(())
    }

    /// The author's event at a place, verbatim.
    pub(crate) fn event_at(&self, channel: ChannelId, seq: u64) -> Result<Vec<u8>> {
        let signed: Vec<u8> = self
            .db
            .prepare_cached("SELECT signed FROM events WHERE channel = ?1 AND seq = ?2")?
            .query_row(params![channel.0, seq], |row| row.get(0))?;
        verbatim(&signed)
    }

    /// Hash of an entry, if this device knows it.
    pub(crate) fn entry_hash(&self, channel: ChannelId, seq: u64) -> Result<Option<Vec<u8>>> {
        Ok(self
            .db
            .prepare_cached("SELECT hash FROM entries WHERE channel = ?1 AND seq = ?2")?
            .query_row(params![channel.0, seq], |row| row.get(0))
            .optional()?)
    }

    pub(crate) fn last_counter(&self, channel: ChannelId, device: DeviceId) -> Result<u64> {
        Ok(self
            .db
            .prepare_cached(
                "SELECT coalesce(max(counter), 0) FROM events WHERE channel = ?1 AND device = ?2",
            )?
            .query_row(params![channel.0, device.0], |row| row.get(0))?)
    }

    /// Sequence of an event that was folded.
    pub(crate) fn event_seq(&self, channel: ChannelId, id: EventId) -> Result<Option<u64>> {
        Ok(self
            .db
            .prepare_cached("SELECT seq FROM events WHERE channel = ?1 AND event_id = ?2")?
            .query_row(params![channel.0, id.0], |row| row.get(0))
            .optional()?)
    }
}

/// The event that a message names in the clear, with what else it says there. Nobody
/// vouches for it before the message was decrypted.
pub(crate) fn named_event(message: &[u8]) -> Option<(EventId, MessageAad)> {
    let data = relais_wire::chain::authenticated_data(message)?;
    let aad = MessageAad::decode(data).ok()?;
    Some((EventId::try_from(&aad.event_id).ok()?, aad))
}

fn decode(signed: &[u8]) -> Result<(SignedEvent, EventBody), Fault> {
    let malformed = |_| park("malformed event");
    let event = SignedEvent::decode(signed).map_err(malformed)?;
    let body = EventBody::decode(event.body.clone()).map_err(malformed)?;
    Ok((event, body))
}
