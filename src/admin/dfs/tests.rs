//! Requests about namespaces, from the first share to the last target.

use freehold_dfs::sites::{Controller, ServerPlace, SiteLink, Subnet, Topology};
use freehold_dtyp::FileTime;

use super::super::dfs_protocol::{
    DfsFolderRow, DfsNamespaceRow, DfsPriorityClass, DfsReply, DfsRequest, DfsResolution, DfsResolvedTarget,
    DfsSiteRow, DfsState, DfsTargetRow, FolderOptions, NamespaceOptions, TargetOptions,
};
use super::super::protocol::{Reply, Request};
use super::super::service::AdminService;
use super::super::testing::{add_share, done as share_done, refused, service, shares};
use crate::state::dfs_sites::KeptSites;

fn ask(service: &AdminService, request: DfsRequest) -> Reply {
    service.execute(Request::Dfs { request })
}

fn done(service: &AdminService, request: DfsRequest) {
    let reply = ask(service, request);
    assert!(matches!(reply, Reply::Dfs(DfsReply::Done)), "{reply:?}");
}

fn namespaces(service: &AdminService) -> Vec<DfsNamespaceRow> {
    match ask(service, DfsRequest::Namespaces { name: None }) {
        Reply::Dfs(DfsReply::Namespaces(rows)) => rows,
        other => panic!("{other:?}"),
    }
}

fn folders(service: &AdminService) -> Vec<DfsFolderRow> {
    match ask(service, DfsRequest::Folders { path: None }) {
        Reply::Dfs(DfsReply::Folders(rows)) => rows,
        other => panic!("{other:?}"),
    }
}

fn targets(service: &AdminService, path: &str) -> Vec<DfsTargetRow> {
    match ask(service, DfsRequest::Targets { path: Some(path.to_owned()) }) {
        Reply::Dfs(DfsReply::Targets(rows)) => rows,
        other => panic!("{other:?}"),
    }
}

fn resolve(service: &AdminService, path: &str) -> DfsResolution {
    match ask(service, DfsRequest::Resolve { path: path.to_owned(), client: None }) {
        Reply::Dfs(DfsReply::Resolution(resolution)) => *resolution,
        other => panic!("{other:?}"),
    }
}

fn add_namespace(name: &str, volume: Option<&str>) -> DfsRequest {
    DfsRequest::AddNamespace {
        name: name.to_owned(),
        volume: volume.map(str::to_owned),
        path: volume.map(|_| "dfs".to_owned()),
        settings: NamespaceOptions { enable_target_failback: Some(true), ..NamespaceOptions::default() },
        domain: false,
        logon: None,
    }
}

fn add_folder(path: &str, targets: &[&str]) -> DfsRequest {
    DfsRequest::AddFolder {
        path: path.to_owned(),
        target_paths: targets.iter().map(|target| (*target).to_owned()).collect(),
        settings: FolderOptions { time_to_live_sec: Some(60), ..FolderOptions::default() },
        targets: TargetOptions::default(),
    }
}

#[test]
fn a_namespace_is_made_of_a_share_or_with_one() {
    let (service, folder) = service();
    assert!(refused(ask(&service, add_namespace("files", None))).contains("no share"));
    assert!(refused(ask(&service, add_namespace("files", Some("other")))).contains("data"));
    done(&service, add_namespace("files", Some("data")));
    assert!(folder.path().join("dfs").is_dir());
    assert_eq!(shares(&service)[0].name, "files");
    share_done(service.execute(add_share("Old", "data", "")));
    done(&service, add_namespace("\\\\x\\old", None));
    let rows = namespaces(&service);
    assert_eq!(rows.iter().map(|row| row.name.as_str()).collect::<Vec<_>>(), ["files", "Old"]);
    assert_eq!((rows[0].time_to_live_sec, rows[0].state), (300, DfsState::Online));
    assert_eq!(rows[0].properties, ["Target Failback"]);
    assert!(refused(ask(&service, add_namespace("old", None))).contains("exists already"));
    // The share would be made, were the namespace not there: nothing of it is.
    assert!(refused(ask(&service, add_namespace("old", Some("data")))).contains("exists already"));
    let gone = refused(service.execute(Request::ShareRemove { name: "old".to_owned() }));
    assert!(gone.contains("namespace remove"), "{gone}");
    done(&service, DfsRequest::RemoveNamespace { name: "OLD".to_owned(), logon: None });
    share_done(service.execute(Request::ShareRemove { name: "old".to_owned() }));
}

