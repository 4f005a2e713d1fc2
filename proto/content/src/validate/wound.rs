//! Wounds: their opening, what was found of them, their end. Whether a wound exists is for
//! the fold.

use std::collections::BTreeSet;
use std::fmt::Display;

use super::check::{given, id, known, optional_id, prose, required_line, required_prose};
use super::civil::partial_date;
use super::snomed::optional_concept;
use super::{Checked, FieldError};
use crate::limits;
use crate::v1::{
    AreaSource, BodyPlace, BodySite, BodyView, Exudate, ExudateType, InfectionSign, Laterality,
    Odour, PeriwoundSkin, TissueShares, Trend, WoundAssessed, WoundChange, WoundChanged, WoundEdge,
    WoundOpened, WoundOrigin,
};

pub(super) fn opened(wound: &WoundOpened) -> Checked {
    id("wound_id", &wound.wound_id)?;
    given::<WoundOrigin>("origin", wound.origin)?;
    if let Some(onset) = wound.onset {
        partial_date("onset", onset)?;
    }
    let site = wound.site.as_ref();
    body_site(site.ok_or_else(|| FieldError::new("site", "is missing"))?)?;
    wound.place.as_ref().map_or(Ok(()), body_place)
}

fn body_site(site: &BodySite) -> Checked {
    optional_concept("site.code", &site.code)?;
    required_line("site.words", &site.words, limits::NAME_CHARS)?;
    known::<Laterality>("site.laterality", site.laterality).map(|_| ())
}

fn body_place(place: &BodyPlace) -> Checked {
    given::<BodyView>("place.view", place.view)?;
    most("place.x", place.x, limits::BODY_MAP, "‰")?;
    most("place.y", place.y, limits::BODY_MAP, "‰")
}

pub(super) fn assessed(found: &WoundAssessed) -> Checked {
    id("wound_id", &found.wound_id)?;
    let silent = WoundAssessed {
        wound_id: found.wound_id.clone(),
        ..WoundAssessed::default()
    };
    if *found == silent {
        return Err(FieldError::new("assessment", "says nothing"));
    }
    optional_id("photo", &found.photo)?;
    for (field, value) in [
        ("length_mm", found.length_mm),
        ("width_mm", found.width_mm),
        ("depth_mm", found.depth_mm),
        ("undermining_mm", found.undermining_mm),
        ("tunnelling_mm", found.tunnelling_mm),
    ] {
        most(field, value.unwrap_or(0), limits::WOUND_MM, "mm")?;
    }
    area(found)?;
    found.tissue.as_ref().map_or(Ok(()), tissue)?;
    exudate(found)?;
    several::<WoundEdge>("edges", &found.edges)?;
    several::<PeriwoundSkin>("periwound", &found.periwound)?;
    known::<Odour>("odour", found.odour)?;
    most("pain", found.pain.unwrap_or(0), limits::PAIN, "points")?;
    several::<InfectionSign>("infection_signs", &found.infection_signs)?;
    prose("dressing", &found.dressing, limits::DRESSING_CHARS)?;
    known::<Trend>("trend", found.trend).map(|_| ())
}

/// A computed area is the length by the width: one number cannot contradict the others.
fn area(found: &WoundAssessed) -> Checked {
    let source = known::<AreaSource>("area_source", found.area_source)?;
    let Some(area) = found.area_mm2 else {
        return match source {
            AreaSource::Unspecified => Ok(()),
            _ => Err(FieldError::new("area_source", "belongs to an area")),
        };
    };
    most("area_mm2", area, limits::WOUND_MM2, "mm²")?;
    match (source, found.length_mm, found.width_mm) {
        (AreaSource::Unspecified, ..) => Err(FieldError::new("area_source", "is not given")),
        (AreaSource::Traced, ..) => Ok(()),
        (AreaSource::Computed, Some(length), Some(width)) if area == length * width => Ok(()),
        (AreaSource::Computed, ..) => Err(FieldError::new(
            "area_mm2",
            "is not the length by the width",
        )),
    }
}

