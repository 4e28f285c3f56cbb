//! The data of the AAPL create context, by which Macs ask what a server can do. Not of MS-SMB2: Apple's SMB client defines it.

use freehold_dtyp::{Decode, DecodeError, DecodeReason, Encode, Reader, Writer, Wtf8, Wtf8Buf};

use super::types::open_flags;

open_flags! {
    /// RequestBitmap and ReplyBitmap: which parts are asked for and answered.
    QueryBitmap(u64) {
        /// ServerCapabilities
        SERVER_CAPABILITIES = 0x1;
        /// VolumeCapabilities
        VOLUME_CAPABILITIES = 0x2;
        /// ModelString
        MODEL_INFO = 0x4;
    }
}

open_flags! {
    /// ClientCapabilities and ServerCapabilities.
    ServerCapabilities(u64) {
        /// Listings carry what Finder shows.
        READ_DIR_ATTR = 0x1;
        /// A whole file is copied by one request.
        OSX_COPYFILE = 0x2;
        /// The server runs on a UNIX.
        UNIX_BASED = 0x4;
        /// An access-control list carries a POSIX mode.
        NFS_ACE = 0x8;
        /// Listings carry what Finder shows, second form.
        READ_DIR_ATTR_V2 = 0x10;
    }
}

open_flags! {
    /// VolumeCapabilities.
    VolumeCapabilities(u64) {
        /// A file id leads to a path.
        RESOLVE_ID = 0x1;
        /// Names are looked up with regard to case.
        CASE_SENSITIVE = 0x2;
        /// FLUSH with [`super::flush::FlushRequest::FULL_SYNC`] reaches the disk.
        FULL_SYNC = 0x4;
    }
}

/// CommandCode.
const SERVER_QUERY: u32 = 1;

/// A request of the context ([MS-SMB2] 2.2.13.2 has its frame).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AppleRequest {
    /// What can the server do?
    ServerQuery {
        /// Parts of the answer that are wanted.
        wanted: QueryBitmap,
        /// What the client can do.
        client: ServerCapabilities,
    },
    /// Another command.
    Other(u32),
}

impl<'a> Decode<'a> for AppleRequest {
    fn decode(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let command = reader.u32("CommandCode")?;
        if command != SERVER_QUERY {
            let rest = reader.remaining().len();
            reader.skip("Data", rest)?;
            return Ok(AppleRequest::Other(command));
        }
        reader.skip("Reserved", 4)?;
        Ok(AppleRequest::ServerQuery {
            wanted: QueryBitmap::from(reader.u64("RequestBitmap")?),
            client: ServerCapabilities::from(reader.u64("ClientCapabilities")?),
        })
    }
}

impl Encode for AppleRequest {
    fn encode(&self, writer: &mut Writer) {
        match self {
            AppleRequest::ServerQuery { wanted, client } => {
                writer.u32(SERVER_QUERY);
                writer.u32(0);
                writer.u64(wanted.bits());
                writer.u64(client.bits());
            }
            AppleRequest::Other(command) => writer.u32(*command),
        }
    }
}

/// The answer to a query ([MS-SMB2] 2.2.14.2 has its frame); the parts that are there make up ReplyBitmap.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServerQueryResponse {
    /// What the server can do.
    pub server: Option<ServerCapabilities>,
    /// What the volume can do.
    pub volume: Option<VolumeCapabilities>,
    /// What the server is; Finder chooses an icon by it.
    pub model: Option<Wtf8Buf>,
}

impl ServerQueryResponse {
    fn bitmap(&self) -> QueryBitmap {
        let mut bitmap = QueryBitmap::empty();
        bitmap.set(QueryBitmap::SERVER_CAPABILITIES, self.server.is_some());
        bitmap.set(QueryBitmap::VOLUME_CAPABILITIES, self.volume.is_some());
        bitmap.set(QueryBitmap::MODEL_INFO, self.model.is_some());
        bitmap
    }
}

