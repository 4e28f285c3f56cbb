//! Declared shares and who may connect to them.

use std::collections::BTreeSet;
use std::sync::Arc;

use freehold_acl::{AceFlags, Acl, SecurityDescriptor};
use freehold_dtyp::Sid;

use super::super::declared_protocol::{DeclaredAccount, DeclaredShare};
use super::super::protocol::{AccessControlType, AccessRight, FolderEnumerationMode, ShareRight};
use super::super::shares::{default_share_security, descriptor_of, right_of};
use super::plan::Plan;
use crate::state::accounts::fold_name;
use crate::state::{DeclaredStep, Share, ShareSettings, State};

/// Who may connect, as the four lists say it; `None` denies.
pub(super) type Entry = (Sid, Option<ShareRight>);

/// Plans what makes the shares as declared.
pub(super) fn plan(plan: &mut Plan<'_>, declared: &[DeclaredShare]) {
    let present = plan.service.state().shares();
    let mut seen = BTreeSet::new();
    for (number, share) in declared.iter().enumerate() {
        let place = format!("Shares[{number}]");
        if !seen.insert(fold_name(&share.name)) {
            plan.mistake(&format!("{place}.Name"), format!("the share {:?} is declared twice", share.name));
        }
        let found = present.share(&share.name).cloned();
        let Some(settings) = settings(plan, &place, share, found.as_deref()) else { continue };
        match found {
            None => {
                let detail =
                    format!("{}:{}; {}", settings.volume, settings.path, access(plan, &settings.security));
                let name = share.name.clone();
                plan.add("Share", &share.name, detail, DeclaredStep::AddShare { name, settings });
            }
            Some(found) => {
                let details = differences(plan, &found.settings, &settings);
                if !details.is_empty() {
                    let name = found.name.clone();
                    let step = DeclaredStep::ChangeShare { name, settings };
                    plan.change("Share", &found.name, details.join("; "), step);
                }
            }
        }
    }
    for share in present.all().iter().filter(|share| !seen.contains(&fold_name(&share.name))) {
        let detail = format!("{}:{}; the files stay", share.settings.volume, share.settings.path);
        let name = share.name.clone();
        plan.remove("Share", &share.name, detail, DeclaredStep::RemoveShare { name });
    }
}

/// The settings that are declared; mistakes are noted.
fn settings(
    plan: &mut Plan<'_>,
    place: &str,
    declared: &DeclaredShare,
    present: Option<&Share>,
) -> Option<ShareSettings> {
    let security = security(plan, place, declared, present);
    let path = match plan.service.find_share_path(&declared.volume, &declared.path) {
        Ok(path) => Some(path),
        Err(error) => {
            let field = if declared.path.is_empty() { "Volume" } else { "Path" };
            plan.mistake(&format!("{place}.{field}"), error);
            None
        }
    };
    let settings = ShareSettings {
        volume: declared.volume.clone(),
        path: path?,
        comment: declared.description.clone(),
        security: security?,
        encrypt: declared.encrypt_data,
        access_based_enumeration: declared.folder_enumeration_mode.is_access_based(),
        caching: declared.caching_mode,
        continuously_available: declared.continuously_available,
        ca_timeout_seconds: declared.ca_timeout,
        max_users: Some(declared.concurrent_user_limit).filter(|most| *most != 0),
        audit: declared.audit,
    };
    match State::check_share(&declared.name, &settings) {
        Ok(settings) => Some(settings),
        Err(error) => {
            plan.mistake(place, error);
            None
        }
    }
}

/// Who may connect. What says the same as what is there stays as it is.
fn security(
    plan: &mut Plan<'_>,
    place: &str,
    declared: &DeclaredShare,
    present: Option<&Share>,
) -> Option<Arc<SecurityDescriptor>> {
    let lists: [(&str, &[DeclaredAccount], Option<ShareRight>); 4] = [
        ("NoAccess", &declared.no_access, None),
        ("FullAccess", declared.allowed(ShareRight::Full), Some(ShareRight::Full)),
        ("ChangeAccess", declared.allowed(ShareRight::Change), Some(ShareRight::Change)),
        ("ReadAccess", declared.allowed(ShareRight::Read), Some(ShareRight::Read)),
    ];
    let in_lists = lists.iter().any(|(_, list, _)| !list.is_empty());
    let now = present.map(|share| &share.settings.security);
    if let Some(text) = &declared.security_descriptor {
        let field = format!("{place}.SecurityDescriptor");
        if in_lists {
            plan.mistake(
                &field,
                "FullAccess, ChangeAccess, ReadAccess and NoAccess say who may connect already",
            );
            return None;
        }
        return match plan.service.parse_sddl(text) {
            Ok(wanted) => match now {
                Some(now) if now.to_sddl() == wanted.to_sddl() => Some(Arc::clone(now)),
                _ => Some(Arc::new(wanted)),
            },
            Err(error) => {
                plan.mistake(&field, error);
                None
            }
        };
    }
    let wanted = if in_lists {
        let mut entries: Vec<Entry> = Vec::new();
        let mut all = true;
        for (field, list, right) in lists {
            for (number, account) in list.iter().enumerate() {
                match plan.resolve(&format!("{place}.{field}[{number}]"), account) {
                    Some(sid) => entries.push((sid, right)),
                    None => all = false,
                }
            }
        }
        if !all {
            return None;
        }
        match descriptor_of(&entries) {
            Ok(wanted) => wanted,
            Err(error) => {
                plan.mistake(place, error);
                return None;
            }
        }
    } else {
        default_share_security()
    };
    match now {
        Some(now) if same_entries(now, &wanted) => Some(Arc::clone(now)),
        _ => Some(Arc::new(wanted)),
    }
}

