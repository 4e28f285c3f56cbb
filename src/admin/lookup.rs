//! Who has a name or a SID, and in which groups somebody is.

use freehold_dtyp::Sid;

use super::lookup_protocol::{AccountRow, MembershipRow};
use super::names::Names;
use super::service::AdminService;
use crate::domain::directory::DirectoryAccount;
use crate::names::{Principal, SidUse};

impl AdminService {
    /// Who is called `account` or has it as SID.
    ///
    /// # Errors
    /// When nobody is, or nobody could be asked.
    pub(super) fn look_up(&self, account: &str) -> anyhow::Result<AccountRow> {
        let names = self.names();
        let found = names.principal(account)?;
        let mut row = AccountRow {
            name: found.full_name(),
            sid: found.sid.to_string(),
            r#type: found.sid_use.word().to_owned(),
            source: source(&names, &found).to_owned(),
            ..AccountRow::default()
        };
        if let Some(local) = names.accounts().account_by_sid(&found.sid) {
            row.full_name.clone_from(&local.full_name);
            row.enabled = Some(!local.disabled);
        } else if row.source == "directory" && found.sid_use != SidUse::Domain {
            match names.details(&found.sid) {
                Ok(details) => fill(&mut row, &found, details),
                // What is kept is told all the same.
                Err(error) => row.remark = format!("{error:#}"),
            }
        }
        Ok(row)
    }

    /// The groups of an account as a logon finds them: those of the domain, then those of this server.
    ///
    /// # Errors
    /// When there is no such account, or the directory cannot be asked.
    pub(super) fn groups_of(&self, account: &str) -> anyhow::Result<Vec<MembershipRow>> {
        let names = self.names();
        let found = names.principal(account)?;
        let mut groups: Vec<Sid> =
            if source(&names, &found) == "directory" { names.token_groups(&found.sid)? } else { Vec::new() };
        names.prepare(groups.iter().copied());
        let mut local: Vec<Sid> = std::iter::once(&found.sid)
            .chain(&groups)
            .flat_map(|sid| names.accounts().groups_of(sid))
            .collect();
        local.sort_unstable();
        local.dedup();
        groups.extend(local);
        let mut rows: Vec<MembershipRow> = groups.iter().map(|sid| row(&names, sid)).collect();
        rows.sort_by(|one, other| (&one.source, &one.name).cmp(&(&other.source, &other.name)));
        Ok(rows)
    }
}

fn row(names: &Names, sid: &Sid) -> MembershipRow {
    let known = names.known(sid);
    MembershipRow {
        name: known.as_ref().map_or_else(|| sid.to_string(), Principal::full_name),
        sid: sid.to_string(),
        r#type: known.as_ref().map_or("group", |found| found.sid_use.word()).to_owned(),
        source: known.as_ref().map_or("directory", |found| source(names, found)).to_owned(),
    }
}

/// Who says so.
fn source(names: &Names, found: &Principal) -> &'static str {
    if names.is_of_directory(found) {
        "directory"
    } else if matches!(found.sid_use, SidUse::WellKnownGroup | SidUse::Label) {
        "well-known"
    } else {
        "server"
    }
}

fn fill(row: &mut AccountRow, found: &Principal, details: DirectoryAccount) {
    row.full_name = details.display_name;
    row.user_principal_name = details.user_principal_name;
    row.distinguished_name = details.distinguished_name;
    row.enabled = (found.sid_use == SidUse::User).then_some(details.enabled);
    row.sid_history = details.sid_history.iter().map(Sid::to_string).collect();
    if details.distribution {
        row.remark = "a distribution group: it gives no access".to_owned();
    }
}
