//! What is said of a wound: its site, its measures, what was seen.

use relais_core::schema::v1 as schema;
use relais_core::wire::ids::EventId;

use super::content::Laterality;
use super::header::{CalendarDate, choices};
use super::{Id, optional_id};
use crate::error::RelaisError;

choices! {
    /// What caused a wound.
    WoundOrigin {
        /// Pressure: escarre.
        Pressure,
        /// Venous insufficiency.
        Venous,
        /// Arterial insufficiency.
        Arterial,
        /// The diabetic foot.
        DiabeticFoot,
        /// An operation.
        Surgical,
        /// An injury.
        Trauma,
        /// A burn.
        Burn,
        /// Anything else.
        Other,
    }
}

choices! {
    /// A side of the body map.
    BodyView {
        /// From the front.
        Front,
        /// From behind.
        Back,
    }
}

choices! {
    /// How an area was found.
    AreaSource {
        /// Length times width.
        Computed,
        /// Traced on the photo.
        Traced,
    }
}

choices! {
    /// How much a wound exudes.
    Exudate {
        /// Nothing.
        None,
        /// A little.
        Low,
        /// Some.
        Moderate,
        /// Much.
        High,
    }
}

choices! {
    /// What a wound exudes.
    ExudateType {
        /// Clear.
        Serous,
        /// Clear with blood.
        Serosanguineous,
        /// Blood.
        Sanguineous,
        /// Pus.
        Purulent,
    }
}

choices! {
    /// What a wound's edge is like.
    WoundEdge {
        /// Level with the bed.
        Attached,
        /// Away from the bed.
        Unattached,
        /// Rolled under.
        Rolled,
        /// With a callus.
        Calloused,
        /// Macerated.
        Macerated,
        /// Irregular.
        Irregular,
    }
}

choices! {
    /// What the skin around a wound is like.
    PeriwoundSkin {
        /// Healthy.
        Intact,
        /// Red.
        Erythema,
        /// Macerated.
        Maceration,
        /// Dry.
        Dry,
        /// With eczema.
        Eczema,
        /// Swollen.
        Oedema,
        /// Hard.
        Induration,
        /// Excoriated.
        Excoriation,
    }
}

choices! {
    /// How a wound smells.
    Odour {
        /// Not at all.
        None,
        /// A little.
        Slight,
        /// Strongly.
        Strong,
    }
}

choices! {
    /// A sign of infection.
    InfectionSign {
        /// Pain that increases.
        IncreasingPain,
        /// Redness.
        Erythema,
        /// Warmth.
        Warmth,
        /// Swelling.
        Swelling,
        /// Pus.
        PurulentExudate,
        /// A bad smell.
        Malodour,
        /// It does not heal.
        DelayedHealing,
        /// Granulation that bleeds.
        FriableGranulation,
        /// Fever.
        Fever,
    }
}

choices! {
    /// How a wound goes, in the eyes of who assessed it.
    Trend {
        /// Better.
        Better,
        /// The same.
        Same,
        /// Worse.
        Worse,
    }
}

choices! {
    /// What became of a wound.
    WoundChange {
        /// It has healed.
        Healed,
        /// It is followed no more, for another reason.
        Closed,
        /// It is followed again.
        Reopened,
    }
}

/// Where on the body.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(
    feature = "web",
    derive(serde::Serialize, serde::Deserialize, ts_rs::TS),
    serde(rename_all = "camelCase")
)]
pub struct BodySite {
    /// Concept id of SNOMED CT; empty when none was chosen.
    pub code: String,
    /// In words.
    pub words: String,
    /// Which side.
    pub laterality: Option<Laterality>,
}

impl From<schema::BodySite> for BodySite {
    fn from(site: schema::BodySite) -> Self {
        Self {
            laterality: Laterality::of(site.laterality()),
            code: site.code,
            words: site.words,
        }
    }
}

impl From<BodySite> for schema::BodySite {
    fn from(site: BodySite) -> Self {
        Self {
            code: site.code,
            words: site.words,
            laterality: number::<_, schema::Laterality>(site.laterality),
        }
    }
}

/// A point on the body map, from its top left corner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(
    feature = "web",
    derive(serde::Serialize, serde::Deserialize, ts_rs::TS),
    serde(rename_all = "camelCase")
)]
pub struct BodyPlace {
    /// Which side of the map.
    pub view: BodyView,
    /// Per mille of its width.
    pub x: u32,
    /// Per mille of its height.
    pub y: u32,
}

impl BodyPlace {
    pub(crate) fn of(place: schema::BodyPlace) -> Option<Self> {
        Some(Self {
            view: BodyView::of(place.view())?,
            x: place.x,
            y: place.y,
        })
    }
}

impl From<BodyPlace> for schema::BodyPlace {
    fn from(place: BodyPlace) -> Self {
        Self {
            view: schema::BodyView::from(place.view).into(),
            x: place.x,
            y: place.y,
        }
    }
}

/// A wound as it is opened.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(
    feature = "web",
    derive(serde::Serialize, serde::Deserialize, ts_rs::TS),
    serde(rename_all = "camelCase")
)]
pub struct NewWound {
    /// What caused it.
    pub origin: WoundOrigin,
    /// Since when; month and day may be 0.
    pub onset: Option<CalendarDate>,
    /// Where on the body.
    pub site: BodySite,
    /// Where it is drawn on the body map.
    pub place: Option<BodyPlace>,
}

