//! A person's device: a profile folder, and `relais` run on it, one process for
//! each command. Owns the reading of its JSON and a record of every command's end.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Duration;

use relais_core::driver::DatabaseKey;
use serde_json::Value;

use crate::failure::{Failure, Result};
use crate::processes::{self, Finished, Programs};

/// No command that the story gives takes so long.
const BOUND: Duration = Duration::from_secs(60);

/// How a command ended.
#[derive(Debug, Clone)]
pub struct Call {
    /// As one would type it.
    pub command: String,
    /// Exit codes that the story expects.
    pub expected: Vec<i32>,
    /// What came; `None` for a signal.
    pub code: Option<i32>,
    /// The same in words.
    pub ended: String,
    /// Error output.
    pub err: String,
}

/// See the module's head.
pub struct Device {
    /// The person's role in the story.
    pub name: &'static str,
    /// Its profile folder.
    pub profile: PathBuf,
    relais: PathBuf,
    calls: Mutex<Vec<Call>>,
}

impl Device {
    /// A device without a profile yet.
    pub fn new(name: &'static str, folder: &Path, programs: &Programs) -> Self {
        Self {
            name,
            profile: folder.join(name),
            relais: programs.relais.clone(),
            calls: Mutex::new(Vec::new()),
        }
    }

    /// Its database.
    pub fn database(&self) -> PathBuf {
        self.profile.join("relais.db")
    }

    /// The database's key: the demo's profiles have no passphrase.
    pub fn key(&self) -> Result<DatabaseKey> {
        let path = self.profile.join("key");
        let key = std::fs::read(&path).map_err(Failure::file(&path))?;
        let wrong = |_| Failure::Story(format!("{}: the key has a wrong length", self.name));
        Ok(DatabaseKey(key.as_slice().try_into().map_err(wrong)?))
    }

    /// Runs a command that must succeed; its JSON.
    pub fn ask(&self, arguments: &[&str]) -> Result<Value> {
        Ok(self.try_ask(arguments, &[0])?.1)
    }

    /// Runs a command that may end with any of these codes; code and JSON.
    pub fn try_ask(&self, arguments: &[&str], expected: &[i32]) -> Result<(i32, Value)> {
        let finished = self.run(&[arguments, &["--json"]].concat(), expected)?;
        let said = if finished.out.is_empty() {
            &finished.err
        } else {
            &finished.out
        };
        let command = || format!("{}: relais {}", self.name, arguments.join(" "));
        let code = match finished.code {
            Some(code) if expected.contains(&code) => code,
            _ => {
                let text = format!("{}: {}: {}", command(), finished.ended, said.trim());
                return Err(Failure::Story(text));
            }
        };
        let json = serde_json::from_str(said)
            .map_err(|e| Failure::Story(format!("{}: no JSON ({e}): {said}", command())))?;
        Ok((code, json))
    }

    /// Runs a command that must succeed; what it prints for people.
    pub fn show(&self, arguments: &[&str]) -> Result<String> {
        let finished = self.run(arguments, &[0])?;
        match finished.code {
            Some(0) => Ok(finished.out),
            _ => {
                let command = arguments.join(" ");
                let (name, err) = (self.name, finished.err.trim().to_owned());
                Err(Failure::Story(format!(
                    "{name}: relais {command}: {}: {err}",
                    finished.ended
                )))
            }
        }
    }

    fn run(&self, arguments: &[&str], expected: &[i32]) -> Result<Finished> {
        let mut line: Vec<OsString> = vec!["--profile".into(), self.profile.clone().into()];
        line.extend(arguments.iter().map(OsString::from));
        let finished = processes::run(&self.relais, &line, BOUND)?;
        let call = Call {
            command: format!("{}: relais {}", self.name, arguments.join(" ")),
            expected: expected.to_owned(),
            code: finished.code,
            ended: finished.ended.clone(),
            err: finished.err.clone(),
        };
        self.calls
            .lock()
            .unwrap_or_else(|e| e.into_inner())
            .push(call);
        Ok(finished)
    }

    /// Every command so far.
    pub fn calls(&self) -> Vec<Call> {
        self.calls.lock().unwrap_or_else(|e| e.into_inner()).clone()
    }

    /// Sends and receives everything.
    pub fn sync(&self) -> Result<()> {
        self.ask(&["sync", "--wait", "30"]).map(drop)
    }

    /// The items of a thread.
    pub fn items(&self, thread: &str) -> Result<Vec<Value>> {
        let shown = self.ask(&["thread", "show", thread])?;
        match shown.get("items") {
            Some(Value::Array(items)) => Ok(items.clone()),
            _ => Err(Failure::Story(format!(
                "{}: thread show has no items",
                self.name
            ))),
        }
    }
}

/// A text of a JSON record; empty when it is not there.
pub fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value.get(field).and_then(Value::as_str).unwrap_or_default()
}

/// A number of a JSON record.
pub fn number(value: &Value, field: &str) -> Option<u64> {
    value.get(field).and_then(Value::as_u64)
}

/// A text that must be there.
pub fn required(value: &Value, field: &str) -> Result<String> {
    match text(value, field) {
        "" => Err(Failure::Story(format!("no {field} in {value}"))),
        text => Ok(text.to_owned()),
    }
}
