//! [MS-SAMR] 3.1.5.5.5 SamrQueryInformationUser2, 3.1.5.5.6 SamrQueryInformationUser: every class that can be read.
//!
//! Homes, profiles, logon hours, counts of logons: this server keeps none, and says so with what means "not set".

use freehold_acl::AccessMask;
use freehold_dtyp::NtStatus;

use super::super::dispatch::Call;
use super::super::ndr::NdrWriter;
use super::super::objects::{Reply, success};
use super::Strings;
use super::domain::account_control;
use super::security::{USER_READ_ACCOUNT, USER_READ_GENERAL, USER_READ_LOGON, USER_READ_PREFERENCES};
use super::user::user;
use crate::names::PRIMARY_GROUP_RID;
use crate::state::Account;

/// [MS-SAMR] 2.2.6.28 USER_INFORMATION_CLASS.
const GENERAL: u16 = 1;
const PREFERENCES: u16 = 2;
const LOGON: u16 = 3;
const LOGON_HOURS: u16 = 4;
const ACCOUNT: u16 = 5;
const NAME: u16 = 6;
const ACCOUNT_NAME: u16 = 7;
const FULL_NAME: u16 = 8;
const PRIMARY_GROUP: u16 = 9;
const HOME: u16 = 10;
const SCRIPT: u16 = 11;
const PROFILE: u16 = 12;
const ADMIN_COMMENT: u16 = 13;
const WORKSTATIONS: u16 = 14;
const CONTROL: u16 = 16;
const EXPIRES: u16 = 17;
const PARAMETERS: u16 = 20;
const ALL: u16 = 21;

/// "Never" as a point in time.
const NEVER: u64 = 0x7FFF_FFFF_FFFF_FFFF;
/// UnitsPerWeek: a bit for each hour (2.2.6.5 SAMPR_LOGON_HOURS).
const HOURS_PER_WEEK: u16 = 168;
/// Most bytes of LogonHours (its size_is).
const MAX_LOGON_HOURS: u32 = 1_260;

/// 2.2.1.8 USER_ALL Values, by the right that shows them: USER_READ_GENERAL.
const ALL_GENERAL: u32 = 0x0000_003F;
/// USER_READ_LOGON.
const ALL_LOGON: u32 = 0x0003_FFC0;
/// USER_READ_ACCOUNT.
const ALL_ACCOUNT: u32 = 0x003C_0000;
/// USER_READ_PREFERENCES.
const ALL_PREFERENCES: u32 = 0x00C0_0000;

/// The rights that a class takes: the table of 3.1.5.5.5. UserAllInformation shows what the handle may see.
const fn rights_for(class: u16) -> Option<u32> {
    match class {
        GENERAL | NAME | ACCOUNT_NAME | FULL_NAME | PRIMARY_GROUP | ADMIN_COMMENT => Some(USER_READ_GENERAL),
        PREFERENCES => Some(USER_READ_GENERAL | USER_READ_PREFERENCES),
        LOGON | ACCOUNT => {
            Some(USER_READ_GENERAL | USER_READ_PREFERENCES | USER_READ_LOGON | USER_READ_ACCOUNT)
        }
        LOGON_HOURS | HOME | SCRIPT | PROFILE | WORKSTATIONS => Some(USER_READ_LOGON),
        CONTROL | EXPIRES | PARAMETERS => Some(USER_READ_ACCOUNT),
        ALL => Some(0),
        _ => None,
    }
}

/// SamrQueryInformationUser and SamrQueryInformationUser2, which are the same.
pub(super) fn query(call: &mut Call<'_, '_>) -> Reply {
    let (handle, account) = user(call)?;
    let class = call.parameters.u16("UserInformationClass")?;
    handle.need(rights_for(class).ok_or(NtStatus::INVALID_INFO_CLASS)?)?;
    let fields = fields_shown(handle.granted);
    if class == ALL && fields == 0 {
        return Err(NtStatus::ACCESS_DENIED.into());
    }
    let mut results = NdrWriter::new();
    results.pointer();
    results.u16(class);
    let mut view = View { results, strings: Strings::default(), hours: false };
    view.write(class, &account, fields);
    success(view.finish())
}

