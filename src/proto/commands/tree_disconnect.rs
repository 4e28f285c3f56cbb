//! [MS-SMB2] 3.3.5.8 Receiving an SMB2 TREE_DISCONNECT Request.

use super::super::context::{Context, StepResult};
use super::super::teardown;
use crate::smb2::DecodeMessage;
use crate::smb2::tree_disconnect::{TreeDisconnectRequest, TreeDisconnectResponse};

/// Ends the tree connect: its opens are closed before the reply is sent.
///
/// # Errors
/// When the body is malformed.
pub fn decide(cx: &mut Context<'_>) -> StepResult {
    TreeDisconnectRequest::decode(&cx.request.message)?;
    let (session, tree) = (cx.session()?.clone(), cx.tree()?.id);
    session.remove_tree(tree);
    for open in session.take_opens(Some(tree)) {
        teardown::close_open(cx.server, &open, cx.before_reply, cx.now);
    }
    cx.reply(&TreeDisconnectResponse)
}
