//! A device is lost, added or restored, and its person goes on where they were: in
//! every thread, with everything that they had, and nothing twice.

use relais_content::v1::content::Kind;
use relais_content::v1::{Laterality, TaskChange};
use relais_core::commands::NewTask;
use relais_core::engine::Trouble;
use relais_core::query::{ThreadState, TimelineBody};
use relais_tests::world::{StoreKind, Who, World, photo};
use relais_wire::ids::{BlobId, ChannelId};

/// A coordinator (0), a nurse and a doctor with two threads that have seen some days.
async fn practice() -> (World, Who, Who, [ChannelId; 2]) {
    let mut world = World::new(StoreKind::Memory).await;
    let nurse = world.add_user("Nadia").await;
    let doctor = world.add_user("Denis").await;
    let a = world.thread(0, "Mme Durand", &[nurse, doctor]).await;
    let b = world.thread(doctor, "M. Petit", &[nurse]).await;
    for round in 0..4 {
        for channel in [a, b] {
            world.say(nurse, channel, &format!("{round}: pansement refait"));
            world.say(doctor, channel, &format!("{round}: bien reçu"));
        }
        world.settle().await;
    }
    let task = NewTask {
        title: "Bilan sanguin".into(),
        detail: String::new(),
        owner: None,
        priority: relais_content::v1::Priority::Normal,
        due_ms: None,
        linked_event: None,
    };
    let engine = &mut world.devices[nurse].engine;
    engine.create_task(a, &task).expect("task");
    world.settle().await;
    (world, nurse, doctor, [a, b])
}

/// The nurse links a tablet; her phone is off as soon as the link is made, or stays on.
async fn linked_tablet(world: &mut World, nurse: Who, phone_off: bool) -> Who {
    let link = world.devices[nurse].engine.link_device();
    let link = link.expect("link").link;
    world.settle().await;
    if phone_off {
        world.devices[nurse].go_offline();
    }
    let tablet = world.add_device("Nadia's tablet");
    let engine = &mut world.devices[tablet].engine;
    engine.join(&link, None).expect("scanned");
    world.settle().await;
    tablet
}

/// A phone that was put back to a backup connects: it freezes.
async fn freezes(world: &mut World, phone: Who) {
    world.devices[phone].go_online();
    for _ in 0..60 {
        world.turn().await;
        world.advance(50);
    }
    assert!(world.devices[phone].engine.is_frozen());
}

/// `device` shows what `colleague` shows, and both go on writing.
async fn goes_on(world: &mut World, device: Who, colleague: Who, channels: [ChannelId; 2]) {
    for (number, channel) in channels.into_iter().enumerate() {
        let thread = world.devices[device].engine.thread(channel).expect("known");
        assert_eq!(thread.state, ThreadState::Joined);
        assert_eq!(
            world.texts(device, channel),
            world.texts(colleague, channel)
        );
        let text = format!("je continue ici, {number}");
        world.say(device, channel, &text);
        world.settle().await;
        for who in [device, colleague] {
            let texts = world.texts(who, channel);
            assert_eq!(texts.last(), Some(&text));
            assert_eq!(texts.iter().filter(|t| **t == text).count(), 1);
        }
    }
    let tasks = world.devices[device]
        .engine
        .tasks(channels[0])
        .expect("tasks");
    assert_eq!(tasks.len(), 1);
    world.devices[device]
        .engine
        .change_task(channels[0], tasks[0].task, TaskChange::Done, "")
        .expect("done");
    world.settle().await;
    assert_eq!(world.devices[device].engine.troubles(), []);
}

