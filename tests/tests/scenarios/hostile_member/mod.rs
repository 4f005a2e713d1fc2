//! A member whose device does what no honest engine would: with real keys, real groups
//! and a perfect command of the protocol. What is not theirs to do is refused by the
//! server or, where it cannot see, by every device; the others go on and agree.

mod beyond;
mod claims;
mod commits;
mod messages;

use openmls::prelude::KeyPackage;
use relais_content::v1::{Content, Message, Priority, content::Kind};
use relais_core::engine::Trouble;
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
    let mut world = populated().await;
    let channel = world.thread(0, "Mme Durand", &[NADIA, DENIS, LUC]).await;
    world.say(LUC, channel, "avant");
    taken_over(world, channel).await
}

async fn populated() -> World {
    let mut world = World::new(StoreKind::Memory).await;
    world.hostile = true;
    for name in ["Nadia", "Denis", "Luc", "Lea"] {
        world.add_user(name).await;
    }
    world
}

async fn taken_over(mut world: World, channel: ChannelId) -> Scene {
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
        let body = self.luc.body(&mut self.world, self.channel, at, content);
        self.luc.sign(&body)
    }

    fn sealed(&mut self, aad: &MessageAad, plaintext: &[u8]) -> send::Operation {
        let sealed = self
            .luc
            .message(&mut self.world, self.channel, aad, plaintext);
        message(sealed)
    }

    /// A message whose ciphertext is damaged.
    fn illegible(&mut self, aad: &MessageAad, plaintext: &[u8]) -> send::Operation {
        let (luc, world) = (&self.luc, &mut self.world);
        let mut sealed = luc.message(world, self.channel, aad, plaintext);
        let mut bytes = sealed.message.to_vec();
        if let Some(last) = bytes.last_mut() {
            *last ^= 1;
        }
        sealed.message = bytes.into();
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
