//! [MS-SRVS] 3.1.4.8 NetrShareEnum, 3.1.4.9 NetrShareEnumSticky, 3.1.4.10 NetrShareGetInfo, 3.1.4.16 NetrShareCheck.

use freehold_acl::SecurityDescriptor;
use freehold_dtyp::{Encode, Wtf8Buf};

use super::super::RpcContext;
use super::super::dispatch::Call;
use super::super::enumeration::{Entry, Enumeration};
use super::super::fault::Fault;
use super::super::ndr::NdrWriter;
use super::super::win32::Win32;
use super::access;
use super::share_info::windows_path;
use crate::state::{Share, accounts::fold_name};

/// [MS-SRVS] 2.2.2.4 share types: STYPE_DISKTREE.
pub(super) const DISK_TREE: u32 = 0;
/// STYPE_IPC.
const IPC: u32 = 3;
/// STYPE_IPC with STYPE_SPECIAL.
const IPC_SPECIAL: u32 = 0x8000_0003;
/// [MS-SRVS] 2.2.4.29 SHARE_INFO_1005: SHI1005_FLAGS_DFS, the share is in a DFS namespace.
const FLAG_DFS: u32 = 0x0001;
/// SHI1005_FLAGS_DFS_ROOT: it is the root of one.
const FLAG_DFS_ROOT: u32 = 0x0002;
/// SHI1005_FLAGS_ACCESS_BASED_DIRECTORY_ENUM.
pub(super) const FLAG_ACCESS_BASED_ENUMERATION: u32 = 0x0800;
/// SHI1005_FLAGS_ENABLE_CA.
pub(super) const FLAG_CONTINUOUSLY_AVAILABLE: u32 = 0x4000;
/// SHI1005_FLAGS_ENCRYPT_DATA.
pub(super) const FLAG_ENCRYPT_DATA: u32 = 0x8000;
/// shi*_max_uses: no limit.
pub(super) const UNLIMITED: u32 = u32::MAX;

/// Arms of SHARE_ENUM_UNION ([MS-SRVS] 2.2.3.5).
const ENUM_LEVELS: [u32; 6] = [0, 1, 2, 501, 502, 503];
/// Levels that show paths and descriptors: for operators (note <61>).
const OPERATOR_LEVELS: [u32; 3] = [2, 502, 503];

/// Which shares an enumeration is about.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Which {
    /// All.
    All,
    /// Those that are there again after a restart: all but IPC$.
    Kept,
}

/// NetrShareEnum and NetrShareEnumSticky.
pub(super) fn share_enum(call: &mut Call<'_, '_>, which: Which) -> Result<NdrWriter, Fault> {
    super::server_name(&mut call.parameters)?;
    let enumeration = Enumeration::read(&mut call.parameters, &ENUM_LEVELS)?;
    if which == Which::Kept && enumeration.level == 501 {
        return Ok(enumeration.refuse(Win32::INVALID_LEVEL));
    }
    if !may_see(call.cx, enumeration.level) {
        return Ok(enumeration.refuse(Win32::ACCESS_DENIED));
    }
    let mut views: Vec<ShareView> =
        call.cx.shares.all().iter().map(|share| ShareView::of_share(call.cx, share)).collect();
    if which == Which::All {
        views.push(ShareView::ipc(call.cx));
    }
    Ok(enumeration.answer(&views))
}

/// NetrShareGetInfo.
pub(super) fn share_get_info(call: &mut Call<'_, '_>) -> Result<NdrWriter, Fault> {
    super::server_name(&mut call.parameters)?;
    let name = call.parameters.wide_string("NetName")?;
    let level = call.parameters.u32("Level")?;
    let mut writer = NdrWriter::new();
    writer.u32(level);
    if !ENUM_LEVELS.contains(&level) && level != 1005 {
        writer.u32(Win32::INVALID_LEVEL.0);
        return Ok(writer);
    }
    let outcome = if may_see(call.cx, level) { find(call.cx, &name) } else { Err(Win32::ACCESS_DENIED) };
    match outcome {
        Ok(view) => {
            writer.pointer();
            view.fixed(&mut writer, level);
            view.referents(&mut writer, level);
            writer.u32(Win32::SUCCESS.0);
        }
        Err(status) => {
            writer.null();
            writer.u32(status.0);
        }
    }
    Ok(writer)
}

