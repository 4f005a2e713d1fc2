//! What is on its way between devices and the server, and who looks at it: nothing
//! that people wrote may be readable there, no send counter carries other bytes.

use std::collections::BTreeMap;

use prost::Message as _;
use prost::bytes::Bytes;
use relais_core::engine::Trouble;
use relais_core::query::ThreadState;
use relais_wire::ids::{ChannelId, DeviceId};
use relais_wire::v1::{ClientFrame, ServerFrame, client_frame, delivery, server_frame};
use sha2::Digest as _;

use super::{Checked, PLANTED, Sim, Violation, server};

/// Entries applied in one transaction.
const BUDGET: usize = 16;

/// What an observer of the network knows.
#[derive(Default)]
pub struct Seen {
    sends: BTreeMap<(DeviceId, u64), [u8; 32]>,
}

impl Seen {
    fn sent(&mut self, device: Option<DeviceId>, frame: &Bytes) -> Checked {
        let decoded = ClientFrame::decode(frame.clone());
        let decoded = decoded.map_err(|e| Violation(format!("a device sent nonsense: {e}")))?;
        if let (Some(device), Some(client_frame::Frame::Send(send))) = (device, decoded.frame) {
            let hash = sha2::Sha256::digest(frame).into();
            let counter = send.send_counter;
            let first = *self.sends.entry((device, counter)).or_insert(hash);
            if first != hash {
                return Err(format!("{device} used send counter {counter} twice").into());
            }
        }
        Ok(())
    }
}

fn secret(what: &str, bytes: &[u8]) -> Checked {
    match memchr::memmem::find(bytes, PLANTED.as_bytes()) {
        Some(_) => Err(format!("{what} shows what people wrote").into()),
        None => Ok(()),
    }
}

impl Sim {
    /// One device does what it can, with at most so many frames each way. Returns
    /// whether anything happened.
    pub(super) fn turn(&mut self, who: usize, most: usize) -> Checked<bool> {
        let now_ms = self.time_of(who);
        self.devices[who].engine.set_time(now_ms);
        self.devices[who].remember();
        let mut busy = self.connect(who)?;
        busy |= self.receive(who, most)?;
        for _ in 0..1_000 {
            let stepped = self.devices[who].engine.step(BUDGET);
            let more = match stepped {
                Ok(more) => more,
                Err(error) => return self.failed(who, &error),
            };
            let sent = self.send(who, most)?;
            let asked = self.requests(who)?;
            busy |= more | sent | asked;
            let device = &mut self.devices[who];
            if device.line.is_some() && device.engine.closed_by_server().is_some() {
                device.hang_up();
                return Ok(true);
            }
            if !more && !asked {
                self.devices[who].engine.take_events();
                return Ok(busy);
            }
        }
        Err(format!("device {who} is never done").into())
    }

    /// A device could not write. That is the disk's doing, or a finding.
    pub(super) fn failed(&mut self, who: usize, error: &relais_core::Error) -> Checked<bool> {
        let device = &mut self.devices[who];
        if device.disk.refused() {
            let now_ms = self.time_of(who);
            self.devices[who].restart(None, now_ms)?;
            return Ok(true);
        }
        if device.disk_full && error.class() == relais_core::Class::Retry {
            device.hang_up();
            return Ok(false);
        }
        Err(format!("device {who}: a step failed: {error}").into())
    }

    fn connect(&mut self, who: usize) -> Checked<bool> {
        let device = &mut self.devices[who];
        if !device.online || device.line.is_some() || !device.engine.wants_connection() {
            return Ok(false);
        }
        let Some(line) = self.host.connect() else {
            return Ok(false);
        };
        device.line = Some(line);
        let cut = device.faults.take_cut();
        device.left = cut.map_or((usize::MAX, usize::MAX), |cut| (cut.sent, cut.received));
        if let Err(error) = device.engine.connected() {
            return self.failed(who, &error);
        }
        self.host.run(1);
        Ok(true)
    }

    fn receive(&mut self, who: usize, most: usize) -> Checked<bool> {
        let mut any = false;
        for _ in 0..most {
            let device = &mut self.devices[who];
            let Some(line) = &mut device.line else {
                break;
            };
            let frame = match server::received(line) {
                server::Received::Frame(frame) => frame,
                server::Received::Nothing => break,
                server::Received::End => {
                    device.hang_up();
                    return Ok(true);
                }
            };
            any = true;
            secret("a frame from the server", &frame)?;
            self.note(b'<', who, &frame);
            let device = &mut self.devices[who];
            device.left.1 = device.left.1.saturating_sub(frame.len());
            if device.left.1 == 0 {
                device.hang_up();
                return Ok(true);
            }
            self.note_delivery(who, &frame)?;
            let device = &mut self.devices[who];
            let frames = device.faults.hear(frame);
            let times = device.faults.deliveries();
            for frame in frames.iter().flat_map(|f| std::iter::repeat_n(f, times)) {
                let taken = self.devices[who].engine.receive(frame.clone());
                if let Err(error) = taken {
                    return self.failed(who, &error);
                }
            }
        }
        Ok(any)
    }

