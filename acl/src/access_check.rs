//! [MS-DTYP] 2.5.3.2 Access Check Algorithm Pseudocode and 2.5.3.3 MandatoryIntegrityCheck Algorithm Pseudocode.
//!
//! An open without type tree: object entries count as ordinary ones. A conditional entry that allows counts when its
//! condition is true, one that denies unless it is false ([MS-DTYP] 2.4.4.17.3): what is unknown never widens access.
//! Scoped policy entries are kept and not looked at: there is no central policy to name.

use crate::condition::{Conditions, Truth};
use crate::observer::{AccessObserver, Giver, Keeper, Note};
use crate::{AccessMask, Ace, Acl, GenericMapping, IntegrityLevel, Privileges, SecurityDescriptor, Token};
use freehold_dtyp::Sid;

/// Why an access check failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccessError {
    /// The descriptor does not allow it.
    Denied,
    /// ACCESS_SYSTEM_SECURITY was asked for without SeSecurityPrivilege.
    PrivilegeNotHeld,
}

impl core::fmt::Display for AccessError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            AccessError::Denied => "the security descriptor does not allow the access",
            AccessError::PrivilegeNotHeld => "reading or changing the SACL takes SeSecurityPrivilege",
        })
    }
}

impl std::error::Error for AccessError {}

/// Decides what `token` may do with an object: the granted mask, with generic rights mapped and MAXIMUM_ALLOWED
/// replaced by what it stands for.
///
/// With MAXIMUM_ALLOWED the other rights that are asked for must be granted too. A request for nothing grants nothing.
///
/// # Errors
/// [`AccessError`] when not all of `desired` is granted, or MAXIMUM_ALLOWED comes out empty.
pub fn access_check(
    descriptor: &SecurityDescriptor,
    token: &Token,
    desired: AccessMask,
    mapping: &GenericMapping,
) -> Result<AccessMask, AccessError> {
    let outcome = evaluate(descriptor, token, desired, mapping, AccessMask::EMPTY, &mut ())?;
    outcome.finish()
}

/// All that `token` may do with an object, without ACCESS_SYSTEM_SECURITY; nothing when it may do nothing.
#[must_use]
pub fn maximum_access(
    descriptor: &SecurityDescriptor,
    token: &Token,
    mapping: &GenericMapping,
) -> AccessMask {
    maximum_access_observed(descriptor, token, mapping, &mut ())
}

/// [`maximum_access`], with an observer.
#[must_use]
pub fn maximum_access_observed<O: AccessObserver>(
    descriptor: &SecurityDescriptor,
    token: &Token,
    mapping: &GenericMapping,
    observer: &mut O,
) -> AccessMask {
    evaluate(descriptor, token, AccessMask::MAXIMUM_ALLOWED, mapping, AccessMask::EMPTY, observer)
        .map_or(AccessMask::EMPTY, |outcome| outcome.granted)
}

/// What an evaluation found: rights that other sources (the parent folder) may still add.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Outcome {
    /// Rights that are granted.
    pub granted: AccessMask,
    /// Rights that were asked for by name and are not granted.
    pub missing: AccessMask,
    /// MAXIMUM_ALLOWED was asked for.
    pub maximum: bool,
}

impl Outcome {
    pub(crate) fn finish(self) -> Result<AccessMask, AccessError> {
        if !self.missing.is_empty() || (self.maximum && self.granted.is_empty()) {
            return Err(AccessError::Denied);
        }
        Ok(self.granted)
    }
}

/// The algorithm without its last step. `given` holds rights that are granted before the descriptor is looked at.
pub(crate) fn evaluate<O: AccessObserver>(
    descriptor: &SecurityDescriptor,
    token: &Token,
    desired: AccessMask,
    mapping: &GenericMapping,
    given: AccessMask,
    observer: &mut O,
) -> Result<Outcome, AccessError> {
    let desired = mapping.map_generic(desired);
    let maximum = desired.intersects(AccessMask::MAXIMUM_ALLOWED);
    let wanted = desired.without(AccessMask::MAXIMUM_ALLOWED);
    let mut granted = if maximum { given } else { given & wanted };

    // ACCESS_SYSTEM_SECURITY comes from the privilege alone.
    if wanted.without(given).intersects(AccessMask::ACCESS_SYSTEM_SECURITY) {
        let rights = AccessMask::ACCESS_SYSTEM_SECURITY;
        if !token.has(Privileges::SECURITY) {
            observer.note(Note::Kept { by: Keeper::NoSecurityPrivilege, rights });
            return Err(AccessError::PrivilegeNotHeld);
        }
        observer.note(Note::Given { by: Giver::SecurityPrivilege, rights });
        granted |= rights;
    }
    // The mandatory policy comes before the DACL: what it forbids, no entry, no owner and no missing list gives. A privilege does.
    let forbidden = forbidden_by_label(descriptor, token, mapping, observer);
    // WRITE_OWNER comes from the privilege, when it is asked for by name.
    if wanted.intersects(AccessMask::WRITE_OWNER) && token.has(Privileges::TAKE_OWNERSHIP) {
        observer.note(Note::Given { by: Giver::TakeOwnershipPrivilege, rights: AccessMask::WRITE_OWNER });
        granted |= AccessMask::WRITE_OWNER;
    }
    if maximum || !granted.contains(wanted) {
        let from_dacl = match descriptor.dacl.acl() {
            // No DACL restricts nothing.
            None => {
                let rights = if maximum { mapping.all | wanted } else { wanted };
                observer.note(Note::Given { by: Giver::NoDacl, rights: rights.without(granted) });
                rights
            }
            Some(dacl) => {
                let scan = Scan { descriptor, token, wanted, maximum, mapping };
                scan.run(dacl, granted, observer)
            }
        };
        granted |= from_dacl.without(forbidden);
    }
    Ok(Outcome { granted, missing: wanted.without(granted), maximum })
}

