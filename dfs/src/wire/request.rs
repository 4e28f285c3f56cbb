//! [MS-DFSC] 2.2.2 REQ_GET_DFS_REFERRAL and 2.2.3 REQ_GET_DFS_REFERRAL_EX.

use freehold_dtyp::{DecodeError, DecodeReason, Reader, Writer};

/// [MS-DFSC] 2.2.2 REQ_GET_DFS_REFERRAL and 2.2.3 REQ_GET_DFS_REFERRAL_EX.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReferralRequest<'a> {
    /// Highest version of referral that the client understands.
    pub max_referral_level: u16,
    /// The path, UTF-16LE without terminator: `\server\share\path`.
    pub request_file_name: &'a [u8],
    /// The client's site, UTF-16LE; only in the extended form.
    pub site_name: Option<&'a [u8]>,
}

impl<'a> ReferralRequest<'a> {
    /// The path's code units.
    pub fn path(&self) -> impl Iterator<Item = u16> + 'a {
        self.request_file_name.as_chunks::<2>().0.iter().map(|unit| u16::from_le_bytes(*unit))
    }

    /// The name of the client's site; `None` where it gives none. What is no UTF-16 becomes a name that no site has.
    #[must_use]
    pub fn site(&self) -> Option<String> {
        let units = self.site_name?.as_chunks::<2>().0.iter().map(|unit| u16::from_le_bytes(*unit));
        Some(char::decode_utf16(units).map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER)).collect())
    }

    /// Flag SiteName of the extended form.
    const SITE_NAME: u16 = 1;

    /// [MS-DFSC] 2.2.2 REQ_GET_DFS_REFERRAL. A missing terminator is forgiven.
    ///
    /// # Errors
    /// The first field that does not fit.
    pub fn from_bytes(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        let max_referral_level = reader.u16("MaxReferralLevel")?;
        let (units, rest) = reader.remaining().as_chunks::<2>();
        let end = units.iter().position(|unit| *unit == [0, 0]);
        if end.is_none() && !rest.is_empty() {
            return Err(reader.error("RequestFileName", DecodeReason::Invalid));
        }
        let length = end.unwrap_or(units.len()).saturating_mul(2);
        let request_file_name = reader.bytes("RequestFileName", length)?;
        Ok(ReferralRequest { max_referral_level, request_file_name, site_name: None })
    }

    /// [MS-DFSC] 2.2.3 REQ_GET_DFS_REFERRAL_EX.
    ///
    /// # Errors
    /// The first field that does not fit.
    pub fn from_bytes_ex(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        let max_referral_level = reader.u16("MaxReferralLevel")?;
        let flags = reader.u16("RequestFlags")?;
        reader.skip("RequestDataLength", 4)?;
        let mut counted = |length_field, field| -> Result<&'a [u8], DecodeError> {
            let length = reader.u16(length_field)?;
            let name = reader.bytes(field, usize::from(length))?;
            if !name.len().is_multiple_of(2) {
                return Err(reader.error(field, DecodeReason::Invalid));
            }
            // The terminator is counted by some clients and not by others; inside of a string there is none.
            let name = name.strip_suffix(&[0, 0]).unwrap_or(name);
            if name.as_chunks::<2>().0.contains(&[0, 0]) {
                return Err(reader.error(field, DecodeReason::Invalid));
            }
            Ok(name)
        };
        let request_file_name = counted("RequestFileNameLength", "RequestFileName")?;
        let site_name =
            if flags & Self::SITE_NAME == 0 { None } else { Some(counted("SiteNameLength", "SiteName")?) };
        Ok(ReferralRequest { max_referral_level, request_file_name, site_name })
    }

    /// [MS-DFSC] 2.2.2 REQ_GET_DFS_REFERRAL: the client's side. A site is not part of it.
    pub fn encode(&self, writer: &mut Writer) {
        writer.u16(self.max_referral_level);
        writer.bytes(self.request_file_name);
        writer.zeros(2);
    }

    /// [MS-DFSC] 2.2.3 REQ_GET_DFS_REFERRAL_EX: the client's side.
    pub fn encode_ex(&self, writer: &mut Writer) {
        writer.u16(self.max_referral_level);
        writer.u16(if self.site_name.is_some() { Self::SITE_NAME } else { 0 });
        let place = writer.position();
        writer.u32(0);
        let start = writer.position();
        for name in [Some(self.request_file_name), self.site_name].into_iter().flatten() {
            writer.u16(u16::try_from(name.len()).unwrap_or(u16::MAX));
            writer.bytes(name);
        }
        let length = writer.position().saturating_sub(start);
        writer.patch_u32(place, length);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn referral_requests_end_at_their_terminator() {
        let path: Vec<u8> = "\\s\\d".encode_utf16().flat_map(u16::to_le_bytes).collect();
        let request = ReferralRequest { max_referral_level: 4, request_file_name: &path, site_name: None };
        let mut writer = Writer::new();
        request.encode(&mut writer);
        let mut bytes = writer.into_bytes();
        assert_eq!(ReferralRequest::from_bytes(&bytes), Ok(request));
        bytes.extend(b"garbage");
        assert_eq!(ReferralRequest::from_bytes(&bytes), Ok(request));
        assert_eq!(ReferralRequest::from_bytes(&bytes[..10]), Ok(request));
        assert!(ReferralRequest::from_bytes(&bytes[..9]).is_err());
        let with_site = ReferralRequest { site_name: Some(b"S\0"), ..request };
        assert_eq!((request.site(), with_site.site().as_deref()), (None, Some("S")));
        for request in [request, with_site] {
            let mut writer = Writer::new();
            request.encode_ex(&mut writer);
            let bytes = writer.into_bytes();
            assert_eq!(ReferralRequest::from_bytes_ex(&bytes), Ok(request));
            assert!(ReferralRequest::from_bytes_ex(&bytes[..bytes.len() - 1]).is_err());
        }
    }

    /// The request of [MS-DFSC] 4.5, figure 19: level 3, `\dfsn-dev\testroot1`.
    #[test]
    fn the_request_of_the_specification_is_read_and_written() {
        let mut bytes = vec![3, 0];
        bytes.extend("\\dfsn-dev\\testroot1\0".encode_utf16().flat_map(u16::to_le_bytes));
        assert_eq!(bytes.len(), 42, "the parameter count of the trace");
        let request = ReferralRequest::from_bytes(&bytes).unwrap();
        assert_eq!(request.max_referral_level, 3);
        let path: Vec<u16> = request.path().collect();
        assert_eq!(String::from_utf16(&path).unwrap(), "\\dfsn-dev\\testroot1");
        let mut writer = Writer::new();
        request.encode(&mut writer);
        assert_eq!(writer.into_bytes(), bytes);
    }

    #[test]
    fn a_terminator_inside_of_a_name_is_refused() {
        let ex = |name: &[u8]| {
            let request = ReferralRequest { max_referral_level: 4, request_file_name: name, site_name: None };
            let mut writer = Writer::new();
            request.encode_ex(&mut writer);
            ReferralRequest::from_bytes_ex(writer.as_slice()).is_ok()
        };
        assert!(ex(b"\\\0s\0"));
        assert!(ex(b"\\\0s\0\0\0"));
        assert!(!ex(b"\\\0\0\0s\0"));
    }

    proptest! {
        #[test]
        fn any_bytes_are_judged_without_panic(bytes: Vec<u8>) {
            let _ = ReferralRequest::from_bytes(&bytes);
            let _ = ReferralRequest::from_bytes_ex(&bytes);
        }
    }
}
