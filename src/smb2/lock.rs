//! [MS-SMB2] 2.2.26 SMB2 LOCK Request and 2.2.27 SMB2 LOCK Response.

use freehold_dtyp::{DecodeError, DecodeReason, Encode, Writer};
use zerocopy::little_endian::{U16, U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use super::header::Smb2Header;
use super::logoff::empty_message;
use super::message::{DecodeMessage, body, fixed, length16};
use super::types::{FileId, WireFileId, open_flags};

open_flags! {
    /// Flags of [MS-SMB2] 2.2.26.1.
    LockFlags(u32) {
        /// SMB2_LOCKFLAG_SHARED_LOCK
        SHARED_LOCK = 0x0000_0001;
        /// SMB2_LOCKFLAG_EXCLUSIVE_LOCK
        EXCLUSIVE_LOCK = 0x0000_0002;
        /// SMB2_LOCKFLAG_UNLOCK
        UNLOCK = 0x0000_0004;
        /// SMB2_LOCKFLAG_FAIL_IMMEDIATELY
        FAIL_IMMEDIATELY = 0x0000_0010;
    }
}

/// [MS-SMB2] 2.2.26.1 SMB2_LOCK_ELEMENT Structure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LockElement {
    /// First byte of the range in the file.
    pub file_offset: u64,
    /// Bytes in the range; may be zero.
    pub length_bytes: u64,
    /// Flags.
    pub flags: LockFlags,
}

#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct WireElement {
    file_offset: U64,
    length: U64,
    flags: U32,
    reserved: U32,
}

/// The ranges of a LOCK request: borrowed from a message or from values to be encoded.
#[derive(Clone, Copy)]
pub struct LockElements<'a>(Kind<'a>);

#[derive(Clone, Copy)]
enum Kind<'a> {
    Wire(&'a [WireElement]),
    Values(&'a [LockElement]),
}

impl<'a> LockElements<'a> {
    /// The ranges in order.
    pub fn iter(self) -> impl DoubleEndedIterator<Item = LockElement> + 'a {
        let (wire, values): (&[WireElement], &[LockElement]) = match self.0 {
            Kind::Wire(wire) => (wire, &[]),
            Kind::Values(values) => (&[], values),
        };
        let read = |element: &WireElement| LockElement {
            file_offset: element.file_offset.get(),
            length_bytes: element.length.get(),
            flags: element.flags.get().into(),
        };
        wire.iter().map(read).chain(values.iter().copied())
    }

    /// Number of ranges. May be zero: the server answers INVALID_PARAMETER.
    #[must_use]
    pub const fn len(self) -> usize {
        match self.0 {
            Kind::Wire(wire) => wire.len(),
            Kind::Values(values) => values.len(),
        }
    }

    /// True when there is none.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.len() == 0
    }
}

impl<'a> From<&'a [LockElement]> for LockElements<'a> {
    fn from(values: &'a [LockElement]) -> Self {
        LockElements(Kind::Values(values))
    }
}

impl PartialEq for LockElements<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl core::fmt::Debug for LockElements<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

/// [MS-SMB2] 2.2.26 SMB2 LOCK Request.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LockRequest<'a> {
    /// LockSequenceNumber and LockSequenceIndex; reserved in 2.0.2.
    pub lock_sequence: LockSequence,
    /// The open.
    pub file_id: FileId,
    /// The ranges.
    pub locks: LockElements<'a>,
}

/// LockSequenceNumber (the low 4 bits) and LockSequenceIndex (the high 28 bits) of [MS-SMB2] 2.2.26.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LockSequence(pub u32);

impl LockSequence {
    /// LockSequenceNumber, 0 to 15.
    #[must_use]
    pub const fn number(self) -> u8 {
        let [low, ..] = self.0.to_le_bytes();
        low & 0x0F
    }

    /// LockSequenceIndex; 1 to 64 name an entry of the open's table.
    #[must_use]
    pub const fn index(self) -> u32 {
        self.0 >> 4
    }
}

#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct WireRequest {
    structure_size: U16,
    lock_count: U16,
    lock_sequence: U32,
    file_id: WireFileId,
}

impl LockRequest<'_> {
    /// StructureSize (2), LockCount (2), LockSequence (4), FileId (16), one element (24).
    pub const STRUCTURE_SIZE: u16 = 2 + 2 + 4 + 16 + 24;
}

