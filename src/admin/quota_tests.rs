//! Tests of requests about quotas, of a server that does not run.

use std::sync::Arc;

use super::AdminService;
use super::protocol::{Reply, Request};
use super::quota_protocol::{
    FolderQuotaRow, LimitSource, QuotaReply, QuotaRequest, QuotaState, QuotaStatus, UserQuotaRow,
};
use crate::config::VolumeConfig;
use crate::state::{NewAccount, State};

struct Desk {
    service: AdminService,
    folder: tempfile::TempDir,
}

impl Desk {
    fn new() -> Desk {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("Homes/anna")).unwrap();
        let state = Arc::new(State::in_memory().unwrap());
        state.set_volumes(vec![VolumeConfig::new("data", folder.path().to_owned())]);
        for name in ["anna", "bert"] {
            let account = NewAccount {
                name,
                full_name: "",
                comment: "",
                password: "a-Long-password-1",
                disabled: false,
                groups: &[],
            };
            state.add_account(&account).unwrap();
        }
        state.add_group("team", "").unwrap();
        Desk { service: AdminService::new(state), folder }
    }

    /// Sends a request as a client writes it; all parts of the answer.
    fn parts(&self, json: &str) -> Vec<Reply> {
        let request: QuotaRequest = serde_json::from_str(json).unwrap();
        let mut parts = Vec::new();
        self.service.execute_in_parts(Request::Quota { request }, &mut |reply| {
            parts.push(reply);
            true
        });
        parts
    }

    fn ask(&self, json: &str) -> QuotaReply {
        match self.parts(json).pop() {
            Some(Reply::Quota(reply)) => reply,
            other => panic!("{json}: {other:?}"),
        }
    }

    fn refusal(&self, json: &str) -> String {
        match self.parts(json).pop() {
            Some(Reply::Refused { message }) => message,
            other => panic!("{json}: {other:?}"),
        }
    }

    fn users(&self, json: &str) -> Vec<UserQuotaRow> {
        let rows = self.parts(json).into_iter().flat_map(|reply| match reply {
            Reply::Quota(QuotaReply::Users { rows, .. }) => rows,
            other => panic!("{json}: {other:?}"),
        });
        rows.collect()
    }

    fn folders(&self, json: &str) -> Vec<FolderQuotaRow> {
        match self.ask(json) {
            QuotaReply::Folders(rows) => rows,
            other => panic!("{json}: {other:?}"),
        }
    }

    /// The path of a folder on this machine, as JSON text.
    fn path(&self, below: &str) -> String {
        serde_json::to_string(&self.folder.path().join(below)).unwrap()
    }
}

#[test]
fn how_a_volume_treats_quotas_is_set_and_shown() {
    let desk = Desk::new();
    let QuotaReply::Settings(rows) = desk.ask("{\"Verb\":\"Settings\"}") else { panic!() };
    assert_eq!((rows[0].state, rows[0].default_limit, rows[0].record_limit), (QuotaState::Track, None, true));
    let set = |what_if: bool| {
        format!(
            "{{\"Verb\":\"SetSettings\",\"Volume\":\"data\",\"WhatIf\":{what_if},
              \"Settings\":{{\"State\":\"Enforce\",\"DefaultLimit\":\"10GB\",\"DefaultWarningLimit\":5}}}}"
        )
    };
    for what_if in [true, false] {
        let QuotaReply::Settings(rows) = desk.ask(&set(what_if)) else { panic!() };
        assert_eq!((rows[0].state, rows[0].default_limit), (QuotaState::Enforce, Some(10 << 30)));
        let is_set = desk.service.state().quotas().volume("data").settings.default.limit_bytes.is_some();
        assert_eq!(is_set, !what_if);
    }
    let above =
        "{\"Verb\":\"SetSettings\",\"Volume\":\"data\",\"Settings\":{\"DefaultWarningLimit\":\"11GB\"}}";
    assert!(desk.refusal(above).contains("above the limit"));
    assert!(desk.refusal("{\"Verb\":\"Settings\",\"Volume\":\"x\"}").contains("the configuration has data"));
}

