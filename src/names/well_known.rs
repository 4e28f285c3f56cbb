//! Names that are the same on every machine: [MS-LSAT] 3.1.1.1.1 Predefined Translation Database, [MS-DTYP] 2.4.2.4
//! Well-Known SID Structures. In English, as a server in en-US tells them.

use freehold_dtyp::Sid;

use super::spelling::same;
use super::{Principal, SidUse};

/// One of them.
pub(super) struct WellKnown {
    authority: u8,
    sub_authorities: &'static [u32],
    /// How many of the sub-authorities are the domain's.
    domain_parts: usize,
    pub(super) domain: &'static str,
    pub(super) name: &'static str,
    sid_use: SidUse,
}

const NT_AUTHORITY: &str = "NT AUTHORITY";
/// The domain of the aliases that every machine has.
pub(super) const BUILTIN: &str = "BUILTIN";
const PACKAGES: &str = "APPLICATION PACKAGE AUTHORITY";
const LABEL: &str = "Mandatory Label";

const fn group(
    authority: u8,
    sub_authorities: &'static [u32],
    domain_parts: usize,
    domain: &'static str,
    name: &'static str,
) -> WellKnown {
    WellKnown { authority, sub_authorities, domain_parts, domain, name, sid_use: SidUse::WellKnownGroup }
}

/// Directly below its authority, without a domain.
const fn universal(authority: u8, rid: &'static [u32], name: &'static str) -> WellKnown {
    group(authority, rid, 0, "", name)
}

const fn nt(sub_authorities: &'static [u32], name: &'static str) -> WellKnown {
    group(5, sub_authorities, 0, NT_AUTHORITY, name)
}

const fn nt_package(sub_authorities: &'static [u32], name: &'static str) -> WellKnown {
    group(5, sub_authorities, 1, NT_AUTHORITY, name)
}

const fn alias(sub_authorities: &'static [u32], name: &'static str) -> WellKnown {
    WellKnown {
        authority: 5,
        sub_authorities,
        domain_parts: 1,
        domain: BUILTIN,
        name,
        sid_use: SidUse::Alias,
    }
}

const fn label(rid: &'static [u32], name: &'static str) -> WellKnown {
    WellKnown {
        authority: 16,
        sub_authorities: rid,
        domain_parts: 0,
        domain: LABEL,
        name,
        sid_use: SidUse::Label,
    }
}

const fn domain(authority: u8, sub_authorities: &'static [u32], name: &'static str) -> WellKnown {
    WellKnown {
        authority,
        sub_authorities,
        domain_parts: sub_authorities.len(),
        domain: name,
        name,
        sid_use: SidUse::Domain,
    }
}

