//! From a threshold that was crossed to what is recorded and told of it.

use freehold_dtyp::{FileTime, Sid};
use freehold_quotas::{Crossing, Policy, Subject, Threshold};

use super::notice::Notice;
use crate::audit::record::{Batch, Detail, Record, time_text};

/// What is known of a crossing besides.
pub(super) struct Context<'a> {
    /// This server's NetBIOS name.
    pub(super) computer: &'a str,
    /// The volume's name.
    pub(super) volume: &'a str,
    /// What the volume goes by.
    pub(super) policy: &'a Policy,
    /// When.
    pub(super) time: FileTime,
}

/// Is it to be told? Owners' thresholds where the volume's settings say so, folders' always.
pub(super) fn is_told(policy: &Policy, crossing: &Crossing) -> bool {
    match (crossing.subject, crossing.threshold) {
        (Subject::Owner(_), Threshold::Warning) => policy.settings.record_warning,
        (Subject::Owner(_), _) => policy.settings.record_limit,
        (Subject::Folder(_), _) => true,
    }
}

/// What is told. `name_of` finds the name of an owner.
pub(super) fn notice(context: &Context<'_>, crossing: &Crossing, name_of: impl Fn(&Sid) -> String) -> Notice {
    let Context { volume, policy, .. } = context;
    let mut notice = Notice {
        event: "QuotaWarning",
        time: time_text(context.time),
        server: context.computer.to_owned(),
        volume: (*volume).to_owned(),
        user: String::new(),
        sid: String::new(),
        path: String::new(),
        disk_space_used: crossing.used_bytes,
        threshold: crossing.threshold_bytes,
        threshold_percent: None,
        limit: None,
        message: String::new(),
    };
    match crossing.subject {
        Subject::Owner(owner) => {
            notice.user = name_of(&owner);
            notice.sid = owner.to_string();
            notice.limit = policy.limits_of(&owner).0.limit_bytes;
            let what = match crossing.threshold {
                Threshold::Warning => "threshold",
                Threshold::Limit | Threshold::Percent(_) => {
                    notice.event = "QuotaLimit";
                    "limit"
                }
            };
            notice.message = format!(
                "{} hit the quota {what} of {} bytes on volume {volume} and uses {} bytes",
                notice.user, crossing.threshold_bytes, crossing.used_bytes
            );
        }
        Subject::Folder(id) => {
            notice.event = "FolderThreshold";
            if let Some(folder) = policy.folders.iter().find(|folder| folder.id == id) {
                notice.path.clone_from(&folder.path);
                notice.limit = folder.limit_bytes;
            }
            notice.threshold_percent = Some(match crossing.threshold {
                Threshold::Percent(percent) => percent,
                Threshold::Warning | Threshold::Limit => 100,
            });
            notice.message = format!(
                "the folder {:?} of volume {volume} reached {} % of its quota and holds {} bytes",
                notice.path,
                notice.threshold_percent.unwrap_or(100),
                crossing.used_bytes
            );
        }
    }
    notice
}

/// The record of a notice.
pub(super) fn record(context: &Context<'_>, notice: &Notice) -> Batch {
    let mut batch = Batch::default();
    batch.push(&Record {
        time: context.time,
        success: true,
        computer: context.computer,
        subject: None,
        detail: Detail::QuotaCrossed {
            is_limit: notice.event == "QuotaLimit",
            volume: &notice.volume,
            user: (!notice.sid.is_empty()).then_some((notice.sid.as_str(), notice.user.as_str())),
            folder: (notice.event == "FolderThreshold").then_some(notice.path.as_str()),
            used_bytes: notice.disk_space_used,
            threshold_bytes: notice.threshold,
            limit_bytes: notice.limit,
        },
    });
    batch
}

#[cfg(test)]
mod tests {
    use freehold_quotas::{FolderQuota, FolderQuotaId, Limits};

    use super::*;

    fn policy() -> Policy {
        let mut policy = Policy::default();
        policy.settings.record_warning = true;
        policy.own.insert(Sid::EVERYONE, Limits { limit_bytes: Some(100), warning_bytes: Some(80) });
        policy.folders.push(FolderQuota {
            id: FolderQuotaId(7),
            path: "a/b".to_owned(),
            limit_bytes: Some(1_000),
            hard: false,
            thresholds_percent: vec![85],
        });
        policy
    }

    fn crossing(subject: Subject, threshold: Threshold) -> Crossing {
        Crossing { subject, threshold, used_bytes: 90, threshold_bytes: 80 }
    }

    #[test]
    fn what_is_not_to_be_recorded_is_not_told() {
        let owner = Subject::Owner(Sid::EVERYONE);
        let folder = Subject::Folder(FolderQuotaId(7));
        for (subject, threshold, told) in [
            (owner, Threshold::Warning, true),
            (owner, Threshold::Limit, false),
            (folder, Threshold::Percent(85), true),
            (folder, Threshold::Limit, true),
        ] {
            assert_eq!(is_told(&policy(), &crossing(subject, threshold)), told);
        }
    }

    #[test]
    fn notices_and_records_say_who_what_and_how_much() {
        let policy = policy();
        let context = Context {
            computer: "FILES",
            volume: "data",
            policy: &policy,
            time: FileTime(116_444_736_000_000_000),
        };
        for (subject, threshold, event, id, record_text) in [
            (
                Subject::Owner(Sid::EVERYONE),
                Threshold::Warning,
                "QuotaWarning",
                36,
                "\"UserName\":\"CORP\\\\alice\"",
            ),
            (Subject::Owner(Sid::EVERYONE), Threshold::Limit, "QuotaLimit", 37, "\"QuotaLimit\":100"),
            (
                Subject::Folder(FolderQuotaId(7)),
                Threshold::Percent(85),
                "FolderThreshold",
                12325,
                "\"QuotaPath\":\"a/b\"",
            ),
        ] {
            let notice = notice(&context, &crossing(subject, threshold), |_| "CORP\\alice".to_owned());
            assert_eq!(notice.event, event);
            assert_eq!(notice.time, "1970-01-01T00:00:00.0000000Z");
            let batch = record(&context, &notice);
            let text = String::from_utf8(batch.records().next().unwrap().to_vec()).unwrap();
            assert!(text.contains(&format!("\"EventId\":{id},")) && text.contains(record_text), "{text}");
            let json: serde_json::Value = serde_json::from_str(&format!("{{{text}}}")).unwrap();
            assert_eq!(json["DiskSpaceUsed"], 90);
            assert_eq!(notice.environment()["FREEHOLD_DISK_SPACE_USED"], "90");
        }
    }
}
