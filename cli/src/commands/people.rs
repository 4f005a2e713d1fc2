//! Who I am and who the others are; what a card holds.

use clap::{Args, Subcommand};
use relais_core::Engine;
use relais_core::identity::cards::OwnCard;
use relais_core::query::PersonRecord;
use relais_core::schema::professions::{LAY, PROFESSIONS, profession};
use relais_core::schema::v1::Card;
use relais_core::wire::structure::Standing;
use serde::Serialize;

use super::safety::{Safety, verification_word};
use super::staff::Staff;
use super::sync::Sync;
use crate::failure::{Failure, Result};
use crate::render::{Shown, Text, View};
use crate::resolve::fold;
use crate::session::Session;
use crate::view::short;

/// Name, profession and RPPS number on the command line.
#[derive(Debug, Clone, Args)]
pub struct CardOptions {
    /// Given name
    #[arg(long, value_name = "NAME")]
    given_name: Option<String>,
    /// Family name
    #[arg(long, value_name = "NAME")]
    family_name: Option<String>,
    /// Profession: code of TRE_G15 (60), its name (infirmier, nurse), or `lay`
    #[arg(long, value_name = "CODE")]
    profession: Option<String>,
    /// RPPS number, 11 digits; a lay person has none
    #[arg(long, value_name = "N")]
    rpps: Option<String>,
}

impl CardOptions {
    /// Whether anything of it was given.
    pub(super) fn is_given(&self) -> bool {
        self.given_name.is_some()
            || self.family_name.is_some()
            || self.profession.is_some()
            || self.rpps.is_some()
    }

    /// The card, when anything of it was given.
    pub(super) fn given(&self) -> Result<Option<OwnCard>> {
        self.is_given().then(|| self.required()).transpose()
    }

    /// The card.
    ///
    /// # Errors
    /// [`Failure::Usage`] names the option that is missing.
    pub(super) fn required(&self) -> Result<OwnCard> {
        let need = |value: &Option<String>, option: &str| {
            let missing = || Failure::Usage(format!("who is it? {option} is missing"));
            value.clone().ok_or_else(missing)
        };
        Ok(OwnCard {
            given_name: need(&self.given_name, "--given-name")?,
            family_name: need(&self.family_name, "--family-name")?,
            profession: parse_profession(&need(&self.profession, "--profession")?)?,
            rpps: self.rpps.clone().unwrap_or_default(),
        })
    }
}

/// A code, a name in French or English, or `lay`.
fn parse_profession(text: &str) -> Result<u32> {
    let unknown = || {
        Failure::value(
            "--profession",
            "is not a code or name of TRE_G15, nor `lay`",
        )
    };
    if let Ok(code) = text.trim().parse() {
        return (code == LAY || profession(code).is_some())
            .then_some(code)
            .ok_or_else(unknown);
    }
    let folded = fold(text);
    if folded == "lay" {
        return Ok(LAY);
    }
    PROFESSIONS
        .iter()
        .find(|p| fold(p.french) == folded || fold(p.english) == folded)
        .map(|p| p.code)
        .ok_or_else(unknown)
}

/// What a card says, opened or not.
#[derive(Debug, Clone, Serialize)]
pub struct CardView {
    name: Option<String>,
    given_name: Option<String>,
    family_name: Option<String>,
    /// TRE_G15 code; 0 for a lay person.
    profession: Option<u32>,
    profession_name: Option<&'static str>,
    rpps: Option<String>,
}

impl CardView {
    fn of(card: Option<&Card>) -> Self {
        let name = |c: &Card| {
            format!("{} {}", c.given_name, c.family_name)
                .trim()
                .to_owned()
        };
        Self {
            name: card.map(name),
            given_name: card.map(|c| c.given_name.clone()),
            family_name: card.map(|c| c.family_name.clone()),
            profession: card.map(|c| c.profession),
            profession_name: card.map(|c| profession(c.profession).map_or("lay", |p| p.english)),
            rpps: card.map(|c| c.rpps.clone()).filter(|rpps| !rpps.is_empty()),
        }
    }
}

/// This device's public identity.
#[derive(Debug, Serialize)]
pub struct Me {
    structure: String,
    professional: String,
    device: String,
    #[serde(flatten)]
    card: CardView,
    /// A coordinator has counter-signed the enrolment.
    pub confirmed: bool,
    /// May invite and confirm.
    pub coordinator: bool,
    server: String,
}

impl Me {
    /// From the engine's record.
    pub fn of(me: &relais_core::query::WhoAmI) -> Self {
        Self {
            structure: me.structure.to_string(),
            professional: me.professional.to_string(),
            device: me.device.to_string(),
            card: CardView::of(me.card.as_ref()),
            confirmed: me.confirmed || me.coordinator,
            coordinator: me.coordinator,
            server: me.server_url.clone(),
        }
    }
}

/// Show who this device is, and whether it is up to date
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  relais whoami --offline")]
pub struct WhoAmI {}

#[derive(Debug, Serialize)]
struct MeView {
    #[serde(flatten)]
    me: Me,
    /// The root key would be lost with this device.
    needs_kit: bool,
    sync: super::sync::SyncView,
}

