//! Groups beside the one that it is in: shown to others, begun anew, entered from
//! outside.

use openmls::prelude::{
    CredentialWithKey, LeafNodeParameters, MlsGroup, MlsGroupCreateConfig, MlsGroupJoinConfig,
    PURE_PLAINTEXT_WIRE_FORMAT_POLICY, RatchetTreeIn,
};
use openmls_traits::OpenMlsProvider as _;
use openmls_traits::signatures::Signer as _;
use prost::Message as _;
use prost::bytes::Bytes;
use relais_wire::ids::{ChannelId, DeviceId, ProfessionalId, StructureId};
use relais_wire::mls::{capabilities, group_extensions};
use relais_wire::v1::{AppendCommit, CommitAad, LogHead, SignedRoster};
use tls_codec::{Deserialize as _, Serialize as _, TlsSerialize, TlsSize, VLBytes};

use super::{DeviceKey, HostileMember, Surroundings, encoded, group_id, known, load};

impl<L> HostileMember<L> {
    /// The group as the server would show it to somebody who comes back.
    pub fn group_info(
        &self,
        world: &mut impl Surroundings,
        channel: ChannelId,
    ) -> (Bytes, Vec<u8>) {
        self.with_database(world, |db, provider| {
            let group = load(provider, channel, known(db, channel).incarnation);
            let key = DeviceKey(&self.raw.key);
            let info = group.export_group_info(provider.crypto(), &key, false);
            let tree = group.export_ratchet_tree().tls_serialize_detached();
            (encoded(info.expect("exported")), tree.expect("a tree"))
        })
    }

    /// A GroupInfo (RFC 9420 §12.4.3) that confirms another epoch than it says, under this
    /// device's signature.
    pub fn with_another_tag(&self, info: &[u8]) -> Bytes {
        /// Signer; length and bytes of an Ed25519 signature.
        const SIGNER: usize = 4;
        const SIGNATURE: usize = 2 + 64;
        /// Protocol version and wire format.
        const HEADER: usize = 4;
        let mut info = info.to_vec();
        let signed = info.len() - SIGNATURE;
        // The last byte of the confirmation tag.
        info[signed - SIGNER - 1] ^= 1;
        let content = SignContent {
            label: b"MLS 1.0 GroupInfoTBS".as_slice().into(),
            content: info[HEADER..signed].into(),
        };
        let content = content.tls_serialize_detached().expect("encoded");
        let signature = DeviceKey(&self.raw.key).sign(&content).expect("signed");
        info.truncate(info.len() - signature.len());
        info.extend_from_slice(&signature);
        info.into()
    }

    /// A group of one, as a reboot begins: the epoch that it would end, GroupInfo, tree.
    pub fn new_group(
        &self,
        world: &mut impl Surroundings,
        channel: ChannelId,
        roster: &SignedRoster,
    ) -> (u64, Bytes, Vec<u8>) {
        let credential = self.credential();
        self.with_database(world, |_, provider| {
            let old = load(provider, channel, 0);
            let config = MlsGroupCreateConfig::builder()
                .ciphersuite(old.ciphersuite())
                .use_ratchet_tree_extension(false)
                .lifetime(relais_wire::mls::lifetime())
                .capabilities(capabilities(old.ciphersuite()))
                .with_group_context_extensions(group_extensions(roster))
                .build();
            let key = DeviceKey(&self.raw.key);
            let id = group_id(channel, 1);
            let group = MlsGroup::new_with_group_id(provider, &key, &config, id, credential)
                .expect("a group");
            let info = group.export_group_info(provider.crypto(), &key, false);
            let tree = group.export_ratchet_tree().tls_serialize_detached();
            (
                old.epoch().as_u64(),
                encoded(info.expect("exported")),
                tree.expect("a tree"),
            )
        })
    }

    /// An external commit into a group of which it got hold.
    pub fn external_commit(
        &self,
        world: &mut impl Surroundings,
        channel: ChannelId,
        (info, tree): &(Bytes, Vec<u8>),
        head: LogHead,
    ) -> AppendCommit {
        let credential = self.credential();
        self.with_database(world, |_, provider| {
            let info = openmls::prelude::MlsMessageIn::tls_deserialize_exact(info.as_ref())
                .expect("a message")
                .extract();
            let openmls::prelude::MlsMessageBodyIn::GroupInfo(info) = info else {
                panic!("not a GroupInfo");
            };
            let epoch = info.group_context().epoch().as_u64();
            let tree = RatchetTreeIn::tls_deserialize_exact(tree.as_slice()).expect("a tree");
            let aad = CommitAad {
                structure_head: Some(head),
                send_counter: self.raw.counter + 1,
            };
            let config = MlsGroupJoinConfig::builder()
                .wire_format_policy(PURE_PLAINTEXT_WIRE_FORMAT_POLICY)
                .use_ratchet_tree_extension(false)
                .build();
            let leaf = LeafNodeParameters::builder()
                .with_capabilities(capabilities(info.ciphersuite()))
                .build();
            let (_, bundle) = MlsGroup::external_commit_builder()
                .with_ratchet_tree(tree)
                .with_config(config)
                .with_aad(aad.encode_to_vec())
                .build_group(provider, info, credential)
                .expect("a group")
                .leaf_node_parameters(leaf)
                .load_psks(provider.storage())
                .expect("none")
                .create_group_info(true)
                .use_ratchet_tree_extension(false)
                .build(
                    provider.rand(),
                    provider.crypto(),
                    &DeviceKey(&self.raw.key),
                    |_| true,
                )
                .expect("built")
                .finalize(provider)
                .expect("final");
            let (commit, _, group_info) = bundle.into_messages();
            AppendCommit {
                channel_id: channel.to_bytes(),
                incarnation: 0,
                epoch,
                commit: encoded(commit),
                welcome: Bytes::new(),
                group_info: group_info.map(encoded).unwrap_or_default(),
            }
        })
    }

    fn credential(&self) -> CredentialWithKey {
        identity(
            self.structure,
            self.professional,
            self.device,
            &self.raw.key,
        )
    }
}

/// What a signature of MLS covers (RFC 9420 §5.1.2).
#[derive(TlsSerialize, TlsSize)]
struct SignContent {
    label: VLBytes,
    content: VLBytes,
}

/// The MLS identity of a device.
pub fn identity(
    structure: StructureId,
    professional: ProfessionalId,
    device: DeviceId,
    key: &ed25519_dalek::SigningKey,
) -> CredentialWithKey {
    let key = key.verifying_key().to_bytes();
    CredentialWithKey {
        credential: relais_wire::mls::credential(structure, professional, device, &key),
        signature_key: key.to_vec().into(),
    }
}
