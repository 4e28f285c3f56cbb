//! What requests about shares and who may connect to them do.

use std::path::PathBuf;
use std::sync::Arc;

use freehold_acl::{AccessMask, Ace, AceFlags, AceType, Acl, AclPart, SecurityDescriptor, ace_text};
use freehold_dtyp::{FileTime, Sid};

use super::names::{Names, sids_in};
use super::protocol::{
    AccessControlType, AccessRight, CachingMode, FolderEnumerationMode, ShareAccessRow, ShareOptions,
    ShareRight, ShareRow,
};
use super::service::AdminService;
use super::volume_folder;
use crate::share_path::SharePath;
use crate::state::{Share, ShareChange, ShareSettings, StateError};
use crate::vfs::Volume;

/// What Windows calls "Change": read, write, execute, delete.
const CHANGE: AccessMask = AccessMask(0x0013_01BF);
/// What Windows calls "Read": read and execute.
const READ: AccessMask = AccessMask(0x0012_00A9);

impl ShareRight {
    /// The access mask of an entry that gives it.
    #[must_use]
    pub const fn mask(self) -> AccessMask {
        match self {
            ShareRight::Full => AccessMask::FILE_ALL_ACCESS,
            ShareRight::Change => CHANGE,
            ShareRight::Read => READ,
        }
    }

    /// All of them, the widest first.
    pub const ALL: [ShareRight; 3] = [ShareRight::Full, ShareRight::Change, ShareRight::Read];
}

/// What is done to an account's entries on a share, as Windows' Grant-, Revoke-, Block- and Unblock-SmbShareAccess do.
#[derive(Clone, Copy, Debug)]
pub(super) enum AccessChange {
    /// One entry that allows, in place of those that allow.
    Grant(ShareRight),
    /// No entry that allows.
    Revoke,
    /// An entry that denies everything.
    Block,
    /// No entry that denies.
    Unblock,
}

impl AdminService {
    /// Makes a share, and its folder where that is missing.
    pub(super) fn add_share(&self, name: &str, volume: String, options: ShareOptions) -> anyhow::Result<()> {
        let security = self.security_of(&options)?.unwrap_or_else(default_share_security);
        let path = self.settle_share_path(&volume, &options.path.unwrap_or_default())?;
        self.state().add_share(
            name,
            &ShareSettings {
                volume,
                path,
                comment: options.description.unwrap_or_default(),
                security: Arc::new(security),
                encrypt: options.encrypt_data.unwrap_or(false),
                access_based_enumeration: options
                    .folder_enumeration_mode
                    .is_some_and(FolderEnumerationMode::is_access_based),
                caching: options.caching_mode.unwrap_or(CachingMode::Manual),
                continuously_available: options.continuously_available.unwrap_or(false),
                ca_timeout_seconds: options.ca_timeout.unwrap_or(0),
                max_users: options.concurrent_user_limit.filter(|most| *most != 0),
                audit: options.audit.unwrap_or_default(),
            },
        )?;
        Ok(())
    }

    /// Changes what is given.
    pub(super) fn set_share(
        &self,
        name: &str,
        volume: Option<String>,
        options: ShareOptions,
    ) -> anyhow::Result<()> {
        let share = self.share_called(name)?;
        let security = self.security_of(&options)?;
        let path = if volume.is_some() || options.path.is_some() {
            let volume = volume.as_ref().unwrap_or(&share.settings.volume);
            let path = options.path.as_ref().unwrap_or(&share.settings.path);
            Some(self.settle_share_path(volume, path)?)
        } else {
            None
        };
        self.state().change_share(
            name,
            &ShareChange {
                volume,
                path,
                comment: options.description,
                security: security.map(Arc::new),
                encrypt: options.encrypt_data,
                access_based_enumeration: options
                    .folder_enumeration_mode
                    .map(FolderEnumerationMode::is_access_based),
                caching: options.caching_mode,
                continuously_available: options.continuously_available,
                ca_timeout_seconds: options.ca_timeout,
                max_users: options.concurrent_user_limit.map(|most| Some(most).filter(|most| *most != 0)),
                audit: options.audit,
            },
        )?;
        Ok(())
    }

