//! The command line as a whole: options of every command, and the help that
//! begins with a first session.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser};

use crate::commands::Command;
use crate::failure::Result;
use crate::profile::{PassphraseSource, Profile};
use crate::session::Opening;

/// Care threads, encrypted from end to end, from a terminal or a script
#[derive(Debug, Parser)]
#[command(name = "relais", version, after_help = AFTER_HELP, arg_required_else_help = true)]
pub struct Options {
    /// Options of every command.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Options of every command.
#[derive(Debug, Args)]
#[command(next_help_heading = "Options of every command")]
pub struct Global {
    /// Folder with this device's database and key [default: $XDG_DATA_HOME/relais, ~/.local/share/relais]
    #[arg(
        long,
        value_name = "DIR",
        env = "RELAIS_PROFILE",
        hide_env_values = true,
        global = true
    )]
    profile: Option<PathBuf>,
    /// Print one JSON object instead of text
    #[arg(long, global = true)]
    pub json: bool,
    /// How long a command stays online before it returns
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = seconds, global = true)]
    wait: Duration,
    /// Never connect: show and keep what is on this device
    #[arg(long, conflicts_with = "wait", global = true)]
    offline: bool,
    /// File with the passphrase, or set RELAIS_PASSPHRASE; otherwise it is asked for
    #[arg(long, value_name = "FILE", global = true)]
    passphrase_file: Option<PathBuf>,
}

const AFTER_HELP: &str = "\
A first session, from the set-up link that the server printed:
  relais join 'https://…/join#1.AQ…' --given-name Hélène --family-name Exemple --profession lay
  relais invite --given-name Jean --family-name Fictif --profession 60 --rpps 99900000011
      … Jean, on his own device: relais join 'https://…/join#1.Ag…'
  relais sync                      confirms him, now that he has joined
  relais thread new 'Mme Essai, plaie du talon' --member fictif
  relais send essai 'Bonjour, voici le fil de Mme Essai.'
  relais thread show essai

Naming things:
  THREAD, WHO and TASK are a part of a title or name (a word, or three letters), whatever
  its case and accents, or the beginning of an id (four digits); EVENT is the beginning of
  an id. What could be two things is refused, with the two. `me` is you.

Without a network everything you write is kept on this device and leaves later: the
command says so, prints \"queued\": true with --json, and exits with 0.

Exit codes:
  0  done, or kept on this device until there is a connection
  1  something else failed: disk, database, another command has the profile open
  2  the command line is wrong
  3  not possible: unknown, ambiguous, invalid, not allowed, refused
  4  this device has not joined, or must be enrolled again
  5  asked to wait for the server, and it was not reached in time
";

impl Global {
    /// How the profile is to be opened.
    ///
    /// # Errors
    /// When there is no place for a profile.
    pub fn opening(&self) -> Result<Opening> {
        Ok(Opening {
            profile: Profile::locate(self.profile.clone())?,
            passphrase: PassphraseSource::profile(self.passphrase_file.clone()),
            wait: (!self.offline).then_some(self.wait),
        })
    }
}

/// A day: longer is a mistake, and a service uses `watch`.
const MOST_SECONDS: f64 = 86_400.0;

fn seconds(text: &str) -> std::result::Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "is not a number of seconds")?;
    if !(0.0..=MOST_SECONDS).contains(&seconds) {
        return Err(format!("must be from 0 to {MOST_SECONDS}"));
    }
    Ok(Duration::from_secs_f64(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent_and_every_command_has_an_example() {
        fn look(command: &clap::Command, path: &str) {
            let path = format!("{path} {}", command.get_name());
            assert!(command.get_about().is_some(), "{path}: no sentence");
            let help = command.get_after_help().map(|h| h.to_string());
            assert!(
                help.is_some_and(|h| h.contains("relais ")),
                "{path}: no example"
            );
            command.get_subcommands().for_each(|sub| look(sub, &path));
        }
        let command = Options::command();
        command.clone().debug_assert();
        look(&command, "");
    }

    #[test]
    fn a_wait_is_a_number_of_seconds() {
        assert_eq!(seconds("0.5"), Ok(Duration::from_millis(500)));
        for text in ["", "-1", "NaN", "inf", "1e9", "10s"] {
            assert!(seconds(text).is_err(), "{text}");
        }
    }
}
