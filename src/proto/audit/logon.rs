//! 4624, 4625 and 4634: logons and their ends, by the option of the server.
//!
//! A logon that would have to be recorded is refused while the log cannot be written; a failed one is answered as ever.

use std::collections::VecDeque;

use freehold_dtyp::{NtStatus, Sid};

use super::super::context::Context;
use super::super::event::Now;
use super::super::op::Op;
use super::super::server::Server;
use super::super::session::{Identity, Session};
use super::super::status::{CommandError, auth_status};
use super::must_be_recorded;
use crate::audit::logon::{Failure, Origin, Package, Target};
use crate::audit::record::{Batch, Detail, Record};
use crate::auth::{AccountAnswer, AccountQuery, AuthError, Mechanism};

/// Which logons are recorded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LogonAudit {
    /// Those that succeed, and their ends.
    pub success: bool,
    /// Those that fail.
    pub failure: bool,
    /// Those of domain users by NTLM, in any case: who is to do without NTLM must know who uses it.
    pub domain_ntlm: bool,
}

impl LogonAudit {
    const fn wants(self, success: bool, attempt: &Attempt) -> bool {
        let by_outcome = if success { self.success } else { self.failure };
        by_outcome || (self.domain_ntlm && attempt.of_domain)
    }
}

/// What is known of a logon under way beside its outcome: as the client says, and proven only with the logon.
#[derive(Clone, Debug)]
pub struct Attempt {
    user: String,
    domain: String,
    workstation: String,
    /// A domain controller was asked about it.
    of_domain: bool,
    /// What the client is not told of its failure.
    sub_status: NtStatus,
}

impl Default for Attempt {
    fn default() -> Self {
        Attempt {
            user: String::new(),
            domain: String::new(),
            workstation: String::new(),
            of_domain: false,
            sub_status: NtStatus::SUCCESS,
        }
    }
}

impl Attempt {
    /// The client has named its account.
    pub(in crate::proto) fn named(&mut self, query: &AccountQuery) {
        self.user.clone_from(&query.user);
        self.domain.clone_from(&query.domain);
        self.workstation.clone_from(&query.workstation);
    }

    /// The account has been looked up.
    pub(in crate::proto) fn looked_up(&mut self, answer: &AccountAnswer) {
        match answer {
            AccountAnswer::Unknown => self.sub_status = NtStatus::NO_SUCH_USER,
            AccountAnswer::Secret { .. } => self.sub_status = NtStatus::WRONG_PASSWORD,
            AccountAnswer::Verified { .. } | AccountAnswer::Refused(_) => self.of_domain = true,
            AccountAnswer::Guest => {}
        }
    }

    fn origin<'a>(&'a self, cx: &'a Context<'_>, mechanism: Option<Mechanism>) -> Origin<'a> {
        let package = match mechanism {
            Some(Mechanism::Ntlm) => Package::Ntlm,
            Some(Mechanism::Kerberos | Mechanism::MsKerberos) => Package::Kerberos,
            Some(Mechanism::NegoEx) | None => Package::None,
        };
        Origin {
            package,
            workstation: &self.workstation,
            ip_address: &cx.link.peer,
            ip_port: cx.link.peer_port,
        }
    }
}

fn target(identity: &Identity) -> Target<'_> {
    let (user, domain) = if identity.is_anonymous {
        ("ANONYMOUS LOGON", "NT AUTHORITY")
    } else {
        (identity.user.as_str(), identity.domain.as_str())
    };
    Target { sid: *identity.token.user(), user, domain }
}

fn record<'a>(server: &'a Server, now: Now, success: bool, detail: Detail<'a>) -> Record<'a> {
    Record { time: now.wall, success, computer: server.config.netbios_name.as_str(), subject: None, detail }
}

/// Before a logon takes effect.
///
/// # Errors
/// AUDIT_FAILED when it would have to be recorded and cannot be.
pub(in crate::proto) fn logging_on(server: &Server, attempt: &Attempt) -> Result<(), CommandError> {
    if server.config.audit_logons.wants(true, attempt) { must_be_recorded(server) } else { Ok(()) }
}

/// 4624: somebody is logged on, or has proved anew who they are.
pub(in crate::proto) fn logged_on(
    cx: &mut Context<'_>,
    attempt: &Attempt,
    mechanism: Mechanism,
    session: &Session,
) {
    if !cx.server.config.audit_logons.wants(true, attempt) {
        return;
    }
    let identity = session.identity.load();
    let detail = Detail::LoggedOn {
        who: target(&identity),
        logon_id: session.id.0,
        from: attempt.origin(cx, Some(mechanism)),
    };
    let mut batch = Batch::default();
    batch.push(&record(cx.server, cx.now, true, detail));
    cx.audit.append(&batch);
}

/// 4625: nobody is.
pub(in crate::proto) fn logon_failed(
    cx: &mut Context<'_>,
    attempt: &Attempt,
    mechanism: Option<Mechanism>,
    error: AuthError,
) {
    if !cx.server.config.audit_logons.wants(false, attempt) {
        return;
    }
    let sub_status = match error {
        AuthError::LogonFailure => attempt.sub_status,
        _ => NtStatus::SUCCESS,
    };
    let reason = error.to_string();
    let detail = Detail::LogonFailed {
        who: Target { sid: Sid::NULL, user: &attempt.user, domain: &attempt.domain },
        why: Failure { status: auth_status(error), sub_status, reason: &reason },
        from: attempt.origin(cx, mechanism),
    };
    let mut batch = Batch::default();
    batch.push(&record(cx.server, cx.now, false, detail));
    cx.audit.append(&batch);
}

/// 4634: a session has ended, whoever ended it.
pub(in crate::proto) fn logged_off(server: &Server, session: &Session, ops: &mut VecDeque<Op>, now: Now) {
    if !server.config.audit_logons.success {
        return;
    }
    let identity = session.identity.load();
    let detail = Detail::LoggedOff { who: target(&identity), logon_id: session.id.0 };
    let mut batch = Batch::default();
    batch.push(&record(server, now, true, detail));
    ops.push_back(Op::Audit { batch, follows_deletion: false });
}
