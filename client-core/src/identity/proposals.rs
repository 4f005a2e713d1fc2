//! A new root without the old one: one coordinator proposes it, every other person
//! approves, and the proposer's device says it with all signatures (architecture D7).
//!
//! Only facts are stored; what has become of a proposal follows from them and the
//! structure log, so nothing that a server holds back or repeats changes it.

mod store;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use ed25519_dalek::SigningKey;
use prost::Message;
use prost::bytes::Bytes;
use relais_content::v1::{self as content, sealed_body};
use relais_wire::ids::{DeviceId, ProfessionalId};
use relais_wire::label::{self, Label, hash};
use relais_wire::limits;
use relais_wire::structure::PublicKey;
use relais_wire::v1::{RootReplaced, Statement, StatementKind};

use super::root::RecoveryText;
use super::safety::digits;
use crate::engine::{Engine, Event};
use crate::error::{Denial, Error, Result};
use crate::outbox::intent::Wish;

/// Names a proposal: a hash of what is signed.
pub type ProposalId = [u8; 32];

/// What has become of a proposal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProposalState {
    /// It waits for approvals, or for the server.
    Open,
    /// The structure log shows it.
    Done,
    /// Another root was made meanwhile.
    Overtaken,
    /// Others coordinate than those who were to agree.
    CoordinatorsChanged,
    /// Not everybody approved in time.
    Lapsed,
}

/// A proposal to replace the root's key, as a person decides on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RootProposal {
    /// For [`Engine::approve_root_replacement`].
    pub id: ProposalId,
    /// Who proposes it.
    pub proposer: ProfessionalId,
    /// Their name, as far as known.
    pub proposer_name: String,
    /// 60 digits of the new root: the proposer reads out the same.
    pub code: String,
    /// Milliseconds since the Unix epoch, by the server's clock.
    pub expires_at_ms: u64,
    /// Who is to agree, and whether this device knows that they do.
    pub approvals: BTreeMap<ProfessionalId, bool>,
    /// What has become of it.
    pub state: ProposalState,
}

/// A stored proposal.
struct Stored {
    id: ProposalId,
    encoded: Bytes,
    body: RootReplaced,
    /// The new root's.
    signature: Bytes,
    proposer: ProfessionalId,
    device: DeviceId,
    sent: bool,
}

impl Stored {
    /// Of bytes that came from somebody: `None` unless the new root signed them.
    fn read(encoded: Bytes, signature: Bytes, by: (ProfessionalId, DeviceId)) -> Option<Self> {
        let body = RootReplaced::decode(encoded.clone()).ok()?;
        label::verify(&body.root_key, Label::RootReplaced, &encoded, &signature).ok()?;
        Some(Self {
            id: hash(Label::RootProposal, &[&encoded]),
            encoded,
            body,
            signature,
            proposer: by.0,
            device: by.1,
            sent: false,
        })
    }

    fn root_key(&self) -> Option<PublicKey> {
        self.body.root_key.as_ref().try_into().ok()
    }

    fn listed(&self) -> Vec<ProfessionalId> {
        let ids = self.body.coordinators.iter().map(ProfessionalId::try_from);
        ids.flatten().collect()
    }
}

/// By how much a proposer's clock may be ahead of this device's.
const CLOCKS_MS: u64 = 24 * 3_600_000;

