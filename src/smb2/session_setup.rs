//! [MS-SMB2] 2.2.5 SMB2 SESSION_SETUP Request and 2.2.6 SMB2 SESSION_SETUP Response.

use freehold_dtyp::{DecodeError, Encode, Writer};

use super::message::{BodyStart, DecodeMessage, body, field, length16};
use super::types::{Capabilities, SecurityMode, SessionId, open_flags};

open_flags! {
    /// Flags of [MS-SMB2] 2.2.5.
    SessionSetupFlags(u8) {
        /// SMB2_SESSION_FLAG_BINDING: join this connection to an existing session.
        BINDING = 0x01;
    }
}

open_flags! {
    /// SessionFlags of [MS-SMB2] 2.2.6.
    SessionFlags(u16) {
        /// SMB2_SESSION_FLAG_IS_GUEST
        IS_GUEST = 0x0001;
        /// SMB2_SESSION_FLAG_IS_NULL
        IS_NULL = 0x0002;
        /// SMB2_SESSION_FLAG_ENCRYPT_DATA
        ENCRYPT_DATA = 0x0004;
    }
}

/// [MS-SMB2] 2.2.5 SMB2 SESSION_SETUP Request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionSetupRequest<'a> {
    /// Flags; reserved before 3.x.
    pub flags: SessionSetupFlags,
    /// SecurityMode; one byte on the wire.
    pub security_mode: SecurityMode,
    /// Capabilities (only DFS has a meaning here).
    pub capabilities: Capabilities,
    /// A session of the same user that this one replaces; `NONE` for none.
    pub previous_session_id: SessionId,
    /// The token of the security package.
    pub security_buffer: &'a [u8],
}

impl SessionSetupRequest<'_> {
    /// StructureSize (2), Flags (1), SecurityMode (1), Capabilities (4), Channel (4), SecurityBufferOffset (2),
    /// SecurityBufferLength (2), PreviousSessionId (8), one byte of Buffer.
    pub const STRUCTURE_SIZE: u16 = 2 + 1 + 1 + 4 + 4 + 2 + 2 + 8 + 1;
}

impl<'a> DecodeMessage<'a> for SessionSetupRequest<'a> {
    fn decode(message: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = body(message, Self::STRUCTURE_SIZE)?;
        let flags = SessionSetupFlags::from(reader.u8("Flags")?);
        let security_mode = SecurityMode::from(u16::from(reader.u8("SecurityMode")?));
        let capabilities = Capabilities::from(reader.u32("Capabilities")?);
        reader.skip("Channel", 4)?;
        let offset = reader.u16("SecurityBufferOffset")?;
        let length = reader.u16("SecurityBufferLength")?;
        let previous_session_id = SessionId(reader.u64("PreviousSessionId")?);
        let security_buffer = field(message, "SecurityBuffer", offset, length)?;
        Ok(SessionSetupRequest { flags, security_mode, capabilities, previous_session_id, security_buffer })
    }
}

impl Encode for SessionSetupRequest<'_> {
    fn encode(&self, writer: &mut Writer) {
        const BUFFER_OFFSET: u16 = 64 + SessionSetupRequest::STRUCTURE_SIZE - 1;
        let start = BodyStart::new(writer, Self::STRUCTURE_SIZE);
        writer.u8(self.flags.bits());
        let [security_mode, _] = self.security_mode.bits().to_le_bytes();
        writer.u8(security_mode);
        writer.u32(self.capabilities.bits());
        writer.u32(0);
        writer.u16(BUFFER_OFFSET);
        writer.u16(length16(self.security_buffer.len()));
        writer.u64(self.previous_session_id.0);
        writer.bytes(self.security_buffer);
        start.fill_odd_size(writer, 24);
    }
}

/// [MS-SMB2] 2.2.6 SMB2 SESSION_SETUP Response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionSetupResponse<'a> {
    /// SessionFlags.
    pub session_flags: SessionFlags,
    /// The token of the security package; may be empty.
    pub security_buffer: &'a [u8],
}

