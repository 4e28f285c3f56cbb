//! Logons as events: 4624, 4625 and 4634, with the members that Windows documents for them.
//!
//! A pure part, as [`super::record`]. Members that mean nothing on this server (process, impersonation level, GUIDs) are left out.

use freehold_dtyp::{NtStatus, Sid};

use super::record::Members;

/// What a logon was authenticated with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Package {
    /// NTLM, whose responses are of version 2 here.
    Ntlm,
    /// Kerberos.
    Kerberos,
    /// The exchange ended before one was chosen.
    None,
}

impl Package {
    /// AuthenticationPackageName.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Package::Ntlm => "NTLM",
            Package::Kerberos => "Kerberos",
            Package::None => "-",
        }
    }

    const fn process(self) -> &'static str {
        match self {
            Package::Ntlm => "NtLmSsp",
            Package::Kerberos => "Kerberos",
            Package::None => "-",
        }
    }

    const fn lm_package(self) -> &'static str {
        match self {
            Package::Ntlm => "NTLM V2",
            Package::Kerberos | Package::None => "-",
        }
    }
}

/// The account of a logon.
#[derive(Clone, Copy, Debug)]
pub struct Target<'a> {
    /// TargetUserSid; the null SID where nobody was logged on.
    pub sid: Sid,
    /// TargetUserName.
    pub user: &'a str,
    /// TargetDomainName.
    pub domain: &'a str,
}

/// Where a logon came from, and how.
#[derive(Clone, Copy, Debug)]
pub struct Origin<'a> {
    /// How it was authenticated.
    pub package: Package,
    /// The client's own name, which it may make up; empty where it gave none.
    pub workstation: &'a str,
    /// IpAddress.
    pub ip_address: &'a str,
    /// IpPort.
    pub ip_port: u16,
}

/// Why a logon failed.
#[derive(Clone, Copy, Debug)]
pub struct Failure<'a> {
    /// Status: what the client was answered.
    pub status: NtStatus,
    /// SubStatus: what it was not told; success where there is no more to say.
    pub sub_status: NtStatus,
    /// FailureReason, in words.
    pub reason: &'a str,
}

/// LogonType of every logon here: over the network.
const NETWORK: u64 = 3;
/// What stands where a name would, as Windows has it.
const NOBODY: &str = "-";

fn or_nobody(text: &str) -> &str {
    if text.is_empty() { NOBODY } else { text }
}

/// The subject of a logon is who asks for it: nobody, since it comes over the network.
fn null_subject(members: &mut Members<'_>) {
    members.text("SubjectUserSid", &Sid::NULL.to_string());
    members.text("SubjectUserName", NOBODY);
    members.text("SubjectDomainName", NOBODY);
    members.hex("SubjectLogonId", 0);
}

fn target(members: &mut Members<'_>, target: &Target<'_>) {
    members.text("TargetUserSid", &target.sid.to_string());
    members.text("TargetUserName", or_nobody(target.user));
    members.text("TargetDomainName", or_nobody(target.domain));
}

fn origin(members: &mut Members<'_>, origin: &Origin<'_>) {
    members.number("LogonType", NETWORK);
    members.text("LogonProcessName", origin.package.process());
    members.text("AuthenticationPackageName", origin.package.name());
    members.text("LmPackageName", origin.package.lm_package());
    members.text("WorkstationName", or_nobody(origin.workstation));
    members.text("IpAddress", origin.ip_address);
    members.text("IpPort", &origin.ip_port.to_string());
}

/// 4624.
pub(super) fn logged_on(members: &mut Members<'_>, who: &Target<'_>, logon_id: u64, from: &Origin<'_>) {
    null_subject(members);
    target(members, who);
    members.hex("TargetLogonId", logon_id);
    origin(members, from);
}

