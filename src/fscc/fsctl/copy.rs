//! Copies inside the server: [MS-SMB2] 2.2.31.1, 2.2.32.1, 2.2.32.3 and [MS-FSCC] 2.3
//! FSCTL_DUPLICATE_EXTENTS_TO_FILE and its extended form.

use freehold_dtyp::{Decode, DecodeError, Encode, Reader, Writer};

use crate::fscc::layout::{read_length, wire_struct};

wire_struct! {
    /// [MS-SMB2] 2.2.31.1.1 SRV_COPYCHUNK.
    pub struct CopyChunk {
        /// Where to read in bytes.
        source_offset: u64 = "SourceOffset";
        /// Where to write in bytes.
        target_offset: u64 = "TargetOffset";
        /// How many bytes.
        length: u32 = "Length", reserved 4;
    }
}

/// [MS-SMB2] 2.2.31.1 SRV_COPYCHUNK_COPY.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CopyChunkCopy<'a> {
    /// From an SRV_REQUEST_RESUME_KEY reply.
    pub source_key: [u8; 24],
    /// The chunks in wire form.
    chunks: &'a [[u8; CopyChunk::FIXED_SIZE]],
}

impl<'a> CopyChunkCopy<'a> {
    /// Bytes in front of the chunks: SourceKey (24), ChunkCount (4), Reserved (4).
    pub const FIXED_SIZE: usize = 32;

    /// Number of chunks; it is not limited here.
    #[must_use]
    pub const fn count(&self) -> usize {
        self.chunks.len()
    }

    /// The chunks in order.
    pub fn chunks(&self) -> impl Iterator<Item = CopyChunk> + 'a {
        // A chunk has a fixed size and no value that is refused: none is ever left out.
        self.chunks.iter().filter_map(|bytes| CopyChunk::from_bytes(bytes).ok())
    }
}

impl<'a> Decode<'a> for CopyChunkCopy<'a> {
    fn decode(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let source_key = reader.array("SourceKey")?;
        let count = read_length(reader, "ChunkCount")?;
        reader.skip("Reserved", 4)?;
        let chunks = reader.bytes("Chunks", count.saturating_mul(CopyChunk::FIXED_SIZE))?;
        Ok(CopyChunkCopy { source_key, chunks: chunks.as_chunks().0 })
    }
}

/// Appends [MS-SMB2] 2.2.31.1 SRV_COPYCHUNK_COPY: the client's side.
pub fn encode_copy_chunk_copy(source_key: [u8; 24], chunks: &[CopyChunk], writer: &mut Writer) {
    writer.bytes(&source_key);
    writer.u32(u32::try_from(chunks.len()).unwrap_or(u32::MAX));
    writer.zeros(4);
    for chunk in chunks {
        chunk.encode(writer);
    }
}

wire_struct! {
    /// [MS-SMB2] 2.2.32.1 SRV_COPYCHUNK_RESPONSE. With INVALID_PARAMETER it holds the server's limits
    /// instead.
    pub struct CopyChunkResponse {
        /// Chunks written; or most chunks in a request.
        chunks_written: u32 = "ChunksWritten";
        /// Bytes written of the last chunk, if it failed; or most bytes in a chunk.
        chunk_bytes_written: u32 = "ChunkBytesWritten";
        /// Bytes written in all; or most bytes in a request.
        total_bytes_written: u32 = "TotalBytesWritten";
    }
}

wire_struct! {
    /// [MS-SMB2] 2.2.32.3 SRV_REQUEST_RESUME_KEY Response. Windows sends four bytes of empty context behind
    /// ContextLength.
    pub struct ResumeKeyResponse {
        /// Names the open in SRV_COPYCHUNK_COPY.
        resume_key: [u8; 24] = "ResumeKey";
        /// Zero.
        context_length: u32 = "ContextLength", reserved 4;
    }
}

