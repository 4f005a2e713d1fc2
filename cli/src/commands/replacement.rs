//! Replacing the root's key: with the old one, or by all coordinators together.

use std::path::PathBuf;

use clap::Args;
use relais_core::Engine;
use relais_core::identity::proposals::{ProposalState, RootProposal};
use serde::Serialize;

use super::recovery::Made;
use super::root::{NewKitPassphrase, RootOptions};
use crate::failure::{Candidate, Failure, Result};
use crate::render::{Shown, Text, View};
use crate::resolve;
use crate::session::Session;
use crate::view::{PersonRef, QUEUED, short};

/// Replace the practice's root key by a new one, of which the kit is printed
///
/// With the old key (on this device, or by --kit or --share) it is done at once. If the
/// old key is lost, --together asks all coordinators, who must approve within 7 days.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  relais recovery replace-root --kit kit.txt --out new-kit.txt
  relais recovery replace-root --together --out new-kit.txt")]
pub struct ReplaceRoot {
    /// Without the old key: every coordinator approves
    #[arg(long, conflicts_with_all = ["kit", "share"])]
    together: bool,
    /// File to make for the new kit, readable by you alone [default: the standard output]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    new_passphrase: NewKitPassphrase,
    #[command(flatten)]
    root: RootOptions,
}

/// A proposal of a new root.
#[derive(Debug, Serialize)]
pub struct ProposalView {
    id: String,
    proposer: PersonRef,
    /// 60 digits that the proposer reads out.
    code: String,
    expires_ms: u64,
    agreed: Vec<PersonRef>,
    missing: Vec<PersonRef>,
    /// `open`, `done`, `overtaken`, `coordinators_changed` or `lapsed`.
    state: &'static str,
}

impl ProposalView {
    fn of(engine: &Engine, proposal: RootProposal) -> Self {
        let who = |agrees: bool| {
            let some = proposal.approvals.iter().filter(|(_, a)| **a == agrees);
            some.map(|(id, _)| PersonRef::of(engine, *id)).collect()
        };
        Self {
            id: hex::encode(proposal.id),
            proposer: PersonRef::of(engine, proposal.proposer),
            agreed: who(true),
            missing: who(false),
            code: proposal.code,
            expires_ms: proposal.expires_at_ms,
            state: match proposal.state {
                ProposalState::Open => "open",
                ProposalState::Done => "done",
                ProposalState::Overtaken => "overtaken",
                ProposalState::CoordinatorsChanged => "coordinators_changed",
                ProposalState::Lapsed => "lapsed",
            },
        }
    }

    /// All that this device knows.
    ///
    /// # Errors
    /// Of the engine.
    pub fn all(engine: &Engine) -> Result<Vec<Self>> {
        let proposals = engine.root_proposals()?.into_iter();
        Ok(proposals.map(|p| Self::of(engine, p)).collect())
    }

    /// Writes it for people.
    pub fn plain(&self, text: &mut Text) {
        let (id, name, state) = (short(&self.id), &self.proposer.name, self.state);
        text.line(format_args!(
            "  new root {id} proposed by {name}: {}",
            state.replace('_', " ")
        ));
        if self.state == "open" {
            let names = |people: &[PersonRef]| {
                let names: Vec<&str> = people.iter().map(|p| p.name.as_str()).collect();
                names.join(", ")
            };
            text.line(format_args!("    its code: {}", self.code));
            text.line(format_args!("    agreed: {}", names(&self.agreed)));
            text.line(format_args!("    missing here: {}", names(&self.missing)));
        }
    }
}

#[derive(Debug, Serialize)]
struct Replaced {
    #[serde(flatten)]
    kit: Made,
    /// With --together.
    proposal: Option<ProposalView>,
    queued: bool,
}

impl ReplaceRoot {
    pub(super) async fn run(self, session: &mut Session) -> Result<Shown> {
        let passphrase = self.new_passphrase.read()?;
        let (kit, proposal) = if self.together {
            let proposed = session.act(move |e| {
                let (id, kit) = e.propose_root_replacement(&passphrase)?;
                let known = e.root_proposals()?.into_iter().find(|p| p.id == id);
                Ok((kit, known.map(|p| ProposalView::of(e, p))))
            });
            proposed.await?
        } else {
            let access = self.root.access()?;
            let replaced = session.act(move |e| Ok(e.replace_root(&access, &passphrase)?));
            (replaced.await?, None)
        };
        let kit = Made::of(vec![kit], self.out.into_iter().collect())?;
        let left = session.wait(|e| Ok(e.sync_state()?.waiting == 0)).await?;
        Ok(Replaced {
            kit,
            proposal,
            queued: !left,
        }
        .into())
    }
}

impl View for Replaced {
    fn plain(&self, text: &mut Text) {
        self.kit.plain(text);
        if let Some(proposal) = &self.proposal {
            proposal.plain(text);
            text.note("the others: relais recovery status, then relais recovery approve");
        }
        if self.queued {
            text.note(QUEUED);
        }
    }

    fn says_queued(&self) -> bool {
        self.queued
    }
}

/// Approve a new root that another coordinator proposes
///
/// First compare the code that `relais recovery status` shows with the proposer.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  relais recovery approve 3f2a91c0")]
pub struct Approve {
    /// Beginning of the proposal's id
    proposal: String,
}

#[derive(Debug, Serialize)]
struct Approved {
    proposal: ProposalView,
    queued: bool,
}

impl Approve {
    pub(super) async fn run(self, session: &mut Session) -> Result<Shown> {
        let query = self.proposal;
        let proposal = session
            .act(move |e| {
                let known = e.root_proposals()?;
                let candidate = |p: &RootProposal| Candidate {
                    id: hex::encode(p.id),
                    label: p.proposer_name.clone(),
                };
                let candidates: Vec<_> = known.iter().map(candidate).collect();
                let id = known[resolve::pick("proposal", &query, &candidates)?].id;
                e.approve_root_replacement(&id)?;
                let known = e.root_proposals()?.into_iter().find(|p| p.id == id);
                let missing = || Failure::from(relais_core::Error::Unknown("proposal"));
                known.map(|p| ProposalView::of(e, p)).ok_or_else(missing)
            })
            .await?;
        let left = session.wait(|e| Ok(e.sync_state()?.waiting == 0)).await?;
        Ok(Approved {
            proposal,
            queued: !left,
        }
        .into())
    }
}

impl View for Approved {
    fn plain(&self, text: &mut Text) {
        self.proposal.plain(text);
        if self.queued {
            text.note(QUEUED);
        }
    }

    fn says_queued(&self) -> bool {
        self.queued
    }
}
