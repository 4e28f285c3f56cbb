//! Times as people give them for a search.

use freehold_dtyp::FileTime;
use jiff::Timestamp;

use super::record::time_text;

/// What [`parse`] takes.
pub const EXPECTED: &str = "expected 2026-11-27, 2026-11-27T14:00:00Z, or an age such as 90s, 30m, 12h or 7d";

/// It is no time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{EXPECTED}")]
pub struct NoMoment;

/// A time in the form of a record's: a day (UTC), a time with its offset, or an age (`90s`, `30m`, `12h`, `7d`).
///
/// # Errors
/// [`NoMoment`] for everything else.
pub fn parse(text: &str) -> Result<String, NoMoment> {
    let at = if let Ok(at) = text.parse::<Timestamp>() {
        at
    } else if let Ok(day) = text.parse::<jiff::civil::Date>() {
        day.to_zoned(jiff::tz::TimeZone::UTC).map_err(|_| NoMoment)?.timestamp()
    } else {
        let (number, unit) = text.split_at(text.len() - text.chars().last().map_or(0, char::len_utf8));
        let unit = match unit {
            "s" => 1,
            "m" => 60,
            "h" => 3_600,
            "d" => 86_400,
            _ => return Err(NoMoment),
        };
        let seconds = number.parse::<u32>().map_err(|_| NoMoment)?;
        let age = jiff::SignedDuration::from_secs(i64::from(seconds) * unit);
        Timestamp::now().checked_sub(age).map_err(|_| NoMoment)?
    };
    let (seconds, nanoseconds) =
        (at.as_nanosecond().div_euclid(1_000_000_000), at.as_nanosecond().rem_euclid(1_000_000_000));
    let seconds = i64::try_from(seconds).map_err(|_| NoMoment)?;
    Ok(time_text(FileTime::from_unix(seconds, u32::try_from(nanoseconds).unwrap_or(0))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_come_in_three_forms() {
        assert_eq!(parse("2026-11-27").unwrap(), "2026-11-27T00:00:00.0000000Z");
        assert_eq!(parse("2026-11-27T14:00:00.25+01:00").unwrap(), "2026-11-27T13:00:00.2500000Z");
        let hour = parse("1h").unwrap();
        assert!(hour < parse("1s").unwrap() && hour > parse("2h").unwrap());
        for wrong in ["", "h", "yesterday", "5", "-1h", "1é", "99999999999d"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
