//! [MS-SRVS] 3.1.4.29 NetprPathType, 3.1.4.30 NetprPathCanonicalize, 3.1.4.31 NetprPathCompare.
//!
//! Pure rules on the syntax of paths: nothing is looked up, and everybody with a session may ask.

use std::cmp::Ordering;

use freehold_dtyp::{Wtf8, Wtf8Buf};

use super::super::dispatch::Call;
use super::super::fault::Fault;
use super::super::ndr::NdrWriter;
use super::super::win32::Win32;

/// Longest path in characters.
const MAX_PATH: usize = 260;
/// Longest path by the old rules.
const OLD_MAX_PATH: usize = 128;
/// Flags of NetprPathType: the rules of MS-DOS.
const OLD_STYLE: u32 = 1;
/// Flags of NetprPathCompare: both paths are canonical already.
const ALREADY_CANONICAL: u32 = 1;
/// Largest OutbufLen.
const MAX_BUFFER: u32 = 64_000;

/// [MS-SRVS] 2.2.2.9 Path Types.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct PathType(u32);

impl PathType {
    const UNC: PathType = PathType(4_096);
    const UNC_WC_PATH: PathType = PathType(4_097);
    const UNC_COMPNAME: PathType = PathType(4_144);
    const UNC_WC: PathType = PathType(4_145);
    const RELND: PathType = PathType(8_192);
    const RELND_WC: PathType = PathType(8_193);
    const ABSND: PathType = PathType(8_194);
    const ABSND_WC: PathType = PathType(8_195);
    const ABSD: PathType = PathType(8_198);
    const ABSD_WC: PathType = PathType(8_199);
    const DEVICE_DISK: PathType = PathType(16_384);
    const DEVICE_LPT: PathType = PathType(16_400);
    const DEVICE_COM: PathType = PathType(16_416);

    /// The algorithm of [MS-SRVS] 3.1.1.9.
    fn of(path: &str) -> Result<PathType, Win32> {
        if path.bytes().any(|byte| byte < 0x20 || b"<>\"|".contains(&byte)) {
            return Err(Win32::INVALID_NAME);
        }
        let wild = |rest: &str| rest.contains(['*', '?']);
        let choose = |rest: &str, with: PathType, without: PathType| if wild(rest) { with } else { without };
        if let Some(after) = path.strip_prefix("\\\\") {
            if let Some(rest) = after.strip_prefix('.') {
                return match rest.strip_prefix('\\') {
                    Some(rest) => Ok(choose(rest, PathType::ABSD_WC, PathType::ABSD)),
                    None => Err(Win32::INVALID_NAME),
                };
            }
            if after == "*" {
                return Ok(PathType::UNC_WC);
            }
            let (computer, rest) = after.split_once('\\').unwrap_or((after, ""));
            if computer.is_empty() || wild(computer) {
                return Err(Win32::INVALID_NAME);
            }
            return match (after.contains('\\'), rest) {
                (false, _) => Ok(PathType::UNC_COMPNAME),
                (true, "") => Err(Win32::INVALID_NAME),
                (true, rest) => Ok(choose(rest, PathType::UNC_WC_PATH, PathType::UNC)),
            };
        }
        if path.starts_with('\\') {
            return match strip_prefix_no_case(path, "\\DEV\\") {
                Some(device) => device_type(device).ok_or(Win32::INVALID_NAME),
                None => Ok(choose(path, PathType::ABSND_WC, PathType::ABSND)),
            };
        }
        if let Some(rest) = after_drive(path) {
            return Ok(match rest {
                "" => PathType::DEVICE_DISK,
                rest => choose(rest, PathType::ABSD_WC, PathType::ABSD),
            });
        }
        Ok(device_type(path).unwrap_or(choose(path, PathType::RELND_WC, PathType::RELND)))
    }
}

fn strip_prefix_no_case<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let (head, tail) = text.split_at_checked(prefix.len())?;
    head.eq_ignore_ascii_case(prefix).then_some(tail)
}

/// What follows `X:`.
fn after_drive(path: &str) -> Option<&str> {
    let mut characters = path.chars();
    let drive = characters.next()?;
    let rest = characters.as_str().strip_prefix(':')?;
    drive.is_ascii_alphabetic().then_some(rest)
}

/// `LPT1`, `COM1:` and the like.
fn device_type(name: &str) -> Option<PathType> {
    let name = name.strip_suffix(':').unwrap_or(name);
    [("LPT", PathType::DEVICE_LPT), ("COM", PathType::DEVICE_COM)].into_iter().find_map(|(kind, found)| {
        let number = strip_prefix_no_case(name, kind)?;
        let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
        is_number.then_some(found)
    })
}

