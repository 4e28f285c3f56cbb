//! Joining: the computer account in the directory, then the membership in the state. What is in the state before is as it was until
//! everything else has been done and proved.

use std::sync::Arc;
use std::time::Duration;

use freehold_dtyp::Sid;
use zeroize::Zeroizing;

use super::account::{self, ComputerAccount, NewAccount};
use super::error::DomainError;
use super::kdc::{self, Credentials};
use super::ldap::{Connection, Search};
use super::locator::{DcFlags, DomainController, LocateError, Locator};
use super::{Domain, Progress, keys, machine_names, own_ticket};
use crate::auth::kerberos::ServiceKey;
use crate::config::DomainSettings;
use crate::state::NewMembership;

/// How long domain controllers that are silent are asked again.
const CONTROLLER_PATIENCE: Duration = Duration::from_secs(10);
/// How soon: the locator remembers for two seconds that nobody answered.
const ASK_AGAIN_AFTER: Duration = Duration::from_millis(2100);

/// What an administrator asks for.
pub struct JoinRequest {
    /// DNS name of the domain.
    pub domain: String,
    /// Who joins.
    pub user: String,
    /// The password of whoever joins.
    pub password: Zeroizing<String>,
    /// Container for a new account.
    pub organizational_unit: Option<String>,
    /// Name of the account; the server's NetBIOS name when it is not given.
    pub computer_name: Option<String>,
    /// The domain controller to use.
    pub server: Option<String>,
    /// Looks at everything and changes nothing.
    pub what_if: bool,
}

impl std::fmt::Debug for JoinRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "JoinRequest({} as {})", self.domain, self.user)
    }
}

/// What was done or would be.
#[derive(Clone, Debug)]
pub struct Joined {
    /// DNS name of the domain.
    pub dns_domain: String,
    /// NetBIOS name of the domain.
    pub netbios_domain: String,
    /// SID of the domain.
    pub domain_sid: Sid,
    /// Name of the account without its `$`.
    pub computer_name: String,
    /// Its distinguished name.
    pub computer_dn: String,
    /// It was there before.
    pub reused: bool,
    /// Fully qualified name of this server.
    pub dns_host_name: String,
    /// The domain controller that was used.
    pub domain_controller: String,
    /// The site that this server is in.
    pub site: Option<String>,
    /// Service principal names.
    pub service_names: Vec<String>,
    /// Key version number; 0 when nothing was done.
    pub kvno: u32,
}

/// The names that a join works with, all of them checked.
struct Names {
    domain: String,
    computer: String,
    dns_host_name: String,
    own_service_names: Vec<String>,
    alias_service_names: Vec<String>,
}

