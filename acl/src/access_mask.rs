//! [MS-DTYP] 2.4.3 ACCESS_MASK.

use serde::{Deserialize, Serialize};

/// [MS-DTYP] 2.4.3 ACCESS_MASK, with the file rights of [MS-SMB2] 2.2.13.1. Unknown bits are kept.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AccessMask(pub u32);

bit_set!(AccessMask, u32);

#[allow(missing_docs)] // the names are the specification's
impl AccessMask {
    pub const FILE_READ_DATA: AccessMask = AccessMask(0x0000_0001);
    pub const FILE_LIST_DIRECTORY: AccessMask = AccessMask(0x0000_0001);
    pub const FILE_WRITE_DATA: AccessMask = AccessMask(0x0000_0002);
    pub const FILE_ADD_FILE: AccessMask = AccessMask(0x0000_0002);
    pub const FILE_APPEND_DATA: AccessMask = AccessMask(0x0000_0004);
    pub const FILE_ADD_SUBDIRECTORY: AccessMask = AccessMask(0x0000_0004);
    pub const FILE_READ_EA: AccessMask = AccessMask(0x0000_0008);
    pub const FILE_WRITE_EA: AccessMask = AccessMask(0x0000_0010);
    pub const FILE_EXECUTE: AccessMask = AccessMask(0x0000_0020);
    pub const FILE_TRAVERSE: AccessMask = AccessMask(0x0000_0020);
    pub const FILE_DELETE_CHILD: AccessMask = AccessMask(0x0000_0040);
    pub const FILE_READ_ATTRIBUTES: AccessMask = AccessMask(0x0000_0080);
    pub const FILE_WRITE_ATTRIBUTES: AccessMask = AccessMask(0x0000_0100);
    pub const DELETE: AccessMask = AccessMask(0x0001_0000);
    pub const READ_CONTROL: AccessMask = AccessMask(0x0002_0000);
    pub const WRITE_DAC: AccessMask = AccessMask(0x0004_0000);
    pub const WRITE_OWNER: AccessMask = AccessMask(0x0008_0000);
    pub const SYNCHRONIZE: AccessMask = AccessMask(0x0010_0000);
    pub const ACCESS_SYSTEM_SECURITY: AccessMask = AccessMask(0x0100_0000);
    pub const MAXIMUM_ALLOWED: AccessMask = AccessMask(0x0200_0000);
    pub const GENERIC_ALL: AccessMask = AccessMask(0x1000_0000);
    pub const GENERIC_EXECUTE: AccessMask = AccessMask(0x2000_0000);
    pub const GENERIC_WRITE: AccessMask = AccessMask(0x4000_0000);
    pub const GENERIC_READ: AccessMask = AccessMask(0x8000_0000);
    pub const FILE_ALL_ACCESS: AccessMask = AccessMask(0x001F_01FF);
    pub const FILE_GENERIC_READ: AccessMask = AccessMask(0x0012_0089);
    pub const FILE_GENERIC_WRITE: AccessMask = AccessMask(0x0012_0116);
    pub const FILE_GENERIC_EXECUTE: AccessMask = AccessMask(0x0012_00A0);
    pub const STANDARD_RIGHTS_ALL: AccessMask = AccessMask(0x001F_0000);
}

impl AccessMask {
    /// The four generic bits.
    pub const GENERIC: AccessMask = AccessMask(0xF000_0000);
    /// Bits that have no meaning in a request to open a file: [MS-FSA] 2.1.5.1 refuses them.
    pub const FILE_RESERVED: AccessMask = AccessMask(0x0CE0_FE00);
}

/// [MS-DTYP] 2.5.3 GENERIC_MAPPING: what the generic rights mean for one kind of object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GenericMapping {
    /// What GENERIC_READ stands for.
    pub read: AccessMask,
    /// What GENERIC_WRITE stands for.
    pub write: AccessMask,
    /// What GENERIC_EXECUTE stands for.
    pub execute: AccessMask,
    /// What GENERIC_ALL stands for.
    pub all: AccessMask,
}

impl GenericMapping {
    /// Files and folders.
    pub const FILE: GenericMapping = GenericMapping {
        read: AccessMask::FILE_GENERIC_READ,
        write: AccessMask::FILE_GENERIC_WRITE,
        execute: AccessMask::FILE_GENERIC_EXECUTE,
        all: AccessMask::FILE_ALL_ACCESS,
    };

    /// The mask with its generic bits replaced by what they stand for.
    #[inline]
    #[must_use]
    pub const fn map_generic(&self, mask: AccessMask) -> AccessMask {
        if !mask.intersects(AccessMask::GENERIC) {
            return mask;
        }
        let mut mapped = mask.without(AccessMask::GENERIC);
        if mask.intersects(AccessMask::GENERIC_READ) {
            mapped = mapped.union(self.read);
        }
        if mask.intersects(AccessMask::GENERIC_WRITE) {
            mapped = mapped.union(self.write);
        }
        if mask.intersects(AccessMask::GENERIC_EXECUTE) {
            mapped = mapped.union(self.execute);
        }
        if mask.intersects(AccessMask::GENERIC_ALL) {
            mapped = mapped.union(self.all);
        }
        mapped
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generic_bits_become_file_rights() {
        let map = |mask| GenericMapping::FILE.map_generic(AccessMask(mask)).0;
        assert_eq!(map(0x8000_0000), 0x0012_0089);
        assert_eq!(map(0x4000_0000), 0x0012_0116);
        assert_eq!(map(0x2000_0000), 0x0012_00A0);
        assert_eq!(map(0x1000_0000), 0x001F_01FF);
        assert_eq!(map(0x8001_0000), 0x0013_0089);
        assert_eq!(map(0x0200_0001), 0x0200_0001);
    }
}