/// WhichFields of what a handle with these rights may see.
fn fields_shown(granted: AccessMask) -> u32 {
    [
        (USER_READ_GENERAL, ALL_GENERAL),
        (USER_READ_LOGON, ALL_LOGON),
        (USER_READ_ACCOUNT, ALL_ACCOUNT),
        (USER_READ_PREFERENCES, ALL_PREFERENCES),
    ]
    .into_iter()
    .filter(|(right, _)| granted.contains(AccessMask(*right)))
    .fold(0, |all, (_, fields)| all | fields)
}

/// One account being written.
struct View {
    results: NdrWriter,
    strings: Strings,
    /// The bits of LogonHours come behind the strings.
    hours: bool,
}

impl View {
    fn write(&mut self, class: u16, account: &Account, fields: u32) {
        match class {
            GENERAL => {
                self.text(&account.name);
                self.text(&account.full_name);
                self.results.u32(PRIMARY_GROUP_RID);
                self.text(&account.comment);
                self.text("");
            }
            PREFERENCES => {
                self.texts(["", ""]);
                self.results.u16(0); // CountryCode
                self.results.u16(0); // CodePage
            }
            LOGON => self.logon(account),
            LOGON_HOURS => self.logon_hours(),
            ACCOUNT => self.account(account),
            NAME => self.texts([&account.name, &account.full_name]),
            ACCOUNT_NAME => self.text(&account.name),
            FULL_NAME => self.text(&account.full_name),
            PRIMARY_GROUP => self.results.u32(PRIMARY_GROUP_RID),
            HOME => self.texts(["", ""]),
            SCRIPT | PROFILE | WORKSTATIONS => self.text(""),
            ADMIN_COMMENT => self.text(&account.comment),
            CONTROL => self.results.u32(account_control(account.disabled)),
            EXPIRES => self.results.old_large_integer(NEVER),
            PARAMETERS => self.nothing(),
            _ => self.all(account, fields),
        }
    }

    fn finish(mut self) -> NdrWriter {
        self.strings.buffers(&mut self.results);
        if self.hours {
            let bytes = HOURS_PER_WEEK.div_euclid(8);
            self.results.u32(MAX_LOGON_HOURS);
            self.results.u32(0);
            self.results.u32(bytes.into());
            self.results.bytes(&vec![0xFF; bytes.into()]);
        }
        self.results
    }

    fn text(&mut self, text: &str) {
        self.strings.header(&mut self.results, text);
    }

    fn texts<const N: usize>(&mut self, texts: [&str; N]) {
        texts.into_iter().for_each(|text| self.text(text));
    }

    /// A string without a buffer.
    fn nothing(&mut self) {
        self.results.null_string();
    }

    /// 2.2.6.5 SAMPR_LOGON_HOURS: always.
    fn logon_hours(&mut self) {
        self.results.align(4);
        self.results.u16(HOURS_PER_WEEK);
        self.results.pointer();
        self.hours = true;
    }

    /// LastLogon and LastLogoff, which nobody notes.
    fn logon_times(&mut self) {
        self.results.old_large_integer(0);
        self.results.old_large_integer(0);
    }

    /// 2.2.6.9 SAMPR_USER_LOGON_INFORMATION.
    fn logon(&mut self, account: &Account) {
        self.texts([&account.name, &account.full_name]);
        self.results.u32(account.rid);
        self.results.u32(PRIMARY_GROUP_RID);
        self.texts(["", "", "", "", ""]);
        self.logon_times();
        self.results.old_large_integer(account.password_set.0);
        self.results.old_large_integer(account.password_set.0); // PasswordCanChange: at once
        self.results.old_large_integer(NEVER); // PasswordMustChange
        self.logon_hours();
        self.results.u16(0); // BadPasswordCount
        self.results.u16(0); // LogonCount
        self.results.u32(account_control(account.disabled));
    }

