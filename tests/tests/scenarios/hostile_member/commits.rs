//! Commits and new groups that are not theirs to make.

use super::*;

// proves: D4
#[tokio::test]
async fn a_contributor_does_not_make_himself_a_manager() {
    let mut scene = scene().await;
    let roster = scene.forged_roster(|members, luc| {
        if let Some(me) = members.get_mut(&luc.professional) {
            me.role = ChannelRole::Manager;
        }
    });
    let change = scene.change(Change {
        roster: Some(roster),
        ..Change::default()
    });
    scene.expects_refusal(change, RefusalCode::RuleBroken).await;
}

// proves: D4
#[tokio::test]
async fn a_contributor_brings_nobody_in_and_sends_nobody_away() {
    let mut scene = scene().await;
    let package = scene.package_of(LEA).await;
    let lea = scene.world.devices[LEA].professional();
    let roster = scene.forged_roster(|members, _| {
        let member = Member {
            role: ChannelRole::Contributor,
            expires_at_ms: None,
        };
        members.insert(lea, member);
    });
    let named = scene.change(Change {
        roster: Some(roster),
        add: vec![package.clone()],
        ..Change::default()
    });
    let code = scene.luc.raw.refused(named).await;
    assert_eq!(code, RefusalCode::RuleBroken);
    let unnamed = scene.change(Change {
        add: vec![package],
        ..Change::default()
    });
    let code = scene.luc.raw.refused(unnamed).await;
    assert_eq!(code, RefusalCode::RuleBroken);
    let nadia = scene.world.devices[NADIA].professional();
    let away = scene.change(Change {
        remove: vec![nadia],
        ..Change::default()
    });
    scene.expects_refusal(away, RefusalCode::RuleBroken).await;
}

// proves: D4
#[tokio::test]
async fn a_commit_whose_path_opens_to_garbage_is_healed_by_everybody_who_cannot_read_it() {
    let mut scene = scene().await;
    let before = scene.world.now_ms();
    let seq = |scene: &Scene| {
        let thread = scene.world.devices[0].engine.thread(scene.channel);
        thread.expect("thread").seq
    };
    let entries = seq(&scene);
    let garbage = scene.change(Change {
        garbage: true,
        ..Change::default()
    });
    scene.luc.raw.taken(garbage).await;
    scene.world.settle().await;
    let took = scene.world.now_ms() - before;
    assert!(took < 60_000, "healed within a minute, not {took} ms");
    // The commit itself, and one by each of the three that could not read it.
    assert!(seq(&scene) >= entries + 4, "everybody came back");
    scene.others_go_on(0).await;
}

// proves: D11
#[tokio::test]
async fn a_roster_that_needs_a_newer_client_stops_older_ones_before_it_is_misread() {
    let mut world = populated().await;
    let channel = world.thread(0, "Mme Durand", &[NADIA, DENIS, LUC]).await;
    world.say(NADIA, channel, "avant");
    world.settle().await;
    world.advance(11_000);
    world.settle().await;
    let epoch = world.devices[NADIA].engine.epoch_authenticator(channel);
    let (before, _) = epoch.expect("epoch");
    // The manager's device is of a later version.
    let mut manager = HostileMember::of(&mut world, 0).await;
    let prior = manager.roster(&mut world, channel);
    let needed = relais_core::CLIENT_VERSION + 1;
    let (device, key) = (manager.device, manager.raw.key.clone());
    let roster = sign_roster(channel, Some(&prior), &prior.members, needed, device, &key);
    let change = Change {
        roster: Some(roster),
        ..Change::default()
    };
    let change = commit(manager.commit(&mut world, channel, change));
    manager.raw.taken(change).await;
    world.say(NADIA, channel, "attend la mise à jour");
    for _ in 0..50 {
        world.turn().await;
        world.advance(250);
    }
    for who in [NADIA, DENIS] {
        let engine = &mut world.devices[who].engine;
        assert_eq!(engine.troubles(), [Trouble::UpdateNeeded]);
        let thread = engine.thread(channel).expect("thread");
        assert_eq!(thread.state, ThreadState::Joined);
        let (epoch, _) = engine.epoch_authenticator(channel).expect("epoch");
        assert_eq!(epoch, before, "nothing of it is taken");
    }
    assert_eq!(world.texts(DENIS, channel), ["avant"]);
    let waits = world.devices[NADIA].engine.sync_state().expect("state");
    assert_eq!((waits.waiting, waits.failed), (1, 0));
}

// proves: M5
#[tokio::test]
async fn nobody_takes_a_colleagues_identity_for_their_leaf() {
    let mut scene = scene().await;
    let me = scene.world.devices[NADIA]
        .engine
        .whoami()
        .expect("enrolled");
    let key = scene.luc.raw.key.clone();
    let swapped = scene.change(Change {
        identity: Some(identity(me.structure, me.professional, me.device, &key)),
        ..Change::default()
    });
    let code = scene.luc.raw.refused(swapped).await;
    assert_ne!(code, RefusalCode::Unspecified);
    scene.others_go_on(0).await;
}

