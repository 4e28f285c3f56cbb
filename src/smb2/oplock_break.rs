//! [MS-SMB2] 2.2.23 SMB2 OPLOCK_BREAK Notification, 2.2.24 SMB2 OPLOCK_BREAK Acknowledgment and 2.2.25 SMB2
//! OPLOCK_BREAK Response, each for oplocks and for leases. StructureSize tells which.

use freehold_dtyp::{DecodeError, DecodeReason, Encode, Writer};
use zerocopy::little_endian::{U16, U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use super::header::Smb2Header;
use super::message::{DecodeMessage, fixed};
use super::types::{FileId, LeaseKey, LeaseState, OplockLevel, WireFileId, open_flags};

/// [MS-SMB2] 2.2.23.1 Oplock Break Notification, 2.2.24.1 Oplock Break Acknowledgment and 2.2.25.1 Oplock Break
/// Response: one layout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OplockBreak {
    /// The level that is left: offered, accepted, confirmed.
    pub oplock_level: OplockLevel,
    /// The open that holds the oplock.
    pub file_id: FileId,
}

#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct WireOplockBreak {
    structure_size: U16,
    oplock_level: u8,
    reserved: u8,
    reserved2: U32,
    file_id: WireFileId,
}

impl OplockBreak {
    /// StructureSize (2), OplockLevel (1), Reserved (1), Reserved2 (4), FileId (16).
    pub const STRUCTURE_SIZE: u16 = 2 + 1 + 1 + 4 + 16;
}

impl<'a> DecodeMessage<'a> for OplockBreak {
    fn decode(message: &'a [u8]) -> Result<Self, DecodeError> {
        let wire: &WireOplockBreak = fixed(message, Self::STRUCTURE_SIZE)?;
        Ok(OplockBreak { oplock_level: wire.oplock_level.into(), file_id: wire.file_id.into() })
    }
}

impl Encode for OplockBreak {
    fn encode(&self, writer: &mut Writer) {
        let wire = WireOplockBreak {
            structure_size: Self::STRUCTURE_SIZE.into(),
            oplock_level: self.oplock_level.0,
            reserved: 0,
            reserved2: U32::ZERO,
            file_id: self.file_id.into(),
        };
        writer.bytes(wire.as_bytes());
    }
}

open_flags! {
    /// Flags of [MS-SMB2] 2.2.23.2.
    LeaseBreakFlags(u32) {
        /// SMB2_NOTIFY_BREAK_LEASE_FLAG_ACK_REQUIRED
        ACK_REQUIRED = 0x0000_0001;
    }
}

/// [MS-SMB2] 2.2.23.2 Lease Break Notification.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeaseBreakNotification {
    /// NewEpoch of a version 2 lease; zero for version 1.
    pub new_epoch: u16,
    /// Flags.
    pub flags: LeaseBreakFlags,
    /// The lease.
    pub lease_key: LeaseKey,
    /// The state it has.
    pub current_lease_state: LeaseState,
    /// The state it shall have.
    pub new_lease_state: LeaseState,
}

#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct WireLeaseBreak {
    structure_size: U16,
    new_epoch: U16,
    flags: U32,
    lease_key: [u8; 16],
    current_lease_state: U32,
    new_lease_state: U32,
    break_reason: U32,
    access_mask_hint: U32,
    share_mask_hint: U32,
}

impl LeaseBreakNotification {
    /// StructureSize (2), NewEpoch (2), Flags (4), LeaseKey (16), CurrentLeaseState (4), NewLeaseState (4),
    /// BreakReason (4), AccessMaskHint (4), ShareMaskHint (4).
    pub const STRUCTURE_SIZE: u16 = 2 + 2 + 4 + 16 + 4 + 4 + 4 + 4 + 4;
}

impl<'a> DecodeMessage<'a> for LeaseBreakNotification {
    fn decode(message: &'a [u8]) -> Result<Self, DecodeError> {
        let wire: &WireLeaseBreak = fixed(message, Self::STRUCTURE_SIZE)?;
        Ok(LeaseBreakNotification {
            new_epoch: wire.new_epoch.get(),
            flags: wire.flags.get().into(),
            lease_key: LeaseKey(wire.lease_key),
            current_lease_state: wire.current_lease_state.get().into(),
            new_lease_state: wire.new_lease_state.get().into(),
        })
    }
}

