//! The computer account in the directory ([MS-ADTS] 6.1.1.5, [MS-SAMR] 3.1.1.8): finding, making and changing it.
//!
//! Who does it is the caller's choice: the connection's account. Attributes that a computer may write itself are
//! msDS-SupportedEncryptionTypes, dNSHostName and servicePrincipalName as far as they follow from its name and the domain's
//! ([MS-ADTS] 3.1.1.5.3.1.1, validated writes), and its password when it knows the present one.

use super::error::DomainError;
use super::keys;
use super::ldap::{Change, Connection, LdapError, ResultCode, Search, dn_escape, ldap_escape};

/// [MS-ADTS] 2.2.16 userAccountControl.
const UAC_ACCOUNT_DISABLE: i64 = 0x2;
const UAC_WORKSTATION_TRUST: i64 = 0x1000;
const UAC_SERVER_TRUST: i64 = 0x2000;
const UAC_PARTIAL_SECRETS: i64 = 0x0400_0000;
/// [MS-KILE] 2.2.7: AES128 (8) and AES256 (16) and nothing weaker.
const ENCRYPTION_TYPES: &str = "24";
/// [MS-ADTS] 6.1.1.4: GUID_COMPUTERS_CONTAINER_W, as wellKnownObjects writes it.
const COMPUTERS_CONTAINER: &str = "AA312825768811D1ADED00C04FD8D5CD";
/// What this server calls its operating system.
const OPERATING_SYSTEM: &str = "Freehold";

/// A computer account as it is in the directory.
#[derive(Clone, Debug)]
pub(super) struct ComputerAccount {
    /// Its distinguished name.
    pub(super) dn: String,
    /// msDS-KeyVersionNumber.
    pub(super) kvno: Option<u32>,
    /// servicePrincipalName.
    pub(super) service_names: Vec<String>,
    /// dNSHostName.
    pub(super) dns_host_name: Option<String>,
    /// msDS-SupportedEncryptionTypes.
    pub(super) encryption_types: Option<i64>,
    user_account_control: i64,
}

impl ComputerAccount {
    pub(super) const fn is_disabled(&self) -> bool {
        self.user_account_control & UAC_ACCOUNT_DISABLE != 0
    }

    /// Those of `wanted` that are not registered; service names are compared without case.
    pub(super) fn missing<'a>(&self, wanted: &'a [String]) -> Vec<&'a String> {
        wanted
            .iter()
            .filter(|name| !self.service_names.iter().any(|present| present.eq_ignore_ascii_case(name)))
            .collect()
    }
}

/// The account that is called `computer`, `None` when nothing is.
///
/// # Errors
/// [`DomainError::Refused`] when it is not one for a member: a user, a domain controller, a managed service account.
pub(super) async fn find(
    connection: &Connection,
    computer: &str,
) -> Result<Option<ComputerAccount>, DomainError> {
    let filter = format!("(sAMAccountName={}$)", ldap_escape(computer));
    let attributes = [
        "objectClass",
        "userAccountControl",
        "servicePrincipalName",
        "dNSHostName",
        "msDS-SupportedEncryptionTypes",
        "msDS-KeyVersionNumber",
    ];
    let search = Search::new(&connection.root().domain, &filter, &attributes);
    let Some(entry) = connection.search_one(&search).await? else { return Ok(None) };
    let is = |class: &str| entry.texts("objectClass").any(|found| found.eq_ignore_ascii_case(class));
    let user_account_control = entry.integer("userAccountControl").unwrap_or(0);
    let kind = if !is("computer") {
        Some("an account of another kind")
    } else if is("msDS-ManagedServiceAccount") || is("msDS-GroupManagedServiceAccount") {
        Some("a managed service account")
    } else if user_account_control & (UAC_SERVER_TRUST | UAC_PARTIAL_SECRETS) != 0 {
        Some("a domain controller")
    } else {
        None
    };
    if let Some(kind) = kind {
        return Err(DomainError::Refused(format!(
            "{} is called {computer}$ already, and is {kind}: give another name with --computer-name",
            entry.dn
        )));
    }
    Ok(Some(ComputerAccount {
        kvno: entry.integer("msDS-KeyVersionNumber").and_then(|kvno| u32::try_from(kvno).ok()),
        service_names: entry.texts("servicePrincipalName").map(str::to_owned).collect(),
        dns_host_name: entry.text("dNSHostName").map(str::to_owned),
        encryption_types: entry.integer("msDS-SupportedEncryptionTypes"),
        user_account_control,
        dn: entry.dn,
    }))
}