// proves: M2
#[tokio::test]
async fn an_external_commit_with_a_groupinfo_that_a_member_passed_on_is_refused() {
    let mut scene = scene().await;
    let (world, channel) = (&mut scene.world, scene.channel);
    let passed_on = scene.luc.group_info(world, channel);
    let head = scene.luc.structure_head(world, channel);
    let mut lea = HostileMember::of(world, LEA).await;
    let come_in = lea.external_commit(world, channel, &passed_on, head.clone());
    let code = lea.raw.refused(commit(come_in)).await;
    assert_eq!(code, RefusalCode::Forbidden);
    // Nor does the one who is removed come back with what he kept.
    world.remove(0, channel, LUC);
    world.settle().await;
    let come_back = scene.luc.external_commit(world, channel, &passed_on, head);
    let code = scene.luc.raw.refused(commit(come_back)).await;
    assert_eq!(code, RefusalCode::Forbidden);
    assert!(
        world
            .notices(NADIA, channel)
            .contains(&"removed".to_owned())
    );
}

// proves: D4
#[tokio::test]
async fn a_commit_with_the_groupinfo_of_another_epoch_is_refused() {
    let mut scene = scene().await;
    let (stale, _) = scene.luc.group_info(&mut scene.world, scene.channel);
    let mut change = scene
        .luc
        .commit(&mut scene.world, scene.channel, Change::default());
    change.group_info = stale;
    scene
        .expects_refusal(commit(change), RefusalCode::InvalidCommit)
        .await;
}

// proves: D4
#[tokio::test]
async fn a_commit_with_a_groupinfo_that_confirms_another_epoch_is_refused() {
    let mut scene = scene().await;
    let (world, channel) = (&mut scene.world, scene.channel);
    let mut change = scene.luc.commit(world, channel, Change::default());
    change.group_info = scene.luc.with_another_tag(&change.group_info);
    scene
        .expects_refusal(commit(change), RefusalCode::InvalidCommit)
        .await;
}

/// What the manager would commit to bring Léa in.
async fn bring_in(
    world: &mut World,
    manager: &mut HostileMember,
    channel: ChannelId,
) -> AppendCommit {
    let (device, lea) = (
        world.devices[LEA].device(),
        world.devices[LEA].professional(),
    );
    let package = manager.key_package(device).await;
    let prior = manager.roster(world, channel);
    let mut members = prior.members.clone();
    let member = Member {
        role: ChannelRole::Contributor,
        expires_at_ms: None,
    };
    members.insert(lea, member);
    let version = prior.minimum_client_version;
    let (device, key) = (manager.device, manager.raw.key.clone());
    let roster = sign_roster(channel, Some(&prior), &members, version, device, &key);
    let change = Change {
        roster: Some(roster),
        add: vec![package],
        ..Change::default()
    };
    manager.commit(world, channel, change)
}

// proves: D4
#[tokio::test]
async fn a_welcome_is_for_exactly_those_whom_its_commit_brings_in() {
    let mut world = populated().await;
    let channel = world.thread(0, "Mme Durand", &[NADIA]).await;
    world.advance(11_000);
    world.settle().await;
    let mut manager = HostileMember::of(&mut world, 0).await;
    // For another key package of the same device: it would open nothing.
    let other = bring_in(&mut world, &mut manager, channel).await.welcome;
    let mut change = bring_in(&mut world, &mut manager, channel).await;
    change.welcome = other.clone();
    let code = manager.raw.refused(commit(change)).await;
    assert_eq!(code, RefusalCode::InvalidCommit);
    let mut change = bring_in(&mut world, &mut manager, channel).await;
    change.welcome = Default::default();
    let code = manager.raw.refused(commit(change)).await;
    assert_eq!(code, RefusalCode::Malformed);
    let mut change = manager.commit(&mut world, channel, Change::default());
    change.welcome = other;
    let code = manager.raw.refused(commit(change)).await;
    assert_eq!(code, RefusalCode::InvalidCommit);
    let change = bring_in(&mut world, &mut manager, channel).await;
    manager.raw.taken(commit(change)).await;
    world.settle().await;
    let thread = world.devices[LEA].engine.thread(channel).expect("thread");
    assert_eq!(thread.state, ThreadState::Joined);
}

// proves: D4
#[tokio::test]
async fn a_proposal_that_nobody_asked_for_is_taken_neither_as_a_message_nor_as_a_commit() {
    let mut scene = scene().await;
    let proposal = scene.luc.proposal(&mut scene.world, scene.channel);
    let as_commit = AppendCommit {
        channel_id: proposal.channel_id.clone(),
        incarnation: proposal.incarnation,
        epoch: proposal.epoch,
        commit: proposal.message.clone(),
        ..AppendCommit::default()
    };
    for operation in [message(proposal), commit(as_commit)] {
        let code = scene.luc.raw.refused(operation).await;
        assert_ne!(code, RefusalCode::Unspecified);
    }
    scene.others_go_on(0).await;
}

// proves: D4
#[tokio::test]
async fn a_contributor_begins_no_new_group() {
    let mut scene = scene().await;
    let (world, channel) = (&mut scene.world, scene.channel);
    let prior = scene.luc.roster(world, channel);
    let head = scene.luc.structure_head(world, channel);
    let key = scene.luc.raw.key.clone();
    let roster = sign_reboot(&prior, head, scene.luc.device, &key);
    let group = scene.luc.new_group(world, channel, &roster);
    let reboot = RebootChannel {
        channel_id: channel.to_bytes(),
        incarnation: 0,
        epoch: group.0,
        group_info: group.1,
        ratchet_tree: group.2.into(),
    };
    let reboot = send::Operation::RebootChannel(reboot);
    scene.expects_refusal(reboot, RefusalCode::RuleBroken).await;
}
