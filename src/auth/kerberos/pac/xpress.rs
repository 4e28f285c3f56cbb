//! [MS-XCA] 2.2 LZ77+Huffman, decompression: what Windows' domain controllers compress large claims sets with.

/// 2.2.4: symbols of the code: 256 literals, 256 matches.
const SYMBOLS: usize = 512;
const TABLE_BYTES: usize = 256;
/// Longest code, in bits.
const MAX_CODE: usize = 15;
/// Bytes of output that one table serves.
const CHUNK: usize = 65_536;

/// Decompresses to exactly `size` bytes; `None` when the input is not well-formed.
pub(super) fn decompress(input: &[u8], size: usize) -> Option<Vec<u8>> {
    let mut output = Vec::with_capacity(size);
    let mut rest = input;
    while output.len() < size {
        let (table, tail) = rest.split_first_chunk::<TABLE_BYTES>()?;
        let code = Code::new(table)?;
        let mut bits = Bits::new(tail)?;
        let end = output.len().saturating_add(CHUNK).min(size);
        while output.len() < end {
            let symbol = code.next(&mut bits)?;
            match u8::try_from(symbol) {
                Ok(literal) => output.push(literal),
                Err(_) => copy(&mut output, symbol, &mut bits, size)?,
            }
        }
        rest = bits.rest;
    }
    Some(output)
}

/// 2.2.4: a match of `symbol`.
fn copy(output: &mut Vec<u8>, symbol: u16, bits: &mut Bits<'_>, size: usize) -> Option<()> {
    let symbol = symbol.checked_sub(256)?;
    let mut length = usize::from(symbol & 15);
    let distance_bits = usize::from(symbol >> 4);
    if length == 15 {
        length = usize::from(bits.byte()?);
        if length == 255 {
            length = usize::from(bits.u16()?);
            if length == 0 {
                length = usize::try_from(bits.u32()?).ok()?;
            }
            length = length.checked_sub(15)?;
        }
        length = length.checked_add(15)?;
    }
    length = length.checked_add(3)?;
    let distance =
        1usize.checked_shl(u32::try_from(distance_bits).ok()?)?.checked_add(bits.take(distance_bits)?)?;
    if length > size.checked_sub(output.len())? {
        return None;
    }
    let mut from = output.len().checked_sub(distance)?;
    for _ in 0..length {
        let byte = *output.get(from)?;
        output.push(byte);
        from = from.checked_add(1)?;
    }
    Some(())
}

/// A canonical code: symbols in the order of their codes, and how many there are of each length.
struct Code {
    counts: [u16; MAX_CODE + 1],
    symbols: Vec<u16>,
}

impl Code {
    /// From the lengths of the codes, four bits for each symbol.
    fn new(table: &[u8; TABLE_BYTES]) -> Option<Self> {
        let lengths: Vec<u8> = table.iter().flat_map(|byte| [byte & 15, byte >> 4]).collect();
        debug_assert_eq!(lengths.len(), SYMBOLS);
        let mut code = Code { counts: [0; MAX_CODE + 1], symbols: Vec::new() };
        for wanted in 1..=MAX_CODE {
            for (symbol, length) in (0u16..).zip(&lengths) {
                if usize::from(*length) == wanted {
                    let count = code.counts.get_mut(wanted)?;
                    *count = count.checked_add(1)?;
                    code.symbols.push(symbol);
                }
            }
        }
        Some(code)
    }

    fn next(&self, bits: &mut Bits<'_>) -> Option<u16> {
        let mut value = 0usize;
        let mut first = 0usize;
        let mut index = 0usize;
        for count in self.counts.iter().skip(1) {
            value = value << 1 | bits.take(1)?;
            let count = usize::from(*count);
            if let Some(place) = value.checked_sub(first).filter(|place| *place < count) {
                return self.symbols.get(index.checked_add(place)?).copied();
            }
            index = index.checked_add(count)?;
            first = first.checked_add(count)? << 1;
        }
        None
    }
}

/// 2.2.4: bits are taken from 16-bit units, the high bits first; bytes between them come from where the units have not been
/// read yet. Two units are read ahead.
struct Bits<'a> {
    rest: &'a [u8],
    held: u32,
    /// Bits of `held` that are to come, beyond the 16 that must always be there.
    extra: usize,
}

impl<'a> Bits<'a> {
    fn new(input: &'a [u8]) -> Option<Self> {
        let (first, rest) = input.split_first_chunk::<2>()?;
        let (second, rest) = rest.split_first_chunk::<2>()?;
        let held = u32::from(u16::from_le_bytes(*first)) << 16 | u32::from(u16::from_le_bytes(*second));
        Some(Bits { rest, held, extra: 16 })
    }

    fn take(&mut self, count: usize) -> Option<usize> {
        let mut value = 0usize;
        for _ in 0..count {
            value = value << 1 | usize::from(self.held & 1 << 31 != 0);
            self.held <<= 1;
            match self.extra.checked_sub(1) {
                Some(left) => self.extra = left,
                None => {
                    // Past the end there are zeros: what was read ahead need not be there.
                    let (unit, rest) = self.rest.split_first_chunk::<2>().unwrap_or((&[0, 0], &[]));
                    self.rest = rest;
                    self.held |= u32::from(u16::from_le_bytes(*unit)) << 1;
                    self.extra = 15;
                }
            }
        }
        Some(value)
    }

    fn byte(&mut self) -> Option<u8> {
        let (byte, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(*byte)
    }

    fn u16(&mut self) -> Option<u16> {
        let (bytes, rest) = self.rest.split_first_chunk::<2>()?;
        self.rest = rest;
        Some(u16::from_le_bytes(*bytes))
    }

    fn u32(&mut self) -> Option<u32> {
        let (bytes, rest) = self.rest.split_first_chunk::<4>()?;
        self.rest = rest;
        Some(u32::from_le_bytes(*bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The lengths of codes that are not zero: symbol and bits.
    fn table(lengths: &[(usize, u8)]) -> Vec<u8> {
        let mut table = vec![0; TABLE_BYTES];
        for (symbol, length) in lengths {
            table[symbol / 2] |= length << (4 * (symbol % 2));
        }
        table
    }

    /// [MS-XCA] 3.2.
    #[test]
    fn the_examples_of_the_specification() {
        let letters: Vec<u8> = (b'a'..=b'z').collect();
        let mut lengths: Vec<(usize, u8)> = letters
            .iter()
            .map(|letter| (usize::from(*letter), if *letter <= b'v' { 5 } else { 4 }))
            .collect();
        lengths.push((256, 4));
        let bits = [
            0xd8, 0x52, 0x3e, 0xd7, 0x94, 0x11, 0x5b, 0xe9, 0x19, 0x5f, 0xf9, 0xd6, 0x7c, 0xdf, 0x8d, 0x04,
            0, 0, 0, 0,
        ];
        assert_eq!(decompress(&[table(&lengths), bits.to_vec()].concat(), 26), Some(letters));
        // A hundred times "abc": a long match over what it writes itself.
        let lengths = [(97, 3), (98, 3), (99, 2), (256, 2), (287, 2)];
        let input = [table(&lengths), vec![0xa8, 0xdc, 0, 0, 0xff, 0x26, 0x01]].concat();
        assert_eq!(decompress(&input, 300), Some(b"abc".repeat(100)));
        assert_eq!(decompress(&input, 299), None, "more than there must be");
        assert_eq!(decompress(&input[..200], 300), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_judged_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..700), size in 0usize..100_000) {
            if let Some(output) = decompress(&bytes, size) {
                prop_assert_eq!(output.len(), size);
            }
        }
    }
}
