//! An open file, directory or named stream of a volume that counts.

use std::os::fd::BorrowedFd;
use std::sync::atomic::Ordering;
use std::sync::{Arc, OnceLock};

use freehold_acl::SecurityDescriptor;
use freehold_dtyp::{FileTime, Sid, Wtf8};
use freehold_quotas::IntentKind;

use super::account::{Account, Amount, signed};
use super::ledger::{Begun, Charge};
use super::nodes::{Charged, Node, NodeState, OpenStream};
use super::{Shared, measure, owner_of, total, unwrap};
use crate::fscc::upcase::fold;
use crate::vfs::local::LocalLock;
use crate::vfs::{
    DirectoryCursor, DirectoryEntry, Existing, ExtendedAttribute, File, FileRef, Metadata, MetadataChange,
    NewNode, NodeId, NodeKind, SecurityChange, StreamEntry, VfsError, VfsPath, Wait,
};

pub(super) struct CountedFile {
    pub(super) shared: Arc<Shared>,
    pub(super) inner: FileRef,
    pub(super) id: u64,
    pub(super) kind: NodeKind,
    /// Of a file since it is open, of a directory since it was needed.
    pub(super) node: OnceLock<Arc<Node>>,
    /// Of a handle of a named stream.
    pub(super) stream: Option<Arc<OpenStream>>,
}

/// What a handle writes to.
enum Part<'a> {
    Main,
    Stream(&'a OpenStream),
}

impl CountedFile {
    pub(super) fn node(&self) -> &Arc<Node> {
        self.node.get_or_init(|| self.shared.nodes.enter(self.id).0)
    }

