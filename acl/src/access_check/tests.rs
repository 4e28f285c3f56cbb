//! The rules one by one, and all of them together against a model that is written bit by bit.

use super::*;
use crate::test_support::account;
use crate::{Ace, AceFlags, AceType, AclPart, Group, GroupAttributes, ObjectTypes};
use freehold_dtyp::{Encode as _, Guid};

const READ: AccessMask = AccessMask::FILE_READ_DATA;
const WRITE: AccessMask = AccessMask::FILE_WRITE_DATA;
const NONE: AceFlags = AceFlags::EMPTY;

fn file(owner: Sid, aces: impl IntoIterator<Item = Ace>) -> SecurityDescriptor {
    SecurityDescriptor::new(owner, Sid::USERS, Acl::from_aces(aces).unwrap())
}

fn check(sd: &SecurityDescriptor, token: &Token, desired: AccessMask) -> Result<AccessMask, AccessError> {
    access_check(sd, token, desired, &GenericMapping::FILE)
}

fn user() -> Token {
    Token::builder(account(1)).groups([account(100), Sid::EVERYONE]).build()
}

#[test]
fn no_dacl_restricts_nothing_and_an_empty_one_allows_nothing() {
    let mut sd = file(account(9), []);
    assert_eq!(check(&sd, &user(), READ), Err(AccessError::Denied));
    for part in [AclPart::Null, AclPart::Absent] {
        sd.dacl = part;
        assert_eq!(check(&sd, &user(), READ | WRITE), Ok(READ | WRITE));
        let all = check(&sd, &user(), AccessMask::MAXIMUM_ALLOWED);
        assert_eq!(all, Ok(AccessMask::FILE_ALL_ACCESS));
    }
}

#[test]
fn the_first_entry_that_speaks_of_a_right_decides() {
    let allow = Ace::allow(Sid::EVERYONE, READ, NONE);
    let deny = Ace::deny(account(100), READ, NONE);
    assert_eq!(check(&file(account(9), [allow.clone(), deny.clone()]), &user(), READ), Ok(READ));
    assert_eq!(check(&file(account(9), [deny, allow]), &user(), READ), Err(AccessError::Denied));
}

#[test]
fn rights_add_up_over_entries() {
    let sd = file(account(9), [Ace::allow(account(1), READ, NONE), Ace::allow(account(100), WRITE, NONE)]);
    assert_eq!(check(&sd, &user(), READ | WRITE), Ok(READ | WRITE));
    assert_eq!(check(&sd, &user(), READ | AccessMask::DELETE), Err(AccessError::Denied));
}

#[test]
fn generic_rights_are_mapped_in_the_request_and_in_entries() {
    let sd = file(account(9), [Ace::allow(account(1), AccessMask::GENERIC_READ, NONE)]);
    assert_eq!(check(&sd, &user(), AccessMask::GENERIC_READ), Ok(AccessMask::FILE_GENERIC_READ));
    assert_eq!(check(&sd, &user(), READ), Ok(READ));
    assert_eq!(check(&sd, &user(), AccessMask::GENERIC_ALL), Err(AccessError::Denied));
}

#[test]
fn inherit_only_entries_do_not_count() {
    let sd = file(
        account(9),
        [
            Ace::deny(account(1), READ, AceFlags::INHERIT_ONLY),
            Ace::allow(account(1), WRITE, AceFlags::INHERIT_ONLY),
            Ace::allow(account(1), READ, NONE),
        ],
    );
    assert_eq!(check(&sd, &user(), READ), Ok(READ));
    assert_eq!(check(&sd, &user(), WRITE), Err(AccessError::Denied));
}

#[test]
fn deny_only_groups_match_only_entries_that_deny() {
    let token = Token::builder(account(1)).deny_only(account(100)).group(Sid::EVERYONE).build();
    let allow = Ace::allow(account(100), READ, NONE);
    assert_eq!(check(&file(account(9), [allow]), &token, READ), Err(AccessError::Denied));
    let deny = Ace::deny(account(100), READ, NONE);
    let everyone = Ace::allow(Sid::EVERYONE, READ, NONE);
    assert_eq!(check(&file(account(9), [deny, everyone]), &token, READ), Err(AccessError::Denied));
}

