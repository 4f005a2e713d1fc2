//! What server and members read out of real MLS groups, in each cipher suite.

mod commits;

use openmls::prelude::tls_codec::{Deserialize as _, Serialize as _};
use openmls::prelude::{
    BasicCredential, CommitBuilder, CommitMessageBundle, CredentialWithKey, Initial, KeyPackage,
    LeafNodeParameters, MlsGroup, MlsGroupCreateConfig, MlsGroupJoinConfig, MlsMessageBodyIn,
    MlsMessageIn, MlsMessageOut, NewSignerBundle, OpenMlsProvider,
    PURE_PLAINTEXT_WIRE_FORMAT_POLICY, PreSharedKeyProposal, ProcessedMessageContent,
    ProposalStore, ProtocolMessage, StagedWelcome,
};
use openmls::schedule::{ExternalPsk, PreSharedKeyId, Psk};
use openmls_rust_crypto::OpenMlsRustCrypto;
use openmls_traits::signatures::{Signer, SignerError};
use openmls_traits::types::SignatureScheme;

use super::*;
use crate::ids::ChannelId;
use crate::roster::{Member, sign_roster};
use crate::testing::*;
use crate::v1::ChannelRole;

/// A device with its own storage.
struct Phone {
    provider: OpenMlsRustCrypto,
    who: u8,
    phone: u8,
}

struct DeviceKey(u8);

impl Signer for DeviceKey {
    fn sign(&self, payload: &[u8]) -> Result<Vec<u8>, SignerError> {
        use ed25519_dalek::Signer as _;
        Ok(key(self.0).sign(payload).to_bytes().to_vec())
    }

    fn signature_scheme(&self) -> SignatureScheme {
        SignatureScheme::ED25519
    }
}

fn leaf_credential(who: u8, phone: u8) -> CredentialWithKey {
    CredentialWithKey {
        credential: credential(STRUCTURE, person(who), device(phone), &public(phone)),
        signature_key: public(phone).to_vec().into(),
    }
}

fn roster(version: u8) -> SignedRoster {
    let manager = Member {
        role: ChannelRole::Manager,
        expires_at_ms: None,
    };
    let members = [(person(COORDINATOR), manager)].into();
    sign_roster(
        ChannelId([5; 16]),
        None,
        &members,
        version.into(),
        device(COORDINATOR_PHONE),
        &key(COORDINATOR_PHONE),
    )
}

fn incoming(message: &MlsMessageOut) -> MlsMessageIn {
    let bytes = message.tls_serialize_detached().expect("encodes");
    MlsMessageIn::tls_deserialize_exact(bytes).expect("decodes")
}

fn protocol(message: &MlsMessageOut) -> ProtocolMessage {
    let message = incoming(message).try_into_protocol_message();
    message.expect("a handshake")
}

impl Phone {
    fn new(who: u8, phone: u8) -> Self {
        Self {
            provider: OpenMlsRustCrypto::default(),
            who,
            phone,
        }
    }

    fn signer(&self) -> DeviceKey {
        DeviceKey(self.phone)
    }

    fn key_package(&self, suite: Ciphersuite) -> KeyPackage {
        self.key_package_living(suite, lifetime())
    }

    fn key_package_living(&self, suite: Ciphersuite, life: Lifetime) -> KeyPackage {
        let builder = KeyPackage::builder()
            .key_package_lifetime(life)
            .leaf_node_capabilities(capabilities(suite));
        builder
            .build(
                suite,
                &self.provider,
                &self.signer(),
                leaf_credential(self.who, self.phone),
            )
            .expect("a key package")
            .into_key_package()
    }

    fn create(&self, suite: Ciphersuite, life: Lifetime) -> MlsGroup {
        let config = MlsGroupCreateConfig::builder()
            .ciphersuite(suite)
            .wire_format_policy(PURE_PLAINTEXT_WIRE_FORMAT_POLICY)
            .lifetime(life)
            .capabilities(capabilities(suite))
            .with_group_context_extensions(group_extensions(&roster(1)))
            .build();
        let own = leaf_credential(self.who, self.phone);
        MlsGroup::new(&self.provider, &self.signer(), &config, own).expect("a group")
    }