impl From<NewWound> for relais_core::commands::NewWound {
    fn from(new: NewWound) -> Self {
        Self {
            origin: new.origin.into(),
            onset: new.onset.map(Into::into),
            site: new.site.into(),
            place: new.place.map(Into::into),
        }
    }
}

/// Shares of a wound's bed in per cent; together 100.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(
    feature = "web",
    derive(serde::Serialize, serde::Deserialize, ts_rs::TS),
    serde(rename_all = "camelCase")
)]
pub struct TissueShares {
    /// Black.
    pub necrosis: u32,
    /// Yellow.
    pub slough: u32,
    /// Red.
    pub granulation: u32,
    /// Pink.
    pub epithelium: u32,
}

/// What was found of a wound. What is nothing, or empty, was not looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(
    feature = "web",
    derive(serde::Serialize, serde::Deserialize, ts_rs::TS),
    serde(rename_all = "camelCase")
)]
pub struct Assessment {
    /// Id of the event of the photo that the numbers were taken from.
    pub photo: Option<String>,
    /// Length in mm, at most 1,000, as all of them.
    pub length_mm: Option<u32>,
    /// Width in mm.
    pub width_mm: Option<u32>,
    /// Depth in mm.
    pub depth_mm: Option<u32>,
    /// Area in mm². When it is not given it is the length by the width, if both are.
    pub area_mm2: Option<u32>,
    /// How the area was found; given with it.
    pub area_source: Option<AreaSource>,
    /// Tissue of the bed.
    pub tissue: Option<TissueShares>,
    /// How much it exudes.
    pub exudate: Option<Exudate>,
    /// What it exudes, if it does.
    pub exudate_type: Option<ExudateType>,
    /// What its edge is like; each once.
    pub edges: Vec<WoundEdge>,
    /// What the skin around it is like; each once.
    pub periwound: Vec<PeriwoundSkin>,
    /// Undermining in mm.
    pub undermining_mm: Option<u32>,
    /// Tunnelling in mm.
    pub tunnelling_mm: Option<u32>,
    /// How it smells.
    pub odour: Option<Odour>,
    /// Pain, 0 to 10.
    pub pain: Option<u32>,
    /// Signs of infection; each once.
    pub infection_signs: Vec<InfectionSign>,
    /// The dressing that was put on; may be empty.
    pub dressing: String,
    /// How it goes.
    pub trend: Option<Trend>,
}

impl From<schema::WoundAssessed> for Assessment {
    fn from(found: schema::WoundAssessed) -> Self {
        Self {
            photo: optional_id::<EventId>(&found.photo),
            length_mm: found.length_mm,
            width_mm: found.width_mm,
            depth_mm: found.depth_mm,
            area_mm2: found.area_mm2,
            area_source: AreaSource::of(found.area_source()),
            tissue: found.tissue.map(|tissue| TissueShares {
                necrosis: tissue.necrosis,
                slough: tissue.slough,
                granulation: tissue.granulation,
                epithelium: tissue.epithelium,
            }),
            exudate: Exudate::of(found.exudate()),
            exudate_type: ExudateType::of(found.exudate_type()),
            edges: found.edges().filter_map(WoundEdge::of).collect(),
            periwound: found.periwound().filter_map(PeriwoundSkin::of).collect(),
            undermining_mm: found.undermining_mm,
            tunnelling_mm: found.tunnelling_mm,
            odour: Odour::of(found.odour()),
            pain: found.pain,
            infection_signs: found
                .infection_signs()
                .filter_map(InfectionSign::of)
                .collect(),
            trend: Trend::of(found.trend()),
            dressing: found.dressing,
        }
    }
}

impl Assessment {
    /// Of a wound.
    pub(crate) fn core(
        self,
        wound: relais_core::wire::ids::WoundId,
    ) -> Result<schema::WoundAssessed, RelaisError> {
        let photo = self.photo.map(|id| EventId::parse(&id, "photo"));
        Ok(schema::WoundAssessed {
            wound_id: wound.to_bytes(),
            photo: photo
                .transpose()?
                .map(EventId::to_bytes)
                .unwrap_or_default(),
            length_mm: self.length_mm,
            width_mm: self.width_mm,
            depth_mm: self.depth_mm,
            area_mm2: self.area_mm2,
            area_source: number::<_, schema::AreaSource>(self.area_source),
            tissue: self.tissue.map(|tissue| schema::TissueShares {
                necrosis: tissue.necrosis,
                slough: tissue.slough,
                granulation: tissue.granulation,
                epithelium: tissue.epithelium,
            }),
            exudate: number::<_, schema::Exudate>(self.exudate),
            exudate_type: number::<_, schema::ExudateType>(self.exudate_type),
            edges: numbers::<_, schema::WoundEdge>(self.edges),
            periwound: numbers::<_, schema::PeriwoundSkin>(self.periwound),
            undermining_mm: self.undermining_mm,
            tunnelling_mm: self.tunnelling_mm,
            odour: number::<_, schema::Odour>(self.odour),
            pain: self.pain,
            infection_signs: numbers::<_, schema::InfectionSign>(self.infection_signs),
            dressing: self.dressing,
            trend: number::<_, schema::Trend>(self.trend),
        })
    }
}

/// As the schema has a choice, where 0 means that it is not said.
fn number<C, S: From<C> + Into<i32>>(choice: Option<C>) -> i32 {
    choice.map_or(0, |choice| S::from(choice).into())
}

fn numbers<C, S: From<C> + Into<i32>>(choices: Vec<C>) -> Vec<i32> {
    let choices = choices.into_iter();
    choices.map(|choice| S::from(choice).into()).collect()
}
