//! The practice's root key: on paper, and replaced.

use relais_core::identity::{proposals, root};

/// Where the root key comes from, for one act that needs it.
#[derive(Clone)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
#[cfg_attr(
    feature = "web",
    derive(serde::Serialize, serde::Deserialize, ts_rs::TS),
    serde(
        tag = "type",
        rename_all = "camelCase",
        rename_all_fields = "camelCase"
    )
)]
pub enum RootAccess {
    /// It is still in this device's database.
    Held,
    /// A recovery kit.
    Kit {
        /// As printed or scanned.
        text: String,
        /// What the kit was made with.
        passphrase: String,
    },
    /// Enough recovery shares of one set.
    Shares {
        /// As printed or scanned.
        texts: Vec<String>,
    },
}

impl From<RootAccess> for root::RootAccess {
    fn from(access: RootAccess) -> Self {
        match access {
            RootAccess::Held => Self::Held,
            RootAccess::Kit { text, passphrase } => Self::Kit { text, passphrase },
            RootAccess::Shares { texts } => Self::Shares(texts),
        }
    }
}

/// A kit or a set of shares, made or tried on this device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(
    feature = "web",
    derive(serde::Serialize, serde::Deserialize, ts_rs::TS),
    serde(rename_all = "camelCase")
)]
pub struct Recovery {
    /// When the newest was made here, milliseconds since the Unix epoch.
    pub made_ms: Option<u64>,
    /// When one was last proved to open here, milliseconds since the Unix epoch.
    pub confirmed_ms: Option<u64>,
}

impl From<root::Recovery> for Recovery {
    fn from(recovery: root::Recovery) -> Self {
        Self {
            made_ms: recovery.made_ms,
            confirmed_ms: recovery.confirmed_ms,
        }
    }
}

/// How the practice would get its root key back, as far as this device knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(
    feature = "web",
    derive(serde::Serialize, serde::Deserialize, ts_rs::TS),
    serde(rename_all = "camelCase")
)]
pub struct RecoveryStatus {
    /// The root key is in this device's database.
    pub held: bool,
    /// The recovery kit, if this device knows of one.
    pub kit: Option<Recovery>,
    /// The recovery shares, if this device knows of any.
    pub shares: Option<Recovery>,
    /// Losing this device would lose the root key: the person makes a kit and tries it.
    pub needs_kit: bool,
}

impl From<root::RecoveryStatus> for RecoveryStatus {
    fn from(status: root::RecoveryStatus) -> Self {
        Self {
            held: status.held,
            kit: status.kit.map(Recovery::from),
            shares: status.shares.map(Recovery::from),
            needs_kit: status.needs_kit(),
        }
    }
}

/// What became of a proposal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
#[cfg_attr(
    feature = "web",
    derive(serde::Serialize, serde::Deserialize, ts_rs::TS),
    serde(rename_all = "camelCase")
)]
pub enum ProposalState {
    /// It waits for approvals, or for the server.
    Open,
    /// The new root is in force.
    Done,
    /// Another root was made meanwhile.
    Overtaken,
    /// Others coordinate than those who were to agree.
    CoordinatorsChanged,
    /// Not everybody approved in time.
    Lapsed,
}

/// Whether a coordinator agrees.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(
    feature = "web",
    derive(serde::Serialize, serde::Deserialize, ts_rs::TS),
    serde(rename_all = "camelCase")
)]
pub struct Approval {
    /// Id of the coordinator.
    pub person: String,
    /// Whether this device knows that they agree.
    pub agreed: bool,
}

/// A proposal to replace the root key.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(
    feature = "web",
    derive(serde::Serialize, serde::Deserialize, ts_rs::TS),
    serde(rename_all = "camelCase")
)]
pub struct RootProposal {
    /// Its id, for `Relais.approve_root_replacement`.
    pub proposal: String,
    /// Id of who proposes it.
    pub proposer: String,
    /// Their name, as far as it is known here.
    pub proposer_name: String,
    /// 60 digits of the new root; the proposer reads out the same.
    pub code: String,
    /// Server time, milliseconds since the Unix epoch.
    pub expires_at_ms: u64,
    /// Who is to agree.
    pub approvals: Vec<Approval>,
    /// What became of it.
    pub state: ProposalState,
}

/// A proposal's id as text.
pub(crate) fn proposal_text(id: &proposals::ProposalId) -> String {
    id.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl From<proposals::RootProposal> for RootProposal {
    fn from(proposal: proposals::RootProposal) -> Self {
        let approval =
            |(person, agreed): (relais_core::wire::ids::ProfessionalId, bool)| Approval {
                person: person.to_string(),
                agreed,
            };
        Self {
            proposal: proposal_text(&proposal.id),
            proposer: proposal.proposer.to_string(),
            proposer_name: proposal.proposer_name,
            code: proposal.code,
            expires_at_ms: proposal.expires_at_ms,
            approvals: proposal.approvals.into_iter().map(approval).collect(),
            state: match proposal.state {
                proposals::ProposalState::Open => ProposalState::Open,
                proposals::ProposalState::Done => ProposalState::Done,
                proposals::ProposalState::Overtaken => ProposalState::Overtaken,
                proposals::ProposalState::CoordinatorsChanged => ProposalState::CoordinatorsChanged,
                proposals::ProposalState::Lapsed => ProposalState::Lapsed,
            },
        }
    }
}

/// A root that was proposed: its id, and the kit of the new root.
#[derive(Clone)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(
    feature = "web",
    derive(serde::Serialize, serde::Deserialize, ts_rs::TS),
    serde(rename_all = "camelCase")
)]
pub struct ProposedRoot {
    /// Id of the proposal.
    pub proposal: String,
    /// The recovery kit: a secret, for paper.
    pub kit: String,
}