/// Where a new account goes: `wanted`, with or without the domain's part, else the domain's own container for computers.
pub(super) async fn container(connection: &Connection, wanted: Option<&str>) -> Result<String, DomainError> {
    let domain = &connection.root().domain;
    let Some(wanted) = wanted else {
        let search = Search::base(domain, &["wellKnownObjects"]);
        let entry = connection.search_one(&search).await?;
        let found =
            entry.as_ref().and_then(|entry| entry.texts("wellKnownObjects").find_map(computers_container));
        return Ok(found.map_or_else(|| format!("CN=Computers,{domain}"), str::to_owned));
    };
    let dn = within(wanted, domain);
    match connection.search_one(&Search::base(&dn, &["objectClass"])).await? {
        Some(_) => Ok(dn),
        None => Err(DomainError::Refused(format!(
            "there is no container {dn}, or the joiner may not see it: give --ou as in OU=Servers,OU=Berlin"
        ))),
    }
}

/// `B:32:GUID:DN`, when it is the one of computers.
fn computers_container(value: &str) -> Option<&str> {
    let mut parts = value.splitn(4, ':');
    let (Some("B"), Some("32"), Some(guid), Some(dn)) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return None;
    };
    guid.eq_ignore_ascii_case(COMPUTERS_CONTAINER).then_some(dn)
}

/// The distinguished name with the domain's part.
fn within(dn: &str, domain: &str) -> String {
    let dn = dn.trim().trim_end_matches(',');
    let bare = |text: &str| text.to_lowercase().replace(", ", ",");
    if bare(dn).ends_with(&bare(domain)) { dn.to_owned() } else { format!("{dn},{domain}") }
}

/// A new account.
pub(super) struct NewAccount<'a> {
    pub(super) computer: &'a str,
    pub(super) container: &'a str,
    pub(super) dns_host_name: &'a str,
    /// servicePrincipalName: those of its own names.
    pub(super) own_service_names: &'a [String],
    /// Those of its aliases, which many may not register who may make the account.
    pub(super) alias_service_names: &'a [String],
    pub(super) password: &'a str,
}

impl NewAccount<'_> {
    pub(super) fn dn(&self) -> String {
        format!("CN={},{}", dn_escape(self.computer), self.container)
    }

    fn attributes(&self, with_extras: bool) -> Vec<(String, Vec<Vec<u8>>)> {
        let texts = |name: &str, values: &[&str]| {
            (name.to_owned(), values.iter().map(|value| value.as_bytes().to_vec()).collect::<Vec<_>>())
        };
        let mut service_names: Vec<&str> = self.own_service_names.iter().map(String::as_str).collect();
        let mut attributes = vec![
            texts("objectClass", &["computer"]),
            texts("sAMAccountName", &[&format!("{}$", self.computer)]),
            texts("userAccountControl", &[&UAC_WORKSTATION_TRUST.to_string()]),
            texts("dNSHostName", &[self.dns_host_name]),
            ("unicodePwd".to_owned(), vec![keys::unicode_pwd(self.password).to_vec()]),
        ];
        if with_extras {
            service_names.extend(self.alias_service_names.iter().map(String::as_str));
            attributes.push(texts("msDS-SupportedEncryptionTypes", &[ENCRYPTION_TYPES]));
            attributes.push(texts("operatingSystem", &[OPERATING_SYSTEM]));
            attributes.push(texts("operatingSystemVersion", &[env!("CARGO_PKG_VERSION")]));
        }
        attributes.push(texts("servicePrincipalName", &service_names));
        attributes
    }
}

