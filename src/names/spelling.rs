//! How people and programs write the name of an account ([MS-LSAT] 3.1.4.5).

use crate::state::accounts::fold_name;

/// Longest name that is looked at, in characters: longer ones are nobody's ([MS-ADA3] 2.222 sAMAccountName has 256 at most,
/// a UPN 1024).
const MAX_CHARACTERS: usize = 1_400;

/// A name, taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spelling<'a> {
    /// `alice`
    Isolated(&'a str),
    /// `CORP\alice`, `corp.example\alice`, `.\alice`; the name may be empty: `CORP\` is the domain itself.
    Qualified {
        /// Before the backslash.
        domain: &'a str,
        /// Behind it.
        name: &'a str,
    },
    /// `alice@corp.example`
    UserPrincipalName {
        /// Before the last `@`.
        user: &'a str,
        /// Behind it.
        suffix: &'a str,
        /// All of it.
        whole: &'a str,
    },
}

impl<'a> Spelling<'a> {
    /// Takes a name apart; `None` for what cannot be one.
    #[must_use]
    pub fn of(text: &'a str) -> Option<Spelling<'a>> {
        if text.is_empty() || text.contains('\0') || text.chars().nth(MAX_CHARACTERS).is_some() {
            return None;
        }
        if let Some((domain, name)) = text.split_once('\\') {
            return match (domain, name) {
                ("", "") => None,
                // `\alice`: no domain was named.
                ("", name) => Some(Spelling::Isolated(name)),
                (domain, name) => Some(Spelling::Qualified { domain, name }),
            };
        }
        match text.rsplit_once('@') {
            Some((user, suffix)) if !user.is_empty() && !suffix.is_empty() => {
                Some(Spelling::UserPrincipalName { user, suffix, whole: text })
            }
            _ => Some(Spelling::Isolated(text)),
        }
    }
}

/// A name as it is compared: without case.
pub(super) fn fold(name: &str) -> String {
    fold_name(name)
}

/// Are two names the same, in any case?
pub(super) fn same(one: &str, other: &str) -> bool {
    // Most differ in length or are plain ASCII: nothing is allocated for those.
    if one.is_ascii() && other.is_ascii() {
        return one.eq_ignore_ascii_case(other);
    }
    fold(one) == fold(other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_taken_apart() {
        assert_eq!(Spelling::of("alice"), Some(Spelling::Isolated("alice")));
        assert_eq!(Spelling::of("CORP\\alice"), Some(Spelling::Qualified { domain: "CORP", name: "alice" }));
        assert_eq!(Spelling::of("CORP\\"), Some(Spelling::Qualified { domain: "CORP", name: "" }));
        assert_eq!(Spelling::of("\\alice"), Some(Spelling::Isolated("alice")));
        assert_eq!(
            Spelling::of("alice@corp.example"),
            Some(Spelling::UserPrincipalName {
                user: "alice",
                suffix: "corp.example",
                whole: "alice@corp.example"
            })
        );
        // A UPN may have an `@` in the user's part; the suffix is behind the last.
        assert!(matches!(
            Spelling::of("a@b@corp.example"),
            Some(Spelling::UserPrincipalName { user: "a@b", .. })
        ));
        // A qualified name may have one as well.
        assert_eq!(Spelling::of("CORP\\a@b"), Some(Spelling::Qualified { domain: "CORP", name: "a@b" }));
        assert_eq!(Spelling::of("alice@"), Some(Spelling::Isolated("alice@")));
        for nobody in ["", "\\", "a\0b", &"x".repeat(1_401)] {
            assert_eq!(Spelling::of(nobody), None, "{nobody:?}");
        }
    }

    #[test]
    fn names_are_compared_without_case() {
        assert!(same("Alice", "aLICE") && same("ZOË", "zoë") && !same("zoe", "zoë"));
    }
}
