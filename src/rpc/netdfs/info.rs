//! [MS-DFSNM] 3.1.4.1.6 NetrDfsGetInfo.

use super::super::dispatch::Call;
use super::super::enumeration::Entry as _;
use super::super::fault::Fault;
use super::super::ndr::NdrWriter;
use super::super::win32::Win32;
use super::entry::DfsEntry;
use super::path::EntryPath;

/// Arms of DFS_INFO_STRUCT ([MS-DFSNM] 2.2.3.4).
pub(super) const INFO_LEVELS: [u32; 19] =
    [1, 2, 3, 4, 5, 6, 7, 8, 9, 50, 100, 101, 102, 103, 104, 105, 106, 107, 150];
/// Those that are shown; the others are for setting.
const SHOWN: [u32; 12] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 50, 100, 150];
/// [MS-DFSNM] 2.2.4.10 NamespaceMajorVersion of a stand-alone namespace.
const MAJOR_VERSION: u32 = 1;
/// The same of a namespace of the domain: version 2.
const DOMAIN_MAJOR_VERSION: u32 = 2;
/// DFS_NAMESPACE_CAPABILITY_ABDE: links may be listed by access.
const CAPABILITIES: u64 = 1;

/// NetrDfsGetInfo.
pub(super) fn get_info(call: &mut Call<'_, '_>) -> Result<NdrWriter, Fault> {
    let path = super::text(&mut call.parameters, "DfsEntryPath")?;
    let server = super::optional_text(&mut call.parameters, "ServerName")?;
    let share = super::optional_text(&mut call.parameters, "ShareName")?;
    let level = call.parameters.u32("Level")?;
    if !INFO_LEVELS.contains(&level) {
        return Err(Fault::INVALID_TAG);
    }
    let named = server.is_some() || share.is_some();
    let mut writer = NdrWriter::new();
    writer.u32(level);
    match find(call, &path, level, named) {
        Ok(entry) if level == 50 => {
            writer.pointer();
            writer.align(8);
            writer.u32(if entry.is_of_domain() { DOMAIN_MAJOR_VERSION } else { MAJOR_VERSION });
            writer.u32(0);
            writer.u64(CAPABILITIES);
            writer.u32(Win32::SUCCESS.0);
        }
        Ok(entry) => {
            writer.pointer();
            entry.fixed(&mut writer, level);
            entry.referents(&mut writer, level);
            writer.u32(Win32::SUCCESS.0);
        }
        Err(status) => {
            writer.null();
            writer.u32(status.0);
        }
    }
    Ok(writer)
}

fn find(call: &Call<'_, '_>, path: &str, level: u32, named: bool) -> Result<DfsEntry, Win32> {
    super::may_look(call.cx)?;
    if !SHOWN.contains(&level) {
        return Err(Win32::INVALID_LEVEL);
    }
    let path = EntryPath::parse(path)?;
    let namespace = path.index(call.cx)?.namespace();
    if path.link.is_empty() {
        // Level 50 is of a namespace, level 150 of a link; both names of a target must be left out there.
        return match level {
            150 => Err(Win32::INVALID_PARAMETER),
            50 if named => Err(Win32::INVALID_PARAMETER),
            _ => Ok(DfsEntry::of_root(call.cx, namespace)),
        };
    }
    let folder = path.folder(call.cx)?;
    // The generation of the metadata is the namespace's.
    if matches!(level, 7 | 50) {
        return Err(Win32::INVALID_PARAMETER);
    }
    Ok(DfsEntry::of_folder(call.cx, namespace, folder))
}
