//! A volume in memory, for tests and the simulation. Acts as `posix` does: the same tests run on both.
//!
//! One lock guards the whole tree. Time comes from a clock that the caller gives, space from a limit that can be set.

mod pages;
mod state;

use std::any::Any;
use std::os::fd::BorrowedFd;
use std::sync::Arc;

use freehold_acl::SecurityDescriptor;
use freehold_dtyp::{FileTime, Guid, Wtf8, Wtf8Buf};
use parking_lot::{Mutex, MutexGuard};

use self::pages::{PAGE_BYTES, Pages};
use self::state::{EntryKey, Found, LinkId, Node, ROOT, ROOT_LINK, State, Stream};
use super::{
    DataUse, DirectoryCursor, DirectoryEntry, Existing, ExtendedAttribute, File, FileRef, MAX_REPARSE_BYTES,
    Metadata, MetadataChange, NameCase, NewNode, NodeId, NodeKind, OpenError, Opened, SecurityChange, Space,
    StreamEntry, VfsError, VfsPath, Volume, VolumeIdentity, VolumeOptions, Wait, check_new_name, ea,
};
use crate::fscc::FileAttributes;
use crate::fscc::name::check_stream_name;
use crate::fscc::upcase::eq_ignore_case;

/// Tells the present time to a [`MemoryVolume`].
pub type Clock = Arc<dyn Fn() -> FileTime + Send + Sync>;

/// How a [`MemoryVolume`] is made.
#[derive(Clone)]
pub struct MemoryOptions {
    /// Label of the volume.
    pub label: String,
    /// Its serial number.
    pub serial: u32,
    /// Bytes that file data may take; can be changed later.
    pub capacity_bytes: u64,
    /// Security descriptor of the root.
    pub root_security: Arc<SecurityDescriptor>,
    /// For the times that the file system itself sets.
    pub clock: Clock,
}

impl MemoryOptions {
    /// A volume of 1 TiB on the system clock.
    #[must_use]
    pub fn new(root_security: Arc<SecurityDescriptor>) -> Self {
        MemoryOptions {
            label: "memory".to_owned(),
            serial: 0x4D45_4D31,
            capacity_bytes: 1 << 40,
            root_security,
            clock: Arc::new(|| FileTime::from_system_time(std::time::SystemTime::now())),
        }
    }
}

/// A [`Volume`] that keeps everything in memory.
#[derive(Clone)]
pub struct MemoryVolume {
    inner: Arc<Inner>,
}

struct Inner {
    identity: VolumeIdentity,
    clock: Clock,
    state: Mutex<State>,
}

/// A handle; closes when dropped.
struct MemoryFile {
    volume: Arc<Inner>,
    id: NodeId,
    link: LinkId,
    /// Key of the named stream that it is a handle of.
    stream: Option<u64>,
    /// Names and links that the present listing goes through.
    listing: Mutex<Option<Arc<Listing>>>,
}

struct Listing(Vec<(Wtf8Buf, LinkId)>);

impl MemoryVolume {
    /// An empty volume.
    #[must_use]
    pub fn new(options: MemoryOptions) -> Self {
        let now = (options.clock)();
        let root = Node {
            kind: NodeKind::Directory,
            attributes: FileAttributes::empty(),
            created: now,
            accessed: now,
            modified: now,
            changed: now,
            security: options.root_security,
            extended_attributes: Vec::new(),
            reparse: None,
            data: Pages::default(),
            streams: Vec::new(),
            entries: std::collections::BTreeMap::new(),
            link: ROOT_LINK,
            links: 1,
            handles: 0,
        };
        let mut guid = [0; 16];
        for (to, from) in
            guid.iter_mut().zip(now.0.to_le_bytes().into_iter().chain(options.serial.to_le_bytes()))
        {
            *to = from;
        }
        let identity = VolumeIdentity {
            serial: options.serial,
            label: options.label,
            guid: Guid(guid),
            created: now,
            reflinks: true,
            sparse: true,
            allocation_unit_bytes: PAGE_BYTES as u32,
            max_ea_bytes: ea::MAX_EA_BYTES,
            compression: false,
            read_only: false,
            quotas: false,
            options: VolumeOptions::default(),
        };
        let state = Mutex::new(State::new(root, options.capacity_bytes));
        MemoryVolume { inner: Arc::new(Inner { identity, clock: options.clock, state }) }
    }