    fn share_called(&self, name: &str) -> anyhow::Result<Arc<Share>> {
        let shares = self.state().shares();
        let share = shares
            .share(name)
            .ok_or_else(|| StateError::NotFound { kind: "share", name: name.to_owned() })?;
        Ok(Arc::clone(share))
    }

    /// Who may connect, where that is given: as SDDL, or in lists.
    fn security_of(&self, options: &ShareOptions) -> anyhow::Result<Option<SecurityDescriptor>> {
        let lists = [
            (&options.no_access, None),
            (&options.full_access, Some(ShareRight::Full)),
            (&options.change_access, Some(ShareRight::Change)),
            (&options.read_access, Some(ShareRight::Read)),
        ];
        let in_lists = lists.iter().any(|(list, _)| list.is_some());
        match &options.security_descriptor {
            Some(_) if in_lists => anyhow::bail!(
                "SecurityDescriptor says who may connect already: give it, or FullAccess, ChangeAccess, ReadAccess and NoAccess"
            ),
            Some(text) => return Ok(Some(self.parse_sddl(text)?)),
            None if !in_lists => return Ok(None),
            None => {}
        }
        let names = self.names();
        let mut entries = Vec::new();
        for (list, right) in lists {
            for account in list.iter().flatten() {
                entries.push((names.find(account)?, right));
            }
        }
        Ok(Some(descriptor_of(&entries)?))
    }

    /// As [`AdminService::settle_path`], for a share: of a path with variables the folders in front of them are made, and the
    /// rest when somebody connects.
    pub(super) fn settle_share_path(&self, volume: &str, path: &str) -> anyhow::Result<String> {
        let Some((fixed, rest)) = variable_part(path)? else { return self.settle_path(volume, path) };
        Ok(joined(&self.settle_path(volume, &fixed)?, &rest))
    }

    /// As [`AdminService::settle_share_path`], but nothing is made.
    pub(super) fn find_share_path(&self, volume: &str, path: &str) -> anyhow::Result<String> {
        let Some((fixed, rest)) = variable_part(path)? else { return self.find_path(volume, path) };
        Ok(joined(&self.find_path(volume, &fixed)?, &rest))
    }

    /// The path within the volume as it is on disk; folders of it that are missing are made.
    pub(super) fn settle_path(&self, volume: &str, path: &str) -> anyhow::Result<String> {
        match self.folder_of_volume(volume)? {
            Some(folder) => match self.opened_volume(volume) {
                Some(opened) => {
                    let settled = volume_folder::find(&folder, path)?;
                    let now = FileTime::from_system_time(std::time::SystemTime::now());
                    volume_folder::make(&*opened, &settled, now)?;
                    Ok(settled)
                }
                None => volume_folder::settle(&folder, path),
            },
            None => Ok(path.to_owned()),
        }
    }

    /// The volume, while the server runs.
    fn opened_volume(&self, volume: &str) -> Option<Arc<dyn Volume>> {
        self.running("the folder of a share").ok()?.volume(volume)
    }

    /// As [`AdminService::settle_path`], but nothing is made.
    pub(super) fn find_path(&self, volume: &str, path: &str) -> anyhow::Result<String> {
        match self.folder_of_volume(volume)? {
            Some(folder) => volume_folder::find(&folder, path),
            None => Ok(path.to_owned()),
        }
    }

    /// The folder of a volume; `None` where no volume is known.
    fn folder_of_volume(&self, volume: &str) -> anyhow::Result<Option<PathBuf>> {
        let volumes = self.state().volumes();
        if volumes.is_empty() {
            return Ok(None);
        }
        let Some(found) = volumes.iter().find(|known| known.name == volume) else {
            let names: Vec<&str> = volumes.iter().map(|known| known.name.as_str()).collect();
            anyhow::bail!("there is no volume called {volume:?}; the configuration has {}", names.join(", "));
        };
        Ok(Some(found.path.clone()))
    }

