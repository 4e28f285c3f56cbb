//! [MS-ADTS] 6.3.1.9 NETLOGON_SAM_LOGON_RESPONSE_EX: what a domain controller says of itself.

use freehold_dtyp::Guid;

/// [MS-ADTS] 6.3.1.2 DS_FLAG Options Bits: what a domain controller is able to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DcFlags(pub u32);

impl DcFlags {
    /// DS_PDC_FLAG: owns the PDC emulator role.
    pub const PDC: u32 = 0x0000_0001;
    /// DS_GC_FLAG: a global catalog.
    pub const GC: u32 = 0x0000_0004;
    /// DS_LDAP_FLAG: serves LDAP.
    pub const LDAP: u32 = 0x0000_0008;
    /// DS_DS_FLAG: a domain controller of Active Directory.
    pub const DS: u32 = 0x0000_0010;
    /// DS_KDC_FLAG: serves Kerberos.
    pub const KDC: u32 = 0x0000_0020;
    /// DS_TIMESERV_FLAG: serves the time.
    pub const TIMESERV: u32 = 0x0000_0040;
    /// DS_CLOSEST_FLAG: in the client's site, or in the one closest to it.
    pub const CLOSEST: u32 = 0x0000_0080;
    /// DS_WRITABLE_FLAG: not a read-only domain controller.
    pub const WRITABLE: u32 = 0x0000_0100;

    /// True when all of `bits` are set.
    #[must_use]
    pub fn has(self, bits: u32) -> bool {
        self.0 & bits == bits
    }
}

/// NETLOGON_SAM_LOGON_RESPONSE_EX.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SamLogonResponseEx {
    /// Flags.
    pub flags: DcFlags,
    /// DomainGuid.
    pub domain_guid: Guid,
    /// DnsForestName.
    pub forest: String,
    /// DnsDomainName.
    pub dns_domain: String,
    /// DnsHostName.
    pub host: String,
    /// NetbiosDomainName.
    pub netbios_domain: String,
    /// NetbiosComputerName.
    pub netbios_name: String,
    /// DcSiteName; empty when it has none.
    pub site: String,
    /// ClientSiteName: the site of the address that asked; empty when no subnet is defined for it.
    pub client_site: String,
    /// NextClosestSiteName.
    pub next_closest_site: String,
}

/// The message is cut off, or of a kind that does not say what is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ResponseError {
    /// Cut off, or with a name that is none.
    #[error("malformed answer")]
    Malformed,
    /// Another opcode: 24 and 20 come from a domain controller whose Netlogon service is paused, 25 and 21 say that a user is unknown.
    #[error("answer of opcode {0}")]
    Opcode(u16),
}

/// LOGON_SAM_LOGON_RESPONSE_EX.
const SAM_LOGON_RESPONSE_EX: u16 = 23;
/// LOGON_SAM_LOGON_USER_UNKNOWN_EX: the question names no user, and some servers answer with this then. The rest of the message is the same.
const SAM_LOGON_USER_UNKNOWN_EX: u16 = 25;

/// [MS-ADTS] 6.3.1.1 NETLOGON_NT_VERSION_5EX_WITH_IP: the address of the domain controller is in the answer.
const VERSION_5EX_WITH_IP: u32 = 0x0000_0008;
/// NETLOGON_NT_VERSION_WITH_CLOSEST_SITE: NextClosestSiteName is in the answer.
const VERSION_WITH_CLOSEST_SITE: u32 = 0x0000_0010;
/// NtVersion, LmNtToken and Lm20Token close the message.
const TAIL_BYTES: usize = 8;
/// RFC 1035 2.3.4: octets of a name.
const NAME_LIMIT: usize = 255;
/// Pointers that are followed in one name.
const POINTERS_LIMIT: usize = 16;

impl SamLogonResponseEx {
    /// Reads the value of the `netlogon` attribute.
    ///
    /// # Errors
    /// For what is malformed, and for another opcode.
    pub fn decode(message: &[u8]) -> Result<Self, ResponseError> {
        let mut cursor = Names { message, position: 0 };
        let opcode = u16::from_le_bytes(cursor.array()?);
        if opcode != SAM_LOGON_RESPONSE_EX && opcode != SAM_LOGON_USER_UNKNOWN_EX {
            return Err(ResponseError::Opcode(opcode));
        }
        let _sbz: [u8; 2] = cursor.array()?;
        let flags = DcFlags(u32::from_le_bytes(cursor.array()?));
        let domain_guid = Guid(cursor.array()?);
        let forest = cursor.name()?;
        let dns_domain = cursor.name()?;
        let host = cursor.name()?;
        let netbios_domain = cursor.name()?;
        let netbios_name = cursor.name()?;
        let _user = cursor.name()?;
        let site = cursor.name()?;
        let client_site = cursor.name()?;
        // Which of the optional fields are there is said at the end.
        let version = version(message)?;
        if version & VERSION_5EX_WITH_IP != 0 {
            let [size] = cursor.array()?;
            cursor.skip(usize::from(size))?;
        }
        let next_closest_site =
            if version & VERSION_WITH_CLOSEST_SITE == 0 { String::new() } else { cursor.name()? };
        Ok(Self {
            flags,
            domain_guid,
            forest,
            dns_domain,
            host,
            netbios_domain,
            netbios_name,
            site,
            client_site,
            next_closest_site,
        })
    }
}

