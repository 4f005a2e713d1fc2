//! Threads: opened, listed, shown.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use relais_core::Engine;
use relais_core::commands::{NewMember, NewThread};
use relais_core::query::{EventState, ThreadRecord, ThreadState, TimelineBody};
use relais_core::wire::ids::ChannelId;
use serde::Serialize;

use super::circle::{Add, MemberView, Members, Remove};
use super::comeback::{Accept, Reboot, Rejoin};
use super::header::{Header, HeaderView};
use super::history::{ArrivingView, Ask, Share};
use super::{TEXT_BYTES, text_file};
use crate::failure::{Result, exit};
use crate::header::HeaderForm;
use crate::render::{Shown, Text, View};
use crate::resolve::{self, ALL};
use crate::session::Session;
use crate::time;
use crate::view::{ItemView, QUEUED, StateView, short};

/// Open, list and show care threads; change who is in them
#[derive(Debug, Subcommand)]
#[command(
    after_help = "Example:\n  relais thread new 'Mme Exemple, plaie du talon' --member fictif"
)]
pub enum Thread {
    New(New),
    List(List),
    Show(Show),
    Add(Add),
    Remove(Remove),
    Members(Members),
    Header(Header),
    Share(Share),
    Ask(Ask),
    Rejoin(Rejoin),
    Reboot(Reboot),
    Accept(Accept),
}

impl Thread {
    pub(super) async fn run(self, session: &mut Session) -> Result<Shown> {
        match self {
            Self::New(command) => command.run(session).await,
            Self::List(command) => command.run(session).await,
            Self::Show(command) => command.run(session).await,
            Self::Add(command) => command.run(session).await,
            Self::Remove(command) => command.run(session).await,
            Self::Members(command) => command.run(session).await,
            Self::Header(command) => command.run(session).await,
            Self::Share(command) => command.run(session).await,
            Self::Ask(command) => command.run(session).await,
            Self::Rejoin(command) => command.run(session).await,
            Self::Reboot(command) => command.run(session).await,
            Self::Accept(command) => command.run(session).await,
        }
    }
}

/// Open a thread for a patient; you become its manager
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  relais thread new 'Mme Exemple, plaie du talon' --member fictif --member 'dr essai'
  relais thread header --example > patient.json
  relais thread new 'Mme Exemple' --header patient.json")]
pub struct New {
    /// Shown in lists; leaves your devices only encrypted
    title: String,
    /// Name or id of somebody of the care team; may be repeated
    #[arg(long, value_name = "WHO")]
    member: Vec<String>,
    /// Patient header (see `thread header --example`)
    #[arg(long, value_name = "FILE.json")]
    header: Option<PathBuf>,
}

#[derive(Debug, Serialize)]
struct Opened {
    thread: String,
    title: String,
    #[serde(flatten)]
    state: StateView,
    queued: bool,
    members: Vec<MemberView>,
}

impl New {
    async fn run(self, session: &mut Session) -> Result<Shown> {
        let header = self
            .header
            .as_deref()
            .map(|path| HeaderForm::parse(&text_file(path, TEXT_BYTES)?)?.schema());
        let header = header.transpose()?;
        let channel = session
            .act(move |engine| {
                let mut members = Vec::new();
                for who in &self.member {
                    members.push(NewMember::care_team(resolve::person(engine, who)?));
                }
                let new = NewThread {
                    title: self.title,
                    header,
                    members,
                };
                Ok(engine.create_thread(&new)?)
            })
            .await?;
        session
            .wait(move |e| Ok(!opening(e, channel)?.is_queued()))
            .await?;
        let view = session
            .call(move |engine| {
                let state = opening(engine, channel)?;
                Ok(Opened {
                    thread: channel.to_string(),
                    title: engine.thread(channel)?.title,
                    queued: state.is_queued(),
                    state,
                    members: MemberView::all(engine, channel)?,
                })
            })
            .await?;
        Ok(view.into())
    }
}

/// How far a new thread is: registered, its first members in, everything sent.
fn opening(engine: &Engine, channel: ChannelId) -> relais_core::Result<StateView> {
    match engine.thread(channel)?.state {
        ThreadState::Creating => return Ok(StateView::waiting()),
        ThreadState::Stopped(reason) => return Ok(StateView::failed(None, reason)),
        ThreadState::Joined
        | ThreadState::Ended
        | ThreadState::Rejoining(_)
        | ThreadState::Removed => {}
    }
    let items = engine.timeline(channel, 0, ALL)?;
    let unsettled = items.iter().filter(|item| item.seq.is_none());
    let mut state = StateView::sent();
    for item in unsettled {
        match &item.state {
            EventState::Failed { .. } => return Ok(StateView::of(&item.state)),
            _ if matches!(item.body, TimelineBody::Notice { .. }) => {}
            _ => state = StateView::waiting(),
        }
    }
    Ok(state)
}

