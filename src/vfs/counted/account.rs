//! What one owner or one folder quota uses, and may.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use freehold_quotas::{Crossing, FolderQuota, Limits, Mode, Subject, Threshold, Usage, Watch};
use parking_lot::Mutex;

/// No limit.
const UNLIMITED: u64 = u64::MAX;
/// No account has more: what is kept and says so is damaged.
const MOST: i64 = 1 << 62;

/// Usage of one subject. Numbers are signed while a recount is under way: it starts from nothing.
#[repr(align(128))]
pub(super) struct Account {
    pub(super) subject: Subject,
    /// Where it is kept on disk.
    pub(super) row: Option<u32>,
    bytes: AtomicI64,
    /// `bytes` and what changes under way may add.
    committed: AtomicI64,
    files: AtomicI64,
    physical: AtomicI64,
    /// The part of `bytes` that has no name any more and goes when it is closed. Nothing of it is on disk.
    nameless: AtomicI64,
    /// What a recount has found so far.
    counted: [AtomicI64; 3],
    limit: AtomicU64,
    rises_at: AtomicU64,
    falls_at: AtomicU64,
    watch: Mutex<Watch>,
}

/// A change of what is used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Amount {
    pub(super) bytes: i64,
    /// Bytes that have no name and are charged until they are closed.
    pub(super) nameless: i64,
    pub(super) files: i64,
    pub(super) physical: i64,
}

impl Amount {
    pub(super) fn bytes(bytes: i64) -> Amount {
        Amount { bytes, ..Amount::default() }
    }

    /// Nothing that is kept on disk changes.
    pub(super) fn is_nothing_named(self) -> bool {
        self.bytes == 0 && self.files == 0 && self.physical == 0
    }

    /// An account may have this.
    pub(super) fn makes_sense(self) -> bool {
        let possible = 0..=MOST;
        possible.contains(&self.bytes)
            && possible.contains(&self.files)
            && (-MOST..=MOST).contains(&self.physical)
    }

    pub(super) fn negated(self) -> Amount {
        Amount {
            bytes: self.bytes.saturating_neg(),
            nameless: self.nameless.saturating_neg(),
            files: self.files.saturating_neg(),
            physical: self.physical.saturating_neg(),
        }
    }

    pub(super) fn plus(self, other: Amount) -> Amount {
        Amount {
            bytes: self.bytes.saturating_add(other.bytes),
            nameless: self.nameless.saturating_add(other.nameless),
            files: self.files.saturating_add(other.files),
            physical: self.physical.saturating_add(other.physical),
        }
    }
}

fn shown(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}

pub(super) fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

impl Account {
    pub(super) fn new(subject: Subject, row: Option<u32>, kept: Amount) -> Account {
        Account {
            subject,
            row,
            bytes: AtomicI64::new(kept.bytes),
            committed: AtomicI64::new(kept.bytes),
            files: AtomicI64::new(kept.files),
            physical: AtomicI64::new(kept.physical),
            nameless: AtomicI64::new(0),
            counted: std::array::from_fn(|_| AtomicI64::new(0)),
            limit: AtomicU64::new(UNLIMITED),
            rises_at: AtomicU64::new(u64::MAX),
            falls_at: AtomicU64::new(0),
            watch: Mutex::default(),
        }
    }

    /// Puts an owner's limits in place.
    pub(super) fn limit_owner(&self, limits: Limits, mode: Mode) {
        let mut marks = Vec::new();
        if mode != Mode::Off {
            marks.extend(limits.warning_bytes.map(|bytes| (Threshold::Warning, bytes)));
            marks.extend(limits.limit_bytes.map(|bytes| (Threshold::Limit, bytes)));
        }
        self.put_in_place(limits.limit_bytes.filter(|_| mode == Mode::Enforce), marks);
    }

    /// Puts a folder's limit in place.
    pub(super) fn limit_folder(&self, quota: &FolderQuota, mode: Mode) {
        let mut marks = Vec::new();
        if let Some(limit) = quota.limit_bytes.filter(|_| mode != Mode::Off) {
            for percent in &quota.thresholds_percent {
                let bytes = u128::from(limit) * u128::from(*percent) / 100;
                marks.push((Threshold::Percent(*percent), u64::try_from(bytes).unwrap_or(u64::MAX)));
            }
            marks.push((Threshold::Limit, limit));
        }
        self.put_in_place(quota.limit_bytes.filter(|_| quota.hard && mode == Mode::Enforce), marks);
    }

    fn put_in_place(&self, limit: Option<u64>, marks: Vec<(Threshold, u64)>) {
        let mut watch = self.watch.lock();
        *watch = watch.renewed(marks, self.used_bytes());
        self.store_marks(&watch);
        self.limit.store(limit.unwrap_or(UNLIMITED), Ordering::SeqCst);
    }

