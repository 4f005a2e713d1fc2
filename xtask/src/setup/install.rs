//! Installs tools, each in the way of its source.

use std::fs;

use super::{
    is_root, makes_venv, npm,
    tools::{KOTLIN, NODE, Source, Tool, WASM, WASM_PACKAGES, wheel},
    tools_dir,
};
use crate::run::{self, Failure, Outcome};

/// Remembers what holds for one installation.
#[derive(Default)]
pub struct Installer {
    lists_are_fresh: bool,
}

impl Installer {
    /// Tries everything; the error is the last thing that failed.
    pub fn install(&mut self, tools: &[&Tool]) -> Outcome {
        let mut outcome = Ok(());
        let packages: Vec<_> = tools
            .iter()
            .filter_map(|tool| match tool.from {
                Source::System(packages)
                | Source::Debian(packages)
                | Source::File(_, packages)
                | Source::Any(_, packages) => Some(packages.split(' ')),
                Source::Component
                | Source::Registry(_)
                | Source::Cargo(_)
                | Source::Kotlin
                | Source::Wasm
                | Source::Node => None,
            })
            .flatten()
            .collect();
        if !packages.is_empty() {
            outcome = self.apt(&packages);
        }
        for tool in tools {
            let attempt = match tool.from {
                Source::System(_) | Source::Debian(_) | Source::File(..) | Source::Any(..) => {
                    continue;
                }
                Source::Wasm => self.wasm(),
                Source::Node => self.wheel(NODE),
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
        self.wheel(&wheel(name, version))
            .or_else(|_| from_cargo(name, version))
    }

    /// A package of Python's registry, among the test tools.
    fn wheel(&mut self, package: &str) -> Outcome {
        let tools = tools_dir();
        let pip = tools.join("bin/pip");
        if !pip.is_file() {
            if !makes_venv() {
                // Without it another way may remain.
                let _ = self.apt(&["python3-venv"]);
            }
            run::run(run::program("python3").args(["-m", "venv"]).arg(&tools))?;
        }
        run::run(run::program(&pip).args(["install", "--quiet", package]))
    }

    /// The toolchain's own library is half a minute away where its source can be reached, and saves building one.
    fn wasm(&mut self) -> Outcome {
        let own = run::run(run::program("rustup").args(["target", "add", WASM]));
        let packages: Vec<_> = WASM_PACKAGES.split(' ').collect();
        own.or_else(|_| self.apt(&packages))
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
    run::run(&mut npm(&folder, &["ci", "--ignore-scripts"])?)
}
