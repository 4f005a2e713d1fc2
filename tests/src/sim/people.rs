//! What people do about themselves and each other: devices linked, lost, returned;
//! people invited again, sent away, appointed; the root's key.

use std::collections::BTreeSet;

use rand::Rng as _;
use rand::seq::{IteratorRandom, SliceRandom};
use relais_core::commands::NewMember;
use relais_core::identity::Enrolment;
use relais_core::identity::proposals::ProposalState;
use relais_core::identity::root::RootAccess;
use relais_wire::ids::DeviceId;
use relais_wire::v1::ChannelRole;

use super::acts::nobody;
use super::operations::{Operation, severe, usual};
use super::{Checked, Rng, Sim};
use crate::world::card;

/// Everything that people do about people and devices.
pub const ACTS: &[Operation] = &[
    usual("invite", 1, invite),
    usual("withdraw an invitation", 1, withdraw),
    usual("a person joins", 2, a_person_joins),
    usual("link a device", 3, link_a_device),
    usual("scan a device", 2, scan_a_device),
    usual("compare a code", 4, compare_a_code),
    usual("invite again", 2, invite_again),
    usual("revoke a device", 1, revoke_a_device),
    usual("send away", 1, send_away),
    usual("leave", 1, leave),
    usual("appoint", 2, appoint),
    usual("end a coordinator", 1, end_a_coordinator),
    usual("cut the root's key", 1, cut_the_root_key),
    usual("replace the root", 1, replace_the_root),
    usual("propose a root", 1, propose_a_root),
    usual("approve a root", 2, approve_a_root),
    usual("compare keys", 1, compare_keys),
    severe("return", 3, a_device_returns),
];

/// Devices in a world at most.
const DEVICES: usize = 9;
/// A root's kit takes a fifth of a second: people think twice.
const SECOND_THOUGHTS: u32 = 8;
const PASSPHRASE: &str = "quatre mots de passe choisis";

impl Sim {
    /// A device of a coordinator.
    fn coordinator(&self, rng: &mut Rng) -> Option<usize> {
        let coordinates = |who: &usize| {
            let me = self.devices[*who].engine.whoami();
            me.is_ok_and(|me| me.coordinator)
        };
        (0..self.devices.len()).filter(coordinates).choose(rng)
    }

    fn enrolled(&self, rng: &mut Rng) -> Option<usize> {
        let enrolled = |who: &usize| self.devices[*who].professional().is_some();
        (0..self.devices.len()).filter(enrolled).choose(rng)
    }

    /// Whoever finds their device frozen goes on with it. Returns whether anybody did.
    pub(super) fn frozen_devices_return(&mut self) -> bool {
        let mut any = false;
        for who in 0..self.devices.len() {
            let frozen = self.devices[who].engine.is_frozen();
            any |= frozen && !self.is_revoked(who) && self.goes_on(who).is_ok();
        }
        any
    }

    /// Where a lost change of the circle is not made again: a contributor takes the lead if
    /// no manager can be reached, else whoever waits accepts the circle as it is. Returns
    /// whether anybody had to.
    pub(super) fn people_decide_about_circles(&mut self) -> Checked<bool> {
        let mut any = false;
        let mut led = BTreeSet::new();
        for who in 0..self.devices.len() {
            let Some(channel) = self.waits_for_people(who) else {
                continue;
            };
            any = true;
            let engine = &mut self.devices[who].engine;
            let person = engine.whoami()?.professional;
            let member = NewMember {
                role: ChannelRole::Manager,
                ..NewMember::care_team(person)
            };
            let manages = engine
                .members(channel)?
                .into_iter()
                .any(|member| member.professional == person && member.role == ChannelRole::Manager);
            if led.contains(&channel) || (!manages && engine.add_member(channel, &member).is_ok()) {
                led.insert(channel);
            } else {
                engine.accept_circle(channel)?;
            }
        }
        Ok(any)
    }

