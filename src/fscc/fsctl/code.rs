//! The numbers of the FSCTLs: [MS-FSCC] 2.3, [MS-SMB2] 2.2.31, and those beside them that Windows knows.

/// A file system control code. Open: unknown codes are kept.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct FsctlCode(pub u32);

macro_rules! codes {
    ($($name:ident = $value:literal;)*) => {
        #[allow(missing_docs)] // the names are the specification's
        impl FsctlCode {
            $(pub const $name: FsctlCode = FsctlCode($value);)*

            /// The specification's name without `FSCTL_`, where this list has it.
            #[must_use]
            pub const fn name(self) -> Option<&'static str> {
                match self.0 {
                    $($value => Some(stringify!($name)),)*
                    _ => None,
                }
            }
        }
    };
}

codes! {
    // [MS-SMB2] 2.2.31, [MS-DFSC], [MS-RSVD], [MS-SQOS]
    DFS_GET_REFERRALS = 0x0006_0194;
    DFS_GET_REFERRALS_EX = 0x0006_01B0;
    PIPE_WAIT = 0x0011_0018;
    PIPE_PEEK = 0x0011_400C;
    PIPE_TRANSCEIVE = 0x0011_C017;
    SRV_REQUEST_RESUME_KEY = 0x0014_0078;
    LMR_GET_LINK_TRACKING_INFORMATION = 0x0014_00E8;
    LMR_SET_LINK_TRACKING_INFORMATION = 0x0014_00EC;
    LMR_REQUEST_RESILIENCY = 0x0014_01D4;
    QUERY_NETWORK_INTERFACE_INFO = 0x0014_01FC;
    VALIDATE_NEGOTIATE_INFO = 0x0014_0204;
    SRV_ENUMERATE_SNAPSHOTS = 0x0014_4064;
    SRV_COPYCHUNK = 0x0014_40F2;
    SRV_READ_HASH = 0x0014_41BB;
    SRV_COPYCHUNK_WRITE = 0x0014_80F2;
    QUERY_SHARED_VIRTUAL_DISK_SUPPORT = 0x0009_0300;
    SVHDX_SYNC_TUNNEL_REQUEST = 0x0009_0304;
    STORAGE_QOS_CONTROL = 0x0009_0350;
    SVHDX_ASYNC_TUNNEL_REQUEST = 0x0009_0364;
    // [MS-FSCC] 2.3
    IS_PATHNAME_VALID = 0x0009_002C;
    GET_COMPRESSION = 0x0009_003C;
    SET_COMPRESSION = 0x0009_C040;
    QUERY_FAT_BPB = 0x0009_0058;
    FILESYSTEM_GET_STATISTICS = 0x0009_0060;
    GET_NTFS_VOLUME_DATA = 0x0009_0064;
    GET_RETRIEVAL_POINTERS = 0x0009_0073;
    FIND_FILES_BY_SID = 0x0009_008F;
    SET_OBJECT_ID = 0x0009_0098;
    GET_OBJECT_ID = 0x0009_009C;
    DELETE_OBJECT_ID = 0x0009_00A0;
    SET_REPARSE_POINT = 0x0009_00A4;
    GET_REPARSE_POINT = 0x0009_00A8;
    DELETE_REPARSE_POINT = 0x0009_00AC;
    SET_OBJECT_ID_EXTENDED = 0x0009_00BC;
    CREATE_OR_GET_OBJECT_ID = 0x0009_00C0;
    SET_SPARSE = 0x0009_00C4;
    SET_ZERO_DATA = 0x0009_80C8;
    QUERY_ALLOCATED_RANGES = 0x0009_40CF;
    SET_ENCRYPTION = 0x0009_00D7;
    READ_FILE_USN_DATA = 0x0009_00EB;
    WRITE_USN_CLOSE_RECORD = 0x0009_00EF;
    MARK_HANDLE = 0x0009_00FC;
    SIS_COPYFILE = 0x0009_0100;
    SIS_LINK_FILES = 0x0009_C104;
    RECALL_FILE = 0x0009_0117;
    SET_DEFECT_MANAGEMENT = 0x0009_8134;
    QUERY_SPARING_INFO = 0x0009_0138;
    QUERY_ON_DISK_VOLUME_INFO = 0x0009_013C;
    SET_ZERO_ON_DEALLOCATION = 0x0009_0194;
    FILE_LEVEL_TRIM = 0x0009_8208;
    OFFLOAD_READ = 0x0009_4264;
    OFFLOAD_WRITE = 0x0009_8268;
    GET_INTEGRITY_INFORMATION = 0x0009_027C;
    SET_INTEGRITY_INFORMATION = 0x0009_C280;
    QUERY_FILE_REGIONS = 0x0009_0284;
    GET_REFS_VOLUME_DATA = 0x0009_02D8;
    DUPLICATE_EXTENTS_TO_FILE = 0x0009_8344;
    SET_INTEGRITY_INFORMATION_EX = 0x0009_0380;
    GET_RETRIEVAL_POINTERS_AND_REFCOUNT = 0x0009_03D3;
    DUPLICATE_EXTENTS_TO_FILE_EX = 0x0009_83E8;
    GET_RETRIEVAL_POINTER_COUNT = 0x0009_042B;
    REFS_STREAM_SNAPSHOT_MANAGEMENT = 0x0009_0440;
    // Windows has these as well; they speak to the volume and are not for a network.
    REQUEST_OPLOCK_LEVEL_1 = 0x0009_0000;
    REQUEST_OPLOCK_LEVEL_2 = 0x0009_0004;
    REQUEST_BATCH_OPLOCK = 0x0009_0008;
    OPLOCK_BREAK_ACKNOWLEDGE = 0x0009_000C;
    OPBATCH_ACK_CLOSE_PENDING = 0x0009_0010;
    OPLOCK_BREAK_NOTIFY = 0x0009_0014;
    LOCK_VOLUME = 0x0009_0018;
    UNLOCK_VOLUME = 0x0009_001C;
    DISMOUNT_VOLUME = 0x0009_0020;
    IS_VOLUME_MOUNTED = 0x0009_0028;
    MARK_VOLUME_DIRTY = 0x0009_0030;
    QUERY_RETRIEVAL_POINTERS = 0x0009_003B;
    OPLOCK_BREAK_ACK_NO_2 = 0x0009_0050;
    INVALIDATE_VOLUMES = 0x0009_0054;
    REQUEST_FILTER_OPLOCK = 0x0009_005C;
    GET_NTFS_FILE_RECORD = 0x0009_0068;
    GET_VOLUME_BITMAP = 0x0009_006F;
    MOVE_FILE = 0x0009_0074;
    IS_VOLUME_DIRTY = 0x0009_0078;
    ALLOW_EXTENDED_DASD_IO = 0x0009_0083;
    ENUM_USN_DATA = 0x0009_00B3;
    SECURITY_ID_CHECK = 0x0009_40B7;
    READ_USN_JOURNAL = 0x0009_00BB;
    ENABLE_UPGRADE = 0x0009_80D0;
    ENCRYPTION_FSCTL_IO = 0x0009_00DB;
    WRITE_RAW_ENCRYPTED = 0x0009_00DF;
    READ_RAW_ENCRYPTED = 0x0009_00E3;
    CREATE_USN_JOURNAL = 0x0009_00E7;
    EXTEND_VOLUME = 0x0009_00F0;
    QUERY_USN_JOURNAL = 0x0009_00F4;
    DELETE_USN_JOURNAL = 0x0009_00F8;
    READ_FROM_PLEX = 0x0009_411E;
    FILE_PREFETCH = 0x0009_0120;
    REQUEST_OPLOCK = 0x0009_0240;
    CSC_TUNNEL_REQUEST = 0x0009_0244;
}

