//! What the large file holds, so that every byte of a reply can be checked: 4-KiB blocks that name themselves.

use anyhow::ensure;

/// Bytes of a block; every offset and length of the rows is a multiple of it.
pub const BLOCK_BYTES: u64 = 4096;

/// Tells the contents that a row writes from those that were there before.
pub type Generation = u64;

/// A small generator (SplitMix64).
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// A generator that starts at `seed`.
    pub const fn new(seed: u64) -> Self {
        Random(seed)
    }

    /// The next number.
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number below `limit`.
    pub fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }
}

/// First word of a block.
fn first_word(file_offset: u64, generation: Generation) -> u64 {
    (file_offset / BLOCK_BYTES) << 8 | generation
}

/// The other words of a block, by their place in it.
fn word(index: u64) -> u64 {
    (index + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15)
}

/// A buffer for [`stamp`].
pub fn template(length_bytes: usize) -> Vec<u8> {
    let per_block = BLOCK_BYTES / 8;
    (0..length_bytes as u64 / 8).flat_map(|index| word(index % per_block).to_le_bytes()).collect()
}

/// Makes a template the contents of the file from `file_offset` on.
pub fn stamp(buffer: &mut [u8], file_offset: u64, generation: Generation) {
    for (index, block) in buffer.chunks_mut(BLOCK_BYTES as usize).enumerate() {
        let word = first_word(file_offset + index as u64 * BLOCK_BYTES, generation);
        block[..8].copy_from_slice(&word.to_le_bytes());
    }
}

/// Checks the first words of all blocks, and with `every_byte` the rest of them too.
pub fn check(data: &[u8], file_offset: u64, generation: Generation, every_byte: bool) -> anyhow::Result<()> {
    for (index, block) in data.chunks(BLOCK_BYTES as usize).enumerate() {
        let at = file_offset + index as u64 * BLOCK_BYTES;
        ensure!(block.len() == BLOCK_BYTES as usize, "the block at {at} is cut short");
        let (words, _) = block.as_chunks::<8>();
        ensure!(
            u64::from_le_bytes(words[0]) == first_word(at, generation),
            "the block at {at} holds {:#x} instead of {:#x}",
            u64::from_le_bytes(words[0]),
            first_word(at, generation)
        );
        if every_byte {
            let wrong =
                (1..).zip(&words[1..]).find(|(index, found)| u64::from_le_bytes(**found) != word(*index));
            ensure!(wrong.is_none(), "the block at {at} is wrong in word {wrong:?}");
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_name_their_place_and_generation() {
        let mut buffer = template(2 * BLOCK_BYTES as usize);
        stamp(&mut buffer, 8 * BLOCK_BYTES, 1);
        assert!(check(&buffer, 8 * BLOCK_BYTES, 1, true).is_ok());
        assert!(check(&buffer, 8 * BLOCK_BYTES, 0, false).is_err());
        assert!(check(&buffer, 9 * BLOCK_BYTES, 1, false).is_err());
        assert!(check(&buffer[..100], 8 * BLOCK_BYTES, 1, false).is_err());
        buffer[5000] ^= 1;
        assert!(check(&buffer, 8 * BLOCK_BYTES, 1, false).is_ok());
        assert!(check(&buffer, 8 * BLOCK_BYTES, 1, true).is_err());
    }
}