impl Domain {
    /// Makes this server a member of a domain. Blocks on the state's disk between waits.
    ///
    /// # Errors
    /// [`DomainError`]; [`DomainError::HalfDone`] says what is left in the directory. The state is unchanged then.
    pub async fn join(
        &self,
        request: &JoinRequest,
        progress: &mut Progress<'_>,
    ) -> Result<Joined, DomainError> {
        let _changing = self.changing.lock().await;
        let names = self.names_for(request)?;
        let mut settings = DomainSettings::clone(&self.settings);
        if let Some(server) = &request.server {
            settings.servers = vec![server.clone()];
        }
        let locator = Locator::new(&names.domain, &settings);
        let joiner = Credentials::new(&request.user, &names.domain, request.password.clone());
        await_controller(&locator).await?;
        let connection = Connection::bind_as(&locator, &self.settings, &joiner).await?;
        let dc = Arc::clone(connection.dc());
        progress(&format!("Domain controller {} ({}), site {}.", dc.host, dc.address, dc.site));
        if !dc.flags.has(DcFlags::WRITABLE) {
            return Err(DomainError::Refused(format!(
                "{} is a read-only domain controller: name another with --server",
                dc.host
            )));
        }
        progress(&format!("Logged on as {}.", request.user));
        let domain_sid = domain_sid(&connection).await?;
        let present = account::find(&connection, &names.computer).await?;
        let container = match &present {
            Some(present) => {
                agree_on_place(&connection, request, present).await?;
                String::new()
            }
            None => account::container(&connection, request.organizational_unit.as_deref()).await?,
        };
        let wanted: Vec<String> =
            names.own_service_names.iter().chain(&names.alias_service_names).cloned().collect();
        let new_dn = format!("CN={},{container}", names.computer);
        let dn = present.as_ref().map_or(new_dn, |present| present.dn.clone());
        unique(&connection, &dn, &wanted).await?;
        let mut joined = Joined {
            dns_domain: names.domain.clone(),
            netbios_domain: dc.netbios_domain.clone(),
            domain_sid,
            computer_name: names.computer.clone(),
            computer_dn: dn,
            reused: present.is_some(),
            dns_host_name: names.dns_host_name.clone(),
            domain_controller: dc.host.clone(),
            site: self.settings.site.clone().or_else(|| dc.client_site.clone()),
            service_names: wanted,
            kvno: 0,
        };
        if request.what_if {
            return Ok(joined);
        }
        let password = keys::machine_password()?;
        let step = AccountStep { names: &names, container: &container, password: &password };
        let done = match &present {
            Some(present) => account::take_over(&connection, present, &password).await,
            None => step.create(&connection).await,
        };
        done?;
        let how = if joined.reused { "has a new password" } else { "is made" };
        progress(&format!("The computer account {} {how}.", joined.computer_dn));
        let left = |error| DomainError::HalfDone {
            error: Box::new(error),
            left: format!(
                "The computer account {} {how} and stays in the directory: join again to use it, or remove it there",
                joined.computer_dn
            ),
        };
        let proved = match step.prove(self, &locator, &connection, progress).await {
            // The account is there: one answer that was late is no reason to leave it behind.
            Err(error) if error.is_unreachable() => {
                progress(&format!("{error}. Trying once more."));
                step.prove(self, &locator, &connection, progress).await
            }
            proved => proved,
        };
        let proved = proved.map_err(left)?;
        let new = NewMembership {
            dns_domain: &names.domain,
            netbios_domain: &dc.netbios_domain,
            domain_sid,
            forest: &dc.forest,
            computer_name: &names.computer,
            computer_dn: &proved.account.dn,
            dns_host_name: &names.dns_host_name,
            site: joined.site.as_deref(),
            password: &password,
            keys: &proved.keys,
        };
        // The other domain controllers do not know the account yet: whoever hears of the membership is not to ask them.
        *self.joined_through.lock() = Some(Arc::clone(&dc));
        let kept = self.state.join_domain(&new, self.settings.keep_old_keys);
        self.joined_through.lock().take();
        kept.map_err(|error| left(error.into()))?;
        tracing::info!(domain = names.domain, computer = names.computer, dc = %dc.host, "joined the domain");
        joined.kvno = proved.keys.first().map_or(0, |key| key.kvno);
        joined.computer_dn = proved.account.dn;
        joined.service_names = proved.account.service_names;
        Ok(joined)
    }

    fn names_for(&self, request: &JoinRequest) -> Result<Names, DomainError> {
        let domain = machine_names::domain_name(&request.domain)?;
        let computer = machine_names::computer_name(
            request.computer_name.as_deref().unwrap_or(&self.default_computer_name),
        )?;
        if let Some(member) = self.state.membership()
            && (member.dns_domain != domain || member.computer_name != computer)
        {
            return Err(DomainError::Refused(format!(
                "this server is a member of {} as {}: `freehold domain leave` first",
                member.dns_domain,
                member.account_name()
            )));
        }
        let dns_host_name = machine_names::dns_host_name(&computer, &domain);
        let aliases = self.state.aliases()?;
        Ok(Names {
            own_service_names: machine_names::own_service_names(&computer, &dns_host_name),
            alias_service_names: aliases
                .iter()
                .flat_map(|alias| machine_names::alias_service_names(alias, &domain))
                .collect(),
            dns_host_name,
            computer,
            domain,
        })
    }
}

/// Looks for a domain controller, for some time again where those that are listed are silent: one that has just started or is busy
/// answers late, and whoever joins waits gladly.
async fn await_controller(locator: &Arc<Locator>) -> Result<(), DomainError> {
    let end = tokio::time::Instant::now() + CONTROLLER_PATIENCE;
    loop {
        match locator.find().await {
            Err(LocateError::NoneAnswers { .. }) if tokio::time::Instant::now() < end => {
                tokio::time::sleep(ASK_AGAIN_AFTER).await;
            }
            found => return found.map(drop).map_err(DomainError::from),
        }
    }
}

async fn domain_sid(connection: &Connection) -> Result<Sid, DomainError> {
    let domain = &connection.root().domain;
    let entry = connection.search_one(&Search::base(domain, &["objectSid"])).await?;
    entry
        .and_then(|entry| entry.sid("objectSid"))
        .ok_or_else(|| DomainError::Refused(format!("the directory shows no SID of {domain} to the joiner")))
}

