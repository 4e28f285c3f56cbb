//! [MS-FSCC] 2.1.5 Pathname, 2.1.5.1 Pathname Component, 2.1.5.2 Filename, 2.1.5.3 Streamname, and the order
//! of checks of [MS-SMB2] 3.3.5.9 and [MS-FSA] 2.1.5.1 for a path relative to a share's root.
//!
//! The text that comes out separates components by `/`, which no Windows name can hold, so that a path is one
//! buffer. Names are never normalised: trailing dots and spaces, composed and decomposed letters stay as they
//! came.

use freehold_dtyp::{NtStatus, Writer, Wtf8, Wtf8Buf};

/// Most UTF-16 code units of a component, and of a stream name.
pub const MAX_COMPONENT_UNITS: usize = 255;

/// Most UTF-16 code units of a whole path: [MS-FSCC] 2.1.5.
pub const MAX_PATH_UNITS: usize = 32_760;

/// Why a name is no name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameError {
    /// The number of bytes is odd.
    OddLength,
    /// It begins with a backslash: names on the wire are relative to the share.
    LeadingSeparator,
    /// It leads to a parent directory (`..`) of the share's root.
    ParentComponent,
    /// It begins in the form `name\..\`.
    LeadingParent,
    /// A component is `.`.
    DotComponent,
    /// Two backslashes in a row, or a backslash in front of a stream's colon.
    EmptyComponent,
    /// A control character or one of `"*/:<>?|`, or in a stream name one of `/`, `\` and NUL.
    InvalidCharacter,
    /// A component or a stream name is longer than [`MAX_COMPONENT_UNITS`].
    ComponentTooLong,
    /// The path is longer than [`MAX_PATH_UNITS`].
    PathTooLong,
    /// Colons that do not make `name:stream`, `name:stream:type` or `name::type`.
    StreamSyntax,
    /// The stream type is neither `$DATA` nor `$INDEX_ALLOCATION`.
    StreamType,
}

impl NameError {
    /// The answer to a request that holds such a name.
    #[must_use]
    pub const fn status(self) -> NtStatus {
        match self {
            NameError::OddLength | NameError::LeadingSeparator | NameError::LeadingParent => {
                NtStatus::INVALID_PARAMETER
            }
            NameError::ParentComponent => NtStatus::OBJECT_PATH_SYNTAX_BAD,
            NameError::DotComponent
            | NameError::EmptyComponent
            | NameError::InvalidCharacter
            | NameError::ComponentTooLong
            | NameError::PathTooLong
            | NameError::StreamSyntax
            | NameError::StreamType => NtStatus::OBJECT_NAME_INVALID,
        }
    }
}

impl core::fmt::Display for NameError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            NameError::OddLength => "a name has an odd number of bytes",
            NameError::LeadingSeparator => "a name begins with a backslash",
            NameError::ParentComponent => "a name leads to a parent directory",
            NameError::LeadingParent => "a name begins with a directory and leads out of it again",
            NameError::DotComponent => "a component of a name is a single dot",
            NameError::EmptyComponent => "a component of a name is empty",
            NameError::InvalidCharacter => "a name holds a character that Windows does not allow",
            NameError::ComponentTooLong => "a component of a name is longer than 255 characters",
            NameError::PathTooLong => "a path is longer than 32,760 characters",
            NameError::StreamSyntax => "the colons of a name do not make a stream name",
            NameError::StreamType => "a stream type is not known",
        })
    }
}

impl std::error::Error for NameError {}

/// [MS-FSCC] 2.1.5.4 Streamtype: those that can be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StreamType {
    /// `$DATA`.
    Data,
    /// `$INDEX_ALLOCATION`: a directory's index.
    IndexAllocation,
}

/// The stream part of a name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Stream {
    /// Without colons. Empty for `name::$DATA` and `name::$INDEX_ALLOCATION`. At most 255 code units.
    pub name: Wtf8Buf,
    /// `$DATA` where the name does not say.
    pub stream_type: StreamType,
}

impl Stream {
    /// `name::$DATA`: the file's main data, and therefore not a directory.
    #[must_use]
    pub fn is_default_data(&self) -> bool {
        self.stream_type == StreamType::Data && self.name.is_empty()
    }

