//! A care thread between people, each on their own device.

use relais_content::v1::Priority;
use relais_core::query::{EventState, TimelineBody};
use relais_tests::world::{StoreKind, World};

#[tokio::test]
async fn a_message_reaches_the_other_device() {
    let mut world = World::new(StoreKind::Memory).await;
    let nurse = world.add_user("Nadia").await;
    let channel = world.thread(0, "Mme Durand", &[nurse]).await;
    world.devices[nurse]
        .engine
        .send_message(channel, "Pansement refait à 8 h.", Priority::Normal, None)
        .expect("written");
    world.settle().await;
    let items = world.devices[0]
        .engine
        .timeline(channel, 0, 100)
        .expect("timeline");
    let texts: Vec<_> = items
        .iter()
        .filter_map(|item| match &item.body {
            TimelineBody::Event(_, kind) => match kind.as_ref() {
                relais_content::v1::content::Kind::Message(m) => Some((m.text.clone(), item)),
                _ => None,
            },
            _ => None,
        })
        .collect();
    assert_eq!(texts.len(), 1);
    assert_eq!(texts[0].0, "Pansement refait à 8 h.");
    assert_eq!(texts[0].1.author_name, "Nadia Martin");
    assert!(matches!(texts[0].1.state, EventState::Sent { .. }));
}
