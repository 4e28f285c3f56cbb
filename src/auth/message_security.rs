//! Protection of single messages with the keys of a logon: GSS_WrapEx, GSS_UnwrapEx, GSS_GetMICEx and GSS_VerifyMICEx of
//! [MS-NLMP] 3.4.6 to 3.4.9 and [MS-KILE] 3.4.5.4 to 3.4.5.7, seen from the acceptor.

use super::AuthError;
use super::kerberos::KerberosMessages;
use super::ntlm::{NtlmMessages, SIGNATURE_SIZE};

/// What is done to a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Protection {
    /// Its integrity is protected.
    Signed,
    /// Its data is encrypted as well.
    Sealed,
}

/// The keys of a logon, with the state of both directions: messages must come in the order in which they were sent.
pub struct MessageSecurity(Mechanism);

enum Mechanism {
    Ntlm(Box<NtlmMessages>),
    Kerberos(Box<KerberosMessages>),
}

impl MessageSecurity {
    pub(super) fn ntlm(messages: NtlmMessages) -> Self {
        MessageSecurity(Mechanism::Ntlm(Box::new(messages)))
    }

    pub(super) fn kerberos(messages: KerberosMessages) -> Self {
        MessageSecurity(Mechanism::Kerberos(Box::new(messages)))
    }

    /// Did both sides agree to do that?
    #[must_use]
    pub const fn offers(&self, protection: Protection) -> bool {
        match &self.0 {
            Mechanism::Ntlm(messages) => messages.offers(protection),
            Mechanism::Kerberos(messages) => messages.offers(protection),
        }
    }

    /// Are headers covered also where the parties have not agreed on that? NTLM with extended session security signs the whole PDU in
    /// any case, as Windows does and clients expect.
    #[must_use]
    pub const fn always_covers_headers(&self) -> bool {
        matches!(self.0, Mechanism::Ntlm(_))
    }

    /// Bytes of a signature.
    #[must_use]
    pub const fn signature_size(&self, protection: Protection) -> usize {
        match &self.0 {
            Mechanism::Ntlm(_) => SIGNATURE_SIZE,
            Mechanism::Kerberos(_) => KerberosMessages::signature_size(protection),
        }
    }

    /// Protects a message that is sent: seals `data` in place where that is asked for, and returns the signature over `head`,
    /// `data` and `tail`.
    #[must_use]
    pub fn protect(&mut self, protection: Protection, head: &[u8], data: &mut [u8], tail: &[u8]) -> Vec<u8> {
        match &mut self.0 {
            Mechanism::Ntlm(messages) => messages.protect(protection, head, data, tail).to_vec(),
            // INVARIANT: a key that cannot be used is not offered.
            Mechanism::Kerberos(messages) => {
                messages.protect(protection, head, data, tail).unwrap_or_default()
            }
        }
    }

    /// Takes the protection off a message that came.
    ///
    /// # Errors
    /// [`AuthError::MessageAltered`]: nothing that comes after it can be believed.
    pub fn verify(
        &mut self,
        protection: Protection,
        head: &[u8],
        data: &mut [u8],
        tail: &[u8],
        signature: &[u8],
    ) -> Result<(), AuthError> {
        match &mut self.0 {
            Mechanism::Ntlm(messages) => messages.verify(protection, head, data, tail, signature),
            Mechanism::Kerberos(messages) => messages.verify(protection, head, data, tail, signature),
        }
    }
}

impl core::fmt::Debug for MessageSecurity {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("MessageSecurity(..)")
    }
}
