//! [MS-FSA] 2.1.5.1 Server Requests an Open of a File: which access an open of a file or folder gets.

use crate::access_check::{Outcome, evaluate};
use crate::observer::{AccessObserver, Giver, Keeper, Note, Place};
use crate::{AccessError, AccessMask, GenericMapping, Privileges, SecurityDescriptor, Token};

/// What [`file_access_check`] looks at.
#[derive(Clone, Copy, Debug)]
pub struct FileAccess<'a> {
    /// The file's descriptor; of a stream, that of its file.
    pub descriptor: &'a SecurityDescriptor,
    /// The descriptor of the folder that the file is in; `None` for the root of a volume, or to leave it out.
    pub parent: Option<&'a SecurityDescriptor>,
    /// Who asks.
    pub token: &'a Token,
    /// DesiredAccess of the request.
    pub desired: AccessMask,
    /// Rights that the request takes beyond `desired`: they must be granted, but the open does not get them. See
    /// [`FileAccess::OVERWRITE`] and [`FileAccess::SUPERSEDE`].
    pub required: AccessMask,
    /// FILE_OPEN_FOR_BACKUP_INTENT is set: SeBackupPrivilege and SeRestorePrivilege count.
    pub backup_intent: bool,
    /// The file is no folder and has FILE_ATTRIBUTE_READONLY: its data cannot be opened for writing.
    pub read_only: bool,
}

impl<'a> FileAccess<'a> {
    /// What FILE_OVERWRITE and FILE_OVERWRITE_IF take on a file that exists.
    pub const OVERWRITE: AccessMask =
        AccessMask::FILE_WRITE_DATA.union(AccessMask::FILE_WRITE_EA).union(AccessMask::FILE_WRITE_ATTRIBUTES);
    /// What FILE_SUPERSEDE takes on a file that exists.
    pub const SUPERSEDE: AccessMask =
        AccessMask::DELETE.union(AccessMask::FILE_WRITE_EA).union(AccessMask::FILE_WRITE_ATTRIBUTES);

    /// A plain open: no parent, nothing required beyond `desired`, no backup intent, not read-only.
    #[must_use]
    pub const fn new(descriptor: &'a SecurityDescriptor, token: &'a Token, desired: AccessMask) -> Self {
        FileAccess {
            descriptor,
            parent: None,
            token,
            desired,
            required: AccessMask::EMPTY,
            backup_intent: false,
            read_only: false,
        }
    }
}

/// What SeBackupPrivilege gives with backup intent.
pub(crate) const BACKUP_RIGHTS: AccessMask =
    AccessMask::FILE_GENERIC_READ.union(AccessMask::ACCESS_SYSTEM_SECURITY).union(AccessMask::FILE_TRAVERSE);

/// What SeRestorePrivilege gives with backup intent.
pub(crate) const RESTORE_RIGHTS: AccessMask = AccessMask::FILE_GENERIC_WRITE
    .union(AccessMask::ACCESS_SYSTEM_SECURITY)
    .union(AccessMask::WRITE_DAC)
    .union(AccessMask::WRITE_OWNER)
    .union(AccessMask::DELETE);

/// What must not be asked for by name on a read-only file.
const READ_ONLY_REFUSES: AccessMask = AccessMask::FILE_WRITE_DATA.union(AccessMask::FILE_APPEND_DATA);

/// What MAXIMUM_ALLOWED leaves out on a read-only file.
const READ_ONLY_WITHHOLDS: AccessMask = READ_ONLY_REFUSES.union(AccessMask::FILE_DELETE_CHILD);

/// [MS-FSA] 2.1.5.1, phase 1: DesiredAccess is not zero and has no reserved bit.
fn check_request<O: AccessObserver>(desired: AccessMask, observer: &mut O) -> Result<(), AccessError> {
    if desired.is_empty() || desired.intersects(AccessMask::FILE_RESERVED) {
        let rights = desired & AccessMask::FILE_RESERVED;
        observer.note(Note::Kept { by: Keeper::Reserved, rights });
        return Err(AccessError::Denied);
    }
    Ok(())
}

/// What the privileges give for an open with backup intent.
fn given_by_privilege<O: AccessObserver>(token: &Token, backup_intent: bool, observer: &mut O) -> AccessMask {
    let mut given = AccessMask::EMPTY;
    if backup_intent {
        if token.has(Privileges::BACKUP) {
            observer.note(Note::Given { by: Giver::BackupPrivilege, rights: BACKUP_RIGHTS });
            given |= BACKUP_RIGHTS;
        }
        if token.has(Privileges::RESTORE) {
            observer.note(Note::Given { by: Giver::RestorePrivilege, rights: RESTORE_RIGHTS.without(given) });
            given |= RESTORE_RIGHTS;
        }
    }
    given
}