#[test]
fn the_owner_reads_and_changes_the_descriptor_whatever_the_dacl_says() {
    let control = AccessMask::READ_CONTROL | AccessMask::WRITE_DAC;
    let sd = file(account(1), [Ace::deny(account(1), AccessMask::FILE_ALL_ACCESS, NONE)]);
    assert_eq!(check(&sd, &user(), control), Ok(control));
    assert_eq!(check(&sd, &user(), AccessMask::MAXIMUM_ALLOWED), Ok(control));
    assert_eq!(check(&file(account(9), []), &user(), control), Err(AccessError::Denied));
    // By a group that owns it, unless the group is for denials only.
    assert_eq!(check(&file(account(100), []), &user(), control), Ok(control));
    let token = Token::builder(account(1)).deny_only(account(100)).build();
    assert_eq!(check(&file(account(100), []), &token, control), Err(AccessError::Denied));
}

#[test]
fn owner_rights_replace_what_the_owner_is_given() {
    let sd = |aces: &[Ace]| file(account(1), aces.iter().cloned());
    let max = |sd: &SecurityDescriptor| check(sd, &user(), AccessMask::MAXIMUM_ALLOWED);
    let read = Ace::allow(account(1), AccessMask::FILE_GENERIC_READ, NONE);
    // The cases of smbtorture's smb2.acls.OWNER-RIGHTS, -DENY, -DENY1 and DENY1.
    let owner_rights = Ace::allow(Sid::OWNER_RIGHTS, WRITE, NONE);
    let both = AccessMask::FILE_GENERIC_READ | WRITE;
    assert_eq!(max(&sd(&[read.clone(), owner_rights.clone()])), Ok(both));
    let deny = Ace::deny(Sid::OWNER_RIGHTS, READ, NONE);
    assert_eq!(max(&sd(&[deny, read.clone()])), Ok(AccessMask::FILE_GENERIC_READ.without(READ)));
    let deny = Ace::deny(Sid::OWNER_RIGHTS, READ | WRITE, NONE);
    assert_eq!(max(&sd(&[read.clone(), owner_rights, deny])), Ok(both));
    let with_write = Ace::allow(account(1), both, NONE);
    let deny = Ace::deny(account(1), WRITE, NONE);
    assert_eq!(max(&sd(&[with_write, deny])), Ok(both | AccessMask::WRITE_DAC));
    // Others do not get them, and inherit-only ones change nothing.
    let others = file(account(9), [Ace::allow(Sid::OWNER_RIGHTS, READ, NONE)]);
    assert_eq!(check(&others, &user(), READ), Err(AccessError::Denied));
    let below = Ace::allow(Sid::OWNER_RIGHTS, READ, AceFlags::INHERIT_ONLY);
    assert_eq!(max(&sd(&[below])), Ok(AccessMask::READ_CONTROL | AccessMask::WRITE_DAC));
}

#[test]
fn maximum_allowed_with_a_right_that_is_not_granted_fails() {
    let sd = file(account(1), [Ace::allow(account(1), READ, NONE)]);
    let desired = AccessMask::MAXIMUM_ALLOWED | WRITE;
    assert_eq!(check(&sd, &user(), desired), Err(AccessError::Denied));
    let desired = AccessMask::MAXIMUM_ALLOWED | READ;
    assert_eq!(check(&sd, &user(), desired), Ok(READ | AccessMask::READ_CONTROL | AccessMask::WRITE_DAC));
    assert_eq!(check(&file(account(9), []), &user(), AccessMask::MAXIMUM_ALLOWED), Err(AccessError::Denied));
}

#[test]
fn the_sacl_takes_the_privilege_and_no_entry_gives_it() {
    let security = AccessMask::ACCESS_SYSTEM_SECURITY;
    let mut sd = file(account(1), [Ace::allow(account(1), AccessMask(u32::MAX), NONE)]);
    assert_eq!(check(&sd, &user(), security), Err(AccessError::PrivilegeNotHeld));
    let holder = Token::builder(account(1)).privileges(Privileges::SECURITY).build();
    assert_eq!(check(&sd, &holder, security | READ), Ok(security | READ));
    let maximum = check(&sd, &holder, AccessMask::MAXIMUM_ALLOWED).unwrap();
    assert!(!maximum.intersects(security | AccessMask::MAXIMUM_ALLOWED));
    sd.dacl = AclPart::Null;
    assert_eq!(check(&sd, &user(), security), Err(AccessError::PrivilegeNotHeld));
}

