//! Two members whose groups live in SQLite only: every operation loads the group afresh.
#![expect(clippy::unwrap_used, reason = "a failed test may panic")]

use openmls::prelude::{tls_codec::Deserialize, *};
use openmls_traits::{
    crypto::OpenMlsCrypto,
    signatures::{Signer, SignerError},
    types::SignatureScheme,
};
use rusqlite::Connection;

use crate::mls::{Crypto, Provider, Refusal, storage::SCHEMA};

const CLASSIC: Ciphersuite = Ciphersuite::MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519;
const XWING: Ciphersuite = Ciphersuite::MLS_128_MLKEM768X25519_AES128GCM_SHA256_Ed25519;

struct Device {
    conn: Connection,
    crypto: Crypto,
    refusal: Refusal,
    private: Vec<u8>,
    public: Vec<u8>,
    suite: Ciphersuite,
}

impl Signer for Device {
    fn sign(&self, payload: &[u8]) -> Result<Vec<u8>, SignerError> {
        self.crypto
            .sign(SignatureScheme::ED25519, payload, &self.private)
            .map_err(|_| SignerError::SigningError)
    }

    fn signature_scheme(&self) -> SignatureScheme {
        SignatureScheme::ED25519
    }
}

impl Device {
    fn new(suite: Ciphersuite) -> Self {
        let conn = Connection::open_in_memory().unwrap();
        conn.execute_batch(SCHEMA).unwrap();
        let crypto = Crypto::new().expect("randomness");
        let (private, public) = crypto.signature_key_gen(SignatureScheme::ED25519).unwrap();
        Self {
            conn,
            crypto,
            refusal: Refusal::default(),
            private,
            public,
            suite,
        }
    }

    fn provider(&self) -> Provider<'_> {
        Provider::new(&self.crypto, &self.conn, &self.refusal)
    }

    fn credential(&self) -> CredentialWithKey {
        CredentialWithKey {
            credential: BasicCredential::new(self.public.clone()).into(),
            signature_key: self.public.as_slice().into(),
        }
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::new(None, Some(&[self.suite]), None, None, None)
    }

    fn create(&self) -> GroupId {
        MlsGroup::builder()
            .ciphersuite(self.suite)
            .with_capabilities(self.capabilities())
            .with_wire_format_policy(MIXED_PLAINTEXT_WIRE_FORMAT_POLICY)
            .use_ratchet_tree_extension(false)
            .build(&self.provider(), self, self.credential())
            .unwrap()
            .group_id()
            .clone()
    }

    fn key_package(&self) -> KeyPackage {
        KeyPackage::builder()
            .leaf_node_capabilities(self.capabilities())
            .build(self.suite, &self.provider(), self, self.credential())
            .unwrap()
            .key_package()
            .clone()
    }

    fn group(&self, id: &GroupId) -> MlsGroup {
        MlsGroup::load(self.provider().storage(), id)
            .unwrap()
            .unwrap()
    }

    fn add(
        &self,
        id: &GroupId,
        key_package: KeyPackage,
    ) -> (MlsMessageOut, MlsMessageOut, RatchetTreeIn) {
        let (commit, welcome, _) = self
            .group(id)
            .add_members(&self.provider(), self, &[key_package])
            .unwrap();
        // Loaded again on purpose: the pending commit, too, must come from the database.
        let mut group = self.group(id);
        group.merge_pending_commit(&self.provider()).unwrap();
        (commit, welcome, self.group(id).export_ratchet_tree().into())
    }

    fn join(&self, welcome: MlsMessageOut, tree: RatchetTreeIn) {
        let MlsMessageBodyIn::Welcome(welcome) = wire(welcome).extract() else {
            panic!("not a Welcome")
        };
        let config = MlsGroupJoinConfig::builder()
            .wire_format_policy(MIXED_PLAINTEXT_WIRE_FORMAT_POLICY)
            .use_ratchet_tree_extension(false)
            .build();
        StagedWelcome::new_from_welcome(&self.provider(), &config, welcome, Some(tree))
            .unwrap()
            .into_group(&self.provider())
            .unwrap();
    }

    fn say(&self, id: &GroupId, text: &[u8]) -> MlsMessageOut {
        self.group(id)
            .create_message(&self.provider(), self, text)
            .unwrap()
    }

    fn read(&self, id: &GroupId, message: MlsMessageOut) -> Vec<u8> {
        match self.process(id, message).into_content() {
            ProcessedMessageContent::ApplicationMessage(text) => text.into_bytes(),
            other => panic!("not a message: {other:?}"),
        }
    }

    fn follow(&self, id: &GroupId, commit: MlsMessageOut) {
        let mut group = self.group(id);
        let message = wire(commit).try_into_protocol_message().unwrap();
        match group
            .process_message(&self.provider(), message)
            .unwrap()
            .into_content()
        {
            ProcessedMessageContent::StagedCommitMessage(staged) => {
                group
                    .merge_staged_commit(&self.provider(), *staged)
                    .unwrap();
            }
            other => panic!("not a commit: {other:?}"),
        }
    }

    fn process(&self, id: &GroupId, message: MlsMessageOut) -> ProcessedMessage {
        let message = wire(message).try_into_protocol_message().unwrap();
        self.group(id)
            .process_message(&self.provider(), message)
            .unwrap()
    }

    fn self_update(&self, id: &GroupId) -> MlsMessageOut {
        let commit = self
            .group(id)
            .self_update(&self.provider(), self, LeafNodeParameters::default())
            .unwrap()
            .into_commit();
        self.group(id)
            .merge_pending_commit(&self.provider())
            .unwrap();
        commit
    }

    fn epoch(&self, id: &GroupId) -> u64 {
        self.group(id).epoch().as_u64()
    }

    fn rows(&self) -> Vec<(String, u32)> {
        let mut statement = self
            .conn
            .prepare("SELECT key, length(value) FROM mls ORDER BY key")
            .unwrap();
        statement
            .query_map([], |row| Ok((row.get::<_, Vec<u8>>(0)?, row.get(1)?)))
            .unwrap()
            .map(|row| {
                let (key, size) = row.unwrap();
                let label = key.split(|byte| *byte == 0).next().unwrap();
                (String::from_utf8(label.to_vec()).unwrap(), size)
            })
            .collect()
    }
}

