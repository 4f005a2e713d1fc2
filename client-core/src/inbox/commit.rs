//! Commits from the log. The log tells who won an epoch: a pending commit of this
//! device is merged when it comes back, and dropped when another came first.

use openmls::prelude::tls_codec::Deserialize as _;
use openmls::prelude::{
    MlsGroup, MlsMessageIn, ProcessedMessageContent, ProtocolMessage, StagedCommit,
};
use openmls_traits::OpenMlsProvider;
use prost::Message;
use relais_wire::ids::{ChannelId, ProfessionalId};
use relais_wire::mls::{CommitChange, Leaf, leaves, read_commit};
use relais_wire::roster::{CheckedRoster, judge};
use relais_wire::v1::{ChannelEntry, ChannelRole, CommitAad};
use rusqlite::params;

use super::entry::{ChannelRow, Fault};
use crate::engine::{Engine, Event, Trouble};
use crate::error::{Error, Result};
use crate::outbox::intent;

impl Engine {
    pub(super) fn apply_commit(
        &mut self,
        channel: ChannelId,
        row: &ChannelRow,
        entry: &ChannelEntry,
        own: bool,
    ) -> Result<(), Fault> {
        if entry.incarnation != row.incarnation || entry.epoch != row.epoch {
            return Err(Fault::Lost("a commit of another epoch".into()));
        }
        let prior = self.roster(channel)?;
        let (change, next, removed) = if own {
            self.merge_own(channel, entry, &prior)?
        } else {
            self.merge_other(channel, entry, &prior)?
        };
        if next.version != prior.version {
            self.put_roster(channel, &next, Some(entry.seq))?;
            self.note_end(channel)?;
        }
        self.tell_changes(channel, entry, &prior, &next, &change)?;
        if removed {
            self.leave(channel)?;
            return Ok(());
        }
        self.db
            .prepare_cached("UPDATE channels SET epoch = ?2 WHERE channel = ?1")?
            .execute(params![channel.0, row.epoch + 1])?;
        self.requeue_events(channel, row.epoch + 1)?;
        self.link.followed.look_at(channel);
        if own && let Some(id) = self.intent_of(&entry.payload)? {
            let wish = intent::load(&self.db, id)?.map(|i| i.wish);
            self.settle(id)?;
            if let Some(wish) = wish {
                self.welcome_joiners(channel, &wish)?;
            }
        }
        self.forget_refused(channel)?;
        Ok(())
    }

    fn merge_own(
        &mut self,
        channel: ChannelId,
        entry: &ChannelEntry,
        prior: &CheckedRoster,
    ) -> Result<(CommitChange, CheckedRoster, bool), Fault> {
        if self.intent_of(&entry.payload)?.is_none() {
            return Err(self.unknown_of_ours(entry)?);
        }
        let mut group = self.take_group(channel)?;
        if group.epoch().as_u64() == entry.epoch + 1 {
            // This device came in by it: OpenMLS merged it when it was made.
            let judged = self.judge_own_return(&group, entry, prior)?;
            self.keep_group(channel, group);
            return Ok(judged);
        }
        let sender = openmls::prelude::Sender::Member(group.own_leaf_index());
        // One that was refused, and taken all the same, is not the one that was made since.
        let live = self.is_live(&entry.payload)?;
        let pending = group
            .pending_commit()
            .filter(|_| live)
            .ok_or_else(|| Fault::Lost("our own commit is not known any more".into()))?;
        let change = read_commit(group.public_group(), &sender, pending)
            .map_err(|e| Fault::Stop(e.to_string()))?;
        // By exactly the head that it names: later statements do not count.
        let head = committed_head(&entry.payload)
            .ok_or_else(|| Fault::Lost("our own commit does not decode".into()))?;
        let next = judge(&self.structure, head, entry.time_ms, prior, &change)
            .map_err(|broken| Fault::Stop(broken.to_string()))?;
        group
            .merge_pending_commit(&self.provider())
            .map_err(Error::mls)?;
        self.keep_group(channel, group);
        Ok((change, next, false))
    }

