//! Rows that read and write one large file.

use anyhow::{Context as _, ensure};
use freehold::client::Protection;
use freehold::smb2::create::{CreateDisposition, CreateOptions};
use freehold::smb2::read::ReadResponse;
use freehold::smb2::write::WriteResponse;
use freehold::smb2::{Command, DecodeMessage, FileId, Smb2Header};

use super::files::{self, READ, READ_WRITE};
use super::{Meter, Run};
use crate::engine::{self, Limit, Work};
use crate::link::{Link, Packet};
use crate::pattern::{self, BLOCK_BYTES, Generation, Random};

/// The file that is read; it keeps its contents.
const READ_FILE: &str = "smbload\\read.bin";
/// The file that is written in large pieces.
const WRITE_FILE: &str = "smbload\\write.bin";
/// The file that is written in small pieces, and was made so, as a database makes its file: a page cache that holds a file
/// in large folios may search a folio's blocks from its start for each small write, which is no server's doing.
const PAGES_FILE: &str = "smbload\\pages.bin";
/// What a sequential request transfers.
const MEGABYTE: u32 = 1 << 20;
/// What a random request transfers.
const BLOCK: u32 = BLOCK_BYTES as u32;
/// One reply in so many is checked to the last byte.
const CHECK_EVERY: u64 = 61;
/// Ranges read back after a row that writes.
const READ_BACK: u64 = 64;

/// Makes the files of a megabyte's requests.
pub fn prepare(run: &Run) -> anyhow::Result<()> {
    prepare_files(run, &[READ_FILE, WRITE_FILE], MEGABYTE)
}

/// Makes the file of small writes.
pub fn prepare_pages(run: &Run) -> anyhow::Result<()> {
    prepare_files(run, &[PAGES_FILE], BLOCK)
}

fn prepare_files(run: &Run, names: &[&str], length: u32) -> anyhow::Result<()> {
    let mut link = Link::connect(&run.target, &run.prepare_share, Protection::Clear)?;
    files::make_folder(&mut link, files::ROOT)?;
    for name in names {
        let options = CreateOptions::NON_DIRECTORY_FILE;
        let (file, size) = files::open(&mut link, name, READ_WRITE, CreateDisposition::OPEN_IF, options)?;
        let bytes = file_bytes(run, name);
        if size != bytes {
            let mut work = Transfer::new(file, bytes, length, None, Some(0));
            let limit = Limit { operations: bytes / u64::from(length), ..Limit::NONE };
            engine::run(&mut link, 8, limit, &mut work)?;
        }
        files::close_now(&mut link, file)?;
    }
    Ok(())
}

/// Size of a file.
fn file_bytes(run: &Run, name: &str) -> u64 {
    if name == PAGES_FILE { run.sizes.file_bytes / 4 } else { run.sizes.file_bytes }
}

/// READ or WRITE, in order or at random.
struct Transfer {
    file: FileId,
    file_bytes: u64,
    length: u32,
    /// At random; else one after the other, from the start again after the end.
    random: Option<Random>,
    /// Write, with this generation; else read generation 0.
    write: Option<Generation>,
    /// What is written.
    buffer: Vec<u8>,
    next: u64,
    /// Where the operation of each slot is.
    offsets: Vec<u64>,
    replies: u64,
}

impl Transfer {
    fn new(
        file: FileId,
        file_bytes: u64,
        length: u32,
        random: Option<Random>,
        write: Option<Generation>,
    ) -> Self {
        let buffer = if write.is_some() { pattern::template(length as usize) } else { Vec::new() };
        Transfer { file, file_bytes, length, random, write, buffer, next: 0, offsets: Vec::new(), replies: 0 }
    }
}

impl Work for Transfer {
    fn credits(&self) -> u32 {
        self.length.div_ceil(65_536)
    }

