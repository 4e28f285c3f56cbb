//! [MS-SMB2] 2.2.9 SMB2 TREE_CONNECT Request and 2.2.10 SMB2 TREE_CONNECT Response.

use freehold_dtyp::{DecodeError, DecodeReason, Encode, Reader, Writer};

use super::header::Smb2Header;
use super::message::{BodyStart, DecodeMessage, body, field, length16};
use super::types::{open_flags, open_number};
use super::utf16::Utf16;

open_flags! {
    /// Flags of [MS-SMB2] 2.2.9; reserved before 3.1.1.
    TreeConnectFlags(u16) {
        /// SMB2_TREE_CONNECT_FLAG_CLUSTER_RECONNECT
        CLUSTER_RECONNECT = 0x0001;
        /// SMB2_TREE_CONNECT_FLAG_REDIRECT_TO_OWNER
        REDIRECT_TO_OWNER = 0x0002;
        /// SMB2_TREE_CONNECT_FLAG_EXTENSION_PRESENT
        EXTENSION_PRESENT = 0x0004;
    }
}

open_number! {
    /// ShareType of [MS-SMB2] 2.2.10.
    ShareType(u8) {
        /// SMB2_SHARE_TYPE_DISK
        DISK = 0x01;
        /// SMB2_SHARE_TYPE_PIPE
        PIPE = 0x02;
        /// SMB2_SHARE_TYPE_PRINT
        PRINT = 0x03;
    }
}

open_flags! {
    /// ShareFlags of [MS-SMB2] 2.2.10. Two bits of them are the caching mode, see [`ShareFlags::CACHING_MASK`].
    ShareFlags(u32) {
        /// The bits of the caching mode; none of them set is SMB2_SHAREFLAG_MANUAL_CACHING.
        CACHING_MASK = 0x0000_0030;
        /// SMB2_SHAREFLAG_AUTO_CACHING
        AUTO_CACHING = 0x0000_0010;
        /// SMB2_SHAREFLAG_VDO_CACHING
        VDO_CACHING = 0x0000_0020;
        /// SMB2_SHAREFLAG_NO_CACHING
        NO_CACHING = 0x0000_0030;
        /// SMB2_SHAREFLAG_DFS
        DFS = 0x0000_0001;
        /// SMB2_SHAREFLAG_DFS_ROOT
        DFS_ROOT = 0x0000_0002;
        /// SMB2_SHAREFLAG_RESTRICT_EXCLUSIVE_OPENS
        RESTRICT_EXCLUSIVE_OPENS = 0x0000_0100;
        /// SMB2_SHAREFLAG_FORCE_SHARED_DELETE
        FORCE_SHARED_DELETE = 0x0000_0200;
        /// SMB2_SHAREFLAG_ALLOW_NAMESPACE_CACHING
        ALLOW_NAMESPACE_CACHING = 0x0000_0400;
        /// SMB2_SHAREFLAG_ACCESS_BASED_DIRECTORY_ENUM
        ACCESS_BASED_DIRECTORY_ENUM = 0x0000_0800;
        /// SMB2_SHAREFLAG_FORCE_LEVELII_OPLOCK
        FORCE_LEVELII_OPLOCK = 0x0000_1000;
        /// SMB2_SHAREFLAG_ENABLE_HASH_V1
        ENABLE_HASH_V1 = 0x0000_2000;
        /// SMB2_SHAREFLAG_ENABLE_HASH_V2
        ENABLE_HASH_V2 = 0x0000_4000;
        /// SMB2_SHAREFLAG_ENCRYPT_DATA
        ENCRYPT_DATA = 0x0000_8000;
        /// SMB2_SHAREFLAG_IDENTITY_REMOTING
        IDENTITY_REMOTING = 0x0004_0000;
        /// SMB2_SHAREFLAG_COMPRESS_DATA
        COMPRESS_DATA = 0x0010_0000;
        /// SMB2_SHAREFLAG_ISOLATED_TRANSPORT
        ISOLATED_TRANSPORT = 0x0020_0000;
    }
}

