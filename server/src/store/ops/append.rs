//! Channels come into being and grow: the one sequence, compare-and-set on
//! (incarnation, epoch), event counters and spans (architecture D4, D6).

use std::sync::Arc;

use bytes::Bytes;
use prost::Message;
use relais_wire::ids::{ChannelId, DeviceId, ProfessionalId};
use relais_wire::v1::{Appended, ChannelEntry, EntryKind, answer};
use relais_wire::{RefusalCode, chain};

use super::Outcome;
use crate::store::engine::Engine;
use crate::store::kv::Backend;
use crate::store::records::decode;
use crate::store::state::{ChannelState, Head, Member};
use crate::store::{
    Effect, NewChannel, NewCommit, NewMessage, NewReboot, PublicState, StoreError,
    keyspaces as keys,
};

/// What differs between the kinds of entries.
struct Draft {
    device: DeviceId,
    kind: EntryKind,
    payload: Bytes,
}

fn appended(entry: &ChannelEntry) -> Appended {
    Appended {
        seq: entry.seq,
        time_ms: entry.time_ms,
        ..Appended::default()
    }
}

/// What a commit or reboot is compared with before it is appended.
struct Expected {
    incarnation: u32,
    epoch: u64,
    structure_seq: u64,
    valid_until_ms: Option<u64>,
}

fn answered(resume: Appended, entry: &ChannelEntry, effects: Vec<Effect>) -> Outcome {
    let appended = Appended {
        seq: entry.seq,
        time_ms: entry.time_ms,
        ..resume
    };
    Outcome::Done(answer::Result::Appended(appended), effects)
}