    fn judge_own_return(
        &self,
        group: &MlsGroup,
        entry: &ChannelEntry,
        prior: &CheckedRoster,
    ) -> Result<(CommitChange, CheckedRoster, bool), Fault> {
        let broken = |e: &dyn std::fmt::Display| Fault::Stop(e.to_string());
        let head = committed_head(&entry.payload)
            .ok_or_else(|| Fault::Lost("our own commit does not decode".into()))?;
        let me = self.identity()?.device();
        let all = leaves(group.public_group()).map_err(|e| broken(&e))?;
        let (own, before): (Vec<Leaf>, Vec<Leaf>) =
            all.into_iter().partition(|leaf| leaf.device == me);
        let committer = own.first().cloned();
        let committer = committer.ok_or_else(|| Fault::Lost("our own leaf is not there".into()))?;
        let change = CommitChange {
            committer,
            external: true,
            before,
            added: own,
            removed: Vec::new(),
            roster: None,
        };
        let next =
            judge(&self.structure, head, entry.time_ms, prior, &change).map_err(|e| broken(&e))?;
        Ok((change, next, false))
    }

    fn merge_other(
        &mut self,
        channel: ChannelId,
        entry: &ChannelEntry,
        prior: &CheckedRoster,
    ) -> Result<(CommitChange, CheckedRoster, bool), Fault> {
        let mut group = self.take_group(channel)?;
        let unreadable = |e: &dyn std::fmt::Display| Fault::Lost(format!("commit: {e}"));
        let message = MlsMessageIn::tls_deserialize_exact(entry.payload.as_ref())
            .map_err(|e| unreadable(&e))?;
        let message: ProtocolMessage = message
            .try_into_protocol_message()
            .map_err(|e| unreadable(&e))?;
        // Else a message would be opened here, and its key used up.
        if !matches!(message, ProtocolMessage::PublicMessage(_)) {
            return Err(unreadable(&"not sent in the clear"));
        }
        if group.pending_commit().is_some() {
            group
                .clear_pending_commit(self.provider().storage())
                .map_err(Error::mls)?;
        }
        self.requeue_commit(channel)?;
        let processed = group
            .process_message(&self.provider(), message)
            .map_err(|e| unreadable(&e))?;
        let aad = CommitAad::decode(processed.aad()).map_err(|e| unreadable(&e))?;
        let head = aad.structure_head.unwrap_or_default();
        if head.seq > self.structure.head().seq {
            return Err(Fault::Waits(Some(head.seq)));
        }
        if !self.structure.has(&head) {
            return Err(Fault::Stop("the commit knows another structure log".into()));
        }
        let sender = processed.sender().clone();
        let ProcessedMessageContent::StagedCommitMessage(staged) = processed.into_content() else {
            return Err(Fault::Lost("the entry is not a commit".into()));
        };
        let staged: StagedCommit = *staged;
        let change = read_commit(group.public_group(), &sender, &staged)
            .map_err(|e| Fault::Stop(e.to_string()))?;
        if change.committer.device.to_bytes() != entry.device_id {
            return Err(Fault::Lost("the commit is of another device".into()));
        }
        let next = judge(&self.structure, head.seq, entry.time_ms, prior, &change)
            .map_err(|broken| Fault::Stop(broken.to_string()))?;
        self.require_version(&next)?;
        let removed = staged.self_removed();
        group
            .merge_staged_commit(&self.provider(), staged)
            .map_err(Error::mls)?;
        self.keep_group(channel, group);
        Ok((change, next, removed))
    }

    /// A roster that needs a newer client pauses the channel before it is misread.
    pub(crate) fn require_version(&mut self, roster: &CheckedRoster) -> Result<(), Fault> {
        if roster.minimum_client_version <= crate::CLIENT_VERSION {
            return Ok(());
        }
        self.trouble(Trouble::UpdateNeeded);
        Err(Fault::Waits(None))
    }

    /// Another commit ended the epoch: this device's is staged again.
    fn requeue_commit(&mut self, channel: ChannelId) -> Result<()> {
        let open: Option<i64> = intent::sent_commit(&self.db, channel)?;
        match open {
            Some(id) => self.restage(id, "another change came first"),
            None => Ok(()),
        }
    }

