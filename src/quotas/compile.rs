//! From what administrators set to what a volume goes by. Pure.

use std::collections::HashMap;

use freehold_dtyp::Sid;
use freehold_quotas::{FolderQuota, Limits, Policy};

use crate::state::quotas::{FolderEntry, QuotasSnapshot, VolumeQuotas};

/// The policy of a volume. `exempt` are the owners that nothing limits; folder quotas are those that `is_there` says the folder is there
/// of.
pub(super) fn compile(
    quotas: &VolumeQuotas,
    snapshot: &QuotasSnapshot,
    exempt: Vec<Sid>,
    is_there: impl Fn(&str) -> bool,
) -> Policy {
    let mut by_group: HashMap<Sid, (Limits, Sid)> = HashMap::new();
    for (group, limits) in &quotas.groups {
        let Some(members) = snapshot.members(group) else { continue };
        for member in &members.members {
            by_group
                .entry(*member)
                .and_modify(|found| {
                    if generosity(limits) > generosity(&found.0) {
                        *found = (*limits, *group);
                    }
                })
                .or_insert((*limits, *group));
        }
    }
    let folder = |(path, (id, entry)): (&String, &(_, FolderEntry))| FolderQuota {
        id: *id,
        path: path.clone(),
        limit_bytes: entry.limit.limit_bytes.filter(|_| !entry.disabled),
        hard: entry.limit.hard && !entry.disabled,
        thresholds_percent: if entry.disabled { Vec::new() } else { entry.limit.thresholds_percent.clone() },
    };
    Policy {
        settings: quotas.settings,
        own: quotas.own.clone(),
        by_group,
        exempt,
        folders: quotas.folders.iter().filter(|(path, _)| is_there(path)).map(folder).collect(),
    }
}

/// Orders limits: no limit is the most generous, then the higher one; then by the warning, likewise.
fn generosity(limits: &Limits) -> (u64, u64) {
    (limits.limit_bytes.unwrap_or(u64::MAX), limits.warning_bytes.unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use freehold_dtyp::FileTime;
    use freehold_quotas::Source;

    use super::*;
    use crate::state::State;
    use crate::state::quotas::{FolderLimit, GroupMembers, QuotaEdit};

    fn sid(rid: u32) -> Sid {
        format!("S-1-5-21-1-2-3-{rid}").parse().unwrap()
    }

    fn limits(limit: Option<u64>, warning: Option<u64>) -> Limits {
        Limits { limit_bytes: limit, warning_bytes: warning }
    }

    fn policy(edits: &[QuotaEdit]) -> Policy {
        let state = State::in_memory().unwrap();
        state.edit_quotas(edits).unwrap();
        let snapshot = state.quotas();
        compile(&snapshot.volume("data"), &snapshot, vec![Sid::ADMINISTRATORS], |path| path != "gone")
    }

    fn group(group: u32, limits: Limits, members: &[u32]) -> [QuotaEdit; 2] {
        let members =
            GroupMembers { members: members.iter().map(|rid| sid(*rid)).collect(), as_of: FileTime(1) };
        [
            QuotaEdit::Group { volume: "data".to_owned(), group: sid(group), limits: Some(limits) },
            QuotaEdit::Members { group: sid(group), members: Some(members) },
        ]
    }

    #[test]
    fn the_most_generous_rule_wins_and_an_own_entry_beats_it() {
        let mut edits = Vec::new();
        edits.extend(group(100, limits(Some(10), Some(5)), &[1, 2, 3]));
        edits.extend(group(200, limits(Some(20), Some(5)), &[2, 3]));
        edits.extend(group(300, limits(None, Some(1)), &[3]));
        // Not looked up yet: nobody is in it.
        edits.push(QuotaEdit::Group {
            volume: "data".to_owned(),
            group: sid(400),
            limits: Some(Limits::NONE),
        });
        let own = limits(Some(1), None);
        edits.push(QuotaEdit::Entry { volume: "data".to_owned(), owner: sid(3), limits: Some(own) });
        let policy = policy(&edits);
        assert_eq!(policy.limits_of(&sid(1)), (limits(Some(10), Some(5)), Source::Group(sid(100))));
        assert_eq!(policy.limits_of(&sid(2)), (limits(Some(20), Some(5)), Source::Group(sid(200))));
        assert_eq!(policy.by_group[&sid(3)], (limits(None, Some(1)), sid(300)));
        assert_eq!(policy.limits_of(&sid(3)), (own, Source::Own));
        assert_eq!(policy.limits_of(&sid(4)).1, Source::Default);
        assert_eq!(policy.limits_of(&Sid::ADMINISTRATORS).1, Source::Exempt);
    }

    #[test]
    fn a_folder_quota_that_is_disabled_counts_only_and_one_without_folder_is_left_out() {
        let entry = |disabled| {
            let limit = FolderLimit {
                limit_bytes: Some(9),
                hard: true,
                thresholds_percent: vec![80],
                description: String::new(),
            };
            Some(FolderEntry { limit, disabled, ..FolderEntry::default() })
        };
        let folder = |path: &str, disabled| QuotaEdit::Folder {
            volume: "data".to_owned(),
            path: path.to_owned(),
            entry: entry(disabled),
        };
        let policy = policy(&[folder("off", true), folder("on", false), folder("gone", false)]);
        let found: Vec<_> = policy
            .folders
            .iter()
            .map(|folder| {
                (folder.path.as_str(), folder.limit_bytes, folder.hard, folder.thresholds_percent.len())
            })
            .collect();
        assert_eq!(found, [("off", None, false, 0), ("on", Some(9), true, 1)]);
    }
}
