//! Kerberos ([MS-KILE], RFC 4120, RFC 4121), the server's side.
//!
//! Owns the keys that tickets for this server are sealed with. Knows nothing of SMB messages, of where keys are kept, of clocks
//! or of random numbers.

mod key;

pub use key::{EncryptionType, ServiceKey};
