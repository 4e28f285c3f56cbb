//! Who has a file open, and what each holds of it: for an administrator who asks why somebody else cannot have it.

use super::byte_range_lock::{LockKind, LockRange};
use super::share_access::Sharing;
use super::{CacheState, HolderId, LeaseId, Node, OpenId, OplockLevel, Owner, StreamId};

/// One open of a file as a plain value.
#[derive(Clone, Debug)]
pub struct OpenReport {
    /// Which.
    pub id: OpenId,
    /// Where its owner is found.
    pub owner: Owner,
    /// The stream that it is of.
    pub stream: StreamId,
    /// What it may do, and what it lets others do.
    pub sharing: Sharing,
    /// The file goes with it.
    pub delete_on_close: bool,
    /// What its oplock or its lease lets the client cache.
    pub cache: CacheState,
    /// The lease that it carries; an oplock when `None`.
    pub lease: Option<LeaseId>,
    /// The cache is being taken back: the client has not answered yet.
    pub breaking: bool,
    /// Its byte-range locks, [`OpenReport::MAX_LOCKS`] of them at most.
    pub locks: Vec<(LockRange, LockKind)>,
    /// Number of its byte-range locks.
    pub lock_count: usize,
}

impl OpenReport {
    /// Most locks that are listed of one open.
    pub const MAX_LOCKS: usize = 32;
}

/// What there is of a file, or of many, as numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NodeTally {
    /// Files that somebody has open.
    pub files: u64,
    /// Byte-range locks.
    pub locks: u64,
    /// Oplocks: level II, exclusive, batch.
    pub oplocks: [u64; 3],
    /// Leases: nothing, R, RH, RW, RWH.
    pub leases: [u64; 5],
}

impl NodeTally {
    /// Both together.
    pub fn add(&mut self, other: &NodeTally) {
        self.files = self.files.saturating_add(other.files);
        self.locks = self.locks.saturating_add(other.locks);
        let sums = self.oplocks.iter_mut().chain(&mut self.leases);
        for (sum, count) in sums.zip(other.oplocks.iter().chain(&other.leases)) {
            *sum = sum.saturating_add(*count);
        }
    }

    fn count(&mut self, id: HolderId, state: CacheState) {
        let [none, read, read_handle, read_write, all] = &mut self.leases;
        let [level_ii, exclusive, batch] = &mut self.oplocks;
        let place = match (id, state) {
            (HolderId::Oplock(_), state) => match OplockLevel::within(state) {
                OplockLevel::None => return,
                OplockLevel::II => level_ii,
                OplockLevel::Exclusive => exclusive,
                OplockLevel::Batch => batch,
            },
            (HolderId::Lease(_), state) if state == CacheState::all() => all,
            (HolderId::Lease(_), state) if state.contains(CacheState::READ | CacheState::WRITE) => read_write,
            (HolderId::Lease(_), state) if state.contains(CacheState::READ | CacheState::HANDLE) => {
                read_handle
            }
            (HolderId::Lease(_), state) if state.contains(CacheState::READ) => read,
            (HolderId::Lease(_), _) => none,
        };
        *place = place.saturating_add(1);
    }
}

impl Node {
    /// What there is of it.
    #[must_use]
    pub fn tally(&self) -> NodeTally {
        let mut tally = NodeTally {
            files: u64::from(!self.is_unused()),
            locks: u64::try_from(self.lock_count()).unwrap_or(u64::MAX),
            ..NodeTally::default()
        };
        for holder in &self.holders {
            tally.count(holder.id, holder.state);
        }
        tally
    }

    /// Where those are found that have not answered a break yet, `most` of them at most.
    #[must_use]
    pub fn breaking(&self, most: usize) -> Vec<Owner> {
        self.holders
            .iter()
            .filter(|holder| holder.is_breaking())
            .map(|holder| holder.owner)
            .take(most)
            .collect()
    }

    /// All opens, in the order in which they were made.
    #[must_use]
    pub fn report(&mut self) -> Vec<OpenReport> {
        let mut reports: Vec<OpenReport> = self
            .opens
            .iter()
            .map(|open| {
                let holder = self.holder_of(open.id);
                OpenReport {
                    id: open.id,
                    owner: open.owner,
                    stream: open.stream,
                    sharing: open.sharing,
                    delete_on_close: open.delete_on_close,
                    cache: holder.map_or(CacheState::empty(), |holder| holder.state),
                    lease: open.lease,
                    breaking: holder.is_some_and(|holder| holder.is_breaking()),
                    locks: Vec::new(),
                    lock_count: 0,
                }
            })
            .collect();
        reports.sort_by_key(|report| report.id);
        for report in &mut reports {
            if let Some(locks) = self.locks(report.stream) {
                report.lock_count = locks.held_by(report.id);
                report.locks = locks.of(report.id).take(OpenReport::MAX_LOCKS).collect();
            }
        }
        reports
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use freehold_acl::AccessMask;

    use super::*;
    use crate::fsa::{CacheRequest, Effects, LinkId, OpenRequest, OplockPolicy, ShareAccess, Verdict};

    #[test]
    fn a_report_has_shares_caches_and_locks() {
        let mut node = Node::default();
        let request = OpenRequest {
            id: OpenId(7),
            link: LinkId::ONLY,
            stream: StreamId::UNNAMED,
            access: AccessMask::FILE_READ_DATA,
            implied: AccessMask::EMPTY,
            share: ShareAccess::READ,
            overwrites: false,
            delete_on_close: false,
            is_directory: false,
            retried: false,
            cache: CacheRequest::Oplock(OplockLevel::Batch),
            policy: OplockPolicy::All,
            backed_bytes: 0,
            owner: Owner { session: 3, ..Owner::default() },
            posix: false,
        };
        let mut effects = Effects::default();
        let verdict = node.reserve(&request, Duration::ZERO, Duration::ZERO, &mut effects);
        assert_eq!(verdict, Ok(Verdict::Reserved));
        let _ = node.grant(&request);
        let range = LockRange::new(10, 5).unwrap();
        assert!(node.locks(StreamId::UNNAMED).unwrap().lock(OpenId(7), range, LockKind::Exclusive));
        let tally = NodeTally { files: 1, locks: 1, oplocks: [0, 0, 1], leases: [0; 5] };
        assert_eq!(node.tally(), tally);
        assert!(node.breaking(8).is_empty());
        let [report] = &node.report()[..] else { panic!() };
        assert_eq!((report.id, report.owner.session), (OpenId(7), 3));
        assert_eq!(report.sharing.share, ShareAccess::READ);
        assert_eq!(report.cache, CacheState::all());
        assert!(!report.breaking && report.lease.is_none());
        assert_eq!(report.locks, [(range, LockKind::Exclusive)]);
        assert_eq!(report.lock_count, 1);
    }
}
