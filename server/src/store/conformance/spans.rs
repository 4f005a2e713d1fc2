//! Who reads what: spans, pages and cursors.

use super::super::Next;
use super::*;

async fn page(device: &Device, channel: ChannelId, after: u64) -> (Vec<u64>, Next) {
    let page = device.read(channel, after).await;
    (seqs(&page.entries), page.next)
}

pub async fn a_joiner_reads_from_its_commit_and_a_leaver_up_to_it(ground: &dyn Ground) {
    let store = ground.open();
    let (nurse, doctor) = (Device::new(&store, 1), Device::new(&store, 2));
    let stranger = Device::new(&store, 3);
    let channel = channel_id(1);
    nurse.create(channel).await;
    nurse.message(channel, 0, 1).await;
    nurse.commit(channel, 0, &[doctor.id], &[]).await;
    nurse.message(channel, 1, 2).await;
    doctor.message(channel, 1, 1).await;
    nurse.commit(channel, 1, &[], &[doctor.id]).await;
    nurse.message(channel, 2, 3).await;

    assert_eq!(
        page(&doctor, channel, 3).await,
        (vec![4, 5, 6], Next::Closed)
    );
    assert_eq!(page(&doctor, channel, 5).await, (vec![6], Next::Closed));
    assert_eq!(page(&doctor, channel, 6).await, (vec![], Next::Closed));
    for outside in [0, 1, 2, 7, 8, u64::MAX] {
        assert_eq!(
            page(&doctor, channel, outside).await,
            (vec![], Next::NoSpan)
        );
    }
    assert_eq!(
        page(&nurse, channel, 0).await,
        ((1..=7).collect(), Next::Head)
    );
    assert_eq!(page(&nurse, channel, 7).await, (vec![], Next::Head));
    assert_eq!(page(&stranger, channel, 0).await, (vec![], Next::NoSpan));
    assert_eq!(page(&nurse, channel_id(9), 0).await, (vec![], Next::NoSpan));
    let cursors = store.cursors(channel).await.expect("reads");
    assert_eq!(cursors, [(nurse.id, 0)]);
}

pub async fn a_device_added_again_has_two_spans_and_counts_on(ground: &dyn Ground) {
    let store = ground.open();
    let (nurse, doctor) = (Device::new(&store, 1), Device::new(&store, 2));
    let channel = channel_id(1);
    nurse.create(channel).await;
    nurse.commit(channel, 0, &[doctor.id], &[]).await;
    doctor.message(channel, 1, 1).await;
    nurse.commit(channel, 1, &[], &[doctor.id]).await;
    nurse.message(channel, 2, 1).await;
    nurse.commit(channel, 2, &[doctor.id], &[]).await;
    let counter = doctor.message(channel, 3, 1).await;
    assert_eq!(
        refused(&counter.answer),
        Some(RefusalCode::WrongEventCounter)
    );
    assert_eq!(appended(&doctor.message(channel, 3, 2).await).seq, 7);

    assert_eq!(page(&doctor, channel, 2).await, (vec![3, 4], Next::Closed));
    assert_eq!(page(&doctor, channel, 4).await, (vec![], Next::Closed));
    assert_eq!(page(&doctor, channel, 5).await, (vec![], Next::NoSpan));
    assert_eq!(page(&doctor, channel, 6).await, (vec![7], Next::Head));
    let inbox = store.read_inbox(doctor.id, 0, 10).await.expect("reads");
    assert_eq!(inbox.len(), 2);

    // Removed and added by one commit: nothing in between is missing.
    nurse.commit(channel, 3, &[doctor.id], &[doctor.id]).await;
    nurse.message(channel, 4, 2).await;
    assert_eq!(page(&doctor, channel, 6).await, (vec![7, 8], Next::More));
    assert_eq!(page(&doctor, channel, 8).await, (vec![9], Next::Head));
}

