//! Who is in a channel (architecture D11), and the one table of who may do what.
//! [`judge`] is the single point where a commit is judged: by the server before
//! it appends it, and by every client before it merges it, against the roster of
//! the **prior** epoch and the structure log at the head that the commit names.

mod judge;

use std::collections::BTreeMap;

use ed25519_dalek::SigningKey;
use prost::Message;

use crate::ids::{ChannelId, DeviceId, ProfessionalId};
use crate::label::{self, Label, hash};
use crate::limits;
use crate::structure::Structure;
use crate::v1::{ChannelRole, LogHead, Roster, SignedRoster};

pub use judge::{check_leaf, identify_leaf, judge, judge_creation, judge_reboot};

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

/// Whether somebody manages without an end.
pub fn has_lasting_manager(members: &BTreeMap<ProfessionalId, Member>) -> bool {
    let lasting = |m: &Member| m.role == ChannelRole::Manager && m.expires_at_ms.is_none();
    members.values().any(lasting)
}

/// Whether a manager whose membership stands has a device whose chain holds.
fn is_led(
    members: &BTreeMap<ProfessionalId, Member>,
    structure: &Structure,
    structure_seq: u64,
    time_ms: u64,
) -> bool {
    structure.devices().any(|(id, device)| {
        let member = members.get(&device.professional);
        let manages = |m: &Member| m.stands(time_ms) && allowed(m.role, Operation::ChangeRoster);
        member.is_some_and(manages) && structure.valid_device(id, structure_seq, time_ms).is_some()
    })
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
        if !has_lasting_manager(&members) {
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
        if asked.is_err() && follows && !is_led(&self.members, structure, structure_seq, time_ms) {
            return Ok(());
        }
        asked
    }

    /// Whether this member may make the circle out of these members: see
    /// [`Self::may_change`].
    ///
    /// # Errors
    /// [`RuleBroken::NoManager`] when nobody who can be reached would manage it; those of
    /// [`Self::may`].
    pub fn may_become(
        &self,
        id: &ProfessionalId,
        members: &BTreeMap<ProfessionalId, Member>,
        structure: &Structure,
        structure_seq: u64,
        time_ms: u64,
    ) -> Result<(), RuleBroken> {
        self.may_change(id, structure, structure_seq, time_ms)?;
        let by_manager = self.may(id, Operation::ChangeRoster, time_ms).is_ok();
        if by_manager || is_led(members, structure, structure_seq, time_ms) {
            Ok(())
        } else {
            Err(RuleBroken::NoManager)
        }
    }

    /// Members that are new or other than in the roster before.
    pub fn changed<'a>(&'a self, prior: &'a Self) -> impl Iterator<Item = &'a Member> {
        let other =
            |(id, member): &(&ProfessionalId, &Member)| prior.members.get(*id) != Some(*member);
        self.members.iter().filter(other).map(|(_, member)| member)
    }

    pub(super) fn follows(&self, prior: &Self) -> Result<(), RuleBroken> {
        let successor = self.channel == prior.channel
            && Some(self.version) == prior.version.checked_add(1)
            && self.predecessor == prior.hash;
        if successor {
            Ok(())
        } else {
            Err(RuleBroken::NotSuccessor)
        }
    }

    pub(super) fn verify(
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

#[cfg(test)]
mod tests;
