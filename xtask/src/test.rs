//! The gate: everything a change must pass, each step with its duration.
//!
//! A failed step does not stop the next. The last line on standard output is `N passed, N failed`: the tests, and
//! each other step as one more.

use std::time::Instant;

use crate::{
    bindings::{self, Language},
    delegate,
    run::{self, Failure, Outcome},
    setup::{self, Purpose},
    web,
};

const FUZZ: &str = "tests/fuzz/Cargo.toml";
/// Seeds of the simulation that every change is tried with, and the time for them.
const SEEDS: &str = "1..300";
/// See [`SEEDS`].
const SIM_SECONDS: &str = "100";

/// `cargo xtask test`.
pub fn command(quick: bool) -> Outcome {
    let mut gate = Gate::default();
    if let Err(failure) = setup::ensure(if quick {
        Purpose::QuickTest
    } else {
        Purpose::Test
    }) {
        gate.failed("setup", &failure);
        return gate.close();
    }
    gate.step("format", || {
        run::run(&mut run::cargo(&["fmt", "--all", "--check"]))
    });
    // Before anything that compiles the server, which embeds it.
    let web = !quick && gate.step("web", web::build);
    gate.step("lints", || {
        run::run(&mut run::cargo(&[
            "clippy",
            "--workspace",
            "--all-targets",
            "--",
            "-D",
            "warnings",
        ]))
    });
    // Tests of the tests crate start the programs, so these are built first, in one call with the tests because
    // development dependencies choose features: two calls would build what they share twice.
    let built = gate.step("build", || {
        run::run(&mut run::cargo(&[
            "build",
            "--workspace",
            "--lib",
            "--bins",
            "--tests",
        ]))
    });
    if built {
        gate.tests();
    }
    if !quick {
        gate.rest(built, web);
    }
    gate.close()
}

#[derive(Default)]
struct Gate {
    passed: u64,
    failed: u64,
    failures: Vec<String>,
}

impl Gate {
    /// Runs one step and returns whether it passed.
    fn step(&mut self, name: &str, work: impl FnOnce() -> Outcome) -> bool {
        match timed(name, work) {
            Ok(()) => {
                self.passed += 1;
                true
            }
            Err(failure) => {
                self.failed(name, &failure);
                false
            }
        }
    }

    fn failed(&mut self, name: &str, failure: &Failure) {
        self.failed += 1;
        self.failures.push(format!("{name}: {failure}"));
    }

    fn tests(&mut self) {
        let mut nextest = setup::program("cargo-nextest");
        nextest.args(["nextest", "run", "--workspace", "--profile", "ci"]);
        delegate::SERVER.tell_where(&mut nextest);
        let mut count = Count::default();
        let outcome = timed("tests", || {
            let (outcome, heard) = run::run_and_listen(&mut nextest)?;
            count = heard.lines().rev().find_map(summary).unwrap_or_default();
            outcome
        });
        self.passed += count.passed;
        self.failed += count.failed;
        if let Err(failure) = outcome {
            // A runner that failed without naming a test has still failed.
            self.failed += u64::from(count.failed == 0);
            self.failures.push(format!("tests: {failure}"));
        }
    }

    fn rest(&mut self, built: bool, web: bool) {
        self.step("guide", || bindings::guide::compare(false));
        for language in Language::ALL {
            self.step(language.name(), || {
                if !built {
                    return Err(unbuilt());
                }
                bindings::check(language)
            });
        }
        self.step("web sources", web::check);
        self.step("browser", || {
            if !(built && web) {
                return Err(unbuilt());
            }
            web::play()
        });
        self.step("documentation", || {
            let mut doc = run::cargo(&["doc", "--workspace", "--no-deps"]);
            run::run(doc.env("RUSTDOCFLAGS", "-Dwarnings"))
        });
        self.step("dependencies", || {
            run::run(setup::program("cargo-deny").args(["check", "bans", "licenses", "sources"]))
        });
        if run::root().join(FUZZ).is_file() {
            self.step("fuzz targets", || {
                let mut check = run::cargo(&["check", "--manifest-path", FUZZ]);
                run::run(check.env("CARGO_TARGET_DIR", run::target_dir().join("fuzz")))
            });
        }
        self.step("simulation", || {
            if !built {
                return Err(unbuilt());
            }
            run::run(
                delegate::SIM
                    .built()
                    .args(["--seeds", SEEDS, "--seconds", SIM_SECONDS]),
            )
        });
        self.step("demo", || {
            if !built {
                return Err(unbuilt());
            }
            run::run(delegate::DEMO.built().arg("--check"))
        });
    }

    fn close(self) -> Outcome {
        for failure in &self.failures {
            eprintln!("failed: {failure}");
        }
        println!("{} passed, {} failed", self.passed, self.failed);
        if self.failed > 0 {
            Err(Failure("this change does not pass".to_owned()))
        } else {
            Ok(())
        }
    }
}

fn unbuilt() -> Failure {
    Failure("not run, because the programs could not be built".to_owned())
}

fn timed(name: &str, work: impl FnOnce() -> Outcome) -> Outcome {
    eprintln!("\n== {name}");
    let start = Instant::now();
    let outcome = work();
    let verdict = if outcome.is_ok() { "passed" } else { "FAILED" };
    eprintln!(
        "== {name} {verdict} in {:.1} s",
        start.elapsed().as_secs_f64()
    );
    outcome
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Count {
    passed: u64,
    failed: u64,
}

/// The count in nextest's line `Summary [ 0.1s] 5 tests run: 4 passed (1 slow), 1 failed, 2 skipped`. A run that
/// was cut short says `3/5 tests run`; every test that was meant to run and did not pass counts as failed.
fn summary(line: &str) -> Option<Count> {
    let (_, rest) = line
        .trim_start()
        .strip_prefix("Summary [")?
        .split_once(']')?;
    let (run, results) = rest.split_once(':')?;
    let meant = run
        .split_whitespace()
        .next()?
        .rsplit('/')
        .next()?
        .parse::<u64>()
        .ok()?;
    let passed = results
        .split(',')
        .find_map(|result| result.trim().split_once(" passed")?.0.parse().ok())
        .unwrap_or(0);
    Some(Count {
        passed,
        failed: meant.saturating_sub(passed),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(line: &str) -> Option<(u64, u64)> {
        summary(line).map(|count| (count.passed, count.failed))
    }

    #[test]
    fn every_test_that_did_not_pass_counts_as_failed() {
        assert_eq!(
            count("     Summary [   0.120s] 2 tests run: 1 passed, 1 failed, 1 skipped"),
            Some((1, 1))
        );
        assert_eq!(
            count("     Summary [   1.2s] 1 test run: 1 passed, 0 skipped"),
            Some((1, 0))
        );
        assert_eq!(
            count(
                "Summary [  61.0s] 9 tests run: 6 passed (2 slow, 1 leaky), 2 failed, 1 timed out, 0 skipped"
            ),
            Some((6, 3))
        );
        assert_eq!(
            count("Summary [   0.1s] 3/5 tests run: 2 passed, 1 failed, 0 skipped"),
            Some((2, 3))
        );
        assert_eq!(
            count("Summary [   0.1s] 2 tests run: 2 failed"),
            Some((0, 2))
        );
    }

    #[test]
    fn other_output_is_not_taken_for_the_summary() {
        assert_eq!(
            count("        PASS [   0.004s] (1/3) relais-wire a summary of 3 tests run: 3 passed"),
            None
        );
        assert_eq!(count("error: test run failed"), None);
    }
}
