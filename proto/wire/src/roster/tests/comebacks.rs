//! Coming back by an external commit, starting a group anew, and a circle whose
//! managers are all gone.

use super::*;
use crate::v1::LogHead;

/// An external commit of `who`'s phone, evicting its old leaf if it has one.
fn comes_back(channel: &Channel, who: u8, phone: u8) -> CommitChange {
    let own = leaf(None, who, phone);
    let old = channel.leaves.iter().filter(|l| l.device == device(phone));
    CommitChange {
        committer: own.clone(),
        external: true,
        before: channel.leaves.clone(),
        added: vec![own],
        removed: old.cloned().collect(),
        roster: None,
    }
}

// proves: M2
#[test]
fn whoever_the_roster_names_comes_back_with_a_device_whose_chain_holds() {
    let mut channel = Channel::new();
    for (who, phone) in [
        (COORDINATOR, COORDINATOR_PHONE),
        (DOCTOR, DOCTOR_PHONE),
        (NURSE, NURSE_TABLET),
        (LOCUM, LOCUM_TABLET),
    ] {
        let back = comes_back(&channel, who, phone);
        assert_eq!(channel.judge(&back), Ok(channel.roster.clone()), "{phone}");
    }
    channel.now = NOW + HOUR;
    let ended = comes_back(&channel, LOCUM, LOCUM_PHONE);
    assert_eq!(channel.judge(&ended), Err(RuleBroken::NotMember));
    channel.practice.enrol(115, 15, 25);
    let outside = comes_back(&channel, 15, 25);
    assert_eq!(channel.judge(&outside), Err(RuleBroken::NotMember));
    let invented = comes_back(&channel, NURSE, STRANGER);
    assert_eq!(channel.judge(&invented), Err(RuleBroken::InvalidDevice));
    channel.practice.say(&revoked(NURSE_TABLET, NURSE));
    let revoked = comes_back(&channel, NURSE, NURSE_TABLET);
    assert_eq!(channel.judge(&revoked), Err(RuleBroken::InvalidDevice));
}

// proves: M2
#[test]
fn a_removed_person_does_not_come_back() {
    let mut channel = Channel::new();
    let mut removal = channel.with_roster(COORDINATOR_PHONE, |members| {
        members.remove(&person(NURSE));
    });
    removal.removed = vec![channel.leaf(NURSE_PHONE)];
    channel.roster = channel.judge(&removal).expect("allowed");
    channel.leaves.retain(|l| l.device != device(NURSE_PHONE));
    let back = comes_back(&channel, NURSE, NURSE_PHONE);
    assert_eq!(channel.judge(&back), Err(RuleBroken::NotMember));
}

// proves: M2
#[test]
fn an_external_commit_changes_nothing_but_its_own_place() {
    let channel = Channel::new();
    let good = comes_back(&channel, NURSE, NURSE_PHONE);
    assert!(channel.judge(&good).is_ok());
    let mut beside_its_old_leaf = good.clone();
    beside_its_old_leaf.removed.clear();
    let refused = channel.judge(&beside_its_old_leaf);
    assert_eq!(refused, Err(RuleBroken::LeafOutsideRoster));
    let changes: [fn(&mut CommitChange, &Channel); 5] = [
        |c, channel| c.removed.push(channel.leaf(DOCTOR_PHONE)),
        |c, channel| c.removed = vec![channel.leaf(MATRON_PHONE)],
        |c, _| c.added.push(leaf(None, NURSE, NURSE_TABLET)),
        |c, _| c.added.clear(),
        |c, channel| c.roster = Some(channel.roster.signed().clone()),
    ];
    for (number, change) in changes.into_iter().enumerate() {
        let mut commit = good.clone();
        change(&mut commit, &channel);
        let refused = channel.judge(&commit).map(|_| ());
        // With a roster of its own it is judged as what it is not, too.
        assert!(
            matches!(
                refused,
                Err(RuleBroken::NotAllowed | RuleBroken::NotSuccessor)
            ),
            "{number}: {refused:?}"
        );
    }
}

fn rebooted(channel: &Channel, by: u8) -> CheckedRoster {
    let head = channel.practice.structure.head();
    let signed = sign_reboot(&channel.roster, head, device(by), &key(by));
    CheckedRoster::read(&signed).expect("a roster")
}

fn reboot(channel: &Channel, next: &CheckedRoster, by: u8) -> Result<(), RuleBroken> {
    let structure = &channel.practice.structure;
    judge_reboot(structure, channel.now, &channel.roster, next, device(by))
}

