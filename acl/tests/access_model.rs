//! The access check of files against a second one that shares nothing with it: written right by right and entry by entry from
//! the pseudocode of [MS-DTYP] 2.5.3.1.4, 2.5.3.2 and 2.5.3.3 and from [MS-FSA] 2.1.5.1, on plain numbers and texts, over
//! random descriptors, tokens and masks. `FREEHOLD_ACCESS_TRIPLES` says how many (a million when not said).

use std::collections::BTreeSet;

use freehold_acl::{
    AccessError, AccessMask, Ace, AceFlags, AceType, Acl, AclPart, Claim, ClaimFlags, ClaimValues,
    FileAccess, Group, GroupAttributes, IntegrityLevel, ObjectTypes, Privileges, SecurityDescriptor, Token,
    TokenClaims, create_access_check, file_access_check, may_enumerate,
};
use freehold_dtyp::{Encode as _, Sid};

const TRIPLES: u64 = 1_000_000;

// --- The world, as plain data -------------------------------------------------------------------------------------

/// Whom the random descriptors speak of.
const NAMES: [&str; 9] = ["me", "g1", "g2", "g3", "admins", "world", "owner-rights", "other", "stranger"];

fn sid(name: &str) -> Sid {
    let account = |rid| Sid::from_parts([0, 0, 0, 0, 0, 5], &[21, 7, 8, 9, rid]).unwrap();
    match name {
        "admins" => Sid::ADMINISTRATORS,
        "world" => Sid::EVERYONE,
        "owner-rights" => Sid::OWNER_RIGHTS,
        other => account(1000 + NAMES.iter().position(|name| *name == other).unwrap() as u32),
    }
}

