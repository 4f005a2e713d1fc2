//! A new root without the old one: all coordinators agree, or nothing happens.

use relais_core::Error;
use relais_core::identity::proposals::{ProposalId, ProposalState, RootProposal};
use relais_core::identity::root::{RecoveryText, RootAccess};
use relais_tests::world::{StoreKind, Who, World};

use super::{PASSPHRASE, appoint, is_coordinator, kit, nothing_failed};

/// Three coordinators: 0, the nurse and the doctor. The root's key is lost.
async fn three() -> (World, Who, Who) {
    let mut world = World::new(StoreKind::Memory).await;
    let nurse = world.add_user("Nadia").await;
    let doctor = world.add_user("Hervé").await;
    appoint(&mut world, 0, nurse, &RootAccess::Held);
    appoint(&mut world, 0, doctor, &RootAccess::Held);
    world.settle().await;
    let now = world.now_ms();
    world.devices[0].edit_database(now, |db| {
        db.execute("DELETE FROM roots", []).expect("lost");
    });
    (world, nurse, doctor)
}

pub fn propose(world: &mut World, who: Who) -> (ProposalId, RecoveryText) {
    let proposed = world.devices[who]
        .engine
        .propose_root_replacement(PASSPHRASE);
    proposed.expect("proposed")
}

fn proposal(world: &World, who: Who, id: &ProposalId) -> Option<RootProposal> {
    let known = world.devices[who]
        .engine
        .root_proposals()
        .expect("proposals");
    known.into_iter().find(|p| p.id == *id)
}

pub fn state(world: &World, who: Who, id: &ProposalId) -> ProposalState {
    proposal(world, who, id).expect("known").state
}

#[tokio::test]
async fn three_coordinators_agree_on_a_new_root_when_the_old_one_is_lost() {
    let (mut world, nurse, doctor) = three().await;
    let (id, paper) = propose(&mut world, nurse);
    let mine = world.devices[nurse].engine.approve_root_replacement(&id);
    assert!(matches!(mine, Err(Error::NotAllowed(_))));
    world.settle().await;
    let shown = proposal(&world, doctor, &id).expect("arrived");
    assert_eq!(shown.proposer_name, "Nadia Martin");
    assert_eq!(shown.code, proposal(&world, nurse, &id).expect("own").code);
    assert_eq!(
        shown.approvals.values().filter(|agrees| **agrees).count(),
        1
    );
    for who in [0, doctor] {
        assert_eq!(
            state(&world, who, &id),
            ProposalState::Open,
            "nothing happens by itself"
        );
        let engine = &mut world.devices[who].engine;
        engine.approve_root_replacement(&id).expect("approved");
        world.settle().await;
    }
    for who in [0, nurse, doctor] {
        assert_eq!(state(&world, who, &id), ProposalState::Done);
    }
    let fourth = world.add_user("Ines").await;
    appoint(&mut world, 0, fourth, &kit(&paper));
    world.settle().await;
    assert!(is_coordinator(&world, fourth));
    nothing_failed(&world);
}

#[tokio::test]
async fn an_agreement_survives_kills_and_absence_at_every_step() {
    let (mut world, nurse, doctor) = three().await;
    world.devices[doctor].go_offline();
    world.devices[nurse].go_offline();
    let (id, _) = propose(&mut world, nurse);
    world.crash(nurse);
    world.devices[nurse].go_online();
    world.settle().await;
    world.crash(0);
    let engine = &mut world.devices[0].engine;
    engine.approve_root_replacement(&id).expect("approved");
    world.crash(0);
    world.devices[nurse].go_offline();
    world.settle().await;
    world.devices[doctor].go_online();
    world.settle().await;
    let engine = &mut world.devices[doctor].engine;
    engine.approve_root_replacement(&id).expect("approved");
    // Twice is once.
    engine
        .approve_root_replacement(&id)
        .expect("approved again");
    world.settle().await;
    world.crash_server().await;
    world.crash(nurse);
    world.devices[nurse].go_online();
    world.devices[nurse].faults.repeat_received(20);
    world.settle().await;
    for who in [0, nurse, doctor] {
        assert_eq!(state(&world, who, &id), ProposalState::Done);
    }
    let status = world.devices[nurse]
        .engine
        .recovery_status()
        .expect("status");
    assert!(status.held && status.needs_kit());
    nothing_failed(&world);
}

