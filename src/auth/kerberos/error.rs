//! Why a Kerberos logon failed, and how the client is told.

/// The reasons. Each has an error code of RFC 4120 7.5.9, with which the client is told in a KRB-ERROR.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum KerberosError {
    /// A message, or something in it, is not what its grammar says.
    #[error("malformed Kerberos message")]
    Malformed,
    /// The ticket is for another service than this server's, or of another realm.
    #[error("the ticket is for another service")]
    WrongPrincipal,
    /// The encryption type of the ticket, or of a key in it, is unknown or not allowed.
    #[error("the ticket's encryption type is not allowed")]
    EncryptionType,
    /// There is no key that the ticket can be opened with: it was changed, or is for an earlier or another password.
    #[error("no key of this server opens the ticket")]
    Key,
    /// The client wants user-to-user authentication, for which this server has no session key.
    #[error("user-to-user authentication is not supported")]
    UserToUser,
    /// The authenticator was changed, or made by somebody who does not have the ticket's key.
    #[error("the authenticator does not fit the ticket")]
    Authenticator,
    /// The authenticator names another client than the ticket.
    #[error("the authenticator names another client than the ticket")]
    ClientMismatch,
    /// The client's clock and this server's are more than five minutes apart.
    #[error("the client's clock is too far from this server's")]
    ClockSkew,
    /// The ticket has expired.
    #[error("the ticket has expired")]
    TicketExpired,
    /// The ticket is not valid yet, or marked as invalid.
    #[error("the ticket is not valid yet")]
    TicketNotYetValid,
    /// The authenticator was used before.
    #[error("the authenticator was used before")]
    Replay,
    /// Too many authenticators are remembered to be sure that this one is new.
    #[error("too many logons at a time")]
    Busy,
    /// The ticket has no PAC, or one without what must be there: nothing says who the user is.
    #[error("the ticket does not say who the user is (no PAC)")]
    PacMissing,
    /// The PAC's server signature is wrong.
    #[error("the PAC's signature is wrong")]
    PacSignature,
    /// The ticket has authorization data of an unknown type that counts: it may take away what the ticket would give otherwise.
    #[error("the ticket has authorization data that this server does not understand")]
    AuthorizationData,
    /// The PAC is another user's or another ticket's.
    #[error("the PAC is of another ticket")]
    PacClient,
}

impl KerberosError {
    /// RFC 4120 7.5.9.
    pub(super) const fn code(self) -> i64 {
        match self {
            // KDC_ERR_ETYPE_NOSUPP.
            KerberosError::EncryptionType => 14,
            // KRB_AP_ERR_TKT_EXPIRED.
            KerberosError::TicketExpired => 32,
            // KRB_AP_ERR_TKT_NYV.
            KerberosError::TicketNotYetValid => 33,
            // KRB_AP_ERR_REPEAT.
            KerberosError::Replay => 34,
            // KRB_AP_ERR_NOT_US.
            KerberosError::WrongPrincipal => 35,
            // KRB_AP_ERR_BADMATCH.
            KerberosError::ClientMismatch => 36,
            // KRB_AP_ERR_SKEW.
            KerberosError::ClockSkew => 37,
            // KRB_AP_ERR_MODIFIED: clients get themselves a new ticket. [MS-KILE] 3.4.5 has it for the authenticator, too, where RFC 4120
            // has KRB_AP_ERR_BAD_INTEGRITY.
            KerberosError::Key
            | KerberosError::Authenticator
            | KerberosError::PacSignature
            | KerberosError::PacClient => 41,
            // KRB_AP_ERR_NOKEY.
            KerberosError::UserToUser => 45,
            // KRB_ERR_GENERIC.
            KerberosError::Malformed
            | KerberosError::Busy
            | KerberosError::PacMissing
            | KerberosError::AuthorizationData => 60,
        }
    }
}
