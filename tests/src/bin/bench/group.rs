//! What a device does with MLS: a group made, joined and written to, with the same
//! parameters as the engine.

use openmls::group::{GroupId, MlsGroupJoinConfig};
use openmls::prelude::{
    CredentialWithKey, KeyPackage, KeyPackageIn, MIXED_PLAINTEXT_WIRE_FORMAT_POLICY, MlsGroup,
    MlsMessageBodyIn, MlsMessageIn, ProcessedMessageContent, ProtocolVersion, RatchetTreeIn,
    StagedWelcome,
};
use openmls_traits::OpenMlsProvider;
use prost::Message as _;
use relais_wire::ids::{ChannelId, ProfessionalId};
use relais_wire::mls::{self, PADDING, SUITE_XWING};
use relais_wire::roster::{CheckedRoster, Member, sign_roster};
use relais_wire::v1::{
    AppendCommit, AppendMessage, ChannelRole, CommitAad, CreateChannel, LogHead, MessageAad,
    SignedRoster,
};
use tls_codec::{Deserialize, Serialize};

use crate::Outcome;
use crate::device::Device;

fn suite() -> openmls::prelude::Ciphersuite {
    mls::ciphersuite(SUITE_XWING).expect("one of the suites of relais-wire")
}

impl Device {
    /// Its credential and public key.
    pub fn credential(&self) -> CredentialWithKey {
        let key = self.key.verifying_key().to_bytes();
        CredentialWithKey {
            credential: mls::credential(self.structure, self.professional, self.device, &key),
            signature_key: key.to_vec().into(),
        }
    }

    /// A key package, as bytes.
    pub fn key_package(&self, last_resort: bool) -> Outcome<Vec<u8>> {
        let mut builder = KeyPackage::builder()
            .key_package_lifetime(mls::lifetime())
            .leaf_node_capabilities(mls::capabilities(suite()));
        if last_resort {
            builder = builder.mark_as_last_resort();
        }
        let bundle = builder.build(suite(), &self.provider, self, self.credential())?;
        Ok(bundle.key_package().tls_serialize_detached()?)
    }

    /// Checks another device's key package.
    pub fn read_key_package(&self, bytes: &[u8]) -> Outcome<KeyPackage> {
        let package = KeyPackageIn::tls_deserialize_exact(bytes)?;
        Ok(package.validate(self.provider.crypto(), ProtocolVersion::Mls10)?)
    }

    /// The first roster has its author alone; the second also `others`.
    fn roster(
        &self,
        channel: ChannelId,
        before: Option<&CheckedRoster>,
        others: &[ProfessionalId],
    ) -> SignedRoster {
        let member = |role| Member {
            role,
            expires_at_ms: None,
        };
        let mut members: std::collections::BTreeMap<_, _> = others
            .iter()
            .map(|id| (*id, member(ChannelRole::Contributor)))
            .collect();
        members.insert(self.professional, member(ChannelRole::Manager));
        sign_roster(channel, before, &members, 1, self.device, &self.key)
    }

    /// A group of one and the request that makes a channel of it.
    pub fn new_channel(
        &self,
        channel: ChannelId,
        head: &LogHead,
    ) -> Outcome<(MlsGroup, CreateChannel)> {
        let roster = self.roster(channel, None, &[]);
        let mut id = channel.0.to_vec();
        id.extend_from_slice(&[0; 4]);
        let group = MlsGroup::builder()
            .with_group_id(GroupId::from_slice(&id))
            .ciphersuite(suite())
            .with_wire_format_policy(MIXED_PLAINTEXT_WIRE_FORMAT_POLICY)
            .padding_size(PADDING)
            .with_capabilities(mls::capabilities(suite()))
            .with_group_context_extensions(mls::group_extensions(&roster))
            .lifetime(mls::lifetime())
            .build(&self.provider, self, self.credential())?;
        let info = group.export_group_info(self.provider.crypto(), self, false)?;
        let create = CreateChannel {
            channel_id: channel.to_bytes(),
            group_info: info.to_bytes()?.into(),
            ratchet_tree: group.export_ratchet_tree().tls_serialize_detached()?.into(),
            structure_head: Some(head.clone()),
        };
        Ok((group, create))
    }

