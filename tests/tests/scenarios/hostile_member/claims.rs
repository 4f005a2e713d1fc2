//! What a member says of logs that the others cannot see through their eyes: it is shown,
//! and silences nobody.

use relais_content::v1::{HistoryDeclined, HistoryGrant, HistoryRequest, sealed_body};
use relais_wire::v1::answer;

use super::*;

impl Scene {
    /// Luc's event reaches everybody.
    async fn luc_says(&mut self, body: &relais_content::v1::EventBody) {
        let signed = self.luc.sign(body);
        let at = EventId::try_from(&body.event_id).expect("an id");
        let envelope = self.luc.envelope((at, body.counter), &signed);
        let sealed = self.sealed(&envelope, &signed);
        self.luc.raw.taken(sealed).await;
    }
}

// proves: M7, I5
#[tokio::test]
async fn a_structure_log_that_one_colleague_alone_has_seen_is_shown_and_silences_nobody() {
    let mut scene = scene().await;
    let (at, channel) = (scene.next(), scene.channel);
    let mut body = scene.luc.body(&mut scene.world, channel, at, text("vu"));
    body.structure_hash = vec![7; 32].into();
    scene.luc_says(&body).await;
    scene.world.settle().await;
    let luc = scene.luc.professional;
    for (who, said) in [(0, "un"), (NADIA, "deux"), (DENIS, "trois")] {
        let engine = &scene.world.devices[who].engine;
        assert_eq!(engine.troubles(), &[Trouble::StructureDisputed(luc)]);
        scene.world.say(who, channel, said);
        scene.world.settle().await;
    }
    for who in [0, NADIA, DENIS] {
        let texts = scene.world.texts(who, channel);
        assert_eq!(texts, ["avant", "vu", "un", "deux", "trois"], "{who}");
    }
    // Still shown after a restart.
    let now = scene.world.now_ms();
    scene.world.devices[NADIA].crash(now);
    let engine = &scene.world.devices[NADIA].engine;
    assert_eq!(engine.troubles(), &[Trouble::StructureDisputed(luc)]);
}

// proves: M7
#[tokio::test]
async fn a_thread_does_not_wait_for_a_statement_that_one_member_alone_knows() {
    let mut scene = scene().await;
    let (at, channel) = (scene.next(), scene.channel);
    let body = scene.luc.of_tomorrow(&mut scene.world, channel, at);
    scene.luc_says(&body).await;
    scene.world.say(0, channel, "zéro");
    // Until then the statement might be on its way.
    scene.world.settle().await;
    for who in [0, NADIA, DENIS] {
        assert_eq!(scene.world.texts(who, channel), ["avant", "zéro"], "{who}");
        let notices = scene.world.notices(who, channel);
        assert!(notices.contains(&"quarantined".to_owned()), "{notices:?}");
        let engine = &scene.world.devices[who].engine;
        assert_eq!(engine.troubles(), &[Trouble::StructureWithheld], "{who}");
    }
}

// proves: M10, M11
#[tokio::test]
async fn a_roster_that_a_member_tells_beyond_the_one_in_force_changes_nothing() {
    let mut scene = scene().await;
    let (at, channel) = (scene.next(), scene.channel);
    let told = scene
        .luc
        .roster_of_tomorrow(&mut scene.world, channel, "Mme Durand");
    let body = scene.luc.body(&mut scene.world, channel, at, told);
    scene.luc_says(&body).await;
    scene.world.settle().await;
    scene.others_go_on(0).await;
    // The circle still changes, by its manager.
    scene.world.add(0, channel, LEA);
    scene.world.settle().await;
    for who in [0, NADIA, DENIS, LEA] {
        let engine = &scene.world.devices[who].engine;
        assert_eq!(engine.members(channel).expect("members").len(), 5, "{who}");
        let thread = engine.thread(channel).expect("thread");
        assert_eq!(thread.state, ThreadState::Joined, "{who}");
    }
}

// proves: I1, W2
#[tokio::test]
async fn an_item_about_a_thread_that_nobody_knows_stops_no_inbox() {
    let mut scene = scene().await;
    let now = scene.world.now_ms();
    let mut identity = serde_json::Value::Null;
    scene.world.devices[NADIA].edit_database(now, |db| {
        let read = "SELECT value FROM meta WHERE key = 'identity'";
        let stored: Vec<u8> = db.query_row(read, [], |row| row.get(0)).expect("hers");
        identity = serde_json::from_slice(&stored).expect("hers");
    });
    let key = hex::decode(identity["sealing_public"].as_str().expect("a key")).expect("a key");
    let (nadia, nowhere) = (scene.world.devices[NADIA].device(), vec![0x5E; 16]);
    let about = |item| scene.luc.sealed(nadia, &key, item);
    let items = [
        about(sealed_body::Item::HistoryDeclined(HistoryDeclined {
            channel_id: nowhere.clone().into(),
            ..HistoryDeclined::default()
        })),
        about(sealed_body::Item::HistoryRequest(HistoryRequest {
            channel_id: nowhere.clone().into(),
            after_seq: 0,
            until_seq: 1,
        })),
        about(sealed_body::Item::HistoryGrant(HistoryGrant {
            channel_id: nowhere.into(),
            ..HistoryGrant::default()
        })),
    ];
    for item in items {
        let sent = scene
            .luc
            .raw
            .answered(send::Operation::SendToDevice(item))
            .await;
        assert!(matches!(sent, answer::Result::Done(_)), "{sent:?}");
    }
    scene.others_go_on(0).await;
}
