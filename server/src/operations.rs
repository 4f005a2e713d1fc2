//! What a device asks for: from a request to its durable answer. Every refusal is
//! remembered by the store under the request's counter, so that a repetition hears
//! the same (architecture D10); only "try again later" is not.

use std::collections::BTreeSet;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use prost::Message;
use relais_wire::ids::{ChannelId, DeviceId, ProfessionalId};
use relais_wire::label::{self, Label};
use relais_wire::structure::PublicKey;
use relais_wire::v1::send::Operation as Asked;
use relais_wire::v1::{
    Answer, AppendMessage, AppendStatements, ClaimKeyPackages, CreateChannel, PublishKeyPackages,
    Refusal, Send, SendToDevice, answer,
};
use relais_wire::{RefusalCode, limits};

use crate::app::App;
use crate::channels;
use crate::error::Refused;
use crate::key_packages;
use crate::store::{Applied, Effect, Operation, StoreError, Write};
use crate::structure_log;

/// Times that statements are rebuilt on a head that moved.
const CONFLICTS: usize = 8;

/// The authenticated device behind a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Caller {
    /// Its id.
    pub device: DeviceId,
    /// Whose device it is.
    pub professional: ProfessionalId,
    /// Its key, as the structure log says.
    pub key: PublicKey,
}

/// A request's identity.
#[derive(Debug, Clone, Copy)]
pub struct Request {
    /// Who asks.
    pub caller: Caller,
    /// Idempotency key together with the device.
    pub send_counter: u64,
    /// Recognises a repetition.
    pub hash: [u8; 32],
    /// Server time at which it is judged.
    pub now_ms: u64,
}

