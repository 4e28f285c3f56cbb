//! [MS-DTYP] 2.5.3.4 Algorithm for Creating a Security Descriptor.
//!
//! Follows Windows where the text leaves the choice: a list that inherits nothing counts as no list, and entries are
//! marked INHERITED when the parent's list is auto-inherited or the creator asks for it.

use crate::{
    AccessMask, Ace, AceFlags, AceType, Acl, AclPart, AclTooLarge, Control, GenericMapping, Privileges,
    SecurityDescriptor, Token,
};
use freehold_dtyp::Sid;

/// Why no descriptor could be made for a new object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CreateSecurityError {
    /// The creator names an owner that he may not.
    InvalidOwner,
    /// The creator brings a SACL without SeSecurityPrivilege, or a label above his own integrity.
    PrivilegeNotHeld,
    /// The lists, or the whole descriptor, would be longer than 64 KiB.
    TooLarge,
}

impl core::fmt::Display for CreateSecurityError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            CreateSecurityError::InvalidOwner => "the owner is neither the user nor a group that may own",
            CreateSecurityError::PrivilegeNotHeld => "a SACL takes SeSecurityPrivilege",
            CreateSecurityError::TooLarge => "the security descriptor would be longer than 64 KiB",
        })
    }
}

impl std::error::Error for CreateSecurityError {}

impl From<AclTooLarge> for CreateSecurityError {
    fn from(_: AclTooLarge) -> Self {
        CreateSecurityError::TooLarge
    }
}

/// [MS-DTYP] 2.5.3.4.1 CreateSecurityDescriptor: the descriptor of a new file or folder.
///
/// `parent` is the descriptor of its folder, `creator` the one that came with the request, if any. A file has no
/// object types, so inheritable entries for a kind of object reach it only through folders.
///
/// # Errors
/// [`CreateSecurityError`].
pub fn create_descriptor(
    parent: Option<&SecurityDescriptor>,
    creator: Option<&SecurityDescriptor>,
    token: &Token,
    is_directory: bool,
) -> Result<SecurityDescriptor, CreateSecurityError> {
    let owner = match creator.and_then(|creator| creator.owner) {
        Some(owner) if !token.may_own_as(&owner) && !token.has(Privileges::RESTORE) => {
            return Err(CreateSecurityError::InvalidOwner);
        }
        Some(owner) => owner,
        None => *token.owner(),
    };
    let group = creator.and_then(|creator| creator.group).unwrap_or(*token.primary_group());
    let child = Child { owner, group, is_directory };

    let mut control = Control::EMPTY;
    let dacl = child.compute(Kind::Dacl, parent, creator, &mut control)?;
    let dacl = match dacl {
        Some(dacl) => dacl,
        None => AclPart::Present(match token.default_dacl() {
            Some(dacl) => child.post_process(dacl.aces().iter().cloned())?,
            None => default_dacl(&owner)?,
        }),
    };
    if let Some(creator) = creator {
        check_creator_sacl(creator, token)?;
    }
    let sacl = child.compute(Kind::Sacl, parent, creator, &mut control)?.unwrap_or_default();
    let descriptor =
        SecurityDescriptor { control, rm_control: 0, owner: Some(owner), group: Some(group), dacl, sacl };
    if descriptor.size() > SecurityDescriptor::MAX_SIZE {
        return Err(CreateSecurityError::TooLarge);
    }
    Ok(descriptor)
}

/// Full control of owner and SYSTEM: what Windows gives where nothing is inherited.
fn default_dacl(owner: &Sid) -> Result<Acl, AclTooLarge> {
    let full = AccessMask::FILE_ALL_ACCESS;
    let mut acl = Acl::from_aces([Ace::allow(*owner, full, AceFlags::EMPTY)])?;
    if *owner != Sid::SYSTEM {
        acl.push(Ace::allow(Sid::SYSTEM, full, AceFlags::EMPTY))?;
    }
    Ok(acl)
}

