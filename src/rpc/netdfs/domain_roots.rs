//! [MS-DFSNM] 3.1.4.3.1 NetrDfsAddFtRoot, 3.1.4.3.2 NetrDfsRemoveFtRoot, 3.1.4.1.9 NetrDfsAddRootTarget, 3.1.4.1.10
//! NetrDfsRemoveRootTarget, 3.1.4.1.11 NetrDfsGetSupportedNamespaceVersion: namespaces of the domain, of version 2.
//!
//! DIFFERS: the share of a root has the namespace's name; a root target is this server's, by its own name; namespaces of version 1
//! are not made (ERROR_NOT_SUPPORTED).

use freehold_dfs::{Kind, Target};

use super::super::dispatch::Call;
use super::super::fault::Fault;
use super::super::ndr::NdrWriter;
use super::super::win32::Win32;
use super::super::{DfsTask, RpcContext};
use super::path::EntryPath;
use crate::state::accounts::fold_name;
use crate::state::dfs::DfsEdit;

/// Version of the metadata of domain-based namespaces that is supported.
const DOMAIN_VERSION: u32 = 2;
/// The same of stand-alone ones.
const STAND_ALONE_VERSION: u32 = 1;
/// DFS_NAMESPACE_CAPABILITY_ABDE.
const CAPABILITIES: u64 = 1;
/// DFS_NAMESPACE_VERSION_ORIGIN_COMBINED, _SERVER, _DOMAIN.
const ORIGINS: [u16; 3] = [0, 1, 2];
const ORIGIN_SERVER: u16 = 1;

/// 3.1.4.3.1 NetrDfsAddFtRoot: of what is new it would make version 1.
pub(super) fn add_ft_root(call: &mut Call<'_, '_>) -> Result<NdrWriter, Fault> {
    for field in ["ServerName", "DcName"] {
        super::text(&mut call.parameters, field)?;
    }
    let share = super::text(&mut call.parameters, "RootShare")?;
    let namespace = super::text(&mut call.parameters, "FtDfsName")?;
    for field in ["Comment", "ConfigDN"] {
        super::text(&mut call.parameters, field)?;
    }
    let is_new = call.parameters.bytes("NewFtDfs", 1)? != [0];
    call.parameters.u32("ApiFlags")?;
    super::root_list(&mut call.parameters)?;
    let outcome = super::change(call, |call| {
        if is_new {
            return Err(Win32::NOT_SUPPORTED);
        }
        add(call.cx, &namespace, &share, String::new(), false)
    })?;
    Ok(super::status_and_root_list(outcome))
}

/// 3.1.4.3.2 NetrDfsRemoveFtRoot.
pub(super) fn remove_ft_root(call: &mut Call<'_, '_>) -> Result<NdrWriter, Fault> {
    let server = super::text(&mut call.parameters, "ServerName")?;
    super::text(&mut call.parameters, "DcName")?;
    let share = super::text(&mut call.parameters, "RootShare")?;
    let namespace = super::text(&mut call.parameters, "FtDfsName")?;
    let flags = call.parameters.u32("ApiFlags")?;
    super::root_list(&mut call.parameters)?;
    let outcome = super::change(call, |call| remove(call.cx, &namespace, &server, &share, flags))?;
    Ok(super::status_and_root_list(outcome))
}

/// 3.1.4.1.9 NetrDfsAddRootTarget.
pub(super) fn add_root_target(call: &mut Call<'_, '_>) -> Result<NdrWriter, Fault> {
    let path = super::optional_text(&mut call.parameters, "pDfsPath")?;
    let target = super::optional_text(&mut call.parameters, "pTargetPath")?;
    let version = call.parameters.u32("MajorVersion")?;
    let comment = super::optional_text(&mut call.parameters, "pComment")?.unwrap_or_default();
    let is_new = call.parameters.bytes("NewNamespace", 1)? != [0];
    let flags = call.parameters.u32("Flags")?;
    let outcome = super::change(call, |call| {
        let path = root_of(path.as_deref())?;
        let Some(target) = target else {
            return add_stand_alone(call.cx, &path.namespace, version, comment);
        };
        if flags != 0 {
            return Err(Win32::INVALID_PARAMETER);
        }
        of_own_domain(call.cx, &path.server)?;
        match version {
            0 if is_new => return Err(Win32::INVALID_PARAMETER),
            0 | DOMAIN_VERSION => {}
            1 => return Err(Win32::NOT_SUPPORTED),
            _ => return Err(Win32::INVALID_PARAMETER),
        }
        let target = own_target(call.cx, &target).ok_or(Win32::INVALID_PARAMETER)?;
        add(call.cx, &path.namespace, &target.share, comment, is_new)
    })?;
    Ok(super::status_only(outcome))
}

