//! Named pipes: arbitrary bytes, or calls with arbitrary parameters after a bind, written to each endpoint; also behind a logon of
//! their own, with arbitrary signatures.
#![no_main]

use std::sync::{Arc, LazyLock};

use freehold::auth::ntlm::client::{Credentials, Initiator, InitiatorOptions, Randomness};
use freehold::auth::{Acceptor, AcceptorConfig, AcceptorRandomness, AccountAnswer, AuthError, nt_hash};
use freehold::fscc::upcase::upcase_unit;
use freehold::names::{Asked, DirectoryCache, Domain};
use freehold::rpc::{
    Caller, DomainInfo, Errand, Logons, NoActivity, Outcome, Pipe, PipeRead, RpcContext, ServerInfo,
    TaskError,
};
use freehold::state::{Account, AccountsSnapshot, CachingMode, Group, Share, ShareSettings, SharesSnapshot};
use freehold_acl::{SecurityDescriptor, Token};
use freehold_dfs::{
    Fold, Folder, FolderOptions, Kind, Namespace, NamespaceIndex, NamespaceOptions, Namespaces, State, Target,
};
use freehold_dtyp::{FileTime, Guid, Sid};
use libfuzzer_sys::fuzz_target;

/// What a pipe may keep at most for a client that never reads, in bytes.
const MOST_KEPT_BYTES: usize = 64 * 1024 * 1024;

/// Pipe, UUID on the wire and version of the interfaces.
const INTERFACES: [(&str, [u8; 16], u32); 7] = [
    (
        "srvsvc",
        [0xc8, 0x4f, 0x32, 0x4b, 0x70, 0x16, 0xd3, 0x01, 0x12, 0x78, 0x5a, 0x47, 0xbf, 0x6e, 0xe1, 0x88],
        3,
    ),
    (
        "wkssvc",
        [0x98, 0xd0, 0xff, 0x6b, 0x12, 0xa1, 0x10, 0x36, 0x98, 0x33, 0x46, 0xc3, 0xf8, 0x7e, 0x34, 0x5a],
        1,
    ),
    (
        "lsarpc",
        [0x78, 0x57, 0x34, 0x12, 0x34, 0x12, 0xcd, 0xab, 0xef, 0x00, 0x01, 0x23, 0x45, 0x67, 0x89, 0xab],
        0,
    ),
    (
        "lsarpc",
        [0x6a, 0x28, 0x19, 0x39, 0x0c, 0xb1, 0xd0, 0x11, 0x9b, 0xa8, 0x00, 0xc0, 0x4f, 0xd9, 0x2e, 0xf5],
        0,
    ),
    (
        "samr",
        [0x78, 0x57, 0x34, 0x12, 0x34, 0x12, 0xcd, 0xab, 0xef, 0x00, 0x01, 0x23, 0x45, 0x67, 0x89, 0xac],
        1,
    ),
    (
        "lsass",
        [0x78, 0x57, 0x34, 0x12, 0x34, 0x12, 0xcd, 0xab, 0xef, 0x00, 0x01, 0x23, 0x45, 0x67, 0x89, 0xab],
        0,
    ),
    (
        "netdfs",
        [0xe0, 0x42, 0xc7, 0x4f, 0x10, 0x4a, 0xcf, 0x11, 0x82, 0x73, 0x00, 0xaa, 0x00, 0x4a, 0xe6, 0x73],
        3,
    ),
];

/// NDR, version 2.
const NDR: [u8; 16] =
    [0x04, 0x5d, 0x88, 0x8a, 0xeb, 0x1c, 0xc9, 0x11, 0x9f, 0xe8, 0x08, 0x00, 0x2b, 0x10, 0x48, 0x60];

struct World {
    server: ServerInfo,
    domain: DomainInfo,
    callers: [Token; 3],
    accounts: AccountsSnapshot,
    directory: DirectoryCache,
    shares: SharesSnapshot,
    namespaces: Namespaces,
}

