//! A person's app as far as its screens go: it looks again only at what an event names
//! ([`relais_core::Event`]), so that what it shows is stale wherever an event is missing.

use std::collections::BTreeMap;

use relais_core::engine::{SyncState, Trouble};
use relais_core::query::{PersonRecord, ThreadRecord, TimelineItem};
use relais_core::{Engine, Event};
use relais_wire::ids::ChannelId;

/// Items of a timeline that it shows at most.
const PAGE: usize = 100;

/// What is shown.
#[derive(Default)]
pub struct Listener {
    sync: Option<SyncState>,
    people: Vec<PersonRecord>,
    threads: BTreeMap<ChannelId, ThreadRecord>,
    timelines: BTreeMap<ChannelId, Vec<TimelineItem>>,
    troubles: Vec<Trouble>,
}

impl Listener {
    /// Looks again at what the events name; at everything when it has just begun.
    pub fn hear(&mut self, engine: &Engine, events: &[Event]) {
        if self.sync.is_none() {
            self.look_at_sync(engine);
            self.look_at_people(engine);
            self.look_at_threads(engine);
        }
        for event in events {
            match event {
                Event::SyncChanged => self.look_at_sync(engine),
                Event::PeopleChanged => self.look_at_people(engine),
                Event::ThreadsChanged => self.look_at_threads(engine),
                Event::ThreadChanged(channel) => self.look_at_thread(engine, *channel),
                Event::Enrolled | Event::Wiped | Event::Returned => {
                    self.look_at_sync(engine);
                    self.look_at_people(engine);
                    self.look_at_threads(engine);
                }
                _ => {}
            }
        }
    }

    fn look_at_sync(&mut self, engine: &Engine) {
        self.sync = engine.sync_state().ok();
        self.troubles = engine.troubles().to_vec();
    }

    fn look_at_people(&mut self, engine: &Engine) {
        self.people = engine.people().unwrap_or_default();
    }

    fn look_at_threads(&mut self, engine: &Engine) {
        let threads = engine.threads().unwrap_or_default();
        self.threads = threads.into_iter().map(|t| (t.channel, t)).collect();
        self.timelines.clear();
        for channel in self.threads.keys().copied().collect::<Vec<_>>() {
            self.look_at_thread(engine, channel);
        }
    }

    fn look_at_thread(&mut self, engine: &Engine, channel: ChannelId) {
        if let Ok(thread) = engine.thread(channel) {
            let after = thread.seq.saturating_sub(PAGE as u64);
            let timeline = engine.timeline(channel, after, PAGE).unwrap_or_default();
            self.threads.insert(channel, thread);
            self.timelines.insert(channel, timeline);
        }
    }

    /// What is shown although it is not so any more, in words.
    pub fn stale(&self, engine: &Engine) -> Option<String> {
        self.sync?; // Not started yet.
        let mut now = Self::default();
        now.look_at_sync(engine);
        now.look_at_people(engine);
        now.look_at_threads(engine);
        if self.sync != now.sync {
            return Some(format!("shows {:?}, is {:?}", self.sync, now.sync));
        }
        if self.people != now.people {
            return Some(format!("shows {:?}, are {:?}", self.people, now.people));
        }
        if self.threads != now.threads {
            return Some(format!("shows {:?}, are {:?}", self.threads, now.threads));
        }
        now.timelines.iter().find_map(|(channel, now)| {
            let shown = self.timelines.get(channel)?;
            let wrong = shown.iter().filter(|item| !now.contains(item));
            let missing = now.iter().filter(|item| !shown.contains(item));
            let (wrong, missing): (Vec<_>, Vec<_>) = (wrong.collect(), missing.collect());
            (shown != now).then(|| format!("shows {wrong:?}, not {missing:?}"))
        })
    }
}
