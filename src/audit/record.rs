//! The events and their JSON: ids and names of fields as Windows documents them for its Security log.
//!
//! A pure part: no clock, no files. A field that means nothing on this server (process ids, transactions) is left out.
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

use freehold_acl::{AccessMask, SecurityDescriptor};
use freehold_dtyp::{FileTime, Sid, Wtf8};

use super::logon::{self, Failure, Origin, Target};

/// Ids of events in Windows' Security log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventId(pub u16);

impl EventId {
    /// A user hit their quota threshold on a volume (source Ntfs).
    pub const QUOTA_THRESHOLD: EventId = EventId(36);
    /// A user hit their quota limit on a volume (source Ntfs).
    pub const QUOTA_LIMIT: EventId = EventId(37);
    /// A folder's quota reached a threshold (source SRMSVC).
    pub const FOLDER_QUOTA: EventId = EventId(12_325);
    /// Records could not be written and are lost.
    pub const RECORDS_LOST: EventId = EventId(4612);
    /// An account was successfully logged on.
    pub const LOGGED_ON: EventId = EventId(4624);
    /// An account failed to log on.
    pub const LOGON_FAILED: EventId = EventId(4625);
    /// An account was logged off.
    pub const LOGGED_OFF: EventId = EventId(4634);
    /// A handle to an object was requested.
    pub const HANDLE_REQUESTED: EventId = EventId(4656);
    /// An object was deleted.
    pub const OBJECT_DELETED: EventId = EventId(4660);
    /// An attempt was made to access an object.
    pub const OBJECT_ACCESSED: EventId = EventId(4663);
    /// A privileged service was called: what an administrator asked for and no other event describes, or was refused.
    pub const PRIVILEGED_SERVICE_CALLED: EventId = EventId(4673);
    /// A user account was created.
    pub const USER_CREATED: EventId = EventId(4720);
    /// A user account was deleted.
    pub const USER_DELETED: EventId = EventId(4726);
    /// A local group was created.
    pub const GROUP_CREATED: EventId = EventId(4731);
    /// A member was added to a local group.
    pub const GROUP_MEMBER_ADDED: EventId = EventId(4732);
    /// A member was removed from a local group.
    pub const GROUP_MEMBER_REMOVED: EventId = EventId(4733);
    /// A local group was deleted.
    pub const GROUP_DELETED: EventId = EventId(4734);
    /// A local group was changed.
    pub const GROUP_CHANGED: EventId = EventId(4735);
    /// A user account was changed.
    pub const USER_CHANGED: EventId = EventId(4738);
    /// A network share object was added.
    pub const SHARE_ADDED: EventId = EventId(5142);
    /// A network share object was modified.
    pub const SHARE_CHANGED: EventId = EventId(5143);
    /// A network share object was deleted.
    pub const SHARE_DELETED: EventId = EventId(5144);
    /// Permissions on an object were changed.
    pub const PERMISSIONS_CHANGED: EventId = EventId(4670);
    /// Auditing settings on an object were changed.
    pub const AUDIT_SETTINGS_CHANGED: EventId = EventId(4907);
    /// A network share object was accessed.
    pub const SHARE_ACCESSED: EventId = EventId(5140);
    /// A network share object was checked to see whether the client can be granted the desired access.
    pub const SHARE_CHECKED: EventId = EventId(5145);
}

/// Who did it, from where, through which share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// SubjectUserSid.
    pub user_sid: Sid,
    /// SubjectUserName.
    pub user_name: String,
    /// SubjectDomainName.
    pub domain_name: String,
    /// SubjectLogonId: the session.
    pub logon_id: u64,
    /// IpAddress.
    pub ip_address: String,
    /// IpPort.
    pub ip_port: u16,
    /// The share's name, without the `\\*\` in front that the record shows.
    pub share_name: String,
}

/// A file, folder or named stream.
#[derive(Clone, Copy, Debug)]
pub struct Object<'a> {
    /// Label of its volume.
    pub volume: &'a str,
    /// Path below the volume's root, components separated by `/`.
    pub path: Wtf8<'a>,
    /// The named stream.
    pub stream: Option<Wtf8<'a>>,
    /// HandleId; 0 where there is none.
    pub handle_id: u64,
}

