//! Channels come into being and grow: the one sequence, compare-and-set on
//! (incarnation, epoch), event counters and spans (architecture D4, D6).

use std::sync::Arc;

use bytes::Bytes;
use prost::Message;
use relais_wire::ids::{ChannelId, DeviceId};
use relais_wire::v1::{Appended, ChannelEntry, EntryKind, answer};
use relais_wire::{RefusalCode, chain};

use super::Outcome;
use crate::store::engine::Engine;
use crate::store::kv::Backend;
use crate::store::state::{ChannelState, Head, Member};
use crate::store::{
    Effect, NewChannel, NewCommit, NewMessage, PublicState, StoreError, keyspaces as keys,
};

/// What differs between the kinds of entries.
struct Draft {
    device: DeviceId,
    kind: EntryKind,
    payload: Bytes,
}

fn appended(entry: &ChannelEntry) -> answer::Result {
    answer::Result::Appended(Appended {
        seq: entry.seq,
        time_ms: entry.time_ms,
    })
}

/// The entry that follows `head`; moves the head to it.
fn follow(head: &mut Head, channel: ChannelId, now_ms: u64, draft: Draft) -> ChannelEntry {
    let entry = ChannelEntry {
        channel_id: channel.to_bytes(),
        seq: head.seq + 1,
        // Invariant: server time is monotonic in a channel, whatever the clock does.
        time_ms: now_ms.max(head.time_ms),
        device_id: draft.device.to_bytes(),
        kind: draft.kind.into(),
        incarnation: head.incarnation,
        epoch: head.epoch,
        payload: draft.payload,
    };
    head.hash = chain::channel_entry(&head.hash, &entry);
    head.seq = entry.seq;
    head.time_ms = entry.time_ms;
    entry
}

impl<B: Backend> Engine<B> {
    /// See [`crate::store::Operation::CreateChannel`].
    pub(super) fn create_channel(
        &mut self,
        device: DeviceId,
        now_ms: u64,
        new: NewChannel,
    ) -> Result<Outcome, StoreError> {
        if self.channel(new.channel)?.is_some() {
            return Ok(Outcome::Refused(RefusalCode::AlreadyExists));
        }
        if self.structure_head()? != new.structure_seq {
            return Ok(Outcome::Refused(RefusalCode::StaleStructure));
        }
        let mut head = Head {
            incarnation: 0,
            epoch: 0,
            seq: 0,
            hash: chain::GENESIS,
            time_ms: 0,
            first_seq: 1,
        };
        let draft = Draft {
            device,
            kind: EntryKind::Created,
            payload: new.state.group_info.clone(),
        };
        let entry = Arc::new(follow(&mut head, new.channel, now_ms, draft));
        let mut creator = Member::default();
        // The creator reads its own CREATED entry.
        creator.open(0);
        let mut state = ChannelState::new(head);
        state.members.insert(device, creator);
        state.tail.push(entry.clone());
        state.public = Some(new.state.clone());
        self.add_channel(new.channel, state);
        self.put_public(new.channel, &new.state);
        self.put_entry(new.channel, &entry);
        Ok(Outcome::Done(
            appended(&entry),
            vec![Effect::Channel(entry)],
        ))
    }

    /// See [`crate::store::Operation::AppendMessage`].
    pub(super) fn append_message(
        &mut self,
        device: DeviceId,
        now_ms: u64,
        new: NewMessage,
    ) -> Result<Outcome, StoreError> {
        let Some(state) = self.channel(new.channel)? else {
            return Ok(Outcome::Refused(RefusalCode::NotFound));
        };
        let Some(member) = state.members.get(&device).filter(|member| member.is_open()) else {
            return Ok(Outcome::Refused(RefusalCode::Forbidden));
        };
        let time_ms = now_ms.max(state.head.time_ms);
        if new.member_until_ms.is_some_and(|until| until <= time_ms) {
            return Ok(Outcome::Refused(RefusalCode::Forbidden));
        }
        if (new.incarnation, new.epoch) != (state.head.incarnation, state.head.epoch) {
            return Ok(Outcome::Refused(RefusalCode::WrongEpoch));
        }
        if member.event_counter.checked_add(1) != Some(new.event_counter) {
            return Ok(Outcome::Refused(RefusalCode::WrongEventCounter));
        }
        let named = self.find_named_blobs(new.channel, &new.blobs)?;

        let draft = Draft {
            device,
            kind: EntryKind::Message,
            payload: new.payload,
        };
        let entry = self.append_entry(new.channel, now_ms, draft)?;
        if let Some(state) = self.channel_mut(new.channel) {
            state.count_event(device, new.event_counter);
        }
        self.name_blobs(new.channel, entry.time_ms, named);
        Ok(Outcome::Done(
            appended(&entry),
            vec![Effect::Channel(entry)],
        ))
    }

