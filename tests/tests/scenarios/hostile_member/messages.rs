//! Messages that lie about their author, their place or what is in them.

use relais_core::commands::NewMember;
use relais_core::history::HistoryChoice;
use relais_core::query::TimelineBody;

use super::*;

// proves: M7
#[tokio::test]
async fn what_a_colleague_signed_is_not_said_again_by_another() {
    let mut scene = scene().await;
    let nadias = {
        let (world, channel) = (&mut scene.world, scene.channel);
        let now = world.now_ms();
        world.say(NADIA, channel, "de Nadia");
        let mut signed: Vec<u8> = Vec::new();
        world.devices[NADIA].go_offline();
        world.devices[NADIA].edit_database(now, |db| {
            let waiting = "SELECT payload FROM intents WHERE kind = 'event' LIMIT 1";
            signed = db.query_row(waiting, [], |row| row.get(0)).expect("it");
            db.execute("DELETE FROM intents WHERE kind = 'event'", [])
                .expect("she thinks better of it");
            db.execute("UPDATE channels SET event_counter = event_counter - 1", [])
                .expect("as if never written");
        });
        world.devices[NADIA].go_online();
        signed
    };
    let envelope = scene.luc.envelope(scene.next(), &nadias);
    let sealed = scene.sealed(&envelope, &nadias);
    scene.expects_quarantine(sealed).await;
}

// proves: M7
#[tokio::test]
async fn an_event_id_stands_for_one_content_only() {
    let mut scene = scene().await;
    let id = EventId([0xE1; 16]);
    let first = (id, scene.counter() + 1);
    let signed = scene.signed(first, text("la première fois"));
    let sealed = scene.sealed(&scene.luc.envelope(first, &signed), &signed);
    scene.luc.raw.taken(sealed).await;
    // At once: a colleague who renews their leaf meanwhile ends the epoch.
    let second = (id, first.1 + 1);
    let signed = scene.signed(second, text("autre chose"));
    let sealed = scene.sealed(&scene.luc.envelope(second, &signed), &signed);
    scene.luc.raw.taken(sealed).await;
    scene.world.settle().await;
    for who in [0, NADIA, DENIS] {
        let texts = scene.world.texts(who, scene.channel);
        assert_eq!(texts, ["avant", "la première fois"]);
        let notices = scene.world.notices(who, scene.channel);
        assert!(notices.contains(&"quarantined".to_owned()), "{notices:?}");
    }
}

// proves: M7
#[tokio::test]
async fn the_first_use_of_an_event_id_counts_for_joiners_too() {
    let mut world = populated().await;
    let channel = world.thread(0, "Mme Durand", &[NADIA, DENIS, LUC]).await;
    for who in [NADIA, LUC] {
        world.say(who, channel, "avant");
        world.settle().await;
    }
    // Léa joins without the past.
    let lea = NewMember::care_team(world.devices[LEA].professional());
    let manager = &mut world.devices[0].engine;
    manager.add_member(channel, &lea).expect("added");
    let mut scene = taken_over(world, channel).await;
    let said = scene.world.timeline(0, channel).into_iter();
    let said = said.filter_map(|item| match item.body {
        TimelineBody::Event(id, kind) if matches!(*kind, Kind::Message(_)) => Some(id),
        _ => None,
    });
    // One of his own, and one of Nadia's.
    for (id, counter) in said.zip(2..) {
        let at = (id, counter);
        let signed = scene.signed(at, text("autre chose"));
        let sealed = scene.sealed(&scene.luc.envelope(at, &signed), &signed);
        scene.luc.raw.taken(sealed).await;
    }
    // She cannot know it yet: until the past comes, she shows what nobody else does.
    for _ in 0..50 {
        scene.world.turn().await;
        scene.world.advance(250);
    }
    assert_eq!(scene.world.texts(LEA, channel), ["autre chose"; 2]);
    let person = scene.world.devices[LEA].professional();
    let manager = &mut scene.world.devices[0].engine;
    let all = HistoryChoice::All;
    manager.share_history(channel, person, all).expect("shared");
    scene.world.settle().await;
    for who in [0, NADIA, DENIS, LEA] {
        assert_eq!(scene.world.texts(who, channel), ["avant"; 2], "{who}");
        let notices = scene.world.notices(who, channel);
        let quarantined = notices.iter().filter(|kind| *kind == "quarantined");
        assert_eq!(quarantined.count(), 2, "{who}: {notices:?}");
    }
}

// proves: M7, M11
#[tokio::test]
async fn an_event_of_one_thread_does_not_count_in_another() {
    let mut scene = scene().await;
    let at = scene.next();
    let elsewhere = ChannelId([5; 16]);
    let luc = &scene.luc;
    let mut body = luc.body(&mut scene.world, scene.channel, at, text("ailleurs"));
    body.channel_id = elsewhere.to_bytes();
    let signed = luc.sign(&body);
    let sealed = scene.sealed(&scene.luc.envelope(at, &signed), &signed);
    scene.expects_quarantine(sealed).await;
}

// proves: M7
#[tokio::test]
async fn an_envelope_that_names_another_event_is_caught() {
    let mut scene = scene().await;
    let at = scene.next();
    let signed = scene.signed(at, text("dedans"));
    let envelope = scene.luc.envelope((EventId([9; 16]), at.1), &signed);
    let sealed = scene.sealed(&envelope, &signed);
    scene.expects_quarantine(sealed).await;
}

// proves: W2
#[tokio::test]
async fn what_is_larger_than_anything_may_be_is_refused_or_quarantined() {
    let mut scene = scene().await;
    let at = scene.next();
    let huge = vec![b'x'; relais_wire::limits::MESSAGE_BYTES + 1];
    let sealed = scene.sealed(&scene.luc.envelope(at, &huge), &huge);
    let code = scene.luc.raw.refused(sealed).await;
    assert_eq!(code, RefusalCode::TooLarge);
    let long = "x".repeat(100 * 1024);
    let signed = scene.signed(at, text(&long));
    let sealed = scene.sealed(&scene.luc.envelope(at, &signed), &signed);
    scene.expects_quarantine(sealed).await;
}

// proves: M9
#[tokio::test]
async fn what_nobody_can_decrypt_is_shown_as_such() {
    let mut scene = scene().await;
    let at = scene.next();
    let signed = scene.signed(at, text("illisible"));
    let envelope = scene.luc.envelope(at, &signed);
    let sealed = scene.illegible(&envelope, &signed);
    scene.expects_quarantine(sealed).await;
}

// proves: D3
#[tokio::test]
async fn a_counter_that_leaves_one_out_or_comes_twice_is_refused() {
    let mut scene = scene().await;
    for wrong in [scene.counter(), scene.counter() + 2] {
        let at = (EventId([wrong as u8; 16]), wrong);
        let signed = scene.signed(at, text("hors série"));
        let sealed = scene.sealed(&scene.luc.envelope(at, &signed), &signed);
        let code = scene.luc.raw.refused(sealed).await;
        assert_eq!(code, RefusalCode::WrongEventCounter);
    }
    scene.others_go_on(0).await;
}
