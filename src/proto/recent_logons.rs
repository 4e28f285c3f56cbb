//! Who has logged on since somebody looked: sessions may end before the next look, and what their logon said of the user is
//! worth knowing all the same.

use std::collections::VecDeque;
use std::sync::Arc;

use freehold_acl::Token;
use freehold_dtyp::FileTime;
use parking_lot::Mutex;

/// Most logons that are kept; the oldest make room.
const MOST: usize = 1024;

/// A logon or re-authentication that succeeded.
#[derive(Clone, Debug)]
pub struct RecentLogon {
    /// SessionId.
    pub session: u64,
    /// When.
    pub time: FileTime,
    /// What the user is.
    pub token: Arc<Token>,
}

/// The logons since the last [`RecentLogons::take`].
#[derive(Debug, Default)]
pub struct RecentLogons(Mutex<VecDeque<RecentLogon>>);

impl RecentLogons {
    /// Remembers a logon.
    pub fn add(&self, session: u64, time: FileTime, token: Arc<Token>) {
        let mut logons = self.0.lock();
        if logons.len() >= MOST {
            logons.pop_front();
        }
        logons.push_back(RecentLogon { session, time, token });
    }

    /// Those that are remembered, in their order; they are forgotten here.
    #[must_use]
    pub fn take(&self) -> Vec<RecentLogon> {
        self.0.lock().drain(..).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_are_kept_and_told_once() {
        let logons = RecentLogons::default();
        let token = Arc::new(Token::system());
        for session in 0..MOST as u64 + 2 {
            logons.add(session, FileTime::ZERO, Arc::clone(&token));
        }
        let taken = logons.take();
        assert_eq!((taken.len(), taken[0].session), (MOST, 2));
        assert!(logons.take().is_empty());
    }
}
