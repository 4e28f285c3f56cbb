//! What is told of requests beside their replies: how long they took, whose they were, and what slow ones waited for.
//!
//! Times are differences of what the shell's clock showed when it handed something in: the core reads no clock. A request that waits by its
//! nature (for a change, for a pipe's data) is not slow: that time does not count.

use std::sync::Arc;
use std::time::Duration;

use freehold_dtyp::FileTime;
use smallvec::SmallVec;

use super::commands::Waits;
use super::link::Channel;
use super::node::NodeCell;
use super::op::Op;
use super::server::Server;
use super::session::Session;
use crate::metrics::{Cause, Holder, Slow};
use crate::smb2::{FileId, SessionId};

/// A part of a request that took less is not worth remembering.
const NOTED: Duration = Duration::from_millis(5);
/// Holders of a break that are named.
const MAX_HOLDERS: usize = 8;

macro_rules! kinds {
    ($($name:ident),* $(,)?) => {
        /// The kinds of [`Op`].
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u8)]
        #[allow(missing_docs)] // named after the operations
        pub enum OpKind { $($name),* }

        impl OpKind {
            /// All of them, by number.
            pub const ALL: &[OpKind] = &[$(OpKind::$name),*];

            /// The kind of an operation.
            #[must_use]
            pub const fn of(op: &Op) -> OpKind {
                match op { $(Op::$name { .. } => OpKind::$name),* }
            }

            /// Its name.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(OpKind::$name => stringify!($name)),* }
            }
        }
    };
}

kinds! {
    Open, Create, CreateStream, Rename, Link, Unlink, Space, Folder, Quota, Close, OpenData, LockLocal, UnlockLocal, Read, Write, Flush, SetSize, Allocate, PunchHole,
    AllocatedRanges, CopyRanges, CloneRange, Metadata, SetMetadata, Overwrite, Security, ReplaceSecurity, ExtendedAttributes,
    SetExtendedAttributes, Streams, RenameStream, SetCompressed, Snapshots, Snapshot, ReparseData, SetReparseData, List, Entry,
    IsEmpty, Audit, Persist, Account, Names, Rpc, Delay,
}

impl OpKind {
    /// What a request waits for while the shell does this.
    fn cause(self) -> Cause {
        match self {
            OpKind::Audit => Cause::AuditLog,
            OpKind::Account | OpKind::Names => Cause::DomainController,
            OpKind::Rpc => Cause::Rpc,
            OpKind::Delay => Cause::LogonDelay,
            disk => Cause::Disk(disk.name()),
        }
    }
}

/// What a request is doing between two calls of its connection.
#[derive(Default)]
pub enum Doing {
    /// Nothing that takes time.
    #[default]
    Nothing,
    /// The shell has an operation of it.
    Operation(OpKind),
    /// It waits for others.
    Waiting(Cause),
    /// It waits by its nature.
    ByNature,
}

/// The times of a frame and of its present request.
#[derive(Default)]
pub struct Account {
    /// When the frame's last byte came.
    pub received: Duration,
    /// Commands of the frame that are answered and not sent.
    pub commands: SmallVec<[u8; 16]>,
    /// The channel that the present request came through.
    pub via: Option<Arc<Channel>>,
    /// When the present request began.
    began: Duration,
    /// Since when it is doing what it does.
    since: Duration,
    doing: Doing,
    /// How much of the present operation's time is explained.
    explained: Duration,
    /// What it has waited for longest.
    longest: Option<Box<(Cause, Duration)>>,
}

/// What an ended stage of a request was.
pub enum Ended {
    /// Nothing to tell.
    Nothing,
    /// An operation of that kind.
    Operation(OpKind, Duration),
    /// A wait for somebody to give up a cache.
    Break(Duration),
}

impl Account {
    /// Of a frame that has just come.
    #[must_use]
    pub fn of_frame(now: Duration) -> Self {
        Account { received: now, began: now, since: now, ..Account::default() }
    }

