//! What is told to who watches directories ([MS-FSA] 2.1.4.1, [MS-FSCC] 2.7.1), or holds a lease on one, when names come and
//! go.

use super::directory_lease::By;
use super::op::VolumeId;
use super::server::Server;
use crate::vfs::VfsPath;

/// FILE_ACTION_ADDED
const ADDED: u32 = 1;
/// FILE_ACTION_REMOVED
const REMOVED: u32 = 2;
/// FILE_ACTION_MODIFIED
const MODIFIED: u32 = 3;
/// FILE_ACTION_ADDED_STREAM
const ADDED_STREAM: u32 = 6;
/// FILE_ACTION_REMOVED_STREAM
const REMOVED_STREAM: u32 = 7;

/// FILE_NOTIFY_CHANGE_FILE_NAME
const FILE_NAME: u32 = 0x001;
/// FILE_NOTIFY_CHANGE_DIR_NAME
const DIR_NAME: u32 = 0x002;
/// FILE_NOTIFY_CHANGE_ATTRIBUTES
const ATTRIBUTES: u32 = 0x004;
/// FILE_NOTIFY_CHANGE_SIZE
const SIZE: u32 = 0x008;
/// FILE_NOTIFY_CHANGE_LAST_WRITE
const LAST_WRITE: u32 = 0x010;
/// FILE_NOTIFY_CHANGE_SECURITY
const SECURITY: u32 = 0x100;
/// FILE_NOTIFY_CHANGE_STREAM_NAME
const STREAM_NAME: u32 = 0x200;

/// The filter bit that a file's or a directory's name belongs to.
const fn name_filter(is_directory: bool) -> u32 {
    if is_directory { DIR_NAME } else { FILE_NAME }
}

/// A file or directory was made.
pub fn report_added(server: &Server, volume: VolumeId, path: &VfsPath, is_directory: bool, by: By) {
    server.directory_leases.entry_changed(server, volume, path, by);
    server.notify.report(server, volume, path, is_directory, ADDED, name_filter(is_directory));
}

/// A file or directory goes. Leases on its directory are broken when it is gone: [`report_gone`].
pub fn report_removed(server: &Server, volume: VolumeId, path: &VfsPath, is_directory: bool) {
    server.notify.report(server, volume, path, is_directory, REMOVED, name_filter(is_directory));
}

/// A file or directory is gone.
pub fn report_gone(server: &Server, volume: VolumeId, path: &VfsPath, by: By) {
    server.directory_leases.entry_changed(server, volume, path, by);
}

/// A directory has become a DFS link, or the link has another descriptor.
pub fn report_link_changed(server: &Server, volume: VolumeId, path: &VfsPath, by: By) {
    server.directory_leases.entry_changed(server, volume, path, by);
    server.notify.report(server, volume, path, true, MODIFIED, ATTRIBUTES | SECURITY);
}

/// A file was overwritten.
pub fn report_overwritten(server: &Server, volume: VolumeId, path: &VfsPath, by: By) {
    server.directory_leases.entry_changed(server, volume, path, by);
    server.notify.report(server, volume, path, false, MODIFIED, ATTRIBUTES | SIZE | LAST_WRITE);
}

/// A named stream was made; `path` is its file's.
pub fn report_stream_added(server: &Server, volume: VolumeId, path: &VfsPath, by: By) {
    server.directory_leases.entry_changed(server, volume, path, by);
    server.notify.report(server, volume, path, false, ADDED_STREAM, STREAM_NAME);
}

/// A named stream goes; `path` is its file's.
pub fn report_stream_removed(server: &Server, volume: VolumeId, path: &VfsPath) {
    server.notify.report(server, volume, path, false, REMOVED_STREAM, STREAM_NAME);
}

/// A file or directory has a new path.
pub fn report_renamed(
    server: &Server,
    volume: VolumeId,
    from: &VfsPath,
    to: &VfsPath,
    is_directory: bool,
    by: By,
) {
    if is_directory {
        server.directory_leases.moved(volume, from, to);
    }
    server.directory_leases.entry_changed(server, volume, from, by);
    server.directory_leases.entry_changed(server, volume, to, by);
    server.notify.report_rename(server, volume, from, to, is_directory);
}
