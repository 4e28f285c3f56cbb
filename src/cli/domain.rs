//! `freehold domain`: this server as a member of an Active Directory domain.

use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::{Args, Subcommand};

use super::output::{self, Format, OutputOptions};
use super::password::LogonPasswordOptions;
use super::{ServerOptions, domain_lookup, domain_show, target};
use crate::admin::domain_protocol::{DomainLogon, DomainReply, DomainRequest};
use crate::admin::protocol::{Reply, Request};

/// Columns of the table and of CSV.
const CHECK_COLUMNS: [&str; 4] = ["Check", "Result", "Detail", "Advice"];

/// Arguments of `freehold domain`.
#[derive(Debug, Subcommand)]
#[command(after_help = "Examples:\n  freehold domain join corp.example --user joiner\n  \
                        freehold domain join corp.example --user joiner@corp.example --ou OU=Servers --password-file -\n  \
                        freehold domain status -o json\n  \
                        freehold domain test\n  \
                        freehold domain rotate\n  \
                        freehold domain lookup alice\n  \
                        freehold domain groups 'CORP\\alice'\n  \
                        freehold domain keytab export /etc/krb5.keytab\n  \
                        freehold domain leave --user joiner --yes\n\n\
                        The server does the work: it must run. How it finds domain controllers is in [domain] of its configuration.")]
pub(super) enum DomainCommand {
    /// Make this server a member of a domain
    #[command(after_help = "Examples:\n  freehold domain join corp.example --user joiner\n  \
                            freehold domain join corp.example --user 'CORP\\joiner' --ou OU=Servers,OU=Berlin\n  \
                            freehold domain join corp.example --user joiner --computer-name FILES1 --password-file - < secret\n  \
                            freehold domain join corp.example --user joiner --what-if\n\n\
                            The joiner needs the right to create computer accounts in the container, or to reset the password of one that \
                            is there; being an administrator is not needed.\n\
                            Domain Admins become administrators of this server, Domain Users its users, as on Windows.")]
    Join(JoinArgs),
    /// End the membership: disable the computer account, forget the keys, end the sessions of domain users
    #[command(
        after_help = "Examples:\n  freehold domain leave --user joiner\n  freehold domain leave --keep-account\n  \
                            freehold domain leave --force\n\n\
                            Without --user the computer account disables itself, which many domains do not let it do.\n\
                            --force leaves also when no domain controller answers; the account then stays as it is."
    )]
    Leave(LeaveArgs),
    /// Show the membership and how it is going
    #[command(after_help = "Examples:\n  freehold domain status\n  freehold domain status -o json")]
    Status(OutputOptions),
    /// Check DNS, ports, clocks, names, rights and keys, and say what to do about each failure
    #[command(
        after_help = "Examples:\n  freehold domain test\n  freehold domain test -o json | jq '.[] | select(.Result == \"failed\")'\n\n\
                            Exit codes: 0 all is well, 1 something failed."
    )]
    Test(OutputOptions),
    /// Change the password of the computer account now; the keys before go on opening tickets as long as these live
    #[command(after_help = "Examples:\n  freehold domain rotate")]
    Rotate,
    /// Say who has a name or a SID: of the domain, of this server, or well-known
    #[command(
        after_help = "Examples:\n  freehold domain lookup 'CORP\\alice'\n  freehold domain lookup alice@corp.example -o json\n  \
                            freehold domain lookup S-1-5-21-1004336348-1177238915-682003330-512"
    )]
    Lookup(domain_lookup::LookupArgs),
    /// List the groups that an account is in, as a logon finds them: of the domain and of this server
    #[command(
        after_help = "Examples:\n  freehold domain groups alice\n  freehold domain groups 'CORP\\alice' -o csv"
    )]
    Groups(domain_lookup::LookupArgs),
    /// The keys for programs beside this server
    #[command(subcommand)]
    Keytab(KeytabCommand),
}

/// Arguments of `freehold domain keytab`.
#[derive(Debug, Subcommand)]
#[command(after_help = "Examples:\n  freehold domain keytab export /etc/krb5.keytab\n  \
                        freehold domain keytab export files.keytab --force\n  kinit -k -t files.keytab 'FILES$'")]
pub(super) enum KeytabCommand {
    /// Write an MIT keytab (mode 0600) with every kept key of every name
    #[command(
        after_help = "Examples:\n  freehold domain keytab export /etc/krb5.keytab\n  freehold domain keytab export files.keytab --force"
    )]
    Export(ExportArgs),
}