    fn store_marks(&self, watch: &Watch) {
        self.rises_at.store(watch.rises_at(), Ordering::Relaxed);
        self.falls_at.store(watch.falls_at(), Ordering::Relaxed);
    }

    /// What limits are compared with.
    pub(super) fn used_bytes(&self) -> u64 {
        shown(self.bytes.load(Ordering::SeqCst))
    }

    pub(super) fn usage(&self) -> Usage {
        Usage {
            logical_bytes: self.used_bytes(),
            physical_bytes: shown(self.physical.load(Ordering::SeqCst)),
            files: shown(self.files.load(Ordering::SeqCst)),
        }
    }

    /// What is charged for files that have names: what a recount finds.
    pub(super) fn named(&self) -> Amount {
        Amount {
            bytes: self.bytes.load(Ordering::SeqCst) - self.nameless.load(Ordering::SeqCst),
            nameless: 0,
            files: self.files.load(Ordering::SeqCst),
            physical: self.physical.load(Ordering::SeqCst),
        }
    }

    /// Bytes that may still be added; `None` for no limit.
    pub(super) fn room(&self) -> Option<(u64, u64)> {
        let limit = self.limit.load(Ordering::SeqCst);
        (limit != UNLIMITED).then(|| (limit, limit.saturating_sub(self.used_bytes())))
    }

    /// Takes room for `bytes` more; false where the limit does not have it.
    pub(super) fn reserve(&self, bytes: u64) -> bool {
        if bytes == 0 {
            return true;
        }
        let more = signed(bytes);
        if self.limit.load(Ordering::SeqCst) == UNLIMITED {
            self.committed.fetch_add(more, Ordering::SeqCst);
            return true;
        }
        self.committed
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |committed| {
                let after = committed.checked_add(more)?;
                (shown(after) <= self.limit.load(Ordering::SeqCst)).then_some(after)
            })
            .is_ok()
    }

    /// Gives back what was reserved.
    pub(super) fn release(&self, bytes: u64) {
        if bytes > 0 {
            self.committed.fetch_sub(signed(bytes), Ordering::SeqCst);
        }
    }

    /// Usage changes; what was reserved for it is settled.
    pub(super) fn change(&self, amount: Amount, reserved: u64) {
        let bytes = amount.bytes.saturating_add(amount.nameless);
        if bytes != 0 {
            self.bytes.fetch_add(bytes, Ordering::SeqCst);
        }
        let settled = bytes.saturating_sub(signed(reserved));
        if settled != 0 {
            self.committed.fetch_add(settled, Ordering::SeqCst);
        }
        for (kept, change) in [
            (&self.nameless, amount.nameless),
            (&self.files, amount.files),
            (&self.physical, amount.physical),
        ] {
            if change != 0 {
                kept.fetch_add(change, Ordering::SeqCst);
            }
        }
    }

    pub(super) fn reset_counted(&self) {
        self.counted.iter().for_each(|counted| counted.store(0, Ordering::SeqCst));
    }

    /// A recount found this, or what it had found changed.
    pub(super) fn count(&self, amount: Amount) {
        for (counted, change) in self.counted.iter().zip([amount.bytes, amount.files, amount.physical]) {
            counted.fetch_add(change, Ordering::SeqCst);
        }
    }

    pub(super) fn counted(&self) -> Amount {
        let [bytes, files, physical] = self.counted.each_ref().map(|counted| counted.load(Ordering::SeqCst));
        Amount { bytes, nameless: 0, files, physical }
    }

    /// What is crossed now. Cheap where nothing is.
    pub(super) fn crossings(&self) -> Vec<Crossing> {
        let used = self.used_bytes();
        if used <= self.rises_at.load(Ordering::Relaxed) && used >= self.falls_at.load(Ordering::Relaxed) {
            return Vec::new();
        }
        let mut watch = self.watch.lock();
        let used_bytes = self.used_bytes();
        let crossed = watch.moved(used_bytes);
        self.store_marks(&watch);
        crossed.into_iter().map(|crossed| self.crossing(crossed, used_bytes)).collect()
    }

    /// A change was refused because of the limit.
    pub(super) fn refused(&self) -> Option<Crossing> {
        let mut watch = self.watch.lock();
        let crossed = watch.refused()?;
        self.store_marks(&watch);
        Some(self.crossing(crossed, self.used_bytes()))
    }

    fn crossing(&self, (threshold, threshold_bytes): (Threshold, u64), used_bytes: u64) -> Crossing {
        Crossing { subject: self.subject, threshold, used_bytes, threshold_bytes }
    }
}
