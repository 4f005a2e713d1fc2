//! Public MLS groups from and to stored bytes. Synchronous and heavy (a signature
//! per leaf): callers run it off the async threads.

use bytes::Bytes;
use openmls::group::GroupId;
use openmls::messages::group_info::VerifiableGroupInfo;
use openmls::prelude::{
    ExtensionType, LeafNodeIndex, MlsMessageBodyIn, MlsMessageIn, OpenMlsSignaturePublicKey,
    ProposalStore, PublicGroup, RatchetTreeIn, Verifiable,
};
use openmls_rust_crypto::RustCrypto;
use relais_wire::RefusalCode;
use relais_wire::ids::ChannelId;
use relais_wire::mls;
use relais_wire::roster::CheckedRoster;
use tls_codec::{Deserialize, Serialize};

use super::no_storage::NoStorage;
use crate::error::Refused;
use crate::store::PublicState;

/// MLS group id: the channel's id, then the incarnation as four bytes, big endian.
pub fn group_id(channel: ChannelId, incarnation: u32) -> GroupId {
    let mut id = Vec::with_capacity(20);
    id.extend_from_slice(channel.as_ref());
    id.extend_from_slice(&incarnation.to_be_bytes());
    GroupId::from_slice(&id)
}

/// Reads exactly one `MLSMessage` (RFC 9420 §6).
pub fn read_message(bytes: &[u8]) -> Result<MlsMessageBodyIn, Refused> {
    MlsMessageIn::tls_deserialize_exact(bytes)
        .map(MlsMessageIn::extract)
        .map_err(|_| RefusalCode::Malformed.into())
}

/// Reads an `MLSMessage` with a GroupInfo in its only encoding, without a tree or
/// any extension but the external public key.
pub fn read_group_info(bytes: &[u8]) -> Result<VerifiableGroupInfo, Refused> {
    let malformed = Refused(RefusalCode::Malformed);
    let message = MlsMessageIn::tls_deserialize_exact(bytes).map_err(|_| malformed)?;
    let canonical = message.tls_serialize_detached().map_err(|_| malformed)?;
    let MlsMessageBodyIn::GroupInfo(info) = message.extract() else {
        return Err(malformed);
    };
    let known = |e: &openmls::prelude::Extension| e.extension_type() == ExtensionType::ExternalPub;
    if canonical != bytes || !info.extensions().iter().all(known) {
        return Err(malformed);
    }
    Ok(info)
}

/// The roster inside an encoded GroupInfo.
pub fn roster_in(group_info: &[u8]) -> Result<CheckedRoster, Refused> {
    let info = read_group_info(group_info)?;
    let signed = mls::roster_of(info.group_context().extensions())?;
    Ok(CheckedRoster::read(&signed)?)
}

/// Rebuilds a group; verifies the tree, each leaf and the GroupInfo's signature.
pub fn rebuild(tree: RatchetTreeIn, info: VerifiableGroupInfo) -> Result<PublicGroup, Refused> {
    let crypto = RustCrypto::default();
    PublicGroup::from_external(&crypto, &NoStorage, tree, info, ProposalStore::new())
        .map(|(group, _)| group)
        .map_err(|_| RefusalCode::InvalidCommit.into())
}

/// Rebuilds a group from what the store keeps.
pub fn from_state(state: &PublicState) -> Result<PublicGroup, Refused> {
    rebuild(
        read_tree(&state.ratchet_tree)?,
        read_group_info(&state.group_info)?,
    )
}

/// Reads exactly one ratchet tree (RFC 9420 §12.4.3.3).
pub fn read_tree(bytes: &[u8]) -> Result<RatchetTreeIn, Refused> {
    RatchetTreeIn::tls_deserialize_exact(bytes).map_err(|_| RefusalCode::Malformed.into())
}

/// Encodes the group's tree.
pub fn write_tree(group: &PublicGroup) -> Result<Bytes, Refused> {
    group
        .export_ratchet_tree()
        .tls_serialize_detached()
        .map(Bytes::from)
        .map_err(|_| RefusalCode::InvalidCommit.into())
}

/// Whether the GroupInfo is signed by the leaf at `index` of `group`.
pub fn signed_by(group: &PublicGroup, index: LeafNodeIndex, info: &VerifiableGroupInfo) -> bool {
    let Some(leaf) = group.leaf(index) else {
        return false;
    };
    let scheme = group.ciphersuite().signature_algorithm();
    let key = OpenMlsSignaturePublicKey::from_signature_key(leaf.signature_key().clone(), scheme);
    let crypto = RustCrypto::default();
    info.clone().verify(&crypto, &key).is_ok()
}
