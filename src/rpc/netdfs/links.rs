//! [MS-DFSNM] 3.1.4.1.3 NetrDfsAdd, 3.1.4.1.4 NetrDfsRemove, 3.1.4.1.8 NetrDfsMove, 3.1.4.2.1 NetrDfsAdd2, 3.1.4.2.2 NetrDfsRemove2.

use super::super::DfsTask;
use super::super::dispatch::Call;
use super::super::fault::Fault;
use super::super::ndr::NdrWriter;
use super::super::task::Done;
use super::super::win32::Win32;
use super::path::{EntryPath, target};
use crate::state::accounts::fold_name;
use crate::state::dfs::{DfsEdit, FolderChange, same_target};

/// Flags of NetrDfsAdd: DFS_ADD_VOLUME, the link must be new.
const ADD_VOLUME: u32 = 0x0000_0001;
/// DFS_RESTORE_VOLUME: the target is not checked. Nothing is here that would be.
const RESTORE_VOLUME: u32 = 0x0000_0002;
/// Flags of NetrDfsMove: DFS_MOVE_FLAG_REPLACE_IF_EXISTS.
const REPLACE_IF_EXISTS: u32 = 0x0000_0001;

/// NetrDfsAdd.
pub(super) fn add(call: &mut Call<'_, '_>) -> Result<NdrWriter, Fault> {
    let path = super::text(&mut call.parameters, "DfsEntryPath")?;
    let server = super::text(&mut call.parameters, "ServerName")?;
    let share = super::optional_text(&mut call.parameters, "ShareName")?;
    let comment = super::optional_text(&mut call.parameters, "Comment")?;
    let flags = call.parameters.u32("Flags")?;
    let new = NewLink { path, server, share, comment, flags };
    Ok(super::status_only(super::change(call, |call| new.task(call))?))
}

/// NetrDfsAdd2: the domain controller that it names is ignored for a stand-alone namespace.
pub(super) fn add2(call: &mut Call<'_, '_>) -> Result<NdrWriter, Fault> {
    let path = super::text(&mut call.parameters, "DfsEntryPath")?;
    super::text(&mut call.parameters, "DcName")?;
    let server = super::text(&mut call.parameters, "ServerName")?;
    let share = super::optional_text(&mut call.parameters, "ShareName")?;
    let comment = super::optional_text(&mut call.parameters, "Comment")?;
    let flags = call.parameters.u32("Flags")?;
    super::root_list(&mut call.parameters)?;
    let new = NewLink { path, server, share, comment, flags };
    Ok(super::status_and_root_list(super::change(call, |call| new.task(call))?))
}

struct NewLink {
    path: String,
    server: String,
    share: Option<String>,
    comment: Option<String>,
    flags: u32,
}

impl NewLink {
    /// The link is made, or given a further target.
    fn task(&self, call: &Call<'_, '_>) -> Result<DfsTask, Win32> {
        if self.flags & !(ADD_VOLUME | RESTORE_VOLUME) != 0 {
            return Err(Win32::INVALID_PARAMETER);
        }
        let path = EntryPath::parse_link(&self.path)?;
        let target = target(&self.server, self.share.as_deref().unwrap_or_default())?;
        let index = path.index(call.cx)?;
        let namespace = index.namespace().name.clone();
        match index.folder(call.cx.namespaces.fold(), &path.link) {
            Some(_) if self.flags & ADD_VOLUME != 0 => Err(Win32::FILE_EXISTS),
            Some(folder) if folder.targets.iter().any(|one| same_target(one, &target.unc())) => {
                Err(Win32::FILE_EXISTS)
            }
            Some(_) => Ok(DfsTask::Edit(vec![DfsEdit::AddTarget { namespace, path: path.link, target }])),
            None => Ok(DfsTask::AddFolder {
                namespace,
                path: path.link,
                comment: self.comment.clone().unwrap_or_default(),
                target,
            }),
        }
    }
}

/// NetrDfsRemove.
pub(super) fn remove(call: &mut Call<'_, '_>) -> Result<NdrWriter, Fault> {
    let path = super::text(&mut call.parameters, "DfsEntryPath")?;
    Ok(super::status_only(remove_link(call, &path)?))
}

