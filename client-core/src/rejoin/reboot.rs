//! A new MLS group for a channel whose group cannot go on (architecture D5): begun
//! by a manager on a person's request, come back to by everybody else.

use openmls::prelude::tls_codec::Serialize as _;
use openmls_traits::OpenMlsProvider;
use prost::bytes::Bytes;
use relais_wire::ids::{ChannelId, DeviceId};
use relais_wire::roster::{CheckedRoster, judge_reboot, sign_reboot};
use relais_wire::v1::{ChannelEntry, GroupState, RebootChannel, send};
use rusqlite::params;

use crate::engine::{Engine, Event};
use crate::error::{Denial, Error, Result};
use crate::inbox::{ChannelRow, Fault};
use crate::mls::group::group_id;
use crate::outbox::intent::Wish;
use crate::outbox::stage::Staged;

impl Engine {
    /// Begins a new group for a thread whose encryption cannot go on: everybody
    /// comes back to it by themselves, nothing that was read is lost.
    ///
    /// # Errors
    /// [`Error::Unknown`] thread, [`Error::NotAllowed`] unless the person is a manager
    /// of it or a coordinator in it.
    pub fn reboot_thread(&mut self, channel: ChannelId) -> Result<()> {
        self.require_unfrozen()?;
        let row = self.channel_row(channel)?.ok_or(Error::Unknown("thread"))?;
        let roster = self.roster(channel)?;
        let me = self.identity()?.professional();
        let (seq, now) = (self.structure.head().seq, self.log_now());
        let coordinates = self.structure.is_coordinator(&me) && roster.standing(&me, now).is_some();
        if !coordinates && roster.may_change(&me, &self.structure, seq, now).is_err() {
            return Err(Error::NotAllowed(Denial::NotManager));
        }
        self.transaction(|engine| match row.state.as_str() {
            "joined" => engine.want(Some(channel), Wish::Reboot),
            "rejoin" | "stopped" => {
                engine.want(Some(channel), Wish::Reboot)?;
                engine
                    .db
                    .prepare_cached("DELETE FROM rejoins WHERE channel = ?1")?
                    .execute([channel.0])?;
                engine.begin_rejoin(channel, "a new group begins", 0)
            }
            _ => Err(Error::NotAllowed(Denial::ThreadClosed)),
        })
    }

    /// Whether a new group was asked for here and is not in the log yet.
    ///
    /// # Errors
    /// Of the database.
    pub fn is_rebooting(&self, channel: ChannelId) -> Result<bool> {
        Ok(self
            .db
            .prepare_cached(
                "SELECT EXISTS (SELECT 1 FROM intents WHERE channel = ?1 AND kind = 'reboot'
                 AND state IN ('waiting', 'sent'))",
            )?
            .query_row([channel.0], |row| row.get(0))?)
    }

    /// Stages a reboot of the group that this device is in.
    pub(crate) fn stage_reboot(&mut self, channel: ChannelId) -> Result<Staged> {
        let row = self.channel_row(channel)?.ok_or(Error::Unknown("thread"))?;
        let prior = self.roster(channel)?;
        self.new_incarnation(channel, row.incarnation, row.epoch, &prior)
    }

    /// Stages a reboot of a group that this device cannot enter.
    pub(super) fn begin_anew(
        &mut self,
        channel: ChannelId,
        state: &GroupState,
    ) -> Result<Staged, Fault> {
        let (_, prior) = self.check_group(channel, state)?;
        self.put_roster(channel, &prior, None)?;
        Ok(self.new_incarnation(channel, state.incarnation, state.epoch, &prior)?)
    }

    fn new_incarnation(
        &mut self,
        channel: ChannelId,
        incarnation: u32,
        epoch: u64,
        prior: &CheckedRoster,
    ) -> Result<Staged> {
        let identity = self.identity()?;
        let head = self.structure.head();
        let roster = sign_reboot(prior, head, identity.device(), &identity.device_key());
        let signer = identity.signer();
        let next = incarnation.checked_add(1).ok_or(Error::Corrupt("group"))?;
        self.forget_group(channel, next)?;
        let group = self.new_group(channel, next, &roster)?;
        let group_info: Bytes = group
            .export_group_info(self.provider().crypto(), &signer, false)
            .map_err(Error::mls)?
            .to_bytes()
            .map_err(Error::mls)?
            .into();
        let tree = group
            .export_ratchet_tree()
            .tls_serialize_detached()
            .map_err(Error::mls)?;
        Ok(Staged {
            operation: send::Operation::RebootChannel(RebootChannel {
                channel_id: channel.to_bytes(),
                incarnation,
                epoch,
                group_info: group_info.clone(),
                ratchet_tree: tree.into(),
            }),
            epoch: Some(epoch),
            payload: group_info,
        })
    }

    /// A reboot from the log: its author goes on in the new group, everybody else
    /// comes back to it.
    pub(crate) fn apply_rebooted(
        &mut self,
        channel: ChannelId,
        row: &ChannelRow,
        entry: &ChannelEntry,
        own: bool,
    ) -> Result<(), Fault> {
        let stop = |reason: &str| Err(Fault::Stop(reason.into()));
        let own_intent = self.intent_of(&entry.payload)?;
        if own && own_intent.is_none() {
            return Err(self.unknown_of_ours(entry)?);
        }
        if (entry.incarnation, entry.epoch) != (row.incarnation, row.epoch) {
            return Err(Fault::Lost("a new group after an unknown one".into()));
        }
        let (info, next) = match self.read_group_info(&entry.payload) {
            Err(Fault::Park(reason)) => return stop(&reason),
            read => read?,
        };
        let incarnation = entry.incarnation.saturating_add(1);
        let context = info.group_context();
        if *context.group_id() != group_id(channel, incarnation)
            || context.epoch().as_u64() != 0
            || u16::from(info.ciphersuite()) != self.structure.ciphersuite()
        {
            return stop("a new group of another channel");
        }
        let head = next.structure_head.clone().unwrap_or_default();
        if head.seq > self.structure.head().seq {
            return Err(Fault::Waits(Some(head.seq)));
        }
        if !self.structure.has(&head) {
            return stop("the new group knows another structure log");
        }
        let Ok(device) = DeviceId::try_from(&entry.device_id) else {
            return stop("a new group without an author");
        };
        let prior = self.roster(channel)?;
        if let Err(broken) = judge_reboot(&self.structure, entry.time_ms, &prior, &next, device) {
            return Err(Fault::Stop(broken.to_string()));
        }
        self.require_version(&next)?;
        self.put_roster(channel, &next, Some(entry.seq))?;
        let author = self.structure.device(&device).map(|d| d.professional);
        let author = author.ok_or_else(|| Fault::Stop("a new group of nobody".into()))?;
        self.notice(channel, entry, 0, "rebooted", &author, &author, "")?;
        let Some(intent) = own_intent.filter(|_| own) else {
            // Whoever wanted a new group here has one.
            self.db
                .prepare_cached("DELETE FROM intents WHERE channel = ?1 AND kind = 'reboot'")?
                .execute([channel.0])?;
            self.begin_rejoin(channel, "a new group began", 0)?;
            return Ok(());
        };
        self.settle(intent)?;
        self.groups.remove(&channel);
        self.forget_group(channel, row.incarnation)?;
        self.recall_sends(channel)?;
        self.db
            .prepare_cached("UPDATE channels SET incarnation = ?2, epoch = 0 WHERE channel = ?1")?
            .execute(params![channel.0, incarnation])?;
        self.events.push_back(Event::ThreadsChanged);
        Ok(())
    }
}
