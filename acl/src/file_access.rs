//! [MS-FSA] 2.1.5.1 Server Requests an Open of a File: which access an open of a file or folder gets.

use crate::access_check::evaluate;
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
    /// FILE_OPEN_FOR_BACKUP_INTENT is set: SeBackupPrivilege and SeRestorePrivilege count.
    pub backup_intent: bool,
    /// The file is no folder and has FILE_ATTRIBUTE_READONLY: its data cannot be opened for writing.
    pub read_only: bool,
}

/// What SeBackupPrivilege gives with backup intent.
const BACKUP_RIGHTS: AccessMask =
    AccessMask::FILE_GENERIC_READ.union(AccessMask::ACCESS_SYSTEM_SECURITY).union(AccessMask::FILE_TRAVERSE);

/// What SeRestorePrivilege gives with backup intent.
const RESTORE_RIGHTS: AccessMask = AccessMask::FILE_GENERIC_WRITE
    .union(AccessMask::ACCESS_SYSTEM_SECURITY)
    .union(AccessMask::WRITE_DAC)
    .union(AccessMask::WRITE_OWNER)
    .union(AccessMask::DELETE);

/// What a read-only file does not give.
const READ_ONLY_WITHHOLDS: AccessMask = AccessMask::FILE_WRITE_DATA.union(AccessMask::FILE_APPEND_DATA);

/// [MS-FSA] 2.1.5.1, phase 1: DesiredAccess is not zero and has no reserved bit.
fn check_request(desired: AccessMask) -> Result<(), AccessError> {
    if desired.is_empty() || desired.intersects(AccessMask::FILE_RESERVED) {
        return Err(AccessError::Denied);
    }
    Ok(())
}

/// What the privileges give for an open with backup intent.
fn given_by_privilege(token: &Token, backup_intent: bool) -> AccessMask {
    let mut given = AccessMask::EMPTY;
    if backup_intent {
        if token.has(Privileges::BACKUP) {
            given |= BACKUP_RIGHTS;
        }
        if token.has(Privileges::RESTORE) {
            given |= RESTORE_RIGHTS;
        }
    }
    given
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
    check_request(request.desired)?;
    let mapping = &GenericMapping::FILE;
    let desired = mapping.map_generic(request.desired);
    if request.read_only && desired.intersects(READ_ONLY_WITHHOLDS) {
        return Err(AccessError::Denied);
    }
    let given = given_by_privilege(request.token, request.backup_intent);
    let mut outcome = evaluate(request.descriptor, request.token, desired, mapping, given)?;
    if let Some(parent) = request.parent {
        for (from_parent, right) in [
            (AccessMask::FILE_DELETE_CHILD, AccessMask::DELETE),
            (AccessMask::FILE_LIST_DIRECTORY, AccessMask::FILE_READ_ATTRIBUTES),
        ] {
            let useful =
                outcome.missing.intersects(right) || (outcome.maximum && !outcome.granted.intersects(right));
            if useful && crate::access_check(parent, request.token, from_parent, mapping).is_ok() {
                outcome.granted |= right;
                outcome.missing = outcome.missing.without(right);
            }
        }
    }
    if request.read_only {
        outcome.granted = outcome.granted.without(READ_ONLY_WITHHOLDS);
    }
    outcome.finish()
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
    check_request(desired)?;
    let mapping = &GenericMapping::FILE;
    let desired = mapping.map_generic(desired);
    let given = given_by_privilege(token, backup_intent);
    if desired.without(given).intersects(AccessMask::ACCESS_SYSTEM_SECURITY)
        && !token.has(Privileges::SECURITY)
    {
        return Err(AccessError::PrivilegeNotHeld);
    }
    let add = if is_directory { AccessMask::FILE_ADD_SUBDIRECTORY } else { AccessMask::FILE_ADD_FILE };
    evaluate(parent, token, add, mapping, given)?.finish()?;
    if desired.intersects(AccessMask::MAXIMUM_ALLOWED) {
        return Ok(desired.without(AccessMask::MAXIMUM_ALLOWED) | AccessMask::FILE_ALL_ACCESS);
    }
    Ok(desired)
}
