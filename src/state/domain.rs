//! The membership of a domain as plain data. A pure part: no database, no clock.

use freehold_dtyp::{FileTime, Sid};
use zeroize::Zeroizing;

use crate::auth::kerberos::ServiceKey;

/// A password of the machine account; wiped when dropped, never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct MachinePassword {
    /// The password.
    pub text: Zeroizing<String>,
    /// For an earlier password: until when it may still be tried, since domain controllers hear late of a new one.
    pub not_after: Option<FileTime>,
}

impl std::fmt::Debug for MachinePassword {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MachinePassword(hidden)")
    }
}

/// This server as a member of a domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Membership {
    /// DNS name of the domain, lower case. Its upper case is the Kerberos realm.
    pub dns_domain: String,
    /// NetBIOS name of the domain.
    pub netbios_domain: String,
    /// SID of the domain.
    pub domain_sid: Sid,
    /// DNS name of the forest's root domain.
    pub forest: String,
    /// Name of the computer account without its `$`; at most 15 characters.
    pub computer_name: String,
    /// Distinguished name of the computer account.
    pub computer_dn: String,
    /// Fully qualified name of this server.
    pub dns_host_name: String,
    /// Further names that clients use; short or fully qualified.
    pub aliases: Vec<String>,
    /// The site that domain controllers say this server is in.
    pub site: Option<String>,
    /// The account's password.
    pub password: MachinePassword,
    /// A new password that a domain controller may know of already: its answer is not there yet, or was lost.
    pub pending_password: Option<MachinePassword>,
    /// Earlier passwords, the latest first.
    pub earlier_passwords: Vec<MachinePassword>,
    /// Keys of all of them, and of every encryption type: those of the current password first.
    pub keys: Vec<ServiceKey>,
    /// When the server joined.
    pub joined: FileTime,
    /// When the password was changed last.
    pub password_changed: FileTime,
}

impl Membership {
    /// The Kerberos realm.
    #[must_use]
    pub fn realm(&self) -> String {
        self.dns_domain.to_uppercase()
    }

    /// sAMAccountName.
    #[must_use]
    pub fn account_name(&self) -> String {
        format!("{}$", self.computer_name)
    }

    /// Every name that clients may call this server by, lower case: the host part of its service principal names.
    #[must_use]
    pub fn host_names(&self) -> Vec<String> {
        let mut names = vec![self.computer_name.to_lowercase(), self.dns_host_name.to_lowercase()];
        for alias in &self.aliases {
            names.extend(alias_host_names(alias, &self.dns_domain));
        }
        let mut seen = std::collections::HashSet::new();
        names.retain(|name| seen.insert(name.clone()));
        names
    }

    /// The passwords to try, the most probable one first. Of earlier ones the latest alone: a domain controller that lags is a
    /// change behind, and each try with a wrong one counts towards a lock-out.
    pub fn passwords(&self) -> impl Iterator<Item = &MachinePassword> {
        std::iter::once(&self.password).chain(&self.pending_password).chain(self.earlier_passwords.first())
    }

    /// Key version number of the current password's keys.
    #[must_use]
    pub fn kvno(&self) -> u32 {
        self.keys.first().map_or(0, |key| key.kvno)
    }
}

/// The names that an alias stands for: a short one also with the domain's name behind it, one of the domain also without.
#[must_use]
pub fn alias_host_names(alias: &str, dns_domain: &str) -> Vec<String> {
    let alias = alias.to_lowercase();
    match alias.split_once('.') {
        None => vec![format!("{alias}.{dns_domain}"), alias],
        Some((label, domain)) if domain == dns_domain => vec![label.to_owned(), alias],
        Some(_) => vec![alias],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alias_stands_for_its_long_and_its_short_form() {
        let names = |alias| alias_host_names(alias, "corp.example");
        assert_eq!(names("Data"), ["data.corp.example", "data"]);
        assert_eq!(names("data.CORP.example"), ["data", "data.corp.example"]);
        assert_eq!(names("data.other.example"), ["data.other.example"]);
        assert_eq!(names("a.b.corp.example"), ["a.b.corp.example"]);
    }
}
