//! A server that is put back from an older backup than its devices' threads: what it
//! lost is noticed, kept, and said again.

mod unproved;

use std::collections::BTreeSet;

use prost::Message;
use relais_content::v1::content::Kind;
use relais_core::Event;
use relais_core::engine::Trouble;
use relais_core::history::HistoryChoice;
use relais_core::query::{EventState, ThreadState, TimelineBody};
use relais_tests::world::{ServerBackup, StoreKind, Who, World};
use relais_wire::ids::ChannelId;
use relais_wire::v1::ServerFrame;
use relais_wire::v1::server_frame::Frame;

/// Claire (0), Nadia (1), Denis (2) and their thread, with "Bonjour" of Nadia in it.
async fn team() -> (World, ChannelId) {
    team_on(StoreKind::Memory).await
}

async fn team_on(kind: StoreKind) -> (World, ChannelId) {
    let mut world = World::new(kind).await;
    let nurse = world.add_user("Nadia").await;
    let doctor = world.add_user("Denis").await;
    let channel = world.thread(0, "Suivi", &[nurse, doctor]).await;
    world.say(nurse, channel, "Bonjour");
    world.settle().await;
    stand_still(&mut world, channel).await;
    (world, channel)
}

/// Everybody's leaf is renewed: the group stands still from here on.
async fn stand_still(world: &mut World, channel: ChannelId) {
    world.advance(20_000);
    for who in 0..3 {
        let seq = world.devices[who]
            .engine
            .thread(channel)
            .expect("thread")
            .seq;
        let engine = &mut world.devices[who].engine;
        engine.mark_read(channel, seq).expect("read");
        world.settle().await;
    }
}

/// Until nobody misses anything of the thread: what devices did not read while they
/// came back, they ask for.
async fn heal(world: &mut World, channel: ChannelId) {
    for _ in 0..40 {
        world.settle().await;
        let misses = |device: &relais_tests::world::Device| {
            let joined = device.engine.thread(channel);
            let joined = joined.is_ok_and(|thread| thread.state == ThreadState::Joined);
            let history = device.engine.history(channel).expect("history");
            // A return that only somebody saw who was removed then is nobody's to tell.
            joined && history.missing.iter().any(|missing| !missing.given_up)
        };
        if !world.devices.iter().any(misses) {
            return;
        }
        world.advance(30_000);
    }
    panic!("something is missing for good");
}

fn notices(world: &World, who: Who, channel: ChannelId, wanted: &str) -> Vec<String> {
    let items = world.devices[who].engine.timeline(channel, 0, usize::MAX);
    let detail = |item: relais_core::query::TimelineItem| match item.body {
        TimelineBody::Notice { kind, detail, .. } if kind == wanted => Some(detail),
        _ => None,
    };
    items
        .expect("timeline")
        .into_iter()
        .filter_map(detail)
        .collect()
}

fn sorted(world: &World, who: Who, channel: ChannelId) -> Vec<String> {
    let mut texts = world.texts(who, channel);
    texts.sort_unstable();
    texts
}

fn lost(world: &World, who: Who, channel: ChannelId) -> usize {
    let items = world.devices[who].engine.timeline(channel, 0, usize::MAX);
    let items = items.expect("timeline").into_iter();
    items.filter(|item| item.state == EventState::Lost).count()
}

/// The server's lives, as a device heard of them.
fn lives(world: &World, who: Who) -> BTreeSet<u64> {
    let frames = world.devices[who].received.iter();
    let frames = frames.filter_map(|bytes| ServerFrame::decode(bytes.clone()).ok()?.frame);
    let heard = frames.filter_map(|frame| match frame {
        Frame::Ready(ready) => Some(ready.restores),
        _ => None,
    });
    heard.collect()
}

