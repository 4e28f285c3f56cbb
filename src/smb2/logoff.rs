//! [MS-SMB2] 2.2.7 SMB2 LOGOFF Request and 2.2.8 SMB2 LOGOFF Response.

use freehold_dtyp::{DecodeError, Encode, Writer};

use super::message::{DecodeMessage, body};

/// Defines a message that holds nothing but StructureSize (4) and Reserved.
macro_rules! empty_message {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct $name;

        impl $name {
            /// StructureSize (2), Reserved (2).
            pub const STRUCTURE_SIZE: u16 = 2 + 2;
        }

        impl<'a> DecodeMessage<'a> for $name {
            #[inline]
            fn decode(message: &'a [u8]) -> Result<Self, DecodeError> {
                body(message, Self::STRUCTURE_SIZE)?.u16("Reserved")?;
                Ok($name)
            }
        }

        impl Encode for $name {
            #[inline]
            fn encode(&self, writer: &mut Writer) {
                writer.u16(Self::STRUCTURE_SIZE);
                writer.u16(0);
            }
        }
    };
}

pub(crate) use empty_message;

empty_message! {
    /// [MS-SMB2] 2.2.7 SMB2 LOGOFF Request.
    LogoffRequest
}

empty_message! {
    /// [MS-SMB2] 2.2.8 SMB2 LOGOFF Response.
    LogoffResponse
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::smb2::testing;
    use freehold_dtyp::DecodeReason;
    use proptest::prelude::*;

    #[test]
    fn four_bytes_each_way() {
        for bytes in [LogoffRequest.to_bytes(), LogoffResponse.to_bytes()] {
            assert_eq!(bytes, [4, 0, 0, 0]);
        }
        assert_eq!(LogoffRequest::decode(&testing::message(&LogoffRequest)), Ok(LogoffRequest));
    }

    #[test]
    fn a_body_without_reserved_is_cut_short() {
        let mut message = testing::message(&LogoffRequest);
        message.truncate(66);
        assert_eq!(
            LogoffRequest::decode(&message),
            Err(DecodeError { field: "Reserved", reason: DecodeReason::Truncated, offset: 66 })
        );
    }

    proptest! {
        #[test]
        fn any_bytes_are_judged_without_panic(message in testing::hostile(4)) {
            prop_assert_eq!(LogoffRequest::decode(&message).is_ok(), message.get(64..68).is_some_and(|b| b[..2] == [4, 0]));
        }
    }
}
