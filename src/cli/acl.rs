//! `freehold acl`: access-control lists of files, in the words of Windows' icacls.

use anyhow::Context as _;
use clap::{Args, Subcommand};

use super::output::OutputOptions;
use super::{ChangeOptions, ServerOptions, acl_files, acl_progress, acl_show, target};
use crate::admin::acl_protocol::{AclChange, AclReply, AclRequest, InheritMode};
use crate::admin::protocol::{Reply, Request};

/// How a path is given, for every verb's help.
const PATHS: &str = "PATH is share:/folder/file, \\\\server\\share\\folder\\file, or a full path on this machine within a volume.\n\
                     icacls' own switches work too: /T is --recurse, /C --continue, /Q --quiet; /L has nothing to do, as links are \
                     never followed.\n\
                     Where a share leads to another folder for each who connects, --as USER says whose is meant.";

/// Arguments of `freehold acl`.
#[derive(Debug, Subcommand)]
#[command(after_help = "Examples:\n  freehold acl show projects:/plans\n  \
                        freehold acl grant projects:/plans \"anna:(OI)(CI)M\" \"Everyone:(OI)(CI)RX\"\n  \
                        freehold acl deny projects:/plans/secret bob:W\n  \
                        freehold acl revoke projects:/plans Everyone\n  \
                        freehold acl inherit projects:/plans disable\n  \
                        freehold acl save projects:/plans --file plans.acl --recurse\n  \
                        freehold acl restore projects:/ --file plans.acl\n\n\
                        What changes on a folder is handed down to everything below that inherits it, by the server, also when this \
                        command is ended or the server restarts meanwhile: `freehold acl jobs` shows how far it is.")]
pub(super) enum AclCommand {
    /// Show who may do what
    #[command(after_help = format!("Examples:\n  freehold acl show projects:/plans\n  freehold acl show projects:/ --recurse -o jsonl\n  \
                                    freehold acl show /srv/data/plans --sddl\n  \
                                    freehold acl show Home:/ --as anna\n\n{PATHS}"))]
    Show(ShowArgs),
    /// Replace owner, group, DACL, SACL (in SDDL) or integrity level
    #[command(after_help = format!("Examples:\n  freehold acl set projects:/plans \"D:PAI(A;OICI;FA;;;BA)(A;OICI;FA;;;SY)\"\n  \
                                    freehold acl set projects:/plans --owner anna --recurse\n  \
                                    freehold acl set projects:/plans \"S:(AU;OICISAFA;FA;;;WD)\"\n  \
                                    freehold acl set projects:/plans --integrity \"(OI)(CI)H\"\n\n\
                                    Parts that are not given stay. Entries marked as inherited (ID) are replaced by what the folder gives.\n{PATHS}"))]
    Set(SetArgs),
    /// Grant rights, on top of those granted before
    #[command(after_help = format!("Examples:\n  freehold acl grant projects:/plans \"anna:(OI)(CI)M\"\n  \
                                    freehold acl grant projects:/plans \"*S-1-5-32-545:(OI)(CI)(RX,WD)\" --replace\n  \
                                    freehold acl grant projects:/plans anna:F --recurse --continue\n\n{ENTRIES}\n{PATHS}"))]
    Grant(GrantArgs),
    /// Deny rights, whatever grants them
    #[command(after_help = format!("Examples:\n  freehold acl deny projects:/plans \"Guests:(OI)(CI)N\"\n  \
                                    freehold acl deny projects:/plans bob:W\n\n{ENTRIES}\n{PATHS}"))]
    Deny(EntriesArgs),
    /// Remove an account's own entries
    #[command(after_help = format!("Examples:\n  freehold acl revoke projects:/plans Everyone\n  \
                                    freehold acl revoke projects:/plans bob --denied --recurse\n\n\
                                    What is inherited stays: revoke it where it comes from.\n{PATHS}"))]
    Revoke(RevokeArgs),
    /// Turn inheritance from the folder above on or off
    #[command(after_help = format!("Examples:\n  freehold acl inherit projects:/plans disable\n  \
                                    freehold acl inherit projects:/plans remove --what-if\n  \
                                    freehold acl inherit projects:/plans enable\n\n{PATHS}"))]
    Inherit(InheritArgs),
    /// Leave nothing but what is inherited
    #[command(after_help = format!("Examples:\n  freehold acl reset projects:/plans/old --recurse --force\n\n{PATHS}"))]
    Reset(ResetArgs),
    /// Save lists to a file that icacls /restore reads, or as JSON
    #[command(after_help = format!("Examples:\n  freehold acl save projects:/plans --file plans.acl --recurse\n  \
                                    freehold acl save projects:/plans --file plans.json --recurse -o json\n\n\
                                    icacls' form has the DACLs alone; JSON has owner, group and SACL too.\n{PATHS}"))]
    Save(SaveArgs),
    /// Put saved lists back, exactly as they were
    #[command(after_help = format!("Examples:\n  freehold acl restore projects:/ --file plans.acl\n  \
                                    freehold acl restore archive:/2026 --file plans.json --continue\n  \
                                    freehold acl restore projects:/ --file old.acl --substitute S-1-5-21-1-2-3-1105 anna\n\n\
                                    PATH is the folder that holds what was saved. Both forms are recognised, and files that icacls /save wrote \
                                    on Windows: short names of accounts of a domain (DA, DU) mean those of this server's domain. Nothing is \
                                    inherited anew.\n{PATHS}"))]
    Restore(RestoreArgs),
    /// List the jobs that hand changes down
    #[command(after_help = "Examples:\n  freehold acl jobs\n  freehold acl jobs -o json")]
    Jobs(OutputOptions),
}

