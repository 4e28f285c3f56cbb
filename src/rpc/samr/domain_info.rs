//! [MS-SAMR] 3.1.5.5.1 SamrQueryInformationDomain2, 3.1.5.5.2 SamrQueryInformationDomain, 3.1.5.13.3
//! SamrGetDomainPasswordInformation.

use freehold_dtyp::{NtStatus, Sid};

use super::super::RpcContext;
use super::super::dispatch::Call;
use super::super::ndr::NdrWriter;
use super::super::objects::{Reply, success};
use super::domain::{Kind, entries};
use super::domain_handle;
use super::security::{DOMAIN_READ_OTHER_PARAMETERS, DOMAIN_READ_PASSWORD_PARAMETERS};

/// [MS-SAMR] 2.2.4.16 DOMAIN_INFORMATION_CLASS.
const PASSWORD: u16 = 1;
const GENERAL: u16 = 2;
const LOGOFF: u16 = 3;
const OEM: u16 = 4;
const NAME: u16 = 5;
const REPLICATION: u16 = 6;
const SERVER_ROLE: u16 = 7;
const MODIFIED: u16 = 8;
const STATE: u16 = 9;
const GENERAL_2: u16 = 11;
const LOCKOUT: u16 = 12;
const MODIFIED_2: u16 = 13;

/// Shortest password that an account can be given (`state::accounts_changes` takes any that is not empty).
pub(super) const MIN_PASSWORD_LENGTH: u16 = 1;
/// "Never" as a span of time.
const NEVER: u64 = 0x8000_0000_0000_0000;
/// DomainServerEnabled (2.2.4.2).
const ENABLED: u32 = 1;
/// DomainServerRolePrimary (2.2.4.3).
const PRIMARY: u32 = 3;

/// SamrQueryInformationDomain and SamrQueryInformationDomain2, which are the same.
pub(super) fn query(call: &mut Call<'_, '_>) -> Reply {
    let (handle, domain) = domain_handle(call)?;
    let class = call.parameters.u16("DomainInformationClass")?;
    handle.need(match class {
        PASSWORD | LOCKOUT => DOMAIN_READ_PASSWORD_PARAMETERS,
        GENERAL_2 => DOMAIN_READ_PASSWORD_PARAMETERS | DOMAIN_READ_OTHER_PARAMETERS,
        GENERAL | LOGOFF | OEM | NAME | REPLICATION | SERVER_ROLE | MODIFIED | STATE | MODIFIED_2 => {
            DOMAIN_READ_OTHER_PARAMETERS
        }
        _ => return Err(NtStatus::INVALID_INFO_CLASS.into()),
    })?;
    let mut results = NdrWriter::new();
    results.pointer();
    results.u16(class);
    match class {
        PASSWORD => password(&mut results),
        GENERAL => general(&mut results, call.cx, &domain, false),
        LOGOFF => results.old_large_integer(NEVER),
        OEM => strings(&mut results, &[oem(call.cx)]),
        NAME => strings(&mut results, &[&name(call.cx, &domain)]),
        REPLICATION => strings(&mut results, &[""]),
        SERVER_ROLE => results.u32(PRIMARY),
        MODIFIED => modified(&mut results),
        STATE => results.u32(ENABLED),
        GENERAL_2 => {
            results.align(8); // as a structure with a hyper in it
            general(&mut results, call.cx, &domain, true);
        }
        LOCKOUT => lockout(&mut results),
        _ => {
            modified(&mut results);
            results.old_large_integer(0); // ModifiedCountAtLastPromotion
        }
    }
    success(results)
}

/// 2.2.4.5 DOMAIN_PASSWORD_INFORMATION: passwords do not grow old, and none are remembered.
fn password(results: &mut NdrWriter) {
    results.align(4);
    results.u16(MIN_PASSWORD_LENGTH);
    results.u16(0); // PasswordHistoryLength
    results.u32(0); // PasswordProperties
    results.old_large_integer(NEVER); // MaxPasswordAge
    results.old_large_integer(0); // MinPasswordAge
}

/// 2.2.4.15 SAMPR_DOMAIN_LOCKOUT_INFORMATION: nobody is locked out.
fn lockout(results: &mut NdrWriter) {
    results.u64(0); // LockoutDuration
    results.u64(0); // LockoutObservationWindow
    results.u16(0); // LockoutThreshold
}

/// 2.2.4.8 DOMAIN_MODIFIED_INFORMATION: changes are not counted.
fn modified(results: &mut NdrWriter) {
    results.old_large_integer(0); // DomainModifiedCount
    results.old_large_integer(0); // CreationTime
}