// proves: I2, I3
#[tokio::test]
async fn a_lost_phone_costs_a_scan() {
    let (mut world, nurse, doctor, channels) = practice().await;
    let person = world.devices[nurse].professional();
    let lost = world.devices[nurse].device();
    world.devices[nurse].go_offline();
    // Written on the lost phone without a network: it is gone with it.
    world.say(nurse, channels[0], "jamais parti");

    let engine = &mut world.devices[0].engine;
    let invitation = engine.invite_again(person, &[lost]).expect("invited again");
    world.settle().await;
    let phone = world.add_device("Nadia's new phone");
    let engine = &mut world.devices[phone].engine;
    engine.join(&invitation.link, None).expect("scanned");
    world.settle().await;
    assert_eq!(world.devices[phone].professional(), person);
    assert_ne!(world.devices[phone].device(), lost);
    goes_on(&mut world, phone, doctor, channels).await;
    for channel in channels {
        let notices = world.notices(doctor, channel);
        assert!(
            notices.contains(&"device_removed".to_owned()),
            "{notices:?}"
        );
    }

    // Whoever found the old phone has it wiped at its next contact.
    world.devices[nurse].go_online();
    for _ in 0..200 {
        world.turn().await;
        world.advance(100);
    }
    assert!(
        world.devices[nurse]
            .engine
            .threads()
            .unwrap_or_default()
            .is_empty()
    );
    assert_eq!(world.devices[nurse].engine.troubles(), [Trouble::Wiped]);
    assert!(
        !world
            .texts(doctor, channels[0])
            .contains(&"jamais parti".to_owned())
    );
}

// proves: I2
#[tokio::test]
async fn a_linked_tablet_does_not_miss_what_its_person_was_never_promised() {
    let (mut world, nurse, doctor, channels) = practice().await;
    let tablet = linked_tablet(&mut world, nurse, false).await;
    // The phone gives what it has; that there was nothing before is a manager's word.
    let missing = |world: &World| {
        let missing = "missing".to_owned();
        let misses = |channel| world.notices(tablet, channel).contains(&missing);
        channels.into_iter().any(misses)
    };
    for _ in 0..400 {
        if !missing(&world) {
            break;
        }
        world.turn().await;
        world.advance(5_000);
    }
    assert!(!missing(&world));
    goes_on(&mut world, tablet, doctor, channels).await;
}

// proves: I2
#[tokio::test]
async fn a_linked_tablet_comes_into_every_thread_with_its_past() {
    let (mut world, nurse, doctor, channels) = practice().await;
    // The person's phone is off: colleagues have the past too.
    let tablet = linked_tablet(&mut world, nurse, true).await;
    // It asks the phone first, and after a while a colleague.
    for _ in 0..400 {
        let arrived = |channel: &ChannelId| !world.texts(tablet, *channel).is_empty();
        if channels.iter().all(arrived) {
            break;
        }
        world.turn().await;
        world.advance(5_000);
    }
    world.settle().await;
    goes_on(&mut world, tablet, doctor, channels).await;
    world.devices[nurse].go_online();
    world.settle().await;
    for channel in channels {
        assert_eq!(world.texts(nurse, channel), world.texts(tablet, channel));
    }
}

// proves: M6
#[tokio::test]
async fn a_restored_phone_returns_under_another_id_and_loses_nothing() {
    let (mut world, nurse, doctor, channels) = practice().await;
    let now = world.now_ms();
    let backup = world.devices[nurse].backup(now);
    world.settle().await;
    let old = world.devices[nurse].device();
    world.say(nurse, channels[0], "après la sauvegarde");
    world.settle().await;
    world.devices[nurse].go_offline();
    let now = world.now_ms();
    world.devices[nurse].restore(&backup, now);
    world.say(nurse, channels[1], "écrit sur la copie");
    freezes(&mut world, nurse).await;
    world.devices[nurse]
        .engine
        .return_device()
        .expect("returns");
    world.settle().await;
    assert_ne!(world.devices[nurse].device(), old);
    let texts = world.texts(doctor, channels[1]);
    assert_eq!(texts.last().map(String::as_str), Some("écrit sur la copie"));
    assert!(
        world
            .texts(nurse, channels[0])
            .contains(&"après la sauvegarde".to_owned())
    );
    goes_on(&mut world, nurse, doctor, channels).await;
}

