//! Tasks: created, listed, taken, done, declined.

use clap::{Args, Subcommand};
use relais_core::Engine;
use relais_core::commands::NewTask;
use relais_core::driver::now_ms;
use relais_core::query::TaskStatus;
use relais_core::wire::ids::ChannelId;
use serde::Serialize;

use super::written::{Act, Mark, Written, head};
use crate::failure::Result;
use crate::render::{Shown, Text, View};
use crate::resolve;
use crate::session::Session;
use crate::time;
use crate::view::{PersonRef, short};
use crate::words::{Change, Priority};

/// Create, list and change tasks
#[derive(Debug, Subcommand)]
#[command(
    after_help = "Example:\n  relais task new exemple 'Bilan sanguin' --owner fictif --due 2026-11-23"
)]
pub enum Task {
    New(New),
    List(List),
    /// Take a task: you do it
    #[command(after_help = "Example:\n  relais task take exemple 'bilan'")]
    Take(Which),
    /// Tick a task as done
    #[command(after_help = "Example:\n  relais task done exemple 'bilan'")]
    Done(Which),
    Decline(Decline),
}

impl Task {
    pub(super) async fn run(self, session: &mut Session) -> Result<Shown> {
        match self {
            Self::New(command) => command.run(session).await,
            Self::List(command) => command.run(session).await,
            Self::Take(which) => change(session, which, Change::Taken, String::new()).await,
            Self::Done(which) => change(session, which, Change::Done, String::new()).await,
            Self::Decline(Decline { which, reason }) => {
                change(session, which, Change::Declined, reason).await
            }
        }
    }
}

/// Create a task
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  relais task new exemple 'Bilan sanguin' --owner fictif --due 2026-11-23
  relais task new exemple 'Rappeler la famille' --urgent --about 3fa2")]
pub struct New {
    /// Title or id of the thread
    thread: String,
    /// What is to be done, in a line
    title: String,
    /// The rest
    #[arg(long, value_name = "TEXT", default_value = "")]
    detail: String,
    /// Who is to do it; otherwise anyone may take it. `me` is you
    #[arg(long, value_name = "WHO")]
    owner: Option<String>,
    /// By when: a date (its end, UTC) or a time with its zone
    #[arg(long, value_name = "WHEN", value_parser = time::parse_moment)]
    due: Option<u64>,
    /// It cannot wait
    #[arg(long)]
    urgent: bool,
    /// The event that it is about
    #[arg(long, value_name = "EVENT")]
    about: Option<String>,
}

impl New {
    async fn run(self, session: &mut Session) -> Result<Shown> {
        let mark = session
            .act(move |engine| {
                let channel = resolve::thread(engine, &self.thread)?;
                let owner = self.owner.as_deref();
                let about = self.about.as_deref();
                let priority = if self.urgent {
                    Priority::Urgent
                } else {
                    Priority::Normal
                };
                let new = NewTask {
                    title: self.title,
                    detail: self.detail,
                    owner: owner
                        .map(|w| resolve::member(engine, channel, w))
                        .transpose()?,
                    priority: priority.schema(),
                    due_ms: self.due,
                    linked_event: about
                        .map(|e| resolve::event(engine, channel, e))
                        .transpose()?,
                };
                let after_seq = head(engine, channel)?;
                let task = engine.create_task(channel, &new)?;
                Ok(Mark {
                    channel,
                    after_seq,
                    act: Act::Task(task),
                })
            })
            .await?;
        Ok(Written::wait(session, mark).await?.into())
    }
}

/// One task.
#[derive(Debug, Clone, Args)]
pub struct Which {
    /// Title or id of the thread
    thread: String,
    /// Title or id of the task
    task: String,
}

/// Decline a task, with the reason; somebody else may take it
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  relais task decline exemple bilan --reason 'absent cette semaine'"
)]
pub struct Decline {
    #[command(flatten)]
    which: Which,
    /// Why
    #[arg(long, value_name = "TEXT")]
    reason: String,
}

