//! What connected devices do while it is measured: they send what was encrypted in
//! advance, a few messages in flight each, and count what comes. Frames are read as
//! far as their outer fields; nothing is decrypted.
//!
//! A phase ends when everybody has everything: it fails if one delivery is missing.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use relais_wire::v1::{
    Ack, Answer, ChannelCursor, ChannelEntry, Delivery, ack, answer, client_frame, delivery,
    server_frame,
};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::Outcome;
use crate::device::number;
use crate::fleet::{CHANNELS, Line, MEMBERS};
use crate::report::Times;
use crate::socket::{accepted, encode};

/// Messages of one device without an answer.
pub const WINDOW: usize = 4;
/// Resolution of the rates.
const BUCKET: Duration = Duration::from_millis(50);
/// After the last message was due, all must have arrived by then.
const PATIENCE: Duration = Duration::from_secs(60);
/// Frames taken in before a device writes again.
const DRAIN: usize = 64;

/// When the next message goes.
#[derive(Debug, Clone, Copy)]
pub enum Pace {
    /// As soon as the window allows.
    Closed,
    /// So many a second by all devices together, at fixed times.
    Fixed(f64),
}

/// One measured phase: `warm` does not count, `window` does.
#[derive(Debug, Clone, Copy)]
pub struct Phase {
    pub pace: Pace,
    pub warm: Duration,
    pub window: Duration,
}

/// What a phase showed.
pub struct Seen {
    /// Sent in the whole phase.
    pub messages: u64,
    pub messages_per_s: f64,
    pub deliveries_per_s: f64,
    /// From sending to the durable answer.
    pub ack: Times,
    /// From sending to the arrival at each other member.
    pub delivered: Times,
}

/// Who of a channel has stopped, and what they sent.
#[derive(Debug, Default, Clone, Copy)]
struct Room {
    stopped: usize,
    sent: u64,
}

struct Shared {
    phase: Phase,
    start: Instant,
    /// When each message of each device was sent, nanoseconds after `start`.
    sent: Vec<Vec<AtomicU64>>,
    rooms: Vec<watch::Sender<Room>>,
}

impl Shared {
    fn from(&self) -> Instant {
        self.start + self.phase.warm
    }

    fn until(&self) -> Instant {
        self.from() + self.phase.window
    }
}

/// What one device saw.
#[derive(Default)]
struct Tally {
    sent: u64,
    /// When its messages ran out, if they did.
    dry: Option<Instant>,
    answers: Vec<u64>,
    deliveries: Vec<u64>,
    ack: Times,
    delivered: Times,
}

struct Member {
    line: Line,
    shared: Arc<Shared>,
    tally: Tally,
    /// Send counter of its first message in this phase.
    first_counter: u64,
    /// Messages so far by each member of its channel.
    heard: [usize; MEMBERS],
    received: u64,
    in_flight: usize,
    sending: bool,
    reported: bool,
    next_tick: Instant,
    interval: Duration,
    /// A message is due and the window is full.
    late: bool,
}

/// Runs a phase on all connections and gives them back.
pub async fn run(lines: Vec<Line>, phase: Phase) -> Outcome<(Vec<Line>, Seen)> {
    let slots = |line: &Line| line.seat.pool.iter().map(|_| AtomicU64::new(0)).collect();
    let shared = Arc::new(Shared {
        phase,
        start: Instant::now(),
        sent: lines.iter().map(slots).collect(),
        rooms: (0..CHANNELS).map(|_| watch::Sender::default()).collect(),
    });
    let devices = lines.len();
    let running: Vec<_> = lines
        .into_iter()
        .map(|line| tokio::spawn(Member::new(line, shared.clone(), devices).drive()))
        .collect();
    let ended = async {
        let mut lines = Vec::new();
        let mut tallies = Vec::new();
        for member in running {
            let member: Member = member.await??;
            lines.push(member.line);
            tallies.push(member.tally);
        }
        Ok::<_, crate::Failure>((lines, tallies))
    };
    let patience = phase.warm + phase.window + PATIENCE;
    let (lines, tallies) = tokio::time::timeout(patience, ended)
        .await
        .map_err(|_| "deliveries are missing")??;
    Ok((lines, summarise(&shared, tallies)))
}

