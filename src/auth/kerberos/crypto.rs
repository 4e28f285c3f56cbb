//! RFC 3961 encryption and checksums, in the profiles of RFC 3962 (AES with SHA-1), RFC 8009 (AES with SHA-2) and RFC 4757
//! (RC4): bytes to bytes. Random bytes come in as data.

use aes::cipher::{BlockCipherDecrypt, BlockCipherEncrypt, KeyInit};
use aes::{Aes128, Aes256};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac;
use zeroize::Zeroizing;

use super::key::EncryptionType;

/// A block of AES.
const BLOCK: usize = 16;
/// Random bytes that [`EncryptionKey::encrypt`] needs: a block of AES; RC4 takes the first eight.
pub const CONFOUNDER_SIZE: usize = 16;

/// RFC 3961 section 4: what a key is used for, besides the numbers of RFC 4120 7.5.1.
pub mod usage {
    /// The encrypted part of a ticket.
    pub const TICKET: u32 = 2;
    /// The authenticator of an AP-REQ.
    pub const AP_REQ_AUTHENTICATOR: u32 = 11;
    /// The encrypted part of an AP-REP.
    pub const AP_REP: u32 = 12;
    /// [MS-PAC] 2.8: KERB_NON_KERB_CKSUM_SALT, of signatures in a PAC.
    pub const PAC_SIGNATURE: u32 = 17;
    /// RFC 4121 section 2: KG-USAGE-ACCEPTOR-SEAL.
    pub const ACCEPTOR_SEAL: u32 = 22;
    /// RFC 4121 section 2: KG-USAGE-INITIATOR-SEAL.
    pub const INITIATOR_SEAL: u32 = 24;
    /// RFC 4121 section 2: KG-USAGE-ACCEPTOR-SIGN.
    pub const ACCEPTOR_SIGN: u32 = 23;
    /// RFC 4121 section 2: KG-USAGE-INITIATOR-SIGN.
    pub const INITIATOR_SIGN: u32 = 25;
}

/// What was encrypted has been changed, or was encrypted with another key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("does not decrypt with this key")]
pub struct IntegrityError;

/// A key of a known encryption type and of the right length; wiped when dropped, never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct EncryptionKey {
    profile: Profile,
    bytes: Zeroizing<Vec<u8>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Profile {
    Aes128Sha1,
    Aes256Sha1,
    Aes128Sha256,
    Aes256Sha384,
    Rc4,
}

impl Profile {
    const fn of(encryption_type: EncryptionType) -> Option<Self> {
        Some(match encryption_type {
            EncryptionType::AES128_CTS_HMAC_SHA1_96 => Profile::Aes128Sha1,
            EncryptionType::AES256_CTS_HMAC_SHA1_96 => Profile::Aes256Sha1,
            EncryptionType::AES128_CTS_HMAC_SHA256_128 => Profile::Aes128Sha256,
            EncryptionType::AES256_CTS_HMAC_SHA384_192 => Profile::Aes256Sha384,
            EncryptionType::RC4_HMAC => Profile::Rc4,
            _ => return None,
        })
    }

    const fn key_size(self) -> usize {
        match self {
            Profile::Aes128Sha1 | Profile::Aes128Sha256 | Profile::Rc4 => 16,
            Profile::Aes256Sha1 | Profile::Aes256Sha384 => 32,
        }
    }

    /// Bytes of a checksum, and of the one that goes with what is encrypted.
    const fn mac_size(self) -> usize {
        match self {
            Profile::Aes128Sha1 | Profile::Aes256Sha1 => 12,
            Profile::Aes128Sha256 | Profile::Rc4 => 16,
            Profile::Aes256Sha384 => 24,
        }
    }

    fn hmac(self) -> hmac::Algorithm {
        match self {
            Profile::Aes128Sha1 | Profile::Aes256Sha1 | Profile::Rc4 => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
            Profile::Aes128Sha256 => hmac::HMAC_SHA256,
            Profile::Aes256Sha384 => hmac::HMAC_SHA384,
        }
    }
}

/// Which key is derived for a usage (RFC 3961 5.3): the last byte of the constant.
#[derive(Clone, Copy)]
enum Derived {
    /// Kc.
    Checksum = 0x99,
    /// Ke.
    Encryption = 0xaa,
    /// Ki.
    Integrity = 0x55,
}

