//! `freehold acl save` and `restore`: icacls' file, and JSON.

use std::fs::File;
use std::io::{BufWriter, Read as _, Write};
use std::path::Path;

use anyhow::Context as _;
use clap::ValueEnum;
use freehold_acl::{SecurityDescriptor, encode_save_file, parse_save_file};
use freehold_dtyp::{Sid, Wtf8, Wtf8Buf};
use serde::{Deserialize, Serialize};

use super::acl::{RestoreArgs, SaveArgs, full_path};
use super::target::Target;
use super::{ServerOptions, acl_show, target};
use crate::admin::acl_protocol::{AclReply, AclRequest, AclRestored, RestoreEntry};
use crate::admin::protocol::{Reply, Request};

/// Entries of one request.
const ENTRIES_AT_ONCE: usize = 256;
/// Bytes of SDDL of one request; one list more than this goes alone.
const BYTES_AT_ONCE: usize = 256 * 1024;
/// Largest file that is read.
const MAX_FILE_BYTES: u64 = 4 << 30;
/// The name of what has none: the root of a share or volume.
const ROOT_NAME: &str = ".";

/// Form of a file of saved lists.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum FileForm {
    /// What icacls /save writes: DACLs alone
    #[default]
    Icacls,
    /// An array of objects with Path and Sddl: owner, group, DACL and SACL
    Json,
}

/// An object of the JSON form.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Saved {
    path: String,
    sddl: String,
}

/// The last component of what is saved: names in the file begin with it.
fn own_name(path: &str) -> String {
    let tail = match path.split_once(':') {
        Some((_, rest)) if !path.starts_with(['/', '\\']) => rest,
        _ => path,
    };
    let tail = tail.trim_end_matches(['/', '\\']);
    let unc_root = (path.starts_with("\\\\") || path.starts_with("//"))
        && tail.trim_start_matches(['/', '\\']).split(['/', '\\']).count() <= 2;
    let name = if unc_root { "" } else { tail.rsplit(['/', '\\']).next().unwrap_or_default() };
    if name.is_empty() { ROOT_NAME.to_owned() } else { name.to_owned() }
}

pub(super) fn save(arguments: &SaveArgs, server: &ServerOptions) -> anyhow::Result<()> {
    let path = full_path(&arguments.path)?;
    let root = own_name(&path);
    let mut output = Output::new(&arguments.file, arguments.form)?;
    let (mut saved, mut failed) = (0u64, 0u64);
    acl_show::read(server, &path, &arguments.whose, arguments.recurse, &mut |row| {
        let name = if row.path.is_empty() { root.clone() } else { format!("{root}/{}", row.path) };
        if !row.error.is_empty() {
            failed += 1;
            eprintln!("{name}: {}", row.error);
            anyhow::ensure!(arguments.continue_on_error, "not everything could be read (--continue goes on)");
            return Ok(());
        }
        saved += 1;
        output.put(&name.replace('/', "\\"), &row.sddl)
    })?;
    output.finish()?;
    if !arguments.quiet {
        super::say_beside(
            &arguments.file,
            &format!("Successfully processed {saved} files; Failed processing {failed} files"),
        );
    }
    anyhow::ensure!(failed == 0, "{failed} lists could not be read");
    Ok(())
}

/// A file that is being written; in its place only when it is whole.
struct Output<'a> {
    writer: BufWriter<Box<dyn Write>>,
    form: FileForm,
    first: bool,
    place: Option<(std::path::PathBuf, &'a Path)>,
}

impl<'a> Output<'a> {
    fn new(file: &'a Path, form: FileForm) -> anyhow::Result<Self> {
        let (inner, place): (Box<dyn Write>, _) = if file == Path::new("-") {
            (Box::new(std::io::stdout()), None)
        } else {
            let mut name = file.file_name().context("--file has no name")?.to_owned();
            name.push(".part");
            let part = file.with_file_name(name);
            let made = File::create(&part).with_context(|| format!("cannot write {}", part.display()))?;
            (Box::new(made), Some((part, file)))
        };
        Ok(Output { writer: BufWriter::new(inner), form, first: true, place })
    }

    fn put(&mut self, name: &str, sddl: &str) -> anyhow::Result<()> {
        match self.form {
            FileForm::Icacls => {
                let descriptor: SecurityDescriptor =
                    sddl.parse().with_context(|| format!("the server's SDDL of {name}"))?;
                let mut lines = Vec::new();
                encode_save_file(&mut lines, Wtf8::from(name), &descriptor);
                // The mark belongs to the beginning of the file alone.
                let mark = if self.first { 0 } else { 2 };
                self.writer.write_all(lines.get(mark..).unwrap_or_default())?;
            }
            FileForm::Json => {
                self.writer.write_all(if self.first { b"[\n" } else { b",\n" })?;
                let saved = Saved { path: name.replace('\\', "/"), sddl: sddl.to_owned() };
                serde_json::to_writer(&mut self.writer, &saved)?;
            }
        }
        self.first = false;
        Ok(())
    }

