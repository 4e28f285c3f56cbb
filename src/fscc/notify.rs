//! [MS-FSCC] 2.7 Directory Change Notifications.

use freehold_dtyp::{DecodeError, Reader, Writer, Wtf8, Wtf8Buf};

use super::chain::{ChainDecode, ChainEncode};
use super::layout::{read_length, read_name};
use super::name::write_wire_path;

/// [MS-FSCC] 2.7.1 FILE_NOTIFY_INFORMATION: Action. Open: unknown numbers are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct NotifyAction(pub u32);

impl NotifyAction {
    /// The file was added to the directory.
    pub const ADDED: NotifyAction = NotifyAction(1);
    /// The file was removed from the directory.
    pub const REMOVED: NotifyAction = NotifyAction(2);
    /// The file was changed.
    pub const MODIFIED: NotifyAction = NotifyAction(3);
    /// The file was renamed; this is the old name.
    pub const RENAMED_OLD_NAME: NotifyAction = NotifyAction(4);
    /// The file was renamed; this is the new name.
    pub const RENAMED_NEW_NAME: NotifyAction = NotifyAction(5);
    /// A named stream was added.
    pub const ADDED_STREAM: NotifyAction = NotifyAction(6);
    /// A named stream was removed.
    pub const REMOVED_STREAM: NotifyAction = NotifyAction(7);
    /// A named stream was changed.
    pub const MODIFIED_STREAM: NotifyAction = NotifyAction(8);
    /// An object id was removed with its file.
    pub const REMOVED_BY_DELETE: NotifyAction = NotifyAction(9);
    /// An object id was not tunnelled.
    pub const ID_NOT_TUNNELLED: NotifyAction = NotifyAction(10);
    /// An object id was there already.
    pub const TUNNELLED_ID_COLLISION: NotifyAction = NotifyAction(11);
}

bitflags::bitflags! {
    /// [MS-SMB2] 2.2.35 SMB2 CHANGE_NOTIFY Request: CompletionFilter.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    pub struct CompletionFilter: u32 {
        /// Files added, removed and renamed.
        const FILE_NAME = 0x0000_0001;
        /// Directories added, removed and renamed.
        const DIR_NAME = 0x0000_0002;
        /// Attributes.
        const ATTRIBUTES = 0x0000_0004;
        /// Size.
        const SIZE = 0x0000_0008;
        /// Time of the last write.
        const LAST_WRITE = 0x0000_0010;
        /// Time of the last access.
        const LAST_ACCESS = 0x0000_0020;
        /// Time of creation.
        const CREATION = 0x0000_0040;
        /// Extended attributes.
        const EA = 0x0000_0080;
        /// Security descriptor.
        const SECURITY = 0x0000_0100;
        /// Named streams added, removed and renamed.
        const STREAM_NAME = 0x0000_0200;
        /// Sizes of named streams.
        const STREAM_SIZE = 0x0000_0400;
        /// Writes to named streams.
        const STREAM_WRITE = 0x0000_0800;

        const _ = !0;
    }
}

impl CompletionFilter {
    /// Every filter that is defined.
    pub const DEFINED: CompletionFilter = CompletionFilter::from_bits_retain(0x0FFF);
}

/// [MS-FSCC] 2.7.1 FILE_NOTIFY_INFORMATION: one change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotifyInformation<N> {
    /// What happened.
    pub action: NotifyAction,
    /// Path from the watched directory, components separated by `/` here and by a backslash on the wire.
    pub file_name: N,
}

impl<N> NotifyInformation<N> {
    /// Bytes in front of the name: NextEntryOffset (4), Action (4), FileNameLength (4).
    pub const FIXED_SIZE: usize = 12;
}

impl ChainEncode for NotifyInformation<Wtf8<'_>> {
    const ALIGNMENT: usize = 4;

    fn size(&self) -> usize {
        self.file_name.utf16_length().saturating_mul(2).saturating_add(Self::FIXED_SIZE)
    }

    fn write(&self, writer: &mut Writer) {
        writer.u32(self.action.0);
        let place = writer.position();
        writer.u32(0);
        let length = write_wire_path(writer, self.file_name);
        writer.patch_u32(place, length);
    }
}

impl<'a> ChainDecode<'a> for NotifyInformation<Wtf8Buf> {
    const MINIMUM_SIZE: usize = Self::FIXED_SIZE;
    const ALIGNMENT: usize = 4;

    fn read(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let action = NotifyAction(reader.u32("Action")?);
        let length = read_length(reader, "FileNameLength")?;
        let wire = read_name(reader, "FileName", length)?;
        let units = wire.as_wtf8().utf16();
        let file_name = Wtf8Buf::from_utf16(
            units.map(|unit| if unit == u16::from(b'\\') { u16::from(b'/') } else { unit }),
            length,
        );
        Ok(NotifyInformation { action, file_name })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fscc::{Append, ChainEntries, ChainWriter};
    use proptest::prelude::*;

    #[test]
    fn a_rename_is_two_entries_aligned_to_four() {
        let mut output = Vec::new();
        let mut chain = ChainWriter::new(&mut output, 100);
        for (action, name) in [(NotifyAction::RENAMED_OLD_NAME, "d/a"), (NotifyAction::RENAMED_NEW_NAME, "b")]
        {
            assert_eq!(
                chain.append(&NotifyInformation { action, file_name: Wtf8::from(name) }),
                Append::Written
            );
        }
        #[rustfmt::skip]
        assert_eq!(output, [
            20, 0, 0, 0, 4, 0, 0, 0, 6, 0, 0, 0, b'd', 0, b'\\', 0, b'a', 0, 0, 0,
            0, 0, 0, 0, 5, 0, 0, 0, 2, 0, 0, 0, b'b', 0,
        ]);
    }

    proptest! {
        #[test]
        fn changes_round_trip(changes in prop::collection::vec((1u32..12, "[a-zé/]{1,20}"), 0..6)) {
            let mut output = Vec::new();
            let mut chain = ChainWriter::new(&mut output, 1 << 16);
            for (action, name) in &changes {
                let change = NotifyInformation { action: NotifyAction(*action), file_name: Wtf8::from(name.as_str()) };
                prop_assert_eq!(chain.append(&change), Append::Written);
            }
            let read: Vec<_> = ChainEntries::<NotifyInformation<Wtf8Buf>>::new(&output)
                .map(|change| change.map(|c| (c.action.0, c.file_name.to_string())).unwrap()).collect();
            prop_assert_eq!(read, changes);
        }
    }
}
