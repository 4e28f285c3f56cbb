//! [MS-SMB2] 2.2.13.2 SMB2_CREATE_CONTEXT Request Values and 2.2.14.2 SMB2_CREATE_CONTEXT Response Values,
//! and the contexts that other specifications add to them.

use core::marker::PhantomData;

use freehold_dtyp::{
    Decode, DecodeError, DecodeReason, Encode, FileTime, Guid, NtStatus, Reader, Sid, Writer,
};

use super::message::BodyStart;
use super::negotiate_context::POSIX_TAG;
use super::types::{FileId, LeaseKey, LeaseState, open_flags};

/// Names of contexts, as they stand in the message.
pub mod tag {
    /// SMB2_CREATE_EA_BUFFER
    pub const EXTA: &[u8] = b"ExtA";
    /// SMB2_CREATE_SD_BUFFER
    pub const SECD: &[u8] = b"SecD";
    /// SMB2_CREATE_DURABLE_HANDLE_REQUEST
    pub const DHNQ: &[u8] = b"DHnQ";
    /// SMB2_CREATE_DURABLE_HANDLE_RECONNECT
    pub const DHNC: &[u8] = b"DHnC";
    /// SMB2_CREATE_ALLOCATION_SIZE
    pub const ALSI: &[u8] = b"AlSi";
    /// SMB2_CREATE_QUERY_MAXIMAL_ACCESS_REQUEST
    pub const MXAC: &[u8] = b"MxAc";
    /// SMB2_CREATE_TIMEWARP_TOKEN
    pub const TWRP: &[u8] = b"TWrp";
    /// SMB2_CREATE_QUERY_ON_DISK_ID
    pub const QFID: &[u8] = b"QFid";
    /// SMB2_CREATE_REQUEST_LEASE and SMB2_CREATE_REQUEST_LEASE_V2
    pub const RQLS: &[u8] = b"RqLs";
    /// SMB2_CREATE_DURABLE_HANDLE_REQUEST_V2
    pub const DH2Q: &[u8] = b"DH2Q";
    /// SMB2_CREATE_DURABLE_HANDLE_RECONNECT_V2
    pub const DH2C: &[u8] = b"DH2C";
    /// SMB2_CREATE_APP_INSTANCE_ID
    pub const APP_INSTANCE_ID: &[u8] =
        &[0x45, 0xBC, 0xA6, 0x6A, 0xEF, 0xA7, 0xF7, 0x4A, 0x90, 0x08, 0xFA, 0x46, 0x2E, 0x14, 0x4D, 0x74];
    /// SMB2_CREATE_APP_INSTANCE_VERSION
    pub const APP_INSTANCE_VERSION: &[u8] =
        &[0xB9, 0x82, 0xD0, 0xB7, 0x3B, 0x56, 0x07, 0x4F, 0xA0, 0x7B, 0x52, 0x4A, 0x81, 0x16, 0xA0, 0x10];
    /// SVHDX_OPEN_DEVICE_CONTEXT ([MS-RSVD] 2.2.4.12)
    pub const SVHDX: &[u8] =
        &[0x9C, 0xCB, 0xCF, 0x9E, 0x04, 0xC1, 0xE6, 0x43, 0x98, 0x0E, 0x15, 0x8D, 0xA1, 0xF6, 0xEC, 0x83];
    /// Apple's context, not published by its maker.
    pub const AAPL: &[u8] = b"AAPL";
    /// POSIX extensions, not of MS-SMB2.
    pub const POSIX: &[u8] = &super::POSIX_TAG.0;
}

open_flags! {
    /// Flags of [MS-SMB2] 2.2.13.2.8 and 2.2.13.2.10.
    LeaseFlags(u32) {
        /// SMB2_LEASE_FLAG_BREAK_IN_PROGRESS (responses)
        BREAK_IN_PROGRESS = 0x0000_0002;
        /// SMB2_LEASE_FLAG_PARENT_LEASE_KEY_SET (version 2)
        PARENT_LEASE_KEY_SET = 0x0000_0004;
    }
}

