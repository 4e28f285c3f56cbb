//! `freehold apply` and `freehold export`: the state as a file declares it.

mod ordered;
mod place;

use std::io::Read as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::{Args, ValueEnum};

use super::output::OutputOptions;
use super::{ChangeOptions, ServerOptions, output, target};
use crate::admin::declared_protocol::{ChangeAction, ChangeRow, Declaration, DeclaredReply, DeclaredRequest};
use crate::admin::dfs_protocol::{DfsNamespaceRow, DfsReply, DfsRequest};
use crate::admin::protocol::{Reply, Request};

/// Columns of the table and of CSV.
const COLUMNS: [&str; 5] = ["Action", "Kind", "Name", "Detail", "Done"];

/// Type of the namespaces that a file can declare.
const STANDALONE: &str = "Standalone";

/// Arguments of `freehold apply`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  freehold apply shares.toml --what-if\n  freehold apply shares.toml\n  \
                        freehold apply shares.toml --prune\n  \
                        freehold export -o json | freehold apply - --what-if\n\n\
                        A section that the file does not have is left alone. What is there and not declared is shown, and\n\
                        removed with --prune. Everything is checked before anything is changed; applying twice changes nothing.\n\
                        `freehold export` writes such a file.")]
pub(super) struct ApplyArgs {
    /// The file, TOML or JSON by its extension; - for standard input
    file: PathBuf,
    /// Remove what is there and not declared, in the sections that the file has
    #[arg(long)]
    prune: bool,
    #[command(flatten)]
    change: ChangeOptions,
    #[command(flatten)]
    form: OutputOptions,
}

