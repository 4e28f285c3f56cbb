//! What is read back from disk, and from administrators: security descriptors in bytes and SDDL (with access check and
//! inheritance), the volume's attribute record, changes of usage that were under way, the configuration file. The first byte chooses.
#![no_main]

use std::path::Path;

use freehold::config::Config;
// The record's module is private to the volume; its paths are resolved here.
use freehold::{fscc, vfs};
use freehold_acl::{
    AccessMask, FileAccess, GenericMapping, Privileges, SecurityDescriptor, SecurityInformation, Token,
    access_check, create_descriptor, file_access_check, maximal_file_access, maximum_access, may_enumerate,
    query, set_security,
};
use freehold_dtyp::{Decode, Encode, Sid};
use freehold_quotas::{INTENT_WORDS, Intent};
use libfuzzer_sys::fuzz_target;

#[path = "../../src/vfs/posix/xattr.rs"]
#[allow(dead_code, unused_imports)]
mod xattr;

fn token(choice: u8) -> Token {
    let user: Sid = "S-1-5-21-1-2-3-1001".parse().expect("a SID");
    let builder = Token::builder(user);
    match choice % 5 {
        0 => builder.groups([Sid::EVERYONE, Sid::USERS]).build(),
        1 => builder.groups([Sid::EVERYONE, Sid::ADMINISTRATORS]).privileges(Privileges::BACKUP).build(),
        2 => builder.deny_only(Sid::ADMINISTRATORS).build(),
        _ => Token::system(),
    }
}

/// What a check granted lies within what was asked for, and within the most that there is.
fn check(descriptor: &SecurityDescriptor, parent: Option<&SecurityDescriptor>, token: &Token, desired: u32) {
    let most = maximum_access(descriptor, token, &GenericMapping::FILE);
    let desired = AccessMask(desired);
    if let Ok(granted) = access_check(descriptor, token, desired, &GenericMapping::FILE) {
        let wanted = GenericMapping::FILE.map_generic(desired);
        if !wanted.intersects(AccessMask::MAXIMUM_ALLOWED) {
            assert_eq!(granted, wanted);
            let ordinary = granted.without(AccessMask::ACCESS_SYSTEM_SECURITY);
            assert!(most.contains(ordinary), "{most:?} lacks a part of {granted:?}");
        }
    }
    let request = FileAccess { parent, ..FileAccess::new(descriptor, token, desired) };
    let _ = file_access_check(&request);
    let _ = maximal_file_access(descriptor, parent, token);
    let _ = may_enumerate(descriptor, token);
}

fn descriptor(bytes: &[u8]) {
    let Some((head, rest)) = bytes.split_first_chunk::<8>() else { return };
    let [choice, information, split_low, split_high, desired @ ..] = *head;
    let split = usize::from(u16::from_le_bytes([split_low, split_high])).min(rest.len());
    let (first, second) = rest.split_at(split);
    let token = token(choice);
    let desired = u32::from_le_bytes(desired);
    let Ok(found) = SecurityDescriptor::from_bytes(first) else { return };
    let again = SecurityDescriptor::from_bytes(&found.to_bytes()).expect("what was encoded");
    assert_eq!(again.to_bytes(), found.to_bytes());
    assert_eq!(again, found);
    let sddl = found.to_sddl();
    if let Ok(read) = SecurityDescriptor::from_sddl(&sddl, None) {
        assert_eq!(read.to_sddl(), sddl);
    }
    let other = SecurityDescriptor::from_bytes(second).ok();
    check(&found, other.as_ref(), &token, desired);
    for is_directory in [false, true] {
        for creator in [None, other.as_ref()] {
            if let Ok(made) = create_descriptor(Some(&found), creator, &token, is_directory) {
                assert_eq!(SecurityDescriptor::from_bytes(&made.to_bytes()), Ok(made));
            }
        }
    }
    let information = SecurityInformation(u32::from(information) | (desired & 0xF000_0000));
    let shown = query(&found, information);
    assert_eq!(SecurityDescriptor::from_bytes(&shown.to_bytes()).map(|read| read.to_bytes()), Ok(shown.to_bytes()));
    if let Some(other) = &other
        && let Ok(changed) = set_security(&found, other, information, &token)
    {
        assert_eq!(SecurityDescriptor::from_bytes(&changed.to_bytes()), Ok(changed));
    }
}

fn sddl(bytes: &[u8]) {
    let Ok(text) = core::str::from_utf8(bytes) else { return };
    let domain: Sid = "S-1-5-21-1-2-3".parse().expect("a SID");
    if let Ok(found) = SecurityDescriptor::from_sddl(text, Some(&domain)) {
        let again = SecurityDescriptor::from_bytes(&found.to_bytes()).expect("what was encoded");
        assert_eq!(again, found);
        check(&found, None, &token(0), 0x0200_0000);
    }
}

fn record(bytes: &[u8]) {
    // The checksum is put right, so that the fields behind it are read too.
    let mut bytes = bytes.to_vec();
    if let Some(place) = bytes.get_mut(4..8) {
        place.fill(0);
        let sum = crc32c(&bytes).to_le_bytes();
        bytes[4..8].copy_from_slice(&sum);
    }
    if let Ok(found) = xattr::Record::decode(&bytes) {
        assert_eq!(xattr::Record::decode(&found.encode()).as_ref(), Ok(&found));
        if let xattr::Part::Inline(list) = &found.extended_attributes
            && let Ok(attributes) = xattr::decode_eas(list)
        {
            let again = xattr::encode_eas(&attributes);
            assert_eq!(xattr::decode_eas(&again).as_ref(), Ok(&attributes));
        }
    }
    let _ = xattr::decode_security(&bytes);
    let _ = xattr::reparse_tag(&bytes);
}

/// RFC 3720 appendix B.4, bit by bit.
fn crc32c(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| (sum >> 1) ^ if sum & 1 == 1 { 0x82F6_3B78 } else { 0 })
    })
}

/// What a killed server has left of a change of usage.
fn intent(bytes: &[u8]) {
    let words: Vec<u64> = bytes.as_chunks::<8>().0.iter().map(|word| u64::from_le_bytes(*word)).collect();
    let Some(found) = Intent::decode(&words) else { return };
    let mut again = vec![0; INTENT_WORDS];
    found.encode(|number, word| again[number] = word);
    assert_eq!(Intent::decode(&again), Some(found));
}

fn config(bytes: &[u8]) {
    let Ok(text) = core::str::from_utf8(bytes) else { return };
    if let Err(mistakes) = Config::parse(text, Path::new("/etc/freehold"), "host") {
        assert!(!mistakes.is_empty());
        for mistake in mistakes {
            let (line, column) = mistake.line_and_column(text);
            assert!(line >= 1 && column >= 1);
        }
    }
}

fuzz_target!(|input: &[u8]| {
    let Some((choice, rest)) = input.split_first() else { return };
    match choice % 5 {
        0 => descriptor(rest),
        1 => sddl(rest),
        2 => record(rest),
        3 => intent(rest),
        _ => config(rest),
    }
});
