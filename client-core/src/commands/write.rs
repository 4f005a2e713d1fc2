//! Writing an event into a thread: checked, signed, kept, shown at once.

use relais_content::v1::{
    Content, HandoverAcknowledged, HandoverNote, Laterality, MembershipNote, Message,
    PatientHeader, Photo, Priority, ReadMarker, content::Kind,
};
use relais_wire::ids::{ChannelId, EventId, WoundId};
use relais_wire::roster::Operation;
use rusqlite::{OptionalExtension, params};

use crate::engine::{Engine, Event};
use crate::error::{Denial, Error, Result};
use crate::media::photo;
use crate::outbox::intent::Wish;

impl Engine {
    /// Sends a text. `reply_to`: the message that it answers.
    ///
    /// # Errors
    /// [`Error::Invalid`] naming the field, [`Error::Unknown`] thread or event,
    /// [`Error::NotAllowed`] for a reader.
    pub fn send_message(
        &mut self,
        channel: ChannelId,
        text: &str,
        priority: Priority,
        reply_to: Option<EventId>,
    ) -> Result<EventId> {
        if let Some(event) = reply_to {
            self.require_event(channel, event)?;
        }
        let message = Message {
            text: text.to_owned(),
            priority: priority.into(),
            reply_to: reply_to.map(EventId::to_bytes).unwrap_or_default(),
        };
        self.write(channel, Kind::Message(message))
    }

    /// Sends a photo (JPEG or PNG): without its metadata, at most 2048 px a side;
    /// the thumbnail goes with the event, the original follows as a blob. `wound`: in whose
    /// series it belongs.
    ///
    /// # Errors
    /// [`Error::Photo`] for what is not a usable photo, and those of
    /// [`Engine::send_message`].
    pub fn send_photo(
        &mut self,
        channel: ChannelId,
        bytes: &[u8],
        caption: &str,
        body_site: &str,
        laterality: Laterality,
        wound: Option<WoundId>,
    ) -> Result<EventId> {
        if let Some(wound) = wound {
            self.wound_record(channel, wound)?;
        }
        let prepared = photo::prepare(bytes)?;
        self.transaction(|engine| {
            let original = engine.new_blob(channel, &prepared.jpeg)?;
            let photo = Photo {
                original: Some(original),
                thumbnail: prepared.thumbnail.into(),
                width: prepared.width,
                height: prepared.height,
                caption: caption.to_owned(),
                body_site: body_site.to_owned(),
                laterality: laterality.into(),
                wound_id: wound.map(WoundId::to_bytes).unwrap_or_default(),
            };
            engine.write_inside(channel, Kind::Photo(photo))
        })
    }

    /// Replaces the patient header.
    ///
    /// # Errors
    /// Those of [`Engine::send_message`].
    pub fn set_patient_header(
        &mut self,
        channel: ChannelId,
        header: PatientHeader,
    ) -> Result<EventId> {
        self.write(channel, Kind::PatientHeader(header))
    }

    /// Says on what basis somebody is in the circle.
    ///
    /// # Errors
    /// Those of [`Engine::send_message`].
    pub fn set_membership_note(
        &mut self,
        channel: ChannelId,
        note: MembershipNote,
    ) -> Result<EventId> {
        self.write(channel, Kind::MembershipNote(note))
    }

    /// Writes a handover note (SAED); complete once every receiver acknowledged it.
    ///
    /// # Errors
    /// Those of [`Engine::send_message`]; receivers must be members.
    pub fn write_handover(&mut self, channel: ChannelId, note: HandoverNote) -> Result<EventId> {
        let roster = self.roster(channel)?;
        for (number, receiver) in note.receivers.iter().enumerate() {
            let known = relais_wire::ids::ProfessionalId::try_from(receiver)
                .is_ok_and(|id| self.will_be_member(channel, &roster, &id));
            if !known {
                let field = format!("receivers[{number}]");
                return Err(Error::invalid(field, "is not a member of this thread"));
            }
        }
        self.write(channel, Kind::HandoverNote(note))
    }

