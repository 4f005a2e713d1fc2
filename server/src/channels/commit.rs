//! A commit: rebuilt, judged and merged on the public group before it becomes an
//! entry, so that an invalid one is refused instead of wedging the channel
//! (architecture D5). What only members can see (path secrets, tags) is not checked.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use openmls::messages::group_info::VerifiableGroupInfo;
use openmls::prelude::{
    ContentType, KeyPackageRef, LeafNodeIndex, MlsMessageBodyIn, ProcessedMessageContent, Proposal,
    PublicGroup, StagedCommit,
};
use openmls_rust_crypto::RustCrypto;
use prost::Message;
use relais_wire::RefusalCode;
use relais_wire::ids::{ChannelId, DeviceId, ProfessionalId};
use relais_wire::mls;
use relais_wire::roster::{self, CheckedRoster};
use relais_wire::structure::Structure;
use relais_wire::v1::{Answer, AppendCommit, CommitAad, answer};

use super::no_storage::NoStorage;
use super::public_group::{
    from_state, group_id, read_group_info, read_message, read_tree, rebuild, signed_by, write_tree,
};
use super::{Cell, Known, read_known};
use crate::app::App;
use crate::error::Refused;
use crate::hub::SpanChange;
use crate::operations::{Caller, Request, refusal, refuse, write};
use crate::store::{Channel, NewCommit, Operation, PublicState};

/// A commit that holds, and the group after it.
struct Judged {
    group: PublicGroup,
    roster: CheckedRoster,
    ratchet_tree: bytes::Bytes,
    joined: Vec<DeviceId>,
    left: Vec<DeviceId>,
    ended: Vec<(DeviceId, u64)>,
    valid_until_ms: Option<u64>,
}

/// What a commit is judged by, besides the group.
struct Judgement {
    channel: ChannelId,
    incarnation: u32,
    prior: Arc<Known>,
    structure: Arc<Structure>,
    device: DeviceId,
    send_counter: u64,
    time_ms: u64,
    request: AppendCommit,
}

/// Validates, writes and publishes a commit.
pub async fn append_commit(app: &App, request: Request, commit: AppendCommit) -> Answer {
    let Ok(channel) = ChannelId::try_from(&commit.channel_id) else {
        return refuse(app, request, RefusalCode::Malformed).await;
    };
    // An unknown channel gets no cell: a stranger cannot fill the cache.
    let stored = match present(app, &request, channel).await {
        Ok(stored) => stored,
        Err(Refused(code)) => return refuse(app, request, code).await,
    };
    let cell = app.channels.cell(channel);
    drop(stored);
    let mut slot = cell.group.lock().await;
    match validate(app, &request, channel, &cell, &mut slot, commit).await {
        Err(Refused(code)) => refuse(app, request, code).await,
        Ok((operation, judged)) => {
            let change = Arc::new(SpanChange {
                joined: judged.joined,
                left: judged.left,
            });
            let (incarnation, epoch) = (operation.incarnation, operation.epoch + 1);
            let operation = Operation::AppendCommit(operation);
            let applied = match write(app, request, operation).await {
                Ok(applied) => applied,
                Err(error) => {
                    // Whether it was written is unknown: read it back next time.
                    *slot = None;
                    cell.forget();
                    return refusal(request.send_counter, Refused::from(error).0);
                }
            };
            if applied.effects.is_empty()
                || !matches!(applied.answer.result, Some(answer::Result::Appended(_)))
            {
                *slot = None;
                cell.forget();
                return applied.answer;
            }
            *slot = Some(judged.group);
            // Before it is published: whoever read this commit may send in its epoch.
            cell.put(Known {
                incarnation,
                epoch,
                roster: judged.roster,
            });
            app.hub.publish(applied.effects, Some(change));
            applied.answer
        }
    }
}

async fn present(
    app: &App,
    request: &Request,
    channel: ChannelId,
) -> Result<Arc<Channel>, Refused> {
    let stored = app.store.channel(channel).await?;
    let stored = stored.ok_or(RefusalCode::NotFound)?;
    let Caller {
        device,
        professional,
        ..
    } = request.caller;
    // A device that is not in the group may come in by an external commit, if its
    // person is named; who sent the commit is judged with it.
    let named = || read_known(&stored).map(|k| k.roster.members.contains_key(&professional));
    if app.store.is_member(channel, device).await? || named()? {
        Ok(stored)
    } else {
        Err(RefusalCode::Forbidden.into())
    }
}

