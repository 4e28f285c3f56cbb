//! `smbload`: drives any SMB server over TCP with pipelined requests, and prints for each kind of work how much of it the
//! server does in a second, how long one operation takes, and what it costs the server in CPU time.
//!
//! The server is a black box with an address and a process id; the data that a row needs is made through SMB itself, and
//! every row checks its results. Run it on another core than the server's.

mod engine;
mod link;
mod pattern;
mod report;
mod rows;
mod server_process;

use std::io::Read as _;
use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::{Context as _, bail, ensure};
use clap::Parser;
use freehold_dtyp::Sid;

use crate::link::Target;
use crate::rows::{ROWS, Row, Sizes};
use crate::server_process::ServerProcess;

/// Drives an SMB server with pipelined requests and measures what each kind of work costs it.
///
/// The password is read from the file of --password-file, or from the environment variable SMBLOAD_PASSWORD.
#[derive(Debug, Parser)]
#[command(name = "smbload")]
struct Arguments {
    /// Address and port of the server.
    #[arg(long, required_unless_present = "list")]
    server: Option<SocketAddr>,
    /// Process id of the server; its children and threads are counted in. Without it no CPU time is shown.
    #[arg(long)]
    pid: Option<u32>,
    /// The share to work on; its folder `smbload` is made and kept.
    #[arg(long, default_value = "bench")]
    share: String,
    /// A share with the same files through which the data is made, where that is quicker.
    #[arg(long)]
    prepare_share: Option<String>,
    /// User name.
    #[arg(long, default_value = "bench")]
    user: String,
    /// Domain of the user.
    #[arg(long, default_value = "")]
    domain: String,
    /// File whose first line is the password.
    #[arg(long)]
    password_file: Option<PathBuf>,
    /// Rows to run, by comma; all of them without it. `--list` names them.
    #[arg(long, value_delimiter = ',')]
    rows: Vec<String>,
    /// Prints the names of the rows.
    #[arg(long)]
    list: bool,
    /// Seconds that a row runs; longer, up to ten times, until the server has computed for half of them.
    #[arg(long, default_value_t = 3.0)]
    seconds: f64,
    /// Operations of a row, at most.
    #[arg(long)]
    operations: Option<u64>,
    /// Operations under way at a time; each row has a default.
    #[arg(long)]
    depth: Option<usize>,
    /// Size of the file that is read and written, in MiB.
    #[arg(long, default_value_t = 256)]
    file_mib: u64,
    /// Files of the rows with small files.
    #[arg(long, default_value_t = 20_000)]
    files: u32,
    /// Files of the large folder.
    #[arg(long, default_value_t = 100_000)]
    large_folder: u32,
    /// Sessions of the row that counts the memory of idle ones.
    #[arg(long, default_value_t = 1_000)]
    sessions: u32,
    /// SIDs whose names are asked for, by comma.
    #[arg(long, value_delimiter = ',', default_value = "S-1-5-32-544,S-1-5-32-545,S-1-5-11,S-1-5-18")]
    sids: Vec<Sid>,
    /// File of the paths whose DFS referrals are asked for, `\server\namespace[\folder]`, one a line.
    #[arg(long)]
    dfs_paths: Option<PathBuf>,
    /// Does not compute the signatures of replies, so that the client costs less.
    #[arg(long)]
    no_verify: bool,
    /// Makes the data that the rows need and runs none.
    #[arg(long)]
    prepare: bool,
    /// Prints one line of JSON per row instead of a table.
    #[arg(long)]
    json: bool,
}

fn password(file: Option<&PathBuf>) -> anyhow::Result<String> {
    let Some(path) = file else {
        return std::env::var("SMBLOAD_PASSWORD").context("no --password-file and no SMBLOAD_PASSWORD");
    };
    let mut text = String::new();
    std::fs::File::open(path)
        .and_then(|mut file| file.read_to_string(&mut text))
        .with_context(|| format!("cannot read {}", path.display()))?;
    Ok(text.lines().next().unwrap_or_default().to_owned())
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    if arguments.list {
        for row in ROWS {
            println!("{:<18} {}", row.name, row.title);
        }
        return Ok(());
    }
    let mut chosen: Vec<&Row> = Vec::new();
    for name in &arguments.rows {
        let Some(row) = ROWS.iter().find(|row| row.name == name) else { bail!("there is no row `{name}`") };
        chosen.push(row);
    }
    let dfs_paths = match &arguments.dfs_paths {
        Some(file) => {
            std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?
        }
        None => String::new(),
    };
    let dfs_paths: Vec<String> = dfs_paths.lines().map(str::to_owned).collect();
    if chosen.is_empty() {
        chosen.extend(ROWS.iter().filter(|row| row.name != "referral" || !dfs_paths.is_empty()));
    }
    ensure!(!arguments.sids.is_empty(), "--sids must name one at least");
    ensure!(arguments.seconds > 0.0, "--seconds must be more than zero");
    let target = Target {
        address: arguments.server.context("--server is missing")?,
        share: arguments.share,
        user: arguments.user,
        domain: arguments.domain,
        password: password(arguments.password_file.as_ref())?,
        verify: !arguments.no_verify,
    };
    let run = rows::Run {
        prepare_share: arguments.prepare_share.unwrap_or_else(|| target.share.clone()),
        target,
        server: arguments.pid.map(ServerProcess::new),
        seconds: arguments.seconds,
        operations: arguments.operations.unwrap_or(u64::MAX),
        depth: arguments.depth,
        sizes: Sizes {
            file_bytes: arguments.file_mib.max(1) << 20,
            files: arguments.files.max(1),
            large_folder: arguments.large_folder.max(1),
            sessions: arguments.sessions.max(1),
        },
        sids: arguments.sids,
        dfs_paths,
    };
    if !arguments.json && !arguments.prepare {
        report::print_heading();
    }
    for row in chosen {
        if arguments.prepare {
            (row.prepare)(&run).with_context(|| format!("making the data of row `{}`", row.name))?;
            continue;
        }
        let result = row.run(&run).with_context(|| format!("row `{}`", row.name))?;
        if arguments.json {
            println!("{}", serde_json::to_string(&result)?);
        } else {
            report::print(&result);
        }
    }
    Ok(())
}
