//! [MS-DTYP] 2.5.1.1 Syntax: the short names of SIDs, rights, ACE types and flags.

use super::SddlDomains;
use crate::{AccessMask, AceFlags, AceType};
use freehold_dtyp::Sid;

/// Names of SIDs that are the same everywhere: authority and sub-authorities.
const SIDS: &[(&str, u8, &[u32])] = &[
    ("AA", 5, &[32, 579]),
    ("AC", 15, &[2, 1]),
    ("AN", 5, &[7]),
    ("AO", 5, &[32, 548]),
    ("AS", 18, &[1]),
    ("AU", 5, &[11]),
    ("BA", 5, &[32, 544]),
    ("BG", 5, &[32, 546]),
    ("BO", 5, &[32, 551]),
    ("BU", 5, &[32, 545]),
    ("CD", 5, &[32, 574]),
    ("CG", 3, &[1]),
    ("CO", 3, &[0]),
    ("CY", 5, &[32, 569]),
    ("ED", 5, &[9]),
    ("ER", 5, &[32, 573]),
    ("ES", 5, &[32, 576]),
    ("HA", 5, &[32, 578]),
    ("HI", 16, &[12288]),
    ("IS", 5, &[32, 568]),
    ("IU", 5, &[4]),
    ("LS", 5, &[19]),
    ("LU", 5, &[32, 559]),
    ("LW", 16, &[4096]),
    ("ME", 16, &[8192]),
    ("MP", 16, &[8448]),
    ("MS", 5, &[32, 577]),
    ("MU", 5, &[32, 558]),
    ("NO", 5, &[32, 556]),
    ("NS", 5, &[20]),
    ("NU", 5, &[2]),
    ("OW", 3, &[4]),
    ("PO", 5, &[32, 550]),
    ("PS", 5, &[10]),
    ("PU", 5, &[32, 547]),
    ("RA", 5, &[32, 575]),
    ("RC", 5, &[12]),
    ("RD", 5, &[32, 555]),
    ("RE", 5, &[32, 552]),
    ("RM", 5, &[32, 580]),
    ("RU", 5, &[32, 554]),
    ("SI", 16, &[16384]),
    ("SO", 5, &[32, 549]),
    ("SS", 18, &[2]),
    ("SU", 5, &[6]),
    ("SY", 5, &[18]),
    ("UD", 5, &[84, 0, 0, 0, 0, 0]),
    ("WD", 1, &[0]),
    ("WR", 5, &[33]),
];

/// Names of SIDs of the machine: the RID.
const MACHINE_RIDS: &[(&str, u32)] = &[("LA", 500), ("LG", 501)];

/// Names of SIDs of the forest's root domain: the RID.
const FOREST_RIDS: &[(&str, u32)] = &[("RO", 498), ("SA", 518), ("EA", 519), ("EK", 527)];

/// Names of SIDs of a domain: the RID.
const DOMAIN_RIDS: &[(&str, u32)] = &[
    ("DA", 512),
    ("DU", 513),
    ("DG", 514),
    ("DC", 515),
    ("DD", 516),
    ("CA", 517),
    ("PA", 520),
    ("CN", 522),
    ("AP", 525),
    ("KA", 526),
    ("RS", 553),
];

/// What a two-letter name of a SID stands for.
pub(super) enum SidName {
    /// This SID.
    Known(Sid),
    /// A SID of a machine, a domain or a forest, which is not known.
    NeedsDomain,
    /// Nothing.
    Unknown,
}

/// Looks a two-letter name up.
pub(super) fn sid_by_name(name: &str, domains: Option<&SddlDomains>) -> SidName {
    if let Some((_, authority, subs)) = SIDS.iter().find(|(other, ..)| other.eq_ignore_ascii_case(name)) {
        return Sid::from_parts([0, 0, 0, 0, 0, *authority], subs).map_or(SidName::Unknown, SidName::Known);
    }
    for (table, whose) in [
        (MACHINE_RIDS, domains.map(|domains| domains.machine)),
        (DOMAIN_RIDS, domains.map(|domains| domains.domain)),
        (FOREST_RIDS, domains.and_then(|domains| domains.forest)),
    ] {
        if let Some((_, rid)) = table.iter().find(|(other, _)| other.eq_ignore_ascii_case(name)) {
            let Some(whose) = whose else { return SidName::NeedsDomain };
            return whose.with_rid(*rid).map_or(SidName::Unknown, SidName::Known);
        }
    }
    SidName::Unknown
}

