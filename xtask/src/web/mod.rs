//! The web app: the engine as WASM, the page around it, and the files that the server embeds.
//!
//! Layout:
//! - `wasm`: the engine, its bindings for JavaScript, and the types of what passes between them
//! - `publish`: the built page with its compressed forms in `web/dist`, and how large it is
//! - `fresh`: what did not change is not done again
//!
//! The page is built by Vite and played by Playwright; the scripts of `web/app/package.json` say how.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{
    bindings,
    delegate::{self, Program},
    run::{self, Failure, Outcome},
    setup::{self, Purpose},
};
use fresh::Inputs;

mod fresh;
mod publish;
mod wasm;

/// The file that a benchmark writes, told to the script that measures.
const BENCH_JSON: &str = "RELAIS_BENCH_JSON";

/// `cargo xtask web`.
pub fn command(args: &[String]) -> Outcome {
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    match words[..] {
        [] => {
            setup::ensure(Purpose::Web)?;
            build()
        }
        ["test", ..] => {
            setup::ensure(Purpose::Browser)?;
            build()?;
            bindings::build()?;
            run::run(&mut tests(&args[1..])?)
        }
        ["screenshots", ..] => in_browser("screenshots", &args[1..], &delegate::SERVER, |_| ()),
        ["bench", "--json", file, ..] => {
            // Meant from where the person stands.
            let file = env::current_dir().unwrap_or_default().join(file);
            in_browser("bench", &args[3..], &delegate::FAST_SERVER, |npm| {
                npm.env(BENCH_JSON, file);
            })
        }
        ["bench", ..] => Err(Failure("web bench --json FILE".to_owned())),
        [unknown, ..] => Err(Failure(format!(
            "web alone, or with test, screenshots or bench; not \"{unknown}\""
        ))),
    }
}

/// Where the page's sources are.
fn app() -> PathBuf {
    run::root().join("web/app")
}

/// Builds everything that changed, up to the files that the server embeds.
pub fn build() -> Outcome {
    packages()?;
    wasm::build()?;
    page()?;
    publish::publish(&app().join("dist"))
}

/// What the gate checks of the page's sources: types and accessibility, format and lints, unit tests.
pub fn check() -> Outcome {
    ["check", "lint", "test"]
        .into_iter()
        .try_for_each(|script| run::run(&mut setup::npm(&app(), &["run", script])?))
}

/// Plays the browser tests on programs that were built with the page inside.
pub fn play() -> Outcome {
    run::run(&mut tests(&[])?)
}

/// The browser tests, in which devices of other kinds take part.
fn tests(args: &[String]) -> Outcome<Command> {
    let mut tests = script("e2e", args, &delegate::SERVER)?;
    tests.env("RELAIS_CLI_BIN", delegate::SERVER.beside("relais"));
    tests.env("RELAIS_PYTHON_PATH", bindings::python_path()?);
    Ok(tests)
}

/// Builds page and server, and runs a script of the page's that drives a browser.
fn in_browser(
    name: &str,
    args: &[String],
    server: &Program,
    more: impl FnOnce(&mut Command),
) -> Outcome {
    setup::ensure(Purpose::Browser)?;
    build()?;
    server.build()?;
    let mut script = script(name, args, server)?;
    more(&mut script);
    run::run(&mut script)
}

fn script(name: &str, args: &[String], server: &Program) -> Outcome<Command> {
    let browser = setup::chromium()
        .ok_or_else(|| Failure("there is no Chromium: `cargo xtask setup`".to_owned()))?;
    let mut npm = setup::npm(&app(), &["run", name, "--"])?;
    npm.args(args);
    npm.env("RELAIS_SERVER_BIN", server.path());
    npm.env("RELAIS_COLLEAGUE_BIN", server.beside("relais-colleague"));
    npm.env("CHROMIUM", browser);
    server.tell_where(&mut npm);
    Ok(npm)
}

/// Installs what the page is built with.
fn packages() -> Outcome {
    let app = app();
    let inputs = Inputs::of(["package.json", "package-lock.json", ".npmrc"].map(|f| app.join(f)))?;
    // In a folder that the installation empties.
    let stamp = app.join("node_modules/.relais");
    fresh::unless_done("npm packages", &stamp, &inputs, || {
        run::run(&mut setup::npm(&app, &["ci", "--ignore-scripts"])?)
    })
}

/// Builds the page with the engine in it.
fn page() -> Outcome {
    const OTHERS: [&str; 6] = [
        // Made by the build.
        "src/paraglide",
        "node_modules",
        "dist",
        "tests",
        "test-results",
        "playwright-report",
    ];
    let app = app();
    let is_source = |path: &Path| !OTHERS.iter().any(|other| path == app.join(other));
    let inputs = Inputs::of(fresh::files(&app, &is_source)?)?;
    fresh::unless_done("page", &app.join("dist/.relais"), &inputs, || {
        run::run(&mut setup::npm(&app, &["run", "build"])?)
    })
}