    fn part(&self) -> Part<'_> {
        match &self.stream {
            Some(stream) if !stream.unnamed.load(Ordering::SeqCst) => Part::Stream(stream),
            _ => Part::Main,
        }
    }

    fn has_no_data(&self) -> bool {
        self.kind == NodeKind::Directory && self.stream.is_none()
    }

    /// Size of the part now. Called with the file's lock held.
    fn size(&self, part: &Part<'_>, charged: &Charged) -> Result<u64, VfsError> {
        match part {
            Part::Main => Ok(charged.main),
            Part::Stream(stream) if stream.gone.get().is_some() => Ok(stream.size.load(Ordering::SeqCst)),
            Part::Stream(_) => Ok(self.inner.0.metadata()?.size_bytes),
        }
    }

    /// Size of the part on disk, after a change that failed.
    fn size_on_disk(&self, part: &Part<'_>, before: u64) -> u64 {
        let measured = match part {
            Part::Main => measure(&self.inner).map(|(main, ..)| main),
            Part::Stream(_) => self.inner.0.metadata().map(|metadata| metadata.size_bytes),
        };
        measured.unwrap_or(before)
    }

    /// Runs a change of the size: `target` says how long the file will be at most, `after` how long it is then.
    fn resize<R>(
        &self,
        target: impl FnOnce(u64) -> u64,
        change: impl FnOnce() -> Result<R, VfsError>,
        after: impl FnOnce(u64, &R) -> u64,
    ) -> Result<R, VfsError> {
        if self.has_no_data() {
            return change();
        }
        let shared = &*self.shared;
        let _pass = shared.gate.enter(self.id);
        let node = self.node();
        let mut state = node.state.lock();
        let state = &mut *state;
        shared.load(node, state, &self.inner)?;
        shared.visit_open(node, state);
        let NodeState { charged: Some(charged), gone, moved_blocks, .. } = state else { return change() };
        let part = self.part();
        let size = self.size(&part, charged)?;
        let wanted = target(size);
        if i64::try_from(wanted).is_err() {
            return change(); // out of the file system's range: it says so
        }
        let growth = wanted.saturating_sub(size);
        let gone_stream = match &part {
            Part::Stream(stream) => stream.gone.get(),
            Part::Main => None,
        };
        match gone_stream {
            Some(accounts) => shared.ledger.reserve(accounts.iter(), growth)?,
            None => shared.ledger.reserve(charged.accounts(), growth)?,
        }
        let begun = if gone_stream.is_some() || *gone { None } else { shared.begin_resize(self, charged) };
        if matches!(part, Part::Main) && wanted < size {
            node.set_size(wanted);
        }
        let result = change();
        let now = match &result {
            Ok(done) => after(size, done),
            Err(_) => self.size_on_disk(&part, size),
        };
        let difference = signed(now).saturating_sub(signed(size));
        let is_nameless = match part {
            Part::Main => {
                charged.main = now;
                node.set_size(now);
                *gone
            }
            Part::Stream(stream) => {
                stream.size.store(now, Ordering::SeqCst);
                if gone_stream.is_none() {
                    charged.named = charged.named.saturating_add_signed(difference);
                }
                gone_stream.is_some() || *gone
            }
        };
        *moved_blocks |= difference != 0;
        let amount = if is_nameless {
            Amount { nameless: difference, ..Amount::default() }
        } else {
            Amount::bytes(difference)
        };
        match gone_stream {
            Some(accounts) => shared.ledger.charge(node.id, accounts.iter(), amount, growth, begun),
            None => shared.ledger.charge(node.id, charged.accounts(), amount, growth, begun),
        }
        result
    }

    /// What the file takes on disk is looked at again when it is closed.
    fn blocks_will_move(&self) {
        if self.kind == NodeKind::File {
            let _pass = self.shared.gate.enter(self.id);
            let mut state = self.node().state.lock();
            // A file that cannot be looked at fails in what comes next.
            let _ = self.shared.load(self.node(), &mut state, &self.inner);
            state.moved_blocks = true;
        }
    }

    /// Everything about the file is looked at again, after a change that failed half-way.
    fn look_again(&self, state: &mut NodeState, begun: Option<Begun<'_>>) {
        let Some(charged) = &mut state.charged else { return };
        if state.gone {
            return;
        }
        let Ok((main, named, physical)) = measure(&self.inner) else { return };
        let node = self.node();
        let before = total(charged);
        (charged.main, charged.named, charged.physical) = (main, named, physical);
        node.set_size(main);
        let after = total(charged);
        self.shared.ledger.charge(node.id, charged.accounts(), after.plus(before.negated()), 0, begun);
    }

    /// The file is another owner's now. What was reserved for it there is settled.
    fn change_owner(&self, state: &mut NodeState, to: &Sid, reserved: u64, begun: Option<Begun<'_>>) {
        let Some(charged) = &mut state.charged else { return };
        let amount = if state.gone {
            Amount { nameless: signed(charged.bytes()), ..Amount::default() }
        } else {
            total(charged)
        };
        let ledger = &self.shared.ledger;
        let new = ledger.owner(to);
        if Arc::ptr_eq(&new, &charged.owner) {
            ledger.release(&new, reserved);
            return;
        }
        let moved = [
            Charge { account: &charged.owner, amount: amount.negated(), reserved: 0 },
            Charge { account: &new, amount, reserved },
        ];
        ledger.settle(self.id, &moved, begun);
        charged.owner = new;
    }

    /// The file was made anew and is another owner's now: `amount` of it went, the rest moves.
    fn overwritten_by(
        &self,
        state: &mut NodeState,
        owner: Arc<Account>,
        amount: Amount,
        begun: Option<Begun<'_>>,
    ) {
        let Some(charged) = &mut state.charged else { return };
        // What is left of it: nothing, and the nameless streams that were charged above.
        let rest = Amount {
            bytes: 0,
            nameless: if state.gone { signed(charged.bytes()) } else { 0 },
            files: i64::from(!state.gone),
            physical: if state.gone { 0 } else { signed(charged.physical) },
        };
        let mut charges: Vec<Charge<'_>> =
            vec![Charge { account: &charged.owner, amount: amount.plus(rest.negated()), reserved: 0 }];
        charges.push(Charge { account: &owner, amount: rest, reserved: 0 });
        charges.extend(charged.folders.iter().map(|account| Charge { account, amount, reserved: 0 }));
        self.shared.ledger.settle(self.id, &charges, begun);
        charged.owner = owner;
    }

    /// The data through this handle is the file's own now: another stream was, and has become it.
    fn became_unnamed(&self, state: &mut NodeState, stream: &Arc<OpenStream>, size: u64) {
        stream.unnamed.store(true, Ordering::SeqCst);
        state.streams.retain(|(_, open)| !Arc::ptr_eq(open, stream));
        if let Some(charged) = &mut state.charged {
            charged.named = charged.named.saturating_sub(size);
            charged.main = size;
            self.node().set_size(size);
        }
    }
}

