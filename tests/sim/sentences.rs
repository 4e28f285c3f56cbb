//! Single sentences of [MS-SMB2] 3.3.5, each by the request that it speaks of, built by hand where no client sends it.

use std::sync::Arc;

use freehold::client::Protection;
use freehold::crypto::Cipher;
use freehold::proto::admit::Disconnect;
use freehold::proto::persistent::PersistentStore;
use freehold::smb2::create::ImpersonationLevel;
use freehold::smb2::create_context::{DurableHandleV2Flags, Lease, RequestContext};
use freehold::smb2::echo::EchoRequest;
use freehold::smb2::negotiate::{NegotiateRequest, NegotiateResponse};
use freehold::smb2::negotiate_context::{
    CompressionAlgorithm, CompressionFlags, HashAlgorithm, NegotiateContext, NegotiateContexts,
    RdmaTransform, SigningAlgorithm,
};
use freehold::smb2::oplock_break::{LeaseBreak, OplockBreak, OplockBreakAcknowledgment};
use freehold::smb2::session_setup::{SessionSetupFlags, SessionSetupRequest};
use freehold::smb2::tree_connect::{TreeConnectContexts, TreeConnectFlags, TreeConnectRequest};
use freehold::smb2::{
    Capabilities, Command, DecodeMessage, Dialect, FileId, HeaderFlags, LeaseState, List, OplockLevel,
    SecurityMode, SessionId, Smb2Header, TreeId, Utf16Buf, message_bytes,
};
use freehold_dtyp::NtStatus;

use crate::world::{Manner, PASSWORD, World};

use crate::desk::{Ask, Blob, Desk, Forgetful, KEY, any_guid, close_of, set_flag, set_session};

/// 3.3.5.2.2: "If the request being received is not an SMB2 NEGOTIATE Request ..., the server MUST disconnect the connection
/// ... and send no reply."
#[test]
fn nothing_but_negotiate_begins_a_connection() {
    let mut world = World::new(1);
    world.tolerant = true;
    for command in [Command::ECHO, Command::SESSION_SETUP, Command::CANCEL, Command::READ] {
        let id = world.connect();
        let (packet, _) = world.clients[id].client.request(command, TreeId(1), &EchoRequest, 1);
        world.deliver(id, &packet);
        assert_eq!(world.clients[id].dropped, Some(Disconnect::Negotiate), "{command:?}");
        assert_eq!(world.next_packet(id), None, "{command:?}");
    }
}

/// 3.3.5.2.4: "If the SMB2 header of the SMB2 NEGOTIATE request has the SMB2_FLAGS_SIGNED bit set ..., the server MUST fail
/// the request with STATUS_INVALID_PARAMETER."
#[test]
fn a_signed_negotiate_is_refused_and_settles_nothing() {
    let mut world = World::new(1);
    let id = world.connect();
    let mut packet = world.clients[id].client.negotiate();
    let clean = packet.clone();
    set_flag(&mut packet, 0, HeaderFlags::SIGNED);
    world.deliver(id, &packet);
    let reply = world.next_packet(id).expect("a reply");
    assert_eq!(Smb2Header::decode(&reply).unwrap().status, NtStatus::INVALID_PARAMETER);
    assert!(world.is_connected(id));
    // The next one is message 1.
    let mut again = clean;
    again[Smb2Header::MESSAGE_ID_OFFSET] = 1;
    world.deliver(id, &again);
    let reply = world.next_packet(id).expect("a reply");
    assert_eq!(Smb2Header::decode(&reply).unwrap().status, NtStatus::SUCCESS);
}

