//! What the tests of several files need.

use freehold_dtyp::{FileTime, Sid};
use zeroize::Zeroizing;

use crate::state::{MachinePassword, Membership};

/// A member without keys.
pub(super) fn membership() -> Membership {
    Membership {
        dns_domain: "corp.example".to_owned(),
        netbios_domain: "CORP".to_owned(),
        domain_sid: Sid::NULL,
        forest: "corp.example".to_owned(),
        computer_name: "FILES".to_owned(),
        computer_dn: String::new(),
        dns_host_name: "files.corp.example".to_owned(),
        aliases: Vec::new(),
        site: None,
        password: MachinePassword { text: Zeroizing::new("x".to_owned()), not_after: None },
        pending_password: None,
        earlier_passwords: Vec::new(),
        keys: Vec::new(),
        joined: FileTime::ZERO,
        password_changed: FileTime::ZERO,
    }
}
