//! The `delivery` measurement: one server, 256 devices, and everything it is held
//! against, in one run on one machine.

use std::path::Path;
use std::time::Duration;

use serde_json::json;

use crate::Outcome;
use crate::fleet::{self, CHANNELS, CONTENT, Fleet, Line, MEMBERS, Seat};
use crate::load::{self, Pace, Phase, Seen, WINDOW};
use crate::report::Report;
use crate::serve::{Child, Keeps, Others, cpu_s};
use crate::store;

/// Messages of each device in the trial that finds out how many are needed.
const TRIAL: usize = 40;
/// At the start of a phase, not counted.
const WARM: Duration = Duration::from_secs(1);
/// Share of the highest rate at which latency is measured.
const MODERATE: f64 = 0.25;

/// A phase at the highest rate, and what it took.
struct Highest {
    seen: Seen,
    /// Processor time per message, microseconds.
    server_cpu_us: f64,
    client_cpu_us: f64,
    /// Mean number of messages that shared a sync.
    group: f64,
    /// Share of the machine that others used meanwhile.
    others: f64,
}

/// Runs everything; some two minutes with the default length.
pub async fn measure(seconds: u64) -> Outcome<Report> {
    let window = Duration::from_secs(seconds);
    let mut report = Report::new();
    let folder = tempfile::tempdir()?;
    eprintln!("setting up {} devices", CHANNELS * MEMBERS);
    let data = folder.path().join("durable");
    let child = Child::start(&data, Keeps::Durably)?;
    let mut fleet = Fleet::set_up(&child.address, &child.link).await?;
    child.stop()?;

    // A new process, so that no memory of the set-up is counted or reused. The first
    // of each channel makes the server load it; what the others add is theirs alone.
    let mut child = Child::start(&data, Keeps::Durably)?;
    let address = child.address.clone();
    let mut lines = fleet.connect(&address, Seat::is_first).await?;
    let before = child.rss_kib()?;
    let others = fleet.connect(&address, |_| true).await?;
    let idle = (child.rss_kib()? as f64 - before as f64) / others.len() as f64;
    lines.extend(others);
    lines.sort_by_key(|line| line.seat.number);

    eprintln!("as fast as it goes");
    let (mut lines, frame_bytes, mut highest) = highest(&mut child, lines, window).await?;
    let rate = highest.seen.messages_per_s;
    eprintln!("at {MODERATE} of {rate:.0} messages/s");
    let moderate = Phase {
        pace: Pace::Fixed(rate * MODERATE),
        warm: WARM,
        window,
    };
    let total = moderate.warm + moderate.window;
    let each = rate * MODERATE * total.as_secs_f64() / lines.len() as f64;
    fleet::encrypt(&mut lines, each.ceil() as usize + 2)?;
    let (lines, mut moderate) = load::run(lines, moderate).await?;
    drop(lines);
    child.stop()?;

    eprintln!("the store alone, and the file under it");
    let mut alone = store::alone(folder.path(), frame_bytes, window).await?;
    let half = window / 2;
    let floor = store::floor(folder.path(), frame_bytes, highest.group, half)?;
    let store_floor = store::floor(folder.path(), frame_bytes, alone.group, half)?;

    eprintln!("the same without a disk");
    let fanout = fan_out(&folder.path().join("memory"), window).await?;

    report.figure("others_cpu_share", highest.others.max(fanout.others));
    report.put("devices", json!(CHANNELS * MEMBERS));
    report.put("channels", json!(CHANNELS));
    report.put("content_bytes", json!(CONTENT));
    report.put("frame_bytes", json!(frame_bytes));
    report.put("in_flight_per_device", json!(WINDOW));
    report.put("seconds_per_phase", json!(seconds));
    let seen = &mut highest.seen;
    report.figure("messages_per_s", seen.messages_per_s);
    report.figure("deliveries_per_s", seen.deliveries_per_s);
    report.figure("group", highest.group);
    report.figure("server_cpu_us_per_message", highest.server_cpu_us);
    report.figure("client_cpu_us_per_message", highest.client_cpu_us);
    report.figure("full_load_ack_p50_ms", seen.ack.percentile_ms(0.5));
    report.figure("full_load_ack_p99_ms", seen.ack.percentile_ms(0.99));
    report.figure(
        "full_load_delivered_p50_ms",
        seen.delivered.percentile_ms(0.5),
    );
    report.figure(
        "full_load_delivered_p99_ms",
        seen.delivered.percentile_ms(0.99),
    );
    report.figure("latency_at_messages_per_s", moderate.messages_per_s);
    report.figure("ack_p50_ms", moderate.ack.percentile_ms(0.5));
    report.figure("ack_p99_ms", moderate.ack.percentile_ms(0.99));
    report.figure("delivered_p50_ms", moderate.delivered.percentile_ms(0.5));
    report.figure("delivered_p99_ms", moderate.delivered.percentile_ms(0.99));
    report.figure("rss_kib_per_idle_device", idle);
    report.figure("store_messages_per_s", alone.messages_per_s);
    report.figure("store_p50_ms", alone.times.percentile_ms(0.5));
    report.figure("store_p99_ms", alone.times.percentile_ms(0.99));
    report.figure("store_group", alone.group);
    report.figure("fanout_messages_per_s", fanout.seen.messages_per_s);
    report.figure("fanout_server_cpu_us_per_message", fanout.server_cpu_us);
    report.figure("floor_messages_per_s", floor);
    report.figure("store_floor_messages_per_s", store_floor);
    report.figure("messages_over_floor", rate / floor);
    report.figure("messages_over_store", rate / alone.messages_per_s);
    report.figure("messages_over_fanout", rate / fanout.seen.messages_per_s);
    report.figure("store_over_store_floor", alone.messages_per_s / store_floor);
    Ok(report)
}

