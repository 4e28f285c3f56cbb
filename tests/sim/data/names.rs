//! Calls over a pipe that need names of the directory wait; nothing else does.

use freehold::names::{Domain, Principal, SidUse};
use freehold_dtyp::Sid;

use super::*;

/// lsarpc, version 0.
const LSARPC: [u8; 16] =
    [0x78, 0x57, 0x34, 0x12, 0x34, 0x12, 0xCD, 0xAB, 0xEF, 0x00, 0x01, 0x23, 0x45, 0x67, 0x89, 0xAB];

fn domain() -> Domain {
    Domain {
        sid: "S-1-5-21-7-8-9".parse().unwrap(),
        netbios_name: "CORP".to_owned(),
        dns_name: "corp.example".to_owned(),
    }
}

fn account(rid: u32, name: &str) -> Principal {
    Principal {
        sid: domain().sid.with_rid(rid).unwrap(),
        name: name.to_owned(),
        domain: "CORP".to_owned(),
        domain_sid: domain().sid,
        sid_use: SidUse::User,
    }
}

/// A PDU that is one whole fragment.
fn pdu(kind: u8, call: u32, rest: &[u8]) -> Vec<u8> {
    let mut bytes = vec![5, 0, kind, 3, 0x10, 0, 0, 0];
    bytes.extend(u16::try_from(16 + rest.len()).unwrap().to_le_bytes());
    bytes.extend([0, 0]);
    bytes.extend(call.to_le_bytes());
    bytes.extend(rest);
    bytes
}

fn lsa_bind() -> Vec<u8> {
    let mut bytes = bind();
    let at = 32;
    bytes[at..at + 16].copy_from_slice(&LSARPC);
    bytes[at + 16] = 0;
    bytes
}

fn request(call: u32, operation: u16, stub: &[u8]) -> Vec<u8> {
    let mut rest = u32::try_from(stub.len()).unwrap().to_le_bytes().to_vec();
    rest.extend([0, 0]);
    rest.extend(operation.to_le_bytes());
    rest.extend(stub);
    pdu(0, call, &rest)
}

/// LsarLookupSids2 of one SID.
fn lookup(call: u32, handle: &[u8], sid: &Sid) -> Vec<u8> {
    let mut stub = handle.to_vec();
    for number in [1u32, 2, 1, 4, u32::try_from(sid.sub_authorities().len()).unwrap()] {
        stub.extend(number.to_le_bytes());
    }
    stub.extend(sid.to_bytes());
    stub.extend([0; 8]);
    stub.extend([1, 0, 0, 0]);
    stub.extend([0; 4]);
    stub.extend([0; 4]);
    stub.extend(2u32.to_le_bytes());
    request(call, 57, &stub)
}

fn shows(answer: &[u8], name: &str) -> bool {
    let wide: Vec<u8> = name.encode_utf16().flat_map(u16::to_le_bytes).collect();
    answer.windows(wide.len()).any(|window| window == wide)
}

fn call_id(answer: &[u8]) -> u32 {
    u32::from_le_bytes(answer[12..16].try_into().unwrap())
}

/// An lsarpc pipe with a policy handle.
fn policy(desk: &mut Desk) -> (FileId, Vec<u8>) {
    let (ipc, transceive) = (desk.pipes[0], FsctlCode::PIPE_TRANSCEIVE);
    let pipe = desk.pipe("lsarpc");
    let (status, answer) = desk.ioctl(ipc, transceive, pipe, &lsa_bind(), 1024);
    assert_eq!((status, answer[2]), (NtStatus::SUCCESS, 12));
    let mut open = vec![0; 28];
    open.extend([0, 8, 0, 0]);
    let (status, answer) = desk.ioctl(ipc, transceive, pipe, &request(1, 44, &open), 1024);
    assert_eq!((status, &answer[44..48]), (NtStatus::SUCCESS, &[0; 4][..]));
    (pipe, answer[24..44].to_vec())
}

fn joined() -> Desk {
    let mut desk = Desk::new(1);
    desk.world.join(domain(), vec![account(1103, "alice"), account(1104, "bob")]);
    desk
}

fn data(reply: &Reply) -> Vec<u8> {
    assert_eq!(reply.header.status, NtStatus::SUCCESS);
    ReadResponse::decode_with_data(&reply.message).unwrap().1.to_vec()
}

#[test]
fn a_call_waits_for_the_directory_and_nothing_else_does() {
    let mut desk = joined();
    let (ipc, transceive) = (desk.pipes[0], FsctlCode::PIPE_TRANSCEIVE);
    let (pipe, handle) = policy(&mut desk);
    desk.world.directory.holds = true;
    let alice = lookup(2, &handle, &account(1103, "").sid);
    let waiting = desk.send_ioctl(ipc, transceive, pipe, &alice, 1024);
    assert!(desk.reply(0, waiting).is_none());
    // Other pipes, files, and calls that need nothing of the directory.
    let other = desk.pipe("srvsvc");
    assert_eq!(desk.ioctl(ipc, transceive, other, &bind(), 1024).0, NtStatus::SUCCESS);
    let file = desk.open(0, "a.txt");
    assert_eq!(desk.write_on(0, desk.tree[0], file, 0, b"x"), NtStatus::SUCCESS);
    let (second, second_handle) = policy(&mut desk);
    let system = lookup(2, &second_handle, &Sid::SYSTEM);
    assert!(shows(&desk.ioctl(ipc, transceive, second, &system, 1024).1, "SYSTEM"));
    // What is written to the same pipe waits behind it, and its answer comes behind the other.
    let bob = lookup(3, &handle, &account(1104, "").sid);
    assert_eq!(desk.write_on(0, ipc, pipe, 0, &bob), NtStatus::SUCCESS);
    let read = desk.send_read(ipc, pipe, 0, 1024, 0);
    assert!(desk.reply(0, read).is_none());
    desk.world.release_directory();
    let reply = desk.reply(0, waiting).expect("a reply");
    assert_eq!(reply.header.status, NtStatus::SUCCESS);
    assert!(shows(&reply.message, "alice"));
    let second = data(&desk.reply(0, read).expect("a reply"));
    assert!(shows(&second, "bob") && call_id(&second) == 3);
    // Two questions, each asked once; now they are known.
    assert_eq!(desk.world.directory.asked.len(), 2);
    let again = lookup(4, &handle, &account(1103, "").sid);
    assert!(shows(&desk.ioctl(ipc, transceive, pipe, &again, 1024).1, "alice"));
    assert_eq!(desk.world.directory.asked.len(), 2);
    desk.finish();
}

