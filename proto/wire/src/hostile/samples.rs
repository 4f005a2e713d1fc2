//! One valid value of everything that is decoded.

use std::sync::LazyLock;

use prost::Message;
use prost::bytes::Bytes;

use crate::ids::{ChannelId, StructureId};
use crate::label::{self, Label};
use crate::link::{Link, LinkKind};
use crate::roster::{Member, sign_roster};
use crate::structure::Structure;
use crate::testing::*;
use crate::v1::{
    Ack, Answer, AppendCommit, AppendMessage, AppendStatements, Appended, AskChannels, AskGroup,
    CaughtUp, Challenge, ChannelCursor, ChannelEntry, ChannelRole, Channels, ClaimKeyPackages,
    ClaimedKeyPackage, ClientFrame, Closing, CommitAad, CompareLog, CreateChannel, Cursors,
    Delivery, DeviceCursor, Done, EntryKind, Group, GroupState, Hello, HelloBody, InboxItem,
    KeyPackages, LeafCredential, ListedChannel, LogCompared, LogHead, MessageAad,
    PublishKeyPackages, Ready, RebootChannel, Refusal, RefusalCode, SealedItem, Send, SendToDevice,
    ServerFrame, SignedRoster, Subscribe, Trimmed, WelcomeItem, ack, answer, caught_up,
    client_frame, delivery, group, inbox_item, send, server_frame, subscribe,
};

pub(super) const CHANNEL: ChannelId = ChannelId([5; 16]);

fn some(byte: u8, len: usize) -> Bytes {
    vec![byte; len].into()
}

fn head() -> LogHead {
    LogHead {
        seq: 300,
        hash: some(7, 32),
    }
}

fn cursor() -> ChannelCursor {
    ChannelCursor {
        channel_id: CHANNEL.to_bytes(),
        after_seq: 1_000_000,
    }
}

/// A practice with staff, built once.
pub(super) fn structure() -> &'static Structure {
    static STAFFED: LazyLock<Structure> = LazyLock::new(|| Practice::staffed().structure);
    &STAFFED
}

pub(super) fn statements() -> Vec<(Practice, Draft)> {
    one_of_each_kind()
}

pub(super) fn client_frames() -> Vec<Vec<u8>> {
    use client_frame::Frame;
    let hello = HelloBody {
        nonce: some(1, 32),
        structure_id: STRUCTURE.to_bytes(),
        device_id: device(NURSE_PHONE).to_bytes(),
        protocol_version: crate::PROTOCOL_VERSION,
        client_version: 1,
        lease: some(2, 16),
        previous_lease: some(3, 16),
        send_counter: 77,
        receipt: Default::default(),
    };
    let mut frames = vec![
        Frame::Hello(Hello {
            body: hello.encode_to_vec().into(),
            signature: some(4, 64),
        }),
        Frame::Ack(Ack {
            log: Some(ack::Log::Channel(cursor())),
        }),
        Frame::Ack(Ack {
            log: Some(ack::Log::InboxSeq(5)),
        }),
    ];
    frames.push(Frame::AskGroup(AskGroup {
        channel_id: CHANNEL.to_bytes(),
    }));
    frames.push(Frame::AskChannels(AskChannels {
        after: CHANNEL.to_bytes(),
    }));
    frames.push(Frame::CompareLog(CompareLog {
        channel_id: CHANNEL.to_bytes(),
        seqs: vec![4, 300],
        last: Some(head()),
        seal: some(3, 40),
    }));
    let logs = [
        subscribe::Log::StructureAfter(head()),
        subscribe::Log::InboxAfter(4),
        subscribe::Log::Channel(cursor()),
    ];
    frames.extend(logs.map(|log| Frame::Subscribe(Subscribe { log: Some(log) })));
    let operations = [
        send::Operation::CreateChannel(CreateChannel {
            channel_id: CHANNEL.to_bytes(),
            group_info: some(1, 40),
            ratchet_tree: some(2, 40),
            structure_head: Some(head()),
        }),
        send::Operation::AppendMessage(AppendMessage {
            channel_id: CHANNEL.to_bytes(),
            incarnation: 1,
            epoch: 9,
            message: some(3, 40),
        }),
        send::Operation::AppendCommit(AppendCommit {
            channel_id: CHANNEL.to_bytes(),
            incarnation: 1,
            epoch: 9,
            commit: some(4, 40),
            welcome: some(5, 40),
            group_info: some(6, 40),
        }),
        send::Operation::AppendStatements(AppendStatements {
            statements: vec![created().signed(), certified(COORDINATOR).signed()],
        }),
        send::Operation::PublishKeyPackages(PublishKeyPackages {
            key_packages: vec![some(1, 20), some(2, 20)],
            last_resort: some(3, 20),
        }),
        send::Operation::ClaimKeyPackages(ClaimKeyPackages {
            device_ids: vec![device(1).to_bytes(), device(2).to_bytes()],
        }),
        send::Operation::SendToDevice(SendToDevice {
            device_id: device(1).to_bytes(),
            kem_output: some(1, 40),
            ciphertext: some(2, 40),
        }),
        send::Operation::RebootChannel(RebootChannel {
            channel_id: CHANNEL.to_bytes(),
            incarnation: 1,
            epoch: 9,
            group_info: some(6, 40),
            ratchet_tree: some(2, 40),
        }),
    ];
    frames.extend(operations.map(|operation| {
        Frame::Send(Send {
            send_counter: 78,
            operation: Some(operation),
        })
    }));
    let encode = |frame| ClientFrame { frame: Some(frame) }.encode_to_vec();
    frames.into_iter().map(encode).collect()
}

