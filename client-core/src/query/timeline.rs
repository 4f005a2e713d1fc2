//! The timeline of a thread: settled events and notices in log order, then what
//! this device wrote and the log has not settled.

use relais_content::v1::PatientHeader;
use relais_content::v1::content::Kind;
use relais_wire::ids::{ChannelId, EventId, ProfessionalId};
use rusqlite::params;

use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::outbox::intent::{self, Wish};

/// The true state of an item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EventState {
    /// On this device only; leaves when it can.
    Waiting,
    /// Sent; the server has not answered or the log not shown it.
    InFlight,
    /// In the log. Of `of` other members, `to` have it on a device.
    Sent {
        /// Members who have it.
        to: u32,
        /// Members beside the author.
        of: u32,
    },
    /// The server lost it when it was restored from a backup; this device holds it until
    /// somebody says it again.
    Lost,
    /// Refused or given up; a person decides ([`Engine::retry`], [`Engine::discard`]).
    Failed {
        /// Number for retry and discard.
        number: i64,
        /// Why.
        reason: String,
    },
}

/// What an item says.
#[derive(Debug, Clone, PartialEq)]
pub enum TimelineBody {
    /// A signed event of a person.
    Event(EventId, Box<Kind>),
    /// What the log itself says: `created`, `added`, `removed`, `role`,
    /// `device_added`, `device_removed`, `joined`, `rejoined`, `rebooted`, `quarantined`,
    /// `restored` (the server was, from a backup that ends here);
    /// of the past also `omitted` (a run of entries that a sharer left out) and
    /// `missing`.
    Notice {
        /// One of the kinds above.
        kind: String,
        /// Whom it concerns.
        subject: ProfessionalId,
        /// Role, device or reason.
        detail: String,
    },
    /// A change of the circle that has not been carried out.
    CircleChange {
        /// Who is being added.
        added: Vec<ProfessionalId>,
        /// Who is being removed.
        removed: Vec<ProfessionalId>,
    },
}

/// One item of a timeline.
#[derive(Debug, Clone, PartialEq)]
pub struct TimelineItem {
    /// Place in the log; `None` while it is not settled.
    pub seq: Option<u64>,
    /// Server time; the device's own while it is not settled.
    pub time_ms: u64,
    /// Who acted.
    pub author: ProfessionalId,
    /// The author's name, as far as known.
    pub author_name: String,
    /// Its true state.
    pub state: EventState,
    /// What it says.
    pub body: TimelineBody,
}

/// The opening and the header as last shown: for a joiner both are said again, and
/// nobody else needs to read them twice.
#[derive(Default)]
struct Told {
    title: Option<String>,
    header: Option<PatientHeader>,
}

impl Told {
    /// Whether this was shown before; if not, it is now.
    fn again(&mut self, kind: &Kind) -> bool {
        match kind {
            Kind::ThreadOpened(opened) => {
                self.title.replace(opened.title.clone()).as_ref() == Some(&opened.title)
            }
            Kind::PatientHeader(header) => {
                self.header.replace(header.clone()).as_ref() == Some(header)
            }
            _ => false,
        }
    }
}

/// The last event of a kind up to an entry.
pub(super) const TOLD: &str = "SELECT signed FROM shown_events
     WHERE channel = ?1 AND kind = ?2 AND seq <= ?3 ORDER BY seq DESC LIMIT 1";

fn entries(count: u64) -> String {
    match count {
        1 => "1 entry:".to_owned(),
        _ => format!("{count} entries:"),
    }
}

fn omitted_text(count: u64, reason: &str) -> String {
    format!("{} {reason}", entries(count))
}

/// Counts an entry that was left out into the run before it, if it continues that.
/// Returns how long the run is with it.
fn omit(items: &mut [TimelineItem], run: u64, seq: u64, reason: &str) -> u64 {
    let Some(item) = items.last_mut() else {
        return 1;
    };
    let TimelineBody::Notice { kind, detail, .. } = &mut item.body else {
        return 1;
    };
    if kind != "omitted" || *detail != omitted_text(run, reason) {
        return 1;
    }
    *detail = omitted_text(run + 1, reason);
    item.seq = Some(seq);
    run + 1
}

/// How far a member's devices have the log, and from where on it is theirs.
pub(super) struct Delivered {
    pub professional: ProfessionalId,
    pub cursor: u64,
    pub since: u64,
}

impl Engine {
    /// Items after `after_seq`, at most `limit` settled ones in log order, followed
    /// by everything that is not settled when the end of the log is reached.
    ///
    /// # Errors
    /// [`crate::Error::Unknown`] thread.
    pub fn timeline(
        &self,
        channel: ChannelId,
        after_seq: u64,
        limit: usize,
    ) -> Result<Vec<TimelineItem>> {
        self.items_between(channel, after_seq, u64::MAX, limit)
    }

