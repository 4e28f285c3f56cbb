//! Requests and answers about the domain and this server's further names. Names of fields are for scripts: they never change.

use serde::{Deserialize, Serialize};

use super::protocol::Password;

/// Who acts in the directory: an account with the rights that it takes there.
#[derive(Clone, Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct DomainLogon {
    /// `name`, `name@domain` or `DOMAIN\name`.
    pub user: String,
    /// The account's password.
    pub password: Password,
}

/// What can be asked about the domain. Answered in parts: [`DomainReply::Progress`] any number of times, then one other.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "Verb", rename_all_fields = "PascalCase", deny_unknown_fields)]
pub enum DomainRequest {
    /// Makes this server a member.
    Join {
        /// DNS name of the domain.
        domain: String,
        /// Who joins.
        logon: DomainLogon,
        /// Distinguished name of the container for a new computer account, with or without the domain's part.
        organizational_unit: Option<String>,
        /// Name of the computer account, in place of the configured NetBIOS name.
        computer_name: Option<String>,
        /// The domain controller to use.
        server: Option<String>,
        /// Looks at everything and changes nothing.
        what_if: bool,
    },
    /// Ends the membership.
    Leave {
        /// Who disables or removes the computer account; the account itself tries when nobody is named.
        logon: Option<DomainLogon>,
        /// The account stays as it is.
        keep_account: bool,
        /// The account is removed, not disabled.
        delete_account: bool,
        /// Leaves also when the directory cannot be reached or refuses.
        force: bool,
    },
    /// How the membership is going.
    Status,
    /// Checks everything that the membership takes.
    Test,
    /// Changes the machine account's password now.
    Rotate,
    /// The keys as an MIT keytab.
    Keytab,
    /// Adds a further name of this server.
    AliasAdd {
        /// The name, short or fully qualified.
        name: String,
        /// Who registers it where the computer account may not.
        logon: Option<DomainLogon>,
    },
    /// Removes a further name.
    AliasRemove {
        /// The name.
        name: String,
        /// As with `AliasAdd`.
        logon: Option<DomainLogon>,
        /// Removes it also when the directory cannot be reached or refuses.
        force: bool,
    },
    /// Lists the further names.
    AliasList,
}

/// A part of an answer.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum DomainReply {
    /// A step was done, or something must be known: a line for people.
    Progress {
        /// The line.
        text: String,
    },
    /// This server is a member now, or would be.
    Joined(Box<JoinedRow>),
    /// This server is no member any more.
    Left {
        /// The domain.
        domain: String,
    },
    /// How the membership is going.
    Status(Box<DomainStatusRow>),
    /// What was checked.
    Checks(Vec<CheckRow>),
    /// The password was changed.
    Rotated {
        /// Key version number of the new keys.
        key_version: u32,
    },
    /// A keytab.
    Keytab(KeytabFile),
    /// The further names.
    Aliases(Vec<AliasRow>),
    /// A further name was added or removed.
    AliasChanged(AliasRow),
}

/// What a join has done or would do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "PascalCase")]
pub struct JoinedRow {
    /// DNS name of the domain.
    pub domain: String,
    /// NetBIOS name of the domain.
    pub netbios_domain: String,
    /// SID of the domain.
    pub domain_sid: String,
    /// sAMAccountName of the computer account.
    pub computer_account: String,
    /// Its distinguished name.
    pub computer_dn: String,
    /// It was there before.
    pub reused: bool,
    /// Fully qualified name of this server.
    pub dns_host_name: String,
    /// The domain controller that was used.
    pub domain_controller: String,
    /// The site that this server is in; empty when none is told.
    pub site: String,
    /// Service principal names of the account.
    pub service_principal_names: Vec<String>,
    /// Key version number.
    pub key_version: u32,
}