/// What version 2 of the lease context adds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LeaseV2 {
    /// ParentLeaseKey; see [`LeaseFlags::PARENT_LEASE_KEY_SET`].
    pub parent_key: LeaseKey,
    /// Epoch: counts changes of the lease.
    pub epoch: u16,
}

/// [MS-SMB2] 2.2.13.2.8 SMB2_CREATE_REQUEST_LEASE and 2.2.13.2.10 SMB2_CREATE_REQUEST_LEASE_V2; in responses
/// 2.2.14.2.10 SMB2_CREATE_RESPONSE_LEASE and 2.2.14.2.11 SMB2_CREATE_RESPONSE_LEASE_V2.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lease {
    /// LeaseKey.
    pub key: LeaseKey,
    /// The state asked for or granted.
    pub state: LeaseState,
    /// LeaseFlags.
    pub flags: LeaseFlags,
    /// Present in version 2 (52 bytes), absent in version 1 (32 bytes).
    pub v2: Option<LeaseV2>,
}

impl Lease {
    /// LeaseKey (16), LeaseState (4), LeaseFlags (4), LeaseDuration (8).
    const V1_SIZE: usize = 16 + 4 + 4 + 8;
    /// The same, ParentLeaseKey (16), Epoch (2), Reserved (2).
    const V2_SIZE: usize = Self::V1_SIZE + 16 + 2 + 2;

    fn decode(data: &[u8]) -> Result<Self, DecodeError> {
        if data.len() != Self::V1_SIZE && data.len() != Self::V2_SIZE {
            return Err(wrong_length());
        }
        let mut reader = Reader::new(data);
        let key = LeaseKey(reader.array("LeaseKey")?);
        let state = LeaseState::from(reader.u32("LeaseState")?);
        let flags = LeaseFlags::from(reader.u32("LeaseFlags")?);
        reader.skip("LeaseDuration", 8)?;
        let v2 = if reader.is_empty() {
            None
        } else {
            Some(LeaseV2 {
                parent_key: LeaseKey(reader.array("ParentLeaseKey")?),
                epoch: reader.u16("Epoch")?,
            })
        };
        Ok(Lease { key, state, flags, v2 })
    }

    fn write(&self, writer: &mut Writer) {
        writer.bytes(&self.key.0);
        writer.u32(self.state.bits());
        writer.u32(self.flags.bits());
        writer.u64(0);
        if let Some(v2) = self.v2 {
            writer.bytes(&v2.parent_key.0);
            writer.u16(v2.epoch);
            writer.u16(0);
        }
    }
}

open_flags! {
    /// Flags of [MS-SMB2] 2.2.13.2.11, 2.2.13.2.12 and 2.2.14.2.12.
    DurableHandleV2Flags(u32) {
        /// SMB2_DHANDLE_FLAG_PERSISTENT
        PERSISTENT = 0x0000_0002;
    }
}

/// [MS-SMB2] 2.2.13.2.11 SMB2_CREATE_DURABLE_HANDLE_REQUEST_V2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DurableHandleV2Request {
    /// Timeout in milliseconds; zero leaves it to the server.
    pub timeout_ms: u32,
    /// Flags.
    pub flags: DurableHandleV2Flags,
    /// CreateGuid: names this create, for its replay and the reconnect.
    pub create_guid: Guid,
}

/// [MS-SMB2] 2.2.13.2.12 SMB2_CREATE_DURABLE_HANDLE_RECONNECT_V2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DurableHandleV2Reconnect {
    /// The open to take up again.
    pub file_id: FileId,
    /// CreateGuid of the request that made it.
    pub create_guid: Guid,
    /// Flags.
    pub flags: DurableHandleV2Flags,
}

/// [MS-SMB2] 2.2.13.2.15 SMB2_CREATE_APP_INSTANCE_VERSION.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AppInstanceVersion {
    /// AppInstanceVersionHigh.
    pub high: u64,
    /// AppInstanceVersionLow.
    pub low: u64,
}

