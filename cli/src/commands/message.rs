//! Texts, and the marker of what was read.

use clap::Args;
use serde::Serialize;

use super::written::{Act, Mark, Written, head};
use super::{TEXT_BYTES, text_or_stdin};
use crate::failure::Result;
use crate::render::{Shown, Text, View};
use crate::resolve;
use crate::session::Session;
use crate::view::QUEUED;
use crate::words::Priority;

/// Send a text into a thread
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  relais send exemple 'Pansement refait ce matin, pas de fièvre.'
  relais send exemple 'Saigne de nouveau' --urgent --reply 3fa2
  relais send exemple - < note.txt")]
pub struct Send {
    /// Title or id
    thread: String,
    /// The text, or `-` for the standard input
    text: String,
    /// It cannot wait
    #[arg(long, conflicts_with = "info")]
    urgent: bool,
    /// For information only
    #[arg(long)]
    info: bool,
    /// The event that it answers
    #[arg(long, value_name = "EVENT")]
    reply: Option<String>,
}

impl Send {
    pub(super) async fn run(self, session: &mut Session) -> Result<Shown> {
        let text = text_or_stdin(&self.text, TEXT_BYTES)?;
        let text = text.trim_end_matches(['\n', '\r']).replace("\r\n", "\n");
        let priority = match (self.urgent, self.info) {
            (true, _) => Priority::Urgent,
            (false, true) => Priority::Information,
            (false, false) => Priority::Normal,
        };
        let mark = session
            .act(move |engine| {
                let channel = resolve::thread(engine, &self.thread)?;
                let reply = self.reply.as_deref();
                let reply = reply
                    .map(|e| resolve::event(engine, channel, e))
                    .transpose()?;
                let after_seq = head(engine, channel)?;
                let event = engine.send_message(channel, &text, priority.schema(), reply)?;
                Ok(Mark {
                    channel,
                    after_seq,
                    act: Act::Event(event),
                })
            })
            .await?;
        Ok(Written::wait(session, mark).await?.into())
    }
}

/// Mark a thread as read, up to its end
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  relais read exemple")]
pub struct Read {
    /// Title or id
    thread: String,
}

#[derive(Debug, Serialize)]
struct ReadView {
    thread: String,
    read_seq: u64,
    state: &'static str,
    queued: bool,
}

impl Read {
    pub(super) async fn run(self, session: &mut Session) -> Result<Shown> {
        let (channel, seq) = session
            .act(move |engine| {
                let channel = resolve::thread(engine, &self.thread)?;
                let seq = head(engine, channel)?;
                engine.mark_read(channel, seq)?;
                Ok((channel, seq))
            })
            .await?;
        let known = session
            .wait(move |e| {
                let me = e.whoami()?.professional;
                let members = e.members(channel)?;
                Ok(members
                    .iter()
                    .any(|m| m.professional == me && m.read_seq >= seq))
            })
            .await?;
        Ok(ReadView {
            thread: channel.to_string(),
            read_seq: seq,
            state: if known { "sent" } else { "waiting" },
            queued: !known,
        }
        .into())
    }
}

impl View for ReadView {
    fn plain(&self, text: &mut Text) {
        text.line(format_args!(
            "read up to {}  [{}]",
            self.read_seq, self.state
        ));
        if self.queued {
            text.note(QUEUED);
        }
    }

    fn says_queued(&self) -> bool {
        self.queued
    }
}
