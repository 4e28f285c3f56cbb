//! One entry as text: `anna:(OI)(CI)M`, `*S-1-5-32-544:(I)(F)`, `Everyone:(DENY)(W)`.

use super::edit::{AclEntry, IntegrityEntry};
use super::rights::{NO_ACCESS, parse_mask, rights_text};
use crate::{AccessMask, Ace, AceFlags, AceType, Acl, AclPart, SecurityDescriptor};
use freehold_dtyp::Sid;

/// Why a text is no entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EntryError {
    /// There is no `:` between account and rights.
    NoColon,
    /// There is nothing in front of the `:`.
    NoAccount,
    /// There are no rights behind the flags.
    NoRights,
    /// What stands in parentheses in front of the rights is no flag of inheritance.
    UnknownFlag(String),
    /// A right that does not exist.
    UnknownRight(String),
    /// An integrity level that does not exist.
    UnknownLevel(String),
}

impl core::fmt::Display for EntryError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            EntryError::NoColon => f.write_str("expected ACCOUNT:RIGHTS such as anna:(OI)(CI)M"),
            EntryError::NoAccount => f.write_str("expected an account in front of the colon"),
            EntryError::NoRights => f.write_str("expected rights such as F, M, RX, R, W or (RD,WD)"),
            EntryError::UnknownFlag(flag) => {
                write!(f, "({flag}) is no flag of inheritance: expected (OI), (CI), (IO) or (NP)")
            }
            EntryError::UnknownRight(right) => {
                write!(
                    f,
                    "{right:?} is no right: expected N, F, M, RX, R, W, D or a list such as (RD,WD,0x20)"
                )
            }
            EntryError::UnknownLevel(level) => {
                write!(f, "{level:?} is no integrity level: expected L, M, H or low, medium, high")
            }
        }
    }
}

impl std::error::Error for EntryError {}

/// Flags in the order in which they are written.
const FLAGS: [(&str, AceFlags); 5] = [
    ("I", AceFlags::INHERITED),
    ("OI", AceFlags::OBJECT_INHERIT),
    ("CI", AceFlags::CONTAINER_INHERIT),
    ("IO", AceFlags::INHERIT_ONLY),
    ("NP", AceFlags::NO_PROPAGATE_INHERIT),
];

/// The mark of an entry that denies.
const DENY: &str = "DENY";

/// Reads the leading `(OI)(CI)...`; what comes behind them, and whether `(DENY)` was among them.
fn take_flags(mut text: &str) -> Result<(AceFlags, bool, &str), EntryError> {
    let (mut flags, mut denies) = (AceFlags::EMPTY, false);
    while let Some((word, rest)) = text.strip_prefix('(').and_then(|inner| inner.split_once(')')) {
        let known = FLAGS.iter().find(|(name, _)| name.eq_ignore_ascii_case(word));
        match known {
            Some((_, flag)) => flags |= *flag,
            None if word.eq_ignore_ascii_case(DENY) => denies = true,
            // The last pair of parentheses holds the rights.
            None if rest.is_empty() => break,
            None => return Err(EntryError::UnknownFlag(word.to_owned())),
        }
        text = rest;
    }
    Ok((flags, denies, text))
}

/// Reads `ACCOUNT:(OI)(CI)RIGHTS`; `find` looks the account up (`*S-1-5-32-544` comes as it is). `denies` tells that the entry
/// is to deny; `(DENY)` in the text, and `N` for its rights, say the same.
///
/// # Errors
/// [`EntryError`], and what `find` says.
pub fn parse_entry<E: From<EntryError>>(
    text: &str,
    denies: bool,
    find: impl FnOnce(&str) -> Result<Sid, E>,
) -> Result<AclEntry, E> {
    let (account, rest) = text.split_once(':').ok_or(EntryError::NoColon)?;
    let account = account.trim();
    if account.is_empty() {
        return Err(EntryError::NoAccount.into());
    }
    let (flags, marked, rights) = take_flags(rest.trim())?;
    let bare = rights.trim().trim_start_matches('(').trim_end_matches(')');
    let none = bare.trim().eq_ignore_ascii_case(NO_ACCESS);
    let denies = denies || marked || none;
    let mask = if none { AccessMask::FILE_ALL_ACCESS } else { parse_mask(rights, denies)? };
    Ok(AclEntry { sid: find(account)?, flags, mask, denies })
}

