//! A server on the memory store, devices with keys and MLS groups, and the two
//! ways of speaking to it: raw HTTP and WebSocket.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use ed25519_dalek::SigningKey;
use futures_util::{SinkExt, StreamExt};
use openmls::prelude::{
    CredentialWithKey, KeyPackage, KeyPackageIn, LeafNodeIndex, MIXED_PLAINTEXT_WIRE_FORMAT_POLICY,
    MlsGroup, MlsMessageBodyIn, MlsMessageIn, ProtocolVersion, RatchetTreeIn, StagedWelcome,
};
use openmls::group::{GroupId, MlsGroupJoinConfig};
use openmls_rust_crypto::OpenMlsRustCrypto;
use openmls_traits::OpenMlsProvider;
use openmls_traits::signatures::{Signer, SignerError};
use openmls_traits::types::SignatureScheme;
use prost::Message as _;
use relais_server::store::{Founding, LogStore, MemoryDisk, Store};
use relais_server::{Config, Server, founding};
use relais_wire::ids::{ChannelId, DeviceId, ProfessionalId, StructureId};
use relais_wire::label::{self, Label};
use relais_wire::mls;
use relais_wire::roster::{CheckedRoster, Member, sign_roster};
use relais_wire::structure::sign_statement;
use relais_wire::v1::*;
use sha2::{Digest, Sha256};
use tls_codec::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::Message;

pub const NOW: u64 = 1_800_000_000_000;
const SUITE: u16 = mls::SUITE_X25519;

pub struct Rig {
    pub server: Option<Server>,
    pub address: String,
    pub disk: MemoryDisk,
    pub clock: Arc<AtomicU64>,
    pub folder: tempfile::TempDir,
    pub founding: Founding,
    pub setup_key: SigningKey,
}

impl Rig {
    /// A founded server without any statement.
    pub async fn founded() -> Self {
        let disk = MemoryDisk::default();
        let (founding, link) = founding::found("http://relais.test").expect("randomness");
        let store = LogStore::open_memory(&disk).expect("store");
        store.found(founding.clone()).await.expect("founded");
        store.close().await.expect("closed");
        let mut rig = Self {
            server: None,
            address: String::new(),
            disk,
            clock: Arc::new(AtomicU64::new(NOW)),
            folder: tempfile::tempdir().expect("folder"),
            founding,
            setup_key: SigningKey::from_bytes(&link.seed),
        };
        rig.start().await;
        rig
    }

    /// And its first coordinator.
    pub async fn set_up() -> (Self, Device) {
        let rig = Self::founded().await;
        let coordinator = Device::new(rig.founding.structure, 1);
        let (status, _) = rig.enrol(&set_up_request(&rig, &coordinator)).await;
        assert_eq!(status, 200);
        (rig, coordinator)
    }

    pub async fn start(&mut self) {
        let store: Arc<dyn Store> = Arc::new(LogStore::open_memory(&self.disk).expect("store"));
        let clock = self.clock.clone();
        let mut config = Config::new(self.folder.path());
        config.clock = Arc::new(move || clock.load(Ordering::Relaxed));
        config.public_url = Some("http://relais.test".into());
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("port");
        self.address = listener.local_addr().expect("address").to_string();
        self.server = Some(relais_server::serve(listener, store, config).await.expect("serves"));
    }

    pub async fn stop(&mut self) {
        let server = self.server.take().expect("running");
        server.shutdown().await.expect("stops");
    }

    pub async fn enrol(&self, request: &EnrolRequest) -> (u16, Vec<u8>) {
        let answer = self.http("POST", "/v1/enrol", &[], &request.encode_to_vec()).await;
        (answer.status, answer.body)
    }

    /// Invites and enrols a professional with one device.
    pub async fn enrolled(&self, coordinator: &mut Device, socket: &mut Socket, seed: u8) -> Device {
        let device = Device::new(self.founding.structure, seed);
        let invitation = coordinator.invite(&device, NOW + 1_000_000);
        let operation = send::Operation::AppendStatements(AppendStatements {
            statements: vec![invitation.into()],
        });
        coordinator.asks(socket, operation).await.expect_done();
        let (status, _) = self.enrol(&device.enrolment()).await;
        assert_eq!(status, 200);
        device
    }

