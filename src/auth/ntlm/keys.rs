//! [MS-NLMP] 3.3.2 NTLM v2 Authentication and 3.4 Session Security Details: hashes, proofs and keys.

use super::{NegotiateFlags, utf16le};
use crate::fscc::upcase::upcase_unit;
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
    let (sign_key, seal_key) = direction_keys(exported_session_key, flags, direction);
    let digest = hmac_md5(&sign_key, &[&SEQUENCE_NUMBER, message]);
    let mut checksum = *digest.first_chunk::<8>().unwrap_or(&[0; 8]);
    if flags.contains(NegotiateFlags::KEY_EXCH) {
        rc4(&seal_key, &mut checksum);
    }
    let [a, b, c, d, e, f, g, h] = checksum;
    [1, 0, 0, 0, a, b, c, d, e, f, g, h, 0, 0, 0, 0]
}

/// [MS-NLMP] 3.4.5.2 SIGNKEY and 3.4.5.3 SEALKEY with extended session security.
pub(super) fn direction_keys(
    exported_session_key: &[u8; 16],
    flags: NegotiateFlags,
    direction: Direction,
) -> (Secret16, Secret16) {
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
    let strength = if flags.contains(NegotiateFlags::KEY_128) {
        16
    } else if flags.contains(NegotiateFlags::KEY_56) {
        7
    } else {
        5
    };
    let weakened = exported_session_key.get(..strength).unwrap_or_default();
    (md5(&[exported_session_key, sign_magic]), md5(&[weakened, seal_magic]))
}

/// UTF-16LE with every unit in upper case, as account names are compared.
fn upper_case(text: &[u8]) -> Vec<u8> {
    let unit = |pair: &[u8; 2]| upcase_unit(u16::from_le_bytes(*pair)).to_le_bytes();
    text.as_chunks::<2>().0.iter().flat_map(unit).collect()
}

pub(super) fn hmac_md5(key: &[u8; 16], parts: &[&[u8]]) -> Secret16 {
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
    if let Some(mut cipher) = new_rc4(key) {
        cipher.apply_keystream(data);
    }
}

