//! Propagation against what a new object would get, and its rules one by one.

use super::*;
use crate::test_support::{account, ace, descriptor};
use crate::{AccessMask, AceType, Token, create_descriptor};
use proptest::collection::vec;
use proptest::prelude::*;

const NONE: AceFlags = AceFlags::EMPTY;
const OI: AceFlags = AceFlags::OBJECT_INHERIT;
const CI: AceFlags = AceFlags::CONTAINER_INHERIT;
const NP: AceFlags = AceFlags::NO_PROPAGATE_INHERIT;
const IO: AceFlags = AceFlags::INHERIT_ONLY;
const ID: AceFlags = AceFlags::INHERITED;
const FULL: AccessMask = AccessMask::FILE_ALL_ACCESS;
const READ: AccessMask = AccessMask::FILE_GENERIC_READ;
const AUTO: Control = Control::DACL_AUTO_INHERITED.union(Control::SACL_AUTO_INHERITED);

fn object(control: Control, aces: impl IntoIterator<Item = Ace>) -> SecurityDescriptor {
    SecurityDescriptor {
        control,
        ..SecurityDescriptor::new(account(1), account(513), Acl::from_aces(aces).unwrap())
    }
}

fn dacl_of(descriptor: &SecurityDescriptor) -> &[Ace] {
    descriptor.dacl.acl().unwrap().aces()
}

fn allow(rid: u32, mask: AccessMask, flags: AceFlags) -> Ace {
    Ace::allow(account(rid), mask, flags)
}

#[test]
fn own_entries_stay_and_inherited_ones_are_replaced() {
    let parent = object(AUTO, [allow(7, READ, OI | CI), Ace::deny(account(8), FULL, OI)]);
    let own =
        [Ace::deny(account(5), READ, NONE), allow(6, FULL, OI), allow(7, FULL, ID), allow(9, READ, ID | CI)];
    let child = object(Control::EMPTY, own.clone());
    let file = propagate(&parent, &child, false).unwrap();
    let kept = own[..2].to_vec();
    let inherited = [allow(7, READ, ID), Ace::deny(account(8), FULL, ID)];
    assert_eq!(dacl_of(&file), [&kept[..], &inherited].concat());
    assert_eq!(file.control, AUTO);
    assert_eq!((file.owner, file.group), (child.owner, child.group));
    let folder = propagate(&parent, &child, true).unwrap();
    let inherited = [allow(7, READ, ID | OI | CI), Ace::deny(account(8), FULL, ID | OI | IO)];
    assert_eq!(dacl_of(&folder), [&kept[..], &inherited].concat());
}

#[test]
fn protected_lists_stay_whole() {
    let audit = |mask, flags| Ace::audit(Sid::EVERYONE, mask, AceFlags::SUCCESSFUL_ACCESS | flags);
    let parent = SecurityDescriptor {
        sacl: Acl::from_aces([audit(READ, OI)]).unwrap().into(),
        ..object(AUTO, [allow(7, READ, OI)])
    };
    let child = object(Control::DACL_PROTECTED, [allow(1, FULL, ID)]);
    let new = propagate(&parent, &child, false).unwrap();
    assert_eq!(new.dacl, child.dacl);
    assert_eq!(new.sacl.acl().unwrap().aces(), [audit(READ, ID)]);
    assert_eq!(new.control, Control::DACL_PROTECTED | Control::SACL_AUTO_INHERITED);
    let child = SecurityDescriptor { control: Control::SACL_PROTECTED, ..child };
    let new = propagate(&parent, &child, false).unwrap();
    assert_eq!(new.sacl, AclPart::Absent);
    assert_eq!(dacl_of(&new), [allow(7, READ, ID)]);
    assert!(is_sacl_protected(&new) && !is_dacl_protected(&new));
}

#[test]
fn creator_owner_becomes_the_owner_that_the_object_has() {
    let parent = object(AUTO, [Ace::allow(Sid::CREATOR_OWNER, AccessMask::GENERIC_ALL, OI | CI | IO)]);
    let child = object(AUTO, []);
    let folder = propagate(&parent, &child, true).unwrap();
    let below = Ace::allow(Sid::CREATOR_OWNER, AccessMask::GENERIC_ALL, OI | CI | IO | ID);
    assert_eq!(dacl_of(&folder), [allow(1, FULL, ID), below]);
    // One step further down.
    let grandchild = SecurityDescriptor { owner: Some(account(2)), ..object(AUTO, []) };
    assert_eq!(dacl_of(&propagate(&folder, &grandchild, false).unwrap()), [allow(2, FULL, ID)]);
    let nobody = SecurityDescriptor { owner: None, ..object(AUTO, []) };
    assert_eq!(dacl_of(&propagate(&folder, &nobody, false).unwrap())[0].sid(), &Sid::CREATOR_OWNER);
}

#[test]
fn what_is_not_to_go_on_ends_with_the_first_step() {
    let parent = object(AUTO, [allow(7, READ, OI | CI | NP)]);
    let folder = propagate(&parent, &object(AUTO, []), true).unwrap();
    assert_eq!(dacl_of(&folder), [allow(7, READ, ID)]);
    assert_eq!(dacl_of(&propagate(&folder, &object(AUTO, [allow(7, READ, ID)]), false).unwrap()), []);
}

