//! One connection: authentication, the frames of the server, and the batches in which
//! received entries are applied.

use std::collections::BTreeMap;

use prost::Message;
use prost::bytes::Bytes;
use relais_wire::RefusalCode;
use relais_wire::ids::ChannelId;
use relais_wire::label::{self, Label};
use relais_wire::v1::{
    Ack, CaughtUp, Challenge, ChannelCursor, ClientFrame, Closing, Cursors, Delivery, Hello,
    HelloBody, Ready, ServerFrame, Subscribe, ack, caught_up, client_frame, delivery, server_frame,
    subscribe,
};
use rusqlite::params;

use super::http::GiveBack;
use super::link::{Link, Phase};
use super::{Engine, Event, Trouble};
use crate::db::meta::{self, keys};
use crate::error::{Error, Result};
use crate::identity::Enrolment;

impl Engine {
    /// A socket is open; the server speaks first.
    ///
    /// # Errors
    /// Of the database.
    pub fn connected(&mut self) -> Result<()> {
        self.disconnected();
        self.link.phase = Phase::Authenticating;
        self.events.push_back(Event::SyncChanged);
        Ok(())
    }

    /// The socket is gone. Nothing that was durable is lost.
    pub fn disconnected(&mut self) {
        self.link = Link::default();
        self.frames.clear();
        self.waiting.clear();
        self.inbox.clear();
        self.events.push_back(Event::SyncChanged);
    }

    /// Takes a frame from the server. It is only queued; [`Engine::step`] applies
    /// it. A frame that does not decode ends the connection, nothing else.
    ///
    /// # Errors
    /// Of the database.
    pub fn receive(&mut self, frame: Bytes) -> Result<()> {
        self.dirty = true;
        let Ok(ServerFrame { frame: Some(frame) }) = ServerFrame::decode(frame) else {
            self.link.closed_by_server = Some(RefusalCode::Malformed);
            return Ok(());
        };
        use server_frame::Frame;
        match frame {
            Frame::Challenge(challenge) => self.answer_challenge(&challenge),
            Frame::Ready(ready) => self.ready(ready),
            Frame::Delivery(delivery) => self.delivered(delivery),
            Frame::CaughtUp(caught_up) => self.caught_up(caught_up),
            Frame::Answer(answer) => self.answered(&answer),
            Frame::Cursors(cursors) => self.cursors(&cursors),
            Frame::Closing(closing) => self.closing(&closing),
            Frame::Group(group) => self.group_told(group),
            Frame::Channels(channels) => self.channels_told(&channels),
            Frame::LogCompared(compared) => self.log_compared(&compared),
        }
    }

    /// Why the server ended the connection, once it did: the driver closes the
    /// socket and tries again later.
    pub fn closed_by_server(&self) -> Option<RefusalCode> {
        self.link.closed_by_server
    }

    /// Where the connection stands.
    pub fn phase(&self) -> Phase {
        self.link.phase
    }

    /// Bearer token for the blob routes.
    pub fn token(&self) -> Option<&str> {
        self.link.token.as_deref()
    }

    pub(crate) fn push(&mut self, frame: client_frame::Frame) {
        let frame = ClientFrame { frame: Some(frame) };
        self.frames.push_back(frame.encode_to_vec().into());
    }

