//! Handover notes (SAED) and their acknowledgements.

use clap::{Args, Subcommand};
use relais_core::Engine;
use relais_core::query::TimelineBody;
use relais_core::schema::v1::{HandoverNote, content::Kind};
use relais_core::wire::ids::{ChannelId, EventId, ProfessionalId};
use serde::Serialize;

use super::written::{Act, Mark, Written, head};
use crate::failure::Result;
use crate::render::{Shown, Text, View};
use crate::resolve::{self, ALL};
use crate::session::Session;
use crate::time;
use crate::view::{PersonRef, StateView, optional_ms, short};
use crate::words::Request;

/// Hand over to colleagues, and acknowledge
#[derive(Debug, Subcommand)]
#[command(
    after_help = "Example:\n  relais handover ack exemple 3fa2 --synthesis 'Je passe demain matin.'"
)]
pub enum Handover {
    New(New),
    List(List),
    Ack(Ack),
}

impl Handover {
    pub(super) async fn run(self, session: &mut Session) -> Result<Shown> {
        match self {
            Self::New(command) => command.run(session).await,
            Self::List(command) => command.run(session).await,
            Self::Ack(command) => command.run(session).await,
        }
    }
}

/// Write a handover note (SAED); complete once everyone it is for has acknowledged
#[derive(Debug, Args)]
#[command(after_help = "Example:
  relais handover new exemple --to 'dr essai' --kind visit --deadline 2026-11-22T18:00Z \\
    --situation 'Plaie du talon gauche, J12' --background 'Diabète, AOMI' \\
    --assessment 'Exsudat plus abondant depuis deux jours' --request 'Voir la plaie avant le week-end'")]
pub struct New {
    /// Title or id of the thread
    thread: String,
    /// Situation
    #[arg(long, value_name = "TEXT")]
    situation: String,
    /// Antécédents
    #[arg(long, value_name = "TEXT")]
    background: String,
    /// Évaluation
    #[arg(long, value_name = "TEXT")]
    assessment: String,
    /// Demande
    #[arg(long, value_name = "TEXT")]
    request: String,
    /// What is asked for
    #[arg(long, value_enum)]
    kind: Request,
    /// By when: a date (its end, UTC) or a time with its zone
    #[arg(long, value_name = "WHEN", value_parser = time::parse_moment)]
    deadline: Option<u64>,
    /// Name or id of who must acknowledge it; may be repeated
    #[arg(long, value_name = "WHO", required = true, num_args = 1..)]
    to: Vec<String>,
}

