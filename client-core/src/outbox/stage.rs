//! From intents to sends: what can go now, in order, against the present epoch.
//!
//! Invariants: nothing is encrypted before the structure log and the channel are
//! caught up (architecture D10); a send counter is used once, in the transaction
//! that makes the bytes; sends of an earlier connection go first, unchanged.

use std::collections::BTreeSet;

use prost::Message;
use prost::bytes::Bytes;
use relais_content::v1::{EventBody, SignedEvent};
use relais_wire::ids::{ChannelId, EventId};
use relais_wire::label::{Label, hash};
use relais_wire::limits;
use relais_wire::v1::{
    AppendMessage, AppendStatements, CreateChannel, MessageAad, Send, SendToDevice, client_frame,
    send,
};
use rusqlite::params;
use sha2::{Digest, Sha256};

use super::intent::{self, Intent, Wish};
use crate::db::meta::{self, keys};
use crate::engine::{Engine, Trouble};
use crate::error::{Error, Result};
use crate::lost::Hearing;

/// What a staged intent became.
pub(crate) struct Staged {
    pub operation: send::Operation,
    pub epoch: Option<u64>,
    /// The MLS message inside, by which the log's entry is recognised.
    pub payload: Bytes,
}

impl Engine {
    /// Stages what can go now, at most `budget`. Returns whether more could.
    pub(crate) fn stage(&mut self, budget: usize) -> Result<bool> {
        let may_send = self.link.structure_caught_up
            && self.now_ms >= self.hold_until_ms
            && !self.trouble.contains(&Trouble::StructureForked);
        if !may_send {
            return Ok(false);
        }
        self.ask_channels();
        if self
            .link
            .to_resend
            .as_ref()
            .is_none_or(|later| !later.is_empty())
        {
            self.resend()?;
        }
        self.settle_doubts()?;
        self.want_key_packages()?;
        self.pump_rejoins()?;
        self.want_renewals()?;
        self.want_follow()?;
        self.link.lost_at_ms = None;
        let held = self.want_lost_changes()?;
        self.want_recoveries(&held)?;
        self.want_directory()?;
        self.want_sealing_key()?;
        let stale = self.link.stale_structure == Some(self.structure.head().seq);
        let mut blocked = BTreeSet::new();
        // Where an event waits for its hearers: only what mends the circle passes it.
        let mut quiet = BTreeSet::new();
        let mut staged = 0;
        for intent in intent::open(&self.db, 4 * limits::IN_FLIGHT)? {
            if self.link.in_flight >= limits::IN_FLIGHT || staged >= budget {
                return Ok(staged >= budget);
            }
            if let Some(channel) = intent.channel {
                let ready = self.link.caught_up.contains(&channel)
                    || matches!(intent.wish, Wish::CreateChannel(_));
                if blocked.contains(&channel) || !ready {
                    continue;
                }
                if quiet.contains(&channel) && !self.mends_circle(channel, &intent.wish)? {
                    continue;
                }
                if intent.wish.is_barrier() {
                    // What comes after must see its outcome; what went before
                    // may still be in flight.
                    blocked.insert(channel);
                }
            }
            if stale && intent.wish.names_structure() {
                continue;
            }
            if let (Wish::Event { id, signed }, Some(channel), false) =
                (&intent.wish, intent.channel, intent.sent)
                && (held.contains(&channel) || !self.goes_out(&intent, channel, *id, signed)?)
            {
                quiet.insert(channel);
                continue;
            }
            // A return is staged when the server has shown the group.
            if intent.sent || matches!(intent.wish, Wish::Rejoin) {
                continue;
            }
            match (self.stage_one(&intent), intent.channel) {
                // Its MLS state is lost: the device comes back by an external commit.
                (Err(Error::Corrupt("group")), Some(channel)) => {
                    self.begin_rejoin(channel, "the encryption state was lost", 0)?;
                }
                (staged, _) => staged?,
            }
            staged += 1;
        }
        Ok(false)
    }

