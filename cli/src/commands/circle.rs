//! The circle of care: who is in a thread, added, removed.

use clap::Args;
use relais_core::Engine;
use relais_core::commands::NewMember;
use relais_core::history::HistoryChoice;
use relais_core::query::{EventState, Reachability, TimelineBody};
use relais_core::wire::ids::{ChannelId, ProfessionalId};
use serde::Serialize;

use super::history::parse_history;
use crate::failure::{Failure, Result, exit};
use crate::render::{Shown, Text, View};
use crate::resolve::{self, ALL};
use crate::session::Session;
use crate::time;
use crate::view::{PersonRef, QUEUED, StateView, optional_ms, short};
use crate::words::{Basis, Role};

/// Add somebody to a thread, or change their role or end
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  relais thread add exemple fictif
  relais thread add exemple 'dr essai' --role reader --until 2026-12-31
  relais thread add exemple 'dr essai' --history since=2026-11-01
  relais thread add exemple kiné --basis consent --consent-date 2026-11-20 --as 'kinésithérapeute'")]
pub struct Add {
    /// Title or id
    thread: String,
    /// Name or id
    who: String,
    /// What they may do
    #[arg(long, value_enum, default_value = "contributor")]
    role: Role,
    /// End of the membership: a date (its end, UTC) or a time with its zone
    #[arg(long, value_name = "WHEN", value_parser = time::parse_moment)]
    until: Option<u64>,
    /// Why they are in the circle
    #[arg(long, value_enum, default_value = "care-team")]
    basis: Basis,
    /// The day of the consent, with `--basis consent`
    #[arg(long, value_name = "DATE")]
    consent_date: Option<String>,
    /// Their role in the circle, in words; otherwise their profession
    #[arg(long = "as", value_name = "TEXT")]
    role_text: Option<String>,
    /// What of the past is shared with them: none, summary, all or since=DATE. Everybody in the
    /// thread sees it
    #[arg(long, value_name = "HOW MUCH", default_value = "none", value_parser = parse_history)]
    history: HistoryChoice,
}

/// Remove somebody: they receive that, and nothing after it
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  relais thread remove exemple fictif")]
pub struct Remove {
    /// Title or id
    thread: String,
    /// Name or id
    who: String,
}

/// Show who is in a thread, on what basis and until when
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  relais thread members exemple")]
pub struct Members {
    /// Title or id
    thread: String,
}

#[derive(Debug, Serialize)]
struct Changed {
    thread: String,
    /// `added` or `removed`.
    change: &'static str,
    person: PersonRef,
    #[serde(flatten)]
    state: StateView,
    queued: bool,
}

impl Add {
    pub(super) async fn run(self, session: &mut Session) -> Result<Shown> {
        let consent_date = self.consent_date.as_deref().map(|text| {
            let bad = || Failure::value("--consent-date", "write 2026-11-20");
            time::parse_date(text).ok_or_else(bad)
        });
        let consent_date = consent_date.transpose()?;
        let (channel, who) = session
            .act(move |engine| {
                let channel = resolve::thread(engine, &self.thread)?;
                let who = resolve::person(engine, &self.who)?;
                let member = NewMember {
                    professional: who,
                    role: self.role.schema(),
                    expires_at_ms: self.until,
                    role_text: self.role_text.unwrap_or_default(),
                    basis: self.basis.schema(),
                    consent_date,
                    history: self.history,
                };
                engine.add_member(channel, &member)?;
                Ok((channel, who))
            })
            .await?;
        changed(session, channel, who, "added").await
    }
}

impl Remove {
    pub(super) async fn run(self, session: &mut Session) -> Result<Shown> {
        let (channel, who) = session
            .act(move |engine| {
                let channel = resolve::thread(engine, &self.thread)?;
                let who = resolve::member(engine, channel, &self.who)?;
                engine.remove_member(channel, who)?;
                Ok((channel, who))
            })
            .await?;
        changed(session, channel, who, "removed").await
    }
}

async fn changed(
    session: &mut Session,
    channel: ChannelId,
    who: ProfessionalId,
    change: &'static str,
) -> Result<Shown> {
    let state = move |engine: &Engine| progress(engine, channel, who);
    session.wait(move |e| Ok(!state(e)?.is_queued())).await?;
    let view = session
        .call(move |engine| {
            let state = state(engine)?;
            Ok(Changed {
                thread: channel.to_string(),
                change,
                person: PersonRef::of(engine, who),
                queued: state.is_queued(),
                state,
            })
        })
        .await?;
    Ok(view.into())
}

