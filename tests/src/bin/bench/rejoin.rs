//! The `rejoin` measurement: a device comes back to its channel, and the bare external
//! commit of openmls into the very same group, with the same cryptography, keys and
//! bytes from the server, its state in memory and nothing judged or durable.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use ed25519_dalek::SigningKey;
use openmls::group::MlsGroupJoinConfig;
use openmls::prelude::{
    LeafNodeParameters, MlsGroup, MlsMessageBodyIn, MlsMessageIn,
    PURE_PLAINTEXT_WIRE_FORMAT_POLICY, RatchetTreeIn,
};
use openmls_rust_crypto::MemoryStorage;
use openmls_traits::OpenMlsProvider;
use prost::Message as _;
use prost::bytes::Bytes;
use relais_core::mls::Crypto;
use relais_core::query::ThreadState;
use relais_tests::world::{StoreKind, Who, World};
use relais_wire::ids::ChannelId;
use relais_wire::mls::{PADDING, capabilities};
use relais_wire::v1::{
    CaughtUp, CommitAad, Group, GroupState, ServerFrame, Trimmed, caught_up, group, server_frame,
};
use serde_json::json;
use tls_codec::{Deserialize, Serialize};

use crate::Outcome;
use crate::device::Device;
use crate::report::{Report, Times};

/// Who comes back: an ordinary member.
const WHO: Who = 1;
/// Between two returns: eight in a day are too many.
const PAUSE_MS: u64 = 4 * 3_600_000;
/// Turns of the world within which something must have happened.
const TURNS: usize = 2_000;

/// What is measured.
#[derive(Debug, Clone, Copy, clap::Args)]
pub struct Size {
    /// Devices of the group.
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u64).range(2..=64))]
    pub members: u64,
    /// Returns, one after the other.
    #[arg(long, default_value_t = 40, value_parser = clap::value_parser!(u64).range(1..=1000))]
    pub rounds: u64,
}

/// Frames that the world keeps from the device, so that they are applied under a clock.
#[derive(Clone, Default)]
struct Held(Arc<Mutex<Vec<server_frame::Frame>>>);

impl Held {
    fn push(&self, frame: server_frame::Frame) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(frame);
    }

    fn take(&self) -> Vec<server_frame::Frame> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// openmls's own provider, but for the source of cryptography.
struct Bare {
    crypto: Crypto,
    storage: MemoryStorage,
}

impl OpenMlsProvider for Bare {
    type CryptoProvider = Crypto;
    type RandProvider = Crypto;
    type StorageProvider = MemoryStorage;

    fn storage(&self) -> &MemoryStorage {
        &self.storage
    }

    fn crypto(&self) -> &Crypto {
        &self.crypto
    }

    fn rand(&self) -> &Crypto {
        &self.crypto
    }
}

/// By then each device has a leaf of its own making.
const RENEWED_MS: u64 = 11_000;

/// Runs everything; about a second for each return.
pub async fn measure(size: Size) -> Outcome<Report> {
    let mut report = Report::new();
    let mut world = World::new(StoreKind::Memory).await;
    let mut others = Vec::new();
    for number in 1..size.members {
        others.push(world.add_user(&format!("Membre {number}")).await);
    }
    let channel = world.thread(0, "Mesure", &others).await;
    let mut times: [Times; 3] = Default::default();
    let mut bytes = 0;
    let own = own_keys(&mut world)?;
    world.settle().await;
    // Everybody renews their leaf soon after joining: none may come in between.
    world.advance(RENEWED_MS);
    world.settle().await;
    for _ in 0..size.rounds {
        lose_log(&mut world, channel)?;
        let shown = group_shown(&mut world).await?;
        let Some(group::Result::State(state)) = &shown.result else {
            return Err("the server shows no group".into());
        };
        let (taken, commit) = bare(&own, state)?;
        bytes = commit;
        times[0].note(taken);
        let [staged, settled] = come_back(&mut world, channel, shown).await?;
        times[1].note(staged);
        times[2].note(settled);
        world.advance(PAUSE_MS);
        world.settle().await;
    }
    let [bare, staged, settled] = times.each_mut().map(Times::median_us);
    report.put("members", json!(size.members));
    report.put("rounds", json!(size.rounds));
    report.put("commit_bytes", json!(bytes));
    report.figure("bare_external_commit_ms", bare / 1000.0);
    report.figure("engine_commit_ms", staged / 1000.0);
    report.figure("engine_commit_ratio", staged / bare);
    report.figure("engine_settle_ms", settled / 1000.0);
    report.figure("engine_whole_return_ratio", (staged + settled) / bare);
    Ok(report)
}

/// The device's channel needs to be come back to: so the server says.
fn lose_log(world: &mut World, channel: ChannelId) -> Outcome<()> {
    let trimmed = caught_up::Log::Trimmed(Trimmed {
        channel_id: channel.to_bytes(),
        head: None,
    });
    let told = server_frame::Frame::CaughtUp(CaughtUp { log: Some(trimmed) });
    feed(world, told, true)?;
    Ok(())
}

