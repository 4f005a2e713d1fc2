//! The search of the server's folder and logs, and the proof that it can find.

use super::{Check, Verdict, read};
use crate::people::{COORDINATOR, DOCTOR, INS, LOCUM, NURSE};
use crate::photo;
use crate::search::{Plants, Search};

impl Check {
    pub(super) fn search(&mut self) -> Verdict {
        let story = &mut self.story;
        let export = story.path("export-coordinator");
        let out = export.display().to_string();
        story
            .coordinator
            .ask(&["export", &story.thread, "--out", &out, "--offline"])?;
        let mut plants = Plants::default();
        for said in &story.texts {
            plants.text("text", said);
        }
        plants.text("INS", INS);
        for person in [COORDINATOR, NURSE, DOCTOR, LOCUM] {
            plants.text("name", person.given_name);
            plants.text("name", person.family_name);
            plants.text("RPPS", person.rpps);
        }
        let prepared = story.path("wound-doctor.jpg");
        plants.runs("photo as sent", photo::pixels(&read(&prepared)?));
        let thumbnail = export
            .join("photos")
            .join(format!("{}.thumbnail.jpg", story.photo));
        plants.runs("thumbnail", photo::pixels(&read(&thumbnail)?));
        let mut original = Plants::default();
        let taken = story.path("wound.jpg");
        original.runs("photo as taken", photo::pixels(&read(&taken)?));

        // What the server writes when it stops is looked through as well.
        story.server.stop()?;
        let places = [story.server.data(), story.server.logs()];
        let (search, original_search) = (Search::new(&plants), Search::new(&original));
        let mut looked = (0, 0);
        for search in [&search, &original_search] {
            let found = search.through(&places)?;
            if let Some(hit) = found.hits.values().next() {
                let count = found.hits.len();
                let (what, encoding, file) = (&hit.what, hit.encoding, hit.file.display());
                return Ok(Err(format!(
                    "{count} found, such as {what} as {encoding} in {file}"
                )));
            }
            looked = (found.files, found.bytes / 1024);
        }
        // The same search must find each of them where they are.
        for (search, plants, place) in [
            (&search, &plants, &export),
            (&original_search, &original, &taken),
        ] {
            let found = search.through(&[place])?;
            let missing = plants.missing(&found);
            if let Some(first) = missing.first() {
                return Ok(Err(format!(
                    "{} not even in the export, such as {first}",
                    missing.len()
                )));
            }
        }
        let secrets = plants.len() + original.len();
        let (files, kib) = looked;
        Ok(Ok(format!(
            "{secrets} secrets in no form in {files} files, {kib} KiB; all of them in the export"
        )))
    }
}
