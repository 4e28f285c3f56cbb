//! What belongs to the connection rather than to a file: [MS-SMB2] 2.2.31.3, 2.2.31.4, 2.2.32.5 and
//! 2.2.32.6.

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

    proptest! {
        #[test]
        fn responses_round_trip(capabilities: u32, guid: [u8; 16], security_mode: u16, dialect: u16) {
            round_trips(&ValidateNegotiateInfoResponse { capabilities, guid: Guid(guid), security_mode, dialect }, 24);
            round_trips(&NetworkResiliencyRequest { timeout_ms: capabilities }, 8);
        }

        #[test]
        fn any_bytes_are_judged_without_panic(bytes: Vec<u8>) {
            let _ = ValidateNegotiateInfo::from_bytes(&bytes);
            let _ = ChainEntries::<NetworkInterfaceInfo>::new(&bytes).count();
        }
    }
}
