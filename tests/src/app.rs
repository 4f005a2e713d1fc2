//! What an app implements for the façade, as far as tests and benches need it.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use relais_mobile::error::PlatformError;
use relais_mobile::platform::{Connectivity, PlatformClock, SecretStore};

/// Secrets in memory.
#[derive(Default)]
pub struct Secrets(pub Mutex<BTreeMap<String, Vec<u8>>>);

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

/// Whether there is a network, as the test says.
pub struct Network(pub AtomicBool);

impl Connectivity for Network {
    fn is_online(&self) -> Result<bool, PlatformError> {
        Ok(self.0.load(Ordering::SeqCst))
    }
}

/// The time of the world that a phone is in, milliseconds since the Unix epoch.
pub struct WorldClock(pub AtomicU64);

impl PlatformClock for WorldClock {
    fn now_ms(&self) -> Result<u64, PlatformError> {
        Ok(self.0.load(Ordering::SeqCst))
    }
}
