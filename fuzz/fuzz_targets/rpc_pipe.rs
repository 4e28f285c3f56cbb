//! A named pipe ([MS-RPCE]): raw writes, and calls of any operation with any parameters on a bound pipe.
#![no_main]

use std::sync::LazyLock;

use freehold::rpc::{Endpoint, NoActivity, Pipe, PipeRead, RpcContext, ServerInfo};
use freehold::state::{AccountsSnapshot, SharesSnapshot};
use freehold_acl::Token;
use freehold_dtyp::{FileTime, Guid, Sid};
use libfuzzer_sys::fuzz_target;

/// Abstract syntaxes: pipe, UUID in wire order, version.
const INTERFACES: [(&str, [u8; 16], u8); 4] = [
    ("srvsvc", *b"\xc8\x4f\x32\x4b\x70\x16\xd3\x01\x12\x78\x5a\x47\xbf\x6e\xe1\x88", 3),
    ("wkssvc", *b"\x98\xd0\xff\x6b\x12\xa1\x10\x36\x98\x33\x46\xc3\xf8\x7e\x34\x5a", 1),
    ("lsarpc", *b"\x78\x57\x34\x12\x34\x12\xcd\xab\xef\x00\x01\x23\x45\x67\x89\xab", 0),
    ("lsarpc", *b"\x6a\x28\x19\x39\x0c\xb1\xd0\x11\x9b\xa8\x00\xc0\x4f\xd9\x2e\xf5", 0),
];
const NDR32: [u8; 16] = *b"\x04\x5d\x88\x8a\xeb\x1c\xc9\x11\x9f\xe8\x08\x00\x2b\x10\x48\x60";

struct Server {
    info: ServerInfo,
    caller: Token,
    accounts: AccountsSnapshot,
    shares: SharesSnapshot,
}

static SERVER: LazyLock<Server> = LazyLock::new(|| {
    let machine_sid: Sid = "S-1-5-21-1-2-3".parse().expect("a SID");
    Server {
        info: ServerInfo {
            netbios_name: "FILES".to_owned(),
            dns_name: "files.example.com".to_owned(),
            workgroup: "WORKGROUP".to_owned(),
            comment: String::new(),
            version: ServerInfo::VERSION,
            machine_sid,
            server_guid: Guid::ZERO,
        },
        caller: Token::builder(Sid::SYSTEM).groups([Sid::ADMINISTRATORS]).build(),
        accounts: AccountsSnapshot::new(machine_sid, Vec::new(), Vec::new()),
        shares: SharesSnapshot::new(Vec::new()),
    }
});

fn pdu(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = u16::try_from(body.len() + 16).unwrap_or(u16::MAX);
    let mut bytes = vec![5, 0, kind, 3, 0x10, 0, 0, 0];
    bytes.extend(length.to_le_bytes());
    bytes.extend([0, 0, 1, 0, 0, 0]);
    bytes.extend(body);
    bytes
}

fn bind(uuid: &[u8; 16], version: u8) -> Vec<u8> {
    let mut body = vec![0xb8, 0x10, 0xb8, 0x10, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1, 0];
    body.extend(uuid);
    body.extend([version, 0, 0, 0]);
    body.extend(NDR32);
    body.extend([2, 0, 0, 0]);
    pdu(11, &body)
}

fuzz_target!(|input: &[u8]| {
    let [which, mode, rest @ ..] = input else { return };
    let (name, uuid, version) = &INTERFACES[usize::from(*which) % INTERFACES.len()];
    let server = &*SERVER;
    let cx = RpcContext {
        server: &server.info,
        caller: &server.caller,
        caller_name: "system",
        accounts: &server.accounts,
        shares: &server.shares,
        activity: &NoActivity,
        now: FileTime(133_000_000_000_000_000),
    };
    let mut pipe = Pipe::open((*name).into()).expect("a pipe");
    assert!(Endpoint::ALL.contains(&pipe.endpoint()));
    if mode & 1 != 0 {
        pipe.write(&cx, &bind(uuid, *version)).expect("the bind is good");
        assert!(matches!(pipe.read(4_280), PipeRead::Data { more: false, .. }));
    }
    if mode & 2 == 0 {
        // Raw writes, cut where the input says.
        let mut rest = rest;
        while let [length, tail @ ..] = rest {
            let (part, next) = tail.split_at(usize::from(*length).min(tail.len()));
            let _ = pipe.write(&cx, part);
            let _ = pipe.read(usize::from(*length));
            rest = next;
        }
        return;
    }
    // One call: its operation, then its parameters. An open policy first, so that lookups have a handle to name.
    let [operation, stub @ ..] = rest else { return };
    let mut open = vec![0, 0, 0, 0, 0, 0, 44, 0];
    open.extend([0; 28]);
    open.extend([0, 0, 0, 2]);
    let _ = pipe.write(&cx, &pdu(0, &open));
    let mut call = vec![0, 0, 0, 0, 0, 0, *operation, 0];
    call.extend(stub.iter().take(4_000));
    let _ = pipe.write(&cx, &pdu(0, &call));
    while let PipeRead::Data { .. } = pipe.read(100) {}
});