/// A context of a CREATE request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestContext<'a> {
    /// [MS-SMB2] 2.2.13.2.1 SMB2_CREATE_EA_BUFFER: [MS-FSCC] 2.4.16 FileFullEaInformation.
    ExtendedAttributes(&'a [u8]),
    /// [MS-SMB2] 2.2.13.2.2 SMB2_CREATE_SD_BUFFER: a self-relative security descriptor.
    SecurityDescriptor(&'a [u8]),
    /// [MS-SMB2] 2.2.13.2.3 SMB2_CREATE_DURABLE_HANDLE_REQUEST.
    DurableHandle,
    /// [MS-SMB2] 2.2.13.2.4 SMB2_CREATE_DURABLE_HANDLE_RECONNECT: the open to take up again.
    DurableHandleReconnect(FileId),
    /// [MS-SMB2] 2.2.13.2.5 SMB2_CREATE_QUERY_MAXIMAL_ACCESS_REQUEST: answered only when the file changed after
    /// the time, if there is one.
    QueryMaximalAccess(Option<FileTime>),
    /// [MS-SMB2] 2.2.13.2.6 SMB2_CREATE_ALLOCATION_SIZE in bytes.
    AllocationSize(u64),
    /// [MS-SMB2] 2.2.13.2.7 SMB2_CREATE_TIMEWARP_TOKEN: the snapshot to open in.
    TimewarpToken(FileTime),
    /// [MS-SMB2] 2.2.13.2.9 SMB2_CREATE_QUERY_ON_DISK_ID.
    QueryOnDiskId,
    /// [MS-SMB2] 2.2.13.2.8 and 2.2.13.2.10.
    Lease(Lease),
    /// [MS-SMB2] 2.2.13.2.11 SMB2_CREATE_DURABLE_HANDLE_REQUEST_V2.
    DurableHandleV2(DurableHandleV2Request),
    /// [MS-SMB2] 2.2.13.2.12 SMB2_CREATE_DURABLE_HANDLE_RECONNECT_V2.
    DurableHandleV2Reconnect(DurableHandleV2Reconnect),
    /// [MS-SMB2] 2.2.13.2.13 SMB2_CREATE_APP_INSTANCE_ID.
    AppInstanceId(Guid),
    /// [MS-SMB2] 2.2.13.2.15 SMB2_CREATE_APP_INSTANCE_VERSION.
    AppInstanceVersion(AppInstanceVersion),
    /// [MS-SMB2] 2.2.13.2.14 SVHDX_OPEN_DEVICE_CONTEXT: [MS-RSVD] 2.2.4.12, as bytes.
    SharedVirtualDisk(&'a [u8]),
    /// Apple's context, as bytes.
    Apple(&'a [u8]),
    /// POSIX extensions: the mode bits for a file that is created.
    Posix {
        /// POSIX permission bits.
        mode: u32,
    },
}

/// A context of a CREATE response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResponseContext<'a> {
    /// [MS-SMB2] 2.2.14.2.3 SMB2_CREATE_DURABLE_HANDLE_RESPONSE.
    DurableHandle,
    /// [MS-SMB2] 2.2.14.2.5 SMB2_CREATE_QUERY_MAXIMAL_ACCESS_RESPONSE.
    MaximalAccess {
        /// Whether the access could be computed.
        query_status: NtStatus,
        /// The access mask.
        maximal_access: u32,
    },
    /// [MS-SMB2] 2.2.14.2.9 SMB2_CREATE_QUERY_ON_DISK_ID response.
    OnDiskId {
        /// The file's number in its volume.
        disk_file_id: u64,
        /// The volume's number.
        volume_id: u64,
    },
    /// [MS-SMB2] 2.2.14.2.10 and 2.2.14.2.11.
    Lease(Lease),
    /// [MS-SMB2] 2.2.14.2.12 SMB2_CREATE_DURABLE_HANDLE_RESPONSE_V2.
    DurableHandleV2 {
        /// Timeout in milliseconds.
        timeout_ms: u32,
        /// Flags.
        flags: DurableHandleV2Flags,
    },
    /// [MS-SMB2] 2.2.14.2.14 SVHDX_OPEN_DEVICE_CONTEXT_RESPONSE, as bytes.
    SharedVirtualDisk(&'a [u8]),
    /// Apple's context, as bytes.
    Apple(&'a [u8]),
    /// POSIX extensions.
    Posix {
        /// Hard links of the file.
        link_count: u32,
        /// Its reparse tag; zero without one.
        reparse_tag: u32,
        /// POSIX permission bits.
        mode: u32,
        /// Its owner.
        owner: Sid,
        /// Its group.
        group: Sid,
    },
}

/// What requests' and responses' contexts have in common.
pub trait Context<'a>: Copy + PartialEq + core::fmt::Debug + 'a {
    /// The name as it stands in the message.
    fn tag(&self) -> &'static [u8];

    /// Reads the data of the context with this name; `Ok(None)` for a name that is not known.
    ///
    /// # Errors
    /// [`DecodeError`] whose offset counts from the data.
    fn decode_data(tag: &[u8], data: &'a [u8]) -> Result<Option<Self>, DecodeError>;

    /// Writes the data.
    fn write_data(&self, writer: &mut Writer);
}

/// The data of a context has another length than its name demands.
const fn wrong_length() -> DecodeError {
    DecodeError { field: "DataLength", reason: DecodeReason::Invalid, offset: 0 }
}

/// The data, which must have `N` bytes.
fn exactly<const N: usize>(data: &[u8]) -> Result<[u8; N], DecodeError> {
    data.try_into().map_err(|_| wrong_length())
}

/// `FileId` in the data of a context.
fn read_file_id(reader: &mut Reader<'_>) -> Result<FileId, DecodeError> {
    Ok(FileId { persistent: reader.u64("FileId.Persistent")?, volatile: reader.u64("FileId.Volatile")? })
}

fn write_file_id(id: FileId, writer: &mut Writer) {
    writer.u64(id.persistent);
    writer.u64(id.volatile);
}

impl<'a> Context<'a> for RequestContext<'a> {
    fn tag(&self) -> &'static [u8] {
        match self {
            RequestContext::ExtendedAttributes(_) => tag::EXTA,
            RequestContext::SecurityDescriptor(_) => tag::SECD,
            RequestContext::DurableHandle => tag::DHNQ,
            RequestContext::DurableHandleReconnect(_) => tag::DHNC,
            RequestContext::QueryMaximalAccess(_) => tag::MXAC,
            RequestContext::AllocationSize(_) => tag::ALSI,
            RequestContext::TimewarpToken(_) => tag::TWRP,
            RequestContext::QueryOnDiskId => tag::QFID,
            RequestContext::Lease(_) => tag::RQLS,
            RequestContext::DurableHandleV2(_) => tag::DH2Q,
            RequestContext::DurableHandleV2Reconnect(_) => tag::DH2C,
            RequestContext::AppInstanceId(_) => tag::APP_INSTANCE_ID,
            RequestContext::AppInstanceVersion(_) => tag::APP_INSTANCE_VERSION,
            RequestContext::SharedVirtualDisk(_) => tag::SVHDX,
            RequestContext::Apple(_) => tag::AAPL,
            RequestContext::Posix { .. } => tag::POSIX,
        }
    }

    fn decode_data(tag: &[u8], data: &'a [u8]) -> Result<Option<Self>, DecodeError> {
        let mut reader = Reader::new(data);
        Ok(Some(match tag {
            tag::EXTA => RequestContext::ExtendedAttributes(data),
            tag::SECD => RequestContext::SecurityDescriptor(data),
            tag::DHNQ => exactly::<16>(data).map(|_| RequestContext::DurableHandle)?,
            tag::DHNC => {
                exactly::<16>(data)?;
                RequestContext::DurableHandleReconnect(read_file_id(&mut reader)?)
            }
            tag::MXAC if data.is_empty() => RequestContext::QueryMaximalAccess(None),
            tag::MXAC => {
                RequestContext::QueryMaximalAccess(Some(FileTime(u64::from_le_bytes(exactly(data)?))))
            }
            tag::ALSI => RequestContext::AllocationSize(u64::from_le_bytes(exactly(data)?)),
            tag::TWRP => RequestContext::TimewarpToken(FileTime(u64::from_le_bytes(exactly(data)?))),
            tag::QFID => RequestContext::QueryOnDiskId,
            tag::RQLS => RequestContext::Lease(Lease::decode(data)?),
            tag::DH2Q => {
                exactly::<32>(data)?;
                let timeout_ms = reader.u32("Timeout")?;
                let flags = DurableHandleV2Flags::from(reader.u32("Flags")?);
                reader.skip("Reserved", 8)?;
                let create_guid = Guid(reader.array("CreateGuid")?);
                RequestContext::DurableHandleV2(DurableHandleV2Request { timeout_ms, flags, create_guid })
            }
            tag::DH2C => {
                exactly::<36>(data)?;
                let file_id = read_file_id(&mut reader)?;
                let create_guid = Guid(reader.array("CreateGuid")?);
                let flags = DurableHandleV2Flags::from(reader.u32("Flags")?);
                RequestContext::DurableHandleV2Reconnect(DurableHandleV2Reconnect {
                    file_id,
                    create_guid,
                    flags,
                })
            }
            tag::APP_INSTANCE_ID => {
                exactly::<20>(data)?;
                reader.skip("StructureSize", 4)?;
                RequestContext::AppInstanceId(Guid(reader.array("AppInstanceId")?))
            }
            tag::APP_INSTANCE_VERSION => {
                exactly::<24>(data)?;
                reader.skip("StructureSize", 8)?;
                let high = reader.u64("AppInstanceVersionHigh")?;
                let low = reader.u64("AppInstanceVersionLow")?;
                RequestContext::AppInstanceVersion(AppInstanceVersion { high, low })
            }
            tag::SVHDX => RequestContext::SharedVirtualDisk(data),
            tag::AAPL => RequestContext::Apple(data),
            tag::POSIX => RequestContext::Posix { mode: u32::from_le_bytes(exactly(data)?) },
            _ => return Ok(None),
        }))
    }

    fn write_data(&self, writer: &mut Writer) {
        match *self {
            RequestContext::ExtendedAttributes(data)
            | RequestContext::SecurityDescriptor(data)
            | RequestContext::SharedVirtualDisk(data)
            | RequestContext::Apple(data) => writer.bytes(data),
            RequestContext::DurableHandle => writer.zeros(16),
            RequestContext::DurableHandleReconnect(id) => write_file_id(id, writer),
            RequestContext::QueryMaximalAccess(None) | RequestContext::QueryOnDiskId => {}
            RequestContext::QueryMaximalAccess(Some(time)) | RequestContext::TimewarpToken(time) => {
                writer.u64(time.0);
            }
            RequestContext::AllocationSize(size_bytes) => writer.u64(size_bytes),
            RequestContext::Lease(lease) => lease.write(writer),
            RequestContext::DurableHandleV2(request) => {
                writer.u32(request.timeout_ms);
                writer.u32(request.flags.bits());
                writer.u64(0);
                writer.bytes(&request.create_guid.0);
            }
            RequestContext::DurableHandleV2Reconnect(reconnect) => {
                write_file_id(reconnect.file_id, writer);
                writer.bytes(&reconnect.create_guid.0);
                writer.u32(reconnect.flags.bits());
            }
            RequestContext::AppInstanceId(id) => {
                writer.u16(20);
                writer.u16(0);
                writer.bytes(&id.0);
            }
            RequestContext::AppInstanceVersion(version) => {
                writer.u16(24);
                writer.zeros(6);
                writer.u64(version.high);
                writer.u64(version.low);
            }
            RequestContext::Posix { mode } => writer.u32(mode),
        }
    }
}

impl<'a> Context<'a> for ResponseContext<'a> {
    fn tag(&self) -> &'static [u8] {
        match self {
            ResponseContext::DurableHandle => tag::DHNQ,
            ResponseContext::MaximalAccess { .. } => tag::MXAC,
            ResponseContext::OnDiskId { .. } => tag::QFID,
            ResponseContext::Lease(_) => tag::RQLS,
            ResponseContext::DurableHandleV2 { .. } => tag::DH2Q,
            ResponseContext::SharedVirtualDisk(_) => tag::SVHDX,
            ResponseContext::Apple(_) => tag::AAPL,
            ResponseContext::Posix { .. } => tag::POSIX,
        }
    }

    fn decode_data(tag: &[u8], data: &'a [u8]) -> Result<Option<Self>, DecodeError> {
        let mut reader = Reader::new(data);
        Ok(Some(match tag {
            tag::DHNQ => ResponseContext::DurableHandle,
            tag::MXAC => ResponseContext::MaximalAccess {
                query_status: NtStatus(reader.u32("QueryStatus")?),
                maximal_access: reader.u32("MaximalAccess")?,
            },
            tag::QFID => ResponseContext::OnDiskId {
                disk_file_id: reader.u64("DiskFileId")?,
                volume_id: reader.u64("VolumeId")?,
            },
            tag::RQLS => ResponseContext::Lease(Lease::decode(data)?),
            tag::DH2Q => ResponseContext::DurableHandleV2 {
                timeout_ms: reader.u32("Timeout")?,
                flags: DurableHandleV2Flags::from(reader.u32("Flags")?),
            },
            tag::SVHDX => ResponseContext::SharedVirtualDisk(data),
            tag::AAPL => ResponseContext::Apple(data),
            tag::POSIX => ResponseContext::Posix {
                link_count: reader.u32("NumberOfLinks")?,
                reparse_tag: reader.u32("ReparseTag")?,
                mode: reader.u32("Mode")?,
                owner: Sid::decode(&mut reader)?,
                group: Sid::decode(&mut reader)?,
            },
            _ => return Ok(None),
        }))
    }

    fn write_data(&self, writer: &mut Writer) {
        match self {
            ResponseContext::DurableHandle => writer.u64(0),
            ResponseContext::MaximalAccess { query_status, maximal_access } => {
                writer.u32(query_status.0);
                writer.u32(*maximal_access);
            }
            ResponseContext::OnDiskId { disk_file_id, volume_id } => {
                writer.u64(*disk_file_id);
                writer.u64(*volume_id);
                writer.zeros(16);
            }
            ResponseContext::Lease(lease) => lease.write(writer),
            ResponseContext::DurableHandleV2 { timeout_ms, flags } => {
                writer.u32(*timeout_ms);
                writer.u32(flags.bits());
            }
            ResponseContext::SharedVirtualDisk(data) | ResponseContext::Apple(data) => writer.bytes(data),
            ResponseContext::Posix { link_count, reparse_tag, mode, owner, group } => {
                writer.u32(*link_count);
                writer.u32(*reparse_tag);
                writer.u32(*mode);
                owner.encode(writer);
                group.encode(writer);
            }
        }
    }
}

/// A chain of contexts: borrowed from a message or from values to be encoded.
#[derive(Clone, Copy)]
pub struct CreateContexts<'a, C>(Kind<'a, C>);

