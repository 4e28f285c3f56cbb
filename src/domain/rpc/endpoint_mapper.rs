//! C706 Appendix O and [MS-RPCE] 3.1.1: asks a host's endpoint mapper where an interface listens.

use std::net::SocketAddr;

use freehold_dtyp::{DecodeError, Encode, Guid, Reader, Writer};
use tokio::time::Instant;

use super::{Connection, RpcError};
use crate::rpc::ndr::{NdrReader, NdrWriter};
use crate::rpc::pdu::{NDR32, Syntax};

/// The endpoint mapper's own interface.
const EPT: Syntax = Syntax {
    uuid: Guid::new(0xE1AF_8308, 0x5D1F, 0x11C9, [0x91, 0xA4, 0x08, 0x00, 0x2B, 0x14, 0xA0, 0xFA]),
    version: 3,
};
/// Opnum of ept_map.
const EPT_MAP: u16 = 3;
/// Towers asked for: hosts with several addresses may name each.
const MAX_TOWERS: u32 = 4;
/// C706 Appendix I, protocol identifiers: a UUID, connection-oriented RPC, TCP, IP.
const FLOOR_UUID: u8 = 0x0D;
const FLOOR_RPC_CO: u8 = 0x0B;
const FLOOR_TCP: u8 = 0x07;
const FLOOR_IP: u8 = 0x09;
/// EPT_S_NOT_REGISTERED.
const NOT_REGISTERED: u32 = 0x16C9_A0D6;

/// The TCP port on which `interface` listens at the host of `endpoint_mapper`.
pub(in crate::domain) async fn tcp_port(
    endpoint_mapper: SocketAddr,
    interface: &Syntax,
    deadline: Instant,
) -> Result<u16, RpcError> {
    let mut connection = Connection::bind(endpoint_mapper, &EPT, None, deadline).await?;
    let answer = connection.call(EPT_MAP, &encode_map(interface), deadline).await?;
    decode_map(&answer)
}

fn encode_map(interface: &Syntax) -> Vec<u8> {
    let tower = encode_tower(interface);
    let mut writer = NdrWriter::new();
    writer.pointer(); // object: none, written out
    writer.guid(&Guid::ZERO);
    writer.pointer(); // map_tower
    writer.count(tower.len());
    writer.count(tower.len());
    writer.bytes(&tower);
    writer.align(4);
    writer.bytes(&[0; 20]); // entry_handle
    writer.u32(MAX_TOWERS);
    writer.into_bytes()
}

/// A floor: the protocol, and what it needs to know.
fn floor(writer: &mut Writer, left: &[u8], right: &[u8]) {
    for side in [left, right] {
        writer.u16(u16::try_from(side.len()).unwrap_or(0));
        writer.bytes(side);
    }
}

fn encode_tower(interface: &Syntax) -> Vec<u8> {
    let mut writer = Writer::new();
    writer.u16(5);
    for syntax in [interface, &NDR32] {
        let mut left = Writer::new();
        left.u8(FLOOR_UUID);
        syntax.uuid.encode(&mut left);
        let [minor, major] = [syntax.version >> 16, syntax.version & 0xFFFF];
        left.u16(u16::try_from(major).unwrap_or(0));
        floor(&mut writer, left.as_slice(), &u16::try_from(minor).unwrap_or(0).to_le_bytes());
    }
    floor(&mut writer, &[FLOOR_RPC_CO], &[0, 0]);
    floor(&mut writer, &[FLOOR_TCP], &[0, 0]);
    floor(&mut writer, &[FLOOR_IP], &[0, 0, 0, 0]);
    writer.into_bytes()
}

fn decode_map(stub: &[u8]) -> Result<u16, RpcError> {
    let mut reader = NdrReader::new(stub);
    reader.bytes("entry_handle", 20)?;
    reader.u32("num_towers")?;
    reader.u32("maximum")?;
    reader.u32("offset")?;
    let count = reader.size("actual")?;
    if count > reader.remaining() / 4 {
        return Err(reader.error("actual").into());
    }
    let present = (0..count).map(|_| reader.pointer("tower")).collect::<Result<Vec<bool>, _>>()?;
    let mut port = None;
    for _ in present.iter().filter(|present| **present) {
        reader.u32("maximum")?;
        let length = reader.size("tower_length")?;
        let tower = reader.bytes("tower_octet_string", length)?;
        port = port.or(decode_tower(tower)?);
    }
    match (reader.u32("status")?, port) {
        (0, Some(port)) => Ok(port),
        (0, None) => Err(RpcError::NotMapped(NOT_REGISTERED)),
        (status, _) => Err(RpcError::NotMapped(status)),
    }
}

/// The TCP port of a tower; `None` when it leads elsewhere.
fn decode_tower(tower: &[u8]) -> Result<Option<u16>, DecodeError> {
    let mut reader = Reader::new(tower);
    let floors = reader.u16("floors")?;
    for _ in 0..floors {
        let length = reader.u16("lhs_length")?;
        let left = reader.bytes("lhs", usize::from(length))?;
        let length = reader.u16("rhs_length")?;
        let right = reader.bytes("rhs", usize::from(length))?;
        if left == [FLOOR_TCP] {
            let port = right.first_chunk().map(|bytes| u16::from_be_bytes(*bytes));
            return Ok(port.filter(|port| *port != 0));
        }
    }
    Ok(None)
}

/// The other side, for the fake domain controller.
#[cfg(test)]
pub(in crate::domain) mod testing {
    use super::{EPT, MAX_TOWERS, NdrWriter, encode_tower};

    pub(in crate::domain) const INTERFACE: super::Syntax = EPT;

    /// Results of ept_map.
    pub(in crate::domain) fn answer(ports: &[u16], status: u32) -> Vec<u8> {
        let mut writer = NdrWriter::new();
        writer.bytes(&[0; 20]);
        writer.count(ports.len());
        writer.u32(MAX_TOWERS);
        writer.u32(0);
        writer.count(ports.len());
        ports.iter().for_each(|_| writer.pointer());
        for port in ports {
            let mut tower = encode_tower(&EPT);
            let at = tower.len() - 11;
            tower[at..at + 2].copy_from_slice(&port.to_be_bytes());
            writer.count(tower.len());
            writer.count(tower.len());
            writer.bytes(&tower);
        }
        writer.u32(status);
        writer.into_bytes()
    }
}

/// For the fuzz target.
#[cfg(fuzzing)]
pub(super) fn read_any(bytes: &[u8]) {
    let _ = decode_map(bytes);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::testing::answer;
    use super::*;

    #[test]
    fn the_first_port_of_the_towers_is_taken() {
        assert_eq!(decode_map(&answer(&[49_152], 0)).unwrap(), 49_152);
        assert_eq!(decode_map(&answer(&[0, 1027, 1028], 0)).unwrap(), 1027);
        assert!(matches!(decode_map(&answer(&[], NOT_REGISTERED)), Err(RpcError::NotMapped(NOT_REGISTERED))));
        assert!(matches!(decode_map(&answer(&[0], 0)), Err(RpcError::NotMapped(_))));
    }

    proptest! {
        #[test]
        fn any_answer_is_taken_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = decode_map(&bytes);
            let _ = decode_tower(&bytes);
        }
    }
}
