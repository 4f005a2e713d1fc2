//! The live structure: what the log says up to its head, and the one way in for
//! new statements. Durability is the store's; who is told, the hub's.

use std::sync::Arc;

use bytes::Bytes;
use parking_lot::RwLock;
use prost::Message;
use relais_wire::RefusalCode;
use relais_wire::ids::DeviceId;
use relais_wire::limits;
use relais_wire::structure::{Device, Structure};
use relais_wire::v1::{LogHead, Statement, StatementKind, StructureEntry};

use crate::error::Refused;
use crate::restored::Seals;
use crate::store::{Store, StoreError};

/// Entries read from the store at a time.
const PAGE: usize = 256;

/// The structure log, replayed.
pub struct StructureLog {
    live: RwLock<Arc<Structure>>,
    /// Held from building entries to their effect on `live`, so that entries are
    /// built on the head that they are written to.
    pub writing: tokio::sync::Mutex<()>,
}

impl StructureLog {
    /// Replays the store's log.
    pub async fn load(store: &dyn Store) -> Result<Self, StoreError> {
        let log = Self {
            live: RwLock::default(),
            writing: tokio::sync::Mutex::new(()),
        };
        log.catch_up(store).await?;
        Ok(log)
    }

    /// The structure as it is now.
    pub fn now(&self) -> Arc<Structure> {
        self.live.read().clone()
    }

    /// Entries after `after_seq`, at most `max`, up to the live head, each with its seal: a
    /// device that reads no further can still prove what it has.
    pub async fn read(
        &self,
        store: &dyn Store,
        seals: &Seals,
        after_seq: u64,
        max: usize,
    ) -> Result<Vec<StructureEntry>, StoreError> {
        let structure = self.now();
        let mut entries = store.read_structure(after_seq, max).await?;
        entries.retain(|entry| entry.seq <= structure.head().seq);
        for entry in &mut entries {
            let hash = structure.hash_at(entry.seq);
            let hash = hash.ok_or(StoreError::Corrupt("structure log"))?;
            let (seq, hash) = (entry.seq, hash.to_vec().into());
            entry.seal = seals.seal_structure(&LogHead { seq, hash }).into();
        }
        Ok(entries)
    }

    /// Puts a structure in place whose entries are durable.
    pub fn replace(&self, structure: Structure) {
        *self.live.write() = Arc::new(structure);
    }

    /// Applies what the store has beyond the live head.
    pub async fn catch_up(&self, store: &dyn Store) -> Result<(), StoreError> {
        let mut structure = self.now().as_ref().clone();
        loop {
            let entries = store.read_structure(structure.head().seq, PAGE).await?;
            if entries.is_empty() {
                self.replace(structure);
                return Ok(());
            }
            for entry in &entries {
                let applied = structure.apply(entry);
                applied.map_err(|_| StoreError::Corrupt("structure log"))?;
            }
        }
    }

    /// The device, if its chain holds now.
    pub fn valid_device(&self, id: &DeviceId, now_ms: u64) -> Option<Device> {
        let structure = self.now();
        structure
            .valid_device(id, structure.head().seq, now_ms)
            .cloned()
    }
}

/// Builds the entries of `statements` on top of `structure`: all or none.
pub fn extend(
    structure: &Structure,
    statements: &[Bytes],
    time_ms: u64,
) -> Result<(Structure, Vec<StructureEntry>), Refused> {
    if statements.is_empty() || statements.len() > limits::STATEMENTS_PER_REQUEST {
        return Err(RefusalCode::Malformed.into());
    }
    let mut next = structure.clone();
    let entries = statements
        .iter()
        .map(|statement| next.append(statement.clone(), time_ms))
        .collect::<Result<Vec<_>, _>>()?;
    Ok((next, entries))
}

/// The kinds of encoded statements.
pub fn kinds(statements: &[Bytes]) -> Result<Vec<StatementKind>, Refused> {
    statements
        .iter()
        .map(|bytes| {
            if bytes.len() > limits::STATEMENT_BYTES {
                return Err(RefusalCode::TooLarge.into());
            }
            Ok(Statement::decode(bytes.clone())?.kind())
        })
        .collect()
}

/// What a connected device may say: everything but what enrolment says.
pub fn sayable(kind: StatementKind) -> bool {
    !matches!(
        kind,
        StatementKind::Unspecified
            | StatementKind::StructureCreated
            | StatementKind::ProfessionalEnrolled
            | StatementKind::DeviceLinked
    )
}