    /// Whether an event can go now. One that would reach somebody who was not there
    /// when it was said first fails visibly: its author decides.
    fn goes_out(
        &mut self,
        intent: &Intent,
        channel: ChannelId,
        event: EventId,
        signed: &[u8],
    ) -> Result<bool> {
        let (event, others) = self.lost_id(event, signed)?;
        match self.hearing(channel, event)? {
            // Its author said it meanwhile, or it is not for all who are there now.
            _ if others && self.audience(channel, event)?.is_none() => self.hush(intent, signed),
            Hearing::Closed(_) if others => self.hush(intent, signed),
            Hearing::Open => Ok(true),
            Hearing::Waits => Ok(false),
            Hearing::Closed(newcomer) => {
                let name = self.name(&newcomer);
                let reason = format!("the server lost it, and {name} has joined since it was sent");
                self.give_up_event(intent, channel, &reason, true)?;
                self.found_again(channel, event)?;
                self.dirty = true;
                Ok(false)
            }
        }
    }

    /// Leaves a void where somebody else's event was to be said again.
    fn hush(&mut self, intent: &Intent, signed: &[u8]) -> Result<bool> {
        let (id, signed) = self.void_for(signed)?;
        self.rewrite(intent.id, &Wish::Event { id, signed })?;
        self.dirty = true;
        Ok(false)
    }

    /// Repeats, byte for byte and in counter order, what an earlier connection sent and
    /// nobody answered; in a channel, once its log is here, which may have settled it. One
    /// that does not catch up holds up none of the others: what comes out of order then,
    /// and the server does not know, it refuses, and it is staged again.
    fn resend(&mut self) -> Result<()> {
        // A creation or a return goes before there is a log to read.
        let rows: Vec<(u64, Option<[u8; 16]>, Vec<u8>)> = self
            .db
            .prepare_cached(
                "SELECT s.counter, iif(i.kind IN ('create', 'rejoin', 'reboot'), NULL, s.channel),
                 s.bytes FROM sends s JOIN intents i ON i.id = s.intent
                 WHERE s.live = 1 ORDER BY s.counter",
            )?
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
            .collect::<Result<_, _>>()?;
        let before = self.link.to_resend.take();
        let mut later = BTreeSet::new();
        for (counter, channel, bytes) in rows {
            if before
                .as_ref()
                .is_some_and(|before| !before.contains(&counter))
            {
                continue; // Sent by this connection.
            }
            if channel.is_some_and(|c| !self.link.caught_up.contains(&ChannelId(c))) {
                later.insert(counter);
                continue;
            }
            let send = Send::decode(bytes.as_slice()).map_err(|_| Error::Corrupt("send"))?;
            self.push(client_frame::Frame::Send(send));
            self.link.resent.insert(counter);
        }
        self.link.to_resend = Some(later);
        self.link.in_flight = self.count_in_flight()?;
        Ok(())
    }