#[derive(Debug, Args)]
pub(super) struct JoinArgs {
    /// DNS name of the domain, such as corp.example
    domain: String,
    /// Who joins: name, name@domain or DOMAIN\name
    #[arg(long, value_name = "USER")]
    user: String,
    #[command(flatten)]
    password: LogonPasswordOptions,
    /// Container for a new computer account; the domain's part (DC=...) may be left out [default: the domain's for computers]
    #[arg(long, value_name = "DN")]
    ou: Option<String>,
    /// Name of the computer account: 1 to 15 characters [default: the server's NetBIOS name]
    #[arg(long, value_name = "NAME")]
    computer_name: Option<String>,
    /// Domain controller to use [default: the one found through DNS]
    #[arg(long, value_name = "HOST")]
    server: Option<String>,
    /// Log on, look at everything, say what would be done, and do nothing
    #[arg(long)]
    what_if: bool,
    #[command(flatten)]
    form: OutputOptions,
}

#[derive(Debug, Args)]
pub(super) struct LeaveArgs {
    /// Who disables the computer account: name, name@domain or DOMAIN\name [default: the account itself]
    #[arg(long, value_name = "USER")]
    user: Option<String>,
    #[command(flatten)]
    password: LogonPasswordOptions,
    /// Leave the computer account as it is
    #[arg(long, conflicts_with = "user")]
    keep_account: bool,
    /// Remove the computer account in place of disabling it
    #[arg(long, conflicts_with = "keep_account")]
    delete_account: bool,
    /// Do not ask
    #[arg(long)]
    yes: bool,
    /// Leave also when the directory cannot be reached or refuses, and do not ask
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    change: super::ChangeOptions,
}

#[derive(Debug, Args)]
pub(super) struct ExportArgs {
    /// File to write
    file: PathBuf,
    /// Replace a file that is there
    #[arg(long)]
    force: bool,
}

pub(super) fn run(command: DomainCommand, options: &ServerOptions) -> anyhow::Result<()> {
    match command {
        DomainCommand::Join(arguments) => join(arguments, options),
        DomainCommand::Leave(arguments) => leave(&arguments, options),
        DomainCommand::Status(form) => status(form, options),
        DomainCommand::Test(form) => test(form, options),
        DomainCommand::Lookup(arguments) => domain_lookup::lookup(arguments, options),
        DomainCommand::Groups(arguments) => domain_lookup::groups(arguments, options),
        DomainCommand::Rotate => match ask(options, DomainRequest::Rotate)? {
            DomainReply::Rotated { key_version } => {
                super::say(&format!(
                    "The password of the computer account is changed; key version {key_version}."
                ));
                Ok(())
            }
            other => Err(unexpected(other)),
        },
        DomainCommand::Keytab(KeytabCommand::Export(arguments)) => export(&arguments, options),
    }
}

/// Asks, shows the steps on standard error as they are done, and returns what came of it.
pub(super) fn ask(options: &ServerOptions, request: DomainRequest) -> anyhow::Result<DomainReply> {
    let mut target = target::Target::open(options)?;
    let mut reply = target.call(Request::Domain { request })?;
    loop {
        match reply {
            Reply::Domain(DomainReply::Progress { text }) => eprintln!("{text}"),
            Reply::Domain(reply) => return Ok(reply),
            other => return Err(target::unexpected(&other)),
        }
        reply = target.next_part()?;
    }
}

pub(super) fn unexpected(reply: DomainReply) -> anyhow::Error {
    target::unexpected(&Reply::Domain(reply))
}

/// The logon of somebody who was named.
pub(super) fn logon(
    user: Option<&String>,
    password: &LogonPasswordOptions,
) -> anyhow::Result<Option<DomainLogon>> {
    let Some(user) = user else {
        anyhow::ensure!(!password.is_given(), "a password was given, but nobody whose it is: add --user");
        return Ok(None);
    };
    Ok(Some(DomainLogon { user: user.clone(), password: password.obtain(user)? }))
}

