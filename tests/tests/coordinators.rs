//! Who coordinates a practice, where its root key is, and how two people know that
//! they speak to each other: nobody gets stuck, and nobody does it alone.

use relais_core::identity::recovery::RecoveryError;
use relais_core::identity::root::{RecoveryText, RootAccess};
use relais_core::identity::safety::{SafetyCheck, Verification};
use relais_core::{Error, Event};
use relais_tests::world::{StoreKind, Who, World, card};

const PASSPHRASE: &str = "cheval agrafe été rivière";

fn kit(text: &RecoveryText) -> RootAccess {
    RootAccess::Kit {
        text: text.to_string(),
        passphrase: PASSPHRASE.into(),
    }
}

fn shares(texts: &[RecoveryText]) -> RootAccess {
    RootAccess::Shares(texts.iter().map(|share| share.to_string()).collect())
}

fn is_coordinator(world: &World, who: Who) -> bool {
    world.devices[who]
        .engine
        .whoami()
        .expect("enrolled")
        .coordinator
}

fn appoint(world: &mut World, by: Who, who: Who, access: &RootAccess) {
    let id = world.devices[who].professional();
    world.devices[by]
        .engine
        .appoint(id, access)
        .expect("appointed");
}

/// Nothing that anybody did has visibly failed.
fn nothing_failed(world: &World) {
    for device in &world.devices {
        let failed = device.engine.failed_acts().expect("failures");
        assert_eq!(failed, [], "{}", device.name);
        assert_eq!(device.engine.troubles(), [], "{}", device.name);
    }
}

// proves: I2
#[tokio::test]
async fn the_root_key_moves_to_paper_and_leaves_the_first_device_for_good() {
    let mut world = World::new(StoreKind::Memory).await;
    let now = world.now_ms();
    let engine = &mut world.devices[0].engine;
    let status = engine.recovery_status().expect("status");
    assert!(
        status.held && status.needs_kit(),
        "after set-up the screen reminds"
    );
    assert!(matches!(engine.forget_root(), Err(Error::NotAllowed(_))));
    let weak = engine.make_recovery_kit(&RootAccess::Held, "motdepasse");
    assert!(matches!(
        weak,
        Err(Error::Recovery(RecoveryError::WeakPassphrase))
    ));
    let paper = engine
        .make_recovery_kit(&RootAccess::Held, PASSPHRASE)
        .expect("a kit");
    // A kit that nobody has tried is no kit.
    assert!(engine.recovery_status().expect("status").needs_kit());
    assert!(matches!(engine.forget_root(), Err(Error::NotAllowed(_))));
    let mistyped = RootAccess::Kit {
        text: paper.to_string(),
        passphrase: "cheval agrafe hiver rivière".into(),
    };
    let refused = engine.confirm_recovery(&mistyped);
    assert!(matches!(
        refused,
        Err(Error::Recovery(RecoveryError::WrongPassphrase))
    ));
    engine.confirm_recovery(&kit(&paper)).expect("it opens");
    assert!(!engine.recovery_status().expect("status").needs_kit());
    engine.forget_root().expect("forgotten");

    world.devices[0].edit_database(now, |db| {
        let held = "SELECT count(*) FROM roots WHERE seed IS NOT NULL";
        let held: u64 = db.query_row(held, [], |row| row.get(0)).expect("count");
        assert_eq!(held, 0);
    });
    let nurse = world.add_user("Nadia").await;
    let id = world.devices[nurse].professional();
    let engine = &mut world.devices[0].engine;
    let status = engine.recovery_status().expect("status");
    assert!(!status.held && status.kit.is_some_and(|k| k.confirmed_ms.is_some()));
    let without = engine.appoint(id, &RootAccess::Held);
    assert!(
        matches!(without, Err(Error::NotAllowed(_))),
        "the seed is gone"
    );
    engine.appoint(id, &kit(&paper)).expect("with the kit");
    // Shares are made from the kit, and serve like it.
    let texts = engine
        .make_recovery_shares(&kit(&paper), 2, 3)
        .expect("shares");
    engine
        .confirm_recovery(&shares(&texts[1..]))
        .expect("two of three");
    let one = engine.confirm_recovery(&shares(&texts[..1]));
    assert!(matches!(
        one,
        Err(Error::Recovery(RecoveryError::TooFewShares { .. }))
    ));
    world.settle().await;
    assert!(is_coordinator(&world, nurse));
    nothing_failed(&world);
}