    /// Changes how many bytes file data may take; what is there stays.
    pub fn set_capacity(&self, capacity_bytes: u64) {
        self.inner.state.lock().capacity_bytes = capacity_bytes;
    }

    fn opened(&self, state: &mut State, link: LinkId, stream: Option<u64>) -> Opened {
        state.opened(link, stream);
        let id = state.link(link).node;
        let node = state.node(id);
        let file =
            MemoryFile { volume: Arc::clone(&self.inner), id, link, stream, listing: Mutex::new(None) };
        Opened {
            file: FileRef(Arc::new(file)),
            metadata: node.metadata(id, stream),
            security: Arc::clone(&node.security),
            path: state.path(link),
        }
    }

    /// The target of a rename or link: its directory and its name, which passed the checks.
    fn target<'a>(state: &State, to: &'a VfsPath) -> Result<(NodeId, Wtf8<'a>), VfsError> {
        let (parent, name) = to.split_last().ok_or(VfsError::NameInvalid)?;
        let Found::Link(parent) = state.find(&parent, NameCase::Ignored) else {
            return Err(VfsError::NotFound);
        };
        let parent = state.link(parent).node;
        check_directory(state, parent)?;
        if state.node(parent).reparse.is_some() {
            return Err(VfsError::NotADirectory); // nothing is put behind a reparse point, where no path leads
        }
        check_new_name(parent == ROOT, name)?;
        Ok((parent, name))
    }
}

/// The directory can take entries: it is one and has not been removed.
fn check_directory(state: &State, id: NodeId) -> Result<(), VfsError> {
    let node = state.node(id);
    if node.kind != NodeKind::Directory {
        return Err(VfsError::NotADirectory);
    }
    if node.links == 0 { Err(VfsError::NotFound) } else { Ok(()) }
}

/// Whether the entry `taken` may make way for `node`.
fn check_replace(state: &State, taken: LinkId, node: NodeId, existing: Existing) -> Result<(), VfsError> {
    if !existing.replaces() {
        return Err(VfsError::Exists);
    }
    let victim = state.node(state.link(taken).node);
    match (state.node(node).kind, victim.kind) {
        (NodeKind::File, NodeKind::Directory) => Err(VfsError::IsADirectory),
        (NodeKind::Directory, NodeKind::File) => Err(VfsError::NotADirectory),
        _ if !victim.entries.is_empty() => Err(VfsError::NotEmpty),
        _ => Ok(()),
    }
}

fn own(file: &FileRef) -> Result<&MemoryFile, VfsError> {
    let any: &dyn Any = &*file.0;
    any.downcast_ref().ok_or(VfsError::CrossDevice)
}

impl Volume for MemoryVolume {
    fn identity(&self) -> &VolumeIdentity {
        &self.inner.identity
    }

    fn space(&self) -> Result<Space, VfsError> {
        let state = self.inner.state.lock();
        let free = state.capacity_bytes.saturating_sub(state.used_bytes());
        Ok(Space {
            total_bytes: state.capacity_bytes,
            available_bytes: free,
            free_bytes: free,
            total_files: u64::MAX,
            free_files: u64::MAX,
            limited: false,
        })
    }

