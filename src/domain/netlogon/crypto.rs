//! [MS-NRPC] 3.1.4.3 Session-Key Negotiation, 3.1.4.4 Netlogon Credential, 3.1.4.5 Netlogon Authenticator and 3.3.4.2 The
//! Netlogon Signature Token, all with AES: bytes to bytes.
//!
//! The older forms (DES, RC4, HMAC-MD5) do not exist here: a domain controller that wants them is refused.
//! Randomness comes in as an argument. Keys are wiped when dropped.

use aes::Aes128;
use aes::cipher::{BlockCipherEncrypt, KeyInit};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::auth::NtHash;

/// Bytes of a NL_AUTH_SHA2_SIGNATURE ([MS-NRPC] 2.2.1.3.3): algorithms 2 + 2, Pad 2, Flags 2, SequenceNumber 8, Checksum 8 and
/// 24 bytes that hold nothing, Confounder 8.
pub(super) const SIGNATURE_SIZE: usize = 2 + 2 + 2 + 2 + 8 + 8 + 8 + 24;
/// SignatureAlgorithm HMAC-SHA256, SealAlgorithm AES-128, Pad, Flags.
const SIGNATURE_HEADER: [u8; 8] = [0x13, 0x00, 0x1A, 0x00, 0xFF, 0xFF, 0x00, 0x00];
/// Where the parts of a signature are.
const SEQUENCE_NUMBER: std::ops::Range<usize> = 8..16;
const CHECKSUM: std::ops::Range<usize> = 16..24;
const CONFOUNDER: std::ops::Range<usize> = 24..32;

/// A challenge or a credential: NETLOGON_CREDENTIAL of [MS-NRPC] 2.2.1.3.4.
pub(super) type Credential = [u8; 8];

/// The key that both sides made of their challenges and the machine account's password.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub(super) struct NetlogonKey([u8; 16]);

impl std::fmt::Debug for NetlogonKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("NetlogonKey(hidden)")
    }
}

impl NetlogonKey {
    /// 3.1.4.3.1 AES Session-Key: `secret` is the MD4 of the account's password.
    pub(super) fn derive(secret: &NtHash, client: &Credential, server: &Credential) -> Self {
        let digest = hmac_sha256(secret.as_bytes(), &[client, server]);
        NetlogonKey(*digest.first_chunk().unwrap_or(&[0; 16]))
    }

    /// 3.1.4.4.1 AES Credential: `input` encrypted with AES-128 in 8-bit CFB mode under an IV of zeros.
    pub(super) fn credential(&self, input: &Credential) -> Credential {
        let mut output = *input;
        Cfb8::new(&self.0).encrypt(&[0; 16], &mut output);
        output
    }

    /// 3.5.4.5.1: takes the encryption off the UserSessionKey of validation levels below 6.
    pub(super) fn decrypt_session_key(&self, key: &mut [u8; 16]) {
        Cfb8::new(&self.0).decrypt(&[0; 16], key);
    }
}

/// NETLOGON_AUTHENTICATOR ([MS-NRPC] 2.2.1.1.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Authenticator {
    pub(super) credential: Credential,
    pub(super) timestamp: u32,
}

/// 3.1.4.5: the client's chain of authenticators.
#[derive(Debug)]
pub(super) struct CredentialChain {
    key: NetlogonKey,
    stored: Credential,
}

impl CredentialChain {
    /// Starts with the credential of NetrServerAuthenticate3.
    pub(super) fn new(key: NetlogonKey, client_credential: Credential) -> Self {
        CredentialChain { key, stored: client_credential }
    }

    /// The authenticator of the next call; `timestamp` is in seconds.
    pub(super) fn next(&mut self, timestamp: u32) -> Authenticator {
        self.advance(timestamp);
        Authenticator { credential: self.key.credential(&self.stored), timestamp }
    }

    /// Verifies the server's ReturnAuthenticator.
    pub(super) fn verify(&mut self, returned: &Credential) -> bool {
        self.advance(1);
        verify_slices_are_equal(&self.key.credential(&self.stored), returned).is_ok()
    }

