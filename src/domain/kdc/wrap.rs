//! RFC 4121 4.2.4 and 4.2.6.2: Wrap tokens with confidentiality, the initiator's side.
//!
//! The sspi crate has wrap tokens of its own, but takes only those that are rotated as Windows does, and panics on short ones.

use picky_krb::crypto::CipherSuite;
use zeroize::Zeroizing;

/// TOK_ID, flags, filler, EC, RRC and SND_SEQ.
const HEADER_BYTES: usize = 16;
/// Confounder of the AES encryption types (RFC 3962).
const CONFOUNDER_BYTES: usize = 16;
/// Their checksum.
const CHECKSUM_BYTES: usize = 12;

const FLAG_SENT_BY_ACCEPTOR: u8 = 0x01;
const FLAG_SEALED: u8 = 0x02;
const FLAG_ACCEPTOR_SUBKEY: u8 = 0x04;

/// Key usages of RFC 4121 2.
const ACCEPTOR_SEAL: i32 = 22;
const INITIATOR_SEAL: i32 = 24;

/// A token does not verify, or none can be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WrapError {
    /// Too short, or with fields that a sealed token of the acceptor does not have.
    #[error("malformed Kerberos wrap token")]
    Malformed,
    /// Not sealed with the context's key, or changed on the way.
    #[error("a Kerberos wrap token does not verify")]
    Checksum,
    /// One was taken out, put in or sent again.
    #[error("a Kerberos wrap token is out of sequence")]
    Sequence,
}

/// The two directions of a security context: they are used by different tasks.
pub(super) fn pair(key: Zeroizing<Vec<u8>>, first_sequence: u64) -> Option<(Seal, Unseal)> {
    // RFC 3962: the length tells the type of the key, which is the acceptor's subkey.
    let suite = match key.len() {
        16 => CipherSuite::Aes128CtsHmacSha196,
        32 => CipherSuite::Aes256CtsHmacSha196,
        _ => return None,
    };
    let seal = Seal { key: key.clone(), suite: suite.clone(), sequence: first_sequence };
    Some((seal, Unseal { key, suite, sequence: None }))
}

/// Seals what this side sends.
pub struct Seal {
    key: Zeroizing<Vec<u8>>,
    suite: CipherSuite,
    sequence: u64,
}

/// Opens what the other side sent.
pub struct Unseal {
    key: Zeroizing<Vec<u8>>,
    suite: CipherSuite,
    /// What the next token must have; the first one sets it.
    sequence: Option<u64>,
}

impl std::fmt::Debug for Seal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Seal(sequence {})", self.sequence)
    }
}

impl std::fmt::Debug for Unseal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Unseal(sequence {:?})", self.sequence)
    }
}

impl Seal {
    /// A token that holds `plaintext`.
    ///
    /// # Errors
    /// [`WrapError::Malformed`] when the crypto fails.
    pub fn wrap(&mut self, plaintext: &[u8]) -> Result<Vec<u8>, WrapError> {
        let header = header(FLAG_SEALED | FLAG_ACCEPTOR_SUBKEY, 0, 0, self.sequence);
        self.sequence = self.sequence.wrapping_add(1);
        let mut sealed = Zeroizing::new(Vec::with_capacity(plaintext.len().saturating_add(HEADER_BYTES)));
        sealed.extend_from_slice(plaintext);
        sealed.extend_from_slice(&header);
        let sealed = self
            .suite
            .cipher()
            .encrypt(&self.key, INITIATOR_SEAL, &sealed)
            .map_err(|_| WrapError::Malformed)?;
        Ok([header.as_slice(), &sealed].concat())
    }
}

impl Unseal {
    /// What `token` holds.
    ///
    /// # Errors
    /// [`WrapError`].
    pub fn unwrap(&mut self, token: &[u8]) -> Result<Vec<u8>, WrapError> {
        let (head, sealed) = token.split_first_chunk::<HEADER_BYTES>().ok_or(WrapError::Malformed)?;
        let [0x05, 0x04, flags, 0xff, ec0, ec1, rrc0, rrc1, sequence @ ..] = *head else {
            return Err(WrapError::Malformed);
        };
        // An answer in the clear, or our own token sent back, is none. Which key it is sealed with the decryption tells.
        const NEEDED: u8 = FLAG_SENT_BY_ACCEPTOR | FLAG_SEALED;
        if flags & NEEDED != NEEDED {
            return Err(WrapError::Malformed);
        }
        let extra = u16::from_be_bytes([ec0, ec1]);
        let least = CONFOUNDER_BYTES + usize::from(extra) + HEADER_BYTES + CHECKSUM_BYTES;
        if sealed.len() < least {
            return Err(WrapError::Malformed);
        }
        let mut sealed = sealed.to_vec();
        let rotation = usize::from(u16::from_be_bytes([rrc0, rrc1])).checked_rem(sealed.len()).unwrap_or(0);
        sealed.rotate_left(rotation);
        let mut opened = self
            .suite
            .cipher()
            .decrypt(&self.key, ACCEPTOR_SEAL, &sealed)
            .map_err(|_| WrapError::Checksum)?;
        let sequence = u64::from_be_bytes(sequence);
        let length =
            opened.len().checked_sub(usize::from(extra) + HEADER_BYTES).ok_or(WrapError::Malformed)?;
        // The header is sealed with the data, as it was before the rotation.
        if !opened.ends_with(&header(flags, extra, 0, sequence)) {
            return Err(WrapError::Checksum);
        }
        if self.sequence.is_some_and(|expected| expected != sequence) {
            return Err(WrapError::Sequence);
        }
        self.sequence = Some(sequence.wrapping_add(1));
        opened.truncate(length);
        Ok(opened)
    }
}

