//! [MS-SMB2] 3.1.4.4.1 Calculating the preauthentication integrity hash value.

use aws_lc_rs::digest;

/// Size of the hash in bytes (SHA-512).
pub const PREAUTH_HASH_SIZE: usize = 64;

/// The running hash over the NEGOTIATE and SESSION_SETUP messages: Connection.PreauthIntegrityHashValue and
/// Session.PreauthIntegrityHashValue of [MS-SMB2] 3.3.1.7 and 3.3.1.8. It is no secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PreauthHash([u8; PREAUTH_HASH_SIZE]);

impl Default for PreauthHash {
    fn default() -> Self {
        PreauthHash([0; PREAUTH_HASH_SIZE])
    }
}

impl PreauthHash {
    /// The start value: zeros.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A value that was computed before.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; PREAUTH_HASH_SIZE]) -> Self {
        PreauthHash(bytes)
    }

    /// Takes in one message, from the ProtocolId of its SMB2 header to its end, without the transport's length.
    pub fn update(&mut self, message: &[u8]) {
        let mut context = digest::Context::new(&digest::SHA512);
        context.update(&self.0);
        context.update(message);
        if let Some(hash) = context.finish().as_ref().first_chunk() {
            self.0 = *hash;
        }
    }

    /// The hash value.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; PREAUTH_HASH_SIZE] {
        &self.0
    }
}
