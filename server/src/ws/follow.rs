//! The logs that a connection follows, each by its own cursor: pages from the store
//! until the head, then the entries that are in memory. What a connection holds of
//! a log is one page.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use prost::Message;
use relais_wire::ids::{ChannelId, DeviceId};
use relais_wire::limits;
use relais_wire::v1::{
    CaughtUp, ChannelCursor, Delivery, LogHead, ServerFrame, Trimmed, caught_up, delivery,
    server_frame,
};

use crate::app::App;
use crate::error::Refused;
use crate::hub::{Found, Topic, Wake, cursors_frame};
use crate::operations::Caller;
use crate::store::Next;

/// Structure entries in one page.
const STRUCTURE_PAGE: usize = 128;
/// Inbox items in one page: a Welcome with its tree is up to a frame long.
const INBOX_PAGE: usize = 4;

/// Frames to send, and whether to look again at once.
#[derive(Default)]
pub struct Batch {
    /// Encoded `ServerFrame`s, in order.
    pub frames: Vec<Bytes>,
    /// More may be there already.
    pub again: bool,
}

/// A log that is read by cursor alone.
#[derive(Clone, Copy)]
struct Simple {
    cursor: u64,
    /// `CaughtUp` is still owed.
    owed: bool,
}

struct Channel {
    topic: Arc<Topic>,
    cursor: u64,
    /// Head at subscription, until `CaughtUp` said so.
    owed: Option<u64>,
    /// The store said that the span is open at `cursor`: what follows may come
    /// from memory.
    live: bool,
    cursors_seen: u64,
}

/// Everything that one connection follows.
pub struct Following {
    wake: Arc<Wake>,
    structure: Option<Simple>,
    /// An entry after which the structure log is to be followed once it has it.
    structure_parted: Option<LogHead>,
    inbox: Option<Simple>,
    channels: BTreeMap<ChannelId, Channel>,
}

impl Following {
    /// Nothing yet.
    pub fn new(wake: Arc<Wake>) -> Self {
        Self {
            wake,
            structure: None,
            structure_parted: None,
            inbox: None,
            channels: BTreeMap::new(),
        }
    }

    /// Follows the structure log after an entry, as soon as the log has it: one that it
    /// has not got was given by a server that knew more than this one.
    pub fn follow_structure(&mut self, after: LogHead) {
        self.structure = None;
        self.structure_parted = Some(after);
        self.wake.structure();
    }

    /// Follows the device's inbox after a cursor.
    pub fn follow_inbox(&mut self, cursor: u64) {
        self.inbox = Some(Simple { cursor, owed: true });
        self.wake.inbox();
    }

    /// Follows a channel after a cursor. A channel that nobody knows is answered
    /// like one that this device has no span of.
    pub async fn follow_channel(
        &mut self,
        app: &App,
        id: ChannelId,
        cursor: u64,
    ) -> Result<Option<Bytes>, Refused> {
        // Followed before the head is read, so that no entry falls in between.
        let topic = app.hub.follow(id, &self.wake);
        let Some(stored) = app.store.channel(id).await? else {
            app.hub.unfollow(id, &self.wake);
            return Ok(Some(closed(id, cursor)));
        };
        let channel = Channel {
            cursors_seen: topic.cursors_version(),
            topic,
            // One beyond the head was given by a server that knew more than this one:
            // the device sees that when it compares.
            cursor: cursor.min(stored.head_seq),
            owed: Some(stored.head_seq),
            live: false,
        };
        self.channels.insert(id, channel);
        self.wake.channel(id);
        Ok(None)
    }

    /// Notes what is durable on the device.
    pub async fn acknowledge(&self, app: &App, id: ChannelId, seq: u64) -> Result<(), Refused> {
        let device = self.wake.device;
        app.store.acknowledge(id, device, seq).await?;
        if let Some(channel) = self.channels.get(&id) {
            // Others are not told of entries that the device cannot have.
            let seq = seq.min(channel.cursor);
            app.hub.acknowledged(id, &channel.topic, device, seq);
        }
        Ok(())
    }