#[derive(Clone, Debug)]
enum Value {
    Int(i64),
    Text(&'static str),
    Member(&'static str),
}

#[derive(Clone, Debug)]
enum Condition {
    /// An attribute of the user (`true`) or of the file, beside a value.
    Compare(bool, &'static str, &'static str, Vec<Value>),
    Exists(bool, &'static str),
    MemberOf {
        any: bool,
        not: bool,
        names: Vec<&'static str>,
    },
    Alone(bool, &'static str),
    Not(Box<Condition>),
    And(Box<Condition>, Box<Condition>),
    Or(Box<Condition>, Box<Condition>),
    /// Bytes that are no expression.
    Broken,
}

#[derive(Clone, Debug)]
struct Attribute {
    name: &'static str,
    values: Vec<Value>,
    deny_only: bool,
    disabled: bool,
}

#[derive(Clone, Debug)]
struct Entry {
    ace_type: u8,
    inherit_only: bool,
    mask: u32,
    who: &'static str,
    condition: Option<Condition>,
}

#[derive(Clone, Debug)]
struct Descriptor {
    owner: Option<&'static str>,
    /// `None` for no list.
    dacl: Option<Vec<Entry>>,
    /// Level, policy, inherit-only.
    label: Option<(u32, u32, bool)>,
    attributes: Vec<Attribute>,
}

#[derive(Clone, Debug)]
struct Who {
    enabled: Vec<&'static str>,
    deny_only: Vec<&'static str>,
    privileges: BTreeSet<&'static str>,
    level: u32,
    claims: Vec<Attribute>,
}

// --- The model ------------------------------------------------------------------------------------------------------

const READ: u32 = 0x0012_0089;
const WRITE: u32 = 0x0012_0116;
const EXECUTE: u32 = 0x0012_00A0;
const ALL: u32 = 0x001F_01FF;
const SYSTEM_SECURITY: u32 = 0x0100_0000;
const MAXIMUM: u32 = 0x0200_0000;
const WRITE_OWNER: u32 = 0x0008_0000;

fn expand(mask: u32) -> u32 {
    let mut out = mask & 0x0FFF_FFFF;
    for (bit, rights) in [(31, READ), (30, WRITE), (29, EXECUTE), (28, ALL)] {
        if mask >> bit & 1 == 1 {
            out |= rights;
        }
    }
    out
}

fn bits(mask: u32) -> impl Iterator<Item = u32> {
    (0..32).map(|n| 1u32 << n).filter(move |bit| mask & bit != 0)
}

impl Who {
    fn is(&self, name: &str, deny: bool) -> bool {
        name == "me" || self.enabled.contains(&name) || (deny && self.deny_only.contains(&name))
    }
}

/// `Err` for a broken rule, `Ok(None)` for unknown.
type Logic = Result<Option<bool>, ()>;

struct Evaluation<'a> {
    who: &'a Who,
    file: &'a Descriptor,
    deny: bool,
}

impl Evaluation<'_> {
    fn attribute(&self, of_user: bool, name: &str) -> Option<&Attribute> {
        let list = if of_user { &self.who.claims } else { &self.file.attributes };
        let counts = |a: &&Attribute| !a.values.is_empty() && !a.disabled && (self.deny || !a.deny_only);
        let found = list.iter().filter(counts).find(|a| a.name.eq_ignore_ascii_case(name))?;
        // A file's attribute that has a value twice is none.
        let twice =
            (1..found.values.len()).any(|n| found.values[..n].iter().any(|v| same(v, &found.values[n])));
        if !of_user && twice { None } else { Some(found) }
    }

    fn value(&self, condition: &Condition) -> Logic {
        Ok(match condition {
            Condition::Broken => return Err(()),
            Condition::Exists(of_user, name) => Some(self.attribute(*of_user, name).is_some()),
            Condition::Alone(of_user, name) => match self.attribute(*of_user, name).map(|a| &a.values[..]) {
                Some([Value::Int(n)]) => Some(*n != 0),
                Some([Value::Text(text)]) => Some(!text.is_empty()),
                _ => None,
            },
            Condition::MemberOf { any, not, names } => {
                if names.is_empty() {
                    return Err(());
                }
                let mut each = names.iter().map(|name| self.who.is(name, self.deny));
                let found = if *any { each.any(|yes| yes) } else { each.all(|yes| yes) };
                Some(found != *not)
            }
            Condition::Compare(of_user, name, operator, wanted) => {
                let Some(found) = self.attribute(*of_user, name) else { return Ok(None) };
                self.compare(&found.values, operator, wanted)?
            }
            Condition::Not(inner) => self.value(inner)?.map(|yes| !yes),
            // Both sides are evaluated: a broken rule anywhere counts.
            Condition::And(left, right) => match (self.value(left)?, self.value(right)?) {
                (Some(false), _) | (_, Some(false)) => Some(false),
                (Some(true), Some(true)) => Some(true),
                _ => None,
            },
            Condition::Or(left, right) => match (self.value(left)?, self.value(right)?) {
                (Some(true), _) | (_, Some(true)) => Some(true),
                (Some(false), Some(false)) => Some(false),
                _ => None,
            },
        })
    }

    fn compare(&self, found: &[Value], operator: &str, wanted: &[Value]) -> Logic {
        for left in found {
            for right in wanted {
                if !matches!(
                    (left, right),
                    (Value::Int(_), Value::Int(_))
                        | (Value::Text(_), Value::Text(_))
                        | (Value::Member(_), Value::Member(_))
                ) {
                    return Err(());
                }
            }
        }
        let has = |list: &[Value], one: &Value| list.iter().any(|other| same(other, one));
        Ok(Some(match operator {
            "==" => found.iter().all(|v| has(wanted, v)) && wanted.iter().all(|v| has(found, v)),
            "!=" => !(found.iter().all(|v| has(wanted, v)) && wanted.iter().all(|v| has(found, v))),
            "Contains" | "Any_of" if wanted.is_empty() => return Err(()),
            "Contains" => wanted.iter().all(|v| has(found, v)),
            "Any_of" => wanted.iter().any(|v| has(found, v)),
            _ => {
                let ([left], [right]) = (found, wanted) else { return Ok(None) };
                let order = match (left, right) {
                    (Value::Int(left), Value::Int(right)) => left.cmp(right),
                    (Value::Text(left), Value::Text(right)) => left.to_uppercase().cmp(&right.to_uppercase()),
                    _ => return Err(()),
                };
                if operator == "<" { order.is_lt() } else { order.is_ge() }
            }
        }))
    }
}

fn same(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Int(left), Value::Int(right)) => left == right,
        (Value::Text(left), Value::Text(right)) => left.eq_ignore_ascii_case(right),
        (Value::Member(left), Value::Member(right)) => left == right,
        _ => false,
    }
}

