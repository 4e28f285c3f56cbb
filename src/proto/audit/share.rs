//! 5140 and 5145: accesses to shares, by the option of the share and of the server.

use std::sync::Arc;

use freehold_acl::{AccessMask, GenericMapping};
use freehold_dtyp::Wtf8;

use super::super::context::Context;
use super::super::status::CommandError;
use super::super::tree_connect::{Share, ShareTarget, TreeConnect};
use super::opening::Check;
use super::{ShareAudit, must_be_recorded, record, subject};
use crate::audit::record::Detail;
use crate::smb2::create::CreateRequest;

/// 5140: a session connects to a share, or is refused.
///
/// # Errors
/// AUDIT_FAILED.
pub(in crate::proto) fn share_connected(
    cx: &mut Context<'_>,
    share: &Share,
    success: bool,
) -> Result<(), CommandError> {
    if !share.audit.union(cx.server.config.audit_shares).wants(success) {
        return Ok(());
    }
    must_be_recorded(cx.server)?;
    let subject = subject(cx.session()?, cx.link, &share.name);
    let detail = Detail::ShareAccessed { folder: folder_of(share) };
    cx.audit.push(&record(cx.server, cx.now.wall, success, &subject, detail));
    Ok(())
}

/// Volume's label and folder of a share.
fn folder_of(share: &Share) -> Option<(&str, Wtf8<'_>)> {
    match &share.target {
        ShareTarget::Disk { volume, path } => Some((&volume.identity.label, path.as_wtf8())),
        ShareTarget::Pipes => None,
    }
}

/// 5145: a CREATE is held against the share's descriptor.
///
/// # Errors
/// AUDIT_FAILED.
pub(in crate::proto) fn share_checked(
    cx: &mut Context<'_>,
    tree: &TreeConnect,
    request: &CreateRequest<'_>,
) -> Result<(), CommandError> {
    let wanted = tree.share.audit.union(cx.server.config.audit_shares);
    if wanted == ShareAudit::default() {
        return Ok(());
    }
    let access = GenericMapping::FILE.map_generic(AccessMask(request.desired_access));
    let named = access.without(AccessMask::MAXIMUM_ALLOWED | AccessMask::ACCESS_SYSTEM_SECURITY);
    let success = tree.maximal_access.contains(named);
    if !wanted.wants(success) {
        return Ok(());
    }
    must_be_recorded(cx.server)?;
    let session = Arc::clone(cx.session()?);
    let subject = subject(&session, cx.link, &tree.share.name);
    let target = request.name.to_wtf8();
    let check = Check {
        descriptor: &tree.share.security,
        token: &session.token(),
        granted: named & tree.maximal_access,
        backup_intent: false,
    };
    let detail = Detail::ShareChecked {
        folder: folder_of(&tree.share),
        target: target.as_wtf8(),
        access,
        reasons: &check.reasons(named),
    };
    cx.audit.push(&record(cx.server, cx.now.wall, success, &subject, detail));
    Ok(())
}
