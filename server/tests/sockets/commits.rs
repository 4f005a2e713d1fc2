//! Commits through real MLS groups: which one counts, and what is refused.

use relais_wire::RefusalCode;
use relais_wire::roster::CheckedRoster;
use relais_wire::v1::*;

use crate::support::*;

// proves: M3, D2
#[tokio::test]
async fn one_commit_ends_an_epoch_and_late_messages_are_refused() {
    let mut pair = Pair::new().await;
    let late = pair.ben.message(&mut pair.ben_group, 1, &[]);
    let commit = pair
        .ana
        .commit(&mut pair.ana_group, &pair.head, vec![], vec![], None);
    let rival = pair
        .ben
        .commit(&mut pair.ben_group, &pair.head, vec![], vec![], None);
    let commit = send::Operation::AppendCommit(commit);
    pair.ana
        .asks(&mut pair.ana_socket, commit)
        .await
        .expect_appended();
    let answer = pair
        .ben
        .asks(&mut pair.ben_socket, send::Operation::AppendMessage(late))
        .await;
    assert_eq!(answer.expect_refusal(), RefusalCode::WrongEpoch);
    let mut rival_socket = pair.ben_socket;
    pair.ben.counter -= 1;
    let wrong = pair
        .ben
        .asks(
            &mut rival_socket,
            send::Operation::AppendCommit(rival.clone()),
        )
        .await;
    assert_eq!(wrong.expect_refusal(), RefusalCode::StaleSendCounter);
    let answer = pair
        .ben
        .asks(&mut rival_socket, send::Operation::AppendCommit(rival))
        .await;
    assert_eq!(answer.expect_refusal(), RefusalCode::WrongEpoch);
}

// proves: D4
#[tokio::test]
async fn an_invalid_commit_is_refused_and_the_channel_lives_on() {
    let mut pair = Pair::new().await;
    let Pair {
        ana,
        ana_socket,
        ana_group,
        ben,
        ben_socket,
        ben_group,
        head,
        roster,
        ..
    } = &mut pair;
    let base = ana_group.epoch();
    type Change = fn(&mut AppendCommit);
    let changes: [(&str, Change, RefusalCode); 5] = [
        (
            "a flipped byte",
            |c| flip(&mut c.commit),
            RefusalCode::InvalidCommit,
        ),
        (
            "a foreign group info",
            |c| flip(&mut c.group_info),
            RefusalCode::InvalidCommit,
        ),
        (
            "no group info",
            |c| c.group_info.clear(),
            RefusalCode::Malformed,
        ),
        (
            "a welcome for nobody",
            |c| c.welcome = c.group_info.clone(),
            RefusalCode::InvalidCommit,
        ),
        (
            "garbage",
            |c| c.commit = vec![7; 99].into(),
            RefusalCode::Malformed,
        ),
    ];
    for (what, change, code) in changes {
        let mut commit = ana.commit(ana_group, head, vec![], vec![], None);
        change(&mut commit);
        let answer = ana
            .asks(ana_socket, send::Operation::AppendCommit(commit))
            .await;
        assert_eq!(answer.expect_refusal(), code, "{what}");
        use openmls_traits::OpenMlsProvider;
        ana_group
            .clear_pending_commit(ana.provider.storage())
            .expect("cleared");
    }
    let stale = LogHead {
        seq: 3,
        hash: head.hash.clone(),
    };
    let commit = ana.commit(ana_group, &stale, vec![], vec![], None);
    let answer = ana
        .asks(ana_socket, send::Operation::AppendCommit(commit))
        .await;
    assert_eq!(answer.expect_refusal(), RefusalCode::StaleStructure);

    // A contributor may not change the roster, nor remove who stays.
    let before = CheckedRoster::read(roster).expect("reads");
    let coup = [
        (ana.professional, ChannelRole::Manager, None),
        (ben.professional, ChannelRole::Manager, None),
    ];
    let coup = ben.roster(CHANNEL, Some(&before), &coup);
    let commit = ben.commit(ben_group, head, vec![], vec![], Some(&coup));
    let answer = ben
        .asks(ben_socket, send::Operation::AppendCommit(commit))
        .await;
    assert_eq!(answer.expect_refusal(), RefusalCode::RuleBroken);
    use openmls_traits::OpenMlsProvider;
    ben_group
        .clear_pending_commit(ben.provider.storage())
        .expect("cleared");
    // Another's commit does not become one's own by sending it.
    let commit = ana.commit(ana_group, head, vec![], vec![], None);
    ana_group
        .clear_pending_commit(ana.provider.storage())
        .expect("cleared");
    ben.counter = ana.counter;
    let answer = ben
        .asks(ben_socket, send::Operation::AppendCommit(commit))
        .await;
    assert_eq!(answer.expect_refusal(), RefusalCode::Forbidden);

    assert_eq!(ana_group.epoch(), base);
    let commit = ben.commit(ben_group, head, vec![], vec![], None);
    ben.asks(ben_socket, send::Operation::AppendCommit(commit))
        .await
        .expect_appended();
}

fn flip(bytes: &mut bytes::Bytes) {
    let mut changed = bytes.to_vec();
    let at = changed.len() - 40;
    changed[at] ^= 1;
    *bytes = changed.into();
}
