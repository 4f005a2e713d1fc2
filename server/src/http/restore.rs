//! Structure entries that a restored server has lost, given back by whoever holds
//! them. They need nobody's word: each is signed by its author, and the seal on the
//! last one says that this server once had exactly these. Where something was stated
//! meanwhile, they are stated again after it.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use prost::Message;
use prost::bytes::Bytes;
use relais_wire::structure::Structure;
use relais_wire::v1::{LogHead, RestoreStructureRequest, RestoreStructureResponse, StructureEntry};
use relais_wire::{RefusalCode, chain, limits};

use super::{admit, body};
use crate::app::App;
use crate::error::{Refused, protobuf};

/// `POST /v1/structure/restore`: appends lost entries; answers with the head, and how far
/// the asking device's log is the same.
pub async fn restore(State(app): State<Arc<App>>, request: Request) -> Result<Response, Refused> {
    admit(&app)?;
    let asked = RestoreStructureRequest::decode(body(request, limits::RESTORE_BYTES).await?)?;
    if asked.known.len() > limits::LANDMARKS {
        return Err(RefusalCode::Malformed.into());
    }
    if !asked.entries.is_empty() {
        give_back(&app, asked.entries).await?;
    }
    let structure = app.structure.now();
    let common = asked.known.iter().find(|entry| structure.has(entry));
    let answer = RestoreStructureResponse {
        structure_head: Some(structure.head()),
        common_seq: common.map_or(0, |entry| entry.seq),
    };
    Ok(protobuf(StatusCode::OK, &answer))
}

async fn give_back(app: &App, entries: Vec<StructureEntry>) -> Result<(), Refused> {
    let _writing = app.structure.writing.lock().await;
    let structure = app.structure.now();
    let lost = Lost::read(&structure, entries)?;
    let life = app.seals.structure_sealed(&lost.last, &lost.seal);
    let life = life.ok_or(RefusalCode::BadSignature)?;
    if lost.entries.is_empty() {
        return Ok(()); // Another device was first.
    }
    let expected = structure.head().seq;
    let next = app.heavy(move || lost.put_back(&structure)).await;
    let (next, entries) = next.map_err(|_| RefusalCode::Malformed)??;
    match app.store.enrol(expected, entries).await {
        Ok(true) => app.structure.replace(next),
        Ok(false) => app.structure.catch_up(app.store.as_ref()).await?,
        Err(error) => {
            // It may have been written all the same: believe only the store.
            app.structure.catch_up(app.store.as_ref()).await?;
            return Err(error.into());
        }
    }
    app.structure_changed();
    // What an earlier life lost was noticed when that ended.
    if app.seals.is_lost(life) {
        app.found_restored(life).await?;
    }
    Ok(())
}

/// Entries that followed one that the live log has.
struct Lost {
    /// Those that the live log has not.
    entries: Vec<StructureEntry>,
    last: LogHead,
    seal: Bytes,
}

impl Lost {
    fn read(structure: &Structure, given: Vec<StructureEntry>) -> Result<Self, Refused> {
        let after = given.first().and_then(|entry| entry.seq.checked_sub(1));
        let mut seq = after.ok_or(RefusalCode::Malformed)?;
        // Of another history, or forged: which one is not worth telling.
        let mut hash = *structure.hash_at(seq).ok_or(RefusalCode::RuleBroken)?;
        let (mut entries, mut seal) = (Vec::new(), Bytes::new());
        for mut entry in given {
            if entry.seq != seq + 1 {
                return Err(RefusalCode::Malformed.into());
            }
            seq = entry.seq;
            hash = chain::structure_entry(&hash, &entry);
            seal = std::mem::take(&mut entry.seal);
            if structure.hash_at(seq) != Some(&hash) {
                entries.push(entry);
            }
        }
        let hash = hash.to_vec().into();
        let last = LogHead { seq, hash };
        Ok(Self {
            entries,
            last,
            seal,
        })
    }

    /// The structure with the lost entries, and these as the store keeps them: as they
    /// were where nothing was stated meanwhile, else stated again.
    fn put_back(self, structure: &Structure) -> Result<(Structure, Vec<StructureEntry>), Refused> {
        let first = self.entries.first().map_or(0, |entry| entry.seq);
        if first <= structure.head().seq {
            return Ok(structure.state_again(self.entries));
        }
        let mut next = structure.clone();
        for entry in &self.entries {
            next.apply(entry).map_err(|_| RefusalCode::RuleBroken)?;
        }
        Ok((next, self.entries))
    }
}
