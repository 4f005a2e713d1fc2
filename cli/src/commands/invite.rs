//! Invitations: issued, listed, withdrawn.

use clap::{Args, Subcommand};
use relais_core::query::Invitation;
use serde::Serialize;

use super::people::CardOptions;
use crate::failure::{Result, exit};
use crate::render::{Shown, Text, View};
use crate::resolve;
use crate::session::Session;
use crate::time;
use crate::view::{PersonRef, QUEUED, short};

/// Invite a named person into the structure (coordinators)
///
/// Prints the link alone on the standard output, once the server knows of it. It is
/// valid for three days and for one use: hand it over personally.
#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "Examples:
  relais invite --given-name Jean --family-name Fictif --profession 60 --rpps 99900000011
  relais invite list
  relais invite withdraw fictif"
)]
pub struct Invite {
    #[command(subcommand)]
    action: Option<Action>,
    #[command(flatten)]
    card: CardOptions,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List the invitations issued on this device
    #[command(after_help = "Example:\n  relais invite list")]
    List,
    /// Withdraw an invitation that was not used yet
    #[command(after_help = "Example:\n  relais invite withdraw fictif")]
    Withdraw {
        /// Name or id of the person invited
        who: String,
    },
}

impl Invite {
    pub(super) async fn run(self, session: &mut Session) -> Result<Shown> {
        match self.action {
            None => issue(session, &self.card).await,
            Some(Action::List) => list(session).await,
            Some(Action::Withdraw { who }) => withdraw(session, who).await,
        }
    }
}

async fn issue(session: &mut Session, card: &CardOptions) -> Result<Shown> {
    let card = card.required()?;
    let name = format!("{} {}", card.given_name, card.family_name);
    let issued = session.act(move |e| Ok(e.invite(&card)?)).await?;
    let professional = issued.professional;
    let known = session
        .wait(move |e| {
            Ok(e.invitations()?
                .iter()
                .any(|i| i.professional == professional && !i.pending))
        })
        .await?;
    let person = PersonRef {
        id: professional.to_string(),
        name,
    };
    Ok(Issued::new(person, issued, known, session.is_online()).into())
}

/// A link that was issued for somebody, new or again.
#[derive(Debug, Serialize)]
pub struct Issued {
    person: PersonRef,
    link: String,
    expires_ms: u64,
    state: &'static str,
    queued: bool,
    #[serde(skip)]
    online: bool,
}

impl Issued {
    /// `known`: the server has it, and the link works.
    pub fn new(person: PersonRef, issued: Invitation, known: bool, online: bool) -> Self {
        Self {
            person,
            link: issued.link,
            expires_ms: issued.expires_at_ms,
            state: if known { "sent" } else { "waiting" },
            queued: !known,
            online,
        }
    }
}

impl View for Issued {
    fn plain(&self, text: &mut Text) {
        text.line(&self.link);
        let (name, until) = (&self.person.name, time::minutes(self.expires_ms));
        text.note(format_args!("for {name}, once, until {until}"));
        if self.queued {
            text.note(format_args!("{QUEUED}; the link works only then"));
        }
    }

    fn exit(&self) -> u8 {
        if self.queued && self.online {
            exit::NETWORK
        } else {
            0
        }
    }

    fn says_queued(&self) -> bool {
        self.queued
    }
}

#[derive(Debug, Serialize)]
struct InvitationView {
    person: PersonRef,
    link: String,
    expires_ms: u64,
    used: bool,
    withdrawn: bool,
    queued: bool,
}

#[derive(Debug, Serialize)]
struct Invitations {
    invitations: Vec<InvitationView>,
}

async fn list(session: &mut Session) -> Result<Shown> {
    session.freshen().await?;
    let invitations = session
        .call(|engine| {
            let view = |i: Invitation| InvitationView {
                person: PersonRef::of(engine, i.professional),
                link: i.link,
                expires_ms: i.expires_at_ms,
                used: i.used,
                withdrawn: i.withdrawn,
                queued: i.pending,
            };
            Ok(engine.invitations()?.into_iter().map(view).collect())
        })
        .await?;
    Ok(Invitations { invitations }.into())
}

impl View for Invitations {
    fn plain(&self, text: &mut Text) {
        let rows: Vec<_> = self
            .invitations
            .iter()
            .map(|i| {
                let (state, link) = match (i.used, i.withdrawn, i.queued) {
                    (true, ..) => ("used", ""),
                    (false, true, _) => ("withdrawn", ""),
                    (false, false, true) => (QUEUED, ""),
                    (false, false, false) => ("open", i.link.as_str()),
                };
                [
                    i.person.name.clone(),
                    state.to_owned(),
                    time::minutes(i.expires_ms),
                    short(&i.person.id).to_owned(),
                    link.to_owned(),
                ]
            })
            .collect();
        text.table(["NAME", "STATE", "UNTIL", "ID", "LINK"], &rows);
    }
}

#[derive(Debug, Serialize)]
struct Withdrawn {
    person: PersonRef,
    state: &'static str,
    queued: bool,
}

async fn withdraw(session: &mut Session, who: String) -> Result<Shown> {
    let person = session
        .act(move |engine| {
            let id = resolve::invited(engine, &who)?;
            engine.withdraw_invitation(id)?;
            Ok((id, PersonRef::of(engine, id)))
        })
        .await?;
    let (id, person) = person;
    let known = session
        .wait(move |e| {
            let list = e.invitations()?;
            Ok(list.iter().any(|i| i.professional == id && i.withdrawn))
        })
        .await?;
    Ok(Withdrawn {
        person,
        state: if known { "sent" } else { "waiting" },
        queued: !known,
    }
    .into())
}

impl View for Withdrawn {
    fn plain(&self, text: &mut Text) {
        text.line(format_args!(
            "withdrawn: the invitation of {}",
            self.person.name
        ));
        if self.queued {
            text.note(QUEUED);
        }
    }

    fn says_queued(&self) -> bool {
        self.queued
    }
}
