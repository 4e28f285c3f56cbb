//! Not written yet.

use freehold_dtyp::NtStatus;

use super::super::context::{Context, StepResult};

/// Refuses.
///
/// # Errors
/// Always.
pub fn decide(_: &mut Context<'_>) -> StepResult {
    Err(NtStatus::NOT_SUPPORTED.into())
}
