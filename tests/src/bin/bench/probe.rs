//! The work of [`crate::bindings`] in Rust, each in a process of its own: the calls that the
//! other languages make, and catching up with the memory that it takes.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use relais_mobile::Relais;
use relais_mobile::error::PlatformError;
use relais_mobile::events::RelaisEvent;
use relais_mobile::listener::EventListener;
use relais_mobile::platform::Platform;
use relais_mobile::push::{PushLanguage, describe_push};
use relais_mobile::records::content::Priority;
use relais_tests::app::{Network, Secrets, WorldClock};
use serde_json::{Map, Value, json};
use tokio::sync::Notify;

use crate::Outcome;
use crate::serve::memory_mib;

/// Rows of a page.
const PAGE: u32 = 100;
/// Each figure is the median of so many.
const ROUNDS: usize = 5;
const CALLS: usize = 200;
const EVENTS: usize = 1_000;
const PUSHES: usize = 100_000;

#[derive(Default)]
struct Heard {
    events: AtomicUsize,
    told: Notify,
}

impl EventListener for Heard {
    fn on_events(&self, events: Vec<RelaisEvent>) -> Result<(), PlatformError> {
        self.events.fetch_add(events.len(), Ordering::SeqCst);
        self.told.notify_one();
        Ok(())
    }

    fn on_closed(&self) -> Result<(), PlatformError> {
        Ok(())
    }
}

fn told(name: &str) -> Outcome<String> {
    std::env::var(name).map_err(|_| format!("{name} is not set").into())
}

fn platform(online: bool) -> Outcome<Platform> {
    let key = hex::decode(told("RELAIS_BENCH_KEY")?)?;
    let kept = BTreeMap::from([("eu.relais.database-key".to_owned(), key)]);
    let now: u64 = told("RELAIS_BENCH_NOW_MS")?.parse()?;
    Ok(Platform {
        secrets: Arc::new(Secrets(Mutex::new(kept))),
        connectivity: Some(Arc::new(Network(AtomicBool::new(online)))),
        clock: Some(Arc::new(WorldClock(now.into()))),
    })
}

fn milliseconds(mut rounds: Vec<Duration>) -> Value {
    rounds.sort();
    let median = rounds[rounds.len() / 2].as_secs_f64() * 1_000.0;
    json!((median * 10.0).round() / 10.0)
}

fn print(figures: Map<String, Value>) -> Outcome<()> {
    println!("{}", Value::Object(figures));
    Ok(())
}

/// What the other languages do, too.
pub async fn probe() -> Outcome<()> {
    let threads = told("RELAIS_BENCH_THREADS")?;
    let (busy, other) = threads.split_once(',').ok_or("two threads, please")?;
    let relais = Relais::open(told("RELAIS_BENCH_DATABASE")?, platform(false)?).await?;
    let expected: usize = told("RELAIS_BENCH_ROWS")?.parse()?;
    let mut figures = Map::new();

    let mut rounds = Vec::new();
    for _ in 0..ROUNDS {
        let start = Instant::now();
        let (mut rows, mut before) = (0, None);
        loop {
            let page = relais
                .timeline_before(busy.to_owned(), before, PAGE)
                .await?;
            rows += page.items.len();
            before = page.before_seq;
            if before.is_none() {
                break;
            }
        }
        rounds.push(start.elapsed());
        if rows < expected {
            return Err(format!("{rows} rows").into());
        }
    }
    figures.insert("rows_ms".into(), milliseconds(rounds));

    let mut rounds = Vec::new();
    for _ in 0..ROUNDS {
        let start = Instant::now();
        let calls = (0..CALLS).map(|_| relais.thread(busy.to_owned()));
        for answer in futures_util::future::join_all(calls).await {
            answer?;
        }
        rounds.push(start.elapsed());
    }
    figures.insert("calls_ms".into(), milliseconds(rounds));

    let payload = br#"{"urgent": true, "badge": 3, "thread": "00112233445566778899aabbccddeeff"}"#;
    let start = Instant::now();
    for _ in 0..PUSHES {
        let text = describe_push(std::hint::black_box(payload).to_vec(), PushLanguage::French);
        std::hint::black_box(text);
    }
    let each = start.elapsed().as_secs_f64() * 1_000_000.0 / PUSHES as f64;
    figures.insert(
        "describe_push_us".into(),
        json!((each * 100.0).round() / 100.0),
    );

    let heard = Arc::new(Heard::default());
    relais.subscribe(heard.clone())?;
    let start = Instant::now();
    // Events of two threads in turn: what happens twice in a row would be told once.
    for number in 0..EVENTS / 2 {
        let thread = [busy, other][number % 2].to_owned();
        relais
            .send_message(thread, "bonjour".into(), Priority::Normal, None)
            .await?;
    }
    while heard.events.load(Ordering::SeqCst) < EVENTS {
        tokio::time::timeout(Duration::from_secs(10), heard.told.notified()).await?;
    }
    figures.insert("events_ms".into(), milliseconds(vec![start.elapsed()]));
    relais.shutdown_and_close().await?;
    print(figures)
}

/// Opens the phone with a network, until what waits for it is here.
pub async fn catch_up() -> Outcome<()> {
    let mut figures = Map::new();
    let mut phase = |name: &str| -> Outcome<()> {
        let peak = (memory_mib("VmHWM:")? * 10.0).round() / 10.0;
        figures.insert(format!("catch_up_{name}_peak_mib"), json!(peak));
        // Linux forgets the peak of a process so (proc(5), clear_refs).
        Ok(std::fs::write("/proc/self/clear_refs", "5")?)
    };
    phase("start")?;
    let relais = Relais::open(told("RELAIS_BENCH_DATABASE")?, platform(true)?).await?;
    phase("opened")?;
    let threads = told("RELAIS_BENCH_THREADS")?;
    let busy = threads.split(',').next().ok_or("a thread, please")?;
    let expected: u64 = told("RELAIS_BENCH_ROWS")?.parse()?;
    let state = relais.wait_until_synced(60_000, None).await?;
    phase("caught_up")?;
    let page = relais.timeline_before(busy.to_owned(), None, PAGE).await?;
    phase("page_read")?;
    let last = page
        .items
        .last()
        .and_then(|item| item.seq)
        .unwrap_or_default();
    if !state.caught_up || last < expected {
        return Err(format!("caught up to {last} of {expected}: {state:?}").into());
    }
    relais.shutdown_and_close().await?;
    phase("closed")?;
    print(figures)
}
