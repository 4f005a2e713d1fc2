//! The story without an audience, and what must hold in it. One line for each
//! check, and the result at the end.

mod removal;
mod secrets;

use std::path::{Path, PathBuf};
use std::time::Instant;

use serde_json::Value;

use crate::device::{Device, number, text};
use crate::failure::{Failure, Result};
use crate::guests::Guests;
use crate::kills::{self, Traffic};
use crate::people::{DOCTOR, LOCUM, NURSE};
use crate::processes::{Ended, Programs, wait_until};
use crate::story::{ARRIVES, Story, expect};
use crate::{folder, photo};

const OFFLINE_TEXT: &str = "Sans réseau chez la patiente : pansement refait à 8 h 10.";
const OFFLINE_CAPTION: &str = "Après détersion, prise en zone blanche";
const OFFLINE_TASK: &str = "Rappeler le laboratoire d'analyses";

/// What a check says: fine with these details, or what is wrong.
type Verdict = Result<Result<String, String>>;

/// Runs all checks; `true` when every one holds.
pub fn run(seed: u64, kills: u32) -> Result<bool> {
    let begun = Instant::now();
    println!("demo check, seed {seed}, {kills} kills");
    let programs = Programs::find()?;
    let folder = folder()?;
    let mut check = Check::begin(&programs, folder.path().to_owned(), seed)?;
    check.carry_out("the nurse's offline writes arrive", Check::offline)?;
    check.carry_out("the photo arrives without EXIF", Check::photo)?;
    check.carry_out(
        "a removed member fetches and decrypts nothing",
        Check::removed,
    )?;
    check.carry_out("kills of the server lose and double nothing", |check| {
        check.killed(seed, kills)
    })?;
    check.carry_out("all devices show the same", Check::projections)?;
    check.carry_out(
        "who opens a link sees the thread from its start",
        Check::guests,
    )?;
    check.carry_out(
        "the removed member is still where it was",
        Check::still_removed,
    )?;
    check.carry_out("the server's folder and logs hold no secret", Check::search)?;
    check.carry_out("every process ended as it should", |check| {
        check.exits(kills)
    })?;
    println!("{:.1} s in all", begun.elapsed().as_secs_f32());
    println!(
        "demo check: {} passed, {} failed",
        check.passed, check.failed
    );
    Ok(check.failed == 0)
}

struct Check {
    story: Story,
    passed: usize,
    failed: usize,
    /// Where the locum's part of the log ends.
    removal: u64,
    traffic: Option<Traffic>,
}

impl Check {
    fn begin(programs: &Programs, folder: PathBuf, seed: u64) -> Result<Self> {
        let begun = Instant::now();
        let mut story = Story::begin(programs, folder, seed, true)?;
        story.enrol(&NURSE, &story.nurse)?;
        story.enrol(&DOCTOR, &story.doctor)?;
        story.enrol(&LOCUM, &story.locum)?;
        story.open(&[&NURSE, &DOCTOR, &LOCUM])?;
        story.first_day()?;
        println!(
            "the first day is played  ({:.1} s)",
            begun.elapsed().as_secs_f32()
        );
        Ok(Self {
            story,
            passed: 0,
            failed: 0,
            removal: 0,
            traffic: None,
        })
    }

    fn carry_out(&mut self, what: &str, check: impl FnOnce(&mut Self) -> Verdict) -> Result<()> {
        let begun = Instant::now();
        let verdict = match check(self) {
            Err(Failure::Interrupted) => return Err(Failure::Interrupted),
            Err(failure) => Err(failure.to_string()),
            Ok(verdict) => verdict,
        };
        let took = begun.elapsed().as_secs_f32();
        match verdict {
            Ok(detail) => {
                self.passed += 1;
                println!("ok      {what}: {detail}  ({took:.1} s)");
            }
            Err(problem) => {
                self.failed += 1;
                println!("FAILED  {what}: {problem}  ({took:.1} s)");
            }
        }
        Ok(())
    }

