//! Inheritance as smbtorture's smb2.acls suite finds it on Windows, and the rules that it does not look at.

use super::*;
use crate::access_check;
use crate::test_support::{account, descriptor};
use crate::{AccessError, ObjectTypes};
use freehold_dtyp::{Encode as _, Guid};
use proptest::prelude::*;

const NONE: AceFlags = AceFlags::EMPTY;
const OI: AceFlags = AceFlags::OBJECT_INHERIT;
const CI: AceFlags = AceFlags::CONTAINER_INHERIT;
const NP: AceFlags = AceFlags::NO_PROPAGATE_INHERIT;
const IO: AceFlags = AceFlags::INHERIT_ONLY;
const ID: AceFlags = AceFlags::INHERITED;
const WRITE: AccessMask = AccessMask::FILE_WRITE_DATA;
const FULL: AccessMask = AccessMask::FILE_ALL_ACCESS;

fn user() -> Token {
    Token::builder(account(1)).groups([Sid::EVERYONE, account(513)]).primary_group(account(513)).build()
}

fn folder(control: Control, aces: impl IntoIterator<Item = Ace>) -> SecurityDescriptor {
    SecurityDescriptor {
        control,
        ..SecurityDescriptor::new(account(9), account(513), Acl::from_aces(aces).unwrap())
    }
}

fn dacl_of(descriptor: &SecurityDescriptor) -> Vec<Ace> {
    descriptor.dacl.acl().unwrap().aces().to_vec()
}

fn new_in(parent: &SecurityDescriptor, is_directory: bool) -> SecurityDescriptor {
    create_descriptor(Some(parent), None, &user(), is_directory).unwrap()
}

/// smb2.acls.INHERITANCE: all 16 combinations of inheritance flags on an entry for CREATOR OWNER.
#[test]
fn creator_owner_is_inherited_as_windows_does() {
    let default = vec![Ace::allow(account(1), FULL, NONE), Ace::allow(Sid::SYSTEM, FULL, NONE)];
    let mine = |flags| Ace::allow(account(1), WRITE, flags);
    let creator = |flags| Ace::allow(Sid::CREATOR_OWNER, WRITE, flags);
    for bits in 0..16 {
        let flags = AceFlags(bits);
        let everyone = Ace::allow(Sid::EVERYONE, FULL, NONE);
        let parent = folder(Control::EMPTY, [creator(flags), everyone]);

        let file = dacl_of(&new_in(&parent, false));
        let expected = if flags.intersects(OI) { vec![mine(NONE)] } else { default.clone() };
        assert_eq!(file, expected, "file below {flags:?}");

        let below = dacl_of(&new_in(&parent, true));
        let on = flags & (OI | CI);
        let expected = match (flags.intersects(CI), flags.intersects(OI), flags.intersects(NP)) {
            (true, _, true) => vec![mine(NONE)],
            (true, _, false) => vec![mine(NONE), creator(on | IO)],
            (false, true, false) => vec![creator(OI | IO)],
            (false, ..) => default.clone(),
        };
        assert_eq!(below, expected, "folder below {flags:?}");
    }
}

/// smb2.acls.INHERITFLAGS: entries are marked, and the list too, when the parent's list is auto-inherited.
#[test]
fn auto_inherited_parents_mark_what_is_inherited() {
    for (control, inherited) in [
        (Control::EMPTY, NONE),
        (Control::EMPTY, ID),
        (Control::DACL_PROTECTED, NONE),
        (Control::DACL_AUTO_INHERITED, NONE),
        (Control::DACL_AUTO_INHERITED | Control::DACL_PROTECTED, ID),
    ] {
        let parent = folder(control, [Ace::allow(account(1), WRITE, OI | CI | inherited)]);
        let child = new_in(&parent, false);
        let auto = control.contains(Control::DACL_AUTO_INHERITED);
        assert_eq!(dacl_of(&child), [Ace::allow(account(1), WRITE, NONE.with(ID, auto))]);
        assert_eq!(child.control, control & Control::DACL_AUTO_INHERITED);
        assert_eq!(child.owner, Some(account(1)));
        assert_eq!(child.group, Some(account(513)));
    }
}

