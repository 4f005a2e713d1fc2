//! Whether what is written reaches the members of a thread.

use relais_core::query::Reachability;
use relais_tests::world::{StoreKind, Who, World};
use relais_wire::ids::ChannelId;

const HOUR: u64 = 3_600_000;

fn reached(world: &World, who: Who, channel: ChannelId, of: Who) -> Reachability {
    let id = world.devices[of].professional();
    let members = world.devices[who].engine.members(channel).expect("members");
    let member = members.into_iter().find(|m| m.professional == id);
    member.expect("a member").reachability
}

/// The server tells several times a second how far devices have read, not each time.
async fn is_reached(world: &mut World, who: Who, channel: ChannelId, of: Who) {
    for _ in 0..2_000 {
        if reached(world, who, channel, of) == Reachability::UpToDate {
            return;
        }
        world.turn().await;
        world.advance(1);
    }
    panic!("{:?}", reached(world, who, channel, of));
}

#[tokio::test]
async fn whom_something_does_not_reach_is_said_and_since_when() {
    let mut world = World::new(StoreKind::Memory).await;
    let nurse = world.add_user("Nadia").await;
    let doctor = world.add_user("Denis").await;
    let channel = world.thread(0, "Mme Durand", &[nurse, doctor]).await;
    world.say(nurse, channel, "bonjour");
    world.settle().await;
    for who in [0, nurse, doctor] {
        is_reached(&mut world, 0, channel, who).await;
    }
    world.devices[doctor].go_offline();
    world.advance(HOUR);
    world.say(nurse, channel, "de la fièvre");
    world.settle().await;
    let items = world.devices[0].engine.timeline(channel, 0, usize::MAX);
    let last = items.expect("timeline").pop().expect("an item");
    let Reachability::Behind { seq, since_ms } = reached(&world, 0, channel, doctor) else {
        panic!("{:?}", reached(&world, 0, channel, doctor))
    };
    assert!(last.seq.is_some_and(|last| seq < last), "{seq} {last:?}");
    assert_eq!(since_ms, last.time_ms);
    // Hours later it is still that hour.
    world.advance(HOUR);
    world.say(0, channel, "toujours là ?");
    world.settle().await;
    let later = reached(&world, 0, channel, doctor);
    assert_eq!(later, Reachability::Behind { seq, since_ms });
    is_reached(&mut world, 0, channel, nurse).await;
    world.devices[doctor].go_online();
    world.settle().await;
    is_reached(&mut world, 0, channel, doctor).await;
    world.devices[doctor].go_offline();
    let device = world.devices[doctor]
        .engine
        .whoami()
        .expect("enrolled")
        .device;
    let engine = &mut world.devices[0].engine;
    engine.revoke_device(device).expect("revoked");
    world.settle().await;
    assert_eq!(reached(&world, 0, channel, doctor), Reachability::NoDevice);
}
