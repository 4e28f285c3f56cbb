//! [MS-DTYP] 2.5.2 Token/Authorization Context: who asks.
//!
//! A token is made once per logon and asked once per access-control entry of every open, so membership is answered
//! from a filter and sorted keys, without allocation.

use crate::{Acl, Claim};
use freehold_dtyp::Sid;
use serde::{Deserialize, Serialize};

/// [MS-LSAD] 3.1.1.2.1 Privilege Data Model: the privileges that file access looks at. Unknown bits are kept.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Privileges(pub u64);

bit_set!(Privileges, u64);

impl Privileges {
    /// SeSecurityPrivilege: read and change the SACL.
    pub const SECURITY: Privileges = Privileges(1 << 8);
    /// SeTakeOwnershipPrivilege: become owner of anything.
    pub const TAKE_OWNERSHIP: Privileges = Privileges(1 << 9);
    /// SeBackupPrivilege: read anything, when opened with backup intent.
    pub const BACKUP: Privileges = Privileges(1 << 17);
    /// SeRestorePrivilege: write anything, when opened with backup intent, and set any owner.
    pub const RESTORE: Privileges = Privileges(1 << 18);
    /// SeChangeNotifyPrivilege: pass through folders without FILE_TRAVERSE.
    pub const CHANGE_NOTIFY: Privileges = Privileges(1 << 23);
    /// SeManageVolumePrivilege: set the valid data length, quotas, and other whole-volume work.
    pub const MANAGE_VOLUME: Privileges = Privileges(1 << 28);
    /// SeRelabelPrivilege: raise an integrity label above one's own.
    pub const RELABEL: Privileges = Privileges(1 << 32);
    /// SeCreateSymbolicLinkPrivilege.
    pub const CREATE_SYMBOLIC_LINK: Privileges = Privileges(1 << 35);

    /// What every user has on Windows unless policy says otherwise.
    pub const USER: Privileges = Privileges::CHANGE_NOTIFY;
    /// What members of Backup Operators have.
    pub const BACKUP_OPERATOR: Privileges =
        Privileges::USER.union(Privileges::BACKUP).union(Privileges::RESTORE);
    /// What members of Administrators have.
    pub const ADMINISTRATOR: Privileges = Privileges::BACKUP_OPERATOR
        .union(Privileges::SECURITY)
        .union(Privileges::TAKE_OWNERSHIP)
        .union(Privileges::MANAGE_VOLUME)
        .union(Privileges::CREATE_SYMBOLIC_LINK);
    /// Every privilege with a name here.
    pub const ALL: Privileges = Privileges::ADMINISTRATOR.union(Privileges::RELABEL);
}

/// [MS-DTYP] 2.4.4.13: mandatory integrity levels, the last sub-authority of S-1-16-*.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct IntegrityLevel(pub u32);

#[allow(missing_docs)] // the names are the specification's
impl IntegrityLevel {
    pub const UNTRUSTED: IntegrityLevel = IntegrityLevel(0x0000);
    pub const LOW: IntegrityLevel = IntegrityLevel(0x1000);
    pub const MEDIUM: IntegrityLevel = IntegrityLevel(0x2000);
    pub const HIGH: IntegrityLevel = IntegrityLevel(0x3000);
    pub const SYSTEM: IntegrityLevel = IntegrityLevel(0x4000);
}

/// [MS-PAC] 2.2.1 KERB_SID_AND_ATTRIBUTES: how a group of a token counts. Unknown bits are kept.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct GroupAttributes(pub u32);

bit_set!(GroupAttributes, u32);

impl GroupAttributes {
    /// SE_GROUP_MANDATORY.
    pub const MANDATORY: GroupAttributes = GroupAttributes(0x0000_0001);
    /// SE_GROUP_ENABLED_BY_DEFAULT.
    pub const ENABLED_BY_DEFAULT: GroupAttributes = GroupAttributes(0x0000_0002);
    /// SE_GROUP_ENABLED: entries that allow count.
    pub const ENABLED: GroupAttributes = GroupAttributes(0x0000_0004);
    /// SE_GROUP_OWNER: members may make the group the owner of an object.
    pub const OWNER: GroupAttributes = GroupAttributes(0x0000_0008);
    /// SE_GROUP_USE_FOR_DENY_ONLY: only entries that deny count.
    pub const USE_FOR_DENY_ONLY: GroupAttributes = GroupAttributes(0x0000_0010);