/// The reason of one right, as Windows words it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// The right: one bit.
    pub right: AccessMask,
    /// `Granted by D:(A;;FA;;;BA)`.
    pub text: String,
}

/// What an administrator asked the server for.
#[derive(Clone, Copy, Debug)]
pub struct Administered<'a> {
    /// The way in: `local`, `https` or `rpc`.
    pub door: &'a str,
    /// The token that was used, by name.
    pub token: Option<&'a str>,
    /// What was asked for, such as `ShareAdd`.
    pub operation: &'a str,
    /// What it was done to; may be empty.
    pub object: &'a str,
    /// The request with everything that it says, secrets excepted.
    pub request: &'a str,
    /// Why it was refused or failed; empty when it was done.
    pub reason: &'a str,
}

/// What happened.
#[derive(Clone, Copy, Debug)]
pub enum Detail<'a> {
    /// 4656.
    HandleRequested {
        /// The object.
        object: Object<'a>,
        /// What was granted, or what was asked for in vain.
        access: AccessMask,
        /// Why, right by right.
        reasons: &'a [Reason],
    },
    /// 4663.
    ObjectAccessed {
        /// The object.
        object: Object<'a>,
        /// The rights used.
        access: AccessMask,
    },
    /// 4660.
    ObjectDeleted {
        /// The object.
        object: Object<'a>,
    },
    /// 4670.
    PermissionsChanged {
        /// The object.
        object: Object<'a>,
        /// What it had.
        old: &'a SecurityDescriptor,
        /// What it has.
        new: &'a SecurityDescriptor,
    },
    /// 4907.
    AuditSettingsChanged {
        /// The object.
        object: Object<'a>,
        /// What it had.
        old: &'a SecurityDescriptor,
        /// What it has.
        new: &'a SecurityDescriptor,
    },
    /// 5140.
    ShareAccessed {
        /// Folder behind the share: volume's label and path; `None` for the pipes.
        folder: Option<(&'a str, Wtf8<'a>)>,
    },
    /// 5145.
    ShareChecked {
        /// As in `ShareAccessed`.
        folder: Option<(&'a str, Wtf8<'a>)>,
        /// What was opened, below the share, in Windows' spelling.
        target: Wtf8<'a>,
        /// What was asked for.
        access: AccessMask,
        /// Why, right by right, by the share's descriptor.
        reasons: &'a [Reason],
    },
    /// 4624.
    LoggedOn {
        /// Who.
        who: Target<'a>,
        /// TargetLogonId: the session.
        logon_id: u64,
        /// From where.
        from: Origin<'a>,
    },
    /// 4625.
    LogonFailed {
        /// Who was named.
        who: Target<'a>,
        /// Why.
        why: Failure<'a>,
        /// From where.
        from: Origin<'a>,
    },
    /// 4634.
    LoggedOff {
        /// Who.
        who: Target<'a>,
        /// TargetLogonId: the session.
        logon_id: u64,
    },
    /// 4673, or the event of what was changed: an administrator asked the server for something.
    Administered {
        /// Which event.
        event: EventId,
        /// What was asked for and how it ended.
        administered: Administered<'a>,
    },
    /// 4612.
    RecordsLost {
        /// How many.
        count: u64,
    },
    /// 36 and 37 of Windows' System log, and 12325 of its Application log for a folder's quota.
    QuotaCrossed {
        /// It is a user's limit, not the threshold below.
        is_limit: bool,
        /// The volume's name.
        volume: &'a str,
        /// SID and name of the user; `None` for a folder's quota.
        user: Option<(&'a str, &'a str)>,
        /// The folder below the volume's root; `None` for a user's quota.
        folder: Option<&'a str>,
        /// Bytes used.
        used_bytes: u64,
        /// The threshold that was crossed, in bytes.
        threshold_bytes: u64,
        /// Most bytes.
        limit_bytes: Option<u64>,
    },
}

