//! What a CREATE wants, checked in the order of [MS-SMB2] 3.3.5.9 and of [MS-FSA] 2.1.5.1, phases 1 to 5.

use std::sync::Arc;

use freehold_acl::{AccessMask, SecurityDescriptor, Token, share_access_check};
use freehold_dtyp::{Decode, FileTime, NtStatus, Wtf8, Wtf8Buf};

use super::super::super::context::Context;
use super::super::super::dfs;
use super::super::super::lease::SeenAs;
use super::super::super::limits::MAX_OPENS_PER_SESSION;
use super::super::super::status::CommandError;
use super::super::super::tree_connect::TreeConnect;
use super::posix::PosixCreate;
use super::{apple, posix, quota};
use crate::fsa::disposition::check_create_attributes;
use crate::fsa::{
    CacheRequest, CacheState, CreateDisposition, FsaError, LeaseId, LeaseRequest, OplockLevel, ShareAccess,
};
use crate::fscc::fsctl::snapshots::parse_gmt_token;
use crate::fscc::full_ea::{FullEas, is_ea_name};
use crate::fscc::name::{NameError, ParsedName};
use crate::fscc::posix_name::parse_posix_path;
use crate::fscc::{FileAttributes, upcase};
use crate::smb2::create::{CreateOptions, CreateRequest};
use crate::smb2::create_context::{Lease, LeaseFlags, RequestContext};
use crate::smb2::{self, Capabilities};
use crate::vfs::{ExtendedAttribute, NameCase, RESERVED_EA, VfsPath, VolumeOptions};

/// What kind of object the request insists on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// Whatever is there; a file when it is made.
    Any,
    /// A file.
    File,
    /// A directory.
    Directory,
}

/// The request.
pub(super) struct Intent {
    /// The file, below the volume's root.
    pub path: VfsPath,
    /// How many components of `path` are the share's own.
    pub share_depth: usize,
    /// The named stream.
    pub stream: Option<Wtf8Buf>,
    /// What is named is the index of the volume's quotas; `path` is the share's root.
    pub quota_index: bool,
    /// `stream` in upper case; empty for the unnamed one.
    pub folded_stream: Wtf8Buf,
    /// Bytes of the stream's part of the name in UTF-16, its colons included.
    pub stream_part_bytes: usize,
    /// What must be there.
    pub wanted: Wanted,
    /// `name::$DATA`: the data of a file, by name.
    pub names_data: bool,
    /// A backslash followed: a file is OBJECT_NAME_INVALID.
    pub trailing_separator: bool,
    /// `path` is what is in front of an empty component, which nothing is called.
    pub empty_component: bool,
    /// DesiredAccess with generic rights mapped.
    pub desired: AccessMask,
    /// What the share lets through.
    pub share_allows: AccessMask,
    /// Attributes as asked for.
    pub attributes: FileAttributes,
    /// ShareAccess.
    pub share: ShareAccess,
    /// CreateDisposition.
    pub disposition: CreateDisposition,
    /// CreateOptions.
    pub options: CreateOptions,
    /// Oplock or lease.
    pub cache: CacheRequest,
    /// The name as the client sees it, where the share's folder depends on who connects.
    pub seen_as: Option<Arc<SeenAs>>,
    /// Who asks.
    pub token: Arc<Token>,
    /// SecD
    pub security: Option<Box<SecurityDescriptor>>,
    /// ExtA
    pub extended_attributes: Vec<ExtendedAttribute>,
    /// AlSi, in bytes.
    pub allocation_bytes: u64,
    /// MxAc, with its time.
    pub maximal_access: Option<Option<FileTime>>,
    /// QFid
    pub on_disk_id: bool,
    /// The open is a POSIX one.
    pub posix: Option<PosixCreate>,
    /// AAPL: the answer.
    pub apple: Option<Vec<u8>>,
    /// TWrp, or a `@GMT-` component of the name: the time of a snapshot.
    pub timewarp: Option<FileTime>,
}

/// CreateOptions that Windows knows; others are INVALID_PARAMETER.
const KNOWN_OPTIONS: u32 = 0x00FF_FFFF;
/// FILE_CREATE_TREE_CONNECTION, FILE_OPEN_BY_FILE_ID and FILE_RESERVE_OPFILTER are not for this protocol.
const UNSUPPORTED_OPTIONS: u32 = 0x0000_0080 | 0x0000_2000 | 0x0010_0000;

