//! [MS-NLMP] 3.4.4 Message Signature and 3.4.3 Message Confidentiality: the messages of an established session, with extended
//! session security.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use rc4::{Rc4, StreamCipher};

use super::NegotiateFlags;
use super::keys::{Direction, Secret16, direction_keys, hmac_md5, new_rc4};
use crate::auth::{AuthError, Protection};

/// Bytes of an NTLMSSP_MESSAGE_SIGNATURE.
pub(in crate::auth) const SIGNATURE_SIZE: usize = 16;

/// Both directions of an established session, seen from the server.
pub(in crate::auth) struct NtlmMessages {
    flags: NegotiateFlags,
    sending: Messages,
    receiving: Messages,
}

/// One direction: ClientHandle or ServerHandle, the signing key and the sequence number.
struct Messages {
    sign_key: Secret16,
    handle: Rc4,
    sequence_number: u32,
}

impl NtlmMessages {
    /// The first messages after the logon. `exchanged_mic`: SPNEGO's mechListMIC went both ways, which counts as a message but
    /// leaves the state of RC4 as it was ([MS-SPNG] 3.2.5.1).
    pub(in crate::auth) fn new(
        exported_session_key: &Secret16,
        flags: NegotiateFlags,
        exchanged_mic: bool,
    ) -> Option<Self> {
        let direction = |direction| {
            let (sign_key, seal_key) = direction_keys(exported_session_key, flags, direction);
            let handle = new_rc4(&seal_key)?;
            Some(Messages { sign_key, handle, sequence_number: u32::from(exchanged_mic) })
        };
        Some(NtlmMessages {
            flags,
            sending: direction(Direction::ServerToClient)?,
            receiving: direction(Direction::ClientToServer)?,
        })
    }

    /// The same, seen from the client.
    pub(in crate::auth) fn of_client(self) -> Self {
        let NtlmMessages { flags, sending, receiving } = self;
        NtlmMessages { flags, sending: receiving, receiving: sending }
    }

    /// Was it negotiated?
    pub(in crate::auth) const fn offers(&self, protection: Protection) -> bool {
        match protection {
            Protection::Signed => self.flags.intersects(NegotiateFlags::SIGN.union(NegotiateFlags::SEAL)),
            Protection::Sealed => self.flags.contains(NegotiateFlags::SEAL),
        }
    }

    /// GSS_WrapEx and GSS_GetMICEx: seals `data` in place where that is asked for, and returns the signature over all three.
    pub(in crate::auth) fn protect(
        &mut self,
        protection: Protection,
        head: &[u8],
        data: &mut [u8],
        tail: &[u8],
    ) -> [u8; SIGNATURE_SIZE] {
        let digest = self.sending.digest(&[head, data, tail]);
        if protection == Protection::Sealed {
            self.sending.handle.apply_keystream(data);
        }
        self.sending.signature(self.flags, digest)
    }

    /// GSS_UnwrapEx and GSS_VerifyMICEx.
    pub(in crate::auth) fn verify(
        &mut self,
        protection: Protection,
        head: &[u8],
        data: &mut [u8],
        tail: &[u8],
        signature: &[u8],
    ) -> Result<(), AuthError> {
        if protection == Protection::Sealed {
            self.receiving.handle.apply_keystream(data);
        }
        let digest = self.receiving.digest(&[head, data, tail]);
        let expected = self.receiving.signature(self.flags, digest);
        verify_slices_are_equal(&expected, signature).map_err(|_| AuthError::MessageAltered)
    }
}

impl Messages {
    fn digest(&self, parts: &[&[u8]]) -> [u8; 8] {
        let number = self.sequence_number.to_le_bytes();
        let mut all: Vec<&[u8]> = Vec::with_capacity(parts.len().saturating_add(1));
        all.push(&number);
        all.extend(parts);
        *hmac_md5(&self.sign_key, &all).first_chunk().unwrap_or(&[0; 8])
    }

