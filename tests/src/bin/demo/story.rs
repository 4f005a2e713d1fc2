//! The first day of a care thread: who joins, what is said, in which order. Told
//! to whoever watches, one plain line for each step.

use std::path::PathBuf;
use std::time::Duration;

use crate::device::{Device, number, required, text};
use crate::failure::{Failure, Result};
use crate::people::{self, COORDINATOR, DOCTOR, LOCUM, NURSE, Person};
use crate::photo;
use crate::processes::{Programs, Server, wait_until};

/// What arrives at a device by itself arrives within this.
pub const ARRIVES: Duration = Duration::from_secs(30);

/// Said on the first day, in this order.
pub const GREETING: &str =
    "Bonjour à tous, voici le fil de Mme Exemple : plaie du talon gauche, sortie hier.";
/// The nurse, urgently.
pub const WARNING: &str = "Fièvre à 38,5 °C ce matin, la plaie s'élargit. Photo à suivre.";
/// Under the photo.
pub const CAPTION: &str = "J12, bords macérés, fibrine au centre";
/// What the doctor asks for.
pub const TASK: &str = "Prélever un INR et une glycémie à jeun";
/// SAED and what the doctor makes of it.
pub const HANDOVER: [&str; 5] = [
    "Plaie du talon gauche, stade 3, odeur depuis hier soir",
    "Diabète de type 2, artériopathie, sous anticoagulants",
    "Surinfection débutante probable, pas de contact osseux",
    "Passer voir la plaie avant demain midi",
    "Je passe ce soir à 19 h, antibiotique si cellulite étendue.",
];

/// What the followed wound is called.
const WOUND: &str = "Talon";

/// What the nurse finds at one visit.
struct Visit {
    caption: &'static str,
    /// Of the first length and width.
    percent: u32,
    /// In mm.
    length: &'static str,
    width: &'static str,
    /// Necrosis, slough, granulation, epithelium in per cent.
    tissue: &'static str,
    exudate: &'static str,
    trend: &'static str,
}

const VISITS: [Visit; 3] = [
    Visit {
        caption: "J12, avant détersion",
        percent: 100,
        length: "42",
        width: "30",
        tissue: "10,60,30,0",
        exudate: "high",
        trend: "worse",
    },
    Visit {
        caption: "J19, après détersion",
        percent: 85,
        length: "36",
        width: "25",
        tissue: "0,35,60,5",
        exudate: "moderate",
        trend: "better",
    },
    Visit {
        caption: "J26, bourgeonnement",
        percent: 65,
        length: "27",
        width: "20",
        tissue: "0,10,70,20",
        exudate: "low",
        trend: "better",
    },
];

/// A practice in a folder of its own, with its devices and one thread.
pub struct Story {
    /// The server.
    pub server: Server,
    /// The coordinator's device.
    pub coordinator: Device,
    /// The nurse's device.
    pub nurse: Device,
    /// The doctor's device.
    pub doctor: Device,
    /// The locum's device; joins in the check only.
    pub locum: Device,
    /// The thread's id.
    pub thread: String,
    /// The photo's event.
    pub photo: String,
    /// Every text that was written.
    pub texts: Vec<String>,
    /// Whether steps are told.
    quiet: bool,
    folder: PathBuf,
    programs: Programs,
    seed: u64,
}

impl Story {
    /// Founds the practice; nobody has joined yet but the coordinator.
    pub fn begin(programs: &Programs, folder: PathBuf, seed: u64, quiet: bool) -> Result<Self> {
        let (server, link) = Server::found(programs, folder.join("server"), folder.join("logs"))?;
        let device = |person: &Person| Device::new(person.role, &folder, programs);
        let story = Self {
            server,
            coordinator: device(&COORDINATOR),
            nurse: device(&NURSE),
            doctor: device(&DOCTOR),
            locum: device(&LOCUM),
            thread: String::new(),
            photo: String::new(),
            texts: people::PATIENT.map(str::to_owned).to_vec(),
            quiet,
            folder,
            programs: programs.clone(),
            seed,
        };
        story.tell(&format!(
            "A server founds a structure at {}.",
            story.server.url
        ));
        let join = [&["join", &link] as &[&str], &COORDINATOR.card()].concat();
        story.coordinator.ask(&join)?;
        story.tell(&format!(
            "{} joins with the set-up link: the coordinator.",
            COORDINATOR.name()
        ));
        Ok(story)
    }

