//! Fixed-size structures written down as the specification's tables: one line a field, in wire order.

use freehold_dtyp::{DecodeError, FileTime, Guid, Reader, Writer};

use super::FileAttributes;

/// A value of fixed size in a structure.
pub(super) trait Field: Sized {
    /// Size on the wire in bytes.
    const SIZE: usize;
    fn read(reader: &mut Reader<'_>, name: &'static str) -> Result<Self, DecodeError>;
    fn write(&self, writer: &mut Writer);
}

macro_rules! number_fields {
    ($($ty:ident)*) => {$(
        impl Field for $ty {
            const SIZE: usize = size_of::<$ty>();
            #[inline]
            fn read(reader: &mut Reader<'_>, name: &'static str) -> Result<Self, DecodeError> {
                reader.$ty(name)
            }
            #[inline]
            fn write(&self, writer: &mut Writer) {
                writer.bytes(&self.to_le_bytes());
            }
        }
    )*};
}

number_fields! { u8 u16 u32 u64 i32 i64 }

/// One byte; any value but zero reads as true.
impl Field for bool {
    const SIZE: usize = 1;
    #[inline]
    fn read(reader: &mut Reader<'_>, name: &'static str) -> Result<Self, DecodeError> {
        Ok(reader.u8(name)? != 0)
    }
    #[inline]
    fn write(&self, writer: &mut Writer) {
        writer.u8(u8::from(*self));
    }
}

impl<const N: usize> Field for [u8; N] {
    const SIZE: usize = N;
    #[inline]
    fn read(reader: &mut Reader<'_>, name: &'static str) -> Result<Self, DecodeError> {
        reader.array(name)
    }
    #[inline]
    fn write(&self, writer: &mut Writer) {
        writer.bytes(self);
    }
}

impl Field for FileTime {
    const SIZE: usize = 8;
    #[inline]
    fn read(reader: &mut Reader<'_>, name: &'static str) -> Result<Self, DecodeError> {
        reader.u64(name).map(FileTime)
    }
    #[inline]
    fn write(&self, writer: &mut Writer) {
        writer.u64(self.0);
    }
}

impl Field for Guid {
    const SIZE: usize = 16;
    #[inline]
    fn read(reader: &mut Reader<'_>, name: &'static str) -> Result<Self, DecodeError> {
        reader.array(name).map(Guid)
    }
    #[inline]
    fn write(&self, writer: &mut Writer) {
        writer.bytes(&self.0);
    }
}

macro_rules! flag_field {
    ($($ty:ty : $bits:ident),* $(,)?) => {$(
        impl $crate::fscc::layout::Field for $ty {
            const SIZE: usize = size_of::<$bits>();
            #[inline]
            fn read(
                reader: &mut freehold_dtyp::Reader<'_>,
                name: &'static str,
            ) -> Result<Self, freehold_dtyp::DecodeError> {
                reader.$bits(name).map(<$ty>::from_bits_retain)
            }
            #[inline]
            fn write(&self, writer: &mut freehold_dtyp::Writer) {
                writer.$bits(self.bits());
            }
        }
    )*};
}
pub(super) use flag_field;

flag_field!(FileAttributes: u32);

/// Declares a structure of fixed size with `Decode` and `Encode`. A line is `field: type = "SpecName"`, in
/// wire order; `, reserved N` behind it stands for N reserved bytes that follow, written as zero and ignored
/// when read. `FIXED_SIZE` is their sum.
macro_rules! wire_struct {
    ($(#[$doc:meta])* pub struct $name:ident {
        $($(#[$field_doc:meta])* $field:ident : $ty:ty = $wire:literal $(, reserved $reserved:literal)? ;)*
    }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct $name {
            $($(#[$field_doc])* pub $field: $ty,)*
        }

        impl $name {
            /// Size on the wire in bytes.
            #[allow(clippy::arithmetic_side_effects)] // evaluated at compile time
            pub const FIXED_SIZE: usize =
                0 $(+ <$ty as $crate::fscc::layout::Field>::SIZE $(+ $reserved)?)*;
        }

        impl<'a> freehold_dtyp::Decode<'a> for $name {
            #[inline]
            fn decode(reader: &mut freehold_dtyp::Reader<'a>) -> Result<Self, freehold_dtyp::DecodeError> {
                $(
                    let $field = <$ty as $crate::fscc::layout::Field>::read(reader, $wire)?;
                    $(reader.skip("Reserved", $reserved)?;)?
                )*
                Ok($name { $($field),* })
            }
        }

        impl freehold_dtyp::Encode for $name {
            #[inline]
            fn encode(&self, writer: &mut freehold_dtyp::Writer) {
                $(
                    $crate::fscc::layout::Field::write(&self.$field, writer);
                    $(writer.zeros($reserved);)?
                )*
            }
        }
    };
}
pub(super) use wire_struct;

/// A name behind its length in bytes: `length` bytes of UTF-16.
pub(super) fn read_name(
    reader: &mut Reader<'_>,
    field: &'static str,
    length: usize,
) -> Result<freehold_dtyp::Wtf8Buf, DecodeError> {
    let error = reader.error(field, freehold_dtyp::DecodeReason::Invalid);
    freehold_dtyp::Wtf8Buf::from_utf16le(reader.bytes(field, length)?).ok_or(error)
}

/// A 32-bit length as a size.
pub(super) fn read_length(reader: &mut Reader<'_>, field: &'static str) -> Result<usize, DecodeError> {
    let error = reader.error(field, freehold_dtyp::DecodeReason::OutOfBounds);
    usize::try_from(reader.u32(field)?).map_err(|_| error)
}

/// Appends a name in UTF-16LE and returns its length in bytes.
pub(super) fn write_name(writer: &mut Writer, name: freehold_dtyp::Wtf8<'_>) -> usize {
    let start = writer.position();
    let bytes = name.as_bytes();
    if bytes.is_ascii() {
        for part in bytes.chunks(NAME_CHUNK) {
            let mut wide = [0u8; NAME_CHUNK * 2];
            let (pairs, _) = wide.as_chunks_mut::<2>();
            for (pair, byte) in pairs.iter_mut().zip(part) {
                *pair = [*byte, 0];
            }
            writer.bytes(wide.get(..part.len().saturating_mul(2)).unwrap_or_default());
        }
    } else {
        for unit in name.utf16() {
            writer.u16(unit);
        }
    }
    writer.position().saturating_sub(start)
}

/// Characters that are widened at a time.
const NAME_CHUNK: usize = 64;

/// Appends a name behind a 32-bit field that holds its length in bytes.
pub(super) fn write_counted_name(writer: &mut Writer, name: freehold_dtyp::Wtf8<'_>) {
    let place = writer.position();
    writer.u32(0);
    let length = write_name(writer, name);
    writer.patch_u32(place, length);
}

#[cfg(test)]
pub(super) mod tests {
    use freehold_dtyp::{Decode, Encode};

    /// Encodes to exactly `size` bytes and decodes back; every shorter prefix is an error.
    pub(crate) fn round_trips<T>(value: &T, size: usize)
    where
        T: Encode + for<'a> Decode<'a> + PartialEq + std::fmt::Debug,
    {
        let bytes = value.to_bytes();
        assert_eq!(bytes.len(), size);
        assert_eq!(T::from_bytes(&bytes).as_ref(), Ok(value));
        for end in 0..size {
            assert!(T::from_bytes(&bytes[..end]).is_err(), "{end} of {size} bytes are enough for {value:?}");
        }
    }
}
