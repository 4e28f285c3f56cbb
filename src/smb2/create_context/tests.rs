//! Tests of the create contexts.

use super::*;
use crate::smb2::testing;
use proptest::prelude::*;

/// The chain of `contexts` as it stands behind a body that ends at a multiple of 8.
fn chain<'a, C: Context<'a>>(contexts: &'a [C]) -> Vec<u8> {
    let mut writer = Writer::new();
    writer.zeros(8);
    let start = BodyStart::at(&Writer::new());
    CreateContexts::from(contexts).write_at(&mut writer, start, 0);
    writer.into_bytes().split_off(8)
}

fn decode<'a, C: Context<'a>>(chain: &'a [u8]) -> Vec<Result<C, DecodeError>> {
    CreateContexts::wire(chain, 0).iter().collect()
}

#[test]
fn every_request_context_round_trips() {
    let key = LeaseKey([1; 16]);
    let id = FileId { persistent: 3, volatile: 4 };
    let guid = Guid([9; 16]);
    let lease = Lease { key, state: LeaseState::READ_CACHING, flags: LeaseFlags::empty(), v2: None };
    let contexts = [
        RequestContext::ExtendedAttributes(b"attributes"),
        RequestContext::SecurityDescriptor(b"descriptor!"),
        RequestContext::DurableHandle,
        RequestContext::DurableHandleReconnect(id),
        RequestContext::QueryMaximalAccess(None),
        RequestContext::QueryMaximalAccess(Some(FileTime(7))),
        RequestContext::AllocationSize(1 << 40),
        RequestContext::TimewarpToken(FileTime(8)),
        RequestContext::QueryOnDiskId,
        RequestContext::Lease(lease),
        RequestContext::Lease(Lease {
            flags: LeaseFlags::PARENT_LEASE_KEY_SET,
            v2: Some(LeaseV2 { parent_key: LeaseKey([2; 16]), epoch: 5 }),
            ..lease
        }),
        RequestContext::DurableHandleV2(DurableHandleV2Request {
            timeout_ms: 60_000,
            flags: DurableHandleV2Flags::PERSISTENT,
            create_guid: guid,
        }),
        RequestContext::DurableHandleV2Reconnect(DurableHandleV2Reconnect {
            file_id: id,
            create_guid: guid,
            flags: DurableHandleV2Flags::empty(),
        }),
        RequestContext::AppInstanceId(guid),
        RequestContext::AppInstanceVersion(AppInstanceVersion { high: 1, low: 2 }),
        RequestContext::SharedVirtualDisk(b"disk"),
        RequestContext::Apple(b"apple"),
        RequestContext::Posix { mode: 0o644 },
    ];
    let bytes = chain(&contexts);
    assert_eq!(
        decode::<RequestContext<'_>>(&bytes).into_iter().collect::<Result<Vec<_>, _>>(),
        Ok(contexts.to_vec())
    );
    assert_eq!(CreateContexts::<RequestContext<'_>>::wire(&bytes, 0).raw().count(), contexts.len());
}

#[test]
fn every_response_context_round_trips() {
    let contexts = [
        ResponseContext::DurableHandle,
        ResponseContext::MaximalAccess { query_status: NtStatus::ACCESS_DENIED, maximal_access: 0x1F_01FF },
        ResponseContext::OnDiskId { disk_file_id: 1, volume_id: 2 },
        ResponseContext::Lease(Lease { v2: Some(LeaseV2::default()), ..Lease::default() }),
        ResponseContext::DurableHandleV2 { timeout_ms: 1, flags: DurableHandleV2Flags::PERSISTENT },
        ResponseContext::SharedVirtualDisk(b"disk"),
        ResponseContext::Apple(b"apple"),
        ResponseContext::Posix {
            link_count: 1,
            reparse_tag: 0,
            mode: 0o755,
            owner: Sid::ADMINISTRATORS,
            group: Sid::EVERYONE,
        },
    ];
    let bytes = chain(&contexts);
    assert_eq!(
        decode::<ResponseContext<'_>>(&bytes).into_iter().collect::<Result<Vec<_>, _>>(),
        Ok(contexts.to_vec())
    );
}

/// What Windows 10 and later send when Explorer opens a folder: DH2Q, MxAc, QFid, RqLs version 2.
#[test]
fn the_chain_of_a_windows_client() {
    let bytes = testing::hex(
        "38000000 1000 0400 0000 1800 20000000 44483251 00000000
         00000000 00000000 0000000000000000 c1c2c3c4c5c6c7c8c9cacbcccdcecfd0
         18000000 1000 0400 0000 1800 00000000 4d784163 00000000
         18000000 1000 0400 0000 1800 00000000 51466964 00000000
         00000000 1000 0400 0000 1800 34000000 52714c73 00000000
         a1a2a3a4a5a6a7a8a9aaabacadaeafb0 07000000 04000000 0000000000000000
         b1b2b3b4b5b6b7b8b9babbbcbdbebfc0 0000 0000",
    );
    let key = |first: u8| core::array::from_fn(|i| first + u8::try_from(i).expect("below 16"));
    assert_eq!(
        decode::<RequestContext<'_>>(&bytes),
        [
            Ok(RequestContext::DurableHandleV2(DurableHandleV2Request {
                timeout_ms: 0,
                flags: DurableHandleV2Flags::empty(),
                create_guid: Guid(key(0xC1)),
            })),
            Ok(RequestContext::QueryMaximalAccess(None)),
            Ok(RequestContext::QueryOnDiskId),
            Ok(RequestContext::Lease(Lease {
                key: LeaseKey(key(0xA1)),
                state: LeaseState::READ_CACHING | LeaseState::HANDLE_CACHING | LeaseState::WRITE_CACHING,
                flags: LeaseFlags::PARENT_LEASE_KEY_SET,
                v2: Some(LeaseV2 { parent_key: LeaseKey(key(0xB1)), epoch: 0 }),
            })),
        ]
    );
}

#[test]
fn unknown_names_are_left_out_but_seen_raw() {
    let bytes = testing::hex(
        "20000000 1000 0400 0000 1800 04000000 586f586f 00000000 aabbccdd 00000000
         00000000 1000 0400 0000 0000 00000000 51466964",
    );
    assert_eq!(decode::<RequestContext<'_>>(&bytes), [Ok(RequestContext::QueryOnDiskId)]);
    let first = CreateContexts::<RequestContext<'_>>::wire(&bytes, 120).raw().next();
    assert_eq!(
        first,
        Some(Ok(RawContext { tag: b"XoXo", data: &[0xAA, 0xBB, 0xCC, 0xDD], data_message_offset: 144 }))
    );
}

#[test]
fn a_malformed_chain_ends_with_its_error() {
    let good = "00000000 1000 0400 0000 1800 08000000 416c5369 00000000 0100000000000000";
    assert_eq!(decode::<RequestContext<'_>>(&testing::hex(good)), [Ok(RequestContext::AllocationSize(1))]);
    for (change, with, field, reason, offset) in [
        (0, 4, "Next", DecodeReason::Invalid, 0),
        (0, 40, "Next", DecodeReason::OutOfBounds, 0),
        (4, 24, "NameOffset", DecodeReason::Invalid, 4),
        (6, 3, "NameLength", DecodeReason::Invalid, 6),
        (6, 200, "Name", DecodeReason::OutOfBounds, 16),
        (10, 16, "DataOffset", DecodeReason::Invalid, 10),
        (10, 25, "DataOffset", DecodeReason::Invalid, 10),
        (12, 9, "Data", DecodeReason::OutOfBounds, 24),
        (12, 7, "DataLength", DecodeReason::Invalid, 24),
    ] {
        let mut bytes = testing::hex(good);
        bytes[change] = with;
        let expected = DecodeError { field, reason, offset };
        assert_eq!(decode::<RequestContext<'_>>(&bytes), [Err(expected)], "{change} {with}");
    }
    let cut = &testing::hex(good)[..12];
    assert!(matches!(decode::<RequestContext<'_>>(cut)[..], [Err(DecodeError { field: "DataLength", .. })]));
}

#[test]
fn a_lease_has_32_or_52_bytes() {
    for length in 0..60 {
        assert_eq!(Lease::decode(&vec![0; length]).is_ok(), length == 32 || length == 52, "{length}");
    }
}

proptest! {
    #[test]
    fn leases_round_trip(key: [u8; 16], state: u32, flags: u32, parent: Option<([u8; 16], u16)>) {
        let lease = Lease {
            key: LeaseKey(key),
            state: state.into(),
            flags: flags.into(),
            v2: parent.map(|(key, epoch)| LeaseV2 { parent_key: LeaseKey(key), epoch }),
        };
        let bytes = chain(&[RequestContext::Lease(lease)]);
        prop_assert_eq!(decode::<RequestContext<'_>>(&bytes), [Ok(RequestContext::Lease(lease))]);
        prop_assert_eq!(decode::<ResponseContext<'_>>(&bytes), [Ok(ResponseContext::Lease(lease))]);
    }

    #[test]
    fn any_chain_ends_and_what_is_read_encodes_to_the_same(
        parts in proptest::collection::vec((0..20_usize, testing::blob(60), 0..3_u8), 0..6),
        flips in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..3),
    ) {
        let tags = [tag::EXTA, tag::SECD, tag::DHNQ, tag::DHNC, tag::ALSI, tag::MXAC, tag::TWRP, tag::QFID, tag::RQLS,
            tag::DH2Q, tag::DH2C, tag::APP_INSTANCE_ID, tag::APP_INSTANCE_VERSION, tag::SVHDX, tag::AAPL, tag::POSIX, b"????"];
        let mut bytes = Vec::new();
        let last = parts.len().saturating_sub(1);
        for (i, (which, mut data, length)) in parts.into_iter().enumerate() {
            let tag = tags[which % tags.len()];
            match length {
                0 => data.resize(if tag == tag::RQLS { 32 } else { 16 }, 1),
                1 => data.resize(if tag == tag::RQLS { 52 } else { 8 }, 2),
                _ => {}
            }
            let data_offset = 16 + tag.len().next_multiple_of(8);
            let next = (data_offset + data.len()).next_multiple_of(8);
            let start = bytes.len();
            bytes.extend(u32::try_from(if i == last { 0 } else { next }).expect("small").to_le_bytes());
            bytes.extend([16, 0, u8::try_from(tag.len()).expect("small"), 0, 0, 0]);
            bytes.extend(u16::try_from(data_offset).expect("small").to_le_bytes());
            bytes.extend(u32::try_from(data.len()).expect("small").to_le_bytes());
            bytes.extend(tag);
            bytes.resize(start + data_offset, 0);
            bytes.extend(data);
            bytes.resize(start + next, 0);
        }
        if !bytes.is_empty() {
            for (at, value) in flips {
                let at = at.index(bytes.len());
                bytes[at] = value;
            }
        }
        let requests: Vec<_> = decode::<RequestContext<'_>>(&bytes).into_iter().map_while(Result::ok).collect();
        prop_assert!(requests.len() <= bytes.len() / 16);
        let again = chain(&requests);
        prop_assert_eq!(decode::<RequestContext<'_>>(&again).into_iter().collect::<Result<Vec<_>, _>>(), Ok(requests.clone()));
        let responses: Vec<_> = decode::<ResponseContext<'_>>(&bytes).into_iter().map_while(Result::ok).collect();
        let again = chain(&responses);
        prop_assert_eq!(decode::<ResponseContext<'_>>(&again).into_iter().collect::<Result<Vec<_>, _>>(), Ok(responses.clone()));
    }
}
