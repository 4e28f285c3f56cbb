//! The SMB3 POSIX Extensions in a CREATE: the context makes the open a POSIX one. Its name is a POSIX name, case counts, a new
//! file gets the mode that the context brings, and the answer tells links, mode, owner and group.

use freehold_acl::{SecurityDescriptor, with_posix_mode};
use freehold_dtyp::NtStatus;

use super::super::super::context::Context;
use super::super::super::posix::{Ownership, file_type};
use super::super::super::status::CommandError;
use crate::smb2::create::CreateRequest;
use crate::smb2::create_context::{RequestContext, ResponseContext};
use crate::vfs::Opened;

/// Bits of a mode that tell the type of a file; all of them together are no type.
const TYPE_BITS: u32 = 0o170_000;

/// What the context asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PosixCreate {
    /// The mode of a file that is made; `None` leaves it to what the file inherits.
    pub mode: Option<u32>,
}

impl PosixCreate {
    /// From the mode of the context. Clients that open what exists send all ones; a type is not looked at.
    fn new(mode: u32) -> Self {
        let none = mode & TYPE_BITS == TYPE_BITS;
        PosixCreate { mode: (!none).then_some(mode & freehold_acl::MODE_BITS) }
    }
}

/// The context of a request, where the connection speaks the extensions. Elsewhere it counts for nothing.
///
/// # Errors
/// INVALID_PARAMETER for a malformed chain.
pub(super) fn requested(
    cx: &Context<'_>,
    request: &CreateRequest<'_>,
) -> Result<Option<PosixCreate>, CommandError> {
    if !cx.link.negotiated.as_ref().is_some_and(|negotiated| negotiated.posix) {
        return Ok(None);
    }
    let mut found = None;
    for context in request.contexts.iter() {
        if let RequestContext::Posix { mode } = context? {
            found = Some(PosixCreate::new(mode));
        }
    }
    Ok(found)
}

/// The descriptor of a new file with its mode.
///
/// # Errors
/// INVALID_SECURITY_DESCR when it would be too long.
pub(super) fn secured(
    posix: Option<PosixCreate>,
    inherited: SecurityDescriptor,
) -> Result<SecurityDescriptor, CommandError> {
    match posix.and_then(|posix| posix.mode) {
        Some(mode) => with_posix_mode(&inherited, mode).map_err(|_| NtStatus::INVALID_SECURITY_DESCR.into()),
        None => Ok(inherited),
    }
}

/// The context of the answer.
pub(super) fn answer(found: &Opened) -> ResponseContext<'static> {
    let Ownership { mode, owner, group } = Ownership::of(&found.security);
    let metadata = &found.metadata;
    ResponseContext::Posix {
        link_count: metadata.links,
        reparse_tag: metadata.reparse_tag,
        mode: mode | file_type(metadata),
        owner,
        group,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_permission_bits_count_and_all_ones_are_no_mode() {
        assert_eq!(PosixCreate::new(0o100_644).mode, Some(0o644));
        assert_eq!(PosixCreate::new(0o7777).mode, Some(0o7777));
        assert_eq!(PosixCreate::new(0).mode, Some(0));
        assert_eq!(PosixCreate::new(0xFFFF).mode, None);
        assert_eq!(PosixCreate::new(u32::MAX).mode, None);
    }
}