static WORLD: LazyLock<World> = LazyLock::new(|| {
    let machine_sid: Sid = "S-1-5-21-1-2-3".parse().expect("a SID");
    let sid = |rid| machine_sid.with_rid(rid).expect("a SID");
    let account = |name: &str, rid| Account {
        name: name.to_owned(),
        rid,
        sid: sid(rid),
        full_name: String::new(),
        comment: String::new(),
        nt_hash: nt_hash("x"),
        disabled: false,
        created: FileTime::ZERO,
        password_set: FileTime::ZERO,
        groups: Vec::new(),
    };
    let group = |name: &str, sid, builtin| Group {
        name: name.to_owned(),
        sid,
        comment: String::new(),
        builtin,
        members: Vec::new(),
    };
    let security = SecurityDescriptor::from_sddl("O:BAG:BAD:(A;;FA;;;WD)", None).expect("a descriptor");
    let share = |id, name: &str| Share {
        id,
        name: name.to_owned(),
        settings: ShareSettings {
            volume: "vol".to_owned(),
            path: "sub/folder".to_owned(),
            comment: "a comment".to_owned(),
            security: Arc::new(security.clone()),
            encrypt: true,
            access_based_enumeration: true,
            caching: CachingMode::Documents,
            continuously_available: false,
            ca_timeout_seconds: 0,
            max_users: Some(5),
            audit: freehold::config::AuditOption::None,
        },
    };
    let directory = DirectoryCache::default();
    directory.set_domain(Some(Domain {
        sid: "S-1-5-21-7-8-9".parse().expect("a SID"),
        netbios_name: "CORP".to_owned(),
        dns_name: "corp.example".to_owned(),
    }));
    World {
        directory,
        server: ServerInfo {
            netbios_name: "FILES".to_owned(),
            dns_name: "files.example".to_owned(),
            workgroup: "WORKGROUP".to_owned(),
            comment: "A server".to_owned(),
            version: ServerInfo::VERSION,
            machine_sid,
            server_guid: Guid::ZERO,
        },
        domain: DomainInfo {
            netbios_name: "CORP".to_owned(),
            dns_name: "corp.example".to_owned(),
            forest: "example".to_owned(),
            sid: "S-1-5-21-7-8-9".parse().expect("a SID"),
            aliases: vec!["files2.corp.example".to_owned()],
            host_names: vec!["files2.corp.example".to_owned()],
        },
        callers: [
            Token::builder(sid(1000)).groups([Sid::ADMINISTRATORS]).build(),
            Token::builder(sid(1001)).groups(freehold::state::tokens::LOGON_GROUPS).build(),
            Token::builder(Sid::ANONYMOUS).build(),
        ],
        accounts: AccountsSnapshot::new(
            machine_sid,
            vec![account("anna", 1000), account("bob", 1001)],
            vec![group("Administrators", Sid::ADMINISTRATORS, true), group("team", sid(1002), false)],
        ),
        shares: SharesSnapshot::new(vec![share(1, "hidden$"), share(2, "Data")]),
        namespaces: namespaces(),
    }
});

/// A namespace of the share "Data", with a link of two targets.
fn namespaces() -> Namespaces {
    const FOLD: Fold = Fold(upcase_unit);
    let mut index = NamespaceIndex::new(Arc::new(Namespace {
        name: "Data".to_owned(),
        guid: Guid([1; 16]),
        kind: Kind::StandAlone,
        comment: "a comment".to_owned(),
        state: State::Online,
        ttl_seconds: 300,
        options: NamespaceOptions::default(),
        targets: Vec::new(),
    }));
    let folder = Folder {
        path: "a".to_owned(),
        guid: Guid([2; 16]),
        comment: String::new(),
        state: State::Online,
        ttl_seconds: 1800,
        options: FolderOptions::default(),
        security: None,
        targets: ["fs1", "fs2"].map(|server| Target::new(server, "data", "")).into(),
    };
    index.insert(FOLD, Arc::new(folder)).expect("a folder");
    let mut all = Namespaces::new(FOLD, Vec::<NamespaceIndex>::new());
    all.set(Arc::new(index));
    all
}

fn context(caller: u8, asked: &Asked) -> RpcContext<'_> {
    RpcContext {
        server: &WORLD.server,
        domain: (caller & 4 != 0).then_some(&WORLD.domain),
        caller: &WORLD.callers[usize::from(caller) % 3],
        caller_name: "anna",
        caller_domain: "FILES",
        accounts: &WORLD.accounts,
        directory: &WORLD.directory,
        asked,
        shares: &WORLD.shares,
        namespaces: &WORLD.namespaces,
        activity: &NoActivity,
        logons: &Logon,
        now: FileTime(133_000_000_000_000_000),
    }
}

/// Logons of "anna".
struct Logon;

impl Logons for Logon {
    fn acceptor(&self) -> Acceptor {
        let randomness = AcceptorRandomness::new(&[7; AcceptorRandomness::SIZE]);
        Acceptor::new(Arc::new(AcceptorConfig::default()), FileTime(133_000_000_000_000_000), randomness)
    }

