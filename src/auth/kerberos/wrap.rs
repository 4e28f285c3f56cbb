//! RFC 4121 4.2 per-message tokens in DCE style ([MS-KILE] 3.4.5.4 to 3.4.5.7): messages of a context whose parts are signed or sealed
//! where they stand. For AES with SHA-1; domain controllers issue nothing else, and RFC 4757 has tokens of another kind.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use zeroize::Zeroizing;

use super::crypto::{CONFOUNDER_SIZE, EncryptionKey, usage};
use super::gss::MicKeys;
use super::key::EncryptionType;
use crate::auth::{AuthError, Protection};

/// RFC 4121 4.2.6.2: TOK_ID of a Wrap token.
const TOK_WRAP: [u8; 2] = [5, 4];
const SENT_BY_ACCEPTOR: u8 = 1;
const SEALED: u8 = 2;
const ACCEPTOR_SUB_KEY: u8 = 4;
/// Bytes of a token's header.
const HEADER: usize = 16;
/// EC: bytes of filler. [MS-KILE] 3.4.5.4.1: in DCE style a block, although no padding is needed.
const FILLER: usize = 16;
/// Bytes of the checksum behind what is encrypted, and of a MIC's.
const MAC: usize = 12;
/// RRC in DCE style: the header that is encrypted and the checksum stand in front of the data; the filler, which does too, is not
/// counted.
const ROTATION: usize = HEADER + MAC;
/// Bytes of a signature of a sealed message.
const WRAP: usize = HEADER + FILLER + ROTATION + CONFOUNDER_SIZE;
/// And of a signed one.
const MIC: usize = HEADER + MAC;

/// Both directions of an established context.
pub(in crate::auth) struct KerberosMessages {
    keys: MicKeys,
    /// Of our next message.
    sending: u64,
    /// Of the peer's next message; `None` before the first.
    receiving: Option<u64>,
    /// This is the initiator's side.
    is_initiator: bool,
}

impl KerberosMessages {
    /// The first messages after the logon. `exchanged_mic`: SPNEGO's mechListMIC has used a sequence number.
    pub(in crate::auth) fn new(keys: MicKeys, exchanged_mic: bool) -> Self {
        let sending = u64::from(keys.sequence_number).saturating_add(u64::from(exchanged_mic));
        KerberosMessages { keys, sending, receiving: None, is_initiator: false }
    }

    /// The same, seen from the client.
    #[cfg(test)]
    pub(in crate::auth) fn of_client(self) -> Self {
        KerberosMessages { is_initiator: true, ..self }
    }

    const fn key(&self) -> &EncryptionKey {
        match &self.keys.acceptor {
            Some(key) => key,
            None => &self.keys.initiator,
        }
    }

    pub(in crate::auth) const fn offers(&self, _protection: Protection) -> bool {
        matches!(
            self.key().encryption_type(),
            EncryptionType::AES128_CTS_HMAC_SHA1_96 | EncryptionType::AES256_CTS_HMAC_SHA1_96
        )
    }

    pub(in crate::auth) const fn signature_size(protection: Protection) -> usize {
        match protection {
            Protection::Signed => MIC,
            Protection::Sealed => WRAP,
        }
    }

    /// Flags of a message that the acceptor sends, or that the initiator does.
    fn flags(&self, by_acceptor: bool) -> u8 {
        let sub_key = if self.keys.acceptor.is_some() { ACCEPTOR_SUB_KEY } else { 0 };
        sub_key | if by_acceptor { SENT_BY_ACCEPTOR } else { 0 }
    }

    /// GSS_WrapEx and GSS_GetMICEx. `None` when the key cannot be used, which [`KerberosMessages::offers`] tells.
    pub(in crate::auth) fn protect(
        &mut self,
        protection: Protection,
        head: &[u8],
        data: &mut [u8],
        tail: &[u8],
    ) -> Option<Vec<u8>> {
        let by_acceptor = !self.is_initiator;
        let number = self.sending;
        self.sending = number.wrapping_add(1);
        let flags = self.flags(by_acceptor);
        match protection {
            Protection::Signed => {
                let mut token = mic_header(flags, number).to_vec();
                let sign = if by_acceptor { usage::ACCEPTOR_SIGN } else { usage::INITIATOR_SIGN };
                token.extend(self.key().checksum(sign, &[head, data, tail, &token]));
                Some(token)
            }
            Protection::Sealed => {
                let seal = if by_acceptor { usage::ACCEPTOR_SEAL } else { usage::INITIATOR_SEAL };
                self.seal(seal, flags, number, head, data, tail)
            }
        }
    }

