//! What is asked about: a path becomes a file of an opened volume, with the folders above it and the share before it.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use freehold_acl::{Ace, AceFlags, Acl, SecurityDescriptor, parse_entry};
use freehold_dtyp::{Sid, Wtf8Buf};

use super::subject::Subject;
use crate::admin::home_share;
use crate::admin::running::RunningServer;
use crate::fscc::FileAttributes;
use crate::state::{Share, State};
use crate::vfs::{DataUse, NodeId, NodeKind, OpenError, Opened, VfsPath, Volume};

/// A file that is there.
pub(super) struct Found {
    pub(super) id: NodeId,
    pub(super) kind: NodeKind,
    /// FILE_ATTRIBUTE_READONLY, where it keeps the data from being changed.
    pub(super) read_only: bool,
    /// The descriptor of its folder; `None` for the root of a volume.
    pub(super) parent: Option<Arc<SecurityDescriptor>>,
}

/// A folder above the file.
pub(super) struct Ancestor {
    pub(super) path: VfsPath,
    pub(super) security: Arc<SecurityDescriptor>,
}

pub(super) struct Target {
    pub(super) volume_name: String,
    pub(super) share: Option<Arc<Share>>,
    /// The share's folder below the volume's root, this user's where it varies; `None` without a share, or where it cannot be told.
    share_folder: Option<String>,
    /// Below the volume's root, in the spelling on disk.
    pub(super) path: VfsPath,
    /// `None` when only its folder is there.
    pub(super) found: Option<Found>,
    /// The file's descriptor, or that of the folder in which it would be made.
    security: Arc<SecurityDescriptor>,
    /// The folders above what `security` is of, the nearest first.
    pub(super) above: Vec<Ancestor>,
    /// Shares that lead to it, when none was named and several do.
    pub(super) also_through: Vec<String>,
}

/// Where a path leads before it is opened.
struct Place {
    volume: String,
    path: String,
    share: Option<Arc<Share>>,
    /// See [`Target::share_folder`].
    share_folder: Option<String>,
    /// `path` was given below the share.
    is_below_share: bool,
    also_through: Vec<String>,
}

impl Target {
    pub(super) fn find(
        state: &State,
        server: &dyn RunningServer,
        path: &str,
        share: Option<&str>,
        subject: &Subject,
    ) -> anyhow::Result<Target> {
        let mut place = locate(state, path, share, subject)?;
        let volume = server
            .volume(&place.volume)
            .ok_or_else(|| anyhow::anyhow!("the volume {:?} is not open on this server", place.volume))?;
        if let (Some(share), Some(folder)) = (&place.share, &place.share_folder)
            && home_share::varies(share)
        {
            place.share_folder = match home_on_disk(volume.as_ref(), folder, share, &subject.name) {
                Ok(folder) => Some(folder),
                Err(error) if place.is_below_share => return Err(error),
                Err(_) => None,
            };
        }
        let wanted = vfs_path(&place.path)?;
        let (opened, missing) = match volume.open(&wanted, None, DataUse::READ) {
            Ok(opened) => (opened, None),
            Err(OpenError::NotFound(folder)) => {
                let name = wanted.split_last().map(|(_, name)| name.to_owned()).unwrap_or_default();
                (*folder, Some(name))
            }
            Err(OpenError::PathNotFound | OpenError::NotADirectory) => {
                anyhow::bail!("{path}: a folder on the way is not there");
            }
            Err(OpenError::StreamNotFound(_) | OpenError::Reparse { .. }) => {
                anyhow::bail!("{path}: a symbolic link stands on the way; ask about what it leads to");
            }
            Err(OpenError::Failed(error)) => anyhow::bail!("{path} cannot be opened: {error}"),
        };
        let above = ancestors(volume.as_ref(), &opened.path)?;
        let path = match &missing {
            Some(name) => opened.path.join(&VfsPath::new(name.clone()).unwrap_or_default()),
            None => opened.path.clone(),
        };
        Ok(Target {
            volume_name: place.volume,
            share: place.share,
            share_folder: place.share_folder,
            path,
            found: missing.is_none().then(|| found(&opened, &above)),
            security: Arc::clone(&opened.security),
            above,
            also_through: place.also_through,
        })
    }

    pub(super) fn is_directory(&self) -> bool {
        self.found.as_ref().is_some_and(|found| found.kind == NodeKind::Directory)
    }

