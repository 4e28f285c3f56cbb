//! A server's data and a client for the tests of the interfaces.

use std::sync::Arc;

use freehold_acl::{AccessMask, Ace, AceFlags, Acl, SecurityDescriptor, Token};
use freehold_dfs::Namespaces;
use freehold_dtyp::{Decode, FileTime, Guid, Sid, Writer};

use super::fault::Fault;
use super::ndr::NdrWriter;
use super::pdu::{self, Header, PduType};
use super::{
    Activity, Caller, Commission, ConnectionInfo, DomainInfo, Done, Ending, Errand, Logons, OpenFileInfo,
    Outcome, Pipe, PipeRead, RpcContext, ServerInfo, SessionInfo, Statistics, Task, TaskError,
};
use crate::auth::{Acceptor, AcceptorConfig, AcceptorRandomness, AccountAnswer, AuthError, NtHash, nt_hash};
use crate::names::{Asked, DirectoryCache, Domain};
use crate::state::{Account, AccountsSnapshot, CachingMode, Group, Share, ShareSettings, SharesSnapshot};

/// Pipe, UUID and version of each interface.
pub(super) const INTERFACES: [(&str, &str, u32); 6] = [
    ("srvsvc", "4b324fc8-1670-01d3-1278-5a47bf6ee188", 3),
    ("wkssvc", "6bffd098-a112-3610-9833-46c3f87e345a", 1),
    ("lsarpc", "12345778-1234-abcd-ef00-0123456789ab", 0),
    ("lsarpc", "3919286a-b10c-11d0-9ba8-00c04fd92ef5", 0),
    ("samr", "12345778-1234-abcd-ef00-0123456789ac", 1),
    ("netdfs", "4fc742e0-4a10-11cf-8273-00aa004ae673", 3),
];

pub(super) struct Fixture {
    server: ServerInfo,
    domain: Option<DomainInfo>,
    caller: Token,
    accounts: AccountsSnapshot,
    namespaces: Namespaces,
    pub(super) directory: DirectoryCache,
    asked: Asked,
    shares: SharesSnapshot,
    activity: Busy,
    tasks: std::cell::RefCell<Vec<Commission>>,
    /// What comes of tasks.
    pub(super) done: Result<Done, TaskError>,
    /// Refused logons have to wait.
    pub(super) slow_down: bool,
}

/// The password of "anna" and "bob".
pub(super) const PASSWORD: &str = "Secret-1";

impl Logons for Fixture {
    fn acceptor(&self) -> Acceptor {
        let config = AcceptorConfig { allow_anonymous: true, ..AcceptorConfig::default() };
        let randomness = AcceptorRandomness::new(&[7; AcceptorRandomness::SIZE]);
        Acceptor::new(Arc::new(config), FileTime::from_unix(1_700_000_000, 0), randomness)
    }

    fn failed(&self, _error: AuthError) -> bool {
        self.slow_down
    }

    fn succeeded(&self, _caller: &Caller) {}
}

/// Two sessions and a file; what calls end is written down.
#[derive(Default)]
struct Busy(std::cell::RefCell<Vec<String>>);

impl Activity for Busy {
    fn sessions(&self) -> Vec<SessionInfo> {
        let session = |client: &str, user: &str| SessionInfo {
            client: client.to_owned(),
            user: user.to_owned(),
            opens: 1,
            ..SessionInfo::default()
        };
        vec![session("192.0.2.1", "anna"), session("192.0.2.2", "bob")]
    }

    fn open_files(&self) -> Vec<OpenFileInfo> {
        let path = "C:\\vol\\sub\\folder\\x.txt".to_owned();
        vec![OpenFileInfo { id: 7, permissions: 1, locks: 0, path, user: "anna".to_owned() }]
    }

    fn connections(&self) -> Vec<ConnectionInfo> {
        vec![ConnectionInfo {
            share: "Data".to_owned(),
            user: "anna".to_owned(),
            ..ConnectionInfo::default()
        }]
    }

    fn share_users(&self, share: &str) -> u32 {
        if share == "Data" { 2 } else { 0 }
    }

    fn end(&self, ending: &Ending) {
        self.0.borrow_mut().push(format!("{ending:?}"));
    }