    pub async fn http(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Http {
        let length = body.len();
        self.partial_http(method, path, headers, body, length).await
    }

    /// Announces `length` bytes, sends `body`, and hangs up when that is fewer.
    pub async fn partial_http(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
        length: usize,
    ) -> Http {
        let mut stream = TcpStream::connect(&self.address).await.expect("connects");
        let mut head = format!(
            "{method} {path} HTTP/1.1\r\nHost: relais.test\r\nConnection: close\r\nContent-Length: {length}\r\n"
        );
        for (name, value) in headers {
            head += &format!("{name}: {value}\r\n");
        }
        stream.write_all((head + "\r\n").as_bytes()).await.expect("sends");
        // The server may answer and close before it has read everything.
        let _ = stream.write_all(body).await;
        if body.len() < length {
            stream.flush().await.expect("flushes");
            tokio::time::sleep(Duration::from_millis(50)).await;
            return Http::default();
        }
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        Http::parse(&answer, method)
    }

    /// A socket that has received its challenge.
    pub async fn challenged(&self) -> (Socket, Challenge) {
        let url = format!("ws://{}/v1/ws", self.address);
        let (stream, _) = tokio_tungstenite::connect_async(url).await.expect("upgrades");
        let mut socket = Socket { stream };
        let server_frame::Frame::Challenge(challenge) = socket.next().await else {
            panic!("challenge first");
        };
        (socket, challenge)
    }

    pub async fn connect(&self, device: &mut Device) -> (Socket, Ready) {
        let (mut socket, challenge) = self.challenged().await;
        socket.send(device.hello(&challenge)).await;
        match socket.next().await {
            server_frame::Frame::Ready(ready) => (socket, ready),
            other => panic!("no ready: {other:?}"),
        }
    }
}

#[derive(Debug, Default)]
pub struct Http {
    pub status: u16,
    pub headers: BTreeMap<String, String>,
    pub body: Vec<u8>,
}

impl Http {
    fn parse(answer: &[u8], method: &str) -> Self {
        let end = answer.windows(4).position(|w| w == b"\r\n\r\n").expect("a head");
        let head = std::str::from_utf8(&answer[..end]).expect("text");
        let mut lines = head.split("\r\n");
        let status = lines.next().and_then(|l| l.split(' ').nth(1)?.parse().ok());
        let headers: BTreeMap<_, _> = lines
            .filter_map(|l| l.split_once(": "))
            .map(|(n, v)| (n.to_lowercase(), v.to_owned()))
            .collect();
        let mut body = answer[end + 4..].to_vec();
        if method == "HEAD" {
            body.clear();
        }
        assert!(!headers.contains_key("transfer-encoding"), "lengths are known");
        Self { status: status.expect("status"), headers, body }
    }

    pub fn refusal(&self) -> RefusalCode {
        Refusal::decode(&self.body[..]).expect("a refusal").code()
    }
}

pub struct Socket {
    pub stream: tokio_tungstenite::WebSocketStream<tokio_tungstenite::MaybeTlsStream<TcpStream>>,
}

impl Socket {
    pub async fn raw(&mut self, bytes: Vec<u8>) {
        self.stream.send(Message::Binary(bytes.into())).await.expect("sends");
    }

    pub async fn send(&mut self, frame: client_frame::Frame) {
        let frame = Some(frame);
        self.raw(ClientFrame { frame }.encode_to_vec()).await;
    }

    pub async fn subscribe(&mut self, log: subscribe::Log) {
        let log = Some(log);
        self.send(client_frame::Frame::Subscribe(Subscribe { log })).await;
    }

    pub async fn follow(&mut self, channel: ChannelId, after_seq: u64) {
        let channel_id = channel.to_bytes();
        self.subscribe(subscribe::Log::Channel(ChannelCursor { channel_id, after_seq })).await;
    }

    /// The next frame, or `None` when the server ended the connection.
    pub async fn try_next(&mut self) -> Option<server_frame::Frame> {
        loop {
            let message = tokio::time::timeout(Duration::from_secs(5), self.stream.next());
            match message.await.expect("a frame in time")? {
                Ok(Message::Binary(bytes)) => {
                    return ServerFrame::decode(bytes).expect("a server frame").frame;
                }
                Ok(Message::Close(_)) | Err(_) => return None,
                Ok(_) => {}
            }
        }
    }

    pub async fn next(&mut self) -> server_frame::Frame {
        self.try_next().await.expect("connection open")
    }

    /// The next frame that is not a summary of cursors.
    pub async fn next_item(&mut self) -> server_frame::Frame {
        loop {
            match self.next().await {
                server_frame::Frame::Cursors(_) => {}
                other => return other,
            }
        }
    }