fn tissue(shares: &TissueShares) -> Checked {
    for (field, share) in [
        ("tissue.necrosis", shares.necrosis),
        ("tissue.slough", shares.slough),
        ("tissue.granulation", shares.granulation),
        ("tissue.epithelium", shares.epithelium),
    ] {
        most(field, share, 100, "%")?;
    }
    if shares.necrosis + shares.slough + shares.granulation + shares.epithelium != 100 {
        return Err(FieldError::new("tissue", "does not add up to 100 %"));
    }
    Ok(())
}

fn exudate(found: &WoundAssessed) -> Checked {
    let amount = known::<Exudate>("exudate", found.exudate)?;
    let kind = known::<ExudateType>("exudate_type", found.exudate_type)?;
    match (amount, kind) {
        (_, ExudateType::Unspecified) => Ok(()),
        (Exudate::Unspecified | Exudate::None, _) => {
            Err(FieldError::new("exudate_type", "belongs to an exudate"))
        }
        _ => Ok(()),
    }
}

pub(super) fn changed(wound: &WoundChanged) -> Checked {
    id("wound_id", &wound.wound_id)?;
    match given("change", wound.change)? {
        WoundChange::Closed => required_prose("reason", &wound.reason, limits::REASON_CHARS),
        _ if !wound.reason.is_empty() => Err(FieldError::new(
            "reason",
            "belongs to a wound that is closed without being healed",
        )),
        _ => Ok(()),
    }
}

fn most(field: &str, value: u32, most: u32, unit: &str) -> Checked {
    if value <= most {
        return Ok(());
    }
    let problem = format_args!("is more than {most} {unit}");
    Err(FieldError::new(field, problem))
}