    fn answer_challenge(&mut self, challenge: &Challenge) -> Result<()> {
        if self.is_frozen() || self.link.phase != Phase::Authenticating {
            return Ok(());
        }
        // The lease is durable before it is presented (architecture D10). One that
        // the server never answered may not have arrived: it is presented again
        // with the same predecessor, of which the server holds one or the other.
        let fresh: [u8; 16] = self.random()?;
        let (lease, previous) = self.transaction(|engine| {
            let held = meta::get(&engine.db, keys::LEASE)?.unwrap_or_default();
            if meta::get_u64(&engine.db, keys::LEASE_PENDING)? == 1 {
                let previous = meta::get(&engine.db, keys::PREVIOUS_LEASE)?;
                return Ok((held, previous.unwrap_or_default()));
            }
            meta::put(&engine.db, keys::PREVIOUS_LEASE, &held)?;
            meta::put(&engine.db, keys::LEASE, &fresh)?;
            meta::put_u64(&engine.db, keys::LEASE_PENDING, 1)?;
            Ok((fresh.to_vec(), held))
        })?;
        let identity = self.identity()?;
        let body = HelloBody {
            nonce: challenge.nonce.clone(),
            structure_id: identity.structure().to_bytes(),
            device_id: identity.device().to_bytes(),
            protocol_version: relais_wire::PROTOCOL_VERSION,
            client_version: crate::CLIENT_VERSION,
            lease: lease.into(),
            previous_lease: previous.into(),
            send_counter: meta::get_u64(&self.db, keys::SEND_COUNTER)?,
            receipt: meta::get(&self.db, keys::RECEIPT)?
                .unwrap_or_default()
                .into(),
        }
        .encode_to_vec();
        let signature = label::sign(&identity.device_key(), Label::Hello, &body);
        self.push(client_frame::Frame::Hello(Hello {
            body: body.into(),
            signature,
        }));
        Ok(())
    }

    fn ready(&mut self, ready: Ready) -> Result<()> {
        if ready.send_counter > meta::get_u64(&self.db, keys::SEND_COUNTER)? {
            return self.freeze();
        }
        self.transaction(|engine| {
            meta::put_u64(&engine.db, keys::LEASE_PENDING, 0)?;
            meta::put(&engine.db, keys::RECEIPT, &ready.receipt)?;
            engine.bound_waits()?;
            engine.age_sealed()?;
            engine.offer_sent_blobs_again()?;
            engine.server_restores(ready.restores)
        })?;
        self.trouble.retain(|trouble| *trouble != Trouble::Revoked);
        self.link.phase = Phase::Ready;
        self.link.token = Some(ready.token);
        self.link.times_ms = Some((ready.time_ms, self.now_ms));
        let structure_after = self.structure.head();
        self.push(client_frame::Frame::Subscribe(Subscribe {
            log: Some(subscribe::Log::StructureAfter(structure_after)),
        }));
        let inbox_after = meta::get_u64(&self.db, keys::INBOX_SEQ)?;
        self.push(client_frame::Frame::Subscribe(Subscribe {
            log: Some(subscribe::Log::InboxAfter(inbox_after)),
        }));
        // Channels with waiting intents come first: they can send the sooner.
        let mut statement = self.db.prepare_cached(
            "SELECT c.channel, c.cursor_seq FROM channels c WHERE c.state = 'joined'
             ORDER BY NOT EXISTS (SELECT 1 FROM intents i WHERE i.channel = c.channel
                AND i.state IN ('waiting', 'sent')), c.channel",
        )?;
        let channels: Vec<([u8; 16], u64)> = statement
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect::<Result<_, _>>()?;
        drop(statement);
        for (channel, cursor) in channels {
            self.subscribe(ChannelId(channel), cursor)?;
        }
        self.events.push_back(Event::SyncChanged);
        Ok(())
    }

    /// Follows a channel's log, once per connection; whether it is the one that was
    /// read here is asked first.
    pub(crate) fn subscribe(&mut self, channel: ChannelId, after_seq: u64) -> Result<()> {
        if self.link.phase != Phase::Ready || !self.link.subscribed.insert(channel) {
            return Ok(());
        }
        self.compare_log(channel)?;
        self.push(client_frame::Frame::Subscribe(Subscribe {
            log: Some(subscribe::Log::Channel(ChannelCursor {
                channel_id: channel.to_bytes(),
                after_seq,
            })),
        }));
        Ok(())
    }

    fn delivered(&mut self, delivery: Delivery) -> Result<()> {
        match delivery.item {
            Some(delivery::Item::Structure(entry)) => {
                self.transaction(|engine| match engine.link.beside.take() {
                    Some(beside) => engine.structure_beside(beside, entry),
                    None => {
                        engine.link.structure_agreed = true;
                        engine.apply_structure_entry(&entry)
                    }
                })
            }
            Some(delivery::Item::Inbox(item)) => {
                self.inbox.push_back(item);
                Ok(())
            }
            Some(delivery::Item::Channel(entry)) => {
                if let Ok(channel) = ChannelId::try_from(&entry.channel_id) {
                    self.waiting.entry(channel).or_default().push_back(entry);
                }
                Ok(())
            }
            None => Ok(()),
        }
    }