pub async fn a_joiner_by_external_commit_reads_its_own_commit(ground: &dyn Ground) {
    let store = ground.open();
    let (nurse, tablet) = (Device::new(&store, 1), Device::new(&store, 2));
    let channel = channel_id(1);
    nurse.create(channel).await;
    let joined = tablet.commit(channel, 0, &[tablet.id], &[]).await;
    assert!(told(&joined).is_empty());
    assert_eq!(page(&tablet, channel, 1).await, (vec![2], Next::Head));
    assert_eq!(page(&tablet, channel, 0).await, (vec![], Next::NoSpan));
    // Again, evicting its own old leaf: its span goes on.
    let rejoined = tablet.commit(channel, 1, &[tablet.id], &[tablet.id]).await;
    assert!(told(&rejoined).is_empty());
    assert_eq!(page(&tablet, channel, 1).await, (vec![2, 3], Next::Head));
    let inbox = store.read_inbox(tablet.id, 0, 10).await.expect("reads");
    assert!(inbox.is_empty());
}

pub async fn a_page_is_bounded_by_bytes_but_never_empty(ground: &dyn Ground) {
    let store = ground.open();
    let nurse = Device::new(&store, 1);
    let channel = channel_id(1);
    nurse.create(channel).await;
    for counter in 1..=200 {
        nurse.message(channel, 0, counter).await;
    }
    let (mut after, mut pages) = (0, 0);
    loop {
        let page = store.read_channel(channel, nurse.id, after, 100);
        let page = page.await.expect("reads");
        let bytes: usize = page.entries.iter().map(|entry| entry.payload.len()).sum();
        assert!(bytes <= 100);
        let expected: Vec<_> = (after + 1..).take(page.entries.len()).collect();
        assert_eq!(seqs(&page.entries), expected);
        assert!(!page.entries.is_empty());
        after += page.entries.len() as u64;
        pages += 1;
        if page.next == Next::Head {
            break;
        }
        assert_eq!(page.next, Next::More);
    }
    assert_eq!(after, 201);
    // What fits exactly fits.
    let first_two = nurse.read(channel, 0).await.entries;
    let bytes = first_two[..2].iter().map(|entry| entry.payload.len()).sum();
    let page = store.read_channel(channel, nurse.id, 0, bytes).await;
    assert_eq!(seqs(&page.expect("reads").entries), [1, 2]);
    assert!(pages >= 20);
    for after in [0, 150, 200] {
        let page = store.read_channel(channel, nurse.id, after, 0);
        assert_eq!(seqs(&page.await.expect("reads").entries), [after + 1]);
    }
}

pub async fn cursors_only_go_forward_and_never_beyond_the_head(ground: &dyn Ground) {
    let store = ground.open();
    let (nurse, doctor) = (Device::new(&store, 1), Device::new(&store, 2));
    let channel = channel_id(1);
    nurse.create(channel).await;
    nurse.commit(channel, 0, &[doctor.id], &[]).await;
    nurse.message(channel, 1, 1).await;
    for (said, expected) in [(2, 2), (1, 2), (99, 3), (2, 3)] {
        let said = store.acknowledge(channel, nurse.id, said);
        said.await.expect("notes");
        let cursors = store.cursors(channel).await.expect("reads");
        // A joiner has nothing to read before its commit.
        assert_eq!(cursors, [(nurse.id, expected), (doctor.id, 2)]);
    }
    let stranger = store.acknowledge(channel, device_id(9), 1);
    stranger.await.expect("ignored");
    let unknown = store.acknowledge(channel_id(9), nurse.id, 1);
    unknown.await.expect("ignored");
    assert_eq!(store.cursors(channel).await.expect("reads").len(), 2);
}