impl SessionSetupResponse<'_> {
    /// StructureSize (2), SessionFlags (2), SecurityBufferOffset (2), SecurityBufferLength (2), one byte of Buffer.
    pub const STRUCTURE_SIZE: u16 = 2 + 2 + 2 + 2 + 1;
}

impl<'a> DecodeMessage<'a> for SessionSetupResponse<'a> {
    fn decode(message: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = body(message, Self::STRUCTURE_SIZE)?;
        let session_flags = SessionFlags::from(reader.u16("SessionFlags")?);
        let offset = reader.u16("SecurityBufferOffset")?;
        let length = reader.u16("SecurityBufferLength")?;
        let security_buffer = field(message, "SecurityBuffer", offset, length)?;
        Ok(SessionSetupResponse { session_flags, security_buffer })
    }
}

impl Encode for SessionSetupResponse<'_> {
    fn encode(&self, writer: &mut Writer) {
        const BUFFER_OFFSET: u16 = 64 + SessionSetupResponse::STRUCTURE_SIZE - 1;
        let start = BodyStart::new(writer, Self::STRUCTURE_SIZE);
        writer.u16(self.session_flags.bits());
        writer.u16(BUFFER_OFFSET);
        writer.u16(length16(self.security_buffer.len()));
        writer.bytes(self.security_buffer);
        start.fill_odd_size(writer, 8);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::smb2::testing;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn requests_round_trip(flags: u8, mode: u8, capabilities: u32, previous: u64, token in testing::blob(200)) {
            let request = SessionSetupRequest {
                flags: flags.into(),
                security_mode: u16::from(mode).into(),
                capabilities: capabilities.into(),
                previous_session_id: SessionId(previous),
                security_buffer: &token,
            };
            let message = testing::message(&request);
            prop_assert_eq!(SessionSetupRequest::decode(&message), Ok(request));
        }

        #[test]
        fn responses_round_trip(flags: u16, token in testing::blob(200)) {
            let response = SessionSetupResponse { session_flags: flags.into(), security_buffer: &token };
            let message = testing::message(&response);
            prop_assert_eq!(SessionSetupResponse::decode(&message), Ok(response));
        }

        #[test]
        fn any_bytes_are_judged_without_panic(request in testing::hostile(25), response in testing::hostile(9)) {
            if let Ok(found) = SessionSetupRequest::decode(&request) {
                prop_assert!(found.security_buffer.len() < request.len());
            }
            if let Ok(found) = SessionSetupResponse::decode(&response) {
                prop_assert!(found.security_buffer.len() < response.len());
            }
        }
    }

    /// The fixed part of the request of [MS-SMB2] 4.1, its token replaced by four bytes.
    #[test]
    fn the_layout_is_that_of_the_specification() {
        let mut message = testing::message(&SessionSetupResponse {
            session_flags: SessionFlags::empty(),
            security_buffer: &[],
        });
        message.truncate(64);
        message.extend(testing::hex("1900 00 01 01000000 00000000 5800 0400 0000000000000000 4e544c4d"));
        let request = SessionSetupRequest {
            flags: SessionSetupFlags::empty(),
            security_mode: SecurityMode::SIGNING_ENABLED,
            capabilities: Capabilities::DFS,
            previous_session_id: SessionId::NONE,
            security_buffer: b"NTLM",
        };
        assert_eq!(SessionSetupRequest::decode(&message), Ok(request));
        assert_eq!(request.to_bytes(), message[64..]);
    }

    #[test]
    fn an_empty_response_has_nine_bytes() {
        let response = SessionSetupResponse { session_flags: SessionFlags::empty(), security_buffer: &[] };
        assert_eq!(response.to_bytes(), testing::hex("0900 0000 4800 0000 00"));
    }
}
