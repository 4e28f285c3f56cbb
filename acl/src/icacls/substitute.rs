//! What `icacls /substitute` does to a saved list before it is put back: other accounts in place of those of another
//! server or domain.

use crate::{Ace, Acl, AclPart, AclTooLarge, SecurityDescriptor};
use freehold_dtyp::Sid;

/// The descriptor with every SID that is the first of a pair replaced by the second: owner, group, and the accounts of
/// entries. The SIDs within conditions and resource attributes stay. Of several pairs for one SID the first counts, and
/// nothing is replaced twice.
///
/// # Errors
/// [`AclTooLarge`] when a list, or the whole descriptor, would not fit.
pub fn substitute_sids(
    descriptor: &SecurityDescriptor,
    pairs: &[(Sid, Sid)],
) -> Result<SecurityDescriptor, AclTooLarge> {
    let replaced = |sid: &Sid| pairs.iter().find(|(old, _)| old == sid).map_or(*sid, |(_, new)| *new);
    let list = |part: &AclPart| match part {
        AclPart::Present(acl) if acl.aces().iter().any(|ace| replaced(ace.sid()) != *ace.sid()) => {
            let entry = |ace: &Ace| ace.clone().with_sid(replaced(ace.sid()));
            Acl::from_aces(acl.aces().iter().map(entry)).map(AclPart::Present)
        }
        other => Ok(other.clone()),
    };
    let substituted = SecurityDescriptor {
        owner: descriptor.owner.as_ref().map(replaced),
        group: descriptor.group.as_ref().map(replaced),
        dacl: list(&descriptor.dacl)?,
        sacl: list(&descriptor.sacl)?,
        ..descriptor.clone()
    };
    if substituted.size() > SecurityDescriptor::MAX_SIZE { Err(AclTooLarge) } else { Ok(substituted) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_support::{account, descriptor};
    use proptest::prelude::*;

    #[test]
    fn accounts_are_replaced_wherever_they_stand() {
        let (old, new) = (account(1), account(2));
        let sd = |who: Sid, other: Sid| -> SecurityDescriptor {
            format!("O:{who}G:{who}D:PAI(A;OICI;FA;;;{who})(D;ID;FW;;;{other})S:(AU;SA;FA;;;{who})")
                .parse()
                .unwrap()
        };
        let pairs = [(old, new), (old, Sid::EVERYONE), (new, Sid::SYSTEM)];
        assert_eq!(substitute_sids(&sd(old, Sid::USERS), &pairs), Ok(sd(new, Sid::USERS)));
        // Nothing is replaced twice, and two can change places.
        assert_eq!(substitute_sids(&sd(old, new), &[(old, new), (new, old)]), Ok(sd(new, old)));
    }

    proptest! {
        #[test]
        fn nothing_else_changes(sd in descriptor()) {
            prop_assert_eq!(substitute_sids(&sd, &[(account(3_000_000), Sid::EVERYONE)]), Ok(sd.clone()));
            prop_assert_eq!(substitute_sids(&sd, &[]), Ok(sd));
        }
    }
}
