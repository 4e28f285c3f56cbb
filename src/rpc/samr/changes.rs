//! [MS-SAMR] 3.1.5.4.3 SamrCreateAliasInDomain, 3.1.5.6.3 SamrSetInformationAlias, 3.1.5.6.4 and 3.1.5.6.5
//! SamrSetInformationUser, 3.1.5.7.2 SamrDeleteAlias, 3.1.5.7.3 SamrDeleteUser, 3.1.5.8 members of aliases.
//!
//! A call checks what it may and has the change done; then it runs again and tells what came of it.

use std::sync::Arc;

use freehold_dtyp::{NtStatus, Sid};

use super::super::dispatch::{Call, HANDLE_SIZE, Handle, Object};
use super::super::ndr::{NdrReader, NdrWriter};
use super::super::objects::{self, Refusal, Reply, ended, success};
use super::super::{AccountTask, Done, Field, Task, TaskError};
use super::security::{
    ALIAS_ADD_MEMBER, ALIAS_REMOVE_MEMBER, ALIAS_WRITE_ACCOUNT, DELETE, DOMAIN_CREATE_ALIAS,
    USER_WRITE_ACCOUNT,
};
use super::{ACCOUNT_DISABLED, NORMAL_ACCOUNT, domain_handle, name, server, sids};
use crate::state::{Account, Group};

/// [MS-SAMR] 2.2.6.4 ALIAS_INFORMATION_CLASS: AliasAdminCommentInformation.
const ALIAS_ADMIN_COMMENT: u16 = 3;
/// [MS-SAMR] 2.2.6.28 USER_INFORMATION_CLASS: UserFullNameInformation.
const USER_FULL_NAME: u16 = 8;
/// UserAdminCommentInformation.
const USER_ADMIN_COMMENT: u16 = 13;
/// UserControlInformation.
const USER_CONTROL: u16 = 16;
/// UserAllInformation.
const USER_ALL: u16 = 21;
/// [MS-SAMR] 2.2.1.12: USER_DONT_EXPIRE_PASSWORD, which is so for every account.
const DONT_EXPIRE_PASSWORD: u32 = 0x0000_0200;

impl From<TaskError> for Refusal {
    fn from(error: TaskError) -> Refusal {
        Refusal::Status(match error {
            TaskError::NoShare
            | TaskError::NoFolder
            | TaskError::NoFile
            | TaskError::NoSession
            | TaskError::NoOpenFile => NtStatus::OBJECT_NAME_NOT_FOUND,
            TaskError::Exists => NtStatus::ALIAS_EXISTS,
            TaskError::AccessDenied => NtStatus::ACCESS_DENIED,
            TaskError::Invalid(Field::Name) => NtStatus::INVALID_ACCOUNT_NAME,
            TaskError::Invalid(_) => NtStatus::INVALID_PARAMETER,
            TaskError::Unrecorded => NtStatus::AUDIT_FAILED,
            TaskError::Failed => NtStatus::INTERNAL_ERROR,
        })
    }
}

/// Has a change done; nothing of `prepare` happens in the second run.
fn change(
    call: &mut Call<'_, '_>,
    prepare: impl FnOnce(&mut Call<'_, '_>) -> Result<AccountTask, Refusal>,
) -> Result<Done, Refusal> {
    call.task(|call| prepare(call).map(|task| Task::Accounts(Box::new(task))))?
}

/// The alias that a handle is for.
fn alias(call: &Call<'_, '_>, handle: Handle) -> Result<Arc<Group>, Refusal> {
    let Object::SamAlias(sid) = handle.object else { return Err(NtStatus::INVALID_HANDLE.into()) };
    Ok(Arc::clone(call.cx.accounts.group_by_sid(&sid).ok_or(NtStatus::NO_SUCH_ALIAS)?))
}

/// The user that a handle is for.
fn user(call: &Call<'_, '_>, handle: Handle) -> Result<Arc<Account>, Refusal> {
    let Object::SamUser(sid) = handle.object else { return Err(NtStatus::INVALID_HANDLE.into()) };
    Ok(Arc::clone(call.cx.accounts.account_by_sid(&sid).ok_or(NtStatus::NO_SUCH_USER)?))
}

