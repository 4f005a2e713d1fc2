//! A member in hostile hands: somebody uses a device's keys for a while and does what no
//! honest engine would. What is false is refused, or quarantined by everybody alike; the
//! device itself notices that it was not alone, and its person goes on with new keys.

use prost::Message as _;
use prost::bytes::Bytes;
use rand::Rng as _;
use rand::seq::{IteratorRandom, SliceRandom};
use relais_content::v1::{Content, Message, Priority, content::Kind};
use relais_core::mls::Crypto;
use relais_core::query::ThreadState;
use relais_wire::ids::{ChannelId, EventId};
use relais_wire::v1::{
    AppendMessage, ClientFrame, Send, ServerFrame, answer, client_frame, send, server_frame,
};
use rusqlite::Connection;

use super::operations::{Operation, severe};
use super::pipe::Line;
use super::server::{Received, received};
use super::truth::Standing;
use super::{Checked, Rng, Sim};
use crate::member::{Change, HostileMember, Keys, Raw, Surroundings};
use crate::world::Who;

pub const FAULTS: &[Operation] = &[severe("hostile member", 2, hostile_member)];

/// What a hostile member sends, given the place of the device's next event.
type Deed = fn(&mut Hands<'_>, (EventId, u64)) -> send::Operation;

const DEEDS: &[(&str, Deed)] = &[
    ("illegible", illegible),
    ("under another id", under_another_id),
    ("of another channel", of_another_channel),
    ("under a used id", under_a_used_id),
    ("a colleague's words", a_colleagues_words),
    ("a proposal", a_proposal),
    ("an oversized text", oversized),
    ("a commit with garbage", garbage),
    ("another structure log", another_structure),
    ("a statement of tomorrow", of_tomorrow),
    ("a roster of tomorrow", roster_of_tomorrow),
];

/// The device that somebody else uses.
struct Hands<'a> {
    around: Around<'a>,
    member: HostileMember<()>,
    channel: ChannelId,
}

/// Its surroundings.
struct Around<'a> {
    sim: &'a mut Sim,
    rng: Rng,
    who: Who,
}

impl Surroundings for Around<'_> {
    fn now_ms(&self) -> u64 {
        self.sim.time_of(self.who)
    }

    fn crypto(&mut self) -> Crypto {
        Crypto::from_seed(&self.rng.r#gen())
    }

    fn edit_database(&mut self, who: Who, edit: &mut dyn FnMut(&Connection)) {
        edit(&self.sim.devices[who].disk.connect(None));
    }
}