#[derive(Clone, Copy)]
enum Kind<'a, C> {
    /// `chain` starts at `offset` of its message.
    Wire {
        chain: &'a [u8],
        offset: usize,
        context: PhantomData<C>,
    },
    Values(&'a [C]),
}

impl<'a, C: Context<'a>> CreateContexts<'a, C> {
    /// No context.
    pub const EMPTY: Self = CreateContexts(Kind::Values(&[]));

    pub(crate) const fn wire(chain: &'a [u8], offset: usize) -> Self {
        CreateContexts(Kind::Wire { chain, offset, context: PhantomData })
    }

    /// True when there is no context at all, not even an unknown one.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        match self.0 {
            Kind::Wire { chain, .. } => chain.is_empty(),
            Kind::Values(values) => values.is_empty(),
        }
    }

    /// The contexts in order; ones with an unknown name are left out. Stops after the first error: a malformed
    /// chain, or a known context with malformed data. Its offset counts from the message's header.
    #[inline]
    #[must_use]
    pub fn iter(self) -> CreateContextIter<'a, C> {
        let (raw, values): (_, &[C]) = match self.0 {
            Kind::Wire { chain, offset, .. } => (RawContextIter { chain, offset }, &[]),
            Kind::Values(values) => (RawContextIter { chain: &[], offset: 0 }, values),
        };
        CreateContextIter { raw, values }
    }

    /// The contexts of a message by name, unknown ones too, their data not looked at. Empty for values to be encoded.
    #[must_use]
    pub const fn raw(self) -> RawContextIter<'a> {
        match self.0 {
            Kind::Wire { chain, offset, .. } => RawContextIter { chain, offset },
            Kind::Values(_) => RawContextIter { chain: &[], offset: 0 },
        }
    }

    /// Writes the chain at the next multiple of 8 and patches CreateContextsOffset and CreateContextsLength,
    /// which stand at `offset_at`. Without contexts it writes nothing and both stay zero.
    pub(crate) fn write_at(self, writer: &mut Writer, start: BodyStart, offset_at: usize) {
        let mut contexts = self.iter().map_while(Result::ok).peekable();
        if contexts.peek().is_none() {
            return;
        }
        start.align(writer, 8);
        let chain_start = writer.position();
        writer.patch_u32(offset_at, start.offset(writer));
        while let Some(context) = contexts.next() {
            let context_start = writer.position();
            write_context(&context, writer);
            if contexts.peek().is_some() {
                start.align(writer, 8);
                writer.patch_u32(context_start, writer.position().saturating_sub(context_start));
            }
        }
        writer.patch_u32(offset_at.saturating_add(4), writer.position().saturating_sub(chain_start));
    }
}