    fn tell(&self, line: &str) {
        if !self.quiet {
            println!("• {line}");
        }
    }

    /// An invitation is issued, used and confirmed.
    pub fn enrol(&self, person: &Person, device: &Device) -> Result<()> {
        let invited = self
            .coordinator
            .ask(&[&["invite"] as &[&str], &person.card()].concat())?;
        let link = required(&invited, "link")?;
        device.ask(&["join", &link])?;
        self.coordinator.sync()?;
        // The coordinator's device answers a new colleague on its own; the card
        // comes with that answer.
        let known = || {
            let me = device.ask(&["whoami"]).ok();
            let name = me.as_ref().map(|me| text(me, "name").to_owned());
            name == Some(person.name())
        };
        if !wait_until(ARRIVES, known) {
            return Err(Failure::Story(format!(
                "{} was not confirmed",
                person.name()
            )));
        }
        self.tell(&format!(
            "{} joins with an invitation: the {}.",
            person.name(),
            person.role
        ));
        Ok(())
    }

    /// The coordinator opens the thread with these colleagues.
    pub fn open(&mut self, members: &[&Person]) -> Result<()> {
        let header = self.folder.join("patient.json");
        std::fs::write(&header, people::header()).map_err(Failure::file(&header))?;
        let header = header.display().to_string();
        let mut command = vec!["thread", "new", people::TITLE, "--header", &header];
        for member in members {
            command.extend(["--member", member.family_name]);
        }
        let opened = self.coordinator.ask(&command)?;
        expect(&opened, "state", "sent")?;
        self.thread = required(&opened, "thread")?;
        self.texts.push(people::TITLE.to_owned());
        self.tell(&format!(
            "The coordinator opens the thread “{}” with the patient header.",
            people::TITLE
        ));
        Ok(())
    }

    /// The first day.
    pub fn first_day(&mut self) -> Result<()> {
        let thread = self.thread.clone();
        self.nurse.sync()?;
        self.doctor.sync()?;
        self.send(&self.coordinator, GREETING, &[])?;
        self.tell("The coordinator says good morning.");
        self.send(&self.nurse, WARNING, &["--urgent"])?;
        self.tell("The nurse writes an urgent message.");
        self.photo = self.send_photo(&self.nurse, "wound.jpg", CAPTION, &[])?;
        self.tell("The nurse sends a photo that knows where it was taken; that stays behind.");
        self.doctor.sync()?;
        let task = [
            "task",
            "new",
            &thread,
            TASK,
            "--owner",
            NURSE.family_name,
            "--about",
            &self.photo,
        ];
        let created = self.doctor.ask(&task)?;
        expect(&created, "state", "sent")?;
        self.tell(&format!("The doctor asks the nurse: “{TASK}”."));
        for (change, done) in [("take", "takes"), ("done", "has done")] {
            expect(
                &self.nurse.ask(&["task", change, &thread, TASK])?,
                "state",
                "sent",
            )?;
            self.tell(&format!("The nurse {done} it."));
        }
        let [situation, background, assessment, request, synthesis] = HANDOVER;
        let handover = self.nurse.ask(&[
            "handover",
            "new",
            &thread,
            "--to",
            DOCTOR.family_name,
            "--kind",
            "visit",
            "--situation",
            situation,
            "--background",
            background,
            "--assessment",
            assessment,
            "--request",
            request,
        ])?;
        expect(&handover, "state", "sent")?;
        self.tell("The nurse hands over to the doctor (SAED).");
        let event = required(&handover, "event")?;
        let ack = ["handover", "ack", &thread, &event, "--synthesis", synthesis];
        expect(&self.doctor.ask(&ack)?, "state", "sent")?;
        self.tell("The doctor acknowledges the handover in his own words.");
        let said = [GREETING, WARNING, CAPTION, TASK]
            .into_iter()
            .chain(HANDOVER);
        self.texts.extend(said.map(str::to_owned));
        for device in [&self.coordinator, &self.nurse, &self.doctor] {
            device.sync()?;
        }
        Ok(())
    }

