//! Declared namespaces: what is exported makes the same elsewhere, and what is wrong is named with its place.

use super::super::super::declared_protocol::{
    ChangeAction, ChangeRow, Declaration, DeclaredReply, DeclaredRequest,
};
use super::super::super::dfs_protocol::{
    DfsPriorityClass, DfsReply, DfsRequest, DfsState, FolderOptions, NamespaceOptions, TargetOptions,
};
use super::super::super::protocol::{Reply, Request};
use super::super::super::service::AdminService;
use super::super::super::testing::{refused, service, shares};
use super::*;

fn declare(text: &str) -> Declaration {
    toml::from_str(text).unwrap()
}

fn apply(service: &AdminService, declaration: &Declaration, what_if: bool, prune: bool) -> Reply {
    let declaration = Box::new(declaration.clone());
    service.execute(Request::Declared { request: DeclaredRequest::Apply { declaration, what_if, prune } })
}

fn changes(reply: Reply) -> Vec<ChangeRow> {
    match reply {
        Reply::Declared(DeclaredReply::Changes(rows)) => rows,
        other => panic!("{other:?}"),
    }
}

fn export(service: &AdminService) -> Declaration {
    match service.execute(Request::Declared { request: DeclaredRequest::Export }) {
        Reply::Declared(DeclaredReply::Exported(declaration)) => *declaration,
        other => panic!("{other:?}"),
    }
}

fn said(rows: &[ChangeRow]) -> Vec<(ChangeAction, &str, &str)> {
    rows.iter().map(|row| (row.action, row.kind.as_str(), row.name.as_str())).collect()
}

fn dfs(service: &AdminService, request: DfsRequest) {
    let reply = service.execute(Request::Dfs { request });
    assert!(matches!(reply, Reply::Dfs(DfsReply::Done)), "{reply:?}");
}

/// Two namespaces with folders of all kinds, one with a descriptor of its own without an owner, as the pipe may set it.
fn furnished() -> (AdminService, tempfile::TempDir) {
    let (service, folder) = service();
    for name in ["files", "Other"] {
        let settings = NamespaceOptions {
            description: Some("Alle \"Dateien\"".to_owned()),
            time_to_live_sec: Some(77),
            enable_site_costing: Some(true),
            enable_target_failback: Some(true),
            ..NamespaceOptions::default()
        };
        let (name, volume, path) = (name.to_owned(), Some("data".to_owned()), Some(name.to_owned()));
        dfs(&service, DfsRequest::AddNamespace { name, volume, path, settings, domain: false, logon: None });
    }
    for number in 0..20 {
        let settings = FolderOptions {
            description: (number % 2 == 0).then(|| format!("Folder {number}")),
            state: (number % 3 == 0).then_some(DfsState::Offline),
            time_to_live_sec: (number % 4 == 0).then_some(60 + number),
            enable_insite_referrals: Some(number % 5 == 0),
            interlink: Some(number % 7 == 0),
            ..FolderOptions::default()
        };
        let target_paths = vec![format!("\\\\fs1\\x{number}"), format!("\\\\fs2\\data\\below\\{number}")];
        let path = format!("files\\teams\\{number}");
        let targets = TargetOptions::default();
        dfs(&service, DfsRequest::AddFolder { path, target_paths, settings, targets });
    }
    let settings = TargetOptions {
        state: Some(DfsState::Offline),
        referral_priority_class: Some(DfsPriorityClass::GlobalLow),
        referral_priority_rank: Some(31),
    };
    let (path, target_path) = ("files\\teams\\4".to_owned(), "\\\\fs1\\x4".to_owned());
    dfs(&service, DfsRequest::SetTarget { path, target_path, settings });
    let security = SecurityDescriptor::from_sddl("D:P(A;;FA;;;BA)(A;;0x1200a9;;;S-1-5-21-7-8-9-1103)", None);
    let change =
        FolderChange { security: Some(Some(security.unwrap().to_bytes())), ..FolderChange::default() };
    let (namespace, path) = ("files".to_owned(), "teams\\5".to_owned());
    service.edit_namespaces(&[DfsEdit::ChangeFolder { namespace, path, change }]).unwrap();
    (service, folder)
}