#[test]
fn folders_and_targets_are_found_by_any_spelling() {
    let (service, _folder) = service();
    done(&service, add_namespace("files", Some("data")));
    done(&service, add_folder("files/teams/red", &["//fs1/teams/red", "\\\\fs2\\red"]));
    let rows = folders(&service);
    assert_eq!(rows[0].path, "\\\\localhost\\files\\teams\\red");
    assert_eq!(rows[0].target_paths, ["\\\\fs1\\teams\\red", "\\\\fs2\\red"]);
    assert_eq!(rows[0].time_to_live_sec, 60);
    let path = || "\\\\any\\FILES\\Teams\\RED".to_owned();
    let settings = TargetOptions {
        referral_priority_class: Some(DfsPriorityClass::GlobalLow),
        ..TargetOptions::default()
    };
    let target_path = "\\\\FS1\\teams\\RED".to_owned();
    done(&service, DfsRequest::SetTarget { path: path(), target_path: target_path.clone(), settings });
    let settings = TargetOptions { referral_priority_rank: Some(3), ..TargetOptions::default() };
    done(&service, DfsRequest::SetTarget { path: path(), target_path: target_path.clone(), settings });
    let row = &targets(&service, "files")[0];
    // What is not given stays.
    assert_eq!((row.referral_priority_class, row.referral_priority_rank), (DfsPriorityClass::GlobalLow, 3));
    done(&service, DfsRequest::RemoveTarget { path: path(), target_path });
    let last = DfsRequest::RemoveTarget { path: path(), target_path: "\\\\fs2\\red".to_owned() };
    assert!(refused(ask(&service, last)).contains("last target"));
    let new_path = "files\\red".to_owned();
    done(&service, DfsRequest::MoveFolder { path: path(), new_path: new_path.clone() });
    assert_eq!(folders(&service)[0].path, "\\\\localhost\\files\\red");
    let elsewhere = DfsRequest::MoveFolder { path: new_path.clone(), new_path: "other\\red".to_owned() };
    assert!(refused(ask(&service, elsewhere)).contains("files"));
    done(&service, DfsRequest::RemoveFolder { path: new_path });
    assert!(folders(&service).is_empty());
}

#[test]
fn what_is_wrong_is_named_and_changes_nothing() {
    let (service, _folder) = service();
    done(&service, add_namespace("files", Some("data")));
    for (request, wanted) in [
        (add_folder("files", &["\\\\fs1\\a"]), "namespace"),
        (add_folder("none\\a", &["\\\\fs1\\a"]), "none"),
        (add_folder("files\\a", &[]), "Targets"),
        (add_folder("files\\a", &["fs1\\a"]), "TargetPath"),
        (add_folder("files\\a", &["\\\\fs1\\a", "\\\\FS1\\A"]), "Targets"),
        (add_folder("files\\a?", &["\\\\fs1\\a"]), "Path"),
    ] {
        let message = refused(ask(&service, request));
        assert!(message.contains(wanted), "{message}");
    }
    let settings = FolderOptions { time_to_live_sec: Some(0), ..FolderOptions::default() };
    done(&service, add_folder("files\\a", &["\\\\fs1\\a"]));
    let wrong = DfsRequest::SetFolder { path: "files\\a".to_owned(), settings };
    assert!(refused(ask(&service, wrong)).contains("TtlSeconds"));
    assert!(refused(ask(&service, DfsRequest::Test { path: None })).contains("running server"));
    assert_eq!(folders(&service).len(), 1);
}