    /// An ordinary membership.
    pub const MEMBER: GroupAttributes = GroupAttributes(0x0000_0007);
}

/// A SID of a token with its attributes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Group {
    /// The group.
    pub sid: Sid,
    /// How it counts.
    pub attributes: GroupAttributes,
}

impl Group {
    fn allows(&self) -> bool {
        self.attributes.contains(GroupAttributes::ENABLED)
            && !self.attributes.intersects(GroupAttributes::USE_FOR_DENY_ONLY)
    }

    fn denies(&self) -> bool {
        self.attributes.intersects(GroupAttributes::ENABLED.union(GroupAttributes::USE_FOR_DENY_ONLY))
    }
}

/// A key that equal SIDs share: compared before the SIDs themselves are.
#[inline]
pub(crate) fn sid_key(sid: &Sid) -> u32 {
    let [.., high, low] = sid.authority();
    let mut key = u32::from(u16::from_be_bytes([high, low]));
    for sub_authority in sid.sub_authorities() {
        key = (key.rotate_left(5) ^ *sub_authority).wrapping_mul(0x9E37_79B1);
    }
    key
}

/// Bits of [`Token`]'s filter.
const FILTER_WORDS: usize = 4;

/// [MS-DTYP] 2.5.2 Token/Authorization Context. Immutable; share it behind an `Arc`.
#[derive(Clone, Debug)]
pub struct Token {
    user: Sid,
    owner: Sid,
    primary_group: Sid,
    default_dacl: Option<Acl>,
    privileges: Privileges,
    integrity_level: IntegrityLevel,
    /// The user and the groups, ordered by key, then by SID.
    members: Box<[Group]>,
    /// The keys of `members`, in the same order.
    keys: Box<[u32]>,
    /// One bit per key, chosen by the key's upper byte: most SIDs of most descriptors stop here.
    filter: [u64; FILTER_WORDS],
    is_admin: bool,
    /// What conditions look at; `None` when there is nothing, as for local accounts.
    claims: Option<Box<TokenClaims>>,
}

/// UserClaims, DeviceClaims, LocalClaims and DeviceSids of [MS-DTYP] 2.5.2.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default, deny_unknown_fields)]
pub struct TokenClaims {
    /// What is known of the user: `@User.` in conditions.
    pub user: Vec<Claim>,
    /// What is known of the device that the user sits at: `@Device.`.
    pub device: Vec<Claim>,
    /// Attributes without a prefix.
    pub local: Vec<Claim>,
    /// The groups that the device is in.
    pub device_groups: Vec<Group>,
}

impl TokenClaims {
    /// True when conditions find nothing here.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == TokenClaims::default()
    }
}

#[inline]
fn filter_place(key: u32) -> (usize, u64) {
    let [.., byte] = key.to_le_bytes();
    (usize::from(byte >> 6), 1u64 << (byte & 63))
}

impl Token {
    /// Starts a token for `user`, with no groups, the privileges of a user and medium integrity.
    #[must_use]
    pub fn builder(user: Sid) -> TokenBuilder {
        TokenBuilder {
            user,
            groups: Vec::new(),
            owner: None,
            primary_group: None,
            default_dacl: None,
            privileges: Privileges::USER,
            integrity_level: IntegrityLevel::MEDIUM,
            claims: TokenClaims::default(),
        }
    }

    /// The server itself: SYSTEM with every privilege.
    #[must_use]
    pub fn system() -> Token {
        Token::builder(Sid::SYSTEM)
            .groups([Sid::ADMINISTRATORS, Sid::EVERYONE, Sid::AUTHENTICATED_USERS])
            .primary_group(Sid::SYSTEM)
            .privileges(Privileges::ALL)
            .integrity_level(IntegrityLevel::SYSTEM)
            .build()
    }

