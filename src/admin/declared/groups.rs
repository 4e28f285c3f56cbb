//! Declared groups.

use std::collections::BTreeSet;

use freehold_dtyp::Sid;

use super::super::declared_protocol::DeclaredGroup;
use super::plan::{Plan, bare};
use crate::state::accounts::fold_name;
use crate::state::{DeclaredStep, State};

/// Plans what makes the groups as declared.
pub(super) fn plan(plan: &mut Plan<'_>, declared: &[DeclaredGroup]) {
    let mut seen = BTreeSet::new();
    for (number, group) in declared.iter().enumerate() {
        let place = format!("Groups[{number}]");
        let name = bare(&group.name);
        if !seen.insert(fold_name(name)) {
            plan.mistake(&format!("{place}.Name"), format!("the group {name:?} is declared twice"));
        }
        one(plan, &place, name, group);
    }
    let present = plan.names.accounts().groups().to_vec();
    for group in present.iter().filter(|group| !group.builtin && !seen.contains(&fold_name(&group.name))) {
        let detail = format!("with {} members", group.members.len());
        plan.remove("Group", &group.name, detail, DeclaredStep::RemoveGroup { group: group.sid });
    }
}

fn one(plan: &mut Plan<'_>, place: &str, name: &str, declared: &DeclaredGroup) {
    let mut wanted: Vec<Sid> = Vec::new();
    for (number, member) in declared.members.iter().enumerate() {
        wanted.extend(plan.resolve(&format!("{place}.Members[{number}]"), member));
    }
    let Some(group) = plan.names.accounts().group(name).cloned() else {
        match State::check_group(name, &declared.comment) {
            Ok(()) if plan.names.accounts().account(name).is_some() => {
                plan.mistake(&format!("{place}.Name"), format!("an account is called {name:?} already"));
            }
            Ok(()) => {
                let (name, comment) = (name.to_owned(), declared.comment.clone());
                plan.add("Group", &name.clone(), String::new(), DeclaredStep::AddGroup { name, comment });
            }
            Err(error) => plan.mistake(place, error),
        }
        for member in &wanted {
            let detail = plan.name_of(member);
            // Its SID is known when the group is there: the plan is made again then.
            let step = DeclaredStep::AddMember { group: Sid::NULL, member: *member };
            plan.add("GroupMember", name, detail, step);
        }
        return;
    };
    // Comments of BUILTIN's groups are the server's own.
    if !group.builtin && group.comment != declared.comment {
        match State::check_group(&group.name, &declared.comment) {
            Ok(()) => {
                let detail = format!("Comment: {:?} -> {:?}", group.comment, declared.comment);
                let step = DeclaredStep::ChangeGroup { group: group.sid, comment: declared.comment.clone() };
                plan.change("Group", &group.name, detail, step);
            }
            Err(error) => plan.mistake(&format!("{place}.Comment"), error),
        }
    }
    if wanted.contains(&group.sid) {
        plan.mistake(&format!("{place}.Members"), "a group cannot be a member of itself");
    }
    for member in wanted.iter().filter(|sid| !group.members.contains(sid)) {
        let detail = plan.name_of(member);
        let step = DeclaredStep::AddMember { group: group.sid, member: *member };
        plan.add("GroupMember", &group.name, detail, step);
    }
    for member in group.members.iter().filter(|sid| !wanted.contains(sid)) {
        let detail = plan.name_of(member);
        let step = DeclaredStep::RemoveMember { group: group.sid, member: *member };
        plan.remove("GroupMember", &group.name, detail, step);
    }
}
