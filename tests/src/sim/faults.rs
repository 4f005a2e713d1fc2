//! What goes wrong, and what passes by itself: networks, processes, disks, clocks.

use rand::Rng as _;

use super::operations::{Operation, severe, usual};
use super::{Checked, Device, Rng, Sim};
use crate::world::Cut;

/// Everything that happens to people.
pub const FAULTS: &[Operation] = &[
    usual("a moment passes", 8, moment),
    usual("days pass", 2, days),
    usual("turns", 12, turns),
    usual("offline", 4, offline),
    usual("online", 8, online),
    usual("cut", 6, cut),
    usual("repeated frames", 3, repeated),
    usual("lost requests", 3, lost_requests),
    usual("server crash", 4, server_crash),
    usual("server disk full", 3, server_disk_full),
    usual("device restart", 3, device_restart),
    usual("device killed at a commit", 6, device_killed),
    usual("device disk full", 2, device_disk_full),
    usual("device clock", 2, device_clock),
    usual("server clock", 1, server_clock),
    usual("key packages used up", 2, key_packages_used_up),
    severe("weeks pass", 1, weeks),
    severe("server clock far ahead", 1, server_clock_far),
    severe("device rolled back", 2, rolled_back),
    severe("device cloned", 1, cloned),
    severe(RESTORES[0], 2, server_backup),
    severe(RESTORES[1], 1, server_restored),
];

/// A backup of the server, and its return.
pub const RESTORES: [&str; 2] = ["server backup", "server restored"];

const HOUR_MS: u64 = 3_600_000;
pub(super) const DAY_MS: u64 = 24 * HOUR_MS;

impl Sim {
    pub(super) fn anybody(&self, rng: &mut Rng) -> usize {
        rng.gen_range(0..self.devices.len())
    }

    /// Every fault ends: what is left afterwards has to come to rest.
    pub(super) fn mend(&mut self) -> Checked {
        self.host.disk.fail_next(0);
        self.server_ahead_ms = self.server_ahead_ms.max(0);
        for who in 0..self.devices.len() {
            let device = &mut self.devices[who];
            device.faults = crate::world::Faults::default();
            device.online = true;
            device.clock_ahead_ms = 0;
            device.hang_up();
            if device.disk_full || device.disk.refused() {
                device.restart(None, self.now_ms)?;
            }
        }
        Ok(())
    }
}

fn done() -> Checked<String> {
    Ok("so it is".to_owned())
}

fn moment(sim: &mut Sim, rng: &mut Rng) -> Checked<String> {
    let ms = 10_u64.pow(rng.gen_range(0..7)) * rng.gen_range(1..10);
    sim.pass(ms);
    sim.host.run(ms.min(1_000));
    Ok(format!("{ms} ms"))
}

fn days(sim: &mut Sim, rng: &mut Rng) -> Checked<String> {
    let ms = rng.gen_range(HOUR_MS..4 * DAY_MS);
    sim.pass(ms);
    Ok(format!("{} h", ms / HOUR_MS))
}

fn weeks(sim: &mut Sim, rng: &mut Rng) -> Checked<String> {
    let ms = rng.gen_range(7 * DAY_MS..120 * DAY_MS);
    sim.pass(ms);
    // Long enough for the server's own rounds.
    sim.host.run(relais_wire::limits::EXPIRE_MS + 1);
    Ok(format!("{} days", ms / DAY_MS))
}

fn turns(sim: &mut Sim, rng: &mut Rng) -> Checked<String> {
    for _ in 0..rng.gen_range(1..20) {
        sim.turn_some(rng)?;
    }
    done()
}

fn offline(sim: &mut Sim, rng: &mut Rng) -> Checked<String> {
    let who = sim.anybody(rng);
    sim.devices[who].online = false;
    sim.devices[who].hang_up();
    Ok(format!("{who}"))
}

fn online(sim: &mut Sim, rng: &mut Rng) -> Checked<String> {
    let who = sim.anybody(rng);
    sim.devices[who].online = true;
    Ok(format!("{who}"))
}

/// The connection breaks now, and the next one after some bytes.
fn cut(sim: &mut Sim, rng: &mut Rng) -> Checked<String> {
    let who = sim.anybody(rng);
    let cut = Cut {
        sent: rng.gen_range(1..20_000),
        received: rng.gen_range(1..20_000),
    };
    let device = &mut sim.devices[who];
    device.faults.cut_next(cut);
    device.hang_up();
    Ok(format!("{who} {cut:?}"))
}

fn repeated(sim: &mut Sim, rng: &mut Rng) -> Checked<String> {
    let who = sim.anybody(rng);
    let faults = &mut sim.devices[who].faults;
    faults.repeat_sent(rng.gen_range(0..10));
    faults.repeat_received(rng.gen_range(0..10));
    Ok(format!("{who}"))
}

