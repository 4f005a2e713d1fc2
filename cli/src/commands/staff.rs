//! What a coordinator does about people of the structure: inviting again, sending
//! away.

use clap::Subcommand;
use relais_core::wire::ids::DeviceId;
use serde::Serialize;

use super::device::resolve_device;
use super::invite::Issued;
use crate::failure::Result;
use crate::render::{Shown, Text, View};
use crate::resolve;
use crate::session::Session;
use crate::view::{PersonRef, QUEUED};

/// What is done about a person.
#[derive(Debug, Subcommand)]
pub enum Staff {
    /// Invite somebody again who lost their device or had left (coordinators)
    ///
    /// They keep their id, their card and their threads. Lost devices are revoked at
    /// once. When the link is used, their older key and every device that they had
    /// not linked by now are revoked too.
    #[command(after_help = "Example:\n  relais people reinvite fictif --lost 3f9a")]
    Reinvite {
        /// Name or id
        who: String,
        /// Beginning of the id of a lost device: relais device list --of WHO
        #[arg(long, value_name = "DEVICE")]
        lost: Vec<String>,
    },
    /// End somebody's part in the structure (coordinators; anybody for themselves)
    #[command(after_help = "Example:\n  relais people revoke fictif")]
    Revoke {
        /// Name or id; `me` for yourself
        who: String,
    },
}

impl Staff {
    pub(super) async fn run(self, session: &mut Session) -> Result<Shown> {
        match self {
            Self::Reinvite { who, lost } => reinvite(session, who, lost).await,
            Self::Revoke { who } => revoke(session, who).await,
        }
    }
}

async fn reinvite(session: &mut Session, who: String, lost: Vec<String>) -> Result<Shown> {
    let (person, issued) = session
        .act(move |engine| {
            let id = resolve::person(engine, &who)?;
            let lost: Vec<DeviceId> = lost
                .iter()
                .map(|text| resolve_device(engine, text))
                .collect::<Result<_>>()?;
            let issued = engine.invite_again(id, &lost)?;
            Ok((PersonRef::of(engine, id), issued))
        })
        .await?;
    let sent = session.wait(|e| Ok(e.sync_state()?.waiting == 0)).await?;
    Ok(Issued::new(person, issued, sent, session.is_online()).into())
}

#[derive(Debug, Serialize)]
struct Revoked {
    person: PersonRef,
    queued: bool,
}

async fn revoke(session: &mut Session, who: String) -> Result<Shown> {
    let person = session
        .act(move |engine| {
            let id = resolve::person(engine, &who)?;
            let person = PersonRef::of(engine, id);
            engine.revoke_professional(id)?;
            Ok(person)
        })
        .await?;
    let sent = session.wait(|e| Ok(e.sync_state()?.waiting == 0)).await?;
    Ok(Revoked {
        person,
        queued: !sent,
    }
    .into())
}

impl View for Revoked {
    fn plain(&self, text: &mut Text) {
        text.line(format_args!(
            "no longer of the structure: {}",
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
