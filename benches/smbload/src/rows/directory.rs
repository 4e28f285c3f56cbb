//! Row that lists a folder.

use anyhow::{Context as _, ensure};
use freehold::smb2::create::{CreateDisposition, CreateOptions};
use freehold::smb2::query_directory::{QueryDirectoryFlags, QueryDirectoryRequest, QueryDirectoryResponse};
use freehold::smb2::{Command, DecodeMessage, FileId, Smb2Header, Utf16Buf};
use freehold_dtyp::NtStatus;

use super::names::{MIDDLE, MIDDLE_FILES};
use super::{Meter, Run, files};
use crate::engine::Work;
use crate::link::{Link, Packet};

/// FileIdBothDirectoryInformation
const CLASS: u8 = 37;
/// Bytes in front of the name in that class.
const FIXED_BYTES: usize = 104;
/// What Windows asks for with its second and later requests, and newer ones with the first.
const BUFFER_BYTES: u32 = 1 << 20;

struct Scan {
    folder: FileId,
    restart: bool,
    entries: u32,
}

/// QUERY_DIRECTORY; every slot has the folder open itself.
struct Listing {
    scans: Vec<Scan>,
    pattern: Utf16Buf,
    complete: u32,
}

impl Work for Listing {
    fn credits(&self) -> u32 {
        BUFFER_BYTES / 65_536
    }

    fn next(&mut self, slot: usize, packet: &mut Packet<'_>) -> anyhow::Result<bool> {
        let scan = &self.scans[slot];
        let flags =
            if scan.restart { QueryDirectoryFlags::RESTART_SCANS } else { QueryDirectoryFlags::empty() };
        let request = QueryDirectoryRequest {
            file_information_class: CLASS,
            flags,
            file_index: 0,
            file_id: scan.folder,
            file_name: self.pattern.as_utf16(),
            output_buffer_length: BUFFER_BYTES,
        };
        packet.add(Command::QUERY_DIRECTORY, &request, BUFFER_BYTES);
        Ok(true)
    }

    fn reply(&mut self, slot: usize, _: usize, header: &Smb2Header, message: &[u8]) -> anyhow::Result<u64> {
        let scan = &mut self.scans[slot];
        if header.status == NtStatus::NO_MORE_FILES {
            // The files, `.` and `..`.
            ensure!(scan.entries == MIDDLE_FILES + 2, "a whole listing had {} entries", scan.entries);
            scan.entries = 0;
            scan.restart = true;
            self.complete += 1;
            return Ok(0);
        }
        files::succeeded(header)?;
        scan.restart = false;
        let entries = count(QueryDirectoryResponse::decode(message)?.output_buffer)?;
        scan.entries += entries;
        Ok(u64::from(entries))
    }
}

/// Entries of a buffer, by NextEntryOffset.
fn count(mut buffer: &[u8]) -> anyhow::Result<u32> {
    let mut entries = 0;
    loop {
        let fixed = buffer.get(..FIXED_BYTES).context("an entry is cut short")?;
        entries += 1;
        let next = fixed.first_chunk::<4>().map_or(0, |bytes| u32::from_le_bytes(*bytes)) as usize;
        if next == 0 {
            return Ok(entries);
        }
        buffer = buffer.get(next..).context("NextEntryOffset leads out of the buffer")?;
    }
}

/// Row: listing.
pub fn list(_: &Run, link: &mut Link, meter: &mut Meter<'_>) -> anyhow::Result<()> {
    let mut scans = Vec::new();
    for _ in 0..meter.depth {
        let options = CreateOptions::DIRECTORY_FILE;
        let (folder, _) = files::open(link, MIDDLE, files::READ, CreateDisposition::OPEN, options)?;
        scans.push(Scan { folder, restart: true, entries: 0 });
    }
    let mut work = Listing { scans, pattern: Utf16Buf::from("*"), complete: 0 };
    meter.drive(link, &mut work)?;
    ensure!(work.complete != 0, "no listing was completed");
    Ok(())
}
