//! Each lie that a server can tell, told to a nurse's device on an ordinary morning.
//! Nothing false is ever shown as true; what the lie did is healed by itself once the
//! server is honest again, or is visible on the device.

use std::collections::BTreeMap;

use relais_core::commands::NewThread;
use relais_core::engine::Trouble;
use relais_core::query::{EventState, ThreadState};
use relais_tests::lies::Lie;
use relais_tests::world::{StoreKind, Who, World};
use relais_wire::ids::ChannelId;

struct Morning {
    world: World,
    nurse: Who,
    doctor: Who,
    channels: [ChannelId; 2],
    /// What was said where, by whom it may be.
    said: BTreeMap<ChannelId, Vec<String>>,
}

impl Morning {
    async fn begin() -> Self {
        let mut world = World::new(StoreKind::Memory).await;
        world.hostile = true;
        let nurse = world.add_user("Nadia").await;
        let doctor = world.add_user("Denis").await;
        let a = world.thread(0, "Mme Durand", &[nurse, doctor]).await;
        let b = world.thread(0, "M. Petit", &[nurse, doctor]).await;
        world.promote(0, a, nurse);
        world.settle().await;
        let mut morning = Self {
            world,
            nurse,
            doctor,
            channels: [a, b],
            said: BTreeMap::new(),
        };
        for round in 0..2 {
            morning.say_everywhere(round);
            morning.world.settle().await;
        }
        morning
    }

    fn say(&mut self, who: Who, channel: ChannelId, text: String) {
        self.world.say(who, channel, &text);
        self.said.entry(channel).or_default().push(text);
    }

    fn say_everywhere(&mut self, round: usize) {
        for channel in self.channels {
            for who in [0, self.doctor] {
                self.say(who, channel, format!("{round}: {who} écrit"));
            }
        }
    }

    /// A while of ordinary life; nothing has to come to rest.
    async fn turns(&mut self, turns: usize) {
        for _ in 0..turns {
            let busy = self.world.turn().await;
            self.world.advance(if busy { 5 } else { 500 });
        }
    }

    /// Everything that a lie may meet: messages both ways, new people, a new thread,
    /// changes of the circle, a lost connection.
    async fn live(&mut self) {
        let (nurse, doctor) = (self.nurse, self.doctor);
        for round in 10..13 {
            self.say_everywhere(round);
            self.turns(8).await;
        }
        if self.can_write(nurse, self.channels[0]) {
            self.say(nurse, self.channels[0], "l'infirmière écrit".into());
        }
        self.turns(8).await;
        let new = ["Luc", "Lea"].map(|name| {
            let card = relais_tests::world::card(name, "Martin", 60, "99700218896");
            self.world.devices[0].engine.invite(&card).expect("invited")
        });
        self.turns(8).await;
        let mut people = Vec::new();
        for invitation in new {
            let who = self.world.add_device("new");
            let device = &mut self.world.devices[who];
            device.engine.join(&invitation.link, None).expect("joins");
            people.push(who);
            self.turns(30).await;
        }
        for title in ["Mme Blanc", "M. Noir"] {
            let members = [nurse, doctor].map(|who| {
                let id = self.world.devices[who].professional();
                relais_core::commands::NewMember::care_team(id)
            });
            let thread = NewThread {
                title: title.into(),
                members: members.into(),
                ..NewThread::default()
            };
            let engine = &mut self.world.devices[0].engine;
            let channel = engine.create_thread(&thread).expect("opened");
            self.turns(12).await;
            self.say(0, channel, format!("dans {title}"));
            self.turns(8).await;
        }
        // The nurse, a manager, brings in both new people at once.
        let channel = self.channels[0];
        if self.can_write(nurse, channel) {
            for who in people {
                let id = self.world.devices[who].professional();
                let member = relais_core::commands::NewMember::care_team(id);
                let engine = &mut self.world.devices[nurse].engine;
                let _ = engine.add_member(channel, &member);
            }
        }
        self.turns(30).await;
        self.world.devices[nurse].go_offline();
        self.say_everywhere(20);
        self.turns(8).await;
        self.world.devices[nurse].go_online();
        self.turns(20).await;
    }

