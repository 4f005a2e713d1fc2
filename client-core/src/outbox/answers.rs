//! The server's answers. An acceptance only says that the log will show it; a
//! refusal is final, a question for the log, or "later".

use prost::bytes::Bytes;
use relais_wire::RefusalCode as Code;
use relais_wire::ids::ChannelId;
use relais_wire::v1::{Answer, Appended, KeyPackages, answer};
use rusqlite::{OptionalExtension, params};

use super::intent::{self, HexBytes, HexId, Intent, Wish};
use crate::engine::{Engine, Event};
use crate::error::{Error, Result};

/// Pause after the server said "later".
const LATER_MS: u64 = 2_000;

/// What this connection knows of a send.
struct Sent {
    /// The head of the structure log that it names.
    head: Option<u64>,
    /// An earlier connection sent it first.
    again: bool,
}

impl Engine {
    /// Takes an answer; one to a send that was superseded says nothing new.
    pub(crate) fn answered(&mut self, answer: &Answer) -> Result<()> {
        let sent = Sent {
            head: self.link.named_heads.remove(&answer.send_counter),
            again: self.link.resent.remove(&answer.send_counter),
        };
        let intent: Option<i64> = self
            .db
            .prepare_cached("SELECT intent FROM sends WHERE counter = ?1 AND live = 1")?
            .query_row([answer.send_counter], |row| row.get(0))
            .optional()?;
        let Some(intent) = intent else {
            return Ok(());
        };
        let Some(intent) = intent::load(&self.db, intent)? else {
            return Ok(());
        };
        self.transaction(|engine| match &answer.result {
            Some(answer::Result::Appended(appended)) => engine.accepted(&intent, appended),
            Some(answer::Result::KeyPackages(packages)) => engine.claimed(&intent, packages),
            Some(answer::Result::Done(_)) => engine.settle(intent.id),
            Some(answer::Result::Refusal(refusal)) => engine.refused(&intent, sent, refusal.code()),
            None => Ok(()),
        })
    }

    fn accepted(&mut self, intent: &Intent, appended: &Appended) -> Result<()> {
        match (&intent.wish, intent.channel) {
            (Wish::CreateChannel(_), Some(channel)) => self.channel_registered(intent.id, channel),
            (
                Wish::Statements(_) | Wish::Sealed { .. } | Wish::KeyPackages | Wish::Directory,
                _,
            ) => self.settle(intent.id),
            (Wish::Rejoin | Wish::Reboot, Some(channel)) => {
                self.rejoin_accepted(channel, intent.id, appended)
            }
            // The log shows messages and commits; it has the last word.
            (_, Some(channel)) => self.check_place(channel, appended.seq),
            (_, None) => Ok(()),
        }
    }

    fn channel_registered(&mut self, intent: i64, channel: ChannelId) -> Result<()> {
        self.settle(intent)?;
        self.db
            .prepare_cached("UPDATE channels SET state = 'joined' WHERE channel = ?1")?
            .execute([channel.0])?;
        self.log_is_the_servers(channel)?;
        self.subscribe(channel, 0)?;
        self.events.push_back(Event::ThreadsChanged);
        Ok(())
    }

    fn claimed(&mut self, intent: &Intent, packages: &KeyPackages) -> Result<()> {
        let Wish::Members(change) = &intent.wish else {
            return Ok(());
        };
        let mut change = change.clone();
        let read = |id: &[u8]| id.try_into().map(HexId).ok();
        let new = packages.packages.iter();
        let new = new.filter_map(|p| Some((read(&p.device_id)?, HexBytes(p.key_package.to_vec()))));
        change.claimed.extend(new);
        change.claims += 1;
        self.forget_sends(intent.id)?;
        self.rewrite(intent.id, &Wish::Members(change))
    }

    pub(super) fn rewrite(&mut self, intent: i64, wish: &Wish) -> Result<()> {
        self.db
            .prepare_cached(
                "UPDATE intents SET payload = ?2, state = 'waiting',
                 event_id = coalesce(?3, event_id) WHERE id = ?1",
            )?
            .execute(params![intent, wish.encode()?, wish.event_id()])?;
        Ok(())
    }

