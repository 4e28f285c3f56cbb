//! POSIX permission bits beside an access-control list, as clients on UNIX keep them: an entry for S-1-5-88-3-*mode*
//! (the SMB3 POSIX Extensions; the Linux client's `modefromsid` has the same), and what they are where nobody set them.
//!
//! The entry names nobody and grants or denies nothing: who may do what follows from the other entries alone.

use crate::{
    AccessMask, Ace, AceFlags, Acl, AclPart, AclTooLarge, SecurityDescriptor, Token, maximal_file_access,
};
use freehold_dtyp::Sid;

/// The twelve bits of a mode: set-user-id, set-group-id, sticky, and read, write, execute for three classes.
pub const MODE_BITS: u32 = 0o7777;

/// S-1-5-88-3: its last sub-authority is a mode.
const MODE_AUTHORITY: [u32; 2] = [88, 3];
/// SECURITY_NT_AUTHORITY.
const NT_AUTHORITY: [u8; 6] = [0, 0, 0, 0, 0, 5];

/// The mode that a SID spells.
fn mode_of_sid(sid: &Sid) -> Option<u32> {
    match sid.sub_authorities() {
        [first, second, mode] if [*first, *second] == MODE_AUTHORITY && sid.authority() == NT_AUTHORITY => {
            Some(mode & MODE_BITS)
        }
        _ => None,
    }
}

fn mode_of_ace(ace: &Ace) -> Option<u32> {
    let plain = ace.ace_type().allows() || ace.ace_type().denies();
    if plain && !ace.is_inherit_only() { mode_of_sid(ace.sid()) } else { None }
}

/// The mode that was set; `None` when the list has no entry for one.
#[must_use]
pub fn stored_posix_mode(descriptor: &SecurityDescriptor) -> Option<u32> {
    descriptor.dacl.acl()?.aces().iter().find_map(mode_of_ace)
}

/// The mode of a list that holds nothing but an entry for one: how the SMB3 POSIX Extensions change a mode.
#[must_use]
pub fn sole_posix_mode(descriptor: &SecurityDescriptor) -> Option<u32> {
    match descriptor.dacl.acl()?.aces() {
        [ace] => mode_of_ace(ace),
        _ => None,
    }
}

/// The mode of a file: the one that was set, else what the descriptor grants to its owner, to its group and to everybody.
#[must_use]
pub fn posix_mode(descriptor: &SecurityDescriptor) -> u32 {
    stored_posix_mode(descriptor).unwrap_or_else(|| {
        let nobody = Sid::NULL;
        let owner = class_bits(descriptor, descriptor.owner.unwrap_or(nobody), descriptor.group);
        let group = class_bits(descriptor, nobody, descriptor.group);
        let other = class_bits(descriptor, nobody, None);
        owner << 6 | group << 3 | other
    })
}

/// Read, write and execute of who is `user`, a member of `group` and logged on.
fn class_bits(descriptor: &SecurityDescriptor, user: Sid, group: Option<Sid>) -> u32 {
    let token = Token::builder(user).groups([Sid::EVERYONE, Sid::AUTHENTICATED_USERS]).groups(group).build();
    let granted = maximal_file_access(descriptor, None, &token);
    [(AccessMask::FILE_READ_DATA, 4), (AccessMask::FILE_WRITE_DATA, 2), (AccessMask::FILE_EXECUTE, 1)]
        .iter()
        .fold(0, |bits, (right, bit)| if granted.contains(*right) { bits | bit } else { bits })
}

