//! [MS-DFSC]: referral requests of both forms, answered for a server with namespaces, and responses of every version. What the
//! server answers is read back; what is found for a path agrees with whether it is covered.
#![no_main]

use std::sync::{Arc, OnceLock};

use freehold::fscc::upcase::upcase_unit;
use freehold_dfs::wire::{Entry, ReferralRequest, ReferralResponse};
use freehold_dfs::{
    Distance, Fold, Folder, FolderOptions, Found, Kind, Namespace, NamespaceIndex, NamespaceOptions, Namespaces, State,
    Surroundings, Target, check_folder_path,
};
use freehold_dtyp::{Guid, Writer};
use libfuzzer_sys::fuzz_target;

const FOLD: Fold = Fold(upcase_unit);

fn namespaces() -> &'static Namespaces {
    static ALL: OnceLock<Namespaces> = OnceLock::new();
    ALL.get_or_init(|| {
        let mut all = Namespaces::new(FOLD, Vec::<NamespaceIndex>::new());
        for name in ["n", "Files", "Ünï"] {
            let mut index = NamespaceIndex::new(Arc::new(Namespace {
                name: name.into(),
                guid: Guid([1; 16]),
                kind: Kind::StandAlone,
                comment: String::new(),
                state: State::Online,
                ttl_seconds: 300,
                options: NamespaceOptions { target_failback: name == "n", ..NamespaceOptions::default() },
                targets: if name == "n" { Vec::new() } else { vec![Target::new("root", name, "")] },
            }));
            for (path, targets) in [("a", 1), (r"b\c", 3), (r"b\d\e", 40), ("é😀", 2)] {
                let folder = Folder {
                    path: path.into(),
                    guid: Guid([2; 16]),
                    comment: String::new(),
                    state: State::Online,
                    ttl_seconds: 1800,
                    options: FolderOptions::default(),
                    security: None,
                    targets: (0..targets).map(|number| Target::new(format!("fs{number}"), "data", "x")).collect(),
                };
                index.insert(FOLD, Arc::new(folder)).unwrap();
            }
            all.set(Arc::new(index));
        }
        all
    })
}

fn answer(request: &ReferralRequest<'_>, room: usize) {
    let all = namespaces();
    let path: Vec<u16> = request.path().collect();
    let around = Surroundings {
        distance: &|target| if target.server.ends_with('1') { Distance::SameSite } else { Distance::Unknown },
        is_dead: &|target| target.server.ends_with('0'),
        is_own: &|name| name == "root",
    };
    let Ok(found) = all.refer(&path, &around, &mut |below| room % below.max(1)) else { return };
    assert!(found.consumed <= path.len());
    if let Found::Folder { folder, consumed, exact, .. } = all.find(&path) {
        assert_eq!(found.folder.map(|found| &found.path), Some(&folder.path));
        assert!(!exact || path[consumed..].iter().all(|unit| *unit == u16::from(b'\\')));
    }
    for level in [request.max_referral_level, 1, 2, 3, 4] {
        let Ok(bytes) = found.encode(&path, level, room) else { continue };
        assert!(bytes.len() <= room);
        let response = ReferralResponse::from_bytes(&bytes).unwrap();
        assert!(response.entries.len() <= found.told.len());
        for (entry, told) in response.entries.iter().zip(&found.told) {
            let (Entry::Target { address, .. } | Entry::Share { share_name: address, .. }) = entry else {
                panic!("{entry:?}");
            };
            let expected: Vec<u8> = told.target.dfs_path().encode_utf16().flat_map(u16::to_le_bytes).collect();
            assert_eq!(*address, expected);
        }
    }
}

fuzz_target!(|bytes: &[u8]| {
    let Some((kind, bytes)) = bytes.split_first() else { return };
    let room = usize::from(*kind) * 64;
    if let Ok(request) = ReferralRequest::from_bytes(bytes) {
        let mut writer = Writer::new();
        request.encode(&mut writer);
        assert_eq!(ReferralRequest::from_bytes(writer.as_slice()), Ok(request));
        answer(&request, room);
    }
    if let Ok(request) = ReferralRequest::from_bytes_ex(bytes) {
        answer(&request, room);
    }
    let _ = ReferralResponse::from_bytes(bytes);
    if let Ok(text) = core::str::from_utf8(bytes)
        && check_folder_path(text).is_ok()
    {
        let all = namespaces();
        let index = all.namespace("n").unwrap();
        let is_new = index.check_place(FOLD, text).is_ok();
        assert!(!is_new || index.folder(FOLD, text).is_none());
        assert!(!is_new || all.find_below("N", text.encode_utf16()).is_none());
    }
});
