//! One file per group of commands: its options, what it does, what it shows.

mod circle;
mod comeback;
mod coordinator;
mod device;
mod export;
mod failed;
mod handover;
mod header;
mod history;
mod invite;
mod join;
mod message;
mod people;
mod photo;
mod projection;
mod recovery;
mod replacement;
mod root;
mod safety;
mod staff;
mod sync;
mod task;
mod thread;
mod watch;
mod wound;
mod written;

use clap::Subcommand;

use crate::failure::{Failure, Result};
use crate::render::Shown;
use crate::session::{Opening, Session};

/// What a person can do.
#[derive(Debug, Subcommand)]
pub enum Command {
    Join(join::Join),
    Whoami(people::WhoAmI),
    People(people::People),
    #[command(subcommand)]
    Device(device::Device),
    Invite(invite::Invite),
    #[command(subcommand)]
    Coordinator(coordinator::Coordinator),
    #[command(subcommand)]
    Recovery(recovery::Recovery),
    #[command(subcommand)]
    Thread(thread::Thread),
    Send(message::Send),
    Read(message::Read),
    #[command(subcommand)]
    Photo(photo::Photo),
    #[command(subcommand)]
    Task(task::Task),
    #[command(subcommand)]
    Handover(handover::Handover),
    #[command(subcommand)]
    Wound(wound::Wound),
    Sync(sync::Sync),
    Watch(watch::Watch),
    #[command(subcommand)]
    Failed(failed::Failed),
    Export(export::Export),
    Projection(projection::Projection),
}

impl Command {
    /// What needs no profile.
    pub fn without_profile(&self) -> Option<Shown> {
        match self {
            Self::Thread(thread::Thread::Header(header)) => header.example(),
            _ => None,
        }
    }

    /// What must be right, and be there, before a profile is opened.
    ///
    /// # Errors
    /// Of the command line, and of making a profile.
    pub fn prepare(&mut self, opening: &Opening) -> Result<()> {
        match self {
            Self::Join(join) => join.prepare(opening),
            Self::Watch(_) | Self::Sync(_) if opening.wait.is_none() => {
                Err(Failure::Usage("this command is about being online".into()))
            }
            _ => Ok(()),
        }
    }

    /// Whether a signal is the ordinary way to end it.
    pub fn runs_until_interrupted(&self) -> bool {
        matches!(self, Self::Watch(_))
    }

    /// Carries it out. `None`: everything was shown on the way.
    ///
    /// # Errors
    /// Of the command.
    pub async fn run(self, session: &mut Session, json: bool) -> Result<Option<Shown>> {
        let shown = match self {
            Self::Join(command) => command.run(session).await?,
            Self::Whoami(command) => command.run(session).await?,
            Self::People(command) => command.run(session).await?,
            Self::Device(command) => command.run(session).await?,
            Self::Invite(command) => command.run(session).await?,
            Self::Coordinator(command) => command.run(session).await?,
            Self::Recovery(command) => command.run(session).await?,
            Self::Thread(command) => command.run(session).await?,
            Self::Send(command) => command.run(session).await?,
            Self::Read(command) => command.run(session).await?,
            Self::Photo(command) => command.run(session).await?,
            Self::Task(command) => command.run(session).await?,
            Self::Handover(command) => command.run(session).await?,
            Self::Wound(command) => command.run(session).await?,
            Self::Sync(command) => command.run(session).await?,
            Self::Failed(command) => command.run(session).await?,
            Self::Export(command) => command.run(session).await?,
            Self::Projection(command) => command.run(session).await?,
            Self::Watch(command) => {
                command.run(session, json).await?;
                return Ok(None);
            }
        };
        Ok(Some(shown))
    }
}

/// An argument that may be `-` for the standard input.
///
/// # Errors
/// [`Failure::File`], and [`Failure::Value`] beyond `most` bytes.
fn text_or_stdin(argument: &str, most: u64) -> Result<String> {
    if argument != "-" {
        return Ok(argument.to_owned());
    }
    read_text(
        std::io::stdin(),
        std::path::Path::new("standard input"),
        most,
    )
}

fn text_file(path: &std::path::Path, most: u64) -> Result<String> {
    let file = std::fs::File::open(path).map_err(|e| Failure::file(path, e))?;
    read_text(file, path, most)
}

fn read_text(from: impl std::io::Read, path: &std::path::Path, most: u64) -> Result<String> {
    use std::io::Read;
    let mut text = String::new();
    from.take(most + 1)
        .read_to_string(&mut text)
        .map_err(|e| Failure::file(path, e))?;
    if text.len() as u64 > most {
        let field = path.display().to_string();
        return Err(Failure::value(
            field,
            format!("is larger than {most} bytes"),
        ));
    }
    Ok(text)
}

/// Far above the longest message or header that the schema allows.
const TEXT_BYTES: u64 = 256 * 1024;

pub use sync::must_enrol_again;

/// What needs attention, in a line.
pub fn attention(trouble: &relais_core::engine::Trouble) -> String {
    format!("Attention: {}", sync::TroubleView::from(trouble))
}
