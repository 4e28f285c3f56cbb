//! Logons as stepped exchanges: tokens in, tokens and questions out.
//!
//! Owns SPNEGO ([MS-SPNG], RFC 4178) and NTLM ([MS-NLMP]), both sides, and the server's side of Kerberos ([MS-KILE]). Knows nothing of SMB messages, of where accounts
//! are kept, of clocks or of random numbers: the time, the challenge and what is known of an account come in as data.
//!
//! ```text
//! Acceptor::new --step(token)--> Continue(token) --step(token)--> NeedAccount(query) --resume(answer)--> Done | Failed
//! ```
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects
    )
)]

mod acceptor;
mod authorization;
pub mod der;
pub mod kerberos;
mod message_security;
pub mod ntlm;
pub mod spnego;

pub use acceptor::{AcceptStep, Accepted, Acceptor, AcceptorRandomness};
pub use authorization::Authorization;
pub use message_security::{MessageSecurity, Protection};
pub use ntlm::{NtHash, nt_hash};
pub use spnego::Mechanism;

/// Longest token that is looked at, in bytes; SMB2 SESSION_SETUP cannot carry a longer one.
pub const TOKEN_SIZE_LIMIT: usize = 65_535;

/// Why a logon failed. The reason is for the status and the log; what the client is told is proto's choice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum AuthError {
    /// Unknown user, wrong password, or a kind of response that is not accepted (LM, NTLMv1). STATUS_LOGON_FAILURE.
    #[error("unknown user or wrong password")]
    LogonFailure,
    /// The password is right, the account is disabled. STATUS_ACCOUNT_DISABLED.
    #[error("the account is disabled")]
    AccountDisabled,
    /// The account is locked. STATUS_ACCOUNT_LOCKED_OUT.
    #[error("the account is locked out")]
    AccountLockedOut,
    /// The password is right, the account has expired. STATUS_ACCOUNT_EXPIRED.
    #[error("the account has expired")]
    AccountExpired,
    /// The password is right and has expired. STATUS_PASSWORD_EXPIRED.
    #[error("the password has expired")]
    PasswordExpired,
    /// The password is right and must be changed first. STATUS_PASSWORD_MUST_CHANGE.
    #[error("the password must be changed")]
    PasswordMustChange,
    /// The account may not log on over the network. STATUS_LOGON_TYPE_NOT_GRANTED.
    #[error("the account may not log on over the network")]
    LogonTypeNotGranted,
    /// The account may not log on now or from there. STATUS_ACCOUNT_RESTRICTION.
    #[error("an account restriction forbids the logon")]
    AccountRestriction,
    /// Anonymous or guest, which the policy refuses. STATUS_LOGON_FAILURE.
    #[error("anonymous and guest logons are refused")]
    AnonymousRefused,
    /// A token is malformed or comes at the wrong step. STATUS_INVALID_PARAMETER.
    #[error("malformed authentication token")]
    InvalidToken,
    /// No mechanism that both sides know. STATUS_INVALID_PARAMETER.
    #[error("no authentication mechanism in common")]
    NoCommonMechanism,
    /// The MIC of NTLM or of SPNEGO's mechanism list is wrong or missing: somebody changed a message on its way, or the
    /// password was never known. STATUS_INVALID_PARAMETER.
    #[error("the exchange was tampered with")]
    MessageAltered,
    /// The channel binding is wrong, or missing where the policy demands it. STATUS_BAD_BINDINGS.
    #[error("the channel binding does not match")]
    BadBindings,
    /// Whoever knows the account cannot be reached. STATUS_NO_LOGON_SERVERS.
    #[error("no logon server can be reached")]
    NoLogonServers,
    /// The account may log on from other workstations only. STATUS_INVALID_WORKSTATION.
    #[error("the account may not log on from this workstation")]
    InvalidWorkstation,
    /// The account may log on at other hours only. STATUS_INVALID_LOGON_HOURS.
    #[error("the account may not log on at this hour")]
    InvalidLogonHours,
    /// The policy, here or of the domain, refuses NTLM. STATUS_NTLM_BLOCKED.
    #[error("NTLM is refused by policy")]
    NtlmBlocked,
    /// Selective authentication of a trust forbids the logon. STATUS_AUTHENTICATION_FIREWALL_FAILED.
    #[error("the account may not log on to this server across its trust")]
    AuthenticationFirewall,
    /// The domain controllers refuse the account of this server. STATUS_TRUSTED_RELATIONSHIP_FAILURE.
    #[error("the domain refuses this server's own account")]
    TrustFailure,
    /// The domain has no account of this server. STATUS_NO_TRUST_SAM_ACCOUNT.
    #[error("the domain has no account of this server")]
    NoTrustAccount,
    /// The trust between this server's domain and the account's is broken. STATUS_TRUSTED_DOMAIN_FAILURE.
    #[error("the trust to the account's domain is broken")]
    TrustedDomainFailure,
    /// A Kerberos ticket or what came with it is not accepted.
    #[error("Kerberos: {0}")]
    Kerberos(kerberos::KerberosError),
}

