//! [MS-DTYP] 2.4.4.17 Conditional ACEs: the value of an expression for a token and a file ([MS-DTYP] 2.5.3.1.5
//! EvaluateAceCondition). Its text form is the SDDL module's.
//!
//! Reads the bytes as they are stored, at each check of a descriptor that has such an entry; others never come here. All
//! conditions of one check share a budget: whoever may set a descriptor must not be able to keep the server busy with it.
//! What goes beyond it, like anything that is not well-formed, is UNKNOWN: it never grants, and always denies.

use crate::claim::fold;
use crate::observer::{AccessObserver, AttributeSource, Note};
use crate::{Ace, AceType, Acl, Claim, ClaimFlags, ClaimValues, Token};
use freehold_dtyp::{Decode, Reader, Sid};

/// [MS-DTYP] 2.4.4.17.4: ACE_CONDITION_SIGNATURE.
pub(crate) const SIGNATURE: [u8; 4] = *b"artx";

/// [MS-DTYP] 2.4.4.17.5 to 2.4.4.17.8: byte codes.
#[allow(missing_docs)]
pub(crate) mod code {
    pub(crate) const PADDING: u8 = 0x00;
    pub(crate) const INT8: u8 = 0x01;
    pub(crate) const INT64: u8 = 0x04;
    pub(crate) const UNICODE_STRING: u8 = 0x10;
    pub(crate) const OCTET_STRING: u8 = 0x18;
    pub(crate) const COMPOSITE: u8 = 0x50;
    pub(crate) const SID: u8 = 0x51;
    pub(crate) const EQUALS: u8 = 0x80;
    pub(crate) const NOT_EQUALS: u8 = 0x81;
    pub(crate) const LESS_THAN: u8 = 0x82;
    pub(crate) const LESS_THAN_OR_EQUAL: u8 = 0x83;
    pub(crate) const GREATER_THAN: u8 = 0x84;
    pub(crate) const GREATER_THAN_OR_EQUAL: u8 = 0x85;
    pub(crate) const CONTAINS: u8 = 0x86;
    pub(crate) const EXISTS: u8 = 0x87;
    pub(crate) const ANY_OF: u8 = 0x88;
    pub(crate) const MEMBER_OF: u8 = 0x89;
    pub(crate) const DEVICE_MEMBER_OF: u8 = 0x8A;
    pub(crate) const MEMBER_OF_ANY: u8 = 0x8B;
    pub(crate) const DEVICE_MEMBER_OF_ANY: u8 = 0x8C;
    pub(crate) const NOT_EXISTS: u8 = 0x8D;
    pub(crate) const NOT_CONTAINS: u8 = 0x8E;
    pub(crate) const NOT_ANY_OF: u8 = 0x8F;
    pub(crate) const NOT_MEMBER_OF: u8 = 0x90;
    pub(crate) const NOT_DEVICE_MEMBER_OF: u8 = 0x91;
    pub(crate) const NOT_MEMBER_OF_ANY: u8 = 0x92;
    pub(crate) const NOT_DEVICE_MEMBER_OF_ANY: u8 = 0x93;
    pub(crate) const AND: u8 = 0xA0;
    pub(crate) const OR: u8 = 0xA1;
    pub(crate) const NOT: u8 = 0xA2;
    pub(crate) const LOCAL_ATTRIBUTE: u8 = 0xF8;
    pub(crate) const USER_ATTRIBUTE: u8 = 0xF9;
    pub(crate) const RESOURCE_ATTRIBUTE: u8 = 0xFA;
    pub(crate) const DEVICE_ATTRIBUTE: u8 = 0xFB;
}

/// The value of a condition, or of a part of one. In this order AND is the lesser and OR the greater of two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Truth {
    /// FALSE.
    False,
    /// UNKNOWN: something that it needs is not there, or it is not well-formed.
    Unknown,
    /// TRUE.
    True,
}

impl Truth {
    const fn negated(self) -> Truth {
        match self {
            Truth::False => Truth::True,
            Truth::Unknown => Truth::Unknown,
            Truth::True => Truth::False,
        }
    }
}

impl From<bool> for Truth {
    fn from(value: bool) -> Truth {
        if value { Truth::True } else { Truth::False }
    }
}

impl core::fmt::Display for Truth {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Truth::False => "false",
            Truth::Unknown => "unknown",
            Truth::True => "true",
        })
    }
}

