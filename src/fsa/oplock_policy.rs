//! Which oplocks and leases a volume gives at all. [MS-FSA] 2.1.5.18 and [MS-SMB2] 3.3.5.9 leave it to the server to grant
//! less than is asked for, and than others would leave.

use super::oplock::CacheState;

/// What may be cached on a volume. Whatever is less than that is nothing: a break goes as far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OplockPolicy {
    /// All that the rules allow.
    #[default]
    All,
    /// Only what one client alone may have: what contains WRITE. No level II, no R, no RH; nothing of directories.
    Exclusive,
    /// Nothing.
    None,
}

impl OplockPolicy {
    /// The part of a state that is given, or left by a break.
    #[inline]
    #[must_use]
    pub const fn limit(self, state: CacheState) -> CacheState {
        match self {
            OplockPolicy::All => state,
            OplockPolicy::Exclusive if state.contains(CacheState::WRITE) => state,
            OplockPolicy::Exclusive | OplockPolicy::None => CacheState::empty(),
        }
    }
}