/// NetrShareCheck: is this folder or drive shared? Everybody may ask.
pub(super) fn share_check(call: &mut Call<'_, '_>) -> Result<NdrWriter, Fault> {
    super::server_name(&mut call.parameters)?;
    let device = fold_name(&call.parameters.wide_string("Device")?.to_string());
    let device = device.trim_end_matches('\\');
    let shared = call.cx.shares.all().iter().any(|share| {
        let settings = &share.settings;
        fold_name(&windows_path(&settings.volume, &settings.path)) == device
    });
    // Windows' tools check the path that IPC$ has, which is none.
    let found = match (device.is_empty(), shared) {
        (true, _) => Ok(IPC),
        (false, true) => Ok(DISK_TREE),
        (false, false) => Err(Win32::NERR_DEVICE_NOT_SHARED),
    };
    let mut writer = NdrWriter::new();
    writer.u32(found.unwrap_or(0));
    writer.u32(found.err().unwrap_or(Win32::SUCCESS).0);
    Ok(writer)
}

/// DIFFERS: Windows lets an anonymous caller in where a policy says so; here such callers see no shares.
fn may_see(cx: &RpcContext<'_>, level: u32) -> bool {
    !cx.is_anonymous() && (access::may_list(cx) || !OPERATOR_LEVELS.contains(&level))
}

fn find(cx: &RpcContext<'_>, name: &Wtf8Buf) -> Result<ShareView, Win32> {
    let name = name.as_wtf8().to_str().ok_or(Win32::NERR_NET_NAME_NOT_FOUND)?;
    if fold_name(name) == "IPC$" {
        return Ok(ShareView::ipc(cx));
    }
    match cx.shares.share(name) {
        Some(share) => Ok(ShareView::of_share(cx, share)),
        None => Err(Win32::NERR_NET_NAME_NOT_FOUND),
    }
}

/// The fields of all share levels.
struct ShareView {
    name: String,
    share_type: u32,
    remark: String,
    flags: u32,
    max_uses: u32,
    current_uses: u32,
    path: String,
    security: Option<Vec<u8>>,
}

impl ShareView {
    fn of_share(cx: &RpcContext<'_>, share: &Share) -> Self {
        let settings = &share.settings;
        let mut flags = settings.caching.flags();
        for (set, flag) in [
            (settings.access_based_enumeration, FLAG_ACCESS_BASED_ENUMERATION),
            (settings.continuously_available, FLAG_CONTINUOUSLY_AVAILABLE),
            (settings.encrypt, FLAG_ENCRYPT_DATA),
            (cx.namespaces.namespace(&share.name).is_some(), FLAG_DFS | FLAG_DFS_ROOT),
        ] {
            if set {
                flags |= flag;
            }
        }
        ShareView {
            name: share.name.clone(),
            share_type: DISK_TREE,
            remark: settings.comment.clone(),
            flags,
            max_uses: settings.max_users.unwrap_or(UNLIMITED),
            current_uses: cx.activity.share_users(&share.name),
            path: windows_path(&settings.volume, &settings.path),
            security: Some(share_security(&settings.security)),
        }
    }

    fn ipc(cx: &RpcContext<'_>) -> Self {
        ShareView {
            name: "IPC$".to_owned(),
            share_type: IPC_SPECIAL,
            remark: "Remote IPC".to_owned(),
            flags: 0,
            max_uses: UNLIMITED,
            current_uses: cx.activity.share_users("IPC$"),
            path: String::new(),
            security: None,
        }
    }

    fn security_length(&self) -> u32 {
        self.security.as_ref().map_or(0, |bytes| u32::try_from(bytes.len()).unwrap_or(u32::MAX))
    }

    fn security_pointer(&self, writer: &mut NdrWriter) {
        writer.u32(self.security_length());
        match self.security {
            Some(_) => writer.pointer(),
            None => writer.null(),
        }
    }
}

/// A descriptor as management tools read it: without a SACL.
fn share_security(descriptor: &SecurityDescriptor) -> Vec<u8> {
    let mut visible = descriptor.clone();
    visible.sacl = freehold_acl::AclPart::Absent;
    visible.to_bytes()
}

impl Entry for ShareView {
    /// [MS-SRVS] 2.2.4.22 SHARE_INFO_0 to 2.2.4.29 SHARE_INFO_1005.
    fn fixed(&self, writer: &mut NdrWriter, level: u32) {
        if level == 1005 {
            writer.u32(self.flags);
            return;
        }
        writer.pointer();
        if level == 0 {
            return;
        }
        writer.u32(self.share_type);
        writer.pointer();
        match level {
            501 => writer.u32(self.flags),
            2 | 502 | 503 => {
                writer.u32(0); // permissions: of share-level security, not used
                writer.u32(self.max_uses);
                writer.u32(self.current_uses);
                writer.pointer();
                writer.null(); // passwd
                if level == 503 {
                    writer.pointer();
                }
                if level != 2 {
                    self.security_pointer(writer);
                }
            }
            _ => {}
        }
    }

