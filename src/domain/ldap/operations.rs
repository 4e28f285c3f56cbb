//! What is asked of a connection: searches with paging (RFC 2696) and ranges, and changes.

use std::collections::HashSet;

use ldap3::controls::{PagedResults, RawControl};
use ldap3::{LdapResult, Mod, Scope};

use super::error::{ResultCode, shown, win32_of};
use super::{Connection, Entry, LdapError};
use crate::domain::ber::{INTEGER, OCTET_STRING, Reader, SEQUENCE};

/// Entries of one page: what a domain controller sends at most (MaxPageSize, [MS-ADTS] 3.1.1.3.4.6).
const PAGE_ENTRIES: i32 = 1000;
/// Entries of one search, unless the caller says otherwise.
const ENTRIES_LIMIT: usize = 100_000;
/// Values of one entry: members of a group.
const VALUES_LIMIT: usize = 1_000_000;
/// RFC 2696 pagedResultsControl.
const PAGED_RESULTS: &str = "1.2.840.113556.1.4.319";

/// A search.
#[derive(Clone, Debug)]
pub struct Search<'a> {
    /// Where it starts: a distinguished name, or `<SID=S-1-...>`, `<GUID=...>` ([MS-ADTS] 3.1.1.3.1.2.4).
    pub base: &'a str,
    /// How deep it goes.
    pub scope: Scope,
    /// RFC 4515 filter; values escaped by [`super::ldap_escape`] or [`super::escape_bytes`].
    pub filter: &'a str,
    /// Attributes that are wanted.
    pub attributes: &'a [&'a str],
    /// More entries than these are an error.
    pub limit: usize,
    /// Further controls.
    pub controls: Vec<RawControl>,
}

impl<'a> Search<'a> {
    /// A search of a whole tree.
    #[must_use]
    pub fn new(base: &'a str, filter: &'a str, attributes: &'a [&'a str]) -> Self {
        Self { base, scope: Scope::Subtree, filter, attributes, limit: ENTRIES_LIMIT, controls: Vec::new() }
    }

    /// A search of one entry.
    #[must_use]
    pub fn base(base: &'a str, attributes: &'a [&'a str]) -> Self {
        Self { scope: Scope::Base, ..Self::new(base, "(objectClass=*)", attributes) }
    }
}

/// A change of one attribute.
#[derive(Clone, PartialEq, Eq)]
pub enum Change {
    /// Adds values.
    Add(String, Vec<Vec<u8>>),
    /// Takes values away; all of them when none are given.
    Delete(String, Vec<Vec<u8>>),
    /// Puts these values in place of what is there.
    Replace(String, Vec<Vec<u8>>),
}

impl std::fmt::Debug for Change {
    /// Without the values: they may be passwords.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Change::Add(name, values) => write!(f, "Add({name}, {} values)", values.len()),
            Change::Delete(name, values) => write!(f, "Delete({name}, {} values)", values.len()),
            Change::Replace(name, values) => write!(f, "Replace({name}, {} values)", values.len()),
        }
    }
}

impl Change {
    /// [`Change::Replace`] with one text.
    #[must_use]
    pub fn replace_text(name: &str, value: &str) -> Self {
        Change::Replace(name.to_owned(), vec![value.as_bytes().to_vec()])
    }

    fn into_mod(self) -> Mod<Vec<u8>> {
        let set = |values: Vec<Vec<u8>>| values.into_iter().collect::<HashSet<_>>();
        match self {
            Change::Add(name, values) => Mod::Add(name.into_bytes(), set(values)),
            Change::Delete(name, values) => Mod::Delete(name.into_bytes(), set(values)),
            Change::Replace(name, values) => Mod::Replace(name.into_bytes(), set(values)),
        }
    }
}