impl Drop for CountedFile {
    fn drop(&mut self) {
        let Some(node) = self.node.get() else { return };
        let shared = &*self.shared;
        if let Some(stream) = self.stream.take() {
            let mut state = node.state.lock();
            if let Some(accounts) = stream.gone.get() {
                // Every other handle of the stream is closed under the same lock.
                if Arc::strong_count(&stream) == 1 {
                    shared.end_nameless(node.id, accounts.iter(), stream.size.load(Ordering::SeqCst));
                }
            } else if Arc::strong_count(&stream) == 2 {
                state.streams.retain(|(_, open)| !Arc::ptr_eq(open, &stream));
            }
            drop(stream);
        }
        shared.class_closing(node, &self.inner);
        shared.leave(node, &self.inner);
    }
}

impl Shared {
    /// One handle of a file less. With the last, what has no name goes, and it is known what the file takes on disk.
    pub(super) fn leave(&self, node: &Node, file: &FileRef) {
        if !self.nodes.leave(node.id) {
            return;
        }
        let mut state = node.state.lock();
        let state = &mut *state;
        self.class_left(state);
        let Some(charged) = &mut state.charged else { return };
        if state.gone {
            self.end_nameless(node.id, charged.accounts(), charged.bytes());
        } else if state.moved_blocks
            && let Ok((.., physical)) = measure(file)
        {
            let moved = signed(physical).saturating_sub(signed(charged.physical));
            if moved != 0 {
                let amount = Amount { physical: moved, ..Amount::default() };
                self.ledger.charge(node.id, charged.accounts(), amount, 0, None);
            }
        }
    }

    /// The size of the file is about to change.
    fn begin_resize(&self, file: &CountedFile, charged: &Charged) -> Option<Begun<'_>> {
        self.ledger.durable.as_ref()?;
        let moment = self.ledger.moment();
        self.ledger.begin(IntentKind::Change, file.id, charged, false, (Some(&file.inner.0.path()), moment))
    }

    /// Bytes without a name are given back.
    fn end_nameless<'a>(&self, id: u64, accounts: impl Iterator<Item = &'a Arc<Account>>, bytes: u64) {
        let _nobody_compares = self.nameless.lock();
        let amount = Amount { nameless: -signed(bytes), ..Amount::default() };
        self.ledger.charge(id, accounts, amount, 0, None);
    }
}

impl File for CountedFile {
    fn id(&self) -> NodeId {
        NodeId(self.id)
    }

    fn path(&self) -> VfsPath {
        self.inner.0.path()
    }

    fn read(&self, offset: u64, buffer: &mut [u8], wait: Wait) -> Result<usize, VfsError> {
        self.inner.0.read(offset, buffer, wait)
    }

