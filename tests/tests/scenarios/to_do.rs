//! What there is to do, across the threads of a person.

use relais_content::v1::content::Kind;
use relais_content::v1::{HandoverNote, Laterality, Priority, RequestKind, TaskChange};
use relais_core::commands::{NewMember, NewTask};
use relais_core::history::HistoryChoice;
use relais_core::query::{Subject, TaskStatus, TimelineBody, ToDo};
use relais_core::{Denial, Error};
use relais_tests::world::{StoreKind, World};
use relais_wire::ids::{ChannelId, EventId};

fn to_do(world: &World, who: usize) -> ToDo {
    world.devices[who].engine.to_do(50).expect("to do")
}

fn urgent(world: &mut World, who: usize, channel: ChannelId, text: &str) -> EventId {
    let engine = &mut world.devices[who].engine;
    let sent = engine.send_message(channel, text, Priority::Urgent, None);
    sent.expect("sent")
}

fn task(title: &str) -> NewTask {
    NewTask {
        title: title.into(),
        detail: String::new(),
        owner: None,
        priority: Priority::Normal,
        due_ms: None,
        linked_event: None,
    }
}

fn read_all(world: &mut World, who: usize, channel: ChannelId) {
    let engine = &mut world.devices[who].engine;
    let seq = engine.thread(channel).expect("thread").seq;
    engine.mark_read(channel, seq).expect("read");
}

#[tokio::test]
async fn an_urgent_message_stays_on_top_until_somebody_takes_it() {
    let mut world = World::new(StoreKind::Sled).await;
    let nurse = world.add_user("Nadia").await;
    let doctor = world.add_user("Hervé").await;
    let channel = world.thread(0, "Mme Durand", &[nurse, doctor]).await;
    let event = urgent(&mut world, nurse, channel, "Saignement\nne cède pas");
    world.settle().await;
    assert_eq!(to_do(&world, nurse).urgent, [], "her own");
    // Reading takes nothing away.
    read_all(&mut world, doctor, channel);
    world.settle().await;
    // What has arrived is told by and by.
    let mut turns = 0;
    while to_do(&world, doctor).urgent[0].delivered < 2 {
        world.turn().await;
        turns += 1;
        assert!(turns < 1_000, "never delivered to the coordinator");
    }
    let here = to_do(&world, doctor);
    assert_eq!((here.urgent.len(), here.rest.len()), (1, 0));
    let row = &here.urgent[0];
    assert_eq!((row.event, row.title.as_str()), (Some(event), "Mme Durand"));
    assert_eq!(row.by_name, "Nadia Martin");
    assert_eq!((row.delivered, row.read, row.of), (2, 1, 2));
    let Subject::Event(kind) = &row.subject else {
        panic!("{row:?}");
    };
    assert!(matches!(&**kind, Kind::Message(_)));

    // Without a network it is taken at once, as far as this device knows.
    world.devices[doctor].go_offline();
    let taken = world.devices[doctor].engine.take_message(channel, event);
    let task = taken.expect("taken");
    let here = to_do(&world, doctor);
    assert_eq!((here.urgent.len(), here.to_answer.len()), (0, 1));
    // Two who take it mean the same: whom the log names first has it.
    let again = world.devices[0].engine.take_message(channel, event);
    assert_eq!(again.expect("taken"), task);
    world.settle().await;
    world.devices[doctor].go_online();
    world.settle().await;
    let first = world.devices[0].professional();
    for who in 0..3 {
        assert_eq!(to_do(&world, who).urgent, []);
        let tasks = world.devices[who].engine.tasks(channel).expect("tasks");
        assert_eq!(tasks.len(), 1);
        assert_eq!(
            (tasks[0].status, tasks[0].actor),
            (TaskStatus::Taken, Some(first))
        );
        assert_eq!(
            (tasks[0].title.as_str(), tasks[0].linked_event),
            ("Saignement", Some(event))
        );
        let mine = usize::from(who == 0);
        assert_eq!(to_do(&world, who).to_answer.len(), mine);
        let refused = world.devices[who].engine.take_message(channel, event);
        assert!(matches!(refused, Err(Error::NotAllowed(Denial::TaskState))));
    }
    // Whoever declines it after all leaves an urgent task that nobody does.
    let engine = &mut world.devices[0].engine;
    engine
        .change_task(channel, task, TaskChange::Declined, "Je pars")
        .expect("declined");
    world.settle().await;
    let here = to_do(&world, nurse);
    assert!(matches!(&here.urgent[0].subject, Subject::Task(t) if t.task == task));
    world.devices[nurse]
        .engine
        .take_message(channel, event)
        .expect("taken by somebody else");
    assert_eq!(to_do(&world, nurse).urgent, []);
}