wire_struct! {
    /// [MS-FSCC] 2.3 SMB2_DUPLICATE_EXTENTS_DATA.
    pub struct DuplicateExtents {
        /// Persistent half of the source's FileId.
        source_persistent: u64 = "SourceFileID";
        /// Volatile half of the source's FileId.
        source_volatile: u64 = "SourceFileID";
        /// Where the source begins in bytes.
        source_file_offset: i64 = "SourceFileOffset";
        /// Where the target begins in bytes.
        target_file_offset: i64 = "TargetFileOffset";
        /// How many bytes.
        byte_count: i64 = "ByteCount";
    }
}

wire_struct! {
    /// [MS-FSCC] 2.3 SMB2_DUPLICATE_EXTENTS_DATA_EX.
    pub struct DuplicateExtentsEx {
        /// 0x30.
        structure_size: u64 = "StructureSize";
        /// Persistent half of the source's FileId.
        source_persistent: u64 = "SourceFileID";
        /// Volatile half of the source's FileId.
        source_volatile: u64 = "SourceFileID";
        /// Where the source begins in bytes.
        source_file_offset: i64 = "SourceFileOffset";
        /// Where the target begins in bytes.
        target_file_offset: i64 = "TargetFileOffset";
        /// How many bytes.
        byte_count: i64 = "ByteCount";
        /// [`DuplicateExtentsEx::SOURCE_ATOMIC`] or zero.
        flags: u32 = "Flags", reserved 4;
    }
}

impl DuplicateExtentsEx {
    /// What StructureSize must be.
    pub const STRUCTURE_SIZE: u64 = 0x30;
    /// All of the range or nothing.
    pub const SOURCE_ATOMIC: u32 = 1;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fscc::layout::tests::round_trips;
    use proptest::prelude::*;

    #[test]
    fn more_chunks_than_bytes_are_refused() {
        let mut writer = Writer::new();
        encode_copy_chunk_copy(
            [7; 24],
            &[CopyChunk { source_offset: 1, target_offset: 2, length: 3 }],
            &mut writer,
        );
        let mut bytes = writer.into_bytes();
        assert_eq!(bytes.len(), 56);
        let copy = CopyChunkCopy::from_bytes(&bytes).unwrap();
        assert_eq!(
            copy.chunks().collect::<Vec<_>>(),
            [CopyChunk { source_offset: 1, target_offset: 2, length: 3 }]
        );
        bytes[24] = 2;
        assert_eq!(CopyChunkCopy::from_bytes(&bytes).map_err(|e| e.field), Err("Chunks"));
        bytes[24..28].copy_from_slice(&[0xFF; 4]);
        assert_eq!(CopyChunkCopy::from_bytes(&bytes).map_err(|e| e.field), Err("Chunks"));
    }

    proptest! {
        #[test]
        fn copies_round_trip(key: [u8; 24], chunks in prop::collection::vec(any::<(u64, u64, u32)>(), 0..9), n: [u32; 3], d: [i64; 3]) {
            let chunks: Vec<_> = chunks.into_iter()
                .map(|(source_offset, target_offset, length)| CopyChunk { source_offset, target_offset, length }).collect();
            let mut writer = Writer::new();
            encode_copy_chunk_copy(key, &chunks, &mut writer);
            let bytes = writer.into_bytes();
            let copy = CopyChunkCopy::from_bytes(&bytes).unwrap();
            prop_assert_eq!((copy.source_key, copy.count()), (key, chunks.len()));
            prop_assert_eq!(copy.chunks().collect::<Vec<_>>(), chunks);
            round_trips(&CopyChunkResponse { chunks_written: n[0], chunk_bytes_written: n[1], total_bytes_written: n[2] }, 12);
            round_trips(&ResumeKeyResponse { resume_key: key, context_length: n[0] }, 32);
            round_trips(&DuplicateExtents {
                source_persistent: 1, source_volatile: 2, source_file_offset: d[0], target_file_offset: d[1], byte_count: d[2],
            }, 40);
            round_trips(&DuplicateExtentsEx {
                structure_size: DuplicateExtentsEx::STRUCTURE_SIZE, source_persistent: 1, source_volatile: 2,
                source_file_offset: d[0], target_file_offset: d[1], byte_count: d[2], flags: n[0],
            }, 56);
        }
    }
}
