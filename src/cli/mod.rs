//! The command line: noun, then verb, one file per noun.
//!
//! Owns arguments, prompts, listings and exit codes: 0 done, 1 refused (the reason is on standard error), 2 wrong usage.
//! Commands that change or list something send a request to the running server over its administration socket, or, when
//! it does not run, to its state. Knows nothing of SMB.

mod acl;
mod acl_files;
mod acl_progress;
mod acl_show;
mod alias;
mod api;
mod audit;
mod check;
mod completions;
mod declared;
mod demo;
mod dfs;
mod dfs_folder;
mod dfs_namespace;
mod dfs_site;
mod dfs_target;
mod domain;
mod domain_lookup;
mod domain_show;
mod explain;
mod group;
mod logging;
mod man;
mod openfile;
mod output;
mod password;
mod quota;
mod quota_folder;
mod quota_notify;
mod quota_report;
mod serve;
mod server;
mod session;
mod share;
mod status;
mod target;
mod token;
mod top;
mod user;

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

/// Configuration that is read when no other is named.
const DEFAULT_CONFIG: &str = "/etc/freehold/freehold.toml";

/// A Windows file server that you own.
#[derive(Debug, Parser)]
#[command(
    name = "freehold",
    version,
    about = "A Windows file server that you own",
    after_help = "Examples:\n  freehold demo\n  freehold serve --config /etc/freehold/freehold.toml\n  \
                  freehold user add anna --admin\n  freehold share add Projects --volume data --path projects\n\n\
                  Exit codes: 0 done, 1 refused (the reason is on standard error), 2 wrong usage."
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    server: ServerOptions,
}

/// Which server a command is about.
#[derive(Clone, Debug, Args)]
struct ServerOptions {
    /// Configuration file of the server [default: /etc/freehold/freehold.toml]
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Administration socket of a running server, in place of the one in its configuration
    #[arg(long, global = true, value_name = "PATH")]
    socket: Option<PathBuf>,
}

impl ServerOptions {
    fn config_path(&self) -> PathBuf {
        self.config.clone().unwrap_or_else(|| PathBuf::from(DEFAULT_CONFIG))
    }
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the server
    Serve(serve::ServeArgs),
    /// Check a configuration file and name every mistake in it
    #[command(after_help = "Examples:\n  freehold check\n  freehold check --config freehold.toml")]
    Check,
    /// Try it out: a server with an account and shares below the current folder
    Demo(demo::DemoArgs),
    /// Who the server is, and which volumes it has
    Status(status::StatusArgs),
    /// Local accounts
    #[command(subcommand)]
    User(user::UserCommand),
    /// Local groups
    #[command(subcommand)]
    Group(group::GroupCommand),
    /// Shares and who may connect to them
    #[command(subcommand)]
    Share(share::ShareCommand),
    /// Who is connected
    #[command(subcommand)]
    Session(session::SessionCommand),
    /// What is open
    #[command(name = "openfile", subcommand)]
    OpenFile(openfile::OpenFileCommand),
    /// What holds for the whole server
    #[command(subcommand)]
    Server(server::ServerCommand),
    /// Who may use how much of a volume
    #[command(subcommand)]
    Quota(quota::QuotaCommand),
    /// Namespaces whose folders lie on several shares and servers
    #[command(subcommand)]
    Dfs(dfs::DfsCommand),
    /// This server in an Active Directory domain
    #[command(subcommand)]
    Domain(domain::DomainCommand),
    /// Further names of this server in its domain
    #[command(subcommand)]
    Alias(alias::AliasCommand),
    /// Audit log: who did what to which file
    #[command(subcommand)]
    Audit(audit::AuditCommand),
    /// Say whether a user may do something with a file, and why
    Explain(explain::ExplainArgs),
    /// Access-control lists of files and folders
    #[command(subcommand)]
    Acl(acl::AclCommand),
    /// Make the state as a file declares it
    Apply(declared::ApplyArgs),
    /// Write the state as a file that `freehold apply` takes
    Export(declared::ExportArgs),
    /// What the server does now: clients, shares, latency, slow requests and what they wait for
    Top(top::TopArgs),
    /// Tokens for administration over HTTPS
    #[command(subcommand)]
    Token(token::TokenCommand),
    /// Administration over HTTPS
    #[command(subcommand)]
    Api(api::ApiCommand),
    /// Print a completion script for a shell
    Completions(completions::CompletionsArgs),
    /// Write manual pages
    Man(man::ManArgs),
}

/// Options of commands that change something.
#[derive(Clone, Copy, Debug, Args)]
struct ChangeOptions {
    /// Say what would be done, and do nothing
    #[arg(long)]
    what_if: bool,
}

impl ChangeOptions {
    /// True when the command is to end here.
    fn only_says(self, what: &str) -> bool {
        if self.what_if {
            say(&format!("What if: {what}."));
        }
        self.what_if
    }
}