/// How an entry is given.
const ENTRIES: &str = "An entry is ACCOUNT:RIGHTS or ACCOUNT:(FLAGS)RIGHTS. ACCOUNT is a name, DOMAIN\\name, or * and a SID.\n\
                       RIGHTS are N (none), F (full), M (modify), RX, R, W, D, or a list in parentheses of these and of DE, RC, WDAC, WO, \
                       S, AS, GR, GW, GE, GA, RD, WD, AD, REA, WEA, X, DC, RA, WA and hexadecimal numbers.\n\
                       FLAGS are (OI) files below inherit it, (CI) folders below do, (IO) this folder itself does not, (NP) no \
                       further than one level.";

#[derive(Debug, Args)]
pub(super) struct ShowArgs {
    /// File or folder
    pub(super) path: String,
    /// Everything below, too
    #[arg(long)]
    pub(super) recurse: bool,
    /// Print SDDL in place of entries
    #[arg(long)]
    pub(super) sddl: bool,
    #[command(flatten)]
    pub(super) whose: Whose,
    #[command(flatten)]
    pub(super) form: OutputOptions,
    /// Taken for icacls' sake
    #[arg(long, hide = true)]
    quiet: bool,
}

/// Whose folder is meant.
#[derive(Clone, Debug, Args)]
pub(super) struct Whose {
    /// Whose folder, where the share leads to another one for each who connects (users/{user}): an account, or a SID
    #[arg(long = "as", value_name = "USER")]
    pub(super) as_user: Option<String>,
}

/// Options of the verbs that change something.
#[derive(Clone, Debug, Args)]
pub(super) struct Options {
    #[command(flatten)]
    whose: Whose,
    /// Make the same change on everything below, too
    #[arg(long)]
    recurse: bool,
    /// Go on below when a file cannot be changed
    #[arg(long = "continue")]
    continue_on_error: bool,
    /// Say nothing when it works
    #[arg(long)]
    quiet: bool,
    /// Do not wait until the change is handed down; `freehold acl jobs` shows how far it is
    #[arg(long)]
    no_wait: bool,
    #[command(flatten)]
    change: ChangeOptions,
}

#[derive(Debug, Args)]
pub(super) struct SetArgs {
    /// File or folder
    path: String,
    /// The parts to replace, such as O:BA or D:P(A;OICI;FA;;;BA)
    sddl: Option<String>,
    /// New owner: an account, a group, or * and a SID
    #[arg(long, value_name = "ACCOUNT")]
    owner: Option<String>,
    /// New primary group
    #[arg(long, value_name = "ACCOUNT")]
    group: Option<String>,
    /// New integrity level: L, M or H, with (OI)(CI) for what is below
    #[arg(long, value_name = "LEVEL", conflicts_with_all = ["sddl", "owner", "group"])]
    integrity: Option<String>,
    #[command(flatten)]
    options: Options,
}

