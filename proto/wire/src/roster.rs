//! Who is in a channel (architecture D11), and the one table of who may do what.
//! [`judge`] is the single point where a commit is judged: by the server before
//! it appends it, and by every client before it merges it, against the roster of
//! the **prior** epoch and the structure log at the head that the commit names.

use std::collections::{BTreeMap, BTreeSet};

use ed25519_dalek::SigningKey;
use prost::Message;

use crate::ids::{ChannelId, DeviceId, ProfessionalId};
use crate::label::{self, Label, hash};
use crate::limits;
use crate::mls::{CommitChange, Leaf};
use crate::structure::Structure;
use crate::v1::{ChannelRole, LogHead, Roster, SignedRoster};

/// What a member can do in a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// Send any content.
    Write,
    /// Acknowledge, mark as read, void: what a reader may send too.
    Acknowledge,
    /// Renew one's own leaf.
    Renew,
    /// Come back with a device that the group does not hold (any more), by an
    /// external commit.
    Rejoin,
    /// Change the members, their roles and their ends.
    ChangeRoster,
    /// Add or remove leaves so that they follow the roster.
    FollowRoster,
}

/// The one role × operation table (architecture D11).
pub fn allowed(role: ChannelRole, operation: Operation) -> bool {
    use Operation::{Acknowledge, ChangeRoster, FollowRoster, Rejoin, Renew, Write};
    match role {
        ChannelRole::Unspecified => false,
        ChannelRole::Reader => matches!(operation, Acknowledge | Renew | Rejoin),
        ChannelRole::Contributor => {
            matches!(
                operation,
                Write | Acknowledge | Renew | Rejoin | FollowRoster
            )
        }
        ChannelRole::Manager => matches!(
            operation,
            Write | Acknowledge | Renew | Rejoin | FollowRoster | ChangeRoster
        ),
    }
}

/// Why a roster or commit breaks the rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RuleBroken {
    /// The roster does not decode, repeats a member or breaks a limit.
    #[error("malformed roster")]
    Malformed,
    /// Not signed by the device that it names, or by one that may not.
    #[error("roster signature")]
    Signature,
    /// Of another channel, or not the successor of the roster in force.
    #[error("roster is not the successor")]
    NotSuccessor,
    /// No manager without an end remains.
    #[error("no manager without an end remains")]
    NoManager,
    /// A membership is given, or changed, with an end that has passed.
    #[error("a membership that has ended already")]
    EndPassed,
    /// The author is not (or no longer) a member.
    #[error("not a member")]
    NotMember,
    /// The author's role does not allow it.
    #[error("role does not allow it")]
    NotAllowed,
    /// A leaf's chain does not hold at the head that the commit names.
    #[error("device without a valid chain")]
    InvalidDevice,
    /// A leaf is of nobody in the roster, or stands twice in the tree.
    #[error("leaf outside the roster")]
    LeafOutsideRoster,
    /// A leaf is removed although its owner stays.
    #[error("removal without a ground")]
    UngroundedRemoval,
}

/// A member as the roster names them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Member {
    /// What they may do.
    pub role: ChannelRole,
    /// When their membership ends (server time), if it does.
    pub expires_at_ms: Option<u64>,
}

impl Member {
    /// Whether the membership stands at server time `time_ms`.
    pub fn stands(&self, time_ms: u64) -> bool {
        self.expires_at_ms.is_none_or(|end| time_ms < end)
    }
}

/// A roster that decodes and is well formed; its signature is checked apart,
/// because that needs the structure log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckedRoster {
    /// Channel that it is for.
    pub channel: ChannelId,
    /// 1 at creation, then one more each time.
    pub version: u64,
    /// Hash of the predecessor; empty for version 1.
    pub predecessor: Vec<u8>,
    /// Members by professional.
    pub members: BTreeMap<ProfessionalId, Member>,
    /// Clients below this version pause instead of misreading.
    pub minimum_client_version: u32,
    /// The device that authorised it.
    pub device: DeviceId,
    /// The structure head that a reboot is judged by; in no other roster.
    pub structure_head: Option<LogHead>,
    /// Names this roster as a predecessor.
    pub hash: [u8; 32],
    signed: SignedRoster,
}

impl CheckedRoster {
    /// Decodes and checks the form: ids, limits, no member twice, a manager
    /// without an end.
    pub fn read(signed: &SignedRoster) -> Result<Self, RuleBroken> {
        let body = Roster::decode(signed.body.clone()).map_err(|_| RuleBroken::Malformed)?;
        let malformed = |_| RuleBroken::Malformed;
        if body.members.is_empty() || body.members.len() > limits::MEMBERS {
            return Err(RuleBroken::Malformed);
        }
        let mut members = BTreeMap::new();
        for member in &body.members {
            let id = ProfessionalId::try_from(&member.professional_id).map_err(malformed)?;
            let role = member.role();
            if role == ChannelRole::Unspecified {
                return Err(RuleBroken::Malformed);
            }
            let expires_at_ms = (member.expires_at_ms != 0).then_some(member.expires_at_ms);
            let entry = Member {
                role,
                expires_at_ms,
            };
            if members.insert(id, entry).is_some() {
                return Err(RuleBroken::Malformed);
            }
        }
        // Invariant: a channel always keeps a manager without an end (D11).
        let lasting = |m: &Member| m.role == ChannelRole::Manager && m.expires_at_ms.is_none();
        if !members.values().any(lasting) {
            return Err(RuleBroken::NoManager);
        }
        Ok(Self {
            channel: ChannelId::try_from(&body.channel_id).map_err(malformed)?,
            version: body.version,
            predecessor: body.predecessor.to_vec(),
            members,
            minimum_client_version: body.minimum_client_version,
            device: DeviceId::try_from(&body.device_id).map_err(malformed)?,
            structure_head: body.structure_head,
            hash: hash(Label::RosterHash, &[&signed.body, &signed.signature]),
            signed: signed.clone(),
        })
    }

