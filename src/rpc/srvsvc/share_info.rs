//! [MS-SRVS] 2.2.3.6 SHARE_INFO as clients send it, and share paths in the form that Windows' tools know.

use freehold_dtyp::Wtf8Buf;

use super::super::fault::Fault;
use super::super::ndr::NdrReader;

/// The drive that share paths begin with.
const DRIVE: &str = "C:";

/// The fields of all levels, as far as they were sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct ShareInfo {
    pub(super) name: Option<Wtf8Buf>,
    pub(super) share_type: Option<u32>,
    pub(super) remark: Option<Wtf8Buf>,
    pub(super) max_uses: Option<u32>,
    pub(super) path: Option<Wtf8Buf>,
    pub(super) flags: Option<u32>,
    pub(super) security: Option<Vec<u8>>,
}

/// Which pointers of the fixed part have referents that follow.
#[derive(Default)]
struct Pointers {
    name: bool,
    remark: bool,
    path: bool,
    password: bool,
    server: bool,
    security: bool,
    security_length: usize,
}

impl ShareInfo {
    /// Reads the union at `level`; `None` for a level that it has no arm for, which carries nothing.
    pub(super) fn read(reader: &mut NdrReader<'_>, level: u32) -> Result<Option<ShareInfo>, Fault> {
        if reader.u32("Level")? != level {
            return Err(Fault::BAD_STUB_DATA);
        }
        if !matches!(level, 0 | 1 | 2 | 501 | 502 | 503 | 1004 | 1005 | 1006 | 1501) {
            return Ok(None);
        }
        if !reader.pointer("ShareInfo")? {
            return Err(Fault::BAD_STUB_DATA);
        }
        let mut info = ShareInfo::default();
        let pointers = info.fixed(reader, level)?;
        info.referents(reader, &pointers)?;
        Ok(Some(info))
    }

    fn fixed(&mut self, reader: &mut NdrReader<'_>, level: u32) -> Result<Pointers, Fault> {
        let mut pointers = Pointers::default();
        match level {
            1004 => pointers.remark = reader.pointer("remark")?,
            1005 => self.flags = Some(reader.u32("flags")?),
            1006 => self.max_uses = Some(reader.u32("max_uses")?),
            1501 => pointers.security(reader)?,
            _ => {
                pointers.name = reader.pointer("netname")?;
                if level != 0 {
                    self.share_type = Some(reader.u32("type")?);
                    pointers.remark = reader.pointer("remark")?;
                }
                match level {
                    501 => self.flags = Some(reader.u32("flags")?),
                    2 | 502 | 503 => {
                        reader.u32("permissions")?;
                        self.max_uses = Some(reader.u32("max_uses")?);
                        reader.u32("current_uses")?;
                        pointers.path = reader.pointer("path")?;
                        pointers.password = reader.pointer("passwd")?;
                        if level == 503 {
                            pointers.server = reader.pointer("servername")?;
                        }
                        if level != 2 {
                            pointers.security(reader)?;
                        }
                    }
                    _ => {}
                }
            }
        }
        Ok(pointers)
    }

    fn referents(&mut self, reader: &mut NdrReader<'_>, pointers: &Pointers) -> Result<(), Fault> {
        let mut text =
            |present: bool, field: &'static str| present.then(|| reader.wide_string(field)).transpose();
        self.name = text(pointers.name, "netname")?;
        self.remark = text(pointers.remark, "remark")?;
        self.path = text(pointers.path, "path")?;
        text(pointers.password, "passwd")?;
        // Shares are not scoped here: every name of the server has all of them.
        text(pointers.server, "servername")?;
        if pointers.security {
            let length = reader.size("security_descriptor")?;
            if length != pointers.security_length {
                return Err(Fault::BAD_STUB_DATA);
            }
            self.security = Some(reader.bytes("security_descriptor", length)?.to_vec());
        }
        Ok(())
    }
}