/// SamrCreateAliasInDomain.
pub(super) fn create_alias(call: &mut Call<'_, '_>) -> Reply {
    let (handle, domain) = domain_handle(call)?;
    let name = name(&mut call.parameters)?.to_string();
    let desired = call.parameters.u32("DesiredAccess")?;
    let made = change(call, |call| {
        handle.need(DOMAIN_CREATE_ALIAS)?;
        // 3.1.5.4.3: nothing is made in Builtin.
        if domain != call.cx.server.machine_sid {
            return Err(NtStatus::ACCESS_DENIED.into());
        }
        if call.cx.accounts.account(&name).is_some() {
            return Err(NtStatus::USER_EXISTS.into());
        }
        if call.cx.accounts.group(&name).is_some() {
            return Err(NtStatus::ALIAS_EXISTS.into());
        }
        Ok(AccountTask::AddGroup { name })
    })?;
    let Done::Made(sid) = made else { return Err(NtStatus::INTERNAL_ERROR.into()) };
    let mut results = NdrWriter::new();
    server::open(call, Object::SamAlias(sid), desired, &mut results)?;
    results.u32(sid.split_rid().map_or(0, |(_, rid)| rid));
    success(results)
}

/// SamrSetInformationAlias: the comment. Names stay.
pub(super) fn set_alias(call: &mut Call<'_, '_>) -> Reply {
    let handle = objects::handle(call)?;
    let class = call.parameters.u16("AliasInformationClass")?;
    call.parameters.u16("Buffer")?;
    let comment =
        if class == ALIAS_ADMIN_COMMENT { Some(name(&mut call.parameters)?.to_string()) } else { None };
    change(call, |call| {
        let group = alias(call, handle)?;
        handle.need(ALIAS_WRITE_ACCOUNT)?;
        let comment = comment.ok_or(NtStatus::ACCESS_DENIED)?;
        Ok(AccountTask::ChangeGroup { group: group.sid, comment })
    })?;
    success(NdrWriter::new())
}

/// SamrDeleteAlias, SamrDeleteUser: the handle is gone with its object, and stays good when it is refused.
fn delete(
    call: &mut Call<'_, '_>,
    prepare: impl FnOnce(&mut Call<'_, '_>, Handle) -> Result<AccountTask, Refusal>,
) -> Reply {
    let wire: [u8; HANDLE_SIZE] = call.parameters.array("Handle")?;
    let handle = call.handles.find(&wire)?;
    let mut results = NdrWriter::new();
    match change(call, |call| prepare(call, handle)) {
        Ok(_) => {
            call.handles.remove(&wire)?;
            results.bytes(&[0; HANDLE_SIZE]);
            success(results)
        }
        Err(Refusal::Status(status)) => {
            results.bytes(&wire);
            ended(results, status)
        }
        Err(fault) => Err(fault),
    }
}

/// SamrDeleteAlias.
pub(super) fn delete_alias(call: &mut Call<'_, '_>) -> Reply {
    delete(call, |call, handle| {
        let group = alias(call, handle)?;
        handle.need(DELETE)?;
        if group.builtin {
            return Err(NtStatus::SPECIAL_ACCOUNT.into());
        }
        Ok(AccountTask::RemoveGroup(group.sid))
    })
}

/// SamrDeleteUser.
pub(super) fn delete_user(call: &mut Call<'_, '_>) -> Reply {
    delete(call, |call, handle| {
        let account = user(call, handle)?;
        handle.need(DELETE)?;
        Ok(AccountTask::RemoveAccount(account.sid))
    })
}

/// A SID of this server must be somebody's ([MS-SAMR] 3.1.5.8.1); those of other domains are taken as they are.
fn check_member(call: &Call<'_, '_>, member: &Sid) -> Result<(), NtStatus> {
    let own = member.split_rid().is_some_and(|(domain, _)| domain == call.cx.server.machine_sid);
    let known =
        call.cx.accounts.account_by_sid(member).is_some() || call.cx.accounts.group_by_sid(member).is_some();
    if own && !known { Err(NtStatus::NO_SUCH_MEMBER) } else { Ok(()) }
}

/// SamrAddMemberToAlias.
pub(super) fn add_member(call: &mut Call<'_, '_>) -> Reply {
    let handle = objects::handle(call)?;
    let member = call.parameters.sid("AccountSid")?;
    change(call, |call| {
        let group = alias(call, handle)?;
        handle.need(ALIAS_ADD_MEMBER)?;
        check_member(call, &member)?;
        if group.members.contains(&member) {
            return Err(NtStatus::MEMBER_IN_ALIAS.into());
        }
        Ok(AccountTask::AddMembers { group: group.sid, members: vec![member] })
    })?;
    success(NdrWriter::new())
}

/// SamrRemoveMemberFromAlias.
pub(super) fn remove_member(call: &mut Call<'_, '_>) -> Reply {
    let handle = objects::handle(call)?;
    let member = call.parameters.sid("AccountSid")?;
    change(call, |call| {
        let group = alias(call, handle)?;
        handle.need(ALIAS_REMOVE_MEMBER)?;
        if !group.members.contains(&member) {
            return Err(NtStatus::MEMBER_NOT_IN_ALIAS.into());
        }
        Ok(AccountTask::RemoveMembers { group: group.sid, members: vec![member] })
    })?;
    success(NdrWriter::new())
}

