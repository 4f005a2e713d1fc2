//! Everything that this device holds of a thread, decrypted, into a folder.

use std::path::{Path, PathBuf};

use clap::Args;
use relais_core::driver::now_ms;
use relais_core::query::TimelineBody;
use relais_core::schema::v1::content::Kind;
use relais_core::wire::ids::{BlobId, ChannelId, EventId};
use relais_core::{BlobState, Engine};
use serde::Serialize;

use super::circle::MemberView;
use super::handover::HandoverView;
use super::header::HeaderView;
use super::people::PersonView;
use super::task::TaskView;
use super::thread::{ThreadView, items};
use crate::failure::{Failure, Result};
use crate::profile::write_private;
use crate::render::{Shown, Text, View};
use crate::resolve::{self, ALL};
use crate::session::Session;
use crate::view::{ItemView, SeriesView};

/// Write everything this device holds of a thread into a folder, decrypted
///
/// `thread.json` holds the header, the circle, the timeline, tasks, handovers and wounds;
/// `photos/` the photos, named by their events. Keep the folder as you keep a
/// patient's file.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  relais export exemple --out ./exemple")]
pub struct Export {
    /// Title or id
    thread: String,
    /// Folder to make; an existing one must be empty
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

#[derive(Serialize)]
struct Contents {
    format: &'static str,
    exported_ms: u64,
    thread: ThreadView,
    header: Option<HeaderView>,
    members: Vec<MemberView>,
    /// Everybody who is in the circle or wrote something.
    people: Vec<PersonView>,
    timeline: Vec<ItemView>,
    tasks: Vec<TaskView>,
    handovers: Vec<HandoverView>,
    wounds: Vec<SeriesView>,
    photos: Vec<PhotoView>,
}

#[derive(Debug, Clone, Serialize)]
struct PhotoView {
    event: String,
    /// Where in the folder; absent while the original is not on this device.
    file: Option<String>,
    thumbnail: String,
}

#[derive(Debug, Serialize)]
struct Exported {
    thread: String,
    folder: String,
    file: String,
    items: usize,
    photos: usize,
    photos_missing: usize,
}

/// Version of the layout of `thread.json`.
const FORMAT: &str = "relais-export/1";
const PHOTOS: &str = "photos";

/// A photo's event, its original and its thumbnail.
type Picture = (EventId, Option<BlobId>, Vec<u8>);

impl Export {
    pub(super) async fn run(self, session: &mut Session) -> Result<Shown> {
        session.freshen().await?;
        let query = self.thread;
        let (channel, pictures) = session
            .call(move |engine| {
                let channel = resolve::thread(engine, &query)?;
                Ok((channel, pictures(engine, channel)?))
            })
            .await?;
        let blobs: Vec<BlobId> = pictures.iter().filter_map(|(_, blob, _)| *blob).collect();
        session
            .wait(move |e| {
                let arrived = |id: &BlobId| !matches!(e.blob_state(*id), Ok(BlobState::Fetching));
                Ok(blobs.iter().all(arrived))
            })
            .await?;
        make_folder(&self.out)?;
        make_folder(&self.out.join(PHOTOS))?;
        let mut photos = Vec::new();
        for (event, blob, thumbnail) in pictures {
            let thumbnail_name = format!("{PHOTOS}/{event}.thumbnail.jpg");
            write_private(&self.out.join(&thumbnail_name), &thumbnail)?;
            let bytes = match blob {
                Some(blob) => session.call(move |e| Ok(e.blob_bytes(blob)?)).await.ok(),
                None => None,
            };
            let file = bytes.as_ref().map(|_| format!("{PHOTOS}/{event}.jpg"));
            if let (Some(bytes), Some(name)) = (&bytes, &file) {
                write_private(&self.out.join(name), bytes)?;
            }
            photos.push(PhotoView {
                event: event.to_string(),
                file,
                thumbnail: thumbnail_name,
            });
        }
        let listed = photos.clone();
        let (json, count) = session
            .call(move |engine| {
                let contents = contents(engine, channel, listed)?;
                let count = contents.timeline.len();
                let json = serde_json::to_vec_pretty(&contents);
                let json = json.map_err(|e| Failure::value("export", e.to_string()))?;
                Ok((json, count))
            })
            .await?;
        let file = self.out.join("thread.json");
        write_private(&file, &json)?;
        let here = photos.iter().filter(|photo| photo.file.is_some()).count();
        Ok(Exported {
            thread: channel.to_string(),
            folder: self.out.display().to_string(),
            file: file.display().to_string(),
            items: count,
            photos: here,
            photos_missing: photos.len() - here,
        }
        .into())
    }
}

fn pictures(engine: &Engine, channel: ChannelId) -> Result<Vec<Picture>> {
    let items = engine.timeline(channel, 0, ALL)?;
    let picture = |item: relais_core::query::TimelineItem| match item.body {
        TimelineBody::Event(id, kind) => match *kind {
            Kind::Photo(photo) => {
                let original = photo.original.as_ref();
                let blob = original.and_then(|b| BlobId::try_from(&b.blob_id).ok());
                Some((id, blob, photo.thumbnail.to_vec()))
            }
            _ => None,
        },
        _ => None,
    };
    Ok(items.into_iter().filter_map(picture).collect())
}

fn contents(engine: &Engine, channel: ChannelId, photos: Vec<PhotoView>) -> Result<Contents> {
    let members = MemberView::all(engine, channel)?;
    let timeline = items(engine, channel, 0)?;
    let mut people = PersonView::everybody(engine)?;
    people.retain(|person| {
        members.iter().any(|member| member.id == person.id)
            || timeline.iter().any(|item| item.author.id == person.id)
    });
    Ok(Contents {
        format: FORMAT,
        exported_ms: now_ms(),
        thread: engine.thread(channel)?.into(),
        header: HeaderView::current(engine, channel)?,
        members,
        people,
        timeline,
        tasks: TaskView::all(engine, channel)?,
        handovers: HandoverView::all(engine, channel)?,
        wounds: SeriesView::all(engine, channel)?,
        photos,
    })
}

/// Makes a folder for its owner alone, or takes an empty one.
fn make_folder(path: &Path) -> Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path).map_err(|e| Failure::file(path, e))?;
    let mut entries = std::fs::read_dir(path).map_err(|e| Failure::file(path, e))?;
    if entries.next().is_some() {
        return Err(Failure::value("--out", "the folder is not empty"));
    }
    Ok(())
}

impl View for Exported {
    fn plain(&self, text: &mut Text) {
        text.line(&self.file);
        let (items, photos) = (self.items, self.photos);
        text.line(format_args!(
            "{items} items, {photos} photos; not encrypted any more"
        ));
        if self.photos_missing > 0 {
            let missing = self.photos_missing;
            text.note(format_args!(
                "{missing} photos have not arrived on this device"
            ));
        }
    }
}
