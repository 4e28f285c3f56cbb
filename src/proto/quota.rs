//! Quotas between the wire and the volume: entries ([MS-FSCC] 2.4.41), the volume's settings (2.5.2), and who may see and set
//! them. The numbers are signed there, with -1 for no limit.

use freehold_acl::{AccessMask, Token};
use freehold_dtyp::{FileTime, NtStatus};
use freehold_quotas::{Limits, Mode, OwnerRow, Settings, Source};

use super::open::Open;
use super::status::CommandError;
use crate::fscc::fs_info::{FsControlFlags, FsControlInformation};
use crate::fscc::quota::{NO_LIMIT, QuotaInformation};

/// Who changes anything about quotas: an administrator, through a handle that may write ([MS-FSCC] 2.5.2).
///
/// # Errors
/// ACCESS_DENIED.
pub fn check_may_change(token: &Token, open: &Open) -> Result<(), CommandError> {
    if token.is_admin() && open.granted.contains(AccessMask::FILE_WRITE_DATA) {
        Ok(())
    } else {
        Err(NtStatus::ACCESS_DENIED.into())
    }
}

/// The volume keeps something of this owner: limits, or what it uses. Others are answered with zeros.
#[must_use]
pub fn is_entry(row: &OwnerRow) -> bool {
    let limited = matches!(row.source, Source::Own | Source::Group(_));
    limited || row.usage.files > 0 || row.usage.logical_bytes > 0
}

/// An owner's row as clients see it. When its limits were changed is not kept.
#[must_use]
pub fn entry(row: &OwnerRow) -> QuotaInformation {
    let blank = QuotaInformation {
        change_time: FileTime::ZERO,
        quota_used: 0,
        quota_threshold: 0,
        quota_limit: 0,
        sid: row.owner,
    };
    if !is_entry(row) {
        return blank;
    }
    QuotaInformation {
        quota_used: i64::try_from(row.usage.logical_bytes).unwrap_or(i64::MAX),
        quota_threshold: to_wire(row.limits.warning_bytes),
        quota_limit: to_wire(row.limits.limit_bytes),
        ..blank
    }
}

/// Limits of a set request.
///
/// # Errors
/// INVALID_PARAMETER for a negative number other than -1.
pub fn limits(threshold: i64, limit: i64) -> Result<Limits, NtStatus> {
    Ok(Limits { limit_bytes: from_wire(limit)?, warning_bytes: from_wire(threshold)? })
}

/// The volume's settings as clients see them.
#[must_use]
pub fn control(settings: &Settings) -> FsControlInformation {
    let mut flags = match settings.mode {
        Mode::Off => FsControlFlags::empty(),
        Mode::Track => FsControlFlags::QUOTA_TRACK,
        Mode::Enforce => FsControlFlags::QUOTA_ENFORCE,
    };
    flags.set(FsControlFlags::LOG_QUOTA_THRESHOLD, settings.record_warning);
    flags.set(FsControlFlags::LOG_QUOTA_LIMIT, settings.record_limit);
    FsControlInformation {
        default_quota_threshold: to_wire(settings.default.warning_bytes),
        default_quota_limit: to_wire(settings.default.limit_bytes),
        file_system_control_flags: flags,
        ..FsControlInformation::default()
    }
}

/// Settings of a set request. Tracking goes before enforcing where both are asked for; what is not about quotas is not looked
/// at.
///
/// # Errors
/// As [`limits`].
pub fn settings(information: &FsControlInformation) -> Result<Settings, NtStatus> {
    let flags = information.file_system_control_flags;
    Ok(Settings {
        mode: if flags.contains(FsControlFlags::QUOTA_TRACK) {
            Mode::Track
        } else if flags.contains(FsControlFlags::QUOTA_ENFORCE) {
            Mode::Enforce
        } else {
            Mode::Off
        },
        default: limits(information.default_quota_threshold, information.default_quota_limit)?,
        record_warning: flags.contains(FsControlFlags::LOG_QUOTA_THRESHOLD),
        record_limit: flags.contains(FsControlFlags::LOG_QUOTA_LIMIT),
    })
}

fn to_wire(bytes: Option<u64>) -> i64 {
    bytes.map_or(NO_LIMIT, |bytes| i64::try_from(bytes).unwrap_or(i64::MAX))
}

fn from_wire(bytes: i64) -> Result<Option<u64>, NtStatus> {
    if bytes == NO_LIMIT {
        return Ok(None);
    }
    u64::try_from(bytes).map(Some).map_err(|_| NtStatus::INVALID_PARAMETER)
}

#[cfg(test)]
mod tests {
    use super::*;
    use freehold_dtyp::Sid;
    use freehold_quotas::Usage;

    fn row(limit: Option<u64>, used: u64, files: u64, source: Source) -> OwnerRow {
        OwnerRow {
            owner: Sid::SYSTEM,
            usage: Usage { logical_bytes: used, physical_bytes: 0, files },
            limits: Limits { limit_bytes: limit, warning_bytes: Some(7) },
            source,
        }
    }

    fn numbers(row: &OwnerRow) -> (i64, i64, i64) {
        let entry = entry(row);
        (entry.quota_used, entry.quota_threshold, entry.quota_limit)
    }

    #[test]
    fn who_has_no_entry_is_answered_with_zeros() {
        assert_eq!(numbers(&row(Some(9), 0, 0, Source::Default)), (0, 0, 0));
        assert_eq!(numbers(&row(Some(9), 0, 1, Source::Default)), (0, 7, 9));
        assert_eq!(numbers(&row(Some(9), 5, 1, Source::Default)), (5, 7, 9));
        assert_eq!(numbers(&row(None, 0, 0, Source::Own)), (0, 7, -1));
        assert_eq!(numbers(&row(Some(9), 0, 0, Source::Group(Sid::EVERYONE))), (0, 7, 9));
    }

    #[test]
    fn numbers_that_do_not_fit_are_the_greatest() {
        assert_eq!(numbers(&row(Some(u64::MAX), u64::MAX, 1, Source::Own)), (i64::MAX, 7, i64::MAX));
    }

    #[test]
    fn only_one_negative_number_has_a_meaning() {
        assert_eq!(limits(-1, -1), Ok(Limits::NONE));
        assert_eq!(limits(0, 5), Ok(Limits { limit_bytes: Some(5), warning_bytes: Some(0) }));
        assert_eq!(limits(-2, 5), Err(NtStatus::INVALID_PARAMETER));
        assert_eq!(limits(1, i64::MIN), Err(NtStatus::INVALID_PARAMETER));
    }

    #[test]
    fn settings_round_trip_and_tracking_goes_first() {
        for mode in [Mode::Off, Mode::Track, Mode::Enforce] {
            for recorded in [false, true] {
                let all = Settings {
                    mode,
                    default: Limits { limit_bytes: None, warning_bytes: Some(1) },
                    record_warning: recorded,
                    record_limit: !recorded,
                };
                assert_eq!(settings(&control(&all)), Ok(all));
            }
        }
        let mut both = control(&Settings { mode: Mode::Track, ..Settings::default() });
        both.file_system_control_flags |= FsControlFlags::QUOTA_ENFORCE | FsControlFlags::QUOTAS_REBUILDING;
        assert_eq!(settings(&both).map(|all| all.mode), Ok(Mode::Track));
    }
}
