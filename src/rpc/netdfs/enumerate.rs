//! [MS-DFSNM] 3.1.4.1.7 NetrDfsEnum and 3.1.4.2.3 NetrDfsEnumEx.

use std::sync::Arc;

use freehold_dfs::{Folder, NamespaceIndex};

use super::super::RpcContext;
use super::super::dispatch::Call;
use super::super::enumeration::{Entry as _, empty_container};
use super::super::fault::Fault;
use super::super::ndr::{NdrReader, NdrWriter};
use super::super::win32::Win32;
use super::entry::DfsEntry;
use super::path::EntryPath;

/// Arms of DFS_INFO_ENUM_STRUCT ([MS-DFSNM] 2.2.3.5).
const LEVELS: [u32; 10] = [1, 2, 3, 4, 5, 6, 8, 9, 200, 300];
/// Domain-based namespaces: a domain controller knows them.
const DOMAIN_ROOTS: u32 = 200;
/// Namespaces of this server.
const ROOTS: u32 = 300;
/// PrefMaxLen: all entries in one answer.
const ALL: u32 = u32::MAX;
/// Largest answer, in bytes, whatever a client would take: it asks again for the rest.
const MAX_ANSWER_BYTES: usize = 4 * 1024 * 1024;

/// The parameters that both calls end with.
struct Asked {
    level: u32,
    preferred_bytes: u32,
    /// DfsEnum was there, and its container.
    list: bool,
    resume: Option<u32>,
}

impl Asked {
    fn read(parameters: &mut NdrReader<'_>) -> Result<Asked, Fault> {
        let level = parameters.u32("Level")?;
        let preferred_bytes = parameters.u32("PrefMaxLen")?;
        let list = parameters.pointer("DfsEnum")?;
        if list {
            let inner = parameters.u32("Level")?;
            let tag = parameters.u32("DfsInfoContainer")?;
            if inner != tag {
                return Err(Fault::BAD_STUB_DATA);
            }
            if !LEVELS.contains(&tag) {
                return Err(Fault::INVALID_TAG);
            }
            empty_container(parameters)?;
            if inner != level {
                return Err(Fault::BAD_STUB_DATA);
            }
        }
        let resume = parameters.optional("ResumeHandle", |reader| reader.u32("ResumeHandle"))?;
        Ok(Asked { level, preferred_bytes, list, resume })
    }

    fn refuse(&self, status: Win32) -> NdrWriter {
        self.answer_with(&[], self.resume, status)
    }

    /// Where the answer begins, in entries.
    fn start(&self) -> usize {
        usize::try_from(self.resume.unwrap_or(0)).unwrap_or(usize::MAX)
    }

    /// `items`, which begin at the resume handle: as many as the client wants at once, at least one.
    fn answer<'e>(&self, cx: &RpcContext<'_>, items: impl Iterator<Item = Item<'e>>) -> NdrWriter {
        let most = match self.preferred_bytes {
            ALL => MAX_ANSWER_BYTES,
            bytes => usize::try_from(bytes).unwrap_or(usize::MAX).min(MAX_ANSWER_BYTES),
        };
        let mut probe = NdrWriter::new();
        let mut entries = Vec::new();
        for item in items {
            let entry = item.entry(cx);
            entry.fixed(&mut probe, self.level);
            entry.referents(&mut probe, self.level);
            if !entries.is_empty() && probe.size() > most {
                break;
            }
            entries.push(entry);
        }
        if entries.is_empty() {
            return self.refuse(Win32::NO_MORE_ITEMS);
        }
        let next = u32::try_from(self.start().saturating_add(entries.len())).unwrap_or(u32::MAX);
        self.answer_with(&entries, self.resume.map(|_| next), Win32::SUCCESS)
    }

    fn answer_with(&self, entries: &[DfsEntry], resume: Option<u32>, status: Win32) -> NdrWriter {
        let mut writer = NdrWriter::new();
        if self.list {
            writer.pointer();
            writer.u32(self.level);
            writer.u32(self.level);
            writer.pointer();
            writer.count(entries.len());
            if entries.is_empty() {
                writer.null();
            } else {
                writer.pointer();
                writer.count(entries.len());
                for entry in entries {
                    entry.fixed(&mut writer, self.level);
                }
                for entry in entries {
                    entry.referents(&mut writer, self.level);
                }
            }
        } else {
            writer.null();
        }
        writer.optional_u32(resume);
        writer.u32(status.0);
        writer
    }
}

