//! [MS-DTYP] 2.3.4 GUID.

use crate::{Decode, DecodeError, Encode, Reader, Writer};

/// [MS-DTYP] 2.3.4.2 GUID, kept in wire order (the first three fields little-endian).
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Guid(pub [u8; 16]);

impl Guid {
    /// The all-zero GUID.
    pub const ZERO: Guid = Guid([0; 16]);

    /// From the four parts of the usual text form: `Guid::new(0x4b324fc8, 0x1670, 0x01d3, [0x12, 0x78, ...])`.
    #[must_use]
    pub const fn new(data1: u32, data2: u16, data3: u16, data4: [u8; 8]) -> Self {
        let [a0, a1, a2, a3] = data1.to_le_bytes();
        let [b0, b1] = data2.to_le_bytes();
        let [c0, c1] = data3.to_le_bytes();
        let [d0, d1, d2, d3, d4, d5, d6, d7] = data4;
        Guid([a0, a1, a2, a3, b0, b1, c0, c1, d0, d1, d2, d3, d4, d5, d6, d7])
    }
}

impl core::fmt::Display for Guid {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let [a0, a1, a2, a3, b0, b1, c0, c1, rest @ ..] = self.0;
        write!(
            f,
            "{:08x}-{:04x}-{:04x}-",
            u32::from_le_bytes([a0, a1, a2, a3]),
            u16::from_le_bytes([b0, b1]),
            u16::from_le_bytes([c0, c1])
        )?;
        for (i, byte) in rest.iter().enumerate() {
            if i == 2 {
                f.write_str("-")?;
            }
            write!(f, "{byte:02x}")?;
        }
        Ok(())
    }
}

impl core::fmt::Debug for Guid {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{self}")
    }
}

impl<'a> Decode<'a> for Guid {
    #[inline]
    fn decode(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        Ok(Guid(reader.array("Guid")?))
    }
}

impl Encode for Guid {
    #[inline]
    fn encode(&self, writer: &mut Writer) {
        writer.bytes(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_form_is_the_registry_form() {
        let srvsvc = Guid::new(0x4b32_4fc8, 0x1670, 0x01d3, [0x12, 0x78, 0x5a, 0x47, 0xbf, 0x6e, 0xe1, 0x88]);
        assert_eq!(srvsvc.to_string(), "4b324fc8-1670-01d3-1278-5a47bf6ee188");
        assert_eq!(srvsvc.0.first(), Some(&0xc8));
    }
}