    fn seal(
        &self,
        seal: u32,
        flags: u8,
        number: u64,
        head: &[u8],
        data: &mut [u8],
        tail: &[u8],
    ) -> Option<Vec<u8>> {
        let inner = wrap_header(flags, 0, number);
        let confounder = self.confounder(seal, number)?;
        let filler = [0xff; FILLER];
        let mac = self.key().integrity(seal, &[&confounder, head, data, tail, &filler, &inner])?;
        let mut whole = Zeroizing::new(Vec::with_capacity(data.len().saturating_add(WRAP)));
        for part in [&confounder[..], data, &filler, &inner] {
            whole.extend_from_slice(part);
        }
        self.key().encrypt_in_place(seal, &mut whole)?;
        let (front, rest) = whole.split_at_checked(CONFOUNDER_SIZE)?;
        let (sealed, end) = rest.split_at_checked(data.len())?;
        data.copy_from_slice(sealed);
        let mut token = wrap_header(flags, u16::try_from(ROTATION).ok()?, number).to_vec();
        for part in [end, &mac, front] {
            token.extend_from_slice(part);
        }
        Some(token)
    }

    /// Nobody else knows the key, and no number comes twice: what is made of both is as good as random.
    fn confounder(&self, seal: u32, number: u64) -> Option<[u8; CONFOUNDER_SIZE]> {
        /// RFC 3961 section 4: numbers from 1024 on are for applications.
        const CONFOUNDER_USAGE: u32 = 1_024;
        let half = |which: u8| {
            self.key().checksum(CONFOUNDER_USAGE, &[&seal.to_be_bytes(), &number.to_be_bytes(), &[which]])
        };
        let both = Zeroizing::new([half(0), half(1)].concat());
        both.first_chunk().copied()
    }

    /// GSS_UnwrapEx and GSS_VerifyMICEx.
    pub(in crate::auth) fn verify(
        &mut self,
        protection: Protection,
        head: &[u8],
        data: &mut [u8],
        tail: &[u8],
        token: &[u8],
    ) -> Result<(), AuthError> {
        let by_acceptor = self.is_initiator;
        let number = match protection {
            Protection::Signed => self.verify_mic(by_acceptor, head, data, tail, token),
            Protection::Sealed => self.unseal(by_acceptor, head, data, tail, token),
        };
        let number = number.ok_or(AuthError::MessageAltered)?;
        // The transport keeps the order: what does not follow was left out, or came before.
        if self.receiving.is_some_and(|expected| expected != number) {
            return Err(AuthError::MessageAltered);
        }
        self.receiving = Some(number.wrapping_add(1));
        Ok(())
    }

    fn verify_mic(
        &self,
        by_acceptor: bool,
        head: &[u8],
        data: &[u8],
        tail: &[u8],
        token: &[u8],
    ) -> Option<u64> {
        let (header, checksum) = token.split_first_chunk::<HEADER>()?;
        let number = number_of(header);
        let expected = mic_header(self.flags(by_acceptor), number);
        let sign = if by_acceptor { usage::ACCEPTOR_SIGN } else { usage::INITIATOR_SIGN };
        let parts = [head, data, tail, &header[..]];
        (*header == expected).then_some(())?;
        self.key().verify_checksum(sign, &parts, checksum).ok()?;
        Some(number)
    }

    fn unseal(
        &self,
        by_acceptor: bool,
        head: &[u8],
        data: &mut [u8],
        tail: &[u8],
        token: &[u8],
    ) -> Option<u64> {
        let (header, rest) = token.split_first_chunk::<HEADER>()?;
        let number = number_of(header);
        let [_, _, flags, _, e, c, r, s, ..] = *header;
        let filler = usize::from(u16::from_be_bytes([e, c]));
        let rotation = usize::from(u16::from_be_bytes([r, s]));
        let mut inner = *header;
        inner.get_mut(6..8)?.fill(0);
        let mut expected = wrap_header(self.flags(by_acceptor), 0, number);
        expected.get_mut(4..6)?.copy_from_slice(&[e, c]);
        if inner != expected || flags & SEALED == 0 || rotation != ROTATION {
            return None;
        }
        // The token has the end of what was encrypted in front of its beginning: the data between them is in its own place.
        let end_size = filler.checked_add(ROTATION)?;
        let (end, confounder) = rest.split_at_checked(end_size)?;
        let (end, mac) = end.split_at_checked(end_size.checked_sub(MAC)?)?;
        if confounder.len() != CONFOUNDER_SIZE {
            return None;
        }
        let mut whole = Zeroizing::new([confounder, data, end].concat());
        let seal = if by_acceptor { usage::ACCEPTOR_SEAL } else { usage::INITIATOR_SEAL };
        self.key().decrypt_in_place(seal, &mut whole)?;
        let (confounder, plain) = whole.split_at_checked(CONFOUNDER_SIZE)?;
        let (plain, end) = plain.split_at_checked(data.len())?;
        let computed = self.key().integrity(seal, &[confounder, head, plain, tail, end])?;
        verify_slices_are_equal(&computed, mac).ok()?;
        (end.get(filler..)? == inner).then_some(())?;
        data.copy_from_slice(plain);
        Some(number)
    }
}

fn number_of(header: &[u8; HEADER]) -> u64 {
    let [.., a, b, c, d, e, f, g, h] = *header;
    u64::from_be_bytes([a, b, c, d, e, f, g, h])
}

fn mic_header(flags: u8, number: u64) -> [u8; HEADER] {
    let [a, b, c, d, e, f, g, h] = number.to_be_bytes();
    [4, 4, flags, 0xff, 0xff, 0xff, 0xff, 0xff, a, b, c, d, e, f, g, h]
}

