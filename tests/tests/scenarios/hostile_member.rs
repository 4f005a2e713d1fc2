//! A member whose device does what no honest engine would: with real keys, real groups
//! and a perfect command of the protocol. What is not theirs to do is refused by the
//! server or, where it cannot see, by every device; the others go on and agree.

use openmls::prelude::KeyPackage;
use prost::Message as _;
use relais_content::v1::{Content, Message, Priority, content::Kind};
use relais_core::query::ThreadState;
use relais_tests::member::{Change, HostileMember, identity};
use relais_tests::world::{StoreKind, Who, World};
use relais_wire::RefusalCode;
use relais_wire::ids::{ChannelId, DeviceId, EventId};
use relais_wire::roster::{Member, sign_reboot, sign_roster};
use relais_wire::structure::sign_statement;
use relais_wire::v1::{
    AppendCommit, AppendMessage, AppendStatements, ChannelRole, MessageAad, ProfessionalRevoked,
    RebootChannel, SignedRoster, StatementKind, send,
};

const NADIA: Who = 1;
const DENIS: Who = 2;
/// A contributor like the others, whose device is in hostile hands.
const LUC: Who = 3;
/// Of the structure, not of the thread.
const LEA: Who = 4;

struct Scene {
    world: World,
    channel: ChannelId,
    luc: HostileMember,
}

async fn scene() -> Scene {
    let mut world = World::new(StoreKind::Memory).await;
    world.hostile = true;
    for name in ["Nadia", "Denis", "Luc", "Lea"] {
        world.add_user(name).await;
    }
    let channel = world.thread(0, "Mme Durand", &[NADIA, DENIS, LUC]).await;
    world.say(LUC, channel, "avant");
    world.settle().await;
    // Every joiner has renewed their leaf: nobody ends the epoch meanwhile.
    world.advance(11_000);
    world.settle().await;
    let luc = HostileMember::of(&mut world, LUC).await;
    Scene {
        world,
        channel,
        luc,
    }
}

fn text(text: &str) -> Content {
    Content {
        kind: Some(Kind::Message(Message {
            text: text.into(),
            priority: Priority::Normal.into(),
            ..Message::default()
        })),
    }
}

fn message(message: AppendMessage) -> send::Operation {
    send::Operation::AppendMessage(message)
}

fn commit(commit: AppendCommit) -> send::Operation {
    send::Operation::AppendCommit(commit)
}

impl Scene {
    /// The device's next event in this thread: it has written one.
    fn next(&self) -> (EventId, u64) {
        (EventId([0xE1; 16]), self.counter() + 1)
    }

    fn counter(&self) -> u64 {
        1
    }

    fn signed(&mut self, at: (EventId, u64), content: Content) -> Vec<u8> {
        self.luc.event(&mut self.world, self.channel, at, content)
    }

    fn sealed(&mut self, aad: &MessageAad, plaintext: &[u8]) -> send::Operation {
        let sealed = self
            .luc
            .message(&mut self.world, self.channel, aad, plaintext);
        message(sealed)
    }

    fn change(&mut self, change: Change) -> send::Operation {
        commit(self.luc.commit(&mut self.world, self.channel, change))
    }

    fn forged_roster(&mut self, change: impl FnOnce(&mut Members, &HostileMember)) -> SignedRoster {
        let prior = self.luc.roster(&mut self.world, self.channel);
        let mut members = prior.members.clone();
        change(&mut members, &self.luc);
        let key = self.luc.raw.key.clone();
        let version = prior.minimum_client_version;
        sign_roster(
            self.channel,
            Some(&prior),
            &members,
            version,
            self.luc.device,
            &key,
        )
    }

