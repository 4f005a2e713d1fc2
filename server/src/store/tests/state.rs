//! What memory alone answers about channels and devices.

use super::super::state::{ChannelState, Head, Member, Remembered, Span, next_slot};
use super::device_id;
use relais_wire::limits;
use relais_wire::v1::{Answer, Appended, KeyPackages, answer};

fn member(spans: &[(u64, Option<u64>)]) -> Member {
    let span = |(join_seq, removal_seq): &(u64, Option<u64>)| Span {
        join_seq: *join_seq,
        removal_seq: *removal_seq,
    };
    Member {
        spans: spans.iter().map(span).collect(),
        ..Member::default()
    }
}

#[test]
fn a_cursor_moves_over_what_no_span_covers() {
    // The span from 7 to 7 covers nothing.
    let twice = member(&[(3, Some(5)), (7, Some(7)), (9, None)]);
    let passed = [0, 2, 3, 4, 5, 6, 7, 8, 9, 12].map(|cursor| twice.passed_with(cursor));
    assert_eq!(passed, [3, 3, 3, 4, 9, 9, 9, 9, 9, 12]);
    let gone = member(&[(3, Some(5))]);
    let passed = [0, 4, 5, 8].map(|cursor| gone.passed_with(cursor));
    assert_eq!(passed, [3, 4, 5, 8]);
    let needs = [0, 4, 5].map(|cursor| {
        let member = Member {
            cursor,
            ..gone.clone()
        };
        member.needs_from()
    });
    assert_eq!(needs, [Some(4), Some(5), None]);
}

#[test]
fn counters_are_settled_all_at_once_when_the_record_has_no_more_room() {
    let mut channel = ChannelState::new(Head {
        incarnation: 0,
        epoch: 0,
        seq: 0,
        hash: [0; 32],
        time_ms: 0,
        first_seq: 1,
        hash_before: None,
    });
    for n in 1..=33 {
        assert!(channel.counters_to_settle().is_empty(), "{n}");
        channel.members.insert(device_id(n), member(&[(0, None)]));
        channel.count_event(device_id(n), 1);
    }
    assert_eq!(channel.counters_to_settle().len(), 33);
    assert!(channel.encode_member(device_id(1)).is_some());
    assert!(channel.counters_to_settle().is_empty());
}

#[test]
fn an_answer_with_key_packages_may_be_large_and_no_other() {
    let remembered = |result| Remembered {
        send_counter: 1,
        request_hash: [0; 32],
        answer: Answer {
            result: Some(result),
            ..Answer::default()
        },
    };
    let large = remembered(answer::Result::KeyPackages(KeyPackages::default()));
    assert!(large.may_be_large());
    let small = remembered(answer::Result::Appended(Appended::default()));
    assert!(!small.may_be_large());
}

#[test]
fn answers_take_the_slots_in_turn() {
    let mut slot = 0;
    let mut seen = Vec::new();
    for _ in 0..limits::IN_FLIGHT + 2 {
        seen.push(usize::from(slot));
        slot = next_slot(slot);
    }
    let expected: Vec<_> = (0..limits::IN_FLIGHT).chain([0, 1]).collect();
    assert_eq!(seen, expected);
}
