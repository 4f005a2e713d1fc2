//! Photos of a thread whose server was put back from an older backup.

use relais_content::v1::Laterality;
use relais_core::BlobState;
use relais_tests::world::{StoreKind, Who, World, photo};
use relais_wire::ids::ChannelId;

/// Claire (0), Nadia (1), Denis (2) and their thread.
async fn team() -> (World, ChannelId) {
    let mut world = World::new(StoreKind::Memory).await;
    let nurse = world.add_user("Nadia").await;
    let doctor = world.add_user("Denis").await;
    let channel = world.thread(0, "Suivi", &[nurse, doctor]).await;
    world.settle().await;
    (world, channel)
}

fn send_photo(world: &mut World, who: Who, channel: ChannelId) {
    let engine = &mut world.devices[who].engine;
    engine
        .send_photo(
            channel,
            &photo(),
            "Escarre",
            "sacrum",
            Laterality::Midline,
            None,
        )
        .expect("photo");
}

/// A few minutes in which everybody does what there is to do.
async fn minutes(world: &mut World, minutes: u64) {
    for _ in 0..minutes {
        world.settle().await;
        world.advance(60_000);
    }
    world.settle().await;
}

// proves: D6
#[tokio::test]
async fn the_original_of_a_photo_that_the_server_lost_is_uploaded_again() {
    let (mut world, channel) = team().await;
    world.devices[2].go_offline();
    let backup = world.backup_server();
    send_photo(&mut world, 1, channel);
    world.settle().await;
    world.restore_server(&backup).await;
    world.devices[2].go_online();
    minutes(&mut world, 5).await;
    assert_eq!(world.original(2, channel), Some(BlobState::Here));
}

// proves: D6
#[tokio::test]
async fn an_original_that_the_server_lost_is_uploaded_again_though_its_photo_is_in_the_log() {
    let (mut world, channel) = team().await;
    // The photo itself goes out before its original.
    world.devices[1].faults.drop_requests(3);
    send_photo(&mut world, 1, channel);
    while world.original(0, channel).is_none() {
        world.turn().await;
    }
    assert_eq!(world.original(1, channel), Some(BlobState::Sending));
    let backup = world.backup_server();
    world.devices[2].go_offline();
    world.settle().await;
    assert_eq!(world.original(0, channel), Some(BlobState::Here));
    world.restore_server(&backup).await;
    world.devices[2].go_online();
    // Something that the server must have lost for it to be noticed.
    minutes(&mut world, 5).await;
    assert_eq!(world.original(2, channel), Some(BlobState::Here));
    assert_eq!(world.original(1, channel), Some(BlobState::Here));
}

// proves: D6
#[tokio::test]
async fn the_original_of_an_absent_authors_photo_is_uploaded_again_by_a_colleague() {
    let (mut world, channel) = team().await;
    world.devices[2].go_offline();
    let backup = world.backup_server();
    send_photo(&mut world, 1, channel);
    world.settle().await;
    world.devices[1].go_offline();
    world.restore_server(&backup).await;
    world.devices[2].go_online();
    minutes(&mut world, 5).await;
    assert_eq!(world.original(2, channel), Some(BlobState::Here));
}
