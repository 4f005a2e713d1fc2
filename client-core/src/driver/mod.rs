//! The native driver: one thread that owns the engine, a WebSocket, HTTP requests
//! and the clock. Feature `native`; a browser has its own.
//!
//! Owns: opening the database file, reconnecting, back-off. Leaves every decision
//! about content and order to the engine.

mod database;
mod network;
mod run;

use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{SystemTime, UNIX_EPOCH};

use tokio::sync::{Mutex, broadcast, mpsc, oneshot};

use crate::engine::{Engine, Event};
use crate::error::{Error, Result};

pub use database::{DatabaseKey, open_database};

/// Events kept for a listener that is slow; one that falls behind is told how
/// many it missed and reads the state again.
const EVENTS: usize = 1024;

/// Tells the time: milliseconds since the Unix epoch. Called on the engine's thread.
pub type Clock = Arc<dyn Fn() -> u64 + Send + Sync>;

/// What a client is opened with besides its database.
#[derive(Clone)]
pub struct Options {
    /// The device's clock; another one for tests.
    pub clock: Clock,
    /// Whether there is a network, as far as the platform knows
    /// ([`Client::set_network`]).
    pub network: bool,
}

impl Default for Options {
    /// This machine's clock, and a network.
    fn default() -> Self {
        Self {
            clock: Arc::new(now_ms),
            network: true,
        }
    }
}

/// What a handle asks of the thread.
enum Job {
    /// A command or query.
    Work(Box<dyn FnOnce(&mut Engine) + Send>),
    /// Whether there is a network.
    Network(bool),
}

/// A handle to an engine that runs on a thread of its own. Cloning it is cheap;
/// the thread ends with [`Client::shutdown`] or with the last handle.
#[derive(Clone)]
pub struct Client {
    jobs: mpsc::UnboundedSender<Job>,
    events: broadcast::Sender<Event>,
    stop: mpsc::Sender<oneshot::Sender<Result<()>>>,
    thread: Arc<Mutex<Option<JoinHandle<()>>>>,
}

/// Milliseconds since the Unix epoch, by this machine's clock.
pub fn now_ms() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.map_or(0, |d| d.as_millis() as u64)
}

impl Client {
    /// Opens the database and starts the engine.
    ///
    /// # Errors
    /// [`Error::WrongKey`], [`Error::Busy`], or of the database.
    pub async fn open(path: &Path, key: DatabaseKey) -> Result<Self> {
        Self::open_with(path, key, Options::default()).await
    }

    /// As [`Client::open`], with options.
    ///
    /// # Errors
    /// As [`Client::open`].
    pub async fn open_with(path: &Path, key: DatabaseKey, options: Options) -> Result<Self> {
        let (jobs, job_queue) = mpsc::unbounded_channel();
        let (stop, stop_queue) = mpsc::channel(1);
        let (events, _) = broadcast::channel(EVENTS);
        let (opened, result) = oneshot::channel();
        let path = path.to_owned();
        let listeners = events.clone();
        let body = move || {
            let engine =
                open_database(&path, &key).and_then(|db| Engine::open(db, (options.clock)()));
            let engine = match engine {
                Ok(engine) => engine,
                Err(error) => {
                    let _ = opened.send(Err(error));
                    return;
                }
            };
            let _ = opened.send(Ok(()));
            run::run(engine, job_queue, stop_queue, listeners, options);
        };
        let thread = std::thread::Builder::new()
            .name("relais-engine".into())
            // OpenMLS recurses over the tree of a group.
            .stack_size(8 * 1024 * 1024)
            .spawn(body)
            .map_err(|_| Error::Closed)?;
        if let Err(error) = result.await.map_err(|_| Error::Closed).flatten() {
            join(thread).await;
            return Err(error);
        }
        Ok(Self {
            jobs,
            events,
            stop,
            thread: Arc::new(Mutex::new(Some(thread))),
        })
    }

    /// Runs a command or query on the engine's thread.
    ///
    /// # Errors
    /// Those of `work`; [`Error::Closed`] after shutdown, or when `work` panicked: the
    /// database is closed then.
    pub async fn call<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Engine) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (answer, result) = oneshot::channel();
        let job = Box::new(move |engine: &mut Engine| {
            let _ = answer.send(work(engine));
        });
        // Without a thread the job goes, and the answer with it.
        let _ = self.jobs.send(Job::Work(job));
        match result.await {
            Ok(result) => result,
            Err(_) => {
                self.ended().await;
                Err(Error::Closed)
            }
        }
    }

    /// Waits for the end of the thread, which is about to end: then the database is closed.
    async fn ended(&self) {
        // Whoever asks meanwhile waits for the same end.
        let mut thread = self.thread.lock().await;
        if let Some(thread) = thread.take() {
            join(thread).await;
        }
    }

    /// What the platform says of the network. Without one the client does not try to
    /// connect; when there is one, it connects at once, also when it was connected: the
    /// way to the server may be another one now.
    ///
    /// # Errors
    /// [`Error::Closed`] after shutdown.
    pub fn set_network(&self, there: bool) -> Result<()> {
        let told = self.jobs.send(Job::Network(there));
        told.map_err(|_| Error::Closed)
    }

    /// Events from now on.
    pub fn events(&self) -> broadcast::Receiver<Event> {
        self.events.subscribe()
    }

    /// Waits until `condition` holds, looking again after each event; `false` when
    /// `timeout` passed first.
    ///
    /// # Errors
    /// Those of `condition`; [`Error::Closed`] after shutdown.
    pub async fn wait_until<F>(&self, timeout: std::time::Duration, condition: F) -> Result<bool>
    where
        F: Fn(&mut Engine) -> Result<bool> + Send + Sync + Clone + 'static,
    {
        let mut events = self.events();
        let deadline = tokio::time::Instant::now() + timeout;
        loop {
            if self.call(condition.clone()).await? {
                return Ok(true);
            }
            match tokio::time::timeout_at(deadline, events.recv()).await {
                Err(_) => return self.call(condition).await,
                Ok(Err(broadcast::error::RecvError::Closed)) => return Err(Error::Closed),
                Ok(_) => {}
            }
        }
    }

    /// Ends the connection, closes the database and waits for the end of the thread.
    ///
    /// # Errors
    /// Of closing the database; [`Error::Closed`] when it was closed before.
    pub async fn shutdown(self) -> Result<()> {
        let (done, result) = oneshot::channel();
        self.stop.send(done).await.map_err(|_| Error::Closed)?;
        let closed = result.await.map_err(|_| Error::Closed)?;
        self.ended().await;
        closed
    }
}

/// Waits for a thread that is about to end. A process that exits first would have
/// SQLCipher's libraries clear away under the thread what the thread clears away
/// itself, and now and then abort.
async fn join(thread: JoinHandle<()>) {
    // A panic of the thread was seen when its answer did not come.
    let _ = tokio::task::spawn_blocking(move || thread.join()).await;
}
