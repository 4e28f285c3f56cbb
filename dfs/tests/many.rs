//! A namespace of 50,000 folders: all of them are found, and a change leaves the others where they are.

use std::sync::Arc;

use freehold_dfs::{
    DEFAULT_FOLDER_TTL_SECONDS, DEFAULT_ROOT_TTL_SECONDS, Distance, Fold, Folder, Kind, Namespace,
    NamespaceIndex, Namespaces, State, Surroundings, Target,
};
use freehold_dtyp::Guid;

const FOLDERS: u32 = 50_000;

fn path(number: u32) -> String {
    format!(r"Department {}\Team {}\Project {number}", number % 50, number % 1000)
}

#[test]
fn fifty_thousand_folders_are_found() {
    let began = std::time::Instant::now();
    let mut index = NamespaceIndex::new(Arc::new(Namespace {
        name: "files".into(),
        guid: Guid([1; 16]),
        kind: Kind::StandAlone,
        comment: String::new(),
        state: State::Online,
        ttl_seconds: DEFAULT_ROOT_TTL_SECONDS,
        options: Default::default(),
        targets: Vec::new(),
    }));
    for number in 0..FOLDERS {
        let folder = Folder {
            path: path(number),
            guid: Guid([2; 16]),
            comment: String::new(),
            state: State::Online,
            ttl_seconds: DEFAULT_FOLDER_TTL_SECONDS,
            options: Default::default(),
            security: None,
            targets: vec![
                Target::new("fs1.corp.example", "data", path(number)),
                Target::new("fs2.corp.example", "data", ""),
            ],
        };
        index.insert(Fold::ASCII, Arc::new(folder)).unwrap();
    }
    let built = began.elapsed();
    let mut all = Namespaces::new(Fold::ASCII, [index]);
    let around = Surroundings { distance: &|_| Distance::Unknown, is_dead: &|_| false, is_own: &|_| false };
    let began = std::time::Instant::now();
    for number in 0..FOLDERS {
        let asked: Vec<u16> =
            format!(r"\server\FILES\{}\deep\file", path(number).to_uppercase()).encode_utf16().collect();
        let answer = all.refer(&asked, &around, &mut |_| 0).unwrap();
        assert_eq!(answer.folder.unwrap().path, path(number));
        assert_eq!(answer.told.len(), 2);
        assert!(!answer.encode(&asked, 4, 4096).unwrap().is_empty());
    }
    let asked = began.elapsed();
    let began = std::time::Instant::now();
    let mut changed = NamespaceIndex::clone(all.namespace("files").unwrap());
    changed.remove(Fold::ASCII, &path(7)).unwrap();
    all.set(Arc::new(changed));
    let change = began.elapsed();
    println!("built in {built:?}, {FOLDERS} referrals in {asked:?}, a change in {change:?}");
    assert_eq!(all.namespace("files").unwrap().folders().len(), 49_999);
    assert!(all.find_below("files", path(7).encode_utf16()).is_none());
    assert!(all.find_below("files", path(8).encode_utf16()).is_some());
}