    /// Stages the commit that adds everybody at once, for the next send counter.
    pub fn add(
        &self,
        group: &mut MlsGroup,
        head: &LogHead,
        packages: Vec<KeyPackage>,
        others: &[ProfessionalId],
    ) -> Outcome<AppendCommit> {
        let aad = CommitAad {
            structure_head: Some(head.clone()),
            send_counter: self.counter + 1,
        };
        group.set_aad(aad.encode_to_vec());
        let channel = ChannelId::try_from(&group.group_id().as_slice()[..16])?;
        let before = CheckedRoster::read(&mls::roster_of(group.extensions())?)?;
        let roster = self.roster(channel, Some(&before), others);
        let epoch = group.epoch().as_u64();
        let staged = group
            .commit_builder()
            .consume_proposal_store(false)
            .propose_adds(packages)
            .force_self_update(true)
            .propose_group_context_extensions(mls::group_extensions(&roster))?
            .load_psks(self.provider.storage())?
            .create_group_info(true)
            .use_ratchet_tree_extension(false)
            .build(self.provider.rand(), self.provider.crypto(), self, |_| true)?
            .stage_commit(&self.provider)?;
        let (commit, welcome, info) = staged.into_messages();
        Ok(AppendCommit {
            channel_id: channel.to_bytes(),
            incarnation: 0,
            epoch,
            commit: commit.to_bytes()?.into(),
            welcome: welcome.ok_or("no welcome")?.to_bytes()?.into(),
            group_info: info.ok_or("no group info")?.to_bytes()?.into(),
        })
    }

    /// Opens a Welcome with the tree of its epoch.
    pub fn join(&self, welcome: &[u8], ratchet_tree: &[u8]) -> Outcome<MlsGroup> {
        let message = MlsMessageIn::tls_deserialize_exact(welcome)?;
        let MlsMessageBodyIn::Welcome(welcome) = message.extract() else {
            return Err("not a welcome".into());
        };
        let tree = RatchetTreeIn::tls_deserialize_exact(ratchet_tree)?;
        let config = MlsGroupJoinConfig::builder()
            .wire_format_policy(MIXED_PLAINTEXT_WIRE_FORMAT_POLICY)
            .padding_size(PADDING)
            .build();
        let staged = StagedWelcome::new_from_welcome(&self.provider, &config, welcome, Some(tree))?;
        Ok(staged.into_group(&self.provider)?)
    }

    /// Encrypts a message for the next send counter, which it uses up.
    pub fn message(
        &mut self,
        group: &mut MlsGroup,
        event_counter: u64,
        content: &[u8],
    ) -> Outcome<AppendMessage> {
        self.counter += 1;
        let mut event_id = self.device.0;
        event_id[8..].copy_from_slice(&event_counter.to_be_bytes());
        let aad = MessageAad {
            event_id: event_id.to_vec().into(),
            event_counter,
            signed_event_hash: vec![1; 32].into(),
            blob_ids: Vec::new(),
            send_counter: self.counter,
            said_again: false,
        };
        group.set_aad(aad.encode_to_vec());
        let message = group.create_message(&self.provider, self, content)?;
        Ok(AppendMessage {
            channel_id: group.group_id().as_slice()[..16].to_vec().into(),
            incarnation: 0,
            epoch: group.epoch().as_u64(),
            message: message.to_bytes()?.into(),
        })
    }

    /// Decrypts a message of another member.
    pub fn read(&self, group: &mut MlsGroup, payload: &[u8]) -> Outcome<Vec<u8>> {
        let message = MlsMessageIn::tls_deserialize_exact(payload)?;
        let message = message.try_into_protocol_message()?;
        let processed = group.process_message(&self.provider, message)?;
        match processed.into_content() {
            ProcessedMessageContent::ApplicationMessage(content) => Ok(content.into_bytes()),
            _ => Err("not an application message".into()),
        }
    }
}
