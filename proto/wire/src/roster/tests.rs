//! Every rule of the circle, each broken once.

mod comebacks;
mod commits;

use std::collections::BTreeMap;

use prost::Message;

use super::{
    CheckedRoster, Member, Operation, RuleBroken, allowed, check_leaf, judge, judge_creation,
    judge_reboot, sign_reboot, sign_roster,
};
use crate::ids::{ChannelId, ProfessionalId, StructureId};
use crate::label::{self, Label};
use crate::limits;
use crate::mls::{CommitChange, Leaf};
use crate::testing::*;
use crate::v1::{ChannelRole, Roster, SignedRoster};

const CHANNEL: ChannelId = ChannelId([5; 16]);
/// A locum whose membership ends in an hour.
const LOCUM: u8 = 13;
const LOCUM_PHONE: u8 = 23;
/// A second manager.
const MATRON: u8 = 14;
const MATRON_PHONE: u8 = 24;
/// The nurse's second device, which is in no channel yet.
const NURSE_TABLET: u8 = 31;
const LOCUM_TABLET: u8 = 33;

fn lasting(role: ChannelRole) -> Member {
    Member {
        role,
        expires_at_ms: None,
    }
}

fn until(role: ChannelRole, end: u64) -> Member {
    Member {
        role,
        expires_at_ms: Some(end),
    }
}

fn circle() -> BTreeMap<ProfessionalId, Member> {
    BTreeMap::from([
        (person(COORDINATOR), lasting(ChannelRole::Manager)),
        (person(NURSE), lasting(ChannelRole::Contributor)),
        (person(DOCTOR), lasting(ChannelRole::Reader)),
        (person(LOCUM), until(ChannelRole::Contributor, NOW + HOUR)),
        (person(MATRON), lasting(ChannelRole::Manager)),
    ])
}

fn signed(
    prior: Option<&CheckedRoster>,
    members: &BTreeMap<ProfessionalId, Member>,
    by: u8,
) -> SignedRoster {
    sign_roster(CHANNEL, prior, members, 1, device(by), &key(by))
}

/// The same roster with another body, signed by `by`.
fn altered(roster: &SignedRoster, by: u8, change: impl FnOnce(&mut Roster)) -> SignedRoster {
    let mut body = Roster::decode(roster.body.clone()).expect("a roster");
    change(&mut body);
    let body = body.encode_to_vec();
    SignedRoster {
        signature: label::sign(&key(by), Label::Roster, &body),
        body: body.into(),
    }
}

/// A channel of five people with a device each.
struct Channel {
    practice: Practice,
    roster: CheckedRoster,
    leaves: Vec<Leaf>,
    now: u64,
}

impl Channel {
    fn new() -> Self {
        let mut practice = Practice::staffed();
        practice.say(&enrolled(DOCTOR_LINK, DOCTOR));
        practice.say(&added(DOCTOR, DOCTOR_PHONE));
        practice.say(&confirmed(DOCTOR));
        practice.enrol(113, LOCUM, LOCUM_PHONE);
        practice.say(&confirmed(LOCUM));
        practice.enrol(114, MATRON, MATRON_PHONE);
        practice.say(&confirmed(MATRON));
        practice.say(&added(NURSE, NURSE_TABLET));
        practice.say(&added(LOCUM, LOCUM_TABLET));
        let roster = signed(None, &circle(), COORDINATOR_PHONE);
        let leaves = vec![
            leaf(Some(0), COORDINATOR, COORDINATOR_PHONE),
            leaf(Some(1), NURSE, NURSE_PHONE),
            leaf(Some(2), DOCTOR, DOCTOR_PHONE),
            leaf(Some(3), LOCUM, LOCUM_PHONE),
            leaf(Some(4), MATRON, MATRON_PHONE),
        ];
        Self {
            practice,
            roster: CheckedRoster::read(&roster).expect("a roster"),
            leaves,
            now: NOW,
        }
    }

    /// A commit of that phone that changes nothing but its own leaf.
    fn commit(&self, phone: u8) -> CommitChange {
        CommitChange {
            committer: self.leaf(phone),
            external: false,
            before: self.leaves.clone(),
            added: Vec::new(),
            removed: Vec::new(),
            roster: None,
        }
    }

    fn leaf(&self, phone: u8) -> Leaf {
        let found = self.leaves.iter().find(|l| l.device == device(phone));
        found.expect("in the tree").clone()
    }

    /// A commit of that phone with the next roster.
    fn with_roster(
        &self,
        phone: u8,
        change: impl FnOnce(&mut BTreeMap<ProfessionalId, Member>),
    ) -> CommitChange {
        let mut members = self.roster.members.clone();
        change(&mut members);
        CommitChange {
            roster: Some(signed(Some(&self.roster), &members, phone)),
            ..self.commit(phone)
        }
    }

    fn judge(&self, change: &CommitChange) -> Result<CheckedRoster, RuleBroken> {
        let structure = &self.practice.structure;
        judge(
            structure,
            self.practice.seq(),
            self.now,
            &self.roster,
            change,
        )
    }
}