// proves: I1
#[tokio::test]
async fn a_hostile_coordinator_among_three_does_nothing_without_the_others() {
    let (mut world, nurse, doctor) = three().await;
    let root = |world: &World| world.devices[doctor].engine.root_proposals().expect("read");
    // One approval of two is not enough, and repeating it changes nothing.
    let (id, _) = propose(&mut world, nurse);
    world.settle().await;
    for _ in 0..3 {
        let engine = &mut world.devices[0].engine;
        engine.approve_root_replacement(&id).expect("approved");
        world.settle().await;
    }
    assert_eq!(state(&world, nurse, &id), ProposalState::Open);
    let seq = world.devices[0].engine.structure_seq();
    // The nurse's device claims an approval of the doctor's, with the nurse's signature.
    let now = world.now_ms();
    let doctors = world.devices[doctor].professional();
    world.devices[nurse].edit_database(now, |db| {
        let forged = "INSERT INTO root_approvals SELECT proposal, ?1, signature
             FROM root_approvals LIMIT 1";
        db.execute(forged, [doctors.0]).expect("forged");
    });
    let engine = &mut world.devices[0].engine;
    engine.approve_root_replacement(&id).expect("approved");
    world.settle().await;
    assert_eq!(
        world.devices[0].engine.structure_seq(),
        seq,
        "nothing was said"
    );
    assert_eq!(root(&world)[0].state, ProposalState::Open);
}

#[tokio::test]
async fn other_coordinators_cancel_a_proposal_visibly() {
    let (mut world, nurse, doctor) = three().await;
    // Only the root's key changes the coordinators: here it was only mislaid.
    let mut world_with_kit = World::new(StoreKind::Memory).await;
    let first = world_with_kit.add_user("Nadia").await;
    let second = world_with_kit.add_user("Hervé").await;
    appoint(&mut world_with_kit, 0, first, &RootAccess::Held);
    world_with_kit.settle().await;
    let (id, _) = propose(&mut world_with_kit, first);
    world_with_kit.settle().await;
    appoint(&mut world_with_kit, 0, second, &RootAccess::Held);
    world_with_kit.settle().await;
    for who in [0, first] {
        assert_eq!(
            state(&world_with_kit, who, &id),
            ProposalState::CoordinatorsChanged
        );
    }
    let late = world_with_kit.devices[0]
        .engine
        .approve_root_replacement(&id);
    assert!(matches!(late, Err(Error::NotAllowed(_))));
    nothing_failed(&world_with_kit);

    // Of two proposals the one that is agreed to first overtakes the other; the newer
    // one of a proposer replaces the older, and a week ends it.
    let (dropped, _) = propose(&mut world, nurse);
    world.settle().await;
    world.advance(60_000);
    let (id, _) = propose(&mut world, nurse);
    let (lapsing, _) = propose(&mut world, doctor);
    world.settle().await;
    assert_eq!(proposal(&world, 0, &dropped), None);
    for who in [0, doctor] {
        let engine = &mut world.devices[who].engine;
        engine.approve_root_replacement(&id).expect("approved");
    }
    world.settle().await;
    assert_eq!(state(&world, 0, &id), ProposalState::Done);
    assert_eq!(state(&world, 0, &lapsing), ProposalState::Overtaken);
    let (late, _) = propose(&mut world, nurse);
    world.settle().await;
    world.advance(8 * 24 * 3_600_000);
    world.settle().await;
    assert_eq!(state(&world, 0, &late), ProposalState::Lapsed);
    let refused = world.devices[0].engine.approve_root_replacement(&late);
    assert!(matches!(refused, Err(Error::NotAllowed(_))));
}
