//! The names that this server knows, of all kinds, in the order of [MS-LSAT] 3.1.4.5 and 2.2.16 (LsapLookupWksta).

use freehold_dtyp::{FileTime, Sid};

use super::cache::DirectoryCache;
use super::questions::{Asked, DirectoryName};
use super::spelling::{Spelling, same};
use super::well_known::{self, BUILTIN, builtin_sid};
use super::{Domain, Known, Principal, SidUse};
use crate::state::AccountsSnapshot;

/// RID of the group that local accounts have as primary group ([MS-SAMR] 3.1.1.7: DOMAIN_GROUP_RID_USERS).
pub const PRIMARY_GROUP_RID: u32 = 513;
/// Its name.
pub const PRIMARY_GROUP_NAME: &str = "None";

/// First sub-authority of the SIDs of account domains (SECURITY_NT_NON_UNIQUE), and how many those of an account have.
const ACCOUNT_DOMAIN: u32 = 21;
const DOMAIN_PARTS: usize = 4;
const ACCOUNT_PARTS: usize = 5;

/// Who this machine is: the domain of its own accounts.
#[derive(Clone, Copy, Debug)]
pub struct Machine<'a> {
    /// NetBIOS name.
    pub netbios_name: &'a str,
    /// DNS name.
    pub dns_name: &'a str,
    /// The SID that those of local accounts start with.
    pub sid: Sid,
}

/// Where a name without a domain is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Everywhere.
    All,
    /// On this machine only, and no user principal names (LookupOptions 0x80000000).
    Local,
}

/// All names, for as long as a question takes.
#[derive(Clone, Copy, Debug)]
pub struct NameBook<'a> {
    /// This machine.
    pub machine: Machine<'a>,
    /// Its accounts and groups.
    pub accounts: &'a AccountsSnapshot,
    /// What the directory has answered.
    pub directory: &'a DirectoryCache,
    /// What it has to be asked goes here.
    pub asked: &'a Asked,
    /// The present time.
    pub now: FileTime,
}