impl Connection {
    /// The entries that match, page by page; attributes of many values whole. References to other domains are left out: nobody
    /// is asked but this domain controller.
    ///
    /// # Errors
    /// [`LdapError`]; [`LdapError::TooMany`] beyond the search's limit.
    pub async fn search(&self, search: &Search<'_>) -> Result<Vec<Entry>, LdapError> {
        let mut entries = Vec::new();
        let mut cookie = Vec::new();
        loop {
            cookie = self.page(search, cookie, &mut entries).await?;
            if entries.len() > search.limit {
                return Err(LdapError::TooMany { host: self.dc.host.clone(), limit: search.limit });
            }
            if cookie.is_empty() {
                break;
            }
        }
        for entry in &mut entries {
            self.complete(entry).await?;
        }
        Ok(entries)
    }

    /// The entry that matches, `None` when there is none: neither the base nor an entry below it.
    ///
    /// # Errors
    /// [`LdapError`]; [`LdapError::TooMany`] when more than one matches.
    pub async fn search_one(&self, search: &Search<'_>) -> Result<Option<Entry>, LdapError> {
        match self.search(&Search { limit: 1, ..search.clone() }).await {
            Ok(entries) => Ok(entries.into_iter().next()),
            Err(error) if error.is_no_such_object() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Adds an entry.
    ///
    /// # Errors
    /// [`LdapError`].
    pub async fn add(&self, dn: &str, attributes: Vec<(String, Vec<Vec<u8>>)>) -> Result<(), LdapError> {
        let attributes = attributes
            .into_iter()
            .map(|(name, values)| (name.into_bytes(), values.into_iter().collect::<HashSet<_>>()))
            .collect();
        let mut ldap = self.ldap.clone();
        let result = self.call(async { ldap.add(dn, attributes).await }).await?;
        self.check(&result, || format!("add {dn}"))
    }

    /// Changes attributes of an entry, all or none.
    ///
    /// # Errors
    /// [`LdapError`].
    pub async fn modify(&self, dn: &str, changes: Vec<Change>) -> Result<(), LdapError> {
        let what = |changes: &[Change]| {
            let names: Vec<&str> = changes
                .iter()
                .map(|change| match change {
                    Change::Add(name, _) | Change::Delete(name, _) | Change::Replace(name, _) => {
                        name.as_str()
                    }
                })
                .collect();
            names.join(", ")
        };
        let names = what(&changes);
        let changes = changes.into_iter().map(Change::into_mod).collect();
        let mut ldap = self.ldap.clone();
        let result = self.call(async { ldap.modify(dn, changes).await }).await?;
        self.check(&result, || format!("change {names} of {dn}"))
    }

    /// Renames or moves an entry: a new relative name, and a new parent when one is given.
    ///
    /// # Errors
    /// [`LdapError`].
    pub async fn modify_dn(&self, dn: &str, relative: &str, parent: Option<&str>) -> Result<(), LdapError> {
        let mut ldap = self.ldap.clone();
        let result = self.call(async { ldap.modifydn(dn, relative, true, parent).await }).await?;
        self.check(&result, || format!("rename {dn}"))
    }

    /// Deletes an entry without children.
    ///
    /// # Errors
    /// [`LdapError`].
    pub async fn delete(&self, dn: &str) -> Result<(), LdapError> {
        let mut ldap = self.ldap.clone();
        let result = self.call(async { ldap.delete(dn).await }).await?;
        self.check(&result, || format!("delete {dn}"))
    }

    /// One page; answers the cookie of the next, empty when it was the last.
    async fn page(
        &self,
        search: &Search<'_>,
        cookie: Vec<u8>,
        entries: &mut Vec<Entry>,
    ) -> Result<Vec<u8>, LdapError> {
        let mut controls = search.controls.clone();
        let paged = search.scope != Scope::Base;
        if paged {
            // One more than the limit shows that there are more.
            let size = i32::try_from(search.limit.saturating_add(1)).unwrap_or(i32::MAX).min(PAGE_ENTRIES);
            controls.push(PagedResults { size, cookie }.into());
        }
        let mut ldap = self.ldap.clone();
        if !controls.is_empty() {
            ldap.with_controls(controls);
        }
        // Owned: borrowed names would bind the lifetimes of futures that callers spawn.
        let attributes: Vec<String> = search.attributes.iter().map(|name| (*name).to_owned()).collect();
        let mut stream =
            self.call(ldap.streaming_search(search.base, search.scope, search.filter, attributes)).await?;
        while let Some(found) = self.call(stream.next()).await? {
            if found.is_ref() || found.is_intermediate() {
                continue;
            }
            let entry = Entry::of(found).ok_or_else(|| self.malformed("an entry"))?;
            entries.push(entry);
            if entries.len() > search.limit.saturating_add(usize::try_from(PAGE_ENTRIES).unwrap_or(0)) {
                return Err(LdapError::TooMany { host: self.dc.host.clone(), limit: search.limit });
            }
        }
        let result = stream.finish().await;
        self.check(&result, || match search.scope {
            Scope::Base => {
                format!("read {}", if search.base.is_empty() { "its root DSE" } else { search.base })
            }
            _ => format!("search {}", search.base),
        })?;
        if !paged {
            return Ok(Vec::new());
        }
        let control = result.ctrls.iter().find(|control| control.1.ctype == PAGED_RESULTS);
        match control {
            None => Ok(Vec::new()),
            Some(control) => {
                let value = control.1.val.as_deref().unwrap_or_default();
                cookie_of(value).ok_or_else(|| self.malformed("a page"))
            }
        }
    }

    /// Fetches the rest of attributes of which the domain controller sent a range only.
    async fn complete(&self, entry: &mut Entry) -> Result<(), LdapError> {
        while let Some((name, mut next, values)) = entry.take_range() {
            entry.extend(&name, values);
            while let Some(start) = next {
                if entry.count() > VALUES_LIMIT {
                    return Err(LdapError::TooMany { host: self.dc.host.clone(), limit: VALUES_LIMIT });
                }
                let option = format!("{name};range={start}-*");
                let mut found = Vec::new();
                let dn = entry.dn.clone();
                self.page(&Search::base(&dn, &[&option]), Vec::new(), &mut found).await?;
                let range = found.into_iter().next().and_then(|mut found| found.take_range());
                next = match range {
                    // A range that does not go on would be asked for forever.
                    Some((_, next, values)) if next.is_none_or(|next| next > start) => {
                        entry.extend(&name, values);
                        next
                    }
                    _ => None,
                };
            }
        }
        Ok(())
    }

    fn check(&self, result: &LdapResult, operation: impl FnOnce() -> String) -> Result<(), LdapError> {
        let code = ResultCode(result.rc);
        if code == ResultCode::SUCCESS {
            return Ok(());
        }
        Err(LdapError::Refused {
            host: self.dc.host.clone(),
            operation: operation(),
            code,
            message: shown(&result.text),
            win32: win32_of(&result.text),
        })
    }

    fn malformed(&self, what: &str) -> LdapError {
        LdapError::Protocol { host: self.dc.host.clone(), reason: format!("{what} is malformed") }
    }
}

/// RFC 2696 2 realSearchControlValue.
fn cookie_of(value: &[u8]) -> Option<Vec<u8>> {
    let mut fields = Reader(Reader(value).expect(SEQUENCE).ok()?);
    fields.expect(INTEGER).ok()?;
    Some(fields.expect(OCTET_STRING).ok()?.to_vec())
}

#[cfg(test)]
mod tests {
    use super::{Change, cookie_of};

    #[test]
    fn a_cookie_is_read() {
        assert_eq!(cookie_of(b"\x30\x07\x02\x01\x00\x04\x02ab"), Some(b"ab".to_vec()));
        assert_eq!(cookie_of(b"\x30\x03\x02\x01\x00"), None);
    }

    #[test]
    fn values_of_changes_are_not_printed() {
        let change = Change::Replace("unicodePwd".to_owned(), vec![b"secret".to_vec()]);
        assert_eq!(format!("{change:?}"), "Replace(unicodePwd, 1 values)");
    }
}
