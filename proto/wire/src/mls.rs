//! MLS parameters that every party must agree on, and what a commit changes.
//!
//! Server (`PublicGroup`) and client (`MlsGroup`) read a commit with the same
//! code, so that [`crate::roster::judge`] gives both the same answer.

use openmls::prelude::{
    Capabilities, Ciphersuite, Credential, CredentialType, Extension, ExtensionType, Extensions,
    GroupContext, KeyPackage, LeafNode, LeafNodeIndex, Lifetime, Proposal, ProposalOrRefType,
    PublicGroup, RequiredCapabilitiesExtension, Sender, StagedCommit, UnknownExtension,
};
use openmls::treesync::LeafNodeSource;
use prost::Message;

use crate::ids::{DeviceId, ProfessionalId, StructureId};
use crate::v1::{LeafCredential, SignedRoster};

/// X-Wing (X25519 + ML-KEM-768), AES-128-GCM, SHA-256, Ed25519: the default,
/// because health secrets live for decades.
pub const SUITE_XWING: u16 = 0x004F;
/// X25519, AES-128-GCM, SHA-256, Ed25519 (RFC 9420 §17.1).
pub const SUITE_X25519: u16 = 0x0001;
/// The suites that a structure may choose from.
pub const SUITES: [u16; 2] = [SUITE_XWING, SUITE_X25519];

/// Private-use credential type (RFC 9420 §17.5) of a [`LeafCredential`].
pub const CREDENTIAL_TYPE: u16 = 0xF0A1;
/// Private-use extension type (RFC 9420 §17.3) of the [`SignedRoster`].
pub const ROSTER_EXTENSION: u16 = 0xF0A2;

/// Length to which application messages are padded, bytes.
pub const PADDING: usize = 256;

/// The MLS cipher suite of a structure's number.
pub fn ciphersuite(number: u16) -> Option<Ciphersuite> {
    SUITES
        .contains(&number)
        .then(|| Ciphersuite::try_from(number).ok())
        .flatten()
}

/// Capabilities that every leaf carries: nothing that Relais does not use.
pub fn capabilities(suite: Ciphersuite) -> Capabilities {
    Capabilities::new(
        None,
        Some(&[suite]),
        // A key package may only carry an extension that its leaf supports
        // (RFC 9420 §10.1), and the last one handed out is marked as such.
        Some(&[
            ExtensionType::Unknown(ROSTER_EXTENSION),
            ExtensionType::LastResort,
        ]),
        Some(&[]),
        Some(&[CredentialType::Other(CREDENTIAL_TYPE)]),
    )
}

/// Key packages and leaves say this and nobody judges by it (architecture D12):
/// 1970 to 2100.
pub fn lifetime() -> Lifetime {
    Lifetime::init(0, 4_102_444_800)
}

/// A leaf's credential.
pub fn credential(
    structure: StructureId,
    professional: ProfessionalId,
    device: DeviceId,
    device_key: &[u8; 32],
) -> Credential {
    let content = LeafCredential {
        structure_id: structure.to_bytes(),
        professional_id: professional.to_bytes(),
        device_id: device.to_bytes(),
        device_key: device_key.to_vec().into(),
    };
    Credential::new(
        CredentialType::Other(CREDENTIAL_TYPE),
        content.encode_to_vec(),
    )
}

/// What a leaf says about its owner; believed only after
/// [`crate::roster::check_leaf`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leaf {
    /// Position in the tree, where it has one.
    pub index: Option<u32>,
    /// Structure of the credential.
    pub structure: StructureId,
    /// Professional of the credential.
    pub professional: ProfessionalId,
    /// Device of the credential.
    pub device: DeviceId,
    /// Signature key of the leaf, which the credential repeats.
    pub key: [u8; 32],
}

impl Leaf {
    /// Whether both are of the same device with the same key, wherever they stand.
    pub fn same_owner(&self, other: &Self) -> bool {
        let anywhere = Self {
            index: other.index,
            ..self.clone()
        };
        anywhere == *other
    }
}

