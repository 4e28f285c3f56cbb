//! Questions about a volume in memory. What a real open says of the same is in tests/e2e/case_explain.py.

use std::collections::HashMap;
use std::sync::Arc;

use freehold_dtyp::{FileTime, Wtf8};

use super::*;
use crate::acl_jobs::{AclJobs, Recorder};
use crate::admin::LiveOpen;
use crate::admin::open_protocol::{OpenFileRow, SessionRow};
use crate::admin::protocol::{Password, Request, ShareOptions};
use crate::admin::{AdminService, protocol::Reply};
use crate::audit::record::Batch;
use crate::config::DomainSettings;
use crate::fscc::FileAttributes;
use crate::proto::server::{Entropy, Server, ServerConfig};
use crate::vfs::memory::{MemoryOptions, MemoryVolume};
use crate::vfs::{DataUse, NameCase, NewNode, NodeId, NodeKind, VfsPath, Volume};

/// A server with one volume and nobody on it.
struct Fixture {
    volume: Arc<MemoryVolume>,
}

impl RunningServer for Fixture {
    fn dead_dfs_servers(&self) -> std::collections::HashSet<String> {
        std::collections::HashSet::new()
    }

    fn dfs_sites(&self) -> crate::admin::KnownSites {
        crate::admin::KnownSites::default()
    }

    fn probe(&self, _: &[String]) -> std::collections::HashMap<String, Result<std::time::Duration, String>> {
        std::collections::HashMap::new()
    }

    fn sessions(&self) -> Vec<SessionRow> {
        Vec::new()
    }

    fn open_files(&self) -> Vec<OpenFileRow> {
        Vec::new()
    }

    fn end_sessions(&self, _: &[u64]) -> usize {
        0
    }

    fn close_opens(&self, _: &[u64]) -> usize {
        0
    }

    fn is_own_address(&self, _: std::net::IpAddr) -> bool {
        false
    }

    fn share_users(&self, _: &str) -> u32 {
        0
    }

    fn metrics(&self) -> crate::metrics::snapshot::Snapshot {
        crate::metrics::snapshot::Snapshot::default()
    }

    fn volume(&self, name: &str) -> Option<Arc<dyn Volume>> {
        (name == "data").then(|| Arc::clone(&self.volume) as Arc<dyn Volume>)
    }

    fn acl_jobs(&self) -> Arc<AclJobs> {
        /// Nothing is drawn here.
        struct NoEntropy;
        impl Entropy for NoEntropy {
            fn fill(&self, _: &mut [u8]) {}
        }
        /// Nothing is recorded here.
        struct NoRecorder;
        impl Recorder for NoRecorder {
            fn record(&self, _: Batch, _: bool) -> bool {
                false
            }
        }
        let core = Server::new(ServerConfig::default(), Box::new(NoEntropy));
        AclJobs::new(core, Arc::new(State::in_memory().unwrap()), HashMap::new(), Arc::new(NoRecorder))
    }

    fn api(&self) -> Option<(Vec<std::net::SocketAddr>, String)> {
        None
    }

    fn audit_folder(&self) -> std::path::PathBuf {
        std::path::PathBuf::new()
    }

    fn record(&self, _: crate::audit::record::Batch) -> bool {
        true
    }

    fn domain(&self) -> Arc<crate::domain::Domain> {
        crate::domain::Domain::new(
            Arc::new(State::in_memory().unwrap()),
            DomainSettings::default(),
            "FILES",
            Arc::default(),
        )
    }

    fn quotas(&self) -> Arc<crate::quotas::QuotaService> {
        crate::quotas::QuotaService::new(Arc::new(State::in_memory().unwrap()))
    }

    fn opens_of(&self, _: &str, _: NodeId) -> Vec<LiveOpen> {
        Vec::new()
    }
}

fn sd(text: &str) -> Arc<SecurityDescriptor> {
    Arc::new(text.parse().unwrap())
}