pub async fn an_ended_membership_reads_up_to_its_end_even_if_removed_later(ground: &dyn Ground) {
    let store = ground.open();
    let (nurse, locum) = (Device::new(&store, 1), Device::new(&store, 2));
    let channel = channel_id(1);
    let end = NOW + 1_000;
    nurse.create(channel).await;
    nurse.commit(channel, 0, &[locum.id], &[]).await;
    for (counter, time) in [(1, NOW), (2, end - 1), (3, end), (4, end + 5)] {
        nurse.at(time).message(channel, 1, counter).await;
    }
    let removal = altered(commit(channel, 1, &[], &[locum.id]), |new| {
        new.ended = vec![(locum.id, end)];
    });
    appended(&nurse.send(removal).await);
    assert_eq!(page(&locum, channel, 2).await, (vec![3, 4], Next::Closed));
    assert_eq!(page(&locum, channel, 4).await, (vec![], Next::Closed));
    for outside in [5, 6, 7] {
        assert_eq!(page(&locum, channel, outside).await, (vec![], Next::NoSpan));
    }
    // One whose membership ended before anything was written reads nothing.
    nurse.commit(channel, 2, &[locum.id], &[]).await;
    nurse.message(channel, 3, 5).await;
    let removal = altered(commit(channel, 3, &[], &[locum.id]), |new| {
        new.ended = vec![(locum.id, end)];
    });
    appended(&nurse.send(removal).await);
    assert_eq!(page(&locum, channel, 8).await, (vec![], Next::Closed));
    assert_eq!(page(&locum, channel, 9).await, (vec![], Next::NoSpan));
    // One after whose end nobody wrote reads all that was written.
    nurse.commit(channel, 4, &[locum.id], &[]).await;
    nurse.message(channel, 5, 6).await;
    let removal = altered(commit(channel, 5, &[], &[locum.id]), |new| {
        new.ended = vec![(locum.id, end + 60_000)];
    });
    appended(&nurse.send(removal).await);
    assert_eq!(page(&locum, channel, 11).await, (vec![12], Next::Closed));
    assert_eq!(page(&locum, channel, 13).await, (vec![], Next::NoSpan));
}

pub async fn the_hash_of_each_entry_that_is_kept_is_told(ground: &dyn Ground) {
    let store = ground.open();
    let nurse = Device::new(&store, 1);
    let channel = channel_id(1);
    nurse.create(channel).await;
    for counter in 1..=3 {
        nurse.message(channel, 0, counter).await;
    }
    let kept = nurse.read(channel, 0).await.entries;
    let told = store.entry_hashes(channel, vec![1, 3, 9]);
    let told: Vec<_> = told.await.expect("reads");
    let told: Vec<_> = told.into_iter().map(|head| (head.seq, head.hash)).collect();
    let expected = [&kept[0], &kept[2]].map(|entry| (entry.seq, entry.hash.clone()));
    assert_eq!(told, expected);
    let unknown = store.entry_hashes(channel_id(9), vec![1]).await;
    assert_eq!(unknown.expect("reads"), []);
}

pub async fn a_reboot_closes_every_span_but_its_authors(ground: &dyn Ground) {
    let store = ground.open();
    let (nurse, doctor) = (Device::new(&store, 1), Device::new(&store, 2));
    let channel = channel_id(1);
    nurse.create(channel).await;
    nurse.commit(channel, 0, &[doctor.id], &[]).await;
    nurse.message(channel, 1, 1).await;
    for (incarnation, epoch) in [(0, 0), (1, 1), (0, 2)] {
        let stale = nurse.send(reboot(channel, incarnation, epoch)).await;
        assert_eq!(refused(&stale.answer), Some(RefusalCode::WrongEpoch));
    }
    let before = store.channel(channel).await.expect("reads").expect("there");
    let rebooted = appended(&nurse.send(reboot(channel, 0, 1)).await);
    assert_eq!((rebooted.seq, rebooted.event_counter), (4, 1));
    assert_eq!(rebooted.predecessor, before.head_hash.to_vec());
    let now = store.channel(channel).await.expect("reads").expect("there");
    assert_eq!((now.incarnation, now.epoch, now.head_seq), (1, 0, 4));
    assert_eq!(now.state, public(100));
    assert_eq!(page(&doctor, channel, 2).await, (vec![3, 4], Next::Closed));
    assert_eq!(page(&nurse, channel, 3).await, (vec![4], Next::Head));
    // A message of the group that is over is refused; the counter goes on.
    let message = nurse.message(channel, 1, 2).await;
    assert_eq!(refused(&message.answer), Some(RefusalCode::WrongEpoch));
    // Coming back, the doctor reads its own commit and nothing in between.
    let back = altered(commit(channel, 0, &[doctor.id], &[]), |new| {
        new.incarnation = 1
    });
    assert_eq!(appended(&doctor.send(back).await).seq, 5);
    assert_eq!(page(&doctor, channel, 4).await, (vec![5], Next::Head));
    let entry = doctor.read(channel, 4).await.entries.remove(0);
    assert_eq!((entry.incarnation, entry.epoch), (1, 0));
    // Who is outside comes in by its own reboot, too.
    let tablet = Device::new(&store, 3);
    assert_eq!(appended(&tablet.send(reboot(channel, 1, 1)).await).seq, 6);
    assert_eq!(page(&tablet, channel, 5).await, (vec![6], Next::Head));
    assert_eq!(page(&tablet, channel, 4).await, (vec![], Next::NoSpan));
    assert_eq!(page(&nurse, channel, 6).await, (vec![], Next::Closed));
}

