//! [MS-FSCC] 2.1.7 FILE_NAME_INFORMATION and the classes that use it: FileNameInformation,
//! FileAlternateNameInformation, FileNormalizedNameInformation, FileShortNameInformation; 2.4
//! FileHardLinkInformation.

use freehold_dtyp::{Decode, DecodeError, Encode, Reader, Writer, Wtf8, Wtf8Buf};

use crate::fscc::chain::{ChainDecode, ChainEncode};
use crate::fscc::layout::{read_length, read_name, write_counted_name, write_name};

/// [MS-FSCC] 2.1.7 FILE_NAME_INFORMATION.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NameInformation<N> {
    /// A path or a name, as the class demands.
    pub name: N,
}

impl<N> NameInformation<N> {
    /// Bytes in front of the name.
    pub const FIXED_SIZE: usize = 4;
}

impl Encode for NameInformation<Wtf8<'_>> {
    fn encode(&self, writer: &mut Writer) {
        write_counted_name(writer, self.name);
    }
}

impl<'a> Decode<'a> for NameInformation<Wtf8Buf> {
    fn decode(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let length = read_length(reader, "FileNameLength")?;
        Ok(NameInformation { name: read_name(reader, "FileName", length)? })
    }
}

/// [MS-FSCC] 2.4 FILE_LINK_ENTRY_INFORMATION.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LinkEntry<N> {
    /// File id of the directory.
    pub parent_file_id: i64,
    /// Name there.
    pub name: N,
}

impl ChainEncode for LinkEntry<Wtf8<'_>> {
    const ALIGNMENT: usize = 8;

    fn size(&self) -> usize {
        // NextEntryOffset, ParentFileId (8-byte aligned), FileNameLength
        self.name.utf16_length().saturating_mul(2).saturating_add(20)
    }

    fn write(&self, writer: &mut Writer) {
        writer.u32(0); // padding in front of the 8-byte field
        writer.i64(self.parent_file_id);
        let units = u32::try_from(self.name.utf16_length()).unwrap_or(u32::MAX);
        writer.u32(units); // in characters, unlike every other length
        write_name(writer, self.name);
    }
}

impl<'a> ChainDecode<'a> for LinkEntry<Wtf8Buf> {
    const MINIMUM_SIZE: usize = 20;
    const ALIGNMENT: usize = 8;

    fn read(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        reader.skip("Padding", 4)?;
        let parent_file_id = reader.i64("ParentFileId")?;
        let length = read_length(reader, "FileNameLength")?.saturating_mul(2);
        Ok(LinkEntry { parent_file_id, name: read_name(reader, "FileName", length)? })
    }
}

/// Appends [MS-FSCC] 2.4 FileHardLinkInformation with every name of the file.
pub fn encode_hard_links(links: &[LinkEntry<Wtf8<'_>>], output: &mut Vec<u8>) {
    let start = output.len();
    output.extend_from_slice(&[0; 8]);
    let mut chain = crate::fscc::ChainWriter::new(output, usize::MAX);
    for link in links {
        let _ = chain.append(link); // there is no limit to reach
    }
    let needed = u32::try_from(output.len().saturating_sub(start)).unwrap_or(u32::MAX).to_le_bytes();
    let count = u32::try_from(links.len()).unwrap_or(u32::MAX).to_le_bytes();
    if let Some(head) = output.get_mut(start..).and_then(|tail| tail.first_chunk_mut::<8>()) {
        let [n0, n1, n2, n3] = needed;
        let [c0, c1, c2, c3] = count;
        *head = [n0, n1, n2, n3, c0, c1, c2, c3];
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fscc::ChainEntries;
    use proptest::prelude::*;

    #[test]
    fn a_name_with_an_odd_length_is_refused() {
        assert!(NameInformation::<Wtf8Buf>::from_bytes(&[1, 0, 0, 0, b'a']).is_err());
        assert!(NameInformation::<Wtf8Buf>::from_bytes(&[4, 0, 0, 0, b'a', 0]).is_err());
    }

    #[test]
    fn hard_links_are_counted_in_characters() {
        let mut output = Vec::new();
        encode_hard_links(
            &[
                LinkEntry { parent_file_id: 5, name: "ab".into() },
                LinkEntry { parent_file_id: 6, name: "c".into() },
            ],
            &mut output,
        );
        assert_eq!(&output[..8], &[54, 0, 0, 0, 2, 0, 0, 0]);
        assert_eq!(
            &output[8..32],
            &[24, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, b'a', 0, b'b', 0]
        );
        let read: Vec<_> =
            ChainEntries::<LinkEntry<Wtf8Buf>>::new(&output[8..]).map(Result::unwrap).collect();
        assert_eq!(read[1], LinkEntry { parent_file_id: 6, name: "c".into() });
    }

    proptest! {
        #[test]
        fn names_round_trip(units: Vec<u16>) {
            let name = Wtf8Buf::from_utf16(units.iter().copied(), 0);
            let bytes = NameInformation { name: name.as_wtf8() }.to_bytes();
            prop_assert_eq!(bytes.len(), 4 + units.len() * 2);
            prop_assert_eq!(NameInformation::from_bytes(&bytes), Ok(NameInformation { name }));
        }

        #[test]
        fn long_ascii_names_round_trip(text in "[a-z]{0,300}") {
            let bytes = NameInformation { name: text.as_str().into() }.to_bytes();
            prop_assert_eq!(NameInformation::from_bytes(&bytes), Ok(NameInformation { name: text.into() }));
        }
    }
}
