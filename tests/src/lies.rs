//! A server that lies to one device. What it may do is what its place in the network
//! allows: leave out, repeat, reorder, alter and invent frames in both directions.
//! It has no key of anybody.

use prost::Message;
use prost::bytes::Bytes;
use relais_wire::RefusalCode;
use relais_wire::ids::DeviceId;
use relais_wire::structure::sign_statement;
use relais_wire::v1::{
    Answer, Appended, CaughtUp, ChannelCursor, ChannelEntry, ClientFrame, Closing, Delivery,
    DeviceAdded, EntryKind, InboxItem, LogHead, Refusal, ServerFrame, StatementKind,
    StructureEntry, Subscribe, Trimmed, answer, caught_up, client_frame, delivery, inbox_item,
    send, server_frame, subscribe,
};
use server_frame::Frame;

/// One lie, told at the first opportunity and then no more, unless it says "every".
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lie {
    /// Leaves out an entry of a channel.
    DropEntry,
    /// Delivers an entry once more as if it were the next one.
    ReplayEntry,
    /// Delivers two entries in the wrong order.
    SwapEntries,
    /// Delivers an entry twice.
    RepeatEntry,
    /// Delivers an entry as one of another channel.
    WrongChannel,
    /// Delivers an entry as another device's.
    WrongAuthor,
    /// Alters one bit of a message.
    AlteredPayload,
    /// Cuts a message short.
    TruncatedPayload,
    /// Makes a message longer than any may be.
    OversizedPayload,
    /// Delivers a message as one of another epoch.
    WrongEpoch,
    /// Delivers a message as one of another incarnation of the group.
    WrongIncarnation,
    /// Delivers a message as a commit.
    WrongKind,
    /// Dates an entry before its predecessor.
    EarlierTime,
    /// Dates an entry beyond the year 2100.
    FarFutureTime,
    /// Alters one bit of a commit.
    AlteredCommit,
    /// Delivers a commit as one of another epoch.
    CommitOfWrongEpoch,
    /// Delivers a commit as one of another incarnation of the group.
    CommitOfWrongIncarnation,
    /// Puts an entry of its own behind a true one.
    InventedEntry,
    /// Says that a message that it took was refused.
    FalseRefusal,
    /// Says that a message that it threw away was accepted.
    FalseAcceptance,
    /// Keeps back every new entry of the structure log.
    WithheldStructure,
    /// Leaves out an entry of the structure log.
    DropStatement,
    /// Alters one bit of a statement.
    AlteredStatement,
    /// Puts a device of its own into the structure log.
    InventedDevice,
    /// Delivers a Welcome into another channel.
    ForeignWelcome,
    /// Delivers a Welcome with another tree.
    AlteredTree,
    /// Delivers a Welcome once more, later.
    ReplayedWelcome,
    /// Says that the device is no longer in a channel.
    FalseClosed,
    /// Says that a channel's log was trimmed.
    FalseTrimmed,
    /// Says that the device was revoked.
    FalseRevocation,
    /// Says that it has seen a send counter that the device never used.
    HigherSendCounter,
    /// Hands out a key package of one device as another's.
    ForgedKeyPackage,
    /// Says that it was restored from a backup.
    FalseRestore,
}

impl Lie {
    /// Every lie.
    pub const ALL: [Self; 33] = [
        Self::DropEntry,
        Self::ReplayEntry,
        Self::SwapEntries,
        Self::RepeatEntry,
        Self::WrongChannel,
        Self::WrongAuthor,
        Self::AlteredPayload,
        Self::TruncatedPayload,
        Self::OversizedPayload,
        Self::WrongEpoch,
        Self::WrongIncarnation,
        Self::WrongKind,
        Self::EarlierTime,
        Self::FarFutureTime,
        Self::AlteredCommit,
        Self::CommitOfWrongEpoch,
        Self::CommitOfWrongIncarnation,
        Self::InventedEntry,
        Self::FalseRefusal,
        Self::FalseAcceptance,
        Self::WithheldStructure,
        Self::DropStatement,
        Self::AlteredStatement,
        Self::InventedDevice,
        Self::ForeignWelcome,
        Self::AlteredTree,
        Self::ReplayedWelcome,
        Self::FalseClosed,
        Self::FalseTrimmed,
        Self::FalseRevocation,
        Self::HigherSendCounter,
        Self::ForgedKeyPackage,
        Self::FalseRestore,
    ];
}