    /// The nurse follows the wound: it gets smaller from one photo to the next.
    pub fn follow_wound(&self) -> Result<()> {
        let thread = &self.thread;
        let opened = [
            "wound", "open", thread, WOUND, "--origin", "pressure", "--side", "left",
        ];
        let more = ["--since", "2026-02", "--at", "back:440,960"];
        let opened = self.nurse.ask(&[&opened as &[&str], &more].concat())?;
        expect(&opened, "state", "sent")?;
        self.tell("The nurse opens the wound for follow-up, on the body map.");
        for Visit {
            caption,
            percent,
            length,
            width,
            tissue,
            exudate,
            trend,
        } in &VISITS
        {
            let name = format!("wound-{percent}.jpg");
            let wound = ["--wound", WOUND];
            let photo = self.send_sized_photo(&self.nurse, &name, *percent, caption, &wound)?;
            let found = ["wound", "assess", thread, WOUND, "--photo", &photo];
            let measured = ["--length", length, "--width", width, "--tissue", tissue];
            let seen = ["--exudate", exudate, "--trend", trend];
            let found = [&found as &[&str], &measured, &seen].concat();
            expect(&self.nurse.ask(&found)?, "state", "sent")?;
        }
        self.tell("The nurse sends three photos of it, each with what she measured.");
        for device in self.members() {
            device.sync()?;
        }
        Ok(())
    }

    /// A text that reaches the log.
    pub fn send(&self, device: &Device, said: &str, more: &[&str]) -> Result<()> {
        let command = [&["send", &self.thread, said], more].concat();
        expect(&device.ask(&command)?, "state", "sent")
    }

    /// Takes a photo and sends it; its event.
    pub fn send_photo(
        &self,
        device: &Device,
        name: &str,
        caption: &str,
        more: &[&str],
    ) -> Result<String> {
        self.send_sized_photo(device, name, 100, caption, more)
    }

    /// The same of a wound of so many per cent of its first length and width.
    fn send_sized_photo(
        &self,
        device: &Device,
        name: &str,
        percent: u32,
        caption: &str,
        more: &[&str],
    ) -> Result<String> {
        let path = self.folder.join(name);
        // One photo differs from the next by its name.
        let seed = name
            .bytes()
            .fold(self.seed, |seed, b| seed.wrapping_mul(31) + u64::from(b));
        std::fs::write(&path, photo::take(seed, percent)?).map_err(Failure::file(&path))?;
        let file = path.display().to_string();
        let command = [
            "photo",
            "send",
            &self.thread,
            &file,
            "--caption",
            caption,
            "--site",
            "talon",
            "--side",
            "left",
        ];
        let sent = device.ask(&[&command, more].concat())?;
        required(&sent, "event")
    }

    /// A file of the story.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// A device for somebody who comes by a link of their own.
    pub fn guest(&self, person: &Person) -> Device {
        Device::new(person.role, &self.path("guests"), &self.programs)
    }

    /// The devices that are in the thread to the end.
    pub fn members(&self) -> [&Device; 3] {
        [&self.coordinator, &self.nurse, &self.doctor]
    }

    /// All devices.
    pub fn devices(&self) -> [&Device; 4] {
        [&self.coordinator, &self.nurse, &self.doctor, &self.locum]
    }

    /// Last place of the log that a device has read.
    pub fn head(&self, device: &Device) -> Result<u64> {
        let shown = device.ask(&["thread", "show", &self.thread, "--offline"])?;
        let seq = shown.get("thread").and_then(|thread| number(thread, "seq"));
        seq.ok_or_else(|| Failure::Story("a thread without a place in its log".into()))
    }
}

/// A field must say this.
pub fn expect(value: &serde_json::Value, field: &str, wanted: &str) -> Result<()> {
    match text(value, field) {
        found if found == wanted => Ok(()),
        _ => Err(Failure::Story(format!("{field} is not {wanted}: {value}"))),
    }
}
