//! What waits for one device: Welcomes and sealed items. The bytes of a Welcome
//! and the tree of its epoch are kept once for all who join with a commit, until
//! the last of them has acknowledged its item.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use bytes::Bytes;
use prost::Message;
use relais_wire::ids::{ChannelId, DeviceId};
use relais_wire::v1::{
    ChannelEntry, Done, InboxItem, LogHead, SealedItem, WelcomeItem, answer, inbox_item,
};
use relais_wire::{RefusalCode, limits};

use super::Outcome;
use crate::store::engine::Engine;
use crate::store::kv::Backend;
use crate::store::records::{array, decode};
use crate::store::shared::Shared;
use crate::store::{Effect, StoreError, keyspaces as keys};

/// Which commit a Welcome belongs to.
fn commit_of(welcome: &WelcomeItem) -> Result<(ChannelId, u64), StoreError> {
    let channel = ChannelId::try_from(&welcome.channel_id);
    match (channel, &welcome.joined_at) {
        (Ok(channel), Some(joined_at)) => Ok((channel, joined_at.seq)),
        _ => Err(StoreError::Corrupt("inbox item")),
    }
}

impl<B: Backend> Engine<B> {
    /// See [`crate::store::Operation::SendToDevice`].
    pub(super) fn send_to_device(
        &mut self,
        sender: DeviceId,
        now_ms: u64,
        receiver: DeviceId,
        kem_output: Bytes,
        ciphertext: Bytes,
    ) -> Result<Outcome, StoreError> {
        if self.device(receiver)?.inbox_items() >= limits::INBOX_ITEMS as u64 {
            return Ok(Outcome::Refused(RefusalCode::TooManyRequests));
        }
        let item = inbox_item::Item::Sealed(SealedItem {
            sender_device: sender.to_bytes(),
            kem_output,
            ciphertext,
        });
        self.put_item(receiver, now_ms, item)?;
        Ok(Outcome::Done(
            answer::Result::Done(Done {}),
            vec![Effect::Inbox(receiver)],
        ))
    }

    /// Puts a commit's Welcome into each joiner's inbox, also into a full one: it
    /// costs a commit, and without it the device could never join again. The
    /// joiners' states must be loaded.
    pub(super) fn put_welcomes(
        &mut self,
        commit: &ChannelEntry,
        commit_hash: [u8; 32],
        joined: &[DeviceId],
        welcome: Bytes,
        tree: Bytes,
    ) -> Result<(), StoreError> {
        let item = WelcomeItem {
            channel_id: commit.channel_id.clone(),
            joined_at: Some(LogHead {
                seq: commit.seq,
                hash: Bytes::copy_from_slice(&commit_hash),
            }),
            incarnation: commit.incarnation,
            epoch: commit.epoch + 1,
            welcome: Bytes::new(),
            ratchet_tree: Bytes::new(),
        };
        let (channel, seq) = commit_of(&item)?;
        self.put(keys::channel_seq(keys::WELCOME, channel, seq), welcome);
        self.put(keys::channel_seq(keys::WELCOME_TREE, channel, seq), tree);
        self.put_welcome_uses(channel, seq, joined.len() as u32);
        for device in joined {
            let item = inbox_item::Item::Welcome(item.clone());
            self.put_item(*device, commit.time_ms, item)?;
        }
        Ok(())
    }

    fn put_welcome_uses(&mut self, channel: ChannelId, seq: u64, uses: u32) {
        let key = keys::channel_seq(keys::WELCOME_USES, channel, seq);
        self.put(key, Bytes::copy_from_slice(&uses.to_be_bytes()));
    }

    fn put_item(
        &mut self,
        device: DeviceId,
        time_ms: u64,
        item: inbox_item::Item,
    ) -> Result<(), StoreError> {
        let state = self.device_mut(device)?;
        state.inbox_last += 1;
        let item = InboxItem {
            seq: state.inbox_last,
            time_ms,
            item: Some(item),
        };
        self.put_over_small(keys::inbox(device, item.seq), item.encode_to_vec().into());
        Ok(())
    }

    /// See [`crate::store::Store::acknowledge_inbox`].
    pub fn acknowledge_inbox(&mut self, device: DeviceId, seq: u64) -> Result<(), StoreError> {
        let state = self.device(device)?;
        let seq = seq.min(state.inbox_last);
        let passed = state.inbox_acknowledged + 1..=seq;
        if passed.is_empty() {
            return Ok(());
        }
        let mut released: BTreeMap<(ChannelId, u64), u32> = BTreeMap::new();
        for seq in passed.clone() {
            let bytes = self.get(&keys::inbox(device, seq))?;
            let item: InboxItem =
                decode(bytes.ok_or(StoreError::Corrupt("inbox gap"))?, "inbox item")?;
            if let Some(inbox_item::Item::Welcome(welcome)) = &item.item {
                *released.entry(commit_of(welcome)?).or_default() += 1;
            }
        }
        let mut uses_left = Vec::with_capacity(released.len());
        for ((channel, commit), released) in released {
            let uses = self.get(&keys::channel_seq(keys::WELCOME_USES, channel, commit))?;
            let uses = uses.ok_or(StoreError::Corrupt("welcome uses"))?;
            let uses = u32::from_be_bytes(array(&uses, "welcome uses")?);
            uses_left.push((channel, commit, uses.saturating_sub(released)));
        }

        for seq in passed {
            self.delete(keys::inbox(device, seq));
        }
        for (channel, commit, uses) in uses_left {
            if uses > 0 {
                self.put_welcome_uses(channel, commit, uses);
                continue;
            }
            for prefix in [keys::WELCOME, keys::WELCOME_TREE, keys::WELCOME_USES] {
                self.delete(keys::channel_seq(prefix, channel, commit));
            }
        }
        self.device_mut(device)?.inbox_acknowledged = seq;
        Ok(())
    }
}

impl<B: Backend> Shared<B> {
    /// See [`crate::store::Store::read_inbox`].
    pub async fn read_inbox(
        &self,
        device: DeviceId,
        after_seq: u64,
        max: usize,
    ) -> Result<Vec<InboxItem>, StoreError> {
        let state = self.read_device_state(device).await?;
        if after_seq >= state.inbox_last || max == 0 {
            return Ok(Vec::new());
        }
        self.cold(|shared| shared.load_inbox(device, after_seq, max))
            .await
    }

    fn load_inbox(
        &self,
        device: DeviceId,
        after_seq: u64,
        max: usize,
    ) -> Result<Vec<InboxItem>, StoreError> {
        let mut items: Vec<InboxItem> = Vec::new();
        let from = keys::inbox(device, after_seq.saturating_add(1));
        let to = keys::after(&keys::device(keys::INBOX, device));
        self.backend.range(&from, &to, &mut |_, value| {
            items.push(decode(value, "inbox item")?);
            Ok(match items.len() < max {
                true => ControlFlow::Continue(()),
                false => ControlFlow::Break(()),
            })
        })?;
        for item in &mut items {
            if let Some(inbox_item::Item::Welcome(welcome)) = &mut item.item {
                let (channel, seq) = commit_of(welcome)?;
                let shared = |prefix| {
                    let value = self.backend.get(&keys::channel_seq(prefix, channel, seq))?;
                    value.ok_or(StoreError::Corrupt("welcome of an inbox item"))
                };
                welcome.welcome = shared(keys::WELCOME)?;
                welcome.ratchet_tree = shared(keys::WELCOME_TREE)?;
            }
        }
        Ok(items)
    }
}
