//! Reads a log from its oldest record on, also while a server writes it: a line counts once its line feed is there.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};

use super::files::{self, Head, LogFile};

/// Room for reading ahead.
const BUFFER_BYTES: usize = 256 * 1024;

/// What a reader found.
#[derive(Debug, PartialEq, Eq)]
pub enum Found {
    /// A file begins.
    File {
        /// Its first line.
        head: Head,
        /// Where it is.
        path: PathBuf,
    },
    /// A record: the line that the caller's buffer holds.
    Record,
    /// Nothing more for now.
    End,
}

/// A position in a log.
#[derive(Debug)]
pub struct Reader {
    folder: PathBuf,
    files: VecDeque<LogFile>,
    current: Option<(u64, BufReader<File>)>,
    /// The beginning of a line whose end is not there yet.
    partial: Vec<u8>,
}

impl Reader {
    /// At the beginning of a log. With `since` (in the form of a record's Time) files that end before it are left out.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn new(folder: &Path, since: Option<&str>) -> io::Result<Reader> {
        let mut files: VecDeque<LogFile> = files::list(folder)?.into();
        if let Some(since) = since {
            // A file ends where the next one begins.
            while let Some(next) = files.get(1) {
                let begins = File::open(&next.path).and_then(|file| Head::read(&mut BufReader::new(file)));
                match begins {
                    Ok((head, _)) if head.started.as_str() < since => files.pop_front(),
                    _ => break,
                };
            }
        }
        Ok(Reader { folder: folder.to_owned(), files, current: None, partial: Vec::new() })
    }

    /// Leaves out files that end before the record with the number `seq`. For a reader that has read nothing yet.
    pub fn go_to(&mut self, seq: u64) {
        while self.files.get(1).is_some_and(|next| next.first_seq <= seq) {
            self.files.pop_front();
        }
    }

    /// Looks for files that are new since the last look.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn refresh(&mut self) -> io::Result<()> {
        let newest =
            self.files.back().map(|file| file.first_seq).or(self.current.as_ref().map(|(seq, _)| *seq));
        let found = files::list(&self.folder)?;
        self.files
            .extend(found.into_iter().filter(|file| newest.is_none_or(|newest| file.first_seq > newest)));
        Ok(())
    }

    /// The next line, without its line feed, into `line`.
    ///
    /// # Errors
    /// When a file cannot be read, or has no first line and is not the last.
    pub fn next(&mut self, line: &mut Vec<u8>) -> io::Result<Found> {
        loop {
            let Some((_, file)) = &mut self.current else {
                let Some(next) = self.files.front() else { return Ok(Found::End) };
                let mut file = match File::open(&next.path) {
                    Ok(file) => BufReader::with_capacity(BUFFER_BYTES, file),
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {
                        // The oldest file was removed meanwhile.
                        self.files.pop_front();
                        continue;
                    }
                    Err(error) => return Err(error),
                };
                let head = match Head::read(&mut file) {
                    Ok((head, _)) => head,
                    // It is being made.
                    Err(error) if error.kind() == io::ErrorKind::InvalidData && self.files.len() == 1 => {
                        return Ok(Found::End);
                    }
                    Err(error) => return Err(named(&error, &next.path)),
                };
                let (first_seq, path) = (next.first_seq, next.path.clone());
                self.files.pop_front();
                self.current = Some((first_seq, file));
                return Ok(Found::File { head, path });
            };
            file.read_until(b'\n', &mut self.partial)?;
            if self.partial.last() == Some(&b'\n') {
                self.partial.pop();
                std::mem::swap(line, &mut self.partial);
                self.partial.clear();
                return Ok(Found::Record);
            }
            if self.files.is_empty() {
                return Ok(Found::End);
            }
            // The next file was begun after this one's last line was written: nothing comes here any more.
            if !std::mem::take(&mut self.partial).is_empty() {
                return Err(io::Error::new(
                    io::ErrorKind::InvalidData,
                    "a file ends in the middle of a record",
                ));
            }
            self.current = None;
        }
    }
}

fn named(error: &io::Error, path: &Path) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}
