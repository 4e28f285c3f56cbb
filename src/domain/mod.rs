//! Membership of an Active Directory domain: what this server asks domain controllers for.
//!
//! Part of the I/O shell: asynchronous, and every wait has a limit. Knows nothing of SMB messages.
