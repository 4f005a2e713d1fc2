//! Wounds with their series, with what this device did and the log has not settled.

use prost::Message;
use relais_content::v1::{WoundAssessed, WoundChange, WoundOpened, content::Kind};
use relais_wire::ids::{ChannelId, EventId, ProfessionalId, WoundId};
use rusqlite::{OptionalExtension, Row, params};

use super::push::Push;
use super::series::PhotoRecord;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::outbox::intent::{self, Wish};
use crate::projection::{wound_after, wound_status};

/// Whether a wound is followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WoundStatus {
    /// It is followed.
    Open,
    /// It has healed.
    Healed,
    /// It is followed no more, for another reason.
    Closed,
}

impl WoundStatus {
    pub(crate) fn number(self) -> i64 {
        match self {
            Self::Open => wound_status::OPEN,
            Self::Healed => wound_status::HEALED,
            Self::Closed => wound_status::CLOSED,
        }
    }

    fn from_number(number: i64) -> Self {
        match number {
            wound_status::HEALED => Self::Healed,
            wound_status::CLOSED => Self::Closed,
            _ => Self::Open,
        }
    }
}

/// A wound, with the last that is known of it.
#[derive(Debug, Clone, PartialEq)]
pub struct WoundRecord {
    /// Opaque id.
    pub wound: WoundId,
    /// Origin, onset, site and place.
    pub opened: WoundOpened,
    /// Who opened it.
    pub author: ProfessionalId,
    /// When, server time; the device's own until the log settled it.
    pub opened_ms: u64,
    /// Whether it is followed.
    pub status: WoundStatus,
    /// Who closed or reopened it last.
    pub actor: Option<ProfessionalId>,
    /// When that was, or it was opened.
    pub changed_ms: u64,
    /// Why it was closed without being healed.
    pub reason: String,
    /// How often it was assessed.
    pub assessments: u64,
    /// The last assessment.
    pub latest: Option<AssessmentRecord>,
    /// The last photo of its series.
    pub last_photo: Option<PhotoRecord>,
    /// Something of it has not left this device or is not settled.
    pub pending: bool,
}

/// An assessment of a wound.
#[derive(Debug, Clone, PartialEq)]
pub struct AssessmentRecord {
    /// Its event.
    pub event: EventId,
    /// Who assessed.
    pub author: ProfessionalId,
    /// Server time; the device's own until the log settled it.
    pub time_ms: u64,
    /// What was found.
    pub found: WoundAssessed,
    /// The PUSH score, where all of its parts are given.
    pub push: Option<Push>,
    /// It is not settled.
    pub pending: bool,
}

impl AssessmentRecord {
    pub(super) fn new(
        event: EventId,
        author: ProfessionalId,
        time_ms: u64,
        found: WoundAssessed,
        pending: bool,
    ) -> Self {
        Self {
            push: Push::of(&found),
            event,
            author,
            time_ms,
            found,
            pending,
        }
    }

    pub(super) fn read(row: &Row<'_>) -> Result<Self> {
        let content: Vec<u8> = row.get(3)?;
        let found = WoundAssessed::decode(content.as_slice());
        Ok(Self::new(
            EventId(row.get(0)?),
            ProfessionalId(row.get(1)?),
            row.get(2)?,
            found.map_err(|_| Error::Corrupt("assessment"))?,
            false,
        ))
    }
}

/// What this device did about wounds and the log has not settled.
pub(super) struct Unsettled {
    pub event: EventId,
    pub time_ms: u64,
    pub kind: Kind,
}

impl Engine {
    /// All wounds of a thread: those that are followed first, the last opened first.
    ///
    /// # Errors
    /// [`Error::Unknown`] thread.
    pub fn wounds(&self, channel: ChannelId) -> Result<Vec<WoundRecord>> {
        self.channel_row(channel)?.ok_or(Error::Unknown("thread"))?;
        let mut statement = self.db.prepare_cached(
            "SELECT w.wound, w.content, w.author, w.time_ms, w.status, w.actor, w.changed_ms,
             w.reason, (SELECT count(*) FROM wound_assessments a
                WHERE a.channel = w.channel AND a.wound = w.wound)
             FROM wounds w WHERE w.channel = ?1 ORDER BY w.seq",
        )?;
        let mut rows = statement.query([channel.0])?;
        let mut list = Vec::new();
        while let Some(row) = rows.next()? {
            list.push(self.settled_wound(channel, row)?);
        }
        self.apply_unsettled(channel, &mut list)?;
        list.reverse();
        list.sort_by_key(|wound| wound.status != WoundStatus::Open);
        Ok(list)
    }

