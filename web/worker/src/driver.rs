//! The loop around the engine: inputs in, outputs out, sleep until something is due. Each
//! input of the browser is one turn; long work is cut into turns, so that calls of the page
//! are answered between them.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::{Rc, Weak};

use bytes::Bytes;
use js_sys::Function;
use relais_core::engine::http::HttpResponse;
use relais_core::engine::{Engine, Phase};
use relais_core::reconnect::Reconnect;
use relais_core::{Error, Result};
use relais_mobile::events::RelaisEvent;
use relais_mobile::relais::Shared;
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::spawn_local;

use crate::calls::to_js;
use crate::requests;
use crate::socket::Socket;
use crate::timer::{Soon, Timer, elapsed_ms, now_ms};

/// Entries applied in one transaction: a page's call waits for one at most.
const BUDGET: usize = 16;
/// Frames are handed to the engine for so long, then calls of the page come first.
const SLICE_MS: u64 = 8;
const LONGEST_MS: u64 = 60_000;
/// A socket that is not open by then is given up: browsers wait for minutes.
const CONNECT_MS: u64 = 10_000;

pub(crate) struct Driver {
    engine: Shared,
    reconnect: RefCell<Reconnect>,
    socket: RefCell<Option<Socket>>,
    /// Received on this connection, and not handed over yet.
    frames: RefCell<VecDeque<Bytes>>,
    listener: Function,
    due: Timer,
    late: Timer,
    soon: Soon,
}

impl Driver {
    /// Begins to drive. `listener` is told of events, in batches.
    pub(crate) fn start(engine: Shared, listener: Function, network: bool) -> Rc<Self> {
        let driver = Rc::new_cyclic(|driver: &Weak<Self>| {
            let (due, late, soon) = (driver.clone(), driver.clone(), driver.clone());
            Self {
                engine,
                reconnect: RefCell::new(Reconnect::new(network)),
                socket: RefCell::new(None),
                frames: RefCell::default(),
                listener,
                due: Timer::new(move || {
                    due.upgrade().inspect(|driver| driver.turn());
                }),
                late: Timer::new(move || {
                    late.upgrade().inspect(|driver| driver.give_up());
                }),
                soon: Soon::new(move || {
                    soon.upgrade().inspect(|driver| driver.turn());
                }),
            }
        });
        driver.soon.ask();
        driver
    }

    /// Something may have changed what is to be done.
    pub(crate) fn look(&self) {
        self.soon.ask();
    }

    /// What the browser says of the network.
    pub(crate) fn set_network(&self, there: bool) {
        if self.reconnect.borrow().is_open() {
            self.with(Self::hang_up);
        }
        self.reconnect.borrow_mut().set_network(there, elapsed_ms());
        self.soon.ask();
    }

    /// Ends the connection and closes the database.
    ///
    /// # Errors
    /// Of the database.
    pub(crate) fn close(&self) -> Result<()> {
        self.due.clear();
        self.late.clear();
        self.socket.replace(None);
        let engine = self.engine.borrow_mut().take();
        engine.map_or(Err(Error::Closed), Engine::close)
    }

    pub(crate) fn opened(&self, number: u64) {
        if self.is_present(number) {
            self.late.clear();
            self.socket
                .borrow()
                .as_ref()
                .inspect(|socket| socket.opened());
            self.take(Engine::connected);
        }
    }

    pub(crate) fn received(&self, number: u64, frame: Bytes) {
        if self.is_present(number) {
            self.frames.borrow_mut().push_back(frame);
            self.soon.ask();
        }
    }

    pub(crate) fn closed(&self, number: u64) {
        if self.is_present(number) {
            self.with(|driver, engine| {
                // The last of them says why.
                engine.set_time(now_ms());
                driver.hand_over(engine, None);
                driver.hang_up(engine);
            });
            self.soon.ask();
        }
    }

    /// Hands over what was received, until then. A frame that cannot be dealt with ends the connection.
    fn hand_over(&self, engine: &mut Engine, until_ms: Option<u64>) {
        while until_ms.is_none_or(|until| elapsed_ms() < until) {
            let Some(frame) = self.frames.borrow_mut().pop_front() else {
                return;
            };
            if engine.receive(frame).is_err() {
                return self.hang_up(engine);
            }
        }
    }

