//! AES-CCM on the AES instructions of x86-64.
//!
//! CBC-MAC is a chain: one block cannot start before the last one ended, which leaves most of the AES unit idle. The
//! key stream of the next block is computed in the gaps, so that both together take the time of the MAC alone.
//!
//! The only unsafe operation of this file is the call of a function that needs the instructions, by somebody who has
//! seen that they are there.

use core::arch::x86_64::{
    __m128i, _mm_aesenc_si128, _mm_aesenclast_si128, _mm_aeskeygenassist_si128, _mm_set_epi64x,
    _mm_setzero_si128, _mm_shuffle_epi32, _mm_slli_si128, _mm_xor_si128,
};
use zeroize::Zeroize;

/// Flags of the first counter-mode block: the length of the length field (4) less one.
const COUNTER_FLAGS: u8 = 3;
/// Flags of the first MAC block: there is associated data, a tag of 16 bytes, a length field of 4 bytes.
const MAC_FLAGS: u8 = 0x40 | (((16 - 2) / 2) << 3) | COUNTER_FLAGS;
/// Longest associated data, so that its length takes two bytes.
const AAD_SIZE_LIMIT: usize = 0xFEFF;

/// A key schedule of 10 rounds (AES-128) or 14 rounds (AES-256).
pub(super) struct AesNiCcm {
    round_keys: [__m128i; 15],
    is_256: bool,
}

/// Which way the text goes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Direction {
    Seal,
    Open,
}

impl AesNiCcm {
    /// Computes the schedule; `None` when the processor lacks the instructions or the key has a wrong length.
    pub(super) fn new(key: &[u8]) -> Option<Self> {
        if !std::arch::is_x86_feature_detected!("aes") {
            return None;
        }
        let (first, second) = key.split_first_chunk::<16>()?;
        match second.first_chunk::<16>() {
            None if second.is_empty() => {
                // SAFETY: the processor has the AES instructions.
                let round_keys = unsafe { expand_128(first) };
                Some(AesNiCcm { round_keys, is_256: false })
            }
            Some(second) if key.len() == 32 => {
                // SAFETY: the processor has the AES instructions.
                let round_keys = unsafe { expand_256(first, second) };
                Some(AesNiCcm { round_keys, is_256: true })
            }
            _ => None,
        }
    }

    /// Encrypts in place and returns the tag; `None` for lengths that the format cannot hold.
    pub(super) fn seal(&self, nonce: &[u8; 11], aad: &[u8], message: &mut [u8]) -> Option<[u8; 16]> {
        self.run(nonce, aad, message, Direction::Seal)
    }

    /// Decrypts in place and returns the tag that the message ought to have.
    pub(super) fn open(&self, nonce: &[u8; 11], aad: &[u8], message: &mut [u8]) -> Option<[u8; 16]> {
        self.run(nonce, aad, message, Direction::Open)
    }

    fn run(
        &self,
        nonce: &[u8; 11],
        aad: &[u8],
        message: &mut [u8],
        direction: Direction,
    ) -> Option<[u8; 16]> {
        let length = u32::try_from(message.len()).ok()?;
        let aad_length =
            u16::try_from(aad.len()).ok().filter(|_| aad.len() <= AAD_SIZE_LIMIT && !aad.is_empty())?;
        if self.is_256 {
            // SAFETY: `new` saw that the processor has the AES instructions.
            Some(unsafe { run::<14>(&self.round_keys, nonce, aad, aad_length, message, length, direction) })
        } else {
            // SAFETY: `new` saw that the processor has the AES instructions.
            Some(unsafe { run::<10>(&self.round_keys, nonce, aad, aad_length, message, length, direction) })
        }
    }
}

impl Drop for AesNiCcm {
    fn drop(&mut self) {
        self.round_keys.zeroize();
    }
}

