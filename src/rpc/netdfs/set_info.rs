//! [MS-DFSNM] 3.1.4.1.5 NetrDfsSetInfo and 3.1.4.2.4 NetrDfsSetInfo2.

use freehold_acl::SecurityDescriptor;
use freehold_dfs::{Priority, PriorityClass, TargetState};
use freehold_dtyp::Decode as _;

use super::super::DfsTask;
use super::super::dispatch::Call;
use super::super::fault::Fault;
use super::super::ndr::{NdrReader, NdrWriter};
use super::super::task::Done;
use super::super::win32::Win32;
use super::entry::{STORAGE_OFFLINE, STORAGE_ONLINE, state_of_volume};
use super::info::INFO_LEVELS;
use super::path::{EntryPath, target};
use crate::state::dfs::{
    ACCESS_BASED_ENUMERATION, DfsEdit, FolderChange, INSITE_REFERRALS, NamespaceChange, ROOT_SCALABILITY,
    SITE_COSTING, TARGET_FAILBACK, TargetChange, same_target,
};

/// Levels that are for setting.
const SETTABLE: [u32; 9] = [100, 101, 102, 103, 104, 105, 106, 107, 150];
/// Properties of a root.
const ROOT_FLAGS: u32 =
    INSITE_REFERRALS | ROOT_SCALABILITY | SITE_COSTING | TARGET_FAILBACK | ACCESS_BASED_ENUMERATION;
/// Properties of a link.
const LINK_FLAGS: u32 = INSITE_REFERRALS | TARGET_FAILBACK;
/// Largest descriptor that is taken, in bytes ([MS-DTYP] 2.4.5: an ACL has at most 64 KiB).
const MAX_SECURITY_BYTES: usize = 128 * 1024;

/// NetrDfsSetInfo.
pub(super) fn set_info(call: &mut Call<'_, '_>) -> Result<NdrWriter, Fault> {
    let path = super::text(&mut call.parameters, "DfsEntryPath")?;
    Ok(super::status_only(set(call, &path, false)?))
}

/// NetrDfsSetInfo2: the domain controller that it names is ignored for a stand-alone namespace.
pub(super) fn set_info2(call: &mut Call<'_, '_>) -> Result<NdrWriter, Fault> {
    let path = super::text(&mut call.parameters, "DfsEntryPath")?;
    super::text(&mut call.parameters, "DcName")?;
    Ok(super::status_and_root_list(set(call, &path, true)?))
}

fn set(call: &mut Call<'_, '_>, path: &str, with_list: bool) -> Result<Result<Done, Win32>, Fault> {
    let server = super::optional_text(&mut call.parameters, "ServerName")?;
    let share = super::optional_text(&mut call.parameters, "ShareName")?;
    let level = call.parameters.u32("Level")?;
    let info = Info::read(&mut call.parameters, level)?;
    if with_list {
        super::root_list(&mut call.parameters)?;
    }
    super::change(call, |call| {
        let info = info.ok_or(Win32::INVALID_LEVEL)?;
        let path = EntryPath::parse(path)?;
        if info.is_resynchronization(&path) {
            // What other servers do when they have changed the directory: it is looked at all the time.
            path.index(call.cx)?;
            return Ok(DfsTask::Edit(Vec::new()));
        }
        let edit = match (server, share) {
            (None, None) => info.edit(call, path)?,
            (Some(server), Some(share)) => info.target_edit(call, path, &server, &share)?,
            _ => return Err(Win32::INVALID_PARAMETER),
        };
        Ok(DfsTask::Edit(vec![edit]))
    })
}

/// What the levels 100 to 107 and 150 can set ([MS-DFSNM] 2.2.4.11 to 2.2.4.19).
#[derive(Debug, Default)]
struct Info {
    level: u32,
    comment: Option<String>,
    state: Option<u32>,
    timeout_seconds: Option<u32>,
    /// Mask and bits.
    flags: Option<(u32, u32)>,
    /// Class and rank.
    priority: Option<(u32, u16)>,
    security: Option<Vec<u8>>,
}

impl Info {
    /// Reads DFS_INFO_STRUCT; `None` for a level that cannot be set.
    fn read(parameters: &mut NdrReader<'_>, level: u32) -> Result<Option<Info>, Fault> {
        if parameters.u32("DfsInfo")? != level {
            return Err(Fault::BAD_STUB_DATA);
        }
        if !INFO_LEVELS.contains(&level) {
            return Err(Fault::INVALID_TAG);
        }
        // What would follow for other levels is left.
        if !parameters.pointer("DfsInfo")? || !SETTABLE.contains(&level) {
            return Ok(None);
        }
        let mut info = Info { level, ..Info::default() };
        let comment = matches!(level, 100 | 105 | 107) && parameters.pointer("Comment")?;
        if matches!(level, 101 | 105 | 106 | 107) {
            info.state = Some(parameters.u32("State")?);
        }
        if matches!(level, 102 | 105 | 107) {
            info.timeout_seconds = Some(parameters.u32("Timeout")?);
        }
        if matches!(level, 103 | 105 | 107) {
            info.flags = Some((parameters.u32("PropertyFlagMask")?, parameters.u32("PropertyFlags")?));
        }
        if matches!(level, 104 | 106) {
            let class = parameters.u32("TargetPriorityClass")?;
            info.priority = Some((class, parameters.u16("TargetPriorityRank")?));
            parameters.u16("Reserved")?;
        }
        let mut security = None;
        if matches!(level, 107 | 150) {
            let length = parameters.size("SecurityDescriptorLength")?;
            security = parameters.pointer("pSecurityDescriptor")?.then_some(length);
        }
        if comment {
            info.comment = Some(super::text(parameters, "Comment")?);
        }
        if let Some(length) = security {
            if parameters.size("pSecurityDescriptor")? != length || length > MAX_SECURITY_BYTES {
                return Err(Fault::BAD_STUB_DATA);
            }
            info.security = Some(parameters.bytes("pSecurityDescriptor", length)?.to_vec());
        }
        Ok(Some(info))
    }

