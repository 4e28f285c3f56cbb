//! The start of a request of a frame: what it is related to, its session and its tree connect ([MS-SMB2] 3.3.5.2.7, 3.3.5.2.9,
//! 3.3.5.2.11).

use std::sync::Arc;
use std::sync::atomic::Ordering;

use freehold_dtyp::NtStatus;

use super::super::buffer::HEADROOM_BYTES;
use super::super::chain::{Chain, Ticket};
use super::super::context::{Context, Request, StepResult};
use super::super::dispatch::{self, Needs};
use super::super::event::Now;
use super::super::link::Channel;
use super::super::session::Session;
use super::super::status::CommandError;
use super::Connection;
use crate::crypto::Sender;
use crate::smb2::{Command, HeaderFlags, HeaderId, Smb2Header};

impl Connection {
    /// Starts the present request: 3.3.5.2.7 (compounds), 3.3.5.2.9 (session), 3.3.5.2.11 (tree connect).
    pub(super) fn begin(
        &mut self,
        chain: &mut Chain,
        now: Now,
    ) -> Result<fn(&mut Context<'_>) -> StepResult, CommandError> {
        let Some(element) = chain.elements.get(chain.index).cloned() else {
            return Err(CommandError::Internal("a frame without a request"));
        };
        chain.began = now.monotonic;
        chain.account.begin(now.monotonic);
        chain.async_id = None;
        chain.ticket = Some(Ticket::new());
        chain.channel = None;
        chain.session = None;
        chain.tree = None;
        if !chain.answered.is_empty() {
            chain.out.align_8_from(HEADROOM_BYTES);
        }
        chain.header_start = chain.out.len();
        chain.out.append(&[0; Smb2Header::SIZE]);

        chain.cancelled = element.cancelled;
        let related = element.header.flags.contains(HeaderFlags::RELATED_OPERATIONS);
        let mut header = element.header;
        if related && chain.index > 0 {
            // 3.3.5.2.7.2: the session and the tree connect of the one before, whatever it names itself.
            header.session_id = chain.related_session;
            if let HeaderId::Sync { process_id, .. } = header.id {
                header.id = HeaderId::Sync { process_id, tree_id: chain.related_tree };
            }
        } else {
            chain.related_file = None;
            chain.create_error = None;
        }
        chain.related_session = header.session_id;
        chain.related_tree = header.tree_id().unwrap_or_default();
        chain.request = Some(Request {
            header,
            message: chain.frame.slice(element.range.clone()),
            sealed: chain.sealed_by.is_some(),
            signed: element.signed,
            related: related && chain.index > 0,
            in_pieces: chain.in_pieces,
        });
        let channel = self.link.channels.get(&header.session_id.0).cloned();
        // 3.3.4.1.1: the reply to a signed request is signed, also one that says that the signature is wrong.
        if header.flags.contains(HeaderFlags::SIGNED) {
            chain.channel.clone_from(&channel);
        }
        if chain.sealed_by.is_some_and(|sealed| sealed != header.session_id) {
            return Err(NtStatus::ACCESS_DENIED.into());
        }
        if let Some(channel) = channel.as_ref().filter(|channel| chain.sealed_by == Some(channel.session.id))
        {
            chain.seal_with = Some(Arc::clone(&channel.session));
        }
        if let Some(status) = element.refused {
            return Err(status.into());
        }
        if related && chain.index == 0 {
            // 3.3.5.2.7.2: the first request of a chain has nothing to be related to, and so have those behind it.
            chain.related_is_whole = false;
            return Err(NtStatus::INVALID_PARAMETER.into());
        }
        if related && !chain.related_is_whole {
            return Err(NtStatus::INVALID_PARAMETER.into());
        }
        if let Some(status) = chain.create_error.filter(|_| related) {
            // 3.3.5.2.7.2: without the file there is nothing to do.
            return Err(status.into());
        }
        chain.related_is_whole = false;
        let session = channel.as_ref().map(|channel| Arc::clone(&channel.session));
        chain.account.via = channel;
        let decide = self.needs(chain, &header, session, now)?;
        chain.related_is_whole = true;
        Ok(decide)
    }

    /// Finds what the command needs.
    pub(super) fn needs(
        &mut self,
        chain: &mut Chain,
        header: &Smb2Header,
        session: Option<Arc<Session>>,
        now: Now,
    ) -> Result<fn(&mut Context<'_>) -> StepResult, CommandError> {
        let row = dispatch::row(header.command).ok_or(dispatch::UNKNOWN_COMMAND)?;
        if self.link.negotiated.is_none() && header.command != Command::NEGOTIATE {
            return Err(NtStatus::INVALID_PARAMETER.into());
        }
        if row.needs == Needs::Connection {
            chain.session = session;
            return Ok(row.decide);
        }
        let Some(session) = session.filter(|session| !session.closed.load(Ordering::Acquire)) else {
            self.vouch_for_refusal(chain, header);
            return Err(NtStatus::USER_SESSION_DELETED.into());
        };
        // 3.3.5.2.9: what an expired session may still do is to clean up.
        let cleans_up = matches!(header.command, Command::LOGOFF | Command::CLOSE | Command::LOCK);
        if session.is_expired(now.wall) && !cleans_up {
            return Err(NtStatus::NETWORK_SESSION_EXPIRED.into());
        }
        session.touch(now.wall);
        let sealed = chain.sealed_by.is_some();
        if session.encrypt_data && !sealed && self.server.rejects_unencrypted() {
            return Err(NtStatus::ACCESS_DENIED.into());
        }
        if session.encrypt_data && session.seals() {
            chain.seal_with = Some(Arc::clone(&session));
        }
        if row.needs == Needs::Tree {
            let id = header.tree_id().unwrap_or_default();
            let tree = session.tree(id).ok_or(NtStatus::NETWORK_NAME_DELETED)?;
            // 3.3.5.2.11
            if tree.share.encrypt && !sealed && self.server.rejects_unencrypted() {
                return Err(NtStatus::ACCESS_DENIED.into());
            }
            if tree.share.encrypt && session.seals() {
                chain.seal_with = Some(Arc::clone(&session));
            }
            chain.tree = Some(tree);
        }
        chain.session = Some(session);
        Ok(row.decide)
    }

    /// A session that this connection is no channel of may be another connection's: who signed with its key is
    /// refused under its key, to be believed.
    pub(super) fn vouch_for_refusal(&self, chain: &mut Chain, header: &Smb2Header) {
        let Some(request) = chain.request.as_mut().filter(|_| header.flags.contains(HeaderFlags::SIGNED))
        else {
            return;
        };
        if chain.channel.is_some() {
            return;
        }
        let Some(session) = self.server.sessions.find(&header.session_id.0) else { return };
        let signing = session.signing.clone();
        let mut copy = request.message.to_vec();
        if signing.as_ref().is_some_and(|key| key.verify(&mut copy, Sender::Client).is_ok()) {
            request.signed = true;
            chain.channel = Some(Arc::new(Channel { session, signing, usage: None }));
        }
    }
}
