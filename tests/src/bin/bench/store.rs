//! What is under the server: its store alone, as many writers in the same channels,
//! and the floor under that, a file that is appended to and synced.

use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use prost::bytes::Bytes;
use relais_server::store::{
    LogStore, NewChannel, NewCommit, NewMessage, Operation, PublicState, SledBackend, Store,
    Write as Asked,
};
use relais_wire::ids::{ChannelId, DeviceId, EventId};
use relais_wire::v1::answer;

use crate::Outcome;
use crate::fleet::{CHANNELS, MEMBERS};
use crate::report::Times;
use crate::serve::Counted;

/// What the store alone showed.
pub struct Alone {
    pub messages_per_s: f64,
    /// From the call to durable.
    pub times: Times,
    /// Mean number of messages that shared a sync.
    pub group: f64,
    /// The longest that one of them took.
    pub longest_ms: f64,
}

struct Writer {
    store: Arc<dyn Store>,
    device: DeviceId,
    counter: u64,
}

impl Writer {
    fn new(store: &Arc<dyn Store>, number: usize) -> Self {
        let mut id = [0xB0; 16];
        id[..2].copy_from_slice(&(number as u16).to_be_bytes());
        Self {
            store: store.clone(),
            device: DeviceId(id),
            counter: 0,
        }
    }

    async fn write(&mut self, operation: Operation) -> Outcome<()> {
        self.counter += 1;
        let mut request_hash = [0; 32];
        request_hash[..8].copy_from_slice(&self.counter.to_be_bytes());
        let asked = Asked {
            device: self.device,
            send_counter: self.counter,
            request_hash,
            now_ms: 1_800_000_000_000,
            operation,
        };
        let applied = self.store.write(asked).await?;
        match applied.answer.result {
            Some(answer::Result::Appended(_)) => Ok(()),
            other => Err(format!("not appended: {other:?}").into()),
        }
    }

    async fn message(&mut self, channel: ChannelId, event: u64, payload: &Bytes) -> Outcome<()> {
        let new = NewMessage {
            channel,
            incarnation: 0,
            epoch: 1,
            payload: payload.clone(),
            event_counter: event,
            event_id: EventId([9; 16]),
            blobs: Vec::new(),
            member_until_ms: None,
        };
        self.write(Operation::AppendMessage(new)).await
    }
}

fn channel_id(number: usize) -> ChannelId {
    let mut id = [0xC0; 16];
    id[0] = number as u8;
    ChannelId(id)
}

/// A channel whose first device lets the others in.
async fn open_channel(writers: &mut [Writer], channel: ChannelId) -> Outcome<()> {
    let public = || PublicState {
        group_info: Bytes::from_static(&[1; 2048]),
        ratchet_tree: Bytes::from_static(&[2; 16 * 1024]),
    };
    let joined = writers.iter().skip(1).map(|w| w.device).collect();
    let first = writers.first_mut().ok_or("a channel of nobody")?;
    let create = NewChannel {
        channel,
        state: public(),
        structure_seq: 0,
        named: Vec::new(),
    };
    first.write(Operation::CreateChannel(create)).await?;
    let commit = NewCommit {
        channel,
        incarnation: 0,
        epoch: 0,
        payload: Bytes::from_static(&[3; 1024]),
        structure_seq: 0,
        state: public(),
        joined,
        left: Vec::new(),
        ended: Vec::new(),
        named: Vec::new(),
        unnamed: Vec::new(),
        valid_until_ms: None,
        welcome: Bytes::from_static(&[4; 16 * 1024]),
    };
    first.write(Operation::AppendCommit(commit)).await
}

/// The sled store through its trait: 256 writers, each waiting for its answer.
pub async fn alone(folder: &Path, payload: usize, window: Duration) -> Outcome<Alone> {
    let (backend, groups) = Counted::new(SledBackend::open(&folder.join("alone"))?);
    let store: Arc<dyn Store> = Arc::new(LogStore::open(backend)?);
    let payload = Bytes::from(vec![0x5A; payload]);
    let mut writers: Vec<_> = (0..CHANNELS * MEMBERS)
        .map(|n| Writer::new(&store, n))
        .collect();
    for (number, members) in writers.chunks_mut(MEMBERS).enumerate() {
        open_channel(members, channel_id(number)).await?;
    }
    groups.take();
    let start = Instant::now();
    let writing: Vec<_> = writers
        .into_iter()
        .enumerate()
        .map(|(number, mut writer)| {
            let payload = payload.clone();
            let channel = channel_id(number / MEMBERS);
            tokio::spawn(async move {
                let mut times = Times::default();
                let mut event = 0;
                while start.elapsed() < window {
                    event += 1;
                    let asked = Instant::now();
                    writer.message(channel, event, &payload).await?;
                    times.note(asked.elapsed());
                }
                Ok::<_, crate::Failure>(times)
            })
        })
        .collect();
    let mut times = Times::default();
    for writer in writing {
        times.extend(writer.await??);
    }
    let taken = start.elapsed().as_secs_f64();
    let durable = groups.take();
    store.close().await?;
    Ok(Alone {
        messages_per_s: times.len() as f64 / taken,
        group: times.len() as f64 / durable.groups.max(1) as f64,
        longest_ms: durable.longest_ms,
        times,
    })
}

/// Messages per second of one thread that appends `group` of them to a file and
/// syncs it, again and again: what no store can beat that answers when it is durable.
pub fn floor(folder: &Path, payload: usize, group: f64, window: Duration) -> Outcome<f64> {
    tokio::task::block_in_place(|| {
        let mut file = std::fs::File::create(folder.join("floor"))?;
        let message = vec![0x5A; payload];
        let mut bytes = Vec::new();
        let (mut written, mut groups) = (0u64, 0u64);
        let start = Instant::now();
        while start.elapsed() < window {
            groups += 1;
            // Whole messages, and over time the same mean.
            let due = (groups as f64 * group.max(1.0)) as u64;
            bytes.clear();
            for _ in written..due {
                bytes.extend_from_slice(&message);
            }
            written = due;
            file.write_all(&bytes)?;
            file.sync_data()?;
        }
        Ok(written as f64 / start.elapsed().as_secs_f64())
    })
}
