//! Pages of a channel's log, inside the reader's spans only.
//! Invariant: no entry outside a device's spans is ever handed to it.

use std::ops::ControlFlow;
use std::sync::Arc;

use relais_wire::ids::{ChannelId, DeviceId, ProfessionalId};
use relais_wire::v1::{ChannelEntry, LogHead};

use crate::store::kv::Backend;
use crate::store::records::decode;
use crate::store::shared::Shared;
use crate::store::state::{ChannelState, channel_of};
use crate::store::{Next, Page, StoreError, keyspaces as keys};

/// What a cursor asks for, judged by spans and trimming alone.
enum Asked {
    /// Nothing to read.
    Nothing(Next),
    /// Entries of this range, and what follows its end.
    Entries(std::ops::RangeInclusive<u64>, Next),
}

fn asked(state: &ChannelState, device: DeviceId, after_seq: u64) -> Asked {
    let Some(member) = state.members.get(&device) else {
        return Asked::Nothing(Next::NoSpan);
    };
    let next = after_seq.saturating_add(1);
    let covering = member.spans.iter().find(|span| span.covers(next));
    let Some(span) = covering else {
        let ended = member
            .spans
            .iter()
            .any(|span| span.removal_seq == Some(after_seq));
        return Asked::Nothing(match ended {
            true => Next::Closed,
            false => Next::NoSpan,
        });
    };
    if next < state.head.first_seq {
        return Asked::Nothing(Next::Trimmed);
    }
    let (last, follows) = match span.removal_seq {
        // Removed and added again by one commit: the reading goes on.
        Some(removal) if member.covers(removal + 1) => (removal, Next::More),
        Some(removal) => (removal, Next::Closed),
        None => (state.head.seq, Next::Head),
    };
    match next > last {
        true => Asked::Nothing(follows),
        false => Asked::Entries(next..=last, follows),
    }
}

/// Collects entries up to a number of bytes, at least one.
struct Budget {
    left: usize,
    entries: Vec<Arc<ChannelEntry>>,
}

impl Budget {
    fn take(&mut self, entry: Arc<ChannelEntry>) -> ControlFlow<()> {
        let cost = entry.payload.len();
        if cost > self.left && !self.entries.is_empty() {
            return ControlFlow::Break(());
        }
        self.left = self.left.saturating_sub(cost);
        self.entries.push(entry);
        ControlFlow::Continue(())
    }

    fn page(self, last: u64, follows: Next) -> Page {
        let ended = self.entries.last().is_some_and(|entry| entry.seq == last);
        Page {
            entries: self.entries,
            next: if ended { follows } else { Next::More },
        }
    }
}

impl<B: Backend> Shared<B> {
    /// See [`crate::store::Store::channels_naming`].
    pub fn channels_naming(
        &self,
        professional: ProfessionalId,
        after: Option<ChannelId>,
        max: usize,
    ) -> Result<Vec<ChannelId>, StoreError> {
        let all = keys::named_by(professional);
        let from = match after {
            Some(channel) => keys::after(&keys::named(professional, channel)),
            None => all.clone(),
        };
        let mut channels = Vec::new();
        self.backend
            .range(&from, &keys::after(&all), &mut |key, _| {
                if channels.len() >= max {
                    return Ok(ControlFlow::Break(()));
                }
                channels.push(channel_of(key)?);
                Ok(ControlFlow::Continue(()))
            })?;
        Ok(channels)
    }

    /// See [`crate::store::Store::entry_hashes`].
    pub fn entry_hashes(
        &self,
        channel: ChannelId,
        seqs: &[u64],
    ) -> Result<Vec<LogHead>, StoreError> {
        let mut known = Vec::new();
        for seq in seqs {
            let key = keys::channel_seq(keys::ENTRY, channel, *seq);
            if let Some(bytes) = self.backend.get(&key)? {
                let entry: ChannelEntry = decode(bytes, "channel entry")?;
                known.push(LogHead {
                    seq: entry.seq,
                    hash: entry.hash,
                });
            }
        }
        Ok(known)
    }

    /// See [`crate::store::Store::read_channel`].
    pub async fn read_channel(
        &self,
        channel: ChannelId,
        device: DeviceId,
        after_seq: u64,
        max_bytes: usize,
    ) -> Result<Page, StoreError> {
        let mut budget = Budget {
            left: max_bytes,
            entries: Vec::new(),
        };
        let nothing = |next| Page {
            entries: Vec::new(),
            next,
        };
        if let Some(state) = self.hot_channel(channel) {
            self.check_open()?;
            let (range, follows) = match asked(&state, device, after_seq) {
                Asked::Nothing(next) => return Ok(nothing(next)),
                Asked::Entries(range, follows) => (range, follows),
            };
            let tail_from = state.tail.iter().next().map_or(u64::MAX, |entry| entry.seq);
            if *range.start() >= tail_from {
                let skip = (range.start() - tail_from) as usize;
                for entry in state.tail.iter().skip(skip) {
                    if entry.seq > *range.end() || budget.take(entry.clone()).is_break() {
                        break;
                    }
                }
                return Ok(budget.page(*range.end(), follows));
            }
        }
        // The state is looked at again behind the gate: what it says is kept may
        // have been trimmed meanwhile.
        self.cold(|shared| {
            let Some(state) = shared.load_channel(channel)? else {
                return Ok(nothing(Next::NoSpan));
            };
            let (range, follows) = match asked(&state, device, after_seq) {
                Asked::Nothing(next) => return Ok(nothing(next)),
                Asked::Entries(range, follows) => (range, follows),
            };
            let from = keys::channel_seq(keys::ENTRY, channel, *range.start());
            let to = keys::channel_seq(keys::ENTRY, channel, range.end() + 1);
            let mut expected = *range.start();
            shared.backend.range(&from, &to, &mut |_, value| {
                let entry: ChannelEntry = decode(value, "channel entry")?;
                if entry.seq != expected {
                    return Err(StoreError::Corrupt("log gap"));
                }
                expected += 1;
                Ok(budget.take(Arc::new(entry)))
            })?;
            if budget.entries.is_empty() {
                return Err(StoreError::Corrupt("log gap"));
            }
            Ok(budget.page(*range.end(), follows))
        })
        .await
    }
}
