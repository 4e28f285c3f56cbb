//! Which accesses a SACL wants a record of, and why each right was granted or not ([MS-DTYP] 2.4.4.10 SYSTEM_AUDIT_ACE,
//! 2.4.4.11 SYSTEM_AUDIT_OBJECT_ACE, 2.4.4.12 SYSTEM_AUDIT_CALLBACK_ACE).
//!
//! An open without type tree: object entries count as ordinary ones, as in the access check. Alarm entries are reserved
//! by the specification and ask for nothing. A conditional audit entry counts unless its condition is false: no record is
//! missed for want of a claim.

use crate::condition::{Conditions, Truth};
use crate::{
    AccessMask, Ace, AceFlags, AceType, AclPart, GenericMapping, Privileges, SecurityDescriptor, Token,
};
use freehold_dtyp::Sid;

/// How an access came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AuditOutcome {
    /// It was granted.
    Success,
    /// It was refused.
    Failure,
}

/// Why one right was granted or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccessReason<'a> {
    /// This entry of the DACL grants it.
    GrantedByAce(&'a Ace),
    /// The owner has it.
    GrantedByOwnership,
    /// This privilege gives it.
    GrantedByPrivilege(&'static str),
    /// There is no DACL, which restricts nothing.
    GrantedByNullDacl,
    /// The folder gives it, or the descriptor that the object was made with does not count.
    GrantedByParent,
    /// This entry of the DACL denies it.
    DeniedByAce(&'a Ace),
    /// A DACL without entries allows nothing.
    DeniedByEmptyDacl,
    /// The DACL would grant it; the integrity label, a read-only attribute or the share does not.
    DeniedElsewhere,
    /// Nothing grants it.
    NotGranted,
}

impl SecurityDescriptor {
    /// True when the SACL has an entry that audits something. A descriptor without SACL answers at once.
    #[inline]
    #[must_use]
    pub fn audits(&self) -> bool {
        match &self.sacl {
            AclPart::Absent | AclPart::Null => false,
            AclPart::Present(sacl) => sacl.aces().iter().any(is_audit),
        }
    }
}

/// The entries of a SACL that ask for records here.
fn is_audit(ace: &Ace) -> bool {
    let audit = matches!(
        ace.ace_type(),
        AceType::SYSTEM_AUDIT
            | AceType::SYSTEM_AUDIT_OBJECT
            | AceType::SYSTEM_AUDIT_CALLBACK
            | AceType::SYSTEM_AUDIT_CALLBACK_OBJECT
    );
    audit && !ace.is_inherit_only()
}

/// The rights of `access` that the SACL wants a record of when `token` asks for them with this outcome; empty for none.
///
/// For a success `access` is what was granted, for a failure all that was asked for: a refused request for
/// MAXIMUM_ALLOWED asked for everything. A group that counts for denying only counts here too.
#[must_use]
pub fn audited_access(
    descriptor: &SecurityDescriptor,
    token: &Token,
    access: AccessMask,
    outcome: AuditOutcome,
) -> AccessMask {
    let mapping = &GenericMapping::FILE;
    let Some(sacl) = descriptor.sacl.acl() else { return AccessMask::EMPTY };
    let flag = match outcome {
        AuditOutcome::Success => AceFlags::SUCCESSFUL_ACCESS,
        AuditOutcome::Failure => AceFlags::FAILED_ACCESS,
    };
    let mut access = mapping.map_generic(access);
    if access.intersects(AccessMask::MAXIMUM_ALLOWED) {
        access = access.without(AccessMask::MAXIMUM_ALLOWED) | mapping.all;
    }
    let mut conditions = Conditions::new(token, Some(sacl));
    let mut audited = AccessMask::EMPTY;
    for ace in sacl.aces() {
        if !ace.flags().intersects(flag) || !is_audit(ace) {
            continue;
        }
        let rights = (mapping.map_generic(ace.mask()) & access).without(audited);
        let callback = ace.ace_type().is_callback();
        if !rights.is_empty()
            && token.matches(ace.sid(), ace.key(), true)
            && (!callback || conditions.value(ace, &mut ()) != Truth::False)
        {
            audited |= rights;
        }
    }
    audited
}

/// Tells why a token has rights on an object, or why not. For a record of what was decided already: it decides nothing.
/// The conditions of all its answers together may cost what those of one access check may.
pub struct AccessReasons<'a> {
    descriptor: &'a SecurityDescriptor,
    token: &'a Token,
    backup_intent: bool,
    conditions: Conditions<'a>,
}

impl<'a> AccessReasons<'a> {
    /// Reasons of what `token` may do with an object, opened with backup intent or without.
    #[must_use]
    pub fn new(descriptor: &'a SecurityDescriptor, token: &'a Token, backup_intent: bool) -> Self {
        let conditions = Conditions::new(token, descriptor.sacl.acl());
        AccessReasons { descriptor, token, backup_intent, conditions }
    }

    /// Why `right` (one bit, not generic) is granted or, with `granted` false, why not.
    #[must_use]
    pub fn reason(&mut self, right: AccessMask, granted: bool) -> AccessReason<'a> {
        if right == AccessMask::ACCESS_SYSTEM_SECURITY {
            return match granted {
                true => AccessReason::GrantedByPrivilege("SeSecurityPrivilege"),
                false => AccessReason::NotGranted,
            };
        }
        let from_dacl = self.in_dacl(right);
        let grants = matches!(
            from_dacl,
            AccessReason::GrantedByAce(_)
                | AccessReason::GrantedByOwnership
                | AccessReason::GrantedByNullDacl
        );
        match (granted, grants) {
            (true, true) | (false, false) => from_dacl,
            (false, true) => AccessReason::DeniedElsewhere,
            (true, false) => granted_otherwise(self.token, right, self.backup_intent),
        }
    }

    /// The first word that the owner or the DACL has on a right ([MS-DTYP] 2.5.3.2).
    fn in_dacl(&mut self, right: AccessMask) -> AccessReason<'a> {
        let Some(dacl) = self.descriptor.dacl.acl() else { return AccessReason::GrantedByNullDacl };
        let is_owner = self.descriptor.owner.as_ref().is_some_and(|owner| self.token.contains(owner));
        let owners = AccessMask::READ_CONTROL | AccessMask::WRITE_DAC;
        if is_owner && !dacl.has_owner_rights() && owners.contains(right) {
            return AccessReason::GrantedByOwnership;
        }
        for ace in dacl.aces() {
            let deny = ace.ace_type().denies();
            if ace.is_inherit_only()
                || !(deny || ace.ace_type().allows())
                || !GenericMapping::FILE.map_generic(ace.mask()).contains(right)
            {
                continue;
            }
            let is_his = match *ace.sid() == Sid::OWNER_RIGHTS {
                true => is_owner,
                false => self.token.matches(ace.sid(), ace.key(), deny),
            };
            if is_his && self.holds(ace, deny) {
                return if deny { AccessReason::DeniedByAce(ace) } else { AccessReason::GrantedByAce(ace) };
            }
        }
        if dacl.aces().is_empty() { AccessReason::DeniedByEmptyDacl } else { AccessReason::NotGranted }
    }

    /// [MS-DTYP] 2.4.4.17.3 Conditional ACE Applicability.
    fn holds(&mut self, ace: &Ace, deny: bool) -> bool {
        if !ace.ace_type().is_callback() {
            return true;
        }
        match self.conditions.value(ace, &mut ()) {
            Truth::True => true,
            Truth::False => false,
            Truth::Unknown => deny,
        }
    }
}