/// A root or one of its links, not yet in the form of an answer.
enum Item<'e> {
    Root(&'e NamespaceIndex),
    Link(&'e NamespaceIndex, &'e Folder),
}

impl Item<'_> {
    fn entry(&self, cx: &RpcContext<'_>) -> DfsEntry {
        match self {
            Item::Root(index) => DfsEntry::of_root(cx, index.namespace()),
            Item::Link(index, folder) => DfsEntry::of_folder(cx, index.namespace(), folder),
        }
    }
}

/// The root of each namespace followed by its links, from the `start`th entry on. What is left out is not looked at one by one:
/// a client that reads a long list in small pieces costs no more than the list.
fn items<'e>(
    all: impl IntoIterator<Item = &'e Arc<NamespaceIndex>>,
    mut start: usize,
) -> impl Iterator<Item = Item<'e>> {
    all.into_iter().flat_map(move |index| {
        let left_out = start.min(index.folders().len().saturating_add(1));
        start = start.saturating_sub(left_out);
        let root = (left_out == 0).then(|| Item::Root(index));
        let links = index.folders().skip(left_out.saturating_sub(1));
        root.into_iter().chain(links.map(move |folder| Item::Link(index, folder)))
    })
}

/// The roots of namespaces, from the `start`th on.
fn roots(all: Vec<&Arc<NamespaceIndex>>, start: usize) -> impl Iterator<Item = Item<'_>> {
    all.into_iter().skip(start).map(|index| Item::Root(index))
}

/// NetrDfsEnum: of the server's namespace; where there are several, of all of them.
pub(super) fn enumerate(call: &mut Call<'_, '_>) -> Result<NdrWriter, Fault> {
    let asked = Asked::read(&mut call.parameters)?;
    if let Err(status) = checked(call.cx, &asked) {
        return Ok(asked.refuse(status));
    }
    let all = call.cx.namespaces.list();
    if asked.level == ROOTS {
        return Ok(asked.answer(call.cx, roots(all, asked.start())));
    }
    if all.is_empty() {
        return Ok(asked.refuse(Win32::NOT_FOUND));
    }
    Ok(asked.answer(call.cx, items(all, asked.start())))
}

/// NetrDfsEnumEx: of the namespace that is named; of a server for its roots.
pub(super) fn enumerate_ex(call: &mut Call<'_, '_>) -> Result<NdrWriter, Fault> {
    let path = super::text(&mut call.parameters, "DfsEntryPath")?;
    let asked = Asked::read(&mut call.parameters)?;
    if let Err(status) = checked(call.cx, &asked) {
        return Ok(asked.refuse(status));
    }
    if asked.level == ROOTS {
        let all = call.cx.namespaces.list();
        return Ok(asked.answer(call.cx, roots(all, asked.start())));
    }
    // What follows the namespace's name is ignored.
    match EntryPath::parse(&path).and_then(|path| path.index(call.cx)) {
        Ok(index) => Ok(asked.answer(call.cx, items([index], asked.start()))),
        Err(status) => Ok(asked.refuse(status)),
    }
}

fn checked(cx: &RpcContext<'_>, asked: &Asked) -> Result<(), Win32> {
    super::may_look(cx)?;
    match asked.level {
        _ if !asked.list => Err(Win32::INVALID_PARAMETER),
        DOMAIN_ROOTS => Err(Win32::NOT_SUPPORTED),
        _ => Ok(()),
    }
}