impl Derived {
    const fn octet(self) -> u8 {
        match self {
            Derived::Checksum => 0x99,
            Derived::Encryption => 0xaa,
            Derived::Integrity => 0x55,
        }
    }
}

impl EncryptionKey {
    /// `None` for an unknown type or a key of another length than the type's.
    #[must_use]
    pub fn new(encryption_type: EncryptionType, key: &[u8]) -> Option<Self> {
        let profile = Profile::of(encryption_type).filter(|profile| profile.key_size() == key.len())?;
        Some(EncryptionKey { profile, bytes: Zeroizing::new(key.to_vec()) })
    }

    /// A key of the same type from the front of `random`, which must be 32 bytes or more.
    #[must_use]
    pub fn generate_alike(&self, random: &[u8]) -> Option<Self> {
        let bytes = random.get(..self.profile.key_size())?;
        Some(EncryptionKey { profile: self.profile, bytes: Zeroizing::new(bytes.to_vec()) })
    }

    /// Its type.
    #[must_use]
    pub const fn encryption_type(&self) -> EncryptionType {
        match self.profile {
            Profile::Aes128Sha1 => EncryptionType::AES128_CTS_HMAC_SHA1_96,
            Profile::Aes256Sha1 => EncryptionType::AES256_CTS_HMAC_SHA1_96,
            Profile::Aes128Sha256 => EncryptionType::AES128_CTS_HMAC_SHA256_128,
            Profile::Aes256Sha384 => EncryptionType::AES256_CTS_HMAC_SHA384_192,
            Profile::Rc4 => EncryptionType::RC4_HMAC,
        }
    }

    /// The key.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Takes what [`EncryptionKey::encrypt`] has made apart.
    ///
    /// # Errors
    /// [`IntegrityError`].
    pub fn decrypt(&self, usage: u32, cipher: &[u8]) -> Result<Zeroizing<Vec<u8>>, IntegrityError> {
        let profile = self.profile;
        if profile == Profile::Rc4 {
            return super::rc4_hmac::decrypt(&self.bytes, usage, cipher);
        }
        let split = cipher.len().checked_sub(profile.mac_size()).filter(|length| *length >= BLOCK);
        let (body, mac) = cipher.split_at_checked(split.ok_or(IntegrityError)?).ok_or(IntegrityError)?;
        let integrity = self.derive(usage, Derived::Integrity);
        let sha2 = matches!(profile, Profile::Aes128Sha256 | Profile::Aes256Sha384);
        // RFC 8009 section 5: the MAC is over the initial state and the cipher text; RFC 3961 5.3: over the plain text.
        if sha2 {
            self.verify(&integrity, &[&[0; BLOCK], body], mac)?;
        }
        let encryption = self.derive(usage, Derived::Encryption);
        let mut plain = Zeroizing::new(body.to_vec());
        Aes::new(&encryption).ok_or(IntegrityError)?.cts_decrypt(&mut plain).ok_or(IntegrityError)?;
        if !sha2 {
            self.verify(&integrity, &[&plain], mac)?;
        }
        plain.drain(..CONFOUNDER_SIZE);
        Ok(plain)
    }

    /// Encrypts; `confounder` must be random.
    #[must_use]
    pub fn encrypt(&self, usage: u32, confounder: &[u8; CONFOUNDER_SIZE], plain: &[u8]) -> Vec<u8> {
        if self.profile == Profile::Rc4 {
            return super::rc4_hmac::encrypt(&self.bytes, usage, confounder, plain);
        }
        let integrity = self.derive(usage, Derived::Integrity);
        let encryption = self.derive(usage, Derived::Encryption);
        let mut output = [confounder.as_slice(), plain].concat();
        let over_plain = self.mac(&integrity, &[&output]);
        if let Some(aes) = Aes::new(&encryption) {
            aes.cts_encrypt(&mut output);
        }
        let mac = match self.profile {
            Profile::Aes128Sha256 | Profile::Aes256Sha384 => self.mac(&integrity, &[&[0; BLOCK], &output]),
            Profile::Aes128Sha1 | Profile::Aes256Sha1 | Profile::Rc4 => over_plain,
        };
        output.extend_from_slice(&mac);
        output
    }