#[test]
fn the_privilege_to_take_ownership_gives_write_owner_when_asked_for() {
    let holder = Token::builder(account(1)).privileges(Privileges::TAKE_OWNERSHIP).build();
    let sd = file(account(9), [Ace::deny(Sid::EVERYONE, AccessMask::WRITE_OWNER, NONE)]);
    assert_eq!(check(&sd, &user(), AccessMask::WRITE_OWNER), Err(AccessError::Denied));
    assert_eq!(check(&sd, &holder, AccessMask::WRITE_OWNER), Ok(AccessMask::WRITE_OWNER));
    assert_eq!(check(&sd, &holder, AccessMask::WRITE_OWNER | READ), Err(AccessError::Denied));
    assert_eq!(maximum_access(&sd, &holder, &GenericMapping::FILE), AccessMask::EMPTY);
}

#[test]
fn object_entries_count_as_ordinary_ones() {
    let types = ObjectTypes::new(Some(Guid([1; 16])), None);
    let allow = Ace::object(AceType::ACCESS_ALLOWED_OBJECT, NONE, READ | WRITE, types, account(1)).unwrap();
    let deny = Ace::object(AceType::ACCESS_DENIED_OBJECT, NONE, WRITE, types, account(1)).unwrap();
    let sd = file(account(9), [deny, allow]);
    assert_eq!(check(&sd, &user(), READ), Ok(READ));
    assert_eq!(check(&sd, &user(), WRITE), Err(AccessError::Denied));
}

#[test]
fn conditions_never_grant_and_always_deny() {
    let ace = |ace_type, mask| {
        Ace::new(ace_type, NONE, mask, account(1)).unwrap().with_data(b"artx\xF8".to_vec()).unwrap()
    };
    let sd = file(account(9), [ace(AceType::ACCESS_ALLOWED_CALLBACK, READ)]);
    assert_eq!(check(&sd, &user(), READ), Err(AccessError::Denied));
    let sd = file(
        account(9),
        [ace(AceType::ACCESS_DENIED_CALLBACK, READ), Ace::allow(account(1), READ | WRITE, NONE)],
    );
    assert_eq!(check(&sd, &user(), READ), Err(AccessError::Denied));
    assert_eq!(check(&sd, &user(), WRITE), Ok(WRITE));
}

#[test]
fn audit_and_unknown_entries_grant_nothing() {
    let sd = file(
        account(9),
        [
            Ace::audit(account(1), READ, AceFlags::SUCCESSFUL_ACCESS),
            Ace::opaque(AceType(0x77), NONE, &account(1).to_bytes()).unwrap(),
        ],
    );
    assert_eq!(check(&sd, &user(), READ), Err(AccessError::Denied));
}

#[test]
fn a_request_for_nothing_is_granted_nothing() {
    assert_eq!(check(&file(account(9), []), &user(), AccessMask::EMPTY), Ok(AccessMask::EMPTY));
}

fn label(level: u32, policy: u32) -> AclPart {
    let sid = Sid::from_parts([0, 0, 0, 0, 0, 16], &[level]).unwrap();
    let label = Ace::new(AceType::SYSTEM_MANDATORY_LABEL, NONE, AccessMask(policy), sid).unwrap();
    Acl::from_aces([label]).unwrap().into()
}

#[test]
fn a_label_above_the_token_keeps_what_its_policy_says() {
    let mut sd = file(account(9), [Ace::allow(account(1), AccessMask::FILE_ALL_ACCESS, NONE)]);
    sd.sacl = label(0x3000, 1);
    assert_eq!(check(&sd, &user(), WRITE), Err(AccessError::Denied));
    assert_eq!(check(&sd, &user(), AccessMask::DELETE), Err(AccessError::Denied));
    assert_eq!(check(&sd, &user(), READ), Ok(READ));
    sd.sacl = label(0x3000, 2);
    assert_eq!(check(&sd, &user(), READ), Err(AccessError::Denied));
    assert_eq!(check(&sd, &user(), WRITE), Ok(WRITE));
    sd.sacl = label(0x2000, 7);
    assert_eq!(check(&sd, &user(), AccessMask::FILE_ALL_ACCESS), Ok(AccessMask::FILE_ALL_ACCESS));
    // Whoever may relabel may become the owner.
    sd.sacl = label(0x3000, 7);
    let owner = AccessMask::WRITE_OWNER;
    assert_eq!(check(&sd, &user(), owner), Err(AccessError::Denied));
    let relabeler = Token::builder(account(1)).privileges(Privileges::RELABEL).build();
    assert_eq!(check(&sd, &relabeler, owner), Ok(owner));
    // Without a label: medium, no write from below.
    sd.sacl = AclPart::Absent;
    let low = Token::builder(account(1)).integrity_level(IntegrityLevel::LOW).build();
    assert_eq!(check(&sd, &low, READ), Ok(READ));
    assert_eq!(check(&sd, &low, WRITE), Err(AccessError::Denied));
}

