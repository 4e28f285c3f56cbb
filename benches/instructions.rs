//! Instructions that the inner loops of the server execute, counted by Callgrind: what it takes to decode and encode the
//! messages of the hot path, to sign and to seal, and to decide access. Counts do not depend on what else the machine
//! does, so that a change of a percent shows.
//!
//! ```text
//! cargo install gungraun-runner --version 0.20.0
//! cargo bench -p smbload --features instructions
//! ```
#![allow(missing_docs, reason = "the macros make modules that cannot be documented")]

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use freehold::crypto::{
    Cipher, CipherKey, SealKey, Sender, SigningAlgorithm, SigningKey, SigningKeyBytes, TRANSFORM_HEADER_SIZE,
};
use freehold::fscc::directory::ShortName;
use freehold::fscc::{DirectoryEntry, DirectoryWriter, FileAttributes, FileInformationClass};
use freehold::metrics::{Lane, Metrics, Requests, Sizes};
use freehold::smb2::create::{
    CreateAction, CreateDisposition, CreateOptions, CreateRequest, CreateResponse, CreateResponseFlags,
    ImpersonationLevel, ShareAccess,
};
use freehold::smb2::create_context::{
    CreateContexts, DurableHandleV2Flags, DurableHandleV2Request, Lease, LeaseV2, RequestContext,
    ResponseContext,
};
use freehold::smb2::read::{ReadFlags, ReadRequest, ReadResponse};
use freehold::smb2::write::{WriteFlags, WriteRequest, WriteResponse};
use freehold::smb2::{
    Channel, Command, DecodeMessage, FileId, LeaseKey, LeaseState, MessageId, OplockLevel, SessionId,
    Smb2Header, Utf16Buf, message_bytes,
};
use freehold_acl::{AccessMask, Ace, AceFlags, Acl, GenericMapping, SecurityDescriptor, Token, access_check};
use freehold_dtyp::{Encode, FileTime, Guid, NtStatus, Sid, Writer, Wtf8Buf};
use gungraun::prelude::*;

fn header(command: Command) -> Smb2Header {
    Smb2Header { command, message_id: MessageId(77), session_id: SessionId(5), ..Smb2Header::default() }
}

fn read_request() -> Vec<u8> {
    let request = ReadRequest {
        padding: 0x50,
        flags: ReadFlags::empty(),
        length: 4096,
        file_offset: 65_536,
        file_id: FileId { persistent: 1, volatile: 2 },
        minimum_count: 0,
        channel: Channel::NONE,
        remaining_bytes: 0,
        channel_info: &[],
    };
    message_bytes(&header(Command::READ), &request)
}

fn write_request() -> Vec<u8> {
    let data = vec![7; 4096];
    let request = WriteRequest {
        file_offset: 65_536,
        file_id: FileId { persistent: 1, volatile: 2 },
        channel: Channel::NONE,
        remaining_bytes: 0,
        channel_info: &[],
        flags: WriteFlags::empty(),
        data_message_offset: WriteRequest::DATA_OFFSET,
        data: &data,
    };
    message_bytes(&header(Command::WRITE), &request)
}

/// A CREATE as Windows sends it: a lease, a durable handle, the maximal access and the file id on disk.
fn create_request() -> Vec<u8> {
    let name = Utf16Buf::from("projects\\2026\\quarterly report.docx");
    let contexts = [
        RequestContext::DurableHandleV2(DurableHandleV2Request {
            timeout_ms: 0,
            flags: DurableHandleV2Flags::empty(),
            create_guid: Guid([3; 16]),
        }),
        RequestContext::QueryMaximalAccess(None),
        RequestContext::QueryOnDiskId,
        RequestContext::Lease(Lease {
            key: LeaseKey([4; 16]),
            state: LeaseState::READ_CACHING | LeaseState::HANDLE_CACHING,
            v2: Some(LeaseV2::default()),
            ..Lease::default()
        }),
    ];
    let request = CreateRequest {
        requested_oplock_level: OplockLevel::LEASE,
        impersonation_level: ImpersonationLevel::IMPERSONATION,
        desired_access: 0x0012_0089,
        file_attributes: 0,
        share_access: ShareAccess::READ,
        create_disposition: CreateDisposition::OPEN,
        create_options: CreateOptions::NON_DIRECTORY_FILE,
        name: name.as_utf16(),
        contexts: CreateContexts::from(&contexts),
    };
    message_bytes(&header(Command::CREATE), &request)
}

#[library_benchmark]
#[bench::request(read_request())]
fn decode_read(message: Vec<u8>) -> u64 {
    let message = black_box(&message);
    let header = Smb2Header::decode(message).map_or(0, |header| header.message_id.0);
    header + ReadRequest::decode(message).map_or(0, |request| request.file_offset)
}

