//! The tree of a [`super::MemoryVolume`]: nodes, the links that name them, and the space they take.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use freehold_acl::SecurityDescriptor;
use freehold_dtyp::{FileTime, Wtf8, Wtf8Buf};

use super::pages::Pages;
use crate::fscc::FileAttributes;
use crate::fscc::fsctl::reparse::NfsType;
use crate::fscc::upcase::{eq_ignore_case, fold};
use crate::vfs::{
    ExtendedAttribute, Metadata, NameCase, NodeId, NodeKind, VfsError, VfsPath, ea, is_reserved,
};

/// Id of the root directory.
pub(super) const ROOT: NodeId = NodeId(1);

/// Names a link: an entry of a directory that open handles follow through renames.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct LinkId(pub(super) u64);

/// Where an entry stands in its directory: names in their order, those that differ in case side by side.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct EntryKey {
    folded: Wtf8Buf,
    name: Wtf8Buf,
}

impl EntryKey {
    pub(super) fn new(name: Wtf8<'_>) -> Self {
        EntryKey { folded: fold(name), name: name.to_owned() }
    }
}

/// The root's own link, which has no parent.
pub(super) const ROOT_LINK: LinkId = LinkId(0);

#[derive(Debug)]
pub(super) struct Link {
    pub(super) node: NodeId,
    pub(super) parent: NodeId,
    pub(super) name: Wtf8Buf,
    /// No longer in its directory.
    pub(super) gone: bool,
    pub(super) handles: u64,
}

#[derive(Debug)]
pub(super) struct Stream {
    pub(super) key: u64,
    pub(super) name: Wtf8Buf,
    pub(super) data: Pages,
    pub(super) gone: bool,
    /// It became the unnamed stream: its handles are handles of the file's data.
    pub(super) unnamed: bool,
    pub(super) handles: u64,
}

#[derive(Debug)]
pub(super) struct Node {
    pub(super) kind: NodeKind,
    /// Settable attributes and SPARSE_FILE.
    pub(super) attributes: FileAttributes,
    pub(super) created: FileTime,
    pub(super) accessed: FileTime,
    pub(super) modified: FileTime,
    pub(super) changed: FileTime,
    pub(super) security: Arc<SecurityDescriptor>,
    pub(super) extended_attributes: Vec<ExtendedAttribute>,
    pub(super) reparse: Option<Vec<u8>>,
    pub(super) data: Pages,
    pub(super) streams: Vec<Stream>,
    /// Entries by upper-case name, then by the name itself.
    pub(super) entries: BTreeMap<EntryKey, LinkId>,
    /// The link that names a directory.
    pub(super) link: LinkId,
    pub(super) links: u32,
    pub(super) handles: u64,
}

impl Node {
    pub(super) fn metadata(&self, id: NodeId, stream: Option<u64>) -> Metadata {
        let data = match stream {
            Some(key) if !self.is_unnamed(key) => {
                self.streams.iter().find(|stream| stream.key == key).map(|stream| &stream.data)
            }
            _ => Some(&self.data),
        };
        let reparse_tag = self
            .reparse
            .as_deref()
            .and_then(|data| data.first_chunk::<4>())
            .map_or(0, |tag| u32::from_le_bytes(*tag));
        let mut attributes = self.attributes;
        attributes.set(FileAttributes::DIRECTORY, self.kind == NodeKind::Directory);
        attributes.set(FileAttributes::REPARSE_POINT, self.reparse.is_some());
        Metadata {
            id,
            kind: self.kind,
            attributes,
            created: self.created,
            accessed: self.accessed,
            modified: self.modified,
            changed: self.changed,
            size_bytes: data.map_or(0, Pages::size_bytes),
            allocated_bytes: data.map_or(0, Pages::allocated_bytes),
            links: self.links,
            ea_size_bytes: ea::size_bytes(&self.extended_attributes),
            reparse_tag,
            nfs_type: self.reparse.as_deref().map_or(NfsType::NONE, NfsType::of_buffer),
        }
    }

    /// The stream with this key became the unnamed one.
    pub(super) fn is_unnamed(&self, key: u64) -> bool {
        self.streams.iter().any(|stream| stream.key == key && stream.unnamed)
    }