impl Encode for LeaseBreakNotification {
    fn encode(&self, writer: &mut Writer) {
        let wire = WireLeaseBreak {
            structure_size: Self::STRUCTURE_SIZE.into(),
            new_epoch: self.new_epoch.into(),
            flags: self.flags.bits().into(),
            lease_key: self.lease_key.0,
            current_lease_state: self.current_lease_state.bits().into(),
            new_lease_state: self.new_lease_state.bits().into(),
            break_reason: U32::ZERO,
            access_mask_hint: U32::ZERO,
            share_mask_hint: U32::ZERO,
        };
        writer.bytes(wire.as_bytes());
    }
}

/// [MS-SMB2] 2.2.24.2 Lease Break Acknowledgment and 2.2.25.2 Lease Break Response: one layout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeaseBreak {
    /// The lease.
    pub lease_key: LeaseKey,
    /// The state that is left: accepted, confirmed.
    pub lease_state: LeaseState,
}

#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct WireLeaseAcknowledgment {
    structure_size: U16,
    reserved: U16,
    flags: U32,
    lease_key: [u8; 16],
    lease_state: U32,
    lease_duration: U64,
}

impl LeaseBreak {
    /// StructureSize (2), Reserved (2), Flags (4), LeaseKey (16), LeaseState (4), LeaseDuration (8).
    pub const STRUCTURE_SIZE: u16 = 2 + 2 + 4 + 16 + 4 + 8;
}

impl<'a> DecodeMessage<'a> for LeaseBreak {
    fn decode(message: &'a [u8]) -> Result<Self, DecodeError> {
        let wire: &WireLeaseAcknowledgment = fixed(message, Self::STRUCTURE_SIZE)?;
        Ok(LeaseBreak { lease_key: LeaseKey(wire.lease_key), lease_state: wire.lease_state.get().into() })
    }
}

impl Encode for LeaseBreak {
    fn encode(&self, writer: &mut Writer) {
        let wire = WireLeaseAcknowledgment {
            structure_size: Self::STRUCTURE_SIZE.into(),
            reserved: U16::ZERO,
            flags: U32::ZERO,
            lease_key: self.lease_key.0,
            lease_state: self.lease_state.bits().into(),
            lease_duration: U64::ZERO,
        };
        writer.bytes(wire.as_bytes());
    }
}

/// Reads the StructureSize of a body that has one of several.
fn structure_size(message: &[u8]) -> Option<u16> {
    message.get(Smb2Header::SIZE..)?.first_chunk::<2>().map(|size| u16::from_le_bytes(*size))
}

const fn unknown_size() -> DecodeError {
    DecodeError { field: "StructureSize", reason: DecodeReason::Invalid, offset: Smb2Header::SIZE }
}

/// [MS-SMB2] 2.2.24 SMB2 OPLOCK_BREAK Acknowledgment: the request of this command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OplockBreakAcknowledgment {
    /// 2.2.24.1
    Oplock(OplockBreak),
    /// 2.2.24.2
    Lease(LeaseBreak),
}

impl<'a> DecodeMessage<'a> for OplockBreakAcknowledgment {
    fn decode(message: &'a [u8]) -> Result<Self, DecodeError> {
        match structure_size(message) {
            Some(OplockBreak::STRUCTURE_SIZE) => {
                OplockBreak::decode(message).map(OplockBreakAcknowledgment::Oplock)
            }
            Some(LeaseBreak::STRUCTURE_SIZE) => {
                LeaseBreak::decode(message).map(OplockBreakAcknowledgment::Lease)
            }
            _ => Err(unknown_size()),
        }
    }
}

impl Encode for OplockBreakAcknowledgment {
    fn encode(&self, writer: &mut Writer) {
        match self {
            OplockBreakAcknowledgment::Oplock(oplock) => oplock.encode(writer),
            OplockBreakAcknowledgment::Lease(lease) => lease.encode(writer),
        }
    }
}

/// [MS-SMB2] 2.2.23 and 2.2.25: what a client receives. A notification of an oplock break and the response to
/// its acknowledgment look alike; the header's MessageId tells them apart (`MessageId::UNSOLICITED`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OplockBreakResponse {
    /// 2.2.23.1 or 2.2.25.1
    Oplock(OplockBreak),
    /// 2.2.25.2
    Lease(LeaseBreak),
    /// 2.2.23.2
    LeaseNotification(LeaseBreakNotification),
}