    /// 3.4.4.2: the checksum is encrypted with the handle that has sealed the message before it.
    fn signature(&mut self, flags: NegotiateFlags, mut checksum: [u8; 8]) -> [u8; SIGNATURE_SIZE] {
        if flags.contains(NegotiateFlags::KEY_EXCH) {
            self.handle.apply_keystream(&mut checksum);
        }
        let [a, b, c, d, e, f, g, h] = checksum;
        let [i, j, k, l] = self.sequence_number.to_le_bytes();
        self.sequence_number = self.sequence_number.wrapping_add(1);
        [1, 0, 0, 0, a, b, c, d, e, f, g, h, i, j, k, l]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::ntlm::utf16le;
    use zeroize::Zeroizing;

    const FLAGS: NegotiateFlags = NegotiateFlags::KEY_EXCH
        .union(NegotiateFlags::KEY_128)
        .union(NegotiateFlags::KEY_56)
        .union(NegotiateFlags::SIGN)
        .union(NegotiateFlags::SEAL);

    /// A server, and a client made from one with the directions swapped.
    fn both(flags: NegotiateFlags, exchanged_mic: bool) -> (NtlmMessages, NtlmMessages) {
        let key = Zeroizing::new([0x55; 16]);
        let server = NtlmMessages::new(&key, flags, exchanged_mic).unwrap();
        (server, NtlmMessages::new(&key, flags, exchanged_mic).unwrap().of_client())
    }

    /// [MS-NLMP] 4.2.4.4 GSS_WrapEx Examples.
    #[test]
    fn a_sealed_message_is_that_of_the_specification() {
        let (mut server, mut client) = both(FLAGS, false);
        let mut data = utf16le("Plaintext");
        let signature = client.protect(Protection::Sealed, b"", &mut data, b"");
        let sealed = [
            0x54, 0xe5, 0x01, 0x65, 0xbf, 0x19, 0x36, 0xdc, 0x99, 0x60, 0x20, 0xc1, 0x81, 0x1b, 0x0f, 0x06,
            0xfb, 0x5f,
        ];
        assert_eq!(data, sealed);
        assert_eq!(signature, [1, 0, 0, 0, 0x7f, 0xb3, 0x8e, 0xc5, 0xc5, 0x5d, 0x49, 0x76, 0, 0, 0, 0]);
        server.verify(Protection::Sealed, b"", &mut data, b"", &signature).unwrap();
        assert_eq!(data, utf16le("Plaintext"));
    }

    #[test]
    fn messages_follow_each_other_in_both_directions() {
        let (mut server, mut client) = both(FLAGS, true);
        for (number, protection) in
            [(1u8, Protection::Sealed), (2, Protection::Signed), (3, Protection::Sealed)]
        {
            let (mut there, mut back) = (vec![number; 40], vec![number; 3]);
            let signature = client.protect(protection, b"head", &mut there, b"tail");
            assert_eq!(signature[12], number);
            assert_eq!(there == vec![number; 40], protection == Protection::Signed);
            server.verify(protection, b"head", &mut there, b"tail", &signature).unwrap();
            assert_eq!(there, vec![number; 40]);
            let signature = server.protect(protection, b"", &mut back, b"");
            client.verify(protection, b"", &mut back, b"", &signature).unwrap();
        }
    }

    #[test]
    fn what_was_changed_replayed_or_left_out_is_found() {
        let message = |client: &mut NtlmMessages| {
            let mut data = b"some data".to_vec();
            let signature = client.protect(Protection::Sealed, b"head", &mut data, b"tail");
            (data, signature)
        };
        for spoil in 0..5 {
            let (mut server, mut client) = both(FLAGS, false);
            let (mut data, mut signature) = message(&mut client);
            let (mut head, mut tail) = (b"head".to_vec(), b"tail".to_vec());
            match spoil {
                0 => data[0] ^= 1,
                1 => signature[5] ^= 1,
                2 => head[0] ^= 1,
                3 => tail[3] ^= 1,
                _ => (data, signature) = message(&mut client),
            }
            let outcome = server.verify(Protection::Sealed, &head, &mut data, &tail, &signature);
            assert_eq!(outcome, Err(AuthError::MessageAltered), "{spoil}");
        }
    }

    #[test]
    fn only_what_was_negotiated_is_offered() {
        let offers = |flags| {
            let (server, _) = both(flags, false);
            (server.offers(Protection::Signed), server.offers(Protection::Sealed))
        };
        assert_eq!(offers(NegotiateFlags::SIGN), (true, false));
        assert_eq!(offers(NegotiateFlags::SEAL), (true, true));
        assert_eq!(offers(NegotiateFlags::empty()), (false, false));
    }
}