/// How far the newest change that concerns a person is; sent once none is left.
fn progress(
    engine: &Engine,
    channel: ChannelId,
    who: ProfessionalId,
) -> relais_core::Result<StateView> {
    let items = engine.timeline(channel, engine.thread(channel)?.seq, ALL)?;
    let newest = items.iter().rev().find(|item| match &item.body {
        TimelineBody::CircleChange { added, removed } => {
            added.contains(&who) || removed.contains(&who)
        }
        _ => false,
    });
    Ok(
        newest.map_or_else(StateView::sent, |item| match &item.state {
            EventState::Sent { .. } => StateView::sent(),
            state => StateView::of(state),
        }),
    )
}

impl View for Changed {
    fn plain(&self, text: &mut Text) {
        text.line(format_args!(
            "{}: {}  [{}]",
            self.change, self.person.name, self.state
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

/// A member of a thread.
#[derive(Debug, Clone, Serialize)]
pub struct MemberView {
    /// Opaque id.
    pub id: String,
    name: String,
    role: Option<Role>,
    role_text: Option<String>,
    basis: Option<Basis>,
    consent_date: Option<String>,
    until_ms: Option<u64>,
    confirmed: bool,
    read_seq: u64,
    reached: Reached,
    me: bool,
}

/// Whether what is written reaches a member.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "snake_case", tag = "state")]
enum Reached {
    UpToDate,
    Behind { seq: u64, since_ms: u64 },
    NoDevice,
}

impl From<Reachability> for Reached {
    fn from(reachability: Reachability) -> Self {
        match reachability {
            Reachability::UpToDate => Self::UpToDate,
            Reachability::Behind { seq, since_ms } => Self::Behind { seq, since_ms },
            Reachability::NoDevice => Self::NoDevice,
        }
    }
}

impl std::fmt::Display for Reached {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::UpToDate => f.write_str("yes"),
            Self::Behind { since_ms, .. } => write!(f, "not since {}", time::minutes(*since_ms)),
            Self::NoDevice => f.write_str("no device"),
        }
    }
}

impl MemberView {
    /// The circle of a thread.
    ///
    /// # Errors
    /// Unknown thread.
    pub fn all(engine: &Engine, channel: ChannelId) -> Result<Vec<Self>> {
        let me = engine.whoami()?.professional;
        let members = engine.members(channel)?;
        Ok(members
            .into_iter()
            .map(|member| {
                let note = member.note.as_ref();
                Self {
                    id: member.professional.to_string(),
                    name: member.name,
                    role: Role::of(member.role),
                    role_text: note.map(|n| n.role.clone()),
                    basis: note.and_then(|n| Basis::of(n.basis())),
                    consent_date: note.and_then(|n| n.consent_date.as_ref()).map(time::date),
                    until_ms: member
                        .expires_at_ms
                        .or_else(|| note.and_then(|n| optional_ms(n.until_ms))),
                    confirmed: member.confirmed,
                    read_seq: member.read_seq,
                    reached: member.reachability.into(),
                    me: member.professional == me,
                }
            })
            .collect())
    }
}

#[derive(Debug, Serialize)]
struct Circle {
    thread: String,
    members: Vec<MemberView>,
}

impl Members {
    pub(super) async fn run(self, session: &mut Session) -> Result<Shown> {
        session.freshen().await?;
        let view = session
            .call(move |engine| {
                let channel = resolve::thread(engine, &self.thread)?;
                Ok(Circle {
                    thread: channel.to_string(),
                    members: MemberView::all(engine, channel)?,
                })
            })
            .await?;
        Ok(view.into())
    }
}

impl View for Circle {
    fn plain(&self, text: &mut Text) {
        let rows: Vec<_> = self
            .members
            .iter()
            .map(|member| {
                let you = if member.me { " (you)" } else { "" };
                let unconfirmed = if member.confirmed {
                    ""
                } else {
                    " (unconfirmed)"
                };
                let word = |word: Option<String>| word.unwrap_or_else(|| "–".to_owned());
                [
                    format!("{}{you}{unconfirmed}", member.name),
                    word(member.role.map(|r| r.to_string())),
                    word(member.role_text.clone()),
                    word(member.basis.map(|b| b.to_string())),
                    word(member.until_ms.map(time::minutes)),
                    member.read_seq.to_string(),
                    member.reached.to_string(),
                    short(&member.id).to_owned(),
                ]
            })
            .collect();
        text.table(
            [
                "NAME", "ROLE", "AS", "BASIS", "UNTIL", "READ", "REACHED", "ID",
            ],
            &rows,
        );
    }
}