    fn can_write(&self, who: Who, channel: ChannelId) -> bool {
        let engine = &self.world.devices[who].engine;
        !engine.is_frozen()
            && engine
                .thread(channel)
                .is_ok_and(|t| t.state == ThreadState::Joined)
    }

    /// Every text that the nurse sees was said there, once, in the order in which the
    /// doctor sees it.
    fn nothing_false_is_shown(&self) {
        for thread in self.world.devices[self.nurse]
            .engine
            .threads()
            .expect("threads")
        {
            let said = self.said.get(&thread.channel).cloned().unwrap_or_default();
            let seen = self.settled(self.nurse, thread.channel);
            let mut truth = self.settled(self.doctor, thread.channel).into_iter();
            for text in &seen {
                assert!(said.contains(text), "nobody said {text:?}");
                assert!(
                    truth.any(|true_text| true_text == *text),
                    "{text:?} is out of order or doubled"
                );
            }
        }
    }

    fn settled(&self, who: Who, channel: ChannelId) -> Vec<String> {
        let engine = &self.world.devices[who].engine;
        if engine.thread(channel).is_err() {
            return Vec::new();
        }
        self.world
            .timeline(who, channel)
            .into_iter()
            .filter(|item| matches!(item.state, EventState::Sent { .. }))
            .filter_map(|item| match item.body {
                relais_core::query::TimelineBody::Event(_, kind) => match *kind {
                    relais_core::schema::v1::content::Kind::Message(message) => Some(message.text),
                    _ => None,
                },
                _ => None,
            })
            .collect()
    }

    /// The nurse has everything that the doctor has since she is in.
    fn is_healed(&self) -> bool {
        let nurse = &self.world.devices[self.nurse].engine;
        let state = nurse.sync_state().expect("state");
        state.caught_up
            && state.waiting == 0
            && state.failed == 0
            && nurse.troubles().is_empty()
            && nurse.threads().expect("threads").len() == 4
            && nurse.threads().expect("threads").iter().all(|thread| {
                let quarantined = self.world.notices(self.nurse, thread.channel);
                thread.state == ThreadState::Joined
                    && !quarantined.contains(&"quarantined".to_owned())
                    && self.settled(self.nurse, thread.channel)
                        == self.settled(self.doctor, thread.channel)
            })
    }

    fn has_quarantined(&self) -> bool {
        let quarantined = |channel| {
            let notices = self.world.notices(self.nurse, channel);
            notices.contains(&"quarantined".to_owned())
        };
        self.channels.into_iter().any(quarantined)
    }

    /// The person can see that something is wrong.
    fn is_visible(&self) -> bool {
        let nurse = &self.world.devices[self.nurse].engine;
        let state = nurse.sync_state().expect("state");
        !nurse.troubles().is_empty()
            || state.failed > 0
            || nurse.threads().expect("threads").iter().any(|thread| {
                let notices = self.world.notices(self.nurse, thread.channel);
                thread.state != ThreadState::Joined || notices.contains(&"quarantined".to_owned())
            })
    }
}

enum Ends {
    /// By itself, without a trace, once the server is honest.
    Healed,
    /// With something that the person sees.
    Visible,
    /// With an entry that the person sees is unreadable: it passes for nothing else.
    Quarantined,
    /// One or the other: it depends on whose commit it was.
    HealedOrVisible,
    /// With exactly this.
    Trouble(fn(ChannelId) -> Trouble),
}

async fn told(lie: Lie, ends: Ends) {
    let mut morning = Morning::begin().await;
    let nurse = morning.nurse;
    morning.world.devices[nurse].faults.lie(lie);
    morning.live().await;
    morning.nothing_false_is_shown();
    let told = morning.world.devices[nurse].faults.tell_the_truth();
    assert!(told > 0, "the lie was never told");
    morning.world.devices[nurse].go_offline();
    morning.turns(2).await;
    morning.world.devices[nurse].go_online();
    morning.turns(150).await;
    morning.nothing_false_is_shown();
    let device = &morning.world.devices[nurse].engine;
    let describe = || {
        format!(
            "{:?} {:?} {:?} {:?}",
            device.troubles(),
            device.failed_acts(),
            device.sync_state(),
            device
                .threads()
                .map(|t| t.into_iter().map(|t| t.state).collect::<Vec<_>>())
        )
    };
    match ends {
        Ends::Healed => assert!(morning.is_healed(), "not healed: {}", describe()),
        Ends::Quarantined => assert!(morning.has_quarantined(), "{}", describe()),
        Ends::Visible => assert!(morning.is_visible(), "not visible: {}", describe()),
        Ends::HealedOrVisible => {
            let noticed = morning.is_healed() || morning.is_visible();
            assert!(noticed, "neither healed nor visible: {}", describe());
        }
        Ends::Trouble(trouble) => {
            let expected = trouble(morning.channels[0]);
            assert!(device.troubles().contains(&expected), "{}", describe());
        }
    }
}

