//! The one object of the library: a device's database, open, with its connection.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use relais_core::Engine;
use relais_core::driver::{Client, DatabaseKey, Options, now_ms};
use zeroize::Zeroizing;

use crate::error::RelaisError;
use crate::listener::{self, EventListener};
use crate::platform::{Connectivity, Platform, SecretStore};
use crate::records::state::SyncState;
use crate::runtime::{self, Cancellation, cancelled};

/// Name of the database's key in the app's secret store.
const KEY: &str = "eu.relais.database-key";
/// No command or query takes so long: the phone hangs.
const LIMIT: Duration = Duration::from_secs(60);

/// A device: what it knows, what it does, and its connection to the practice's server.
///
/// Every call may be made on any thread, the main one too: work runs on threads of the
/// library. A command returns once it is durable on this device; it is sent when there is a
/// connection, and the timeline shows its true state. A call whose caller goes away ends all
/// the same.
#[derive(uniffi::Object)]
pub struct Relais {
    client: Mutex<Option<Client>>,
    connectivity: Option<Arc<dyn Connectivity>>,
}

#[uniffi::export]
impl Relais {
    /// Opens the database at `path`, an absolute path in a folder that exists, and makes it
    /// the first time, with a key that goes to the secret store. Connects by itself once the
    /// device has joined.
    ///
    /// Fails with `Retry` and the code `busy` while another object or process has it open,
    /// or `secret_store_locked`; with `ReEnrol` and the code `key_missing` when there is a
    /// database and no key of it any more (`forget_database` makes room for another one);
    /// with `UpdateNeeded` when a newer app wrote it; with `Fatal` when it is damaged.
    #[uniffi::constructor]
    pub async fn open(path: String, platform: Platform) -> Result<Arc<Self>, RelaisError> {
        runtime::run(async move {
            let path = PathBuf::from(path);
            let (path, platform, key) = blocking(move || {
                let key = database_key(&path, &*platform.secrets)?;
                Ok((path, platform, key))
            })
            .await?;
            let mut options = Options::default();
            if let Some(clock) = platform.clock {
                options.clock = Arc::new(move || clock.now_ms().unwrap_or_else(|_| now_ms()));
            }
            let connectivity = platform.connectivity;
            options.network = is_online(connectivity.clone()).await?;
            let client = Client::open_with(&path, key, options).await?;
            Ok(Arc::new(Self {
                client: Mutex::new(Some(client)),
                connectivity,
            }))
        })
        .await
    }

    /// Ends the connection, writes everything into one file, closes it and erases keys from
    /// memory. Afterwards every call fails with `Fatal` and the code `closed`; the database
    /// can be opened again in the same process. On iOS, call it before the app is suspended:
    /// a suspended process that holds a file's lock is killed.
    ///
    /// Fails with `Fatal` and the code `closed` when it was closed before.
    pub async fn shutdown_and_close(&self) -> Result<(), RelaisError> {
        let client = self.lock().take();
        let client = client.ok_or_else(|| RelaisError::fatal("closed"))?;
        runtime::run(async move { Ok(client.shutdown().await?) }).await
    }

    /// Tells a listener what happens from now on. Cancelling the handle that this answers,
    /// or closing the object, ends it. Fails with `Fatal` after closing.
    pub fn subscribe(
        &self,
        listener: Arc<dyn EventListener>,
    ) -> Result<Arc<Cancellation>, RelaisError> {
        let client = self.client()?;
        let stop = Cancellation::new();
        listener::tell(&client, listener, stop.clone())?;
        Ok(stop)
    }

    /// The phone's network came, went or is another one: asks `Connectivity` and acts by it
    /// at once. Fails with `Fatal` after closing.
    pub async fn network_changed(&self) -> Result<(), RelaisError> {
        let client = self.client()?;
        let connectivity = self.connectivity.clone();
        runtime::run(async move {
            let online = is_online(connectivity).await?;
            Ok(client.set_network(online)?)
        })
        .await
    }

    /// Waits until the device is caught up and nothing waits, for at most `timeout_ms`
    /// milliseconds, and answers the state of then: for work in the background. Fails with
    /// `Retry` and the code `cancelled` when `cancellation` is cancelled; with `Fatal` after
    /// closing.
    pub async fn wait_until_synced(
        &self,
        timeout_ms: u64,
        cancellation: Option<Arc<Cancellation>>,
    ) -> Result<SyncState, RelaisError> {
        let client = self.client()?;
        runtime::run(async move {
            let synced = |engine: &mut Engine| {
                let state = engine.sync_state()?;
                Ok(state.caught_up && state.waiting == 0 && state.transfers == 0)
            };
            let timeout = Duration::from_millis(timeout_ms);
            tokio::select! {
                () = cancelled(cancellation) => return Err(RelaisError::retry("cancelled")),
                waited = client.wait_until(timeout, synced) => waited?,
            };
            let state = client.call(|engine| engine.sync_state()).await?;
            Ok(state.into())
        })
        .await
    }
}

/// Removes a database that cannot be opened any more, with its key: everything that only
/// this device knew is gone, and the device can join again with a new invitation.
///
/// Fails with `Retry` and the code `storage` when a file cannot be removed, and as the
/// secret store does.
#[uniffi::export]
pub async fn forget_database(
    path: String,
    secrets: Arc<dyn SecretStore>,
) -> Result<(), RelaisError> {
    let forget = move || {
        secrets.delete(KEY.to_owned())?;
        for suffix in ["", "-wal", "-shm"] {
            match std::fs::remove_file(format!("{path}{suffix}")) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(RelaisError::retry("storage"));
                }
                _ => {}
            }
        }
        Ok(())
    };
    runtime::run(blocking(forget)).await
}

