//! What the requests about the domain do. What takes domain controllers takes a running server, which does it on its runtime; the
//! rest is in the state.

use std::sync::Arc;

use freehold_dtyp::FileTime;
use zeroize::Zeroizing;

use super::domain_protocol::{
    AliasRow, CheckRow, DomainLogon, DomainReply, DomainRequest, DomainStatusRow, JoinedRow, KeytabFile,
};
use super::protocol::Reply;
use super::service::{AdminService, iso_8601};
use crate::domain::{
    AccountEnd, Check, CheckResult, Domain, DomainError, DomainStatus, JoinRequest, Joined, Logon, Progress,
    keytab, machine_names,
};
use crate::state::Membership;

/// Where the parts of an answer go.
type Sink<'a> = dyn FnMut(Reply) -> bool + 'a;

impl AdminService {
    /// Executes a request about the domain; `sink` gets the parts of the answer.
    pub(super) fn domain(&self, request: DomainRequest, sink: &mut Sink<'_>) -> anyhow::Result<()> {
        let reply = match request {
            DomainRequest::Join { domain, logon, organizational_unit, computer_name, server, what_if } => {
                let request = JoinRequest {
                    domain,
                    user: logon.user,
                    password: Zeroizing::new(logon.password.expose().to_owned()),
                    organizational_unit,
                    computer_name,
                    server,
                    what_if,
                };
                let joined = self.with_domain("joining a domain", sink, async move |domain, steps| {
                    domain.join(&request, steps).await
                })?;
                DomainReply::Joined(Box::new(joined_row(joined)))
            }
            DomainRequest::Leave { logon, keep_account, delete_account, force } => {
                let end = match (keep_account, delete_account) {
                    (true, _) => AccountEnd::Keep,
                    (false, true) => AccountEnd::Delete,
                    (false, false) => AccountEnd::Disable,
                };
                let domain = self.with_domain("leaving the domain", sink, async move |domain, steps| {
                    domain.leave(logon_of(logon), end, force, steps).await
                })?;
                DomainReply::Left { domain }
            }
            DomainRequest::Status => DomainReply::Status(Box::new(self.domain_status(sink)?)),
            DomainRequest::Test => {
                let checks =
                    self.with_domain("the test", sink, async move |domain, _| domain.test().await)?;
                DomainReply::Checks(checks.into_iter().map(check_row).collect())
            }
            DomainRequest::Rotate => {
                let change = "changing the machine password";
                let key_version =
                    self.with_domain(change, sink, async move |domain, _| domain.rotate().await)?;
                DomainReply::Rotated { key_version }
            }
            DomainRequest::Keytab => {
                let member = self.membership()?;
                DomainReply::Keytab(KeytabFile::new(&keytab::keytab(&member, now())))
            }
            DomainRequest::AliasAdd { name, logon } => {
                let added = self.with_domain("registering an alias", sink, async move |domain, steps| {
                    domain.add_alias(&name, logon_of(logon), steps).await
                })?;
                DomainReply::AliasChanged(AliasRow { name: added.0, service_principal_names: added.1 })
            }
            DomainRequest::AliasRemove { name, logon, force } => {
                let removed = self.with_domain("removing an alias", sink, async move |domain, steps| {
                    domain.remove_alias(&name, logon_of(logon), force, steps).await
                })?;
                DomainReply::AliasChanged(AliasRow { name: removed.0, service_principal_names: removed.1 })
            }
            DomainRequest::AliasList => DomainReply::Aliases(self.aliases()?),
        };
        sink(Reply::Domain(reply));
        Ok(())
    }

    fn membership(&self) -> anyhow::Result<Arc<Membership>> {
        self.state().membership().ok_or_else(|| {
            anyhow::anyhow!("this server is not a member of a domain: `freehold domain join` makes it one")
        })
    }