/// Tells one [`Lie`] on a connection.
pub struct Liar {
    lie: Lie,
    told: usize,
    held: Option<ChannelEntry>,
    channels: Vec<Bytes>,
    structure_seq: u64,
    welcome: Option<InboxItem>,
    package: Option<Bytes>,
}

fn deliver(item: delivery::Item) -> ServerFrame {
    frame(Frame::Delivery(Delivery { item: Some(item) }))
}

fn frame(frame: Frame) -> ServerFrame {
    ServerFrame { frame: Some(frame) }
}

fn flipped(bytes: &Bytes) -> Bytes {
    let mut bytes = bytes.to_vec();
    let middle = bytes.len() / 2;
    if let Some(byte) = bytes.get_mut(middle) {
        *byte ^= 1;
    }
    bytes.into()
}

impl Liar {
    /// Has not lied yet.
    pub fn new(lie: Lie) -> Self {
        Self {
            lie,
            told: 0,
            held: None,
            channels: Vec::new(),
            structure_seq: 0,
            welcome: None,
            package: None,
        }
    }

    /// How often it has lied.
    pub fn told(&self) -> usize {
        self.told
    }

    /// What reaches the server of a frame that the device sends, and what the device
    /// hears instead of the server's answer.
    pub fn sent(&mut self, bytes: Bytes) -> (Option<Bytes>, Vec<Bytes>) {
        let decoded = ClientFrame::decode(bytes.clone())
            .ok()
            .and_then(|f| f.frame);
        if let Some(client_frame::Frame::Subscribe(Subscribe {
            log: Some(subscribe::Log::StructureAfter(after)),
        })) = &decoded
        {
            self.structure_seq = after.seq;
        }
        if self.lie == Lie::FalseAcceptance
            && self.told == 0
            && let Some(client_frame::Frame::Send(send)) = decoded
            && matches!(send.operation, Some(send::Operation::AppendMessage(_)))
        {
            self.told += 1;
            let answer = Answer {
                send_counter: send.send_counter,
                result: Some(answer::Result::Appended(Appended {
                    seq: 1_000,
                    time_ms: 1_772_438_500_000,
                    ..Appended::default()
                })),
            };
            return (
                None,
                vec![frame(Frame::Answer(answer)).encode_to_vec().into()],
            );
        }
        (Some(bytes), Vec::new())
    }

    /// What the device hears instead of a frame of the server.
    pub fn received(&mut self, bytes: Bytes) -> Vec<Bytes> {
        let Some(decoded) = ServerFrame::decode(bytes.clone())
            .ok()
            .and_then(|f| f.frame)
        else {
            return vec![bytes];
        };
        let told = self.told;
        let frames = self.alter(decoded.clone());
        if self.told == told && frames.len() == 1 {
            return vec![bytes]; // The very bytes of the server.
        }
        frames
            .into_iter()
            .map(|f| f.encode_to_vec().into())
            .collect()
    }

    fn alter(&mut self, truth: Frame) -> Vec<ServerFrame> {
        match truth {
            Frame::Delivery(Delivery { item: Some(item) }) => match item {
                delivery::Item::Channel(entry) => self.channel(entry),
                delivery::Item::Structure(entry) => self.structure(entry),
                delivery::Item::Inbox(item) => self.inbox(item),
            },
            Frame::CaughtUp(caught_up) => self.caught_up(caught_up),
            Frame::Answer(answer) => vec![frame(Frame::Answer(self.answer(answer)))],
            Frame::Ready(mut ready) => {
                match self.once() {
                    Lie::HigherSendCounter => ready.send_counter += 1_000,
                    Lie::FalseRestore => ready.restores += 1,
                    Lie::FalseRevocation => {
                        self.told += 1;
                        let code = RefusalCode::DeviceRevoked.into();
                        return vec![frame(Frame::Closing(Closing { code }))];
                    }
                    _ => return vec![frame(Frame::Ready(ready))],
                }
                self.told += 1;
                vec![frame(Frame::Ready(ready))]
            }
            other => vec![frame(other)],
        }
    }

