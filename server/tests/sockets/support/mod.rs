//! A server on the memory store, devices with keys and MLS groups, and the two
//! ways of speaking to it: raw HTTP and WebSocket.

mod device;
mod group;
mod pair;
mod wire;

pub use device::{Device, public};
pub use pair::{CHANNEL, Pair};
pub use wire::{AnswerExt, Http, Socket};

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use ed25519_dalek::SigningKey;
use prost::Message as _;
use relais_server::store::{Founding, LogStore, MemoryDisk, Store};
use relais_server::web::File;
use relais_server::{Config, Server, founding};
use relais_wire::label::{self, Label};
use relais_wire::mls;
use relais_wire::structure::sign_statement;
use relais_wire::v1::*;
use sha2::{Digest, Sha256};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

pub const NOW: u64 = 1_800_000_000_000;
pub const SUITE: u16 = mls::SUITE_X25519;

pub struct Rig {
    pub server: Option<Server>,
    pub address: String,
    pub disk: MemoryDisk,
    pub clock: Arc<AtomicU64>,
    pub folder: tempfile::TempDir,
    pub founding: Founding,
    pub setup_key: SigningKey,
    pub public_url: &'static str,
    pub web: &'static [File],
}

impl Rig {
    /// A founded server without any statement.
    pub async fn founded() -> Self {
        let disk = MemoryDisk::default();
        let (founding, link) = founding::found(
            "http://relais.test",
            &relais_server::config::system_random(),
        )
        .expect("randomness");
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
            public_url: "http://relais.test",
            web: &[],
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
        config.public_url = Some(self.public_url.into());
        config.web = self.web;
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("port");
        self.address = listener.local_addr().expect("address").to_string();
        self.server = Some(
            relais_server::serve(listener, store, config)
                .await
                .expect("serves"),
        );
    }

    pub async fn stop(&mut self) {
        let server = self.server.take().expect("running");
        server.shutdown().await.expect("stops");
    }

    pub async fn enrol(&self, request: &EnrolRequest) -> (u16, Vec<u8>) {
        let answer = self
            .http("POST", "/v1/enrol", &[], &request.encode_to_vec())
            .await;
        (answer.status, answer.body)
    }

    /// Invites and enrols a professional with one device.
    pub async fn enrolled(
        &self,
        coordinator: &mut Device,
        socket: &mut Socket,
        seed: u8,
    ) -> Device {
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

    pub async fn http(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Http {
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
        stream
            .write_all((head + "\r\n").as_bytes())
            .await
            .expect("sends");
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
        let (stream, _) = tokio_tungstenite::connect_async(url)
            .await
            .expect("upgrades");
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
    let digests: Vec<u8> = statements
        .iter()
        .flat_map(|s| Sha256::digest(s).to_vec())
        .collect();
    EnrolRequest {
        statements: statements.into_iter().map(Into::into).collect(),
        setup_signature: label::sign(&rig.setup_key, Label::Enrol, &digests),
    }
}
