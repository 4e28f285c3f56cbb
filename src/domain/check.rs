//! Everything that the membership takes, looked at piece by piece, each failure with what to do about it.

use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::Duration;

use super::account::{self, ComputerAccount};
use super::dns::Dns;
use super::kdc::{self, Credentials, KdcError, Observed};
use super::ldap::Connection;
use super::locator::DomainController;
use super::netlogon::LogonError;
use super::{Domain, DomainError, Member, machine_names, own_ticket};
use crate::auth::kerberos::EncryptionType;
use crate::config::LdapProtection;
use crate::state::Membership;

/// [MS-KILE] 3.1.1 and RFC 4120 8.2: the difference of clocks that tickets bear.
const CLOCK_LIMIT_SECONDS: u64 = 300;
/// msDS-SupportedEncryptionTypes ([MS-KILE] 2.2.7): RC4 and DES, and both AES types.
const WEAK_TYPES: i64 = 0x7;
const AES_TYPES: i64 = 0x18;

/// What came of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckResult {
    /// As it should be.
    Ok,
    /// Not as it should be.
    Failed,
    /// Not looked at, or not needed.
    Skipped,
}

/// Something that was checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// What.
    pub name: String,
    /// What came of it.
    pub result: CheckResult,
    /// What was found.
    pub detail: String,
    /// What to do; empty unless it failed.
    pub advice: String,
}

/// The list as it grows.
#[derive(Default)]
struct Checks(Vec<Check>);

impl Checks {
    fn add(&mut self, name: &str, result: CheckResult, detail: String, advice: &str) {
        let advice = if result == CheckResult::Failed { advice.to_owned() } else { String::new() };
        self.0.push(Check { name: name.to_owned(), result, detail, advice });
    }

    fn ok_if(&mut self, name: &str, good: bool, detail: String, advice: &str) {
        self.add(name, if good { CheckResult::Ok } else { CheckResult::Failed }, detail, advice);
    }

    /// The value of a good outcome; the text of an error says what to do itself.
    fn outcome<T, E: std::fmt::Display>(&mut self, name: &str, outcome: Result<(T, String), E>) -> Option<T> {
        match outcome {
            Ok((value, detail)) => {
                self.add(name, CheckResult::Ok, detail, "");
                Some(value)
            }
            Err(error) => {
                self.add(name, CheckResult::Failed, error.to_string(), "see there");
                if let Some(last) = self.0.last_mut() {
                    last.advice.clear();
                }
                None
            }
        }
    }

    fn skip(&mut self, names: &[&str], why: &str) {
        for name in names {
            self.add(name, CheckResult::Skipped, why.to_owned(), "");
        }
    }
}

/// A port of domain controllers.
struct Port {
    number: u16,
    purpose: &'static str,
    /// When this server needs it.
    needed: fn(LdapProtection) -> bool,
}

const PORTS: [Port; 7] = [
    Port { number: 88, purpose: "Kerberos", needed: |_| true },
    Port { number: 389, purpose: "LDAP", needed: |ldap| matches!(ldap, LdapProtection::Sealed) },
    Port { number: 636, purpose: "LDAP over TLS", needed: |ldap| matches!(ldap, LdapProtection::Tls) },
    Port { number: 135, purpose: "RPC, for NTLM logons", needed: |_| true },
    Port { number: 53, purpose: "DNS", needed: |_| false },
    Port { number: 445, purpose: "SMB", needed: |_| false },
    Port { number: 464, purpose: "Kerberos passwords", needed: |_| false },
];

