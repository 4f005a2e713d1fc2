//! The `delivery` measurement: one server, 256 devices, and everything it is held
//! against, in one run on one machine.

use std::path::Path;
use std::time::Duration;

use serde_json::json;

use crate::Outcome;
use crate::fleet::{self, CHANNELS, CONTENT, Fleet, Line, MEMBERS, Seat};
use crate::load::{self, Pace, Phase, Seen, WINDOW};
use crate::report::Report;
use crate::serve::{Child, Durable, Keeps, Others, cpu_s};
use crate::store;

/// Messages of each device in the trial that finds out how many are needed.
const TRIAL: usize = 80;
/// At the start of a phase, not counted.
const WARM: Duration = Duration::from_secs(1);
/// Share of the highest rate at which latency is measured.
const MODERATE: f64 = 0.25;
/// More than a large care organisation writes, per second.
const LIGHT: f64 = 200.0;

/// A server and everybody connected to it.
struct Rig {
    child: Child,
    lines: Vec<Line>,
    window: Duration,
    /// Mean length of a message as it is sent.
    frame_bytes: usize,
}

/// A phase, and what it took.
struct Done {
    seen: Seen,
    /// Processor time per message, microseconds.
    server_cpu_us: f64,
    client_cpu_us: f64,
    /// Mean number of messages that shared a sync.
    group: f64,
    durable: Durable,
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
    let (mut rig, idle) = Rig::restarted(&data, window).await?;
    let trial = rig.trial().await?;
    eprintln!("at {MODERATE} of {trial:.0} messages/s");
    let quarter = trial * MODERATE;
    let mut moderate = rig.phase(Pace::Fixed(quarter), quarter).await?;
    eprintln!("as fast as it goes");
    let mut highest = rig.phase(Pace::Closed, trial).await?;
    let rate = highest.seen.messages_per_s;
    eprintln!("at {LIGHT} messages/s");
    let mut light = rig.phase(Pace::Fixed(LIGHT), LIGHT).await?;
    let frame_bytes = rig.frame_bytes;
    rig.stop()?;

    eprintln!("the store alone, and the file under it");
    let mut alone = store::alone(folder.path(), frame_bytes, window).await?;
    let half = window / 2;
    let floor = store::floor(folder.path(), frame_bytes, highest.group, half)?;
    let store_floor = store::floor(folder.path(), frame_bytes, alone.group, half)?;

    eprintln!("the same without a disk");
    let mut rig = Rig::set_up(&folder.path().join("memory"), Keeps::Nothing, window).await?;
    let trial = rig.trial().await?;
    let fanout = rig.phase(Pace::Closed, trial).await?;
    rig.stop()?;

