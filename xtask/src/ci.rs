//! `cargo xtask ci`: every check in order, cheapest first, all of them even when one fails.

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use crate::{tidy, vectors};

/// A cargo command: its name in the report, its arguments, variables for it.
type Step = (&'static str, &'static [&'static str], &'static [(&'static str, &'static str)]);

const STEPS: &[Step] = &[
    ("fmt", &["fmt", "--all", "--check"], &[]),
    ("clippy", &["clippy", "--quiet", "--workspace", "--all-targets", "--", "-D", "warnings"], &[]),
    ("doc", &["doc", "--quiet", "--workspace", "--no-deps"], &[("RUSTDOCFLAGS", "-D warnings")]),
    ("test", &["test", "--quiet", "--workspace"], &[]),
];

/// Runs the checks in `root`.
///
/// # Errors
/// The names of those that failed.
pub(crate) fn run(root: &Path) -> Result<(), String> {
    let mut failed = Vec::new();
    let mut report = |name: &'static str, check: &mut dyn FnMut() -> Result<(), String>| {
        let begin = Instant::now();
        let done = check();
        let seconds = begin.elapsed().as_secs_f32();
        match done {
            Ok(()) => println!("ok   {name} ({seconds:.0} s)"),
            Err(why) => {
                println!("FAIL {name} ({seconds:.0} s)\n{why}");
                failed.push(name);
            }
        }
    };
    report("tidy", &mut || tidy::run(root));
    report("vectors", &mut || vectors::check(root));
    for (name, arguments, variables) in STEPS {
        report(name, &mut || cargo(root, arguments, variables));
    }
    if cargo_has(root, "deny") {
        report("deny", &mut || cargo(root, &["deny", "--log-level", "error", "check"], &[]));
    } else {
        println!("not run: deny (cargo-deny is not installed)");
    }
    if failed.is_empty() { Ok(()) } else { Err(format!("failed: {}", failed.join(", "))) }
}

fn cargo(root: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Result<(), String> {
    let status = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(arguments)
        .envs(variables.iter().copied())
        .current_dir(root)
        .status()
        .map_err(|error| format!("cargo {}: {error}", arguments.join(" ")))?;
    if status.success() { Ok(()) } else { Err(format!("cargo {}: {status}", arguments.join(" "))) }
}

fn cargo_has(root: &Path, subcommand: &str) -> bool {
    Command::new("cargo")
        .args([subcommand, "--version"])
        .current_dir(root)
        .output()
        .is_ok_and(|output| output.status.success())
}
