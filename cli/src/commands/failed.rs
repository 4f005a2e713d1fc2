//! What failed for good: a person decides.

use clap::{Args, Subcommand};
use relais_core::query::FailedRecord;
use serde::Serialize;

use crate::failure::Result;
use crate::render::{Shown, Text, View};
use crate::session::Session;
use crate::time;
use crate::view::{Body, short};

/// See what failed, send it again, or let go of it
#[derive(Debug, Subcommand)]
#[command(after_help = "Example:\n  relais failed list")]
pub enum Failed {
    /// List what failed, with the reason
    #[command(after_help = "Example:\n  relais failed list")]
    List,
    /// Send it once more
    #[command(after_help = "Example:\n  relais failed retry 12")]
    Retry(Number),
    /// Let go of it
    #[command(after_help = "Example:\n  relais failed discard 12")]
    Discard(Number),
}

/// One of `failed list`.
#[derive(Debug, Args)]
pub struct Number {
    /// Number in the list
    number: i64,
}

#[derive(Debug, Serialize)]
struct FailedView {
    number: i64,
    thread: Option<String>,
    title: Option<String>,
    /// What was to be done: `event`, `create`, `members`, `statements`, …
    act: String,
    event: Option<String>,
    content: Option<Body>,
    reason: String,
    time_ms: u64,
}

#[derive(Debug, Serialize)]
struct FailedList {
    failed: Vec<FailedView>,
}

#[derive(Debug, Serialize)]
struct Decided {
    number: i64,
    /// `retried` or `discarded`.
    done: &'static str,
    /// Acts that wait to leave now.
    waiting: u64,
}

impl Failed {
    pub(super) async fn run(self, session: &mut Session) -> Result<Shown> {
        match self {
            Self::List => list(session).await,
            Self::Retry(Number { number }) => {
                session.act(move |e| Ok(e.retry(number)?)).await?;
                session.wait(|e| Ok(e.sync_state()?.waiting == 0)).await?;
                decided(session, number, "retried").await
            }
            Self::Discard(Number { number }) => {
                session.call(move |e| Ok(e.discard(number)?)).await?;
                decided(session, number, "discarded").await
            }
        }
    }
}

async fn list(session: &mut Session) -> Result<Shown> {
    session.freshen().await?;
    let failed = session
        .call(|engine| {
            let view = |record: FailedRecord| {
                let channel = record.channel;
                let thread = channel.and_then(|channel| engine.thread(channel).ok());
                let content = record.event.as_ref();
                FailedView {
                    number: record.number,
                    thread: channel.map(|channel| channel.to_string()),
                    title: thread.map(|thread| thread.title),
                    act: record.act.clone(),
                    event: content.map(|(id, _)| id.to_string()),
                    content: content.map(|(_, kind)| Body::of_event(engine, kind)),
                    reason: record.reason.clone(),
                    time_ms: record.created_ms,
                }
            };
            Ok(engine.failed_acts()?.into_iter().map(view).collect())
        })
        .await?;
    Ok(FailedList { failed }.into())
}

async fn decided(session: &mut Session, number: i64, done: &'static str) -> Result<Shown> {
    let waiting = session.call(|e| Ok(e.sync_state()?.waiting)).await?;
    Ok(Decided {
        number,
        done,
        waiting,
    }
    .into())
}

impl View for FailedList {
    fn plain(&self, text: &mut Text) {
        if self.failed.is_empty() {
            text.note("Nothing failed.");
        }
        for failed in &self.failed {
            let (number, at, act) = (failed.number, time::minutes(failed.time_ms), &failed.act);
            let thread = match (&failed.title, &failed.thread) {
                (Some(title), _) if !title.is_empty() => title.as_str(),
                (_, Some(id)) => short(id),
                (_, None) => "",
            };
            text.line(format_args!("#{number}  {at}  {act}  {thread}"));
            text.line(format_args!("       reason: {}", failed.reason));
            if let Some(content) = &failed.content {
                content.plain(text);
            }
        }
    }
}

impl View for Decided {
    fn plain(&self, text: &mut Text) {
        text.line(format_args!("{} #{}", self.done, self.number));
        if self.waiting > 0 {
            text.line(format_args!("{} waiting to leave", self.waiting));
        }
    }
}
