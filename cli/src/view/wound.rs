//! What is said of a wound, as JSON and as text.

use relais_core::query::Push;
use relais_core::schema::v1::{AreaSource, BodySite, TissueShares, WoundAssessed};
use serde::Serialize;

use super::{event_hex, short};
use crate::render::Text;
use crate::words::{Edge, Exudate, ExudateType, InfectionSign, Odour, Side, Skin, Trend};

/// Where on the body.
#[derive(Debug, Clone, Serialize)]
pub struct SiteView {
    snomed: Option<String>,
    words: String,
    side: Option<Side>,
}

impl SiteView {
    /// As the schema has it.
    pub fn of(site: &BodySite) -> Self {
        Self {
            snomed: (!site.code.is_empty()).then(|| site.code.clone()),
            words: site.words.clone(),
            side: Side::of(site.laterality()),
        }
    }
}

impl std::fmt::Display for SiteView {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.words)?;
        match self.side {
            Some(side) => write!(f, ", {side}"),
            None => Ok(()),
        }
    }
}

/// What was found of a wound; what is absent was not looked at.
#[derive(Debug, Clone, Serialize)]
pub struct AssessmentView {
    photo: Option<String>,
    length_mm: Option<u32>,
    width_mm: Option<u32>,
    depth_mm: Option<u32>,
    area_mm2: Option<u32>,
    /// Traced on the photo, rather than length by width.
    area_traced: bool,
    tissue: Option<TissueView>,
    exudate: Option<Exudate>,
    exudate_type: Option<ExudateType>,
    edges: Vec<Edge>,
    periwound: Vec<Skin>,
    undermining_mm: Option<u32>,
    tunnelling_mm: Option<u32>,
    odour: Option<Odour>,
    pain: Option<u32>,
    infection_signs: Vec<InfectionSign>,
    dressing: String,
    trend: Option<Trend>,
    /// PUSH Tool 3.0, where its parts are given.
    push: Option<u8>,
}

#[derive(Debug, Clone, Serialize)]
struct TissueView {
    necrosis: u32,
    slough: u32,
    granulation: u32,
    epithelium: u32,
}

impl TissueView {
    fn of(tissue: &TissueShares) -> Self {
        Self {
            necrosis: tissue.necrosis,
            slough: tissue.slough,
            granulation: tissue.granulation,
            epithelium: tissue.epithelium,
        }
    }
}

impl AssessmentView {
    /// As the schema has it.
    pub fn of(found: &WoundAssessed) -> Self {
        Self {
            photo: event_hex(&found.photo),
            length_mm: found.length_mm,
            width_mm: found.width_mm,
            depth_mm: found.depth_mm,
            area_mm2: found.area_mm2,
            area_traced: found.area_source() == AreaSource::Traced,
            tissue: found.tissue.as_ref().map(TissueView::of),
            exudate: Exudate::of(found.exudate()),
            exudate_type: ExudateType::of(found.exudate_type()),
            edges: found.edges().filter_map(Edge::of).collect(),
            periwound: found.periwound().filter_map(Skin::of).collect(),
            undermining_mm: found.undermining_mm,
            tunnelling_mm: found.tunnelling_mm,
            odour: Odour::of(found.odour()),
            pain: found.pain,
            infection_signs: found
                .infection_signs()
                .filter_map(InfectionSign::of)
                .collect(),
            dressing: found.dressing.clone(),
            trend: Trend::of(found.trend()),
            push: Push::of(found).map(Push::total),
        }
    }

    /// Writes it for people, behind an indent.
    pub fn plain(&self, text: &mut Text, indent: &str) {
        for line in [self.measures(), self.bed(), self.around()] {
            if !line.is_empty() {
                text.line(format_args!("{indent}{}", line.join(", ")));
            }
        }
        if let Some(photo) = &self.photo {
            text.line(format_args!("{indent}measured on photo {}", short(photo)));
        }
        if !self.dressing.is_empty() {
            text.block(&format!("{indent}dressing: "), &self.dressing);
        }
    }

    fn measures(&self) -> Vec<String> {
        let mut parts = Vec::new();
        let mut length = |what: &str, mm: Option<u32>| {
            parts.extend(mm.map(|mm| format!("{what} {} cm", decimal(mm, 10))));
        };
        length("length", self.length_mm);
        length("width", self.width_mm);
        length("depth", self.depth_mm);
        length("undermining", self.undermining_mm);
        length("tunnelling", self.tunnelling_mm);
        let how = if self.area_traced { " (traced)" } else { "" };
        let area = self.area_mm2.map(|mm2| decimal(mm2, 100));
        parts.extend(area.map(|area| format!("area {area} cm²{how}")));
        parts.extend(self.push.map(|push| format!("PUSH {push}")));
        parts
    }

    fn bed(&self) -> Vec<String> {
        let mut parts = Vec::new();
        if let Some(tissue) = &self.tissue {
            for (name, share) in [
                ("necrosis", tissue.necrosis),
                ("slough", tissue.slough),
                ("granulation", tissue.granulation),
                ("epithelium", tissue.epithelium),
            ] {
                parts.extend((share > 0).then(|| format!("{name} {share} %")));
            }
        }
        let kind = self.exudate_type.map(|kind| format!(" ({kind})"));
        let kind = kind.unwrap_or_default();
        parts.extend(self.exudate.map(|amount| format!("exudate {amount}{kind}")));
        parts.extend(self.odour.map(|odour| format!("odour {odour}")));
        parts.extend(self.pain.map(|pain| format!("pain {pain} of 10")));
        parts.extend(self.trend.map(|trend| format!("trend {trend}")));
        parts
    }

    fn around(&self) -> Vec<String> {
        let edges = self.edges.iter().map(|edge| format!("edge {edge}"));
        let skin = self
            .periwound
            .iter()
            .map(|skin| format!("skin around: {skin}"));
        let signs = self.infection_signs.iter();
        let signs = signs.map(|sign| format!("sign of infection: {sign}"));
        edges.chain(skin).chain(signs).collect()
    }
}

/// A measure in a larger unit, of so many of the small one, with what is left of it.
pub(super) fn decimal(value: u32, of: u32) -> String {
    let rest = value % of;
    match (rest, of) {
        (0, _) => (value / of).to_string(),
        (_, 10) => format!("{}.{rest}", value / of),
        _ => format!("{}.{rest:02}", value / of),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn measures_are_in_centimetres() {
        assert_eq!(decimal(42, 10), "4.2");
        assert_eq!(decimal(40, 10), "4");
        assert_eq!(decimal(1_260, 100), "12.60");
        assert_eq!(decimal(5, 100), "0.05");
        assert_eq!(decimal(1_200, 100), "12");
    }
}