#[test]
fn open_dacls_stay_open() {
    let parent = object(AUTO, [allow(7, READ, OI)]);
    for dacl in [AclPart::Absent, AclPart::Null] {
        let child = SecurityDescriptor { dacl: dacl.clone(), ..object(Control::EMPTY, []) };
        assert_eq!(propagate(&parent, &child, false).unwrap().dacl, dacl);
    }
}

#[test]
fn a_label_of_the_folder_is_handed_down() {
    let high = Sid::from_parts([0, 0, 0, 0, 0, 16], &[0x3000]).unwrap();
    let label = |flags| Ace::new(AceType::SYSTEM_MANDATORY_LABEL, flags, AccessMask(1), high).unwrap();
    let parent = SecurityDescriptor {
        sacl: Acl::from_aces([label(OI | CI)]).unwrap().into(),
        ..object(AUTO, [allow(7, READ, OI)])
    };
    let child = propagate(&parent, &object(AUTO, []), false).unwrap();
    assert_eq!(child.sacl.acl().unwrap().aces(), [label(ID)]);
    // And taken back with it.
    let parent = SecurityDescriptor { sacl: AclPart::Absent, ..parent };
    assert_eq!(propagate(&parent, &child, false).unwrap().sacl, AclPart::Absent);
}

#[test]
fn a_list_that_would_not_fit_is_refused() {
    let entry = allow(7, READ, OI);
    let parent = object(AUTO, vec![entry.clone(); 1200]);
    let child = object(AUTO, vec![allow(6, READ, NONE); 1200]);
    assert_eq!(propagate(&parent, &child, false), Err(AclTooLarge));
    assert!(propagate(&parent, &object(AUTO, []), false).is_ok());
}

#[test]
fn nothing_changes_twice() {
    let parent = object(AUTO, [allow(7, READ, OI | CI), Ace::allow(Sid::CREATOR_OWNER, FULL, OI | CI | IO)]);
    let child = object(Control::EMPTY, [allow(6, FULL, OI)]);
    let once = propagate(&parent, &child, true).unwrap();
    assert_eq!(propagate(&parent, &once, true).unwrap(), once);
}

/// A folder as automatic inheritance leaves it, with entries of every kind that can be inherited; one of its DACL reaches
/// files and folders: where a folder gives nothing a new object gets its creator's default list, which nothing marks.
fn folder() -> impl Strategy<Value = SecurityDescriptor> {
    let acl = || {
        (any::<u16>(), vec(ace(), 0..6)).prop_map(|(mask, aces)| {
            let everywhere = allow(7, AccessMask(u32::from(mask)), OI | CI);
            AclPart::Present(Acl::from_aces(aces.into_iter().chain([everywhere])).unwrap())
        })
    };
    let sacl = prop_oneof![1 => Just(AclPart::Absent), 3 => acl()];
    (acl(), sacl).prop_map(|(dacl, sacl)| SecurityDescriptor {
        control: AUTO,
        owner: Some(account(9)),
        group: Some(account(513)),
        dacl,
        sacl,
        ..SecurityDescriptor::default()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    /// The point of it all: after a change above, an object that has nothing of its own is as one made now.
    #[test]
    fn an_object_without_own_entries_becomes_what_a_new_one_would_be(
        before in folder(),
        after in folder(),
        is_directory: bool,
    ) {
        let token = Token::builder(account(1)).primary_group(account(513)).build();
        let new_in = |parent| create_descriptor(Some(parent), None, &token, is_directory).unwrap();
        let (old, fresh) = (new_in(&before), new_in(&after));
        prop_assert!(old.dacl.acl().unwrap().aces().iter().all(|ace| ace.flags().contains(ID)));
        prop_assert_eq!(propagate(&after, &old, is_directory).unwrap(), fresh);
    }

    /// And one with own entries is as if it were made now with them.
    #[test]
    fn an_object_with_own_entries_becomes_what_its_creator_would_get(
        before in folder(),
        after in folder(),
        own in vec(ace(), 1..4),
        is_directory: bool,
    ) {
        let token = Token::builder(account(1)).primary_group(account(513)).build();
        let own = own.into_iter().map(|ace| { let flags = ace.flags().without(ID); ace.with_flags(flags) });
        let creator = SecurityDescriptor { dacl: Acl::from_aces(own).unwrap().into(), ..SecurityDescriptor::default() };
        let new_in = |parent| create_descriptor(Some(parent), Some(&creator), &token, is_directory).unwrap();
        prop_assert_eq!(propagate(&after, &new_in(&before), is_directory).unwrap().dacl, new_in(&after).dacl);
    }

    #[test]
    fn any_descriptors_are_merged_or_refused(parent in descriptor(), own in descriptor(), is_directory: bool) {
        if let Ok(new) = propagate(&parent, &own, is_directory) {
            prop_assert!(new.size() <= SecurityDescriptor::MAX_SIZE);
            prop_assert_eq!((new.owner, new.group, new.rm_control), (own.owner, own.group, own.rm_control));
            prop_assert_eq!(propagate(&parent, &new, is_directory).unwrap(), new);
        }
    }
}