#[tokio::test]
async fn a_second_coordinator_carries_the_practice_while_the_first_is_away() {
    let mut world = World::new(StoreKind::Memory).await;
    let nurse = world.add_user("Nadia").await;
    appoint(&mut world, 0, nurse, &RootAccess::Held);
    world.settle().await;
    assert!(is_coordinator(&world, nurse));
    let again = world.devices[nurse].professional();
    let refused = world.devices[0].engine.appoint(again, &RootAccess::Held);
    assert!(matches!(refused, Err(Error::NotAllowed(_))));

    world.devices[0].go_offline();
    let doctor = join_by(&mut world, nurse, "Hervé").await;
    let me = world.devices[doctor].engine.whoami().expect("enrolled");
    assert!(
        me.confirmed && me.card.is_some(),
        "confirmed, with the directory key"
    );
    world.devices[0].go_online();
    world.settle().await;
    nothing_failed(&world);
}

/// Somebody joins by an invitation of `coordinator`'s.
async fn join_by(world: &mut World, coordinator: Who, name: &str) -> Who {
    let engine = &mut world.devices[coordinator].engine;
    let invitation = engine.invite(&card(name, "Martin", 10, "99700218896"));
    let link = invitation.expect("invited").link;
    world.settle().await;
    let who = world.add_device(name);
    world.devices[who].engine.join(&link, None).expect("joins");
    world.settle().await;
    who
}

#[tokio::test]
async fn two_coordinators_online_at_once_confirm_without_a_visible_failure() {
    let mut world = World::new(StoreKind::Memory).await;
    let nurse = world.add_user("Nadia").await;
    appoint(&mut world, 0, nurse, &RootAccess::Held);
    world.settle().await;
    let engine = &mut world.devices[0].engine;
    let invitation = engine.invite(&card("Hervé", "Martin", 10, "99700218896"));
    let link = invitation.expect("invited").link;
    world.settle().await;
    // Both read the enrolment before either confirmation has left.
    for coordinator in [0, nurse] {
        world.devices[coordinator].pause_after(0);
    }
    let doctor = world.add_device("Hervé");
    world.devices[doctor]
        .engine
        .join(&link, None)
        .expect("joins");
    let waits = |world: &World, who: Who| {
        let state = world.devices[who].engine.sync_state();
        state.expect("state").waiting == 1
    };
    for turn in 0.. {
        if waits(&world, 0) && waits(&world, nurse) {
            break;
        }
        assert!(turn < 1_000, "both confirm");
        world.turn().await;
    }
    let before = world.devices[0].engine.structure_seq();
    for coordinator in [0, nurse] {
        world.devices[coordinator].go_on();
        world.crash(coordinator);
    }
    world.settle().await;
    let after = world.devices[0].engine.structure_seq();
    assert_eq!(after, before + 1, "one of the two is said");
    let me = world.devices[doctor].engine.whoami().expect("enrolled");
    assert!(me.confirmed && me.card.is_some());
    nothing_failed(&world);
}

#[tokio::test]
async fn whoever_waits_for_a_confirmation_gets_it_from_a_coordinator_appointed_later() {
    let mut world = World::new(StoreKind::Memory).await;
    let nurse = world.add_user("Nadia").await;
    let invitation = world.devices[0]
        .engine
        .invite(&card("Hervé", "Martin", 10, "99700218896"));
    let link = invitation.expect("invited").link;
    world.settle().await;
    let paper = world.devices[0]
        .engine
        .make_recovery_kit(&RootAccess::Held, PASSPHRASE);
    let paper = paper.expect("a kit");
    // The only coordinator is gone; a nurse finds the kit in the safe.
    world.devices[0].go_offline();
    let doctor = world.add_device("Hervé");
    world.devices[doctor]
        .engine
        .join(&link, None)
        .expect("joins");
    world.settle().await;
    assert!(
        !world.devices[doctor]
            .engine
            .whoami()
            .expect("enrolled")
            .confirmed
    );
    appoint(&mut world, nurse, nurse, &kit(&paper));
    world.settle().await;
    assert!(is_coordinator(&world, nurse));
    let me = world.devices[doctor].engine.whoami().expect("enrolled");
    assert!(me.confirmed && me.card.is_some());
}