impl View for Opened {
    fn plain(&self, text: &mut Text) {
        text.line(format_args!(
            "{}  thread {}  {}",
            self.state,
            short(&self.thread),
            self.title
        ));
        if self.queued {
            text.note(QUEUED);
        }
    }

    fn exit(&self) -> u8 {
        if self.state.is_failed() {
            exit::USER
        } else {
            0
        }
    }

    fn says_queued(&self) -> bool {
        self.queued
    }
}

/// List the threads of this device, the latest first
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  relais thread list")]
pub struct List {}

/// A thread.
#[derive(Debug, Clone, Serialize)]
pub struct ThreadView {
    /// By which commands name it.
    pub id: String,
    thread_id: Option<String>,
    /// Title.
    pub title: String,
    /// `creating`, `joined`, `removed` or `stopped`.
    state: &'static str,
    reason: Option<String>,
    seq: u64,
    joined_seq: u64,
    epoch: u64,
    unread: u64,
    open_tasks: u64,
    last_ms: u64,
}

impl From<ThreadRecord> for ThreadView {
    fn from(record: ThreadRecord) -> Self {
        let (state, reason) = match record.state {
            ThreadState::Creating => ("creating", None),
            ThreadState::Joined => ("joined", None),
            ThreadState::Ended => ("ended", None),
            ThreadState::Rejoining(reason) => ("rejoining", Some(reason)),
            ThreadState::Removed => ("removed", None),
            ThreadState::Stopped(reason) => ("stopped", Some(reason)),
        };
        Self {
            id: record.channel.to_string(),
            thread_id: record.thread.map(|id| id.to_string()),
            title: record.title,
            state,
            reason,
            seq: record.seq,
            joined_seq: record.joined_seq,
            epoch: record.epoch,
            unread: record.unread,
            open_tasks: record.open_tasks,
            last_ms: record.last_ms,
        }
    }
}

impl ThreadView {
    pub fn title(&self) -> &str {
        &self.title
    }

    /// The state with its reason, for a person.
    pub fn state_text(&self) -> String {
        match &self.reason {
            Some(reason) => format!("{}: {reason}", self.state),
            None => self.state.to_owned(),
        }
    }

    pub fn is_stopped(&self) -> bool {
        self.state == "stopped"
    }
}

#[derive(Debug, Serialize)]
struct Threads {
    threads: Vec<ThreadView>,
}

impl List {
    async fn run(self, session: &mut Session) -> Result<Shown> {
        session.freshen().await?;
        let threads = session.call(|e| Ok(e.threads()?)).await?;
        let threads = threads.into_iter().map(ThreadView::from).collect();
        Ok(Threads { threads }.into())
    }
}

impl View for Threads {
    fn plain(&self, text: &mut Text) {
        let rows: Vec<_> = self
            .threads
            .iter()
            .map(|thread| {
                [
                    thread.title.clone(),
                    thread.unread.to_string(),
                    thread.open_tasks.to_string(),
                    time::minutes(thread.last_ms),
                    thread.state_text(),
                    short(&thread.id).to_owned(),
                ]
            })
            .collect();
        text.table(["TITLE", "UNREAD", "TASKS", "LAST", "STATE", "ID"], &rows);
    }
}

/// Show a thread: the patient, then everything in order
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  relais thread show exemple
  relais thread show exemple --after 40 --json")]
pub struct Show {
    /// Title or id
    thread: String,
    /// Only what came after this place in the log
    #[arg(long, value_name = "SEQ", default_value_t = 0)]
    after: u64,
}

#[derive(Debug, Serialize)]
struct Timeline {
    thread: ThreadView,
    header: Option<HeaderView>,
    /// Archives of colleagues; what is missing stands among the items.
    arriving: Vec<ArrivingView>,
    items: Vec<ItemView>,
}

impl Show {
    async fn run(self, session: &mut Session) -> Result<Shown> {
        session.freshen().await?;
        let view = session
            .call(move |engine| {
                let channel = resolve::thread(engine, &self.thread)?;
                Ok(Timeline {
                    thread: engine.thread(channel)?.into(),
                    header: HeaderView::current(engine, channel)?,
                    arriving: ArrivingView::all(engine, channel)?,
                    items: items(engine, channel, self.after)?,
                })
            })
            .await?;
        Ok(view.into())
    }
}

/// A thread's items after a place in its log.
pub fn items(engine: &Engine, channel: ChannelId, after_seq: u64) -> Result<Vec<ItemView>> {
    let items = engine.timeline(channel, after_seq, ALL)?;
    Ok(items
        .iter()
        .map(|item| ItemView::of(engine, item))
        .collect())
}

impl View for Timeline {
    fn plain(&self, text: &mut Text) {
        let thread = &self.thread;
        text.line(format_args!(
            "{}  [{}]  {}",
            thread.title,
            thread.state,
            short(&thread.id)
        ));
        if let Some(header) = &self.header {
            header.header.plain(text, "");
        }
        for archive in &self.arriving {
            archive.plain(text);
        }
        for item in &self.items {
            item.plain(text);
        }
    }
}