fn wire(message: MlsMessageOut) -> MlsMessageIn {
    MlsMessageIn::tls_deserialize_exact(message.to_bytes().unwrap()).unwrap()
}

fn pair(suite: Ciphersuite) -> (Device, Device, GroupId) {
    let (nurse, doctor) = (Device::new(suite), Device::new(suite));
    let id = nurse.create();
    let (_, welcome, tree) = nurse.add(&id, doctor.key_package());
    doctor.join(welcome, tree);
    (nurse, doctor, id)
}

fn talk(suite: Ciphersuite) {
    let (nurse, doctor, id) = pair(suite);
    for round in 0..3_u8 {
        assert_eq!(doctor.read(&id, nurse.say(&id, &[round, 1])), [round, 1]);
        assert_eq!(nurse.read(&id, doctor.say(&id, &[round, 2])), [round, 2]);
        let (from, to) = if round % 2 == 0 {
            (&nurse, &doctor)
        } else {
            (&doctor, &nurse)
        };
        to.follow(&id, from.self_update(&id));
    }
    assert_eq!(nurse.epoch(&id), 4);
    assert_eq!(
        nurse.group(&id).epoch_authenticator().as_slice(),
        doctor.group(&id).epoch_authenticator().as_slice()
    );
}

#[test]
fn two_members_talk_across_restarts() {
    talk(CLASSIC);
}

#[test]
fn two_members_talk_across_restarts_with_the_post_quantum_suite() {
    talk(XWING);
}

#[test]
fn a_rolled_back_commit_leaves_the_old_epoch_and_can_be_processed_again() {
    for suite in [CLASSIC, XWING] {
        let (nurse, mut doctor, id) = pair(suite);
        let commit = nurse.self_update(&id);
        let before = doctor.rows();

        // As when the device is killed, or another write of the same entry fails, after the merge.
        doctor.conn.execute_batch("BEGIN").unwrap();
        doctor.follow(&id, commit.clone());
        assert_eq!(doctor.epoch(&id), 2);
        doctor.conn.execute_batch("ROLLBACK").unwrap();
        assert_eq!(doctor.epoch(&id), 1);
        assert_eq!(doctor.rows(), before);

        // The same inside a savepoint, as each log entry runs.
        let mut transaction = doctor.conn.transaction().unwrap();
        let savepoint = transaction.savepoint().unwrap();
        follow_on(&savepoint, &doctor.crypto, &id, commit.clone());
        drop(savepoint);
        transaction.commit().unwrap();
        assert_eq!(doctor.epoch(&id), 1);

        doctor.follow(&id, commit);
        assert_eq!(doctor.epoch(&id), 2);
        assert_eq!(
            doctor.read(&id, nurse.say(&id, b"dressing changed")),
            b"dressing changed"
        );
        assert_eq!(nurse.read(&id, doctor.say(&id, b"thank you")), b"thank you");
    }
}

