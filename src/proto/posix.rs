//! What the SMB3 POSIX Extensions tell of a file: a view of its metadata and of its descriptor.

use freehold_acl::{SecurityDescriptor, posix_mode};
use freehold_dtyp::Sid;

use crate::fscc::fsctl::reparse::{NfsType, ReparseTag};
use crate::fscc::posix::{self, PosixInformation};
use crate::vfs::Metadata;

/// What a descriptor says of a POSIX file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ownership {
    /// Permission bits.
    pub mode: u32,
    /// Owner.
    pub owner: Sid,
    /// Group.
    pub group: Sid,
}

impl Ownership {
    /// Of a descriptor.
    pub(super) fn of(security: &SecurityDescriptor) -> Self {
        Ownership {
            mode: posix_mode(security),
            owner: security.owner.unwrap_or(Sid::NULL),
            group: security.group.unwrap_or(Sid::NULL),
        }
    }
}

/// The type bits of a file's mode on the wire.
///
/// DIFFERS: for directories the draft has a type, too. Linux up to 6.11 takes the bits of a directory for those of its own
/// modes, in which they mean another type; later ones know a directory by its attributes. So files and directories have
/// none.
pub(super) fn file_type(metadata: &Metadata) -> u32 {
    match ReparseTag(metadata.reparse_tag) {
        ReparseTag::SYMLINK | ReparseTag::LX_SYMLINK => posix::file_type::SYMLINK,
        ReparseTag::LX_FIFO => posix::file_type::FIFO,
        ReparseTag::LX_CHR => posix::file_type::CHARACTER_DEVICE,
        ReparseTag::LX_BLK => posix::file_type::BLOCK_DEVICE,
        ReparseTag::AF_UNIX => posix::file_type::SOCKET,
        ReparseTag::NFS => match metadata.nfs_type {
            NfsType::SPECFILE_LNK => posix::file_type::SYMLINK,
            NfsType::SPECFILE_CHR => posix::file_type::CHARACTER_DEVICE,
            NfsType::SPECFILE_BLK => posix::file_type::BLOCK_DEVICE,
            NfsType::SPECFILE_FIFO => posix::file_type::FIFO,
            NfsType::SPECFILE_SOCK => posix::file_type::SOCKET,
            _ => posix::file_type::FILE,
        },
        _ => posix::file_type::FILE,
    }
}

/// Information class 100 of a file.
pub(super) fn information(metadata: &Metadata, owned: Ownership, device_id: u32) -> PosixInformation {
    PosixInformation {
        creation_time: metadata.created,
        last_access_time: metadata.accessed,
        last_write_time: metadata.modified,
        change_time: metadata.changed,
        end_of_file: metadata.size_bytes,
        allocation_size: metadata.allocated_bytes,
        file_attributes: metadata.attributes.normalized(),
        inode: metadata.id.0,
        device_id,
        link_count: metadata.links,
        reparse_tag: metadata.reparse_tag,
        mode: owned.mode | file_type(metadata),
        owner: owned.owner,
        group: owned.group,
    }
}