    /// As it stands in the group context.
    pub fn signed(&self) -> &SignedRoster {
        &self.signed
    }

    /// A member whose membership stands at `time_ms`.
    pub fn standing(&self, id: &ProfessionalId, time_ms: u64) -> Option<&Member> {
        self.members.get(id).filter(|m| m.stands(time_ms))
    }

    /// Whether this member may do this at server time `time_ms`.
    pub fn may(
        &self,
        id: &ProfessionalId,
        operation: Operation,
        time_ms: u64,
    ) -> Result<(), RuleBroken> {
        let member = self.standing(id, time_ms).ok_or(RuleBroken::NotMember)?;
        if allowed(member.role, operation) {
            Ok(())
        } else {
            Err(RuleBroken::NotAllowed)
        }
    }

    /// Whether this member may change the roster, as of an entry of the structure
    /// log. Where no manager is left who could (none whose membership stands has a
    /// device whose chain holds), every contributor may, so that no channel is
    /// orphaned; the result must have a manager who can be reached.
    pub fn may_change(
        &self,
        id: &ProfessionalId,
        structure: &Structure,
        structure_seq: u64,
        time_ms: u64,
    ) -> Result<(), RuleBroken> {
        let asked = self.may(id, Operation::ChangeRoster, time_ms);
        let follows = self.may(id, Operation::FollowRoster, time_ms).is_ok();
        if asked.is_err() && follows && !self.is_led(structure, structure_seq, time_ms) {
            return Ok(());
        }
        asked
    }

    /// Whether a manager whose membership stands has a device whose chain holds.
    fn is_led(&self, structure: &Structure, structure_seq: u64, time_ms: u64) -> bool {
        structure.devices().any(|(id, device)| {
            self.may(&device.professional, Operation::ChangeRoster, time_ms)
                .is_ok()
                && structure.valid_device(id, structure_seq, time_ms).is_some()
        })
    }

    /// Members that are new or other than in the roster before.
    pub fn changed<'a>(&'a self, prior: &'a Self) -> impl Iterator<Item = &'a Member> {
        let other =
            |(id, member): &(&ProfessionalId, &Member)| prior.members.get(*id) != Some(*member);
        self.members.iter().filter(other).map(|(_, member)| member)
    }

    fn follows(&self, prior: &Self) -> Result<(), RuleBroken> {
        let successor = self.channel == prior.channel
            && Some(self.version) == prior.version.checked_add(1)
            && self.predecessor == prior.hash;
        if successor {
            Ok(())
        } else {
            Err(RuleBroken::NotSuccessor)
        }
    }

    fn verify(
        &self,
        structure: &Structure,
        structure_seq: u64,
        time_ms: u64,
    ) -> Result<(), RuleBroken> {
        structure
            .valid_device(&self.device, structure_seq, time_ms)
            .ok_or(RuleBroken::InvalidDevice)?;
        self.verify_signature(structure)
    }

    /// Verifies the signature of the device that authorised it, whether or not the
    /// device was revoked since: a later revocation changes no roster.
    pub fn verify_signature(&self, structure: &Structure) -> Result<(), RuleBroken> {
        let device = structure
            .device(&self.device)
            .ok_or(RuleBroken::InvalidDevice)?;
        label::verify(
            &device.key,
            Label::Roster,
            &self.signed.body,
            &self.signed.signature,
        )
        .map_err(|_| RuleBroken::Signature)
    }
}

/// Makes a roster: version 1 when there is no predecessor, else its successor.
pub fn sign_roster(
    channel: ChannelId,
    predecessor: Option<&CheckedRoster>,
    members: &BTreeMap<ProfessionalId, Member>,
    minimum_client_version: u32,
    device: DeviceId,
    key: &SigningKey,
) -> SignedRoster {
    let body = Roster {
        channel_id: channel.to_bytes(),
        version: predecessor.map_or(1, |p| p.version.saturating_add(1)),
        predecessor: predecessor
            .map_or_else(Vec::new, |p| p.hash.to_vec())
            .into(),
        members: members
            .iter()
            .map(|(id, member)| crate::v1::RosterMember {
                professional_id: id.to_bytes(),
                role: member.role.into(),
                expires_at_ms: member.expires_at_ms.unwrap_or(0),
            })
            .collect(),
        minimum_client_version,
        device_id: device.to_bytes(),
        structure_head: None,
    };
    sign_body(&body, key)
}

/// Makes the roster of a reboot: the successor with the same members.
pub fn sign_reboot(
    prior: &CheckedRoster,
    structure_head: LogHead,
    device: DeviceId,
    key: &SigningKey,
) -> SignedRoster {
    let version = prior.minimum_client_version;
    let plain = sign_roster(
        prior.channel,
        Some(prior),
        &prior.members,
        version,
        device,
        key,
    );
    let mut body = Roster::decode(plain.body).expect("encoded here");
    body.structure_head = Some(structure_head);
    sign_body(&body, key)
}

fn sign_body(body: &Roster, key: &SigningKey) -> SignedRoster {
    let body = body.encode_to_vec();
    SignedRoster {
        signature: label::sign(key, Label::Roster, &body),
        body: body.into(),
    }
}

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
    let coordinates = structure.is_coordinator(id) && prior.standing(id, time_ms).is_some();
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
            let by_manager = prior.may(who, Operation::ChangeRoster, time_ms).is_ok();
            if !by_manager && !next.is_led(structure, structure_seq, time_ms) {
                return Err(RuleBroken::NoManager);
            }
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

#[cfg(test)]
mod tests;