/// 4625.
pub(super) fn failed(members: &mut Members<'_>, who: &Target<'_>, why: &Failure<'_>, from: &Origin<'_>) {
    null_subject(members);
    target(members, who);
    members.hex("Status", u64::from(why.status.0));
    members.hex("SubStatus", u64::from(why.sub_status.0));
    members.text("FailureReason", why.reason);
    origin(members, from);
}

/// 4634.
pub(super) fn logged_off(members: &mut Members<'_>, who: &Target<'_>, logon_id: u64) {
    target(members, who);
    members.hex("TargetLogonId", logon_id);
    members.number("LogonType", NETWORK);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::record::{Batch, Detail, Record};
    use freehold_dtyp::FileTime;
    use serde_json::{Value, json};

    fn value(success: bool, detail: Detail<'_>) -> Value {
        let mut batch = Batch::default();
        let time = FileTime::from_unix(1_795_788_306, 123_456_789);
        batch.push(&Record { time, success, computer: "HOST", subject: None, detail });
        let body = batch.records().next().unwrap().to_vec();
        serde_json::from_str(&format!("{{{}}}", String::from_utf8(body).unwrap())).unwrap()
    }

    const FROM: Origin<'_> =
        Origin { package: Package::Ntlm, workstation: "PC\"7", ip_address: "192.0.2.7", ip_port: 50_000 };

    #[test]
    fn a_logon_has_the_documented_members() {
        let who = Target { sid: Sid::ADMINISTRATORS, user: "anna", domain: "HOST" };
        assert_eq!(
            value(true, Detail::LoggedOn { who, logon_id: 0x1234, from: FROM }),
            json!({
                "Time": "2026-11-27T14:05:06.1234567Z", "EventId": 4624, "Keywords": "Audit Success", "Computer": "HOST",
                "SubjectUserSid": "S-1-0-0", "SubjectUserName": "-", "SubjectDomainName": "-", "SubjectLogonId": "0x0",
                "TargetUserSid": "S-1-5-32-544", "TargetUserName": "anna", "TargetDomainName": "HOST",
                "TargetLogonId": "0x1234", "LogonType": 3, "LogonProcessName": "NtLmSsp",
                "AuthenticationPackageName": "NTLM", "LmPackageName": "NTLM V2", "WorkstationName": "PC\"7",
                "IpAddress": "192.0.2.7", "IpPort": "50000",
            })
        );
        assert_eq!(
            value(true, Detail::LoggedOff { who, logon_id: 0x1234 }),
            json!({
                "Time": "2026-11-27T14:05:06.1234567Z", "EventId": 4634, "Keywords": "Audit Success", "Computer": "HOST",
                "TargetUserSid": "S-1-5-32-544", "TargetUserName": "anna", "TargetDomainName": "HOST",
                "TargetLogonId": "0x1234", "LogonType": 3,
            })
        );
    }

    #[test]
    fn a_failed_logon_says_why() {
        let who = Target { sid: Sid::NULL, user: "nobody", domain: "" };
        let why = Failure {
            status: NtStatus::LOGON_FAILURE,
            sub_status: NtStatus::NO_SUCH_USER,
            reason: "unknown user or wrong password",
        };
        let from = Origin { package: Package::Kerberos, workstation: "", ..FROM };
        let found = value(false, Detail::LogonFailed { who, why, from });
        assert_eq!(
            (&found["EventId"], &found["Keywords"], &found["Status"], &found["SubStatus"]),
            (&json!(4625), &json!("Audit Failure"), &json!("0xc000006d"), &json!("0xc0000064"))
        );
        assert_eq!(
            (&found["TargetUserName"], &found["TargetDomainName"], &found["WorkstationName"]),
            (&json!("nobody"), &json!("-"), &json!("-"))
        );
        assert_eq!((&found["LmPackageName"], &found["LogonProcessName"]), (&json!("-"), &json!("Kerberos")));
        assert_eq!(found["FailureReason"], "unknown user or wrong password");
    }
}