async fn validate(
    app: &App,
    request: &Request,
    channel: ChannelId,
    cell: &Cell,
    slot: &mut Option<PublicGroup>,
    commit: AppendCommit,
) -> Result<(NewCommit, Judged), Refused> {
    // Read again: the channel may have moved while we waited for its lock.
    let stored = present(app, request, channel).await?;
    if (commit.incarnation, commit.epoch) != (stored.incarnation, stored.epoch) {
        return Err(RefusalCode::WrongEpoch.into());
    }
    let structure = app.structure.now();
    let structure_seq = structure.head().seq;
    let cached = slot
        .take()
        .filter(|g| g.group_context().epoch().as_u64() == stored.epoch);
    let known = cell.known.lock().clone();
    let prior = match known {
        Some(k) if (k.incarnation, k.epoch) == (stored.incarnation, stored.epoch) => k,
        _ => Arc::new(read_known(&stored)?),
    };
    let judgement = Judgement {
        channel,
        incarnation: stored.incarnation,
        prior: prior.clone(),
        structure,
        device: request.caller.device,
        send_counter: request.send_counter,
        // The store dates the entry no earlier than its predecessor.
        time_ms: request.now_ms.max(stored.head_time_ms),
        request: commit.clone(),
    };
    let judged = app.heavy(move || {
        let mut group = match cached {
            Some(group) => group,
            None => match from_state(&stored.state) {
                Ok(group) => group,
                Err(_) => return (None, Err(Refused(RefusalCode::Unavailable))),
            },
        };
        match judgement.judge(&mut group) {
            Ok(judged) => (None, Ok(judged)),
            Err((refused, unchanged)) => (unchanged.then_some(group), Err(refused)),
        }
    });
    let (unchanged, judged) = judged
        .await
        .map_err(|_| Refused(RefusalCode::InvalidCommit))?;
    *slot = unchanged;
    let judged = judged?;
    let prior = &prior.roster.members;
    let next = &judged.roster.members;
    let missing = |from: &BTreeMap<ProfessionalId, _>, of: &BTreeMap<ProfessionalId, _>| {
        let names = of.keys().filter(|id| !from.contains_key(id));
        names.copied().collect()
    };
    let operation = NewCommit {
        channel,
        incarnation: commit.incarnation,
        epoch: commit.epoch,
        payload: commit.commit,
        structure_seq,
        state: PublicState {
            group_info: commit.group_info,
            ratchet_tree: judged.ratchet_tree.clone(),
        },
        joined: judged.joined.clone(),
        left: judged.left.clone(),
        ended: judged.ended.clone(),
        welcome: commit.welcome,
        named: missing(prior, next),
        unnamed: missing(next, prior),
        valid_until_ms: judged.valid_until_ms,
    };
    Ok((operation, judged))
}

/// Where a device's leaf stands.
fn place_of(group: &PublicGroup, device: DeviceId) -> Result<LeafNodeIndex, Refused> {
    let leaf = mls::leaves(group)?.into_iter().find(|l| l.device == device);
    leaf.and_then(|leaf| leaf.index)
        .map(LeafNodeIndex::new)
        .ok_or(Refused(RefusalCode::InvalidCommit))
}

/// When a commit would stop holding: the first end of its author's and its joiners'
/// memberships, and of those that it gives or changes.
fn valid_until(
    prior: &CheckedRoster,
    change: &mls::CommitChange,
    next: &CheckedRoster,
) -> Option<u64> {
    let end = |roster: &CheckedRoster, leaf: &mls::Leaf| {
        roster.members.get(&leaf.professional)?.expires_at_ms
    };
    let joiners = change.added.iter().filter_map(|leaf| end(next, leaf));
    let changed = next.changed(prior);
    joiners
        .chain(end(prior, &change.committer))
        .chain(changed.filter_map(|member| member.expires_at_ms))
        .min()
}

impl Judgement {
    /// The error says whether `group` is still what it was.
    fn judge(&self, group: &mut PublicGroup) -> Result<Judged, (Refused, bool)> {
        let (staged, change, roster) = self.stage(group).map_err(|r| (r, true))?;
        let info = read_group_info(&self.request.group_info).map_err(|r| (r, true))?;
        let invalid = Refused(RefusalCode::InvalidCommit);
        if info.group_context() != staged.group_context() {
            return Err((invalid, true));
        }
        let devices = |leaves: &[mls::Leaf]| leaves.iter().map(|leaf| leaf.device).collect();
        let (joined, left) = (devices(&change.added), devices(&change.removed));
        let ended = self.ended(&change);
        let valid_until_ms = valid_until(&self.prior.roster, &change, &roster);
        group
            .merge_commit(&NoStorage, *staged)
            .map_err(|_| (invalid, false))?;
        let committer = place_of(group, self.device).map_err(|r| (r, false))?;
        let after = self.rebuild_after(group, committer, info);
        let (group, ratchet_tree) = after.map_err(|r| (r, false))?;
        Ok(Judged {
            group,
            roster,
            ratchet_tree,
            joined,
            left,
            ended,
            valid_until_ms,
        })
    }