/// Is one right granted by the descriptor alone? `by_name`: it was asked for, not just looked for.
fn right_granted(right: u32, by_name: bool, file: &Descriptor, who: &Who) -> bool {
    if right == SYSTEM_SECURITY {
        return by_name && who.privileges.contains("security");
    }
    if right == WRITE_OWNER && by_name && who.privileges.contains("take-ownership") {
        return true;
    }
    if !label_allows(right, file, who) {
        return false;
    }
    let is_owner = file.owner.is_some_and(|owner| who.is(owner, false));
    // No list restricts nothing; without a name that is what files have.
    let Some(dacl) = &file.dacl else { return by_name || ALL & right != 0 };
    let allows = |t: u8| [0, 5, 9, 11].contains(&t);
    let denies = |t: u8| [1, 6, 10, 12].contains(&t);
    let effective = || dacl.iter().filter(|e| !e.inherit_only && (allows(e.ace_type) || denies(e.ace_type)));
    let spoken = effective().any(|entry| entry.who == "owner-rights");
    if is_owner && !spoken && (right == 0x2_0000 || right == 0x4_0000) {
        return true;
    }
    for entry in effective().filter(|entry| expand(entry.mask) & right != 0) {
        let deny = denies(entry.ace_type);
        let his = if entry.who == "owner-rights" { is_owner } else { who.is(entry.who, deny) };
        if !his {
            continue;
        }
        if (9..=12).contains(&entry.ace_type) {
            let value = match &entry.condition {
                Some(condition) => Evaluation { who, file, deny }.value(condition).unwrap_or(None),
                None => None,
            };
            let counts = if deny { value != Some(false) } else { value == Some(true) };
            if !counts {
                continue;
            }
        }
        return !deny;
    }
    false
}

/// 2.5.3.3.
fn label_allows(right: u32, file: &Descriptor, who: &Who) -> bool {
    let (level, policy) = match file.label {
        Some((level, policy, false)) => (level, policy),
        _ => (0x2000, 1),
    };
    if who.level >= level {
        return true;
    }
    if right == WRITE_OWNER && who.privileges.contains("relabel") {
        return true;
    }
    let reads = READ & right != 0;
    let executes = EXECUTE & right != 0;
    let writes = (WRITE | 0x000D_0000) & right != 0 || (ALL & right != 0 && !reads && !executes);
    (reads && policy & 2 == 0) || (executes && policy & 4 == 0) || (writes && policy & 1 == 0)
}

struct Ask<'a> {
    file: &'a Descriptor,
    parent: Option<&'a Descriptor>,
    who: &'a Who,
    desired: u32,
    backup: bool,
    read_only: bool,
}

/// What the privileges to back up and to restore give.
fn by_intent(who: &Who, backup: bool) -> u32 {
    let mut given = 0;
    if backup && who.privileges.contains("backup") {
        given |= READ | SYSTEM_SECURITY | 0x20;
    }
    if backup && who.privileges.contains("restore") {
        given |= WRITE | SYSTEM_SECURITY | 0x4_0000 | WRITE_OWNER | 0x1_0000;
    }
    given
}

/// [MS-FSA] 2.1.5.1.2.1.
fn open(ask: &Ask<'_>) -> Result<u32, AccessError> {
    if ask.desired == 0 || ask.desired & 0x0CE0_FE00 != 0 {
        return Err(AccessError::Denied);
    }
    let wanted = expand(ask.desired) & !MAXIMUM;
    let maximum = ask.desired & MAXIMUM != 0;
    if ask.read_only && wanted & 6 != 0 {
        return Err(AccessError::Denied);
    }
    let given = by_intent(ask.who, ask.backup);
    if wanted & SYSTEM_SECURITY & !given != 0 && !ask.who.privileges.contains("security") {
        return Err(AccessError::PrivilegeNotHeld);
    }
    let from_parent = |right: u32| {
        let needs = match right {
            0x1_0000 => 0x40,
            0x80 => 0x1,
            _ => return false,
        };
        ask.parent.is_some_and(|parent| right_granted(needs, true, parent, ask.who))
    };
    let granted = |right: u32, by_name: bool| {
        given & right != 0 || right_granted(right, by_name, ask.file, ask.who) || from_parent(right)
    };
    if !bits(wanted).all(|right| granted(right, true)) {
        return Err(AccessError::Denied);
    }
    if !maximum {
        return Ok(wanted);
    }
    let mut all = wanted | given;
    // Entries may give bits that mean nothing to files: they are granted as they stand.
    let ordinary = 0x0FFF_FFFF & !MAXIMUM & !SYSTEM_SECURITY;
    all |= bits(ordinary).filter(|right| granted(*right, false)).sum::<u32>();
    if ask.read_only {
        all &= !0x46;
    }
    if all == 0 { Err(AccessError::Denied) } else { Ok(all) }
}