    /// Commits what `with` puts into the builder.
    fn commit<'a>(
        &self,
        group: &'a mut MlsGroup,
        with: impl FnOnce(CommitBuilder<'a, Initial>) -> CommitBuilder<'a, Initial>,
    ) -> CommitMessageBundle {
        with(group.commit_builder())
            .load_psks(self.provider.storage())
            .expect("pre-shared keys")
            .build(
                self.provider.rand(),
                self.provider.crypto(),
                &self.signer(),
                |_| true,
            )
            .expect("builds")
            .stage_commit(&self.provider)
            .expect("stages")
    }
}

/// The coordinator's group with the nurse in it, and the server's view of it.
struct Room {
    suite: Ciphersuite,
    coordinator: Phone,
    nurse: Phone,
    group: MlsGroup,
    nurses_group: MlsGroup,
    server_storage: OpenMlsRustCrypto,
    server: PublicGroup,
}

fn public_view(phone: &Phone, group: &MlsGroup, storage: &OpenMlsRustCrypto) -> PublicGroup {
    let info = group.export_group_info(phone.provider.crypto(), &phone.signer(), true);
    let MlsMessageBodyIn::GroupInfo(info) = incoming(&info.expect("exports")).extract() else {
        panic!("a GroupInfo");
    };
    let tree = group.export_ratchet_tree().into();
    PublicGroup::from_external(
        storage.crypto(),
        storage.storage(),
        tree,
        info,
        ProposalStore::new(),
    )
    .expect("a valid group")
    .0
}

impl Room {
    fn new(suite: Ciphersuite) -> Self {
        let coordinator = Phone::new(COORDINATOR, COORDINATOR_PHONE);
        let nurse = Phone::new(NURSE, NURSE_PHONE);
        let mut group = coordinator.create(suite, lifetime());
        let package = nurse.key_package(suite);
        let bundle = coordinator.commit(&mut group, |b| b.propose_adds([package]));
        group
            .merge_pending_commit(&coordinator.provider)
            .expect("merges");
        let welcome = bundle.to_welcome_msg().expect("a Welcome");
        let MlsMessageBodyIn::Welcome(welcome) = incoming(&welcome).extract() else {
            panic!("a Welcome");
        };
        let config = MlsGroupJoinConfig::builder()
            .wire_format_policy(PURE_PLAINTEXT_WIRE_FORMAT_POLICY)
            .build();
        let tree = group.export_ratchet_tree().into();
        let nurses_group =
            StagedWelcome::new_from_welcome(&nurse.provider, &config, welcome, Some(tree))
                .and_then(|staged| staged.into_group(&nurse.provider))
                .expect("joins");
        let server_storage = OpenMlsRustCrypto::default();
        let server = public_view(&coordinator, &group, &server_storage);
        Self {
            suite,
            coordinator,
            nurse,
            group,
            nurses_group,
            server_storage,
            server,
        }
    }

    /// A commit of the coordinator as the server, the nurse and its author read it.
    fn read(&mut self, commit: &MlsMessageOut) -> Result<CommitChange, MlsFormatError> {
        let message = protocol(commit);
        let processed = self
            .server
            .process_message(self.server_storage.crypto(), message)
            .expect("valid for MLS");
        let sender = processed.sender().clone();
        let ProcessedMessageContent::StagedCommitMessage(staged) = processed.into_content() else {
            panic!("a commit");
        };
        let at_server = read_commit(&self.server, &sender, &staged);

        let processed = self
            .nurses_group
            .process_message(&self.nurse.provider, protocol(commit))
            .expect("valid for MLS");
        let sender = processed.sender().clone();
        let ProcessedMessageContent::StagedCommitMessage(staged) = processed.into_content() else {
            panic!("a commit");
        };
        let public = self.nurses_group.public_group();
        assert_eq!(read_commit(public, &sender, &staged), at_server);
        if let Some(pending) = self.group.pending_commit() {
            let public = self.group.public_group();
            let own = Sender::Member(self.group.own_leaf_index());
            assert_eq!(read_commit(public, &own, pending), at_server);
        }
        at_server
    }
}

