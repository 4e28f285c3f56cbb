//! Accounts' quotas and the rules of groups.

use freehold_dtyp::Sid;
use freehold_quotas::{Limits, OwnerRow, Policy, Source, Usage};

use super::names::Names;
use super::protocol::Reply;
use super::quota::{Planned, Sink, merged};
use super::quota_protocol::{GroupQuotaRow, LimitSource, QuotaReply, UserQuotaChange, UserQuotaRow};
use super::quota_size::QuotaSize;
use super::service::{AdminService, iso_8601};
use crate::names::SidUse;
use crate::state::quotas::{GroupMembers, QuotaEdit};
use crate::vfs::quotas::Counting;

/// Rows in one part of an answer.
const ROWS_AT_ONCE: usize = 20_000;
/// Most accounts in one request.
const MAX_ACCOUNTS: usize = 100_000;

impl AdminService {
    /// Lists accounts in parts.
    pub(super) fn quota_users(
        &self,
        volumes: &[String],
        account: Option<&str>,
        after: Option<&str>,
        most: Option<u64>,
        sink: &mut Sink<'_>,
    ) -> anyhow::Result<()> {
        let names = self.names();
        let mut send = |rows, more| sink(Reply::Quota(QuotaReply::Users { rows, more }));
        if let Some(account) = account {
            let sid = names.find(account)?;
            let mut rows = Vec::new();
            for volume in volumes {
                rows.extend(self.rows_of(volume, &[sid], &Planned::new(), &names));
            }
            send(rows, false);
            return Ok(());
        }
        let mut after: Option<Sid> = match after {
            Some(text) => {
                Some(text.parse().map_err(|_| anyhow::anyhow!("After is {text:?}: expected a SID"))?)
            }
            None => None,
        };
        let mut left = usize::try_from(most.unwrap_or(u64::MAX)).unwrap_or(usize::MAX);
        for volume in volumes {
            loop {
                let page = self.page(volume, after.as_ref(), left.min(ROWS_AT_ONCE));
                let Some(last) = page.last() else { break };
                after = Some(last.owner);
                left = left.saturating_sub(page.len());
                names.prepare(
                    page.iter().flat_map(|row| [Some(row.owner), group_of(row)].into_iter().flatten()),
                );
                let known = Known::of(self.counted(volume).map(|counted| counted.counting()));
                if !send(page.iter().map(|row| user_row(volume, row, known, &names)).collect(), true) {
                    return Ok(());
                }
            }
            after = None;
        }
        send(Vec::new(), false);
        Ok(())
    }

    /// Accounts of a volume after a SID, in the order of their SIDs.
    fn page(&self, volume: &str, after: Option<&Sid>, most: usize) -> Vec<OwnerRow> {
        if most == 0 {
            return Vec::new();
        }
        if let Some(counted) = self.counted(volume) {
            return counted.owners(after, most);
        }
        let quotas = self.state().quotas().volume(volume);
        let mut own: Vec<(&Sid, &Limits)> =
            quotas.own.iter().filter(|(sid, _)| after.is_none_or(|after| *sid > after)).collect();
        own.sort_unstable_by_key(|(sid, _)| **sid);
        own.truncate(most);
        let row = |(owner, limits): (&Sid, &Limits)| OwnerRow {
            owner: *owner,
            usage: Usage::default(),
            limits: *limits,
            source: Source::Own,
        };
        own.into_iter().map(row).collect()
    }

    /// The rows of some accounts, with own limits as they are planned.
    fn rows_of(&self, volume: &str, sids: &[Sid], planned: &Planned, names: &Names) -> Vec<UserQuotaRow> {
        let counted = self.counted(volume);
        let quotas = self.state().quotas().volume(volume);
        // Of a server that does not run, groups are not known.
        let policy = counted.as_ref().map(|counted| counted.policy());
        let limits_of = |sid: &Sid| -> (Limits, Source) {
            let own = planned.get(sid).copied().unwrap_or_else(|| quotas.own.get(sid).copied());
            let by_policy = policy.as_deref().map(|policy| without_own(policy, sid));
            match (own, by_policy) {
                (_, Some((limits, Source::Exempt))) => (limits, Source::Exempt),
                (Some(limits), _) => (limits, Source::Own),
                (None, Some(found)) => found,
                (None, None) => (quotas.settings.default, Source::Default),
            }
        };
        let row = |sid: &Sid| {
            let usage = counted.as_ref().map_or_else(Usage::default, |counted| counted.usage(sid));
            let (limits, source) = limits_of(sid);
            OwnerRow { owner: *sid, usage, limits, source }
        };
        let rows: Vec<OwnerRow> = sids.iter().map(row).collect();
        names.prepare(rows.iter().flat_map(|row| [Some(row.owner), group_of(row)].into_iter().flatten()));
        let known = Known::of(counted.as_ref().map(|counted| counted.counting()));
        rows.iter().map(|row| user_row(volume, row, known, names)).collect()
    }