    /// Messages of a past epoch that the log does not show were not accepted:
    /// the same events are encrypted again (architecture D4).
    fn requeue_events(&mut self, channel: ChannelId, epoch: u64) -> Result<()> {
        self.db
            .prepare_cached(
                "UPDATE intents SET state = 'waiting' WHERE kind = 'event' AND id IN
                 (SELECT intent FROM sends WHERE channel = ?1 AND epoch < ?2 AND live = 1)",
            )?
            .execute(params![channel.0, epoch])?;
        self.db
            .prepare_cached("UPDATE sends SET live = 0 WHERE channel = ?1 AND epoch < ?2")?
            .execute(params![channel.0, epoch])?;
        self.link.in_flight = self.count_in_flight()?;
        Ok(())
    }

    fn leave(&mut self, channel: ChannelId) -> Result<()> {
        let mut group = self.take_group(channel)?;
        group
            .delete(self.provider().storage())
            .map_err(Error::mls)?;
        self.close_channel(channel, "removed", "you were removed from this thread")?;
        self.events.push_back(Event::ThreadsChanged);
        Ok(())
    }

    /// Every membership and device change is visible in the thread (requirement M10).
    fn tell_changes(
        &self,
        channel: ChannelId,
        entry: &ChannelEntry,
        prior: &CheckedRoster,
        next: &CheckedRoster,
        change: &CommitChange,
    ) -> Result<()> {
        let actor = change.committer.professional;
        let mut told = roster_changes(prior, next);
        let stays = |leaf: &&Leaf| {
            prior.members.contains_key(&leaf.professional)
                && next.members.contains_key(&leaf.professional)
        };
        if change.external {
            let device = change.committer.device.to_string();
            told.push(("rejoined", actor, device));
        }
        let devices = [
            ("device_added", &change.added),
            ("device_removed", &change.removed),
        ];
        for (kind, leaves) in devices {
            // Whoever comes back is told of once.
            for leaf in leaves.iter().filter(stays).filter(|_| !change.external) {
                told.push((kind, leaf.professional, leaf.device.to_string()));
            }
        }
        for (part, (kind, subject, detail)) in told.into_iter().enumerate() {
            self.notice(channel, entry, part as u32, kind, &actor, &subject, &detail)?;
        }
        Ok(())
    }
}

/// The structure head in the authenticated data of a commit (PublicMessage, RFC
/// 9420 §6.2), which OpenMLS shows only for messages of others.
fn committed_head(message: &[u8]) -> Option<u64> {
    use openmls::prelude::tls_codec::{Deserialize as _, VLBytes};
    // MLSMessage: version and wire format, then the framed content.
    let mut rest = message.get(4..)?;
    VLBytes::tls_deserialize(&mut rest).ok()?; // group id
    u64::tls_deserialize(&mut rest).ok()?; // epoch
    match u8::tls_deserialize(&mut rest).ok()? {
        1 => u32::tls_deserialize(&mut rest).ok().map(drop)?, // a member, by its leaf
        4 => {}                                               // a new member, who has none
        _ => return None,
    }
    let aad = VLBytes::tls_deserialize(&mut rest).ok()?;
    let head = CommitAad::decode(aad.as_slice()).ok()?.structure_head?;
    Some(head.seq)
}

/// What the thread shows of one roster following another: kind of notice, whom it
/// concerns, detail.
pub(crate) fn roster_changes(
    prior: &CheckedRoster,
    next: &CheckedRoster,
) -> Vec<(&'static str, ProfessionalId, String)> {
    let mut told = Vec::new();
    for (id, member) in &next.members {
        match prior.members.get(id) {
            None => told.push(("added", *id, role_text(member.role).into())),
            Some(before) if before != member => {
                told.push(("role", *id, role_text(member.role).into()));
            }
            Some(_) => {}
        }
    }
    let gone = prior
        .members
        .keys()
        .filter(|id| !next.members.contains_key(id));
    told.extend(gone.map(|id| ("removed", *id, String::new())));
    told
}

fn role_text(role: ChannelRole) -> &'static str {
    match role {
        ChannelRole::Manager => "manager",
        ChannelRole::Contributor => "contributor",
        ChannelRole::Reader => "reader",
        ChannelRole::Unspecified => "",
    }
}

#[cfg(test)]
mod tests;