open_flags! {
    /// Capabilities of [MS-SMB2] 2.2.10.
    ShareCapabilities(u32) {
        /// SMB2_SHARE_CAP_DFS
        DFS = 0x0000_0008;
        /// SMB2_SHARE_CAP_CONTINUOUS_AVAILABILITY
        CONTINUOUS_AVAILABILITY = 0x0000_0010;
        /// SMB2_SHARE_CAP_SCALEOUT
        SCALEOUT = 0x0000_0020;
        /// SMB2_SHARE_CAP_CLUSTER
        CLUSTER = 0x0000_0040;
        /// SMB2_SHARE_CAP_ASYMMETRIC
        ASYMMETRIC = 0x0000_0080;
        /// SMB2_SHARE_CAP_REDIRECT_TO_OWNER
        REDIRECT_TO_OWNER = 0x0000_0100;
    }
}

open_number! {
    /// ContextType of [MS-SMB2] 2.2.9.2 SMB2 TREE_CONNECT_CONTEXT Request Values.
    TreeConnectContextType(u16) {
        /// SMB2_REMOTED_IDENTITY_TREE_CONNECT_CONTEXT_ID
        REMOTED_IDENTITY = 0x0001;
    }
}

/// [MS-SMB2] 2.2.9.2 SMB2 TREE_CONNECT_CONTEXT Request Values: one context, its data as bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TreeConnectContext<'a> {
    /// ContextType.
    pub context_type: TreeConnectContextType,
    /// Data.
    pub data: &'a [u8],
}

/// [MS-SMB2] 2.2.9.1 SMB2 TREE_CONNECT Request Extension: the contexts. Ones that are cut short show only
/// when they are walked, so that a server that ignores them serves the client anyway.
#[derive(Clone, Copy)]
pub struct TreeConnectContexts<'a>(Kind<'a>);

#[derive(Clone, Copy)]
enum Kind<'a> {
    Wire { list: &'a [u8], count: u16, offset: usize },
    Values(&'a [TreeConnectContext<'a>]),
}

impl<'a> TreeConnectContexts<'a> {
    /// No context.
    pub const EMPTY: TreeConnectContexts<'static> = TreeConnectContexts(Kind::Values(&[]));

    /// The contexts in order; stops after the first error, whose offset counts from the message's header.
    pub fn iter(self) -> impl Iterator<Item = Result<TreeConnectContext<'a>, DecodeError>> {
        let (list, mut left, offset, mut values) = match self.0 {
            Kind::Wire { list, count, offset } => (list, count, offset, [].as_slice()),
            Kind::Values(values) => ([].as_slice(), 0, 0, values),
        };
        let mut reader = Reader::new(list);
        core::iter::from_fn(move || {
            if let Some((first, rest)) = values.split_first() {
                values = rest;
                return Some(Ok(*first));
            }
            left = left.checked_sub(1)?;
            let found = Self::step(&mut reader);
            Some(found.map_err(|error| {
                left = 0;
                DecodeError { offset: error.offset.saturating_add(offset), ..error }
            }))
        })
    }

    fn step(reader: &mut Reader<'a>) -> Result<TreeConnectContext<'a>, DecodeError> {
        let past = reader.position() & 7;
        if past != 0 {
            reader.skip("TreeConnectContexts", 8_usize.saturating_sub(past))?;
        }
        let context_type = TreeConnectContextType(reader.u16("ContextType")?);
        let length = reader.u16("DataLength")?;
        reader.skip("Reserved", 4)?;
        Ok(TreeConnectContext { context_type, data: reader.bytes("Data", usize::from(length))? })
    }
}

impl<'a> From<&'a [TreeConnectContext<'a>]> for TreeConnectContexts<'a> {
    fn from(values: &'a [TreeConnectContext<'a>]) -> Self {
        TreeConnectContexts(Kind::Values(values))
    }
}

impl PartialEq for TreeConnectContexts<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl core::fmt::Debug for TreeConnectContexts<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

/// [MS-SMB2] 2.2.9 SMB2 TREE_CONNECT Request.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TreeConnectRequest<'a> {
    /// Flags. EXTENSION_PRESENT decides whether `contexts` are encoded.
    pub flags: TreeConnectFlags,
    /// `\\server\share`.
    pub path: Utf16<'a>,
    /// The contexts of the extension (3.1.1).
    pub contexts: TreeConnectContexts<'a>,
}

impl TreeConnectRequest<'_> {
    /// StructureSize (2), Flags (2), PathOffset (2), PathLength (2), one byte of Buffer.
    pub const STRUCTURE_SIZE: u16 = 2 + 2 + 2 + 2 + 1;
    /// TreeConnectContextOffset (4), TreeConnectContextCount (2), Reserved (10).
    const EXTENSION_SIZE: u16 = 4 + 2 + 10;
}

