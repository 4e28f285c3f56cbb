//! The commands, one file each, all of the same form: `decide` checks in the order of its section and chooses one step,
//! `finish` goes on with an operation's result, `resume` with an event. None of them knows sockets or reply offsets
//! beyond its own body.

pub mod change_notify;
pub mod close;
pub mod create;
pub mod disposition;
pub mod echo;
pub mod flush;
pub mod ioctl;
pub mod lock;
pub mod logoff;
pub mod negotiate;
pub mod oplock_break;
mod output_buffer;
pub mod query_directory;
pub mod query_info;
pub mod read;
pub mod rename;
pub mod session_setup;
pub mod set_info;
pub mod tree_connect;
pub mod tree_disconnect;
pub mod write;

use bytes::Bytes;

use super::context::{Context, StepResult};
use super::event::Wake;
use super::node::NodeCell;
use super::op::OpResult;
use super::status::CommandError;

/// What a command needs to go on when its operation is done.
pub enum Pending {
    /// A logon that asked for an account or was delayed.
    SessionSetup(Box<session_setup::Pending>),
    /// TREE_CONNECT to a share whose folder depends on who connects.
    TreeConnect(Box<tree_connect::Pending>),
    /// CREATE.
    Create(Box<create::Pending>),
    /// CLOSE.
    Close(close::Pending),
    /// LOCK whose locks programs of this machine see.
    Lock(Box<lock::local::Pending>),
    /// FLUSH.
    Flush(flush::Pending),
    /// READ.
    Read(read::Pending),
    /// READ of a pipe that has an errand run.
    PipeRead(read::Parked),
    /// WRITE.
    Write(write::Pending),
    /// WRITE whose data comes in pieces.
    WritePieces(Box<write::pieces::Pending>),
    /// IOCTL.
    Ioctl(Box<ioctl::Pending>),
    /// QUERY_DIRECTORY.
    QueryDirectory(Box<query_directory::Pending>),
    /// QUERY_INFO.
    QueryInfo(Box<query_info::Pending>),
    /// SET_INFO.
    SetInfo(Box<set_info::Pending>),
}

/// What a command needs to go on when it is woken.
pub enum Parked {
    /// CLOSE waits for the other requests of its open.
    Close(close::Parked),
    /// CREATE waits for an oplock or lease break, or for a conflicting open to close.
    Create(Box<create::Parked>),
    /// LOCK waits for a range.
    Lock(Box<lock::Parked>),
    /// CHANGE_NOTIFY waits for a change.
    ChangeNotify(change_notify::Parked),
    /// QUERY_DIRECTORY waits for another one of the same open.
    QueryDirectory(query_directory::Parked),
    /// READ of a pipe waits for data.
    Read(read::Parked),
    /// IOCTL waits for a pipe's answer or a break.
    Ioctl(Box<ioctl::Parked>),
    /// SET_INFO (rename, deletion, truncation) waits for a break.
    SetInfo(Box<set_info::Parked>),
}

/// What a parked request waits for.
pub enum Waits<'a> {
    /// For others to let go of a file.
    Break(&'a NodeCell),
    /// For a byte range.
    Lock,
    /// For other requests of the same handle.
    Neighbour,
    /// For what may never come: that is what it is for.
    ByNature,
}

impl Pending {
    /// Goes on with the operation's result.
    ///
    /// # Errors
    /// The command's.
    pub fn finish(self, cx: &mut Context<'_>, result: OpResult) -> StepResult {
        match self {
            Pending::SessionSetup(pending) => session_setup::finish(cx, *pending, result),
            Pending::TreeConnect(pending) => tree_connect::finish(cx, *pending, result),
            Pending::Create(pending) => create::finish(cx, *pending, result),
            Pending::Close(pending) => close::finish(cx, pending, result),
            Pending::Lock(pending) => lock::finish(cx, *pending, result),
            Pending::Flush(pending) => flush::finish(cx, pending, result),
            Pending::Read(pending) => read::finish(cx, pending, result),
            Pending::PipeRead(parked) => read::resumed(cx, parked, result),
            Pending::Write(pending) => write::finish(cx, pending, result),
            Pending::WritePieces(pending) => pending.finish(cx, result),
            Pending::Ioctl(pending) => ioctl::finish(cx, *pending, result),
            Pending::QueryDirectory(pending) => query_directory::finish(cx, *pending, result),
            Pending::QueryInfo(pending) => query_info::finish(cx, *pending, result),
            Pending::SetInfo(pending) => set_info::finish(cx, *pending, result),
        }
    }