    /// `share:/folder/file`, or with the volume's name where there is no share.
    pub(super) fn display(&self) -> String {
        self.display_path(&self.path)
    }

    /// The folder that `security` is of, for one that would be made; else the file.
    pub(super) fn described(&self) -> String {
        match self.path.split_last() {
            Some((folder, _)) if self.found.is_none() => self.display_path(&folder),
            _ => self.display(),
        }
    }

    /// A path of the volume as the question would name it.
    pub(super) fn display_path(&self, path: &VfsPath) -> String {
        let text = |path: &VfsPath| String::from_utf8_lossy(path.as_wtf8().as_bytes()).into_owned();
        let whole = text(path);
        if let (Some(share), Some(root)) = (&self.share, &self.share_folder) {
            let below =
                if root.is_empty() { Some(whole.as_str()) } else { whole.strip_prefix(root.as_str()) };
            if let Some(below) =
                below.filter(|below| root.is_empty() || below.is_empty() || below.starts_with('/'))
            {
                return format!("{}:/{}", share.name, below.trim_start_matches('/'));
            }
        }
        let note = if self.share_folder.is_some() { " (on the volume, above the share)" } else { "" };
        format!("{}:/{whole}{note}", self.volume_name)
    }

    /// The descriptor with further entries, each where the canonical order has it.
    pub(super) fn with_aces(&self, aces: &[String], subject: &Subject) -> anyhow::Result<SecurityDescriptor> {
        let mut descriptor = SecurityDescriptor::clone(&self.security);
        for text in aces {
            add_ace(&mut descriptor, read_ace(text, subject)?)
                .map_err(|_| anyhow::anyhow!("the list has no room for {text:?}"))?;
        }
        Ok(descriptor)
    }

    /// True for an entry that only the what-if has.
    pub(super) fn is_assumed(&self, ace: &Ace) -> bool {
        self.security.dacl.acl().is_none_or(|acl| !acl.aces().contains(ace))
    }

    /// What the descriptor has that the file has not, for people.
    pub(super) fn what_if(&self, descriptor: &SecurityDescriptor) -> Vec<String> {
        let parts = [(&descriptor.dacl, &self.security.dacl), (&descriptor.sacl, &self.security.sacl)];
        let lists = parts.into_iter().map(|(new, old)| {
            let old = old.acl().map_or(&[][..], Acl::aces);
            new.acl().map_or(&[][..], Acl::aces).iter().filter(move |ace| !old.contains(ace))
        });
        lists.flatten().map(|ace| format!("{} has the entry {}", self.described(), ace.to_sddl())).collect()
    }

    /// The folder above from which an inherited entry comes: the nearest one that has it as its own.
    pub(super) fn inherited_from(&self, ace: &Ace) -> Option<String> {
        let for_folder = self.found.is_none() || self.is_directory();
        let reach = if for_folder { AceFlags::CONTAINER_INHERIT } else { AceFlags::OBJECT_INHERIT };
        for (distance, ancestor) in self.above.iter().enumerate() {
            // A folder hands on to folders below it what is for files only, too.
            let reach = if distance == 0 { reach } else { reach | AceFlags::CONTAINER_INHERIT };
            let aces = ancestor.security.dacl.acl().map_or(&[][..], Acl::aces);
            let own = aces.iter().any(|source| {
                !source.flags().intersects(AceFlags::INHERITED)
                    && source.flags().intersects(reach)
                    && (distance == 0 || !source.flags().intersects(AceFlags::NO_PROPAGATE_INHERIT))
                    && is_heir(ace, source, &self.security)
            });
            if own {
                return Some(self.display_path(&ancestor.path));
            }
        }
        None
    }
}

/// True when an object with this descriptor could have `ace` from `source`.
fn is_heir(ace: &Ace, source: &Ace, descriptor: &SecurityDescriptor) -> bool {
    let stands_for = match *source.sid() {
        Sid::CREATOR_OWNER => descriptor.owner.unwrap_or(Sid::CREATOR_OWNER),
        Sid::CREATOR_GROUP => descriptor.group.unwrap_or(Sid::CREATOR_GROUP),
        sid => sid,
    };
    let mapping = &freehold_acl::GenericMapping::FILE;
    source.ace_type() == ace.ace_type()
        && (stands_for == *ace.sid() || source.sid() == ace.sid())
        && mapping.map_generic(source.mask()) == mapping.map_generic(ace.mask())
        && source.data() == ace.data()
        && source.object_types() == ace.object_types()
}

