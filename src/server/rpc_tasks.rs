//! What RPC calls have the server do ([`crate::rpc::Task`]): changes, which [`super::rpc_changes`] makes, and reads of the
//! volumes. Runs on threads that may block.

use std::sync::Arc;

use freehold_acl::{
    AccessMask, FileAccess, GenericMapping, access_to_query, file_access_check, maximum_access, query,
    within_share,
};
use freehold_dtyp::Wtf8Buf;

use super::Shared;
use super::rpc_changes::{RpcDoor, Way};
use crate::proto::op::VolumeRef;
use crate::rpc::{Commission, Done, Field, FileName, NewShare, Task, TaskError};
use crate::share_path::SharePath;
use crate::state::accounts::fold_name;
use crate::vfs::{DataUse, NodeKind, OpenError, Opened, VfsError, VfsPath};

impl Shared {
    /// Does what a call wants done, for who called and by the way that the call came.
    ///
    /// # Errors
    /// What the call tells its client. What is nobody's fault but the server's is logged here.
    pub fn run_task(self: &Arc<Self>, commission: Commission, way: &Way) -> Result<Done, TaskError> {
        let door = |commission: &Commission| RpcDoor::new(self, commission, way);
        match &commission.task {
            Task::AddShare(new) => door(&commission).add_share(new),
            Task::ChangeShare { name, change } => door(&commission).change_share(name, change),
            Task::RemoveShare { name } => door(&commission).remove_share(name),
            Task::Accounts(task) => door(&commission).change_accounts(task),
            Task::EndSessions { client, user } => {
                door(&commission).end_sessions(client.as_deref(), user.as_deref())
            }
            Task::CloseFile { id } => door(&commission).close_file(*id),
            Task::Dfs(task) => door(&commission).change_namespaces(task),
            Task::ReadSecurity { file, information } => {
                let opened = self.open_for(file, access_to_query(*information))?;
                Ok(Done::Security(Box::new(query(&opened.security, *information))))
            }
        }
    }

    /// The volume and the path on it of a folder that is to be shared, as they are on the disk.
    pub(super) fn folder_to_share(&self, new: &NewShare) -> Result<(String, String), TaskError> {
        let volume = self.volume_called(&new.volume).ok_or(TaskError::NoFolder)?;
        let path = VfsPath::new(Wtf8Buf::from(new.path.as_str())).ok_or(TaskError::Invalid(Field::Path))?;
        let opened = open(volume.1, &path).map_err(|error| match error {
            TaskError::NoFile => TaskError::NoFolder,
            other => other,
        })?;
        if opened.metadata.kind != NodeKind::Directory {
            return Err(TaskError::NoFolder);
        }
        let path = opened.path.as_wtf8().to_str().ok_or(TaskError::Invalid(Field::Path))?;
        Ok((volume.0.clone(), path.to_owned()))
    }

    /// Names of volumes are compared without case, as Windows' tools compare folders.
    fn volume_called(&self, name: &str) -> Option<(&String, &VolumeRef)> {
        let folded = fold_name(name);
        self.volumes
            .get_key_value(name)
            .or_else(|| self.volumes.iter().find(|(name, _)| fold_name(name) == folded))
    }

    /// Opens a file for somebody who needs `access` to it, by the share and by the file itself.
    fn open_for(&self, file: &FileName, access: AccessMask) -> Result<Opened, TaskError> {
        let shares = self.state.shares();
        let share = shares.share(&file.share).ok_or(TaskError::NoShare)?;
        let volume = self.volumes.get(&share.settings.volume).ok_or(TaskError::NoShare)?;
        let path = |text: &str| VfsPath::new(Wtf8Buf::from(text)).ok_or(TaskError::NoFile);
        if SharePath::parse(&share.settings.path).is_ok_and(|path| path.is_some()) {
            // Which folder it is depends on the connection, which this call does not have.
            return Err(TaskError::NoFile);
        }
        let path = path(&share.settings.path)?.join(&path(&file.path)?);
        let opened = open(volume, &path)?;
        let allowed = maximum_access(&share.settings.security, &file.token, &GenericMapping::FILE);
        let granted = file_access_check(&FileAccess::new(&opened.security, &file.token, access))
            .and_then(|granted| within_share(granted, allowed, &mut ()))
            .map_err(|_| TaskError::AccessDenied)?;
        if !granted.contains(access) {
            return Err(TaskError::AccessDenied);
        }
        Ok(opened)
    }
}

fn open(volume: &VolumeRef, path: &VfsPath) -> Result<Opened, TaskError> {
    volume.volume.open(path, None, DataUse::READ).map_err(|error| match error {
        OpenError::NotFound(_)
        | OpenError::StreamNotFound(_)
        | OpenError::PathNotFound
        | OpenError::NotADirectory
        | OpenError::Reparse { .. }
        | OpenError::Failed(VfsError::NotFound) => TaskError::NoFile,
        OpenError::Failed(error) => {
            tracing::error!(%error, "a file that an RPC call names cannot be opened");
            TaskError::Failed
        }
    })
}
