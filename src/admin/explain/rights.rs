//! Rights by their names: those of icacls, those of the specification, and numbers.

use freehold_acl::{AccessMask, GenericMapping};

/// A single right.
pub(super) struct Right {
    /// icacls' name.
    pub(super) short: &'static str,
    /// The specification's.
    pub(super) name: &'static str,
    pub(super) mask: AccessMask,
    /// What a file's is for.
    pub(super) of_file: &'static str,
    /// What a folder's is for.
    pub(super) of_folder: &'static str,
}

const fn right(
    short: &'static str,
    name: &'static str,
    mask: AccessMask,
    of_file: &'static str,
    of_folder: &'static str,
) -> Right {
    Right { short, name, mask, of_file, of_folder }
}

/// In the order in which they are shown.
pub(super) const RIGHTS: &[Right] = &[
    right("RD", "FILE_READ_DATA", AccessMask::FILE_READ_DATA, "read it", "list it"),
    right("WD", "FILE_WRITE_DATA", AccessMask::FILE_WRITE_DATA, "change it", "make files in it"),
    right("AD", "FILE_APPEND_DATA", AccessMask::FILE_APPEND_DATA, "append to it", "make folders in it"),
    right("X", "FILE_EXECUTE", AccessMask::FILE_EXECUTE, "run it", "pass through it"),
    right("DE", "DELETE", AccessMask::DELETE, "delete, rename or move it", "delete, rename or move it"),
    right("DC", "FILE_DELETE_CHILD", AccessMask::FILE_DELETE_CHILD, "nothing", "delete what is in it"),
    right(
        "RA",
        "FILE_READ_ATTRIBUTES",
        AccessMask::FILE_READ_ATTRIBUTES,
        "see its attributes",
        "see its attributes",
    ),
    right(
        "WA",
        "FILE_WRITE_ATTRIBUTES",
        AccessMask::FILE_WRITE_ATTRIBUTES,
        "change its attributes and times",
        "change its attributes and times",
    ),
    right(
        "REA",
        "FILE_READ_EA",
        AccessMask::FILE_READ_EA,
        "read extended attributes",
        "read extended attributes",
    ),
    right(
        "WEA",
        "FILE_WRITE_EA",
        AccessMask::FILE_WRITE_EA,
        "set extended attributes",
        "set extended attributes",
    ),
    right("RC", "READ_CONTROL", AccessMask::READ_CONTROL, "see its permissions", "see its permissions"),
    right("WDAC", "WRITE_DAC", AccessMask::WRITE_DAC, "change its permissions", "change its permissions"),
    right("WO", "WRITE_OWNER", AccessMask::WRITE_OWNER, "take ownership", "take ownership"),
    right("S", "SYNCHRONIZE", AccessMask::SYNCHRONIZE, "wait for it", "wait for it"),
    right(
        "AS",
        "ACCESS_SYSTEM_SECURITY",
        AccessMask::ACCESS_SYSTEM_SECURITY,
        "read and change what is audited",
        "read and change what is audited",
    ),
];

/// Names besides those of [`RIGHTS`] and icacls'.
const NAMES: &[(&str, AccessMask)] = &[
    ("FILE_LIST_DIRECTORY", AccessMask::FILE_LIST_DIRECTORY),
    ("FILE_ADD_FILE", AccessMask::FILE_ADD_FILE),
    ("FILE_ADD_SUBDIRECTORY", AccessMask::FILE_ADD_SUBDIRECTORY),
    ("FILE_TRAVERSE", AccessMask::FILE_TRAVERSE),
    ("GENERIC_ALL", AccessMask::GENERIC_ALL),
    ("GENERIC_READ", AccessMask::GENERIC_READ),
    ("GENERIC_WRITE", AccessMask::GENERIC_WRITE),
    ("GENERIC_EXECUTE", AccessMask::GENERIC_EXECUTE),
    ("MAXIMUM_ALLOWED", AccessMask::MAXIMUM_ALLOWED),
];

/// What was asked.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) mask: AccessMask,
    /// As it is shown.
    pub(super) text: String,
}

