//! Why an access check came out as it did: an observer that keeps what it is told.

use crate::observer::{AccessObserver, AttributeSource, Giver, Keeper, Note, Place};
use crate::{AccessError, AccessMask, Ace, Truth};
use freehold_dtyp::Sid;

/// What decided rights.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// An entry, that many entries from the start of its list.
    Entry(usize, Ace),
    /// Something else gives them.
    Given(Giver),
    /// Something keeps them, whatever entries say.
    Kept(Keeper),
}

/// Rights and what decided them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// Whose descriptor was looked at.
    pub place: Place,
    /// What decided.
    pub cause: Cause,
    /// The rights.
    pub rights: AccessMask,
}

/// A condition that was evaluated, and what it found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConditionReport {
    /// Whose descriptor it is in.
    pub place: Place,
    /// Index of its entry.
    pub index: usize,
    /// The entry.
    pub ace: Ace,
    /// Its value.
    pub value: Truth,
    /// The attributes that it looked for: where, the name, and the values if it is there.
    pub attributes: Vec<(AttributeSource, String, Option<String>)>,
    /// The memberships that it asked for: of whom, of the device, and the answer.
    pub memberships: Vec<(Sid, bool, bool)>,
}

/// Keeps everything that an access check tells.
#[derive(Clone, Debug)]
pub struct Reasons {
    place: Place,
    reasons: Vec<Reason>,
    conditions: Vec<ConditionReport>,
    outcome: Option<Result<AccessMask, AccessError>>,
    attributes: Vec<(AttributeSource, String, Option<String>)>,
    memberships: Vec<(Sid, bool, bool)>,
}

impl Reasons {
    /// Nothing told yet; the first descriptor is that of `place`.
    #[must_use]
    pub const fn new(place: Place) -> Reasons {
        Reasons {
            place,
            reasons: Vec::new(),
            conditions: Vec::new(),
            outcome: None,
            attributes: Vec::new(),
            memberships: Vec::new(),
        }
    }

    /// Why `right` of a descriptor is granted; `None` when nothing that was told grants it.
    #[must_use]
    pub fn granted(&self, place: Place, right: AccessMask) -> Option<&Reason> {
        self.find(place, right, |cause| match cause {
            Cause::Entry(_, ace) => ace.ace_type().allows(),
            Cause::Given(_) => true,
            Cause::Kept(_) => false,
        })
    }

    /// Why `right` of a descriptor is not granted; `None` when it is only that nothing grants it.
    #[must_use]
    pub fn denied(&self, place: Place, right: AccessMask) -> Option<&Reason> {
        let kept = self.find(place, right, |cause| matches!(cause, Cause::Kept(_)));
        kept.or_else(|| {
            self.find(place, right, |cause| matches!(cause, Cause::Entry(_, ace) if ace.ace_type().denies()))
        })
    }

    fn find(&self, place: Place, right: AccessMask, matching: impl Fn(&Cause) -> bool) -> Option<&Reason> {
        self.reasons.iter().find(|reason| {
            reason.place == place && reason.rights.intersects(right) && matching(&reason.cause)
        })
    }

    /// The conditions that were evaluated.
    #[must_use]
    pub fn conditions(&self) -> &[ConditionReport] {
        &self.conditions
    }

    /// What the check said in the end, when it told.
    #[must_use]
    pub const fn outcome(&self) -> Option<Result<AccessMask, AccessError>> {
        self.outcome
    }
}

