//! Runs other programs: prints each command as one would type it, and turns a failure into one clear line.
//!
//! Every command runs in the root of the repository and with the same target folder, wherever it was started from.

use std::{
    env,
    ffi::{OsStr, OsString},
    fmt,
    io::{self, BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Command, ExitStatus, Stdio},
};

/// Why a command could not do its work, in words for the person who typed it.
#[derive(Debug)]
pub struct Failure(pub String);

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

pub type Outcome<T = ()> = Result<T, Failure>;

/// The root of the repository.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap_or(Path::new("."))
}

/// Where cargo builds: `CARGO_TARGET_DIR` if set, else `target`.
pub fn target_dir() -> PathBuf {
    env::var_os("CARGO_TARGET_DIR")
        .filter(|folder| !folder.is_empty())
        .and_then(|folder| std::path::absolute(folder).ok())
        .unwrap_or_else(|| root().join("target"))
}

/// A program, to be run in the root of the repository.
pub fn program(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    command
        .current_dir(root())
        .env("CARGO_TARGET_DIR", target_dir());
    // `cargo run` describes xtask in these variables. Passed on, they would start build scripts that watch them
    // (ring's does) again after each `cargo build` that was typed by hand.
    for (name, _) in env::vars_os() {
        let describes_xtask = name.to_str().is_some_and(|name| {
            name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_")
        });
        if describes_xtask {
            command.env_remove(name);
        }
    }
    command
}

/// The cargo that runs us, with these arguments.
pub fn cargo(args: &[&str]) -> Command {
    let mut command = program(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(args);
    command
}

/// Prints the command, runs it and waits for it.
pub fn run(command: &mut Command) -> Outcome {
    eprintln!("$ {}", shown(command));
    let status = command
        .status()
        .map_err(|error| cannot_start(command, &error))?;
    judge(command, status)
}

/// Like [`run`], and returns what the command wrote to its standard error, which is shown as it comes.
pub fn run_and_listen(command: &mut Command) -> Outcome<(Outcome, String)> {
    eprintln!("$ {}", shown(command));
    let mut child = command
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| cannot_start(command, &error))?;
    let mut heard = String::new();
    if let Some(pipe) = child.stderr.take() {
        listen(pipe, &mut heard).map_err(|error| cannot_start(command, &error))?;
    }
    let status = child
        .wait()
        .map_err(|error| cannot_start(command, &error))?;
    Ok((judge(command, status), heard))
}

fn listen(pipe: impl io::Read, heard: &mut String) -> io::Result<()> {
    let mut pipe = BufReader::new(pipe);
    let mut line = Vec::new();
    while pipe.read_until(b'\n', &mut line)? > 0 {
        io::stderr().write_all(&line)?;
        heard.push_str(&String::from_utf8_lossy(&line));
        line.clear();
    }
    Ok(())
}

/// Whether the command can be started and succeeds; shows nothing.
pub fn succeeds(command: &mut Command) -> bool {
    let quiet = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    quiet.status().is_ok_and(|status| status.success())
}

/// The standard output of a command that must succeed; the command is not shown.
pub fn output(command: &mut Command) -> Outcome<String> {
    let output = command
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| cannot_start(command, &error))?;
    judge(command, output.status)?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Whether a program of this name is in `PATH`.
pub fn in_path(name: &str) -> bool {
    found(name).is_some()
}

/// The program of this name in `PATH`.
pub fn found(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    let mut programs = env::split_paths(&path).map(|folder| folder.join(name));
    programs.find(|program| program.is_file())
}

/// `PATH` with these folders first.
pub fn path(first: impl IntoIterator<Item = PathBuf>) -> Outcome<OsString> {
    let usual = env::var_os("PATH").unwrap_or_default();
    env::join_paths(first.into_iter().chain(env::split_paths(&usual)))
        .map_err(|error| Failure(format!("PATH cannot be extended: {error}")))
}

/// The failure of a command that did not start, or broke off.
pub fn cannot_start(command: &Command, error: &io::Error) -> Failure {
    Failure(format!("cannot run `{}`: {error}", shown(command)))
}

fn judge(command: &Command, status: ExitStatus) -> Outcome {
    if status.success() {
        Ok(())
    } else {
        Err(Failure(format!("`{}` failed: {status}", shown(command))))
    }
}

/// The command as one would type it in the root of the repository; whoever types it has a `PATH`.
fn shown(command: &Command) -> String {
    let usual = target_dir();
    let environment = command
        .get_envs()
        .filter(|(name, value)| *name != "CARGO_TARGET_DIR" || *value != Some(usual.as_os_str()))
        .filter(|(name, _)| *name != "PATH");
    let mut words: Vec<String> = environment
        .filter_map(|(name, value)| Some(format!("{}={}", name.to_string_lossy(), plain(value?))))
        .collect();
    words.push(short(Path::new(command.get_program())));
    words.extend(command.get_args().map(plain));
    words.join(" ")
}

fn plain(word: &OsStr) -> String {
    short(Path::new(word))
}

/// A path as seen from the root of the repository; `cargo` and other programs outside it by their name alone.
pub fn short(path: &Path) -> String {
    let inside = path
        .strip_prefix(root())
        .ok()
        .filter(|inside| !inside.as_os_str().is_empty());
    match inside {
        Some(inside) => inside.display().to_string(),
        None if path.file_name() == Some(OsStr::new("cargo")) => "cargo".to_owned(),
        None => path.display().to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_printed_command_can_be_typed_again() {
        let mut command = cargo(&["doc", "--no-deps"]);
        command.env("RUSTDOCFLAGS", "-Dwarnings");
        assert_eq!(
            shown(&command),
            "RUSTDOCFLAGS=-Dwarnings cargo doc --no-deps"
        );
        assert_eq!(
            shown(&program(root().join("target/tools/bin/pip"))),
            "target/tools/bin/pip"
        );
    }

    #[test]
    fn a_failing_command_is_named_in_the_error() {
        let Err(failure) = run(program("sh").args(["-c", "exit 3"])) else {
            panic!("exit 3 is a failure")
        };
        assert!(failure.to_string().contains("sh -c exit 3"), "{failure}");
        assert!(run(&mut program("no-such-program-anywhere")).is_err());
    }

    #[test]
    fn folders_come_before_those_of_the_machine() {
        let path = path([PathBuf::from("/ours"), PathBuf::from("/next")]).expect("a PATH");
        let mut folders = env::split_paths(&path);
        assert_eq!(folders.next(), Some(PathBuf::from("/ours")));
        assert_eq!(folders.next(), Some(PathBuf::from("/next")));
    }

    #[test]
    fn what_a_program_says_is_heard_even_when_it_fails() {
        let Ok((outcome, heard)) =
            run_and_listen(program("sh").args(["-c", "echo said >&2; exit 1"]))
        else {
            panic!("sh can be started")
        };
        assert!(outcome.is_err());
        assert_eq!(heard, "said\n");
    }
}