// ---------------------------------------------------------------- the table

#[test]
fn each_role_can_do_what_the_table_says_and_nothing_else() {
    use ChannelRole::{Contributor, Manager, Reader, Unspecified};
    use Operation::{Acknowledge, ChangeRoster, FollowRoster, Rejoin, Renew, Write};
    let operations = [
        Write,
        Acknowledge,
        Renew,
        Rejoin,
        FollowRoster,
        ChangeRoster,
    ];
    let table = [
        (Manager, [true, true, true, true, true, true]),
        (Contributor, [true, true, true, true, true, false]),
        (Reader, [false, true, true, true, false, false]),
        (Unspecified, [false, false, false, false, false, false]),
    ];
    for (role, row) in table {
        for (operation, expected) in operations.into_iter().zip(row) {
            assert_eq!(allowed(role, operation), expected, "{role:?} {operation:?}");
        }
    }
}

#[test]
fn a_membership_ends_at_its_hour() {
    let roster = Channel::new().roster;
    let write = |who, time| roster.may(&person(who), Operation::Write, time);
    assert_eq!(write(LOCUM, NOW + HOUR - 1), Ok(()));
    assert_eq!(write(LOCUM, NOW + HOUR), Err(RuleBroken::NotMember));
    assert_eq!(write(NURSE, u64::MAX), Ok(()));
    assert_eq!(write(DOCTOR, NOW), Err(RuleBroken::NotAllowed));
    assert_eq!(write(STRANGER, NOW), Err(RuleBroken::NotMember));
}

// ----------------------------------------------------------- form and chain

#[test]
fn a_roster_says_after_reading_what_was_signed() {
    let signed = signed(None, &circle(), COORDINATOR_PHONE);
    let roster = CheckedRoster::read(&signed).expect("a roster");
    assert_eq!(roster.members, circle());
    assert_eq!((roster.channel, roster.version), (CHANNEL, 1));
    assert_eq!(roster.device, device(COORDINATOR_PHONE));
    assert_eq!(roster.signed(), &signed);
}

#[test]
fn a_malformed_roster_is_refused() {
    let good = signed(None, &circle(), COORDINATOR_PHONE);
    let read = |change: fn(&mut Roster)| {
        CheckedRoster::read(&altered(&good, COORDINATOR_PHONE, change)).map(|_| ())
    };
    let malformed = Err(RuleBroken::Malformed);
    assert_eq!(read(|_| ()), Ok(()));
    assert_eq!(read(|r| r.members.clear()), malformed, "nobody");
    assert_eq!(
        read(|r| r.members.push(r.members[1].clone())),
        malformed,
        "twice"
    );
    assert_eq!(read(|r| r.members[1].role = 0), malformed, "no role");
    assert_eq!(
        read(|r| r.members[1].role = 9),
        malformed,
        "a role of the future"
    );
    assert_eq!(read(|r| r.channel_id = vec![5; 15].into()), malformed);
    assert_eq!(read(|r| r.device_id = vec![5; 17].into()), malformed);
    assert_eq!(read(|r| r.members[0].professional_id.clear()), malformed);
    let cut = SignedRoster {
        body: good.body.slice(..good.body.len() - 1),
        ..good.clone()
    };
    assert_eq!(CheckedRoster::read(&cut), Err(RuleBroken::Malformed));
}

#[test]
fn a_circle_has_64_members_at_most() {
    let many = |count: u8| {
        let members = (0..count).map(|n| (person(100 + n), lasting(ChannelRole::Manager)));
        CheckedRoster::read(&signed(None, &members.collect(), COORDINATOR_PHONE)).map(|_| ())
    };
    let limit = u8::try_from(limits::MEMBERS).expect("few");
    assert_eq!(many(limit), Ok(()));
    assert_eq!(many(limit + 1), Err(RuleBroken::Malformed));
}

#[test]
fn a_circle_keeps_a_manager_whose_membership_has_no_end() {
    let channel = Channel::new();
    let demoted = channel.with_roster(MATRON_PHONE, |members| {
        members.insert(person(COORDINATOR), lasting(ChannelRole::Contributor));
        members.insert(person(MATRON), until(ChannelRole::Manager, NOW + DAY));
    });
    assert_eq!(channel.judge(&demoted), Err(RuleBroken::NoManager));
    let readers = BTreeMap::from([(person(NURSE), lasting(ChannelRole::Contributor))]);
    let roster = signed(None, &readers, NURSE_PHONE);
    assert_eq!(CheckedRoster::read(&roster), Err(RuleBroken::NoManager));
}

