//! What a command sees while it decides: the request, its session and tree connect, the server, and the reply under way.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use freehold_acl::Token;
use freehold_dtyp::NtStatus;

use super::admit::Disconnect;
use super::audit::{self, Recording};
use super::buffer::ReplyBuffer;
use super::channel_sequence::Admission;
use super::commands::{Parked, Pending};
use super::event::{Now, WaiterId};
use super::link::{Channel, Link};
use super::op::{Op, Splice};
use super::open::{FileOpen, Open};
use super::server::Server;
use super::session::Session;
use super::status::CommandError;
use super::tree_connect::TreeConnect;
use super::under_way::Outstanding;
use crate::smb2::{Command, FileId, HeaderFlags, SessionId, Smb2Header, TreeId};

/// What a command does next. States are consumed: a step that waits hands over all it needs to go on.
pub enum Step {
    /// Answer with this status and with the body that was written to [`Context::out`].
    Reply(NtStatus),
    /// Run an operation, then call the command's `finish`.
    Op(Op, Pending),
    /// Wait for an event, then call the command's `resume`. An interim reply is sent.
    Park(Parked),
    /// Wait for the next piece of the request's data, then call [`Pending::receive`].
    Receive(Pending),
}

/// Result of `decide`, `finish` and `resume`. An error becomes an ERROR response.
pub type StepResult = Result<Step, CommandError>;

/// One request under way.
pub struct Request {
    /// Its header. A related request has the ids of its predecessor in place already.
    pub header: Smb2Header,
    /// The whole message from its header on, up to the next request of the compound.
    pub message: Bytes,
    /// It came sealed.
    pub sealed: bool,
    /// It came signed, and the signature was right.
    pub signed: bool,
    /// It is a related request of a compound.
    pub related: bool,
    /// `message` ends before its data, which comes in pieces.
    pub in_pieces: bool,
}

impl Request {
    /// A part of the message that shares its memory; empty when out of range.
    #[must_use]
    pub fn slice(&self, range: Range<usize>) -> Bytes {
        if range.start <= range.end && range.end <= self.message.len() {
            self.message.slice(range)
        } else {
            Bytes::new()
        }
    }
}

/// The surroundings of one request.
pub struct Context<'a> {
    /// What all connections share.
    pub server: &'a Arc<Server>,
    /// The protocol state of this connection.
    pub link: &'a mut Link,
    /// The request.
    pub request: &'a Request,
    /// Its session, where the command needs one.
    pub session: Option<Arc<Session>>,
    /// Its tree connect, where the command needs one.
    pub tree: Option<Arc<TreeConnect>>,
    /// The session id of the reply, which related requests inherit; SESSION_SETUP sets it.
    pub session_id: &'a mut SessionId,
    /// The tree id of the reply, which related requests inherit; TREE_CONNECT sets it.
    pub tree_id: &'a mut TreeId,
    /// The connection must be dropped without an answer, for the reason put here.
    pub disconnect: &'a mut Option<Disconnect>,
    /// The FileId that related requests inherit; CREATE sets it.
    pub related_file: &'a mut Option<FileId>,
    /// The reply. The header's place is reserved; a command appends its body, whose offsets count from `header_start`.
    pub out: &'a mut ReplyBuffer,
    /// Where the reply's SMB2 header starts in `out`.
    pub header_start: usize,
    /// What is to be recorded before the reply is sent.
    pub audit: &'a mut Recording,
    /// Operations that must be done before the reply is sent (a deletion by CLOSE). Failures are logged.
    pub before_reply: &'a mut VecDeque<Op>,
    /// The request is counted in its open until it is answered; [`Context::open`] puts it here.
    pub outstanding: &'a mut Option<Outstanding>,
    /// The channel whose key signs the reply; a successful SESSION_SETUP puts the new one here.
    pub channel: &'a mut Option<Arc<Channel>>,
    /// File data that follows the body without passing through this process, where nothing is signed or sealed.
    pub splice: &'a mut Option<Splice>,
    /// The reply will be neither signed nor sealed and has no neighbour in a compound: [`Context::splice`] may be used.
    pub may_splice: bool,
    /// How others resume this request once it is parked.
    pub waiter: WaiterId,
    /// The present.
    pub now: Now,
}

