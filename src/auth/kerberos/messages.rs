//! RFC 4120 section 5: the messages of the client/server exchange, in DER. Reading borrows, names are UTF-8 as in Active
//! Directory.

use freehold_dtyp::FileTime;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::crypto::EncryptionKey;
use super::key::EncryptionType;
use crate::auth::der::{
    Der, DerError, Fields, TAG_BIT_STRING, TAG_GENERAL_STRING, TAG_GENERALIZED_TIME, TAG_OCTET_STRING,
    TAG_SEQUENCE, application, context, encode_integer, integer, sequence, tlv,
};

/// Components of a name that are read; real ones have one to three.
const NAME_COMPONENTS_LIMIT: usize = 8;
/// Elements of authorization data that are looked at, at each level.
const AUTHORIZATION_DATA_LIMIT: usize = 64;
const PVNO: i64 = 5;
const MSG_TYPE_AP_REQ: i64 = 14;
const MSG_TYPE_AP_REP: i64 = 15;
const MSG_TYPE_ERROR: i64 = 30;

/// RFC 4120 5.2.2 PrincipalName.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PrincipalName {
    /// name-type.
    pub name_type: i64,
    /// name-string.
    pub components: Vec<String>,
}

/// RFC 4120 5.2.9 EncryptedData.
#[derive(Clone, Copy, Debug)]
pub(super) struct EncryptedData<'a> {
    pub(super) encryption_type: EncryptionType,
    pub(super) kvno: Option<u32>,
    pub(super) cipher: &'a [u8],
}

/// RFC 4120 5.5.1 AP-REQ, with the clear part of its ticket (5.3).
#[derive(Clone, Debug)]
pub(super) struct ApReq<'a> {
    pub(super) use_session_key: bool,
    pub(super) mutual_required: bool,
    pub(super) realm: String,
    pub(super) server: PrincipalName,
    pub(super) ticket: EncryptedData<'a>,
    pub(super) authenticator: EncryptedData<'a>,
}

/// RFC 4120 5.3 EncTicketPart.
#[derive(Debug)]
pub(super) struct EncTicketPart<'a> {
    pub(super) invalid: bool,
    pub(super) key: EncryptionKey,
    pub(super) client_realm: String,
    pub(super) client: PrincipalName,
    pub(super) auth_time: FileTime,
    pub(super) start_time: Option<FileTime>,
    pub(super) end_time: FileTime,
    pub(super) authorization_data: Option<&'a [u8]>,
}

/// RFC 4120 5.5.1 Authenticator.
#[derive(Debug)]
pub(super) struct Authenticator<'a> {
    pub(super) client_realm: String,
    pub(super) client: PrincipalName,
    /// cksumtype and checksum.
    pub(super) checksum: Option<(i64, &'a [u8])>,
    pub(super) microseconds: i64,
    /// ctime, in whole seconds.
    pub(super) seconds: FileTime,
    pub(super) sub_key: Option<EncryptionKey>,
    pub(super) sequence_number: u32,
}

impl Authenticator<'_> {
    /// ctime and cusec together.
    pub(super) fn time(&self) -> FileTime {
        let microseconds = u64::try_from(self.microseconds.clamp(0, 999_999)).unwrap_or_default();
        FileTime(self.seconds.0.saturating_add(microseconds.saturating_mul(10)))
    }
}

/// RFC 4120 5.5.2 EncAPRepPart.
#[derive(Debug)]
pub(super) struct EncApRepPart {
    pub(super) seconds: FileTime,
    pub(super) microseconds: i64,
    pub(super) sub_key: Option<EncryptionKey>,
    pub(super) sequence_number: Option<u32>,
}

impl PrincipalName {
    /// A name of these components.
    #[must_use]
    pub fn new(name_type: i64, components: &[&str]) -> Self {
        PrincipalName { name_type, components: components.iter().map(|each| (*each).to_owned()).collect() }
    }

