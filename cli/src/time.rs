//! Dates and times as people type and read them: RFC 3339, always with an offset,
//! and plain dates. No time zone is guessed.

use relais_core::schema::v1::Date;

const DAY_MS: i64 = 86_400_000;

/// `2026-11-21 10:42Z`.
pub fn minutes(ms: u64) -> String {
    let (days, rest) = (ms as i64 / DAY_MS, ms as i64 % DAY_MS);
    let (year, month, day) = civil(days);
    let minute = rest / 60_000;
    let (hour, minute) = (minute / 60, minute % 60);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}Z")
}

/// `1955-01-31`, or as much of it as is known.
pub fn date(date: &Date) -> String {
    match (date.month, date.day) {
        (0, _) => format!("{:04}", date.year),
        (month, 0) => format!("{:04}-{month:02}", date.year),
        (month, day) => format!("{:04}-{month:02}-{day:02}", date.year),
    }
}

/// Reads `2026-11-21`, `2026-11` or `2026`; whether such a day exists is checked
/// where the date is used.
pub fn parse_date(text: &str) -> Option<Date> {
    let mut parts = text.split('-');
    let year = number(parts.next()?, 4)?;
    let month = parts.next().map_or(Some(0), |part| number(part, 2))?;
    let day = parts.next().map_or(Some(0), |part| number(part, 2))?;
    let written_zero = (month == 0) != (text.len() == 4) || (day == 0) != (text.len() < 10);
    if parts.next().is_some() || written_zero {
        return None;
    }
    Some(Date { year, month, day })
}

/// Reads a moment, milliseconds since the Unix epoch: RFC 3339 (seconds may be
/// left out, a space may stand for the `T`), or a date alone, which means the end
/// of that day in UTC.
///
/// # Errors
/// What is wrong, in words.
pub fn parse_moment(text: &str) -> Result<u64, String> {
    const FORMS: &str = "write 2026-11-21, 2026-11-21T10:42Z or 2026-11-21T10:42:00+01:00";
    let bad = || FORMS.to_owned();
    let day = text.get(..10).and_then(parse_date).ok_or_else(bad)?;
    let days = days_of(&day).ok_or("there is no such day")?;
    let Some(rest) = text.get(10..).filter(|rest| !rest.is_empty()) else {
        return moment((days + 1) * DAY_MS - 1000);
    };
    let rest = rest.strip_prefix(['T', 't', ' ']).ok_or_else(bad)?;
    let zone_at = rest.find(['Z', 'z', '+', '-']);
    let zone_at = zone_at.ok_or("say which zone: Z for UTC, or an offset such as +01:00")?;
    let (clock, zone) = rest.split_at(zone_at);
    let clock_ms = clock_of(clock).ok_or_else(bad)?;
    let offset_ms = match zone {
        "Z" | "z" => 0,
        _ => {
            let sign = if zone.starts_with('-') { -1 } else { 1 };
            let (hours, minutes) = zone
                .get(1..)
                .and_then(|z| z.split_once(':'))
                .ok_or_else(bad)?;
            let (hours, minutes) = (number(hours, 2), number(minutes, 2));
            let (Some(hours @ 0..=23), Some(minutes @ 0..=59)) = (hours, minutes) else {
                return Err(bad());
            };
            sign * i64::from(hours * 60 + minutes) * 60_000
        }
    };
    moment(days * DAY_MS + clock_ms - offset_ms)
}

fn moment(ms: i64) -> Result<u64, String> {
    u64::try_from(ms).map_err(|_| "lies before 1970".to_owned())
}

