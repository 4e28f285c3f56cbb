//! Paths of shares that hold variables: `users/{user}` leads each user to a folder of their own.
//!
//! Owns the syntax, what each variable stands for, and how a value becomes part of one name and of nothing else. Knows no
//! volume: what is there and what is made is for who asks. Pure.
//!
//! A value can hold anything that an account's name can. It never adds a component, never is `.` or `..`, never names a
//! stream, a device or the volume's own folder, and never meets a short name: what could is written `%XX`, as UTF-8. The
//! escape escapes itself, so two values are one name only where they differ in nothing but case, as accounts do not.

#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects
    )
)]

use freehold_dtyp::{FileTime, Sid};

use crate::fscc::fsctl::snapshots::gmt_token;

/// Longest component in bytes (that of Linux' file systems) and, as bytes are never fewer, in UTF-16 units.
const MAX_COMPONENT_BYTES: usize = 255;
/// The folder in a volume's root that is its own (`vfs::RESERVED_FOLDER`).
const VOLUMES_OWN: &str = ".freehold";
/// Characters of a value that no name has, that begin an escape, or that make a short name.
const ESCAPED: &str = "\"*/:<>?\\|%~";

/// What a variable stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Variable {
    /// The account's name, without its domain.
    User,
    /// The account's domain, or this server's name for its own accounts.
    Domain,
    /// The account's SID.
    Sid,
    /// The client's address; the colons of IPv6 are written as `-`.
    Client,
    /// When the share was connected, in UTC: `YYYYMMDD-HHMMSS`.
    Time,
}

impl Variable {
    /// All of them.
    pub const ALL: [Variable; 5] =
        [Variable::User, Variable::Domain, Variable::Sid, Variable::Client, Variable::Time];

    /// The word between the braces.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Variable::User => "user",
            Variable::Domain => "domain",
            Variable::Sid => "sid",
            Variable::Client => "client",
            Variable::Time => "time",
        }
    }
}

/// Why a path cannot be a share's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// Lower-case letters in braces that are no variable.
    #[error("{{{0}}} is no variable: expected {{user}}, {{domain}}, {{sid}}, {{client}} or {{time}}")]
    Unknown(String),
}

/// Why somebody has no folder.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ResolveError {
    /// The variable stands for nothing: who connects is anonymous.
    #[error("{{{0}}} stands for nothing: the session is anonymous")]
    Empty(&'static str),
    /// No file system can keep the name.
    #[error("the name {0:?} is longer than 255 bytes")]
    TooLong(String),
}

/// Who connects, and when.
#[derive(Clone, Copy, Debug)]
pub struct Connecting<'a> {
    /// The account's name.
    pub user: &'a str,
    /// Its domain.
    pub domain: &'a str,
    /// Its SID.
    pub sid: &'a Sid,
    /// The client's address, without a port.
    pub client: &'a str,
    /// The present time.
    pub time: FileTime,
}

/// A piece of a component.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    Variable(Variable),
}

/// A path with at least one variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SharePath {
    components: Vec<Vec<Piece>>,
}

impl SharePath {
    /// Reads a path whose components are separated by `/`; `None` for one without variables. Braces around anything but
    /// lower-case letters are part of a name.
    ///
    /// # Errors
    /// [`PathError`].
    pub fn parse(path: &str) -> Result<Option<Self>, PathError> {
        let parts = path.split('/').filter(|part| !part.is_empty());
        let components = parts.map(pieces).collect::<Result<Vec<_>, _>>()?;
        let varies = components.iter().flatten().any(|piece| matches!(piece, Piece::Variable(_)));
        Ok(varies.then_some(SharePath { components }))
    }

    /// True when the path depends on `variable`.
    #[must_use]
    pub fn names(&self, variable: Variable) -> bool {
        self.components.iter().flatten().any(|piece| *piece == Piece::Variable(variable))
    }

    /// Components in front of the first one with a variable: they are there before anybody connects.
    #[must_use]
    pub fn fixed_depth(&self) -> usize {
        self.depth_of(|_| true)
    }

    /// The component, from 0, that is one user's: the first that names the user or the SID.
    #[must_use]
    pub fn owned_depth(&self) -> Option<usize> {
        let depth = self.depth_of(|variable| matches!(variable, Variable::User | Variable::Sid));
        (depth < self.components.len()).then_some(depth)
    }

