//! Requests by command and by what became of them.

use freehold_dtyp::NtStatus;

use super::counter::{Counter, Lane, Lanes};

/// Commands of [MS-SMB2] 2.2.1 by number, and one place for those that do not exist.
pub const COMMANDS: usize = 20;

/// The names of the commands, as the specification spells them.
const NAMES: [&str; COMMANDS] = [
    "NEGOTIATE",
    "SESSION_SETUP",
    "LOGOFF",
    "TREE_CONNECT",
    "TREE_DISCONNECT",
    "CREATE",
    "CLOSE",
    "FLUSH",
    "READ",
    "WRITE",
    "LOCK",
    "IOCTL",
    "CANCEL",
    "ECHO",
    "QUERY_DIRECTORY",
    "CHANGE_NOTIFY",
    "QUERY_INFO",
    "SET_INFO",
    "OPLOCK_BREAK",
    "OTHER",
];

/// READ's number.
pub(super) const READ: usize = 8;
/// WRITE's number.
pub(super) const WRITE: usize = 9;

/// The name of the command of that number.
#[must_use]
pub fn command_name(command: usize) -> &'static str {
    NAMES.get(command).copied().unwrap_or("OTHER")
}

/// What became of a request, in a few classes: which of them there are never grows with what clients do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum StatusClass {
    /// Done, or on its way (STATUS_PENDING is not counted).
    Success,
    /// The client goes on: STATUS_MORE_PROCESSING_REQUIRED, STATUS_BUFFER_OVERFLOW, STATUS_NO_MORE_FILES and other warnings.
    Warning,
    /// The name, or the path to it, is not there.
    NotFound,
    /// The name is taken.
    Collision,
    /// Access is denied, or the logon is.
    Denied,
    /// Others use it: sharing, locks, oplocks, deletion.
    Conflict,
    /// No space, or over a quota.
    Full,
    /// It was cancelled, or its session, tree connect or open is gone.
    Gone,
    /// The request makes no sense to this server.
    Invalid,
    /// The server could not: resources, devices, broken invariants.
    Failed,
}

impl StatusClass {
    /// All of them, by number.
    pub const ALL: [StatusClass; 10] = [
        StatusClass::Success,
        StatusClass::Warning,
        StatusClass::NotFound,
        StatusClass::Collision,
        StatusClass::Denied,
        StatusClass::Conflict,
        StatusClass::Full,
        StatusClass::Gone,
        StatusClass::Invalid,
        StatusClass::Failed,
    ];

    /// Its name in rows and labels.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            StatusClass::Success => "success",
            StatusClass::Warning => "warning",
            StatusClass::NotFound => "not_found",
            StatusClass::Collision => "collision",
            StatusClass::Denied => "denied",
            StatusClass::Conflict => "conflict",
            StatusClass::Full => "full",
            StatusClass::Gone => "gone",
            StatusClass::Invalid => "invalid",
            StatusClass::Failed => "failed",
        }
    }

    /// True for requests that were not carried out.
    #[must_use]
    pub const fn is_error(self) -> bool {
        !matches!(self, StatusClass::Success | StatusClass::Warning)
    }

    /// The class of a status.
    #[must_use]
    pub fn of(status: NtStatus) -> Self {
        if status == NtStatus::SUCCESS {
            return StatusClass::Success;
        }
        match status {
            NtStatus::MORE_PROCESSING_REQUIRED => StatusClass::Warning,
            NtStatus::OBJECT_NAME_NOT_FOUND
            | NtStatus::OBJECT_PATH_NOT_FOUND
            | NtStatus::NO_SUCH_FILE
            | NtStatus::NOT_FOUND
            | NtStatus::BAD_NETWORK_NAME => StatusClass::NotFound,
            NtStatus::OBJECT_NAME_COLLISION => StatusClass::Collision,
            NtStatus::ACCESS_DENIED
            | NtStatus::LOGON_FAILURE
            | NtStatus::ACCOUNT_DISABLED
            | NtStatus::PRIVILEGE_NOT_HELD => StatusClass::Denied,
            NtStatus::SHARING_VIOLATION
            | NtStatus::FILE_LOCK_CONFLICT
            | NtStatus::LOCK_NOT_GRANTED
            | NtStatus::DELETE_PENDING
            | NtStatus::DIRECTORY_NOT_EMPTY
            | NtStatus::CANNOT_DELETE => StatusClass::Conflict,
            NtStatus::DISK_FULL | NtStatus::QUOTA_EXCEEDED => StatusClass::Full,
            NtStatus::CANCELLED
            | NtStatus::FILE_CLOSED
            | NtStatus::USER_SESSION_DELETED
            | NtStatus::NETWORK_SESSION_EXPIRED
            | NtStatus::NETWORK_NAME_DELETED => StatusClass::Gone,
            NtStatus::INSUFFICIENT_RESOURCES
            | NtStatus::INTERNAL_ERROR
            | NtStatus::NO_LOGON_SERVERS
            | NtStatus::AUDIT_FAILED => StatusClass::Failed,
            _ if status.is_error() => StatusClass::Invalid,
            _ => StatusClass::Warning,
        }
    }
}

