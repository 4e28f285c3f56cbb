//! [MS-SMB2] 2.2.11 SMB2 TREE_DISCONNECT Request and 2.2.12 SMB2 TREE_DISCONNECT Response.

use freehold_dtyp::{DecodeError, Encode, Writer};

use super::logoff::empty_message;
use super::message::{DecodeMessage, body};

empty_message! {
    /// [MS-SMB2] 2.2.11 SMB2 TREE_DISCONNECT Request.
    TreeDisconnectRequest
}

empty_message! {
    /// [MS-SMB2] 2.2.12 SMB2 TREE_DISCONNECT Response.
    TreeDisconnectResponse
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::smb2::testing;

    #[test]
    fn requests_and_responses_round_trip() {
        assert_eq!(
            TreeDisconnectRequest::decode(&testing::message(&TreeDisconnectRequest)),
            Ok(TreeDisconnectRequest)
        );
        assert_eq!(
            TreeDisconnectResponse::decode(&testing::message(&TreeDisconnectResponse)),
            Ok(TreeDisconnectResponse)
        );
    }

    #[test]
    fn another_structure_size_is_refused() {
        let mut message = testing::message(&TreeDisconnectRequest);
        message[64] = 5;
        assert!(TreeDisconnectRequest::decode(&message).is_err_and(|error| error.field == "StructureSize"));
    }
}
