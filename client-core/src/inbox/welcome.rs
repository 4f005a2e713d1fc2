//! Joining by Welcome (architecture D5, D6, D11): with exactly its epoch's tree,
//! after every earlier span of the channel was read to its end, and only into a
//! group whose roster and leaves hold against the structure log.

use openmls::prelude::tls_codec::Deserialize as _;
use openmls::prelude::{MlsMessageBodyIn, MlsMessageIn, RatchetTreeIn, StagedWelcome};
use prost::Message;
use relais_wire::ids::ChannelId;
use relais_wire::mls::{leaves, roster_of};
use relais_wire::roster::{CheckedRoster, identify_leaf};
use relais_wire::v1::{ChannelEntry, EntryKind, WelcomeItem};
use rusqlite::params;

use super::Outcome;
use super::entry::Fault;
use crate::engine::{Engine, Event, Trouble};
use crate::error::{Error, Result};
use crate::mls::group::{group_id, join_config};

impl Engine {
    pub(super) fn apply_welcome(&mut self, item: &WelcomeItem, time_ms: u64) -> Result<Outcome> {
        let Ok(channel) = ChannelId::try_from(&item.channel_id) else {
            return Ok(Outcome::Done);
        };
        let joined = item.joined_at.clone().unwrap_or_default();
        if self.is_behind(channel)? {
            self.compares_first(channel)?;
            return Ok(Outcome::Waits); // What is known here may be of a log that is lost.
        }
        if let Some(row) = self.channel_row(channel)? {
            if row.state == "joined" && row.cursor_seq < joined.seq {
                return Ok(Outcome::Waits); // The removal that came before it is not read yet.
            }
            if row.state == "joined" || joined.seq <= row.cursor_seq {
                return Ok(Outcome::Done); // Already a member: a repetition.
            }
            // On its way back with what it was doing: that goes on by its own commit.
            if row.state == "rejoin" && (row.cursor_seq > 0 || self.is_coming_back(channel)?) {
                return Ok(Outcome::Done);
            }
        }
        self.db.execute_batch("SAVEPOINT welcome")?;
        let applied = self.join_channel(channel, item, &joined, time_ms);
        match applied.map_err(|fault| self.blame(fault)) {
            // The whole transaction goes back; SQLite may have begun that by itself.
            Err(Fault::Engine(error)) => Err(error),
            Ok(()) => {
                self.db.execute_batch("RELEASE welcome")?;
                self.log_is_the_servers(channel)?;
                self.trouble
                    .retain(|t| *t != Trouble::ChannelStopped(channel));
                self.subscribe(channel, joined.seq)?;
                self.events.push_back(Event::ThreadsChanged);
                Ok(Outcome::Done)
            }
            Err(fault) => {
                // A failed join leaves no trace, the init key included.
                self.db
                    .execute_batch("ROLLBACK TO welcome; RELEASE welcome")?;
                self.groups.remove(&channel);
                match fault {
                    Fault::Waits(_) => Ok(Outcome::Waits),
                    Fault::Engine(error) => Err(error),
                    Fault::Park(reason) | Fault::Unreadable(reason) | Fault::Stop(reason) => {
                        self.park_welcome(channel, item, &reason)?;
                        Ok(Outcome::Done)
                    }
                    Fault::Lost(reason) => {
                        self.begin_rejoin(channel, &reason, 0)?;
                        Ok(Outcome::Done)
                    }
                    Fault::Clone => {
                        self.freeze()?;
                        Ok(Outcome::Waits)
                    }
                }
            }
        }
    }

    fn join_channel(
        &mut self,
        channel: ChannelId,
        item: &WelcomeItem,
        joined: &relais_wire::v1::LogHead,
        time_ms: u64,
    ) -> Result<(), Fault> {
        let bad = |e: &dyn std::fmt::Display| Fault::Park(format!("welcome: {e}"));
        let unusable = |e: &dyn std::fmt::Display| Fault::Lost(format!("welcome: {e}"));
        let message =
            MlsMessageIn::tls_deserialize_exact(item.welcome.as_ref()).map_err(|e| unusable(&e))?;
        let MlsMessageBodyIn::Welcome(welcome) = message.extract() else {
            return Err(Fault::Lost("not a welcome".into()));
        };
        let tree = RatchetTreeIn::tls_deserialize_exact(item.ratchet_tree.as_ref())
            .map_err(|e| unusable(&e))?;
        let provider = self.provider();
        let opened = StagedWelcome::build_from_welcome(&provider, &join_config(), welcome)
            .map_err(|e| unusable(&e))?;
        let package = opened.processed_welcome().own_key_package();
        let last_resort = package.is_none_or(|package| package.last_resort());
        let staged = opened
            .with_ratchet_tree(tree)
            .build()
            .map_err(|e| unusable(&e))?;
        let group = staged.into_group(&provider).map_err(|e| unusable(&e))?;
        let meant = group.group_id() == &group_id(channel, item.incarnation)
            && group.epoch().as_u64() == item.epoch
            && u16::from(group.ciphersuite()) == self.structure.ciphersuite();
        if !meant {
            return Err(Fault::Park("a welcome into another group".into()));
        }
        let signed = roster_of(group.extensions()).map_err(|e| bad(&e))?;
        let roster = CheckedRoster::read(&signed).map_err(|e| bad(&e))?;
        let me = self.identity()?.professional();
        let leaves = leaves(group.public_group()).map_err(|e| bad(&e))?;
        let devices = leaves.iter().map(|leaf| leaf.device).chain([roster.device]);
        if devices
            .into_iter()
            .any(|device| self.structure.device(&device).is_none())
        {
            return Err(Fault::Waits(None)); // Its statement is on the way.
        }
        // A revocation since then changes badges and leads to a removal; it does not
        // keep anyone from joining (architecture D8).
        roster
            .verify_signature(&self.structure)
            .map_err(|e| bad(&e))?;
        self.require_version(&roster)?;
        if roster.channel != channel || !roster.members.contains_key(&me) {
            return Err(Fault::Park("a roster without this person".into()));
        }
        if self
            .roster(channel)
            .is_ok_and(|known| roster.version < known.version)
        {
            return Err(Fault::Park("a roster older than one known here".into()));
        }
        for leaf in leaves {
            identify_leaf(&leaf, &self.structure).map_err(|e| bad(&e))?;
            if !roster.members.contains_key(&leaf.professional) {
                return Err(Fault::Park("a device outside the roster".into()));
            }
        }
        self.give_up_rejoin(channel)?;
        self.insert_joined(channel, item, joined, time_ms)?;
        self.put_roster(channel, &roster, None)?;
        self.note_end(channel)?;
        self.keep_group(channel, group);
        self.key_package_used(last_resort)?;
        let entry = ChannelEntry {
            channel_id: channel.to_bytes(),
            seq: joined.seq,
            time_ms,
            kind: EntryKind::Commit.into(),
            ..ChannelEntry::default()
        };
        self.notice(channel, &entry, 0, "joined", &me, &me, "")?;
        self.expect_own_past(channel)?;
        Ok(())
    }