    fn open(&self, path: &VfsPath, stream: Option<Wtf8<'_>>, data_use: DataUse) -> Result<Opened, OpenError> {
        let mut state = self.inner.state.lock();
        match state.find(path, data_use.case) {
            Found::Link(link) => {
                let Some(name) = stream else { return Ok(self.opened(&mut state, link, None)) };
                let node = state.node(state.link(link).node);
                match node.stream(name).map(|stream| stream.key) {
                    Some(key) => Ok(self.opened(&mut state, link, Some(key))),
                    None => Err(OpenError::StreamNotFound(Box::new(self.opened(&mut state, link, None)))),
                }
            }
            Found::Missing(parent) => {
                Err(OpenError::NotFound(Box::new(self.opened(&mut state, parent, None))))
            }
            Found::NoPath => Err(OpenError::PathNotFound),
            Found::NotADirectory => Err(OpenError::NotADirectory),
            Found::Reparse(index, data) => Err(OpenError::Reparse { index, data }),
        }
    }

    fn create(&self, parent: &FileRef, name: Wtf8<'_>, new: &NewNode) -> Result<Opened, VfsError> {
        let parent = own(parent)?.id;
        let mut state = self.inner.state.lock();
        check_directory(&state, parent)?;
        check_new_name(parent == ROOT, name)?;
        if state.entry(parent, name, new.case).is_some() {
            return Err(VfsError::Exists);
        }
        let mut extended_attributes = Vec::new();
        ea::apply(&mut extended_attributes, &new.extended_attributes)?;
        let mut data = Pages::default();
        if new.kind == NodeKind::File {
            state.check_growth(data.growth_of_reserve(new.allocation_bytes))?;
            data.reserve(new.allocation_bytes);
        }
        let node = state.insert_node(Node {
            kind: new.kind,
            attributes: new.attributes.intersection(FileAttributes::SETTABLE),
            created: new.now,
            accessed: new.now,
            modified: new.now,
            changed: new.now,
            security: Arc::clone(&new.security),
            extended_attributes,
            reparse: None,
            data,
            streams: Vec::new(),
            entries: std::collections::BTreeMap::new(),
            link: ROOT_LINK,
            links: 0,
            handles: 0,
        });
        let link = state.insert_link(parent, name, node);
        state.node_mut(parent).wrote(new.now);
        Ok(self.opened(&mut state, link, None))
    }

    fn create_stream(&self, file: &FileRef, name: Wtf8<'_>, now: FileTime) -> Result<Opened, VfsError> {
        let file = own(file)?;
        if name.is_empty() || check_stream_name(name).is_err() {
            return Err(VfsError::NameInvalid);
        }
        let mut state = self.inner.state.lock();
        if state.node(file.id).stream(name).is_some() {
            return Err(VfsError::Exists);
        }
        let key = state.fresh();
        let node = state.node_mut(file.id);
        node.streams.push(Stream {
            key,
            name: name.to_owned(),
            data: Pages::default(),
            gone: false,
            unnamed: false,
            handles: 0,
        });
        node.changed = now;
        Ok(self.opened(&mut state, file.link, Some(key)))
    }

    fn rename(
        &self,
        file: &FileRef,
        to: &VfsPath,
        existing: Existing,
        now: FileTime,
    ) -> Result<VfsPath, VfsError> {
        let file = own(file)?;
        let mut state = self.inner.state.lock();
        let (parent, name) = Self::target(&state, to)?;
        let link = state.link(file.link);
        if link.gone {
            return Err(VfsError::NotFound);
        }
        if file.link == ROOT_LINK {
            return Err(VfsError::PermissionDenied);
        }
        let (old_parent, key) = (link.parent, EntryKey::new(link.name.as_wtf8()));
        if state.is_below(parent, file.id) {
            return Err(VfsError::OutOfRange);
        }
        let taken = state.entry(parent, name, existing.case());
        if let Some(taken) = taken.filter(|taken| *taken != file.link) {
            check_replace(&state, taken, file.id, existing)?;
            state.remove_link(taken);
        }
        state.node_mut(old_parent).entries.remove(&key);
        state.node_mut(parent).entries.insert(EntryKey::new(name), file.link);
        let link = state.link_mut(file.link);
        link.parent = parent;
        link.name = name.to_owned();
        state.node_mut(old_parent).wrote(now);
        state.node_mut(parent).wrote(now);
        state.node_mut(file.id).changed = now;
        Ok(state.path(file.link))
    }

