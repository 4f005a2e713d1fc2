//! Whatever bytes arrive, a device neither panics nor fails nor forgets what it
//! had: 10,000 random and 10,000 damaged frames, with a printed seed.

use prost::bytes::Bytes;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use relais_tests::world::{StoreKind, Who, World};
use relais_wire::ids::ChannelId;

const CASES: usize = 10_000;
/// After so many cases the device starts again from its database: damage that
/// ends a connection or freezes the device must not hide what follows.
const BATCH: usize = 100;

fn seed() -> u64 {
    let given = std::env::var("RELAIS_SEED").ok();
    let seed = given.and_then(|s| s.parse().ok()).unwrap_or(20_260_302);
    println!("seed {seed}");
    seed
}

async fn nurse_with_a_day() -> (World, Who, ChannelId) {
    let mut world = World::new(StoreKind::Memory).await;
    world.hostile = true;
    let nurse = world.add_user("Nadia").await;
    let late = world.add_user("Luc").await;
    let channel = world.thread(0, "Mme Durand", &[nurse]).await;
    for text in ["un", "deux", "trois"] {
        world.say(0, channel, text);
        world.settle().await;
    }
    world.add(0, channel, late);
    world.settle().await;
    (world, nurse, channel)
}

async fn survives(frames: impl Fn(&mut ChaCha8Rng, &[Bytes]) -> Bytes) {
    let mut rng = ChaCha8Rng::seed_from_u64(seed());
    let (mut world, nurse, channel) = nurse_with_a_day().await;
    let recorded = world.devices[nurse].received.clone();
    assert!(recorded.len() > 20);
    let now = world.now_ms();
    let backup = world.devices[nurse].backup(now);
    for _ in 0..CASES / BATCH {
        world.devices[nurse].restore(&backup, now);
        let engine = &mut world.devices[nurse].engine;
        engine.connected().expect("connected");
        for _ in 0..BATCH {
            let frame = frames(&mut rng, &recorded);
            engine.receive(frame).expect("received");
            while engine.step(16).expect("a step") {}
            engine.take_frames();
            engine.take_requests();
        }
        assert_eq!(world.texts(nurse, channel), ["un", "deux", "trois"]);
    }
}

// proves: M9
#[tokio::test]
async fn random_bytes_change_nothing_on_a_device() {
    survives(|rng, _| {
        let length = rng.gen_range(0..400);
        (0..length).map(|_| rng.r#gen::<u8>()).collect()
    })
    .await;
}

// proves: M9
#[tokio::test]
async fn damaged_frames_of_a_real_day_lose_nothing_on_a_device() {
    survives(|rng, recorded| {
        let mut frame = recorded[rng.gen_range(0..recorded.len())].to_vec();
        match rng.gen_range(0..4) {
            0 => frame.truncate(rng.gen_range(0..=frame.len())),
            1 if !frame.is_empty() => {
                let at = rng.gen_range(0..frame.len());
                frame[at] = rng.r#gen();
            }
            2 => {
                let at = rng.gen_range(0..=frame.len());
                frame.insert(at, rng.r#gen());
            }
            _ => {} // As it was: replayed out of its place.
        }
        frame.into()
    })
    .await;
}
