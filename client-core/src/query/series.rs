//! A wound with its assessments, how its area has changed, and its photos.

use std::collections::BTreeSet;

use relais_content::v1::{Photo, WoundAssessed, content::Kind};
use relais_wire::ids::{ChannelId, EventId, ProfessionalId, WoundId};
use rusqlite::{OptionalExtension, params};

use super::wounds::{AssessmentRecord, Unsettled, WoundRecord, wound_of};
use crate::engine::Engine;
use crate::error::Result;

/// A photo of a thread.
#[derive(Debug, Clone, PartialEq)]
pub struct PhotoRecord {
    /// Its event.
    pub event: EventId,
    /// Who took it.
    pub author: ProfessionalId,
    /// Server time; the device's own until the log settled it.
    pub time_ms: u64,
    /// The photo: thumbnail, size, and where the original is.
    pub photo: Photo,
}

/// One assessment in a wound's series.
#[derive(Debug, Clone, PartialEq)]
pub struct SeriesStep {
    /// The assessment.
    pub assessment: AssessmentRecord,
    /// The photo that its numbers were taken from, where this device holds it.
    pub photo: Option<PhotoRecord>,
    /// How the area has changed since the assessment before that has one.
    pub since_previous: Option<AreaChange>,
    /// How the area has changed since the first assessment that has one.
    pub since_first: Option<AreaChange>,
}

/// A change of area, between two that were found in the same way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AreaChange {
    /// In mm²; negative when it has become smaller.
    pub mm2: i64,
    /// In per cent of the earlier area, rounded; `None` when that was zero.
    pub percent: Option<i64>,
}

impl AreaChange {
    /// `None` where one has no area, or one was traced and the other computed.
    fn between(earlier: &WoundAssessed, later: &WoundAssessed) -> Option<Self> {
        let (from, to) = (i64::from(earlier.area_mm2?), i64::from(later.area_mm2?));
        let mm2 = to - from;
        let percent = |from: i64| (mm2 * 200 + mm2.signum() * from) / (from * 2);
        (earlier.area_source == later.area_source).then(|| Self {
            mm2,
            percent: (from > 0).then(|| percent(from)),
        })
    }
}

/// A wound with everything that was found of it, the oldest first.
#[derive(Debug, Clone, PartialEq)]
pub struct WoundSeries {
    /// The wound.
    pub wound: WoundRecord,
    /// Its assessments.
    pub steps: Vec<SeriesStep>,
    /// All of its photos, assessed or not.
    pub photos: Vec<PhotoRecord>,
}

impl Engine {
    /// A wound with its assessments and photos.
    ///
    /// # Errors
    /// [`crate::Error::Unknown`] thread or wound.
    pub fn wound(&self, channel: ChannelId, wound: WoundId) -> Result<WoundSeries> {
        let record = self.wound_record(channel, wound)?;
        let mut statement = self.db.prepare_cached(
            "SELECT event, author, time_ms, content FROM wound_assessments
             WHERE channel = ?1 AND wound = ?2 ORDER BY seq",
        )?;
        let mut rows = statement.query(params![channel.0, wound.0])?;
        let mut assessments = Vec::new();
        while let Some(row) = rows.next()? {
            assessments.push(AssessmentRecord::read(row)?);
        }
        let mut photos: Vec<EventId> = self
            .db
            .prepare_cached(
                "SELECT event FROM wound_photos WHERE channel = ?1 AND wound = ?2 ORDER BY seq",
            )?
            .query_map(params![channel.0, wound.0], |row| row.get(0).map(EventId))?
            .collect::<std::result::Result<_, _>>()?;
        let me = self.identity()?.professional();
        for unsettled in self.unsettled_wounds(channel)? {
            if wound_of(&unsettled.kind) != Some(wound) {
                continue;
            }
            let Unsettled {
                event,
                time_ms,
                kind,
            } = unsettled;
            match kind {
                Kind::Photo(_) => photos.push(event),
                Kind::WoundAssessed(found) => {
                    photos.extend(EventId::try_from(&found.photo));
                    assessments.push(AssessmentRecord::new(event, me, time_ms, found, true));
                }
                _ => {}
            }
        }
        let mut shown = BTreeSet::new();
        photos.retain(|photo| shown.insert(*photo));
        let photos = photos.into_iter();
        let photos = photos.map(|photo| self.photo_record(channel, photo));
        let photos: Vec<Option<PhotoRecord>> = photos.collect::<Result<_>>()?;
        let photos: Vec<PhotoRecord> = photos.into_iter().flatten().collect();
        Ok(WoundSeries {
            wound: record,
            steps: steps(assessments, &photos),
            photos,
        })
    }

