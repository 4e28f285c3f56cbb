//! What quotas leave of a volume to whoever would pay for more. The one place that knows of quotas here.

use freehold_dtyp::Sid;
use freehold_quotas::{FolderQuota, Limits, Mode, Policy, Source, Usage};

use super::QuotaRow;
use crate::vfs::VfsPath;
use crate::vfs::quotas::Quotas;

/// Whose file it is: its owner is charged, whoever writes.
pub(super) struct Payer<'a> {
    /// The owner of the file; of one that would be made, who makes it.
    pub(super) owner: Sid,
    /// Its name.
    pub(super) name: &'a str,
}

/// What the quotas of `path` say to growth.
pub(super) fn row(quotas: Option<&dyn Quotas>, payer: &Payer<'_>, path: &VfsPath) -> QuotaRow {
    let Some(quotas) = quotas else {
        return QuotaRow { exceeded: false, text: "nothing is counted on this volume".to_owned() };
    };
    let policy = quotas.policy();
    if policy.settings.mode == Mode::Off {
        return QuotaRow { exceeded: false, text: "quotas are off on this volume".to_owned() };
    }
    let enforced = policy.settings.mode == Mode::Enforce;
    let (limits, source) = policy.limits_of(&payer.owner);
    let usage = quotas.usage(&payer.owner);
    let mut full = is_full(limits, usage);
    let mut text = of_owner(payer.name, limits, source, usage);
    for (folder, usage) in folders_above(&policy, &quotas.folders(), path) {
        let Some(limit) = folder.limit_bytes else { continue };
        let kind = if folder.hard { "hard" } else { "soft" };
        text.push_str(&format!(
            "; the folder {} uses {} of {limit} bytes ({kind} limit)",
            folder.path, usage.logical_bytes
        ));
        full |= folder.hard && usage.logical_bytes >= limit;
    }
    if full && !enforced {
        text.push_str("; limits are not enforced on this volume");
    }
    QuotaRow { exceeded: full && enforced, text }
}

fn is_full(limits: Limits, usage: Usage) -> bool {
    limits.limit_bytes.is_some_and(|limit| usage.logical_bytes >= limit)
}

fn of_owner(name: &str, limits: Limits, source: Source, usage: Usage) -> String {
    let used = usage.logical_bytes;
    match (limits.limit_bytes, source) {
        (_, Source::Exempt) => format!("{name} uses {used} bytes; administrators have no limit"),
        (None, _) => format!("{name} uses {used} bytes and has no limit"),
        (Some(limit), Source::Own) => format!("{name} uses {used} of {limit} bytes"),
        (Some(limit), Source::Group(group)) => {
            format!("{name} uses {used} of {limit} bytes, by the rule of the group {group}")
        }
        (Some(limit), Source::Default) => {
            format!("{name} uses {used} of {limit} bytes, the volume's default")
        }
    }
}

/// The folder quotas that what is at `path` counts for.
fn folders_above<'a>(
    policy: &'a Policy,
    usages: &'a [(freehold_quotas::FolderQuotaId, Usage)],
    path: &'a VfsPath,
) -> impl Iterator<Item = (&'a FolderQuota, Usage)> {
    policy.folders.iter().filter_map(move |folder| {
        let place = VfsPath::new(folder.path.as_str().into())?;
        if !path.is_within(&place) {
            return None;
        }
        let usage =
            usages.iter().find(|(id, _)| *id == folder.id).map_or_else(Usage::default, |found| found.1);
        Some((folder, usage))
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use freehold_quotas::{Change, Crossing, FolderQuotaId, OwnerRow, Settings};

    use super::*;
    use crate::vfs::VfsError;
    use crate::vfs::quotas::Recount;

    struct Fixed(Policy, u64);

    impl Quotas for Fixed {
        fn policy(&self) -> Arc<Policy> {
            Arc::new(self.0.clone())
        }
        fn set_policy(&self, _: Arc<Policy>) -> Result<(), VfsError> {
            Err(VfsError::NotSupported)
        }
        fn change(&self, _: &[Change]) -> Result<(), VfsError> {
            Err(VfsError::NotSupported)
        }
        fn usage(&self, _: &Sid) -> Usage {
            Usage { logical_bytes: self.1, ..Usage::default() }
        }
        fn owners(&self, _: Option<&Sid>, _: usize) -> Vec<OwnerRow> {
            Vec::new()
        }
        fn folders(&self) -> Vec<(FolderQuotaId, Usage)> {
            vec![(FolderQuotaId(7), Usage { logical_bytes: self.1, ..Usage::default() })]
        }
        fn recount(&self, _: &mut dyn FnMut(u64) -> bool) -> Result<Recount, VfsError> {
            Err(VfsError::NotSupported)
        }
        fn on_crossing(&self, _: Box<dyn Fn(Crossing) + Send + Sync>) {}
    }

    fn ask(mode: Mode, limit_bytes: Option<u64>, folder_limit: Option<u64>, used: u64) -> QuotaRow {
        let limits = Limits { limit_bytes, warning_bytes: None };
        let folders = folder_limit.map(|limit| FolderQuota {
            id: FolderQuotaId(7),
            path: "plans".to_owned(),
            limit_bytes: Some(limit),
            hard: true,
            thresholds_percent: Vec::new(),
        });
        let policy = Policy {
            settings: Settings { mode, default: limits, ..Settings::default() },
            folders: folders.into_iter().collect(),
            ..Policy::default()
        };
        let path = VfsPath::new("plans/a.txt".into()).unwrap();
        row(Some(&Fixed(policy, used)), &Payer { owner: Sid::EVERYONE, name: "anna" }, &path)
    }

    #[test]
    fn who_has_used_up_a_limit_is_told() {
        assert!(!ask(Mode::Enforce, Some(10), None, 9).exceeded);
        let full = ask(Mode::Enforce, Some(10), None, 10);
        assert!(full.exceeded);
        assert_eq!(full.text, "anna uses 10 of 10 bytes, the volume's default");
        assert!(!ask(Mode::Track, Some(10), None, 11).exceeded);
        assert!(!ask(Mode::Off, Some(10), None, 11).exceeded);
        assert!(!ask(Mode::Enforce, None, None, 11).exceeded);
    }

    #[test]
    fn a_full_folder_above_is_told_and_one_beside_is_not() {
        assert!(ask(Mode::Enforce, None, Some(10), 10).exceeded);
        let policy = |path: &str| Policy {
            settings: Settings { mode: Mode::Enforce, ..Settings::default() },
            folders: vec![FolderQuota {
                id: FolderQuotaId(7),
                path: path.to_owned(),
                limit_bytes: Some(1),
                hard: true,
                thresholds_percent: Vec::new(),
            }],
            ..Policy::default()
        };
        let path = VfsPath::new("plans/a.txt".into()).unwrap();
        let payer = Payer { owner: Sid::EVERYONE, name: "anna" };
        assert!(row(Some(&Fixed(policy("plans"), 5)), &payer, &path).exceeded);
        assert!(!row(Some(&Fixed(policy("plan"), 5)), &payer, &path).exceeded);
    }

    #[test]
    fn a_volume_that_counts_nothing_forbids_nothing() {
        let payer = Payer { owner: Sid::EVERYONE, name: "anna" };
        assert!(!row(None, &payer, &VfsPath::root()).exceeded);
    }
}
