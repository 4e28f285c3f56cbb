//! The one place where an errno becomes a [`VfsError`].

use rustix::io::Errno;

use crate::vfs::VfsError;

/// What the kernel's answer means to a volume.
pub(super) fn from_errno(errno: Errno) -> VfsError {
    match errno {
        Errno::NOENT => VfsError::NotFound,
        Errno::EXIST => VfsError::Exists,
        Errno::NOTDIR => VfsError::NotADirectory,
        Errno::ISDIR => VfsError::IsADirectory,
        Errno::NOTEMPTY => VfsError::NotEmpty,
        Errno::NOSPC | Errno::DQUOT => VfsError::DiskFull,
        Errno::ROFS => VfsError::ReadOnly,
        Errno::ACCESS | Errno::PERM | Errno::TXTBSY | Errno::BUSY => VfsError::PermissionDenied,
        Errno::NAMETOOLONG | Errno::ILSEQ | Errno::LOOP => VfsError::NameInvalid,
        Errno::MLINK => VfsError::TooManyLinks,
        Errno::XDEV => VfsError::CrossDevice,
        Errno::TOOBIG | Errno::RANGE => VfsError::EaTooLarge,
        Errno::OPNOTSUPP | Errno::NOSYS | Errno::NOTTY => VfsError::NotSupported,
        Errno::INVAL | Errno::FBIG | Errno::OVERFLOW | Errno::NXIO => VfsError::OutOfRange,
        Errno::MFILE | Errno::NFILE | Errno::NOMEM => VfsError::OutOfResources,
        Errno::AGAIN => VfsError::WouldBlock,
        _ => {
            tracing::warn!(errno = errno.raw_os_error(), "the disk answered with an unexpected error");
            VfsError::Io
        }
    }
}

impl From<Errno> for VfsError {
    fn from(errno: Errno) -> Self {
        from_errno(errno)
    }
}
