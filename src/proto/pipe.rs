//! Opens of named pipes.

use freehold_dtyp::Wtf8;

use crate::rpc::Pipe;

/// The state of one open pipe.
pub struct PipeOpen {
    /// The endpoint and its conversation.
    pub pipe: Pipe,
}

impl PipeOpen {
    /// Opens the pipe of that name; `None` when there is none.
    #[must_use]
    pub fn open(name: Wtf8<'_>) -> Option<Self> {
        Pipe::open(name).map(|pipe| PipeOpen { pipe })
    }
}

/// Reads.
///
/// # Errors
/// Always.
pub fn read(
    _cx: &mut super::context::Context<'_>,
    _parked: super::commands::read::Parked,
) -> super::context::StepResult {
    Err(freehold_dtyp::NtStatus::PIPE_DISCONNECTED.into())
}

/// Writes.
///
/// # Errors
/// Always.
pub fn write(
    _cx: &mut super::context::Context<'_>,
    _open: &std::sync::Arc<super::open::Open>,
    _data: &[u8],
) -> super::context::StepResult {
    Err(freehold_dtyp::NtStatus::PIPE_DISCONNECTED.into())
}