fn version(message: &[u8]) -> Result<u32, ResponseError> {
    let tail = message.len().checked_sub(TAIL_BYTES).and_then(|start| message.get(start..));
    let bytes = tail.and_then(|tail| tail.first_chunk::<4>()).ok_or(ResponseError::Malformed)?;
    Ok(u32::from_le_bytes(*bytes))
}

/// Reads fixed fields and names that are compressed as in RFC 1035 4.1.4, with pointers that count from the message's start.
struct Names<'a> {
    message: &'a [u8],
    position: usize,
}

impl Names<'_> {
    fn array<const N: usize>(&mut self) -> Result<[u8; N], ResponseError> {
        let bytes = self.message.get(self.position..).and_then(|rest| rest.first_chunk::<N>());
        self.position = self.position.saturating_add(N);
        bytes.copied().ok_or(ResponseError::Malformed)
    }

    fn skip(&mut self, bytes: usize) -> Result<(), ResponseError> {
        self.position = self.position.saturating_add(bytes);
        if self.position > self.message.len() { Err(ResponseError::Malformed) } else { Ok(()) }
    }

    fn name(&mut self) -> Result<String, ResponseError> {
        let mut name: Vec<u8> = Vec::new();
        let mut at = self.position;
        let mut pointers = 0;
        loop {
            let length = *self.message.get(at).ok_or(ResponseError::Malformed)?;
            let after = at.saturating_add(1);
            match length {
                0 => {
                    if pointers == 0 {
                        self.position = after;
                    }
                    break;
                }
                0xc0..=0xff => {
                    let low = *self.message.get(after).ok_or(ResponseError::Malformed)?;
                    if pointers == 0 {
                        self.position = after.saturating_add(1);
                    }
                    pointers += 1;
                    // Only backwards: with the limit, no name goes round in circles for long.
                    let target = usize::from(length & 0x3f) << 8 | usize::from(low);
                    if pointers > POINTERS_LIMIT || target >= at {
                        return Err(ResponseError::Malformed);
                    }
                    at = target;
                }
                1..=0x3f => {
                    let end = after.saturating_add(usize::from(length));
                    let label = self.message.get(after..end).ok_or(ResponseError::Malformed)?;
                    if !name.is_empty() {
                        name.push(b'.');
                    }
                    name.extend_from_slice(label);
                    if name.len() > NAME_LIMIT {
                        return Err(ResponseError::Malformed);
                    }
                    at = end;
                }
                0x40..=0xbf => return Err(ResponseError::Malformed),
            }
        }
        String::from_utf8(name).map_err(|_| ResponseError::Malformed)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, proptest};

    use super::{DcFlags, ResponseError, SamLogonResponseEx};

    /// As [MS-ADTS] 6.3.8 packs it: every name after the first one points into what was there before.
    fn message() -> Vec<u8> {
        let mut bytes = vec![23, 0, 0, 0];
        bytes.extend(0x0000_33fd_u32.to_le_bytes());
        bytes.extend([7; 16]);
        let corp = bytes.len() as u8;
        bytes.extend(b"\x04corp\x07example\x00");
        bytes.extend([0xc0, corp]);
        bytes.extend(b"\x03dc1");
        bytes.extend([0xc0, corp]);
        bytes.extend(b"\x04CORP\x00\x03DC1\x00\x00");
        let site = bytes.len() as u8;
        bytes.extend(b"\x17Default-First-Site-Name\x00");
        bytes.extend([0xc0, site]);
        bytes.extend([0xc0, site]);
        bytes.extend(0x15_u32.to_le_bytes());
        bytes.extend([0xff; 4]);
        bytes
    }

    #[test]
    fn names_are_read_through_their_pointers() {
        let response = SamLogonResponseEx::decode(&message()).unwrap();
        assert_eq!(response.forest, "corp.example");
        assert_eq!(response.dns_domain, "corp.example");
        assert_eq!(response.host, "dc1.corp.example");
        assert_eq!((response.netbios_domain.as_str(), response.netbios_name.as_str()), ("CORP", "DC1"));
        assert_eq!(response.site, "Default-First-Site-Name");
        assert_eq!(response.client_site, "Default-First-Site-Name");
        assert_eq!(response.next_closest_site, "Default-First-Site-Name");
        assert!(response.flags.has(DcFlags::KDC | DcFlags::LDAP | DcFlags::WRITABLE | DcFlags::CLOSEST));
    }

    #[test]
    fn every_cut_is_malformed() {
        let whole = message();
        for length in 0..whole.len() - 8 {
            assert!(SamLogonResponseEx::decode(&whole[..length]).is_err(), "{length} octets");
        }
    }

    #[test]
    fn a_pointer_to_itself_is_malformed() {
        let mut bytes = vec![23, 0, 0, 0];
        bytes.extend([0; 20]);
        bytes.extend([0xc0, 24]);
        bytes.extend([0; 30]);
        assert_eq!(SamLogonResponseEx::decode(&bytes), Err(ResponseError::Malformed));
    }

    #[test]
    fn a_paused_domain_controller_is_told_from_a_good_one() {
        let mut bytes = message();
        bytes[0] = 24;
        assert_eq!(SamLogonResponseEx::decode(&bytes), Err(ResponseError::Opcode(24)));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_a_panic(mut bytes in proptest::collection::vec(any::<u8>(), 0..300), ex: bool) {
            if ex && bytes.len() > 1 {
                bytes[0] = 23;
                bytes[1] = 0;
            }
            let _ = SamLogonResponseEx::decode(&bytes);
        }
    }
}
