//! A domain controller and a client of tests: PACs, tickets and AP-REQs made to order.

use freehold_dtyp::{FileTime, Sid};

use crate::auth::der::{
    TAG_BIT_STRING, TAG_GENERAL_STRING, TAG_GENERALIZED_TIME, TAG_OCTET_STRING, TAG_OID, application,
    context, encode_integer, sequence, tlv,
};
use crate::auth::kerberos::EncryptionType;
use crate::auth::kerberos::crypto::{CONFOUNDER_SIZE, EncryptionKey, usage};

const OID_KERBEROS: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x12, 0x01, 0x02, 0x02];

/// Everything that a ticket and the AP-REQ around it say. The default is what an honest client sends for `cifs/fileserver`.
#[derive(Clone)]
pub(crate) struct Order {
    pub(crate) service_key: EncryptionKey,
    pub(crate) kvno: Option<u32>,
    pub(crate) realm: String,
    pub(crate) service: Vec<String>,
    pub(crate) session_key: EncryptionKey,
    pub(crate) client: Vec<String>,
    pub(crate) client_realm: String,
    pub(crate) ticket_flags: u32,
    pub(crate) auth_time: i64,
    pub(crate) start_time: Option<i64>,
    pub(crate) end_time: i64,
    pub(crate) pac: Option<Vec<u8>>,
    /// Further authorization data, behind the PAC's.
    pub(crate) more: Vec<(i64, Vec<u8>)>,
    pub(crate) ap_options: u32,
    pub(crate) authenticator_client: Option<Vec<String>>,
    pub(crate) client_time: i64,
    pub(crate) microseconds: i64,
    pub(crate) checksum: Option<(i64, Vec<u8>)>,
    pub(crate) sub_key: Option<EncryptionKey>,
    pub(crate) sequence_number: u32,
    pub(crate) framed: bool,
}

/// The time of the tests, in seconds since 1970, which is [`now`].
pub(crate) const NOW: i64 = 1_700_000_000;

pub(crate) fn now() -> FileTime {
    FileTime::from_unix(NOW, 0)
}

pub(crate) fn aes256(fill: u8) -> EncryptionKey {
    key(EncryptionType::AES256_CTS_HMAC_SHA1_96, fill)
}

/// A key of a type.
pub(crate) fn key(encryption_type: EncryptionType, fill: u8) -> EncryptionKey {
    let size = if matches!(encryption_type.0, 18 | 20) { 32 } else { 16 };
    EncryptionKey::new(encryption_type, &vec![fill; size]).expect("a key of the right length")
}

/// The checksum of RFC 4121 4.1.1.
pub(crate) fn gss_checksum(binding: [u8; 16], flags: u32) -> (i64, Vec<u8>) {
    (0x8003, [&16u32.to_le_bytes()[..], &binding, &flags.to_le_bytes()].concat())
}

impl Order {
    /// From alice, in the realm CORP.EXAMPLE, with mutual authentication.
    pub(crate) fn new(service_key: EncryptionKey) -> Self {
        let text = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        let mut order = Order {
            service_key,
            kvno: Some(3),
            realm: "CORP.EXAMPLE".to_owned(),
            service: text(&["cifs", "fileserver"]),
            session_key: aes256(0x51),
            client: text(&["alice"]),
            client_realm: "CORP.EXAMPLE".to_owned(),
            ticket_flags: 0x4000_0000,
            auth_time: NOW - 3600,
            start_time: Some(NOW - 60),
            end_time: NOW + 36_000,
            pac: None,
            more: Vec::new(),
            ap_options: 0x2000_0000,
            authenticator_client: None,
            client_time: NOW,
            microseconds: 123_456,
            checksum: Some(gss_checksum([0; 16], 0x2 | 0x20)),
            sub_key: Some(aes256(0x52)),
            sequence_number: 77,
            framed: true,
        };
        order.pac = Some(Pac::new(&order).build(&order.service_key));
        order
    }

    /// The AP-REQ, in its frame.
    pub(crate) fn token(&self) -> Vec<u8> {
        let parts = [
            field(0, &encode_integer(5)),
            field(1, &encode_integer(14)),
            field(2, &bits(self.ap_options)),
            field(3, &self.ticket()),
            field(4, &encrypted(&self.session_key, None, usage::AP_REQ_AUTHENTICATOR, &self.authenticator())),
        ];
        let message = tlv(application(14), &sequence(&parts));
        if !self.framed {
            return message;
        }
        tlv(application(0), &[tlv(TAG_OID, OID_KERBEROS), vec![1, 0], message].concat())
    }