    fn decode(bytes: &[u8]) -> Result<Self, DerError> {
        let mut fields = Fields::of(bytes)?;
        let name_type = integer(fields.required(0)?)?;
        let mut list = Der(Der(fields.required(1)?).tagged(TAG_SEQUENCE)?);
        let mut components = Vec::new();
        while let Some((tag, content)) = list.next()? {
            if tag != TAG_GENERAL_STRING || components.len() >= NAME_COMPONENTS_LIMIT {
                return Err(DerError);
            }
            components.push(text(content)?);
        }
        Ok(PrincipalName { name_type, components })
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let list: Vec<Vec<u8>> =
            self.components.iter().map(|each| tlv(TAG_GENERAL_STRING, each.as_bytes())).collect();
        sequence(&[field(0, &encode_integer(self.name_type)), field(1, &sequence(&list))])
    }

    /// The components with slashes between them.
    #[must_use]
    pub fn joined(&self) -> String {
        self.components.join("/")
    }
}

impl<'a> EncryptedData<'a> {
    fn decode(bytes: &'a [u8]) -> Result<Self, DerError> {
        let mut fields = Fields::of(bytes)?;
        let encryption_type =
            EncryptionType(i32::try_from(integer(fields.required(0)?)?).map_err(|_| DerError)?);
        let kvno = fields.optional(1)?.map(integer).transpose()?.map(low_32);
        let cipher = Der(fields.required(2)?).tagged(TAG_OCTET_STRING)?;
        Ok(EncryptedData { encryption_type, kvno, cipher })
    }
}

/// EncryptedData in DER.
pub(super) fn encode_encrypted(encryption_type: EncryptionType, kvno: Option<u32>, cipher: &[u8]) -> Vec<u8> {
    let mut parts = vec![field(0, &encode_integer(i64::from(encryption_type.0)))];
    parts.extend(kvno.map(|kvno| field(1, &encode_integer(i64::from(kvno)))));
    parts.push(field(2, &tlv(TAG_OCTET_STRING, cipher)));
    sequence(&parts)
}

impl<'a> ApReq<'a> {
    pub(super) fn decode(bytes: &'a [u8]) -> Result<Self, DerError> {
        let mut fields = Fields::of_application(14, bytes)?;
        if integer(fields.required(0)?)? != PVNO || integer(fields.required(1)?)? != MSG_TYPE_AP_REQ {
            return Err(DerError);
        }
        let options = flags(fields.required(2)?)?;
        let mut ticket = Fields::of_application(1, fields.required(3)?)?;
        if integer(ticket.required(0)?)? != PVNO {
            return Err(DerError);
        }
        Ok(ApReq {
            use_session_key: has_flag(options, 1),
            mutual_required: has_flag(options, 2),
            realm: general_string(ticket.required(1)?)?,
            server: PrincipalName::decode(ticket.required(2)?)?,
            ticket: EncryptedData::decode(ticket.required(3)?)?,
            authenticator: EncryptedData::decode(fields.required(4)?)?,
        })
    }
}

impl<'a> EncTicketPart<'a> {
    pub(super) fn decode(bytes: &'a [u8]) -> Result<Self, TicketError> {
        let mut fields = Fields::of_application(3, bytes)?;
        let flags = flags(fields.required(0)?)?;
        Ok(EncTicketPart {
            invalid: has_flag(flags, 7),
            key: decode_key(fields.required(1)?)?.ok_or(TicketError::EncryptionType)?,
            client_realm: general_string(fields.required(2)?)?,
            client: PrincipalName::decode(fields.required(3)?)?,
            auth_time: time(fields.required(5)?)?,
            start_time: fields.optional(6)?.map(time).transpose()?,
            end_time: time(fields.required(7)?)?,
            authorization_data: fields.optional(10)?,
        })
    }
}

/// What is wrong with something that was encrypted well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TicketError {
    Malformed,
    /// A key of an unknown type or a wrong length.
    EncryptionType,
}

impl From<DerError> for TicketError {
    fn from(_: DerError) -> Self {
        TicketError::Malformed
    }
}