    fn statistics(&self) -> Statistics {
        let started = FileTime::from_unix(1_600_000_000, 0);
        Statistics { started, opens: 3, sessions: 2, refused_logons: 1 }
    }
}

fn share(id: i64, name: &str, comment: &str) -> Share {
    let everyone = Ace::allow(Sid::EVERYONE, AccessMask::FILE_ALL_ACCESS, AceFlags(0));
    let security = SecurityDescriptor::new(
        Sid::ADMINISTRATORS,
        Sid::ADMINISTRATORS,
        Acl::from_aces([everyone]).unwrap(),
    );
    Share {
        id,
        name: name.to_owned(),
        settings: ShareSettings {
            volume: "vol".to_owned(),
            path: "sub/folder".to_owned(),
            comment: comment.to_owned(),
            security: Arc::new(security),
            encrypt: true,
            access_based_enumeration: true,
            caching: CachingMode::Documents,
            continuously_available: false,
            ca_timeout_seconds: 0,
            max_users: Some(5),
            audit: crate::state::AuditOption::None,
        },
    }
}

impl Fixture {
    pub(super) fn new() -> Fixture {
        let machine_sid: Sid = "S-1-5-21-1-2-3".parse().unwrap();
        let account = |name: &str, rid| Account {
            name: name.to_owned(),
            rid,
            sid: machine_sid.with_rid(rid).unwrap(),
            full_name: String::new(),
            comment: String::new(),
            nt_hash: NtHash::from_bytes([0; 16]),
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
        let accounts = AccountsSnapshot::new(
            machine_sid,
            vec![account("anna", 1000), account("bob", 1001)],
            vec![
                group("Administrators", Sid::ADMINISTRATORS, true),
                group("Users", Sid::USERS, true),
                group("team", machine_sid.with_rid(1002).unwrap(), false),
            ],
        );
        Fixture {
            server: ServerInfo {
                netbios_name: "FILES".to_owned(),
                dns_name: "files.example.com".to_owned(),
                workgroup: "WORKGROUP".to_owned(),
                comment: "A test server".to_owned(),
                version: ServerInfo::VERSION,
                machine_sid,
                server_guid: Guid::ZERO,
            },
            domain: None,
            caller: Token::builder(machine_sid.with_rid(1000).unwrap()).groups([Sid::ADMINISTRATORS]).build(),
            accounts,
            directory: DirectoryCache::default(),
            asked: Asked::default(),
            namespaces: Namespaces::default(),
            shares: SharesSnapshot::new(vec![share(1, "hidden$", ""), share(2, "Data", "The data")]),
            activity: Busy::default(),
            tasks: std::cell::RefCell::default(),
            done: Ok(Done::Nothing),
            slow_down: false,
        }
    }

    pub(super) fn ordinary_caller(mut self) -> Self {
        let bob = self.server.machine_sid.with_rid(1001).unwrap();
        self.caller = Token::builder(bob).groups(crate::state::tokens::LOGON_GROUPS).build();
        self
    }

    /// A caller in that group of this machine and no other.
    pub(super) fn caller_in(mut self, group: Option<Sid>) -> Self {
        let bob = self.server.machine_sid.with_rid(1001).unwrap();
        self.caller = Token::builder(bob).groups([Sid::USERS]).groups(group).build();
        self
    }

    /// Further names of the server.
    pub(super) fn with_aliases(self, aliases: &[&str]) -> Self {
        let mut joined = self.joined();
        let domain = joined.domain.as_mut().unwrap();
        domain.aliases = aliases.iter().map(|alias| (*alias).to_owned()).collect();
        domain.host_names.extend(aliases.iter().map(|alias| alias.to_lowercase()));
        joined
    }

    /// Runs what the pipe needs to have done: the directory has said what is in the fixture's cache, accounts are those of the
    /// fixture, and tasks are written down.
    pub(super) fn run_errands(&self, pipe: &mut Pipe) {
        while let Some(errand) = pipe.errand() {
            let outcome = match errand {
                Errand::Names(_) | Errand::Delay => Outcome::Nothing,
                Errand::Task(commission) => {
                    let allowed = commission.allowed;
                    self.tasks.borrow_mut().push(*commission);
                    Outcome::Task(if allowed { self.done.clone() } else { Err(TaskError::AccessDenied) })
                }
                Errand::Account(query) => self.account(&query.user),
            };
            pipe.resume(&self.context(), outcome).unwrap();
        }
    }

    fn account(&self, user: &str) -> Outcome {
        let Some(account) = self.accounts.account(user) else {
            return Outcome::Account(AccountAnswer::Unknown, None);
        };
        let answer = AccountAnswer::Secret { nt_hash: nt_hash(PASSWORD), restriction: None };
        let token = Arc::new(Token::builder(account.sid).groups([Sid::USERS]).build());
        let caller = Caller { token, name: account.name.clone(), domain: "FILES".to_owned() };
        Outcome::Account(answer, Some(caller))
    }

    /// What calls have had done.
    pub(super) fn tasks(&self) -> Vec<Task> {
        let tasks = self.tasks.borrow();
        tasks.iter().filter(|known| known.allowed).map(|known| known.task.clone()).collect()
    }

    /// What calls would have had done, and were refused.
    pub(super) fn refused(&self) -> Vec<Commission> {
        self.tasks.borrow().iter().filter(|known| !known.allowed).cloned().collect()
    }

    /// What calls have ended.
    pub(super) fn ended(&self) -> Vec<String> {
        self.activity.0.borrow().clone()
    }

    pub(super) fn anonymous_caller(mut self) -> Self {
        self.caller = Token::builder(Sid::ANONYMOUS).build();
        self
    }

    /// A group has these members.
    pub(super) fn with_members(mut self, group: &str, members: &[&str]) -> Self {
        let accounts = self.accounts.accounts().iter().map(|account| (**account).clone()).collect();
        let mut groups: Vec<Group> = self.accounts.groups().iter().map(|group| (**group).clone()).collect();
        let changed = groups.iter_mut().find(|known| known.name == group).unwrap();
        changed.members = members.iter().map(|sid| sid.parse().unwrap()).collect();
        self.accounts = AccountsSnapshot::new(self.server.machine_sid, accounts, groups);
        self
    }

    /// The server is a member of a domain.
    pub(super) fn joined(mut self) -> Self {
        self.domain = Some(DomainInfo {
            netbios_name: "CORP".to_owned(),
            dns_name: "corp.example".to_owned(),
            forest: "example".to_owned(),
            sid: "S-1-5-21-7-8-9".parse().unwrap(),
            aliases: vec!["files2.corp.example".to_owned()],
            host_names: ["files", "files.corp.example", "files2", "files2.corp.example"]
                .map(str::to_owned)
                .into(),
        });
        self.directory.set_domain(Some(Domain {
            sid: "S-1-5-21-7-8-9".parse().unwrap(),
            netbios_name: "CORP".to_owned(),
            dns_name: "corp.example".to_owned(),
        }));
        self.directory.set_trusted(Vec::new());
        self
    }

    /// These namespaces.
    pub(super) fn with_namespaces(mut self, namespaces: Namespaces) -> Self {
        self.namespaces = namespaces;
        self
    }

    /// Other shares, without remarks.
    pub(super) fn with_shares(mut self, names: &[&str]) -> Self {
        self.shares = SharesSnapshot::new((1..).zip(names).map(|(id, name)| share(id, name, "")).collect());
        self
    }

    pub(super) fn context(&self) -> RpcContext<'_> {
        RpcContext {
            server: &self.server,
            domain: self.domain.as_ref(),
            caller: &self.caller,
            caller_name: "anna",
            caller_domain: "FILES",
            accounts: &self.accounts,
            directory: &self.directory,
            asked: &self.asked,
            shares: &self.shares,
            namespaces: &self.namespaces,
            activity: &self.activity,
            logons: self,
            now: FileTime::from_unix(1_700_000_000, 0),
        }
    }
}