    fn offline(&mut self) -> Verdict {
        let story = &mut self.story;
        let thread = story.thread.clone();
        story.doctor.ask(&["task", "new", &thread, OFFLINE_TASK])?;
        story.nurse.sync()?;
        let offline = ["--offline"];
        let sent = story
            .nurse
            .ask(&["send", &thread, OFFLINE_TEXT, "--offline"])?;
        expect(&sent, "state", "waiting")?;
        let photo = story.send_photo(&story.nurse, "offline.jpg", OFFLINE_CAPTION, &offline)?;
        for change in ["take", "done"] {
            let done = story
                .nurse
                .ask(&["task", change, &thread, OFFLINE_TASK, "--offline"])?;
            expect(&done, "state", "waiting")?;
        }
        let said = [OFFLINE_TEXT, OFFLINE_CAPTION, OFFLINE_TASK];
        story.texts.extend(said.map(str::to_owned));
        let early = story.doctor.items(&thread)?;
        if has(&early, "text", OFFLINE_TEXT) {
            return Ok(Err("the message left although the nurse was offline".into()));
        }
        story.nurse.sync()?;
        for device in [&story.coordinator, &story.doctor] {
            let items = device.items(&thread)?;
            let name = device.name;
            if !has(&items, "text", OFFLINE_TEXT) || !has(&items, "caption", OFFLINE_CAPTION) {
                return Ok(Err(format!("{name}: message or photo is missing")));
            }
            let tasks = device.ask(&["task", "list", &thread])?;
            let tasks = tasks.get("tasks").and_then(Value::as_array);
            let done = tasks
                .into_iter()
                .flatten()
                .any(|task| text(task, "title") == OFFLINE_TASK && text(task, "status") == "done");
            if !done {
                return Ok(Err(format!("{name}: the task is not done")));
            }
            let saved = story.path(&format!("offline-{name}.jpg"));
            device.ask(&[
                "photo",
                "save",
                &thread,
                &photo,
                &saved.display().to_string(),
            ])?;
        }
        Ok(Ok("a message, a photo, a task taken and done".into()))
    }

    fn photo(&mut self) -> Verdict {
        let story = &self.story;
        let taken = story.path("wound.jpg");
        let taken = read(&taken)?;
        if photo::metadata(&taken).len() < 6 {
            return Ok(Err("the photo had no EXIF to lose".into()));
        }
        let mut detail = String::new();
        for device in [&story.coordinator, &story.doctor] {
            let path = story.path(&format!("wound-{}.jpg", device.name));
            device.ask(&[
                "photo",
                "save",
                &story.thread,
                &story.photo,
                &path.display().to_string(),
            ])?;
            let arrived = read(&path)?;
            let found = photo::metadata(&arrived);
            if !found.is_empty() {
                return Ok(Err(format!(
                    "{}: the photo holds {}",
                    device.name,
                    found.join(", ")
                )));
            }
            let sides = photo::decoded(&arrived)?;
            if !photo::is_small_enough(sides) {
                return Ok(Err(format!(
                    "{}: the photo has {sides:?} pixels",
                    device.name
                )));
            }
            let (kib, (width, height)) = (arrived.len() / 1024, sides);
            detail = format!(
                "{} KiB with a position became {width} × {height}, {kib} KiB without",
                taken.len() / 1024
            );
        }
        Ok(Ok(detail))
    }

    fn killed(&mut self, seed: u64, kills: u32) -> Verdict {
        let traffic = kills::run(&mut self.story, seed, kills)?;
        let story = &mut self.story;
        for device in story.members().into_iter().chain(story.members()) {
            device.sync()?;
        }
        let mut first: Option<Vec<String>> = None;
        for device in story.members() {
            let shown = kills::shown(device, &story.thread)?;
            if let Some(problem) = kills::compare(&traffic.written, &shown) {
                return Ok(Err(format!("{}: {problem}", device.name)));
            }
            if *first.get_or_insert_with(|| shown.clone()) != shown {
                return Ok(Err(format!(
                    "{}: another order than the coordinator's",
                    device.name
                )));
            }
        }
        story.texts.extend(traffic.written.keys().cloned());
        let (written, sent) = (traffic.written.len(), traffic.acknowledged());
        let detail = format!(
            "{} kills, {written} messages of which {sent} were acknowledged at once",
            traffic.kills
        );
        self.traffic = Some(traffic);
        Ok(Ok(detail))
    }

