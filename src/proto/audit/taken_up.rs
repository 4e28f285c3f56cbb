//! What is recorded of handles that outlive their session, or the server.

use std::sync::Arc;
use std::sync::atomic::AtomicU32;

use arc_swap::ArcSwap;
use freehold_acl::{AccessMask, AuditOutcome, Token, audited_access};
use freehold_dtyp::{Sid, Wtf8Buf};

use super::super::context::Context;
use super::super::open::Open;
use super::super::server::Server;
use super::super::status::CommandError;
use super::super::tree_connect::{Share, ShareTarget};
use super::{OpenAudit, audit_of, subject};
use crate::audit::record::Subject;
use crate::state::network_token;
use crate::state::tokens::LOGON_GROUPS;
use crate::vfs::Opened;

/// A session has taken a handle up that had lost its own: what is recorded from now on is its doing.
///
/// # Errors
/// `Internal` without a session.
pub(in crate::proto) fn taken_up(cx: &Context<'_>, open: &Open) -> Result<(), CommandError> {
    if let Some((_, audit)) = audit_of(open) {
        audit.subject.store(Arc::new(subject(cx.session()?, cx.link, &open.tree.share.name)));
    }
    Ok(())
}

/// What is recorded of the use of a handle that was open when the server ended. Of an account that is not known any more,
/// what the SACL says of itself and of everybody counts.
pub(in crate::proto) fn restored(
    server: &Server,
    share: &Share,
    (owner, user): (&Sid, &str),
    found: &Opened,
    stream: Option<&Wtf8Buf>,
    (handle_id, granted): (u64, AccessMask),
) -> Option<Arc<OpenAudit>> {
    let ShareTarget::Disk { volume, .. } = &share.target else { return None };
    if !found.security.audits() {
        return None;
    }
    let token = match server.accounts.load().account_by_sid(owner) {
        Some(account) => network_token(account),
        None => Token::builder(*owner).groups(LOGON_GROUPS).build(),
    };
    let audited = audited_access(&found.security, &token, granted, AuditOutcome::Success);
    (!audited.is_empty()).then(|| {
        Arc::new(OpenAudit {
            subject: ArcSwap::from_pointee(Subject {
                user_sid: *owner,
                user_name: user.to_owned(),
                domain_name: server.config.netbios_name.clone(),
                logon_id: 0,
                ip_address: String::new(),
                ip_port: 0,
                share_name: share.name.clone(),
            }),
            volume: Arc::clone(&volume.identity),
            stream: stream.cloned(),
            handle_id,
            audited,
            left: AtomicU32::new(audited.0),
        })
    })
}
