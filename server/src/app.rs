//! Everything that a running server shares, and its life: start, background work,
//! shutdown.

use std::sync::Arc;
use std::time::Duration;

use relais_wire::limits;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tokio::task::{JoinError, JoinHandle};

use crate::accept::accept;
use crate::blobs::Blobs;
use crate::channels::Channels;
use crate::config::{Config, origin};
use crate::error::Refused;
use crate::http;
use crate::hub::Hub;
use crate::limiter::Limiter;
use crate::mac::MacKey;
use crate::restored::{Restored, Seals};
use crate::store::{Founding, Store, StoreError};
use crate::structure_log::StructureLog;
use crate::tokens::Tokens;
use relais_wire::ids::DeviceId;

/// Time that open connections have to end by themselves at shutdown.
const GRACE: Duration = Duration::from_secs(4);

/// Why a server does not start.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// `init` did not run on this store.
    #[error("the data folder has no structure yet: run `relais-server init` first")]
    NotFounded,
    /// The store does not open or its structure log does not replay.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Folders or the socket.
    #[error("{0}")]
    Io(#[from] std::io::Error),
}

/// Shared by all requests and connections.
pub struct App {
    /// What is durable.
    pub store: Arc<dyn Store>,
    /// What the server was started with.
    pub config: Config,
    /// Where its own pages come from.
    pub origin: Option<String>,
    /// The founding record.
    pub founding: Founding,
    /// The live structure.
    pub structure: StructureLog,
    /// Who is connected.
    pub hub: Hub,
    /// Rosters and public groups in memory.
    pub channels: Channels,
    /// Blob bytes.
    pub blobs: Blobs,
    /// What this server recognises as its own.
    pub mac: Arc<MacKey>,
    /// What it knows as an entry of its own logs.
    pub seals: Arc<Seals>,
    /// Bearer tokens.
    pub tokens: Tokens,
    /// Whether the store was restored from a backup.
    pub restored: Restored,
    /// Requests without a device, for the whole server.
    pub unauthenticated: Limiter<()>,
    /// Uploads begun, by device.
    pub uploads: Limiter<DeviceId>,
    /// Open sockets.
    pub connections: Arc<Semaphore>,
    /// Open sockets that have not said hello.
    pub greeting: Arc<Semaphore>,
    /// One connect at a time for each group of devices: the lease that the store
    /// took last and the connection that the hub keeps are then the same one.
    pub connecting: [tokio::sync::Mutex<()>; 16],
}

impl App {
    /// Loads everything from the store.
    pub async fn open(store: Arc<dyn Store>, config: Config) -> Result<Arc<Self>, ServeError> {
        let founding = store.founding().await?.ok_or(ServeError::NotFounded)?;
        let structure = StructureLog::load(store.as_ref()).await?;
        let blobs = Blobs::open(&config.data).await?;
        if let Err(Refused(code)) = blobs.recover(store.as_ref()).await {
            tracing::error!(?code, "spool files are left for later");
        }
        let mac = Arc::new(MacKey::new(founding.token_key));
        let restored = Restored::load(store.as_ref()).await?;
        let seals = Arc::new(Seals::new(mac.clone(), restored.number()));
        Ok(Arc::new(Self {
            tokens: Tokens::new(mac.clone()),
            mac,
            restored,
            structure,
            blobs,
            origin: config.public_url.as_deref().and_then(origin),
            founding,
            store,
            config,
            hub: Hub::new(seals.clone()),
            seals,
            channels: Channels::default(),
            unauthenticated: Limiter::new(60_000, limits::UNAUTHENTICATED_PER_MINUTE),
            uploads: Limiter::new(3_600_000, limits::BLOBS_PER_HOUR),
            connections: Arc::new(Semaphore::new(limits::CONNECTIONS)),
            greeting: Arc::new(Semaphore::new(limits::UNAUTHENTICATED_CONNECTIONS)),
            connecting: Default::default(),
        }))
    }

