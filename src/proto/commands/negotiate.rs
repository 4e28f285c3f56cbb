//! [MS-SMB2] 3.3.5.4 Receiving an SMB2 NEGOTIATE Request, and 3.3.5.3 for the one of SMB1.

use freehold_dtyp::{Encode, NtStatus};

use super::super::admit::Disconnect;
use super::super::context::{Context, StepResult};
use super::super::event::Now;
use super::super::limits::{MAX_IO_BYTES, MAX_IO_BYTES_SMB_2_0_2};
use super::super::link::{Link, Negotiated};
use super::super::server::Server;
use super::super::status::CommandError;
use crate::auth::Acceptor;
use crate::crypto::{Cipher, SigningAlgorithm};
use crate::smb2::negotiate::{NegotiateRequest, NegotiateResponse};
use crate::smb2::negotiate_context::{
    self as wire, HashAlgorithm, NegotiateContext, NegotiateContexts, POSIX_TAG,
};
use crate::smb2::smb1_negotiate::Smb1NegotiateRequest;
use crate::smb2::{Capabilities, DecodeMessage, Dialect, List, SecurityMode};

/// Length of the salt in the reply's pre-authentication context, as Windows sends it.
const SALT_BYTES: usize = 32;

/// What the contexts of a 3.1.1 request settle.
#[derive(Default)]
struct Contexts {
    /// SHA-512 was offered.
    preauth: bool,
    /// The client sent an encryption context; the cipher in common, if any.
    encryption: Option<Option<Cipher>>,
    /// The client sent a signing context, which is answered; the algorithm in common, if any.
    signing: Option<Option<SigningAlgorithm>>,
    /// The client speaks the SMB3 POSIX Extensions.
    posix: bool,
}

/// Settles dialect, cipher and signing algorithm.
///
/// # Errors
/// INVALID_PARAMETER without dialects or pre-authentication context, NOT_SUPPORTED without a common dialect.
pub fn decide(cx: &mut Context<'_>) -> StepResult {
    if cx.link.negotiated.is_some() {
        // 3.3.5.4: a second NEGOTIATE ends the connection.
        *cx.disconnect = Some(Disconnect::Negotiate);
        return Err(NtStatus::INVALID_PARAMETER.into());
    }
    let request = NegotiateRequest::decode(&cx.request.message)?;
    if request.dialects.is_empty() {
        return Err(NtStatus::INVALID_PARAMETER.into());
    }
    let config = &cx.server.config;
    let dialect = Dialect::ALL
        .into_iter()
        .rev()
        .filter(|dialect| (config.min_dialect..=config.max_dialect).contains(dialect))
        .find(|dialect| request.dialects.contains(*dialect))
        .ok_or(NtStatus::NOT_SUPPORTED)?;
    let contexts = if dialect == Dialect::SMB_3_1_1 { read_contexts(&request)? } else { Contexts::default() };
    let negotiated = settle(cx.server, &request, dialect, &contexts);

    if dialect == Dialect::SMB_3_1_1 {
        cx.link.preauth.update(&cx.request.message);
    }
    let mut salt = [0; SALT_BYTES];
    cx.server.entropy.fill(&mut salt);
    let hint = Acceptor::hint(&cx.server.acceptor.load());
    let ciphers = [negotiated.cipher.map_or(wire::Cipher(0), |cipher| wire::Cipher(cipher.to_wire()))];
    let algorithms = [wire::SigningAlgorithm(negotiated.signing.to_wire())];
    let mut list = Vec::with_capacity(4);
    if dialect == Dialect::SMB_3_1_1 {
        list.push(NegotiateContext::PreauthIntegrity {
            hash_algorithms: List::from(&[HashAlgorithm::SHA_512]),
            salt: &salt,
        });
    }
    if contexts.encryption.is_some() {
        list.push(NegotiateContext::Encryption { ciphers: List::from(&ciphers) });
    }
    if contexts.signing.is_some() {
        // Without an algorithm in common it is AES-CMAC.
        list.push(NegotiateContext::Signing { algorithms: List::from(&algorithms) });
    }
    if negotiated.posix {
        list.push(NegotiateContext::PosixExtensions { tags: &[POSIX_TAG.0] });
    }
    let response =
        response(cx.server, &negotiated, dialect, cx.now, &hint, NegotiateContexts::from(list.as_slice()));
    let step = cx.reply(&response);
    cx.link.negotiated = Some(negotiated);
    step
}