    fn caught_up(&mut self, caught_up: CaughtUp) -> Result<()> {
        use caught_up::Log;
        match caught_up.log {
            Some(Log::StructureSeq(seq)) => {
                self.transaction(|engine| match engine.link.beside.take() {
                    Some(beside) => engine.beside_caught_up(beside, seq),
                    None if engine.structure.head().seq == seq => engine.structure_is_the_servers(),
                    None => Ok(()),
                })?;
                self.enrolment_seen()?;
                self.check_structure_claims()?;
            }
            Some(Log::StructureParted(_)) => {
                self.restore_structure(Vec::new(), GiveBack::default());
            }
            Some(Log::InboxSeq(_)) => self.link.inbox_caught_up = true,
            Some(Log::Channel(cursor)) => {
                if let Ok(channel) = ChannelId::try_from(&cursor.channel_id) {
                    self.link
                        .pending_caught_up
                        .insert(channel, cursor.after_seq);
                }
            }
            Some(Log::Trimmed(trimmed)) => {
                if let Ok(channel) = ChannelId::try_from(&trimmed.channel_id) {
                    self.transaction(|engine| engine.trimmed(channel))?;
                }
            }
            // The removing commit came before. Where the log shows none, the server
            // has lost this device's membership.
            Some(Log::Closed(cursor)) => {
                if let Ok(channel) = ChannelId::try_from(&cursor.channel_id) {
                    self.link.closed.insert(channel);
                }
            }
            None => {}
        }
        self.events.push_back(Event::SyncChanged);
        Ok(())
    }

