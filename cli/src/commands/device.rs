//! A person's own devices: listed, linked, revoked.

use clap::Subcommand;
use relais_core::wire::ids::DeviceId;
use serde::Serialize;

use super::text_or_stdin;
use crate::failure::{Failure, Result, exit};
use crate::render::{Shown, Text, View};
use crate::resolve;
use crate::session::Session;
use crate::time;
use crate::view::{QUEUED, short};

/// Your devices: list, link another one, revoke a lost one
#[derive(Debug, Subcommand)]
#[command(after_help = "Examples:
  relais device list
  relais device link                 shows a link for the new device: relais join LINK
  relais device accept REQUEST       for a new device that runs: relais join --server URL
  relais device revoke 3f9a")]
pub enum Device {
    /// List your devices, or somebody's
    #[command(after_help = "Example:\n  relais device list --of fictif")]
    List {
        /// Name or id of a person instead of yourself
        #[arg(long, value_name = "WHO", default_value = "me")]
        of: String,
    },
    /// Make a link for another device of yours; valid some 14 minutes, for one use
    #[command(after_help = "Example:\n  relais device link")]
    Link,
    /// Let in a device that shows a request, and print the code to type there
    #[command(after_help = "Example:\n  relais device accept 'relais-device#1.AQ…'")]
    Accept {
        /// What the new device shows, or `-`
        request: String,
    },
    /// Go on with a profile that was restored or copied, as a new device: every other
    /// copy of it is revoked and forgets everything
    #[command(after_help = "Example:\n  relais device return")]
    Return,
    /// Revoke a device: it is cut off at once and forgets everything at its next contact
    #[command(after_help = "Example:\n  relais device revoke 3f9a")]
    Revoke {
        /// Beginning of its id
        device: String,
    },
}

/// A request is below 256 bytes.
const REQUEST_BYTES: u64 = 1024;

impl Device {
    pub(super) async fn run(self, session: &mut Session) -> Result<Shown> {
        match self {
            Self::List { of } => list(session, of).await,
            Self::Link => link(session).await,
            Self::Accept { request } => accept(session, request).await,
            Self::Return => give_back(session).await,
            Self::Revoke { device } => revoke(session, device).await,
        }
    }
}

#[derive(Debug, Serialize)]
struct DeviceView {
    id: String,
    /// The one that this command runs on.
    this: bool,
    revoked: bool,
}

#[derive(Debug, Serialize)]
struct Devices {
    devices: Vec<DeviceView>,
}

async fn list(session: &mut Session, of: String) -> Result<Shown> {
    session.freshen().await?;
    let devices = session
        .call(move |engine| {
            let me = engine.whoami()?.device;
            let owner = resolve::person(engine, &of)?;
            let person = engine
                .people()?
                .into_iter()
                .find(|p| p.professional == owner);
            let records = person.map(|p| p.devices).unwrap_or_default();
            let view = |d: relais_core::query::DeviceRecord| DeviceView {
                id: d.device.to_string(),
                this: d.device == me,
                revoked: d.revoked,
            };
            Ok(records.into_iter().map(view).collect())
        })
        .await?;
    Ok(Devices { devices }.into())
}

impl View for Devices {
    fn plain(&self, text: &mut Text) {
        let rows: Vec<_> = self
            .devices
            .iter()
            .map(|device| {
                let state = match (device.this, device.revoked) {
                    (true, false) => "this one",
                    (true, true) | (false, true) => "revoked",
                    (false, false) => "",
                };
                [short(&device.id).to_owned(), state.to_owned()]
            })
            .collect();
        text.table(["ID", ""], &rows);
    }
}

/// Waits until what was said here has reached the server.
async fn left(session: &mut Session) -> Result<bool> {
    session.wait(|e| Ok(e.sync_state()?.waiting == 0)).await
}

#[derive(Debug, Serialize)]
struct Linked {
    link: String,
    expires_ms: u64,
    queued: bool,
}

async fn link(session: &mut Session) -> Result<Shown> {
    let link = session.act(|e| Ok(e.link_device()?)).await?;
    let queued = !left(session).await?;
    Ok(Linked {
        link: link.link,
        expires_ms: link.expires_at_ms,
        queued,
    }
    .into())
}

