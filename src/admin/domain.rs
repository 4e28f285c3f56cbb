//! What the requests about the domain do. What takes domain controllers takes a running server, which does it on its runtime; the
//! rest is in the state.

use std::sync::Arc;

use freehold_dtyp::FileTime;

use super::domain_protocol::{AliasRow, DomainReply, DomainRequest, DomainStatusRow, KeytabFile};
use super::protocol::Reply;
use super::service::{AdminService, iso_8601};
use crate::domain::{Domain, DomainStatus, keytab, machine_names};
use crate::state::Membership;

impl AdminService {
    /// Executes a request about the domain; `sink` gets the parts of the answer.
    pub(super) fn domain(
        &self,
        request: DomainRequest,
        sink: &mut dyn FnMut(Reply) -> bool,
    ) -> anyhow::Result<()> {
        let reply = match request {
            DomainRequest::Status => DomainReply::Status(Box::new(self.domain_status()?)),
            DomainRequest::Keytab => {
                let member = self.membership()?;
                DomainReply::Keytab(KeytabFile::new(&keytab::keytab(&member, now())))
            }
            DomainRequest::AliasList => DomainReply::Aliases(self.aliases()?),
            _ => anyhow::bail!("this takes a running server: start it with `freehold serve`"),
        };
        sink(Reply::Domain(reply));
        Ok(())
    }

    fn membership(&self) -> anyhow::Result<Arc<Membership>> {
        self.state().membership().ok_or_else(|| {
            anyhow::anyhow!("this server is not a member of a domain: `freehold domain join` makes it one")
        })
    }

    /// Runs what the running server does about its domain.
    fn with_domain<T>(
        &self,
        what: &str,
        work: impl AsyncFnOnce(Arc<Domain>) -> anyhow::Result<T>,
    ) -> anyhow::Result<T> {
        let domain = self.running(what)?.domain();
        // Requests are executed on threads of the runtime that may block.
        tokio::runtime::Handle::try_current()?.block_on(work(domain))
    }

    fn domain_status(&self) -> anyhow::Result<DomainStatusRow> {
        let Some(member) = self.state().membership() else { return Ok(DomainStatusRow::default()) };
        let status = match self.running("") {
            Ok(_) => {
                self.with_domain("the status", async |domain| Ok(domain.status().await))?.unwrap_or_default()
            }
            Err(_) => DomainStatus::default(),
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

fn now() -> FileTime {
    FileTime::from_system_time(std::time::SystemTime::now())
}

fn status_row(member: &Membership, status: &DomainStatus) -> DomainStatusRow {
    let mut kept: Vec<u32> = member.keys.iter().map(|key| key.kvno).collect();
    kept.dedup();
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
        ..DomainStatusRow::default()
    }
}