    /// `name::$INDEX_ALLOCATION` or `name:$I30:$INDEX_ALLOCATION`: the directory itself.
    #[must_use]
    pub fn is_directory_index(&self) -> bool {
        self.stream_type == StreamType::IndexAllocation
            && (self.name.is_empty() || self.name.as_bytes().eq_ignore_ascii_case(b"$I30"))
    }
}

/// A name that passed every check of syntax.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct ParsedName {
    /// Components separated by `/`; empty for the share's root. No component is empty, `.` or `..`.
    pub path: Wtf8Buf,
    /// What follows the first colon of the last component.
    pub stream: Option<Stream>,
    /// A backslash followed: the object must be a directory, else OBJECT_NAME_INVALID ([MS-FSA] 2.1.5.1).
    pub trailing_separator: bool,
}

impl ParsedName {
    /// From the UTF-16LE bytes of a request. A slash separates components as a backslash does.
    ///
    /// # Errors
    /// The first rule that the name breaks.
    pub fn from_utf16le(bytes: &[u8]) -> Result<Self, NameError> {
        let (pairs, []) = bytes.as_chunks::<2>() else { return Err(NameError::OddLength) };
        // DIFFERS: Windows refuses a slash; clients that write paths their own way (and smbtorture 4.17) mean a backslash.
        let converted: Vec<[u8; 2]>;
        let pairs = if pairs.contains(&SLASH) {
            converted = pairs.iter().map(|unit| if *unit == SLASH { BACKSLASH } else { *unit }).collect();
            converted.as_slice()
        } else {
            pairs
        };
        if pairs.first() == Some(&BACKSLASH) {
            return Err(NameError::LeadingSeparator);
        }
        let resolved;
        let pairs = if pairs.split(|unit| *unit == BACKSLASH).any(is_dots) {
            resolved = without_dots(pairs)?;
            resolved.as_slice()
        } else {
            pairs
        };
        if pairs.is_empty() {
            return Ok(ParsedName::default());
        }
        if pairs.len() > MAX_PATH_UNITS {
            return Err(NameError::PathTooLong);
        }
        let (body, trailing_separator) = match pairs.split_last() {
            Some((last, body)) if *last == BACKSLASH => (body, true),
            _ => (pairs, false),
        };
        let parent_end = body.iter().rposition(|unit| *unit == BACKSLASH);
        let (parents, last) = match parent_end {
            Some(at) => (body.get(..at), body.get(at.saturating_add(1)..).unwrap_or_default()),
            None => (None, body),
        };
        let mut directory_indexes = false;
        if let Some(parents) = parents {
            for component in parents.split(|unit| *unit == BACKSLASH) {
                directory_indexes |= check_parent(component)?;
            }
        }
        let (file, stream) = split_stream(last)?;
        match file {
            // `:stream` alone is a stream of the root directory.
            [] if stream.is_some() && parents.is_none() => {}
            file => check_component(file)?,
        }
        if trailing_separator && stream.as_ref().is_some_and(|stream| !stream.is_directory_index()) {
            return Err(NameError::StreamSyntax);
        }
        let named = body.get(..body.len().saturating_sub(last.len()).saturating_add(file.len()));
        let mut path = to_path(named.unwrap_or_default());
        if directory_indexes {
            path = without_directory_indexes(path.as_wtf8());
        }
        Ok(ParsedName { path, stream, trailing_separator })
    }

    /// What is in front of two backslashes in the middle of a path that is right up to there, for a path that breaks
    /// [`NameError::EmptyComponent`]: such a component is met only by who gets so far ([MS-FSA] 2.1.5.1, phase 6).
    #[must_use]
    pub fn before_empty_component(bytes: &[u8]) -> Option<Self> {
        let (pairs, []) = bytes.as_chunks::<2>() else { return None };
        let is_separator = |unit: &[u8; 2]| *unit == BACKSLASH || *unit == SLASH;
        let at = pairs.windows(2).position(|two| two.iter().all(is_separator))?;
        let (before, behind) = pairs.split_at_checked(at)?;
        // Nothing behind them, or a stream of nothing, is no name wherever it is met.
        let last = behind.rsplit(is_separator).next()?;
        if last.is_empty() || last.starts_with(&[COLON]) {
            return None;
        }
        let name = Self::from_utf16le(before.as_flattened()).ok()?;
        (name.stream.is_none() && !name.path.is_empty()).then_some(name)
    }