#[tokio::test]
async fn what_waits_for_me_and_what_i_have_not_read_are_apart() {
    let mut world = World::new(StoreKind::Memory).await;
    let nurse = world.add_user("Nadia").await;
    let doctor = world.add_user("Hervé").await;
    let first = world.thread(0, "Mme Durand", &[nurse, doctor]).await;
    let second = world.thread(0, "M. Petit", &[nurse, doctor]).await;
    let me = world.devices[doctor].professional();
    let note = HandoverNote {
        situation: "Escarre stade 2".into(),
        request: "Avis".into(),
        request_kind: RequestKind::Advice.into(),
        deadline_ms: 1_900_000_000_000,
        receivers: vec![me.to_bytes()],
        ..HandoverNote::default()
    };
    let engine = &mut world.devices[nurse].engine;
    let handover = engine.write_handover(first, note).expect("handover");
    let image = image::RgbImage::from_pixel(40, 30, image::Rgb([9; 3]));
    let mut bytes = std::io::Cursor::new(Vec::new());
    let png = image::ImageFormat::Png;
    image.write_to(&mut bytes, png).expect("encoded");
    let photo = engine
        .send_photo(
            second,
            bytes.get_ref(),
            "J3",
            "talon",
            Laterality::Left,
            None,
        )
        .expect("photo");
    let mine = NewTask {
        owner: Some(me),
        due_ms: Some(1_800_000_000_000),
        linked_event: Some(photo),
        ..task("Regarder la photo")
    };
    engine.create_task(second, &mine).expect("task");
    engine.create_task(first, &task("Pour tous")).expect("task");
    engine
        .send_message(first, "Bonjour", Priority::Normal, None)
        .expect("sent");
    world.settle().await;

    let here = to_do(&world, doctor);
    assert_eq!(here.urgent, []);
    let until: Vec<_> = here.to_answer.iter().map(|row| row.until_ms).collect();
    assert_eq!(until, [Some(1_800_000_000_000), Some(1_900_000_000_000)]);
    assert!(here.to_answer[0].thumbnail.is_some(), "of the photo");
    assert_eq!(here.to_answer[1].event, Some(handover));
    let rest: Vec<_> = here.rest.iter().map(|row| row.title.as_str()).collect();
    assert_eq!(rest.len(), 2, "{rest:?}");
    assert!(!here.more);
    let fewer = world.devices[doctor].engine.to_do(1).expect("to do");
    assert_eq!((fewer.rest.len(), fewer.more), (1, true));
    let open = world.devices[doctor].engine.open_tasks().expect("tasks");
    let open: Vec<_> = open
        .iter()
        .map(|t| (t.title.as_str(), t.task.title.as_str()))
        .collect();
    assert_eq!(
        open,
        [
            ("M. Petit", "Regarder la photo"),
            ("Mme Durand", "Pour tous")
        ]
    );

    // Acknowledged without a network, it waits no more.
    world.devices[doctor].go_offline();
    let engine = &mut world.devices[doctor].engine;
    engine
        .acknowledge_handover(first, handover, "Vu")
        .expect("acknowledged");
    assert_eq!(to_do(&world, doctor).to_answer.len(), 1);
    world.devices[doctor].go_online();
    world.settle().await;
    read_all(&mut world, doctor, first);
    read_all(&mut world, doctor, second);
    world.settle().await;
    let here = to_do(&world, doctor);
    assert_eq!((here.to_answer.len(), here.rest.len()), (1, 0));
}