impl Asked {
    /// From the command line: `M`, `RD,WD`, `(RX,WA)`, `0x1200a9`, `FILE_READ_DATA`. Nothing is MAXIMUM_ALLOWED.
    pub(super) fn parse(text: Option<&str>) -> anyhow::Result<Asked> {
        let Some(text) = text else {
            return Ok(Asked { mask: AccessMask::MAXIMUM_ALLOWED, text: "MAXIMUM_ALLOWED".to_owned() });
        };
        Ok(Asked { mask: parse(text)?, text: text.to_owned() })
    }

    pub(super) fn is_maximum(&self) -> bool {
        self.mask.intersects(AccessMask::MAXIMUM_ALLOWED)
    }

    /// The rights to speak of one by one: those asked for, or all that files have.
    pub(super) fn rights_to_show(&self) -> Vec<AccessMask> {
        let mapped = GenericMapping::FILE.map_generic(self.mask).without(AccessMask::MAXIMUM_ALLOWED);
        let mask = if self.is_maximum() { mapped | AccessMask::FILE_ALL_ACCESS } else { mapped };
        let named = RIGHTS.iter().map(|right| right.mask).filter(|bit| mask.contains(*bit));
        let all = RIGHTS.iter().fold(AccessMask::EMPTY, |all, right| all | right.mask);
        let rest = (0..32u32).map(|bit| AccessMask(1 << bit)).filter(|bit| mask.without(all).contains(*bit));
        named.chain(rest).collect()
    }
}

/// Rights from a text.
pub(super) fn parse(text: &str) -> anyhow::Result<AccessMask> {
    let inner = text.trim().trim_start_matches('(').trim_end_matches(')');
    let mut mask = AccessMask::EMPTY;
    for word in inner.split([',', '|']).map(str::trim) {
        mask |= one(word)?;
    }
    Ok(mask)
}

fn one(word: &str) -> anyhow::Result<AccessMask> {
    if let Ok(mask) = freehold_acl::parse_mask(word, false) {
        return Ok(mask);
    }
    let names = RIGHTS.iter().map(|right| (right.name, right.mask)).chain(NAMES.iter().copied());
    let found = names.into_iter().find(|(name, _)| name.eq_ignore_ascii_case(word)).map(|(_, mask)| mask);
    found.ok_or_else(|| {
        let singles: Vec<&str> = RIGHTS.iter().map(|right| right.short).collect();
        anyhow::anyhow!(
            "{word:?} is no right: give F, M, RX, R, W, D, {}, a number such as 0x1200a9, or a name such as FILE_READ_DATA",
            singles.join(", ")
        )
    })
}

/// The rights of a mask by the specification's names; bits without a name as numbers.
pub(super) fn names(mask: AccessMask) -> Vec<String> {
    let mut rest = mask;
    let mut names = Vec::new();
    for right in RIGHTS.iter().filter(|right| mask.contains(right.mask)) {
        names.push(right.name.to_owned());
        rest = rest.without(right.mask);
    }
    if !rest.is_empty() {
        names.push(format!("{:#x}", rest.0));
    }
    names
}

/// The right of a single bit.
pub(super) fn of_bit(bit: AccessMask) -> Option<&'static Right> {
    RIGHTS.iter().find(|right| right.mask == bit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rights_are_read_by_every_name() {
        for (text, mask) in [
            ("M", 0x0013_01BF),
            ("f", 0x001F_01FF),
            ("RX", 0x0012_00A9),
            ("(RD,WD)", 0x3),
            ("0x1200a9", 0x0012_00A9),
            ("FILE_READ_DATA", 1),
            ("file_traverse | DELETE", 0x0001_0020),
            ("WDAC", 0x0004_0000),
            ("WD", 2),
        ] {
            assert_eq!(parse(text).unwrap(), AccessMask(mask), "{text}");
        }
        for text in ["", "Q", "R,,W", "0x1ffffffff"] {
            assert!(parse(text).unwrap_err().to_string().contains("is no right"), "{text}");
        }
    }

    #[test]
    fn rights_are_shown_by_name() {
        assert_eq!(names(AccessMask(0x0041_0001)), ["FILE_READ_DATA", "DELETE", "0x400000"]);
    }

    #[test]
    fn what_can_be_done_at_all_shows_every_right_of_files() {
        let asked = Asked::parse(None).unwrap();
        assert_eq!(asked.rights_to_show().len(), 14);
        assert_eq!(Asked::parse(Some("R")).unwrap().rights_to_show().len(), 5);
    }
}
