//! [MS-FSCC] 2.4 File Information Classes and 2.5 File System Information Classes: the numbers.

/// A file information class: [MS-FSCC] 2.4. Open: unknown numbers are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FileInformationClass(pub u8);

macro_rules! classes {
    ($ty:ident { $($name:ident = $value:literal $(, fixed $fixed:literal)? $(, set $set:literal)?;)* }) => {
        #[allow(missing_docs)] // the names are the specification's
        impl $ty {
            $(pub const $name: $ty = $ty($value);)*

            /// The name of the constant; `None` for a number that no specification defines
            /// (INVALID_INFO_CLASS; a defined one that is not served is NOT_SUPPORTED).
            #[must_use]
            pub const fn name(self) -> Option<&'static str> {
                match self.0 {
                    $($value => Some(stringify!($name)),)*
                    _ => None,
                }
            }

            /// Least OutputBufferLength of a query: below it the answer is INFO_LENGTH_MISMATCH; what goes
            /// beyond it may be cut (BUFFER_OVERFLOW). It is the size of the C structure: a structure that
            /// ends in a name has room for one character and its padding. `None` for classes that cannot be
            /// queried so.
            #[must_use]
            pub const fn minimum_query_length(self) -> Option<usize> {
                match self.0 {
                    $($($value => Some($fixed),)?)*
                    _ => None,
                }
            }

            /// Least buffer of a set request: below it the answer is INFO_LENGTH_MISMATCH. A name behind the
            /// fixed part is not counted. `None` for classes that cannot be set so.
            #[must_use]
            pub const fn minimum_set_length(self) -> Option<usize> {
                match self.0 {
                    $($($value => Some($set),)?)*
                    _ => None,
                }
            }
        }
    };
}

classes! { FileInformationClass {
    DIRECTORY = 1, fixed 64;
    FULL_DIRECTORY = 2, fixed 68;
    BOTH_DIRECTORY = 3, fixed 94;
    BASIC = 4, fixed 40, set 40;
    STANDARD = 5, fixed 24;
    INTERNAL = 6, fixed 8;
    EA = 7, fixed 4;
    ACCESS = 8, fixed 4;
    NAME = 9, fixed 8;
    RENAME = 10, set 20;
    LINK = 11, set 20;
    NAMES = 12, fixed 12;
    DISPOSITION = 13, set 1;
    POSITION = 14, fixed 8, set 8;
    FULL_EA = 15, fixed 0, set 0;
    MODE = 16, fixed 4, set 4;
    ALIGNMENT = 17, fixed 4;
    ALL = 18, fixed 104;
    ALLOCATION = 19, set 8;
    END_OF_FILE = 20, set 8;
    ALTERNATE_NAME = 21, fixed 8;
    STREAM = 22, fixed 32;
    PIPE = 23, fixed 8, set 8;
    PIPE_LOCAL = 24, fixed 40;
    PIPE_REMOTE = 25;
    MAILSLOT_QUERY = 26;
    MAILSLOT_SET = 27;
    COMPRESSION = 28, fixed 16;
    OBJECT_ID = 29;
    COMPLETION = 30;
    MOVE_CLUSTER = 31;
    QUOTA = 32;
    REPARSE_POINT = 33;
    NETWORK_OPEN = 34, fixed 56;
    ATTRIBUTE_TAG = 35, fixed 8;
    TRACKING = 36;
    ID_BOTH_DIRECTORY = 37, fixed 104;
    ID_FULL_DIRECTORY = 38, fixed 80;
    VALID_DATA_LENGTH = 39, set 8;
    SHORT_NAME = 40, set 4;
    IO_COMPLETION_NOTIFICATION = 41;
    IO_STATUS_BLOCK_RANGE = 42;
    IO_PRIORITY_HINT = 43;
    SFIO_RESERVE = 44;
    SFIO_VOLUME = 45;
    HARD_LINK = 46;
    PROCESS_IDS_USING_FILE = 47;
    NORMALIZED_NAME = 48, fixed 8;
    NETWORK_PHYSICAL_NAME = 49;
    ID_GLOBAL_TX_DIRECTORY = 50;
    IS_REMOTE_DEVICE = 51;
    UNUSED = 52;
    NUMA_NODE = 53;
    STANDARD_LINK = 54;
    REMOTE_PROTOCOL = 55;
    RENAME_BYPASS_ACCESS_CHECK = 56;
    LINK_BYPASS_ACCESS_CHECK = 57;
    VOLUME_NAME = 58;
    ID = 59, fixed 24;
    ID_EXTD_DIRECTORY = 60, fixed 88;
    REPLACE_COMPLETION = 61;
    HARD_LINK_FULL_ID = 62;
    ID_EXTD_BOTH_DIRECTORY = 63, fixed 114;
    DISPOSITION_EX = 64, set 4;
    RENAME_EX = 65, set 20;
    RENAME_EX_BYPASS_ACCESS_CHECK = 66;
    DESIRED_STORAGE_CLASS = 67;
    STAT = 68;
    MEMORY_PARTITION = 69;
    STAT_LX = 70;
    CASE_SENSITIVE = 71;
    LINK_EX = 72, set 20;
    LINK_EX_BYPASS_ACCESS_CHECK = 73;
    STORAGE_RESERVE_ID = 74;
    CASE_SENSITIVE_FORCE_ACCESS_CHECK = 75;
    KNOWN_FOLDER = 76;
    STAT_BASIC = 77;
    ID_64_EXTD_DIRECTORY = 78, fixed 80;
    ID_64_EXTD_BOTH_DIRECTORY = 79, fixed 106;
    ID_ALL_EXTD_DIRECTORY = 80, fixed 96;
    ID_ALL_EXTD_BOTH_DIRECTORY = 81, fixed 122;
    POSIX = 100, fixed 80;
} }

