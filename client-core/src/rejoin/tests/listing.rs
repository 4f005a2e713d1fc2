//! What a device makes of the server's list of its person's channels.

use relais_wire::v1::{Channels, ListedChannel};

use super::*;

/// As the list is asked for: `Some(after)` of the page.
fn pages_asked(engine: &mut Engine) -> Vec<Vec<u8>> {
    let frames = engine.take_frames().into_iter();
    let pages = frames.filter_map(|frame| match ClientFrame::decode(frame).ok()?.frame? {
        client_frame::Frame::AskChannels(ask) => Some(ask.after.to_vec()),
        _ => None,
    });
    pages.collect()
}

fn known(engine: &Engine) -> Vec<[u8; 16]> {
    let sql = "SELECT channel FROM channels ORDER BY channel";
    let mut statement = engine.db.prepare(sql).expect("statement");
    let known = statement.query_map([], |row| row.get(0)).expect("read");
    known.collect::<std::result::Result<_, _>>().expect("ids")
}

fn listed(id: &[u8], member: bool, stands: bool) -> ListedChannel {
    ListedChannel {
        channel_id: id.to_vec().into(),
        member,
        stands,
    }
}

fn page(channels: Vec<ListedChannel>, more: bool) -> Channels {
    Channels { channels, more }
}

/// The inbox was read, and the list is asked for.
fn asking(engine: &mut Engine) {
    engine.link.inbox_caught_up = true;
    engine.ask_channels();
    assert_eq!(pages_asked(engine), [Vec::<u8>::new()]);
}

#[test]
fn the_list_is_asked_for_once_the_inbox_was_read_and_again_by_the_hour() {
    let mut engine = engine();
    engine.ask_channels();
    assert!(
        pages_asked(&mut engine).is_empty(),
        "the inbox is being read"
    );
    engine.link.inbox_caught_up = true;
    engine.inbox.push_back(Default::default());
    engine.ask_channels();
    assert!(
        pages_asked(&mut engine).is_empty(),
        "a Welcome may be in it"
    );
    engine.inbox.clear();
    asking(&mut engine);
    assert_eq!(engine.link.listing.next_ms(), None);
    engine.ask_channels();
    assert!(pages_asked(&mut engine).is_empty(), "asked once");

    engine
        .channels_told(&page(Vec::new(), false))
        .expect("told");
    let next = BEGUN + 3_600_000;
    assert_eq!(engine.link.listing.next_ms(), Some(next));
    engine.set_time(next - 1);
    engine.ask_channels();
    assert!(pages_asked(&mut engine).is_empty());
    engine.set_time(next);
    engine.ask_channels();
    assert_eq!(pages_asked(&mut engine), [Vec::<u8>::new()]);
}

#[test]
fn a_list_goes_on_by_pages_whose_ids_ascend() {
    let mut engine = engine();
    let unasked = page(vec![listed(&[1; 16], false, true)], false);
    engine.channels_told(&unasked).expect("told");
    assert!(known(&engine).is_empty(), "nobody asked");
    asking(&mut engine);
    let first = vec![
        listed(&[1; 16], false, true),
        listed(&[7; 3], false, true),
        listed(&[2; 16], false, true),
    ];
    engine.channels_told(&page(first, true)).expect("told");
    assert_eq!(pages_asked(&mut engine), [[2; 16]]);
    assert!(known(&engine).is_empty(), "read to its end first");
    // What does not ascend would have no end.
    let second = vec![
        listed(&[4; 16], false, true),
        listed(&[4; 16], false, true),
        listed(&[5; 16], false, true),
    ];
    engine.channels_told(&page(second, false)).expect("told");
    assert_eq!(known(&engine), [[1; 16], [2; 16], [4; 16]]);
}

#[test]
fn what_stands_on_the_list_and_is_not_open_here_is_come_back_to() {
    for (before, cursor, life, becomes) in [
        ("joined", 9, 0, "joined"),
        ("removed", 9, 0, "rejoin"),
        ("stopped", 9, 0, "stopped"),
        ("stopped", 0, 0, "rejoin"),
        ("stopped", 9, 7, "rejoin"),
    ] {
        let mut engine = engine();
        put(&engine, CHANNEL, before, 3, cursor);
        let sql = "UPDATE channels SET life = ?1";
        engine.db.execute(sql, [life]).expect("life");
        asking(&mut engine);
        let told = page(vec![listed(&CHANNEL.0, false, true)], false);
        engine.channels_told(&told).expect("told");
        let text = format!("{before} {cursor} {life}");
        assert_eq!(state(&engine).as_deref(), Some(becomes), "{text}");
    }
    for (member, stands, pause) in [
        (true, true, Some(3_000)),
        (false, true, Some(0)),
        (true, false, None),
    ] {
        let mut engine = engine();
        asking(&mut engine);
        let told = page(vec![listed(&CHANNEL.0, member, stands)], false);
        engine.channels_told(&told).expect("told");
        let put_off = state(&engine).map(|_| next_ms(&engine) - engine.now_ms);
        assert_eq!(put_off, pause, "{member} {stands}");
    }
    // Its Welcome is here.
    let mut engine = engine();
    let welcome = "INSERT INTO welcomes (channel, time_ms, item) VALUES (?1, 1, x'')";
    engine.db.execute(welcome, [CHANNEL.0]).expect("welcome");
    asking(&mut engine);
    let told = page(vec![listed(&CHANNEL.0, true, true)], false);
    engine.channels_told(&told).expect("told");
    assert_eq!(state(&engine), None);
}

#[test]
fn a_channel_that_the_server_closed_without_a_removal_is_come_back_to_or_stops() {
    for (on_the_list, before, becomes) in [
        (true, "joined", "rejoin"),
        (false, "joined", "stopped"),
        (false, "removed", "removed"),
    ] {
        let mut engine = engine();
        put(&engine, CHANNEL, before, 3, 9);
        engine.link.doubtful.insert(CHANNEL);
        asking(&mut engine);
        let channels = match on_the_list {
            true => vec![listed(&CHANNEL.0, false, true)],
            false => Vec::new(),
        };
        engine.channels_told(&page(channels, false)).expect("told");
        assert_eq!(
            state(&engine).as_deref(),
            Some(becomes),
            "{on_the_list} {before}"
        );
        assert!(engine.link.doubtful.is_empty());
    }
}

#[test]
fn a_channel_that_stopped_because_it_was_not_listed_is_come_back_to_once_it_is() {
    for behind in [false, true] {
        let mut engine = engine();
        put(&engine, CHANNEL, "joined", 3, 9);
        if behind {
            let sql = "UPDATE channels SET life = 7";
            engine.db.execute(sql, []).expect("life");
        }
        engine.link.doubtful.insert(CHANNEL);
        asking(&mut engine);
        engine
            .channels_told(&page(Vec::new(), false))
            .expect("told");
        assert_eq!(state(&engine).as_deref(), Some("stopped"));
        assert_eq!(engine.link.listing.next_ms(), Some(BEGUN + 60_000));
        // Whoever opened it has put it into the restored server again, which is one life.
        let sql = "UPDATE channels SET life = 0";
        engine.db.execute(sql, []).expect("life");
        engine.set_time(BEGUN + 60_000);
        asking(&mut engine);
        let told = page(vec![listed(&CHANNEL.0, false, true)], false);
        engine.channels_told(&told).expect("told");
        assert_eq!(state(&engine).as_deref(), Some("rejoin"), "{behind}");
    }
}