/// NetrDfsRemove2.
pub(super) fn remove2(call: &mut Call<'_, '_>) -> Result<NdrWriter, Fault> {
    let path = super::text(&mut call.parameters, "DfsEntryPath")?;
    super::text(&mut call.parameters, "DcName")?;
    let outcome = remove_link(call, &path)?;
    Ok(super::status_and_root_list(outcome))
}

/// A link with all its targets, or one of them; the last one takes the link with it.
fn remove_link(call: &mut Call<'_, '_>, path: &str) -> Result<Result<Done, Win32>, Fault> {
    let server = super::optional_text(&mut call.parameters, "ServerName")?;
    let share = super::optional_text(&mut call.parameters, "ShareName")?;
    super::change(call, |call| {
        let path = EntryPath::parse_link(path)?;
        let folder = path.folder(call.cx)?;
        let EntryPath { namespace, link: path, .. } = path;
        Ok(DfsTask::Edit(vec![match (server, share) {
            (None, None) => DfsEdit::RemoveFolder { namespace, path },
            (Some(server), Some(share)) => {
                let target = target(&server, &share)?.unc();
                if !folder.targets.iter().any(|one| same_target(one, &target)) {
                    return Err(Win32::FILE_NOT_FOUND);
                }
                DfsEdit::RemoveTarget { namespace, path, target, with_folder: true }
            }
            _ => return Err(Win32::INVALID_PARAMETER),
        }]))
    })
}

/// NetrDfsMove: a link, or all links below a path.
pub(super) fn move_to(call: &mut Call<'_, '_>) -> Result<NdrWriter, Fault> {
    let path = super::text(&mut call.parameters, "DfsEntryPath")?;
    let new_path = super::text(&mut call.parameters, "NewDfsEntryPath")?;
    let flags = call.parameters.u32("Flags")?;
    let outcome = super::change(call, |call| {
        if flags & !REPLACE_IF_EXISTS != 0 {
            return Err(Win32::INVALID_PARAMETER);
        }
        let (from, to) = (EntryPath::parse_link(&path)?, EntryPath::parse_link(&new_path)?);
        if fold_name(&from.namespace) != fold_name(&to.namespace) {
            return Err(Win32::INVALID_PARAMETER);
        }
        moves(call, &from, &to, flags & REPLACE_IF_EXISTS != 0).map(DfsTask::Edit)
    })?;
    Ok(super::status_only(outcome))
}

fn moves(
    call: &Call<'_, '_>,
    from: &EntryPath,
    to: &EntryPath,
    replace: bool,
) -> Result<Vec<DfsEdit>, Win32> {
    let index = from.index(call.cx)?;
    let fold = call.cx.namespaces.fold();
    let namespace = &index.namespace().name;
    let move_one = |path: &str, new_path: String| {
        let mut edits = Vec::new();
        let same = fold_name(path) == fold_name(&new_path);
        if !same && index.folder(fold, &new_path).is_some() {
            if !replace {
                return Err(Win32::FILE_EXISTS);
            }
            edits.push(DfsEdit::RemoveFolder { namespace: namespace.clone(), path: new_path.clone() });
        }
        let change = FolderChange { path: Some(new_path), ..FolderChange::default() };
        edits.push(DfsEdit::ChangeFolder { namespace: namespace.clone(), path: path.to_owned(), change });
        Ok(edits)
    };
    if let Some(folder) = index.folder(fold, &from.link) {
        return move_one(&folder.path, to.link.clone());
    }
    let above = format!("{}\\", fold_name(&from.link));
    let mut edits = Vec::new();
    for folder in index.folders().filter(|folder| fold_name(&folder.path).starts_with(&above)) {
        // As many characters, whatever their case.
        let rest: String = folder.path.chars().skip(from.link.chars().count()).collect();
        edits.extend(move_one(&folder.path, format!("{}{rest}", to.link))?);
    }
    if edits.is_empty() { Err(Win32::NOT_FOUND) } else { Ok(edits) }
}