// The model.

/// A small generator of random numbers (xorshift64*): the test must be the same each time.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    fn below(&mut self, bound: u64) -> u64 {
        (self.next() >> 33) % bound
    }

    fn one_in(&mut self, bound: u64) -> bool {
        self.below(bound) == 0
    }

    fn mask(&mut self) -> u32 {
        let mut mask = 0;
        for _ in 0..=self.below(5) {
            mask |= match self.below(12) {
                0 => 0x1000_0000 << self.below(4),
                1 => 0x001F_01FF,
                2 => 0x0012_0089,
                3 => 0x0200_0000,
                4 if self.one_in(4) => 0x0100_0000,
                _ => 1 << [0, 1, 2, 3, 4, 5, 6, 7, 8, 16, 17, 18, 19, 20][self.below(14) as usize],
            };
        }
        mask
    }

    fn sid(&mut self) -> Sid {
        match self.below(10) {
            0 => Sid::EVERYONE,
            1 => Sid::OWNER_RIGHTS,
            2 => Sid::ADMINISTRATORS,
            rid => account(rid as u32),
        }
    }
}

struct ModelToken {
    user: Sid,
    enabled: Vec<Sid>,
    deny_only: Vec<Sid>,
    security: bool,
    take_ownership: bool,
}

#[derive(Clone)]
struct ModelAce {
    ace_type: u8,
    inherit_only: bool,
    mask: u32,
    sid: Sid,
}

/// The rights of a mask one by one, generic ones spelled out.
fn bits(mask: u32) -> Vec<u32> {
    let mut expanded = mask & 0x0FFF_FFFF;
    for (generic, stands_for) in [(31, 0x0012_0089), (30, 0x0012_0116), (29, 0x0012_00A0), (28, 0x001F_01FF)]
    {
        if mask & (1 << generic) != 0 {
            expanded |= stands_for;
        }
    }
    (0..32).map(|bit| 1 << bit).filter(|bit| expanded & bit != 0).collect()
}

/// Is one right granted? Walks the list for it alone.
fn model_bit(
    bit: u32,
    by_name: bool,
    owner: Option<Sid>,
    dacl: Option<&[ModelAce]>,
    token: &ModelToken,
) -> bool {
    if bit == 0x0100_0000 {
        return by_name && token.security;
    }
    if bit == 0x0008_0000 && by_name && token.take_ownership {
        return true;
    }
    let has = |sid: &Sid| token.user == *sid || token.enabled.contains(sid);
    let is_owner = owner.is_some_and(|owner| has(&owner));
    let Some(aces) = dacl else { return true };
    let effective: Vec<&ModelAce> = aces.iter().filter(|ace| !ace.inherit_only).collect();
    let owner_rights_said = effective
        .iter()
        .any(|ace| ace.sid == Sid::OWNER_RIGHTS && matches!(ace.ace_type, 0 | 1 | 5 | 6 | 9..=12));
    if is_owner && !owner_rights_said && (bit == 0x0002_0000 || bit == 0x0004_0000) {
        return true;
    }
    for ace in effective {
        if !bits(ace.mask).contains(&bit) {
            continue;
        }
        match ace.ace_type {
            0 | 5
                if (ace.sid == Sid::OWNER_RIGHTS && is_owner)
                    || (ace.sid != Sid::OWNER_RIGHTS && has(&ace.sid)) =>
            {
                return true;
            }
            1 | 6 | 10 | 12
                if (ace.sid == Sid::OWNER_RIGHTS && is_owner)
                    || (ace.sid != Sid::OWNER_RIGHTS
                        && (has(&ace.sid) || token.deny_only.contains(&ace.sid))) =>
            {
                return false;
            }
            _ => {}
        }
    }
    false
}