    fn failed(&self, _error: AuthError) -> bool {
        true
    }

    fn succeeded(&self, _caller: &Caller) {}
}

/// The directory has been asked, for nothing; the account is there; nothing is changed.
fn run_errands(pipe: &mut Pipe, cx: &RpcContext<'_>) {
    while let Some(errand) = pipe.errand() {
        let done = match errand {
            Errand::Names(_) | Errand::Delay => Outcome::Nothing,
            Errand::Task(_) => Outcome::Task(Err(TaskError::Failed)),
            Errand::Account(_) => {
                let answer = AccountAnswer::Secret { nt_hash: nt_hash("x"), restriction: None };
                Outcome::Account(answer, Some(Caller::anonymous()))
            }
        };
        if pipe.resume(cx, done).is_err() {
            break;
        }
    }
}

/// [MS-RPCE] 2.2.2.11: adds a verifier of NTLM's at `level`.
fn with_verifier(mut pdu: Vec<u8>, level: u8, token: &[u8]) -> Vec<u8> {
    let pad = pdu.len().next_multiple_of(4) - pdu.len();
    pdu.resize(pdu.len() + pad, 0);
    pdu.extend([10, level, u8::try_from(pad).unwrap_or(0), 0, 0, 0, 0, 0]);
    pdu.extend(token);
    let lengths =
        [pdu.len(), token.len()].map(|length| u16::try_from(length).unwrap_or(u16::MAX).to_le_bytes());
    pdu[8..12].copy_from_slice(&lengths.concat());
    pdu
}

/// Binds with a logon in three legs.
fn log_on(pipe: &mut Pipe, cx: &RpcContext<'_>, level: u8, bind: Vec<u8>) {
    let credentials = Credentials {
        user: "anna".to_owned(),
        domain: String::new(),
        workstation: String::new(),
        nt_hash: nt_hash("x"),
    };
    let randomness = Randomness { client_challenge: [1; 8], exported_session_key: [2; 16] };
    let options = InitiatorOptions { mechanisms: Vec::new(), seal: true, ..InitiatorOptions::default() };
    let mut initiator = Initiator::new(credentials, randomness, options);
    pipe.write(cx, &with_verifier(bind, level, &initiator.start())).expect("a bind");
    let PipeRead::Data { bytes, .. } = pipe.read(1 << 20) else { return };
    let length = usize::from(u16::from_le_bytes([bytes[10], bytes[11]]));
    if let Ok(authenticate) = initiator.step(&bytes[bytes.len() - length..]) {
        let auth3 = with_verifier(pdu(16, 3, 1, &[0; 4]), level, &authenticate);
        pipe.write(cx, &auth3).expect("an auth3");
        run_errands(pipe, cx);
    }
}

/// PDU type and flags, call id, what follows the common header.
fn pdu(kind: u8, flags: u8, call: u32, rest: &[u8]) -> Vec<u8> {
    let length = u16::try_from(16 + rest.len()).unwrap_or(u16::MAX).to_le_bytes();
    let mut bytes = vec![5, 0, kind, flags, 0x10, 0, 0, 0, length[0], length[1], 0, 0];
    bytes.extend(call.to_le_bytes());
    bytes.extend(rest);
    bytes
}

fn bind(uuid: &[u8; 16], version: u32) -> Vec<u8> {
    let mut rest = vec![0xb8, 0x10, 0xb8, 0x10, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1, 0];
    rest.extend(uuid);
    rest.extend(version.to_le_bytes());
    rest.extend(NDR);
    rest.extend(2u32.to_le_bytes());
    pdu(11, 3, 1, &rest)
}

fn request(flags: u8, operation: u8, stub: &[u8]) -> Vec<u8> {
    let mut rest = u32::try_from(stub.len()).unwrap_or(u32::MAX).to_le_bytes().to_vec();
    rest.extend([0, 0, operation, 0]);
    rest.extend(stub);
    pdu(0, flags, 2, &rest)
}

/// Takes everything that waits: messages are whole PDUs.
fn drain(pipe: &mut Pipe, max: usize) -> Vec<u8> {
    let mut last = Vec::new();
    while let PipeRead::Data { bytes, more } = pipe.read(max) {
        assert!(bytes.len() <= max);
        assert!(!bytes.is_empty() || !more, "a read that does not go on");
        last.extend(bytes);
        if !more {
            assert_eq!(usize::from(u16::from_le_bytes([last[8], last[9]])), last.len(), "FragLength");
            last.clear();
        }
    }
    assert_eq!(pipe.available(), (0, 0, 0));
    last
}