fn follow_on(conn: &Connection, crypto: &Crypto, id: &GroupId, commit: MlsMessageOut) {
    let refusal = Refusal::default();
    let provider = Provider::new(crypto, conn, &refusal);
    let mut group = MlsGroup::load(provider.storage(), id).unwrap().unwrap();
    let message = wire(commit).try_into_protocol_message().unwrap();
    match group
        .process_message(&provider, message)
        .unwrap()
        .into_content()
    {
        ProcessedMessageContent::StagedCommitMessage(staged) => {
            group.merge_staged_commit(&provider, *staged).unwrap()
        }
        other => panic!("not a commit: {other:?}"),
    }
    assert_eq!(group.epoch().as_u64(), 2);
}

#[test]
fn a_message_that_was_rolled_back_can_be_read_again() {
    let (nurse, doctor, id) = pair(CLASSIC);
    let message = nurse.say(&id, b"fever since noon");
    doctor.conn.execute_batch("BEGIN").unwrap();
    assert_eq!(doctor.read(&id, message.clone()), b"fever since noon");
    doctor.conn.execute_batch("ROLLBACK").unwrap();
    assert_eq!(doctor.read(&id, message), b"fever since noon");
}

#[test]
fn a_welcome_that_was_rolled_back_can_be_opened_again() {
    let (nurse, doctor) = (Device::new(XWING), Device::new(XWING));
    let id = nurse.create();
    let (_, welcome, tree) = nurse.add(&id, doctor.key_package());
    doctor.conn.execute_batch("BEGIN").unwrap();
    doctor.join(welcome.clone(), tree.clone());
    doctor.conn.execute_batch("ROLLBACK").unwrap();
    doctor.join(welcome, tree);
    assert_eq!(doctor.read(&id, nurse.say(&id, b"welcome")), b"welcome");
}

#[test]
fn a_deleted_group_leaves_only_key_packages() {
    let (nurse, doctor, id) = pair(XWING);
    doctor.follow(&id, nurse.self_update(&id));
    nurse.follow(&id, doctor.self_update(&id));
    nurse.key_package();
    doctor.key_package();
    for device in [&nurse, &doctor] {
        let mut group = device.group(&id);
        group.delete(device.provider().storage()).unwrap();
        assert!(
            MlsGroup::load(device.provider().storage(), &id)
                .unwrap()
                .is_none()
        );
        let left: Vec<_> = device.rows().into_iter().map(|(label, _)| label).collect();
        assert_eq!(left, ["KeyPackage"]);
    }
}

#[test]
fn queued_proposals_come_back_in_order_and_leave_one_by_one() {
    let (nurse, doctor, id) = pair(CLASSIC);
    let third = Device::new(CLASSIC);
    let (_, first) = nurse
        .group(&id)
        .propose_add_member(&nurse.provider(), &nurse, &doctor.key_package())
        .unwrap();
    let (_, second) = nurse
        .group(&id)
        .propose_add_member(&nurse.provider(), &nurse, &third.key_package())
        .unwrap();
    let queued = |device: &Device| {
        device
            .group(&id)
            .pending_proposals()
            .map(|proposal| proposal.proposal_reference_ref().clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(queued(&nurse), [first.clone(), second.clone()]);
    nurse
        .group(&id)
        .remove_pending_proposal(nurse.provider().storage(), &first)
        .unwrap();
    assert_eq!(queued(&nurse), [second]);
    nurse
        .group(&id)
        .clear_pending_proposals(nurse.provider().storage())
        .unwrap();
    assert!(queued(&nurse).is_empty());
    assert!(
        nurse
            .rows()
            .iter()
            .all(|(label, _)| label != "QueuedProposals")
    );
}