/// A SACL with more than an integrity label takes SeSecurityPrivilege; a label above the token's takes
/// SeRelabelPrivilege.
fn check_creator_sacl(creator: &SecurityDescriptor, token: &Token) -> Result<(), CreateSecurityError> {
    let aces = creator.sacl.acl().map_or(&[][..], Acl::aces);
    let is_label = |ace: &Ace| ace.ace_type() == AceType::SYSTEM_MANDATORY_LABEL;
    let audits = aces.iter().any(|ace| !is_label(ace));
    let labels_too_high = aces.iter().filter(|ace| is_label(ace)).any(|ace| !may_label(ace, token));
    if (audits && !token.has(Privileges::SECURITY)) || labels_too_high {
        return Err(CreateSecurityError::PrivilegeNotHeld);
    }
    Ok(())
}

/// True when `token` may give an object this label.
pub(crate) fn may_label(label: &Ace, token: &Token) -> bool {
    let level = label.sid().sub_authorities().last().copied().unwrap_or(0);
    level <= token.integrity_level().0 || token.has(Privileges::RELABEL)
}

/// Which of a descriptor's lists is computed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Dacl,
    Sacl,
}

impl Kind {
    fn part(self, descriptor: &SecurityDescriptor) -> &AclPart {
        match self {
            Kind::Dacl => &descriptor.dacl,
            Kind::Sacl => &descriptor.sacl,
        }
    }

    const fn pick(self, dacl: Control, sacl: Control) -> Control {
        match self {
            Kind::Dacl => dacl,
            Kind::Sacl => sacl,
        }
    }
}

/// What the entries of an object's lists are fitted to.
pub(crate) struct Child {
    pub(crate) owner: Sid,
    pub(crate) group: Sid,
    pub(crate) is_directory: bool,
}

impl Child {
    /// [MS-DTYP] 2.5.3.4.2 ComputeACL: the list, or `None` when neither parent nor creator gives one.
    fn compute(
        &self,
        kind: Kind,
        parent: Option<&SecurityDescriptor>,
        creator: Option<&SecurityDescriptor>,
        control: &mut Control,
    ) -> Result<Option<AclPart>, CreateSecurityError> {
        let auto_inherited = kind.pick(Control::DACL_AUTO_INHERITED, Control::SACL_AUTO_INHERITED);
        let request = kind.pick(Control::DACL_AUTO_INHERIT_REQ, Control::SACL_AUTO_INHERIT_REQ);
        let protected = kind.pick(Control::DACL_PROTECTED, Control::SACL_PROTECTED);
        let defaulted = kind.pick(Control::DACL_DEFAULTED, Control::SACL_DEFAULTED);

        let auto = parent.is_some_and(|parent| parent.control.contains(auto_inherited))
            || creator.is_some_and(|creator| creator.control.contains(request));
        *control = control.with(auto_inherited, auto);

        let parent_aces = parent.and_then(|parent| kind.part(parent).acl()).map_or(&[][..], Acl::aces);
        let mut inherited = Vec::new();
        for ace in parent_aces {
            self.inherit(ace, auto, &mut inherited);
        }

        let own = creator.filter(|creator| kind.part(creator).is_present());
        // A defaulted list gives way to what the parent has.
        let own = own.filter(|own| inherited.is_empty() || !own.control.contains(defaulted));
        let Some(own) = own else {
            if inherited.is_empty() {
                return Ok(None);
            }
            return Ok(Some(AclPart::Present(Acl::from_aces(inherited)?)));
        };
        let is_protected = own.control.contains(protected);
        *control = control.with(protected, is_protected);
        let Some(acl) = kind.part(own).acl() else { return Ok(Some(AclPart::Null)) };
        if !auto || is_protected {
            return Ok(Some(AclPart::Present(self.post_process(acl.aces().iter().cloned())?)));
        }
        // The creator's own entries come first; those he calls inherited are replaced by what the parent has.
        let explicit = acl.aces().iter().filter(|ace| !ace.flags().intersects(AceFlags::INHERITED)).cloned();
        let mut merged = self.post_process(explicit)?;
        for ace in inherited {
            merged.push(ace)?;
        }
        Ok(Some(AclPart::Present(merged)))
    }

