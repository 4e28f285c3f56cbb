//! What a member does by itself: changes its password when that is due, ends a change that an interruption left open, forgets keys
//! whose time is over, notes the site it is in.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use freehold_dtyp::FileTime;
use tokio::sync::watch;

use super::{Domain, DomainError, rotation};
use crate::state::Membership;

/// The first look after the start: a change that a crash left open is ended soon.
const FIRST_LOOK: Duration = Duration::from_secs(5);
/// How often it is looked whether something is due.
const LOOK_EVERY: Duration = Duration::from_secs(60);
/// How long a change of the password that failed is not tried again. Nothing waits for it: keys and passwords of a change that is
/// open count from its beginning on.
const RETRY_AFTER: Duration = Duration::from_secs(3_600);

impl Domain {
    /// Looks after the membership until `stop` becomes true.
    pub async fn maintain(self: Arc<Self>, mut stop: watch::Receiver<bool>) {
        let mut pause = FIRST_LOOK;
        let mut failed: Option<Instant> = None;
        loop {
            tokio::select! {
                // An error means that whoever could stop the server is gone.
                _ = stop.wait_for(|stopped| *stopped) => return,
                () = tokio::time::sleep(pause) => {}
            }
            pause = LOOK_EVERY;
            let domain = Arc::clone(&self);
            let may_rotate = failed.is_none_or(|when| when.elapsed() >= RETRY_AFTER);
            let runtime = tokio::runtime::Handle::current();
            // Changes of the state wait for the disk.
            let looked = tokio::task::spawn_blocking(move || runtime.block_on(domain.look(may_rotate)));
            match looked.await {
                Ok(Ok(rotated)) => failed = failed.filter(|_| !rotated),
                Ok(Err(error)) => {
                    failed = Some(Instant::now());
                    tracing::warn!(%error, "the machine password could not be changed; it is tried again in an hour");
                }
                Err(error) => tracing::error!(%error, "looking after the membership failed"),
            }
        }
    }

    /// One look. True when the password was changed.
    async fn look(&self, may_rotate: bool) -> Result<bool, DomainError> {
        let Some(membership) = self.state.membership() else { return Ok(false) };
        if let Err(error) = self.state.forget_old_passwords() {
            tracing::warn!(%error, "keys whose time is over could not be forgotten");
        }
        self.note_site(&membership);
        let now = FileTime::from_system_time(SystemTime::now());
        let due = rotation::next_change(&membership, &self.settings).is_some_and(|due| due <= now);
        if may_rotate && (due || membership.pending_password.is_some()) {
            self.rotate().await?;
            return Ok(true);
        }
        Ok(false)
    }

    /// The site that domain controllers tell may change with the directory's subnets.
    fn note_site(&self, membership: &Membership) {
        let told =
            self.member().and_then(|member| member.locator.current()).and_then(|dc| dc.client_site.clone());
        let site = self.settings.site.clone().or(told);
        if site.is_some()
            && site != membership.site
            && let Err(error) = self.state.note_place_in_domain(&membership.computer_dn, site.as_deref())
        {
            tracing::warn!(%error, "the site could not be noted");
        }
    }
}