// --- Random worlds ---------------------------------------------------------------------------------------------------

/// A small generator of random numbers (xorshift64*): the test must be the same each time.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    fn below(&mut self, bound: u64) -> u64 {
        (self.next() >> 33) % bound
    }

    fn one_in(&mut self, bound: u64) -> bool {
        self.below(bound) == 0
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len() as u64) as usize]
    }

    fn mask(&mut self) -> u32 {
        let mut mask = 0;
        for _ in 0..=self.below(4) {
            mask |= match self.below(14) {
                0 => 0x1000_0000 << self.below(4),
                1 => ALL,
                2 => READ,
                3 => 0x0013_01BF,
                4 if self.one_in(4) => SYSTEM_SECURITY,
                5 if self.one_in(8) => 1 << self.below(32),
                _ => 1 << self.pick(&[0u32, 1, 2, 3, 4, 5, 6, 7, 8, 16, 17, 18, 19, 20]),
            };
        }
        mask
    }

    fn desired(&mut self) -> u32 {
        if self.one_in(4) { MAXIMUM | if self.one_in(2) { self.mask() } else { 0 } } else { self.mask() }
    }

    fn values(&mut self) -> Vec<Value> {
        let count = self.pick(&[0u64, 1, 1, 1, 2, 3]);
        match self.below(3) {
            0 => (0..count).map(|_| Value::Int(self.below(4) as i64 - 1)).collect(),
            1 => (0..count).map(|_| Value::Text(self.pick(&["", "red", "Red", "blue", "GREEN"]))).collect(),
            _ => (0..count).map(|_| Value::Member(self.pick(&NAMES))).collect(),
        }
    }

    fn attributes(&mut self) -> Vec<Attribute> {
        let mut names = vec!["Dept", "Level", "Project"];
        names.truncate(self.below(4) as usize);
        names
            .into_iter()
            .map(|name| {
                let mut attribute = Attribute {
                    name,
                    values: self.values(),
                    deny_only: self.one_in(6),
                    disabled: self.one_in(8),
                };
                // Texts that differ in case only are one value to a token, which Windows never has twice.
                attribute.values.dedup_by(|a, b| same(a, b));
                attribute
            })
            .collect()
    }

    fn condition(&mut self, depth: u64) -> Condition {
        let of_user = self.one_in(2);
        let name = self.pick(&["dept", "Level", "PROJECT", "none"]);
        match self.below(if depth == 0 { 6 } else { 9 }) {
            0 | 1 => {
                let operator = self.pick(&["==", "!=", "Contains", "Any_of", "<", ">="]);
                Condition::Compare(of_user, name, operator, self.values())
            }
            2 => Condition::Exists(of_user, name),
            3 | 4 => {
                let names = (0..self.below(4)).map(|_| self.pick(&NAMES)).collect();
                Condition::MemberOf { any: self.one_in(2), not: self.one_in(2), names }
            }
            5 if self.one_in(6) => Condition::Broken,
            5 => Condition::Alone(of_user, name),
            6 => Condition::Not(Box::new(self.condition(depth - 1))),
            7 => Condition::And(Box::new(self.condition(depth - 1)), Box::new(self.condition(depth - 1))),
            _ => Condition::Or(Box::new(self.condition(depth - 1)), Box::new(self.condition(depth - 1))),
        }
    }

    fn descriptor(&mut self) -> Descriptor {
        let entries = (0..self.below(8))
            .map(|_| {
                let ace_type =
                    self.pick(&[0u8, 0, 0, 0, 0, 1, 1, 1, 2, 5, 6, 9, 9, 9, 10, 10, 11, 12, 17, 18, 0x60]);
                let condition = (9..=12).contains(&ace_type).then(|| self.condition(2));
                Entry {
                    ace_type,
                    inherit_only: self.one_in(7),
                    mask: self.mask(),
                    who: self.pick(&NAMES),
                    condition,
                }
            })
            .collect();
        let label = self
            .one_in(4)
            .then(|| (self.pick(&[0, 0x1000, 0x2000, 0x3000, 0x4000]), self.below(8) as u32, self.one_in(5)));
        Descriptor {
            owner: (!self.one_in(10)).then(|| self.pick(&["me", "g1", "admins", "other", "world"])),
            dacl: (!self.one_in(20)).then_some(entries),
            label,
            attributes: if self.one_in(2) { self.attributes() } else { Vec::new() },
        }
    }

    fn who(&mut self) -> Who {
        let pool = ["g1", "g2", "g3", "admins", "world"];
        let mut enabled = Vec::new();
        let mut deny_only = Vec::new();
        for name in pool {
            match self.below(5) {
                0 | 1 => enabled.push(name),
                2 => deny_only.push(name),
                _ => {}
            }
        }
        let all = ["security", "take-ownership", "backup", "restore", "relabel"];
        Who {
            enabled,
            deny_only,
            privileges: all.into_iter().filter(|_| self.one_in(4)).collect(),
            level: self.pick(&[0, 0x1000, 0x2000, 0x2000, 0x2000, 0x3000]),
            claims: if self.one_in(2) { self.attributes() } else { Vec::new() },
        }
    }
}

