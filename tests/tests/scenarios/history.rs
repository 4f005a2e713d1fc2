//! The past of a thread: shared with those who join, as it was promised and proved;
//! asked for where it is missing; given to nobody who was not promised it.

use relais_content::v1::{HandoverNote, Laterality, Priority, RequestKind, content::Kind};
use relais_core::Error;
use relais_core::commands::{NewMember, NewTask};
use relais_core::history::HistoryChoice;
use relais_core::query::{TaskStatus, TimelineBody};
use relais_tests::world::{StoreKind, Who, World, photo};
use relais_wire::ids::ChannelId;

fn invite(world: &mut World, manager: Who, channel: ChannelId, who: Who, history: HistoryChoice) {
    let mut new = NewMember::care_team(world.devices[who].professional());
    new.history = history;
    let engine = &mut world.devices[manager].engine;
    engine.add_member(channel, &new).expect("added");
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

/// A thread with some of everything, by two people, with changes of the circle in it.
async fn busy_thread(world: &mut World, nurse: Who) -> ChannelId {
    let channel = world.thread(0, "Mme Durand", &[nurse]).await;
    for day in 1..=3 {
        world.say(nurse, channel, &format!("Jour {day} : pansement refait."));
        world.say(0, channel, &format!("Jour {day} : vu."));
        world.settle().await;
    }
    let engine = &mut world.devices[nurse].engine;
    engine
        .send_photo(
            channel,
            &photo(),
            "Escarre",
            "talon",
            Laterality::Left,
            None,
        )
        .expect("photo");
    let done = engine.create_task(channel, &task("Peser")).expect("task");
    engine
        .create_task(channel, &task("Commander un matelas"))
        .expect("task");
    let note = HandoverNote {
        situation: "Escarre stade 2".into(),
        request: "Avis sur le pansement".into(),
        request_kind: RequestKind::Advice.into(),
        receivers: vec![world.devices[0].professional().to_bytes()],
        ..HandoverNote::default()
    };
    let engine = &mut world.devices[nurse].engine;
    engine.write_handover(channel, note).expect("handover");
    world.settle().await;
    let engine = &mut world.devices[0].engine;
    engine
        .change_task(channel, done, relais_content::v1::TaskChange::Done, "")
        .expect("done");
    let seq = engine.thread(channel).expect("thread").seq;
    engine.mark_read(channel, seq).expect("read");
    world.settle().await;
    channel
}

fn shared_with(world: &World, who: Who, channel: ChannelId) -> Vec<u64> {
    let items = world.timeline(who, channel);
    let events = items.into_iter().filter_map(|item| match item.body {
        TimelineBody::Event(_, kind) => match *kind {
            Kind::HistoryShared(shared) => Some(shared.events),
            _ => None,
        },
        _ => None,
    });
    events.collect()
}

fn same_from_the_beginning(world: &World, channel: ChannelId, people: &[Who]) {
    let hashes: Vec<_> = people
        .iter()
        .map(|who| world.devices[*who].engine.projection_hash(channel, 0))
        .map(|hash| hash.expect("hash"))
        .collect();
    assert!(
        hashes.windows(2).all(|pair| pair[0] == pair[1]),
        "{hashes:?}"
    );
}

// proves: M7, M10
#[tokio::test]
async fn a_joiner_who_is_promised_everything_sees_exactly_what_everybody_sees() {
    let mut world = World::new(StoreKind::Memory).await;
    let nurse = world.add_user("Nadia").await;
    let doctor = world.add_user("Hervé").await;
    let channel = busy_thread(&mut world, nurse).await;
    invite(&mut world, 0, channel, doctor, HistoryChoice::All);
    world.settle().await;
    assert_eq!(world.texts(doctor, channel), world.texts(nurse, channel));
    same_from_the_beginning(&world, channel, &[0, doctor]);
    let record = world.devices[doctor]
        .engine
        .history(channel)
        .expect("record");
    assert_eq!(
        record,
        Default::default(),
        "nothing is missing or under way"
    );
    for who in [0, nurse, doctor] {
        let shared = shared_with(&world, who, channel);
        assert_eq!(shared.len(), 1, "everybody sees that it was shared");
        assert!(shared[0] > 10);
    }
    // The originals of the past arrive too.
    let items = world.timeline(doctor, channel);
    let original = items.into_iter().find_map(|item| match item.body {
        TimelineBody::Event(_, kind) => match *kind {
            Kind::Photo(photo) => photo.original,
            _ => None,
        },
        _ => None,
    });
    let id = relais_wire::ids::BlobId::try_from(&original.expect("photo").blob_id).expect("id");
    let bytes = world.devices[doctor].engine.blob_bytes(id).expect("here");
    assert!(image::load_from_memory(&bytes).is_ok());
    // Both go on from there.
    world.say(doctor, channel, "Merci, j'ai tout lu.");
    world.settle().await;
    same_from_the_beginning(&world, channel, &[0, doctor]);
}

#[tokio::test]
async fn a_joiner_who_is_promised_nothing_sees_nothing_and_gets_nothing_by_asking() {
    let mut world = World::new(StoreKind::Memory).await;
    let nurse = world.add_user("Nadia").await;
    let doctor = world.add_user("Hervé").await;
    let channel = busy_thread(&mut world, nurse).await;
    invite(&mut world, 0, channel, doctor, HistoryChoice::None);
    world.settle().await;
    assert_eq!(world.texts(doctor, channel), [""; 0]);
    // A modified client asks everybody for the past nevertheless.
    let now = world.now_ms();
    world.devices[doctor].edit_database(now, |db| {
        db.execute(
            "INSERT INTO gaps (channel, after_seq, until_seq) SELECT channel, 0, joined_seq
             FROM channels",
            [],
        )
        .expect("gap");
    });
    for _ in 0..12 {
        world.settle().await;
        world.advance(20 * 60_000);
    }
    world.settle().await;
    assert_eq!(world.texts(doctor, channel), [""; 0]);
    assert!(shared_with(&world, 0, channel).is_empty());
    let record = world.devices[doctor]
        .engine
        .history(channel)
        .expect("record");
    // A manager's device said that nothing was promised: there is nothing to miss.
    assert!(record.missing.is_empty(), "{record:?}");
}

#[tokio::test]
async fn a_history_since_a_day_begins_there_and_says_nothing_of_before() {
    let mut world = World::new(StoreKind::Memory).await;
    let nurse = world.add_user("Nadia").await;
    let doctor = world.add_user("Hervé").await;
    let channel = world.thread(0, "Mme Durand", &[nurse]).await;
    world.say(nurse, channel, "avant");
    world.settle().await;
    world.advance(24 * 3_600_000);
    let since = world.now_ms();
    world.say(nurse, channel, "après");
    world.settle().await;
    invite(&mut world, 0, channel, doctor, HistoryChoice::Since(since));
    world.settle().await;
    assert_eq!(world.texts(doctor, channel), ["après"]);
    let record = world.devices[doctor]
        .engine
        .history(channel)
        .expect("record");
    assert!(record.missing.is_empty(), "{record:?}");
}

#[tokio::test]
async fn a_summary_holds_open_work_and_shows_how_much_was_left_out() {
    let mut world = World::new(StoreKind::Memory).await;
    let nurse = world.add_user("Nadia").await;
    let doctor = world.add_user("Hervé").await;
    let channel = busy_thread(&mut world, nurse).await;
    for number in 0..40 {
        world.say(nurse, channel, &format!("note {number}"));
    }
    world.settle().await;
    invite(&mut world, 0, channel, doctor, HistoryChoice::Summary);
    world.settle().await;
    let engine = &world.devices[doctor].engine;
    let tasks = engine.tasks(channel).expect("tasks");
    assert_eq!(tasks.len(), 1, "done tasks are not part of it");
    assert_eq!(tasks[0].status, TaskStatus::Open);
    let handovers = engine.handovers(channel).expect("handovers");
    assert_eq!(handovers.len(), 1);
    assert!(!handovers[0].is_complete());
    let texts = world.texts(doctor, channel);
    assert_eq!(texts.first().map(String::as_str), Some("note 10"));
    assert_eq!(texts.len(), 30);
    let items = world.timeline(doctor, channel);
    let omitted: Vec<String> = items
        .iter()
        .filter_map(|item| match &item.body {
            TimelineBody::Notice { kind, detail, .. } if kind == "omitted" => Some(detail.clone()),
            _ => None,
        })
        .collect();
    assert!(!omitted.is_empty(), "what is left out is said");
    assert!(
        omitted.iter().all(|o| o.ends_with("not shared")),
        "{omitted:?}"
    );
    assert!(engine.history(channel).expect("record").missing.is_empty());
}

#[tokio::test]
async fn sharing_survives_kills_of_both_sides_at_any_point() {
    let mut world = World::new(StoreKind::Sled).await;
    let nurse = world.add_user("Nadia").await;
    let doctor = world.add_user("Hervé").await;
    let channel = busy_thread(&mut world, nurse).await;
    for number in 0..300 {
        world.say(nurse, channel, &format!("{number} {}", "long ".repeat(500)));
    }
    world.settle().await;
    invite(&mut world, 0, channel, doctor, HistoryChoice::All);
    // Each device dies again and again while it builds, sends, reads and places.
    for turn in 0..60 {
        world.turn().await;
        world.advance(200);
        world.crash(if turn % 2 == 0 { 0 } else { doctor });
    }
    world.settle().await;
    same_from_the_beginning(&world, channel, &[0, doctor]);
    assert_eq!(shared_with(&world, nurse, channel).len(), 1);
}

#[tokio::test]
async fn should_the_promiser_stay_away_another_colleague_shares() {
    let mut world = World::new(StoreKind::Memory).await;
    let nurse = world.add_user("Nadia").await;
    let doctor = world.add_user("Hervé").await;
    let channel = busy_thread(&mut world, nurse).await;
    // The archive never reaches the server: the coordinator's uploads are lost, then
    // their phone is off.
    world.devices[0].faults.drop_requests(usize::MAX);
    invite(&mut world, 0, channel, doctor, HistoryChoice::All);
    for _ in 0..200 {
        world.turn().await;
        world.advance(100);
    }
    world.devices[0].go_offline();
    world.settle().await;
    assert_eq!(world.texts(doctor, channel), [""; 0]);
    let record = world.devices[doctor]
        .engine
        .history(channel)
        .expect("record");
    assert_eq!(
        record.missing.len(),
        1,
        "it is shown that something is missing"
    );
    for _ in 0..6 {
        world.advance(10 * 60_000);
        world.settle().await;
    }
    assert_eq!(world.texts(doctor, channel), world.texts(nurse, channel));
    // What even the colleague does not have comes once the promiser is back.
    let record = world.devices[doctor]
        .engine
        .history(channel)
        .expect("record");
    assert!(record.missing.iter().all(|m| m.until_seq < 4), "{record:?}");
    world.devices[0].faults.drop_requests(0);
    world.devices[0].go_online();
    world.settle().await;
    same_from_the_beginning(&world, channel, &[0, doctor]);
    let record = world.devices[doctor]
        .engine
        .history(channel)
        .expect("record");
    assert_eq!(record, Default::default());
}

#[tokio::test]
async fn an_event_that_one_device_lost_comes_back_from_a_colleague() {
    let mut world = World::new(StoreKind::Memory).await;
    world.hostile = true;
    let nurse = world.add_user("Nadia").await;
    let channel = world.thread(0, "Mme Durand", &[nurse]).await;
    for text in ["un", "deux", "trois"] {
        world.say(0, channel, text);
    }
    world.settle().await;
    let lost = world
        .timeline(nurse, channel)
        .iter()
        .find_map(|item| match &item.body {
            TimelineBody::Event(_, kind) => match kind.as_ref() {
                Kind::Message(message) if message.text == "deux" => item.seq,
                _ => None,
            },
            _ => None,
        })
        .expect("there");
    let now = world.now_ms();
    world.devices[nurse].edit_database(now, |db| {
        db.execute("DELETE FROM events WHERE seq = ?1", [lost])
            .expect("deleted");
        db.execute(
            "INSERT INTO notices (channel, seq, part, time_ms, kind, actor, subject, detail)
             SELECT channel, ?1, 0, 0, 'quarantined', zeroblob(16), zeroblob(16),
             'cannot be decrypted' FROM channels",
            [lost],
        )
        .expect("notice");
        db.execute(
            "INSERT INTO gaps (channel, after_seq, until_seq) SELECT channel, ?1 - 1, ?1
             FROM channels",
            [lost],
        )
        .expect("gap");
    });
    world.settle().await;
    world.advance(60_000);
    world.settle().await;
    // The world has compared what the two show by now.
    assert_eq!(world.texts(nurse, channel), ["un", "deux", "trois"]);
    let record = world.devices[nurse]
        .engine
        .history(channel)
        .expect("record");
    assert!(record.missing.is_empty(), "{record:?}");
}

#[tokio::test]
async fn what_nobody_gave_is_asked_for_again_when_the_person_says_so() {
    let mut world = World::new(StoreKind::Memory).await;
    let nurse = world.add_user("Nadia").await;
    let doctor = world.add_user("Hervé").await;
    let channel = world.thread(0, "Mme Durand", &[nurse, doctor]).await;
    for text in ["un", "deux", "trois"] {
        world.say(0, channel, text);
    }
    world.settle().await;
    let refused = world.devices[nurse].engine.ask_history_again(channel);
    assert!(matches!(refused, Err(Error::NotAllowed(_))), "{refused:?}");
    // The nurse's device misses a stretch while the colleagues are away for long.
    for who in [0, doctor] {
        world.devices[who].go_offline();
    }
    let now = world.now_ms();
    world.devices[nurse].edit_database(now, |db| {
        db.execute_batch(
            "INSERT INTO gaps (channel, after_seq, until_seq)
             SELECT channel, min(seq) - 1, max(seq) FROM events WHERE kind = 4;
             UPDATE entries SET header = NULL WHERE seq IN (SELECT seq FROM events WHERE kind = 4);
             DELETE FROM events WHERE kind = 4;",
        )
        .expect("missing");
    });
    for _ in 0..60 {
        world.advance(10 * 60_000);
        world.settle().await;
    }
    let missing = |world: &World| {
        let record = world.devices[nurse].engine.history(channel);
        record.expect("record").missing
    };
    assert!(missing(&world)[0].given_up);
    // The doctor is back, but has answered the nurse's device too often this hour.
    let (now, asker) = (world.now_ms(), world.devices[nurse].device());
    world.devices[doctor].edit_database(now, |db| {
        db.execute(
            "WITH RECURSIVE often (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM often WHERE n < 12)
             INSERT INTO answers SELECT channel, ?1, ?2 FROM channels, often",
            (asker.0, now),
        )
        .expect("answered");
    });
    world.devices[doctor].go_online();
    // The two show different things until it has come: the world does not compare.
    for _ in 0..100 {
        world.turn().await;
        world.advance(2 * 60_000);
    }
    assert!(missing(&world)[0].given_up, "nobody asks by themselves");
    let engine = &mut world.devices[nurse].engine;
    assert_eq!(engine.ask_history_again(channel).expect("asked"), 1);
    // The coordinator, who manages, is asked first, and is away.
    for _ in 0..100 {
        world.turn().await;
        world.advance(5_000);
    }
    world.settle().await;
    assert_eq!(world.texts(nurse, channel), ["un", "deux", "trois"]);
    assert_eq!(missing(&world), []);
}