/// The path's type, once its length is right.
fn checked_type(path: &Wtf8Buf, flags: u32) -> Result<PathType, Win32> {
    let text = path.as_wtf8().to_str().ok_or(Win32::INVALID_NAME)?;
    let most = if flags & OLD_STYLE != 0 { OLD_MAX_PATH } else { MAX_PATH };
    if text.is_empty() || path.as_wtf8().utf16_length() > most {
        return Err(Win32::INVALID_NAME);
    }
    if flags & OLD_STYLE != 0 && !text.split(['\\', '/']).all(is_short_name) {
        return Err(Win32::INVALID_NAME);
    }
    PathType::of(text)
}

/// A component of eight characters and an extension of three, or what is no file name: a drive, dots, nothing.
fn is_short_name(component: &str) -> bool {
    let component = after_drive(component).unwrap_or(component);
    if matches!(component, "" | "." | "..") {
        return true;
    }
    let (stem, extension) = component.split_once('.').unwrap_or((component, ""));
    (1..=8).contains(&stem.chars().count()) && extension.chars().count() <= 3 && !extension.contains('.')
}

/// NetprPathType.
pub(super) fn path_type(call: &mut Call<'_, '_>) -> Result<NdrWriter, Fault> {
    super::server_name(&mut call.parameters)?;
    let path = call.parameters.wide_string("PathName")?;
    let flags = call.parameters.u32("Flags")?;
    let outcome =
        if flags & !OLD_STYLE == 0 { checked_type(&path, flags) } else { Err(Win32::INVALID_PARAMETER) };
    let mut writer = NdrWriter::new();
    writer.u32(outcome.map_or(0, |found| found.0));
    writer.u32(outcome.err().unwrap_or(Win32::SUCCESS).0);
    Ok(writer)
}

/// NetprPathCanonicalize.
pub(super) fn path_canonicalize(call: &mut Call<'_, '_>) -> Result<NdrWriter, Fault> {
    super::server_name(&mut call.parameters)?;
    let path = call.parameters.wide_string("PathName")?;
    let room = call.parameters.u32("OutbufLen")?;
    let prefix = call.parameters.wide_string("Prefix")?;
    let given = call.parameters.u32("PathType")?;
    let flags = call.parameters.u32("Flags")?;
    if room > MAX_BUFFER {
        return Err(Fault::BAD_STUB_DATA);
    }
    // Note <111>: what Windows takes though it is reserved.
    let outcome = if matches!(flags, 0 | 1 | 0x8000_0000 | 0x8000_0001) {
        fit(canonical(&prefix, &path), room)
    } else {
        Err(Win32::INVALID_PARAMETER)
    };
    let mut writer = NdrWriter::new();
    writer.u32(room);
    let mut buffer = Vec::new();
    if let Ok((text, _)) = &outcome {
        Wtf8::from(text.as_str()).append_utf16le(&mut buffer);
    }
    buffer.resize(usize::try_from(room).unwrap_or(0), 0);
    writer.bytes(&buffer);
    writer.u32(outcome.as_ref().map_or(given, |(_, found)| found.0));
    writer.u32(outcome.err().unwrap_or(Win32::SUCCESS).0);
    Ok(writer)
}

fn fit(outcome: Result<(String, PathType), Win32>, room_bytes: u32) -> Result<(String, PathType), Win32> {
    let (text, found) = outcome?;
    let needed = Wtf8::from(text.as_str()).utf16_length().saturating_add(1).saturating_mul(2);
    if usize::try_from(room_bytes).unwrap_or(0) < needed {
        return Err(Win32::NERR_BUF_TOO_SMALL);
    }
    Ok((text, found))
}

/// `prefix\path` without `.` and `..`, with `\` between components; device names in upper case.
fn canonical(prefix: &Wtf8Buf, path: &Wtf8Buf) -> Result<(String, PathType), Win32> {
    checked_type(path, 0)?;
    let text = path.as_wtf8().to_str().ok_or(Win32::INVALID_NAME)?.replace('/', "\\");
    let whole = if prefix.is_empty() {
        text
    } else {
        checked_type(prefix, 0)?;
        let prefix = prefix.as_wtf8().to_str().ok_or(Win32::INVALID_NAME)?.replace('/', "\\");
        format!("{}\\{}", prefix.trim_end_matches('\\'), text.trim_start_matches('\\'))
    };
    if Wtf8::from(whole.as_str()).utf16_length() > MAX_PATH {
        return Err(Win32::INVALID_NAME);
    }
    let resolved = match PathType::of(&whole)? {
        PathType::DEVICE_LPT
        | PathType::DEVICE_COM
        | PathType::DEVICE_DISK
        | PathType::UNC_COMPNAME
        | PathType::UNC_WC => whole,
        _ => without_dots(&whole)?,
    };
    // Without its dots it may be a device: `a:.` is `A:`.
    let found = PathType::of(&resolved)?;
    let canonical = match found {
        PathType::DEVICE_LPT | PathType::DEVICE_COM => resolved.trim_end_matches(':').to_uppercase(),
        PathType::DEVICE_DISK => resolved.to_uppercase(),
        _ => resolved,
    };
    Ok((canonical, found))
}

