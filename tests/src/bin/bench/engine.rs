//! The `core` measurement: two real engines on encrypted databases, driven with
//! frames and no network, next to [`crate::bare`]. The world makes the thread of
//! eight; then a few lines here stand in for the server's log.

use std::io::Write;
use std::time::{Duration, Instant};

use prost::Message as _;
use prost::bytes::Bytes;
use relais_content::v1::Priority;
use relais_core::Engine;
use relais_tests::world::{StoreKind, World};
use relais_wire::ids::{ChannelId, DeviceId};
use relais_wire::v1::{
    Answer, Appended, CaughtUp, Challenge, ChannelCursor, ChannelEntry, ClientFrame, Delivery,
    Done, EntryKind, Ready, Send, ServerFrame, answer, caught_up, client_frame, delivery, send,
    server_frame, subscribe,
};
use serde_json::json;

use crate::Outcome;
use crate::bare::Pair;
use crate::fleet::{CONTENT, MEMBERS};
use crate::report::{Report, Times};
use crate::serve::{Others, cpu_s};

/// Messages one by one.
const MESSAGES: usize = 1000;
/// Entries of a catch-up, and how often it is repeated.
const BEHIND: usize = 500;
const ROUNDS: usize = 5;
/// Entries in one transaction, as the native driver applies them.
const BUDGET: usize = 64;

/// The channel's log, as the server would keep it.
struct Log {
    channel: ChannelId,
    head: u64,
    time_ms: u64,
}

/// One device of the two.
struct Side<'a> {
    engine: &'a mut Engine,
    device: DeviceId,
}

fn encode(frame: server_frame::Frame) -> Bytes {
    let frame = Some(frame);
    ServerFrame { frame }.encode_to_vec().into()
}

fn caught_up(log: caught_up::Log) -> Bytes {
    let log = Some(log);
    encode(server_frame::Frame::CaughtUp(CaughtUp { log }))
}

fn delivered(entry: &ChannelEntry) -> Bytes {
    let item = Some(delivery::Item::Channel(entry.clone()));
    encode(server_frame::Frame::Delivery(Delivery { item }))
}

impl Log {
    /// The entry that a send becomes, if it is a message.
    fn append(&mut self, device: DeviceId, send: &Send) -> Option<ChannelEntry> {
        let Some(send::Operation::AppendMessage(message)) = &send.operation else {
            return None;
        };
        self.head += 1;
        self.time_ms += 1;
        Some(ChannelEntry {
            channel_id: self.channel.to_bytes(),
            seq: self.head,
            time_ms: self.time_ms,
            device_id: device.to_bytes(),
            kind: EntryKind::Message.into(),
            incarnation: message.incarnation,
            epoch: message.epoch,
            payload: message.message.clone(),
            ..ChannelEntry::default()
        })
    }
}

impl<'a> Side<'a> {
    fn new(engine: &'a mut Engine) -> Outcome<Self> {
        let device = engine.whoami()?.device;
        Ok(Self { engine, device })
    }

    fn settle(&mut self) -> Outcome<()> {
        while self.engine.step(BUDGET)? {}
        Ok(())
    }

    fn frames(&mut self) -> Outcome<Vec<client_frame::Frame>> {
        self.engine.take_events();
        let frames = self.engine.take_frames();
        let decoded = frames
            .into_iter()
            .map(|f| Ok(ClientFrame::decode(f)?.frame));
        Ok(decoded
            .collect::<Outcome<Vec<_>>>()?
            .into_iter()
            .flatten()
            .collect())
    }

    /// Connects up to the subscription of the channel; what follows in it is the
    /// caller's, up to [`Side::end_of_log`].
    fn connect(&mut self, log: &Log) -> Outcome<()> {
        self.engine.disconnected();
        self.engine.connected()?;
        self.engine
            .receive(encode(server_frame::Frame::Challenge(Challenge {
                nonce: vec![1; 32].into(),
                time_ms: log.time_ms,
                structure_id: self.engine.whoami()?.structure.to_bytes(),
            })))?;
        self.frames()?;
        self.engine
            .receive(encode(server_frame::Frame::Ready(Ready {
                token: "none".into(),
                token_expires_ms: u64::MAX,
                send_counter: 0,
                structure_head: None,
                time_ms: log.time_ms,
                receipt: Default::default(),
                restores: 0,
            })))?;
        for frame in self.frames()? {
            let client_frame::Frame::Subscribe(subscribed) = frame else {
                continue;
            };
            let log = match subscribed.log {
                Some(subscribe::Log::StructureAfter(after)) => {
                    caught_up::Log::StructureSeq(after.seq)
                }
                Some(subscribe::Log::InboxAfter(seq)) => caught_up::Log::InboxSeq(seq),
                _ => continue,
            };
            self.engine.receive(caught_up(log))?;
        }
        Ok(())
    }