/// Next (4), NameOffset (2), NameLength (2), Reserved (2), DataOffset (2), DataLength (4).
const CONTEXT_HEADER_SIZE: u16 = 4 + 2 + 2 + 2 + 2 + 4;

fn write_context<'a, C: Context<'a>>(context: &C, writer: &mut Writer) {
    let start = writer.position();
    let tag = context.tag();
    writer.u32(0);
    writer.u16(CONTEXT_HEADER_SIZE);
    writer.u16(super::message::length16(tag.len()));
    writer.u16(0);
    let data_offset_at = writer.position();
    writer.u16(0);
    let data_length_at = writer.position();
    writer.u32(0);
    writer.bytes(tag);
    writer.align_from(start, 8);
    let data_start = writer.position();
    context.write_data(writer);
    let length = writer.position().saturating_sub(data_start);
    if length != 0 {
        writer.patch_u16(data_offset_at, data_start.saturating_sub(start));
        writer.patch_u32(data_length_at, length);
    }
}

impl<'a, C> From<&'a [C]> for CreateContexts<'a, C> {
    fn from(values: &'a [C]) -> Self {
        CreateContexts(Kind::Values(values))
    }
}

impl<'a, C, const N: usize> From<&'a [C; N]> for CreateContexts<'a, C> {
    fn from(values: &'a [C; N]) -> Self {
        CreateContexts(Kind::Values(values))
    }
}