fn suites() -> impl Iterator<Item = Ciphersuite> {
    SUITES
        .into_iter()
        .map(|number| ciphersuite(number).expect("a suite that openmls knows"))
}

// ------------------------------------------------------------------- suites

#[test]
fn only_the_two_suites_of_relais_are_offered() {
    for number in 0..=u16::MAX {
        let known = ciphersuite(number).map(u16::from);
        assert_eq!(known, SUITES.contains(&number).then_some(number));
    }
}

#[test]
fn the_lifetime_is_the_same_on_every_device_at_every_hour() {
    // It is compared for equality: a value that depended on a clock would shut colleagues out.
    assert_eq!(lifetime().not_before(), 0);
    assert_eq!(lifetime().not_after(), 4_102_444_800);
}

// ------------------------------------------------------------------- leaves

#[test]
fn a_leaf_of_another_kind_is_refused() {
    let own = leaf_credential(NURSE, NURSE_PHONE);
    let content = own.credential.serialized_content().to_vec();
    let key = public(NURSE_PHONE);
    assert_eq!(
        read_leaf(Some(LeafNodeIndex::new(7)), &own.credential, &key),
        Ok(leaf(Some(7), NURSE, NURSE_PHONE))
    );
    let types = [
        CredentialType::Basic,
        CredentialType::X509,
        CredentialType::Other(CREDENTIAL_TYPE + 1),
    ];
    for other in types {
        let foreign = Credential::new(other, content.clone());
        assert_eq!(
            read_leaf(None, &foreign, &key),
            Err(MlsFormatError::Credential)
        );
    }
    let basic = BasicCredential::new(content).into();
    assert_eq!(
        read_leaf(None, &basic, &key),
        Err(MlsFormatError::Credential)
    );
}

#[test]
fn a_leaf_whose_credential_names_another_key_is_refused() {
    let own = leaf_credential(NURSE, NURSE_PHONE).credential;
    for key in [&public(DOCTOR_PHONE)[..], &public(NURSE_PHONE)[..31], &[]] {
        assert_eq!(read_leaf(None, &own, key), Err(MlsFormatError::Credential));
    }
    let ours = |change: fn(&mut LeafCredential)| {
        let mut content = LeafCredential::decode(own.serialized_content()).expect("ours");
        change(&mut content);
        let encoded = content.encode_to_vec();
        let changed = Credential::new(CredentialType::Other(CREDENTIAL_TYPE), encoded);
        read_leaf(None, &changed, &public(NURSE_PHONE))
    };
    assert!(ours(|_| ()).is_ok());
    let changes: [fn(&mut LeafCredential); 4] = [
        |c| c.structure_id.clear(),
        |c| c.professional_id = vec![1; 15].into(),
        |c| c.device_id = vec![1; 17].into(),
        |c| c.device_key = vec![1; 33].into(),
    ];
    for change in changes {
        assert_eq!(ours(change), Err(MlsFormatError::Credential));
    }
}

#[test]
fn a_credential_holds_nothing_but_ids_and_the_key() {
    let own = leaf_credential(NURSE, NURSE_PHONE).credential;
    let mut content = own.serialized_content().to_vec();
    // Field 15, which nobody reads: a place to hide a name in the clear.
    content.extend([0x7a, 4]);
    content.extend(b"Anna");
    let stuffed = Credential::new(CredentialType::Other(CREDENTIAL_TYPE), content);
    let refused = read_leaf(None, &stuffed, &public(NURSE_PHONE));
    assert_eq!(refused, Err(MlsFormatError::Credential));
}

#[test]
fn the_tree_lists_every_leaf_with_its_place() {
    for suite in suites() {
        let room = Room::new(suite);
        let expected = vec![
            leaf(Some(0), COORDINATOR, COORDINATOR_PHONE),
            leaf(Some(1), NURSE, NURSE_PHONE),
        ];
        assert_eq!(leaves(&room.server), Ok(expected.clone()));
        assert_eq!(leaves(room.nurses_group.public_group()), Ok(expected));
    }
}

// ------------------------------------------------------------ group context