    /// A linked device does not hold its person's key: it stays frozen, and is linked
    /// again.
    fn goes_on(&mut self, who: usize) -> Result<(), relais_core::Error> {
        let returned = self.devices[who].engine.return_device();
        if returned.is_err() {
            self.allowances.stays_frozen(who);
        }
        returned
    }

    /// A device to join with: one that was wiped or refused, or a new one.
    fn free_device(&mut self, rng: &mut Rng) -> Option<usize> {
        let free = |who: &usize| {
            let device = &self.devices[*who];
            let out = matches!(
                device.engine.enrolment(),
                Enrolment::None | Enrolment::Refused(_) | Enrolment::Lapsed
            );
            out && device.online && !device.disk_full
        };
        let known = (0..self.devices.len()).filter(free).choose(rng);
        if let Some(who) = known.filter(|_| rng.r#gen()) {
            self.devices[who].begin_anew();
            return Some(who);
        }
        (self.devices.len() < DEVICES).then(|| self.add_device())
    }

    /// What a person says leaves their device before they show it to somebody.
    fn let_it_leave(&mut self, who: usize) -> Checked {
        for _ in 0..3 {
            self.turn(who, usize::MAX)?;
            self.host.run(1);
        }
        Ok(())
    }

    fn join_with(&mut self, link: &str, rng: &mut Rng) -> Checked<String> {
        let Some(who) = self.free_device(rng) else {
            return Ok("there are enough devices".to_owned());
        };
        let joined = self.devices[who].engine.join(link, None);
        self.told(who, joined)
    }

    /// The root's key as somebody would bring it: from the device, or the shares.
    fn root_access(&self, rng: &mut Rng) -> RootAccess {
        match self.shares.is_empty() || rng.gen_ratio(1, 4) {
            true => RootAccess::Held,
            false => RootAccess::Shares(self.shares.clone()),
        }
    }

    fn standing_device(&self, who: usize, rng: &mut Rng) -> Checked<Option<DeviceId>> {
        let people = self.devices[who].engine.people()?;
        let devices = people.into_iter().flat_map(|person| person.devices);
        let standing = devices.filter(|device| !device.revoked);
        Ok(standing.map(|device| device.device).choose(rng))
    }
}

fn invite(sim: &mut Sim, rng: &mut Rng) -> Checked<String> {
    let Some(who) = sim.coordinator(rng) else {
        return nobody();
    };
    let card = card("Luc", &super::acts::words(rng), 60, "99700218896");
    let invited = sim.devices[who].engine.invite(&card);
    sim.told(who, invited)
}

fn withdraw(sim: &mut Sim, rng: &mut Rng) -> Checked<String> {
    let Some(who) = sim.coordinator(rng) else {
        return nobody();
    };
    let engine = &mut sim.devices[who].engine;
    let known = engine.invitations().unwrap_or_default();
    let known: Vec<_> = known.into_iter().filter(|i| !i.pending).collect();
    let Some(invitation) = known.choose(rng) else {
        return Ok("no invitation".to_owned());
    };
    let withdrawn = engine.withdraw_invitation(invitation.professional);
    sim.told(who, withdrawn)
}

/// Somebody uses an invitation, the first to come or a second one.
fn a_person_joins(sim: &mut Sim, rng: &mut Rng) -> Checked<String> {
    let all = sim.devices.iter().flat_map(|device| {
        let known = device.engine.invitations().unwrap_or_default();
        let known = known.into_iter().filter(|invitation| !invitation.pending);
        known.map(|invitation| invitation.link)
    });
    match all.choose(rng) {
        Some(link) => sim.join_with(&link, rng),
        None => Ok("no invitation".to_owned()),
    }
}