pub async fn a_reboot_or_commit_judged_by_a_membership_that_ended_is_refused(ground: &dyn Ground) {
    let store = ground.open();
    let nurse = Device::new(&store, 1);
    let channel = channel_id(1);
    nurse.create(channel).await;
    nurse.at(NOW + 10);
    let commit = |end| {
        altered(commit(channel, 0, &[], &[]), |new| {
            new.valid_until_ms = Some(end)
        })
    };
    let late = nurse.send(commit(NOW + 10)).await;
    assert_eq!(refused(&late.answer), Some(RefusalCode::Forbidden));
    let Operation::RebootChannel(mut late) = reboot(channel, 0, 0) else {
        panic!("a reboot");
    };
    late.valid_until_ms = Some(NOW + 10);
    let late = nurse.send(Operation::RebootChannel(late)).await;
    assert_eq!(refused(&late.answer), Some(RefusalCode::Forbidden));
    assert_eq!(appended(&nurse.send(commit(NOW + 11)).await).seq, 2);
}

pub async fn the_channels_that_name_somebody_are_listed_in_pages(ground: &dyn Ground) {
    let store = ground.open();
    let nurse = Device::new(&store, 1);
    let (her, him) = (ProfessionalId([1; 16]), ProfessionalId([2; 16]));
    for number in 1..=5 {
        let new = NewChannel {
            channel: channel_id(number),
            state: public(0),
            structure_seq: 0,
            named: vec![her],
        };
        nurse.send(Operation::CreateChannel(new)).await;
    }
    let change = |epoch, named: &[ProfessionalId], unnamed: &[ProfessionalId]| {
        altered(commit(channel_id(3), epoch, &[], &[]), |new| {
            (new.named, new.unnamed) = (named.to_vec(), unnamed.to_vec());
        })
    };
    nurse.send(change(0, &[him], &[])).await;
    nurse.send(change(1, &[], &[her])).await;
    nurse.send(change(1, &[], &[him])).await;
    let listed = async |store: Arc<dyn Store>, who, after, max| {
        let listed = store.channels_naming(who, after, max).await;
        listed.expect("reads")
    };
    let hers = [1, 2, 4, 5].map(channel_id);
    let cut = ground.cut().open();
    for store in [store, cut] {
        assert_eq!(listed(store.clone(), her, None, 9).await, hers);
        assert_eq!(listed(store.clone(), him, None, 9).await, [channel_id(3)]);
        assert_eq!(listed(store.clone(), her, None, 2).await, hers[..2]);
        let after = Some(channel_id(2));
        assert_eq!(listed(store.clone(), her, after, 2).await, hers[2..]);
        let nobody = ProfessionalId([3; 16]);
        assert!(listed(store, nobody, None, 9).await.is_empty());
    }
}
