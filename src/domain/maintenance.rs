//! What a member does by itself: changes its password when that is due, ends a change that an interruption left open, forgets keys
//! whose time is over, notes the site it is in.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::{Domain, DomainError};
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
        if may_rotate { self.rotate_when_due().await } else { Ok(false) }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::DomainSettings;
    use crate::domain::testing::join;
    use crate::state::State;

    #[tokio::test]
    async fn a_change_that_an_administrator_is_making_is_not_made_again() {
        let state = Arc::new(State::in_memory().unwrap());
        join(&state, "FILES", "S-1-5-21-7-8-9");
        // Nobody listens there: a second change would fail, and leave its password noted.
        let dns_servers = vec!["127.0.0.1:9".parse().unwrap()];
        let settings = DomainSettings { dns_servers, ..DomainSettings::default() };
        let domain = Domain::new(Arc::clone(&state), settings, "FILES", Arc::default());
        let changing = domain.changing.lock().await;
        state.note_pending_password("second", &[]).unwrap();
        let looking = tokio::spawn({
            let domain = Arc::clone(&domain);
            async move { domain.look(true).await }
        });
        // Until it waits for the end of the change.
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
        state.confirm_pending_password(&[], Duration::ZERO).unwrap();
        drop(changing);
        assert!(!looking.await.unwrap().unwrap(), "it was changed once more");
        let membership = state.membership().unwrap();
        assert_eq!((membership.password.text.as_str(), &membership.pending_password), ("second", &None));
    }
}