// proves: I2
#[tokio::test]
async fn an_invitation_made_before_the_root_was_replaced_still_works_after() {
    let mut world = World::new(StoreKind::Memory).await;
    let invitation = world.devices[0]
        .engine
        .invite(&card("Nadia", "Martin", 60, "99700218896"));
    let early = invitation.expect("invited").link;
    world.settle().await;
    let engine = &mut world.devices[0].engine;
    let old = engine
        .make_recovery_kit(&RootAccess::Held, PASSPHRASE)
        .expect("a kit");
    let new = engine
        .replace_root(&RootAccess::Held, PASSPHRASE)
        .expect("replaced");
    world.settle().await;
    let engine = &mut world.devices[0].engine;
    let status = engine.recovery_status().expect("status");
    assert!(
        status.held && status.needs_kit(),
        "the new kit was not tried yet"
    );
    let refused = engine.confirm_recovery(&kit(&old));
    assert!(matches!(
        refused,
        Err(Error::Recovery(RecoveryError::OtherRoot))
    ));
    engine
        .confirm_recovery(&kit(&new))
        .expect("the new one opens");
    engine.forget_root().expect("forgotten");
    let now = world.now_ms();
    world.devices[0].edit_database(now, |db| {
        let held = "SELECT count(*) FROM roots WHERE seed IS NOT NULL";
        let held: u64 = db.query_row(held, [], |row| row.get(0)).expect("count");
        assert_eq!(held, 0, "nor is the old one kept");
    });

    let nurse = world.add_device("Nadia");
    world.devices[nurse]
        .engine
        .join(&early, None)
        .expect("joins");
    world.settle().await;
    let doctor = world.add_user("Hervé").await;
    for (by, who) in [(0, nurse), (nurse, doctor)] {
        appoint(&mut world, by, who, &kit(&new));
        world.settle().await;
        assert!(is_coordinator(&world, who));
    }
    nothing_failed(&world);
}

#[tokio::test]
async fn two_people_compare_their_codes_and_the_mark_stays() {
    let mut world = World::new(StoreKind::Memory).await;
    let nurse = world.add_user("Nadia").await;
    let doctor = world.add_user("Hervé").await;
    let [a, b] = [nurse, doctor].map(|who| world.devices[who].professional());
    let theirs = world.devices[doctor].engine.safety_code(a).expect("a code");
    let engine = &mut world.devices[nurse].engine;
    assert_eq!(engine.safety_code(b).expect("a code").digits, theirs.digits);
    assert_eq!(engine.verification(&b).expect("read"), Verification::Never);
    let wrong = engine
        .verify_safety_code(b, b"12345 67890")
        .expect("compared");
    assert_eq!(wrong, SafetyCheck::Mismatch);
    assert_eq!(engine.verification(&b).expect("read"), Verification::Never);
    let scanned = engine
        .verify_safety_code(b, &theirs.payload)
        .expect("compared");
    assert_eq!(scanned, SafetyCheck::Match);
    assert!(matches!(engine.safety_code(a), Err(Error::Invalid { .. })));
    world.crash(nurse);
    let engine = &world.devices[nurse].engine;
    assert_eq!(
        engine.verification(&b).expect("read"),
        Verification::Verified
    );
    let people = engine.people().expect("people");
    let verified = people
        .iter()
        .filter(|p| p.verification == Verification::Verified);
    assert_eq!(verified.map(|p| p.professional).collect::<Vec<_>>(), [b]);
}

