//! What reaches a connection besides frames and results: events of others, deadlines, cancels, the end of the transport.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use super::super::admit::Disconnect;
use super::super::chain::{Chain, Stage};
use super::super::event::{ChainId, Event, Now, Wake};
use super::super::limits;
use super::super::session::Session;
use super::super::teardown;
use super::reply::is_reading;
use super::{Connection, Input};
use crate::smb2::{HeaderId, Smb2Header};

impl Connection {
    /// Takes in what others have posted.
    ///
    /// # Errors
    /// As [`Connection::receive`].
    pub fn handle_events(&mut self, now: Now) -> Result<(), Disconnect> {
        for event in self.mailbox.take() {
            match event {
                Event::Wake { chain, wake } => self.wake(chain, wake, now)?,
                Event::Break { session, body } => self.send_break(session, &body),
                Event::ShareGone(share) => {
                    let mut ops = VecDeque::new();
                    for channel in self.link.channels.values() {
                        for tree in channel.session.take_trees_of(&share) {
                            for open in channel.session.take_opens(Some(tree.id)) {
                                teardown::close_open(&self.server, &open, &mut ops, now);
                            }
                        }
                    }
                    self.detach(ops);
                }
                Event::EndSession(session) => {
                    if let Some(channel) = self.link.channels.get(&session.0).cloned() {
                        let mut ops = VecDeque::new();
                        self.server.end_session(&channel.session, &mut ops, now);
                        self.detach(ops);
                    }
                }
                Event::SessionGone(session) => {
                    // Its channel stays until the connection ends: what is still asked in its name is refused with
                    // USER_SESSION_DELETED, signed with its key, so that the client can believe it.
                    self.link.setups.remove(&session.0);
                }
            }
        }
        Ok(())
    }

    /// When [`Connection::handle_deadline`] wants to be called, on the monotonic clock.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Duration> {
        self.chains.values().filter_map(|chain| deadline_of(chain)).min()
    }

    /// Does what is due: interim replies of slow operations, waits that have timed out.
    ///
    /// # Errors
    /// As [`Connection::receive`].
    pub fn handle_deadline(&mut self, now: Now) -> Result<(), Disconnect> {
        let mut due: Vec<u64> = self
            .chains
            .iter()
            .filter(|(_, chain)| deadline_of(chain).is_some_and(|deadline| deadline <= now.monotonic))
            .map(|(id, _)| *id)
            .collect();
        due.sort_unstable();
        for id in due {
            let Some(mut chain) = self.chains.remove(&id) else { continue };
            if matches!(chain.stage, Stage::Parked(_)) {
                self.chains.insert(id, chain);
                self.wake(ChainId(id), Wake::TimedOut, now)?;
            } else {
                self.send_interim(&mut chain);
                self.chains.insert(id, chain);
            }
        }
        Ok(())
    }

    /// The transport is gone: ends its sessions. Operations go on until [`Connection::is_drained`].
    pub fn disconnected(&mut self, now: Now) {
        self.closed = true;
        self.server.unregister(self.link.id);
        if let Some(negotiated) = &self.link.negotiated {
            self.server.leases.leave(&negotiated.client_guid, self.link.id);
        }
        let mut parked: Vec<u64> = self
            .chains
            .iter()
            .filter(|(_, chain)| matches!(chain.stage, Stage::Parked(_)))
            .map(|(id, _)| *id)
            .collect();
        parked.sort_unstable();
        for id in parked {
            // A connection that is closed cannot be dropped once more.
            let _ = self.wake(ChainId(id), Wake::Closed, now);
        }
        self.end_sessions(now);
        self.transmit.clear();
    }

    /// Ends every session that lives on this connection alone.
    pub(super) fn end_sessions(&mut self, now: Now) {
        let mut sessions: Vec<Arc<Session>> =
            self.link.channels.values().map(|channel| Arc::clone(&channel.session)).collect();
        sessions.sort_by_key(|session| session.id);
        let mut ops = VecDeque::new();
        for session in sessions {
            self.server.leave_session(&session, self.link.id, &mut ops, now);
        }
        if self.chains.is_empty() {
            self.link.channels.clear();
            self.link.setups.clear();
        }
        self.detach(ops);
    }

    /// 3.3.5.16 Receiving an SMB2 CANCEL Request.
    pub(super) fn cancel(&mut self, header: &Smb2Header, now: Now) -> Result<(), Disconnect> {
        let found = self.chains.values().find(|chain| match header.id {
            HeaderId::Async(id) => chain.async_id == Some(id),
            HeaderId::Sync { .. } => {
                chain.request.as_ref().is_some_and(|request| request.header.message_id == header.message_id)
            }
        });
        if let Some(id) = found.map(|chain| chain.id) {
            // What follows the cancelled request in its frame may end the connection.
            self.wake(id, Wake::Cancelled, now)?;
        }
        Ok(())
    }

    pub(super) fn wake(&mut self, id: ChainId, wake: Wake, now: Now) -> Result<(), Disconnect> {
        let Some(mut chain) = self.chains.remove(&id.0) else { return Ok(()) };
        match std::mem::replace(&mut chain.stage, Stage::Next) {
            Stage::Parked(parked) => self.run(chain, Input::Resume(parked, wake), now),
            stage => {
                chain.cancelled |= wake == Wake::Cancelled;
                chain.stage = stage;
                self.chains.insert(id.0, chain);
                Ok(())
            }
        }
    }
}

/// When something is to be done for a chain.
fn deadline_of(chain: &Chain) -> Option<Duration> {
    match &chain.stage {
        Stage::Parked(parked) => parked.deadline(),
        // Only the last request of a frame may answer later than its neighbours.
        Stage::Running(_)
            if chain.async_id.is_none()
                && chain.is_last()
                && (chain.answered.is_empty() || !is_reading(chain)) =>
        {
            Some(chain.began.saturating_add(limits::INTERIM_AFTER))
        }
        Stage::Running(_) | Stage::Draining(_) | Stage::Next => None,
    }
}