    /// The parts of [`EncryptionKey::encrypt`] on their own, for messages whose encrypted parts have others between them: the MAC over
    /// the plain `parts`, one after the other. `None` unless the key is for AES with SHA-1.
    pub(super) fn integrity(&self, usage: u32, parts: &[&[u8]]) -> Option<Vec<u8>> {
        self.is_aes_sha1().then(|| self.mac(&self.derive(usage, Derived::Integrity), parts))
    }

    /// Encrypts what begins with a confounder, without a MAC.
    pub(super) fn encrypt_in_place(&self, usage: u32, data: &mut [u8]) -> Option<()> {
        let aes = Aes::new(&self.derive(usage, Derived::Encryption)).filter(|_| self.is_aes_sha1())?;
        aes.cts_encrypt(data);
        Some(())
    }

    /// The reverse of [`EncryptionKey::encrypt_in_place`].
    pub(super) fn decrypt_in_place(&self, usage: u32, data: &mut [u8]) -> Option<()> {
        let aes = Aes::new(&self.derive(usage, Derived::Encryption)).filter(|_| self.is_aes_sha1())?;
        aes.cts_decrypt(data)
    }

    const fn is_aes_sha1(&self) -> bool {
        matches!(self.profile, Profile::Aes128Sha1 | Profile::Aes256Sha1)
    }

    /// The checksum that the encryption type requires (RFC 3961 section 3), over `parts` one after the other.
    #[must_use]
    pub fn checksum(&self, usage: u32, parts: &[&[u8]]) -> Vec<u8> {
        if self.profile == Profile::Rc4 {
            return super::rc4_hmac::checksum(&self.bytes, usage, parts).to_vec();
        }
        self.mac(&self.derive(usage, Derived::Checksum), parts)
    }

    /// Compares a checksum in constant time.
    ///
    /// # Errors
    /// [`IntegrityError`].
    pub fn verify_checksum(
        &self,
        usage: u32,
        parts: &[&[u8]],
        checksum: &[u8],
    ) -> Result<(), IntegrityError> {
        verify_slices_are_equal(&self.checksum(usage, parts), checksum).map_err(|_| IntegrityError)
    }

    fn verify(&self, key: &[u8], parts: &[&[u8]], mac: &[u8]) -> Result<(), IntegrityError> {
        verify_slices_are_equal(&self.mac(key, parts), mac).map_err(|_| IntegrityError)
    }

    fn mac(&self, key: &[u8], parts: &[&[u8]]) -> Vec<u8> {
        let mut context = hmac::Context::with_key(&hmac::Key::new(self.profile.hmac(), key));
        for part in parts {
            context.update(part);
        }
        let tag = context.sign();
        tag.as_ref().iter().copied().take(self.profile.mac_size()).collect()
    }

    /// RFC 3961 5.1 DK, RFC 8009 section 3 KDF-HMAC-SHA2.
    fn derive(&self, usage: u32, derived: Derived) -> Zeroizing<Vec<u8>> {
        let [a, b, c, d] = usage.to_be_bytes();
        let constant = [a, b, c, d, derived.octet()];
        let size = match (self.profile, derived) {
            (Profile::Aes256Sha384, Derived::Checksum | Derived::Integrity) => 24,
            (profile, _) => profile.key_size(),
        };
        if let Profile::Aes128Sha256 | Profile::Aes256Sha384 = self.profile {
            let mut context = hmac::Context::with_key(&hmac::Key::new(self.profile.hmac(), &self.bytes));
            context.update(&1u32.to_be_bytes());
            context.update(&constant);
            context.update(&[0]);
            let bits = u32::try_from(size).unwrap_or_default().saturating_mul(8);
            context.update(&bits.to_be_bytes());
            let tag = context.sign();
            return Zeroizing::new(tag.as_ref().iter().copied().take(size).collect());
        }
        let mut output = Zeroizing::new(Vec::with_capacity(size));
        if let Some(aes) = Aes::new(&self.bytes) {
            let mut block = n_fold(&constant);
            while output.len() < size {
                aes.encrypt(&mut block);
                output.extend_from_slice(&block);
            }
        }
        output.truncate(size);
        output
    }
}

impl core::fmt::Debug for EncryptionKey {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "EncryptionKey(etype {})", self.encryption_type().0)
    }
}