/// 3.3.5.5: "if ... Connection.Dialect is equal to "2.0.2" or "2.1" ..., and SMB2_SESSION_FLAG_BINDING bit is set ..., the server
/// SHOULD fail the session setup request with STATUS_REQUEST_NOT_ACCEPTED", whether there is such a session (Windows 8.1 and later).
#[test]
fn nothing_is_bound_before_3_0() {
    let mut desk = Desk::new();
    desk.usual(1, "data");
    let there = desk.world.clients[0].client.session().0;
    let bind = SessionSetupRequest {
        flags: SessionSetupFlags::BINDING,
        security_mode: SecurityMode::SIGNING_ENABLED,
        capabilities: Capabilities::empty(),
        previous_session_id: SessionId::NONE,
        security_buffer: &[],
    };
    for (dialect, session, expected) in [
        (Dialect::SMB_2_0_2, 0x0BAD_5E55, NtStatus::REQUEST_NOT_ACCEPTED),
        (Dialect::SMB_2_1, 0x0BAD_5E55, NtStatus::REQUEST_NOT_ACCEPTED),
        (Dialect::SMB_2_1, there, NtStatus::REQUEST_NOT_ACCEPTED),
        (Dialect::SMB_3_0, 0x0BAD_5E55, NtStatus::USER_SESSION_DELETED),
        (Dialect::SMB_3_0, there, NtStatus::INVALID_PARAMETER),
    ] {
        let manner = Manner { dialect, ..Manner::default() };
        let id = desk.world.connect_with("user", PASSWORD, manner);
        let packet = desk.world.clients[id].client.negotiate();
        desk.world.deliver(id, &packet);
        let mut reply = desk.world.next_packet(id).expect("a reply");
        desk.world.clients[id].client.on_negotiate(&mut reply).unwrap();
        let (mut packet, _) =
            desk.world.clients[id].client.request(Command::SESSION_SETUP, TreeId(0), &bind, 1);
        set_session(&mut packet, 0, session);
        desk.world.deliver(id, &packet);
        let reply = desk.world.next_packet(id).expect("a reply");
        assert_eq!(Smb2Header::decode(&reply).unwrap().status, expected, "{dialect:?} {session:#x}");
        desk.world.disconnect(id);
    }
}

/// 3.3.5.2.6: the server must disconnect where "the Command code in the SMB2 header does not match one of the command codes".
#[test]
fn a_command_that_does_not_exist_ends_the_connection() {
    let mut desk = Desk::new();
    desk.world.tolerant = true;
    for command in [Command(0x14), Command(0xFF), Command(0xFFFF)] {
        let at = desk.usual(1, "data");
        let (packet, message) = desk.packet(at, command, &EchoRequest, 1);
        desk.post(at, packet, &[(message, command)]);
        assert_eq!(desk.dropped(at), Some(Disconnect::Command), "{command:?}");
    }
    // What the server sends is a command, too, but no request.
    let at = desk.usual(1, "data");
    assert_eq!(
        desk.status(at, Command::SERVER_TO_CLIENT_NOTIFICATION, &EchoRequest),
        NtStatus::INVALID_PARAMETER
    );
    // Behind another request it is refused: that one is answered.
    let (mut packet, first) = desk.packet(at, Command::ECHO, &EchoRequest, 1);
    let (_, second) = desk.append(at, &mut packet, Command(0xFF), &EchoRequest, false);
    desk.post(at, packet, &[(first, Command::ECHO), (second, Command(0xFF))]);
    assert_eq!(desk.reply(at, first).unwrap().header.status, NtStatus::SUCCESS);
    assert_eq!(desk.reply(at, second).unwrap().header.status, NtStatus::INVALID_PARAMETER);
    assert_eq!(desk.status(at, Command::ECHO, &EchoRequest), NtStatus::SUCCESS);
    desk.finish();
}

