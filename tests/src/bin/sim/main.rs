//! `cargo xtask sim`: runs seeds of the simulation, and shrinks those that fail.
//! Figures and progress go to standard error; what failed to standard output.

mod chance;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Parser;
use relais_tests::sim::plan::{OPERATIONS, Plan};
use relais_tests::sim::runner::{Summary, run_seeds};
use relais_tests::sim::{Outcome, run, run_showing, shrink};

/// Seeds between two lines of progress.
const REPORT_EVERY: u64 = 100;

/// Runs the simulation of devices and server, one seed after the other.
#[derive(Parser)]
#[command(name = "cargo xtask sim")]
struct Options {
    /// Seeds: one number, or the first and the last as A..B.
    #[arg(long, default_value = "1..1000", value_parser = range)]
    seeds: (u64, u64),
    /// Operations of each run.
    #[arg(long, default_value_t = OPERATIONS)]
    ops: usize,
    /// Seconds after which no further seed is begun.
    #[arg(long)]
    seconds: Option<u64>,
    /// Failures after which no further seed is begun.
    #[arg(long, default_value_t = 1)]
    failures: usize,
    /// Run only seeds in which this operation happens.
    #[arg(long)]
    with: Option<String>,
    /// Print what happens in each run, one after the other.
    #[arg(long)]
    trace: bool,
    /// Tell also what changed on the devices' screens, with --trace or --replay.
    #[arg(long)]
    show: bool,
    /// Do not look for a shorter plan that fails.
    #[arg(long)]
    no_shrink: bool,
    /// Carry out a recorded plan and nothing else.
    #[arg(long)]
    replay: Option<PathBuf>,
    /// Folder for shrunk plans.
    #[arg(long, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/regressions"))]
    record: PathBuf,
}

fn range(text: &str) -> Result<(u64, u64), String> {
    let number = |text: &str| text.parse::<u64>().map_err(|e| format!("{text}: {e}"));
    match text.split_once("..") {
        None => number(text).map(|seed| (seed, seed)),
        Some((first, last)) => Ok((number(first)?, number(last.trim_start_matches('='))?)),
    }
}

fn main() -> ExitCode {
    match work(&Options::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn work(options: &Options) -> Result<bool, Box<dyn std::error::Error>> {
    if let Some(path) = &options.replay {
        let plan = serde_json::from_slice(&std::fs::read(path)?)?;
        let outcome = run_showing(&plan, options.show);
        tell(&outcome);
        return Ok(outcome.failure.is_none());
    }
    let (first, last) = options.seeds;
    if options.trace {
        let mut sound = true;
        for seed in first..=last {
            println!("seed {seed}");
            let outcome = run_showing(&Plan::draw(seed, options.ops), options.show);
            tell(&outcome);
            sound &= outcome.failure.is_none();
        }
        return Ok(sound);
    }
    // The promise that everything rests on.
    let plan = Plan::draw(first, options.ops);
    if run(&plan).transcript != run(&plan).transcript {
        println!("seed {first} does not repeat itself");
        return Ok(false);
    }
    let start = Instant::now();
    let summary = run_seeds(
        first..=last,
        options.ops,
        options.seconds.map(Duration::from_secs),
        options.failures,
        options.with.as_deref(),
        |done, seed, failure| {
            if let Some(failure) = failure {
                eprintln!("seed {seed} failed: {}", failure.0);
            }
            if done.is_multiple_of(REPORT_EVERY) {
                eprintln!("{done} seeds, {:.0} s", start.elapsed().as_secs_f64());
            }
        },
    );
    report(&summary, first, start.elapsed());
    for (seed, outcome) in &summary.failures {
        println!("seed {seed}");
        tell(outcome);
        if !options.no_shrink {
            shrunk(options, *seed)?;
        }
    }
    Ok(summary.failures.is_empty())
}

fn tell(outcome: &Outcome) {
    for line in &outcome.trace {
        println!("  {line}");
    }
    println!("transcript {}", hex::encode(outcome.transcript));
    if let Some(failure) = &outcome.failure {
        println!("failed: {}", failure.0);
    }
}

fn report(summary: &Summary, first: u64, took: Duration) {
    let seconds = took.as_secs_f64();
    let hours = summary.device_ms as f64 / 3_600_000.0;
    eprintln!(
        "seeds {first}..{}: {} failed; {seconds:.1} s, {:.2} seeds/s, {:.0} simulated device-hours/s",
        first + summary.seeds.saturating_sub(1),
        summary.failures.len(),
        summary.seeds as f64 / seconds,
        hours / seconds,
    );
}

fn shrunk(options: &Options, seed: u64) -> Result<(), Box<dyn std::error::Error>> {
    let Some((least, reason)) = shrink::shrink(&Plan::draw(seed, options.ops)) else {
        println!("seed {seed} does not fail again: it does not repeat itself");
        return Ok(());
    };
    println!("the least of seed {seed} that still fails: {reason}");
    tell(&run(&least));
    std::fs::create_dir_all(&options.record)?;
    let path = options.record.join(format!("seed-{seed}.json"));
    std::fs::write(&path, serde_json::to_vec_pretty(&least)?)?;
    println!("recorded as {}", path.display());
    Ok(())
}
