//! RFC 4120 5.9.1 KRB-ERROR, read from what a KDC sends before the sspi crate sees it: its own errors lose the code and the data.

use crate::domain::ber::{INTEGER, OCTET_STRING, Reader, SEQUENCE, integer};

/// [APPLICATION 30].
const KRB_ERROR: u8 = 0x7e;
const FIELD_STIME: u8 = 0xa4;
const FIELD_ERROR_CODE: u8 = 0xa6;
const FIELD_E_TEXT: u8 = 0xab;
const FIELD_E_DATA: u8 = 0xac;
const FIELD_0: u8 = 0xa0;
const FIELD_1: u8 = 0xa1;
const FIELD_2: u8 = 0xa2;
const GENERALIZED_TIME: u8 = 0x18;

/// RFC 4120 5.2.7.5 PA-ETYPE-INFO2.
const PA_ETYPE_INFO2: i64 = 19;
/// [MS-KILE] 2.2.1 KERB-ERROR-DATA, KERB_ERR_TYPE_EXTENDED; in a list of PA-DATA the same number is PA-PW-SALT, and is used alike.
const KERB_ERR_TYPE_EXTENDED: i64 = 3;
/// Text of an error that is shown, in characters.
const TEXT_LIMIT: usize = 200;
/// Salts that are kept of one answer.
const SALTS_LIMIT: usize = 16;

/// What a KDC said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct KrbError {
    /// error-code, RFC 4120 7.5.9.
    pub(super) code: i64,
    /// stime: the KDC's time, in seconds since 1970.
    pub(super) server_time: Option<i64>,
    /// e-text.
    pub(super) text: String,
    /// The NTSTATUS of a KERB_EXT_ERROR ([MS-KILE] 2.2.2).
    pub(super) status: Option<u32>,
    /// The encryption types that the KDC has keys of, with their salts.
    pub(super) salts: Vec<EncryptionSalt>,
}

/// One entry of PA-ETYPE-INFO2: an encryption type that the account has a key of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EncryptionSalt {
    /// The encryption type.
    pub encryption_type: i32,
    /// The salt of the password; `None`: the default one, of realm and name.
    pub salt: Option<String>,
}

impl KrbError {
    /// Reads one; `None` for any other message.
    pub(super) fn decode(message: &[u8]) -> Option<Self> {
        let fields = Reader(Reader(Reader(message).expect(KRB_ERROR).ok()?).expect(SEQUENCE).ok()?);
        let field = |tag: u8| {
            let mut fields = fields;
            fields.field(tag).ok().flatten()
        };
        let code = integer(Reader(field(FIELD_ERROR_CODE)?).expect(INTEGER).ok()?).ok()?;
        let mut error = KrbError { code, ..KrbError::default() };
        error.server_time = field(FIELD_STIME)
            .and_then(|time| Reader(time).expect(GENERALIZED_TIME).ok())
            .and_then(generalized_time);
        if let Some(Ok(Some(text))) = field(FIELD_E_TEXT).map(|text| Reader(text).next()) {
            error.text = String::from_utf8_lossy(text.content)
                .chars()
                .filter(|character| !character.is_control())
                .take(TEXT_LIMIT)
                .collect();
        }
        if let Some(Ok(data)) = field(FIELD_E_DATA).map(|data| Reader(data).expect(OCTET_STRING)) {
            error.read_data(data);
        }
        Some(error)
    }

    /// e-data is METHOD-DATA (RFC 4120 5.9.1), or one KERB-ERROR-DATA ([MS-KILE] 2.2.1), whose fields have the same tags.
    fn read_data(&mut self, data: &[u8]) {
        let Ok(content) = Reader(data).expect(SEQUENCE) else { return };
        let mut list = Reader(content);
        if !matches!(list.clone().optional(SEQUENCE), Ok(Some(_))) {
            self.read_item(content);
            return;
        }
        while let Ok(Some(item)) = list.optional(SEQUENCE) {
            self.read_item(item);
        }
    }

    fn read_item(&mut self, item: &[u8]) {
        let mut fields = Reader(item);
        let Ok(Some(Ok(kind))) =
            fields.field(FIELD_1).map(|kind| kind.map(|kind| Reader(kind).expect(INTEGER)))
        else {
            return;
        };
        let Ok(Some(Ok(value))) =
            fields.field(FIELD_2).map(|value| value.map(|value| Reader(value).expect(OCTET_STRING)))
        else {
            return;
        };
        match integer(kind) {
            Ok(KERB_ERR_TYPE_EXTENDED) => {
                // status, reserved, flags: 4 octets each.
                self.status =
                    value.first_chunk().filter(|_| value.len() == 12).map(|bytes| u32::from_le_bytes(*bytes));
            }
            Ok(PA_ETYPE_INFO2) => self.salts = salts(value),
            _ => {}
        }
    }
}