impl NameBook<'_> {
    /// Who has `sid`.
    #[must_use]
    pub fn of_sid(&self, sid: &Sid) -> Known<Principal> {
        match self.here_of_sid(sid) {
            Some(principal) => Known::Found(principal),
            None => self.elsewhere_of_sid(sid),
        }
    }

    /// Who is called `name`, in any spelling but that of a SID.
    #[must_use]
    pub fn of_name(&self, name: &str, scope: Scope) -> Known<Principal> {
        let found = match Spelling::of(name) {
            None => None,
            Some(Spelling::Isolated(name)) => match self.here_of_isolated(name) {
                None if scope == Scope::All => return self.elsewhere_of_isolated(name),
                found => found,
            },
            Some(Spelling::Qualified { domain, name }) => match self.here_in_domain(domain, name) {
                Here::No => return self.elsewhere_in_domain(domain, name),
                Here::Domain(found) => found,
            },
            Some(Spelling::UserPrincipalName { .. }) if scope == Scope::Local => None,
            Some(Spelling::UserPrincipalName { user, suffix, whole }) => {
                match self.here_in_domain(suffix, user) {
                    Here::No => return self.ask_name(DirectoryName::UserPrincipalName(whole.to_owned())),
                    Here::Domain(found) => found,
                }
            }
        };
        found.map_or(Known::Absent, Known::Found)
    }

    /// Whom an administrator means: `alice`, `CORP\alice`, `alice@corp.example`, `S-1-5-...`, `*S-1-5-...` (as icacls has it).
    /// A SID need not be anybody's.
    #[must_use]
    pub fn account(&self, text: &str) -> Known<Sid> {
        match text.strip_prefix('*').unwrap_or(text).parse() {
            Ok(sid) => Known::Found(sid),
            Err(_) => self.of_name(text, Scope::All).map(|principal| principal.sid),
        }
    }

    /// The name of a SID for people: the SID itself where it has none.
    #[must_use]
    pub fn shown(&self, sid: &Sid) -> String {
        self.of_sid(sid).found().map_or_else(|| sid.to_string(), |principal| principal.full_name())
    }

    /// The account domain that `sid` is in, also where nobody has the SID ([MS-LSAT] 3.1.4.9: DomainIndex of a SID that is
    /// not translated).
    #[must_use]
    pub fn domain_of(&self, sid: &Sid) -> Option<Domain> {
        let (domain, _) = sid.split_rid()?;
        if domain == self.machine.sid {
            return Some(self.own_domain());
        }
        if Some(domain) == builtin_sid() {
            return Some(Domain { sid: domain, netbios_name: BUILTIN.to_owned(), dns_name: String::new() });
        }
        self.directory.domain_of(&domain).found()
    }

    /// The account domain that `name` names: this machine's, that of the membership, or a trusted one.
    #[must_use]
    pub fn domain_called(&self, name: &str) -> Option<Domain> {
        if self.is_machine(name) {
            return Some(self.own_domain());
        }
        self.directory.domain_called(name).found()
    }

    fn own_domain(&self) -> Domain {
        Domain {
            sid: self.machine.sid,
            netbios_name: self.machine.netbios_name.to_owned(),
            dns_name: String::new(),
        }
    }

    fn here_of_sid(&self, sid: &Sid) -> Option<Principal> {
        if let Some(account) = self.accounts.account_by_sid(sid) {
            return Some(self.own(*sid, &account.name, SidUse::User));
        }
        if let Some(group) = self.accounts.group_by_sid(sid) {
            return Some(match builtin_sid() {
                Some(builtin) if group.builtin => Principal {
                    sid: *sid,
                    name: group.name.clone(),
                    domain: BUILTIN.to_owned(),
                    domain_sid: builtin,
                    sid_use: SidUse::Alias,
                },
                _ => self.own(*sid, &group.name, SidUse::Alias),
            });
        }
        if *sid == self.machine.sid {
            return Some(self.own_domain().principal());
        }
        if self.machine.sid.with_rid(PRIMARY_GROUP_RID) == Some(*sid) {
            return Some(self.own(*sid, PRIMARY_GROUP_NAME, SidUse::Group));
        }
        well_known::of_sid(sid).and_then(well_known::WellKnown::principal)
    }

    fn own(&self, sid: Sid, name: &str, sid_use: SidUse) -> Principal {
        Principal {
            sid,
            name: name.to_owned(),
            domain: self.machine.netbios_name.to_owned(),
            domain_sid: self.machine.sid,
            sid_use,
        }
    }

    /// Only accounts, groups and domains can be in the directory, and what starts with this machine's SID is not.
    fn elsewhere_of_sid(&self, sid: &Sid) -> Known<Principal> {
        let [ACCOUNT_DOMAIN, ..] = sid.sub_authorities() else { return Known::Absent };
        if sid.authority() != Sid::SYSTEM.authority() {
            return Known::Absent;
        }
        let found = match sid.sub_authorities().len() {
            DOMAIN_PARTS => self.directory.domain_of(sid).map(|domain| domain.principal()),
            ACCOUNT_PARTS if sid.split_rid().is_none_or(|(domain, _)| domain == self.machine.sid) => {
                Known::Absent
            }
            ACCOUNT_PARTS => self
                .directory
                .of_sid(sid, self.now, self.may_ask())
                .map(|principal| Principal::clone(&principal)),
            _ => Known::Absent,
        };
        if found == Known::Ask {
            self.asked.sid(*sid);
        }
        found
    }

    fn may_ask(&self) -> bool {
        !self.asked.is_last_run()
    }

    fn ask_name(&self, name: DirectoryName) -> Known<Principal> {
        let found = self.directory.of_name(&name, self.now, self.may_ask());
        if found == Known::Ask {
            self.asked.name(name);
        }
        found.map(|principal| Principal::clone(&principal))
    }

    fn here_of_isolated(&self, name: &str) -> Option<Principal> {
        let known = well_known::of_name(None, name).or_else(|| well_known::domain_called(name));
        if let Some(known) = known.filter(|known| !known.is_alias()) {
            return known.principal();
        }
        if let Some(group) = self.accounts.group(name) {
            return self.here_of_sid(&group.sid);
        }
        if let Some(alias) = known {
            return alias.principal();
        }
        self.own_called(name)
            .or_else(|| same(name, self.machine.netbios_name).then(|| self.own_domain().principal()))
    }

    /// An account or a group of this machine, those of BUILTIN left out.
    fn own_called(&self, name: &str) -> Option<Principal> {
        if let Some(group) = self.accounts.group(name).filter(|group| !group.builtin) {
            return self.here_of_sid(&group.sid);
        }
        if let Some(account) = self.accounts.account(name) {
            return self.here_of_sid(&account.sid);
        }
        if same(name, PRIMARY_GROUP_NAME) {
            return self.here_of_sid(&self.machine.sid.with_rid(PRIMARY_GROUP_RID)?);
        }
        None
    }

    fn elsewhere_of_isolated(&self, name: &str) -> Known<Principal> {
        if let Known::Found(domain) = self.directory.domain_called(name) {
            return Known::Found(domain.principal());
        }
        self.ask_name(DirectoryName::Isolated(name.to_owned()))
    }

    fn is_machine(&self, domain: &str) -> bool {
        domain == "." || same(domain, self.machine.netbios_name) || same(domain, self.machine.dns_name)
    }

    fn here_in_domain(&self, domain: &str, name: &str) -> Here {
        if self.is_machine(domain) {
            return Here::Domain(if name.is_empty() {
                Some(self.own_domain().principal())
            } else {
                self.own_called(name)
            });
        }
        if same(domain, BUILTIN)
            && let Some(group) = self.accounts.group(name).filter(|group| group.builtin)
        {
            return Here::Domain(self.here_of_sid(&group.sid));
        }
        match well_known::of_name(Some(domain), name) {
            Some(known) => return Here::Domain(known.principal()),
            None if well_known::is_domain(domain) => {}
            None => return Here::No,
        }
        Here::Domain(if name.is_empty() {
            well_known::domain_called(domain).and_then(well_known::WellKnown::principal)
        } else {
            None
        })
    }

    fn elsewhere_in_domain(&self, domain: &str, name: &str) -> Known<Principal> {
        let found = match self.directory.domain_called(domain) {
            Known::Found(found) if name.is_empty() => return Known::Found(found.principal()),
            Known::Found(found) => found.netbios_name,
            Known::Absent => return Known::Absent,
            // Which domains are trusted is not known yet.
            Known::Ask => domain.to_owned(),
        };
        self.ask_name(DirectoryName::InDomain { domain: found, name: name.to_owned() })
    }
}

