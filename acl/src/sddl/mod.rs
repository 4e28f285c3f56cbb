//! [MS-DTYP] 2.5.1 Security Descriptor Description Language: descriptors as text, both ways.
//!
//! Beyond the language of the specification, so that every descriptor has a text: an ACE type without a name is written
//! as a number (`0x0C`), and application data that is neither a well-formed condition nor a resource attribute as
//! `#` and hexadecimal digits. What the language cannot say is lost: the control bits other than P, AR and AI, the
//! revision of a list, how wide an integer of a condition was stored and how a resource attribute was laid out.

mod claim;
mod condition;
mod cursor;
mod format;
mod names;
mod parse;

use crate::SecurityDescriptor;
use freehold_dtyp::Sid;

/// A text is no security descriptor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SddlError {
    /// Where, in bytes from the start of the text.
    pub position: usize,
    /// What should have been there.
    pub expected: &'static str,
}

impl core::fmt::Display for SddlError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "expected {} at character {} of the security descriptor", self.expected, self.position)
    }
}

impl std::error::Error for SddlError {}

/// Whose accounts the short names of a text stand for that are not the same everywhere ([MS-DTYP] 2.5.1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SddlDomains {
    /// SID of the machine: its administrator and guest, `LA` and `LG`.
    pub machine: Sid,
    /// SID of the domain that the machine is a member of: `DA`, `DU` and the like. The machine's own where there is none.
    pub domain: Sid,
    /// SID of the forest's root domain: `EA`, `SA`, `RO` and `EK`; `None` where it is not known.
    pub forest: Option<Sid>,
}

impl SddlDomains {
    /// One domain, which is the machine's own.
    #[must_use]
    pub const fn of(domain: Sid) -> SddlDomains {
        SddlDomains { machine: domain, domain, forest: Some(domain) }
    }
}

impl SecurityDescriptor {
    /// Longest text that is read, in bytes: a descriptor of 64 KiB is shorter.
    pub const MAX_SDDL_LENGTH: usize = 1 << 20;

    /// The text form: `O:BAG:SYD:PAI(A;OICI;FA;;;BA)`.
    #[must_use]
    pub fn to_sddl(&self) -> String {
        format::descriptor(self)
    }

    /// From the text form. Two-letter names of a domain's own groups (`DA`, `DU` and the like) need that domain's SID.
    ///
    /// # Errors
    /// [`SddlError`] at the first character that does not fit.
    pub fn from_sddl(text: &str, domain: Option<&Sid>) -> Result<SecurityDescriptor, SddlError> {
        parse::descriptor(text, domain.copied().map(SddlDomains::of).as_ref())
    }

    /// [`SecurityDescriptor::from_sddl`] for a member of a domain.
    ///
    /// # Errors
    /// As [`SecurityDescriptor::from_sddl`]; also for a short name of the forest's where that is not known.
    pub fn from_sddl_of(text: &str, domains: &SddlDomains) -> Result<SecurityDescriptor, SddlError> {
        parse::descriptor(text, Some(domains))
    }
}

impl crate::Ace {
    /// The text form of the entry: `(A;OICI;FA;;;BA)`.
    #[must_use]
    pub fn to_sddl(&self) -> String {
        format::ace(self)
    }

    /// From the text form of one entry. Names of a domain's own groups need that domain's SID.
    ///
    /// # Errors
    /// [`SddlError`] at the first character that does not fit.
    pub fn from_sddl(text: &str, domain: Option<&Sid>) -> Result<crate::Ace, SddlError> {
        parse::single_ace(text, domain.copied().map(SddlDomains::of).as_ref())
    }

    /// [`crate::Ace::from_sddl`] for a member of a domain.
    ///
    /// # Errors
    /// As [`SecurityDescriptor::from_sddl_of`].
    pub fn from_sddl_of(text: &str, domains: &SddlDomains) -> Result<crate::Ace, SddlError> {
        parse::single_ace(text, Some(domains))
    }
}

impl core::str::FromStr for SecurityDescriptor {
    type Err = SddlError;

    /// [`SecurityDescriptor::from_sddl`] without a domain.
    fn from_str(text: &str) -> Result<Self, SddlError> {
        SecurityDescriptor::from_sddl(text, None)
    }
}

impl core::fmt::Display for SecurityDescriptor {
    /// As [`SecurityDescriptor::to_sddl`].
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(&self.to_sddl())
    }
}

#[cfg(test)]
mod tests;