    /// Adds to the low half of the stored credential, without carry into the other.
    fn advance(&mut self, by: u32) {
        let [a, b, c, d, rest @ ..] = self.stored;
        let [a, b, c, d] = u32::from_le_bytes([a, b, c, d]).wrapping_add(by).to_le_bytes();
        let [e, f, g, h] = rest;
        self.stored = [a, b, c, d, e, f, g, h];
    }
}

/// Why a message from the domain controller was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum SealError {
    #[error("the signature is malformed")]
    Malformed,
    #[error("the sequence number is not the expected one")]
    Sequence,
    #[error("the checksum does not match")]
    Checksum,
}

/// 3.3.4.2: seals requests and opens responses on one connection. One counter numbers the messages of both directions.
pub(super) struct SealContext {
    mac: hmac::Key,
    /// Encrypts sequence numbers.
    sequence: Cfb8,
    /// Encrypts confounders and messages: the session key with every byte xor 0xF0.
    data: Cfb8,
    next: u64,
}

impl SealContext {
    pub(super) fn new(key: &NetlogonKey) -> Self {
        let data_key = Zeroizing::new(key.0.map(|byte| byte ^ 0xF0));
        SealContext {
            mac: hmac::Key::new(hmac::HMAC_SHA256, &key.0),
            sequence: Cfb8::new(&key.0),
            data: Cfb8::new(&data_key),
            next: 0,
        }
    }

    /// 3.3.4.2.1 Generating a Client Netlogon Signature Token: encrypts `message` in place.
    pub(super) fn seal(&mut self, confounder: [u8; 8], message: &mut [u8]) -> [u8; SIGNATURE_SIZE] {
        let number = self.take_number(true);
        let checksum = self.checksum(&SIGNATURE_HEADER, &confounder, message);
        let mut confounder = confounder;
        let mut shift = self.data.start(&twice(&number));
        shift.encrypt(&mut confounder);
        shift.encrypt(message);
        let mut sequence = number;
        self.sequence.encrypt(&twice(&checksum), &mut sequence);
        let mut signature = [0; SIGNATURE_SIZE];
        let parts = [&SIGNATURE_HEADER, &sequence, &checksum, &confounder];
        for (place, part) in signature.as_chunks_mut::<8>().0.iter_mut().zip(parts) {
            *place = *part;
        }
        signature
    }

    /// 3.3.4.2.4 Receiving a Server Netlogon Signature Token: decrypts `message` in place.
    pub(super) fn open(&mut self, signature: &[u8], message: &mut [u8]) -> Result<(), SealError> {
        let part = |range: std::ops::Range<usize>| -> Result<[u8; 8], SealError> {
            signature.get(range).and_then(|part| part.try_into().ok()).ok_or(SealError::Malformed)
        };
        let header = part(0..8)?;
        // Flags mean nothing.
        if header.get(..6) != SIGNATURE_HEADER.get(..6) {
            return Err(SealError::Malformed);
        }
        let checksum = part(CHECKSUM)?;
        let mut sequence = part(SEQUENCE_NUMBER)?;
        let mut confounder = part(CONFOUNDER)?;
        self.sequence.decrypt(&twice(&checksum), &mut sequence);
        if sequence != self.take_number(false) {
            return Err(SealError::Sequence);
        }
        let mut shift = self.data.start(&twice(&sequence));
        shift.decrypt(&mut confounder);
        shift.decrypt(message);
        let expected = self.checksum(&header, &confounder, message);
        verify_slices_are_equal(&expected, &checksum).map_err(|_| SealError::Checksum)
    }

    /// CopySeqNumber: the low half big-endian, then the high half with a mark for the client's messages.
    fn take_number(&mut self, client: bool) -> [u8; 8] {
        let [h3, h2, h1, h0, l3, l2, l1, l0] = self.next.to_be_bytes();
        self.next = self.next.wrapping_add(1);
        [l3, l2, l1, l0, if client { h3 | 0x80 } else { h3 }, h2, h1, h0]
    }

    fn checksum(&self, header: &[u8; 8], confounder: &[u8; 8], message: &[u8]) -> [u8; 8] {
        let mut context = hmac::Context::with_key(&self.mac);
        context.update(header);
        context.update(confounder);
        context.update(message);
        *context.sign().as_ref().first_chunk().unwrap_or(&[0; 8])
    }

