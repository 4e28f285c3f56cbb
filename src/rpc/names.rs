//! Names of SIDs and SIDs of names: well-known ones, BUILTIN, and this machine's accounts and groups
//! ([MS-DTYP] 2.4.2.4, [MS-LSAT] 3.1.1).

use freehold_dtyp::Sid;

use super::{RpcContext, ServerInfo};
use crate::state::AccountsSnapshot;
use crate::state::accounts::fold_name;

/// [MS-SAMR] 2.2.2.3 SID_NAME_USE.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SidUse {
    User,
    Group,
    Domain,
    Alias,
    WellKnownGroup,
    Unknown,
    Label,
}

impl SidUse {
    /// The number on the wire.
    pub(super) const fn number(self) -> u16 {
        match self {
            SidUse::User => 1,
            SidUse::Group => 2,
            SidUse::Domain => 3,
            SidUse::Alias => 4,
            SidUse::WellKnownGroup => 5,
            SidUse::Unknown => 8,
            SidUse::Label => 10,
        }
    }
}

/// A name, its SID and the domain that both are in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Principal {
    pub(super) sid: Sid,
    pub(super) name: String,
    pub(super) domain: String,
    pub(super) domain_sid: Sid,
    pub(super) sid_use: SidUse,
}

struct WellKnown {
    authority: u8,
    sub_authorities: &'static [u32],
    domain: &'static str,
    name: &'static str,
    sid_use: SidUse,
}

const fn well_known(
    authority: u8,
    sub_authorities: &'static [u32],
    domain: &'static str,
    name: &'static str,
) -> WellKnown {
    WellKnown { authority, sub_authorities, domain, name, sid_use: SidUse::WellKnownGroup }
}

const fn label(sub_authorities: &'static [u32], name: &'static str) -> WellKnown {
    WellKnown { authority: 16, sub_authorities, domain: "Mandatory Label", name, sid_use: SidUse::Label }
}

const NT_AUTHORITY: &str = "NT AUTHORITY";
const BUILTIN: &str = "BUILTIN";
/// RID of the group that local accounts have as primary group ([MS-SAMR] 3.1.1.7: DOMAIN_GROUP_RID_USERS).
pub(super) const PRIMARY_GROUP_RID: u32 = 513;
/// Its name.
pub(super) const PRIMARY_GROUP_NAME: &str = "None";

static WELL_KNOWN: &[WellKnown] = &[
    well_known(0, &[0], "", "NULL SID"),
    well_known(1, &[0], "", "Everyone"),
    well_known(2, &[0], "", "LOCAL"),
    well_known(3, &[0], "", "CREATOR OWNER"),
    well_known(3, &[1], "", "CREATOR GROUP"),
    well_known(3, &[4], "", "OWNER RIGHTS"),
    well_known(5, &[1], NT_AUTHORITY, "DIALUP"),
    well_known(5, &[2], NT_AUTHORITY, "NETWORK"),
    well_known(5, &[3], NT_AUTHORITY, "BATCH"),
    well_known(5, &[4], NT_AUTHORITY, "INTERACTIVE"),
    well_known(5, &[6], NT_AUTHORITY, "SERVICE"),
    well_known(5, &[7], NT_AUTHORITY, "ANONYMOUS LOGON"),
    well_known(5, &[9], NT_AUTHORITY, "ENTERPRISE DOMAIN CONTROLLERS"),
    well_known(5, &[10], NT_AUTHORITY, "SELF"),
    well_known(5, &[11], NT_AUTHORITY, "Authenticated Users"),
    well_known(5, &[12], NT_AUTHORITY, "RESTRICTED"),
    well_known(5, &[13], NT_AUTHORITY, "TERMINAL SERVER USER"),
    well_known(5, &[14], NT_AUTHORITY, "REMOTE INTERACTIVE LOGON"),
    well_known(5, &[15], NT_AUTHORITY, "This Organization"),
    well_known(5, &[17], NT_AUTHORITY, "IUSR"),
    well_known(5, &[18], NT_AUTHORITY, "SYSTEM"),
    well_known(5, &[19], NT_AUTHORITY, "LOCAL SERVICE"),
    well_known(5, &[20], NT_AUTHORITY, "NETWORK SERVICE"),
    well_known(5, &[64, 10], NT_AUTHORITY, "NTLM Authentication"),
    well_known(5, &[113], NT_AUTHORITY, "Local account"),
    well_known(5, &[114], NT_AUTHORITY, "Local account and member of Administrators group"),
    label(&[0], "Untrusted Mandatory Level"),
    label(&[0x1000], "Low Mandatory Level"),
    label(&[0x2000], "Medium Mandatory Level"),
    label(&[0x2100], "Medium Plus Mandatory Level"),
    label(&[0x3000], "High Mandatory Level"),
    label(&[0x4000], "System Mandatory Level"),
];

