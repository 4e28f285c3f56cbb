//! Leases of the kernel behind what clients cache (docs/decisions/0034): while this server holds one on a file
//! (`F_SETLEASE`; fcntl(2)), a program of this machine that opens or truncates it waits, and this process gets SIGIO.
//!
//! The kernel gives a lease for a file that is open once on the whole machine. So all handles of a file share one open file
//! description here, their file's `Place`: whoever opens the data first makes it, the others get another descriptor of it
//! under the number that they have. It goes, with its lease, when the last handle does.
//!
//! A signal tells that some lease is being broken, not which, and several come as one: the holder of leases looks at all of
//! them ([`LocalLeases::broken`]).

use std::collections::HashMap;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};

use parking_lot::Mutex;
use rustix::io::Errno;

use super::file::PosixFile;
use super::sys::{self, InodeKind, NodeKey};
use crate::vfs::{NodeId, VfsError};

const SHARDS: usize = 64;
/// From this many entries on those of files that nobody has open any more are looked for.
const SWEEP_FROM: usize = 64;

/// The one open file description of a file's data.
pub(super) struct Place {
    fd: OwnedFd,
    writable: bool,
    id: NodeId,
    /// This server has asked the kernel for a lease, and has not given it back.
    leased: Mutex<bool>,
}

#[derive(Default)]
struct Shard {
    places: HashMap<NodeKey, Weak<Place>>,
    sweep_at: usize,
}

/// The places of a volume's open files.
pub(super) struct LocalLeases {
    shards: Vec<Mutex<Shard>>,
    reported: AtomicBool,
}

impl LocalLeases {
    pub(super) fn new() -> Self {
        LocalLeases {
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            reported: AtomicBool::new(false),
        }
    }

    fn places(&self) -> Vec<Arc<Place>> {
        self.shards
            .iter()
            .flat_map(|shard| shard.lock().places.values().filter_map(Weak::upgrade).collect::<Vec<_>>())
            .collect()
    }

    /// Files whose lease somebody wants broken, or has lost to the kernel's patience.
    pub(super) fn broken(&self) -> Vec<NodeId> {
        let is_broken = |place: &Arc<Place>| *place.leased.lock() && !sys::has_write_lease(place.fd.as_fd());
        self.places().iter().filter(|place| is_broken(place)).map(|place| place.id).collect()
    }

    /// Gives a file's lease back: who waits for it goes on.
    pub(super) fn release(&self, id: NodeId) {
        for place in self.places().iter().filter(|place| place.id == id) {
            let mut leased = place.leased.lock();
            if std::mem::take(&mut *leased)
                && let Err(errno) = sys::give_up_lease(place.fd.as_fd())
                // The kernel has taken it.
                && errno != Errno::AGAIN
            {
                tracing::warn!(%errno, "a lease cannot be given back");
            }
        }
    }

    /// True when the file has a lease, from now on, that nobody wants broken.
    fn take(&self, place: &Place) -> bool {
        let mut leased = place.leased.lock();
        if *leased {
            return sys::has_write_lease(place.fd.as_fd());
        }
        match sys::take_write_lease(place.fd.as_fd()) {
            Ok(()) => {
                *leased = true;
                true
            }
            // A program has it open.
            Err(Errno::AGAIN) => false,
            Err(errno) => {
                if !self.reported.swap(true, Ordering::Relaxed) {
                    tracing::warn!(
                        %errno,
                        "the kernel gives no lease on a file, so clients cannot cache it: the service's account must own \
                         the volume's files or have CAP_LEASE, and the file system must know leases (said once for each volume)"
                    );
                }
                false
            }
        }
    }
}

impl PosixFile {
    /// The volume's leases, where it has them and this handle is of a file's data.
    #[inline]
    fn leases(&self) -> Option<&LocalLeases> {
        let leases = self.volume.local_leases.as_ref()?;
        (self.stream.is_none() && self.kind == InodeKind::File).then_some(leases)
    }

    /// Makes the descriptor one of the file's place, where handles share one.
    #[inline]
    pub(super) fn enter_place(&self, write: bool) -> Result<(), VfsError> {
        match self.leases() {
            Some(leases) if !self.is_in_place(write) => self.find_place(leases, write),
            _ => Ok(()),
        }
    }

    fn is_in_place(&self, write: bool) -> bool {
        self.place.lock().as_ref().is_some_and(|place| place.writable || !write)
    }

    #[cold]
    fn find_place(&self, leases: &LocalLeases, write: bool) -> Result<(), VfsError> {
        let mut shard = leases.shards[self.key.ino as usize % SHARDS].lock();
        let there = shard.places.get(&self.key).and_then(Weak::upgrade);
        let place = match there.filter(|place| place.writable || !write) {
            Some(place) => place,
            None => {
                let (fd, writable) = self.open_once(write)?;
                let place = Arc::new(Place { fd, writable, id: self.id, leased: Mutex::new(false) });
                if shard.places.len() >= shard.sweep_at.max(SWEEP_FROM) {
                    shard.places.retain(|_, place| place.strong_count() > 0);
                    shard.sweep_at = shard.places.len() * 2;
                }
                shard.places.insert(self.key, Arc::downgrade(&place));
                place
            }
        };
        self.descriptor.adopt(&place.fd, place.writable)?;
        *self.place.lock() = Some(place);
        Ok(())
    }

    /// The file's data, for writing where that is allowed; a new file is open already.
    fn open_once(&self, write: bool) -> Result<(OwnedFd, bool), VfsError> {
        let proc = &self.volume.proc;
        let (fd, writable) = match self.descriptor.writable(proc, self.kind) {
            Ok(fd) => (fd, true),
            Err(Errno::ROFS | Errno::ACCESS | Errno::PERM | Errno::TXTBSY) if !write => {
                (self.descriptor.readable(proc, self.kind, false)?, false)
            }
            Err(errno) => return Err(errno.into()),
        };
        Ok((rustix::io::fcntl_dupfd_cloexec(fd, 0)?, writable))
    }

    /// True where what a client caches of this file is its own affair, or the kernel gives a lease for it.
    pub(super) fn may_be_cached(&self) -> bool {
        let Some(leases) = self.leases() else { return true };
        let place = self.place.lock().clone();
        place.is_some_and(|place| leases.take(&place))
    }
}
