//! What a machine must have before Relais can be built and tested, and how to get it.
//!
//! Nothing is installed unless it was asked for: as root with `--yes`, or with `CI=true`. The test tools go to
//! `target/tools` and leave the rest of the machine alone.

use std::{
    env,
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::run::{self, Failure, Outcome};

/// What the machine is needed for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Purpose {
    /// Build the programs and run them.
    Build,
    /// `test --quick`: all of `Build`, lints and tests.
    QuickTest,
    /// The whole gate.
    Test,
    /// Whether the tests notice a changed rule.
    Mutants,
}

struct Tool {
    name: &'static str,
    reason: &'static str,
    purpose: Purpose,
    from: Source,
}

/// Where a tool comes from.
enum Source {
    /// The operating system: Debian packages, or Apple's command line tools.
    System(&'static str),
    /// Debian packages; elsewhere a person looks for them.
    Debian(&'static str),
    /// As before, for what is no program but a file.
    File(&'static str, &'static str),
    /// The npm package of the Kotlin compiler.
    Kotlin,
    /// A component of the Rust toolchain.
    Component,
    /// A ready binary, else cargo; the version is the one that was seen to work.
    Registry(&'static str),
    /// Cargo alone: there is no ready binary of it.
    Cargo(&'static str),
}

/// Java Native Access, which generated Kotlin calls the library with.
pub const JNA: &str = "/usr/share/java/jna.jar";

/// What names the Kotlin compiler and pins it.
const KOTLIN: [&str; 2] = ["package.json", "package-lock.json"];

const TOOLS: [Tool; 15] = {
    use Purpose::{Build, Mutants, QuickTest, Test};
    use Source::{Cargo, Component, Debian, File, Kotlin, Registry, System};
    [
        tool(
            "cc",
            "SQLCipher, OpenSSL, linking",
            Build,
            System("gcc libc6-dev"),
        ),
        tool("make", "OpenSSL inside SQLCipher", Build, System("make")),
        tool("perl", "OpenSSL inside SQLCipher", Build, System("perl")),
        tool("c++", "the fuzz targets", Test, System("g++")),
        tool("clippy", "lints", QuickTest, Component),
        tool("rustfmt", "the format", QuickTest, Component),
        tool("nm", "the library's symbols", Test, System("binutils")),
        tool("python3", "the scenario in Python", Test, Debian("python3")),
        tool(
            "java",
            "the scenario in Kotlin",
            Test,
            Debian("default-jre-headless"),
        ),
        tool(
            "jna",
            "the scenario in Kotlin",
            Test,
            File(JNA, "libjna-java"),
        ),
        tool("npm", "the Kotlin compiler", Test, Debian("npm")),
        tool("kotlinc", "the scenario in Kotlin", Test, Kotlin),
        tool(
            "cargo-nextest",
            "running tests",
            QuickTest,
            Registry("0.9.148"),
        ),
        tool(
            "cargo-deny",
            "licences and sources",
            Test,
            Registry("0.20.2"),
        ),
        tool(
            "cargo-mutants",
            "changing a rule to see a test fail",
            Mutants,
            Cargo("27.0.0"),
        ),
    ]
};

const fn tool(name: &'static str, reason: &'static str, purpose: Purpose, from: Source) -> Tool {
    Tool {
        name,
        reason,
        purpose,
        from,
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

/// Where the Kotlin compiler and its libraries are.
pub fn kotlin_dir() -> PathBuf {
    tools_dir().join("kotlin/node_modules/kotlin-compiler")
}

/// `PATH` with our test tools first, for programs that start one of them.
pub fn path(usual: Option<OsString>) -> Outcome<OsString> {
    let usual = usual.unwrap_or_default();
    let folders = std::iter::once(tools_dir().join("bin")).chain(env::split_paths(&usual));
    env::join_paths(folders).map_err(|error| Failure(format!("PATH cannot be extended: {error}")))
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
    TOOLS
        .iter()
        .filter(|tool| tool.purpose <= purpose && !tool.is_there())
        .collect()
}

impl Tool {
    fn is_there(&self) -> bool {
        match self.from {
            // macOS has a `cc` that only offers to install one.
            Source::System(_) if cfg!(target_os = "macos") => {
                run::in_path(self.name) && run::succeeds(run::program("xcode-select").arg("-p"))
            }
            Source::System(_) | Source::Debian(_) => run::in_path(self.name),
            Source::File(path, _) => Path::new(path).is_file(),
            // Another version may have been installed for another commit.
            Source::Kotlin => {
                let text = |path: PathBuf| fs::read_to_string(path).ok();
                let pinned = |name| text(run::root().join("mobile-bindings/kotlin").join(name));
                let have = |name| text(tools_dir().join("kotlin").join(name));
                kotlin_dir().join("bin/kotlinc").is_file()
                    && KOTLIN.iter().all(|name| pinned(name) == have(name))
            }
            Source::Component => run::succeeds(&mut run::cargo(&[self.subcommand(), "--version"])),
            Source::Registry(_) | Source::Cargo(_) => {
                run::in_path(self.name) || tools_dir().join("bin").join(self.name).is_file()
            }
        }
    }

    fn subcommand(&self) -> &'static str {
        if self.name == "rustfmt" {
            "fmt"
        } else {
            self.name
        }
    }

    /// The one command that gets this tool.
    fn command(&self) -> String {
        match self.from {
            Source::System(_) if cfg!(target_os = "macos") => "xcode-select --install".to_owned(),
            Source::Debian(_) | Source::File(..) if !run::in_path("apt-get") => {
                format!("install {} with your system's package manager", self.name)
            }
            Source::System(packages) | Source::Debian(packages) | Source::File(_, packages) => {
                format!("apt-get install -y {packages}")
            }
            Source::Kotlin => {
                let from = KOTLIN.map(|name| format!("mobile-bindings/kotlin/{name}"));
                let to = run::short(&tools_dir().join("kotlin"));
                let from = from.join(" ");
                format!("mkdir -p {to} && cp {from} {to} && (cd {to} && npm ci --ignore-scripts)")
            }
            Source::Component => format!("rustup component add {}", self.name),
            Source::Registry(version) if makes_venv() => {
                let tools = run::short(&tools_dir());
                format!(
                    "python3 -m venv {tools} && {tools}/bin/pip install {}",
                    wheel(self.name, version)
                )
            }
            Source::Registry(version) | Source::Cargo(version) => {
                format!("cargo install --locked {}@{version}", self.name)
            }
        }
    }
}

#[derive(Default)]
struct Installer {
    lists_are_fresh: bool,
}

impl Installer {
    /// Tries everything; the error is the last thing that failed.
    fn install(&mut self, tools: &[&Tool]) -> Outcome {
        let mut outcome = Ok(());
        let packages: Vec<_> = tools
            .iter()
            .filter_map(|tool| match tool.from {
                Source::System(packages) | Source::Debian(packages) | Source::File(_, packages) => {
                    Some(packages.split(' '))
                }
                Source::Component | Source::Registry(_) | Source::Cargo(_) | Source::Kotlin => None,
            })
            .flatten()
            .collect();
        if !packages.is_empty() {
            outcome = self.apt(&packages);
        }
        for tool in tools {
            let attempt = match tool.from {
                Source::System(_) | Source::Debian(_) | Source::File(..) => continue,
                Source::Kotlin => from_npm(),
                Source::Component => {
                    run::run(run::program("rustup").args(["component", "add", tool.name]))
                }
                Source::Registry(version) => self.binary(tool.name, version),
                Source::Cargo(version) => from_cargo(tool.name, version),
            };
            outcome = attempt.and(outcome);
        }
        outcome
    }

    fn apt(&mut self, packages: &[&str]) -> Outcome {
        if !run::in_path("apt-get") || !is_root() {
            return Err(Failure(
                "system packages can be installed here only by root and with apt-get".to_owned(),
            ));
        }
        if !self.lists_are_fresh {
            run::run(run::program("apt-get").arg("update"))?;
            self.lists_are_fresh = true;
        }
        let mut install = run::program("apt-get");
        run::run(
            install
                .env("DEBIAN_FRONTEND", "noninteractive")
                .args(["install", "-y"])
                .args(packages),
        )
    }

    fn binary(&mut self, name: &str, version: &str) -> Outcome {
        let tools = tools_dir();
        let pip = tools.join("bin/pip");
        if !pip.is_file() {
            if !makes_venv() {
                // Without it the way over cargo remains, which is only slower.
                let _ = self.apt(&["python3-venv"]);
            }
            let _ = run::run(run::program("python3").args(["-m", "venv"]).arg(&tools));
        }
        if pip.is_file()
            && run::run(run::program(&pip).args(["install", "--quiet", &wheel(name, version)]))
                .is_ok()
        {
            return Ok(());
        }
        from_cargo(name, version)
    }
}

fn from_cargo(name: &str, version: &str) -> Outcome {
    let install = ["install", "--locked", "--version", version, name, "--root"];
    run::run(run::cargo(&install).arg(tools_dir()))
}

fn from_npm() -> Outcome {
    let folder = tools_dir().join("kotlin");
    let copied = fs::create_dir_all(&folder).and_then(|()| {
        KOTLIN.iter().try_for_each(|name| {
            let from = run::root().join("mobile-bindings/kotlin").join(name);
            fs::copy(from, folder.join(name)).map(|_| ())
        })
    });
    copied.map_err(|error| Failure(format!("{}: {error}", run::short(&folder))))?;
    // With --prefix npm would take where it stands for part of the project.
    let mut npm = run::program("npm");
    run::run(npm.current_dir(folder).args(["ci", "--ignore-scripts"]))
}

/// The package with the ready binary of a cargo tool.
fn wheel(name: &str, version: &str) -> String {
    format!("astral-dev-toolchain-{name}=={version}")
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