async fn change(
    session: &mut Session,
    which: Which,
    change: Change,
    reason: String,
) -> Result<Shown> {
    let mark = session
        .act(move |engine| {
            let channel = resolve::thread(engine, &which.thread)?;
            let task = resolve::task(engine, channel, &which.task)?;
            let after_seq = head(engine, channel)?;
            let event = engine.change_task(channel, task, change.schema(), &reason)?;
            Ok(Mark {
                channel,
                after_seq,
                act: Act::Event(event),
            })
        })
        .await?;
    Ok(Written::wait(session, mark).await?.into())
}

/// List the tasks of a thread: open ones first, by due date
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  relais task list exemple")]
pub struct List {
    /// Title or id of the thread
    thread: String,
}

/// A task.
#[derive(Debug, Serialize)]
pub struct TaskView {
    id: String,
    title: String,
    detail: String,
    /// `open`, `taken`, `done` or `declined`.
    status: &'static str,
    requester: PersonRef,
    owner: Option<PersonRef>,
    priority: Option<Priority>,
    due_ms: Option<u64>,
    overdue: bool,
    /// Who changed it last.
    actor: Option<PersonRef>,
    changed_ms: u64,
    reason: String,
    /// Its last change has not reached the log.
    pending: bool,
}

impl TaskView {
    /// The tasks of a thread.
    ///
    /// # Errors
    /// Of the database.
    pub fn all(engine: &Engine, channel: ChannelId) -> Result<Vec<Self>> {
        let now = now_ms();
        let person = |id| PersonRef::of(engine, id);
        let tasks = engine.tasks(channel)?;
        Ok(tasks
            .into_iter()
            .map(|task| {
                let (status, open) = match task.status {
                    TaskStatus::Open => ("open", true),
                    TaskStatus::Taken => ("taken", true),
                    TaskStatus::Done => ("done", false),
                    TaskStatus::Declined => ("declined", false),
                };
                Self {
                    id: task.task.to_string(),
                    title: task.title,
                    detail: task.detail,
                    status,
                    requester: person(task.requester),
                    owner: task.owner.map(person),
                    priority: Priority::of(task.priority),
                    due_ms: task.due_ms,
                    overdue: open && task.due_ms.is_some_and(|due| due < now),
                    actor: task.actor.map(person),
                    changed_ms: task.changed_ms,
                    reason: task.reason,
                    pending: task.pending,
                }
            })
            .collect())
    }
}

#[derive(Debug, Serialize)]
struct Tasks {
    thread: String,
    tasks: Vec<TaskView>,
}

impl List {
    async fn run(self, session: &mut Session) -> Result<Shown> {
        session.freshen().await?;
        let view = session
            .call(move |engine| {
                let channel = resolve::thread(engine, &self.thread)?;
                Ok(Tasks {
                    thread: channel.to_string(),
                    tasks: TaskView::all(engine, channel)?,
                })
            })
            .await?;
        Ok(view.into())
    }
}

impl View for Tasks {
    fn plain(&self, text: &mut Text) {
        let rows: Vec<_> = self
            .tasks
            .iter()
            .map(|task| {
                let by = task.actor.as_ref().map(|p| format!(" by {}", p.name));
                let reason = match task.reason.as_str() {
                    "" => String::new(),
                    reason => format!(": {reason}"),
                };
                let waiting = if task.pending { " (waiting)" } else { "" };
                let urgent = match task.priority {
                    Some(Priority::Urgent) => "URGENT ",
                    _ => "",
                };
                let late = if task.overdue { " LATE" } else { "" };
                let due = task.due_ms.map_or_else(|| "–".to_owned(), time::minutes);
                let owner = task.owner.as_ref().map_or("anyone", |p| p.name.as_str());
                [
                    format!("{urgent}{}", task.title),
                    owner.to_owned(),
                    format!("{due}{late}"),
                    format!("{}{}{reason}{waiting}", task.status, by.unwrap_or_default()),
                    short(&task.id).to_owned(),
                ]
            })
            .collect();
        text.table(["TASK", "OWNER", "DUE", "STATUS", "ID"], &rows);
    }
}
