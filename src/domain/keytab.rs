//! Keytab files in MIT's format, version 0x0502: for programs beside this server that need its keys.
//!
//! ```text
//! file  = 05 02, entry*                                entry = i32 length, then that many bytes:
//! u16 components, counted realm, counted component*, u32 name type, u32 time, u8 kvno, u16 etype, counted key, u32 kvno
//! counted = u16 length, bytes                          all numbers big-endian
//! ```

use freehold_dtyp::FileTime;
use zeroize::Zeroizing;

use crate::auth::kerberos::ServiceKey;
use crate::state::Membership;

const VERSION: [u8; 2] = [5, 2];
/// RFC 4120 6.2: KRB_NT_PRINCIPAL.
const PRINCIPAL: u32 = 1;
/// RFC 4120 6.2: KRB_NT_SRV_HST, host name as instance.
const SERVICE_HOST: u32 = 3;

/// A keytab with every kept key of every name: the account's first, then the services'.
#[must_use]
pub fn keytab(member: &Membership, now: FileTime) -> Zeroizing<Vec<u8>> {
    let realm = member.realm();
    let seconds = u32::try_from(now.to_unix().0).unwrap_or(0);
    let mut file = Zeroizing::new(VERSION.to_vec());
    let account = [member.account_name()];
    for key in &member.keys {
        append(&mut file, &realm, &account, PRINCIPAL, seconds, key);
    }
    for class in ["host", "cifs"] {
        for host in member.host_names() {
            for key in &member.keys {
                append(&mut file, &realm, &[class.to_owned(), host.clone()], SERVICE_HOST, seconds, key);
            }
        }
    }
    file
}

fn append(
    file: &mut Zeroizing<Vec<u8>>,
    realm: &str,
    components: &[String],
    name_type: u32,
    seconds: u32,
    key: &ServiceKey,
) {
    let mut entry = Zeroizing::new(Vec::new());
    put_u16(&mut entry, components.len());
    put_counted(&mut entry, realm.as_bytes());
    for component in components {
        put_counted(&mut entry, component.as_bytes());
    }
    entry.extend_from_slice(&name_type.to_be_bytes());
    entry.extend_from_slice(&seconds.to_be_bytes());
    // Eight bits of the version number, for readers that know no more; all of it follows at the end.
    entry.push(key.kvno.to_be_bytes()[3]);
    entry.extend_from_slice(&u16::try_from(key.encryption_type.0).unwrap_or(0).to_be_bytes());
    put_counted(&mut entry, &key.key);
    entry.extend_from_slice(&key.kvno.to_be_bytes());
    file.extend_from_slice(&u32::try_from(entry.len()).unwrap_or(0).to_be_bytes());
    file.extend_from_slice(&entry);
}

/// Names and keys are far shorter than 64 KiB.
fn put_u16(entry: &mut Vec<u8>, number: usize) {
    entry.extend_from_slice(&u16::try_from(number).unwrap_or(0).to_be_bytes());
}

fn put_counted(entry: &mut Vec<u8>, bytes: &[u8]) {
    put_u16(entry, bytes.len());
    entry.extend_from_slice(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::kerberos::EncryptionType;
    use crate::domain::testing::membership;

    fn member() -> Membership {
        let key = |kvno, encryption_type, length: u8| ServiceKey {
            kvno,
            encryption_type,
            key: Zeroizing::new((0..length).collect()),
            not_after: None,
        };
        let keys = vec![
            key(258, EncryptionType::AES256_CTS_HMAC_SHA1_96, 32),
            key(2, EncryptionType::AES128_CTS_HMAC_SHA1_96, 16),
        ];
        Membership { keys, ..membership() }
    }

    /// What MIT's ktutil 1.20.1 writes for the same keys (`addent -key`, `wkt`).
    const MIT: &str = "\
        0502000000490001000c434f52502e4558414d504c45000646494c455324000000016b09c60f02001200200001\
        02030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f00000102000000390001000c434f52\
        502e4558414d504c45000646494c455324000000016b09c60f0200110010000102030405060708090a0b0c0d0e\
        0f00000002";

    #[test]
    fn entries_are_those_of_mit() {
        let expected: Vec<u8> =
            (0..MIT.len()).step_by(2).map(|at| u8::from_str_radix(&MIT[at..at + 2], 16).unwrap()).collect();
        let file = keytab(&member(), FileTime::from_unix(0x6b09_c60f, 0));
        assert_eq!(file[..expected.len()], expected[..]);
    }

    #[test]
    fn every_name_has_every_key() {
        let mut member = member();
        member.aliases.push("data".to_owned());
        let file = keytab(&member, FileTime::ZERO);
        let mut rest = &file[2..];
        let mut names = Vec::new();
        while let Some((length, tail)) = rest.split_first_chunk::<4>() {
            let (entry, tail) = tail.split_at(u32::from_be_bytes(*length) as usize);
            names.push(String::from_utf8_lossy(&entry[4..]).split('\0').take(4).collect::<String>());
            rest = tail;
        }
        assert_eq!(names.len(), 2 * (1 + 2 * 4));
        assert!(names[0].starts_with("CORP.EXAMPLE\u{6}FILES$"), "{names:?}");
        assert!(names.iter().any(|name| name.contains("cifs\u{11}data.corp.example")), "{names:?}");
    }
}
