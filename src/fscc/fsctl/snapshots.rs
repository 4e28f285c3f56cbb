//! [MS-SMB2] 2.2.32.2 SRV_SNAPSHOT_ARRAY and the tokens in it: [MS-SMB2] 2.2.13.2.7 and the `@GMT` components
//! of paths.

use freehold_dtyp::{Decode, DecodeError, FileTime, Reader, Writer};
use jiff::civil::DateTime;

use crate::fscc::layout::{read_length, read_name};

/// Characters of a token: `@GMT-YYYY.MM.DD-HH.MM.SS`.
pub const GMT_TOKEN_LENGTH: usize = 24;

/// Bytes of a token and its terminator.
const TOKEN_BYTES: usize = (GMT_TOKEN_LENGTH + 1) * 2;

/// The token of a snapshot, whole seconds in UTC; years past 9999 are shown as 9999.
#[must_use]
pub fn gmt_token(time: FileTime) -> String {
    let date = jiff::Timestamp::from_second(time.to_unix().0)
        .map(|timestamp| jiff::tz::Offset::UTC.to_datetime(timestamp))
        .unwrap_or(DateTime::MAX);
    format!(
        "@GMT-{:04}.{:02}.{:02}-{:02}.{:02}.{:02}",
        date.year(),
        date.month(),
        date.day(),
        date.hour(),
        date.minute(),
        date.second()
    )
}

/// The time of a token; `None` for any other text.
#[must_use]
pub fn parse_gmt_token(text: &str) -> Option<FileTime> {
    let (head, time) = text.strip_prefix("@GMT-")?.split_once('-')?;
    let mut date = head.split('.').map(|part| number(part, if part.len() == 4 { 4 } else { 2 }));
    let mut time = time.split('.').map(|part| number(part, 2));
    let (year, month, day) = (date.next()??, date.next()??, date.next()??);
    let (hour, minute, second) = (time.next()??, time.next()??, time.next()??);
    if date.next().is_some() || time.next().is_some() || text.len() != GMT_TOKEN_LENGTH {
        return None;
    }
    let small = |value: i16| i8::try_from(value).ok();
    let date =
        DateTime::new(year, small(month)?, small(day)?, small(hour)?, small(minute)?, small(second)?, 0)
            .ok()?;
    let timestamp = jiff::tz::Offset::UTC.to_timestamp(date).ok()?;
    (date.year() >= 1601).then(|| FileTime::from_unix(timestamp.as_second(), 0))
}

/// Exactly `digits` decimal digits.
fn number(text: &str, digits: usize) -> Option<i16> {
    let right = text.len() == digits && text.bytes().all(|byte| byte.is_ascii_digit());
    if right { text.parse().ok() } else { None }
}

/// [MS-SMB2] 2.2.32.2 SRV_SNAPSHOT_ARRAY.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SnapshotArray {
    /// Snapshots that there are.
    pub number_of_snapshots: u32,
    /// Bytes that all of their tokens take.
    pub array_size: u32,
    /// The tokens that were sent: all or none.
    pub tokens: Vec<String>,
}

impl SnapshotArray {
    /// Least output length: below it the answer is INVALID_PARAMETER.
    pub const MINIMUM_OUTPUT: usize = 16;

    /// Appends the reply for `snapshots`, newest first as Windows lists them, in at most `limit_bytes`
    /// (at least [`SnapshotArray::MINIMUM_OUTPUT`]): all tokens, or only how many bytes they need.
    pub fn encode(snapshots: &[FileTime], limit_bytes: usize, writer: &mut Writer) {
        let start = writer.position();
        let count = u32::try_from(snapshots.len()).unwrap_or(u32::MAX);
        let size = match snapshots.len() {
            0 => 0,
            some => some.saturating_mul(TOKEN_BYTES).saturating_add(2),
        };
        let fits = size.saturating_add(HEAD) <= limit_bytes;
        writer.u32(count);
        writer.u32(if fits { count } else { 0 });
        writer.u32(u32::try_from(size).unwrap_or(u32::MAX));
        if fits && size != 0 {
            for snapshot in snapshots {
                crate::fscc::layout::write_name(writer, gmt_token(*snapshot).as_str().into());
                writer.zeros(2);
            }
            writer.zeros(2);
        }
        let written = writer.position().saturating_sub(start);
        writer.zeros(Self::MINIMUM_OUTPUT.saturating_sub(written));
    }
}

