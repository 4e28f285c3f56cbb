//! Lists whose entries begin with NextEntryOffset, the distance to the next one and zero in the last:
//! streams, extended attributes, quotas, links, changes. (Directory listings have a writer of their own for
//! speed.)

use core::marker::PhantomData;

use freehold_dtyp::{DecodeError, DecodeReason, Reader, Writer};

use super::directory::Append;

/// An entry that can be written.
pub trait ChainEncode {
    /// Entries begin at multiples of this, counted from the first.
    const ALIGNMENT: usize;
    /// Bytes of this entry with NextEntryOffset, without padding.
    fn size(&self) -> usize;
    /// Appends what follows NextEntryOffset.
    fn write(&self, writer: &mut Writer);
}

/// An entry that can be read.
pub trait ChainDecode<'a>: Sized {
    /// Bytes an entry has at least, NextEntryOffset included.
    const MINIMUM_SIZE: usize;
    /// What NextEntryOffset must be a multiple of.
    const ALIGNMENT: usize;
    /// Reads what follows NextEntryOffset. The reader ends where the next entry begins.
    ///
    /// # Errors
    /// The first field that does not fit.
    fn read(reader: &mut Reader<'a>) -> Result<Self, DecodeError>;
}

/// Writes entries up to an output limit.
#[derive(Debug)]
pub struct ChainWriter<'o> {
    output: &'o mut Vec<u8>,
    start: usize,
    end: usize,
    last: Option<usize>,
}

impl<'o> ChainWriter<'o> {
    /// Writes at the end of `output` and at most `limit_bytes`.
    #[must_use]
    pub fn new(output: &'o mut Vec<u8>, limit_bytes: usize) -> Self {
        let start = output.len();
        ChainWriter { output, start, end: start.saturating_add(limit_bytes), last: None }
    }

    /// Appends an entry, or leaves the output as it was.
    pub fn append<E: ChainEncode>(&mut self, entry: &E) -> Append {
        let used = self.output.len().saturating_sub(self.start);
        let entry_start = self.start.saturating_add(used.next_multiple_of(E::ALIGNMENT));
        if entry_start.saturating_add(entry.size()) > self.end {
            return if self.last.is_none() { Append::FirstTooLarge } else { Append::Full };
        }
        let mut writer = Writer::from_vec(core::mem::take(self.output));
        writer.zeros(entry_start.saturating_sub(writer.position()));
        if let Some(last) = self.last.replace(entry_start) {
            writer.patch_u32(last, entry_start.saturating_sub(last));
        }
        writer.u32(0);
        entry.write(&mut writer);
        debug_assert_eq!(writer.position(), entry_start.saturating_add(entry.size()));
        *self.output = writer.into_bytes();
        Append::Written
    }

    /// Bytes written, without padding behind the last entry.
    #[must_use]
    pub fn length_bytes(&self) -> usize {
        self.output.len().saturating_sub(self.start)
    }
}

/// Reads entries. Ends after the first error.
#[derive(Clone, Debug)]
pub struct ChainEntries<'a, E> {
    chain: Chain<'a>,
    entry: PhantomData<E>,
}

impl<'a, E: ChainDecode<'a>> ChainEntries<'a, E> {
    /// No entries where `bytes` is empty.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        ChainEntries { chain: Chain::new(bytes, E::MINIMUM_SIZE, E::ALIGNMENT), entry: PhantomData }
    }
}

impl<'a, E: ChainDecode<'a>> Iterator for ChainEntries<'a, E> {
    type Item = Result<E, DecodeError>;

    fn next(&mut self) -> Option<Self::Item> {
        let entry = self.chain.next()?.and_then(|bytes| {
            let mut reader = Reader::new(bytes);
            reader.skip("NextEntryOffset", 4)?;
            E::read(&mut reader)
        });
        if entry.is_err() {
            self.chain.end();
        }
        Some(entry)
    }
}

/// The bytes of each entry, up to the next.
#[derive(Clone, Debug)]
pub(super) struct Chain<'a> {
    rest: &'a [u8],
    /// Where `rest` begins, for errors.
    position: usize,
    ended: bool,
    minimum: usize,
    alignment: usize,
}

impl<'a> Chain<'a> {
    pub(super) fn new(bytes: &'a [u8], minimum: usize, alignment: usize) -> Self {
        Chain { rest: bytes, position: 0, ended: bytes.is_empty(), minimum, alignment }
    }

    /// Gives no further entry.
    pub(super) const fn end(&mut self) {
        self.ended = true;
    }

    fn entry(&mut self) -> Result<&'a [u8], DecodeReason> {
        let next = self.rest.first_chunk::<4>().ok_or(DecodeReason::Truncated)?;
        let next = usize::try_from(u32::from_le_bytes(*next)).map_err(|_| DecodeReason::OutOfBounds)?;
        let entry = if next == 0 {
            self.ended = true;
            self.rest
        } else if next < self.minimum || next & self.alignment.saturating_sub(1) != 0 {
            // One that stands still or goes back would never end.
            return Err(DecodeReason::Invalid);
        } else {
            let (entry, rest) = self.rest.split_at_checked(next).ok_or(DecodeReason::OutOfBounds)?;
            self.rest = rest;
            self.position = self.position.saturating_add(next);
            entry
        };
        if entry.len() < self.minimum { Err(DecodeReason::Truncated) } else { Ok(entry) }
    }
}

impl<'a> Iterator for Chain<'a> {
    type Item = Result<&'a [u8], DecodeError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let offset = self.position;
        let entry = self.entry();
        self.ended |= entry.is_err();
        Some(entry.map_err(|reason| DecodeError { field: "NextEntryOffset", reason, offset }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_that_do_not_lead_on_are_refused() {
        let entries = |next: u32, length: usize| {
            let mut bytes = vec![0; length];
            bytes[..4].copy_from_slice(&next.to_le_bytes());
            let chain = Chain::new(&bytes, 8, 4);
            chain.map(|entry| entry.map(<[u8]>::len).map_err(|e| e.reason)).collect::<Vec<_>>()
        };
        use DecodeReason::{Invalid, OutOfBounds, Truncated};
        assert_eq!(entries(0, 16), [Ok(16)]);
        assert_eq!(entries(8, 16), [Ok(8), Ok(8)]);
        assert_eq!(entries(4, 16), [Err(Invalid)]);
        assert_eq!(entries(9, 32), [Err(Invalid)]);
        assert_eq!(entries(32, 16), [Err(OutOfBounds)]);
        assert_eq!(entries(16, 16), [Ok(16), Err(Truncated)]);
        assert_eq!(entries(12, 16), [Ok(12), Err(Truncated)]);
        assert_eq!(entries(0, 4), [Err(Truncated)]);
        assert!(Chain::new(&[], 8, 4).next().is_none());
    }
}
