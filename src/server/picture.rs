//! Makes the picture of the running server that operators see. Blocks on locks and on the disk for a moment; nothing waits for it.

use std::collections::HashMap;
use std::path::PathBuf;
use std::time::Duration;

use freehold_dtyp::FileTime;
use freehold_quotas::Status;

use super::Shared;
use super::process;
use crate::fsa::NodeTally;
use crate::metrics::snapshot::{
    self, DomainRow, Latency, LeaseCounts, OperationRow, OplockCounts, Present, QuotaRow, ShareTraffic,
    SlowRow, Snapshot, VolumeRow,
};
use crate::metrics::{Lane, Requests};
use crate::proto::account::OpKind;
use crate::proto::tree_connect::Share;
use crate::vfs::quotas::Quotas;

/// Owners that are looked at in one step.
const OWNERS_AT_ONCE: usize = 10_000;
/// 100-nanosecond units in a second.
const TICKS_PER_SECOND: f64 = 1e7;

impl Shared {
    /// The picture as of now.
    pub(super) fn picture(&self) -> Snapshot {
        let (metrics, now) = (&self.core.metrics, self.clock.now());
        let shares = self.core.shares.load_full();
        let shares = shares.list();
        let all: Vec<&Requests> =
            shares.iter().map(|share| &*share.requests).chain([&metrics.no_share]).collect();
        let users = metrics.users.report();
        Snapshot {
            time: time_text(now.wall),
            uptime_seconds: now.monotonic.as_secs_f64(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            server: self.core.config.netbios_name.clone(),
            present: self.present(),
            commands: snapshot::commands(metrics, all.iter().copied()),
            shares: share_rows(&shares, &metrics.no_share),
            operations: self.operations(),
            queue: Latency::of(&metrics.queue_wait()),
            breaks: snapshot::breaks(metrics),
            logons: snapshot::logons(metrics),
            domain: self.domain_row(),
            audit_records: self.audit.written(),
            volumes: self.volume_rows(),
            users_by_operations: snapshot::users(users.by_operations),
            users_by_bytes: snapshot::users(users.by_bytes),
            clients: snapshot::clients(users.live.iter().map(|usage| &**usage)),
            slow: self.slow(now.monotonic),
            slow_times: Latency::of(&metrics.slow.times()),
            slow_threshold_ms: metrics.slow.threshold().as_secs_f64() * 1e3,
            process: process::row(&self.processors, unix_seconds(self.core.config.started)),
        }
    }

    fn present(&self) -> Present {
        let sessions = self.core.sessions.values();
        let mut tally = NodeTally::default();
        let cells = self.core.nodes.cells();
        for cell in &cells {
            tally.add(&cell.lock().tally());
        }
        Present {
            connections: self.core.connections() as u64,
            sessions: sessions.len() as u64,
            opens: sessions.iter().map(|session| session.open_count() as u64).sum(),
            files: tally.files,
            locks: tally.locks,
            oplocks: OplockCounts {
                level_ii: tally.oplocks[0],
                exclusive: tally.oplocks[1],
                batch: tally.oplocks[2],
            },
            leases: LeaseCounts {
                none: tally.leases[0],
                read: tally.leases[1],
                read_handle: tally.leases[2],
                read_write: tally.leases[3],
                read_write_handle: tally.leases[4],
            },
            waiting: self.core.waiting.len() as u64,
        }
    }

    fn operations(&self) -> Vec<OperationRow> {
        let row = |kind: &OpKind| {
            let times = self.core.metrics.operation(*kind as usize);
            let latency = Latency::of(&times);
            (latency.count > 0).then(|| OperationRow { operation: kind.name().to_owned(), latency })
        };
        OpKind::ALL.iter().filter_map(row).collect()
    }

    fn domain_row(&self) -> Option<DomainRow> {
        let member = self.domain.member()?;
        Some(DomainRow {
            domain: member.locator.dns_domain().to_owned(),
            controller: member.locator.current().map_or_else(String::new, |dc| dc.host.clone()),
            latency: Latency::of(&self.core.metrics.controllers.read()),
        })
    }

    fn volume_rows(&self) -> Vec<VolumeRow> {
        let folders: HashMap<String, PathBuf> =
            self.state.volumes().iter().map(|volume| (volume.name.clone(), volume.path.clone())).collect();
        let mut rows: Vec<VolumeRow> = self
            .volumes
            .iter()
            .map(|(name, volume)| {
                let space = volume.volume.space().ok();
                VolumeRow {
                    volume: name.clone(),
                    total_bytes: space.map_or(0, |space| space.total_bytes),
                    free_bytes: space.map_or(0, |space| space.available_bytes),
                    device: folders.get(name).and_then(|folder| process::device(folder)),
                    quotas: volume.volume.quotas().map(|quotas| quota_row(&*quotas)),
                }
            })
            .collect();
        rows.sort_by(|a, b| a.volume.cmp(&b.volume));
        rows
    }

    /// What waits for longer than usual, the longest first, then the last ones that took long.
    fn slow(&self, now: Duration) -> Vec<SlowRow> {
        let slow = &self.core.metrics.slow;
        let mut waiting = self.core.waiting.values();
        waiting.retain(|waiting| now.saturating_sub(waiting.began) >= slow.threshold());
        waiting.sort_by_key(|waiting| waiting.began);
        let waiting = waiting.into_iter().map(|waiting| {
            let mut request = waiting.request;
            request.took = now.saturating_sub(waiting.began);
            request.caused = request.took;
            request
        });
        waiting
            .chain(slow.last())
            .map(|slow| {
                let time = time_text(slow.began);
                snapshot::slow(slow, time)
            })
            .collect()
    }

    /// A domain controller was asked.
    pub(super) fn controller_answered(&self, took: Duration) {
        self.core.metrics.controllers.observe(Lane::SHARED, took);
    }
}

/// The shares by name, then what is asked outside of any.
fn share_rows(shares: &[&std::sync::Arc<Share>], no_share: &Requests) -> Vec<ShareTraffic> {
    let uses = |share: &Share| u64::from(share.uses.load(std::sync::atomic::Ordering::Relaxed));
    let row = |share: &&std::sync::Arc<Share>| snapshot::traffic(&share.name, uses(share), &share.requests);
    let mut rows: Vec<ShareTraffic> = shares.iter().map(row).collect();
    rows.push(snapshot::traffic("", 0, no_share));
    rows
}

fn quota_row(quotas: &dyn Quotas) -> QuotaRow {
    let mut row = QuotaRow { folders: quotas.folders().len() as u64, ..QuotaRow::default() };
    let mut after = None;
    loop {
        let owners = quotas.owners(after.as_ref(), OWNERS_AT_ONCE);
        for owner in &owners {
            row.owners += 1;
            row.used_bytes = row.used_bytes.saturating_add(owner.usage.logical_bytes);
            match owner.limits.status(owner.usage.logical_bytes) {
                Status::OverLimit => row.over_limit += 1,
                Status::OverWarning => row.warned += 1,
                Status::Ok => {}
            }
        }
        match owners.last() {
            Some(last) if owners.len() == OWNERS_AT_ONCE => after = Some(last.owner),
            _ => return row,
        }
    }
}

fn unix_seconds(time: FileTime) -> f64 {
    let (seconds, _) = time.to_unix();
    seconds as f64 + (time.0 as f64 / TICKS_PER_SECOND).fract()
}

/// ISO 8601 in UTC with milliseconds.
fn time_text(time: FileTime) -> String {
    let (seconds, nanos) = time.to_unix();
    let nanos = i32::try_from(nanos).unwrap_or(0) / 1_000_000 * 1_000_000;
    jiff::Timestamp::new(seconds, nanos).map_or_else(|_| String::new(), |time| format!("{time:.3}"))
}