    /// The stream of that name that is still in the file.
    pub(super) fn stream(&self, name: Wtf8<'_>) -> Option<&Stream> {
        self.streams.iter().find(|stream| !stream.gone && eq_ignore_case(stream.name.as_wtf8(), name))
    }

    /// Takes every named stream out of the file; those that are open live until they are closed.
    pub(super) fn remove_streams(&mut self) {
        self.streams.iter_mut().for_each(|stream| stream.gone = true);
        self.streams.retain(|stream| stream.handles > 0);
    }

    pub(super) fn wrote(&mut self, now: FileTime) {
        self.modified = now;
        self.changed = now;
    }

    fn allocated_bytes(&self) -> u64 {
        self.streams.iter().map(|stream| stream.data.allocated_bytes()).sum::<u64>()
            + self.data.allocated_bytes()
    }
}

#[derive(Debug)]
pub(super) struct State {
    nodes: HashMap<NodeId, Node>,
    links: HashMap<LinkId, Link>,
    pub(super) next: u64,
    pub(super) capacity_bytes: u64,
}

/// What a path leads to.
pub(super) enum Found {
    /// The link of the last component.
    Link(LinkId),
    /// The directory is there, the name is not.
    Missing(LinkId),
    NoPath,
    NotADirectory,
    Reparse(usize, Vec<u8>),
}

impl State {
    pub(super) fn new(root: Node, capacity_bytes: u64) -> Self {
        let link = Link { node: ROOT, parent: ROOT, name: Wtf8Buf::new(), gone: false, handles: 1 };
        State {
            nodes: HashMap::from([(ROOT, root)]),
            links: HashMap::from([(ROOT_LINK, link)]),
            next: ROOT.0 + 1,
            capacity_bytes,
        }
    }

    /// INVARIANT: a handle or an entry keeps its node, so `id` from one of them is in the table.
    pub(super) fn node(&self, id: NodeId) -> &Node {
        &self.nodes[&id]
    }

    pub(super) fn node_mut(&mut self, id: NodeId) -> &mut Node {
        self.nodes.get_mut(&id).expect("a handle or an entry keeps its node")
    }

    pub(super) fn link(&self, id: LinkId) -> &Link {
        &self.links[&id]
    }

    pub(super) fn link_mut(&mut self, id: LinkId) -> &mut Link {
        self.links.get_mut(&id).expect("a handle or an entry keeps its link")
    }

    /// The link if it is still in the directory under that name: a listing may be older than a rename.
    pub(super) fn live_link(&self, id: LinkId, parent: NodeId, name: Wtf8<'_>) -> Option<&Link> {
        self.links.get(&id).filter(|link| !link.gone && link.parent == parent && link.name.as_wtf8() == name)
    }