    /// Goes on with the next piece of the request's data, which it has waited for.
    ///
    /// # Errors
    /// The command's.
    pub fn receive(self, cx: &mut Context<'_>, data: Bytes) -> StepResult {
        match self {
            Pending::WritePieces(pending) => pending.receive(cx, data),
            Pending::SessionSetup(_)
            | Pending::TreeConnect(_)
            | Pending::Create(_)
            | Pending::Close(_)
            | Pending::Lock(_)
            | Pending::Flush(_)
            | Pending::Read(_)
            | Pending::PipeRead(_)
            | Pending::Write(_)
            | Pending::Ioctl(_)
            | Pending::QueryDirectory(_)
            | Pending::QueryInfo(_)
            | Pending::SetInfo(_) => Err(CommandError::Internal("the command takes no data in pieces")),
        }
    }
}

impl Parked {
    /// Goes on after a wake.
    ///
    /// # Errors
    /// The command's; CANCELLED after a cancel.
    pub fn resume(self, cx: &mut Context<'_>, wake: Wake) -> StepResult {
        match self {
            Parked::Close(parked) => close::resume(cx, parked, wake),
            Parked::Create(parked) => create::resume(cx, *parked, wake),
            Parked::Lock(parked) => lock::resume(cx, *parked, wake),
            Parked::ChangeNotify(parked) => change_notify::resume(cx, parked, wake),
            Parked::QueryDirectory(parked) => query_directory::resume(cx, &parked, wake),
            Parked::Read(parked) => read::resume(cx, parked, wake),
            Parked::Ioctl(parked) => ioctl::resume(cx, *parked, wake),
            Parked::SetInfo(parked) => set_info::resume(cx, *parked, wake),
        }
    }

    /// What it waits for.
    #[must_use]
    pub fn waits(&self) -> Waits<'_> {
        match self {
            Parked::Create(parked) => Waits::Break(parked.waits_for()),
            Parked::SetInfo(parked) => Waits::Break(parked.waits_for()),
            Parked::Lock(_) => Waits::Lock,
            Parked::Close(parked) => parked.waits_for().map_or(Waits::Neighbour, Waits::Break),
            Parked::QueryDirectory(_) => Waits::Neighbour,
            Parked::ChangeNotify(_) | Parked::Read(_) | Parked::Ioctl(_) => Waits::ByNature,
        }
    }

    /// 3.3.4.2: the client is told at once that it waits. What ends by itself is told of when it takes long, as an operation is. As on
    /// Windows nothing is said of a SET_INFO (a rename, a deletion, a new size) that waits: the replies of its compound stay together.
    #[must_use]
    pub fn is_told_of(&self) -> bool {
        match self {
            Parked::Close(parked) => !parked.is_new(),
            Parked::SetInfo(_) => false,
            Parked::Create(_)
            | Parked::Lock(_)
            | Parked::ChangeNotify(_)
            | Parked::QueryDirectory(_)
            | Parked::Read(_)
            | Parked::Ioctl(_) => true,
        }
    }

    /// 3.3.5.16: a CANCEL ends the wait.
    #[must_use]
    pub fn can_be_cancelled(&self) -> bool {
        !matches!(self, Parked::Close(_))
    }

    /// When it wants to be resumed with [`Wake::TimedOut`], on the monotonic clock.
    #[must_use]
    pub fn deadline(&self) -> Option<std::time::Duration> {
        match self {
            Parked::Close(parked) => parked.deadline(),
            Parked::Create(parked) => parked.deadline(),
            Parked::SetInfo(parked) => parked.deadline(),
            Parked::Ioctl(parked) => parked.deadline(),
            Parked::Lock(parked) => parked.deadline(),
            Parked::ChangeNotify(_) | Parked::QueryDirectory(_) | Parked::Read(_) => None,
        }
    }
}