#[test]
fn a_read_that_waited_before_the_call_has_the_directory_asked() {
    let mut desk = joined();
    let ipc = desk.pipes[0];
    let (pipe, handle) = policy(&mut desk);
    desk.world.directory.holds = true;
    let read = desk.send_read(ipc, pipe, 0, 1024, 0);
    let next = desk.send_read(ipc, pipe, 0, 1024, 0);
    let nobody = lookup(2, &handle, &account(4711, "").sid);
    assert_eq!(desk.write_on(0, ipc, pipe, 0, &nobody), NtStatus::SUCCESS);
    assert!(desk.reply(0, read).is_none());
    desk.world.release_directory();
    // NONE_MAPPED, with the SID as its own name.
    let answer = data(&desk.reply(0, read).expect("a reply"));
    assert_eq!(answer[answer.len() - 4..], NtStatus::NONE_MAPPED.0.to_le_bytes());
    assert!(desk.reply(0, next).is_none());
    assert_eq!(desk.write_on(0, ipc, pipe, 0, &lookup(3, &handle, &Sid::SYSTEM)), NtStatus::SUCCESS);
    assert!(shows(&data(&desk.reply(0, next).expect("a reply")), "SYSTEM"));
    desk.finish();
}

#[test]
fn who_only_looks_has_the_directory_asked_too() {
    let mut desk = joined();
    let ipc = desk.pipes[0];
    let (pipe, handle) = policy(&mut desk);
    let alice = lookup(2, &handle, &account(1103, "").sid);
    assert_eq!(desk.write_on(0, ipc, pipe, 0, &alice), NtStatus::SUCCESS);
    assert!(desk.world.directory.asked.is_empty(), "nobody wants the answer yet");
    let (status, peeked) = desk.ioctl(ipc, FsctlCode::PIPE_PEEK, pipe, &[], 1024);
    assert_eq!(status, NtStatus::SUCCESS);
    assert!(shows(&peeked, "alice"));
    desk.finish();
}

#[test]
fn a_pipe_that_is_closed_meanwhile_is_gone() {
    let mut desk = joined();
    let ipc = desk.pipes[0];
    let (pipe, handle) = policy(&mut desk);
    desk.world.directory.holds = true;
    let alice = lookup(2, &handle, &account(1103, "").sid);
    let waiting = desk.send_ioctl(ipc, FsctlCode::PIPE_TRANSCEIVE, pipe, &alice, 1024);
    let read = desk.send_read(ipc, pipe, 0, 1024, 0);
    assert!(desk.reply(0, waiting).is_none());
    desk.close(0, ipc, pipe);
    assert_eq!(desk.reply(0, read).expect("a reply").header.status, NtStatus::PIPE_BROKEN);
    desk.world.release_directory();
    assert_eq!(desk.reply(0, waiting).expect("a reply").header.status, NtStatus::PIPE_BROKEN);
    // A connection that is lost meanwhile leaves nothing behind.
    let (pipe, handle) = policy(&mut desk);
    desk.world.directory.holds = true;
    let bob = lookup(2, &handle, &account(1104, "").sid);
    desk.send_ioctl(ipc, FsctlCode::PIPE_TRANSCEIVE, pipe, &bob, 1024);
    desk.world.disconnect(desk.clients[0]);
    desk.world.release_directory();
    desk.world.settle();
    desk.world.check_nothing_left();
}

#[test]
fn too_much_behind_a_call_that_waits_ends_the_conversation() {
    let mut desk = joined();
    let ipc = desk.pipes[0];
    let (pipe, handle) = policy(&mut desk);
    desk.world.directory.holds = true;
    let alice = lookup(2, &handle, &account(1103, "").sid);
    let waiting = desk.send_ioctl(ipc, FsctlCode::PIPE_TRANSCEIVE, pipe, &alice, 1024);
    let more = alice.repeat(65_536 / alice.len());
    let refused = (0..40).map(|_| desk.write_on(0, ipc, pipe, 0, &more)).find(|status| status.is_error());
    assert_eq!(refused, Some(NtStatus::INSUFFICIENT_RESOURCES));
    desk.world.release_directory();
    assert_eq!(desk.reply(0, waiting).expect("a reply").header.status, NtStatus::PIPE_DISCONNECTED);
    desk.finish();
}

#[test]
fn without_a_membership_nothing_is_asked() {
    let mut desk = Desk::new(1);
    let (pipe, handle) = policy(&mut desk);
    let alice = lookup(2, &handle, &account(1103, "").sid);
    let (status, answer) = desk.ioctl(desk.pipes[0], FsctlCode::PIPE_TRANSCEIVE, pipe, &alice, 1024);
    assert_eq!(status, NtStatus::SUCCESS);
    assert_eq!(answer[answer.len() - 4..], NtStatus::NONE_MAPPED.0.to_le_bytes());
    assert!(desk.world.directory.asked.is_empty());
    desk.finish();
}