// proves: I4
#[test]
fn a_roster_counts_only_with_its_devices_signature() {
    let channel = Channel::new();
    let structure = &channel.practice.structure;
    let verify = |signed: &SignedRoster| {
        let roster = CheckedRoster::read(signed).expect("well formed");
        roster.verify(structure, channel.practice.seq(), NOW)
    };
    let good = signed(None, &circle(), COORDINATOR_PHONE);
    assert_eq!(verify(&good), Ok(()));
    let by_another = altered(&good, STRANGER, |_| ());
    assert_eq!(verify(&by_another), Err(RuleBroken::Signature));
    let mut under_another_label = good.clone();
    let coordinator = key(COORDINATOR_PHONE);
    under_another_label.signature = label::sign(&coordinator, Label::Hello, &good.body);
    assert_eq!(verify(&under_another_label), Err(RuleBroken::Signature));
    let unsigned = SignedRoster {
        signature: Vec::new().into(),
        ..good.clone()
    };
    assert_eq!(verify(&unsigned), Err(RuleBroken::Signature));
    let of_nobody = signed(None, &circle(), STRANGER);
    assert_eq!(verify(&of_nobody), Err(RuleBroken::InvalidDevice));
    let roster = CheckedRoster::read(&good).expect("well formed");
    // Before the device was added.
    assert_eq!(
        roster.verify(structure, 2, NOW),
        Err(RuleBroken::InvalidDevice)
    );
}

#[test]
fn a_roster_that_differs_in_body_or_signature_has_another_hash() {
    let good = signed(None, &circle(), COORDINATOR_PHONE);
    let hash = |signed: &SignedRoster| CheckedRoster::read(signed).expect("well formed").hash;
    assert_ne!(hash(&good), hash(&altered(&good, STRANGER, |_| ())));
    let other = altered(&good, COORDINATOR_PHONE, |r| r.minimum_client_version = 2);
    assert_ne!(hash(&good), hash(&other));
}

// ----------------------------------------------------------------- creation

fn create(
    channel: &Channel,
    id: ChannelId,
    roster: &SignedRoster,
    creator: &Leaf,
) -> Result<(), RuleBroken> {
    let roster = CheckedRoster::read(roster)?;
    let structure = &channel.practice.structure;
    judge_creation(structure, channel.practice.seq(), NOW, id, &roster, creator)
}

// proves: M11
#[test]
fn a_channel_is_created_by_its_manager_with_the_first_roster() {
    let channel = Channel::new();
    let creator = channel.leaf(COORDINATOR_PHONE);
    let first = signed(None, &circle(), COORDINATOR_PHONE);
    assert_eq!(create(&channel, CHANNEL, &first, &creator), Ok(()));

    let elsewhere = ChannelId([6; 16]);
    let refused = create(&channel, elsewhere, &first, &creator);
    assert_eq!(refused, Err(RuleBroken::NotSuccessor));
    let changes: [fn(&mut Roster); 3] = [
        |r| r.version = 0,
        |r| r.version = 2,
        |r| r.predecessor = vec![0; 32].into(),
    ];
    for change in changes {
        let later = altered(&first, COORDINATOR_PHONE, change);
        let refused = create(&channel, CHANNEL, &later, &creator);
        assert_eq!(refused, Err(RuleBroken::NotSuccessor));
    }
    let by_another = signed(None, &circle(), MATRON_PHONE);
    let refused = create(&channel, CHANNEL, &by_another, &creator);
    assert_eq!(refused, Err(RuleBroken::Signature));
    let forged = altered(&first, STRANGER, |_| ());
    let refused = create(&channel, CHANNEL, &forged, &creator);
    assert_eq!(refused, Err(RuleBroken::Signature));
    let nurse = channel.leaf(NURSE_PHONE);
    let by_nurse = signed(None, &circle(), NURSE_PHONE);
    let refused = create(&channel, CHANNEL, &by_nurse, &nurse);
    assert_eq!(refused, Err(RuleBroken::NotAllowed));
    let mut without = circle();
    without.remove(&person(COORDINATOR));
    let without = signed(None, &without, COORDINATOR_PHONE);
    let refused = create(&channel, CHANNEL, &without, &creator);
    assert_eq!(refused, Err(RuleBroken::NotMember));
    let stranger = leaf(Some(0), STRANGER, STRANGER);
    let refused = create(&channel, CHANNEL, &first, &stranger);
    assert_eq!(refused, Err(RuleBroken::InvalidDevice));
}

#[test]
fn a_leaf_is_believed_only_if_the_structure_log_says_the_same() {
    let channel = Channel::new();
    let check = |leaf: &Leaf| {
        check_leaf(
            leaf,
            &channel.practice.structure,
            channel.practice.seq(),
            NOW,
        )
    };
    let good = channel.leaf(NURSE_PHONE);
    assert_eq!(check(&good), Ok(()));
    let changes: [fn(&mut Leaf); 4] = [
        |l| l.structure = StructureId([8; 16]),
        |l| l.professional = person(DOCTOR),
        |l| l.device = device(DOCTOR_PHONE),
        |l| l.key = public(STRANGER),
    ];
    for change in changes {
        let mut other = good.clone();
        change(&mut other);
        assert_eq!(check(&other), Err(RuleBroken::InvalidDevice));
    }
}
