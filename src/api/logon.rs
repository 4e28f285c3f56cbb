//! What the door wants of the server to know who asks: the same acceptors, accounts and patience as for SMB.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use freehold_dtyp::Sid;

use crate::auth::{Acceptor, AccountAnswer, AccountQuery, Authorization, ChannelBinding};

/// A user who proved to be one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// Name.
    pub account: String,
    /// NetBIOS name of its domain, or of this server.
    pub domain: String,
    /// SID.
    pub sid: Sid,
    /// A member of BUILTIN\Administrators of this server.
    pub is_administrator: bool,
}

/// What is known of an account.
pub struct Account {
    /// For the acceptor.
    pub answer: AccountAnswer,
    /// Who it is, should the acceptor accept.
    pub user: Option<User>,
}

/// What will be known of an account.
pub type Answer<'a> = Pin<Box<dyn Future<Output = Account> + Send + 'a>>;

/// Logons of the server.
pub trait Logons: Send + Sync {
    /// A new logon, in a channel with this binding.
    fn acceptor(&self, binding: ChannelBinding) -> Acceptor;

    /// NTLM is taken.
    fn takes_ntlm(&self) -> bool;

    /// Finds out about an account, here or at a domain controller. `client` is the address that the logon comes from.
    fn account<'a>(&'a self, query: &'a AccountQuery, client: &'a str) -> Answer<'a>;

    /// The user of a Kerberos ticket.
    fn user_of(&self, authorization: &Authorization) -> User;

    /// The same user as of now: `None` for an account of this server that is gone or disabled.
    fn still(&self, user: &User) -> Option<User>;

    /// A logon from `client` failed: how long its answer waits.
    fn failed(&self, client: &str) -> Option<Duration>;

    /// A logon from `client` succeeded.
    fn succeeded(&self, client: &str);
}