impl New {
    async fn run(self, session: &mut Session) -> Result<Shown> {
        let mark = session
            .act(move |engine| {
                let channel = resolve::thread(engine, &self.thread)?;
                let mut receivers = Vec::new();
                for who in &self.to {
                    receivers.push(resolve::member(engine, channel, who)?.to_bytes());
                }
                let note = HandoverNote {
                    situation: self.situation,
                    background: self.background,
                    assessment: self.assessment,
                    request: self.request,
                    request_kind: self.kind.schema().into(),
                    deadline_ms: self.deadline.unwrap_or(0),
                    receivers,
                };
                let after_seq = head(engine, channel)?;
                let event = engine.write_handover(channel, note)?;
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

/// Acknowledge a handover, best in your own words
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  relais handover ack exemple 3fa2 --synthesis 'Je passe demain matin.'"
)]
pub struct Ack {
    /// Title or id of the thread
    thread: String,
    /// The handover's event
    handover: String,
    /// The plan as you understood it
    #[arg(long, value_name = "TEXT", default_value = "")]
    synthesis: String,
}

impl Ack {
    async fn run(self, session: &mut Session) -> Result<Shown> {
        let mark = session
            .act(move |engine| {
                let channel = resolve::thread(engine, &self.thread)?;
                let handover = resolve::event(engine, channel, &self.handover)?;
                let after_seq = head(engine, channel)?;
                let event = engine.acknowledge_handover(channel, handover, &self.synthesis)?;
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

/// List the handovers of a thread, the newest first
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  relais handover list exemple")]
pub struct List {
    /// Title or id of the thread
    thread: String,
}

#[derive(Debug, Serialize)]
struct ReceiverView {
    #[serde(flatten)]
    person: PersonRef,
    acknowledged_ms: Option<u64>,
    synthesis: String,
}

/// A handover note with its acknowledgements.
#[derive(Debug, Serialize)]
pub struct HandoverView {
    id: String,
    author: PersonRef,
    time_ms: u64,
    #[serde(flatten)]
    state: StateView,
    situation: String,
    background: String,
    assessment: String,
    request: String,
    request_kind: Option<Request>,
    deadline_ms: Option<u64>,
    receivers: Vec<ReceiverView>,
    /// Everyone it is for has acknowledged it.
    complete: bool,
}

impl HandoverView {
    fn of(
        id: EventId,
        author: PersonRef,
        time_ms: u64,
        state: StateView,
        note: HandoverNote,
        receivers: Vec<ReceiverView>,
    ) -> Self {
        Self {
            id: id.to_string(),
            author,
            time_ms,
            state,
            request_kind: Request::of(note.request_kind()),
            situation: note.situation,
            background: note.background,
            assessment: note.assessment,
            request: note.request,
            deadline_ms: optional_ms(note.deadline_ms),
            complete: receivers.iter().all(|r| r.acknowledged_ms.is_some()),
            receivers,
        }
    }

    /// The handovers of a thread, those that wait on this device first.
    ///
    /// # Errors
    /// Of the database.
    pub fn all(engine: &Engine, channel: ChannelId) -> Result<Vec<Self>> {
        let person = |id| PersonRef::of(engine, id);
        let mut list = Vec::new();
        let head = engine.thread(channel)?.seq;
        for item in engine.timeline(channel, head, ALL)? {
            let TimelineBody::Event(id, kind) = item.body else {
                continue;
            };
            if let (Kind::HandoverNote(note), None) = (*kind, item.seq) {
                let to = note.receivers.iter();
                let to = to.filter_map(|id| ProfessionalId::try_from(id).ok());
                let receivers = to.map(|id| ReceiverView {
                    person: person(id),
                    acknowledged_ms: None,
                    synthesis: String::new(),
                });
                let receivers = receivers.collect();
                let state = StateView::of(&item.state);
                list.push(Self::of(
                    id,
                    person(item.author),
                    item.time_ms,
                    state,
                    note,
                    receivers,
                ));
            }
        }
        for handover in engine.handovers(channel)? {
            let receivers = handover.receivers.into_iter().map(|r| ReceiverView {
                person: person(r.professional),
                acknowledged_ms: r.acknowledged_ms,
                synthesis: r.synthesis,
            });
            list.push(Self::of(
                handover.event,
                person(handover.author),
                handover.time_ms,
                StateView::sent(),
                handover.note,
                receivers.collect(),
            ));
        }
        Ok(list)
    }
}

#[derive(Debug, Serialize)]
struct Handovers {
    thread: String,
    handovers: Vec<HandoverView>,
}

impl List {
    async fn run(self, session: &mut Session) -> Result<Shown> {
        session.freshen().await?;
        let view = session
            .call(move |engine| {
                let channel = resolve::thread(engine, &self.thread)?;
                Ok(Handovers {
                    thread: channel.to_string(),
                    handovers: HandoverView::all(engine, channel)?,
                })
            })
            .await?;
        Ok(view.into())
    }
}

impl View for Handovers {
    fn plain(&self, text: &mut Text) {
        if self.handovers.is_empty() {
            text.note("No handover in this thread.");
        }
        for handover in &self.handovers {
            let (at, name) = (time::minutes(handover.time_ms), &handover.author.name);
            let complete = match (handover.state.state, handover.complete) {
                ("sent", true) => "complete".to_owned(),
                ("sent", false) => "not acknowledged by everyone".to_owned(),
                _ => handover.state.to_string(),
            };
            text.line(format_args!(
                "{at}  {name}  [{complete}]  {}",
                short(&handover.id)
            ));
            let kind = handover
                .request_kind
                .map(|k| k.to_string())
                .unwrap_or_default();
            let by = handover
                .deadline_ms
                .map(|ms| format!(", by {}", time::minutes(ms)));
            text.line(format_args!("  asks for: {kind}{}", by.unwrap_or_default()));
            text.block("  S  ", &handover.situation);
            text.block("  A  ", &handover.background);
            text.block("  E  ", &handover.assessment);
            text.block("  D  ", &handover.request);
            for receiver in &handover.receivers {
                let name = &receiver.person.name;
                match receiver.acknowledged_ms {
                    Some(ms) => {
                        text.line(format_args!("  {name}: acknowledged {}", time::minutes(ms)));
                    }
                    None => text.line(format_args!("  {name}: not yet")),
                }
                text.block("    ", &receiver.synthesis);
            }
        }
    }
}