/// The value of the condition of `ace` for `token`, with the resource attributes of `sacl`. An entry that is not of a
/// type with a condition has none to fail: [`Truth::True`].
///
/// An entry that allows applies when it is true; one that denies or audits applies unless it is false
/// ([MS-DTYP] 2.4.4.17.3).
#[must_use]
pub fn condition_value(ace: &Ace, token: &Token, sacl: Option<&Acl>) -> Truth {
    if !ace.ace_type().is_callback() {
        return Truth::True;
    }
    Conditions::new(token, sacl).value(ace, &mut ())
}

/// What the conditions of one access check may cost: values that are looked at, each counting once and once more for
/// every [`BYTES_PER_STEP`] bytes of it.
const MAX_STEPS: usize = 1 << 16;
const BYTES_PER_STEP: usize = 8;

/// The conditions of one access check.
pub(crate) struct Conditions<'a> {
    token: &'a Token,
    sacl: Option<&'a Acl>,
    steps: usize,
}

/// A rule was broken: the whole expression is UNKNOWN, whatever the rest of it says.
#[derive(Debug)]
struct Failed;

/// One value. Two of different types are not equal, but comparing them is a mistake.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Item {
    Integer(i128),
    Text(String),
    Sid(Sid),
    Octets(Vec<u8>),
}

/// The values of an operand.
#[derive(Clone, Debug, Default)]
struct Values {
    items: Vec<Item>,
    /// Integers are truth values.
    boolean: bool,
    case_sensitive: bool,
}

/// What stands on the stack.
#[derive(Debug)]
enum Operand {
    /// The values of an attribute, if it is there.
    Attribute(Option<Values>),
    /// A literal or a composite of literals.
    Literal(Values),
    /// What an operator came to.
    Result(Truth),
}