    /// Has the running server do something about its domain, and tells its steps as they are done. Who does not wait any more does not
    /// stop it: half of a join helps nobody.
    fn with_domain<T: Send + 'static>(
        &self,
        what: &str,
        sink: &mut Sink<'_>,
        work: impl AsyncFnOnce(Arc<Domain>, &mut Progress<'_>) -> Result<T, DomainError> + Send + 'static,
    ) -> anyhow::Result<T> {
        let domain = self.running(what)?.domain();
        let runtime = tokio::runtime::Handle::try_current()?;
        let (step, steps) = std::sync::mpsc::channel();
        // The work waits for the network and for the state's disk; this thread waits for the peer to take the steps.
        let working = runtime.clone().spawn_blocking(move || {
            let mut progress = |text: &str| {
                let _ = step.send(text.to_owned());
            };
            runtime.block_on(work(domain, &mut progress))
        });
        for text in steps {
            sink(Reply::Domain(DomainReply::Progress { text }));
        }
        let done = tokio::runtime::Handle::try_current()?.block_on(working);
        Ok(done.map_err(|_| anyhow::anyhow!("it failed inside of the server; see its log"))??)
    }

    fn domain_status(&self, sink: &mut Sink<'_>) -> anyhow::Result<DomainStatusRow> {
        let Some(member) = self.state().membership() else { return Ok(DomainStatusRow::default()) };
        let what = "the status";
        let status = match self.running(what) {
            Ok(_) => self.with_domain(what, sink, async move |domain, _| domain.status().await)?,
            Err(_) => {
                DomainStatus { directory: "the server does not run".to_owned(), ..DomainStatus::default() }
            }
        };
        Ok(status_row(&member, &status))
    }

    fn aliases(&self) -> anyhow::Result<Vec<AliasRow>> {
        let member = self.state().membership();
        let row = |name: String| AliasRow {
            service_principal_names: member.as_ref().map_or_else(Vec::new, |member| {
                machine_names::alias_service_names(&name, &member.dns_domain)
            }),
            name,
        };
        Ok(self.state().aliases()?.into_iter().map(row).collect())
    }
}

fn logon_of(logon: Option<DomainLogon>) -> Option<Logon> {
    logon
        .map(|logon| Logon { user: logon.user, password: Zeroizing::new(logon.password.expose().to_owned()) })
}

fn now() -> FileTime {
    FileTime::from_system_time(std::time::SystemTime::now())
}

fn joined_row(joined: Joined) -> JoinedRow {
    JoinedRow {
        domain: joined.dns_domain,
        netbios_domain: joined.netbios_domain,
        domain_sid: joined.domain_sid.to_string(),
        computer_account: format!("{}$", joined.computer_name),
        computer_dn: joined.computer_dn,
        reused: joined.reused,
        dns_host_name: joined.dns_host_name,
        domain_controller: joined.domain_controller,
        site: joined.site.unwrap_or_default(),
        service_principal_names: joined.service_names,
        key_version: joined.kvno,
    }
}

fn check_row(check: Check) -> CheckRow {
    let result = match check.result {
        CheckResult::Ok => "ok",
        CheckResult::Failed => "failed",
        CheckResult::Skipped => "skipped",
    };
    CheckRow { check: check.name, result: result.to_owned(), detail: check.detail, advice: check.advice }
}

fn status_row(member: &Membership, status: &DomainStatus) -> DomainStatusRow {
    let mut kept: Vec<u32> = member.keys.iter().map(|key| key.kvno).collect();
    kept.dedup();
    let controller = status.domain_controller.clone();
    let (host, address, site) =
        controller.map_or_else(Default::default, |(host, address, site)| (host, address.to_string(), site));
    DomainStatusRow {
        joined: true,
        domain: member.dns_domain.clone(),
        netbios_domain: member.netbios_domain.clone(),
        forest: member.forest.clone(),
        domain_sid: member.domain_sid.to_string(),
        computer_account: member.account_name(),
        computer_dn: member.computer_dn.clone(),
        dns_host_name: member.dns_host_name.clone(),
        aliases: member.aliases.clone(),
        site: member.site.clone().unwrap_or_default(),
        joined_at: iso_8601(member.joined),
        key_version: member.kvno(),
        kept_key_versions: kept,
        password_changed: iso_8601(member.password_changed),
        next_password_change: status.next_password_change.map_or_else(String::new, iso_8601),
        password_change_pending: member.pending_password.is_some(),
        domain_controller: host,
        domain_controller_address: address,
        domain_controller_site: site,
        clock_offset_seconds: status.clock_offset_seconds,
        directory: status.directory.clone(),
        secure_channel: status.secure_channel.clone(),
    }
}
