//! Rows that ask for the names of SIDs over the pipe lsarpc ([MS-LSAT] 3.1.4.10 LsarLookupSids2).

use anyhow::{Context as _, ensure};
use freehold::client::Protection;
use freehold::fscc::fsctl::FsctlCode;
use freehold::smb2::create::{CreateDisposition, CreateOptions};
use freehold::smb2::ioctl::{IoctlFlags, IoctlRequest, IoctlResponse};
use freehold::smb2::read::ReadResponse;
use freehold::smb2::{Command, DecodeMessage, FileId, Smb2Header};
use freehold_dtyp::{Encode, Sid};

use super::files::{self, READ_WRITE};
use super::{Meter, Run};
use crate::engine::Work;
use crate::link::{Link, Packet};

/// lsarpc as its UUID is on the wire, and NDR.
const LSARPC: [u8; 16] =
    [0x78, 0x57, 0x34, 0x12, 0x34, 0x12, 0xCD, 0xAB, 0xEF, 0x00, 0x01, 0x23, 0x45, 0x67, 0x89, 0xAB];
const NDR: [u8; 16] =
    [0x04, 0x5D, 0x88, 0x8A, 0xEB, 0x1C, 0xC9, 0x11, 0x9F, 0xE8, 0x08, 0x00, 0x2B, 0x10, 0x48, 0x60];
/// Largest fragment.
const FRAGMENT_BYTES: u16 = 4_280;
/// More than the answer to a hundred SIDs.
const ANSWER_BYTES: u32 = 64 * 1024;
/// Bytes of a response's header.
const RESPONSE_HEADER_BYTES: usize = 24;
/// PTYPE of a response.
const RESPONSE: u8 = 2;
/// LsarOpenPolicy2 and LsarLookupSids2.
const OPEN_POLICY: u16 = 44;
const LOOKUP_SIDS: u16 = 57;

/// A PDU that is one whole fragment.
fn pdu(kind: u8, rest: &[u8]) -> anyhow::Result<Vec<u8>> {
    let mut bytes = vec![5, 0, kind, 3, 0x10, 0, 0, 0];
    bytes.extend(u16::try_from(16 + rest.len())?.to_le_bytes());
    bytes.extend([0, 0, 1, 0, 0, 0]);
    bytes.extend(rest);
    Ok(bytes)
}

fn bind() -> anyhow::Result<Vec<u8>> {
    let mut rest = Vec::new();
    rest.extend(FRAGMENT_BYTES.to_le_bytes());
    rest.extend(FRAGMENT_BYTES.to_le_bytes());
    rest.extend([0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1, 0]);
    rest.extend(LSARPC);
    rest.extend([0; 4]);
    rest.extend(NDR);
    rest.extend(2u32.to_le_bytes());
    pdu(11, &rest)
}

fn request(operation: u16, stub: &[u8]) -> anyhow::Result<Vec<u8>> {
    let mut rest = u32::try_from(stub.len())?.to_le_bytes().to_vec();
    rest.extend([0, 0]);
    rest.extend(operation.to_le_bytes());
    rest.extend(stub);
    pdu(0, &rest)
}

fn lookup(handle: &[u8], sids: &[Sid]) -> anyhow::Result<Vec<u8>> {
    let count = u32::try_from(sids.len())?;
    let mut stub = handle.to_vec();
    for number in [count, 1, count] {
        stub.extend(number.to_le_bytes());
    }
    for referent in 2..count + 2 {
        stub.extend(referent.to_le_bytes());
    }
    for sid in sids {
        stub.extend(u32::try_from(sid.sub_authorities().len())?.to_le_bytes());
        stub.extend(sid.to_bytes());
    }
    // No names, LsapLookupWksta, no count, no options, revision 2.
    for number in [0u32, 0, 1, 0, 0, 2] {
        stub.extend(number.to_le_bytes());
    }
    request(LOOKUP_SIDS, &stub)
}

fn transceive(pipe: FileId, input: &[u8]) -> IoctlRequest<'_> {
    IoctlRequest {
        ctl_code: FsctlCode::PIPE_TRANSCEIVE.0,
        file_id: pipe,
        input,
        max_input_response: 0,
        output: &[],
        max_output_response: ANSWER_BYTES,
        flags: IoctlFlags::IS_FSCTL,
    }
}