impl Context<'_> {
    /// The session.
    ///
    /// # Errors
    /// `Internal`: dispatch gives every command that needs one its session.
    pub fn session(&self) -> Result<&Arc<Session>, CommandError> {
        self.session.as_ref().ok_or(CommandError::Internal("the command has no session"))
    }

    /// The tree connect.
    ///
    /// # Errors
    /// `Internal`: dispatch gives every command that needs one its tree connect.
    pub fn tree(&self) -> Result<&Arc<TreeConnect>, CommandError> {
        self.tree.as_ref().ok_or(CommandError::Internal("the command has no tree connect"))
    }

    /// The token that access checks see.
    ///
    /// # Errors
    /// As [`Context::session`].
    pub fn token(&self) -> Result<Arc<Token>, CommandError> {
        Ok(self.session()?.token())
    }

    /// The open that a request's FileId names; of a related request that of the compound's predecessor, whatever it names itself
    /// (3.3.5.2.7.2).
    ///
    /// # Errors
    /// FILE_CLOSED when there is none in this session and tree connect, INVALID_HANDLE when no request before it has named one.
    pub fn open(&mut self, id: FileId) -> Result<Arc<Open>, CommandError> {
        let id = match (self.request.related, *self.related_file) {
            (true, Some(inherited)) => inherited,
            (true, None) => return Err(NtStatus::INVALID_HANDLE.into()),
            (false, _) => id,
        };
        // Also one that is not there is what related requests go on with.
        *self.related_file = Some(id);
        let open = self.session()?.open(id).ok_or(NtStatus::FILE_CLOSED)?;
        if self.tree.as_ref().is_some_and(|tree| tree.id != open.tree_id()) {
            return Err(NtStatus::FILE_CLOSED.into());
        }
        self.count(&open)?;
        let closes = self.request.header.command == Command::CLOSE;
        audit::handle_named(self.server, self.audit, &open, closes)?;
        Ok(open)
    }

    /// Counts the request in its open; it counts once, however often it looks.
    fn count(&mut self, open: &Arc<Open>) -> Result<(), CommandError> {
        let is_3x = self.link.dialect().is_3x();
        let entered = match self.outstanding {
            Some(outstanding) => {
                if is_3x {
                    open.replay_eligible.store(false, Ordering::Relaxed);
                }
                outstanding.go_on()
            }
            None => {
                let sequence = if is_3x { self.verify_channel_sequence(open)? } else { None };
                *self.outstanding = Outstanding::enter(open, sequence);
                self.outstanding.is_some()
            }
        };
        if entered { Ok(()) } else { Err(NtStatus::FILE_CLOSED.into()) }
    }

    /// 3.3.5.2.10, and what every command from 3.3.5.10 on says of IsReplayEligible. The ChannelSequence under which the request
    /// is counted, if it is.
    fn verify_channel_sequence(&self, open: &Open) -> Result<Option<u16>, CommandError> {
        if open.replay_eligible.load(Ordering::Relaxed) {
            open.replay_eligible.store(false, Ordering::Relaxed);
        }
        let header = &self.request.header;
        let sequence = header.channel_sequence();
        let replay = header.flags.contains(HeaderFlags::REPLAY_OPERATION);
        match open.channel_sequence.admit(sequence, replay) {
            Admission::Counted => Ok(Some(sequence)),
            Admission::Doubtful
                if matches!(header.command, Command::WRITE | Command::SET_INFO | Command::IOCTL) =>
            {
                Err(NtStatus::FILE_NOT_AVAILABLE.into())
            }
            Admission::Doubtful => Ok(None),
        }
    }

    /// Appends a reply body with a writer; returns what `write` does. The writer's position counts from the start of
    /// the buffer: the body starts at `position()` before anything is written, the header at [`Context::header_start`].
    pub fn write<T>(&mut self, write: impl FnOnce(&mut freehold_dtyp::Writer) -> T) -> T {
        self.out.write(write)
    }

    /// Answers with a body.
    ///
    /// # Errors
    /// Never; the form of a command's result.
    pub fn reply(&mut self, body: &impl freehold_dtyp::Encode) -> StepResult {
        self.out.write(|writer| body.encode(writer));
        Ok(Step::Reply(NtStatus::SUCCESS))
    }
}

/// The file part of an open.
///
/// # Errors
/// INVALID_DEVICE_REQUEST for a pipe.
pub fn file_of(open: &Open) -> Result<&FileOpen, CommandError> {
    open.as_file().ok_or(CommandError::Status(NtStatus::INVALID_DEVICE_REQUEST))
}