/// 3.3.5.3: answers an SMB1 NEGOTIATE that offers SMB2; returns the body of the SMB2 NEGOTIATE Response.
///
/// # Errors
/// [`Disconnect`] when it is anything else of SMB1.
pub fn multi_protocol(
    server: &Server,
    link: &mut Link,
    frame: &[u8],
    now: Now,
) -> Result<Vec<u8>, Disconnect> {
    let offer = Smb1NegotiateRequest::decode(frame).map_err(|_| Disconnect::NotSmb2)?;
    let config = &server.config;
    let hint = Acceptor::hint(&server.acceptor.load());
    if offer.offers_smb_2_wildcard && config.max_dialect > Dialect::SMB_2_0_2 {
        // 3.3.5.3.1: the client negotiates again, with SMB2.
        link.multi_protocol = true;
        let negotiated = plain(server, Dialect::SMB_2_1);
        let wildcard = Dialect::WILDCARD;
        return Ok(response(server, &negotiated, wildcard, now, &hint, NegotiateContexts::EMPTY).to_bytes());
    }
    if offer.offers_smb_2_002 && config.min_dialect == Dialect::SMB_2_0_2 {
        // 3.3.5.3.2
        link.multi_protocol = true;
        let negotiated = plain(server, Dialect::SMB_2_0_2);
        let body = response(server, &negotiated, Dialect::SMB_2_0_2, now, &hint, NegotiateContexts::EMPTY)
            .to_bytes();
        link.negotiated = Some(negotiated);
        return Ok(body);
    }
    Err(Disconnect::NotSmb2)
}

fn plain(server: &Server, dialect: Dialect) -> Negotiated {
    let request = NegotiateRequest {
        security_mode: SecurityMode::empty(),
        capabilities: Capabilities::empty(),
        client_guid: freehold_dtyp::Guid::ZERO,
        dialects: List::EMPTY,
        contexts: NegotiateContexts::EMPTY,
    };
    settle(server, &request, dialect, &Contexts::default())
}

fn read_contexts(request: &NegotiateRequest<'_>) -> Result<Contexts, CommandError> {
    let mut found = Contexts::default();
    let mut preauth_seen = false;
    let (mut compression_seen, mut rdma_seen) = (false, false);
    for context in request.contexts.iter() {
        match context? {
            NegotiateContext::PreauthIntegrity { hash_algorithms, .. } => {
                // 3.3.5.4: exactly one, with at least one algorithm.
                if preauth_seen || hash_algorithms.is_empty() {
                    return Err(NtStatus::INVALID_PARAMETER.into());
                }
                preauth_seen = true;
                found.preauth = hash_algorithms.contains(HashAlgorithm::SHA_512);
            }
            NegotiateContext::Encryption { ciphers } => {
                if found.encryption.is_some() || ciphers.is_empty() {
                    return Err(NtStatus::INVALID_PARAMETER.into());
                }
                // The client's order is its preference.
                found.encryption = Some(ciphers.iter().find_map(|cipher| Cipher::from_wire(cipher.0)));
            }
            NegotiateContext::Signing { algorithms } => {
                if found.signing.is_some() || algorithms.is_empty() {
                    return Err(NtStatus::INVALID_PARAMETER.into());
                }
                found.signing =
                    Some(algorithms.iter().find_map(|algorithm| SigningAlgorithm::from_wire(algorithm.0)));
            }
            NegotiateContext::PosixExtensions { tags } => {
                found.posix |= tags.contains(&POSIX_TAG.0);
            }
            // Compression, RDMA and transport security are not offered back, but come once at most; the server's name is not
            // checked, as a host may have aliases.
            NegotiateContext::Compression { .. } => once(&mut compression_seen)?,
            NegotiateContext::RdmaTransform { .. } => once(&mut rdma_seen)?,
            NegotiateContext::NetName(_) | NegotiateContext::Transport(_) => {}
        }
    }
    if !preauth_seen {
        return Err(NtStatus::INVALID_PARAMETER.into());
    }
    if !found.preauth {
        return Err(NtStatus::NO_PREAUTH_INTEGRITY_HASH_OVERLAP.into());
    }
    Ok(found)
}