impl Domain {
    /// Looks at everything.
    ///
    /// # Errors
    /// [`DomainError::NotMember`].
    pub async fn test(&self) -> Result<Vec<Check>, DomainError> {
        let (membership, member) = self.joined()?;
        let mut checks = Checks::default();
        self.check_dns(&mut checks, &membership).await;
        let Some(dc) = self.check_controllers(&mut checks, &member).await else {
            checks.skip(
                &["Ports", "Clock", "Machine logon", "Directory", "Computer account"],
                "no domain controller",
            );
            return Ok(checks.0);
        };
        self.check_ports(&mut checks, &dc).await;
        let observed = self.check_clock(&mut checks, &dc, &membership).await;
        if check_logon(&mut checks, &dc, &membership, observed.as_ref()).await {
            check_channel(&mut checks, &member).await;
        } else {
            checks.skip(&["Secure channel"], "the computer does not log on");
        }
        let connected = member.ldap.connect().await.map(|connection| {
            let detail = match self.settings.ldap {
                LdapProtection::Sealed => "bound as the computer, sealed by Kerberos",
                LdapProtection::Tls => "bound as the computer over TLS",
            };
            let detail = format!("{}: {detail}", connection.dc().host);
            (connection, detail)
        });
        let Some(connection) = checks.outcome("Directory", connected) else {
            checks.skip(&["Computer account", "Service principal names"], "no directory");
            return Ok(checks.0);
        };
        let found = account::find(&connection, &membership.computer_name).await;
        match found {
            Ok(Some(account)) => check_account(&mut checks, &connection, &account, &membership).await,
            Ok(None) => checks.add(
                "Computer account",
                CheckResult::Failed,
                format!("{} is not there", membership.account_name()),
                "it was removed: `freehold domain leave --force`, then join again",
            ),
            Err(error) => {
                checks.outcome::<(), _>("Computer account", Err(error));
            }
        }
        Ok(checks.0)
    }

    async fn check_dns(&self, checks: &mut Checks, membership: &Membership) {
        let dns = match Dns::new(&self.settings.dns_servers) {
            Ok(dns) => dns,
            Err(error) => {
                checks.outcome::<(), _>("DNS", Err(error));
                return;
            }
        };
        let service = format!("_ldap._tcp.dc._msdcs.{}", membership.dns_domain);
        let found = dns.services(&service).await.map(|targets| {
            let hosts: Vec<String> = targets.into_iter().map(|target| target.host).collect();
            ((), format!("{service}: {}", hosts.join(", ")))
        });
        if self.settings.servers.is_empty() {
            checks.outcome("DNS: domain controllers", found);
        } else {
            checks.skip(&["DNS: domain controllers"], "domain.servers names them");
        }
        let mut names = vec![membership.dns_host_name.clone()];
        names.extend(membership.aliases.iter().flat_map(|alias| {
            let names = crate::state::domain::alias_host_names(alias, &membership.dns_domain);
            names.into_iter().filter(|name| name.contains('.'))
        }));
        for name in names {
            let check = format!("DNS: {name}");
            match dns.addresses(&name).await {
                Ok(addresses) => {
                    let foreign: Vec<String> =
                        addresses.iter().filter(|address| !is_own(**address)).map(ToString::to_string).collect();
                    let all: Vec<String> = addresses.iter().map(ToString::to_string).collect();
                    checks.ok_if(
                        &check,
                        foreign.is_empty(),
                        if foreign.is_empty() { all.join(", ") } else { format!("{} is not this machine", foreign.join(", ")) },
                        "correct the record where your DNS is managed; it may be right behind a translation of addresses",
                    );
                }
                Err(error) => checks.add(
                    &check,
                    CheckResult::Failed,
                    error.to_string(),
                    "make the record where your DNS is managed: clients find this server and its tickets by this name",
                ),
            }
        }
    }

    async fn check_controllers(&self, checks: &mut Checks, member: &Member) -> Option<Arc<DomainController>> {
        if let Ok(survey) = member.locator.survey().await {
            for (host, address, answer) in survey {
                let name = format!("Domain controller {host}");
                let answer = answer.map(|dc| ((), format!("{address}, site {}", dc.site)));
                checks
                    .outcome(&name, answer.map_err(|reason| format!("{address} does not answer: {reason}")));
            }
        }
        let found = member.locator.find().await.map(|dc| {
            let site = dc.client_site.clone().unwrap_or_else(|| "no site".to_owned());
            let detail = format!("{} ({}); this server is in {site}", dc.host, dc.address);
            (dc, detail)
        });
        checks.outcome("Domain controller in use", found)
    }

    async fn check_ports(&self, checks: &mut Checks, dc: &DomainController) {
        let limit = self.settings.connect_timeout;
        let opened = futures_of(PORTS.iter().map(|port| opens(dc.address, port.number, limit))).await;
        for (port, problem) in PORTS.iter().zip(opened) {
            let name = format!("Port {} ({})", port.number, port.purpose);
            match problem {
                None => checks.add(&name, CheckResult::Ok, format!("{} takes connections", dc.host), ""),
                Some(problem) if (port.needed)(self.settings.ldap) => checks.add(
                    &name,
                    CheckResult::Failed,
                    format!("{}: {problem}", dc.host),
                    "let this port through between this server and the domain controllers",
                ),
                Some(problem) => {
                    checks.add(
                        &name,
                        CheckResult::Skipped,
                        format!("{problem}; this server does without"),
                        "",
                    );
                }
            }
        }
    }

