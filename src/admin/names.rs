//! Accounts as administrators write them, and SIDs as they are shown to them.
//!
//! A running server asks the directory; one that does not run knows its own accounts only. Requests are executed on threads that may
//! block.

use std::sync::Arc;

use anyhow::Context as _;
use freehold_acl::{Acl, SecurityDescriptor};
use freehold_dtyp::{FileTime, Sid};

use super::running::RunningServer;
use crate::domain::directory::{Directory, DirectoryAccount};
use crate::names::{Asked, DirectoryCache, Known, Machine, NameBook, Principal, Questions};
use crate::state::{AccountsSnapshot, State};

/// Names as of one moment.
pub(super) struct Names {
    netbios_name: String,
    dns_name: String,
    machine_sid: Sid,
    accounts: Arc<AccountsSnapshot>,
    cache: Arc<DirectoryCache>,
    directory: Option<Arc<Directory>>,
    runs: bool,
    is_member: bool,
    asked: Asked,
}

/// Everybody that a descriptor speaks of.
pub(super) fn sids_in(security: &SecurityDescriptor) -> impl Iterator<Item = Sid> {
    let aces = security.dacl.acl().map_or(&[][..], Acl::aces);
    security.owner.into_iter().chain(security.group).chain(aces.iter().map(|ace| *ace.sid()))
}

impl Names {
    /// Those of the server with `state`, which runs or does not.
    pub(super) fn new(state: &State, running: Option<&dyn RunningServer>) -> Names {
        let domain = running.map(RunningServer::domain);
        let core = running.map(|server| Arc::clone(server.acl_jobs().core()));
        let (netbios_name, dns_name) =
            core.map(|core| (core.rpc.netbios_name.clone(), core.rpc.dns_name.clone())).unwrap_or_default();
        let member = domain.as_ref().and_then(|domain| domain.member());
        Names {
            netbios_name,
            dns_name,
            machine_sid: state.identity().machine_sid,
            accounts: state.accounts(),
            cache: domain.map(|domain| Arc::clone(domain.names())).unwrap_or_default(),
            directory: member.map(|member| Arc::clone(&member.directory)),
            runs: running.is_some(),
            is_member: state.membership().is_some(),
            asked: Asked::default(),
        }
    }

    fn book(&self) -> NameBook<'_> {
        NameBook {
            machine: Machine {
                netbios_name: &self.netbios_name,
                dns_name: &self.dns_name,
                sid: self.machine_sid,
            },
            accounts: &self.accounts,
            directory: &self.cache,
            asked: &self.asked,
            now: FileTime::from_system_time(std::time::SystemTime::now()),
        }
    }

    /// The accounts and groups of this server.
    pub(super) fn accounts(&self) -> &Arc<AccountsSnapshot> {
        &self.accounts
    }

    /// Is it of the domain, or of one that the domain trusts?
    pub(super) fn is_of_directory(&self, found: &Principal) -> bool {
        self.cache.domain_of(&found.domain_sid).found().is_some()
    }

    /// Looks something up twice: what it has not found the first time is asked for in between.
    fn with_asking<T>(&self, look_up: impl Fn(&NameBook<'_>) -> T) -> T {
        self.asked.begin(false);
        let first = look_up(&self.book());
        let questions = self.asked.take();
        if questions.is_empty() {
            return first;
        }
        self.ask(&questions);
        self.asked.begin(true);
        look_up(&self.book())
    }

    fn ask(&self, questions: &Questions) {
        if let (Some(directory), Ok(runtime)) = (&self.directory, tokio::runtime::Handle::try_current()) {
            runtime.block_on(directory.look_up(questions));
        }
    }

    /// Whom an administrator means: `anna`, `CORP\alice`, `alice@corp.example`, `S-1-5-...` or `*S-1-5-...`. A SID need not be anybody's.
    ///
    /// # Errors
    /// When there is nobody like that, or nobody could be asked.
    pub(super) fn find(&self, text: &str) -> anyhow::Result<Sid> {
        let text = text.trim();
        match self.with_asking(|book| book.account(text)) {
            Known::Found(sid) => Ok(sid),
            Known::Absent | Known::Ask => Err(self.unknown(text)),
        }
    }

    /// As [`Names::find`], but it has to be somebody.
    ///
    /// # Errors
    /// As [`Names::find`].
    pub(super) fn principal(&self, text: &str) -> anyhow::Result<Principal> {
        let sid = self.find(text)?;
        self.with_asking(|book| book.of_sid(&sid)).found().ok_or_else(|| self.unknown(text))
    }

    fn unknown(&self, text: &str) -> anyhow::Error {
        let now = FileTime::from_system_time(std::time::SystemTime::now());
        let why = if self.is_member && !self.runs {
            "; accounts of the domain take a running server, or give a SID"
        } else if self.cache.is_silent(now) {
            "; no domain controller answers (`freehold domain test` says why): give a SID as *S-1-..., or try again"
        } else {
            "; a SID is given as *S-1-..."
        };
        anyhow::anyhow!("there is no account or group called {text:?}{why}")
    }

    /// Has the names of `sids` ready: those that are not known are asked for together.
    pub(super) fn prepare(&self, sids: impl IntoIterator<Item = Sid>) {
        self.asked.begin(false);
        {
            let book = self.book();
            for sid in sids {
                let _ = book.of_sid(&sid);
            }
        }
        let questions = self.asked.take();
        if !questions.is_empty() {
            self.ask(&questions);
        }
    }

    /// Who has `sid`, without asking: see [`Names::prepare`].
    pub(super) fn known(&self, sid: &Sid) -> Option<Principal> {
        self.asked.begin(true);
        self.book().of_sid(sid).found()
    }

    /// The name of a SID, without asking: bare for this server's own accounts and well-known names, `CORP\alice` for others, the SID
    /// where it has none.
    pub(super) fn name_of(&self, sid: &Sid) -> String {
        let Some(found) = self.known(sid) else { return sid.to_string() };
        if self.is_of_directory(&found) { found.full_name() } else { found.name }
    }

    /// The name of a SID, without asking, with its domain.
    pub(super) fn full_name_of(&self, sid: &Sid) -> String {
        self.known(sid).map_or_else(|| sid.to_string(), |found| found.full_name())
    }

    /// The directory's groups of an account, as a logon finds them.
    ///
    /// # Errors
    /// When the directory cannot be asked or has no such account.
    pub(super) fn token_groups(&self, sid: &Sid) -> anyhow::Result<Vec<Sid>> {
        let groups = self.runtime()?.block_on(self.directory()?.token_groups(sid))?;
        groups.with_context(|| format!("the directory has no account {sid}"))
    }

    /// What the directory has about an account.
    ///
    /// # Errors
    /// As [`Names::token_groups`].
    pub(super) fn details(&self, sid: &Sid) -> anyhow::Result<DirectoryAccount> {
        let account = self.runtime()?.block_on(self.directory()?.account(sid))?;
        account.with_context(|| format!("the directory has no account {sid}"))
    }

    fn directory(&self) -> anyhow::Result<&Arc<Directory>> {
        self.directory.as_ref().context("this takes a running server that is a member of a domain")
    }

    fn runtime(&self) -> anyhow::Result<tokio::runtime::Handle> {
        Ok(tokio::runtime::Handle::try_current()?)
    }
}