fn found(opened: &Opened, above: &[Ancestor]) -> Found {
    let metadata = &opened.metadata;
    Found {
        id: metadata.id,
        kind: metadata.kind,
        read_only: metadata.kind == NodeKind::File && metadata.attributes.contains(FileAttributes::READONLY),
        parent: above.first().map(|folder| Arc::clone(&folder.security)),
    }
}

/// The folders above, the nearest first.
fn ancestors(volume: &dyn Volume, path: &VfsPath) -> anyhow::Result<Vec<Ancestor>> {
    let mut above = Vec::new();
    let mut here = path.split_last().map(|(folder, _)| folder);
    while let Some(folder) = here {
        let opened = volume
            .open(&folder, None, DataUse::READ)
            .map_err(|_| anyhow::anyhow!("a folder above was moved meanwhile: ask again"))?;
        here = folder.split_last().map(|(folder, _)| folder);
        above.push(Ancestor { path: opened.path, security: opened.security });
    }
    Ok(above)
}

/// A path with `/` or `\` between its components; the data of a file by name is the file.
fn vfs_path(path: &str) -> anyhow::Result<VfsPath> {
    let clean: Vec<&str> = path.split(['/', '\\']).filter(|part| !part.is_empty()).collect();
    let mut joined = clean.join("/");
    if let Some((file, stream)) = joined.split_once(':') {
        anyhow::ensure!(!stream.contains('/'), "{path:?} has a colon in the name of a folder");
        // A named stream has its file's descriptor.
        joined = file.to_owned();
    }
    VfsPath::new(Wtf8Buf::from(joined.as_str()))
        .ok_or_else(|| anyhow::anyhow!("{path:?} has a component `.` or `..`: give the plain path"))
}

/// The volume and the share that a path names.
fn locate(state: &State, path: &str, share: Option<&str>, subject: &Subject) -> anyhow::Result<Place> {
    let named = share.map(|name| share_called(state, name)).transpose()?;
    if let Some(rest) = path.strip_prefix("\\\\").or_else(|| path.strip_prefix("//")) {
        let mut parts = rest.splitn(3, ['\\', '/']);
        let _server = parts.next();
        let name = parts.next().filter(|name| !name.is_empty());
        let name = name
            .ok_or_else(|| anyhow::anyhow!("{path:?} has no share: give \\\\server\\share\\folder\\file"))?;
        let share = share_called(state, name)?;
        return below_share(named.unwrap_or(share), parts.next().unwrap_or_default(), subject);
    }
    if path.starts_with('/') {
        return on_this_machine(state, path, named, subject);
    }
    let Some((name, rest)) = path.split_once(':') else {
        anyhow::bail!(
            "{path:?} names no share: give share:/folder/file, \\\\server\\share\\folder\\file, or a path of this machine that starts with /"
        );
    };
    below_share(named.map_or_else(|| share_called(state, name), Ok)?, rest, subject)
}

fn share_called(state: &State, name: &str) -> anyhow::Result<Arc<Share>> {
    state
        .shares()
        .share(name)
        .cloned()
        .ok_or_else(|| anyhow::anyhow!("there is no share called {name:?}; `freehold share list` shows all"))
}

/// The share's folder, this user's where it varies.
fn share_folder(share: &Share, subject: &Subject) -> anyhow::Result<String> {
    home_share::folder(share, "", || Ok(Some(subject.principal.clone())))
}

/// The user's folder of a share that varies, in the spelling on disk.
fn home_on_disk(volume: &dyn Volume, folder: &str, share: &Share, user: &str) -> anyhow::Result<String> {
    match volume.open(&vfs_path(folder)?, None, DataUse::READ) {
        Ok(opened) => Ok(String::from_utf8_lossy(opened.path.as_wtf8().as_bytes()).into_owned()),
        Err(OpenError::NotFound(_) | OpenError::PathNotFound) => anyhow::bail!(
            "{user} has no folder in the share {} yet: {folder} is made when {user} connects to it for the first time",
            share.name
        ),
        Err(_) => {
            anyhow::bail!("{folder}, the folder of {user} in the share {}, cannot be opened", share.name)
        }
    }
}

fn below_share(share: Arc<Share>, rest: &str, subject: &Subject) -> anyhow::Result<Place> {
    let volume = share.settings.volume.clone();
    let folder = share_folder(&share, subject)?;
    let path = format!("{folder}/{rest}");
    Ok(Place {
        volume,
        path,
        share: Some(share),
        share_folder: Some(folder),
        is_below_share: true,
        also_through: Vec::new(),
    })
}