/// Rights that an ACE cannot give.
const NOT_FROM_ACES: AccessMask = AccessMask::ACCESS_SYSTEM_SECURITY.union(AccessMask::MAXIMUM_ALLOWED);

/// A walk over the DACL.
struct Scan<'a> {
    descriptor: &'a SecurityDescriptor,
    token: &'a Token,
    wanted: AccessMask,
    maximum: bool,
    mapping: &'a GenericMapping,
}

impl Scan<'_> {
    /// What the DACL grants: with `maximum` all of it, otherwise what it grants of `wanted`.
    fn run<O: AccessObserver>(&self, dacl: &Acl, already: AccessMask, observer: &mut O) -> AccessMask {
        let Scan { descriptor, token, wanted, maximum, mapping } = *self;
        let is_owner = descriptor.owner.as_ref().is_some_and(|owner| token.contains(owner));
        let mut conditions = Conditions::new(token, descriptor.sacl.acl());
        let mut granted = already;
        // The owner may always read the descriptor and change the DACL, unless an entry for OWNER RIGHTS says what he may.
        if is_owner && !dacl.has_owner_rights() {
            let rights = AccessMask::READ_CONTROL | AccessMask::WRITE_DAC;
            observer.note(Note::Given { by: Giver::Owner, rights: rights.without(granted) });
            granted |= rights;
        }
        let mut denied = AccessMask::EMPTY;
        for (index, ace) in dacl.aces().iter().enumerate() {
            let ace_type = ace.ace_type();
            let deny = ace_type.denies();
            if ace.is_inherit_only() || !(deny || ace_type.allows()) {
                continue;
            }
            // A right that was granted by an earlier entry is not denied by a later one, and the other way round.
            let decided = granted | denied;
            let rights = mapping.map_generic(ace.mask()).without(NOT_FROM_ACES).without(decided);
            let useful = if maximum { rights } else { rights & wanted };
            if useful.is_empty() {
                continue;
            }
            let applies = if *ace.sid() == Sid::OWNER_RIGHTS {
                is_owner
            } else {
                token.matches(ace.sid(), ace.key(), deny)
            };
            if !applies || (ace_type.is_callback() && !holds(&mut conditions, index, ace, observer)) {
                continue;
            }
            observer.note(Note::Entry { index, ace, rights });
            if deny {
                denied |= rights;
            } else {
                granted |= rights;
            }
            // The rest cannot change the answer. A denied right does not end it: a caller may have it from elsewhere.
            if !maximum && (granted | denied).contains(wanted) {
                break;
            }
        }
        if maximum { granted } else { granted & wanted }
    }
}

/// [MS-DTYP] 2.4.4.17.3 Conditional ACE Applicability.
fn holds<O: AccessObserver>(
    conditions: &mut Conditions<'_>,
    index: usize,
    ace: &Ace,
    observer: &mut O,
) -> bool {
    let value = conditions.value(ace, observer);
    observer.note(Note::Condition { index, ace, value });
    match value {
        Truth::True => true,
        Truth::False => false,
        Truth::Unknown => ace.ace_type().denies(),
    }
}

/// [MS-DTYP] 2.4.4.13 SYSTEM_MANDATORY_LABEL_ACE: policies of the label's mask.
const NO_WRITE_UP: AccessMask = AccessMask(1);
const NO_READ_UP: AccessMask = AccessMask(2);
const NO_EXECUTE_UP: AccessMask = AccessMask(4);

/// [MS-DTYP] 2.5.3.3: rights that the object's integrity label keeps from a token of lower integrity. An object
/// without label counts as medium that may not be written from below.
fn forbidden_by_label<O: AccessObserver>(
    descriptor: &SecurityDescriptor,
    token: &Token,
    mapping: &GenericMapping,
    observer: &mut O,
) -> AccessMask {
    let label = descriptor.label();
    let (level, policy) = label.map_or((IntegrityLevel::MEDIUM, NO_WRITE_UP), |label| {
        let level = label.sid().sub_authorities().last().copied().unwrap_or(0);
        (IntegrityLevel(level), label.mask())
    });
    if token.integrity_level() >= level {
        return AccessMask::EMPTY;
    }
    // What stays allowed: the parts of the mapping that no policy takes away.
    let mut allowed = AccessMask::EMPTY;
    if !policy.intersects(NO_READ_UP) {
        allowed |= mapping.read;
    }
    if !policy.intersects(NO_EXECUTE_UP) {
        allowed |= mapping.execute;
    }
    if !policy.intersects(NO_WRITE_UP) {
        allowed |= mapping.write | AccessMask::DELETE | AccessMask::WRITE_DAC | AccessMask::WRITE_OWNER;
        allowed |= mapping.all.without(mapping.read | mapping.execute);
    }
    // Whoever may relabel can become the owner first.
    if token.has(Privileges::RELABEL) {
        allowed |= AccessMask::WRITE_OWNER;
    }
    let rights = AccessMask(u32::MAX).without(allowed);
    observer.note(Note::Kept { by: Keeper::Label(level), rights });
    rights
}

#[cfg(test)]
mod tests;
