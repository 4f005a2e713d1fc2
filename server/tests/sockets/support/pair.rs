//! Two people in one channel.

use openmls::prelude::MlsGroup;
use relais_wire::ids::ChannelId;
use relais_wire::roster::CheckedRoster;
use relais_wire::v1::*;

use super::{AnswerExt, Device, Rig, Socket};

pub const CHANNEL: ChannelId = ChannelId([42; 16]);

/// Two people in one channel, both following it.
pub struct Pair {
    pub rig: Rig,
    pub ana: Device,
    pub ana_socket: Socket,
    pub ana_group: MlsGroup,
    pub ana_token: String,
    pub ben: Device,
    pub ben_socket: Socket,
    pub ben_group: MlsGroup,
    pub head: LogHead,
    pub roster: SignedRoster,
}

impl Pair {
    pub async fn new() -> Self {
        let (rig, mut ana) = Rig::set_up().await;
        let (mut ana_socket, ready) = rig.connect(&mut ana).await;
        let mut ben = rig.enrolled(&mut ana, &mut ana_socket, 2).await;
        let (mut ben_socket, ben_ready) = rig.connect(&mut ben).await;
        let head = ben_ready.structure_head.expect("head");
        ben.publish(&mut ben_socket).await;

        let (mut ana_group, create) = ana.new_channel(CHANNEL, &head);
        let first = CheckedRoster::read(
            &relais_wire::mls::roster_of(ana_group.extensions()).expect("roster"),
        )
        .expect("reads");
        let created = ana
            .asks(&mut ana_socket, send::Operation::CreateChannel(create))
            .await;
        assert_eq!(created.expect_appended().seq, 1);
        let package = ana.claim(&mut ana_socket, ben.device).await;
        let roster = ana.roster(
            CHANNEL,
            Some(&first),
            &[
                (ana.professional, ChannelRole::Manager, None),
                (ben.professional, ChannelRole::Contributor, None),
            ],
        );
        let commit = ana.commit(&mut ana_group, &head, vec![package], vec![], Some(&roster));
        let answer = ana
            .asks(&mut ana_socket, send::Operation::AppendCommit(commit))
            .await;
        assert_eq!(answer.expect_appended().seq, 2);
        ana_group
            .merge_pending_commit(&ana.provider)
            .expect("merged");

        ben_socket.subscribe(subscribe::Log::InboxAfter(0)).await;
        let welcome = match ben_socket.next_item().await {
            server_frame::Frame::Delivery(Delivery {
                item: Some(delivery::Item::Inbox(InboxItem { item, .. })),
            }) => match item {
                Some(inbox_item::Item::Welcome(welcome)) => welcome,
                other => panic!("no welcome: {other:?}"),
            },
            other => panic!("no item: {other:?}"),
        };
        assert_eq!(
            ben_socket.next_caught_up().await,
            caught_up::Log::InboxSeq(1)
        );
        let ben_group = ben.join(&welcome);
        let authenticator = |group: &MlsGroup| group.epoch_authenticator().as_slice().to_vec();
        assert_eq!(authenticator(&ben_group), authenticator(&ana_group));
        ben_socket
            .follow(CHANNEL, welcome.joined_at.expect("joined").seq)
            .await;
        let caught_up::Log::Channel(cursor) = ben_socket.next_caught_up().await else {
            panic!("caught up");
        };
        assert_eq!(cursor.after_seq, 2);
        Self {
            rig,
            ana,
            ana_socket,
            ana_group,
            ana_token: ready.token,
            ben,
            ben_socket,
            ben_group,
            head,
            roster,
        }
    }
}