/// Refuses what comes a second time.
fn once(seen: &mut bool) -> Result<(), CommandError> {
    if std::mem::replace(seen, true) { Err(NtStatus::INVALID_PARAMETER.into()) } else { Ok(()) }
}

fn settle(
    server: &Server,
    request: &NegotiateRequest<'_>,
    dialect: Dialect,
    contexts: &Contexts,
) -> Negotiated {
    let is_3_0 = dialect == Dialect::SMB_3_0 || dialect == Dialect::SMB_3_0_2;
    let multi_credit = dialect > Dialect::SMB_2_0_2;
    let mut capabilities = Capabilities::empty();
    if !server.namespaces.load().is_empty() {
        // 3.3.5.4 IsDfsCapable: only where there is something to refer to.
        capabilities |= Capabilities::DFS;
    }
    if multi_credit {
        capabilities |= Capabilities::LARGE_MTU | Capabilities::LEASING;
    }
    if dialect.is_3x() {
        // 3.3.5.4: what the client does not know is not shown to it.
        let both = Capabilities::DIRECTORY_LEASING | Capabilities::MULTI_CHANNEL;
        capabilities |= both & request.capabilities;
    }
    if dialect.is_3x() && server.persistent.get().is_some() {
        // 3.3.5.4: only where there is something to keep them in.
        capabilities |= Capabilities::PERSISTENT_HANDLES & request.capabilities;
    }
    // 2.2.4: the flag belongs to 3.0 and 3.0.2; 3.1.1 has its context.
    let seals_30 = is_3_0 && request.capabilities.contains(Capabilities::ENCRYPTION);
    if seals_30 {
        capabilities |= Capabilities::ENCRYPTION;
    }
    let cipher = if seals_30 { Some(Cipher::Aes128Ccm) } else { contexts.encryption.flatten() };
    let signing = match dialect {
        Dialect::SMB_2_0_2 | Dialect::SMB_2_1 => SigningAlgorithm::HmacSha256,
        Dialect::SMB_3_1_1 => contexts.signing.flatten().unwrap_or(SigningAlgorithm::AesCmac),
        _ => SigningAlgorithm::AesCmac,
    };
    let mut mode = SecurityMode::SIGNING_ENABLED;
    if server.config.require_signing {
        mode |= SecurityMode::SIGNING_REQUIRED;
    }
    let limits = &server.config.limits;
    let most = if multi_credit { MAX_IO_BYTES } else { MAX_IO_BYTES_SMB_2_0_2 };
    let ceiling = |bytes: u32| bytes.clamp(MAX_IO_BYTES_SMB_2_0_2, most);
    Negotiated {
        dialect,
        client_guid: request.client_guid,
        client_capabilities: request.capabilities,
        client_security_mode: request.security_mode,
        client_dialects: request.dialects.iter().collect(),
        server_capabilities: capabilities,
        server_security_mode: mode,
        cipher,
        signing,
        max_read_bytes: ceiling(limits.max_read_bytes),
        max_write_bytes: ceiling(limits.max_write_bytes),
        max_transact_bytes: ceiling(limits.max_transact_bytes),
        multi_credit,
        posix: contexts.posix && server.config.posix_extensions,
    }
}

fn response<'a>(
    server: &Server,
    negotiated: &Negotiated,
    dialect: Dialect,
    now: Now,
    security_buffer: &'a [u8],
    contexts: NegotiateContexts<'a>,
) -> NegotiateResponse<'a> {
    NegotiateResponse {
        security_mode: negotiated.server_security_mode,
        dialect,
        server_guid: server.config.guid,
        capabilities: negotiated.server_capabilities,
        max_transact_size: negotiated.max_transact_bytes,
        max_read_size: negotiated.max_read_bytes,
        max_write_size: negotiated.max_write_bytes,
        system_time: now.wall,
        // Windows answers zero; the time would tell strangers how long patches are missing.
        server_start_time: freehold_dtyp::FileTime::ZERO,
        security_buffer,
        contexts,
    }
}