/// Arguments of `freehold export`.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  freehold export > freehold-state.toml\n  freehold export -o json | jq .Shares\n\n\
                        Passwords of local accounts are not exported: make the accounts first when you apply it elsewhere."
)]
pub(super) struct ExportArgs {
    /// Form of the file
    #[arg(short = 'o', long = "output", value_enum, default_value_t, value_name = "FORM")]
    form: FileForm,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum FileForm {
    /// For people
    #[default]
    Toml,
    /// For programs
    Json,
}

pub(super) fn apply(arguments: &ApplyArgs, options: &ServerOptions) -> anyhow::Result<()> {
    let (text, form) = read(&arguments.file)?;
    let name = arguments.file.display().to_string();
    let declaration = parse(&text, form).with_context(|| name.clone())?;
    let request = DeclaredRequest::Apply {
        declaration: Box::new(declaration),
        what_if: arguments.change.what_if,
        prune: arguments.prune,
    };
    let rows = match target::call(options, Request::Declared { request }) {
        Ok(Reply::Declared(DeclaredReply::Changes(rows))) => rows,
        Ok(other) => return Err(target::unexpected(&other)),
        Err(error) if form == FileForm::Toml => {
            anyhow::bail!("{}", place::with_lines(&name, &text, &format!("{error:#}")))
        }
        Err(error) => return Err(error),
    };
    if arguments.form.format != output::Format::Table || !rows.is_empty() {
        output::print(&rows, &COLUMNS, arguments.form.format)?;
    }
    eprintln!("{}", summary(&rows, arguments));
    Ok(())
}

fn summary(rows: &[ChangeRow], arguments: &ApplyArgs) -> String {
    let kept = rows.iter().filter(|row| row.action == ChangeAction::Remove && !arguments.prune).count();
    let changes = rows.len() - kept;
    let mut text = match changes {
        0 => "Nothing changes: the state is as declared".to_owned(),
        1 if arguments.change.what_if => "What if: 1 change would be made".to_owned(),
        1 => "1 change was made".to_owned(),
        _ if arguments.change.what_if => format!("What if: {changes} changes would be made"),
        _ => format!("{changes} changes were made"),
    };
    if kept != 0 {
        text += &format!("; {kept} not declared, which --prune removes");
    }
    text + "."
}

pub(super) fn export(arguments: &ExportArgs, options: &ServerOptions) -> anyhow::Result<()> {
    let request = DeclaredRequest::Export;
    let declaration = match target::call(options, Request::Declared { request })? {
        Reply::Declared(DeclaredReply::Exported(declaration)) => declaration,
        other => return Err(target::unexpected(&other)),
    };
    let left_out = namespaces_of_the_domain(options)?;
    match arguments.form {
        FileForm::Json => super::say(&serde_json::to_string_pretty(&declaration)?),
        FileForm::Toml if !left_out.is_empty() => {
            super::say(&left_out_note(&left_out));
            super::say(ordered::toml(&serde_json::to_string(&declaration)?)?.trim_end());
        }
        FileForm::Toml => super::say(ordered::toml(&serde_json::to_string(&declaration)?)?.trim_end()),
    }
    Ok(())
}

/// Namespaces that the directory keeps, and the file does not.
fn namespaces_of_the_domain(options: &ServerOptions) -> anyhow::Result<Vec<DfsNamespaceRow>> {
    match super::dfs::ask(options, DfsRequest::Namespaces { name: None })? {
        DfsReply::Namespaces(rows) => Ok(rows.into_iter().filter(|row| row.r#type != STANDALONE).collect()),
        other => Err(super::dfs::unexpected(other)),
    }
}

/// A line of the file that says what is not in it.
fn left_out_note(rows: &[DfsNamespaceRow]) -> String {
    let paths: Vec<&str> = rows.iter().map(|row| row.path.as_str()).collect();
    format!("# Kept in the directory of the domain, and not in this file: {}\n", paths.join(", "))
}

fn read(file: &Path) -> anyhow::Result<(String, FileForm)> {
    if file == Path::new("-") {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).context("standard input cannot be read")?;
        // TOML has no document that begins with a brace.
        let form = if text.trim_start().starts_with('{') { FileForm::Json } else { FileForm::Toml };
        return Ok((text, form));
    }
    let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    match file.extension().and_then(|extension| extension.to_str()) {
        Some("toml") => Ok((text, FileForm::Toml)),
        Some("json") => Ok((text, FileForm::Json)),
        _ => anyhow::bail!("{} is neither .toml nor .json: name it so", file.display()),
    }
}

fn parse(text: &str, form: FileForm) -> anyhow::Result<Declaration> {
    Ok(match form {
        FileForm::Toml => toml::from_str(text)?,
        FileForm::Json => serde_json::from_str(text)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::declared_protocol::{DeclaredAccount, NameAndSid};

    const FILE: &str = "[Server]\nEncryptData = true\n\n[[Groups]]\nName = \"staff\"\nMembers = [\"anna\", \
                        { Account = \"CORP\\\\alice\", Sid = \"S-1-5-21-1-2-3-1103\" }]\n\n[[Shares]]\nName = \"a\"\n\
                        Volume = \"data\"\nCATimeout = 60\nFullAccess = [\"Administrators\"]\n";

    #[test]
    fn both_forms_say_the_same() {
        let declaration = parse(FILE, FileForm::Toml).unwrap();
        let json = serde_json::to_string(&declaration).unwrap();
        assert_eq!(parse(&json, FileForm::Json).unwrap(), declaration);
        assert_eq!(parse(&ordered::toml(&json).unwrap(), FileForm::Toml).unwrap(), declaration);
        let both = NameAndSid { account: "CORP\\alice".to_owned(), sid: "S-1-5-21-1-2-3-1103".to_owned() };
        assert_eq!(declaration.groups.unwrap()[0].members[1], DeclaredAccount::Both(both));
    }

    #[test]
    fn what_is_left_out_is_a_remark_of_the_file() {
        let row = DfsNamespaceRow {
            path: "\\\\corp.example\\files".to_owned(),
            name: "files".to_owned(),
            r#type: "Domain V2".to_owned(),
            properties: Vec::new(),
            time_to_live_sec: 300,
            state: crate::admin::dfs_protocol::DfsState::Online,
            description: String::new(),
            folders: 0,
            target_paths: Vec::new(),
            guid: String::new(),
        };
        let note = left_out_note(&[row]);
        assert!(note.contains("\\\\corp.example\\files"), "{note}");
        assert_eq!(
            parse(&format!("{note}{FILE}"), FileForm::Toml).unwrap(),
            parse(FILE, FileForm::Toml).unwrap()
        );
    }

    #[test]
    fn what_is_not_known_is_refused_with_its_line() {
        for (text, wanted) in [
            ("[Server]\nEncrypt = true\n", "line 2"),
            ("[[Shares]]\nName = \"a\"\n", "Volume"),
            ("[[Shares]]\nName = \"a\"\nVolume = \"b\"\nCATimeout = -1\n", "line 4"),
            ("[[Shares]]\nName = \"a\"\nVolume = \"b\"\nFullAccess = [1]\n", "account"),
        ] {
            let error = format!("{:#}", parse(text, FileForm::Toml).unwrap_err());
            assert!(error.contains(wanted), "{text}: {error}");
        }
        let error = format!("{:#}", parse("{\n \"Shares\": 1}", FileForm::Json).unwrap_err());
        assert!(error.contains("line 2"), "{error}");
    }
}
