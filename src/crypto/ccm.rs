//! AES-CCM ([SP800-38C], RFC 3610) with the parameters of SMB3: an 11-byte nonce and a 16-byte tag.
//!
//! Runs on our own interleaving of CTR and CBC-MAC where the processor has AES instructions, since no library with a
//! safe interface does it as fast, and on the `ccm` crate elsewhere. The tests hold one against the other.

#[cfg(target_arch = "x86_64")]
mod aes_ni;

use super::CryptoError;
use aes::{Aes128, Aes256};
#[cfg(target_arch = "x86_64")]
use aws_lc_rs::constant_time::verify_slices_are_equal;
use ccm::aead::consts::{U11, U16};
use ccm::{AeadInOut, Ccm, KeyInit};

/// An AES-CCM key with its schedule.
pub(super) struct CcmKey(Implementation);

enum Implementation {
    #[cfg(target_arch = "x86_64")]
    AesNi(Box<aes_ni::AesNiCcm>),
    Portable(Portable),
}

/// The `ccm` crate.
enum Portable {
    Aes128(Box<Ccm<Aes128, U16, U11>>),
    Aes256(Box<Ccm<Aes256, U16, U11>>),
}

impl CcmKey {
    /// From 16 or 32 bytes.
    pub(super) fn new(key: &[u8]) -> Result<Self, CryptoError> {
        #[cfg(target_arch = "x86_64")]
        if let Some(key) = aes_ni::AesNiCcm::new(key) {
            return Ok(CcmKey(Implementation::AesNi(Box::new(key))));
        }
        Portable::new(key).map(|key| CcmKey(Implementation::Portable(key)))
    }

    /// Encrypts in place and returns the tag. The associated data must not be empty.
    pub(super) fn seal(
        &self,
        nonce: &[u8; 11],
        aad: &[u8],
        message: &mut [u8],
    ) -> Result<[u8; 16], CryptoError> {
        match &self.0 {
            #[cfg(target_arch = "x86_64")]
            Implementation::AesNi(key) => key.seal(nonce, aad, message).ok_or(CryptoError::MessageTooLong),
            Implementation::Portable(key) => key.seal(nonce, aad, message),
        }
    }

    /// Decrypts in place; the content of `message` is unspecified on an error.
    pub(super) fn open(
        &self,
        nonce: &[u8; 11],
        aad: &[u8],
        message: &mut [u8],
        tag: &[u8; 16],
    ) -> Result<(), CryptoError> {
        match &self.0 {
            #[cfg(target_arch = "x86_64")]
            Implementation::AesNi(key) => {
                let expected = key.open(nonce, aad, message).ok_or(CryptoError::BadSignature)?;
                verify_slices_are_equal(&expected, tag).map_err(|_| {
                    message.fill(0);
                    CryptoError::BadSignature
                })
            }
            Implementation::Portable(key) => key.open(nonce, aad, message, tag),
        }
    }
}

impl Portable {
    fn new(key: &[u8]) -> Result<Self, CryptoError> {
        if let Ok(key) = <&[u8; 16]>::try_from(key) {
            Ok(Portable::Aes128(Box::new(Ccm::new(key.into()))))
        } else if let Ok(key) = <&[u8; 32]>::try_from(key) {
            Ok(Portable::Aes256(Box::new(Ccm::new(key.into()))))
        } else {
            Err(CryptoError::KeyLength)
        }
    }

    fn seal(&self, nonce: &[u8; 11], aad: &[u8], message: &mut [u8]) -> Result<[u8; 16], CryptoError> {
        match self {
            Portable::Aes128(key) => key.encrypt_inout_detached(nonce.into(), aad, message.into()),
            Portable::Aes256(key) => key.encrypt_inout_detached(nonce.into(), aad, message.into()),
        }
        .map(Into::into)
        .map_err(|_| CryptoError::MessageTooLong)
    }

    fn open(
        &self,
        nonce: &[u8; 11],
        aad: &[u8],
        message: &mut [u8],
        tag: &[u8; 16],
    ) -> Result<(), CryptoError> {
        match self {
            Portable::Aes128(key) => {
                key.decrypt_inout_detached(nonce.into(), aad, message.into(), tag.into())
            }
            Portable::Aes256(key) => {
                key.decrypt_inout_detached(nonce.into(), aad, message.into(), tag.into())
            }
        }
        .map_err(|_| CryptoError::BadSignature)
    }
}

#[cfg(all(test, target_arch = "x86_64"))]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn accelerated(key: &[u8]) -> CcmKey {
        let key = CcmKey::new(key).expect("a key of 16 or 32 bytes");
        assert!(
            matches!(key.0, Implementation::AesNi(_)) == std::arch::is_x86_feature_detected!("aes"),
            "the instructions are used where they are"
        );
        key
    }

    #[test]
    fn keys_of_other_lengths_are_refused() {
        for length in [0, 1, 15, 17, 24, 31, 33, 64] {
            assert_eq!(CcmKey::new(&vec![1; length]).err(), Some(CryptoError::KeyLength), "{length}");
        }
    }

    #[test]
    fn a_failed_opening_leaves_nothing_readable() {
        let key = accelerated(&[1; 16]);
        let mut message = *b"the secret text of 32 bytes.....";
        let mut tag = key.seal(&[0; 11], b"header", &mut message).expect("sealed");
        tag[0] ^= 1;
        assert_eq!(key.open(&[0; 11], b"header", &mut message, &tag), Err(CryptoError::BadSignature));
        assert_eq!(message, [0; 32]);
    }

    proptest! {
        #[test]
        fn both_implementations_agree(
            key in prop_oneof![proptest::collection::vec(any::<u8>(), 16), proptest::collection::vec(any::<u8>(), 32)],
            nonce: [u8; 11],
            aad in proptest::collection::vec(any::<u8>(), 1..80),
            message in proptest::collection::vec(any::<u8>(), 0..600),
        ) {
            let (ours, oracle) = (accelerated(&key), Portable::new(&key).expect("a key"));
            let (mut a, mut b) = (message.clone(), message.clone());
            let tag = ours.seal(&nonce, &aad, &mut a).expect("sealed");
            prop_assert_eq!(tag, oracle.seal(&nonce, &aad, &mut b).expect("sealed"));
            prop_assert_eq!(&a, &b);
            prop_assert_eq!(ours.open(&nonce, &aad, &mut a, &tag), Ok(()));
            prop_assert_eq!(&a, &message);
            prop_assert_eq!(oracle.open(&nonce, &aad, &mut b, &tag), Ok(()));
        }
    }
}
