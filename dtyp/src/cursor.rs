//! Bounds-checked little-endian cursors: the only place where wire bytes become numbers and back.

/// Why a structure could not be decoded. Holds no allocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecodeReason {
    /// The input ended before the field did.
    Truncated,
    /// The field has a value that the specification forbids.
    Invalid,
    /// An offset or a length points outside of the message.
    OutOfBounds,
}

/// A structure that a peer sent could not be decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DecodeError {
    /// Name of the field as the specification spells it.
    pub field: &'static str,
    /// What was wrong with it.
    pub reason: DecodeReason,
    /// Byte offset from the start of the reader's input.
    pub offset: usize,
}

impl core::fmt::Display for DecodeError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let what = match self.reason {
            DecodeReason::Truncated => "is cut short",
            DecodeReason::Invalid => "has a value that is not allowed",
            DecodeReason::OutOfBounds => "points outside of the message",
        };
        write!(f, "{} {} at byte {}", self.field, what, self.offset)
    }
}

impl std::error::Error for DecodeError {}

/// Something that can be read from the front of a [`Reader`], borrowing from the input where it can.
pub trait Decode<'a>: Sized {
    /// Reads one value.
    ///
    /// # Errors
    /// [`DecodeError`] naming the first field that does not fit.
    fn decode(reader: &mut Reader<'a>) -> Result<Self, DecodeError>;

    /// Reads one value from the start of `bytes` and ignores what follows.
    ///
    /// # Errors
    /// As [`Decode::decode`].
    fn from_bytes(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        Self::decode(&mut Reader::new(bytes))
    }
}

/// Something that can be written to a [`Writer`].
pub trait Encode {
    /// Appends the wire form. Never fails: values that cannot be encoded cannot be built.
    fn encode(&self, writer: &mut Writer);

    /// The wire form as a new vector.
    fn to_bytes(&self) -> Vec<u8> {
        let mut writer = Writer::new();
        self.encode(&mut writer);
        writer.into_bytes()
    }
}

/// Reads little-endian values from a slice; never reads outside of it.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    input: &'a [u8],
    position: usize,
}

macro_rules! reader_numbers {
    ($($(#[$doc:meta])* $name:ident $ty:ty;)*) => {$(
        $(#[$doc])*
        ///
        /// # Errors
        /// [`DecodeReason::Truncated`] naming `field`.
        #[inline]
        pub fn $name(&mut self, field: &'static str) -> Result<$ty, DecodeError> {
            Ok(<$ty>::from_le_bytes(self.array(field)?))
        }
    )*};
}

impl<'a> Reader<'a> {
    /// A reader at the start of `input`.
    #[inline]
    #[must_use]
    pub const fn new(input: &'a [u8]) -> Self {
        Reader { input, position: 0 }
    }

    /// Bytes consumed so far.
    #[inline]
    #[must_use]
    pub const fn position(&self) -> usize {
        self.position
    }

    /// Bytes not consumed yet.
    #[inline]
    #[must_use]
    pub fn remaining(&self) -> &'a [u8] {
        self.input.get(self.position..).unwrap_or_default()
    }

    /// True when every byte was consumed.
    #[inline]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.remaining().is_empty()
    }

    /// The whole input, consumed or not: for fields that hold an offset from the start of the structure.
    #[inline]
    #[must_use]
    pub const fn input(&self) -> &'a [u8] {
        self.input
    }

    /// An error at the present position.
    #[inline]
    #[must_use]
    pub const fn error(&self, field: &'static str, reason: DecodeReason) -> DecodeError {
        DecodeError { field, reason, offset: self.position }
    }

    /// The next `length` bytes.
    ///
    /// # Errors
    /// [`DecodeReason::Truncated`] naming `field`.
    #[inline]
    pub fn bytes(&mut self, field: &'static str, length: usize) -> Result<&'a [u8], DecodeError> {
        match self.remaining().get(..length) {
            Some(found) => {
                self.position = self.position.saturating_add(length);
                Ok(found)
            }
            None => Err(self.error(field, DecodeReason::Truncated)),
        }
    }

    /// The next `N` bytes as an array.
    ///
    /// # Errors
    /// [`DecodeReason::Truncated`] naming `field`.
    #[inline]
    pub fn array<const N: usize>(&mut self, field: &'static str) -> Result<[u8; N], DecodeError> {
        match self.remaining().first_chunk::<N>() {
            Some(found) => {
                self.position = self.position.saturating_add(N);
                Ok(*found)
            }
            None => Err(self.error(field, DecodeReason::Truncated)),
        }
    }

    /// Skips `length` bytes (reserved fields and padding).
    ///
    /// # Errors
    /// [`DecodeReason::Truncated`] naming `field`.
    #[inline]
    pub fn skip(&mut self, field: &'static str, length: usize) -> Result<(), DecodeError> {
        self.bytes(field, length).map(|_| ())
    }

    /// `length` bytes at `offset` from the start of the input, wherever the reader stands.
    ///
    /// # Errors
    /// [`DecodeReason::OutOfBounds`] naming `field`.
    #[inline]
    pub fn slice_at(
        &self,
        field: &'static str,
        offset: usize,
        length: usize,
    ) -> Result<&'a [u8], DecodeError> {
        offset.checked_add(length).and_then(|end| self.input.get(offset..end)).ok_or(DecodeError {
            field,
            reason: DecodeReason::OutOfBounds,
            offset,
        })
    }

    reader_numbers! {
        /// One byte.
        u8 u8;
        /// A 16-bit number.
        u16 u16;
        /// A 32-bit number.
        u32 u32;
        /// A 64-bit number.
        u64 u64;
        /// A signed 32-bit number.
        i32 i32;
        /// A signed 64-bit number.
        i64 i64;
    }
}

