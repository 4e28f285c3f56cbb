//! Checks that a log is what was written: every line hangs on the one before it, and no number is missing.

use std::io;
use std::path::{Path, PathBuf};

use super::line::{self, Chain};
use super::read::{Found, Reader};

/// What a log that is whole holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Whole {
    /// Files.
    pub files: u64,
    /// Records.
    pub records: u64,
    /// Number of the first record; older ones went with their files. 0 without records.
    pub first_seq: u64,
    /// Number of the last record; 0 without records.
    pub last_seq: u64,
    /// Chain of the last record: to be noted elsewhere, since whoever can write the files can make all of them anew.
    pub chain: Chain,
}

/// Where a log stops being what was written.
#[derive(Debug, thiserror::Error)]
pub enum Broken {
    /// It cannot be read.
    #[error("cannot read the audit log: {0}")]
    Io(#[from] io::Error),
    /// A line is no record.
    #[error("{}: the line after record {after} is no record", path.display())]
    NoRecord {
        /// The file.
        path: PathBuf,
        /// The record before.
        after: u64,
    },
    /// Records are missing, or there are some too many.
    #[error("{}: record {found} follows where {expected} was expected", path.display())]
    Gap {
        /// The file.
        path: PathBuf,
        /// The number expected.
        expected: u64,
        /// The number found.
        found: u64,
    },
    /// A record is not the one that was written.
    #[error("{}: record {seq} or the one before it was changed: its chain does not fit", path.display())]
    Changed {
        /// The file.
        path: PathBuf,
        /// Its number.
        seq: u64,
    },
}

/// Reads a whole log. A file that a server is writing may end in the middle of a line: that line is left out.
///
/// # Errors
/// [`Broken`] at the first place that does not fit.
pub fn verify(folder: &Path) -> Result<Whole, Broken> {
    let mut reader = Reader::new(folder, None)?;
    let mut whole = Whole { files: 0, records: 0, first_seq: 0, last_seq: 0, chain: Chain::START };
    let mut next_seq = None;
    let mut current = PathBuf::new();
    let mut text = Vec::new();
    loop {
        match reader.next(&mut text)? {
            Found::End => return Ok(whole),
            Found::File { head, path } => {
                let before = head.chain().unwrap_or(Chain::START);
                current = path;
                match next_seq {
                    None => {
                        whole.chain = before;
                        if head.first_seq == 1 && before != Chain::START {
                            return Err(Broken::Changed { path: current, seq: 1 });
                        }
                    }
                    Some(expected) if expected != head.first_seq => {
                        return Err(Broken::Gap { path: current, expected, found: head.first_seq });
                    }
                    Some(seq) if before != whole.chain => return Err(Broken::Changed { path: current, seq }),
                    Some(_) => {}
                }
                next_seq = Some(head.first_seq);
                whole.files += 1;
            }
            Found::Record => {
                let expected = next_seq.unwrap_or(1);
                let Some(parts) = line::parse(&text) else {
                    return Err(Broken::NoRecord { path: current, after: expected.saturating_sub(1) });
                };
                if parts.seq != expected {
                    return Err(Broken::Gap { path: current, expected, found: parts.seq });
                }
                if whole.chain.after(parts.content) != parts.chain {
                    return Err(Broken::Changed { path: current, seq: parts.seq });
                }
                if whole.records == 0 {
                    whole.first_seq = parts.seq;
                }
                whole.records += 1;
                whole.last_seq = parts.seq;
                whole.chain = parts.chain;
                next_seq = parts.seq.checked_add(1);
            }
        }
    }
}
