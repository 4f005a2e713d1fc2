//! The read side: what the last durable group left, from memory where it pays,
//! else from the backend. Owns the caches and the gate that keeps reads and
//! commits apart; only the committer publishes into the caches.

use std::collections::{BTreeMap, HashMap};
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use bytes::Bytes;
use relais_wire::ids::{ChannelId, DeviceId};
use tokio::sync::RwLock as Gate;

use super::kv::Backend;
use super::records::{DeviceRecord, decode};
use super::state::{ChannelState, DeviceState, Member, Remembered, member_of};
use super::{PublicState, StoreError, keyspaces as keys};

/// Bytes that may go through the caches before they are dropped whole: simpler
/// than evicting one by one, and a reload costs a few reads.
const HOT_BYTES: usize = 128 * 1024 * 1024;

/// States that readers take from memory. Invariant: all of it is durable.
#[derive(Debug, Default)]
pub struct Hot {
    channels: HashMap<ChannelId, Arc<ChannelState>>,
    devices: HashMap<DeviceId, Arc<DeviceState>>,
    spent: usize,
}

impl Hot {
    /// Forgets everything; the next reads load it again.
    pub fn reset(&mut self) {
        *self = Self::default();
    }

    /// Accounts for bytes that went into the caches.
    pub fn charge(&mut self, bytes: usize) {
        self.spent += bytes;
        if self.spent > HOT_BYTES {
            self.reset();
        }
    }

    /// Replaces a channel's state.
    pub fn put_channel(&mut self, id: ChannelId, state: Arc<ChannelState>) {
        self.channels.insert(id, state);
    }

    /// Replaces a device's state.
    pub fn put_device(&mut self, id: DeviceId, state: Arc<DeviceState>) {
        self.devices.insert(id, state);
    }
}

/// Acknowledgements that wait for a group: losing one only repeats a delivery.
pub type Acknowledgements = HashMap<ChannelId, HashMap<DeviceId, u64>>;

/// What readers and the committer share.
pub struct Shared<B> {
    /// Where everything is.
    pub backend: B,
    /// Held for writing during a commit: a backend may show a batch before it is
    /// on disk, and a reader must not see it then. An async lock, so that readers
    /// wait without holding a thread.
    pub gate: Gate<()>,
    /// Set by `close`.
    pub closed: AtomicBool,
    hot: RwLock<Hot>,
    acknowledged: Mutex<Acknowledgements>,
}

impl<B: Backend> Shared<B> {
    pub fn new(backend: B) -> Self {
        Self {
            backend,
            gate: Gate::new(()),
            closed: AtomicBool::new(false),
            hot: RwLock::default(),
            acknowledged: Mutex::default(),
        }
    }

    fn hot(&self) -> RwLockReadGuard<'_, Hot> {
        self.hot.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// The caches, to publish into.
    pub fn hot_mut(&self) -> RwLockWriteGuard<'_, Hot> {
        self.hot.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// The acknowledgements that are not written yet.
    pub fn acknowledged(&self) -> MutexGuard<'_, Acknowledgements> {
        self.acknowledged
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Fails after `close`.
    pub fn check_open(&self) -> Result<(), StoreError> {
        match self.closed.load(Ordering::Acquire) {
            true => Err(StoreError::Closed),
            false => Ok(()),
        }
    }

    /// Runs `read` while no commit is under way.
    pub async fn cold<T>(
        &self,
        read: impl FnOnce(&Self) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let _gate = self.gate.read().await;
        self.check_open()?;
        read(self)
    }

    /// A channel's durable state, for readers.
    pub async fn read_channel_state(
        &self,
        id: ChannelId,
    ) -> Result<Option<Arc<ChannelState>>, StoreError> {
        self.check_open()?;
        match self.hot_channel(id) {
            Some(state) => Ok(Some(state)),
            None => self.cold(|shared| shared.load_channel(id)).await,
        }
    }

    /// A device's durable state, for readers.
    pub async fn read_device_state(&self, id: DeviceId) -> Result<Arc<DeviceState>, StoreError> {
        self.check_open()?;
        let hot = self.hot().devices.get(&id).cloned();
        match hot {
            Some(state) => Ok(state),
            None => self.cold(|shared| shared.load_device(id)).await,
        }
    }

    /// A channel's state if it is in memory.
    pub fn hot_channel(&self, id: ChannelId) -> Option<Arc<ChannelState>> {
        self.hot().channels.get(&id).cloned()
    }

    /// A channel's durable state. No commit may be under way.
    pub fn load_channel(&self, id: ChannelId) -> Result<Option<Arc<ChannelState>>, StoreError> {
        if let Some(state) = self.hot_channel(id) {
            return Ok(Some(state));
        }
        let Some(state) = self.fetch_channel(id)? else {
            return Ok(None);
        };
        let state = Arc::new(state);
        let mut hot = self.hot_mut();
        hot.charge(256 + state.members.len() * 128);
        hot.put_channel(id, state.clone());
        Ok(Some(state))
    }

    /// Reads a channel's state from the backend, past the cache.
    pub fn fetch_channel(&self, id: ChannelId) -> Result<Option<ChannelState>, StoreError> {
        let Some(head) = self.backend.get(&keys::channel(keys::HEAD, id))? else {
            return Ok(None);
        };
        let mut members = BTreeMap::new();
        let prefix = keys::channel(keys::MEMBER, id);
        self.backend
            .range(&prefix, &keys::after(&prefix), &mut |key, value| {
                members.insert(member_of(key)?, Member::decode(value)?);
                Ok(ControlFlow::Continue(()))
            })?;
        ChannelState::restore(head, members).map(Some)
    }

    /// A device's durable state; that of a device never seen is empty. No commit
    /// may be under way.
    pub fn load_device(&self, id: DeviceId) -> Result<Arc<DeviceState>, StoreError> {
        if let Some(state) = self.hot().devices.get(&id) {
            return Ok(state.clone());
        }
        let record = match self.backend.get(&keys::device(keys::DEVICE, id))? {
            Some(bytes) => decode(bytes, "device")?,
            None => DeviceRecord::default(),
        };
        let mut answers = Vec::new();
        let mut weight = 256;
        let prefix = keys::device(keys::ANSWER, id);
        self.backend
            .range(&prefix, &keys::after(&prefix), &mut |key, value| {
                weight += value.len() + 128;
                let slot = *key.last().ok_or(StoreError::Corrupt("answer key"))?;
                answers.push((slot, Remembered::decode(value)?));
                Ok(ControlFlow::Continue(()))
            })?;
        let state = Arc::new(DeviceState::restore(record, answers));
        let mut hot = self.hot_mut();
        hot.charge(weight);
        hot.put_device(id, state.clone());
        Ok(state)
    }

    /// A channel's public state, from memory or loaded into it. No commit may be
    /// under way.
    pub fn load_public(&self, id: ChannelId) -> Result<PublicState, StoreError> {
        let part = |prefix: u8| -> Result<Bytes, StoreError> {
            let value = self.backend.get(&keys::channel(prefix, id))?;
            value.ok_or(StoreError::Corrupt("channel without public state"))
        };
        let public = PublicState {
            group_info: part(keys::GROUP_INFO)?,
            ratchet_tree: part(keys::RATCHET_TREE)?,
        };
        let mut hot = self.hot_mut();
        hot.charge(public.group_info.len() + public.ratchet_tree.len());
        if let Some(state) = hot.channels.get_mut(&id) {
            Arc::make_mut(state).public = Some(public.clone());
        }
        Ok(public)
    }
}