    /// The other end of the same connection, for the fake domain controller of the tests.
    #[cfg(test)]
    pub(super) fn open_as_server(&mut self, signature: &[u8], message: &mut [u8]) -> Result<(), SealError> {
        let part = |range: std::ops::Range<usize>| -> [u8; 8] { signature[range].try_into().unwrap() };
        let checksum = part(CHECKSUM);
        let mut sequence = part(SEQUENCE_NUMBER);
        self.sequence.decrypt(&twice(&checksum), &mut sequence);
        if sequence != self.take_number(true) {
            return Err(SealError::Sequence);
        }
        let mut confounder = part(CONFOUNDER);
        let mut shift = self.data.start(&twice(&sequence));
        shift.decrypt(&mut confounder);
        shift.decrypt(message);
        let expected = self.checksum(&part(0..8), &confounder, message);
        if expected == checksum { Ok(()) } else { Err(SealError::Checksum) }
    }

    /// As [`SealContext::open_as_server`].
    #[cfg(test)]
    pub(super) fn seal_as_server(&mut self, mut confounder: [u8; 8], message: &mut [u8]) -> Vec<u8> {
        let number = self.take_number(false);
        let checksum = self.checksum(&SIGNATURE_HEADER, &confounder, message);
        let mut shift = self.data.start(&twice(&number));
        shift.encrypt(&mut confounder);
        shift.encrypt(message);
        let mut sequence = number;
        self.sequence.encrypt(&twice(&checksum), &mut sequence);
        [&SIGNATURE_HEADER[..], &sequence, &checksum, &confounder, &[0; 24]].concat()
    }
}

fn twice(half: &[u8; 8]) -> [u8; 16] {
    let mut whole = [0; 16];
    for place in whole.as_chunks_mut::<8>().0 {
        *place = *half;
    }
    whole
}

fn hmac_sha256(key: &[u8], parts: &[&[u8]]) -> Zeroizing<[u8; 32]> {
    let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, key));
    parts.iter().for_each(|part| context.update(part));
    Zeroizing::new(*context.sign().as_ref().first_chunk().unwrap_or(&[0; 32]))
}

/// [SP800-38A] 6.3: AES-128 in CFB mode with segments of 8 bits.
struct Cfb8(Aes128);

/// A stream that was begun with an IV.
struct Cfb8Stream<'a> {
    cipher: &'a Aes128,
    shift: [u8; 16],
}

impl Cfb8 {
    fn new(key: &[u8; 16]) -> Self {
        Cfb8(Aes128::new(key.into()))
    }

    fn start(&self, iv: &[u8; 16]) -> Cfb8Stream<'_> {
        Cfb8Stream { cipher: &self.0, shift: *iv }
    }

    fn encrypt(&self, iv: &[u8; 16], data: &mut [u8]) {
        self.start(iv).encrypt(data);
    }

    fn decrypt(&self, iv: &[u8; 16], data: &mut [u8]) {
        self.start(iv).decrypt(data);
    }
}