    /// The lie, if it is still to be told.
    fn once(&self) -> Lie {
        match (self.told, self.lie) {
            (0, lie) | (_, lie @ Lie::WithheldStructure) => lie,
            // Nothing is done with it again: any lie that needs a first time.
            (_, _) => Lie::RepeatEntry,
        }
    }

    fn channel(&mut self, entry: ChannelEntry) -> Vec<ServerFrame> {
        if !self.channels.contains(&entry.channel_id) {
            self.channels.push(entry.channel_id.clone());
        }
        let deliver = |entry| deliver(delivery::Item::Channel(entry));
        if let Some(held) = self.held.take() {
            if held.channel_id == entry.channel_id {
                self.told += 1;
                return vec![deliver(entry), deliver(held)];
            }
            self.held = Some(held);
        }
        let message = entry.kind() == EntryKind::Message;
        let mut false_entry = entry.clone();
        if self.told > 0 {
            return vec![deliver(entry)];
        }
        let told = match self.lie {
            Lie::DropEntry => Vec::new(),
            Lie::RepeatEntry => vec![entry.clone(), entry],
            Lie::ReplayEntry if message => {
                false_entry.seq += 1;
                vec![entry, false_entry]
            }
            Lie::SwapEntries => {
                self.held = Some(entry);
                return Vec::new();
            }
            Lie::WrongChannel => {
                let other = self.channels.iter().find(|c| **c != entry.channel_id);
                let Some(other) = other.cloned() else {
                    return vec![deliver(entry)];
                };
                false_entry.channel_id = other;
                vec![false_entry]
            }
            Lie::WrongAuthor if message => {
                false_entry.device_id = DeviceId([9; 16]).to_bytes();
                vec![false_entry]
            }
            Lie::AlteredPayload if message => {
                false_entry.payload = flipped(&entry.payload);
                vec![false_entry]
            }
            Lie::TruncatedPayload if message => {
                false_entry.payload = entry.payload.slice(..entry.payload.len() / 2);
                vec![false_entry]
            }
            Lie::OversizedPayload if message => {
                false_entry.payload = entry.payload.repeat(4_000).into();
                vec![false_entry]
            }
            Lie::CommitOfWrongEpoch if entry.kind() == EntryKind::Commit => {
                false_entry.epoch += 1;
                vec![false_entry]
            }
            Lie::CommitOfWrongIncarnation if entry.kind() == EntryKind::Commit => {
                false_entry.incarnation += 1;
                vec![false_entry]
            }
            Lie::WrongEpoch if message => {
                false_entry.epoch += 1;
                vec![false_entry]
            }
            Lie::WrongIncarnation if message => {
                false_entry.incarnation += 1;
                vec![false_entry]
            }
            Lie::WrongKind if message => {
                false_entry.kind = EntryKind::Commit.into();
                vec![false_entry]
            }
            Lie::EarlierTime => {
                false_entry.time_ms = 1;
                vec![false_entry]
            }
            Lie::FarFutureTime => {
                false_entry.time_ms = u64::MAX;
                vec![false_entry]
            }
            Lie::AlteredCommit if entry.kind() == EntryKind::Commit => {
                false_entry.payload = flipped(&entry.payload);
                vec![false_entry]
            }
            Lie::InventedEntry if message => {
                false_entry.seq += 1;
                false_entry.payload = Bytes::from(vec![7; 300]);
                vec![entry, false_entry]
            }
            _ => return vec![deliver(entry)],
        };
        self.told += 1;
        told.into_iter().map(deliver).collect()
    }