#[derive(Debug, Args)]
pub(super) struct GrantArgs {
    /// File or folder
    path: String,
    /// Entries such as anna:(OI)(CI)M
    #[arg(required = true, value_name = "ENTRY")]
    entries: Vec<String>,
    /// In place of what the accounts were granted before
    #[arg(long)]
    replace: bool,
    #[command(flatten)]
    options: Options,
}

#[derive(Debug, Args)]
pub(super) struct EntriesArgs {
    /// File or folder
    path: String,
    /// Entries such as bob:(OI)(CI)W
    #[arg(required = true, value_name = "ENTRY")]
    entries: Vec<String>,
    #[command(flatten)]
    options: Options,
}

#[derive(Debug, Args)]
pub(super) struct RevokeArgs {
    /// File or folder
    path: String,
    /// Accounts and groups
    #[arg(required = true, value_name = "ACCOUNT")]
    accounts: Vec<String>,
    /// Only entries that grant
    #[arg(long, conflicts_with = "denied")]
    granted: bool,
    /// Only entries that deny
    #[arg(long)]
    denied: bool,
    #[command(flatten)]
    options: Options,
}

#[derive(Debug, Args)]
pub(super) struct InheritArgs {
    /// File or folder
    path: String,
    /// What to do (icacls' e, d and r will do)
    #[arg(value_enum)]
    mode: InheritMode,
    #[command(flatten)]
    options: Options,
}

#[derive(Debug, Args)]
pub(super) struct ResetArgs {
    /// File or folder
    path: String,
    /// Do not ask
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    options: Options,
}

#[derive(Debug, Args)]
pub(super) struct SaveArgs {
    /// File or folder
    pub(super) path: String,
    /// File to write; - for standard output
    #[arg(long, value_name = "FILE")]
    pub(super) file: std::path::PathBuf,
    /// Everything below, too
    #[arg(long)]
    pub(super) recurse: bool,
    /// Go on when a list cannot be read
    #[arg(long = "continue")]
    pub(super) continue_on_error: bool,
    /// Say nothing when it works
    #[arg(long)]
    pub(super) quiet: bool,
    #[command(flatten)]
    pub(super) whose: Whose,
    /// Form of the file
    #[arg(short = 'o', long = "output", value_enum, default_value_t, value_name = "FORM")]
    pub(super) form: acl_files::FileForm,
}

#[derive(Debug, Args)]
pub(super) struct RestoreArgs {
    /// Folder that holds what was saved
    pub(super) path: String,
    /// File to read; - for standard input
    #[arg(long, value_name = "FILE")]
    pub(super) file: std::path::PathBuf,
    /// Go on when a file cannot be changed
    #[arg(long = "continue")]
    pub(super) continue_on_error: bool,
    /// Say nothing when it works
    #[arg(long)]
    pub(super) quiet: bool,
    /// Taken for icacls' sake
    #[arg(long, hide = true)]
    recurse: bool,
    /// Put NEW in OLD's place wherever a saved list names OLD: accounts, or SIDs such as those of another server (may be given more
    /// than once)
    #[arg(long = "substitute", num_args = 2, value_names = ["OLD", "NEW"], action = clap::ArgAction::Append)]
    pub(super) substitutes: Vec<String>,
    #[command(flatten)]
    pub(super) whose: Whose,
    #[command(flatten)]
    pub(super) change: ChangeOptions,
}

/// icacls' switches behind `acl VERB PATH` as options of ours. A path is never taken for one: paths of this machine that are
/// so short hold no volume.
pub(super) fn translate_switches(
    arguments: impl Iterator<Item = std::ffi::OsString>,
) -> Vec<std::ffi::OsString> {
    let mut arguments: Vec<_> = arguments.collect();
    if arguments.get(1).is_some_and(|noun| noun == "acl") {
        let mut kept = Vec::with_capacity(arguments.len());
        for argument in arguments {
            let option = match argument.to_str().map(str::to_ascii_lowercase).as_deref() {
                Some("/t") => "--recurse",
                Some("/c") => "--continue",
                Some("/q") => "--quiet",
                Some("/substitute") => "--substitute",
                Some("/l") => continue,
                _ => {
                    kept.push(argument);
                    continue;
                }
            };
            kept.push(option.into());
        }
        arguments = kept;
    }
    arguments
}