    fn settled_wound(&self, channel: ChannelId, row: &Row<'_>) -> Result<WoundRecord> {
        let wound = WoundId(row.get(0)?);
        let content: Vec<u8> = row.get(1)?;
        let opened = WoundOpened::decode(content.as_slice());
        let (opened_ms, changed_ms): (u64, u64) = (row.get(3)?, row.get(6)?);
        let mut statement = self.db.prepare_cached(
            "SELECT event, author, time_ms, content FROM wound_assessments
             WHERE channel = ?1 AND wound = ?2 ORDER BY seq DESC LIMIT 1",
        )?;
        let mut latest = statement.query(params![channel.0, wound.0])?;
        let latest = latest.next()?.map(AssessmentRecord::read).transpose()?;
        let photo: Option<[u8; 16]> = self
            .db
            .prepare_cached(
                "SELECT event FROM wound_photos WHERE channel = ?1 AND wound = ?2
                 ORDER BY seq DESC LIMIT 1",
            )?
            .query_row(params![channel.0, wound.0], |row| row.get(0))
            .optional()?;
        let last_photo = photo.map(|photo| self.settled_photo(channel, EventId(photo)));
        Ok(WoundRecord {
            wound,
            opened: opened.map_err(|_| Error::Corrupt("wound"))?,
            author: ProfessionalId(row.get(2)?),
            opened_ms,
            status: WoundStatus::from_number(row.get(4)?),
            actor: ProfessionalId::try_from(row.get::<_, Vec<u8>>(5)?.as_slice()).ok(),
            changed_ms: changed_ms.max(opened_ms),
            reason: row.get(7)?,
            assessments: row.get(8)?,
            latest,
            last_photo: last_photo.transpose()?.flatten(),
            pending: false,
        })
    }

    fn apply_unsettled(&self, channel: ChannelId, list: &mut Vec<WoundRecord>) -> Result<()> {
        let me = self.identity()?.professional();
        for Unsettled {
            event,
            time_ms,
            kind,
        } in self.unsettled_wounds(channel)?
        {
            let Some(id) = wound_of(&kind) else { continue };
            if let Kind::WoundOpened(opened) = kind {
                list.push(just_opened(id, opened, me, time_ms));
                continue;
            }
            let Some(wound) = list.iter_mut().find(|wound| wound.wound == id) else {
                continue;
            };
            wound.pending = true;
            match kind {
                Kind::WoundAssessed(found) => {
                    if let Ok(photo) = EventId::try_from(&found.photo)
                        && let Some(photo) = self.photo_record(channel, photo)?
                    {
                        wound.last_photo = Some(photo);
                    }
                    wound.assessments += 1;
                    wound.latest = Some(AssessmentRecord::new(event, me, time_ms, found, true));
                }
                Kind::Photo(photo) => {
                    wound.last_photo = Some(PhotoRecord {
                        event,
                        author: me,
                        time_ms,
                        photo,
                    });
                }
                Kind::WoundChanged(changed) => {
                    let change = WoundChange::try_from(changed.change).unwrap_or_default();
                    if let Some(next) = wound_after(wound.status.number(), change) {
                        wound.status = WoundStatus::from_number(next);
                        wound.actor = Some(me);
                        wound.changed_ms = time_ms;
                        wound.reason = changed.reason;
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    pub(super) fn unsettled_wounds(&self, channel: ChannelId) -> Result<Vec<Unsettled>> {
        let mut found = Vec::new();
        for (intent, state, _) in intent::unsettled(&self.db, channel)? {
            let Wish::Event { id, signed } = &intent.wish else {
                continue;
            };
            if state == "failed" || (state == "unplaced" && self.event_seq(channel, *id)?.is_some())
            {
                continue;
            }
            let content = crate::content::body_of(signed)?.content;
            found.extend(
                content
                    .and_then(|content| content.kind)
                    .map(|kind| Unsettled {
                        event: *id,
                        time_ms: intent.created_ms,
                        kind,
                    }),
            );
        }
        Ok(found)
    }

    /// One wound of a thread.
    pub(crate) fn wound_record(&self, channel: ChannelId, wound: WoundId) -> Result<WoundRecord> {
        self.wounds(channel)?
            .into_iter()
            .find(|record| record.wound == wound)
            .ok_or(Error::Unknown("wound"))
    }
}

pub(super) fn wound_of(kind: &Kind) -> Option<WoundId> {
    let id = match kind {
        Kind::WoundOpened(opened) => &opened.wound_id,
        Kind::WoundAssessed(found) => &found.wound_id,
        Kind::WoundChanged(changed) => &changed.wound_id,
        Kind::Photo(photo) => &photo.wound_id,
        _ => return None,
    };
    WoundId::try_from(id).ok()
}

fn just_opened(
    wound: WoundId,
    opened: WoundOpened,
    author: ProfessionalId,
    opened_ms: u64,
) -> WoundRecord {
    WoundRecord {
        wound,
        opened,
        author,
        opened_ms,
        status: WoundStatus::Open,
        actor: None,
        changed_ms: opened_ms,
        reason: String::new(),
        assessments: 0,
        latest: None,
        last_photo: None,
        pending: true,
    }
}