#[test]
fn what_is_exported_makes_the_same_namespaces_elsewhere() {
    let (one, _one) = furnished();
    let exported = export(&one);
    let namespaces = exported.dfs_namespaces.as_ref().unwrap();
    assert_eq!((namespaces.len(), namespaces[0].folders.len()), (2, 20));
    assert!(namespaces[0].folders.iter().any(|folder| folder.security_descriptor.is_some()));
    // The file says the same.
    let text = toml::to_string(&exported).unwrap();
    assert_eq!(declare(&text), exported);
    let (two, _two) = service();
    let planned = changes(apply(&two, &exported, true, false));
    assert_eq!(planned.iter().filter(|row| row.kind == "DfsFolder").count(), 20);
    assert!(planned.iter().all(|row| !row.done));
    assert!(export(&two).dfs_namespaces.unwrap().is_empty() && shares(&two).is_empty());
    assert_eq!(changes(apply(&two, &exported, false, false)).len(), planned.len());
    assert_eq!(export(&two), exported);
    for service in [&one, &two] {
        assert_eq!(changes(apply(service, &exported, false, true)), []);
    }
}

#[test]
fn what_differs_is_changed_and_nothing_else() {
    let (service, _folder) = furnished();
    let mut declaration = Declaration { dfs_namespaces: export(&service).dfs_namespaces, ..<_>::default() };
    let files = &mut declaration.dfs_namespaces.as_mut().unwrap()[0];
    files.time_to_live_sec = 78;
    files.folders[0].targets[1].referral_priority_rank = 3;
    files.folders[1].path = files.folders[1].path.to_uppercase();
    files.folders.remove(2);
    let new = DeclaredNamespaceFolder { path: "teams/new".to_owned(), ..files.folders[3].clone() };
    files.folders.push(new);
    let rows = changes(apply(&service, &declaration, true, false));
    use ChangeAction::{Add, Change, Remove};
    let wanted = [
        (Change, "DfsNamespace", "files"),
        (Remove, "DfsFolder", "files\\teams\\10"),
        (Change, "DfsFolder", "files\\teams\\0"),
        (Change, "DfsFolder", "files\\TEAMS\\1"),
        (Add, "DfsFolder", "files\\teams\\new"),
    ];
    assert_eq!(said(&rows), wanted);
    assert_eq!(rows[0].detail, "TimeToLiveSec: 77 -> 78");
    assert!(rows[2].detail.contains("sitecost-normal 3"), "{}", rows[2].detail);
    changes(apply(&service, &declaration, false, true));
    assert_eq!(changes(apply(&service, &declaration, false, true)), []);
    assert_eq!(export(&service).dfs_namespaces.unwrap()[0].folders.len(), 20);
    // What is not declared goes with pruning alone, a namespace before its share.
    let nothing = declare("Shares = []\nDfsNamespaces = []\n");
    assert!(changes(apply(&service, &nothing, false, false)).iter().all(|row| !row.done));
    assert_eq!(shares(&service).len(), 2);
    changes(apply(&service, &nothing, false, true));
    assert!(shares(&service).is_empty() && export(&service).dfs_namespaces.unwrap().is_empty());
}