    /// See [`crate::store::Operation::AppendCommit`].
    pub(super) fn append_commit(
        &mut self,
        device: DeviceId,
        now_ms: u64,
        mut new: NewCommit,
    ) -> Result<Outcome, StoreError> {
        let structure_head = self.structure_head()?;
        let Some(state) = self.channel(new.channel)? else {
            return Ok(Outcome::Refused(RefusalCode::NotFound));
        };
        if (new.incarnation, new.epoch) != (state.head.incarnation, state.head.epoch) {
            return Ok(Outcome::Refused(RefusalCode::WrongEpoch));
        }
        if structure_head != new.structure_seq {
            return Ok(Outcome::Refused(RefusalCode::StaleStructure));
        }
        new.joined.sort_unstable();
        new.joined.dedup();
        for joiner in &new.joined {
            self.device(*joiner)?;
        }

        let draft = Draft {
            device,
            kind: EntryKind::Commit,
            payload: new.payload,
        };
        let entry = self.append_entry(new.channel, now_ms, draft)?;
        self.put_public(new.channel, &new.state);
        let mut hash = chain::GENESIS;
        if let Some(state) = self.channel_mut(new.channel) {
            state.head.epoch += 1;
            state.public = Some(new.state.clone());
            hash = state.head.hash;
        }
        let mut welcomed = Vec::new();
        for left in &new.left {
            // A device that evicts its own old leaf goes on reading.
            let stays = *left == device && new.joined.contains(left);
            let known = self.is_known(new.channel, *left)?;
            if known
                && !stays
                && let Some(member) = self.member_mut(new.channel, *left)
            {
                member.close(entry.seq);
            }
        }
        for joiner in new.joined {
            let own = joiner == device;
            if let Some(member) = self.member_mut(new.channel, joiner) {
                // Who joins by an external commit reads that commit back, as a
                // creator does; it needs no Welcome.
                member.open(if own { entry.seq - 1 } else { entry.seq });
            }
            if !own {
                welcomed.push(joiner);
            }
        }
        let mut effects = vec![Effect::Channel(entry.clone())];
        if !welcomed.is_empty() {
            self.put_welcomes(&entry, hash, &welcomed, new.welcome, new.state.ratchet_tree)?;
            effects.extend(welcomed.into_iter().map(Effect::Inbox));
        }
        Ok(Outcome::Done(appended(&entry), effects))
    }

    fn is_known(&mut self, channel: ChannelId, device: DeviceId) -> Result<bool, StoreError> {
        let state = self.channel(channel)?;
        Ok(state.is_some_and(|state| state.members.contains_key(&device)))
    }

    /// Appends to a channel that [`Engine::channel`] found.
    fn append_entry(
        &mut self,
        channel: ChannelId,
        now_ms: u64,
        draft: Draft,
    ) -> Result<Arc<ChannelEntry>, StoreError> {
        let state = self
            .channel_mut(channel)
            .ok_or(StoreError::Corrupt("channel not loaded"))?;
        let entry = Arc::new(follow(&mut state.head, channel, now_ms, draft));
        state.tail.push(entry.clone());
        self.put_entry(channel, &entry);
        Ok(entry)
    }

    fn put_entry(&mut self, channel: ChannelId, entry: &ChannelEntry) {
        let key = keys::channel_seq(keys::ENTRY, channel, entry.seq);
        // A sequence is used once, so the key is new.
        self.put_over_small(key, entry.encode_to_vec().into());
    }

    fn put_public(&mut self, channel: ChannelId, state: &PublicState) {
        let info = keys::channel(keys::GROUP_INFO, channel);
        let tree = keys::channel(keys::RATCHET_TREE, channel);
        self.put(info, state.group_info.clone());
        self.put(tree, state.ratchet_tree.clone());
    }
}
