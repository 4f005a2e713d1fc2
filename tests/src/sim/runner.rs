//! Many seeds on all cores: each simulation has one thread of its own.

use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::plan::Plan;
use super::{Outcome, Violation, run};

/// What a batch of seeds came to.
#[derive(Debug, Default)]
pub struct Summary {
    /// Seeds that were run.
    pub seeds: u64,
    /// Simulated time of all devices, milliseconds.
    pub device_ms: u64,
    /// Seeds whose run failed, with what happened.
    pub failures: Vec<(u64, Outcome)>,
}

/// Runs seeds until all are done, one fails often enough, or `budget` is over;
/// `progress` hears after each how many are done, which it was and why it failed. `with`:
/// only those in which this operation happens.
pub fn run_seeds(
    seeds: RangeInclusive<u64>,
    operations: usize,
    budget: Option<Duration>,
    most_failures: usize,
    with: Option<&str>,
    progress: impl Fn(u64, u64, Option<&Violation>) + Sync,
) -> Summary {
    let next = AtomicU64::new(*seeds.start());
    let stop = AtomicBool::new(false);
    let summary = Mutex::new(Summary::default());
    let start = Instant::now();
    let work = || {
        while !stop.load(Ordering::Relaxed) {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed > *seeds.end() || budget.is_some_and(|budget| start.elapsed() > budget) {
                return;
            }
            let plan = Plan::draw(seed, operations);
            if with.is_some_and(|name| plan.steps.iter().all(|step| step.operation != name)) {
                continue;
            }
            let outcome = run(&plan);
            let mut summary = summary.lock().unwrap_or_else(PoisonError::into_inner);
            summary.seeds += 1;
            summary.device_ms += outcome.device_ms;
            progress(summary.seeds, seed, outcome.failure.as_ref());
            if outcome.failure.is_some() {
                summary.failures.push((seed, outcome));
                stop.fetch_or(summary.failures.len() >= most_failures, Ordering::Relaxed);
            }
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(work);
        }
    });
    let mut summary = summary.into_inner().unwrap_or_else(PoisonError::into_inner);
    summary.failures.sort_by_key(|(seed, _)| *seed);
    summary
}