/// Is a name one of this machine's?
enum Here {
    /// Its domain is, with this name in it or none.
    Domain(Option<Principal>),
    /// Its domain is another's.
    No,
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::auth::NtHash;
    use crate::names::Questions;
    use crate::state::{Account, Group};

    struct Desk {
        accounts: AccountsSnapshot,
        directory: DirectoryCache,
        asked: Asked,
    }

    fn machine_sid() -> Sid {
        "S-1-5-21-1-2-3".parse().unwrap()
    }

    fn corp() -> Domain {
        Domain {
            sid: "S-1-5-21-7-8-9".parse().unwrap(),
            netbios_name: "CORP".to_owned(),
            dns_name: "corp.example".to_owned(),
        }
    }

    fn alice() -> Principal {
        Principal {
            sid: "S-1-5-21-7-8-9-1103".parse().unwrap(),
            name: "alice".to_owned(),
            domain: "CORP".to_owned(),
            domain_sid: corp().sid,
            sid_use: SidUse::User,
        }
    }

    impl Desk {
        fn new() -> Desk {
            let account = Account {
                name: "anna".to_owned(),
                rid: 1000,
                sid: machine_sid().with_rid(1000).unwrap(),
                full_name: String::new(),
                comment: String::new(),
                nt_hash: NtHash::from_bytes([0; 16]),
                disabled: false,
                created: FileTime::ZERO,
                password_set: FileTime::ZERO,
                groups: Vec::new(),
            };
            let group = |name: &str, sid, builtin| Group {
                name: name.to_owned(),
                sid,
                comment: String::new(),
                builtin,
                members: Vec::new(),
            };
            let groups = vec![
                group("Administrators", Sid::ADMINISTRATORS, true),
                group("team", machine_sid().with_rid(1002).unwrap(), false),
            ];
            Desk {
                accounts: AccountsSnapshot::new(machine_sid(), vec![account], groups),
                directory: DirectoryCache::default(),
                asked: Asked::default(),
            }
        }

