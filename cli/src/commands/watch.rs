//! Following threads live: one line, or one JSON object, for each change.

use std::collections::BTreeMap;
use std::io::Write;

use clap::Args;
use relais_core::Event;
use relais_core::wire::ids::ChannelId;
use serde::Serialize;
use tokio::sync::broadcast::error::RecvError;

use super::sync::{TroubleView, phase_word};
use super::thread::{ThreadView, items};
use crate::failure::{Failure, Result};
use crate::render::{Text, json};
use crate::resolve;
use crate::session::Session;
use crate::view::{ItemView, PersonRef, short};

/// Follow threads live until Ctrl-C: what arrives, and the connection
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  relais watch
  relais watch exemple --json")]
pub struct Watch {
    /// Title or id; otherwise all threads
    thread: Option<String>,
}

/// One change.
#[derive(Debug, Serialize)]
#[serde(tag = "change", rename_all = "snake_case")]
enum Change {
    /// The connection, or how far this device has caught up.
    Connection {
        phase: &'static str,
        caught_up: bool,
    },
    /// A thread appeared, or its state or title changed.
    Thread { thread: ThreadView },
    /// Something was added to a thread's log.
    Item {
        thread: String,
        title: String,
        item: Box<ItemView>,
    },
    /// Cards, professionals or devices.
    People,
    /// An invitation was used.
    InvitationUsed { person: PersonRef },
    /// Somebody whose safety code was compared has other keys.
    VerificationLost { person: PersonRef },
    /// A coordinator proposes a new root's key.
    RootProposed { person: PersonRef },
    /// The server was restored from a backup.
    ServerRestored,
    /// A photo or a shared past arrived or has left completely.
    File { blob: String },
    /// Something needs attention.
    Trouble { trouble: TroubleView },
}

impl Change {
    fn plain(&self, text: &mut Text) {
        match self {
            Self::Connection { phase, caught_up } => {
                let said = if *caught_up { "up to date" } else { phase };
                text.line(format_args!("-- {said}"));
            }
            Self::Thread { thread } => {
                text.line(format_args!(
                    "-- thread {}  {}",
                    short(&thread.id),
                    thread.title
                ));
            }
            Self::Item { title, item, .. } => {
                text.line(format_args!("-- {title}"));
                item.plain(text);
            }
            Self::People => text.line("-- people changed"),
            Self::InvitationUsed { person } => {
                text.line(format_args!("-- invitation used: {}", person.name));
            }
            Self::VerificationLost { person } => text.line(format_args!(
                "-- {name} has new keys: compare codes again (relais people safety-code)",
                name = person.name
            )),
            Self::RootProposed { person } => text.line(format_args!(
                "-- {name} proposes a new root key: relais recovery status",
                name = person.name
            )),
            Self::ServerRestored => {
                text.line("-- the server was restored; it is given back what it lost");
            }
            Self::File { blob } => text.line(format_args!("-- file {} complete", short(blob))),
            Self::Trouble { trouble } => text.line(format_args!("-- attention: {trouble}")),
        }
    }
}

/// What was shown last, so that only changes are.
#[derive(Default)]
struct Seen {
    threads: BTreeMap<ChannelId, (u64, String)>,
    connection: Option<(&'static str, bool)>,
    /// The last change was [`Change::People`]: another one would say nothing.
    people: bool,
}

impl Watch {
    pub(super) async fn run(self, session: &mut Session, json: bool) -> Result<()> {
        let online = || Failure::Usage("watching needs a connection".into());
        let mut events = session.client().ok_or_else(online)?.events();
        session.freshen().await?;
        let (only, mut seen) = session
            .call(move |engine| {
                let thread = self.thread.as_deref();
                let only = thread.map(|t| resolve::thread(engine, t)).transpose()?;
                let known = engine.threads()?.into_iter();
                let threads = known.map(|t| (t.channel, (t.seq, t.title))).collect();
                let seen = Seen {
                    threads,
                    connection: None,
                    people: false,
                };
                Ok((only, seen))
            })
            .await?;
        let mut event = Some(Event::SyncChanged);
        loop {
            let (changes, back) = changes(session, event, only, seen).await?;
            seen = back;
            for change in changes {
                if show(&change, json).is_err() {
                    return Ok(()); // Nobody reads any more.
                }
            }
            event = match events.recv().await {
                Ok(event) => Some(event),
                Err(RecvError::Lagged(_)) => None,
                Err(RecvError::Closed) => return Ok(()),
            };
        }
    }
}

/// What an event changed; `None`: events were missed, everything is looked at.
async fn changes(
    session: &mut Session,
    event: Option<Event>,
    only: Option<ChannelId>,
    mut seen: Seen,
) -> Result<(Vec<Change>, Seen)> {
    session
        .call(move |engine| {
            let mut changes = Vec::new();
            let all = only.is_none();
            let look = match event {
                None | Some(Event::ThreadsChanged | Event::SyncChanged) => engine.threads()?,
                Some(Event::ThreadChanged(channel)) => vec![engine.thread(channel)?],
                _ => Vec::new(),
            };
            for thread in look {
                let channel = thread.channel;
                if only.is_some_and(|only| only != channel) {
                    continue;
                }
                let (seq, title) = (thread.seq, thread.title.clone());
                let known = seen.threads.insert(channel, (seq, title.clone()));
                let (after_seq, before) = known.unwrap_or_default();
                if before != title {
                    changes.push(Change::Thread {
                        thread: thread.into(),
                    });
                }
                if seq <= after_seq {
                    continue;
                }
                let settled = items(engine, channel, after_seq)?.into_iter();
                changes.extend(settled.filter(|item| item.seq.is_some()).map(|item| {
                    Change::Item {
                        thread: channel.to_string(),
                        title: title.clone(),
                        item: Box::new(item),
                    }
                }));
            }
            let state = engine.sync_state()?;
            let connection = (phase_word(state.phase), state.caught_up);
            if seen.connection.replace(connection) != Some(connection) {
                let (phase, caught_up) = connection;
                changes.push(Change::Connection { phase, caught_up });
            }
            match event {
                Some(Event::PeopleChanged) if all && !seen.people => changes.push(Change::People),
                Some(Event::InvitationUsed(id)) if all => {
                    let person = PersonRef::of(engine, id);
                    changes.push(Change::InvitationUsed { person });
                }
                Some(Event::VerificationLost(id)) if all => {
                    let person = PersonRef::of(engine, id);
                    changes.push(Change::VerificationLost { person });
                }
                Some(Event::RootProposed(id)) if all => {
                    let person = PersonRef::of(engine, id);
                    changes.push(Change::RootProposed { person });
                }
                Some(Event::ServerRestored) if all => changes.push(Change::ServerRestored),
                Some(Event::BlobChanged(blob)) => {
                    let blob = blob.to_string();
                    changes.push(Change::File { blob });
                }
                Some(Event::Trouble(trouble)) => changes.push(Change::Trouble {
                    trouble: (&trouble).into(),
                }),
                _ => {}
            }
            if let Some(last) = changes.last() {
                seen.people = matches!(last, Change::People);
            }
            Ok((changes, seen))
        })
        .await
}

fn show(change: &Change, json: bool) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    if json {
        writeln!(out, "{}", json::line(&json::value(change)))?;
    } else {
        let mut text = Text::default();
        change.plain(&mut text);
        out.write_all(text.out().as_bytes())?;
    }
    out.flush()
}
