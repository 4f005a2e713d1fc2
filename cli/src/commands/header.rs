//! The patient header: shown, replaced, and a template of it.

use std::path::PathBuf;

use clap::Args;
use relais_core::Engine;
use relais_core::wire::ids::ChannelId;
use serde::Serialize;

use super::written::{Act, Mark, Written, head};
use super::{TEXT_BYTES, text_file};
use crate::failure::{Failure, Result};
use crate::header::HeaderForm;
use crate::render::{Shown, Text, View};
use crate::resolve;
use crate::session::Session;
use crate::time;
use crate::view::PersonRef;

/// Show or replace the patient header of a thread
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  relais thread header exemple
  relais thread header --example > patient.json
  relais thread header exemple --set patient.json")]
pub struct Header {
    /// Title or id
    #[arg(required_unless_present = "example")]
    thread: Option<String>,
    /// Replace it by this file
    #[arg(long, value_name = "FILE.json", conflicts_with = "example")]
    set: Option<PathBuf>,
    /// Print a template: a patient who does not exist
    #[arg(long)]
    example: bool,
}

/// The header in force.
#[derive(Debug, Serialize)]
pub struct HeaderView {
    author: PersonRef,
    time_ms: u64,
    /// The header.
    pub header: HeaderForm,
}

impl HeaderView {
    /// The header of a thread, if it has one.
    ///
    /// # Errors
    /// Of the database.
    pub fn current(engine: &Engine, channel: ChannelId) -> Result<Option<Self>> {
        let record = engine.patient_header(channel)?;
        Ok(record.map(|record| Self {
            author: PersonRef::of(engine, record.author),
            time_ms: record.time_ms,
            header: HeaderForm::of(&record.header),
        }))
    }
}

#[derive(Debug, Serialize)]
struct ThreadHeader {
    thread: String,
    #[serde(flatten)]
    current: Option<HeaderView>,
}

impl Header {
    pub(super) fn example(&self) -> Option<Shown> {
        self.example.then(|| Example(HeaderForm::example()).into())
    }

    pub(super) async fn run(self, session: &mut Session) -> Result<Shown> {
        let missing = || Failure::Usage("which thread?".into());
        let thread = self.thread.ok_or_else(missing)?;
        match self.set {
            Some(path) => {
                let header = HeaderForm::parse(&text_file(&path, TEXT_BYTES)?)?.schema()?;
                let mark = session
                    .act(move |engine| {
                        let channel = resolve::thread(engine, &thread)?;
                        let after_seq = head(engine, channel)?;
                        let event = engine.set_patient_header(channel, header)?;
                        Ok(Mark {
                            channel,
                            after_seq,
                            act: Act::Event(event),
                        })
                    })
                    .await?;
                Ok(Written::wait(session, mark).await?.into())
            }
            None => {
                session.freshen().await?;
                let view = session
                    .call(move |engine| {
                        let channel = resolve::thread(engine, &thread)?;
                        Ok(ThreadHeader {
                            thread: channel.to_string(),
                            current: HeaderView::current(engine, channel)?,
                        })
                    })
                    .await?;
                Ok(view.into())
            }
        }
    }
}

impl View for ThreadHeader {
    fn plain(&self, text: &mut Text) {
        let Some(current) = &self.current else {
            return text.note("This thread has no patient header yet.");
        };
        current.header.plain(text, "");
        let (name, at) = (&current.author.name, time::minutes(current.time_ms));
        text.line(format_args!("  by {name}, {at}"));
    }
}

/// In both forms the JSON that `--set` reads.
#[derive(Serialize)]
#[serde(transparent)]
struct Example(HeaderForm);

impl View for Example {
    fn plain(&self, text: &mut Text) {
        if let Ok(json) = serde_json::to_string_pretty(&self.0) {
            text.block("", &json);
        }
    }
}