/// Reads `(OI)(CI)H`: an integrity level, with what inherits it.
///
/// # Errors
/// [`EntryError`].
pub fn parse_integrity(text: &str) -> Result<IntegrityEntry, EntryError> {
    let (flags, _, level) = take_flags(text.trim())?;
    let level = level.trim();
    let level = match level.to_ascii_lowercase().as_str() {
        "l" | "low" => 0x1000,
        "m" | "medium" => 0x2000,
        "h" | "high" => 0x3000,
        _ => return Err(EntryError::UnknownLevel(level.to_owned())),
    };
    Ok(IntegrityEntry { level, flags: flags & AceFlags::INHERITANCE })
}

/// An entry of a descriptor as `icacls` prints it: `BUILTIN\Administrators:(I)(OI)(CI)(F)`; `name` gives the account's name.
/// Entries that it has no form for (conditions, object types, audit) are written in SDDL behind the name.
#[must_use]
pub fn ace_text(ace: &Ace, name: impl FnOnce(&Sid) -> String) -> String {
    let mut text = if ace.ace_type().is_known() { name(ace.sid()) } else { String::new() };
    text.push(':');
    for (word, flag) in FLAGS {
        if ace.flags().contains(flag) {
            text.push('(');
            text.push_str(word);
            text.push(')');
        }
    }
    let has_form = ace.data().is_empty()
        && matches!(ace.ace_type(), AceType::ACCESS_ALLOWED | AceType::ACCESS_DENIED)
        && ace.flags().without(AceFlags::INHERITANCE | AceFlags::INHERITED).is_empty();
    if ace.ace_type() == AceType::SYSTEM_MANDATORY_LABEL && ace.data().is_empty() {
        let policies = [("NW", 1), ("NR", 2), ("NX", 4)];
        let set = policies.iter().filter(|(_, bit)| ace.mask().0 & bit != 0).map(|(name, _)| *name);
        text.push('(');
        text.push_str(&set.collect::<Vec<_>>().join(","));
        text.push(')');
    } else if !has_form {
        text.push_str(&ace_sddl(ace));
    } else if ace.ace_type() == AceType::ACCESS_DENIED && ace.mask() == AccessMask::FILE_ALL_ACCESS {
        text.push_str("(N)");
    } else {
        let denies = ace.ace_type().denies();
        if denies {
            text.push_str("(DENY)");
        }
        text.push('(');
        text.push_str(&rights_text(ace.mask(), denies));
        text.push(')');
    }
    text
}

