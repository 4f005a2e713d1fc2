//! Who coordinates a practice, where its root key is, and how two people know that
//! they speak to each other: nobody gets stuck, and nobody does it alone.

mod agreement;

use agreement::{propose, state};
use relais_core::identity::proposals::ProposalState;
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

#[tokio::test]
async fn of_an_invitation_and_a_revocation_that_somebody_else_said_first_the_invitation_counts() {
    let mut world = World::new(StoreKind::Memory).await;
    let nurse = world.add_user("Nadia").await;
    let doctor = world.add_user("Hervé").await;
    appoint(&mut world, 0, doctor, &RootAccess::Held);
    world.settle().await;
    let (person, lost) = (
        world.devices[nurse].professional(),
        world.devices[nurse].device(),
    );
    world.devices[nurse].go_offline();
    // Both leave in one request, which the server refuses whole.
    world.devices[0].go_offline();
    let engine = &mut world.devices[0].engine;
    let invitation = engine.invite_again(person, &[lost]).expect("invited again");
    let engine = &mut world.devices[doctor].engine;
    engine.revoke_device(lost).expect("revoked");
    world.settle().await;
    world.devices[0].go_online();
    world.settle().await;
    nothing_failed(&world);
    let phone = world.add_device("Nadia's new phone");
    let engine = &mut world.devices[phone].engine;
    engine.join(&invitation.link, None).expect("joins");
    world.settle().await;
    assert_eq!(world.devices[phone].professional(), person);
}

#[tokio::test]
async fn a_coordinator_who_lost_the_phone_is_ended_by_the_root_invited_and_appointed_again() {
    let mut world = World::new(StoreKind::Memory).await;
    let nurse = world.add_user("Nadia").await;
    appoint(&mut world, 0, nurse, &RootAccess::Held);
    world.settle().await;
    let (person, lost) = (
        world.devices[nurse].professional(),
        world.devices[nurse].device(),
    );
    world.devices[nurse].go_offline();
    let refused = world.devices[0].engine.invite_again(person, &[lost]);
    assert!(matches!(refused, Err(Error::NotAllowed(_))));
    let engine = &mut world.devices[0].engine;
    engine
        .end_coordinator(person, &RootAccess::Held)
        .expect("ended");
    world.settle().await;
    let engine = &mut world.devices[0].engine;
    let invitation = engine.invite_again(person, &[lost]).expect("invited again");
    world.settle().await;
    let phone = world.add_device("Nadia's new phone");
    let engine = &mut world.devices[phone].engine;
    engine.join(&invitation.link, None).expect("joins");
    world.settle().await;
    assert!(!is_coordinator(&world, phone));
    appoint(&mut world, 0, phone, &RootAccess::Held);
    world.settle().await;
    assert!(is_coordinator(&world, phone));
    nothing_failed(&world);
}