/// SamrAddMultipleMembersToAlias: who is in it already is no error.
pub(super) fn add_members(call: &mut Call<'_, '_>) -> Reply {
    let handle = objects::handle(call)?;
    let members = sids(&mut call.parameters)?;
    change(call, |call| {
        let group = alias(call, handle)?;
        handle.need(ALIAS_ADD_MEMBER)?;
        members.iter().try_for_each(|member| check_member(call, member))?;
        Ok(AccountTask::AddMembers { group: group.sid, members })
    })?;
    success(NdrWriter::new())
}

/// SamrRemoveMultipleMembersFromAlias: who is not in it is no error.
pub(super) fn remove_members(call: &mut Call<'_, '_>) -> Reply {
    let handle = objects::handle(call)?;
    let members = sids(&mut call.parameters)?;
    change(call, |call| {
        let group = alias(call, handle)?;
        handle.need(ALIAS_REMOVE_MEMBER)?;
        Ok(AccountTask::RemoveMembers { group: group.sid, members })
    })?;
    success(NdrWriter::new())
}

/// SamrSetInformationUser and SamrSetInformationUser2: full name, comment, and whether the account is disabled.
pub(super) fn set_user(call: &mut Call<'_, '_>) -> Reply {
    let handle = objects::handle(call)?;
    let class = call.parameters.u16("UserInformationClass")?;
    call.parameters.u16("Buffer")?;
    let parameters = &mut call.parameters;
    let wanted = match class {
        USER_FULL_NAME => {
            Some(Wanted { full_name: Some(name(parameters)?.to_string()), ..Wanted::default() })
        }
        USER_ADMIN_COMMENT => {
            Some(Wanted { comment: Some(name(parameters)?.to_string()), ..Wanted::default() })
        }
        USER_CONTROL => {
            Some(Wanted { control: Some(parameters.u32("UserAccountControl")?), ..Wanted::default() })
        }
        USER_ALL => Wanted::of_all(parameters)?,
        _ => None,
    };
    change(call, |call| {
        let account = user(call, handle)?;
        handle.need(USER_WRITE_ACCOUNT)?;
        let wanted = wanted.ok_or(NtStatus::ACCESS_DENIED)?;
        if wanted.name.is_some_and(|name| name != account.name) {
            return Err(NtStatus::ACCESS_DENIED.into());
        }
        Ok(AccountTask::ChangeAccount {
            account: account.sid,
            full_name: wanted.full_name,
            comment: wanted.comment,
            disabled: wanted.control.map(disabled).transpose()?,
        })
    })?;
    success(NdrWriter::new())
}

/// New values of an account; `None` for what stays.
#[derive(Default)]
struct Wanted {
    /// Its name, which cannot change.
    name: Option<String>,
    full_name: Option<String>,
    comment: Option<String>,
    control: Option<u32>,
}

impl Wanted {
    /// [MS-SAMR] 2.2.6.6 SAMPR_USER_ALL_INFORMATION: consoles send it for every change, WhichFields says what counts. `None` for
    /// what an account here cannot have: homes, scripts and profiles other than none, passwords, times.
    fn of_all(parameters: &mut NdrReader<'_>) -> Result<Option<Wanted>, Refusal> {
        /// The strings from UserName to PrivateData.
        const STRINGS: usize = 13;
        /// 2.2.1.8 USER_ALL Values of the strings up to Parameters, in their order.
        const FIELDS: [u32; 10] =
            [0x01, FULL_NAME, 0x40, 0x80, 0x100, 0x200, COMMENT, 0x400, 0x20, 0x20_0000];
        const FULL_NAME: u32 = 0x02;
        const COMMENT: u32 = 0x10;
        const CONTROL: u32 = 0x10_0000;
        parameters.align(4)?;
        parameters.bytes("LastLogon", 6 * 8)?;
        let mut headers = Vec::with_capacity(STRINGS);
        for _ in 0..STRINGS {
            headers.push(parameters.unicode_string_header("UserName")?);
        }
        parameters.u32("Length")?;
        parameters.pointer("SecurityDescriptor")?;
        parameters.u32("UserId")?;
        parameters.u32("PrimaryGroupId")?;
        let control = parameters.u32("UserAccountControl")?;
        let which = parameters.u32("WhichFields")?;
        parameters.u16("UnitsPerWeek")?;
        parameters.pointer("LogonHours")?;
        parameters.bytes("BadPasswordCount", 4 * 2 + 4)?;
        let mut texts = Vec::with_capacity(FIELDS.len());
        for (header, field) in headers.into_iter().zip(FIELDS) {
            let text = parameters.unicode_string_buffer("UserName", header)?;
            texts.push((field, text.to_string()));
        }
        let text = |field: u32| {
            texts.iter().find(|(of, _)| *of == field && which & field != 0).map(|(_, text)| text.clone())
        };
        let kept = FULL_NAME | COMMENT | 0x01;
        let unknown = which & !FIELDS.into_iter().fold(CONTROL, |all, field| all | field);
        let foreign = texts.iter().any(|(field, text)| which & field & !kept != 0 && !text.is_empty());
        if unknown != 0 || foreign {
            return Ok(None);
        }
        Ok(Some(Wanted {
            name: text(0x01),
            full_name: text(FULL_NAME),
            comment: text(COMMENT),
            control: (which & CONTROL != 0).then_some(control),
        }))
    }
}