    /// What follows in the structure log.
    pub async fn read_structure(&mut self, app: &App) -> Result<Batch, Refused> {
        let mut batch = Batch::default();
        if let Some(after) = &self.structure_parted {
            let structure = app.structure.now();
            if !structure.has(after) {
                let parted = caught_up::Log::StructureParted(structure.head().seq);
                batch.frames.push(caught_up(parted));
                return Ok(batch);
            }
            self.structure = Some(Simple {
                cursor: after.seq,
                owed: true,
            });
            self.structure_parted = None;
        }
        let Some(follow) = &mut self.structure else {
            return Ok(batch);
        };
        let entries = app
            .structure
            .read(
                app.store.as_ref(),
                &app.seals,
                follow.cursor,
                STRUCTURE_PAGE,
            )
            .await?;
        batch.again = entries.len() == STRUCTURE_PAGE;
        for entry in entries {
            follow.cursor = entry.seq;
            batch
                .frames
                .push(delivered(delivery::Item::Structure(entry)));
        }
        if follow.owed && !batch.again {
            follow.owed = false;
            batch
                .frames
                .push(caught_up(caught_up::Log::StructureSeq(follow.cursor)));
        }
        Ok(batch)
    }

    /// What follows in the inbox.
    pub async fn read_inbox(&mut self, app: &App) -> Result<Batch, Refused> {
        let mut batch = Batch::default();
        let Some(follow) = &mut self.inbox else {
            return Ok(batch);
        };
        let items = app
            .store
            .read_inbox(self.wake.device, follow.cursor, INBOX_PAGE)
            .await?;
        batch.again = items.len() == INBOX_PAGE;
        for item in items {
            follow.cursor = item.seq;
            batch.frames.push(delivered(delivery::Item::Inbox(item)));
        }
        if follow.owed && !batch.again {
            follow.owed = false;
            batch
                .frames
                .push(caught_up(caught_up::Log::InboxSeq(follow.cursor)));
        }
        Ok(batch)
    }

    /// What follows in a channel.
    pub async fn read_channel(
        &mut self,
        app: &App,
        caller: &Caller,
        id: ChannelId,
    ) -> Result<Batch, Refused> {
        let Some(follow) = self.channels.get_mut(&id) else {
            return Ok(Batch::default());
        };
        let mut batch = Batch::default();
        let end_ms = membership_end(app, caller, id).await?;
        let reading = follow.read(app, self.wake.device, id, end_ms, &mut batch);
        if reading.await? == Followed::Ended {
            self.channels.remove(&id);
            app.hub.unfollow(id, &self.wake);
        }
        Ok(batch)
    }

    /// Stops following everything.
    pub fn end(&mut self, app: &App) {
        for id in std::mem::take(&mut self.channels).into_keys() {
            app.hub.unfollow(id, &self.wake);
        }
    }
}

#[derive(PartialEq, Eq)]
enum Followed {
    On,
    /// What follows was written after the end of the membership.
    Paused,
    Ended,
}

