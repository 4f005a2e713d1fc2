//! What people do in threads. Each act draws who does it and with what; what the engine refuses
//! with a reason for the person is part of life.

use rand::Rng as _;
use rand::seq::{IteratorRandom, SliceRandom};
use relais_content::v1::{
    BodySite, HandoverNote, IdentityStatus, Laterality, PatientHeader, Priority, RequestKind, Sex,
    TaskChange, WoundAssessed, WoundChange, WoundOrigin, content::Kind,
};
use relais_core::commands::{NewMember, NewTask, NewThread, NewWound};
use relais_core::query::{ThreadState, TimelineBody, WoundStatus};
use relais_core::{Class, Error};
use relais_wire::ids::{ChannelId, EventId, ProfessionalId};
use relais_wire::v1::ChannelRole;

use super::operations::{Operation, usual};
use super::{Checked, PLANTED, Rng, Sim};

/// Everything that people do.
pub const ACTS: &[Operation] = &[
    usual("say", 20, say),
    usual("reply", 4, reply),
    usual("photo", 2, photo),
    usual("wound", 4, wound),
    usual("task", 5, task),
    usual("change task", 6, change_task),
    usual("hand over", 4, hand_over),
    usual("acknowledge", 4, acknowledge),
    usual("header", 3, header),
    usual("mark read", 6, mark_read),
    usual("add", 6, add),
    usual("add for a time", 2, add_for_a_time),
    usual("promote", 2, promote),
    usual("remove", 4, remove),
    usual("open a thread", 2, open_a_thread),
    usual("retry", 2, retry),
    usual("discard", 2, discard),
    usual("settle", 3, settle),
];

