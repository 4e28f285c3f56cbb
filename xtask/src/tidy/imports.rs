//! The direction of dependencies between the modules of `src/`, and no wildcard imports.

use super::source::SourceFile;
use super::{Finding, finding};

/// What each module of `src/` may name of the others, tests aside. The picture with reasons is in ARCHITECTURE.md.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("fscc", &[]),
    // Paths of shares that hold variables.
    ("share_path", &["fscc"]),
    ("smb2", &["fscc"]),
    ("crypto", &[]),
    // The names of accounts are compared through the same upcase table as the names of files.
    ("auth", &["crypto", "fscc"]),
    // Of state the pure modules read snapshots: plain data.
    ("rpc", &["auth", "crypto", "names", "state"]),
    ("fsa", &["fscc"]),
    ("vfs", &["fscc"]),
    ("audit", &[]),
    ("metrics", &[]),
    // Of audit the core makes records: plain data.
    (
        "proto",
        &[
            "audit",
            "fsa",
            "smb2",
            "fscc",
            "crypto",
            "auth",
            "metrics",
            "names",
            "rpc",
            "share_path",
            "state",
            "vfs",
        ],
    ),
    ("client", &["smb2", "crypto", "auth"]),
    ("config", &["audit"]),
    ("state", &["auth", "config", "fscc", "share_path"]),
    ("acl_jobs", &["audit", "fscc", "proto", "state", "vfs"]),
    // Brings quotas from the state to the volumes and tells people: part of the shell. Of audit it makes records.
    ("quotas", &["audit", "domain", "names", "state", "vfs"]),
    // Of auth it makes what a domain controller would say of a user, for a what-if.
    (
        "admin",
        &[
            "acl_jobs",
            "audit",
            "auth",
            "config",
            "domain",
            "fsa",
            "fscc",
            "metrics",
            "names",
            "proto",
            "quotas",
            "rpc",
            "share_path",
            "state",
            "vfs",
        ],
    ),
    // Talks to domain controllers: part of the shell. Of rpc it uses NDR and PDUs.
    ("domain", &["auth", "config", "crypto", "names", "rpc", "state"]),
    // Who is called what, from snapshots: pure.
    ("names", &["state"]),
    (
        "server",
        &[
            "acl_jobs",
            "admin",
            "api",
            "audit",
            "auth",
            "client",
            "config",
            "crypto",
            "domain",
            "fsa",
            "fscc",
            "metrics",
            "names",
            "proto",
            "quotas",
            "rpc",
            "share_path",
            "smb2",
            "state",
            "vfs",
        ],
    ),
    // A door to admin: who asks is found out by auth.
    ("api", &["admin", "auth", "state"]),
    ("backup", &["proto", "vfs"]),
    ("cluster", &["proto", "vfs"]),
    (
        "cli",
        &["admin", "api", "audit", "auth", "config", "domain", "metrics", "proto", "server", "state", "vfs"],
    ),
];

/// Parts of a module that only some may name: (part, its users besides itself, why).
const NARROWER: &[(&str, &[&str], &str)] = &[
    ("vfs::posix", &["server", "cli"], "the core reads vfs for plain data only"),
    ("vfs::counted", &["server", "cli"], "the core reads vfs for plain data only"),
    ("vfs::memory", &["server", "cli"], "the core reads vfs for plain data only"),
    ("vfs::fault", &["server", "cli"], "the core reads vfs for plain data only"),
    ("audit::log", &["server", "cli"], "the core makes records and writes none"),
    ("audit::files", &["server", "cli"], "the core makes records and writes none"),
    (
        "state::State",
        &["acl_jobs", "admin", "api", "cli", "domain", "quotas", "server"],
        "the pure modules read snapshots of the state only",
    ),
];

/// Findings of one file.
pub(super) fn check(file: &SourceFile) -> Vec<Finding> {
    let code = file.shipped_code();
    let mut findings = wildcards(file, &code);
    let Some(module) = module_of(&file.path) else { return findings };
    for (at, path) in crate_paths(&code) {
        let target = path.split("::").next().unwrap_or(&path);
        if target == module || !MAY_IMPORT.iter().any(|(name, _)| *name == target) {
            continue;
        }
        match MAY_IMPORT.iter().find(|(name, _)| *name == module) {
            Some((_, allowed)) if allowed.contains(&target) => {}
            Some(_) => findings.push(finding(file, at, format!("`{module}` may not import `{target}`"))),
            None => {
                findings.push(finding(file, at, format!("`{module}` has no row in xtask's table of imports")))
            }
        }
        for (part, users, why) in NARROWER {
            let is_part = path == *part || path.strip_prefix(part).is_some_and(|rest| rest.starts_with("::"));
            if is_part && !users.contains(&module) {
                findings.push(finding(file, at, format!("`{module}` may not import `{part}`: {why}")));
            }
        }
    }
    findings
}

