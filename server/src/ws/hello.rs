//! The first frames of a connection: challenge, hello, ready. Afterwards the server
//! knows which device it speaks to, and that its database was not restored or
//! cloned (architecture D10).

use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::Message;
use futures_util::{SinkExt, StreamExt};
use prost::Message as _;
use relais_wire::ids::{DeviceId, StructureId};
use relais_wire::label::{self, Label};
use relais_wire::v1::{
    Challenge, ClientFrame, Hello, HelloBody, Ready, client_frame, server_frame,
};
use relais_wire::{PROTOCOL_VERSION, RefusalCode, limits};

use super::{Transport, encode};
use crate::app::App;
use crate::error::Refused;
use crate::hub::Wake;
use crate::operations::Caller;
use crate::store::{Connected, Presented};

/// Longest lease: 16 random bytes are enough.
const LEASE_BYTES: usize = 64;

/// A connection whose device is known.
pub struct Greeted {
    /// Its device.
    pub caller: Caller,
    /// How others reach the connection.
    pub wake: Arc<Wake>,
}

/// Why there is no session.
pub enum Ended {
    /// The device is told.
    Refused(RefusalCode),
    /// Nobody is there any more.
    Gone,
}

impl From<RefusalCode> for Ended {
    fn from(code: RefusalCode) -> Self {
        Self::Refused(code)
    }
}

impl From<Refused> for Ended {
    fn from(refused: Refused) -> Self {
        Self::Refused(refused.0)
    }
}

impl From<axum::Error> for Ended {
    fn from(_: axum::Error) -> Self {
        Self::Gone
    }
}

/// Runs the opening of a connection.
pub async fn greet<T: Transport>(app: &Arc<App>, socket: &mut T) -> Result<Greeted, Ended> {
    let mut nonce = [0; 32];
    (app.config.random)(&mut nonce).map_err(|_| RefusalCode::Unavailable)?;
    let challenge = Challenge {
        nonce: nonce.to_vec().into(),
        time_ms: app.now_ms(),
        structure_id: app.founding.structure.to_bytes(),
    };
    let patience = Duration::from_millis(limits::HELLO_MS);
    let hello = tokio::time::timeout(patience, async {
        socket
            .send(encode(server_frame::Frame::Challenge(challenge)))
            .await?;
        first_frame(socket).await
    });
    let hello = hello.await.map_err(|_| Ended::Gone)??;
    let (caller, body) = verify(app, &nonce, &hello)?;
    let (wake, connected) = connect(app, &caller, body).await?;
    let greeted = Greeted { caller, wake };
    let now_ms = app.now_ms();
    let (token, token_expires_ms) = app.tokens.issue(caller.device, now_ms);
    let ready = Ready {
        token,
        token_expires_ms,
        send_counter: connected.send_counter,
        structure_head: Some(app.structure.now().head()),
        time_ms: now_ms,
        receipt: connected.receipt,
        restores: app.restored.count(),
    };
    let sent = socket.send(encode(server_frame::Frame::Ready(ready))).await;
    if sent.is_err() {
        app.hub.disconnect(&greeted.wake);
        return Err(Ended::Gone);
    }
    Ok(greeted)
}

async fn first_frame<T: Transport>(socket: &mut T) -> Result<Hello, Ended> {
    loop {
        match socket.next().await {
            Some(Ok(Message::Binary(bytes))) => {
                let frame = ClientFrame::decode(bytes).map_err(|_| RefusalCode::Malformed)?;
                return match frame.frame {
                    Some(client_frame::Frame::Hello(hello)) => Ok(hello),
                    _ => Err(RefusalCode::Malformed.into()),
                };
            }
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
            Some(Ok(Message::Text(_))) => return Err(RefusalCode::Malformed.into()),
            Some(Ok(Message::Close(_)) | Err(_)) | None => return Err(Ended::Gone),
        }
    }
}

fn verify(app: &App, nonce: &[u8; 32], hello: &Hello) -> Result<(Caller, HelloBody), Refused> {
    let body = HelloBody::decode(hello.body.clone())?;
    if body.protocol_version != PROTOCOL_VERSION {
        return Err(RefusalCode::UnsupportedVersion.into());
    }
    if StructureId::try_from(&body.structure_id)? != app.founding.structure {
        return Err(RefusalCode::NotFound.into());
    }
    let device = DeviceId::try_from(&body.device_id)?;
    let leases = [&body.lease, &body.previous_lease];
    if body.lease.is_empty() || leases.iter().any(|lease| lease.len() > LEASE_BYTES) {
        return Err(RefusalCode::Malformed.into());
    }
    let structure = app.structure.now();
    let known = structure.device(&device).ok_or(RefusalCode::NotFound)?;
    label::verify(&known.key, Label::Hello, &hello.body, &hello.signature)?;
    if body.nonce != nonce.as_slice() {
        return Err(RefusalCode::BadSignature.into());
    }
    let (head, now_ms) = (structure.head().seq, app.now_ms());
    if structure.valid_device(&device, head, now_ms).is_none() {
        return Err(RefusalCode::DeviceRevoked.into());
    }
    let caller = Caller {
        device,
        professional: known.professional,
        key: known.key,
    };
    Ok((caller, body))
}

/// What a device is told of its connection.
struct Accepted {
    send_counter: u64,
    receipt: bytes::Bytes,
}

async fn connect(
    app: &App,
    caller: &Caller,
    body: HelloBody,
) -> Result<(Arc<Wake>, Accepted), Refused> {
    let group = usize::from(caller.device.0[0]) % app.connecting.len();
    let _one_at_a_time = app.connecting[group].lock().await;
    let device = caller.device;
    let presented = Presented {
        proved: app.mac.proved(device, &body.previous_lease, &body.receipt),
        lease: body.lease.clone(),
        previous_lease: body.previous_lease,
        send_counter: body.send_counter,
    };
    match app.store.connect(device, presented).await? {
        Connected::CloneSuspected => Err(RefusalCode::CloneSuspected.into()),
        Connected::Accepted {
            send_counter,
            connection,
            restored,
        } => {
            if restored {
                app.found_restored(0).await?;
            }
            let receipt = app.mac.receipt(device, connection, &body.lease).into();
            let wake = app.hub.connect(caller.device);
            // A revocation that came in between found no connection to end.
            if app
                .structure
                .valid_device(&caller.device, app.now_ms())
                .is_none()
            {
                app.hub.disconnect(&wake);
                return Err(RefusalCode::DeviceRevoked.into());
            }
            let accepted = Accepted {
                send_counter,
                receipt,
            };
            Ok((wake, accepted))
        }
    }
}