    /// From text with backslashes, as it would stand in a request.
    ///
    /// # Errors
    /// As [`ParsedName::from_utf16le`].
    pub fn from_text(text: &str) -> Result<Self, NameError> {
        let mut bytes = Vec::with_capacity(text.len().saturating_mul(2));
        Wtf8::from(text).append_utf16le(&mut bytes);
        Self::from_utf16le(&bytes)
    }

    /// The last component; `None` for the share's root.
    #[must_use]
    pub fn file_name(&self) -> Option<Wtf8<'_>> {
        let path = self.path.as_wtf8();
        match path.rsplit_once(b'/') {
            Some((_, name)) => Some(name),
            None if path.is_empty() => None,
            None => Some(path),
        }
    }
}

/// What a stream's new name says that it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NewStreamType {
    /// `$DATA`, or nothing.
    Data,
    /// `$INDEX_ALLOCATION`.
    IndexAllocation,
    /// Something else, which no stream is.
    Other,
}

/// The new name of a stream in FileRenameInformation: `:name`, `:name:type` or `::type` ([MS-FSA] 2.1.5.15.12.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewStreamName {
    /// Without colons; empty for the unnamed stream. At most 255 code units.
    pub name: Wtf8Buf,
    /// What follows the second colon.
    pub stream_type: NewStreamType,
}

impl NewStreamName {
    /// True where a new name in UTF-16LE is one of a stream: it begins with a colon.
    #[must_use]
    pub fn is_meant(bytes: &[u8]) -> bool {
        bytes.starts_with(&COLON)
    }

    /// From the UTF-16LE bytes of a request. Unlike those in paths, such names have no wildcards, as on Windows.
    ///
    /// # Errors
    /// The first rule that the name breaks.
    pub fn from_utf16le(bytes: &[u8]) -> Result<Self, NameError> {
        let (pairs, []) = bytes.as_chunks::<2>() else { return Err(NameError::OddLength) };
        let mut parts = pairs.split(|unit| *unit == COLON);
        let (Some([]), Some(name), stream_type, None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(NameError::StreamSyntax);
        };
        if stream_type.unwrap_or(name).is_empty() {
            // The last character is a colon.
            return Err(NameError::StreamSyntax);
        }
        if name.len() > MAX_COMPONENT_UNITS {
            return Err(NameError::ComponentTooLong);
        }
        let name = to_wtf8(name, |unit| unit);
        check_stream_name(name.as_wtf8())?;
        if name.as_bytes().iter().any(|byte| matches!(byte, b'"' | b'*' | b'<' | b'>' | b'?')) {
            return Err(NameError::InvalidCharacter);
        }
        let stream_type = match stream_type {
            None => NewStreamType::Data,
            Some(text) if is_text(text, b"$DATA") => NewStreamType::Data,
            Some(text) if is_text(text, b"$INDEX_ALLOCATION") => NewStreamType::IndexAllocation,
            Some(text) if text.iter().any(|unit| matches!(*unit, [0, 0] | BACKSLASH | SLASH)) => {
                return Err(NameError::InvalidCharacter);
            }
            Some(_) => NewStreamType::Other,
        };
        Ok(NewStreamName { name, stream_type })
    }
}

const BACKSLASH: [u8; 2] = [b'\\', 0];
const SLASH: [u8; 2] = [b'/', 0];
/// `.` as a component.
const CURRENT: [[u8; 2]; 1] = [[b'.', 0]];
/// `..` as a component.
const PARENT: [[u8; 2]; 2] = [[b'.', 0], [b'.', 0]];
const COLON: [u8; 2] = [b':', 0];

fn is_dots(component: &[[u8; 2]]) -> bool {
    component == CURRENT || component == PARENT
}

