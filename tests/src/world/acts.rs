//! What people do in the world, and what they then see.

use rand::Rng;
use rand::seq::IteratorRandom;
use relais_content::v1::{Priority, TaskChange, content::Kind};
use relais_core::BlobState;
use relais_core::commands::{NewMember, NewTask};
use relais_core::query::{TaskStatus, ThreadState, TimelineBody, TimelineItem};
use relais_wire::ids::{BlobId, ChannelId};

use super::{Cut, Who, World};

impl World {
    /// `who` writes a text.
    pub fn say(&mut self, who: Who, channel: ChannelId, text: &str) {
        self.devices[who]
            .engine
            .send_message(channel, text, Priority::Normal, None)
            .expect("written");
    }

    /// `manager` adds `member` to the care team.
    pub fn add(&mut self, manager: Who, channel: ChannelId, member: Who) {
        let new = NewMember::care_team(self.devices[member].professional());
        let engine = &mut self.devices[manager].engine;
        engine.add_member(channel, &new).expect("added");
    }

    /// `manager` makes `member` a manager too.
    pub fn promote(&mut self, manager: Who, channel: ChannelId, member: Who) {
        let mut new = NewMember::care_team(self.devices[member].professional());
        new.role = relais_wire::v1::ChannelRole::Manager;
        let engine = &mut self.devices[manager].engine;
        engine.add_member(channel, &new).expect("promoted");
    }

    /// `manager` removes `member`.
    pub fn remove(&mut self, manager: Who, channel: ChannelId, member: Who) {
        let gone = self.devices[member].professional();
        let engine = &mut self.devices[manager].engine;
        engine.remove_member(channel, gone).expect("removed");
    }

    /// Everything in a thread, as `who` sees it.
    pub fn timeline(&self, who: Who, channel: ChannelId) -> Vec<TimelineItem> {
        let engine = &self.devices[who].engine;
        engine.timeline(channel, 0, usize::MAX).expect("timeline")
    }

    /// Where the original of the thread's first photo is, once the photo is known.
    pub fn original(&self, who: Who, channel: ChannelId) -> Option<BlobState> {
        let photo = self.timeline(who, channel).into_iter().find_map(|item| {
            let TimelineBody::Event(_, kind) = item.body else {
                return None;
            };
            match *kind {
                Kind::Photo(photo) => photo.original,
                _ => None,
            }
        });
        let blob = BlobId::try_from(&photo?.blob_id).expect("an id");
        Some(self.devices[who].engine.blob_state(blob).expect("state"))
    }

    /// The texts of a thread, as `who` sees them.
    pub fn texts(&self, who: Who, channel: ChannelId) -> Vec<String> {
        self.timeline(who, channel)
            .into_iter()
            .filter_map(|item| match item.body {
                TimelineBody::Event(_, kind) => match *kind {
                    Kind::Message(message) => Some(message.text),
                    _ => None,
                },
                _ => None,
            })
            .collect()
    }

    /// The notices of a thread, as `who` sees them: kind and subject.
    pub fn notices(&self, who: Who, channel: ChannelId) -> Vec<String> {
        self.timeline(who, channel)
            .into_iter()
            .filter_map(|item| match item.body {
                TimelineBody::Notice { kind, .. } => Some(kind),
                _ => None,
            })
            .collect()
    }

    /// One thing that a person or the world might do, drawn from `rng`. Returns
    /// its name, for the trace of a failed seed.
    pub async fn perform_random_operation(
        &mut self,
        rng: &mut impl Rng,
        channel: ChannelId,
    ) -> &'static str {
        let who = rng.gen_range(0..self.devices.len());
        let thread = self.devices[who].engine.thread(channel);
        let member = thread.is_ok_and(|t| t.state == ThreadState::Joined);
        match rng.gen_range(0..16) {
            0..=4 if member => {
                let text = format!("message {}", rng.r#gen::<u64>());
                self.say(who, channel, &text);
                "say"
            }
            5 if member => {
                let task = NewTask {
                    title: format!("tâche {}", rng.r#gen::<u16>()),
                    detail: String::new(),
                    owner: None,
                    priority: Priority::Normal,
                    due_ms: None,
                    linked_event: None,
                };
                self.devices[who]
                    .engine
                    .create_task(channel, &task)
                    .expect("task");
                "task"
            }
            6 if member => self.change_some_task(rng, who, channel),
            7 => {
                let outside: Vec<Who> = self.outsiders(channel);
                match outside.into_iter().choose(rng) {
                    Some(new) => {
                        self.add(0, channel, new);
                        "add"
                    }
                    None => "nobody to add",
                }
            }
            8 if who != 0 && member => {
                let engine = &mut self.devices[0].engine;
                let gone = engine.members(channel).expect("members");
                if gone.len() > 2 {
                    self.remove(0, channel, who);
                }
                "remove"
            }
            9 => {
                self.devices[who].go_offline();
                "offline"
            }
            10 | 11 => {
                self.devices[who].go_online();
                "online"
            }
            12 => {
                self.crash(who);
                "device crash"
            }
            13 => {
                self.crash_server().await;
                "server crash"
            }
            14 => {
                let cut = Cut {
                    sent: rng.gen_range(200..20_000),
                    received: rng.gen_range(200..20_000),
                };
                self.devices[who].faults.cut_next(cut);
                self.devices[who].hang_up();
                "cut"
            }
            _ => {
                self.turn().await;
                "turn"
            }
        }
    }

    fn change_some_task(
        &mut self,
        rng: &mut impl Rng,
        who: Who,
        channel: ChannelId,
    ) -> &'static str {
        let engine = &mut self.devices[who].engine;
        let tasks = engine.tasks(channel).expect("tasks");
        let open = tasks.iter().filter(|t| t.status == TaskStatus::Open);
        if let Some(task) = open.choose(rng).map(|t| t.task) {
            let change = if rng.r#gen() {
                TaskChange::Taken
            } else {
                TaskChange::Done
            };
            engine
                .change_task(channel, task, change, "")
                .expect("changed");
        }
        "task change"
    }

    fn outsiders(&self, channel: ChannelId) -> Vec<Who> {
        let members = self.devices[0].engine.members(channel).expect("members");
        (0..self.devices.len())
            .filter(|who| {
                let id = self.devices[*who].professional();
                members.iter().all(|m| m.professional != id)
            })
            .collect()
    }
}