    pub(super) fn fresh(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    pub(super) fn insert_node(&mut self, node: Node) -> NodeId {
        let id = NodeId(self.fresh());
        self.nodes.insert(id, node);
        id
    }

    /// Names `node` in `parent`; the caller has checked that the name is free.
    pub(super) fn insert_link(&mut self, parent: NodeId, name: Wtf8<'_>, node: NodeId) -> LinkId {
        let id = LinkId(self.fresh());
        self.links.insert(id, Link { node, parent, name: name.to_owned(), gone: false, handles: 0 });
        self.node_mut(parent).entries.insert(EntryKey::new(name), id);
        let target = self.node_mut(node);
        target.links += 1;
        target.link = id;
        id
    }

    /// Takes a link out of its directory; the node goes with the last link and the last handle.
    pub(super) fn remove_link(&mut self, id: LinkId) {
        let link = self.link_mut(id);
        link.gone = true;
        let (node, parent, key, unused) =
            (link.node, link.parent, EntryKey::new(link.name.as_wtf8()), link.handles == 0);
        self.node_mut(parent).entries.remove(&key);
        if unused {
            self.links.remove(&id);
        }
        self.node_mut(node).links -= 1;
        self.drop_if_unused(node);
    }

    pub(super) fn opened(&mut self, link: LinkId, stream: Option<u64>) {
        let entry = self.link_mut(link);
        entry.handles += 1;
        let id = entry.node;
        let node = self.node_mut(id);
        node.handles += 1;
        if let Some(open) = node.streams.iter_mut().find(|open| Some(open.key) == stream) {
            open.handles += 1;
        }
    }

    pub(super) fn closed(&mut self, link: LinkId, stream: Option<u64>) {
        let entry = self.link_mut(link);
        entry.handles -= 1;
        let (id, unused) = (entry.node, entry.handles == 0 && entry.gone);
        if unused {
            self.links.remove(&link);
        }
        let node = self.node_mut(id);
        node.handles -= 1;
        if let Some(open) = node.streams.iter_mut().find(|open| Some(open.key) == stream) {
            open.handles -= 1;
        }
        node.streams.retain(|open| !open.gone || open.handles > 0);
        self.drop_if_unused(id);
    }

    fn drop_if_unused(&mut self, id: NodeId) {
        let node = self.node(id);
        if node.links == 0 && node.handles == 0 && id != ROOT {
            self.nodes.remove(&id);
        }
    }

    pub(super) fn path(&self, mut link: LinkId) -> VfsPath {
        let mut names = Vec::new();
        while link != ROOT_LINK {
            let Some(entry) = self.links.get(&link) else { break };
            names.push(entry.name.as_wtf8());
            link = self.nodes.get(&entry.parent).map_or(ROOT_LINK, |parent| parent.link);
        }
        let mut text = Wtf8Buf::new();
        for name in names.into_iter().rev() {
            if !text.is_empty() {
                text.push_ascii(b'/');
            }
            text.push(name);
        }
        VfsPath::new(text).unwrap_or_default()
    }

    /// The entry of that name in a directory: in this spelling if there is one, else (unless `case` is exact) the first
    /// that differs in case only.
    pub(super) fn entry(&self, directory: NodeId, name: Wtf8<'_>, case: NameCase) -> Option<LinkId> {
        let key = EntryKey::new(name);
        let entries = &self.node(directory).entries;
        if let Some(link) = entries.get(&key) {
            return Some(*link);
        }
        if case != NameCase::Ignored {
            return None;
        }
        let first = EntryKey { folded: key.folded.clone(), name: Wtf8Buf::new() };
        let (found, link) = entries.range(first..).next()?;
        (found.folded == key.folded).then_some(*link)
    }

    pub(super) fn find(&self, path: &VfsPath, case: NameCase) -> Found {
        let mut at = ROOT_LINK;
        let mut components = path.components().enumerate().peekable();
        while let Some((index, name)) = components.next() {
            let here = self.link(at).node;
            if index > 0
                && let Some(data) = &self.node(here).reparse
            {
                return Found::Reparse(index - 1, data.clone());
            }
            if self.node(here).kind != NodeKind::Directory {
                return Found::NotADirectory;
            }
            let hidden = index == 0 && is_reserved(name);
            let case = if case.is_exact_at(index) { case } else { NameCase::Ignored };
            match self.entry(here, name, case).filter(|_| !hidden) {
                Some(next) => at = next,
                None if components.peek().is_none() => return Found::Missing(at),
                None => return Found::NoPath,
            }
        }
        Found::Link(at)
    }

    pub(super) fn used_bytes(&self) -> u64 {
        self.nodes.values().map(Node::allocated_bytes).sum()
    }

    /// Refuses what would take more than the capacity.
    pub(super) fn check_growth(&self, growth_bytes: u64) -> Result<(), VfsError> {
        if growth_bytes > 0
            && self.capacity_bytes != u64::MAX
            && self.used_bytes().saturating_add(growth_bytes) > self.capacity_bytes
        {
            return Err(VfsError::DiskFull);
        }
        Ok(())
    }

    /// True when `node` is `ancestor` or lies below it.
    pub(super) fn is_below(&self, mut node: NodeId, ancestor: NodeId) -> bool {
        loop {
            if node == ancestor {
                return true;
            }
            if node == ROOT {
                return false;
            }
            node = self.link(self.node(node).link).parent;
        }
    }
}