macro_rules! lies {
    ($(fn $name:ident() => $lie:ident, $ends:expr;)*) => {
        $(
            #[tokio::test]
            async fn $name() {
                told(Lie::$lie, $ends).await;
            }
        )*
    };
}

// Those without a claim prove what the head of this file says, and no requirement alone.
lies! {
    // proves: M7
    fn an_entry_left_out() => DropEntry, Ends::Healed;
    // proves: M7
    fn an_entry_replayed() => ReplayEntry, Ends::Quarantined;
    // proves: M7
    fn entries_swapped() => SwapEntries, Ends::Healed;
    // proves: M7
    fn an_entry_repeated() => RepeatEntry, Ends::Healed;
    // proves: M11
    fn an_entry_of_another_channel() => WrongChannel, Ends::Healed;
    fn an_entry_under_another_author() => WrongAuthor, Ends::Visible;
    fn an_altered_message() => AlteredPayload, Ends::Healed;
    fn a_truncated_message() => TruncatedPayload, Ends::Healed;
    fn an_oversized_message() => OversizedPayload, Ends::Healed;
    fn a_message_of_another_epoch() => WrongEpoch, Ends::Visible;
    fn a_message_of_another_incarnation() => WrongIncarnation, Ends::Visible;
    // proves: M11
    fn a_message_as_a_commit() => WrongKind, Ends::Healed;
    fn an_entry_dated_back() => EarlierTime, Ends::Healed;
    fn an_entry_dated_beyond_2100() => FarFutureTime, Ends::Healed;
    fn an_altered_commit() => AlteredCommit, Ends::HealedOrVisible;
    fn a_commit_of_another_epoch() => CommitOfWrongEpoch, Ends::Healed;
    fn a_commit_of_another_incarnation() => CommitOfWrongIncarnation, Ends::Healed;
    // proves: M7
    fn an_invented_entry() => InventedEntry, Ends::Visible;
    fn a_refusal_of_what_was_taken() => FalseRefusal, Ends::Healed;
    fn an_acceptance_of_what_was_thrown_away() => FalseAcceptance, Ends::Healed;
    // proves: I5
    fn a_structure_log_kept_back() => WithheldStructure, Ends::Healed;
    // proves: I5
    fn a_statement_left_out() => DropStatement, Ends::Healed;
    // proves: I1
    fn an_altered_statement() => AlteredStatement, Ends::Trouble(|_| Trouble::StructureForked);
    // proves: I1, M6
    fn an_invented_device() => InventedDevice, Ends::Trouble(|_| Trouble::StructureForked);
    // proves: M11
    fn a_welcome_into_another_channel() => ForeignWelcome, Ends::Healed;
    fn a_welcome_with_another_tree() => AlteredTree, Ends::Healed;
    fn a_welcome_replayed() => ReplayedWelcome, Ends::Healed;
    fn a_channel_said_to_be_closed() => FalseClosed, Ends::Healed;
    fn a_log_said_to_be_trimmed() => FalseTrimmed, Ends::Healed;
    // proves: I3
    fn a_revocation_that_nobody_signed() => FalseRevocation, Ends::Healed;
    // proves: M1
    fn a_send_counter_from_nowhere() => HigherSendCounter, Ends::Trouble(|_| Trouble::Frozen);
    // proves: I1
    fn a_key_package_of_somebody_else() => ForgedKeyPackage, Ends::Visible;
    fn a_restore_that_never_was() => FalseRestore, Ends::Healed;
}