fn guid(text: &str) -> Guid {
    let digits: String = text.chars().filter(|c| *c != '-').collect();
    let byte = |at: usize| u8::from_str_radix(&digits[at * 2..at * 2 + 2], 16).unwrap();
    let mut tail = [0; 8];
    for (index, place) in tail.iter_mut().enumerate() {
        *place = byte(8 + index);
    }
    let word = |at| u16::from_be_bytes([byte(at), byte(at + 1)]);
    Guid::new(u32::from_be_bytes([byte(0), byte(1), byte(2), byte(3)]), word(4), word(6), tail)
}

/// The bind that Windows sends: three contexts for one interface, in NDR32, NDR64 and with bind-time features.
pub(super) fn windows_bind(interface: &str, version: u32) -> Vec<u8> {
    let mut writer = Writer::new();
    writer.bytes(&[5, 0, PduType::BIND.0, 3, 0x10, 0, 0, 0]);
    writer.bytes(&[0, 0, 0, 0, 2, 0, 0, 0]);
    writer.u16(4_280);
    writer.u16(4_280);
    writer.u32(0);
    writer.bytes(&[3, 0, 0, 0]);
    let transfer = [
        ("8a885d04-1ceb-11c9-9fe8-08002b104860", 2),
        ("71710533-beba-4937-8319-b5dbef9ccc36", 1),
        ("6cb71c2c-9812-4540-0300-000000000000", 1),
    ];
    for (id, (syntax, syntax_version)) in (0u16..).zip(transfer) {
        writer.u16(id);
        writer.bytes(&[1, 0]);
        writer.bytes(&guid(interface).0);
        writer.u32(version);
        writer.bytes(&guid(syntax).0);
        writer.u32(syntax_version);
    }
    let length = writer.position();
    writer.patch_u16(8, length);
    writer.into_bytes()
}

