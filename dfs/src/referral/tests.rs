//! What a client is told, by the kind of its request.

use super::*;
use crate::test_support::{folder, namespace};
use crate::wire::{Entry, ReferralResponse};
use crate::{Fold, NamespaceIndex};

fn utf16(path: &str) -> Vec<u16> {
    path.encode_utf16().collect()
}

const AROUND: Surroundings<'static> =
    Surroundings { distance: &|_| Distance::Unknown, is_dead: &|_| false, is_own: &|name| name == "me" };

fn files() -> Namespaces {
    let mut index = NamespaceIndex::new(Arc::new(namespace("files")));
    for (path, target) in [(r"a\b", r"\\other\data\x"), ("inter", r"\\me\second"), ("same", r"\\me\plain")] {
        index.insert(Fold::ASCII, Arc::new(folder(path, &[target]))).unwrap();
    }
    Namespaces::new(Fold::ASCII, [index, NamespaceIndex::new(Arc::new(namespace("second")))])
}

/// Flags, consumed path, addresses.
fn asked(path: &str) -> Result<(u32, String, Vec<String>), ReferralError> {
    let units = utf16(path);
    let all = files();
    let bytes = all.refer(&units, &AROUND, &mut |_| 0)?.encode(&units, 4, 4096).unwrap();
    let response = ReferralResponse::from_bytes(&bytes).unwrap();
    let consumed = String::from_utf16(&units[..usize::from(response.path_consumed) / 2]).unwrap();
    let text = |bytes: &[u8]| {
        let units: Vec<u16> = bytes.as_chunks::<2>().0.iter().map(|unit| u16::from_le_bytes(*unit)).collect();
        String::from_utf16(&units).unwrap()
    };
    let mut addresses = Vec::new();
    for entry in &response.entries {
        let Entry::Target { path, address, .. } = entry else { panic!("{entry:?}") };
        assert_eq!(text(path), consumed);
        addresses.push(text(address));
    }
    Ok((response.flags.bits(), consumed, addresses))
}

#[test]
fn a_root_is_told_by_the_name_it_was_asked_by() {
    let expected = (3, r"\ME.example\Files".to_owned(), vec![r"\ME.example\Files".to_owned()]);
    assert_eq!(asked(r"\ME.example\Files"), Ok(expected.clone()));
    assert_eq!(asked(r"\ME.example\Files\nothing\here"), Ok(expected.clone()));
    assert_eq!(asked(r"\ME.example\Files\a"), Ok(expected));
    // A client that forgot the backslash is told where to go as well.
    let expected = (3, r"ME.example\Files".to_owned(), vec![r"\ME.example\Files".to_owned()]);
    assert_eq!(asked(r"ME.example\Files"), Ok(expected));
}

#[test]
fn a_folder_is_told_with_the_path_down_to_it() {
    let (flags, consumed, addresses) = asked(r"\s\FILES\A\b\c\d").unwrap();
    assert_eq!((flags, consumed.as_str()), (2, r"\s\FILES\A\b"));
    assert_eq!(addresses, [r"\other\data\x"]);
    assert_eq!(asked(r"\s\files\same").unwrap().0, 2, "a share that is no namespace");
}

#[test]
fn a_folder_that_leads_to_a_namespace_is_an_interlink() {
    assert_eq!(asked(r"\s\files\inter\x"), Ok((1, r"\s\files\inter".into(), vec![r"\me\second".into()])));
}

#[test]
fn requests_for_domains_are_for_controllers() {
    assert_eq!(asked(""), Err(ReferralError::NotAController));
    assert_eq!(asked(r"\corp.example"), Err(ReferralError::NotAController));
    assert_eq!(asked(r"\corp.example\SYSVOL"), Err(ReferralError::NoNamespace));
}

#[test]
fn an_offline_folder_has_no_targets() {
    let mut all = files();
    let mut index = NamespaceIndex::clone(all.namespace("files").unwrap());
    let offline = Folder { state: State::Offline, ..folder(r"a\b", &[r"\\other\data"]) };
    index.replace(Fold::ASCII, Arc::new(offline)).unwrap();
    all.set(Arc::new(index));
    let path = utf16(r"\s\files\a\b");
    let answer = all.refer(&path, &AROUND, &mut |_| 0).unwrap();
    assert_eq!((answer.told.len(), answer.left_out[0].1), (0, LeftOut::Offline));
    let bytes = answer.encode(&path, 4, 4096).unwrap();
    assert_eq!(ReferralResponse::from_bytes(&bytes).unwrap().entries, []);
}
