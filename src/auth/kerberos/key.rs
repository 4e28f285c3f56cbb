//! Long-term keys of this server's account.

use freehold_dtyp::FileTime;
use zeroize::Zeroizing;

/// RFC 3961 encryption type numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EncryptionType(pub i32);

impl EncryptionType {
    /// aes128-cts-hmac-sha1-96 (RFC 3962).
    pub const AES128_CTS_HMAC_SHA1_96: EncryptionType = EncryptionType(17);
    /// aes256-cts-hmac-sha1-96 (RFC 3962).
    pub const AES256_CTS_HMAC_SHA1_96: EncryptionType = EncryptionType(18);
    /// aes128-cts-hmac-sha256-128 (RFC 8009).
    pub const AES128_CTS_HMAC_SHA256_128: EncryptionType = EncryptionType(19);
    /// aes256-cts-hmac-sha384-192 (RFC 8009).
    pub const AES256_CTS_HMAC_SHA384_192: EncryptionType = EncryptionType(20);
    /// rc4-hmac (RFC 4757).
    pub const RC4_HMAC: EncryptionType = EncryptionType(23);
}

/// A key that the domain controller seals tickets for this server with.
#[derive(Clone, PartialEq, Eq)]
pub struct ServiceKey {
    /// Key version number (msDS-KeyVersionNumber).
    pub kvno: u32,
    /// What it is a key of.
    pub encryption_type: EncryptionType,
    /// The key; wiped when dropped.
    pub key: Zeroizing<Vec<u8>>,
    /// For a key of an earlier password: until when tickets may use it.
    pub not_after: Option<FileTime>,
}

impl core::fmt::Debug for ServiceKey {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "ServiceKey(kvno {}, etype {})", self.kvno, self.encryption_type.0)
    }
}
