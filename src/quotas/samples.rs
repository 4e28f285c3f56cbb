//! What is kept of usage for forecasts and for the peaks of folder quotas.

use freehold_quotas::FolderQuotaId;

use crate::state::quotas::SampleSubject;
use crate::vfs::Volume;

/// Most owners that samples are kept of: those that use most.
const MAX_OWNERS: usize = 1_000;
/// Owners that are asked for at a time.
const PAGE: usize = 1_000;

/// What a volume, its owners and its folder quotas use now. Blocks on disk.
pub(super) fn take(volume: &dyn Volume) -> Vec<(SampleSubject, u64)> {
    let mut samples = Vec::new();
    if let Ok(space) = volume.space() {
        samples.push((SampleSubject::Volume, space.total_bytes.saturating_sub(space.available_bytes)));
    }
    let Some(quotas) = volume.quotas() else { return samples };
    let mut owners = Vec::new();
    let mut after = None;
    loop {
        let rows = quotas.owners(after.as_ref(), PAGE);
        owners.extend(rows.iter().map(|row| (row.usage.logical_bytes, row.owner)));
        after = rows.last().map(|row| row.owner);
        if rows.len() < PAGE {
            break;
        }
        // What is kept stays bounded on the way.
        if owners.len() > 4 * MAX_OWNERS {
            largest(&mut owners);
        }
    }
    largest(&mut owners);
    samples.extend(owners.into_iter().map(|(used, owner)| (SampleSubject::Owner(owner), used)));
    let folders = quotas.folders().into_iter();
    samples.extend(folders.map(|(id, usage)| (SampleSubject::Folder(id), usage.logical_bytes)));
    samples
}

fn largest<T: Ord>(owners: &mut Vec<(u64, T)>) {
    owners.sort_unstable_by(|one, other| other.cmp(one));
    owners.truncate(MAX_OWNERS);
}

/// What is below each folder quota now.
pub(super) fn folders(volume: &dyn Volume) -> Vec<(FolderQuotaId, u64)> {
    let Some(quotas) = volume.quotas() else { return Vec::new() };
    quotas.folders().into_iter().map(|(id, usage)| (id, usage.logical_bytes)).collect()
}