/// What somebody types.
pub fn words(rng: &mut Rng) -> String {
    format!("{PLANTED} {}", rng.r#gen::<u32>())
}

impl Sim {
    /// A device and one of its threads that can be used.
    pub(super) fn somebody(&self, rng: &mut Rng) -> Option<(usize, ChannelId)> {
        let who = rng.gen_range(0..self.devices.len());
        let threads = self.devices[who].engine.threads().unwrap_or_default();
        let usable = threads
            .iter()
            .filter(|t| matches!(t.state, ThreadState::Joined | ThreadState::Creating));
        Some((who, usable.choose(rng)?.channel))
    }

    /// What came of a command: done, refused with a reason for the person, or the
    /// disk's doing.
    pub(super) fn told<T>(&mut self, who: usize, result: Result<T, Error>) -> Checked<String> {
        match result {
            Ok(_) => Ok(format!("{who}")),
            Err(error)
                if matches!(error, Error::NotYet(_))
                    || matches!(error.class(), Class::UserError | Class::Reenrol) =>
            {
                Ok(format!("{who} may not: {error}"))
            }
            Err(error) => {
                self.failed(who, &error)?;
                Ok(format!("{who} could not: {error}"))
            }
        }
    }

    /// As [`Sim::told`], for a command that wrote an event: it is not forgotten.
    pub(super) fn wrote(
        &mut self,
        who: usize,
        channel: ChannelId,
        result: Result<EventId, Error>,
    ) -> Checked<String> {
        if let Ok(event) = &result {
            self.devices[who].ledger.accepted(channel, *event);
        }
        self.told(who, result)
    }

    fn events(&self, who: usize, channel: ChannelId) -> Checked<Vec<(EventId, Kind)>> {
        let items = self.devices[who].engine.timeline(channel, 0, usize::MAX)?;
        let events = items.into_iter().filter_map(|item| match item.body {
            TimelineBody::Event(id, kind) => Some((id, *kind)),
            _ => None,
        });
        Ok(events.collect())
    }

    pub(super) fn person(&self, rng: &mut Rng) -> Option<ProfessionalId> {
        let people = self.devices.iter().filter_map(super::Device::professional);
        people.choose(rng)
    }
}

/// There is nobody who could.
pub fn nobody() -> Checked<String> {
    Ok("nobody".to_owned())
}

fn say(sim: &mut Sim, rng: &mut Rng) -> Checked<String> {
    let Some((who, channel)) = sim.somebody(rng) else {
        return nobody();
    };
    let priority = *[Priority::Normal, Priority::Urgent]
        .choose(rng)
        .unwrap_or(&Priority::Normal);
    let engine = &mut sim.devices[who].engine;
    let sent = engine.send_message(channel, &words(rng), priority, None);
    sim.wrote(who, channel, sent)
}

fn reply(sim: &mut Sim, rng: &mut Rng) -> Checked<String> {
    let Some((who, channel)) = sim.somebody(rng) else {
        return nobody();
    };
    let Some((event, _)) = sim.events(who, channel)?.into_iter().choose(rng) else {
        return Ok("nothing to answer".to_owned());
    };
    let engine = &mut sim.devices[who].engine;
    let sent = engine.send_message(channel, &words(rng), Priority::Normal, Some(event));
    sim.wrote(who, channel, sent)
}

fn photo(sim: &mut Sim, rng: &mut Rng) -> Checked<String> {
    let Some((who, channel)) = sim.somebody(rng) else {
        return nobody();
    };
    let colour: [u8; 3] = rng.r#gen();
    let image = image::RgbImage::from_pixel(16, 16, image::Rgb(colour));
    let mut bytes = std::io::Cursor::new(Vec::new());
    image
        .write_to(&mut bytes, image::ImageFormat::Png)
        .map_err(|e| format!("no picture: {e}"))?;
    let engine = &mut sim.devices[who].engine;
    let caption = words(rng);
    let sent = engine.send_photo(
        channel,
        bytes.get_ref(),
        &caption,
        "",
        Laterality::Left,
        None,
    );
    sim.wrote(who, channel, sent)
}

/// Opens a wound, or assesses, closes or reopens one.
fn wound(sim: &mut Sim, rng: &mut Rng) -> Checked<String> {
    let Some((who, channel)) = sim.somebody(rng) else {
        return nobody();
    };
    let wounds = sim.devices[who].engine.wounds(channel)?;
    let engine = &mut sim.devices[who].engine;
    let Some(wound) = wounds.choose(rng).filter(|_| rng.gen_ratio(4, 5)) else {
        let new = NewWound {
            origin: WoundOrigin::Pressure,
            onset: None,
            site: BodySite {
                words: words(rng),
                ..BodySite::default()
            },
            place: None,
        };
        let opened = engine.open_wound(channel, &new);
        return sim.told(who, opened);
    };
    let changed = match wound.status {
        WoundStatus::Open if rng.gen_ratio(3, 4) => {
            let found = WoundAssessed {
                wound_id: wound.wound.to_bytes(),
                length_mm: Some(rng.gen_range(0..200)),
                width_mm: Some(rng.gen_range(0..200)),
                ..WoundAssessed::default()
            };
            engine.assess_wound(channel, found)
        }
        WoundStatus::Open => engine.change_wound(channel, wound.wound, WoundChange::Healed, ""),
        _ => engine.change_wound(channel, wound.wound, WoundChange::Reopened, ""),
    };
    sim.wrote(who, channel, changed)
}

fn task(sim: &mut Sim, rng: &mut Rng) -> Checked<String> {
    let Some((who, channel)) = sim.somebody(rng) else {
        return nobody();
    };
    let owner = rng.gen_ratio(1, 2).then(|| sim.person(rng)).flatten();
    let new = NewTask {
        title: words(rng),
        detail: words(rng),
        owner,
        priority: Priority::Normal,
        due_ms: None,
        linked_event: None,
    };
    let created = sim.devices[who].engine.create_task(channel, &new);
    sim.told(who, created)
}

fn change_task(sim: &mut Sim, rng: &mut Rng) -> Checked<String> {
    let Some((who, channel)) = sim.somebody(rng) else {
        return nobody();
    };
    let tasks = sim.devices[who].engine.tasks(channel)?;
    let Some(task) = tasks.choose(rng) else {
        return Ok("no task".to_owned());
    };
    let change = *[TaskChange::Taken, TaskChange::Done, TaskChange::Declined]
        .choose(rng)
        .unwrap_or(&TaskChange::Done);
    let reason = if change == TaskChange::Declined {
        words(rng)
    } else {
        String::new()
    };
    let engine = &mut sim.devices[who].engine;
    let changed = engine.change_task(channel, task.task, change, &reason);
    sim.wrote(who, channel, changed)
}

fn hand_over(sim: &mut Sim, rng: &mut Rng) -> Checked<String> {
    let Some((who, channel)) = sim.somebody(rng) else {
        return nobody();
    };
    let Some(receiver) = sim.person(rng) else {
        return nobody();
    };
    let note = HandoverNote {
        situation: words(rng),
        background: words(rng),
        assessment: words(rng),
        request: words(rng),
        request_kind: RequestKind::Visit.into(),
        deadline_ms: 0,
        receivers: vec![receiver.to_bytes()],
    };
    let written = sim.devices[who].engine.write_handover(channel, note);
    sim.wrote(who, channel, written)
}

fn acknowledge(sim: &mut Sim, rng: &mut Rng) -> Checked<String> {
    let Some((who, channel)) = sim.somebody(rng) else {
        return nobody();
    };
    let handovers = sim.devices[who].engine.handovers(channel)?;
    let Some(handover) = handovers.choose(rng).map(|h| h.event) else {
        return Ok("no handover".to_owned());
    };
    let engine = &mut sim.devices[who].engine;
    let done = engine.acknowledge_handover(channel, handover, &words(rng));
    sim.wrote(who, channel, done)
}

fn header(sim: &mut Sim, rng: &mut Rng) -> Checked<String> {
    let Some((who, channel)) = sim.somebody(rng) else {
        return nobody();
    };
    let header = PatientHeader {
        birth_name: words(rng),
        birth_given_names: vec!["Odile".to_owned()],
        sex: Sex::Female.into(),
        identity_status: IdentityStatus::Provisional.into(),
        ..PatientHeader::default()
    };
    let set = sim.devices[who].engine.set_patient_header(channel, header);
    sim.told(who, set)
}

fn mark_read(sim: &mut Sim, rng: &mut Rng) -> Checked<String> {
    let Some((who, channel)) = sim.somebody(rng) else {
        return nobody();
    };
    let seq = sim.devices[who].engine.thread(channel)?.seq;
    let marked = sim.devices[who].engine.mark_read(channel, seq);
    sim.told(who, marked)
}

fn add_as(
    sim: &mut Sim,
    rng: &mut Rng,
    change: impl FnOnce(&mut NewMember, u64),
) -> Checked<String> {
    let Some((who, channel)) = sim.somebody(rng) else {
        return nobody();
    };
    let Some(person) = sim.person(rng) else {
        return nobody();
    };
    let mut member = NewMember::care_team(person);
    change(&mut member, sim.time_of(who));
    let added = sim.devices[who].engine.add_member(channel, &member);
    sim.told(who, added)
}

fn add(sim: &mut Sim, rng: &mut Rng) -> Checked<String> {
    let reader = rng.gen_ratio(1, 4);
    let past = super::threads::some_past(rng, sim.host.now_ms());
    add_as(sim, rng, |member, _| {
        member.history = past;
        if reader {
            member.role = ChannelRole::Reader;
        }
    })
}

fn add_for_a_time(sim: &mut Sim, rng: &mut Rng) -> Checked<String> {
    let end = rng.gen_range(60_000..10 * 24 * 3_600_000);
    add_as(sim, rng, |member, now_ms| {
        member.expires_at_ms = Some(now_ms + end);
    })
}

fn promote(sim: &mut Sim, rng: &mut Rng) -> Checked<String> {
    add_as(sim, rng, |member, _| member.role = ChannelRole::Manager)
}

fn remove(sim: &mut Sim, rng: &mut Rng) -> Checked<String> {
    let Some((who, channel)) = sim.somebody(rng) else {
        return nobody();
    };
    let members = sim.devices[who].engine.members(channel)?;
    let Some(gone) = members.choose(rng).map(|m| m.professional) else {
        return nobody();
    };
    let removed = sim.devices[who].engine.remove_member(channel, gone);
    sim.told(who, removed)
}

fn open_a_thread(sim: &mut Sim, rng: &mut Rng) -> Checked<String> {
    let who = rng.gen_range(0..sim.devices.len());
    let members = [sim.person(rng), sim.person(rng)];
    let mut members: Vec<_> = members.into_iter().flatten().collect();
    let me = sim.devices[who].professional();
    members.sort();
    members.dedup();
    members.retain(|member| Some(*member) != me);
    let new = NewThread {
        title: words(rng),
        header: None,
        members: members.into_iter().map(NewMember::care_team).collect(),
    };
    let opened = sim.devices[who].engine.create_thread(&new);
    sim.told(who, opened)
}

fn failed_act(sim: &Sim, rng: &mut Rng) -> Option<(usize, i64)> {
    let failed = sim.devices.iter().enumerate().flat_map(|(who, device)| {
        let acts = device.engine.failed_acts().unwrap_or_default();
        acts.into_iter().map(move |act| (who, act.number))
    });
    failed.choose(rng)
}

fn decide(
    sim: &mut Sim,
    rng: &mut Rng,
    decision: fn(&mut relais_core::Engine, i64) -> Result<(), Error>,
) -> Checked<String> {
    let Some((who, number)) = failed_act(sim, rng) else {
        return Ok("nothing failed".to_owned());
    };
    let device = &mut sim.devices[who];
    let acts = device.engine.failed_acts()?;
    let act = acts.into_iter().find(|act| act.number == number);
    let decided = decision(&mut device.engine, number);
    if decided.is_ok()
        && let Some(act) = act
        && let (Some(channel), Some((event, _))) = (act.channel, act.event)
    {
        device.ledger.let_go(channel, event);
    }
    sim.told(who, decided)
}

fn retry(sim: &mut Sim, rng: &mut Rng) -> Checked<String> {
    decide(sim, rng, relais_core::Engine::retry)
}

fn discard(sim: &mut Sim, rng: &mut Rng) -> Checked<String> {
    decide(sim, rng, relais_core::Engine::discard)
}

fn settle(sim: &mut Sim, _: &mut Rng) -> Checked<String> {
    sim.settle()?;
    Ok("at rest".to_owned())
}
