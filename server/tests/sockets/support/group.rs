//! What a device does with MLS.

use openmls::group::{GroupId, MlsGroupJoinConfig};
use openmls::prelude::{
    CredentialWithKey, KeyPackage, KeyPackageIn, LeafNodeIndex, MIXED_PLAINTEXT_WIRE_FORMAT_POLICY,
    MlsGroup, MlsMessageBodyIn, MlsMessageIn, ProtocolVersion, RatchetTreeIn, StagedWelcome,
};
use openmls_traits::OpenMlsProvider;
use prost::Message as _;
use relais_wire::ids::{ChannelId, DeviceId, ProfessionalId};
use relais_wire::mls;
use relais_wire::roster::{CheckedRoster, Member, sign_roster};
use relais_wire::v1::*;
use tls_codec::{Deserialize, Serialize};

use super::{AnswerExt, Device, SUITE, Socket};

impl Device {
    fn credential(&self) -> CredentialWithKey {
        let key = self.key.verifying_key().to_bytes();
        CredentialWithKey {
            credential: mls::credential(self.structure, self.professional, self.device, &key),
            signature_key: key.to_vec().into(),
        }
    }

    pub fn key_package(&self, last_resort: bool) -> Vec<u8> {
        let suite = mls::ciphersuite(SUITE).expect("suite");
        let mut builder = KeyPackage::builder()
            .key_package_lifetime(mls::lifetime())
            .leaf_node_capabilities(mls::capabilities(suite));
        if last_resort {
            builder = builder.mark_as_last_resort();
        }
        let bundle = builder.build(suite, &self.provider, self, self.credential());
        bundle
            .expect("key package")
            .key_package()
            .tls_serialize_detached()
            .expect("bytes")
    }

    pub async fn publish(&mut self, socket: &mut Socket) {
        let operation = send::Operation::PublishKeyPackages(PublishKeyPackages {
            key_packages: vec![self.key_package(false).into()],
            last_resort: self.key_package(true).into(),
        });
        self.asks(socket, operation).await.expect_done();
    }

    pub async fn claim(&mut self, socket: &mut Socket, other: DeviceId) -> KeyPackage {
        let operation = send::Operation::ClaimKeyPackages(ClaimKeyPackages {
            device_ids: vec![other.to_bytes()],
        });
        let answer = self.asks(socket, operation).await;
        let Some(answer::Result::KeyPackages(packages)) = answer.result else {
            panic!("no key packages: {answer:?}");
        };
        KeyPackageIn::tls_deserialize_exact(&packages.packages[0].key_package[..])
            .expect("decodes")
            .validate(self.provider.crypto(), ProtocolVersion::Mls10)
            .expect("valid")
    }

    pub fn roster(
        &self,
        channel: ChannelId,
        before: Option<&CheckedRoster>,
        members: &[(ProfessionalId, ChannelRole, Option<u64>)],
    ) -> SignedRoster {
        let members = members
            .iter()
            .map(|(id, role, expires_at_ms)| {
                (
                    *id,
                    Member {
                        role: *role,
                        expires_at_ms: *expires_at_ms,
                    },
                )
            })
            .collect();
        sign_roster(channel, before, &members, 1, self.device, &self.key)
    }

    /// A group of one and the request that makes a channel of it.
    pub fn new_channel(&self, channel: ChannelId, head: &LogHead) -> (MlsGroup, CreateChannel) {
        let manager = [(self.professional, ChannelRole::Manager, None)];
        let roster = self.roster(channel, None, &manager);
        let suite = mls::ciphersuite(SUITE).expect("suite");
        let mut id = channel.0.to_vec();
        id.extend_from_slice(&[0; 4]);
        let group = MlsGroup::builder()
            .with_group_id(GroupId::from_slice(&id))
            .ciphersuite(suite)
            .with_wire_format_policy(MIXED_PLAINTEXT_WIRE_FORMAT_POLICY)
            .with_capabilities(mls::capabilities(suite))
            .with_group_context_extensions(mls::group_extensions(&roster))
            .lifetime(mls::lifetime())
            .build(&self.provider, self, self.credential())
            .expect("group");
        let info = group
            .export_group_info(self.provider.crypto(), self, false)
            .expect("info");
        let create = CreateChannel {
            channel_id: channel.to_bytes(),
            group_info: info.to_bytes().expect("bytes").into(),
            ratchet_tree: group
                .export_ratchet_tree()
                .tls_serialize_detached()
                .expect("b")
                .into(),
            structure_head: Some(head.clone()),
        };
        (group, create)
    }