/// RFC 3961 5.1 n-fold to 128 bits: copies of the input, each turned right by 13 bits more than the one before, are added up
/// in pieces of 16 bytes with end-around carry.
fn n_fold(input: &[u8]) -> [u8; BLOCK] {
    let bits = input.len().saturating_mul(8);
    let copies = lcm(input.len(), BLOCK).checked_div(input.len().max(1)).unwrap_or_default();
    let mut folded = [0u8; BLOCK];
    let mut piece = Vec::with_capacity(BLOCK);
    for copy in 0..copies {
        let turn = copy.saturating_mul(13).checked_rem(bits).unwrap_or_default();
        for place in 0..input.len() {
            piece.push(turned_byte(input, bits, turn, place));
            if piece.len() == BLOCK {
                add_one_complement(&mut folded, &piece);
                piece.clear();
            }
        }
    }
    folded
}

/// The byte at `place` of `input` turned right by `turn` bits.
fn turned_byte(input: &[u8], bits: usize, turn: usize, place: usize) -> u8 {
    (0..8).fold(0, |byte, offset| {
        let at = place.saturating_mul(8).saturating_add(offset).saturating_add(bits).saturating_sub(turn);
        let at = at.checked_rem(bits).unwrap_or_default();
        let bit = input.get(at / 8).copied().unwrap_or_default() >> (7usize.saturating_sub(at % 8)) & 1;
        byte << 1 | bit
    })
}

fn add_one_complement(sum: &mut [u8; BLOCK], piece: &[u8]) {
    let mut carry = 0u16;
    for round in 0..2 {
        for (to, from) in sum.iter_mut().rev().zip(piece.iter().rev()) {
            let addend = if round == 0 { u16::from(*from) } else { 0 };
            let [high, low] = u16::from(*to).saturating_add(addend).saturating_add(carry).to_be_bytes();
            *to = low;
            carry = u16::from(high);
        }
    }
}

fn lcm(a: usize, b: usize) -> usize {
    let (mut x, mut y) = (a, b);
    while let Some(rest) = x.checked_rem(y) {
        (x, y) = (y, rest);
    }
    a.saturating_mul(b).checked_div(x).unwrap_or_default()
}

/// AES with either length of key.
enum Aes {
    Short(Aes128),
    Long(Aes256),
}

impl Aes {
    fn new(key: &[u8]) -> Option<Self> {
        match key.len() {
            16 => Aes128::new_from_slice(key).ok().map(Aes::Short),
            _ => Aes256::new_from_slice(key).ok().map(Aes::Long),
        }
    }

    fn encrypt(&self, block: &mut [u8; BLOCK]) {
        match self {
            Aes::Short(aes) => aes.encrypt_block(block.into()),
            Aes::Long(aes) => aes.encrypt_block(block.into()),
        }
    }

    fn decrypt(&self, block: &mut [u8; BLOCK]) {
        match self {
            Aes::Short(aes) => aes.decrypt_block(block.into()),
            Aes::Long(aes) => aes.decrypt_block(block.into()),
        }
    }

    /// RFC 3962 section 5: CBC with cipher text stealing and an initial state of zeros. The last two blocks are swapped; a
    /// single block is encrypted alone. Shorter inputs do not occur, as the confounder is a block.
    fn cts_encrypt(&self, data: &mut [u8]) {
        let length = data.len();
        let mut state = [0; BLOCK];
        let mut last = 0..0;
        let mut start = 0usize;
        while start < length {
            let end = start.saturating_add(BLOCK).min(length);
            let Some(chunk) = data.get_mut(start..end) else { return };
            xor(&mut state, chunk);
            let before = last.clone();
            let mut block = state;
            self.encrypt(&mut block);
            if end < length || before.is_empty() {
                chunk.copy_from_slice(block.get(..chunk.len()).unwrap_or_default());
            } else {
                // The last one takes the place of the one before, whose front goes behind it.
                let size = end.saturating_sub(start);
                let mut stolen = [0; BLOCK];
                if let Some(place) = data.get_mut(before) {
                    stolen.copy_from_slice(place);
                    place.copy_from_slice(&block);
                }
                if let Some(place) = data.get_mut(start..end) {
                    place.copy_from_slice(stolen.get(..size).unwrap_or_default());
                }
            }
            state = block;
            last = start..end;
            start = end;
        }
    }