/// How the membership is going.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "PascalCase")]
pub struct DomainStatusRow {
    /// This server is a member; if not, the rest is empty.
    pub joined: bool,
    /// DNS name of the domain.
    pub domain: String,
    /// NetBIOS name of the domain.
    pub netbios_domain: String,
    /// DNS name of the forest's root domain.
    pub forest: String,
    /// SID of the domain.
    pub domain_sid: String,
    /// sAMAccountName of the computer account.
    pub computer_account: String,
    /// Its distinguished name.
    pub computer_dn: String,
    /// Fully qualified name of this server.
    pub dns_host_name: String,
    /// Further names.
    pub aliases: Vec<String>,
    /// The site that this server is in; empty when none is told.
    pub site: String,
    /// When this server joined (ISO 8601, UTC).
    pub joined_at: String,
    /// Key version number of the keys in use.
    pub key_version: u32,
    /// Key version numbers of all keys that are kept.
    pub kept_key_versions: Vec<u32>,
    /// When the password was changed last (ISO 8601, UTC).
    pub password_changed: String,
    /// When it is changed next by itself (ISO 8601, UTC); empty for never.
    pub next_password_change: String,
    /// A change of the password is under way: a domain controller may know the new one already.
    pub password_change_pending: bool,
    /// The domain controller in use; empty when none answers, or the server does not run.
    pub domain_controller: String,
    /// Its address.
    pub domain_controller_address: String,
    /// The site it is in.
    pub domain_controller_site: String,
    /// How far this server's clock is ahead of the domain controller's, in seconds.
    pub clock_offset_seconds: Option<i64>,
    /// The directory as the machine account reaches it: `ok`, or why not.
    pub directory: String,
    /// The secure channel for NTLM logons: `ok`, or why not.
    pub secure_channel: String,
}

/// Something that was checked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "PascalCase")]
pub struct CheckRow {
    /// What was checked.
    pub check: String,
    /// `ok`, `failed`, or `skipped` when it depends on one that failed.
    pub result: String,
    /// What was found.
    pub detail: String,
    /// What to do next; empty when it is ok.
    pub advice: String,
}

/// A further name of this server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "PascalCase")]
pub struct AliasRow {
    /// The name.
    pub name: String,
    /// The service principal names that it takes; none when this server is no member.
    pub service_principal_names: Vec<String>,
}

/// The bytes of a keytab as hexadecimal digits: printed by nobody, wiped when dropped.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct KeytabFile(Password);

impl KeytabFile {
    /// Wraps the bytes.
    #[must_use]
    pub fn new(bytes: &[u8]) -> Self {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut text = String::with_capacity(bytes.len() * 2);
        for byte in bytes {
            text.push(char::from(DIGITS[usize::from(byte >> 4)]));
            text.push(char::from(DIGITS[usize::from(byte & 15)]));
        }
        KeytabFile(Password::new(text))
    }

    /// The bytes; `None` when they are not hexadecimal digits.
    #[must_use]
    pub fn bytes(&self) -> Option<zeroize::Zeroizing<Vec<u8>>> {
        let digits = self.0.expose().as_bytes().chunks_exact(2);
        if !digits.remainder().is_empty() {
            return None;
        }
        digits
            .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
            .collect::<Option<Vec<u8>>>()
            .map(zeroize::Zeroizing::new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keytabs_come_through_and_are_not_printed() {
        let bytes: Vec<u8> = (0..=255).collect();
        let file = KeytabFile::new(&bytes);
        assert_eq!(*file.bytes().unwrap(), bytes);
        assert!(!format!("{file:?}").contains("0a0b"));
        for wrong in ["\"0\"", "\"zz\"", "\"\u{e9}0\""] {
            assert!(serde_json::from_str::<KeytabFile>(wrong).unwrap().bytes().is_none(), "{wrong}");
        }
    }

    #[test]
    fn passwords_of_joiners_are_not_printed() {
        let line = "{\"Verb\":\"Join\",\"Domain\":\"corp.example\",\"Logon\":{\"User\":\"anna\",\"Password\":\"secret-word\"},\
                    \"OrganizationalUnit\":null,\"ComputerName\":null,\"Server\":null,\"WhatIf\":false}";
        let request: DomainRequest = serde_json::from_str(line).unwrap();
        assert!(!format!("{request:?}").contains("secret-word"));
    }
}
