//! [MS-FSCC] 2.4.42 FileRenameInformation, 2.4.43 FileRenameInformationEx, 2.4.28 FileLinkInformation, 2.4
//! FileLinkInformationEx.

use freehold_dtyp::{Decode, DecodeError, Encode, Reader, Writer};

use crate::fscc::layout::read_length;

/// FileRenameInformation and FileLinkInformation, which are alike.
///
/// `Decode` and `Encode` are for type 2 ([MS-FSCC] 2.4.42.2), which SMB2 uses; type 1 is for SMB1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RenameInformation<'a> {
    /// Take the place of a file that has the name.
    pub replace_if_exists: bool,
    /// Must be zero on the wire, else INVALID_PARAMETER.
    pub root_directory: u64,
    /// New path from the share's root, or `:stream`, in UTF-16LE: for [`crate::fscc::ParsedName`].
    pub file_name: &'a [u8],
}

impl<'a> RenameInformation<'a> {
    /// Bytes in front of the name in type 2: ReplaceIfExists (1), Reserved (7), RootDirectory (8),
    /// FileNameLength (4).
    pub const FIXED_SIZE: usize = 20;
    /// Bytes in front of the name in type 1: ReplaceIfExists (1), Reserved (3), RootDirectory (4),
    /// FileNameLength (4).
    pub const FIXED_SIZE_TYPE_1: usize = 12;

    /// [MS-FSCC] 2.4.42.1 FileRenameInformation for SMB1, and of FileLinkInformation.
    ///
    /// # Errors
    /// The first field that does not fit.
    pub fn decode_type_1(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let replace_if_exists = reader.u8("ReplaceIfExists")? != 0;
        reader.skip("Reserved", 3)?;
        let root_directory = u64::from(reader.u32("RootDirectory")?);
        Ok(RenameInformation { replace_if_exists, root_directory, file_name: counted_name(reader)? })
    }

    /// [MS-FSCC] 2.4.42.1 FileRenameInformation for SMB1, and of FileLinkInformation. A root directory does
    /// not fit and is left out.
    pub fn encode_type_1(&self, writer: &mut Writer) {
        writer.u8(u8::from(self.replace_if_exists));
        writer.zeros(3);
        writer.u32(u32::try_from(self.root_directory).unwrap_or_default());
        write_counted(writer, self.file_name);
    }
}

impl<'a> Decode<'a> for RenameInformation<'a> {
    fn decode(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let replace_if_exists = reader.u8("ReplaceIfExists")? != 0;
        reader.skip("Reserved", 7)?;
        let root_directory = reader.u64("RootDirectory")?;
        Ok(RenameInformation { replace_if_exists, root_directory, file_name: counted_name(reader)? })
    }
}

impl Encode for RenameInformation<'_> {
    fn encode(&self, writer: &mut Writer) {
        writer.u8(u8::from(self.replace_if_exists));
        writer.zeros(7);
        writer.u64(self.root_directory);
        write_counted(writer, self.file_name);
    }
}

bitflags::bitflags! {
    /// [MS-FSCC] 2.4.43 FileRenameInformationEx: Flags.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    pub struct RenameFlags: u32 {
        /// Take the place of a file that has the name.
        const REPLACE_IF_EXISTS = 0x0000_0001;
        /// Even of one that is open.
        const POSIX_SEMANTICS = 0x0000_0002;
        /// Do not inherit from the new directory.
        const SUPPRESS_PIN_STATE_INHERITANCE = 0x0000_0004;
        /// Keep the storage reserve.
        const SUPPRESS_STORAGE_RESERVE_INHERITANCE = 0x0000_0008;
        /// No available space is made.
        const NO_INCREASE_AVAILABLE_SPACE = 0x0000_0010;
        /// No available space is taken.
        const NO_DECREASE_AVAILABLE_SPACE = 0x0000_0020;
        /// Replace a read-only file too.
        const IGNORE_READONLY_ATTRIBUTE = 0x0000_0040;

        const _ = !0;
    }
}

/// [MS-FSCC] 2.4.43 FileRenameInformationEx and 2.4 FileLinkInformationEx.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RenameExInformation<'a> {
    /// How.
    pub flags: RenameFlags,
    /// Must be zero on the wire, else INVALID_PARAMETER.
    pub root_directory: u64,
    /// As in [`RenameInformation`].
    pub file_name: &'a [u8],
}

impl RenameExInformation<'_> {
    /// Bytes in front of the name: Flags (4), Reserved (4), RootDirectory (8), FileNameLength (4).
    pub const FIXED_SIZE: usize = 20;
}

impl<'a> Decode<'a> for RenameExInformation<'a> {
    fn decode(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let flags = RenameFlags::from_bits_retain(reader.u32("Flags")?);
        reader.skip("Reserved", 4)?;
        let root_directory = reader.u64("RootDirectory")?;
        Ok(RenameExInformation { flags, root_directory, file_name: counted_name(reader)? })
    }
}

impl Encode for RenameExInformation<'_> {
    fn encode(&self, writer: &mut Writer) {
        writer.u32(self.flags.bits());
        writer.zeros(4);
        writer.u64(self.root_directory);
        write_counted(writer, self.file_name);
    }
}

fn counted_name<'a>(reader: &mut Reader<'a>) -> Result<&'a [u8], DecodeError> {
    let length = read_length(reader, "FileNameLength")?;
    reader.bytes("FileName", length)
}

fn write_counted(writer: &mut Writer, name: &[u8]) {
    writer.u32(u32::try_from(name.len()).unwrap_or(u32::MAX));
    writer.bytes(name);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_two_types_have_the_layout_of_the_specification() {
        let rename = RenameInformation { replace_if_exists: true, root_directory: 0, file_name: b"b\0" };
        let type_2 = [1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, b'b', 0];
        assert_eq!(rename.to_bytes(), type_2);
        assert_eq!(RenameInformation::from_bytes(&type_2), Ok(rename));
        let mut writer = Writer::new();
        rename.encode_type_1(&mut writer);
        let type_1 = [1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, b'b', 0];
        assert_eq!(writer.as_slice(), type_1);
        assert_eq!(RenameInformation::decode_type_1(&mut Reader::new(&type_1)), Ok(rename));
    }

    #[test]
    fn a_name_longer_than_the_buffer_is_cut_short() {
        let mut bytes = RenameInformation { file_name: b"a\0b\0", ..RenameInformation::default() }.to_bytes();
        bytes.pop();
        assert_eq!(RenameInformation::from_bytes(&bytes).map_err(|e| e.field), Err("FileName"));
        assert_eq!(RenameInformation::from_bytes(&bytes[..19]).map_err(|e| e.field), Err("FileNameLength"));
    }

    proptest! {
        #[test]
        fn rename_round_trips(replace: bool, root_directory: u64, flags: u32, name: Vec<u8>) {
            let rename = RenameInformation { replace_if_exists: replace, root_directory, file_name: &name };
            let bytes = rename.to_bytes();
            prop_assert_eq!(RenameInformation::from_bytes(&bytes), Ok(rename));
            let ex = RenameExInformation { flags: RenameFlags::from_bits_retain(flags), root_directory, file_name: &name };
            let bytes = ex.to_bytes();
            prop_assert_eq!(RenameExInformation::from_bytes(&bytes), Ok(ex));
        }
    }
}