impl Intent {
    /// Checks a request and takes it apart; `share_path` is the share's folder.
    ///
    /// # Errors
    /// The status that the section names for the first rule broken.
    pub fn new(
        cx: &Context<'_>,
        request: &CreateRequest<'_>,
        tree: &TreeConnect,
        share_path: &VfsPath,
    ) -> Result<Self, CommandError> {
        let session = cx.session()?;
        if session.open_count() >= MAX_OPENS_PER_SESSION {
            return Err(NtStatus::INSUFFICIENT_RESOURCES.into());
        }
        if !request.impersonation_level.is_known() {
            return Err(NtStatus::BAD_IMPERSONATION_LEVEL.into());
        }
        let options = check_options(request.create_options)?;
        let (wire_name, share_allows) = match tree.is_dfs {
            true => dfs::name_and_access(cx, tree, request)?,
            false => (request.name.as_bytes(), tree.maximal_access),
        };
        let asked = asked_access(request.desired_access, options);
        let desired = share_access_check(asked, share_allows, &mut ())?;
        let disposition =
            CreateDisposition::from_wire(request.create_disposition.0).ok_or(FsaError::InvalidParameter)?;
        let directory = options.contains(CreateOptions::DIRECTORY_FILE);
        check_create_attributes(request.file_attributes, directory)?;
        let share = ShareAccess::from_bits(request.share_access.bits()).ok_or(FsaError::InvalidParameter)?;
        if directory && (options.contains(CreateOptions::NON_DIRECTORY_FILE) || disposition.overwrites()) {
            return Err(NtStatus::INVALID_PARAMETER.into());
        }
        let posix = posix::requested(cx, request)?;
        let mut empty_component = false;
        let mut name = match posix {
            Some(_) => parse_posix_path(wire_name)?,
            None => match ParsedName::from_utf16le(wire_name) {
                Err(error @ NameError::EmptyComponent) => {
                    empty_component = true;
                    ParsedName::before_empty_component(wire_name).ok_or(error)?
                }
                parsed => parsed?,
            },
        };
        let mut intent = Intent {
            path: VfsPath::root(),
            share_depth: share_path.components().count(),
            stream: None,
            quota_index: false,
            folded_stream: Wtf8Buf::new(),
            stream_part_bytes: if posix.is_some() { 0 } else { stream_part_bytes(wire_name) },
            wanted: match directory {
                true => Wanted::Directory,
                false if options.contains(CreateOptions::NON_DIRECTORY_FILE) => Wanted::File,
                false => Wanted::Any,
            },
            names_data: false,
            trailing_separator: name.trailing_separator,
            empty_component,
            desired,
            share_allows,
            attributes: FileAttributes::from_bits_retain(request.file_attributes),
            share,
            disposition,
            options,
            cache: CacheRequest::Oplock(oplock_of(request.requested_oplock_level)),
            seen_as: None,
            token: session.token(),
            security: None,
            extended_attributes: Vec::new(),
            allocation_bytes: 0,
            maximal_access: None,
            on_disk_id: false,
            posix,
            apple: None,
            timewarp: None,
        };
        if super::durable::keeps_persistent(cx, tree) {
            // 3.3.5.9, Open Execution: what a client has been told is written survives a failover.
            intent.options |= CreateOptions::WRITE_THROUGH;
        }
        if let Some((volume, _)) = tree.disk() {
            intent.take_time(&mut name, &volume.identity.options);
            if name.stream.is_some() && !volume.identity.options.named_streams {
                // Where there are no streams a colon is no more than a character that names do not have.
                return Err(NtStatus::OBJECT_NAME_INVALID.into());
            }
            intent.quota_index = volume.identity.quotas
                && intent.timewarp.is_none()
                && name.stream.as_ref().is_some_and(|stream| quota::is_named(name.path.as_wtf8(), stream));
            if intent.quota_index {
                name = ParsedName { path: Wtf8Buf::new(), stream: None, ..name };
            }
        }
        // A share with a fixed folder pays nothing for it.
        intent.seen_as = tree.share.varies.as_ref().map(|_| {
            let below = upcase::fold(name.path.as_wtf8());
            Arc::new(SeenAs { share: tree.share.name.to_uppercase(), below })
        });
        intent.take_name(name, share_path)?;
        intent.take_contexts(cx, request)?;
        if intent.quota_index && intent.timewarp.is_some() {
            // Nothing is counted in a snapshot.
            return Err(NtStatus::OBJECT_NAME_NOT_FOUND.into());
        }
        intent.check_delete_on_close()?;
        Ok(intent)
    }

    /// True for the root of the share.
    pub fn is_share_root(&self) -> bool {
        self.stream.is_none() && self.path.components().count() == self.share_depth
    }

    /// How the path is looked up. The share's own folder has the spelling that an administrator gave it.
    pub fn case(&self) -> NameCase {
        if self.posix.is_some() { NameCase::Exact { from: self.share_depth } } else { NameCase::Ignored }
    }