/// A request on its way.
pub enum Begun {
    /// Done.
    Answered(Answer),
    /// Handed to the store in order; others may follow meanwhile.
    Writing(BoxFuture<'static, Answer>),
}

/// Begins a request. Messages are handed to the store in the order of the calls
/// and share its flushes; everything else is carried out before this returns.
pub async fn begin(app: &Arc<App>, caller: Caller, send: Send) -> Begun {
    let request = Request {
        caller,
        send_counter: send.send_counter,
        hash: label::hash(Label::RequestHash, &[&send.encode_to_vec()]),
        now_ms: app.now_ms(),
    };
    let refused = |code| Begun::Answered(refusal(request.send_counter, code));
    if request.send_counter == 0 {
        return refused(RefusalCode::Malformed);
    }
    if app
        .structure
        .valid_device(&caller.device, request.now_ms)
        .is_none()
    {
        return refused(RefusalCode::DeviceRevoked);
    }
    if let Some(Asked::AppendMessage(message)) = send.operation {
        return append_message(app, request, message).await;
    }
    // A repetition is answered before any check: the world has moved on since.
    let recalled = app
        .store
        .recall(caller.device, request.send_counter, request.hash);
    match recalled.await {
        Ok(None) => {}
        Ok(Some(Ok(answer))) => return Begun::Answered(answer),
        Ok(Some(Err(code))) => return refused(code),
        Err(error) => return refused(Refused::from(error).0),
    }
    let answered = match send.operation {
        Some(Asked::AppendCommit(commit)) => {
            Ok(channels::append_commit(app, request, commit).await)
        }
        Some(Asked::RebootChannel(reboot)) => {
            Ok(channels::reboot_channel(app, request, reboot).await)
        }
        Some(Asked::AppendStatements(statements)) => {
            Ok(append_statements(app, request, statements).await)
        }
        Some(Asked::CreateChannel(create)) => create_channel(app, request, create).await,
        Some(Asked::PublishKeyPackages(publish)) => {
            publish_key_packages(app, request, publish).await
        }
        Some(Asked::ClaimKeyPackages(claim)) => claim_key_packages(app, request, claim).await,
        Some(Asked::SendToDevice(item)) => send_to_device(app, request, item).await,
        Some(Asked::AppendMessage(_)) | None => Err(RefusalCode::Malformed.into()),
    };
    Begun::Answered(match answered {
        Ok(answer) => answer,
        Err(Refused(code)) => refuse(app, request, code).await,
    })
}

/// An answer that refuses.
pub fn refusal(send_counter: u64, code: RefusalCode) -> Answer {
    let refusal = Refusal { code: code.into() };
    Answer {
        send_counter,
        result: Some(answer::Result::Refusal(refusal)),
    }
}

/// Hands an operation to the store.
pub async fn write(
    app: &App,
    request: Request,
    operation: Operation,
) -> Result<Applied, StoreError> {
    let write = Write {
        device: request.caller.device,
        send_counter: request.send_counter,
        request_hash: request.hash,
        now_ms: request.now_ms,
        operation,
    };
    app.store.write(write).await
}

/// Refuses a request and remembers that.
pub async fn refuse(app: &App, request: Request, code: RefusalCode) -> Answer {
    if code == RefusalCode::Unavailable {
        return refusal(request.send_counter, code);
    }
    finish(
        app,
        write(app, request, Operation::Refuse(code)).await,
        request,
    )
}

/// Publishes what a write did and takes its answer.
fn finish(app: &App, applied: Result<Applied, StoreError>, request: Request) -> Answer {
    match applied {
        Ok(applied) => {
            app.hub.publish(applied.effects, None);
            applied.answer
        }
        Err(error) => refusal(request.send_counter, Refused::from(error).0),
    }
}

async fn append_message(app: &Arc<App>, request: Request, message: AppendMessage) -> Begun {
    let Request {
        caller,
        send_counter,
        now_ms,
        ..
    } = request;
    let store = app.store.as_ref();
    let checked =
        channels::check_message(&app.channels, store, &caller, send_counter, message, now_ms);
    let operation = match checked.await {
        Ok(message) => Operation::AppendMessage(message),
        Err(Refused(RefusalCode::Unavailable)) => {
            return Begun::Answered(refusal(send_counter, RefusalCode::Unavailable));
        }
        Err(Refused(code)) => Operation::Refuse(code),
    };
    let app = app.clone();
    Begun::Writing(Box::pin(async move {
        let applied = write(&app, request, operation).await;
        finish(&app, applied, request)
    }))
}

async fn create_channel(
    app: &App,
    request: Request,
    create: CreateChannel,
) -> Result<Answer, Refused> {
    let channel = ChannelId::try_from(&create.channel_id)?;
    let structure = app.structure.now();
    let Request { caller, now_ms, .. } = request;
    let checked = app.heavy(move || channels::check_creation(&structure, &caller, create, now_ms));
    let (new, _) = checked.await.map_err(|_| RefusalCode::InvalidCommit)??;
    debug_assert_eq!(new.channel, channel);
    let applied = write(app, request, Operation::CreateChannel(new)).await;
    Ok(finish(app, applied, request))
}

async fn append_statements(app: &App, request: Request, asked: AppendStatements) -> Answer {
    let writing = app.structure.writing.lock().await;
    for _ in 0..CONFLICTS {
        let structure = app.structure.now();
        let built = structure_log::kinds(&asked.statements).and_then(|kinds| {
            if kinds.into_iter().all(structure_log::sayable) {
                structure_log::extend(&structure, &asked.statements, request.now_ms)
            } else {
                Err(RefusalCode::Forbidden.into())
            }
        });
        let (next, entries) = match built {
            Ok(built) => built,
            Err(Refused(code)) => return refuse(app, request, code).await,
        };
        let operation = Operation::AppendStatements {
            expected_head: structure.head().seq,
            entries,
        };
        match write(app, request, operation).await {
            Ok(applied) if applied.conflict => {
                if let Err(error) = app.structure.catch_up(app.store.as_ref()).await {
                    return refusal(request.send_counter, Refused::from(error).0);
                }
            }
            Ok(applied) => {
                let wrote = |e: &Effect| matches!(e, Effect::Structure(_));
                if applied.effects.iter().any(wrote) {
                    app.structure.replace(next);
                    drop(writing);
                    app.structure_changed();
                }
                return applied.answer;
            }
            Err(error) => {
                // It may have been written all the same: believe only the store.
                let refused = Refused::from(error);
                if let Err(error) = app.structure.catch_up(app.store.as_ref()).await {
                    tracing::error!(%error, "structure log after a failed write");
                }
                return refusal(request.send_counter, refused.0);
            }
        }
    }
    refusal(request.send_counter, RefusalCode::Unavailable)
}

async fn publish_key_packages(
    app: &App,
    request: Request,
    publish: PublishKeyPackages,
) -> Result<Answer, Refused> {
    let structure = app.structure.now();
    let caller = request.caller;
    let checked = app.heavy(move || key_packages::check_publication(&structure, &caller, publish));
    let operation = checked.await.map_err(|_| RefusalCode::Malformed)??;
    Ok(finish(app, write(app, request, operation).await, request))
}

async fn claim_key_packages(
    app: &App,
    request: Request,
    claim: ClaimKeyPackages,
) -> Result<Answer, Refused> {
    if claim.device_ids.is_empty() || claim.device_ids.len() > limits::CLAIMS_PER_REQUEST {
        return Err(RefusalCode::Malformed.into());
    }
    let mut distinct = BTreeSet::new();
    let mut devices = Vec::new();
    for id in &claim.device_ids {
        let id = DeviceId::try_from(id)?;
        if !distinct.insert(id) {
            return Err(RefusalCode::Malformed.into());
        }
        if app.structure.valid_device(&id, request.now_ms).is_some() {
            devices.push(id);
        }
    }
    let operation = Operation::ClaimKeyPackages(devices);
    Ok(finish(app, write(app, request, operation).await, request))
}

async fn send_to_device(
    app: &App,
    request: Request,
    item: SendToDevice,
) -> Result<Answer, Refused> {
    let device = DeviceId::try_from(&item.device_id)?;
    if item.kem_output.len() + item.ciphertext.len() > limits::SEALED_BYTES {
        return Err(RefusalCode::TooLarge.into());
    }
    if item.kem_output.is_empty() || item.ciphertext.is_empty() {
        return Err(RefusalCode::Malformed.into());
    }
    if app
        .structure
        .valid_device(&device, request.now_ms)
        .is_none()
    {
        return Err(RefusalCode::NotFound.into());
    }
    let operation = Operation::SendToDevice {
        device,
        kem_output: item.kem_output,
        ciphertext: item.ciphertext,
    };
    Ok(finish(app, write(app, request, operation).await, request))
}
