//! Numbers that several messages share: identifiers, dialects, capabilities. All of them are open:
//! values and bits that the specification does not name survive decoding and encoding.

use zerocopy::little_endian::U64;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// Defines an open number: a newtype with the specification's names as constants.
macro_rules! open_number {
    ($(#[$doc:meta])* $name:ident($ty:ty) { $($(#[$const_doc:meta])* $constant:ident = $value:expr;)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub $ty);

        impl $name {
            $($(#[$const_doc])* pub const $constant: $name = $name($value);)*
        }

        impl core::fmt::Debug for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                match *self {
                    $($name::$constant => f.write_str(stringify!($constant)),)*
                    #[allow(unreachable_patterns)]
                    other => write!(f, concat!(stringify!($name), "({:#x})"), other.0),
                }
            }
        }

        impl From<$ty> for $name {
            #[inline]
            fn from(value: $ty) -> Self {
                $name(value)
            }
        }

        impl From<$name> for $ty {
            #[inline]
            fn from(value: $name) -> Self {
                value.0
            }
        }
    };
}

/// Defines open flags: bits without a name are kept.
macro_rules! open_flags {
    ($(#[$($doc:tt)*])* $name:ident($ty:ty) { $($(#[$($const_doc:tt)*])* $constant:ident = $value:expr;)* }) => {
        bitflags::bitflags! {
            $(#[$($doc)*])*
            #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
            pub struct $name: $ty {
                $($(#[$($const_doc)*])* const $constant = $value;)*
                /// Bits that have no name here are kept.
                const _ = !0;
            }
        }

        impl From<$ty> for $name {
            #[inline]
            fn from(value: $ty) -> Self {
                $name::from_bits_retain(value)
            }
        }

        impl From<$name> for $ty {
            #[inline]
            fn from(value: $name) -> Self {
                value.bits()
            }
        }
    };
}

pub(crate) use {open_flags, open_number};

open_number! {
    /// MessageId of [MS-SMB2] 2.2.1: the number of a request on its connection.
    MessageId(u64) {
        /// The MessageId of messages that the server sends on its own (break notifications).
        UNSOLICITED = u64::MAX;
    }
}

open_number! {
    /// SessionId of [MS-SMB2] 2.2.1; zero while there is none.
    SessionId(u64) {
        /// No session.
        NONE = 0;
        /// "The session of the element before" in a related compound.
        RELATED = u64::MAX;
    }
}

open_number! {
    /// TreeId of [MS-SMB2] 2.2.1.2.
    TreeId(u32) {
        /// No tree connect.
        NONE = 0;
        /// "The tree connect of the element before" in a related compound.
        RELATED = u32::MAX;
    }
}

open_number! {
    /// AsyncId of [MS-SMB2] 2.2.1.1: names a request that answers later.
    AsyncId(u64) {}
}

open_number! {
    /// CreditCharge of [MS-SMB2] 2.2.1: credits that a request consumes. Zero counts as one.
    CreditCharge(u16) {}
}

impl CreditCharge {
    /// Bytes of payload that one credit pays for.
    pub const BYTES_PER_CREDIT: u32 = 65_536;

    /// Number of MessageIds that the request uses: the charge, at least one.
    #[inline]
    #[must_use]
    pub const fn message_ids(self) -> u16 {
        if self.0 == 0 { 1 } else { self.0 }
    }

    /// The charge that a payload of `length_bytes` (the larger of what is sent and what is expected back) needs:
    /// 1 + (length - 1) / 65536, at least 1; saturates.
    #[inline]
    #[must_use]
    pub fn for_length(length_bytes: u32) -> Self {
        let charge = length_bytes.div_ceil(Self::BYTES_PER_CREDIT).max(1);
        CreditCharge(u16::try_from(charge).unwrap_or(u16::MAX))
    }
}

/// [MS-SMB2] 2.2.14.1 SMB2_FILEID.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileId {
    /// Survives a reconnect.
    pub persistent: u64,
    /// Names the open on this connection.
    pub volatile: u64,
}

impl FileId {
    /// All ones: "no file" in an IOCTL, "the file of the element before" in a related compound.
    pub const ANY: FileId = FileId { persistent: u64::MAX, volatile: u64::MAX };

    /// All zero.
    pub const ZERO: FileId = FileId { persistent: 0, volatile: 0 };
}

/// [`FileId`] in the fixed part of a message.
#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub(crate) struct WireFileId {
    persistent: U64,
    volatile: U64,
}

impl From<WireFileId> for FileId {
    #[inline]
    fn from(wire: WireFileId) -> Self {
        FileId { persistent: wire.persistent.get(), volatile: wire.volatile.get() }
    }
}

impl From<FileId> for WireFileId {
    #[inline]
    fn from(id: FileId) -> Self {
        WireFileId { persistent: U64::new(id.persistent), volatile: U64::new(id.volatile) }
    }
}

/// LeaseKey of [MS-SMB2] 2.2.13.2.8: chosen by the client, names a lease within it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LeaseKey(pub [u8; 16]);

open_number! {
    /// DialectRevision of [MS-SMB2] 2.2.3 and 2.2.4. Ordered by age, but see [`Dialect::WILDCARD`].
    Dialect(u16) {
        /// SMB 2.0.2.
        SMB_2_0_2 = 0x0202;
        /// SMB 2.1.
        SMB_2_1 = 0x0210;
        /// "SMB 2.???": only in the answer to a multi-protocol negotiate.
        WILDCARD = 0x02FF;
        /// SMB 3.0.
        SMB_3_0 = 0x0300;
        /// SMB 3.0.2.
        SMB_3_0_2 = 0x0302;
        /// SMB 3.1.1.
        SMB_3_1_1 = 0x0311;
    }
}

impl Dialect {
    /// The dialects that can be chosen, oldest first.
    pub const ALL: [Dialect; 5] =
        [Dialect::SMB_2_0_2, Dialect::SMB_2_1, Dialect::SMB_3_0, Dialect::SMB_3_0_2, Dialect::SMB_3_1_1];

    /// True for the SMB 3.x family.
    #[inline]
    #[must_use]
    pub const fn is_3x(self) -> bool {
        self.0 >= Dialect::SMB_3_0.0
    }
}

impl core::fmt::Display for Dialect {
    /// `3.1.1`, as people write it.
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match *self {
            Dialect::SMB_2_0_2 => f.write_str("2.0.2"),
            Dialect::SMB_2_1 => f.write_str("2.1"),
            Dialect::WILDCARD => f.write_str("2.???"),
            Dialect::SMB_3_0 => f.write_str("3.0"),
            Dialect::SMB_3_0_2 => f.write_str("3.0.2"),
            Dialect::SMB_3_1_1 => f.write_str("3.1.1"),
            Dialect(other) => write!(f, "{other:#06x}"),
        }
    }
}

open_flags! {
    /// SecurityMode of [MS-SMB2] 2.2.3, 2.2.4 and 2.2.5.
    SecurityMode(u16) {
        /// SMB2_NEGOTIATE_SIGNING_ENABLED
        SIGNING_ENABLED = 0x0001;
        /// SMB2_NEGOTIATE_SIGNING_REQUIRED
        SIGNING_REQUIRED = 0x0002;
    }
}

open_flags! {
    /// Capabilities of [MS-SMB2] 2.2.3, 2.2.4 and 2.2.5.
    Capabilities(u32) {
        /// SMB2_GLOBAL_CAP_DFS
        DFS = 0x0000_0001;
        /// SMB2_GLOBAL_CAP_LEASING
        LEASING = 0x0000_0002;
        /// SMB2_GLOBAL_CAP_LARGE_MTU
        LARGE_MTU = 0x0000_0004;
        /// SMB2_GLOBAL_CAP_MULTI_CHANNEL
        MULTI_CHANNEL = 0x0000_0008;
        /// SMB2_GLOBAL_CAP_PERSISTENT_HANDLES
        PERSISTENT_HANDLES = 0x0000_0010;
        /// SMB2_GLOBAL_CAP_DIRECTORY_LEASING
        DIRECTORY_LEASING = 0x0000_0020;
        /// SMB2_GLOBAL_CAP_ENCRYPTION
        ENCRYPTION = 0x0000_0040;
        /// SMB2_GLOBAL_CAP_NOTIFICATIONS
        NOTIFICATIONS = 0x0000_0080;
    }
}

open_number! {
    /// Oplock levels of [MS-SMB2] 2.2.13 and 2.2.14.
    OplockLevel(u8) {
        /// SMB2_OPLOCK_LEVEL_NONE
        NONE = 0x00;
        /// SMB2_OPLOCK_LEVEL_II
        II = 0x01;
        /// SMB2_OPLOCK_LEVEL_EXCLUSIVE
        EXCLUSIVE = 0x08;
        /// SMB2_OPLOCK_LEVEL_BATCH
        BATCH = 0x09;
        /// SMB2_OPLOCK_LEVEL_LEASE: see the lease create context.
        LEASE = 0xFF;
    }
}

open_flags! {
    /// LeaseState of [MS-SMB2] 2.2.13.2.8.
    LeaseState(u32) {
        /// SMB2_LEASE_READ_CACHING
        READ_CACHING = 0x01;
        /// SMB2_LEASE_HANDLE_CACHING
        HANDLE_CACHING = 0x02;
        /// SMB2_LEASE_WRITE_CACHING
        WRITE_CACHING = 0x04;
    }
}

open_number! {
    /// InfoType of [MS-SMB2] 2.2.37 and 2.2.39.
    InfoType(u8) {
        /// SMB2_0_INFO_FILE
        FILE = 0x01;
        /// SMB2_0_INFO_FILESYSTEM
        FILESYSTEM = 0x02;
        /// SMB2_0_INFO_SECURITY
        SECURITY = 0x03;
        /// SMB2_0_INFO_QUOTA
        QUOTA = 0x04;
    }
}

open_flags! {
    /// AdditionalInformation of [MS-SMB2] 2.2.37 and 2.2.39 for security information.
    SecurityInformation(u32) {
        /// OWNER_SECURITY_INFORMATION
        OWNER = 0x0000_0001;
        /// GROUP_SECURITY_INFORMATION
        GROUP = 0x0000_0002;
        /// DACL_SECURITY_INFORMATION
        DACL = 0x0000_0004;
        /// SACL_SECURITY_INFORMATION
        SACL = 0x0000_0008;
        /// LABEL_SECURITY_INFORMATION
        LABEL = 0x0000_0010;
        /// ATTRIBUTE_SECURITY_INFORMATION
        ATTRIBUTE = 0x0000_0020;
        /// SCOPE_SECURITY_INFORMATION
        SCOPE = 0x0000_0040;
        /// BACKUP_SECURITY_INFORMATION
        BACKUP = 0x0001_0000;
    }
}

open_number! {
    /// Channel of [MS-SMB2] 2.2.19 and 2.2.21: where the data of a READ or WRITE goes.
    Channel(u32) {
        /// SMB2_CHANNEL_NONE: in the message.
        NONE = 0x0000_0000;
        /// SMB2_CHANNEL_RDMA_V1
        RDMA_V1 = 0x0000_0001;
        /// SMB2_CHANNEL_RDMA_V1_INVALIDATE
        RDMA_V1_INVALIDATE = 0x0000_0002;
        /// SMB2_CHANNEL_RDMA_TRANSFORM
        RDMA_TRANSFORM = 0x0000_0003;
    }
}

impl Channel {
    /// It is one of those that a request gives information of.
    #[inline]
    #[must_use]
    pub fn has_information(self) -> bool {
        matches!(self, Channel::RDMA_V1 | Channel::RDMA_V1_INVALIDATE | Channel::RDMA_TRANSFORM)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_bits_and_values_are_kept() {
        assert_eq!(Capabilities::from(0x8000_0041).bits(), 0x8000_0041);
        assert!(Capabilities::from(0x8000_0041).contains(Capabilities::ENCRYPTION));
        assert_eq!(format!("{:?} {:?}", Dialect(0x0311), Dialect(0x0999)), "SMB_3_1_1 Dialect(0x999)");
    }

    #[test]
    fn charge_is_one_per_64_kib_and_at_least_one() {
        for (length, charge) in
            [(0, 1), (1, 1), (65_536, 1), (65_537, 2), (8 << 20, 128), (u32::MAX, u16::MAX)]
        {
            assert_eq!(CreditCharge::for_length(length), CreditCharge(charge), "{length}");
        }
        assert_eq!(CreditCharge(0).message_ids(), 1);
    }

    #[test]
    fn newer_dialects_are_greater() {
        assert!(Dialect::ALL.is_sorted());
        assert!(Dialect::SMB_3_0.is_3x() && !Dialect::SMB_2_1.is_3x());
    }
}
