//! [`LogStore`]: the [`Store`] over a key-value backend. Owns the wiring between
//! callers, the committer and the read side.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use relais_wire::RefusalCode;
use relais_wire::ids::{BlobId, ChannelId, DeviceId, ProfessionalId};
use relais_wire::v1::{Answer, InboxItem, LogHead, StructureEntry};

use super::committer::Committer;
use super::engine::Engine;
use super::inline::Inline;
use super::kv::Backend;
use super::memory_backend::{MemoryBackend, MemoryDisk};
use super::shared::Shared;
use super::sled_backend::SledBackend;
use super::{
    Applied, Blob, Channel, Connected, Founding, Page, Presented, Store, StoreError, Stored, Write,
};

/// A store whose every record lives in one ordered tree.
pub struct LogStore<B> {
    // First, so that dropping ends the thread before the rest goes.
    writer: Writer<B>,
    shared: Arc<Shared<B>>,
}

/// Who executes writes.
enum Writer<B> {
    Thread(Committer<B>),
    Inline(Inline<B>),
}

impl<B: Backend> Writer<B> {
    async fn submit<T: Send + 'static>(
        &self,
        operation: impl FnOnce(&mut Engine<B>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        match self {
            Self::Thread(committer) => committer.submit(operation).await,
            Self::Inline(inline) => inline.submit(operation),
        }
    }
}

impl LogStore<SledBackend> {
    /// Opens or creates the folder at `path`. Blocks while sled recovers.
    pub fn open_sled(path: &Path) -> Result<Self, StoreError> {
        Self::open(SledBackend::open(path)?)
    }
}

impl LogStore<MemoryBackend> {
    /// Opens what `disk` holds.
    pub fn open_memory(disk: &MemoryDisk) -> Result<Self, StoreError> {
        Self::open(disk.open())
    }

    /// As [`LogStore::open_memory`], without a thread: the caller of a write carries
    /// it out.
    pub fn open_inline(disk: &MemoryDisk) -> Result<Self, StoreError> {
        let shared = Arc::new(Shared::new(disk.open()));
        Ok(Self {
            writer: Writer::Inline(Inline::new(Engine::open(shared.clone())?)),
            shared,
        })
    }
}

impl<B: Backend> LogStore<B> {
    /// Opens the store that `backend` holds, or begins one.
    pub fn open(backend: B) -> Result<Self, StoreError> {
        let shared = Arc::new(Shared::new(backend));
        Ok(Self {
            writer: Writer::Thread(Committer::start(Engine::open(shared.clone())?)?),
            shared,
        })
    }

    fn submit<'a, T: Send + 'static>(
        &'a self,
        operation: impl FnOnce(&mut Engine<B>) -> Result<T, StoreError> + Send + 'static,
    ) -> Stored<'a, T> {
        Box::pin(async move {
            self.shared.check_open()?;
            self.writer.submit(operation).await
        })
    }
}