/// Appends little-endian values to a vector.
#[derive(Debug, Default)]
pub struct Writer {
    output: Vec<u8>,
}

impl Writer {
    /// An empty writer.
    #[must_use]
    pub const fn new() -> Self {
        Writer { output: Vec::new() }
    }

    /// A writer that appends to `output`; its [`Writer::position`] counts from the vector's start.
    #[must_use]
    pub const fn from_vec(output: Vec<u8>) -> Self {
        Writer { output }
    }

    /// What was written.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.output
    }

    /// What was written so far.
    #[must_use]
    pub fn as_slice(&self) -> &[u8] {
        &self.output
    }

    /// Bytes written so far.
    #[inline]
    #[must_use]
    pub fn position(&self) -> usize {
        self.output.len()
    }

    /// Appends bytes.
    #[inline]
    pub fn bytes(&mut self, bytes: &[u8]) {
        self.output.extend_from_slice(bytes);
    }

    /// Appends a byte.
    #[inline]
    pub fn u8(&mut self, value: u8) {
        self.output.push(value);
    }

    /// Appends a 16-bit number.
    #[inline]
    pub fn u16(&mut self, value: u16) {
        self.bytes(&value.to_le_bytes());
    }

    /// Appends a 32-bit number.
    #[inline]
    pub fn u32(&mut self, value: u32) {
        self.bytes(&value.to_le_bytes());
    }

    /// Appends a 64-bit number.
    #[inline]
    pub fn u64(&mut self, value: u64) {
        self.bytes(&value.to_le_bytes());
    }

    /// Appends a signed 64-bit number.
    #[inline]
    pub fn i64(&mut self, value: i64) {
        self.bytes(&value.to_le_bytes());
    }

    /// Appends `length` zero bytes.
    #[inline]
    pub fn zeros(&mut self, length: usize) {
        let end = self.output.len().saturating_add(length);
        self.output.resize(end, 0);
    }

    /// Appends zeros until the position is `start` plus a multiple of `alignment` (a power of two).
    #[inline]
    pub fn align_from(&mut self, start: usize, alignment: usize) {
        let past = self.position().saturating_sub(start) & alignment.saturating_sub(1);
        if past != 0 {
            self.zeros(alignment.saturating_sub(past));
        }
    }

    /// Overwrites bytes that were written before; does nothing when they were not.
    #[inline]
    pub fn patch(&mut self, position: usize, bytes: &[u8]) {
        let end = position.saturating_add(bytes.len());
        if let Some(place) = self.output.get_mut(position..end) {
            place.copy_from_slice(bytes);
        }
    }

    /// Overwrites a 16-bit number; saturates a value that does not fit.
    #[inline]
    pub fn patch_u16(&mut self, position: usize, value: usize) {
        self.patch(position, &u16::try_from(value).unwrap_or(u16::MAX).to_le_bytes());
    }

    /// Overwrites a 32-bit number; saturates a value that does not fit.
    #[inline]
    pub fn patch_u32(&mut self, position: usize, value: usize) {
        self.patch(position, &u32::try_from(value).unwrap_or(u32::MAX).to_le_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reading_past_the_end_names_the_field() {
        let mut reader = Reader::new(&[1, 0, 7]);
        assert_eq!(reader.u16("Length"), Ok(1));
        assert_eq!(
            reader.u32("Offset"),
            Err(DecodeError { field: "Offset", reason: DecodeReason::Truncated, offset: 2 })
        );
        assert_eq!(reader.u8("Rest"), Ok(7));
        assert!(reader.is_empty());
    }

    #[test]
    fn an_offset_that_overflows_is_out_of_bounds() {
        let reader = Reader::new(&[0; 8]);
        assert_eq!(
            reader.slice_at("Buffer", usize::MAX, 2).map_err(|e| e.reason),
            Err(DecodeReason::OutOfBounds)
        );
    }

    #[test]
    fn alignment_counts_from_the_start_given() {
        let mut writer = Writer::new();
        writer.zeros(3);
        let start = writer.position();
        writer.u8(1);
        writer.align_from(start, 8);
        assert_eq!(writer.position(), 11);
        writer.align_from(start, 8);
        assert_eq!(writer.position(), 11);
    }
}
