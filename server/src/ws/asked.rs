//! What a device asks that changes nothing: which channels its person is in, the
//! group of one of them, to come back to it (architecture D13), and whether the log of
//! one is still the one that it has read (D6).

use std::collections::BTreeMap;

use bytes::Bytes;
use relais_wire::RefusalCode;
use relais_wire::ids::ChannelId;
use relais_wire::v1::{
    Channels, CompareLog, Group, GroupState, ListedChannel, LogCompared, LogHead, Refusal, group,
    server_frame::Frame,
};
use relais_wire::{chain, limits};

use crate::app::App;
use crate::error::Refused;
use crate::operations::Caller;
use crate::store::Channel;

/// Channels in one answer.
const CHANNELS_PAGE: usize = 256;

/// A channel's group as it is now, for somebody whose membership stands.
///
/// # Errors
/// Of the store; what the caller may not see is an answer.
pub async fn group(app: &App, caller: &Caller, channel: &Bytes) -> Result<Frame, Refused> {
    let result = match state(app, caller, channel).await {
        Ok(state) => group::Result::State(state),
        Err(refused @ Refused(RefusalCode::Unavailable)) => return Err(refused),
        Err(Refused(code)) => group::Result::Refusal(Refusal { code: code.into() }),
    };
    Ok(Frame::Group(Group {
        channel_id: channel.clone(),
        result: Some(result),
    }))
}

async fn state(app: &App, caller: &Caller, channel: &Bytes) -> Result<GroupState, Refused> {
    let channel = ChannelId::try_from(channel)?;
    // One answer for a foreign and an unknown channel: nobody learns which exist.
    if !stands(app, caller, channel).await? {
        return Err(RefusalCode::Forbidden.into());
    }
    let stored = app.store.channel(channel).await?;
    let stored = stored.ok_or(RefusalCode::Forbidden)?;
    Ok(GroupState {
        head: Some(LogHead {
            seq: stored.head_seq,
            hash: Bytes::copy_from_slice(&stored.head_hash),
        }),
        head_time_ms: stored.head_time_ms,
        incarnation: stored.incarnation,
        epoch: stored.epoch,
        group_info: stored.state.group_info.clone(),
        ratchet_tree: stored.state.ratchet_tree.clone(),
    })
}

async fn stands(app: &App, caller: &Caller, channel: ChannelId) -> Result<bool, Refused> {
    let now_ms = app.now_ms();
    let valid = app.structure.valid_device(&caller.device, now_ms).is_some();
    let store = app.store.as_ref();
    let standing = app
        .channels
        .stands(store, channel, &caller.professional, now_ms);
    Ok(valid && standing.await?)
}

/// The channels whose roster names the caller's professional, one page.
pub async fn channels(app: &App, caller: &Caller, after: &Bytes) -> Result<Frame, Refused> {
    let after = match after.is_empty() {
        true => None,
        false => Some(ChannelId::try_from(after)?),
    };
    let naming = app
        .store
        .channels_naming(caller.professional, after, CHANNELS_PAGE)
        .await?;
    let more = naming.len() == CHANNELS_PAGE;
    let mut channels = Vec::new();
    for channel in naming {
        channels.push(ListedChannel {
            channel_id: channel.to_bytes(),
            member: app.store.is_member(channel, caller.device).await?,
            stands: stands(app, caller, channel).await?,
        });
    }
    Ok(Frame::Channels(Channels { channels, more }))
}

/// A channel's log as the caller knows it, beside the store's. An entry that this
/// server sealed and does not have shows that the store was restored.
///
/// # Errors
/// Malformed, or of the store; unavailable once a new life begins.
pub async fn compare(app: &App, caller: &Caller, asked: CompareLog) -> Result<Frame, Refused> {
    let channel = ChannelId::try_from(&asked.channel_id)?;
    if asked.seqs.len() > limits::COMPARED {
        return Err(RefusalCode::Malformed.into());
    }
    let stored = app.store.channel(channel).await?;
    if let Some(last) = &asked.last
        && let Some(life) = app.hub.proves_restore(&asked.channel_id, last, &asked.seal)
        && !had(app, channel, stored.as_deref(), last).await?
    {
        app.found_restored(life).await?;
        // All connections begin again: compared within the old life it would be a fork.
        return Err(RefusalCode::Unavailable.into());
    }
    let mut compared = LogCompared {
        channel_id: asked.channel_id,
        ..LogCompared::default()
    };
    // One answer for a foreign and an unknown channel.
    let member = app.store.is_member(channel, caller.device).await?;
    if (member || stands(app, caller, channel).await?)
        && let Some(stored) = stored
    {
        compared.head = Some(LogHead {
            seq: stored.head_seq,
            hash: Bytes::copy_from_slice(&stored.head_hash),
        });
        let known = app.store.entry_hashes(channel, asked.seqs.clone()).await?;
        // What was trimmed meanwhile is among what is trimmed: a device takes an entry that is
        // kept and not told for a sign that this answers another question.
        let kept = app.store.channel(channel).await?.unwrap_or(stored);
        compared.first_seq = kept.first_seq;
        let before = kept.hash_before.map(|hash| (kept.first_seq - 1, hash));
        let beyond = BTreeMap::from_iter(before.into_iter().chain([(0, chain::GENESIS)]));
        for (seq, hash) in beyond {
            if asked.seqs.contains(&seq) {
                let hash = Bytes::copy_from_slice(&hash);
                compared.known.push(LogHead { seq, hash });
            }
        }
        compared.known.extend(known);
    }
    Ok(Frame::LogCompared(compared))
}

/// Whether the store has an entry that this server once sealed. What it has trimmed it had:
/// nothing shows that it was another.
async fn had(
    app: &App,
    channel: ChannelId,
    stored: Option<&Channel>,
    last: &LogHead,
) -> Result<bool, Refused> {
    let Some(stored) = stored else {
        return Ok(false);
    };
    let is_it = |hash: &[u8]| *hash == *last.hash;
    if last.seq == stored.head_seq {
        return Ok(is_it(&stored.head_hash));
    }
    if last.seq < stored.first_seq {
        let next = last.seq + 1 == stored.first_seq;
        let known = stored.hash_before.filter(|_| next);
        return Ok(known.is_none_or(|hash| is_it(&hash)));
    }
    let known = app.store.entry_hashes(channel, vec![last.seq]).await?;
    Ok(known.first().is_some_and(|entry| is_it(&entry.hash)))
}
