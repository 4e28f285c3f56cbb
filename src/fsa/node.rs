//! [`Node`]: what all opens of one file share ([MS-FSA] 2.1.1.3 File and 2.1.1.4 Stream, the volatile part).
//!
//! Life of an open in it: --reserve--> there, with its share mode --grant--> may hold an oplock or a lease --close--> gone.
//! The first close that finds a deletion pending and nobody left says what to delete.

use std::time::Duration;

use freehold_dtyp::{Wtf8, Wtf8Buf};
use smallvec::SmallVec;

use super::byte_range_lock::LockTable;
use super::lease::LeaseId;
use super::oplock::{BreakNotice, Holder, HolderId};
use super::share_access::{ShareAccess, Sharing};
use super::{CacheState, FsaError, OplockLevel};
use freehold_acl::AccessMask;

/// Names an open; unique in the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OpenId(pub u64);

/// Names a stream of a node while somebody has it open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamId(pub u32);

impl StreamId {
    /// The unnamed stream, or the directory itself.
    pub const UNNAMED: StreamId = StreamId(0);
}

/// Names a link of a file, that is one of its names ([MS-FSA] 2.1.1.5 Link), while somebody has the file open. What is
/// deleted is a link: opens through other links of the file go on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LinkId(pub u64);

impl LinkId {
    /// The file had one link when it was opened; where it has got more behind this server's back, any of them.
    pub const ONLY: LinkId = LinkId(0);

    /// May both be the same link?
    #[must_use]
    pub fn may_be(self, other: LinkId) -> bool {
        self == other || self == LinkId::ONLY || other == LinkId::ONLY
    }
}

/// Where the owner of an open is found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Owner {
    /// Its connection.
    pub connection: u64,
    /// Its session.
    pub session: u64,
    /// The persistent half of its FileId.
    pub persistent: u64,
}

/// A request that waits for something to change in a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Waiter {
    /// Its connection.
    pub connection: u64,
    /// Its frame on the connection.
    pub chain: u64,
}

/// What must be done after a change: notifications first, then the wakes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[must_use]
pub struct Effects {
    /// Break notifications to send.
    pub notices: Vec<BreakNotice>,
    /// Requests that may go on.
    pub wake: Vec<Waiter>,
    /// Breaks whose time was over: to be counted.
    pub expired: u32,
}

impl Effects {
    /// True when there is nothing to do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.notices.is_empty() && self.wake.is_empty() && self.expired == 0
    }
}

/// What a close leaves to do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[must_use]
pub struct Closed {
    /// The file's link goes now: nobody has the file open through it any more.
    pub delete_file: bool,
    /// Which link goes, now or later.
    pub link: LinkId,
    /// The named stream of this open goes now.
    pub delete_stream: bool,
    /// The file is to be deleted, but others still have it open.
    pub file_deletion_waits: bool,
    /// The lease went with its last open.
    pub lease_gone: Option<LeaseId>,
    /// Data was changed through the open.
    pub modified: bool,
    /// The lease on the directory that is not broken by what this close does there.
    pub parent_key: Option<[u8; 16]>,
    /// Requests that may go on.
    pub wake: Vec<Waiter>,
}

/// One open of the file.
#[derive(Clone, Copy, Debug)]
pub(super) struct NodeOpen {
    pub id: OpenId,
    pub stream: StreamId,
    pub link: LinkId,
    pub sharing: Sharing,
    pub delete_on_close: bool,
    /// A directory's deletion is tried only at its last close: whether it is empty shows then.
    pub is_directory: bool,
    pub lease: Option<LeaseId>,
    /// ParentOplockKey: the client's lease on the directory, which knows what is changed through this open.
    pub parent_key: Option<[u8; 16]>,
    /// Data was changed through it: the directory's entry is out of date from its close on.
    pub modified: bool,
    /// Its client was told of a break that wants no answer, and has not answered it.
    pub told_of_break: bool,
    pub owner: Owner,
    pub posix: bool,
}

/// A named stream that is open.
#[derive(Debug, Default)]
struct NamedStream {
    id: StreamId,
    /// Upper case.
    name: Wtf8Buf,
    delete_pending: bool,
    locks: LockTable,
}

/// A link that goes with its last open.
#[derive(Clone, Copy, Debug)]
struct Doomed {
    link: LinkId,
    /// [MS-FSA] Link.IsDeleted: nobody opens the file through it any more. Otherwise its deletion is only tried at the last
    /// close.
    pending: bool,
    /// ParentOplockKey of the open that has marked it.
    deleter: Option<[u8; 16]>,
}

