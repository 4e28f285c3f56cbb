//! What requests about the audit log do: a page of what a running server has recorded.

use std::io;
use std::path::Path;

use anyhow::Context as _;

use super::AdminService;
use super::audit_protocol::{
    AuditOutcome, AuditPage, AuditReply, AuditRequest, AuditSearch, MAX_RECORDS, USUAL_RECORDS,
};
use crate::audit::filter::Filter;
use crate::audit::read::{Found, Reader};
use crate::audit::{line, moment};
use crate::state::StateError;

/// Bytes of the log that are looked through for one page: a search for what is rare goes on with the next page.
const MAX_LOOKED_AT_BYTES: usize = 64 * 1024 * 1024;
/// Bytes of records in one page, the last one apart.
const MAX_PAGE_BYTES: usize = 4 * 1024 * 1024;

/// Where a page ends at the latest.
struct Bounds {
    records: usize,
    page_bytes: usize,
    looked_at_bytes: usize,
}

impl AdminService {
    /// Executes a request about the audit log.
    ///
    /// # Errors
    /// When the server does not run, a value is not one, or the log cannot be read.
    pub(super) fn audit(&self, request: AuditRequest) -> anyhow::Result<AuditReply> {
        let AuditRequest::Search { search } = request;
        let folder = self.running("a search of the audit log")?.audit_folder();
        let limit = search.limit.unwrap_or(USUAL_RECORDS);
        if !(1..=MAX_RECORDS).contains(&limit) {
            return Err(invalid("limit", limit.to_string(), "expected 1 to 10000").into());
        }
        let after = search.after;
        let filter = self.filter(*search)?;
        let bounds = Bounds {
            records: usize::try_from(limit).unwrap_or(usize::MAX),
            page_bytes: MAX_PAGE_BYTES,
            looked_at_bytes: MAX_LOOKED_AT_BYTES,
        };
        let page = page(&folder, &filter, after, &bounds)
            .with_context(|| format!("the audit log in {} cannot be read", folder.display()))?;
        let Filter { since, until, .. } = filter;
        Ok(AuditReply::Page(AuditPage { since, until, ..page }))
    }

    fn filter(&self, search: AuditSearch) -> Result<Filter, StateError> {
        let time = |field, text: Option<String>| match text.as_deref().map(moment::parse).transpose() {
            Ok(time) => Ok(time),
            Err(moment::NoMoment) => Err(invalid(field, format!("{text:?}"), moment::EXPECTED)),
        };
        Ok(Filter {
            since: time("since", search.since)?,
            until: time("until", search.until)?,
            user: search.user.map(|user| self.recorded_user(user)),
            path: search.path,
            events: search.events,
            success: search.outcome.map(|outcome| outcome == AuditOutcome::Success),
            share: search.share,
            package: search.package.map(|package| package.name().to_owned()),
        })
    }

    /// How records name a user: NetBIOS domain and name, or a SID. Other spellings are looked up; whom nobody knows may still be called
    /// in the records what was given.
    fn recorded_user(&self, user: String) -> String {
        if has_dns_domain(&user) {
            return self.look_up(&user).map_or(user, |row| row.sid);
        }
        user.strip_prefix('*').map_or(user.clone(), str::to_owned)
    }
}

/// True for `name@domain` and `dns.domain\name`, which records do not have.
fn has_dns_domain(user: &str) -> bool {
    user.contains('@') || user.split_once('\\').is_some_and(|(domain, _)| domain.contains('.'))
}

fn invalid(field: &'static str, found: String, allowed: &'static str) -> StateError {
    StateError::Invalid { field, found, allowed }
}

