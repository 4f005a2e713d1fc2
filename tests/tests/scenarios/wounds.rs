//! Wounds that several people follow, on and off the network.

use relais_content::v1::{
    AreaSource, BodyPlace, BodySite, BodyView, Exudate, Laterality, TissueShares, WoundAssessed,
    WoundChange, WoundOrigin,
};
use relais_core::commands::NewWound;
use relais_core::query::WoundStatus;
use relais_core::{Denial, Error};
use relais_tests::world::{StoreKind, World};
use relais_wire::ids::{ChannelId, EventId, WoundId};

pub fn heel() -> NewWound {
    NewWound {
        origin: WoundOrigin::Pressure,
        onset: None,
        site: BodySite {
            code: "76853006".into(),
            words: "talon".into(),
            laterality: Laterality::Left.into(),
        },
        place: Some(BodyPlace {
            view: BodyView::Back.into(),
            x: 430,
            y: 985,
        }),
    }
}

pub fn measured(wound: WoundId, length_mm: u32, width_mm: u32) -> WoundAssessed {
    WoundAssessed {
        wound_id: wound.to_bytes(),
        length_mm: Some(length_mm),
        width_mm: Some(width_mm),
        tissue: Some(TissueShares {
            slough: 30,
            granulation: 70,
            ..TissueShares::default()
        }),
        exudate: Exudate::Low.into(),
        ..WoundAssessed::default()
    }
}

fn picture(grey: u8) -> Vec<u8> {
    let image = image::RgbImage::from_pixel(64, 48, image::Rgb([grey; 3]));
    let mut bytes = std::io::Cursor::new(Vec::new());
    image
        .write_to(&mut bytes, image::ImageFormat::Png)
        .expect("encoded");
    bytes.into_inner()
}

fn open(world: &mut World, who: usize, channel: ChannelId) -> WoundId {
    let opened = world.devices[who].engine.open_wound(channel, &heel());
    opened.expect("opened")
}

/// Takes a photo of a wound and measures it there.
fn visit(world: &mut World, who: usize, channel: ChannelId, found: WoundAssessed) -> EventId {
    let engine = &mut world.devices[who].engine;
    let wound = WoundId::try_from(&found.wound_id).expect("a wound");
    let grey = found.length_mm.unwrap_or(0) as u8;
    let photo = engine
        .send_photo(
            channel,
            &picture(grey),
            "",
            "talon",
            Laterality::Left,
            Some(wound),
        )
        .expect("photo");
    let found = WoundAssessed {
        photo: photo.to_bytes(),
        ..found
    };
    engine.assess_wound(channel, found).expect("assessed");
    photo
}

#[tokio::test]
async fn a_wound_is_followed_from_photo_to_photo_by_everybody() {
    let mut world = World::new(StoreKind::Sled).await;
    let nurse = world.add_user("Nadia").await;
    let doctor = world.add_user("Hervé").await;
    let channel = world.thread(0, "Mme Durand", &[nurse, doctor]).await;
    // A whole round without a network: everything is shown at once, as not settled.
    world.devices[nurse].go_offline();
    let wound = open(&mut world, nurse, channel);
    let first = visit(&mut world, nurse, channel, measured(wound, 40, 30));
    let here = world.devices[nurse]
        .engine
        .wound(channel, wound)
        .expect("series");
    assert!(here.wound.pending && here.steps[0].assessment.pending);
    assert_eq!(
        here.steps[0].photo.as_ref().expect("its photo").event,
        first
    );
    assert_eq!(
        here.wound.last_photo.as_ref().expect("a photo").event,
        first
    );
    world.devices[nurse].go_online();
    world.settle().await;

    visit(&mut world, doctor, channel, measured(wound, 30, 30));
    world.settle().await;
    let last = visit(&mut world, nurse, channel, measured(wound, 20, 30));
    world.settle().await;
    for device in &world.devices {
        let wounds = device.engine.wounds(channel).expect("wounds");
        assert_eq!(wounds.len(), 1);
        assert_eq!((wounds[0].assessments, wounds[0].pending), (3, false));
        assert_eq!(wounds[0].status, WoundStatus::Open);
        let latest = wounds[0].latest.as_ref().expect("assessed");
        assert_eq!(latest.found.area_mm2, Some(600));
        assert_eq!(latest.found.area_source(), AreaSource::Computed);
        // 6 cm², a little exudate, slough.
        assert_eq!(latest.push.map(|push| push.total()), Some(7 + 1 + 3));
        let series = device.engine.wound(channel, wound).expect("series");
        assert_eq!(series.photos.len(), 3);
        let step = &series.steps[2];
        assert_eq!(step.photo.as_ref().expect("its photo").event, last);
        let percent = [step.since_previous, step.since_first].map(|c| c.expect("both").percent);
        assert_eq!(percent, [Some(-33), Some(-50)]);
    }
}