impl Cfb8Stream<'_> {
    fn encrypt(&mut self, data: &mut [u8]) {
        for byte in data {
            *byte ^= self.key_byte();
            self.push(*byte);
        }
    }

    fn decrypt(&mut self, data: &mut [u8]) {
        for byte in data {
            let clear = *byte ^ self.key_byte();
            self.push(*byte);
            *byte = clear;
        }
    }

    fn key_byte(&self) -> u8 {
        let mut block = aes::Block::from(self.shift);
        self.cipher.encrypt_block(&mut block);
        let [first, ..] = <[u8; 16]>::from(block);
        first
    }

    /// The cipher text's byte moves into the register.
    fn push(&mut self, byte: u8) {
        self.shift.rotate_left(1);
        if let Some(last) = self.shift.last_mut() {
            *last = byte;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::nt_hash;

    fn hex(text: &str) -> Vec<u8> {
        text.as_bytes()
            .chunks(2)
            .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
            .collect()
    }

    /// [SP800-38A] F.3.7 CFB8-AES128.Encrypt.
    #[test]
    fn the_cipher_is_that_of_nist() {
        let key: [u8; 16] = hex("2b7e151628aed2a6abf7158809cf4f3c").try_into().unwrap();
        let iv: [u8; 16] = hex("000102030405060708090a0b0c0d0e0f").try_into().unwrap();
        let clear = hex("6bc1bee22e409f96e93d7e117393172aae2d");
        let mut data = clear.clone();
        let cipher = Cfb8::new(&key);
        cipher.encrypt(&iv, &mut data);
        assert_eq!(data, hex("3b79424c9c0dd436bace9e0ed4586a4f32b9"));
        cipher.decrypt(&iv, &mut data);
        assert_eq!(data, clear);
    }

    fn keys() -> (NetlogonKey, SealContext, SealContext) {
        let key = NetlogonKey::derive(&nt_hash("Machine.Passw0rd"), &[1; 8], &[2; 8]);
        let (client, server) = (SealContext::new(&key), SealContext::new(&key));
        (key, client, server)
    }

    #[test]
    fn messages_of_both_directions_are_numbered_together() {
        let (_, mut client, mut server) = keys();
        for round in 0..3u8 {
            let mut request = vec![round; 33];
            let signature = client.seal([round; 8], &mut request);
            assert_ne!(request, [round; 33]);
            server.open_as_server(&signature, &mut request).unwrap();
            assert_eq!(request, [round; 33]);
            let mut response = b"an answer".to_vec();
            let signature = server.seal_as_server([7; 8], &mut response);
            client.open(&signature, &mut response).unwrap();
            assert_eq!(response, b"an answer");
        }
    }

    #[test]
    fn changed_repeated_and_reflected_messages_are_refused() {
        let (_, mut client, mut server) = keys();
        let mut request = vec![5; 16];
        let reflected = client.seal([9; 8], &mut request);
        let mut copy = request.clone();
        assert_eq!(client.open(&reflected, &mut copy), Err(SealError::Sequence));
        let (key, ..) = keys();
        let mut client = SealContext::new(&key);
        server.open_as_server(&reflected, &mut request).unwrap();
        client.seal([9; 8], &mut [5; 16]);
        let mut response = vec![8; 24];
        let signature = server.seal_as_server([1; 8], &mut response);
        for at in 0..signature.len() {
            let mut bad = signature.clone();
            bad[at] ^= 1;
            let mut data = response.clone();
            let mut fresh = SealContext::new(&key);
            fresh.next = 1;
            // Flags and the part that holds nothing are not looked at; Flags are covered by the checksum.
            assert_eq!(fresh.open(&bad, &mut data).is_ok(), at >= 32, "byte {at}");
        }
        let mut bad = response.clone();
        bad[3] ^= 1;
        let mut fresh = SealContext::new(&key);
        fresh.next = 1;
        assert_eq!(fresh.open(&signature, &mut bad), Err(SealError::Checksum));
        let mut good = response.clone();
        client.open(&signature, &mut good).unwrap();
        assert_eq!(good, [8; 24]);
        assert_eq!(client.open(&signature, &mut response), Err(SealError::Sequence));
        assert_eq!(client.open(&signature[..31], &mut []), Err(SealError::Malformed));
    }

    #[test]
    fn authenticators_follow_each_other() {
        let (key, ..) = keys();
        let first = key.credential(&[1; 8]);
        let mut chain = CredentialChain::new(key.clone(), first);
        let one = chain.next(100);
        assert_eq!(one.timestamp, 100);
        // The low half alone is counted up: [MS-NRPC] 3.1.4.5.
        let mut stored = first;
        let low = u32::from_le_bytes(stored[..4].try_into().unwrap());
        stored[..4].copy_from_slice(&low.wrapping_add(100).to_le_bytes());
        assert_eq!(one.credential, key.credential(&stored));
        stored[..4].copy_from_slice(&low.wrapping_add(101).to_le_bytes());
        assert!(chain.verify(&key.credential(&stored)));
        assert!(!chain.verify(&key.credential(&stored)));
    }
}
