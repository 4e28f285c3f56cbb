//! Access checks of hostile descriptors: conditions from any bytes, claims from any bytes, for tokens with and without them.
//! Nothing panics, nothing takes long, and what one way of asking says agrees with the others.
#![no_main]

use freehold_acl::{
    AccessMask, Ace, AceFlags, AceType, Acl, AclPart, Cause, Claim, ClaimValues, FileAccess, GenericMapping, Place,
    Privileges, Reasons, SecurityDescriptor, Token, TokenClaims, Truth, access_check, condition_value,
    file_access_check, file_access_check_observed, maximum_access,
};
use freehold_dtyp::{Decode, Sid};
use libfuzzer_sys::fuzz_target;

fn token(choice: u8) -> Token {
    let user: Sid = "S-1-5-21-1-2-3-1001".parse().expect("a SID");
    let builder = Token::builder(user).groups([Sid::EVERYONE, Sid::USERS]);
    if choice & 1 == 0 {
        return builder.privileges(Privileges::ALL).build();
    }
    let text = |values: &[&str]| ClaimValues::String(values.iter().map(|value| (*value).to_owned()).collect());
    let claims = TokenClaims {
        user: vec![
            Claim::new("a", text(&["x", "y"])),
            Claim::new("b", ClaimValues::Int64(vec![1, 2, 3])),
            Claim::new("c", ClaimValues::Boolean(vec![true])),
        ],
        device: vec![Claim::new("a", ClaimValues::Sid(vec![Sid::USERS]))],
        local: vec![Claim::new("a", ClaimValues::OctetString(vec![vec![1, 2]]))],
        device_groups: Vec::new(),
    };
    builder.claims(claims).deny_only(Sid::ADMINISTRATORS).build()
}

/// One entry of a descriptor, from its bytes.
fn entry(ace_type: AceType, data: &[u8]) -> Option<Ace> {
    Ace::new(ace_type, AceFlags::EMPTY, AccessMask::FILE_ALL_ACCESS, Sid::EVERYONE)?.with_data(data.to_vec())
}

/// A file whose conditional entries and resource attributes are the input's.
fn descriptor(bytes: &[u8]) -> Option<SecurityDescriptor> {
    let (mut dacl, mut sacl) = (Acl::new(), Acl::new());
    let mut rest = bytes;
    while let Some((&[kind, low, high], tail)) = rest.split_first_chunk::<3>() {
        let length = usize::from(u16::from_le_bytes([low, high])).min(tail.len());
        let (data, next) = tail.split_at(length);
        rest = next;
        let (list, ace) = match kind % 4 {
            0 => (&mut dacl, entry(AceType::ACCESS_ALLOWED_CALLBACK, &[b"artx", data].concat())),
            1 => (&mut dacl, entry(AceType::ACCESS_DENIED_CALLBACK, &[b"artx", data].concat())),
            2 => (&mut sacl, entry(AceType::SYSTEM_RESOURCE_ATTRIBUTE, data)),
            _ => (&mut dacl, entry(AceType::ACCESS_ALLOWED, &[])),
        };
        list.push(ace?).ok()?;
    }
    let (dacl, sacl) = (AclPart::Present(dacl), AclPart::Present(sacl));
    Some(SecurityDescriptor { owner: Some(Sid::SYSTEM), dacl, sacl, ..SecurityDescriptor::default() })
}

/// An explanation is of the same check: what it tells decides what came out.
fn agree(file: &SecurityDescriptor, token: &Token, desired: AccessMask) {
    let request = FileAccess::new(file, token, desired);
    let mut reasons = Reasons::new(Place::Object);
    let outcome = file_access_check(&request);
    assert_eq!(file_access_check_observed(&request, &mut reasons), outcome);
    assert_eq!(reasons.outcome(), Some(outcome));
    if let Ok(granted) = outcome
        && !desired.intersects(AccessMask::MAXIMUM_ALLOWED)
    {
        for bit in (0..32).map(|bit| AccessMask(1 << bit)).filter(|bit| granted.contains(*bit)) {
            assert!(reasons.granted(Place::Object, bit).is_some(), "nothing gives {bit:?}");
        }
    }
    for report in reasons.conditions() {
        let decided = reasons.denied(Place::Object, AccessMask::FILE_READ_DATA);
        if let Some(Cause::Entry(index, ace)) = decided.map(|reason| &reason.cause)
            && *index == report.index
        {
            assert!(ace.ace_type().denies() && report.value != Truth::False);
        }
    }
}

fuzz_target!(|input: &[u8]| {
    let Some((&[choice, desired_low, desired_high], rest)) = input.split_first_chunk::<3>() else { return };
    let token = token(choice);
    let _ = Claim::from_bytes(rest);
    let found = if choice & 2 == 0 { descriptor(rest) } else { SecurityDescriptor::from_bytes(rest).ok() };
    let Some(file) = found else { return };
    for ace in file.dacl.acl().map_or(&[][..], Acl::aces) {
        let value = condition_value(ace, &token, file.sacl.acl());
        assert_eq!(value, condition_value(ace, &token, file.sacl.acl()));
    }
    // Bits that files have: without a list whatever is asked for by name is granted, the most is what files have.
    let bits = u32::from(u16::from_le_bytes([desired_low, desired_high])) << 5;
    let desired = (AccessMask(bits) & AccessMask::FILE_ALL_ACCESS) | AccessMask::FILE_READ_DATA;
    let most = maximum_access(&file, &token, &GenericMapping::FILE);
    if let Ok(granted) = access_check(&file, &token, desired, &GenericMapping::FILE) {
        assert!(most.contains(granted.without(AccessMask::WRITE_OWNER)), "{most:?} lacks a part of {granted:?}");
    }
    for desired in [desired, AccessMask::FILE_READ_DATA, AccessMask::MAXIMUM_ALLOWED, AccessMask::FILE_ALL_ACCESS] {
        agree(&file, &token, desired);
    }
});
