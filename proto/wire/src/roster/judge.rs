//! What a new roster, a commit or a reboot must be, judged against the roster of the
//! prior epoch and the structure log: one place for the server and every client.

use std::collections::BTreeSet;

use super::{CheckedRoster, Operation, RuleBroken};
use crate::ids::{ChannelId, DeviceId};
use crate::limits;
use crate::mls::{CommitChange, Leaf};
use crate::structure::Structure;

/// Checks that a leaf is what the structure log says of its device.
pub fn check_leaf(
    leaf: &Leaf,
    structure: &Structure,
    structure_seq: u64,
    time_ms: u64,
) -> Result<(), RuleBroken> {
    structure
        .valid_device(&leaf.device, structure_seq, time_ms)
        .ok_or(RuleBroken::InvalidDevice)?;
    identify_leaf(leaf, structure)
}

/// Checks that a leaf is of the person and key that the structure log knows for
/// its device, whether or not the device was revoked since.
pub fn identify_leaf(leaf: &Leaf, structure: &Structure) -> Result<(), RuleBroken> {
    let device = structure
        .device(&leaf.device)
        .ok_or(RuleBroken::InvalidDevice)?;
    let same = structure.id() == Some(leaf.structure)
        && device.professional == leaf.professional
        && device.key == leaf.key;
    if same {
        Ok(())
    } else {
        Err(RuleBroken::InvalidDevice)
    }
}

/// Checks the roster and the only leaf of a channel at its creation.
pub fn judge_creation(
    structure: &Structure,
    structure_seq: u64,
    time_ms: u64,
    channel: ChannelId,
    roster: &CheckedRoster,
    creator: &Leaf,
) -> Result<(), RuleBroken> {
    check_leaf(creator, structure, structure_seq, time_ms)?;
    if roster.channel != channel || roster.version != 1 || !roster.predecessor.is_empty() {
        return Err(RuleBroken::NotSuccessor);
    }
    if roster.device != creator.device {
        return Err(RuleBroken::Signature);
    }
    roster.verify(structure, structure_seq, time_ms)?;
    roster.may(&creator.professional, Operation::ChangeRoster, time_ms)
}

/// Judges a reboot (architecture D5): a new MLS group for the same circle, made by
/// a manager or by a coordinator of the structure who is a member. `author` is the
/// device that the log names.
///
/// The roster names the structure head that it is judged by; `time_ms` is the
/// server time of its entry.
pub fn judge_reboot(
    structure: &Structure,
    time_ms: u64,
    prior: &CheckedRoster,
    next: &CheckedRoster,
    author: DeviceId,
) -> Result<(), RuleBroken> {
    next.follows(prior)?;
    if next.members != prior.members {
        return Err(RuleBroken::NotAllowed);
    }
    if next.device != author {
        return Err(RuleBroken::Signature);
    }
    let seq = next.structure_head.as_ref().map_or(0, |head| head.seq);
    next.verify(structure, seq, time_ms)?;
    let device = structure.device(&author).ok_or(RuleBroken::InvalidDevice)?;
    let id = &device.professional;
    let coordinated = structure.was_coordinator(id, seq);
    let coordinates = coordinated && prior.standing(id, time_ms).is_some();
    match prior.may_change(id, structure, seq, time_ms) {
        Err(_) if coordinates => Ok(()),
        judged => judged,
    }
}

/// Judges a commit against the roster of the prior epoch. Returns the roster
/// that holds after it.
///
/// `structure_seq` is the head that the commit names; `time_ms` the server time
/// of its entry.
pub fn judge(
    structure: &Structure,
    structure_seq: u64,
    time_ms: u64,
    prior: &CheckedRoster,
    change: &CommitChange,
) -> Result<CheckedRoster, RuleBroken> {
    let committer = &change.committer;
    check_leaf(committer, structure, structure_seq, time_ms)?;
    let needed = if change.external {
        Operation::Rejoin
    } else if change.roster.is_some() {
        Operation::ChangeRoster
    } else if change.added.is_empty() && change.removed.is_empty() {
        Operation::Renew
    } else {
        Operation::FollowRoster
    };
    let who = &committer.professional;
    match needed {
        Operation::ChangeRoster => prior.may_change(who, structure, structure_seq, time_ms)?,
        _ => prior.may(who, needed, time_ms)?,
    }

    let next = match &change.roster {
        None => prior.clone(),
        Some(signed) => {
            let next = CheckedRoster::read(signed)?;
            next.follows(prior)?;
            if next.device != committer.device {
                return Err(RuleBroken::Signature);
            }
            next.verify(structure, structure_seq, time_ms)?;
            if next.changed(prior).any(|member| !member.stands(time_ms)) {
                return Err(RuleBroken::EndPassed);
            }
            prior.may_become(who, &next.members, structure, structure_seq, time_ms)?;
            next
        }
    };

    if change.external {
        // Nobody but the device itself comes in, and only in its own old place.
        let own = |leaf: &Leaf| leaf.same_owner(committer);
        let alone = change.added.len() == 1 && change.added.iter().all(own);
        if !alone || !change.removed.iter().all(own) || change.roster.is_some() {
            return Err(RuleBroken::NotAllowed);
        }
    }
    for leaf in &change.removed {
        let revoked = check_leaf(leaf, structure, structure_seq, time_ms).is_err();
        let own = leaf.professional == committer.professional;
        if !(revoked || own || next.standing(&leaf.professional, time_ms).is_none()) {
            return Err(RuleBroken::UngroundedRemoval);
        }
    }
    for leaf in &change.added {
        check_leaf(leaf, structure, structure_seq, time_ms)?;
        // A membership that has ended keeps its leaves until they are removed, but
        // gets no new ones: a new leaf begins a span.
        if next.standing(&leaf.professional, time_ms).is_none() {
            return Err(RuleBroken::LeafOutsideRoster);
        }
    }
    let removed: BTreeSet<_> = change.removed.iter().map(|leaf| leaf.index).collect();
    let stay = change.before.iter().filter(|l| !removed.contains(&l.index));
    let mut devices = BTreeSet::new();
    for leaf in stay.chain(&change.added) {
        // Invariant: leaves follow the roster; nobody leaves it with a leaf behind.
        if !next.members.contains_key(&leaf.professional) || !devices.insert(leaf.device) {
            return Err(RuleBroken::LeafOutsideRoster);
        }
    }
    if devices.len() > limits::DEVICES {
        return Err(RuleBroken::Malformed);
    }
    Ok(next)
}