fn lost_requests(sim: &mut Sim, rng: &mut Rng) -> Checked<String> {
    let who = sim.anybody(rng);
    let faults = &mut sim.devices[who].faults;
    faults.drop_requests(rng.gen_range(0..3));
    faults.drop_answers(rng.gen_range(0..3));
    Ok(format!("{who}"))
}

fn server_crash(sim: &mut Sim, _: &mut Rng) -> Checked<String> {
    for device in &mut sim.devices {
        device.hang_up();
    }
    sim.host.crash();
    done()
}

fn server_disk_full(sim: &mut Sim, rng: &mut Rng) -> Checked<String> {
    let commits = rng.gen_range(1..6);
    sim.host.disk.fail_next(commits);
    Ok(format!("for {commits} commits"))
}

fn server_backup(sim: &mut Sim, _: &mut Rng) -> Checked<String> {
    sim.backups.push(sim.host.disk.snapshot());
    done()
}

fn server_restored(sim: &mut Sim, rng: &mut Rng) -> Checked<String> {
    if sim.backups.is_empty() {
        return Ok("there is no backup".to_owned());
    }
    let copy = sim.backups[rng.gen_range(0..sim.backups.len())].snapshot();
    for device in &mut sim.devices {
        device.hang_up();
    }
    sim.restore(&copy)
}

fn key_packages_used_up(sim: &mut Sim, rng: &mut Rng) -> Checked<String> {
    let who = sim.anybody(rng);
    let packages = rng.gen_range(1..8);
    if let Some((_, device)) = sim.devices[who].identity {
        sim.host.use_up_key_packages(device, packages);
    }
    Ok(format!("{packages} of {who}"))
}

fn device_restart(sim: &mut Sim, rng: &mut Rng) -> Checked<String> {
    let who = sim.anybody(rng);
    let now_ms = sim.time_of(who);
    sim.devices[who].restart(None, now_ms)?;
    Ok(format!("{who}"))
}

/// The process dies after some commit: none later succeeds, and what it had told the
/// network before counts.
fn device_killed(sim: &mut Sim, rng: &mut Rng) -> Checked<String> {
    let who = sim.anybody(rng);
    let commits = rng.gen_range(0..8);
    sim.devices[who].disk.refuse_after(commits);
    for _ in 0..3 {
        sim.turn(who, rng.gen_range(1..20))?;
        sim.host.run(1);
    }
    let now_ms = sim.time_of(who);
    sim.devices[who].restart(None, now_ms)?;
    Ok(format!("{who} after {commits} commits"))
}

fn device_disk_full(sim: &mut Sim, rng: &mut Rng) -> Checked<String> {
    let who = sim.anybody(rng);
    let (now_ms, room) = (sim.time_of(who), rng.gen_range(0..4));
    let device = &mut sim.devices[who];
    let room = (!device.disk_full).then_some(room);
    device.restart(room, now_ms)?;
    Ok(format!("{who} {room:?} pages left"))
}

fn device_clock(sim: &mut Sim, rng: &mut Rng) -> Checked<String> {
    let who = sim.anybody(rng);
    let most = 10_i64.pow(rng.gen_range(3..10));
    sim.devices[who].clock_ahead_ms = rng.gen_range(-most..most);
    Ok(format!("{who} {} ms", sim.devices[who].clock_ahead_ms))
}

/// Minutes back or ahead: memberships and entries are dated by it.
fn server_clock(sim: &mut Sim, rng: &mut Rng) -> Checked<String> {
    sim.server_ahead_ms = rng.gen_range(-600_000..600_000);
    sim.pass(0);
    Ok(format!("{} ms", sim.server_ahead_ms))
}

fn server_clock_far(sim: &mut Sim, rng: &mut Rng) -> Checked<String> {
    sim.server_ahead_ms = rng.gen_range(0..200 * DAY_MS as i64);
    sim.pass(0);
    sim.allowances.dated_ahead();
    Ok(format!("{} ms", sim.server_ahead_ms))
}

/// A backup program puts the database back to what it was some turns ago.
fn rolled_back(sim: &mut Sim, rng: &mut Rng) -> Checked<String> {
    let who = sim.anybody(rng);
    let copy = sim.devices[who].disk.copy();
    for _ in 0..rng.gen_range(0..30) {
        sim.turn(who, 20)?;
        sim.turn_some(rng)?;
    }
    let now_ms = sim.time_of(who);
    sim.devices[who].roll_back(&copy, now_ms)?;
    sim.allowances.rolled_back(who);
    Ok(format!("{who}"))
}

/// A second device starts from a copy of the first one's database.
fn cloned(sim: &mut Sim, rng: &mut Rng) -> Checked<String> {
    let who = sim.anybody(rng);
    let copy = sim.devices[who].disk.copy();
    let number = sim.devices.len();
    let disk = super::disk::Disk::of(&copy);
    let mut clone = Device::on(disk, sim.seed, number, sim.now_ms);
    clone.identity = sim.devices[who].identity;
    clone.remember();
    sim.devices.push(clone);
    sim.allowances.copied(who, number);
    Ok(format!("{who} as {number}"))
}
