//! [MS-FSCC] 2.4 File Information Classes that tell of or change one file.

mod all;
mod fixed;
mod names;
mod rename;
mod stream;

pub use all::AllInformation;
pub use fixed::{
    AccessInformation, AlignmentInformation, AllocationInformation, AttributeTagInformation,
    BasicInformation, CompressionInformation, DispositionExInformation, DispositionFlags,
    DispositionInformation, EaInformation, EndOfFileInformation, FileMode, IdInformation,
    InternalInformation, ModeInformation, NetworkOpenInformation, ObjectIdInformation, PipeInformation,
    PipeLocalInformation, PipeRemoteInformation, PositionInformation, ReparsePointInformation,
    StandardInformation, TimeChange, ValidDataLengthInformation,
};
pub use names::{LinkEntry, NameInformation, encode_hard_links};
pub use rename::{RenameExInformation, RenameFlags, RenameInformation};
pub use stream::StreamInformation;