    /// Items after one entry and before another, at most `limit` settled ones.
    pub(super) fn items_between(
        &self,
        channel: ChannelId,
        after_seq: u64,
        before_seq: u64,
        limit: usize,
    ) -> Result<Vec<TimelineItem>> {
        let me = self.identity()?.professional();
        self.channel_row(channel)?.ok_or(Error::Unknown("thread"))?;
        let (mut items, whole) = self.settled_items(channel, after_seq, before_seq, limit, me)?;
        let last = items.last().and_then(|item| item.seq).unwrap_or(after_seq);
        let until_seq = if whole { before_seq - 1 } else { last };
        self.insert_missing(channel, after_seq, until_seq, &mut items)?;
        self.insert_rollbacks(channel, after_seq, until_seq, &mut items)?;
        if whole && before_seq == u64::MAX {
            items.extend(self.lost_items(channel)?);
            items.extend(self.unsettled_items(channel, me)?);
        }
        Ok(items)
    }

    /// Also whether that were all.
    fn settled_items(
        &self,
        channel: ChannelId,
        after_seq: u64,
        before_seq: u64,
        limit: usize,
        me: ProfessionalId,
    ) -> Result<(Vec<TimelineItem>, bool)> {
        let delivered = self.delivered_to(channel)?;
        let mut statement = self.db.prepare_cached(
            "SELECT seq, 0, time_ms, professional, '', x'', '', event_id, signed FROM shown_events
             WHERE channel = ?1 AND seq > ?2 AND seq < ?4 AND kind NOT IN (10, 11)
             UNION ALL
             SELECT seq, part, time_ms, actor, kind, subject, detail, NULL, NULL FROM shown_notices
             WHERE channel = ?1 AND seq > ?2 AND seq < ?4 ORDER BY 1, 2 LIMIT ?3",
        )?;
        let mut rows = statement.query(params![
            channel.0,
            after_seq.min(i64::MAX as u64),
            limit.min(i64::MAX as usize) as u64,
            before_seq.min(i64::MAX as u64)
        ])?;
        let mut told = self.told_before(channel, after_seq)?;
        let mut items: Vec<TimelineItem> = Vec::new();
        let (mut read, mut omitted) = (0, 0);
        while let Some(row) = rows.next()? {
            read += 1;
            let seq: u64 = row.get(0)?;
            let author = ProfessionalId(row.get(3)?);
            let body = match row.get::<_, Option<Vec<u8>>>(8)? {
                Some(signed) => {
                    let content = crate::content::said_in(&signed)?.content;
                    let Some(kind) = content.and_then(|c| c.kind) else {
                        continue;
                    };
                    if told.again(&kind) {
                        continue;
                    }
                    TimelineBody::Event(EventId(row.get(7)?), Box::new(kind))
                }
                None => {
                    let (kind, detail): (String, String) = (row.get(4)?, row.get(6)?);
                    if kind == "omitted" {
                        omitted = omit(&mut items, omitted, seq, &detail);
                        if omitted > 1 {
                            continue;
                        }
                    }
                    let detail = match kind.as_str() {
                        "omitted" => omitted_text(1, &detail),
                        _ => detail,
                    };
                    TimelineBody::Notice {
                        kind,
                        subject: ProfessionalId(row.get(5)?),
                        detail,
                    }
                }
            };
            // Whoever joined later was promised nothing of this.
            let others = delivered
                .iter()
                .filter(|d| d.professional != author && d.since < seq);
            let here = |d: &&Delivered| d.cursor >= seq || d.professional == me;
            let to = others.clone().filter(here).count();
            items.push(TimelineItem {
                seq: Some(seq),
                time_ms: row.get(2)?,
                author,
                author_name: self.name(&author),
                state: EventState::Sent {
                    to: to as u32,
                    of: others.count() as u32,
                },
                body,
            });
        }
        Ok((items, read < limit))
    }