    /// Gives accounts limits of their own.
    pub(super) fn set_quota_users(
        &self,
        volume: &str,
        users: &[UserQuotaChange],
        what_if: bool,
    ) -> anyhow::Result<Vec<UserQuotaRow>> {
        self.quota_volumes(Some(volume))?;
        check_count(users.len())?;
        let (names, quotas) = (self.names(), self.state().quotas().volume(volume));
        let (mut planned, mut sids) = (Planned::new(), Vec::new());
        for user in users {
            if user.limit.is_none() && user.warning_limit.is_none() {
                anyhow::bail!("{:?} is given neither a limit nor a warning limit", user.account);
            }
            let sid = names.find(&user.account)?;
            let before = planned.get(&sid).copied().flatten().or_else(|| quotas.own.get(&sid).copied());
            let limits = merged(before, user.limit, user.warning_limit)
                .map_err(|error| error.context(user.account.clone()))?;
            if planned.insert(sid, Some(limits)).is_none() {
                sids.push(sid);
            }
        }
        self.make_planned(volume, &sids, &planned, what_if)?;
        Ok(self.rows_of(volume, &sids, &planned, &names))
    }

    /// Takes accounts' own limits away.
    pub(super) fn remove_quota_users(
        &self,
        volume: &str,
        accounts: &[String],
        what_if: bool,
    ) -> anyhow::Result<Vec<UserQuotaRow>> {
        self.quota_volumes(Some(volume))?;
        check_count(accounts.len())?;
        let (names, quotas) = (self.names(), self.state().quotas().volume(volume));
        let (mut planned, mut sids) = (Planned::new(), Vec::new());
        for account in accounts {
            let sid = names.find(account)?;
            if !quotas.own.contains_key(&sid) {
                anyhow::bail!("{account:?} has no limits of its own on the volume {volume:?}");
            }
            if planned.insert(sid, None).is_none() {
                sids.push(sid);
            }
        }
        self.make_planned(volume, &sids, &planned, what_if)?;
        Ok(self.rows_of(volume, &sids, &planned, &names))
    }

    fn make_planned(
        &self,
        volume: &str,
        sids: &[Sid],
        planned: &Planned,
        what_if: bool,
    ) -> anyhow::Result<()> {
        if what_if {
            return Ok(());
        }
        let edit = |sid: &Sid| QuotaEdit::Entry {
            volume: volume.to_owned(),
            owner: *sid,
            limits: planned.get(sid).copied().flatten(),
        };
        self.edit_quotas(volume, &sids.iter().map(edit).collect::<Vec<_>>())
    }

    /// Lists rules of groups.
    pub(super) fn quota_groups(&self, volumes: &[String]) -> Vec<GroupQuotaRow> {
        let (names, snapshot) = (self.names(), self.state().quotas());
        let rules: Vec<(&String, Sid, Limits)> = volumes
            .iter()
            .flat_map(|name| {
                let groups = snapshot.volume(name).groups.clone();
                groups.into_iter().map(move |(group, limits)| (name, group, limits))
            })
            .collect();
        names.prepare(rules.iter().map(|(_, group, _)| *group));
        rules.iter().map(|(volume, group, limits)| self.group_row(volume, group, limits, &names)).collect()
    }

    fn group_row(&self, volume: &str, group: &Sid, limits: &Limits, names: &Names) -> GroupQuotaRow {
        let snapshot = self.state().quotas();
        let known = snapshot.members(group);
        let failure = self.running("groups").ok().and_then(|server| server.quotas().failure(group));
        GroupQuotaRow {
            quota_volume: volume.to_owned(),
            group: names.name_of(group),
            sid: group.to_string(),
            limit: limits.limit_bytes,
            warning_limit: limits.warning_bytes,
            members: known.map_or(0, |known| u64::try_from(known.members.len()).unwrap_or(u64::MAX)),
            members_as_of: known.map_or_else(String::new, |known| iso_8601(known.as_of)),
            error: failure.unwrap_or_default(),
        }
    }

    /// Gives a group a rule.
    pub(super) fn set_quota_group(
        &self,
        volume: &str,
        group: &str,
        limit: Option<QuotaSize>,
        warning: Option<QuotaSize>,
        what_if: bool,
    ) -> anyhow::Result<GroupQuotaRow> {
        self.quota_volumes(Some(volume))?;
        if limit.is_none() && warning.is_none() {
            anyhow::bail!("{group:?} is given neither a limit nor a warning limit");
        }
        let names = self.names();
        let sid = self.group_called(group, &names)?;
        let limits = merged(self.state().quotas().volume(volume).groups.get(&sid).copied(), limit, warning)?;
        if !what_if {
            let volume = volume.to_owned();
            let mut edits =
                vec![QuotaEdit::Group { volume: volume.clone(), group: sid, limits: Some(limits) }];
            // The rule is in force for its members when this returns; where they cannot be looked up, as soon as they can.
            if let Ok(server) = self.running("groups")
                && let Some(members) = server.quotas().look_up(&sid)
            {
                let as_of = super::service::now();
                edits.push(QuotaEdit::Members { group: sid, members: Some(GroupMembers { members, as_of }) });
            }
            self.edit_quotas(&volume, &edits)?;
        }
        Ok(self.group_row(volume, &sid, &limits, &names))
    }

