//! What the directory has to be asked, collected while something is looked up.

use std::cell::Cell;
use std::collections::BTreeSet;

use freehold_dtyp::Sid;

use super::spelling::fold;

/// A name that the directory has to be asked for; also what it is kept under.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DirectoryName {
    /// A name in a domain.
    InDomain {
        /// NetBIOS name of the domain where that is known, else the name it was asked with.
        domain: String,
        /// sAMAccountName.
        name: String,
    },
    /// A name in no domain in particular: that of the membership first, then the trusted ones.
    Isolated(String),
    /// A user principal name, whose suffix need not be a domain's name.
    UserPrincipalName(String),
}

impl DirectoryName {
    /// The same, as it is compared.
    #[must_use]
    pub fn folded(&self) -> DirectoryName {
        match self {
            DirectoryName::InDomain { domain, name } => {
                DirectoryName::InDomain { domain: fold(domain), name: fold(name) }
            }
            DirectoryName::Isolated(name) => DirectoryName::Isolated(fold(name)),
            DirectoryName::UserPrincipalName(name) => DirectoryName::UserPrincipalName(fold(name)),
        }
    }
}

/// SIDs and names to ask for, each once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Questions {
    /// SIDs.
    pub sids: BTreeSet<Sid>,
    /// Names.
    pub names: BTreeSet<DirectoryName>,
}

impl Questions {
    /// True when there is nothing to ask.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.sids.is_empty() && self.names.is_empty()
    }
}

/// Collects questions during one run of something that looks names up, and says whether it may ask at all.
#[derive(Default)]
pub struct Asked {
    last_run: Cell<bool>,
    questions: Cell<Questions>,
}

impl std::fmt::Debug for Asked {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Asked").field("last_run", &self.last_run).finish_non_exhaustive()
    }
}

impl Asked {
    /// A run begins; in the `last` one, what is not known counts as absent and nothing is collected.
    pub fn begin(&self, last: bool) {
        self.last_run.set(last);
        self.questions.take();
    }

    /// Is this the last run?
    #[must_use]
    pub fn is_last_run(&self) -> bool {
        self.last_run.get()
    }

    /// Takes what was collected.
    #[must_use]
    pub fn take(&self) -> Questions {
        self.questions.take()
    }

    /// True when something must be asked before the answer can be right: whoever changes something stops here.
    #[must_use]
    pub fn is_asking(&self) -> bool {
        let questions = self.questions.take();
        let asking = !questions.is_empty();
        self.questions.set(questions);
        asking
    }

    /// Notes a SID.
    pub fn sid(&self, sid: Sid) {
        self.note(|questions| questions.sids.insert(sid));
    }

    /// Notes a name.
    pub fn name(&self, name: DirectoryName) {
        self.note(|questions| questions.names.insert(name));
    }

    fn note(&self, note: impl FnOnce(&mut Questions) -> bool) {
        if !self.last_run.get() {
            let mut questions = self.questions.take();
            note(&mut questions);
            self.questions.set(questions);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_question_is_asked_once_and_none_in_the_last_run() {
        let asked = Asked::default();
        asked.begin(false);
        for _ in 0..3 {
            asked.sid(Sid::EVERYONE);
            asked.name(DirectoryName::Isolated("alice".to_owned()));
        }
        assert!(asked.is_asking());
        let questions = asked.take();
        assert_eq!((questions.sids.len(), questions.names.len()), (1, 1));
        asked.begin(true);
        asked.sid(Sid::EVERYONE);
        assert!(!asked.is_asking() && asked.take().is_empty());
    }
}