fn salts(info: &[u8]) -> Vec<EncryptionSalt> {
    let mut salts = Vec::new();
    let Ok(entries) = Reader(info).expect(SEQUENCE) else { return salts };
    let mut entries = Reader(entries);
    while let Ok(Some(entry)) = entries.optional(SEQUENCE) {
        let mut fields = Reader(entry);
        let Ok(Some(Ok(kind))) =
            fields.field(FIELD_0).map(|kind| kind.map(|kind| Reader(kind).expect(INTEGER)))
        else {
            continue;
        };
        let salt = match fields.field(FIELD_1) {
            Ok(Some(salt)) => Reader(salt).next().ok().flatten(),
            _ => None,
        };
        if let Some(encryption_type) = integer(kind).ok().and_then(|kind| i32::try_from(kind).ok())
            && salts.len() < SALTS_LIMIT
        {
            let salt = salt.map(|salt| String::from_utf8_lossy(salt.content).into_owned());
            salts.push(EncryptionSalt { encryption_type, salt });
        }
    }
    salts
}

/// KerberosTime (RFC 4120 5.2.3): `YYYYMMDDHHMMSSZ`, in seconds since 1970.
fn generalized_time(text: &[u8]) -> Option<i64> {
    let text = std::str::from_utf8(text).ok()?;
    let time = jiff::civil::DateTime::strptime("%Y%m%d%H%M%SZ", text).ok()?;
    Some(time.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp().as_second())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, proptest};

    use super::{EncryptionSalt, KrbError};
    use crate::domain::ber::{INTEGER, OCTET_STRING, SEQUENCE, constructed, element, encode_integer};

    fn error(code: i32, data: Option<Vec<u8>>) -> Vec<u8> {
        let mut fields = [
            element(0xa0, &encode_integer(INTEGER, 5)),
            element(0xa1, &encode_integer(INTEGER, 30)),
            element(0xa4, &element(0x18, b"20261127180000Z")),
            element(0xa5, &encode_integer(INTEGER, 7)),
            element(0xa6, &encode_integer(INTEGER, code)),
            element(0xab, &element(0x1b, "nö\n".as_bytes())),
        ]
        .concat();
        if let Some(data) = data {
            fields.extend(element(0xac, &element(OCTET_STRING, &data)));
        }
        element(0x7e, &element(SEQUENCE, &fields))
    }

    fn item(kind: i32, value: &[u8]) -> Vec<u8> {
        constructed(
            SEQUENCE,
            &[&element(0xa1, &encode_integer(INTEGER, kind)), &element(0xa2, &element(OCTET_STRING, value))],
        )
    }

    #[test]
    fn code_time_and_text_are_read() {
        let error = KrbError::decode(&error(37, None)).unwrap();
        assert_eq!((error.code, error.text.as_str()), (37, "nö"));
        assert_eq!(error.server_time, Some(1_795_802_400));
    }

    #[test]
    fn a_status_is_found_alone_and_in_a_list() {
        let status = [0x72, 0, 0, 0xc0, 0, 0, 0, 0, 1, 0, 0, 0];
        let alone = item(3, &status);
        let list = element(SEQUENCE, &[item(2, b""), item(3, &status)].concat());
        for data in [alone, list] {
            assert_eq!(KrbError::decode(&error(18, Some(data))).unwrap().status, Some(0xc000_0072));
        }
    }

    #[test]
    fn salts_are_read() {
        let entry = |kind, salt: Option<&[u8]>| {
            let mut fields = element(0xa0, &encode_integer(INTEGER, kind));
            if let Some(salt) = salt {
                fields.extend(element(0xa1, &element(0x1b, salt)));
            }
            element(SEQUENCE, &fields)
        };
        let info = element(
            SEQUENCE,
            &[entry(18, Some(b"CORP.EXAMPLEhostfh.corp.example")), entry(23, None)].concat(),
        );
        let data = element(SEQUENCE, &item(19, &info));
        assert_eq!(
            KrbError::decode(&error(25, Some(data))).unwrap().salts,
            [
                EncryptionSalt {
                    encryption_type: 18,
                    salt: Some("CORP.EXAMPLEhostfh.corp.example".to_owned())
                },
                EncryptionSalt { encryption_type: 23, salt: None },
            ]
        );
    }

    #[test]
    fn another_message_is_none() {
        assert_eq!(KrbError::decode(&element(0x6b, b"")), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = KrbError::decode(&bytes);
            let _ = KrbError::decode(&error(25, Some(bytes)));
        }
    }
}