    fn finish(mut self) -> anyhow::Result<()> {
        if self.form == FileForm::Json {
            self.writer.write_all(if self.first { b"[]\n" } else { b"\n]\n" })?;
        }
        self.writer.flush()?;
        if let Some((part, file)) = self.place {
            std::fs::rename(&part, file).with_context(|| format!("cannot write {}", file.display()))?;
        }
        Ok(())
    }
}

/// Stands for the domain, which only the server knows: here the text is looked at for mistakes.
fn some_domain() -> anyhow::Result<Sid> {
    Ok("S-1-5-21-0-0-0".parse()?)
}

/// Reads either form.
fn read_file(file: &Path) -> anyhow::Result<Vec<RestoreEntry>> {
    let mut bytes = Vec::new();
    let input: Box<dyn std::io::Read> = if file == Path::new("-") {
        Box::new(std::io::stdin())
    } else {
        Box::new(File::open(file).with_context(|| format!("cannot read {}", file.display()))?)
    };
    input.take(MAX_FILE_BYTES).read_to_end(&mut bytes)?;
    let any = some_domain()?;
    let is_json = bytes.first() == Some(&b'[') && bytes.get(1) != Some(&0);
    if is_json {
        let saved: Vec<Saved> =
            serde_json::from_slice(&bytes).with_context(|| format!("{} is no saved list", file.display()))?;
        return saved
            .into_iter()
            .map(|saved| {
                SecurityDescriptor::from_sddl(&saved.sddl, Some(&any)).with_context(|| saved.path.clone())?;
                Ok(RestoreEntry { path: saved.path, sddl: saved.sddl })
            })
            .collect();
    }
    let saved = parse_save_file(&bytes, Some(&any)).with_context(|| file.display().to_string())?;
    let text = |name: Wtf8Buf| name.to_string();
    Ok(saved.into_iter().map(|saved| RestoreEntry { path: text(saved.name), sddl: saved.sddl }).collect())
}

pub(super) fn restore(arguments: &RestoreArgs, server: &ServerOptions) -> anyhow::Result<()> {
    let path = full_path(&arguments.path)?;
    let entries = read_file(&arguments.file)?;
    let pairs = arguments.substitutes.as_chunks::<2>().0.iter();
    let substitutes: Vec<(String, String)> = pairs.map(|[old, new]| (old.clone(), new.clone())).collect();
    let mut target = Target::open(server)?;
    let mut total = AclRestored::default();
    let mut rest = entries.as_slice();
    while !rest.is_empty() {
        let mut bytes = 0;
        let within = |entry: &&RestoreEntry| {
            bytes += entry.sddl.len() + entry.path.len();
            bytes <= BYTES_AT_ONCE
        };
        let count = rest.iter().take(ENTRIES_AT_ONCE).take_while(within).count().max(1);
        let (batch, others) = rest.split_at(count);
        rest = others;
        let request = AclRequest::Restore {
            path: path.clone(),
            as_user: arguments.whose.as_user.clone(),
            entries: batch.to_vec(),
            substitutes: substitutes.clone(),
            continue_on_error: arguments.continue_on_error,
            what_if: arguments.change.what_if,
        };
        match target.call(Request::Acl { request })? {
            Reply::Acl(AclReply::Restored(part)) => {
                total.processed += part.processed;
                total.changed += part.changed;
                for (name, reason) in &part.failed {
                    eprintln!("{name}: {reason}");
                }
                total.failed.extend(part.failed);
                if !total.failed.is_empty() && !arguments.continue_on_error {
                    break;
                }
            }
            other => return Err(target::unexpected(&other)),
        }
    }
    let failed = total.failed.len();
    if arguments.change.what_if {
        super::say(&format!("What if: {} lists would be put back; {failed} have no file.", total.processed));
    } else if !arguments.quiet {
        super::say(&format!(
            "Successfully processed {} files; Failed processing {failed} files",
            total.processed
        ));
    }
    anyhow::ensure!(failed == 0, "{failed} lists were not put back");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_begin_with_what_was_saved() {
        for (path, name) in [
            ("data:/a/b", "b"),
            ("data:/a/b/", "b"),
            ("data:", "."),
            ("data:/", "."),
            ("/srv/data", "data"),
            ("\\\\server\\share\\x", "x"),
            ("\\\\server\\share", "."),
            ("//server/share/", "."),
        ] {
            assert_eq!(own_name(path), name, "{path}");
        }
    }

    #[test]
    fn both_forms_are_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let sddl = "O:BAG:SYD:PAI(A;OICI;FA;;;BA)S:(AU;SA;FA;;;WD)";
        for form in [FileForm::Icacls, FileForm::Json] {
            let file = folder.path().join("saved");
            let mut output = Output::new(&file, form).unwrap();
            output.put("x", sddl).unwrap();
            output.put("x\\ü.txt", sddl).unwrap();
            output.finish().unwrap();
            let read = read_file(&file).unwrap();
            assert_eq!(read.len(), 2);
            assert_eq!(read[1].path.replace('/', "\\"), "x\\ü.txt");
            let wanted = if form == FileForm::Json { sddl } else { "D:PAI(A;OICI;FA;;;BA)" };
            assert_eq!(read[1].sddl, wanted);
        }
    }
}