    pub async fn next_entry(&mut self) -> ChannelEntry {
        match self.next_item().await {
            server_frame::Frame::Delivery(Delivery { item: Some(delivery::Item::Channel(e)) }) => e,
            other => panic!("no entry: {other:?}"),
        }
    }

    pub async fn next_caught_up(&mut self) -> caught_up::Log {
        match self.next_item().await {
            server_frame::Frame::CaughtUp(CaughtUp { log: Some(log) }) => log,
            other => panic!("not caught up: {other:?}"),
        }
    }

    pub async fn next_closing(&mut self) -> RefusalCode {
        loop {
            if let server_frame::Frame::Closing(closing) = self.next().await {
                return closing.code();
            }
        }
    }

    /// Nothing arrives for a while.
    pub async fn is_silent(&mut self) {
        let next = tokio::time::timeout(Duration::from_millis(400), self.stream.next()).await;
        assert!(next.is_err(), "unexpected: {next:?}");
    }
}

pub trait AnswerExt {
    fn expect_appended(&self) -> Appended;
    fn expect_done(&self);
    fn expect_refusal(&self) -> RefusalCode;
}

impl AnswerExt for Answer {
    fn expect_appended(&self) -> Appended {
        match &self.result {
            Some(answer::Result::Appended(appended)) => *appended,
            other => panic!("not appended: {other:?}"),
        }
    }

    fn expect_done(&self) {
        assert!(matches!(self.result, Some(answer::Result::Done(_))), "{self:?}");
    }

    fn expect_refusal(&self) -> RefusalCode {
        match &self.result {
            Some(answer::Result::Refusal(refusal)) => refusal.code(),
            other => panic!("not refused: {other:?}"),
        }
    }
}

/// A professional with one device.
pub struct Device {
    pub structure: StructureId,
    pub professional: ProfessionalId,
    pub professional_key: SigningKey,
    pub device: DeviceId,
    pub key: SigningKey,
    pub enrolment_key: SigningKey,
    pub counter: u64,
    pub lease: u8,
    pub provider: OpenMlsRustCrypto,
    pub head: LogHead,
}

impl Signer for Device {
    fn sign(&self, payload: &[u8]) -> Result<Vec<u8>, SignerError> {
        use ed25519_dalek::Signer as _;
        Ok(self.key.sign(payload).to_bytes().to_vec())
    }

    fn signature_scheme(&self) -> SignatureScheme {
        SignatureScheme::ED25519
    }
}

pub fn public(key: &SigningKey) -> bytes::Bytes {
    key.verifying_key().to_bytes().to_vec().into()
}

pub fn set_up_request(rig: &Rig, coordinator: &Device) -> EnrolRequest {
    let root = SigningKey::from_bytes(&[200; 32]);
    let structure_id = rig.founding.structure.to_bytes();
    let created = StructureCreated {
        structure_id: structure_id.clone(),
        root_key: public(&root),
        ciphersuite: SUITE.into(),
    };
    let certified = CoordinatorCertified {
        structure_id,
        professional_id: coordinator.professional.to_bytes(),
        professional_key: public(&coordinator.professional_key),
    };
    let created = sign_statement(StatementKind::StructureCreated, &created, &[&root]);
    let keys = [&root, &coordinator.professional_key];
    let certified = sign_statement(StatementKind::CoordinatorCertified, &certified, &keys);
    let statements = [created, certified, coordinator.added()];
    let digests: Vec<u8> = statements.iter().flat_map(|s| Sha256::digest(s).to_vec()).collect();
    EnrolRequest {
        statements: statements.into_iter().map(Into::into).collect(),
        setup_signature: label::sign(&rig.setup_key, Label::Enrol, &digests),
    }
}

impl Device {
    pub fn new(structure: StructureId, seed: u8) -> Self {
        let key = |n: u8| SigningKey::from_bytes(&[seed, n].repeat(16).try_into().expect("32"));
        Self {
            structure,
            professional: ProfessionalId([seed; 16]),
            professional_key: key(1),
            device: DeviceId([seed; 16]),
            key: key(2),
            enrolment_key: key(3),
            counter: 0,
            lease: 0,
            provider: OpenMlsRustCrypto::default(),
            head: LogHead::default(),
        }
    }

    pub fn added(&self) -> Vec<u8> {
        let body = DeviceAdded {
            structure_id: self.structure.to_bytes(),
            professional_id: self.professional.to_bytes(),
            device_id: self.device.to_bytes(),
            device_key: public(&self.key),
            sealing_key: vec![1; 32].into(),
        };
        sign_statement(StatementKind::DeviceAdded, &body, &[&self.professional_key, &self.key])
    }

