//! One hash over what a thread shows, by which two devices are compared.

use clap::Args;
use relais_core::query::ThreadState;
use serde::Serialize;

use crate::failure::Result;
use crate::render::{Shown, Text, View};
use crate::resolve;
use crate::session::Session;

/// Print a hash over what a thread shows, to compare two devices
///
/// Two devices at the same place of the log print the same hash. A device that
/// joined later holds nothing from before: compare both with --after its joined_seq.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  relais projection exemple --after 12 --json")]
pub struct Projection {
    /// Title or id
    thread: String,
    /// Only what came after this place in the log
    #[arg(long, value_name = "SEQ", default_value_t = 0)]
    after: u64,
}

#[derive(Debug, Serialize)]
struct ProjectionView {
    thread: String,
    seq: u64,
    joined_seq: u64,
    epoch: u64,
    after: u64,
    hash: String,
    /// Equal on all devices of an epoch; absent when this device is not a member.
    epoch_authenticator: Option<String>,
}

impl Projection {
    pub(super) async fn run(self, session: &mut Session) -> Result<Shown> {
        session.freshen().await?;
        let view = session
            .call(move |engine| {
                let channel = resolve::thread(engine, &self.thread)?;
                let thread = engine.thread(channel)?;
                let member = matches!(thread.state, ThreadState::Joined | ThreadState::Creating);
                let authenticator = match member {
                    true => Some(hex::encode(engine.epoch_authenticator(channel)?.1)),
                    false => None,
                };
                Ok(ProjectionView {
                    thread: channel.to_string(),
                    seq: thread.seq,
                    joined_seq: thread.joined_seq,
                    epoch: thread.epoch,
                    after: self.after,
                    hash: hex::encode(engine.projection_hash(channel, self.after)?),
                    epoch_authenticator: authenticator,
                })
            })
            .await?;
        Ok(view.into())
    }
}

impl View for ProjectionView {
    fn plain(&self, text: &mut Text) {
        text.line(format_args!(
            "seq {}  joined_seq {}  epoch {}  after {}  {}",
            self.seq, self.joined_seq, self.epoch, self.after, self.hash
        ));
    }
}
