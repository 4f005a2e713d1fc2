//! Getting a thread going again: coming back to it, beginning a new group for it, or
//! accepting a circle that a restore has changed.

use clap::Args;
use relais_core::Engine;
use relais_core::query::ThreadState;
use relais_core::wire::ids::ChannelId;
use serde::Serialize;

use super::thread::ThreadView;
use crate::failure::{Result, exit};
use crate::render::{Shown, Text, View};
use crate::resolve;
use crate::session::Session;
use crate::view::QUEUED;

/// Come back to a thread that has stopped on this device
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  relais thread rejoin exemple

A device comes back by itself; this is for a thread that was tried too often.")]
pub struct Rejoin {
    /// Title or id
    thread: String,
}

/// Begin a new encryption group for a thread that nobody can go on with
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  relais thread reboot exemple

For managers, as a last resort. Every device comes back to the thread by itself;
what was read stays, the log goes on.")]
pub struct Reboot {
    /// Title or id
    thread: String,
}

/// Go on with the circle as it is, where a change of it was lost and nobody makes it again
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  relais thread accept exemple

After a restore of the server somebody may be back whom a colleague had removed. Nothing
is said in the thread until a manager has removed them again, or you accept them here.")]
pub struct Accept {
    /// Title or id
    thread: String,
}

#[derive(Debug, Serialize)]
struct Back {
    #[serde(flatten)]
    thread: ThreadView,
    queued: bool,
}

impl Rejoin {
    pub(super) async fn run(self, session: &mut Session) -> Result<Shown> {
        go_on(session, self.thread, Engine::rejoin_thread).await
    }
}

impl Reboot {
    pub(super) async fn run(self, session: &mut Session) -> Result<Shown> {
        go_on(session, self.thread, Engine::reboot_thread).await
    }
}

impl Accept {
    pub(super) async fn run(self, session: &mut Session) -> Result<Shown> {
        go_on(session, self.thread, Engine::accept_circle).await
    }
}

type Act = fn(&mut Engine, ChannelId) -> relais_core::Result<()>;

async fn go_on(session: &mut Session, thread: String, act: Act) -> Result<Shown> {
    let channel = session
        .act(move |engine| {
            let channel = resolve::thread(engine, &thread)?;
            act(engine, channel)?;
            Ok(channel)
        })
        .await?;
    back(session, channel).await
}

/// Whether the return or the new group is still on its way.
fn is_under_way(engine: &Engine, channel: ChannelId) -> relais_core::Result<bool> {
    let rejoining = matches!(engine.thread(channel)?.state, ThreadState::Rejoining(_));
    Ok(rejoining || engine.is_rebooting(channel)?)
}

async fn back(session: &mut Session, channel: ChannelId) -> Result<Shown> {
    session
        .wait(move |engine| Ok(!is_under_way(engine, channel)?))
        .await?;
    let view = session
        .call(move |engine| {
            Ok(Back {
                thread: engine.thread(channel)?.into(),
                queued: is_under_way(engine, channel)?,
            })
        })
        .await?;
    Ok(view.into())
}

impl View for Back {
    fn plain(&self, text: &mut Text) {
        let state = self.thread.state_text();
        text.line(format_args!("{}  [{state}]", self.thread.title()));
        if self.queued {
            text.note(QUEUED);
        }
    }

    fn exit(&self) -> u8 {
        if self.thread.is_stopped() {
            exit::USER
        } else {
            0
        }
    }

    fn says_queued(&self) -> bool {
        self.queued
    }
}
