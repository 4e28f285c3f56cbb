//! The machine account's password, and the Kerberos keys that follow from it.

use picky_krb::crypto::CipherSuite;
use zeroize::{Zeroize as _, Zeroizing};

use crate::auth::kerberos::{EncryptionType, ServiceKey};

/// Characters of a machine password, as Windows members have them.
const PASSWORD_LENGTH: usize = 120;
/// The characters: 64 of ASCII, so that a random byte gives one without bias, and so that every encoding of the password (the
/// UTF-16 that the directory takes, the UTF-8 that keys are made from) is plain. None has a meaning in LDAP, in quotes or in shells.
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// Keys or random numbers could not be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The system's random source failed.
    #[error("the system's random source failed")]
    Random,
    /// Key derivation failed.
    #[error("a Kerberos key cannot be derived")]
    Derivation,
}

/// A new password: 720 random bits.
///
/// # Errors
/// [`KeyError::Random`].
pub fn machine_password() -> Result<Zeroizing<String>, KeyError> {
    loop {
        let mut bytes = Zeroizing::new([0; PASSWORD_LENGTH]);
        aws_lc_rs::rand::fill(bytes.as_mut_slice()).map_err(|_| KeyError::Random)?;
        let text: Zeroizing<String> =
            Zeroizing::new(bytes.iter().map(|byte| char::from(ALPHABET[usize::from(byte % 64)])).collect());
        // [MS-SAMR] 3.1.1.7.2: three of four classes. One that has not all of them is one in thousands.
        let has = |class: fn(&u8) -> bool| text.as_bytes().iter().any(class);
        if has(u8::is_ascii_uppercase) && has(u8::is_ascii_lowercase) && has(u8::is_ascii_digit) {
            return Ok(text);
        }
    }
}

/// The salt of a computer account's keys ([MS-KILE] 3.1.1.2): the realm, `host`, the account's name without `$`, the domain.
#[must_use]
pub fn computer_salt(dns_domain: &str, computer: &str) -> String {
    format!("{}host{}.{}", dns_domain.to_uppercase(), computer.to_lowercase(), dns_domain.to_lowercase())
}

/// The keys of `password` of every encryption type that this server registers, the strongest first (RFC 3962 section 4, 4096
/// rounds).
///
/// # Errors
/// [`KeyError::Derivation`].
pub fn service_keys(password: &str, salt: &str, kvno: u32) -> Result<Vec<ServiceKey>, KeyError> {
    [
        (CipherSuite::Aes256CtsHmacSha196, EncryptionType::AES256_CTS_HMAC_SHA1_96),
        (CipherSuite::Aes128CtsHmacSha196, EncryptionType::AES128_CTS_HMAC_SHA1_96),
    ]
    .into_iter()
    .map(|(suite, encryption_type)| {
        let key = suite
            .cipher()
            .generate_key_from_password(password.as_bytes(), salt.as_bytes())
            .map_err(|_| KeyError::Derivation)?;
        Ok(ServiceKey { kvno, encryption_type, key: Zeroizing::new(key), not_after: None })
    })
    .collect()
}

/// unicodePwd ([MS-ADTS] 3.1.1.3.1.5.1): the password in quotes, as UTF-16LE.
#[must_use]
pub fn unicode_pwd(password: &str) -> Zeroizing<Vec<u8>> {
    let mut value = Zeroizing::new(Vec::with_capacity(2 * (password.len() + 2)));
    for unit in "\"".encode_utf16().chain(password.encode_utf16()).chain("\"".encode_utf16()) {
        let mut bytes = unit.to_le_bytes();
        value.extend_from_slice(&bytes);
        bytes.zeroize();
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(text: &str) -> Vec<u8> {
        (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
    }

    /// Keys that MIT's ktutil 1.20.1 makes with `addent -password -s SALT`. The vectors of RFC 3962, appendix B, have other
    /// numbers of rounds.
    #[test]
    fn keys_are_those_of_mit() {
        let keys = service_keys("Kerberos-1", "CORP.EXAMPLEhostfiles.corp.example", 7).unwrap();
        assert_eq!((keys[0].kvno, keys[0].encryption_type.0, keys[1].encryption_type.0), (7, 18, 17));
        assert_eq!(*keys[0].key, hex("007967a586cc98f17129c3a750b34735d391c90e4e0340f82678ce4ad8fff019"));
        assert_eq!(*keys[1].key, hex("d9fac563ccb4c39a3115420a4a56e0a0"));
    }

    #[test]
    fn the_salt_follows_from_the_account() {
        assert_eq!(computer_salt("corp.example", "FILES"), "CORP.EXAMPLEhostfiles.corp.example");
    }

    #[test]
    fn passwords_are_long_varied_and_never_the_same() {
        let (first, second) = (machine_password().unwrap(), machine_password().unwrap());
        assert_eq!((first.len(), second.len()), (120, 120));
        assert_ne!(*first, *second);
        assert!(first.bytes().all(|byte| ALPHABET.contains(&byte)));
    }

    #[test]
    fn the_password_goes_to_the_directory_in_quotes() {
        assert_eq!(*unicode_pwd("aé"), [0x22, 0, 0x61, 0, 0xE9, 0, 0x22, 0]);
    }
}