    pub fn enrolment(&self) -> EnrolRequest {
        let body = ProfessionalEnrolled {
            structure_id: self.structure.to_bytes(),
            enrolment_key: public(&self.enrolment_key),
            professional_id: self.professional.to_bytes(),
            professional_key: public(&self.professional_key),
        };
        let keys = [&self.enrolment_key, &self.professional_key];
        let enrolled = sign_statement(StatementKind::ProfessionalEnrolled, &body, &keys);
        EnrolRequest {
            statements: vec![enrolled.into(), self.added().into()],
            setup_signature: bytes::Bytes::new(),
        }
    }

    pub fn invite(&self, other: &Device, expires_at_ms: u64) -> Vec<u8> {
        let body = InvitationIssued {
            structure_id: self.structure.to_bytes(),
            enrolment_key: public(&other.enrolment_key),
            professional_id: other.professional.to_bytes(),
            role: StructureRole::Professional.into(),
            expires_at_ms,
            issuer: self.professional.to_bytes(),
        };
        sign_statement(StatementKind::InvitationIssued, &body, &[&self.professional_key])
    }

    pub fn revoke(&self, other: &Device) -> Vec<u8> {
        let body = DeviceRevoked {
            structure_id: self.structure.to_bytes(),
            device_id: other.device.to_bytes(),
            signer: self.professional.to_bytes(),
        };
        sign_statement(StatementKind::DeviceRevoked, &body, &[&self.professional_key])
    }

    pub fn hello_body(&mut self, challenge: &Challenge) -> HelloBody {
        let previous = self.lease;
        self.lease += 1;
        HelloBody {
            nonce: challenge.nonce.clone(),
            structure_id: challenge.structure_id.clone(),
            device_id: self.device.to_bytes(),
            protocol_version: relais_wire::PROTOCOL_VERSION,
            client_version: 1,
            lease: vec![self.lease; 16].into(),
            previous_lease: vec![previous; 16].into(),
            send_counter: self.counter,
        }
    }

    pub fn sign_hello(&self, body: &HelloBody) -> client_frame::Frame {
        let body = body.encode_to_vec();
        let signature = label::sign(&self.key, Label::Hello, &body);
        client_frame::Frame::Hello(Hello { body: body.into(), signature })
    }

    pub fn hello(&mut self, challenge: &Challenge) -> client_frame::Frame {
        let body = self.hello_body(challenge);
        self.sign_hello(&body)
    }

    /// Sends a request under a new counter and waits for its answer.
    pub async fn asks(&mut self, socket: &mut Socket, operation: send::Operation) -> Answer {
        self.counter += 1;
        let send = Send { send_counter: self.counter, operation: Some(operation) };
        self.repeats(socket, send).await
    }

    pub async fn repeats(&self, socket: &mut Socket, send: Send) -> Answer {
        let counter = send.send_counter;
        socket.send(client_frame::Frame::Send(send)).await;
        loop {
            if let server_frame::Frame::Answer(answer) = socket.next().await {
                assert_eq!(answer.send_counter, counter);
                return answer;
            }
        }
    }

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
        bundle.expect("key package").key_package().tls_serialize_detached().expect("bytes")
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
                (*id, Member { role: *role, expires_at_ms: *expires_at_ms })
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
        let info = group.export_group_info(self.provider.crypto(), self, false).expect("info");
        let create = CreateChannel {
            channel_id: channel.to_bytes(),
            group_info: info.to_bytes().expect("bytes").into(),
            ratchet_tree: group.export_ratchet_tree().tls_serialize_detached().expect("b").into(),
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
            builder = builder.propose_group_context_extensions(extensions).expect("extensions");
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
        let welcome = welcome.map(|w| w.to_bytes().expect("bytes")).unwrap_or_default();
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
    pub fn message(&self, group: &mut MlsGroup, event_counter: u64, blobs: &[[u8; 16]]) -> AppendMessage {
        let aad = MessageAad {
            event_id: vec![event_counter as u8; 16].into(),
            event_counter,
            signed_event_hash: vec![1; 32].into(),
            blob_ids: blobs.iter().map(|b| b.to_vec().into()).collect(),
            send_counter: self.counter + 1,
        };
        group.set_aad(aad.encode_to_vec());
        let message = group.create_message(&self.provider, self, b"opaque").expect("message");
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
