//! [MS-FSA] 2.1.5.1.2.2 Algorithm to Check Sharing Access to an Existing Stream or Directory.

use freehold_acl::AccessMask;

bitflags::bitflags! {
    /// ShareAccess of [MS-SMB2] 2.2.13: what an open lets others do meanwhile.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    pub struct ShareAccess: u32 {
        /// Others may read.
        const READ = 0x1;
        /// Others may write.
        const WRITE = 0x2;
        /// Others may delete and rename.
        const DELETE = 0x4;
    }
}

/// What of an access mask share modes look at: only an open that has some of it takes part at all.
#[must_use]
pub fn shared_part(access: AccessMask) -> ShareAccess {
    let mut part = ShareAccess::empty();
    part.set(ShareAccess::READ, access.intersects(AccessMask::FILE_READ_DATA | AccessMask::FILE_EXECUTE));
    part.set(
        ShareAccess::WRITE,
        access.intersects(AccessMask::FILE_WRITE_DATA | AccessMask::FILE_APPEND_DATA),
    );
    part.set(ShareAccess::DELETE, access.intersects(AccessMask::DELETE));
    part
}

/// Access and share mode of one open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sharing {
    /// GrantedAccess.
    pub access: AccessMask,
    /// What others may do.
    pub share: ShareAccess,
}

impl Sharing {
    /// True when two opens of one stream cannot be there together.
    #[must_use]
    pub fn conflicts(self, other: Sharing) -> bool {
        let (mine, theirs) = (shared_part(self.access), shared_part(other.access));
        // An open for attributes only neither restricts nor is restricted.
        if mine.is_empty() || theirs.is_empty() {
            return false;
        }
        !self.share.contains(theirs) || !other.share.contains(mine)
    }

    /// True when the open `self` of a file or directory cannot be there together with `other` of one of its named streams,
    /// whichever came first: who may delete the file needs that every open stream shares deletion. Who has a stream open is
    /// no hindrance to anything else, whatever the open of the file shares.
    #[must_use]
    pub fn conflicts_with_stream(self, other: Sharing) -> bool {
        self.access.intersects(AccessMask::DELETE)
            && !shared_part(other.access).is_empty()
            && !other.share.contains(ShareAccess::DELETE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The rule as a table of what each right needs of the other's share mode, one right at a time.
    fn naive(a: Sharing, b: Sharing) -> bool {
        let needs = [
            (AccessMask::FILE_READ_DATA, ShareAccess::READ),
            (AccessMask::FILE_EXECUTE, ShareAccess::READ),
            (AccessMask::FILE_WRITE_DATA, ShareAccess::WRITE),
            (AccessMask::FILE_APPEND_DATA, ShareAccess::WRITE),
            (AccessMask::DELETE, ShareAccess::DELETE),
        ];
        let takes_part = |s: Sharing| needs.iter().any(|(right, _)| s.access.intersects(*right));
        let blocked = |from: Sharing, by: Sharing| {
            needs.iter().any(|(right, share)| from.access.intersects(*right) && !by.share.contains(*share))
        };
        takes_part(a) && takes_part(b) && (blocked(a, b) || blocked(b, a))
    }

    fn sharing() -> impl Strategy<Value = Sharing> {
        (any::<u32>(), 0u32..8).prop_map(|(access, share)| Sharing {
            access: AccessMask(access & 0x0101_01FF | (access >> 8) & 0x1_0000),
            share: ShareAccess::from_bits_truncate(share),
        })
    }

    proptest! {
        #[test]
        fn conflicts_as_the_naive_model_and_both_ways(a in sharing(), b in sharing()) {
            prop_assert_eq!(a.conflicts(b), naive(a, b));
            prop_assert_eq!(a.conflicts(b), b.conflicts(a));
        }
    }

    #[test]
    fn attribute_opens_take_no_part() {
        let stat = Sharing {
            access: AccessMask::FILE_READ_ATTRIBUTES | AccessMask::SYNCHRONIZE,
            share: ShareAccess::empty(),
        };
        let all = Sharing { access: AccessMask::FILE_ALL_ACCESS, share: ShareAccess::empty() };
        assert!(!stat.conflicts(all));
        assert!(all.conflicts(all));
    }

    #[test]
    fn deleting_a_file_needs_its_streams_to_share_deletion() {
        let delete = Sharing { access: AccessMask::DELETE, share: ShareAccess::all() };
        let stream = Sharing { access: AccessMask::FILE_READ_DATA, share: ShareAccess::READ };
        assert!(delete.conflicts_with_stream(stream));
        let sharing = Sharing { share: ShareAccess::all(), ..stream };
        assert!(!delete.conflicts_with_stream(sharing));
        assert!(!stream.conflicts_with_stream(stream));
    }
}
