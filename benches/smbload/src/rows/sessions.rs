//! Rows of connections and logons.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, anyhow, ensure};
use freehold::client::Protection;

use super::{Meter, Run};
use crate::engine::{Done, Limit};
use crate::link::Link;
use crate::server_process::ServerProcess;

/// How long a server may take to put its connections away.
const SETTLE_LIMIT: Duration = Duration::from_secs(10);

/// Row: logons on connections of their own.
pub fn set_up(run: &Run, meter: &mut Meter<'_>) -> anyhow::Result<()> {
    let limit = meter.limit();
    let threads = meter.depth;
    meter.measure(|| {
        let processes = run.server.map(ServerProcess::processes).transpose()?;
        let begun = Instant::now();
        let parts: Vec<anyhow::Result<Vec<u64>>> = thread::scope(|scope| {
            let handles: Vec<_> =
                (0..threads).map(|_| scope.spawn(|| logons(run, limit, threads as u64))).collect();
            handles
                .into_iter()
                .map(|handle| handle.join().unwrap_or_else(|_| Err(anyhow!("a thread failed"))))
                .collect()
        });
        let mut done = Done { seconds: begun.elapsed().as_secs_f64(), ..Done::default() };
        for part in parts {
            done.latencies_ns.extend(part?);
        }
        done.operations = done.latencies_ns.len() as u64;
        ensure!(done.operations != 0, "nobody logged on");
        // What a server does to end a connection belongs to the bill.
        if let (Some(server), Some(before)) = (run.server, processes) {
            let end = Instant::now() + SETTLE_LIMIT;
            while server.processes()? > before && Instant::now() < end {
                thread::sleep(Duration::from_millis(20));
            }
        }
        Ok(done)
    })
}

/// Logs on one after the other; the nanoseconds of each logon.
fn logons(run: &Run, limit: Limit, threads: u64) -> anyhow::Result<Vec<u64>> {
    let start = Instant::now();
    let mut end = start + limit.duration;
    let computed_before = limit.computed_so_far()?;
    let mut latencies = Vec::new();
    while (latencies.len() as u64) < limit.operations.div_ceil(threads) {
        if Instant::now() >= end {
            end = limit.extended(start, end, computed_before)?;
            if Instant::now() >= end {
                break;
            }
        }
        let begun = Instant::now();
        Link::connect(&run.target, &run.target.share, Protection::Clear)?;
        latencies.push(u64::try_from(begun.elapsed().as_nanos())?);
    }
    Ok(latencies)
}

/// Row: memory of idle sessions.
pub fn idle(run: &Run, meter: &mut Meter<'_>) -> anyhow::Result<()> {
    let server = run.server.context("this row needs the server's process id")?;
    meter.measure(|| {
        let settle = || thread::sleep(Duration::from_millis(500));
        // One session first: what the server makes once is not of each session.
        let mut links = vec![Link::connect(&run.target, &run.target.share, Protection::Clear)?];
        settle();
        let before = server.resident_bytes()?;
        let mut done = Done::default();
        let begun = Instant::now();
        for _ in 0..run.sizes.sessions {
            let one = Instant::now();
            let mut link = Link::connect(&run.target, &run.target.share, Protection::Clear)?;
            link.shrink();
            links.push(link);
            done.latencies_ns.push(u64::try_from(one.elapsed().as_nanos())?);
        }
        done.seconds = begun.elapsed().as_secs_f64();
        settle();
        done.operations = links.len() as u64 - 1;
        done.units = server.resident_bytes()?.saturating_sub(before);
        Ok(done)
    })
}
