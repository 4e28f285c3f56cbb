//! A root or a link as the levels of [MS-DFSNM] 2.2.4 and 2.2.5 show it.

use freehold_dfs::{Folder, Kind, Namespace, Priority, State as DfsState, Target, TargetState};
use freehold_dtyp::Guid;

use super::super::RpcContext;
use super::super::enumeration::Entry;
use super::super::ndr::NdrWriter;
use crate::state::dfs::{INTERLINK, folder_flags, namespace_flags};

/// [MS-DFSNM] 2.2.2.3: DFS_VOLUME_STATE_OK.
const VOLUME_OK: u32 = 0x0001;
/// DFS_VOLUME_STATE_OFFLINE.
const VOLUME_OFFLINE: u32 = 0x0003;
/// DFS_VOLUME_FLAVOR_STANDALONE, in the state of a root and as its type.
const FLAVOR_STANDALONE: u32 = 0x0100;
/// DFS_VOLUME_FLAVOR_AD_BLOB: a namespace of the domain.
const FLAVOR_DOMAIN: u32 = 0x0200;
/// [MS-DFSNM] 2.2.2.5: DFS_STORAGE_STATE_OFFLINE.
pub(super) const STORAGE_OFFLINE: u32 = 1;
/// DFS_STORAGE_STATE_ONLINE.
pub(super) const STORAGE_ONLINE: u32 = 2;

/// A root or a link.
pub(super) struct DfsEntry {
    path: String,
    comment: String,
    /// Of a root.
    flavor: u32,
    state: u32,
    timeout_seconds: u32,
    guid: Guid,
    flags: u32,
    metadata_bytes: u32,
    security: Option<Vec<u8>>,
    targets: Vec<Storage>,
}

struct Storage {
    state: u32,
    server: String,
    share: String,
    priority: Priority,
}

impl DfsEntry {
    /// The root of a namespace: the only target of a stand-alone one is this server.
    pub(super) fn of_root(cx: &RpcContext<'_>, namespace: &Namespace) -> DfsEntry {
        let server = &cx.server.netbios_name;
        let path = root_path(cx, namespace);
        let flavor = flavor(namespace);
        let targets = match namespace.targets.as_slice() {
            [] => vec![Storage {
                state: STORAGE_ONLINE,
                server: server.clone(),
                share: namespace.name.clone(),
                priority: Priority::default(),
            }],
            targets => targets.iter().map(Storage::of).collect(),
        };
        DfsEntry {
            metadata_bytes: bytes_of([path.as_str(), &namespace.comment, server, &namespace.name]),
            path,
            comment: namespace.comment.clone(),
            flavor,
            state: volume_state(namespace.state) | flavor,
            timeout_seconds: namespace.ttl_seconds,
            guid: namespace.guid,
            flags: namespace_flags(&namespace.options),
            security: None,
            targets,
        }
    }

    /// A link.
    pub(super) fn of_folder(cx: &RpcContext<'_>, namespace: &Namespace, folder: &Folder) -> DfsEntry {
        let path = format!("{}\\{}", root_path(cx, namespace), folder.path);
        let targets: Vec<Storage> = folder.targets.iter().map(Storage::of).collect();
        let names = targets.iter().flat_map(|target| [target.server.as_str(), target.share.as_str()]);
        DfsEntry {
            metadata_bytes: bytes_of([path.as_str(), folder.comment.as_str()].into_iter().chain(names)),
            path,
            comment: folder.comment.clone(),
            flavor: flavor(namespace),
            state: volume_state(folder.state),
            timeout_seconds: folder.ttl_seconds,
            guid: folder.guid,
            flags: folder_flags(&folder.options) & !INTERLINK,
            security: folder.security.clone(),
            targets,
        }
    }

    /// The directory keeps the namespace.
    pub(super) const fn is_of_domain(&self) -> bool {
        self.flavor == FLAVOR_DOMAIN
    }

    fn security_length(&self) -> u32 {
        self.security.as_ref().map_or(0, |bytes| u32::try_from(bytes.len()).unwrap_or(u32::MAX))
    }

    fn security_fixed(&self, writer: &mut NdrWriter) {
        writer.u32(self.security_length());
        match self.security {
            Some(_) => writer.pointer(),
            None => writer.null(),
        }
    }

    fn security_referent(&self, writer: &mut NdrWriter) {
        if let Some(bytes) = &self.security {
            writer.count(bytes.len());
            writer.bytes(bytes);
        }
    }

