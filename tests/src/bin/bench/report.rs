//! The figures of a run, in the order in which they were added: as a table for a
//! person, as a flat JSON object for a program.

use std::borrow::Cow;
use std::path::Path;
use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::Outcome;

/// See the module's head.
#[derive(Default)]
pub struct Report(Vec<(Cow<'static, str>, Value)>);

impl Report {
    /// Begins with what the figures depend on.
    pub fn new() -> Self {
        let mut report = Self::default();
        let cores = std::thread::available_parallelism().map_or(0, |n| n.get());
        report.put("cores", json!(cores));
        let profile = if cfg!(debug_assertions) {
            "dev"
        } else {
            "release"
        };
        report.put("profile", json!(profile));
        report.put("rustc", json!(rustc()));
        // Well above 0.5 means that something else was running.
        report.put("load_average_before", json!(load_average()));
        report
    }

    /// Adds a value.
    pub fn put(&mut self, name: &'static str, value: Value) {
        self.0.push((name.into(), value));
    }

    /// Adds a value whose name another program gave.
    pub fn put_named(&mut self, name: String, value: Value) {
        self.0.push((name.into(), value));
    }

    /// Adds a figure, to four significant digits.
    pub fn figure(&mut self, name: &'static str, value: f64) {
        let digits = match value.abs() {
            v if v >= 1000.0 => 0,
            v if v >= 10.0 => 1,
            v if v >= 1.0 => 2,
            _ => 4,
        };
        let rounded = format!("{value:.digits$}").parse::<f64>();
        self.put(name, json!(rounded.ok().filter(|v| v.is_finite())));
    }

    /// Prints the table and writes the file.
    pub fn publish(self, title: &str, path: &Path) -> Outcome<()> {
        println!("{title}");
        for (name, value) in &self.0 {
            match value {
                Value::String(text) => println!("  {name:<36} {text}"),
                other => println!("  {name:<36} {other}"),
            }
        }
        let object: Map<String, Value> = self
            .0
            .into_iter()
            .map(|(name, value)| (name.into_owned(), value))
            .collect();
        let mut text = serde_json::to_string_pretty(&object)?;
        text.push('\n');
        Ok(std::fs::write(path, text)?)
    }
}

fn rustc() -> String {
    let said = std::process::Command::new("rustc")
        .arg("--version")
        .output();
    let said = said.ok().and_then(|o| String::from_utf8(o.stdout).ok());
    said.map(|s| s.trim().to_owned())
        .filter(|s| !s.is_empty())
        .unwrap_or_else(|| concat!(env!("CARGO_PKG_RUST_VERSION"), " or later").to_owned())
}

fn load_average() -> f64 {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let first = text.split_whitespace().next().and_then(|n| n.parse().ok());
    first.unwrap_or(f64::NAN)
}

/// Durations, to be asked for percentiles.
#[derive(Default, Clone)]
pub struct Times {
    us: Vec<u32>,
}

impl Times {
    /// Notes one.
    pub fn note(&mut self, time: Duration) {
        self.us
            .push(u32::try_from(time.as_micros()).unwrap_or(u32::MAX));
    }

    /// Takes over another's.
    pub fn extend(&mut self, other: Self) {
        self.us.extend(other.us);
    }

    /// All together.
    pub fn sum(&self) -> Duration {
        Duration::from_micros(self.us.iter().copied().map(u64::from).sum())
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.us.len()
    }

    /// The value below which `share` (0 to 1) of them lie, microseconds.
    pub fn percentile_us(&mut self, share: f64) -> f64 {
        if self.us.is_empty() {
            return f64::NAN;
        }
        self.us.sort_unstable();
        let last = self.us.len() - 1;
        f64::from(self.us[(last as f64 * share).round() as usize])
    }

    /// The same, milliseconds.
    pub fn percentile_ms(&mut self, share: f64) -> f64 {
        self.percentile_us(share) / 1000.0
    }

    /// Half are below.
    pub fn median_us(&mut self) -> f64 {
        self.percentile_us(0.5)
    }

    /// The first or last tenth, in the order in which they were noted; ask before
    /// any percentile, which sorts.
    pub fn tenth(&self, last: bool) -> Self {
        let n = (self.us.len() / 10).max(1).min(self.us.len());
        let from = if last { self.us.len() - n } else { 0 };
        Self {
            us: self.us[from..from + n].to_vec(),
        }
    }
}