    fn ticket(&self) -> Vec<u8> {
        let parts = [
            field(0, &encode_integer(5)),
            field(1, &text(&self.realm)),
            field(2, &name(2, &self.service)),
            field(3, &encrypted(&self.service_key, self.kvno, usage::TICKET, &self.ticket_part())),
        ];
        tlv(application(1), &sequence(&parts))
    }

    fn ticket_part(&self) -> Vec<u8> {
        let transited = sequence(&[field(0, &encode_integer(1)), field(1, &tlv(TAG_OCTET_STRING, &[]))]);
        let mut parts = vec![
            field(0, &bits(self.ticket_flags)),
            field(1, &encryption_key(&self.session_key)),
            field(2, &text(&self.client_realm)),
            field(3, &name(1, &self.client)),
            field(4, &transited),
            field(5, &time(self.auth_time)),
        ];
        parts.extend(self.start_time.map(|start| field(6, &time(start))));
        parts.push(field(7, &time(self.end_time)));
        if let Some(pac) = &self.pac {
            let inner = sequence(&[authorization_data(128, pac)]);
            // Something else comes first, as in tickets of Windows.
            let mut data = vec![
                authorization_data(1, &sequence(&[authorization_data(141, b"x")])),
                authorization_data(1, &inner),
            ];
            data.extend(self.more.iter().map(|(kind, content)| authorization_data(*kind, content)));
            parts.push(field(10, &sequence(&data)));
        }
        tlv(application(3), &sequence(&parts))
    }

    fn authenticator(&self) -> Vec<u8> {
        let client = self.authenticator_client.as_ref().unwrap_or(&self.client);
        let mut parts = vec![
            field(0, &encode_integer(5)),
            field(1, &text(&self.client_realm)),
            field(2, &name(1, client)),
        ];
        if let Some((kind, content)) = &self.checksum {
            let parts_of = [field(0, &encode_integer(*kind)), field(1, &tlv(TAG_OCTET_STRING, content))];
            parts.push(field(3, &sequence(&parts_of)));
        }
        parts.push(field(4, &encode_integer(self.microseconds)));
        parts.push(field(5, &time(self.client_time)));
        parts.extend(self.sub_key.as_ref().map(|key| field(6, &encryption_key(key))));
        parts.push(field(7, &encode_integer(i64::from(self.sequence_number))));
        tlv(application(2), &sequence(&parts))
    }
}

/// What a PAC says.
#[derive(Clone)]
pub(crate) struct Pac {
    pub(crate) domain: Sid,
    pub(crate) user: u32,
    pub(crate) name: String,
    pub(crate) client: String,
    pub(crate) client_time: i64,
    pub(crate) groups: Vec<u32>,
    pub(crate) extra: Vec<Sid>,
    pub(crate) resource: Option<(Sid, Vec<u32>)>,
    /// In place of KERB_VALIDATION_INFO.
    pub(crate) logon_info: Option<Vec<u8>>,
    /// Further buffers: type and content.
    pub(crate) more: Vec<(u32, Vec<u8>)>,
}

impl Pac {
    /// Of the order's client: user 1103 in groups 513 and 1118 of S-1-5-21-7-8-9.
    pub(crate) fn new(order: &Order) -> Self {
        let domain = "S-1-5-21-7-8-9".parse().expect("a SID");
        Pac {
            domain,
            user: 1103,
            name: order.client.join("/"),
            client: order.client.join("/"),
            client_time: order.auth_time,
            groups: vec![513, 1118],
            extra: vec!["S-1-18-1".parse().expect("a SID")],
            resource: Some((domain, vec![1120])),
            logon_info: None,
            more: Vec::new(),
        }
    }

