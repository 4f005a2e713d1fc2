//! `check-targets`: type checks engine and façade for phones, on a machine without an NDK or Xcode.
//!
//! The Rust is compiled for the phone. The C below it is compiled too, because build scripts run, but for a target
//! that only resembles the phone's. Nothing is linked.

use std::{
    env,
    ffi::OsString,
    path::{Path, PathBuf},
    process::Command,
    time::Instant,
};

use super::{
    compilers::{self, Compilers, ZIG},
    needs::{Needs, has_target},
};
use crate::{
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

/// Debian's compiler, which comes with the sources of the standard library.
const DEBIAN: &str = "/usr/bin";
const DEBIAN_SOURCES: &str = "/usr/lib/rustlib/src/rust/library/Cargo.lock";

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
            has_target(target.name) || has_debian(),
            &format!("the standard library of {}", target.name),
            &format!(
                "rustup target add {}, or on Debian: apt-get install -y rustc-web cargo-web rust-web-src",
                target.name
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

fn has_debian() -> bool {
    let there = |name| Path::new(DEBIAN).join(name).is_file();
    there("rustc") && there("cargo") && Path::new(DEBIAN_SOURCES).is_file()
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
            path.push(PathBuf::from(DEBIAN));
            debian()
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
        check.env("PATH", first(path)?);
        Ok(check)
    }

    fn is_apple(&self) -> bool {
        self.name.contains("-apple-")
    }
}

/// Debian's cargo, which builds the standard library as it goes. That is for nightly compilers; the variable makes
/// this one pass for such.
fn debian() -> Command {
    let mut cargo = run::program(Path::new(DEBIAN).join("cargo"));
    for (name, _) in env::vars_os() {
        if is_of_our_cargo(&name) {
            cargo.env_remove(name);
        }
    }
    cargo.env("RUSTC_BOOTSTRAP", "1");
    cargo.args(CHECK).arg("-Zbuild-std=std,panic_abort");
    cargo
}

/// Whether a variable says something of the cargo that runs us, which another one must not hear.
fn is_of_our_cargo(name: &OsString) -> bool {
    const KEPT: [&str; 5] = [
        "CARGO_HOME",
        "CARGO_HTTP_",
        "CARGO_NET_",
        "CARGO_REGISTR",
        "RUST_BACKTRACE",
    ];
    let name = name.to_string_lossy();
    let kept = KEPT.iter().any(|kept| name.starts_with(kept));
    name == "LD_LIBRARY_PATH" || !kept && (name.starts_with("CARGO") || name.starts_with("RUST"))
}

/// `PATH` with these folders first.
fn first(folders: Vec<PathBuf>) -> Outcome<OsString> {
    let usual = env::var_os("PATH").unwrap_or_default();
    env::join_paths(folders.into_iter().chain(env::split_paths(&usual)))
        .map_err(|error| Failure(format!("PATH cannot be extended: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_cargo_hears_nothing_of_ours_but_where_it_fetches_from() {
        let hears = |name: &str| !is_of_our_cargo(&OsString::from(name));
        for ours in [
            "CARGO",
            "CARGO_BUILD_RUSTFLAGS",
            "RUSTUP_TOOLCHAIN",
            "RUSTC",
        ] {
            assert!(!hears(ours), "{ours}");
        }
        assert!(!hears("LD_LIBRARY_PATH"));
        for shared in ["CARGO_HOME", "CARGO_NET_OFFLINE", "HOME", "PATH"] {
            assert!(hears(shared), "{shared}");
        }
    }

    #[test]
    fn folders_come_before_those_of_the_machine() {
        let path = first(vec![PathBuf::from("/ours"), PathBuf::from("/next")]).expect("a PATH");
        let mut folders = env::split_paths(&path);
        assert_eq!(folders.next(), Some(PathBuf::from("/ours")));
        assert_eq!(folders.next(), Some(PathBuf::from("/next")));
    }
}