/// One file that somebody has open.
#[derive(Debug, Default)]
pub struct Node {
    /// Byte-range locks of the unnamed stream.
    locks: LockTable,
    named: Vec<NamedStream>,
    next_stream: u32,
    pub(super) opens: SmallVec<[NodeOpen; 1]>,
    pub(super) holders: SmallVec<[Holder; 1]>,
    doomed: SmallVec<[Doomed; 1]>,
    /// Counts what [`Node::break_caches_of_data`] was told of.
    pub(super) data_changes: u64,
    /// How often a program of the server's machine has wanted the file.
    pub(super) local_breaks: u64,
    /// Deletions that the volume has been asked for and has not done yet.
    deleting: u32,
    waiters: Vec<Waiter>,
}

impl Node {
    /// The byte-range locks of a stream; `None` when it is not open.
    #[must_use]
    pub fn locks(&mut self, stream: StreamId) -> Option<&mut LockTable> {
        if stream == StreamId::UNNAMED {
            return Some(&mut self.locks);
        }
        self.named.iter_mut().find(|named| named.id == stream).map(|named| &mut named.locks)
    }

    /// Number of byte-range locks of all streams.
    #[must_use]
    pub fn lock_count(&self) -> usize {
        self.named.iter().map(|named| named.locks.len()).fold(self.locks.len(), usize::saturating_add)
    }

    /// The stream of that name (in upper case), known from now on until its last open is closed.
    pub fn stream(&mut self, folded: Wtf8<'_>) -> StreamId {
        if let Some(id) = self.find_stream(folded) {
            return id;
        }
        self.next_stream = self.next_stream.wrapping_add(1).max(1);
        let id = StreamId(self.next_stream);
        self.named.push(NamedStream { id, name: folded.to_owned(), ..NamedStream::default() });
        id
    }

    /// The stream of that name, when it is open.
    #[must_use]
    pub fn find_stream(&self, folded: Wtf8<'_>) -> Option<StreamId> {
        if folded.is_empty() {
            return Some(StreamId::UNNAMED);
        }
        self.named.iter().find(|named| named.name.as_wtf8() == folded).map(|named| named.id)
    }

    /// Forgets a stream that was named for an open which was not let in.
    pub fn forget_unused_stream(&mut self, stream: StreamId) {
        if stream != StreamId::UNNAMED && self.opens_of(stream) == 0 {
            self.named.retain(|named| named.id != stream);
        }
    }

    /// A stream has a new name.
    pub fn rename_stream(&mut self, stream: StreamId, folded: Wtf8<'_>) {
        if let Some(named) = self.named.iter_mut().find(|named| named.id == stream) {
            named.name = folded.to_owned();
        }
    }

    /// How often data or size of one of the streams was about to change: as long as it stays the same, nobody has
    /// changed them through this server.
    #[must_use]
    pub fn data_changes(&self) -> u64 {
        self.data_changes
    }

    /// True when nobody has the file open.
    #[must_use]
    pub fn is_unused(&self) -> bool {
        self.opens.is_empty()
    }

    /// True when there is no open but POSIX ones: they let a name go while they are there.
    #[must_use]
    pub fn has_only_posix_opens(&self) -> bool {
        self.opens.iter().all(|open| open.posix)
    }

    /// Number of opens of one stream.
    #[must_use]
    pub fn opens_of(&self, stream: StreamId) -> usize {
        self.opens.iter().filter(|open| open.stream == stream).count()
    }

    /// True when another open than `open` is there.
    #[must_use]
    pub fn has_other_opens(&self, open: OpenId) -> bool {
        self.opens.iter().any(|other| other.id != open)
    }

    /// True when a named stream is open through another open than `open`.
    #[must_use]
    pub fn has_other_stream_opens(&self, open: OpenId) -> bool {
        self.opens.iter().any(|other| other.id != open && other.stream != StreamId::UNNAMED)
    }

    /// DeletePending of FileStandardInformation for an open of `stream` through `link`: the link's, or that of its stream.
    #[must_use]
    pub fn is_delete_pending(&self, stream: StreamId, link: LinkId) -> bool {
        self.doomed.iter().any(|doomed| doomed.pending && doomed.link.may_be(link))
            || (stream != StreamId::UNNAMED
                && self.named.iter().any(|named| named.id == stream && named.delete_pending))
    }

    /// Number of links that go with their last opens.
    #[must_use]
    pub fn pending_links(&self) -> usize {
        self.doomed.iter().filter(|doomed| doomed.pending).count()
    }