/// Resolves `.` and `..`; what would lead above the root is refused.
fn without_dots(path: &str) -> Result<String, Win32> {
    let (root, rest) = match path.strip_prefix("\\\\") {
        // The computer and its share are the root, `\\.\` is too.
        Some(unc) => {
            let (computer, rest) = unc.split_once('\\').unwrap_or((unc, ""));
            match (computer, rest.split_once('\\')) {
                (".", _) => ("\\\\.\\".to_owned(), rest),
                (_, Some((share, rest))) => (format!("\\\\{computer}\\{share}\\"), rest),
                (_, None) => return Ok(path.to_owned()),
            }
        }
        None => match after_drive(path) {
            Some(rest) => {
                let drive = path.get(..2).unwrap_or_default();
                match rest.strip_prefix('\\') {
                    Some(rest) => (format!("{drive}\\"), rest),
                    None => (drive.to_owned(), rest),
                }
            }
            None => match path.strip_prefix('\\') {
                Some(rest) => ("\\".to_owned(), rest),
                None => (String::new(), path),
            },
        },
    };
    let mut components: Vec<&str> = Vec::new();
    for component in rest.split('\\') {
        match component {
            "" | "." => {}
            ".." => {
                components.pop().ok_or(Win32::INVALID_NAME)?;
            }
            component => components.push(component),
        }
    }
    let whole = root + &components.join("\\");
    // `\\computer\share\` does not end with a separator, `C:\` does.
    let bare_share = whole.starts_with("\\\\") && !whole.starts_with("\\\\.\\");
    Ok(if bare_share { whole.trim_end_matches('\\').to_owned() } else { whole })
}

/// NetprPathCompare.
pub(super) fn path_compare(call: &mut Call<'_, '_>) -> Result<NdrWriter, Fault> {
    super::server_name(&mut call.parameters)?;
    let first = call.parameters.wide_string("PathName1")?;
    let second = call.parameters.wide_string("PathName2")?;
    // Note <116>: not looked at.
    let _path_type = call.parameters.u32("PathType")?;
    let flags = call.parameters.u32("Flags")?;
    Ok(super::comparison(compare(&first, &second, flags)))
}

fn compare(first: &Wtf8Buf, second: &Wtf8Buf, flags: u32) -> Result<Ordering, Win32> {
    if flags & !ALREADY_CANONICAL != 0 {
        return Err(Win32::INVALID_PARAMETER);
    }
    if flags & ALREADY_CANONICAL != 0 {
        return Ok(no_case(&first.to_string()).cmp(&no_case(&second.to_string())));
    }
    let (first, first_type) = canonical(&Wtf8Buf::new(), first).map_err(|_| Win32::INVALID_NAME)?;
    let (second, second_type) = canonical(&Wtf8Buf::new(), second).map_err(|_| Win32::INVALID_NAME)?;
    if first_type != second_type {
        return Ok(Ordering::Greater);
    }
    Ok(no_case(&first).cmp(&no_case(&second)))
}

