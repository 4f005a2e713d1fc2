//! What the façade for phone apps costs in another language, beside the same calls in Rust,
//! and what memory it takes to catch up. One phone's database is made, then each program
//! opens a copy of it without a network and does the same work ([`crate::probe`] in Rust).

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use relais_core::commands::{NewMember, NewThread};
use relais_mobile::Relais;
use relais_mobile::platform::Platform;
use relais_tests::app::{Secrets, WorldClock};
use relais_tests::world::{StoreKind, World, card};
use relais_wire::ids::{ChannelId, ProfessionalId};
use relais_wire::link::Link;
use serde_json::{Map, Value, json};
use tokio::process::Command;

use crate::Outcome;
use crate::fleet::CONTENT;
use crate::report::Report;

/// Rows of the timeline that is paged through.
pub const ROWS: usize = 10_000;
/// Messages that wait for the phone when its memory is measured.
const WAITING: usize = 500;
/// Written before the world comes to rest again.
const AT_ONCE: usize = 250;
/// How often something is looked for.
const LOOKS: usize = 20_000;

/// A program that does the work, and what it is called: `name=program argument …`.
#[derive(Debug, Clone)]
pub struct Program {
    name: String,
    words: Vec<String>,
}

impl std::str::FromStr for Program {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, words) = text.split_once('=').ok_or("name=program, please")?;
        // One argument on a line: a path may hold blanks.
        let words: Vec<String> = words.lines().map(str::to_owned).collect();
        match words.is_empty() {
            true => Err("a program, please".into()),
            false => Ok(Self {
                name: name.to_owned(),
                words,
            }),
        }
    }
}

/// Measures each program, and this one.
pub async fn measure(programs: Vec<Program>) -> Outcome<Report> {
    let mut report = Report::new();
    report.put("rows", json!(ROWS));
    let folder = tempfile::tempdir()?;
    let phone = Phone::prepared(folder.path()).await?;
    let me = std::env::current_exe()?.display().to_string();
    let own = |command: &str| vec![me.clone(), command.to_owned()];
    let caught_up = phone.run(&own("catch-up-for-bench"), "phone.db").await?;
    for (name, value) in caught_up {
        report.put_named(name, value);
    }
    let rust = Program {
        name: "rust".into(),
        words: own("probe-for-bench"),
    };
    let mut figures = BTreeMap::new();
    for program in std::iter::once(rust).chain(programs) {
        let copy = format!("{}.db", program.name);
        std::fs::copy(folder.path().join("phone.db"), folder.path().join(&copy))?;
        for (name, value) in phone.run(&program.words, &copy).await? {
            let figure = value.as_f64().ok_or("a figure is no number")?;
            report.put_named(format!("{}_{name}", program.name), value);
            if program.name == "rust" {
                figures.insert(name, figure);
            } else if let Some(rust) = figures.get(&name) {
                let ratio = (figure / rust * 100.0).round() / 100.0;
                report.put_named(format!("{}_{name}_to_rust", program.name), json!(ratio));
            }
        }
    }
    Ok(report)
}

/// A nurse's phone that has read a thread of [`ROWS`] messages, and one without any; it is
/// closed, and [`WAITING`] messages wait for it.
struct Phone {
    world: World,
    folder: std::path::PathBuf,
    threads: [ChannelId; 2],
    key: Vec<u8>,
}