#[tokio::test]
async fn a_thread_that_one_has_left_asks_nothing() {
    let mut world = World::new(StoreKind::Memory).await;
    let nurse = world.add_user("Nadia").await;
    let leaver = world.add_user("Luc").await;
    let channel = world.thread(0, "M. Petit", &[nurse, leaver]).await;
    urgent(&mut world, nurse, channel, "Chute");
    world.settle().await;
    assert_eq!(to_do(&world, leaver).urgent.len(), 1);
    world.remove(0, channel, leaver);
    world.settle().await;
    assert_eq!(to_do(&world, leaver), ToDo::default());
    assert_eq!(to_do(&world, 0).urgent.len(), 1);
}

#[tokio::test]
async fn a_coordinator_sees_what_is_left_lying() {
    const DAY: u64 = 86_400_000;
    let mut world = World::new(StoreKind::Memory).await;
    let nurse = world.add_user("Nadia").await;
    let leaver = world.add_user("Luc").await;
    let busy = world.thread(0, "Mme Durand", &[nurse, leaver]).await;
    let silent = world.thread(0, "M. Petit", &[nurse]).await;
    world.say(nurse, silent, "Rien à signaler");
    world.settle().await;
    let none = world.devices[0].engine.cockpit().expect("cockpit");
    assert_eq!(none, relais_core::query::Cockpit::default());

    let event = urgent(&mut world, 0, busy, "Chute");
    let late = NewTask {
        due_ms: Some(world.now_ms() + DAY),
        ..task("Bilan")
    };
    let engine = &mut world.devices[0].engine;
    engine.create_task(busy, &late).expect("task");
    let person = world.devices[nurse].professional();
    let ends = world.now_ms() + 20 * DAY;
    let member = relais_core::commands::NewMember {
        expires_at_ms: Some(ends),
        ..relais_core::commands::NewMember::care_team(person)
    };
    let gone = world.devices[leaver].professional();
    let device = world.devices[leaver].device();
    let engine = &mut world.devices[0].engine;
    engine.add_member(busy, &member).expect("for a time");
    engine.revoke_device(device).expect("revoked");
    world.settle().await;
    world.advance(8 * DAY);
    world.say(nurse, busy, "Je passe ce soir");
    world.settle().await;

    let cockpit = world.devices[0].engine.cockpit().expect("cockpit");
    let rows: Vec<_> = cockpit.urgent.iter().map(|row| row.event).collect();
    assert_eq!(rows, [Some(event)], "her own too");
    assert_eq!(cockpit.overdue[0].task.title, "Bilan");
    let titles: Vec<_> = cockpit.silent.iter().map(|t| t.title.as_str()).collect();
    assert_eq!(titles, ["M. Petit"]);
    let ending: Vec<_> = cockpit
        .ending
        .iter()
        .map(|m| (m.professional, m.expires_at_ms))
        .collect();
    assert_eq!(ending, [(person, ends)]);
    assert_eq!(cockpit.without_device, [gone]);
}

#[tokio::test]
async fn what_devices_share_is_no_news() {
    let mut world = World::new(StoreKind::Memory).await;
    let nurse = world.add_user("Nadia").await;
    let doctor = world.add_user("Hervé").await;
    let channel = world.thread(0, "Mme Durand", &[nurse]).await;
    world.say(nurse, channel, "Pansement refait.");
    world.settle().await;
    let mut new = NewMember::care_team(world.devices[doctor].professional());
    new.history = HistoryChoice::All;
    let engine = &mut world.devices[0].engine;
    engine.add_member(channel, &new).expect("added");
    world.settle().await;
    // For the nurse nothing is unread, though the circle changed and the past was shared.
    let kinds: Vec<_> = world.timeline(nurse, channel).into_iter().collect();
    let shared = kinds.iter().any(|item| {
        matches!(&item.body, TimelineBody::Event(_, kind) if matches!(**kind, Kind::HistoryShared(_)))
    });
    assert!(shared, "the past was shared: {kinds:?}");
    let thread = world.devices[nurse].engine.thread(channel).expect("thread");
    assert_eq!(thread.unread, 0);
    assert_eq!(to_do(&world, nurse).rest, []);
    let here = to_do(&world, doctor);
    assert_eq!((here.rest.len(), here.rest[0].unread), (1, 1));
    let Subject::Event(kind) = &here.rest[0].subject else {
        panic!("{here:?}");
    };
    assert!(matches!(&**kind, Kind::Message(said) if said.text == "Pansement refait."));
}