    /// A photo that this device holds or sends; `None` for what is none.
    pub(crate) fn photo_record(
        &self,
        channel: ChannelId,
        event: EventId,
    ) -> Result<Option<PhotoRecord>> {
        if let Some(photo) = self.settled_photo(channel, event)? {
            return Ok(Some(photo));
        }
        let me = self.identity()?.professional();
        let unsettled = self.unsettled_wounds(channel)?;
        let photo = unsettled.into_iter().find(|other| other.event == event);
        Ok(photo.and_then(|unsettled| match unsettled.kind {
            Kind::Photo(photo) => Some(PhotoRecord {
                event,
                author: me,
                time_ms: unsettled.time_ms,
                photo,
            }),
            _ => None,
        }))
    }

    pub(super) fn settled_photo(
        &self,
        channel: ChannelId,
        event: EventId,
    ) -> Result<Option<PhotoRecord>> {
        let row: Option<([u8; 16], u64, Vec<u8>)> = self
            .db
            .prepare_cached(
                "SELECT professional, time_ms, signed FROM shown_events
                 WHERE channel = ?1 AND event_id = ?2 AND kind = 5",
            )?
            .query_row(params![channel.0, event.0], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?))
            })
            .optional()?;
        let Some((author, time_ms, signed)) = row else {
            return Ok(None);
        };
        let content = crate::content::said_in(&signed)?.content;
        Ok(content.and_then(|content| match content.kind {
            Some(Kind::Photo(photo)) => Some(PhotoRecord {
                event,
                author: ProfessionalId(author),
                time_ms,
                photo,
            }),
            _ => None,
        }))
    }
}

/// In order of the log, each with its photo and how the area has changed.
fn steps(assessments: Vec<AssessmentRecord>, photos: &[PhotoRecord]) -> Vec<SeriesStep> {
    let mut steps: Vec<SeriesStep> = Vec::new();
    for assessment in assessments {
        let found = &assessment.found;
        let photo = EventId::try_from(&found.photo).ok();
        let photo = photo.and_then(|id| photos.iter().find(|photo| photo.event == id));
        let mut earlier = steps.iter().map(|step| &step.assessment.found);
        let change = |earlier: &WoundAssessed| AreaChange::between(earlier, found);
        steps.push(SeriesStep {
            since_first: earlier.clone().find_map(change),
            since_previous: earlier.by_ref().rev().find_map(change),
            photo: photo.cloned(),
            assessment,
        });
    }
    steps
}

#[cfg(test)]
mod tests {
    use relais_content::v1::AreaSource;

    use super::*;

    fn area(mm2: u32, source: AreaSource) -> WoundAssessed {
        WoundAssessed {
            area_mm2: Some(mm2),
            area_source: source.into(),
            ..WoundAssessed::default()
        }
    }

    #[test]
    fn areas_that_were_found_in_the_same_way_are_compared() {
        let (traced, computed) = (AreaSource::Traced, AreaSource::Computed);
        let between = |from, to| AreaChange::between(&area(from, traced), &area(to, traced));
        let change = |mm2, percent| Some(AreaChange { mm2, percent });
        assert_eq!(between(1_200, 900), change(-300, Some(-25)));
        assert_eq!(between(900, 1_200), change(300, Some(33)));
        assert_eq!(between(300, 100), change(-200, Some(-67)));
        assert_eq!(between(0, 10), change(10, None));
        let other = AreaChange::between(&area(900, traced), &area(900, computed));
        assert_eq!(other, None);
        let none = AreaChange::between(&area(900, traced), &WoundAssessed::default());
        assert_eq!(none, None);
    }

    #[test]
    fn a_step_is_compared_with_the_last_and_the_first_that_can_be() {
        let (traced, computed) = (AreaSource::Traced, AreaSource::Computed);
        let founds = [
            WoundAssessed::default(),
            area(1_000, traced),
            area(1_100, computed),
            WoundAssessed::default(),
            area(800, traced),
            area(600, traced),
        ];
        let assessments = founds.into_iter().map(|found| {
            AssessmentRecord::new(EventId([1; 16]), ProfessionalId([2; 16]), 1, found, false)
        });
        let steps = steps(assessments.collect(), &[]);
        let changes: Vec<_> = steps
            .iter()
            .map(|step| [step.since_previous, step.since_first].map(|c| c.map(|c| c.mm2)))
            .collect();
        let none = [None, None];
        let last = [[Some(-200), Some(-200)], [Some(-200), Some(-400)]];
        assert_eq!(changes[..4], [none; 4]);
        assert_eq!(changes[4..], last);
    }
}