impl<'a> Conditions<'a> {
    /// None evaluated yet.
    #[inline]
    pub(crate) const fn new(token: &'a Token, sacl: Option<&'a Acl>) -> Conditions<'a> {
        Conditions { token, sacl, steps: MAX_STEPS }
    }

    /// The value of one entry's condition.
    #[cold]
    pub(crate) fn value<O: AccessObserver>(&mut self, ace: &Ace, observer: &mut O) -> Truth {
        // What is for denials only counts against, never for.
        let deny = !ace.ace_type().allows();
        self.expression(ace.data(), deny, observer).unwrap_or(Truth::Unknown)
    }

    fn expression<O: AccessObserver>(
        &mut self,
        data: &[u8],
        deny: bool,
        observer: &mut O,
    ) -> Result<Truth, Failed> {
        let mut reader = Reader::new(data);
        if reader.array("signature").map_err(|_| Failed)? != SIGNATURE {
            return Err(Failed);
        }
        let mut stack: Vec<Operand> = Vec::new();
        while !reader.is_empty() {
            let code = reader.u8("token").map_err(|_| Failed)?;
            if code == code::PADDING {
                if reader.remaining().iter().any(|byte| *byte != 0) {
                    return Err(Failed);
                }
                break;
            }
            self.spend(1, 0)?;
            let operand = self.step(code, &mut reader, &mut stack, deny, observer)?;
            stack.push(operand);
        }
        let whole = stack.pop().ok_or(Failed)?;
        if stack.is_empty() { whole.logical() } else { Err(Failed) }
    }

    fn spend(&mut self, values: usize, bytes: usize) -> Result<(), Failed> {
        let cost = values.saturating_add(bytes.checked_div(BYTES_PER_STEP).unwrap_or(0));
        self.steps = self.steps.checked_sub(cost).ok_or(Failed)?;
        Ok(())
    }

    /// Applies one token to the stack.
    fn step<O: AccessObserver>(
        &mut self,
        code: u8,
        reader: &mut Reader<'_>,
        stack: &mut Vec<Operand>,
        deny: bool,
        observer: &mut O,
    ) -> Result<Operand, Failed> {
        let mut pop = || stack.pop().ok_or(Failed);
        let result = match code {
            code::NOT => pop()?.logical()?.negated(),
            code::AND | code::OR => {
                let (right, left) = (pop()?.logical()?, pop()?.logical()?);
                if code == code::AND { left.min(right) } else { left.max(right) }
            }
            // The text names Local and Resource attributes only; Windows' editor writes `Exists @User.x` too.
            code::EXISTS | code::NOT_EXISTS => match pop()? {
                Operand::Attribute(values) => Truth::from(values.is_some() == (code == code::EXISTS)),
                Operand::Literal(_) | Operand::Result(_) => return Err(Failed),
            },
            code::EQUALS..=code::CONTAINS | code::ANY_OF | code::NOT_CONTAINS | code::NOT_ANY_OF => {
                let (right, left) = (pop()?, pop()?);
                self.relation(code, left, right)?
            }
            code::MEMBER_OF..=code::DEVICE_MEMBER_OF_ANY
            | code::NOT_MEMBER_OF..=code::NOT_DEVICE_MEMBER_OF_ANY => {
                let Operand::Literal(list) = pop()? else { return Err(Failed) };
                self.membership(code, &list, deny, observer)?
            }
            code::LOCAL_ATTRIBUTE..=code::DEVICE_ATTRIBUTE => {
                return self.attribute(code, reader, deny, observer);
            }
            _ => return self.literal(code, reader).map(Operand::Literal),
        };
        Ok(Operand::Result(result))
    }

    /// [MS-DTYP] 2.4.4.17.5 Literal Tokens.
    fn literal(&mut self, code: u8, reader: &mut Reader<'_>) -> Result<Values, Failed> {
        if code != code::COMPOSITE {
            return Ok(Values { items: vec![self.item(code, reader)?], ..Values::default() });
        }
        let mut content = Reader::new(counted(reader)?);
        let mut items = Vec::new();
        while !content.is_empty() {
            let code = content.u8("token").map_err(|_| Failed)?;
            items.push(self.item(code, &mut content)?);
        }
        Ok(Values { items, ..Values::default() })
    }

    fn item(&mut self, code: u8, reader: &mut Reader<'_>) -> Result<Item, Failed> {
        match code {
            code::INT8..=code::INT64 => {
                self.spend(1, 0)?;
                let value = reader.i64("value").map_err(|_| Failed)?;
                // Sign and base say how it was written.
                reader.skip("sign and base", 2).map_err(|_| Failed)?;
                Ok(Item::Integer(value.into()))
            }
            code::UNICODE_STRING => Ok(Item::Text(self.text(reader)?)),
            code::OCTET_STRING | code::SID => {
                let bytes = counted(reader)?;
                self.spend(1, bytes.len())?;
                if code == code::OCTET_STRING {
                    return Ok(Item::Octets(bytes.to_vec()));
                }
                let sid = Sid::from_bytes(bytes).map_err(|_| Failed)?;
                if sid.size() == bytes.len() { Ok(Item::Sid(sid)) } else { Err(Failed) }
            }
            _ => Err(Failed),
        }
    }

    fn text(&mut self, reader: &mut Reader<'_>) -> Result<String, Failed> {
        let bytes = counted(reader)?;
        self.spend(1, bytes.len())?;
        let (pairs, []) = bytes.as_chunks::<2>() else { return Err(Failed) };
        char::decode_utf16(pairs.iter().map(|pair| u16::from_le_bytes(*pair)))
            .collect::<Result<String, _>>()
            .map_err(|_| Failed)
    }

    /// [MS-DTYP] 2.4.4.17.8 Attribute Tokens.
    fn attribute<O: AccessObserver>(
        &mut self,
        code: u8,
        reader: &mut Reader<'_>,
        deny: bool,
        observer: &mut O,
    ) -> Result<Operand, Failed> {
        let name = self.text(reader)?;
        let folded = fold(&name);
        let token = self.token;
        let (source, claims) = match code {
            code::RESOURCE_ATTRIBUTE => {
                let claim = self.resource_attribute(&folded, deny)?;
                let source = AttributeSource::Resource;
                observer.note(Note::Attribute { source, name: &name, claim: claim.as_ref() });
                let values = claim.map(|claim| self.values(&claim)).transpose()?;
                // A set has each value once: an attribute that has not is none.
                return Ok(Operand::Attribute(values.filter(|values| !values.has_duplicates())));
            }
            code::USER_ATTRIBUTE => (AttributeSource::User, token.user_claims()),
            code::DEVICE_ATTRIBUTE => (AttributeSource::Device, token.device_claims()),
            _ => (AttributeSource::Local, token.local_claims()),
        };
        let mut found = None;
        for claim in claims {
            self.spend(1, claim.name.len())?;
            if claim.counts(deny) && fold(&claim.name) == folded {
                found = Some(claim);
                break;
            }
        }
        observer.note(Note::Attribute { source, name: &name, claim: found });
        Ok(Operand::Attribute(found.map(|claim| self.values(claim)).transpose()?))
    }

    /// [MS-DTYP] 2.4.4.15: the file's own attribute of that name.
    fn resource_attribute(&mut self, folded: &str, deny: bool) -> Result<Option<Claim>, Failed> {
        for ace in self.sacl.map_or(&[][..], Acl::aces) {
            if ace.ace_type() != AceType::SYSTEM_RESOURCE_ATTRIBUTE || ace.is_inherit_only() {
                continue;
            }
            self.spend(1, ace.data().len())?;
            let claim = Claim::from_bytes(ace.data());
            if let Some(claim) = claim.filter(|claim| claim.counts(deny) && fold(&claim.name) == folded) {
                return Ok(Some(claim));
            }
        }
        Ok(None)
    }

    fn values(&mut self, claim: &Claim) -> Result<Values, Failed> {
        let items: Vec<Item> = match &claim.values {
            ClaimValues::Int64(values) => values.iter().map(|value| Item::Integer((*value).into())).collect(),
            ClaimValues::Uint64(values) => {
                values.iter().map(|value| Item::Integer((*value).into())).collect()
            }
            ClaimValues::Boolean(values) => {
                values.iter().map(|value| Item::Integer((*value).into())).collect()
            }
            ClaimValues::Sid(values) => values.iter().map(|value| Item::Sid(*value)).collect(),
            ClaimValues::String(values) => {
                self.spend(0, values.iter().map(String::len).sum())?;
                values.iter().cloned().map(Item::Text).collect()
            }
            ClaimValues::OctetString(values) => {
                self.spend(0, values.iter().map(Vec::len).sum())?;
                values.iter().cloned().map(Item::Octets).collect()
            }
        };
        self.spend(items.len(), 0)?;
        Ok(Values {
            items,
            boolean: matches!(claim.values, ClaimValues::Boolean(_)),
            case_sensitive: claim.flags.intersects(ClaimFlags::VALUE_CASE_SENSITIVE),
        })
    }

    /// [MS-DTYP] 2.4.4.17.6 Relational Operator Tokens, unary: are all, or any, of these SIDs the token's?
    fn membership<O: AccessObserver>(
        &mut self,
        code: u8,
        list: &Values,
        deny: bool,
        observer: &mut O,
    ) -> Result<Truth, Failed> {
        use code::{
            DEVICE_MEMBER_OF, DEVICE_MEMBER_OF_ANY, MEMBER_OF_ANY, NOT_DEVICE_MEMBER_OF,
            NOT_DEVICE_MEMBER_OF_ANY, NOT_MEMBER_OF, NOT_MEMBER_OF_ANY,
        };
        let device = matches!(
            code,
            DEVICE_MEMBER_OF | DEVICE_MEMBER_OF_ANY | NOT_DEVICE_MEMBER_OF | NOT_DEVICE_MEMBER_OF_ANY
        );
        let any = matches!(
            code,
            MEMBER_OF_ANY | DEVICE_MEMBER_OF_ANY | NOT_MEMBER_OF_ANY | NOT_DEVICE_MEMBER_OF_ANY
        );
        if list.items.is_empty() {
            return Err(Failed);
        }
        self.spend(list.items.len(), 0)?;
        let mut members = 0usize;
        for item in &list.items {
            let Item::Sid(sid) = item else { return Err(Failed) };
            let is_member = match (device, deny) {
                (true, _) => self.token.device_contains(sid, deny),
                (false, true) => self.token.contains_for_deny(sid),
                (false, false) => self.token.contains(sid),
            };
            observer.note(Note::Membership { sid, device, is_member });
            members = members.saturating_add(usize::from(is_member));
        }
        let found = if any { members != 0 } else { members == list.items.len() };
        Ok(Truth::from(found != (code >= NOT_MEMBER_OF)))
    }

    /// [MS-DTYP] 2.4.4.17.6 Relational Operator Tokens, binary.
    fn relation(&mut self, code: u8, left: Operand, right: Operand) -> Result<Truth, Failed> {
        // On the left stands an attribute, on the right an attribute or a literal.
        let Operand::Attribute(left) = left else { return Err(Failed) };
        let right = match right {
            Operand::Attribute(values) => values,
            Operand::Literal(values) => Some(values),
            Operand::Result(_) => return Err(Failed),
        };
        let (Some(mut left), Some(mut right)) = (left, right) else { return Ok(Truth::Unknown) };
        self.spend(left.items.len().saturating_add(right.items.len()), 0)?;
        let boolean = align(&mut left, &mut right)?;
        let truth = match code {
            code::EQUALS => left.set() == right.set(),
            code::NOT_EQUALS => left.set() != right.set(),
            code::CONTAINS => left.contains_all(right)?,
            code::NOT_CONTAINS => !left.contains_all(right)?,
            code::ANY_OF => left.contains_any(&right)?,
            code::NOT_ANY_OF => !left.contains_any(&right)?,
            _ => {
                let ([left], [right]) = (&left.items[..], &right.items[..]) else {
                    return Ok(Truth::Unknown);
                };
                // SIDs and truth values have no order.
                if boolean || matches!(left, Item::Sid(_)) {
                    return Err(Failed);
                }
                match code {
                    code::LESS_THAN => left < right,
                    code::LESS_THAN_OR_EQUAL => left <= right,
                    code::GREATER_THAN => left > right,
                    code::GREATER_THAN_OR_EQUAL => left >= right,
                    _ => return Err(Failed),
                }
            }
        };
        Ok(Truth::from(truth))
    }
}