/// The names under which the server presents itself in NTLM's target information.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServerNames {
    /// NetBIOS computer name; at most 15 characters, upper case. In a domain it must be the machine account's.
    pub netbios_computer: String,
    /// NetBIOS domain name; the computer name again for a server without a domain.
    pub netbios_domain: String,
    /// Fully qualified computer name.
    pub dns_computer: String,
    /// DNS domain name; the computer's own again for a server without a domain.
    pub dns_domain: String,
    /// DNS forest name; empty without a domain.
    pub dns_tree: String,
    /// True for a member of a domain.
    pub is_domain_member: bool,
}

/// What the exchange demands regarding the secure channel that it runs in, such as TLS or QUIC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ChannelBinding {
    /// There is no channel, or nobody cares.
    #[default]
    Ignore,
    /// A client that sends a binding must send this one (MD5 of gss_channel_bindings_struct, [MS-NLMP] 2.2.2.1).
    IfSent([u8; 16]),
    /// Every client must send this binding.
    Required([u8; 16]),
}

/// The policy of an acceptor. Everything is off by default.
#[derive(Clone, Debug, Default)]
pub struct AcceptorConfig {
    /// The server's names.
    pub names: ServerNames,
    /// Accepts an empty user with an empty response.
    pub allow_anonymous: bool,
    /// Accepts [`AccountAnswer::Guest`].
    pub allow_guest: bool,
    /// Refuses clients that do not announce a MIC in their (authenticated) response.
    ///
    /// A client that announces one must always send it. Some clients never do: the Linux kernel's, for one, and they
    /// could not log on with this set. Leaving it off is safe against stripping, because the announcement is
    /// covered by the proof of the password.
    pub require_mic: bool,
    /// The channel's binding.
    pub channel_binding: ChannelBinding,
    /// What this server is in its domain; without it there is no Kerberos.
    pub kerberos: Option<std::sync::Arc<kerberos::KerberosConfig>>,
    /// NTLM is neither offered nor taken.
    pub refuse_ntlm: bool,
}

/// What the acceptor wants to know before it can decide.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountQuery {
    /// User name as the client sent it; account names are compared without case.
    pub user: String,
    /// Domain as the client sent it: may be empty, the server's name, a domain or anything else.
    pub domain: String,
    /// The client's own name, unverified.
    pub workstation: String,
    /// What a domain controller needs to verify the response in our place.
    pub pass_through: PassThrough,
}

/// The parts of the exchange that [MS-NRPC] NetrLogonSamLogon takes as NETLOGON_NETWORK_INFO.
#[derive(Clone, PartialEq, Eq)]
pub struct PassThrough {
    /// The server's challenge.
    pub server_challenge: [u8; 8],
    /// NtChallengeResponse.
    pub nt_response: Vec<u8>,
    /// LmChallengeResponse.
    pub lm_response: Vec<u8>,
}

/// The answer to an [`AccountQuery`].
pub enum AccountAnswer {
    /// The account is known here, with the hash of its password.
    Secret {
        /// Hash of the password.
        nt_hash: NtHash,
        /// Reported in place of success, and only to somebody who proved to know the password.
        restriction: Option<AuthError>,
    },
    /// There is no such account. Takes as long as a wrong password.
    Unknown,
    /// A domain controller verified the response.
    Verified {
        /// UserSessionKey of the validation information.
        session_base_key: [u8; 16],
    },
    /// The account may not log on, whatever the password (locked out, or refused by a domain controller).
    Refused(AuthError),
    /// Let the user in as guest without proof; needs [`AcceptorConfig::allow_guest`].
    Guest,
}

/// As what somebody logged on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LogonKind {
    /// A user who proved to be one.
    User,
    /// Guest: nothing was proven. SMB2_SESSION_FLAG_IS_GUEST.
    Guest,
    /// Anonymous. SMB2_SESSION_FLAG_IS_NULL.
    Anonymous,
}

/// Who logged on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// User name as the client sent it.
    pub user: String,
    /// Domain as the client sent it.
    pub domain: String,
    /// The client's own name, unverified.
    pub workstation: String,
    /// As what.
    pub kind: LogonKind,
    /// The mechanism that decided.
    pub mechanism: Mechanism,
    /// The service that the client believes to talk to (MsvAvTargetName, such as `cifs/server`), authenticated by the
    /// user's password; `None` when the client did not say.
    pub target_name: Option<String>,
    /// True when the target name comes from an untrusted source (MsvAvFlags 0x4), so that it proves nothing.
    pub target_name_untrusted: bool,
}

impl core::fmt::Debug for PassThrough {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("PassThrough(..)")
    }
}

impl core::fmt::Debug for AccountAnswer {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            AccountAnswer::Secret { .. } => "Secret(..)",
            AccountAnswer::Unknown => "Unknown",
            AccountAnswer::Verified { .. } => "Verified(..)",
            AccountAnswer::Refused(_) => "Refused(..)",
            AccountAnswer::Guest => "Guest",
        })
    }
}

#[cfg(test)]
mod tests;
