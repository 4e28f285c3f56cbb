//! [MS-SMB2] 2.2.30 SMB2 CANCEL Request. It has no response.

use freehold_dtyp::{DecodeError, Encode, Writer};

use super::logoff::empty_message;
use super::message::{DecodeMessage, body};

empty_message! {
    /// [MS-SMB2] 2.2.30 SMB2 CANCEL Request: what to cancel stands in the header, as AsyncId or MessageId.
    CancelRequest
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::smb2::testing;

    #[test]
    fn requests_round_trip() {
        assert_eq!(CancelRequest::decode(&testing::message(&CancelRequest)), Ok(CancelRequest));
        assert_eq!(CancelRequest.to_bytes(), [4, 0, 0, 0]);
    }
}