/// The server's disk is put back, and no device holds a proof of it.
async fn restore_unproved(world: &mut World, backup: &ServerBackup) {
    let now = world.now_ms();
    for who in 0..3 {
        world.devices[who].go_offline();
        world.devices[who].edit_database(now, |db| {
            db.execute("UPDATE channels SET cursor_seal = x''", [])
                .expect("edited");
        });
    }
    world.restore_server(backup).await;
    for who in 0..3 {
        world.devices[who].go_online();
    }
}

// proves: D6
#[tokio::test]
async fn a_server_that_was_started_again_and_has_trimmed_what_all_have_read_was_not_restored() {
    let (mut world, channel) = team_on(StoreKind::Sled).await;
    // What was read reaches the server's disk, and is trimmed when it starts.
    for number in 0..3 {
        world.advance(60_000);
        world.settle().await;
        world.crash_server().await;
        world.settle().await;
        // Nadia goes on where she was, though others have gone on meanwhile.
        world.devices[1].go_offline();
        world.say(0, channel, &format!("passage {number}"));
        world.settle().await;
        world.devices[1].go_online();
        world.settle().await;
    }
    for who in 0..3 {
        assert_eq!(lives(&world, who), [0].into(), "{who}");
        for kind in ["restored", "rejoined", "missing"] {
            assert_eq!(notices(&world, who, channel, kind).len(), 0, "{who} {kind}");
        }
        let thread = world.devices[who].engine.thread(channel).expect("thread");
        assert_eq!(thread.state, ThreadState::Joined);
        let all = ["Bonjour", "passage 0", "passage 1", "passage 2"];
        assert_eq!(world.texts(who, channel), all);
        assert_eq!(lost(&world, who, channel), 0);
    }
}

// proves: D6
#[tokio::test]
async fn what_was_said_after_the_backup_comes_back_once_to_everybody() {
    let (mut world, channel) = team().await;
    let backup = world.backup_server();
    world.say(1, channel, "Tension 14/9");
    world.settle().await;
    world.say(2, channel, "Je passe demain");
    world.settle().await;
    world.restore_server(&backup).await;
    world.say(0, channel, "Merci");
    heal(&mut world, channel).await;
    let mut first = None;
    for who in 0..3 {
        let mut texts = world.texts(who, channel);
        let first = first.get_or_insert(texts.clone());
        assert_eq!(*first, texts, "the same order for everybody");
        texts.sort_unstable();
        assert_eq!(
            texts,
            ["Bonjour", "Je passe demain", "Merci", "Tension 14/9"]
        );
        assert!(world.devices[who].events.contains(&Event::ServerRestored));
        assert_eq!(notices(&world, who, channel, "restored").len(), 1);
        assert_eq!(lost(&world, who, channel), 0);
    }
}

// proves: D6
#[tokio::test]
async fn a_log_that_went_on_otherwise_before_its_old_readers_came_back_takes_both() {
    let (mut world, channel) = team().await;
    // Denis was away: he knows nothing of what the server is about to lose.
    world.devices[2].go_offline();
    let backup = world.backup_server();
    world.say(1, channel, "Tension 14/9");
    world.settle().await;
    world.say(0, channel, "Bien");
    world.settle().await;
    for who in [0, 1] {
        world.devices[who].go_offline();
    }
    world.restore_server(&backup).await;
    world.devices[2].go_online();
    for text in ["Je passe demain", "vers 10 h", "avec le pansement"] {
        world.say(2, channel, text);
        world.settle().await;
    }
    for who in [0, 1] {
        world.devices[who].go_online();
    }
    heal(&mut world, channel).await;
    for who in 0..3 {
        let mut texts = world.texts(who, channel);
        texts.sort_unstable();
        let all = [
            "Bien",
            "Bonjour",
            "Je passe demain",
            "Tension 14/9",
            "avec le pansement",
            "vers 10 h",
        ];
        assert_eq!(texts, all, "{}", world.devices[who].name);
    }
    assert_eq!(notices(&world, 2, channel, "restored").len(), 0);
}