    /// Stages a commit for the counter of the next request.
    pub fn commit(
        &self,
        group: &mut MlsGroup,
        head: &LogHead,
        add: Vec<KeyPackage>,
        remove: Vec<LeafNodeIndex>,
        roster: Option<&SignedRoster>,
    ) -> AppendCommit {
        let aad = CommitAad {
            structure_head: Some(head.clone()),
            send_counter: self.counter + 1,
        };
        group.set_aad(aad.encode_to_vec());
        let epoch = group.epoch().as_u64();
        let channel_id = group.group_id().as_slice()[..16].to_vec().into();
        let mut builder = group
            .commit_builder()
            .consume_proposal_store(false)
            .propose_adds(add)
            .propose_removals(remove)
            .force_self_update(true);
        if let Some(roster) = roster {
            let extensions = mls::group_extensions(roster);
            builder = builder
                .propose_group_context_extensions(extensions)
                .expect("extensions");
        }
        let staged = builder
            .load_psks(self.provider.storage())
            .expect("no psk")
            .create_group_info(true)
            .use_ratchet_tree_extension(false)
            .build(self.provider.rand(), self.provider.crypto(), self, |_| true)
            .expect("commit")
            .stage_commit(&self.provider)
            .expect("staged");
        let (commit, welcome, info) = staged.into_messages();
        let welcome = welcome
            .map(|w| w.to_bytes().expect("bytes"))
            .unwrap_or_default();
        AppendCommit {
            channel_id,
            incarnation: 0,
            epoch,
            commit: commit.to_bytes().expect("bytes").into(),
            welcome: welcome.into(),
            group_info: info.expect("info").to_bytes().expect("bytes").into(),
        }
    }

    /// An application message for the counter of the next request.
    pub fn message(
        &self,
        group: &mut MlsGroup,
        event_counter: u64,
        blobs: &[[u8; 16]],
    ) -> AppendMessage {
        let aad = MessageAad {
            event_id: vec![event_counter as u8; 16].into(),
            event_counter,
            signed_event_hash: vec![1; 32].into(),
            blob_ids: blobs.iter().map(|b| b.to_vec().into()).collect(),
            send_counter: self.counter + 1,
            said_again: false,
        };
        group.set_aad(aad.encode_to_vec());
        let message = group
            .create_message(&self.provider, self, b"opaque")
            .expect("message");
        AppendMessage {
            channel_id: group.group_id().as_slice()[..16].to_vec().into(),
            incarnation: 0,
            epoch: group.epoch().as_u64(),
            message: message.to_bytes().expect("bytes").into(),
        }
    }

    /// Opens a Welcome with the tree that the server attached.
    pub fn join(&self, item: &WelcomeItem) -> MlsGroup {
        let message = MlsMessageIn::tls_deserialize_exact(&item.welcome[..]).expect("decodes");
        let MlsMessageBodyIn::Welcome(welcome) = message.extract() else {
            panic!("no welcome");
        };
        let tree = RatchetTreeIn::tls_deserialize_exact(&item.ratchet_tree[..]).expect("tree");
        let config = MlsGroupJoinConfig::builder()
            .wire_format_policy(MIXED_PLAINTEXT_WIRE_FORMAT_POLICY)
            .build();
        StagedWelcome::new_from_welcome(&self.provider, &config, welcome, Some(tree))
            .expect("staged")
            .into_group(&self.provider)
            .expect("joined")
    }
}