impl Operand {
    /// [MS-DTYP] 2.4.4.17.7: the logical value of an operand.
    fn logical(self) -> Result<Truth, Failed> {
        match self {
            Operand::Result(truth) => Ok(truth),
            Operand::Literal(_) => Err(Failed),
            Operand::Attribute(None) => Ok(Truth::Unknown),
            Operand::Attribute(Some(values)) => Ok(match &values.items[..] {
                [Item::Integer(value)] => Truth::from(*value != 0),
                [Item::Text(text)] => Truth::from(!text.is_empty()),
                // Of other types and of several values the text says nothing.
                _ => Truth::Unknown,
            }),
        }
    }
}

impl Values {
    /// The values in order, each once.
    fn set(mut self) -> Vec<Item> {
        self.items.sort_unstable();
        self.items.dedup();
        self.items
    }

    fn has_duplicates(&self) -> bool {
        let mut copy = self.clone();
        if !copy.case_sensitive {
            copy.fold();
        }
        let before = copy.items.len();
        copy.set().len() != before
    }

    fn fold(&mut self) {
        for item in &mut self.items {
            if let Item::Text(text) = item {
                *text = fold(text);
            }
        }
    }

    fn contains_all(mut self, wanted: Values) -> Result<bool, Failed> {
        if wanted.items.is_empty() {
            return Err(Failed);
        }
        self.items.sort_unstable();
        Ok(wanted.items.iter().all(|item| self.items.binary_search(item).is_ok()))
    }