    /// Removed devices whose membership had ended before, with its end.
    fn ended(&self, change: &mls::CommitChange) -> Vec<(DeviceId, u64)> {
        let ended = |leaf: &mls::Leaf| {
            let member = self.prior.roster.members.get(&leaf.professional)?;
            let end = member.expires_at_ms?;
            (!member.stands(self.time_ms)).then_some((leaf.device, end))
        };
        change.removed.iter().filter_map(ended).collect()
    }

    fn stage(
        &self,
        group: &PublicGroup,
    ) -> Result<(Box<StagedCommit>, mls::CommitChange, CheckedRoster), Refused> {
        let invalid = Refused(RefusalCode::InvalidCommit);
        let MlsMessageBodyIn::PublicMessage(message) = read_message(&self.request.commit)? else {
            return Err(RefusalCode::Malformed.into());
        };
        let addressed = *message.group_id() == group_id(self.channel, self.incarnation)
            && message.epoch().as_u64() == self.request.epoch;
        if !addressed || message.content_type() != ContentType::Commit {
            return Err(RefusalCode::Malformed.into());
        }
        let crypto = RustCrypto::default();
        let processed = group
            .process_message(&crypto, message)
            .map_err(|_| invalid)?;
        let aad = CommitAad::decode(processed.aad())?;
        if aad.send_counter != self.send_counter {
            return Err(RefusalCode::Malformed.into());
        }
        let head = self.structure.head();
        if aad.structure_head.as_ref() != Some(&head) {
            return Err(RefusalCode::StaleStructure.into());
        }
        let sender = processed.sender().clone();
        let ProcessedMessageContent::StagedCommitMessage(staged) = processed.into_content() else {
            return Err(invalid);
        };
        let change = mls::read_commit(group, &sender, &staged)?;
        if change.committer.device != self.device {
            return Err(RefusalCode::Forbidden.into());
        }
        let prior = &self.prior.roster;
        let roster = roster::judge(&self.structure, head.seq, self.time_ms, prior, &change)?;
        self.check_welcome(&staged)?;
        Ok((staged, change, roster))
    }

    /// A Welcome if and only if somebody joins, and exactly for those who do.
    fn check_welcome(&self, staged: &StagedCommit) -> Result<(), Refused> {
        let invalid = Refused(RefusalCode::InvalidCommit);
        let crypto = RustCrypto::default();
        let mut joiners = BTreeSet::new();
        for queued in staged.queued_proposals() {
            let Proposal::Add(add) = queued.proposal() else {
                continue;
            };
            // A key package that runs out would make this very commit fail for
            // late members, and the group unreadable here (architecture D12).
            if *add.key_package().life_time() != mls::lifetime() {
                return Err(invalid);
            }
            let reference = add.key_package().hash_ref(&crypto).map_err(|_| invalid)?;
            joiners.insert(reference.as_slice().to_vec());
        }
        if joiners.is_empty() {
            return if self.request.welcome.is_empty() {
                Ok(())
            } else {
                Err(invalid)
            };
        }
        let MlsMessageBodyIn::Welcome(welcome) = read_message(&self.request.welcome)? else {
            return Err(invalid);
        };
        let reference = |r: KeyPackageRef| r.as_slice().to_vec();
        let named: Vec<_> = welcome
            .secrets()
            .iter()
            .map(|s| reference(s.new_member()))
            .collect();
        let exact = named.len() == joiners.len() && named.iter().all(|r| joiners.contains(r));
        let distinct = named.iter().collect::<BTreeSet<_>>().len() == named.len();
        if exact && distinct && u16::from(welcome.ciphersuite()) == self.structure.ciphersuite() {
            Ok(())
        } else {
            Err(invalid)
        }
    }

    /// The group as the next commit will find it: rebuilt from exactly the bytes
    /// that are stored, which proves that it can be.
    fn rebuild_after(
        &self,
        merged: &PublicGroup,
        committer: LeafNodeIndex,
        info: VerifiableGroupInfo,
    ) -> Result<(PublicGroup, bytes::Bytes), Refused> {
        let invalid = Refused(RefusalCode::InvalidCommit);
        if !signed_by(merged, committer, &info) {
            return Err(invalid);
        }
        let ratchet_tree = write_tree(merged)?;
        let rebuilt = rebuild(read_tree(&ratchet_tree)?, info)?;
        // With another tag, members and server would disagree on the next commit.
        let same = rebuilt.group_context() == merged.group_context()
            && rebuilt.confirmation_tag() == merged.confirmation_tag();
        if same {
            Ok((rebuilt, ratchet_tree))
        } else {
            Err(invalid)
        }
    }
}

#[cfg(test)]
mod tests;
