//! The past of a thread: chosen for those who join, shared later, shown while it is
//! missing or under way.

use clap::Args;
use relais_core::Engine;
use relais_core::history::HistoryChoice;
use relais_core::wire::ids::ChannelId;
use serde::Serialize;

use crate::failure::Result;
use crate::render::{Shown, Text, View};
use crate::resolve;
use crate::session::Session;
use crate::time;
use crate::view::PersonRef;

/// Reads `none`, `summary`, `all` or `since=2026-11-01`; a day alone means its
/// beginning in UTC.
///
/// # Errors
/// What is wrong, in words.
pub fn parse_history(text: &str) -> std::result::Result<HistoryChoice, String> {
    const DAY_LESS_A_SECOND_MS: u64 = 86_399_000;
    match (text, text.strip_prefix("since=")) {
        ("none", _) => Ok(HistoryChoice::None),
        ("summary", _) => Ok(HistoryChoice::Summary),
        ("all", _) => Ok(HistoryChoice::All),
        (_, Some(since)) => {
            let moment = time::parse_moment(since)?;
            let whole_day = time::parse_date(since).is_some();
            let back = if whole_day { DAY_LESS_A_SECOND_MS } else { 0 };
            Ok(HistoryChoice::Since(moment.saturating_sub(back)))
        }
        _ => Err("write none, summary, all or since=2026-11-01".to_owned()),
    }
}

/// Share a part of the past with a member who was promised less
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  relais thread share exemple fictif --history all
  relais thread share exemple 'dr essai' --history since=2026-11-01")]
pub struct Share {
    /// Title or id
    thread: String,
    /// Name or id
    who: String,
    /// How much: summary, all or since=DATE
    #[arg(long, value_name = "HOW MUCH", value_parser = parse_history)]
    history: HistoryChoice,
}

#[derive(Debug, Serialize)]
struct Sharing {
    thread: String,
    with: PersonRef,
    /// Not all of it has left this device.
    under_way: bool,
}

impl Share {
    pub(super) async fn run(self, session: &mut Session) -> Result<Shown> {
        let (channel, who) = session
            .act(move |engine| {
                let channel = resolve::thread(engine, &self.thread)?;
                let who = resolve::member(engine, channel, &self.who)?;
                engine.share_history(channel, who, self.history)?;
                Ok((channel, who))
            })
            .await?;
        let under_way = move |engine: &Engine| -> relais_core::Result<bool> {
            let sharing = engine.history(channel)?.sharing;
            Ok(sharing.iter().any(|share| share.failed.is_none()))
        };
        session.wait(move |e| Ok(!under_way(e)?)).await?;
        let view = session
            .call(move |engine| {
                Ok(Sharing {
                    thread: channel.to_string(),
                    with: PersonRef::of(engine, who),
                    under_way: under_way(engine)?,
                })
            })
            .await?;
        Ok(view.into())
    }
}

impl View for Sharing {
    fn plain(&self, text: &mut Text) {
        let state = if self.under_way { "under way" } else { "sent" };
        text.line(format_args!("history for {}  [{state}]", self.with.name));
        if self.under_way {
            text.note(crate::view::QUEUED);
        }
    }

    fn says_queued(&self) -> bool {
        self.under_way
    }
}

/// Ask everybody again for a stretch that nobody had
#[derive(Debug, Args)]
#[command(after_help = "Example:
  relais thread ask exemple

A device asks colleagues by itself, three times; this is for when somebody is back.")]
pub struct Ask {
    /// Title or id
    thread: String,
}

#[derive(Debug, Serialize)]
struct Asked {
    thread: String,
    stretches: usize,
    /// Those that are still missing.
    missing: usize,
}

impl Ask {
    pub(super) async fn run(self, session: &mut Session) -> Result<Shown> {
        let (channel, stretches) = session
            .act(move |engine| {
                let channel = resolve::thread(engine, &self.thread)?;
                Ok((channel, engine.ask_history_again(channel)?))
            })
            .await?;
        let missing = move |engine: &Engine| -> relais_core::Result<usize> {
            Ok(engine.history(channel)?.missing.len())
        };
        session.wait(move |e| Ok(missing(e)? == 0)).await?;
        let missing = session.call(move |e| Ok(missing(e)?)).await?;
        Ok(Asked {
            thread: channel.to_string(),
            stretches,
            missing,
        }
        .into())
    }
}

impl View for Asked {
    fn plain(&self, text: &mut Text) {
        match self.missing {
            0 => text.line("nothing is missing any more"),
            missing => {
                text.line(format_args!("asked again; {missing} still missing"));
                text.note("What a colleague has arrives when their device is online.");
            }
        }
    }
}

/// An archive of a colleague, on its way or refused.
#[derive(Debug, Clone, Serialize)]
pub struct ArrivingView {
    from: Option<PersonRef>,
    first_seq: u64,
    last_seq: u64,
    refused: Option<String>,
}

impl ArrivingView {
    /// Those of a thread.
    ///
    /// # Errors
    /// Of the database.
    pub fn all(engine: &Engine, channel: ChannelId) -> Result<Vec<Self>> {
        let arriving = engine.history(channel)?.arriving;
        Ok(arriving
            .into_iter()
            .map(|archive| Self {
                from: archive.from.map(|id| PersonRef::of(engine, id)),
                first_seq: archive.first_seq,
                last_seq: archive.last_seq,
                refused: archive.refused,
            })
            .collect())
    }

    /// Writes it for people.
    pub fn plain(&self, text: &mut Text) {
        let from = self.from.as_ref().map_or("?", |p| p.name.as_str());
        let (first, last) = (self.first_seq, self.last_seq);
        match &self.refused {
            None => text.line(format_args!("history {first}–{last} arrives from {from}")),
            Some(reason) => text.line(format_args!(
                "history {first}–{last} from {from} was refused: {reason}"
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_much_of_the_past_is_one_of_four() {
        assert_eq!(parse_history("none"), Ok(HistoryChoice::None));
        assert_eq!(parse_history("summary"), Ok(HistoryChoice::Summary));
        assert_eq!(parse_history("all"), Ok(HistoryChoice::All));
        let midnight = HistoryChoice::Since(1_793_491_200_000);
        assert_eq!(parse_history("since=2026-11-01"), Ok(midnight));
        assert_eq!(parse_history("since=2026-11-01T00:00Z"), Ok(midnight));
        for bad in ["", "some", "since", "since=", "since=yesterday", "ALL"] {
            assert!(parse_history(bad).is_err(), "{bad}");
        }
    }
}