    fn end_of_log(&mut self, log: &Log) -> Outcome<()> {
        let cursor = ChannelCursor {
            channel_id: log.channel.to_bytes(),
            after_seq: log.head,
        };
        self.engine
            .receive(caught_up(caught_up::Log::Channel(cursor)))?;
        self.settle()?;
        let threads = self.engine.threads()?;
        let thread = threads.iter().find(|t| t.channel == log.channel);
        if thread.is_none_or(|t| t.seq != log.head) || !self.engine.troubles().is_empty() {
            return Err(format!("not caught up: {:?}", self.engine.troubles()).into());
        }
        Ok(())
    }

    /// Writes a message; the time until it is durable, encrypted and ready to go.
    fn write(&mut self, log: &mut Log) -> Outcome<(Duration, ChannelEntry)> {
        let text = "x".repeat(CONTENT);
        let begun = Instant::now();
        self.engine
            .send_message(log.channel, &text, Priority::Normal, None)?;
        self.settle()?;
        let taken = begun.elapsed();
        let mut written = None;
        for frame in self.frames()? {
            let client_frame::Frame::Send(send) = frame else {
                continue;
            };
            let entry = log.append(self.device, &send);
            let result = match &entry {
                Some(entry) => answer::Result::Appended(Appended {
                    seq: entry.seq,
                    time_ms: entry.time_ms,
                    ..Appended::default()
                }),
                // Housekeeping of its own, such as key packages.
                None => answer::Result::Done(Done {}),
            };
            self.engine
                .receive(encode(server_frame::Frame::Answer(Answer {
                    send_counter: send.send_counter,
                    result: Some(result),
                })))?;
            written = written.or(entry);
        }
        Ok((taken, written.ok_or("nothing was sent")?))
    }

    /// Takes in an entry; the time until it is durable.
    fn read(&mut self, entry: &ChannelEntry) -> Outcome<Duration> {
        let frame = delivered(entry);
        let begun = Instant::now();
        self.engine.receive(frame)?;
        self.settle()?;
        let taken = begun.elapsed();
        self.frames()?;
        Ok(taken)
    }
}

/// Runs everything; about a minute.
pub async fn measure() -> Outcome<Report> {
    let mut report = Report::new();
    eprintln!("setting up a thread of {MEMBERS}");
    let mut world = World::new(StoreKind::Memory).await;
    let mut others = Vec::new();
    for number in 1..MEMBERS {
        others.push(world.add_user(&format!("Membre {number}")).await);
    }
    let channel = world.thread(0, "Mesure", &others).await;
    let mut disk = Disk::new(&world.server_folder())?;
    let time_ms = world.now_ms();
    let [writer, reader, ..] = &mut world.devices[..] else {
        return Err("a world of one".into());
    };
    let threads = writer.engine.threads()?;
    let thread = threads.iter().find(|t| t.channel == channel);
    let mut log = Log {
        channel,
        head: thread.ok_or("no thread")?.seq,
        time_ms,
    };
    let mut writer = Side::new(&mut writer.engine)?;
    let mut reader = Side::new(&mut reader.engine)?;
    tokio::task::block_in_place(|| {
        engines(&mut report, &mut log, &mut writer, &mut reader, &mut disk)
    })?;
    Ok(report)
}

