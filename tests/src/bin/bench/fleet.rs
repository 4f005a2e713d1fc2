//! The devices of a care organisation: enrolled by real statements, 32 channels of 8
//! made by real commits and Welcomes. Leaves what they then do to [`crate::load`].

use std::collections::VecDeque;

use openmls::prelude::MlsGroup;
use prost::Message as _;
use prost::bytes::Bytes;
use relais_wire::ids::{ChannelId, ProfessionalId};
use relais_wire::limits;
use relais_wire::link::Link;
use relais_wire::v1::{
    Ack, AppendStatements, ChannelCursor, ClaimKeyPackages, Delivery, EnrolRequest, InboxItem,
    LogHead, PublishKeyPackages, Send, WelcomeItem, ack, answer, caught_up, client_frame, delivery,
    inbox_item, send, server_frame, subscribe,
};

use crate::Outcome;
use crate::device::Device;
use crate::socket::{Socket, encode};

/// Care threads.
pub const CHANNELS: usize = 32;
/// Devices in each, of as many people.
pub const MEMBERS: usize = 8;
/// What a person writes, bytes before encryption.
pub const CONTENT: usize = 1024;

/// A device in its one channel.
pub struct Seat {
    /// 0 to 255; members of a channel follow each other.
    pub number: usize,
    pub device: Device,
    pub channel: ChannelId,
    /// The last entry that it has.
    pub cursor: u64,
    /// Frames encrypted in advance, to be sent in this order.
    pub pool: VecDeque<Bytes>,
    group: MlsGroup,
    inbox: u64,
    events: u64,
}

impl Seat {
    /// One of each channel is the first.
    pub fn is_first(&self) -> bool {
        self.number.is_multiple_of(MEMBERS)
    }
}

/// A device with an open connection.
pub struct Line {
    pub seat: Seat,
    pub socket: Socket,
}

/// See the module's head.
pub struct Fleet {
    pub seats: Vec<Seat>,
    /// Of the structure log.
    head: LogHead,
}

impl Fleet {
    /// Fills a new structure.
    pub async fn set_up(address: &str, link: &str) -> Outcome<Self> {
        let link: Link = link.parse()?;
        let mut coordinator = Device::new(link.structure, 0);
        let http = Enrolling::at(address);
        http.enrol(&coordinator.set_up(&link)).await?;
        let (mut socket, ready) = Socket::open(address, &mut coordinator).await?;
        let expires_at_ms = ready.time_ms + limits::INVITATION_MS / 2;
        let numbers = 1..=CHANNELS * MEMBERS;
        let devices: Vec<_> = numbers.map(|n| Device::new(link.structure, n)).collect();
        for some in devices.chunks(limits::STATEMENTS_PER_REQUEST) {
            let invitation = |d| Bytes::from(coordinator.invite(d, expires_at_ms));
            let statements = some.iter().map(invitation).collect();
            let asked = send::Operation::AppendStatements(AppendStatements { statements });
            socket.ask(&mut coordinator, asked).await?;
        }
        for device in &devices {
            http.enrol(&device.enrolment()).await?;
        }
        drop(socket);
        let (_, ready) = Socket::open(address, &mut coordinator).await?;
        let head = ready.structure_head.ok_or("no structure head")?;
        let mut seats = Vec::new();
        let mut devices = devices.into_iter();
        for number in 0..CHANNELS {
            let members = devices.by_ref().take(MEMBERS).collect();
            seats.extend(open_channel(address, number, members, &head).await?);
        }
        Ok(Self { seats, head })
    }

    /// Connects the seats that `which` names and are not yet connected; each follows
    /// its logs and is caught up.
    pub async fn connect(
        &mut self,
        address: &str,
        which: impl Fn(&Seat) -> bool,
    ) -> Outcome<Vec<Line>> {
        let seats = std::mem::take(&mut self.seats);
        let (wanted, others) = seats.into_iter().partition(which);
        self.seats = others;
        let wanted: Vec<Seat> = wanted;
        let mut lines = Vec::new();
        for seat in wanted {
            lines.push(seat.connect(address, self.head.clone()).await?);
        }
        Ok(lines)
    }
}

struct Enrolling {
    client: reqwest::Client,
    url: String,
}

impl Enrolling {
    fn at(address: &str) -> Self {
        // One provider for the process; a second installation is the same one.
        let _ = rustls::crypto::ring::default_provider().install_default();
        Self {
            client: reqwest::Client::new(),
            url: format!("http://{address}/v1/enrol"),
        }
    }

    async fn enrol(&self, request: &EnrolRequest) -> Outcome<()> {
        let body = request.encode_to_vec();
        let answer = self.client.post(&self.url).body(body).send().await?;
        answer.error_for_status()?.bytes().await?;
        Ok(())
    }
}