    fn as_fd(&self) -> Option<BorrowedFd<'_>> {
        self.inner.0.as_fd()
    }

    fn write(&self, offset: u64, data: &[u8]) -> Result<Option<u64>, VfsError> {
        let end = offset.saturating_add(data.len() as u64);
        if self.stream.is_none()
            && let Some(node) = self.node.get()
            && let Some(_inside) = node.write_inside(end)
        {
            return self.inner.0.write(offset, data);
        }
        if data.is_empty() {
            return self.inner.0.write(offset, data);
        }
        self.resize(|size| size.max(end), || self.inner.0.write(offset, data), |size, _| size.max(end))
    }

    fn open_data(&self, write: bool, cache: bool) -> Result<bool, VfsError> {
        self.inner.0.open_data(write, cache)
    }

    fn lock_local(&self, locks: &[LocalLock]) -> Result<(), VfsError> {
        self.inner.0.lock_local(locks)
    }

    fn unlock_local(&self, locks: &[LocalLock]) {
        self.inner.0.unlock_local(locks);
    }

    fn flush(&self) -> Result<(), VfsError> {
        self.inner.0.flush()
    }

    fn set_size(&self, size_bytes: u64) -> Result<(), VfsError> {
        self.resize(|_| size_bytes, || self.inner.0.set_size(size_bytes), |_, ()| size_bytes)
    }

    fn allocate(&self, allocated_bytes: u64) -> Result<(), VfsError> {
        self.blocks_will_move();
        self.inner.0.allocate(allocated_bytes)
    }

    fn punch_hole(&self, offset: u64, length_bytes: u64) -> Result<(), VfsError> {
        self.blocks_will_move();
        self.inner.0.punch_hole(offset, length_bytes)
    }

    fn allocated_ranges(
        &self,
        offset: u64,
        length_bytes: u64,
        limit: usize,
    ) -> Result<Vec<(u64, u64)>, VfsError> {
        self.inner.0.allocated_ranges(offset, length_bytes, limit)
    }

    fn copy_range(
        &self,
        source: &FileRef,
        source_offset: u64,
        offset: u64,
        length_bytes: u64,
    ) -> Result<u64, VfsError> {
        let source = unwrap(source);
        // No more than the source has is reserved.
        let there = source.0.metadata()?.size_bytes.saturating_sub(source_offset).min(length_bytes);
        let length_bytes = if there == 0 { length_bytes } else { there };
        let end = offset.saturating_add(there);
        self.resize(
            |size| if there == 0 { size } else { size.max(end) },
            || self.inner.0.copy_range(source, source_offset, offset, length_bytes),
            |size, copied| if *copied == 0 { size } else { size.max(offset.saturating_add(*copied)) },
        )
    }

    fn clone_range(
        &self,
        source: &FileRef,
        source_offset: u64,
        offset: u64,
        length_bytes: u64,
    ) -> Result<(), VfsError> {
        let source = unwrap(source);
        let end = if length_bytes == 0 { 0 } else { offset.saturating_add(length_bytes) };
        self.resize(
            |size| size.max(end),
            || self.inner.0.clone_range(source, source_offset, offset, length_bytes),
            |size, ()| size.max(end),
        )
    }

    fn metadata(&self) -> Result<Metadata, VfsError> {
        self.inner.0.metadata()
    }

    fn set_metadata(&self, change: &MetadataChange) -> Result<(), VfsError> {
        let Some(modified) = change.modified.filter(|_| self.kind == NodeKind::File) else {
            return self.inner.0.set_metadata(change);
        };
        let (shared, node) = (&*self.shared, self.node());
        let mut state = node.state.lock();
        // A file that cannot be looked at fails in what comes next.
        let _ = shared.load(node, &mut state, &self.inner);
        self.inner.0.set_metadata(change)?;
        shared.class_written_at(node, &mut state, modified);
        Ok(())
    }

    fn overwrite(&self, new: &NewNode, supersede_security: bool) -> Result<Metadata, VfsError> {
        if self.has_no_data() {
            return self.inner.0.overwrite(new, supersede_security);
        }
        if let Part::Stream(_) = self.part() {
            return self.resize(
                |_| 0,
                || self.inner.0.overwrite(new, supersede_security),
                |_, metadata| metadata.size_bytes,
            );
        }
        let shared = &*self.shared;
        let _pass = shared.gate.enter(self.id);
        let node = self.node();
        let mut state = node.state.lock();
        let state = &mut *state;
        shared.load(node, state, &self.inner)?;
        shared.visit_open(node, state);
        let begun = shared.begin_change(self, state);
        node.set_size(0);
        let metadata = match self.inner.0.overwrite(new, supersede_security) {
            Ok(metadata) => metadata,
            Err(error) => {
                self.look_again(state, begun);
                return Err(error);
            }
        };
        let mut nameless = 0;
        for (_, stream) in state.streams.drain(..) {
            nameless += stream.lost_its_name(state.charged.as_ref());
        }
        if let Some(charged) = &mut state.charged {
            let freed = -signed(charged.bytes());
            (charged.main, charged.named) = (0, 0);
            state.moved_blocks = true;
            let amount = if state.gone {
                Amount { nameless: freed.saturating_add(nameless), ..Amount::default() }
            } else {
                Amount { bytes: freed, nameless, ..Amount::default() }
            };
            let new_owner = supersede_security.then(|| shared.ledger.owner(&owner_of(&new.security)));
            match new_owner.filter(|new_owner| !Arc::ptr_eq(new_owner, &charged.owner)) {
                None => shared.ledger.charge(node.id, charged.accounts(), amount, 0, begun),
                Some(new_owner) => self.overwritten_by(state, new_owner, amount, begun),
            }
        }
        Ok(metadata)
    }

    fn security(&self) -> Result<Arc<SecurityDescriptor>, VfsError> {
        self.inner.0.security()
    }

    fn set_security(&self, security: Arc<SecurityDescriptor>, now: FileTime) -> Result<(), VfsError> {
        self.change_security(&mut |_| Ok(Some(Arc::clone(&security))), now).map(|_| ())
    }

    fn change_security(
        &self,
        change: &mut SecurityChange<'_>,
        now: FileTime,
    ) -> Result<Option<Arc<SecurityDescriptor>>, VfsError> {
        let shared = &*self.shared;
        let _pass = shared.gate.enter(self.id);
        let node = self.node();
        let mut state = node.state.lock();
        let state = &mut *state;
        shared.load(node, state, &self.inner)?;
        shared.visit_open(node, state);
        let Some(charged) = &state.charged else { return self.inner.0.change_security(change, now) };
        let (present, bytes) = (Arc::clone(&charged.owner), charged.bytes());
        let begun = shared.begin_change(self, state);
        // Room for the file in the new owner's account; asked for again when `change` is called again.
        let mut reserved: Option<Arc<Account>> = None;
        let result = self.inner.0.change_security(
            &mut |before| {
                if let Some(account) = reserved.take() {
                    shared.ledger.release(&account, bytes);
                }
                let Some(new) = change(before)? else { return Ok(None) };
                let account = shared.ledger.owner(&owner_of(&new));
                if !Arc::ptr_eq(&account, &present) {
                    shared.ledger.reserve(std::iter::once(&account), bytes)?;
                    reserved = Some(account);
                }
                Ok(Some(new))
            },
            now,
        );
        match (&result, reserved) {
            (Ok(Some(new)), Some(_)) => self.change_owner(state, &owner_of(new), bytes, begun),
            (_, Some(account)) => shared.ledger.release(&account, bytes),
            _ => {}
        }
        result
    }

    fn extended_attributes(&self) -> Result<Vec<ExtendedAttribute>, VfsError> {
        self.inner.0.extended_attributes()
    }

    fn set_extended_attributes(&self, changes: &[ExtendedAttribute], now: FileTime) -> Result<(), VfsError> {
        self.inner.0.set_extended_attributes(changes, now)
    }

    fn streams(&self) -> Result<Vec<StreamEntry>, VfsError> {
        self.inner.0.streams()
    }

    fn rename_stream(&self, to: Wtf8<'_>, existing: Existing, now: FileTime) -> Result<(), VfsError> {
        let Some(stream) = &self.stream else { return self.inner.0.rename_stream(to, existing, now) };
        let shared = &*self.shared;
        let _pass = shared.gate.enter(self.id);
        let node = self.node();
        let mut state = node.state.lock();
        let state = &mut *state;
        shared.load(node, state, &self.inner)?;
        shared.visit_open(node, state);
        let size = self.inner.0.metadata()?.size_bytes;
        let begun = shared.begin_change(self, state);
        if let Err(error) = self.inner.0.rename_stream(to, existing, now) {
            self.look_again(state, begun);
            return Err(error);
        }
        if to.is_empty() {
            self.became_unnamed(state, stream, size);
            return Ok(());
        }
        let folded = fold(to);
        let mut nameless = 0;
        state.streams.retain(|(name, open)| {
            let replaced = *name == folded && !Arc::ptr_eq(open, stream);
            if replaced {
                nameless += open.lost_its_name(state.charged.as_ref());
            }
            !replaced
        });
        if let Some((name, _)) = state.streams.iter_mut().find(|(_, open)| Arc::ptr_eq(open, stream)) {
            *name = folded;
        }
        self.look_again(state, begun);
        if let Some(charged) = state.charged.as_mut().filter(|_| state.gone) {
            // Of a file without a name it has been nameless before.
            charged.named = charged.named.saturating_sub(nameless.unsigned_abs());
        } else if let Some(charged) = &state.charged {
            let amount = Amount { nameless, ..Amount::default() };
            shared.ledger.charge(node.id, charged.accounts(), amount, 0, None);
        }
        Ok(())
    }

    fn set_compressed(&self, compressed: bool) -> Result<(), VfsError> {
        self.blocks_will_move();
        self.inner.0.set_compressed(compressed)
    }

    fn reparse_data(&self) -> Result<Vec<u8>, VfsError> {
        self.inner.0.reparse_data()
    }

    fn set_reparse_data(&self, data: Option<&[u8]>, now: FileTime) -> Result<(), VfsError> {
        self.inner.0.set_reparse_data(data, now)
    }

    fn list(
        &self,
        cursor: DirectoryCursor,
        visit: &mut dyn FnMut(Wtf8<'_>, &Metadata) -> bool,
    ) -> Result<Option<DirectoryCursor>, VfsError> {
        self.inner.0.list(cursor, visit)
    }

    fn list_secured(
        &self,
        cursor: DirectoryCursor,
        visit: &mut dyn FnMut(Wtf8<'_>, &Metadata, &Arc<SecurityDescriptor>) -> bool,
    ) -> Result<Option<DirectoryCursor>, VfsError> {
        self.inner.0.list_secured(cursor, visit)
    }

    fn entry(&self, name: Wtf8<'_>) -> Result<Option<DirectoryEntry>, VfsError> {
        self.inner.0.entry(name)
    }

    fn is_empty(&self) -> Result<bool, VfsError> {
        self.inner.0.is_empty()
    }
}
