//! Random values for property tests.

use crate::{AccessMask, Ace, AceFlags, AceType, Acl, AclPart, Control, ObjectTypes, SecurityDescriptor};
use freehold_dtyp::{Guid, Sid};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

/// The account `rid` of a made-up domain.
pub(crate) fn account(rid: u32) -> Sid {
    Sid::from_parts([0, 0, 0, 0, 0, 5], &[21, 1, 2, 3, rid]).unwrap()
}

pub(crate) fn sid() -> impl Strategy<Value = Sid> {
    prop_oneof![
        (any::<[u8; 6]>(), vec(any::<u32>(), 0..=15))
            .prop_map(|(a, subs)| Sid::from_parts(a, &subs).unwrap()),
        (1000u32..1010).prop_map(account),
        proptest::sample::select(vec![
            Sid::EVERYONE,
            Sid::CREATOR_OWNER,
            Sid::CREATOR_GROUP,
            Sid::OWNER_RIGHTS,
            Sid::SYSTEM,
            Sid::ADMINISTRATORS,
        ]),
    ]
}

fn guid() -> impl Strategy<Value = Option<Guid>> {
    option::of(any::<[u8; 16]>().prop_map(Guid))
}

/// Entries of every type, known and unknown.
pub(crate) fn ace() -> impl Strategy<Value = Ace> {
    let types = prop_oneof![4 => 0u8..=0x16, 1 => any::<u8>()];
    let data = prop_oneof![3 => Just(vec![]), 1 => vec(any::<u8>(), 0..24)];
    (types, any::<u8>(), any::<u32>(), sid(), guid(), guid(), data).prop_map(
        |(ace_type, flags, mask, sid, object, inherited, mut data)| {
            let (ace_type, flags, mask) = (AceType(ace_type), AceFlags(flags), AccessMask(mask));
            if !ace_type.is_known() {
                data.truncate(data.len() & !3);
                return Ace::opaque(ace_type, flags, &data).unwrap();
            }
            Ace::new(ace_type, flags, mask, sid)
                .or_else(|| Ace::object(ace_type, flags, mask, ObjectTypes::new(object, inherited), sid))
                .unwrap()
                .with_data(data)
                .unwrap()
        },
    )
}

pub(crate) fn acl() -> impl Strategy<Value = Acl> {
    vec(ace(), 0..8).prop_map(|aces| Acl::from_aces(aces).unwrap())
}

pub(crate) fn part() -> impl Strategy<Value = AclPart> {
    prop_oneof![
        1 => Just(AclPart::Absent),
        1 => Just(AclPart::Null),
        4 => acl().prop_map(AclPart::Present),
    ]
}

pub(crate) fn descriptor() -> impl Strategy<Value = SecurityDescriptor> {
    (any::<u16>(), any::<u8>(), option::of(sid()), option::of(sid()), part(), part()).prop_map(
        |(control, rm_control, owner, group, dacl, sacl)| SecurityDescriptor {
            control: Control(control).without(Control::DERIVED),
            rm_control,
            owner,
            group,
            dacl,
            sacl,
        },
    )
}