fn wrap_header(flags: u8, rotation: u16, number: u64) -> [u8; HEADER] {
    let [i, j] = TOK_WRAP;
    let filler = u16::try_from(FILLER).unwrap_or_default().to_be_bytes();
    let [k, l] = filler;
    let [m, n] = rotation.to_be_bytes();
    let [a, b, c, d, e, f, g, h] = number.to_be_bytes();
    [i, j, flags | SEALED, 0xff, k, l, m, n, a, b, c, d, e, f, g, h]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(encryption_type: EncryptionType, size: usize) -> MicKeys {
        let key = |byte| EncryptionKey::new(encryption_type, &vec![byte; size]).unwrap();
        MicKeys { acceptor: Some(key(3)), initiator: key(4), sequence_number: 7 }
    }

    fn both() -> (KerberosMessages, KerberosMessages) {
        let keys = keys(EncryptionType::AES256_CTS_HMAC_SHA1_96, 32);
        (KerberosMessages::new(keys.clone(), false), KerberosMessages::new(keys, false).of_client())
    }

    #[test]
    fn messages_go_both_ways_whole_and_in_order() {
        for protection in [Protection::Signed, Protection::Sealed] {
            let (mut server, mut client) = both();
            for size in [0, 1, 15, 16, 17, 200] {
                let plain = vec![0x42; size];
                let mut data = plain.clone();
                let token = client.protect(protection, b"head", &mut data, b"tail").unwrap();
                assert_eq!(token.len(), KerberosMessages::signature_size(protection));
                assert_eq!(data == plain, protection == Protection::Signed || size == 0);
                server.verify(protection, b"head", &mut data, b"tail", &token).unwrap();
                assert_eq!(data, plain);
                let token = server.protect(protection, b"", &mut data, b"").unwrap();
                client.verify(protection, b"", &mut data, b"", &token).unwrap();
                assert_eq!(data, plain);
            }
        }
    }

    #[test]
    fn a_token_in_dce_style_has_the_layout_of_the_text() {
        let (mut server, _) = both();
        let mut data = [0x42; 32];
        let token = server.protect(Protection::Sealed, b"", &mut data, b"").unwrap();
        assert_eq!(token[..HEADER], [5, 4, 7, 0xff, 0, 16, 0, 28, 0, 0, 0, 0, 0, 0, 0, 7]);
        assert_eq!(token.len(), 76);
        // It is a Wrap token of RFC 4121 once the rotation is undone: RRC and EC to the left.
        let mut whole = [&token[HEADER..], &data[..]].concat();
        whole.rotate_left(28 + 16);
        let plain = server.key().decrypt(usage::ACCEPTOR_SEAL, &whole).unwrap();
        assert_eq!(plain[..32], [0x42; 32]);
        assert_eq!(plain[48..], [5, 4, 7, 0xff, 0, 16, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7]);
    }

    #[test]
    fn what_was_changed_or_does_not_follow_is_found() {
        for protection in [Protection::Signed, Protection::Sealed] {
            let size = KerberosMessages::signature_size(protection);
            for at in 0..size {
                let (mut server, mut client) = both();
                let mut data = b"some data".to_vec();
                let mut token = client.protect(protection, b"head", &mut data, b"tail").unwrap();
                token[at] ^= 1;
                let outcome = server.verify(protection, b"head", &mut data, b"tail", &token);
                assert_eq!(outcome, Err(AuthError::MessageAltered), "{protection:?} {at}");
            }
            for spoil in 0..6 {
                let (mut server, mut client) = both();
                let (mut head, mut tail) = (b"head".to_vec(), b"tail".to_vec());
                let mut data = b"some data".to_vec();
                let mut token = client.protect(protection, &head, &mut data, &tail).unwrap();
                match spoil {
                    0 => head[0] ^= 1,
                    1 => tail[0] ^= 1,
                    2 => data[0] ^= 1,
                    3 => token.truncate(size - 1),
                    4 => token.push(0),
                    _ => {
                        let mut copy = data.clone();
                        server.verify(protection, &head, &mut copy, &tail, &token).unwrap();
                    }
                }
                let outcome = server.verify(protection, &head, &mut data, &tail, &token);
                assert_eq!(outcome, Err(AuthError::MessageAltered), "{protection:?} {spoil}");
            }
            // Its own message, sent back.
            let (mut server, _) = both();
            let mut data = b"some data".to_vec();
            let token = server.protect(protection, b"", &mut data, b"").unwrap();
            assert!(server.verify(protection, b"", &mut data, b"", &token).is_err());
        }
    }

    #[test]
    fn other_kinds_of_keys_are_not_offered() {
        let offers = |encryption_type, size| {
            KerberosMessages::new(keys(encryption_type, size), false).offers(Protection::Signed)
        };
        assert!(offers(EncryptionType::AES128_CTS_HMAC_SHA1_96, 16));
        assert!(!offers(EncryptionType::RC4_HMAC, 16));
        assert!(!offers(EncryptionType::AES128_CTS_HMAC_SHA256_128, 16));
    }
}