/// The top-level module of a path such as `src/proto/admit.rs`; `None` for other crates and for the crate's roots.
fn module_of(path: &str) -> Option<&str> {
    let rest = path.strip_prefix("src/")?;
    let first = rest.split('/').next()?;
    let name = first.strip_suffix(".rs").unwrap_or(first);
    (!matches!(name, "lib" | "main")).then_some(name)
}

/// Every path after `crate::`, braces expanded: byte and path.
fn crate_paths(code: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        let before = code[..at].chars().next_back();
        if before.is_some_and(|c| c.is_alphanumeric() || c == '_') {
            continue;
        }
        expand(&code[at + "crate::".len()..], "", at, &mut found);
    }
    found
}

/// Reads one path, descending into a group; returns what is left behind it.
fn expand<'a>(text: &'a str, prefix: &str, at: usize, found: &mut Vec<(usize, String)>) -> &'a str {
    let text = text.trim_start();
    if let Some(mut rest) = text.strip_prefix('{') {
        loop {
            let left = expand(rest, prefix, at, found).trim_start();
            match left.strip_prefix(',') {
                Some(next) => rest = next,
                None => return left.strip_prefix('}').unwrap_or(left),
            }
        }
    }
    let length = text.find(|c: char| !c.is_alphanumeric() && c != '_' && c != '*').unwrap_or(text.len());
    let (name, rest) = text.split_at(length);
    let path = if prefix.is_empty() { name.to_owned() } else { format!("{prefix}::{name}") };
    if let Some(deeper) = rest.strip_prefix("::") {
        return expand(deeper, &path, at, found);
    }
    if !name.is_empty() {
        found.push((at, path));
    }
    match rest.trim_start().strip_prefix("as ") {
        Some(renamed) => renamed.trim_start_matches(|c: char| c.is_alphanumeric() || c == '_'),
        None => rest,
    }
}

fn wildcards(file: &SourceFile, code: &str) -> Vec<Finding> {
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(start) = code[from..].find("use ").map(|at| at + from) {
        let end = code[start..].find(';').map_or(code.len(), |at| at + start);
        let starts_item =
            code[..start].trim_end_matches([' ', '\t']).chars().next_back().is_none_or(|c| c == '\n')
                || code[..start].trim_end().ends_with("pub")
                || code[..start].trim_end().ends_with(')');
        if starts_item && code[start..end].contains('*') {
            found.push(finding(file, start, "a wildcard import hides where names come from".to_owned()));
        }
        from = end.max(start + 4);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn messages(path: &str, text: &str) -> Vec<String> {
        let file = SourceFile {
            path: path.to_owned(),
            text: text.to_owned(),
            code: text.to_owned(),
            is_test: false,
        };
        check(&file).into_iter().map(|finding| finding.message).collect()
    }

    #[test]
    fn an_import_against_the_direction_is_found() {
        assert_eq!(
            messages("src/fscc/name.rs", "use crate::smb2::Header;\n"),
            ["`fscc` may not import `smb2`"]
        );
        assert_eq!(
            messages("src/auth/mod.rs", "fn f() -> crate::proto::Server {}\n"),
            ["`auth` may not import `proto`"]
        );
        assert!(messages("src/proto/admit.rs", "use crate::smb2::{Header, create::Create};\n").is_empty());
    }

    #[test]
    fn groups_are_expanded() {
        let found = crate_paths("use crate::{smb2::{a, b as c}, vfs::posix::Volume};");
        let paths: Vec<&str> = found.iter().map(|(_, path)| path.as_str()).collect();
        assert_eq!(paths, ["smb2::a", "smb2::b", "vfs::posix::Volume"]);
    }

    #[test]
    fn the_core_does_not_name_a_volume_implementation() {
        assert_eq!(messages("src/proto/op.rs", "use crate::vfs::{NodeId, posix::Volume};\n").len(), 1);
        assert!(messages("src/proto/op.rs", "use crate::vfs::NodeId;\n").is_empty());
    }

    #[test]
    fn wildcards_are_found_outside_of_tests() {
        assert_eq!(messages("src/proto/op.rs", "use super::*;\n").len(), 1);
        assert!(messages("src/proto/op.rs", "#[cfg(test)]\nmod tests {\n    use super::*;\n}\n").is_empty());
        assert!(messages("src/proto/op.rs", "fn f() { let x = 2 * 3; }\n").is_empty());
    }
}