/// `10:42`, `10:42:00` or `10:42:00.5`, as milliseconds.
fn clock_of(text: &str) -> Option<i64> {
    let mut parts = text.splitn(3, ':');
    let hours = number(parts.next()?, 2).filter(|h| *h < 24)?;
    let minutes = number(parts.next()?, 2).filter(|m| *m < 60)?;
    let seconds = match parts.next() {
        None => 0,
        Some(text) => {
            let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
            let digits = (1..=9).contains(&fraction.len());
            if !digits || !fraction.bytes().all(|b| b.is_ascii_digit()) {
                return None;
            }
            number(whole, 2).filter(|s| *s < 60)?
        }
    };
    Some(i64::from(hours * 3600 + minutes * 60 + seconds) * 1000)
}

fn number(text: &str, digits: usize) -> Option<u32> {
    let plain = text.len() == digits && text.bytes().all(|b| b.is_ascii_digit());
    plain.then(|| text.parse().ok()).flatten()
}

/// Days since 1970-01-01 of a day of the Gregorian calendar.
fn days_of(date: &Date) -> Option<i64> {
    if !(1..=12).contains(&date.month) || date.day == 0 {
        return None;
    }
    let shifted = i64::from(date.year) - i64::from(date.month <= 2);
    let era = shifted.div_euclid(400);
    let year_of_era = shifted.rem_euclid(400);
    let month = (i64::from(date.month) + 9) % 12;
    let day_of_year = (153 * month + 2) / 5 + i64::from(date.day) - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    let days = era * 146_097 + day_of_era - 719_468;
    // A 31st of June comes back as another day.
    let same = (i64::from(date.year), date.month, date.day);
    (civil(days) == same).then_some(days)
}

/// Year, month and day of a number of days since 1970-01-01.
fn civil(days: i64) -> (i64, u32, u32) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let leaps = day_of_era / 1_460 - day_of_era / 36_524 + day_of_era / 146_096;
    let year_of_era = (day_of_era - leaps) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = (day_of_year - (153 * month + 2) / 5 + 1) as u32;
    let month = if month < 10 { month + 3 } else { month - 9 } as u32;
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_shown_to_the_minute_in_utc() {
        assert_eq!(minutes(0), "1970-01-01 00:00Z");
        assert_eq!(minutes(951_782_400_000), "2000-02-29 00:00Z");
        assert_eq!(minutes(1_795_257_759_000), "2026-11-21 10:42Z");
    }

    #[test]
    fn moments_are_read_with_their_offset() {
        let at = 1_795_257_720_000;
        for text in [
            "2026-11-21T10:42Z",
            "2026-11-21 10:42Z",
            "2026-11-21t10:42:00z",
            "2026-11-21T10:42:00.0Z",
            "2026-11-21T11:42+01:00",
            "2026-11-20T22:42:00-12:00",
        ] {
            assert_eq!(parse_moment(text), Ok(at), "{text}");
        }
    }

    #[test]
    fn a_date_alone_means_its_end() {
        let end = parse_moment("2024-02-29").expect("a leap day");
        assert_eq!(minutes(end), "2024-02-29 23:59Z");
    }

    #[test]
    fn what_is_not_a_moment_is_refused() {
        for text in [
            "",
            "tomorrow",
            "2026-11-21T10:42",
            "2026-11-21T24:00Z",
            "2026-11-21T10:60Z",
            "2026-11-21T10:42:61Z",
            "2026-11-21T10:42+1:00",
            "2026-11-21T10:42+24:00",
            "2026-11-21T10:42:00.Z",
            "2026-02-30",
            "2026-06-31",
            "2025-02-29",
            "2026-13-01",
            "2026-00-10",
            "2026-11",
            "1969-12-31",
            "2026-11-2é",
            "٢٠٢٦-11-21",
        ] {
            assert!(parse_moment(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_date_of_birth_may_be_known_in_part() {
        for text in ["1955-01-31", "1955-01", "1955"] {
            assert_eq!(parse_date(text).as_ref().map(date).as_deref(), Some(text));
        }
        for text in [
            "",
            "1955-1",
            "1955-00",
            "1955-01-00",
            "1955-01-31-",
            "55",
            "1955-",
        ] {
            assert_eq!(parse_date(text), None, "{text}");
        }
    }
}