impl<'a> DecodeMessage<'a> for OplockBreakResponse {
    fn decode(message: &'a [u8]) -> Result<Self, DecodeError> {
        match structure_size(message) {
            Some(OplockBreak::STRUCTURE_SIZE) => {
                OplockBreak::decode(message).map(OplockBreakResponse::Oplock)
            }
            Some(LeaseBreak::STRUCTURE_SIZE) => LeaseBreak::decode(message).map(OplockBreakResponse::Lease),
            Some(LeaseBreakNotification::STRUCTURE_SIZE) => {
                LeaseBreakNotification::decode(message).map(OplockBreakResponse::LeaseNotification)
            }
            _ => Err(unknown_size()),
        }
    }
}

impl Encode for OplockBreakResponse {
    fn encode(&self, writer: &mut Writer) {
        match self {
            OplockBreakResponse::Oplock(oplock) => oplock.encode(writer),
            OplockBreakResponse::Lease(lease) => lease.encode(writer),
            OplockBreakResponse::LeaseNotification(notification) => notification.encode(writer),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::smb2::testing;
    use proptest::prelude::*;

    #[test]
    fn the_structure_size_tells_oplock_from_lease() {
        let oplock =
            OplockBreak { oplock_level: OplockLevel::II, file_id: FileId { persistent: 1, volatile: 2 } };
        assert_eq!(oplock.to_bytes(), testing::hex("1800 01 00 00000000 0100000000000000 0200000000000000"));
        let lease = LeaseBreak { lease_key: LeaseKey([7; 16]), lease_state: LeaseState::READ_CACHING };
        assert_eq!(
            lease.to_bytes(),
            testing::hex("2400 0000 00000000 07070707070707070707070707070707 01000000 0000000000000000")
        );
        for acknowledgment in
            [OplockBreakAcknowledgment::Oplock(oplock), OplockBreakAcknowledgment::Lease(lease)]
        {
            assert_eq!(
                OplockBreakAcknowledgment::decode(&testing::message(&acknowledgment)),
                Ok(acknowledgment)
            );
        }
        let notification = LeaseBreakNotification {
            new_epoch: 3,
            flags: LeaseBreakFlags::ACK_REQUIRED,
            lease_key: LeaseKey([7; 16]),
            current_lease_state: LeaseState::all(),
            new_lease_state: LeaseState::empty(),
        };
        assert!(OplockBreakAcknowledgment::decode(&testing::message(&notification)).is_err());
        for response in [
            OplockBreakResponse::Oplock(oplock),
            OplockBreakResponse::Lease(lease),
            OplockBreakResponse::LeaseNotification(notification),
        ] {
            assert_eq!(OplockBreakResponse::decode(&testing::message(&response)), Ok(response));
        }
    }

    #[test]
    fn a_lease_break_notification_has_44_bytes() {
        let notification = LeaseBreakNotification {
            new_epoch: 0x1234,
            flags: LeaseBreakFlags::ACK_REQUIRED,
            lease_key: LeaseKey([9; 16]),
            current_lease_state: LeaseState::READ_CACHING | LeaseState::WRITE_CACHING,
            new_lease_state: LeaseState::READ_CACHING,
        };
        assert_eq!(
            notification.to_bytes(),
            testing::hex(
                "2c00 3412 01000000 09090909090909090909090909090909 05000000 01000000 00000000 00000000 00000000"
            )
        );
    }

    proptest! {
        #[test]
        fn every_form_round_trips(level: u8, ids: [u64; 2], key: [u8; 16], numbers: [u32; 3], new_epoch: u16) {
            let oplock = OplockBreak { oplock_level: level.into(), file_id: FileId { persistent: ids[0], volatile: ids[1] } };
            let message = testing::message(&oplock);
            prop_assert_eq!(OplockBreak::decode(&message), Ok(oplock));
            let lease = LeaseBreak { lease_key: LeaseKey(key), lease_state: numbers[0].into() };
            let message = testing::message(&lease);
            prop_assert_eq!(LeaseBreak::decode(&message), Ok(lease));
            let notification = LeaseBreakNotification {
                new_epoch,
                flags: numbers[1].into(),
                lease_key: LeaseKey(key),
                current_lease_state: numbers[2].into(),
                new_lease_state: numbers[0].into(),
            };
            let message = testing::message(&notification);
            prop_assert_eq!(LeaseBreakNotification::decode(&message), Ok(notification));
        }

        #[test]
        fn any_bytes_are_judged_without_panic(oplock in testing::hostile(24), lease in testing::hostile(36), notification in testing::hostile(44)) {
            for message in [oplock, lease, notification] {
                if OplockBreakResponse::decode(&message).is_ok() {
                    prop_assert!(message.len() >= 88);
                }
                let _ = OplockBreakAcknowledgment::decode(&message);
            }
        }
    }
}