/// Takes `.` and `name\..` out, as Windows does ([MS-SMB2] 3.3.5.9, the note on dot directory names): by the text alone,
/// whether `name` exists or not.
///
/// # Errors
/// [`NameError::LeadingParent`] for a text that begins `name\..\`, which Windows does not take;
/// [`NameError::ParentComponent`] when it leads above the share's root.
fn without_dots(pairs: &[[u8; 2]]) -> Result<Vec<[u8; 2]>, NameError> {
    let mut components = pairs.split(|unit| *unit == BACKSLASH);
    if let (Some(first), Some(second), Some(_)) = (components.next(), components.next(), components.next())
        && !is_dots(first)
        && second == PARENT
    {
        return Err(NameError::LeadingParent);
    }
    let mut kept: Vec<&[[u8; 2]]> = Vec::new();
    for component in pairs.split(|unit| *unit == BACKSLASH) {
        if component == PARENT {
            check_parent(kept.pop().ok_or(NameError::ParentComponent)?)?;
        } else if component != CURRENT {
            kept.push(component);
        }
    }
    Ok(kept.join(&BACKSLASH))
}

/// True for a code unit that may stand in a file name: [MS-FSCC] 2.1.5.2.
#[inline]
#[must_use]
pub const fn is_file_name_unit(unit: u16) -> bool {
    /// One bit for each ASCII character that a file name cannot hold.
    const FORBIDDEN: u128 = {
        let mut bits = 0xFFFF_FFFF_u128;
        let mut rest: &[u8] = b"\"*/:<>?\\|";
        while let [first, tail @ ..] = rest {
            bits |= 1 << *first;
            rest = tail;
        }
        bits
    };
    unit >= 0x80 || FORBIDDEN >> unit & 1 == 0
}

/// Checks one component that is not from the wire (a name on disk, a short name): [MS-FSCC] 2.1.5.2.
///
/// # Errors
/// The first rule that it breaks.
pub fn check_file_name(name: Wtf8<'_>) -> Result<(), NameError> {
    check_units(name.utf16_length(), name.utf16())?;
    match name.as_bytes() {
        b"." => Err(NameError::DotComponent),
        b".." => Err(NameError::ParentComponent),
        _ => Ok(()),
    }
}

/// Checks a stream name without its colons: [MS-FSCC] 2.1.5.3. Control characters and wildcards are allowed.
///
/// # Errors
/// The first rule that it breaks.
pub fn check_stream_name(name: Wtf8<'_>) -> Result<(), NameError> {
    if name.utf16_length() > MAX_COMPONENT_UNITS {
        return Err(NameError::ComponentTooLong);
    }
    if name.as_bytes().iter().any(|byte| matches!(byte, 0 | b'/' | b'\\' | b':')) {
        return Err(NameError::InvalidCharacter);
    }
    Ok(())
}

/// Checks a component of the wire.
fn check_component(component: &[[u8; 2]]) -> Result<(), NameError> {
    check_units(component.len(), component.iter().map(|pair| u16::from_le_bytes(*pair)))?;
    match component {
        [DOT] => Err(NameError::DotComponent),
        [DOT, DOT] => Err(NameError::ParentComponent),
        _ => Ok(()),
    }
}

const DOT: [u8; 2] = [b'.', 0];

fn check_units(length: usize, mut units: impl Iterator<Item = u16>) -> Result<(), NameError> {
    if length == 0 {
        return Err(NameError::EmptyComponent);
    }
    if length > MAX_COMPONENT_UNITS {
        return Err(NameError::ComponentTooLong);
    }
    if units.all(is_file_name_unit) { Ok(()) } else { Err(NameError::InvalidCharacter) }
}

/// Checks a component that others follow. True when it names a directory by its index
/// (`dir::$INDEX_ALLOCATION`).
fn check_parent(component: &[[u8; 2]]) -> Result<bool, NameError> {
    if !component.contains(&COLON) {
        check_component(component)?;
        return Ok(false);
    }
    let (file, stream) = split_stream(component)?;
    check_component(file)?;
    match stream {
        Some(stream) if stream.is_directory_index() => Ok(true),
        _ => Err(NameError::StreamSyntax),
    }
}

