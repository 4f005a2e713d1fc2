//! The simulation as a test: it repeats itself, and what once failed never does again.

#[path = "../src/bin/sim/chance.rs"]
mod chance;

use relais_tests::sim::plan::{OPERATIONS, Plan};
use relais_tests::sim::{operations, run};

fn replay(path: &std::path::Path) {
    let bytes = std::fs::read(path).expect("a recorded plan");
    let plan: Plan = serde_json::from_slice(&bytes).expect("a plan");
    let outcome = run(&plan);
    assert_eq!(outcome.failure, None, "{path:?}: {:#?}", outcome.trace);
}

#[test]
fn a_seed_reproduces_every_byte_that_was_on_the_way() {
    // The last one has commits with several Removes and many frames under way at once.
    for seed in [3, 4, 30_000] {
        let plan = Plan::draw(seed, OPERATIONS);
        let first = run(&plan);
        let second = run(&plan);
        assert_eq!(first.failure, None, "{:#?}", first.trace);
        assert_eq!(first.transcript, second.transcript);
        assert_eq!(first.trace, second.trace);
    }
    assert_ne!(
        run(&Plan::draw(3, 0)).transcript,
        run(&Plan::draw(4, 0)).transcript
    );
}

#[test]
fn deleting_an_operation_leaves_the_others_as_they_are() {
    let plan = Plan::draw(1, OPERATIONS);
    let again: Plan =
        serde_json::from_slice(&serde_json::to_vec(&plan).expect("json")).expect("plan");
    assert_eq!(plan, again);
    assert!(Plan::draw(1, OPERATIONS / 2).steps == plan.steps[..OPERATIONS / 2]);
    let mut names: Vec<_> = operations::all().map(|operation| operation.name).collect();
    names.sort_unstable();
    let all = names.len();
    names.dedup();
    assert_eq!(names.len(), all, "a name means one operation");
}

/// Plans that failed once, shrunk, each with what it found in its name.
#[test]
fn what_the_simulation_found_stays_mended() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/regressions");
    let mut plans: Vec<_> = std::fs::read_dir(folder)
        .expect("the folder of regressions")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|e| e == "json"))
        .collect();
    plans.sort();
    assert!(!plans.is_empty());
    for plan in plans {
        replay(&plan);
    }
}