    /// The others write, read the same and are in the same group; nobody joined or left.
    async fn others_go_on(&mut self, quarantined: usize) {
        for (who, said) in [(0, "un"), (NADIA, "deux"), (DENIS, "trois")] {
            self.world.say(who, self.channel, said);
            self.world.settle().await;
        }
        for who in [0, NADIA, DENIS] {
            let world = &self.world;
            let texts = world.texts(who, self.channel);
            assert_eq!(texts, ["avant", "un", "deux", "trois"], "{who}");
            let engine = &world.devices[who].engine;
            let thread = engine.thread(self.channel).expect("thread");
            assert_eq!(thread.state, ThreadState::Joined, "{who}");
            let members = engine.members(self.channel).expect("members");
            assert_eq!(members.len(), 4, "{who}");
            let managers = members.iter().filter(|m| m.role == ChannelRole::Manager);
            assert_eq!(managers.count(), 1, "{who}");
            let notices = world.notices(who, self.channel);
            let seen = notices.iter().filter(|n| *n == "quarantined").count();
            assert_eq!(seen, quarantined, "{who}: {notices:?}");
        }
    }

    async fn expects_refusal(mut self, operation: send::Operation, code: RefusalCode) {
        assert_eq!(self.luc.raw.refused(operation).await, code);
        self.others_go_on(0).await;
    }

    async fn expects_quarantine(mut self, operation: send::Operation) {
        self.luc.raw.taken(operation).await;
        self.others_go_on(1).await;
    }

    async fn package_of(&mut self, who: Who) -> KeyPackage {
        let device = self.world.devices[who].device();
        self.luc.key_package(device).await
    }
}

type Members = std::collections::BTreeMap<relais_wire::ids::ProfessionalId, Member>;

// proves: D4
#[tokio::test]
async fn a_contributor_does_not_make_himself_a_manager() {
    let mut scene = scene().await;
    let roster = scene.forged_roster(|members, luc| {
        if let Some(me) = members.get_mut(&luc.professional) {
            me.role = ChannelRole::Manager;
        }
    });
    let change = scene.change(Change {
        roster: Some(roster),
        ..Change::default()
    });
    scene.expects_refusal(change, RefusalCode::RuleBroken).await;
}

// proves: D4
#[tokio::test]
async fn a_contributor_brings_nobody_in_and_sends_nobody_away() {
    let mut scene = scene().await;
    let package = scene.package_of(LEA).await;
    let lea = scene.world.devices[LEA].professional();
    let roster = scene.forged_roster(|members, _| {
        let member = Member {
            role: ChannelRole::Contributor,
            expires_at_ms: None,
        };
        members.insert(lea, member);
    });
    let named = scene.change(Change {
        roster: Some(roster),
        add: vec![package.clone()],
        ..Change::default()
    });
    let code = scene.luc.raw.refused(named).await;
    assert_eq!(code, RefusalCode::RuleBroken);
    let unnamed = scene.change(Change {
        add: vec![package],
        ..Change::default()
    });
    let code = scene.luc.raw.refused(unnamed).await;
    assert_eq!(code, RefusalCode::RuleBroken);
    let nadia = scene.world.devices[NADIA].professional();
    let away = scene.change(Change {
        remove: vec![nadia],
        ..Change::default()
    });
    scene.expects_refusal(away, RefusalCode::RuleBroken).await;
}

// proves: D4
#[tokio::test]
async fn a_commit_whose_path_opens_to_garbage_is_healed_by_everybody_who_cannot_read_it() {
    let mut scene = scene().await;
    let before = scene.world.now_ms();
    let seq = |scene: &Scene| {
        let thread = scene.world.devices[0].engine.thread(scene.channel);
        thread.expect("thread").seq
    };
    let entries = seq(&scene);
    let garbage = scene.change(Change {
        garbage: true,
        ..Change::default()
    });
    scene.luc.raw.taken(garbage).await;
    scene.world.settle().await;
    let took = scene.world.now_ms() - before;
    assert!(took < 60_000, "healed within a minute, not {took} ms");
    // The commit itself, and one by each of the three that could not read it.
    assert!(seq(&scene) >= entries + 4, "everybody came back");
    scene.others_go_on(0).await;
}