/// The whole of CCM for one message.
#[target_feature(enable = "aes")]
fn run<const ROUNDS: usize>(
    round_keys: &[__m128i; 15],
    nonce: &[u8; 11],
    aad: &[u8],
    aad_length: u16,
    message: &mut [u8],
    length: u32,
    direction: Direction,
) -> [u8; 16] {
    let cipher = Cipher::<ROUNDS>::new(round_keys);
    // B_0, then the associated data behind its length, padded with zeros.
    let mut mac = cipher.encrypt(nonce_block(MAC_FLAGS, nonce, length));
    let (lead, rest) = aad.split_at_checked(14).unwrap_or((aad, &[]));
    let [high, low] = aad_length.to_be_bytes();
    let mut first = [0; 16];
    for (to, from) in first.iter_mut().zip([high, low].iter().chain(lead)) {
        *to = *from;
    }
    mac = cipher.encrypt(_mm_xor_si128(mac, load(&first)));
    for chunk in rest.chunks(16) {
        mac = cipher.encrypt(_mm_xor_si128(mac, load(&padded(chunk))));
    }
    // S_0 masks the tag; S_1 and on are the key stream.
    let counter_block = CounterBlock::new(nonce);
    let tag_mask = cipher.encrypt(counter_block.at(0));
    let mut counter = 1u32;
    let mut stream = cipher.encrypt(counter_block.at(counter));
    let (blocks, tail) = message.as_chunks_mut::<16>();
    for block in blocks {
        let input = load(block);
        let output = _mm_xor_si128(input, stream);
        *block = store(output);
        let plain = if direction == Direction::Seal { input } else { output };
        // The length has 32 bits, so the counter of blocks does not wrap.
        counter = counter.wrapping_add(1);
        (mac, stream) = cipher.chain_and_stream(mac, plain, counter_block.at(counter));
    }
    if !tail.is_empty() {
        let stream = store(stream);
        let mut plain = [0; 16];
        for ((byte, key), plain) in tail.iter_mut().zip(stream).zip(&mut plain) {
            let output = *byte ^ key;
            *plain = if direction == Direction::Seal { *byte } else { output };
            *byte = output;
        }
        mac = cipher.encrypt(_mm_xor_si128(mac, load(&plain)));
    }
    store(_mm_xor_si128(mac, tag_mask))
}

/// The round keys in the order of their use.
struct Cipher<const ROUNDS: usize> {
    first: __m128i,
    middle: [__m128i; 13],
    last: __m128i,
}

impl<const ROUNDS: usize> Cipher<ROUNDS> {
    #[target_feature(enable = "aes")]
    fn new(round_keys: &[__m128i; 15]) -> Self {
        let [first, middle @ .., end] = round_keys;
        // With 10 rounds the schedule ends at index 10, which is index 9 of the middle.
        let last = if ROUNDS == 10 { middle.get(9).unwrap_or(end) } else { end };
        Cipher { first: *first, middle: *middle, last: *last }
    }

    #[inline]
    #[target_feature(enable = "aes")]
    fn encrypt(&self, block: __m128i) -> __m128i {
        let mut block = _mm_xor_si128(block, self.first);
        for key in self.middle.iter().take(const { ROUNDS - 1 }) {
            block = _mm_aesenc_si128(block, *key);
        }
        _mm_aesenclast_si128(block, self.last)
    }

    /// The next link of the MAC and the next block of the key stream, which do not depend on each other.
    #[inline]
    #[target_feature(enable = "aes")]
    fn chain_and_stream(&self, mac: __m128i, plain: __m128i, counter: __m128i) -> (__m128i, __m128i) {
        // The text meets the first key before the last link is there: one operation less to wait for.
        let mut mac = _mm_xor_si128(mac, _mm_xor_si128(plain, self.first));
        let mut stream = _mm_xor_si128(counter, self.first);
        for key in self.middle.iter().take(const { ROUNDS - 1 }) {
            mac = _mm_aesenc_si128(mac, *key);
            stream = _mm_aesenc_si128(stream, *key);
        }
        (_mm_aesenclast_si128(mac, self.last), _mm_aesenclast_si128(stream, self.last))
    }
}

/// The counter-mode blocks of one nonce.
struct CounterBlock {
    low: u64,
    high: u32,
}