/// Why MLS material is not acceptable to Relais.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MlsFormatError {
    /// Not our credential type, or it does not decode, or holds more than its
    /// fields, or its key is not the leaf's signature key.
    #[error("foreign or malformed leaf credential")]
    Credential,
    /// The group context lacks a roster or has an extension that is not ours.
    #[error("foreign or malformed group context")]
    GroupContext,
    /// A leaf whose lifetime is not [`lifetime`]: once it has expired, nobody could
    /// process the commit that adds it, nor load a tree that holds it.
    #[error("leaf with a lifetime of its own")]
    Lifetime,
    /// A proposal that Relais does not use, or one sent by reference.
    #[error("unexpected proposal")]
    Proposal,
    /// The commit was sent neither by a member nor by somebody who joins with it.
    #[error("unexpected sender")]
    Sender,
}

/// Reads a leaf's credential and requires its key to be the signature key.
pub fn read_leaf(
    index: Option<LeafNodeIndex>,
    credential: &Credential,
    signature_key: &[u8],
) -> Result<Leaf, MlsFormatError> {
    if credential.credential_type() != CredentialType::Other(CREDENTIAL_TYPE) {
        return Err(MlsFormatError::Credential);
    }
    let bad = |_| MlsFormatError::Credential;
    let content = LeafCredential::decode(credential.serialized_content())
        .map_err(|_| MlsFormatError::Credential)?;
    let key: [u8; 32] = content.device_key[..]
        .try_into()
        .map_err(|_| MlsFormatError::Credential)?;
    // Encoded again it is the same, so it holds nothing else and never changes.
    if key != signature_key || content.encode_to_vec() != credential.serialized_content() {
        return Err(MlsFormatError::Credential);
    }
    Ok(Leaf {
        index: index.map(|i| i.u32()),
        structure: StructureId::try_from(&content.structure_id).map_err(bad)?,
        professional: ProfessionalId::try_from(&content.professional_id).map_err(bad)?,
        device: DeviceId::try_from(&content.device_id).map_err(bad)?,
        key,
    })
}

fn check_lifetime(leaf: &LeafNode) -> Result<(), MlsFormatError> {
    match leaf.leaf_node_source() {
        // Only a leaf as it was in its key package has one (RFC 9420 §7.2).
        LeafNodeSource::KeyPackage(own) if *own != lifetime() => Err(MlsFormatError::Lifetime),
        _ => Ok(()),
    }
}

/// Reads the leaf that a key package becomes when it is added.
pub fn read_key_package(package: &KeyPackage) -> Result<Leaf, MlsFormatError> {
    let leaf = package.leaf_node();
    check_lifetime(leaf)?;
    read_leaf(None, leaf.credential(), leaf.signature_key().as_slice())
}

/// The leaves of a group, in tree order.
pub fn leaves(group: &PublicGroup) -> Result<Vec<Leaf>, MlsFormatError> {
    group
        .members()
        .map(|m| {
            group.leaf(m.index).map_or(Ok(()), check_lifetime)?;
            read_leaf(Some(m.index), &m.credential, &m.signature_key)
        })
        .collect()
}

/// The group-context extensions of a channel: required capabilities (without
/// which the roster could not be changed later) and the roster.
pub fn group_extensions(roster: &SignedRoster) -> Extensions<GroupContext> {
    let required = RequiredCapabilitiesExtension::new(
        &[ExtensionType::Unknown(ROSTER_EXTENSION)],
        &[],
        &[CredentialType::Other(CREDENTIAL_TYPE)],
    );
    Extensions::from_vec(vec![
        Extension::RequiredCapabilities(required),
        Extension::Unknown(ROSTER_EXTENSION, UnknownExtension(roster.encode_to_vec())),
    ])
    .expect("two extensions of different types that a group context may hold")
}

