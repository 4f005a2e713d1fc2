//! The measured server: the real one, in a process of its own that the bench starts
//! from its own file. Owns the child's life, its memory, processor time and the
//! number of its durable groups; leaves the load to [`crate::load`].

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, ChildStdout, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use prost::bytes::Bytes;
use relais_server::store::kv::{Backend, Batch, Visit};
use relais_server::store::{LogStore, MemoryDisk, SledBackend, Store, StoreError};
use relais_server::{Config, founding};
use relais_wire::mls::SUITE_XWING;
use tokio::io::AsyncBufReadExt;

use crate::Outcome;

/// Unit of the times in `/proc/PID/stat` on Linux.
const TICKS_PER_S: f64 = 100.0;

/// What the server's store keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Keeps {
    /// Everything: sled, every answer after a sync.
    Durably,
    /// Nothing: the twin in memory, same code above it.
    Nothing,
}

/// What a store made durable.
#[derive(Default)]
pub struct Groups {
    commits: AtomicU64,
    total_us: AtomicU64,
    longest_us: AtomicU64,
}

/// How many groups there were, and how long they took to become durable.
#[derive(Debug, Clone, Copy)]
pub struct Durable {
    pub groups: u64,
    pub mean_ms: f64,
    pub longest_ms: f64,
}

impl Groups {
    /// Since the last call.
    pub fn take(&self) -> Durable {
        let take = |number: &AtomicU64| number.swap(0, Ordering::Relaxed);
        let groups = take(&self.commits);
        Durable {
            groups,
            mean_ms: take(&self.total_us) as f64 / 1000.0 / groups.max(1) as f64,
            longest_ms: take(&self.longest_us) as f64 / 1000.0,
        }
    }
}

/// A backend that watches the groups that it makes durable.
pub struct Counted<B> {
    inner: B,
    groups: Arc<Groups>,
}

impl<B> Counted<B> {
    /// The numbers are shared with whoever asks.
    pub fn new(inner: B) -> (Self, Arc<Groups>) {
        let groups = Arc::<Groups>::default();
        let shared = groups.clone();
        (Self { inner, groups }, shared)
    }
}

impl<B: Backend> Backend for Counted<B> {
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        self.inner.get(key)
    }

    fn range(
        &self,
        from: &[u8],
        to: &[u8],
        visit: &mut dyn FnMut(&[u8], Bytes) -> Visit,
    ) -> Result<(), StoreError> {
        self.inner.range(from, to, visit)
    }

    fn last_before(&self, from: &[u8], to: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.inner.last_before(from, to)
    }

    fn commit(&self, batch: &Batch) -> Result<(), StoreError> {
        let begun = Instant::now();
        let written = self.inner.commit(batch);
        let taken = u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.groups.commits.fetch_add(1, Ordering::Relaxed);
        self.groups.total_us.fetch_add(taken, Ordering::Relaxed);
        self.groups.longest_us.fetch_max(taken, Ordering::Relaxed);
        written
    }

    fn close(&self) {
        self.inner.close();
    }
}