    /// A group of the domain or of this server: others have no list of members.
    fn group_called(&self, group: &str, names: &Names) -> anyhow::Result<Sid> {
        if self.running("groups").is_err() {
            return names.find(group);
        }
        let found = names.principal(group)?;
        match found.sid_use {
            SidUse::Group | SidUse::Alias => Ok(found.sid),
            SidUse::WellKnownGroup => anyhow::bail!(
                "{} has no list of members: for everybody set the volume's default with `freehold quota default`",
                found.full_name()
            ),
            _ => anyhow::bail!(
                "{} is no group: give an account limits of its own with `freehold quota set`",
                found.full_name()
            ),
        }
    }

    /// Takes a group's rule away.
    pub(super) fn remove_quota_group(&self, volume: &str, group: &str) -> anyhow::Result<()> {
        self.quota_volumes(Some(volume))?;
        let sid = self.names().find(group)?;
        let snapshot = self.state().quotas();
        if !snapshot.volume(volume).groups.contains_key(&sid) {
            anyhow::bail!("{group:?} has no rule on the volume {volume:?}");
        }
        let mut edits = vec![QuotaEdit::Group { volume: volume.to_owned(), group: sid, limits: None }];
        if snapshot.ruled_groups().filter(|ruled| **ruled == sid).count() == 1 {
            edits.push(QuotaEdit::Members { group: sid, members: None });
        }
        self.edit_quotas(volume, &edits)
    }
}

fn check_count(accounts: usize) -> anyhow::Result<()> {
    if accounts > MAX_ACCOUNTS {
        anyhow::bail!("{accounts} accounts are more than the {MAX_ACCOUNTS} of one request");
    }
    Ok(())
}

/// What holds for an owner without own limits.
fn without_own(policy: &Policy, owner: &Sid) -> (Limits, Source) {
    if policy.exempt.contains(owner) {
        (Limits::NONE, Source::Exempt)
    } else if let Some((limits, group)) = policy.by_group.get(owner) {
        (*limits, Source::Group(*group))
    } else {
        (policy.settings.default, Source::Default)
    }
}

fn group_of(row: &OwnerRow) -> Option<Sid> {
    match row.source {
        Source::Group(group) => Some(group),
        Source::Own | Source::Default | Source::Exempt => None,
    }
}

/// How much is known of what accounts use on a volume.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Known {
    /// Nothing: the server does not run.
    Nothing,
    /// What was counted so far.
    SoFar,
    /// All.
    All,
}

impl Known {
    /// `counted`: what is being counted of the volume, where the server runs.
    fn of(counted: Option<Option<Counting>>) -> Known {
        match counted {
            None => Known::Nothing,
            Some(Some(counting)) if counting.everything => Known::SoFar,
            Some(_) => Known::All,
        }
    }
}

fn user_row(volume: &str, row: &OwnerRow, known: Known, names: &Names) -> UserQuotaRow {
    let runs = known != Known::Nothing;
    UserQuotaRow {
        quota_volume: volume.to_owned(),
        user: names.name_of(&row.owner),
        sid: row.owner.to_string(),
        disk_space_used: runs.then_some(row.usage.logical_bytes),
        physical_space_used: runs.then_some(row.usage.physical_bytes),
        files: runs.then_some(row.usage.files),
        limit: row.limits.limit_bytes,
        warning_limit: row.limits.warning_bytes,
        status: row.limits.status(row.usage.logical_bytes).into(),
        source: match row.source {
            Source::Own => LimitSource::Own,
            Source::Group(_) => LimitSource::Group,
            Source::Default => LimitSource::Default,
            Source::Exempt => LimitSource::Exempt,
        },
        group: group_of(row).map_or_else(String::new, |group| names.name_of(&group)),
        counting: known == Known::SoFar,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usage_of_accounts_is_complete_once_the_volume_is_counted() {
        let everything = Counting { everything: true, ..Counting::default() };
        assert!(Known::of(None) == Known::Nothing);
        assert!(Known::of(Some(Some(everything))) == Known::SoFar);
        // What is counted below a folder was charged to its owners before.
        assert!(Known::of(Some(Some(Counting::default()))) == Known::All);
        assert!(Known::of(Some(None)) == Known::All);
    }
}