    fn next(&mut self, slot: usize, packet: &mut Packet<'_>) -> anyhow::Result<bool> {
        let places = self.file_bytes / u64::from(self.length);
        let place = match &mut self.random {
            Some(random) => random.below(places),
            None => self.next % places,
        };
        self.next += 1;
        let offset = place * u64::from(self.length);
        if self.offsets.len() <= slot {
            self.offsets.resize(slot + 1, 0);
        }
        self.offsets[slot] = offset;
        match self.write {
            None => packet.add(Command::READ, &files::read(self.file, offset, self.length), self.length),
            Some(generation) => {
                pattern::stamp(&mut self.buffer, offset, generation);
                packet.add(Command::WRITE, &files::write(self.file, offset, &self.buffer), self.length);
            }
        }
        Ok(true)
    }

    fn reply(&mut self, slot: usize, _: usize, header: &Smb2Header, message: &[u8]) -> anyhow::Result<u64> {
        files::succeeded(header)?;
        self.replies += 1;
        if self.write.is_some() {
            let count = WriteResponse::decode(message)?.count;
            ensure!(count == self.length, "{count} of {} bytes were written", self.length);
        } else {
            let (_, data) = ReadResponse::decode_with_data(message)?;
            ensure!(data.len() == self.length as usize, "{} of {} bytes were read", data.len(), self.length);
            pattern::check(data, self.offsets[slot], 0, self.replies.is_multiple_of(CHECK_EVERY))?;
        }
        Ok(u64::from(self.length))
    }
}

fn transfer(
    run: &Run,
    link: &mut Link,
    meter: &mut Meter<'_>,
    length: u32,
    at_random: bool,
    write: bool,
) -> anyhow::Result<()> {
    let (name, access) = match (write, at_random) {
        (true, true) => (PAGES_FILE, READ_WRITE),
        (true, false) => (WRITE_FILE, READ_WRITE),
        (false, _) => (READ_FILE, READ),
    };
    let (file, size) = files::open(link, name, access, CreateDisposition::OPEN, CreateOptions::empty())?;
    ensure!(size == file_bytes(run, name), "the file has {size} bytes");
    // Not zero, which the file has from the start; most likely not that of the run before either.
    let generation = write.then(|| 1 + u64::from(std::process::id()) % 254);
    let random = at_random.then(|| Random::new(u64::from(length)));
    let mut work = Transfer::new(file, size, length, random.clone(), generation);
    meter.drive(link, &mut work)?;
    if let Some(generation) = generation {
        read_back(link, file, size, length, random, work.next, generation).context("reading back")?;
    }
    files::close_now(link, file)
}

/// Reads some of the ranges that were written, from the first on.
fn read_back(
    link: &mut Link,
    file: FileId,
    file_bytes: u64,
    length: u32,
    mut random: Option<Random>,
    written: u64,
    generation: Generation,
) -> anyhow::Result<()> {
    let places = file_bytes / u64::from(length);
    for number in 0..written.min(READ_BACK) {
        let place = random.as_mut().map_or(number % places, |random| random.below(places));
        let offset = place * u64::from(length);
        let reply = link.call(Command::READ, &files::read(file, offset, length), length)?;
        files::succeeded(&reply.header)?;
        let (_, data) = ReadResponse::decode_with_data(&reply.message)?;
        ensure!(data.len() == length as usize, "{} bytes were read", data.len());
        pattern::check(data, offset, generation, true)?;
    }
    Ok(())
}

/// Row: sequential read.
pub fn read_1m(run: &Run, link: &mut Link, meter: &mut Meter<'_>) -> anyhow::Result<()> {
    transfer(run, link, meter, MEGABYTE, false, false)
}

/// Row: sequential write.
pub fn write_1m(run: &Run, link: &mut Link, meter: &mut Meter<'_>) -> anyhow::Result<()> {
    transfer(run, link, meter, MEGABYTE, false, true)
}

/// Row: random read.
pub fn read_4k(run: &Run, link: &mut Link, meter: &mut Meter<'_>) -> anyhow::Result<()> {
    transfer(run, link, meter, BLOCK, true, false)
}

/// Row: random write.
pub fn write_4k(run: &Run, link: &mut Link, meter: &mut Meter<'_>) -> anyhow::Result<()> {
    transfer(run, link, meter, BLOCK, true, true)
}
