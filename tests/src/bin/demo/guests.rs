//! People who come by a link of their own, mostly in a browser: one for each role. The
//! founding coordinator's device stays open for them, and lets in whoever has joined.

use std::time::Duration;

use relais_core::commands::NewMember;
use relais_core::driver::Client;
use relais_core::engine::Phase;
use relais_core::history::HistoryChoice;
use relais_core::identity::cards::OwnCard;
use relais_core::identity::root::RootAccess;
use relais_core::wire::ids::{ChannelId, ProfessionalId};
use relais_core::wire::structure::Standing;
use relais_core::wire::v1::ChannelRole;
use relais_core::{Engine, Error};
use tokio::runtime::Runtime;

use crate::device::Device;
use crate::failure::{Failure, Result};
use crate::people::{COORDINATOR, GUESTS, Person};

/// The server on this machine has taken an invitation within this.
const KNOWN: Duration = Duration::from_secs(30);

/// Somebody who may come.
#[derive(Debug, Clone)]
pub struct Guest {
    /// Who it is to be.
    pub person: &'static Person,
    /// What they join with, once.
    pub link: String,
    professional: ProfessionalId,
    inside: bool,
}

/// See the module's head.
pub struct Guests {
    runtime: Runtime,
    host: Client,
    thread: ChannelId,
    /// In the order of roles.
    pub invited: Vec<Guest>,
}

impl Guests {
    /// Opens the coordinator's device, which no other process may have open, and invites
    /// everybody.
    pub fn invite(coordinator: &Device, thread: &str) -> Result<Self> {
        let thread = ChannelId::from_hex(thread)
            .ok_or_else(|| Failure::Story("a thread without an id".into()))?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(failed)?;
        let key = coordinator.key()?;
        let (host, invited) = runtime.block_on(async {
            let host = Client::open(&coordinator.database(), key)
                .await
                .map_err(failed)?;
            let mut invited = Vec::new();
            for person in &GUESTS {
                invited.push(issue(&host, person).await?);
            }
            Ok::<_, Failure>((host, invited))
        })?;
        Ok(Self {
            runtime,
            host,
            thread,
            invited,
        })
    }

    /// Lets into the thread, with its whole past, whoever has joined since the last time.
    pub fn welcome(&mut self) -> Result<Vec<&'static Person>> {
        let mut welcomed = Vec::new();
        for guest in self.invited.iter_mut().filter(|guest| !guest.inside) {
            let (thread, new) = (self.thread, guest.clone());
            let let_in = self.host.call(move |engine| let_in(engine, thread, &new));
            guest.inside = self.runtime.block_on(let_in).map_err(failed)?;
            welcomed.extend(guest.inside.then_some(guest.person));
        }
        Ok(welcomed)
    }

    /// Closes the device, so that another process can use it.
    pub fn close(self) -> Result<()> {
        self.runtime.block_on(self.host.shutdown()).map_err(failed)
    }
}

async fn issue(host: &Client, person: &'static Person) -> Result<Guest> {
    let card = card(person)?;
    let issued = host.call(move |engine| engine.invite(&card)).await;
    let issued = issued.map_err(failed)?;
    let professional = issued.professional;
    let known = host.wait_until(KNOWN, move |engine| {
        let invitations = engine.invitations()?;
        Ok(invitations
            .iter()
            .any(|i| i.professional == professional && !i.pending))
    });
    if !known.await.map_err(failed)? {
        return Err(failed("the server does not take an invitation"));
    }
    Ok(Guest {
        person,
        link: issued.link,
        professional,
        inside: false,
    })
}

/// Whether they are in the circle now: not before they have joined and are confirmed,
/// which the engine does on its own.
fn let_in(engine: &mut Engine, thread: ChannelId, guest: &Guest) -> Result<bool, Error> {
    if engine.phase() != Phase::Ready {
        return Ok(false);
    }
    let people = engine.people()?;
    let joined = people.iter().find(|p| p.professional == guest.professional);
    let Some(joined) = joined.filter(|p| p.confirmed && !p.devices.is_empty()) else {
        return Ok(false);
    };
    let coordinates = guest.person.role == COORDINATOR.role;
    if coordinates && joined.standing != Standing::Coordinator {
        engine.appoint(guest.professional, &RootAccess::Held)?;
    }
    let (role, role_text) = match coordinates {
        true => (ChannelRole::Manager, "Coordination"),
        false => (ChannelRole::Contributor, ""),
    };
    let member = NewMember {
        role,
        role_text: role_text.to_owned(),
        history: HistoryChoice::All,
        ..NewMember::care_team(guest.professional)
    };
    engine.add_member(thread, &member)?;
    Ok(true)
}

fn card(person: &Person) -> Result<OwnCard> {
    Ok(OwnCard {
        given_name: person.given_name.to_owned(),
        family_name: person.family_name.to_owned(),
        profession: person.profession.parse().map_err(failed)?,
        rpps: person.rpps.to_owned(),
    })
}

fn failed(error: impl std::fmt::Display) -> Failure {
    Failure::Story(format!("guests: {error}"))
}