    fn link(&self, file: &FileRef, to: &VfsPath, existing: Existing, now: FileTime) -> Result<(), VfsError> {
        let file = own(file)?;
        let mut state = self.inner.state.lock();
        let (parent, name) = Self::target(&state, to)?;
        let node = state.node(file.id);
        if node.kind == NodeKind::Directory {
            return Err(VfsError::IsADirectory);
        }
        if node.links == 0 {
            return Err(VfsError::NotFound);
        }
        if let Some(taken) = state.entry(parent, name, existing.case()) {
            check_replace(&state, taken, file.id, existing)?;
            if state.link(taken).node == file.id {
                return Ok(()); // it has that link already
            }
            state.remove_link(taken);
        }
        state.insert_link(parent, name, file.id);
        state.node_mut(parent).wrote(now);
        state.node_mut(file.id).changed = now;
        Ok(())
    }

    fn unlink(&self, file: &FileRef) -> Result<(), VfsError> {
        let file = own(file)?;
        let now = (self.inner.clock)();
        let mut state = self.inner.state.lock();
        let link = state.link(file.link);
        let (gone, parent) = (link.gone, link.parent);
        let node = state.node_mut(file.id);
        if let Some(key) = file.stream {
            if node.links == 0 {
                return Err(VfsError::NotFound); // it went with the file
            }
            let stream = node.streams.iter_mut().find(|stream| stream.key == key && !stream.gone);
            stream.ok_or(VfsError::NotFound)?.gone = true;
            node.changed = now;
            return Ok(());
        }
        if gone {
            return Err(VfsError::NotFound);
        }
        if file.link == ROOT_LINK {
            return Err(VfsError::PermissionDenied);
        }
        if !node.entries.is_empty() {
            return Err(VfsError::NotEmpty);
        }
        node.changed = now;
        state.remove_link(file.link);
        state.node_mut(parent).wrote(now);
        Ok(())
    }

    fn snapshots(&self) -> Result<Vec<FileTime>, VfsError> {
        Ok(Vec::new())
    }

    fn snapshot(&self, _: FileTime) -> Result<Arc<dyn Volume>, VfsError> {
        Err(VfsError::NotFound)
    }

    fn sync(&self) -> Result<(), VfsError> {
        Ok(())
    }
}

impl MemoryFile {
    fn state(&self) -> MutexGuard<'_, State> {
        self.volume.state.lock()
    }

    fn data<'s>(&self, state: &'s State) -> Result<&'s Pages, VfsError> {
        let node = state.node(self.id);
        match self.stream {
            Some(key) if !node.is_unnamed(key) => {
                let stream = node.streams.iter().find(|stream| stream.key == key);
                stream.map(|stream| &stream.data).ok_or(VfsError::NotFound)
            }
            None if node.kind == NodeKind::Directory => Err(VfsError::IsADirectory),
            _ => Ok(&node.data),
        }
    }

    fn data_mut<'s>(&self, state: &'s mut State) -> Result<&'s mut Pages, VfsError> {
        let node = state.node_mut(self.id);
        match self.stream {
            Some(key) if !node.is_unnamed(key) => {
                let stream = node.streams.iter_mut().find(|stream| stream.key == key);
                stream.map(|stream| &mut stream.data).ok_or(VfsError::NotFound)
            }
            None if node.kind == NodeKind::Directory => Err(VfsError::IsADirectory),
            _ => Ok(&mut node.data),
        }
    }

    fn wrote(&self, state: &mut State) {
        let now = (self.volume.clock)();
        state.node_mut(self.id).wrote(now);
    }

    fn write_locked(&self, state: &mut State, offset: u64, data: &[u8]) -> Result<Option<u64>, VfsError> {
        check_range(offset, data.len() as u64)?;
        let before = self.data(state)?.size_bytes();
        let growth = self.data(state)?.growth_of_write(offset, data.len() as u64);
        state.check_growth(growth)?;
        self.data_mut(state)?.write(offset, data);
        if !data.is_empty() {
            self.wrote(state);
        }
        Ok((self.data(state)?.size_bytes() > before).then_some(before))
    }

    fn directory<'s>(&self, state: &'s State) -> Result<&'s Node, VfsError> {
        let node = state.node(self.id);
        if node.kind == NodeKind::Directory && self.stream.is_none() {
            Ok(node)
        } else {
            Err(VfsError::NotADirectory)
        }
    }
}