/// Bytes in front of the tokens: NumberOfSnapShots, NumberOfSnapShotsReturned, SnapShotArraySize (4 each).
const HEAD: usize = 12;

impl<'a> Decode<'a> for SnapshotArray {
    fn decode(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let number_of_snapshots = reader.u32("NumberOfSnapShots")?;
        let returned = read_length(reader, "NumberOfSnapShotsReturned")?;
        let array_size = reader.u32("SnapShotArraySize")?;
        let mut tokens = Vec::new();
        for _ in 0..returned {
            // Stops at the end of the input, whatever the count says.
            let token = read_name(reader, "SnapShots", GMT_TOKEN_LENGTH.saturating_mul(2))?;
            reader.skip("SnapShots", 2)?;
            tokens.push(token.to_string());
        }
        Ok(SnapshotArray { number_of_snapshots, array_size, tokens })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn tokens_are_whole_seconds_in_utc() {
        assert_eq!(gmt_token(FileTime::from_unix(0, 999_999_999)), "@GMT-1970.01.01-00.00.00");
        assert_eq!(gmt_token(FileTime::from_unix(1_795_261_199, 0)), "@GMT-2026.11.21-11.39.59");
        assert_eq!(parse_gmt_token("@GMT-2026.11.21-11.39.59"), Some(FileTime::from_unix(1_795_261_199, 0)));
        assert_eq!(gmt_token(FileTime(u64::MAX)), "@GMT-9999.12.31-23.59.59");
        assert_eq!(gmt_token(FileTime::ZERO), "@GMT-1601.01.01-00.00.00");
    }

    #[test]
    fn other_text_is_no_token() {
        for text in [
            "",
            "@GMT-",
            "@GMT-2026.11.21",
            "@GMT-2026.11.21-11.39",
            "@GMT-2026.11.21-11.39.60",
            "@GMT-2026.02.30-11.39.59",
            "@GMT-2026.11.21-11.39.59x",
            "@GMT-2026.11.21-11.39.5",
            "@GMT-+026.11.21-11.39.59",
            "@gmt-2026.11.21-11.39.59",
            "@GMT-1600.11.21-11.39.59",
            "@GMT-11.2026.21-11.39.59",
        ] {
            assert_eq!(parse_gmt_token(text), None, "{text}");
        }
    }

    #[test]
    fn too_small_a_buffer_gets_the_size_that_is_needed() {
        let times = [FileTime::from_unix(100, 0), FileTime::from_unix(50, 0)];
        let mut writer = Writer::new();
        SnapshotArray::encode(&times, 113, &mut writer);
        assert_eq!(writer.into_bytes(), [2, 0, 0, 0, 0, 0, 0, 0, 102, 0, 0, 0, 0, 0, 0, 0]);
        let mut writer = Writer::new();
        SnapshotArray::encode(&times, 114, &mut writer);
        let bytes = writer.into_bytes();
        assert_eq!(bytes.len(), 114);
        let array = SnapshotArray::from_bytes(&bytes).unwrap();
        assert_eq!(array.tokens, ["@GMT-1970.01.01-00.01.40", "@GMT-1970.01.01-00.00.50"]);
        assert_eq!((array.number_of_snapshots, array.array_size), (2, 102));
        let mut writer = Writer::new();
        SnapshotArray::encode(&[], 16, &mut writer);
        assert_eq!(writer.into_bytes(), [0; 16]);
    }

    #[test]
    fn a_count_past_the_end_is_refused() {
        assert!(SnapshotArray::from_bytes(&[0xFF; 40]).is_err());
    }

    proptest! {
        #[test]
        fn tokens_round_trip(seconds in -11_644_473_600i64..253_402_300_799) {
            let time = FileTime::from_unix(seconds, 0);
            prop_assert_eq!(parse_gmt_token(&gmt_token(time)), Some(time));
        }

        #[test]
        fn any_text_is_judged_without_panic(text in "@GMT-[0-9.\\-é]{0,20}") {
            let _ = parse_gmt_token(&text);
        }
    }
}
