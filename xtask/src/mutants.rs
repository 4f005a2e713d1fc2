//! `mutants`: changes one thing at a time in the rules on which everything rests, and looks whether a test notices.
//!
//! Survivors that cannot be told from the original are listed with their reasons in `.cargo/mutants.toml`; any other
//! survivor is a missing test.

use std::{fs, process::Command};

use crate::{
    run::{self, Failure, Outcome},
    setup::{self, Purpose},
};

/// Rules that belong together, and the tests that hold them.
struct Scope {
    name: &'static str,
    files: &'static [&'static str],
    /// Whose tests.
    packages: &'static [&'static str],
    /// How the names of the scenarios begin that are run besides the unit tests; every test if empty.
    scenarios: &'static [&'static str],
}

/// Of the rules that only whole devices and a server show.
const WHOLE: &[&str] = &["relais-tests"];

const SCOPES: [Scope; 6] = [
    Scope {
        name: "roster",
        files: &["proto/wire/src/roster.rs", "proto/wire/src/mls.rs"],
        packages: &["relais-wire"],
        scenarios: &[],
    },
    Scope {
        name: "structure",
        files: &["proto/wire/src/structure/**", "proto/wire/src/chain.rs"],
        packages: &["relais-wire"],
        scenarios: &[],
    },
    Scope {
        name: "spans",
        files: &[
            "server/src/store/state.rs",
            "server/src/store/ops/append.rs",
            "server/src/store/ops/read.rs",
        ],
        packages: &["relais-server"],
        scenarios: &[],
    },
    Scope {
        name: "commits",
        files: &[
            "server/src/channels/commit.rs",
            "client-core/src/inbox/commit.rs",
            "client-core/src/outbox/commit.rs",
        ],
        packages: WHOLE,
        scenarios: &[
            "care_thread::",
            "devices::",
            "hostile::",
            "hostile_member::commits::",
            "lies::a_commit_of_another_",
            "lies::a_key_package_of_somebody_else",
            "membership::",
            "rejoin::",
        ],
    },
    Scope {
        name: "rejoin",
        files: &[
            "client-core/src/rejoin/*.rs",
            "server/src/channels/reboot.rs",
        ],
        packages: WHOLE,
        scenarios: &[
            "membership::",
            "rejoin::",
            "restored_threads::a_return_that_was_under_way_",
            "restored_threads::somebody_whose_joining_was_lost_",
        ],
    },
    Scope {
        name: "rollback",
        files: &[
            "client-core/src/engine/restore.rs",
            "client-core/src/identity/returning.rs",
            "server/src/restored.rs",
            "server/src/mac.rs",
        ],
        packages: WHOLE,
        scenarios: &[
            "devices::",
            "membership::an_enrolment_that_lapsed_",
            "restored_server::",
            "restored_structure::",
            "restored_threads::",
            "returning::",
            "whole_story::",
        ],
    },
];

/// `cargo xtask mutants [SCOPE] [OPTION...]`: the options are those of `cargo mutants`.
pub fn command(args: &[String]) -> Outcome {
    let named = args.first().filter(|arg| !arg.starts_with('-'));
    let options = &args[usize::from(named.is_some())..];
    let scopes: Vec<_> = SCOPES
        .iter()
        .filter(|scope| named.is_none_or(|name| name == scope.name))
        .collect();
    if scopes.is_empty() {
        let known: Vec<_> = SCOPES.iter().map(|scope| scope.name).collect();
        let known = known.join(", ");
        return Err(Failure(format!("the scopes of mutants are: {known}")));
    }
    setup::ensure(Purpose::Mutants)?;
    let survived: Vec<_> = scopes
        .into_iter()
        .filter_map(|scope| scope.run(options).err())
        .map(|failure| failure.to_string())
        .collect();
    match survived.is_empty() {
        true => Ok(()),
        false => Err(Failure(survived.join("\n"))),
    }
}

/// Not the tests that take longest and know nothing of these rules.
const UNIT_TESTS: &str = "kind(lib) - test(/^(store|media)::/)";
const ITERATE: &str = "--iterate";

impl Scope {
    fn run(&self, options: &[String]) -> Outcome {
        if self.scenarios.is_empty() {
            return run::run(&mut self.program(self.packages, options)?);
        }
        // The unit tests beside what was changed take seconds; what they do not catch is tried with the scenarios.
        let mut first = self.program(&[], options)?;
        first.args(["--baseline=skip", "--timeout=300"]);
        first.args(["--", "--lib", "-E", UNIT_TESTS, "--profile", "mutants"]);
        let caught_all = run::run(&mut first);
        if caught_all.is_ok() {
            return caught_all;
        }
        let mut rest = self.program(self.packages, options)?;
        if !options.iter().any(|option| option == ITERATE) {
            rest.arg(ITERATE);
        }
        // The unchanged tree would be tested without the scenarios: it is not, and says nothing of the time.
        rest.args(["--baseline=skip", "--timeout=300"]);
        let filter = format!("test(/^({})/)", self.scenarios.join("|"));
        rest.args(["--", "--test", "scenarios", "-E", &filter]);
        rest.args(["--profile", "mutants"]);
        run::run(&mut rest)
    }

    /// cargo-mutants for the scope's files, with the tests of these packages; of that which was changed, if none is named.
    fn program(&self, packages: &[&str], options: &[String]) -> Result<Command, Failure> {
        let target = run::target_dir();
        let found = target.join("mutants").join(self.name);
        fs::create_dir_all(&found)
            .map_err(|error| Failure(format!("cannot make {}: {error}", run::short(&found))))?;
        let mut cargo = setup::program("cargo-mutants");
        cargo
            .args(["mutants", "--test-tool", "nextest", "--no-shuffle"])
            .arg("--output")
            .arg(&found);
        for file in self.files {
            cargo.args(["--file", file]);
        }
        for package in packages {
            cargo.args(["--test-package", package]);
        }
        cargo.args(options);
        // The copy that is changed is built in one folder again and again; cargo-nextest may be ours.
        cargo.env("CARGO_TARGET_DIR", target.join("mutants/target"));
        cargo.env("CARGO_PROFILE_DEV_DEBUG", "0"); // Nobody debugs it: half of each build saved.
        cargo.env("PATH", setup::path()?);
        Ok(cargo)
    }
}