impl WellKnown {
    fn sid(&self) -> Option<Sid> {
        Sid::from_parts([0, 0, 0, 0, 0, self.authority], self.sub_authorities)
    }

    fn principal(&self) -> Option<Principal> {
        Some(Principal {
            sid: self.sid()?,
            name: self.name.to_owned(),
            domain: self.domain.to_owned(),
            domain_sid: Sid::from_parts([0, 0, 0, 0, 0, self.authority], &[])?,
            sid_use: self.sid_use,
        })
    }
}

/// S-1-5-32.
pub(super) fn builtin_sid() -> Option<Sid> {
    Sid::from_parts([0, 0, 0, 0, 0, 5], &[32])
}

/// The name of a SID as Windows' tools print it: `NT AUTHORITY\SYSTEM`, `BUILTIN\Users`, `FILES\anna`, `Everyone`.
#[must_use]
pub fn account_name(server: &ServerInfo, accounts: &AccountsSnapshot, sid: &Sid) -> Option<String> {
    let found = Directory { server, accounts }.of_sid(sid)?;
    Some(if found.domain.is_empty() { found.name } else { format!("{}\\{}", found.domain, found.name) })
}

/// The SID of an account, a group or a well-known name, with or without its domain, in any case.
#[must_use]
pub fn account_sid(server: &ServerInfo, accounts: &AccountsSnapshot, name: &str) -> Option<Sid> {
    Directory { server, accounts }.of_name(name).map(|found| found.sid)
}

/// Where names are looked up.
#[derive(Clone, Copy)]
struct Directory<'a> {
    server: &'a ServerInfo,
    accounts: &'a AccountsSnapshot,
}

/// Who `sid` is.
pub(super) fn of_sid(cx: &RpcContext<'_>, sid: &Sid) -> Option<Principal> {
    Directory { server: cx.server, accounts: cx.accounts }.of_sid(sid)
}

/// Who is called `name`: alone, as `domain\name` or as `name@domain`, in any case.
pub(super) fn of_name(cx: &RpcContext<'_>, name: &str) -> Option<Principal> {
    Directory { server: cx.server, accounts: cx.accounts }.of_name(name)
}

