//! What logons are held to, as this server is a member of a domain or not.

use std::sync::Arc;

use super::server::{Server, ServerConfig};
use crate::auth::kerberos::{KerberosConfig, ReplayCache, ServiceNames};
use crate::auth::{AcceptorConfig, ServerNames};
use crate::state::Membership;

impl Server {
    /// Holds logons from now on to this membership; those under way go on as they began.
    pub fn set_membership(&self, membership: Option<&Membership>) {
        self.acceptor.store(Arc::new(acceptor_config(&self.config, membership, &self.authenticators)));
    }
}

/// What logons are held to. Without a domain there are this server's own names, and no Kerberos.
pub(super) fn acceptor_config(
    config: &ServerConfig,
    membership: Option<&Membership>,
    replays: &Arc<ReplayCache>,
) -> AcceptorConfig {
    AcceptorConfig {
        names: membership.map_or_else(|| own_names(config), names_in_domain),
        allow_anonymous: config.allow_anonymous,
        require_mic: config.require_mic,
        kerberos: membership.map(|membership| Arc::new(kerberos_config(config, membership, replays))),
        refuse_ntlm: config.refuse_ntlm,
        ..AcceptorConfig::default()
    }
}

fn own_names(config: &ServerConfig) -> ServerNames {
    ServerNames {
        netbios_computer: config.netbios_name.clone(),
        netbios_domain: config.netbios_name.clone(),
        dns_computer: config.dns_name.clone(),
        dns_domain: config.dns_name.clone(),
        ..ServerNames::default()
    }
}

/// The NetBIOS computer name must be the machine account's: domain controllers compare it when an NTLM logon is passed on to
/// them.
fn names_in_domain(membership: &Membership) -> ServerNames {
    ServerNames {
        netbios_computer: membership.computer_name.clone(),
        netbios_domain: membership.netbios_domain.clone(),
        dns_computer: membership.dns_host_name.clone(),
        dns_domain: membership.dns_domain.clone(),
        dns_tree: membership.forest.clone(),
        is_domain_member: true,
    }
}

/// The names and keys that tickets for this server may have.
fn kerberos_config(
    config: &ServerConfig,
    membership: &Membership,
    replays: &Arc<ReplayCache>,
) -> KerberosConfig {
    // An alias has a ticket for its short and for its long form.
    let hosts = membership.host_names();
    KerberosConfig {
        realm: membership.realm(),
        names: ServiceNames::new(hosts.iter().map(String::as_str), &membership.account_name()),
        keys: membership.keys.clone(),
        allow_rc4: config.allow_rc4,
        replays: Arc::clone(replays),
    }
}
