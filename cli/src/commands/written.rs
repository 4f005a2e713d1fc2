//! What every command shows that writes into a thread: the event and how far it
//! has come.

use relais_core::Engine;
use relais_core::query::{TimelineBody, TimelineItem};
use relais_core::schema::v1::content::Kind;
use relais_core::wire::ids::{ChannelId, EventId, TaskId, WoundId};
use serde::Serialize;

use crate::failure::{Result, exit};
use crate::render::{Text, View};
use crate::session::Session;
use crate::view::{QUEUED, StateView, short};

/// Something that was written here.
#[derive(Debug, Clone, Copy)]
pub struct Mark {
    /// Where.
    pub channel: ChannelId,
    /// What this device had read of the log before.
    pub after_seq: u64,
    /// Which.
    pub act: Act,
}

/// By what an item of the timeline is recognised.
#[derive(Debug, Clone, Copy)]
pub enum Act {
    /// By its event.
    Event(EventId),
    /// By the task that it creates.
    Task(TaskId),
    /// By the wound that it opens.
    Wound(WoundId),
}

impl Act {
    fn is(self, item: &TimelineItem) -> bool {
        let TimelineBody::Event(id, kind) = &item.body else {
            return false;
        };
        match (self, &**kind) {
            (Self::Event(event), _) => *id == event,
            (Self::Task(task), Kind::TaskCreated(created)) => created.task_id == task.to_bytes(),
            (Self::Wound(wound), Kind::WoundOpened(opened)) => opened.wound_id == wound.to_bytes(),
            _ => false,
        }
    }
}

/// Where the log of a thread stands, before something is written.
///
/// # Errors
/// Unknown thread.
pub fn head(engine: &Engine, channel: ChannelId) -> Result<u64> {
    Ok(engine.thread(channel)?.seq)
}

/// See the module's head.
#[derive(Debug, Serialize)]
pub struct Written {
    thread: String,
    event: Option<String>,
    task: Option<String>,
    wound: Option<String>,
    seq: Option<u64>,
    #[serde(flatten)]
    state: StateView,
    queued: bool,
}

impl Written {
    /// Waits for the log, as long as the command may, and says what came of it.
    ///
    /// # Errors
    /// Of the engine.
    pub async fn wait(session: &mut Session, mark: Mark) -> Result<Self> {
        let act = mark.act;
        let found = session
            .outcome(mark.channel, mark.after_seq, move |item| act.is(item))
            .await?;
        let state = found
            .as_ref()
            .map_or_else(StateView::waiting, |i| StateView::of(&i.state));
        let event = found.as_ref().and_then(|item| match &item.body {
            TimelineBody::Event(id, _) => Some(id.to_string()),
            _ => None,
        });
        Ok(Self {
            thread: mark.channel.to_string(),
            event,
            task: match act {
                Act::Task(task) => Some(task.to_string()),
                _ => None,
            },
            wound: match act {
                Act::Wound(wound) => Some(wound.to_string()),
                _ => None,
            },
            seq: found.and_then(|item| item.seq),
            queued: state.is_queued(),
            state,
        })
    }

    /// Whether the log has it.
    pub fn is_sent(&self) -> bool {
        !self.queued && !self.state.is_failed()
    }
}

impl View for Written {
    fn plain(&self, text: &mut Text) {
        let what = match (&self.task, &self.wound, &self.event) {
            (Some(task), ..) => format!("task {}", short(task)),
            (_, Some(wound), _) => format!("wound {}", short(wound)),
            (_, _, Some(event)) => format!("event {}", short(event)),
            _ => String::new(),
        };
        text.line(format_args!("{}  {what}", self.state));
        if self.queued {
            text.note(QUEUED);
        }
    }

    fn exit(&self) -> u8 {
        if self.state.is_failed() {
            exit::USER
        } else {
            0
        }
    }

    fn says_queued(&self) -> bool {
        self.queued
    }
}