        fn joined() -> Desk {
            let desk = Desk::new();
            desk.directory.set_domain(Some(corp()));
            desk.directory.set_trusted(Vec::new());
            desk
        }

        fn book(&self) -> NameBook<'_> {
            NameBook {
                machine: Machine {
                    netbios_name: "FILES",
                    dns_name: "files.corp.example",
                    sid: machine_sid(),
                },
                accounts: &self.accounts,
                directory: &self.directory,
                asked: &self.asked,
                now: FileTime(1_000_000_000_000_000),
            }
        }

        fn name(&self, name: &str) -> Known<Principal> {
            self.book().of_name(name, Scope::All)
        }
    }

    #[test]
    fn names_and_sids_of_this_machine_lead_to_each_other() {
        for desk in [Desk::new(), Desk::joined()] {
            for (sid, domain, name, sid_use) in [
                ("S-1-1-0", "", "Everyone", SidUse::WellKnownGroup),
                ("S-1-5-18", "NT AUTHORITY", "SYSTEM", SidUse::WellKnownGroup),
                ("S-1-5-32-544", "BUILTIN", "Administrators", SidUse::Alias),
                ("S-1-5-32-555", "BUILTIN", "Remote Desktop Users", SidUse::Alias),
                ("S-1-5-21-1-2-3", "FILES", "FILES", SidUse::Domain),
                ("S-1-5-21-1-2-3-1000", "FILES", "anna", SidUse::User),
                ("S-1-5-21-1-2-3-1002", "FILES", "team", SidUse::Alias),
                ("S-1-5-21-1-2-3-513", "FILES", "None", SidUse::Group),
                ("S-1-16-8192", "Mandatory Label", "Medium Mandatory Level", SidUse::Label),
            ] {
                let sid: Sid = sid.parse().unwrap();
                let found = desk.book().of_sid(&sid).found().unwrap();
                assert_eq!(
                    (found.domain.as_str(), found.name.as_str(), found.sid_use),
                    (domain, name, sid_use)
                );
                assert_eq!(desk.name(&name.to_lowercase()), Known::Found(found.clone()), "{name}");
                if sid_use != SidUse::Domain {
                    let qualified = format!("{domain}\\{name}");
                    assert_eq!(desk.name(&qualified), Known::Found(found), "{name}");
                }
            }
            for (name, expected) in [
                ("anna@files", "FILES\\anna"),
                (".\\anna", "FILES\\anna"),
                ("files.corp.example\\anna", "FILES\\anna"),
                ("FILES\\", "FILES"),
                ("builtin\\", "BUILTIN"),
            ] {
                assert_eq!(desk.name(name).map(|found| found.full_name()), Known::Found(expected.to_owned()));
            }
            assert!(!desk.asked.is_asking());
        }
    }

    #[test]
    fn without_a_membership_others_are_absent() {
        let desk = Desk::new();
        for name in
            ["OTHER\\anna", "BUILTIN\\anna", "nobody", "", "\\", "FILES\\Administrators", "a@corp.example"]
        {
            assert_eq!(desk.name(name), Known::Absent, "{name}");
        }
        assert_eq!(desk.book().of_sid(&alice().sid), Known::Absent);
        assert!(!desk.asked.is_asking());
    }

    #[test]
    fn what_only_the_directory_can_know_is_asked_once_then_absent() {
        let desk = Desk::joined();
        let sid = alice().sid;
        assert_eq!(desk.book().of_sid(&sid), Known::Ask);
        for name in
            ["alice", "CORP\\alice", "corp.example\\Alice", "alice@corp.example", "alice@mail.example"]
        {
            assert_eq!(desk.name(name), Known::Ask, "{name}");
        }
        let corp = |name: &str| DirectoryName::InDomain { domain: "CORP".to_owned(), name: name.to_owned() };
        let upn = |name: &str| DirectoryName::UserPrincipalName(name.to_owned());
        assert_eq!(
            desk.asked.take(),
            Questions {
                sids: [sid].into(),
                names: [
                    DirectoryName::Isolated("alice".to_owned()),
                    corp("alice"),
                    corp("Alice"),
                    upn("alice@corp.example"),
                    upn("alice@mail.example")
                ]
                .into()
            }
        );
        desk.asked.begin(true);
        assert_eq!((desk.book().of_sid(&sid), desk.name("alice")), (Known::Absent, Known::Absent));
        assert!(!desk.asked.is_asking());
    }

    #[test]
    fn what_the_directory_cannot_know_is_not_asked() {
        let desk = Desk::joined();
        for sid in
            ["S-1-5-21-1-2-3-4711", "S-1-5-80-1-2-3-4-5", "S-1-22-1-0", "S-1-5-32-4711", "S-1-5-21-7-8"]
        {
            assert_eq!(desk.book().of_sid(&sid.parse().unwrap()), Known::Absent, "{sid}");
        }
        for name in ["FILES\\alice", "BUILTIN\\alice", "NT AUTHORITY\\alice", "UNKNOWN\\alice", "alice@files"]
        {
            assert_eq!(desk.name(name), Known::Absent, "{name}");
        }
        assert_eq!(desk.book().of_name("alice", Scope::Local), Known::Absent);
        assert_eq!(desk.book().of_name("alice@corp.example", Scope::Local), Known::Absent);
        assert!(!desk.asked.is_asking());
    }

    #[test]
    fn answers_of_the_directory_are_found_in_every_spelling() {
        let desk = Desk::joined();
        let now = desk.book().now;
        let in_domain = DirectoryName::InDomain { domain: "CORP".to_owned(), name: "alice".to_owned() };
        let upn = DirectoryName::UserPrincipalName("alice@corp.example".to_owned());
        for name in [DirectoryName::Isolated("alice".to_owned()), in_domain, upn] {
            desk.directory.put_name(&name, Some(alice()), now);
        }
        for name in ["ALICE", "corp\\Alice", "corp.example\\alice", "Alice@Corp.Example"] {
            assert_eq!(desk.name(name), Known::Found(alice()), "{name}");
            assert_eq!(desk.book().account(name), Known::Found(alice().sid));
        }
        assert_eq!(desk.book().shown(&alice().sid), "CORP\\alice");
        // The domain itself needs no question.
        for name in ["CORP", "corp.example", "CORP\\", "corp.example\\"] {
            assert_eq!(desk.name(name), Known::Found(corp().principal()), "{name}");
        }
        assert_eq!(desk.book().of_sid(&corp().sid), Known::Found(corp().principal()));
        assert!(!desk.asked.is_asking());
    }

    #[test]
    fn trusts_that_are_not_known_yet_are_asked_for() {
        let desk = Desk::new();
        desk.directory.set_domain(Some(corp()));
        assert_eq!(desk.name("OTHER\\bob"), Known::Ask);
        assert!(desk.asked.is_asking());
        let other = Domain {
            sid: "S-1-5-21-4-5-6".parse().unwrap(),
            netbios_name: "OTHER".to_owned(),
            dns_name: "other.example".to_owned(),
        };
        desk.directory.set_trusted(vec![other.clone()]);
        desk.asked.begin(false);
        assert_eq!(desk.name("THIRD\\bob"), Known::Absent);
        assert_eq!(desk.name("other.example\\"), Known::Found(other.principal()));
        assert_eq!(desk.book().domain_of(&other.sid.with_rid(5).unwrap()), Some(other));
        assert!(!desk.asked.is_asking());
    }

    #[test]
    fn a_sid_is_an_account_of_its_own() {
        let desk = Desk::joined();
        for text in ["S-1-5-21-4-4-4-500", "*S-1-5-21-4-4-4-500"] {
            assert_eq!(
                desk.book().account(text),
                Known::Found("S-1-5-21-4-4-4-500".parse().unwrap()),
                "{text}"
            );
        }
        assert_eq!(desk.book().account("*nobody"), Known::Ask);
        assert_eq!(desk.book().shown(&"S-1-5-80-1".parse().unwrap()), "S-1-5-80-1");
    }

    #[test]
    fn domains_of_sids_that_nobody_has() {
        let desk = Desk::joined();
        let domain =
            |sid: &str| desk.book().domain_of(&sid.parse().unwrap()).map(|domain| domain.netbios_name);
        assert_eq!(domain("S-1-5-21-1-2-3-99"), Some("FILES".to_owned()));
        assert_eq!(domain("S-1-5-21-7-8-9-99"), Some("CORP".to_owned()));
        assert_eq!(domain("S-1-5-32-99"), Some("BUILTIN".to_owned()));
        assert_eq!(domain("S-1-5-21-4-4-4-99"), None);
        assert_eq!(desk.book().domain_called("corp.example").map(|found| found.sid), Some(corp().sid));
    }

    #[test]
    fn stale_answers_are_given_in_the_last_run() {
        let desk = Desk::joined();
        let now = desk.book().now;
        let old = FileTime(now.0 - 10_000_000 * 3_600);
        assert!(Duration::from_secs(3_600) > crate::names::FRESH_FOR);
        desk.directory.put_sid(alice().sid, Some(alice()), old);
        assert_eq!(desk.book().of_sid(&alice().sid), Known::Ask);
        desk.asked.begin(true);
        assert_eq!(desk.book().of_sid(&alice().sid), Known::Found(alice()));
    }

    proptest::proptest! {
        #[test]
        fn any_name_is_answered(name: String, joined: bool) {
            let desk = if joined { Desk::joined() } else { Desk::new() };
            let answer = desk.name(&name);
            // Asked exactly where the answer says so.
            proptest::prop_assert_eq!(answer == Known::Ask, desk.asked.is_asking());
            proptest::prop_assert!(joined || answer != Known::Ask);
        }

        #[test]
        fn any_sid_is_answered(authority in 0u8..20, parts in proptest::collection::vec(0u32..1_100, 0..8)) {
            let desk = Desk::joined();
            let sid = Sid::from_parts([0, 0, 0, 0, 0, authority], &parts).unwrap();
            let answer = desk.book().of_sid(&sid);
            proptest::prop_assert_eq!(answer == Known::Ask, desk.asked.is_asking());
            if let Known::Found(found) = answer {
                proptest::prop_assert_eq!(found.sid, sid);
                let name = found.full_name();
                let back = desk.name(&name).found().map(|found| found.sid);
                proptest::prop_assert!(back == Some(sid), "{} is not found as {}", sid, name);
            }
        }
    }
}
