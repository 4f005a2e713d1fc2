//! The write side: executes operations one after another against an overlay and
//! makes them durable together. Owns atomicity: a group is written whole and
//! then published to readers, or leaves no trace. What the operations mean is in
//! [`super::ops`]; when a group ends is the committer's business.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use relais_wire::ids::{ChannelId, DeviceId};
use tokio::sync::{RwLock as Gate, RwLockWriteGuard};

use super::kv::{Backend, Batch};
use super::ops::key_packages::PackageSet;
use super::records::{FORMAT, array};
use super::shared::Shared;
use super::state::{ChannelState, DeviceState, Member};
use super::{StoreError, keyspaces as keys};

/// How long an acknowledgement may wait: what a crash repeats is a second of
/// deliveries, and a group does not write one record per receiver.
pub const ACKNOWLEDGE_EVERY: Duration = Duration::from_secs(1);

/// Waits until nobody reads. On an async thread, where the engine has none of its own,
/// it may not sleep; readers are on others and hold the gate across no `await`.
fn enter(gate: &Gate<()>) -> RwLockWriteGuard<'_, ()> {
    if tokio::runtime::Handle::try_current().is_err() {
        return gate.blocking_write();
    }
    loop {
        match gate.try_write() {
            Ok(guard) => return guard,
            Err(_) => std::thread::yield_now(),
        }
    }
}

/// A channel in the present group.
struct WorkChannel {
    state: Arc<ChannelState>,
    head_changed: bool,
    members_changed: BTreeSet<DeviceId>,
}

/// A device in the present group.
struct WorkDevice {
    state: Arc<DeviceState>,
    changed: bool,
    record_changed: bool,
}

/// See the module's head. One per store, owned by the committer's thread.
pub struct Engine<B> {
    pub(super) shared: Arc<Shared<B>>,
    batch: Batch,
    channels: HashMap<ChannelId, WorkChannel>,
    devices: HashMap<DeviceId, WorkDevice>,
    pub(super) packages: HashMap<DeviceId, PackageSet>,
    pub(super) structure_head: Option<u64>,
    changes: u64,
    /// An operation failed halfway: the group must not be written.
    torn: Option<StoreError>,
    acknowledging: Vec<(ChannelId, DeviceId, u64)>,
    acknowledged_at: Instant,
}

impl<B: Backend> Engine<B> {
    /// Checks the layout of what is on disk and makes it the present one when
    /// there is nothing yet.
    pub fn open(shared: Arc<Shared<B>>) -> Result<Self, StoreError> {
        match shared.backend.get(&keys::single(keys::FORMAT))? {
            None => {
                let mut batch = Batch::default();
                let format = Bytes::copy_from_slice(&FORMAT.to_be_bytes());
                batch.put(keys::single(keys::FORMAT), format);
                shared.backend.commit(&batch)?;
            }
            Some(found) if array(&found, "format")? == FORMAT.to_be_bytes() => {}
            Some(_) => return Err(StoreError::Corrupt("layout of another version")),
        }
        Ok(Self {
            shared,
            batch: Batch::default(),
            channels: HashMap::new(),
            devices: HashMap::new(),
            packages: HashMap::new(),
            structure_head: None,
            changes: 0,
            torn: None,
            acknowledging: Vec::new(),
            acknowledged_at: Instant::now(),
        })
    }

    /// Executes one operation in the present group.
    pub fn run<T>(
        &mut self,
        operation: impl FnOnce(&mut Self) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let before = self.changes;
        let result = operation(self);
        if let Err(error) = &result
            && self.changes != before
        {
            // Operations read and check before they change anything, so this is
            // a defect; the group is given up rather than half written.
            self.torn = Some(error.clone());
        }
        result
    }

    /// Bytes that the group will write.
    pub fn group_bytes(&self) -> usize {
        self.batch.bytes()
    }

    /// Makes the group durable, then visible. On failure nothing of it remains.
    pub fn commit(&mut self) -> Result<(), StoreError> {
        self.encode_changes();
        let result = match self.torn.take() {
            Some(error) => Err(error),
            None if self.batch.is_empty() => Ok(()),
            None => {
                let shared = self.shared.clone();
                let _gate = enter(&shared.gate);
                let result = shared.backend.commit(&self.batch);
                match &result {
                    Ok(()) => self.publish(),
                    Err(_) => shared.hot_mut().reset(),
                }
                result
            }
        };
        if result.is_err() {
            self.structure_head = None;
        }
        self.acknowledging.clear();
        self.channels.clear();
        self.devices.clear();
        self.packages.clear();
        self.batch.clear();
        result
    }

    fn encode_changes(&mut self) {
        for (id, work) in &mut self.channels {
            work.members_changed.extend(work.state.counters_to_settle());
            if !work.members_changed.is_empty() {
                let state = Arc::make_mut(&mut work.state);
                for device in &work.members_changed {
                    if let Some(member) = state.encode_member(*device) {
                        self.batch.put(keys::member(*id, *device), member);
                    }
                }
            }
            if work.head_changed {
                self.batch
                    .put(keys::channel(keys::HEAD, *id), work.state.encode_head());
            }
        }
        for (id, work) in self.devices.iter().filter(|(_, work)| work.record_changed) {
            self.batch
                .put(keys::device(keys::DEVICE, *id), work.state.encode());
        }
    }