fn header(flags: u8, extra: u16, rotation: u16, sequence: u64) -> [u8; HEADER_BYTES] {
    let [e0, e1] = extra.to_be_bytes();
    let [r0, r1] = rotation.to_be_bytes();
    let [s0, s1, s2, s3, s4, s5, s6, s7] = sequence.to_be_bytes();
    [0x05, 0x04, flags, 0xff, e0, e1, r0, r1, s0, s1, s2, s3, s4, s5, s6, s7]
}

/// Tokens as an acceptor makes them, and the initiator's side of the context, also for tests of what carries tokens.
#[cfg(test)]
pub(in crate::domain) mod testing {
    use picky_krb::crypto::CipherSuite;
    use zeroize::Zeroizing;

    use super::{ACCEPTOR_SEAL, Seal, Unseal, header, pair};

    const KEY: [u8; 32] = [0x5a; 32];

    pub(in crate::domain) fn context() -> (Seal, Unseal) {
        pair(Zeroizing::new(KEY.to_vec()), 7).unwrap()
    }

    pub(in crate::domain) fn token(plaintext: &[u8], extra: u16, rotation: u16, sequence: u64) -> Vec<u8> {
        let mut payload = plaintext.to_vec();
        payload.extend(vec![0; usize::from(extra)]);
        payload.extend(header(7, extra, 0, sequence));
        let cipher = CipherSuite::Aes256CtsHmacSha196.cipher();
        let mut sealed = cipher.encrypt(&KEY, ACCEPTOR_SEAL, &payload).unwrap();
        let length = sealed.len();
        sealed.rotate_right(usize::from(rotation) % length);
        [header(7, extra, rotation, sequence).as_slice(), &sealed].concat()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, prop_assert_eq, proptest};

    use super::testing::{context, token};
    use super::{Unseal, WrapError};

    fn unseal() -> Unseal {
        context().1
    }

    #[test]
    fn rotated_and_filled_tokens_are_opened() {
        for (extra, rotation) in [(0, 0), (0, 28), (16, 28), (3, 5000)] {
            assert_eq!(
                unseal().unwrap(&token(b"hello", extra, rotation, 9)).unwrap(),
                b"hello",
                "{extra} {rotation}"
            );
        }
    }

    #[test]
    fn a_gap_a_replay_and_a_changed_token_are_refused() {
        let mut opener = unseal();
        opener.unwrap(&token(b"1", 0, 0, 100)).unwrap();
        assert_eq!(opener.unwrap(&token(b"1", 0, 0, 100)), Err(WrapError::Sequence));
        assert_eq!(opener.unwrap(&token(b"3", 0, 0, 102)), Err(WrapError::Sequence));
        opener.unwrap(&token(b"2", 0, 0, 101)).unwrap();
        for changed in 0..token(b"3", 0, 0, 102).len() {
            let mut bad = token(b"3", 0, 0, 102);
            bad[changed] ^= 1;
            assert!(opener.unwrap(&bad).is_err(), "octet {changed}");
        }
        opener.unwrap(&token(b"3", 0, 0, 102)).unwrap();
    }

    #[test]
    fn what_this_side_sealed_is_not_taken_back() {
        let (mut seal, mut unseal) = context();
        let sent = seal.wrap(b"hello").unwrap();
        assert_eq!(unseal.unwrap(&sent), Err(WrapError::Malformed));
    }

    proptest! {
        #[test]
        fn tokens_of_every_length_round_trip(plaintext in proptest::collection::vec(any::<u8>(), 0..200), rotation: u16) {
            prop_assert_eq!(unseal().unwrap(&token(&plaintext, 0, rotation, 1)).unwrap(), plaintext);
        }

        #[test]
        fn any_bytes_are_read_without_a_panic(mut bytes in proptest::collection::vec(any::<u8>(), 0..120), framed: bool) {
            if framed && bytes.len() >= 4 {
                bytes[..4].copy_from_slice(&[5, 4, 7, 0xff]);
            }
            let _ = unseal().unwrap(&bytes);
        }
    }
}
