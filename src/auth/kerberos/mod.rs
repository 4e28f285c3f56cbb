//! Kerberos ([MS-KILE], RFC 4120, RFC 4121), the server's side: tickets in, users with their groups and claims ([MS-PAC]) out.
//!
//! Owns the keys that tickets for this server are sealed with, their check, the memory of what was used, and the PAC. Knows
//! nothing of SMB messages, of where keys are kept, of clocks or of random numbers.

mod acceptor;
pub mod crypto;
mod error;
mod gss;
mod key;
mod messages;
mod names;
mod pac;
mod rc4_hmac;
mod replay;
mod wrap;

pub(in crate::auth) use acceptor::{KerberosAcceptor, KerberosContext, KerberosStep};
pub use acceptor::{KerberosConfig, MAX_CLOCK_SKEW, Randomness};
pub use error::KerberosError;
pub(in crate::auth) use gss::is_kerberos;
pub use key::{EncryptionType, ServiceKey};
pub use messages::PrincipalName;
pub use names::ServiceNames;
pub use replay::ReplayCache;
pub(in crate::auth) use wrap::KerberosMessages;

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
