//! Every rule of the circle, each broken once.

use std::collections::BTreeMap;

use prost::Message;

use super::{
    CheckedRoster, Member, Operation, RuleBroken, allowed, check_leaf, judge, judge_creation,
    sign_roster,
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
    use Operation::{Acknowledge, ChangeRoster, FollowRoster, Renew, Write};
    let operations = [Write, Acknowledge, Renew, FollowRoster, ChangeRoster];
    let table = [
        (Manager, [true, true, true, true, true]),
        (Contributor, [true, true, true, true, false]),
        (Reader, [false, true, true, false, false]),
        (Unspecified, [false, false, false, false, false]),
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

// ------------------------------------------------------------------ commits

#[test]
fn everyone_renews_their_leaf_and_the_roster_stays() {
    let channel = Channel::new();
    for phone in [COORDINATOR_PHONE, NURSE_PHONE, DOCTOR_PHONE, LOCUM_PHONE] {
        assert_eq!(
            channel.judge(&channel.commit(phone)),
            Ok(channel.roster.clone())
        );
    }
}

#[test]
fn a_manager_invites_a_colleague_and_adds_their_device_in_one_commit() {
    let mut channel = Channel::new();
    channel.practice.enrol(115, 15, 25);
    let mut commit = channel.with_roster(COORDINATOR_PHONE, |members| {
        members.insert(person(15), lasting(ChannelRole::Reader));
    });
    commit.added = vec![leaf(None, 15, 25)];
    let next = channel.judge(&commit).expect("allowed");
    assert_eq!(next.version, 2);
    assert_eq!(next.predecessor, channel.roster.hash);
    assert!(next.members.contains_key(&person(15)));
}

#[test]
fn only_a_manager_changes_the_circle() {
    let channel = Channel::new();
    for phone in [NURSE_PHONE, DOCTOR_PHONE, LOCUM_PHONE] {
        let commit = channel.with_roster(phone, |members| {
            members.insert(person(NURSE), lasting(ChannelRole::Manager));
        });
        assert_eq!(channel.judge(&commit), Err(RuleBroken::NotAllowed));
    }
}

#[test]
fn a_reader_neither_adds_nor_removes_devices() {
    let channel = Channel::new();
    let mut adds = channel.commit(DOCTOR_PHONE);
    adds.added = vec![leaf(None, NURSE, NURSE_TABLET)];
    assert_eq!(channel.judge(&adds), Err(RuleBroken::NotAllowed));
    let mut removes = channel.commit(DOCTOR_PHONE);
    removes.removed = vec![channel.leaf(LOCUM_PHONE)];
    assert_eq!(channel.judge(&removes), Err(RuleBroken::NotAllowed));
}

// proves: M11
#[test]
fn a_roster_that_is_not_the_successor_is_refused() {
    let channel = Channel::new();
    let good = channel.with_roster(COORDINATOR_PHONE, |_| ());
    assert!(channel.judge(&good).is_ok());
    let changes: [fn(&mut Roster); 6] = [
        |r| r.channel_id = vec![6; 16].into(),
        |r| r.version = 1,
        |r| r.version = 3,
        |r| r.version = u64::MAX,
        |r| r.predecessor = vec![0; 32].into(),
        |r| r.predecessor.clear(),
    ];
    for change in changes {
        let roster = good.roster.as_ref().expect("a roster");
        let commit = CommitChange {
            roster: Some(altered(roster, COORDINATOR_PHONE, change)),
            ..good.clone()
        };
        assert_eq!(channel.judge(&commit), Err(RuleBroken::NotSuccessor));
    }
}

#[test]
fn a_roster_of_the_highest_version_has_no_successor() {
    let mut channel = Channel::new();
    let first = channel.roster.signed().clone();
    let last = altered(&first, COORDINATOR_PHONE, |r| r.version = u64::MAX);
    channel.roster = CheckedRoster::read(&last).expect("well formed");
    let next = channel.with_roster(COORDINATOR_PHONE, |_| ());
    assert_eq!(channel.judge(&next), Err(RuleBroken::NotSuccessor));
}

#[test]
fn the_committer_signs_the_roster_and_nobody_else() {
    let channel = Channel::new();
    let mut borrowed = channel.with_roster(MATRON_PHONE, |_| ());
    borrowed.committer = channel.leaf(COORDINATOR_PHONE);
    assert_eq!(channel.judge(&borrowed), Err(RuleBroken::Signature));
    let mut forged = channel.with_roster(COORDINATOR_PHONE, |_| ());
    let roster = forged.roster.take().expect("a roster");
    forged.roster = Some(altered(&roster, STRANGER, |_| ()));
    assert_eq!(channel.judge(&forged), Err(RuleBroken::Signature));
}

#[test]
fn whoever_leaves_the_circle_leaves_with_every_device() {
    let mut channel = Channel::new();
    channel.leaves.push(leaf(Some(5), NURSE, NURSE_TABLET));
    let mut commit = channel.with_roster(COORDINATOR_PHONE, |members| {
        members.remove(&person(NURSE));
    });
    assert_eq!(channel.judge(&commit), Err(RuleBroken::LeafOutsideRoster));
    commit.removed = vec![channel.leaf(NURSE_PHONE)];
    assert_eq!(channel.judge(&commit), Err(RuleBroken::LeafOutsideRoster));
    commit.removed.push(channel.leaf(NURSE_TABLET));
    assert!(channel.judge(&commit).is_ok());
}

#[test]
fn a_device_of_someone_outside_the_circle_is_not_added() {
    let mut channel = Channel::new();
    channel.practice.enrol(115, 15, 25);
    let mut commit = channel.commit(COORDINATOR_PHONE);
    commit.added = vec![leaf(None, 15, 25)];
    assert_eq!(channel.judge(&commit), Err(RuleBroken::LeafOutsideRoster));
}

#[test]
fn nobody_removes_a_colleagues_device_without_a_ground() {
    let channel = Channel::new();
    for phone in [COORDINATOR_PHONE, NURSE_PHONE] {
        let mut commit = channel.commit(phone);
        commit.removed = vec![channel.leaf(DOCTOR_PHONE)];
        assert_eq!(channel.judge(&commit), Err(RuleBroken::UngroundedRemoval));
    }
    let mut with_roster = channel.with_roster(COORDINATOR_PHONE, |_| ());
    with_roster.removed = vec![channel.leaf(DOCTOR_PHONE)];
    assert_eq!(
        channel.judge(&with_roster),
        Err(RuleBroken::UngroundedRemoval)
    );
}

#[test]
fn a_nurse_adds_and_removes_her_own_second_device() {
    let mut channel = Channel::new();
    let mut adds = channel.commit(NURSE_PHONE);
    adds.added = vec![leaf(None, NURSE, NURSE_TABLET)];
    assert_eq!(channel.judge(&adds), Ok(channel.roster.clone()));
    channel.leaves.push(leaf(Some(5), NURSE, NURSE_TABLET));
    let mut removes = channel.commit(NURSE_PHONE);
    removes.removed = vec![channel.leaf(NURSE_TABLET)];
    assert_eq!(channel.judge(&removes), Ok(channel.roster.clone()));
}

#[test]
fn a_member_whose_time_is_over_is_removed_by_any_contributor() {
    let mut channel = Channel::new();
    let mut commit = channel.commit(NURSE_PHONE);
    commit.removed = vec![channel.leaf(LOCUM_PHONE)];
    channel.now = NOW + HOUR - 1;
    assert_eq!(channel.judge(&commit), Err(RuleBroken::UngroundedRemoval));
    channel.now = NOW + HOUR;
    assert_eq!(channel.judge(&commit), Ok(channel.roster.clone()));
}

#[test]
fn a_member_whose_time_is_over_changes_nothing_any_more() {
    let mut channel = Channel::new();
    channel.now = NOW + HOUR;
    let renewal = channel.commit(LOCUM_PHONE);
    assert_eq!(channel.judge(&renewal), Err(RuleBroken::NotMember));
    let mut removal = channel.commit(LOCUM_PHONE);
    removal.removed = vec![channel.leaf(LOCUM_PHONE)];
    assert_eq!(channel.judge(&removal), Err(RuleBroken::NotMember));
}

#[test]
fn a_member_whose_time_is_over_gets_no_further_device() {
    let mut channel = Channel::new();
    let mut commit = channel.commit(NURSE_PHONE);
    commit.added = vec![leaf(None, LOCUM, LOCUM_TABLET)];
    assert!(channel.judge(&commit).is_ok());
    channel.now = NOW + HOUR;
    assert_eq!(channel.judge(&commit), Err(RuleBroken::LeafOutsideRoster));
    // Unless the same commit prolongs the membership.
    let mut prolonged = channel.with_roster(COORDINATOR_PHONE, |members| {
        members.insert(person(LOCUM), until(ChannelRole::Contributor, NOW + DAY));
    });
    prolonged.added = commit.added.clone();
    assert!(channel.judge(&prolonged).is_ok());
}

#[test]
fn a_revoked_device_commits_nothing_and_anyone_may_remove_it() {
    let mut channel = Channel::new();
    let mut removal = channel.commit(NURSE_PHONE);
    removal.removed = vec![channel.leaf(DOCTOR_PHONE)];
    assert_eq!(channel.judge(&removal), Err(RuleBroken::UngroundedRemoval));
    let before = channel.practice.seq();
    channel.practice.say(&revoked(DOCTOR_PHONE, COORDINATOR));
    assert!(channel.judge(&removal).is_ok());
    let own = channel.commit(DOCTOR_PHONE);
    assert_eq!(channel.judge(&own), Err(RuleBroken::InvalidDevice));
    // By the head before the revocation, both are as they were.
    let earlier = |change: &CommitChange| {
        let structure = &channel.practice.structure;
        judge(structure, before, NOW, &channel.roster, change).map(|_| ())
    };
    assert_eq!(earlier(&own), Ok(()));
    assert_eq!(earlier(&removal), Err(RuleBroken::UngroundedRemoval));
}

// proves: M6
#[test]
fn a_device_that_the_log_does_not_vouch_for_is_never_added() {
    let mut channel = Channel::new();
    let add = |leaf: Leaf, channel: &Channel| {
        let mut commit = channel.commit(COORDINATOR_PHONE);
        commit.added = vec![leaf];
        channel.judge(&commit).map(|_| ())
    };
    let invalid = Err(RuleBroken::InvalidDevice);
    assert_eq!(
        add(leaf(None, NURSE, STRANGER), &channel),
        invalid,
        "invented"
    );
    let mut another_key = leaf(None, NURSE, NURSE_TABLET);
    another_key.key = public(STRANGER);
    assert_eq!(add(another_key, &channel), invalid, "another key");
    let other_owner = leaf(None, DOCTOR, NURSE_TABLET);
    assert_eq!(add(other_owner, &channel), invalid, "another owner");
    assert_eq!(add(leaf(None, NURSE, NURSE_TABLET), &channel), Ok(()));
    channel.practice.say(&revoked(NURSE_TABLET, NURSE));
    assert_eq!(
        add(leaf(None, NURSE, NURSE_TABLET), &channel),
        invalid,
        "revoked"
    );
}

#[test]
fn a_device_of_an_unconfirmed_person_is_added_for_7_days() {
    let mut channel = Channel::new();
    channel.practice.enrol(115, 15, 25);
    let mut commit = channel.with_roster(COORDINATOR_PHONE, |members| {
        members.insert(person(15), lasting(ChannelRole::Contributor));
    });
    commit.added = vec![leaf(None, 15, 25)];
    channel.now = NOW + limits::UNCONFIRMED_MS - 1;
    assert!(channel.judge(&commit).is_ok());
    channel.now += 1;
    assert_eq!(channel.judge(&commit), Err(RuleBroken::InvalidDevice));
}

#[test]
fn a_device_stands_in_the_tree_once() {
    let channel = Channel::new();
    let mut already_there = channel.commit(NURSE_PHONE);
    already_there.added = vec![leaf(None, NURSE, NURSE_PHONE)];
    assert_eq!(
        channel.judge(&already_there),
        Err(RuleBroken::LeafOutsideRoster)
    );
    let mut twice = channel.commit(NURSE_PHONE);
    twice.added = vec![leaf(None, NURSE, NURSE_TABLET); 2];
    assert_eq!(channel.judge(&twice), Err(RuleBroken::LeafOutsideRoster));
    let mut replaced = channel.commit(NURSE_PHONE);
    replaced.added = vec![leaf(None, LOCUM, LOCUM_PHONE)];
    replaced.removed = vec![channel.leaf(LOCUM_PHONE)];
    assert_eq!(channel.judge(&replaced), Err(RuleBroken::UngroundedRemoval));
}

#[test]
fn a_channel_has_256_devices_at_most() {
    let mut channel = Channel::new();
    let more = limits::DEVICES - channel.leaves.len();
    for n in 0..u32::try_from(more).expect("few") {
        let mut extra = leaf(Some(5 + n), NURSE, NURSE_PHONE);
        extra.device.0[..4].copy_from_slice(&n.to_be_bytes());
        channel.leaves.push(extra);
    }
    let full = channel.commit(NURSE_PHONE);
    assert!(channel.judge(&full).is_ok());
    let mut over = channel.commit(NURSE_PHONE);
    over.added = vec![leaf(None, NURSE, NURSE_TABLET)];
    assert_eq!(channel.judge(&over), Err(RuleBroken::Malformed));
}