    fn closing(&mut self, closing: &Closing) -> Result<()> {
        self.link.closed_by_server = Some(closing.code());
        match closing.code() {
            RefusalCode::CloneSuspected => self.freeze(),
            RefusalCode::DeviceRevoked => {
                self.trouble(Trouble::Revoked);
                self.ask_for_revocation()
            }
            RefusalCode::UnsupportedVersion => {
                self.trouble(Trouble::UpdateNeeded);
                Ok(())
            }
            // Enrolled, and the server does not know this device: it has forgotten.
            RefusalCode::NotFound if self.link.phase == Phase::Authenticating => {
                let unknown = true;
                self.restore_structure(
                    Vec::new(),
                    GiveBack {
                        unknown,
                        given: None,
                    },
                );
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn cursors(&mut self, cursors: &Cursors) -> Result<()> {
        let Ok(channel) = ChannelId::try_from(&cursors.channel_id) else {
            return Ok(());
        };
        self.transaction(|engine| {
            let mut changed = 0;
            for device in &cursors.devices {
                changed += engine
                    .db
                    .prepare_cached(
                        "INSERT INTO cursors (channel, device, seq) VALUES (?1, ?2, ?3)
                         ON CONFLICT DO UPDATE SET seq = excluded.seq WHERE seq < excluded.seq",
                    )?
                    .execute(params![
                        channel.0,
                        device.device_id.as_ref(),
                        device.seq.min(i64::MAX as u64)
                    ])?;
            }
            // All of them are told with each connection.
            if changed > 0 {
                engine.events.push_back(Event::ThreadChanged(channel));
            }
            Ok(())
        })
    }

    /// Applies at most `budget` received items in one transaction and stages what
    /// can be sent. Returns whether there is more to do now.
    ///
    /// # Errors
    /// Of the database: nothing of the batch was kept, and the caller ends the
    /// connection (what was received comes again).
    pub fn step(&mut self, budget: usize) -> Result<bool> {
        self.follow_clock();
        if !self.is_enrolled() {
            if self
                .http
                .retry_enrolment_ms
                .is_some_and(|at| at <= self.now_ms)
            {
                self.http.retry_enrolment_ms = None;
                match self.enrolment.state {
                    // Whoever lapsed may have been sent away since.
                    Enrolment::Lapsed => self.ask_for_revocation()?,
                    _ => self.continue_enrolment(),
                }
            }
            return Ok(false);
        }
        if self.is_revoked() && !self.is_frozen() {
            self.wipe()?;
            return Ok(false);
        }
        self.continue_return()?;
        let due = self.wake_at().is_some_and(|at| at <= self.now_ms);
        if !std::mem::take(&mut self.dirty) && !due {
            return Ok(false);
        }
        if self.hold_until_ms <= self.now_ms {
            self.hold_until_ms = 0;
        }
        let acks = self.transaction(|engine| {
            let mut left = budget;
            let mut acks = BTreeMap::new();
            engine.apply_inbox(&mut left)?;
            engine.apply_channels(&mut left, &mut acks)?;
            Ok(acks)
        })?;
        // Acknowledged only after the commit (architecture D2).
        for (channel, seq) in acks {
            self.push(client_frame::Frame::Ack(Ack {
                log: Some(ack::Log::Channel(ChannelCursor {
                    channel_id: channel.to_bytes(),
                    after_seq: seq,
                })),
            }));
        }
        if !self.is_frozen() {
            if self.link.phase == Phase::Ready {
                let more = self.transaction(|engine| engine.stage(budget))?;
                self.pump_blobs()?;
                self.dirty |= more;
            }
            self.dirty |= self.step_history()?;
        }
        self.dirty |= self.has_applicable();
        self.tell_sync()?;
        self.tell_ends()?;
        Ok(self.dirty)
    }

    pub(crate) fn ack_inbox(&mut self, seq: u64) {
        self.push(client_frame::Frame::Ack(Ack {
            log: Some(ack::Log::InboxSeq(seq)),
        }));
    }

    /// When [`Engine::step`] should be called even if nothing arrives,
    /// milliseconds since the Unix epoch.
    pub fn wake_at(&self) -> Option<u64> {
        let link = &self.link;
        let ready = link.phase == Phase::Ready;
        // Only what `stage` would look at then: anything else would never be over.
        let stages = link.structure_caught_up && !self.trouble.contains(&Trouble::StructureForked);
        let staging = match self.hold_until_ms {
            0 => [
                link.directory_due_ms,
                link.rejoin_at_ms,
                link.lost_at_ms,
                link.renew_at_ms,
                link.followed.next_ms(),
                link.listing.next_ms(),
                link.doubts.next_ms(),
            ]
            .into_iter()
            .flatten()
            .min(),
            hold => Some(hold),
        };
        let staging = staging.filter(|_| stages);
        let sending = [
            staging,
            link.statement_at_ms,
            self.http.next_blob_ms,
            self.next_history_ms,
        ];
        let sending = sending.into_iter().flatten().filter(|_| ready);
        sending
            .chain(self.http.retry_enrolment_ms)
            .chain(self.next_end_ms())
            .min()
    }

    /// A higher counter at the server, an unknown lease or an unknown entry of
    /// our own: this database was restored or copied. Nothing more is encrypted
    /// (invariant 7).
    pub(crate) fn freeze(&mut self) -> Result<()> {
        let now = self.now_ms;
        let in_transaction = !self.db.is_autocommit();
        let write = |engine: &mut Self| meta::put_u64(&engine.db, keys::FROZEN, now);
        if in_transaction {
            write(self)?;
        } else {
            self.transaction(write)?;
        }
        self.trouble(Trouble::Frozen);
        self.link.closed_by_server = Some(RefusalCode::CloneSuspected);
        Ok(())
    }

    /// Whether this database was found to be restored or copied.
    pub fn is_frozen(&self) -> bool {
        self.trouble.contains(&Trouble::Frozen)
    }

    pub(crate) fn require_unfrozen(&self) -> Result<()> {
        if self.is_frozen() {
            Err(Error::Frozen)
        } else {
            Ok(())
        }
    }
}