impl<'a> Authenticator<'a> {
    pub(super) fn decode(bytes: &'a [u8]) -> Result<Self, TicketError> {
        let mut fields = Fields::of_application(2, bytes)?;
        if integer(fields.required(0)?)? != PVNO {
            return Err(TicketError::Malformed);
        }
        let client_realm = general_string(fields.required(1)?)?;
        let client = PrincipalName::decode(fields.required(2)?)?;
        let checksum = fields.optional(3)?.map(decode_checksum).transpose()?;
        let microseconds = integer(fields.required(4)?)?;
        let seconds = time(fields.required(5)?)?;
        let sub_key = match fields.optional(6)? {
            Some(key) => Some(decode_key(key)?.ok_or(TicketError::EncryptionType)?),
            None => None,
        };
        let sequence_number = fields.optional(7)?.map(integer).transpose()?.map_or(0, low_32);
        Ok(Authenticator { client_realm, client, checksum, microseconds, seconds, sub_key, sequence_number })
    }
}

impl EncApRepPart {
    pub(super) fn decode(bytes: &[u8]) -> Result<Self, DerError> {
        let mut fields = Fields::of_application(27, bytes)?;
        Ok(EncApRepPart {
            seconds: time(fields.required(0)?)?,
            microseconds: integer(fields.required(1)?)?,
            sub_key: match fields.optional(2)? {
                Some(key) => Some(decode_key(key)?.ok_or(DerError)?),
                None => None,
            },
            sequence_number: fields.optional(3)?.map(integer).transpose()?.map(low_32),
        })
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let mut parts =
            vec![field(0, &encode_time(self.seconds)), field(1, &encode_integer(self.microseconds))];
        parts.extend(self.sub_key.as_ref().map(|key| field(2, &encode_key(key))));
        parts.extend(self.sequence_number.map(|number| field(3, &encode_integer(i64::from(number)))));
        tlv(application(27), &sequence(&parts))
    }
}

/// RFC 4120 5.5.2 AP-REP: the cipher of its one part and the key type it is of.
pub(super) fn decode_ap_rep(bytes: &[u8]) -> Result<(EncryptionType, &[u8]), DerError> {
    let mut fields = Fields::of_application(15, bytes)?;
    if integer(fields.required(0)?)? != PVNO || integer(fields.required(1)?)? != MSG_TYPE_AP_REP {
        return Err(DerError);
    }
    let part = EncryptedData::decode(fields.required(2)?)?;
    Ok((part.encryption_type, part.cipher))
}

/// An AP-REP around its encrypted part.
pub(super) fn encode_ap_rep(encryption_type: EncryptionType, cipher: &[u8]) -> Vec<u8> {
    let parts = [
        field(0, &encode_integer(PVNO)),
        field(1, &encode_integer(MSG_TYPE_AP_REP)),
        field(2, &encode_encrypted(encryption_type, None, cipher)),
    ];
    tlv(application(15), &sequence(&parts))
}

/// RFC 4120 5.9.1 KRB-ERROR of this server.
pub(super) fn encode_error(
    code: i64,
    now: FileTime,
    realm: &str,
    server: &PrincipalName,
    data: Option<&[u8]>,
) -> Vec<u8> {
    let microseconds = i64::from(now.to_unix().1 / 1000);
    let mut parts = vec![
        field(0, &encode_integer(PVNO)),
        field(1, &encode_integer(MSG_TYPE_ERROR)),
        field(4, &encode_time(now)),
        field(5, &encode_integer(microseconds)),
        field(6, &encode_integer(code)),
        field(9, &tlv(TAG_GENERAL_STRING, realm.as_bytes())),
        field(10, &server.encode()),
    ];
    parts.extend(data.map(|data| field(12, &tlv(TAG_OCTET_STRING, data))));
    tlv(application(30), &sequence(&parts))
}

/// The elements of AuthorizationData (RFC 4120 5.2.6): type and content.
pub(super) fn authorization_data(bytes: &[u8]) -> impl Iterator<Item = Result<(i64, &[u8]), DerError>> {
    let mut list = Der(bytes).tagged(TAG_SEQUENCE).map(Der);
    core::iter::from_fn(move || match &mut list {
        Ok(list) => match list.next() {
            Ok(Some((TAG_SEQUENCE, content))) => Some(authorization_element(content)),
            Ok(Some(_)) | Err(_) => Some(Err(DerError)),
            Ok(None) => None,
        },
        Err(error) => Some(Err(*error)),
    })
    .take(AUTHORIZATION_DATA_LIMIT)
}

fn authorization_element(content: &[u8]) -> Result<(i64, &[u8]), DerError> {
    let mut rest = Der(content);
    let kind = integer(rest.tagged(context(0))?)?;
    Ok((kind, Der(rest.tagged(context(1))?).tagged(TAG_OCTET_STRING)?))
}

