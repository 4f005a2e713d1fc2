//! A new MLS group of one device for a channel: at its creation with the first
//! roster, at a reboot with the successor of the one in force (architecture D5).

use openmls::prelude::LeafNodeIndex;
use relais_wire::RefusalCode;
use relais_wire::ids::ChannelId;
use relais_wire::mls::{self, Leaf};
use relais_wire::roster::{CheckedRoster, check_leaf, judge_creation, judge_reboot};
use relais_wire::structure::Structure;
use relais_wire::v1::{CreateChannel, RebootChannel};

use super::Known;
use super::public_group::{group_id, read_group_info, read_tree, rebuild, signed_by};
use crate::error::Refused;
use crate::operations::Caller;
use crate::store::{NewChannel, NewReboot, PublicState};

/// Checks a creation against the structure as it is now.
pub fn check_creation(
    structure: &Structure,
    caller: &Caller,
    request: CreateChannel,
    now_ms: u64,
) -> Result<(NewChannel, Known), Refused> {
    let channel = ChannelId::try_from(&request.channel_id)?;
    let head = structure.head();
    if request.structure_head.as_ref() != Some(&head) {
        return Err(RefusalCode::StaleStructure.into());
    }
    let state = PublicState {
        group_info: request.group_info,
        ratchet_tree: request.ratchet_tree,
    };
    let (creator, roster) = group_of_one(structure, caller, channel, 0, &state)?;
    judge_creation(structure, head.seq, now_ms, channel, &roster, &creator)?;
    let new = NewChannel {
        channel,
        state,
        structure_seq: head.seq,
        named: roster.members.keys().copied().collect(),
    };
    let known = Known {
        incarnation: 0,
        epoch: 0,
        roster,
    };
    Ok((new, known))
}

/// Checks a reboot of a channel that is as `prior` says. `time_ms` is the time
/// that its entry would have.
pub fn check_reboot(
    structure: &Structure,
    caller: &Caller,
    prior: &Known,
    request: RebootChannel,
    time_ms: u64,
) -> Result<(NewReboot, Known), Refused> {
    let channel = ChannelId::try_from(&request.channel_id)?;
    if (request.incarnation, request.epoch) != (prior.incarnation, prior.epoch) {
        return Err(RefusalCode::WrongEpoch.into());
    }
    let invalid = RefusalCode::InvalidCommit;
    let incarnation = prior.incarnation.checked_add(1).ok_or(invalid)?;
    let state = PublicState {
        group_info: request.group_info,
        ratchet_tree: request.ratchet_tree,
    };
    let (creator, roster) = group_of_one(structure, caller, channel, incarnation, &state)?;
    let head = structure.head();
    if roster.structure_head.as_ref() != Some(&head) {
        return Err(RefusalCode::StaleStructure.into());
    }
    check_leaf(&creator, structure, head.seq, time_ms)?;
    judge_reboot(structure, time_ms, &prior.roster, &roster, caller.device)?;
    let member = roster.members.get(&caller.professional);
    let new = NewReboot {
        channel,
        incarnation: request.incarnation,
        epoch: request.epoch,
        structure_seq: head.seq,
        state,
        valid_until_ms: member.and_then(|member| member.expires_at_ms),
    };
    let known = Known {
        incarnation,
        epoch: 0,
        roster,
    };
    Ok((new, known))
}

/// Reads a group that holds the caller's device and nobody else.
fn group_of_one(
    structure: &Structure,
    caller: &Caller,
    channel: ChannelId,
    incarnation: u32,
    state: &PublicState,
) -> Result<(Leaf, CheckedRoster), Refused> {
    let info = read_group_info(&state.group_info)?;
    let group = rebuild(read_tree(&state.ratchet_tree)?, info.clone())?;
    let context = group.group_context();
    let first = LeafNodeIndex::new(0);
    let well_formed = *group.group_id() == group_id(channel, incarnation)
        && context.epoch().as_u64() == 0
        && u16::from(group.ciphersuite()) == structure.ciphersuite()
        && signed_by(&group, first, &info);
    if !well_formed {
        return Err(RefusalCode::InvalidCommit.into());
    }
    let mut leaves = mls::leaves(&group)?;
    let creator = match (leaves.pop(), leaves.is_empty()) {
        (Some(creator), true) => creator,
        _ => return Err(RefusalCode::InvalidCommit.into()),
    };
    if creator.device != caller.device {
        return Err(RefusalCode::Forbidden.into());
    }
    let roster = CheckedRoster::read(&mls::roster_of(context.extensions())?)?;
    Ok((creator, roster))
}
