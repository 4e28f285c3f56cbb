//! Which oplocks and leases clients get on a volume: plain data (docs/decisions/0034).

/// What clients may cache of a volume's files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OplockPolicy {
    /// All that the rules allow. As Windows.
    #[default]
    All,
    /// Only what one client alone has: exclusive and batch oplocks, leases with W.
    Exclusive,
    /// Nothing.
    None,
}
