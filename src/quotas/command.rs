//! Runs the administrator's command: no shell, an environment of its own, a time limit.

use std::collections::BTreeMap;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// How long the command may run; then it and what it started are killed.
pub(super) const COMMAND_LIMIT: Duration = Duration::from_secs(30);
/// How often it is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// Where programs are found that the command calls.
const SEARCH_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Why the command did not do its work.
#[derive(Debug, thiserror::Error)]
pub(super) enum CommandError {
    /// It cannot be started.
    #[error("{program} cannot be started: {error}")]
    Start {
        /// The program.
        program: String,
        /// Why.
        error: std::io::Error,
    },
    /// It ended with a failure.
    #[error("{program} ended with {status}")]
    Failed {
        /// The program.
        program: String,
        /// How.
        status: ExitStatus,
    },
    /// It took too long and was killed.
    #[error("{program} was killed after {} s", COMMAND_LIMIT.as_secs())]
    TimedOut {
        /// The program.
        program: String,
    },
    /// It is not set.
    #[error("no command is set")]
    None,
}

/// Runs `command` (program and arguments) with `environment` and nothing of the server's, and waits for its end.
///
/// # Errors
/// [`CommandError`].
pub(super) fn run(
    command: &[String],
    environment: &BTreeMap<&'static str, String>,
    limit: Duration,
) -> Result<(), CommandError> {
    let (program, arguments) = command.split_first().ok_or(CommandError::None)?;
    let start = |error| CommandError::Start { program: program.clone(), error };
    let mut child = Command::new(program)
        .args(arguments)
        .env_clear()
        .env("PATH", SEARCH_PATH)
        .envs(environment.iter().map(|(name, value)| (name, value.replace('\0', ""))))
        .current_dir(Path::new("/"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
        .map_err(start)?;
    let until = Instant::now() + limit;
    loop {
        if let Some(status) = child.try_wait().map_err(start)? {
            let program = program.clone();
            return if status.success() { Ok(()) } else { Err(CommandError::Failed { program, status }) };
        }
        if Instant::now() >= until {
            // What it started is in its process group.
            let group = i32::try_from(child.id()).ok().and_then(rustix::process::Pid::from_raw);
            if let Some(group) = group {
                let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
            }
            let _ = child.wait();
            return Err(CommandError::TimedOut { program: program.clone() });
        }
        std::thread::sleep(LOOK_EVERY);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Vec<String> {
        ["/bin/sh", "-c", script].map(str::to_owned).to_vec()
    }

    #[test]
    fn it_sees_its_own_environment_only() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("out");
        let environment = BTreeMap::from([("FREEHOLD_USER", "CORP\\a b; rm".to_owned())]);
        let command = shell(&format!("env > {}", out.display()));
        run(&command, &environment, COMMAND_LIMIT).unwrap();
        let seen = std::fs::read_to_string(out).unwrap();
        assert!(seen.contains("FREEHOLD_USER=CORP\\a b; rm\n"), "{seen}");
        assert!(!seen.contains("CARGO"), "{seen}");
    }

    #[test]
    fn failures_are_told() {
        let environment = BTreeMap::new();
        let failed = run(&shell("exit 3"), &environment, COMMAND_LIMIT).unwrap_err();
        assert!(failed.to_string().contains("exit status: 3"), "{failed}");
        let missing = run(&["/no/such/program".to_owned()], &environment, COMMAND_LIMIT).unwrap_err();
        assert!(matches!(missing, CommandError::Start { .. }), "{missing}");
        assert!(matches!(run(&[], &environment, COMMAND_LIMIT), Err(CommandError::None)));
    }

    #[test]
    fn what_takes_too_long_is_killed_with_what_it_started() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("out");
        let script = format!("(sleep 4; echo late > {}) & wait", out.display());
        let before = Instant::now();
        let error = run(&shell(&script), &BTreeMap::new(), Duration::from_millis(200)).unwrap_err();
        assert!(matches!(error, CommandError::TimedOut { .. }));
        assert!(before.elapsed() < Duration::from_secs(4));
        std::thread::sleep(Duration::from_millis(4_300));
        assert!(!out.exists());
    }
}
