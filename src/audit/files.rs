//! The files of a log: their names, their first line, and what is done with the last one after a crash.
//!
//! A log is a folder of files `audit-<number of the first record>.jsonl`, mode 0600. The first line of a file is no
//! record: it says which record comes first, which chain it hangs on and when the file was begun.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::line::{self, Chain};

/// What the first line of a file calls its form.
const FORMAT: &str = "freehold-audit-1";
/// How far back from the end of a damaged file a whole line is looked for, in bytes. Longer than the longest record.
const TAIL_BYTES: u64 = 16 * 1024 * 1024;
/// Longest first line.
const MAX_HEAD_BYTES: u64 = 4096;

/// The first line of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Head {
    /// What the form is called: `freehold-audit-1`.
    pub format: String,
    /// Number of the first record.
    pub first_seq: u64,
    /// Chain of the record before, in hexadecimal.
    pub before: String,
    /// When the file was begun, in the form of a record's Time.
    pub started: String,
}

impl Head {
    /// Reads the first line of a file; the bytes that it takes with its line feed.
    ///
    /// # Errors
    /// `InvalidData` when it has none.
    pub fn read(file: &mut impl BufRead) -> io::Result<(Head, u64)> {
        let mut text = Vec::new();
        let length = file.take(MAX_HEAD_BYTES).read_until(b'\n', &mut text)?;
        let damaged =
            || io::Error::new(io::ErrorKind::InvalidData, "the file has no first line of an audit log");
        let text = text.strip_suffix(b"\n").ok_or_else(damaged)?;
        let head: Head = serde_json::from_slice(text).map_err(|_| damaged())?;
        if head.format != FORMAT || head.chain().is_none() {
            return Err(damaged());
        }
        Ok((head, length as u64))
    }

    /// The chain that the first record hangs on.
    #[must_use]
    pub fn chain(&self) -> Option<Chain> {
        Chain::from_hex(self.before.as_bytes())
    }
}

/// A file of a log.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LogFile {
    /// Number of its first record.
    pub first_seq: u64,
    /// Where it is.
    pub path: PathBuf,
}

/// The files of a log, oldest first. A folder that is not there has none.
///
/// # Errors
/// When the folder cannot be read.
pub fn list(folder: &Path) -> io::Result<Vec<LogFile>> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut files = Vec::new();
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name();
        let number = name
            .to_str()
            .and_then(|name| name.strip_prefix("audit-")?.strip_suffix(".jsonl"))
            .and_then(|digits| digits.parse().ok());
        if let Some(first_seq) = number {
            files.push(LogFile { first_seq, path: entry.path() });
        }
    }
    files.sort();
    Ok(files)
}

/// Where a log goes on.
#[derive(Debug)]
pub struct Position {
    /// The file that is written to.
    pub file: File,
    /// Its place.
    pub path: PathBuf,
    /// Its length in bytes.
    pub size_bytes: u64,
    /// It has no record yet.
    pub is_empty: bool,
    /// When it was begun, in the form of a record's Time.
    pub started: String,
    /// Number of the next record.
    pub next_seq: u64,
    /// Chain of the last record.
    pub chain: Chain,
}

/// Opens a log to go on with it, making folder and first file where there is none. What is behind the last whole record
/// of the last file (a write that a crash cut short) is moved to a file of its own, `....torn`.
///
/// # Errors
/// When folder or files cannot be made, read or changed.
pub fn open(folder: &Path, now: &str) -> io::Result<Position> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let mut files = list(folder)?;
    while let Some(last) = files.pop() {
        if let Some(position) = mend(&last.path)? {
            return Ok(position);
        }
        // Not even its first line was written: it never held a record.
        set_aside(&last.path, 0)?;
        std::fs::remove_file(&last.path)?;
    }
    begin(folder, 1, Chain::START, now)
}

/// Makes the file whose first record is `first_seq`.
///
/// # Errors
/// When it cannot be made; nothing is left of it then.
pub fn begin(folder: &Path, first_seq: u64, before: Chain, now: &str) -> io::Result<Position> {
    let path = folder.join(format!("audit-{first_seq:020}.jsonl"));
    let head =
        Head { format: FORMAT.to_owned(), first_seq, before: before.to_string(), started: now.to_owned() };
    let mut text = serde_json::to_vec(&head)?;
    text.push(b'\n');
    let mut file = OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(&path)?;
    let written = file.write_all(&text).and_then(|()| file.sync_all()).and_then(|()| sync_folder(folder));
    if let Err(error) = written {
        let _ = std::fs::remove_file(&path);
        return Err(error);
    }
    Ok(Position {
        file,
        path,
        size_bytes: text.len() as u64,
        is_empty: true,
        started: now.to_owned(),
        next_seq: first_seq,
        chain: before,
    })
}

fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Opens a file behind its last whole record; `None` when it has no first line.
fn mend(path: &Path) -> io::Result<Option<Position>> {
    let mut file = OpenOptions::new().read(true).write(true).open(path)?;
    let length = file.metadata()?.len();
    let (head, head_bytes) = match Head::read(&mut BufReader::new(&file)) {
        Ok(found) => found,
        Err(error) if error.kind() == io::ErrorKind::InvalidData => return Ok(None),
        Err(error) => return Err(error),
    };
    let before = head.chain().unwrap_or(Chain::START);
    let start = head_bytes.max(length.saturating_sub(TAIL_BYTES));
    let mut tail = Vec::new();
    file.seek(SeekFrom::Start(start))?;
    (&mut file).take(TAIL_BYTES).read_to_end(&mut tail)?;
    let (kept, last) = last_record(&tail);
    if kept == 0 && start > head_bytes {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            format!(
                "the last {TAIL_BYTES} bytes of {} hold no record; move the file away to start a new log",
                path.display()
            ),
        ));
    }
    let size_bytes = start + kept as u64;
    if size_bytes < length {
        set_aside(path, size_bytes)?;
        file.set_len(size_bytes)?;
        file.sync_all()?;
        tracing::warn!(
            file = %path.display(),
            bytes = length - size_bytes,
            "the audit log ended in the middle of a record: what no client had an answer for was moved aside"
        );
    }
    file.seek(SeekFrom::Start(size_bytes))?;
    let (next_seq, chain) = last.map_or((head.first_seq, before), |(seq, chain)| (seq + 1, chain));
    Ok(Some(Position {
        file,
        path: path.to_owned(),
        size_bytes,
        is_empty: last.is_none(),
        started: head.started,
        next_seq,
        chain,
    }))
}

/// The length of `tail` up to its last whole record, and that record's number and chain.
fn last_record(tail: &[u8]) -> (usize, Option<(u64, Chain)>) {
    let mut end = tail.len();
    while let Some(feed) = tail[..end].iter().rposition(|byte| *byte == b'\n') {
        let begin = tail[..feed].iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        if let Some(parts) = line::parse(&tail[begin..feed]) {
            return (feed + 1, Some((parts.seq, parts.chain)));
        }
        end = feed;
    }
    (0, None)
}

/// Copies what is in a file from `from` on to a file beside it.
fn set_aside(path: &Path, from: u64) -> io::Result<()> {
    let mut source = File::open(path)?;
    source.seek(SeekFrom::Start(from))?;
    let mut target =
        OpenOptions::new().append(true).create(true).mode(0o600).open(path.with_extension("torn"))?;
    io::copy(&mut source, &mut target)?;
    target.sync_all()
}

/// Removes the oldest files but for `keep`; 0 keeps all.
///
/// # Errors
/// When the folder cannot be read or a file not be removed.
pub fn remove_oldest(folder: &Path, keep: usize) -> io::Result<()> {
    if keep == 0 {
        return Ok(());
    }
    let files = list(folder)?;
    for file in files.iter().take(files.len().saturating_sub(keep)) {
        std::fs::remove_file(&file.path)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: &str = "2026-11-27T14:00:00.0000000Z";

    fn append(position: &mut Position, count: u64) {
        let mut text = Vec::new();
        for _ in 0..count {
            position.chain = line::write(position.next_seq, b"\"A\":1", position.chain, &mut text);
            position.next_seq += 1;
        }
        position.file.write_all(&text).unwrap();
    }

    #[test]
    fn a_log_goes_on_where_it_ended() {
        let folder = tempfile::tempdir().unwrap();
        let mut position = open(folder.path(), NOW).unwrap();
        assert_eq!((position.next_seq, position.chain, position.is_empty), (1, Chain::START, true));
        append(&mut position, 3);
        let again = open(folder.path(), NOW).unwrap();
        assert_eq!((again.next_seq, again.chain, again.is_empty), (4, position.chain, false));
        assert_eq!(list(folder.path()).unwrap().len(), 1);
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(std::fs::metadata(&again.path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    /// Every place at which a crash can cut the last write short.
    #[test]
    fn a_torn_end_is_moved_aside() {
        let folder = tempfile::tempdir().unwrap();
        let mut position = open(folder.path(), NOW).unwrap();
        append(&mut position, 2);
        let (chain, length) = (position.chain, std::fs::metadata(&position.path).unwrap().len());
        append(&mut position, 1);
        let whole = std::fs::read(&position.path).unwrap();
        for cut in length as usize..whole.len() {
            for tail in [&b""[..], &[0; 700][..]] {
                let torn = [&whole[..cut], tail].concat();
                std::fs::write(&position.path, &torn).unwrap();
                let _ = std::fs::remove_file(position.path.with_extension("torn"));
                let again = open(folder.path(), NOW).unwrap();
                assert_eq!((again.next_seq, again.chain, again.size_bytes), (3, chain, length), "{cut}");
                assert_eq!(std::fs::read(&position.path).unwrap(), whole[..length as usize]);
                if torn.len() > length as usize {
                    let aside = std::fs::read(position.path.with_extension("torn")).unwrap();
                    assert_eq!(aside, torn[length as usize..]);
                }
            }
        }
    }

    #[test]
    fn a_file_that_was_never_begun_is_dropped() {
        let folder = tempfile::tempdir().unwrap();
        let mut position = open(folder.path(), NOW).unwrap();
        append(&mut position, 2);
        std::fs::write(folder.path().join("audit-00000000000000000003.jsonl"), b"{\"Form").unwrap();
        let again = open(folder.path(), NOW).unwrap();
        assert_eq!((again.next_seq, again.path), (3, position.path));
    }

    #[test]
    fn the_oldest_files_go_first() {
        let folder = tempfile::tempdir().unwrap();
        for first in [1, 5, 9] {
            begin(folder.path(), first, Chain::START, NOW).unwrap();
        }
        remove_oldest(folder.path(), 0).unwrap();
        remove_oldest(folder.path(), 2).unwrap();
        let left: Vec<u64> = list(folder.path()).unwrap().iter().map(|file| file.first_seq).collect();
        assert_eq!(left, [5, 9]);
    }
}
