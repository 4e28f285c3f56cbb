//! Closes the opens that wait for their client when their time is over ([MS-SMB2] 3.3.2.2, 3.3.2.4), and runs the operations
//! that no connection waits for.

use std::sync::Arc;

use tokio::sync::{Notify, watch};

use super::Shared;
use super::transport::{NotifyWaker, sleep_until};
use super::worker::{Outcome, execute};
use crate::proto::durable;
use crate::proto::op::{Op, OpResult};
use crate::vfs::Wait;

/// Runs until the server stops.
pub async fn scavenge(shared: Arc<Shared>, mail: Arc<Notify>, mut shutdown: watch::Receiver<bool>) {
    loop {
        durable::expire(&shared.core, shared.clock.now());
        if run_operations(&shared).await {
            continue;
        }
        let deadline = shared.core.disconnected.next_deadline();
        let deadline = deadline.map(|at| shared.clock.instant(at).into());
        tokio::select! {
            _ = shutdown.changed() => return,
            () = mail.notified() => {}
            () = sleep_until(deadline) => {}
        }
    }
}

/// Has the core call `mail` when there is something to do.
pub fn listen(shared: &Shared, mail: &Arc<Notify>) {
    shared.core.disconnected.set_waker(Box::new(NotifyWaker(Arc::clone(mail))));
}

/// Closes what only outlives its session: the server stops. Persistent opens stay in their store.
pub async fn finish(shared: &Arc<Shared>) {
    let now = shared.clock.now();
    durable::give_up_where(&shared.core, now, |_, known| known.kept != durable::Kept::Persistent);
    while run_operations(shared).await {}
}

/// Runs what is there to be run, in its order; false when there is nothing.
async fn run_operations(shared: &Arc<Shared>) -> bool {
    let operations = shared.core.disconnected.take_operations();
    if operations.is_empty() {
        return false;
    }
    let mut of_volumes = Vec::new();
    for operation in operations {
        let Op::Audit { batch, follows_deletion } = operation else {
            of_volumes.push(operation);
            continue;
        };
        let failed = run_on_volumes(std::mem::take(&mut of_volumes)).await;
        if !(failed && follows_deletion) {
            shared.audit.submit(batch, Box::new(|_| {})).await;
        }
    }
    run_on_volumes(of_volumes).await;
    true
}

/// Runs operations where blocking is allowed; true when the last one has failed.
async fn run_on_volumes(operations: Vec<Op>) -> bool {
    if operations.is_empty() {
        return false;
    }
    let done =
        tokio::task::spawn_blocking(move || operations.into_iter().fold(false, |_, next| run(next))).await;
    done.unwrap_or_else(|error| {
        tracing::error!(%error, "operations of opens that were given up have failed");
        true
    })
}

/// True when it has failed.
fn run(operation: Op) -> bool {
    match execute(operation, Wait::Allowed) {
        Outcome::Done(OpResult::Done(Err(error))) => {
            tracing::warn!(%error, "an operation of an open that was given up has failed");
            true
        }
        Outcome::Done(_) | Outcome::WouldBlock(_) => false,
    }
}
