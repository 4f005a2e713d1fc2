//! A connection after its hello: one task that reads frames, one (once the device
//! sends) that carries out its requests in order. The second outlives the first:
//! what was begun is finished and published, whether or not somebody still listens.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::Message;
use bytes::Bytes;
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, SinkExt, StreamExt};
use prost::Message as _;
use relais_wire::ids::ChannelId;
use relais_wire::v1::{
    Ack, Answer, ClientFrame, Send, Subscribe, ack, client_frame, server_frame, subscribe,
};
use relais_wire::{RefusalCode, limits};
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio::time::Instant;

use super::asked;
use super::follow::{Batch, Following};
use super::hello::Greeted;
use super::{Transport, close, encode};
use crate::app::App;
use crate::error::Refused;
use crate::hub::Dirty;
use crate::operations::{self, Begun};

/// Why a session ends.
enum Ended {
    /// The device is told.
    Refused(RefusalCode),
    /// Nobody is there any more.
    Gone,
}

impl From<RefusalCode> for Ended {
    fn from(code: RefusalCode) -> Self {
        Self::Refused(code)
    }
}

impl From<Refused> for Ended {
    fn from(refused: Refused) -> Self {
        Self::Refused(refused.0)
    }
}

struct Session<T> {
    app: Arc<App>,
    greeted: Greeted,
    socket: T,
    following: Following,
    /// Logs to look at.
    dirty: Dirty,
    /// Requests without an answer.
    in_flight: usize,
    requests: Option<mpsc::Sender<Send>>,
    answers: mpsc::Receiver<Answer>,
    /// Keeps `answers` open until there is a task that sends them.
    unused: Option<mpsc::Sender<Answer>>,
    heard: Instant,
    permit: Arc<OwnedSemaphorePermit>,
}

/// Runs a session to its end.
pub async fn run<T: Transport>(
    app: Arc<App>,
    socket: T,
    greeted: Greeted,
    permit: Arc<OwnedSemaphorePermit>,
) {
    let (unused, answers) = mpsc::channel(1);
    let mut session = Session {
        following: Following::new(greeted.wake.clone()),
        app,
        greeted,
        socket,
        dirty: Dirty::default(),
        in_flight: 0,
        requests: None,
        answers,
        unused: Some(unused),
        heard: Instant::now(),
        permit,
    };
    let ended = session.serve().await;
    session.following.end(&session.app);
    session.app.hub.disconnect(&session.greeted.wake);
    if let Err(Ended::Refused(code)) = ended {
        close(session.socket, code).await;
    }
}

impl<T: Transport> Session<T> {
    async fn serve(&mut self) -> Result<(), Ended> {
        let wake = self.greeted.wake.clone();
        let mut ping = tokio::time::interval(Duration::from_millis(limits::IDLE_MS / 3));
        loop {
            let mut answer = None;
            tokio::select! {
                biased;
                code = wake.closed() => return Err(code.into()),
                frame = self.socket.next(), if self.in_flight < limits::IN_FLIGHT => {
                    let Some(Ok(frame)) = frame else { return Err(Ended::Gone) };
                    self.heard = Instant::now();
                    self.receive(frame).await?;
                }
                done = self.answers.recv() => {
                    // The task that carries out requests panicked.
                    answer = Some(done.ok_or(RefusalCode::Unavailable)?);
                }
                () = wake.woken() => {}
                _ = ping.tick() => {
                    if self.heard.elapsed() > Duration::from_millis(limits::IDLE_MS) {
                        return Err(Ended::Gone);
                    }
                    self.feed(Message::Ping(Bytes::new())).await?;
                }
                () = std::future::ready(()), if !self.dirty.is_empty() => {}
            }
            while let Some(done) = answer {
                self.in_flight = self.in_flight.saturating_sub(1);
                self.feed(encode(server_frame::Frame::Answer(done))).await?;
                answer = self.answers.try_recv().ok();
            }
            self.look().await?;
            guarded(&wake, self.socket.flush()).await?;
        }
    }

    async fn receive(&mut self, message: Message) -> Result<(), Ended> {
        let bytes = match message {
            Message::Binary(bytes) => bytes,
            Message::Ping(_) | Message::Pong(_) => return Ok(()),
            Message::Close(_) => return Err(Ended::Gone),
            Message::Text(_) => return Err(RefusalCode::Malformed.into()),
        };
        let frame = ClientFrame::decode(bytes).map_err(|_| RefusalCode::Malformed)?;
        match frame.frame {
            Some(client_frame::Frame::Send(send)) => self.begin(send).await,
            Some(client_frame::Frame::Ack(ack)) => self.acknowledge(ack).await,
            Some(client_frame::Frame::Subscribe(subscribe)) => self.subscribe(subscribe).await,
            Some(client_frame::Frame::AskGroup(ask)) => {
                let caller = self.greeted.caller;
                let answer = asked::group(&self.app, &caller, &ask.channel_id).await?;
                self.feed(encode(answer)).await
            }
            Some(client_frame::Frame::AskChannels(ask)) => {
                let caller = self.greeted.caller;
                let answer = asked::channels(&self.app, &caller, &ask.after).await?;
                self.feed(encode(answer)).await
            }
            Some(client_frame::Frame::CompareLog(compare)) => {
                let caller = self.greeted.caller;
                let answer = asked::compare(&self.app, &caller, compare).await?;
                self.feed(encode(answer)).await
            }
            Some(client_frame::Frame::Hello(_)) | None => Err(RefusalCode::Malformed.into()),
        }
    }