/// Makes an account, at first with everything; where the joiner may make accounts but not set every attribute of them, with what it
/// cannot be without. [`complete`] adds what is missing then.
pub(super) async fn create(connection: &Connection, new: &NewAccount<'_>) -> Result<(), DomainError> {
    let dn = new.dn();
    let outcome = match connection.add(&dn, new.attributes(true)).await {
        Err(error) if is_right_missing(&error) => connection.add(&dn, new.attributes(false)).await,
        outcome => outcome,
    };
    outcome.map_err(|error| match error.code() {
        Some(ResultCode::INSUFFICIENT_ACCESS) => DomainError::Advised {
            advice: format!(
                "The joiner may not make computer accounts in {}: delegate \"Create Computer objects\" there, choose another container \
                 with --ou, or have {dn} made beforehand and the joiner given \"Reset password\" on it",
                new.container
            ),
            error,
        },
        Some(ResultCode::ENTRY_ALREADY_EXISTS) => DomainError::Advised {
            advice: "Something else has this name there: remove it, or give another with --computer-name".to_owned(),
            error,
        },
        // ERROR_DS_MACHINE_ACCOUNT_QUOTA_EXCEEDED
        Some(ResultCode::UNWILLING_TO_PERFORM) if error.win32() == Some(0x216D) => DomainError::Advised {
            advice: "The joiner has made as many accounts as a user may (ms-DS-MachineAccountQuota): delegate \"Create Computer \
                     objects\", or join as somebody else"
                .to_owned(),
            error,
        },
        _ => DomainError::Ldap(error),
    })
}

/// Gives an account that is there a new password, without knowing the present one, and enables it.
pub(super) async fn take_over(
    connection: &Connection,
    account: &ComputerAccount,
    password: &str,
) -> Result<(), DomainError> {
    let reset = Change::Replace("unicodePwd".to_owned(), vec![keys::unicode_pwd(password).to_vec()]);
    connection.modify(&account.dn, vec![reset]).await.map_err(|error| {
        advised(
            error,
            format!(
                "The joiner may not reset the password of {}: delegate \"Reset password\" on it, join as somebody else, or give another \
                 name with --computer-name",
                account.dn
            ),
        )
    })?;
    if account.is_disabled() {
        set_disabled(connection, account, false).await?;
    }
    Ok(())
}

/// Disables or enables an account.
pub(super) async fn set_disabled(
    connection: &Connection,
    account: &ComputerAccount,
    disabled: bool,
) -> Result<(), DomainError> {
    let bits = account.user_account_control & !UAC_ACCOUNT_DISABLE;
    let bits = if disabled { bits | UAC_ACCOUNT_DISABLE } else { bits };
    let verb = if disabled { "disable" } else { "enable" };
    let change = Change::replace_text("userAccountControl", &bits.to_string());
    connection.modify(&account.dn, vec![change]).await.map_err(|error| {
        advised(
            error,
            format!(
                "That is the right to write userAccountControl of {}, which it takes to {verb} it: name somebody who has it with --user",
                account.dn
            ),
        )
    })
}

/// As the computer itself: what it may write, where it is not as it should be yet.
pub(super) async fn complete(
    connection: &Connection,
    account: &ComputerAccount,
    dns_host_name: &str,
    own_service_names: &[String],
) -> Result<(), LdapError> {
    let mut changes = Vec::new();
    if account.encryption_types != ENCRYPTION_TYPES.parse().ok() {
        changes.push(Change::replace_text("msDS-SupportedEncryptionTypes", ENCRYPTION_TYPES));
    }
    if !account.dns_host_name.as_deref().is_some_and(|name| name.eq_ignore_ascii_case(dns_host_name)) {
        changes.push(Change::replace_text("dNSHostName", dns_host_name));
    }
    let missing = account.missing(own_service_names);
    if !missing.is_empty() {
        changes.push(Change::Add("servicePrincipalName".to_owned(), bytes(&missing)));
    }
    if changes.is_empty() { Ok(()) } else { connection.modify(&account.dn, changes).await }
}

/// Registers service names that are missing.
pub(super) async fn add_service_names(
    connection: &Connection,
    account: &ComputerAccount,
    wanted: &[String],
) -> Result<(), LdapError> {
    let missing = account.missing(wanted);
    if missing.is_empty() {
        return Ok(());
    }
    let add = Change::Add("servicePrincipalName".to_owned(), bytes(&missing));
    connection.modify(&account.dn, vec![add]).await
}

/// Takes service names away that are registered.
pub(super) async fn remove_service_names(
    connection: &Connection,
    account: &ComputerAccount,
    unwanted: &[String],
) -> Result<(), LdapError> {
    let present: Vec<&String> = account
        .service_names
        .iter()
        .filter(|present| unwanted.iter().any(|name| name.eq_ignore_ascii_case(present)))
        .collect();
    if present.is_empty() {
        return Ok(());
    }
    let delete = Change::Delete("servicePrincipalName".to_owned(), bytes(&present));
    connection.modify(&account.dn, vec![delete]).await
}

