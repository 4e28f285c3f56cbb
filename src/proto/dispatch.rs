//! One row per command: what it needs and who decides it ([MS-SMB2] 3.3.5.2.10 to 3.3.5.22).

use freehold_dtyp::NtStatus;

use super::commands;
use super::context::{Context, StepResult};
use crate::smb2::Command;

/// What must be there before a command's `decide` is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    /// Nothing.
    Connection,
    /// A session.
    Session,
    /// A session and a tree connect.
    Tree,
}

/// How a command is handled.
pub struct Row {
    /// What it needs.
    pub needs: Needs,
    /// Its body's field that holds the payload length for the credit charge: checked in admission.
    pub multi_credit: bool,
    /// First step.
    pub decide: fn(&mut Context<'_>) -> StepResult,
}

/// The row of a command; `None` for what does not exist. CANCEL is not here: it has no reply.
#[must_use]
pub fn row(command: Command) -> Option<&'static Row> {
    macro_rules! rows {
        ($($command:ident: $needs:ident, $multi:literal, $module:ident;)*) => {
            match command {
                $(Command::$command => {
                    const ROW: Row = Row { needs: Needs::$needs, multi_credit: $multi, decide: commands::$module::decide };
                    Some(&ROW)
                })*
                _ => None,
            }
        };
    }
    rows! {
        NEGOTIATE: Connection, false, negotiate;
        SESSION_SETUP: Connection, false, session_setup;
        LOGOFF: Session, false, logoff;
        TREE_CONNECT: Session, false, tree_connect;
        TREE_DISCONNECT: Tree, false, tree_disconnect;
        CREATE: Tree, false, create;
        CLOSE: Tree, false, close;
        FLUSH: Tree, false, flush;
        READ: Tree, true, read;
        WRITE: Tree, true, write;
        LOCK: Tree, false, lock;
        IOCTL: Tree, true, ioctl;
        ECHO: Connection, false, echo;
        QUERY_DIRECTORY: Tree, true, query_directory;
        CHANGE_NOTIFY: Tree, true, change_notify;
        QUERY_INFO: Tree, true, query_info;
        SET_INFO: Tree, true, set_info;
        OPLOCK_BREAK: Tree, false, oplock_break;
    }
}

/// The answer to a command that does not exist ([MS-SMB2] 3.3.5.2).
pub const UNKNOWN_COMMAND: NtStatus = NtStatus::INVALID_PARAMETER;