/// 3.3.5.2: a command other than READ, WRITE, IOCTL, QUERY_DIRECTORY, CHANGE_NOTIFY, QUERY_INFO, or SET_INFO whose request is
/// greater than 68*1024 bytes ends the connection; without multi-credit requests any does.
#[test]
fn a_request_longer_than_its_command_can_be_ends_the_connection() {
    const MOST: usize = 68 * 1024 - Smb2Header::SIZE;
    let mut desk = Desk::new();
    desk.world.tolerant = true;
    let at = desk.usual(1, "data");
    assert_eq!(desk.status(at, Command::CREATE, &Blob(MOST)), NtStatus::INVALID_PARAMETER);
    let (packet, message) = desk.packet(at, Command::CREATE, &Blob(MOST + 1), 1);
    desk.post(at, packet, &[(message, Command::CREATE)]);
    assert_eq!(desk.dropped(at), Some(Disconnect::TooLong));

    let at = desk.usual(2, "data");
    assert_eq!(desk.status(at, Command::SET_INFO, &Blob(MOST + 1)), NtStatus::INVALID_PARAMETER);

    let old = Manner { dialect: Dialect::SMB_2_0_2, ..Manner::default() };
    let at = desk.join(old, any_guid(3), "data");
    assert_eq!(desk.status(at, Command::SET_INFO, &Blob(MOST)), NtStatus::INVALID_PARAMETER);
    let (packet, message) = desk.packet(at, Command::SET_INFO, &Blob(MOST + 1), 1);
    desk.post(at, packet, &[(message, Command::SET_INFO)]);
    assert_eq!(desk.dropped(at), Some(Disconnect::TooLong));
    desk.finish();
}

/// 3.3.5.2.3: CreditCharge counts "If Connection.SupportsMultiCredit is TRUE". In 2.0.2 the field is reserved.
#[test]
fn the_reserved_field_of_2_0_2_uses_no_message_ids() {
    let mut desk = Desk::new();
    let old = Manner { dialect: Dialect::SMB_2_0_2, ..Manner::default() };
    let at = desk.join(old, any_guid(1), "data");
    for _ in 0..3 {
        let (mut packet, message) = desk.packet(at, Command::ECHO, &EchoRequest, 1);
        packet[6..8].copy_from_slice(&[0xFF, 0xFF]);
        desk.post(at, packet, &[(message, Command::ECHO)]);
        assert_eq!(desk.reply(at, message).unwrap().header.status, NtStatus::SUCCESS);
    }
    desk.finish();
}

/// 3.3.5.2.1.1: the first request of a sealed message is of the session that sealed it and related to nothing; so is every
/// other one that is not related. Else "the server MUST disconnect the connection".
#[test]
fn what_is_sealed_is_of_the_session_that_sealed_it() {
    let mut desk = Desk::new();
    desk.world.tolerant = true;
    let sealed = Manner { protection: Protection::Sealed(Cipher::Aes128Gcm), ..Manner::default() };
    let other = desk.join(sealed, any_guid(9), "data");
    let other_session = desk.world.clients[desk.clients[other].0].client.session().0;

    for session in [other_session, 0, u64::MAX, 0x1234_5678] {
        let at = desk.join(sealed, any_guid(1), "data");
        let (mut packet, message) = desk.packet(at, Command::ECHO, &EchoRequest, 1);
        set_session(&mut packet, 0, session);
        desk.post(at, packet, &[(message, Command::ECHO)]);
        assert_eq!(desk.dropped(at), Some(Disconnect::Transform), "{session:#x}");
    }

    let at = desk.join(sealed, any_guid(2), "data");
    let (mut packet, message) = desk.packet(at, Command::ECHO, &EchoRequest, 1);
    set_flag(&mut packet, 0, HeaderFlags::RELATED_OPERATIONS);
    desk.post(at, packet, &[(message, Command::ECHO)]);
    assert_eq!(desk.dropped(at), Some(Disconnect::Transform), "related to nothing");

    let at = desk.join(sealed, any_guid(3), "data");
    let (mut packet, first) = desk.packet(at, Command::ECHO, &EchoRequest, 1);
    let (start, second) = desk.append(at, &mut packet, Command::ECHO, &EchoRequest, false);
    set_session(&mut packet, start, other_session);
    desk.post(at, packet, &[(first, Command::ECHO), (second, Command::ECHO)]);
    assert_eq!(desk.dropped(at), Some(Disconnect::Transform), "the second one's session");

    let at = desk.join(sealed, any_guid(4), "data");
    let (mut packet, first) = desk.packet(at, Command::ECHO, &EchoRequest, 1);
    let (start, second) = desk.append(at, &mut packet, Command::ECHO, &EchoRequest, true);
    set_session(&mut packet, start, u64::MAX);
    desk.post(at, packet, &[(first, Command::ECHO), (second, Command::ECHO)]);
    assert_eq!(desk.reply(at, first).unwrap().header.status, NtStatus::SUCCESS);
    assert_eq!(desk.reply(at, second).unwrap().header.status, NtStatus::SUCCESS, "related: all ones");
    desk.finish();
}

