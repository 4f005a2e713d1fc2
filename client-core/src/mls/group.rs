//! The MLS group of a channel: how it is made, found and configured. A group in
//! memory mirrors the database; whoever fails while holding one drops it, and the
//! next use reads it again (architecture D2).

use openmls::prelude::{
    GroupId, MlsGroup, MlsGroupCreateConfig, MlsGroupJoinConfig, PURE_PLAINTEXT_WIRE_FORMAT_POLICY,
    SenderRatchetConfiguration, WireFormatPolicy,
};
use openmls_traits::OpenMlsProvider;
use relais_wire::ids::ChannelId;
use relais_wire::mls::{PADDING, capabilities, ciphersuite, credential, group_extensions};
use relais_wire::v1::SignedRoster;

use super::provider::Provider;
use super::storage::StorageError;
use crate::engine::Engine;
use crate::error::{Error, Result};

/// Handshakes travel in the clear, so that the server can check them; messages
/// are always encrypted (architecture D5).
fn wire_format() -> WireFormatPolicy {
    PURE_PLAINTEXT_WIRE_FORMAT_POLICY
}

/// Tolerance for reordered messages and how far a sender may be ahead
/// (requirement M4).
fn ratchet() -> SenderRatchetConfiguration {
    SenderRatchetConfiguration::new(5, 1000)
}

/// Configuration of a group that is joined.
pub(crate) fn join_config() -> MlsGroupJoinConfig {
    MlsGroupJoinConfig::builder()
        .wire_format_policy(wire_format())
        .padding_size(PADDING)
        .use_ratchet_tree_extension(false)
        .sender_ratchet_configuration(ratchet())
        .max_past_epochs(0)
        .build()
}

/// MLS group id of a channel in an incarnation: 20 bytes.
pub(crate) fn group_id(channel: ChannelId, incarnation: u32) -> GroupId {
    let mut id = channel.0.to_vec();
    id.extend_from_slice(&incarnation.to_be_bytes());
    GroupId::from_slice(&id)
}

impl Engine {
    pub(crate) fn provider(&self) -> Provider<'_> {
        Provider::new(&self.crypto, &self.db, &self.mls_refusal)
    }

    /// Takes the channel's group; [`Engine::keep_group`] gives it back after
    /// success.
    pub(crate) fn take_group(&mut self, channel: ChannelId) -> Result<MlsGroup> {
        if let Some(group) = self.groups.remove(&channel) {
            return Ok(group);
        }
        let incarnation: u32 = self
            .db
            .prepare_cached("SELECT incarnation FROM channels WHERE channel = ?1")?
            .query_row([channel.0], |row| row.get(0))?;
        MlsGroup::load(self.provider().storage(), &group_id(channel, incarnation))
            .map_err(|error| match error {
                StorageError::Sql(error) => error.into(),
                StorageError::Key(_) | StorageError::Encode(_) | StorageError::Decode(_) => {
                    Error::Corrupt("group")
                }
            })?
            .ok_or(Error::Corrupt("group"))
    }

    /// Deletes what is stored of a group, whether or not it can be loaded.
    pub(crate) fn forget_group(&mut self, channel: ChannelId, incarnation: u32) -> Result<()> {
        self.groups.remove(&channel);
        self.provider()
            .storage()
            .forget(&group_id(channel, incarnation))
            .map_err(Error::mls)
    }

    pub(crate) fn keep_group(&mut self, channel: ChannelId, group: MlsGroup) {
        self.groups.insert(channel, group);
    }

    /// A new group of one for a channel.
    pub(crate) fn new_group(
        &self,
        channel: ChannelId,
        incarnation: u32,
        roster: &SignedRoster,
    ) -> Result<MlsGroup> {
        let identity = self.identity()?;
        let suite = ciphersuite(self.structure.ciphersuite()).ok_or(Error::Corrupt("suite"))?;
        let config = MlsGroupCreateConfig::builder()
            .ciphersuite(suite)
            .wire_format_policy(wire_format())
            .padding_size(PADDING)
            .use_ratchet_tree_extension(false)
            .sender_ratchet_configuration(ratchet())
            .max_past_epochs(0)
            .lifetime(relais_wire::mls::lifetime())
            .capabilities(capabilities(suite))
            .with_group_context_extensions(group_extensions(roster))
            .build();
        MlsGroup::new_with_group_id(
            &self.provider(),
            &identity.signer(),
            &config,
            group_id(channel, incarnation),
            self.credential_with_key()?,
        )
        .map_err(Error::mls)
    }

    pub(crate) fn credential_with_key(&self) -> Result<openmls::prelude::CredentialWithKey> {
        let identity = self.identity()?;
        let key = identity.device_key().verifying_key().to_bytes();
        Ok(openmls::prelude::CredentialWithKey {
            credential: credential(
                identity.structure(),
                identity.professional(),
                identity.device(),
                &key,
            ),
            signature_key: key.to_vec().into(),
        })
    }
}
