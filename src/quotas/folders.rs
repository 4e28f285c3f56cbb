//! Which folders that were made or renamed through the volume concern quotas. Pure.
//!
//! What happens behind the volume's back is found by looking (`auto`).

use crate::state::quotas::VolumeQuotas;
use crate::vfs::quotas::FolderChange;

/// The old and the new path of a folder at or below which there are quotas, which go along; and whether a folder with an auto quota
/// has a new subfolder.
pub(super) fn concern(quotas: &VolumeQuotas, change: &FolderChange) -> (Option<(String, String)>, bool) {
    let has_auto = |parent: &str| quotas.autos.get(parent).is_some_and(|auto| !auto.disabled);
    match change {
        FolderChange::MadeIn(parent) => (None, parent.as_wtf8().to_str().is_some_and(has_auto)),
        FolderChange::Renamed { from, to } => {
            // Quotas are of folders whose names are text.
            let (from, Some(to)) = (from.as_wtf8().to_str(), to.as_wtf8().to_str()) else {
                return (None, false);
            };
            let mut all = quotas.folders.keys().chain(quotas.autos.keys());
            let from = from.filter(|from| all.any(|path| is_within(path, from)));
            let parent = to.rsplit_once('/').map_or("", |(parent, _)| parent);
            (from.map(|from| (from.to_owned(), to.to_owned())), has_auto(parent))
        }
    }
}

/// Is `path` the folder `ancestor`, or below it?
fn is_within(path: &str, ancestor: &str) -> bool {
    path.strip_prefix(ancestor).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use freehold_dtyp::Wtf8Buf;
    use freehold_quotas::FolderQuotaId;

    use super::*;
    use crate::state::quotas::{AutoQuota, FolderEntry};
    use crate::vfs::VfsPath;

    fn path(text: &str) -> VfsPath {
        VfsPath::new(Wtf8Buf::from(text)).unwrap()
    }

    #[test]
    fn what_is_at_or_below_a_renamed_folder_goes_along() {
        let mut quotas = VolumeQuotas::default();
        quotas.folders.insert("teams/red".to_owned(), (FolderQuotaId(1), FolderEntry::default()));
        let auto = AutoQuota { template: "t".to_owned(), disabled: false };
        quotas.autos.insert("homes".to_owned(), auto.clone());
        quotas.autos.insert("off".to_owned(), AutoQuota { disabled: true, ..auto });
        let renamed = |from: &str, to: &str| {
            concern(&quotas, &FolderChange::Renamed { from: path(from), to: path(to) })
        };
        let goes = |from: &str, to: &str| Some((from.to_owned(), to.to_owned()));
        assert_eq!(renamed("teams/red", "old/red"), (goes("teams/red", "old/red"), false));
        assert_eq!(renamed("teams", "x"), (goes("teams", "x"), false));
        assert_eq!(renamed("teams/red", "homes/red"), (goes("teams/red", "homes/red"), true));
        assert_eq!(renamed("homes", "h"), (goes("homes", "h"), false));
        for other in ["team", "teams/re", "teams/red/x", "teams/redder"] {
            assert_eq!(renamed(other, "off/y"), (None, false), "{other}");
        }
        let made = |parent: &str| concern(&quotas, &FolderChange::MadeIn(path(parent)));
        assert_eq!(
            (made("homes"), made("homes/anna"), made("off")),
            ((None, true), (None, false), (None, false))
        );
    }
}
