//! The circle of care: who is in a thread, in what role, on what basis, until when.

use std::collections::BTreeMap;

use prost::Message;
use relais_content::v1::{Basis, Content, Date, MembershipNote, content::Kind};
use relais_wire::ids::{ChannelId, ProfessionalId};
use relais_wire::roster::{CheckedRoster, Member, RuleBroken, has_lasting_manager};
use relais_wire::v1::ChannelRole;

use crate::engine::{Engine, Event};
use crate::error::{Denial, Error, Result};
use crate::history::HistoryChoice;
use crate::outbox::intent::{self, HexBytes, HexId, MemberWish, MembersChange, Wish};

type Members = BTreeMap<ProfessionalId, Member>;

/// Somebody to be added to a thread, or whose role or end changes.
#[derive(Debug, Clone)]
pub struct NewMember {
    /// Who.
    pub professional: ProfessionalId,
    /// What they may do.
    pub role: ChannelRole,
    /// End of the membership, milliseconds since the Unix epoch.
    pub expires_at_ms: Option<u64>,
    /// Their role in the circle, in words; empty for the profession's name.
    pub role_text: String,
    /// On what basis they are in the circle.
    pub basis: Basis,
    /// The day of the consent, when that is the basis.
    pub consent_date: Option<Date>,
    /// What of the past this device shares with them once they are in.
    pub history: HistoryChoice,
}

impl NewMember {
    /// A contributor who belongs to the care team, without an end and without a past:
    /// sharing one is somebody's decision, never a default.
    pub fn care_team(professional: ProfessionalId) -> Self {
        Self {
            professional,
            role: ChannelRole::Contributor,
            expires_at_ms: None,
            role_text: String::new(),
            basis: Basis::CareTeam,
            consent_date: None,
            history: HistoryChoice::None,
        }
    }
}

impl Engine {
    /// Adds a person with all their devices, or changes their role or end.
    ///
    /// # Errors
    /// [`Error::NotAllowed`] unless the person of this device is a manager, or when no
    /// manager without an end would be left; [`Error::Unknown`] person,
    /// [`Error::Invalid`] naming the field.
    pub fn add_member(&mut self, channel: ChannelId, member: &NewMember) -> Result<()> {
        self.require_manager(channel)?;
        let roster = self.roster(channel)?;
        let mut members = roster.members.clone();
        members.insert(
            member.professional,
            Member {
                role: member.role,
                expires_at_ms: member.expires_at_ms,
            },
        );
        self.require_circle(&roster, &members)?;
        let members = std::slice::from_ref(member);
        self.transaction(|engine| engine.want_members(channel, members, &[]))
    }

    /// Removes a person with all their devices: they receive the removal and
    /// nothing after it.
    ///
    /// # Errors
    /// As [`Engine::add_member`]; the last lasting manager cannot be removed.
    pub fn remove_member(
        &mut self,
        channel: ChannelId,
        professional: ProfessionalId,
    ) -> Result<()> {
        self.require_manager(channel)?;
        let roster = self.roster(channel)?;
        let mut members = roster.members.clone();
        if members.remove(&professional).is_none() {
            return Err(Error::Unknown("member"));
        }
        if professional == self.identity()?.professional() {
            return Err(Error::NotAllowed(Denial::RemovesOneself));
        }
        self.require_circle(&roster, &members)?;
        self.transaction(|engine| engine.want_members(channel, &[], &[professional]))
    }

    pub(crate) fn require_manager(&self, channel: ChannelId) -> Result<()> {
        self.require_unfrozen()?;
        let me = self.identity()?.professional();
        let (seq, now) = (self.structure.head().seq, self.log_now());
        self.roster(channel)?
            .may_change(&me, &self.structure, seq, now)
            .map_err(|_| Error::NotAllowed(Denial::NotManager))
    }