#[test]
fn every_mistake_is_named_and_nothing_is_changed() {
    let (service, _folder) = furnished();
    let before = export(&service);
    let root = format!("\\\\{}\\new", service.dfs_server());
    let text = "[[Shares]]\nName = \"new\"\nVolume = \"data\"\nPath = \"new\"\n\
        [[DfsNamespaces]]\nName = \"new\"\nTimeToLiveSec = 0\n\
        [[DfsNamespaces]]\nName = \"none\"\n\
        [[DfsNamespaces]]\nName = \"NEW\"\n\
        [[DfsNamespaces]]\nName = \"files\"\nFolders = [\n\
          { Path = \"teams\", Targets = [{ TargetPath = '\\\\fs1\\x' }] },\n\
          { Path = \"a?\", Targets = [{ TargetPath = '\\\\fs1\\x' }] },\n\
          { Path = \"b\", Targets = [] },\n\
          { Path = \"c\", Targets = [{ TargetPath = 'fs1' }, { TargetPath = '\\\\fs1\\x', ReferralPriorityRank = 32 }] },\n\
          { Path = \"d\", Targets = [{ TargetPath = '\\\\fs1\\x' }], SecurityDescriptor = \"nonsense\" },\n\
          { Path = \"e\", Targets = [{ TargetPath = '\\\\fs1\\x' }] },\n\
          { Path = \"E\", Targets = [{ TargetPath = '\\\\fs1\\x' }] },\n\
          { Path = \"teams/0/below\", Targets = [{ TargetPath = '\\\\fs1\\x' }] },\n\
          { Path = \"f\", TimeToLiveSec = 0, Targets = [{ TargetPath = '\\\\fs1\\x' }] },\n\
        ]\n\
        [[DfsNamespaces]]\nName = \"Other\"\nFolders = [\n\
          { Path = \"one\", Targets = [{ TargetPath = 'ROOT\\two' }] },\n\
        ]\n"
        .replace("ROOT", &root.replace("new", "Other"));
    let mut declaration = declare(&text);
    // Two new folders that lead to each other: neither is there yet.
    let others = &mut declaration.dfs_namespaces.as_mut().unwrap()[4].folders;
    let mut back = others[0].clone();
    back.path = "two".to_owned();
    back.targets[0].target_path = back.targets[0].target_path.replace("two", "one");
    others.push(back);
    let message = refused(apply(&service, &declaration, false, false));
    for place in [
        "DfsNamespaces[0].TimeToLiveSec: ",
        "DfsNamespaces[1].Name: ",
        "DfsNamespaces[2].Name: ",
        "DfsNamespaces[3].Folders[0].Path: ",
        "DfsNamespaces[3].Folders[1].Path: ",
        "DfsNamespaces[3].Folders[2].Targets: ",
        "DfsNamespaces[3].Folders[3].Targets[0].TargetPath: ",
        "DfsNamespaces[3].Folders[3].Targets[1].ReferralPriorityRank: ",
        "DfsNamespaces[3].Folders[4].SecurityDescriptor: ",
        "DfsNamespaces[3].Folders[6].Path: ",
        "DfsNamespaces[3].Folders[7].Path: ",
        "DfsNamespaces[3].Folders[8].TimeToLiveSec: ",
        "DfsNamespaces[4].Folders[0].Targets: ",
        "DfsNamespaces[4].Folders[1].Targets: ",
    ] {
        assert!(message.lines().any(|line| line.starts_with(place)), "{place}: {message}");
    }
    assert_eq!(message.lines().count(), 15, "{message}");
    assert_eq!(export(&service), before);
    // With pruning, what stood in the way is gone.
    let tidy = "[[DfsNamespaces]]\nName = \"files\"\nFolders = [{ Path = \"teams\", Targets = [{ TargetPath = '\\\\fs1\\x' }] }]\n";
    assert!(changes(apply(&service, &declare(tidy), false, true)).iter().all(|row| row.done));
}

#[test]
fn the_root_of_a_pruned_share_is_no_root() {
    let (service, _folder) = furnished();
    let text = "Shares = []\n[[DfsNamespaces]]\nName = \"files\"\n";
    // The namespace is there, and its share would go: the state refuses it.
    assert!(refused(apply(&service, &declare(text), false, true)).contains("namespace"));
    assert_eq!(shares(&service).len(), 2);
    for wrong in ["[[DfsNamespaces]]\nName = \"x\"\nType = \"DomainV2\"\n", "[[DfsNamespaces]]\nTtl = 1\n"] {
        assert!(toml::from_str::<Declaration>(wrong).is_err(), "{wrong}");
    }
}