impl<'a, C: Context<'a>> PartialEq for CreateContexts<'a, C> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl<'a, C: Context<'a>> core::fmt::Debug for CreateContexts<'a, C> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

/// Name and data of one context.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RawContext<'a> {
    /// The name; see [`tag`].
    pub tag: &'a [u8],
    /// The data.
    pub data: &'a [u8],
    /// Where the data (or the context, when there is none) starts, counted from the SMB2 header.
    pub data_message_offset: usize,
}

/// Walks over a chain of contexts by name; stops after the first error.
#[derive(Clone, Debug)]
pub struct RawContextIter<'a> {
    /// What is left of the chain; empty at its end.
    chain: &'a [u8],
    offset: usize,
}

impl<'a> RawContextIter<'a> {
    /// Rules of [MS-SMB2] 2.2.13.2: Next is a multiple of 8, the name follows the header and has at least four
    /// bytes, data is aligned to 8 and behind the name, both end before the next context.
    fn step(&mut self) -> Result<RawContext<'a>, DecodeError> {
        let chain = core::mem::take(&mut self.chain);
        let here = self.offset;
        let at =
            |field, reason, offset: usize| DecodeError { field, reason, offset: offset.saturating_add(here) };
        let mut reader = Reader::new(chain);
        let moved = |error: DecodeError| at(error.field, error.reason, error.offset);
        let next = usize::try_from(reader.u32("Next").map_err(moved)?).unwrap_or(usize::MAX);
        let name_offset = usize::from(reader.u16("NameOffset").map_err(moved)?);
        let name_length = usize::from(reader.u16("NameLength").map_err(moved)?);
        reader.skip("Reserved", 2).map_err(moved)?;
        let data_offset = usize::from(reader.u16("DataOffset").map_err(moved)?);
        let data_length = usize::try_from(reader.u32("DataLength").map_err(moved)?).unwrap_or(usize::MAX);
        let context = match next {
            0 => chain,
            _ if !next.is_multiple_of(8) => return Err(at("Next", DecodeReason::Invalid, 0)),
            _ => {
                let (context, rest) =
                    chain.split_at_checked(next).ok_or(at("Next", DecodeReason::OutOfBounds, 0))?;
                self.chain = rest;
                self.offset = here.saturating_add(next);
                context
            }
        };
        let reader = Reader::new(context);
        if name_offset != usize::from(CONTEXT_HEADER_SIZE) {
            return Err(at("NameOffset", DecodeReason::Invalid, 4));
        }
        if name_length < 4 {
            return Err(at("NameLength", DecodeReason::Invalid, 6));
        }
        let tag = reader.slice_at("Name", name_offset, name_length).map_err(moved)?;
        if data_length == 0 {
            return Ok(RawContext { tag, data: &[], data_message_offset: here });
        }
        if !data_offset.is_multiple_of(8) || data_offset < name_offset.saturating_add(name_length) {
            return Err(at("DataOffset", DecodeReason::Invalid, 10));
        }
        let data = reader.slice_at("Data", data_offset, data_length).map_err(moved)?;
        Ok(RawContext { tag, data, data_message_offset: here.saturating_add(data_offset) })
    }
}

impl<'a> Iterator for RawContextIter<'a> {
    type Item = Result<RawContext<'a>, DecodeError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.chain.is_empty() {
            return None;
        }
        let found = self.step();
        if found.is_err() {
            self.chain = &[];
        }
        Some(found)
    }
}

/// Walks over a chain of contexts; see [`CreateContexts::iter`].
#[derive(Clone, Debug)]
pub struct CreateContextIter<'a, C> {
    raw: RawContextIter<'a>,
    values: &'a [C],
}

impl<'a, C: Context<'a>> Iterator for CreateContextIter<'a, C> {
    type Item = Result<C, DecodeError>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some((first, rest)) = self.values.split_first() {
            self.values = rest;
            return Some(Ok(*first));
        }
        loop {
            let found = match self.raw.next()? {
                Ok(raw) => C::decode_data(raw.tag, raw.data).map_err(|error| {
                    self.raw.chain = &[];
                    DecodeError { offset: error.offset.saturating_add(raw.data_message_offset), ..error }
                }),
                Err(error) => Err(error),
            };
            match found {
                Ok(Some(context)) => return Some(Ok(context)),
                Ok(None) => {}
                Err(error) => return Some(Err(error)),
            }
        }
    }
}

#[cfg(test)]
mod tests;