// proves: M5
#[tokio::test]
async fn nobody_takes_a_colleagues_identity_for_their_leaf() {
    let mut scene = scene().await;
    let me = scene.world.devices[NADIA]
        .engine
        .whoami()
        .expect("enrolled");
    let key = scene.luc.raw.key.clone();
    let swapped = scene.change(Change {
        identity: Some(identity(me.structure, me.professional, me.device, &key)),
        ..Change::default()
    });
    let code = scene.luc.raw.refused(swapped).await;
    assert_ne!(code, RefusalCode::Unspecified);
    scene.others_go_on(0).await;
}

// proves: M2
#[tokio::test]
async fn an_external_commit_with_a_groupinfo_that_a_member_passed_on_is_refused() {
    let mut scene = scene().await;
    let (world, channel) = (&mut scene.world, scene.channel);
    let passed_on = scene.luc.group_info(world, channel);
    let head = scene.luc.structure_head(world, channel);
    let mut lea = HostileMember::of(world, LEA).await;
    let come_in = lea.external_commit(world, channel, &passed_on, head.clone());
    let code = lea.raw.refused(commit(come_in)).await;
    assert_eq!(code, RefusalCode::Forbidden);
    // Nor does the one who is removed come back with what he kept.
    world.remove(0, channel, LUC);
    world.settle().await;
    let come_back = scene.luc.external_commit(world, channel, &passed_on, head);
    let code = scene.luc.raw.refused(commit(come_back)).await;
    assert_eq!(code, RefusalCode::Forbidden);
    assert!(
        world
            .notices(NADIA, channel)
            .contains(&"removed".to_owned())
    );
}

// proves: D4
#[tokio::test]
async fn a_commit_with_the_groupinfo_of_another_epoch_is_refused() {
    let mut scene = scene().await;
    let (stale, _) = scene.luc.group_info(&mut scene.world, scene.channel);
    let mut change = scene
        .luc
        .commit(&mut scene.world, scene.channel, Change::default());
    change.group_info = stale;
    scene
        .expects_refusal(commit(change), RefusalCode::InvalidCommit)
        .await;
}

// proves: D4
#[tokio::test]
async fn a_proposal_that_nobody_asked_for_is_taken_neither_as_a_message_nor_as_a_commit() {
    let mut scene = scene().await;
    let proposal = scene.luc.proposal(&mut scene.world, scene.channel);
    let as_commit = AppendCommit {
        channel_id: proposal.channel_id.clone(),
        incarnation: proposal.incarnation,
        epoch: proposal.epoch,
        commit: proposal.message.clone(),
        ..AppendCommit::default()
    };
    for operation in [message(proposal), commit(as_commit)] {
        let code = scene.luc.raw.refused(operation).await;
        assert_ne!(code, RefusalCode::Unspecified);
    }
    scene.others_go_on(0).await;
}

// proves: D4
#[tokio::test]
async fn a_contributor_begins_no_new_group() {
    let mut scene = scene().await;
    let (world, channel) = (&mut scene.world, scene.channel);
    let prior = scene.luc.roster(world, channel);
    let head = scene.luc.structure_head(world, channel);
    let key = scene.luc.raw.key.clone();
    let roster = sign_reboot(&prior, head, scene.luc.device, &key);
    let group = scene.luc.new_group(world, channel, &roster);
    let reboot = RebootChannel {
        channel_id: channel.to_bytes(),
        incarnation: 0,
        epoch: group.0,
        group_info: group.1,
        ratchet_tree: group.2.into(),
    };
    let reboot = send::Operation::RebootChannel(reboot);
    scene.expects_refusal(reboot, RefusalCode::RuleBroken).await;
}

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

