//! Waits for a job of the server; on a terminal it shows how far that is.

use std::io::{IsTerminal as _, Write as _};
use std::time::Duration;

use super::target::{self, Target};
use crate::admin::acl_protocol::{AclJobRow, AclReply, AclRequest};
use crate::admin::protocol::{Reply, Request};

/// How often the server is asked.
const INTERVAL: Duration = Duration::from_millis(200);
/// The first time: most jobs are short.
const FIRST: Duration = Duration::from_millis(20);

/// All jobs of the server.
pub(super) fn jobs(target: &mut Target) -> anyhow::Result<Vec<AclJobRow>> {
    match target.call(Request::Acl { request: AclRequest::Jobs })? {
        Reply::Acl(AclReply::Jobs(jobs)) => Ok(jobs),
        other => Err(target::unexpected(&other)),
    }
}

/// Waits until job `id` has ended.
pub(super) fn wait(target: &mut Target, id: i64, quiet: bool) -> anyhow::Result<AclJobRow> {
    let shows = !quiet && std::io::stderr().is_terminal();
    let mut pause = FIRST;
    let ended = loop {
        let job = jobs(target)?.into_iter().find(|job| job.id == id);
        let job = job.ok_or_else(|| anyhow::anyhow!("the server knows nothing of job {id} any more"))?;
        if matches!(job.status.as_str(), "done" | "failed") {
            break job;
        }
        if shows {
            show(&line(&job));
        }
        std::thread::sleep(pause);
        pause = (pause * 2).min(INTERVAL);
    };
    if shows {
        show("");
    }
    Ok(ended)
}

fn line(job: &AclJobRow) -> String {
    let rate = if job.seconds > 0.0 { job.visited as f64 / job.seconds } else { 0.0 };
    let current: String = job.current.chars().take(60).collect();
    format!("{}: {} looked at, {} changed, {rate:.0}/s  {current}", job.status, job.visited, job.changed)
}

/// Replaces the line on standard error.
fn show(text: &str) {
    let mut out = std::io::stderr().lock();
    let _ = write!(out, "\r\x1b[K{text}").and_then(|()| out.flush());
}
