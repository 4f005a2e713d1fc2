//! The founding record and the structure log's sequence.

use std::ops::ControlFlow;

use bytes::Bytes;
use prost::Message;
use relais_wire::ids::StructureId;
use relais_wire::v1::{Done, StructureEntry, answer};

use super::Outcome;
use crate::store::engine::Engine;
use crate::store::kv::Backend;
use crate::store::records::{FoundingRecord, array, decode, encode};
use crate::store::shared::Shared;
use crate::store::{Effect, Founding, StoreError, keyspaces as keys};

impl<B: Backend> Engine<B> {
    /// See [`crate::store::Store::found`].
    pub fn found(&mut self, founding: Founding) -> Result<(), StoreError> {
        let key = keys::single(keys::FOUNDING);
        if self.get(&key)?.is_some() {
            return Err(StoreError::Founded);
        }
        let record = encode(&FoundingRecord {
            structure: founding.structure.to_bytes(),
            setup_key: Bytes::copy_from_slice(&founding.setup_key),
            token_key: Bytes::copy_from_slice(&founding.token_key),
        });
        self.put(key, record);
        Ok(())
    }

    /// Sequence of the structure head, as the group will leave it; 0 when empty.
    pub(super) fn structure_head(&mut self) -> Result<u64, StoreError> {
        if let Some(head) = self.structure_head {
            return Ok(head);
        }
        let from = keys::single(keys::STRUCTURE);
        let last = self
            .shared
            .backend
            .last_before(&from, &keys::after(&from))?;
        let head = match last {
            Some(key) => keys::trailing_seq(&key).ok_or(StoreError::Corrupt("structure key"))?,
            None => 0,
        };
        self.structure_head = Some(head);
        Ok(head)
    }

    /// See [`crate::store::Operation::AppendStatements`].
    pub(super) fn append_statements(
        &mut self,
        expected_head: u64,
        entries: Vec<StructureEntry>,
    ) -> Result<Outcome, StoreError> {
        if !self.append_structure(expected_head, &entries)? {
            return Ok(Outcome::Conflict);
        }
        let effects = match entries.is_empty() {
            true => Vec::new(),
            false => vec![Effect::Structure(entries)],
        };
        Ok(Outcome::Done(answer::Result::Done(Done {}), effects))
    }

    /// See [`crate::store::Store::enrol`]: `false` when the head moved.
    pub fn append_structure(
        &mut self,
        expected_head: u64,
        entries: &[StructureEntry],
    ) -> Result<bool, StoreError> {
        let head = self.structure_head()?;
        if head != expected_head {
            return Ok(false);
        }
        // Invariant: the sequence is dense.
        if !entries
            .iter()
            .map(|entry| entry.seq)
            .eq(head + 1..=head + entries.len() as u64)
        {
            return Err(StoreError::Corrupt("structure entries out of sequence"));
        }
        for entry in entries {
            self.put(keys::structure(entry.seq), entry.encode_to_vec().into());
        }
        self.structure_head = Some(head + entries.len() as u64);
        Ok(true)
    }
}

impl<B: Backend> Engine<B> {
    /// See [`crate::store::Store::note_restore`].
    pub fn note_restore(&mut self, at_least: u64) -> Result<u64, StoreError> {
        let key = keys::single(keys::RESTORES);
        let restores = restores(self.get(&key)?)?.saturating_add(1).max(at_least);
        self.put(key, Bytes::copy_from_slice(&restores.to_be_bytes()));
        Ok(restores)
    }
}

fn restores(stored: Option<Bytes>) -> Result<u64, StoreError> {
    stored.map_or(Ok(0), |bytes| {
        array(&bytes, "restores").map(u64::from_be_bytes)
    })
}

impl<B: Backend> Shared<B> {
    /// See [`crate::store::Store::restores`].
    pub fn load_restores(&self) -> Result<u64, StoreError> {
        restores(self.backend.get(&keys::single(keys::RESTORES))?)
    }

    /// See [`crate::store::Store::founding`].
    pub fn load_founding(&self) -> Result<Option<Founding>, StoreError> {
        let Some(bytes) = self.backend.get(&keys::single(keys::FOUNDING))? else {
            return Ok(None);
        };
        let record: FoundingRecord = decode(bytes, "founding record")?;
        Ok(Some(Founding {
            structure: StructureId(array(&record.structure, "founding record")?),
            setup_key: array(&record.setup_key, "founding record")?,
            token_key: array(&record.token_key, "founding record")?,
        }))
    }

    /// See [`crate::store::Store::read_structure`].
    pub fn load_structure(
        &self,
        after_seq: u64,
        max: usize,
    ) -> Result<Vec<StructureEntry>, StoreError> {
        let mut entries = Vec::new();
        if max == 0 || after_seq == u64::MAX {
            return Ok(entries);
        }
        let from = keys::structure(after_seq + 1);
        let to = keys::after(&[keys::STRUCTURE]);
        self.backend.range(&from, &to, &mut |_, value| {
            entries.push(decode(value, "structure entry")?);
            Ok(match entries.len() < max {
                true => ControlFlow::Continue(()),
                false => ControlFlow::Break(()),
            })
        })?;
        Ok(entries)
    }
}
