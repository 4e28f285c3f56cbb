//! [MS-SMB2] 3.3.5.20.2 Handling SMB2_0_INFO_FILESYSTEM, [MS-FSA] 2.1.5.13 Server Requests a Query of File System
//! Information.

use std::sync::Arc;

use freehold_dtyp::{Encode, NtStatus, Wtf8};

use super::super::super::context::{Context, Step, StepResult};
use super::super::super::op::{Op, OpResult, QuotaRequest, VolumeRef};
use super::super::super::open::Open;
use super::super::super::quota;
use super::{limit_of, reply};
use crate::fscc::FsInformationClass;
use crate::fscc::fs_info::{
    DeviceCharacteristics, FileSystemAttributes, FsAttributeInformation, FsDeviceInformation,
    FsFullSizeInformation, FsObjectIdInformation, FsPosixInformation, FsSectorSizeInformation,
    FsSizeInformation, FsVolumeInformation, SectorSizeFlags,
};
use crate::fscc::name::MAX_COMPONENT_UNITS;
use crate::smb2::query_info::QueryInfoRequest;
use crate::vfs::VolumeIdentity;

/// What programs test for before they trust a volume with descriptors, streams and long names.
const FILE_SYSTEM_NAME: &str = "NTFS";
/// Bytes of a logical sector.
const SECTOR_BYTES: u32 = 512;
/// Bytes of a physical sector: what disks write all or not.
const PHYSICAL_SECTOR_BYTES: u32 = 4096;

/// A query of space or of quota settings under way.
pub struct Pending {
    volume: VolumeRef,
    class: FsInformationClass,
    limit_bytes: usize,
}

/// Checks class and length, then answers or asks for the space.
///
/// # Errors
/// INVALID_INFO_CLASS, NOT_SUPPORTED, INFO_LENGTH_MISMATCH; INVALID_DEVICE_REQUEST for most of a pipe; VOLUME_NOT_UPGRADED for
/// quota settings where nothing is counted.
pub fn decide(cx: &mut Context<'_>, open: &Arc<Open>, request: &QueryInfoRequest<'_>) -> StepResult {
    let class = FsInformationClass(request.file_info_class);
    let limit_bytes = limit_of(request);
    if !class.is_defined() {
        return Err(NtStatus::INVALID_INFO_CLASS.into());
    }
    if class.minimum_query_length().is_some_and(|least| limit_bytes < least) {
        return Err(NtStatus::INFO_LENGTH_MISMATCH.into());
    }
    let Some(volume) = open.volume() else {
        if class != FsInformationClass::DEVICE {
            return Err(NtStatus::INVALID_DEVICE_REQUEST.into());
        }
        return reply(cx, limit_bytes, |writer| pipe_device().encode(writer));
    };
    let identity = Arc::clone(&volume.identity);
    match class {
        FsInformationClass::VOLUME => reply(cx, limit_bytes, |writer| {
            FsVolumeInformation {
                volume_creation_time: identity.created,
                volume_serial_number: identity.serial,
                supports_objects: false,
                volume_label: Wtf8::from(identity.label.as_str()),
            }
            .encode(writer);
        }),
        FsInformationClass::DEVICE => reply(cx, limit_bytes, |writer| disk_device().encode(writer)),
        FsInformationClass::ATTRIBUTE => reply(cx, limit_bytes, |writer| {
            FsAttributeInformation {
                file_system_attributes: attributes(&identity),
                maximum_component_name_length: u32::try_from(MAX_COMPONENT_UNITS).unwrap_or(u32::MAX),
                file_system_name: Wtf8::from(FILE_SYSTEM_NAME),
            }
            .encode(writer);
        }),
        FsInformationClass::CONTROL if !identity.quotas => Err(NtStatus::VOLUME_NOT_UPGRADED.into()),
        FsInformationClass::CONTROL => {
            let op = Op::Quota { volume: volume.clone(), request: QuotaRequest::Policy };
            Ok(ask(op, Pending { volume: volume.clone(), class, limit_bytes }))
        }
        FsInformationClass::OBJECT_ID => reply(cx, limit_bytes, |writer| {
            FsObjectIdInformation { object_id: identity.guid, ..FsObjectIdInformation::default() }
                .encode(writer);
        }),
        FsInformationClass::SECTOR_SIZE => {
            reply(cx, limit_bytes, |writer| sector_size(&identity).encode(writer))
        }
        FsInformationClass::POSIX if !open.as_file().is_some_and(|file| file.posix) => {
            Err(NtStatus::NOT_SUPPORTED.into())
        }
        FsInformationClass::SIZE | FsInformationClass::FULL_SIZE | FsInformationClass::POSIX => {
            let pending = Pending { volume: volume.clone(), class, limit_bytes };
            let file = open.place().ok_or(NtStatus::INVALID_DEVICE_REQUEST)?.clone();
            let op = Op::Space { volume: volume.clone(), caller: *cx.token()?.user(), file };
            Ok(ask(op, pending))
        }
        _ => Err(NtStatus::NOT_SUPPORTED.into()),
    }
}