    fn storages(&self, writer: &mut NdrWriter, with_priority: bool) {
        writer.count(self.targets.len());
        for target in &self.targets {
            target.fixed(writer, with_priority);
        }
        for target in &self.targets {
            writer.wide_string(&target.server);
            writer.wide_string(&target.share);
        }
    }
}

impl Entry for DfsEntry {
    /// [MS-DFSNM] 2.2.4.1 DFS_INFO_1 to 2.2.4.9 DFS_INFO_9, 2.2.4.10 DFS_INFO_50, 2.2.4.11 DFS_INFO_100, 2.2.4.19 DFS_INFO_150, 2.2.5.4
    /// DFS_INFO_300.
    fn fixed(&self, writer: &mut NdrWriter, level: u32) {
        match level {
            7 => return writer.guid(&self.guid),
            100 => return writer.pointer(),
            150 => return self.security_fixed(writer),
            300 => {
                writer.u32(self.flavor);
                return writer.pointer();
            }
            _ => writer.pointer(),
        }
        if level == 1 {
            return;
        }
        writer.pointer();
        writer.u32(self.state);
        if level >= 4 {
            writer.u32(self.timeout_seconds);
            writer.guid(&self.guid);
        }
        if level >= 5 {
            writer.u32(self.flags);
            writer.u32(self.metadata_bytes);
        }
        if level >= 8 {
            self.security_fixed(writer);
        }
        writer.count(self.targets.len());
        if matches!(level, 3 | 4 | 6 | 9) {
            writer.pointer();
        }
    }

    fn referents(&self, writer: &mut NdrWriter, level: u32) {
        match level {
            7 => return,
            100 => return writer.wide_string(&self.comment),
            150 => return self.security_referent(writer),
            _ => writer.wide_string(&self.path),
        }
        if matches!(level, 1 | 300) {
            return;
        }
        writer.wide_string(&self.comment);
        if level >= 8 {
            self.security_referent(writer);
        }
        match level {
            3 | 4 => self.storages(writer, false),
            6 | 9 => self.storages(writer, true),
            _ => {}
        }
    }
}

impl Storage {
    fn of(target: &Target) -> Storage {
        let Target { server, share, path, state, priority } = target;
        Storage {
            state: match state {
                TargetState::Online => STORAGE_ONLINE,
                TargetState::Offline => STORAGE_OFFLINE,
            },
            server: server.clone(),
            share: if path.is_empty() { share.clone() } else { format!("{share}\\{path}") },
            priority: *priority,
        }
    }

    /// [MS-DFSNM] 2.2.3.2 DFS_STORAGE_INFO and 2.2.3.3 DFS_STORAGE_INFO_1.
    fn fixed(&self, writer: &mut NdrWriter, with_priority: bool) {
        writer.u32(self.state);
        writer.pointer();
        writer.pointer();
        if with_priority {
            writer.u32(self.priority.class.number());
            writer.u16(u16::from(self.priority.rank));
            writer.u16(0); // Reserved
        }
    }
}

/// `\\server\namespace`, or `\\domain\namespace`.
fn root_path(cx: &RpcContext<'_>, namespace: &Namespace) -> String {
    let server = match &namespace.kind {
        Kind::StandAlone => &cx.server.netbios_name,
        Kind::DomainBased { domain } => domain,
    };
    format!("\\\\{server}\\{}", namespace.name)
}

const fn flavor(namespace: &Namespace) -> u32 {
    match namespace.kind {
        Kind::StandAlone => FLAVOR_STANDALONE,
        Kind::DomainBased { .. } => FLAVOR_DOMAIN,
    }
}

const fn volume_state(state: DfsState) -> u32 {
    match state {
        DfsState::Online => VOLUME_OK,
        DfsState::Offline => VOLUME_OFFLINE,
    }
}

/// The state that a volume state stands for; DFS_VOLUME_STATE_ONLINE is set and shown as OK.
pub(super) const fn state_of_volume(state: u32) -> Option<DfsState> {
    match state {
        VOLUME_OK | 0x0004 => Some(DfsState::Online),
        VOLUME_OFFLINE => Some(DfsState::Offline),
        _ => None,
    }
}

/// What these strings take, in UTF-16.
fn bytes_of<'s>(strings: impl IntoIterator<Item = &'s str>) -> u32 {
    let units =
        strings.into_iter().map(|text| text.encode_utf16().count()).fold(0_usize, usize::saturating_add);
    u32::try_from(units.saturating_mul(2)).unwrap_or(u32::MAX)
}
