//! The root's key on paper: kits, shares, and what this device knows of them.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use relais_core::identity::root::{Recovery as Known, RecoveryStatus, RecoveryText};
use serde::Serialize;

use super::replacement::{Approve, ProposalView, ReplaceRoot};
use super::root::{KitPassphrase, RootOptions};
use crate::failure::Result;
use crate::profile::write_private;
use crate::render::{Shown, Text, View};
use crate::session::Session;
use crate::time;

/// Keep the practice's root key safe: a kit on paper, or shares
///
/// The root key makes and ends coordinators. After set-up it is on the first
/// coordinator's device alone. Make a kit, confirm it, then take the key off the device.
#[derive(Debug, Subcommand)]
#[command(after_help = "Example:
  relais recovery kit --out kit.txt
  relais recovery confirm --kit kit.txt
  relais recovery forget")]
pub enum Recovery {
    Kit(Kit),
    Shares(Shares),
    Confirm(Confirm),
    Forget(Forget),
    Status(Status),
    ReplaceRoot(ReplaceRoot),
    Approve(Approve),
}

impl Recovery {
    pub(super) async fn run(self, session: &mut Session) -> Result<Shown> {
        match self {
            Self::Kit(command) => command.run(session).await,
            Self::Shares(command) => command.run(session).await,
            Self::Confirm(command) => command.run(session).await,
            Self::Forget(command) => command.run(session).await,
            Self::Status(command) => command.run(session).await,
            Self::ReplaceRoot(command) => command.run(session).await,
            Self::Approve(command) => command.run(session).await,
        }
    }
}

/// Make a recovery kit, opened by a passphrase of at least 16 characters
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  relais recovery kit --out kit.txt")]
pub struct Kit {
    /// File to make, readable by you alone [default: the standard output]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    passphrase: KitPassphrase,
}

/// Texts that were made.
#[derive(Debug, Serialize)]
pub struct Made {
    /// The texts; empty when they were written to files.
    texts: Vec<String>,
    files: Vec<String>,
}

impl Made {
    /// Writes each text to its file, or keeps them to be shown.
    ///
    /// # Errors
    /// Of the files, which must not exist yet.
    pub fn of(texts: Vec<RecoveryText>, files: Vec<PathBuf>) -> Result<Self> {
        for (path, text) in files.iter().zip(&texts) {
            write_private(path, format!("{}\n", text.as_str()).as_bytes())?;
        }
        let shown = files.is_empty();
        let texts = texts.iter().map(|text| text.to_string());
        Ok(Self {
            texts: texts.filter(|_| shown).collect(),
            files: files.iter().map(|f| f.display().to_string()).collect(),
        })
    }
}

impl View for Made {
    fn plain(&self, text: &mut Text) {
        self.texts.iter().for_each(|secret| text.line(secret));
        self.files.iter().for_each(|file| text.line(file));
        text.note("print it, keep it apart from the device, then: relais recovery confirm");
    }
}

impl Kit {
    async fn run(self, session: &mut Session) -> Result<Shown> {
        let passphrase = self.passphrase.read(true)?;
        let kit = session
            .act(move |e| {
                let held = relais_core::identity::root::RootAccess::Held;
                Ok(e.make_recovery_kit(&held, &passphrase)?)
            })
            .await?;
        Ok(Made::of(vec![kit], self.out.into_iter().collect())?.into())
    }
}

/// Cut the root's key into shares, of which some give it back
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  relais recovery shares --needed 2 --of 3 --out share")]
pub struct Shares {
    /// How many give it back
    #[arg(long, value_name = "K")]
    needed: u8,
    /// How many there are
    #[arg(long, value_name = "N")]
    of: u8,
    /// Files to make: NAME-1.txt, NAME-2.txt, … [default: the standard output]
    #[arg(long, value_name = "NAME")]
    out: Option<PathBuf>,
    #[command(flatten)]
    root: RootOptions,
}

impl Shares {
    async fn run(self, session: &mut Session) -> Result<Shown> {
        let access = self.root.access()?;
        let (needed, of) = (self.needed, self.of);
        let shares = session
            .act(move |e| Ok(e.make_recovery_shares(&access, needed, of)?))
            .await?;
        let named = |out: &Path| {
            let file = |number| PathBuf::from(format!("{}-{number}.txt", out.display()));
            (1..=of).map(file).collect()
        };
        let files = self.out.as_deref().map(named).unwrap_or_default();
        Ok(Made::of(shares, files)?.into())
    }
}

/// Prove that a kit, or shares, open
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  relais recovery confirm --kit kit.txt
  relais recovery confirm --share share-1.txt --share share-3.txt")]
pub struct Confirm {
    #[command(flatten)]
    root: RootOptions,
}

impl Confirm {
    async fn run(self, session: &mut Session) -> Result<Shown> {
        let access = self.root.access()?;
        session
            .act(move |e| Ok(e.confirm_recovery(&access)?))
            .await?;
        Status {}.run(session).await
    }
}

/// Take the root's key off this device, once a kit or shares were confirmed
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  relais recovery forget")]
pub struct Forget {}

impl Forget {
    async fn run(self, session: &mut Session) -> Result<Shown> {
        session.act(|e| Ok(e.forget_root()?)).await?;
        Status {}.run(session).await
    }
}

/// Show where the root's key is, as far as this device knows
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  relais recovery status")]
pub struct Status {}

#[derive(Debug, Serialize)]
struct KnownView {
    made_ms: Option<u64>,
    confirmed_ms: Option<u64>,
}

/// What a screen shows of it, and reminds of.
#[derive(Debug, Serialize)]
pub struct StatusView {
    held: bool,
    kit: Option<KnownView>,
    shares: Option<KnownView>,
    needs_kit: bool,
    /// New roots that coordinators propose.
    proposals: Vec<ProposalView>,
}

impl StatusView {
    fn of(status: RecoveryStatus, proposals: Vec<ProposalView>) -> Self {
        let known = |known: Known| KnownView {
            made_ms: known.made_ms,
            confirmed_ms: known.confirmed_ms,
        };
        Self {
            held: status.held,
            kit: status.kit.map(known),
            shares: status.shares.map(known),
            needs_kit: status.needs_kit(),
            proposals,
        }
    }
}

/// What is said while losing the device would lose the root's key.
pub const NEEDS_KIT: &str =
    "the root key is only on this device: relais recovery kit, then relais recovery confirm";

impl Status {
    async fn run(self, session: &mut Session) -> Result<Shown> {
        session.freshen().await?;
        let view = session
            .call(|e| Ok(StatusView::of(e.recovery_status()?, ProposalView::all(e)?)))
            .await?;
        Ok(view.into())
    }
}

impl View for StatusView {
    fn plain(&self, text: &mut Text) {
        let nowhere = !self.held && self.kit.is_none() && self.shares.is_none();
        text.line(match (self.held, nowhere) {
            (true, _) => "the root key is on this device",
            (false, true) => "this device knows nothing of the root key",
            (false, false) => "the root key is not on this device",
        });
        for (what, known) in [("kit", &self.kit), ("shares", &self.shares)] {
            let Some(known) = known else { continue };
            let when = |ms: Option<u64>, not| ms.map_or(not, time::minutes);
            let made = when(known.made_ms, "elsewhere".to_owned());
            let confirmed = when(known.confirmed_ms, "not yet".to_owned());
            text.line(format_args!("  {what}: made {made}, confirmed {confirmed}"));
        }
        self.proposals.iter().for_each(|p| p.plain(text));
        if self.needs_kit {
            text.note(NEEDS_KIT);
        }
    }
}
