//! Tells people of thresholds that were crossed, on a thread of its own: the writer that crossed one never waits for it.
//!
//! Each notice goes once to the webhook and once to the command, in the order in which thresholds were crossed. A webhook
//! that fails is tried again after a while, a bounded number of times; other notices do not wait for that.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::command;
use super::notice::Notice;
use super::webhook::Agent;
use crate::state::State;
use crate::state::quotas::Notification;

/// Most notices that wait; further ones are recorded in the audit log only.
const MAX_WAITING: usize = 1_000;
/// When a webhook is tried again after the first, second ... failure.
const AGAIN_AFTER: [Duration; 4] =
    [Duration::from_secs(2), Duration::from_secs(10), Duration::from_secs(60), Duration::from_secs(300)];

/// How telling somebody went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// `webhook` or `command`.
    pub channel: &'static str,
    /// The answer, or what went wrong.
    pub result: Result<String, String>,
}

/// The thread.
pub(super) struct Notifier {
    queue: Mutex<Option<SyncSender<Box<Notice>>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
    state: Arc<State>,
    stopping: Arc<AtomicBool>,
}

/// A webhook that has failed.
struct Retry {
    due: Instant,
    failures: usize,
    notice: Box<Notice>,
}

impl Notifier {
    /// Starts the thread.
    ///
    /// # Errors
    /// When the system has no thread left.
    pub(super) fn start(state: Arc<State>) -> std::io::Result<Notifier> {
        let (queue, notices) = sync_channel(MAX_WAITING);
        let (of_thread, stopping) = (Arc::clone(&state), Arc::new(AtomicBool::new(false)));
        let stops = Arc::clone(&stopping);
        let thread = std::thread::Builder::new()
            .name("quota-notices".to_owned())
            .spawn(move || work(&of_thread, &notices, &stops))?;
        Ok(Notifier { queue: Mutex::new(Some(queue)), thread: Mutex::new(Some(thread)), state, stopping })
    }

    /// Has `notice` told. Does not block.
    pub(super) fn tell(&self, notice: Notice) {
        let queue = self.queue.lock();
        match queue.as_ref().map(|queue| queue.try_send(Box::new(notice))) {
            Some(Err(TrySendError::Full(notice))) => {
                tracing::warn!(message = notice.message, "too many quota notices wait: this one is not told");
            }
            Some(Ok(()) | Err(TrySendError::Disconnected(_))) | None => {}
        }
    }

    /// Tells `notice` now, once, and how that went. Blocks on the network and on the command.
    pub(super) fn test(&self, notice: &Notice) -> Vec<Outcome> {
        let to = Arc::clone(self.state.quotas().notification());
        let mut outcomes = Vec::new();
        if let Some(url) = &to.webhook {
            let secret = to.webhook_secret.as_ref().map(|secret| secret.as_str());
            let posted = Agent::new().post(url, secret, notice);
            let result = posted.map(|status| format!("status {status}")).map_err(|error| error.to_string());
            outcomes.push(Outcome { channel: "webhook", result });
        }
        if !to.command.is_empty() {
            let done = command::run(&to.command, &notice.environment(), command::COMMAND_LIMIT);
            let result = done.map(|()| "exit status: 0".to_owned()).map_err(|error| error.to_string());
            outcomes.push(Outcome { channel: "command", result });
        }
        outcomes
    }

    /// Ends the thread: what is being told is told to its end, the rest is dropped.
    pub(super) fn stop(&self) {
        self.stopping.store(true, Ordering::Relaxed);
        drop(self.queue.lock().take());
        if let Some(thread) = self.thread.lock().take() {
            let _ = thread.join();
        }
    }
}

fn work(state: &State, notices: &Receiver<Box<Notice>>, stopping: &AtomicBool) {
    let mut agent: Option<Agent> = None;
    let mut retries: VecDeque<Retry> = VecDeque::new();
    loop {
        let next = retries.iter().map(|retry| retry.due).min();
        let received = match next {
            Some(due) => notices.recv_timeout(due.saturating_duration_since(Instant::now())),
            None => notices.recv().map_err(|_| RecvTimeoutError::Disconnected),
        };
        match received {
            // What was sent before the end of the queue is given out of it still.
            Ok(notice) if stopping.load(Ordering::Relaxed) => {
                tracing::warn!(message = notice.message, "the server stops: this quota notice is not told");
            }
            Ok(notice) => {
                let to = Arc::clone(state.quotas().notification());
                if !to.command.is_empty()
                    && let Err(error) =
                        command::run(&to.command, &notice.environment(), command::COMMAND_LIMIT)
                {
                    tracing::warn!(%error, "the command that is to be told of quotas failed");
                }
                post(&mut agent, &to, Retry { due: Instant::now(), failures: 0, notice }, &mut retries);
            }
            Err(RecvTimeoutError::Timeout) => {
                let now = Instant::now();
                let Some(at) = retries.iter().position(|retry| retry.due <= now) else { continue };
                let Some(retry) = retries.remove(at) else { continue };
                let to = Arc::clone(state.quotas().notification());
                post(&mut agent, &to, retry, &mut retries);
            }
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

/// Tries the webhook once; a failure that may pass is kept for later.
fn post(agent: &mut Option<Agent>, to: &Notification, mut retry: Retry, retries: &mut VecDeque<Retry>) {
    let Some(url) = &to.webhook else { return };
    let agent = agent.get_or_insert_with(Agent::new);
    let secret = to.webhook_secret.as_ref().map(|secret| secret.as_str());
    let Err(error) = agent.post(url, secret, &retry.notice) else { return };
    match AGAIN_AFTER.get(retry.failures).filter(|_| error.is_passing()) {
        Some(pause) => {
            tracing::warn!(%error, again_after_s = pause.as_secs(), "the webhook for quotas failed");
            if retries.len() >= MAX_WAITING {
                retries.pop_front();
            }
            retry.failures += 1;
            retry.due = Instant::now() + *pause;
            retries.push_back(retry);
        }
        None => {
            tracing::error!(%error, message = retry.notice.message, "the webhook for quotas failed: not tried again");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::quotas::QuotaEdit;

    #[test]
    fn what_waits_when_the_server_stops_is_dropped() {
        let folder = tempfile::tempdir().unwrap();
        let (told, go) = (folder.path().join("told"), folder.path().join("go"));
        let script =
            format!("echo >> {}; while [ ! -e {} ]; do sleep 0.05; done", told.display(), go.display());
        let state = Arc::new(State::in_memory().unwrap());
        let command = ["/bin/sh", "-c", &script].map(str::to_owned).to_vec();
        state
            .edit_quotas(&[QuotaEdit::Notification(Notification { command, ..Notification::default() })])
            .unwrap();
        let notifier = Notifier::start(state).unwrap();
        for _ in 0..5 {
            notifier.tell(Notice {
                event: "Test",
                time: String::new(),
                server: String::new(),
                volume: String::new(),
                user: String::new(),
                sid: String::new(),
                path: String::new(),
                disk_space_used: 0,
                threshold: 0,
                threshold_percent: None,
                limit: None,
                message: String::new(),
            });
        }
        while !told.exists() {
            std::thread::sleep(Duration::from_millis(5));
        }
        std::thread::scope(|scope| {
            let stopped = scope.spawn(|| notifier.stop());
            while !notifier.stopping.load(Ordering::Relaxed) {
                std::thread::sleep(Duration::from_millis(5));
            }
            std::fs::write(&go, "").unwrap();
            stopped.join().unwrap();
        });
        assert_eq!(std::fs::read_to_string(told).unwrap(), "\n");
    }
}