    async fn check_clock(
        &self,
        checks: &mut Checks,
        dc: &Arc<DomainController>,
        membership: &Membership,
    ) -> Option<Observed> {
        match kdc::preauthentication(dc, &membership.account_name(), &membership.dns_domain).await {
            Ok(observed) => {
                match observed.clock_difference_seconds {
                    Some(difference) => checks.ok_if(
                        "Clock",
                        difference.unsigned_abs() < CLOCK_LIMIT_SECONDS,
                        format!("{} s apart from {}'s", difference.unsigned_abs(), dc.host),
                        "set the clock, and run a time service (chrony, systemd-timesyncd) against the domain controllers",
                    ),
                    None => checks.skip(&["Clock"], "the domain controller does not tell its time"),
                }
                Some(observed)
            }
            Err(error) if error.is_unreachable() || matches!(error, KdcError::ClockSkew { .. }) => {
                checks.outcome::<(), _>("Clock", Err(error));
                None
            }
            Err(error) => {
                checks.skip(&["Clock"], &error.to_string());
                None
            }
        }
    }
}

/// The logon with the present password, what this server makes of a ticket for itself, and the keys that the KDC has. True when the
/// logon succeeds.
async fn check_logon(
    checks: &mut Checks,
    dc: &Arc<DomainController>,
    membership: &Membership,
    observed: Option<&Observed>,
) -> bool {
    let machine = Credentials::new(
        &membership.account_name(),
        &membership.dns_domain,
        membership.password.text.clone(),
    );
    let logged_on = kdc::log_on(dc, &machine).await;
    let good = logged_on.is_ok();
    match logged_on {
        Ok(_) => {
            let detail = format!("{} by Kerberos", membership.account_name());
            checks.add("Machine logon", CheckResult::Ok, detail, "");
            check_own_ticket(checks, dc, &machine, membership).await;
        }
        Err(error) if error.is_wrong_password() => checks.add(
            "Machine logon",
            CheckResult::Failed,
            error.to_string(),
            "the account was reset or joined from elsewhere, or this domain controller has not heard of a new password yet: join again",
        ),
        Err(error) => {
            checks.outcome::<(), _>("Machine logon", Err(error));
        }
    }
    let Some(observed) = observed else { return good };
    let aes = |salt: &kdc::EncryptionSalt| {
        [EncryptionType::AES256_CTS_HMAC_SHA1_96.0, EncryptionType::AES128_CTS_HMAC_SHA1_96.0]
            .contains(&salt.encryption_type)
    };
    let types: Vec<String> = observed.salts.iter().map(|salt| salt.encryption_type.to_string()).collect();
    checks.ok_if(
        "AES keys",
        observed.salts.iter().any(aes),
        format!("the domain controller has keys of the types {}", types.join(", ")),
        "the password was set before the domain had AES: `freehold domain rotate`",
    );
    good
}

/// What NTLM logons of domain users go through.
async fn check_channel(checks: &mut Checks, member: &Member) {
    match member.netlogon.check().await {
        Ok(()) => {
            let dc = member.netlogon.controller().unwrap_or_default();
            checks.add("Secure channel", CheckResult::Ok, format!("to {dc}, for NTLM logons"), "");
        }
        Err(error @ LogonError::NoLogonServers) => checks.add(
            "Secure channel",
            CheckResult::Failed,
            error.to_string(),
            "let port 135 and the RPC ports (49152 to 65535) through between this server and the domain controllers",
        ),
        Err(error) => checks.add(
            "Secure channel",
            CheckResult::Failed,
            error.to_string(),
            "if the account was reset or joined from elsewhere, join again",
        ),
    }
}

async fn check_own_ticket(
    checks: &mut Checks,
    dc: &Arc<DomainController>,
    machine: &Credentials,
    membership: &Membership,
) {
    match own_ticket::check(dc, machine, &membership.dns_host_name, &membership.keys).await {
        Ok(service) => {
            checks.add(
                "Own ticket",
                CheckResult::Ok,
                format!("one for {service} is taken by this server"),
                "",
            );
        }
        Err(DomainError::Refused(detail)) => checks.add(
            "Own ticket",
            CheckResult::Failed,
            detail,
            "the account was reset or joined from elsewhere: join again",
        ),
        Err(error) => {
            checks.outcome::<(), _>("Own ticket", Err(error));
        }
    }
}