    /// The handle must be able to change something.
    pub fn wants_to_write(&self) -> bool {
        /// Rights that change nothing.
        const READS: AccessMask = AccessMask(
            AccessMask::FILE_GENERIC_READ.0
                | AccessMask::FILE_GENERIC_EXECUTE.0
                | AccessMask::ACCESS_SYSTEM_SECURITY.0,
        );
        self.disposition.overwrites() || !READS.contains(self.desired)
    }

    /// 3.3.5.9: a component `@GMT-YYYY.MM.DD-HH.MM.SS` stands for the snapshot of that time and is no part of the path.
    fn take_time(&mut self, name: &mut ParsedName, options: &VolumeOptions) {
        if !options.snapshots
            || !name.path.as_bytes().starts_with(b"@GMT-") && !contains(&name.path, b"/@GMT-")
        {
            return;
        }
        let mut path = Wtf8Buf::new();
        for component in name.path.as_wtf8().split(b'/') {
            let time = std::str::from_utf8(component.as_bytes()).ok().and_then(parse_gmt_token);
            if time.is_some() && self.timewarp.is_none() {
                self.timewarp = time;
                continue;
            }
            if !path.is_empty() {
                path.push_ascii(b'/');
            }
            path.push(component);
        }
        name.path = path;
    }

    fn take_name(&mut self, name: ParsedName, share_path: &VfsPath) -> Result<(), CommandError> {
        let below = VfsPath::new(name.path).ok_or(NtStatus::OBJECT_NAME_INVALID)?;
        self.path = share_path.join(&below);
        let Some(stream) = name.stream else { return Ok(()) };
        if stream.is_directory_index() {
            // `name::$INDEX_ALLOCATION` names the directory itself.
            if self.wanted == Wanted::File {
                return Err(NtStatus::FILE_IS_A_DIRECTORY.into());
            }
            self.wanted = Wanted::Directory;
        } else if stream.stream_type == crate::fscc::StreamType::IndexAllocation {
            return Err(no_such_index(stream.name.as_wtf8()).into());
        } else {
            // A data stream is no directory, also where it is one of a directory's.
            if self.wanted == Wanted::Directory {
                return Err(NtStatus::NOT_A_DIRECTORY.into());
            }
            if stream.is_default_data() {
                self.names_data = true;
            } else {
                self.folded_stream = upcase::fold(stream.name.as_wtf8());
                self.stream = Some(stream.name);
            }
        }
        Ok(())
    }

    /// 3.3.5.9.1 to 3.3.5.9.15. A context that comes twice counts once, the last one.
    fn take_contexts(&mut self, cx: &Context<'_>, request: &CreateRequest<'_>) -> Result<(), CommandError> {
        let mut lease = None;
        for context in request.contexts.iter() {
            match context? {
                RequestContext::ExtendedAttributes(bytes) => self.extended_attributes = read_eas(bytes)?,
                RequestContext::SecurityDescriptor(bytes) => {
                    let security = SecurityDescriptor::from_bytes(bytes)
                        .map_err(|_| CommandError::Status(NtStatus::INVALID_SECURITY_DESCR))?;
                    self.security = Some(Box::new(security));
                }
                RequestContext::AllocationSize(bytes) => self.allocation_bytes = bytes,
                RequestContext::QueryMaximalAccess(time) => self.maximal_access = Some(time),
                RequestContext::QueryOnDiskId => self.on_disk_id = true,
                RequestContext::Lease(wanted) => lease = Some(wanted),
                RequestContext::Apple(query) => self.apple = apple::answer(query),
                RequestContext::TimewarpToken(time) => self.timewarp = Some(time),
                // What outlives a session was looked at before: see `durable::Asked`.
                RequestContext::DurableHandle
                | RequestContext::DurableHandleReconnect(_)
                | RequestContext::DurableHandleV2(_)
                | RequestContext::DurableHandleV2Reconnect(_)
                | RequestContext::AppInstanceId(_)
                | RequestContext::AppInstanceVersion(_)
                // Asked for but not granted: the answer leaves them out.
                | RequestContext::SharedVirtualDisk(_)
                // Looked at before the name was.
                | RequestContext::Posix { .. } => {}
            }
        }
        if request.requested_oplock_level == smb2::OplockLevel::LEASE
            && let Some(lease) = lease
        {
            self.take_lease(cx, &lease);
        }
        Ok(())
    }

