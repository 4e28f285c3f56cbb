//! Directories that somebody watches.

/// What an open watches.
#[derive(Debug, Default)]
pub struct Watch {}

/// All watched directories.
#[derive(Debug, Default)]
pub struct NotifyTable {}

impl NotifyTable {
    /// Something happened to `path`.
    pub fn report(
        &self,
        _server: &super::server::Server,
        _volume: super::op::VolumeId,
        _path: &crate::vfs::VfsPath,
        _is_directory: bool,
        _action: u32,
        _filter: u32,
    ) {
    }

    /// Something has a new path.
    pub fn report_rename(
        &self,
        _server: &super::server::Server,
        _volume: super::op::VolumeId,
        _from: &crate::vfs::VfsPath,
        _to: &crate::vfs::VfsPath,
        _is_directory: bool,
    ) {
    }
}
