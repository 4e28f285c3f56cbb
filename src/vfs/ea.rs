//! Lists of extended attributes: [MS-FSCC] 2.4.16 FileFullEaInformation as a volume keeps them.

use super::{ExtendedAttribute, VfsError};

/// Longest list of one file by [`size_bytes`] (NTFS has the same limit).
pub(super) const MAX_EA_BYTES: u32 = 0xFFFF;

/// [MS-FSCC] 2.4.12 FileEaInformation EaSize: 4 bytes for the list and, for each attribute, flags 1, name length 1,
/// value length 2, the name with a zero byte, the value.
pub(super) fn size_bytes(list: &[ExtendedAttribute]) -> u32 {
    if list.is_empty() {
        return 0;
    }
    let all: usize = list.iter().map(|ea| 5 + ea.name.len() + ea.value.len()).sum();
    u32::try_from(4 + all).unwrap_or(u32::MAX)
}

/// Adds, replaces in place, or with an empty value removes.
pub(super) fn apply(
    list: &mut Vec<ExtendedAttribute>,
    changes: &[ExtendedAttribute],
) -> Result<(), VfsError> {
    let mut changed = list.clone();
    for change in changes {
        if change.name.is_empty() || change.name.len() > 254 {
            return Err(VfsError::NameInvalid);
        }
        if change.value.len() > 0xFFFF {
            return Err(VfsError::EaTooLarge);
        }
        let at = changed.iter().position(|ea| ea.name.eq_ignore_ascii_case(&change.name));
        match (at, change.value.is_empty()) {
            (Some(at), true) => drop(changed.remove(at)),
            (Some(at), false) => changed[at] = change.clone(),
            (None, true) => {}
            (None, false) => changed.push(change.clone()),
        }
    }
    if size_bytes(&changed) > MAX_EA_BYTES {
        return Err(VfsError::EaTooLarge);
    }
    *list = changed;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ea(name: &str, value: &str) -> ExtendedAttribute {
        ExtendedAttribute { flags: 0, name: name.into(), value: value.into() }
    }

    #[test]
    fn names_are_compared_without_case_and_empty_values_remove() {
        let mut list = Vec::new();
        apply(&mut list, &[ea("One", "1"), ea("Two", "2")]).unwrap();
        apply(&mut list, &[ea("ONE", "11"), ea("two", ""), ea("absent", "")]).unwrap();
        assert_eq!(list, [ea("ONE", "11")]);
        assert_eq!(size_bytes(&list), 4 + 5 + 3 + 2);
        apply(&mut list, &[ea("one", "")]).unwrap();
        assert_eq!(size_bytes(&list), 0);
    }

    #[test]
    fn a_list_that_gets_too_long_is_left_as_it_was() {
        let mut list = vec![ea("a", "1")];
        let big = ExtendedAttribute { flags: 0, name: b"b".to_vec(), value: vec![0; 0xFFFF] };
        assert_eq!(apply(&mut list, &[ea("c", "x"), big]), Err(VfsError::EaTooLarge));
        assert_eq!(list, [ea("a", "1")]);
    }
}
