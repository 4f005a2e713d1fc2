//! What may go: entries that everyone has passed or that are too old
//! (architecture D6).

use std::ops::ControlFlow;

use relais_wire::ids::ChannelId;
use relais_wire::limits;
use relais_wire::v1::ChannelEntry;

use crate::store::engine::Engine;
use crate::store::kv::Backend;
use crate::store::records::decode;
use crate::store::state::channel_of;
use crate::store::{StoreError, keyspaces as keys};

/// Channels looked at in one group, so that others' writes do not wait long.
const CHANNELS_STEP: usize = 256;
/// Entries deleted in one group.
const ENTRIES_STEP: u64 = 2048;

impl<B: Backend> Engine<B> {
    /// Trims some channels; the one to go on with, if there are more.
    pub fn trim(
        &mut self,
        now_ms: u64,
        from: Option<ChannelId>,
    ) -> Result<Option<ChannelId>, StoreError> {
        let first = match from {
            Some(channel) => keys::channel(keys::HEAD, channel),
            None => keys::single(keys::HEAD),
        };
        let mut channels = Vec::new();
        let to = keys::after(&[keys::HEAD]);
        self.shared.backend.range(&first, &to, &mut |key, _| {
            channels.push(channel_of(key)?);
            Ok(match channels.len() <= CHANNELS_STEP {
                true => ControlFlow::Continue(()),
                false => ControlFlow::Break(()),
            })
        })?;
        let next = channels.get(CHANNELS_STEP).copied();
        channels.truncate(CHANNELS_STEP);

        let mut plan = Vec::new();
        let mut room = ENTRIES_STEP;
        let mut unfinished = None;
        for channel in channels {
            if room == 0 {
                unfinished = Some(channel);
                break;
            }
            let (first_seq, keep_from) = self.trim_point(channel, now_ms, room)?;
            if keep_from > first_seq {
                room -= keep_from - first_seq;
                plan.push((channel, first_seq, keep_from));
                if room == 0 {
                    unfinished = Some(channel);
                    break;
                }
            }
        }

        for (channel, first_seq, keep_from) in plan {
            let last = self.get(&keys::channel_seq(keys::ENTRY, channel, keep_from - 1))?;
            let last = last.ok_or(StoreError::Corrupt("log gap"))?;
            let last: ChannelEntry = decode(last, "channel entry")?;
            for seq in first_seq..keep_from {
                self.delete(keys::channel_seq(keys::ENTRY, channel, seq));
            }
            // The hash of the last one stays: it is the head's, from which the chain goes
            // on, or what devices that have read no further compare.
            if let Some(state) = self.channel_mut(channel) {
                state.head.first_seq = keep_from;
                state.head.hash_before = last.hash.as_ref().try_into().ok();
                let kept = state.tail.iter().filter(|entry| entry.seq >= keep_from);
                state.tail = kept.cloned().collect();
            }
        }
        Ok(unfinished.or(next))
    }

    /// First entry kept now, and first entry to keep, at most `room` further.
    fn trim_point(
        &mut self,
        channel: ChannelId,
        now_ms: u64,
        room: u64,
    ) -> Result<(u64, u64), StoreError> {
        let Some(state) = self.channel(channel)? else {
            return Ok((0, 0));
        };
        let first = state.head.first_seq;
        let head = state.head.seq;
        let limit = first.saturating_add(room);
        let mut keep_from = (state.passed_by_all() + 1).clamp(first, limit);
        while keep_from <= head && keep_from < limit {
            let bytes = self.get(&keys::channel_seq(keys::ENTRY, channel, keep_from))?;
            let entry: ChannelEntry = decode(
                bytes.ok_or(StoreError::Corrupt("log gap"))?,
                "channel entry",
            )?;
            if now_ms.saturating_sub(entry.time_ms) < limits::RETENTION_MS {
                break;
            }
            keep_from += 1;
        }
        Ok((first, keep_from))
    }
}
