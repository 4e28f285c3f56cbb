//! [MS-SMB2] 2.2.1, 2.2.41 and 2.2.42: the input is a packet, as it comes from the transport.

use freehold::smb2::header::{Compound, ProtocolId};
use freehold::smb2::smb1_negotiate::Smb1NegotiateRequest;
use freehold::smb2::transform::{ChainedCompression, CompressionTransform, TransformHeader};
use freehold_dtyp::{Encode, Writer};

pub fn run(packet: &[u8]) {
    match ProtocolId::of(packet) {
        Some(ProtocolId::Smb2) => {
            let mut end = 0;
            for element in Compound::new(packet).map_while(Result::ok) {
                assert_eq!(element.packet_offset, end);
                end += element.message.len();
                let header = element.header.encode();
                assert_eq!(freehold::smb2::Smb2Header::decode(&header), Ok(element.header));
            }
            assert!(end <= packet.len());
        }
        Some(ProtocolId::Transform) => {
            if let Ok(header) = TransformHeader::decode(packet) {
                assert_eq!(TransformHeader::decode(&header.encode()), Ok(header));
            }
        }
        Some(ProtocolId::Compression) => match CompressionTransform::decode(packet) {
            Ok(CompressionTransform::Unchained(found)) => {
                let again = found.to_bytes();
                assert_eq!(CompressionTransform::decode(&again), Ok(CompressionTransform::Unchained(found)));
            }
            Ok(CompressionTransform::Chained(found)) => {
                let good: Vec<_> = found.payloads().map_while(Result::ok).collect();
                let mut writer = Writer::new();
                ChainedCompression::encode(found.original_size, &good, &mut writer);
                if good.is_empty() {
                    return;
                }
                match CompressionTransform::decode(writer.as_slice()) {
                    Ok(CompressionTransform::Chained(again)) => {
                        assert_eq!(
                            again.payloads().collect::<Result<Vec<_>, _>>().as_deref(),
                            Ok(good.as_slice())
                        );
                    }
                    other => panic!("a chain became {other:?}"),
                }
            }
            Err(_) => {}
        },
        Some(ProtocolId::Smb1) => {
            let _ = Smb1NegotiateRequest::decode(packet);
        }
        None => {}
    }
}