async fn check_account(
    checks: &mut Checks,
    connection: &Connection,
    account: &ComputerAccount,
    membership: &Membership,
) {
    checks.ok_if(
        "Computer account",
        !account.is_disabled(),
        if account.is_disabled() { format!("{} is disabled", account.dn) } else { account.dn.clone() },
        "enable it in Active Directory",
    );
    let types = account.encryption_types.unwrap_or(0);
    checks.ok_if(
        "Encryption types",
        types & AES_TYPES != 0 && types & WEAK_TYPES == 0,
        format!("msDS-SupportedEncryptionTypes is {types}"),
        "set it to 24 (AES128 and AES256): else tickets for this server are of RC4, which it refuses",
    );
    let known = membership.keys.iter().map(|key| key.kvno).collect::<Vec<_>>();
    if let Some(kvno) = account.kvno {
        checks.ok_if(
            "Key version",
            known.contains(&kvno),
            format!("the directory has {kvno}, this server {}", membership.kvno()),
            "the account was reset or joined from elsewhere: join again",
        );
    }
    let mut wanted = machine_names::own_service_names(&membership.computer_name, &membership.dns_host_name);
    for alias in &membership.aliases {
        wanted.extend(machine_names::alias_service_names(alias, &membership.dns_domain));
    }
    let missing: Vec<&str> = account.missing(&wanted).into_iter().map(String::as_str).collect();
    checks.ok_if(
        "Service principal names",
        missing.is_empty(),
        if missing.is_empty() { wanted.join(", ") } else { format!("{} not registered", missing.join(", ")) },
        "join again for the server's own, `freehold alias remove` and `add --user` for an alias",
    );
    match account::other_owners(connection, &account.dn, &wanted).await {
        Ok(owners) => checks.ok_if(
            "Service principal names are unique",
            owners.is_empty(),
            if owners.is_empty() { "no other account has one".to_owned() } else { owners.join("; ") },
            "remove them from the other account (setspn -D): clients get tickets for either, and are refused",
        ),
        Err(error) => {
            checks.outcome::<(), _>("Service principal names are unique", Err(error));
        }
    }
}

/// True for an address of this machine: a socket can be bound to it.
fn is_own(address: IpAddr) -> bool {
    UdpSocket::bind(SocketAddr::new(address, 0)).is_ok()
}

/// Why a TCP port takes no connection; `None` when it does.
async fn opens(address: IpAddr, port: u16, limit: Duration) -> Option<String> {
    let connect = tokio::net::TcpStream::connect(SocketAddr::new(address, port));
    match tokio::time::timeout(limit, connect).await {
        Ok(Ok(_)) => None,
        Ok(Err(error)) => Some(error.to_string()),
        Err(_) => Some(format!("no answer within {} s", limit.as_secs())),
    }
}

/// All of them at the same time, in their order.
async fn futures_of<T: Send + 'static>(
    all: impl Iterator<Item = impl Future<Output = T> + Send + 'static>,
) -> Vec<T> {
    let tasks: Vec<_> = all.map(tokio::spawn).collect();
    let mut done = Vec::new();
    for task in tasks {
        if let Ok(value) = task.await {
            done.push(value);
        }
    }
    done
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn advice_is_given_for_failures_only() {
        let mut checks = Checks::default();
        checks.ok_if("a", true, String::new(), "do");
        checks.ok_if("b", false, String::new(), "do");
        checks.skip(&["c"], "why");
        let advice: Vec<&str> = checks.0.iter().map(|check| check.advice.as_str()).collect();
        assert_eq!(advice, ["", "do", ""]);
        assert_eq!(checks.outcome("d", Ok::<_, String>((7, "seven".to_owned()))), Some(7));
        assert_eq!(checks.outcome::<(), _>("e", Err("broken; mend it")), None);
        let last = checks.0.last().unwrap();
        assert_eq!((last.result, last.detail.as_str()), (CheckResult::Failed, "broken; mend it"));
    }

    #[tokio::test]
    async fn ports_that_are_open_and_closed_are_told_apart() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let limit = Duration::from_secs(2);
        assert_eq!(opens([127, 0, 0, 1].into(), port, limit).await, None);
        drop(listener);
        assert!(opens([127, 0, 0, 1].into(), port, limit).await.is_some());
        assert!(is_own([127, 0, 0, 1].into()) && !is_own([192, 0, 2, 77].into()));
    }
}