/// A field with its tag `[number]`.
pub(super) fn field(number: u8, content: &[u8]) -> Vec<u8> {
    tlv(context(number), content)
}

/// RFC 4120 5.2.9 EncryptionKey; `None` for a type that is not known.
fn decode_key(bytes: &[u8]) -> Result<Option<EncryptionKey>, DerError> {
    let mut fields = Fields::of(bytes)?;
    let encryption_type = i32::try_from(integer(fields.required(0)?)?).map_err(|_| DerError)?;
    let key = Der(fields.required(1)?).tagged(TAG_OCTET_STRING)?;
    Ok(EncryptionKey::new(EncryptionType(encryption_type), key))
}

pub(super) fn encode_key(key: &EncryptionKey) -> Vec<u8> {
    sequence(&[
        field(0, &encode_integer(i64::from(key.encryption_type().0))),
        field(1, &tlv(TAG_OCTET_STRING, key.as_bytes())),
    ])
}

fn decode_checksum(bytes: &[u8]) -> Result<(i64, &[u8]), DerError> {
    let mut fields = Fields::of(bytes)?;
    Ok((integer(fields.required(0)?)?, Der(fields.required(1)?).tagged(TAG_OCTET_STRING)?))
}

/// RFC 4120 5.2.8 KerberosFlags: the content of the BIT STRING behind its count of unused bits.
fn flags(bytes: &[u8]) -> Result<&[u8], DerError> {
    let content = Der(bytes).tagged(TAG_BIT_STRING)?;
    content.split_first().map(|(_, flags)| flags).ok_or(DerError)
}

fn has_flag(flags: &[u8], number: usize) -> bool {
    let byte = flags.get(number / 8).copied().unwrap_or_default();
    byte << (number % 8) & 0x80 != 0
}

fn general_string(bytes: &[u8]) -> Result<String, DerError> {
    text(Der(bytes).tagged(TAG_GENERAL_STRING)?)
}

fn text(content: &[u8]) -> Result<String, DerError> {
    core::str::from_utf8(content).map(str::to_owned).map_err(|_| DerError)
}

/// RFC 4120 5.2.4 UInt32 and kvno: some implementations write large values as negative ones.
fn low_32(value: i64) -> u32 {
    u32::try_from(value & 0xffff_ffff).unwrap_or_default()
}

/// RFC 4120 5.2.3 KerberosTime: `YYYYMMDDHHMMSSZ`.
fn time(bytes: &[u8]) -> Result<FileTime, DerError> {
    let content = Der(bytes).tagged(TAG_GENERALIZED_TIME)?;
    let digits = content.strip_suffix(b"Z").filter(|digits| digits.len() == 14).ok_or(DerError)?;
    if !digits.iter().all(u8::is_ascii_digit) {
        return Err(DerError);
    }
    let number = |from: usize, to: usize| -> i16 {
        digits.get(from..to).unwrap_or_default().iter().fold(0i16, |value, digit| {
            value.saturating_mul(10).saturating_add(i16::from(digit.saturating_sub(b'0')))
        })
    };
    let small = |from: usize| i8::try_from(number(from, from.saturating_add(2))).unwrap_or(i8::MAX);
    // A leap second is the last second of its minute.
    let second = small(12).min(59);
    DateTime::new(number(0, 4), small(4), small(6), small(8), small(10), second, 0)
        .and_then(|time| time.to_zoned(TimeZone::UTC))
        .map(|time| FileTime::from_unix(time.timestamp().as_second(), 0))
        .map_err(|_| DerError)
}

/// KerberosTime of `time`, cut to seconds.
pub(super) fn encode_time(time: FileTime) -> Vec<u8> {
    let stamp = jiff::Timestamp::from_second(time.to_unix().0).unwrap_or_default();
    let time = TimeZone::UTC.to_datetime(stamp);
    let text = format!(
        "{:04}{:02}{:02}{:02}{:02}{:02}Z",
        time.year(),
        time.month(),
        time.day(),
        time.hour(),
        time.minute(),
        time.second()
    );
    tlv(TAG_GENERALIZED_TIME, text.as_bytes())
}