    fn stage_one(&mut self, intent: &Intent) -> Result<()> {
        let counter = meta::get_u64(&self.db, keys::SEND_COUNTER)? + 1;
        let staged = match (&intent.wish, intent.channel) {
            (Wish::Event { signed, .. }, Some(channel)) => {
                Some(self.stage_event(channel, signed, counter)?)
            }
            (Wish::CreateChannel(new), Some(channel)) => Some(Staged {
                operation: send::Operation::CreateChannel(CreateChannel {
                    channel_id: channel.to_bytes(),
                    group_info: new.group_info.clone().into(),
                    ratchet_tree: new.ratchet_tree.clone().into(),
                    structure_head: Some(self.structure.head()),
                }),
                epoch: None,
                payload: new.group_info.clone().into(),
            }),
            (Wish::Members(change), Some(channel)) => {
                self.stage_members(intent, channel, change, counter)?
            }
            (Wish::Renew, Some(channel)) => Some(self.stage_renewal(channel, counter)?),
            (Wish::Follow, Some(channel)) => self.stage_follow(intent.id, channel, counter)?,
            (Wish::Reboot, Some(channel)) => Some(self.stage_reboot(channel)?),
            (Wish::Statements(statements), None) => {
                Some(plain(send::Operation::AppendStatements(AppendStatements {
                    statements: statements.clone(),
                })))
            }
            (Wish::Directory, None) => match self.directory_statements()? {
                statements if statements.is_empty() => {
                    self.settle(intent.id)?;
                    None
                }
                statements => Some(plain(send::Operation::AppendStatements(AppendStatements {
                    statements,
                }))),
            },
            (Wish::KeyPackages, None) => Some(plain(send::Operation::PublishKeyPackages(
                self.new_key_packages(intent.id)?,
            ))),
            (
                Wish::Sealed {
                    device,
                    kem_output,
                    ciphertext,
                },
                None,
            ) => Some(plain(send::Operation::SendToDevice(SendToDevice {
                device_id: device.to_bytes(),
                kem_output: kem_output.clone().into(),
                ciphertext: ciphertext.clone().into(),
            }))),
            _ => return Err(Error::Corrupt("intent without its channel")),
        };
        match staged {
            Some(staged) => self.send(intent, counter, staged),
            None => Ok(()), // Settled or failed without a send.
        }
    }

    pub(crate) fn send(&mut self, intent: &Intent, counter: u64, staged: Staged) -> Result<()> {
        let send = Send {
            send_counter: counter,
            operation: Some(staged.operation),
        };
        self.db
            .prepare_cached(
                "INSERT INTO sends (counter, intent, channel, epoch, bytes, payload_hash)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            )?
            .execute(params![
                counter,
                intent.id,
                intent.channel.map(|c| c.0),
                staged.epoch,
                send.encode_to_vec(),
                Sha256::digest(&staged.payload).as_slice(),
            ])?;
        meta::put_u64(&self.db, keys::SEND_COUNTER, counter)?;
        self.db
            .prepare_cached("UPDATE intents SET state = 'sent' WHERE id = ?1")?
            .execute([intent.id])?;
        if intent.wish.names_structure() {
            let head = self.structure.head().seq;
            self.link.named_heads.insert(counter, head);
        }
        self.link.in_flight += 1;
        self.push(client_frame::Frame::Send(send));
        Ok(())
    }

    fn stage_event(&mut self, channel: ChannelId, signed: &[u8], counter: u64) -> Result<Staged> {
        let corrupt = |_| Error::Corrupt("event");
        let event = SignedEvent::decode(signed).map_err(corrupt)?;
        let body = EventBody::decode(event.body).map_err(corrupt)?;
        let aad = MessageAad {
            event_id: body.event_id.clone(),
            event_counter: body.counter,
            signed_event_hash: hash(Label::SignedEventHash, &[signed]).to_vec().into(),
            blob_ids: crate::content::blob_ids(&body),
            send_counter: counter,
            said_again: self.is_of_lost_log(channel, signed)?,
        };
        let mut group = self.take_group(channel)?;
        let signer = self.identity()?.signer();
        group.set_aad(aad.encode_to_vec());
        let epoch = group.epoch().as_u64();
        let message: Bytes = group
            .create_message(&self.provider(), &signer, signed)
            .map_err(Error::mls)?
            .to_bytes()
            .map_err(Error::mls)?
            .into();
        self.keep_group(channel, group);
        Ok(Staged {
            operation: send::Operation::AppendMessage(AppendMessage {
                channel_id: channel.to_bytes(),
                incarnation: self.incarnation(channel)?,
                epoch,
                message: message.clone(),
            }),
            epoch: Some(epoch),
            payload: message,
        })
    }
}

fn plain(operation: send::Operation) -> Staged {
    Staged {
        operation,
        epoch: None,
        payload: Bytes::new(),
    }
}