/// DesiredAccess through a share ([MS-SMB2] 3.3.5.9: against TreeConnect.MaximalAccess), generic rights mapped.
/// MAXIMUM_ALLOWED and ACCESS_SYSTEM_SECURITY are not the share's to refuse.
///
/// # Errors
/// [`AccessError::Denied`] for no rights at all, for reserved bits, and for what `share_allows` does not have.
pub fn share_access_check<O: AccessObserver>(
    desired: AccessMask,
    share_allows: AccessMask,
    observer: &mut O,
) -> Result<AccessMask, AccessError> {
    check_request(desired, observer)?;
    let mapped = GenericMapping::FILE.map_generic(desired);
    let named = mapped.without(AccessMask::MAXIMUM_ALLOWED | AccessMask::ACCESS_SYSTEM_SECURITY);
    if !share_allows.contains(named) {
        observer.note(Note::Kept { by: Keeper::Share, rights: named.without(share_allows) });
        return Err(AccessError::Denied);
    }
    Ok(mapped)
}

/// What an open gets through a share of what the file grants.
///
/// # Errors
/// [`AccessError::Denied`] when nothing is left.
pub fn within_share<O: AccessObserver>(
    granted: AccessMask,
    share_allows: AccessMask,
    observer: &mut O,
) -> Result<AccessMask, AccessError> {
    let allowed = granted & (share_allows | AccessMask::ACCESS_SYSTEM_SECURITY);
    let rights = granted.without(allowed);
    if !rights.is_empty() {
        observer.note(Note::Kept { by: Keeper::Share, rights });
    }
    if allowed.is_empty() { Err(AccessError::Denied) } else { Ok(allowed) }
}

/// [MS-FSA] 2.1.5.1.2.1 Algorithm to Check Access to an Existing File: the access that an open of a file gets.
///
/// Beyond [`crate::access_check`]: a parent that grants FILE_DELETE_CHILD gives DELETE, one that grants
/// FILE_LIST_DIRECTORY gives FILE_READ_ATTRIBUTES, privileges count with backup intent, and the data of a read-only
/// file is not opened for writing.
///
/// # Errors
/// As [`crate::access_check`]; [`AccessError::Denied`] too for no rights at all and for reserved bits.
pub fn file_access_check(request: &FileAccess<'_>) -> Result<AccessMask, AccessError> {
    file_access_check_observed(request, &mut ())
}

/// [`file_access_check`], with an observer.
///
/// # Errors
/// As [`file_access_check`].
pub fn file_access_check_observed<O: AccessObserver>(
    request: &FileAccess<'_>,
    observer: &mut O,
) -> Result<AccessMask, AccessError> {
    let granted = check_existing(request, observer);
    observer.note(Note::Outcome(granted));
    granted
}

fn check_existing<O: AccessObserver>(
    request: &FileAccess<'_>,
    observer: &mut O,
) -> Result<AccessMask, AccessError> {
    check_request(request.desired, observer)?;
    observer.note(Note::Descriptor(Place::Object));
    let mapping = &GenericMapping::FILE;
    let desired = mapping.map_generic(request.desired);
    if request.read_only && desired.intersects(READ_ONLY_REFUSES) {
        observer.note(Note::Kept { by: Keeper::ReadOnly, rights: desired & READ_ONLY_REFUSES });
        return Err(AccessError::Denied);
    }
    let given = given_by_privilege(request.token, request.backup_intent, observer);
    let needed = desired | request.required;
    let mut outcome = evaluate(request.descriptor, request.token, needed, mapping, given, observer)?;
    if let Some(parent) = request.parent {
        add_from_parent(&mut outcome, parent, request.token, observer);
    }
    let granted = outcome.finish()?;
    if !outcome.maximum {
        return Ok(granted & desired);
    }
    let granted = if request.read_only {
        observer.note(Note::Kept { by: Keeper::ReadOnly, rights: granted & READ_ONLY_WITHHOLDS });
        granted.without(READ_ONLY_WITHHOLDS)
    } else {
        granted
    };
    if granted.is_empty() { Err(AccessError::Denied) } else { Ok(granted) }
}