/// The order of entries of one kind does not matter.
fn same_entries(one: &SecurityDescriptor, other: &SecurityDescriptor) -> bool {
    let sorted = |descriptor| {
        simple_entries(descriptor).map(|mut entries| {
            entries.sort_by_key(|(sid, right)| (*sid, right.map(|right| right.mask().0)));
            entries
        })
    };
    sorted(one).is_some_and(|entries| Some(entries) == sorted(other))
}

/// The entries of a descriptor that the four lists can say; `None` for another.
pub(super) fn simple_entries(descriptor: &SecurityDescriptor) -> Option<Vec<Entry>> {
    let mut entries = Vec::new();
    for ace in descriptor.dacl.acl().map(Acl::aces)? {
        let right = match right_of(ace)? {
            (AccessControlType::Deny, AccessRight::Full) => None,
            (AccessControlType::Allow, AccessRight::Full) => Some(ShareRight::Full),
            (AccessControlType::Allow, AccessRight::Change) => Some(ShareRight::Change),
            (AccessControlType::Allow, AccessRight::Read) => Some(ShareRight::Read),
            _ => return None,
        };
        if ace.flags() != AceFlags::EMPTY {
            return None;
        }
        entries.push((*ace.sid(), right));
    }
    // The lists do not say that nobody may connect, nor anything besides the entries.
    let says_all = descriptor_of(&entries).is_ok_and(|made| made.to_sddl() == descriptor.to_sddl());
    (says_all && !entries.is_empty()).then_some(entries)
}

/// What differs, field by field.
fn differences(plan: &Plan<'_>, now: &ShareSettings, wanted: &ShareSettings) -> Vec<String> {
    let mut details = Vec::new();
    let mut compare = |name: &str, now: String, wanted: String| {
        if now != wanted {
            details.push(format!("{name}: {now} -> {wanted}"));
        }
    };
    let mode = |on| format!("{:?}", FolderEnumerationMode::of(on));
    compare("Volume", now.volume.clone(), wanted.volume.clone());
    compare("Path", format!("{:?}", now.path), format!("{:?}", wanted.path));
    compare("Description", format!("{:?}", now.comment), format!("{:?}", wanted.comment));
    compare("EncryptData", now.encrypt.to_string(), wanted.encrypt.to_string());
    compare(
        "FolderEnumerationMode",
        mode(now.access_based_enumeration),
        mode(wanted.access_based_enumeration),
    );
    compare("CachingMode", format!("{:?}", now.caching), format!("{:?}", wanted.caching));
    compare(
        "ContinuouslyAvailable",
        now.continuously_available.to_string(),
        wanted.continuously_available.to_string(),
    );
    compare("CATimeout", now.ca_timeout_seconds.to_string(), wanted.ca_timeout_seconds.to_string());
    let limit = |most: Option<u32>| most.unwrap_or(0).to_string();
    compare("ConcurrentUserLimit", limit(now.max_users), limit(wanted.max_users));
    compare("Audit", now.audit.word().to_owned(), wanted.audit.word().to_owned());
    if now.security != wanted.security {
        details.push(format!(
            "Access: {} -> {}",
            access(plan, &now.security),
            access(plan, &wanted.security)
        ));
    }
    details
}

/// Who may connect, in a line.
fn access(plan: &Plan<'_>, descriptor: &SecurityDescriptor) -> String {
    let Some(entries) = simple_entries(descriptor) else { return descriptor.to_sddl() };
    let entry = |(sid, right): &Entry| {
        let right = right.map_or("no".to_owned(), |right| format!("{right:?}").to_lowercase());
        format!("{} {right}", plan.name_of(sid))
    };
    format!("[{}]", entries.iter().map(entry).collect::<Vec<_>>().join(", "))
}