impl Encode for ServerQueryResponse {
    fn encode(&self, writer: &mut Writer) {
        writer.u32(SERVER_QUERY);
        writer.u32(0);
        writer.u64(self.bitmap().bits());
        if let Some(server) = self.server {
            writer.u64(server.bits());
        }
        if let Some(volume) = self.volume {
            writer.u64(volume.bits());
        }
        if let Some(model) = &self.model {
            let model: Wtf8<'_> = model.as_wtf8();
            writer.u32(0);
            writer.u32(u32::try_from(model.utf16_length().saturating_mul(2)).unwrap_or(u32::MAX));
            for unit in model.utf16() {
                writer.u16(unit);
            }
        }
    }
}

impl<'a> Decode<'a> for ServerQueryResponse {
    fn decode(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        if reader.u32("CommandCode")? != SERVER_QUERY {
            return Err(reader.error("CommandCode", DecodeReason::Invalid));
        }
        reader.skip("Reserved", 4)?;
        let bitmap = QueryBitmap::from(reader.u64("ReplyBitmap")?);
        let mut response = ServerQueryResponse::default();
        if bitmap.contains(QueryBitmap::SERVER_CAPABILITIES) {
            response.server = Some(ServerCapabilities::from(reader.u64("ServerCapabilities")?));
        }
        if bitmap.contains(QueryBitmap::VOLUME_CAPABILITIES) {
            response.volume = Some(VolumeCapabilities::from(reader.u64("VolumeCapabilities")?));
        }
        if bitmap.contains(QueryBitmap::MODEL_INFO) {
            reader.skip("Pad2", 4)?;
            let length = usize::try_from(reader.u32("ModelStringLen")?).unwrap_or(usize::MAX);
            let error = reader.error("ModelString", DecodeReason::Invalid);
            let model = Wtf8Buf::from_utf16le(reader.bytes("ModelString", length)?);
            response.model = Some(model.ok_or(error)?);
        }
        Ok(response)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What macOS sends on its first CREATE, as its client's source lays it out: everything wanted; READ_DIR_ATTR,
    /// OSX_COPYFILE, UNIX_BASED and NFS_ACE of its own.
    const QUERY: [u8; 24] = [1, 0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0, 15, 0, 0, 0, 0, 0, 0, 0];

    #[test]
    fn a_query_has_the_layout_of_apples_client() {
        let request = AppleRequest::from_bytes(&QUERY).unwrap();
        let AppleRequest::ServerQuery { wanted, client } = request else { panic!("{request:?}") };
        assert_eq!((wanted.bits(), client.bits()), (7, 15));
        assert_eq!(request.to_bytes(), QUERY);
        assert_eq!(AppleRequest::from_bytes(&[2, 0, 0, 0, 9]), Ok(AppleRequest::Other(2)));
        assert!(AppleRequest::from_bytes(&QUERY[..23]).is_err());
    }

    #[test]
    fn an_answer_has_the_parts_that_its_bitmap_names() {
        let response = ServerQueryResponse {
            server: Some(ServerCapabilities::UNIX_BASED),
            volume: Some(VolumeCapabilities::FULL_SYNC),
            model: Some("Xs".into()),
        };
        #[rustfmt::skip]
        assert_eq!(response.to_bytes(), [
            1, 0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0,
            0, 0, 0, 0, 4, 0, 0, 0, b'X', 0, b's', 0,
        ]);
        assert_eq!(ServerQueryResponse::from_bytes(&response.to_bytes()), Ok(response.clone()));
        let only_volume = ServerQueryResponse { server: None, model: None, ..response };
        assert_eq!(only_volume.to_bytes().len(), 24);
        assert_eq!(ServerQueryResponse::from_bytes(&only_volume.to_bytes()), Ok(only_volume));
    }

    proptest! {
        #[test]
        fn any_bytes_are_judged_without_panic(bytes: Vec<u8>) {
            let _ = AppleRequest::from_bytes(&bytes);
            let _ = ServerQueryResponse::from_bytes(&bytes);
        }
    }
}