    /// The frame's next request begins.
    pub fn begin(&mut self, now: Duration) {
        self.via = None;
        self.began = now;
        self.since = now;
        self.longest = None;
    }

    /// The rest of the frame has come only now.
    pub fn more_came(&mut self, now: Duration) {
        self.received = now;
        self.began = now;
        self.since = now;
    }

    /// The request does something from now on.
    pub fn start(&mut self, doing: Doing, now: Duration) {
        self.doing = doing;
        self.explained = Duration::ZERO;
        self.since = now;
    }

    /// It is over.
    pub fn end(&mut self, now: Duration) -> Ended {
        let took = now.saturating_sub(self.since);
        self.since = now;
        match std::mem::take(&mut self.doing) {
            Doing::Nothing => Ended::Nothing,
            Doing::Operation(kind) => {
                if took >= NOTED {
                    self.note(kind.cause(), took.saturating_sub(self.explained));
                }
                Ended::Operation(kind, took)
            }
            Doing::Waiting(cause) => {
                let is_break = matches!(cause, Cause::Break(_));
                self.note(cause, took);
                if is_break { Ended::Break(took) } else { Ended::Nothing }
            }
            Doing::ByNature => {
                self.received = self.received.saturating_add(took);
                self.began = self.began.saturating_add(took);
                Ended::Nothing
            }
        }
    }

    /// So much of the present operation's time went into this: it was not the operation itself.
    pub fn explain(&mut self, cause: Cause, took: Duration) {
        self.explained = self.explained.saturating_add(took);
        self.note(cause, took);
    }

    fn note(&mut self, cause: Cause, took: Duration) {
        if took >= NOTED && self.longest.as_ref().is_none_or(|longest| longest.1 <= took) {
            self.longest = Some(Box::new((cause, took)));
        }
    }

    /// How long the present request has taken until `now`.
    #[inline]
    #[must_use]
    pub fn took(&self, now: Duration) -> Duration {
        now.saturating_sub(self.began)
    }

    /// When the present request began.
    #[must_use]
    pub fn began(&self) -> Duration {
        self.began
    }

    /// What it has waited for longest, and how long: the server itself where nothing else is known to have taken that much.
    #[must_use]
    pub fn longest(&mut self, took: Duration) -> (Cause, Duration) {
        self.longest.take().map_or((Cause::Server, took), |longest| *longest)
    }
}

/// A request that waits for others now.
#[derive(Clone)]
pub struct Waiting {
    /// When it began, on the monotonic clock.
    pub began: Duration,
    /// What is known of it; `took` is to be made of `began`.
    pub request: Slow,
}

/// What is told of a request, apart from its times.
pub struct Subject<'a> {
    /// Its command's number.
    pub command: u8,
    /// Its session.
    pub session: Option<&'a Arc<Session>>,
    /// Its share.
    pub share: Option<&'a str>,
    /// The peer's address.
    pub client: &'a str,
    /// Path below the volume.
    pub path: String,
}

impl Subject<'_> {
    /// The request as a row.
    #[must_use]
    pub fn slow(
        self,
        began: FileTime,
        took: Duration,
        status: Option<u32>,
        longest: (Cause, Duration),
    ) -> Slow {
        let (cause, caused) = longest;
        Slow {
            number: 0,
            began,
            took,
            command: self.command,
            status,
            share: self.share.unwrap_or_default().to_owned(),
            user: self.session.map_or_else(String::new, |session| user_of(session)),
            client: self.client.to_owned(),
            path: self.path,
            cause,
            caused,
        }
    }
}

/// `DOMAIN\user` of a session; empty for an anonymous one.
#[must_use]
pub fn user_of(session: &Session) -> String {
    let identity = session.identity.load();
    if identity.domain.is_empty() {
        identity.user.clone()
    } else {
        format!("{}\\{}", identity.domain, identity.user)
    }
}