/// One entry in SDDL.
fn ace_sddl(ace: &Ace) -> String {
    let Ok(acl) = Acl::from_aces([ace.clone()]) else { return String::new() };
    let alone = SecurityDescriptor { dacl: AclPart::Present(acl), ..SecurityDescriptor::default() };
    let text = alone.to_sddl();
    text.strip_prefix("D:").unwrap_or(&text).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_support::{account, ace};
    use proptest::prelude::*;

    fn parse(text: &str, denies: bool) -> Result<AclEntry, EntryError> {
        parse_entry(text, denies, |name| {
            Ok(name.trim_start_matches('*').parse().unwrap_or_else(|_| account(1)))
        })
    }

    #[test]
    fn entries_are_read_as_the_command_writes_them() {
        let (oi, ci, io, np) = (
            AceFlags::OBJECT_INHERIT,
            AceFlags::CONTAINER_INHERIT,
            AceFlags::INHERIT_ONLY,
            AceFlags::NO_PROPAGATE_INHERIT,
        );
        let entry = |flags, mask, denies| AclEntry { sid: account(1), flags, mask: AccessMask(mask), denies };
        for (text, wanted) in [
            ("anna:F", entry(AceFlags::EMPTY, 0x1F_01FF, false)),
            ("anna:(OI)(CI)M", entry(oi | ci, 0x13_01BF, false)),
            ("anna:(oi)(IO)(NP)(RX,WD)", entry(oi | io | np, 0x12_00AB, false)),
            ("FILES\\anna:(CI)(RD)", entry(ci, 1, false)),
            ("anna:N", entry(AceFlags::EMPTY, 0x1F_01FF, true)),
            ("anna:(OI)(N)", entry(oi, 0x1F_01FF, true)),
            ("anna:(DENY)(W)", entry(AceFlags::EMPTY, 0x116, true)),
            ("anna:(I)(OI)(R)", entry(oi | AceFlags::INHERITED, 0x12_0089, false)),
        ] {
            assert_eq!(parse(text, false), Ok(wanted), "{text}");
        }
        assert_eq!(parse("anna:(OI)W", true), Ok(entry(oi, 0x116, true)));
        assert_eq!(parse("*S-1-1-0:R", false).map(|entry| entry.sid), Ok(Sid::EVERYONE));
        for (text, error) in [
            ("anna", EntryError::NoColon),
            (":F", EntryError::NoAccount),
            ("anna:", EntryError::NoRights),
            ("anna:(OI)(CI)", EntryError::NoRights),
            ("anna:(XX)F", EntryError::UnknownFlag("XX".to_owned())),
            ("anna:Q", EntryError::UnknownRight("Q".to_owned())),
        ] {
            assert_eq!(parse(text, false), Err(error), "{text}");
        }
    }

    #[test]
    fn entries_are_written_as_the_command_prints_them() {
        let print = |sddl: &str| {
            let sd: SecurityDescriptor = sddl.parse().unwrap();
            let acl = sd.dacl.acl().or(sd.sacl.acl()).unwrap();
            acl.aces().iter().map(|ace| ace_text(ace, |sid| format!("<{sid}>"))).collect::<Vec<_>>()
        };
        let dacl = "D:(D;;FA;;;BG)(D;;0x116;;;WD)(A;OICIIOID;GRGX;;;CO)(A;OICIID;FA;;;BA)(A;;0x100116;;;AU)";
        assert_eq!(
            print(dacl),
            [
                "<S-1-5-32-546>:(N)",
                "<S-1-1-0>:(DENY)(W)",
                "<S-1-3-0>:(I)(OI)(CI)(IO)(GR,GE)",
                "<S-1-5-32-544>:(I)(OI)(CI)(F)",
                "<S-1-5-11>:(W)",
            ]
        );
        assert_eq!(print("S:(ML;OICI;NW;;;HI)"), ["<S-1-16-12288>:(OI)(CI)(NW)"]);
        let conditional = "(XA;;FR;;;WD;(@User.Level >= 3))";
        assert_eq!(print(&format!("D:{conditional}")), [format!("<S-1-1-0>:{conditional}")]);
    }

    #[test]
    fn levels_are_read() {
        let inherited = AceFlags::OBJECT_INHERIT | AceFlags::CONTAINER_INHERIT;
        assert_eq!(parse_integrity("(OI)(CI)H"), Ok(IntegrityEntry { level: 0x3000, flags: inherited }));
        assert_eq!(parse_integrity("low"), Ok(IntegrityEntry { level: 0x1000, flags: AceFlags::EMPTY }));
        assert!(parse_integrity("X").is_err() && parse_integrity("").is_err());
    }

    proptest! {
        #[test]
        fn what_is_printed_is_read_again(ace in ace(), deny: bool) {
            let flags = ace.flags() & (AceFlags::INHERITANCE | AceFlags::INHERITED);
            let ace = if deny { Ace::deny(*ace.sid(), ace.mask(), flags) } else { Ace::allow(*ace.sid(), ace.mask(), flags) };
            let text = ace_text(&ace, |sid| format!("*{sid}"));
            let entry = parse(&text, false).unwrap();
            prop_assert_eq!(entry.ace(), ace);
        }

        #[test]
        fn any_entry_has_a_text_and_any_text_is_read_or_refused(ace in ace(), text in ".{0,32}", denies: bool) {
            prop_assert!(ace_text(&ace, |sid| sid.to_string()).contains(':'));
            let _ = parse(&text, denies);
            let _ = parse_integrity(&text);
        }
    }
}