#[test]
fn the_roster_survives_the_group_context() {
    for suite in suites() {
        let room = Room::new(suite);
        let extensions = room.server.group_context().extensions();
        assert_eq!(roster_of(extensions), Ok(roster(1)));
        assert_eq!(roster_of(room.group.extensions()), Ok(roster(1)));
    }
}

#[test]
fn a_group_context_holds_the_roster_and_nothing_else() {
    let refused = Err(MlsFormatError::GroupContext);
    let extensions = |list: Vec<Extension>| Extensions::from_vec(list).expect("a list");
    let parts: Vec<_> = group_extensions(&roster(1)).iter().cloned().collect();
    assert_eq!(roster_of(&extensions(parts.clone())), Ok(roster(1)));
    assert_eq!(roster_of(&Extensions::empty()), refused);
    assert_eq!(
        roster_of(&extensions(parts[..1].to_vec())),
        refused,
        "no roster"
    );
    assert_eq!(
        roster_of(&extensions(parts[1..].to_vec())),
        refused,
        "not required"
    );

    let mut more = parts.clone();
    more.push(Extension::Unknown(
        0xF0FF,
        UnknownExtension(b"Anna".to_vec()),
    ));
    assert_eq!(roster_of(&extensions(more)), refused, "an extra extension");

    let required =
        RequiredCapabilitiesExtension::new(&[ExtensionType::Unknown(ROSTER_EXTENSION)], &[], &[]);
    let lax = vec![Extension::RequiredCapabilities(required), parts[1].clone()];
    assert_eq!(roster_of(&extensions(lax)), refused, "any credential");

    let mut padded = roster(1).encode_to_vec();
    padded.extend([0x7a, 4]);
    padded.extend(b"Anna");
    for bytes in [padded, b"\xff".to_vec()] {
        let unknown = Extension::Unknown(ROSTER_EXTENSION, UnknownExtension(bytes));
        let list = vec![parts[0].clone(), unknown];
        assert_eq!(roster_of(&extensions(list)), refused);
    }
}

// proves: M7
#[test]
fn the_chain_covers_what_a_message_binds_and_not_its_ciphertext() {
    use crate::chain::{GENESIS, authenticated_data, channel_entry};
    use crate::v1::{ChannelEntry, EntryKind};

    for number in SUITES {
        let suite = ciphersuite(number).expect("a suite of ours");
        let phone = Phone::new(COORDINATOR, COORDINATOR_PHONE);
        let mut group = phone.create(suite, lifetime());
        for length in [0, 1, 63, 64, 300, 16_383, 16_384, 70_000] {
            let aad = vec![7; length];
            group.set_aad(aad.clone());
            let message = group
                .create_message(&phone.provider, &phone.signer(), b"a text")
                .expect("encrypts");
            let bytes = message.to_bytes().expect("encodes");
            assert_eq!(authenticated_data(&bytes), Some(aad.as_slice()));
            for cut in 0..bytes.len().min(100) {
                assert!(authenticated_data(&bytes[..cut]).is_none_or(|data| data.len() < cut));
            }

            let entry = |payload: Vec<u8>, kind: EntryKind| ChannelEntry {
                kind: kind.into(),
                payload: payload.into(),
                ..ChannelEntry::default()
            };
            let hash = |bytes: &[u8], kind| channel_entry(&GENESIS, &entry(bytes.to_vec(), kind));
            let mut other_ciphertext = bytes.clone();
            *other_ciphertext.last_mut().expect("bytes") ^= 1;
            let message = EntryKind::Message;
            assert_eq!(hash(&bytes, message), hash(&other_ciphertext, message));
            if length > 0 {
                let data = authenticated_data(&bytes).expect("data");
                let at = data.as_ptr().addr() - bytes.as_ptr().addr();
                let mut other_data = bytes.clone();
                other_data[at] ^= 1;
                assert_ne!(hash(&bytes, message), hash(&other_data, message));
            }
            // Anything else is covered as a whole.
            let commit = EntryKind::Commit;
            assert_ne!(hash(&bytes, commit), hash(&other_ciphertext, commit));
        }
    }
}