/// 3.3.5.2.4: a signed request whose session "is not found ... MUST be failed ... with the error code
/// STATUS_USER_SESSION_DELETED", also one that needs no session.
#[test]
fn a_signature_of_no_session_is_refused() {
    let mut desk = Desk::new();
    let clear = Manner { protection: Protection::Clear, ..Manner::default() };
    desk.world = World::with_signing(3, false);
    let id = desk.world.connect();
    let mut packet = desk.world.clients[id].client.negotiate();
    desk.world.deliver(id, &packet);
    packet = desk.world.next_packet(id).expect("a reply");
    desk.world.clients[id].client.on_negotiate(&mut packet).unwrap();
    let mut packet = desk.world.clients[id].client.session_setup();
    set_flag(&mut packet, 0, HeaderFlags::SIGNED);
    desk.world.deliver(id, &packet);
    let reply = desk.world.next_packet(id).expect("a reply");
    assert_eq!(Smb2Header::decode(&reply).unwrap().status, NtStatus::USER_SESSION_DELETED, "a logon");
    desk.world.disconnect(id);

    let at = desk.join(clear, any_guid(1), "data");
    for (signed, expected) in [(true, NtStatus::USER_SESSION_DELETED), (false, NtStatus::SUCCESS)] {
        let (mut packet, message) = desk.packet(at, Command::ECHO, &EchoRequest, 1);
        set_session(&mut packet, 0, 0x0BAD_5E55);
        if signed {
            set_flag(&mut packet, 0, HeaderFlags::SIGNED);
        }
        desk.post(at, packet, &[(message, Command::ECHO)]);
        assert_eq!(desk.reply(at, message).unwrap().header.status, expected, "signed: {signed}");
    }
    desk.finish();
}

/// 3.3.5.2.7.2: "When the current operation requires a FileId, and if the previous operation neither contains nor generates a
/// FileId, the server MUST fail the current operation and all subsequent operations with STATUS_INVALID_HANDLE."
#[test]
fn a_related_request_without_a_file_before_it_has_an_invalid_handle() {
    let mut desk = Desk::new();
    let at = desk.usual(1, "data");
    let (mut packet, first) = desk.packet(at, Command::ECHO, &EchoRequest, 1);
    let mut requests = vec![(first, Command::ECHO)];
    for _ in 0..2 {
        let (_, message) = desk.append(at, &mut packet, Command::CLOSE, &close_of(FileId::ANY), true);
        requests.push((message, Command::CLOSE));
    }
    desk.post(at, packet, &requests);
    let statuses: Vec<_> =
        requests.iter().map(|(message, _)| desk.reply(at, *message).unwrap().header.status).collect();
    assert_eq!(statuses, [NtStatus::SUCCESS, NtStatus::INVALID_HANDLE, NtStatus::INVALID_HANDLE]);
    // A request that is related to nothing names an open that is not there.
    assert_eq!(desk.status(at, Command::CLOSE, &close_of(FileId::ANY)), NtStatus::FILE_CLOSED);
    // One that follows a file which is not there has that file.
    let gone = FileId { persistent: 77, volatile: 77 };
    let (mut packet, first) = desk.packet(at, Command::CLOSE, &close_of(gone), 1);
    let (_, second) = desk.append(at, &mut packet, Command::CLOSE, &close_of(FileId::ANY), true);
    desk.post(at, packet, &[(first, Command::CLOSE), (second, Command::CLOSE)]);
    assert_eq!(desk.reply(at, first).unwrap().header.status, NtStatus::FILE_CLOSED);
    assert_eq!(desk.reply(at, second).unwrap().header.status, NtStatus::FILE_CLOSED);
    desk.finish();
}