/// What gives a right that the DACL does not give.
fn granted_otherwise(token: &Token, right: AccessMask, backup_intent: bool) -> AccessReason<'static> {
    if right == AccessMask::WRITE_OWNER && token.has(Privileges::TAKE_OWNERSHIP) {
        return AccessReason::GrantedByPrivilege("SeTakeOwnershipPrivilege");
    }
    if backup_intent && crate::file_access::BACKUP_RIGHTS.contains(right) && token.has(Privileges::BACKUP) {
        return AccessReason::GrantedByPrivilege("SeBackupPrivilege");
    }
    if backup_intent && crate::file_access::RESTORE_RIGHTS.contains(right) && token.has(Privileges::RESTORE) {
        return AccessReason::GrantedByPrivilege("SeRestorePrivilege");
    }
    AccessReason::GrantedByParent
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_support::{account, descriptor};
    use crate::{Acl, access_check};
    use proptest::prelude::*;

    const READ: AccessMask = AccessMask::FILE_READ_DATA;
    const WRITE: AccessMask = AccessMask::FILE_WRITE_DATA;
    const BOTH: AceFlags = AceFlags(0xC0);

    fn user() -> Token {
        Token::builder(account(1)).groups([Sid::EVERYONE, account(2)]).deny_only(account(3)).build()
    }

    fn with_sacl(aces: &[Ace]) -> SecurityDescriptor {
        SecurityDescriptor {
            sacl: Acl::from_aces(aces.iter().cloned()).unwrap().into(),
            ..SecurityDescriptor::default()
        }
    }

    fn fires(ace: Ace, access: AccessMask, outcome: AuditOutcome) -> AccessMask {
        audited_access(&with_sacl(&[ace]), &user(), access, outcome)
    }

    #[test]
    fn the_flags_choose_the_outcome() {
        use AuditOutcome::{Failure, Success};
        for (flags, success, failure) in [
            (AceFlags::SUCCESSFUL_ACCESS, READ, AccessMask::EMPTY),
            (AceFlags::FAILED_ACCESS, AccessMask::EMPTY, READ),
            (BOTH, READ, READ),
            (AceFlags::EMPTY, AccessMask::EMPTY, AccessMask::EMPTY),
        ] {
            let ace = Ace::audit(Sid::EVERYONE, READ, flags);
            assert_eq!(fires(ace.clone(), READ | WRITE, Success), success, "{flags:?}");
            assert_eq!(fires(ace, READ | WRITE, Failure), failure, "{flags:?}");
        }
    }

    #[test]
    fn mask_and_sid_must_match() {
        let fires = |sid, mask| fires(Ace::audit(sid, mask, BOTH), READ, AuditOutcome::Success);
        assert_eq!(fires(account(1), READ), READ);
        assert_eq!(fires(account(2), AccessMask::GENERIC_READ), READ);
        assert_eq!(fires(account(1), WRITE), AccessMask::EMPTY);
        assert_eq!(fires(account(4), READ), AccessMask::EMPTY);
        // A group that only denies is a reason to watch, too.
        assert_eq!(fires(account(3), READ), READ);
    }

    #[test]
    fn inherit_only_entries_and_alarms_do_not_count_here() {
        let inherited =
            Ace::audit(Sid::EVERYONE, READ, BOTH | AceFlags::INHERIT_ONLY | AceFlags::OBJECT_INHERIT);
        assert_eq!(fires(inherited.clone(), READ, AuditOutcome::Success), AccessMask::EMPTY);
        assert!(!with_sacl(&[inherited]).audits());
        for (ace_type, counts) in [
            (AceType::SYSTEM_AUDIT, true),
            (AceType::SYSTEM_AUDIT_CALLBACK, true),
            (AceType::SYSTEM_ALARM, false),
            (AceType::SYSTEM_ALARM_CALLBACK, false),
            (AceType::SYSTEM_MANDATORY_LABEL, false),
            (AceType::ACCESS_ALLOWED, false),
        ] {
            let ace = Ace::new(ace_type, BOTH, READ, Sid::EVERYONE).unwrap();
            assert_eq!(with_sacl(std::slice::from_ref(&ace)).audits(), counts, "{ace_type:?}");
            assert_eq!(!fires(ace, READ, AuditOutcome::Failure).is_empty(), counts, "{ace_type:?}");
        }
        assert!(!SecurityDescriptor::default().audits());
    }

    #[test]
    fn a_refused_maximum_is_a_refusal_of_everything() {
        let ace = Ace::audit(Sid::EVERYONE, WRITE, AceFlags::FAILED_ACCESS);
        assert_eq!(fires(ace, AccessMask::MAXIMUM_ALLOWED, AuditOutcome::Failure), WRITE);
    }

    #[test]
    fn reasons_name_what_decided() {
        let aces = [
            Ace::deny(account(2), WRITE, AceFlags::EMPTY),
            Ace::allow(account(1), READ | WRITE, AceFlags::EMPTY),
        ];
        let sd = SecurityDescriptor::new(account(1), Sid::USERS, Acl::from_aces(aces.clone()).unwrap());
        let token = Token::builder(account(1)).groups([account(2)]).privileges(Privileges::ALL).build();
        let reason = |right, granted, backup| AccessReasons::new(&sd, &token, backup).reason(right, granted);
        assert_eq!(reason(READ, true, false), AccessReason::GrantedByAce(&aces[1]));
        assert_eq!(reason(READ, false, false), AccessReason::DeniedElsewhere);
        assert_eq!(reason(WRITE, false, false), AccessReason::DeniedByAce(&aces[0]));
        assert_eq!(reason(AccessMask::WRITE_DAC, true, false), AccessReason::GrantedByOwnership);
        assert_eq!(reason(AccessMask::DELETE, false, false), AccessReason::NotGranted);
        assert_eq!(reason(AccessMask::DELETE, true, false), AccessReason::GrantedByParent);
        let privilege = AccessReason::GrantedByPrivilege;
        assert_eq!(reason(AccessMask::FILE_READ_EA, true, true), privilege("SeBackupPrivilege"));
        assert_eq!(reason(AccessMask::DELETE, true, true), privilege("SeRestorePrivilege"));
        assert_eq!(reason(AccessMask::WRITE_OWNER, true, false), privilege("SeTakeOwnershipPrivilege"));
        assert_eq!(reason(AccessMask::ACCESS_SYSTEM_SECURITY, true, false), privilege("SeSecurityPrivilege"));
        let empty = SecurityDescriptor::new(account(9), Sid::USERS, Acl::new());
        assert_eq!(
            AccessReasons::new(&empty, &token, false).reason(READ, false),
            AccessReason::DeniedByEmptyDacl
        );
        let none = SecurityDescriptor::default();
        assert_eq!(
            AccessReasons::new(&none, &token, false).reason(READ, true),
            AccessReason::GrantedByNullDacl
        );
    }

    proptest! {
        /// A record never says of a right that an entry denies it where the access check grants it by the DACL.
        #[test]
        fn reasons_agree_with_the_access_check(sd in descriptor(), bit in 0u32..21) {
            let right = AccessMask(1 << bit);
            prop_assume!(!right.intersects(AccessMask::FILE_RESERVED));
            let token = Token::builder(account(1000)).groups([Sid::EVERYONE, account(1001)]).build();
            let granted = access_check(&sd, &token, right, &GenericMapping::FILE).is_ok();
            let reason = AccessReasons::new(&sd, &token, false).reason(right, granted);
            let says_granted = matches!(
                reason,
                AccessReason::GrantedByAce(_) | AccessReason::GrantedByOwnership | AccessReason::GrantedByNullDacl
            );
            prop_assert_eq!(granted, says_granted, "{:?}", reason);
        }

        #[test]
        fn nothing_is_audited_that_was_not_asked_for(sd in descriptor(), access: u32, success: bool) {
            let access = AccessMask(access).without(AccessMask::GENERIC | AccessMask::MAXIMUM_ALLOWED);
            let outcome = if success { AuditOutcome::Success } else { AuditOutcome::Failure };
            let audited = audited_access(&sd, &user(), access, outcome);
            prop_assert!(access.contains(audited));
            prop_assert!(audited.is_empty() || sd.audits());
        }
    }
}