    /// A descriptor with a list.
    pub(super) fn parse_sddl(&self, text: &str) -> anyhow::Result<SecurityDescriptor> {
        let mut descriptor = SecurityDescriptor::from_sddl_of(text, &self.state().sddl_domains())
            .map_err(|error| anyhow::anyhow!("the access {text:?} is not valid SDDL: {error}"))?;
        if descriptor.dacl.acl().is_none() {
            anyhow::bail!("the access {text:?} has no DACL: add one such as D:(A;;FA;;;BA)");
        }
        descriptor.owner.get_or_insert(Sid::ADMINISTRATORS);
        descriptor.group.get_or_insert(Sid::ADMINISTRATORS);
        Ok(descriptor)
    }

    /// Changes an account's entries on a share.
    pub(super) fn change_access(
        &self,
        name: &str,
        account: &str,
        change: AccessChange,
    ) -> anyhow::Result<()> {
        let share = self.share_called(name)?;
        let sid = self.names().find(account)?;
        let mut descriptor = SecurityDescriptor::clone(&share.settings.security);
        let present: &[Ace] = descriptor.dacl.acl().map_or(&[], Acl::aces);
        let (goes, new) = match change {
            AccessChange::Grant(right) => {
                (AceType::ACCESS_ALLOWED, Some(Ace::allow(sid, right.mask(), AceFlags::EMPTY)))
            }
            AccessChange::Revoke => (AceType::ACCESS_ALLOWED, None),
            AccessChange::Block => {
                let denial = Ace::deny(sid, AccessMask::FILE_ALL_ACCESS, AceFlags::EMPTY);
                (AceType::ACCESS_DENIED, Some(denial))
            }
            AccessChange::Unblock => (AceType::ACCESS_DENIED, None),
        };
        let stays = |ace: &&Ace| *ace.sid() != sid || ace.ace_type() != goes;
        let mut entries: Vec<Ace> = present.iter().filter(stays).cloned().collect();
        if new.is_none() && entries.len() == present.len() {
            let what = if goes == AceType::ACCESS_DENIED { "denies" } else { "allows" };
            anyhow::bail!("the share {name:?} has no entry that {what} {account:?} anything");
        }
        entries.extend(new);
        // Canonical order: what denies comes first.
        entries.sort_by_key(|ace| ace.ace_type() != AceType::ACCESS_DENIED);
        let acl = Acl::from_aces(entries).map_err(|_| anyhow::anyhow!("the share has too many entries"))?;
        descriptor.dacl = AclPart::Present(acl);
        let change = ShareChange { security: Some(Arc::new(descriptor)), ..ShareChange::default() };
        self.state().change_share(name, &change)?;
        Ok(())
    }

    /// The entries of a share, or of all.
    pub(super) fn share_access(&self, name: Option<&str>) -> anyhow::Result<Vec<ShareAccessRow>> {
        let shares = match name {
            Some(name) => vec![self.share_called(name)?],
            None => self.state().shares().all().to_vec(),
        };
        let names = self.names();
        names.prepare(shares.iter().flat_map(|share| sids_in(&share.settings.security)));
        let mut rows = Vec::new();
        for share in shares {
            let entries = share.settings.security.dacl.acl().map_or(&[][..], Acl::aces);
            rows.extend(entries.iter().filter_map(|ace| access_row(&share.name, ace, &names)));
        }
        Ok(rows)
    }

    /// A row for each share.
    pub(super) fn share_rows(&self) -> Vec<ShareRow> {
        let (shares, names) = (self.state().shares(), self.names());
        names.prepare(shares.all().iter().flat_map(|share| sids_in(&share.settings.security)));
        shares.all().iter().map(|share| self.share_row(share, &names)).collect()
    }

