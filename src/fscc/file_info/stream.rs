//! [MS-FSCC] 2.4 FileStreamInformation.

use freehold_dtyp::{DecodeError, Reader, Writer, Wtf8, Wtf8Buf};

use crate::fscc::chain::{ChainDecode, ChainEncode};
use crate::fscc::layout::{read_length, read_name, write_name};

/// [MS-FSCC] 2.4 FileStreamInformation: one stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StreamInformation<N> {
    /// Size in bytes.
    pub stream_size: u64,
    /// Bytes on disk.
    pub stream_allocation_size: u64,
    /// With both colons and the type: `::$DATA`, `:name:$DATA`.
    pub stream_name: N,
}

impl<N> StreamInformation<N> {
    /// Bytes in front of the name: NextEntryOffset (4), StreamNameLength (4), StreamSize (8),
    /// StreamAllocationSize (8).
    pub const FIXED_SIZE: usize = 24;
}

impl ChainEncode for StreamInformation<Wtf8<'_>> {
    const ALIGNMENT: usize = 8;

    fn size(&self) -> usize {
        self.stream_name.utf16_length().saturating_mul(2).saturating_add(Self::FIXED_SIZE)
    }

    fn write(&self, writer: &mut Writer) {
        let length = self.stream_name.utf16_length().saturating_mul(2);
        writer.u32(u32::try_from(length).unwrap_or(u32::MAX));
        writer.u64(self.stream_size);
        writer.u64(self.stream_allocation_size);
        write_name(writer, self.stream_name);
    }
}

impl<'a> ChainDecode<'a> for StreamInformation<Wtf8Buf> {
    const MINIMUM_SIZE: usize = Self::FIXED_SIZE;
    const ALIGNMENT: usize = 8;

    fn read(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let length = read_length(reader, "StreamNameLength")?;
        Ok(StreamInformation {
            stream_size: reader.u64("StreamSize")?,
            stream_allocation_size: reader.u64("StreamAllocationSize")?,
            stream_name: read_name(reader, "StreamName", length)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fscc::{Append, ChainEntries, ChainWriter};
    use proptest::prelude::*;

    #[test]
    fn streams_that_do_not_fit_are_left_out() {
        let stream =
            StreamInformation { stream_size: 1, stream_allocation_size: 8, stream_name: "::$DATA".into() };
        let mut output = Vec::new();
        let mut chain = ChainWriter::new(&mut output, 24 + 14 + 2 + 24 + 13);
        assert_eq!(chain.append(&stream), Append::Written);
        assert_eq!(chain.append(&stream), Append::Full);
        assert_eq!(output.len(), 38);
        assert_eq!(ChainWriter::new(&mut output, 37).append(&stream), Append::FirstTooLarge);
        assert_eq!(output.len(), 38);
    }

    proptest! {
        #[test]
        fn streams_round_trip(streams in prop::collection::vec((any::<u64>(), any::<u64>(), ":[a-zé]{0,20}:\\$DATA"), 0..5)) {
            let mut output = Vec::new();
            let mut chain = ChainWriter::new(&mut output, 1 << 16);
            for (size, allocation, name) in &streams {
                let stream = StreamInformation {
                    stream_size: *size, stream_allocation_size: *allocation, stream_name: Wtf8::from(name.as_str()),
                };
                prop_assert_eq!(chain.append(&stream), Append::Written);
            }
            let read: Vec<_> = ChainEntries::<StreamInformation<Wtf8Buf>>::new(&output)
                .map(|stream| stream.map(|s| (s.stream_size, s.stream_allocation_size, s.stream_name.to_string())).unwrap())
                .collect();
            prop_assert_eq!(read, streams);
        }
    }
}