    fn depth_of(&self, wanted: impl Fn(Variable) -> bool) -> usize {
        let has = |piece: &Piece| matches!(piece, Piece::Variable(variable) if wanted(*variable));
        let found = self.components.iter().position(|pieces| pieces.iter().any(has));
        found.unwrap_or(self.components.len())
    }

    /// The components for who connects, in order.
    ///
    /// # Errors
    /// [`ResolveError`].
    pub fn resolve(&self, who: &Connecting<'_>) -> Result<Vec<String>, ResolveError> {
        self.components.iter().map(|pieces| component(pieces, who)).collect()
    }
}

/// Takes a component apart.
fn pieces(part: &str) -> Result<Vec<Piece>, PathError> {
    let mut pieces = Vec::new();
    let (mut text, mut rest) = (String::new(), part);
    while let Some((before, after)) = rest.split_once('{') {
        text.push_str(before);
        let word = after
            .split_once('}')
            .filter(|(word, _)| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase()));
        let Some((word, behind)) = word else {
            text.push('{');
            rest = after;
            continue;
        };
        let variable = Variable::ALL.into_iter().find(|variable| variable.word() == word);
        let variable = variable.ok_or_else(|| PathError::Unknown(word.to_owned()))?;
        if !text.is_empty() {
            pieces.push(Piece::Text(std::mem::take(&mut text)));
        }
        pieces.push(Piece::Variable(variable));
        rest = behind;
    }
    text.push_str(rest);
    if !text.is_empty() {
        pieces.push(Piece::Text(text));
    }
    Ok(pieces)
}

fn component(pieces: &[Piece], who: &Connecting<'_>) -> Result<String, ResolveError> {
    let written = write(pieces, who, false)?;
    let varies = pieces.iter().any(|piece| matches!(piece, Piece::Variable(_)));
    let name = if varies && is_special(&written) { write(pieces, who, true)? } else { written };
    if name.len() > MAX_COMPONENT_BYTES { Err(ResolveError::TooLong(name)) } else { Ok(name) }
}

/// Puts a component together; `apart` escapes the first character of every value, so that the whole is no special name.
fn write(pieces: &[Piece], who: &Connecting<'_>, apart: bool) -> Result<String, ResolveError> {
    let mut name = String::new();
    for (index, piece) in pieces.iter().enumerate() {
        let last = index.saturating_add(1) == pieces.len();
        match piece {
            Piece::Text(text) => name.push_str(text),
            Piece::Variable(variable) => {
                let value = value(*variable, who);
                if value.is_empty() {
                    return Err(ResolveError::Empty(variable.word()));
                }
                escape(&mut name, &value, apart, last);
            }
        }
    }
    Ok(name)
}

fn value(variable: Variable, who: &Connecting<'_>) -> String {
    match variable {
        Variable::User => who.user.to_owned(),
        Variable::Domain => who.domain.to_owned(),
        Variable::Sid => who.sid.to_string(),
        // As in names below ipv6-literal.net: no name holds a colon.
        Variable::Client => who.client.replace(':', "-"),
        Variable::Time => {
            // @GMT-YYYY.MM.DD-HH.MM.SS
            let token = gmt_token(who.time);
            token.trim_start_matches("@GMT-").replace('.', "")
        }
    }
}

/// Appends a value as part of a name. `last`: it ends the component, where a dot or a space would be lost.
fn escape(name: &mut String, value: &str, first: bool, last: bool) {
    let mut characters = value.chars().enumerate().peekable();
    while let Some((index, character)) = characters.next() {
        let ends = last && characters.peek().is_none() && matches!(character, '.' | ' ');
        let special = character.is_control() || ESCAPED.contains(character);
        if special || ends || (first && index == 0) {
            let mut utf8 = [0; 4];
            for byte in character.encode_utf8(&mut utf8).bytes() {
                name.push_str(&format!("%{byte:02X}"));
            }
        } else {
            name.push(character);
        }
    }
}