    fn note_delivery(&mut self, who: usize, frame: &Bytes) -> Checked {
        let decoded = ServerFrame::decode(frame.clone());
        let decoded = decoded.map_err(|e| Violation(format!("the server sent nonsense: {e}")))?;
        if let Some(server_frame::Frame::Delivery(delivery)) = decoded.frame
            && let Some(delivery::Item::Channel(entry)) = delivery.item
            && let Ok(channel) = ChannelId::try_from(&entry.channel_id)
        {
            let delivered = self.devices[who].delivered.entry(channel).or_default();
            delivered.insert(entry.seq);
        }
        Ok(())
    }

    fn send(&mut self, who: usize, most: usize) -> Checked<bool> {
        let device = &mut self.devices[who];
        let identity = device.engine.whoami().ok().map(|me| me.device);
        let frames = device.engine.take_frames();
        if device.line.is_none() || frames.is_empty() {
            return Ok(false);
        }
        // What a killed or cut off device had not handed over is lost with the line.
        let cut_off = frames.len() > most;
        for frame in frames.into_iter().take(most) {
            secret("a frame from a device", &frame)?;
            // A copy may use a counter whose first bytes never reached the server:
            // that is why devices freeze once the copy is noticed.
            if !self.allowances.is_copy(who) {
                self.seen.sent(identity, &frame)?;
            }
            self.note(b'>', who, &frame);
            let device = &mut self.devices[who];
            device.left.0 = device.left.0.saturating_sub(frame.len());
            let (frame, heard) = device.faults.say(frame);
            for frame in heard {
                if let Err(error) = self.devices[who].engine.receive(frame) {
                    return self.failed(who, &error);
                }
            }
            let Some(frame) = frame else { continue };
            let device = &mut self.devices[who];
            for _ in 0..device.faults.sendings() {
                let line = device.line.as_ref();
                let arrived = device.left.0 > 0
                    && line.is_some_and(|line| line.to_server.send(frame.clone()).is_ok());
                if !arrived {
                    device.hang_up();
                    return Ok(true);
                }
            }
        }
        if cut_off {
            self.devices[who].hang_up();
        }
        Ok(true)
    }

    fn requests(&mut self, who: usize) -> Checked<bool> {
        let mut any = false;
        for request in self.devices[who].engine.take_requests() {
            any = true;
            secret("a request", &request.body)?;
            self.note(b'?', who, request.path.as_bytes());
            self.note(b'?', who, &request.body);
            let id = request.id;
            let device = &mut self.devices[who];
            let lost = !device.online || device.faults.lose_request();
            let token = device.engine.token().map(str::to_owned);
            let mut response = None;
            if !lost {
                // Everything else comes to rest first: files are on other threads.
                self.host.run(1);
                response = self.host.request(request, token.as_deref());
            }
            if self.devices[who].faults.lose_answer() {
                response = None;
            }
            if let Some(response) = &response {
                secret("an answer", &response.body)?;
                self.note(b'!', who, &response.status.to_be_bytes());
                self.note(b'!', who, &response.body);
            }
            let device = &mut self.devices[who];
            if let Err(error) = device.engine.respond(id, response) {
                return self.failed(who, &error);
            }
        }
        Ok(any)
    }

    /// Whether no photo waits for its author, who is away or was sent away.
    pub(super) fn is_everybody_there(&self) -> bool {
        let gone =
            |d: &super::Device| d.begun_anew || d.engine.troubles().contains(&Trouble::Wiped);
        let mut devices = self.devices.iter();
        devices.all(|d| !self.stands_still(d) && !gone(d))
    }

    /// Whether nothing waits on a device: connected, caught up, all acts settled.
    pub(super) fn is_settled(&self, who: usize) -> bool {
        let device = &self.devices[who];
        let everybody = self.is_everybody_there();
        // Without room on its disk a device can do nothing until it is started again;
        // without the structure log, not all.
        self.stands_still(device)
            || self.has_lapsed(who)
            || self.is_paused_somewhere(who)
            || (crate::world::is_settled(&device.engine, everybody) && !self.is_coming_back(who))
    }

    /// Whether a thread is on its way back, or misses what somebody may still have.
    fn is_coming_back(&self, who: usize) -> bool {
        let engine = &self.devices[who].engine;
        if !engine.wants_connection() {
            return false;
        }
        let threads = engine.threads().unwrap_or_default();
        threads.iter().any(|thread| {
            let open = |missing: &relais_core::history::Missing| !missing.given_up;
            let history = engine.history(thread.channel).unwrap_or_default();
            matches!(thread.state, ThreadState::Rejoining(_))
                || (self.mended
                    && thread.state == ThreadState::Joined
                    && history.missing.iter().any(open))
        })
    }
}