/// One event.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    /// When.
    pub time: FileTime,
    /// It was granted or done; otherwise refused.
    pub success: bool,
    /// This server's name.
    pub computer: &'a str,
    /// Who; `None` for the server itself.
    pub subject: Option<&'a Subject>,
    /// What.
    pub detail: Detail<'a>,
}

/// Records on their way to the log: their JSON, without number and chain.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    bytes: Vec<u8>,
    /// Where each record ends in `bytes`.
    ends: smallvec::SmallVec<[usize; 4]>,
}

impl Batch {
    /// Appends a record.
    pub fn push(&mut self, record: &Record<'_>) {
        encode(record, &mut self.bytes);
        self.ends.push(self.bytes.len());
    }

    /// Appends all records of another batch.
    pub fn append(&mut self, other: &Batch) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(&other.bytes);
        self.ends.extend(other.ends.iter().map(|end| end.saturating_add(start)));
    }

    /// Number of records.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// True without records.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Bytes of all records.
    #[must_use]
    pub fn size_bytes(&self) -> usize {
        self.bytes.len()
    }

    /// Each record's members, without the braces around them.
    pub fn records(&self) -> impl Iterator<Item = &[u8]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, end)| self.bytes.get(start..*end).unwrap_or_default())
    }
}

impl Detail<'_> {
    /// The event's id.
    #[must_use]
    pub const fn event_id(&self) -> EventId {
        match self {
            Detail::HandleRequested { .. } => EventId::HANDLE_REQUESTED,
            Detail::ObjectAccessed { .. } => EventId::OBJECT_ACCESSED,
            Detail::ObjectDeleted { .. } => EventId::OBJECT_DELETED,
            Detail::PermissionsChanged { .. } => EventId::PERMISSIONS_CHANGED,
            Detail::AuditSettingsChanged { .. } => EventId::AUDIT_SETTINGS_CHANGED,
            Detail::ShareAccessed { .. } => EventId::SHARE_ACCESSED,
            Detail::ShareChecked { .. } => EventId::SHARE_CHECKED,
            Detail::LoggedOn { .. } => EventId::LOGGED_ON,
            Detail::LogonFailed { .. } => EventId::LOGON_FAILED,
            Detail::LoggedOff { .. } => EventId::LOGGED_OFF,
            Detail::Administered { event, .. } => *event,
            Detail::RecordsLost { .. } => EventId::RECORDS_LOST,
            Detail::QuotaCrossed { folder: Some(_), .. } => EventId::FOLDER_QUOTA,
            Detail::QuotaCrossed { is_limit: true, .. } => EventId::QUOTA_LIMIT,
            Detail::QuotaCrossed { .. } => EventId::QUOTA_THRESHOLD,
        }
    }
}

/// Names of rights as Windows' event viewer shows them, in its order.
pub const RIGHTS: [(AccessMask, &str); 16] = [
    (AccessMask::DELETE, "DELETE"),
    (AccessMask::READ_CONTROL, "READ_CONTROL"),
    (AccessMask::WRITE_DAC, "WRITE_DAC"),
    (AccessMask::WRITE_OWNER, "WRITE_OWNER"),
    (AccessMask::SYNCHRONIZE, "SYNCHRONIZE"),
    (AccessMask::ACCESS_SYSTEM_SECURITY, "ACCESS_SYS_SEC"),
    (AccessMask::MAXIMUM_ALLOWED, "MAX_ALLOWED"),
    (AccessMask::FILE_READ_DATA, "ReadData (or ListDirectory)"),
    (AccessMask::FILE_WRITE_DATA, "WriteData (or AddFile)"),
    (AccessMask::FILE_APPEND_DATA, "AppendData (or AddSubdirectory or CreatePipeInstance)"),
    (AccessMask::FILE_READ_EA, "ReadEA"),
    (AccessMask::FILE_WRITE_EA, "WriteEA"),
    (AccessMask::FILE_EXECUTE, "Execute/Traverse"),
    (AccessMask::FILE_DELETE_CHILD, "DeleteChild"),
    (AccessMask::FILE_READ_ATTRIBUTES, "ReadAttributes"),
    (AccessMask::FILE_WRITE_ATTRIBUTES, "WriteAttributes"),
];

