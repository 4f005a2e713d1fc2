//! Sockets: how many, how long they may dawdle over a request's head, and their end
//! at shutdown. What they ask is the router's.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1::Builder;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use relais_wire::limits;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};

/// Time that open requests have to end at shutdown.
const GRACE: Duration = Duration::from_secs(3);

/// Accepts until `stopped`. At most `limits::CONNECTIONS` sockets speak HTTP at a
/// time; further ones wait in the system's queue. A WebSocket leaves this count.
pub async fn accept(listener: TcpListener, router: Router, mut stopped: watch::Receiver<bool>) {
    let open = Arc::new(Semaphore::new(limits::CONNECTIONS));
    let mut builder = Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(Duration::from_millis(limits::HELLO_MS));
    loop {
        let Ok(permit) = open.clone().acquire_owned().await else {
            break;
        };
        let stream = tokio::select! {
            stream = next(&listener) => stream,
            // An error means that the handle is gone: stop as well.
            _ = stopped.changed() => break,
        };
        let service = TowerToHyperService::new(router.clone());
        let connection = builder.serve_connection(TokioIo::new(stream), service);
        let mut connection = Box::pin(connection.with_upgrades());
        let mut stopped = stopped.clone();
        tokio::spawn(async move {
            // A broken connection is its peer's affair.
            tokio::select! {
                _ = connection.as_mut() => {}
                _ = stopped.changed() => {
                    connection.as_mut().graceful_shutdown();
                    let _ = tokio::time::timeout(GRACE, connection).await;
                }
            }
            drop(permit);
        });
    }
    drop(listener);
    let all = u32::try_from(limits::CONNECTIONS).unwrap_or(u32::MAX);
    if tokio::time::timeout(GRACE, open.acquire_many(all))
        .await
        .is_err()
    {
        tracing::warn!("requests are cut off");
    }
}

async fn next(listener: &TcpListener) -> TcpStream {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                // Small frames must not wait for each other's acknowledgement.
                let _ = stream.set_nodelay(true);
                return stream;
            }
            Err(error) => {
                // Out of file descriptors, for one: they come back.
                tracing::warn!(kind = ?error.kind(), "accepting a connection");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}