/// 3.3.5.22.2: "there is an Open in Lease.LeaseOpens where Open.IsReplayEligible is TRUE, the server MUST set
/// Open.IsReplayEligible to FALSE."
#[test]
fn who_acknowledges_the_break_of_a_lease_knows_its_file() {
    let mut desk = Desk::new();
    let (first, second) = (desk.usual(1, "data"), desk.usual(2, "data"));
    let ask = Ask::new("f").lease(7).guid(DurableHandleV2Flags::empty());
    let got = desk.create(first, &ask).unwrap();
    let waits = desk.send_create(second, &Ask::new("f"), false);
    assert_eq!(desk.replay(first, &ask).unwrap().id, got.id, "nothing was done with it");
    let lease_state = LeaseState::from_bits_retain(3);
    let acknowledgment = OplockBreakAcknowledgment::Lease(LeaseBreak { lease_key: KEY, lease_state });
    assert_eq!(desk.status(first, Command::OPLOCK_BREAK, &acknowledgment), NtStatus::SUCCESS);
    desk.created(second, waits).unwrap();
    let again = desk.replay(first, &ask).unwrap();
    assert_ne!(again.id, got.id, "its first request's answer has come: this is another open");
    desk.finish();
}

/// 3.3.5.9: a replay for a persistent open that does not ask for one is INVALID_PARAMETER.
#[test]
fn a_replay_for_a_persistent_open_says_so() {
    let mut desk = Desk::new();
    let _ = desk.world.server.persistent.set(Arc::new(Forgetful) as Arc<dyn PersistentStore>);
    let at = desk.usual(1, "available");
    let persistent = Ask::new("f").guid(DurableHandleV2Flags::PERSISTENT);
    let got = desk.create(at, &persistent).unwrap();
    let other = Ask::new("f").guid(DurableHandleV2Flags::empty());
    assert_eq!(desk.replay(at, &other).unwrap_err(), NtStatus::INVALID_PARAMETER);
    assert_eq!(desk.replay(at, &persistent).unwrap().id, got.id);
    desk.finish();
}

/// 3.3.5.9: "When opening a named pipe, if the ImpersonationLevel level is Delegate, the server MUST fail the request with
/// STATUS_BAD_IMPERSONATION_LEVEL."
#[test]
fn a_pipe_is_opened_by_nobody_who_delegates() {
    let mut desk = Desk::new();
    let at = desk.usual(1, "IPC$");
    let pipe = Ask { access: 0x0012_019F, ..Ask::new("srvsvc") };
    let delegated = Ask { impersonation: ImpersonationLevel::DELEGATE, ..pipe.clone() };
    assert_eq!(desk.create(at, &delegated).unwrap_err(), NtStatus::BAD_IMPERSONATION_LEVEL);
    desk.create(at, &pipe).unwrap();
    let at = desk.usual(1, "data");
    desk.create(at, &Ask { impersonation: ImpersonationLevel::DELEGATE, ..Ask::new("f") }).unwrap();
    desk.finish();
}

/// 3.3.5.9.7: of all conditions of a reconnect the name comes last, in both versions.
#[test]
fn a_reconnect_looks_at_the_name_last() {
    let mut desk = Desk::new();
    let at = desk.usual(1, "data");
    let got = desk.create(at, &Ask::new("f").lease(7).with(RequestContext::DurableHandle)).unwrap();
    desk.world.disconnect(desk.clients[at].0);
    let at = desk.usual(1, "data");
    let back = |name| Ask::new(name).with(RequestContext::DurableHandleReconnect(got.id));
    assert_eq!(desk.create(at, &back("other")).unwrap_err(), NtStatus::OBJECT_NAME_NOT_FOUND, "no lease");
    assert_eq!(desk.create(at, &back("other").lease(7)).unwrap_err(), NtStatus::INVALID_PARAMETER);
    let stranger = desk.usual(2, "data");
    assert_eq!(
        desk.create(stranger, &back("other").lease(7)).unwrap_err(),
        NtStatus::OBJECT_NAME_NOT_FOUND,
        "another machine"
    );
    assert_eq!(desk.create(at, &back("f").lease(7)).unwrap().id, got.id);
    desk.finish();
}