/// True for names that are a device's on Windows, and for the volume's own folder.
fn is_special(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or_default().trim_end().to_ascii_uppercase();
    let numbered = |stem: &str| {
        let number = stem.strip_prefix("COM").or_else(|| stem.strip_prefix("LPT"));
        number.is_some_and(|number| {
            matches!(number, "¹" | "²" | "³")
                || (number.len() == 1 && number.bytes().all(|byte| byte.is_ascii_digit()))
        })
    };
    matches!(stem.as_str(), "CON" | "PRN" | "AUX" | "NUL" | "CONIN$" | "CONOUT$")
        || numbered(&stem)
        || name.eq_ignore_ascii_case(VOLUMES_OWN)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn who<'a>(user: &'a str, sid: &'a Sid) -> Connecting<'a> {
        // 2026-11-28 04:05:06 UTC
        let time = FileTime(134_402_763_060_000_000);
        Connecting { user, domain: "CORP", sid, client: "fe80::1", time }
    }

    fn resolved(path: &str, user: &str) -> Result<String, ResolveError> {
        let path = SharePath::parse(path).unwrap().unwrap();
        path.resolve(&who(user, &Sid::ADMINISTRATORS)).map(|parts| parts.join("/"))
    }

    #[test]
    fn a_path_without_variables_is_none() {
        for path in ["", "a/b", "{}", "a{b", "{6F9619FF-8B86-D011-B42D-00CF4FC964FF}", "{User}", "}{"] {
            assert_eq!(SharePath::parse(path), Ok(None), "{path}");
        }
        assert_eq!(SharePath::parse("x/{usr}"), Err(PathError::Unknown("usr".to_owned())));
    }

    #[test]
    fn variables_stand_for_who_connects() {
        assert_eq!(resolved("users/{user}", "Alice").unwrap(), "users/Alice");
        assert_eq!(resolved("{domain}/u-{user}{sid}", "a").unwrap(), "CORP/u-aS-1-5-32-544");
        assert_eq!(resolved("{client}/{", "a").unwrap(), "fe80--1/{");
        let time = resolved("s/{time}", "a").unwrap();
        assert_eq!((time.len(), &time[..9]), ("s/YYYYMMDD-HHMMSS".len(), "s/2026112"), "{time}");
    }

    #[test]
    fn a_name_stays_one_name() {
        for (user, expected) in [
            ("..", ".%2E"),
            (".", "%2E"),
            ("a/../b", "a%2F..%2Fb"),
            ("a\\b", "a%5Cb"),
            ("a:stream", "a%3Astream"),
            ("a\0\u{1}\u{85}", "a%00%01%C2%85"),
            ("100%", "100%25"),
            ("alice~1", "alice%7E1"),
            ("alice. ", "alice.%20"),
            ("con", "%63on"),
            ("Con.txt", "%43on.txt"),
            ("nul .x", "%6Eul .x"),
            ("COM1", "%43OM1"),
            ("console", "console"),
            (".FREEHOLD", "%2EFREEHOLD"),
            ("Jürgen", "Jürgen"),
            ("WS01$", "WS01$"),
        ] {
            assert_eq!(resolved("{user}", user).unwrap(), expected, "{user:?}");
        }
        // Only the end of a component loses dots and spaces, and text can make a device of a value.
        assert_eq!(resolved("{user}.dir", "a.").unwrap(), "a..dir");
        assert_eq!(resolved("co{user}", "n").unwrap(), "co%6E");
    }

    #[test]
    fn who_has_no_name_or_too_long_a_one_has_no_folder() {
        assert_eq!(resolved("{user}", ""), Err(ResolveError::Empty("user")));
        assert!(resolved("{user}", &"a".repeat(255)).is_ok());
        assert!(matches!(resolved("{user}x", &"a".repeat(255)), Err(ResolveError::TooLong(_))));
        assert!(matches!(resolved("{user}", &"%".repeat(86)), Err(ResolveError::TooLong(_))));
    }

    #[test]
    fn what_is_fixed_and_what_is_one_users() {
        let path = |text| SharePath::parse(text).unwrap().unwrap();
        assert_eq!((path("a/b/{user}/c").fixed_depth(), path("a/b/{user}/c").owned_depth()), (2, Some(2)));
        assert_eq!(
            (path("{domain}/{sid}").fixed_depth(), path("{domain}/{sid}").owned_depth()),
            (0, Some(1))
        );
        assert_eq!((path("s/{time}").fixed_depth(), path("s/{time}").owned_depth()), (1, None));
    }

    proptest::proptest! {
        #[test]
        fn different_users_have_different_folders(a in ".{1,20}", b in ".{1,20}") {
            if let (Ok(one), Ok(other)) = (resolved("{user}", &a), resolved("{user}", &b)) {
                proptest::prop_assert_eq!(one == other, a == b);
                proptest::prop_assert!(!one.contains(['/', '\\', ':', '\0']) && one != "." && one != "..");
            }
        }
    }
}