    let phases = [&moderate, &highest, &light, &fanout];
    let others = phases.iter().map(|p| p.others).fold(0.0, f64::max);
    report.figure("others_cpu_share", others);
    report.put("devices", json!(CHANNELS * MEMBERS));
    report.put("channels", json!(CHANNELS));
    report.put("content_bytes", json!(CONTENT));
    report.put("frame_bytes", json!(frame_bytes));
    report.put("in_flight_per_device", json!(WINDOW));
    report.put("seconds_per_phase", json!(seconds));
    report.figure("messages_per_s", rate);
    report.figure("deliveries_per_s", highest.seen.deliveries_per_s);
    report.figure("group", highest.group);
    report.figure("mean_group_ms", highest.durable.mean_ms);
    report.figure("longest_group_ms", highest.durable.longest_ms);
    report.figure("server_cpu_us_per_message", highest.server_cpu_us);
    report.figure("client_cpu_us_per_message", highest.client_cpu_us);
    let names = ["full_load_ack_p50_ms", "full_load_ack_p99_ms"];
    percentiles(&mut report, names, &mut highest.seen.ack);
    let names = ["full_load_delivered_p50_ms", "full_load_delivered_p99_ms"];
    percentiles(&mut report, names, &mut highest.seen.delivered);
    report.figure("latency_at_messages_per_s", moderate.seen.messages_per_s);
    let names = ["ack_p50_ms", "ack_p99_ms"];
    percentiles(&mut report, names, &mut moderate.seen.ack);
    let names = ["delivered_p50_ms", "delivered_p99_ms"];
    percentiles(&mut report, names, &mut moderate.seen.delivered);
    report.figure("latency_group", moderate.group);
    report.figure("latency_mean_group_ms", moderate.durable.mean_ms);
    report.figure("latency_longest_group_ms", moderate.durable.longest_ms);
    let cpu_us = moderate.server_cpu_us + moderate.client_cpu_us;
    report.figure("latency_cpu_us_per_message", cpu_us);
    report.figure("light_at_messages_per_s", light.seen.messages_per_s);
    let names = ["light_ack_p50_ms", "light_ack_p99_ms"];
    percentiles(&mut report, names, &mut light.seen.ack);
    let names = ["light_delivered_p50_ms", "light_delivered_p99_ms"];
    percentiles(&mut report, names, &mut light.seen.delivered);
    report.figure("light_longest_group_ms", light.durable.longest_ms);
    report.figure("rss_kib_per_idle_device", idle);
    report.figure("store_messages_per_s", alone.messages_per_s);
    let names = ["store_p50_ms", "store_p99_ms"];
    percentiles(&mut report, names, &mut alone.times);
    report.figure("store_group", alone.group);
    report.figure("store_longest_group_ms", alone.longest_ms);
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

fn percentiles(report: &mut Report, names: [&'static str; 2], times: &mut crate::report::Times) {
    report.figure(names[0], times.percentile_ms(0.5));
    report.figure(names[1], times.percentile_ms(0.99));
}

impl Rig {
    /// A new structure, with everybody connected.
    async fn set_up(data: &Path, keeps: Keeps, window: Duration) -> Outcome<Self> {
        let child = Child::start(data, keeps)?;
        let mut fleet = Fleet::set_up(&child.address, &child.link).await?;
        let lines = fleet.connect(&child.address, |_| true).await?;
        Ok(Self {
            child,
            lines,
            window,
            frame_bytes: 0,
        })
    }

    /// The same on a new process, so that no memory of the set-up is counted or
    /// reused; and the server's memory for an idle device, KiB. The first of each
    /// channel makes the server load it; what the others add is theirs alone.
    async fn restarted(data: &Path, window: Duration) -> Outcome<(Self, f64)> {
        let child = Child::start(data, Keeps::Durably)?;
        let mut fleet = Fleet::set_up(&child.address, &child.link).await?;
        child.stop()?;
        let child = Child::start(data, Keeps::Durably)?;
        let mut lines = fleet.connect(&child.address, Seat::is_first).await?;
        let before = child.rss_kib()?;
        let others = fleet.connect(&child.address, |_| true).await?;
        let idle = (child.rss_kib()? as f64 - before as f64) / others.len() as f64;
        lines.extend(others);
        lines.sort_by_key(|line| line.seat.number);
        let rig = Self {
            child,
            lines,
            window,
            frame_bytes: 0,
        };
        Ok((rig, idle))
    }

    /// Roughly the highest rate.
    async fn trial(&mut self) -> Outcome<f64> {
        self.frame_bytes = fleet::encrypt(&mut self.lines, TRIAL)?;
        let phase = Phase {
            pace: Pace::Closed,
            warm: Duration::ZERO,
            // Ends when the messages do.
            window: Duration::from_secs(30),
        };
        let (lines, seen) = load::run(std::mem::take(&mut self.lines), phase).await?;
        self.lines = lines;
        Ok(seen.messages_per_s)
    }

    /// Encrypts what a phase may need at such a rate.
    fn encrypt_for(&mut self, messages_per_s: f64) -> Outcome<()> {
        let seconds = (WARM + self.window).as_secs_f64();
        let each = 1.5 * messages_per_s * seconds / self.lines.len() as f64;
        self.frame_bytes = fleet::encrypt(&mut self.lines, each as usize + TRIAL)?;
        Ok(())
    }

    /// Runs a phase; `rate` is the one that is expected.
    async fn phase(&mut self, pace: Pace, rate: f64) -> Outcome<Done> {
        self.encrypt_for(rate)?;
        let phase = Phase {
            pace,
            warm: WARM,
            window: self.window,
        };
        self.child.groups()?;
        let (server, client) = (self.child.cpu_s()?, cpu_s("self")?);
        let others = Others::watch()?;
        let (lines, seen) = load::run(std::mem::take(&mut self.lines), phase).await?;
        self.lines = lines;
        let server = self.child.cpu_s()? - server;
        let client = cpu_s("self")? - client;
        let others = others.share_beside(server + client)?;
        let durable = self.child.groups()?;
        let messages = seen.messages as f64;
        Ok(Done {
            server_cpu_us: server * 1e6 / messages,
            client_cpu_us: client * 1e6 / messages,
            group: messages / durable.groups.max(1) as f64,
            durable,
            others,
            seen,
        })
    }

    fn stop(self) -> Outcome<()> {
        drop(self.lines);
        self.child.stop()
    }
}
