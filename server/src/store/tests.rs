//! The conformance suite on both backends, and what only one of them can show.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel as signal};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use relais_wire::ids::BlobId;

use super::conformance::{
    Device, Ground, NOW, appended, channel_id, commit, conformance, device_id, message,
};
use super::kv::{Backend, Batch, PIECE_BYTES, Visit};
use super::state::{Head, Member};
use super::{
    LogStore, MemoryBackend, MemoryDisk, Operation, SledBackend, Store, StoreError,
    keyspaces as keys,
};

/// A folder that goes with the test.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let name = format!(
            "relais-store-{}-{}",
            std::process::id(),
            COUNT.fetch_add(1, Ordering::Relaxed)
        );
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).expect("a folder for the test");
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).ok();
    }
}

impl Ground for Folder {
    fn open(&self) -> Arc<dyn Store> {
        Arc::new(LogStore::open_sled(&self.0).expect("opens"))
    }

    fn cut(&self) -> Box<dyn Ground> {
        let copy = Folder::new();
        for entry in std::fs::read_dir(&self.0).expect("lists") {
            let entry = entry.expect("lists");
            if entry.path().is_file() {
                std::fs::copy(entry.path(), copy.0.join(entry.file_name())).expect("copies");
            }
        }
        Box::new(copy)
    }
}

impl Ground for MemoryDisk {
    fn open(&self) -> Arc<dyn Store> {
        Arc::new(LogStore::open_memory(self).expect("opens"))
    }

    fn cut(&self) -> Box<dyn Ground> {
        let copy = self.snapshot();
        Box::new(copy)
    }
}

mod on_sled {
    super::conformance!(super::Folder::new());
}

mod in_memory {
    super::conformance!(super::MemoryDisk::default());
}

#[tokio::test]
async fn a_failed_group_changes_nothing_and_the_store_goes_on() {
    let disk = MemoryDisk::default();
    let store = disk.open_store();
    let nurse = Device::new(&store, 1);
    let (channel, joiner) = (channel_id(1), device_id(2));
    nurse.create(channel).await;
    let before = store.channel(channel).await.expect("reads");

    disk.fail_next(1);
    let write = nurse.prepare(commit(channel, 0, &[joiner], &[]));
    let failed = store.write(write.clone()).await;
    assert!(matches!(failed, Err(StoreError::Io(_))));
    assert_eq!(store.channel(channel).await.expect("reads"), before);
    assert_eq!(nurse.read(channel, 0).await.entries.len(), 1);
    let inbox = store.read_inbox(joiner, 0, 10).await.expect("reads");
    assert!(inbox.is_empty());
    let recalled = store.recall(nurse.id, write.send_counter, write.request_hash);
    assert_eq!(recalled.await.expect("reads"), None);

    // The device tries again with the same counter.
    let applied = store.write(write).await.expect("writes");
    assert_eq!(appended(&applied).seq, 2);
    assert_eq!(appended(&nurse.message(channel, 1, 1).await).seq, 3);
}

#[tokio::test]
async fn after_a_crash_an_open_store_neither_reads_nor_writes() {
    let disk = MemoryDisk::default();
    let store = disk.open_store();
    let nurse = Device::new(&store, 1);
    nurse.create(channel_id(1)).await;
    disk.crash();
    let write = nurse.prepare(message(channel_id(1), 0, 1));
    assert!(store.write(write).await.is_err());
    assert!(store.founding().await.is_err());
    let store = disk.open_store();
    let nurse = Device::new(&store, 1);
    assert_eq!(nurse.read(channel_id(1), 0).await.entries.len(), 1);
}