impl<'a> DecodeMessage<'a> for LockRequest<'a> {
    fn decode(message: &'a [u8]) -> Result<Self, DecodeError> {
        const LOCKS_OFFSET: usize = Smb2Header::SIZE + size_of::<WireRequest>();
        let wire: &WireRequest = fixed(message, Self::STRUCTURE_SIZE)?;
        let list = message.get(LOCKS_OFFSET..).unwrap_or_default();
        let count = usize::from(wire.lock_count.get());
        let Ok((locks, _)) = <[WireElement]>::ref_from_prefix_with_elems(list, count) else {
            return Err(DecodeError {
                field: "Locks",
                reason: DecodeReason::Truncated,
                offset: LOCKS_OFFSET,
            });
        };
        Ok(LockRequest {
            lock_sequence: LockSequence(wire.lock_sequence.get()),
            file_id: wire.file_id.into(),
            locks: LockElements(Kind::Wire(locks)),
        })
    }
}

impl Encode for LockRequest<'_> {
    fn encode(&self, writer: &mut Writer) {
        let wire = WireRequest {
            structure_size: Self::STRUCTURE_SIZE.into(),
            lock_count: length16(self.locks.len()).into(),
            lock_sequence: self.lock_sequence.0.into(),
            file_id: self.file_id.into(),
        };
        writer.bytes(wire.as_bytes());
        for element in self.locks.iter() {
            let wire = WireElement {
                file_offset: element.file_offset.into(),
                length: element.length_bytes.into(),
                flags: element.flags.bits().into(),
                reserved: U32::ZERO,
            };
            writer.bytes(wire.as_bytes());
        }
    }
}

empty_message! {
    /// [MS-SMB2] 2.2.27 SMB2 LOCK Response.
    LockResponse
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::smb2::testing;
    use proptest::prelude::*;

    #[test]
    fn one_lock_makes_48_bytes() {
        let locks = [LockElement {
            file_offset: 1,
            length_bytes: 2,
            flags: LockFlags::EXCLUSIVE_LOCK | LockFlags::FAIL_IMMEDIATELY,
        }];
        let request = LockRequest {
            lock_sequence: LockSequence(0x0000_0035),
            file_id: FileId { persistent: 3, volatile: 4 },
            locks: locks.as_slice().into(),
        };
        let message = testing::message(&request);
        assert_eq!(
            message[64..],
            testing::hex(
                "3000 0100 35000000 0300000000000000 0400000000000000
                 0100000000000000 0200000000000000 12000000 00000000"
            )
        );
        assert_eq!(LockRequest::decode(&message), Ok(request));
        assert_eq!((request.lock_sequence.number(), request.lock_sequence.index()), (5, 3));
        assert_eq!(LockResponse::decode(&testing::message(&LockResponse)), Ok(LockResponse));
    }

    #[test]
    fn more_locks_than_the_message_holds_are_refused() {
        let locks = [LockElement { file_offset: 0, length_bytes: 1, flags: LockFlags::UNLOCK }];
        let request = LockRequest {
            lock_sequence: LockSequence(0),
            file_id: FileId::ZERO,
            locks: locks.as_slice().into(),
        };
        let mut message = testing::message(&request);
        message[66] = 2;
        let error = DecodeError { field: "Locks", reason: DecodeReason::Truncated, offset: 88 };
        assert_eq!(LockRequest::decode(&message), Err(error));
        message[66] = 0;
        assert!(LockRequest::decode(&message).is_ok_and(|found| found.locks.is_empty()));
    }

    proptest! {
        #[test]
        fn requests_round_trip(sequence: u32, ids: [u64; 2], locks: Vec<(u64, u64, u32)>) {
            let locks: Vec<_> = locks
                .into_iter()
                .map(|(file_offset, length_bytes, flags)| LockElement { file_offset, length_bytes, flags: flags.into() })
                .collect();
            let request = LockRequest {
                lock_sequence: LockSequence(sequence),
                file_id: FileId { persistent: ids[0], volatile: ids[1] },
                locks: locks.as_slice().into(),
            };
            let message = testing::message(&request);
            prop_assert_eq!(LockRequest::decode(&message), Ok(request));
        }

        #[test]
        fn any_bytes_are_judged_without_panic(request in testing::hostile(48)) {
            if let Ok(found) = LockRequest::decode(&request) {
                prop_assert_eq!(found.locks.iter().count(), found.locks.len());
                prop_assert!(88 + found.locks.len() * 24 <= request.len());
            }
        }
    }
}
