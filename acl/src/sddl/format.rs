//! From descriptor to text.

use super::cursor::push_hex;
use super::names::{
    BIT_RIGHTS, FLAGS, LABEL_RIGHTS, NULL_ACL, TYPES, WHOLE_RIGHTS, has_condition, name_of_sid,
};
use super::{claim, condition};
use crate::{AccessMask, Ace, AceType, AclPart, Control, SecurityDescriptor};
use core::fmt::Write as _;
use freehold_dtyp::Sid;

pub(super) fn descriptor(descriptor: &SecurityDescriptor) -> String {
    let mut text = String::new();
    for (name, sid) in [("O:", &descriptor.owner), ("G:", &descriptor.group)] {
        if let Some(sid) = sid {
            text.push_str(name);
            push_sid(&mut text, sid);
        }
    }
    push_acl(&mut text, "D:", &descriptor.dacl, descriptor.control);
    // Each SACL bit is the one above its DACL bit.
    push_acl(&mut text, "S:", &descriptor.sacl, Control(descriptor.control.0 >> 1));
    text
}

pub(super) fn ace(ace: &Ace) -> String {
    let mut text = String::new();
    push_ace(&mut text, ace);
    text
}

/// Appends a SID, by its short name if it has one that is the same everywhere.
pub(super) fn push_sid(text: &mut String, sid: &Sid) {
    match name_of_sid(sid) {
        Some(name) => text.push_str(name),
        // Writing to a string does not fail.
        None => {
            let _ = write!(text, "{sid}");
        }
    }
}

/// Appends a list; `control` has its flags where those of the DACL are.
fn push_acl(text: &mut String, name: &str, part: &AclPart, control: Control) {
    if !part.is_present() {
        return;
    }
    text.push_str(name);
    for (flag, bit) in [
        ("P", Control::DACL_PROTECTED),
        ("AR", Control::DACL_AUTO_INHERIT_REQ),
        ("AI", Control::DACL_AUTO_INHERITED),
    ] {
        if control.contains(bit) {
            text.push_str(flag);
        }
    }
    match part.acl() {
        Some(acl) => acl.aces().iter().for_each(|ace| push_ace(text, ace)),
        None => text.push_str(NULL_ACL),
    }
}

fn push_ace(text: &mut String, ace: &Ace) {
    let ace_type = ace.ace_type();
    text.push('(');
    match TYPES.iter().find(|(_, other)| *other == ace_type) {
        Some((name, _)) => text.push_str(name),
        // Writing to a string does not fail, here and below.
        None => {
            let _ = write!(text, "0x{:02x}", ace_type.0);
        }
    }
    text.push(';');
    for (name, flag) in FLAGS {
        if ace.flags().contains(*flag) {
            text.push_str(name);
        }
    }
    text.push(';');
    push_rights(text, ace_type, ace.mask());
    text.push(';');
    let types = ace.object_types().copied().unwrap_or_default();
    for guid in [types.object_type, types.inherited_object_type] {
        if let Some(guid) = guid {
            let _ = write!(text, "{guid}");
        }
        text.push(';');
    }
    if ace_type.is_known() {
        push_sid(text, ace.sid());
    }
    if !ace.data().is_empty() {
        text.push(';');
        push_data(text, ace);
    }
    text.push(')');
}

fn push_rights(text: &mut String, ace_type: AceType, mask: AccessMask) {
    let names = if ace_type == AceType::SYSTEM_MANDATORY_LABEL {
        LABEL_RIGHTS
    } else {
        let whole = WHOLE_RIGHTS.iter().take(4).find(|(_, other)| *other == mask);
        if let Some((name, _)) = whole {
            text.push_str(name);
            return;
        }
        BIT_RIGHTS
    };
    let named = names.iter().fold(AccessMask::EMPTY, |all, (_, bit)| all | *bit);
    if named.contains(mask) {
        names.iter().filter(|(_, bit)| mask.contains(*bit)).for_each(|(name, _)| text.push_str(name));
    } else {
        let _ = write!(text, "0x{:x}", mask.0);
    }
}

/// Appends application data: as a condition or a resource attribute where it is one, otherwise as bytes.
fn push_data(text: &mut String, ace: &Ace) {
    let readable = if has_condition(ace.ace_type()) {
        condition::decompile(ace.data())
    } else if ace.ace_type() == AceType::SYSTEM_RESOURCE_ATTRIBUTE {
        claim::decompile(ace.data())
    } else {
        None
    };
    match readable {
        Some(readable) => text.push_str(&readable),
        None => {
            text.push('#');
            push_hex(text, ace.data());
        }
    }
}