/// Offsets are signed on disk.
fn check_range(offset: u64, length_bytes: u64) -> Result<(), VfsError> {
    match offset.checked_add(length_bytes) {
        Some(end) if i64::try_from(end).is_ok() => Ok(()),
        _ => Err(VfsError::OutOfRange),
    }
}

impl Drop for MemoryFile {
    fn drop(&mut self) {
        self.state().closed(self.link, self.stream);
    }
}

impl File for MemoryFile {
    fn id(&self) -> NodeId {
        self.id
    }

    fn path(&self) -> VfsPath {
        self.state().path(self.link)
    }

    fn read(&self, offset: u64, buffer: &mut [u8], _: Wait) -> Result<usize, VfsError> {
        check_range(offset, 0)?;
        Ok(self.data(&self.state())?.read(offset, buffer))
    }

    fn as_fd(&self) -> Option<BorrowedFd<'_>> {
        None
    }

    fn write(&self, offset: u64, data: &[u8]) -> Result<Option<u64>, VfsError> {
        self.write_locked(&mut self.state(), offset, data)
    }

    fn flush(&self) -> Result<(), VfsError> {
        Ok(())
    }

    fn set_size(&self, size_bytes: u64) -> Result<(), VfsError> {
        check_range(size_bytes, 0)?;
        let mut state = self.state();
        self.data_mut(&mut state)?.set_size(size_bytes);
        self.wrote(&mut state);
        Ok(())
    }

    fn allocate(&self, allocated_bytes: u64) -> Result<(), VfsError> {
        check_range(allocated_bytes, 0)?;
        let mut state = self.state();
        let growth = self.data(&state)?.growth_of_reserve(allocated_bytes);
        state.check_growth(growth)?;
        self.data_mut(&mut state)?.reserve(allocated_bytes);
        Ok(())
    }

    fn punch_hole(&self, offset: u64, length_bytes: u64) -> Result<(), VfsError> {
        check_range(offset, length_bytes)?;
        let mut state = self.state();
        self.data_mut(&mut state)?.punch_hole(offset, length_bytes);
        if length_bytes > 0 {
            self.wrote(&mut state);
        }
        Ok(())
    }

    fn allocated_ranges(
        &self,
        offset: u64,
        length_bytes: u64,
        limit: usize,
    ) -> Result<Vec<(u64, u64)>, VfsError> {
        Ok(self.data(&self.state())?.allocated_ranges(offset, length_bytes, limit))
    }

    fn copy_range(
        &self,
        source: &FileRef,
        source_offset: u64,
        offset: u64,
        length_bytes: u64,
    ) -> Result<u64, VfsError> {
        let source = own(source)?;
        check_range(source_offset, length_bytes)?;
        let mut state = self.state();
        self.data(&state)?;
        let data = source.data(&state)?;
        let there = data.size_bytes().saturating_sub(source_offset).min(length_bytes);
        let mut bytes = vec![0; usize::try_from(there).map_err(|_| VfsError::OutOfRange)?];
        data.read(source_offset, &mut bytes);
        self.write_locked(&mut state, offset, &bytes)?;
        Ok(there)
    }

    fn clone_range(
        &self,
        source: &FileRef,
        source_offset: u64,
        offset: u64,
        length_bytes: u64,
    ) -> Result<(), VfsError> {
        let size_bytes = own(source)?.data(&self.state())?.size_bytes();
        let end = source_offset.checked_add(length_bytes).ok_or(VfsError::OutOfRange)?;
        let whole = length_bytes.is_multiple_of(PAGE_BYTES) || end == size_bytes;
        if !source_offset.is_multiple_of(PAGE_BYTES)
            || !offset.is_multiple_of(PAGE_BYTES)
            || !whole
            || end > size_bytes
        {
            return Err(VfsError::OutOfRange);
        }
        self.copy_range(source, source_offset, offset, length_bytes).map(|_| ())
    }

    fn metadata(&self) -> Result<Metadata, VfsError> {
        Ok(self.state().node(self.id).metadata(self.id, self.stream))
    }

    fn set_metadata(&self, change: &MetadataChange) -> Result<(), VfsError> {
        let mut state = self.state();
        let node = state.node_mut(self.id);
        if let Some(attributes) = change.attributes {
            node.attributes = node
                .attributes
                .difference(FileAttributes::SETTABLE)
                .union(attributes.intersection(FileAttributes::SETTABLE));
        }
        if let Some(sparse) = change.sparse {
            node.attributes.set(FileAttributes::SPARSE_FILE, sparse);
        }
        node.created = change.created.unwrap_or(node.created);
        node.accessed = change.accessed.unwrap_or(node.accessed);
        node.modified = change.modified.unwrap_or(node.modified);
        node.changed = change.changed.unwrap_or(node.changed);
        Ok(())
    }

    fn overwrite(&self, new: &NewNode, supersede_security: bool) -> Result<Metadata, VfsError> {
        let mut state = self.state();
        self.data(&state)?;
        let mut data = Pages::default();
        let growth = data.growth_of_reserve(new.allocation_bytes);
        data.reserve(new.allocation_bytes);
        let freed = self.data(&state)?.allocated_bytes();
        state.check_growth(growth.saturating_sub(freed))?;
        let mut extended_attributes = Vec::new();
        ea::apply(&mut extended_attributes, &new.extended_attributes)?;
        *self.data_mut(&mut state)? = data;
        let node = state.node_mut(self.id);
        if self.stream.is_none() {
            node.remove_streams();
            node.extended_attributes = extended_attributes;
            node.attributes = new.attributes.intersection(FileAttributes::SETTABLE);
            node.reparse = None;
            if supersede_security {
                node.security = Arc::clone(&new.security);
            }
        }
        node.accessed = new.now;
        node.wrote(new.now);
        Ok(node.metadata(self.id, self.stream))
    }

    fn security(&self) -> Result<Arc<SecurityDescriptor>, VfsError> {
        Ok(Arc::clone(&self.state().node(self.id).security))
    }

    fn set_security(&self, security: Arc<SecurityDescriptor>, now: FileTime) -> Result<(), VfsError> {
        let mut state = self.state();
        let node = state.node_mut(self.id);
        node.security = security;
        node.changed = now;
        Ok(())
    }

    fn change_security(
        &self,
        change: &mut SecurityChange<'_>,
        now: FileTime,
    ) -> Result<Option<Arc<SecurityDescriptor>>, VfsError> {
        loop {
            let present = self.security()?;
            // Not under the lock: it may look at other files.
            let Some(new) = change(&present)? else { return Ok(None) };
            let mut state = self.state();
            let node = state.node_mut(self.id);
            if Arc::ptr_eq(&node.security, &present) {
                node.security = Arc::clone(&new);
                node.changed = now;
                return Ok(Some(new));
            }
        }
    }

    fn extended_attributes(&self) -> Result<Vec<ExtendedAttribute>, VfsError> {
        Ok(self.state().node(self.id).extended_attributes.clone())
    }

    fn set_extended_attributes(&self, changes: &[ExtendedAttribute], now: FileTime) -> Result<(), VfsError> {
        let mut state = self.state();
        let node = state.node_mut(self.id);
        ea::apply(&mut node.extended_attributes, changes)?;
        node.changed = now;
        Ok(())
    }

    fn streams(&self) -> Result<Vec<StreamEntry>, VfsError> {
        let state = self.state();
        let node = state.node(self.id);
        let unnamed = (node.kind == NodeKind::File).then(|| (Wtf8Buf::new(), &node.data));
        let named = node
            .streams
            .iter()
            .filter(|stream| !stream.gone)
            .map(|stream| (stream.name.clone(), &stream.data));
        let mut entries: Vec<StreamEntry> = unnamed
            .into_iter()
            .chain(named)
            .map(|(name, data)| StreamEntry {
                name,
                size_bytes: data.size_bytes(),
                allocated_bytes: data.allocated_bytes(),
            })
            .collect();
        entries.sort_by(|a, b| super::listing_order(a.name.as_wtf8(), b.name.as_wtf8()));
        Ok(entries)
    }

    fn rename_stream(&self, to: Wtf8<'_>, existing: Existing, now: FileTime) -> Result<(), VfsError> {
        let Some(key) = self.stream else { return Err(VfsError::NotSupported) };
        if check_stream_name(to).is_err() {
            return Err(VfsError::NameInvalid);
        }
        let mut state = self.state();
        let node = state.node_mut(self.id);
        if !node.streams.iter().any(|stream| stream.key == key && !stream.gone) {
            return Err(VfsError::NotFound);
        }
        if to.is_empty() {
            if node.kind == NodeKind::Directory {
                return Err(VfsError::IsADirectory);
            }
            if existing == Existing::Keep {
                return Err(VfsError::Exists);
            }
            if node.data.size_bytes() != 0 {
                return Err(VfsError::NotEmpty);
            }
            if let Some(stream) = node.streams.iter_mut().find(|stream| stream.key == key) {
                node.data = std::mem::take(&mut stream.data);
                stream.gone = true;
                stream.unnamed = true;
            }
            node.changed = now;
            return Ok(());
        }
        let taken =
            |stream: &Stream| !stream.gone && stream.key != key && eq_ignore_case(stream.name.as_wtf8(), to);
        if node.streams.iter().any(taken) {
            if existing == Existing::Keep {
                return Err(VfsError::Exists);
            }
            node.streams.iter_mut().filter(|stream| taken(stream)).for_each(|stream| stream.gone = true);
            node.streams.retain(|stream| !stream.gone || stream.handles > 0);
        }
        if let Some(stream) = node.streams.iter_mut().find(|stream| stream.key == key) {
            stream.name = to.to_owned();
        }
        node.changed = now;
        Ok(())
    }

    fn set_compressed(&self, _: bool) -> Result<(), VfsError> {
        Err(VfsError::NotSupported)
    }

    fn reparse_data(&self) -> Result<Vec<u8>, VfsError> {
        self.state().node(self.id).reparse.clone().ok_or(VfsError::NotFound)
    }

    fn set_reparse_data(&self, data: Option<&[u8]>, now: FileTime) -> Result<(), VfsError> {
        let mut state = self.state();
        let node = state.node_mut(self.id);
        match data {
            Some(data) if data.len() < 8 || data.len() > MAX_REPARSE_BYTES => {
                return Err(VfsError::OutOfRange);
            }
            Some(_) if !node.entries.is_empty() => return Err(VfsError::NotEmpty),
            None if node.reparse.is_none() => return Err(VfsError::NotFound),
            _ => node.reparse = data.map(<[u8]>::to_vec),
        }
        node.changed = now;
        Ok(())
    }

    fn list(
        &self,
        cursor: DirectoryCursor,
        visit: &mut dyn FnMut(Wtf8<'_>, &Metadata) -> bool,
    ) -> Result<Option<DirectoryCursor>, VfsError> {
        self.list_secured(cursor, &mut |name, metadata, _| visit(name, metadata))
    }

    fn list_secured(
        &self,
        cursor: DirectoryCursor,
        visit: &mut dyn FnMut(Wtf8<'_>, &Metadata, &Arc<SecurityDescriptor>) -> bool,
    ) -> Result<Option<DirectoryCursor>, VfsError> {
        let mut pinned = self.listing.lock();
        let listing = match &*pinned {
            Some(listing) if cursor != DirectoryCursor::default() => Arc::clone(listing),
            _ => {
                let state = self.state();
                let links = self.directory(&state)?.entries.values();
                let mut all: Vec<(Wtf8Buf, LinkId)> =
                    links.map(|link| (state.link(*link).name.clone(), *link)).collect();
                all.sort_by(|a, b| super::listing_order(a.0.as_wtf8(), b.0.as_wtf8()));
                Arc::clone(pinned.insert(Arc::new(Listing(all))))
            }
        };
        drop(pinned);
        let start = usize::try_from(cursor.0).unwrap_or(usize::MAX);
        for (at, (name, link)) in listing.0.iter().enumerate().skip(start) {
            let found = {
                let state = self.state();
                let link = state.live_link(*link, self.id, name.as_wtf8());
                link.map(|link| {
                    let node = state.node(link.node);
                    (node.metadata(link.node, None), Arc::clone(&node.security))
                })
            };
            if let Some((metadata, security)) = found
                && !visit(name.as_wtf8(), &metadata, &security)
            {
                return Ok(Some(DirectoryCursor(at as u64)));
            }
        }
        *self.listing.lock() = None;
        Ok(None)
    }

    fn entry(&self, name: Wtf8<'_>) -> Result<Option<DirectoryEntry>, VfsError> {
        let state = self.state();
        self.directory(&state)?;
        Ok(state.entry(self.id, name, NameCase::Ignored).map(|link| {
            let link = state.link(link);
            DirectoryEntry {
                name: link.name.clone(),
                metadata: state.node(link.node).metadata(link.node, None),
            }
        }))
    }

    fn is_empty(&self) -> Result<bool, VfsError> {
        Ok(self.directory(&self.state())?.entries.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vfs::conformance::{self, NOW, create, descriptor, opened, path};

    fn fresh() -> MemoryVolume {
        MemoryVolume::new(MemoryOptions::new(descriptor(0x1F01FF)))
    }

    #[test]
    fn conforms() {
        conformance::run(&fresh);
    }

    #[test]
    fn capacity_runs_out_and_the_old_content_stays() {
        let volume = fresh();
        let file = create(&volume, "f", NodeKind::File).file;
        file.0.write(0, &[1; 8192]).unwrap();
        volume.set_capacity(12_288);
        assert_eq!(file.0.write(4096, &[2; 8193]), Err(VfsError::DiskFull));
        assert_eq!(conformance::contents(&file), vec![1; 8192]);
        file.0.write(4096, &[2; 8192]).unwrap();
        assert_eq!(volume.space().unwrap().available_bytes, 0);
        assert_eq!(file.0.allocate(1 << 20), Err(VfsError::DiskFull));
        let mut big = conformance::new_node(NodeKind::File);
        big.allocation_bytes = 4096;
        let root = opened(&volume, "").file;
        assert_eq!(volume.create(&root, "g".into(), &big).unwrap_err(), VfsError::DiskFull);
        file.0.set_size(0).unwrap();
        volume.create(&root, "g".into(), &big).unwrap();
    }

    #[test]
    fn time_comes_from_the_clock() {
        let mut options = MemoryOptions::new(descriptor(1));
        options.clock = Arc::new(|| FileTime(NOW.0 + 77));
        let volume = MemoryVolume::new(options);
        let file = create(&volume, "f", NodeKind::File);
        assert_eq!(file.metadata.created, NOW);
        file.file.0.write(0, b"x").unwrap();
        assert_eq!(file.file.0.metadata().unwrap().modified, FileTime(NOW.0 + 77));
    }

    #[test]
    fn nothing_is_left_of_what_is_unlinked_and_closed() {
        let volume = fresh();
        let file = create(&volume, "f", NodeKind::File).file;
        volume.create_stream(&file, "s".into(), NOW).unwrap().file.0.write(0, &[1; 5000]).unwrap();
        file.0.write(0, &[1; 5000]).unwrap();
        volume.rename(&file, &path("g"), Existing::Keep, NOW).unwrap();
        volume.unlink(&file).unwrap();
        assert_eq!(volume.inner.state.lock().used_bytes(), 16_384);
        drop(file);
        assert_eq!(volume.inner.state.lock().used_bytes(), 0);
    }
}