    fn contains_any(mut self, wanted: &Values) -> Result<bool, Failed> {
        if wanted.items.is_empty() {
            return Err(Failed);
        }
        self.items.sort_unstable();
        Ok(wanted.items.iter().any(|item| self.items.binary_search(item).is_ok()))
    }
}

/// Brings both sides into a form in which equal values are equal; true when they are truth values. Values of different
/// types cannot be compared, except that 0 and 1 are truth values where the other side has those.
fn align(left: &mut Values, right: &mut Values) -> Result<bool, Failed> {
    let boolean = left.boolean || right.boolean;
    let kind = left.items.first().map(core::mem::discriminant);
    for item in left.items.iter().chain(&right.items) {
        if kind != Some(core::mem::discriminant(item)) {
            return Err(Failed);
        }
        if boolean && !matches!(item, Item::Integer(0 | 1)) {
            return Err(Failed);
        }
    }
    // Texts are compared without case unless one of the sides wants it.
    if !left.case_sensitive && !right.case_sensitive {
        left.fold();
        right.fold();
    }
    Ok(boolean)
}

/// A length in bytes and as many bytes.
fn counted<'a>(reader: &mut Reader<'a>) -> Result<&'a [u8], Failed> {
    let length = reader.u32("length").map_err(|_| Failed)?;
    reader.bytes("content", usize::try_from(length).map_err(|_| Failed)?).map_err(|_| Failed)
}

#[cfg(test)]
mod tests;
