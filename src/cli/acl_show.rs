//! `freehold acl show` and `jobs`.

use super::acl::{ShowArgs, Whose, full_path};
use super::output::{Format, OutputOptions};
use super::target::Target;
use super::{ServerOptions, acl_progress, output, target};
use crate::admin::acl_protocol::{AclReply, AclRequest, AclRow};
use crate::admin::protocol::{Reply, Request};

/// Columns of CSV.
const COLUMNS: [&str; 6] = ["Path", "Type", "Owner", "Protected", "Access", "Sddl"];
const JOB_COLUMNS: [&str; 7] = ["Id", "Status", "Volume", "Path", "Visited", "Changed", "Failed"];

/// Reads lists; `each` gets every object with its full path.
pub(super) fn read(
    server: &ServerOptions,
    path: &str,
    whose: &Whose,
    recurse: bool,
    each: &mut dyn FnMut(AclRow) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let as_user = whose.as_user.clone();
    let request = AclRequest::Read { path: full_path(path)?, as_user, recurse };
    let mut target = Target::open(server)?;
    let mut reply = target.call(Request::Acl { request })?;
    loop {
        match reply {
            Reply::Acl(AclReply::Rows { rows, more }) => {
                rows.into_iter().try_for_each(&mut *each)?;
                if !more {
                    return Ok(());
                }
            }
            other => return Err(target::unexpected(&other)),
        }
        reply = target.next_part()?;
    }
}

/// The full path of something below `root`.
pub(super) fn below(root: &str, path: &str) -> String {
    if path.is_empty() {
        return root.to_owned();
    }
    let (separator, path) =
        if root.contains('\\') { ('\\', path.replace('/', "\\")) } else { ('/', path.to_owned()) };
    let root = root.trim_end_matches(separator);
    format!("{root}{separator}{path}")
}

pub(super) fn show(arguments: &ShowArgs, server: &ServerOptions) -> anyhow::Result<()> {
    let root = &arguments.path;
    let mut failed = 0u64;
    let mut rows = Vec::new();
    read(server, root, &arguments.whose, arguments.recurse, &mut |row| {
        failed += u64::from(!row.error.is_empty());
        match arguments.form.format {
            Format::Table => print_row(&below(root, &row.path), &row, arguments.sddl),
            // A line each: nothing needs to be kept.
            Format::Jsonl => {
                let row = AclRow { path: below(root, &row.path), ..row };
                output::print(&[row], &COLUMNS, Format::Jsonl)?;
            }
            Format::Json | Format::Csv => rows.push(AclRow { path: below(root, &row.path), ..row }),
        }
        Ok(())
    })?;
    if matches!(arguments.form.format, Format::Json | Format::Csv) {
        output::print(&rows, &COLUMNS, arguments.form.format)?;
    }
    anyhow::ensure!(failed == 0, "{failed} lists could not be read");
    Ok(())
}

/// As icacls prints it: the name, then the entries below each other.
pub(super) fn print_row(path: &str, row: &AclRow, sddl: bool) {
    if !row.error.is_empty() {
        super::say(&format!("{path}: {}", row.error));
    } else if sddl {
        super::say(&format!("{path} {}", row.sddl));
    } else {
        let indent = " ".repeat(path.chars().count() + 1);
        let separator = format!("\n{indent}");
        super::say(&format!("{path} {}\n", row.access.join(&separator)));
    }
}

pub(super) fn jobs(form: OutputOptions, server: &ServerOptions) -> anyhow::Result<()> {
    let jobs = acl_progress::jobs(&mut Target::open(server)?)?;
    output::print(&jobs, &JOB_COLUMNS, form.format)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_below_keep_the_form_of_the_root() {
        for (root, path, full) in [
            ("data:/x", "", "data:/x"),
            ("data:/x/", "a/b", "data:/x/a/b"),
            ("\\\\s\\data\\x", "a/b", "\\\\s\\data\\x\\a\\b"),
            ("/srv/data", "a", "/srv/data/a"),
        ] {
            assert_eq!(below(root, path), full);
        }
    }
}