/// The last component and its stream part.
fn split_stream(component: &[[u8; 2]]) -> Result<(&[[u8; 2]], Option<Stream>), NameError> {
    let mut parts = component.split(|unit| *unit == COLON);
    let file = parts.next().unwrap_or_default();
    let Some(name) = parts.next() else { return Ok((file, None)) };
    let stream_type = match parts.next() {
        // A colon with nothing behind it.
        None if name.is_empty() => return Err(NameError::StreamSyntax),
        None => StreamType::Data,
        Some([]) => return Err(NameError::StreamSyntax),
        Some(text) if is_text(text, b"$DATA") => StreamType::Data,
        Some(text) if is_text(text, b"$INDEX_ALLOCATION") => StreamType::IndexAllocation,
        Some(_) => return Err(NameError::StreamType),
    };
    if parts.next().is_some() {
        return Err(NameError::StreamSyntax);
    }
    if name.len() > MAX_COMPONENT_UNITS {
        return Err(NameError::ComponentTooLong);
    }
    let name = to_wtf8(name, |unit| unit);
    check_stream_name(name.as_wtf8())?;
    Ok((file, Some(Stream { name, stream_type })))
}

/// Compares with ASCII text, without case.
fn is_text(units: &[[u8; 2]], text: &[u8]) -> bool {
    units.len() == text.len()
        && units.iter().zip(text).all(|(&[low, high], byte)| high == 0 && low.eq_ignore_ascii_case(byte))
}

fn to_wtf8(units: &[[u8; 2]], map: impl Fn(u16) -> u16) -> Wtf8Buf {
    Wtf8Buf::from_utf16(units.iter().map(|pair| map(u16::from_le_bytes(*pair))), units.len())
}

fn to_path(units: &[[u8; 2]]) -> Wtf8Buf {
    to_wtf8(units, |unit| if unit == u16::from(b'\\') { u16::from(b'/') } else { unit })
}

/// Takes `::$INDEX_ALLOCATION` off the components that have it.
fn without_directory_indexes(path: Wtf8<'_>) -> Wtf8Buf {
    let mut plain = Wtf8Buf::new();
    for component in path.split(b'/') {
        if !plain.is_empty() {
            plain.push_ascii(b'/');
        }
        plain.push(component.split_once(b':').map_or(component, |(name, _)| name));
    }
    plain
}

/// Appends a path with backslashes in place of `/`, in UTF-16LE, and returns its length in bytes.
pub(super) fn write_wire_path(writer: &mut Writer, path: Wtf8<'_>) -> usize {
    let start = writer.position();
    for unit in path.utf16() {
        writer.u16(if unit == u16::from(b'/') { u16::from(b'\\') } else { unit });
    }
    writer.position().saturating_sub(start)
}