fn engines<'a>(
    report: &mut Report,
    log: &mut Log,
    writer: &mut Side<'a>,
    reader: &mut Side<'a>,
    disk: &mut Disk,
) -> Outcome<()> {
    for side in [&mut *writer, &mut *reader] {
        side.connect(log)?;
        side.end_of_log(log)?;
    }
    eprintln!("{MESSAGES} messages, one by one");
    let (others, cpu) = (Others::watch()?, cpu_s("self")?);
    let mut times: [Times; 3] = Default::default();
    let mut wire_bytes = 0;
    for _ in 0..MESSAGES {
        let (taken, entry) = writer.write(log)?;
        wire_bytes = entry.payload.len();
        times[0].note(taken);
        times[1].note(reader.read(&entry)?);
        times[2].note(writer.read(&entry)?);
        disk.sync()?;
    }
    eprintln!("{ROUNDS} catch-ups of {BEHIND} entries");
    let mut rounds = Times::default();
    for _ in 0..ROUNDS {
        let mut entries = Vec::new();
        for _ in 0..BEHIND {
            let (_, entry) = writer.write(log)?;
            writer.read(&entry)?;
            entries.push(delivered(&entry));
        }
        reader.connect(log)?;
        let begun = Instant::now();
        for entry in entries {
            reader.engine.receive(entry)?;
        }
        reader.settle()?;
        rounds.note(begun.elapsed());
        reader.end_of_log(log)?;
        reader.frames()?;
    }
    eprintln!("the same by openmls alone");
    let mut bare = Pair::new(MEMBERS)?;
    let length = matching_length(&mut bare, wire_bytes)?;
    let (mut costs, _) = bare.exchange(MESSAGES, length)?;
    let mut bare_rounds = Times::default();
    for _ in 0..ROUNDS {
        let (costs, _) = bare.exchange(BEHIND, length)?;
        bare_rounds.note(costs.receive.sum());
    }

    let others = others.share_beside(cpu_s("self")? - cpu)?;
    report.figure("others_cpu_share", others);
    report.put("members", json!(MEMBERS));
    report.put("repetitions", json!(MESSAGES));
    report.put("text_bytes", json!(CONTENT));
    report.put("wire_bytes", json!(wire_bytes));
    let growth = |t: &Times| t.tenth(true).median_us() / t.tenth(false).median_us();
    let (encrypt_growth, receive_growth) = (growth(&times[0]), growth(&times[1]));
    let [encrypt, receive, own] = &mut times;
    let (bare_encrypt, bare_receive) = (costs.encrypt.median_us(), costs.receive.median_us());
    report.figure("engine_encrypt_us", encrypt.median_us());
    report.figure("bare_encrypt_us", bare_encrypt);
    report.figure("encrypt_ratio", encrypt.median_us() / bare_encrypt);
    report.figure("engine_receive_us", receive.median_us());
    report.figure("bare_receive_us", bare_receive);
    report.figure("receive_ratio", receive.median_us() / bare_receive);
    report.figure("engine_own_entry_us", own.median_us());
    report.figure("sync_us", disk.times.median_us());
    let per_entry = |t: &mut Times| t.median_us() / 1000.0 / BEHIND as f64;
    let (caught_up, bare) = (per_entry(&mut rounds), per_entry(&mut bare_rounds));
    report.put("catch_up_entries", json!(BEHIND));
    report.figure("engine_catch_up_ms_per_entry", caught_up);
    report.figure("bare_catch_up_ms_per_entry", bare);
    report.figure("catch_up_ratio", caught_up / bare);
    // The last tenth of the messages against the first: 1 means that a long thread
    // costs no more than a short one.
    report.figure("encrypt_growth", encrypt_growth);
    report.figure("receive_growth", receive_growth);
    Ok(())
}

/// How long a message of openmls has to be to fill as much of the wire as the
/// engine's, which carries a signed event.
fn matching_length(bare: &mut Pair, wire_bytes: usize) -> Outcome<usize> {
    for length in (CONTENT..2 * CONTENT).step_by(32) {
        if bare.exchange(1, length)?.1 >= wire_bytes {
            return Ok(length);
        }
    }
    Err("no message is as long as the engine's".into())
}

/// What one sync of an appended page costs where the databases are, under the same
/// conditions: every durable operation of an engine pays it at least once.
struct Disk {
    file: std::fs::File,
    times: Times,
}

impl Disk {
    fn new(folder: &std::path::Path) -> Outcome<Self> {
        Ok(Self {
            file: std::fs::File::create(folder.join("sync"))?,
            times: Times::default(),
        })
    }

    fn sync(&mut self) -> Outcome<()> {
        self.file.write_all(&[0x5A; 4096])?;
        let begun = Instant::now();
        self.file.sync_data()?;
        self.times.note(begun.elapsed());
        Ok(())
    }
}