fn summarise(shared: &Shared, tallies: Vec<Tally>) -> Seen {
    // Once one device has nothing left to send, the load is not the same.
    let dry = tallies.iter().filter_map(|t| t.dry).min();
    let until = dry.map_or(shared.until(), |dry| dry.min(shared.until()));
    let bucket = |at: Instant| (at - shared.start).as_nanos() / BUCKET.as_nanos();
    let from = bucket(shared.from()) as usize;
    let until = (bucket(until) as usize).max(from + 1);
    let seconds = (until - from) as f64 * BUCKET.as_secs_f64();
    let mut seen = Seen {
        messages: 0,
        messages_per_s: 0.0,
        deliveries_per_s: 0.0,
        ack: Times::default(),
        delivered: Times::default(),
    };
    let rate = |counts: &[u64]| {
        let counted = counts.iter().take(until).skip(from);
        counted.sum::<u64>() as f64 / seconds
    };
    for tally in tallies {
        seen.messages += tally.sent;
        seen.messages_per_s += rate(&tally.answers);
        seen.deliveries_per_s += rate(&tally.deliveries);
        seen.ack.extend(tally.ack);
        seen.delivered.extend(tally.delivered);
    }
    seen
}

impl Member {
    fn new(line: Line, shared: Arc<Shared>, devices: usize) -> Self {
        let (interval, next_tick) = match shared.phase.pace {
            Pace::Closed => (Duration::ZERO, shared.start),
            Pace::Fixed(rate) => {
                let interval = Duration::from_secs_f64(devices as f64 / rate);
                // Spread evenly, and members of a channel far from each other.
                let place = line.seat.number * 37 % devices;
                let first = interval.mul_f64(place as f64 / devices as f64);
                (interval, shared.start + first)
            }
        };
        Self {
            first_counter: line.seat.device.counter + 1 - line.seat.pool.len() as u64,
            line,
            shared,
            tally: Tally::default(),
            heard: [0; MEMBERS],
            received: 0,
            in_flight: 0,
            sending: true,
            reported: false,
            next_tick,
            interval,
            late: false,
        }
    }

    async fn drive(mut self) -> Outcome<Self> {
        let shared = self.shared.clone();
        let room = &shared.rooms[self.line.seat.number / MEMBERS];
        let mut changes = room.subscribe();
        let mut fed = false;
        loop {
            fed |= self.send().await?;
            if !self.sending && self.in_flight == 0 && !self.reported {
                self.reported = true;
                room.send_modify(|room| {
                    room.stopped += 1;
                    room.sent += self.tally.sent;
                });
            }
            if fed {
                self.line.socket.flush().await?;
            }
            let said = *changes.borrow_and_update();
            if self.reported && said.stopped == MEMBERS && self.received == said.sent {
                return Ok(self);
            }
            let wake = self.wake();
            let frame = tokio::select! {
                frame = self.line.socket.next() => Some(frame?),
                () = tokio::time::sleep_until(wake), if self.sending => None,
                _ = changes.changed(), if !self.sending => None,
            };
            let before = self.received;
            let mut frame = frame.map(Ok);
            for _ in 0..DRAIN {
                let Some(next) = frame else { break };
                self.take(next?)?;
                frame = self.line.socket.ready();
            }
            if let Some(next) = frame {
                self.take(next?)?;
            }
            // As the engine does: one acknowledgement for what came together.
            fed = self.received > before;
            if fed {
                self.acknowledge().await?;
            }
        }
    }

    fn wake(&self) -> Instant {
        let until = self.shared.until();
        match self.shared.phase.pace {
            Pace::Fixed(_) if !self.late => self.next_tick.min(until),
            _ => until,
        }
    }