    fn is_present(&self, number: u64) -> bool {
        self.reconnect.borrow().attempt() == number
    }

    fn give_up(&self) {
        self.with(Self::hang_up);
        self.soon.ask();
    }

    /// Hands an input to the engine; one that fails ends the connection.
    fn take(&self, input: impl FnOnce(&mut Engine) -> Result<()>) {
        self.with(|driver, engine| {
            engine.set_time(now_ms());
            if input(engine).is_err() {
                driver.hang_up(engine);
            }
        });
        self.soon.ask();
    }

    /// Does something with the engine, unless it is closed.
    fn with(&self, work: impl FnOnce(&Self, &mut Engine)) {
        if let Ok(mut engine) = self.engine.try_borrow_mut()
            && let Some(engine) = engine.as_mut()
        {
            work(self, engine);
        }
    }

    fn hang_up(&self, engine: &mut Engine) {
        let worked = engine.phase() == Phase::Ready;
        self.late.clear();
        self.socket.replace(None);
        self.frames.borrow_mut().clear();
        let (random, now_ms) = (now_ms(), elapsed_ms());
        self.reconnect.borrow_mut().ended(worked, random, now_ms);
        engine.disconnected();
    }

    fn turn(self: &Rc<Self>) {
        self.soon.begun();
        let mut events = Vec::new();
        self.with(|_, engine| {
            engine.set_time(now_ms());
            self.hand_over(engine, Some(elapsed_ms() + SLICE_MS));
            let more = engine.step(BUDGET).unwrap_or_else(|_| {
                self.hang_up(engine);
                false
            });
            self.carry_out(engine, &mut events);
            match more || !self.frames.borrow().is_empty() {
                true => self.soon.ask(),
                false => self.due.set(self.pause_ms(engine)),
            }
        });
        if !events.is_empty() {
            let _ = self.listener.call1(&JsValue::NULL, &to_js(&events));
        }
    }

    fn carry_out(self: &Rc<Self>, engine: &mut Engine, events: &mut Vec<RelaisEvent>) {
        let frames = engine.take_frames();
        let sent = match &*self.socket.borrow() {
            Some(socket) if socket.is_open() => frames.iter().all(|frame| socket.send(frame)),
            _ => true, // Nothing to send to; the engine says it again when connected.
        };
        if !sent {
            self.hang_up(engine);
        }
        let server_url = engine.server_url().map(str::to_owned);
        for request in engine.take_requests() {
            let (driver, token) = (self.clone(), engine.token().map(str::to_owned));
            let server_url = server_url
                .clone()
                .filter(|_| self.reconnect.borrow().has_network());
            spawn_local(async move {
                let id = request.id;
                let answer = match server_url {
                    Some(server_url) => requests::exchange(server_url, token, request).await,
                    None => None,
                };
                driver.answered(id, answer);
            });
        }
        for event in engine.take_events() {
            let event = RelaisEvent::from(event);
            if events.last() != Some(&event) {
                events.push(event);
            }
        }
        if self.reconnect.borrow().is_open() && engine.closed_by_server().is_some() {
            self.hang_up(engine);
        }
        let wanted = engine.wants_connection();
        let number = server_url.as_ref().and_then(|_| {
            let mut reconnect = self.reconnect.borrow_mut();
            reconnect.begin(wanted, elapsed_ms())
        });
        if let (Some(number), Some(server_url)) = (number, server_url) {
            match Socket::connect(self, number, &server_url) {
                Some(socket) => {
                    self.socket.replace(Some(socket));
                    self.late.set(CONNECT_MS);
                }
                None => self.hang_up(engine),
            }
        }
    }

    fn answered(&self, id: u64, answer: Option<HttpResponse>) {
        self.take(|engine| engine.respond(id, answer));
    }

    /// Until something is due; a long time when nothing is.
    fn pause_ms(&self, engine: &Engine) -> u64 {
        let wanted = engine.wants_connection();
        let connect = self.reconnect.borrow().wait_ms(wanted, elapsed_ms());
        let wake = engine.wake_at().map(|at| at.saturating_sub(now_ms()));
        let next = [connect, wake].into_iter().flatten().min();
        next.map_or(LONGEST_MS, |wait| wait.clamp(1, LONGEST_MS))
    }
}