fn hostile_member(sim: &mut Sim, rng: &mut Rng) -> Checked<String> {
    let who = sim.anybody(rng);
    for _ in 0..4 {
        sim.turn(who, usize::MAX)?;
        sim.host.run(1);
    }
    let Some(channel) = sim.writes_in(who).into_iter().choose(rng) else {
        return Ok(format!("not {who}"));
    };
    sim.devices[who].hang_up();
    let Some((mut line, keys)) = sim.take_over(who)? else {
        return Ok(format!("{who} is not let in"));
    };
    sim.allowances.rolled_back(who);
    let me = sim.devices[who].engine.whoami()?;
    let raw = Raw {
        socket: (),
        counter: keys.counter,
        key: keys.device,
    };
    let mut hands = Hands {
        member: HostileMember::with(raw, &me, who),
        around: Around {
            rng: rng.clone(),
            sim,
            who,
        },
        channel,
    };
    let mut did = Vec::new();
    for _ in 0..rng.gen_range(1..4) {
        let Some((name, deed)) = DEEDS.choose(rng) else {
            break;
        };
        let place = (EventId(rng.r#gen()), hands.next_counter());
        let operation = deed(&mut hands, place);
        let taken = hands.said(&mut line, operation);
        did.push(format!(
            "{name} ({})",
            if taken { "taken" } else { "refused" }
        ));
    }
    // The engine reads what was made of its database.
    let now_ms = sim.time_of(who);
    sim.devices[who].restart(None, now_ms)?;
    Ok(format!("{who}: {}", did.join(", ")))
}

impl Sim {
    /// Threads in which a device can write now.
    fn writes_in(&self, who: Who) -> Vec<ChannelId> {
        let device = &self.devices[who];
        if self.stands_still(device) {
            return Vec::new();
        }
        let threads = device.engine.threads().unwrap_or_default();
        let joined = threads.into_iter().filter(|thread| {
            thread.state == ThreadState::Joined
                && self.standing(who, thread.channel) == Standing::Member
        });
        joined.map(|thread| thread.channel).collect()
    }

    /// A connection in a device's name, and its keys.
    fn take_over(&mut self, who: Who) -> Checked<Option<(Line, Keys)>> {
        let me = self.devices[who].engine.whoami()?;
        let keys = Keys::read(&self.devices[who].disk.connect(None));
        let Some(mut line) = self.host.connect() else {
            return Ok(None);
        };
        self.host.run(1);
        let Some(server_frame::Frame::Challenge(challenge)) = next(&mut line) else {
            return Ok(None);
        };
        push(&line, keys.hello(&me, challenge.nonce));
        self.host.run(1);
        let ready = matches!(next(&mut line), Some(server_frame::Frame::Ready(_)));
        Ok(ready.then_some((line, keys)))
    }
}

fn next(line: &mut Line) -> Option<server_frame::Frame> {
    match received(line) {
        Received::Frame(frame) => ServerFrame::decode(frame).ok()?.frame,
        Received::Nothing | Received::End => None,
    }
}

fn push(line: &Line, frame: client_frame::Frame) {
    let frame = ClientFrame { frame: Some(frame) };
    // A server that has hung up does not answer either.
    let _ = line.to_server.send(frame.encode_to_vec().into());
}

impl Hands<'_> {
    fn database<T>(&self, read: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Option<T> {
        read(&self.around.sim.devices[self.around.who].disk.connect(None)).ok()
    }

    fn next_counter(&self) -> u64 {
        let sql = "SELECT event_counter FROM channels WHERE channel = ?1";
        let last = self.database(|db| db.query_row(sql, [self.channel.0], |row| row.get(0)));
        last.unwrap_or(0) + 1
    }

    /// Whether the server took it; the next event has the next counter then.
    fn said(&mut self, line: &mut Line, operation: send::Operation) -> bool {
        self.member.raw.counter += 1;
        let message = matches!(operation, send::Operation::AppendMessage(_));
        push(
            line,
            client_frame::Frame::Send(Send {
                send_counter: self.member.raw.counter,
                operation: Some(operation),
            }),
        );
        self.around.sim.host.run(1);
        while let Some(frame) = next(line) {
            if let server_frame::Frame::Answer(answer) = frame {
                let taken = matches!(answer.result, Some(answer::Result::Appended(_)));
                if taken && message {
                    let sql = "UPDATE channels SET event_counter = event_counter + 1
                         WHERE channel = ?1";
                    self.database(|db| db.execute(sql, [self.channel.0]));
                }
                return taken;
            }
        }
        false
    }

    fn signed(&mut self, place: (EventId, u64), text: &str) -> Vec<u8> {
        let content = content(text);
        let (member, around) = (&self.member, &mut self.around);
        let body = member.body(around, self.channel, place, content);
        member.sign(&body)
    }

    /// In an envelope that says the truth about it.
    fn sealed(&mut self, place: (EventId, u64), signed: &[u8]) -> AppendMessage {
        let envelope = self.member.envelope(place, signed);
        let (member, around) = (&self.member, &mut self.around);
        member.message(around, self.channel, &envelope, signed)
    }

    /// An event of this thread that the device has, by whether it is its own.
    fn event(&self, own: bool) -> Option<(EventId, Vec<u8>)> {
        let sql = "SELECT event_id, signed FROM events WHERE channel = ?1
             AND (device = ?2) = ?3 ORDER BY seq DESC LIMIT 1";
        let of = rusqlite::params![self.channel.0, self.member.device.0, own];
        self.database(|db| db.query_row(sql, of, |row| Ok((EventId(row.get(0)?), row.get(1)?))))
    }
}

fn content(text: &str) -> Content {
    Content {
        kind: Some(Kind::Message(Message {
            text: text.into(),
            priority: Priority::Normal.into(),
            ..Message::default()
        })),
    }
}

fn illegible(hands: &mut Hands<'_>, place: (EventId, u64)) -> send::Operation {
    let signed = hands.signed(place, "illisible");
    let mut sealed = hands.sealed(place, &signed);
    let mut bytes = sealed.message.to_vec();
    if let Some(last) = bytes.last_mut() {
        *last ^= 1;
    }
    sealed.message = Bytes::from(bytes);
    send::Operation::AppendMessage(sealed)
}

fn under_another_id(hands: &mut Hands<'_>, place: (EventId, u64)) -> send::Operation {
    let signed = hands.signed(place, "dedans");
    send::Operation::AppendMessage(hands.sealed((EventId([9; 16]), place.1), &signed))
}

fn of_another_channel(hands: &mut Hands<'_>, place: (EventId, u64)) -> send::Operation {
    let (member, around) = (&hands.member, &mut hands.around);
    let mut body = member.body(around, hands.channel, place, content("ailleurs"));
    body.channel_id = ChannelId([5; 16]).to_bytes();
    let signed = member.sign(&body);
    send::Operation::AppendMessage(hands.sealed(place, &signed))
}

fn under_a_used_id(hands: &mut Hands<'_>, place: (EventId, u64)) -> send::Operation {
    let used = hands.event(true).map_or(place.0, |(id, _)| id);
    let place = (used, place.1);
    let signed = hands.signed(place, "autre chose");
    send::Operation::AppendMessage(hands.sealed(place, &signed))
}

fn a_colleagues_words(hands: &mut Hands<'_>, place: (EventId, u64)) -> send::Operation {
    let signed = match hands.event(false) {
        Some((_, signed)) => signed,
        None => hands.signed(place, "rien d'un autre"),
    };
    send::Operation::AppendMessage(hands.sealed(place, &signed))
}

fn another_structure(hands: &mut Hands<'_>, place: (EventId, u64)) -> send::Operation {
    hands.around.sim.allowances.disputed();
    let (member, around) = (&hands.member, &mut hands.around);
    let mut body = member.body(around, hands.channel, place, content("vu d'ailleurs"));
    body.structure_hash = vec![7; 32].into();
    let signed = member.sign(&body);
    send::Operation::AppendMessage(hands.sealed(place, &signed))
}

fn of_tomorrow(hands: &mut Hands<'_>, place: (EventId, u64)) -> send::Operation {
    hands.around.sim.allowances.disputed();
    let (member, around) = (&hands.member, &mut hands.around);
    let body = member.of_tomorrow(around, hands.channel, place);
    let signed = member.sign(&body);
    send::Operation::AppendMessage(hands.sealed(place, &signed))
}

fn roster_of_tomorrow(hands: &mut Hands<'_>, place: (EventId, u64)) -> send::Operation {
    let (member, around) = (&hands.member, &mut hands.around);
    let thread = around.sim.devices[around.who].engine.thread(hands.channel);
    let title = thread.map(|thread| thread.title).unwrap_or_default();
    let told = member.roster_of_tomorrow(around, hands.channel, &title);
    let body = member.body(around, hands.channel, place, told);
    let signed = member.sign(&body);
    send::Operation::AppendMessage(hands.sealed(place, &signed))
}

fn a_proposal(hands: &mut Hands<'_>, _: (EventId, u64)) -> send::Operation {
    let proposal = hands.member.proposal(&mut hands.around, hands.channel);
    send::Operation::AppendMessage(proposal)
}

fn oversized(hands: &mut Hands<'_>, place: (EventId, u64)) -> send::Operation {
    let signed = hands.signed(place, &"x".repeat(100 * 1024));
    send::Operation::AppendMessage(hands.sealed(place, &signed))
}

/// The others cannot read what it seals for them, and come back by themselves.
fn garbage(hands: &mut Hands<'_>, _: (EventId, u64)) -> send::Operation {
    let change = Change {
        garbage: true,
        ..Change::default()
    };
    send::Operation::AppendCommit(
        hands
            .member
            .commit(&mut hands.around, hands.channel, change),
    )
}
