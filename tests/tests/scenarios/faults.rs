//! Faults are the normal case: kills, cuts, repetitions, restored databases.

use rand::SeedableRng;
use relais_content::v1::Priority;
use relais_core::engine::Trouble;
use relais_core::{Error, query::ThreadState};
use relais_tests::world::{Cut, StoreKind, World};
use relais_wire::ids::ChannelId;

async fn pair(kind: StoreKind) -> (World, usize, ChannelId) {
    let mut world = World::new(kind).await;
    let nurse = world.add_user("Nadia").await;
    let channel = world.thread(0, "Mme Durand", &[nurse]).await;
    (world, nurse, channel)
}

// proves: D3
#[tokio::test]
async fn the_server_may_be_killed_after_any_frame() {
    // How many frames the nurse's part of the scenario takes, undisturbed.
    let (mut world, nurse, channel) = pair(StoreKind::Memory).await;
    let before = world.devices[nurse].frames_sent();
    write_round(&mut world, nurse, channel);
    world.settle().await;
    let frames = world.devices[nurse].frames_sent() - before;
    assert!(frames >= 3, "{frames}");
    for kill_after in 0..frames {
        let start = world.devices[nurse].frames_sent();
        let seen = world.texts(0, channel).len();
        write_round(&mut world, nurse, channel);
        world.devices[nurse].pause_after(kill_after);
        for _ in 0..200 {
            world.turn().await;
            if world.devices[nurse].frames_sent() - start >= kill_after {
                break;
            }
        }
        world.crash_server().await;
        world.devices[nurse].go_on();
        world.settle().await;
        assert_eq!(
            world.texts(0, channel).len(),
            seen + 3,
            "killed after {kill_after} frames"
        );
        assert_eq!(world.texts(0, channel), world.texts(nurse, channel));
    }
}

fn write_round(world: &mut World, who: usize, channel: ChannelId) {
    for text in ["un", "deux", "trois"] {
        world.say(who, channel, text);
    }
}

// proves: D3
#[tokio::test]
async fn a_connection_may_be_cut_at_any_byte() {
    let (mut world, nurse, channel) = pair(StoreKind::Memory).await;
    let mut expected = 0;
    // Steps of a prime, so that cuts fall on every part of a frame.
    for at in (0..4_000).step_by(131) {
        for cut in [
            Cut {
                sent: at,
                received: usize::MAX,
            },
            Cut {
                sent: usize::MAX,
                received: at,
            },
        ] {
            world.devices[nurse].faults.cut_next(cut);
            world.devices[nurse].go_offline();
            world.devices[nurse].go_online();
            world.say(nurse, channel, &format!("coupe {at}"));
            world.say(0, channel, "réponse");
            expected += 2;
            world.settle().await;
            assert_eq!(world.texts(0, channel).len(), expected);
            assert_eq!(world.texts(nurse, channel).len(), expected);
        }
    }
}

// proves: D3, M7
#[tokio::test]
async fn repeated_frames_change_nothing() {
    let (mut world, nurse, channel) = pair(StoreKind::Memory).await;
    world.devices[nurse].faults.repeat_sent(50);
    world.devices[0].faults.repeat_received(50);
    for number in 0..10 {
        world.say(nurse, channel, &format!("{number}"));
        world.say(0, channel, &format!("{number} lu"));
        world.turn().await;
    }
    world.settle().await;
    assert_eq!(world.texts(0, channel).len(), 20);
    assert_eq!(world.texts(0, channel), world.texts(nurse, channel));
}

#[tokio::test]
async fn an_invitation_survives_lost_requests_and_lost_answers() {
    let mut world = World::new(StoreKind::Memory).await;
    let card = relais_tests::world::card("Luc", "Petit", 60, "99700218896");
    let invitation = world.devices[0].engine.invite(&card).expect("invitation");
    world.settle().await;
    let who = world.add_device("Luc");
    world.devices[who].faults.drop_requests(1);
    world.devices[who].faults.drop_answers(3);
    world.devices[who]
        .engine
        .join(&invitation.link, None)
        .expect("join");
    world.turn().await;
    world.crash(who);
    world.settle().await;
    assert!(
        world.devices[who]
            .engine
            .whoami()
            .expect("enrolled")
            .confirmed
    );
    assert_eq!(
        world.devices[0].engine.name(&invitation.professional),
        "Luc Petit"
    );
}

// proves: I2
#[tokio::test]
async fn an_invitation_works_once() {
    let mut world = World::new(StoreKind::Memory).await;
    let card = relais_tests::world::card("Luc", "Petit", 60, "99700218896");
    let invitation = world.devices[0].engine.invite(&card).expect("invitation");
    world.settle().await;
    let first = world.add_device("Luc");
    world.devices[first]
        .engine
        .join(&invitation.link, None)
        .expect("join");
    world.settle().await;
    let second = world.add_device("Mallory");
    world.devices[second]
        .engine
        .join(&invitation.link, None)
        .expect("join");
    world.settle().await;
    assert!(matches!(
        world.devices[second].engine.whoami(),
        Err(Error::NotEnrolled)
    ));
    let known = world.devices[0].engine.invitations().expect("invitations");
    assert!(known[0].used, "the coordinator sees that it was used");
}

