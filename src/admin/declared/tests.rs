use freehold_acl::SecurityDescriptor;

use super::super::declared_protocol::{
    ChangeAction, ChangeRow, Declaration, DeclaredAccount, DeclaredReply, DeclaredRequest, DeclaredShare,
};
use super::super::protocol::{Reply, Request, ServerOptions, ShareOptions, ShareRight};
use super::super::service::AdminService;
use super::super::testing::{add_share, add_user, done, refused, service, shares};
use super::shares::simple_entries;

fn declare(text: &str) -> Box<Declaration> {
    Box::new(toml::from_str(text).unwrap())
}

fn apply(service: &AdminService, declaration: Box<Declaration>, what_if: bool, prune: bool) -> Reply {
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

/// A server with groups, settings and 30 shares of all kinds.
fn furnished() -> (AdminService, tempfile::TempDir) {
    let (service, folder) = service();
    for name in ["anna", "bob"] {
        done(service.execute(add_user(name, &[])));
    }
    done(service.execute(Request::GroupAdd { name: "staff".to_owned(), comment: "All of us".to_owned() }));
    for member in ["bob", "anna", "S-1-5-21-7-8-9-1103"] {
        let (name, member) = ("staff".to_owned(), member.to_owned());
        done(service.execute(Request::GroupAddMember { name, member }));
    }
    for number in 0..30 {
        let name = format!("share{number:02}");
        done(service.execute(add_share(&name, "data", &name)));
        let grant = |account: &str, right| Request::ShareGrant {
            name: name.clone(),
            account: account.to_owned(),
            right,
        };
        done(service.execute(grant("anna", ShareRight::ALL[number % 3])));
        if number % 4 == 0 {
            done(service.execute(Request::ShareBlock { name: name.clone(), account: "staff".to_owned() }));
        }
        if number % 5 == 0 {
            let settings = ShareOptions {
                security_descriptor: Some("O:SYG:BAD:P(A;;0x1200ff;;;WD)".to_owned()),
                encrypt_data: Some(true),
                ca_timeout: Some(77),
                concurrent_user_limit: Some(3),
                description: Some("Ein \"Kommentar\" mit Ünicode".to_owned()),
                ..ShareOptions::default()
            };
            done(service.execute(Request::ShareSet { name: name.clone(), volume: None, settings }));
        }
    }
    let settings = ServerOptions { encrypt_data: Some(true), ..ServerOptions::default() };
    done(service.execute(Request::ServerSet { settings }));
    (service, folder)
}

#[test]
fn what_is_exported_makes_the_same_state_elsewhere() {
    let (service_one, _one) = furnished();
    let exported = export(&service_one);
    let (service_two, _two) = service();
    for name in ["anna", "bob"] {
        done(service_two.execute(add_user(name, &[])));
    }
    // Their machine's SID differs: names say who it is.
    let said = changes(apply(&service_two, Box::new(exported.clone()), true, false));
    assert!(export(&service_two).shares.unwrap().is_empty());
    let rows = changes(apply(&service_two, Box::new(exported.clone()), false, false));
    assert!(rows.iter().all(|row| row.done) && said.len() == rows.len());
    assert_eq!(export(&service_two), exported);
    assert_eq!(changes(apply(&service_two, Box::new(exported.clone()), false, true)), []);
    assert_eq!(changes(apply(&service_one, Box::new(exported), false, true)), []);
}

#[test]
fn what_is_not_declared_goes_with_prune_alone() {
    let (service, _folder) = furnished();
    let declaration = "Groups = []\n[[Shares]]\nName = \"SHARE03\"\nVolume = \"data\"\nPath = \"share03\"\n";
    let rows = changes(apply(&service, declare(declaration), false, false));
    assert_eq!(rows.iter().filter(|row| row.action == ChangeAction::Remove && !row.done).count(), 30);
    assert_eq!(shares(&service).len(), 30);
    assert!(rows.iter().any(|row| row.action == ChangeAction::Change && row.name == "share03"));
    assert!(!changes(apply(&service, declare(declaration), true, true)).is_empty());
    assert_eq!(shares(&service).len(), 30);
    changes(apply(&service, declare(declaration), false, true));
    assert_eq!(shares(&service).len(), 1);
    let groups = export(&service).groups.unwrap();
    assert!(groups.iter().all(|group| group.name != "staff"), "{groups:?}");
    assert!(groups.iter().any(|group| group.name == "Administrators"));
}

#[test]
fn every_mistake_is_named_and_nothing_is_changed() {
    let (service, folder) = furnished();
    let before = export(&service);
    let message = refused(apply(
        &service,
        declare(
            "[[Groups]]\nName = \"new\"\nMembers = [\"nobody\"]\n[[Groups]]\nName = \"bad|name\"\n\
             [[Shares]]\nName = \"ok\"\nVolume = \"data\"\nPath = \"made\"\n\
             [[Shares]]\nName = \"OK\"\nVolume = \"other\"\n\
             [[Shares]]\nName = \"x\"\nVolume = \"data\"\nPath = \"..\"\nReadAccess = [\"who\", { Account = \"anna\", Sid = \"S-1-1-0\" }]\n\
             [[Shares]]\nName = \"y\"\nVolume = \"data\"\nCATimeout = 999\n\
             [[Shares]]\nName = \"z\"\nVolume = \"data\"\nSecurityDescriptor = \"nonsense\"\nReadAccess = [\"anna\"]\n",
        ),
        false,
        true,
    ));
    for place in [
        "Groups[0].Members[0]: ",
        "Groups[1]: ",
        "Shares[1].Name: ",
        "Shares[1].Volume: ",
        "Shares[2].Path: ",
        "Shares[2].ReadAccess[0]: ",
        "Shares[2].ReadAccess[1]: ",
        "Shares[3]: ",
        "Shares[4].SecurityDescriptor: ",
    ] {
        assert!(message.lines().any(|line| line.starts_with(place)), "{place}: {message}");
    }
    assert_eq!(export(&service), before);
    assert!(!folder.path().join("made").exists());
}

#[test]
fn a_new_group_can_be_named_where_it_is_declared() {
    let (service, folder) = service();
    done(service.execute(add_user("anna", &[])));
    let declaration = "[[Groups]]\nName = \"outer\"\nMembers = [\"inner\"]\n\
                       [[Groups]]\nName = \"inner\"\nMembers = [\"anna\"]\n\
                       [[Shares]]\nName = \"a\"\nVolume = \"data\"\nPath = \"Folder\"\nFullAccess = [\"outer\"]\nNoAccess = [\"Guests\"]\n";
    let said = changes(apply(&service, declare(declaration), true, false));
    assert!(!folder.path().join("Folder").exists());
    assert!(said.iter().any(|row| row.kind == "Share" && row.detail.contains("outer full")), "{said:?}");
    let rows = changes(apply(&service, declare(declaration), false, false));
    assert!(folder.path().join("Folder").is_dir() && rows.iter().all(|row| row.done));
    let accounts = service.state().accounts();
    let outer = accounts.group("outer").unwrap().sid;
    assert!(accounts.account("anna").unwrap().groups.contains(&outer));
    let descriptor = &shares(&service)[0].security_descriptor;
    assert!(descriptor.contains(&format!("(A;;FA;;;{outer})")), "{descriptor}");
    assert_eq!(changes(apply(&service, declare(declaration), false, false)), []);
}

#[test]
fn the_order_of_entries_is_no_difference() {
    let (service, _folder) = service();
    done(service.execute(add_share("a", "data", "")));
    let declaration = "[[Shares]]\nName = \"a\"\nVolume = \"data\"\n\
                       ChangeAccess = [\"Authenticated Users\"]\nFullAccess = [\"Administrators\"]\n";
    assert_eq!(changes(apply(&service, declare(declaration), false, false)), []);
    let more = "[[Shares]]\nName = \"a\"\nVolume = \"data\"\nReadAccess = [\"Everyone\"]\n";
    let rows = changes(apply(&service, declare(more), false, false));
    assert!(
        rows[0].detail.starts_with("Access: [") && rows[0].detail.contains("-> [Everyone read]"),
        "{rows:?}"
    );
    assert_eq!(shares(&service)[0].security_descriptor, "O:BAG:BAD:(A;;0x1200a9;;;WD)");
}

#[test]
fn settings_that_are_not_declared_are_the_configuration_files() {
    let (service, _folder) = furnished();
    let rows = changes(apply(&service, declare("[Server]\nRejectUnencryptedAccess = false\n"), false, false));
    assert_eq!(
        rows[0].detail,
        "EncryptData: true -> as configured; RejectUnencryptedAccess: as configured -> false"
    );
    assert_eq!(
        changes(apply(&service, declare("[Server]\nRejectUnencryptedAccess = false\n"), false, true)),
        []
    );
    assert_eq!(changes(apply(&service, declare(""), false, true)), []);
}

#[test]
fn lists_say_no_more_than_the_descriptor() {
    let simple = |text: &str| simple_entries(&text.parse::<SecurityDescriptor>().unwrap()).is_some();
    assert!(simple("O:BAG:BAD:(D;;FA;;;BG)(A;;FA;;;BA)(A;;0x1200a9;;;WD)"));
    for text in [
        "O:BAG:BAD:",
        "O:SYG:BAD:(A;;FA;;;BA)",
        "O:BAG:BAD:P(A;;FA;;;BA)",
        "O:BAG:BAD:(A;;FA;;;BA)(D;;FA;;;BG)",
        "O:BAG:BAD:(A;OICI;FA;;;BA)",
        "O:BAG:BAD:(D;;0x1200a9;;;BA)",
        "O:BAG:BAD:(A;;0x3;;;BA)",
    ] {
        assert!(!simple(text), "{text}");
    }
}

#[test]
fn a_share_without_lists_lets_administrators_and_everybody_who_logs_on_connect() {
    let declared: DeclaredShare = toml::from_str("Name = \"a\"\nVolume = \"data\"\n").unwrap();
    assert_eq!(declared.full_access, Vec::<DeclaredAccount>::new());
    let (service, _folder) = service();
    changes(apply(
        &service,
        Box::new(Declaration { shares: Some(vec![declared]), ..Declaration::default() }),
        false,
        false,
    ));
    assert_eq!(shares(&service)[0].security_descriptor, "O:BAG:BAD:(A;;FA;;;BA)(A;;0x1301bf;;;AU)");
}

const QUOTAS: &str = "[[QuotaTemplates]]\nName = \"Home\"\nSize = \"10GB\"\nThreshold = [80, 100]\nDescription = \"Homes\"\n\
     [[Quotas]]\nVolume = \"data\"\nState = \"Enforce\"\nDefaultLimit = \"1GB\"\nDefaultWarningLimit = 900\n\
     Users = [{ Account = \"anna\", Limit = \"5GB\" }, { Account = \"S-1-5-21-7-8-9-1103\", WarningLimit = 7 }]\n\
     Groups = [{ Account = \"staff\", Limit = \"none\", WarningLimit = 8 }]\n\
     Folders = [{ Path = \"homes\", Size = 5, SoftLimit = true, Template = \"home\" }]\n\
     AutoQuotas = [{ Path = \"homes\", Template = \"Home\" }]\n";

#[test]
fn quotas_are_declared_like_the_rest() {
    let (service_one, folder) = furnished();
    let said = changes(apply(&service_one, declare(QUOTAS), true, false));
    let kinds: Vec<&str> = said.iter().map(|row| row.kind.as_str()).collect();
    let wanted = [
        "QuotaTemplate",
        "QuotaSettings",
        "UserQuota",
        "UserQuota",
        "GroupQuota",
        "FolderQuota",
        "AutoQuota",
    ];
    assert_eq!(kinds, wanted);
    assert!(!folder.path().join("homes").exists());
    assert_eq!(export(&service_one).quotas, Some(Vec::new()));
    changes(apply(&service_one, declare(QUOTAS), false, false));
    assert!(folder.path().join("homes").is_dir());
    assert_eq!(changes(apply(&service_one, declare(QUOTAS), false, true)), []);
    let exported = export(&service_one);
    let (service_two, _two) = service();
    for name in ["anna", "bob"] {
        done(service_two.execute(add_user(name, &[])));
    }
    changes(apply(&service_two, Box::new(exported.clone()), false, false));
    assert_eq!(export(&service_two), exported);
    let rows = changes(apply(&service_two, declare("Quotas = []\nQuotaTemplates = []\n"), false, true));
    assert_eq!(
        (rows.len(), rows.iter().all(|row| row.action == ChangeAction::Remove && row.done)),
        (7, true)
    );
    let left = export(&service_two);
    assert_eq!((left.quotas, left.quota_templates), (Some(Vec::new()), Some(Vec::new())));
}

#[test]
fn mistakes_of_quotas_are_named() {
    let (service, _folder) = furnished();
    let message = refused(apply(
        &service,
        declare(
            "[[Quotas]]\nVolume = \"other\"\n[[Quotas]]\nVolume = \"data\"\n\
             Users = [{ Account = \"anna\" }, { Account = \"ANNA\" }, { Account = \"nobody\" }]\n\
             Folders = [{ Path = \"a\", Template = \"none such\" }, { Path = \"..\" }, { Path = \"b\", Threshold = [999] }]\n\
             AutoQuotas = [{ Path = \"a\", Template = \"none such\" }]\n",
        ),
        false,
        true,
    ));
    for place in [
        "Quotas[0].Volume: ",
        "Quotas[1].Users[1].Account: ",
        "Quotas[1].Users[2].Account: ",
        "Quotas[1].Folders[0].Template: ",
        "Quotas[1].Folders[1].Path: ",
        "Quotas[1].Folders[2]: ",
        "Quotas[1].AutoQuotas[0].Template: ",
    ] {
        assert!(message.lines().any(|line| line.starts_with(place)), "{place}: {message}");
    }
    assert_eq!(export(&service).quotas, Some(Vec::new()));
}