/// Names of the rights in a mask.
pub fn names_of(access: AccessMask) -> impl Iterator<Item = (AccessMask, &'static str)> {
    RIGHTS.into_iter().filter(move |(right, _)| access.contains(*right))
}

/// Appends a record's members: `"Time":"...","EventId":4663,...`, without braces.
pub fn encode(record: &Record<'_>, out: &mut Vec<u8>) {
    let mut members = Members { out, first: true };
    members.text("Time", &time_text(record.time));
    members.number("EventId", u64::from(record.detail.event_id().0));
    members.text("Keywords", if record.success { "Audit Success" } else { "Audit Failure" });
    members.text("Computer", record.computer);
    if let Some(subject) = record.subject {
        members.text("SubjectUserSid", &subject.user_sid.to_string());
        members.text("SubjectUserName", &subject.user_name);
        members.text("SubjectDomainName", &subject.domain_name);
        members.hex("SubjectLogonId", subject.logon_id);
        members.text("IpAddress", &subject.ip_address);
        members.text("IpPort", &subject.ip_port.to_string());
        if !(subject.share_name.is_empty() && matches!(record.detail, Detail::Administered { .. })) {
            members.share("ShareName", &subject.share_name);
        }
    }
    match &record.detail {
        Detail::HandleRequested { object, access, reasons } => {
            members.object(object);
            members.access(*access);
            members.reasons(reasons);
        }
        Detail::ObjectAccessed { object, access } => {
            members.object(object);
            members.access(*access);
        }
        Detail::ObjectDeleted { object } => members.object(object),
        Detail::PermissionsChanged { object, old, new }
        | Detail::AuditSettingsChanged { object, old, new } => {
            members.object(object);
            members.text("OldSd", &old.to_sddl());
            members.text("NewSd", &new.to_sddl());
        }
        Detail::ShareAccessed { folder } => {
            members.text("ObjectType", "File");
            members.folder(*folder);
            // What Windows shows for every connection to a share.
            members.access(AccessMask::FILE_READ_DATA);
        }
        Detail::ShareChecked { folder, target, access, reasons } => {
            members.text("ObjectType", "File");
            members.folder(*folder);
            members.key("RelativeTargetName");
            members.quoted(|out| escape(target.as_bytes(), out));
            members.access(*access);
            members.reasons(reasons);
        }
        Detail::LoggedOn { who, logon_id, from } => logon::logged_on(&mut members, who, *logon_id, from),
        Detail::LogonFailed { who, why, from } => logon::failed(&mut members, who, why, from),
        Detail::LoggedOff { who, logon_id } => logon::logged_off(&mut members, who, *logon_id),
        Detail::Administered { administered, .. } => {
            members.text("Service", administered.door);
            if let Some(token) = administered.token {
                members.text("TokenName", token);
            }
            members.text("Operation", administered.operation);
            members.text("ObjectName", administered.object);
            members.text("Request", administered.request);
            if !administered.reason.is_empty() {
                members.text("FailureReason", administered.reason);
            }
        }
        Detail::RecordsLost { count } => members.number("AuditsDiscarded", *count),
        Detail::QuotaCrossed { volume, user, folder, used_bytes, threshold_bytes, limit_bytes, .. } => {
            members.text("Source", if folder.is_some() { "SRMSVC" } else { "Ntfs" });
            members.text("VolumeName", volume);
            if let Some((sid, name)) = user {
                members.text("UserSid", sid);
                members.text("UserName", name);
            }
            if let Some(path) = folder {
                members.text("QuotaPath", path);
            }
            members.number("DiskSpaceUsed", *used_bytes);
            members.number("Threshold", *threshold_bytes);
            if let Some(limit) = limit_bytes {
                members.number("QuotaLimit", *limit);
            }
        }
    }
}