/// All that `token` may do with a file in a folder: MaximalAccess of [MS-SMB2] 2.2.14.2.5, where FILE_ATTRIBUTE_READONLY
/// and backup intent do not count. Nothing when it may do nothing.
#[must_use]
pub fn maximal_file_access(
    descriptor: &SecurityDescriptor,
    parent: Option<&SecurityDescriptor>,
    token: &Token,
) -> AccessMask {
    let request = FileAccess { parent, ..FileAccess::new(descriptor, token, AccessMask::MAXIMUM_ALLOWED) };
    file_access_check(&request).unwrap_or(AccessMask::EMPTY)
}

/// What a file must grant to be listed in a share with access-based enumeration.
const ENUMERABLE: AccessMask = AccessMask::READ_CONTROL
    .union(AccessMask::FILE_READ_DATA)
    .union(AccessMask::FILE_READ_ATTRIBUTES)
    .union(AccessMask::FILE_READ_EA);

/// [MS-SMB2] 3.3.5.18, SHI1005_FLAGS_ACCESS_BASED_DIRECTORY_ENUM: true when a listing shows the file to `token`: it may
/// read the file's data, attributes, extended attributes and descriptor. What the folder gives does not count.
#[must_use]
pub fn may_enumerate(descriptor: &SecurityDescriptor, token: &Token) -> bool {
    crate::access_check(descriptor, token, ENUMERABLE, &GenericMapping::FILE).is_ok()
}

/// What the folder gives: whoever may delete its children may delete each, and whoever may list it may see what a
/// listing shows of each.
fn add_from_parent<O: AccessObserver>(
    outcome: &mut Outcome,
    parent: &SecurityDescriptor,
    token: &Token,
    observer: &mut O,
) {
    observer.note(Note::Descriptor(Place::Parent));
    for (from_parent, right) in [
        (AccessMask::FILE_DELETE_CHILD, AccessMask::DELETE),
        (AccessMask::FILE_LIST_DIRECTORY, AccessMask::FILE_READ_ATTRIBUTES),
    ] {
        let useful =
            outcome.missing.intersects(right) || (outcome.maximum && !outcome.granted.intersects(right));
        let granted = |observer: &mut O| {
            let outcome =
                evaluate(parent, token, from_parent, &GenericMapping::FILE, AccessMask::EMPTY, observer);
            outcome.and_then(Outcome::finish).is_ok()
        };
        if useful && granted(observer) {
            observer.note(Note::Given { by: Giver::Parent, rights: right });
            outcome.granted |= right;
            outcome.missing = outcome.missing.without(right);
        }
    }
}

/// [MS-FSA] 2.1.5.1.1 Creation of a New File: the access that the open which creates a file or folder gets.
///
/// The parent must grant FILE_ADD_FILE or FILE_ADD_SUBDIRECTORY. The creator then gets what he asked for, whatever the
/// new descriptor says; MAXIMUM_ALLOWED gives everything.
///
/// # Errors
/// [`AccessError::Denied`] when the parent does not allow it, for no rights at all and for reserved bits;
/// [`AccessError::PrivilegeNotHeld`] for ACCESS_SYSTEM_SECURITY without SeSecurityPrivilege.
pub fn create_access_check(
    parent: &SecurityDescriptor,
    token: &Token,
    desired: AccessMask,
    is_directory: bool,
    backup_intent: bool,
) -> Result<AccessMask, AccessError> {
    create_access_check_observed(parent, token, desired, is_directory, backup_intent, &mut ())
}

/// [`create_access_check`], with an observer.
///
/// # Errors
/// As [`create_access_check`].
pub fn create_access_check_observed<O: AccessObserver>(
    parent: &SecurityDescriptor,
    token: &Token,
    desired: AccessMask,
    is_directory: bool,
    backup_intent: bool,
    observer: &mut O,
) -> Result<AccessMask, AccessError> {
    let granted = check_new(parent, token, desired, is_directory, backup_intent, observer);
    observer.note(Note::Outcome(granted));
    granted
}