    /// Hands over what may go now; true when there was something.
    async fn send(&mut self) -> Outcome<bool> {
        let mut any = false;
        while self.sending {
            let now = Instant::now();
            let fixed = matches!(self.shared.phase.pace, Pace::Fixed(_));
            if now >= self.shared.until() {
                self.sending = false;
                break;
            }
            if fixed && now < self.next_tick {
                break;
            }
            if self.in_flight >= WINDOW {
                self.late = fixed;
                break;
            }
            let Some(frame) = self.line.seat.pool.pop_front() else {
                self.tally.dry = Some(now);
                self.sending = false;
                break;
            };
            // What waited for the window has waited since it was due.
            let at = if self.late { self.next_tick } else { now };
            self.late = false;
            self.next_tick += self.interval;
            let sent = (at - self.shared.start).as_nanos() as u64;
            let slot = &self.shared.sent[self.line.seat.number][self.tally.sent as usize];
            slot.store(sent, Ordering::Release);
            self.tally.sent += 1;
            self.in_flight += 1;
            self.line.socket.feed(frame).await?;
            any = true;
        }
        Ok(any)
    }

    async fn acknowledge(&mut self) -> Outcome<()> {
        let cursor = ChannelCursor {
            channel_id: self.line.seat.channel.to_bytes(),
            after_seq: self.line.seat.cursor,
        };
        let log = Some(ack::Log::Channel(cursor));
        let frame = encode(client_frame::Frame::Ack(Ack { log }));
        self.line.socket.feed(frame).await
    }

    fn take(&mut self, frame: server_frame::Frame) -> Outcome<()> {
        match frame {
            server_frame::Frame::Answer(answer) => self.answered(answer),
            server_frame::Frame::Delivery(Delivery {
                item: Some(delivery::Item::Channel(entry)),
            }) => self.delivered(&entry),
            _ => Ok(()),
        }
    }

    fn answered(&mut self, answer: Answer) -> Outcome<()> {
        let answer = accepted(answer)?;
        let Some(answer::Result::Appended(_)) = answer.result else {
            return Err("an answer to something else".into());
        };
        let message = answer.send_counter.checked_sub(self.first_counter);
        let message = message.ok_or("an answer to an older message")? as usize;
        self.in_flight -= 1;
        let now = Instant::now();
        count(&mut self.tally.answers, now - self.shared.start);
        if let Some(time) = self.measured(self.line.seat.number, message, now)? {
            self.tally.ack.note(time);
        }
        Ok(())
    }

    fn delivered(&mut self, entry: &ChannelEntry) -> Outcome<()> {
        if entry.seq != self.line.seat.cursor + 1 {
            return Err("a delivery out of order".into());
        }
        self.line.seat.cursor = entry.seq;
        self.received += 1;
        let now = Instant::now();
        count(&mut self.tally.deliveries, now - self.shared.start);
        // The coordinator has number 0 and is in no channel.
        let author = number(&entry.device_id).and_then(|n| n.checked_sub(1));
        let author = author.ok_or("a message of nobody")?;
        let message = self.heard[author % MEMBERS];
        self.heard[author % MEMBERS] += 1;
        if author != self.line.seat.number
            && let Some(time) = self.measured(author, message, now)?
        {
            self.tally.delivered.note(time);
        }
        Ok(())
    }

    /// How long ago a message was sent, if that was in the window that counts.
    fn measured(&self, author: usize, message: usize, now: Instant) -> Outcome<Option<Duration>> {
        let slots = self.shared.sent.get(author);
        let slot = slots
            .and_then(|s| s.get(message))
            .ok_or("a message never sent")?;
        let at = self.shared.start + Duration::from_nanos(slot.load(Ordering::Acquire));
        let counts = at >= self.shared.from() && at < self.shared.until();
        Ok(counts.then(|| now.saturating_duration_since(at)))
    }
}

fn count(buckets: &mut Vec<u64>, after: Duration) {
    let bucket = (after.as_nanos() / BUCKET.as_nanos()) as usize;
    if buckets.len() <= bucket {
        buckets.resize(bucket + 1, 0);
    }
    buckets[bucket] += 1;
}