impl Directory<'_> {
    fn of_sid(self, sid: &Sid) -> Option<Principal> {
        if let Some(known) = WELL_KNOWN.iter().find(|known| known.sid().as_ref() == Some(sid)) {
            return known.principal();
        }
        let machine = |name: &str, sid_use| {
            Some(Principal {
                sid: *sid,
                name: name.to_owned(),
                domain: self.server.netbios_name.clone(),
                domain_sid: self.server.machine_sid,
                sid_use,
            })
        };
        if let Some(account) = self.accounts.account_by_sid(sid) {
            return machine(&account.name, SidUse::User);
        }
        if let Some(group) = self.accounts.group_by_sid(sid) {
            return match builtin_sid() {
                Some(builtin) if group.builtin => Some(Principal {
                    sid: *sid,
                    name: group.name.clone(),
                    domain: BUILTIN.to_owned(),
                    domain_sid: builtin,
                    sid_use: SidUse::Alias,
                }),
                _ => machine(&group.name, SidUse::Alias),
            };
        }
        if *sid == self.server.machine_sid {
            return machine(&self.server.netbios_name, SidUse::Domain);
        }
        if self.server.machine_sid.with_rid(PRIMARY_GROUP_RID) == Some(*sid) {
            return machine(PRIMARY_GROUP_NAME, SidUse::Group);
        }
        if builtin_sid() == Some(*sid) {
            return Some(Principal {
                sid: *sid,
                name: BUILTIN.to_owned(),
                domain: BUILTIN.to_owned(),
                domain_sid: *sid,
                sid_use: SidUse::Domain,
            });
        }
        None
    }

    fn of_name(self, name: &str) -> Option<Principal> {
        let (domain, bare) = match name.split_once('\\') {
            Some((domain, bare)) => (Some(domain), bare),
            None => match name.rsplit_once('@') {
                Some((bare, domain)) => (Some(domain), bare),
                None => (None, name),
            },
        };
        let domain = domain.map(fold_name).filter(|domain| !domain.is_empty());
        let in_domain =
            |candidate: &str| domain.as_ref().is_none_or(|wanted| *wanted == fold_name(candidate));
        let in_machine = domain.as_ref().is_none_or(|wanted| {
            wanted == "."
                || [&self.server.netbios_name, &self.server.dns_name]
                    .iter()
                    .any(|own| fold_name(own) == *wanted)
        });
        let folded = fold_name(bare);
        if folded.is_empty() {
            // `FILES\` names the domain itself.
            return domain.filter(|_| in_machine).and_then(|_| self.of_sid(&self.server.machine_sid));
        }
        if let Some(known) =
            WELL_KNOWN.iter().find(|known| in_domain(known.domain) && fold_name(known.name) == folded)
        {
            return known.principal();
        }
        if let Some(group) = self.accounts.group(bare)
            && (if group.builtin { in_domain(BUILTIN) } else { in_machine })
        {
            return self.of_sid(&group.sid);
        }
        if in_machine {
            if let Some(account) = self.accounts.account(bare) {
                return self.of_sid(&account.sid);
            }
            if folded == fold_name(PRIMARY_GROUP_NAME) {
                return self.of_sid(&self.server.machine_sid.with_rid(PRIMARY_GROUP_RID)?);
            }
        }
        if domain.is_none() {
            if folded == fold_name(&self.server.netbios_name) {
                return self.of_sid(&self.server.machine_sid);
            }
            if folded == BUILTIN {
                return self.of_sid(&builtin_sid()?);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::Fixture;
    use super::*;

    #[test]
    fn names_and_sids_lead_to_each_other() {
        let fixture = Fixture::new();
        let cx = fixture.context();
        for (sid, domain, name, sid_use) in [
            ("S-1-1-0", "", "Everyone", SidUse::WellKnownGroup),
            ("S-1-5-18", "NT AUTHORITY", "SYSTEM", SidUse::WellKnownGroup),
            ("S-1-5-32-544", "BUILTIN", "Administrators", SidUse::Alias),
            ("S-1-5-21-1-2-3", "FILES", "FILES", SidUse::Domain),
            ("S-1-5-21-1-2-3-1000", "FILES", "anna", SidUse::User),
            ("S-1-5-21-1-2-3-1002", "FILES", "team", SidUse::Alias),
            ("S-1-5-21-1-2-3-513", "FILES", "None", SidUse::Group),
            ("S-1-16-8192", "Mandatory Label", "Medium Mandatory Level", SidUse::Label),
        ] {
            let sid: Sid = sid.parse().unwrap();
            let found = of_sid(&cx, &sid).unwrap();
            assert_eq!((found.domain.as_str(), found.name.as_str(), found.sid_use), (domain, name, sid_use));
            assert_eq!(of_name(&cx, &name.to_lowercase()).unwrap(), found, "{name}");
            if sid_use != SidUse::Domain {
                assert_eq!(of_name(&cx, &format!("{domain}\\{name}")).unwrap(), found, "{name}");
            }
        }
        assert_eq!(of_name(&cx, "anna@files").unwrap().name, "anna");
        assert_eq!(of_name(&cx, ".\\anna").unwrap().name, "anna");
    }

    #[test]
    fn names_of_other_domains_are_unknown() {
        let fixture = Fixture::new();
        let cx = fixture.context();
        for name in ["OTHER\\anna", "BUILTIN\\anna", "nobody", "", "\\", "FILES\\Administrators"] {
            assert_eq!(of_name(&cx, name), None, "{name}");
        }
        assert_eq!(of_sid(&cx, &"S-1-5-21-9-9-9-1000".parse().unwrap()), None);
    }
}