// proves: M7, M11
#[tokio::test]
async fn an_event_of_one_thread_does_not_count_in_another() {
    let mut scene = scene().await;
    let at = scene.next();
    let elsewhere = ChannelId([5; 16]);
    let signed = scene.signed(at, text("ailleurs"));
    let mut event = relais_content::v1::SignedEvent::decode(signed.as_slice()).expect("an event");
    let mut body = relais_content::v1::EventBody::decode(event.body.clone()).expect("a body");
    body.channel_id = elsewhere.to_bytes();
    let body = body.encode_to_vec();
    let label = relais_wire::label::Label::SignedEvent;
    event.signature = relais_wire::label::sign(&scene.luc.raw.key, label, &body);
    event.body = body.into();
    let signed = event.encode_to_vec();
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
    let mut sealed = scene
        .luc
        .message(&mut scene.world, scene.channel, &envelope, &signed);
    let mut bytes = sealed.message.to_vec();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    sealed.message = bytes.into();
    scene.expects_quarantine(message(sealed)).await;
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

// proves: I3
#[tokio::test]
async fn a_contributor_sends_nobody_away_from_the_structure() {
    let mut scene = scene().await;
    let engine = &scene.world.devices[NADIA].engine;
    let (nadia, structure) = {
        let me = engine.whoami().expect("enrolled");
        (me.professional, me.structure)
    };
    let body = ProfessionalRevoked {
        structure_id: structure.to_bytes(),
        professional_id: nadia.to_bytes(),
        professional_key: vec![1; 32].into(),
        signer: scene.luc.professional.to_bytes(),
    };
    let key = scene.luc.raw.key.clone();
    let statement = sign_statement(StatementKind::ProfessionalRevoked, &body, &[&key]);
    let said = send::Operation::AppendStatements(AppendStatements {
        statements: vec![statement.into()],
    });
    let code = scene.luc.raw.refused(said).await;
    assert_ne!(code, RefusalCode::Unspecified);
    scene.others_go_on(0).await;
}

// proves: M11
#[tokio::test]
async fn a_channel_of_ones_own_gets_no_colleague_by_a_forged_key_package() {
    let mut scene = scene().await;
    // The claim is open to all of the structure, and hands out what is signed by its
    // owner: a package under another device's name does not come back.
    let package = scene.package_of(LEA).await;
    let leaf = relais_wire::mls::read_key_package(&package).expect("a leaf");
    assert_eq!(leaf.device, scene.world.devices[LEA].device());
    let none = DeviceId([0xAA; 16]);
    let claim = relais_wire::v1::ClaimKeyPackages {
        device_ids: vec![none.to_bytes()],
    };
    let answer = scene
        .luc
        .raw
        .answered(send::Operation::ClaimKeyPackages(claim))
        .await;
    let relais_wire::v1::answer::Result::KeyPackages(packages) = answer else {
        panic!("{answer:?}");
    };
    assert!(packages.packages.iter().all(|p| p.key_package.is_empty()));
    scene.others_go_on(0).await;
}

// proves: M7
#[tokio::test]
async fn a_past_that_was_not_promised_is_not_had_by_asking() {
    let mut world = World::new(StoreKind::Memory).await;
    world.hostile = true;
    let nurse = world.add_user("Nadia").await;
    let luc = world.add_user("Luc").await;
    let channel = world.thread(0, "Mme Durand", &[nurse]).await;
    for said in ["un", "deux", "trois"] {
        world.say(nurse, channel, said);
    }
    world.settle().await;
    world.add(0, channel, luc);
    world.settle().await;
    // His device believes that everything before him is missing, and asks everybody.
    let now = world.now_ms();
    world.devices[luc].go_offline();
    world.devices[luc].edit_database(now, |db| {
        let want = "INSERT INTO gaps (channel, after_seq, until_seq, shown)
            SELECT channel, 0, joined_seq, 1 FROM channels";
        assert_eq!(db.execute(want, []).expect("wanted"), 1);
    });
    world.devices[luc].go_online();
    for _ in 0..12 {
        world.advance(10 * 60_000);
        world.settle().await;
    }
    assert!(world.texts(luc, channel).is_empty());
    world.say(nurse, channel, "quatre");
    world.settle().await;
    assert_eq!(world.texts(luc, channel), ["quatre"]);
}
