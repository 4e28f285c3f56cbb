//! Golden vectors and properties of responses.

use proptest::prelude::*;

use super::*;

fn utf16(text: &str) -> Vec<u16> {
    text.encode_utf16().collect()
}

fn le(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

/// The 252 bytes of [MS-DFSC] 4.5, figure 20: two root targets of `\dfsn-dev\testroot1`, version 3, for 300 seconds.
fn trace_of_the_specification() -> Vec<u8> {
    let mut bytes = vec![0x26, 0, 2, 0, 3, 0, 0, 0];
    for (path, alternate, address) in [(0x44, 0x6C, 0x94), (0x22, 0x4A, 0xA2)] {
        bytes.extend([3, 0, 0x22, 0, 1, 0, 0, 0, 0x2C, 1, 0, 0, path, 0, alternate, 0, address, 0]);
        bytes.extend([0; 16]);
    }
    for string in [
        "\\dfsn-dev\\testroot1\0",
        "\\dfsn-dev\\testroot1\0",
        "\\cfs-41x-2c03\\testroot1\0",
        "\\cfs-41x-2c02\\testroot1\0",
    ] {
        bytes.extend(le(string));
    }
    assert_eq!(bytes.len(), 252, "the data count of the trace");
    bytes
}

#[test]
fn the_response_of_the_specification_is_written_byte_for_byte() {
    let path = utf16(r"\dfsn-dev\testroot1");
    let flags = HeaderFlags::REFERRAL_SERVERS | HeaderFlags::STORAGE_SERVERS;
    let referral = Referral { path: &path, root: true, flags, ttl_seconds: 300 };
    let rows = [
        Row { target: r"\cfs-41x-2c03\testroot1", starts_set: true },
        Row { target: r"\cfs-41x-2c02\testroot1", starts_set: false },
    ];
    assert_eq!(referral.encode(3, 4096, &rows).unwrap(), trace_of_the_specification());
}

#[test]
fn the_response_of_the_specification_is_read() {
    let bytes = trace_of_the_specification();
    let response = ReferralResponse::from_bytes(&bytes).unwrap();
    assert_eq!(response.path_consumed, 38);
    assert_eq!(response.flags, HeaderFlags::REFERRAL_SERVERS | HeaderFlags::STORAGE_SERVERS);
    let path = le(r"\dfsn-dev\testroot1");
    let address = le(r"\cfs-41x-2c02\testroot1");
    assert_eq!(
        response.entries[1],
        Entry::Target {
            version: 3,
            root: true,
            flags: EntryFlags::empty(),
            ttl_seconds: 300,
            path: &path,
            alternate: &path,
            address: &address,
        }
    );
}

#[test]
fn each_version_has_its_own_form() {
    let path = utf16(r"\s\n\l");
    let flags = HeaderFlags::STORAGE_SERVERS | HeaderFlags::TARGET_FAILBACK;
    let referral = Referral { path: &path, root: false, flags, ttl_seconds: 5 };
    let rows = [Row { target: r"\a\b", starts_set: true }, Row { target: r"\c\d\e", starts_set: false }];
    for level in [1, 2, 3, 4, 5, u16::MAX] {
        let bytes = referral.encode(level, 4096, &rows).unwrap();
        let response = ReferralResponse::from_bytes(&bytes).unwrap();
        assert_eq!(response.path_consumed, 12);
        assert_eq!(response.entries.len(), 2);
        let expected = match level {
            1 => HeaderFlags::REFERRAL_SERVERS | HeaderFlags::STORAGE_SERVERS,
            2 | 3 => HeaderFlags::STORAGE_SERVERS,
            _ => flags,
        };
        assert_eq!(response.flags, expected);
        let (first, second) = (le(r"\a\b"), le(r"\c\d\e"));
        if level == 1 {
            assert_eq!(response.entries[1], Entry::Share { root: false, share_name: &second });
            continue;
        }
        for (entry, wanted, boundary) in
            [(&response.entries[0], &first, true), (&response.entries[1], &second, false)]
        {
            let Entry::Target { version, flags, address, ttl_seconds: 5, .. } = entry else {
                panic!("{entry:?}")
            };
            assert_eq!(*version, level.min(4));
            assert_eq!(address, wanted);
            assert_eq!(flags.contains(EntryFlags::TARGET_SET_BOUNDARY), boundary && level >= 4);
        }
    }
    assert_eq!(referral.encode(0, 4096, &rows), Err(ResponseError::Version));
}

#[test]
fn as_many_entries_as_fit_are_told() {
    let path = utf16(r"\s\n\l");
    let referral = Referral { path: &path, root: false, flags: HeaderFlags::STORAGE_SERVERS, ttl_seconds: 5 };
    let rows = vec![Row { target: r"\server\share", starts_set: true }; 3000];
    for level in 1..=4 {
        let mut least = None;
        for size in 0..300 {
            match referral.encode(level, size, &rows) {
                Ok(bytes) => {
                    assert!(bytes.len() <= size);
                    let told = ReferralResponse::from_bytes(&bytes).unwrap().entries.len();
                    assert!(told >= 1);
                    least.get_or_insert(size);
                }
                Err(error) => {
                    assert_eq!(error, ResponseError::BufferOverflow);
                    assert_eq!(least, None, "more room, and less told");
                }
            }
        }
        assert!(least.is_some());
        // What offsets of 16 bits do not reach is left out, whatever the client takes.
        let bytes = referral.encode(level, usize::MAX, &rows).unwrap();
        assert!(bytes.len() <= MAX_RESPONSE_BYTES);
        let response = ReferralResponse::from_bytes(&bytes).unwrap();
        assert!(response.entries.len() > 500);
    }
    // No target is an answer as well: none suits this client.
    let bytes = referral.encode(4, 8, &[]).unwrap();
    assert_eq!(ReferralResponse::from_bytes(&bytes).unwrap().entries, []);
}

/// [MS-DFSC] 4.1 and 4.2.
#[test]
fn names_of_domains_and_controllers_are_lists() {
    let domains =
        encode_name_list(600, HeaderFlags::empty(), &[("\\DFSN-DEV", &[]), ("\\dfsn-dev.example", &[])]);
    let response = ReferralResponse::from_bytes(&domains).unwrap();
    let name = le("\\dfsn-dev.example");
    assert_eq!(
        response.entries[1],
        Entry::Names { version: 3, ttl_seconds: 600, special: &name, expanded: Vec::new() }
    );
    let controllers =
        encode_name_list(600, HeaderFlags::empty(), &[("\\d", &["\\dc1.d", "\\dc2.d", "\\dc3.d"])]);
    let response = ReferralResponse::from_bytes(&controllers).unwrap();
    let Entry::Names { expanded, .. } = &response.entries[0] else { panic!("no names") };
    assert_eq!(expanded[2], le("\\dc3.d"));
    assert_eq!(expanded.len(), 3);
}

#[test]
fn malformed_responses_are_refused() {
    let good = trace_of_the_specification();
    for length in 0..good.len() {
        assert!(ReferralResponse::from_bytes(&good[..length]).is_err(), "{length} bytes");
    }
    let broken = |at: usize, byte: u8| {
        let mut bytes = good.clone();
        bytes[at] = byte;
        ReferralResponse::from_bytes(&bytes).is_err()
    };
    assert!(broken(8, 9), "an unknown version");
    assert!(broken(8, 4), "two versions in one response");
    assert!(broken(10, 0), "an entry that never ends");
    assert!(broken(10, 33), "an entry too small");
    assert!(broken(2, 200), "more entries than there are");
    assert!(broken(21, 0xFF), "a string outside");
}

proptest! {
    #[test]
    fn any_bytes_are_judged_without_panic(bytes: Vec<u8>) {
        let _ = ReferralResponse::from_bytes(&bytes);
    }

    #[test]
    fn what_is_written_is_read(
        path in "\\\\[a-z]{1,9}\\\\[a-zäß😀]{1,9}",
        level in 1_u16..6,
        targets in proptest::collection::vec("\\\\[a-z]{1,20}\\\\[a-zé]{1,9}", 0..20),
        size in 0_usize..2000,
    ) {
        let units = utf16(&path);
        let referral = Referral { path: &units, root: true, flags: HeaderFlags::STORAGE_SERVERS, ttl_seconds: 7 };
        let rows: Vec<_> = targets.iter().map(|target| Row { target, starts_set: true }).collect();
        if let Ok(bytes) = referral.encode(level, size, &rows) {
            prop_assert!(bytes.len() <= size);
            let response = ReferralResponse::from_bytes(&bytes).unwrap();
            for (entry, target) in response.entries.iter().zip(&targets) {
                let (Entry::Share { share_name: found, .. } | Entry::Target { address: found, .. }) = entry else {
                    panic!("names");
                };
                prop_assert_eq!(*found, &le(target)[..]);
            }
        }
    }
}
