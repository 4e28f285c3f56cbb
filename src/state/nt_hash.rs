//! [MS-NLMP] 3.3.1 NTOWFv1: the form in which a password is kept.

use md4::{Digest, Md4};
use zeroize::{Zeroize, ZeroizeOnDrop};

/// MD4 of a password in UTF-16LE. As good as the password to whoever holds it: prints nothing, is wiped when dropped.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct NtHash([u8; 16]);

impl NtHash {
    /// From a password.
    #[must_use]
    pub fn of_password(password: &str) -> Self {
        let mut units = Vec::with_capacity(password.len() * 2);
        units.extend(password.encode_utf16().flat_map(u16::to_le_bytes));
        let hash = NtHash(Md4::digest(&units).into());
        units.zeroize();
        hash
    }

    /// From the sixteen bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        NtHash(bytes)
    }

    /// The sixteen bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl std::fmt::Debug for NtHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("NtHash(hidden)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_the_specification_holds() {
        // [MS-NLMP] 4.2.2.1.2 NTOWFv1(): the password is "Password".
        let expected =
            [0xa4, 0xf4, 0x9c, 0x40, 0x65, 0x10, 0xbd, 0xca, 0xb6, 0x82, 0x4e, 0xe7, 0xc3, 0x0f, 0xd8, 0x52];
        assert_eq!(NtHash::of_password("Password").as_bytes(), &expected);
    }

    #[test]
    fn printing_a_hash_shows_nothing_of_it() {
        assert_eq!(format!("{:?}", NtHash::of_password("x")), "NtHash(hidden)");
    }
}
