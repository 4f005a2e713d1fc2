//! Photos: sent without their metadata, saved once they have arrived.

use std::io::Read;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use relais_core::Engine;
use relais_core::media::photo::MAX_FILE_LEN;
use relais_core::query::TimelineBody;
use relais_core::schema::v1::{Laterality, content::Kind};
use relais_core::wire::ids::{BlobId, ChannelId, EventId};
use relais_core::{BlobState, Error};
use serde::Serialize;

use super::written::{Act, Mark, Written, head};
use crate::failure::{Failure, Result};
use crate::profile::write_private;
use crate::render::{Shown, Text, View};
use crate::resolve::{self, ALL};
use crate::session::Session;
use crate::view::QUEUED;
use crate::words::Side;

/// Send and save photos
#[derive(Debug, Subcommand)]
#[command(after_help = "Example:\n  relais photo send exemple talon.jpg --site talon --side left")]
pub enum Photo {
    Send(Send),
    Save(Save),
}

impl Photo {
    pub(super) async fn run(self, session: &mut Session) -> Result<Shown> {
        match self {
            Self::Send(command) => command.run(session).await,
            Self::Save(command) => command.run(session).await,
        }
    }
}

/// Send a photo (JPEG or PNG); position and camera are removed from it
#[derive(Debug, Args)]
#[command(after_help = "Example:
  relais photo send exemple talon.jpg --caption 'J12, bords propres' --site talon --side left")]
pub struct Send {
    /// Title or id
    thread: String,
    /// The photo
    file: PathBuf,
    /// What it shows
    #[arg(long, value_name = "TEXT", default_value = "")]
    caption: String,
    /// Where on the body
    #[arg(long, value_name = "TEXT", default_value = "")]
    site: String,
    /// Which side
    #[arg(long, value_enum)]
    side: Option<Side>,
    /// Site or id of the wound whose series it belongs to
    #[arg(long, value_name = "WOUND")]
    wound: Option<String>,
}

#[derive(Debug, Serialize)]
struct Sent {
    #[serde(flatten)]
    written: Written,
    blob: Option<String>,
    /// The original: `sending`, `here` (on the server too) or `failed`.
    upload: Option<&'static str>,
}

impl Send {
    async fn run(self, session: &mut Session) -> Result<Shown> {
        let bytes = read_photo(&self.file)?;
        let side = self.side.map_or(Laterality::Unspecified, Side::schema);
        let mark = session
            .act(move |engine| {
                let channel = resolve::thread(engine, &self.thread)?;
                let after_seq = head(engine, channel)?;
                let wound = self.wound.as_deref();
                let wound = wound
                    .map(|wound| resolve::wound(engine, channel, wound))
                    .transpose()?;
                let (caption, site) = (&self.caption, &self.site);
                let event = engine.send_photo(channel, &bytes, caption, site, side, wound)?;
                Ok(Mark {
                    channel,
                    after_seq,
                    act: Act::Event(event),
                })
            })
            .await?;
        let Act::Event(event) = mark.act else {
            return Err(Error::Unknown("photo").into());
        };
        let written = Written::wait(session, mark).await?;
        let blob = session
            .call(move |e| blob_of(e, mark.channel, event))
            .await
            .ok();
        let mut upload = None;
        if let Some(blob) = blob {
            if written.is_sent() {
                session
                    .wait(move |e| Ok(e.blob_state(blob)? != BlobState::Sending))
                    .await?;
            }
            let state = session.call(move |e| Ok(e.blob_state(blob)?)).await?;
            upload = Some(blob_word(state));
        }
        Ok(Sent {
            written,
            blob: blob.map(|blob| blob.to_string()),
            upload,
        }
        .into())
    }
}

fn read_photo(path: &std::path::Path) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    std::fs::File::open(path)
        .and_then(|file| file.take(MAX_FILE_LEN as u64 + 1).read_to_end(&mut bytes))
        .map_err(|e| Failure::file(path, e))?;
    Ok(bytes)
}

fn blob_word(state: BlobState) -> &'static str {
    match state {
        BlobState::Sending => "sending",
        BlobState::Here => "here",
        BlobState::Fetching => "fetching",
        BlobState::Failed => "failed",
    }
}

/// The original that a photo's event names.
fn blob_of(engine: &Engine, channel: ChannelId, event: EventId) -> Result<BlobId> {
    let items = engine.timeline(channel, 0, ALL)?;
    let photo = items.into_iter().find_map(|item| match item.body {
        TimelineBody::Event(id, kind) if id == event => match *kind {
            Kind::Photo(photo) => photo.original,
            _ => None,
        },
        _ => None,
    });
    let blob = photo.and_then(|original| BlobId::try_from(&original.blob_id).ok());
    Ok(blob.ok_or(Error::Unknown("photo"))?)
}

impl View for Sent {
    fn plain(&self, text: &mut Text) {
        self.written.plain(text);
        if self.written.is_sent() && self.upload == Some("sending") {
            text.note(format_args!(
                "The thumbnail is sent; the original is {QUEUED}."
            ));
        }
    }

    fn exit(&self) -> u8 {
        self.written.exit()
    }

    fn says_queued(&self) -> bool {
        self.written.says_queued()
    }
}

/// Save a photo as a file
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  relais photo save exemple 3fa2 talon.jpg")]
pub struct Save {
    /// Title or id
    thread: String,
    /// The photo's event
    event: String,
    /// File to write; an existing one is left alone
    out: PathBuf,
}

#[derive(Debug, Serialize)]
struct Saved {
    thread: String,
    event: String,
    blob: String,
    file: String,
    bytes: u64,
}

impl Save {
    async fn run(self, session: &mut Session) -> Result<Shown> {
        let (thread, query) = (self.thread, self.event);
        let (channel, event, blob) = session
            .act(move |engine| {
                let channel = resolve::thread(engine, &thread)?;
                let event = resolve::event(engine, channel, &query)?;
                Ok((channel, event, blob_of(engine, channel, event)?))
            })
            .await?;
        session
            .wait(move |e| Ok(e.blob_state(blob)? != BlobState::Fetching))
            .await?;
        let bytes = session
            .call(move |engine| match engine.blob_state(blob)? {
                BlobState::Fetching => Err(Failure::Network(
                    "the photo has not arrived on this device yet".into(),
                )),
                BlobState::Failed => {
                    Err(Error::Unknown("photo (it cannot be had any more)").into())
                }
                BlobState::Here | BlobState::Sending => Ok(engine.blob_bytes(blob)?),
            })
            .await?;
        write_private(&self.out, &bytes)?;
        Ok(Saved {
            thread: channel.to_string(),
            event: event.to_string(),
            blob: blob.to_string(),
            file: self.out.display().to_string(),
            bytes: bytes.len() as u64,
        }
        .into())
    }
}

impl View for Saved {
    fn plain(&self, text: &mut Text) {
        text.line(format_args!("{}  {} bytes", self.file, self.bytes));
    }
}