/// The records behind the one with the number `after` that fit, until one of the bounds is reached.
fn page(folder: &Path, filter: &Filter, after: Option<u64>, bounds: &Bounds) -> io::Result<AuditPage> {
    let mut reader = Reader::new(folder, filter.since.as_deref())?;
    if let Some(after) = after {
        reader.go_to(after.saturating_add(1));
    }
    let mut found = AuditPage::default();
    let (mut page_bytes, mut looked_at_bytes) = (0_usize, 0_usize);
    let mut text = Vec::new();
    loop {
        match reader.next(&mut text)? {
            Found::File { .. } => continue,
            Found::End => return Ok(found),
            Found::Record => {}
        }
        // `freehold audit verify` tells of a line that is no record.
        let Some(parts) = line::parse(&text) else { continue };
        if after.is_some_and(|after| parts.seq <= after) {
            continue;
        }
        looked_at_bytes = looked_at_bytes.saturating_add(text.len());
        if filter.may_match(&text)
            && let Ok(record) = serde_json::from_slice(&text)
            && filter.matches(&record)
        {
            page_bytes = page_bytes.saturating_add(text.len());
            found.records.push(record);
        }
        if found.records.len() >= bounds.records
            || page_bytes >= bounds.page_bytes
            || looked_at_bytes >= bounds.looked_at_bytes
        {
            found.next = Some(parts.seq);
            return Ok(found);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;
    use crate::audit::files;
    use crate::audit::line::Chain;

    /// A log of twenty records in two files; every fifth is a refusal.
    fn log() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let mut chain = Chain::START;
        for first in [1, 11] {
            let started = format!("2026-11-27T10:00:{first:02}.0000000Z");
            let mut position = files::begin(folder.path(), first, chain, &started).unwrap();
            for number in first..first + 10 {
                let keywords = if number % 5 == 0 { "Audit Failure" } else { "Audit Success" };
                let time = format!("2026-11-27T10:00:{number:02}.0000000Z");
                let body = format!("\"Time\":\"{time}\",\"EventId\":4663,\"Keywords\":\"{keywords}\"");
                let mut text = Vec::new();
                chain = line::write(number, body.as_bytes(), chain, &mut text);
                position.file.write_all(&text).unwrap();
            }
        }
        folder
    }

    fn bounds(records: usize) -> Bounds {
        Bounds { records, page_bytes: usize::MAX, looked_at_bytes: usize::MAX }
    }

    /// The numbers of all pages, page by page.
    fn pages(filter: &Filter, bounds: &Bounds) -> Vec<Vec<u64>> {
        let folder = log();
        let (mut all, mut after) = (Vec::new(), None);
        loop {
            let found = page(folder.path(), filter, after, bounds).unwrap();
            all.push(found.records.iter().map(|record| record["Seq"].as_u64().unwrap()).collect());
            assert!(all.len() < 50, "no end");
            match found.next {
                Some(next) => after = Some(next),
                None => return all,
            }
        }
    }

    #[test]
    fn pages_have_every_record_once_across_files() {
        let found = pages(&Filter::default(), &bounds(7));
        assert_eq!(found, [(1..=7).collect::<Vec<_>>(), (8..=14).collect(), (15..=20).collect()]);
        // A page that ends with the log says that there may be more: it may be there by now.
        assert_eq!(pages(&Filter::default(), &bounds(20)), [(1..=20).collect::<Vec<_>>(), Vec::new()]);
        let refusals = Filter { success: Some(false), ..Filter::default() };
        assert_eq!(pages(&refusals, &bounds(3)), [vec![5, 10, 15], vec![20]]);
        let since = Filter { since: Some("2026-11-27T10:00:13".to_owned()), ..Filter::default() };
        assert_eq!(pages(&since, &bounds(100)), [(13..=20).collect::<Vec<_>>()]);
    }

    #[test]
    fn a_search_for_what_is_rare_ends_and_goes_on() {
        let filter = Filter { events: vec![4660], ..Filter::default() };
        let found = pages(&filter, &Bounds { looked_at_bytes: 1, ..bounds(100) });
        assert_eq!(found, vec![Vec::<u64>::new(); 21]);
        let found = pages(&Filter::default(), &Bounds { page_bytes: 1, ..bounds(100) });
        assert_eq!((found[0].as_slice(), found.len()), ([1].as_slice(), 21));
    }

    #[test]
    fn a_log_that_is_not_there_has_no_records() {
        let folder = tempfile::tempdir().unwrap();
        let found = page(&folder.path().join("none"), &Filter::default(), Some(7), &bounds(1)).unwrap();
        assert_eq!(found, AuditPage::default());
    }

    #[test]
    fn only_dns_names_are_looked_up() {
        for (user, looked_up) in [
            ("anna", false),
            ("CORP\\anna", false),
            ("anna@corp.example", true),
            ("corp.example\\anna", true),
        ] {
            assert_eq!(has_dns_domain(user), looked_up, "{user}");
        }
    }
}
