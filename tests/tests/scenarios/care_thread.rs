//! A care thread between people, each on their own device: everything that the
//! first day holds.

use relais_content::v1::{
    HandoverNote, Laterality, PatientHeader, Priority, RequestKind, Sex, TaskChange,
};
use relais_core::commands::NewTask;
use relais_core::query::{EventState, TaskStatus, ThreadState};
use relais_core::{BlobState, Error};
use relais_tests::world::{StoreKind, World};
use relais_wire::ids::{BlobId, ChannelId};

#[tokio::test]
async fn a_message_reaches_the_other_device_and_its_author_sees_it_delivered() {
    let mut world = World::new(StoreKind::Sled).await;
    let nurse = world.add_user("Nadia").await;
    let channel = world.thread(0, "Mme Durand", &[nurse]).await;
    world.say(nurse, channel, "Pansement refait à 8 h.");
    world.settle().await;
    assert_eq!(world.texts(0, channel), ["Pansement refait à 8 h."]);
    let mut rest = 0;
    loop {
        world.turn().await;
        let last = world.timeline(nurse, channel).pop().expect("item");
        assert_eq!(last.author_name, "Nadia Martin");
        if last.state == (EventState::Sent { to: 1, of: 1 }) {
            break;
        }
        rest += 1;
        assert!(rest < 1_000, "never delivered: {:?}", last.state);
    }
}

fn header() -> PatientHeader {
    PatientHeader {
        birth_name: "Dubois-Lemaître".into(),
        sex: Sex::Female.into(),
        identity_status: relais_content::v1::IdentityStatus::Provisional.into(),
        ..PatientHeader::default()
    }
}

#[tokio::test]
async fn the_first_day_looks_the_same_on_every_device() {
    let mut world = World::new(StoreKind::Sled).await;
    let nurse = world.add_user("Nadia").await;
    let doctor = world.add_user("Hervé").await;
    let channel = world.thread(0, "Mme Dubois", &[nurse, doctor]).await;
    let engine = &mut world.devices[0].engine;
    engine
        .set_patient_header(channel, header())
        .expect("header");
    world.settle().await;

    let photo = photo();
    let engine = &mut world.devices[nurse].engine;
    engine
        .send_photo(
            channel,
            &photo,
            "Escarre",
            "sacrum",
            Laterality::Midline,
            None,
        )
        .expect("photo");
    let task = NewTask {
        title: "Refaire le pansement".into(),
        detail: String::new(),
        owner: None,
        priority: Priority::Urgent,
        due_ms: None,
        linked_event: None,
    };
    let task = world.devices[doctor]
        .engine
        .create_task(channel, &task)
        .expect("task");
    world.settle().await;
    let engine = &mut world.devices[nurse].engine;
    engine
        .change_task(channel, task, TaskChange::Taken, "")
        .expect("taken");
    engine
        .change_task(channel, task, TaskChange::Done, "")
        .expect("done");
    let receiver = world.devices[doctor].professional();
    let note = HandoverNote {
        situation: "Escarre stade 2".into(),
        request: "Avis sur le pansement".into(),
        request_kind: RequestKind::Advice.into(),
        receivers: vec![receiver.to_bytes()],
        ..HandoverNote::default()
    };
    let handover = world.devices[nurse]
        .engine
        .write_handover(channel, note)
        .expect("handover");
    world.settle().await;
    let engine = &mut world.devices[doctor].engine;
    engine
        .acknowledge_handover(channel, handover, "Vu, je passe demain")
        .expect("acknowledged");
    let seq = engine.thread(channel).expect("thread").seq;
    engine.mark_read(channel, seq).expect("read");
    world.settle().await;

    for device in &world.devices {
        let header = device
            .engine
            .patient_header(channel)
            .expect("header")
            .expect("some");
        assert_eq!(header.header.birth_name, "Dubois-Lemaître");
        let tasks = device.engine.tasks(channel).expect("tasks");
        assert_eq!(tasks[0].status, TaskStatus::Done);
        assert!(!tasks[0].pending);
        let handovers = device.engine.handovers(channel).expect("handovers");
        assert!(handovers[0].is_complete());
        assert_eq!(handovers[0].receivers[0].synthesis, "Vu, je passe demain");
    }
    // The original arrived as a blob, without a trace of its metadata.
    let id = photo_id(&world, 0, channel);
    let engine = &world.devices[0].engine;
    assert_eq!(engine.blob_state(id).expect("blob"), BlobState::Here);
    let jpeg = engine.blob_bytes(id).expect("bytes");
    assert!(image::load_from_memory(&jpeg).is_ok());
    // Somebody the handover is not addressed to cannot acknowledge it.
    let refused = world.devices[0]
        .engine
        .acknowledge_handover(channel, handover, "");
    assert!(matches!(refused, Err(Error::NotAllowed(_))));
}