// --- The same worlds for what is tested -------------------------------------------------------------------------------

fn claim(attribute: &Attribute) -> Claim {
    let values = match attribute.values.first() {
        Some(Value::Text(_)) => ClaimValues::String(
            attribute
                .values
                .iter()
                .map(|v| if let Value::Text(text) = v { (*text).to_owned() } else { unreachable!() })
                .collect(),
        ),
        Some(Value::Member(_)) => ClaimValues::Sid(
            attribute
                .values
                .iter()
                .map(|v| if let Value::Member(name) = v { sid(name) } else { unreachable!() })
                .collect(),
        ),
        _ => ClaimValues::Int64(
            attribute
                .values
                .iter()
                .map(|v| if let Value::Int(n) = v { *n } else { unreachable!() })
                .collect(),
        ),
    };
    let flags = ClaimFlags::EMPTY
        .with(ClaimFlags::USE_FOR_DENY_ONLY, attribute.deny_only)
        .with(ClaimFlags::DISABLED, attribute.disabled);
    Claim { flags, ..Claim::new(attribute.name, values) }
}

/// [MS-DTYP] 2.4.10.1, by hand.
fn claim_bytes(attribute: &Attribute) -> Vec<u8> {
    let claim = claim(attribute);
    let (kind, values): (u16, Vec<Vec<u8>>) = match &claim.values {
        ClaimValues::Int64(values) => (1, values.iter().map(|n| n.to_le_bytes().to_vec()).collect()),
        ClaimValues::String(values) => (3, values.iter().map(|text| units(text)).collect()),
        ClaimValues::Sid(values) => (5, values.iter().map(|sid| counted(&sid.to_bytes())).collect()),
        _ => unreachable!(),
    };
    let head = 16 + 4 * values.len();
    let mut body = units(&claim.name);
    let mut offsets = Vec::new();
    for value in values {
        offsets.extend(((head + body.len()) as u32).to_le_bytes());
        body.extend(value);
    }
    let mut bytes = (head as u32).to_le_bytes().to_vec();
    bytes.extend(kind.to_le_bytes());
    bytes.extend([0, 0]);
    bytes.extend(claim.flags.0.to_le_bytes());
    bytes.extend(((offsets.len() / 4) as u32).to_le_bytes());
    bytes.extend(offsets);
    bytes.extend(body);
    bytes
}

fn units(text: &str) -> Vec<u8> {
    text.encode_utf16().chain([0]).flat_map(u16::to_le_bytes).collect()
}

fn counted(bytes: &[u8]) -> Vec<u8> {
    [&(bytes.len() as u32).to_le_bytes()[..], bytes].concat()
}