    /// The user's SID.
    #[must_use]
    pub const fn user(&self) -> &Sid {
        &self.user
    }

    /// Owner of what this token creates.
    #[must_use]
    pub const fn owner(&self) -> &Sid {
        &self.owner
    }

    /// Group of what this token creates.
    #[must_use]
    pub const fn primary_group(&self) -> &Sid {
        &self.primary_group
    }

    /// DACL of what this token creates where nothing is inherited; `None` for full control of owner and SYSTEM.
    #[must_use]
    pub const fn default_dacl(&self) -> Option<&Acl> {
        self.default_dacl.as_ref()
    }

    /// The privileges.
    #[must_use]
    pub const fn privileges(&self) -> Privileges {
        self.privileges
    }

    /// True when every one of `privileges` is held.
    #[inline]
    #[must_use]
    pub const fn has(&self, privileges: Privileges) -> bool {
        self.privileges.contains(privileges)
    }

    /// The integrity level.
    #[must_use]
    pub const fn integrity_level(&self) -> IntegrityLevel {
        self.integrity_level
    }

    /// The user and all groups, in no useful order.
    #[must_use]
    pub fn members(&self) -> &[Group] {
        &self.members
    }

    /// Claims and device groups; `None` when there is none.
    #[must_use]
    pub fn claims(&self) -> Option<&TokenClaims> {
        self.claims.as_deref()
    }

    pub(crate) fn user_claims(&self) -> &[Claim] {
        self.claims.as_ref().map_or(&[], |claims| &claims.user)
    }

    pub(crate) fn device_claims(&self) -> &[Claim] {
        self.claims.as_ref().map_or(&[], |claims| &claims.device)
    }

    pub(crate) fn local_claims(&self) -> &[Claim] {
        self.claims.as_ref().map_or(&[], |claims| &claims.local)
    }

    /// True when the device is in the group: for an entry that denies, groups for denials count too.
    pub(crate) fn device_contains(&self, sid: &Sid, deny: bool) -> bool {
        self.claims.as_ref().is_some_and(|claims| {
            let group = claims.device_groups.iter().find(|group| group.sid == *sid);
            group.is_some_and(|group| if deny { group.denies() } else { group.allows() })
        })
    }

    /// True for SYSTEM and for enabled members of Administrators.
    #[inline]
    #[must_use]
    pub const fn is_admin(&self) -> bool {
        self.is_admin
    }

    /// True when an entry that allows `sid` something allows it to this token: the user, or an enabled group.
    #[inline]
    #[must_use]
    pub fn contains(&self, sid: &Sid) -> bool {
        self.find(sid, sid_key(sid)).is_some_and(Group::allows)
    }

    /// True when an entry that denies `sid` something denies it to this token: deny-only groups count too.
    #[inline]
    #[must_use]
    pub fn contains_for_deny(&self, sid: &Sid) -> bool {
        self.find(sid, sid_key(sid)).is_some_and(Group::denies)
    }

    /// [`Token::contains`] or [`Token::contains_for_deny`] with the SID's key at hand.
    #[inline]
    pub(crate) fn matches(&self, sid: &Sid, key: u32, deny: bool) -> bool {
        self.find(sid, key).is_some_and(|member| if deny { member.denies() } else { member.allows() })
    }

    #[inline]
    fn find(&self, sid: &Sid, key: u32) -> Option<&Group> {
        let (word, bit) = filter_place(key);
        if self.filter.get(word).is_none_or(|filter| filter & bit == 0) {
            return None;
        }
        let start = self.keys.partition_point(|other| *other < key);
        let keys = self.keys.get(start..)?.iter().take_while(|other| **other == key).count();
        self.members.get(start..)?.iter().take(keys).find(|member| member.sid == *sid)
    }

    /// True when this token may make `sid` the owner of an object without SeRestorePrivilege: the user, or a group
    /// with the owner attribute.
    #[must_use]
    pub fn may_own_as(&self, sid: &Sid) -> bool {
        self.find(sid, sid_key(sid)).is_some_and(|member| {
            member.allows() && (member.sid == self.user || member.attributes.contains(GroupAttributes::OWNER))
        })
    }
}