pub(super) fn server_frames() -> Vec<Vec<u8>> {
    use server_frame::Frame;
    let mut frames = vec![
        Frame::Challenge(Challenge {
            nonce: some(1, 32),
            time_ms: NOW,
            structure_id: STRUCTURE.to_bytes(),
        }),
        Frame::Ready(Ready {
            token: "token".into(),
            token_expires_ms: NOW + HOUR,
            send_counter: 77,
            structure_head: Some(head()),
            time_ms: NOW,
            receipt: some(12, 40),
            restores: 1,
        }),
        Frame::Group(Group {
            channel_id: CHANNEL.to_bytes(),
            result: Some(group::Result::State(GroupState {
                head: Some(head()),
                head_time_ms: NOW,
                incarnation: 1,
                epoch: 9,
                group_info: some(1, 40),
                ratchet_tree: some(2, 40),
            })),
        }),
        Frame::Group(Group {
            channel_id: CHANNEL.to_bytes(),
            result: Some(group::Result::Refusal(Refusal {
                code: RefusalCode::Forbidden.into(),
            })),
        }),
        Frame::Channels(Channels {
            channels: vec![ListedChannel {
                channel_id: CHANNEL.to_bytes(),
                member: true,
                stands: true,
            }],
            more: true,
        }),
        Frame::LogCompared(LogCompared {
            channel_id: CHANNEL.to_bytes(),
            head: Some(head()),
            first_seq: 2,
            known: vec![head()],
        }),
        Frame::Cursors(Cursors {
            channel_id: CHANNEL.to_bytes(),
            devices: vec![DeviceCursor {
                device_id: device(1).to_bytes(),
                seq: 4,
            }],
        }),
        Frame::Closing(Closing {
            code: RefusalCode::Replaced.into(),
        }),
    ];
    let inbox = |item| {
        delivery::Item::Inbox(InboxItem {
            seq: 3,
            time_ms: NOW,
            item: Some(item),
        })
    };
    let items = [
        delivery::Item::Structure(Practice::founded().entries.remove(0)),
        delivery::Item::Channel(ChannelEntry {
            channel_id: CHANNEL.to_bytes(),
            seq: 12,
            time_ms: NOW,
            device_id: device(NURSE_PHONE).to_bytes(),
            kind: EntryKind::Message.into(),
            incarnation: 1,
            epoch: 9,
            payload: some(8, 60),
            hash: Bytes::new(),
            seal: some(9, 40),
        }),
        inbox(inbox_item::Item::Welcome(WelcomeItem {
            channel_id: CHANNEL.to_bytes(),
            joined_at: Some(head()),
            incarnation: 1,
            epoch: 10,
            welcome: some(1, 50),
            ratchet_tree: some(2, 50),
        })),
        inbox(inbox_item::Item::Sealed(SealedItem {
            sender_device: device(1).to_bytes(),
            kem_output: some(1, 50),
            ciphertext: some(2, 50),
        })),
    ];
    frames.extend(items.map(|item| Frame::Delivery(Delivery { item: Some(item) })));
    let logs = [
        caught_up::Log::StructureSeq(1),
        caught_up::Log::StructureParted(2),
        caught_up::Log::InboxSeq(2),
        caught_up::Log::Channel(cursor()),
        caught_up::Log::Closed(cursor()),
        caught_up::Log::Trimmed(Trimmed {
            channel_id: CHANNEL.to_bytes(),
            head: Some(head()),
        }),
    ];
    frames.extend(logs.map(|log| Frame::CaughtUp(CaughtUp { log: Some(log) })));
    let results = [
        answer::Result::Appended(Appended {
            seq: 13,
            time_ms: NOW,
            predecessor: some(7, 32),
            event_counter: 5,
        }),
        answer::Result::KeyPackages(KeyPackages {
            packages: vec![ClaimedKeyPackage {
                device_id: device(1).to_bytes(),
                key_package: some(1, 40),
            }],
        }),
        answer::Result::Done(Done {}),
        answer::Result::Refusal(Refusal {
            code: RefusalCode::WrongEpoch.into(),
        }),
    ];
    frames.extend(results.map(|result| {
        Frame::Answer(Answer {
            send_counter: 78,
            result: Some(result),
        })
    }));
    let encode = |frame| ServerFrame { frame: Some(frame) }.encode_to_vec();
    frames.into_iter().map(encode).collect()
}

