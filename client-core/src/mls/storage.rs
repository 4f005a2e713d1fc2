//! OpenMLS state in one SQLite table, on the caller's connection.
//!
//! Owns the table `mls` and the layout of its keys. Leaves transactions to the caller: nothing here
//! begins, commits or rolls back, so that MLS state, event rows, cursor and outbox become durable
//! together or not at all. A group that was in memory while a transaction was rolled back must be
//! dropped and loaded again.
//!
//! A row's key is a label, a zero byte and the JSON of what OpenMLS names the value by. Its value is
//! MessagePack with named fields: OpenMLS serializes keys and trees as lists of numbers, which take
//! more than twice the room and time in JSON. Lists (own leaf nodes, queued proposals) are one row
//! each: they hold a handful of items, encoded one by one, and are always read whole.

mod messagepack;

use std::cell::Cell;

use openmls::prelude::GroupId;
use openmls_traits::storage::{CURRENT_VERSION as V, StorageProvider, traits};
use rusqlite::{Connection, OptionalExtension, ffi, params};
use serde::{Serialize, de::DeserializeOwned};
use zeroize::Zeroizing;

/// The table that [`SqlStorage`] works on. `WITHOUT ROWID`: rows are only ever looked up by their
/// key.
pub const SCHEMA: &str = "CREATE TABLE IF NOT EXISTS mls (
    key   BLOB PRIMARY KEY,
    value BLOB NOT NULL
) STRICT, WITHOUT ROWID;";

const QUEUED_PROPOSALS: &str = "QueuedProposals";
const OWN_LEAF_NODES: &str = "OwnLeafNodes";
const EPOCH_KEY_PAIRS: &str = "EpochKeyPairs";