    /// Shows where stretches are missing and who was asked for them.
    fn insert_missing(
        &self,
        channel: ChannelId,
        after_seq: u64,
        until_seq: u64,
        items: &mut Vec<TimelineItem>,
    ) -> Result<()> {
        for missing in self.history(channel)?.missing {
            if missing.until_seq <= after_seq || missing.until_seq > until_seq {
                continue;
            }
            let count = missing.until_seq - missing.after_seq;
            let state = match missing.asked {
                _ if missing.given_up => "nobody has them any more".to_owned(),
                Some(asked) => format!("asked {}", self.name(&asked)),
                None => "not asked for yet".to_owned(),
            };
            let asked = missing.asked.unwrap_or(ProfessionalId([0; 16]));
            let place = items.partition_point(|i| i.seq.is_some_and(|s| s < missing.until_seq));
            let time_ms = items.get(place).map_or(0, |item| item.time_ms);
            let notice = TimelineItem {
                seq: Some(missing.until_seq),
                time_ms,
                author: asked,
                author_name: self.name(&asked),
                state: EventState::Sent { to: 0, of: 0 },
                body: TimelineBody::Notice {
                    kind: "missing".into(),
                    subject: asked,
                    detail: format!("{} {state}", entries(count)),
                },
            };
            items.insert(place, notice);
        }
        Ok(())
    }

    /// What the log told up to a sequence and need not be shown again.
    fn told_before(&self, channel: ChannelId, seq: u64) -> Result<Told> {
        use rusqlite::OptionalExtension;
        let last = |kind: u32| -> Result<Option<Kind>> {
            let signed: Option<Vec<u8>> = self
                .db
                .prepare_cached(TOLD)?
                .query_row(params![channel.0, kind, seq.min(i64::MAX as u64)], |row| {
                    row.get(0)
                })
                .optional()?;
            let body = signed.map(|s| crate::content::said_in(&s)).transpose()?;
            Ok(body.and_then(|b| b.content).and_then(|c| c.kind))
        };
        let mut told = Told::default();
        for kind in [1, 2].into_iter().filter_map(|kind| last(kind).transpose()) {
            told.again(&kind?);
        }
        Ok(told)
    }

    /// For each member the furthest cursor of their devices.
    pub(super) fn delivered_to(&self, channel: ChannelId) -> Result<Vec<Delivered>> {
        let Ok(roster) = self.roster(channel) else {
            return Ok(Vec::new());
        };
        let mut statement = self
            .db
            .prepare_cached("SELECT device, seq FROM cursors WHERE channel = ?1")?;
        let cursors: Vec<(Vec<u8>, u64)> = statement
            .query_map([channel.0], |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect::<Result<_, _>>()?;
        let owner = |device: &[u8]| {
            let id = relais_wire::ids::DeviceId::try_from(device).ok()?;
            Some(self.structure.device(&id)?.professional)
        };
        let mut list = Vec::new();
        for professional in roster.members.keys() {
            let own = cursors
                .iter()
                .filter(|(device, _)| owner(device) == Some(*professional));
            list.push(Delivered {
                professional: *professional,
                cursor: own.map(|(_, seq)| *seq).max().unwrap_or(0),
                since: self.in_circle_since(channel, *professional)?,
            });
        }
        Ok(list)
    }

    fn is_placed(&self, channel: ChannelId, wish: &Wish) -> Result<bool> {
        match wish {
            Wish::Event { id, .. } => Ok(self.event_seq(channel, *id)?.is_some()),
            _ => Ok(false),
        }
    }

    fn unsettled_items(&self, channel: ChannelId, me: ProfessionalId) -> Result<Vec<TimelineItem>> {
        let mut told = self.told_before(channel, u64::MAX)?;
        let mut items = Vec::new();
        for (intent, state, reason) in intent::unsettled(&self.db, channel)? {
            if state == "unplaced" && self.is_placed(channel, &intent.wish)? {
                continue; // The gap was filled: it is where it belongs.
            }
            let body = match &intent.wish {
                Wish::Event { id, signed } => {
                    let content = crate::content::body_of(signed)?.content;
                    match content.and_then(|c| c.kind) {
                        None | Some(Kind::ReadMarker(_) | Kind::Void(_) | Kind::Recovered(_)) => {
                            continue;
                        }
                        Some(kind) if told.again(&kind) => continue,
                        Some(kind) => TimelineBody::Event(*id, Box::new(kind)),
                    }
                }
                Wish::Members(change) => TimelineBody::CircleChange {
                    added: change.add.iter().map(|m| m.professional()).collect(),
                    removed: change
                        .remove
                        .iter()
                        .map(|id| ProfessionalId(id.0))
                        .collect(),
                },
                _ => continue,
            };
            items.push(TimelineItem {
                seq: None,
                time_ms: intent.created_ms,
                author: me,
                author_name: self.name(&me),
                state: match state.as_str() {
                    "waiting" => EventState::Waiting,
                    // In the log, in a part that this device has not read.
                    "unplaced" => EventState::Sent { to: 0, of: 0 },
                    "failed" => EventState::Failed {
                        number: intent.id,
                        reason,
                    },
                    _ => EventState::InFlight,
                },
                body,
            });
        }
        Ok(items)
    }
}
