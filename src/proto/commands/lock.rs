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
pub enum Parked {}

impl Parked {
    /// Nothing yet.
    #[must_use]
    pub fn deadline(&self) -> Option<std::time::Duration> {
        match *self {}
    }
}

/// Nothing yet.
///
/// # Errors
/// Never.
pub fn resume(_: &mut Context<'_>, parked: Parked, _: super::super::event::Wake) -> StepResult {
    match parked {}
}
