//! What is asked beyond a thread: of the structure, of a stranger, of the past.

use super::*;

// proves: I3
#[tokio::test]
async fn a_contributor_sends_nobody_away_from_the_structure() {
    let mut scene = scene().await;
    let engine = &scene.world.devices[NADIA].engine;
    let (nadia, structure) = {
        let me = engine.whoami().expect("enrolled");
        (me.professional, me.structure)
    };
    let body = ProfessionalRevoked {
        structure_id: structure.to_bytes(),
        professional_id: nadia.to_bytes(),
        professional_key: vec![1; 32].into(),
        signer: scene.luc.professional.to_bytes(),
    };
    let key = scene.luc.raw.key.clone();
    let statement = sign_statement(StatementKind::ProfessionalRevoked, &body, &[&key]);
    let said = send::Operation::AppendStatements(AppendStatements {
        statements: vec![statement.into()],
    });
    let code = scene.luc.raw.refused(said).await;
    assert_ne!(code, RefusalCode::Unspecified);
    scene.others_go_on(0).await;
}

// proves: M11
#[tokio::test]
async fn a_channel_of_ones_own_gets_no_colleague_by_a_forged_key_package() {
    let mut scene = scene().await;
    // The claim is open to all of the structure, and hands out what is signed by its
    // owner: a package under another device's name does not come back.
    let package = scene.package_of(LEA).await;
    let leaf = relais_wire::mls::read_key_package(&package).expect("a leaf");
    assert_eq!(leaf.device, scene.world.devices[LEA].device());
    let none = DeviceId([0xAA; 16]);
    let claim = relais_wire::v1::ClaimKeyPackages {
        device_ids: vec![none.to_bytes()],
    };
    let answer = scene
        .luc
        .raw
        .answered(send::Operation::ClaimKeyPackages(claim))
        .await;
    let relais_wire::v1::answer::Result::KeyPackages(packages) = answer else {
        panic!("{answer:?}");
    };
    assert!(packages.packages.iter().all(|p| p.key_package.is_empty()));
    scene.others_go_on(0).await;
}

// proves: M7
#[tokio::test]
async fn a_past_that_was_not_promised_is_not_had_by_asking() {
    let mut world = World::new(StoreKind::Memory).await;
    world.hostile = true;
    let nurse = world.add_user("Nadia").await;
    let luc = world.add_user("Luc").await;
    let channel = world.thread(0, "Mme Durand", &[nurse]).await;
    for said in ["un", "deux", "trois"] {
        world.say(nurse, channel, said);
    }
    world.settle().await;
    world.add(0, channel, luc);
    world.settle().await;
    // His device believes that everything before him is missing, and asks everybody.
    let now = world.now_ms();
    world.devices[luc].go_offline();
    world.devices[luc].edit_database(now, |db| {
        let want = "INSERT INTO gaps (channel, after_seq, until_seq, shown)
            SELECT channel, 0, joined_seq, 1 FROM channels";
        assert_eq!(db.execute(want, []).expect("wanted"), 1);
    });
    world.devices[luc].go_online();
    for _ in 0..12 {
        world.advance(10 * 60_000);
        world.settle().await;
    }
    assert!(world.texts(luc, channel).is_empty());
    world.say(nurse, channel, "quatre");
    world.settle().await;
    assert_eq!(world.texts(luc, channel), ["quatre"]);
}