/// The entry that follows `head`; moves the head to it.
fn follow(head: &mut Head, channel: ChannelId, now_ms: u64, draft: Draft) -> ChannelEntry {
    let mut entry = ChannelEntry {
        channel_id: channel.to_bytes(),
        seq: head.seq + 1,
        // Invariant: server time is monotonic in a channel, whatever the clock does.
        time_ms: now_ms.max(head.time_ms),
        device_id: draft.device.to_bytes(),
        kind: draft.kind.into(),
        incarnation: head.incarnation,
        epoch: head.epoch,
        payload: draft.payload,
        ..ChannelEntry::default()
    };
    head.hash = chain::channel_entry(&head.hash, &entry);
    entry.hash = Bytes::copy_from_slice(&head.hash);
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
            hash_before: Some(chain::GENESIS),
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
        self.put_named(new.channel, &new.named, &[]);
        Ok(Outcome::Done(
            answer::Result::Appended(appended(&entry)),
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
        self.name_blobs(new.channel, device, entry.time_ms, named);
        Ok(Outcome::Done(
            answer::Result::Appended(appended(&entry)),
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
        let expected = Expected {
            incarnation: new.incarnation,
            epoch: new.epoch,
            structure_seq: new.structure_seq,
            valid_until_ms: new.valid_until_ms,
        };
        if let Some(code) = self.refuses(new.channel, now_ms, &expected)? {
            return Ok(Outcome::Refused(code));
        }
        new.joined.sort_unstable();
        new.joined.dedup();
        for joiner in &new.joined {
            self.device(*joiner)?;
        }
        let mut last_covered = Vec::with_capacity(new.ended.len());
        for (device, end_ms) in &new.ended {
            last_covered.push((*device, self.last_before(new.channel, *end_ms)?));
        }

        let draft = Draft {
            device,
            kind: EntryKind::Commit,
            payload: new.payload,
        };
        let answer = self.resume(new.channel, device)?;
        let entry = self.append_entry(new.channel, now_ms, draft)?;
        self.put_public(new.channel, &new.state);
        self.put_named(new.channel, &new.named, &new.unnamed);
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
            let ended = last_covered.iter().find(|(device, _)| device == left);
            let removal_seq = ended.map_or(entry.seq, |(_, seq)| *seq);
            let known = self.is_known(new.channel, *left)?;
            if known
                && !stays
                && let Some(member) = self.member_mut(new.channel, *left)
            {
                member.close(removal_seq);
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
        Ok(answered(answer, &entry, effects))
    }

    /// See [`crate::store::Operation::RebootChannel`].
    pub(super) fn reboot_channel(
        &mut self,
        device: DeviceId,
        now_ms: u64,
        new: NewReboot,
    ) -> Result<Outcome, StoreError> {
        let expected = Expected {
            incarnation: new.incarnation,
            epoch: new.epoch,
            structure_seq: new.structure_seq,
            valid_until_ms: new.valid_until_ms,
        };
        if let Some(code) = self.refuses(new.channel, now_ms, &expected)? {
            return Ok(Outcome::Refused(code));
        }
        let Some(incarnation) = new.incarnation.checked_add(1) else {
            return Ok(Outcome::Refused(RefusalCode::InvalidCommit));
        };
        let state = self.channel(new.channel)?;
        let open = |(id, member): (&DeviceId, &Member)| member.is_open().then_some(*id);
        let members: Vec<DeviceId> = state
            .map(|state| state.members.iter().filter_map(open).collect())
            .unwrap_or_default();

        let draft = Draft {
            device,
            kind: EntryKind::Rebooted,
            payload: new.state.group_info.clone(),
        };
        let answer = self.resume(new.channel, device)?;
        let entry = self.append_entry(new.channel, now_ms, draft)?;
        self.put_public(new.channel, &new.state);
        if let Some(state) = self.channel_mut(new.channel) {
            state.head.incarnation = incarnation;
            state.head.epoch = 0;
            state.public = Some(new.state);
        }
        for other in members.into_iter().filter(|member| *member != device) {
            if let Some(member) = self.member_mut(new.channel, other) {
                member.close(entry.seq);
            }
        }
        if let Some(member) = self.member_mut(new.channel, device) {
            // Its own reboot it reads back; a span that is open stays open.
            member.open(entry.seq - 1);
        }
        let effects = vec![Effect::Channel(entry.clone())];
        Ok(answered(answer, &entry, effects))
    }

    /// Why a commit or reboot cannot be appended to the channel as it is now.
    fn refuses(
        &mut self,
        channel: ChannelId,
        now_ms: u64,
        expected: &Expected,
    ) -> Result<Option<RefusalCode>, StoreError> {
        let structure_head = self.structure_head()?;
        let Some(state) = self.channel(channel)? else {
            return Ok(Some(RefusalCode::NotFound));
        };
        let time_ms = now_ms.max(state.head.time_ms);
        let present = (state.head.incarnation, state.head.epoch);
        Ok(if (expected.incarnation, expected.epoch) != present {
            Some(RefusalCode::WrongEpoch)
        } else if structure_head != expected.structure_seq {
            Some(RefusalCode::StaleStructure)
        } else if expected.valid_until_ms.is_some_and(|end| end <= time_ms) {
            Some(RefusalCode::Forbidden)
        } else {
            None
        })
    }

    /// What a device that comes back must know of the log before its entry.
    fn resume(&mut self, channel: ChannelId, device: DeviceId) -> Result<Appended, StoreError> {
        let state = self.channel(channel)?;
        let state = state.ok_or(StoreError::Corrupt("channel not loaded"))?;
        let member = state.members.get(&device);
        Ok(Appended {
            predecessor: Bytes::copy_from_slice(&state.head.hash),
            event_counter: member.map_or(0, |member| member.event_counter),
            ..Appended::default()
        })
    }

    /// The last entry dated before `end_ms` (times are monotonic in a channel); of
    /// those that were trimmed the last one.
    fn last_before(&mut self, channel: ChannelId, end_ms: u64) -> Result<u64, StoreError> {
        let state = self.channel(channel)?;
        let head = state.map(|state| state.head);
        let head = head.ok_or(StoreError::Corrupt("channel not loaded"))?;
        let (mut before, mut after) = (head.first_seq - 1, head.seq + 1);
        while before + 1 < after {
            let middle = before + (after - before) / 2;
            let bytes = self.get(&keys::channel_seq(keys::ENTRY, channel, middle))?;
            let bytes = bytes.ok_or(StoreError::Corrupt("log gap"))?;
            let entry: ChannelEntry = decode(bytes, "channel entry")?;
            match entry.time_ms < end_ms {
                true => before = middle,
                false => after = middle,
            }
        }
        Ok(before)
    }

    fn put_named(
        &mut self,
        channel: ChannelId,
        named: &[ProfessionalId],
        unnamed: &[ProfessionalId],
    ) {
        for professional in unnamed {
            self.delete(keys::named(*professional, channel));
        }
        for professional in named {
            self.put(
                keys::named(*professional, channel),
                Bytes::from_static(&[1]),
            );
        }
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
