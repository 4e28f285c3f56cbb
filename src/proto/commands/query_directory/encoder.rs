//! Filters entries of a listing and encodes them straight into the reply, in the classes of [MS-FSCC] 2.4 and in that of the
//! SMB3 POSIX Extensions.

use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

use freehold_acl::SecurityDescriptor;
use freehold_dtyp::{Writer, Wtf8, Wtf8Buf};

use super::super::super::buffer::HEADROOM_BYTES;
use super::super::super::context::{Context, file_of};
use super::super::super::held_times::HeldTimes;
use super::super::super::node::NodeKey;
use super::super::super::op::{ListVisitor, VolumeId, VolumeRef};
use super::super::super::open::FileOpen;
use super::super::super::posix::{self, Ownership};
use super::super::super::status::CommandError;
use super::super::output_buffer;
use super::Pending;
use crate::fscc::directory::ShortName;
use crate::fscc::posix::PosixDirectoryWriter;
use crate::fscc::posix_name::to_posix_name;
use crate::fscc::short_name::generated;
use crate::fscc::{Append, DirectoryEntry, DirectoryWriter, FileAttributes, FileInformationClass, Pattern};
use crate::vfs::{Metadata, VolumeIdentity};

/// How entries are encoded.
enum Output {
    /// In a class of [MS-FSCC].
    Class(DirectoryWriter<Vec<u8>>),
    /// In that of the POSIX extensions.
    Posix(PosixOutput),
}

/// What holds LastWriteTimes back while a volume is listed.
struct Held {
    times: Arc<HeldTimes>,
    volume: VolumeId,
    now: Duration,
}

impl Held {
    /// The metadata to show, where it is another.
    fn shown(&self, metadata: &Metadata) -> Option<Metadata> {
        let key = NodeKey { volume: self.volume, id: metadata.id };
        let modified = self.times.shown(key, self.now)?;
        Some(Metadata { modified, ..metadata.clone() })
    }
}

/// The POSIX class, which tells what is in descriptors.
struct PosixOutput {
    writer: PosixDirectoryWriter,
    device_id: u32,
    /// The last descriptor and what it says: neighbours mostly have the same.
    known: Option<(Arc<SecurityDescriptor>, Ownership)>,
}

impl PosixOutput {
    fn append(
        &mut self,
        name: Wtf8<'_>,
        metadata: &Metadata,
        security: &Arc<SecurityDescriptor>,
        has_id: bool,
    ) -> Append {
        let owned = match &self.known {
            Some((known, owned)) if Arc::ptr_eq(known, security) => *owned,
            _ => {
                let owned = Ownership::of(security);
                self.known = Some((Arc::clone(security), owned));
                owned
            }
        };
        let mut information = posix::information(metadata, owned, self.device_id);
        if !has_id {
            information.inode = 0;
        }
        self.writer.append(name, &information)
    }
}

/// Filters and encodes entries. It owns the reply's buffer meanwhile.
pub(super) struct Encoder {
    output: Output,
    pattern: Pattern,
    /// The listing is of a POSIX open: names are POSIX names, case counts.
    posix: bool,
    single: bool,
    /// Not even the first entry fitted.
    too_large: bool,
    /// Where the reply's body starts in the writer's output; `None` when the output is a buffer of its own.
    body_start: Option<usize>,
    /// The volume, where its options change how names are shown or found.
    volume: Option<Arc<VolumeIdentity>>,
    /// LastWriteTimes that are held back, where the volume shows them late.
    held: Option<Held>,
}

impl Encoder {
    /// True for the classes that list the directory of this open.
    pub(super) fn serves(class: FileInformationClass, file: &FileOpen) -> bool {
        (class == FileInformationClass::POSIX && file.posix)
            || DirectoryWriter::new(class, Vec::new(), 0).is_some()
    }

    /// Takes over the reply's buffer.
    pub(super) fn new(
        cx: &mut Context<'_>,
        pending: &Pending,
        pattern: Pattern,
    ) -> Result<Box<Self>, CommandError> {
        // Replies before this one in the buffer may have to be sent while the listing runs: then it stays in place.
        let body_start = (cx.header_start == HEADROOM_BYTES).then(|| output_buffer::reserve(cx));
        let output = match body_start {
            Some(_) => cx.out.write(|writer| std::mem::take(writer).into_bytes()),
            None => Vec::new(),
        };
        let wanted = pending.wanted;
        let output = if wanted.class == FileInformationClass::POSIX {
            let device_id = pending.open.volume().map_or(0, |volume| volume.identity.serial);
            let writer = PosixDirectoryWriter::new(output, wanted.limit_bytes);
            Output::Posix(PosixOutput { writer, device_id, known: None })
        } else {
            let writer = DirectoryWriter::new(wanted.class, output, wanted.limit_bytes)
                .ok_or(CommandError::Internal("a class that lists no directory"))?;
            Output::Class(writer)
        };
        let posix = file_of(&pending.open)?.posix;
        let matters = |volume: &&VolumeRef| {
            let options = &volume.identity.options;
            !posix && (options.short_names || !options.hidden_names.is_empty())
        };
        let volume = pending.open.volume().filter(matters).map(|volume| Arc::clone(&volume.identity));
        let delays = |volume: &&VolumeRef| volume.identity.options.delayed_write_times;
        let held = pending.open.volume().filter(delays).map(|volume| Held {
            times: Arc::clone(&cx.server.held_times),
            volume: volume.id,
            now: cx.now.monotonic,
        });
        let single = wanted.single;
        Ok(Box::new(Encoder { output, pattern, posix, single, too_large: false, body_start, volume, held }))
    }

