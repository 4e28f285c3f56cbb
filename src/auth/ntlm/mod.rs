//! [MS-NLMP] NTLM, version 2 of the responses only: messages, keys, the accepting and the initiating side.

mod acceptor;
mod av_pair;
pub mod client;
mod keys;
mod messages;
mod sealing;

pub(super) use acceptor::{NtlmAcceptor, NtlmContext, NtlmStep};
pub(super) use sealing::{NtlmMessages, SIGNATURE_SIZE};

pub use keys::{NtHash, nt_hash};

use super::AccountQuery;
use aws_lc_rs::constant_time::verify_slices_are_equal;

bitflags::bitflags! {
    /// [MS-NLMP] 2.2.2.5 NEGOTIATE.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(crate) struct NegotiateFlags: u32 {
        /// Strings are UTF-16.
        const UNICODE = 0x0000_0001;
        /// Strings are in the OEM character set.
        const OEM = 0x0000_0002;
        /// The client wants a TargetName.
        const REQUEST_TARGET = 0x0000_0004;
        /// Message integrity.
        const SIGN = 0x0000_0010;
        /// Message confidentiality.
        const SEAL = 0x0000_0020;
        /// NTLM at all.
        const NTLM = 0x0000_0200;
        /// The client is anonymous.
        const ANONYMOUS = 0x0000_0800;
        /// Signing blocks, always set by everybody.
        const ALWAYS_SIGN = 0x0000_8000;
        /// TargetName is a domain.
        const TARGET_TYPE_DOMAIN = 0x0001_0000;
        /// TargetName is a server.
        const TARGET_TYPE_SERVER = 0x0002_0000;
        /// Extended session security: the signing and sealing keys of NTLMv2.
        const EXTENDED_SESSIONSECURITY = 0x0008_0000;
        /// TargetInfo is there.
        const TARGET_INFO = 0x0080_0000;
        /// Version is there.
        const VERSION = 0x0200_0000;
        /// 128-bit sealing keys.
        const KEY_128 = 0x2000_0000;
        /// The client chooses the exported session key and sends it encrypted.
        const KEY_EXCH = 0x4000_0000;
        /// 56-bit sealing keys.
        const KEY_56 = 0x8000_0000;
        const _ = !0;
    }
}

/// True for a token that starts as an NTLM message does.
pub(super) fn is_ntlmssp(token: &[u8]) -> bool {
    token.starts_with(messages::SIGNATURE)
}

/// UTF-16LE of `text`.
fn utf16le(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

/// True when the client of `query` proved to know the password with this hash.
#[must_use]
pub fn proves(hash: &NtHash, query: &AccountQuery) -> bool {
    let Ok(messages::NtResponse::V2(response)) =
        messages::NtResponse::decode(&query.pass_through.nt_response)
    else {
        return false;
    };
    let key = keys::ntowf_v2(hash, &utf16le(&query.user), &utf16le(&query.domain));
    let proof = keys::nt_proof(&key, &query.pass_through.server_challenge, response.temp);
    verify_slices_are_equal(&*proof, &response.proof).is_ok()
}