// proves: D6, M8
#[tokio::test]
async fn a_removal_that_was_lost_is_made_again_before_anything_is_said() {
    let (mut world, channel) = team().await;
    let backup = world.backup_server();
    world.remove(0, channel, 2);
    world.settle().await;
    world.say(1, channel, "Sans Denis");
    world.settle().await;
    world.restore_server(&backup).await;
    heal(&mut world, channel).await;
    for who in [0, 1] {
        assert_eq!(world.texts(who, channel), ["Bonjour", "Sans Denis"]);
        assert_eq!(notices(&world, who, channel, "removed").len(), 1);
    }
    assert_eq!(world.texts(2, channel), ["Bonjour"]);
}

// proves: D6, M8
#[tokio::test]
async fn a_manager_with_words_to_say_again_makes_their_changes_of_the_circle_again_first() {
    let (mut world, channel) = team().await;
    let locum = world.add_user("Lucie").await;
    let stranger = world.add_user("Karim").await;
    let backup = world.backup_server();
    world.remove(0, channel, 2);
    world.settle().await;
    world.add(0, channel, locum);
    world.settle().await;
    world.say(0, channel, "Denis est parti, Lucie est là");
    world.settle().await;
    world.restore_server(&backup).await;
    // What waits for a circle of its own does not hold up the old one's return.
    world.say(0, channel, "Avant Karim");
    world.add(0, channel, stranger);
    heal(&mut world, channel).await;
    for who in [0, 1, locum] {
        let texts = sorted(&world, who, channel);
        assert!(
            texts.ends_with(&["Denis est parti, Lucie est là".into()]),
            "{who}: {texts:?}"
        );
        assert!(texts.contains(&"Avant Karim".into()), "{who}: {texts:?}");
    }
    assert_eq!(world.texts(2, channel), ["Bonjour"]);
    assert!(world.texts(stranger, channel).is_empty());
}

// proves: D6
#[tokio::test]
async fn somebody_whose_joining_was_lost_is_added_again_and_hears_no_more_than_before() {
    let (mut world, channel) = team().await;
    let locum = world.add_user("Lucie").await;
    let backup = world.backup_server();
    world.say(1, channel, "Avant Lucie");
    world.settle().await;
    world.add(0, channel, locum);
    world.settle().await;
    world.say(1, channel, "Avec Lucie");
    world.settle().await;
    world.say(locum, channel, "Merci");
    world.settle().await;
    world.restore_server(&backup).await;
    heal(&mut world, channel).await;
    for who in 0..3 {
        assert_eq!(
            sorted(&world, who, channel),
            ["Avant Lucie", "Avec Lucie", "Bonjour", "Merci"]
        );
    }
    assert_eq!(sorted(&world, locum, channel), ["Avec Lucie", "Merci"]);
}

// proves: D6
#[tokio::test]
async fn what_an_absent_author_said_is_said_again_by_a_colleague_and_shown_once() {
    let (mut world, channel) = team().await;
    let backup = world.backup_server();
    world.say(1, channel, "Tension 14/9");
    world.settle().await;
    world.devices[1].go_offline();
    world.restore_server(&backup).await;
    heal(&mut world, channel).await;
    assert_eq!(world.texts(2, channel), ["Bonjour", "Tension 14/9"]);
    assert_eq!(lost(&world, 2, channel), 1, "its author may still say it");
    world.advance(150_000);
    heal(&mut world, channel).await;
    let nurse = world.devices[1].professional();
    for who in [0, 2] {
        assert_eq!(world.texts(who, channel), ["Bonjour", "Tension 14/9"]);
        assert_eq!(lost(&world, who, channel), 0);
        let items = world.timeline(who, channel);
        let said = |item: &relais_core::query::TimelineItem| {
            matches!(&item.body, TimelineBody::Event(_, kind)
                if matches!(&**kind, Kind::Message(message) if message.text == "Tension 14/9"))
        };
        let item = items.iter().find(|item| said(item)).expect("shown");
        assert_eq!(item.author, nurse);
        assert!(matches!(item.state, EventState::Sent { .. }));
    }
    // The author comes back, says it too, and what waited follows it.
    world.say(1, channel, "Et 13/8 ce soir");
    world.devices[1].go_online();
    heal(&mut world, channel).await;
    let texts = ["Bonjour", "Tension 14/9", "Et 13/8 ce soir"];
    for who in 0..3 {
        assert_eq!(world.texts(who, channel), texts);
    }
}

