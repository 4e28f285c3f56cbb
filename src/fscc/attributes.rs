//! [MS-FSCC] 2.6 File Attributes.

bitflags::bitflags! {
    /// [MS-FSCC] 2.6 File Attributes. Unknown bits that a peer sends are kept until masked.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    pub struct FileAttributes: u32 {
        /// Read-only; on a directory a hint to the shell only.
        const READONLY = 0x0000_0001;
        /// Not shown by an ordinary listing.
        const HIDDEN = 0x0000_0002;
        /// Used by the operating system.
        const SYSTEM = 0x0000_0004;
        /// A directory.
        const DIRECTORY = 0x0000_0010;
        /// To be archived.
        const ARCHIVE = 0x0000_0020;
        /// No other attribute is set; valid only alone.
        const NORMAL = 0x0000_0080;
        /// Temporary: need not be written to disk.
        const TEMPORARY = 0x0000_0100;
        /// A sparse file.
        const SPARSE_FILE = 0x0000_0200;
        /// Has a reparse point.
        const REPARSE_POINT = 0x0000_0400;
        /// Compressed; on a directory, the default for new files.
        const COMPRESSED = 0x0000_0800;
        /// Data is not immediately available.
        const OFFLINE = 0x0000_1000;
        /// Left out of content indexes.
        const NOT_CONTENT_INDEXED = 0x0000_2000;
        /// Encrypted.
        const ENCRYPTED = 0x0000_4000;
        /// Integrity streams are on (ReFS).
        const INTEGRITY_STREAM = 0x0000_8000;
        /// Left out by the data integrity scanner.
        const NO_SCRUB_DATA = 0x0002_0000;
        /// Recalled when opened.
        const RECALL_ON_OPEN = 0x0004_0000;
        /// To be kept on local storage.
        const PINNED = 0x0008_0000;
        /// Not to be kept on local storage.
        const UNPINNED = 0x0010_0000;
        /// Recalled when its data is read.
        const RECALL_ON_DATA_ACCESS = 0x0040_0000;

        const _ = !0;
    }
}

impl FileAttributes {
    /// Every attribute of 2.6.
    pub const DEFINED: FileAttributes = FileAttributes::from_bits_retain(0x005E_FFB7);

    /// What a create or a FileBasicInformation may change ([MS-FSA] 2.1.5.1.1, 2.1.5.15.2). The others tell
    /// how the file is stored and have their own operations; they are accepted and ignored.
    pub const SETTABLE: FileAttributes = FileAttributes::READONLY
        .union(FileAttributes::HIDDEN)
        .union(FileAttributes::SYSTEM)
        .union(FileAttributes::ARCHIVE)
        .union(FileAttributes::TEMPORARY)
        .union(FileAttributes::OFFLINE)
        .union(FileAttributes::NOT_CONTENT_INDEXED)
        .union(FileAttributes::NO_SCRUB_DATA)
        .union(FileAttributes::PINNED)
        .union(FileAttributes::UNPINNED);

    /// As reported to a peer: NORMAL when there is nothing else, and never beside another.
    #[inline]
    #[must_use]
    pub const fn normalized(self) -> FileAttributes {
        let rest = self.difference(FileAttributes::NORMAL);
        if rest.is_empty() { FileAttributes::NORMAL } else { rest }
    }

    /// The attributes after `requested` was set on a file that has `self`: settable bits from `requested`,
    /// the others kept.
    #[inline]
    #[must_use]
    pub const fn with_settable_from(self, requested: FileAttributes) -> FileAttributes {
        self.difference(FileAttributes::SETTABLE)
            .union(requested.intersection(FileAttributes::SETTABLE))
            .normalized()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn normal_stands_alone() {
        assert_eq!(FileAttributes::empty().normalized(), FileAttributes::NORMAL);
        let both = FileAttributes::NORMAL | FileAttributes::HIDDEN;
        assert_eq!(both.normalized(), FileAttributes::HIDDEN);
    }

    #[test]
    fn setting_keeps_what_tells_of_storage() {
        let sparse = FileAttributes::SPARSE_FILE | FileAttributes::ARCHIVE;
        let asked = FileAttributes::HIDDEN | FileAttributes::COMPRESSED | FileAttributes::NORMAL;
        assert_eq!(sparse.with_settable_from(asked), FileAttributes::SPARSE_FILE | FileAttributes::HIDDEN);
        assert_eq!(
            FileAttributes::ARCHIVE.with_settable_from(FileAttributes::NORMAL),
            FileAttributes::NORMAL
        );
    }

    #[test]
    fn defined_is_the_union_of_the_names() {
        let union =
            FileAttributes::all().iter_names().fold(FileAttributes::empty(), |all, (_, bit)| all | bit);
        assert_eq!(union, FileAttributes::DEFINED);
    }
}
