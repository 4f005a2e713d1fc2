//! A new channel: an MLS group of one device, with the first roster.

use openmls::prelude::LeafNodeIndex;
use relais_wire::RefusalCode;
use relais_wire::ids::ChannelId;
use relais_wire::mls;
use relais_wire::roster::{CheckedRoster, judge_creation};
use relais_wire::structure::Structure;
use relais_wire::v1::CreateChannel;

use super::Known;
use super::public_group::{group_id, read_group_info, read_tree, rebuild, signed_by};
use crate::error::Refused;
use crate::operations::Caller;
use crate::store::{NewChannel, PublicState};

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
    let info = read_group_info(&request.group_info)?;
    let group = rebuild(read_tree(&request.ratchet_tree)?, info.clone())?;
    let context = group.group_context();
    let first = LeafNodeIndex::new(0);
    let well_formed = *group.group_id() == group_id(channel, 0)
        && context.epoch().as_u64() == 0
        && u16::from(group.ciphersuite()) == structure.ciphersuite()
        && signed_by(&group, first, &info);
    if !well_formed {
        return Err(RefusalCode::InvalidCommit.into());
    }
    let leaves = mls::leaves(&group)?;
    let [creator] = leaves.as_slice() else {
        return Err(RefusalCode::InvalidCommit.into());
    };
    if creator.device != caller.device {
        return Err(RefusalCode::Forbidden.into());
    }
    let roster = CheckedRoster::read(&mls::roster_of(context.extensions())?)?;
    judge_creation(structure, head.seq, now_ms, channel, &roster, creator)?;
    let new = NewChannel {
        channel,
        state: PublicState {
            group_info: request.group_info,
            ratchet_tree: request.ratchet_tree,
        },
        structure_seq: head.seq,
    };
    let known = Known {
        incarnation: 0,
        epoch: 0,
        roster,
    };
    Ok((new, known))
}
