//! What a create disposition does to what is there ([MS-FSA] 2.1.5.1), which attributes a create accepts and sets, and when
//! a deletion is allowed (2.1.5.15.3).

use super::FsaError;

/// CreateDisposition of [MS-SMB2] 2.2.13.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CreateDisposition {
    /// FILE_SUPERSEDE: replace, or create.
    Supersede,
    /// FILE_OPEN: open what is there.
    Open,
    /// FILE_CREATE: create what is not there.
    Create,
    /// FILE_OPEN_IF: open, or create.
    OpenIf,
    /// FILE_OVERWRITE: overwrite what is there.
    Overwrite,
    /// FILE_OVERWRITE_IF: overwrite, or create.
    OverwriteIf,
}

/// CreateAction of [MS-SMB2] 2.2.14.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CreateAction {
    /// FILE_SUPERSEDED
    Superseded,
    /// FILE_OPENED
    Opened,
    /// FILE_CREATED
    Created,
    /// FILE_OVERWRITTEN
    Overwritten,
}

impl CreateDisposition {
    /// From the wire.
    #[must_use]
    pub const fn from_wire(value: u32) -> Option<Self> {
        Some(match value {
            0 => CreateDisposition::Supersede,
            1 => CreateDisposition::Open,
            2 => CreateDisposition::Create,
            3 => CreateDisposition::OpenIf,
            4 => CreateDisposition::Overwrite,
            5 => CreateDisposition::OverwriteIf,
            _ => return None,
        })
    }

    /// What it does to something that exists.
    ///
    /// # Errors
    /// [`FsaError::NameCollision`].
    pub const fn on_existing(self) -> Result<CreateAction, FsaError> {
        match self {
            CreateDisposition::Supersede => Ok(CreateAction::Superseded),
            CreateDisposition::Open | CreateDisposition::OpenIf => Ok(CreateAction::Opened),
            CreateDisposition::Create => Err(FsaError::NameCollision),
            CreateDisposition::Overwrite | CreateDisposition::OverwriteIf => Ok(CreateAction::Overwritten),
        }
    }

    /// What it does where nothing is.
    ///
    /// # Errors
    /// [`FsaError::NameNotFound`].
    pub const fn on_missing(self) -> Result<CreateAction, FsaError> {
        match self {
            CreateDisposition::Open | CreateDisposition::Overwrite => Err(FsaError::NameNotFound),
            CreateDisposition::Supersede
            | CreateDisposition::Create
            | CreateDisposition::OpenIf
            | CreateDisposition::OverwriteIf => Ok(CreateAction::Created),
        }
    }

    /// True when something that exists loses its content.
    #[must_use]
    pub const fn overwrites(self) -> bool {
        matches!(
            self,
            CreateDisposition::Supersede | CreateDisposition::Overwrite | CreateDisposition::OverwriteIf
        )
    }
}

impl CreateAction {
    /// For the wire.
    #[must_use]
    pub const fn to_wire(self) -> u32 {
        match self {
            CreateAction::Superseded => 0,
            CreateAction::Opened => 1,
            CreateAction::Created => 2,
            CreateAction::Overwritten => 3,
        }
    }

    /// From the wire, or from where it was kept; what does not exist counts as opened.
    #[must_use]
    pub const fn from_wire(value: u32) -> Self {
        match value {
            0 => CreateAction::Superseded,
            2 => CreateAction::Created,
            3 => CreateAction::Overwritten,
            _ => CreateAction::Opened,
        }
    }
}

/// FILE_ATTRIBUTE_READONLY
const READONLY: u32 = 0x1;
/// FILE_ATTRIBUTE_HIDDEN
const HIDDEN: u32 = 0x2;
/// FILE_ATTRIBUTE_SYSTEM
const SYSTEM: u32 = 0x4;
/// FILE_ATTRIBUTE_TEMPORARY
const TEMPORARY: u32 = 0x100;
/// Attributes that a create may name; any other is INVALID_PARAMETER.
pub const CREATE_ATTRIBUTES: u32 = 0x7FB7;