#[test]
fn a_resolution_says_where_a_client_goes() {
    let (service, _folder) = service();
    done(&service, add_namespace("files", Some("data")));
    done(&service, add_folder("files\\a", &["\\\\fs1\\x", "\\\\fs2\\x\\y", "\\\\fs3\\x"]));
    let set = |target: &str, settings| {
        let (path, target_path) = ("files\\a".to_owned(), target.to_owned());
        done(&service, DfsRequest::SetTarget { path, target_path, settings });
    };
    let class = DfsPriorityClass::GlobalHigh;
    set("\\\\fs2\\x\\y", TargetOptions { referral_priority_class: Some(class), ..TargetOptions::default() });
    set("\\\\fs3\\x", TargetOptions { state: Some(DfsState::Offline), ..TargetOptions::default() });
    let found = resolve(&service, "files\\A\\plans\\1.txt");
    assert_eq!((found.referral.as_str(), found.time_to_live_sec), ("Link", 60));
    assert_eq!(found.path_consumed, u32::try_from("\\localhost\\files\\A".len() * 2).unwrap());
    let leads: Vec<_> = found.targets.iter().map(|target| target.leads_to.as_str()).collect();
    assert_eq!(leads, ["\\\\fs2\\x\\y\\plans\\1.txt", "\\\\fs1\\x\\plans\\1.txt"]);
    assert_eq!(found.targets.iter().map(|target| target.set_boundary).collect::<Vec<_>>(), [true, true]);
    assert!(found.reasons.iter().any(|reason| reason.contains("fs3")), "{:?}", found.reasons);
    let root = resolve(&service, "files\\b");
    assert_eq!(
        (root.referral.as_str(), root.targets[0].leads_to.as_str()),
        ("Root", "\\\\localhost\\files\\b")
    );
    assert_eq!(resolve(&service, "none\\b").referral, "");
    let client = Some("nobody".to_owned());
    let wrong = ask(&service, DfsRequest::Resolve { path: "files".to_owned(), client });
    assert!(refused(wrong).contains("Client"));
}

#[test]
fn a_folder_never_leads_back_to_itself() {
    let (service, _folder) = service();
    done(&service, add_namespace("files", Some("data")));
    let root = namespaces(&service)[0].path.clone();
    let in_root = |folder: &str| format!("{root}\\{folder}");
    let is_refused = |request| {
        let message = refused(ask(&service, request));
        assert!(message.contains("leads back"), "{message}");
    };
    is_refused(add_folder("files\\a", &[&in_root("A")]));
    is_refused(add_folder("files\\a", &[&in_root("a\\below")]));
    is_refused(add_folder("files\\a", &["\\\\localhost\\files\\a"]));
    done(&service, add_folder("files\\a", &[&in_root("b\\below")]));
    is_refused(add_folder("files\\b", &[&in_root("a")]));
    done(&service, add_folder("files\\b", &["\\\\other\\files"]));
    let target_path = in_root("a");
    let settings = TargetOptions::default();
    is_refused(DfsRequest::AddTarget { path: "files\\b".to_owned(), target_path, settings });
    done(&service, add_folder("files\\c", &[&in_root("d")]));
    is_refused(DfsRequest::MoveFolder { path: "files\\c".to_owned(), new_path: "files\\d".to_owned() });
    assert_eq!(folders(&service).len(), 3);
}

/// Berlin, which is 30 away from Paris, and a server in each.
fn keep_sites(service: &AdminService) {
    let text = |text: &str| text.to_owned();
    let place = |address: &str| ServerPlace { addresses: vec![address.parse().unwrap()], site: None };
    let kept = KeptSites {
        domain: text("corp.example"),
        read: FileTime(133_000_000_000_000_000),
        topology: Topology {
            sites: vec![text("Berlin"), text("Paris"), text("Rome")],
            subnets: vec![
                Subnet { prefix: text("10.1.0.0/16"), site: text("Berlin") },
                Subnet { prefix: text("10.2.0.0/16"), site: text("Paris") },
            ],
            links: vec![SiteLink { name: text("a"), cost: 30, sites: vec![text("Berlin"), text("Paris")] }],
            controllers: vec![Controller { name: text("dc.corp.example"), site: text("Rome") }],
            ..Topology::default()
        },
        servers: [("fs1", "10.1.0.7"), ("fs2", "10.2.0.7"), ("dc", "10.2.0.8")]
            .map(|(name, address)| (name.to_owned(), place(address)))
            .into(),
    };
    service.state().keep_dfs_sites(&kept).unwrap();
}

fn sites(service: &AdminService, from: Option<&str>) -> Result<Vec<DfsSiteRow>, String> {
    match ask(service, DfsRequest::Sites { from: from.map(str::to_owned) }) {
        Reply::Dfs(DfsReply::Sites(rows)) => Ok(rows),
        other => Err(refused(other)),
    }
}

