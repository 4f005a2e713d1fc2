//! Where work runs: on threads of the library's own. Whoever polls a future does nothing
//! but wait for an answer, so an app may call from its main thread; and work that was begun
//! ends, also when the caller goes away.

use std::future::Future;
use std::sync::{Arc, OnceLock};

use tokio::runtime::{Builder, Runtime};
use tokio::sync::watch;

use crate::error::RelaisError;

fn runtime() -> Result<&'static Runtime, RelaisError> {
    static RUNTIME: OnceLock<Option<Runtime>> = OnceLock::new();
    let make = || {
        let mut builder = Builder::new_multi_thread();
        builder.worker_threads(2).thread_name("relais");
        builder.enable_time().build().ok()
    };
    let runtime = RUNTIME.get_or_init(make);
    runtime
        .as_ref()
        .ok_or_else(|| RelaisError::fatal("threads"))
}

/// Runs `work` to its end on the library's threads and waits for what it says.
///
/// # Errors
/// Those of `work`; `Fatal` with the code `panic` when it panicked.
pub(crate) async fn run<T: Send + 'static>(
    work: impl Future<Output = Result<T, RelaisError>> + Send + 'static,
) -> Result<T, RelaisError> {
    let task = runtime()?.spawn(work);
    task.await
        .unwrap_or_else(|_| Err(RelaisError::fatal("panic")))
}

/// Lets `work` go on by itself.
///
/// # Errors
/// `Fatal` when the system gives no threads.
pub(crate) fn go(work: impl Future<Output = ()> + Send + 'static) -> Result<(), RelaisError> {
    runtime()?.spawn(work);
    Ok(())
}

/// Ends a waiting call before its time. One handle may be given to several calls; it stays
/// cancelled.
#[derive(uniffi::Object)]
pub struct Cancellation {
    cancelled: watch::Sender<bool>,
}

#[uniffi::export]
impl Cancellation {
    /// A handle that is not cancelled yet.
    #[uniffi::constructor]
    pub fn new() -> Arc<Self> {
        let (cancelled, _) = watch::channel(false);
        Arc::new(Self { cancelled })
    }

    /// Ends the calls that were given this handle: they fail with `Retry` and the code
    /// `cancelled`. What was done for them is kept.
    pub fn cancel(&self) {
        self.cancelled.send_replace(true);
    }
}

/// Waits until the handle is cancelled; for good without one.
pub(crate) async fn cancelled(handle: Option<Arc<Cancellation>>) {
    match handle {
        Some(handle) => {
            let mut cancelled = handle.cancelled.subscribe();
            // The sender lives as long as the handle, which is here.
            let _ = cancelled.wait_for(|cancelled| *cancelled).await;
        }
        None => std::future::pending().await,
    }
}
