//! Measurements, not checks: run on demand.

use std::time::Instant;

use bytes::Bytes;

use super::Folder;
use crate::store::conformance::{Device, Ground, appended, channel_id, device_id, message};
use crate::store::kv::{Backend, Batch};
use crate::store::{Operation, SledBackend, keyspaces as keys};

/// Durable appends per second. Run with optimisation:
/// `CARGO_PROFILE_DEV_OPT_LEVEL=3 cargo test -p relais-server appends_per_second -- --ignored --nocapture`
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement"]
async fn appends_per_second() {
    const CHANNELS: u8 = 32;
    const WRITERS: u16 = 256;
    const MESSAGES: u64 = 200;
    let folder = Folder::new();
    let store = folder.open();
    let founder = Device::new(&store, 0);
    for channel in 0..CHANNELS {
        let of_channel = |n: &u16| n % u16::from(CHANNELS) == u16::from(channel);
        let devices: Vec<_> = (1..=WRITERS).filter(of_channel).map(device_id).collect();
        founder.create(channel_id(channel)).await;
        founder.commit(channel_id(channel), 0, &devices, &[]).await;
    }
    let payload = Bytes::from(vec![0x5A; 1024]);
    let start = Instant::now();
    let writers = (1..=WRITERS).map(|n| {
        let device = Device::new(&store, n);
        let channel = channel_id((n % u16::from(CHANNELS)) as u8);
        let payload = payload.clone();
        tokio::spawn(async move {
            let mut times = Vec::new();
            for counter in 1..=MESSAGES {
                let Operation::AppendMessage(mut new) = message(channel, 1, counter) else {
                    unreachable!();
                };
                new.payload = payload.clone();
                let sent = Instant::now();
                appended(&device.send(Operation::AppendMessage(new)).await);
                times.push(sent.elapsed());
            }
            times
        })
    });
    let mut times = Vec::new();
    for writer in writers.collect::<Vec<_>>() {
        times.extend(writer.await.expect("no panic"));
    }
    let taken = start.elapsed();
    times.sort_unstable();
    let size = std::fs::metadata(folder.0.join("db")).expect("there").len();
    println!(
        "{:.0} appends/s, p50 {:?}, p99 {:?}, {} MB on disk for {} MB",
        times.len() as f64 / taken.as_secs_f64(),
        times[times.len() / 2],
        times[times.len() * 99 / 100],
        size / 1_000_000,
        times.len() * 1024 / 1_000_000,
    );
}

/// What the backend alone does with one item per message, for the ratio.
#[test]
#[ignore = "a measurement"]
fn bare_appends_per_second() {
    const GROUP: u64 = 128;
    const GROUPS: u64 = 400;
    let folder = Folder::new();
    let backend = SledBackend::open(&folder.0).expect("opens");
    let payload = Bytes::from(vec![0x5A; 1100]);
    let start = Instant::now();
    for group in 0..GROUPS {
        let mut batch = Batch::default();
        for n in 0..GROUP {
            let key = keys::channel_seq(keys::ENTRY, channel_id(n as u8 % 32), group * 1000 + n);
            batch.put_over_small(key, payload.clone());
        }
        backend.commit(&batch).expect("writes");
    }
    let rate = (GROUPS * GROUP) as f64 / start.elapsed().as_secs_f64();
    println!("{rate:.0} bare items/s in groups of {GROUP}");
}
