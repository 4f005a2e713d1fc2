//! A locum is removed: what its device can still do, asked politely, as `relais`
//! does, and not so politely, by a [`Probe`].

use relais_wire::ids::ChannelId;
use serde_json::Value;

use super::{Check, Verdict, read};
use crate::device::{number, required, text};
use crate::failure::{Failure, Result};
use crate::people::LOCUM;
use crate::photo;
use crate::probe::Probe;
use crate::search::{Plants, Search};
use crate::story::expect;

const LOCUM_TEXT: &str = "Bonjour, je remplace Maëlle cette semaine.";
const LATER_TEXT: &str = "Après le départ de la remplaçante : la famille est prévenue.";
const LATER_CAPTION: &str = "Contrôle du soir, bords plus nets";

impl Check {
    pub(super) fn removed(&mut self) -> Verdict {
        let story = &mut self.story;
        let thread = story.thread.clone();
        story.locum.sync()?;
        story.send(&story.locum, LOCUM_TEXT, &[])?;
        let removed = story
            .coordinator
            .ask(&["thread", "remove", &thread, LOCUM.family_name])?;
        expect(&removed, "state", "sent")?;
        let locum = removed
            .get("person")
            .map(|person| text(person, "id").to_owned());
        let locum = locum.unwrap_or_default();
        let items = story.coordinator.items(&thread)?;
        let removal = items.iter().find(|item| is_removal(item, &locum));
        let Some(removal) = removal.and_then(|item| number(item, "seq")) else {
            return Ok(Err("the coordinator sees no removal".into()));
        };
        self.removal = removal;
        story.nurse.sync()?;
        story.send(&story.nurse, LATER_TEXT, &[])?;
        let photo = story.send_photo(&story.nurse, "later.jpg", LATER_CAPTION, &[])?;
        let said = [LOCUM_TEXT, LATER_TEXT, LATER_CAPTION];
        story.texts.extend(said.map(str::to_owned));
        story.nurse.sync()?;
        story.coordinator.sync()?;
        let saved = story.path("later-coordinator.jpg").display().to_string();
        let saved = story
            .coordinator
            .ask(&["photo", "save", &thread, &photo, &saved])?;
        let blob = required(&saved, "blob")?;

        story.locum.sync()?;
        let items = story.locum.items(&thread)?;
        let ends_there = items
            .last()
            .is_some_and(|item| is_removal(item, &locum) && number(item, "seq") == Some(removal));
        if !ends_there {
            return Ok(Err(format!(
                "the timeline does not end with the removal: {:?}",
                items.last()
            )));
        }
        let (refused, _) = story
            .locum
            .try_ask(&["send", &thread, "Encore là ?"], &[3])?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        let runtime = runtime.map_err(|e| Failure::Program(e.to_string()))?;
        let entries = match runtime.block_on(self.probe(removal, &blob))? {
            Ok(entries) => entries,
            Err(problem) => return Ok(Err(problem)),
        };
        Ok(Ok(format!(
            "ends at {removal}, sending is refused ({refused}), {entries} later entries and a blob are not to be had"
        )))
    }

    /// Asks for the log and a blob with the removed device's keys, then hands it
    /// what a member's device was given.
    async fn probe(&self, removal: u64, blob: &str) -> Result<Result<usize, String>> {
        let story = &self.story;
        let address = || story.server.address().to_string();
        let channel = ChannelId::from_hex(&story.thread);
        let channel = channel.ok_or_else(|| Failure::Story("a thread without an id".into()))?;
        let mut member = Probe::open(&story.coordinator, address()).await?;
        let later = member.read_log(channel, removal).await?;
        let allowed = member.fetch_blob(blob).await?;
        member.close()?;
        if later.len() < 2 || allowed != 200 {
            return Ok(Err(format!(
                "a member is given {} entries and answer {allowed}",
                later.len()
            )));
        }
        let mut outsider = Probe::open(&story.locum, address()).await?;
        for after in [0, removal, removal + 1] {
            let given = outsider.read_log(channel, after).await?;
            if let Some(entry) = given.iter().find(|entry| entry.seq > removal) {
                return Ok(Err(format!(
                    "the server gives entry {} after the removal",
                    entry.seq
                )));
            }
        }
        let status = outsider.fetch_blob(blob).await?;
        if !matches!(status, 403 | 404) {
            return Ok(Err(format!("the server answers {status} for a later blob")));
        }
        if outsider.swallow(channel, &later)? {
            return Ok(Err("the device shows something of later entries".into()));
        }
        Ok(Ok(later.len()))
    }

    pub(super) fn still_removed(&mut self) -> Verdict {
        let story = &self.story;
        story.locum.sync()?;
        let head = story.head(&story.locum)?;
        if head != self.removal {
            return Ok(Err(format!(
                "it has read up to {head} instead of {}",
                self.removal
            )));
        }
        let export = story.path("export-locum");
        let out = export.display().to_string();
        story.locum.ask(&["export", &story.thread, "--out", &out])?;
        let mut later = Plants::default();
        later.text("text", LATER_TEXT);
        later.text("caption", LATER_CAPTION);
        for said in self
            .traffic
            .iter()
            .flat_map(|traffic| traffic.written.keys())
        {
            later.text("message", said);
        }
        let path = story.path("later-coordinator.jpg");
        later.runs("photo", photo::pixels(&read(&path)?));
        let found = Search::new(&later).through(&[&export])?;
        Ok(match found.hits.values().next() {
            Some(hit) => Err(format!("its export holds {}", hit.what)),
            None => Ok(format!(
                "its export holds none of {} later secrets",
                later.len()
            )),
        })
    }
}

fn is_removal(item: &Value, who: &str) -> bool {
    let subject = item.get("subject").map(|subject| text(subject, "id"));
    text(item, "notice") == "removed" && subject == Some(who)
}
