//! What a server is started with. Owns the settings file that `init` writes;
//! leaves keys and ids to [`crate::founding`].

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use crate::web;

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
    /// What browsers get.
    pub web: &'static [web::File],
}

impl Config {
    /// System clock and randomness, no public URL, any suite, the web app as built in.
    pub fn new(data: impl Into<PathBuf>) -> Self {
        Self {
            data: data.into(),
            clock: system_clock(),
            random: system_random(),
            one_thread: false,
            public_url: None,
            ciphersuite: None,
            web: web::built(),
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

/// Scheme, host and port of a URL as a browser writes them in `Origin`: in lower case,
/// and without the port that the scheme implies. `None` for what is no web address.
pub fn origin(url: &str) -> Option<String> {
    let (scheme, rest) = url.split_once("://")?;
    let implied = match scheme.to_ascii_lowercase().as_str() {
        "http" => ":80",
        "https" => ":443",
        _ => return None,
    };
    let host = rest.split(['/', '?', '#']).next()?;
    let host = host.strip_suffix(implied).unwrap_or(host);
    let named = !host.is_empty() && !host.starts_with(':') && !host.contains('@');
    named.then(|| format!("{scheme}://{host}").to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_origin_of_a_url_is_what_a_browser_writes() {
        for (url, expected) in [
            ("https://a.fr:8443/x/y?z", Some("https://a.fr:8443")),
            ("http://a.fr", Some("http://a.fr")),
            ("HTTPS://Relais.A.fr:443/", Some("https://relais.a.fr")),
            ("http://a.fr:443", Some("http://a.fr:443")),
            ("http://[::1]:80", Some("http://[::1]")),
            ("a.fr", None),
            ("http://", None),
            ("https://:443", None),
            ("https://user@a.fr", None),
            ("file:///etc", None),
        ] {
            assert_eq!(origin(url).as_deref(), expected, "{url}");
        }
    }
}