    fn share_row(&self, share: &Share, names: &Names) -> ShareRow {
        let settings = &share.settings;
        let volumes = self.state().volumes();
        let volume = volumes.iter().find(|volume| volume.name == settings.volume);
        let folder = volume.map_or(String::new(), |volume| {
            if settings.path.is_empty() {
                volume.path.display().to_string()
            } else {
                volume.path.join(&settings.path).display().to_string()
            }
        });
        ShareRow {
            name: share.name.clone(),
            volume: settings.volume.clone(),
            path: settings.path.clone(),
            folder,
            description: settings.comment.clone(),
            encrypt_data: settings.encrypt,
            folder_enumeration_mode: FolderEnumerationMode::of(settings.access_based_enumeration),
            caching_mode: settings.caching,
            continuously_available: settings.continuously_available,
            ca_timeout: settings.ca_timeout_seconds,
            concurrent_user_limit: settings.max_users.unwrap_or(0),
            current_users: self.if_running().map_or(0, |server| server.share_users(&share.name)),
            audit: settings.audit,
            hidden: share.is_hidden(),
            security_descriptor: settings.security.to_sddl(),
            permissions: settings.security.dacl.acl().map_or_else(Vec::new, |acl| {
                acl.aces().iter().map(|ace| ace_text(ace, |sid| names.name_of(sid))).collect()
            }),
        }
    }
}

/// A share's path in front of its first component with a variable, and from there on; `None` for a path without.
fn variable_part(path: &str) -> anyhow::Result<Option<(String, String)>> {
    let path = path.replace('\\', "/");
    let Some(varies) = SharePath::parse(&path)? else { return Ok(None) };
    let mut parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    let rest = parts.split_off(varies.fixed_depth()).join("/");
    Ok(Some((parts.join("/"), rest)))
}

fn joined(fixed: &str, rest: &str) -> String {
    if fixed.is_empty() { rest.to_owned() } else { format!("{fixed}/{rest}") }
}

/// A descriptor with these entries, in canonical order; `None` denies everything.
pub(super) fn descriptor_of(entries: &[(Sid, Option<ShareRight>)]) -> anyhow::Result<SecurityDescriptor> {
    let denials = entries
        .iter()
        .filter(|(_, right)| right.is_none())
        .map(|(sid, _)| Ace::deny(*sid, AccessMask::FILE_ALL_ACCESS, AceFlags::EMPTY));
    let allowed = entries
        .iter()
        .filter_map(|(sid, right)| right.map(|right| Ace::allow(*sid, right.mask(), AceFlags::EMPTY)));
    let acl = Acl::from_aces(denials.chain(allowed).collect::<Vec<_>>())
        .map_err(|_| anyhow::anyhow!("there are too many entries for one list"))?;
    Ok(SecurityDescriptor::new(Sid::ADMINISTRATORS, Sid::ADMINISTRATORS, acl))
}

/// The right that an entry is about; `None` for an entry that neither allows nor denies.
pub(super) fn right_of(ace: &Ace) -> Option<(AccessControlType, AccessRight)> {
    let kind = match ace.ace_type() {
        AceType::ACCESS_ALLOWED => AccessControlType::Allow,
        AceType::ACCESS_DENIED => AccessControlType::Deny,
        _ => return None,
    };
    let right = match ace.mask() {
        AccessMask::FILE_ALL_ACCESS => AccessRight::Full,
        CHANGE => AccessRight::Change,
        READ => AccessRight::Read,
        _ => AccessRight::Custom,
    };
    Some((kind, right))
}

fn access_row(share: &str, ace: &Ace, names: &Names) -> Option<ShareAccessRow> {
    let (access_control_type, access_right) = right_of(ace)?;
    Some(ShareAccessRow {
        name: share.to_owned(),
        account_name: names.full_name_of(ace.sid()),
        account_sid: ace.sid().to_string(),
        access_control_type,
        access_right,
    })
}