    fn insert_joined(
        &self,
        channel: ChannelId,
        item: &WelcomeItem,
        joined: &relais_wire::v1::LogHead,
        time_ms: u64,
    ) -> Result<()> {
        self.db
            .prepare_cached(
                "INSERT INTO channels (channel, incarnation, epoch, joined_seq, cursor_seq,
                 cursor_hash, cursor_time_ms, state, renew_at_ms, created_ms)
                 VALUES (?1, ?2, ?3, ?4, ?4, ?5, ?6, 'joined', ?7, ?6)
                 ON CONFLICT (channel) DO UPDATE SET incarnation = ?2, epoch = ?3, joined_seq = ?4,
                 cursor_seq = ?4, cursor_hash = ?5, cursor_time_ms = ?6, state = 'joined',
                 reason = '', renew_at_ms = ?7",
            )?
            .execute(params![
                channel.0,
                item.incarnation,
                item.epoch,
                joined.seq,
                joined.hash.as_ref(),
                time_ms,
                self.now_ms + self.renewal_delay()?
            ])?;
        self.db
            .prepare_cached(
                "INSERT OR REPLACE INTO entries (channel, seq, hash) VALUES (?1, ?2, ?3)",
            )?
            .execute(params![channel.0, joined.seq, joined.hash.as_ref()])?;
        Ok(())
    }

    /// Keeps a Welcome that waits; it is acknowledged like everything else.
    pub(super) fn keep_welcome(&self, item: &WelcomeItem, time_ms: u64) -> Result<()> {
        self.db
            .prepare_cached("INSERT INTO welcomes (channel, time_ms, item) VALUES (?1, ?2, ?3)")?
            .execute(params![
                item.channel_id.as_ref(),
                time_ms,
                item.encode_to_vec()
            ])?;
        Ok(())
    }

    /// Tries the Welcomes that wait, in their order.
    pub(super) fn apply_welcomes(&mut self) -> Result<()> {
        let waiting: Vec<(i64, u64, Vec<u8>)> = self
            .db
            .prepare_cached("SELECT id, time_ms, item FROM welcomes ORDER BY id")?
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
            .collect::<Result<_, _>>()?;
        for (id, time_ms, item) in waiting {
            let item =
                WelcomeItem::decode(item.as_slice()).map_err(|_| Error::Corrupt("welcome"))?;
            if self.apply_welcome(&item, time_ms)? == Outcome::Done {
                self.db
                    .prepare_cached("DELETE FROM welcomes WHERE id = ?1")?
                    .execute([id])?;
            }
        }
        Ok(())
    }

    /// Whether a Welcome of the channel waits here.
    pub(crate) fn has_welcome(&self, channel: ChannelId) -> Result<bool> {
        Ok(self
            .db
            .prepare_cached("SELECT EXISTS (SELECT 1 FROM welcomes WHERE channel = ?1)")?
            .query_row([channel.0], |row| row.get(0))?)
    }

    /// Whether the commit by which the channel comes back is on its way.
    fn is_coming_back(&self, channel: ChannelId) -> Result<bool> {
        Ok(self
            .db
            .prepare_cached("SELECT EXISTS (SELECT 1 FROM sends WHERE channel = ?1 AND live = 1)")?
            .query_row([channel.0], |row| row.get(0))?)
    }

    fn park_welcome(&mut self, channel: ChannelId, item: &WelcomeItem, reason: &str) -> Result<()> {
        let seq = item.joined_at.as_ref().map_or(0, |head| head.seq);
        self.db
            .prepare_cached(
                "INSERT OR REPLACE INTO parked (channel, seq, reason, payload) VALUES (?1, ?2, ?3, ?4)",
            )?
            .execute(params![channel.0, seq, reason, item.welcome.as_ref()])?;
        self.trouble(Trouble::ChannelStopped(channel));
        Ok(())
    }
}