/// `plans/` hands on to `plans/a.txt`; the share `Projects` leads to `plans`, and `Home` to a folder of each user below `homes`.
/// Only anna has one.
fn state_and_server() -> (Arc<State>, Fixture) {
    let state = Arc::new(State::in_memory().unwrap());
    let service = AdminService::new(Arc::clone(&state));
    let done = |request| assert!(matches!(service.execute(request), Reply::Done));
    for name in ["anna", "bob"] {
        done(Request::UserAdd {
            name: name.to_owned(),
            password: Password::new("Secret-1".to_owned()),
            full_name: String::new(),
            comment: String::new(),
            disabled: false,
            groups: Vec::new(),
        });
    }
    for (name, member) in [("inner", "anna"), ("outer", "inner")] {
        done(Request::GroupAdd { name: name.to_owned(), comment: String::new() });
        done(Request::GroupAddMember { name: name.to_owned(), member: member.to_owned() });
    }
    let settings = ShareOptions {
        path: Some("plans".to_owned()),
        security_descriptor: Some("D:(A;;FA;;;WD)".to_owned()),
        ..ShareOptions::default()
    };
    done(Request::ShareAdd { name: "Projects".to_owned(), volume: "data".to_owned(), settings });
    let settings = ShareOptions {
        path: Some("homes/{user}".to_owned()),
        security_descriptor: Some("D:(A;;FA;;;WD)".to_owned()),
        ..ShareOptions::default()
    };
    done(Request::ShareAdd { name: "Home".to_owned(), volume: "data".to_owned(), settings });
    let outer = state.accounts().group("outer").unwrap().sid;
    let volume = Arc::new(MemoryVolume::new(MemoryOptions::new(sd("O:BAG:SYD:PAI(A;OICI;FA;;;BA)"))));
    let make = |folder: &str, name: &str, kind, security: String| {
        let folder = VfsPath::new(folder.into()).unwrap();
        let parent = volume.open(&folder, None, DataUse::WRITE).unwrap();
        let new = NewNode {
            kind,
            attributes: FileAttributes::empty(),
            security: sd(&security),
            extended_attributes: Vec::new(),
            allocation_bytes: 0,
            now: FileTime::ZERO,
            case: NameCase::Ignored,
            no_compression: false,
        };
        volume.create(&parent.file, Wtf8::from(name), &new).unwrap();
    };
    make(
        "",
        "plans",
        NodeKind::Directory,
        format!("O:BAG:SYD:AI(A;OICI;0x1301bf;;;{outer})(A;OICIID;FA;;;BA)"),
    );
    make("plans", "a.txt", NodeKind::File, format!("O:BAG:SYD:AI(A;ID;0x1301bf;;;{outer})(A;ID;FA;;;BA)"));
    let anna = state.accounts().account("anna").unwrap().sid;
    make("", "homes", NodeKind::Directory, "O:BAG:SYD:P(A;;FA;;;BA)".to_owned());
    make("homes", "Anna", NodeKind::Directory, format!("O:{anna}G:SYD:P(A;OICI;FA;;;{anna})"));
    make("homes/Anna", "b.txt", NodeKind::File, format!("O:{anna}G:SYD:AI(A;ID;FA;;;{anna})"));
    (state, Fixture { volume })
}

fn ask(request: &ExplainRequest) -> anyhow::Result<Explanation> {
    let (state, server) = state_and_server();
    explain(&state, Names::new(&state, Some(&server)), &server, request)
}

fn question(user: &str, path: &str, right: &str) -> ExplainRequest {
    let right = (!right.is_empty()).then(|| right.to_owned());
    ExplainRequest { user: user.to_owned(), path: path.to_owned(), right, ..ExplainRequest::default() }
}

#[test]
fn the_chain_and_the_folder_of_the_deciding_entry_are_told() {
    let said = ask(&question("anna", "projects:/A.TXT", "M")).unwrap();
    assert!(said.allowed, "{:?}", said.summary);
    assert_eq!(said.path, "Projects:/a.txt");
    let entry = said.rights[0].entry.as_ref().unwrap();
    assert_eq!(entry.chain, ["anna", "inner", "outer"]);
    assert_eq!(entry.inherited_from.as_deref(), Some("Projects:/"));
    let said = ask(&question("anna", "Projects:/", "R")).unwrap();
    assert!(said.is_directory);
    assert_eq!(said.rights[0].entry.as_ref().unwrap().inherited_from, None);
}