/// Collects what a [`Token`] is made of.
#[derive(Clone, Debug)]
pub struct TokenBuilder {
    user: Sid,
    groups: Vec<Group>,
    owner: Option<Sid>,
    primary_group: Option<Sid>,
    default_dacl: Option<Acl>,
    privileges: Privileges,
    integrity_level: IntegrityLevel,
    claims: TokenClaims,
}

impl TokenBuilder {
    /// Adds an enabled group. Members of Administrators may own as the group.
    #[must_use]
    pub fn group(self, sid: Sid) -> Self {
        let owner = sid == Sid::ADMINISTRATORS;
        let attributes = GroupAttributes::MEMBER.with(GroupAttributes::OWNER, owner);
        self.group_with(Group { sid, attributes })
    }

    /// Adds enabled groups, each as [`TokenBuilder::group`] does.
    #[must_use]
    pub fn groups(self, sids: impl IntoIterator<Item = Sid>) -> Self {
        sids.into_iter().fold(self, TokenBuilder::group)
    }

    /// Adds a group with its attributes. A SID that is added twice keeps its first attributes.
    #[must_use]
    pub fn group_with(mut self, group: Group) -> Self {
        self.groups.push(group);
        self
    }

    /// Adds a group that only entries that deny look at.
    #[must_use]
    pub fn deny_only(self, sid: Sid) -> Self {
        self.group_with(Group { sid, attributes: GroupAttributes::USE_FOR_DENY_ONLY })
    }

    /// Owner of new objects; the user when not said.
    #[must_use]
    pub const fn owner(mut self, sid: Sid) -> Self {
        self.owner = Some(sid);
        self
    }

    /// Primary group; the user when not said.
    #[must_use]
    pub const fn primary_group(mut self, sid: Sid) -> Self {
        self.primary_group = Some(sid);
        self
    }

    /// Default DACL; full control of owner and SYSTEM when not said.
    #[must_use]
    pub fn default_dacl(mut self, dacl: Acl) -> Self {
        self.default_dacl = Some(dacl);
        self
    }

    /// Replaces the privileges.
    #[must_use]
    pub const fn privileges(mut self, privileges: Privileges) -> Self {
        self.privileges = privileges;
        self
    }

    /// Replaces the integrity level.
    #[must_use]
    pub const fn integrity_level(mut self, level: IntegrityLevel) -> Self {
        self.integrity_level = level;
        self
    }

    /// Replaces claims and device groups.
    #[must_use]
    pub fn claims(mut self, claims: TokenClaims) -> Self {
        self.claims = claims;
        self
    }