impl Engine {
    /// Proposes a root that is made here, when the old one is lost: every other
    /// coordinator must approve. Answers the proposal and the kit of the new root. A
    /// proposal that was open here before is dropped.
    ///
    /// # Errors
    /// [`Error::NotAllowed`] unless this person is one of at least two coordinators,
    /// [`Error::Recovery`] for a weak passphrase.
    pub fn propose_root_replacement(
        &mut self,
        passphrase: &str,
    ) -> Result<(ProposalId, RecoveryText)> {
        self.require_coordinator()?;
        let coordinators: Vec<ProfessionalId> = self.structure.coordinators().collect();
        if coordinators.len() < 2 {
            return Err(Error::NotAllowed(Denial::TwoCoordinators));
        }
        let new = self.new_root(passphrase)?;
        let listed = coordinators.iter().map(|id| id.to_bytes()).collect();
        let encoded: Bytes = self
            .root_replacement(&new.seed, listed)?
            .encode_to_vec()
            .into();
        let key = SigningKey::from_bytes(&new.seed);
        let signature = label::sign(&key, Label::RootReplaced, &encoded);
        let identity = self.identity()?;
        let (me, device) = (identity.professional(), identity.device());
        let own = label::sign(&identity.professional_key()?, Label::RootReplaced, &encoded);
        let proposal = Stored::read(encoded, signature, (me, device));
        let proposal = proposal.ok_or(Error::Corrupt("proposal"))?;
        self.transaction(|engine| {
            engine.hold_new_root(&new)?;
            engine.keep_proposal(&proposal)?;
            engine.keep_approval(&proposal.id, &me, &own)?;
            let item = sealed_body::Item::RootProposal(content::RootProposal {
                body: proposal.encoded.clone(),
                signature: proposal.signature.clone(),
            });
            let receivers = engine.devices_of(|id| id != me && coordinators.contains(&id));
            for (device, sealing_key) in receivers {
                engine.seal_to(device, &sealing_key, item.clone())?;
            }
            Ok(())
        })?;
        Ok((proposal.id, new.kit))
    }

    fn devices_of(&self, whose: impl Fn(ProfessionalId) -> bool) -> Vec<(DeviceId, Vec<u8>)> {
        let seq = self.structure.head().seq;
        let valid = |id: &DeviceId| self.structure.valid_device(id, seq, self.now_ms).is_some();
        self.structure
            .devices()
            .filter(|(id, device)| whose(device.professional) && valid(id))
            .map(|(id, device)| (*id, device.sealing_key.clone()))
            .collect()
    }

    /// A coordinator's device proposes a new root: shown until a person decides. One
    /// that says nothing new, is not meant for this person or does not hold is dropped.
    pub(crate) fn root_proposed(
        &mut self,
        proposal: &content::RootProposal,
        by: (ProfessionalId, DeviceId),
    ) -> Result<()> {
        let read = Stored::read(proposal.body.clone(), proposal.signature.clone(), by);
        let Some(proposal) = read else {
            return Ok(());
        };
        let me = self.identity()?.professional();
        let (listed, expires) = (proposal.listed(), proposal.body.expires_at_ms);
        let ours = self.structure.id().map(|id| id.to_bytes()).as_ref()
            == Some(&proposal.body.structure_id);
        let concerns = by.0 != me && listed.contains(&me) && listed.contains(&by.0);
        let lasting = expires > self.now_ms + limits::ROOT_REPLACEMENT_MS + CLOCKS_MS;
        // Whether it is open is asked later: the structure log may not be up to date.
        // Of one proposer the newest counts, whatever order the server shows.
        let newer = self
            .proposals()?
            .iter()
            .all(|known| known.proposer != by.0 || known.body.expires_at_ms < expires);
        if ours && concerns && newer && !lasting {
            self.keep_proposal(&proposal)?;
            self.events.push_back(Event::RootProposed(by.0));
        }
        Ok(())
    }

    /// This person agrees, after comparing the code with the proposer. Their signature
    /// goes to the proposer's device.
    ///
    /// # Errors
    /// [`Error::Unknown`] proposal; [`Error::NotAllowed`] when it is not open any more,
    /// or the device that proposed it is gone.
    pub fn approve_root_replacement(&mut self, id: &ProposalId) -> Result<()> {
        let proposal = self.proposal(id)?.ok_or(Error::Unknown("proposal"))?;
        if self.state_of(&proposal) != ProposalState::Open {
            return Err(Error::NotAllowed(Denial::ProposalClosed));
        }
        let identity = self.identity()?;
        let me = identity.professional();
        if proposal.proposer == me {
            return Err(Error::NotAllowed(Denial::OwnProposal));
        }
        let key = identity.professional_key()?;
        let signature = label::sign(&key, Label::RootReplaced, &proposal.encoded);
        let receiver = self.devices_of(|id| id == proposal.proposer);
        let receiver = receiver.into_iter().find(|(id, _)| *id == proposal.device);
        let (device, sealing_key) = receiver.ok_or(Error::NotAllowed(Denial::ProposerGone))?;
        let item = sealed_body::Item::RootApproval(content::RootApproval {
            proposal: id.to_vec().into(),
            signature: signature.clone(),
        });
        self.transaction(|engine| {
            engine.keep_approval(id, &me, &signature)?;
            engine.seal_to(device, &sealing_key, item)
        })
    }