/// The same devices and server code on a store that keeps nothing durable.
async fn fan_out(data: &Path, window: Duration) -> Outcome<Highest> {
    let mut child = Child::start(data, Keeps::Nothing)?;
    let address = child.address.clone();
    let mut fleet = Fleet::set_up(&address, &child.link).await?;
    let lines = fleet.connect(&address, |_| true).await?;
    let (lines, _, seen) = highest(&mut child, lines, window).await?;
    drop(lines);
    child.stop()?;
    Ok(seen)
}

/// As many messages as the window in flight allows, after a trial that says how
/// many have to be encrypted for that.
async fn highest(
    child: &mut Child,
    mut lines: Vec<Line>,
    window: Duration,
) -> Outcome<(Vec<Line>, usize, Highest)> {
    fleet::encrypt(&mut lines, TRIAL)?;
    let trial = Phase {
        pace: Pace::Closed,
        warm: Duration::ZERO,
        window: Duration::from_secs(30),
    };
    let (mut lines, trial) = load::run(lines, trial).await?;
    let phase = Phase {
        pace: Pace::Closed,
        warm: WARM,
        window,
    };
    let expected = trial.messages_per_s * (phase.warm + phase.window).as_secs_f64();
    let each = 1.5 * expected / lines.len() as f64;
    let frame_bytes = fleet::encrypt(&mut lines, each as usize + TRIAL)?;
    let (server, client, commits) = (child.cpu_s()?, cpu_s("self")?, child.commits()?);
    let others = Others::watch(server + client)?;
    let (lines, seen) = load::run(lines, phase).await?;
    let others = others.share(child.cpu_s()? + cpu_s("self")?)?;
    let messages = seen.messages as f64;
    let groups = (child.commits()? - commits).max(1) as f64;
    let highest = Highest {
        server_cpu_us: (child.cpu_s()? - server) * 1e6 / messages,
        client_cpu_us: (cpu_s("self")? - client) * 1e6 / messages,
        group: messages / groups,
        others,
        seen,
    };
    Ok((lines, frame_bytes, highest))
}