    fn require_circle(&self, prior: &CheckedRoster, members: &Members) -> Result<()> {
        // Nobody could manage it for good: time alone would close it (architecture D11).
        if !has_lasting_manager(members) {
            return Err(Error::NotAllowed(Denial::LastManager));
        }
        match self.may_not_become(prior, members)? {
            Some(why) => Err(Error::NotAllowed(why)),
            None => Ok(()),
        }
    }

    /// Why this device's person may not make the circle out of these members.
    pub(crate) fn may_not_become(
        &self,
        prior: &CheckedRoster,
        members: &Members,
    ) -> Result<Option<Denial>> {
        let me = self.identity()?.professional();
        let (seq, now) = (self.structure.head().seq, self.log_now());
        let judged = prior.may_become(&me, members, &self.structure, seq, now);
        Ok(judged.err().map(|broken| match broken {
            RuleBroken::NoManager => Denial::NoManagerReachable,
            _ => Denial::NotManager,
        }))
    }

    pub(super) fn want_members(
        &mut self,
        channel: ChannelId,
        add: &[NewMember],
        remove: &[ProfessionalId],
    ) -> Result<()> {
        let mut change = MembersChange::default();
        for (number, member) in add.iter().enumerate() {
            if self.structure.professional(&member.professional).is_none() {
                return Err(Error::Unknown("person (not enrolled yet)"));
            }
            if member.role == ChannelRole::Unspecified {
                return Err(Error::invalid(
                    format!("members[{number}].role"),
                    "is required",
                ));
            }
            if member.expires_at_ms.is_some_and(|end| end <= self.now_ms) {
                let field = format!("members[{number}].expires_at_ms");
                return Err(Error::invalid(field, "is in the past"));
            }
            let note = MembershipNote {
                professional_id: member.professional.to_bytes(),
                role: self.role_text(member),
                basis: member.basis.into(),
                consent_date: member.consent_date,
                until_ms: member.expires_at_ms.unwrap_or(0),
                history: member.history.kind().into(),
                history_since_ms: member.history.since_ms(),
            };
            let content = Content {
                kind: Some(Kind::MembershipNote(note.clone())),
            };
            relais_content::validate::content(&content)
                .map_err(|e| Error::invalid(format!("members[{number}].{}", e.field), e.problem))?;
            change.add.push(MemberWish {
                professional: HexId(member.professional.0),
                role: member.role.into(),
                expires_at_ms: member.expires_at_ms,
                note: HexBytes(note.encode_to_vec()),
            });
        }
        change.remove = remove.iter().map(|id| HexId(id.0)).collect();
        self.events.push_back(Event::ThreadChanged(channel));
        self.want(Some(channel), Wish::Members(change))
    }

    fn role_text(&self, member: &NewMember) -> String {
        if !member.role_text.trim().is_empty() {
            return member.role_text.trim().to_owned();
        }
        let card = self.card(&member.professional).ok().flatten();
        card.and_then(|card| relais_content::professions::profession(card.profession))
            .map_or_else(|| "membre".to_owned(), |p| p.french.to_owned())
    }

    pub(crate) fn write_encoded_note(
        &mut self,
        channel: ChannelId,
        note: &[u8],
    ) -> Result<MembershipNote> {
        let note = MembershipNote::decode(note).map_err(|_| Error::Corrupt("note"))?;
        self.write_inside(channel, Kind::MembershipNote(note.clone()))?;
        Ok(note)
    }

    /// A member now, or once what waits here is done.
    pub(crate) fn will_be_member(
        &self,
        channel: ChannelId,
        roster: &CheckedRoster,
        professional: &ProfessionalId,
    ) -> bool {
        if roster.members.contains_key(professional) {
            return true;
        }
        let waiting = intent::unsettled(&self.db, channel).unwrap_or_default();
        waiting.iter().any(|(intent, state, _)| {
            matches!(&intent.wish, Wish::Members(change) if state != "failed"
                && change.add.iter().any(|m| m.professional() == *professional))
        })
    }
}