/// The handle that a call gives.
fn opened(pipe: &mut Pipe, cx: &RpcContext<'_>, operation: u8, stub: &[u8]) -> Option<Vec<u8>> {
    let _ = pipe.write(cx, &request(3, operation, stub));
    let PipeRead::Data { bytes, .. } = pipe.read(4280) else { return None };
    bytes.get(24..44).map(<[u8]>::to_vec)
}

/// What is opened in the domain of samr: a group, an alias, a user; none for the domain itself.
fn operation_to_open(choice: u8) -> Option<(u8, u32)> {
    [None, Some((19, 513)), Some((27, 1002)), Some((34, 1000))][usize::from(choice >> 3 & 3)]
}

/// A policy (LsarOpenPolicy2), or a domain of samr and what is in it.
fn open(pipe: &mut Pipe, cx: &RpcContext<'_>, name: &str, what: Option<(u8, u32)>) -> Option<Vec<u8>> {
    const MAXIMUM_ALLOWED: [u8; 4] = [0, 0, 0, 2];
    if name != "samr" {
        return opened(pipe, cx, 44, &[[0; 28].as_slice(), &MAXIMUM_ALLOWED].concat());
    }
    let server = opened(pipe, cx, 57, &[[0; 4], MAXIMUM_ALLOWED].concat())?;
    let sid = [4, 0, 0, 0, 1, 4, 0, 0, 0, 0, 0, 5, 21, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0];
    let domain = opened(pipe, cx, 7, &[server.as_slice(), &MAXIMUM_ALLOWED, &sid].concat())?;
    let Some((operation, rid)) = what else { return Some(domain) };
    opened(pipe, cx, operation, &[domain.as_slice(), &MAXIMUM_ALLOWED, &rid.to_le_bytes()].concat())
}

fuzz_target!(|input: &[u8]| {
    let Some((head, mut rest)) = input.split_first_chunk::<2>() else { return };
    let [choice, caller] = *head;
    let (name, uuid, version) = INTERFACES[usize::from(choice) % INTERFACES.len()];
    let asked = Asked::default();
    let cx = context(caller, &asked);
    let Some(mut pipe) = Pipe::open(name.into()) else { return };
    if choice & 0x80 == 0 && caller & 8 != 0 {
        log_on(&mut pipe, &cx, caller >> 5, bind(&uuid, version));
    } else if choice & 0x80 == 0 {
        pipe.write(&cx, &bind(&uuid, version)).expect("a bind");
        drain(&mut pipe, 4280);
    }
    // An object opened first, so that calls have a handle to name.
    let handle =
        if choice & 0xC0 == 0x40 { open(&mut pipe, &cx, name, operation_to_open(choice)) } else { None };
    // Steps: what to do, an operation, a length, that many bytes.
    while let Some((step, tail)) = rest.split_first_chunk::<3>() {
        let [what, operation, length] = *step;
        let length = (usize::from(length) * if what & 8 == 0 { 1 } else { 16 }).min(tail.len());
        let (bytes, tail) = tail.split_at(length);
        rest = tail;
        let flags = match what & 3 {
            0 => 3,
            1 => 1,
            2 => 2,
            _ => 0,
        };
        let outcome = if let (0, 0, Some(handle)) = (what & 4, what & 64, &handle) {
            pipe.write(&cx, &request(flags, operation, &[handle, bytes].concat()))
        } else if what & 4 == 0 && caller & 8 != 0 {
            let (token, bytes) = bytes.split_at(bytes.len().min(16));
            pipe.write(&cx, &with_verifier(request(flags, operation, bytes), caller >> 5, token))
        } else if what & 4 == 0 {
            pipe.write(&cx, &request(flags, operation, bytes))
        } else {
            pipe.write(&cx, bytes)
        };
        if outcome.is_err() {
            break;
        }
        run_errands(&mut pipe, &cx);
        assert!(!pipe.is_suspended(), "a call waits for ever");
        let (kept, _, _) = pipe.available();
        assert!(kept <= MOST_KEPT_BYTES, "{kept} bytes wait");
        if what & 16 == 0 {
            drain(&mut pipe, if what & 32 == 0 { 4280 } else { 7 });
        }
    }
    drain(&mut pipe, 1 << 20);
});