/// 3.3.5.9: "If CreateOptions includes FILE_NO_INTERMEDIATE_BUFFERING, the server MUST set FILE_APPEND_DATA to zero in the
/// DesiredAccess field".
#[test]
fn who_buffers_nothing_does_not_append() {
    const APPEND: u32 = 0x4;
    const READ_ATTRIBUTES: u32 = 0x80;
    const UNBUFFERED: u32 = 0x8;
    let mut desk = Desk::new();
    let at = desk.usual(1, "data");
    desk.create(at, &Ask::new("f")).unwrap();
    let asked = Ask { access: APPEND | READ_ATTRIBUTES, ..Ask::new("f") };
    let got = desk.create(at, &asked).unwrap();
    assert_eq!(desk.write(at, got.id), NtStatus::SUCCESS);
    let unbuffered = Ask { options: 0x40 | UNBUFFERED, ..asked };
    let got = desk.create(at, &unbuffered).unwrap();
    assert_eq!(desk.write(at, got.id), NtStatus::ACCESS_DENIED);
    // Generic rights are not looked into.
    let generic = Ask { access: 0x4000_0000, ..unbuffered };
    let got = desk.create(at, &generic).unwrap();
    assert_eq!(desk.write(at, got.id), NtStatus::SUCCESS);
    desk.finish();
}

/// 3.3.5.9.11: "If Connection.Dialect does not belong to the SMB 3.x dialect family ..., the server SHOULD ignore the
/// SMB2_CREATE_REQUEST_LEASE_V2 Create Context request."
#[test]
fn a_lease_of_the_second_version_is_nothing_to_2_1() {
    let mut desk = Desk::new();
    let old = Manner { dialect: Dialect::SMB_2_1, ..Manner::default() };
    let at = desk.join(old, any_guid(1), "data");
    let got = desk.create(at, &Ask::new("f").lease(7)).unwrap();
    assert_eq!((got.oplock, got.lease), (OplockLevel::NONE, None));
    let first = Lease { key: KEY, state: LeaseState::from_bits_retain(7), ..Lease::default() };
    let ask = Ask::new("g").oplock(OplockLevel::LEASE).with(RequestContext::Lease(first));
    let got = desk.create(at, &ask).unwrap();
    assert_eq!(got.lease.map(|lease| (lease.state.bits(), lease.v2)), Some((7, None)));
    desk.finish();
}

/// 3.3.4.6: "The server SHOULD set the SessionId in the SMB2 header to Open.Session.SessionId"; 3.3.4.7: of a lease it is zero.
#[test]
fn the_break_of_an_oplock_names_its_session() {
    let mut desk = Desk::new();
    let (first, second) = (desk.usual(1, "data"), desk.usual(2, "data"));
    let id = desk.clients[first].0;
    let session = desk.world.clients[id].client.session();
    for (name, ask, expected) in [
        ("f", Ask::new("f").oplock(OplockLevel::BATCH), session),
        ("g", Ask::new("g").lease(7), SessionId::NONE),
    ] {
        desk.create(first, &ask).unwrap();
        let waits = desk.send_create(second, &Ask::new(name), false);
        desk.world.settle();
        desk.world.receive(id).unwrap();
        let notification = desk.world.clients[id].notifications.pop_front().expect("a break");
        assert_eq!(notification.header.session_id, expected, "{name}");
        desk.world.advance(std::time::Duration::from_secs(36));
        desk.created(second, waits).unwrap();
    }
    desk.finish();
}