    /// The token.
    #[must_use]
    pub fn build(self) -> Token {
        let user = Group { sid: self.user, attributes: GroupAttributes::MEMBER | GroupAttributes::OWNER };
        let mut members: Vec<(u32, Group)> = Vec::with_capacity(self.groups.len().saturating_add(1));
        members.push((sid_key(&user.sid), user));
        members.extend(self.groups.into_iter().map(|group| (sid_key(&group.sid), group)));
        // Stable: of two with the same SID the first stays.
        members.sort_by(|(a_key, a), (b_key, b)| (a_key, &a.sid).cmp(&(b_key, &b.sid)));
        members.dedup_by(|(_, later), (_, first)| later.sid == first.sid);
        let mut filter = [0u64; FILTER_WORDS];
        for (key, _) in &members {
            let (word, bit) = filter_place(*key);
            if let Some(word) = filter.get_mut(word) {
                *word |= bit;
            }
        }
        let mut token = Token {
            user: self.user,
            owner: self.owner.unwrap_or(self.user),
            primary_group: self.primary_group.unwrap_or(self.user),
            default_dacl: self.default_dacl,
            privileges: self.privileges,
            integrity_level: self.integrity_level,
            keys: members.iter().map(|(key, _)| *key).collect(),
            members: members.into_iter().map(|(_, group)| group).collect(),
            filter,
            is_admin: false,
            claims: (!self.claims.is_empty()).then(|| Box::new(self.claims)),
        };
        token.is_admin = token.user == Sid::SYSTEM || token.contains(&Sid::ADMINISTRATORS);
        token
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ClaimValues;
    use crate::test_support::{account, sid};
    use proptest::collection::vec;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn exactly_the_members_are_contained(groups in vec(sid(), 0..40), others in vec(sid(), 0..40)) {
            let token = Token::builder(account(1)).groups(groups.iter().copied()).build();
            for sid in groups.iter().chain(&others) {
                prop_assert_eq!(token.contains(sid), groups.contains(sid) || *sid == account(1));
                prop_assert_eq!(token.contains_for_deny(sid), token.contains(sid));
            }
            prop_assert!(token.contains(&account(1)));
        }

        #[test]
        fn a_token_round_trips_through_json(groups in vec(sid(), 0..9), privileges: u64) {
            let token = Token::builder(account(1))
                .groups(groups.iter().copied())
                .deny_only(account(77))
                .privileges(Privileges(privileges))
                .owner(Sid::ADMINISTRATORS)
                .primary_group(account(513))
                .claims(TokenClaims {
                    user: vec![Claim::new("Dept", ClaimValues::String(vec!["Sales".into()]))],
                    device_groups: vec![Group { sid: account(78), attributes: GroupAttributes::MEMBER }],
                    ..TokenClaims::default()
                })
                .build();
            let text = serde_json::to_string(&token).unwrap();
            let back: Token = serde_json::from_str(&text).unwrap();
            prop_assert_eq!(back.members(), token.members());
            prop_assert_eq!(back.claims(), token.claims());
            prop_assert_eq!(serde_json::to_string(&back).unwrap(), text);
        }
    }

    #[test]
    fn sids_that_share_a_key_are_told_apart() {
        let authority = [0, 0, 0, 0, 0, 5];
        let key = |subs: &[u32]| sid_key(&Sid::from_parts(authority, subs).unwrap());
        // The last sub-authority makes up for the first.
        let sharing = |first: u32| {
            let last = key(&[first]).rotate_left(5) ^ key(&[1]).rotate_left(5);
            Sid::from_parts(authority, &[first, last]).unwrap()
        };
        let sids: Vec<Sid> = (1..9).map(sharing).collect();
        assert!(sids.iter().all(|sid| sid_key(sid) == sid_key(&sids[0])));
        let (members, others) = sids.split_at(5);
        let token = Token::builder(account(1)).groups(members.iter().copied()).build();
        assert!(members.iter().all(|sid| token.contains(sid)));
        assert!(!others.iter().any(|sid| token.contains(sid)));
    }

    #[test]
    fn deny_only_groups_count_only_against() {
        let token = Token::builder(account(1)).deny_only(Sid::ADMINISTRATORS).build();
        assert!(!token.contains(&Sid::ADMINISTRATORS));
        assert!(token.contains_for_deny(&Sid::ADMINISTRATORS));
        assert!(!token.is_admin());
        assert!(!token.may_own_as(&Sid::ADMINISTRATORS));
    }

    #[test]
    fn a_group_that_is_not_enabled_counts_for_nothing() {
        let group = Group { sid: account(7), attributes: GroupAttributes::EMPTY };
        let token = Token::builder(account(1)).group_with(group).build();
        assert!(!token.contains(&account(7)));
        assert!(!token.contains_for_deny(&account(7)));
    }

    #[test]
    fn system_is_an_administrator_with_every_privilege() {
        let system = Token::system();
        assert!(system.is_admin());
        assert!(system.has(Privileges::ALL));
        assert!(system.contains(&Sid::EVERYONE));
        assert_eq!(*system.owner(), Sid::SYSTEM);
    }

    #[test]
    fn only_the_user_and_owner_groups_may_own() {
        let token = Token::builder(account(1)).groups([Sid::ADMINISTRATORS, Sid::USERS]).build();
        assert!(token.may_own_as(&account(1)));
        assert!(token.may_own_as(&Sid::ADMINISTRATORS));
        assert!(!token.may_own_as(&Sid::USERS));
        assert!(!token.may_own_as(&account(2)));
    }
}
