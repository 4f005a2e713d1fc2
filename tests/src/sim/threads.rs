//! What people do about a thread as a whole: its past, its way back, its circle's
//! notes.

use rand::Rng as _;
use rand::seq::SliceRandom;
use relais_core::history::HistoryChoice;
use relais_core::query::ThreadState;
use relais_wire::ids::ChannelId;

use super::acts::nobody;
use super::operations::{Operation, usual};
use super::{Checked, Rng, Sim};

/// Everything that people do about threads.
pub const ACTS: &[Operation] = &[
    usual("share the past", 3, share_the_past),
    usual("rejoin", 1, rejoin),
    usual("reboot", 1, reboot),
    usual("note", 2, note),
];

/// How much of the past, drawn.
pub fn some_past(rng: &mut Rng, now_ms: u64) -> HistoryChoice {
    match rng.gen_range(0..4) {
        0 => HistoryChoice::None,
        1 => HistoryChoice::Since(now_ms.saturating_sub(rng.gen_range(0..3_600_000))),
        2 => HistoryChoice::Summary,
        _ => HistoryChoice::All,
    }
}

impl Sim {
    /// A device and one of its threads, in whatever state it is.
    fn some_thread(&self, rng: &mut Rng) -> Option<(usize, ChannelId, ThreadState)> {
        let who = rng.gen_range(0..self.devices.len());
        let threads = self.devices[who].engine.threads().unwrap_or_default();
        let thread = threads.choose(rng)?;
        Some((who, thread.channel, thread.state.clone()))
    }
}

fn share_the_past(sim: &mut Sim, rng: &mut Rng) -> Checked<String> {
    let Some((who, channel)) = sim.somebody(rng) else {
        return nobody();
    };
    let members = sim.devices[who].engine.members(channel)?;
    let Some(with) = members.choose(rng).map(|m| m.professional) else {
        return nobody();
    };
    let past = some_past(rng, sim.host.now_ms());
    let shared = sim.devices[who].engine.share_history(channel, with, past);
    sim.told(who, shared)
}

fn rejoin(sim: &mut Sim, rng: &mut Rng) -> Checked<String> {
    let Some((who, channel, _)) = sim.some_thread(rng) else {
        return nobody();
    };
    let rejoined = sim.devices[who].engine.rejoin_thread(channel);
    sim.told(who, rejoined)
}

fn reboot(sim: &mut Sim, rng: &mut Rng) -> Checked<String> {
    let Some((who, channel, state)) = sim.some_thread(rng) else {
        return nobody();
    };
    if state == ThreadState::Creating {
        return Ok("not yet".to_owned());
    }
    let rebooted = sim.devices[who].engine.reboot_thread(channel);
    sim.told(who, rebooted)
}

fn note(sim: &mut Sim, rng: &mut Rng) -> Checked<String> {
    let Some((who, channel)) = sim.somebody(rng) else {
        return nobody();
    };
    let members = sim.devices[who].engine.members(channel)?;
    let Some(mut note) = members.choose(rng).and_then(|m| m.note.clone()) else {
        return nobody();
    };
    note.role = super::acts::words(rng);
    let written = sim.devices[who].engine.set_membership_note(channel, note);
    sim.wrote(who, channel, written)
}
