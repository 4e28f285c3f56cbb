//! [MS-DTYP] 2.5.3.4.1 CreateSecurityDescriptor with automatic inheritance, for an object that is there already: what its
//! descriptor becomes when that of its folder has changed.
//!
//! Owns the rule of one object. Walking a tree, reading and storing are the caller's.

use crate::inherit::Child;
use crate::{Ace, AceFlags, Acl, AclPart, AclTooLarge, Control, SecurityDescriptor};
use freehold_dtyp::Sid;

/// The descriptor of an object below a folder whose descriptor is `parent`: `own` with its inherited entries replaced by
/// what the folder gives now, marked INHERITED.
///
/// Kept are owner, group, the object's own entries in their order, a null or absent DACL, and a list that is PROTECTED,
/// whole. CREATOR OWNER and CREATOR GROUP become the object's owner and group. Nothing differs when nothing has changed:
/// the result is then equal to `own`.
///
/// # Errors
/// [`AclTooLarge`] when a list, or the whole descriptor, would not fit: the object keeps what it has.
pub fn propagate(
    parent: &SecurityDescriptor,
    own: &SecurityDescriptor,
    is_directory: bool,
) -> Result<SecurityDescriptor, AclTooLarge> {
    let child = Child {
        // An object without owner or group has nobody to put in place of the creator: the entry stays as it is.
        owner: own.owner.unwrap_or(Sid::CREATOR_OWNER),
        group: own.group.unwrap_or(Sid::CREATOR_GROUP),
        is_directory,
    };
    let dacl = Side {
        parent: &parent.dacl,
        own: &own.dacl,
        protected: Control::DACL_PROTECTED,
        auto_inherited: Control::DACL_AUTO_INHERITED,
    };
    let sacl = Side {
        parent: &parent.sacl,
        own: &own.sacl,
        protected: Control::SACL_PROTECTED,
        auto_inherited: Control::SACL_AUTO_INHERITED,
    };
    let mut control = own.control;
    // A DACL that is absent or null allows everything: entries from above would take rights away that nobody took.
    let new_dacl = match own.dacl {
        AclPart::Present(_) => dacl.inherit(&child, parent.control, &mut control)?,
        AclPart::Absent | AclPart::Null => own.dacl.clone(),
    };
    let new_sacl = sacl.inherit(&child, parent.control, &mut control)?;
    // Where the last entry of a SACL goes the list goes: a new object would have none.
    let new_sacl = match &new_sacl {
        AclPart::Present(acl) if acl.aces().is_empty() && new_sacl != own.sacl => AclPart::Absent,
        _ => new_sacl,
    };
    let new = SecurityDescriptor { control, dacl: new_dacl, sacl: new_sacl, ..own.clone() };
    if new.size() > SecurityDescriptor::MAX_SIZE { Err(AclTooLarge) } else { Ok(new) }
}

/// One of the two lists, of folder and object.
struct Side<'a> {
    parent: &'a AclPart,
    own: &'a AclPart,
    protected: Control,
    auto_inherited: Control,
}

impl Side<'_> {
    fn inherit(
        &self,
        child: &Child,
        parent_control: Control,
        control: &mut Control,
    ) -> Result<AclPart, AclTooLarge> {
        if control.contains(self.protected) {
            return Ok(self.own.clone());
        }
        let own = self.own.acl().map_or(&[][..], Acl::aces);
        let is_own = |ace: &&Ace| !ace.flags().intersects(AceFlags::INHERITED);
        let mut aces: Vec<Ace> = own.iter().filter(is_own).cloned().collect();
        let explicit = aces.len();
        for ace in self.parent.acl().map_or(&[][..], Acl::aces) {
            child.inherit(ace, true, &mut aces);
        }
        let auto = parent_control.contains(self.auto_inherited) || aces.len() > explicit;
        *control = control.with(self.auto_inherited, auto || control.contains(self.auto_inherited));
        // The very list, with the revision that was sent, where its entries are what they were.
        if aces == own {
            return Ok(self.own.clone());
        }
        Acl::from_aces(aces).map(AclPart::Present)
    }
}

/// True when nothing that happens to the folder's DACL reaches the object.
#[must_use]
pub const fn is_dacl_protected(descriptor: &SecurityDescriptor) -> bool {
    descriptor.control.contains(Control::DACL_PROTECTED)
}

/// True when nothing that happens to the folder's SACL reaches the object.
#[must_use]
pub const fn is_sacl_protected(descriptor: &SecurityDescriptor) -> bool {
    descriptor.control.contains(Control::SACL_PROTECTED)
}

#[cfg(test)]
mod tests;