    /// Server time.
    pub fn now_ms(&self) -> u64 {
        (self.config.clock)()
    }

    /// Runs a heavy check off the async threads, or here ([`Config::one_thread`]).
    ///
    /// # Errors
    /// When it panicked on its own thread.
    pub async fn heavy<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, JoinError> {
        if self.config.one_thread {
            return Ok(work());
        }
        tokio::task::spawn_blocking(work).await
    }

    /// Tells the connections that the live structure moved.
    pub fn structure_changed(&self) {
        let (now_ms, structure) = (self.now_ms(), self.structure.now());
        let head = structure.head().seq;
        let valid = |id: &DeviceId| structure.valid_device(id, head, now_ms).is_some();
        self.hub.structure_changed(valid);
    }
}

/// A running server. Dropping it ends its connections without waiting for anything
/// and leaves the store open; [`Server::shutdown`] ends it cleanly.
pub struct Server {
    /// What it shares, for tests and embedding.
    pub app: Arc<App>,
    stop: watch::Sender<bool>,
    tasks: Vec<JoinHandle<()>>,
}

/// Serves on a bound socket until [`Server::shutdown`].
pub async fn serve(
    listener: TcpListener,
    store: Arc<dyn Store>,
    config: Config,
) -> Result<Server, ServeError> {
    let mut server = embed(store, config).await?;
    let router = http::router(server.app.clone());
    let accepting = accept(listener, router, server.stop.subscribe());
    server.tasks.insert(0, tokio::spawn(accepting));
    Ok(server)
}

/// A server without a socket: who embeds it hands connections to
/// [`crate::ws::serve`] and requests to [`crate::http::router`].
///
/// # Errors
/// As [`serve`].
pub async fn embed(store: Arc<dyn Store>, config: Config) -> Result<Server, ServeError> {
    let app = App::open(store, config).await?;
    let (stop, stopped) = watch::channel(false);
    let background = tokio::spawn(background(app.clone(), stopped));
    Ok(Server {
        app,
        stop,
        tasks: vec![background],
    })
}

impl Server {
    /// Ends connections, waits for what they had begun, and closes the store.
    pub async fn shutdown(mut self) -> Result<(), StoreError> {
        self.stop.send_replace(true);
        self.app.hub.close_all();
        for task in std::mem::take(&mut self.tasks) {
            let mut task = task;
            if tokio::time::timeout(GRACE, &mut task).await.is_err() {
                task.abort();
            }
        }
        // Connections and the requests they had begun each hold a permit.
        let all = u32::try_from(limits::CONNECTIONS).unwrap_or(u32::MAX);
        let ended = self.app.connections.acquire_many(all);
        if tokio::time::timeout(GRACE, ended).await.is_err() {
            tracing::warn!("connections are cut off");
        }
        self.app.store.close().await
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.send_replace(true);
        self.app.hub.close_all();
        for task in &self.tasks {
            task.abort();
        }
    }
}

async fn background(app: Arc<App>, mut stopped: watch::Receiver<bool>) {
    let mut cursors = tokio::time::interval(Duration::from_millis(limits::CURSORS_MS));
    let mut lapses = tokio::time::interval(Duration::from_secs(30));
    let mut expiry = tokio::time::interval(Duration::from_millis(limits::EXPIRE_MS));
    loop {
        tokio::select! {
            biased;
            // An error means that the handle is gone: stop as well.
            _ = stopped.changed() => return,
            _ = cursors.tick() => app.hub.tick(),
            _ = lapses.tick() => {
                let now_ms = app.now_ms();
                app.hub.close_invalid(|id| app.structure.valid_device(id, now_ms).is_some());
            }
            _ = expiry.tick() => match app.store.expire(app.now_ms()).await {
                Ok(blobs) => app.blobs.expire(blobs).await,
                Err(error) => tracing::error!(%error, "expiry"),
            },
        }
    }
}
