//! Opens of named pipes.

/// The state of one open pipe.
#[derive(Debug, Default)]
pub struct PipeOpen {}

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