#[test]
fn accounts_have_limits_of_their_own() {
    let desk = Desk::new();
    let set =
        "{\"Verb\":\"SetUsers\",\"Volume\":\"data\",\"Users\":[{\"Account\":\"ANNA\",\"Limit\":\"2KB\"},
               {\"Account\":\"bert\",\"Limit\":\"none\",\"WarningLimit\":7}]}";
    let rows = desk.users(set);
    assert_eq!(
        (rows[0].user.as_str(), rows[0].limit, rows[0].source),
        ("anna", Some(2_048), LimitSource::Own)
    );
    assert_eq!((rows[1].limit, rows[1].warning_limit), (None, Some(7)));
    // What is used is not known of a server that does not run.
    assert_eq!((rows[0].disk_space_used, rows[0].status), (None, QuotaStatus::Ok));
    assert_eq!(desk.users("{\"Verb\":\"Users\"}").len(), 2);
    assert_eq!(desk.users("{\"Verb\":\"Users\",\"Most\":1}").len(), 1);
    let after = format!("{{\"Verb\":\"Users\",\"Volume\":\"data\",\"After\":\"{}\"}}", rows[0].sid);
    assert_eq!(desk.users(&after).iter().map(|row| row.user.as_str()).collect::<Vec<_>>(), ["bert"]);
    // What is not given stays.
    let rows = desk.users(
        "{\"Verb\":\"SetUsers\",\"Volume\":\"data\",\"Users\":[{\"Account\":\"anna\",\"WarningLimit\":\"1KB\"}]}",
    );
    assert_eq!((rows[0].limit, rows[0].warning_limit), (Some(2_048), Some(1_024)));
    // One mistake, and nobody is changed.
    let wrong = "{\"Verb\":\"SetUsers\",\"Volume\":\"data\",\"Users\":[{\"Account\":\"anna\",\"Limit\":9000},
                 {\"Account\":\"nobody\",\"Limit\":9}]}";
    assert!(desk.refusal(wrong).contains("nobody"));
    let only = "{\"Verb\":\"Users\",\"Account\":\"anna\"}";
    assert_eq!(desk.users(only)[0].limit, Some(2_048));
    let removed = desk.users("{\"Verb\":\"RemoveUsers\",\"Volume\":\"data\",\"Accounts\":[\"anna\"]}");
    assert_eq!((removed[0].limit, removed[0].source), (None, LimitSource::Default));
    assert!(
        desk.refusal("{\"Verb\":\"RemoveUsers\",\"Volume\":\"data\",\"Accounts\":[\"anna\"]}")
            .contains("no limits")
    );
}

#[test]
fn groups_have_rules() {
    let desk = Desk::new();
    let set = "{\"Verb\":\"SetGroup\",\"Volume\":\"data\",\"Group\":\"team\",\"Limit\":\"1TB\"}";
    let QuotaReply::Groups(rows) = desk.ask(set) else { panic!() };
    assert_eq!((rows[0].group.as_str(), rows[0].limit), ("team", Some(1 << 40)));
    let QuotaReply::Groups(rows) = desk.ask("{\"Verb\":\"Groups\"}") else { panic!() };
    assert_eq!(rows.len(), 1);
    assert!(
        desk.refusal("{\"Verb\":\"SetGroup\",\"Volume\":\"data\",\"Group\":\"team\"}").contains("neither")
    );
    let remove = "{\"Verb\":\"RemoveGroup\",\"Volume\":\"data\",\"Group\":\"team\"}";
    assert!(matches!(desk.parts(remove).pop(), Some(Reply::Done)));
    assert!(desk.refusal(remove).contains("no rule"));
}

#[test]
fn folders_follow_their_template_as_far_as_is_asked() {
    let desk = Desk::new();
    desk.ask(
        "{\"Verb\":\"AddTemplate\",\"Name\":\"Ten\",\"Settings\":{\"Size\":\"10GB\",\"Threshold\":[95,85]}}",
    );
    let add = |below: &str, settings: &str| {
        format!("{{\"Verb\":\"AddFolder\",\"Path\":{},\"Settings\":{settings}}}", desk.path(below))
    };
    let row = desk.folders(&add("homes", "{\"Template\":\"TEN\"}")).remove(0);
    // The spelling is that of the disk and of the template.
    assert_eq!((row.path.as_str(), row.template.as_str(), row.size), ("Homes", "Ten", Some(10 << 30)));
    assert_eq!((row.soft_limit, row.matches_template, row.threshold), (false, true, vec![85, 95]));
    let row = desk
        .folders(&add("homes/ANNA", "{\"Template\":\"Ten\",\"Size\":\"1GB\",\"SoftLimit\":true}"))
        .remove(0);
    assert_eq!((row.path.as_str(), row.matches_template, row.soft_limit), ("Homes/anna", false, true));
    assert!(desk.refusal(&add("homes", "{\"Size\":1}")).contains("already"));
    assert!(desk.refusal(&add("nowhere", "{\"Size\":1}")).contains("cannot use"));
    assert!(desk.refusal(&add("homes/anna/..", "{\"Size\":1}")).contains("no name"));
    let set = |apply_to: &str, size: &str| {
        format!(
            "{{\"Verb\":\"SetTemplate\",\"Name\":\"ten\",\"Settings\":{{\"Size\":\"{size}\"}},\"ApplyTo\":\"{apply_to}\"}}"
        )
    };
    let sizes = || -> Vec<u64> {
        desk.folders("{\"Verb\":\"Folders\"}").iter().map(|row| row.size.unwrap() >> 30).collect()
    };
    desk.ask(&set("None", "11GB"));
    assert_eq!(sizes(), [10, 1]);
    // The first one is not as the template was any more.
    desk.ask(&set("Unmodified", "12GB"));
    assert_eq!(sizes(), [10, 1]);
    desk.ask(&set("All", "13GB"));
    assert_eq!(sizes(), [13, 13]);
    desk.ask(&set("Unmodified", "14GB"));
    assert_eq!(sizes(), [14, 14]);
    let remove = format!("{{\"Verb\":\"RemoveFolder\",\"Path\":{}}}", desk.path("HOMES/anna"));
    assert!(matches!(desk.parts(&remove).pop(), Some(Reply::Done)));
    assert_eq!(sizes(), [14]);
}

#[test]
fn a_template_that_auto_quotas_need_stays() {
    let desk = Desk::new();
    desk.ask("{\"Verb\":\"AddTemplate\",\"Name\":\"Ten\",\"Settings\":{\"Size\":\"10GB\"}}");
    let add = format!("{{\"Verb\":\"AddAuto\",\"Path\":{},\"Template\":\"ten\"}}", desk.path("homes"));
    let QuotaReply::Autos(rows) = desk.ask(&add) else { panic!() };
    assert_eq!((rows[0].path.as_str(), rows[0].template.as_str()), ("Homes", "Ten"));
    assert!(desk.refusal("{\"Verb\":\"RemoveTemplate\",\"Name\":\"Ten\"}").contains("remove that first"));
    let remove = format!("{{\"Verb\":\"RemoveAuto\",\"Path\":{}}}", desk.path("homes"));
    assert!(matches!(desk.parts(&remove).pop(), Some(Reply::Done)));
    assert!(matches!(desk.parts("{\"Verb\":\"RemoveTemplate\",\"Name\":\"Ten\"}").pop(), Some(Reply::Done)));
}

#[test]
fn who_is_told_is_checked_and_a_secret_is_not_shown() {
    let desk = Desk::new();
    let set = |settings: &str| format!("{{\"Verb\":\"SetNotification\",\"Settings\":{settings}}}");
    let url = "{\"Webhook\":\"https://hooks.example.org/a\",\"WebhookSecret\":\"word\",\"Command\":[\"/bin/sh\",\"-c\"]}";
    let QuotaReply::Notification(row) = desk.ask(&set(url)) else { panic!() };
    assert!(row.webhook_secret && row.command.len() == 2);
    assert!(!serde_json::to_string(&row).unwrap().contains("word"));
    for (settings, reason) in [
        ("{\"Webhook\":\"http://hooks.example.org/\"}", "https"),
        ("{\"Command\":[\"sh\"]}", "full path"),
        ("{\"Command\":[\"/no/such/file\"]}", "full path"),
        ("{\"WebhookSecret\":\"a b\"}", "characters"),
    ] {
        assert!(desk.refusal(&set(settings)).contains(reason), "{settings}");
    }
    // Another server does not get the secret of this one.
    let QuotaReply::Notification(row) = desk.ask(&set("{\"Webhook\":\"https://other.example.org/\"}")) else {
        panic!()
    };
    assert!(!row.webhook_secret);
    assert!(desk.refusal("{\"Verb\":\"TestNotification\"}").contains("running server"));
}

#[test]
fn what_is_used_takes_a_running_server() {
    let desk = Desk::new();
    for json in [
        "{\"Verb\":\"Recount\",\"Volume\":\"data\"}",
        "{\"Verb\":\"Report\",\"By\":\"Owner\"}",
        "{\"Verb\":\"Forecast\"}",
    ] {
        assert!(desk.refusal(json).contains("running server"), "{json}");
    }
}

#[test]
fn unknown_fields_and_wrong_types_are_refused() {
    for json in [
        "{\"Verb\":\"Users\",\"X\":1}",
        "{\"Verb\":\"SetUsers\",\"Volume\":\"data\",\"Users\":[{\"Account\":\"a\",\"Limit\":1.5}]}",
        "{\"Verb\":\"SetUsers\",\"Volume\":\"data\",\"Users\":[{\"Account\":\"a\",\"Limits\":1}]}",
        "{\"Verb\":\"SetSettings\",\"Volume\":\"data\",\"Settings\":{\"State\":\"enforce\"}}",
        "{\"Verb\":\"AddFolder\",\"Path\":\"x\",\"Settings\":{\"Threshold\":[-1]}}",
    ] {
        assert!(serde_json::from_str::<QuotaRequest>(json).is_err(), "{json}");
    }
}