#[tokio::test]
async fn the_root_ends_a_coordinators_standing() {
    let mut world = World::new(StoreKind::Memory).await;
    let nurse = world.add_user("Nadia").await;
    let [first, id] = [0, nurse].map(|who| world.devices[who].professional());
    let engine = &mut world.devices[0].engine;
    let only = engine.end_coordinator(first, &RootAccess::Held);
    assert!(
        matches!(only, Err(Error::NotAllowed(_))),
        "nobody would be left"
    );
    let none = engine.end_coordinator(id, &RootAccess::Held);
    assert!(matches!(none, Err(Error::NotAllowed(_))));
    appoint(&mut world, 0, nurse, &RootAccess::Held);
    world.settle().await;
    let (proposal_of_hers, _) = propose(&mut world, nurse);
    world.settle().await;
    let engine = &mut world.devices[0].engine;
    engine
        .end_coordinator(id, &RootAccess::Held)
        .expect("ended");
    world.settle().await;
    assert!(!is_coordinator(&world, nurse));
    let invites = world.devices[nurse]
        .engine
        .invite(&card("Ines", "Martin", 60, "99700218896"));
    assert!(matches!(invites, Err(Error::NotAllowed(_))));
    let cancelled = state(&world, 0, &proposal_of_hers);
    assert_eq!(cancelled, ProposalState::CoordinatorsChanged);
    // The very same certificate again would bring her back unnoticed.
    let again = world.devices[0].engine.appoint(id, &RootAccess::Held);
    assert!(matches!(again, Err(Error::NotAllowed(_))));
    nothing_failed(&world);
}

// proves: I1
#[tokio::test]
async fn a_new_key_ends_a_verification_in_every_thread() {
    let mut world = World::new(StoreKind::Memory).await;
    let nurse = world.add_user("Nadia").await;
    let doctor = world.add_user("Hervé").await;
    let [a, b] = [nurse, doctor].map(|who| world.devices[who].professional());
    let channel = world.thread(doctor, "Mme Essai", &[nurse]).await;
    let code = world.devices[nurse].engine.safety_code(b).expect("a code");
    let engine = &mut world.devices[doctor].engine;
    let check = engine
        .verify_safety_code(a, &code.payload)
        .expect("compared");
    assert_eq!(check, SafetyCheck::Match);
    let in_thread = |world: &World| {
        let members = world.devices[doctor]
            .engine
            .members(channel)
            .expect("members");
        members
            .into_iter()
            .find(|m| m.professional == a)
            .expect("a member")
            .verification
    };
    assert_eq!(in_thread(&world), Verification::Verified);
    let lost = world.devices[nurse].device();
    world.devices[nurse].go_offline();
    let again = world.devices[0]
        .engine
        .invite_again(a, &[lost])
        .expect("invited again");
    world.settle().await;
    assert_eq!(
        in_thread(&world),
        Verification::Verified,
        "the key is the same until then"
    );
    let phone = world.add_device("new phone");
    world.devices[phone]
        .engine
        .join(&again.link, None)
        .expect("joins");
    world.settle().await;
    assert_eq!(in_thread(&world), Verification::Lost);
    let told = world.devices[doctor]
        .events
        .contains(&Event::VerificationLost(a));
    assert!(told, "the screen hears of it");
    let engine = &mut world.devices[doctor].engine;
    let old = engine
        .verify_safety_code(a, &code.payload)
        .expect("compared");
    assert_eq!(old, SafetyCheck::Mismatch);
    let code = world.devices[phone].engine.safety_code(b).expect("a code");
    let engine = &mut world.devices[doctor].engine;
    engine
        .verify_safety_code(a, code.digits.as_bytes())
        .expect("compared");
    assert_eq!(in_thread(&world), Verification::Verified);
}

// ------------------------------------------------- a new root without the old one

use relais_core::identity::proposals::{ProposalId, ProposalState, RootProposal};

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

fn propose(world: &mut World, who: Who) -> (ProposalId, RecoveryText) {
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

fn state(world: &World, who: Who, id: &ProposalId) -> ProposalState {
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
