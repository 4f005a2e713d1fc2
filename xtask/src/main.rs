//! The commands of this repository: `cargo xtask help` lists them.
//!
//! Layout:
//! - `run`: starts other programs, prints them, fails in words
//! - `setup`: what a machine must have, and how to get it
//! - `delegate`: builds and starts the programs that do the work of `demo`, `sim` and `bench`
//! - `test`: the gate, step by step
//! - `mutants`: whether the tests notice a changed rule
//! - `web`: the web app, from the engine as WASM to the files that the server embeds
//! - `bindings`: the core in Kotlin, Swift and Python, and what ships to Android and iOS
//! - `assurance`: security requirements against the tests that prove them
//! - `debian`: another compiler, for targets that the usual one has no library of
//! - `needs`, `folders`: what a machine lacks for one command, and folders put together from others
//!
//! It has no dependencies, so that it builds in a second on a machine that has nothing yet. Whatever needs the
//! project's own crates is a binary of theirs, which `delegate` builds and starts.

use std::process::ExitCode;

use run::{Failure, Outcome};

mod assurance;
mod bindings;
mod debian;
mod delegate;
mod folders;
mod mutants;
mod needs;
mod run;
mod setup;
mod test;
mod web;

const HELP: &str = "\
Usage: cargo xtask COMMAND

  setup [--yes]                   check what this machine lacks, and print one command for each missing thing;
                                  as root with --yes, or with CI=true, install it
  demo                            start a server and play the first day of a care thread; prints where to open it in a
                                  browser, and an invitation for each role
  demo --check                    the same without a person: exits 0 only if nothing is lost, doubled or leaked
  test [--quick]                  everything a change must pass; --quick is format, lints and tests only
  sim [--seeds A..B] [--ops N]    simulate devices and server with faults, one seed after the other; a seed that fails
                                  is shrunk and recorded
  sim --optimised …               the same with an optimised build that keeps every assertion: for many seeds
  bench delivery|core|history|lost-phone|rejoin|bindings --json FILE measure an optimised build
  web                             build the web app with its engine as WASM into web/dist, from where the server embeds it;
                                  what did not change is not built again
  web test [ARGS]                 play it in a browser on a real server; ARGS are Playwright's, like --headed or a file
  web screenshots                 make the pictures of README.md and of every screen again
  web bench --json FILE           measure it in a browser, on an optimised server
  mutants [SCOPE]                 change one thing at a time in the rules of rosters, spans, commits, rejoin and rollback,
                                  and see whether a test fails; takes hours; options are those of cargo-mutants
  bindings kotlin|swift|python    generate the sources of a language from the library of this machine;
                                  --run plays its scenario, --accept keeps its public interface as agreed on
  bindings guide                  put the parts of sources that docs/mobile.md shows there as they are now
  bindings android|ios            what ships: an AAR's layout, an XCFramework; needs the NDK, or Xcode
  bindings check-targets          type check engine and façade for phones
  assurance [--strict]            which test proves which security requirement; --strict fails while one is open
  help                            this text

demo, sim and bench have more options: cargo xtask demo --help
";

fn main() -> ExitCode {
    let mut args = std::env::args().skip(1);
    let command = args.next().unwrap_or_else(|| "help".to_owned());
    let args: Vec<String> = args.collect();
    match dispatch(&command, &args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("error: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch(command: &str, args: &[String]) -> Outcome {
    match command {
        "setup" => setup::command(flag(args, "--yes")?),
        "test" => test::command(flag(args, "--quick")?),
        "demo" => delegate::demo(args),
        "sim" => delegate::simulate(args),
        "bench" if args.first().is_some_and(|name| name == "bindings") => bindings::bench(args),
        "bench" => delegate::command(&delegate::BENCH, args),
        "web" => web::command(args),
        "mutants" => mutants::command(args),
        "bindings" => bindings::command(args),
        "assurance" => assurance::command(flag(args, "--strict")?),
        "help" | "--help" | "-h" => {
            print!("{HELP}");
            Ok(())
        }
        unknown => Err(Failure(format!(
            "there is no command \"{unknown}\"\n\n{HELP}"
        ))),
    }
}

/// Whether the one flag that a command knows was given; anything else is an error.
fn flag(args: &[String], known: &str) -> Outcome<bool> {
    match args {
        [] => Ok(false),
        [only] if only == known => Ok(true),
        [unknown, ..] if unknown != known => Err(Failure(format!(
            "unknown argument \"{unknown}\"; this command knows {known} only"
        ))),
        _ => Err(Failure(format!(
            "{known} is given more than once, or with something after it"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(args: &[&str]) -> Outcome<bool> {
        flag(
            &args.iter().map(|arg| (*arg).to_owned()).collect::<Vec<_>>(),
            "--strict",
        )
    }

    #[test]
    fn a_mistyped_flag_is_refused_and_named() {
        assert!(matches!(given(&[]), Ok(false)));
        assert!(matches!(given(&["--strict"]), Ok(true)));
        let Err(failure) = given(&["--srtict"]) else {
            panic!("a typing error must not run the lenient variant")
        };
        assert!(failure.to_string().contains("--srtict"));
        assert!(given(&["--strict", "more"]).is_err());
    }
}
