//! `cargo xtask tidy`: rules of this code base that neither the compiler nor clippy knows.
//!
//! Fails on imports against the direction of dependencies, wire structs that do not name their section, source files
//! that no module declares, and wildcard imports. Lists large files and functions without failing: a size is a
//! question, not a fault.

mod imports;
mod modules;
mod sizes;
mod source;
mod wire;

use std::path::Path;

use source::SourceFile;

/// A rule that was broken: where, and what about it.
struct Finding {
    /// Path from the workspace's root.
    path: String,
    /// Counted from 1.
    line: usize,
    message: String,
}

/// Checks every crate of the workspace in `root` and prints what it finds.
///
/// # Errors
/// How many rules were broken, after each was printed.
pub(crate) fn run(root: &Path) -> Result<(), String> {
    let mut files = Vec::new();
    let mut findings = Vec::new();
    for crate_folder in modules::crates(root)? {
        let reached = modules::reachable(root, &crate_folder)?;
        findings.extend(modules::dead_files(root, &crate_folder, &reached)?);
        files.extend(reached);
    }
    for file in &files {
        findings.extend(imports::check(file));
        findings.extend(wire::check(file));
    }
    for line in sizes::large(&files) {
        println!("large: {line}");
    }
    for finding in &findings {
        println!("{}:{}: {}", finding.path, finding.line, finding.message);
    }
    println!("tidy: {} files, {} findings", files.len(), findings.len());
    if findings.is_empty() { Ok(()) } else { Err(format!("tidy: {} findings", findings.len())) }
}

/// A finding at byte `at` of the file.
fn finding(file: &SourceFile, at: usize, message: String) -> Finding {
    Finding { path: file.path.clone(), line: file.line_of(at), message }
}