fn join(arguments: JoinArgs, options: &ServerOptions) -> anyhow::Result<()> {
    let logon = DomainLogon { password: arguments.password.obtain(&arguments.user)?, user: arguments.user };
    let what_if = arguments.what_if;
    let request = DomainRequest::Join {
        domain: arguments.domain,
        logon,
        organizational_unit: arguments.ou,
        computer_name: arguments.computer_name,
        server: arguments.server,
        what_if,
    };
    let joined = match ask(options, request)? {
        DomainReply::Joined(joined) => joined,
        other => return Err(unexpected(other)),
    };
    if arguments.form.format != Format::Table {
        return output::print_one(&*joined, &domain_show::JOINED_COLUMNS, arguments.form.format);
    }
    let (start, made) = if what_if { ("What if: this", "would be") } else { ("This", "is") };
    let account = if joined.reused { "was there and is used again" } else { "is new" };
    let account = if what_if { account.replace("is ", "would be ") } else { account.to_owned() };
    super::say(&format!(
        "{start} server {made} a member of {} ({}) as {}.\nThe computer account {} {account}.",
        joined.domain, joined.netbios_domain, joined.computer_account, joined.computer_dn
    ));
    Ok(())
}

fn leave(arguments: &LeaveArgs, options: &ServerOptions) -> anyhow::Result<()> {
    if arguments.change.only_says(
        "this server would leave its domain: its computer account would be disabled, its keys forgotten, the sessions of domain users ended",
    ) {
        return Ok(());
    }
    let sure = arguments.yes || arguments.force;
    target::confirm_by(sure, "Leave the domain, whose users lose their access", "--yes")?;
    let request = DomainRequest::Leave {
        logon: logon(arguments.user.as_ref(), &arguments.password)?,
        keep_account: arguments.keep_account,
        delete_account: arguments.delete_account,
        force: arguments.force,
    };
    match ask(options, request)? {
        DomainReply::Left { domain } => {
            super::say(&format!("This server is no member of {domain} any more."));
            Ok(())
        }
        other => Err(unexpected(other)),
    }
}

fn status(form: OutputOptions, options: &ServerOptions) -> anyhow::Result<()> {
    let status = match ask(options, DomainRequest::Status)? {
        DomainReply::Status(status) => status,
        other => return Err(unexpected(other)),
    };
    if form.format != Format::Table {
        return output::print_one(&*status, &domain_show::STATUS_COLUMNS, form.format);
    }
    super::say(domain_show::status(&status).trim_end());
    Ok(())
}

fn test(form: OutputOptions, options: &ServerOptions) -> anyhow::Result<()> {
    let checks = match ask(options, DomainRequest::Test)? {
        DomainReply::Checks(checks) => checks,
        other => return Err(unexpected(other)),
    };
    if form.format == Format::Table {
        super::say(domain_show::checks(&checks).trim_end());
    } else {
        output::print(&checks, &CHECK_COLUMNS, form.format)?;
    }
    let failed = checks.iter().filter(|check| check.result == "failed").count();
    anyhow::ensure!(failed == 0, "{failed} of {} checks failed", checks.len());
    Ok(())
}

fn export(arguments: &ExportArgs, options: &ServerOptions) -> anyhow::Result<()> {
    let file = match ask(options, DomainRequest::Keytab)? {
        DomainReply::Keytab(file) => file,
        other => return Err(unexpected(other)),
    };
    let bytes = file.bytes().context("the server's keytab cannot be read")?;
    write_private(&arguments.file, &bytes, arguments.force)?;
    super::say(&format!("The keys are in {}.", arguments.file.display()));
    Ok(())
}

/// Writes a file that only its owner may read: beside first, then in its place, so that nobody sees a part of it.
fn write_private(file: &Path, bytes: &[u8], replace: bool) -> anyhow::Result<()> {
    let refused = || format!("cannot write {}", file.display());
    anyhow::ensure!(
        replace || std::fs::symlink_metadata(file).is_err(),
        "{} is there already: add --force to replace it",
        file.display()
    );
    let name = file.file_name().with_context(refused)?.to_string_lossy().into_owned();
    let beside = file.with_file_name(format!(".{name}.{}", std::process::id()));
    let written =
        std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&beside).and_then(
            |mut out| {
                out.write_all(bytes)?;
                out.sync_all()
            },
        );
    written
        .and_then(|()| std::fs::rename(&beside, file))
        .inspect_err(|_| {
            let _ = std::fs::remove_file(&beside);
        })
        .with_context(refused)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn keytabs_are_private_and_not_replaced_by_accident() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.keytab");
        write_private(&file, b"one", false).unwrap();
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(write_private(&file, b"two", false).unwrap_err().to_string().contains("--force"));
        write_private(&file, b"two", true).unwrap();
        assert_eq!(std::fs::read(&file).unwrap(), b"two");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
        assert!(write_private(Path::new("/nonexistent-folder-of-a-test/a"), b"", false).is_err());
    }
}