    fn publish(&mut self) {
        let mut hot = self.shared.hot_mut();
        hot.charge(self.batch.bytes());
        for (id, work) in self.channels.drain() {
            if work.head_changed || !work.members_changed.is_empty() {
                hot.put_channel(id, work.state);
            }
        }
        for (id, work) in self.devices.drain().filter(|(_, work)| work.changed) {
            hot.put_device(id, work.state);
        }
        drop(hot);
        let mut waiting = self.shared.acknowledged();
        for (channel, device, seq) in self.acknowledging.drain(..) {
            if let Some(devices) = waiting.get_mut(&channel) {
                if devices.get(&device).is_some_and(|now| *now <= seq) {
                    devices.remove(&device);
                }
                if devices.is_empty() {
                    waiting.remove(&channel);
                }
            }
        }
    }

    /// When the waiting acknowledgements must be written, if there are any.
    pub fn acknowledgements_due(&self) -> Option<Instant> {
        let waiting = !self.shared.acknowledged().is_empty();
        waiting.then(|| self.acknowledged_at + ACKNOWLEDGE_EVERY)
    }

    /// Takes the waiting acknowledgements into the present group. Those of a
    /// channel that cannot be read go on waiting.
    pub fn take_acknowledgements(&mut self) {
        self.acknowledged_at = Instant::now();
        let waiting: Vec<_> = self
            .shared
            .acknowledged()
            .iter()
            .flat_map(|(channel, devices)| {
                devices
                    .iter()
                    .map(|(device, seq)| (*channel, *device, *seq))
            })
            .collect();
        for (channel, device, seq) in waiting {
            let Ok(state) = self.channel(channel) else {
                continue;
            };
            let behind = state
                .and_then(|state| state.members.get(&device))
                .is_some_and(|member| member.cursor < seq);
            if behind && let Some(member) = self.member_mut(channel, device) {
                member.cursor = seq;
            }
            self.acknowledging.push((channel, device, seq));
        }
    }

    /// The value under `key`, as the group will leave it.
    pub fn get(&self, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        match self.batch.get(key) {
            Some(value) => Ok(value),
            None => self.shared.backend.get(key),
        }
    }

    /// Sets `key` in the group.
    pub fn put(&mut self, key: Vec<u8>, value: Bytes) {
        self.changes += 1;
        self.batch.put(key, value);
    }

    /// Sets `key` in the group; see [`Batch::put_over_small`].
    pub fn put_over_small(&mut self, key: Vec<u8>, value: Bytes) {
        self.changes += 1;
        self.batch.put_over_small(key, value);
    }

    /// Removes `key` in the group.
    pub fn delete(&mut self, key: Vec<u8>) {
        self.changes += 1;
        self.batch.delete(key);
    }

    /// A channel as the group will leave it.
    pub fn channel(&mut self, id: ChannelId) -> Result<Option<&ChannelState>, StoreError> {
        if !self.channels.contains_key(&id) {
            let Some(state) = self.shared.load_channel(id)? else {
                return Ok(None);
            };
            self.channels.insert(
                id,
                WorkChannel {
                    state,
                    head_changed: false,
                    members_changed: BTreeSet::new(),
                },
            );
        }
        Ok(self.channels.get(&id).map(|work| &*work.state))
    }

    /// Adds a channel that [`Engine::channel`] did not find.
    pub fn add_channel(&mut self, id: ChannelId, state: ChannelState) {
        self.changes += 1;
        self.channels.insert(
            id,
            WorkChannel {
                members_changed: state.members.keys().copied().collect(),
                state: Arc::new(state),
                head_changed: true,
            },
        );
    }

    /// A channel that [`Engine::channel`] found, to change its head.
    pub fn channel_mut(&mut self, id: ChannelId) -> Option<&mut ChannelState> {
        let work = self.channels.get_mut(&id)?;
        self.changes += 1;
        work.head_changed = true;
        Some(Arc::make_mut(&mut work.state))
    }

    /// A member of a channel that [`Engine::channel`] found, to change it; made
    /// when it is new.
    pub fn member_mut(&mut self, id: ChannelId, device: DeviceId) -> Option<&mut Member> {
        let work = self.channels.get_mut(&id)?;
        self.changes += 1;
        work.members_changed.insert(device);
        let state = Arc::make_mut(&mut work.state);
        Some(state.members.entry(device).or_default())
    }

    /// A device as the group will leave it.
    pub fn device(&mut self, id: DeviceId) -> Result<&DeviceState, StoreError> {
        Ok(&*self.work_device(id)?.state)
    }

    fn work_device(&mut self, id: DeviceId) -> Result<&mut WorkDevice, StoreError> {
        use std::collections::hash_map::Entry;
        match self.devices.entry(id) {
            Entry::Occupied(work) => Ok(work.into_mut()),
            Entry::Vacant(vacant) => Ok(vacant.insert(WorkDevice {
                state: self.shared.load_device(id)?,
                changed: false,
                record_changed: false,
            })),
        }
    }

    /// A device, to change its record. Cannot fail after [`Engine::device`].
    pub fn device_mut(&mut self, id: DeviceId) -> Result<&mut DeviceState, StoreError> {
        self.work_device(id)?.record_changed = true;
        self.device_answers_mut(id)
    }

    /// A device, to change its answers only, which have keys of their own.
    pub fn device_answers_mut(&mut self, id: DeviceId) -> Result<&mut DeviceState, StoreError> {
        self.changes += 1;
        let work = self.work_device(id)?;
        work.changed = true;
        Ok(Arc::make_mut(&mut work.state))
    }
}
