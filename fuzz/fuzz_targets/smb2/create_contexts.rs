//! [MS-SMB2] 2.2.13.2 and 2.2.14.2: the input is the chain of contexts of a CREATE request and response.

use freehold::smb2::apple::AppleRequest;
use freehold::smb2::create::{CreateRequest, CreateResponse};
use freehold::smb2::create_context::RequestContext;
use freehold::smb2::{DecodeMessage, Smb2Header, message_bytes};
use freehold_dtyp::Decode;

/// A message whose fixed part has `fixed_size` bytes and ends with CreateContextsOffset and CreateContextsLength.
fn message_of(structure_size: u16, fixed_size: usize, chain: &[u8]) -> Vec<u8> {
    let mut message = Smb2Header::default().encode().to_vec();
    message.extend_from_slice(&structure_size.to_le_bytes());
    message.resize(64 + fixed_size - 8, 0);
    message.extend_from_slice(&u32::try_from(64 + fixed_size).unwrap_or(u32::MAX).to_le_bytes());
    message.extend_from_slice(&u32::try_from(chain.len()).unwrap_or(u32::MAX).to_le_bytes());
    message.extend_from_slice(chain);
    message
}

pub fn run(chain: &[u8]) {
    let message = message_of(CreateRequest::STRUCTURE_SIZE, 56, chain);
    let found = CreateRequest::decode(&message).expect("a request");
    let good: Vec<_> = found.contexts.iter().map_while(Result::ok).collect();
    for context in &good {
        if let RequestContext::Apple(data) = context {
            let _ = AppleRequest::from_bytes(data);
        }
    }
    let again =
        message_bytes(&Smb2Header::default(), &CreateRequest { contexts: good.as_slice().into(), ..found });
    let again = CreateRequest::decode(&again).expect("what was encoded");
    assert_eq!(again.contexts.iter().collect::<Result<Vec<_>, _>>().as_deref(), Ok(good.as_slice()));
    assert!(found.contexts.raw().count() >= good.len());

    let message = message_of(CreateResponse::STRUCTURE_SIZE, 88, chain);
    let found = CreateResponse::decode(&message).expect("a response");
    let good: Vec<_> = found.contexts.iter().map_while(Result::ok).collect();
    let again =
        message_bytes(&Smb2Header::default(), &CreateResponse { contexts: good.as_slice().into(), ..found });
    let again = CreateResponse::decode(&again).expect("what was encoded");
    assert_eq!(again.contexts.iter().collect::<Result<Vec<_>, _>>().as_deref(), Ok(good.as_slice()));
}