/// Is this the last fragment of its answer?
fn is_last(fragment: &[u8]) -> bool {
    fragment.get(3).is_some_and(|flags| flags & 2 != 0)
}

/// A pipe and the call that is repeated on it.
struct Line {
    pipe: FileId,
    call: Vec<u8>,
    /// Fragments of the answer, each of which is a message of its own: the first comes with the call, the rest are read.
    fragments: usize,
}

struct Lookups {
    lines: Vec<Line>,
    sids: u64,
}

impl Work for Lookups {
    fn next(&mut self, slot: usize, packet: &mut Packet<'_>) -> anyhow::Result<bool> {
        let line = self.lines.get(slot).context("a slot without a pipe")?;
        packet.add(Command::IOCTL, &transceive(line.pipe, &line.call), ANSWER_BYTES);
        for _ in 1..line.fragments {
            packet.add(
                Command::READ,
                &files::read(line.pipe, 0, FRAGMENT_BYTES.into()),
                FRAGMENT_BYTES.into(),
            );
        }
        Ok(true)
    }

    fn reply(
        &mut self,
        slot: usize,
        index: usize,
        header: &Smb2Header,
        message: &[u8],
    ) -> anyhow::Result<u64> {
        files::succeeded(header)?;
        let answer = if index == 0 {
            IoctlResponse::decode(message)?.output
        } else {
            ReadResponse::decode_with_data(message)?.1
        };
        ensure!(answer.get(2) == Some(&RESPONSE) && answer.len() > RESPONSE_HEADER_BYTES, "a fault");
        let line = self.lines.get(slot).context("a slot without a pipe")?;
        if index + 1 < line.fragments {
            return Ok(0);
        }
        ensure!(is_last(answer) && answer.ends_with(&[0; 4]), "not every SID has a name");
        Ok(self.sids)
    }
}

fn look_up(run: &Run, meter: &mut Meter<'_>, sids: usize) -> anyhow::Result<()> {
    let asked: Vec<Sid> = run.sids.iter().cycle().take(sids).copied().collect();
    let mut link = Link::connect(&run.target, "IPC$", Protection::Signed)?;
    let mut lines = Vec::new();
    for _ in 0..meter.depth {
        let options = CreateOptions::empty();
        let (pipe, _) = files::open(&mut link, "lsarpc", READ_WRITE, CreateDisposition::OPEN, options)?;
        let reply = link.call(Command::IOCTL, &transceive(pipe, &bind()?), ANSWER_BYTES)?;
        files::succeeded(&reply.header)?;
        // No name, no attributes, POLICY_LOOKUP_NAMES.
        let mut open = vec![0; 28];
        open.extend(0x800u32.to_le_bytes());
        let reply =
            link.call(Command::IOCTL, &transceive(pipe, &request(OPEN_POLICY, &open)?), ANSWER_BYTES)?;
        let answer: IoctlResponse<'_> = reply.body().context("opening the policy")?;
        let handle = answer.output.get(RESPONSE_HEADER_BYTES..RESPONSE_HEADER_BYTES + 20);
        let call = lookup(handle.context("no policy handle")?, &asked)?;
        // Once outside of what is measured: what the server must ask others for is in its cache then.
        let reply = link.call(Command::IOCTL, &transceive(pipe, &call), ANSWER_BYTES)?;
        let mut fragments = 1;
        let mut done = is_last(reply.body::<IoctlResponse<'_>>().context("the first call")?.output);
        while !done {
            let read = files::read(pipe, 0, FRAGMENT_BYTES.into());
            let reply = link.call(Command::READ, &read, FRAGMENT_BYTES.into())?;
            files::succeeded(&reply.header)?;
            done = is_last(ReadResponse::decode_with_data(&reply.message)?.1);
            fragments += 1;
        }
        lines.push(Line { pipe, call, fragments });
    }
    meter.drive(&mut link, &mut Lookups { lines, sids: sids as u64 })
}

/// Row: one SID in a call.
pub fn one(run: &Run, meter: &mut Meter<'_>) -> anyhow::Result<()> {
    look_up(run, meter, 1)
}

/// Row: a hundred SIDs in a call.
pub fn hundred(run: &Run, meter: &mut Meter<'_>) -> anyhow::Result<()> {
    look_up(run, meter, 100)
}