fn link_a_device(sim: &mut Sim, rng: &mut Rng) -> Checked<String> {
    let Some(who) = sim.enrolled(rng) else {
        return nobody();
    };
    match sim.devices[who].engine.link_device() {
        Ok(link) => {
            sim.let_it_leave(who)?;
            let joined = sim.join_with(&link.link, rng)?;
            Ok(format!("{who} links {joined}"))
        }
        refused => sim.told(who, refused),
    }
}

fn scan_a_device(sim: &mut Sim, rng: &mut Rng) -> Checked<String> {
    let Some(owner) = sim.enrolled(rng) else {
        return nobody();
    };
    let Some(who) = sim.free_device(rng) else {
        return Ok("there are enough devices".to_owned());
    };
    match sim.devices[who]
        .engine
        .join_by_scan("http://relais.invalid")
    {
        Ok(request) => {
            let accepted = sim.devices[owner].engine.accept_device(&request);
            sim.devices[who].code = accepted.as_ref().ok().cloned();
            let told = sim.told(owner, accepted)?;
            sim.let_it_leave(owner)?;
            Ok(format!("{who} shows, {told} accepts"))
        }
        refused => sim.told(who, refused),
    }
}

fn compare_a_code(sim: &mut Sim, rng: &mut Rng) -> Checked<String> {
    let comparing = |who: &usize| *sim.devices[*who].engine.enrolment() == Enrolment::Comparing;
    let Some(who) = (0..sim.devices.len()).filter(comparing).choose(rng) else {
        return nobody();
    };
    let code = sim.devices[who].code.clone().unwrap_or_default();
    let mistyped = rng.gen_ratio(1, 4);
    let code = if mistyped {
        "0000 0000".to_owned()
    } else {
        code
    };
    let confirmed = sim.devices[who].engine.confirm_link(&code);
    sim.told(who, confirmed)
}

/// A phone is lost, or somebody who has left comes back.
fn invite_again(sim: &mut Sim, rng: &mut Rng) -> Checked<String> {
    let (Some(who), Some(person)) = (sim.coordinator(rng), sim.person(rng)) else {
        return nobody();
    };
    let engine = &mut sim.devices[who].engine;
    let people = engine.people()?;
    let known = people.into_iter().find(|p| p.professional == person);
    let devices = known.map(|known| known.devices).unwrap_or_default();
    let mut lost: Vec<_> = devices.iter().filter(|d| !d.revoked).collect();
    lost.retain(|_| rng.gen_ratio(2, 3));
    let lost: Vec<DeviceId> = lost.into_iter().map(|d| d.device).collect();
    match engine.invite_again(person, &lost) {
        Ok(invitation) if rng.gen_ratio(3, 4) => {
            sim.let_it_leave(who)?;
            let joined = sim.join_with(&invitation.link, rng)?;
            Ok(format!("{who} invites {joined} again"))
        }
        told => sim.told(who, told),
    }
}

fn revoke_a_device(sim: &mut Sim, rng: &mut Rng) -> Checked<String> {
    let who = match rng.r#gen() {
        true => sim.coordinator(rng),
        false => sim.enrolled(rng),
    };
    let Some(who) = who else {
        return nobody();
    };
    let Some(device) = sim.standing_device(who, rng)? else {
        return Ok("no device".to_owned());
    };
    let revoked = sim.devices[who].engine.revoke_device(device);
    sim.told(who, revoked)
}

fn send_away(sim: &mut Sim, rng: &mut Rng) -> Checked<String> {
    let (Some(who), Some(person)) = (sim.coordinator(rng), sim.person(rng)) else {
        return nobody();
    };
    let gone = sim.devices[who].engine.revoke_professional(person);
    sim.told(who, gone)
}

fn leave(sim: &mut Sim, rng: &mut Rng) -> Checked<String> {
    let Some(who) = sim.enrolled(rng) else {
        return nobody();
    };
    let me = sim.devices[who].engine.whoami()?.professional;
    let gone = sim.devices[who].engine.revoke_professional(me);
    sim.told(who, gone)
}