impl Phone {
    async fn prepared(folder: &Path) -> Outcome<Self> {
        let mut world = World::new(StoreKind::Memory).await;
        let secrets = Arc::new(Secrets::default());
        let clock = Arc::new(WorldClock(world.now_ms().into()));
        let platform = Platform {
            secrets: secrets.clone(),
            connectivity: None,
            clock: Some(clock.clone()),
        };
        let path = folder.join("phone.db").display().to_string();
        let relais = Relais::open(path, platform).await?;
        let nurse = enrolled(&mut world, &relais, &clock).await?;
        let mut threads = [ChannelId([0; 16]); 2];
        for thread in &mut threads {
            *thread = world.devices[0].engine.create_thread(&NewThread {
                title: "Mme Exemple".into(),
                header: None,
                members: vec![NewMember::care_team(nurse)],
            })?;
        }
        world.settle().await;
        write(&mut world, threads[0], ROWS).await?;
        let mut looks = 0;
        while !has(&relais, threads[0], ROWS).await? {
            looks += 1;
            if looks > LOOKS {
                return Err("the phone does not catch up".into());
            }
            clock.0.store(world.now_ms(), Ordering::Relaxed);
            world.settle().await;
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        // As on a phone in use: what is unread is counted with each look at a thread.
        let seq = relais.thread(threads[0].to_string()).await?.seq;
        relais.mark_read(threads[0].to_string(), seq).await?;
        relais.shutdown_and_close().await?;
        write(&mut world, threads[0], WAITING).await?;
        let key = secrets.0.lock().expect("secrets").values().next().cloned();
        Ok(Self {
            world,
            folder: folder.to_owned(),
            threads,
            key: key.ok_or("no key")?,
        })
    }

    /// What a program measured with a database in the folder.
    async fn run(&self, words: &[String], database: &str) -> Outcome<Map<String, Value>> {
        let (program, arguments) = words.split_first().ok_or("no program")?;
        let mut command = Command::new(program);
        command.args(arguments).kill_on_drop(true);
        command.env("RELAIS_BENCH_DATABASE", self.folder.join(database));
        command.env("RELAIS_BENCH_KEY", hex::encode(&self.key));
        command.env(
            "RELAIS_BENCH_THREADS",
            self.threads.map(|id| id.to_string()).join(","),
        );
        command.env("RELAIS_BENCH_NOW_MS", self.world.now_ms().to_string());
        command.env("RELAIS_BENCH_ROWS", (ROWS + WAITING).to_string());
        let bound = Duration::from_secs(600);
        let output = tokio::time::timeout(bound, command.output()).await??;
        let said = String::from_utf8_lossy(&output.stdout);
        if !output.status.success() {
            let why = String::from_utf8_lossy(&output.stderr);
            return Err(format!("{program}: {}: {said}{why}", output.status).into());
        }
        let last = said.lines().last().unwrap_or_default();
        Ok(serde_json::from_str(last)?)
    }
}

async fn enrolled(
    world: &mut World,
    relais: &Relais,
    clock: &WorldClock,
) -> Outcome<ProfessionalId> {
    let engine = &mut world.devices[0].engine;
    let invitation = engine.invite(&card("Nadia", "Martin", 60, "99700218896"))?;
    world.settle().await;
    let mut link: Link = invitation.link.parse()?;
    link.server_url = format!("http://{}", world.address());
    relais.join(link.to_string(), None).await?;
    for _ in 0..LOOKS {
        if relais.whoami().await.is_ok_and(|me| me.confirmed) {
            return Ok(invitation.professional);
        }
        world.settle().await;
        clock.0.store(world.now_ms(), Ordering::Relaxed);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    Err("the phone is not let in".into())
}

async fn write(world: &mut World, channel: ChannelId, count: usize) -> Outcome<()> {
    let text = "x".repeat(CONTENT);
    for number in 1..=count {
        world.say(0, channel, &text);
        if number % AT_ONCE == 0 {
            world.settle().await;
            let engine = &mut world.devices[0].engine;
            let seq = engine.thread(channel)?.seq;
            engine.mark_read(channel, seq)?;
        }
    }
    world.settle().await;
    Ok(())
}

/// Whether a phone shows at least so many items.
pub async fn has(relais: &Relais, thread: ChannelId, count: usize) -> Outcome<bool> {
    let items = match relais.timeline_after(thread.to_string(), 0, u32::MAX).await {
        Ok(items) => items.len(),
        Err(relais_mobile::RelaisError::Rejected { .. }) => 0, // It is not in the thread yet.
        Err(error) => return Err(error.into()),
    };
    Ok(items >= count)
}