    /// Acknowledges a handover, with the receiver's own synthesis (may be empty).
    ///
    /// # Errors
    /// [`Error::NotAllowed`] for someone it is not addressed to, and those of
    /// [`Engine::send_message`].
    pub fn acknowledge_handover(
        &mut self,
        channel: ChannelId,
        handover: EventId,
        synthesis: &str,
    ) -> Result<EventId> {
        let me = self.identity()?.professional();
        let known = self
            .handovers(channel)?
            .into_iter()
            .find(|h| h.event == handover)
            .ok_or(Error::Unknown("handover"))?;
        if !known.receivers.iter().any(|r| r.professional == me) {
            return Err(Error::NotAllowed(Denial::NotReceiver));
        }
        let ack = HandoverAcknowledged {
            handover: handover.to_bytes(),
            synthesis: synthesis.to_owned(),
        };
        self.write(channel, Kind::HandoverAcknowledged(ack))
    }

    /// Marks a thread as read up to an entry: one event per thread however often it
    /// is called before the device is online.
    ///
    /// # Errors
    /// Those of [`Engine::send_message`].
    pub fn mark_read(&mut self, channel: ChannelId, seq: u64) -> Result<()> {
        let me = self.identity()?.professional();
        let row = self.channel_row(channel)?.ok_or(Error::Unknown("thread"))?;
        let seq = seq.min(row.cursor_seq);
        let before: u64 = self
            .db
            .prepare_cached(
                "SELECT coalesce(max(seq), 0) FROM reads WHERE channel = ?1 AND professional = ?2",
            )?
            .query_row(params![channel.0, me.0], |row| row.get(0))?;
        if seq <= before {
            return Ok(());
        }
        let kind = Kind::ReadMarker(ReadMarker { seq });
        let waiting = self.waiting_marker(channel)?;
        self.transaction(|engine| match waiting {
            // The waiting marker keeps its counter and says the newer sequence.
            Some((intent, signed)) => {
                let (id, signed) = engine.resign(&signed, kind)?;
                engine
                    .db
                    .prepare_cached("UPDATE intents SET payload = ?2, event_id = ?3 WHERE id = ?1")?
                    .execute(params![intent, signed, id.0])?;
                Ok(())
            }
            None => engine.write_inside(channel, kind).map(drop),
        })
    }