/// A call in fragments with at most `room` bytes of parameters each.
pub(super) fn request_fragments(
    call_id: u32,
    context_id: u16,
    operation: u16,
    stub: &[u8],
    room: usize,
) -> Vec<Vec<u8>> {
    let parts: Vec<&[u8]> = if stub.is_empty() { vec![stub] } else { stub.chunks(room).collect() };
    let last = parts.len() - 1;
    parts
        .iter()
        .enumerate()
        .map(|(index, part)| {
            let flags = u8::from(index == 0) | if index == last { 2 } else { 0 };
            let mut writer = Writer::new();
            writer.bytes(&[5, 0, PduType::REQUEST.0, flags, 0x10, 0, 0, 0]);
            writer.u16(u16::try_from(part.len() + pdu::CALL_HEADER_SIZE).unwrap());
            writer.u16(0);
            writer.u32(call_id);
            writer.u32(0);
            writer.u16(context_id);
            writer.u16(operation);
            writer.bytes(part);
            writer.into_bytes()
        })
        .collect()
}

/// Parameters of NetrServerGetInfo and NetrWkstaGetInfo.
pub(super) fn server_info_request(level: u32) -> Vec<u8> {
    let mut writer = NdrWriter::new();
    writer.pointer();
    writer.wide_string("\\\\files");
    writer.u32(level);
    writer.into_bytes()
}

/// Parameters of NetrShareGetInfo.
pub(super) fn share_info_request(name: &str, level: u32) -> Vec<u8> {
    let mut writer = NdrWriter::new();
    writer.null();
    writer.wide_string(name);
    writer.u32(level);
    writer.into_bytes()
}

pub(super) struct Client<'f> {
    fixture: &'f Fixture,
    pub(super) pipe: Pipe,
    /// Most bytes of parameters in one fragment.
    pub(super) fragment: usize,
    call_id: u32,
}

impl<'f> Client<'f> {
    pub(super) fn bind(fixture: &'f Fixture, pipe: &str, uuid: &str, version: u32) -> Self {
        let mut pipe = Pipe::open(pipe.into()).unwrap();
        let answer = pipe.transceive(&fixture.context(), &windows_bind(uuid, version), 4_280).unwrap();
        let PipeRead::Data { bytes, more: false } = answer else { panic!("{answer:?}") };
        assert_eq!(bytes[2], PduType::BIND_ACK.0);
        Client { fixture, pipe, fragment: 4_000, call_id: 2 }
    }

