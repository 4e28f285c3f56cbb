//! Large writes whose data the shell hands over in pieces, as it comes from the transport, instead of a whole message
//! ([MS-SMB2] 3.3.5.13): what is written while it is still in the processor's cache costs half as much.
//!
//! The shell asks [`Connection::write_in_pieces`] about the first bytes of a long message. If it may, it gives the head to
//! [`Connection::receive_head`], then all data to [`Connection::receive_data`], whenever [`Connection::takes_data`], before it looks
//! at the next message. A request that is refused takes its data, too, and is answered when all has come.

use bytes::{Bytes, BytesMut};
use freehold_acl::AccessMask;

use freehold_dtyp::NtStatus;

use super::super::admit::{self, Disconnect};
use super::super::chain::{Chain, Stage};
use super::super::data_change::{Care, care_of};
use super::super::event::{ChainId, Now};
use super::{Connection, Input};
use crate::smb2::header::ProtocolId;
use crate::smb2::write::{WriteHead, WriteRequest};
use crate::smb2::{Channel, Command, DecodeMessage, HeaderFlags, Smb2Header};

/// Bytes at the start of a message that [`Connection::write_in_pieces`] wants to see.
pub const HEAD_BYTES: usize = WriteRequest::HEAD_BYTES;

/// A write whose data may come in pieces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WriteInPieces {
    /// Where in the file the data goes: pieces that end at a block of the file spare the volume half blocks.
    pub file_offset: u64,
    /// Bytes of data behind the head.
    pub data_bytes: usize,
}

impl Connection {
    /// Whether a message of `frame_bytes` bytes that begins with `head` is a write whose data may come in pieces: one request, neither
    /// signed nor sealed nor wanting to be, of an ordinary file. Whatever is unusual about it is left to
    /// [`Connection::receive`], which refuses as it must. Changes nothing.
    #[must_use]
    pub fn write_in_pieces(&self, head: &[u8], frame_bytes: usize) -> Option<WriteInPieces> {
        if ProtocolId::of(head)? != ProtocolId::Smb2 || self.has_data_to_come() {
            return None;
        }
        let header = Smb2Header::decode(head).ok()?;
        let unusual = HeaderFlags::SERVER_TO_REDIR
            | HeaderFlags::ASYNC_COMMAND
            | HeaderFlags::RELATED_OPERATIONS
            | HeaderFlags::SIGNED
            | HeaderFlags::REPLAY_OPERATION;
        if header.command != Command::WRITE || header.next_command != 0 || header.flags.intersects(unusual) {
            return None;
        }
        let write = WriteHead::decode(head).ok()?;
        let data_bytes = usize::try_from(write.length_bytes).ok()?;
        let plain = write.channel == Channel::NONE && write.data_message_offset == WriteRequest::DATA_OFFSET;
        if !plain || data_bytes == 0 || frame_bytes != HEAD_BYTES.checked_add(data_bytes)? {
            return None;
        }
        let allowed = write.length_bytes <= self.link.max_write_bytes()
            && admit::check_charge(&self.link, &header, head).is_none()
            && self.chains.len() < self.server.config.limits.requests_per_connection;
        let session = self.link.session(header.session_id).filter(|session| {
            !(session.signing_required
                || session.encrypt_data
                || session.closed.load(std::sync::atomic::Ordering::Acquire))
        })?;
        let tree = session.tree(header.tree_id()?).filter(|tree| !tree.share.encrypt)?;
        let open = session.open(write.file_id).filter(|open| open.tree.id == tree.id)?;
        let writes = open.granted.intersects(AccessMask::FILE_WRITE_DATA | AccessMask::FILE_APPEND_DATA);
        // Nothing is to be put back afterwards that others may have changed while the data came, no record is owed for a part
        // that is written before the rest is refused, and no time from before the write is to be shown.
        let simple = open
            .as_file()
            .is_some_and(|file| care_of(file) == Care::None && file.audit.is_none() && !file.delays_times);
        (allowed && writes && simple).then_some(WriteInPieces { file_offset: write.file_offset, data_bytes })
    }

    /// Takes in the head of a write: the [`HEAD_BYTES`] bytes that [`Connection::write_in_pieces`] has agreed to.
    ///
    /// # Errors
    /// As [`Connection::receive`].
    pub fn receive_head(&mut self, head: BytesMut, write: WriteInPieces, now: Now) -> Result<(), Disconnect> {
        let admitted = admit::admit(&self.link, &mut self.window, head, None)?;
        let id = ChainId(self.next_id());
        let out = self.buffer();
        let mut chain = Chain::new(id, admitted.frame, admitted.elements, None, out, now.monotonic);
        chain.in_pieces = true;
        chain.missing_bytes = write.data_bytes;
        self.data_to_come = Some(id);
        self.run(Box::new(chain), Input::Begin, now)
    }

    /// True between [`Connection::receive_head`] and the last of its data.
    #[must_use]
    pub fn has_data_to_come(&self) -> bool {
        self.data_to_come.is_some()
    }

    /// True when [`Connection::receive_data`] may be called: no earlier piece is under way.
    #[must_use]
    pub fn takes_data(&self) -> bool {
        let chain = self.data_to_come.and_then(|id| self.chains.get(&id.0));
        chain.is_some_and(|chain| matches!(chain.stage, Stage::Receiving(_) | Stage::Discarding(_)))
    }

    /// Takes in the next bytes of data, at most what is missing.
    ///
    /// # Errors
    /// As [`Connection::receive`].
    pub fn receive_data(&mut self, data: Bytes, now: Now) -> Result<(), Disconnect> {
        let Some(mut chain) = self.data_to_come.and_then(|id| self.chains.remove(&id.0)) else {
            debug_assert!(false, "data that no request waits for");
            return Ok(());
        };
        let missing_bytes = chain.missing_bytes.checked_sub(data.len()).ok_or(Disconnect::TooLong)?;
        chain.missing_bytes = missing_bytes;
        chain.began = now.monotonic;
        chain.account.more_came(now.monotonic);
        if missing_bytes == 0 {
            self.data_to_come = None;
        }
        match std::mem::replace(&mut chain.stage, Stage::Next) {
            Stage::Receiving(pending) => self.run(chain, Input::Data(pending, data), now)?,
            Stage::Discarding(status) if missing_bytes == 0 => {
                self.run(chain, Input::Drained(status), now)?;
            }
            stage => {
                debug_assert!(matches!(stage, Stage::Discarding(_)), "data before the last piece is done");
                chain.stage = stage;
                self.store(chain, None);
            }
        }
        // As after a whole message.
        self.handle_events(now)
    }

    /// The transport is gone: what is missing will not come. What was written stays, as of a write that was cut short.
    pub(super) fn forget_data_to_come(&mut self, now: Now) {
        let Some(id) = self.data_to_come.take() else { return };
        let Some(mut chain) = self.chains.remove(&id.0) else { return };
        chain.missing_bytes = 0;
        match std::mem::replace(&mut chain.stage, Stage::Next) {
            Stage::Receiving(_) => {
                // A connection that is closed cannot be dropped once more.
                let _ = self.run(chain, Input::Drained(NtStatus::CANCELLED), now);
            }
            Stage::Discarding(status) => {
                let _ = self.run(chain, Input::Drained(status), now);
            }
            stage => {
                chain.stage = stage;
                self.store(chain, None);
            }
        }
    }
}