/// In the order in which a name without a domain is looked for.
static WELL_KNOWN: &[WellKnown] = &[
    universal(0, &[0], "NULL SID"),
    universal(1, &[0], "Everyone"),
    universal(2, &[0], "LOCAL"),
    universal(2, &[1], "CONSOLE LOGON"),
    universal(3, &[0], "CREATOR OWNER"),
    universal(3, &[1], "CREATOR GROUP"),
    universal(3, &[2], "CREATOR OWNER SERVER"),
    universal(3, &[3], "CREATOR GROUP SERVER"),
    universal(3, &[4], "OWNER RIGHTS"),
    nt(&[1], "DIALUP"),
    nt(&[2], "NETWORK"),
    nt(&[3], "BATCH"),
    nt(&[4], "INTERACTIVE"),
    nt(&[6], "SERVICE"),
    nt(&[7], "ANONYMOUS LOGON"),
    nt(&[8], "PROXY"),
    nt(&[9], "ENTERPRISE DOMAIN CONTROLLERS"),
    nt(&[10], "SELF"),
    nt(&[11], "Authenticated Users"),
    nt(&[12], "RESTRICTED"),
    nt(&[13], "TERMINAL SERVER USER"),
    nt(&[14], "REMOTE INTERACTIVE LOGON"),
    nt(&[15], "This Organization"),
    nt(&[17], "IUSR"),
    nt(&[18], "SYSTEM"),
    nt(&[19], "LOCAL SERVICE"),
    nt(&[20], "NETWORK SERVICE"),
    nt(&[33], "WRITE RESTRICTED"),
    nt(&[113], "Local account"),
    nt(&[114], "Local account and member of Administrators group"),
    nt(&[1000], "Other Organization"),
    group(5, &[21, 0, 0, 0, 496], 4, NT_AUTHORITY, "Compounded Authentication"),
    group(5, &[21, 0, 0, 0, 497], 4, NT_AUTHORITY, "Claims Valid"),
    nt_package(&[64, 10], "NTLM Authentication"),
    nt_package(&[64, 14], "SChannel Authentication"),
    nt_package(&[64, 21], "Digest Authentication"),
    nt_package(&[65, 1], "This Organization Certificate"),
    group(5, &[84, 0, 0, 0, 0, 0], 5, NT_AUTHORITY, "USER MODE DRIVERS"),
    domain(5, &[32], BUILTIN),
    alias(&[32, 544], "Administrators"),
    alias(&[32, 545], "Users"),
    alias(&[32, 546], "Guests"),
    alias(&[32, 547], "Power Users"),
    alias(&[32, 548], "Account Operators"),
    alias(&[32, 549], "Server Operators"),
    alias(&[32, 550], "Print Operators"),
    alias(&[32, 551], "Backup Operators"),
    alias(&[32, 552], "Replicator"),
    alias(&[32, 554], "Pre-Windows 2000 Compatible Access"),
    alias(&[32, 555], "Remote Desktop Users"),
    alias(&[32, 556], "Network Configuration Operators"),
    alias(&[32, 557], "Incoming Forest Trust Builders"),
    alias(&[32, 558], "Performance Monitor Users"),
    alias(&[32, 559], "Performance Log Users"),
    alias(&[32, 560], "Windows Authorization Access Group"),
    alias(&[32, 561], "Terminal Server License Servers"),
    alias(&[32, 562], "Distributed COM Users"),
    alias(&[32, 568], "IIS_IUSRS"),
    alias(&[32, 569], "Cryptographic Operators"),
    alias(&[32, 573], "Event Log Readers"),
    alias(&[32, 574], "Certificate Service DCOM Access"),
    alias(&[32, 575], "RDS Remote Access Servers"),
    alias(&[32, 576], "RDS Endpoint Servers"),
    alias(&[32, 577], "RDS Management Servers"),
    alias(&[32, 578], "Hyper-V Administrators"),
    alias(&[32, 579], "Access Control Assistance Operators"),
    alias(&[32, 580], "Remote Management Users"),
    alias(&[32, 581], "System Managed Accounts Group"),
    alias(&[32, 582], "Storage Replica Administrators"),
    alias(&[32, 583], "Device Owners"),
    domain(5, &[80], "NT SERVICE"),
    group(5, &[80, 0], 1, "NT SERVICE", "ALL SERVICES"),
    group(
        5,
        &[80, 956_008_885, 3_418_522_649, 1_831_038_044, 1_853_292_631, 2_271_478_464],
        1,
        "NT SERVICE",
        "TrustedInstaller",
    ),
    domain(5, &[83], "NT VIRTUAL MACHINE"),
    group(5, &[83, 0], 1, "NT VIRTUAL MACHINE", "Virtual Machines"),
    domain(5, &[90], "Window Manager"),
    group(5, &[90, 0], 1, "Window Manager", "Window Manager Group"),
    domain(15, &[2], PACKAGES),
    group(15, &[2, 1], 1, PACKAGES, "ALL APPLICATION PACKAGES"),
    group(15, &[2, 2], 1, PACKAGES, "ALL RESTRICTED APPLICATION PACKAGES"),
    domain(16, &[], LABEL),
    label(&[0], "Untrusted Mandatory Level"),
    label(&[0x1000], "Low Mandatory Level"),
    label(&[0x2000], "Medium Mandatory Level"),
    label(&[0x2100], "Medium Plus Mandatory Level"),
    label(&[0x3000], "High Mandatory Level"),
    label(&[0x4000], "System Mandatory Level"),
    label(&[0x5000], "Protected Process Mandatory Level"),
    label(&[0x7000], "Secure Process Mandatory Level"),
    universal(18, &[1], "Authentication authority asserted identity"),
    universal(18, &[2], "Service asserted identity"),
    universal(18, &[3], "Fresh public key identity"),
    universal(18, &[4], "Key trust identity"),
    universal(18, &[5], "MFA key property"),
    universal(18, &[6], "Attested key property"),
];