/// `descriptor` with another mode. Everything else of it stays; a descriptor without a list gets one that grants all to
/// everybody, as before.
///
/// # Errors
/// [`AclTooLarge`] when there is no room for the entry.
pub fn with_posix_mode(
    descriptor: &SecurityDescriptor,
    mode: u32,
) -> Result<SecurityDescriptor, AclTooLarge> {
    let [first, second] = MODE_AUTHORITY;
    let sid = Sid::from_parts(NT_AUTHORITY, &[first, second, mode & MODE_BITS]).unwrap_or(Sid::NULL);
    // First among the entries that deny, where Windows' tools and the Linux client put it.
    let mut acl = Acl::from_aces([Ace::deny(sid, AccessMask::EMPTY, AceFlags::EMPTY)])?;
    match &descriptor.dacl {
        AclPart::Present(present) => {
            for ace in present.aces().iter().filter(|ace| mode_of_ace(ace).is_none()) {
                acl.push(ace.clone())?;
            }
        }
        AclPart::Null | AclPart::Absent => {
            acl.push(Ace::allow(Sid::EVERYONE, AccessMask::FILE_ALL_ACCESS, AceFlags::EMPTY))?;
        }
    }
    let changed = SecurityDescriptor { dacl: AclPart::Present(acl), ..descriptor.clone() };
    if changed.size() > SecurityDescriptor::MAX_SIZE { Err(AclTooLarge) } else { Ok(changed) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn descriptor(sddl: &str) -> SecurityDescriptor {
        sddl.parse().unwrap()
    }

    #[test]
    fn without_an_entry_the_mode_is_what_the_list_grants() {
        let of =
            |dacl: &str| posix_mode(&descriptor(&format!("O:S-1-5-21-1-2-3-1001G:S-1-5-21-1-2-3-513{dacl}")));
        assert_eq!(of("D:(A;;FA;;;S-1-5-21-1-2-3-1001)(A;;FR;;;WD)"), 0o744);
        assert_eq!(of("D:(A;;FA;;;S-1-5-21-1-2-3-1001)(A;;0x1301bf;;;AU)"), 0o777);
        assert_eq!(of("D:(A;;FR;;;S-1-5-21-1-2-3-1001)(A;;FX;;;S-1-5-21-1-2-3-513)"), 0o510);
        assert_eq!(of("D:"), 0);
        assert_eq!(posix_mode(&descriptor("O:BAG:BA")), 0o777);
    }

    #[test]
    fn a_mode_is_found_as_it_was_set_and_replaces_the_one_before() {
        let base = descriptor("O:BAG:SYD:AI(D;;FW;;;WD)(A;ID;FA;;;BA)");
        let first = with_posix_mode(&base, 0o4755).unwrap();
        assert_eq!((stored_posix_mode(&first), posix_mode(&first)), (Some(0o4755), 0o4755));
        let second = with_posix_mode(&first, 0o100_600).unwrap();
        assert_eq!(posix_mode(&second), 0o600);
        assert_eq!(second.to_string(), "O:BAG:SYD:AI(D;;;;;S-1-5-88-3-384)(D;;FW;;;WD)(A;ID;FA;;;BA)");
        assert!(second.dacl.acl().unwrap().is_canonical());
        assert_eq!(sole_posix_mode(&second), None);
    }

    #[test]
    fn what_clients_send_is_understood() {
        // The Linux client's modefromsid, and its form for the POSIX extensions.
        assert_eq!(stored_posix_mode(&descriptor("D:(D;;0x0;;;S-1-5-88-3-493)(A;;FA;;;WD)")), Some(0o755));
        assert_eq!(sole_posix_mode(&descriptor("D:(A;;0x0;;;S-1-5-88-3-33188)")), Some(0o644));
        for other in ["D:(A;;0x0;;;S-1-5-88-1-33188)", "D:(A;IOOI;0x0;;;S-1-5-88-3-1)", "D:", "O:BA"] {
            assert_eq!(sole_posix_mode(&descriptor(other)), None, "{other}");
        }
    }

    #[test]
    fn a_missing_list_goes_on_to_grant_everything() {
        let set = with_posix_mode(&descriptor("O:BA"), 0o600).unwrap();
        let token = Token::builder(Sid::ANONYMOUS).groups([Sid::EVERYONE]).build();
        assert_eq!(maximal_file_access(&set, None, &token), AccessMask::FILE_ALL_ACCESS);
    }

    proptest! {
        #[test]
        fn a_mode_changes_nobodys_access(mode: u32, entries in proptest::collection::vec((0u8..2, any::<u32>(), 0u8..4), 0..6)) {
            let sids = [Sid::EVERYONE, Sid::ADMINISTRATORS, Sid::AUTHENTICATED_USERS, Sid::USERS];
            let aces = entries.iter().map(|(kind, mask, sid)| {
                let (sid, mask) = (sids[usize::from(*sid)], AccessMask(mask & 0x001F_01FF));
                if *kind == 0 { Ace::allow(sid, mask, AceFlags::EMPTY) } else { Ace::deny(sid, mask, AceFlags::EMPTY) }
            });
            let before = SecurityDescriptor::new(Sid::USERS, Sid::USERS, Acl::from_aces(aces).unwrap());
            let after = with_posix_mode(&before, mode).unwrap();
            prop_assert_eq!(posix_mode(&after), mode & MODE_BITS);
            for user in sids {
                let token = Token::builder(user).groups([Sid::EVERYONE]).build();
                prop_assert_eq!(maximal_file_access(&before, None, &token), maximal_file_access(&after, None, &token));
            }
        }
    }
}
