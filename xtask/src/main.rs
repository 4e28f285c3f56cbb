//! `cargo xtask`: the checks that make a change fit to be merged, and chores around the tests.
//!
//! Uses the standard library only, so that it builds in seconds.

mod ci;
mod tidy;
mod vectors;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

const USAGE: &str = "\
usage: cargo xtask COMMAND

  ci                       everything below, and fmt, clippy, tests, docs, deny: what a change must pass
  tidy                     imports, wire structs, dead files, wildcard imports; lists large files and functions
  vectors FILE ORIGIN      puts the messages of a packet capture into tests/vectors/; ORIGIN says whence they are
  vectors check            every file of tests/vectors/ says whence it is and holds whole messages
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let root = workspace_root();
    let done = match words.as_slice() {
        ["ci"] => ci::run(&root),
        ["tidy"] => tidy::run(&root),
        ["vectors", "check"] => vectors::check(&root),
        ["vectors", capture, origin] => vectors::split(&root, Path::new(capture), origin),
        _ => {
            eprint!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}

/// The folder that holds the workspace's `Cargo.toml`.
fn workspace_root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_owned()
}