/// 3.1.4.1.10 NetrDfsRemoveRootTarget.
pub(super) fn remove_root_target(call: &mut Call<'_, '_>) -> Result<NdrWriter, Fault> {
    let path = super::optional_text(&mut call.parameters, "pDfsPath")?;
    let target = super::optional_text(&mut call.parameters, "pTargetPath")?;
    let flags = call.parameters.u32("Flags")?;
    let outcome = super::change(call, |call| {
        let path = root_of(path.as_deref())?;
        if let Some(target) = target {
            of_own_domain(call.cx, &path.server)?;
            let target = Target::from_unc(&target).ok_or(Win32::INVALID_PARAMETER)?;
            return remove(call.cx, &path.namespace, &target.server, &target.share, flags);
        }
        let namespace = path.index(call.cx)?.namespace();
        if flags != 0 || namespace.kind != Kind::StandAlone {
            return Err(Win32::INVALID_PARAMETER);
        }
        Ok(DfsTask::Edit(vec![DfsEdit::RemoveNamespace { name: namespace.name.clone() }]))
    })?;
    Ok(super::status_only(outcome))
}

/// 3.1.4.1.11 NetrDfsGetSupportedNamespaceVersion.
pub(super) fn supported_version(call: &mut Call<'_, '_>) -> Result<NdrWriter, Fault> {
    let origin = call.parameters.u16("Origin")?;
    super::optional_text(&mut call.parameters, "pName")?;
    let status = match super::may_look(call.cx) {
        Ok(()) if !ORIGINS.contains(&origin) => Err(Win32::INVALID_PARAMETER),
        outcome => outcome,
    };
    // What the schema of a domain allows is asked by members only.
    let of_domain = origin == ORIGIN_SERVER || call.cx.domain.is_some();
    let mut writer = NdrWriter::new();
    let both = [(of_domain, DOMAIN_VERSION), (true, STAND_ALONE_VERSION)];
    for (supported, version) in both {
        let supported = supported && status.is_ok();
        writer.align(8);
        writer.u32(if supported { version } else { 0 });
        writer.u32(0);
        writer.u64(if supported { CAPABILITIES } else { 0 });
    }
    writer.u32(status.err().unwrap_or(Win32::SUCCESS).0);
    Ok(writer)
}

fn root_of(path: Option<&str>) -> Result<EntryPath, Win32> {
    let path = EntryPath::parse(path.ok_or(Win32::INVALID_PARAMETER)?)?;
    if path.link.is_empty() { Ok(path) } else { Err(Win32::INVALID_PARAMETER) }
}

/// The name is one of the domain that this server is a member of.
fn of_own_domain(cx: &RpcContext<'_>, name: &str) -> Result<(), Win32> {
    let domain = cx.domain.ok_or(Win32::NOT_SUPPORTED)?;
    let is = |known: &str| fold_name(known) == fold_name(name);
    if is(&domain.dns_name) || is(&domain.netbios_name) { Ok(()) } else { Err(Win32::INVALID_PARAMETER) }
}

/// A target of this server, by one of its names.
fn own_target(cx: &RpcContext<'_>, unc: &str) -> Option<Target> {
    Target::from_unc(unc).filter(|target| is_own(cx, &target.server) && target.path.is_empty())
}

fn is_own(cx: &RpcContext<'_>, name: &str) -> bool {
    let name = fold_name(name.trim_start_matches('\\'));
    let own = [&cx.server.netbios_name, &cx.server.dns_name];
    let in_domain = cx.domain.into_iter().flat_map(|domain| &domain.host_names);
    own.into_iter().chain(in_domain).any(|own| fold_name(own) == name)
}

fn add_stand_alone(
    cx: &RpcContext<'_>,
    share: &str,
    version: u32,
    comment: String,
) -> Result<DfsTask, Win32> {
    if version != STAND_ALONE_VERSION {
        return Err(Win32::INVALID_PARAMETER);
    }
    Ok(DfsTask::AddNamespace { share: new_root(cx, share)?, comment })
}

/// The share of a root that is to be made.
fn new_root(cx: &RpcContext<'_>, share: &str) -> Result<String, Win32> {
    if cx.namespaces.namespace(share).is_some() {
        return Err(Win32::ALREADY_EXISTS);
    }
    let share = cx.shares.share(share).ok_or(Win32::NERR_NET_NAME_NOT_FOUND)?;
    Ok(share.name.clone())
}

fn add(
    cx: &RpcContext<'_>,
    namespace: &str,
    share: &str,
    comment: String,
    may_be_new: bool,
) -> Result<DfsTask, Win32> {
    if cx.domain.is_none() || fold_name(namespace) != fold_name(share) {
        return Err(Win32::NOT_SUPPORTED);
    }
    Ok(DfsTask::AddDomainRoot { share: new_root(cx, share)?, comment, may_be_new })
}

fn remove(
    cx: &RpcContext<'_>,
    namespace: &str,
    server: &str,
    share: &str,
    flags: u32,
) -> Result<DfsTask, Win32> {
    // DFS_FORCE_REMOVE is for domain controllers.
    if flags != 0 {
        return Err(Win32::NOT_SUPPORTED);
    }
    let found = cx.namespaces.namespace(namespace).ok_or(Win32::NOT_FOUND)?.namespace();
    if found.kind == Kind::StandAlone {
        return Err(Win32::NOT_FOUND);
    }
    if !is_own(cx, server) || fold_name(share) != fold_name(&found.name) {
        return Err(Win32::FILE_NOT_FOUND);
    }
    Ok(DfsTask::Edit(vec![DfsEdit::RemoveNamespace { name: found.name.clone() }]))
}
