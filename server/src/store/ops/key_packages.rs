//! One-time key packages: published as a set, each handed out once.

use std::collections::VecDeque;
use std::ops::ControlFlow;

use bytes::Bytes;
use relais_wire::ids::DeviceId;
use relais_wire::v1::{ClaimedKeyPackage, Done, KeyPackages, answer};
use relais_wire::{RefusalCode, limits};

use super::Outcome;
use crate::store::engine::Engine;
use crate::store::kv::Backend;
use crate::store::{StoreError, keyspaces as keys};

/// The hour of [`limits::CLAIMS_PER_HOUR`].
const HOUR_MS: u64 = 3_600_000;

/// What a device has published and nobody claimed, as the group will leave it.
#[derive(Debug, Default)]
pub struct PackageSet {
    one_time: VecDeque<(u32, Bytes)>,
    last_resort: Bytes,
}

impl<B: Backend> Engine<B> {
    fn package_set(&mut self, device: DeviceId) -> Result<&mut PackageSet, StoreError> {
        use std::collections::hash_map::Entry;
        let vacant = match self.packages.entry(device) {
            Entry::Occupied(set) => return Ok(set.into_mut()),
            Entry::Vacant(vacant) => vacant,
        };
        let backend = &self.shared.backend;
        let mut set = PackageSet {
            last_resort: backend
                .get(&keys::device(keys::LAST_RESORT, device))?
                .unwrap_or_default(),
            ..PackageSet::default()
        };
        let prefix = keys::device(keys::KEY_PACKAGE, device);
        backend.range(&prefix, &keys::after(&prefix), &mut |key, value| {
            let index = key
                .last_chunk()
                .ok_or(StoreError::Corrupt("key package key"))?;
            set.one_time.push_back((u32::from_be_bytes(*index), value));
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(vacant.insert(set))
    }

    /// See [`crate::store::Operation::PublishKeyPackages`].
    pub(super) fn publish_key_packages(
        &mut self,
        device: DeviceId,
        packages: Vec<Bytes>,
        last_resort: Bytes,
    ) -> Result<Outcome, StoreError> {
        let published = PackageSet {
            one_time: (0..).zip(packages).collect(),
            last_resort,
        };
        let new = published.one_time.clone();
        let last_resort = published.last_resort.clone();
        let old = std::mem::replace(self.package_set(device)?, published);
        for (index, _) in old.one_time {
            self.delete(keys::key_package(device, index));
        }
        for (index, package) in new {
            self.put(keys::key_package(device, index), package);
        }
        self.put(keys::device(keys::LAST_RESORT, device), last_resort);
        Ok(Outcome::Done(answer::Result::Done(Done {}), Vec::new()))
    }

    /// See [`crate::store::Operation::ClaimKeyPackages`].
    pub(super) fn claim_key_packages(
        &mut self,
        claimer: DeviceId,
        now_ms: u64,
        of: Vec<DeviceId>,
    ) -> Result<Outcome, StoreError> {
        let state = self.device(claimer)?;
        // A clock that went back does not prolong the hour.
        let fresh = now_ms < state.claims_since_ms || now_ms - state.claims_since_ms >= HOUR_MS;
        let (since_ms, used) = match fresh {
            true => (now_ms, 0),
            false => (state.claims_since_ms, state.claims),
        };
        let used = used + of.len() as u64;
        if used > limits::CLAIMS_PER_HOUR as u64 {
            return Ok(Outcome::Refused(RefusalCode::TooManyRequests));
        }
        for device in &of {
            self.package_set(*device)?;
        }

        let mut packages = Vec::with_capacity(of.len());
        for device in of {
            let set = self.package_set(device)?;
            // Invariant: what is taken here is deleted with the same group, so
            // no key package is handed out twice.
            let taken = set.one_time.pop_front();
            let last_resort = set.last_resort.clone();
            let key_package = match taken {
                Some((index, package)) => {
                    self.delete(keys::key_package(device, index));
                    package
                }
                None => last_resort,
            };
            packages.push(ClaimedKeyPackage {
                device_id: device.to_bytes(),
                key_package,
            });
        }
        let state = self.device_mut(claimer)?;
        state.claims_since_ms = since_ms;
        state.claims = used;
        let answer = answer::Result::KeyPackages(KeyPackages { packages });
        Ok(Outcome::Done(answer, Vec::new()))
    }
}
