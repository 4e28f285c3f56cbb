//! What belongs to the connection rather than to a file: [MS-SMB2] 2.2.31.3, 2.2.31.4, 2.2.32.5, 2.2.32.6 and
//! the heads of [MS-DFSC] 2.2.2 and 2.2.3.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use freehold_dtyp::{Decode, DecodeError, DecodeReason, Encode, Guid, Reader, Writer};

use crate::fscc::chain::{ChainDecode, ChainEncode};
use crate::fscc::layout::wire_struct;

/// [MS-SMB2] 2.2.31.4 VALIDATE_NEGOTIATE_INFO Request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ValidateNegotiateInfo<'a> {
    /// Capabilities of the client's NEGOTIATE.
    pub capabilities: u32,
    /// ClientGuid of the client's NEGOTIATE.
    pub guid: Guid,
    /// SecurityMode of the client's NEGOTIATE.
    pub security_mode: u16,
    /// Dialects of the client's NEGOTIATE, little-endian.
    dialects: &'a [[u8; 2]],
}

impl<'a> ValidateNegotiateInfo<'a> {
    /// Bytes in front of the dialects: Capabilities (4), Guid (16), SecurityMode (2), DialectCount (2).
    pub const FIXED_SIZE: usize = 24;

    /// The dialects in the order in which they were sent.
    pub fn dialects(&self) -> impl Iterator<Item = u16> + 'a {
        self.dialects.iter().map(|dialect| u16::from_le_bytes(*dialect))
    }
}

impl<'a> Decode<'a> for ValidateNegotiateInfo<'a> {
    fn decode(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let capabilities = reader.u32("Capabilities")?;
        let guid = Guid::decode(reader)?;
        let security_mode = reader.u16("SecurityMode")?;
        let count = reader.u16("DialectCount")?;
        let dialects = reader.bytes("Dialects", usize::from(count).saturating_mul(2))?;
        Ok(ValidateNegotiateInfo { capabilities, guid, security_mode, dialects: dialects.as_chunks().0 })
    }
}

/// Appends [MS-SMB2] 2.2.31.4 VALIDATE_NEGOTIATE_INFO Request: the client's side.
pub fn encode_validate_negotiate_info(
    capabilities: u32,
    guid: Guid,
    security_mode: u16,
    dialects: &[u16],
    writer: &mut Writer,
) {
    writer.u32(capabilities);
    guid.encode(writer);
    writer.u16(security_mode);
    writer.u16(u16::try_from(dialects.len()).unwrap_or(u16::MAX));
    for dialect in dialects {
        writer.u16(*dialect);
    }
}

wire_struct! {
    /// [MS-SMB2] 2.2.32.6 VALIDATE_NEGOTIATE_INFO Response.
    pub struct ValidateNegotiateInfoResponse {
        /// Capabilities of the server's NEGOTIATE reply.
        capabilities: u32 = "Capabilities";
        /// ServerGuid of the server's NEGOTIATE reply.
        guid: Guid = "Guid";
        /// SecurityMode of the server's NEGOTIATE reply.
        security_mode: u16 = "SecurityMode";
        /// Dialect in use.
        dialect: u16 = "Dialect";
    }
}

wire_struct! {
    /// [MS-SMB2] 2.2.31.3 NETWORK_RESILIENCY_REQUEST Request.
    pub struct NetworkResiliencyRequest {
        /// How long the open is kept without a connection, in milliseconds; zero for the server's own time.
        timeout_ms: u32 = "Timeout", reserved 4;
    }
}

/// [MS-SMB2] 2.2.32.5 NETWORK_INTERFACE_INFO Response: one address of an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NetworkInterfaceInfo {
    /// Number of the interface; never zero.
    pub if_index: u32,
    /// [`NetworkInterfaceInfo::RSS_CAPABLE`], [`NetworkInterfaceInfo::RDMA_CAPABLE`].
    pub capability: u32,
    /// Bits a second.
    pub link_speed: u64,
    /// Address; the port on the wire is zero.
    pub address: IpAddr,
}

impl NetworkInterfaceInfo {
    /// Bytes of an entry: Next, IfIndex, Capability, Reserved (4 each), LinkSpeed (8), SockAddr_Storage
    /// (128).
    pub const FIXED_SIZE: usize = 152;
    /// Receive-side scaling.
    pub const RSS_CAPABLE: u32 = 1;
    /// RDMA.
    pub const RDMA_CAPABLE: u32 = 2;

    const INET: u16 = 0x0002;
    const INET6: u16 = 0x0017;
    const SOCKADDR_STORAGE: usize = 128;
}

impl ChainEncode for NetworkInterfaceInfo {
    const ALIGNMENT: usize = 8;

    fn size(&self) -> usize {
        Self::FIXED_SIZE
    }

