//! [MS-SMB2] 2.2.28 SMB2 ECHO Request and 2.2.29 SMB2 ECHO Response.

use freehold_dtyp::{DecodeError, Encode, Writer};

use super::logoff::empty_message;
use super::message::{DecodeMessage, body};

empty_message! {
    /// [MS-SMB2] 2.2.28 SMB2 ECHO Request.
    EchoRequest
}

empty_message! {
    /// [MS-SMB2] 2.2.29 SMB2 ECHO Response.
    EchoResponse
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::smb2::testing;

    #[test]
    fn requests_and_responses_round_trip() {
        assert_eq!(EchoRequest::decode(&testing::message(&EchoRequest)), Ok(EchoRequest));
        assert_eq!(EchoResponse::decode(&testing::message(&EchoResponse)), Ok(EchoResponse));
    }

    #[test]
    fn another_structure_size_is_refused() {
        let mut message = testing::message(&EchoRequest);
        message[64] = 5;
        assert!(EchoRequest::decode(&message).is_err_and(|error| error.field == "StructureSize"));
    }
}