    fn projections(&mut self) -> Verdict {
        let story = &self.story;
        let ask = |device: &Device, after: u64| {
            device.ask(&["projection", &story.thread, "--after", &after.to_string()])
        };
        let mut joined = 0;
        for device in story.members() {
            joined = joined.max(number(&ask(device, 0)?, "joined_seq").unwrap_or(0));
        }
        let fields = ["seq", "epoch", "hash", "epoch_authenticator"];
        let mut first: Option<Value> = None;
        for device in story.members() {
            let found = ask(device, joined)?;
            let first = first.get_or_insert_with(|| found.clone());
            for field in fields {
                if found.get(field) != first.get(field) || found.get(field).is_none() {
                    return Ok(Err(format!(
                        "{}: {field} differs: {first} and {found}",
                        device.name
                    )));
                }
            }
        }
        let first = first.unwrap_or_default();
        let hash: String = text(&first, "hash").chars().take(16).collect();
        let seq = number(&first, "seq").unwrap_or(0);
        Ok(Ok(format!(
            "hash {hash}… from {joined} to {seq} on 3 devices"
        )))
    }

    fn guests(&mut self) -> Verdict {
        let story = &self.story;
        let said = |device: &Device| {
            let items = device.items(&story.thread)?;
            let messages = items.iter().filter(|item| text(item, "kind") == "message");
            Ok::<_, Failure>(messages.map(|m| text(m, "text").to_owned()).collect())
        };
        let expected: Vec<String> = said(&story.coordinator)?;
        let mut guests = Guests::invite(&story.coordinator, &story.thread)?;
        let devices: Vec<_> = (guests.invited.iter())
            .map(|guest| story.guest(guest.person))
            .collect();
        for (guest, device) in guests.invited.iter().zip(&devices) {
            device.ask(&["join", &guest.link])?;
        }
        let mut welcomed = Vec::new();
        let mut refused = None;
        let all = || {
            match guests.welcome() {
                Ok(people) => welcomed.extend(people.into_iter().map(|person| person.role)),
                Err(failure) => refused = Some(failure),
            }
            refused.is_some() || welcomed.len() == devices.len()
        };
        if !wait_until(ARRIVES, all) || refused.is_some() {
            let why = refused.map_or("in time".to_owned(), |failure| failure.to_string());
            return Ok(Err(format!("let in: {welcomed:?}, and no more: {why}")));
        }
        for device in &devices {
            let whole = || said(device).is_ok_and(|said| said == expected);
            if !wait_until(ARRIVES, whole) {
                return Ok(Err(format!("{}: not the whole thread", device.name)));
            }
        }
        guests.close()?;
        Ok(Ok(format!(
            "{} messages for {}",
            expected.len(),
            welcomed.join(", ")
        )))
    }

    fn exits(&mut self, kills: u32) -> Verdict {
        let story = &mut self.story;
        story.server.stop()?;
        let killed = story
            .server
            .ended
            .iter()
            .filter(|ended| **ended == Ended::Killed)
            .count();
        let stopped = story.server.ended.last() == Some(&Ended::Code(0));
        if killed != kills as usize || !stopped || story.server.ended.len() != killed + 1 {
            return Ok(Err(format!(
                "the server's processes ended {:?}",
                story.server.ended
            )));
        }
        let mut commands = 0;
        for call in story.devices().into_iter().flat_map(Device::calls) {
            commands += 1;
            let as_expected = call.code.is_some_and(|code| call.expected.contains(&code));
            if !as_expected || call.err.contains("panicked") {
                return Ok(Err(format!(
                    "{}: {}: {}",
                    call.command,
                    call.ended,
                    call.err.trim()
                )));
            }
        }
        let logs = story.server.logs();
        for entry in std::fs::read_dir(logs).map_err(Failure::file(logs))? {
            let path = entry.map_err(Failure::file(logs))?.path();
            let log = read(&path)?;
            if let Some(line) = String::from_utf8_lossy(&log)
                .lines()
                .find(|l| l.contains("panicked"))
            {
                return Ok(Err(format!("{}: {line}", path.display())));
            }
        }
        Ok(Ok(format!(
            "{commands} commands, {killed} killed servers, one stopped"
        )))
    }
}

fn read(path: &Path) -> Result<Vec<u8>> {
    std::fs::read(path).map_err(Failure::file(path))
}

fn has(items: &[Value], field: &str, wanted: &str) -> bool {
    items.iter().any(|item| text(item, field) == wanted)
}