    async fn subscribe(&mut self, subscribe: Subscribe) -> Result<(), Ended> {
        match subscribe.log {
            Some(subscribe::Log::StructureAfter(after)) => {
                self.following.follow_structure(after);
            }
            Some(subscribe::Log::InboxAfter(seq)) => self.following.follow_inbox(seq),
            Some(subscribe::Log::Channel(cursor)) => {
                let id = ChannelId::try_from(&cursor.channel_id).map_err(Refused::from)?;
                let after = cursor.after_seq;
                let answer = self.following.follow_channel(&self.app, id, after).await?;
                if let Some(frame) = answer {
                    self.feed(Message::Binary(frame)).await?;
                }
            }
            None => return Err(RefusalCode::Malformed.into()),
        }
        Ok(())
    }

    async fn acknowledge(&mut self, ack: Ack) -> Result<(), Ended> {
        match ack.log {
            Some(ack::Log::Channel(cursor)) => {
                let id = ChannelId::try_from(&cursor.channel_id).map_err(Refused::from)?;
                self.following
                    .acknowledge(&self.app, id, cursor.after_seq)
                    .await?;
            }
            Some(ack::Log::InboxSeq(seq)) => {
                let device = self.greeted.caller.device;
                let acknowledged = self.app.store.acknowledge_inbox(device, seq);
                acknowledged.await.map_err(Refused::from)?;
            }
            None => return Err(RefusalCode::Malformed.into()),
        }
        Ok(())
    }

    /// Hands a request to the task that carries them out; made at the first one,
    /// because most connections only listen.
    async fn begin(&mut self, send: Send) -> Result<(), Ended> {
        let requests = match &self.requests {
            Some(requests) => requests,
            None => {
                let (requests, asked) = mpsc::channel(limits::IN_FLIGHT);
                let (answered, answers) = mpsc::channel(limits::IN_FLIGHT);
                self.unused = None;
                self.answers = answers;
                let (app, caller) = (self.app.clone(), self.greeted.caller);
                let permit = self.permit.clone();
                tokio::spawn(async move {
                    carry_out(&app, caller, asked, answered).await;
                    drop(permit);
                });
                self.requests.insert(requests)
            }
        };
        self.in_flight += 1;
        // Never full: not more are read than fit.
        requests.send(send).await.map_err(|_| Ended::Gone)
    }

    /// Reads one page of each log that has news, and sends it.
    async fn look(&mut self) -> Result<(), Ended> {
        let news = self.greeted.wake.take();
        self.dirty.structure |= news.structure;
        self.dirty.inbox |= news.inbox;
        self.dirty.channels.extend(news.channels);
        if std::mem::take(&mut self.dirty.structure) {
            let batch = self.following.read_structure(&self.app).await?;
            self.dirty.structure = batch.again;
            self.put(batch).await?;
        }
        if std::mem::take(&mut self.dirty.inbox) {
            let batch = self.following.read_inbox(&self.app).await?;
            self.dirty.inbox = batch.again;
            self.put(batch).await?;
        }
        for id in std::mem::take(&mut self.dirty.channels) {
            let caller = self.greeted.caller;
            let batch = self.following.read_channel(&self.app, &caller, id).await?;
            if batch.again {
                self.dirty.channels.insert(id);
            }
            self.put(batch).await?;
        }
        Ok(())
    }

    async fn put(&mut self, batch: Batch) -> Result<(), Ended> {
        for frame in batch.frames {
            self.feed(Message::Binary(frame)).await?;
        }
        Ok(())
    }

    async fn feed(&mut self, message: Message) -> Result<(), Ended> {
        guarded(&self.greeted.wake, self.socket.feed(message)).await
    }
}

/// A write that takes too long, or whose device is cut off meanwhile, ends the
/// session.
async fn guarded(
    wake: &crate::hub::Wake,
    write: impl Future<Output = Result<(), axum::Error>>,
) -> Result<(), Ended> {
    let patience = Duration::from_millis(limits::WRITE_MS);
    tokio::select! {
        biased;
        written = write => written.map_err(|_| Ended::Gone),
        code = wake.closed() => Err(code.into()),
        () = tokio::time::sleep(patience) => Err(Ended::Gone),
    }
}

/// Carries out requests in the order of their arrival. Messages wait for their
/// durability together; everything else is finished before the next one begins.
async fn carry_out(
    app: &Arc<App>,
    caller: operations::Caller,
    mut asked: mpsc::Receiver<Send>,
    answered: mpsc::Sender<Answer>,
) {
    let mut writing = FuturesUnordered::new();
    loop {
        let answer = tokio::select! {
            biased;
            Some(answer) = writing.next(), if !writing.is_empty() => answer,
            send = asked.recv() => {
                let Some(send) = send else { break };
                match operations::begin(app, caller, send).await {
                    Begun::Answered(answer) => answer,
                    Begun::Writing(mut write) => match (&mut write).now_or_never() {
                        // Polled once here, so that it is queued before the next.
                        None => {
                            writing.push(write);
                            continue;
                        }
                        Some(answer) => answer,
                    },
                }
            }
        };
        // Nobody listens any more: the store remembers the answer.
        let _ = answered.send(answer).await;
    }
    while writing.next().await.is_some() {}
}
