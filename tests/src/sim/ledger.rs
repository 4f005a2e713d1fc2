//! What the person of a device did and saw, against which their screen is checked: no
//! accepted act is forgotten, and nothing that was shown as sent disappears.

use std::collections::BTreeMap;

use relais_content::v1::content::Kind;
use relais_core::Engine;
use relais_core::query::{EventState, ThreadRecord, TimelineBody, TimelineItem};
use relais_wire::ids::{ChannelId, EventId};

use super::Checked;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Known {
    /// A command accepted it.
    Accepted,
    /// It was shown as sent, at this place in the log.
    Sent(u64),
    /// It was shown as sent there, and the server has lost it since.
    Lost(u64),
}

/// See the module's head.
#[derive(Debug, Default)]
pub struct Ledger {
    events: BTreeMap<(ChannelId, EventId), Known>,
    /// Openings and headers that the server has lost.
    told: BTreeMap<(ChannelId, EventId), Kind>,
}

/// Openings and headers are told to each joiner anew, and shown once where they say the
/// same.
fn says_the_same(one: &Kind, other: &Kind) -> bool {
    match (one, other) {
        (Kind::ThreadOpened(one), Kind::ThreadOpened(other)) => one.title == other.title,
        (Kind::PatientHeader(one), Kind::PatientHeader(other)) => one == other,
        _ => false,
    }
}

/// An opening that was told to joiners names rosters that a server may have lost: nobody
/// but its author tells it again. The thread keeps its title.
fn stays_named(lost: &Kind, thread: Option<ThreadRecord>) -> bool {
    match lost {
        Kind::ThreadOpened(told) if told.rosters.len() > 1 => {
            thread.is_some_and(|thread| thread.title == told.title)
        }
        _ => false,
    }
}

impl Ledger {
    /// A command accepted an event.
    pub fn accepted(&mut self, channel: ChannelId, event: EventId) {
        self.events.insert((channel, event), Known::Accepted);
    }

    /// The person gave up, or wrote again, what had failed.
    pub fn let_go(&mut self, channel: ChannelId, event: EventId) {
        let known = self.events.get(&(channel, event));
        if matches!(known, Some(Known::Accepted | Known::Lost(_))) {
            self.events.remove(&(channel, event));
        }
    }

    /// The server has lost what came after `kept` in a channel. Whatever was shown, of
    /// whomever, does not disappear by it.
    pub fn server_lost(&mut self, channel: ChannelId, kept: u64, shown: &[TimelineItem]) {
        for item in shown {
            if let (Some(seq), TimelineBody::Event(event, kind)) = (item.seq, &item.body)
                && seq > kept
                // It names sequences of the lost log, and leaves a void.
                && !matches!(**kind, Kind::HistoryShared(_))
                && matches!(item.state, EventState::Sent { .. })
            {
                self.events.insert((channel, *event), Known::Lost(seq));
                if says_the_same(kind, kind) {
                    self.told.insert((channel, *event), (**kind).clone());
                }
            } else if let TimelineBody::Event(event, kind) = &item.body
                && item.seq > Some(kept)
                && matches!(**kind, Kind::HistoryShared(_))
            {
                self.events.remove(&(channel, *event));
            }
        }
    }

    /// The device's database went back: what had not left it may be gone, and what it
    /// had read too.
    pub fn forget_what_waits(&mut self) {
        self.events.clear();
    }

    /// Compares with what the device shows now. `said_again`: what was sent may stand
    /// elsewhere, because a server lost it or a returned device said it once more.
    pub fn check(&mut self, engine: &Engine, said_again: bool) -> Checked {
        let mut shown = BTreeMap::new();
        let mut told = Vec::new();
        for thread in engine.threads().unwrap_or_default() {
            for item in engine.timeline(thread.channel, 0, usize::MAX)? {
                if let TimelineBody::Event(id, kind) = item.body {
                    let place = item
                        .seq
                        .filter(|_| matches!(item.state, EventState::Sent { .. }));
                    shown.insert((thread.channel, id), place);
                    told.push((thread.channel, kind));
                }
            }
        }
        let lost = &self.told;
        let told_otherwise = |key: &(ChannelId, EventId)| {
            let same = |lost: &Kind| {
                let mut told = told.iter().filter(|(channel, _)| *channel == key.0);
                told.any(|(_, kind)| says_the_same(lost, kind))
            };
            let named = |lost: &Kind| stays_named(lost, engine.thread(key.0).ok());
            let otherwise = |lost: &Kind| same(lost) || named(lost);
            !shown.contains_key(key) && lost.get(key).is_some_and(otherwise)
        };
        self.events.retain(|key, _| !told_otherwise(key));
        for ((channel, event), known) in &mut self.events {
            match (*known, shown.get(&(*channel, *event))) {
                (_, None) => return Err(format!("{event} of {channel} disappeared").into()),
                (Known::Sent(before), Some(now)) if *now != Some(before) && !said_again => {
                    let text = format!("{event} was sent as {before} and is now {now:?}");
                    return Err(text.into());
                }
                // Not noticed yet, for all that can be seen here.
                (Known::Lost(before), Some(Some(seq))) if *seq == before => {}
                (_, Some(Some(seq))) => *known = Known::Sent(*seq),
                (_, Some(None)) => *known = Known::Accepted,
            }
        }
        Ok(())
    }
}