/// 3.3.5.7: "If Connection.Dialect is "3.1.1" and Session.IsAnonymous and Session.IsGuest are set to FALSE and the request is
/// not signed or not encrypted, then the server MUST disconnect the connection."
#[test]
fn a_tree_connect_of_3_1_1_is_protected() {
    let tree_connect = |dialect, protection| {
        let mut world = World::with_signing(3, false);
        world.tolerant = true;
        let id = world.connect_with("user", PASSWORD, Manner { dialect, protection, ..Manner::default() });
        world.log_on(id).unwrap();
        let path = Utf16Buf::from(r"\\sim\data");
        let request = TreeConnectRequest {
            flags: TreeConnectFlags::empty(),
            path: path.as_utf16(),
            contexts: TreeConnectContexts::EMPTY,
        };
        let client = &mut world.clients[id].client;
        let mut packet = client.compound();
        client.append(&mut packet, Command::TREE_CONNECT, TreeId::NONE, &request, 1, false);
        if protection != Protection::Clear {
            packet = client.protect(packet);
        }
        world.deliver(id, &packet);
        world.clients[id].dropped
    };
    assert_eq!(tree_connect(Dialect::SMB_3_1_1, Protection::Clear), Some(Disconnect::TreeConnect));
    assert_eq!(tree_connect(Dialect::SMB_3_1_1, Protection::Signed), None);
    assert_eq!(tree_connect(Dialect::SMB_3_1_1, Protection::Sealed(Cipher::Aes128Gcm)), None);
    assert_eq!(tree_connect(Dialect::SMB_3_0_2, Protection::Clear), None);
}

/// 3.3.5.5.3: "If an entry is found and Client.Dialect is not equal to Session.Connection.Dialect, the server MUST close the
/// newly created Session ..., and fail the session setup request with STATUS_USER_SESSION_DELETED."
#[test]
fn a_client_speaks_one_dialect_at_a_time() {
    let mut world = World::new(3);
    let log_on = |world: &mut World, dialect, machine| {
        let manner = Manner { dialect, ..Manner::default() };
        let id = world.connect_from("user", PASSWORD, manner, any_guid(machine));
        (id, world.log_on(id).map_err(|error| error.to_string()))
    };
    let refused = Err("the server answered STATUS_USER_SESSION_DELETED".to_owned());
    let (first, outcome) = log_on(&mut world, Dialect::SMB_3_1_1, 1);
    assert_eq!(outcome, Ok(()));
    let (second, outcome) = log_on(&mut world, Dialect::SMB_3_1_1, 1);
    assert_eq!(outcome, Ok(()));
    assert_eq!(log_on(&mut world, Dialect::SMB_3_0_2, 1).1, refused);
    assert_eq!(log_on(&mut world, Dialect::SMB_2_1, 1).1, refused);
    assert_eq!(log_on(&mut world, Dialect::SMB_2_0_2, 1).1, Ok(()), "it names no client");
    assert_eq!(log_on(&mut world, Dialect::SMB_3_0_2, 2).1, Ok(()), "another client");
    world.disconnect(first);
    assert_eq!(log_on(&mut world, Dialect::SMB_3_0_2, 1).1, refused, "one is left");
    world.disconnect(second);
    assert_eq!(log_on(&mut world, Dialect::SMB_3_0_2, 1).1, Ok(()));
    for id in 0..world.clients.len() {
        if world.is_connected(id) {
            world.disconnect(id);
        }
    }
    world.settle();
    world.check_nothing_left();
}

