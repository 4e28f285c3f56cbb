//! What all messages share: StructureSize, offsets that count from the header, lists of 16-bit numbers.

use core::marker::PhantomData;

use freehold_dtyp::{DecodeError, DecodeReason, Encode, Reader, Writer};
use zerocopy::{FromBytes, Immutable, KnownLayout, Unaligned};

use super::header::Smb2Header;

/// A message body that can be read from its message.
pub trait DecodeMessage<'a>: Sized {
    /// Reads the body. `message` starts at the SMB2 header and ends with this message: in a compound, where
    /// the next header starts.
    ///
    /// # Errors
    /// [`DecodeError`] naming the first field that does not fit; its offset counts from the header.
    fn decode(message: &'a [u8]) -> Result<Self, DecodeError>;
}

/// A message of `header` and `body`, for clients and tests.
#[must_use]
pub fn message_bytes(header: &Smb2Header, body: &impl Encode) -> Vec<u8> {
    let mut writer = Writer::from_vec(header.encode().to_vec());
    body.encode(&mut writer);
    writer.into_bytes()
}

/// A reader after the StructureSize of the body, which must be `structure_size`.
#[inline]
pub(crate) fn body(message: &[u8], structure_size: u16) -> Result<Reader<'_>, DecodeError> {
    let mut reader = Reader::new(message);
    reader.skip("Header", Smb2Header::SIZE)?;
    let found = reader.u16("StructureSize")?;
    if found != structure_size {
        return Err(DecodeError {
            field: "StructureSize",
            reason: DecodeReason::Invalid,
            offset: Smb2Header::SIZE,
        });
    }
    Ok(reader)
}

/// The fixed part of the body, which starts with its StructureSize, in one check.
#[inline]
pub(crate) fn fixed<T: FromBytes + Immutable + KnownLayout + Unaligned>(
    message: &[u8],
    structure_size: u16,
) -> Result<&T, DecodeError> {
    let at = |field, reason| Err(DecodeError { field, reason, offset: Smb2Header::SIZE });
    let rest = message.get(Smb2Header::SIZE..).unwrap_or_default();
    let Some(found) = rest.first_chunk::<2>() else {
        return at("StructureSize", DecodeReason::Truncated);
    };
    if u16::from_le_bytes(*found) != structure_size {
        return at("StructureSize", DecodeReason::Invalid);
    }
    match T::ref_from_prefix(rest) {
        Ok((fixed, _)) => Ok(fixed),
        Err(_) => at("Body", DecodeReason::Truncated),
    }
}

/// The `length` bytes at `offset` from the message's start. An offset without a length is not looked at; one
/// that points into the header is refused.
#[inline]
pub(crate) fn field<'a>(
    message: &'a [u8],
    name: &'static str,
    offset: impl TryInto<usize>,
    length: impl TryInto<usize>,
) -> Result<&'a [u8], DecodeError> {
    let offset = offset.try_into().unwrap_or(usize::MAX);
    let length = length.try_into().unwrap_or(usize::MAX);
    if length == 0 {
        return Ok(&[]);
    }
    let end = offset.checked_add(length).filter(|_| offset >= Smb2Header::SIZE);
    match end.and_then(|end| message.get(offset..end)) {
        Some(found) => Ok(found),
        None => Err(DecodeError { field: name, reason: DecodeReason::OutOfBounds, offset }),
    }
}

/// Where a body starts in its writer: turns writer positions into offsets from the header.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BodyStart(usize);

impl BodyStart {
    /// The writer stands at the first byte of the body. Writes nothing.
    #[inline]
    pub(crate) fn at(writer: &Writer) -> Self {
        BodyStart(writer.position())
    }

    /// The writer stands at the first byte of the body. Writes the StructureSize.
    #[inline]
    pub(crate) fn new(writer: &mut Writer, structure_size: u16) -> Self {
        let start = BodyStart(writer.position());
        writer.u16(structure_size);
        start
    }

    /// The writer's position as an offset from the header.
    #[inline]
    pub(crate) fn offset(self, writer: &Writer) -> usize {
        writer.position().saturating_sub(self.0).saturating_add(Smb2Header::SIZE)
    }

    /// Appends zeros up to a multiple of `alignment` from the header.
    #[inline]
    pub(crate) fn align(self, writer: &mut Writer, alignment: usize) {
        writer.align_from(self.0, alignment);
    }

    /// Appends a zero byte when nothing was appended to the fixed part of `fixed_size` bytes: Windows expects
    /// the one byte that an odd StructureSize counts.
    #[inline]
    pub(crate) fn fill_odd_size(self, writer: &mut Writer, fixed_size: usize) {
        if writer.position().saturating_sub(self.0) == fixed_size {
            writer.u8(0);
        }
    }
}