impl WhoAmI {
    pub(super) async fn run(self, session: &mut Session) -> Result<Shown> {
        session.freshen().await?;
        let me = session.call(|e| Ok(Me::of(&e.whoami()?))).await?;
        let needs_kit = session
            .call(|e| Ok(e.recovery_status()?.needs_kit()))
            .await?;
        let sync = Sync::view(session).await?;
        Ok(MeView {
            me,
            needs_kit,
            sync,
        }
        .into())
    }
}

impl View for MeView {
    fn plain(&self, text: &mut Text) {
        let me = &self.me;
        let name = me
            .card
            .name
            .as_deref()
            .unwrap_or("(your name arrives with the confirmation)");
        let profession = me.card.profession_name.unwrap_or_default();
        text.line(format_args!("{name}  {profession}"));
        let standing = match (me.coordinator, me.confirmed) {
            (true, _) => "coordinator",
            (false, true) => "confirmed by a coordinator",
            (false, false) => "not confirmed by a coordinator yet",
        };
        text.line(format_args!("  {standing}"));
        text.line(format_args!("  person     {}", me.professional));
        text.line(format_args!("  device     {}", me.device));
        text.line(format_args!(
            "  structure  {} at {}",
            me.structure, me.server
        ));
        self.sync.plain(text);
        if self.needs_kit {
            text.note(super::recovery::NEEDS_KIT);
        }
    }

    fn exit(&self) -> u8 {
        self.sync.cut_off_exit()
    }
}

/// List everybody of the structure; compare keys, invite again, send away
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  relais people --json
  relais people safety-code fictif
  relais people reinvite fictif --lost 3f9a
  relais people revoke fictif")]
pub struct People {
    #[command(subcommand)]
    action: Option<Action>,
}

#[derive(Debug, Subcommand)]
enum Action {
    SafetyCode(Safety),
    #[command(flatten)]
    Staff(Staff),
}

/// A person of the structure.
#[derive(Debug, Serialize)]
pub struct PersonView {
    /// Opaque id.
    pub id: String,
    #[serde(flatten)]
    card: CardView,
    /// `coordinator`, `professional` or `lay`.
    standing: &'static str,
    confirmed: bool,
    me: bool,
    /// `never`, `verified` or `lost`: whether this device has compared their keys.
    verification: &'static str,
    /// Devices that are not revoked.
    devices: Vec<String>,
}

impl PersonView {
    /// From the engine's record.
    pub fn of(person: &PersonRecord, me: bool) -> Self {
        Self {
            id: person.professional.to_string(),
            card: CardView::of(person.card.as_ref()),
            standing: match person.standing {
                Standing::Coordinator => "coordinator",
                Standing::Professional => "professional",
                Standing::Lay => "lay",
            },
            confirmed: person.confirmed || person.standing == Standing::Coordinator,
            me,
            verification: verification_word(person.verification),
            devices: person
                .devices
                .iter()
                .filter(|d| !d.revoked)
                .map(|d| d.device.to_string())
                .collect(),
        }
    }

    /// Everybody of the structure.
    pub fn everybody(engine: &Engine) -> Result<Vec<Self>> {
        let me = engine.whoami()?.professional;
        let people = engine.people()?;
        Ok(people
            .iter()
            .map(|p| Self::of(p, p.professional == me))
            .collect())
    }
}

#[derive(Debug, Serialize)]
struct PeopleView {
    people: Vec<PersonView>,
}

impl People {
    pub(super) async fn run(self, session: &mut Session) -> Result<Shown> {
        match self.action {
            Some(Action::SafetyCode(command)) => return command.run(session).await,
            Some(Action::Staff(command)) => return command.run(session).await,
            None => {}
        }
        session.freshen().await?;
        let people = session.call(|e| PersonView::everybody(e)).await?;
        Ok(PeopleView { people }.into())
    }
}

impl View for PeopleView {
    fn plain(&self, text: &mut Text) {
        let rows: Vec<_> = self
            .people
            .iter()
            .map(|person| {
                let you = if person.me { " (you)" } else { "" };
                let name = person.card.name.as_deref().unwrap_or("(name not here yet)");
                let confirmed = if person.confirmed { "yes" } else { "no" };
                [
                    format!("{name}{you}"),
                    person.card.profession_name.unwrap_or("").to_owned(),
                    person.standing.to_owned(),
                    confirmed.to_owned(),
                    person.verification.to_owned(),
                    short(&person.id).to_owned(),
                ]
            })
            .collect();
        text.table(
            [
                "NAME",
                "PROFESSION",
                "STANDING",
                "CONFIRMED",
                "VERIFIED",
                "ID",
            ],
            &rows,
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profession_is_a_code_or_a_name() {
        for (text, code) in [
            ("60", 60),
            ("infirmier", 60),
            ("Nurse", 60),
            ("medecin", 10),
            ("lay", 0),
            ("0", 0),
        ] {
            assert_eq!(parse_profession(text).ok(), Some(code), "{text}");
        }
        for text in ["", "61", "-1", "plumber"] {
            assert!(parse_profession(text).is_err(), "{text}");
        }
    }
}