/// Why MLS state could not be read or written. The operation must be rolled back and the group
/// loaded again.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// The database refused or failed.
    #[error("MLS state: database: {0}")]
    Sql(#[from] rusqlite::Error),
    /// A key has no JSON form.
    #[error("MLS state: key: {0}")]
    Key(#[from] serde_json::Error),
    /// A value has no MessagePack form.
    #[error("MLS state: encoding: {0}")]
    Encode(#[from] rmp_serde::encode::Error),
    /// A stored value does not have the shape that this OpenMLS version expects.
    #[error("MLS state: decoding: {0}")]
    Decode(#[from] messagepack::DecodeError),
}

type Result<T, E = StorageError> = std::result::Result<T, E>;

/// What the database last refused. OpenMLS wraps it in errors that look like a defect of the
/// message in hand; whoever judges a message asks here first.
#[derive(Debug, Default)]
pub struct Refusal(Cell<Option<ffi::Error>>);

impl Refusal {
    /// The refusal since the last call, as the database's own error.
    pub fn take(&self) -> Option<rusqlite::Error> {
        let code = self.0.take()?;
        Some(rusqlite::Error::SqliteFailure(code, None))
    }

    fn note(&self, error: &rusqlite::Error) {
        if let rusqlite::Error::SqliteFailure(code, _) = error {
            self.0.set(Some(*code));
        }
    }
}

/// OpenMLS's storage, on a connection whose transaction belongs to the caller.
#[derive(Debug, Clone, Copy)]
pub struct SqlStorage<'a> {
    conn: &'a Connection,
    refusal: &'a Refusal,
}

impl<'a> SqlStorage<'a> {
    /// Works on the table `mls` of `conn`, which must exist (see [`SCHEMA`]).
    pub fn new(conn: &'a Connection, refusal: &'a Refusal) -> Self {
        Self { conn, refusal }
    }

    fn execute(&self, sql: &str, params: impl rusqlite::Params) -> Result<()> {
        let done = self
            .conn
            .prepare_cached(sql)
            .and_then(|mut statement| statement.execute(params));
        done.map(drop).map_err(|error| {
            self.refusal.note(&error);
            error.into()
        })
    }

    fn put(
        &self,
        label: &str,
        key: &impl Serialize,
        value: &(impl Serialize + ?Sized),
    ) -> Result<()> {
        let value = Zeroizing::new(rmp_serde::to_vec_named(value)?);
        self.execute(
            "INSERT OR REPLACE INTO mls (key, value) VALUES (?1, ?2)",
            params![row_key(label, key)?, *value],
        )
    }

    fn get<T: DeserializeOwned>(&self, label: &str, key: &impl Serialize) -> Result<Option<T>> {
        let read = self
            .conn
            .prepare_cached("SELECT value FROM mls WHERE key = ?1");
        read.inspect_err(|error| self.refusal.note(error))?
            // Parsed from SQLite's own memory, so that no second copy of the secrets is made.
            .query_row([row_key(label, key)?], |row| {
                Ok(messagepack::from_slice(row.get_ref(0)?.as_blob()?))
            })
            .optional()
            .inspect_err(|error| self.refusal.note(error))?
            .transpose()
            .map_err(StorageError::from)
    }

    fn delete(&self, label: &str, key: &impl Serialize) -> Result<()> {
        self.execute("DELETE FROM mls WHERE key = ?1", [row_key(label, key)?])
    }

    /// Deletes everything that is stored of a group, readable or not.
    ///
    /// # Errors
    /// Of the database.
    pub fn forget(&self, group_id: &GroupId) -> Result<()> {
        self.delete_group_config(group_id)?;
        self.delete_tree(group_id)?;
        self.delete_interim_transcript_hash(group_id)?;
        self.delete_context(group_id)?;
        self.delete_confirmation_tag(group_id)?;
        self.delete_group_state(group_id)?;
        self.delete_message_secrets(group_id)?;
        self.delete_all_resumption_psk_secrets(group_id)?;
        self.delete_own_leaf_index(group_id)?;
        self.delete_group_epoch_secrets(group_id)?;
        self.delete_own_leaf_nodes(group_id)?;
        self.delete(QUEUED_PROPOSALS, group_id)?;
        // One row for each epoch and leaf: the key is a list that begins with the id.
        let mut first = row_key(EPOCH_KEY_PAIRS, &[group_id])?;
        first.pop();
        let mut last = first.clone();
        last.push(u8::MAX);
        self.execute(
            "DELETE FROM mls WHERE key BETWEEN ?1 AND ?2",
            params![first, last],
        )
    }

    fn read_list<T: DeserializeOwned>(&self, label: &str, key: &impl Serialize) -> Result<Vec<T>> {
        Ok(self.get(label, key)?.unwrap_or_default())
    }

    /// Reads a list, lets `change` edit it, and stores it; an emptied list leaves no row behind.
    fn edit_list<T: Serialize + DeserializeOwned>(
        &self,
        label: &str,
        key: &impl Serialize,
        change: impl FnOnce(&mut Vec<T>),
    ) -> Result<()> {
        let mut list = self.read_list(label, key)?;
        change(&mut list);
        if list.is_empty() {
            self.delete(label, key)
        } else {
            self.put(label, key, &list)
        }
    }
}

/// A proposal's reference and the proposal, each encoded.
type Queued = (Vec<u8>, Vec<u8>);

fn item_of<T: DeserializeOwned>(bytes: &[u8]) -> Result<T> {
    Ok(messagepack::from_slice(bytes)?)
}

fn row_key(label: &str, key: &impl Serialize) -> Result<Vec<u8>> {
    let mut out = label.as_bytes().to_vec();
    // A label holds no zero byte and JSON holds none either: two labels never share a key.
    out.push(0);
    serde_json::to_writer(&mut out, key)?;
    Ok(out)
}

/// The three trait methods of a value that is stored whole under one key: write, read, delete. Type
/// parameters are spelled out because the trait orders them differently from method to method.
macro_rules! value {
    ($label:literal:
        $write:ident<$($w:ident: $wt:ident),+>,
        $read:ident<$($r:ident: $rt:ident),+>,
        $delete:ident<$dt:ident>
    ) => {
        fn $write<$($w: traits::$wt<V>),+>(&self, key: &K, value: &T) -> Result<()> {
            self.put($label, key, value)
        }

        fn $read<$($r: traits::$rt<V>),+>(&self, key: &K) -> Result<Option<T>> {
            self.get($label, key)
        }

        fn $delete<K: traits::$dt<V>>(&self, key: &K) -> Result<()> {
            self.delete($label, key)
        }
    };
}

impl StorageProvider<V> for SqlStorage<'_> {
    type Error = StorageError;

    value!("MlsGroupJoinConfig":
        write_mls_join_config<K: GroupId, T: MlsGroupJoinConfig>,
        mls_group_join_config<K: GroupId, T: MlsGroupJoinConfig>,
        delete_group_config<GroupId>
    );
    value!("Tree":
        write_tree<K: GroupId, T: TreeSync>,
        tree<K: GroupId, T: TreeSync>,
        delete_tree<GroupId>
    );
    value!("InterimTranscriptHash":
        write_interim_transcript_hash<K: GroupId, T: InterimTranscriptHash>,
        interim_transcript_hash<K: GroupId, T: InterimTranscriptHash>,
        delete_interim_transcript_hash<GroupId>
    );
    value!("GroupContext":
        write_context<K: GroupId, T: GroupContext>,
        group_context<K: GroupId, T: GroupContext>,
        delete_context<GroupId>
    );
    value!("ConfirmationTag":
        write_confirmation_tag<K: GroupId, T: ConfirmationTag>,
        confirmation_tag<K: GroupId, T: ConfirmationTag>,
        delete_confirmation_tag<GroupId>
    );
    value!("GroupState":
        write_group_state<T: GroupState, K: GroupId>,
        group_state<T: GroupState, K: GroupId>,
        delete_group_state<GroupId>
    );
    value!("MessageSecrets":
        write_message_secrets<K: GroupId, T: MessageSecrets>,
        message_secrets<K: GroupId, T: MessageSecrets>,
        delete_message_secrets<GroupId>
    );
    value!("ResumptionPskStore":
        write_resumption_psk_store<K: GroupId, T: ResumptionPskStore>,
        resumption_psk_store<K: GroupId, T: ResumptionPskStore>,
        delete_all_resumption_psk_secrets<GroupId>
    );
    value!("OwnLeafIndex":
        write_own_leaf_index<K: GroupId, T: LeafNodeIndex>,
        own_leaf_index<K: GroupId, T: LeafNodeIndex>,
        delete_own_leaf_index<GroupId>
    );
    value!("GroupEpochSecrets":
        write_group_epoch_secrets<K: GroupId, T: GroupEpochSecrets>,
        group_epoch_secrets<K: GroupId, T: GroupEpochSecrets>,
        delete_group_epoch_secrets<GroupId>
    );
    value!("SignatureKeyPair":
        write_signature_key_pair<K: SignaturePublicKey, T: SignatureKeyPair>,
        signature_key_pair<K: SignaturePublicKey, T: SignatureKeyPair>,
        delete_signature_key_pair<SignaturePublicKey>
    );
    value!("EncryptionKeyPair":
        write_encryption_key_pair<K: EncryptionKey, T: HpkeKeyPair>,
        encryption_key_pair<T: HpkeKeyPair, K: EncryptionKey>,
        delete_encryption_key_pair<EncryptionKey>
    );
    value!("KeyPackage":
        write_key_package<K: HashReference, T: KeyPackage>,
        key_package<K: HashReference, T: KeyPackage>,
        delete_key_package<HashReference>
    );
    value!("Psk":
        write_psk<K: PskId, T: PskBundle>,
        psk<T: PskBundle, K: PskId>,
        delete_psk<PskId>
    );

    fn write_encryption_epoch_key_pairs<
        K: traits::GroupId<V>,
        E: traits::EpochKey<V>,
        T: traits::HpkeKeyPair<V>,
    >(
        &self,
        group_id: &K,
        epoch: &E,
        leaf_index: u32,
        key_pairs: &[T],
    ) -> Result<()> {
        self.put(EPOCH_KEY_PAIRS, &(group_id, epoch, leaf_index), key_pairs)
    }

    fn encryption_epoch_key_pairs<
        K: traits::GroupId<V>,
        E: traits::EpochKey<V>,
        T: traits::HpkeKeyPair<V>,
    >(
        &self,
        group_id: &K,
        epoch: &E,
        leaf_index: u32,
    ) -> Result<Vec<T>> {
        self.read_list(EPOCH_KEY_PAIRS, &(group_id, epoch, leaf_index))
    }

    fn delete_encryption_epoch_key_pairs<K: traits::GroupId<V>, E: traits::EpochKey<V>>(
        &self,
        group_id: &K,
        epoch: &E,
        leaf_index: u32,
    ) -> Result<()> {
        self.delete(EPOCH_KEY_PAIRS, &(group_id, epoch, leaf_index))
    }

    fn append_own_leaf_node<K: traits::GroupId<V>, T: traits::LeafNode<V>>(
        &self,
        group_id: &K,
        leaf_node: &T,
    ) -> Result<()> {
        let leaf_node = rmp_serde::to_vec_named(leaf_node)?;
        self.edit_list(OWN_LEAF_NODES, group_id, |list: &mut Vec<Vec<u8>>| {
            list.push(leaf_node)
        })
    }

    fn own_leaf_nodes<K: traits::GroupId<V>, T: traits::LeafNode<V>>(
        &self,
        group_id: &K,
    ) -> Result<Vec<T>> {
        let list: Vec<Vec<u8>> = self.read_list(OWN_LEAF_NODES, group_id)?;
        list.iter().map(|item| item_of(item)).collect()
    }

    fn delete_own_leaf_nodes<K: traits::GroupId<V>>(&self, group_id: &K) -> Result<()> {
        self.delete(OWN_LEAF_NODES, group_id)
    }

    // Reference and proposal live in the same list, so neither can be there without the other.
    fn queue_proposal<
        K: traits::GroupId<V>,
        R: traits::ProposalRef<V>,
        T: traits::QueuedProposal<V>,
    >(
        &self,
        group_id: &K,
        proposal_ref: &R,
        proposal: &T,
    ) -> Result<()> {
        let item = (
            rmp_serde::to_vec_named(proposal_ref)?,
            rmp_serde::to_vec_named(proposal)?,
        );
        self.edit_list(QUEUED_PROPOSALS, group_id, |list: &mut Vec<Queued>| {
            list.retain(|(queued, _)| *queued != item.0);
            list.push(item);
        })
    }

    fn queued_proposal_refs<K: traits::GroupId<V>, R: traits::ProposalRef<V>>(
        &self,
        group_id: &K,
    ) -> Result<Vec<R>> {
        let list: Vec<Queued> = self.read_list(QUEUED_PROPOSALS, group_id)?;
        list.iter().map(|(queued, _)| item_of(queued)).collect()
    }

    fn queued_proposals<
        K: traits::GroupId<V>,
        R: traits::ProposalRef<V>,
        T: traits::QueuedProposal<V>,
    >(
        &self,
        group_id: &K,
    ) -> Result<Vec<(R, T)>> {
        let list: Vec<Queued> = self.read_list(QUEUED_PROPOSALS, group_id)?;
        list.iter()
            .map(|(queued, proposal)| Ok((item_of(queued)?, item_of(proposal)?)))
            .collect()
    }

    fn remove_proposal<K: traits::GroupId<V>, R: traits::ProposalRef<V>>(
        &self,
        group_id: &K,
        proposal_ref: &R,
    ) -> Result<()> {
        let removed = rmp_serde::to_vec_named(proposal_ref)?;
        self.edit_list(QUEUED_PROPOSALS, group_id, |list: &mut Vec<Queued>| {
            list.retain(|(queued, _)| *queued != removed);
        })
    }

    fn clear_proposal_queue<K: traits::GroupId<V>, R: traits::ProposalRef<V>>(
        &self,
        group_id: &K,
    ) -> Result<()> {
        self.delete(QUEUED_PROPOSALS, group_id)
    }
}

#[cfg(test)]
mod tests;