// proves: I2
#[tokio::test]
async fn an_expired_or_withdrawn_invitation_is_refused() {
    let mut world = World::new(StoreKind::Memory).await;
    let card = relais_tests::world::card("Luc", "Petit", 60, "99700218896");
    let old = world.devices[0].engine.invite(&card).expect("invitation");
    let withdrawn = world.devices[0].engine.invite(&card).expect("invitation");
    // It can be shown once the log has it; whom it is for is known at once.
    let pending = || {
        let all = world.devices[0].engine.invitations().expect("invitations");
        all.into_iter().map(|i| (i.pending, i.card))
    };
    assert!(pending().all(|(pending, named)| pending && named.as_ref() == Some(&card)));
    assert_eq!(pending().len(), 2);
    world.settle().await;
    let listed = world.devices[0].engine.invitations().expect("invitations");
    assert!(
        listed
            .iter()
            .all(|i| !i.pending && i.card.as_ref() == Some(&card))
    );
    let engine = &mut world.devices[0].engine;
    engine
        .withdraw_invitation(withdrawn.professional)
        .expect("withdrawn");
    world.settle().await;
    let late = world.add_device("Luc");
    world.devices[late]
        .engine
        .join(&withdrawn.link, None)
        .expect("join");
    world.settle().await;
    assert!(matches!(
        world.devices[late].engine.whoami(),
        Err(Error::NotEnrolled)
    ));
    world.advance(relais_wire::limits::INVITATION_MS);
    world.devices[late]
        .engine
        .join(&old.link, None)
        .expect("join again");
    world.settle().await;
    assert!(matches!(
        world.devices[late].engine.whoami(),
        Err(Error::NotEnrolled)
    ));
}

// proves: M1
#[tokio::test]
async fn a_restored_database_freezes_before_it_encrypts_anything() {
    let (mut world, nurse, channel) = pair(StoreKind::Memory).await;
    world.hostile = true;
    let now = world.now_ms();
    let backup = world.devices[nurse].backup(now);
    world.settle().await;
    world.say(nurse, channel, "après la sauvegarde");
    world.settle().await;
    let now = world.now_ms();
    world.devices[nurse].restore(&backup, now);
    world.say(nurse, channel, "depuis la copie");
    world.settle().await;
    assert!(world.devices[nurse].engine.is_frozen());
    assert!(
        world.devices[nurse]
            .engine
            .troubles()
            .contains(&Trouble::Frozen)
    );
    assert_eq!(world.texts(0, channel), ["après la sauvegarde"]);
    let refused =
        world.devices[nurse]
            .engine
            .send_message(channel, "encore", Priority::Normal, None);
    assert!(matches!(refused, Err(Error::Frozen)));
    // Frozen for good, also after a restart.
    world.crash(nurse);
    assert!(world.devices[nurse].engine.is_frozen());
}

// proves: M1
#[tokio::test]
async fn two_copies_of_a_device_cannot_both_go_on() {
    let (mut world, nurse, channel) = pair(StoreKind::Memory).await;
    world.hostile = true;
    let now = world.now_ms();
    let backup = world.devices[nurse].backup(now);
    // The original connects once more: the lease moves on.
    world.settle().await;
    let clone = world.add_device("copie");
    let now = world.now_ms();
    world.devices[clone].restore_as_own(&backup, now);
    world.settle().await;
    assert!(world.devices[clone].engine.is_frozen());
    world.say(nurse, channel, "l'original continue");
    world.settle().await;
    assert_eq!(world.texts(0, channel), ["l'original continue"]);
}

#[tokio::test]
async fn a_device_may_be_killed_between_any_two_turns() {
    let (mut world, nurse, channel) = pair(StoreKind::Sled).await;
    let late = world.add_user("Luc").await;
    for round in 0..15 {
        world.say(nurse, channel, &format!("{round}"));
        if round == 5 {
            world.add(0, channel, late);
        }
        for _ in 0..round % 4 {
            world.turn().await;
        }
        world.crash(nurse);
        world.crash(0);
    }
    world.settle().await;
    assert_eq!(world.texts(0, channel).len(), 15);
    assert_eq!(world.texts(0, channel), world.texts(nurse, channel));
}

#[tokio::test]
async fn random_days_end_with_the_same_thread_everywhere() {
    let seeds: Vec<u64> = match std::env::var("RELAIS_SEED") {
        Ok(seed) => vec![seed.parse().expect("a number")],
        Err(_) => (1..=6).collect(),
    };
    for seed in seeds {
        println!("seed {seed}");
        let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(seed);
        let (mut world, _, channel) = pair(StoreKind::Memory).await;
        world.add_user("Hervé").await;
        world.add_user("Luc").await;
        let mut trace = Vec::new();
        for _ in 0..60 {
            trace.push(world.perform_random_operation(&mut rng, channel).await);
        }
        println!("{trace:?}");
        for device in &mut world.devices {
            device.go_online();
        }
        world.settle().await;
        let threads = world.devices[0].engine.threads().expect("threads");
        assert_eq!(threads[0].state, ThreadState::Joined);
    }
}
