//! What the app implements for the library: where secrets are, whether there is a network,
//! what time it is. Each may be called on any thread of the library.

use std::sync::Arc;

use crate::error::PlatformError;

/// Keeps small secrets where only this app on this unlocked phone can read them: the
/// Keychain on iOS (`AfterFirstUnlockThisDeviceOnly`), the Keystore on Android.
#[uniffi::export(foreign)]
pub trait SecretStore: Send + Sync {
    /// The secret of this name; nothing when there is none. Fails with `PlatformError`.
    fn load(&self, name: String) -> Result<Option<Vec<u8>>, PlatformError>;
    /// Keeps a secret in the place of an earlier one. When it returns, the secret survives
    /// the end of the process. Fails with `PlatformError`.
    fn store(&self, name: String, secret: Vec<u8>) -> Result<(), PlatformError>;
    /// Removes a secret, if there is one. Fails with `PlatformError`.
    fn delete(&self, name: String) -> Result<(), PlatformError>;
}

/// Tells whether there is a network. After a change the app calls
/// `Relais.network_changed`, and this is asked again.
#[uniffi::export(foreign)]
pub trait Connectivity: Send + Sync {
    /// Whether a server could be reached, as far as the phone knows. Fails with
    /// `PlatformError`; then a network is assumed.
    fn is_online(&self) -> Result<bool, PlatformError>;
}

/// Tells the time: for tests. Without one the phone's clock is used.
#[uniffi::export(foreign)]
pub trait PlatformClock: Send + Sync {
    /// Milliseconds since the Unix epoch. Fails with `PlatformError`; then the phone's
    /// clock is used.
    fn now_ms(&self) -> Result<u64, PlatformError>;
}

/// What the app implements.
#[derive(Clone, uniffi::Record)]
pub struct Platform {
    /// Where the key of the database is kept.
    pub secrets: Arc<dyn SecretStore>,
    /// Whether there is a network; without it one is assumed.
    pub connectivity: Option<Arc<dyn Connectivity>>,
    /// Another clock, for tests.
    pub clock: Option<Arc<dyn PlatformClock>>,
}