/// UserAccountControl that an account here can have: whether it is disabled.
fn disabled(control: u32) -> Result<bool, NtStatus> {
    let other = control & !(ACCOUNT_DISABLED | NORMAL_ACCOUNT | DONT_EXPIRE_PASSWORD);
    if other == 0 { Ok(control & ACCOUNT_DISABLED != 0) } else { Err(NtStatus::INVALID_PARAMETER) }
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::{Client, Fixture};
    use super::*;

    const MAXIMUM: u32 = 0x0200_0000;

    fn with_sid(handle: [u8; 20], sid: &str) -> Vec<u8> {
        let mut writer = NdrWriter::new();
        writer.bytes(&handle);
        writer.sid(&sid.parse().unwrap());
        writer.into_bytes()
    }

    fn task(fixture: &Fixture) -> AccountTask {
        match fixture.tasks().pop() {
            Some(Task::Accounts(task)) => *task,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn members_come_and_go() {
        let fixture = Fixture::new().with_members("team", &["S-1-5-21-1-2-3-1000"]);
        let mut client = Client::samr(&fixture);
        let domain = client.open_domain("S-1-5-21-1-2-3");
        let team = client.open_in(domain, 27, 1002, MAXIMUM);
        for (operation, sid, status) in [
            (31, "S-1-5-21-1-2-3-1000", NtStatus::MEMBER_IN_ALIAS),
            (31, "S-1-5-21-1-2-3-77", NtStatus::NO_SUCH_MEMBER),
            (32, "S-1-5-21-1-2-3-1001", NtStatus::MEMBER_NOT_IN_ALIAS),
            (31, "S-1-5-21-7-8-9-500", NtStatus::SUCCESS),
            (32, "S-1-5-21-1-2-3-1000", NtStatus::SUCCESS),
        ] {
            assert_eq!(
                client.outcome(operation, &with_sid(team, sid)),
                (vec![], status.0),
                "{operation} {sid}"
            );
        }
        let group = "S-1-5-21-1-2-3-1002".parse().unwrap();
        let members = vec!["S-1-5-21-1-2-3-1000".parse().unwrap()];
        assert_eq!(task(&fixture), AccountTask::RemoveMembers { group, members });
        let look = client.open_in(domain, 27, 1002, 0x4);
        let denied = (vec![], NtStatus::ACCESS_DENIED.0);
        assert_eq!(client.outcome(31, &with_sid(look, "S-1-5-21-7-8-9-500")), denied);
    }

    #[test]
    fn a_group_is_made_and_removed() {
        let made: Sid = "S-1-5-21-1-2-3-1003".parse().unwrap();
        let mut fixture = Fixture::new();
        fixture.done = Ok(Done::Made(made));
        let mut client = Client::samr(&fixture);
        let domain = client.open_domain("S-1-5-21-1-2-3");
        let mut create = |domain: [u8; 20], name: &str| {
            let mut writer = NdrWriter::new();
            writer.bytes(&domain);
            writer.unicode_string_header(name);
            writer.unicode_string_buffer(name);
            writer.u32(MAXIMUM);
            client.outcome(14, &writer.into_bytes())
        };
        assert_eq!(create(domain, "ANNA"), (vec![0; 24], NtStatus::USER_EXISTS.0));
        assert_eq!(create(domain, "Team"), (vec![0; 24], NtStatus::ALIAS_EXISTS.0));
        let (results, status) = create(domain, "new");
        assert_eq!((&results[20..], status), (1003_u32.to_le_bytes().as_slice(), 0));
        let builtin = client.open_domain("S-1-5-32");
        let users = client.open_in(builtin, 27, 545, MAXIMUM);
        assert_eq!(client.outcome(30, &users), (users.to_vec(), NtStatus::SPECIAL_ACCOUNT.0));
        let team = client.open_in(domain, 27, 1002, MAXIMUM);
        assert_eq!(client.outcome(30, &team), (vec![0; 20], 0));
        assert_eq!(task(&fixture), AccountTask::RemoveGroup("S-1-5-21-1-2-3-1002".parse().unwrap()));
        assert!(client.call(33, &team).is_err(), "the handle is gone");
    }

    #[test]
    fn an_account_is_changed_and_removed() {
        let fixture = Fixture::new();
        let mut client = Client::samr(&fixture);
        let domain = client.open_domain("S-1-5-21-1-2-3");
        let user = client.open_in(domain, 34, 1001, MAXIMUM);
        let account = "S-1-5-21-1-2-3-1001".parse().unwrap();
        let control = |control: u32| [user.as_slice(), &[16, 0, 16, 0], &control.to_le_bytes()].concat();
        assert_eq!(client.outcome(37, &control(0x11)), (vec![], 0));
        let expected =
            AccountTask::ChangeAccount { account, full_name: None, comment: None, disabled: Some(true) };
        assert_eq!(task(&fixture), expected);
        assert_eq!(client.outcome(58, &control(0x80)), (vec![], NtStatus::INVALID_PARAMETER.0));
        assert_eq!(client.outcome(37, &control(0x80)).1, NtStatus::INVALID_PARAMETER.0);
        let mut writer = NdrWriter::new();
        writer.bytes(&user);
        writer.u16(8);
        writer.u16(8);
        writer.unicode_string_header("Bob");
        writer.unicode_string_buffer("Bob");
        assert_eq!(client.outcome(37, &writer.into_bytes()), (vec![], 0));
        let unknown = [user.as_slice(), &[24, 0, 24, 0]].concat();
        assert_eq!(client.outcome(37, &unknown), (vec![], NtStatus::ACCESS_DENIED.0));
        assert_eq!(client.outcome(35, &user), (vec![0; 20], 0));
        assert_eq!(task(&fixture), AccountTask::RemoveAccount(account));
    }

    /// SAMPR_USER_ALL_INFORMATION with these strings, behind a user's handle.
    fn all(user: [u8; 20], which: u32, control: u32, texts: &[(usize, &str)]) -> Vec<u8> {
        let text = |place: usize| texts.iter().find(|(at, _)| *at == place).map(|(_, text)| *text);
        let mut writer = NdrWriter::new();
        writer.bytes(&user);
        writer.u16(USER_ALL);
        writer.u16(USER_ALL);
        writer.bytes(&[0; 48]);
        for place in 0..13 {
            match text(place) {
                Some(text) => writer.unicode_string_header(text),
                None => writer.null_string(),
            }
        }
        for number in [0, 0, 0, 0, control, which] {
            writer.u32(number);
        }
        writer.u16(0);
        writer.null();
        writer.bytes(&[0; 12]);
        (0..13).filter_map(text).for_each(|text| writer.unicode_string_buffer(text));
        writer.into_bytes()
    }

    #[test]
    fn consoles_change_accounts_with_all_information() {
        let fixture = Fixture::new();
        let mut client = Client::samr(&fixture);
        let domain = client.open_domain("S-1-5-21-1-2-3");
        let user = client.open_in(domain, 34, 1001, MAXIMUM);
        let texts = [(0, "bob"), (1, "Bob B."), (2, ""), (6, "a comment")];
        assert_eq!(client.outcome(58, &all(user, 0x0010_0053, 0x11, &texts)), (vec![], 0));
        let expected = AccountTask::ChangeAccount {
            account: "S-1-5-21-1-2-3-1001".parse().unwrap(),
            full_name: Some("Bob B.".to_owned()),
            comment: Some("a comment".to_owned()),
            disabled: Some(true),
        };
        assert_eq!(task(&fixture), expected);
        // What is not in WhichFields stays.
        assert_eq!(client.outcome(58, &all(user, 0x02, 0x11, &texts)), (vec![], 0));
        assert!(matches!(task(&fixture), AccountTask::ChangeAccount { comment: None, disabled: None, .. }));
        let denied = (vec![], NtStatus::ACCESS_DENIED.0);
        for (which, texts) in [(0x40, [(2, "\\\\home")]), (0x01, [(0, "rob")]), (0x0100_0000, [(1, "x")])] {
            assert_eq!(client.outcome(37, &all(user, which, 0x10, &texts)), denied, "{which:#x}");
        }
    }
}
