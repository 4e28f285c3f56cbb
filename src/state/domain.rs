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

    /// The passwords to try, the most probable one first.
    pub fn passwords(&self) -> impl Iterator<Item = &MachinePassword> {
        std::iter::once(&self.password).chain(&self.pending_password).chain(&self.earlier_passwords)
    }

    /// Key version number of the current password's keys.
    #[must_use]
    pub fn kvno(&self) -> u32 {
        self.keys.first().map_or(0, |key| key.kvno)
    }
}
