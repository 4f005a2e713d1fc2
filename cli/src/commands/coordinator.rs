//! Who coordinates the practice.

use clap::{Args, Subcommand};
use relais_core::wire::ids::ProfessionalId;
use relais_core::wire::structure::Standing;
use serde::Serialize;

use super::root::RootOptions;
use crate::failure::Result;
use crate::render::{Shown, Text, View};
use crate::resolve;
use crate::session::Session;
use crate::view::{PersonRef, QUEUED, short};

/// List, appoint and end coordinators; changing them takes the root's key
#[derive(Debug, Subcommand)]
#[command(after_help = "Example:\n  relais coordinator appoint fictif --kit kit.txt")]
pub enum Coordinator {
    List(List),
    /// Make somebody a coordinator
    #[command(after_help = "Examples:
  relais coordinator appoint fictif
  relais coordinator appoint fictif --share share-1.txt --share share-2.txt")]
    Appoint(Who),
    /// End somebody's standing as a coordinator; they stay in the practice
    ///
    /// A coordinator who lost the phone is ended, invited again (relais people reinvite)
    /// and appointed again.
    #[command(after_help = "Example:\n  relais coordinator end fictif --kit kit.txt")]
    End(Who),
}

impl Coordinator {
    pub(super) async fn run(self, session: &mut Session) -> Result<Shown> {
        match self {
            Self::List(command) => command.run(session).await,
            Self::Appoint(who) => change(session, who, true).await,
            Self::End(who) => change(session, who, false).await,
        }
    }
}

/// List the coordinators
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  relais coordinator list")]
pub struct List {}

#[derive(Debug, Serialize)]
struct Coordinators {
    coordinators: Vec<PersonRef>,
}

impl List {
    async fn run(self, session: &mut Session) -> Result<Shown> {
        session.freshen().await?;
        let coordinators = session
            .call(|e| {
                let people = e.people()?;
                let standing = people
                    .iter()
                    .filter(|p| p.standing == Standing::Coordinator);
                Ok(standing.map(|p| PersonRef::of(e, p.professional)).collect())
            })
            .await?;
        Ok(Coordinators { coordinators }.into())
    }
}

impl View for Coordinators {
    fn plain(&self, text: &mut Text) {
        let row = |p: &PersonRef| [p.name.clone(), short(&p.id).to_owned()];
        let rows: Vec<_> = self.coordinators.iter().map(row).collect();
        text.table(["NAME", "ID"], &rows);
    }
}

/// Whose standing changes, and with which root's key.
#[derive(Debug, Args)]
pub struct Who {
    /// Name or id
    who: String,
    #[command(flatten)]
    root: RootOptions,
}

async fn change(session: &mut Session, options: Who, coordinator: bool) -> Result<Shown> {
    let access = options.root.access()?;
    let (id, person) = session
        .act(move |e| {
            let id = resolve::person(e, &options.who)?;
            match coordinator {
                true => e.appoint(id, &access)?,
                false => e.end_coordinator(id, &access)?,
            }
            Ok((id, PersonRef::of(e, id)))
        })
        .await?;
    changed(session, id, person, coordinator).await
}

/// What a change of the coordinators came to.
#[derive(Debug, Serialize)]
struct Changed {
    person: PersonRef,
    coordinator: bool,
    queued: bool,
}

async fn changed(
    session: &mut Session,
    id: ProfessionalId,
    person: PersonRef,
    coordinator: bool,
) -> Result<Shown> {
    let known = session
        .wait(move |e| {
            let people = e.people()?;
            let person = people.iter().find(|p| p.professional == id);
            let is = person.is_some_and(|p| p.standing == Standing::Coordinator);
            Ok(is == coordinator)
        })
        .await?;
    Ok(Changed {
        person,
        coordinator,
        queued: !known,
    }
    .into())
}

impl View for Changed {
    fn plain(&self, text: &mut Text) {
        let name = &self.person.name;
        text.line(match self.coordinator {
            true => format!("{name} is a coordinator"),
            false => format!("{name} is no coordinator any more"),
        });
        if self.queued {
            text.note(QUEUED);
        }
    }

    fn says_queued(&self) -> bool {
        self.queued
    }
}