/// [MS-DTYP] 2.4.4.17.4, by hand.
fn condition_bytes(condition: &Condition) -> Vec<u8> {
    let attribute = |of_user: bool, name: &str| {
        let text: Vec<u8> = name.encode_utf16().flat_map(u16::to_le_bytes).collect();
        [vec![if of_user { 0xF9 } else { 0xFA }], counted(&text)].concat()
    };
    let member = |name: &str| [vec![0x51], counted(&sid(name).to_bytes())].concat();
    let list = |values: &[Value]| {
        let each: Vec<Vec<u8>> = values
            .iter()
            .map(|value| match value {
                Value::Int(n) => {
                    [vec![4], n.to_le_bytes().to_vec(), vec![if *n < 0 { 2 } else { 3 }, 2]].concat()
                }
                Value::Text(text) => {
                    let bytes: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
                    [vec![0x10], counted(&bytes)].concat()
                }
                Value::Member(name) => member(name),
            })
            .collect();
        if let [single] = &each[..] { single.clone() } else { [vec![0x50], counted(&each.concat())].concat() }
    };
    match condition {
        Condition::Broken => vec![0x80],
        Condition::Exists(of_user, name) => [attribute(*of_user, name), vec![0x87]].concat(),
        Condition::Alone(of_user, name) => attribute(*of_user, name),
        Condition::MemberOf { any, not, names } => {
            let sids: Vec<Vec<u8>> = names.iter().map(|name| member(name)).collect();
            let code = match (any, not) {
                (false, false) => 0x89,
                (true, false) => 0x8B,
                (false, true) => 0x90,
                (true, true) => 0x92,
            };
            [vec![0x50], counted(&sids.concat()), vec![code]].concat()
        }
        Condition::Compare(of_user, name, operator, values) => {
            let code = match *operator {
                "==" => 0x80,
                "!=" => 0x81,
                "<" => 0x82,
                ">=" => 0x85,
                "Contains" => 0x86,
                _ => 0x88,
            };
            [attribute(*of_user, name), list(values), vec![code]].concat()
        }
        Condition::Not(inner) => [condition_bytes(inner), vec![0xA2]].concat(),
        Condition::And(left, right) => [condition_bytes(left), condition_bytes(right), vec![0xA0]].concat(),
        Condition::Or(left, right) => [condition_bytes(left), condition_bytes(right), vec![0xA1]].concat(),
    }
}

fn real_entry(entry: &Entry) -> Ace {
    let (ace_type, mask) = (AceType(entry.ace_type), AccessMask(entry.mask));
    let flags = AceFlags(0x03).with(AceFlags::INHERIT_ONLY, entry.inherit_only);
    if !ace_type.is_known() {
        return Ace::opaque(ace_type, flags, &sid(entry.who).to_bytes()).unwrap();
    }
    let ace = Ace::new(ace_type, flags, mask, sid(entry.who))
        .or_else(|| Ace::object(ace_type, flags, mask, ObjectTypes::default(), sid(entry.who)))
        .unwrap();
    match &entry.condition {
        Some(condition) => ace.with_data([b"artx".to_vec(), condition_bytes(condition)].concat()).unwrap(),
        None => ace,
    }
}

fn real_descriptor(file: &Descriptor) -> SecurityDescriptor {
    let mut sacl = Vec::new();
    for attribute in &file.attributes {
        let ace = Ace::new(AceType::SYSTEM_RESOURCE_ATTRIBUTE, AceFlags::EMPTY, AccessMask(0), Sid::EVERYONE);
        sacl.push(ace.unwrap().with_data(claim_bytes(attribute)).unwrap());
    }
    if let Some((level, policy, inherit_only)) = file.label {
        let label = Sid::from_parts([0, 0, 0, 0, 0, 16], &[level]).unwrap();
        let flags = AceFlags::EMPTY.with(AceFlags::INHERIT_ONLY, inherit_only);
        sacl.push(Ace::new(AceType::SYSTEM_MANDATORY_LABEL, flags, AccessMask(policy), label).unwrap());
    }
    SecurityDescriptor {
        owner: file.owner.map(sid),
        dacl: match &file.dacl {
            Some(entries) => AclPart::Present(Acl::from_aces(entries.iter().map(real_entry)).unwrap()),
            None => AclPart::Null,
        },
        sacl: if sacl.is_empty() { AclPart::Absent } else { AclPart::Present(Acl::from_aces(sacl).unwrap()) },
        ..SecurityDescriptor::default()
    }
}