impl WellKnown {
    fn is(&self, sid: &Sid) -> bool {
        sid.authority() == [0, 0, 0, 0, 0, self.authority] && sid.sub_authorities() == self.sub_authorities
    }

    /// It as a principal.
    pub(super) fn principal(&self) -> Option<Principal> {
        let authority = [0, 0, 0, 0, 0, self.authority];
        Some(Principal {
            sid: Sid::from_parts(authority, self.sub_authorities)?,
            name: self.name.to_owned(),
            domain: self.domain.to_owned(),
            domain_sid: Sid::from_parts(authority, self.sub_authorities.get(..self.domain_parts)?)?,
            sid_use: self.sid_use,
        })
    }

    /// One of this machine's own aliases, which the state may call otherwise.
    pub(super) fn is_alias(&self) -> bool {
        self.sid_use == SidUse::Alias
    }
}

/// The name that everybody knows `sid` by.
pub(super) fn of_sid(sid: &Sid) -> Option<&'static WellKnown> {
    WELL_KNOWN.iter().find(|known| known.is(sid))
}

/// What is called `name` in `domain`, or in any.
pub(super) fn of_name(domain: Option<&str>, name: &str) -> Option<&'static WellKnown> {
    WELL_KNOWN.iter().find(|known| {
        same(known.name, name)
            && domain.is_none_or(|domain| same(known.domain, domain) && (known.sid_use != SidUse::Domain))
    })
}

/// The domain called `name`.
pub(super) fn domain_called(name: &str) -> Option<&'static WellKnown> {
    WELL_KNOWN.iter().find(|known| known.sid_use == SidUse::Domain && same(known.name, name))
}

/// Is `name` the domain of some of them? `NT AUTHORITY` is, though it has no SID of its own.
pub(super) fn is_domain(name: &str) -> bool {
    WELL_KNOWN.iter().any(|known| same(known.domain, name))
}

/// S-1-5-32.
#[must_use]
pub fn builtin_sid() -> Option<Sid> {
    Sid::from_parts([0, 0, 0, 0, 0, 5], &[32])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sid_and_every_name_is_there_once_and_they_lead_to_each_other() {
        for known in WELL_KNOWN {
            let principal = known.principal().unwrap();
            assert_eq!(of_sid(&principal.sid).unwrap().principal().unwrap(), principal);
            let again = if principal.sid_use == SidUse::Domain {
                domain_called(known.name).unwrap()
            } else {
                of_name(Some(known.domain), &known.name.to_lowercase()).unwrap()
            };
            assert_eq!(again.principal().unwrap(), principal, "{}", known.name);
        }
    }

    #[test]
    fn domains_are_told_with_their_sids() {
        for (sid, domain_sid, full) in [
            ("S-1-5-18", "S-1-5", "NT AUTHORITY\\SYSTEM"),
            ("S-1-5-64-10", "S-1-5-64", "NT AUTHORITY\\NTLM Authentication"),
            ("S-1-5-32-550", "S-1-5-32", "BUILTIN\\Print Operators"),
            ("S-1-1-0", "S-1-1", "Everyone"),
            ("S-1-15-2-1", "S-1-15-2", "APPLICATION PACKAGE AUTHORITY\\ALL APPLICATION PACKAGES"),
            ("S-1-16-12288", "S-1-16", "Mandatory Label\\High Mandatory Level"),
            ("S-1-5-80-0", "S-1-5-80", "NT SERVICE\\ALL SERVICES"),
            ("S-1-18-1", "S-1-18", "Authentication authority asserted identity"),
        ] {
            let principal = of_sid(&sid.parse().unwrap()).unwrap().principal().unwrap();
            assert_eq!(
                (principal.domain_sid.to_string(), principal.full_name()),
                (domain_sid.to_owned(), full.to_owned())
            );
        }
    }
}