impl<'a> DecodeMessage<'a> for TreeConnectRequest<'a> {
    /// Reads the extension when EXTENSION_PRESENT is set; before 3.1.1 the flags are reserved and clients send zero.
    fn decode(message: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = body(message, Self::STRUCTURE_SIZE)?;
        let flags = TreeConnectFlags::from(reader.u16("Flags")?);
        let path_offset = reader.u16("PathOffset")?;
        let path_length = reader.u16("PathLength")?;
        let path = Utf16::checked(
            field(message, "PathName", path_offset, path_length)?,
            "PathLength",
            Smb2Header::SIZE,
        )?;
        let contexts = if flags.contains(TreeConnectFlags::EXTENSION_PRESENT) {
            let offset = reader.u32("TreeConnectContextOffset")?;
            let count = reader.u16("TreeConnectContextCount")?;
            // "The offset from the start of the SMB2 TREE_CONNECT request": of the body, unlike every other offset.
            let offset = usize::try_from(offset).unwrap_or(usize::MAX).saturating_add(Smb2Header::SIZE);
            match message.get(offset..) {
                Some(list) => TreeConnectContexts(Kind::Wire { list, count, offset }),
                None if count == 0 => TreeConnectContexts::EMPTY,
                None => {
                    let field = "TreeConnectContextOffset";
                    return Err(DecodeError { field, reason: DecodeReason::OutOfBounds, offset });
                }
            }
        } else {
            TreeConnectContexts::EMPTY
        };
        Ok(TreeConnectRequest { flags, path, contexts })
    }
}

impl Encode for TreeConnectRequest<'_> {
    fn encode(&self, writer: &mut Writer) {
        const BUFFER_OFFSET: u16 = 64 + TreeConnectRequest::STRUCTURE_SIZE - 1;
        let extended = self.flags.contains(TreeConnectFlags::EXTENSION_PRESENT);
        let body_start = writer.position();
        let start = BodyStart::new(writer, Self::STRUCTURE_SIZE);
        writer.u16(self.flags.bits());
        writer.u16(if extended { BUFFER_OFFSET + Self::EXTENSION_SIZE } else { BUFFER_OFFSET });
        writer.u16(length16(self.path.as_bytes().len()));
        let extension_at = writer.position();
        if extended {
            writer.zeros(usize::from(Self::EXTENSION_SIZE));
        }
        writer.bytes(self.path.as_bytes());
        if extended {
            start.align(writer, 8);
            writer.patch_u32(extension_at, writer.position().saturating_sub(body_start));
            let mut count = 0_usize;
            for context in self.contexts.iter().map_while(Result::ok) {
                start.align(writer, 8);
                writer.u16(context.context_type.0);
                writer.u16(length16(context.data.len()));
                writer.u32(0);
                writer.bytes(context.data);
                count = count.saturating_add(1);
            }
            writer.patch_u16(extension_at.saturating_add(4), count);
        }
        start.fill_odd_size(writer, 8);
    }
}

/// [MS-SMB2] 2.2.10 SMB2 TREE_CONNECT Response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TreeConnectResponse {
    /// ShareType.
    pub share_type: ShareType,
    /// ShareFlags.
    pub share_flags: ShareFlags,
    /// Capabilities.
    pub capabilities: ShareCapabilities,
    /// Access mask that the user has on the share.
    pub maximal_access: u32,
}

impl TreeConnectResponse {
    /// StructureSize (2), ShareType (1), Reserved (1), ShareFlags (4), Capabilities (4), MaximalAccess (4).
    pub const STRUCTURE_SIZE: u16 = 2 + 1 + 1 + 4 + 4 + 4;
}

impl<'a> DecodeMessage<'a> for TreeConnectResponse {
    fn decode(message: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = body(message, Self::STRUCTURE_SIZE)?;
        let share_type = ShareType(reader.u8("ShareType")?);
        reader.skip("Reserved", 1)?;
        Ok(TreeConnectResponse {
            share_type,
            share_flags: ShareFlags::from(reader.u32("ShareFlags")?),
            capabilities: ShareCapabilities::from(reader.u32("Capabilities")?),
            maximal_access: reader.u32("MaximalAccess")?,
        })
    }
}