    fn write(&self, writer: &mut Writer) {
        writer.u32(self.if_index);
        writer.u32(self.capability);
        writer.zeros(4);
        writer.u64(self.link_speed);
        let start = writer.position();
        match self.address {
            IpAddr::V4(address) => {
                writer.u16(Self::INET);
                writer.zeros(2); // Port
                writer.bytes(&address.octets());
            }
            IpAddr::V6(address) => {
                writer.u16(Self::INET6);
                writer.zeros(6); // Port, FlowInfo
                writer.bytes(&address.octets());
                writer.zeros(4); // ScopeId
            }
        }
        let written = writer.position().saturating_sub(start);
        writer.zeros(Self::SOCKADDR_STORAGE.saturating_sub(written));
    }
}

impl<'a> ChainDecode<'a> for NetworkInterfaceInfo {
    const MINIMUM_SIZE: usize = Self::FIXED_SIZE;
    const ALIGNMENT: usize = 4;

    fn read(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let if_index = reader.u32("IfIndex")?;
        let capability = reader.u32("Capability")?;
        reader.skip("Reserved", 4)?;
        let link_speed = reader.u64("LinkSpeed")?;
        let error = reader.error("SockAddr_Storage", DecodeReason::Invalid);
        let mut storage = Reader::new(reader.bytes("SockAddr_Storage", Self::SOCKADDR_STORAGE)?);
        let address = match storage.u16("Family")? {
            Self::INET => {
                storage.skip("Port", 2)?;
                IpAddr::V4(Ipv4Addr::from(storage.array::<4>("IPv4Address")?))
            }
            Self::INET6 => {
                storage.skip("FlowInfo", 6)?;
                IpAddr::V6(Ipv6Addr::from(storage.array::<16>("IPv6Address")?))
            }
            _ => return Err(error),
        };
        Ok(NetworkInterfaceInfo { if_index, capability, link_speed, address })
    }
}

/// [MS-DFSC] 2.2.2 REQ_GET_DFS_REFERRAL and 2.2.3 REQ_GET_DFS_REFERRAL_EX.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DfsReferralRequest<'a> {
    /// Highest version of referral that the client understands.
    pub max_referral_level: u16,
    /// The path, UTF-16LE without terminator: `\server\share\path`.
    pub request_file_name: &'a [u8],
    /// The client's site, UTF-16LE; only in the extended form.
    pub site_name: Option<&'a [u8]>,
}

impl<'a> DfsReferralRequest<'a> {
    /// Flag SiteName of the extended form.
    const SITE_NAME: u16 = 1;

    /// [MS-DFSC] 2.2.2 REQ_GET_DFS_REFERRAL. A missing terminator is forgiven.
    ///
    /// # Errors
    /// The first field that does not fit.
    pub fn from_bytes(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        let max_referral_level = reader.u16("MaxReferralLevel")?;
        let (units, rest) = reader.remaining().as_chunks::<2>();
        let end = units.iter().position(|unit| *unit == [0, 0]);
        if end.is_none() && !rest.is_empty() {
            return Err(reader.error("RequestFileName", DecodeReason::Invalid));
        }
        let length = end.unwrap_or(units.len()).saturating_mul(2);
        let request_file_name = reader.bytes("RequestFileName", length)?;
        Ok(DfsReferralRequest { max_referral_level, request_file_name, site_name: None })
    }