    fn referents(&self, writer: &mut NdrWriter, level: u32) {
        if level == 1005 {
            return;
        }
        writer.wide_string(&self.name);
        if level == 0 {
            return;
        }
        writer.wide_string(&self.remark);
        if !matches!(level, 2 | 502 | 503) {
            return;
        }
        writer.wide_string(&self.path);
        if level == 503 {
            writer.wide_string("*");
        }
        if let (502 | 503, Some(bytes)) = (level, &self.security) {
            writer.count(bytes.len());
            writer.bytes(bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use freehold_dfs::{Kind, Namespace, NamespaceIndex, NamespaceOptions, Namespaces, State};
    use freehold_dtyp::Guid;

    use super::super::super::ndr::NdrReader;
    use super::super::super::testing::{self, Client, Fixture};
    use super::*;
    use crate::state::dfs::FOLD;

    fn request(level: u32, preferred: u32, resume: Option<u32>) -> Vec<u8> {
        let mut writer = NdrWriter::new();
        writer.pointer();
        writer.wide_string("\\\\files");
        writer.u32(level);
        writer.u32(level);
        writer.pointer();
        writer.u32(0);
        writer.null();
        writer.u32(preferred);
        writer.optional_u32(resume);
        writer.into_bytes()
    }

    /// Name, type and remark.
    type Level1 = (String, u32, String);

    /// Entries, total, resume handle and status of a level 1 answer.
    fn level_1(stub: &[u8]) -> (Vec<Level1>, u32, Option<u32>, u32) {
        let mut reader = NdrReader::new(stub);
        assert_eq!((reader.u32("").unwrap(), reader.u32("").unwrap()), (1, 1));
        assert!(reader.pointer("").unwrap());
        let count = reader.u32("").unwrap();
        let mut entries = Vec::new();
        if reader.pointer("").unwrap() {
            assert_eq!(reader.u32("").unwrap(), count);
            let kinds: Vec<u32> = (0..count)
                .map(|_| {
                    assert!(reader.pointer("").unwrap());
                    let kind = reader.u32("").unwrap();
                    assert!(reader.pointer("").unwrap());
                    kind
                })
                .collect();
            for kind in kinds {
                let name = reader.wide_string("").unwrap().to_string();
                entries.push((name, kind, reader.wide_string("").unwrap().to_string()));
            }
        }
        let total = reader.u32("").unwrap();
        let resume = reader.optional("", |reader| reader.u32("")).unwrap();
        (entries, total, resume, reader.u32("").unwrap())
    }

    #[test]
    fn all_shares_and_the_pipe_share_are_listed() {
        let fixture = Fixture::new();
        let mut client = Client::srvsvc(&fixture);
        let (entries, total, resume, status) =
            level_1(&client.call(15, &request(1, u32::MAX, Some(0))).unwrap());
        let names: Vec<&str> = entries.iter().map(|(name, _, _)| name.as_str()).collect();
        assert_eq!(names, ["Data", "hidden$", "IPC$"]);
        assert_eq!(entries[2], ("IPC$".to_owned(), 0x8000_0003, "Remote IPC".to_owned()));
        assert_eq!(entries[0].2, "The data");
        assert_eq!((total, resume, status), (3, Some(0), 0));
        let (entries, ..) = level_1(&client.call(36, &request(1, u32::MAX, None)).unwrap());
        assert_eq!(entries.len(), 2);
    }

    #[test]
    fn a_listing_goes_on_where_it_stopped() {
        let fixture = Fixture::new();
        let mut client = Client::srvsvc(&fixture);
        let mut names = Vec::new();
        let mut resume = Some(0);
        for left in [3, 2, 1] {
            let (entries, total, next, status) = level_1(&client.call(15, &request(1, 1, resume)).unwrap());
            assert_eq!((entries.len(), total), (1, left));
            assert_eq!(status, if left == 1 { 0 } else { 234 });
            names.push(entries[0].0.clone());
            resume = next;
        }
        assert_eq!(names, ["Data", "hidden$", "IPC$"]);
    }

    #[test]
    fn paths_and_descriptors_are_for_administrators() {
        let fixture = Fixture::new().ordinary_caller();
        let mut client = Client::srvsvc(&fixture);
        for (level, status) in [(0, 0), (1, 0), (501, 0), (2, 5), (502, 5), (503, 5)] {
            let stub = client.call(15, &request(level, u32::MAX, None)).unwrap();
            assert_eq!(stub[stub.len() - 4..], u32::to_le_bytes(status), "level {level}");
        }
        let fixture = Fixture::new().anonymous_caller();
        let stub = Client::srvsvc(&fixture).call(15, &request(1, u32::MAX, None)).unwrap();
        assert_eq!(level_1(&stub).3, 5);
    }

    #[test]
    fn a_level_that_is_not_there_is_refused() {
        let fixture = Fixture::new();
        let mut client = Client::srvsvc(&fixture);
        assert_eq!(client.call(15, &request(3, u32::MAX, None)), Err(Fault::INVALID_TAG));
        let stub = client.call(16, &testing::share_info_request("data", 77)).unwrap();
        assert_eq!(stub, [77, 0, 0, 0, 124, 0, 0, 0]);
    }

    #[test]
    fn every_level_of_one_share_has_its_fields() {
        let fixture = Fixture::new();
        let mut client = Client::srvsvc(&fixture);
        let mut info = |level| client.call(16, &testing::share_info_request("DATA", level)).unwrap();
        let flags = info(1005);
        assert_eq!(flags, [0xED, 3, 0, 0, 0, 0, 2, 0, 0x10, 0x88, 0, 0, 0, 0, 0, 0]);
        let stub = info(502);
        let mut reader = NdrReader::new(&stub);
        assert_eq!(reader.u32("").unwrap(), 502);
        assert!(reader.pointer("").unwrap() && reader.pointer("").unwrap());
        assert_eq!(reader.u32("").unwrap(), 0);
        assert!(reader.pointer("").unwrap());
        let numbers: Vec<u32> = (0..3).map(|_| reader.u32("").unwrap()).collect();
        assert_eq!(numbers, [0, 5, 2]);
        assert!(reader.pointer("").unwrap() && !reader.pointer("").unwrap());
        let length = reader.u32("").unwrap();
        assert!(reader.pointer("").unwrap());
        let strings: Vec<String> = (0..3).map(|_| reader.wide_string("").unwrap().to_string()).collect();
        assert_eq!(strings, ["Data", "The data", "C:\\vol\\sub\\folder"]);
        assert_eq!(reader.u32("").unwrap(), length);
        let bytes = reader.bytes("", usize::try_from(length).unwrap()).unwrap();
        let descriptor = <SecurityDescriptor as freehold_dtyp::Decode>::from_bytes(bytes).unwrap();
        assert_eq!(descriptor.owner, Some(freehold_dtyp::Sid::ADMINISTRATORS));
        assert_eq!((reader.u32("").unwrap(), reader.remaining()), (0, 0));
        assert!(info(503).len() > stub.len());
    }

    #[test]
    fn the_root_of_a_namespace_is_shown_as_one() {
        let namespace = Namespace {
            name: "data".to_owned(),
            guid: Guid([1; 16]),
            kind: Kind::StandAlone,
            comment: String::new(),
            state: State::Offline,
            ttl_seconds: 300,
            options: NamespaceOptions::default(),
            targets: Vec::new(),
        };
        let index = NamespaceIndex::new(Arc::new(namespace));
        let fixture = Fixture::new().with_namespaces(Namespaces::new(FOLD, [index]));
        let mut client = Client::srvsvc(&fixture);
        let mut flags = |name, level, at| {
            let stub = client.call(16, &testing::share_info_request(name, level)).unwrap();
            u32::from_le_bytes(stub[at..at + 4].try_into().unwrap())
        };
        assert_eq!(flags("DATA", 1005, 8), 0x8813);
        // Pointers to the name and the remark stand before.
        assert_eq!((flags("Data", 501, 20), flags("hidden$", 1005, 8) & 3), (0x8813, 0));
    }

    #[test]
    fn a_folder_is_shared_or_not() {
        let fixture = Fixture::new().ordinary_caller();
        let mut client = Client::srvsvc(&fixture);
        let mut check = |device: &str| {
            let mut writer = NdrWriter::new();
            writer.null();
            writer.wide_string(device);
            client.call(20, &writer.into_bytes()).unwrap()
        };
        assert_eq!(check("c:\\VOL\\sub\\folder\\"), [0; 8]);
        assert_eq!(check(""), [3, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(check("C:\\vol"), [0, 0, 0, 0, 0x07, 0x09, 0, 0]);
    }

    #[test]
    fn the_kept_shares_have_no_level_501() {
        let fixture = Fixture::new();
        let stub = Client::srvsvc(&fixture).call(36, &request(501, u32::MAX, None)).unwrap();
        assert_eq!(stub[stub.len() - 4..], u32::to_le_bytes(124));
    }

    #[test]
    fn a_share_that_is_not_there_is_not_found() {
        let fixture = Fixture::new();
        let mut client = Client::srvsvc(&fixture);
        let stub = client.call(16, &testing::share_info_request("nothing", 1)).unwrap();
        assert_eq!(stub, [1, 0, 0, 0, 0, 0, 0, 0, 0x06, 0x09, 0, 0]);
        let stub = client.call(16, &testing::share_info_request("ipc$", 1)).unwrap();
        assert_eq!(stub[stub.len() - 4..], [0; 4]);
    }
}
