//! [MS-FSCC] 2.3 FSCTL Structures and those of [MS-SMB2] 2.2.31 and 2.2.32, both directions.

mod code;
mod copy;
mod misc;
mod network;
mod ranges;
pub mod reparse;
pub mod snapshots;

pub use code::FsctlCode;
pub use copy::{
    CopyChunk, CopyChunkCopy, CopyChunkResponse, DuplicateExtents, DuplicateExtentsEx, ResumeKeyResponse,
    encode_copy_chunk_copy,
};
pub use misc::{
    CompressionState, IntegrityInformation, IsPathnameValid, ObjectIdBuffer, ObjectIdExtended, PipePeek,
    PipeWait, SetIntegrityInformation, SetIntegrityInformationEx,
};
pub use network::{
    NetworkInterfaceInfo, NetworkResiliencyRequest, ValidateNegotiateInfo, ValidateNegotiateInfoResponse,
    encode_validate_negotiate_info,
};
pub use ranges::{
    AllocatedRange, FileLevelTrim, FileLevelTrimResponse, FileRegion, FileRegionInput, FileRegionOutput,
    REGION_VALID_CACHED_DATA, REGION_VALID_NONCACHED_DATA, SetZeroData, TrimRange, decode_set_sparse,
    encode_file_level_trim,
};
