//! What happens before there is a device: enrolment, and the structure log for the
//! holder of an enrolment key.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use bytes::Bytes;
use prost::Message;
use relais_wire::ids::DeviceId;
use relais_wire::label::{self, Label};
use relais_wire::structure::Structure;
use relais_wire::v1::{
    EnrolRequest, EnrolResponse, LogHead, Statement, StatementKind, StructureCreated,
    StructureEntry, StructureLogRequest, StructureLogResponse,
};
use relais_wire::{RefusalCode, limits};
use sha2::{Digest, Sha256};

use super::{admit, body};
use crate::app::App;
use crate::error::{Refused, protobuf};
use crate::structure_log::{extend, kinds};

/// Entries in one answer.
const PAGE: usize = 128;
/// Times that an enrolment is rebuilt on a head that moved.
const CONFLICTS: usize = 8;

const SET_UP: [StatementKind; 3] = [
    StatementKind::StructureCreated,
    StatementKind::CoordinatorCertified,
    StatementKind::DeviceAdded,
];
const INVITATION: [StatementKind; 2] = [
    StatementKind::ProfessionalEnrolled,
    StatementKind::DeviceAdded,
];
const LINK: [StatementKind; 1] = [StatementKind::DeviceLinked];
const RETURN: [StatementKind; 2] = [StatementKind::DeviceRevoked, StatementKind::DeviceAdded];

/// `POST /v1/structure/log`: for the holder of an open invitation, of a person or of
/// a device, and for every device that the log knows. A revoked one may see that it
/// was revoked, and a linked one that its use of the link counted.
pub async fn structure_log(
    State(app): State<Arc<App>>,
    request: Request,
) -> Result<Response, Refused> {
    admit(&app)?;
    let asked = StructureLogRequest::decode(body(request, limits::STATEMENT_BYTES).await?)?;
    let structure = app.structure.now();
    let signed = asked.after_seq.to_be_bytes();
    let verify = |key: &[u8]| {
        let label = Label::StructureLogRequest;
        label::verify(key, label, &signed, &asked.signature)
    };
    if asked.device_id.is_empty() {
        verify(&asked.enrolment_key)?;
        if !structure.is_open(&asked.enrolment_key, app.now_ms()) {
            return Err(RefusalCode::InvitationInvalid.into());
        }
    } else {
        let device = DeviceId::try_from(&asked.device_id)?;
        verify(&structure.device(&device).ok_or(RefusalCode::NotFound)?.key)?;
    }
    let entries = app
        .structure
        .read(app.store.as_ref(), &app.seals, asked.after_seq, PAGE)
        .await?;
    let last = entries.last().map_or(asked.after_seq, |entry| entry.seq);
    let answer = StructureLogResponse {
        more: last < app.structure.now().head().seq,
        entries,
    };
    Ok(protobuf(StatusCode::OK, &answer))
}

/// `POST /v1/enrol`: a set-up, an invitation, a link or a return; repeating one that succeeded
/// succeeds again, because its answer may have been lost.
pub async fn enrol(State(app): State<Arc<App>>, request: Request) -> Result<Response, Refused> {
    admit(&app)?;
    let asked = EnrolRequest::decode(body(request, 4 * limits::STATEMENT_BYTES).await?)?;
    let kinds = kinds(&asked.statements)?;
    if kinds == SET_UP {
        check_set_up(&app, &asked)?;
    } else {
        let known = kinds == INVITATION || kinds == LINK || kinds == RETURN;
        if !known || !asked.setup_signature.is_empty() {
            return Err(RefusalCode::Malformed.into());
        }
    }
    let _writing = app.structure.writing.lock().await;
    for _ in 0..CONFLICTS {
        let structure = app.structure.now();
        if let Some(head) = said_before(&app, &structure, &asked.statements).await? {
            return Ok(enrolled(head));
        }
        if kinds == SET_UP && structure.head().seq != 0 {
            return Err(RefusalCode::AlreadyExists.into());
        }
        let (next, entries) = extend(&structure, &asked.statements, app.now_ms())?;
        let head = next.head();
        match app.store.enrol(structure.head().seq, entries).await {
            Ok(true) => {
                app.structure.replace(next);
                app.structure_changed();
                return Ok(enrolled(head));
            }
            Ok(false) => app.structure.catch_up(app.store.as_ref()).await?,
            Err(error) => {
                // It may have been written all the same: believe only the store.
                app.structure.catch_up(app.store.as_ref()).await?;
                return Err(error.into());
            }
        }
    }
    Err(RefusalCode::Unavailable.into())
}

fn enrolled(head: LogHead) -> Response {
    let structure_head = Some(head);
    protobuf(StatusCode::OK, &EnrolResponse { structure_head })
}

fn check_set_up(app: &App, asked: &EnrolRequest) -> Result<(), Refused> {
    let mut digests = Vec::with_capacity(3 * 32);
    for statement in &asked.statements {
        digests.extend_from_slice(&Sha256::digest(statement));
    }
    label::verify(
        &app.founding.setup_key,
        Label::Enrol,
        &digests,
        &asked.setup_signature,
    )?;
    let first = asked.statements.first().ok_or(RefusalCode::Malformed)?;
    let created = StructureCreated::decode(Statement::decode(first.clone())?.body)?;
    if created.structure_id != app.founding.structure.to_bytes() {
        return Err(RefusalCode::Forbidden.into());
    }
    let suite = app.config.ciphersuite.map(u32::from);
    if suite.is_some_and(|suite| suite != created.ciphersuite) {
        return Err(RefusalCode::RuleBroken.into());
    }
    Ok(())
}

/// The head at which exactly these statements were appended, if they were.
async fn said_before(
    app: &App,
    structure: &Structure,
    statements: &[Bytes],
) -> Result<Option<LogHead>, Refused> {
    let Some(after) = position(structure, statements) else {
        return Ok(None);
    };
    let said: Vec<StructureEntry> = app.store.read_structure(after, statements.len()).await?;
    let same = said.len() == statements.len()
        && said
            .iter()
            .zip(statements)
            .all(|(entry, s)| entry.statement == *s);
    // The present head serves as well: the device reads the log from its start.
    Ok(same.then(|| structure.head()))
}

/// Where the last statement would have put the first one: a `DeviceAdded`, or a
/// `DeviceLinked`, which begins like one.
fn position(structure: &Structure, statements: &[Bytes]) -> Option<u64> {
    let last = Statement::decode(statements.last()?.clone()).ok()?;
    let added = relais_wire::v1::DeviceAdded::decode(last.body).ok()?;
    let id = DeviceId::try_from(&added.device_id).ok()?;
    let device = structure.device(&id)?;
    device.added_seq.checked_sub(statements.len() as u64)
}