/// 3.3.5.22.1: "If Open.OplockState is not Breaking, the server MUST ... send an error response with
/// STATUS_INVALID_DEVICE_STATE." The state is Breaking after every notification (3.3.4.6), until it is answered.
#[test]
fn an_answer_to_a_break_needs_a_break() {
    let mut desk = Desk::new();
    let (first, second) = (desk.usual(1, "data"), desk.usual(2, "data"));
    let mine = desk.create(first, &Ask::new("f").oplock(OplockLevel::II)).unwrap();
    assert_eq!(mine.oplock, OplockLevel::II);
    let answer = |desk: &mut Desk, oplock_level| {
        let answer = OplockBreakAcknowledgment::Oplock(OplockBreak { oplock_level, file_id: mine.id });
        desk.status(first, Command::OPLOCK_BREAK, &answer)
    };
    for level in [OplockLevel::NONE, OplockLevel::II, OplockLevel::BATCH, OplockLevel::LEASE] {
        assert_eq!(answer(&mut desk, level), NtStatus::INVALID_DEVICE_STATE, "{level:?}");
    }
    let theirs = desk.create(second, &Ask::new("f")).unwrap();
    assert_eq!(desk.write(second, theirs.id), NtStatus::SUCCESS);
    assert_eq!(answer(&mut desk, OplockLevel::NONE), NtStatus::INVALID_OPLOCK_PROTOCOL, "told, not asked");
    assert_eq!(answer(&mut desk, OplockLevel::NONE), NtStatus::INVALID_DEVICE_STATE);
    desk.finish();
}

/// 3.3.5.4: contexts that come twice are INVALID_PARAMETER, known or not to this server; "If the server processed the
/// SMB2_SIGNING_CAPABILITIES negotiate request context, then the server MUST build" one, of AES-CMAC where none is in common.
#[test]
fn negotiate_contexts_come_once_and_are_answered() {
    let preauth = NegotiateContext::PreauthIntegrity {
        hash_algorithms: List::from(&[HashAlgorithm::SHA_512]),
        salt: &[7; 32],
    };
    let compression = NegotiateContext::Compression {
        flags: CompressionFlags::empty(),
        algorithms: List::from(&[CompressionAlgorithm(1)]),
    };
    let rdma = NegotiateContext::RdmaTransform { transforms: List::from(&[RdmaTransform(1)]) };
    let signing = |algorithms| NegotiateContext::Signing { algorithms: List::from(algorithms) };
    let negotiate = |contexts: &[NegotiateContext<'_>]| {
        let mut world = World::new(1);
        let id = world.connect();
        let request = NegotiateRequest {
            security_mode: SecurityMode::SIGNING_ENABLED,
            capabilities: Capabilities::empty(),
            client_guid: any_guid(1).unwrap(),
            dialects: List::from(&[Dialect::SMB_3_1_1]),
            contexts: NegotiateContexts::from(contexts),
        };
        let header = Smb2Header { credits: 1, ..Smb2Header::default() };
        world.deliver(id, &message_bytes(&header, &request));
        let reply = world.next_packet(id).expect("a reply");
        let status = Smb2Header::decode(&reply).unwrap().status;
        if status.is_error() {
            return (status, None);
        }
        let response = NegotiateResponse::decode(&reply).unwrap();
        let chosen = response.contexts.iter().find_map(|context| match context.unwrap() {
            NegotiateContext::Signing { algorithms } => algorithms.iter().next(),
            _ => None,
        });
        (status, chosen)
    };
    let (fine, invalid) = (NtStatus::SUCCESS, (NtStatus::INVALID_PARAMETER, None));
    assert_eq!(negotiate(&[preauth, compression, rdma]), (fine, None));
    assert_eq!(negotiate(&[preauth, compression, compression]), invalid);
    assert_eq!(negotiate(&[preauth, rdma, rdma]), invalid);
    assert_eq!(negotiate(&[preauth, preauth]), invalid);
    let gmac = [SigningAlgorithm(2), SigningAlgorithm(1)];
    assert_eq!(negotiate(&[preauth, signing(&gmac)]), (fine, Some(SigningAlgorithm(2))));
    let unknown = [SigningAlgorithm(0x77), SigningAlgorithm(0x78)];
    assert_eq!(negotiate(&[preauth, signing(&unknown)]), (fine, Some(SigningAlgorithm(1))));
}
