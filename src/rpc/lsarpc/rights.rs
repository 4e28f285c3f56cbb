//! [MS-LSAD] 3.1.1.2 Privileges and 3.1.1.3 Account Rights: their names, and who has them here.
//!
//! What is told is what `state::tokens` gives at a logon over the network: rights hang on groups and cannot be changed
//! over RPC.

use freehold_acl::Privileges;
use freehold_dtyp::{Sid, Wtf8Buf};

/// SeNetworkLogonRight, which is no privilege: without a LUID.
const NETWORK_LOGON: &str = "SeNetworkLogonRight";
/// [MS-LSAD] 2.2.1.2 POLICY_MODE_NETWORK: the same in a mask.
pub(super) const POLICY_MODE_NETWORK: u32 = 0x0000_0002;

/// A privilege ([MS-LSAD] 3.1.1.2.1).
pub(super) struct Privilege {
    /// Low part of its LUID; the high part is zero.
    pub(super) luid: u32,
    pub(super) name: &'static str,
    /// What people are shown, in English.
    pub(super) display: &'static str,
}

const fn privilege(luid: u32, name: &'static str, display: &'static str) -> Privilege {
    Privilege { luid, name, display }
}

/// All privileges, by their LUIDs.
pub(super) static PRIVILEGES: [Privilege; 35] = [
    privilege(2, "SeCreateTokenPrivilege", "Create a token object"),
    privilege(3, "SeAssignPrimaryTokenPrivilege", "Replace a process level token"),
    privilege(4, "SeLockMemoryPrivilege", "Lock pages in memory"),
    privilege(5, "SeIncreaseQuotaPrivilege", "Adjust memory quotas for a process"),
    privilege(6, "SeMachineAccountPrivilege", "Add workstations to domain"),
    privilege(7, "SeTcbPrivilege", "Act as part of the operating system"),
    privilege(8, "SeSecurityPrivilege", "Manage auditing and security log"),
    privilege(9, "SeTakeOwnershipPrivilege", "Take ownership of files or other objects"),
    privilege(10, "SeLoadDriverPrivilege", "Load and unload device drivers"),
    privilege(11, "SeSystemProfilePrivilege", "Profile system performance"),
    privilege(12, "SeSystemtimePrivilege", "Change the system time"),
    privilege(13, "SeProfileSingleProcessPrivilege", "Profile single process"),
    privilege(14, "SeIncreaseBasePriorityPrivilege", "Increase scheduling priority"),
    privilege(15, "SeCreatePagefilePrivilege", "Create a pagefile"),
    privilege(16, "SeCreatePermanentPrivilege", "Create permanent shared objects"),
    privilege(17, "SeBackupPrivilege", "Back up files and directories"),
    privilege(18, "SeRestorePrivilege", "Restore files and directories"),
    privilege(19, "SeShutdownPrivilege", "Shut down the system"),
    privilege(20, "SeDebugPrivilege", "Debug programs"),
    privilege(21, "SeAuditPrivilege", "Generate security audits"),
    privilege(22, "SeSystemEnvironmentPrivilege", "Modify firmware environment values"),
    privilege(23, "SeChangeNotifyPrivilege", "Bypass traverse checking"),
    privilege(24, "SeRemoteShutdownPrivilege", "Force shutdown from a remote system"),
    privilege(25, "SeUndockPrivilege", "Remove computer from docking station"),
    privilege(26, "SeSyncAgentPrivilege", "Synchronize directory service data"),
    privilege(
        27,
        "SeEnableDelegationPrivilege",
        "Enable computer and user accounts to be trusted for delegation",
    ),
    privilege(28, "SeManageVolumePrivilege", "Perform volume maintenance tasks"),
    privilege(29, "SeImpersonatePrivilege", "Impersonate a client after authentication"),
    privilege(30, "SeCreateGlobalPrivilege", "Create global objects"),
    privilege(31, "SeTrustedCredManAccessPrivilege", "Access Credential Manager as a trusted caller"),
    privilege(32, "SeRelabelPrivilege", "Modify an object label"),
    privilege(33, "SeIncreaseWorkingSetPrivilege", "Increase a process working set"),
    privilege(34, "SeTimeZonePrivilege", "Change the time zone"),
    privilege(35, "SeCreateSymbolicLinkPrivilege", "Create symbolic links"),
    privilege(
        36,
        "SeDelegateSessionUserImpersonatePrivilege",
        "Obtain an impersonation token for another user in the same session",
    ),
];

impl Privilege {
    /// The privilege called `name`, in any case.
    pub(super) fn of_name(name: &Wtf8Buf) -> Option<&'static Privilege> {
        let name = name.to_string();
        PRIVILEGES.iter().find(|privilege| privilege.name.eq_ignore_ascii_case(&name))
    }

    /// The privilege with this LUID.
    pub(super) fn of_luid(low: u32, high: u32) -> Option<&'static Privilege> {
        PRIVILEGES.iter().find(|privilege| high == 0 && privilege.luid == low)
    }

    fn is_in(&self, set: Privileges) -> bool {
        set.contains(Privileges(1_u64.checked_shl(self.luid).unwrap_or(0)))
    }
}