    /// 3.3.5.9.8 and 3.3.5.9.11: a lease, where the connection has them.
    fn take_lease(&mut self, cx: &Context<'_>, lease: &Lease) {
        let Some(negotiated) = &cx.link.negotiated else { return };
        if !negotiated.server_capabilities.contains(Capabilities::LEASING) {
            return;
        }
        // Version 2 is of SMB 3.x, and nothing to others.
        if lease.v2.is_some() && !negotiated.dialect.is_3x() {
            return;
        }
        let v2 = lease.v2;
        let parent = v2.filter(|_| lease.flags.contains(LeaseFlags::PARENT_LEASE_KEY_SET));
        self.cache = CacheRequest::Lease(LeaseRequest {
            id: LeaseId { client: negotiated.client_guid, key: lease.key.0 },
            state: CacheState::from_bits_truncate(lease.state.bits()),
            version: if v2.is_some() { 2 } else { 1 },
            epoch: v2.map_or(0, |v2| v2.epoch),
            parent: parent.map(|v2| v2.parent_key.0),
        });
    }

    /// 3.3.5.9: FILE_DELETE_ON_CLOSE needs DELETE, by the request and by the share.
    fn check_delete_on_close(&self) -> Result<(), CommandError> {
        if !self.options.contains(CreateOptions::DELETE_ON_CLOSE) {
            return Ok(());
        }
        let asked = self.desired.intersects(AccessMask::DELETE | AccessMask::MAXIMUM_ALLOWED);
        if !asked || !self.share_allows.contains(AccessMask::DELETE) || self.is_share_root() {
            return Err(NtStatus::ACCESS_DENIED.into());
        }
        Ok(())
    }
}

/// 3.3.5.9, Open Execution: what is not buffered is not appended to. An open that asks for nothing else is left as it is: it
/// could not be one.
fn asked_access(desired_access: u32, options: CreateOptions) -> AccessMask {
    let asked = AccessMask(desired_access);
    let without = asked.without(AccessMask::FILE_APPEND_DATA);
    if options.contains(CreateOptions::NO_INTERMEDIATE_BUFFERING) && !without.is_empty() {
        return without;
    }
    asked
}

fn check_options(options: CreateOptions) -> Result<CreateOptions, CommandError> {
    if options.bits() & !KNOWN_OPTIONS != 0 {
        return Err(NtStatus::INVALID_PARAMETER.into());
    }
    if options.bits() & UNSUPPORTED_OPTIONS != 0 {
        return Err(NtStatus::NOT_SUPPORTED.into());
    }
    Ok(options)
}

pub(super) const fn oplock_of(level: smb2::OplockLevel) -> OplockLevel {
    match level {
        smb2::OplockLevel::II => OplockLevel::II,
        smb2::OplockLevel::EXCLUSIVE => OplockLevel::Exclusive,
        smb2::OplockLevel::BATCH => OplockLevel::Batch,
        _ => OplockLevel::None,
    }
}

fn contains(text: &Wtf8Buf, part: &[u8]) -> bool {
    text.as_bytes().windows(part.len()).any(|window| window == part)
}

/// [MS-FSA] 2.1.5.1: an index has no name but `$I30`. Those that NTFS has in its own files are not there.
fn no_such_index(name: Wtf8<'_>) -> NtStatus {
    const OF_NTFS: [&[u8]; 5] = [b"$O", b"$Q", b"$R", b"$SDH", b"$SII"];
    let of_ntfs = OF_NTFS.iter().any(|own| name.as_bytes().eq_ignore_ascii_case(own));
    if of_ntfs { NtStatus::OBJECT_NAME_NOT_FOUND } else { NtStatus::INVALID_PARAMETER }
}

/// Bytes from the first colon of a name on.
fn stream_part_bytes(name: &[u8]) -> usize {
    let colon = name.as_chunks::<2>().0.iter().position(|unit| *unit == [b':', 0]);
    colon.map_or(0, |at| name.len().saturating_sub(at.saturating_mul(2)))
}

/// 3.3.5.9.1: the attributes that a new file gets.
fn read_eas(bytes: &[u8]) -> Result<Vec<ExtendedAttribute>, CommandError> {
    let mut list = Vec::new();
    for ea in FullEas::new(bytes) {
        let ea = ea.map_err(|_| CommandError::Status(NtStatus::EA_LIST_INCONSISTENT))?;
        if !is_ea_name(ea.name) {
            return Err(NtStatus::INVALID_EA_NAME.into());
        }
        if ea.name.eq_ignore_ascii_case(RESERVED_EA) {
            return Err(NtStatus::ACCESS_DENIED.into());
        }
        list.push(ExtendedAttribute { flags: ea.flags, name: ea.name.to_vec(), value: ea.value.to_vec() });
    }
    Ok(list)
}
