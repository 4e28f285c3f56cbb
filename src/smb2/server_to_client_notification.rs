//! [MS-SMB2] 2.2.44 SMB2 SERVER_TO_CLIENT_NOTIFICATION.

use freehold_dtyp::{DecodeError, Encode, Writer};

use super::message::{DecodeMessage, body};
use super::types::open_number;

open_number! {
    /// NotificationType of [MS-SMB2] 2.2.44.
    NotificationType(u32) {
        /// SmbNotifySessionClosed: [MS-SMB2] 2.2.44.1 SMB2_NOTIFY_SESSION_CLOSED follows.
        NOTIFY_SESSION_CLOSED = 0x0000_0000;
    }
}

/// [MS-SMB2] 2.2.44 SMB2 SERVER_TO_CLIENT_NOTIFICATION. The session is that of the header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServerToClientNotification {
    /// NotificationType.
    pub notification_type: NotificationType,
}

impl ServerToClientNotification {
    /// "MUST be set to 4" though NotificationType follows it: StructureSize (2), Reserved (2).
    pub const STRUCTURE_SIZE: u16 = 2 + 2;
}

impl<'a> DecodeMessage<'a> for ServerToClientNotification {
    fn decode(message: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = body(message, Self::STRUCTURE_SIZE)?;
        reader.skip("Reserved", 2)?;
        let notification_type = NotificationType(reader.u32("NotificationType")?);
        if notification_type == NotificationType::NOTIFY_SESSION_CLOSED {
            reader.skip("Notification", 4)?;
        }
        Ok(ServerToClientNotification { notification_type })
    }
}

impl Encode for ServerToClientNotification {
    fn encode(&self, writer: &mut Writer) {
        writer.u16(Self::STRUCTURE_SIZE);
        writer.u16(0);
        writer.u32(self.notification_type.0);
        if self.notification_type == NotificationType::NOTIFY_SESSION_CLOSED {
            writer.u32(0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::smb2::testing;
    use proptest::prelude::*;

    #[test]
    fn a_closed_session_is_told_in_twelve_bytes() {
        let closed =
            ServerToClientNotification { notification_type: NotificationType::NOTIFY_SESSION_CLOSED };
        assert_eq!(closed.to_bytes(), testing::hex("0400 0000 00000000 00000000"));
        assert_eq!(ServerToClientNotification::decode(&testing::message(&closed)), Ok(closed));
    }

    proptest! {
        #[test]
        fn any_bytes_are_judged_without_panic(message in testing::hostile(4)) {
            prop_assert!(ServerToClientNotification::decode(&message).is_err() || message.len() >= 72);
        }
    }
}