#[test]
fn a_coordinators_reboot_holds_for_whoever_reads_it_after_the_standing_ended() {
    let mut channel = Channel::new();
    channel.practice.say(&appointed(NURSE));
    let next = rebooted(&channel, NURSE_PHONE);
    assert_eq!(reboot(&channel, &next, NURSE_PHONE), Ok(()));
    channel.practice.say(&released(NURSE));
    assert_eq!(reboot(&channel, &next, NURSE_PHONE), Ok(()));
    let late = reboot(&channel, &rebooted(&channel, NURSE_PHONE), NURSE_PHONE);
    assert_eq!(late, Err(RuleBroken::NotAllowed));
}

// proves: M10
#[test]
fn a_manager_or_a_coordinator_in_the_circle_starts_the_group_anew() {
    let mut channel = Channel::new();
    for by in [COORDINATOR_PHONE, MATRON_PHONE] {
        assert_eq!(reboot(&channel, &rebooted(&channel, by), by), Ok(()));
    }
    for by in [NURSE_PHONE, DOCTOR_PHONE, LOCUM_PHONE] {
        let refused = reboot(&channel, &rebooted(&channel, by), by);
        assert_eq!(refused, Err(RuleBroken::NotAllowed));
    }
    // A coordinator of the structure needs no more than to be a member.
    let mut members = circle();
    members.insert(person(COORDINATOR), lasting(ChannelRole::Reader));
    channel.roster = CheckedRoster::read(&signed(None, &members, MATRON_PHONE)).expect("a roster");
    let by = COORDINATOR_PHONE;
    assert_eq!(reboot(&channel, &rebooted(&channel, by), by), Ok(()));
    members.remove(&person(COORDINATOR));
    channel.roster = CheckedRoster::read(&signed(None, &members, MATRON_PHONE)).expect("a roster");
    let refused = reboot(&channel, &rebooted(&channel, by), by);
    assert_eq!(refused, Err(RuleBroken::NotMember));
}

#[test]
fn a_reboot_keeps_the_circle_and_follows_the_roster_in_force() {
    let mut channel = Channel::new();
    let by = COORDINATOR_PHONE;
    let good = rebooted(&channel, by);
    assert_eq!(good.structure_head, Some(channel.practice.structure.head()));
    let with = |change: fn(&mut Roster)| {
        let next = CheckedRoster::read(&altered(good.signed(), by, change)).expect("well formed");
        reboot(&channel, &next, by)
    };
    assert_eq!(with(|_| ()), Ok(()));
    assert_eq!(with(|r| r.version = 3), Err(RuleBroken::NotSuccessor));
    assert_eq!(
        with(|r| r.predecessor.clear()),
        Err(RuleBroken::NotSuccessor)
    );
    let other = with(|r| r.members.truncate(2));
    assert_eq!(other, Err(RuleBroken::NotAllowed), "another circle");
    let early = with(|r| r.structure_head = Some(LogHead::default()));
    assert_eq!(
        early,
        Err(RuleBroken::InvalidDevice),
        "before it was a device"
    );
    let unnamed = with(|r| r.structure_head = None);
    assert_eq!(unnamed, Err(RuleBroken::InvalidDevice), "no head");
    let borrowed = reboot(&channel, &good, MATRON_PHONE);
    assert_eq!(borrowed, Err(RuleBroken::Signature));
    channel.practice.say(&revoked(by, COORDINATOR));
    let late = rebooted(&channel, by);
    assert_eq!(reboot(&channel, &late, by), Err(RuleBroken::InvalidDevice));
}

#[test]
fn where_no_manager_can_be_reached_any_more_a_contributor_leads_the_circle_on() {
    let mut channel = Channel::new();
    let takes_over = |channel: &Channel, by, role| {
        let commit = channel.with_roster(by, |members| {
            members.insert(person(NURSE), lasting(role));
        });
        channel.judge(&commit).map(|_| ())
    };
    let manager = ChannelRole::Manager;
    channel
        .practice
        .say(&revoked(COORDINATOR_PHONE, COORDINATOR));
    let refused = takes_over(&channel, NURSE_PHONE, manager);
    assert_eq!(refused, Err(RuleBroken::NotAllowed), "one manager is left");
    channel.practice.say(&revoked(MATRON_PHONE, COORDINATOR));
    assert_eq!(takes_over(&channel, NURSE_PHONE, manager), Ok(()));
    assert_eq!(takes_over(&channel, LOCUM_PHONE, manager), Ok(()));
    let refused = takes_over(&channel, DOCTOR_PHONE, manager);
    assert_eq!(refused, Err(RuleBroken::NotAllowed), "a reader");
    // The result must have a manager who can be reached.
    let refused = takes_over(&channel, NURSE_PHONE, ChannelRole::Contributor);
    assert_eq!(refused, Err(RuleBroken::NoManager));
    let by = NURSE_PHONE;
    assert_eq!(reboot(&channel, &rebooted(&channel, by), by), Ok(()));
}