#[test]
fn a_resolution_says_where_client_and_targets_are() {
    let (service, _folder) = service();
    done(&service, add_namespace("files", Some("data")));
    let settings = NamespaceOptions { enable_site_costing: Some(true), ..NamespaceOptions::default() };
    done(&service, DfsRequest::SetNamespace { name: "files".to_owned(), settings });
    done(&service, add_folder("files\\a", &["\\\\fs9\\a", "\\\\dc\\a", "\\\\FS2\\a", "\\\\fs1\\a"]));
    let resolve = |client: Option<&str>| {
        let request = DfsRequest::Resolve { path: "files\\a".to_owned(), client: client.map(str::to_owned) };
        match ask(&service, request) {
            Reply::Dfs(DfsReply::Resolution(resolution)) => *resolution,
            other => panic!("{other:?}"),
        }
    };
    let without = resolve(Some("10.1.0.1"));
    assert!(without.reasons.iter().any(|reason| reason.contains("freehold domain join")), "{without:?}");
    assert_eq!((without.client_site.as_str(), without.targets[0].site_cost), ("", None));
    keep_sites(&service);
    let found = resolve(Some("10.1.0.1"));
    assert_eq!(found.client_site, "Berlin");
    let row = |row: &DfsResolvedTarget| (row.target_path.clone(), row.site.clone(), row.site_cost);
    let rows: Vec<_> = found.targets.iter().map(row).collect();
    let expected = |target: &str, site: &str, cost| (format!("\\\\{target}\\a"), site.to_owned(), cost);
    assert_eq!(rows[..2], [expected("fs1", "Berlin", Some(0)), expected("FS2", "Paris", Some(30))]);
    let mut last = rows[2..].to_vec();
    last.sort();
    assert_eq!(last, [expected("dc", "Rome", None), expected("fs9", "", None)]);
    assert_eq!(
        found.targets[0].reason,
        "in Berlin, by its address 10.1.0.7 in 10.1.0.0/16: the client's site"
    );
    assert!(found.targets[1].reason.ends_with("another site, cost 30"), "{:?}", found.targets[1]);
    assert!(
        found
            .reasons
            .iter()
            .any(|reason| reason.contains("10.1.0.1 is in the site Berlin (subnet 10.1.0.0/16)"))
    );
    assert_eq!(resolve(Some("::ffff:10.2.0.1")).targets[0].target_path, "\\\\FS2\\a");
    let unknown = resolve(Some("192.0.2.1"));
    assert!(unknown.reasons.iter().any(|reason| reason.contains("no subnet")), "{unknown:?}");
    assert_eq!(resolve(None).client_site, "");
    let insite = NamespaceOptions { enable_insite_referrals: Some(true), ..NamespaceOptions::default() };
    done(&service, DfsRequest::SetNamespace { name: "files".to_owned(), settings: insite });
    let found = resolve(Some("10.1.0.1"));
    assert_eq!(found.targets.len(), 1);
    assert!(
        found.reasons.iter().any(|reason| reason.contains("it is in Paris, by its address 10.2.0.7")),
        "{found:?}"
    );
}

#[test]
fn sites_are_listed_with_costs_from_one_of_them() {
    let (service, _folder) = service();
    assert!(sites(&service, None).unwrap_err().contains("freehold domain join"));
    keep_sites(&service);
    let rows = sites(&service, None).unwrap();
    let names: Vec<_> = rows.iter().map(|row| (row.name.as_str(), row.cost, row.from.as_str())).collect();
    assert_eq!(
        names,
        [("Berlin", None, ""), ("Paris", None, ""), ("Rome", None, "")],
        "its own site is not known"
    );
    assert_eq!(rows[0].subnets, ["10.1.0.0/16"]);
    assert_eq!(rows[1].links, ["a (30)"]);
    assert_eq!(
        (rows[1].servers.as_slice(), rows[2].servers.as_slice()),
        (&["fs2".to_owned()][..], &["dc".to_owned()][..])
    );
    assert_eq!(rows[0].read_at.get(..5), Some("2022-"));
    for from in ["paris", "10.2.3.4"] {
        let costs: Vec<_> = sites(&service, Some(from)).unwrap().iter().map(|row| row.cost).collect();
        assert_eq!(costs, [Some(30), Some(0), None], "{from}");
    }
    assert!(sites(&service, Some("192.0.2.1")).unwrap_err().contains("From is \"192.0.2.1\""));
}