impl View for Linked {
    fn plain(&self, text: &mut Text) {
        text.line(&self.link);
        let until = time::minutes(self.expires_ms);
        text.note(format_args!("for one device of yours, until {until}"));
        if self.queued {
            text.note(format_args!("{QUEUED}; the link works only then"));
        }
    }

    fn exit(&self) -> u8 {
        if self.queued { exit::NETWORK } else { 0 }
    }

    fn says_queued(&self) -> bool {
        self.queued
    }
}

#[derive(Debug, Serialize)]
struct Accepted {
    code: String,
    queued: bool,
}

async fn accept(session: &mut Session, request: String) -> Result<Shown> {
    let request = text_or_stdin(&request, REQUEST_BYTES)?;
    let code = session.act(move |e| Ok(e.accept_device(&request)?)).await?;
    let queued = !left(session).await?;
    Ok(Accepted { code, queued }.into())
}

impl View for Accepted {
    fn plain(&self, text: &mut Text) {
        text.line(&self.code);
        text.note("Type this code on the new device, if it asks for one.");
        if self.queued {
            text.note(QUEUED);
        }
    }

    fn exit(&self) -> u8 {
        if self.queued { exit::NETWORK } else { 0 }
    }

    fn says_queued(&self) -> bool {
        self.queued
    }
}

/// A device of the structure by the beginning of its id.
///
/// # Errors
/// Those of [`resolve::pick`] and of the engine.
pub(super) fn resolve_device(engine: &relais_core::Engine, query: &str) -> Result<DeviceId> {
    let mut devices = Vec::new();
    for person in engine.people()? {
        let name = engine.name(&person.professional);
        for device in person.devices.iter().filter(|d| !d.revoked) {
            let candidate = crate::failure::Candidate {
                id: device.device.to_string(),
                label: format!("a device of {name}"),
            };
            devices.push((device.device, candidate));
        }
    }
    let typed = query.trim().to_lowercase();
    let matching = |id: &str| typed.len() >= 4 && id.starts_with(&typed);
    devices.retain(|(_, candidate)| matching(&candidate.id));
    match devices.as_slice() {
        [(id, _)] => Ok(*id),
        [] => Err(Failure::NoMatch {
            what: "device",
            query: query.to_owned(),
        }),
        _ => Err(Failure::Ambiguous {
            what: "device",
            query: query.to_owned(),
            candidates: devices
                .into_iter()
                .map(|(_, candidate)| candidate)
                .collect(),
        }),
    }
}

#[derive(Debug, Serialize)]
struct Returned {
    returned: bool,
    device: String,
}

async fn give_back(session: &mut Session) -> Result<Shown> {
    session.call(|e| Ok(e.return_device()?)).await?;
    let returned = session.wait_frozen(|e| Ok(!e.is_frozen())).await?;
    let device = session.call(|e| Ok(e.whoami()?.device)).await?;
    Ok(Returned {
        returned,
        device: device.to_string(),
    }
    .into())
}

impl View for Returned {
    fn plain(&self, text: &mut Text) {
        match self.returned {
            true => text.line(format_args!("this device is now {}", short(&self.device))),
            false => text.note(
                "Not yet. If it stays so, the id was retired before: link or enrol this device again.",
            ),
        }
    }

    fn exit(&self) -> u8 {
        if self.returned { 0 } else { exit::NETWORK }
    }
}

#[derive(Debug, Serialize)]
struct Revoked {
    device: String,
    queued: bool,
}

async fn revoke(session: &mut Session, device: String) -> Result<Shown> {
    let id = session
        .act(move |engine| {
            let id = resolve_device(engine, &device)?;
            engine.revoke_device(id)?;
            Ok(id)
        })
        .await?;
    let queued = !left(session).await?;
    Ok(Revoked {
        device: id.to_string(),
        queued,
    }
    .into())
}

impl View for Revoked {
    fn plain(&self, text: &mut Text) {
        text.line(format_args!("revoked: {}", short(&self.device)));
        if self.queued {
            text.note(QUEUED);
        }
    }

    fn says_queued(&self) -> bool {
        self.queued
    }
}