    /// DFS_VOLUME_STATE_RESYNCHRONIZE or DFS_VOLUME_STATE_FORCE_SYNC ([MS-DFSNM] 2.2.4.1), of a root.
    fn is_resynchronization(&self, path: &EntryPath) -> bool {
        self.level == 101 && path.link.is_empty() && matches!(self.state, Some(0x10 | 0x40))
    }

    /// A change of a root or a link.
    fn edit(self, call: &Call<'_, '_>, path: EntryPath) -> Result<DfsEdit, Win32> {
        // Priorities are of targets.
        if self.priority.is_some() {
            return Err(Win32::INVALID_PARAMETER);
        }
        let state = self.volume_state()?;
        let root = path.link.is_empty();
        let (flags_mask, flags) = self.flags.unwrap_or_default();
        let known = if root { ROOT_FLAGS } else { LINK_FLAGS };
        if flags_mask & !known != 0 {
            return Err(Win32::INVALID_PARAMETER);
        }
        let (comment, ttl_seconds) = (self.comment, self.timeout_seconds);
        let name = path.index(call.cx)?.namespace().name.clone();
        if root {
            if self.security.is_some() || self.level == 150 {
                return Err(Win32::INVALID_PARAMETER);
            }
            let change = NamespaceChange { comment, state, ttl_seconds, flags_mask, flags };
            return Ok(DfsEdit::ChangeNamespace { name, change });
        }
        path.folder(call.cx)?;
        let security = match (self.level, self.security) {
            (_, Some(bytes)) => {
                SecurityDescriptor::from_bytes(&bytes).map_err(|_| Win32::INVALID_PARAMETER)?;
                Some(Some(bytes))
            }
            // None: what the parent says holds again.
            (150, None) => Some(None),
            _ => None,
        };
        let change = FolderChange {
            comment,
            state,
            ttl_seconds,
            flags_mask,
            flags,
            security,
            ..FolderChange::default()
        };
        Ok(DfsEdit::ChangeFolder { namespace: name, path: path.link, change })
    }

    fn volume_state(&self) -> Result<Option<freehold_dfs::State>, Win32> {
        self.state.map(|state| state_of_volume(state).ok_or(Win32::INVALID_PARAMETER)).transpose()
    }

    /// A change of a link's target: its state and priority.
    fn target_edit(
        self,
        call: &Call<'_, '_>,
        path: EntryPath,
        server: &str,
        share: &str,
    ) -> Result<DfsEdit, Win32> {
        if !matches!(self.level, 101 | 104 | 106) {
            return Err(Win32::INVALID_PARAMETER);
        }
        let target = target(server, share)?.unc();
        let is_root = path.link.is_empty();
        let targets = if is_root {
            let targets = &path.index(call.cx)?.namespace().targets;
            // The root of a stand-alone namespace has one target, which is always there.
            if targets.is_empty() {
                return Err(Win32::NOT_SUPPORTED);
            }
            targets
        } else {
            &path.folder(call.cx)?.targets
        };
        if !targets.iter().any(|one| same_target(one, &target)) {
            return Err(Win32::FILE_NOT_FOUND);
        }
        let state = match self.state {
            None => None,
            Some(STORAGE_ONLINE) => Some(TargetState::Online),
            Some(STORAGE_OFFLINE) => Some(TargetState::Offline),
            Some(_) => return Err(Win32::INVALID_PARAMETER),
        };
        let priority = match self.priority {
            None => None,
            Some((class, rank)) => {
                let class = PriorityClass::from_number(class).ok_or(Win32::INVALID_PARAMETER)?;
                let rank = u8::try_from(rank).ok().filter(|rank| *rank <= Priority::MAX_RANK);
                Some(Priority { class, rank: rank.ok_or(Win32::INVALID_PARAMETER)? })
            }
        };
        let change = TargetChange { state, priority };
        if is_root {
            return Ok(DfsEdit::ChangeRootTarget { name: path.namespace, target, change });
        }
        Ok(DfsEdit::ChangeTarget { namespace: path.namespace, path: path.link, target, change })
    }
}
