//! What a server is started with. Owns the settings file that `init` writes;
//! leaves keys and ids to [`crate::founding`].

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

/// Milliseconds since the Unix epoch.
pub type Clock = Arc<dyn Fn() -> u64 + Send + Sync>;

/// Fills a buffer with random bytes.
pub type Random = Arc<dyn Fn(&mut [u8]) -> Result<(), getrandom::Error> + Send + Sync>;

/// What [`crate::serve`] needs besides a socket and a store.
#[derive(Clone)]
pub struct Config {
    /// Folder for unfinished uploads (`spool`) and blobs (`objects`).
    pub data: PathBuf,
    /// Every time that is stored or judged comes from here.
    pub clock: Clock,
    /// The only source of randomness.
    pub random: Random,
    /// Heavy checks run on the async thread that asks for them, in order, and not
    /// on threads of their own: for a simulation, whose every run must be the same.
    pub one_thread: bool,
    /// Public URL: browsers' `Origin` must be its origin. `None` refuses every
    /// request that carries an `Origin`.
    pub public_url: Option<String>,
    /// MLS cipher suite that the structure is created with; `None` leaves it to
    /// the device that sets it up.
    pub ciphersuite: Option<u16>,
}

impl Config {
    /// System clock and randomness, no public URL, any suite.
    pub fn new(data: impl Into<PathBuf>) -> Self {
        Self {
            data: data.into(),
            clock: system_clock(),
            random: system_random(),
            one_thread: false,
            public_url: None,
            ciphersuite: None,
        }
    }
}

/// The system's clock.
pub fn system_clock() -> Clock {
    Arc::new(|| {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        since.map_or(0, |d| u64::try_from(d.as_millis()).unwrap_or(u64::MAX))
    })
}

/// The system's randomness.
pub fn system_random() -> Random {
    Arc::new(getrandom::fill)
}

/// What `init` decided, kept as `settings.json` in the data folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Address that devices reach the server at.
    pub public_url: String,
    /// MLS cipher suite of the structure.
    pub ciphersuite: u16,
}

impl Settings {
    fn path(data: &Path) -> PathBuf {
        data.join("settings.json")
    }

    /// Writes the settings of a new data folder.
    pub fn write(&self, data: &Path) -> std::io::Result<()> {
        std::fs::write(Self::path(data), serde_json::to_vec_pretty(self)?)
    }

    /// Reads them back.
    pub fn read(data: &Path) -> std::io::Result<Self> {
        Ok(serde_json::from_slice(&std::fs::read(Self::path(data))?)?)
    }
}

/// Scheme, host and port of a URL, as a browser writes them in `Origin`.
pub fn origin(url: &str) -> Option<&str> {
    let (scheme, rest) = url.split_once("://")?;
    let host = rest
        .split(['/', '?', '#'])
        .next()
        .filter(|h| !h.is_empty())?;
    Some(&url[..scheme.len() + 3 + host.len()])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_origin_of_a_url_has_no_path() {
        assert_eq!(origin("https://a.fr:8443/x/y?z"), Some("https://a.fr:8443"));
        assert_eq!(origin("http://a.fr"), Some("http://a.fr"));
        assert_eq!(origin("a.fr"), None);
        assert_eq!(origin("http://"), None);
    }
}
