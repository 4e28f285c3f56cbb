//! Names of this server in a domain: what a computer account, a domain and an alias may be called, and the service principal
//! names that follow from them. Checked before anything is sent to a domain controller.

use crate::state::domain::alias_host_names;

/// Longest NetBIOS computer name: the sixteenth byte is the kind of name ([MS-NBTE] 2.2.1).
const MAX_COMPUTER_NAME: usize = 15;
/// Longest DNS name and longest label of one (RFC 1035, 2.3.4).
const MAX_DNS_NAME: usize = 253;
const MAX_DNS_LABEL: usize = 63;
/// The classes that this server answers to. HOST stands for many services, cifs among them, in directories that map service
/// classes (sPNMappings); cifs is registered all the same for those that do not.
const SERVICE_CLASSES: [&str; 2] = ["HOST", "cifs"];

/// A name that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{kind} {name:?} cannot be used: {reason}")]
pub struct NameError {
    kind: &'static str,
    name: String,
    reason: &'static str,
}

fn checked(kind: &'static str, name: &str, problem: Option<&'static str>) -> Result<(), NameError> {
    match problem {
        Some(reason) => Err(NameError { kind, name: name.to_owned(), reason }),
        None => Ok(()),
    }
}

/// The name of a computer account, upper case, without its `$`.
///
/// # Errors
/// When Windows or DNS could not use it.
pub fn computer_name(name: &str) -> Result<String, NameError> {
    let bare = name.strip_suffix('$').unwrap_or(name);
    let problem = if !(1..=MAX_COMPUTER_NAME).contains(&bare.len()) {
        Some("it must have 1 to 15 characters; give another with --computer-name")
    } else if !bare.bytes().all(is_label_byte) {
        Some("it may have letters, digits, - and _ only; give another with --computer-name")
    } else if bare.bytes().all(|byte| byte.is_ascii_digit()) {
        Some("it must not be digits alone; give another with --computer-name")
    } else if bare.starts_with('-') || bare.ends_with('-') {
        Some("it must not start or end with -; give another with --computer-name")
    } else {
        None
    };
    checked("the computer name", name, problem)?;
    Ok(bare.to_ascii_uppercase())
}

/// The DNS name of a domain, lower case.
///
/// # Errors
/// When it is not a DNS name, or a NetBIOS name instead of one.
pub fn domain_name(name: &str) -> Result<String, NameError> {
    let bare = name.strip_suffix('.').unwrap_or(name);
    let problem = if !bare.contains('.') {
        Some("give the domain's DNS name, such as corp.example")
    } else {
        dns_problem(bare)
    };
    checked("the domain", name, problem)?;
    Ok(bare.to_ascii_lowercase())
}

/// A further name of this server, short or fully qualified, lower case.
///
/// # Errors
/// When it is not a DNS name.
pub fn alias(name: &str) -> Result<String, NameError> {
    let bare = name.strip_suffix('.').unwrap_or(name);
    let problem = if bare.parse::<std::net::IpAddr>().is_ok() {
        Some("addresses have no tickets; give a name")
    } else {
        dns_problem(bare)
    };
    checked("the alias", name, problem)?;
    Ok(bare.to_ascii_lowercase())
}

fn is_label_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_'
}

fn dns_problem(name: &str) -> Option<&'static str> {
    let is_label = |label: &str| {
        (1..=MAX_DNS_LABEL).contains(&label.len())
            && label.bytes().all(is_label_byte)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    (name.len() > MAX_DNS_NAME || !name.split('.').all(is_label))
        .then_some("labels of 1 to 63 letters, digits, - and _, separated by dots, make a name")
}

/// Fully qualified name of a computer in a domain. The computer may write this one itself ([MS-ADTS] 3.1.1.5.3.1.1.2
/// dNSHostName: the account's name and the domain's).
#[must_use]
pub fn dns_host_name(computer: &str, dns_domain: &str) -> String {
    format!("{}.{dns_domain}", computer.to_ascii_lowercase())
}

/// The service principal names of an account, without its aliases'.
#[must_use]
pub fn own_service_names(computer: &str, dns_host_name: &str) -> Vec<String> {
    let hosts = [computer, dns_host_name];
    SERVICE_CLASSES.iter().flat_map(|class| hosts.map(|host| format!("{class}/{host}"))).collect()
}

/// The service principal names of an alias.
#[must_use]
pub fn alias_service_names(alias: &str, dns_domain: &str) -> Vec<String> {
    let hosts = alias_host_names(alias, dns_domain);
    SERVICE_CLASSES.iter().flat_map(|class| hosts.iter().map(move |host| format!("{class}/{host}"))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn computer_names_are_those_of_netbios_and_dns() {
        assert_eq!(computer_name("files-1").unwrap(), "FILES-1");
        assert_eq!(computer_name("files$").unwrap(), "FILES");
        assert_eq!(computer_name("a2345678901234b").unwrap(), "A2345678901234B");
        for wrong in
            ["", "$", "a2345678901234bc", "with space", "a.b", "123", "-a", "a-", "grün", "a/b", "a*"]
        {
            assert!(computer_name(wrong).is_err(), "{wrong}");
        }
        let error = computer_name("much-too-long-name").unwrap_err().to_string();
        assert!(error.contains("--computer-name") && error.contains("1 to 15"), "{error}");
    }

    #[test]
    fn domains_are_named_as_in_dns() {
        assert_eq!(domain_name("CORP.Example.").unwrap(), "corp.example");
        assert!(domain_name("CORP").unwrap_err().to_string().contains("DNS name"));
        for wrong in ["", ".", "a..b", "-a.b", "a b.c", &format!("{}.c", "a".repeat(64)), &"a.".repeat(150)] {
            assert!(domain_name(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn aliases_are_names_not_addresses() {
        assert_eq!(alias("Data").unwrap(), "data");
        assert_eq!(alias("data.other.example").unwrap(), "data.other.example");
        for wrong in ["192.0.2.1", "::1", "cifs/data", "", "a b", "data:445"] {
            assert!(alias(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn each_name_has_both_service_classes() {
        assert_eq!(
            own_service_names("FILES", &dns_host_name("FILES", "corp.example")),
            ["HOST/FILES", "HOST/files.corp.example", "cifs/FILES", "cifs/files.corp.example"]
        );
        assert_eq!(
            alias_service_names("data", "corp.example"),
            ["HOST/data.corp.example", "HOST/data", "cifs/data.corp.example", "cifs/data"]
        );
        assert_eq!(
            alias_service_names("data.other.example", "corp.example"),
            ["HOST/data.other.example", "cifs/data.other.example"]
        );
    }
}
