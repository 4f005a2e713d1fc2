//! The PUSH Tool 3.0 (Pressure Ulcer Scale for Healing, National Pressure Ulcer Advisory
//! Panel): a number to compare a wound with itself over time. It is shown, and is no advice.

use relais_content::v1::{Exudate, TissueShares, WoundAssessed};

/// A PUSH score by its parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Push {
    /// Length by width, 0 to 10.
    pub surface: u8,
    /// Amount of exudate, 0 to 3.
    pub exudate: u8,
    /// The worst tissue that is there, 0 to 4.
    pub tissue: u8,
}

/// Upper bounds of the sub-scores 1 to 9 for length by width, in mm². The published table is
/// in tenths of a cm²: what lies between two classes counts with the larger one. The first
/// bound is itself outside its class ("less than 0.3 cm²").
const SURFACE: [u32; 9] = [29, 60, 100, 200, 300, 400, 800, 1_200, 2_400];

impl Push {
    /// The score of an assessment; `None` unless length, width, exudate and tissue are given.
    /// Of a wound without a surface no tissue is needed: it has closed.
    pub fn of(found: &WoundAssessed) -> Option<Self> {
        let area = found.length_mm?.checked_mul(found.width_mm?)?;
        let surface = match area {
            0 => 0,
            _ => 1 + SURFACE.iter().filter(|bound| area > **bound).count() as u8,
        };
        let exudate = match found.exudate() {
            Exudate::Unspecified => return None,
            Exudate::None => 0,
            Exudate::Low => 1,
            Exudate::Moderate => 2,
            Exudate::High => 3,
        };
        let tissue = match area {
            0 => 0,
            _ => worst(found.tissue.as_ref()?),
        };
        Some(Self {
            surface,
            exudate,
            tissue,
        })
    }

    /// The whole score, 0 to 17.
    pub fn total(self) -> u8 {
        self.surface + self.exudate + self.tissue
    }
}

fn worst(tissue: &TissueShares) -> u8 {
    match tissue {
        TissueShares { necrosis: 1.., .. } => 4,
        TissueShares { slough: 1.., .. } => 3,
        TissueShares {
            granulation: 1.., ..
        } => 2,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(length: u32, width: u32, exudate: Exudate, tissue: [u32; 4]) -> WoundAssessed {
        let [necrosis, slough, granulation, epithelium] = tissue;
        WoundAssessed {
            length_mm: Some(length),
            width_mm: Some(width),
            exudate: exudate.into(),
            tissue: Some(TissueShares {
                necrosis,
                slough,
                granulation,
                epithelium,
            }),
            ..WoundAssessed::default()
        }
    }

    fn surface(mm2: u32) -> u8 {
        let found = found(mm2, 1, Exudate::None, [0, 0, 0, 100]);
        Push::of(&found).expect("complete").surface
    }

    #[test]
    fn the_surface_is_scored_by_the_published_table() {
        // Each class by its first and last value, in tenths of a cm².
        let classes = [
            (0, 0),
            (1, 2),
            (3, 6),
            (7, 10),
            (11, 20),
            (21, 30),
            (31, 40),
            (41, 80),
            (81, 120),
            (121, 240),
            (241, 10_000),
        ];
        for (score, (first, last)) in classes.into_iter().enumerate() {
            assert_eq!(usize::from(surface(first * 10)), score, "{first}");
            assert_eq!(usize::from(surface(last * 10)), score, "{last}");
        }
        assert_eq!((surface(1), surface(29), surface(30)), (1, 1, 2));
        assert_eq!((surface(60), surface(61)), (2, 3));
    }

    #[test]
    fn the_worst_tissue_counts() {
        let tissue = |shares| {
            let push = Push::of(&found(40, 30, Exudate::Low, shares));
            push.expect("complete").tissue
        };
        assert_eq!(tissue([1, 0, 99, 0]), 4);
        assert_eq!(tissue([0, 1, 0, 99]), 3);
        assert_eq!(tissue([0, 0, 1, 99]), 2);
        assert_eq!(tissue([0, 0, 0, 100]), 1);
    }

    #[test]
    fn the_score_goes_from_zero_to_seventeen() {
        let worst = Push::of(&found(100, 90, Exudate::High, [100, 0, 0, 0]));
        assert_eq!(worst.map(Push::total), Some(17));
        let mut closed = found(0, 0, Exudate::None, [0; 4]);
        closed.tissue = None;
        assert_eq!(Push::of(&closed).map(Push::total), Some(0));
    }

    #[test]
    fn there_is_no_score_without_all_of_its_parts() {
        let whole = found(42, 30, Exudate::Moderate, [0, 30, 60, 10]);
        assert_eq!(Push::of(&whole).map(Push::total), Some(9 + 2 + 3));
        for without in [
            |a: &mut WoundAssessed| a.length_mm = None,
            |a: &mut WoundAssessed| a.width_mm = None,
            |a: &mut WoundAssessed| a.exudate = 0,
            |a: &mut WoundAssessed| a.tissue = None,
        ] {
            let mut part = whole.clone();
            without(&mut part);
            assert_eq!(Push::of(&part), None);
        }
    }
}
