//! What the tests of several files need.

use std::time::Duration;

use freehold_dtyp::{FileTime, Sid};
use zeroize::Zeroizing;

use crate::state::{MachinePassword, Membership, NewMembership, State};

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

/// Makes this server a member under this name, of the domain with this SID.
pub(super) fn join(state: &State, computer_name: &str, domain_sid: &str) {
    state
        .join_domain(
            &NewMembership {
                dns_domain: "corp.example",
                netbios_domain: "CORP",
                domain_sid: domain_sid.parse().unwrap(),
                forest: "corp.example",
                computer_name,
                computer_dn: "CN=FILES,CN=Computers,DC=corp,DC=example",
                dns_host_name: "files.corp.example",
                site: None,
                password: "first",
                keys: &[],
            },
            Duration::ZERO,
        )
        .unwrap();
}
