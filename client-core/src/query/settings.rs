//! What an app keeps beside the threads: language, drafts, how it locks. Encrypted with
//! everything else, and wiped with it.

use rusqlite::params;

use crate::db::meta;
use crate::engine::Engine;
use crate::error::{Error, Result};

/// Apart from what the engine itself keeps.
const PREFIX: &str = "app.";
/// Longest name, in bytes.
pub const NAME_BYTES: usize = 64;
/// Longest value, in bytes: a draft is below it.
pub const VALUE_BYTES: usize = 64 * 1024;

impl Engine {
    /// A setting of the app; `None` when it was never made.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a name that none can have.
    pub fn setting(&self, name: &str) -> Result<Option<String>> {
        let value = meta::get(&self.db, &key(name)?)?;
        value
            .map(|bytes| String::from_utf8(bytes).map_err(|_| Error::Corrupt("setting")))
            .transpose()
    }

    /// Keeps a setting of the app, durable at once; `None` removes it.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a name that is empty or longer than [`NAME_BYTES`], or a
    /// value longer than [`VALUE_BYTES`].
    pub fn set_setting(&mut self, name: &str, value: Option<&str>) -> Result<()> {
        let key = key(name)?;
        match value {
            Some(value) if value.len() > VALUE_BYTES => {
                Err(Error::invalid("value", "is longer than 64 KiB"))
            }
            Some(value) => meta::put(&self.db, &key, value.as_bytes()),
            None => {
                self.db
                    .prepare_cached("DELETE FROM meta WHERE key = ?1")?
                    .execute(params![key])?;
                Ok(())
            }
        }
    }
}

fn key(name: &str) -> Result<String> {
    if name.is_empty() || name.len() > NAME_BYTES {
        return Err(Error::invalid("name", "has 1 to 64 bytes"));
    }
    Ok(format!("{PREFIX}{name}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{BEGUN, founder};
    use relais_wire::mls::SUITE_XWING;

    #[test]
    fn a_setting_is_kept_beside_what_the_engine_keeps() {
        let mut engine = founder(SUITE_XWING, BEGUN);
        let before = engine.whoami().expect("enrolled");
        assert_eq!(engine.setting("identity").expect("read"), None);
        engine
            .set_setting("identity", Some("brouillon"))
            .expect("kept");
        assert_eq!(
            engine.setting("identity").expect("read").as_deref(),
            Some("brouillon")
        );
        engine.set_setting("identity", None).expect("removed");
        assert_eq!(engine.setting("identity").expect("read"), None);
        assert_eq!(engine.whoami().expect("enrolled"), before);
    }

    #[test]
    fn a_setting_has_bounds() {
        let mut engine = founder(SUITE_XWING, BEGUN);
        let long = "x".repeat(VALUE_BYTES + 1);
        for (name, value) in [
            ("", "x"),
            (&"n".repeat(NAME_BYTES + 1), "x"),
            ("draft", &long),
        ] {
            let refused = engine.set_setting(name, Some(value));
            assert!(matches!(refused, Err(Error::Invalid { .. })), "{refused:?}");
        }
        engine
            .set_setting("draft", Some(&long[1..]))
            .expect("as long as may be");
    }
}