/// The last part of smb2.acls.INHERITANCE: what was inherited is what the next open gets.
#[test]
fn the_next_open_gets_what_was_inherited() {
    let mask = WRITE | AccessMask::WRITE_DAC;
    let parent =
        folder(Control::EMPTY, [Ace::allow(account(1), mask, OI), Ace::allow(Sid::EVERYONE, FULL, NONE)]);
    let child = new_in(&parent, false);
    let check = |desired| access_check(&child, &user(), desired, &GenericMapping::FILE);
    assert_eq!(check(FULL), Err(AccessError::Denied));
    assert_eq!(check(WRITE), Ok(WRITE));
}

#[test]
fn plain_entries_pass_through_folders_unchanged() {
    let aces = |flags| [Ace::allow(Sid::EVERYONE, FULL, flags), Ace::deny(account(7), WRITE, flags)];
    let parent = folder(Control::EMPTY, aces(OI | CI));
    assert_eq!(dacl_of(&new_in(&parent, true)), aces(OI | CI));
    assert_eq!(dacl_of(&new_in(&parent, false)), aces(NONE));
    let parent = folder(Control::EMPTY, aces(OI | CI | IO));
    assert_eq!(dacl_of(&new_in(&parent, true)), aces(OI | CI));
    let parent = folder(Control::EMPTY, aces(OI | CI | NP));
    assert_eq!(dacl_of(&new_in(&parent, true)), aces(NONE));
}

#[test]
fn generic_rights_are_mapped_here_and_kept_for_below() {
    let generic = AccessMask::GENERIC_READ;
    let parent = folder(Control::EMPTY, [Ace::allow(Sid::EVERYONE, generic, OI | CI)]);
    let mapped = Ace::allow(Sid::EVERYONE, AccessMask::FILE_GENERIC_READ, NONE);
    assert_eq!(dacl_of(&new_in(&parent, false)), std::slice::from_ref(&mapped));
    let below = Ace::allow(Sid::EVERYONE, generic, OI | CI | IO);
    assert_eq!(dacl_of(&new_in(&parent, true)), [mapped, below]);
}

#[test]
fn creator_group_becomes_the_primary_group() {
    let parent = folder(Control::EMPTY, [Ace::allow(Sid::CREATOR_GROUP, WRITE, OI)]);
    assert_eq!(dacl_of(&new_in(&parent, false)), [Ace::allow(account(513), WRITE, NONE)]);
}

#[test]
fn entries_for_a_kind_of_object_only_pass_through_folders() {
    let types = ObjectTypes::new(None, Some(Guid([5; 16])));
    let ace =
        |flags| Ace::object(AceType::ACCESS_ALLOWED_OBJECT, flags, WRITE, types, Sid::EVERYONE).unwrap();
    let parent = folder(Control::EMPTY, [ace(OI | CI), Ace::allow(Sid::EVERYONE, FULL, OI | CI)]);
    assert_eq!(dacl_of(&new_in(&parent, false)), [Ace::allow(Sid::EVERYONE, FULL, NONE)]);
    let expected = [ace(OI | CI | IO), Ace::allow(Sid::EVERYONE, FULL, OI | CI)];
    assert_eq!(dacl_of(&new_in(&parent, true)), expected);
}

#[test]
fn nothing_to_inherit_gives_the_default_list() {
    let full = |sid| Ace::allow(sid, FULL, NONE);
    let parent = folder(Control::DACL_AUTO_INHERITED, [Ace::allow(Sid::EVERYONE, FULL, NONE)]);
    let child = new_in(&parent, false);
    assert_eq!(dacl_of(&child), [full(account(1)), full(Sid::SYSTEM)]);
    assert_eq!(child.control, Control::DACL_AUTO_INHERITED);

    let dacl = Acl::from_aces([Ace::allow(Sid::CREATOR_OWNER, AccessMask::GENERIC_ALL, NONE)]).unwrap();
    let token = Token::builder(account(1)).default_dacl(dacl).build();
    let child = create_descriptor(None, None, &token, false).unwrap();
    assert_eq!(dacl_of(&child), [full(account(1))]);

    let child = create_descriptor(None, None, &Token::system(), false).unwrap();
    assert_eq!(dacl_of(&child), [full(Sid::SYSTEM)]);
}