/// The path of an open file below its volume; empty for pipes and where there is none.
#[must_use]
pub fn path_of(session: Option<&Arc<Session>>, file: Option<FileId>) -> String {
    let open = session.zip(file).and_then(|(session, file)| session.open(file));
    let file = open.as_ref().and_then(|open| open.as_file());
    file.map_or_else(String::new, |file| file.file.0.path().as_wtf8().to_string())
}

/// What a request that is parked does.
#[must_use]
pub fn doing_while_parked(server: &Server, waits: &Waits<'_>) -> Doing {
    match waits {
        Waits::Break(cell) => Doing::Waiting(cause_of_break(server, cell)),
        Waits::Lock => Doing::Waiting(Cause::Lock),
        Waits::Neighbour => Doing::Waiting(Cause::Neighbour),
        Waits::ByNature => Doing::ByNature,
    }
}

/// Who must answer before a file may be used. Where nobody is asked for anything its deletion is under way.
fn cause_of_break(server: &Server, cell: &NodeCell) -> Cause {
    let owners = cell.lock().breaking(MAX_HOLDERS);
    if owners.is_empty() {
        return Cause::Deletion;
    }
    let holder = |owner: &crate::fsa::Owner| {
        let session = server.sessions.find(&SessionId(owner.session).0);
        session.map_or_else(
            || Holder { user: String::new(), client: String::new() },
            |session| Holder { user: user_of(&session), client: session.client.clone() },
        )
    };
    Cause::Break(owners.iter().map(holder).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(count: u64) -> Duration {
        Duration::from_millis(count)
    }

    #[test]
    fn the_longest_part_is_the_cause() {
        let mut account = Account::of_frame(ms(0));
        account.begin(ms(0));
        account.start(Doing::Operation(OpKind::Open), ms(0));
        assert!(matches!(account.end(ms(20)), Ended::Operation(OpKind::Open, took) if took == ms(20)));
        account.start(Doing::Waiting(Cause::Break(Vec::new())), ms(20));
        assert!(matches!(account.end(ms(320)), Ended::Break(took) if took == ms(300)));
        account.start(Doing::Operation(OpKind::Create), ms(320));
        let _ = account.end(ms(330));
        assert_eq!(account.took(ms(330)), ms(330));
        assert_eq!(account.longest(ms(330)), (Cause::Break(Vec::new()), ms(300)));
        account.begin(ms(330));
        assert_eq!(account.longest(ms(0)).0, Cause::Server);
    }

    #[test]
    fn what_the_shell_explains_is_not_the_operations_own() {
        let mut account = Account::of_frame(ms(0));
        account.begin(ms(0));
        account.start(Doing::Operation(OpKind::Open), ms(0));
        account.explain(Cause::DirectoryRead { entries: 9 }, ms(290));
        let _ = account.end(ms(300));
        assert_eq!(account.longest(ms(300)), (Cause::DirectoryRead { entries: 9 }, ms(290)));
        account.begin(ms(300));
        account.start(Doing::Operation(OpKind::Flush), ms(300));
        account.explain(Cause::Queue, ms(10));
        let _ = account.end(ms(400));
        assert_eq!(account.longest(ms(100)), (Cause::Disk("Flush"), ms(90)));
    }

    #[test]
    fn waiting_by_nature_is_not_slow() {
        let mut account = Account::of_frame(ms(10));
        account.begin(ms(10));
        account.start(Doing::ByNature, ms(11));
        let _ = account.end(ms(60_011));
        assert_eq!(account.took(ms(60_012)), ms(2));
        assert_eq!(account.received, ms(60_010));
    }

    #[test]
    fn every_kind_has_its_number() {
        for (number, kind) in OpKind::ALL.iter().enumerate() {
            assert_eq!(*kind as usize, number);
        }
        assert!(OpKind::ALL.len() <= crate::metrics::OPERATIONS);
        assert_eq!(OpKind::Names.cause(), Cause::DomainController);
        assert_eq!(OpKind::Flush.cause(), Cause::Disk("Flush"));
    }
}