/// ISO 8601 in UTC with 100 ns: `2026-11-27T14:05:06.1234567Z`.
#[must_use]
pub fn time_text(time: FileTime) -> String {
    let (seconds, nanoseconds) = time.to_unix();
    let days = seconds.div_euclid(86_400);
    let second_of_day = seconds.rem_euclid(86_400);
    let (year, month, day) = civil_from_days(days);
    let (hour, minute, second) =
        (second_of_day / 3_600, second_of_day.rem_euclid(3_600) / 60, second_of_day.rem_euclid(60));
    let fraction = nanoseconds / 100;
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{fraction:07}Z")
}

/// Year, month and day of a day since 1970-01-01 in the Gregorian calendar: eras of 400 years of 146,097 days that start
/// on the first of March, so that the leap day comes last.
fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let shifted = days.saturating_add(719_468);
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let leaps = (day_of_era / 1_460).saturating_sub(day_of_era / 36_524).saturating_add(day_of_era / 146_096);
    let year_of_era = day_of_era.saturating_sub(leaps) / 365;
    let before =
        year_of_era.saturating_mul(365).saturating_add(year_of_era / 4).saturating_sub(year_of_era / 100);
    let day_of_year = day_of_era.saturating_sub(before);
    let march_month = day_of_year.saturating_mul(5).saturating_add(2) / 153;
    let day =
        day_of_year.saturating_sub(march_month.saturating_mul(153).saturating_add(2) / 5).saturating_add(1);
    let month = if march_month < 10 { march_month.saturating_add(3) } else { march_month.saturating_sub(9) };
    let year = year_of_era.saturating_add(era.saturating_mul(400)).saturating_add(i64::from(month <= 2));
    (year, month, day)
}

/// Writes members of one JSON object.
pub(super) struct Members<'a> {
    out: &'a mut Vec<u8>,
    first: bool,
}

impl Members<'_> {
    fn key(&mut self, name: &str) {
        if !std::mem::replace(&mut self.first, false) {
            self.out.push(b',');
        }
        self.out.push(b'"');
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(b"\":");
    }

    fn quoted(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        self.out.push(b'"');
        write(self.out);
        self.out.push(b'"');
    }

    pub(super) fn text(&mut self, name: &str, value: &str) {
        self.key(name);
        self.quoted(|out| escape(value.as_bytes(), out));
    }

    pub(super) fn number(&mut self, name: &str, value: u64) {
        self.key(name);
        self.out.extend_from_slice(value.to_string().as_bytes());
    }

    pub(super) fn hex(&mut self, name: &str, value: u64) {
        self.text(name, &format!("{value:#x}"));
    }

    fn share(&mut self, name: &str, share: &str) {
        self.key(name);
        self.quoted(|out| {
            out.extend_from_slice(br"\\\\*\\");
            escape(share.as_bytes(), out);
        });
    }

    fn object(&mut self, object: &Object<'_>) {
        self.text("ObjectServer", "Security");
        self.text("ObjectType", "File");
        self.key("ObjectName");
        self.quoted(|out| {
            place(object.volume, object.path, out);
            if let Some(stream) = object.stream {
                out.push(b':');
                escape(stream.as_bytes(), out);
            }
        });
        self.hex("HandleId", object.handle_id);
    }

    fn folder(&mut self, folder: Option<(&str, Wtf8<'_>)>) {
        self.key("ShareLocalPath");
        self.quoted(|out| {
            if let Some((volume, path)) = folder {
                place(volume, path, out);
            }
        });
    }

    fn access(&mut self, access: AccessMask) {
        self.key("AccessList");
        self.list(names_of(access).map(|(_, name)| name), |name, out| escape(name.as_bytes(), out));
        self.hex("AccessMask", u64::from(access.0));
    }

    fn reasons(&mut self, reasons: &[Reason]) {
        self.key("AccessReason");
        self.list(reasons.iter(), |reason, out| {
            for (_, name) in names_of(reason.right) {
                escape(name.as_bytes(), out);
            }
            out.extend_from_slice(b": ");
            escape(reason.text.as_bytes(), out);
        });
    }

    fn list<T>(&mut self, items: impl Iterator<Item = T>, write: impl Fn(T, &mut Vec<u8>)) {
        self.out.push(b'[');
        for (index, item) in items.enumerate() {
            if index > 0 {
                self.out.push(b',');
            }
            self.quoted(|out| write(item, out));
        }
        self.out.push(b']');
    }
}