/// smb2.create.aclfile: a list that comes with the request is what the file gets.
#[test]
fn a_list_of_the_creator_replaces_what_is_not_auto_inherited() {
    let parent = folder(Control::EMPTY, [Ace::allow(Sid::EVERYONE, FULL, OI | CI)]);
    let own = [Ace::allow(account(1), FULL, ID), Ace::allow(Sid::AUTHENTICATED_USERS, WRITE, NONE)];
    let creator = folder(Control::EMPTY, own.clone());
    let creator = SecurityDescriptor { owner: Some(account(1)), ..creator };
    let child = create_descriptor(Some(&parent), Some(&creator), &user(), false).unwrap();
    assert_eq!(dacl_of(&child), own);
}

#[test]
fn a_list_of_the_creator_is_merged_with_what_is_auto_inherited() {
    let parent = folder(Control::DACL_AUTO_INHERITED, [Ace::allow(Sid::EVERYONE, FULL, OI | CI)]);
    let own = Ace::allow(account(1), WRITE, NONE);
    let stale = Ace::allow(account(66), FULL, ID);
    let mut creator = folder(Control::EMPTY, [own.clone(), stale.clone()]);
    creator.owner = None;
    let child = create_descriptor(Some(&parent), Some(&creator), &user(), false).unwrap();
    assert_eq!(dacl_of(&child), [own.clone(), Ace::allow(Sid::EVERYONE, FULL, ID)]);
    assert_eq!(child.control, Control::DACL_AUTO_INHERITED);

    creator.control = Control::DACL_PROTECTED;
    let child = create_descriptor(Some(&parent), Some(&creator), &user(), false).unwrap();
    assert_eq!(dacl_of(&child), [own, stale]);
    assert!(child.control.contains(Control::DACL_PROTECTED));

    creator.control = Control::DACL_DEFAULTED;
    let child = create_descriptor(Some(&parent), Some(&creator), &user(), false).unwrap();
    assert_eq!(dacl_of(&child), [Ace::allow(Sid::EVERYONE, FULL, ID)]);
}

#[test]
fn a_creator_who_asks_for_it_gets_what_is_inherited_too() {
    let parent = folder(Control::EMPTY, [Ace::allow(Sid::EVERYONE, FULL, OI | CI)]);
    let own = Ace::allow(account(1), WRITE, NONE);
    let mut creator = folder(Control::DACL_AUTO_INHERIT_REQ, [own.clone()]);
    creator.owner = None;
    let child = create_descriptor(Some(&parent), Some(&creator), &user(), false).unwrap();
    assert_eq!(dacl_of(&child), [own, Ace::allow(Sid::EVERYONE, FULL, ID)]);
    assert_eq!(child.control, Control::DACL_AUTO_INHERITED);
}

/// smb2.create.nulldacl: a descriptor without DACL inherits, one with a null DACL has it.
#[test]
fn an_absent_list_of_the_creator_inherits_and_a_null_one_stays_null() {
    let parent = folder(Control::EMPTY, [Ace::allow(Sid::EVERYONE, FULL, OI)]);
    let mut creator = SecurityDescriptor::default();
    let child = create_descriptor(Some(&parent), Some(&creator), &user(), false).unwrap();
    assert_eq!(dacl_of(&child), [Ace::allow(Sid::EVERYONE, FULL, NONE)]);
    creator.dacl = AclPart::Null;
    let child = create_descriptor(Some(&parent), Some(&creator), &user(), false).unwrap();
    assert_eq!(child.dacl, AclPart::Null);
}

#[test]
fn creators_entries_count_for_the_new_object() {
    let generic = AccessMask::GENERIC_ALL;
    let mut creator = folder(Control::EMPTY, [Ace::allow(Sid::CREATOR_OWNER, generic, OI | CI)]);
    creator.owner = None;
    let child = create_descriptor(None, Some(&creator), &user(), true).unwrap();
    let below = Ace::allow(Sid::CREATOR_OWNER, generic, OI | CI | IO);
    assert_eq!(dacl_of(&child), [Ace::allow(account(1), FULL, NONE), below]);
    // A file has nothing below it.
    let child = create_descriptor(None, Some(&creator), &user(), false).unwrap();
    assert_eq!(dacl_of(&child), [Ace::allow(account(1), FULL, OI | CI)]);
}

