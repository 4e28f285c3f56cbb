//! The shape that all Enum methods of [MS-SRVS] and [MS-WKST] share: a level, a container of entries, a resume handle.

use super::fault::Fault;
use super::ndr::{NdrReader, NdrWriter};
use super::win32::Win32;

/// MAX_PREFERRED_LENGTH: all entries in one answer.
const ALL: u32 = u32::MAX;

/// The parameters that all Enum methods end with.
pub(super) struct Enumeration {
    pub(super) level: u32,
    preferred_bytes: u32,
    resume: Option<u32>,
}

/// How entries of one level are written: fixed parts of all entries first, then what their pointers point to.
pub(super) trait Entry {
    /// The fixed part.
    fn fixed(&self, writer: &mut NdrWriter, level: u32);
    /// What the pointers of the fixed part point to, in their order.
    fn referents(&self, writer: &mut NdrWriter, level: u32);
}

/// Reads the container that clients send, which is empty: entries go the other way only.
pub(super) fn empty_container(parameters: &mut NdrReader<'_>) -> Result<(), Fault> {
    if !parameters.pointer("Container")? {
        return Ok(());
    }
    let entries = parameters.u32("EntriesRead")?;
    let buffer = parameters.pointer("Buffer")?;
    let present = if buffer { parameters.u32("Buffer")? } else { 0 };
    if present != 0 || (buffer && entries != 0) { Err(Fault::BAD_STUB_DATA) } else { Ok(()) }
}

impl Enumeration {
    /// Reads InfoStruct, PreferedMaximumLength and ResumeHandle. `levels` are the union's arms.
    pub(super) fn read(parameters: &mut NdrReader<'_>, levels: &[u32]) -> Result<Self, Fault> {
        let level = parameters.u32("Level")?;
        let tag = parameters.u32("Tag")?;
        if tag != level {
            return Err(Fault::BAD_STUB_DATA);
        }
        if !levels.contains(&level) {
            return Err(Fault::INVALID_TAG);
        }
        empty_container(parameters)?;
        let preferred_bytes = parameters.u32("PreferedMaximumLength")?;
        let resume = parameters.optional("ResumeHandle", |reader| reader.u32("ResumeHandle"))?;
        Ok(Enumeration { level, preferred_bytes, resume })
    }

    /// Refuses.
    pub(super) fn refuse(&self, status: Win32) -> NdrWriter {
        let mut writer = self.container_start(0);
        self.finish(&mut writer, 0, self.resume, status);
        writer
    }

    /// Answers with the entries from the resume handle on, as many as the client wants at once, at least one.
    pub(super) fn answer<E: Entry>(&self, entries: &[E]) -> NdrWriter {
        let start = usize::try_from(self.resume.unwrap_or(0)).unwrap_or(usize::MAX).min(entries.len());
        let waiting = entries.get(start..).unwrap_or_default();
        let mut taken = waiting.len();
        if self.preferred_bytes != ALL {
            let mut probe = NdrWriter::new();
            taken = waiting
                .iter()
                .take_while(|entry| {
                    let first = probe.size() == 0;
                    entry.fixed(&mut probe, self.level);
                    entry.referents(&mut probe, self.level);
                    first || u32::try_from(probe.size()).is_ok_and(|size| size <= self.preferred_bytes)
                })
                .count();
        }
        let now = waiting.get(..taken).unwrap_or_default();
        let mut writer = self.container_start(now.len());
        if !now.is_empty() {
            writer.count(now.len());
            for entry in now {
                entry.fixed(&mut writer, self.level);
            }
            for entry in now {
                entry.referents(&mut writer, self.level);
            }
        }
        let complete = taken == waiting.len();
        let next = if complete { 0 } else { u32::try_from(start.saturating_add(taken)).unwrap_or(u32::MAX) };
        let status = if complete { Win32::SUCCESS } else { Win32::MORE_DATA };
        self.finish(&mut writer, waiting.len(), self.resume.map(|_| next), status);
        writer
    }

    fn container_start(&self, entries: usize) -> NdrWriter {
        let mut writer = NdrWriter::new();
        writer.u32(self.level);
        writer.u32(self.level);
        writer.pointer();
        writer.count(entries);
        if entries == 0 {
            writer.null();
        } else {
            writer.pointer();
        }
        writer
    }

    fn finish(&self, writer: &mut NdrWriter, total: usize, resume: Option<u32>, status: Win32) {
        writer.count(total);
        writer.optional_u32(resume);
        writer.u32(status.0);
    }
}
