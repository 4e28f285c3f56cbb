//! [MS-FSCC] 2.4.2 FileAllInformation.

use freehold_dtyp::{Decode, DecodeError, Encode, Reader, Writer, Wtf8, Wtf8Buf};

use super::{
    AccessInformation, AlignmentInformation, BasicInformation, EaInformation, InternalInformation,
    ModeInformation, NameInformation, PositionInformation, StandardInformation,
};

/// [MS-FSCC] 2.4.2 FileAllInformation: eight classes and the name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AllInformation<N> {
    /// FileBasicInformation.
    pub basic: BasicInformation,
    /// FileStandardInformation.
    pub standard: StandardInformation,
    /// FileInternalInformation.
    pub internal: InternalInformation,
    /// FileEaInformation.
    pub ea: EaInformation,
    /// FileAccessInformation.
    pub access: AccessInformation,
    /// FilePositionInformation.
    pub position: PositionInformation,
    /// FileModeInformation.
    pub mode: ModeInformation,
    /// FileAlignmentInformation.
    pub alignment: AlignmentInformation,
    /// FileNameInformation: from the share's root, with a leading backslash.
    pub name: NameInformation<N>,
}

impl<N> AllInformation<N> {
    /// Bytes in front of the name.
    pub const FIXED_SIZE: usize = 100;
}

impl Encode for AllInformation<Wtf8<'_>> {
    fn encode(&self, writer: &mut Writer) {
        self.basic.encode(writer);
        self.standard.encode(writer);
        self.internal.encode(writer);
        self.ea.encode(writer);
        self.access.encode(writer);
        self.position.encode(writer);
        self.mode.encode(writer);
        self.alignment.encode(writer);
        self.name.encode(writer);
    }
}

impl<'a> Decode<'a> for AllInformation<Wtf8Buf> {
    fn decode(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        Ok(AllInformation {
            basic: Decode::decode(reader)?,
            standard: Decode::decode(reader)?,
            internal: Decode::decode(reader)?,
            ea: Decode::decode(reader)?,
            access: Decode::decode(reader)?,
            position: Decode::decode(reader)?,
            mode: Decode::decode(reader)?,
            alignment: Decode::decode(reader)?,
            name: Decode::decode(reader)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_follows_a_hundred_bytes() {
        let all = AllInformation {
            basic: BasicInformation::default(),
            standard: StandardInformation::default(),
            internal: InternalInformation::default(),
            ea: EaInformation { ea_size: 1 },
            access: AccessInformation { access_flags: 2 },
            position: PositionInformation { current_byte_offset: 3 },
            mode: ModeInformation::default(),
            alignment: AlignmentInformation { alignment_requirement: 4 },
            name: NameInformation { name: Wtf8::from("\\f") },
        };
        let bytes = all.to_bytes();
        assert_eq!(bytes.len(), 104);
        assert_eq!(&bytes[72..92], &[1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(&bytes[92..], &[4, 0, 0, 0, 4, 0, 0, 0, b'\\', 0, b'f', 0]);
        assert_eq!(AllInformation::<Wtf8Buf>::FIXED_SIZE, 100);
        let read = AllInformation::<Wtf8Buf>::from_bytes(&bytes).unwrap();
        assert_eq!(read.name.name, "\\f".into());
    }
}