fn model(
    desired: u32,
    owner: Option<Sid>,
    dacl: Option<&[ModelAce]>,
    token: &ModelToken,
) -> Result<u32, AccessError> {
    let wanted: Vec<u32> = bits(desired).into_iter().filter(|bit| *bit != 0x0200_0000).collect();
    if wanted.contains(&0x0100_0000) && !token.security {
        return Err(AccessError::PrivilegeNotHeld);
    }
    if !wanted.iter().all(|bit| model_bit(*bit, true, owner, dacl, token)) {
        return Err(AccessError::Denied);
    }
    let mut granted: u32 = wanted.iter().sum();
    if desired & 0x0200_0000 != 0 {
        for bit in bits(0x001F_01FF) {
            if model_bit(bit, false, owner, dacl, token) {
                granted |= bit;
            }
        }
        if granted == 0 {
            return Err(AccessError::Denied);
        }
    }
    Ok(granted)
}

#[test]
fn random_checks_agree_with_the_model() {
    let mut random = Random(0x5EED_0001);
    let mut counts = [0u32; 3];
    for _ in 0..60_000 {
        let enabled: Vec<Sid> =
            (0..random.below(5)).map(|_| random.sid()).filter(|sid| *sid != Sid::OWNER_RIGHTS).collect();
        let deny_only: Vec<Sid> = (0..random.below(3))
            .map(|_| random.sid())
            .filter(|sid| *sid != Sid::OWNER_RIGHTS && !enabled.contains(sid) && *sid != account(3))
            .collect();
        let model_token = ModelToken {
            user: account(3),
            enabled,
            deny_only,
            security: random.one_in(3),
            take_ownership: random.one_in(3),
        };
        let mut builder = Token::builder(model_token.user).groups(model_token.enabled.iter().copied());
        for sid in &model_token.deny_only {
            let attributes = GroupAttributes::USE_FOR_DENY_ONLY;
            builder = builder.group_with(Group { sid: *sid, attributes });
        }
        let privileges = Privileges::EMPTY
            .with(Privileges::SECURITY, model_token.security)
            .with(Privileges::TAKE_OWNERSHIP, model_token.take_ownership);
        let token = builder.privileges(privileges).build();

        let owner = (!random.one_in(10)).then(|| random.sid()).filter(|sid| *sid != Sid::OWNER_RIGHTS);
        let aces: Vec<ModelAce> = (0..random.below(7))
            .map(|_| ModelAce {
                ace_type: [0, 0, 0, 0, 1, 1, 1, 2, 5, 6, 9, 10, 11, 12, 17, 18][random.below(16) as usize],
                inherit_only: random.one_in(6),
                mask: random.mask(),
                sid: random.sid(),
            })
            .collect();
        let dacl = (!random.one_in(20)).then_some(&aces[..]);
        let real = dacl.map(|aces| {
            Acl::from_aces(aces.iter().map(|ace| {
                let flags = AceFlags(0x03).with(AceFlags::INHERIT_ONLY, ace.inherit_only);
                let (ace_type, mask) = (AceType(ace.ace_type), AccessMask(ace.mask));
                Ace::new(ace_type, flags, mask, ace.sid)
                    .or_else(|| Ace::object(ace_type, flags, mask, ObjectTypes::default(), ace.sid))
                    .unwrap()
            }))
            .unwrap()
        });
        let sd = SecurityDescriptor {
            owner,
            dacl: real.map_or(AclPart::Null, AclPart::Present),
            ..SecurityDescriptor::default()
        };
        for _ in 0..4 {
            let desired = random.mask();
            let expected = model(desired, owner, dacl, &model_token);
            let found = check(&sd, &token, AccessMask(desired));
            assert_eq!(
                found.map(|mask| mask.0),
                expected,
                "desired {desired:#x} of {sd} for {:?} without {:?}",
                model_token.enabled,
                model_token.deny_only
            );
            counts[match expected {
                Ok(_) => 0,
                Err(AccessError::Denied) => 1,
                Err(AccessError::PrivilegeNotHeld) => 2,
            }] += 1;
        }
    }
    // Neither answer is rare: the test means something.
    assert!(counts.iter().all(|count| *count > 5_000), "{counts:?}");
}
