//! Every message body of [MS-SMB2] 2.2, both directions: the input is a body whose StructureSize is set to what
//! each decoder wants.

use freehold::smb2::{
    DecodeMessage, Smb2Header, cancel, change_notify, close, create, echo, error, flush, ioctl, lock, logoff,
    message_bytes, negotiate, oplock_break, query_directory, query_info, read, server_to_client_notification,
    session_setup, set_info, smb1_negotiate, tree_connect, tree_disconnect, write,
};
use freehold_dtyp::{Encode, NtStatus};

fn message_of(header: &Smb2Header, body: &[u8], structure_size: u16) -> Vec<u8> {
    let mut message = header.encode().to_vec();
    message.extend_from_slice(&structure_size.to_le_bytes());
    message.extend_from_slice(body);
    message
}

/// What was read encodes to something that is read as the same.
macro_rules! round_trip {
    ($body:expr, $($type:ty),* $(,)?) => {$(
        let message = message_of(&Smb2Header::default(), $body, <$type>::STRUCTURE_SIZE);
        if let Ok(found) = <$type>::decode(&message) {
            let again = message_bytes(&Smb2Header::default(), &found);
            assert_eq!(<$type>::decode(&again).as_ref(), Ok(&found));
        }
    )*};
}

pub fn run(body: &[u8]) {
    round_trip!(
        body,
        session_setup::SessionSetupRequest<'_>,
        session_setup::SessionSetupResponse<'_>,
        logoff::LogoffRequest,
        logoff::LogoffResponse,
        tree_connect::TreeConnectResponse,
        tree_disconnect::TreeDisconnectRequest,
        tree_disconnect::TreeDisconnectResponse,
        close::CloseRequest,
        close::CloseResponse,
        flush::FlushRequest,
        flush::FlushResponse,
        read::ReadRequest<'_>,
        write::WriteResponse,
        lock::LockRequest<'_>,
        lock::LockResponse,
        ioctl::IoctlRequest<'_>,
        ioctl::IoctlResponse<'_>,
        cancel::CancelRequest,
        echo::EchoRequest,
        echo::EchoResponse,
        query_directory::QueryDirectoryRequest<'_>,
        query_directory::QueryDirectoryResponse<'_>,
        change_notify::ChangeNotifyRequest,
        change_notify::ChangeNotifyResponse<'_>,
        query_info::QueryInfoRequest<'_>,
        query_info::QueryInfoResponse<'_>,
        set_info::SetInfoRequest<'_>,
        set_info::SetInfoResponse,
        oplock_break::OplockBreak,
        oplock_break::LeaseBreak,
        oplock_break::LeaseBreakNotification,
        server_to_client_notification::ServerToClientNotification,
    );

    let plain = Smb2Header::default();
    let message = message_of(&plain, body, write::WriteRequest::STRUCTURE_SIZE);
    if let Ok(found) = write::WriteRequest::decode(&message) {
        assert_eq!(message.get(found.data_range()), Some(found.data));
        let again = message_bytes(&plain, &found);
        let again = write::WriteRequest::decode(&again).expect("what was encoded");
        assert_eq!(write::WriteRequest { data_message_offset: found.data_message_offset, ..again }, found);
    }

    let message = message_of(&plain, body, read::ReadResponse::STRUCTURE_SIZE);
    if let Ok((found, data)) = read::ReadResponse::decode_with_data(&message) {
        let mut again = message_bytes(&plain, &found);
        again.extend_from_slice(data);
        assert_eq!(read::ReadResponse::decode_with_data(&again), Ok((found, data)));
    }

    // Chains inside are walked when asked for; only whole ones come back the same.
    let message = message_of(&plain, body, negotiate::NegotiateRequest::STRUCTURE_SIZE);
    if let Ok(found) = negotiate::NegotiateRequest::decode(&message)
        && found.contexts.iter().all(|context| context.is_ok())
    {
        let again = message_bytes(&plain, &found);
        assert_eq!(negotiate::NegotiateRequest::decode(&again).as_ref(), Ok(&found));
    }
    let message = message_of(&plain, body, negotiate::NegotiateResponse::STRUCTURE_SIZE);
    if let Ok(found) = negotiate::NegotiateResponse::decode(&message)
        && found.contexts.iter().all(|context| context.is_ok())
    {
        let again = message_bytes(&plain, &found);
        assert_eq!(negotiate::NegotiateResponse::decode(&again).as_ref(), Ok(&found));
    }
    let message = message_of(&plain, body, tree_connect::TreeConnectRequest::STRUCTURE_SIZE);
    if let Ok(found) = tree_connect::TreeConnectRequest::decode(&message)
        && found.contexts.iter().all(|context| context.is_ok())
    {
        let again = message_bytes(&plain, &found);
        assert_eq!(tree_connect::TreeConnectRequest::decode(&again).as_ref(), Ok(&found));
    }
    let message = message_of(&plain, body, create::CreateRequest::STRUCTURE_SIZE);
    if let Ok(found) = create::CreateRequest::decode(&message)
        && found.contexts.iter().all(|context| context.is_ok())
    {
        let again = message_bytes(&plain, &found);
        assert_eq!(create::CreateRequest::decode(&again).as_ref(), Ok(&found));
    }
    let message = message_of(&plain, body, create::CreateResponse::STRUCTURE_SIZE);
    if let Ok(found) = create::CreateResponse::decode(&message)
        && found.contexts.iter().all(|context| context.is_ok())
    {
        let again = message_bytes(&plain, &found);
        assert_eq!(create::CreateResponse::decode(&again).as_ref(), Ok(&found));
    }

    for status in [NtStatus::ACCESS_DENIED, NtStatus::STOPPED_ON_SYMLINK, NtStatus::BUFFER_TOO_SMALL] {
        let header = Smb2Header { status, ..Smb2Header::default() };
        let message = message_of(&header, body, error::ErrorResponse::STRUCTURE_SIZE);
        if let Ok(found) = error::ErrorResponse::decode(&message) {
            let again = message_bytes(&header, &found);
            let again = error::ErrorResponse::decode(&again).expect("what was encoded");
            assert_eq!(again.data, found.data);
        }
    }

    if let Ok(found) = query_info::QueryQuotaInfo::decode(body) {
        assert_eq!(query_info::QueryQuotaInfo::decode(&found.to_bytes()), Ok(found));
    }
    if let Ok(found) = smb1_negotiate::Smb1NegotiateRequest::decode(body) {
        assert_eq!(smb1_negotiate::Smb1NegotiateRequest::decode(&found.to_bytes()), Ok(found));
    }
}