/// An account object: a group that has rights.
pub(super) struct Account {
    pub(super) sid: Sid,
    held: Privileges,
    logs_on: bool,
}

/// Everybody with rights, by SID.
static ACCOUNTS: [Account; 3] = [
    Account { sid: Sid::EVERYONE, held: Privileges::CHANGE_NOTIFY, logs_on: true },
    Account {
        sid: Sid::ADMINISTRATORS,
        held: Privileges::BACKUP
            .union(Privileges::RESTORE)
            .union(Privileges::TAKE_OWNERSHIP)
            .union(Privileges::SECURITY)
            .union(Privileges::MANAGE_VOLUME),
        logs_on: false,
    },
    Account {
        sid: Sid::BACKUP_OPERATORS,
        held: Privileges::BACKUP.union(Privileges::RESTORE),
        logs_on: false,
    },
];

impl Account {
    /// All accounts.
    pub(super) fn all() -> &'static [Account] {
        &ACCOUNTS
    }

    /// The account of `sid`.
    pub(super) fn find(sid: &Sid) -> Option<&'static Account> {
        ACCOUNTS.iter().find(|account| account.sid == *sid)
    }

    /// Its privileges, by LUID.
    pub(super) fn privileges(&self) -> impl Iterator<Item = &'static Privilege> {
        let held = self.held;
        PRIVILEGES.iter().filter(move |privilege| privilege.is_in(held))
    }

    /// The names of its rights.
    pub(super) fn rights(&self) -> impl Iterator<Item = &'static str> {
        self.privileges().map(|privilege| privilege.name).chain(self.logs_on.then_some(NETWORK_LOGON))
    }

    /// [MS-LSAD] 2.2.1.2: its logon rights as a mask.
    pub(super) const fn system_access(&self) -> u32 {
        if self.logs_on { POLICY_MODE_NETWORK } else { 0 }
    }
}

/// A privilege or a logon right is called `name`, in any case.
pub(super) fn is_right(name: &Wtf8Buf) -> bool {
    Privilege::of_name(name).is_some()
        || LOGON_RIGHTS.iter().any(|right| right.eq_ignore_ascii_case(&name.to_string()))
}

/// [MS-LSAD] 3.1.1.2.2 System Access Rights.
static LOGON_RIGHTS: [&str; 10] = [
    "SeInteractiveLogonRight",
    NETWORK_LOGON,
    "SeBatchLogonRight",
    "SeServiceLogonRight",
    "SeDenyInteractiveLogonRight",
    "SeDenyNetworkLogonRight",
    "SeDenyBatchLogonRight",
    "SeDenyServiceLogonRight",
    "SeRemoteInteractiveLogonRight",
    "SeDenyRemoteInteractiveLogonRight",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::NtHash;
    use crate::state;
    use freehold_dtyp::FileTime;

    /// The token of a local account that is in `groups`.
    fn token(groups: &[Sid]) -> freehold_acl::Token {
        let machine: Sid = "S-1-5-21-1-2-3".parse().unwrap();
        let account = state::Account {
            name: "anna".to_owned(),
            rid: 1000,
            sid: machine.with_rid(1000).unwrap(),
            full_name: String::new(),
            comment: String::new(),
            nt_hash: NtHash::from_bytes([0; 16]),
            disabled: false,
            created: FileTime::ZERO,
            password_set: FileTime::ZERO,
            groups: groups.to_vec(),
        };
        state::network_token(&account)
    }

    #[test]
    fn rights_are_those_that_a_logon_gets() {
        for groups in [vec![], vec![Sid::ADMINISTRATORS], vec![Sid::BACKUP_OPERATORS]] {
            let token = token(&groups);
            let told = Account::all()
                .iter()
                .filter(|account| token.contains(&account.sid))
                .fold(Privileges::EMPTY, |all, account| all.union(account.held));
            assert_eq!(told, token.privileges(), "{groups:?}");
        }
    }

    #[test]
    fn names_and_numbers_of_privileges_lead_to_each_other() {
        for privilege in &PRIVILEGES {
            assert_eq!(Privilege::of_luid(privilege.luid, 0).unwrap().name, privilege.name);
            assert_eq!(
                Privilege::of_name(&privilege.name.to_lowercase().as_str().into()).unwrap().luid,
                privilege.luid
            );
        }
        assert!(Privilege::of_luid(17, 1).is_none() && Privilege::of_luid(1, 0).is_none());
        assert!(is_right(&"sedenybatchlogonright".into()) && !is_right(&"SeNothingPrivilege".into()));
    }
}
