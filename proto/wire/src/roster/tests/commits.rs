//! Commits against the roster of the prior epoch.

use super::*;

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

#[test]
fn no_membership_is_given_an_end_that_has_passed() {
    let mut channel = Channel::new();
    let gives = |channel: &Channel, who, end| {
        let commit = channel.with_roster(COORDINATOR_PHONE, |members| {
            members.insert(person(who), until(ChannelRole::Contributor, end));
        });
        channel.judge(&commit).map(|_| ())
    };
    assert_eq!(gives(&channel, NURSE, NOW + 1), Ok(()));
    assert_eq!(gives(&channel, NURSE, NOW), Err(RuleBroken::EndPassed));
    // One that has ended may stay as it is.
    channel.now = NOW + HOUR;
    assert_eq!(gives(&channel, LOCUM, NOW + HOUR), Ok(()));
    assert_eq!(gives(&channel, LOCUM, NOW + 1), Err(RuleBroken::EndPassed));
}