#[tokio::test]
async fn a_wound_closes_once_and_may_be_reopened() {
    let mut world = World::new(StoreKind::Memory).await;
    let nurse = world.add_user("Nadia").await;
    let doctor = world.add_user("Hervé").await;
    let channel = world.thread(0, "Mme Durand", &[nurse, doctor]).await;
    let wound = open(&mut world, nurse, channel);
    world.settle().await;
    // Both close it at once, and a third visit was on its way: the log's first word counts.
    world.devices[nurse].go_offline();
    let engine = &mut world.devices[nurse].engine;
    engine
        .assess_wound(channel, measured(wound, 10, 10))
        .expect("assessed");
    engine
        .change_wound(channel, wound, WoundChange::Healed, "")
        .expect("healed");
    world.devices[doctor]
        .engine
        .change_wound(channel, wound, WoundChange::Closed, "Suivie en ville")
        .expect("closed");
    world.settle().await;
    world.devices[nurse].go_online();
    world.settle().await;
    for device in &mut world.devices {
        let series = device.engine.wound(channel, wound).expect("series");
        assert_eq!(series.wound.status, WoundStatus::Closed);
        assert_eq!(series.wound.reason, "Suivie en ville");
        assert_eq!(series.steps.len(), 1, "what was seen was seen");
        let refused = device.engine.assess_wound(channel, measured(wound, 9, 9));
        assert!(matches!(
            refused,
            Err(Error::NotAllowed(Denial::WoundState))
        ));
    }
    let engine = &mut world.devices[0].engine;
    engine
        .change_wound(channel, wound, WoundChange::Reopened, "")
        .expect("reopened");
    engine
        .assess_wound(channel, measured(wound, 9, 9))
        .expect("followed again");
    world.settle().await;
    let series = world.devices[doctor].engine.wound(channel, wound);
    assert_eq!(series.expect("series").steps.len(), 2);
}

#[tokio::test]
async fn what_is_wrong_is_said_and_nothing_is_kept() {
    let mut world = World::new(StoreKind::Memory).await;
    let channel = world.thread(0, "Mme Durand", &[]).await;
    let wound = open(&mut world, 0, channel);
    let engine = &mut world.devices[0].engine;
    let field = |refused| match refused {
        Err(Error::Invalid { field, .. }) => field,
        other => panic!("{other:?}"),
    };
    let mut found = measured(wound, 40, 30);
    found.tissue = Some(TissueShares::default());
    assert_eq!(field(engine.assess_wound(channel, found)), "tissue");
    let found = measured(wound, u32::MAX, u32::MAX);
    assert_eq!(field(engine.assess_wound(channel, found)), "length_mm");
    let text = engine
        .send_message(
            channel,
            "Bonjour",
            relais_content::v1::Priority::Normal,
            None,
        )
        .expect("sent");
    for photo in [text, EventId([9; 16])] {
        let mut found = measured(wound, 40, 30);
        found.photo = photo.to_bytes();
        let refused = engine.assess_wound(channel, found);
        assert!(
            matches!(refused, Err(Error::Unknown("photo"))),
            "{refused:?}"
        );
    }
    let refused = engine.assess_wound(channel, measured(WoundId([9; 16]), 1, 1));
    assert!(matches!(refused, Err(Error::Unknown("wound"))));
    let stranger = Some(WoundId([9; 16]));
    let refused = engine.send_photo(channel, &picture(1), "", "", Laterality::Left, stranger);
    assert!(matches!(refused, Err(Error::Unknown("wound"))));
    assert_eq!(engine.wound(channel, wound).expect("series").steps.len(), 0);
}