    /// [MS-DFSC] 2.2.3 REQ_GET_DFS_REFERRAL_EX.
    ///
    /// # Errors
    /// The first field that does not fit.
    pub fn from_bytes_ex(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        let max_referral_level = reader.u16("MaxReferralLevel")?;
        let flags = reader.u16("RequestFlags")?;
        reader.skip("RequestDataLength", 4)?;
        let mut counted = |length_field, field| -> Result<&'a [u8], DecodeError> {
            let length = reader.u16(length_field)?;
            let name = reader.bytes(field, usize::from(length))?;
            if !name.len().is_multiple_of(2) {
                return Err(reader.error(field, DecodeReason::Invalid));
            }
            // The terminator is counted by some clients and not by others.
            Ok(name.strip_suffix(&[0, 0]).unwrap_or(name))
        };
        let request_file_name = counted("RequestFileNameLength", "RequestFileName")?;
        let site_name =
            if flags & Self::SITE_NAME == 0 { None } else { Some(counted("SiteNameLength", "SiteName")?) };
        Ok(DfsReferralRequest { max_referral_level, request_file_name, site_name })
    }

    /// [MS-DFSC] 2.2.2 REQ_GET_DFS_REFERRAL: the client's side. A site is not part of it.
    pub fn encode(&self, writer: &mut Writer) {
        writer.u16(self.max_referral_level);
        writer.bytes(self.request_file_name);
        writer.zeros(2);
    }

    /// [MS-DFSC] 2.2.3 REQ_GET_DFS_REFERRAL_EX: the client's side.
    pub fn encode_ex(&self, writer: &mut Writer) {
        writer.u16(self.max_referral_level);
        writer.u16(if self.site_name.is_some() { Self::SITE_NAME } else { 0 });
        let place = writer.position();
        writer.u32(0);
        let start = writer.position();
        for name in [Some(self.request_file_name), self.site_name].into_iter().flatten() {
            writer.u16(u16::try_from(name.len()).unwrap_or(u16::MAX));
            writer.bytes(name);
        }
        let length = writer.position().saturating_sub(start);
        writer.patch_u32(place, length);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fscc::layout::tests::round_trips;
    use crate::fscc::{Append, ChainEntries, ChainWriter};
    use proptest::prelude::*;

    #[test]
    fn an_interface_has_the_layout_of_the_specification() {
        let info = NetworkInterfaceInfo {
            if_index: 2,
            capability: NetworkInterfaceInfo::RSS_CAPABLE,
            link_speed: 10_000_000_000,
            address: IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7)),
        };
        let six = NetworkInterfaceInfo { address: IpAddr::V6(Ipv6Addr::LOCALHOST), ..info };
        let mut output = Vec::new();
        let mut chain = ChainWriter::new(&mut output, 4096);
        assert_eq!(chain.append(&info), Append::Written);
        assert_eq!(chain.append(&six), Append::Written);
        assert_eq!(output.len(), 304);
        assert_eq!(output[..4], [152, 0, 0, 0]);
        assert_eq!(output[24..32], [2, 0, 0, 0, 192, 0, 2, 7]);
        assert_eq!(output[152..156], [0; 4]);
        assert_eq!(output[176..180], [0x17, 0, 0, 0]);
        assert_eq!(output[184..200], Ipv6Addr::LOCALHOST.octets());
        let read: Result<Vec<_>, _> = ChainEntries::<NetworkInterfaceInfo>::new(&output).collect();
        assert_eq!(read, Ok(vec![info, six]));
    }

    #[test]
    fn a_dialect_count_past_the_end_is_refused() {
        let mut writer = Writer::new();
        encode_validate_negotiate_info(1, Guid([3; 16]), 1, &[0x0202, 0x0311], &mut writer);
        let bytes = writer.into_bytes();
        let info = ValidateNegotiateInfo::from_bytes(&bytes).unwrap();
        assert_eq!(info.dialects().collect::<Vec<_>>(), [0x0202, 0x0311]);
        assert!(ValidateNegotiateInfo::from_bytes(&bytes[..bytes.len() - 1]).is_err());
    }

    #[test]
    fn referral_requests_end_at_their_terminator() {
        let path: Vec<u8> = "\\s\\d".encode_utf16().flat_map(u16::to_le_bytes).collect();
        let request = DfsReferralRequest { max_referral_level: 4, request_file_name: &path, site_name: None };
        let mut writer = Writer::new();
        request.encode(&mut writer);
        let mut bytes = writer.into_bytes();
        assert_eq!(DfsReferralRequest::from_bytes(&bytes), Ok(request));
        bytes.extend(b"garbage");
        assert_eq!(DfsReferralRequest::from_bytes(&bytes), Ok(request));
        assert_eq!(DfsReferralRequest::from_bytes(&bytes[..10]), Ok(request));
        assert!(DfsReferralRequest::from_bytes(&bytes[..9]).is_err());
        let with_site = DfsReferralRequest { site_name: Some(b"S\0"), ..request };
        for request in [request, with_site] {
            let mut writer = Writer::new();
            request.encode_ex(&mut writer);
            let bytes = writer.into_bytes();
            assert_eq!(DfsReferralRequest::from_bytes_ex(&bytes), Ok(request));
            assert!(DfsReferralRequest::from_bytes_ex(&bytes[..bytes.len() - 1]).is_err());
        }
    }

    proptest! {
        #[test]
        fn responses_round_trip(capabilities: u32, guid: [u8; 16], security_mode: u16, dialect: u16) {
            round_trips(&ValidateNegotiateInfoResponse { capabilities, guid: Guid(guid), security_mode, dialect }, 24);
            round_trips(&NetworkResiliencyRequest { timeout_ms: capabilities }, 8);
        }

        #[test]
        fn any_bytes_are_judged_without_panic(bytes: Vec<u8>) {
            let _ = ValidateNegotiateInfo::from_bytes(&bytes);
            let _ = DfsReferralRequest::from_bytes(&bytes);
            let _ = DfsReferralRequest::from_bytes_ex(&bytes);
            let _ = ChainEntries::<NetworkInterfaceInfo>::new(&bytes).count();
        }
    }
}