/// Checks the attributes of a create request; `directory` when FILE_DIRECTORY_FILE is set.
///
/// # Errors
/// [`FsaError::InvalidParameter`] for attributes that cannot be asked for, and for a temporary directory.
pub const fn check_create_attributes(attributes: u32, directory: bool) -> Result<(), FsaError> {
    if attributes & !CREATE_ATTRIBUTES != 0 || (directory && attributes & TEMPORARY != 0) {
        return Err(FsaError::InvalidParameter);
    }
    Ok(())
}

/// [MS-FSA] 2.1.5.1.2: whether a file with `existing` attributes may be overwritten by a request with `wanted`.
///
/// # Errors
/// [`FsaError::AccessDenied`]: it is read-only, or hidden or a system file and the request does not say so.
pub const fn check_overwrite_attributes(existing: u32, wanted: u32) -> Result<(), FsaError> {
    if existing & READONLY != 0 || (existing & (HIDDEN | SYSTEM)) & !wanted != 0 {
        return Err(FsaError::AccessDenied);
    }
    Ok(())
}

/// [MS-FSA] 2.1.5.1 and 2.1.5.15.3: whether a file with these attributes may be marked for deletion.
///
/// # Errors
/// [`FsaError::CannotDelete`] for a read-only one, unless the attribute shall be ignored.
pub const fn check_deletable(attributes: u32, ignore_read_only: bool) -> Result<(), FsaError> {
    if attributes & READONLY != 0 && !ignore_read_only {
        return Err(FsaError::CannotDelete);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Disposition, result on something existing, result on nothing.
    const TABLE: &str = "
        0 superseded  created
        1 opened      not-found
        2 collision   created
        3 opened      created
        4 overwritten not-found
        5 overwritten created
    ";

    #[test]
    fn dispositions_do_what_the_table_says() {
        let word = |result: Result<CreateAction, FsaError>| match result {
            Ok(CreateAction::Superseded) => "superseded",
            Ok(CreateAction::Opened) => "opened",
            Ok(CreateAction::Created) => "created",
            Ok(CreateAction::Overwritten) => "overwritten",
            Err(FsaError::NameCollision) => "collision",
            Err(FsaError::NameNotFound) => "not-found",
            Err(other) => panic!("{other:?}"),
        };
        let mut rows = 0;
        for line in TABLE.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let [number, existing, missing] = line.split_whitespace().collect::<Vec<_>>()[..] else {
                panic!("{line}")
            };
            let disposition = CreateDisposition::from_wire(number.parse().unwrap()).unwrap();
            assert_eq!(word(disposition.on_existing()), existing, "{line}");
            assert_eq!(word(disposition.on_missing()), missing, "{line}");
            assert_eq!(disposition.overwrites(), matches!(existing, "superseded" | "overwritten"));
            rows += 1;
        }
        assert_eq!(rows, 6);
        assert_eq!(CreateDisposition::from_wire(6), None);
    }

    #[test]
    fn attributes_that_cannot_be_asked_for_are_refused() {
        for bit in 0..32 {
            let ok = check_create_attributes(1 << bit, false).is_ok();
            assert_eq!(ok, 0x0000_7fb7 & (1u32 << bit) != 0, "bit {bit}");
        }
        assert_eq!(check_create_attributes(TEMPORARY, true), Err(FsaError::InvalidParameter));
    }

    #[test]
    fn hidden_and_system_files_are_overwritten_only_by_name() {
        assert!(check_overwrite_attributes(HIDDEN, HIDDEN | SYSTEM).is_ok());
        assert!(check_overwrite_attributes(0x20, 0).is_ok());
        assert_eq!(check_overwrite_attributes(HIDDEN | SYSTEM, HIDDEN), Err(FsaError::AccessDenied));
        assert_eq!(check_overwrite_attributes(READONLY, READONLY), Err(FsaError::AccessDenied));
    }

    #[test]
    fn read_only_files_are_deleted_only_when_the_attribute_is_ignored() {
        assert_eq!(check_deletable(READONLY, false), Err(FsaError::CannotDelete));
        assert!(check_deletable(READONLY, true).is_ok());
        assert!(check_deletable(HIDDEN, false).is_ok());
    }
}