async fn open_channel(
    address: &str,
    number: usize,
    members: Vec<Device>,
    head: &LogHead,
) -> Outcome<Vec<Seat>> {
    let mut channel = ChannelId([0xC0; 16]);
    channel.0[0] = number as u8;
    let mut members = members.into_iter();
    let mut creator = members.next().ok_or("a channel of nobody")?;
    let (mut socket, _) = Socket::open(address, &mut creator).await?;
    let mut others = Vec::new();
    for mut device in members {
        let (mut socket, _) = Socket::open(address, &mut device).await?;
        let publish = PublishKeyPackages {
            key_packages: vec![device.key_package(false)?.into()],
            last_resort: device.key_package(true)?.into(),
        };
        let asked = send::Operation::PublishKeyPackages(publish);
        socket.ask(&mut device, asked).await?;
        others.push((device, socket));
    }
    let (mut group, create) = creator.new_channel(channel, head)?;
    socket
        .ask(&mut creator, send::Operation::CreateChannel(create))
        .await?;
    let claim = ClaimKeyPackages {
        device_ids: others.iter().map(|(d, _)| d.device.to_bytes()).collect(),
    };
    let asked = send::Operation::ClaimKeyPackages(claim);
    let answered = socket.ask(&mut creator, asked).await?;
    let Some(answer::Result::KeyPackages(claimed)) = answered.result else {
        return Err("no key packages".into());
    };
    let packages = claimed.packages.iter();
    let packages = packages.map(|p| creator.read_key_package(&p.key_package));
    let people: Vec<ProfessionalId> = others.iter().map(|(d, _)| d.professional).collect();
    let packages = packages.collect::<Outcome<_>>()?;
    let commit = creator.add(&mut group, head, packages, &people)?;
    socket
        .ask(&mut creator, send::Operation::AppendCommit(commit))
        .await?;
    group.merge_pending_commit(&creator.provider)?;
    let first = number * MEMBERS;
    let seat = |place, device, group, inbox| Seat {
        number: first + place,
        device,
        channel,
        // Creation and commit.
        cursor: 2,
        pool: VecDeque::new(),
        group,
        inbox,
        events: 0,
    };
    let mut seats = vec![seat(0, creator, group, 0)];
    for (place, (device, mut socket)) in others.into_iter().enumerate() {
        let (inbox, welcome) = receive_welcome(&mut socket).await?;
        let group = device.join(&welcome.welcome, &welcome.ratchet_tree)?;
        seats.push(seat(place + 1, device, group, inbox));
    }
    prove_that_they_talk(&mut seats)?;
    Ok(seats)
}

async fn receive_welcome(socket: &mut Socket) -> Outcome<(u64, WelcomeItem)> {
    socket.follow(subscribe::Log::InboxAfter(0)).await?;
    loop {
        if let server_frame::Frame::Delivery(Delivery {
            item:
                Some(delivery::Item::Inbox(InboxItem {
                    seq,
                    item: Some(inbox_item::Item::Welcome(welcome)),
                    ..
                })),
        }) = socket.next().await?
        {
            let log = Some(ack::Log::InboxSeq(seq));
            socket.send(client_frame::Frame::Ack(Ack { log })).await?;
            return Ok((seq, welcome));
        }
    }
}

/// What is measured later is never decrypted: here it is shown that it could be.
fn prove_that_they_talk(seats: &mut [Seat]) -> Outcome<()> {
    let [first, second, ..] = seats else {
        return Err("a channel of one".into());
    };
    let content = [0x5A; CONTENT];
    let sent = first.device.message(&mut first.group, 1, &content)?;
    // Never sent: the counter is used again.
    first.device.counter -= 1;
    let read = second.device.read(&mut second.group, &sent.message)?;
    if read == content {
        Ok(())
    } else {
        Err("a message that reads otherwise".into())
    }
}

impl Seat {
    async fn connect(mut self, address: &str, structure: LogHead) -> Outcome<Line> {
        let (mut socket, _) = Socket::open(address, &mut self.device).await?;
        let cursor = ChannelCursor {
            channel_id: self.channel.to_bytes(),
            after_seq: self.cursor,
        };
        for log in [
            subscribe::Log::StructureAfter(structure),
            subscribe::Log::InboxAfter(self.inbox),
            subscribe::Log::Channel(cursor),
        ] {
            socket.follow(log).await?;
        }
        let mut owed = 3;
        while owed > 0 {
            if let server_frame::Frame::CaughtUp(caught_up) = socket.next().await? {
                match caught_up.log {
                    Some(caught_up::Log::Closed(_) | caught_up::Log::Trimmed(_)) | None => {
                        return Err("a log that does not go on".into());
                    }
                    Some(_) => owed -= 1,
                }
            }
        }
        Ok(Line { seat: self, socket })
    }

    fn encrypt(&mut self, messages: usize) -> Outcome<()> {
        for _ in 0..messages {
            self.events += 1;
            let content = [self.events as u8; CONTENT];
            let message = self
                .device
                .message(&mut self.group, self.events, &content)?;
            let send = Send {
                send_counter: self.device.counter,
                operation: Some(send::Operation::AppendMessage(message)),
            };
            self.pool.push_back(encode(client_frame::Frame::Send(send)));
        }
        Ok(())
    }
}

/// Encrypts for everybody, so that only sending is measured. Messages already in
/// the pools count. Returns their mean length as frames.
pub fn encrypt(lines: &mut [Line], each: usize) -> Outcome<usize> {
    let threads = std::thread::available_parallelism().map_or(1, |n| n.get());
    let part = lines.len().div_ceil(threads).max(1);
    tokio::task::block_in_place(|| {
        std::thread::scope(|scope| {
            let encrypting = |some: &mut [Line]| -> Outcome<()> {
                for line in some {
                    let missing = each.saturating_sub(line.seat.pool.len());
                    line.seat.encrypt(missing)?;
                }
                Ok(())
            };
            let parts = lines.chunks_mut(part);
            let running: Vec<_> = parts.map(|p| scope.spawn(move || encrypting(p))).collect();
            let mut done = running.into_iter().map(|r| r.join());
            done.try_for_each(|r| r.map_err(|_| "encrypting panicked")?)
        })
    })?;
    let all = || lines.iter().flat_map(|line| &line.seat.pool);
    Ok(all().map(Bytes::len).sum::<usize>() / all().count().max(1))
}
