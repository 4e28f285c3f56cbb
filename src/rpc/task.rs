//! What a call has the server do: it blocks on a disk, so that the call is put aside until it is done.

use std::sync::Arc;

use freehold_acl::{SecurityDescriptor, SecurityInformation, Token};
use freehold_dtyp::Sid;

use super::account_task::AccountTask;
use super::context::Caller;
use super::dfs_task::DfsTask;
use crate::state::ShareChange;

/// A task, and who has it done.
#[derive(Clone, Debug)]
pub struct Commission {
    /// What is to be done.
    pub task: Task,
    /// Who calls.
    pub caller: Caller,
    /// The interface lets the caller have that done. Where it does not, the task is there to be refused and recorded.
    pub allowed: bool,
}

/// Something to do.
#[derive(Clone, Debug)]
pub enum Task {
    /// Makes a share of a folder that is there.
    AddShare(Box<NewShare>),
    /// Changes a share.
    ChangeShare {
        /// Which.
        name: String,
        /// What.
        change: Box<ShareChange>,
    },
    /// Removes a share.
    RemoveShare {
        /// Which.
        name: String,
    },
    /// Changes DFS namespaces.
    Dfs(Box<DfsTask>),
    /// Changes local accounts and groups.
    Accounts(Box<AccountTask>),
    /// Ends the sessions that everything given fits; done with [`Done::Own`].
    EndSessions {
        /// Address of the client.
        client: Option<String>,
        /// The user, without domain.
        user: Option<String>,
    },
    /// Closes an open file or pipe; done with [`Done::Own`].
    CloseFile {
        /// [`super::OpenFileInfo::id`].
        id: u32,
    },
    /// Reads parts of a file's descriptor, as far as the caller may.
    ReadSecurity {
        /// Which file.
        file: FileName,
        /// Which parts.
        information: SecurityInformation,
    },
}

/// A share to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewShare {
    /// Its name.
    pub name: String,
    /// Name of the volume, in any case.
    pub volume: String,
    /// Folder within it: components separated by `/`.
    pub path: String,
    /// Remark.
    pub comment: String,
    /// Who may connect; `None` for what shares have that are made here.
    pub security: Option<Arc<SecurityDescriptor>>,
    /// Most users.
    pub max_users: Option<u32>,
}

/// A file, and who wants something of it.
#[derive(Clone, Debug)]
pub struct FileName {
    /// The share.
    pub share: String,
    /// Path below its root: components separated by `/`.
    pub path: String,
    /// Who asks.
    pub token: Arc<Token>,
}

/// What came of a task.
#[derive(Clone, Debug)]
pub enum Done {
    /// It is done.
    Nothing,
    /// What was made has this SID.
    Made(Sid),
    /// The descriptor that was asked for, with no other parts.
    Security(Box<SecurityDescriptor>),
    /// All is ended but what the call itself comes through: the call ends that when it has its answer.
    Own(Ending),
}

/// What is left to be ended when a call is over.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ending {
    /// Ids of sessions.
    pub sessions: Vec<u64>,
    /// FileId.Volatile of opens.
    pub opens: Vec<u64>,
}

/// Why a task was not done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TaskError {
    /// The share is not there.
    #[error("there is no such share")]
    NoShare,
    /// The name is taken.
    #[error("a share of that name is there")]
    Exists,
    /// The folder to be shared is not there.
    #[error("the folder is not there")]
    NoFolder,
    /// The file is not there.
    #[error("the file is not there")]
    NoFile,
    /// No such session is there.
    #[error("there is no such session")]
    NoSession,
    /// No such open file is there.
    #[error("there is no such open file")]
    NoOpenFile,
    /// The caller may not.
    #[error("access is denied")]
    AccessDenied,
    /// A value is not allowed.
    #[error("the value of {0:?} is not allowed")]
    Invalid(Field),
    /// It would have to be recorded, and cannot be.
    #[error("the audit log cannot be written")]
    Unrecorded,
    /// Something else failed, and was logged.
    #[error("it failed")]
    Failed,
}

/// What of a share was not allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// Its name.
    Name,
    /// Its remark.
    Comment,
    /// Its number of users.
    MaxUsers,
    /// Its path.
    Path,
    /// Its descriptor.
    Security,
}