    /// [MS-DTYP] 2.5.3.4.4 ComputeInheritedACLfromParent and 2.5.3.4.5 ComputeInheritableACLfromParent: what one entry
    /// of the parent gives the new object.
    pub(crate) fn inherit(&self, ace: &Ace, auto: bool, to: &mut Vec<Ace>) {
        let flags = ace.flags();
        let propagates = !flags.intersects(AceFlags::NO_PROPAGATE_INHERIT);
        let mark = AceFlags::EMPTY.with(AceFlags::INHERITED, auto);
        let kept = flags.without(AceFlags::INHERITANCE | AceFlags::INHERITED) | mark;
        let on = flags & AceFlags::INHERITABLE;
        let for_a_kind = ace.object_types().is_some_and(|types| types.inherited_object_type.is_some());
        if !self.is_directory {
            if flags.intersects(AceFlags::OBJECT_INHERIT) && !for_a_kind {
                to.push(self.effective(ace).with_flags(kept));
            }
            return;
        }
        if !flags.intersects(AceFlags::CONTAINER_INHERIT) || for_a_kind {
            // Not for this folder, but for files, or for the kind of object, further down.
            if !on.is_empty() && propagates {
                to.push(ace.clone().with_flags(kept | on | AceFlags::INHERIT_ONLY));
            }
            return;
        }
        let effective = self.effective(ace);
        if !propagates {
            to.push(effective.with_flags(kept));
        } else if effective.mask() == ace.mask() && effective.sid() == ace.sid() {
            to.push(effective.with_flags(kept | on));
        } else {
            // What it means here and what is handed on differ.
            to.push(effective.with_flags(kept));
            to.push(ace.clone().with_flags(kept | on | AceFlags::INHERIT_ONLY));
        }
    }

    /// The entry as it counts for the object itself: generic rights mapped, CREATOR OWNER and GROUP replaced.
    fn effective(&self, ace: &Ace) -> Ace {
        let sid = if *ace.sid() == Sid::CREATOR_OWNER {
            self.owner
        } else if *ace.sid() == Sid::CREATOR_GROUP {
            self.group
        } else {
            *ace.sid()
        };
        let mask = effective_mask(ace);
        ace.clone().with_mask(mask).with_sid(sid)
    }

    /// [MS-DTYP] 2.5.3.4.7 PostProcessACL: the creator's entries as they count for the object; an inheritable one that
    /// means something else here than below is split in two.
    fn post_process(&self, aces: impl Iterator<Item = Ace>) -> Result<Acl, AclTooLarge> {
        let mut acl = Acl::new();
        for ace in aces {
            if ace.is_inherit_only() || !ace.ace_type().is_known() {
                acl.push(ace)?;
                continue;
            }
            let effective = self.effective(&ace);
            let inheritable = self.is_directory && ace.flags().intersects(AceFlags::INHERITABLE);
            if inheritable && (effective.mask() != ace.mask() || effective.sid() != ace.sid()) {
                let flags = ace.flags();
                acl.push(effective.with_flags(flags.without(AceFlags::INHERITANCE)))?;
                acl.push(ace.with_flags(flags | AceFlags::INHERIT_ONLY))?;
            } else {
                acl.push(effective)?;
            }
        }
        Ok(acl)
    }
}

/// The entry's mask with generic rights mapped, where its bits are rights: a label's are policies.
pub(crate) fn effective_mask(ace: &Ace) -> AccessMask {
    let rights = ace.ace_type().allows() || ace.ace_type().denies() || ace.ace_type().audits();
    if rights { GenericMapping::FILE.map_generic(ace.mask()) } else { ace.mask() }
}

#[cfg(test)]
mod tests;
