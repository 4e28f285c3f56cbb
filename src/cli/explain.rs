//! `freehold explain`: may this user do that with this file, and why.

use std::io::IsTerminal as _;
use std::process::ExitCode;

use clap::{Args, ValueEnum};

use super::{ServerOptions, target};
use crate::admin::explain::{ConditionRow, ExplainRequest, Explanation, HolderRow};
use crate::admin::protocol::{Reply, Request};

/// Exit code of a denial that was explained; 1 means that there is no explanation.
const DENIED: u8 = 3;

/// Arguments of `freehold explain`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  freehold explain anna Projects:/plans/2027.docx\n  \
                  freehold explain anna '\\\\server\\Projects\\plans\\2027.docx' M\n  \
                  freehold explain anna /srv/data/projects/plans W --share Projects\n  \
                  freehold explain bob Projects:/plans RX --add-group engineers\n  \
                  freehold explain bob Projects:/plans M --with-ace \"bob:(OI)(CI)M\"\n  \
                  freehold explain anna Projects:/plans -o json\n\n\
                  RIGHT is one of icacls' rights (F, M, RX, R, W, D, RD, WD, AD, X, DC, DE, RA, WA, REA, WEA, RC, WDAC, WO,\n\
                  S, AS, GR, GW, GE, GA), several with commas, a name such as FILE_READ_DATA, or a number such as 0x1200a9.\n\
                  Without it the answer is what the user can do at all.\n\n\
                  Exit codes: 0 allowed, 3 denied, 1 there is no answer (the reason is on standard error), 2 wrong usage.")]
pub(super) struct ExplainArgs {
    /// The account
    user: String,
    /// share:/folder/file, \\server\share\folder\file, or a path of this machine within a volume
    path: String,
    /// The right [default: all that can be done]
    right: Option<String>,
    /// The share that the user comes through, in place of the one in the path
    #[arg(long, value_name = "NAME")]
    share: Option<String>,
    /// What if the user were in this group too (may be given more than once)
    #[arg(long = "add-group", value_name = "GROUP")]
    add_groups: Vec<String>,
    /// What if the file had this entry too: SDDL such as (A;;FR;;;BU), or anna:(OI)(CI)M (may be given more than once)
    #[arg(long = "with-ace", value_name = "ACE")]
    with_aces: Vec<String>,
    /// The program opens with backup intent, as backup programs and robocopy /B do
    #[arg(long)]
    backup_intent: bool,
    /// Form of the answer
    #[arg(short = 'o', long = "output", value_enum, default_value_t, value_name = "FORM")]
    output: Form,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Form {
    /// For people
    #[default]
    Text,
    /// One object
    Json,
}

pub(super) fn run(arguments: &ExplainArgs, options: &ServerOptions) -> anyhow::Result<ExitCode> {
    let request = ExplainRequest {
        user: arguments.user.clone(),
        path: arguments.path.clone(),
        right: arguments.right.clone(),
        share: arguments.share.clone(),
        add_groups: arguments.add_groups.clone(),
        with_aces: arguments.with_aces.clone(),
        backup_intent: arguments.backup_intent,
    };
    let explanation = match target::call(options, Request::Explain(request))? {
        Reply::Explanation(explanation) => explanation,
        other => return Err(target::unexpected(&other)),
    };
    match arguments.output {
        Form::Json => super::say(&serde_json::to_string_pretty(&explanation)?),
        Form::Text => super::say(text(&explanation, std::io::stdout().is_terminal()).trim_end()),
    }
    Ok(if explanation.allowed { ExitCode::SUCCESS } else { ExitCode::from(DENIED) })
}

/// The answer for people: what, why, who else, what to do.
fn text(explanation: &Explanation, terminal: bool) -> String {
    let mut lines: Vec<String> = Vec::new();
    for (index, line) in explanation.summary.iter().enumerate() {
        match (index, terminal && std::env::var_os("NO_COLOR").is_none()) {
            (0, true) => lines.push(format!("\x1b[1m{line}\x1b[0m")),
            (0, false) => lines.push(line.clone()),
            _ => lines.push(format!("  {line}")),
        }
    }
    let mut section = |title: &str, body: Vec<String>| {
        if !body.is_empty() {
            lines.push(String::new());
            lines.push(format!("{title}:"));
            lines.extend(body.into_iter().map(|line| format!("  {line}")));
        }
    };
    section("Assumed", explanation.what_if.clone());
    if explanation.asked == "MAXIMUM_ALLOWED" {
        section("Rights", explanation.rights.iter().map(right).collect());
    }
    section("Conditions", explanation.conditions.iter().flat_map(condition).collect());
    let mut facts = vec![format!("groups: {}", explanation.groups.join(", "))];
    if !explanation.privileges.is_empty() {
        facts.push(format!("privileges: {}", explanation.privileges.join(", ")));
    }
    for (name, claims) in [("user", &explanation.user_claims), ("device", &explanation.device_claims)] {
        if !claims.is_empty() {
            facts.push(format!("claims of the {name}: {}", claims.join("; ")));
        }
    }
    section(&explanation.user, facts);
    let mut facts = vec![format!("owner: {}", explanation.owner)];
    if let Some(share) = &explanation.share {
        let decided: Vec<String> =
            share.entries.iter().map(|entry| format!("{} {}", entry.account, entry.sddl)).collect();
        facts.push(format!(
            "share {}: lets through {} by {}",
            share.name,
            share.maximal.join(","),
            decided.join(", ")
        ));
    }
    facts.push(format!("quota: {}", explanation.quota.text));
    section(&explanation.path, facts);
    section("Open now", explanation.holders.iter().map(holder).collect());
    section("What to do", explanation.advice.clone());
    lines.join("\n")
}

fn right(row: &crate::admin::explain::RightRow) -> String {
    let verdict = if row.allowed { "yes" } else { "no " };
    format!("{verdict} {:<5} {:<32} {}", row.short, row.purpose, row.reason)
}

fn condition(row: &ConditionRow) -> Vec<String> {
    let effect = if row.applied { "the entry counts" } else { "the entry does not count" };
    let mut lines = vec![format!("entry {} is {}, {effect}: {}", row.index, row.value, row.sddl)];
    lines.extend(row.operands.iter().map(|operand| {
        format!("  {} is {}", operand.operand, operand.value.as_deref().unwrap_or("not there"))
    }));
    lines
}

fn holder(row: &HolderRow) -> String {
    let shares = if row.shares.is_empty() { "nothing".to_owned() } else { row.shares.join(", ") };
    let mut line = format!(
        "{} at {} through {}: {}; shares {shares}",
        row.user,
        row.client,
        row.share,
        row.access.join(",")
    );
    if !row.cache.is_empty() {
        line.push_str(&format!("; {}{}", row.cache, if row.breaking { ", being taken back" } else { "" }));
    }
    for lock in &row.locks {
        let kind = if lock.exclusive { "exclusive" } else { "shared" };
        line.push_str(&format!("; {kind} lock of {} bytes at {}", lock.length, lock.offset));
    }
    line
}