/// File systems here are case-insensitive.
fn no_case(path: &str) -> String {
    path.to_uppercase()
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::{Client, Fixture};
    use super::*;

    #[test]
    fn paths_have_the_type_of_their_syntax() {
        for (path, expected) in [
            ("\\\\server", 4_144),
            ("\\\\server\\share\\x", 4_096),
            ("\\\\server\\share\\*.txt", 4_097),
            ("\\\\*", 4_145),
            ("\\\\.\\x", 8_198),
            ("\\\\.\\x?", 8_199),
            ("\\a\\b", 8_194),
            ("\\a\\*", 8_195),
            ("a\\b", 8_192),
            ("a\\?", 8_193),
            ("c:", 16_384),
            ("C:\\a", 8_198),
            ("C:\\a*", 8_199),
            ("lpt1:", 16_400),
            ("\\dev\\LPT1", 16_400),
            ("COM3", 16_416),
            ("\\DEV\\com2:", 16_416),
            ("LPT", 8_192),
        ] {
            assert_eq!(PathType::of(path), Ok(PathType(expected)), "{path}");
        }
        for path in ["\\\\", "\\\\.", "\\\\server\\", "\\\\*x", "\\DEV\\NUL", "a<b", "a|b", "a\"b", "a\tb"] {
            assert_eq!(PathType::of(path), Err(Win32::INVALID_NAME), "{path}");
        }
    }

    #[test]
    fn the_old_rules_are_for_short_names() {
        let of = |path: &str, flags| checked_type(&Wtf8Buf::from(path), flags).is_ok();
        assert!(of("C:\\eight888\\name.ext", 1) && of("..\\x", 1));
        assert!(!of("C:\\nine99999\\x", 1) && of("C:\\nine99999\\x", 0));
        assert!(!of("a.long", 1) && !of("a.b.c", 1));
        assert!(!of(&"a".repeat(261), 0) && of(&"a".repeat(260), 0) && !of("", 0));
    }

    #[test]
    fn canonical_paths_have_no_dots_and_one_separator() {
        let of = |prefix: &str, path: &str| {
            canonical(&Wtf8Buf::from(prefix), &Wtf8Buf::from(path)).map(|(text, _)| text)
        };
        for (prefix, path, expected) in [
            ("", "C:\\a\\.\\b\\..\\c", "C:\\a\\c"),
            ("", "C:\\", "C:\\"),
            ("", "a/b//c", "a\\b\\c"),
            ("C:\\dir\\", "\\file", "C:\\dir\\file"),
            ("C:\\dir", "..\\file", "C:\\file"),
            ("", "\\\\s\\h\\a\\..\\b", "\\\\s\\h\\b"),
            ("", "\\\\s\\h\\a\\..", "\\\\s\\h"),
            ("", "lpt1:", "LPT1"),
            ("", "c:", "C:"),
        ] {
            assert_eq!(of(prefix, path).as_deref(), Ok(expected), "{prefix} {path}");
        }
        for path in ["C:\\..", "..", "a\\..\\..", "\\\\s\\h\\..", "a|b"] {
            assert_eq!(of("", path), Err(Win32::INVALID_NAME), "{path}");
        }
    }

    #[test]
    fn the_buffer_is_returned_whole_with_the_type_found() {
        let fixture = Fixture::new().ordinary_caller();
        let mut client = Client::srvsvc(&fixture);
        let mut ask = |path: &str, room: u32, flags: u32| {
            let mut writer = NdrWriter::new();
            writer.null();
            writer.wide_string(path);
            writer.u32(room);
            writer.wide_string("");
            writer.u32(0);
            writer.u32(flags);
            client.call(31, &writer.into_bytes()).unwrap()
        };
        let stub = ask("a", 4, 0);
        assert_eq!(stub, [4, 0, 0, 0, b'a', 0, 0, 0, 0, 0x20, 0, 0, 0, 0, 0, 0]);
        assert_eq!(ask("a", 3, 0), [3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x4B, 8, 0, 0]);
        assert_eq!(ask("a", 0, 2), [0, 0, 0, 0, 0, 0, 0, 0, 87, 0, 0, 0]);
    }

    #[test]
    fn paths_are_compared_in_canonical_form() {
        let of =
            |first: &str, second: &str, flags| compare(&Wtf8Buf::from(first), &Wtf8Buf::from(second), flags);
        assert_eq!(of("C:\\a\\.\\b", "c:\\A\\B", 0), Ok(Ordering::Equal));
        assert_eq!(of("C:\\a\\.\\b", "c:\\A\\B", 1), Ok(Ordering::Less));
        assert_eq!(of("C:\\a", "a", 0), Ok(Ordering::Greater));
        assert_eq!(of("a", "b", 0), Ok(Ordering::Less));
        assert_eq!(of("a|", "b", 0), Err(Win32::INVALID_NAME));
        assert_eq!(of("a", "b", 2), Err(Win32::INVALID_PARAMETER));
    }

    proptest::proptest! {
        #[test]
        fn canonical_form_is_stable(path in "[a-cC:.\\\\/*?]{1,24}") {
            if let Ok((once, found)) = canonical(&Wtf8Buf::new(), &Wtf8Buf::from(path.as_str()))
                && !once.is_empty()
                && let Ok((twice, again)) = canonical(&Wtf8Buf::new(), &Wtf8Buf::from(once.as_str()))
            {
                proptest::prop_assert_eq!((once, found), (twice, again));
            }
        }
    }
}
