//! Sizes as people and scripts give them.

use std::fmt;
use std::str::FromStr;

use serde::de::{Error as _, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Largest size: what a signed 64-bit number holds ([MS-FSCC] 2.4.41 QuotaLimit).
const MAX_BYTES: u64 = i64::MAX as u64;
/// Digits behind the decimal point that count.
const MAX_DECIMALS: usize = 9;

/// A number of bytes, or no limit: `10GB`, `1.5TB`, `512MiB`, `1048576`, `none`. K, M, G, T and P are powers of 1024, as in Windows and
/// PowerShell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QuotaSize(pub Option<u64>);

/// A size that is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no size: give bytes, a number with KB, MB, GB, TB or PB behind it such as 10GB, or none")]
pub struct NotASize(String);

impl FromStr for QuotaSize {
    type Err = NotASize;

    fn from_str(text: &str) -> Result<Self, NotASize> {
        let trimmed = text.trim();
        if ["none", "unlimited", "-1"].iter().any(|word| trimmed.eq_ignore_ascii_case(word)) {
            return Ok(QuotaSize(None));
        }
        bytes_of(trimmed)
            .filter(|bytes| *bytes <= MAX_BYTES)
            .map(|bytes| QuotaSize(Some(bytes)))
            .ok_or_else(|| NotASize(text.to_owned()))
    }
}

fn bytes_of(text: &str) -> Option<u64> {
    let end =
        text.find(|character: char| !character.is_ascii_digit() && character != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(end)?;
    let shift: u32 = match unit.trim().to_ascii_uppercase().as_str() {
        "" | "B" => 0,
        "K" | "KB" | "KIB" => 10,
        "M" | "MB" | "MIB" => 20,
        "G" | "GB" | "GIB" => 30,
        "T" | "TB" | "TIB" => 40,
        "P" | "PB" | "PIB" => 50,
        _ => return None,
    };
    let (whole, decimals) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() || decimals.len() > MAX_DECIMALS || (number.contains('.') && decimals.is_empty()) {
        return None;
    }
    let unit = 1u128.checked_shl(shift)?;
    let whole = u128::from(whole.parse::<u64>().ok()?).checked_mul(unit)?;
    let part = if decimals.is_empty() {
        0
    } else {
        let scale = 10u128.checked_pow(u32::try_from(decimals.len()).ok()?)?;
        decimals.parse::<u128>().ok()?.checked_mul(unit)?.checked_div(scale)?
    };
    u64::try_from(whole.checked_add(part)?).ok()
}

impl fmt::Display for QuotaSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            None => f.write_str("none"),
            Some(bytes) => f.write_str(&readable(bytes)),
        }
    }
}

/// A number of bytes for people, in Windows' units: `1.50 GB`.
#[must_use]
pub fn readable(bytes: u64) -> String {
    const UNITS: [&str; 7] = ["bytes", "KB", "MB", "GB", "TB", "PB", "EB"];
    let step = (u64::BITS - 1).saturating_sub(bytes.max(1).leading_zeros()) / 10;
    let unit = UNITS.get(step as usize).copied().unwrap_or("EB");
    if step == 0 {
        return format!("{bytes} {unit}");
    }
    let whole = 1u128 << (10 * step);
    let hundredths = u128::from(bytes) * 100 / whole;
    format!("{}.{:02} {unit}", hundredths / 100, hundredths % 100)
}

impl Serialize for QuotaSize {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Some(bytes) => serializer.serialize_u64(bytes),
            None => serializer.serialize_str("none"),
        }
    }
}

impl<'de> Deserialize<'de> for QuotaSize {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl Visitor<'_> for Either {
            type Value = QuotaSize;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number of bytes, a size such as \"10GB\", or \"none\"")
            }

            fn visit_u64<E: serde::de::Error>(self, bytes: u64) -> Result<QuotaSize, E> {
                self.visit_str(&bytes.to_string())
            }

            fn visit_i64<E: serde::de::Error>(self, bytes: i64) -> Result<QuotaSize, E> {
                self.visit_str(&bytes.to_string())
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<QuotaSize, E> {
                text.parse().map_err(E::custom)
            }
        }
        deserializer.deserialize_any(Either).map_err(D::Error::custom)
    }
}

impl utoipa::ToSchema for QuotaSize {}

impl utoipa::PartialSchema for QuotaSize {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        use utoipa::openapi::schema::{ObjectBuilder, OneOfBuilder, Type};
        let number = ObjectBuilder::new()
            .schema_type(Type::Integer)
            .description(Some("Bytes"))
            .minimum(Some(0))
            .maximum(Some(MAX_BYTES));
        let text = ObjectBuilder::new()
            .schema_type(Type::String)
            .description(Some("A size such as 10GB (powers of 1024), or none for no limit"))
            .pattern(Some("^([0-9]+(\\.[0-9]{1,9})? ?([KMGTPkmgtp]([Ii]?[Bb])?|[Bb])?|none)$"));
        OneOfBuilder::new().item(number).item(text).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_as_windows_means_them() {
        for (text, bytes) in [
            ("0", Some(0)),
            ("1048576", Some(1 << 20)),
            ("10GB", Some(10 << 30)),
            ("512MiB", Some(512 << 20)),
            (" 1.5 tb ", Some(3 << 39)),
            ("2k", Some(2_048)),
            ("7B", Some(7)),
            ("0.5KB", Some(512)),
            ("none", None),
            ("Unlimited", None),
            ("-1", None),
            ("9223372036854775807", Some(MAX_BYTES)),
        ] {
            assert_eq!(text.parse(), Ok(QuotaSize(bytes)), "{text}");
        }
    }

    #[test]
    fn what_is_no_size_is_refused() {
        for text in [
            "",
            "GB",
            "-5",
            "1e3",
            "1.GB",
            ".5GB",
            "1.2.3GB",
            "5 XB",
            "9223372036854775808",
            "9000PB",
            "1.0000000001GB",
            "é",
            "5é",
        ] {
            assert!(text.parse::<QuotaSize>().is_err(), "{text}");
        }
    }

    #[test]
    fn json_has_numbers_and_words() {
        for (json, size) in [("5", Some(5)), ("\"5KB\"", Some(5_120)), ("\"none\"", None), ("-1", None)] {
            assert_eq!(serde_json::from_str::<QuotaSize>(json).unwrap(), QuotaSize(size), "{json}");
        }
        assert!(serde_json::from_str::<QuotaSize>("1.5").is_err());
        assert_eq!(serde_json::to_string(&[QuotaSize(Some(5)), QuotaSize(None)]).unwrap(), "[5,\"none\"]");
    }

    #[test]
    fn sizes_are_shown_in_windows_units() {
        assert_eq!(readable(0), "0 bytes");
        assert_eq!(readable(1_023), "1023 bytes");
        assert_eq!(readable(1_024), "1.00 KB");
        assert_eq!(readable(3 << 29), "1.50 GB");
        assert_eq!(readable(u64::MAX), "15.99 EB");
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_answered(text: String) {
            let _ = text.parse::<QuotaSize>();
        }

        #[test]
        fn bytes_come_back(bytes in 0..=MAX_BYTES) {
            proptest::prop_assert_eq!(bytes.to_string().parse(), Ok(QuotaSize(Some(bytes))));
            let _ = readable(bytes);
        }
    }
}