    /// The reverse of [`Aes::cts_encrypt`]; `None` for less than a block.
    fn cts_decrypt(&self, data: &mut [u8]) -> Option<()> {
        let length = data.len();
        if length <= BLOCK {
            self.decrypt(data.first_chunk_mut::<BLOCK>().filter(|_| length == BLOCK)?);
            return Some(());
        }
        // Where the last, perhaps shorter, block begins, and the one before.
        let last = length.checked_sub(1)?.checked_div(BLOCK)?.checked_mul(BLOCK)?;
        let before = last.checked_sub(BLOCK)?;
        let size = length.checked_sub(last)?;
        let mut end = *data.get(before..)?.first_chunk::<BLOCK>()?;
        self.decrypt(&mut end);
        // `end` is the last plain block xored with the cipher block that was stolen from: its front is there, its tail is
        // here, since the plain block was padded with zeros.
        let mut stolen = end;
        stolen.get_mut(..size)?.copy_from_slice(data.get(last..)?);
        let plain: Vec<u8> = end.iter().zip(&stolen).map(|(a, b)| a ^ b).take(size).collect();
        data.get_mut(last..)?.copy_from_slice(&plain);
        data.get_mut(before..last)?.copy_from_slice(&stolen);
        let mut state = [0; BLOCK];
        for chunk in data.get_mut(..last)?.as_chunks_mut::<BLOCK>().0 {
            let cipher = *chunk;
            self.decrypt(chunk);
            xor(chunk, &state);
            state = cipher;
        }
        Some(())
    }
}