/// RC4 at the start of its stream.
pub(super) fn new_rc4(key: &[u8; 16]) -> Option<Rc4> {
    let cipher = Rc4::new_from_slice(key).ok();
    // INVARIANT: RC4 takes keys of 1 to 256 bytes, and this one has 16.
    debug_assert!(cipher.is_some(), "a 16-byte key is refused");
    cipher
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(text: &str) -> Vec<u8> {
        let digits: Vec<u8> = text.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
        digits
            .chunks(2)
            .map(|pair| u8::from_str_radix(core::str::from_utf8(pair).unwrap(), 16).unwrap())
            .collect()
    }

    fn hex_16(text: &str) -> [u8; 16] {
        hex(text).try_into().unwrap()
    }

    /// [MS-NLMP] 4.2.1 Common Values and 4.2.4 NTLMv2 Authentication.
    #[test]
    fn hashes_proofs_and_keys_are_those_of_the_specification() {
        let hash = nt_hash("Password");
        assert_eq!(*hash.as_bytes(), hex_16("a4f49c406510bdcab6824ee7c30fd852"));
        let key = ntowf_v2(&hash, &utf16le("User"), &utf16le("Domain"));
        assert_eq!(*key, hex_16("0c868a403bfd7a93a3001ef22ef02e3f"));
        let temp = hex("01010000000000000000000000000000aaaaaaaaaaaaaaaa0000000002000c0044006f006d0061006900
            6e0001000c005300650072007600650072000000000000000000");
        let proof = nt_proof(&key, &[0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef], &temp);
        assert_eq!(*proof, hex_16("68cd0ab851e51c96aabc927bebef6a1c"));
        let base = session_base_key(&key, &proof);
        assert_eq!(*base, hex_16("8de40ccadbc14a82f15cb0ad0de95ca3"));
        let encrypted = rc4_key(&base, &[0x55; 16]);
        assert_eq!(*encrypted, hex_16("c5dad2544fc9799094ce1ce90bc9d03e"));
        assert_eq!(*rc4_key(&base, &encrypted), [0x55; 16]);
    }

    /// [MS-NLMP] 4.2.4.4 GSS_WrapEx Examples: there the signature follows a sealed message in the RC4 stream, so the test
    /// seals too.
    #[test]
    fn signing_and_sealing_keys_are_those_of_the_specification() {
        let session_key = [0x55; 16];
        let flags = NegotiateFlags::KEY_EXCH | NegotiateFlags::KEY_128 | NegotiateFlags::KEY_56;
        let (sign_key, seal_key) = direction_keys(&session_key, flags, Direction::ClientToServer);
        assert_eq!(*sign_key, hex_16("4788dc861b4782f35d43fd98fe1a2d39"));
        assert_eq!(*seal_key, hex_16("59f600973cc4960a25480a7c196e4c58"));
        let mut wrapped = utf16le("Plaintext");
        let digest = hmac_md5(&sign_key, &[&[0; 4], &wrapped]);
        assert_eq!(digest[..8], hex("70352851f2564309"));
        wrapped.extend_from_slice(&digest[..8]);
        rc4(&seal_key, &mut wrapped);
        assert_eq!(wrapped, hex("54e50165bf1936dc996020c1811b0f06fb5f 7fb38ec5c55d4976"));
    }

    /// A logon of Windows 10 to Windows Server 2016, from "SMB 3.1.1 Pre-authentication integrity in Windows 10".
    #[test]
    fn both_kinds_of_mic_are_those_that_windows_sends() {
        let session_key = hex_16("270E1BA896585EEB7AF3472D3B4C75A7");
        let negotiate =
            hex("4e544c4d5353500001000000978208e200000000000000000000000000000000060380250000000f");
        let challenge =
            hex("4e544c4d53535000020000000c000c003800000015828ae20d1d8ba31179d00800000000000000005000500044
             0000000a0092270000000f53005500540033003100310002000c0053005500540033003100310001000c005300
             5500540033003100310004000c0053005500540033003100310003000c00530055005400330031003100070008
             00a1a1f5adcbaed00100000000");
        let mut authenticate =
            hex("4e544c4d53535000030000001800180090000000ee00ee00a80000000c000c00580000001a001a006400000012
             0012007e0000001000100096010000158288e2060380250000000fecac77a5f385a8bf9c38c706eeeddcd35300
             55005400330031003100610064006d0069006e006900730074007200610074006f007200440052004900560045
             00520033003100310000000000000000000000000000000000000000000000000063078eb639fe03e20a231c3a
             e3bf23080101000000000000a1a1f5adcbaed001bc4ad05f223cc90f0000000002000c00530055005400330031
             00310001000c0053005500540033003100310004000c0053005500540033003100310003000c00530055005400
             33003100310007000800a1a1f5adcbaed001060004000200000008003000300000000000000000000000003000
             00b61fefcaa857ea57bf1edcebf8974b8e0eba5a6dfd9d07a31d11b548f8c9d0cc0a0010000000000000000000
             00000000000000000900160063006900660073002f005300550054003300310031000000000000000000000000
             003b9bdff38f5ee8f9663f11a0f4c03a78");
        let sent = hex("ECAC77A5F385A8BF9C38C706EEEDDCD3");
        assert_eq!(authenticate[72..88], sent);
        authenticate[72..88].fill(0);
        assert_eq!(message_mic(&session_key, &[&negotiate, &challenge, &authenticate])[..], sent);
        let mech_types = hex("300c060a2b06010401823702020a");
        let flags = NegotiateFlags::from_bits_retain(0xe288_8215);
        let mic = |direction| first_signature(&session_key, flags, direction, &mech_types);
        assert_eq!(mic(Direction::ClientToServer), hex_16("0100000063775A9A5FD97F0600000000"));
        assert_eq!(mic(Direction::ServerToClient), hex_16("010000003B453CDC3524164200000000"));
    }

    #[test]
    fn only_the_simple_upper_case_of_one_unit_counts() {
        let upper = |text| upper_case(&utf16le(text));
        assert_eq!(upper("jürgen.ñ"), utf16le("JÜRGEN.Ñ"));
        assert_eq!(upper("straße"), utf16le("STRAßE"));
        assert_eq!(
            upper_case(&[0x3d, 0xd8, 0x00]),
            [0x3d, 0xd8],
            "half a unit is left out, half a pair is kept"
        );
    }
}
