//! [MS-SMB2] 3.3.5.6 Receiving an SMB2 LOGOFF Request.

use super::super::context::{Context, StepResult};
use crate::smb2::DecodeMessage;
use crate::smb2::logoff::{LogoffRequest, LogoffResponse};

/// Ends the session: its opens are closed before the reply is sent.
///
/// # Errors
/// When the body is malformed.
pub fn decide(cx: &mut Context<'_>) -> StepResult {
    LogoffRequest::decode(&cx.request.message)?;
    let session = cx.session()?.clone();
    // The reply is signed with the key that goes.
    *cx.channel = cx.link.channels.get(&session.id.0).cloned();
    cx.server.end_session(&session, cx.before_reply, cx.now);
    // The channel stays for a while: what is asked in the session's name is refused under its signature.
    cx.link.setups.remove(&session.id.0);
    cx.reply(&LogoffResponse)
}
