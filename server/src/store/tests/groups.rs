//! What a group of writes shares: one commit, one fate, one moment of being seen.

use std::sync::mpsc::{Receiver, Sender, channel as signal};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use relais_wire::RefusalCode;
use relais_wire::ids::BlobId;

use crate::store::conformance::{Device, appended, channel_id, commit, device_id, message};
use crate::store::kv::{Backend, Batch, Visit};
use crate::store::{
    LogStore, MemoryBackend, MemoryDisk, Operation, Store, StoreError, Write, keyspaces as keys,
};

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
            let write = nurse.prepare(Operation::Refuse(RefusalCode::Malformed));
            let write = Write {
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
    nurse.prepare(Operation::Refuse(RefusalCode::Malformed));
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
    panics: bool,
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
            panics: false,
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
        assert!(!self.panics, "a defect of the engine below");
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

#[tokio::test]
async fn nobody_waits_for_a_committer_that_panicked() {
    let disk = MemoryDisk::default();
    let (mut lagging, _started, _finish) = Lagging::new(&disk);
    lagging.panics = true;
    let store: Arc<dyn Store> = Arc::new(LogStore::open(lagging).expect("opens"));
    let nurse = Device::new(&store, 1);
    for _ in 0..3 {
        let write = nurse.prepare(Operation::Refuse(RefusalCode::Malformed));
        assert!(matches!(store.write(write).await, Err(StoreError::Closed)));
    }
    assert!(store.close().await.is_err());
}
