//! The one place where an error becomes an NTSTATUS. Matches are exhaustive: a new error must be given its status here.

use freehold_acl::{AccessError, CreateSecurityError};
use freehold_dtyp::{DecodeError, NtStatus};

use crate::auth::AuthError;
use crate::auth::kerberos::KerberosError;
use crate::fsa::FsaError;
use crate::fscc::NameError;
use crate::rpc::PipeError;
use crate::vfs::VfsError;

/// Why a command was not done; answered with an ERROR response, the connection goes on.
#[derive(Clone, Debug)]
pub enum CommandError {
    /// The status that the specification names for the case.
    Status(NtStatus),
    /// The same, with the ErrorData of [MS-SMB2] 2.2.2.
    StatusWithData(NtStatus, Vec<u8>),
    /// The request's body cannot be read.
    Decode(DecodeError),
    /// The volume refused.
    Vfs(VfsError),
    /// A broken invariant of this server; logged where it is answered.
    Internal(&'static str),
}

impl From<NtStatus> for CommandError {
    fn from(status: NtStatus) -> Self {
        CommandError::Status(status)
    }
}

impl From<DecodeError> for CommandError {
    fn from(error: DecodeError) -> Self {
        CommandError::Decode(error)
    }
}

impl From<VfsError> for CommandError {
    fn from(error: VfsError) -> Self {
        CommandError::Vfs(error)
    }
}

impl CommandError {
    /// The status to answer.
    #[must_use]
    pub fn status(&self) -> NtStatus {
        match self {
            CommandError::Status(status) | CommandError::StatusWithData(status, _) => *status,
            CommandError::Decode(_) => NtStatus::INVALID_PARAMETER,
            CommandError::Vfs(error) => vfs_status(*error),
            CommandError::Internal(_) => NtStatus::INTERNAL_ERROR,
        }
    }
}

impl From<FsaError> for CommandError {
    fn from(error: FsaError) -> Self {
        CommandError::Status(fsa_status(error))
    }
}

impl From<NameError> for CommandError {
    fn from(error: NameError) -> Self {
        CommandError::Status(error.status())
    }
}

impl From<AccessError> for CommandError {
    fn from(error: AccessError) -> Self {
        CommandError::Status(match error {
            AccessError::Denied => NtStatus::ACCESS_DENIED,
            AccessError::PrivilegeNotHeld => NtStatus::PRIVILEGE_NOT_HELD,
        })
    }
}

impl From<CreateSecurityError> for CommandError {
    fn from(error: CreateSecurityError) -> Self {
        CommandError::Status(match error {
            CreateSecurityError::InvalidOwner => NtStatus::INVALID_OWNER,
            CreateSecurityError::PrivilegeNotHeld => NtStatus::PRIVILEGE_NOT_HELD,
            CreateSecurityError::TooLarge => NtStatus::INVALID_SECURITY_DESCR,
        })
    }
}

/// The status of what the rules of the file system refuse.
#[must_use]
pub fn fsa_status(error: FsaError) -> NtStatus {
    match error {
        FsaError::SharingViolation => NtStatus::SHARING_VIOLATION,
        FsaError::DeletePending => NtStatus::DELETE_PENDING,
        FsaError::OplockProtocol => NtStatus::INVALID_OPLOCK_PROTOCOL,
        FsaError::OplockNotBreaking => NtStatus::INVALID_DEVICE_STATE,
        FsaError::LeaseNotFound => NtStatus::OBJECT_NAME_NOT_FOUND,
        FsaError::LeaseNotBreaking => NtStatus::UNSUCCESSFUL,
        FsaError::LeaseStateTooHigh => NtStatus::REQUEST_NOT_ACCEPTED,
        FsaError::CannotDelete => NtStatus::CANNOT_DELETE,
        FsaError::NameCollision => NtStatus::OBJECT_NAME_COLLISION,
        FsaError::NameNotFound => NtStatus::OBJECT_NAME_NOT_FOUND,
        FsaError::AccessDenied => NtStatus::ACCESS_DENIED,
        FsaError::InvalidParameter => NtStatus::INVALID_PARAMETER,
        FsaError::IsADirectory => NtStatus::FILE_IS_A_DIRECTORY,
        FsaError::NotADirectory => NtStatus::NOT_A_DIRECTORY,
        FsaError::Closed => NtStatus::FILE_CLOSED,
    }
}

/// The status of what a volume refuses, where the command has no better one.
#[must_use]
pub fn vfs_status(error: VfsError) -> NtStatus {
    match error {
        VfsError::NotFound => NtStatus::OBJECT_NAME_NOT_FOUND,
        VfsError::Exists => NtStatus::OBJECT_NAME_COLLISION,
        VfsError::NotADirectory => NtStatus::NOT_A_DIRECTORY,
        VfsError::IsADirectory => NtStatus::FILE_IS_A_DIRECTORY,
        VfsError::NotEmpty => NtStatus::DIRECTORY_NOT_EMPTY,
        VfsError::DiskFull => NtStatus::DISK_FULL,
        VfsError::ReadOnly => NtStatus::MEDIA_WRITE_PROTECTED,
        VfsError::PermissionDenied => NtStatus::ACCESS_DENIED,
        VfsError::NameInvalid => NtStatus::OBJECT_NAME_INVALID,
        VfsError::TooManyLinks => NtStatus::TOO_MANY_LINKS,
        VfsError::CrossDevice => NtStatus::NOT_SAME_DEVICE,
        VfsError::EaTooLarge => NtStatus::EA_TOO_LARGE,
        VfsError::Corrupt => NtStatus::FILE_CORRUPT_ERROR,
        VfsError::NotSupported => NtStatus::NOT_SUPPORTED,
        VfsError::OutOfRange => NtStatus::INVALID_PARAMETER,
        VfsError::OutOfResources => NtStatus::INSUFFICIENT_RESOURCES,
        // [MS-FSA] 2.1.4.10: whoever has locked it.
        VfsError::RangeLocked => NtStatus::FILE_LOCK_CONFLICT,
        // Where blocking is allowed it is left only when a local program has kept its lease (F_SETLEASE) for too long.
        VfsError::WouldBlock => NtStatus::SHARING_VIOLATION,
        VfsError::Io => NtStatus::UNEXPECTED_IO_ERROR,
    }
}

/// The status of what a pipe refuses.
#[must_use]
pub fn pipe_status(error: PipeError) -> NtStatus {
    match error {
        PipeError::Disconnected => NtStatus::PIPE_DISCONNECTED,
        PipeError::Busy => NtStatus::PIPE_BUSY,
        PipeError::Full => NtStatus::INSUFFICIENT_RESOURCES,
    }
}

/// The status of a failed logon. Who does not know the password learns nothing of the account.
#[must_use]
pub fn auth_status(error: AuthError) -> NtStatus {
    match error {
        AuthError::LogonFailure | AuthError::AnonymousRefused => NtStatus::LOGON_FAILURE,
        AuthError::AccountDisabled => NtStatus::ACCOUNT_DISABLED,
        AuthError::AccountLockedOut => NtStatus::ACCOUNT_LOCKED_OUT,
        AuthError::AccountExpired => NtStatus::ACCOUNT_EXPIRED,
        AuthError::PasswordExpired => NtStatus::PASSWORD_EXPIRED,
        AuthError::PasswordMustChange => NtStatus::PASSWORD_MUST_CHANGE,
        AuthError::LogonTypeNotGranted => NtStatus::LOGON_TYPE_NOT_GRANTED,
        AuthError::AccountRestriction => NtStatus::ACCOUNT_RESTRICTION,
        AuthError::InvalidToken | AuthError::NoCommonMechanism | AuthError::MessageAltered => {
            NtStatus::INVALID_PARAMETER
        }
        AuthError::BadBindings => NtStatus::BAD_BINDINGS,
        AuthError::NoLogonServers => NtStatus::NO_LOGON_SERVERS,
        AuthError::InvalidWorkstation => NtStatus::INVALID_WORKSTATION,
        AuthError::InvalidLogonHours => NtStatus::INVALID_LOGON_HOURS,
        AuthError::NtlmBlocked => NtStatus::NTLM_BLOCKED,
        AuthError::AuthenticationFirewall => NtStatus::AUTHENTICATION_FIREWALL_FAILED,
        AuthError::TrustFailure => NtStatus::TRUSTED_RELATIONSHIP_FAILURE,
        AuthError::NoTrustAccount => NtStatus::NO_TRUST_SAM_ACCOUNT,
        AuthError::TrustedDomainFailure => NtStatus::TRUSTED_DOMAIN_FAILURE,
        AuthError::Kerberos(error) => kerberos_status(error),
    }
}

/// The status of a ticket that is refused, where a KRB-ERROR has not helped.
const fn kerberos_status(error: KerberosError) -> NtStatus {
    match error {
        KerberosError::ClockSkew | KerberosError::TicketExpired | KerberosError::TicketNotYetValid => {
            NtStatus::TIME_DIFFERENCE_AT_DC
        }
        KerberosError::Malformed => NtStatus::INVALID_PARAMETER,
        KerberosError::Busy => NtStatus::INSUFFICIENT_RESOURCES,
        KerberosError::WrongPrincipal
        | KerberosError::EncryptionType
        | KerberosError::Key
        | KerberosError::UserToUser
        | KerberosError::Authenticator
        | KerberosError::ClientMismatch
        | KerberosError::Replay
        | KerberosError::PacMissing
        | KerberosError::AuthorizationData
        | KerberosError::PacSignature
        | KerberosError::PacClient => NtStatus::LOGON_FAILURE,
    }
}