    pub(super) fn srvsvc(fixture: &'f Fixture) -> Self {
        let (pipe, uuid, version) = INTERFACES[0];
        Self::bind(fixture, pipe, uuid, version)
    }

    pub(super) fn lsarpc(fixture: &'f Fixture) -> Self {
        let (pipe, uuid, version) = INTERFACES[2];
        Self::bind(fixture, pipe, uuid, version)
    }

    pub(super) fn samr(fixture: &'f Fixture) -> Self {
        let (pipe, uuid, version) = INTERFACES[4];
        Self::bind(fixture, pipe, uuid, version)
    }

    pub(super) fn netdfs(fixture: &'f Fixture) -> Self {
        let (pipe, uuid, version) = INTERFACES[5];
        Self::bind(fixture, pipe, uuid, version)
    }

    /// LsarOpenPolicy2 without a name.
    pub(super) fn open_policy(&mut self) -> [u8; 20] {
        let mut stub = vec![0; 28];
        stub.extend([0, 0, 0, 2]);
        let answer = self.call(44, &stub).unwrap();
        assert_eq!(answer[20..], [0; 4]);
        answer[..20].try_into().unwrap()
    }

    /// A domain of samr opened with all rights.
    pub(super) fn open_domain(&mut self, domain: &str) -> [u8; 20] {
        let stub = self.call(57, &[0, 0, 0, 0, 0, 0, 0, 2]).unwrap();
        assert_eq!(stub[20..], [0; 4]);
        let mut writer = NdrWriter::new();
        writer.bytes(&stub[..20]);
        writer.u32(0x0200_0000);
        writer.sid(&domain.parse().unwrap());
        self.opened(7, &writer.into_bytes())
    }

    /// An object of a domain of samr, opened with `access` by operation `operation`.
    pub(super) fn open_in(&mut self, domain: [u8; 20], operation: u16, rid: u32, access: u32) -> [u8; 20] {
        let request = [domain.as_slice(), &access.to_le_bytes(), &rid.to_le_bytes()].concat();
        self.opened(operation, &request)
    }

    /// The handle that a call gives which must succeed.
    pub(super) fn opened(&mut self, operation: u16, request: &[u8]) -> [u8; 20] {
        let stub = self.call(operation, request).unwrap();
        assert_eq!(stub[20..], [0; 4], "operation {operation}");
        stub[..20].try_into().unwrap()
    }

    /// The status at the end of the results of a call, and the results before it.
    pub(super) fn outcome(&mut self, operation: u16, request: &[u8]) -> (Vec<u8>, u32) {
        let mut stub = self.call(operation, request).unwrap();
        let status = stub.split_off(stub.len() - 4);
        (stub, u32::from_le_bytes(status.try_into().unwrap()))
    }

    pub(super) fn call(&mut self, operation: u16, stub: &[u8]) -> Result<Vec<u8>, Fault> {
        self.call_on(0, operation, stub)
    }

    pub(super) fn call_on(&mut self, context: u16, operation: u16, stub: &[u8]) -> Result<Vec<u8>, Fault> {
        self.call_id += 1;
        for fragment in request_fragments(self.call_id, context, operation, stub, self.fragment) {
            if self.pipe.write(&self.fixture.context(), &fragment).is_err() {
                break;
            }
        }
        self.fixture.run_errands(&mut self.pipe);
        let mut stub = Vec::new();
        loop {
            let PipeRead::Data { bytes, more: false } = self.pipe.read(usize::MAX) else {
                panic!("no answer")
            };
            let header = Header::from_bytes(&bytes).unwrap();
            assert_eq!(header.call_id, self.call_id);
            assert_eq!(usize::from(header.fragment_length), bytes.len());
            if header.pdu_type == PduType::FAULT {
                return Err(Fault(u32::from_le_bytes(bytes[24..28].try_into().unwrap())));
            }
            assert_eq!(header.pdu_type, PduType::RESPONSE);
            stub.extend_from_slice(&bytes[pdu::CALL_HEADER_SIZE..]);
            if header.flags & pdu::LAST_FRAGMENT != 0 {
                assert_eq!(self.pipe.read(1), PipeRead::Empty);
                return Ok(stub);
            }
        }
    }
}
