//! Programs of this machine that want files which clients have in their caches (docs/decisions/0034): the kernel tells this
//! process by SIGIO, has the program wait, and gives clients `/proc/sys/fs/lease-break-time` (45 s by default) to let go.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{Notify, watch};

use super::Shared;
use crate::proto::caching::{break_for_local_program, has_let_go};
use crate::proto::node::NodeKey;
use crate::proto::op::VolumeRef;

/// Between two looks whether clients have let go, first and at most.
const FIRST_LOOK: Duration = Duration::from_millis(1);
const LAST_LOOK: Duration = Duration::from_millis(50);

/// Where the kernel's signals come. To be made before the first lease is taken: without it the signal ends the process.
///
/// # Errors
/// When the handler cannot be installed.
pub(super) fn listen() -> std::io::Result<Signal> {
    signal(SignalKind::io())
}

/// Breaks what clients cache of files that programs want, until the server stops.
pub(super) async fn watch(shared: Arc<Shared>, mut signals: Signal, mut stopped: watch::Receiver<bool>) {
    let under_way: Arc<Mutex<HashSet<NodeKey>>> = Arc::default();
    let again = Arc::new(Notify::new());
    let volumes: Vec<VolumeRef> =
        shared.volumes.values().filter(|volume| backs_caches(volume)).cloned().collect();
    loop {
        // Several signals may come as one: each time all files are looked at.
        tokio::select! {
            _ = stopped.changed() => return,
            signal = signals.recv() => if signal.is_none() { return },
            () = again.notified() => {}
        }
        for volume in &volumes {
            let looked = Arc::clone(&volume.volume);
            let Ok(files) = tokio::task::spawn_blocking(move || looked.broken_leases()).await else { return };
            for id in files {
                let key = NodeKey { volume: volume.id, id };
                if !under_way.lock().insert(key) {
                    continue;
                }
                let (shared, volume) = (Arc::clone(&shared), volume.clone());
                let (under_way, again) = (Arc::clone(&under_way), Arc::clone(&again));
                tokio::spawn(async move {
                    let_go(&shared, &volume, key).await;
                    // INVARIANT: nobody has been let cache the file since: the kernel's lease was being broken.
                    volume.volume.release_lease(key.id);
                    under_way.lock().remove(&key);
                    // A lease that was given and broken between the two was passed over.
                    again.notify_one();
                });
            }
        }
    }
}

/// True for a volume whose clients cache nothing that programs could not break.
pub(super) fn backs_caches(volume: &VolumeRef) -> bool {
    volume.identity.options.local_programs.backs_caches()
}

/// Has clients let go of a file, and waits until they have.
async fn let_go(shared: &Shared, volume: &VolumeRef, key: NodeKey) {
    tracing::debug!(
        volume = volume.identity.label,
        file = key.id.0,
        "a program of this machine wants a file"
    );
    break_for_local_program(&shared.core, key, shared.clock.now());
    let mut pause = FIRST_LOOK;
    while !has_let_go(&shared.core, key, shared.clock.now()) {
        tokio::time::sleep(pause).await;
        pause = pause.saturating_mul(2).min(LAST_LOOK);
    }
}