#[tokio::test]
async fn waiting_writes_share_one_commit() {
    let disk = MemoryDisk::default();
    let (lagging, started, finish) = Lagging::new(&disk);
    let store: Arc<dyn Store> = Arc::new(LogStore::open(lagging).expect("opens"));
    let nurse = Device::new(&store, 1);
    let writes: Vec<_> = (1..=11u8)
        .map(|n| {
            let write = nurse.prepare(Operation::Refuse(relais_wire::RefusalCode::Malformed));
            let write = super::Write {
                device: device_id(n.into()),
                ..write
            };
            let store = store.clone();
            tokio::spawn(async move { store.write(write).await.expect("writes") })
        })
        .collect();
    let before = disk.commits();
    tokio::time::sleep(Duration::from_millis(100)).await;
    drop(finish);
    for write in writes {
        write.await.expect("no panic");
    }
    drop(started);
    assert!(disk.commits() - before <= 2, "the first, then all others");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_seen_before_it_is_durable() {
    let disk = MemoryDisk::default();
    let channel = channel_id(1);
    Device::new(&disk.open_store(), 1).create(channel).await;

    let (lagging, started, finish) = Lagging::new(&disk);
    let store: Arc<dyn Store> = Arc::new(LogStore::open(lagging).expect("opens"));
    let nurse = Device::new(&store, 1);
    // From memory: what the last durable group left.
    assert_eq!(nurse.read(channel, 0).await.entries.len(), 1);
    nurse.prepare(Operation::Refuse(relais_wire::RefusalCode::Malformed));
    let write = nurse.prepare(message(channel, 0, 1));
    let writer = store.clone();
    let writing = tokio::spawn(async move { writer.write(write).await });
    started.recv().expect("the commit is under way");
    // The backend has it, the disk not yet.
    assert_eq!(nurse.read(channel, 1).await.entries.len(), 0);
    // What only the backend knows waits for the disk.
    let reader = store.clone();
    let reading = tokio::spawn(async move { reader.blob(BlobId([1; 16])).await });
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(!reading.is_finished() && !writing.is_finished());
    finish.send(()).expect("the commit waits");
    let applied = writing.await.expect("no panic").expect("writes");
    assert_eq!(appended(&applied).seq, 2);
    assert_eq!(reading.await.expect("no panic").expect("reads"), None);
    assert_eq!(nurse.read(channel, 1).await.entries.len(), 1);
    drop(finish);
}

/// A backend that has applied a batch, and shows it, before it is durable.
struct Lagging {
    inner: MemoryBackend,
    started: Sender<()>,
    finish: Mutex<Receiver<()>>,
}

impl Lagging {
    /// Commits announce themselves and wait; once the sender is dropped they do
    /// not wait any more.
    fn new(disk: &MemoryDisk) -> (Self, Receiver<()>, Sender<()>) {
        let (started, was_started) = signal();
        let (may_finish, finish) = signal();
        // A new disk gets its format written before anyone waits for that.
        drop(disk.open_store());
        let lagging = Self {
            inner: disk.open(),
            started,
            finish: Mutex::new(finish),
        };
        (lagging, was_started, may_finish)
    }
}

impl Backend for Lagging {
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        self.inner.get(key)
    }

    fn range(
        &self,
        from: &[u8],
        to: &[u8],
        visit: &mut dyn FnMut(&[u8], Bytes) -> Visit,
    ) -> Result<(), StoreError> {
        self.inner.range(from, to, visit)
    }

    fn last_before(&self, from: &[u8], to: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.inner.last_before(from, to)
    }

    fn commit(&self, batch: &Batch) -> Result<(), StoreError> {
        self.inner.commit(batch)?;
        self.started.send(()).ok();
        self.finish.lock().expect("not poisoned").recv().ok();
        Ok(())
    }

    fn close(&self) {
        self.inner.close();
    }
}

#[tokio::test]
async fn a_welcomes_tree_is_kept_once_and_goes_with_its_last_reader() {
    let disk = MemoryDisk::default();
    let store = disk.open_store();
    let nurse = Device::new(&store, 1);
    nurse.create(channel_id(1)).await;
    let joined = [device_id(2), device_id(3), device_id(4)];
    nurse.commit(channel_id(1), 0, &joined, &[]).await;
    let kept =
        || [keys::WELCOME, keys::WELCOME_TREE, keys::WELCOME_USES].map(|k| disk.keys_under(&[k]));
    for (device, left) in joined.into_iter().zip([1, 1, 0]) {
        assert_eq!(kept(), [1, 1, 1]);
        let acknowledged = store.acknowledge_inbox(device, 1).await;
        acknowledged.expect("writes");
        assert_eq!(kept(), [left; 3]);
    }
    assert_eq!(disk.keys_under(&[keys::INBOX]), 0);
}

