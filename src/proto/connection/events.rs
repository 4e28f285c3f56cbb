//! What reaches a connection besides frames and results: events of others, deadlines, cancels, the end of the transport.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::super::admit::Disconnect;
use super::super::caching;
use super::super::chain::{Chain, Stage};
use super::super::commands::Parked;
use super::super::event::{ChainId, ConnectionId, Event, Now, Wake};
use super::super::limits;
use super::super::session::Session;
use super::super::teardown;
use super::reply::is_reading;
use super::{Connection, Input};
use crate::fsa::{HolderId, LeaseId};
use crate::smb2::{FileId, HeaderId, SessionId, Smb2Header};

impl Connection {
    /// Takes in what others have posted.
    ///
    /// # Errors
    /// As [`Connection::receive`].
    pub fn handle_events(&mut self, now: Now) -> Result<(), Disconnect> {
        for event in self.mailbox.take() {
            match event {
                Event::Wake { chain, wake } => self.wake(chain, wake, now)?,
                Event::Break { session, holder, persistent, body, .. } => {
                    self.notify(session, holder, persistent, &body);
                }
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
                        self.server.throw_out(&channel.session, &mut ops, now);
                        self.detach(ops);
                    }
                }
                Event::SessionGone(session) => {
                    // Its channel stays until the connection ends: what is still asked in its name is refused with
                    // USER_SESSION_DELETED, signed with its key, so that the client can believe it.
                    self.link.setups.remove(&session.0);
                    if self.closed {
                        self.end_waits(now, |chain| {
                            chain.session.as_ref().is_some_and(|theirs| theirs.id == session)
                        });
                    }
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

    /// The transport is gone: ends its sessions. Operations go on until [`Connection::is_drained`], and so does a CREATE that
    /// can be replayed on another channel of its session: events and deadlines must be handled until then.
    pub fn disconnected(&mut self, now: Now) {
        self.closed = true;
        self.mailbox.close();
        if let Some(negotiated) = &self.link.negotiated {
            self.server.leases.leave(&negotiated.client_guid, self.link.id);
            self.server.clients.leave(&negotiated.client_guid, self.link.id);
        }
        let me = self.link.id;
        self.end_waits(now, |chain| match &chain.stage {
            Stage::Parked(parked) => !outlives(parked, chain.session.as_ref(), me),
            Stage::Running(_)
            | Stage::Receiving(_)
            | Stage::Discarding(_)
            | Stage::Draining(_)
            | Stage::Next => false,
        });
        self.forget_data_to_come(now);
        let sessions: Vec<Arc<Session>> =
            self.link.channels.values().map(|channel| Arc::clone(&channel.session)).collect();
        self.end_sessions(now);
        let client = self.link.negotiated.as_ref().map(|negotiated| &negotiated.client_guid);
        caching::resend_breaks(&self.server, client, self.link.id, &sessions);
        self.transmit.clear();
        self.leave_server();
    }

    /// The server stops: nothing waits any more.
    pub fn stop_waiting(&mut self, now: Now) {
        self.end_waits(now, |_| true);
    }

    /// Ends the requests that wait and that `matches` selects, oldest first. For a closed connection.
    fn end_waits(&mut self, now: Now, matches: impl Fn(&Chain) -> bool) {
        let mut parked: Vec<u64> = self
            .chains
            .iter()
            .filter(|(_, chain)| matches!(chain.stage, Stage::Parked(_)) && matches(chain))
            .map(|(id, _)| *id)
            .collect();
        parked.sort_unstable();
        for id in parked {
            // A connection that is closed cannot be dropped once more.
            let _ = self.wake(ChainId(id), Wake::Closed, now);
        }
    }

    /// A closed connection is found by others for as long as something of it is under way.
    pub(super) fn leave_server(&self) {
        if self.closed && self.chains.is_empty() {
            self.server.unregister(self.link.id);
        }
    }

    /// Sends the breaks that were posted, ahead of a reply. Those of what the reply tells of for the first time, the open
    /// `new` and its lease, are given back: they go behind it. So do those of leases on directories, of which a reply may tell
    /// the reason: Windows breaks them with the change done, and its client knows then what it has changed itself.
    pub(super) fn send_breaks(&mut self, new: Option<FileId>) -> Vec<Event> {
        let mut behind = self.mailbox.take_breaks();
        if behind.is_empty() {
            return behind;
        }
        let lease = new.and_then(|id| self.lease_of(id));
        let is_ahead = |event: &mut Event| match event {
            Event::Break { done: true, .. } => false,
            Event::Break { holder: HolderId::Oplock(open), .. } => new.is_none_or(|id| id.volatile != open.0),
            Event::Break { holder: HolderId::Lease(id), .. } => lease != Some(*id),
            _ => false,
        };
        let ahead: Vec<Event> = behind.extract_if(.., is_ahead).collect();
        self.send_these(ahead);
        behind
    }

    pub(super) fn send_these(&mut self, breaks: Vec<Event>) {
        for event in breaks {
            if let Event::Break { session, holder, persistent, body, .. } = event {
                self.notify(session, holder, persistent, &body);
            }
        }
    }

    fn lease_of(&self, id: FileId) -> Option<LeaseId> {
        let open = self.link.channels.values().find_map(|channel| channel.session.open(id))?;
        let file = open.as_file()?;
        file.node.lock().lease_of(open.id())
    }

    fn notify(&mut self, session: SessionId, holder: HolderId, persistent: u64, body: &[u8]) {
        if self.holds(session, holder, persistent) {
            self.send_break(session, holder, body);
        }
    }

    /// True while what is broken is there. A close that was answered meanwhile has ended the break: the client would not know
    /// what it is told.
    fn holds(&self, session: SessionId, holder: HolderId, persistent: u64) -> bool {
        match holder {
            HolderId::Lease(id) => self.server.leases.is_known(&id),
            HolderId::Oplock(open) => {
                let id = FileId { persistent, volatile: open.0 };
                self.server.sessions.find(&session.0).is_some_and(|session| session.open(id).is_some())
            }
        }
    }

    /// Ends every session that lives on this connection alone.
    pub(super) fn end_sessions(&mut self, now: Now) {
        let mut sessions: Vec<Arc<Session>> =
            self.link.channels.values().map(|channel| Arc::clone(&channel.session)).collect();
        sessions.sort_by_key(|session| session.id);
        let mut ops = VecDeque::new();
        for session in sessions {
            let lingers = self
                .chains
                .values()
                .any(|chain| chain.session.as_ref().is_some_and(|of| of.id == session.id));
            self.server.leave_session(&session, self.link.id, lingers, &mut ops, now);
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
        if found.is_none() && matches!(header.id, HeaderId::Sync { .. }) {
            // Its turn in its frame has not come.
            let mut waiting = self.chains.values_mut().flat_map(|chain| {
                let next = chain.index.saturating_add(1);
                chain.elements.iter_mut().skip(next)
            });
            if let Some(element) = waiting.find(|element| element.header.message_id == header.message_id) {
                element.cancelled = true;
            }
            return Ok(());
        }
        if let Some(id) = found.map(|chain| chain.id) {
            // What follows the cancelled request in its frame may end the connection.
            self.wake(id, Wake::Cancelled, now)?;
        }
        Ok(())
    }

    pub(super) fn wake(&mut self, id: ChainId, wake: Wake, now: Now) -> Result<(), Disconnect> {
        let Some(mut chain) = self.chains.remove(&id.0) else { return Ok(()) };
        match std::mem::replace(&mut chain.stage, Stage::Next) {
            Stage::Parked(parked) if wake != Wake::Cancelled || parked.can_be_cancelled() => {
                self.forget_waiting(&chain);
                self.end_stage(&mut chain, now);
                self.run(chain, Input::Resume(parked, wake), now)
            }
            stage => {
                chain.cancelled |= wake == Wake::Cancelled;
                chain.stage = stage;
                self.chains.insert(id.0, chain);
                Ok(())
            }
        }
    }
}

/// True for a request that goes on without its connection: a CREATE that its client can ask for again, on another channel of
/// the session (docs/decisions/0006-durable-handles.md).
pub(super) fn outlives(parked: &Parked, session: Option<&Arc<Session>>, connection: ConnectionId) -> bool {
    let Parked::Create(create) = parked else { return false };
    create.can_be_replayed()
        && session.is_some_and(|session| {
            !session.closed.load(Ordering::Acquire)
                && session.connections().iter().any(|channel| *channel != connection)
        })
}

/// When something is to be done for a chain.
fn deadline_of(chain: &Chain) -> Option<Duration> {
    match &chain.stage {
        Stage::Parked(parked) => parked.deadline(),
        // Only the last request of a frame may answer later than its neighbours.
        Stage::Running(_)
            if chain.async_id.is_none()
                && chain.is_last()
                && chain.missing_bytes == 0
                && (chain.answered.is_empty() || !is_reading(chain)) =>
        {
            Some(chain.began.saturating_add(limits::INTERIM_AFTER))
        }
        Stage::Running(_) | Stage::Receiving(_) | Stage::Discarding(_) | Stage::Draining(_) | Stage::Next => {
            None
        }
    }
}