/// The two-letter name of a SID that is the same everywhere.
pub(super) fn name_of_sid(sid: &Sid) -> Option<&'static str> {
    let [0, 0, 0, 0, 0, authority] = sid.authority() else { return None };
    SIDS.iter()
        .find(|(_, other, subs)| *other == authority && *subs == sid.sub_authorities())
        .map(|(name, ..)| *name)
}

/// Names that stand for a whole mask; the first four are written too.
pub(super) const WHOLE_RIGHTS: &[(&str, AccessMask)] = &[
    ("FA", AccessMask::FILE_ALL_ACCESS),
    ("FR", AccessMask::FILE_GENERIC_READ),
    ("FW", AccessMask::FILE_GENERIC_WRITE),
    ("FX", AccessMask::FILE_GENERIC_EXECUTE),
    ("KA", AccessMask(0x000F_003F)),
    ("KR", AccessMask(0x0002_0019)),
    ("KW", AccessMask(0x0002_0006)),
    ("KX", AccessMask(0x0002_0019)),
];

/// Names of single bits, in the order in which they are written.
pub(super) const BIT_RIGHTS: &[(&str, AccessMask)] = &[
    ("CC", AccessMask(0x0000_0001)),
    ("DC", AccessMask(0x0000_0002)),
    ("LC", AccessMask(0x0000_0004)),
    ("SW", AccessMask(0x0000_0008)),
    ("RP", AccessMask(0x0000_0010)),
    ("WP", AccessMask(0x0000_0020)),
    ("DT", AccessMask(0x0000_0040)),
    ("LO", AccessMask(0x0000_0080)),
    ("CR", AccessMask(0x0000_0100)),
    ("SD", AccessMask::DELETE),
    ("RC", AccessMask::READ_CONTROL),
    ("WD", AccessMask::WRITE_DAC),
    ("WO", AccessMask::WRITE_OWNER),
    ("GA", AccessMask::GENERIC_ALL),
    ("GX", AccessMask::GENERIC_EXECUTE),
    ("GW", AccessMask::GENERIC_WRITE),
    ("GR", AccessMask::GENERIC_READ),
];

/// Policies of a mandatory label, in the order in which they are written.
pub(super) const LABEL_RIGHTS: &[(&str, AccessMask)] =
    &[("NW", AccessMask(1)), ("NR", AccessMask(2)), ("NX", AccessMask(4))];

/// ACE types with a name.
pub(super) const TYPES: &[(&str, AceType)] = &[
    ("A", AceType::ACCESS_ALLOWED),
    ("D", AceType::ACCESS_DENIED),
    ("AU", AceType::SYSTEM_AUDIT),
    ("AL", AceType::SYSTEM_ALARM),
    ("OA", AceType::ACCESS_ALLOWED_OBJECT),
    ("OD", AceType::ACCESS_DENIED_OBJECT),
    ("OU", AceType::SYSTEM_AUDIT_OBJECT),
    ("OL", AceType::SYSTEM_ALARM_OBJECT),
    ("XA", AceType::ACCESS_ALLOWED_CALLBACK),
    ("XD", AceType::ACCESS_DENIED_CALLBACK),
    ("ZA", AceType::ACCESS_ALLOWED_CALLBACK_OBJECT),
    ("XU", AceType::SYSTEM_AUDIT_CALLBACK),
    ("ML", AceType::SYSTEM_MANDATORY_LABEL),
    ("RA", AceType::SYSTEM_RESOURCE_ATTRIBUTE),
    ("SP", AceType::SYSTEM_SCOPED_POLICY_ID),
    ("TL", AceType::SYSTEM_PROCESS_TRUST_LABEL),
    ("FL", AceType::SYSTEM_ACCESS_FILTER),
];

/// ACE flags, in the order in which they are written.
pub(super) const FLAGS: &[(&str, AceFlags)] = &[
    ("OI", AceFlags::OBJECT_INHERIT),
    ("CI", AceFlags::CONTAINER_INHERIT),
    ("NP", AceFlags::NO_PROPAGATE_INHERIT),
    ("IO", AceFlags::INHERIT_ONLY),
    ("ID", AceFlags::INHERITED),
    ("CR", AceFlags::CRITICAL),
    ("SA", AceFlags::SUCCESSFUL_ACCESS),
    ("FA", AceFlags::FAILED_ACCESS),
];

/// The word for a null list.
pub(super) const NULL_ACL: &str = "NO_ACCESS_CONTROL";

/// True for the types whose application data is a condition.
pub(super) const fn has_condition(ace_type: AceType) -> bool {
    ace_type.is_callback() || matches!(ace_type, AceType::SYSTEM_ACCESS_FILTER)
}
