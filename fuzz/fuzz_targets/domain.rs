//! Whatever a domain controller, a KDC or a directory server sends is read or refused: CLDAP, LDAP with sealed buffers, DCE/RPC,
//! Netlogon, Kerberos errors and sealed tokens; lists of DFS targets.
#![no_main]

use freehold::domain::dfs::TargetList;
use libfuzzer_sys::fuzz_target;

/// What was read is written again without a loss, what is not known of it included.
fn target_list(document: &[u8]) {
    let Ok(list) = TargetList::decode(document) else { return };
    let again = TargetList::decode(&list.encode(&list.targets)).expect("what was encoded");
    assert_eq!(again.targets, list.targets);
    assert_eq!(again.encode(&again.targets), list.encode(&list.targets));
}

fuzz_target!(|bytes: &[u8]| {
    freehold::domain::read_any(bytes);
    target_list(bytes);
    if let Ok(text) = core::str::from_utf8(bytes) {
        // The document is in UTF-16, which is found by chance alone.
        let document: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        target_list(&document);
    }
});