    /// Sets or takes back what makes the link that `open` came through, or the stream of a stream's open, go with its last
    /// open ([MS-FSA] 2.1.5.15.3). The first open that has marked a link is the one that [`Closed::parent_key`] follows from.
    pub fn set_delete_pending(&mut self, open: OpenId, pending: bool) {
        let Some(open) = self.opens.iter().find(|other| other.id == open).copied() else { return };
        if open.stream != StreamId::UNNAMED {
            if let Some(named) = self.named.iter_mut().find(|named| named.id == open.stream) {
                named.delete_pending = pending;
            }
        } else if pending {
            self.doom(open.link, true, open.parent_key);
        } else {
            self.doomed.retain(|doomed| !doomed.link.may_be(open.link));
        }
    }

    fn doom(&mut self, link: LinkId, pending: bool, deleter: Option<[u8; 16]>) {
        match self.doomed.iter_mut().find(|doomed| doomed.link.may_be(link)) {
            Some(doomed) => {
                if pending && !doomed.pending {
                    doomed.deleter = deleter;
                }
                doomed.pending |= pending;
            }
            None => self.doomed.push(Doomed { link, pending, deleter }),
        }
    }

    /// The link that an open came through.
    #[must_use]
    pub fn link_of(&self, open: OpenId) -> LinkId {
        self.opens.iter().find(|other| other.id == open).map_or(LinkId::ONLY, |open| open.link)
    }

    /// A link has another name. Of a file that gets a second link, the first ([`LinkId::ONLY`] until then) is named so.
    pub fn rename_link(&mut self, from: LinkId, to: LinkId) {
        for open in self.opens.iter_mut().filter(|open| open.link == from) {
            open.link = to;
        }
        for doomed in self.doomed.iter_mut().filter(|doomed| doomed.link == from) {
            doomed.link = to;
        }
    }

    /// ParentOplockKey of an open ([MS-FSA] 2.1.1.6).
    #[must_use]
    pub fn parent_key_of(&self, open: OpenId) -> Option<[u8; 16]> {
        self.opens.iter().find(|other| other.id == open).and_then(|open| open.parent_key)
    }

    /// Notes that something in the directory's entry is changed through an open: seen there from its close on.
    pub fn set_modified(&mut self, open: OpenId) {
        if let Some(open) = self.opens.iter_mut().find(|other| other.id == open) {
            open.modified = true;
        }
    }

    /// True while the volume is deleting what [`Node::close`] said.
    #[must_use]
    pub fn is_being_deleted(&self) -> bool {
        self.deleting != 0
    }

    /// The volume has done one deletion, or has refused.
    pub fn deletion_done(&mut self) {
        self.deleting = self.deleting.saturating_sub(1);
        if self.deleting == 0 && self.opens.is_empty() {
            // What could not be deleted (a directory with entries) is there as before.
            self.doomed.clear();
        }
    }

    /// Sets or takes back FILE_DELETE_ON_CLOSE of one open.
    pub fn set_delete_on_close(&mut self, open: OpenId, on: bool) {
        if let Some(open) = self.opens.iter_mut().find(|other| other.id == open) {
            open.delete_on_close = on;
        }
    }

    /// Checks share access for something that is done without an open of its own (the parent of a rename's target).
    ///
    /// # Errors
    /// [`FsaError::SharingViolation`], [`FsaError::DeletePending`].
    pub fn check_share_access(&self, access: AccessMask, share: ShareAccess) -> Result<(), FsaError> {
        if self.is_delete_pending(StreamId::UNNAMED, LinkId::ONLY) {
            return Err(FsaError::DeletePending);
        }
        let wanted = Sharing { access, share };
        let unnamed = self.opens.iter().filter(|open| open.stream == StreamId::UNNAMED);
        if unnamed.map(|open| open.sharing).any(|sharing| sharing.conflicts(wanted)) {
            return Err(FsaError::SharingViolation);
        }
        Ok(())
    }

    /// The lease that an open carries.
    #[must_use]
    pub fn lease_of(&self, open: OpenId) -> Option<LeaseId> {
        self.opens.iter().find(|other| other.id == open).and_then(|open| open.lease)
    }

    /// What an open may cache now: its oplock's level, or its lease's state.
    #[must_use]
    pub fn cached_by(&self, open: OpenId) -> CacheState {
        self.holder_of(open).map_or(CacheState::empty(), |holder| holder.state)
    }