/// Who may connect to a new share: administrators with full control, everybody who logs on with change. What happens to
/// files is decided by their own descriptors.
#[must_use]
pub fn default_share_security() -> SecurityDescriptor {
    let mut dacl = Acl::new();
    for ace in [
        Ace::allow(Sid::ADMINISTRATORS, AccessMask::FILE_ALL_ACCESS, AceFlags::EMPTY),
        Ace::allow(Sid::AUTHENTICATED_USERS, CHANGE, AceFlags::EMPTY),
    ] {
        // Two entries are far below the limit of a list.
        let _ = dacl.push(ace);
    }
    SecurityDescriptor::new(Sid::ADMINISTRATORS, Sid::ADMINISTRATORS, dacl)
}

#[cfg(test)]
mod tests {
    use super::super::protocol::{Reply, Request};
    use super::super::testing::{add_share, add_user, done, refused, service, shares};
    use super::*;

    #[test]
    fn a_share_makes_its_folder_and_keeps_the_case_on_disk() {
        let (service, folder) = service();
        std::fs::create_dir(folder.path().join("Projects")).unwrap();
        done(service.execute(add_share("a", "data", "projects\\new")));
        assert!(folder.path().join("Projects/new").is_dir());
        let row = &shares(&service)[0];
        assert_eq!(row.path, "Projects/new");
        assert_eq!(row.folder, folder.path().join("Projects/new").display().to_string());
    }

    #[test]
    fn an_unknown_volume_is_refused_with_the_known_ones() {
        let (service, _folder) = service();
        assert!(refused(service.execute(add_share("a", "other", ""))).contains("data"));
    }

    fn on_a(account: &str) -> (String, String) {
        ("a".to_owned(), account.to_owned())
    }

    fn grant(account: &str, right: ShareRight) -> Request {
        let (name, account) = on_a(account);
        Request::ShareGrant { name, account, right }
    }

    fn revoke(account: &str) -> Request {
        let (name, account) = on_a(account);
        Request::ShareRevoke { name, account }
    }

    fn block(account: &str) -> Request {
        let (name, account) = on_a(account);
        Request::ShareBlock { name, account }
    }

    fn unblock(account: &str) -> Request {
        let (name, account) = on_a(account);
        Request::ShareUnblock { name, account }
    }