    fn refused(&mut self, intent: &Intent, sent: Sent, code: Code) -> Result<()> {
        if let Some(channel) = intent.channel
            && code != Code::Unavailable
            && self.comes_back(intent, channel)?
        {
            return self.rejoin_refused(channel, intent.id, code, refusal_text(code));
        }
        match code {
            // Accepted earlier, or another commit won: the log tells which.
            Code::WrongEpoch => {
                if let Some(channel) = intent.channel {
                    self.doubt_epoch(channel)?;
                }
                return Ok(());
            }
            Code::StaleStructure if !intent.wish.names_structure() => {
                return self.again(intent.id, refusal_text(code));
            }
            // Others overtook it in this connection: that is no failure of its own.
            Code::StaleSendCounter if sent.again => {
                self.clear_staged(intent)?;
                return self.restage(intent.id, refusal_text(code));
            }
            Code::StaleSendCounter | Code::WrongEventCounter => {
                self.clear_staged(intent)?;
                return self.again(intent.id, refusal_text(code));
            }
            // Unless they have come meanwhile, statements are on their way, or come with
            // the next connection.
            Code::StaleStructure => {
                self.link.stale_structure = sent.head.or(self.link.stale_structure);
                self.clear_staged(intent)?;
                return self.restage(intent.id, refusal_text(code));
            }
            // The server does not know whether it was written: the same bytes again
            // tell (architecture D10).
            Code::Unavailable => {
                self.hold_until_ms = self.now_ms + LATER_MS;
                self.link.to_resend = None;
                return Ok(());
            }
            Code::TooManyRequests => {
                self.hold_until_ms = self.now_ms + LATER_MS;
                return self.restage(intent.id, "the server asks to wait");
            }
            _ => {}
        }
        let reason = refusal_text(code);
        match (&intent.wish, intent.channel) {
            (Wish::Statements(batch), _) if code == Code::AlreadyExists => {
                self.say_one_by_one(intent.id, batch)
            }
            // Another coordinator's device was first, or the log moved on: looked at
            // again from what the log says now.
            (Wish::Directory, _) => self.settle(intent.id),
            // The id is random and ours: an earlier copy was accepted.
            (Wish::CreateChannel(_), Some(channel)) if code == Code::AlreadyExists => {
                self.channel_registered(intent.id, channel)
            }
            (Wish::CreateChannel(_), Some(channel)) => {
                self.fail(intent.id, reason)?;
                self.stop_channel(channel, reason)
            }
            (Wish::Members(_), Some(channel)) => {
                self.clear_pending_commit(channel)?;
                self.fail(intent.id, reason)
            }
            (Wish::Renew, Some(channel)) => {
                self.clear_pending_commit(channel)?;
                self.renew_later(intent.id, channel)
            }
            // Whoever must go is looked at again later.
            (Wish::Follow, Some(channel)) => {
                self.clear_pending_commit(channel)?;
                self.put_aside(intent.id)
            }
            (Wish::Event { .. }, Some(channel)) => {
                let member = !matches!(code, Code::Forbidden | Code::NotFound);
                self.give_up_event(intent, channel, reason, member)
            }
            _ => self.fail(intent.id, reason),
        }
    }

    /// Whether the send was to bring this device back to its channel.
    fn comes_back(&self, intent: &Intent, channel: ChannelId) -> Result<bool> {
        let row = self.channel_row(channel)?;
        Ok(matches!(intent.wish, Wish::Rejoin | Wish::Reboot)
            && row.is_some_and(|row| row.state == "rejoin"))
    }

    /// One statement of a batch was said before, and nothing of it was taken: the
    /// others are still wanted.
    fn say_one_by_one(&mut self, batch: i64, statements: &[Bytes]) -> Result<()> {
        if statements.len() > 1 {
            for statement in statements {
                self.want(None, Wish::Statements(vec![statement.clone()]))?;
            }
        }
        self.settle(batch)
    }

    /// What is staged again is another commit.
    fn clear_staged(&mut self, intent: &Intent) -> Result<()> {
        match (&intent.wish, intent.channel) {
            (Wish::Members(_) | Wish::Renew | Wish::Follow, Some(channel)) => {
                self.clear_pending_commit(channel)
            }
            _ => Ok(()),
        }
    }

    /// The event will never be accepted: it fails visibly, and a void takes its
    /// counter and place so that what was written after it can go (architecture D9).
    pub(super) fn give_up_event(
        &mut self,
        intent: &Intent,
        channel: ChannelId,
        reason: &str,
        member: bool,
    ) -> Result<()> {
        let Wish::Event { signed, .. } = &intent.wish else {
            return Err(Error::Corrupt("event"));
        };
        if !member || crate::content::is_void(signed) {
            return self.fail(intent.id, reason);
        }
        self.db
            .prepare_cached(
                "INSERT INTO intents (channel, kind, payload, event_id, state, reason, created_ms)
                 SELECT channel, kind, payload, event_id, 'failed', ?2, created_ms
                 FROM intents WHERE id = ?1",
            )?
            .execute(params![intent.id, reason])?;
        let failed = self.db.last_insert_rowid();
        // Should the server have taken it all the same, the log finds what failed.
        self.db
            .prepare_cached("UPDATE sends SET intent = ?2, live = 0 WHERE intent = ?1")?
            .execute(params![intent.id, failed])?;
        self.link.in_flight = self.count_in_flight()?;
        let (id, signed) = self.void_for(signed)?;
        self.rewrite(intent.id, &Wish::Event { id, signed })?;
        self.events.push_back(Event::ThreadChanged(channel));
        Ok(())
    }
}

/// What a person reads when something was refused.
fn refusal_text(code: Code) -> &'static str {
    match code {
        Code::Forbidden | Code::NotFound => "you are no longer a member of this thread",
        Code::TooLarge => "too large",
        Code::RuleBroken => "the thread's rules do not allow it",
        Code::InvalidCommit => "the server could not verify the change",
        Code::StaleStructure => "the list of professionals changed meanwhile",
        Code::StaleSendCounter | Code::WrongEventCounter => "sent again after an interruption",
        Code::AlreadyExists => "it exists already",
        Code::InvitationInvalid => "the invitation is used, expired or withdrawn",
        _ => "the server refused it",
    }
}