impl CounterBlock {
    fn new(nonce: &[u8; 11]) -> Self {
        let [a, b, c, d, e, f, g, h, i, j, k] = *nonce;
        CounterBlock {
            low: u64::from_le_bytes([COUNTER_FLAGS, a, b, c, d, e, f, g]),
            high: u32::from_le_bytes([h, i, j, k]),
        }
    }

    #[inline]
    #[target_feature(enable = "sse2")]
    fn at(&self, counter: u32) -> __m128i {
        let high = u64::from(counter.swap_bytes()) << 32 | u64::from(self.high);
        _mm_set_epi64x(high.cast_signed(), self.low.cast_signed())
    }
}

/// Flags, nonce and a big-endian number.
#[inline]
#[target_feature(enable = "sse2")]
fn nonce_block(flags: u8, nonce: &[u8; 11], number: u32) -> __m128i {
    let [a, b, c, d, e, f, g, h, i, j, k] = *nonce;
    let [n0, n1, n2, n3] = number.to_be_bytes();
    load(&[flags, a, b, c, d, e, f, g, h, i, j, k, n0, n1, n2, n3])
}

#[inline]
#[target_feature(enable = "sse2")]
fn load(bytes: &[u8; 16]) -> __m128i {
    let [low, high] = zerocopy::transmute!(*bytes);
    _mm_set_epi64x(high, low)
}

#[inline]
#[target_feature(enable = "sse2")]
fn store(block: __m128i) -> [u8; 16] {
    zerocopy::transmute!(block)
}

/// Up to 16 bytes and zeros.
fn padded(bytes: &[u8]) -> [u8; 16] {
    let mut block = [0; 16];
    for (to, from) in block.iter_mut().zip(bytes) {
        *to = *from;
    }
    block
}

/// [FIPS-197] 5.2 for a 128-bit key.
#[target_feature(enable = "aes")]
fn expand_128(key: &[u8; 16]) -> [__m128i; 15] {
    let mut keys = [_mm_setzero_si128(); 15];
    let mut previous = load(key);
    let mut slots = keys.iter_mut();
    let mut put = |key: __m128i| {
        if let Some(slot) = slots.next() {
            *slot = key;
        }
    };
    put(previous);
    macro_rules! round {
        ($($constant:literal)*) => {$(
            let assist = _mm_shuffle_epi32::<0xff>(_mm_aeskeygenassist_si128::<$constant>(previous));
            previous = _mm_xor_si128(spread(previous), assist);
            put(previous);
        )*};
    }
    round!(0x01 0x02 0x04 0x08 0x10 0x20 0x40 0x80 0x1b 0x36);
    keys
}

/// [FIPS-197] 5.2 for a 256-bit key.
#[target_feature(enable = "aes")]
fn expand_256(first: &[u8; 16], second: &[u8; 16]) -> [__m128i; 15] {
    let mut keys = [_mm_setzero_si128(); 15];
    let mut even = load(first);
    let mut odd = load(second);
    let mut slots = keys.iter_mut();
    let mut put = |key: __m128i| {
        if let Some(slot) = slots.next() {
            *slot = key;
        }
    };
    put(even);
    put(odd);
    macro_rules! round {
        ($($constant:literal)*) => {$(
            let assist = _mm_shuffle_epi32::<0xff>(_mm_aeskeygenassist_si128::<$constant>(odd));
            even = _mm_xor_si128(spread(even), assist);
            put(even);
            let assist = _mm_shuffle_epi32::<0xaa>(_mm_aeskeygenassist_si128::<0>(even));
            odd = _mm_xor_si128(spread(odd), assist);
            put(odd);
        )*};
    }
    // The odd key of the last round has no place in the schedule.
    round!(0x01 0x02 0x04 0x08 0x10 0x20 0x40);
    keys
}

/// Every word combined with all words before it.
#[inline]
#[target_feature(enable = "sse2")]
fn spread(key: __m128i) -> __m128i {
    let key = _mm_xor_si128(key, _mm_slli_si128::<4>(key));
    _mm_xor_si128(key, _mm_slli_si128::<8>(key))
}