    /// Another coordinator agrees to what was proposed here.
    pub(crate) fn root_approved(
        &mut self,
        approval: &content::RootApproval,
        by: ProfessionalId,
    ) -> Result<()> {
        let Ok(id) = ProposalId::try_from(approval.proposal.as_ref()) else {
            return Ok(());
        };
        let Some(proposal) = self.proposal(&id)? else {
            return Ok(());
        };
        if proposal.device != self.identity()?.device()
            || !self.agreed(&proposal, by, &approval.signature)
        {
            return Ok(());
        }
        self.keep_approval(&id, &by, &approval.signature)?;
        self.events.push_back(Event::PeopleChanged);
        self.complete_proposals()
    }

    /// Whether this is the present signature of somebody who is to agree.
    fn agreed(&self, proposal: &Stored, by: ProfessionalId, signature: &[u8]) -> bool {
        let person = self.structure.professional(&by);
        let signed = person.is_some_and(|p| {
            label::verify(
                &p.newest().key,
                Label::RootReplaced,
                &proposal.encoded,
                signature,
            )
            .is_ok()
        });
        signed && proposal.listed().contains(&by)
    }

    /// Says what everybody agreed to, once.
    pub(super) fn complete_proposals(&mut self) -> Result<()> {
        let Ok(device) = self.identity().map(|identity| identity.device()) else {
            return Ok(());
        };
        for proposal in self.proposals()? {
            let mine = proposal.device == device && !proposal.sent;
            if !mine || self.state_of(&proposal) != ProposalState::Open {
                continue;
            }
            let approvals = self.approvals(&proposal.id)?;
            let agreed: Vec<Bytes> = proposal
                .listed()
                .into_iter()
                .filter_map(|id| Some((id, approvals.get(&id)?)))
                .filter(|(id, signature)| self.agreed(&proposal, *id, signature))
                .map(|(_, signature)| signature.clone())
                .collect();
            if agreed.len() < proposal.body.coordinators.len() {
                continue;
            }
            let statement = Statement {
                kind: StatementKind::RootReplaced.into(),
                body: proposal.encoded.clone(),
                signatures: [vec![proposal.signature.clone()], agreed].concat(),
            };
            self.db
                .prepare_cached("UPDATE root_proposals SET sent = 1 WHERE proposal = ?1")?
                .execute([proposal.id])?;
            self.want(
                None,
                Wish::Statements(vec![statement.encode_to_vec().into()]),
            )?;
        }
        Ok(())
    }

    /// Proposals of this practice that this device knows, the newest of each proposer.
    ///
    /// # Errors
    /// Of the database.
    pub fn root_proposals(&self) -> Result<Vec<RootProposal>> {
        let mut list = Vec::new();
        for proposal in self.proposals()? {
            let known = self.approvals(&proposal.id)?;
            let listed = proposal.listed().into_iter();
            // Whoever proposes agrees.
            let agrees = |id| known.contains_key(&id) || id == proposal.proposer;
            list.push(RootProposal {
                id: proposal.id,
                proposer: proposal.proposer,
                proposer_name: self.name(&proposal.proposer),
                code: digits(Label::RootCode, &[&proposal.body.root_key]),
                expires_at_ms: proposal.body.expires_at_ms,
                approvals: listed.map(|id| (id, agrees(id))).collect(),
                state: self.state_of(&proposal),
            });
        }
        Ok(list)
    }

    fn state_of(&self, proposal: &Stored) -> ProposalState {
        let root = proposal.root_key();
        if root.is_some_and(|key| self.structure.roots().contains(&key)) {
            return ProposalState::Done;
        }
        if proposal.body.replaces.as_ref() != self.structure.root_key() {
            return ProposalState::Overtaken;
        }
        if self.structure.coordinators().collect::<Vec<_>>() != proposal.listed() {
            return ProposalState::CoordinatorsChanged;
        }
        match self.now_ms < proposal.body.expires_at_ms {
            true => ProposalState::Open,
            false => ProposalState::Lapsed,
        }
    }
}
