//! Conversations of real clients with a real server, as bytes: impacket 0.13.1 and smbclient 4.17.12 with smbd 4.17.12,
//! signed, loopback, 2026-11-21 (`tests/vectors/`). Ours answers the same, but for what each server chooses freely.

use super::testing::{Client, Fixture};
use super::{Pipe, PipeRead};

/// Both clients' bind to srvsvc; they differ in nothing.
const BIND: &str = "05000b03100000004800000001000000b810b810000000000100000000000100\
    c84f324b7016d30112785a47bf6ee18803000000045d888aeb1cc9119fe808002b10486002000000";
/// smbd's answer to it.
const BIND_ACK: &str = "05000c03100000004400000001000000b810b810ed9100000d005c706970655c737276737663\
    00000100000000000000045d888aeb1cc9119fe808002b10486002000000";
/// impacket's NetrShareEnum of level 1.
const SHARE_ENUM: &str = "050000031000000060000000010000004800000000000f00cb8700000c000000000000000c000000\
    5c005c003100320037002e0030002e0030002e00310000000100000001000000b56900000000000000000000ffffffff0b37000000000000";
/// smbd's answer to it.
const SHARE_LIST: &str = "05000203100000009801000001000000800100000000000001000000010000000c000200050000001000\
    0200050000001400020000000000180002001c00020000000000200002002400020000000000280002002c0002000000000030000200\
    34000200030000803800020007000000000000000700000073006800610072006500310000000000010000000000000001000000000000\
    00070000000000000007000000730068006100720065003200000000000100000000000000010000000000000007000000000000000700\
    00007300680061007200650033000000000001000000000000000100000000000000070000000000000007000000730068006100720065\
    003400000000000100000000000000010000000000000005000000000000000500000049005000430024000000000023000000000000002300\
    00004900500043002000530065007200760069006300650020002800530061006d0062006100200034002e00310037002e00310032002d\
    00440065006200690061006e00290000000000050000003c0002000000000000000000";

fn bytes(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    let pair = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    digits.chunks(2).map(pair).collect()
}

fn ask(pipe: &mut Pipe, fixture: &Fixture, request: &str) -> Vec<u8> {
    match pipe.transceive(&fixture.context(), &bytes(request), 4_280).unwrap() {
        PipeRead::Data { bytes, more: false } => bytes,
        other => panic!("{other:?}"),
    }
}

/// The 32-bit words of a stub, every referent id made the same: ids are the server's choice.
fn words(stub: &[u8]) -> Vec<u32> {
    let word = |bytes: &[u8]| u32::from_le_bytes(bytes.try_into().unwrap());
    stub.chunks_exact(4)
        .map(word)
        .map(|word| if word & 0xFFFF_0000 == 0x0002_0000 { 0x0002_0000 } else { word })
        .collect()
}

#[test]
fn a_bind_is_answered_as_smbd_does() {
    let fixture = Fixture::new();
    let mut pipe = Pipe::open("srvsvc".into()).unwrap();
    let ours = ask(&mut pipe, &fixture, BIND);
    let theirs = bytes(BIND_ACK);
    assert_eq!(ours[..20], theirs[..20]);
    // 20..24 is the association group.
    assert_eq!(ours[24..].to_ascii_lowercase(), theirs[24..].to_ascii_lowercase());
}

#[test]
fn shares_are_listed_as_smbd_lists_them() {
    let fixture = Fixture::new().with_shares(&["share1", "share2", "share3", "share4"]);
    let mut pipe = Pipe::open("srvsvc".into()).unwrap();
    ask(&mut pipe, &fixture, BIND);
    let ours = ask(&mut pipe, &fixture, SHARE_ENUM);
    let theirs = bytes(SHARE_LIST);
    let (ours, theirs) = (words(&ours[24..]), words(&theirs[24..]));
    // Up to the remark of IPC$, which is the server's own text: then the total, the resume handle, the status.
    let own_text = theirs.iter().rposition(|word| *word == 0x23).unwrap() - 2;
    assert_eq!(ours[..own_text], theirs[..own_text]);
    assert_eq!(ours[ours.len() - 4..], theirs[theirs.len() - 4..]);
}

/// impacket 0.13 with smbd 4.17.12, 2026-11-27: what a call is asked behind its handle, and answered.
const LSARPC: [(u16, &str, &str); 2] = [
    // LsarLookupPrivilegeValue of SeBackupPrivilege.
    (
        31,
        "2200220000000200110000000000000011000000530065004200610063006b0075007000500072006900760069006c00650067006500\
         0000",
        "110000000000000000000000",
    ),
    // LsarLookupPrivilegeName of 17.
    (
        32,
        "1100000000000000",
        "000002002200240004000200120000000000000011000000530065004200610063006b0075007000500072006900760069006c006500\
         67006500000000000000",
    ),
];

#[test]
fn privileges_are_answered_as_smbd_does() {
    let fixture = Fixture::new();
    let mut client = Client::lsarpc(&fixture);
    let policy = client.open_policy();
    for (operation, asked, answered) in LSARPC {
        let ours = client.call(operation, &[policy.as_slice(), &bytes(asked)].concat()).unwrap();
        assert_eq!(words(&ours), words(&bytes(answered)), "operation {operation}");
    }
}

/// The same of samr: SamrLookupDomainInSamServer of Builtin at the server's handle; SamrLookupIdsInDomain of two that are nobody's
/// at the domain's.
const LOOKUP_DOMAIN: (&str, &str) = (
    "0e000e00000002000700000000000000070000004200750069006c00740069006e000000",
    "040002000100000001010000000000052000000000000000",
);
const LOOKUP_IDS: (&str, &str) = (
    "02000000e80300000000000002000000e6030000e7030000",
    "0200000000000200020000000000000000000000000000000000000002000000040002000200000008000000080000007300\
     00c0",
);

#[test]
fn domains_and_ids_are_looked_up_as_smbd_does() {
    let fixture = Fixture::new();
    let mut client = Client::samr(&fixture);
    let server = client.opened(57, &[0, 0, 0, 0, 0, 0, 0, 2]);
    let ours = client.call(5, &[server.as_slice(), &bytes(LOOKUP_DOMAIN.0)].concat()).unwrap();
    assert_eq!(words(&ours), words(&bytes(LOOKUP_DOMAIN.1)));
    let builtin = client.open_domain("S-1-5-32");
    let ours = client.call(18, &[builtin.as_slice(), &bytes(LOOKUP_IDS.0)].concat()).unwrap();
    assert_eq!(words(&ours), words(&bytes(LOOKUP_IDS.1)));
}
