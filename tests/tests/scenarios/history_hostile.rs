//! Colleagues who share a past that is not so: nothing false is ever shown, what does
//! not hold is said, and an honest colleague's archive replaces a dishonest one.

use relais_core::commands::NewMember;
use relais_core::history::HistoryChoice;
use relais_core::query::TimelineBody;
use relais_tests::world::{StoreKind, Who, World};
use relais_wire::ids::ChannelId;

/// Nadia and the coordinator write; Hervé is to be added with everything.
async fn scene() -> (World, Who, Who, ChannelId) {
    let mut world = World::new(StoreKind::Memory).await;
    world.hostile = true;
    let nurse = world.add_user("Nadia").await;
    let doctor = world.add_user("Hervé").await;
    let channel = world.thread(0, "Mme Durand", &[nurse]).await;
    for text in ["un", "deux", "trois"] {
        world.say(nurse, channel, text);
        world.settle().await;
    }
    (world, nurse, doctor, channel)
}

fn add(world: &mut World, channel: ChannelId, who: Who) {
    let mut new = NewMember::care_team(world.devices[who].professional());
    new.history = HistoryChoice::All;
    let engine = &mut world.devices[0].engine;
    engine.add_member(channel, &new).expect("added");
}

/// Devices with a falsified past do not show the same as others: the world's own
/// invariants, which compare them, do not hold here.
async fn until_it_arrives(world: &mut World, who: Who, channel: ChannelId) {
    for _ in 0..2_000 {
        world.turn().await;
        world.advance(50);
        let joined = world.devices[who].engine.thread(channel).is_ok();
        if joined && !world.texts(who, channel).is_empty() {
            return;
        }
    }
    panic!("the past never came");
}

fn omitted(world: &World, who: Who, channel: ChannelId) -> Vec<String> {
    let items = world.timeline(who, channel).into_iter();
    let details = items.filter_map(|item| match item.body {
        TimelineBody::Notice { kind, detail, .. } if kind == "omitted" => Some(detail),
        _ => None,
    });
    details.collect()
}

// proves: M7
#[tokio::test]
async fn a_sharer_who_alters_one_character_is_caught() {
    let (mut world, nurse, doctor, channel) = scene().await;
    let now = world.now_ms();
    world.devices[0].edit_database(now, |db| {
        let (seq, mut signed): (u64, Vec<u8>) = db
            .query_row(
                "SELECT seq, signed FROM events WHERE kind = 4 AND instr(signed, 'deux') > 0",
                [],
                |row| Ok((row.get(0)?, row.get(1)?)),
            )
            .expect("the event");
        let at = signed.windows(4).position(|w| w == b"deux").expect("text");
        signed[at] = b'D';
        db.execute(
            "UPDATE events SET signed = ?2 WHERE seq = ?1",
            (seq, signed),
        )
        .expect("altered");
    });
    add(&mut world, channel, doctor);
    until_it_arrives(&mut world, doctor, channel).await;
    assert_eq!(world.texts(doctor, channel), ["un", "trois"]);
    let said = ["1 entry: the event is not what its envelope says"];
    assert_eq!(omitted(&world, doctor, channel), said);
    assert_eq!(world.texts(nurse, channel), ["un", "deux", "trois"]);
}

// proves: M7
#[tokio::test]
async fn a_chain_that_does_not_hold_discards_the_archive_and_another_colleague_is_asked() {
    let (mut world, nurse, doctor, channel) = scene().await;
    let now = world.now_ms();
    // The coordinator pretends that an entry came a second earlier.
    world.devices[0].edit_database(now, |db| {
        use prost::Message as _;
        let (seq, header): (u64, Vec<u8>) = db
            .query_row(
                "SELECT seq, header FROM entries ORDER BY seq DESC LIMIT 1",
                [],
                |row| Ok((row.get(0)?, row.get(1)?)),
            )
            .expect("an entry");
        let mut header = relais_wire::v1::EntryHeader::decode(header.as_slice()).expect("a header");
        header.time_ms += 1;
        let header = header.encode_to_vec();
        db.execute(
            "UPDATE entries SET header = ?2 WHERE seq = ?1",
            (seq, header),
        )
        .expect("altered");
    });
    add(&mut world, channel, doctor);
    world.settle().await;
    assert!(
        world.texts(doctor, channel).is_empty(),
        "nothing of it is shown"
    );
    let record = world.devices[doctor]
        .engine
        .history(channel)
        .expect("record");
    let refused = record.arriving[0].refused.clone();
    assert_eq!(refused.as_deref(), Some("it tells another history"));
    for _ in 0..6 {
        world.advance(10 * 60_000);
        world.settle().await;
    }
    assert_eq!(world.texts(doctor, channel), world.texts(nurse, channel));
    assert!(omitted(&world, doctor, channel).is_empty());
}

// proves: M7
#[tokio::test]
async fn an_event_whose_signature_never_held_is_not_shown_to_a_joiner_either() {
    let (mut world, nurse, doctor, channel) = scene().await;
    world.devices[nurse].go_offline();
    world.say(nurse, channel, "falsifié");
    let now = world.now_ms();
    let mut forged = Vec::new();
    world.devices[nurse].edit_database(now, |db| {
        let id: i64 = db
            .query_row("SELECT id FROM intents WHERE kind = 'event'", [], |row| {
                row.get(0)
            })
            .expect("waiting event");
        let mut signed: Vec<u8> = db
            .query_row("SELECT payload FROM intents WHERE id = ?1", [id], |row| {
                row.get(0)
            })
            .expect("payload");
        let last = signed.len() - 1;
        signed[last] ^= 1;
        db.execute(
            "UPDATE intents SET payload = ?2 WHERE id = ?1",
            (id, &signed),
        )
        .expect("falsified");
        forged = signed;
    });
    world.devices[nurse].go_online();
    world.settle().await;
    // Everybody put it into quarantine; the coordinator's client shares it nevertheless.
    let now = world.now_ms();
    world.devices[0].edit_database(now, |db| {
        db.execute(
            "INSERT INTO events (channel, seq, event_id, device, professional, counter, time_ms,
             kind, signed) SELECT e.channel, n.seq, zeroblob(16), e.device, e.professional,
             e.counter + 1, n.time_ms, 4, ?1 FROM notices n, events e
             WHERE n.kind = 'quarantined' AND instr(e.signed, 'trois') > 0",
            [&forged],
        )
        .expect("inserted");
    });
    add(&mut world, channel, doctor);
    until_it_arrives(&mut world, doctor, channel).await;
    assert_eq!(world.texts(doctor, channel), ["un", "deux", "trois"]);
    let said = ["1 entry: the author's signature does not verify"];
    assert_eq!(omitted(&world, doctor, channel), said);
}
