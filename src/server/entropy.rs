//! Random bytes from the system.

use aws_lc_rs::rand::{SecureRandom, SystemRandom};

use crate::proto::server::Entropy;

/// The cryptographic library's generator, seeded by the kernel.
#[derive(Debug, Default)]
pub struct SystemEntropy(SystemRandom);

impl Entropy for SystemEntropy {
    fn fill(&self, buffer: &mut [u8]) {
        if self.0.fill(buffer).is_err() {
            // Keys and challenges must not be guessable: without random numbers there is nothing safe to do.
            tracing::error!("the system has no random numbers; the server stops");
            std::process::abort();
        }
    }
}