#[test]
fn an_owner_takes_a_right_to_be_it() {
    let creator = SecurityDescriptor { owner: Some(account(2)), ..SecurityDescriptor::default() };
    let create = |token: &Token| create_descriptor(None, Some(&creator), token, false).map(|sd| sd.owner);
    assert_eq!(create(&user()), Err(CreateSecurityError::InvalidOwner));
    let restorer = Token::builder(account(1)).privileges(Privileges::RESTORE).build();
    assert_eq!(create(&restorer), Ok(Some(account(2))));
    let token = Token::builder(account(1)).group(Sid::ADMINISTRATORS).owner(Sid::ADMINISTRATORS).build();
    let child = create_descriptor(None, None, &token, false).unwrap();
    assert_eq!(child.owner, Some(Sid::ADMINISTRATORS));
}

#[test]
fn a_system_list_takes_the_privilege() {
    let audit = Ace::audit(Sid::EVERYONE, WRITE, AceFlags::SUCCESSFUL_ACCESS);
    let sacl = Acl::from_aces([audit.clone()]).unwrap();
    let creator = SecurityDescriptor { sacl: sacl.into(), ..SecurityDescriptor::default() };
    let create = |token: &Token| create_descriptor(None, Some(&creator), token, false);
    assert_eq!(create(&user()), Err(CreateSecurityError::PrivilegeNotHeld));
    let auditor = Token::builder(account(1)).privileges(Privileges::SECURITY).build();
    assert_eq!(create(&auditor).unwrap().sacl.acl().unwrap().aces(), [audit]);

    // An audit of the parent is inherited without any privilege, with its own flags.
    let inheritable = Ace::audit(Sid::EVERYONE, WRITE, AceFlags::FAILED_ACCESS | OI);
    let parent = SecurityDescriptor {
        sacl: Acl::from_aces([inheritable]).unwrap().into(),
        ..folder(Control::EMPTY, [])
    };
    let child = new_in(&parent, false);
    let expected = Ace::audit(Sid::EVERYONE, WRITE, AceFlags::FAILED_ACCESS);
    assert_eq!(child.sacl.acl().unwrap().aces(), [expected]);
}

#[test]
fn a_label_above_the_creator_takes_the_privilege() {
    let label = |level| {
        let sid = Sid::from_parts([0, 0, 0, 0, 0, 16], &[level]).unwrap();
        let ace = Ace::new(AceType::SYSTEM_MANDATORY_LABEL, NONE, AccessMask(1), sid).unwrap();
        let sacl = Acl::from_aces([ace]).unwrap().into();
        let creator = SecurityDescriptor { sacl, ..SecurityDescriptor::default() };
        create_descriptor(None, Some(&creator), &user(), false).map(|_| ())
    };
    assert_eq!(label(0x2000), Ok(()));
    assert_eq!(label(0x3000), Err(CreateSecurityError::PrivilegeNotHeld));
}

#[test]
fn a_list_that_grows_beyond_64_kib_is_refused() {
    // Each entry becomes two in a folder.
    let ace = Ace::allow(Sid::CREATOR_OWNER, AccessMask::GENERIC_ALL, OI | CI);
    let parent = folder(Control::EMPTY, vec![ace; 1700]);
    assert!(create_descriptor(Some(&parent), None, &user(), false).is_ok());
    let error = create_descriptor(Some(&parent), None, &user(), true);
    assert_eq!(error, Err(CreateSecurityError::TooLarge));
}

proptest! {
    #[test]
    fn whatever_is_created_can_be_stored_and_has_no_creator_in_effect(
        parent in descriptor(),
        creator in proptest::option::of(descriptor()),
        is_directory: bool,
    ) {
        let token = Token::system();
        if let Ok(child) = create_descriptor(Some(&parent), creator.as_ref(), &token, is_directory) {
            prop_assert_eq!(child.to_bytes().len(), child.size());
            prop_assert!(child.size() <= SecurityDescriptor::MAX_SIZE);
            prop_assert!(child.owner.is_some() && child.group.is_some() && child.dacl.is_present());
            for ace in child.dacl.acl().map_or(&[][..], Acl::aces) {
                let in_effect = !ace.is_inherit_only() && (ace.ace_type().allows() || ace.ace_type().denies());
                // Unless the object itself belongs to S-1-3-0: the system may set any owner and group.
                let is_his = [child.owner, child.group].contains(&Some(Sid::CREATOR_OWNER));
                prop_assert!(!in_effect || *ace.sid() != Sid::CREATOR_OWNER || is_his);
                prop_assert!(!in_effect || !ace.mask().intersects(AccessMask::GENERIC));
            }
        }
    }
}