impl<B: Backend> Store for LogStore<B> {
    fn found(&self, founding: Founding) -> Stored<'_, ()> {
        self.submit(move |engine| engine.found(founding))
    }

    fn founding(&self) -> Stored<'_, Option<Founding>> {
        Box::pin(self.shared.cold(Shared::load_founding))
    }

    fn enrol(&self, expected_head: u64, entries: Vec<StructureEntry>) -> Stored<'_, bool> {
        self.submit(move |engine| engine.append_structure(expected_head, &entries))
    }

    fn read_structure(&self, after_seq: u64, max: usize) -> Stored<'_, Vec<StructureEntry>> {
        Box::pin(
            self.shared
                .cold(move |shared| shared.load_structure(after_seq, max)),
        )
    }

    fn connect(&self, device: DeviceId, presented: Presented) -> Stored<'_, Connected> {
        self.submit(move |engine| engine.connect(device, presented))
    }

    fn restores(&self) -> Stored<'_, u64> {
        Box::pin(self.shared.cold(Shared::load_restores))
    }

    fn note_restore(&self, at_least: u64) -> Stored<'_, u64> {
        self.submit(move |engine| engine.note_restore(at_least))
    }

    fn recall(
        &self,
        device: DeviceId,
        send_counter: u64,
        request_hash: [u8; 32],
    ) -> Stored<'_, Option<Result<Answer, RefusalCode>>> {
        Box::pin(async move {
            let state = self.shared.read_device_state(device).await?;
            Ok(state.recall(send_counter, &request_hash))
        })
    }

    fn write(&self, write: Write) -> Stored<'_, Applied> {
        self.submit(move |engine| engine.write(write))
    }

    fn channel(&self, channel: ChannelId) -> Stored<'_, Option<Arc<Channel>>> {
        Box::pin(async move {
            let Some(state) = self.shared.read_channel_state(channel).await? else {
                return Ok(None);
            };
            if let Some(public) = &state.public {
                return Ok(Some(Arc::new(state.to_channel(public.clone()))));
            }
            let load = |shared: &Shared<B>| {
                // Behind the gate, so that epoch and public state are of one commit.
                let Some(state) = shared.load_channel(channel)? else {
                    return Ok(None);
                };
                let public = match &state.public {
                    Some(public) => public.clone(),
                    None => shared.load_public(channel)?,
                };
                Ok(Some(Arc::new(state.to_channel(public))))
            };
            self.shared.cold(load).await
        })
    }

    fn read_channel(
        &self,
        channel: ChannelId,
        device: DeviceId,
        after_seq: u64,
        max_bytes: usize,
    ) -> Stored<'_, Page> {
        Box::pin(
            self.shared
                .read_channel(channel, device, after_seq, max_bytes),
        )
    }

    fn entry_hashes(&self, channel: ChannelId, seqs: Vec<u64>) -> Stored<'_, Vec<LogHead>> {
        Box::pin(
            self.shared
                .cold(move |shared| shared.entry_hashes(channel, &seqs)),
        )
    }

    fn is_member(&self, channel: ChannelId, device: DeviceId) -> Stored<'_, bool> {
        Box::pin(async move {
            let state = self.shared.read_channel_state(channel).await?;
            let member = state.as_ref().and_then(|state| state.members.get(&device));
            Ok(member.is_some_and(|member| member.is_open()))
        })
    }

    fn channels_naming(
        &self,
        professional: ProfessionalId,
        after: Option<ChannelId>,
        max: usize,
    ) -> Stored<'_, Vec<ChannelId>> {
        Box::pin(
            self.shared
                .cold(move |shared| shared.channels_naming(professional, after, max)),
        )
    }

    fn cursors(&self, channel: ChannelId) -> Stored<'_, Vec<(DeviceId, u64)>> {
        Box::pin(async move {
            let Some(state) = self.shared.read_channel_state(channel).await? else {
                return Ok(Vec::new());
            };
            let waiting = self.shared.acknowledged();
            let waiting = waiting.get(&channel);
            let open = state.members.iter().filter(|(_, member)| member.is_open());
            Ok(open
                .map(|(device, member)| {
                    let said = waiting.and_then(|devices| devices.get(device));
                    let cursor = member.cursor.max(said.copied().unwrap_or(0));
                    (*device, member.passed_with(cursor))
                })
                .collect())
        })
    }

    fn acknowledge(&self, channel: ChannelId, device: DeviceId, seq: u64) -> Stored<'_, ()> {
        Box::pin(async move {
            let state = self.shared.read_channel_state(channel).await?;
            let member = state
                .as_ref()
                .and_then(|state| Some((state.head.seq, state.members.get(&device)?)));
            let Some((head, member)) = member else {
                return Ok(());
            };
            let seq = seq.min(head);
            if seq <= member.cursor {
                return Ok(());
            }
            let mut waiting = self.shared.acknowledged();
            let first = waiting.is_empty();
            let said = waiting
                .entry(channel)
                .or_default()
                .entry(device)
                .or_default();
            *said = seq.max(*said);
            drop(waiting);
            if first && let Writer::Thread(committer) = &self.writer {
                committer.poke();
            }
            Ok(())
        })
    }

    fn read_inbox(
        &self,
        device: DeviceId,
        after_seq: u64,
        max: usize,
    ) -> Stored<'_, Vec<InboxItem>> {
        Box::pin(self.shared.read_inbox(device, after_seq, max))
    }

    fn acknowledge_inbox(&self, device: DeviceId, seq: u64) -> Stored<'_, ()> {
        self.submit(move |engine| engine.acknowledge_inbox(device, seq))
    }

    fn create_blob(&self, id: BlobId, blob: Blob) -> Stored<'_, bool> {
        self.submit(move |engine| engine.create_blob(id, blob))
    }

    fn blob(&self, id: BlobId) -> Stored<'_, Option<Blob>> {
        Box::pin(self.shared.cold(move |shared| shared.load_blob(id)))
    }

    fn blob_wanted_of(&self, id: BlobId, channel: ChannelId) -> Stored<'_, Option<DeviceId>> {
        Box::pin(
            self.shared
                .cold(move |shared| shared.load_blob_wanted_of(id, channel)),
        )
    }

    fn complete_blob(&self, id: BlobId) -> Stored<'_, ()> {
        self.submit(move |engine| engine.complete_blob(id))
    }

    fn expire(&self, now_ms: u64) -> Stored<'_, Vec<BlobId>> {
        Box::pin(async move {
            self.shared.check_open()?;
            let lazy = |engine: &mut Engine<B>| {
                engine.take_acknowledgements();
                Ok(())
            };
            self.writer.submit(lazy).await?;
            let mut from = None;
            loop {
                let step = move |engine: &mut Engine<B>| engine.trim(now_ms, from);
                from = self.writer.submit(step).await?;
                if from.is_none() {
                    break;
                }
            }
            let mut forgotten = Vec::new();
            loop {
                let step = move |engine: &mut Engine<B>| engine.forget_blobs(now_ms);
                match self.writer.submit(step).await {
                    Ok((some, more)) => {
                        forgotten.extend(some);
                        if !more {
                            return Ok(forgotten);
                        }
                    }
                    // What was forgotten before must be told: nobody else knows it.
                    Err(_) if !forgotten.is_empty() => return Ok(forgotten),
                    Err(error) => return Err(error),
                }
            }
        })
    }

    fn close(&self) -> Stored<'_, ()> {
        Box::pin(async move {
            if self.shared.closed.swap(true, Ordering::AcqRel) {
                return Err(StoreError::Closed);
            }
            let lazy = |engine: &mut Engine<B>| {
                engine.take_acknowledgements();
                Ok(())
            };
            let written = self.writer.submit(lazy).await;
            match &self.writer {
                Writer::Thread(committer) => committer.shut().await,
                Writer::Inline(inline) => inline.shut(),
            }
            written
        })
    }
}