/// The child's side: serves until its standard input ends. Says its set-up link (or
/// `-`) and its address; answers each further line with [`Groups::take`].
pub async fn serve(data: PathBuf, keeps: Keeps) -> Outcome<()> {
    let (store, groups): (Arc<dyn Store>, _) = match keeps {
        Keeps::Durably => {
            let (backend, groups) = Counted::new(SledBackend::open(&data.join("store"))?);
            (Arc::new(LogStore::open(backend)?), groups)
        }
        Keeps::Nothing => {
            let (backend, groups) = Counted::new(MemoryDisk::default().open());
            (Arc::new(LogStore::open(backend)?), groups)
        }
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let mut said = "-".to_owned();
    if store.founding().await?.is_none() {
        let (founding, link) = founding::found(
            &format!("http://{address}"),
            &relais_server::config::system_random(),
        )?;
        store.found(founding).await?;
        said = link.to_string();
    }
    let mut config = Config::new(data);
    config.ciphersuite = Some(SUITE_XWING);
    let server = relais_server::serve(listener, store, config).await?;
    println!("{said}\n{address}");
    let mut lines = tokio::io::BufReader::new(tokio::io::stdin()).lines();
    while lines.next_line().await?.is_some() {
        let Durable {
            groups,
            mean_ms,
            longest_ms,
        } = groups.take();
        println!("{groups} {mean_ms} {longest_ms}");
    }
    server.shutdown().await?;
    Ok(())
}

/// The bench's side of a running server.
pub struct Child {
    process: std::process::Child,
    /// Its end ends the child.
    stdin: Option<ChildStdin>,
    stdout: BufReader<ChildStdout>,
    /// Set-up link of a new structure.
    pub link: String,
    /// Where it listens.
    pub address: String,
}

impl Child {
    /// Starts a server on a data folder and waits until it listens.
    pub fn start(data: &Path, keeps: Keeps) -> Outcome<Self> {
        let keeps = match keeps {
            Keeps::Durably => "durably",
            Keeps::Nothing => "nothing",
        };
        let mut process = std::process::Command::new(std::env::current_exe()?)
            .args(["serve-for-bench", "--keeps", keeps, "--data"])
            .arg(data)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let stdin = process.stdin.take();
        let stdout = process.stdout.take().ok_or("no pipe from the server")?;
        let mut child = Self {
            process,
            stdin,
            stdout: BufReader::new(stdout),
            link: String::new(),
            address: String::new(),
        };
        child.link = child.line()?;
        child.address = child.line()?;
        Ok(child)
    }

    fn line(&mut self) -> Outcome<String> {
        let mut line = String::new();
        if self.stdout.read_line(&mut line)? == 0 {
            return Err("the server ended".into());
        }
        Ok(line.trim().to_owned())
    }

    /// What its store made durable since the last call; see [`Groups::take`].
    pub fn groups(&mut self) -> Outcome<Durable> {
        let stdin = self.stdin.as_mut().ok_or("the server was stopped")?;
        stdin.write_all(b"groups\n")?;
        let line = self.line()?;
        let mut numbers = line.split(' ');
        let mut next = || numbers.next().ok_or("an unreadable answer");
        Ok(Durable {
            groups: next()?.parse()?,
            mean_ms: next()?.parse()?,
            longest_ms: next()?.parse()?,
        })
    }

    /// Memory that it has in use, KiB.
    pub fn rss_kib(&self) -> Outcome<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id()))?;
        let line = status.lines().find_map(|l| l.strip_prefix("VmRSS:"));
        let number = line.and_then(|l| l.split_whitespace().next());
        Ok(number.ok_or("no VmRSS")?.parse()?)
    }

    /// Processor time that it used, seconds.
    pub fn cpu_s(&self) -> Outcome<f64> {
        cpu_s(&self.process.id().to_string())
    }

    /// Ends it in order.
    pub fn stop(mut self) -> Outcome<()> {
        drop(self.stdin.take());
        let status = self.process.wait()?;
        if status.success() {
            Ok(())
        } else {
            Err(format!("the server ended with {status}").into())
        }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // After `stop` both fail, and there is nothing left to end.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Processor time of a process (`self` for this one), seconds.
pub fn cpu_s(process: &str) -> Outcome<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat"))?;
    // The second field, in parentheses, may hold blanks.
    let (_, rest) = stat.rsplit_once(')').ok_or("unreadable stat")?;
    let mut fields = rest.split_whitespace().skip(11);
    let mut next = || -> Outcome<f64> { Ok(fields.next().ok_or("short stat")?.parse()?) };
    Ok((next()? + next()?) / TICKS_PER_S)
}

/// What `/proc/self/status` says under a field, MiB.
pub fn memory_mib(field: &str) -> Outcome<f64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix(field));
    let kib = line.and_then(|line| line.split_whitespace().next());
    Ok(kib.ok_or("unreadable status")?.parse::<f64>()? / 1024.0)
}

/// Processor time of the whole machine that was not idle, seconds.
fn machine_cpu_s() -> Outcome<f64> {
    let stat = std::fs::read_to_string("/proc/stat")?;
    let first = stat.lines().next().ok_or("no stat")?;
    let ticks: Vec<f64> = first
        .split_whitespace()
        .skip(1)
        .take(8)
        .map(str::parse)
        .collect::<Result<_, _>>()?;
    // Fourth and fifth: idle, and idle while waiting for a disk.
    let idle = ticks.iter().skip(3).take(2).sum::<f64>();
    Ok((ticks.iter().sum::<f64>() - idle) / TICKS_PER_S)
}

/// Watches how much of the machine other processes use meanwhile.
pub struct Others {
    begun: Instant,
    machine: f64,
}

impl Others {
    /// From now on.
    pub fn watch() -> Outcome<Self> {
        Ok(Self {
            begun: Instant::now(),
            machine: machine_cpu_s()?,
        })
    }

    /// Their share of all cores since then, 0 on a quiet machine. `ours`: the
    /// processor time that the measurement itself used.
    pub fn share_beside(&self, ours: f64) -> Outcome<f64> {
        let cores = std::thread::available_parallelism()?.get() as f64;
        let others = machine_cpu_s()? - self.machine - ours;
        // Ticks are coarse: it can come out below nothing.
        Ok((others / (self.begun.elapsed().as_secs_f64() * cores)).max(0.0))
    }
}