#[library_benchmark]
#[bench::request(write_request())]
fn decode_write(message: Vec<u8>) -> usize {
    let message = black_box(&message);
    let header = Smb2Header::decode(message).map_or(0, |header| header.message_id.0 as usize);
    header + WriteRequest::decode(message).map_or(0, |request| request.data_range().end)
}

#[library_benchmark]
#[bench::with_contexts(create_request())]
fn decode_create(message: Vec<u8>) -> usize {
    let message = black_box(&message);
    let header = Smb2Header::decode(message).map_or(0, |header| header.message_id.0 as usize);
    let Ok(request) = CreateRequest::decode(message) else { return 0 };
    header + request.contexts.iter().filter(Result::is_ok).count()
}

fn reply_buffer() -> Vec<u8> {
    Vec::with_capacity(4096)
}

#[library_benchmark]
#[bench::reply(reply_buffer())]
fn encode_read(mut output: Vec<u8>) -> Vec<u8> {
    let response = ReadResponse { data_length: black_box(4096), ..ReadResponse::default() };
    output.extend_from_slice(&header(Command::READ).encode());
    output.extend_from_slice(&response.header_bytes());
    output
}

#[library_benchmark]
#[bench::reply(reply_buffer())]
fn encode_write(mut output: Vec<u8>) -> Vec<u8> {
    output.extend_from_slice(&header(Command::WRITE).encode());
    let mut writer = Writer::from_vec(output);
    WriteResponse { count: black_box(4096), remaining: 0 }.encode(&mut writer);
    writer.into_bytes()
}

#[library_benchmark]
#[bench::with_contexts(reply_buffer())]
fn encode_create(mut output: Vec<u8>) -> Vec<u8> {
    let contexts = [
        ResponseContext::DurableHandleV2 { timeout_ms: 60_000, flags: DurableHandleV2Flags::empty() },
        ResponseContext::MaximalAccess { query_status: NtStatus::SUCCESS, maximal_access: 0x001F_01FF },
        ResponseContext::OnDiskId { disk_file_id: 7, volume_id: 9 },
        ResponseContext::Lease(Lease { v2: Some(LeaseV2::default()), ..Lease::default() }),
    ];
    let time = FileTime(black_box(133_000_000_000_000_000));
    let response = CreateResponse {
        oplock_level: OplockLevel::LEASE,
        flags: CreateResponseFlags::empty(),
        create_action: CreateAction::OPENED,
        creation_time: time,
        last_access_time: time,
        last_write_time: time,
        change_time: time,
        allocation_size: 8192,
        end_of_file: 5000,
        file_attributes: 0x20,
        file_id: FileId { persistent: 1, volatile: 2 },
        contexts: CreateContexts::from(&contexts),
    };
    output.extend_from_slice(&header(Command::CREATE).encode());
    let mut writer = Writer::from_vec(output);
    response.encode(&mut writer);
    writer.into_bytes()
}

/// Names of a hundred entries, and room for them.
fn listing() -> (Vec<Wtf8Buf>, Vec<u8>) {
    let names = (0..100).map(|number| Wtf8Buf::from(format!("Quarterly report {number:04}.docx"))).collect();
    (names, Vec::with_capacity(65_536))
}

// A hundred entries of FileIdBothDirectoryInformation.
#[library_benchmark]
#[bench::hundred(listing())]
fn encode_directory((names, mut output): (Vec<Wtf8Buf>, Vec<u8>)) -> (Vec<Wtf8Buf>, Vec<u8>) {
    let class = FileInformationClass::ID_BOTH_DIRECTORY;
    if let Some(mut writer) = DirectoryWriter::new(class, &mut output, 65_536) {
        for name in &names {
            let entry = DirectoryEntry {
                name: name.as_wtf8(),
                creation_time: FileTime(133_000_000_000_000_000),
                end_of_file: 5000,
                allocation_size: 8192,
                file_attributes: FileAttributes::ARCHIVE,
                file_id: 42,
                short_name: ShortName::NONE,
                file_index: 0,
                last_access_time: FileTime(133_000_000_000_000_000),
                last_write_time: FileTime(133_000_000_000_000_000),
                change_time: FileTime(133_000_000_000_000_000),
                ea_size: 0,
                reparse_tag: 0,
                file_id_128: [0; 16],
            };
            black_box(writer.append(&entry));
        }
    }
    (names, output)
}

fn to_sign(algorithm: SigningAlgorithm, length_bytes: usize) -> Option<(SigningKey, Vec<u8>)> {
    let key = SigningKey::new(algorithm, &SigningKeyBytes::new([9; 16])).ok()?;
    Some((key, vec![1; length_bytes]))
}