    /// Signed with the service's key, as [MS-PAC] 2.8.1 says.
    pub(crate) fn build(&self, key: &EncryptionKey) -> Vec<u8> {
        let (kind, size): (u32, usize) = match key.encryption_type().0 {
            17 => (15, 12),
            18 => (16, 12),
            19 => (19, 16),
            20 => (20, 24),
            _ => (0xffff_ff76, 16),
        };
        let signature = [&kind.to_le_bytes()[..], &vec![0; size]].concat();
        let mut buffers = vec![
            (1, self.logon_info.clone().unwrap_or_else(|| self.validation_info())),
            (10, self.client_info()),
        ];
        buffers.extend(self.more.iter().cloned());
        buffers.push((6, signature));
        // The KDC's, of another type and with a read-only domain controller's number behind it.
        buffers.push((7, [&16u32.to_le_bytes()[..], &[0; 12], &[5, 0]].concat()));
        let mut pac = [(buffers.len() as u32).to_le_bytes(), [0; 4]].concat();
        let mut offset = 8 + 16 * buffers.len();
        let mut places = Vec::new();
        for (kind, content) in &buffers {
            pac.extend(kind.to_le_bytes());
            pac.extend((content.len() as u32).to_le_bytes());
            pac.extend((offset as u64).to_le_bytes());
            places.push(offset);
            offset += content.len().next_multiple_of(8);
        }
        for (_, content) in &buffers {
            pac.extend(content);
            pac.resize(pac.len().next_multiple_of(8), 0);
        }
        let checksum = key.checksum(usage::PAC_SIGNATURE, &[&pac]);
        let server = places[places.len() - 2] + 4;
        pac[server..server + size].copy_from_slice(&checksum);
        let kdc = places[places.len() - 1] + 4;
        pac[kdc..kdc + 12].fill(0xee);
        pac
    }

    fn client_info(&self) -> Vec<u8> {
        let name = utf16(&self.client);
        let time = FileTime::from_unix(self.client_time, 0).0.to_le_bytes();
        [&time[..], &(name.len() as u16).to_le_bytes(), &name].concat()
    }

    fn validation_info(&self) -> Vec<u8> {
        let mut ndr = NdrWriter::new();
        ndr.bytes(&[0; 48]);
        ndr.unicode_string(&self.name);
        ndr.unicode_string("Alice Example");
        (0..4).for_each(|_| ndr.unicode_string(""));
        ndr.bytes(&[0; 4]);
        ndr.u32(self.user);
        ndr.u32(513);
        ndr.u32(self.groups.len() as u32);
        ndr.pointer();
        ndr.u32(0x220);
        ndr.bytes(&[0; 16]);
        ndr.unicode_string("DC1");
        ndr.unicode_string("CORP");
        ndr.pointer();
        ndr.bytes(&[0; 40]);
        ndr.u32(self.extra.len() as u32);
        ndr.pointer();
        let resource = self.resource.clone();
        if resource.is_some() {
            ndr.pointer()
        } else {
            ndr.u32(0)
        }
        ndr.u32(resource.as_ref().map_or(0, |(_, ids)| ids.len() as u32));
        if resource.is_some() {
            ndr.pointer()
        } else {
            ndr.u32(0)
        }
        ndr.chars(&self.name, false);
        ndr.chars("Alice Example", false);
        ndr.groups(&self.groups);
        ndr.chars("DC1", false);
        ndr.chars("CORP", false);
        ndr.sid(&self.domain);
        ndr.u32(self.extra.len() as u32);
        self.extra.iter().for_each(|_| {
            ndr.pointer();
            ndr.u32(7);
        });
        self.extra.iter().for_each(|sid| ndr.sid(sid));
        if let Some((domain, ids)) = &resource {
            ndr.sid(domain);
            ndr.groups(ids);
        }
        ndr.object()
    }
}

/// Writes the NDR of one serialized object.
pub(crate) struct NdrWriter {
    body: Vec<u8>,
    referents: u32,
}

impl NdrWriter {
    /// With the pointer to the object.
    pub(crate) fn new() -> Self {
        let mut writer = NdrWriter { body: Vec::new(), referents: 0 };
        writer.pointer();
        writer
    }

    pub(crate) fn align(&mut self, to: usize) {
        self.body.resize(self.body.len().next_multiple_of(to), 0);
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        self.body.extend_from_slice(bytes);
    }

    pub(crate) fn u16(&mut self, value: u16) {
        self.align(2);
        self.bytes(&value.to_le_bytes());
    }