/// The device's own keys, which the bare commit is made with too.
fn own_keys(world: &mut World) -> Outcome<Device> {
    let whoami = world.devices[WHO].engine.whoami()?;
    let now = world.now_ms();
    let mut identity = Err("no identity".into());
    world.devices[WHO].edit_database(now, |db| {
        let read = "SELECT value FROM meta WHERE key = 'identity'";
        let stored = db.query_row(read, [], |row| row.get::<_, Vec<u8>>(0));
        identity = stored.map_err(crate::Failure::from);
    });
    let identity: serde_json::Value = serde_json::from_slice(&identity?)?;
    let seed = identity["device_seed"].as_str().ok_or("no device key")?;
    let seed: [u8; 32] = hex::decode(seed)?.try_into().map_err(|_| "a short key")?;
    let mut own = Device::new(whoami.structure, WHO);
    own.professional = whoami.professional;
    own.device = whoami.device;
    own.key = SigningKey::from_bytes(&seed);
    Ok(own)
}

/// What the server tells of the group, before the device hears it.
async fn group_shown(world: &mut World) -> Outcome<Group> {
    let held = Held::default();
    let keep = held.clone();
    world.devices[WHO].faults.rewrite(move |frame| match frame {
        server_frame::Frame::Group(_) => {
            keep.push(frame);
            None
        }
        other => Some(other),
    });
    for _ in 0..TURNS {
        world.turn().await;
        world.advance(10);
        if let Some(server_frame::Frame::Group(group)) = held.take().pop() {
            return Ok(group);
        }
    }
    Err("the device does not ask for its group".into())
}

/// The engine's commit, durable and ready to go; and all that it does from there until
/// the channel is read to its head.
async fn come_back(world: &mut World, channel: ChannelId, shown: Group) -> Outcome<[Duration; 2]> {
    let held = Held::default();
    let keep = held.clone();
    world.devices[WHO].faults.rewrite(move |frame| {
        keep.push(frame);
        None
    });
    let staged = feed(world, server_frame::Frame::Group(shown), false)?;
    let mut settled = Duration::ZERO;
    for _ in 0..TURNS {
        world.turn().await;
        world.advance(1);
        for frame in held.take() {
            settled += feed(world, frame, true)?;
        }
        let engine = &world.devices[WHO].engine;
        let state = engine.thread(channel)?.state;
        if state == ThreadState::Joined && engine.sync_state()?.caught_up {
            world.devices[WHO].faults.tell_the_truth();
            return Ok([staged, settled]);
        }
    }
    Err("the device does not come back".into())
}

fn feed(world: &mut World, frame: server_frame::Frame, step: bool) -> Outcome<Duration> {
    let frame = ServerFrame { frame: Some(frame) }.encode_to_vec();
    let engine = &mut world.devices[WHO].engine;
    let begun = Instant::now();
    engine.receive(Bytes::from(frame))?;
    while step && engine.step(64)? {}
    Ok(begun.elapsed())
}

/// The same commit by openmls alone, and how long it is.
fn bare(own: &Device, state: &GroupState) -> Outcome<(Duration, usize)> {
    let provider = Bare {
        crypto: Crypto::new()?,
        storage: MemoryStorage::default(),
    };
    let aad = CommitAad {
        structure_head: Some(Default::default()),
        send_counter: 1,
    };
    let config = MlsGroupJoinConfig::builder()
        .wire_format_policy(PURE_PLAINTEXT_WIRE_FORMAT_POLICY)
        .padding_size(PADDING)
        .build();
    let begun = Instant::now();
    let message = MlsMessageIn::tls_deserialize_exact(state.group_info.as_ref())?;
    let MlsMessageBodyIn::GroupInfo(info) = message.extract() else {
        return Err("not a group info".into());
    };
    let tree = RatchetTreeIn::tls_deserialize_exact(state.ratchet_tree.as_ref())?;
    let leaf = LeafNodeParameters::builder()
        .with_capabilities(capabilities(info.ciphersuite()))
        .build();
    let (_, bundle) = MlsGroup::external_commit_builder()
        .with_ratchet_tree(tree)
        .with_config(config)
        .with_aad(aad.encode_to_vec())
        .build_group(&provider, info, own.credential())?
        .leaf_node_parameters(leaf)
        .load_psks(provider.storage())?
        .create_group_info(true)
        .use_ratchet_tree_extension(false)
        .build(provider.rand(), provider.crypto(), own, |_| true)?
        .finalize(&provider)?;
    let (commit, _, info) = bundle.into_messages();
    let commit = commit.tls_serialize_detached()?;
    info.ok_or("no group info")?.tls_serialize_detached()?;
    Ok((begun.elapsed(), commit.len()))
}
