//! [MS-SMB2] 2.2.3.1: the input is the list of contexts of a 3.1.1 NEGOTIATE request, their number in front.

use freehold::smb2::negotiate::NegotiateRequest;
use freehold::smb2::{Capabilities, DecodeMessage, Dialect, SecurityMode, Smb2Header, message_bytes};
use freehold_dtyp::Guid;

/// Where NegotiateContextCount stands and where the list starts when one dialect is offered.
const COUNT_OFFSET: usize = 64 + 32;
const LIST_OFFSET: usize = 104;

pub fn run(input: &[u8]) {
    let Some((count, list)) = input.split_first_chunk::<2>() else {
        return;
    };
    let request = NegotiateRequest {
        security_mode: SecurityMode::empty(),
        capabilities: Capabilities::empty(),
        client_guid: Guid::ZERO,
        dialects: (&[Dialect::SMB_3_1_1]).into(),
        contexts: (&[]).into(),
    };
    let mut message = message_bytes(&Smb2Header::default(), &request);
    message.resize(LIST_OFFSET, 0);
    message[COUNT_OFFSET..][..2].copy_from_slice(count);
    message.extend_from_slice(list);
    let found = NegotiateRequest::decode(&message).expect("a request");
    let good: Vec<_> = found.contexts.iter().map_while(Result::ok).collect();
    assert!(good.len() <= list.len() / 8 + 1);
    let again = message_bytes(
        &Smb2Header::default(),
        &NegotiateRequest { contexts: good.as_slice().into(), ..found },
    );
    let again = NegotiateRequest::decode(&again).expect("what was encoded");
    assert_eq!(again.contexts.iter().collect::<Result<Vec<_>, _>>().as_deref(), Ok(good.as_slice()));
}
