//! Reading and making signed events (architecture D9).

use prost::Message;
use prost::bytes::Bytes;
use relais_content::v1::{Content, EventBody, SignedEvent, Void, content::Kind};
use relais_wire::ids::{ChannelId, DeviceId, EventId, ProfessionalId};
use relais_wire::label::{self, Label};
use relais_wire::roster::{CheckedRoster, Operation};
use relais_wire::v1::MessageAad;

use crate::engine::Engine;
use crate::error::{Error, Result};

/// The blobs that an event names, for the server's bookkeeping.
pub(crate) fn blob_ids(body: &EventBody) -> Vec<Bytes> {
    let kind = body.content.as_ref().and_then(|c| c.kind.as_ref());
    match kind {
        Some(Kind::Photo(photo)) => photo.original.iter().map(|b| b.blob_id.clone()).collect(),
        Some(Kind::Recovered(again)) => {
            let inner = body_of(&again.signed_event);
            inner.map(|inner| blob_ids(&inner)).unwrap_or_default()
        }
        _ => Vec::new(),
    }
}

/// The body of a signed event that this device made or verified.
pub(crate) fn body_of(signed: &[u8]) -> Result<EventBody> {
    SignedEvent::decode(signed)
        .and_then(|event| EventBody::decode(event.body))
        .map_err(|_| Error::Corrupt("event"))
}

/// What an event says: of one that somebody recovered, what its author said.
pub(crate) fn said_in(signed: &[u8]) -> Result<EventBody> {
    let body = body_of(signed)?;
    match body.content.as_ref().and_then(|c| c.kind.as_ref()) {
        Some(Kind::Recovered(again)) => body_of(&again.signed_event),
        _ => Ok(body),
    }
}

/// The event, verbatim, of another author that this one recovers.
pub(crate) fn recovered_in(signed: &[u8]) -> Result<Option<Bytes>> {
    let kind = body_of(signed)?.content.and_then(|c| c.kind);
    Ok(match kind {
        Some(Kind::Recovered(again)) => Some(again.signed_event),
        _ => None,
    })
}

/// An event as its author signed it, also where somebody recovered it.
pub(crate) fn verbatim(signed: &[u8]) -> Result<Vec<u8>> {
    Ok(recovered_in(signed)?.map_or_else(|| signed.to_vec(), Vec::from))
}

pub(crate) fn is_void(signed: &[u8]) -> bool {
    body_of(signed).is_ok_and(|body| {
        let kind = body.content.and_then(|c| c.kind);
        matches!(kind, Some(Kind::Void(_)))
    })
}

/// Whether an event is the one that its envelope announces (architecture D9).
pub(crate) fn agrees(
    body: &EventBody,
    signed: &[u8],
    channel: ChannelId,
    device: DeviceId,
    aad: &MessageAad,
) -> bool {
    body.channel_id == channel.to_bytes()
        && body.device_id == device.to_bytes()
        && aad.event_id == body.event_id
        && aad.event_counter == body.counter
        && aad.signed_event_hash == label::hash(Label::SignedEventHash, &[signed]).as_slice()
}

impl Engine {
    /// Judges what an event says: valid, at home in this channel, and within what its
    /// author may do by that roster at that server time. The number of its kind, or why not.
    pub(crate) fn judge_content(
        &self,
        channel: ChannelId,
        roster: &CheckedRoster,
        author: &ProfessionalId,
        time_ms: u64,
        content: Option<&Content>,
    ) -> Result<Result<u32, String>> {
        let Some(content) = content else {
            return Ok(Err("an event without content".into()));
        };
        if let Err(error) = relais_content::validate::content(content) {
            return Ok(Err(error.to_string()));
        }
        let kind = relais_content::kinds::kind_number(content);
        let channel_kind = self.channel_kind(channel, content)?;
        if !relais_content::kinds::permitted_content(channel_kind, content) {
            return Ok(Err("content that this channel does not hold".into()));
        }
        let operation = if relais_content::kinds::needs_write(kind) {
            Operation::Write
        } else {
            Operation::Acknowledge
        };
        let may = roster.may(author, operation, time_ms);
        Ok(may.map(|()| kind).map_err(|broken| broken.to_string()))
    }

    /// Signs an event with the next counter of this device in the channel.
    pub(crate) fn sign_next(
        &mut self,
        channel: ChannelId,
        content: Content,
    ) -> Result<(EventId, Vec<u8>)> {
        let counter = self.next_counter(channel)?;
        self.sign_event(channel, counter, content, EventId(self.random()?))
    }

    /// The same event, by its id, with the next counter of a device that returned.
    pub(crate) fn sign_anew(&mut self, channel: ChannelId, signed: &[u8]) -> Result<Vec<u8>> {
        let body = body_of(signed)?;
        let id = EventId::try_from(&body.event_id).map_err(|_| Error::Corrupt("event"))?;
        let content = body.content.ok_or(Error::Corrupt("event"))?;
        let counter = self.next_counter(channel)?;
        let (_, signed) = self.sign_event(channel, counter, content, id)?;
        Ok(signed)
    }

    fn next_counter(&self, channel: ChannelId) -> Result<u64> {
        Ok(self
            .db
            .prepare_cached(
                "UPDATE channels SET event_counter = event_counter + 1 WHERE channel = ?1
                 RETURNING event_counter",
            )?
            .query_row([channel.0], |row| row.get(0))?)
    }

    /// A void under a counter that no event of this device has.
    pub(crate) fn void_at(&self, channel: ChannelId, counter: u64) -> Result<(EventId, Vec<u8>)> {
        let content = Content {
            kind: Some(Kind::Void(Void {})),
        };
        self.sign_event(channel, counter, content, EventId(self.random()?))
    }

    /// A void that takes the counter of an event that was given up.
    pub(crate) fn void_for(&self, signed: &[u8]) -> Result<(EventId, Vec<u8>)> {
        self.resign(signed, Kind::Void(Void {}))
    }

    /// Other content under the counter of an event that was never sent or given up.
    pub(crate) fn resign(&self, signed: &[u8], kind: Kind) -> Result<(EventId, Vec<u8>)> {
        let body = body_of(signed)?;
        let channel = ChannelId::try_from(&body.channel_id).map_err(|_| Error::Corrupt("event"))?;
        let content = Content { kind: Some(kind) };
        self.sign_event(channel, body.counter, content, EventId(self.random()?))
    }

    fn sign_event(
        &self,
        channel: ChannelId,
        counter: u64,
        content: Content,
        id: EventId,
    ) -> Result<(EventId, Vec<u8>)> {
        let identity = self.identity()?;
        let row = self.channel_row(channel)?.ok_or(Error::Unknown("thread"))?;
        let head = self.structure.head();
        let body = EventBody {
            channel_id: channel.to_bytes(),
            event_id: id.to_bytes(),
            device_id: identity.device().to_bytes(),
            counter,
            last_seen_seq: row.cursor_seq,
            last_seen_hash: row.cursor_hash.into(),
            structure_seq: head.seq,
            structure_hash: head.hash,
            written_at_ms: self.now_ms,
            content: Some(content),
        }
        .encode_to_vec();
        let signature = label::sign(&identity.device_key(), Label::SignedEvent, &body);
        let event = SignedEvent {
            body: body.into(),
            signature,
        };
        Ok((id, event.encode_to_vec()))
    }
}