/// The backup holds a message that waits; the phone sent it afterwards, and again as the
/// returned device.
#[tokio::test]
async fn what_a_restored_phone_had_sent_already_stands_once_and_where_it_was_first() {
    let (mut world, nurse, doctor, channels) = practice().await;
    world.devices[nurse].go_offline();
    world.say(nurse, channels[0], "attend dans la sauvegarde");
    let now = world.now_ms();
    let backup = world.devices[nurse].backup(now);
    world.devices[nurse].go_online();
    world.settle().await;
    world.say(doctor, channels[0], "la réponse");
    world.settle().await;
    let before = world.texts(doctor, channels[0]);
    world.devices[nurse].go_offline();
    let now = world.now_ms();
    world.devices[nurse].restore(&backup, now);
    freezes(&mut world, nurse).await;
    let engine = &mut world.devices[nurse].engine;
    engine.return_device().expect("returns");
    world.settle().await;
    assert_eq!(world.texts(doctor, channels[0]), before);
    assert_eq!(world.texts(nurse, channels[0]), before);
    goes_on(&mut world, nurse, doctor, channels).await;
}

#[tokio::test]
async fn an_upload_that_a_restored_phone_had_begun_goes_on_as_the_returned_device() {
    let (mut world, nurse, doctor, channels) = practice().await;
    world.devices[nurse].go_offline();
    let engine = &mut world.devices[nurse].engine;
    engine
        .send_photo(
            channels[0],
            &photo(),
            "Escarre",
            "talon",
            Laterality::Left,
            None,
        )
        .expect("photo");
    let now = world.now_ms();
    let backup = world.devices[nurse].backup(now);
    // The server hears that an upload begins, the phone never that it may go on.
    world.devices[nurse].faults.drop_answers(usize::MAX);
    world.devices[nurse].go_online();
    for _ in 0..100 {
        world.turn().await;
        world.advance(100);
    }
    world.devices[nurse].faults.drop_answers(0);
    let now = world.now_ms();
    world.devices[nurse].restore(&backup, now);
    freezes(&mut world, nurse).await;
    let engine = &mut world.devices[nurse].engine;
    engine.return_device().expect("returns");
    for _ in 0..200 {
        world.turn().await;
        world.advance(100);
    }
    let items = world.timeline(doctor, channels[0]);
    let originals: Vec<_> = items
        .into_iter()
        .filter_map(|item| match item.body {
            TimelineBody::Event(_, kind) => match *kind {
                Kind::Photo(photo) => photo.original,
                _ => None,
            },
            _ => None,
        })
        .collect();
    assert_eq!(originals.len(), 1);
    let id = BlobId::try_from(&originals[0].blob_id).expect("id");
    let bytes = world.devices[doctor].engine.blob_bytes(id).expect("here");
    assert!(image::load_from_memory(&bytes).is_ok());
}

// proves: I3
#[tokio::test]
async fn whoever_leaves_the_practice_is_out_of_every_thread() {
    let (mut world, nurse, doctor, channels) = practice().await;
    let person = world.devices[nurse].professional();
    world.devices[nurse].go_offline();
    let engine = &mut world.devices[0].engine;
    engine.revoke_professional(person).expect("revoked");
    world.settle().await;
    for channel in channels {
        world.say(doctor, channel, "sans elle");
        world.settle().await;
        let members = world.devices[doctor]
            .engine
            .members(channel)
            .expect("circle");
        assert!(members.iter().all(|m| m.professional != person));
        let notices = world.notices(doctor, channel);
        assert!(notices.contains(&"removed".to_owned()), "{notices:?}");
    }
    world.devices[nurse].go_online();
    for _ in 0..200 {
        world.turn().await;
        world.advance(100);
    }
    assert!(
        world.devices[nurse]
            .engine
            .threads()
            .unwrap_or_default()
            .is_empty()
    );
}