/// 2.2.4.10 SAMPR_DOMAIN_GENERAL_INFORMATION, and with `more` 2.2.4.11 SAMPR_DOMAIN_GENERAL_INFORMATION2.
fn general(results: &mut NdrWriter, cx: &RpcContext<'_>, domain: &Sid, more: bool) {
    let name = name(cx, domain);
    let texts = [oem(cx), name.as_str(), ""];
    results.old_large_integer(NEVER); // ForceLogoff
    texts.iter().for_each(|text| results.unicode_string_header(text));
    results.old_large_integer(0); // DomainModifiedCount
    results.u32(ENABLED);
    results.u32(PRIMARY);
    results.u32(1); // UasCompatibilityRequired
    for kind in Kind::ALL {
        results.count(entries(cx, domain, kind).len());
    }
    if more {
        lockout(results);
    }
    texts.iter().for_each(|text| results.unicode_string_buffer(text));
}

/// OemInformation: the server's comment.
fn oem<'a>(cx: &RpcContext<'a>) -> &'a str {
    &cx.server.comment
}

fn name(cx: &RpcContext<'_>, domain: &Sid) -> String {
    let all = super::server::domains(cx);
    all.into_iter().find(|(_, sid)| sid == domain).map_or(String::new(), |(name, _)| name)
}

fn strings(results: &mut NdrWriter, texts: &[&str]) {
    texts.iter().for_each(|text| results.unicode_string_header(text));
    texts.iter().for_each(|text| results.unicode_string_buffer(text));
}

/// 2.2.6.31 USER_DOMAIN_PASSWORD_INFORMATION: MinPasswordLength, PasswordProperties.
pub(super) fn write_password_information(results: &mut NdrWriter) {
    results.u16(MIN_PASSWORD_LENGTH);
    results.u32(0);
}

/// SamrGetDomainPasswordInformation: for everybody, without a handle.
pub(super) fn password_information(call: &mut Call<'_, '_>) -> Reply {
    call.parameters.optional("Unused", |parameters| {
        let header = parameters.unicode_string_header("Unused")?;
        parameters.unicode_string_buffer("Unused", header)
    })?;
    let mut results = NdrWriter::new();
    write_password_information(&mut results);
    success(results)
}

#[cfg(test)]
mod tests {
    use super::super::super::ndr::NdrReader;
    use super::super::super::testing::{Client, Fixture};
    use super::*;

    #[test]
    fn every_class_of_a_domain_is_answered() {
        let fixture = Fixture::new();
        let mut client = Client::samr(&fixture);
        for domain in ["S-1-5-21-1-2-3", "S-1-5-32"] {
            let handle = client.open_domain(domain);
            for class in 0..20u16 {
                let (results, status) =
                    client.outcome(8, &[handle.as_slice(), &class.to_le_bytes()].concat());
                if matches!(class, 1..=9 | 11..=13) {
                    assert_eq!((results[4], status), (u8::try_from(class).unwrap(), 0), "class {class}");
                } else {
                    assert_eq!(
                        (results, status),
                        (vec![0; 4], NtStatus::INVALID_INFO_CLASS.0),
                        "class {class}"
                    );
                }
            }
        }
    }

    #[test]
    fn a_domain_counts_what_it_holds() {
        let fixture = Fixture::new();
        let mut client = Client::samr(&fixture);
        for (domain, name, counts) in
            [("S-1-5-21-1-2-3", "FILES", [2, 1, 1]), ("S-1-5-32", "Builtin", [0, 0, 2])]
        {
            let handle = client.open_domain(domain);
            let (results, _) = client.outcome(46, &[handle.as_slice(), &[2, 0]].concat());
            let mut reader = NdrReader::new(&results);
            reader.bytes("", 8 + 8).unwrap();
            let headers: Vec<_> = (0..3).map(|_| reader.unicode_string_header("").unwrap()).collect();
            reader.bytes("", 8 + 3 * 4).unwrap();
            assert_eq!([(); 3].map(|()| reader.u32("").unwrap()), counts);
            let texts: Vec<String> = headers
                .into_iter()
                .map(|header| reader.unicode_string_buffer("", header).unwrap().to_string())
                .collect();
            assert_eq!(texts, ["A test server", name, ""]);
        }
    }

    #[test]
    fn the_shortest_password_is_one_that_the_state_takes() {
        let state = crate::state::State::in_memory().unwrap();
        let new = |name, password| crate::state::NewAccount {
            name,
            full_name: "",
            comment: "",
            password,
            disabled: false,
            groups: &[],
        };
        let shortest = "x".repeat(MIN_PASSWORD_LENGTH.into());
        assert!(state.add_account(&new("anna", &shortest)).is_ok());
        assert!(state.add_account(&new("bob", &shortest[1..])).is_err());
        let fixture = Fixture::new().ordinary_caller();
        let mut client = Client::samr(&fixture);
        assert_eq!(client.outcome(56, &[0; 4]), (vec![1, 0, 0, 0, 0, 0, 0, 0], 0));
    }
}