/// A length as the 16-bit field that holds it; too long a value is a fault of the caller and saturates.
#[inline]
pub(crate) fn length16(length: usize) -> u16 {
    debug_assert!(length <= usize::from(u16::MAX), "length {length} does not fit its field");
    u16::try_from(length).unwrap_or(u16::MAX)
}

/// A length as the 32-bit field that holds it; see [`length16`].
#[inline]
pub(crate) fn length32(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

/// A list of 16-bit numbers: borrowed from a message or from values to be encoded.
#[derive(Clone, Copy)]
pub struct List<'a, T>(ListKind<'a, T>);

#[derive(Clone, Copy)]
enum ListKind<'a, T> {
    Wire(&'a [[u8; 2]], PhantomData<T>),
    Values(&'a [T]),
}

impl<'a, T: Copy + From<u16> + Into<u16>> List<'a, T> {
    /// No number.
    pub const EMPTY: Self = List(ListKind::Wire(&[], PhantomData));

    /// Reads `count` numbers.
    pub(crate) fn read(
        reader: &mut Reader<'a>,
        field: &'static str,
        count: u16,
    ) -> Result<Self, DecodeError> {
        let bytes = reader.bytes(field, usize::from(count).saturating_mul(2))?;
        Ok(List(ListKind::Wire(bytes.as_chunks::<2>().0, PhantomData)))
    }

    pub(crate) fn write(self, writer: &mut Writer) {
        for value in self.iter() {
            writer.u16(value.into());
        }
    }

    /// Numbers in the list.
    #[must_use]
    pub const fn len(self) -> usize {
        match self.0 {
            ListKind::Wire(pairs, _) => pairs.len(),
            ListKind::Values(values) => values.len(),
        }
    }

    /// True when there is none.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// The numbers in order.
    pub fn iter(self) -> impl Iterator<Item = T> + 'a {
        let (pairs, values): (&[[u8; 2]], &[T]) = match self.0 {
            ListKind::Wire(pairs, _) => (pairs, &[]),
            ListKind::Values(values) => (&[], values),
        };
        pairs.iter().map(|pair| T::from(u16::from_le_bytes(*pair))).chain(values.iter().copied())
    }

    /// True when `value` is in the list.
    #[must_use]
    pub fn contains(self, value: T) -> bool {
        let value: u16 = value.into();
        self.iter().any(|each| each.into() == value)
    }
}

impl<'a, T> From<&'a [T]> for List<'a, T> {
    fn from(values: &'a [T]) -> Self {
        List(ListKind::Values(values))
    }
}

impl<'a, T, const N: usize> From<&'a [T; N]> for List<'a, T> {
    fn from(values: &'a [T; N]) -> Self {
        List(ListKind::Values(values))
    }
}

impl<T: Copy + From<u16> + Into<u16>> PartialEq for List<'_, T> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().map(Into::into).eq(other.iter().map(Into::into))
    }
}

impl<T: Copy + From<u16> + Into<u16> + core::fmt::Debug> core::fmt::Debug for List<'_, T> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::smb2::types::Dialect;

    #[test]
    fn a_wrong_structure_size_is_named() {
        let mut message = [0; 68];
        message[64] = 5;
        assert_eq!(
            body(&message, 4).map(|_| ()),
            Err(DecodeError { field: "StructureSize", reason: DecodeReason::Invalid, offset: 64 })
        );
        assert_eq!(body(&message, 5).map(|reader| reader.position()), Ok(66));
    }

    #[test]
    fn an_offset_counts_only_with_a_length() {
        let message = [7; 80];
        assert_eq!(field(&message, "Name", 0_u16, 0_u16), Ok(&[][..]));
        assert_eq!(field(&message, "Name", 78_u16, 2_u16), Ok(&[7, 7][..]));
        for (offset, length) in [(78_u32, 3_u32), (63, 1), (u32::MAX, u32::MAX)] {
            assert_eq!(
                field(&message, "Name", offset, length).map_err(|error| error.reason),
                Err(DecodeReason::OutOfBounds)
            );
        }
    }

    #[test]
    fn lists_from_wire_and_from_values_are_equal() {
        let wire = [0x02, 0x02, 0x11, 0x03];
        let list = List::<Dialect>::read(&mut Reader::new(&wire), "Dialects", 2).expect("two numbers");
        assert_eq!(list, List::from(&[Dialect::SMB_2_0_2, Dialect::SMB_3_1_1]));
        assert!(list.contains(Dialect::SMB_3_1_1) && !list.contains(Dialect::SMB_3_0));
        let mut writer = Writer::new();
        list.write(&mut writer);
        assert_eq!(writer.as_slice(), wire);
    }
}
