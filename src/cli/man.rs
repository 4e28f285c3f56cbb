//! `freehold man`: manual pages, made from the same definitions as `--help`.

use std::io::Write as _;
use std::path::PathBuf;

use anyhow::Context as _;
use clap::{Args, CommandFactory as _};
use clap_mangen::Man;

/// Arguments of `freehold man`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  freehold man | man -l -\n  freehold man /usr/local/share/man/man1\n\n\
                        With a folder there is a page for every verb: `man freehold-share-add`.")]
pub(super) struct ManArgs {
    /// Folder to write a page for every verb to; it is made when it is not there [default: the program's page alone, to
    /// standard output]
    dir: Option<PathBuf>,
}

pub(super) fn run(arguments: &ManArgs) -> anyhow::Result<()> {
    let command = super::Cli::command();
    let Some(dir) = &arguments.dir else {
        let mut page = Vec::new();
        Man::new(command).render(&mut page)?;
        return match std::io::stdout().lock().write_all(&page) {
            // `freehold man | head` is no error.
            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
            outcome => Ok(outcome?),
        };
    };
    std::fs::create_dir_all(dir).with_context(|| format!("cannot make {}", dir.display()))?;
    clap_mangen::generate_to(command, dir).with_context(|| format!("cannot write to {}", dir.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verbs(command: &clap::Command, name: &str, found: &mut Vec<String>) {
        found.push(name.to_owned());
        for below in command.get_subcommands().filter(|below| !below.is_hide_set()) {
            verbs(below, &format!("{name}-{}", below.get_name()), found);
        }
    }

    #[test]
    fn every_verb_has_a_page_with_its_examples() {
        let folder = tempfile::tempdir().unwrap();
        run(&ManArgs { dir: Some(folder.path().join("man1")) }).unwrap();
        let mut wanted = Vec::new();
        verbs(&super::super::Cli::command(), "freehold", &mut wanted);
        assert!(wanted.contains(&"freehold-share-add".to_owned()));
        for name in wanted {
            let path = folder.path().join(format!("man1/{name}.1"));
            let page = std::fs::read_to_string(&path).unwrap_or_else(|_| panic!("{name} has no page"));
            assert!(page.contains("Examples:"), "{name}");
        }
    }
}
