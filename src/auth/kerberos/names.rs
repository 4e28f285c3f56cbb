//! Names of this server as clients spell them in service principal names.

use std::collections::HashSet;

use super::messages::PrincipalName;

/// Service classes whose tickets this server takes: SMB clients ask for `cifs`, administrators' clients for `http`; in Active
/// Directory both stand behind `host` (sPNMappings, [MS-ADTS] 3.1.1.5.1.1.2).
const SERVICE_CLASSES: [&str; 3] = ["cifs", "host", "http"];

/// The names that a ticket may be for.
#[derive(Clone, Debug, Default)]
pub struct ServiceNames {
    /// Host names, folded.
    hosts: HashSet<String>,
    /// The machine account's name, folded.
    account: String,
}

impl ServiceNames {
    /// `hosts` are host names, short or fully qualified; `account` is the sAMAccountName.
    pub fn new<'a>(hosts: impl IntoIterator<Item = &'a str>, account: &str) -> Self {
        ServiceNames { hosts: hosts.into_iter().map(fold).collect(), account: fold(account) }
    }

    /// Is a ticket for `name` a ticket for this server? Names are compared without case, as in Active Directory.
    pub(super) fn include(&self, name: &PrincipalName) -> bool {
        match name.components.as_slice() {
            // The account itself, as services of the domain ask for each other.
            [account] => !account.is_empty() && fold(account) == self.account,
            // A third component is the domain's name, in the form that is for domain controllers.
            [class, host] | [class, host, _] => {
                SERVICE_CLASSES.iter().any(|known| class.eq_ignore_ascii_case(known))
                    && self.hosts.contains(&fold(host))
            }
            _ => false,
        }
    }
}

/// Are two names of accounts the same?
pub(super) fn same(one: &str, other: &str) -> bool {
    fold(one) == fold(other)
}

/// The form in which names are compared: each character in its simple upper case.
fn fold(name: &str) -> String {
    name.chars()
        .map(|character| {
            let mut upper = character.to_uppercase();
            match (upper.next(), upper.next()) {
                (Some(single), None) => single,
                _ => character,
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_spelling_of_a_name_of_this_server_is_its_own() {
        let names = ServiceNames::new(["FILESERVER", "fileserver.corp.example", "büro"], "FILESERVER$");
        let is_ours = |components: &[&str]| names.include(&PrincipalName::new(2, components));
        for ours in [
            &["cifs", "fileserver"][..],
            &["CIFS", "FileServer.Corp.Example"],
            &["host", "fileserver.corp.example"],
            &["cifs", "BÜRO"],
            &["cifs", "fileserver", "corp.example"],
            &["HTTP", "fileserver.corp.example"],
            &["fileserver$"],
        ] {
            assert!(is_ours(ours), "{ours:?}");
        }
        for another in [
            &["ldap", "fileserver"][..],
            &["cifs", "dc1.corp.example"],
            &["cifs"],
            &["fileserver"],
            &["cifs", "fileserver", "a", "b"],
            &[],
        ] {
            assert!(!is_ours(another), "{another:?}");
        }
        for nobody in [&["cifs", "fileserver"][..], &[""], &["cifs", ""]] {
            assert!(!ServiceNames::default().include(&PrincipalName::new(2, nobody)));
        }
    }
}
