//! Which rights of a handle a request has used, told from the request: one place for all commands, so that none of them
//! needs to think of it.

use freehold_acl::{AccessMask, SecurityInformation, access_to_query, access_to_set};

use super::super::context::Request;
use super::super::open::Open;
use crate::fscc::FileInformationClass;
use crate::fscc::fsctl::FsctlCode;
use crate::smb2::ioctl::IoctlRequest;
use crate::smb2::query_info::QueryInfoRequest;
use crate::smb2::set_info::SetInfoRequest;
use crate::smb2::{Command, DecodeMessage, InfoType};

/// The rights that a request which has succeeded has used. One that cannot be told uses none.
pub(super) fn rights(request: &Request, open: &Open) -> AccessMask {
    match request.header.command {
        Command::READ => either(open, AccessMask::FILE_READ_DATA, AccessMask::FILE_EXECUTE),
        Command::WRITE => either(open, AccessMask::FILE_WRITE_DATA, AccessMask::FILE_APPEND_DATA),
        Command::QUERY_DIRECTORY | Command::CHANGE_NOTIFY => AccessMask::FILE_LIST_DIRECTORY,
        Command::QUERY_INFO => {
            QueryInfoRequest::decode(&request.message).map_or(AccessMask::EMPTY, |query| of_query(&query))
        }
        Command::SET_INFO => {
            SetInfoRequest::decode(&request.message).map_or(AccessMask::EMPTY, |set| of_set(&set))
        }
        Command::IOCTL => {
            IoctlRequest::decode(&request.message).map_or(AccessMask::EMPTY, |ioctl| of_ioctl(&ioctl))
        }
        _ => AccessMask::EMPTY,
    }
}

/// Either right lets the request through: the first one that the handle has.
fn either(open: &Open, first: AccessMask, second: AccessMask) -> AccessMask {
    if open.granted.contains(first) { first } else { second }
}

fn of_query(query: &QueryInfoRequest<'_>) -> AccessMask {
    match query.info_type {
        InfoType::FILE => match FileInformationClass(query.file_info_class) {
            FileInformationClass::BASIC
            | FileInformationClass::ALL
            | FileInformationClass::NETWORK_OPEN
            | FileInformationClass::ATTRIBUTE_TAG => AccessMask::FILE_READ_ATTRIBUTES,
            FileInformationClass::FULL_EA => AccessMask::FILE_READ_EA,
            _ => AccessMask::EMPTY,
        },
        InfoType::SECURITY => access_to_query(SecurityInformation(query.additional_information)),
        _ => AccessMask::EMPTY,
    }
}

fn of_set(set: &SetInfoRequest<'_>) -> AccessMask {
    match set.info_type {
        InfoType::FILE => match FileInformationClass(set.file_info_class) {
            FileInformationClass::BASIC => AccessMask::FILE_WRITE_ATTRIBUTES,
            FileInformationClass::RENAME | FileInformationClass::DISPOSITION => AccessMask::DELETE,
            FileInformationClass::ALLOCATION
            | FileInformationClass::END_OF_FILE
            | FileInformationClass::VALID_DATA_LENGTH => AccessMask::FILE_WRITE_DATA,
            FileInformationClass::FULL_EA => AccessMask::FILE_WRITE_EA,
            _ => AccessMask::EMPTY,
        },
        InfoType::SECURITY => access_to_set(SecurityInformation(set.additional_information)),
        _ => AccessMask::EMPTY,
    }
}

/// The access bits of a control code ([MS-FSCC] 2.3: FILE_READ_ACCESS and FILE_WRITE_ACCESS) say what most of them do.
fn of_ioctl(ioctl: &IoctlRequest<'_>) -> AccessMask {
    /// CTL_CODE's Access field.
    const ACCESS_SHIFT: u32 = 14;
    match FsctlCode(ioctl.ctl_code) {
        // The handle is the one that is written to.
        FsctlCode::SRV_COPYCHUNK | FsctlCode::SRV_COPYCHUNK_WRITE => AccessMask::FILE_WRITE_DATA,
        FsctlCode::SET_SPARSE | FsctlCode::SET_REPARSE_POINT | FsctlCode::DELETE_REPARSE_POINT => {
            AccessMask::FILE_WRITE_DATA
        }
        FsctlCode(code) => {
            let access = code >> ACCESS_SHIFT & 0b11;
            AccessMask::EMPTY
                .with(AccessMask::FILE_READ_DATA, access & 1 != 0)
                .with(AccessMask::FILE_WRITE_DATA, access & 2 != 0)
        }
    }
}
