//! Structure entries that a restored server has lost, given back by whoever holds
//! them. They need nobody's word: each is signed by its author, and the seal on the
//! last one says that this server once had exactly these.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use prost::Message;
use relais_wire::structure::Structure;
use relais_wire::v1::{RestoreStructureRequest, RestoreStructureResponse, StructureEntry};
use relais_wire::{RefusalCode, limits};

use super::{admit, body};
use crate::app::App;
use crate::error::{Refused, protobuf};

/// `POST /v1/structure/restore`: appends lost entries; answers with the head.
pub async fn restore(State(app): State<Arc<App>>, request: Request) -> Result<Response, Refused> {
    admit(&app)?;
    let asked = RestoreStructureRequest::decode(body(request, limits::RESTORE_BYTES).await?)?;
    let _writing = app.structure.writing.lock().await;
    let structure = app.structure.now();
    let head = structure.head();
    let lost: Vec<StructureEntry> = asked
        .entries
        .into_iter()
        // Another device may have been first.
        .filter(|entry| entry.seq > head.seq)
        .collect();
    let Some(last) = lost.last() else {
        return Ok(answer(&structure));
    };
    let seal = last.seal.clone();
    let judged = tokio::task::spawn_blocking(move || replay(&structure, lost));
    let (next, entries) = judged.await.map_err(|_| RefusalCode::Malformed)??;
    if !app.mac.sealed(&next.head(), &seal) {
        return Err(RefusalCode::BadSignature.into());
    }
    match app.store.enrol(head.seq, entries).await {
        Ok(true) => app.structure.replace(next),
        Ok(false) => app.structure.catch_up(app.store.as_ref()).await?,
        Err(error) => {
            // It may have been written all the same: believe only the store.
            app.structure.catch_up(app.store.as_ref()).await?;
            return Err(error.into());
        }
    }
    app.structure_changed();
    app.found_restored(0).await?;
    Ok(answer(&app.structure.now()))
}

/// The structure after the lost entries, which are as the store keeps them.
fn replay(
    structure: &Structure,
    lost: Vec<StructureEntry>,
) -> Result<(Structure, Vec<StructureEntry>), Refused> {
    let mut next = structure.clone();
    let mut entries = Vec::with_capacity(lost.len());
    for mut entry in lost {
        entry.seal = Default::default();
        // Of another history, or forged: which one is not worth telling.
        next.apply(&entry).map_err(|_| RefusalCode::RuleBroken)?;
        entries.push(entry);
    }
    Ok((next, entries))
}

fn answer(structure: &Structure) -> Response {
    let answer = RestoreStructureResponse {
        structure_head: Some(structure.head()),
    };
    protobuf(StatusCode::OK, &answer)
}
