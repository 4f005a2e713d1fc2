//! `check-targets`: type checks engine and façade for phones, on a machine without an NDK or Xcode.
//!
//! The Rust is compiled for the phone. The C below it is compiled too, because build scripts run, but for a target
//! that only resembles the phone's. Nothing is linked.

use std::{path::Path, process::Command, time::Instant};

use super::compilers::{self, Compilers, ZIG};
use crate::{
    debian,
    needs::{Needs, has_target},
    run::{self, Failure, Outcome},
    setup::{self, Purpose},
};

/// A target to check, and the one of zig whose headers are nearest.
struct Target {
    name: &'static str,
    zig: &'static str,
}

const TARGETS: [Target; 3] = [
    Target {
        name: "aarch64-linux-android",
        zig: "aarch64-linux-musl",
    },
    Target {
        name: "armv7-linux-androideabi",
        zig: "arm-linux-musleabi",
    },
    Target {
        name: "aarch64-apple-ios",
        zig: "aarch64-macos",
    },
];

const CHECK: [&str; 7] = [
    "check",
    "--locked",
    "--lib",
    "-p",
    "relais-core",
    "-p",
    "relais-mobile",
];
const NATIVE: [&str; 2] = ["--features", "relais-core/native"];

/// `cargo xtask bindings check-targets`.
pub fn command() -> Outcome {
    setup::ensure(Purpose::Build)?;
    needs().met("the check for phones")?;
    let folder = run::target_dir().join("check-targets");
    let compilers = Compilers::write(folder.join("bin"))?;
    let failed: Vec<_> = TARGETS
        .iter()
        .filter(|target| !target.passes(&compilers, &folder))
        .map(|target| target.name)
        .collect();
    match failed.is_empty() {
        true => Ok(()),
        false => Err(Failure(format!("failed for {}", failed.join(", ")))),
    }
}

fn needs() -> Needs {
    let mut needs = Needs::default();
    for target in &TARGETS {
        needs.unless(
            has_target(target.name) || debian::is_there(),
            &format!("the standard library of {}", target.name),
            &format!(
                "rustup target add {}, or on Debian: apt-get install -y {}",
                target.name,
                debian::PACKAGES
            ),
        );
    }
    let tools = run::short(&run::target_dir().join("tools"));
    needs.unless(
        compilers::has_zig(),
        "zig, which compiles C for other machines",
        &format!(
            "python3 -m venv {tools} && {tools}/bin/pip install {ZIG}; on Debian, first: apt-get install -y python3-venv"
        ),
    );
    needs
}

impl Target {
    fn passes(&self, compilers: &Compilers, folder: &Path) -> bool {
        eprintln!("\n== {}", self.name);
        let start = Instant::now();
        let outcome = self
            .check(compilers, folder)
            .and_then(|mut check| run::run(&mut check));
        if let Err(failure) = &outcome {
            eprintln!("error: {failure}");
        }
        let verdict = if outcome.is_ok() { "passed" } else { "FAILED" };
        let seconds = start.elapsed().as_secs_f64();
        println!("{} {verdict} in {seconds:.1} s", self.name);
        outcome.is_ok()
    }

    /// The check, with the compiler that has the target's standard library or can build it.
    fn check(&self, compilers: &Compilers, folder: &Path) -> Outcome<Command> {
        let mut path = Vec::new();
        let mut check = if has_target(self.name) {
            run::cargo(&CHECK)
        } else {
            path.push(debian::folder());
            debian::cargo(&CHECK)
        };
        check.args(NATIVE).args(["--target", self.name]);
        check.env("CARGO_TARGET_DIR", folder);
        // A Mac has Apple's own compiler for its phones.
        if !(self.is_apple() && cfg!(target_os = "macos")) {
            compilers.tell(&mut check, self.name, self.zig)?;
            check.env("ZIG_GLOBAL_CACHE_DIR", folder.join("zig"));
            if self.is_apple() {
                path.insert(0, compilers.xcrun()?);
                // Apple's log, whose header comes with its SDK alone.
                check.env("LIBSQLITE3_FLAGS", "-DSQLCIPHER_OMIT_LOG_DEVICE");
            }
        }
        check.env("PATH", run::path(path)?);
        Ok(check)
    }

    fn is_apple(&self) -> bool {
        self.name.contains("-apple-")
    }
}