fn photo() -> Vec<u8> {
    let image = image::RgbImage::from_fn(1600, 1200, |x, y| {
        image::Rgb([
            (x * 7 % 251) as u8,
            (y * 13 % 241) as u8,
            ((x * y) % 255) as u8,
        ])
    });
    let mut bytes = std::io::Cursor::new(Vec::new());
    image::DynamicImage::from(image)
        .write_to(&mut bytes, image::ImageFormat::Jpeg)
        .expect("encoded");
    bytes.into_inner()
}

fn photo_id(world: &World, who: usize, channel: relais_wire::ids::ChannelId) -> BlobId {
    use relais_content::v1::content::Kind;
    use relais_core::query::TimelineBody;
    world
        .timeline(who, channel)
        .into_iter()
        .find_map(|item| match item.body {
            TimelineBody::Event(_, kind) => match *kind {
                Kind::Photo(photo) => photo
                    .original
                    .and_then(|o| BlobId::try_from(&o.blob_id).ok()),
                _ => None,
            },
            _ => None,
        })
        .expect("a photo in the thread")
}

#[tokio::test]
async fn a_newcomer_sees_the_patient_and_what_follows_but_nothing_before() {
    let mut world = World::new(StoreKind::Memory).await;
    let nurse = world.add_user("Nadia").await;
    let late = world.add_user("Hervé").await;
    let channel = world.thread(0, "Mme Dubois", &[nurse]).await;
    let engine = &mut world.devices[0].engine;
    engine
        .set_patient_header(channel, header())
        .expect("header");
    world.say(nurse, channel, "avant");
    world.settle().await;
    world.add(0, channel, late);
    world.settle().await;
    world.say(nurse, channel, "après");
    world.settle().await;
    assert_eq!(world.texts(late, channel), ["après"]);
    let engine = &world.devices[late].engine;
    assert!(engine.patient_header(channel).expect("header").is_some());
    assert_eq!(engine.thread(channel).expect("thread").title, "Mme Dubois");
    let notes = engine.members(channel).expect("members");
    assert!(notes.iter().any(|m| m.note.is_some()), "the basis is known");
}

/// The thread's epoch once the world has rested after some days.
async fn epoch_after(world: &mut World, channel: ChannelId, days: u64) -> u64 {
    world.advance(days * 24 * 3_600_000);
    world.settle().await;
    let engine = &mut world.devices[0].engine;
    engine.epoch_authenticator(channel).expect("epoch").0
}

#[tokio::test]
async fn every_leaf_of_a_quiet_thread_is_renewed_soon_after_joining_and_then_by_the_month() {
    let mut world = World::new(StoreKind::Memory).await;
    let nurse = world.add_user("Nadia").await;
    let channel = world.thread(0, "M. Petit", &[nurse]).await;
    world.advance(11_000);
    let joined = epoch_after(&mut world, channel, 0).await;
    assert_eq!(joined, 2, "her joining, and her new leaf");
    assert_eq!(epoch_after(&mut world, channel, 29).await, joined);
    assert_eq!(epoch_after(&mut world, channel, 2).await, joined + 2);
    assert_eq!(epoch_after(&mut world, channel, 28).await, joined + 2);
    assert_eq!(epoch_after(&mut world, channel, 3).await, joined + 4);
}