impl AccessObserver for Reasons {
    fn note(&mut self, note: Note<'_>) {
        let mut because = |cause, rights: AccessMask| {
            self.reasons.push(Reason { place: self.place, cause, rights });
        };
        match note {
            Note::Descriptor(place) => self.place = place,
            Note::Entry { index, ace, rights } => because(Cause::Entry(index, ace.clone()), rights),
            Note::Given { by, rights } => because(Cause::Given(by), rights),
            Note::Kept { by, rights } => because(Cause::Kept(by), rights),
            Note::Attribute { source, name, claim } => {
                let values = claim.map(|claim| claim.values.to_string());
                self.attributes.push((source, name.to_owned(), values));
            }
            Note::Membership { sid, device, is_member } => self.memberships.push((*sid, device, is_member)),
            Note::Condition { index, ace, value } => self.conditions.push(ConditionReport {
                place: self.place,
                index,
                ace: ace.clone(),
                value,
                attributes: std::mem::take(&mut self.attributes),
                memberships: std::mem::take(&mut self.memberships),
            }),
            Note::Outcome(outcome) => self.outcome = Some(outcome),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_support::account;
    use crate::{FileAccess, Privileges, SecurityDescriptor, Token, file_access_check_observed};

    fn reasons(sd: &str, parent: Option<&str>, desired: AccessMask, token: &Token) -> Reasons {
        let descriptor: SecurityDescriptor = sd.parse().unwrap();
        let parent: Option<SecurityDescriptor> = parent.map(|parent| parent.parse().unwrap());
        let mut reasons = Reasons::new(Place::Object);
        let request = FileAccess { parent: parent.as_ref(), ..FileAccess::new(&descriptor, token, desired) };
        let outcome = file_access_check_observed(&request, &mut reasons);
        assert_eq!(reasons.outcome(), Some(outcome));
        reasons
    }

    const READ: AccessMask = AccessMask::FILE_READ_DATA;

    #[test]
    fn the_deciding_entry_is_told() {
        let token = Token::builder(account(1)).groups([Sid::EVERYONE]).build();
        let told = reasons("O:SYD:(D;;FW;;;WD)(A;;FR;;;WD)", None, READ, &token);
        assert!(matches!(told.granted(Place::Object, READ).unwrap().cause, Cause::Entry(1, _)));
        let write = AccessMask::FILE_WRITE_DATA;
        let told = reasons("O:SYD:(D;;FW;;;WD)(A;;FA;;;WD)", None, write, &token);
        assert!(matches!(told.denied(Place::Object, write).unwrap().cause, Cause::Entry(0, _)));
        let told = reasons("O:SYD:(A;;FR;;;WD)", None, write, &token);
        assert_eq!((told.granted(Place::Object, write), told.denied(Place::Object, write)), (None, None));
    }

    #[test]
    fn what_gives_and_keeps_besides_entries_is_told() {
        let token = Token::builder(account(1)).privileges(Privileges::TAKE_OWNERSHIP).build();
        let cause = |sd: &str, parent, right| {
            let told = reasons(sd, parent, right, &token);
            let granted = [Place::Object, Place::Parent].map(|place| told.granted(place, right).cloned());
            granted.into_iter().flatten().next().or(told.denied(Place::Object, right).cloned()).unwrap().cause
        };
        let owner = AccessMask::WRITE_OWNER;
        assert_eq!(cause("O:SYD:", None, owner), Cause::Given(Giver::TakeOwnershipPrivilege));
        let mine = format!("O:{}D:", account(1));
        assert_eq!(cause(&mine, None, AccessMask::WRITE_DAC), Cause::Given(Giver::Owner));
        let parent = format!("O:SYD:(A;;DT;;;{})", account(1));
        assert_eq!(cause("O:SYD:", Some(&parent), AccessMask::DELETE), Cause::Given(Giver::Parent));
        assert_eq!(cause("O:SY", None, READ), Cause::Given(Giver::NoDacl));
        let high = format!("O:SYD:(A;;FA;;;{})S:(ML;;NW;;;HI)", account(1));
        let told = reasons(&high, None, AccessMask::FILE_WRITE_DATA, &token);
        let denied = told.denied(Place::Object, AccessMask::FILE_WRITE_DATA).unwrap();
        assert!(matches!(denied.cause, Cause::Kept(Keeper::Label(_))));
    }

    #[test]
    fn a_condition_is_told_with_what_it_found() {
        let token = Token::builder(account(1)).groups([Sid::EVERYONE]).build();
        let sd = "O:SYD:(XA;;FR;;;WD;(@Resource.Level > 2 && @User.Dept == \"x\" || Member_of {SID(WD)}))S:(RA;;;;;WD;(\"Level\",TI,0,3))";
        let told = reasons(sd, None, READ, &token);
        let [condition] = told.conditions() else { panic!("{told:?}") };
        assert_eq!((condition.index, condition.value), (0, Truth::True));
        let found: Vec<_> =
            condition.attributes.iter().map(|(_, name, values)| (name.as_str(), values.as_deref())).collect();
        assert_eq!(found, [("Level", Some("3")), ("Dept", None)]);
        assert_eq!(condition.memberships, [(Sid::EVERYONE, false, true)]);
    }
}
