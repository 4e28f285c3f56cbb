//! [MS-FSA] 2.1.5.12 FileStreamInformation, FileNormalizedNameInformation, FileAlternateNameInformation; the name in
//! FileAllInformation.

use std::sync::Arc;

use freehold_dtyp::{Encode, NtStatus, Wtf8, Wtf8Buf};

use super::super::super::context::{Context, Step, StepResult, file_of};
use super::super::super::op::{Op, OpResult};
use super::super::super::open::{FileOpen, Open};
use super::super::output_buffer;
use super::reply;
use crate::fscc::file_info::{NameInformation, StreamInformation};
use crate::fscc::name::to_wire_path;
use crate::fscc::short_name;
use crate::fscc::upcase::eq_ignore_case;
use crate::fscc::{Append, ChainWriter, FileInformationClass};
use crate::vfs::StreamEntry;

/// A query that needs the list of streams.
pub struct Pending {
    open: Arc<Open>,
    class: FileInformationClass,
    limit_bytes: usize,
}

/// Answers, or asks for the streams.
///
/// # Errors
/// OBJECT_NAME_NOT_FOUND for a file without a short name.
pub fn decide(
    cx: &mut Context<'_>,
    open: &Arc<Open>,
    file: &FileOpen,
    class: FileInformationClass,
    limit_bytes: usize,
) -> StepResult {
    match class {
        FileInformationClass::ALTERNATE_NAME => {
            let path = file.file.0.path();
            let has_generated = open.volume().is_some_and(|volume| volume.identity.options.short_names);
            let name = path.components().last().and_then(|name| alternate_name(name, has_generated));
            let name = name.ok_or(NtStatus::OBJECT_NAME_NOT_FOUND)?;
            reply(cx, limit_bytes, |writer| NameInformation { name: name.as_wtf8() }.encode(writer))
        }
        FileInformationClass::NORMALIZED_NAME if file.stream.is_none() => {
            let name = wire_path(open, file, false);
            reply(cx, limit_bytes, |writer| NameInformation { name: name.as_wtf8() }.encode(writer))
        }
        _ => {
            let op = Op::Streams { file: file.file.clone() };
            let pending = Pending { open: Arc::clone(open), class, limit_bytes };
            Ok(Step::Op(op, super::super::Pending::QueryInfo(Box::new(super::Pending::Names(pending)))))
        }
    }
}

/// Encodes the streams, or the name of one in its stored spelling.
///
/// # Errors
/// What the volume refuses.
pub fn finish(cx: &mut Context<'_>, pending: &Pending, result: OpResult) -> StepResult {
    let streams = result.streams()?;
    if pending.class == FileInformationClass::STREAM {
        return reply_streams(cx, &streams, pending.limit_bytes);
    }
    let file = file_of(&pending.open)?;
    let mut name = path_from_share(&pending.open, file, false);
    if let Some(opened) = &file.stream {
        let stored = streams.iter().find(|entry| eq_ignore_case(entry.name.as_wtf8(), opened.as_wtf8()));
        name.push_ascii(b':');
        name.push(stored.map_or(opened.as_wtf8(), |entry| entry.name.as_wtf8()));
    }
    reply(cx, pending.limit_bytes, |writer| NameInformation { name: name.as_wtf8() }.encode(writer))
}

/// Only whole entries are given.
fn reply_streams(cx: &mut Context<'_>, streams: &[StreamEntry], limit_bytes: usize) -> StepResult {
    let mut cut = false;
    let answered = output_buffer::reply(cx, NtStatus::SUCCESS, |output| {
        let mut chain = ChainWriter::new(output, limit_bytes);
        for stream in streams {
            let mut name = Wtf8Buf::from(":");
            name.push(stream.name.as_wtf8());
            name.push(Wtf8::from(":$DATA"));
            let entry = StreamInformation {
                stream_size: stream.size_bytes,
                stream_allocation_size: stream.allocated_bytes,
                stream_name: name.as_wtf8(),
            };
            if chain.append(&entry) != Append::Written {
                cut = true;
                break;
            }
        }
    });
    if cut { answered.map(|_| Step::Reply(NtStatus::BUFFER_OVERFLOW)) } else { answered }
}

/// The path from the share's root, as a client sees it, with the stream that is open.
pub fn wire_path(open: &Open, file: &FileOpen, leading: bool) -> Wtf8Buf {
    let mut path = path_from_share(open, file, leading);
    if let Some(stream) = &file.stream {
        path.push_ascii(b':');
        path.push(stream.as_wtf8());
    }
    path
}

fn path_from_share(open: &Open, file: &FileOpen, leading: bool) -> Wtf8Buf {
    let path = file.file.0.path();
    // The share's folder may be spelled in another case than on disk: its components are counted, not compared.
    let above = open.tree.disk().map_or(0, |(_, folder)| folder.components().count());
    let mut shown = Wtf8Buf::new();
    for component in path.components().skip(above) {
        if !shown.is_empty() {
            shown.push_ascii(b'/');
        }
        shown.push(component);
    }
    to_wire_path(shown.as_wtf8(), leading)
}

/// The 8.3 name of a file: its own where that is one, or the generated one where the volume has them.
fn alternate_name(name: Wtf8<'_>, has_generated: bool) -> Option<Wtf8Buf> {
    if short_name::is_short_name(name) {
        return Some(name.to_string().to_ascii_uppercase().as_str().into());
    }
    if has_generated { short_name::generated(name) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_names_have_another_one_where_the_volume_gives_them() {
        let shown = |name: &str, has_generated| {
            alternate_name(Wtf8::from(name), has_generated).map(|name| name.to_string())
        };
        assert_eq!(shown("bufsize.txt", false).as_deref(), Some("BUFSIZE.TXT"));
        assert_eq!(shown("a long name.txt", false), None);
        assert!(
            shown("a long name.txt", true).is_some_and(|name| name.contains('~') && name.ends_with(".TXT"))
        );
    }
}
