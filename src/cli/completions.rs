//! `freehold completions`: a script that completes this program's arguments in a shell.

use clap::{Args, CommandFactory as _};
use clap_complete::Shell;

/// Arguments of `freehold completions`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  freehold completions bash > /etc/bash_completion.d/freehold\n  \
                        freehold completions powershell | Out-String | Invoke-Expression")]
pub(super) struct CompletionsArgs {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

pub(super) fn run(arguments: &CompletionsArgs) -> anyhow::Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut super::Cli::command(), "freehold", &mut script);
    super::say(&String::from_utf8_lossy(&script));
    Ok(())
}