    /// Puts what was written into the reply.
    pub(super) fn give_back(self, cx: &mut Context<'_>) {
        let output = match self.output {
            Output::Class(writer) => writer.into_output(),
            Output::Posix(posix) => posix.writer.into_output(),
        };
        let body_start = match self.body_start {
            Some(body_start) => {
                cx.out.write(|writer| *writer = Writer::from_vec(output));
                body_start
            }
            None => {
                let body_start = output_buffer::reserve(cx);
                cx.out.append(&output);
                body_start
            }
        };
        output_buffer::finish(cx, body_start);
    }

    /// Entries written.
    pub(super) fn count(&self) -> usize {
        match &self.output {
            Output::Class(writer) => writer.count(),
            Output::Posix(posix) => posix.writer.count(),
        }
    }

    /// Not even the first entry fitted.
    pub(super) fn too_large(&self) -> bool {
        self.too_large
    }

    /// One more entry may be given.
    pub(super) fn has_room(&self) -> bool {
        !self.single || self.count() == 0
    }

    /// The pattern lets the name through, or the 8.3 name of the file ([MS-FSA] 2.1.5.6.3.1).
    #[inline]
    pub(super) fn matches(&self, name: Wtf8<'_>) -> bool {
        match self.pattern.literal() {
            Some(literal) if self.posix => literal == name,
            _ if self.pattern.matches(name) => true,
            _ => self.short_name(name).is_some_and(|short| self.pattern.matches(short.as_wtf8())),
        }
    }

    /// The 8.3 name of a file with a long name, where the volume gives them.
    fn short_name(&self, name: Wtf8<'_>) -> Option<Wtf8Buf> {
        self.volume.as_ref().filter(|volume| volume.options.short_names).and_then(|_| generated(name))
    }

    /// What the volume's options make of an entry.
    fn shown(&self, name: Wtf8<'_>, metadata: &Metadata) -> (FileAttributes, ShortName) {
        let Some(volume) = &self.volume else { return (metadata.attributes, ShortName::NONE) };
        let short_name = self.short_name(name).and_then(|short| ShortName::new(short.as_wtf8()));
        (volume.options.shown(metadata.attributes, Some(name)), short_name.unwrap_or(ShortName::NONE))
    }

    /// Takes an entry that matches; false when it must come first in the next reply.
    #[inline]
    pub(super) fn add(
        &mut self,
        name: Wtf8<'_>,
        metadata: &Metadata,
        security: Option<&Arc<SecurityDescriptor>>,
        has_id: bool,
    ) -> bool {
        if !self.matches(name) {
            return true;
        }
        if !self.has_room() {
            return false;
        }
        let held = self.held.as_ref().and_then(|held| held.shown(metadata));
        let metadata = held.as_ref().unwrap_or(metadata);
        let shown = self.shown(name, metadata);
        let posix_name = self.posix.then(|| to_posix_name(name));
        let name = posix_name.as_ref().map_or(name, |shown| shown.as_wtf8());
        let appended = match (&mut self.output, security) {
            (Output::Class(writer), _) => append_class(writer, name, metadata, shown, has_id),
            (Output::Posix(posix), Some(security)) => posix.append(name, metadata, security, has_id),
            // INVARIANT: a listing in the POSIX class is made with descriptors.
            (Output::Posix(_), None) => Append::Full,
        };
        match appended {
            Append::Written => true,
            Append::Full => false,
            Append::FirstTooLarge => {
                self.too_large = true;
                false
            }
        }
    }
}

#[inline]
fn append_class(
    writer: &mut DirectoryWriter<Vec<u8>>,
    name: Wtf8<'_>,
    metadata: &Metadata,
    (attributes, short_name): (FileAttributes, ShortName),
    has_id: bool,
) -> Append {
    writer.append(&DirectoryEntry {
        name,
        creation_time: metadata.created,
        last_access_time: metadata.accessed,
        last_write_time: metadata.modified,
        change_time: metadata.changed,
        end_of_file: metadata.size_bytes,
        allocation_size: metadata.allocated_bytes,
        file_attributes: attributes.normalized(),
        ea_size: metadata.ea_size_bytes,
        reparse_tag: metadata.reparse_tag,
        file_id: if has_id { metadata.id.0 } else { 0 },
        file_id_128: if has_id { metadata.id.to_128() } else { [0; 16] },
        short_name,
        file_index: 0,
    })
}

impl ListVisitor for Encoder {
    fn visit(&mut self, name: Wtf8<'_>, metadata: &Metadata) -> bool {
        self.add(name, metadata, None, true)
    }

    fn wants_security(&self) -> bool {
        matches!(self.output, Output::Posix(_))
    }

    fn visit_secured(
        &mut self,
        name: Wtf8<'_>,
        metadata: &Metadata,
        security: &Arc<SecurityDescriptor>,
    ) -> bool {
        self.add(name, metadata, Some(security), true)
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any + Send> {
        self
    }
}