fn appoint(sim: &mut Sim, rng: &mut Rng) -> Checked<String> {
    let (Some(who), Some(person)) = (sim.coordinator(rng), sim.person(rng)) else {
        return nobody();
    };
    let access = sim.root_access(rng);
    let appointed = sim.devices[who].engine.appoint(person, &access);
    sim.told(who, appointed)
}

fn end_a_coordinator(sim: &mut Sim, rng: &mut Rng) -> Checked<String> {
    let (Some(who), Some(person)) = (sim.coordinator(rng), sim.person(rng)) else {
        return nobody();
    };
    let access = sim.root_access(rng);
    let ended = sim.devices[who].engine.end_coordinator(person, &access);
    sim.told(who, ended)
}

/// The root's key is cut into shares, proved, and taken off the device.
fn cut_the_root_key(sim: &mut Sim, rng: &mut Rng) -> Checked<String> {
    let Some(who) = sim.coordinator(rng) else {
        return nobody();
    };
    let access = sim.root_access(rng);
    let made = sim.devices[who].engine.make_recovery_shares(&access, 2, 3);
    let Ok(shares) = &made else {
        return sim.told(who, made);
    };
    sim.shares = shares.iter().take(2).map(|s| s.to_string()).collect();
    let access = RootAccess::Shares(sim.shares.clone());
    let engine = &mut sim.devices[who].engine;
    let confirmed = engine.confirm_recovery(&access);
    let forgotten = confirmed.and_then(|()| engine.forget_root());
    sim.told(who, forgotten)
}

fn replace_the_root(sim: &mut Sim, rng: &mut Rng) -> Checked<String> {
    if !rng.gen_ratio(1, SECOND_THOUGHTS) {
        return Ok("not today".to_owned());
    }
    let Some(who) = sim.coordinator(rng) else {
        return nobody();
    };
    let access = sim.root_access(rng);
    let replaced = sim.devices[who].engine.replace_root(&access, PASSPHRASE);
    if replaced.is_ok() {
        sim.shares.clear();
    }
    sim.told(who, replaced)
}

fn propose_a_root(sim: &mut Sim, rng: &mut Rng) -> Checked<String> {
    if !rng.gen_ratio(1, SECOND_THOUGHTS) {
        return Ok("not today".to_owned());
    }
    let Some(who) = sim.coordinator(rng) else {
        return nobody();
    };
    let engine = &mut sim.devices[who].engine;
    let proposed = engine.propose_root_replacement(PASSPHRASE);
    sim.told(who, proposed)
}

fn approve_a_root(sim: &mut Sim, rng: &mut Rng) -> Checked<String> {
    let Some(who) = sim.coordinator(rng) else {
        return nobody();
    };
    let engine = &mut sim.devices[who].engine;
    let open = engine.root_proposals()?;
    let open = open.iter().filter(|p| p.state == ProposalState::Open);
    let Some(proposal) = open.choose(rng).map(|p| p.id) else {
        return Ok("no proposal".to_owned());
    };
    let approved = engine.approve_root_replacement(&proposal);
    sim.told(who, approved)
}

fn compare_keys(sim: &mut Sim, rng: &mut Rng) -> Checked<String> {
    let (Some(who), Some(person)) = (sim.enrolled(rng), sim.person(rng)) else {
        return nobody();
    };
    let verified = sim.devices[who].engine.mark_verified(person);
    sim.told(who, verified)
}

/// Whoever finds a device frozen goes on with it as a new one.
fn a_device_returns(sim: &mut Sim, rng: &mut Rng) -> Checked<String> {
    let frozen = |who: &usize| sim.devices[*who].engine.is_frozen();
    let Some(who) = (0..sim.devices.len()).filter(frozen).choose(rng) else {
        return Ok("none is frozen".to_owned());
    };
    let returned = sim.goes_on(who);
    sim.told(who, returned)
}