fn xor(block: &mut [u8; BLOCK], with: &[u8]) {
    for (to, from) in block.iter_mut().zip(with) {
        *to ^= *from;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use picky_krb::crypto::CipherSuite;
    use proptest::prelude::*;

    const CONFOUNDER: [u8; CONFOUNDER_SIZE] = [0x5a; CONFOUNDER_SIZE];
    const TYPES: [(EncryptionType, usize); 5] = [
        (EncryptionType::AES128_CTS_HMAC_SHA1_96, 16),
        (EncryptionType::AES256_CTS_HMAC_SHA1_96, 32),
        (EncryptionType::AES128_CTS_HMAC_SHA256_128, 16),
        (EncryptionType::AES256_CTS_HMAC_SHA384_192, 32),
        (EncryptionType::RC4_HMAC, 16),
    ];

    fn hex(text: &str) -> Vec<u8> {
        let digits: Vec<u8> = text.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
        digits
            .chunks(2)
            .map(|pair| u8::from_str_radix(core::str::from_utf8(pair).unwrap(), 16).unwrap())
            .collect()
    }

    fn key(encryption_type: EncryptionType, bytes: &[u8]) -> EncryptionKey {
        EncryptionKey::new(encryption_type, bytes).unwrap()
    }

    /// RFC 3961 A.1.
    #[test]
    fn n_fold_of_the_specification() {
        assert_eq!(n_fold(b"kerberos").as_slice(), hex("6b657262 65726f73 7b9b5b2b 93132b93"));
    }

    /// RFC 3962 appendix B.
    #[test]
    fn cipher_text_stealing_of_the_specification() {
        let aes = Aes::new(b"chicken teriyaki").unwrap();
        let text = b"I would like the General Gau's Chicken, please, and wonton soup.";
        for (length, cipher) in [
            (17, "c6353568f2bf8cb4d8a580362da7ff7f97"),
            (31, "fc00783e0efdb2c1d445d4c8eff7ed2297687268d6ecccc0c07b25e25ecfe5"),
            (32, "39312523a78662d5be7fcbcc98ebf5a897687268d6ecccc0c07b25e25ecfe584"),
            (
                47,
                "97687268d6ecccc0c07b25e25ecfe584b3fffd940c16a18c1b5549d2f838029e39312523a78662d5be7fcbcc98ebf5",
            ),
            (
                48,
                "97687268d6ecccc0c07b25e25ecfe5849dad8bbb96c4cdc03bc103e1a194bbd839312523a78662d5be7fcbcc98ebf5a8",
            ),
            (
                64,
                "97687268d6ecccc0c07b25e25ecfe58439312523a78662d5be7fcbcc98ebf5a84807efe836ee89a526730dbc2f7bc8409dad8bbb96c4cdc03bc103e1a194bbd8",
            ),
        ] {
            let mut data = text[..length].to_vec();
            aes.cts_encrypt(&mut data);
            assert_eq!(data, hex(cipher), "{length}");
            aes.cts_decrypt(&mut data).unwrap();
            assert_eq!(data, &text[..length]);
        }
        assert_eq!(aes.cts_decrypt(&mut [0; 15]), None);
    }

    /// RFC 8009 appendix A.
    #[test]
    fn sha2_keys_and_messages_of_the_specification() {
        let short = key(EncryptionType::AES128_CTS_HMAC_SHA256_128, &hex("3705D96080C17728A0E800EAB6E0D23C"));
        let long = key(
            EncryptionType::AES256_CTS_HMAC_SHA384_192,
            &hex("6D404D37FAF79F9DF0D33568D320669800EB4836472EA8A026D16B7182460C52"),
        );
        for (key, derived, expected) in [
            (&short, Derived::Checksum, "B31A018A48F54776F403E9A396325DC3"),
            (&short, Derived::Encryption, "9B197DD1E8C5609D6E67C3E37C62C72E"),
            (&short, Derived::Integrity, "9FDA0E56AB2D85E1569A688696C26A6C"),
            (&long, Derived::Checksum, "EF5718BE86CC84963D8BBB5031E9F5C4BA41F28FAF69E73D"),
            (&long, Derived::Encryption, "56AB22BEE63D82D7BC5227F6773F8EA7A5EB1C825160C38312980C442E5C7E49"),
            (&long, Derived::Integrity, "69B16514E3CD8E56B82010D5C73012B622C4D00FFC23ED1F"),
        ] {
            assert_eq!(key.derive(2, derived).as_slice(), hex(expected));
        }
        let confounder = hex("7E5895EAF2672435BAD817F545A37148");
        assert_eq!(
            short.encrypt(2, confounder.first_chunk().unwrap(), b""),
            hex("EF85FB890BB8472F4DAB20394DCA781DAD877EDA39D50C870C0D5A0A8E48C718")
        );
    }

    /// Another implementation of RFC 3962 reads what this one writes, and the other way round.
    #[test]
    fn aes_with_sha1_agrees_with_another_implementation() {
        for (encryption_type, size, suite) in [
            (EncryptionType::AES128_CTS_HMAC_SHA1_96, 16, CipherSuite::Aes128CtsHmacSha196),
            (EncryptionType::AES256_CTS_HMAC_SHA1_96, 32, CipherSuite::Aes256CtsHmacSha196),
        ] {
            let bytes: Vec<u8> = (1..=size).collect();
            let key = key(encryption_type, &bytes);
            let other = suite.cipher();
            for length in (1..70).chain([1000]) {
                let plain: Vec<u8> = (0..length).map(|number| (number % 251) as u8).collect();
                let ours = key.encrypt(usage::AP_REP, &CONFOUNDER, &plain);
                assert_eq!(other.decrypt(&bytes, 12, &ours).unwrap(), plain);
                let theirs = other.encrypt(&bytes, 12, &plain).unwrap();
                assert_eq!(*key.decrypt(usage::AP_REP, &theirs).unwrap(), plain);
            }
        }
    }

    #[test]
    fn a_key_has_the_length_of_its_type() {
        for (encryption_type, size) in TYPES {
            assert!(EncryptionKey::new(encryption_type, &vec![1; size]).is_some());
            assert!(EncryptionKey::new(encryption_type, &vec![1; size + 1]).is_none());
        }
        assert!(EncryptionKey::new(EncryptionType(3), &[1; 8]).is_none());
    }

    proptest! {
        #[test]
        fn what_was_changed_does_not_decrypt(
            which in 0usize..5, plain: Vec<u8>, place: prop::sample::Index, bit in 0u8..8, cut in 0usize..40,
        ) {
            let (encryption_type, size) = TYPES[which];
            let key = key(encryption_type, &vec![7; size]);
            let cipher = key.encrypt(11, &CONFOUNDER, &plain);
            prop_assert_eq!(&*key.decrypt(11, &cipher).unwrap(), &plain);
            prop_assert!(key.decrypt(12, &cipher).is_err(), "for another use");
            let mut changed = cipher.clone();
            let place = place.index(changed.len());
            changed[place] ^= 1 << bit;
            prop_assert!(key.decrypt(11, &changed).is_err());
            if cut > 0 {
                let length = cipher.len().saturating_sub(cut);
                prop_assert!(key.decrypt(11, &cipher[..length]).is_err());
            }
        }
    }
}