    fn structure(&mut self, entry: StructureEntry) -> Vec<ServerFrame> {
        let deliver = |entry| deliver(delivery::Item::Structure(entry));
        let mut false_entry = entry.clone();
        match self.once() {
            Lie::WithheldStructure | Lie::DropStatement => {
                self.told += 1;
                return Vec::new();
            }
            Lie::AlteredStatement => false_entry.statement = flipped(&entry.statement),
            Lie::InventedDevice => false_entry.statement = invented_device(),
            _ => {
                self.structure_seq = entry.seq;
                return vec![deliver(entry)];
            }
        }
        self.told += 1;
        vec![deliver(false_entry)]
    }

    fn inbox(&mut self, item: InboxItem) -> Vec<ServerFrame> {
        let deliver = |item| deliver(delivery::Item::Inbox(item));
        let mut false_item = item.clone();
        match (self.once(), &mut false_item.item) {
            (Lie::ForeignWelcome, Some(inbox_item::Item::Welcome(welcome))) => {
                let Some(other) = self.channels.first() else {
                    return vec![deliver(item)];
                };
                welcome.channel_id = other.clone();
                welcome.joined_at = Some(LogHead {
                    seq: 10_000,
                    hash: vec![1; 32].into(),
                });
            }
            (Lie::AlteredTree, Some(inbox_item::Item::Welcome(welcome))) => {
                welcome.ratchet_tree = flipped(&welcome.ratchet_tree);
            }
            (Lie::ReplayedWelcome, Some(inbox_item::Item::Welcome(_))) => {
                match self.welcome.take() {
                    None => {
                        self.welcome = Some(item.clone());
                        return vec![deliver(item)];
                    }
                    Some(earlier) => false_item.item = earlier.item,
                }
            }
            _ => return vec![deliver(item)],
        }
        self.told += 1;
        vec![deliver(false_item)]
    }

    fn caught_up(&mut self, truth: CaughtUp) -> Vec<ServerFrame> {
        use caught_up::Log;
        let log = match (self.once(), truth.log) {
            (Lie::WithheldStructure, Some(Log::StructureSeq(seq))) if self.told > 0 => {
                Some(Log::StructureSeq(self.structure_seq.min(seq)))
            }
            (
                Lie::FalseClosed,
                Some(Log::Channel(ChannelCursor {
                    channel_id,
                    after_seq,
                })),
            ) => {
                self.told += 1;
                Some(Log::Closed(ChannelCursor {
                    channel_id,
                    after_seq,
                }))
            }
            (Lie::FalseTrimmed, Some(Log::Channel(cursor))) => {
                self.told += 1;
                Some(Log::Trimmed(Trimmed {
                    channel_id: cursor.channel_id,
                    head: Some(LogHead {
                        seq: cursor.after_seq + 100,
                        hash: vec![1; 32].into(),
                    }),
                }))
            }
            (_, log) => log,
        };
        vec![frame(Frame::CaughtUp(CaughtUp { log }))]
    }

    fn answer(&mut self, mut answer: Answer) -> Answer {
        match (self.once(), &mut answer.result) {
            (Lie::FalseRefusal, Some(result @ answer::Result::Appended(_))) => {
                *result = answer::Result::Refusal(Refusal {
                    code: RefusalCode::RuleBroken.into(),
                });
                self.told += 1;
            }
            (Lie::ForgedKeyPackage, Some(answer::Result::KeyPackages(packages))) => {
                for package in &mut packages.packages {
                    match &self.package {
                        None => self.package = Some(package.key_package.clone()),
                        Some(other) => {
                            package.key_package = other.clone();
                            self.told += 1;
                        }
                    }
                }
            }
            _ => {}
        }
        answer
    }
}

/// A device that nobody with a right to it signed.
fn invented_device() -> Bytes {
    let key = ed25519_dalek::SigningKey::from_bytes(&[66; 32]);
    let body = DeviceAdded {
        structure_id: vec![1; 16].into(),
        professional_id: vec![2; 16].into(),
        device_id: vec![3; 16].into(),
        device_key: key.verifying_key().to_bytes().to_vec().into(),
        sealing_key: vec![4; 1216].into(),
    };
    sign_statement(StatementKind::DeviceAdded, &body, &[&key, &key]).into()
}