#[tokio::test]
async fn acknowledgements_do_not_cost_a_commit_each() {
    let disk = MemoryDisk::default();
    let store = disk.open_store();
    let nurse = Device::new(&store, 1);
    nurse.create(channel_id(1)).await;
    for counter in 1..=50 {
        nurse.message(channel_id(1), 0, counter).await;
    }
    let before = disk.commits();
    for seq in 1..=51 {
        let noted = store.acknowledge(channel_id(1), nurse.id, seq).await;
        noted.expect("notes");
    }
    assert!(disk.commits() - before <= 1);
    let deadline = Instant::now() + Duration::from_secs(10);
    let written = async || {
        let again = disk.snapshot().open_store();
        again.cursors(channel_id(1)).await.expect("reads") == [(nurse.id, 51)]
    };
    while !written().await {
        assert!(Instant::now() < deadline, "written within a second or so");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(disk.commits() - before <= 2);
}

/// Files under `blobs/` are not synced, so whatever is in one is lost with the power.
#[tokio::test]
async fn nothing_goes_to_files_that_sled_never_syncs() {
    let folder = Folder::new();
    super::conformance::durability::large_values_come_back_whole(&folder).await;
    let store = folder.open();
    let sender = Device::new(&store, 1);
    let channel = channel_id(2);
    sender.prepare(Operation::Refuse(relais_wire::RefusalCode::Malformed));
    let longest = [PIECE_BYTES, 128 * 1024, PIECE_BYTES - 200, 30_000];
    for n in 0..300 {
        let mut sender = Device::new(&store, 1000 + n);
        sender.id = device_id(1000 + n % 20);
        let write = super::Write {
            send_counter: u64::from(n) + 1,
            ..sender.prepare(match n {
                0 => Operation::CreateChannel(super::NewChannel {
                    channel,
                    state: super::conformance::public(0),
                    structure_seq: 0,
                }),
                _ => {
                    let Operation::AppendCommit(mut new) =
                        commit(channel, u64::from(n) - 1, &[], &[])
                    else {
                        unreachable!();
                    };
                    new.payload = vec![n as u8; longest[usize::from(n) % 4]].into();
                    new.state.ratchet_tree = vec![n as u8; 777 * usize::from(n)].into();
                    Operation::AppendCommit(new)
                }
            })
        };
        appended(&store.write(write).await.expect("writes"));
        if n % 50 == 49 {
            let late = NOW + relais_wire::limits::RETENTION_MS;
            store.expire(late).await.expect("trims");
        }
    }
    let blobs = std::fs::read_dir(folder.0.join("blobs")).expect("lists");
    assert_eq!(blobs.count(), 0);
}

#[test]
fn no_piece_of_a_large_value_is_left_behind() {
    let folder = Folder::new();
    let backend = SledBackend::open(&folder.0).expect("opens");
    let key = keys::channel(keys::RATCHET_TREE, channel_id(1));
    let value = |length| Some(Bytes::from(vec![7; length]));
    for written in [
        value(5 * PIECE_BYTES + 1),
        value(2 * PIECE_BYTES),
        value(PIECE_BYTES),
        value(PIECE_BYTES + 1),
        None,
        value(3 * PIECE_BYTES),
    ] {
        let mut batch = Batch::default();
        match &written {
            Some(value) => batch.put(key.clone(), value.clone()),
            None => batch.delete(key.clone()),
        }
        backend.commit(&batch).expect("writes");
        assert_eq!(backend.get(&key).expect("reads"), written);
        let (mut pieces, to) = (0, keys::after(&[keys::PIECE]));
        let count = backend.range(&[keys::PIECE], &to, &mut |_, _| {
            pieces += 1;
            Ok(std::ops::ControlFlow::Continue(()))
        });
        // Pieces are not items of their own: they carry no mark.
        assert!(count.is_err() || pieces == 0);
    }
}

#[tokio::test]
async fn a_half_made_snapshot_does_not_keep_the_store_from_opening() {
    let folder = Folder::new();
    let store = folder.open();
    Device::new(&store, 1).create(channel_id(1)).await;
    drop(store);
    let generating = folder.0.join("snap.0000000000000001.generating");
    std::fs::write(generating, b"half").expect("writes");
    let store = folder.open();
    assert!(store.channel(channel_id(1)).await.expect("reads").is_some());
}

#[test]
fn a_folder_in_use_or_of_another_layout_is_not_opened() {
    let disk = MemoryDisk::default();
    let mut batch = Batch::default();
    batch.put(
        keys::single(keys::FORMAT),
        Bytes::from_static(&[0, 0, 0, 9]),
    );
    disk.open().commit(&batch).expect("writes");
    let opened = LogStore::open_memory(&disk);
    assert!(matches!(opened.err(), Some(StoreError::Corrupt(_))));
}

#[test]
fn what_is_on_disk_keeps_its_form() {
    let head = Head {
        incarnation: 1,
        epoch: 2,
        seq: 300,
        hash: [0xAB; 32],
        time_ms: NOW,
        first_seq: 4,
    };
    let hash = "ab".repeat(32);
    let expected = format!("0801100218ac022220{hash}2880d8c1a28c343004");
    assert_eq!(hex::encode(head.encode()), expected);
    assert_eq!(Head::decode(head.encode()).expect("decodes"), head);
    let mut member = Member {
        event_counter: 5,
        cursor: 6,
        ..Member::default()
    };
    member.open(1);
    member.close(3);
    member.open(9);
    assert_eq!(
        hex::encode(member.encode()),
        "0a0408011003".to_owned() + "0a0208091005" + "1806"
    );
    assert_eq!(Member::decode(member.encode()).expect("decodes"), member);
}

impl MemoryDisk {
    fn open_store(&self) -> Arc<dyn Store> {
        Arc::new(LogStore::open_memory(self).expect("opens"))
    }
}

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