impl Channel {
    async fn read(
        &mut self,
        app: &App,
        device: DeviceId,
        id: ChannelId,
        end_ms: Option<u64>,
        batch: &mut Batch,
    ) -> Result<Followed, Refused> {
        // What is in memory is not told apart by its time.
        self.live &= end_ms.is_none();
        if self.live {
            match self.topic.read(self.cursor, device, limits::PAGE_BYTES) {
                Found::InStore => self.live = false,
                Found::Frames {
                    frames,
                    cursor,
                    left,
                    more,
                } => {
                    batch.frames = frames;
                    batch.again = more && !left;
                    self.cursor = cursor;
                    if left {
                        batch.frames.push(closed(id, cursor));
                        return Ok(Followed::Ended);
                    }
                }
            }
        }
        let mut followed = Followed::On;
        if !self.live {
            followed = self.read_store(app, device, id, end_ms, batch).await?;
        }
        if followed == Followed::Ended {
            return Ok(followed);
        }
        let paused = followed == Followed::Paused;
        let here = self.live || end_ms.is_some();
        let reached = |head: &u64| paused || (here && self.cursor >= *head);
        if let Some(head) = self.owed.filter(reached) {
            self.owed = None;
            let cursor = cursor_of(id, if paused { self.cursor } else { head });
            batch
                .frames
                .push(caught_up(caught_up::Log::Channel(cursor)));
            let all = app.store.cursors(id).await?;
            batch.frames.push(cursors_frame(id, all));
        }
        if self.owed.is_none()
            && let Some((version, frame)) = self.topic.cursors_since(self.cursors_seen)
        {
            self.cursors_seen = version;
            batch.frames.push(frame);
        }
        Ok(Followed::On)
    }

    async fn read_store(
        &mut self,
        app: &App,
        device: DeviceId,
        id: ChannelId,
        end_ms: Option<u64>,
        batch: &mut Batch,
    ) -> Result<Followed, Refused> {
        let Some(stored) = app.store.channel(id).await? else {
            batch.frames.push(closed(id, self.cursor));
            return Ok(Followed::Ended);
        };
        let reading = app
            .store
            .read_channel(id, device, self.cursor, limits::PAGE_BYTES);
        let page = reading.await?;
        for entry in &page.entries {
            if end_ms.is_some_and(|end| entry.time_ms >= end) {
                return Ok(Followed::Paused);
            }
            self.cursor = entry.seq;
            batch.frames.push(app.hub.entry_frame(entry));
        }
        match page.next {
            Next::More => batch.again = true,
            Next::Head => {
                // Entries up to the head that were not in the page are not the
                // device's: memory must not show them either.
                self.cursor = self.cursor.max(stored.head_seq);
                self.live = end_ms.is_none();
                // Memory may hold what was written since.
                batch.again = self.live;
            }
            Next::Closed | Next::NoSpan => {
                batch.frames.push(closed(id, self.cursor));
                return Ok(Followed::Ended);
            }
            Next::Trimmed => {
                let head = LogHead {
                    seq: stored.head_seq,
                    hash: stored.head_hash.to_vec().into(),
                };
                let trimmed = Trimmed {
                    channel_id: id.to_bytes(),
                    head: Some(head),
                };
                batch
                    .frames
                    .push(caught_up(caught_up::Log::Trimmed(trimmed)));
                return Ok(Followed::Ended);
            }
        }
        Ok(Followed::On)
    }
}

/// When the person's membership ends: nothing dated at or after that is theirs to
/// read, unless a commit renews it first (architecture D11).
async fn membership_end(app: &App, caller: &Caller, id: ChannelId) -> Result<Option<u64>, Refused> {
    let known = app.channels.known(app.store.as_ref(), id, 0, 0).await?;
    let member = known.and_then(|k| k.roster.members.get(&caller.professional).copied());
    Ok(member.and_then(|member| member.expires_at_ms))
}

fn cursor_of(id: ChannelId, after_seq: u64) -> ChannelCursor {
    ChannelCursor {
        channel_id: id.to_bytes(),
        after_seq,
    }
}

fn closed(id: ChannelId, after_seq: u64) -> Bytes {
    caught_up(caught_up::Log::Closed(cursor_of(id, after_seq)))
}

fn caught_up(log: caught_up::Log) -> Bytes {
    let log = Some(log);
    let frame = Some(server_frame::Frame::CaughtUp(CaughtUp { log }));
    ServerFrame { frame }.encode_to_vec().into()
}

fn delivered(item: delivery::Item) -> Bytes {
    let item = Some(item);
    let frame = Some(server_frame::Frame::Delivery(Delivery { item }));
    ServerFrame { frame }.encode_to_vec().into()
}