impl Pointers {
    fn security(&mut self, reader: &mut NdrReader<'_>) -> Result<(), Fault> {
        self.security_length = reader.size("reserved")?;
        self.security = reader.pointer("security_descriptor")?;
        Ok(())
    }
}

/// The path in the form that Windows tools expect: the volume as a folder of drive C.
pub(super) fn windows_path(volume: &str, path: &str) -> String {
    let mut whole = format!("{DRIVE}\\{volume}");
    if !path.is_empty() {
        whole.push('\\');
        whole.push_str(&path.replace('/', "\\"));
    }
    whole
}

/// Volume and path within it of a path in that form; `None` for one that is none, or has a component that is no name.
pub(super) fn from_windows_path(path: &str) -> Option<(String, String)> {
    let (drive, rest) = path.split_at_checked(DRIVE.len())?;
    if !drive.eq_ignore_ascii_case(DRIVE) || !rest.starts_with(['\\', '/']) {
        return None;
    }
    let mut components = rest.split(['\\', '/']).filter(|part| !part.is_empty());
    let volume = components.next()?.to_owned();
    let below: Vec<&str> = components.collect();
    let is_name = |part: &str| !matches!(part, "." | "..") && !part.contains('\0');
    if !is_name(&volume) || !below.iter().all(|part| is_name(part)) {
        return None;
    }
    Some((volume, below.join("/")))
}

#[cfg(test)]
mod tests {
    use super::super::super::ndr::NdrWriter;
    use super::*;

    #[test]
    fn paths_lead_to_volumes_and_back() {
        let of = |path: &str| from_windows_path(path);
        assert_eq!(of("C:\\vol\\a\\b"), Some(("vol".to_owned(), "a/b".to_owned())));
        assert_eq!(of("c:/vol/"), Some(("vol".to_owned(), String::new())));
        for path in ["", "C:", "C:\\", "D:\\vol", "C:vol", "\\vol", "C:\\vol\\..\\x", "C:\\.", "vol"] {
            assert_eq!(of(path), None, "{path}");
        }
        assert_eq!(of(&windows_path("vol", "a/b")), Some(("vol".to_owned(), "a/b".to_owned())));
    }

    #[test]
    fn every_level_is_read() {
        let mut writer = NdrWriter::new();
        writer.u32(502);
        writer.pointer();
        writer.pointer();
        writer.u32(0);
        writer.pointer();
        for value in [0, 7, 0] {
            writer.u32(value);
        }
        writer.pointer();
        writer.null();
        writer.u32(3);
        writer.pointer();
        writer.wide_string("data");
        writer.wide_string("a remark");
        writer.wide_string("C:\\vol");
        writer.u32(3);
        writer.bytes(&[1, 2, 3]);
        let bytes = writer.into_bytes();
        let info = ShareInfo::read(&mut NdrReader::new(&bytes), 502).unwrap().unwrap();
        assert_eq!(info.name, Some("data".into()));
        assert_eq!((info.remark, info.path), (Some("a remark".into()), Some("C:\\vol".into())));
        assert_eq!((info.max_uses, info.security, info.flags), (Some(7), Some(vec![1, 2, 3]), None));
        assert_eq!(ShareInfo::read(&mut NdrReader::new(&bytes), 2), Err(Fault::BAD_STUB_DATA));
        let words = |values: &[u32]| values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>();
        let flags = words(&[1005, 1, 0x800]);
        let info = ShareInfo::read(&mut NdrReader::new(&flags), 1005).unwrap().unwrap();
        assert_eq!(info.flags, Some(0x800));
        assert_eq!(ShareInfo::read(&mut NdrReader::new(&words(&[77])), 77), Ok(None));
        assert_eq!(ShareInfo::read(&mut NdrReader::new(&words(&[1006, 0])), 1006), Err(Fault::BAD_STUB_DATA));
        // A descriptor that is longer than what was sent.
        let short = words(&[1501, 1, 400, 1, 400, 0]);
        assert!(ShareInfo::read(&mut NdrReader::new(&short), 1501).is_err());
    }
}