pub(super) fn message_aad() -> Vec<u8> {
    MessageAad {
        event_id: some(1, 16),
        event_counter: 12,
        signed_event_hash: some(2, 32),
        blob_ids: vec![some(3, 16), some(4, 16)],
        send_counter: 78,
        said_again: true,
    }
    .encode_to_vec()
}

pub(super) fn commit_aad() -> Vec<u8> {
    CommitAad {
        structure_head: Some(head()),
        send_counter: 78,
    }
    .encode_to_vec()
}

/// The first roster of a channel, with three members.
pub(super) fn roster() -> SignedRoster {
    let member = |role, expires_at_ms| Member {
        role,
        expires_at_ms,
    };
    let members = [
        (person(COORDINATOR), member(ChannelRole::Manager, None)),
        (person(NURSE), member(ChannelRole::Contributor, Some(NOW))),
        (person(DOCTOR), member(ChannelRole::Reader, None)),
    ];
    let author = device(COORDINATOR_PHONE);
    let key = key(COORDINATOR_PHONE);
    sign_roster(CHANNEL, None, &members.into(), 1, author, &key)
}

pub(super) fn sign_roster_body(body: Vec<u8>) -> SignedRoster {
    SignedRoster {
        signature: label::sign(&key(COORDINATOR_PHONE), Label::Roster, &body),
        body: body.into(),
    }
}

/// Content of the nurse's leaf credential.
pub(super) fn credential() -> Vec<u8> {
    LeafCredential {
        structure_id: STRUCTURE.to_bytes(),
        professional_id: person(NURSE).to_bytes(),
        device_id: device(NURSE_PHONE).to_bytes(),
        device_key: public(NURSE_PHONE).to_vec().into(),
    }
    .encode_to_vec()
}

pub(super) fn link() -> Link {
    Link {
        server_url: "https://cabinet.example/relais".into(),
        kind: LinkKind::Invitation,
        structure: StructureId([1; 16]),
        seed: [2; 32],
        root_fingerprint: [3; 16],
    }
}
