//! A server that lies to a device for a while. Once it is honest again everything
//! heals, or the device shows by name what cannot.

use rand::Rng as _;
use rand::seq::{IteratorRandom, SliceRandom};

use super::operations::{Operation, usual};
use super::{Checked, Rng, Sim};
use crate::lies::Lie;

pub const SERVER_LIES: &str = "server lies";

/// What a hostile server does.
pub const FAULTS: &[Operation] = &[
    usual("withheld structure", 1, withheld),
    usual(SERVER_LIES, 4, server_lies),
    usual("server tells the truth", 4, server_tells_the_truth),
];

impl Sim {
    pub(super) fn stop_lying(&mut self, who: usize) {
        self.devices[who].faults.tell_the_truth();
        self.devices[who].hang_up();
    }
}

fn withheld(sim: &mut Sim, rng: &mut Rng) -> Checked<String> {
    let who = sim.anybody(rng);
    let withhold = !sim.devices[who].faults.is_lying();
    if withhold {
        sim.devices[who].faults.lie(Lie::WithheldStructure);
    } else {
        sim.stop_lying(who);
    }
    Ok(format!("{who} {withhold}"))
}

fn server_lies(sim: &mut Sim, rng: &mut Rng) -> Checked<String> {
    let who = rng.gen_range(0..sim.devices.len());
    let lie = *Lie::ALL.choose(rng).unwrap_or(&Lie::DropEntry);
    if sim.devices[who].faults.is_lying() {
        return Ok(format!("already to {who}"));
    }
    sim.devices[who].faults.lie(lie);
    sim.allowances.lied(who, lie);
    // Lies are told with what goes back and forth.
    if rng.gen_ratio(1, 2) {
        sim.devices[who].hang_up();
    }
    for _ in 0..3 {
        sim.turn(who, usize::MAX)?;
        sim.turn_some(rng)?;
    }
    Ok(format!("{lie:?} to {who}"))
}

fn server_tells_the_truth(sim: &mut Sim, rng: &mut Rng) -> Checked<String> {
    let lied_to = |who: &usize| sim.devices[*who].faults.is_lying();
    let Some(who) = (0..sim.devices.len()).filter(lied_to).choose(rng) else {
        return Ok("it does".to_owned());
    };
    sim.stop_lying(who);
    Ok(format!("to {who}"))
}