impl FileInformationClass {
    /// True when a specification defines the number.
    #[must_use]
    pub const fn is_defined(self) -> bool {
        self.name().is_some()
    }
}

/// A file system information class: [MS-FSCC] 2.5. Open: unknown numbers are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FsInformationClass(pub u8);

classes! { FsInformationClass {
    VOLUME = 1, fixed 24;
    LABEL = 2, set 4;
    SIZE = 3, fixed 24;
    DEVICE = 4, fixed 8;
    ATTRIBUTE = 5, fixed 16;
    CONTROL = 6, fixed 48, set 48;
    FULL_SIZE = 7, fixed 32;
    OBJECT_ID = 8, fixed 64, set 64;
    DRIVER_PATH = 9;
    VOLUME_FLAGS = 10;
    SECTOR_SIZE = 11, fixed 28;
    DATA_COPY = 12;
    METADATA_SIZE = 13;
    FULL_SIZE_EX = 14;
    POSIX = 100, fixed 56;
} }

impl FsInformationClass {
    /// True when a specification defines the number.
    #[must_use]
    pub const fn is_defined(self) -> bool {
        self.name().is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_set_has_the_size_of_its_structure() {
        use crate::fscc::file_info::{
            BasicInformation, EndOfFileInformation, RenameExInformation, RenameInformation,
        };
        let set = |class: FileInformationClass| class.minimum_set_length();
        assert_eq!(set(FileInformationClass::BASIC), Some(BasicInformation::FIXED_SIZE));
        assert_eq!(set(FileInformationClass::RENAME), Some(RenameInformation::FIXED_SIZE));
        assert_eq!(set(FileInformationClass::RENAME_EX), Some(RenameExInformation::FIXED_SIZE));
        assert_eq!(set(FileInformationClass::END_OF_FILE), Some(EndOfFileInformation::FIXED_SIZE));
        assert_eq!(set(FileInformationClass::ALL), None);
        assert_eq!(FsInformationClass::CONTROL.minimum_set_length(), Some(48));
    }

    #[test]
    fn numbers_without_a_name_are_undefined() {
        assert!(FileInformationClass(37).is_defined());
        assert_eq!(FileInformationClass::ID_BOTH_DIRECTORY.name(), Some("ID_BOTH_DIRECTORY"));
        for undefined in [0, 82, 99, 101, 255] {
            assert!(!FileInformationClass(undefined).is_defined(), "{undefined}");
        }
        assert!(!FsInformationClass(0).is_defined());
        assert!(!FsInformationClass(15).is_defined());
    }
}