impl Relais {
    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Client>> {
        self.client.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn client(&self) -> Result<Client, RelaisError> {
        let client = self.lock().clone();
        client.ok_or_else(|| RelaisError::fatal("closed"))
    }

    /// Runs a command or query on the engine's thread. One that panics ends this object: what
    /// it was about is rolled back when the database is opened again.
    ///
    /// # Errors
    /// Those of `work`; `Retry` with the code `timeout`; `Fatal` after closing.
    pub(crate) async fn call<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Engine) -> Result<T, RelaisError> + Send + 'static,
    ) -> Result<T, RelaisError> {
        let client = self.client()?;
        let answer = runtime::run(async move {
            let call = client.call(|engine| Ok(work(engine)));
            match tokio::time::timeout(LIMIT, call).await {
                Ok(answer) => answer?,
                Err(_) => Err(RelaisError::retry("timeout")),
            }
        });
        let answer = answer.await;
        if answer.as_ref().is_err_and(|error| error.code() == "closed") {
            // Nobody closed it: the engine's thread is gone.
            self.lock().take();
        }
        answer
    }
}

/// What may wait for a disk or for the app, on a thread that may.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, RelaisError> + Send + 'static,
) -> Result<T, RelaisError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|_| Err(RelaisError::fatal("panic")))
}

async fn is_online(connectivity: Option<Arc<dyn Connectivity>>) -> Result<bool, RelaisError> {
    match connectivity {
        Some(connectivity) => blocking(move || Ok(connectivity.is_online().unwrap_or(true))).await,
        None => Ok(true),
    }
}

/// The database's key. A new one is kept before there is anything that it opens.
fn database_key(path: &Path, secrets: &dyn SecretStore) -> Result<DatabaseKey, RelaisError> {
    if let Some(secret) = secrets.load(KEY.to_owned())? {
        let secret = Zeroizing::new(secret);
        let key: [u8; 32] = secret
            .as_slice()
            .try_into()
            .map_err(|_| RelaisError::re_enrol("key_missing"))?;
        return Ok(DatabaseKey(key));
    }
    if std::fs::metadata(path).is_ok_and(|file| file.len() > 0) {
        return Err(RelaisError::re_enrol("key_missing"));
    }
    let mut key = Zeroizing::new([0; 32]);
    getrandom::fill(&mut *key).map_err(|_| RelaisError::fatal("randomness"))?;
    secrets.store(KEY.to_owned(), key.to_vec())?;
    Ok(DatabaseKey(*key))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::task::{Context, Waker};

    use super::*;
    use crate::error::PlatformError;

    #[derive(Default)]
    struct Secrets(Mutex<BTreeMap<String, Vec<u8>>>);

    impl SecretStore for Secrets {
        fn load(&self, name: String) -> Result<Option<Vec<u8>>, PlatformError> {
            Ok(self.0.lock().expect("secrets").get(&name).cloned())
        }

        fn store(&self, name: String, secret: Vec<u8>) -> Result<(), PlatformError> {
            self.0.lock().expect("secrets").insert(name, secret);
            Ok(())
        }

        fn delete(&self, name: String) -> Result<(), PlatformError> {
            self.0.lock().expect("secrets").remove(&name);
            Ok(())
        }
    }

    struct Phone {
        path: String,
        platform: Platform,
        _folder: tempfile::TempDir,
    }

    impl Phone {
        fn new() -> Self {
            let folder = tempfile::tempdir().expect("folder");
            Self {
                path: folder.path().join("relais.db").display().to_string(),
                platform: Platform {
                    secrets: Arc::new(Secrets::default()),
                    connectivity: None,
                    clock: None,
                },
                _folder: folder,
            }
        }

        async fn open(&self) -> Result<Arc<Relais>, RelaisError> {
            Relais::open(self.path.clone(), self.platform.clone()).await
        }
    }

    #[tokio::test]
    async fn a_call_that_panics_ends_the_object_and_the_database_opens_again() {
        let phone = Phone::new();
        let relais = phone.open().await.expect("opened");
        let language = relais.set_setting("language".into(), Some("fr".into()));
        language.await.expect("kept");
        let broken = relais.call::<()>(|engine| {
            engine.set_setting("language", Some("en"))?;
            panic!("on purpose")
        });
        let broken = broken.await.expect_err("it panicked");
        assert!(matches!(broken, RelaisError::Fatal { .. }), "{broken:?}");
        let after = relais.sync_state().await.expect_err("ended");
        assert_eq!(after.code(), "closed");
        let again = phone.open().await.expect("opened again");
        let language = again.setting("language".into()).await.expect("read");
        assert!(language.is_some(), "what was kept before is kept");
        again.shutdown_and_close().await.expect("closed");
    }

    #[tokio::test]
    async fn a_call_whose_caller_goes_away_is_done_all_the_same() {
        let phone = Phone::new();
        let relais = phone.open().await.expect("opened");
        let mut call = Box::pin(relais.set_setting("draft".into(), Some("bonjour".into())));
        let begun = call.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        drop(call);
        assert!(begun.is_pending(), "nobody waited for it");
        for _ in 0..1_000 {
            let draft = relais.setting("draft".into()).await.expect("read");
            if draft.as_deref() == Some("bonjour") {
                relais.shutdown_and_close().await.expect("closed");
                return;
            }
        }
        panic!("the call ended with its caller");
    }
}
