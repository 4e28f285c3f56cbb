//! [MS-DFSNM] 3.1.4.4 stand-alone namespaces: NetrDfsAddStdRoot, NetrDfsRemoveStdRoot, NetrDfsAddStdRootForced; 3.1.4.1.1
//! NetrDfsManagerInitialize.

use super::super::DfsTask;
use super::super::dispatch::Call;
use super::super::fault::Fault;
use super::super::ndr::NdrWriter;
use super::super::task::Done;
use super::super::win32::Win32;
use crate::state::dfs::DfsEdit;

/// NetrDfsAddStdRoot: the share is there.
pub(super) fn add_root(call: &mut Call<'_, '_>) -> Result<NdrWriter, Fault> {
    super::text(&mut call.parameters, "ServerName")?;
    let share = super::text(&mut call.parameters, "RootShare")?;
    let comment = super::text(&mut call.parameters, "Comment")?;
    call.parameters.u32("ApiFlags")?;
    Ok(super::status_only(make(call, &share, comment)?))
}

/// NetrDfsAddStdRootForced. DIFFERS: the share is looked for, as by NetrDfsAddStdRoot: a namespace whose root cannot be reached is of no
/// use.
pub(super) fn add_root_forced(call: &mut Call<'_, '_>) -> Result<NdrWriter, Fault> {
    super::text(&mut call.parameters, "ServerName")?;
    let share = super::text(&mut call.parameters, "RootShare")?;
    let comment = super::text(&mut call.parameters, "Comment")?;
    super::text(&mut call.parameters, "Share")?;
    Ok(super::status_only(make(call, &share, comment)?))
}

fn make(call: &mut Call<'_, '_>, share: &str, comment: String) -> Result<Result<Done, Win32>, Fault> {
    super::change(call, |call| {
        if call.cx.namespaces.namespace(share).is_some() {
            return Err(Win32::FILE_EXISTS);
        }
        let share = call.cx.shares.share(share).ok_or(Win32::NERR_NET_NAME_NOT_FOUND)?;
        Ok(DfsTask::AddNamespace { share: share.name.clone(), comment })
    })
}

/// NetrDfsRemoveStdRoot: with all links. The share stays.
pub(super) fn remove_root(call: &mut Call<'_, '_>) -> Result<NdrWriter, Fault> {
    super::text(&mut call.parameters, "ServerName")?;
    let share = super::text(&mut call.parameters, "RootShare")?;
    call.parameters.u32("ApiFlags")?;
    let outcome = super::change(call, |call| {
        let index = call.cx.namespaces.namespace(&share).ok_or(Win32::NOT_FOUND)?;
        let name = index.namespace().name.clone();
        Ok(DfsTask::Edit(vec![DfsEdit::RemoveNamespace { name }]))
    })?;
    Ok(super::status_only(outcome))
}

/// NetrDfsManagerInitialize: everything is read anew, which it always is here.
pub(super) fn initialize(call: &mut Call<'_, '_>) -> Result<NdrWriter, Fault> {
    super::text(&mut call.parameters, "ServerName")?;
    call.parameters.u32("Flags")?;
    Ok(super::status_only(super::may_change(call.cx).map(|()| Done::Nothing)))
}