pub(super) fn run(command: AclCommand, server: &ServerOptions) -> anyhow::Result<()> {
    match command {
        AclCommand::Show(arguments) => acl_show::show(&arguments, server),
        AclCommand::Jobs(form) => acl_show::jobs(form, server),
        AclCommand::Save(arguments) => acl_files::save(&arguments, server),
        AclCommand::Restore(arguments) => acl_files::restore(&arguments, server),
        AclCommand::Set(SetArgs { path, sddl, owner, group, integrity, options }) => {
            change(path, AclChange::Set { sddl, owner, group, integrity }, options, server)
        }
        AclCommand::Grant(GrantArgs { path, entries, replace, options }) => {
            change(path, AclChange::Grant { entries, replace }, options, server)
        }
        AclCommand::Deny(EntriesArgs { path, entries, options }) => {
            change(path, AclChange::Deny { entries }, options, server)
        }
        AclCommand::Revoke(RevokeArgs { path, accounts, granted, denied, options }) => {
            let change_ = AclChange::Revoke { accounts, granted: !denied, denied: !granted };
            change(path, change_, options, server)
        }
        AclCommand::Inherit(InheritArgs { path, mode, options }) => {
            change(path, AclChange::Inherit { mode }, options, server)
        }
        AclCommand::Reset(ResetArgs { path, force, options }) => {
            if options.recurse && !options.change.what_if {
                target::confirm(force, &format!("Remove every entry below {path} that is not inherited"))?;
            }
            change(path, AclChange::Reset, options, server)
        }
    }
}

fn change(path: String, change: AclChange, options: Options, server: &ServerOptions) -> anyhow::Result<()> {
    let path = full_path(&path)?;
    let mut target = target::Target::open(server)?;
    let request = AclRequest::Change {
        path: path.clone(),
        as_user: options.whose.as_user,
        change,
        recurse: options.recurse,
        continue_on_error: options.continue_on_error,
        what_if: options.change.what_if,
    };
    let changed = match target.call(Request::Acl { request })? {
        Reply::Acl(AclReply::Changed(changed)) => changed,
        other => return Err(target::unexpected(&other)),
    };
    if options.change.what_if {
        super::say(&format!("What if: {path} would have"));
        acl_show::print_row(&path, &changed.row, false);
        if options.recurse {
            super::say("What if: the same change would be made on everything below.");
        }
        return Ok(());
    }
    let mut processed = 1;
    let mut failed = 0;
    if let Some(job) = changed.job {
        if options.no_wait {
            if !options.quiet {
                super::say(&format!("{path} is changed; job {job} hands it down: see `freehold acl jobs`."));
            }
            return Ok(());
        }
        let ended = acl_progress::wait(&mut target, job, options.quiet)?;
        processed += ended.visited - ended.failed.min(ended.visited);
        failed = ended.failed;
        for error in &ended.errors {
            eprintln!("{error}");
        }
        anyhow::ensure!(
            ended.status == "done",
            "the change is not on everything below {path}: it ended at the first file that cannot be changed (--continue goes on)"
        );
    }
    if !options.quiet {
        super::say(&format!("Successfully processed {processed} files; Failed processing {failed} files"));
    }
    anyhow::ensure!(failed == 0, "{failed} files below {path} could not be changed");
    Ok(())
}

/// A path of this machine in its full form; others as they are.
pub(super) fn full_path(path: &str) -> anyhow::Result<String> {
    if path.starts_with("./") || path.starts_with("../") || path == "." {
        let full = target::absolute(std::path::Path::new(path))?;
        return full.to_str().map(str::to_owned).with_context(|| format!("{path} is not UTF-8"));
    }
    Ok(path.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_verb_has_examples_in_its_help() {
        let acl = AclCommand::augment_subcommands(clap::Command::new("acl"));
        let verbs: Vec<_> = acl.get_subcommands().collect();
        assert_eq!(verbs.len(), 10);
        for verb in verbs {
            let help = verb.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(help.contains("Examples:"), "{}", verb.get_name());
        }
    }

    #[test]
    fn switches_of_icacls_are_options() {
        let translate = |line: &str| {
            let words = line.split(' ').map(std::ffi::OsString::from);
            translate_switches(words)
                .into_iter()
                .map(|word| word.into_string().unwrap())
                .collect::<Vec<_>>()
                .join(" ")
        };
        assert_eq!(
            translate("freehold acl grant data:/x anna:F /T /c /L /Q"),
            "freehold acl grant data:/x anna:F --recurse --continue --quiet"
        );
        assert_eq!(translate("freehold share list /T"), "freehold share list /T");
    }
}
