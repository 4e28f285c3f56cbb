//! What a pipe needs to have done outside before it can go on, and what comes back.

use crate::auth::{AccountAnswer, AccountQuery};
use crate::names::Questions;

use super::context::Caller;
use super::task::{Commission, Done, TaskError};

/// What has to be done.
#[derive(Debug)]
pub enum Errand {
    /// The directory has to be asked, so that [`super::RpcContext::directory`] knows more. Comes back as [`Outcome::Nothing`].
    Names(Questions),
    /// A call has something done. Comes back as [`Outcome::Task`].
    Task(Box<Commission>),
    /// Somebody logs on: what is known of the account? Comes back as [`Outcome::Account`].
    Account(Box<AccountQuery>),
    /// Time has to pass, since too many logons have failed. Comes back as [`Outcome::Nothing`].
    Delay,
}

/// What came of it.
#[derive(Debug)]
pub enum Outcome {
    /// It is done, as far as it could be.
    Nothing,
    /// Of a task.
    Task(Result<Done, TaskError>),
    /// Of an account: for the logon, and who it is once that succeeds.
    Account(AccountAnswer, Option<Caller>),
}
