//! [MS-SMB2] 3.3.5.17 Receiving an SMB2 ECHO Request.

use super::super::context::{Context, StepResult};
use crate::smb2::DecodeMessage;
use crate::smb2::echo::{EchoRequest, EchoResponse};

/// Answers.
///
/// # Errors
/// When the body is malformed.
pub fn decide(cx: &mut Context<'_>) -> StepResult {
    EchoRequest::decode(&cx.request.message)?;
    cx.reply(&EchoResponse)
}