/// Appends `label:\path`, escaped.
fn place(volume: &str, path: Wtf8<'_>, out: &mut Vec<u8>) {
    escape(volume.as_bytes(), out);
    out.push(b':');
    if path.is_empty() {
        out.extend_from_slice(br"\\");
        return;
    }
    for part in path.split(b'/') {
        out.extend_from_slice(br"\\");
        escape(part.as_bytes(), out);
    }
}

/// Appends WTF-8 text as the inside of a JSON string. Half a surrogate pair, which JSON readers refuse, becomes U+FFFD.
fn escape(text: &[u8], out: &mut Vec<u8>) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let mut bytes = text.iter().copied().enumerate();
    while let Some((at, byte)) = bytes.next() {
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
            b'\n' => out.extend_from_slice(br"\n"),
            b'\r' => out.extend_from_slice(br"\r"),
            b'\t' => out.extend_from_slice(br"\t"),
            0..=0x1F | 0x7F => {
                let digit = |nibble: u8| HEX.get(usize::from(nibble)).copied().unwrap_or(b'0');
                out.extend_from_slice(br"\u00");
                out.extend_from_slice(&[digit(byte >> 4), digit(byte & 0x0F)]);
            }
            // A surrogate in WTF-8: three bytes that UTF-8 does not have.
            0xED if text.get(at.saturating_add(1)).is_some_and(|next| *next >= 0xA0) => {
                out.extend_from_slice("\u{FFFD}".as_bytes());
                bytes.next();
                bytes.next();
            }
            _ => out.push(byte),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use freehold_dtyp::Wtf8Buf;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    fn subject() -> Subject {
        Subject {
            user_sid: Sid::ADMINISTRATORS,
            user_name: "an\"na".to_owned(),
            domain_name: "HOST".to_owned(),
            logon_id: 0x1234,
            ip_address: "192.0.2.7".to_owned(),
            ip_port: 50_000,
            share_name: "Projects".to_owned(),
        }
    }

    fn value(detail: Detail<'_>) -> Value {
        let subject = subject();
        let mut batch = Batch::default();
        let time = FileTime::from_unix(1_795_788_306, 123_456_789);
        batch.push(&Record { time, success: true, computer: "HOST", subject: Some(&subject), detail });
        let body = batch.records().next().unwrap().to_vec();
        serde_json::from_str(&format!("{{{}}}", String::from_utf8(body).unwrap())).unwrap()
    }

    fn object(path: &Wtf8Buf) -> Object<'_> {
        Object { volume: "data", path: path.as_wtf8(), stream: None, handle_id: 0x2A }
    }

    fn with_subject(mut rest: Value) -> Value {
        let common = json!({
            "Time": "2026-11-27T14:05:06.1234567Z", "Keywords": "Audit Success", "Computer": "HOST",
            "SubjectUserSid": "S-1-5-32-544", "SubjectUserName": "an\"na", "SubjectDomainName": "HOST",
            "SubjectLogonId": "0x1234", "IpAddress": "192.0.2.7", "IpPort": "50000", "ShareName": "\\\\*\\Projects",
        });
        rest.as_object_mut().unwrap().extend(common.as_object().unwrap().clone());
        rest
    }

    #[test]
    fn an_access_has_the_documented_members() {
        let path = Wtf8Buf::from("a/b.txt".to_owned());
        let object = Object { stream: Some(path.as_wtf8()), ..object(&path) };
        let access = AccessMask::FILE_WRITE_DATA | AccessMask::DELETE;
        assert_eq!(
            value(Detail::ObjectAccessed { object, access }),
            with_subject(json!({
                "EventId": 4663, "ObjectServer": "Security", "ObjectType": "File",
                "ObjectName": "data:\\a\\b.txt:a/b.txt", "HandleId": "0x2a",
                "AccessList": ["DELETE", "WriteData (or AddFile)"], "AccessMask": "0x10002",
            }))
        );
    }

    #[test]
    fn a_check_of_a_share_has_the_documented_members() {
        let path = Wtf8Buf::from("docs".to_owned());
        let target = Wtf8Buf::from("x\\y".to_owned());
        let reasons =
            [Reason { right: AccessMask::SYNCHRONIZE, text: "Granted by D:(A;;FA;;;WD)".to_owned() }];
        assert_eq!(
            value(Detail::ShareChecked {
                folder: Some(("data", path.as_wtf8())),
                target: target.as_wtf8(),
                access: AccessMask::SYNCHRONIZE,
                reasons: &reasons,
            }),
            with_subject(json!({
                "EventId": 5145, "ObjectType": "File", "ShareLocalPath": "data:\\docs",
                "RelativeTargetName": "x\\y", "AccessList": ["SYNCHRONIZE"], "AccessMask": "0x100000",
                "AccessReason": ["SYNCHRONIZE: Granted by D:(A;;FA;;;WD)"],
            }))
        );
    }

    #[test]
    fn a_change_of_permissions_has_both_descriptors() {
        let root = Wtf8Buf::new();
        let old: SecurityDescriptor = "D:(A;;FA;;;BA)".parse().unwrap();
        let new: SecurityDescriptor = "D:(A;;FR;;;WD)".parse().unwrap();
        let found = value(Detail::PermissionsChanged { object: object(&root), old: &old, new: &new });
        assert_eq!(found["EventId"], 4670);
        assert_eq!(found["ObjectName"], "data:\\");
        assert_eq!((&found["OldSd"], &found["NewSd"]), (&json!("D:(A;;FA;;;BA)"), &json!("D:(A;;FR;;;WD)")));
    }

    #[test]
    fn every_right_has_a_name_and_none_has_two() {
        let all = RIGHTS.iter().fold(AccessMask::EMPTY, |all, (right, _)| all | *right);
        assert_eq!(all, AccessMask(0x031F_01FF));
        assert_eq!(RIGHTS.iter().map(|(right, _)| right.0.count_ones()).sum::<u32>(), 16);
    }

    #[test]
    fn what_an_administrator_asked_for_says_who_what_and_why_not() {
        let administered = Administered {
            door: "https",
            token: Some("monitor"),
            operation: "ShareRemove",
            object: "a",
            request: "ShareRemove { name: \"a\" }",
            reason: "no",
        };
        let found = value(Detail::Administered { event: EventId::PRIVILEGED_SERVICE_CALLED, administered });
        assert_eq!(found["EventId"], 4673);
        assert_eq!((&found["Service"], &found["TokenName"]), (&"https".into(), &"monitor".into()));
        assert_eq!((&found["Operation"], &found["ObjectName"]), (&"ShareRemove".into(), &"a".into()));
        assert_eq!((&found["FailureReason"], &found["ShareName"]), (&"no".into(), &r"\\*\Projects".into()));
    }

    #[test]
    fn half_a_surrogate_pair_is_replaced() {
        let name = Wtf8Buf::from_utf16([0x61, 0xD800, 0x62].into_iter(), 3);
        let found = value(Detail::ObjectDeleted { object: object(&name) });
        assert_eq!(found["ObjectName"], "data:\\a\u{FFFD}b");
    }

    proptest! {
        #[test]
        fn any_name_comes_back(units in proptest::collection::vec(1u16..=u16::MAX, 0..20)) {
            let name = Wtf8Buf::from_utf16(units.iter().copied().filter(|unit| *unit != 0x2F), 20);
            let found = value(Detail::ObjectDeleted { object: object(&name) });
            let shown = String::from_utf16_lossy(
                &units.iter().copied().filter(|unit| *unit != 0x2F).collect::<Vec<_>>());
            prop_assert_eq!(found["ObjectName"].as_str().unwrap(), format!("data:\\{shown}"));
        }

        #[test]
        fn times_are_those_of_the_calendar(seconds in -11_644_473_600i64..200_000_000_000) {
            let time = FileTime::from_unix(seconds, 500);
            let expected = jiff::Timestamp::from_second(seconds).unwrap();
            prop_assert_eq!(time_text(time), expected.strftime("%Y-%m-%dT%H:%M:%S.0000005Z").to_string());
        }
    }
}