fn real_token(who: &Who) -> Token {
    let mut privileges = Privileges::EMPTY;
    for (name, privilege) in [
        ("security", Privileges::SECURITY),
        ("take-ownership", Privileges::TAKE_OWNERSHIP),
        ("backup", Privileges::BACKUP),
        ("restore", Privileges::RESTORE),
        ("relabel", Privileges::RELABEL),
    ] {
        privileges = privileges.with(privilege, who.privileges.contains(name));
    }
    let deny_only = |name: &&str| Group { sid: sid(name), attributes: GroupAttributes::USE_FOR_DENY_ONLY };
    let builder = Token::builder(sid("me"))
        .groups(who.enabled.iter().map(|name| sid(name)))
        .privileges(privileges)
        .integrity_level(IntegrityLevel(who.level))
        .claims(TokenClaims { user: who.claims.iter().map(claim).collect(), ..TokenClaims::default() });
    who.deny_only.iter().map(deny_only).fold(builder, freehold_acl::TokenBuilder::group_with).build()
}

/// Checks `count` triples and says how each kind of answer went.
fn check(seed: u64, count: u64) -> [u64; 3] {
    let mut random = Random(seed);
    let mut counts = [0u64; 3];
    let mut done = 0;
    while done < count {
        let (file, who) = (random.descriptor(), random.who());
        let parent = random.one_in(3).then(|| random.descriptor());
        let (descriptor, token) = (real_descriptor(&file), real_token(&who));
        let parent_descriptor = parent.as_ref().map(real_descriptor);
        for _ in 0..4 {
            let (desired, backup, read_only) = (random.desired(), random.one_in(4), random.one_in(8));
            let ask = Ask { file: &file, parent: parent.as_ref(), who: &who, desired, backup, read_only };
            let expected = open(&ask);
            let request = FileAccess {
                parent: parent_descriptor.as_ref(),
                backup_intent: backup,
                read_only,
                ..FileAccess::new(&descriptor, &token, AccessMask(desired))
            };
            let found = file_access_check(&request).map(|mask| mask.0);
            assert_eq!(
                found, expected,
                "seed {seed:#x}, desired {desired:#x} of {file:?}\nin {parent:?}\nfor {who:?}, backup {backup}, read-only {read_only}"
            );
            counts[match expected {
                Ok(_) => 0,
                Err(AccessError::Denied) => 1,
                Err(AccessError::PrivilegeNotHeld) => 2,
            }] += 1;
            done += 1;
        }
        let shown = bits(0x2_0000 | 1 | 0x80 | 8).all(|right| right_granted(right, true, &file, &who));
        assert_eq!(may_enumerate(&descriptor, &token), shown, "listing of {file:?} for {who:?}");
        let made = create_access_check(&descriptor, &token, AccessMask(READ), false, false).is_ok();
        assert_eq!(made, right_granted(2, true, &file, &who), "making a file in {file:?} for {who:?}");
    }
    counts
}

#[test]
fn a_million_random_triples_agree_with_the_model() {
    let triples =
        std::env::var("FREEHOLD_ACCESS_TRIPLES").ok().and_then(|text| text.parse().ok()).unwrap_or(TRIPLES);
    let begin = std::time::Instant::now();
    let threads: Vec<_> =
        (0..4u64).map(|n| std::thread::spawn(move || check(0x5EED_0001 + n, triples / 4))).collect();
    let mut counts = [0u64; 3];
    for thread in threads {
        for (total, part) in counts.iter_mut().zip(thread.join().unwrap()) {
            *total += part;
        }
    }
    println!(
        "{} triples in {:.1} s: granted, denied, no privilege: {counts:?}",
        counts.iter().sum::<u64>(),
        begin.elapsed().as_secs_f64()
    );
    // No answer is rare: the test means something.
    assert!(counts.iter().all(|count| *count > triples / 100), "{counts:?}");
}
