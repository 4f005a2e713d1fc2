//! Civil dates: the calendar, and dates of birth that are known in part.

use std::fmt::Display;

use super::{Checked, FieldError};
use crate::limits;
use crate::v1::Date;

/// A day of the calendar.
pub(super) fn full_date(field: impl Display, date: Date) -> Checked {
    partial_date(&field, date)?;
    if date.month == 0 || date.day == 0 {
        return Err(FieldError::new(field, "needs month and day"));
    }
    Ok(())
}

/// A day, or a month (`day` 0), or a year (`month` and `day` 0): the civil
/// registry knows some births no better.
pub(super) fn partial_date(field: impl Display, date: Date) -> Checked {
    let year_fits = (limits::YEAR_FIRST..=limits::YEAR_LAST).contains(&date.year);
    let day_fits = date.day <= days(date.year, date.month);
    if year_fits && date.month <= 12 && day_fits {
        return Ok(());
    }
    Err(FieldError::new(field, "is not a date of the calendar"))
}

/// Days of a month; none for an unknown month (0), so that its day must be 0.
fn days(year: u32, month: u32) -> u32 {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date(year: u32, month: u32, day: u32) -> Date {
        Date { year, month, day }
    }

    #[test]
    fn only_days_of_the_calendar_are_dates() {
        for (year, month, day) in [(1955, 1, 31), (2000, 2, 29), (2024, 2, 29), (1999, 12, 31)] {
            assert_eq!(full_date("date", date(year, month, day)), Ok(()));
        }
        for (year, month, day) in [
            (1900, 2, 29),
            (2023, 2, 29),
            (1955, 4, 31),
            (1955, 13, 1),
            (1955, 1, 32),
            (1889, 1, 1),
            (2101, 1, 1),
            (0, 1, 1),
            (u32::MAX, u32::MAX, u32::MAX),
        ] {
            assert!(partial_date("date", date(year, month, day)).is_err());
            assert!(full_date("date", date(year, month, day)).is_err());
        }
    }

    #[test]
    fn unknown_day_or_month_is_a_partial_date() {
        for (year, month, day) in [(1955, 0, 0), (1955, 3, 0)] {
            assert_eq!(partial_date("date", date(year, month, day)), Ok(()));
            assert!(full_date("date", date(year, month, day)).is_err());
        }
        assert!(partial_date("date", date(1955, 0, 12)).is_err());
    }
}