/// A path of this machine: the volume whose folder it is in, and the share if there is only one to it.
fn on_this_machine(
    state: &State,
    path: &str,
    named: Option<Arc<Share>>,
    subject: &Subject,
) -> anyhow::Result<Place> {
    let real = resolve(Path::new(path));
    let volumes = state.volumes();
    let found = volumes
        .iter()
        .filter_map(|volume| {
            let root = std::fs::canonicalize(&volume.path).unwrap_or_else(|_| volume.path.clone());
            let below = real.strip_prefix(&root).ok()?;
            Some((root.components().count(), volume.name.clone(), below.to_str()?.to_owned()))
        })
        .max();
    let Some((_, volume, below)) = found else {
        let roots: Vec<String> = volumes.iter().map(|volume| volume.path.display().to_string()).collect();
        anyhow::bail!("{path} is in no volume of this server; the volumes are {}", roots.join(", "));
    };
    let place = |share: Option<Arc<Share>>, share_folder, also_through| Place {
        volume: volume.clone(),
        path: below.clone(),
        share,
        share_folder,
        is_below_share: false,
        also_through,
    };
    if let Some(share) = named {
        let folder = share_folder(&share, subject).ok();
        return Ok(place(Some(share), folder, Vec::new()));
    }
    // A share whose folder cannot be told for this user leads nowhere in particular.
    let leads_to = |share: &Arc<Share>| {
        let folder = share_folder(share, subject).ok()?;
        let leads = share.settings.volume == volume
            && (folder.is_empty()
                || below.strip_prefix(&folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')));
        leads.then(|| (Arc::clone(share), folder))
    };
    let shares = state.shares();
    let mut leading: Vec<(Arc<Share>, String)> = shares.all().iter().filter_map(leads_to).collect();
    if leading.len() == 1
        && let Some((share, folder)) = leading.pop()
    {
        return Ok(place(Some(share), Some(folder), Vec::new()));
    }
    Ok(place(None, None, leading.iter().map(|(share, _)| share.name.clone()).collect()))
}

/// The path without symbolic links, as far as it is there.
fn resolve(path: &Path) -> std::path::PathBuf {
    if let Ok(real) = std::fs::canonicalize(path) {
        return real;
    }
    match (path.parent(), path.file_name()) {
        (Some(parent), Some(name)) => resolve(parent).join(name),
        _ => path.to_owned(),
    }
}

/// An entry as SDDL, or as icacls writes it: `anna:(OI)(CI)M`, `engineers:(RX)`, `bob:(DENY)(W)`.
fn read_ace(text: &str, subject: &Subject) -> anyhow::Result<Ace> {
    if text.trim_start().starts_with('(') {
        return Ace::from_sddl_of(text, &subject.domains)
            .map_err(|error| anyhow::anyhow!("the entry {text:?} is not valid SDDL: {error}"));
    }
    let find = |name: &str| subject.find_sid(name);
    let entry = parse_entry(text, false, find);
    Ok(entry
        .with_context(|| format!("{text:?} is no entry: give SDDL such as (A;;FR;;;BU), or anna:(OI)(CI)M"))?
        .ace())
}

/// Puts an entry where the canonical order has it; one of a SACL goes there.
fn add_ace(descriptor: &mut SecurityDescriptor, ace: Ace) -> Result<(), freehold_acl::AclTooLarge> {
    let ace_type = ace.ace_type();
    let in_dacl = ace_type.allows() || ace_type.denies();
    let part = if in_dacl { &mut descriptor.dacl } else { &mut descriptor.sacl };
    // A null DACL stays: an entry beside it would mean that nothing else is allowed.
    if in_dacl && part.acl().is_none() {
        return Ok(());
    }
    let mut aces: Vec<Ace> = part.acl().map_or(&[][..], Acl::aces).to_vec();
    let inherited = |ace: &Ace| ace.flags().intersects(AceFlags::INHERITED);
    let at = if inherited(&ace) || !in_dacl {
        aces.len()
    } else if ace_type.denies() {
        0
    } else {
        let after_denials = aces.iter().position(|other| inherited(other) || !other.ace_type().denies());
        after_denials.unwrap_or(aces.len())
    };
    aces.insert(at, ace);
    *part = Acl::from_aces(aces)?.into();
    Ok(())
}
