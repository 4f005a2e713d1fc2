//! The loop of the engine's thread: inputs in, outputs out, sleep until something
//! happens or is due.

use std::time::Duration;

use prost::bytes::Bytes;
use tokio::sync::{broadcast, mpsc, oneshot};
use tokio::time::Instant;

use super::network::{self, Input};
use super::{Clock, Job, Options};
use crate::engine::{Engine, Event, Phase};
use crate::error::Result;
use crate::reconnect::Reconnect;

/// Entries applied in one transaction: queries run between two.
const BUDGET: usize = 64;
const SHORTEST: Duration = Duration::from_millis(1);
const LONGEST: Duration = Duration::from_secs(60);

struct Driver {
    engine: Engine,
    http: reqwest::Client,
    inputs: mpsc::Sender<Input>,
    listeners: broadcast::Sender<Event>,
    reconnect: Reconnect,
    /// Where the frames of the present socket go.
    frames: Option<mpsc::UnboundedSender<Vec<Bytes>>>,
    /// Not the wall clock, which jumps.
    since: Instant,
    clock: Clock,
}

pub(super) fn run(
    engine: Engine,
    jobs: mpsc::UnboundedReceiver<Job>,
    stop: mpsc::Receiver<oneshot::Sender<Result<()>>>,
    listeners: broadcast::Sender<Event>,
    options: Options,
) {
    // One provider for the whole process; a second installation is the same one.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
    else {
        return;
    };
    let Ok(http) = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .build()
    else {
        return;
    };
    let (inputs, received) = mpsc::channel(256);
    let driver = Driver {
        engine,
        http,
        inputs,
        listeners,
        reconnect: Reconnect::new(options.network),
        frames: None,
        since: Instant::now(),
        clock: options.clock,
    };
    runtime.block_on(driver.drive(jobs, stop, received));
    // A name that is still being looked up must not keep the thread.
    runtime.shutdown_background();
}

impl Driver {
    async fn drive(
        mut self,
        mut jobs: mpsc::UnboundedReceiver<Job>,
        mut stop: mpsc::Receiver<oneshot::Sender<Result<()>>>,
        mut received: mpsc::Receiver<Input>,
    ) {
        let done = loop {
            self.engine.set_time((self.clock)());
            let more = match self.engine.step(BUDGET) {
                Ok(more) => more,
                Err(error) => {
                    tracing::warn!(code = error.code(), "a step failed; reconnecting");
                    self.hang_up();
                    false
                }
            };
            self.carry_out();
            let pause = if more { Duration::ZERO } else { self.pause() };
            tokio::select! {
                biased;
                done = stop.recv() => break done,
                job = jobs.recv() => {
                    let Some(job) = job else { break None };
                    self.engine.set_time((self.clock)());
                    match job {
                        Job::Work(work) => work(&mut self.engine),
                        Job::Network(there) => self.set_network(there),
                    }
                }
                Some(input) = received.recv() => {
                    self.take(input);
                    // What has arrived meanwhile goes into the same transaction.
                    for _ in 0..BUDGET {
                        let Ok(input) = received.try_recv() else { break };
                        self.take(input);
                    }
                }
                () = tokio::time::sleep(pause) => {}
            }
        };
        self.frames = None;
        let closed = self.engine.close();
        if let Some(done) = done {
            let _ = done.send(closed);
        }
    }

    fn take(&mut self, input: Input) {
        self.engine.set_time((self.clock)());
        let result = match input {
            Input::Opened(number, frames) if number == self.reconnect.attempt() => {
                tracing::info!("connected");
                self.frames = Some(frames);
                self.engine.connected()
            }
            Input::Frame(number, frame)
                if number == self.reconnect.attempt() && self.frames.is_some() =>
            {
                self.engine.receive(frame)
            }
            Input::Closed(number) if number == self.reconnect.attempt() => {
                match self.frames {
                    Some(_) => tracing::info!("the connection has ended"),
                    None => tracing::info!("there is no connection to the server"),
                }
                self.hang_up();
                Ok(())
            }
            Input::Answered(id, response) => self.engine.respond(id, response),
            _ => Ok(()), // Of a socket that was given up.
        };
        if let Err(error) = result {
            tracing::warn!(code = error.code(), "an input failed; reconnecting");
            self.hang_up();
        }
    }

    fn hang_up(&mut self) {
        let worked = self.engine.phase() == Phase::Ready;
        self.frames = None;
        let (random, now_ms) = ((self.clock)(), self.elapsed_ms());
        self.reconnect.ended(worked, random, now_ms);
        self.engine.disconnected();
    }

    fn set_network(&mut self, there: bool) {
        if self.reconnect.is_open() {
            self.hang_up();
        }
        match there {
            true => tracing::info!("there is a network"),
            false => tracing::info!("there is no network"),
        }
        let now_ms = self.elapsed_ms();
        self.reconnect.set_network(there, now_ms);
    }

    fn elapsed_ms(&self) -> u64 {
        u64::try_from(self.since.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn carry_out(&mut self) {
        let frames = self.engine.take_frames();
        if let Some(socket) = &self.frames
            && !frames.is_empty()
            && socket.send(frames).is_err()
        {
            self.hang_up();
        }
        let server_url = self.engine.server_url().map(str::to_owned);
        for request in self.engine.take_requests() {
            let Some(server_url) = server_url.clone() else {
                continue;
            };
            let inputs = self.inputs.clone();
            if !self.reconnect.has_network() {
                let failed = Input::Answered(request.id, None);
                tokio::spawn(async move { inputs.send(failed).await });
                continue;
            }
            let token = self.engine.token().map(str::to_owned);
            let http = self.http.clone();
            tokio::spawn(network::request(http, server_url, token, request, inputs));
        }
        for event in self.engine.take_events() {
            let _ = self.listeners.send(event);
        }
        if self.reconnect.is_open()
            && let Some(code) = self.engine.closed_by_server()
        {
            tracing::info!(code = code.as_str_name(), "the server ended the connection");
            self.hang_up();
        }
        let (wanted, now_ms) = (self.engine.wants_connection(), self.elapsed_ms());
        if let Some(server_url) = server_url
            && let Some(number) = self.reconnect.begin(wanted, now_ms)
        {
            tracing::debug!("connecting");
            let inputs = self.inputs.clone();
            tokio::spawn(network::socket(number, server_url, inputs));
        }
    }

    /// Until something is due; a long time when nothing is.
    fn pause(&self) -> Duration {
        let wanted = self.engine.wants_connection();
        let connect = self.reconnect.wait_ms(wanted, self.elapsed_ms());
        let connect = connect.map(Duration::from_millis);
        let wake = self.engine.wake_at();
        let now = (self.clock)();
        let wake = wake.map(|at| Duration::from_millis(at.saturating_sub(now)));
        let next = [connect, wake].into_iter().flatten().min();
        next.map_or(LONGEST, |wait| wait.clamp(SHORTEST, LONGEST))
    }
}
