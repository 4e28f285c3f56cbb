//! A share whose folder depends on who connects: finds the folder, or makes it at the first connect, with a descriptor as
//! Windows' folder redirection gives it: the user's own, and nobody's above.

use std::sync::Arc;

use freehold_acl::{AccessMask, Ace, AceFlags, Acl, Control, SecurityDescriptor, Token};
use freehold_dtyp::{NtStatus, Sid, Wtf8Buf};

use super::super::super::audit;
use super::super::super::changes;
use super::super::super::context::{Context, Step, StepResult};
use super::super::super::directory_lease::By;
use super::super::super::op::{Op, OpResult};
use super::super::super::session::{Identity, Session};
use super::super::super::status::CommandError;
use super::super::super::tree_connect::{Share, ShareTarget};
use super::super::Pending as Command;
use crate::share_path::{Connecting, SharePath};
use crate::vfs::VfsPath;
use crate::vfs::folders::Missing;

/// A connect that waits for its folder.
pub struct Pending {
    share: Arc<Share>,
    maximal: AccessMask,
}

/// Asks for the folder.
pub(super) fn look_up(
    cx: &Context<'_>,
    session: &Session,
    identity: &Identity,
    share: Arc<Share>,
    maximal: AccessMask,
    path: &SharePath,
) -> StepResult {
    let ShareTarget::Disk { volume, .. } = &share.target else {
        return Err(CommandError::Internal("a share of pipes has no folder"));
    };
    let token = &identity.token;
    let who = Connecting {
        user: if identity.is_anonymous { "" } else { &identity.user },
        domain: &identity.domain,
        sid: token.user(),
        client: &session.client,
        time: cx.now.wall,
    };
    let components = path.resolve(&who).map_err(|error| {
        tracing::warn!(share = share.name, user = identity.user, %error, "no folder of the share is this user's");
        CommandError::Status(NtStatus::BAD_NETWORK_NAME)
    })?;
    let folder = VfsPath::new(Wtf8Buf::from(components.join("/"))).ok_or(NtStatus::BAD_NETWORK_NAME)?;
    let owned = match path.owned_depth() {
        Some(depth) => Some((depth, Arc::new(own(token)?))),
        None => None,
    };
    let missing = Missing { from: path.fixed_depth(), owned, token: Arc::clone(token), now: cx.now.wall };
    let op = Op::Folder { volume: volume.clone(), path: folder, missing: Box::new(missing) };
    Ok(Step::Op(op, Command::TreeConnect(Box::new(Pending { share, maximal }))))
}

/// The folder is there: the share as this tree connect has it.
pub(super) fn found(cx: &mut Context<'_>, pending: Pending, result: OpResult) -> StepResult {
    let Pending { share, maximal } = pending;
    let ShareTarget::Disk { volume, .. } = &share.target else {
        return Err(CommandError::Internal("a share of pipes has no folder"));
    };
    let OpResult::Folder(result) = result else {
        return Err(CommandError::Internal("the result is of another operation"));
    };
    let folder = result.map_err(|error| {
        tracing::warn!(share = share.name, %error, "a user's folder of the share cannot be used");
        CommandError::Status(NtStatus::BAD_NETWORK_NAME)
    })?;
    for made in &folder.made {
        let by = By { parent_key: None, now: cx.now };
        changes::report_added(cx.server, volume.id, made, true, by);
    }
    let target = ShareTarget::Disk { volume: volume.clone(), path: folder.path };
    let own = Arc::new(Share { target, ..Share::clone(&share) });
    audit::share_connected(cx, &own, true)?;
    super::connect(cx, &own, maximal)
}

/// The user, Administrators and SYSTEM may do everything, below as well; nothing comes from above.
fn own(token: &Token) -> Result<SecurityDescriptor, CommandError> {
    let (user, inherit) = (*token.user(), AceFlags::INHERITABLE);
    let full = |sid| Ace::allow(sid, AccessMask::FILE_ALL_ACCESS, inherit);
    let acl = Acl::from_aces([full(user), full(Sid::ADMINISTRATORS), full(Sid::SYSTEM)])
        .map_err(|_| CommandError::Internal("three entries are too many for a list"))?;
    let mut descriptor = SecurityDescriptor::new(user, *token.primary_group(), acl);
    // AUTO_INHERITED: what is made below says what it has inherited.
    descriptor.control = Control::DACL_PROTECTED | Control::DACL_AUTO_INHERITED;
    Ok(descriptor)
}
