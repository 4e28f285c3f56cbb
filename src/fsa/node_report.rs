//! Who has a file open, and what each holds of it: for an administrator who asks why somebody else cannot have it.

use super::byte_range_lock::{LockKind, LockRange};
use super::share_access::Sharing;
use super::{CacheState, LeaseId, Node, OpenId, Owner, StreamId};

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

impl Node {
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
    use crate::fsa::{CacheRequest, Effects, LinkId, OpenRequest, OplockLevel, ShareAccess, Verdict};

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
            owner: Owner { session: 3, ..Owner::default() },
            posix: false,
        };
        let mut effects = Effects::default();
        let verdict = node.reserve(&request, Duration::ZERO, Duration::ZERO, &mut effects);
        assert_eq!(verdict, Ok(Verdict::Reserved));
        let _ = node.grant(&request);
        let range = LockRange::new(10, 5).unwrap();
        assert!(node.locks(StreamId::UNNAMED).unwrap().lock(OpenId(7), range, LockKind::Exclusive));
        let [report] = &node.report()[..] else { panic!() };
        assert_eq!((report.id, report.owner.session), (OpenId(7), 3));
        assert_eq!(report.sharing.share, ShareAccess::READ);
        assert_eq!(report.cache, CacheState::all());
        assert!(!report.breaking && report.lease.is_none());
        assert_eq!(report.locks, [(range, LockKind::Exclusive)]);
        assert_eq!(report.lock_count, 1);
    }
}
