//! Rows of large folders: names in the wrong case, absent names, new names.

use anyhow::ensure;
use freehold::smb2::create::{CreateDisposition, CreateOptions};
use freehold::smb2::{Command, FileId, Smb2Header, Utf16Buf};
use freehold_dtyp::NtStatus;

use super::files::{self, ATTRIBUTES, READ_WRITE};
use super::{Meter, Run};
use crate::engine::Work;
use crate::link::{Link, Packet};
use crate::pattern::Random;

/// The folder of 10,000.
pub const MIDDLE: &str = "smbload\\middle";
/// Files in it.
pub const MIDDLE_FILES: u32 = 10_000;
/// The folder of 100,000.
const LARGE: &str = "smbload\\large";

/// Makes the folder of 10,000.
pub fn prepare_10k(run: &Run) -> anyhow::Result<()> {
    let mut link = Link::connect(&run.target, &run.prepare_share, freehold::client::Protection::Clear)?;
    files::fill_folder(&mut link, MIDDLE, MIDDLE_FILES, 0)
}

/// Makes the folder of 100,000.
pub fn prepare_large(run: &Run) -> anyhow::Result<()> {
    let mut link = Link::connect(&run.target, &run.prepare_share, freehold::client::Protection::Clear)?;
    files::fill_folder(&mut link, LARGE, run.sizes.large_folder, 0)
}

/// CREATE with FILE_OPEN, CLOSE: by a name in capitals.
struct WrongCase {
    folder: &'static str,
    files: u32,
    random: Random,
}

impl Work for WrongCase {
    fn next(&mut self, _: usize, packet: &mut Packet<'_>) -> anyhow::Result<bool> {
        let number = self.random.below(u64::from(self.files)) as u32;
        let name = files::file_name("", number).to_uppercase();
        let name = Utf16Buf::from(format!("{}{name}", self.folder).as_str());
        let options = CreateOptions::empty();
        packet.add(
            Command::CREATE,
            &files::create(name.as_utf16(), ATTRIBUTES, CreateDisposition::OPEN, options),
            0,
        );
        packet.add(Command::CLOSE, &files::close(FileId::ANY), 0);
        Ok(true)
    }

    fn reply(&mut self, _: usize, _: usize, header: &Smb2Header, _: &[u8]) -> anyhow::Result<u64> {
        files::succeeded(header).map(|()| 1)
    }
}

fn wrong_case(
    folder: &'static str,
    count: u32,
    link: &mut Link,
    meter: &mut Meter<'_>,
) -> anyhow::Result<()> {
    // The index of a folder is made when it is used first; that is not what this row measures.
    files::exists(link, &files::file_name(folder, 0).to_uppercase())?;
    meter.drive(link, &mut WrongCase { folder, files: count, random: Random::new(1) })
}

/// Row: wrong case among 10,000.
pub fn wrong_case_10k(_: &Run, link: &mut Link, meter: &mut Meter<'_>) -> anyhow::Result<()> {
    wrong_case(MIDDLE, MIDDLE_FILES, link, meter)
}

/// Row: wrong case among 100,000.
pub fn wrong_case_large(run: &Run, link: &mut Link, meter: &mut Meter<'_>) -> anyhow::Result<()> {
    wrong_case(LARGE, run.sizes.large_folder, link, meter)
}

/// CREATE with FILE_OPEN of a name that is not there.
struct Absent {
    next: u32,
}

impl Work for Absent {
    fn next(&mut self, _: usize, packet: &mut Packet<'_>) -> anyhow::Result<bool> {
        self.next += 1;
        let name = Utf16Buf::from(format!("{LARGE}\\Absent-{:06}.dat", self.next).as_str());
        let options = CreateOptions::empty();
        packet.add(
            Command::CREATE,
            &files::create(name.as_utf16(), ATTRIBUTES, CreateDisposition::OPEN, options),
            0,
        );
        Ok(true)
    }

    fn reply(&mut self, _: usize, _: usize, header: &Smb2Header, _: &[u8]) -> anyhow::Result<u64> {
        ensure!(
            header.status == NtStatus::OBJECT_NAME_NOT_FOUND,
            "an absent name was answered {}",
            header.status
        );
        Ok(1)
    }
}

/// Row: absent names.
pub fn absent_large(_: &Run, link: &mut Link, meter: &mut Meter<'_>) -> anyhow::Result<()> {
    files::exists(link, &format!("{LARGE}\\Absent"))?;
    meter.drive(link, &mut Absent { next: 0 })
}

/// CREATE with FILE_CREATE and FILE_DELETE_ON_CLOSE would measure two things; so the files stay until the row is over.
struct CreateIn<'a> {
    mark: &'a str,
    next: u32,
    disposition: CreateDisposition,
    options: CreateOptions,
    last: u32,
}

impl Work for CreateIn<'_> {
    fn next(&mut self, _: usize, packet: &mut Packet<'_>) -> anyhow::Result<bool> {
        if self.next == self.last {
            return Ok(false);
        }
        let name = Utf16Buf::from(name_in(self.mark, self.next).as_str());
        self.next += 1;
        let access = READ_WRITE | 0x0001_0000; // DELETE
        let request = files::create(name.as_utf16(), access, self.disposition, self.options);
        packet.add(Command::CREATE, &request, 0);
        packet.add(Command::CLOSE, &files::close(FileId::ANY), 0);
        Ok(true)
    }

    fn reply(&mut self, _: usize, _: usize, header: &Smb2Header, _: &[u8]) -> anyhow::Result<u64> {
        files::succeeded(header).map(|()| 1)
    }
}

fn name_in(mark: &str, number: u32) -> String {
    format!("{LARGE}\\New-{mark}-{number:06}.dat")
}

/// Row: new names in the folder of 100,000.
pub fn create_large(run: &Run, link: &mut Link, meter: &mut Meter<'_>) -> anyhow::Result<()> {
    let mark = format!("{:x}", std::process::id());
    files::exists(link, &format!("{LARGE}\\Absent"))?;
    let mut work = CreateIn {
        mark: &mark,
        next: 0,
        disposition: CreateDisposition::CREATE,
        options: CreateOptions::NON_DIRECTORY_FILE,
        last: run.sizes.files,
    };
    meter.drive(link, &mut work)?;
    let made = work.next;
    ensure!(made != 0, "no file was made");
    ensure!(files::exists(link, &name_in(&mark, made - 1))?, "a new file is not there");
    // Leave the folder as it was.
    let mut remove = CreateIn {
        mark: &mark,
        next: 0,
        disposition: CreateDisposition::OPEN,
        options: CreateOptions::NON_DIRECTORY_FILE | CreateOptions::DELETE_ON_CLOSE,
        last: made,
    };
    crate::engine::run(link, 16, crate::engine::Limit::NONE, &mut remove)?;
    Ok(())
}