impl FsctlCode {
    /// True when Windows defines the code: one that the volume does not serve is INVALID_DEVICE_REQUEST, an
    /// undefined one NOT_SUPPORTED ([MS-SMB2] 3.3.5.15.8).
    #[must_use]
    pub const fn is_defined(self) -> bool {
        self.name().is_some()
    }

    /// True for the codes that come without a file: FileId must be all ones, else INVALID_PARAMETER
    /// ([MS-SMB2] 3.3.5.15).
    #[must_use]
    pub const fn needs_no_open(self) -> bool {
        matches!(
            self,
            FsctlCode::DFS_GET_REFERRALS
                | FsctlCode::DFS_GET_REFERRALS_EX
                | FsctlCode::QUERY_NETWORK_INTERFACE_INFO
                | FsctlCode::VALIDATE_NEGOTIATE_INFO
                | FsctlCode::PIPE_WAIT
        )
    }
}

impl core::fmt::Debug for FsctlCode {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self.name() {
            Some(name) => write!(f, "FSCTL_{name}"),
            None => write!(f, "0x{:08X}", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// CTL_CODE of the device, the function, the method and the access.
    const fn ctl_code(device: u32, function: u32, method: u32, access: u32) -> u32 {
        device << 16 | access << 14 | function << 2 | method
    }

    #[test]
    fn codes_are_made_of_device_function_method_and_access() {
        let (any, read, write) = (0, 1, 2);
        for (code, device, function, method, access) in [
            (FsctlCode::GET_REPARSE_POINT, 9, 42, 0, any),
            (FsctlCode::SET_ZERO_DATA, 9, 50, 0, write),
            (FsctlCode::QUERY_ALLOCATED_RANGES, 9, 51, 3, read),
            (FsctlCode::SET_COMPRESSION, 9, 16, 0, read | write),
            (FsctlCode::SIS_LINK_FILES, 9, 65, 0, read | write),
            (FsctlCode::FIND_FILES_BY_SID, 9, 35, 3, any),
            (FsctlCode::PIPE_TRANSCEIVE, 0x11, 5, 3, read | write),
            (FsctlCode::SRV_COPYCHUNK_WRITE, 0x14, 60, 2, write),
            (FsctlCode::VALIDATE_NEGOTIATE_INFO, 0x14, 129, 0, any),
            (FsctlCode::FILE_LEVEL_TRIM, 9, 130, 0, write),
            (FsctlCode::DUPLICATE_EXTENTS_TO_FILE, 9, 209, 0, write),
            (FsctlCode::DFS_GET_REFERRALS, 6, 101, 0, any),
        ] {
            assert_eq!(code.0, ctl_code(device, function, method, access), "{code:?}");
        }
    }

    #[test]
    fn unknown_codes_are_not_defined() {
        assert!(FsctlCode::OFFLOAD_READ.is_defined());
        for code in [0, 0x0009_FFFC, 0xFFFF_FFFF, 0x0014_0000] {
            assert!(!FsctlCode(code).is_defined(), "{code:08X}");
        }
    }
}
