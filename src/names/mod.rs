//! Names of SIDs and SIDs of names: who an entry of a list, a record or a question speaks of.
//!
//! Owns the well-known names, the spellings of a name, and [`NameBook`], which knows them all: well-known ones, BUILTIN and
//! this machine's accounts and groups from the state, the principals of the domain from a [`DirectoryCache`] that
//! the shell fills. A question is answered at once: found, absent, or [`Known::Ask`]: the directory has to be asked, which is
//! not done here. Without a membership nothing is ever asked.
//!
//! [MS-LSAT] 3.1.1.1 (the views of the database), [MS-DTYP] 2.4.2.4 (well-known SIDs).
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects
    )
)]

mod book;
mod cache;
mod questions;
mod spelling;
mod table;
mod well_known;

pub use book::{Machine, NameBook, PRIMARY_GROUP_NAME, PRIMARY_GROUP_RID, Scope};
pub use cache::{ABSENT_FOR, DirectoryCache, FRESH_FOR, KEPT_FOR, MAX_ENTRIES};
pub use questions::{Asked, DirectoryName, Questions};
pub use spelling::Spelling;
pub use well_known::builtin_sid;

use freehold_dtyp::Sid;

/// [MS-SAMR] 2.2.2.3 SID_NAME_USE.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SidUse {
    /// A user or a computer.
    User,
    /// A global or universal group.
    Group,
    /// A domain.
    Domain,
    /// A local group, of a computer or of a domain.
    Alias,
    /// A name that is known everywhere.
    WellKnownGroup,
    /// Nobody that is known.
    Unknown,
    /// A mandatory label.
    Label,
}

impl SidUse {
    /// The number on the wire.
    #[must_use]
    pub const fn number(self) -> u16 {
        match self {
            SidUse::User => 1,
            SidUse::Group => 2,
            SidUse::Domain => 3,
            SidUse::Alias => 4,
            SidUse::WellKnownGroup => 5,
            SidUse::Unknown => 8,
            SidUse::Label => 10,
        }
    }

    /// From sAMAccountType ([MS-SAMR] 2.2.1.9, [MS-LSAT] 3.1.1.1.3); `None` for what is no principal.
    #[must_use]
    pub const fn of_account_type(account_type: u32) -> Option<SidUse> {
        Some(match account_type {
            // SAM_GROUP_OBJECT, SAM_NON_SECURITY_GROUP_OBJECT.
            0x1000_0000 | 0x1000_0001 => SidUse::Group,
            // SAM_ALIAS_OBJECT, SAM_NON_SECURITY_ALIAS_OBJECT.
            0x2000_0000 | 0x2000_0001 => SidUse::Alias,
            // SAM_USER_OBJECT, SAM_MACHINE_ACCOUNT, SAM_TRUST_ACCOUNT.
            0x3000_0000..=0x3000_0002 => SidUse::User,
            _ => return None,
        })
    }

    /// A word for people.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            SidUse::User => "user",
            SidUse::Group => "group",
            SidUse::Domain => "domain",
            SidUse::Alias => "local group",
            SidUse::WellKnownGroup => "well-known",
            SidUse::Unknown => "unknown",
            SidUse::Label => "label",
        }
    }
}

/// A name, its SID and the domain that both are in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// Its SID; not the one that was asked for where that is in its SID history.
    pub sid: Sid,
    /// sAMAccountName, or a name that is known everywhere.
    pub name: String,
    /// NetBIOS name of the domain; empty for `Everyone` and its like.
    pub domain: String,
    /// SID of the domain.
    pub domain_sid: Sid,
    /// What it is.
    pub sid_use: SidUse,
}

impl Principal {
    /// The name as Windows' tools print it: `NT AUTHORITY\SYSTEM`, `CORP\alice`, `Everyone`; `CORP` for the domain itself.
    #[must_use]
    pub fn full_name(&self) -> String {
        if self.domain.is_empty() || self.sid_use == SidUse::Domain {
            self.name.clone()
        } else {
            format!("{}\\{}", self.domain, self.name)
        }
    }
}

/// An account domain: that of this machine, of the membership, or a trusted one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Domain {
    /// Its SID.
    pub sid: Sid,
    /// Its NetBIOS name.
    pub netbios_name: String,
    /// Its DNS name; empty where it has none.
    pub dns_name: String,
}

impl Domain {
    /// Is `name` one of its names, in any case?
    #[must_use]
    pub fn is_called(&self, name: &str) -> bool {
        let wanted = spelling::fold(name);
        !wanted.is_empty()
            && [&self.netbios_name, &self.dns_name].iter().any(|own| spelling::fold(own) == wanted)
    }

    /// The domain as a principal.
    #[must_use]
    pub fn principal(&self) -> Principal {
        Principal {
            sid: self.sid,
            name: self.netbios_name.clone(),
            domain: self.netbios_name.clone(),
            domain_sid: self.sid,
            sid_use: SidUse::Domain,
        }
    }
}

/// What is known without asking anybody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Known<T> {
    /// This.
    Found(T),
    /// There is nobody like that.
    Absent,
    /// The directory has to be asked.
    Ask,
}

impl<T> Known<T> {
    /// What was found.
    pub fn found(self) -> Option<T> {
        match self {
            Known::Found(found) => Some(found),
            Known::Absent | Known::Ask => None,
        }
    }

    /// The same with something else found.
    pub fn map<U>(self, other: impl FnOnce(T) -> U) -> Known<U> {
        match self {
            Known::Found(found) => Known::Found(other(found)),
            Known::Absent => Known::Absent,
            Known::Ask => Known::Ask,
        }
    }
}
