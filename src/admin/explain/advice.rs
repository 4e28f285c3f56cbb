//! The answer in a few sentences, and what to do.

use freehold_acl::{AccessMask, GenericMapping};

use super::answer::{Explanation, ReasonKind, RightRow};
use super::{Question, reason};

/// Summary and advice.
pub(super) fn of(explanation: &Explanation, question: &Question) -> (Vec<String>, Vec<String>) {
    let mut summary = vec![headline(explanation, question)];
    let denied: Vec<&RightRow> = explanation.rights.iter().filter(|row| !row.allowed).collect();
    if !question.asked.is_maximum() {
        summary.extend(grouped(&explanation.rights));
    }
    if let Some(share) = explanation.share.as_ref().filter(|share| !share.allowed) {
        summary.push(format!("The share {} does not let {} connect at all.", share.name, explanation.user));
    }
    if !explanation.also_through.is_empty() {
        let shares = explanation.also_through.join(", ");
        summary.push(format!(
            "Several shares lead to it ({shares}): what they allow is left out. Name one with --share."
        ));
    }
    if explanation.visible == Some(false) {
        summary.push("A listing of the folder does not show it (access-based enumeration).".to_owned());
    }
    for holder in explanation.holders.iter().filter(|holder| !holder.effect.is_empty()) {
        let who = if holder.user.is_empty() { "somebody" } else { &holder.user };
        summary.push(format!("{who} at {} has it open: {}.", holder.client, holder.effect));
    }
    if explanation.quota.exceeded {
        summary.push(format!("Quota: {}.", explanation.quota.text));
    }
    let advice = if explanation.allowed {
        nothing_to_do(explanation)
    } else {
        what_to_do(explanation, question, &denied)
    };
    (summary, advice)
}

fn headline(explanation: &Explanation, question: &Question) -> String {
    let (user, path) = (&explanation.user, &explanation.path);
    let asked = short(GenericMapping::FILE.map_generic(question.asked.mask));
    match (explanation.status.as_str(), question.asked.is_maximum()) {
        ("STATUS_ACCOUNT_DISABLED", _) => {
            format!("DENIED: the account {user} is disabled and cannot log on.")
        }
        ("STATUS_SUCCESS", true) => {
            let granted = short(AccessMask(explanation.granted_mask));
            format!("ALLOWED: {user} may open {path} with {granted}.")
        }
        ("STATUS_SUCCESS", false) => format!("ALLOWED: {user} may open {path} with {asked}."),
        ("STATUS_OBJECT_NAME_NOT_FOUND", _) => {
            format!("NOT THERE: {path} does not exist; {user} may make it.")
        }
        ("STATUS_SHARING_VIOLATION", _) => {
            format!(
                "NOT NOW: {user} has the rights to {path}, but somebody has it open and does not share it."
            )
        }
        (status, true) => format!("DENIED: {user} may do nothing with {path} ({status})."),
        (status, false) => format!("DENIED: {user} may not open {path} with {asked} ({status})."),
    }
}

/// icacls' name of a mask: `M`, `RD,RA`.
fn short(mask: AccessMask) -> String {
    freehold_acl::rights_text(mask, false)
}

/// Rights with the same reason in one line.
fn grouped(rows: &[RightRow]) -> Vec<String> {
    let mut lines: Vec<(bool, &str, Vec<&str>)> = Vec::new();
    for row in rows {
        match lines.iter_mut().find(|(allowed, reason, _)| *allowed == row.allowed && *reason == row.reason) {
            Some((.., names)) => names.push(&row.short),
            None => lines.push((row.allowed, &row.reason, vec![&row.short])),
        }
    }
    // What is denied is what was asked about.
    lines.sort_by_key(|(allowed, ..)| *allowed);
    lines
        .iter()
        .map(|(allowed, reason, names)| {
            format!("{} {}: {reason}.", if *allowed { "allowed" } else { "DENIED " }, names.join(","))
        })
        .collect()
}

fn nothing_to_do(explanation: &Explanation) -> Vec<String> {
    let mut advice = Vec::new();
    if explanation.visible == Some(false) {
        advice
            .push("Give the user read permission if it should be listed, or open it by its path.".to_owned());
    }
    if explanation.share.as_ref().is_some_and(|share| share.encrypt) {
        advice.push("The share answers encrypted requests only: the client must speak SMB 3.".to_owned());
    }
    if advice.is_empty() {
        advice.push("Nothing needs to be done.".to_owned());
    }
    advice
}

