//! Staying online until everything is here and everything has left.

use clap::Args;
use relais_core::engine::{Phase, Trouble};
use serde::Serialize;

use crate::failure::{Result, exit};
use crate::render::{Shown, Text, View};
use crate::session::Session;

/// Stay online until everything is here and everything has left, at most --wait
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  relais sync --wait 60")]
pub struct Sync {}

/// Something that needs a person's attention.
#[derive(Debug, Serialize)]
pub struct TroubleView {
    code: &'static str,
    thread: Option<String>,
    /// The person whose device says so.
    professional: Option<String>,
    message: &'static str,
}

impl From<&Trouble> for TroubleView {
    fn from(trouble: &Trouble) -> Self {
        let (code, message) = match trouble {
            Trouble::Frozen => (
                "frozen",
                "this profile was restored or copied: relais device return, or join again in another folder",
            ),
            Trouble::Revoked => (
                "revoked",
                "the server says that this device was revoked: a coordinator can invite you again",
            ),
            Trouble::Wiped => (
                "wiped",
                "this device was revoked and has forgotten everything: relais join LINK",
            ),
            Trouble::Lapsed => ("lapsed", crate::failure::LAPSED),
            Trouble::UpdateNeeded => ("update_needed", "the server needs a newer relais"),
            Trouble::StructureForked => (
                "structure_forked",
                "the server shows a list of professionals that breaks its rules; nothing is sent",
            ),
            Trouble::StructureDisputed(_) => (
                "structure_disputed",
                "this person's device says that it has seen another list of professionals than the server shows",
            ),
            Trouble::StructureWithheld => (
                "structure_withheld",
                "a colleague knows changes among the professionals that the server does not show",
            ),
            Trouble::ChannelForked(_) => (
                "channel_forked",
                "the server showed two versions of this thread",
            ),
            Trouble::ChannelStopped(_) => ("channel_stopped", "this thread cannot go on here"),
        };
        let thread = match trouble {
            Trouble::ChannelForked(channel) | Trouble::ChannelStopped(channel) => {
                Some(channel.to_string())
            }
            _ => None,
        };
        let professional = match trouble {
            Trouble::StructureDisputed(by) => Some(by.to_string()),
            _ => None,
        };
        Self {
            code,
            thread,
            professional,
            message,
        }
    }
}

impl std::fmt::Display for TroubleView {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (thread, person) = (self.thread.as_deref(), self.professional.as_deref());
        if let Some(thread) = thread.map(crate::view::short) {
            write!(f, "thread {thread}: ")?;
        }
        if let Some(person) = person.map(crate::view::short) {
            write!(f, "person {person}: ")?;
        }
        f.write_str(self.message)
    }
}

/// Whether troubles mean that the device must be enrolled again.
pub fn must_enrol_again(troubles: &[Trouble]) -> bool {
    let again = |trouble: &Trouble| {
        matches!(
            trouble,
            Trouble::Frozen | Trouble::Revoked | Trouble::Wiped | Trouble::Lapsed
        )
    };
    troubles.iter().any(again)
}

/// Where the synchronisation stands.
#[derive(Debug, Serialize)]
pub struct SyncView {
    /// Everything is here and everything has left.
    synced: bool,
    /// `offline`, `authenticating` or `ready`.
    phase: &'static str,
    caught_up: bool,
    waiting: u64,
    failed: u64,
    transfers: u64,
    troubles: Vec<TroubleView>,
    #[serde(skip)]
    enrol_again: bool,
}

/// The name of a phase of the connection.
pub fn phase_word(phase: Phase) -> &'static str {
    match phase {
        Phase::Offline => "offline",
        Phase::Authenticating => "authenticating",
        Phase::Ready => "ready",
    }
}

impl Sync {
    pub(super) async fn run(self, session: &mut Session) -> Result<Shown> {
        session.enrolled().await?;
        session
            .wait(|e| {
                let state = e.sync_state()?;
                Ok(state.caught_up && state.waiting == 0 && state.transfers == 0)
            })
            .await?;
        Ok(Report(Self::view(session).await?).into())
    }

    /// Where things stand now.
    ///
    /// # Errors
    /// Of the engine.
    pub async fn view(session: &mut Session) -> Result<SyncView> {
        let (state, troubles) = session.state().await?;
        Ok(SyncView {
            synced: state.caught_up && state.waiting == 0 && state.transfers == 0,
            phase: phase_word(state.phase),
            caught_up: state.caught_up,
            waiting: state.waiting,
            failed: state.failed,
            transfers: state.transfers,
            enrol_again: must_enrol_again(&troubles),
            troubles: troubles.iter().map(TroubleView::from).collect(),
        })
    }
}

impl SyncView {
    /// 4 when this device must be enrolled again.
    pub fn cut_off_exit(&self) -> u8 {
        if self.enrol_again {
            exit::NOT_ENROLLED
        } else {
            0
        }
    }

    /// Writes it for people.
    pub fn plain(&self, text: &mut Text) {
        let said = match (self.synced, self.caught_up, self.phase) {
            (true, ..) => "up to date",
            (false, true, _) => "everything is here; not everything has left",
            (false, false, "ready") => "still catching up",
            _ => "not connected",
        };
        text.line(format_args!("  {said}"));
        for (count, what) in [
            (self.waiting, "waiting to leave"),
            (self.transfers, "photos on their way"),
            (self.failed, "failed: relais failed list"),
        ] {
            if count > 0 {
                text.line(format_args!("  {count} {what}"));
            }
        }
    }
}

#[derive(Serialize)]
#[serde(transparent)]
struct Report(SyncView);

impl View for Report {
    fn plain(&self, text: &mut Text) {
        self.0.plain(text);
    }

    fn exit(&self) -> u8 {
        match self.0.cut_off_exit() {
            0 if !self.0.synced => exit::NETWORK,
            code => code,
        }
    }

    fn says_queued(&self) -> bool {
        true
    }
}
