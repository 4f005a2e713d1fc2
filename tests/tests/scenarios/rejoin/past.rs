//! The whole past of a thread is proved to a newcomer, whatever its group went through
//! meanwhile.

use relais_core::commands::NewMember;
use relais_core::history::HistoryChoice;
use relais_tests::world::{StoreKind, Who, World};
use relais_wire::ids::ChannelId;
use relais_wire::v1::ChannelRole;

use super::{came_back, lose_group, trio};

/// `manager` adds somebody new and promises everything: they see what `manager` sees
/// after `joined`, the entry with which `manager` came in.
async fn is_given_everything(world: &mut World, manager: Who, channel: ChannelId, joined: u64) {
    let newcomer = world.add_user("Hervé").await;
    let mut new = NewMember::care_team(world.devices[newcomer].professional());
    new.history = HistoryChoice::All;
    let engine = &mut world.devices[manager].engine;
    engine.add_member(channel, &new).expect("added");
    world.settle().await;
    let record = world.devices[newcomer].engine.history(channel);
    let record = record.expect("record");
    assert_eq!(record.arriving, [], "nothing was refused");
    assert!(record.missing.iter().all(|gap| gap.until_seq <= joined));
    let own = world.devices[manager].engine.history(channel);
    assert_eq!(own.expect("record").missing, []);
    assert_eq!(
        world.texts(newcomer, channel),
        world.texts(manager, channel)
    );
    let shown = [manager, newcomer].map(|who| {
        let hash = world.devices[who].engine.projection_hash(channel, joined);
        hash.expect("hash")
    });
    assert_eq!(shown[0], shown[1]);
}

/// The entry with which a member came in.
fn came_in(world: &World, who: Who, channel: ChannelId) -> u64 {
    let thread = world.devices[who].engine.thread(channel).expect("thread");
    thread.joined_seq
}

async fn reboots(world: &mut World, who: Who, channel: ChannelId) {
    let engine = &mut world.devices[who].engine;
    engine.reboot_thread(channel).expect("asked");
    world.settle().await;
    world.say(who, channel, "dans le nouveau groupe");
    world.settle().await;
}

// proves: M7
#[tokio::test]
async fn who_began_the_new_group_gives_the_past_on_both_sides_of_it() {
    let (mut world, _, _, channel) = trio().await;
    reboots(&mut world, 0, channel).await;
    is_given_everything(&mut world, 0, channel, 0).await;
}

// proves: M7
#[tokio::test]
async fn who_came_back_to_the_new_group_gives_the_past_on_both_sides_of_it() {
    let (mut world, nurse, _, channel) = trio().await;
    let joined = came_in(&world, nurse, channel);
    world.promote(0, channel, nurse);
    world.settle().await;
    reboots(&mut world, 0, channel).await;
    is_given_everything(&mut world, nurse, channel, joined).await;
}

// proves: M7
#[tokio::test]
async fn a_coordinator_who_manages_nothing_may_have_begun_the_new_group() {
    let mut world = World::new(StoreKind::Memory).await;
    let doctor = world.add_user("Luc").await;
    let channel = world.thread(doctor, "Mme Durand", &[0]).await;
    world.say(doctor, channel, "avant");
    world.settle().await;
    reboots(&mut world, 0, channel).await;
    is_given_everything(&mut world, doctor, channel, 0).await;
}

// proves: M7
#[tokio::test]
async fn a_contributor_may_have_taken_a_circle_that_nobody_could_manage() {
    let mut world = World::new(StoreKind::Memory).await;
    let nurse = world.add_user("Nadia").await;
    let doctor = world.add_user("Luc").await;
    let channel = world.thread(doctor, "Mme Durand", &[nurse]).await;
    let joined = came_in(&world, nurse, channel);
    world.say(nurse, channel, "avant");
    world.settle().await;
    world.devices[doctor].go_offline();
    let gone = world.devices[doctor].professional();
    let engine = &mut world.devices[0].engine;
    engine.revoke_professional(gone).expect("revoked");
    world.settle().await;
    let mut new = NewMember::care_team(world.devices[nurse].professional());
    new.role = ChannelRole::Manager;
    let engine = &mut world.devices[nurse].engine;
    engine.add_member(channel, &new).expect("takes over");
    world.settle().await;
    is_given_everything(&mut world, nurse, channel, joined).await;
}

// proves: M7
#[tokio::test]
async fn who_lost_the_group_and_came_back_gives_the_past_on_both_sides_of_it() {
    let (mut world, nurse, _, channel) = trio().await;
    let joined = came_in(&world, nurse, channel);
    world.promote(0, channel, nurse);
    world.settle().await;
    lose_group(&mut world, nurse, channel);
    world.say(0, channel, "pendant son absence");
    world.devices[nurse].go_online();
    world.settle().await;
    world.say(nurse, channel, "de retour");
    world.settle().await;
    assert_eq!(came_back(&world, nurse, channel), 1);
    is_given_everything(&mut world, nurse, channel, joined).await;
}