/// Known values, each named once.
fn several<E: TryFrom<i32>>(field: impl Display, values: &[i32]) -> Checked {
    let mut seen = BTreeSet::new();
    for (i, value) in values.iter().enumerate() {
        given::<E>(format_args!("{field}[{i}]"), *value)?;
        if !seen.insert(value) {
            return Err(FieldError::new(
                format_args!("{field}[{i}]"),
                "is named twice",
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::samples::{self, refused_field};
    use super::*;
    use crate::v1::Date;

    fn site(wound: &mut WoundOpened) -> &mut BodySite {
        wound.site.get_or_insert_default()
    }

    fn place(wound: &mut WoundOpened) -> &mut BodyPlace {
        wound.place.get_or_insert_default()
    }

    fn shares(found: &mut WoundAssessed) -> &mut TissueShares {
        found.tissue.get_or_insert_default()
    }

    #[test]
    fn a_wound_has_an_origin_and_a_site() {
        assert_eq!(opened(&samples::wound_opened()), Ok(()));
        let refuse = |field, change: fn(&mut WoundOpened)| {
            refused_field(samples::wound_opened(), change, opened, field);
        };
        refuse("wound_id", |w| w.wound_id.clear());
        refuse("origin", |w| w.origin = 0);
        refuse("origin", |w| w.origin = 9);
        refuse("onset", |w| w.onset = Some(samples::date(2026, 2, 30)));
        refuse("onset", |w| w.onset = Some(Date::default()));
        refuse("site", |w| w.site = None);
        refuse("site.code", |w| site(w).code = "76853007".into());
        refuse("site.words", |w| site(w).words = " ".into());
        refuse("site.words", |w| site(w).words = "s".repeat(101));
        refuse("site.laterality", |w| site(w).laterality = 4);
        refuse("place.view", |w| place(w).view = 0);
        refuse("place.view", |w| place(w).view = 3);
        refuse("place.x", |w| place(w).x = 1_001);
        refuse("place.y", |w| place(w).y = u32::MAX);

        let mut plain = samples::wound_opened();
        (plain.onset, plain.place) = (Some(samples::date(2026, 2, 0)), None);
        site(&mut plain).code.clear();
        assert_eq!(opened(&plain), Ok(()));
        plain.onset = None;
        assert_eq!(opened(&plain), Ok(()));
    }

    #[test]
    fn each_number_of_an_assessment_has_its_bounds() {
        assert_eq!(assessed(&samples::wound_assessed()), Ok(()));
        let refuse = |field, change: fn(&mut WoundAssessed)| {
            refused_field(samples::wound_assessed(), change, assessed, field);
        };
        refuse("wound_id", |a| a.wound_id = vec![1; 17].into());
        refuse("photo", |a| a.photo = vec![1; 3].into());
        refuse("length_mm", |a| a.length_mm = Some(1_001));
        refuse("width_mm", |a| a.width_mm = Some(u32::MAX));
        refuse("depth_mm", |a| a.depth_mm = Some(1_001));
        refuse("undermining_mm", |a| a.undermining_mm = Some(1_001));
        refuse("tunnelling_mm", |a| a.tunnelling_mm = Some(1_001));
        refuse("area_mm2", |a| {
            (a.area_mm2, a.area_source) = (Some(1_000_001), AreaSource::Traced.into());
        });
        refuse("pain", |a| a.pain = Some(11));
        refuse("exudate", |a| a.exudate = 5);
        refuse("exudate_type", |a| a.exudate_type = 5);
        refuse("exudate_type", |a| a.exudate = Exudate::None.into());
        refuse("exudate_type", |a| a.exudate = 0);
        refuse("edges[0]", |a| a.edges = vec![0]);
        refuse("edges[1]", |a| a.edges = vec![1, 7]);
        refuse("periwound[1]", |a| a.periwound = vec![2, 2]);
        refuse("infection_signs[0]", |a| a.infection_signs = vec![-1]);
        refuse("infection_signs[1]", |a| a.infection_signs = vec![3; 4_000]);
        refuse("odour", |a| a.odour = 4);
        refuse("dressing", |a| a.dressing = "d".repeat(501));
        refuse("dressing", |a| a.dressing = "\u{202E}".into());
        refuse("trend", |a| a.trend = 4);
    }

    #[test]
    fn an_area_says_how_it_was_found() {
        let refuse = |field, change: fn(&mut WoundAssessed)| {
            refused_field(samples::wound_assessed(), change, assessed, field);
        };
        refuse("area_source", |a| a.area_source = 0);
        refuse("area_source", |a| a.area_source = 3);
        refuse("area_source", |a| a.area_mm2 = None);
        refuse("area_mm2", |a| a.area_mm2 = Some(1_261));
        refuse("area_mm2", |a| a.length_mm = None);

        let mut traced = samples::wound_assessed();
        traced.area_source = AreaSource::Traced.into();
        (traced.area_mm2, traced.length_mm) = (Some(987), None);
        assert_eq!(assessed(&traced), Ok(()));
    }

    #[test]
    fn tissue_adds_up_to_a_hundred_or_is_absent() {
        let refuse = |field, change: fn(&mut WoundAssessed)| {
            refused_field(samples::wound_assessed(), change, assessed, field);
        };
        refuse("tissue", |a| shares(a).slough = 31);
        refuse("tissue", |a| *shares(a) = TissueShares::default());
        refuse("tissue.necrosis", |a| shares(a).necrosis = u32::MAX);
        refuse("tissue.epithelium", |a| shares(a).epithelium = 101);

        let mut absent = samples::wound_assessed();
        absent.tissue = None;
        assert_eq!(assessed(&absent), Ok(()));
    }

    #[test]
    fn an_assessment_says_something_and_zero_is_something() {
        let mut found = WoundAssessed {
            wound_id: samples::wound_assessed().wound_id,
            ..WoundAssessed::default()
        };
        let error = assessed(&found).expect_err("refused");
        assert_eq!(error.field, "assessment");
        found.pain = Some(0);
        assert_eq!(assessed(&found), Ok(()));
    }

    #[test]
    fn who_closes_a_wound_that_is_not_healed_says_why() {
        assert_eq!(changed(&samples::wound_changed()), Ok(()));
        let refuse = |field, change: fn(&mut WoundChanged)| {
            refused_field(samples::wound_changed(), change, changed, field);
        };
        refuse("wound_id", |w| w.wound_id.clear());
        refuse("change", |w| w.change = 0);
        refuse("change", |w| w.change = 4);
        refuse("reason", |w| w.reason.clear());
        refuse("reason", |w| w.reason = "r".repeat(501));
        refuse("reason", |w| w.change = WoundChange::Healed.into());

        for change in [WoundChange::Healed, WoundChange::Reopened] {
            let mut plain = samples::wound_changed();
            (plain.change, plain.reason) = (change.into(), String::new());
            assert_eq!(changed(&plain), Ok(()));
        }
    }
}