// proves: M8, M10
#[tokio::test]
async fn a_removed_person_gets_the_removal_and_nothing_after_it() {
    let mut world = World::new(StoreKind::Memory).await;
    let nurse = world.add_user("Nadia").await;
    let leaver = world.add_user("Luc").await;
    let channel = world.thread(0, "M. Petit", &[nurse, leaver]).await;
    world.say(nurse, channel, "pour tous");
    world.settle().await;
    world.remove(0, channel, leaver);
    world.settle().await;
    world.say(nurse, channel, "sans lui");
    world.settle().await;
    assert_eq!(world.texts(leaver, channel), ["pour tous"]);
    let thread = world.devices[leaver]
        .engine
        .thread(channel)
        .expect("thread");
    assert_eq!(thread.state, ThreadState::Removed);
    assert_eq!(world.notices(leaver, channel), ["joined", "removed"]);
    let refused =
        world.devices[leaver]
            .engine
            .send_message(channel, "encore", Priority::Normal, None);
    assert!(matches!(refused, Err(Error::NotAllowed(_))));
    // Added again: a new span, and the time between stays closed.
    world.add(0, channel, leaver);
    world.settle().await;
    world.say(nurse, channel, "de retour");
    world.settle().await;
    assert_eq!(world.texts(leaver, channel), ["pour tous", "de retour"]);
    // A person who comes or goes is told of, and not each device besides.
    assert_eq!(
        world.notices(nurse, channel),
        ["joined", "removed", "added"]
    );
}

#[tokio::test]
async fn a_day_offline_is_kept_and_caught_up() {
    let mut world = World::new(StoreKind::Memory).await;
    let nurse = world.add_user("Nadia").await;
    let doctor = world.add_user("Hervé").await;
    let channel = world.thread(0, "Mme Durand", &[nurse, doctor]).await;
    world.devices[nurse].go_offline();
    for visit in 0..20 {
        world.say(nurse, channel, &format!("visite {visit}"));
        world.say(doctor, channel, &format!("réponse {visit}"));
        if visit % 5 == 0 {
            world.crash(nurse);
        }
        world.settle().await;
    }
    // A member is added meanwhile: the epoch moves on under the nurse's messages.
    let late = world.add_user("Luc").await;
    world.add(0, channel, late);
    world.settle().await;
    world.devices[nurse].go_online();
    world.settle().await;
    let texts = world.texts(doctor, channel);
    assert_eq!(texts.len(), 40);
    assert_eq!(texts, world.texts(nurse, channel));
    let visits: Vec<_> = texts.iter().filter(|t| t.starts_with("visite")).collect();
    let expected: Vec<_> = (0..20).map(|v| format!("visite {v}")).collect();
    assert_eq!(
        visits,
        expected.iter().collect::<Vec<_>>(),
        "in the order written"
    );
    assert_eq!(
        world.texts(late, channel).len(),
        20,
        "what came after the joining"
    );
}

// proves: D2
#[tokio::test]
async fn three_managers_change_the_circle_at_once_and_all_changes_happen() {
    let mut world = World::new(StoreKind::Memory).await;
    let first = world.add_user("Nadia").await;
    let second = world.add_user("Hervé").await;
    let new: Vec<_> = {
        let mut new = Vec::new();
        for name in ["Aline", "Bruno", "Chloé"] {
            new.push(world.add_user(name).await);
        }
        new
    };
    let channel = world.thread(0, "M. Petit", &[first, second]).await;
    world.promote(0, channel, first);
    world.settle().await;
    world.promote(0, channel, second);
    world.settle().await;
    for (manager, member) in [0, first, second].into_iter().zip(&new) {
        world.add(manager, channel, *member);
        world.say(manager, channel, &format!("j'ajoute {member}"));
    }
    world.settle().await;
    for who in 0..world.devices.len() {
        let members = world.devices[who].engine.members(channel).expect("members");
        assert_eq!(members.len(), 6, "{}", world.devices[who].name);
    }
    assert_eq!(world.texts(0, channel).len(), 3);
}

#[tokio::test]
async fn people_come_and_go_while_messages_fly() {
    let mut world = World::new(StoreKind::Memory).await;
    let nurse = world.add_user("Nadia").await;
    let other = world.add_user("Luc").await;
    let channel = world.thread(0, "Mme Durand", &[nurse]).await;
    for round in 0..6 {
        if round % 2 == 0 {
            world.add(0, channel, other);
        } else {
            world.remove(0, channel, other);
        }
        for message in 0..5 {
            world.say(nurse, channel, &format!("{round}.{message}"));
            world.say(0, channel, &format!("{round}.{message} lu"));
            world.turn().await;
        }
        world.settle().await;
    }
    assert_eq!(world.texts(0, channel).len(), 60);
    assert_eq!(world.texts(0, channel), world.texts(nurse, channel));
}