/// A path as FileNameInformation, FileAllInformation (with `leading` true) and FileNormalizedNameInformation
/// (without) show it: backslashes in place of `/`.
#[must_use]
pub fn to_wire_path(path: Wtf8<'_>, leading: bool) -> Wtf8Buf {
    let backslash = u16::from(b'\\');
    let body = path.utf16().map(|unit| if unit == u16::from(b'/') { backslash } else { unit });
    Wtf8Buf::from_utf16(
        leading.then_some(backslash).into_iter().chain(body),
        path.as_bytes().len().saturating_add(1),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parsed(text: &str) -> (String, Option<(String, StreamType)>) {
        let name = ParsedName::from_text(text).unwrap();
        (name.path.to_string(), name.stream.map(|stream| (stream.name.to_string(), stream.stream_type)))
    }

    fn plain(text: &str) -> (String, Option<(String, StreamType)>) {
        (text.to_owned(), None)
    }

    fn with_stream(
        path: &str,
        name: &str,
        stream_type: StreamType,
    ) -> (String, Option<(String, StreamType)>) {
        (path.to_owned(), Some((name.to_owned(), stream_type)))
    }

    #[test]
    fn ordinary_names_keep_every_character() {
        assert_eq!(parsed(""), plain(""));
        assert_eq!(parsed("a"), plain("a"));
        assert_eq!(parsed(r"dir\Sub dir\file.txt"), plain("dir/Sub dir/file.txt"));
        assert_eq!(parsed(r"trailing. . \dots..."), plain("trailing. . /dots..."));
        assert_eq!(parsed("...\\ "), plain(".../ "));
        assert_eq!(parsed("é\\e\u{301}\\日本\\😀"), plain("é/e\u{301}/日本/😀"));
        assert_eq!(parsed("@GMT-2026.11.21-10.00.00\\f"), plain("@GMT-2026.11.21-10.00.00/f"));
    }

    #[test]
    fn streams_are_split_off() {
        use StreamType::{Data, IndexAllocation};
        assert_eq!(parsed("f:s"), with_stream("f", "s", Data));
        assert_eq!(parsed("f:s:$DATA"), with_stream("f", "s", Data));
        assert_eq!(parsed("f:s:$data"), with_stream("f", "s", Data));
        assert_eq!(parsed("d\\f::$DATA"), with_stream("d/f", "", Data));
        assert_eq!(parsed(":s"), with_stream("", "s", Data));
        assert_eq!(parsed("f:?*<>|\"\u{1}:$DATA"), with_stream("f", "?*<>|\"\u{1}", Data));
        assert_eq!(parsed("dir:$I30:$INDEX_ALLOCATION"), with_stream("dir", "$I30", IndexAllocation));
        assert_eq!(
            parsed(r"$Extend\$Quota:$Q:$INDEX_ALLOCATION"),
            with_stream("$Extend/$Quota", "$Q", IndexAllocation)
        );
        assert_eq!(
            parsed(r"a::$INDEX_ALLOCATION\b:$I30:$INDEX_ALLOCATION\c:s"),
            with_stream("a/b/c", "s", Data)
        );
        assert!(ParsedName::from_text("f::$DATA").unwrap().stream.unwrap().is_default_data());
        assert!(
            ParsedName::from_text("f:$i30:$index_allocation").unwrap().stream.unwrap().is_directory_index()
        );
    }

    #[test]
    fn a_trailing_backslash_asks_for_a_directory() {
        let name = ParsedName::from_text("a\\b\\").unwrap();
        assert_eq!((name.path.to_string().as_str(), name.trailing_separator), ("a/b", true));
        assert!(!ParsedName::from_text("a\\b").unwrap().trailing_separator);
        assert!(ParsedName::from_text("a::$INDEX_ALLOCATION\\").unwrap().trailing_separator);
    }

    #[test]
    fn dot_components_are_resolved_within_the_share() {
        for (text, path) in [
            ("a\\b\\..", "a"),
            ("a\\..", ""),
            ("a\\b\\..\\..\\c", "c"),
            ("a\\b\\..\\c", "a/c"),
            ("a\\.\\b", "a/b"),
            ("a\\.", "a"),
            (".\\a", "a"),
            (".\\a\\..\\b", "b"),
            (".", ""),
        ] {
            assert_eq!(ParsedName::from_text(text).unwrap().path.to_string(), path, "{text}");
        }
        assert!(ParsedName::from_text("a\\.\\").unwrap().trailing_separator);
    }

    #[test]
    fn wrong_names_have_the_error_that_windows_gives() {
        use NameError::*;
        let long = "x".repeat(256);
        let long_stream = format!("f:{long}");
        for (text, error, status) in [
            ("\\", LeadingSeparator, NtStatus::INVALID_PARAMETER),
            ("\\a", LeadingSeparator, NtStatus::INVALID_PARAMETER),
            ("\\.", LeadingSeparator, NtStatus::INVALID_PARAMETER),
            ("a\\..\\b", LeadingParent, NtStatus::INVALID_PARAMETER),
            ("a\\..\\..\\b", LeadingParent, NtStatus::INVALID_PARAMETER),
            ("..", ParentComponent, NtStatus::OBJECT_PATH_SYNTAX_BAD),
            ("..\\..\\b", ParentComponent, NtStatus::OBJECT_PATH_SYNTAX_BAD),
            ("a\\b\\..\\..\\..\\b", ParentComponent, NtStatus::OBJECT_PATH_SYNTAX_BAD),
            ("..:s", ParentComponent, NtStatus::OBJECT_PATH_SYNTAX_BAD),
            (".:s", DotComponent, NtStatus::OBJECT_NAME_INVALID),
            ("a\\.:s", DotComponent, NtStatus::OBJECT_NAME_INVALID),
            ("a\\\\b", EmptyComponent, NtStatus::OBJECT_NAME_INVALID),
            ("a\\\\", EmptyComponent, NtStatus::OBJECT_NAME_INVALID),
            ("a\\:s", EmptyComponent, NtStatus::OBJECT_NAME_INVALID),
            ("a*b", InvalidCharacter, NtStatus::OBJECT_NAME_INVALID),
            ("a*", InvalidCharacter, NtStatus::OBJECT_NAME_INVALID),
            ("a\u{1f}", InvalidCharacter, NtStatus::OBJECT_NAME_INVALID),
            ("a\0", InvalidCharacter, NtStatus::OBJECT_NAME_INVALID),
            ("f:a/b", StreamSyntax, NtStatus::OBJECT_NAME_INVALID),
            ("f:a\0", InvalidCharacter, NtStatus::OBJECT_NAME_INVALID),
            (&long, ComponentTooLong, NtStatus::OBJECT_NAME_INVALID),
            (&long_stream, ComponentTooLong, NtStatus::OBJECT_NAME_INVALID),
            ("f:", StreamSyntax, NtStatus::OBJECT_NAME_INVALID),
            ("f::", StreamSyntax, NtStatus::OBJECT_NAME_INVALID),
            ("f:s:", StreamSyntax, NtStatus::OBJECT_NAME_INVALID),
            ("f:s:$DATA:x", StreamSyntax, NtStatus::OBJECT_NAME_INVALID),
            ("f:s\\x", StreamSyntax, NtStatus::OBJECT_NAME_INVALID),
            ("f:s\\", StreamSyntax, NtStatus::OBJECT_NAME_INVALID),
            ("f:s:$foo", StreamType, NtStatus::OBJECT_NAME_INVALID),
            ("f:s:$BITMAP", StreamType, NtStatus::OBJECT_NAME_INVALID),
        ] {
            assert_eq!(ParsedName::from_text(text), Err(error), "{text}");
            assert_eq!(error.status(), status, "{text}");
        }
        for character in "\"*<>?|".chars() {
            assert_eq!(ParsedName::from_text(&format!("a{character}b\\c")), Err(InvalidCharacter));
        }
        assert_eq!(ParsedName::from_utf16le(b"a"), Err(OddLength));
        assert_eq!(ParsedName::from_text(&"x\\".repeat(MAX_PATH_UNITS / 2 + 1)), Err(PathTooLong));
    }

    #[test]
    fn the_new_name_of_a_stream_begins_with_a_colon() {
        use NewStreamType::{Data, IndexAllocation, Other};
        let wire = |text: &str| {
            let mut bytes = Vec::new();
            Wtf8::from(text).append_utf16le(&mut bytes);
            bytes
        };
        let long = "x".repeat(255);
        for (text, name, stream_type) in [
            (":s", "s", Data),
            (":s:$DATA", "s", Data),
            (":s:$DaTa", "s", Data),
            ("::$DATA", "", Data),
            ("::$INDEX_ALLOCATION", "", IndexAllocation),
            (":s:$index_allocation", "s", IndexAllocation),
            (":s:$NotDATA", "s", Other),
            (":.:$DATA", ".", Data),
            (":|\u{1}", "|\u{1}", Data),
            (&format!(":{long}:$DATA"), long.as_str(), Data),
        ] {
            let bytes = wire(text);
            assert!(NewStreamName::is_meant(&bytes), "{text}");
            let expected = NewStreamName { name: name.into(), stream_type };
            assert_eq!(NewStreamName::from_utf16le(&bytes), Ok(expected), "{text}");
        }
        let longer = format!(":{long}x:$DATA");
        for (text, error) in [
            (":", NameError::StreamSyntax),
            ("::", NameError::StreamSyntax),
            (":s:", NameError::StreamSyntax),
            (":s:$DATA:", NameError::StreamSyntax),
            ("::::", NameError::StreamSyntax),
            (":s:$DATA:x", NameError::StreamSyntax),
            (":s\\ / ::$DATA", NameError::StreamSyntax),
            (":a/b:$DATA", NameError::InvalidCharacter),
            (":a\\b", NameError::InvalidCharacter),
            (":a\0", NameError::InvalidCharacter),
            (":a* < > ?:$DATA", NameError::InvalidCharacter),
            (":a\"", NameError::InvalidCharacter),
            (":a:$DA\\TA", NameError::InvalidCharacter),
            (":a:\0", NameError::InvalidCharacter),
            (&longer, NameError::ComponentTooLong),
            ("s:$DATA", NameError::StreamSyntax),
        ] {
            assert_eq!(NewStreamName::from_utf16le(&wire(text)), Err(error), "{text}");
        }
        assert_eq!(NewStreamName::from_utf16le(b":\0s"), Err(NameError::OddLength));
        assert!(!NewStreamName::is_meant(&wire("f:s")));
    }

    #[test]
    fn what_is_in_front_of_two_backslashes_is_a_path_of_its_own() {
        let before = |text: &str| {
            let mut bytes = Vec::new();
            Wtf8::from(text).append_utf16le(&mut bytes);
            ParsedName::before_empty_component(&bytes).map(|name| name.path.to_string())
        };
        assert_eq!(before("a\\\\b").as_deref(), Some("a"));
        assert_eq!(before("a\\b//c\\\\d").as_deref(), Some("a/b"));
        assert_eq!(before("a\\\\b\\").as_deref(), None, "nothing is behind the last one");
        for text in
            ["a", "a\\b", "a\\\\", "a\\\\\\::$DATA", "\\\\a", "a*\\\\b", "a:s\\\\b", "..\\\\b", "a\\..\\\\b"]
        {
            assert_eq!(before(text), None, "{text}");
        }
    }

    #[test]
    fn limits_count_utf16_code_units() {
        assert!(ParsedName::from_text(&"é".repeat(255)).is_ok());
        assert_eq!(ParsedName::from_text(&"é".repeat(256)), Err(NameError::ComponentTooLong));
        assert!(ParsedName::from_text(&format!("{}x", "😀".repeat(127))).is_ok());
        assert_eq!(ParsedName::from_text(&"😀".repeat(128)), Err(NameError::ComponentTooLong));
        assert!(check_file_name(Wtf8::from("é".repeat(255).as_str())).is_ok());
        assert_eq!(check_file_name(Wtf8::from("é".repeat(256).as_str())), Err(NameError::ComponentTooLong));
    }

    #[test]
    fn paths_go_back_to_the_wire_with_backslashes() {
        assert_eq!(to_wire_path("a/b c/é".into(), true), "\\a\\b c\\é".into());
        assert_eq!(to_wire_path("a/b".into(), false), "a\\b".into());
        assert_eq!(to_wire_path("".into(), true), "\\".into());
    }

    proptest! {
        #[test]
        fn any_bytes_parse_or_fail_and_every_component_is_clean(
            units in prop::collection::vec(
                prop_oneof![prop::sample::select("\\\\::..a$DATA/*".encode_utf16().collect::<Vec<_>>()), any::<u16>()],
                0..40,
            )
        ) {
            let bytes: Vec<u8> = units.iter().flat_map(|unit| unit.to_le_bytes()).collect();
            if let Ok(name) = ParsedName::from_utf16le(&bytes) {
                if !name.path.is_empty() {
                    for component in name.path.as_wtf8().split(b'/') {
                        prop_assert_eq!(check_file_name(component), Ok(()));
                    }
                }
                if let Some(stream) = &name.stream {
                    prop_assert_eq!(check_stream_name(stream.name.as_wtf8()), Ok(()));
                }
                // Nothing but the stream part, `.`, and what `..` takes back, is ever lost.
                let backslash = u16::from(b'\\');
                let units: Vec<u16> =
                    units.iter().map(|unit| if *unit == u16::from(b'/') { backslash } else { *unit }).collect();
                let dot = u16::from(b'.');
                let dots = units.split(|unit| *unit == backslash).any(|part| part == [dot] || part == [dot; 2]);
                if name.stream.is_none() && !units.contains(&u16::from(b':')) && !dots {
                    let back: Vec<u16> = name.path.as_wtf8().utf16()
                        .map(|unit| if unit == u16::from(b'/') { u16::from(b'\\') } else { unit })
                        .chain(name.trailing_separator.then_some(u16::from(b'\\')))
                        .collect();
                    prop_assert_eq!(back, units);
                }
            }
        }
    }
}
