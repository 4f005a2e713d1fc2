//! A wire with a meter: connections go through it to the server, and it counts the
//! bytes in both directions.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use relais_wire::link::Link;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::Outcome;

/// What passed, bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Passed {
    pub up: u64,
    pub down: u64,
}

/// See the module's head.
pub struct Wire {
    url: String,
    counts: Arc<[AtomicU64; 2]>,
}

impl Wire {
    /// A wire to the server at `address`; it ends with the program.
    pub async fn to(address: &str) -> Outcome<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        let counts = Arc::<[AtomicU64; 2]>::default();
        let (address, shared) = (address.to_owned(), counts.clone());
        tokio::spawn(async move {
            while let Ok((device, _)) = listener.accept().await {
                tokio::spawn(carry(device, address.clone(), shared.clone()));
            }
        });
        Ok(Self { url, counts })
    }

    /// The same link, through this wire.
    pub fn lead(&self, link: &str) -> Outcome<String> {
        let mut link: Link = link.parse()?;
        link.server_url.clone_from(&self.url);
        Ok(link.to_string())
    }

    /// Since the last call.
    pub fn take(&self) -> Passed {
        let [up, down] = &*self.counts;
        Passed {
            up: up.swap(0, Ordering::Relaxed),
            down: down.swap(0, Ordering::Relaxed),
        }
    }
}

async fn carry(device: TcpStream, address: String, counts: Arc<[AtomicU64; 2]>) {
    let Ok(server) = TcpStream::connect(address).await else {
        return; // The device sees its connection closed.
    };
    // Small frames must not wait for one another here.
    let _ = (device.set_nodelay(true), server.set_nodelay(true));
    let (from_device, to_device) = device.into_split();
    let (from_server, to_server) = server.into_split();
    tokio::join!(
        copy(from_device, to_server, &counts[0]),
        copy(from_server, to_device, &counts[1]),
    );
}

async fn copy(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    count: &AtomicU64,
) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(length @ 1..) = from.read(&mut buffer).await {
        count.fetch_add(length as u64, Ordering::Relaxed);
        if to.write_all(&buffer[..length]).await.is_err() {
            break;
        }
    }
    let _ = to.shutdown().await;
}
