//! [MS-NLMP] 3.3.2 NTLM v2 Authentication and 3.4 Session Security Details: hashes, proofs and keys.

use super::{NegotiateFlags, utf16le};
use hmac::{Hmac, KeyInit, Mac};
use md4::Md4;
use md5::{Digest, Md5};
use rc4::{Rc4, StreamCipher};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// NTOWFv1 of [MS-NLMP] 3.3.1: what is kept of a password. As good as the password itself: keep it as secret.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct NtHash([u8; 16]);

/// A 16-byte secret that is zeroed when dropped.
pub(super) type Secret16 = Zeroizing<[u8; 16]>;

impl NtHash {
    /// From the bytes of the hash.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        NtHash(bytes)
    }

    /// The bytes of the hash, for keeping it.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl core::fmt::Debug for NtHash {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("NtHash(..)")
    }
}

/// The hash of a password: MD4 of its UTF-16LE form.
#[must_use]
pub fn nt_hash(password: &str) -> NtHash {
    let text = Zeroizing::new(utf16le(password));
    NtHash(Md4::digest(&*text).into())
}

/// NTOWFv2: the key of everything below. `user` and `domain` are UTF-16LE exactly as in the AUTHENTICATE message.
pub(super) fn ntowf_v2(hash: &NtHash, user: &[u8], domain: &[u8]) -> Secret16 {
    hmac_md5(&hash.0, &[&upper_case(user), domain])
}

/// NTProofStr: the proof that the client knows the password. `temp` is the rest of the response.
pub(super) fn nt_proof(key: &Secret16, server_challenge: &[u8; 8], temp: &[u8]) -> Secret16 {
    hmac_md5(key, &[server_challenge, temp])
}

/// SessionBaseKey, which is the KeyExchangeKey too with NTLMv2.
pub(super) fn session_base_key(key: &Secret16, proof: &[u8; 16]) -> Secret16 {
    hmac_md5(key, &[proof])
}

/// The MIC field of the AUTHENTICATE message; the last part must have zeros in its place.
pub(super) fn message_mic(exported_session_key: &[u8; 16], messages: &[&[u8]]) -> Secret16 {
    hmac_md5(exported_session_key, messages)
}

/// RC4K: encrypts and decrypts 16 bytes, which is how ExportedSessionKey travels.
pub(super) fn rc4_key(key: &[u8; 16], data: &[u8; 16]) -> Secret16 {
    let mut output = Zeroizing::new(*data);
    rc4(key, &mut *output);
    output
}

/// The two directions of [MS-NLMP] 3.4.5.2 SIGNKEY and 3.4.5.3 SEALKEY.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Direction {
    ClientToServer,
    ServerToClient,
}

/// [MS-NLMP] 3.4.4.2: the NTLMSSP_MESSAGE_SIGNATURE of the first message of a direction, with extended session security.
/// SPNEGO's mechListMIC is always the first ([MS-SPNG] 3.3.5.1: the sequence and RC4 start anew for it).
pub(super) fn first_signature(
    exported_session_key: &[u8; 16],
    flags: NegotiateFlags,
    direction: Direction,
    message: &[u8],
) -> [u8; 16] {
    const SEQUENCE_NUMBER: [u8; 4] = [0; 4];
    let (sign_magic, seal_magic): (&[u8], &[u8]) = match direction {
        Direction::ClientToServer => (
            b"session key to client-to-server signing key magic constant\0",
            b"session key to client-to-server sealing key magic constant\0",
        ),
        Direction::ServerToClient => (
            b"session key to server-to-client signing key magic constant\0",
            b"session key to server-to-client sealing key magic constant\0",
        ),
    };
    let sign_key = md5(&[exported_session_key, sign_magic]);
    let digest = hmac_md5(&sign_key, &[&SEQUENCE_NUMBER, message]);
    let mut checksum = *digest.first_chunk::<8>().unwrap_or(&[0; 8]);
    if flags.contains(NegotiateFlags::KEY_EXCH) {
        let strength = if flags.contains(NegotiateFlags::KEY_128) {
            16
        } else if flags.contains(NegotiateFlags::KEY_56) {
            7
        } else {
            5
        };
        let weakened = exported_session_key.get(..strength).unwrap_or_default();
        rc4(&md5(&[weakened, seal_magic]), &mut checksum);
    }
    let [a, b, c, d, e, f, g, h] = checksum;
    [1, 0, 0, 0, a, b, c, d, e, f, g, h, 0, 0, 0, 0]
}

/// UTF-16LE with every unit in upper case, as account names are compared.
fn upper_case(text: &[u8]) -> Vec<u8> {
    let unit = |pair: &[u8; 2]| {
        let unit = u16::from_le_bytes(*pair);
        let upper = char::from_u32(u32::from(unit)).and_then(|character| {
            let mut upper = character.to_uppercase();
            let first = upper.next()?;
            if upper.next().is_some() { None } else { u16::try_from(u32::from(first)).ok() }
        });
        upper.unwrap_or(unit).to_le_bytes()
    };
    text.as_chunks::<2>().0.iter().flat_map(unit).collect()
}

fn hmac_md5(key: &[u8; 16], parts: &[&[u8]]) -> Secret16 {
    // A key shorter than a block is padded with zeros.
    let mut block = Zeroizing::new([0u8; 64]);
    if let Some(front) = block.first_chunk_mut::<16>() {
        *front = *key;
    }
    let mut mac = <Hmac<Md5> as KeyInit>::new((&*block).into());
    parts.iter().for_each(|part| mac.update(part));
    Zeroizing::new(mac.finalize().into_bytes().into())
}

fn md5(parts: &[&[u8]]) -> Secret16 {
    let mut hash = Md5::new();
    parts.iter().for_each(|part| hash.update(part));
    Zeroizing::new(hash.finalize().into())
}

fn rc4(key: &[u8; 16], data: &mut [u8]) {
    // INVARIANT: RC4 takes keys of 1 to 256 bytes, and this one has 16.
    match Rc4::new_from_slice(key) {
        Ok(mut cipher) => cipher.apply_keystream(data),
        Err(_) => debug_assert!(false, "a 16-byte key is refused"),
    }
}