    /// 2.2.6.10 SAMPR_USER_ACCOUNT_INFORMATION.
    fn account(&mut self, account: &Account) {
        self.texts([&account.name, &account.full_name]);
        self.results.u32(account.rid);
        self.results.u32(PRIMARY_GROUP_RID);
        self.texts(["", "", "", "", &account.comment, ""]);
        self.logon_times();
        self.logon_hours();
        self.results.u16(0); // BadPasswordCount
        self.results.u16(0); // LogonCount
        self.results.old_large_integer(account.password_set.0);
        self.results.old_large_integer(NEVER); // AccountExpires
        self.results.u32(account_control(account.disabled));
    }

    /// 2.2.6.6 SAMPR_USER_ALL_INFORMATION: what is not in `fields` is empty.
    fn all(&mut self, account: &Account, fields: u32) {
        let time = |field: u32, value: u64| if fields & field == 0 { 0 } else { value };
        self.logon_times();
        self.results.old_large_integer(time(ALL_ACCOUNT, account.password_set.0)); // PasswordLastSet
        self.results.old_large_integer(time(ALL_ACCOUNT, NEVER)); // AccountExpires
        self.results.old_large_integer(time(ALL_LOGON, account.password_set.0)); // PasswordCanChange
        self.results.old_large_integer(time(ALL_LOGON, NEVER)); // PasswordMustChange
        let general = fields & ALL_GENERAL != 0;
        let shown = |text: &str| if general { text.to_owned() } else { String::new() };
        self.texts([&shown(&account.name), &shown(&account.full_name)]);
        self.texts(["", "", "", ""]); // HomeDirectory, HomeDirectoryDrive, ScriptPath, ProfilePath
        self.texts([&shown(&account.comment), "", ""]); // AdminComment, WorkStations, UserComment
        self.nothing(); // Parameters
        self.nothing(); // LmOwfPassword
        self.nothing(); // NtOwfPassword
        self.nothing(); // PrivateData
        self.results.u32(0); // SecurityDescriptor: its length
        self.results.null();
        self.results.u32(if general { account.rid } else { 0 });
        self.results.u32(if general { PRIMARY_GROUP_RID } else { 0 });
        let control = account_control(account.disabled);
        self.results.u32(if fields & ALL_ACCOUNT == 0 { 0 } else { control });
        self.results.u32(fields);
        if fields & ALL_LOGON == 0 {
            self.results.u16(0);
            self.results.null();
        } else {
            self.logon_hours();
        }
        (0..4).for_each(|_| self.results.u16(0)); // BadPasswordCount, LogonCount, CountryCode, CodePage
        (0..4).for_each(|_| self.results.u8(0)); // LmPasswordPresent to PrivateDataSensitive
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::ndr::NdrReader;
    use super::super::super::testing::{Client, Fixture};
    use super::*;

    const MAXIMUM: u32 = 0x0200_0000;

    fn query(client: &mut Client<'_>, user: [u8; 20], class: u16) -> (Vec<u8>, u32) {
        client.outcome(36, &[user.as_slice(), &class.to_le_bytes()].concat())
    }

    fn strings<const N: usize>(reader: &mut NdrReader<'_>, headers: [(u16, bool); N]) -> [String; N] {
        headers.map(|header| reader.unicode_string_buffer("", header).unwrap().to_string())
    }

    #[test]
    fn every_class_that_can_be_read_is_answered() {
        let fixture = Fixture::new();
        let mut client = Client::samr(&fixture);
        let domain = client.open_domain("S-1-5-21-1-2-3");
        let user = client.open_in(domain, 34, 1000, MAXIMUM);
        for class in 0..40u16 {
            let (results, status) = query(&mut client, user, class);
            if matches!(class, 1..=14 | 16 | 17 | 20 | 21) {
                assert_eq!((status, results[4]), (0, u8::try_from(class).unwrap()), "class {class}");
                let other = client.outcome(47, &[user.as_slice(), &class.to_le_bytes()].concat());
                assert_eq!(other, (results, 0));
            } else {
                assert_eq!((results, status), (vec![0; 4], NtStatus::INVALID_INFO_CLASS.0), "class {class}");
            }
        }
    }

    #[test]
    fn everything_about_a_user_is_in_class_21() {
        let fixture = Fixture::new();
        let mut client = Client::samr(&fixture);
        let domain = client.open_domain("S-1-5-21-1-2-3");
        let user = client.open_in(domain, 34, 1001, MAXIMUM);
        let (results, status) = query(&mut client, user, ALL);
        let mut reader = NdrReader::new(&results);
        assert_eq!((reader.pointer("").unwrap(), reader.u32("").unwrap(), status), (true, 21, 0));
        reader.bytes("", 3 * 8).unwrap();
        let expires = (reader.u32("").unwrap(), reader.u32("").unwrap());
        assert_eq!(expires, (0xFFFF_FFFF, 0x7FFF_FFFF));
        reader.bytes("", 2 * 8).unwrap();
        let headers: [(u16, bool); 13] = std::array::from_fn(|_| reader.unicode_string_header("").unwrap());
        assert_eq!((reader.u32("").unwrap(), reader.pointer("").unwrap()), (0, false));
        let numbers: Vec<u32> = (0..4).map(|_| reader.u32("").unwrap()).collect();
        assert_eq!(numbers, [1001, 513, 0x10, 0x00FF_FFFF]);
        assert_eq!((reader.u32("").unwrap(), reader.pointer("").unwrap()), (168, true));
        reader.bytes("", 4 * 2 + 4).unwrap();
        let texts = strings(&mut reader, headers);
        assert_eq!((texts[0].as_str(), texts.concat().as_str()), ("bob", "bob"));
        let hours: Vec<u32> = (0..3).map(|_| reader.u32("").unwrap()).collect();
        assert_eq!(hours, [1_260, 0, 21]);
        assert_eq!(reader.bytes("", 21).unwrap(), [0xFF; 21]);
        assert!(reader.remaining() < 4);
    }

    #[test]
    fn a_handle_shows_what_it_was_opened_for() {
        let fixture = Fixture::new();
        let mut client = Client::samr(&fixture);
        let domain = client.open_domain("S-1-5-21-1-2-3");
        let user = client.open_in(domain, 34, 1000, USER_READ_GENERAL);
        for class in [PREFERENCES, LOGON, LOGON_HOURS, ACCOUNT, HOME, CONTROL, EXPIRES] {
            let refused = (vec![0; 4], NtStatus::ACCESS_DENIED.0);
            assert_eq!(query(&mut client, user, class), refused, "class {class}");
        }
        let (results, status) = query(&mut client, user, ALL);
        let mut reader = NdrReader::new(&results);
        reader.bytes("", 8 + 6 * 8 + 13 * 8 + 8).unwrap();
        let numbers: Vec<u32> = (0..4).map(|_| reader.u32("").unwrap()).collect();
        assert_eq!((numbers, status), (vec![1000, 513, 0, 0x3F], 0));
        let user = client.open_in(domain, 34, 1000, 0x0002_0000);
        assert_eq!(query(&mut client, user, ALL), (vec![0; 4], NtStatus::ACCESS_DENIED.0));
    }

    #[test]
    fn who_is_not_there_is_no_user() {
        let fixture = Fixture::new();
        let mut client = Client::samr(&fixture);
        let domain = client.open_domain("S-1-5-21-1-2-3");
        let request = [domain.as_slice(), &MAXIMUM.to_le_bytes(), &77_u32.to_le_bytes()].concat();
        assert_eq!(client.outcome(34, &request), (vec![0; 20], NtStatus::NO_SUCH_USER.0));
        assert_eq!(client.outcome(19, &request), (vec![0; 20], NtStatus::NO_SUCH_GROUP.0));
        assert_eq!(client.outcome(27, &request), (vec![0; 20], NtStatus::NO_SUCH_ALIAS.0));
        assert_eq!(query(&mut client, domain, ALL), (vec![0; 4], NtStatus::INVALID_HANDLE.0));
    }
}
