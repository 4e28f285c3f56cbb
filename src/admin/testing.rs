//! What the tests of the service's parts share.

use std::sync::Arc;

use super::protocol::{Password, Reply, Request, ShareOptions, ShareRow};
use super::service::AdminService;
use crate::config::VolumeConfig;
use crate::state::State;

pub(super) fn service() -> (AdminService, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let state = Arc::new(State::in_memory().unwrap());
    state.set_volumes(vec![VolumeConfig::new("data", folder.path().to_owned())]);
    (AdminService::new(state), folder)
}

pub(super) fn done(reply: Reply) {
    assert!(matches!(reply, Reply::Done), "{reply:?}");
}

pub(super) fn refused(reply: Reply) -> String {
    match reply {
        Reply::Refused { message } => message,
        other => panic!("{other:?}"),
    }
}

pub(super) fn add_user(name: &str, groups: &[&str]) -> Request {
    Request::UserAdd {
        name: name.to_owned(),
        password: Password::new("Secret-1".to_owned()),
        full_name: String::new(),
        comment: String::new(),
        disabled: false,
        groups: groups.iter().map(|group| (*group).to_owned()).collect(),
    }
}

pub(super) fn add_share(name: &str, volume: &str, path: &str) -> Request {
    let settings = ShareOptions { path: Some(path.to_owned()), ..ShareOptions::default() };
    Request::ShareAdd { name: name.to_owned(), volume: volume.to_owned(), settings }
}

pub(super) fn shares(service: &AdminService) -> Vec<ShareRow> {
    match service.execute(Request::ShareList) {
        Reply::Shares(rows) => rows,
        other => panic!("{other:?}"),
    }
}