fn check_new<O: AccessObserver>(
    parent: &SecurityDescriptor,
    token: &Token,
    desired: AccessMask,
    is_directory: bool,
    backup_intent: bool,
    observer: &mut O,
) -> Result<AccessMask, AccessError> {
    check_request(desired, observer)?;
    let mapping = &GenericMapping::FILE;
    let desired = mapping.map_generic(desired);
    let given = given_by_privilege(token, backup_intent, observer);
    if desired.without(given).intersects(AccessMask::ACCESS_SYSTEM_SECURITY)
        && !token.has(Privileges::SECURITY)
    {
        let rights = AccessMask::ACCESS_SYSTEM_SECURITY;
        observer.note(Note::Kept { by: Keeper::NoSecurityPrivilege, rights });
        return Err(AccessError::PrivilegeNotHeld);
    }
    let add = if is_directory { AccessMask::FILE_ADD_SUBDIRECTORY } else { AccessMask::FILE_ADD_FILE };
    observer.note(Note::Descriptor(Place::Parent));
    evaluate(parent, token, add, mapping, given, observer)?.finish()?;
    let granted = if desired.intersects(AccessMask::MAXIMUM_ALLOWED) {
        desired.without(AccessMask::MAXIMUM_ALLOWED) | AccessMask::FILE_ALL_ACCESS
    } else {
        desired
    };
    observer.note(Note::Given { by: Giver::Creator, rights: granted });
    Ok(granted)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_support::account;
    use crate::{Ace, AceFlags, Acl};
    use freehold_dtyp::Sid;

    const READ: AccessMask = AccessMask::FILE_READ_DATA;
    const WRITE: AccessMask = AccessMask::FILE_WRITE_DATA;

    fn sd(mask: AccessMask) -> SecurityDescriptor {
        let acl = Acl::from_aces([Ace::allow(account(1), mask, AceFlags::EMPTY)]).unwrap();
        SecurityDescriptor::new(account(9), Sid::USERS, acl)
    }

    fn user() -> Token {
        Token::builder(account(1)).build()
    }

    fn open(
        descriptor: &SecurityDescriptor,
        parent: Option<&SecurityDescriptor>,
        desired: AccessMask,
    ) -> Result<AccessMask, AccessError> {
        let token = user();
        file_access_check(&FileAccess { parent, ..FileAccess::new(descriptor, &token, desired) })
    }

    #[test]
    fn a_parent_gives_delete_and_read_attributes() {
        let parent = sd(AccessMask::FILE_DELETE_CHILD | AccessMask::FILE_LIST_DIRECTORY);
        let file = sd(READ);
        let wanted = READ | AccessMask::DELETE | AccessMask::FILE_READ_ATTRIBUTES;
        assert_eq!(open(&file, Some(&parent), wanted), Ok(wanted));
        assert_eq!(open(&file, Some(&parent), AccessMask::MAXIMUM_ALLOWED), Ok(wanted));
        assert_eq!(open(&file, None, wanted), Err(AccessError::Denied));
        assert_eq!(open(&file, Some(&sd(READ)), AccessMask::DELETE), Err(AccessError::Denied));
        assert_eq!(open(&file, Some(&parent), WRITE), Err(AccessError::Denied));
    }

    #[test]
    fn a_parent_gives_delete_even_where_the_file_denies_it() {
        let acl = Acl::from_aces([
            Ace::deny(account(1), AccessMask::DELETE, AceFlags::EMPTY),
            Ace::allow(account(1), READ, AceFlags::EMPTY),
        ]);
        let file = SecurityDescriptor::new(account(9), Sid::USERS, acl.unwrap());
        let parent = sd(AccessMask::FILE_DELETE_CHILD);
        let wanted = READ | AccessMask::DELETE;
        assert_eq!(open(&file, Some(&parent), wanted), Ok(wanted));
        assert_eq!(open(&file, None, wanted), Err(AccessError::Denied));
    }

    #[test]
    fn nothing_and_reserved_bits_are_refused() {
        let all = sd(AccessMask(u32::MAX));
        assert_eq!(open(&all, None, AccessMask::EMPTY), Err(AccessError::Denied));
        for bit in (0..32).map(|bit| AccessMask(1 << bit)) {
            let refused = bit.intersects(AccessMask::FILE_RESERVED);
            let security = bit == AccessMask::ACCESS_SYSTEM_SECURITY;
            let expected = if security {
                Some(AccessError::PrivilegeNotHeld)
            } else {
                refused.then_some(AccessError::Denied)
            };
            assert_eq!(open(&all, None, bit).err(), expected, "{bit:?}");
        }
    }

    #[test]
    fn privileges_count_only_with_backup_intent() {
        let nobody = SecurityDescriptor::new(account(9), Sid::USERS, Acl::new());
        let token = Token::builder(account(1)).privileges(Privileges::BACKUP | Privileges::RESTORE).build();
        let open = |desired, backup_intent| {
            let request = FileAccess { backup_intent, ..FileAccess::new(&nobody, &token, desired) };
            file_access_check(&request)
        };
        assert_eq!(open(AccessMask::GENERIC_READ, false), Err(AccessError::Denied));
        assert_eq!(open(AccessMask::GENERIC_READ, true), Ok(AccessMask::FILE_GENERIC_READ));
        let restore = AccessMask::WRITE_DAC | AccessMask::WRITE_OWNER | AccessMask::DELETE | WRITE;
        assert_eq!(open(restore, true), Ok(restore));
        let security = AccessMask::ACCESS_SYSTEM_SECURITY;
        assert_eq!(open(security, true), Ok(security));
        assert_eq!(open(security, false), Err(AccessError::PrivilegeNotHeld));
        assert_eq!(open(AccessMask::MAXIMUM_ALLOWED, true), Ok(BACKUP_RIGHTS | RESTORE_RIGHTS));

        let reader = Token::builder(account(1)).privileges(Privileges::BACKUP).build();
        let request = FileAccess { backup_intent: true, ..FileAccess::new(&nobody, &reader, WRITE) };
        assert_eq!(file_access_check(&request), Err(AccessError::Denied));
    }

    #[test]
    fn a_read_only_file_is_not_opened_for_writing() {
        let token = user();
        let file = sd(AccessMask::FILE_ALL_ACCESS);
        let open = |desired| {
            file_access_check(&FileAccess { read_only: true, ..FileAccess::new(&file, &token, desired) })
        };
        assert_eq!(open(WRITE), Err(AccessError::Denied));
        assert_eq!(open(AccessMask::GENERIC_WRITE), Err(AccessError::Denied));
        assert_eq!(open(AccessMask::DELETE), Ok(AccessMask::DELETE));
        let expected = AccessMask::FILE_ALL_ACCESS.without(READ_ONLY_WITHHOLDS);
        assert_eq!(open(AccessMask::MAXIMUM_ALLOWED), Ok(expected));
        assert_eq!(maximal_file_access(&file, None, &token), AccessMask::FILE_ALL_ACCESS);
    }

    /// smb2.acls.OVERWRITE_READ_ONLY_FILE.
    #[test]
    fn overwriting_takes_rights_that_the_open_does_not_get() {
        let token = user();
        let parent = sd(AccessMask::FILE_ALL_ACCESS);
        let open = |file: &SecurityDescriptor, required| {
            let request =
                FileAccess { parent: Some(&parent), required, ..FileAccess::new(file, &token, READ) };
            file_access_check(&request)
        };
        for required in [FileAccess::OVERWRITE, FileAccess::SUPERSEDE] {
            assert_eq!(open(&sd(READ), required), Err(AccessError::Denied));
            assert_eq!(open(&sd(AccessMask::FILE_ALL_ACCESS), required), Ok(READ));
        }
    }

    /// smb2.acls.ACCESSBASED.
    #[test]
    fn a_listing_shows_what_can_be_read_wholly() {
        assert!(may_enumerate(&sd(ENUMERABLE), &user()));
        assert!(may_enumerate(&sd(AccessMask::GENERIC_READ), &user()));
        for bit in [AccessMask::FILE_READ_DATA, AccessMask::FILE_READ_ATTRIBUTES, AccessMask::FILE_READ_EA] {
            assert!(!may_enumerate(&sd(ENUMERABLE.without(bit)), &user()));
        }
    }

    #[test]
    fn the_creator_gets_what_he_asks_for() {
        let create = |parent: &SecurityDescriptor, desired, is_directory| {
            create_access_check(parent, &user(), desired, is_directory, false)
        };
        let files = sd(AccessMask::FILE_ADD_FILE);
        assert_eq!(create(&files, AccessMask::GENERIC_ALL, false), Ok(AccessMask::FILE_ALL_ACCESS));
        assert_eq!(create(&files, AccessMask::MAXIMUM_ALLOWED, false), Ok(AccessMask::FILE_ALL_ACCESS));
        assert_eq!(create(&files, READ, true), Err(AccessError::Denied));
        let folders = sd(AccessMask::FILE_ADD_SUBDIRECTORY);
        assert_eq!(create(&folders, READ, true), Ok(READ));
        assert_eq!(create(&folders, READ, false), Err(AccessError::Denied));
        assert_eq!(create(&files, AccessMask::EMPTY, false), Err(AccessError::Denied));
        assert_eq!(create(&files, AccessMask(0x0020_0000), false), Err(AccessError::Denied));
        let security = AccessMask::ACCESS_SYSTEM_SECURITY;
        assert_eq!(create(&files, security, false), Err(AccessError::PrivilegeNotHeld));
        let restorer = Token::builder(account(1)).privileges(Privileges::RESTORE).build();
        let nobody = SecurityDescriptor::new(account(9), Sid::USERS, Acl::new());
        assert_eq!(create_access_check(&nobody, &restorer, WRITE, false, true), Ok(WRITE));
        assert_eq!(create_access_check(&nobody, &restorer, WRITE, false, false), Err(AccessError::Denied));
    }
}
