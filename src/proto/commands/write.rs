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

/// Nothing yet.
pub enum Pending {}

/// Nothing yet.
///
/// # Errors
/// Never.
pub fn finish(_: &mut Context<'_>, pending: Pending, _: super::super::op::OpResult) -> StepResult {
    match pending {}
}