/// The requests of one command.
#[derive(Debug, Default)]
pub struct CommandCounters {
    classes: [Counter; StatusClass::ALL.len()],
    bytes_in: Counter,
    bytes_out: Counter,
    data_bytes: Counter,
}

/// The requests of one command as a plain value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counted {
    /// By [`StatusClass`].
    pub classes: [u64; StatusClass::ALL.len()],
    /// Bytes of the requests, their SMB2 headers included.
    pub bytes_in: u64,
    /// Bytes of the replies, their SMB2 headers included.
    pub bytes_out: u64,
    /// Bytes of file data: what READ gave, what WRITE took.
    pub data_bytes: u64,
}

impl Counted {
    /// All requests.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.classes.iter().fold(0, |sum, count| sum.wrapping_add(*count))
    }

    /// Requests that were not carried out.
    #[must_use]
    pub fn errors(&self) -> u64 {
        let errors = StatusClass::ALL.iter().zip(&self.classes).filter(|(class, _)| class.is_error());
        errors.fold(0, |sum, (_, count)| sum.wrapping_add(*count))
    }

    /// Both together.
    pub fn add(&mut self, other: &Counted) {
        for (place, count) in self.classes.iter_mut().zip(&other.classes) {
            *place = place.wrapping_add(*count);
        }
        self.bytes_in = self.bytes_in.wrapping_add(other.bytes_in);
        self.bytes_out = self.bytes_out.wrapping_add(other.bytes_out);
        self.data_bytes = self.data_bytes.wrapping_add(other.data_bytes);
    }
}

/// The requests of a lane by command.
pub struct Commands([CommandCounters; COMMANDS]);

impl Default for Commands {
    fn default() -> Self {
        Commands(std::array::from_fn(|_| CommandCounters::default()))
    }
}

/// Requests to one share, or to none, by command.
#[derive(Debug, Default)]
pub struct Requests(Lanes<Commands>);

/// The sizes of a request and its reply in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sizes {
    /// The request with its header.
    pub request: u64,
    /// The reply with its header.
    pub reply: u64,
    /// File data in either.
    pub data: u64,
}

impl Requests {
    /// Counts an answered request.
    #[inline]
    pub fn count(&self, lane: Lane, command: u8, status: NtStatus, sizes: Sizes) {
        let commands = &self.0.at(lane).0;
        let Some(counters) = commands.get(usize::from(command)).or(commands.last()) else { return };
        if let Some(class) = counters.classes.get(StatusClass::of(status) as usize) {
            class.add(lane, 1);
        }
        counters.bytes_in.add(lane, sizes.request);
        counters.bytes_out.add(lane, sizes.reply);
        if sizes.data > 0 {
            counters.data_bytes.add(lane, sizes.data);
        }
    }

    /// The requests of a command, over all lanes.
    #[must_use]
    pub fn of(&self, command: usize) -> Counted {
        let mut sum = Counted::default();
        for counters in self.0.used().filter_map(|commands| commands.0.get(command)) {
            let mut here = Counted {
                bytes_in: counters.bytes_in.value(),
                bytes_out: counters.bytes_out.value(),
                data_bytes: counters.data_bytes.value(),
                ..Counted::default()
            };
            for (place, counter) in here.classes.iter_mut().zip(&counters.classes) {
                *place = counter.value();
            }
            sum.add(&here);
        }
        sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_counted_by_command_and_outcome() {
        let requests = Requests::default();
        let sizes = Sizes { request: 100, reply: 4_176, data: 4_096 };
        requests.count(Lane::of_thread(0), 8, NtStatus::SUCCESS, sizes);
        requests.count(Lane::of_thread(1), 8, NtStatus::SUCCESS, sizes);
        let refused = Sizes { request: 100, reply: 73, data: 0 };
        requests.count(Lane::SHARED, 8, NtStatus::ACCESS_DENIED, refused);
        requests.count(Lane::SHARED, 99, NtStatus::INVALID_PARAMETER, refused);
        let read = requests.of(8);
        assert_eq!((read.requests(), read.errors()), (3, 1));
        assert_eq!((read.bytes_in, read.bytes_out, read.data_bytes), (300, 8_425, 8_192));
        assert_eq!(read.classes[StatusClass::Denied as usize], 1);
        assert_eq!(requests.of(COMMANDS - 1).errors(), 1);
    }

    #[test]
    fn warnings_are_no_errors() {
        for status in [NtStatus::SUCCESS, NtStatus::MORE_PROCESSING_REQUIRED, NtStatus::NO_MORE_FILES] {
            assert!(!StatusClass::of(status).is_error(), "{status}");
        }
        assert_eq!(StatusClass::of(NtStatus::DISK_FULL), StatusClass::Full);
        assert_eq!(StatusClass::of(NtStatus::NOT_SUPPORTED), StatusClass::Invalid);
        for (number, class) in StatusClass::ALL.iter().enumerate() {
            assert_eq!(*class as usize, number);
        }
    }
}