#[library_benchmark]
#[bench::gmac_4k(to_sign(SigningAlgorithm::AesGmac, 4176))]
#[bench::gmac_1m(to_sign(SigningAlgorithm::AesGmac, (1 << 20) + 80))]
#[bench::cmac_4k(to_sign(SigningAlgorithm::AesCmac, 4176))]
#[bench::hmac_4k(to_sign(SigningAlgorithm::HmacSha256, 4176))]
fn sign(prepared: Option<(SigningKey, Vec<u8>)>) -> Option<Vec<u8>> {
    let (key, mut message) = prepared?;
    key.sign(black_box(&mut message), Sender::Server).ok()?;
    Some(message)
}

fn to_seal(cipher: Cipher, length_bytes: usize) -> Option<(SealKey, Vec<u8>)> {
    let key = CipherKey::new(cipher, &[5; 32][..cipher.key_size()]).ok()?;
    Some((SealKey::new(&key, [1; 4]).ok()?, vec![1; length_bytes]))
}

#[library_benchmark]
#[bench::gcm_4k(to_seal(Cipher::Aes128Gcm, 4176))]
#[bench::gcm_1m(to_seal(Cipher::Aes128Gcm, (1 << 20) + 80))]
#[bench::ccm_4k(to_seal(Cipher::Aes128Ccm, 4176))]
fn seal(prepared: Option<(SealKey, Vec<u8>)>) -> Option<Vec<u8>> {
    let (key, mut message) = prepared?;
    let mut header = [0; TRANSFORM_HEADER_SIZE];
    key.seal(&mut header, black_box(&mut message)).ok()?;
    Some(message)
}

/// A descriptor with `entries` entries of which only the last one is the user's, and a token with twenty groups.
fn access(entries: u32) -> Option<(SecurityDescriptor, Token)> {
    let domain: Sid = "S-1-5-21-1-2-3".parse().ok()?;
    let user = domain.with_rid(1_000)?;
    let groups: Vec<Sid> = (2_000..2_020).filter_map(|rid| domain.with_rid(rid)).collect();
    let token = Token::builder(user).groups(groups).build();
    let mut aces: Vec<Ace> = (3_000..3_000 + entries - 1)
        .filter_map(|rid| domain.with_rid(rid))
        .map(|sid| Ace::allow(sid, AccessMask::FILE_ALL_ACCESS, AceFlags::EMPTY))
        .collect();
    aces.push(Ace::allow(user, AccessMask::FILE_ALL_ACCESS, AceFlags::EMPTY));
    let dacl = Acl::from_aces(aces).ok()?;
    Some((SecurityDescriptor::new(Sid::ADMINISTRATORS, Sid::ADMINISTRATORS, dacl), token))
}

#[library_benchmark]
#[bench::four_entries(access(4))]
#[bench::forty_entries(access(40))]
fn check(prepared: Option<(SecurityDescriptor, Token)>) -> Option<bool> {
    let (descriptor, token) = prepared?;
    let desired = AccessMask::FILE_GENERIC_READ;
    Some(access_check(black_box(&descriptor), black_box(&token), desired, &GenericMapping::FILE).is_ok())
}

/// Counters that have been used once, as they are but for a thread's first request.
fn counters() -> (Metrics, Requests, Arc<freehold::metrics::Usage>) {
    let metrics = Metrics::default();
    let usage = metrics.users.enter("CORP\\anna".to_owned(), "192.0.2.7".to_owned());
    let prepared = (metrics, Requests::default(), usage);
    count_read(&prepared);
    prepared
}

/// All that is counted of a READ of 4 KiB.
fn count_read((metrics, requests, usage): &(Metrics, Requests, Arc<freehold::metrics::Usage>)) -> bool {
    let (lane, took) = (Lane::of_thread(0), Duration::from_nanos(black_box(3_000)));
    metrics.operated(lane, black_box(10), took);
    let sizes = Sizes { request: 113, reply: 4_176, data: 4_096 };
    requests.count(lane, black_box(8), black_box(NtStatus::SUCCESS), sizes);
    usage.operations.add_alone(1);
    usage.read_bytes.add_alone(4_096);
    metrics.answered(lane, black_box(8), took);
    took >= metrics.slow.threshold()
}

#[library_benchmark]
#[bench::read_4k(counters())]
fn count(prepared: (Metrics, Requests, Arc<freehold::metrics::Usage>)) -> (Metrics, Requests, bool) {
    let slow = count_read(black_box(&prepared));
    (prepared.0, prepared.1, slow)
}

library_benchmark_group!(name = decode, benchmarks = [decode_read, decode_write, decode_create]);
library_benchmark_group!(
    name = encode,
    benchmarks = [encode_read, encode_write, encode_create, encode_directory]
);
library_benchmark_group!(name = protect, benchmarks = [sign, seal]);
library_benchmark_group!(name = decide, benchmarks = [check]);
library_benchmark_group!(name = observe, benchmarks = [count]);
main!(library_benchmark_groups = [decode, encode, protect, decide, observe]);