impl Encode for TreeConnectResponse {
    fn encode(&self, writer: &mut Writer) {
        writer.u16(Self::STRUCTURE_SIZE);
        writer.u8(self.share_type.0);
        writer.u8(0);
        writer.u32(self.share_flags.bits());
        writer.u32(self.capabilities.bits());
        writer.u32(self.maximal_access);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::smb2::testing;
    use crate::smb2::utf16::Utf16Buf;
    use proptest::prelude::*;

    /// [MS-SMB2] 4.1: the client connects to \\smb2server\IPC$.
    #[test]
    fn the_request_of_the_specification() {
        let path = Utf16Buf::from("\\\\smb2server\\IPC$");
        let request = TreeConnectRequest {
            flags: TreeConnectFlags::empty(),
            path: path.as_utf16(),
            contexts: TreeConnectContexts::EMPTY,
        };
        let message = testing::message(&request);
        assert_eq!(
            message[64..],
            testing::hex(
                "0900 0000 4800 2200 5c005c0073006d0062003200730065007200760065007200 5c004900500043002400"
            )
        );
        assert_eq!(TreeConnectRequest::decode(&message), Ok(request));
    }

    #[test]
    fn the_response_of_the_specification() {
        let message = testing::message(&TreeConnectResponse {
            share_type: ShareType::PIPE,
            share_flags: ShareFlags::NO_CACHING,
            capabilities: ShareCapabilities::empty(),
            maximal_access: 0x0012_01FF,
        });
        assert_eq!(message[64..], testing::hex("1000 02 00 30000000 00000000 ff011200"));
    }

    #[test]
    fn the_extension_stands_before_the_path() {
        let path = Utf16Buf::from("\\\\s\\a");
        let contexts = [
            TreeConnectContext { context_type: TreeConnectContextType::REMOTED_IDENTITY, data: b"identity!" },
            TreeConnectContext { context_type: TreeConnectContextType(9), data: b"" },
        ];
        let request = TreeConnectRequest {
            flags: TreeConnectFlags::EXTENSION_PRESENT,
            path: path.as_utf16(),
            contexts: contexts.as_slice().into(),
        };
        let message = testing::message(&request);
        assert_eq!(message[64..88], testing::hex("0900 0400 5800 0a00 28000000 0200 00000000000000000000"));
        let decoded = TreeConnectRequest::decode(&message).expect("a request");
        assert_eq!(decoded, request);
        assert_eq!(decoded.contexts.iter().count(), 2);
    }

    #[test]
    fn an_odd_path_length_is_refused() {
        let mut message = testing::message(&TreeConnectRequest {
            flags: TreeConnectFlags::empty(),
            path: Utf16::from_bytes(b"a\0b\0").expect("even"),
            contexts: TreeConnectContexts::EMPTY,
        });
        message[70] = 3;
        assert!(TreeConnectRequest::decode(&message).is_err_and(|error| error.field == "PathLength"));
    }

    proptest! {
        #[test]
        fn requests_round_trip(flags: u16, path in testing::name(40), data in testing::blob(30)) {
            let contexts = [TreeConnectContext { context_type: TreeConnectContextType(1), data: &data }];
            let contexts: &[_] = if flags & 4 == 0 { &[] } else { &contexts };
            let request = TreeConnectRequest {
                flags: flags.into(),
                path: Utf16::from_bytes(&path).expect("even"),
                contexts: contexts.into(),
            };
            let message = testing::message(&request);
            prop_assert_eq!(TreeConnectRequest::decode(&message), Ok(request));
        }

        #[test]
        fn responses_round_trip(share_type: u8, flags: u32, capabilities: u32, maximal_access: u32) {
            let response = TreeConnectResponse {
                share_type: ShareType(share_type),
                share_flags: flags.into(),
                capabilities: capabilities.into(),
                maximal_access,
            };
            let message = testing::message(&response);
            prop_assert_eq!(TreeConnectResponse::decode(&message), Ok(response));
        }

        #[test]
        fn any_bytes_are_judged_without_panic(message in testing::hostile(9), response in testing::hostile(16)) {
            if let Ok(found) = TreeConnectRequest::decode(&message) {
                prop_assert!(found.path.as_bytes().len() < message.len());
                prop_assert!(found.contexts.iter().count() < message.len());
            }
            let _ = TreeConnectResponse::decode(&response);
        }
    }
}