#[test]
fn below_a_home_share_it_is_the_users_own_folder() {
    for path in ["Home:/b.txt", r"\\server\home\B.TXT", "//server/Home/b.txt"] {
        let said = ask(&question("anna", path, "M")).unwrap();
        assert!(said.allowed, "{path}: {:?}", said.summary);
        assert_eq!(said.path, "Home:/b.txt", "{path}");
        assert_eq!(
            said.rights[0].entry.as_ref().unwrap().inherited_from.as_deref(),
            Some("Home:/"),
            "{path}"
        );
    }
    let error = ask(&question("bob", "Home:/b.txt", "R")).unwrap_err().to_string();
    assert!(error.contains("bob has no folder in the share Home yet"), "{error}");
}

#[test]
fn a_denial_ends_in_what_to_do() {
    let said = ask(&question("bob", r"\\server\Projects\a.txt", "R")).unwrap();
    assert!(!said.allowed);
    assert_eq!(said.status, "STATUS_ACCESS_DENIED");
    assert!(
        said.advice[0].contains("freehold acl grant \"Projects:/a.txt\" \"bob:(R)\""),
        "{:?}",
        said.advice
    );
    assert!(said.advice[1].contains("add-member \"outer\" bob"), "{:?}", said.advice);
}

#[test]
fn what_is_assumed_counts_and_is_told() {
    let mut with_group = question("bob", "Projects:/a.txt", "M");
    with_group.add_groups = vec!["inner".to_owned()];
    let said = ask(&with_group).unwrap();
    assert!(said.allowed);
    assert_eq!(said.rights[0].entry.as_ref().unwrap().chain, ["bob", "inner", "outer"]);
    assert_eq!(said.what_if, ["bob is in inner"]);
    for ace in ["bob:(RX)", "(A;;0x1200a9;;;BU)", "bob:(OI)(CI)F"] {
        let mut with_ace = question("bob", "Projects:/a.txt", "RX");
        with_ace.with_aces = vec![ace.to_owned()];
        let said = ask(&with_ace).unwrap();
        assert!(said.allowed, "{ace}");
        assert!(said.rights[0].entry.as_ref().unwrap().what_if, "{ace}");
        assert_eq!(said.what_if.len(), 1, "{ace}");
    }
    let mut denied = question("anna", "Projects:/a.txt", "R");
    denied.with_aces = vec!["outer:(DENY)(R)".to_owned()];
    assert!(!ask(&denied).unwrap().allowed);
}

#[test]
fn what_is_not_there_may_be_made_or_not() {
    let said = ask(&question("anna", "Projects:/new.txt", "")).unwrap();
    assert_eq!((said.exists, said.status.as_str()), (false, "STATUS_OBJECT_NAME_NOT_FOUND"));
    let said = ask(&question("bob", "Projects:/new.txt", "W")).unwrap();
    assert_eq!((said.exists, said.status.as_str()), (false, "STATUS_ACCESS_DENIED"));
    assert!(said.advice[0].contains("\"Projects:/\""), "{:?}", said.advice);
}

#[test]
fn what_cannot_be_answered_is_refused_with_a_reason() {
    for (user, path, right, word) in [
        ("nobody", "Projects:/", "", "user list"),
        ("bob", "nowhere:/", "", "share list"),
        ("bob", "a.txt", "", "share:/folder/file"),
        ("bob", "Projects:/../x", "", "plain path"),
        ("bob", "Projects:/x/y/z", "", "on the way"),
        ("bob", "Projects:/", "QQ", "is no right"),
    ] {
        let error = ask(&question(user, path, right)).unwrap_err().to_string();
        assert!(error.contains(word), "{path}: {error}");
    }
}