/// An account that is there stays where it is: another place that was asked for is a misunderstanding.
async fn agree_on_place(
    connection: &Connection,
    request: &JoinRequest,
    present: &ComputerAccount,
) -> Result<(), DomainError> {
    let Some(wanted) = &request.organizational_unit else { return Ok(()) };
    let container = account::container(connection, Some(wanted)).await?;
    let plain = |dn: &str| dn.to_lowercase().replace(", ", ",");
    let parent = present.dn.split_once(',').map_or("", |(_, parent)| parent);
    if plain(parent) == plain(&container) {
        return Ok(());
    }
    Err(DomainError::Refused(format!(
        "the computer account is there already as {}: leave out --ou to use it, move it, or give another name with --computer-name",
        present.dn
    )))
}

async fn unique(connection: &Connection, dn: &str, wanted: &[String]) -> Result<(), DomainError> {
    match account::other_owners(connection, dn, wanted).await?.as_slice() {
        [] => Ok(()),
        [first, ..] => Err(DomainError::Refused(format!(
            "{first} has one of the service principal names {} already, and two accounts with the same name keep clients from both: remove it there (setspn -D)",
            wanted.join(", ")
        ))),
    }
}

/// The part of a join that changes the directory.
struct AccountStep<'a> {
    names: &'a Names,
    container: &'a str,
    password: &'a Zeroizing<String>,
}

/// What the machine account has proved.
struct Proved {
    account: ComputerAccount,
    keys: Vec<ServiceKey>,
}

impl AccountStep<'_> {
    async fn create(&self, connection: &Connection) -> Result<(), DomainError> {
        let new = NewAccount {
            computer: &self.names.computer,
            container: self.container,
            dns_host_name: &self.names.dns_host_name,
            own_service_names: &self.names.own_service_names,
            alias_service_names: &self.names.alias_service_names,
            password: self.password,
        };
        account::create(connection, &new).await
    }

    /// Logs on as the computer, has it write what it may, and derives its keys.
    async fn prove(
        &self,
        domain: &Domain,
        locator: &Arc<Locator>,
        joiner: &Connection,
        progress: &mut Progress<'_>,
    ) -> Result<Proved, DomainError> {
        let dc = joiner.dc();
        let account_name = format!("{}$", self.names.computer);
        let machine = Credentials::new(&account_name, &self.names.domain, self.password.clone());
        let own = Connection::open(dc, locator, &domain.settings, &machine).await?;
        progress(&format!("Logged on as {account_name}."));
        let account = must_be_there(&own, &self.names.computer).await?;
        let (host, service_names) = (&self.names.dns_host_name, &self.names.own_service_names);
        if let Err(error) = account::complete(&own, &account, host, service_names).await {
            // The joiner may be able to.
            account::complete(joiner, &account, host, service_names).await.map_err(|_| {
                account::advised(
                    error,
                    format!(
                        "Neither the computer nor the joiner may write its names and encryption types: give SELF \"Validated write to \
                         service principal name\" and \"to DNS host name\" on {} back",
                        account.dn
                    ),
                )
            })?;
        }
        let aliases = &self.names.alias_service_names;
        if let Err(error) = account::add_service_names(joiner, &account, aliases).await {
            progress(&format!(
                "The aliases are not registered: {error}. Register them as somebody who may: `freehold alias remove` and `add --user`."
            ));
        }
        let account = must_be_there(&own, &self.names.computer).await?;
        let keys = domain_keys(dc, &account, &self.names.domain, &self.names.computer, self.password).await?;
        let service = own_ticket::check(dc, &machine, host, &keys).await?;
        progress(&format!("A ticket for {service} is taken with the new keys."));
        Ok(Proved { account, keys })
    }
}

pub(super) async fn must_be_there(
    connection: &Connection,
    computer: &str,
) -> Result<ComputerAccount, DomainError> {
    account::find(connection, computer).await?.ok_or_else(|| {
        DomainError::Refused(format!(
            "{} does not show the account {computer}$: it may have been removed, or not have come there yet",
            connection.dc().host
        ))
    })
}

/// The keys of a password as the domain has them: with the salt that its KDC tells and the version number that its directory has.
pub(super) async fn domain_keys(
    dc: &Arc<DomainController>,
    account: &ComputerAccount,
    dns_domain: &str,
    computer: &str,
    password: &str,
) -> Result<Vec<ServiceKey>, DomainError> {
    let observed = kdc::preauthentication(dc, &format!("{computer}$"), dns_domain).await?;
    let told = observed.salts.into_iter().find_map(|salt| salt.salt);
    let salt = told.unwrap_or_else(|| keys::computer_salt(dns_domain, computer));
    let kvno = account.kvno.ok_or_else(|| {
        DomainError::Refused(format!("{} shows no msDS-KeyVersionNumber of {}", dc.host, account.dn))
    })?;
    Ok(keys::service_keys(password, &salt, kvno)?)
}