fn ask(op: Op, pending: Pending) -> Step {
    Step::Op(op, super::super::Pending::QueryInfo(Box::new(super::Pending::Space(pending))))
}

/// Encodes the space in allocation units, or the quota settings.
///
/// # Errors
/// What the volume refuses.
pub fn finish(cx: &mut Context<'_>, pending: &Pending, result: OpResult) -> StepResult {
    if pending.class == FsInformationClass::CONTROL {
        let control = quota::control(&result.quota_policy()?.settings);
        return reply(cx, pending.limit_bytes, |writer| control.encode(writer));
    }
    let space = result.space()?;
    let unit_bytes = pending.volume.identity.allocation_unit_bytes.max(SECTOR_BYTES);
    let units = |bytes: u64| bytes.checked_div(u64::from(unit_bytes)).unwrap_or(0);
    let sectors_per_allocation_unit = unit_bytes / SECTOR_BYTES;
    reply(cx, pending.limit_bytes, |writer| {
        if pending.class == FsInformationClass::POSIX {
            FsPosixInformation {
                optimal_transfer_size: unit_bytes,
                block_size: unit_bytes,
                total_blocks: units(space.total_bytes),
                // What is used is what is not free: of a limited caller it is not all the disk's.
                blocks_available: units(if space.limited { space.available_bytes } else { space.free_bytes }),
                user_blocks_available: units(space.available_bytes),
                total_file_nodes: space.total_files,
                free_file_nodes: space.free_files,
                file_system_identifier: u64::from(pending.volume.identity.serial),
            }
            .encode(writer);
        } else if pending.class == FsInformationClass::SIZE {
            FsSizeInformation {
                total_allocation_units: units(space.total_bytes),
                available_allocation_units: units(space.available_bytes),
                sectors_per_allocation_unit,
                bytes_per_sector: SECTOR_BYTES,
            }
            .encode(writer);
        } else {
            FsFullSizeInformation {
                total_allocation_units: units(space.total_bytes),
                caller_available_allocation_units: units(space.available_bytes),
                actual_available_allocation_units: units(space.free_bytes),
                sectors_per_allocation_unit,
                bytes_per_sector: SECTOR_BYTES,
            }
            .encode(writer);
        }
    })
}

/// Only what is true of the volume: clients build on each of these. NTFS says CASE_SENSITIVE_SEARCH as well although it
/// compares names without case unless it is told otherwise; clients expect both together.
fn attributes(identity: &VolumeIdentity) -> FileSystemAttributes {
    let mut attributes = FileSystemAttributes::CASE_SENSITIVE_SEARCH
        | FileSystemAttributes::CASE_PRESERVED_NAMES
        | FileSystemAttributes::UNICODE_ON_DISK
        | FileSystemAttributes::PERSISTENT_ACLS
        | FileSystemAttributes::SUPPORTS_REPARSE_POINTS
        | FileSystemAttributes::SUPPORTS_HARD_LINKS
        | FileSystemAttributes::SUPPORTS_EXTENDED_ATTRIBUTES;
    attributes.set(FileSystemAttributes::NAMED_STREAMS, identity.options.named_streams);
    attributes.set(FileSystemAttributes::FILE_COMPRESSION, identity.compression);
    attributes.set(FileSystemAttributes::READ_ONLY_VOLUME, identity.read_only);
    attributes.set(FileSystemAttributes::VOLUME_QUOTAS, identity.quotas);
    attributes.set(FileSystemAttributes::SUPPORTS_SPARSE_FILES, identity.sparse);
    attributes.set(FileSystemAttributes::SUPPORTS_BLOCK_REFCOUNTING, identity.reflinks);
    attributes
}

fn disk_device() -> FsDeviceInformation {
    FsDeviceInformation {
        device_type: FsDeviceInformation::DISK,
        characteristics: DeviceCharacteristics::DEVICE_IS_MOUNTED,
    }
}

fn pipe_device() -> FsDeviceInformation {
    FsDeviceInformation {
        device_type: FsDeviceInformation::NAMED_PIPE,
        characteristics: DeviceCharacteristics::empty(),
    }
}

fn sector_size(identity: &VolumeIdentity) -> FsSectorSizeInformation {
    let mut flags = SectorSizeFlags::ALIGNED_DEVICE | SectorSizeFlags::PARTITION_ALIGNED_ON_DEVICE;
    // Clients send FSCTL_FILE_LEVEL_TRIM where they see this: it frees what it is told of.
    flags.set(SectorSizeFlags::TRIM_ENABLED, identity.sparse);
    FsSectorSizeInformation {
        logical_bytes_per_sector: SECTOR_BYTES,
        physical_bytes_per_sector_for_atomicity: PHYSICAL_SECTOR_BYTES,
        physical_bytes_per_sector_for_performance: PHYSICAL_SECTOR_BYTES,
        file_system_effective_physical_bytes_per_sector_for_atomicity: PHYSICAL_SECTOR_BYTES,
        flags,
        byte_offset_for_sector_alignment: 0,
        byte_offset_for_partition_alignment: 0,
    }
}