// proves: D6, M8
#[tokio::test]
async fn what_was_lost_reaches_nobody_who_has_joined_since() {
    let (mut world, channel) = team().await;
    let locum = world.add_user("Lucie").await;
    // Denis was away, a manager, and adds Lucie to the circle that he knows.
    world.promote(0, channel, 2);
    world.settle().await;
    world.devices[2].go_offline();
    let backup = world.backup_server();
    world.say(1, channel, "Avant Lucie");
    world.settle().await;
    for who in [0, 1] {
        world.devices[who].go_offline();
    }
    world.restore_server(&backup).await;
    world.devices[2].go_online();
    world.add(2, channel, locum);
    world.settle().await;
    for who in [0, 1] {
        world.devices[who].go_online();
    }
    heal(&mut world, channel).await;
    world.advance(200_000);
    heal(&mut world, channel).await;
    assert_eq!(sorted(&world, locum, channel), [""; 0]);
    // Its author decides, and those who heard it still have it.
    let failed = world.devices[1].engine.failed_acts().expect("failures");
    assert_eq!(failed.len(), 1, "{failed:?}");
    assert_eq!(world.texts(0, channel), ["Bonjour", "Avant Lucie"]);
    assert_eq!(lost(&world, 0, channel), 1);
    world.devices[1]
        .engine
        .retry(failed[0].number)
        .expect("said");
    heal(&mut world, channel).await;
    assert_eq!(world.texts(locum, channel), ["Avant Lucie"]);
}

// proves: D6
#[tokio::test]
async fn a_second_restore_in_the_middle_of_the_first_loses_nothing() {
    let (mut world, channel) = team().await;
    let backup = world.backup_server();
    for who in 0..3 {
        world.say(who, channel, &format!("de {who}"));
        world.settle().await;
    }
    world.restore_server(&backup).await;
    for _ in 0..12 {
        world.turn().await;
        world.advance(5);
    }
    world.restore_server(&backup).await;
    heal(&mut world, channel).await;
    for who in 0..3 {
        assert_eq!(
            sorted(&world, who, channel),
            ["Bonjour", "de 0", "de 1", "de 2"]
        );
    }
}

// proves: D6
#[tokio::test]
async fn a_return_that_was_under_way_when_the_server_was_restored_begins_again() {
    let (mut world, channel) = team().await;
    let backup = world.backup_server();
    for number in 0..3 {
        world.say(0, channel, &format!("passage {number}"));
        world.settle().await;
    }
    // Its answer is lost, and then the log that it was written into.
    crate::rejoin::lose_group(&mut world, 1, channel);
    world.devices[1].faults.rewrite(|frame| match frame {
        Frame::Answer(_) => None,
        frame => Some(frame),
    });
    world.say(1, channel, "vu");
    world.devices[1].go_online();
    let epoch = |world: &World| {
        world.devices[0]
            .engine
            .thread(channel)
            .expect("thread")
            .epoch
    };
    let before = epoch(&world);
    let mut turns = 0..60;
    while turns.next().is_some() && epoch(&world) == before {
        world.turn().await;
        world.advance(250);
    }
    assert!(epoch(&world) > before, "the return was taken");
    world.restore_server(&backup).await;
    world.devices[1].faults.tell_the_truth();
    heal(&mut world, channel).await;
    let all = ["Bonjour", "passage 0", "passage 1", "passage 2", "vu"];
    for who in 0..3 {
        assert_eq!(sorted(&world, who, channel), all);
    }
}
