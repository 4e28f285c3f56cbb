//! Passwords: from a file, from standard input, from a prompt without echo, or made up. Never from an argument, which
//! every user of the machine could read.

use std::io::{BufRead as _, IsTerminal as _, Write as _};
use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;
use rustix::termios::{self, LocalModes, OptionalActions};
use zeroize::Zeroizing;

use crate::admin::protocol::Password;

/// Longest line that is read as a password, in bytes.
const MAX_PASSWORD_BYTES: u64 = 4_096;
/// Letters and digits that are not mistaken for each other.
const ALPHABET: &[u8] = b"abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789";
/// Characters of a password that is made up: more than 110 bits.
const GENERATED_LENGTH: usize = 20;

/// Where the password comes from. Without any of these it is asked for.
#[derive(Clone, Debug, Args)]
#[group(multiple = false)]
pub(super) struct PasswordOptions {
    /// Read the password from the first line of FILE; - is standard input
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// Read the password from the first line of standard input
    #[arg(long)]
    password_stdin: bool,
    /// Make up a password and print it once
    #[arg(long)]
    generate_password: bool,
}

/// A password, and whether the user has to be told it.
pub(super) struct Chosen {
    pub(super) password: Password,
    pub(super) generated: bool,
}

impl PasswordOptions {
    /// The password.
    ///
    /// # Errors
    /// When it cannot be read, is empty, or cannot be asked for.
    pub(super) fn obtain(&self, user: &str) -> anyhow::Result<Chosen> {
        if self.generate_password {
            return Ok(Chosen { password: generate()?, generated: true });
        }
        let standard_input =
            self.password_stdin || self.password_file.as_deref().is_some_and(|path| path.as_os_str() == "-");
        let password = if standard_input {
            first_line(std::io::stdin().lock())?
        } else if let Some(path) = &self.password_file {
            let file =
                std::fs::File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
            first_line(std::io::BufReader::new(file))?
        } else if std::io::stdin().is_terminal() {
            let first = prompt(&format!("New password for {user}: "))?;
            let second = prompt("The same again: ")?;
            if first.expose() != second.expose() {
                anyhow::bail!("the two passwords differ; nothing was done");
            }
            first
        } else {
            anyhow::bail!(
                "no password was given: use --password-file FILE, --password-stdin or --generate-password"
            );
        };
        if password.expose().is_empty() {
            anyhow::bail!("the password is empty; nothing was done");
        }
        Ok(Chosen { password, generated: false })
    }
}

/// Where the password of an account comes from that has one already. Without any of these it is asked for.
#[derive(Clone, Debug, Args)]
#[group(multiple = false)]
pub(super) struct LogonPasswordOptions {
    /// Read the password from the first line of FILE; - is standard input
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// Read the password from the first line of standard input
    #[arg(long)]
    password_stdin: bool,
}

impl LogonPasswordOptions {
    /// True when the command line says where it is.
    pub(super) const fn is_given(&self) -> bool {
        self.password_stdin || self.password_file.is_some()
    }

    /// The password.
    ///
    /// # Errors
    /// When it cannot be read, is empty, or cannot be asked for.
    pub(super) fn obtain(&self, user: &str) -> anyhow::Result<Password> {
        let password = if self.password_stdin
            || self.password_file.as_deref().is_some_and(|path| path.as_os_str() == "-")
        {
            first_line(std::io::stdin().lock())?
        } else if let Some(path) = &self.password_file {
            let file =
                std::fs::File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
            first_line(std::io::BufReader::new(file))?
        } else if std::io::stdin().is_terminal() {
            prompt(&format!("Password for {user}: "))?
        } else {
            anyhow::bail!("no password was given: use --password-file FILE or --password-stdin");
        };
        if password.expose().is_empty() {
            anyhow::bail!("the password is empty; nothing was done");
        }
        Ok(password)
    }
}

fn first_line(reader: impl std::io::BufRead) -> anyhow::Result<Password> {
    let mut line = Zeroizing::new(String::new());
    reader.take(MAX_PASSWORD_BYTES).read_line(&mut line).context("the password cannot be read")?;
    Ok(Password::new(line.trim_end_matches(['\r', '\n']).to_owned()))
}

/// Asks on the terminal without showing what is typed.
fn prompt(question: &str) -> anyhow::Result<Password> {
    let terminal = std::io::stdin();
    eprint!("{question}");
    std::io::stderr().flush()?;
    let before = termios::tcgetattr(&terminal)?;
    let mut silent = before.clone();
    silent.local_modes.remove(LocalModes::ECHO);
    silent.local_modes.insert(LocalModes::ECHONL);
    termios::tcsetattr(&terminal, OptionalActions::Flush, &silent)?;
    let line = first_line(terminal.lock());
    termios::tcsetattr(&terminal, OptionalActions::Flush, &before)?;
    line
}

/// A random password of letters and digits.
///
/// # Errors
/// When the system's random source fails.
pub(super) fn generate() -> anyhow::Result<Password> {
    let mut text = String::with_capacity(GENERATED_LENGTH);
    while text.len() < GENERATED_LENGTH {
        let mut bytes = Zeroizing::new([0u8; 64]);
        aws_lc_rs::rand::fill(&mut *bytes)
            .map_err(|_| anyhow::anyhow!("the system's random source failed"))?;
        // Bytes above the last whole multiple would make some characters likelier.
        let limit = 256 - 256 % ALPHABET.len();
        let characters = bytes.iter().map(|byte| usize::from(*byte)).filter(|byte| *byte < limit);
        let room = GENERATED_LENGTH - text.len();
        text.extend(characters.take(room).map(|byte| char::from(ALPHABET[byte % ALPHABET.len()])));
    }
    Ok(Password::new(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generated_passwords_are_long_and_differ() {
        let (first, second) = (generate().unwrap(), generate().unwrap());
        assert_eq!(first.expose().len(), GENERATED_LENGTH);
        assert_ne!(first.expose(), second.expose());
        assert!(first.expose().bytes().all(|byte| ALPHABET.contains(&byte)));
    }

    #[test]
    fn the_first_line_is_the_password() {
        let read = |text: &str| first_line(text.as_bytes()).unwrap().expose().to_owned();
        assert_eq!(read(" with spaces \r\nsecond"), " with spaces ");
        assert_eq!(read("no end"), "no end");
        assert_eq!(read(""), "");
    }
}