    fn waiting_marker(&self, channel: ChannelId) -> Result<Option<(i64, Vec<u8>)>> {
        // Only the newest event may be rewritten (an older one may be followed by
        // events that were written after reading further), and only one whose
        // bytes never left: the log could still show them.
        let newest: Option<(i64, Vec<u8>, String)> = self
            .db
            .prepare_cached(
                "SELECT i.id, i.payload, CASE WHEN EXISTS (SELECT 1 FROM sends s
                    WHERE s.intent = i.id) THEN 'sent' ELSE i.state END
                 FROM intents i WHERE i.channel = ?1 AND i.kind = 'event'
                 ORDER BY i.id DESC LIMIT 1",
            )?
            .query_row([channel.0], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?))
            })
            .optional()?;
        Ok(newest.and_then(|(id, signed, state)| {
            let kind = crate::content::body_of(&signed).ok()?.content?.kind?;
            (state == "waiting" && matches!(kind, Kind::ReadMarker(_))).then_some((id, signed))
        }))
    }

    pub(crate) fn write(&mut self, channel: ChannelId, kind: Kind) -> Result<EventId> {
        self.transaction(|engine| engine.write_inside(channel, kind))
    }

    pub(crate) fn write_inside(&mut self, channel: ChannelId, kind: Kind) -> Result<EventId> {
        self.require_unfrozen()?;
        self.require_open(channel)?;
        let content = Content { kind: Some(kind) };
        relais_content::validate::content(&content)
            .map_err(|e| Error::invalid(e.field, e.problem))?;
        let number = relais_content::kinds::kind_number(&content);
        let operation = if relais_content::kinds::needs_write(number) {
            Operation::Write
        } else {
            Operation::Acknowledge
        };
        let me = self.identity()?.professional();
        self.roster(channel)?
            .may(&me, operation, self.now_ms)
            .map_err(|_| Error::NotAllowed(Denial::Role))?;
        let channel_kind = self.channel_kind(channel, &content)?;
        if !relais_content::kinds::permitted_content(channel_kind, &content) {
            return Err(Error::NotAllowed(Denial::ContentKind));
        }
        let (id, signed) = self.sign_next(channel, content)?;
        if signed.len() > relais_wire::limits::MESSAGE_BYTES - 4096 {
            return Err(Error::invalid("content", "is too large"));
        }
        self.want(Some(channel), Wish::Event { id, signed })?;
        self.events.push_back(Event::ThreadChanged(channel));
        Ok(id)
    }

    /// What is wanted in a thread that is closed here would wait for ever.
    fn require_open(&self, channel: ChannelId) -> Result<()> {
        let row = self.channel_row(channel)?.ok_or(Error::Unknown("thread"))?;
        // On its way back it waits, once there is something to go on from.
        let open = match row.state.as_str() {
            "joined" | "creating" => true,
            "rejoin" => row.cursor_seq > 0,
            _ => false,
        };
        match open {
            true => Ok(()),
            false => Err(Error::NotAllowed(Denial::ThreadClosed)),
        }
    }

    pub(crate) fn require_event(&self, channel: ChannelId, event: EventId) -> Result<()> {
        let known = self.event_seq(channel, event)?.is_some()
            || crate::outbox::intent::unsettled(&self.db, channel)?
                .iter()
                .any(|(intent, _, _)| intent.wish.event_id() == Some(event.0));
        if known {
            Ok(())
        } else {
            Err(Error::Unknown("message"))
        }
    }

    /// Sends something that failed once more.
    ///
    /// # Errors
    /// [`Error::Unknown`] when nothing failed under this number,
    /// [`Error::NotAllowed`] where the thread is closed on this device.
    pub fn retry(&mut self, failed: i64) -> Result<()> {
        let intent = self.failed(failed)?;
        let within = intent.channel.is_some();
        self.transaction(|engine| {
            match (intent.wish, intent.channel) {
                (Wish::Event { signed, .. }, Some(channel)) => {
                    // Its counter may be taken by a void: it is written anew.
                    let kind = crate::content::body_of(&signed)?
                        .content
                        .and_then(|c| c.kind);
                    let kind = kind.ok_or(Error::Corrupt("event"))?;
                    engine.write_inside(channel, kind)?;
                }
                (wish, channel) => {
                    if let Some(channel) = channel
                        && !matches!(wish, Wish::CreateChannel(_))
                    {
                        engine.require_open(channel)?;
                    }
                    engine.want(channel, wish)?;
                }
            }
            engine.let_go(failed, within)
        })
    }

    /// Forgets something that failed.
    ///
    /// # Errors
    /// [`Error::Unknown`] when nothing failed under this number.
    pub fn discard(&mut self, failed: i64) -> Result<()> {
        let within = self.failed(failed)?.channel.is_some();
        self.transaction(|engine| engine.let_go(failed, within))
    }

    /// Nobody wants it any more. In a channel, the server may have taken it all the same.
    fn let_go(&mut self, failed: i64, within: bool) -> Result<()> {
        match within {
            true => self.put_aside(failed),
            false => self.settle(failed),
        }
    }

    fn failed(&self, id: i64) -> Result<crate::outbox::intent::Intent> {
        let failed: bool = self
            .db
            .prepare_cached(
                "SELECT EXISTS (SELECT 1 FROM intents WHERE id = ?1 AND state = 'failed')",
            )?
            .query_row([id], |row| row.get(0))?;
        match crate::outbox::intent::load(&self.db, id)? {
            Some(intent) if failed => Ok(intent),
            _ => Err(Error::Unknown("failed act")),
        }
    }
}
