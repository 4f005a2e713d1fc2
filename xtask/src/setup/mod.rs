//! What a machine must have before Relais can be built and tested, and how to get it.
//!
//! Nothing is installed unless it was asked for: as root with `--yes`, or with `CI=true`. The test tools go to
//! `target/tools` and leave the rest of the machine alone.
//!
//! Layout:
//! - `tools`: what there is to have, how to see whether it is there, and the command that gets it
//! - `install`: getting it

use std::{
    env,
    ffi::OsString,
    path::{Path, PathBuf},
    process::Command,
};

use crate::run::{self, Failure, Outcome};
use install::Installer;
use tools::Tool;

mod install;
mod tools;

pub use tools::{JNA, WASM, chromium, clang};

/// What the machine is needed for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Build the programs and run them.
    Build,
    /// The web app, and all of `Build`.
    Web,
    /// The web app in a browser, and all of `Web`.
    Browser,
    /// `test --quick`: all of `Build`, lints and tests.
    QuickTest,
    /// The whole gate.
    Test,
    /// Whether the tests notice a changed rule.
    Mutants,
}

impl Purpose {
    /// Whether who does this needs the tools of another purpose.
    fn includes(self, other: Self) -> bool {
        use Purpose::{Browser, Build, Mutants, QuickTest, Test, Web};
        match self {
            Build => other == Build,
            Web => matches!(other, Build | Web),
            Browser => matches!(other, Build | Web | Browser),
            QuickTest => matches!(other, Build | QuickTest),
            Test => other != Mutants,
            Mutants => true,
        }
    }
}

/// `cargo xtask setup`.
pub fn command(yes: bool) -> Outcome {
    provide(Purpose::Test, yes && is_root() || in_ci())?;
    println!("This machine has everything that `cargo xtask test` needs.");
    Ok(())
}

/// What other commands call before they work: silent if nothing is missing.
pub fn ensure(purpose: Purpose) -> Outcome {
    provide(purpose, in_ci())
}

/// The program of a test tool: ours if we installed it, else the one in `PATH`.
pub fn program(name: &str) -> Command {
    let ours = tools_dir().join("bin").join(name);
    run::program(if ours.is_file() {
        ours
    } else {
        PathBuf::from(name)
    })
}

/// The Kotlin compiler.
pub fn kotlinc() -> Command {
    run::program(kotlin_dir().join("bin/kotlinc"))
}

/// npm with these arguments, in a folder.
pub fn npm(folder: &Path, args: &[&str]) -> Outcome<Command> {
    let mut npm = program("npm");
    npm.current_dir(folder).args(args).env("PATH", path()?);
    Ok(npm)
}

/// Where the Kotlin compiler and its libraries are.
pub fn kotlin_dir() -> PathBuf {
    tools_dir().join("kotlin/node_modules/kotlin-compiler")
}

/// `PATH` with our test tools first, for programs that start one of them.
pub fn path() -> Outcome<OsString> {
    run::path([tools_dir().join("bin")])
}

fn provide(purpose: Purpose, install: bool) -> Outcome {
    let missing = missing(purpose);
    if missing.is_empty() {
        return Ok(());
    }
    for tool in &missing {
        eprintln!(
            "missing: {} ({})\n  {}",
            tool.name,
            tool.reason,
            tool.command()
        );
    }
    if !install {
        let what = if missing.len() == 1 {
            "a tool is"
        } else {
            "tools are"
        };
        let advice = "run the commands above (after `apt-get update` on a new Debian), or `cargo xtask setup --yes` as root";
        return Err(Failure(format!("{what} missing; {advice}")));
    }
    let attempts = Installer::default().install(&missing);
    let still: Vec<_> = self::missing(purpose)
        .iter()
        .map(|tool| tool.name)
        .collect();
    match attempts {
        _ if still.is_empty() => Ok(()),
        Err(failure) => Err(Failure(format!(
            "still missing: {}; {failure}",
            still.join(", ")
        ))),
        Ok(()) => Err(Failure(format!("still missing: {}", still.join(", ")))),
    }
}

fn missing(purpose: Purpose) -> Vec<&'static Tool> {
    tools::TOOLS
        .iter()
        .filter(|tool| purpose.includes(tool.purpose) && !tool.is_there())
        .collect()
}

fn tools_dir() -> PathBuf {
    run::target_dir().join("tools")
}

/// Debian's python3 comes without what `venv` needs to bring pip along.
fn makes_venv() -> bool {
    run::succeeds(run::program("python3").args(["-c", "import venv, ensurepip"]))
}

fn in_ci() -> bool {
    env::var_os("CI").is_some_and(|value| value == "true")
}

fn is_root() -> bool {
    run::output(run::program("id").arg("-u")).is_ok_and(|id| id.trim() == "0")
}