    pub(crate) fn u32(&mut self, value: u32) {
        self.align(4);
        self.bytes(&value.to_le_bytes());
    }

    pub(crate) fn u64(&mut self, value: u64) {
        self.align(8);
        self.bytes(&value.to_le_bytes());
    }

    pub(crate) fn pointer(&mut self) {
        self.referents += 4;
        self.u32(0x0002_0000 + self.referents);
    }

    /// The fixed part of RPC_UNICODE_STRING; an empty one has no buffer.
    fn unicode_string(&mut self, text: &str) {
        let length = utf16(text).len() as u16;
        self.align(4);
        self.u16(length);
        self.u16(length);
        if length == 0 { self.u32(0) } else { self.pointer() }
    }

    /// A string's buffer, with or without its ending zero.
    pub(crate) fn chars(&mut self, text: &str, ended: bool) {
        let mut units = utf16(text);
        if ended {
            units.extend([0, 0]);
        }
        let count = (units.len() / 2) as u32;
        self.u32(count);
        self.u32(0);
        self.u32(count);
        self.bytes(&units);
    }

    pub(crate) fn groups(&mut self, ids: &[u32]) {
        self.u32(ids.len() as u32);
        for id in ids {
            self.u32(*id);
            self.u32(7);
        }
    }

    pub(crate) fn sid(&mut self, sid: &Sid) {
        self.u32(sid.sub_authorities().len() as u32);
        self.bytes(&[1, sid.sub_authorities().len() as u8]);
        self.bytes(&sid.authority());
        sid.sub_authorities().iter().for_each(|part| self.bytes(&part.to_le_bytes()));
    }

    /// [MS-RPCE] 2.2.6: with the headers.
    pub(crate) fn object(self) -> Vec<u8> {
        let length = (self.body.len() as u32).to_le_bytes();
        [&[1, 0x10, 8, 0, 0xcc, 0xcc, 0xcc, 0xcc][..], &length, &[0; 4], &self.body].concat()
    }
}

fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

fn field(number: u8, content: &[u8]) -> Vec<u8> {
    tlv(context(number), content)
}

fn text(text: &str) -> Vec<u8> {
    tlv(TAG_GENERAL_STRING, text.as_bytes())
}

fn name(kind: i64, components: &[String]) -> Vec<u8> {
    let list: Vec<_> = components.iter().map(|component| text(component)).collect();
    sequence(&[field(0, &encode_integer(kind)), field(1, &sequence(&list))])
}

fn bits(flags: u32) -> Vec<u8> {
    tlv(TAG_BIT_STRING, &[&[0][..], &flags.to_be_bytes()].concat())
}

fn time(seconds: i64) -> Vec<u8> {
    let days = seconds.div_euclid(86_400);
    let rest = seconds.rem_euclid(86_400);
    // The civil date of a day number, by the proleptic Gregorian calendar.
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let day_of_era = z.rem_euclid(146_097);
    let year = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year + era * 400 + i64::from(month <= 2);
    let (hour, minute, second) = (rest / 3600, rest / 60 % 60, rest % 60);
    let text = format!("{year:04}{month:02}{day:02}{hour:02}{minute:02}{second:02}Z");
    tlv(TAG_GENERALIZED_TIME, text.as_bytes())
}

fn encryption_key(key: &EncryptionKey) -> Vec<u8> {
    let kind = i64::from(key.encryption_type().0);
    sequence(&[field(0, &encode_integer(kind)), field(1, &tlv(TAG_OCTET_STRING, key.as_bytes()))])
}

fn encrypted(key: &EncryptionKey, kvno: Option<u32>, usage: u32, plain: &[u8]) -> Vec<u8> {
    let cipher = key.encrypt(usage, &[0x33; CONFOUNDER_SIZE], plain);
    let mut parts = vec![field(0, &encode_integer(i64::from(key.encryption_type().0)))];
    parts.extend(kvno.map(|kvno| field(1, &encode_integer(i64::from(kvno)))));
    parts.push(field(2, &tlv(TAG_OCTET_STRING, &cipher)));
    sequence(&parts)
}

pub(crate) fn authorization_data(kind: i64, content: &[u8]) -> Vec<u8> {
    sequence(&[field(0, &encode_integer(kind)), field(1, &tlv(TAG_OCTET_STRING, content))])
}