/// Runs the program with the arguments of the process.
#[must_use]
pub fn run() -> ExitCode {
    let cli = Cli::parse_from(acl::translate_switches(std::env::args_os()));
    let server = cli.server;
    let outcome = match cli.command {
        Command::Serve(arguments) => serve::run(&arguments, &server),
        Command::Check => check::run(&server),
        Command::Demo(arguments) => demo::run(&arguments),
        Command::Status(arguments) => status::run(arguments, &server),
        Command::User(command) => user::run(command, &server),
        Command::Group(command) => group::run(command, &server),
        Command::Share(command) => share::run(command, &server),
        Command::Session(command) => session::run(command, &server),
        Command::OpenFile(command) => openfile::run(command, &server),
        Command::Server(command) => server::run(command, &server),
        Command::Quota(command) => quota::run(command, &server),
        Command::Dfs(command) => dfs::run(command, &server),
        Command::Domain(command) => domain::run(command, &server),
        Command::Alias(command) => alias::run(command, &server),
        Command::Audit(command) => audit::run(command, &server),
        // A denial is an answer, and has its own exit code.
        Command::Explain(arguments) => return exit_code(explain::run(&arguments, &server)),
        Command::Acl(command) => acl::run(command, &server),
        Command::Apply(arguments) => declared::apply(&arguments, &server),
        Command::Export(arguments) => declared::export(&arguments, &server),
        Command::Top(arguments) => top::run(&arguments, &server),
        Command::Token(command) => token::run(command, &server),
        Command::Api(command) => api::run(&command),
        Command::Completions(arguments) => completions::run(&arguments),
        Command::Man(arguments) => man::run(&arguments),
    };
    exit_code(outcome.map(|()| ExitCode::SUCCESS))
}

/// Tells an error on standard error.
fn exit_code(outcome: anyhow::Result<ExitCode>) -> ExitCode {
    match outcome {
        Ok(code) => code,
        Err(error) => {
            // Mistakes in a configuration bring their own form.
            match error.downcast_ref::<crate::config::ConfigError>() {
                Some(mistakes) => eprintln!("{}", mistakes.render(output::colour_on_stderr())),
                None => eprintln!("error: {error:#}"),
            }
            ExitCode::FAILURE
        }
    }
}

/// Writes a line to standard output, or to standard error where `file` is `-` and the output is the file.
fn say_beside(file: &std::path::Path, text: &str) {
    if file == std::path::Path::new("-") {
        eprintln!("{text}");
    } else {
        say(text);
    }
}

/// Writes a line to standard output. A reader that went away is no error.
fn say(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{text}").and_then(|()| out.flush());
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_arguments_are_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_has_examples_in_its_help() {
        fn without(command: &clap::Command, name: &str, found: &mut Vec<String>) {
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            // An example is of the very command.
            if !help.contains("Examples:") || !help.contains(name) {
                found.push(name.to_owned());
            }
            for below in command.get_subcommands() {
                without(below, &format!("{name} {}", below.get_name()), found);
            }
        }
        let mut found = Vec::new();
        without(&Cli::command(), "freehold", &mut found);
        assert!(found.is_empty(), "without examples of their own: {found:#?}");
    }

    #[test]
    fn a_value_out_of_range_is_named_with_its_argument() {
        for (words, argument) in [
            ("share add a --volume data --max-users=-1", "--max-users"),
            ("share add a --volume data --max-users 4294967296", "--max-users"),
            ("share add a --volume data --ca-timeout long", "--ca-timeout"),
            ("share add a --volume data --caching sometimes", "--caching"),
            ("share set a --audit everything", "--audit"),
            ("share set a --encrypt perhaps", "--encrypt"),
            ("share grant a anna owner", "owner"),
            ("session close 18446744073709551616", "18446744073709551616"),
            ("session close -- -1", "-1"),
            ("openfile list --session x", "--session"),
            ("quota set anna --limit 10XB", "--limit"),
            ("quota set anna --limit=-2", "--limit"),
            ("quota set anna --limit 99999999999999999999GB", "--limit"),
            ("quota folder add a --size 1GB --threshold 70000", "--threshold"),
            ("quota folder add a --size 1GB --soft-limit maybe", "--soft-limit"),
            ("quota report --by colour", "--by"),
            ("quota report --top=-5", "--top"),
            ("audit search --since yesterday", "--since"),
            ("audit search --event 65536", "--event"),
            ("audit search --outcome perhaps", "--outcome"),
            ("audit search --limit=-1", "--limit"),
            ("token add a --scope everything", "--scope"),
            ("token add a --scope status:read --expires 0d", "--expires"),
            ("token add a --scope status:read --expires 3651d", "--expires"),
            ("top --interval 0", "--interval"),
            ("demo --listen nowhere", "--listen"),
            ("user list -o xml", "--output"),
            ("user lits", "lits"),
        ] {
            let arguments = ["freehold"].into_iter().chain(words.split(' '));
            let error = match Cli::try_parse_from(arguments) {
                Ok(_) => panic!("{words}: taken"),
                Err(error) => error,
            };
            // Exit code 2 is for usage.
            assert_eq!(error.exit_code(), 2, "{words}");
            let text = error.to_string();
            assert!(text.contains(argument), "{words}: {text}");
        }
    }

    #[test]
    fn no_password_can_be_given_as_an_argument() {
        fn check(command: &clap::Command) {
            for argument in command.get_arguments() {
                let long = argument.get_long().unwrap_or_default();
                assert!(long != "password" && long != "pass", "{}", command.get_name());
            }
            command.get_subcommands().for_each(check);
        }
        check(&Cli::command());
    }
}