    pub(super) fn holder_of(&self, open: OpenId) -> Option<&Holder> {
        let lease = self.lease_of(open);
        self.holders.iter().find(|holder| holder.id == HolderId::Oplock(open) || holder.is_lease(lease))
    }

    /// The level of an open's oplock; `None` for a lease.
    #[must_use]
    pub fn oplock_of(&self, open: OpenId) -> OplockLevel {
        let holder = self.holders.iter().find(|holder| holder.id == HolderId::Oplock(open));
        holder.map_or(OplockLevel::None, |holder| OplockLevel::within(holder.state))
    }

    /// Notes a request that waits for a change of this node. It is woken once.
    pub fn add_waiter(&mut self, waiter: Waiter) {
        if !self.waiters.contains(&waiter) {
            self.waiters.push(waiter);
        }
    }

    /// Forgets a request that does not wait any more.
    pub fn remove_waiter(&mut self, waiter: Waiter) {
        self.waiters.retain(|other| *other != waiter);
    }

    /// Counts [`Node::break_for_local_program`]: what was made sure of before the last one may be so no more.
    #[must_use]
    pub fn local_breaks(&self) -> u64 {
        self.local_breaks
    }

    /// All that wait, to be woken.
    pub fn take_waiters(&mut self) -> Vec<Waiter> {
        std::mem::take(&mut self.waiters)
    }

    /// Takes an open out ([MS-FSA] 2.1.5.5). Nothing happens for one that is not there. `now` is the monotonic clock's.
    pub fn close(&mut self, id: OpenId, now: Duration) -> Closed {
        let mut closed = Closed::default();
        let Some(index) = self.opens.iter().position(|open| open.id == id) else { return closed };
        let open = self.opens.swap_remove(index);
        self.expire_breaks(now);
        self.holders.retain(|holder| holder.id != HolderId::Oplock(id));
        if let Some(locks) = self.locks(open.stream)
            && locks.release(id)
        {
            closed.wake = locks.take_waiters();
        }
        if let Some(lease) = open.lease {
            self.drop_from_lease(lease, open.owner, &mut closed);
        }
        closed.modified = open.modified;
        closed.parent_key = open.parent_key;
        if open.delete_on_close {
            if open.stream == StreamId::UNNAMED {
                self.doom(open.link, !open.is_directory, open.parent_key);
            } else if let Some(named) = self.named.iter_mut().find(|named| named.id == open.stream) {
                named.delete_pending = true;
            }
        }
        let doomed = self.doomed.iter().copied().find(|doomed| doomed.link.may_be(open.link));
        if let Some(doomed) = doomed {
            closed.link = doomed.link;
            let mut others = self.opens.iter().filter(|other| other.link.may_be(closed.link)).peekable();
            // A POSIX open removes the name although other POSIX opens go on.
            if others.peek().is_none() || (open.posix && others.all(|other| other.posix)) {
                closed.delete_file = true;
                // Who comes now waits for the volume, then finds nothing.
                self.doomed.retain(|other| other.link != doomed.link);
                // Only a client that has both marked the file and closed it last knows that the name is gone.
                if closed.parent_key != doomed.deleter {
                    closed.parent_key = None;
                }
            } else {
                closed.file_deletion_waits = true;
            }
        }
        if open.stream != StreamId::UNNAMED && self.opens_of(open.stream) == 0 {
            let pending = self.named.iter().any(|named| named.id == open.stream && named.delete_pending);
            closed.delete_stream = pending && !closed.delete_file;
            self.named.retain(|named| named.id != open.stream);
        }
        if closed.delete_file || closed.delete_stream {
            self.deleting = self.deleting.saturating_add(1);
        }
        closed.wake.append(&mut self.take_waiters());
        closed
    }

    fn drop_from_lease(&mut self, id: LeaseId, owner: Owner, closed: &mut Closed) {
        // Notifications go to the oldest open that is left.
        let heir = self.opens.iter().filter(|open| open.lease == Some(id)).min_by_key(|open| open.id);
        let heir = heir.map(|open| open.owner);
        self.holders.retain(|holder| {
            let Some(facts) = holder.lease.as_mut().filter(|_| holder.id == HolderId::Lease(id)) else {
                return true;
            };
            facts.opens = facts.opens.saturating_sub(1);
            let opens = facts.opens;
            if opens == 0 {
                closed.lease_gone = Some(id);
            }
            if holder.owner == owner
                && let Some(heir) = heir
            {
                holder.owner = heir;
            }
            opens != 0
        });
    }
}
