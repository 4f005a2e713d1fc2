//! Wounds and their series, as the commands show them.

use relais_core::Engine;
use relais_core::query::{AreaChange, SeriesStep, WoundRecord, WoundStatus};
use relais_core::wire::ids::{ChannelId, WoundId};
use serde::Serialize;

use super::{AssessmentView, PersonRef, SiteView, short};
use crate::failure::Result;
use crate::render::{Text, View};
use crate::time;
use crate::words::{Map, Origin};

#[derive(Debug, Serialize)]
struct PlaceView {
    view: Option<Map>,
    /// Per mille of the map's width and height.
    x: u32,
    y: u32,
}

/// A wound.
#[derive(Debug, Serialize)]
struct WoundView {
    id: String,
    origin: Option<Origin>,
    onset: Option<String>,
    site: Option<SiteView>,
    /// On the body map.
    place: Option<PlaceView>,
    /// `open`, `healed` or `closed`.
    status: &'static str,
    opened_by: PersonRef,
    opened_ms: u64,
    /// Who closed or reopened it last.
    actor: Option<PersonRef>,
    changed_ms: u64,
    reason: String,
    assessments: u64,
    assessed_ms: Option<u64>,
    latest: Option<AssessmentView>,
    /// Something of it has not reached the log.
    pending: bool,
}

impl WoundView {
    fn of(engine: &Engine, wound: WoundRecord) -> Self {
        let person = |id| PersonRef::of(engine, id);
        Self {
            id: wound.wound.to_string(),
            origin: Origin::of(wound.opened.origin()),
            onset: wound.opened.onset.as_ref().map(time::date),
            site: wound.opened.site.as_ref().map(SiteView::of),
            place: wound.opened.place.map(|place| PlaceView {
                view: Map::of(place.view()),
                x: place.x,
                y: place.y,
            }),
            status: match wound.status {
                WoundStatus::Open => "open",
                WoundStatus::Healed => "healed",
                WoundStatus::Closed => "closed",
            },
            opened_by: person(wound.author),
            opened_ms: wound.opened_ms,
            actor: wound.actor.map(person),
            changed_ms: wound.changed_ms,
            reason: wound.reason,
            assessments: wound.assessments,
            assessed_ms: wound.latest.as_ref().map(|latest| latest.time_ms),
            latest: wound.latest.map(|latest| AssessmentView::of(&latest.found)),
            pending: wound.pending,
        }
    }

    fn name(&self) -> String {
        self.site
            .as_ref()
            .map(ToString::to_string)
            .unwrap_or_default()
    }
}

/// The wounds of a thread.
#[derive(Debug, Serialize)]
pub struct WoundsView {
    thread: String,
    wounds: Vec<WoundView>,
}

impl WoundsView {
    /// # Errors
    /// Of the engine.
    pub fn of(engine: &Engine, channel: ChannelId) -> Result<Self> {
        let wounds = engine.wounds(channel)?.into_iter();
        Ok(Self {
            thread: channel.to_string(),
            wounds: wounds.map(|wound| WoundView::of(engine, wound)).collect(),
        })
    }
}

impl View for WoundsView {
    fn plain(&self, text: &mut Text) {
        let rows: Vec<_> = self
            .wounds
            .iter()
            .map(|wound| {
                let origin = wound.origin.map(|origin| origin.to_string());
                let last = wound
                    .assessed_ms
                    .map_or_else(|| "–".to_owned(), time::minutes);
                let waiting = if wound.pending { " (waiting)" } else { "" };
                [
                    wound.name(),
                    origin.unwrap_or_default(),
                    format!("{}{waiting}", wound.status),
                    wound.assessments.to_string(),
                    last,
                    short(&wound.id).to_owned(),
                ]
            })
            .collect();
        let head = ["WOUND", "ORIGIN", "STATUS", "ASSESSED", "LAST", "ID"];
        text.table(head, &rows);
    }
}

#[derive(Debug, Serialize)]
struct StepView {
    event: String,
    author: PersonRef,
    time_ms: u64,
    #[serde(flatten)]
    found: AssessmentView,
    area_since_previous: Option<ChangeView>,
    area_since_first: Option<ChangeView>,
    pending: bool,
}

#[derive(Debug, Serialize)]
struct ChangeView {
    mm2: i64,
    percent: Option<i64>,
}

impl ChangeView {
    fn of(change: AreaChange) -> Self {
        let AreaChange { mm2, percent } = change;
        Self { mm2, percent }
    }
}

impl std::fmt::Display for ChangeView {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.percent {
            Some(percent) => write!(f, "{percent:+} %"),
            None => write!(f, "{:+} mm²", self.mm2),
        }
    }
}

impl StepView {
    fn of(engine: &Engine, step: SeriesStep) -> Self {
        let SeriesStep {
            assessment,
            since_previous,
            since_first,
            ..
        } = step;
        Self {
            event: assessment.event.to_string(),
            author: PersonRef::of(engine, assessment.author),
            time_ms: assessment.time_ms,
            found: AssessmentView::of(&assessment.found),
            area_since_previous: since_previous.map(ChangeView::of),
            area_since_first: since_first.map(ChangeView::of),
            pending: assessment.pending,
        }
    }
}

/// A wound with its assessments and photos, the oldest first.
#[derive(Debug, Serialize)]
pub struct SeriesView {
    #[serde(flatten)]
    wound: WoundView,
    steps: Vec<StepView>,
    /// Events of the photos of its series.
    photos: Vec<String>,
}

impl SeriesView {
    /// One wound.
    ///
    /// # Errors
    /// Of the engine.
    pub fn of(engine: &Engine, channel: ChannelId, wound: WoundId) -> Result<Self> {
        let series = engine.wound(channel, wound)?;
        let steps = series.steps.into_iter();
        let photos = series.photos.iter().map(|photo| photo.event.to_string());
        Ok(Self {
            photos: photos.collect(),
            steps: steps.map(|step| StepView::of(engine, step)).collect(),
            wound: WoundView::of(engine, series.wound),
        })
    }

    /// All wounds of a thread.
    ///
    /// # Errors
    /// Of the engine.
    pub fn all(engine: &Engine, channel: ChannelId) -> Result<Vec<Self>> {
        let wounds = engine.wounds(channel)?.into_iter();
        wounds
            .map(|wound| Self::of(engine, channel, wound.wound))
            .collect()
    }
}

impl View for SeriesView {
    fn plain(&self, text: &mut Text) {
        let wound = &self.wound;
        let origin = wound.origin.map(|origin| format!(" ({origin})"));
        let since = wound.onset.as_ref().map(|onset| format!(", since {onset}"));
        text.line(format_args!(
            "{}{}{}  [{}]  {}",
            wound.name(),
            origin.unwrap_or_default(),
            since.unwrap_or_default(),
            wound.status,
            short(&wound.id)
        ));
        text.block("  ", &wound.reason);
        for step in &self.steps {
            let (at, name) = (time::minutes(step.time_ms), &step.author.name);
            let waiting = if step.pending { "  (waiting)" } else { "" };
            text.line(format_args!("{at}  {name}{waiting}"));
            step.found.plain(text, "  ");
            if let (Some(previous), Some(first)) =
                (&step.area_since_previous, &step.area_since_first)
            {
                text.line(format_args!("  area {previous}, since the first {first}"));
            }
        }
    }
}