/// Reads the roster out of a group context and requires that nothing else than
/// [`group_extensions`] is there.
pub fn roster_of(extensions: &Extensions<GroupContext>) -> Result<SignedRoster, MlsFormatError> {
    let roster = extensions
        .unknown(ROSTER_EXTENSION)
        .ok_or(MlsFormatError::GroupContext)?;
    let roster =
        SignedRoster::decode(roster.0.as_slice()).map_err(|_| MlsFormatError::GroupContext)?;
    if *extensions == group_extensions(&roster) {
        Ok(roster)
    } else {
        Err(MlsFormatError::GroupContext)
    }
}

/// What a commit changes, in the words that the rules are written in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitChange {
    /// The leaf that made it; without an index when it comes in with this commit.
    pub committer: Leaf,
    /// An external commit (RFC 9420 §12.4.3.2): the committer is the only leaf that
    /// it adds, and its own old leaf the only one that it can remove.
    pub external: bool,
    /// All leaves before it.
    pub before: Vec<Leaf>,
    /// Leaves that it adds.
    pub added: Vec<Leaf>,
    /// Leaves that it removes.
    pub removed: Vec<Leaf>,
    /// The roster that it puts in place, if it changes.
    pub roster: Option<SignedRoster>,
}

/// Reads a staged commit of `sender` against the group before it.
///
/// # Errors
/// When it holds anything but inline Add, Remove and our GroupContextExtensions
/// proposals, or changes the committer's credential (requirement M5). An external
/// commit may hold its ExternalInit and the removal of the same device's old leaf
/// (requirement M2).
pub fn read_commit(
    group: &PublicGroup,
    sender: &Sender,
    commit: &StagedCommit,
) -> Result<CommitChange, MlsFormatError> {
    let before = leaves(group)?;
    let at = |index: LeafNodeIndex| {
        before
            .iter()
            .find(|leaf| leaf.index == Some(index.u32()))
            .cloned()
            .ok_or(MlsFormatError::Sender)
    };
    let path_leaf = commit
        .update_path_leaf_node()
        .map(|leaf| read_leaf(None, leaf.credential(), leaf.signature_key().as_slice()))
        .transpose()?;
    let (committer, external) = match sender {
        Sender::Member(index) => (at(*index)?, false),
        Sender::NewMemberCommit => (path_leaf.clone().ok_or(MlsFormatError::Sender)?, true),
        _ => return Err(MlsFormatError::Sender),
    };
    if path_leaf.is_some_and(|renewed| !renewed.same_owner(&committer)) {
        return Err(MlsFormatError::Credential);
    }
    let mut change = CommitChange {
        committer,
        external,
        added: Vec::new(),
        removed: Vec::new(),
        roster: None,
        before: Vec::new(),
    };
    for queued in commit.queued_proposals() {
        // Invariant: proposals travel inline, from the committer (architecture D5).
        let inline = queued.proposal_or_ref_type() == ProposalOrRefType::Proposal;
        if !inline || queued.sender() != sender {
            return Err(MlsFormatError::Proposal);
        }
        match queued.proposal() {
            Proposal::ExternalInit(_) if external => {}
            Proposal::Remove(remove) => {
                let removed = at(remove.removed())?;
                if external && !removed.same_owner(&change.committer) {
                    return Err(MlsFormatError::Proposal);
                }
                change.removed.push(removed);
            }
            Proposal::Add(add) if !external => {
                change.added.push(read_key_package(add.key_package())?);
            }
            Proposal::GroupContextExtensions(extensions)
                if !external && change.roster.is_none() =>
            {
                change.roster = Some(roster_of(extensions.extensions())?);
            }
            _ => return Err(MlsFormatError::Proposal),
        }
    }
    if external {
        change.added.push(change.committer.clone());
    }
    change.before = before;
    Ok(change)
}

#[cfg(test)]
mod tests;