    fn access(service: &AdminService) -> Vec<(String, AccessControlType, AccessRight)> {
        match service.execute(Request::ShareAccess { name: Some("A".to_owned()) }) {
            Reply::ShareAccess(rows) => rows
                .into_iter()
                .map(|row| (row.account_name, row.access_control_type, row.access_right))
                .collect(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn grants_replace_and_denials_come_first() {
        let (service, _folder) = service();
        done(service.execute(add_user("anna", &[])));
        done(service.execute(add_share("a", "data", "")));
        done(service.execute(grant("anna", ShareRight::Read)));
        done(service.execute(block("Everyone")));
        done(service.execute(grant("ANNA", ShareRight::Full)));
        let access = shares(&service)[0].security_descriptor.clone();
        let dacl = access.split_once("D:").unwrap().1;
        assert!(dacl.starts_with("(D;;FA;;;WD)"), "{access}");
        assert_eq!(dacl.matches("-1000)").count(), 1, "{access}");
        done(service.execute(revoke("anna")));
        assert!(refused(service.execute(revoke("anna"))).contains("no entry"));
        assert!(refused(service.execute(grant("nobody", ShareRight::Read))).contains("nobody"));
    }

    #[test]
    fn what_is_blocked_stays_so_through_grant_and_revoke() {
        use {AccessControlType::*, AccessRight::*};
        let (service, _folder) = service();
        done(service.execute(add_user("anna", &[])));
        let settings = ShareOptions {
            security_descriptor: Some("D:(A;;FA;;;BA)".to_owned()),
            ..ShareOptions::default()
        };
        done(service.execute(Request::ShareAdd {
            name: "a".to_owned(),
            volume: "data".to_owned(),
            settings,
        }));
        let anna = |service| {
            access(service).into_iter().filter(|(name, ..)| name.ends_with("anna")).collect::<Vec<_>>()
        };
        done(service.execute(block("anna")));
        done(service.execute(block("anna")));
        done(service.execute(grant("anna", ShareRight::Change)));
        let rights: Vec<_> = anna(&service).into_iter().map(|(_, kind, right)| (kind, right)).collect();
        assert_eq!(rights, [(Deny, Full), (Allow, Change)]);
        done(service.execute(revoke("anna")));
        let rights: Vec<_> = anna(&service).into_iter().map(|(_, kind, right)| (kind, right)).collect();
        assert_eq!(rights, [(Deny, Full)]);
        done(service.execute(unblock("anna")));
        assert!(anna(&service).is_empty());
        assert!(refused(service.execute(unblock("anna"))).contains("denies"));
        assert!(
            refused(service.execute(Request::ShareAccess { name: Some("b".to_owned()) })).contains("\"b\"")
        );
    }

    #[test]
    fn lists_of_who_may_connect_stand_alone() {
        let (service, _folder) = service();
        done(service.execute(add_user("anna", &[])));
        let settings = ShareOptions {
            change_access: Some(vec!["anna".to_owned()]),
            no_access: Some(vec!["Guests".to_owned()]),
            ..ShareOptions::default()
        };
        let add = |settings| Request::ShareAdd { name: "a".to_owned(), volume: "data".to_owned(), settings };
        let both =
            ShareOptions { security_descriptor: Some("D:(A;;FA;;;BA)".to_owned()), ..settings.clone() };
        assert!(refused(service.execute(add(both))).contains("SecurityDescriptor"));
        let unknown = ShareOptions { read_access: Some(vec!["nobody".to_owned()]), ..settings.clone() };
        assert!(refused(service.execute(add(unknown))).contains("nobody"));
        done(service.execute(add(settings)));
        let access = shares(&service)[0].security_descriptor.clone();
        assert!(access.starts_with("O:BAG:BAD:(D;;FA;;;BG)(A;;0x1301bf;;;S-1-5-21-"), "{access}");
    }

    #[test]
    fn waits_longer_than_clients_get_are_refused() {
        let (service, _folder) = service();
        done(service.execute(add_share("a", "data", "")));
        let set = |seconds| {
            let settings = ShareOptions { ca_timeout: Some(seconds), ..ShareOptions::default() };
            Request::ShareSet { name: "a".to_owned(), volume: None, settings }
        };
        assert!(refused(service.execute(set(301))).contains("300"));
        done(service.execute(set(300)));
        assert_eq!(shares(&service)[0].ca_timeout, 300);
    }

    #[test]
    fn access_is_taken_as_sddl_with_a_list() {
        let (service, _folder) = service();
        let with = |access: &str| {
            let settings =
                ShareOptions { security_descriptor: Some(access.to_owned()), ..ShareOptions::default() };
            Request::ShareAdd { name: "a".to_owned(), volume: "data".to_owned(), settings }
        };
        assert!(refused(service.execute(with("nonsense"))).contains("SDDL"));
        assert!(refused(service.execute(with("O:BA"))).contains("DACL"));
        done(service.execute(with("D:(A;;FA;;;WD)")));
        assert_eq!(shares(&service)[0].security_descriptor, "O:BAG:BAD:(A;;FA;;;WD)");
    }

    #[test]
    fn a_limit_of_zero_users_is_no_limit() {
        let (service, _folder) = service();
        done(service.execute(add_share("a", "data", "")));
        let set = |most| {
            let settings = ShareOptions { concurrent_user_limit: Some(most), ..ShareOptions::default() };
            Request::ShareSet { name: "a".to_owned(), volume: None, settings }
        };
        done(service.execute(set(5)));
        assert_eq!(shares(&service)[0].concurrent_user_limit, 5);
        done(service.execute(set(0)));
        assert_eq!(shares(&service)[0].concurrent_user_limit, 0);
    }
}