fn what_to_do(explanation: &Explanation, question: &Question, denied: &[&RightRow]) -> Vec<String> {
    let user = &explanation.user;
    match explanation.status.as_str() {
        "STATUS_ACCOUNT_DISABLED" => return vec![format!("Enable it: freehold user enable {user}")],
        "STATUS_OBJECT_NAME_NOT_FOUND" => {
            return vec!["Check the spelling of the path, or make it.".to_owned()];
        }
        "STATUS_SHARING_VIOLATION" => {
            return explanation
                .holders
                .iter()
                .filter(|holder| holder.blocks)
                .map(|holder| format!("Have {} at {} close it.", holder.user, holder.client))
                .collect();
        }
        _ => {}
    }
    let mut advice: Vec<String> = Vec::new();
    let mut missing = AccessMask::EMPTY;
    for row in denied {
        let sentence = match row.decided_by {
            ReasonKind::NoEntry => {
                missing |= AccessMask(row.mask);
                continue;
            }
            ReasonKind::Entry => deny_advice(row, explanation),
            ReasonKind::Share => share_advice(row, explanation),
            ReasonKind::ReadOnly => "Clear the attribute read-only, in the file's properties.".to_owned(),
            ReasonKind::IntegrityLabel => {
                "Lower the file's integrity label, or log on at that level.".to_owned()
            }
            ReasonKind::PrivilegeNotHeld => {
                format!("Only members of Administrators may: freehold group add-member Administrators {user}")
            }
            ReasonKind::NotAFileRight => "Ask for rights that files have.".to_owned(),
            _ => continue,
        };
        if !advice.contains(&sentence) {
            advice.push(sentence);
        }
    }
    if !missing.is_empty() {
        advice.extend(grant_advice(missing, explanation, question));
    }
    advice
}

fn deny_advice(row: &RightRow, explanation: &Explanation) -> String {
    let Some(entry) = &row.entry else { return String::new() };
    let place = entry.inherited_from.as_deref().unwrap_or(&explanation.path);
    match entry.chain.as_slice() {
        [user, .., group] if user != group => {
            format!("Remove the entry {} from {place}, or take {user} out of {group}.", entry.sddl)
        }
        _ => format!("Remove the entry {} from {place}.", entry.sddl),
    }
}

fn share_advice(row: &RightRow, explanation: &Explanation) -> String {
    let share = explanation.share.as_ref().map_or("", |share| share.name.as_str());
    let user = &explanation.user;
    let right = if AccessMask(0x0012_00A9).contains(AccessMask(row.mask)) {
        "read"
    } else if AccessMask(0x0013_01BF).contains(AccessMask(row.mask)) {
        "change"
    } else {
        "full"
    };
    match &row.entry {
        Some(entry) => {
            format!("Remove the share's denial: freehold share unblock {share} {:?}", entry.account)
        }
        None => format!("Let it through the share: freehold share grant {share} {user} {right}"),
    }
}

fn grant_advice(missing: AccessMask, explanation: &Explanation, question: &Question) -> Vec<String> {
    let user = &explanation.user;
    let target = &question.target;
    let (missing, place) = match target.found {
        Some(_) => (missing, explanation.path.clone()),
        None => (AccessMask::FILE_ADD_FILE, target.described()),
    };
    let named = if question.asked.is_maximum() { "R".to_owned() } else { short(question.asked.mask) };
    let right = if target.found.is_some() { named } else { "M".to_owned() };
    let mut advice =
        vec![format!("Give the right: freehold acl grant {place:?} {:?}", format!("{user}:({right})"))];
    let wanted = if question.asked.is_maximum() { AccessMask::FILE_GENERIC_READ } else { missing };
    if let Some(group) = reason::group_with(&question.descriptor, wanted) {
        let name = question.subject.name_of(&group);
        if explanation.groups.iter().all(|other| *other != name)
            && name != *user
            && question.subject.is_group(&group)
        {
            advice.push(format!(
                "Or put the user into a group that has it: freehold group add-member {name:?} {user}"
            ));
        }
    }
    advice
}