/// Replaces the password, as the computer itself.
pub(super) async fn change_password(
    connection: &Connection,
    dn: &str,
    present: &str,
    new: &str,
) -> Result<(), LdapError> {
    let value = |password: &str| vec![keys::unicode_pwd(password).to_vec()];
    let changes = vec![
        Change::Delete("unicodePwd".to_owned(), value(present)),
        Change::Add("unicodePwd".to_owned(), value(new)),
    ];
    connection.modify(dn, changes).await
}

/// Accounts besides `dn` that have one of the service names: clients would get tickets for either.
pub(super) async fn other_owners(
    connection: &Connection,
    dn: &str,
    names: &[String],
) -> Result<Vec<String>, LdapError> {
    let filter: String =
        names.iter().map(|name| format!("(servicePrincipalName={})", ldap_escape(name.as_str()))).collect();
    let filter = format!("(|{filter})");
    let search = Search { limit: 100, ..Search::new(&connection.root().domain, &filter, &["cn"]) };
    let found = connection.search(&search).await?;
    Ok(found.into_iter().map(|entry| entry.dn).filter(|found| !found.eq_ignore_ascii_case(dn)).collect())
}

/// True when the account that asked may not do this, but may be able to do less.
pub(super) fn is_right_missing(error: &LdapError) -> bool {
    matches!(error.code(), Some(ResultCode::INSUFFICIENT_ACCESS | ResultCode::CONSTRAINT_VIOLATION))
}

/// The error with advice where it is a right that is missing.
pub(super) fn advised(error: LdapError, advice: String) -> DomainError {
    if is_right_missing(&error) { DomainError::Advised { error, advice } } else { DomainError::Ldap(error) }
}

fn bytes(texts: &[&String]) -> Vec<Vec<u8>> {
    texts.iter().map(|text| text.as_bytes().to_vec()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account() -> ComputerAccount {
        ComputerAccount {
            dn: "CN=FILES,DC=corp,DC=example".to_owned(),
            kvno: Some(2),
            service_names: vec!["host/FILES".to_owned(), "cifs/files".to_owned()],
            dns_host_name: None,
            encryption_types: None,
            user_account_control: UAC_WORKSTATION_TRUST | UAC_ACCOUNT_DISABLE,
        }
    }

    #[test]
    fn names_that_are_there_in_another_case_are_not_missing() {
        let wanted = ["HOST/files".to_owned(), "cifs/other".to_owned()];
        assert_eq!(account().missing(&wanted), [&wanted[1]]);
        assert!(account().is_disabled());
    }

    #[test]
    fn the_domain_is_put_behind_a_container_once() {
        let within = |dn| within(dn, "DC=corp,DC=example");
        assert_eq!(within("OU=Servers"), "OU=Servers,DC=corp,DC=example");
        assert_eq!(within("OU=Servers, DC=Corp, DC=example"), "OU=Servers, DC=Corp, DC=example");
    }

    #[test]
    fn the_container_of_computers_is_found_by_its_guid() {
        let value = "B:32:AA312825768811D1ADED00C04FD8D5CD:OU=Machines,DC=corp,DC=example";
        assert_eq!(computers_container(value), Some("OU=Machines,DC=corp,DC=example"));
        assert_eq!(computers_container("B:32:A9D1CA15768811D1ADED00C04FD8D5CD:CN=Users,DC=c"), None);
        assert_eq!(computers_container("CN=Computers"), None);
    }

    #[test]
    fn what_a_joiner_may_be_refused_is_left_out_at_the_second_try() {
        let own = ["HOST/FILES".to_owned()];
        let aliases = ["HOST/data".to_owned()];
        let new = NewAccount {
            computer: "FILES",
            container: "CN=Computers,DC=corp,DC=example",
            dns_host_name: "files.corp.example",
            own_service_names: &own,
            alias_service_names: &aliases,
            password: "x",
        };
        assert_eq!(new.dn(), "CN=FILES,CN=Computers,DC=corp,DC=example");
        let names =
            |extras| -> Vec<String> { new.attributes(extras).into_iter().map(|(name, _)| name).collect() };
        assert!(names(true).contains(&"operatingSystem".to_owned()));
        assert!(!names(false).contains(&"operatingSystem".to_owned()));
        let service_names = |extras| new.attributes(extras).pop().unwrap().1.len();
        assert_eq!((service_names(true), service_names(false)), (2, 1));
    }
}
